"""The towers in OpenVINO: two to five times as fast as torch on a CPU, and without importing it."""

import hashlib
import logging
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from model.errors import EncoderUnavailable
from model.kept_files import ALL, SMALL, Digests, digests, is_intact, read_sealed, write_sealed
from model.preprocessing import Pixels
from model.runtimes import SHORTEST
from model.tokens import Tokens
from model.vectors import Features

# `import openvino` would contact an analytics host and write in the home folder; its converter of
# files takes half a second to import and is not needed.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
import openvino  # noqa: E402

if sys.modules["openvino.tools.ovc"] is None:
    del sys.modules["openvino.tools.ovc"]  # whoever wants it may have it

IMAGES, TEXTS = "images.xml", "texts.xml"
TOWERS = (IMAGES, TEXTS)
_DIGESTS = "digests.json"
_LOG = logging.getLogger("taxalens")


@dataclass(frozen=True, eq=False)
class OpenVinoRuntime:
    """Both towers, compiled for this CPU when each is first needed; threads may share them."""

    folder: Path
    cuts_texts: bool
    files: Mapping[str, Digests]
    """of the towers' files, by their names in the folder"""
    whole: bool = False
    """whether kept files are compared whole before a tower is used"""
    _networks: "dict[str, _Network]" = field(default_factory=dict, init=False, repr=False)

    @property
    def name(self) -> str:
        """Runtime and precision: bf16 where the CPU computes in it."""
        return f"openvino {_precision()}"

    def images(self, pixels: Pixels) -> Features:
        """Encode (n, 3, height, width) pixels."""
        return self._network(IMAGES).run(pixels)

    def texts(self, tokens: Tokens) -> Features:
        """Encode (n, length) tokens."""
        return self._network(TEXTS).run(tokens)

    def many_texts(self, tokens: Tokens) -> None:
        """Leave it to `texts`: here every text is computed whole."""

    def checked(self) -> "OpenVinoRuntime":
        """Return a runtime that compares every byte of its files before it computes with them."""
        return replace(self, whole=True)

    def _network(self, tower: str) -> "_Network":
        if network := self._networks.get(tower):
            return network
        path = str(self.folder / tower)
        with _OPENING:
            network = _OPEN.get(path)
            if network is None or (self.whole and not network.whole):
                network = _open(self.folder, tower, self.files, self.whole)
                _OPEN[path] = network
            self._networks[tower] = network
        return network


class _Network:
    """A compiled tower. One thread at a time computes with it, and with every core.

    On 2 cores 1, 2 and 8 threads encode 246, 228 and 233 texts a second with a ViT-B/16, and 23, 24
    and 23 images. A pool of requests: 262, 245, 255 and 23, 25, 23. A core for each of two
    requests: 112, 301, 307 and 11, 25, 25; but a query alone, and indexing, take twice as long.
    """

    def __init__(self, compiled: Any, whole: bool) -> None:
        self.whole = whole
        self._request = compiled.create_infer_request()
        self._computing = Lock()

    def run(self, given: Pixels | Tokens) -> Features:
        with self._computing:
            found = self._request.infer([given])[0]
            features: Features = np.array(found, np.float32)  # the request's memory is used again
        return features


_OPENING = Lock()
_OPEN: WeakValueDictionary[str, _Network] = WeakValueDictionary()  # shared by all their users


def can_open(folder: Path, files: Mapping[str, Digests]) -> bool:
    """Tell whether both towers can be computed from what is kept, be it compiled or not yet.

    A sample of each is compared; more when a tower is first used.
    """
    return all(
        _are_intact(folder, tower, files, _has_compiled(_compiled_in(folder, tower), up_to=0))
        for tower in TOWERS
    )


def _open(folder: Path, tower: str, files: Mapping[str, Digests], whole: bool) -> _Network:
    kept = _compiled_in(folder, tower)
    is_compiled = _has_compiled(kept, ALL if whole else SMALL)
    if not _are_intact(folder, tower, files, is_compiled):
        raise _damaged(kept)
    # A damaged file that cannot be removed is not used: OpenVINO would not ask.
    options = {"CACHE_DIR": str(kept)} if is_compiled or not any(kept.glob("*.blob")) else {}
    before = _times(kept)
    try:
        compiled = _CORE.compile_model(folder / tower, "CPU", options)
    except RuntimeError as error:
        if not _are_intact(folder, tower, files, is_compiled=False):
            raise _damaged(kept) from error
        reason = (str(error).splitlines() or [""])[0][:200]
        raise EncoderUnavailable(
            f"OpenVINO cannot open the encoder in {folder} ({reason}); use --runtime torch."
        ) from error
    if (after := _times(kept)) != before:  # it was compiled after all, from the weights
        if is_compiled and not _are_intact(folder, tower, files, is_compiled=False):
            raise _damaged(kept)
        _record(kept, [name for name in after if after[name] != before.get(name)])
    return _Network(compiled, whole)


