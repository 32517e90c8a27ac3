"""Recipes: one TOML file holds every setting of a training run."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from model.errors import BadInput, UnknownName, did_you_mean


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of a locked-image text tuning run."""

    steps: int
    batch_size: int
    """strings a step"""
    learning_rate: float
    """at the end of the warm-up; a cosine takes it to zero"""
    warmup_steps: int
    weight_decay: float
    temperature: float
    """divides cosines before the cross-entropy"""
    unknown_words: float
    """probability that a string gets a word that the tower does not know"""
    seed: int
    width: int
    """of the text tower"""
    heads: int
    layers: int


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; raises BadInput or UnknownName as `read_settings` does."""
    return Recipe(**read_settings(path, Recipe))


def read_settings(path: Path, kind: type[Any], complete: bool = True) -> dict[str, Any]:
    """Read the settings of a dataclass from a TOML file.

    Raises BadInput for a file that is missing, no TOML or, where it must be `complete`, lacks a
    setting; UnknownName for a setting that does not exist.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"The recipe {path} cannot be read: {error}.") from error
    known = [field.name for field in fields(kind)]
    for name in settings:
        if name not in known:
            raise UnknownName(f"{path} sets {name!r}.{did_you_mean(name, known)}")
    missing = [name for name in known if name not in settings]
    if complete and missing:
        raise BadInput(f"{path} lacks {', '.join(missing)}; add them.")
    return settings
