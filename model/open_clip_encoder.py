"""The one encoder class: any open_clip model, with its preprocessing, tokenizer and precision."""

import hashlib
import pickle
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import open_clip
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from model.errors import BadInput, EncoderUnavailable, UnknownName, did_you_mean
from model.vectors import Identity, Vectors

TEXT_BATCH = 256


@dataclass(frozen=True, eq=False)
class OpenClipEncoder:
    """An open_clip model on its device; half precision on a GPU, float32 on a CPU."""

    spec: str
    identity: Identity
    dim: int
    network: torch.nn.Module
    transform: Callable[[Image.Image], torch.Tensor]
    tokenizer: Callable[[list[str]], torch.Tensor]
    device: str

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Return one unit row per RGB image: (n, dim) float16."""
        if not images:
            return np.empty((0, self.dim), np.float16)
        pixels = torch.stack([self.transform(image) for image in images])  # (n, 3, height, width)
        dtype = next(self.network.parameters()).dtype
        with torch.inference_mode():
            features = self.network.encode_image(pixels.to(self.device, dtype))  # type: ignore[operator]
        return _unit_rows(features)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row per text: (n, dim) float16."""
        rows = [np.empty((0, self.dim), np.float16)]
        for start in range(0, len(texts), TEXT_BATCH):
            tokens = self.tokenizer(list(texts[start : start + TEXT_BATCH]))  # (batch, context)
            with torch.inference_mode():
                features = self.network.encode_text(tokens.to(self.device))  # type: ignore[operator]
            rows.append(_unit_rows(features))
        return np.concatenate(rows)


def load(spec: str) -> OpenClipEncoder:
    """Load `hf-hub:OWNER/NAME`, `local-dir:DIR` or `ARCH:CHECKPOINT`.

    Checkpoints are read as safetensors or weights only, never unpickled. Raises BadInput for a
    path that is not there, UnknownName for an architecture that open_clip lacks,
    EncoderUnavailable where the hub cannot be reached.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "hf-hub":
        return _from_hub(spec, rest)
    if scheme == "local-dir":
        if not (Path(rest) / "open_clip_config.json").is_file():
            raise BadInput(f"{rest} is no open_clip folder: it has no open_clip_config.json.")
        return from_network(spec, _create(spec, rest), open_clip.get_tokenizer(spec))
    if scheme not in open_clip.list_models():
        near = did_you_mean(scheme, open_clip.list_models())
        raise UnknownName(f"open_clip has no architecture {scheme!r}.{near}")
    if not Path(rest).is_file():
        raise BadInput(f"There is no checkpoint file {rest}; write ARCH:CHECKPOINT.")
    return from_network(spec, _create(scheme, rest, rest), open_clip.get_tokenizer(scheme))


def from_network(
    spec: str, network: torch.nn.Module, tokenizer: Callable[[list[str]], torch.Tensor]
) -> OpenClipEncoder:
    """Wrap a float32 open_clip model that holds its weights and `visual.preprocess_cfg`."""
    preprocessing = dict(network.visual.preprocess_cfg)  # type: ignore[arg-type, union-attr]
    context = getattr(tokenizer, "context_length", None)
    identity = Identity(
        weights=_sha256(network),
        preprocessing=asdict(PreprocessCfg(**preprocessing)),
        tokenizer=f"{type(tokenizer).__name__}/{context}",
    )
    transform = image_transform_v2(PreprocessCfg(**preprocessing), is_train=False)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dim = int(network.encode_text(tokenizer(["a photo"])).shape[1])  # type: ignore[operator]
    network = network.eval().requires_grad_(False).to(device)
    if device == "cuda":
        network = network.half()
    return OpenClipEncoder(spec, identity, dim, network, transform, tokenizer, device)


def _from_hub(spec: str, repository: str) -> OpenClipEncoder:
    # The hub client tells of each of its attempts, twice.
    huggingface_hub.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        network = open_clip.create_model(spec, require_pretrained=True)
        tokenizer = open_clip.get_tokenizer(spec)
    except Exception as error:
        # open_clip wraps whatever the hub client raised in a bare RuntimeError.
        raise EncoderUnavailable(
            f"The weights of {repository} cannot be had from the Hugging Face hub "
            f"({_first_line(_root_of(error))}); connect to it once, or use --encoder starter."
        ) from error
    return from_network(spec, network, tokenizer)


def _create(model_name: str, source: str, checkpoint: str | None = None) -> torch.nn.Module:
    try:
        network: torch.nn.Module = open_clip.create_model(
            model_name, checkpoint, require_pretrained=True
        )
    except pickle.UnpicklingError as error:
        # Torch's own words would have people load it with weights_only=False.
        raise BadInput(
            f"{source} is no file of plain weights, and no other is read; save it as safetensors."
        ) from error
    except Exception as error:
        # Torch, safetensors and open_clip each have their own errors for a file that does not fit.
        raise BadInput(
            f"{source} holds no weights for this architecture: {_first_line(error).rstrip('.: ')}."
        ) from error
    return network


def _root_of(error: BaseException) -> BaseException:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _sha256(network: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    weights: dict[str, Any] = network.state_dict()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _unit_rows(features: torch.Tensor) -> Vectors:
    unit = torch.nn.functional.normalize(features.float(), dim=-1)
    rows: Vectors = unit.half().cpu().numpy()
    return rows