def _damaged(kept: Path) -> EncoderUnavailable:
    shutil.rmtree(kept, ignore_errors=True)  # so that the next one who opens it sees the damage
    return EncoderUnavailable(
        f"The compiled encoder in {kept.parent.parent} is damaged; run this again, and it is "
        "compiled again."
    )


def _has_compiled(kept: Path, up_to: int) -> bool:
    """Tell whether a tower's compiled form is there and intact; a damaged one is removed."""
    expected = read_sealed(kept / _DIGESTS) or {}
    blobs = list(kept.glob("*.blob"))
    intact = [is_intact(blob, expected.get(blob.name, {}), up_to) for blob in blobs]
    if blobs and not all(intact):
        _LOG.warning("The compiled encoder in %s is damaged; it is compiled again.", kept)
        for blob in blobs:
            try:
                blob.unlink(missing_ok=True)
            except OSError:
                _LOG.warning("%s cannot be removed.", blob)
    return bool(blobs) and all(intact)


def _record(kept: Path, names: Sequence[str]) -> None:
    """Write the digests of what was just compiled, and remove what was before."""
    with suppress(OSError):  # it is compiled again the next time
        for blob in kept.glob("*.blob"):
            if blob.name not in names:
                blob.unlink(missing_ok=True)
        write_sealed(kept / _DIGESTS, {name: digests(kept / name) for name in names})


def _times(kept: Path) -> dict[str, tuple[int, int]]:
    with suppress(OSError):  # another process may remove one
        stats = {blob.name: blob.stat() for blob in kept.glob("*.blob")}
        return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}
    return {}


def _are_intact(folder: Path, tower: str, files: Mapping[str, Digests], is_compiled: bool) -> bool:
    """Compare a tower's program, and its weights where they are still to be compiled."""
    names = (tower,) if is_compiled else (tower, f"{Path(tower).stem}.bin")
    return all(is_intact(folder / name, files.get(name, {}), ALL) for name in names)


def _compiled_in(folder: Path, tower: str) -> Path:
    """Return where OpenVINO keeps a tower compiled by this version for this processor."""
    about = [openvino.get_version()]
    about += [str(_CORE.get_property("CPU", name)) for name in _OF_PROCESSOR]
    machine = hashlib.sha256("\n".join(about).encode()).hexdigest()[:8]
    return folder / "compiled" / f"{Path(tower).stem}-{machine}"


_OF_PROCESSOR = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")


def export(network: Any, folder: Path) -> bool:
    """Write both towers of an open_clip network into a folder; returns whether texts may be cut.

    Raises whatever torch.export or OpenVINO raise for a network that they cannot take.
    """
    import torch
    from torch.export import Dim

    from model.runtimes.torch import ImageTower, TextTower

    size = network.visual.image_size
    height, width = (size, size) if isinstance(size, int) else size
    most = network.context_length
    # At the full length the cut is none, which torch.export would take for another program.
    rows, length = Dim("rows", max=65536), Dim("length", min=SHORTEST, max=most - 1)
    text_tower = TextTower(network)
    pixels = torch.zeros(2, 3, height, width)
    tokens = torch.zeros(2, 7 if text_tower.cuts else most, dtype=torch.long)
    lengths = {0: rows, 1: length} if text_tower.cuts else {0: rows}
    _write(ImageTower(network), pixels, {0: rows}, folder / IMAGES)
    _write(text_tower, tokens, lengths, folder / TEXTS)
    return text_tower.cuts


def _write(tower: Any, example: Any, dynamic: dict[int, Any], path: Path) -> None:
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

    with torch.no_grad():
        program = torch.export.export(tower.eval(), (example,), dynamic_shapes=(dynamic,))
    frontend = FrontEndManager().load_by_framework("pytorch")
    # A name of its own: the frontend does not keep the decoder alive.
    decoder = TorchFXPythonDecoder.from_exported_program(program)
    openvino.save_model(frontend.convert(frontend.load(decoder)), path, compress_to_fp16=False)


_CORE = openvino.Core()


def _precision() -> str:
    return str(_CORE.get_property("CPU", "INFERENCE_PRECISION_HINT").to_string())
