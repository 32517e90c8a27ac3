"""Matrix products in FAISS, whose switch is one variable of the process: set while they run."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import faiss

BATCH = 16  # queries from which matrix products are quicker
_LEAST = BATCH * 512  # numbers; FAISS 1.15 by itself leaves BLAS out below 250 queries of 512
_SWITCH = Lock()
_running = 0
_before = 0


@contextmanager
def by_products() -> Iterator[None]:
    """Have FAISS compare a BATCH of queries by BLAS; the last thread to leave switches back."""
    global _running, _before
    with _SWITCH:
        if _running == 0:
            _before = faiss.cvar.distance_compute_blas_threshold
            faiss.cvar.distance_compute_blas_threshold = min(_LEAST, _before)
        _running += 1
    try:
        yield
    finally:
        with _SWITCH:
            _running -= 1
            if _running == 0:
                faiss.cvar.distance_compute_blas_threshold = _before
