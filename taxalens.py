"""Search the tree of life by name, by picture and by example: the door for notebooks.

import taxalens

taxalens.index("photos", "my.collection", encoder="starter")
hits = taxalens.open("my.collection").search("Felidae", k=20)
"""

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from model.encoder import load as load_encoder
    from model.errors import Error
    from model.taxon import Rank, Taxon
    from search.collection import Collection
    from search.collection import open_collection as open
    from search.hits import Hit, Hits
    from search.identify.identifications import Identification, Identifications
    from search.label.labelling import Labelling
    from ui.indexing import index
    from ui.labelling import keep

__all__ = [
    "Collection",
    "Error",
    "Hit",
    "Hits",
    "Identification",
    "Identifications",
    "Labelling",
    "Rank",
    "Taxon",
    "index",
    "keep",
    "load_encoder",
    "open",
]

_HOMES = {
    "Collection": ("search.collection", "Collection"),
    "Error": ("model.errors", "Error"),
    "Hit": ("search.hits", "Hit"),
    "Hits": ("search.hits", "Hits"),
    "Identification": ("search.identify.identifications", "Identification"),
    "Identifications": ("search.identify.identifications", "Identifications"),
    "Labelling": ("search.label.labelling", "Labelling"),
    "Rank": ("model.taxon", "Rank"),
    "Taxon": ("model.taxon", "Taxon"),
    "index": ("ui.indexing", "index"),
    "keep": ("ui.labelling", "keep"),
    "load_encoder": ("model.encoder", "load"),
    "open": ("search.collection", "open_collection"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import taxalens` is quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'taxalens' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)


def _refuse_namesakes() -> None:
    """Raise ImportError where a file of the user's hides one of our packages."""
    for name in ("model", "indexer", "search", "training", "ui"):
        found = importlib.util.find_spec(name)
        origin = Path(found.origin or "").resolve() if found else None
        expected = Path(__file__).resolve().parent / name / "__init__.py"
        if origin != expected:
            raise ImportError(
                f"{origin or name} hides a part of taxalens that is also called {name!r}: "
                "rename that file or folder, or start Python elsewhere."
            )


_refuse_namesakes()
