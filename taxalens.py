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
    pass

_HOMES = {
    "indexer.exports.account": ("Account",),
    "indexer.ingest.indexing": ("add", "index", "retry", "update"),
    "indexer.ingest.optimize": ("optimize",),
    "indexer.ingest.pipeline": ("Progress",),
    "indexer.ingest.remove_relocate": ("relocate", "remove"),
    "indexer.taxonomy.draft": ("Problem",),
    "indexer.taxonomy.store": ("About",),
    "model.encoder": ("Encoder", "load as load_encoder"),
    "model.errors": (
        *("BadInput", "CollectionError", "EncoderMismatch", "EncoderUnavailable", "Error"),
        "UnknownName",
    ),
    "model.progress": ("Step",),
    "model.taxon": ("Rank", "Taxon"),
    "search": ("taxonomies",),
    "search.answers": ("Answers",),
    "search.auditing.findings": ("Finding", "Findings"),
    "search.auditing.suggesting": ("Suggestion", "Suggestions"),
    "search.collection": ("Collection", "open_collection as open"),
    "search.hits": ("Hit", "Hits"),
    "search.identifying.identifications": ("Identification", "Identifications", "Neighbour"),
    "search.labelling.few_shot": ("Labelling",),
    "search.statuses": ("InputStatus", "Statuses", "status"),
    "search.taxonomies": ("Relative", "Relatives", "ResolvedName", "ResolvedNames"),
}
_PLACES = {
    entry.rpartition(" as ")[2]: (module, entry.partition(" as ")[0])
    for module, entries in _HOMES.items()
    for entry in entries
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import taxalens` is quick."""
    if name not in _PLACES:
        raise AttributeError(f"module 'taxalens' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    home = importlib.import_module(module)
    if not hasattr(home, attribute):  # a module of a package
        return importlib.import_module(f"{module}.{attribute}")
    return getattr(home, attribute)


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]


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
