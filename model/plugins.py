"""Look-up by file name: a folder is the registry, and one new file in it is one new part."""

import importlib
import pkgutil
import re
from types import ModuleType

from model.errors import UnknownName, did_you_mean


def plugin_names(package: str) -> list[str]:
    """Return the names of the parts in a package, without importing them.

    A file `bioclip_2_5.py` is named `bioclip-2.5`.
    """
    modules = pkgutil.iter_modules(importlib.import_module(package).__path__)
    return sorted(
        re.sub(r"(?<=\d)_(?=\d)", ".", module.name).replace("_", "-") for module in modules
    )


def load_plugin(package: str, name: str, noun: str) -> ModuleType:
    """Import the part of that name; raises UnknownName, with the nearest names, where none is."""
    names = plugin_names(package)
    if name not in names:
        raise UnknownName(
            f"There is no {noun} {name!r}; there are {', '.join(names)}.{did_you_mean(name, names)}"
        )
    return importlib.import_module(f"{package}.{re.sub('[-.]', '_', name)}")
