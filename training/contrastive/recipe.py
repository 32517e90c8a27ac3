"""Every setting of a contrastive run; the defaults are those of BioCLIP (arXiv 2311.18803).

Sources: `train.sh` of Imageomics/bioclip and its model card, whose learning rate of 1e4 is a slip
for 1e-4.
"""

from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from model.errors import Error
from model.text_types import TRAINED_TYPES, TextType
from training.recipe import read_settings

PER_SAMPLE, PER_BATCH = "mixed", "mixed-per-batch"
CAPTION, WITH_CAPTIONS = "caption", "mixed-with-captions"
TEXT_TYPES = (*map(str, TRAINED_TYPES), PER_SAMPLE, PER_BATCH, CAPTION, WITH_CAPTIONS)
PRECISIONS = ("fp32", "bf16", "fp16")


@dataclass(frozen=True, slots=True)
class ContrastiveRecipe:
    """Settings of a contrastive run."""

    # the network
    architecture: str = "ViT-B-16-quickgelu"
    """of open_clip, QuickGELU explicit; `local-dir:DIR` or `hf-hub:OWNER/NAME` go on from there"""
    pretrained: str = "openai"
    """open_clip's tag of weights, a file, or "" for none"""
    network: dict[str, Any] = field(default_factory=dict)
    """open_clip's `model_cfg`, instead of an architecture"""
    lock_image: bool = False
    """train the text tower alone (LiT, arXiv 2111.07991)"""
    last_blocks: int = 0
    """train so many last blocks of each tower, with norms and projections after; 0 trains all"""
    lora_rank: int = 0
    """train updates of this rank of attention and MLP weights alone (LoRA, arXiv 2106.09685)"""
    checkpoint_activations: bool = True
    """compute activations twice instead of keeping them"""
    # the data
    batch_size: int = 32_768
    """samples a step, over all ranks and micro-batches"""
    accumulate: int = 1
    """micro-batches that each rank's part of the batch is cut into; same gradients, less memory"""
    text_type: str = PER_SAMPLE
    """one of the five, "mixed" (drawn for each sample), "mixed-per-batch" (as the reference),
    "caption" or "mixed-with-captions" (drawn of six); a sample without a caption has "mixed" texts
    """
    same_species: str = "negatives"
    """pairs of one text's species in a batch: "negatives", as published, or "ignored" """
    replay: str = ""
    """folder of shards of general pairs (jpg, txt) that are trained on beside (BioCLIP 2)"""
    replay_share: float = 0.1
    """of `batch_size` that are such pairs"""
    crop_scale: tuple[float, float] = (0.9, 1.0)
    mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)
    workers: int = 8
    """processes that decode, of each rank"""
    # the loss and its optimiser
    loss: str = "softmax"
    """"softmax" (InfoNCE) or "sigmoid" (SigLIP, arXiv 2303.15343)"""
    epochs: float = 100.0
    steps: int = 0
    """instead of epochs, where it is not 0"""
    learning_rate: float = 1e-4
    warmup_steps: int = 1000
    weight_decay: float = 0.2
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-6
    precision: str = "fp16"
    """"fp32", "bf16" or "fp16" (with a gradient scaler)"""
    seed: int = 42
    # the run
    validate_every: int = 500
    """steps; a checkpoint is written then"""

    def __post_init__(self) -> None:
        """Raise Error for a setting that cannot be."""
        wrong = [
            f"{name} = {value!r} is not one of {', '.join(known)}"
            for name, value, known in (
                ("text_type", self.text_type, TEXT_TYPES),
                ("precision", self.precision, PRECISIONS),
                ("loss", self.loss, ("softmax", "sigmoid")),
                ("same_species", self.same_species, ("negatives", "ignored")),
            )
            if value not in known
        ]
        if min(self.batch_size, self.accumulate, self.validate_every) < 1:
            wrong.append("batch_size, accumulate and validate_every are 1 or more")
        if not 0 < self.replay_share < 1:
            wrong.append("replay_share lies between 0 and 1")
        if min(self.last_blocks, self.lora_rank) < 0:
            wrong.append("last_blocks and lora_rank are 0 or more")
        if wrong:
            raise Error(f"The recipe cannot be run: {'; '.join(wrong)}.")

    @property
    def replay_size(self) -> int:
        """General pairs of a step."""
        return round(self.batch_size * self.replay_share) if self.replay else 0

    @property
    def own_size(self) -> int:
        """Samples of a step with a taxon."""
        return self.batch_size - self.replay_size

    @property
    def asked_type(self) -> str:
        """The text type of names that pictures are compared with while training, and after."""
        is_one = self.text_type in map(str, TRAINED_TYPES)
        return self.text_type if is_one else str(TextType.TAXON_COM)

    @property
    def start(self) -> str:
        """The spec of the encoder that the run begins with; "" where it begins with none."""
        if self.network:
            return ""
        if ":" in self.architecture:
            return self.architecture
        return f"{self.architecture}:{self.pretrained}" if self.pretrained else ""


def read_contrastive_recipe(path: Path) -> ContrastiveRecipe:
    """Read a recipe; what it does not set is as in BioCLIP. Raises BadInput or UnknownName."""
    settings = read_settings(path, ContrastiveRecipe, complete=False)
    tuples = {name: tuple(value) for name, value in settings.items() if isinstance(value, list)}
    return ContrastiveRecipe(**(settings | tuples))


def find_recipe(path: Path) -> Path:
    """Return a recipe's file; where there is none, one of that name that comes with taxalens."""
    shipped = Path(str(files("training") / "recipes" / path.name))
    return shipped if not path.exists() and shipped.is_file() else path
