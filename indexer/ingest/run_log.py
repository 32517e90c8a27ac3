"""The log of runs: for each that was not killed, what it read, with what, and how it ended."""

import json
import logging
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from indexer.store.durable import write_durably
from indexer.store.manifest import Manifest, commit
from model.encoder import Encoder

_LOG = logging.getLogger("taxalens")
FOLDER = "runs"
_PACKAGES = (
    *("taxalens", "numpy", "pillow", "pillow-heif", "rawpy"),
    *("open_clip_torch", "torch", "openvino"),
)


def log_run(
    collection: Path,
    manifest: Manifest,
    source: str,
    started: datetime,
    runtime: str,
    counts: Mapping[str, int],
) -> Manifest:
    """Commit one run's log; `runtime` is "" where nothing was embedded."""
    log = {
        "source": source,
        "started": started.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "encoder": manifest.encoder.spec,
        "fingerprint": manifest.encoder.fingerprint,
        "runtime": runtime,
        "counts": dict(counts),
        "versions": {"python": platform.python_version()} | versions(),
    }
    path = f"{FOLDER}/{manifest.next_name}.json"
    text = json.dumps(log, indent=1)
    write_durably(collection / path, lambda file: file.write_text(text, encoding="utf-8"))
    return commit(collection, manifest, [path])


def read_runs(collection: Path, manifest: Manifest) -> list[dict[str, Any]]:
    """Return the logs of a collection, the first run first, without damaged ones."""
    logs = []
    for path in manifest.paths(FOLDER):
        try:
            logs.append(json.loads((collection / path).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            _LOG.warning(
                "%s cannot be read (%s): taxalens repair takes it out.", collection / path, error
            )
    return logs


def runtime_name(encoder: Encoder | None) -> str:
    """Return what computes an encoder, "openvino f32"; "" for none, or one of the user's own."""
    return str(getattr(getattr(encoder, "runtime", None), "name", ""))


def versions() -> dict[str, str]:
    """Return the versions of the packages that vectors depend on, those that are installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
