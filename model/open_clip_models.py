"""Encoders out of open_clip: any of its models, from the hub, a folder or a checkpoint."""

import hashlib
import logging
import pickle
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import numpy as np
import open_clip
import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.constants import ENDPOINT
from open_clip.transform import PreprocessCfg

from model.clip_encoder import CLIP_SCALE, ClipEncoder
from model.compiled import compile_encoder
from model.errors import BadInput, EncoderUnavailable, UnknownName, did_you_mean
from model.preprocessing import Preprocessing
from model.quiet import quiet
from model.runtimes import AUTO, OPENVINO, RUNTIMES
from model.runtimes.torch import runtime_of
from model.tokens import Tokens
from model.vectors import Identity

_LOG = logging.getLogger("taxalens")
_PATIENCE = 5.0  # seconds that a hub may take to answer at all


def load(spec: str, runtime: str = AUTO) -> ClipEncoder:
    """Load `hf-hub:OWNER/NAME`, `local-dir:DIR` or `ARCH:CHECKPOINT`.

    Checkpoints are read as safetensors or weights only, never unpickled. Raises BadInput for a
    path that is not there, UnknownName for an architecture that open_clip lacks,
    EncoderUnavailable where the hub cannot be reached.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "hf-hub":
        return _from_hub(spec, rest, runtime)
    if scheme == "local-dir":
        if not (Path(rest) / "open_clip_config.json").is_file():
            raise BadInput(f"{rest} is no open_clip folder: it has no open_clip_config.json.")
        return from_network(spec, _create(spec, rest), tokenizer_of(spec), runtime)
    if scheme not in open_clip.list_models():
        near = did_you_mean(scheme, open_clip.list_models())
        raise UnknownName(f"open_clip has no architecture {scheme!r}.{near}")
    if not Path(rest).is_file():
        raise BadInput(f"There is no checkpoint file {rest}; write ARCH:CHECKPOINT.")
    return from_network(spec, _create(scheme, rest, rest), tokenizer_of(scheme), runtime)


def from_network(
    spec: str,
    network: torch.nn.Module,
    tokenizer: Callable[[list[str]], torch.Tensor],
    runtime: str = AUTO,
) -> ClipEncoder:
    """Make an encoder of a float32 open_clip network that has its weights and `preprocess_cfg`.

    `runtime` is "torch", "openvino" or AUTO: torch on a GPU, else OpenVINO where that can take
    the network. Raises UnknownName for any other, BadInput where OpenVINO is asked for in vain.
    """
    preprocessing = asdict(PreprocessCfg(**dict(network.visual.preprocess_cfg)))  # type: ignore
    context = getattr(tokenizer, "context_length", None)
    identity = Identity(
        weights=_sha256(network),
        preprocessing=preprocessing,
        tokenizer=f"{type(tokenizer).__name__}/{context}",
    )
    network = network.eval().requires_grad_(False)
    scale = _logit_scale(network)
    dim = int(network.encode_text(tokenizer(["a photo"])).shape[1])  # type: ignore[operator]
    if runtime == OPENVINO or (runtime == AUTO and not torch.cuda.is_available()):
        if compiled := compile_encoder(spec, identity, dim, network, scale):
            return compiled
        if runtime == OPENVINO:
            raise BadInput(f"{spec} cannot be computed by OpenVINO; pass runtime=torch.")
    elif runtime not in RUNTIMES:
        raise UnknownName(f"{runtime!r} is no runtime; it is one of {', '.join(RUNTIMES)}.")

    tokenizing = Lock()  # Hugging Face's tokenizers are set up anew by each call

    def tokens(texts: Sequence[str]) -> Tokens:
        with tokenizing:
            return tokenizer(list(texts)).numpy().astype(np.int64)

    steps = Preprocessing.of(preprocessing)
    return ClipEncoder(spec, identity, dim, steps, tokens, runtime_of(network), scale)


def tokenizer_of(name: str, **options: Any) -> Any:
    """Return open_clip's tokenizer for a spec or an architecture."""
    with quiet():
        return open_clip.get_tokenizer(name, **options)


def _from_hub(spec: str, repository: str, runtime: str) -> ClipEncoder:
    try:
        if not isinstance(try_to_load_from_cache(repository, "open_clip_config.json"), str):
            _LOG.info("%s is not here yet; asking %s for it.", repository, ENDPOINT)
            _reach(ENDPOINT)
        with quiet("huggingface_hub"):  # whose client tells of each of its attempts, twice
            network = open_clip.create_model(spec, require_pretrained=True)
            tokenizer = tokenizer_of(spec)
    except Exception as error:
        # open_clip wraps whatever the hub client raised in a bare RuntimeError.
        raise EncoderUnavailable(
            f"The weights of {repository} cannot be had from the Hugging Face hub "
            f"({_first_line(_root_of(error))}); connect to it once, or pass encoder=starter."
        ) from error
    return from_network(spec, network, tokenizer, runtime)


def _reach(address: str) -> None:
    """Raise OSError within seconds where a hub can't be reached; its client tries for a minute."""
    if getproxies().get("https"):
        return  # which alone knows the way
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    answer: list[OSError | None] = []

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=_PATIENCE).close()
            answer.append(None)
        except OSError as error:
            answer.append(error)

    asking = Thread(target=connect, daemon=True)  # a look-up of a name has no timeout
    asking.start()
    asking.join(_PATIENCE)
    if not answer:
        raise TimeoutError(f"{host} did not answer within {_PATIENCE:.0f} seconds")
    if answer[0]:
        raise answer[0]


def _create(model_name: str, source: str, checkpoint: str | None = None) -> torch.nn.Module:
    try:
        with quiet():
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


def _logit_scale(network: torch.nn.Module) -> float:
    """Return exp of the parameter of that name; CLIP's value where a network has none."""
    parameter = getattr(network, "logit_scale", None)
    return float(parameter.detach().double().exp()) if parameter is not None else CLIP_SCALE


def _sha256(network: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    weights: dict[str, Any] = network.state_dict()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()
