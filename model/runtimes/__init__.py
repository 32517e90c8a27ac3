"""What computes an encoder's towers, one file each: torch (GPU, and everywhere), openvino (CPU)."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # so that the command line can list them at once
    from model.preprocessing import Pixels
    from model.tokens import Tokens
    from model.vectors import Features


AUTO, TORCH, OPENVINO = "auto", "torch", "openvino"
RUNTIMES = (AUTO, TORCH, OPENVINO)
SHORTEST = 3  # tokens that texts are cut to at the least


class Runtime(Protocol):
    """The two towers of one network."""

    @property
    def name(self) -> str:
        """Runtime and precision: "openvino f32"."""

    @property
    def cuts_texts(self) -> bool:
        """Whether tokens may be cut behind the longest text of a batch: the mask is causal."""

    def images(self, pixels: "Pixels") -> "Features":
        """Encode (n, 3, height, width) pixels."""

    def texts(self, tokens: "Tokens") -> "Features":
        """Encode (n, length) tokens."""

    def many_texts(self, tokens: "Tokens") -> "Features | None":
        """Encode (n, context length) tokens that begin alike; None if `texts` is as quick."""

    def checked(self) -> "Runtime":
        """Return it so that every byte of files that it computes from is compared before."""
