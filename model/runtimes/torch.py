"""The towers in torch: half precision on a GPU; on a CPU float32, the reference."""

from dataclasses import dataclass

import open_clip
import torch

from model import shared_prefixes
from model.preprocessing import Pixels
from model.tokens import Tokens
from model.vectors import Features

_SAMPLE = [[49406, 4629, 49407], [49406, 320, 49407]]  # two short texts
_ALIKE = 1e-4  # of a feature's size


class ImageTower(torch.nn.Module):
    """An open_clip network's image side."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return (n, dim) features."""
        features: torch.Tensor = self.network.encode_image(pixels)  # type: ignore[operator]
        return features


class TextTower(torch.nn.Module):
    """An open_clip network's text side; where its mask is causal, for texts of any length."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network
        self.cuts = False
        self.cuts = isinstance(network, open_clip.CLIP) and self._cuts_exactly()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return (n, dim) features."""
        if not self.cuts:
            whole: torch.Tensor = self.network.encode_text(tokens)  # type: ignore[operator]
            return whole
        return self._causal(tokens)

    def _causal(self, tokens: torch.Tensor) -> torch.Tensor:
        # open_clip's `CLIP.encode_text`, but with positions and mask as long as the texts are.
        clip, length = self.network, tokens.shape[1]
        words = clip.token_embedding(tokens) + clip.positional_embedding[:length]  # type: ignore
        words = clip.transformer(words, attn_mask=clip.attn_mask[:length, :length])  # type: ignore
        ends = clip.ln_final(words)[torch.arange(tokens.shape[0]), tokens.argmax(dim=-1)]  # type: ignore
        features: torch.Tensor = ends @ clip.text_projection
        return features

    @torch.inference_mode()
    def _cuts_exactly(self) -> bool:
        """Try it: what stands behind a text's end must not change its features."""
        short = torch.tensor(_SAMPLE)
        full = torch.zeros(2, self.network.context_length, dtype=torch.long)  # type: ignore
        full[:, : short.shape[1]] = short
        try:
            expected = self.network.encode_text(full)  # type: ignore[operator]
            return bool(
                (self._causal(short) - expected).abs().max() < _ALIKE * expected.abs().max()
            )
        except (AttributeError, TypeError, IndexError, RuntimeError):  # another kind of text tower
            return False


@dataclass(frozen=True, eq=False)
class TorchRuntime:
    """Both towers on one device."""

    image_tower: ImageTower
    text_tower: TextTower
    device: str

    @property
    def name(self) -> str:
        """Runtime, device and precision."""
        return f"torch {self.device} {'f16' if self.device == 'cuda' else 'f32'}"

    @property
    def cuts_texts(self) -> bool:
        """Whether tokens may be cut behind the longest text of a batch."""
        return self.text_tower.cuts

    def images(self, pixels: Pixels) -> Features:
        """Encode (n, 3, height, width) pixels."""
        given = torch.from_numpy(pixels)
        if self.device == "cuda":
            given = given.pin_memory().to(self.device, torch.float16, non_blocking=True)
        return self._run(self.image_tower, given)

    def texts(self, tokens: Tokens) -> Features:
        """Encode (n, length) tokens."""
        return self._run(self.text_tower, torch.from_numpy(tokens).to(self.device))

    def many_texts(self, tokens: Tokens) -> Features | None:
        """Encode (n, context length) tokens, each beginning that they share once."""
        network = self.text_tower.network
        shares = shared_prefixes.applies(network)
        return shared_prefixes.encode_texts(network, tokens) if shares else None

    def checked(self) -> "TorchRuntime":
        """Return itself: the weights in memory are those of the encoder's identity."""
        return self

    def _run(self, tower: torch.nn.Module, given: torch.Tensor) -> Features:
        with torch.inference_mode():
            features: Features = tower(given).float().cpu().numpy()
        return features


def runtime_of(network: torch.nn.Module) -> TorchRuntime:
    """Put an evaluated float32 open_clip network on the GPU, if there is one."""
    text = TextTower(network)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        network = network.to(device).half()
    return TorchRuntime(ImageTower(network), text, device)
