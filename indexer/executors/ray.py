"""Embeds on a Ray cluster: `--on ray`, or `--on ray://HOST:PORT` for one that is elsewhere.

`ray` alone means the cluster that this machine belongs to or RAY_ADDRESS names, else one that is
started here for the run. Parts are tasks of Ray's core: Ray places them, runs those of a lost
worker or node again, and uses nodes that join. Its data sets would add nothing, as parts come and
go as files, and they are planned in blocks and pools of actors: small inputs end in one block, and
a pool waits for ever where others hold all processors.
"""

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from indexer.ingest.embedding import Work
from indexer.ingest.engines import Watchdog, through_files
from indexer.ingest.jobs import Job, read_job
from indexer.ingest.prefetch import Opened
from indexer.ingest.worker import embed_parts, encoder_of
from indexer.inputs.records import Record
from model.encoder import Encoder
from model.errors import BadInput, CollectionError, Error

_STEP = 0.5  # seconds that finished tasks are waited for
_WINDOW = 1_000  # tasks that Ray knows of at once
_RETRIES = 5  # of a part whose worker or node dies
_LATE = 120.0  # seconds in which a file may become visible on another machine
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray would report to its makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as it will be by default; else it warns
}


def check(on: str) -> None:
    """Refuse an address that is none, and an installation without Ray."""
    if on != "ray" and not on.startswith("ray://"):
        raise BadInput(f"{on!r} is no address of Ray; write ray or ray://HOST:PORT.")
    _ray()


def batches(work: Work, records: Callable[[], Iterator[Record]]) -> Generator[list[Opened]]:
    """Yield the records in parts that tasks of Ray have embedded."""
    return through_files(work, records, partial(_run, address=work.how.on))


def _run(job: Job, address: str) -> Generator[None]:
    with _connected(address) as ray:
        embed = ray.remote(
            **_needs(ray, job),
            max_retries=_RETRIES,
            max_calls=0,  # a worker keeps its encoder, also on a GPU
            scheduling_strategy="SPREAD",
        )(_embed)
        left, watchdog = job.missing(), Watchdog(job)
        left.reverse()
        running: dict[Any, int] = {}
        unseen: dict[int, float] = {}
        try:
            while left or running or unseen:
                while left and len(running) < _WINDOW:
                    number = left.pop()
                    running[embed.remote(str(job.path), number)] = number
                done = {task: running.pop(task) for task in _finished(ray, [*running])}
                missing = set(job.missing())
                for task, number in done.items():
                    if number in missing:  # else nothing that the worker says is unpickled
                        _raise_failure(ray, task)
                        unseen[number] = time.monotonic()
                unseen = {number: since for number, since in unseen.items() if number in missing}
                _check_seen(job, unseen)
                watchdog.look()
                yield
        finally:
            for task in running:  # of a run that has stopped
                with suppress(ray.exceptions.RayError):
                    ray.cancel(task, force=True)


def _check_seen(job: Job, unseen: Mapping[int, float]) -> None:
    """Raise CollectionError for a part that is done and stays away; `unseen` has since when."""
    if unseen and time.monotonic() - min(unseen.values()) > _LATE:
        raise CollectionError(
            f"A Ray worker embedded a part that is not to be seen in {job.folder}: the collection "
            "must lie on a file system that all machines share."
        )


def _finished(ray: Any, tasks: Sequence[Any]) -> list[Any]:
    """Wait for a moment, and return the tasks that have ended by then."""
    if tasks:
        done: list[Any] = ray.wait(tasks, num_returns=len(tasks), timeout=_STEP)[0]
        return done
    time.sleep(_STEP)  # for files that are on their way
    return []


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Yield Ray, connected; a connection that was there before stays."""
    ray = _ray()
    if ray.is_initialized():
        yield ray
        return
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address == "ray":
        options["include_dashboard"] = False
    before = {name: os.environ.get(name) for name in _SETTINGS}
    os.environ.update(_SETTINGS)
    try:
        try:
            ray.init(address if address != "ray" else None, **options)
        except (ConnectionError, RuntimeError, ray.exceptions.RayError) as error:
            raise BadInput(
                f"The Ray cluster at {address} cannot be used ({_first_line(error)}); check the "
                "address, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH if it asks for a token."
            ) from error
        yield ray
    finally:
        ray.shutdown()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise BadInput("Ray is not installed; pip install taxalens[ray]") from error
    return ray


def _needs(ray: Any, job: Job) -> dict[str, float]:
    """Return what a task asks for; raises BadInput where it would wait in vain for that."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    free = ray.available_resources()
    needs = {"CPU": float(job.order.workers)}
    if any(node.get("GPU", 0) >= 1 for node in nodes):
        needs["GPU"] = 1.0
    if not any(all(node.get(kind, 0) >= many for kind, many in needs.items()) for node in nodes):
        raise BadInput(
            f"No node of the Ray cluster has {needs['CPU']:g} CPUs; ask for fewer --workers."
        )
    for kind, many in needs.items():
        if free.get(kind, 0) < many:
            total = sum(node.get(kind, 0) for node in nodes)
            raise BadInput(
                f"Of {total:g} {kind}s of the Ray cluster {free.get(kind, 0):g} are free, "
                f"and a part needs {many:g}: wait for other work to end, and run the same "
                "command again."
            )
    return {"num_cpus": needs["CPU"], "num_gpus": needs.get("GPU", 0.0)}


def _embed(path: str, number: int) -> None:
    """Embed a part, as a task of Ray; what it leaves is a file."""
    embed_parts(Path(path), [number], partial(_encoder, path))


@lru_cache(maxsize=1)  # a worker of Ray does part after part of one job
def _encoder(path: str) -> Encoder:
    return encoder_of(read_job(Path(path)))


def _raise_failure(ray: Any, task: Any) -> None:
    try:
        ray.get(task)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, Error):
            raise type(cause)(f"A Ray worker says: {cause}") from error
        raise CollectionError(f"A Ray worker failed: {_last_line(error)}.") from error
    except ray.exceptions.RayError as error:
        raise CollectionError(
            f"A part was lost {_RETRIES + 1} times on the Ray cluster ({_first_line(error)}); run "
            "the same command again: it goes on from here."
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")


def _last_line(error: Exception) -> str:
    return next(iter(reversed(str(error).strip().splitlines())), "").rstrip(".")
