"""Encoders kept on disk in a form that loads in a second: no torch, no network, no hub.

One folder per fingerprint in the user's cache, complete or absent; losing it costs a minute.
"""

import logging
import shutil
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from platformdirs import user_cache_path

from model.clip_encoder import ClipEncoder
from model.kept_files import digests, read_sealed, write_sealed
from model.preprocessing import Preprocessing
from model.quiet import quiet
from model.tokens import NAME, ClipTokenizer
from model.vectors import Identity

_ABOUT = "encoder.json"
_LAYOUT = "2"  # of what is kept; another one is made anew
_LOG = logging.getLogger("taxalens")


def open_compiled(spec: str, fingerprint: str) -> ClipEncoder | None:
    """Open the encoder of a fingerprint; None where it is not kept, or is damaged.

    Files are compared with their sha256, of large ones a sample (`model.encoder.checked`).
    """
    folder = _folder(fingerprint)
    if not folder.is_dir():
        return None
    about = read_sealed(folder / _ABOUT)
    if about is None:
        _LOG.warning("The compiled encoder in %s is damaged; it is compiled again.", folder)
        return None
    scale = about.get("logit_scale")  # of earlier ones it was not kept
    identity = Identity(**about["identity"])
    name, _, context_length = identity.tokenizer.partition("/")
    if identity.fingerprint != fingerprint or name != NAME or scale is None:
        return None
    from model.runtimes.openvino import OpenVinoRuntime, can_open

    if not can_open(folder, about["files"]):
        _LOG.warning("The compiled encoder in %s is damaged; it is compiled again.", folder)
        return None
    runtime = OpenVinoRuntime(folder, about["cuts_texts"], about["files"])
    preprocessing = Preprocessing.of(identity.preprocessing)
    tokenizer = ClipTokenizer(int(context_length))
    return ClipEncoder(spec, identity, about["dim"], preprocessing, tokenizer, runtime, scale)


def compile_encoder(
    spec: str, identity: Identity, dim: int, network: Any, logit_scale: float
) -> ClipEncoder | None:
    """Open the encoder of an open_clip network, kept from now on; None where that cannot be."""
    kept = open_compiled(spec, identity.fingerprint)
    if kept or not identity.tokenizer.startswith(f"{NAME}/"):
        return kept
    folder = _folder(identity.fingerprint)
    try:
        from model.runtimes.openvino import export

        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(mkdtemp(dir=folder.parent, prefix="making-"))
        try:
            with quiet():  # OpenVINO tells of decompositions that torch has not
                cuts = export(network, work)
            files = {path.name: digests(path) for path in work.iterdir()}
            about = {"identity": asdict(identity), "dim": dim, "cuts_texts": cuts, "files": files}
            about["logit_scale"] = logit_scale
            write_sealed(work / _ABOUT, about)
            for earlier in folder.parent.glob(f"{identity.fingerprint[:32]}-*"):
                shutil.rmtree(earlier, ignore_errors=True)
            work.rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except Exception as error:  # what torch.export and OpenVINO cannot take has many names
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        _LOG.warning("%s is computed by torch: %s", spec, reason[:200])
        return None
    return open_compiled(spec, identity.fingerprint)


def _folder(fingerprint: str) -> Path:
    return user_cache_path("taxalens") / "encoders" / f"{fingerprint[:32]}-{_LAYOUT}"
