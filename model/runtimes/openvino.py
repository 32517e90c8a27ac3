"""The towers in OpenVINO: two to five times as fast as torch on a CPU, and without importing it."""

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

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


@dataclass(frozen=True, eq=False)
class OpenVinoRuntime:
    """Both towers, compiled for this CPU when each is first needed."""

    folder: Path
    cuts_texts: bool

    @property
    def name(self) -> str:
        """Runtime and precision: bf16 where the CPU computes in it."""
        return f"openvino {_precision()}"

    def images(self, pixels: Pixels) -> Features:
        """Encode (n, 3, height, width) pixels."""
        return self._run(IMAGES, pixels)

    def texts(self, tokens: Tokens) -> Features:
        """Encode (n, length) tokens."""
        return self._run(TEXTS, tokens)

    def many_texts(self, tokens: Tokens) -> None:
        """Leave it to `texts`: here every text is computed whole."""

    def _run(self, tower: str, given: Pixels | Tokens) -> Features:
        found = _compiled(self.folder / tower)([given])[0]
        features: Features = np.array(found, np.float32)  # the request's own memory is used again
        return features


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


@cache
def _compiled(path: Path) -> Any:
    return _CORE.compile_model(path, "CPU", {"CACHE_DIR": str(path.parent / "compiled")})


def _precision() -> str:
    return str(_CORE.get_property("CPU", "INFERENCE_PRECISION_HINT").to_string())
