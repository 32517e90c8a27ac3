"""Numbers of float16 become those of float32 exactly, in any shape."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import model.vectors
from model.vectors import to_float32

EVERY = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
FINITE = EVERY[np.isfinite(EVERY)]


def test_every_finite_number_is_converted_exactly() -> None:
    found = to_float32(FINITE.reshape(-1, 32))
    assert found.dtype == np.float32
    expected = FINITE.astype(np.float32)
    assert found.ravel().view(np.uint32).tolist() == expected.view(np.uint32).tolist()


@given(rows=st.integers(0, 40), dim=st.integers(1, 30), numbers=st.sampled_from([1, 64, 1 << 19]))
def test_rows_of_any_number_and_length_go_where_they_belong(
    rows: int, dim: int, numbers: int
) -> None:
    vectors = FINITE[: 2 * rows * dim].reshape(2 * rows, dim)[::2]
    before = np.full((rows + 2, dim), 7, np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model.vectors, "_TOGETHER", numbers)
        found = to_float32(vectors, before)
    assert np.array_equal(found, vectors.astype(np.float32))
    assert np.shares_memory(found, before) or not rows
    assert (before[rows:] == 7).all()
