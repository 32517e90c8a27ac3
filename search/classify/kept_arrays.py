"""Dataclasses as arrays by name, for files without pickles, and back again.

Fields are arrays, numbers, words, tuples of numbers, mappings from words to numbers, other
dataclasses, or None, which has no array.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[np.generic]]
_Made = TypeVar("_Made")


def arrays_of(value: Any, name: str = "") -> dict[str, npt.NDArray[np.generic]]:
    """Return the arrays of a dataclass by "field" and "field.field"."""
    if value is None:
        return {}
    if is_dataclass(value):
        found: dict[str, npt.NDArray[np.generic]] = {}
        for field in fields(value):
            found |= arrays_of(getattr(value, field.name), f"{name}.{field.name}".strip("."))
        return found
    if isinstance(value, Mapping):
        words = np.array(list(value), np.str_)
        return {f"{name}.words": words, f"{name}.numbers": np.array(list(value.values()))}
    return {name: np.asarray(value)}


def made_from(kind: type[_Made], arrays: Arrays) -> _Made:
    """Return the dataclass whose arrays `arrays_of` gave."""
    return cast(_Made, _made(kind, arrays, ""))


def _made(kind: Any, arrays: Arrays, name: str) -> Any:
    if isinstance(kind, UnionType):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
    if is_dataclass(kind):
        if name and not any(key.startswith(f"{name}.") for key in arrays):
            return None
        hints = get_type_hints(kind)
        values = (_made(hints[f.name], arrays, f"{name}.{f.name}".strip(".")) for f in fields(kind))
        return cast(Any, kind)(*values)
    if get_origin(kind) is not None and issubclass(cast(type, get_origin(kind)), Mapping):
        words, numbers = arrays[f"{name}.words"], arrays[f"{name}.numbers"]
        return dict(zip(words.tolist(), numbers.tolist(), strict=True))
    if name not in arrays:
        return None
    value = arrays[name]
    if get_origin(kind) is tuple:
        return tuple(value.tolist())
    return value.item() if kind in (str, float, int) else value
