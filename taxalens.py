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
    from indexer.exports.account import Account
    from indexer.ingest.damage import Damage
    from indexer.ingest.indexing import add, index, retry, update
    from indexer.ingest.pipeline import Progress
    from indexer.ingest.remove_relocate import relocate, remove
    from indexer.ingest.repair import Repair, repair
    from indexer.ingest.verify import verify
    from indexer.publish.milvus import Publication
    from indexer.store.backup import BackedUp, backup
    from indexer.taxonomy.draft import Problem
    from indexer.taxonomy.store import About
    from model.encoder import Encoder
    from model.encoder import load as load_encoder
    from model.errors import (
        BadInput,
        CollectionError,
        EncoderMismatch,
        EncoderUnavailable,
        Error,
        NotWritten,
        UnknownName,
    )
    from model.progress import Step
    from model.taxon import Rank, Taxon
    from search import taxonomies
    from search.answers import Answers
    from search.audit.findings import Finding, Findings
    from search.audit.suggestions import Suggestion, Suggestions
    from search.collection import Collection
    from search.collection import open_collection as open
    from search.hits import Hit, Hits
    from search.identify.identifications import Identification, Identifications, Neighbour
    from search.label.labelling import Labelling
    from search.optimize import optimize
    from search.publish import publish
    from search.sequence_counts import SequenceCount, SequenceCounts
    from search.statuses import InputStatus, Statuses, status
    from search.taxonomies import (
        Imported,
        ImportedTaxonomy,
        Relative,
        Relatives,
        ResolvedName,
        ResolvedNames,
        Taxonomies,
    )
    from training.evaluation.evaluate import evaluate
    from training.evaluation.figures import Evaluation, Figure

__all__ = [
    "About",
    "Account",
    "Answers",
    "BackedUp",
    "BadInput",
    "Collection",
    "CollectionError",
    "Damage",
    "Encoder",
    "EncoderMismatch",
    "EncoderUnavailable",
    "Error",
    "Evaluation",
    "Figure",
    "Finding",
    "Findings",
    "Hit",
    "Hits",
    "Identification",
    "Identifications",
    "Imported",
    "ImportedTaxonomy",
    "InputStatus",
    "Labelling",
    "Neighbour",
    "NotWritten",
    "Problem",
    "Progress",
    "Publication",
    "Rank",
    "Relative",
    "Relatives",
    "Repair",
    "ResolvedName",
    "ResolvedNames",
    "SequenceCount",
    "SequenceCounts",
    "Statuses",
    "Step",
    "Suggestion",
    "Suggestions",
    "Taxon",
    "Taxonomies",
    "UnknownName",
    "add",
    "backup",
    "evaluate",
    "index",
    "load_encoder",
    "open",
    "optimize",
    "publish",
    "relocate",
    "remove",
    "repair",
    "retry",
    "status",
    "taxonomies",
    "update",
    "verify",
]

_HOMES = {
    "indexer.exports.account": "Account",
    "indexer.ingest.damage": "Damage",
    "indexer.ingest.indexing": "add, index, retry, update",
    "indexer.ingest.pipeline": "Progress",
    "indexer.ingest.remove_relocate": "relocate, remove",
    "indexer.ingest.repair": "Repair, repair",
    "indexer.ingest.verify": "verify",
    "indexer.publish.milvus": "Publication",
    "indexer.store.backup": "BackedUp, backup",
    "indexer.taxonomy.draft": "Problem",
    "indexer.taxonomy.store": "About",
    "model.encoder": "Encoder, load as load_encoder",
    "model.errors": "BadInput, CollectionError, EncoderMismatch, EncoderUnavailable, Error, "
    "NotWritten, UnknownName",
    "model.progress": "Step",
    "model.taxon": "Rank, Taxon",
    "search": "taxonomies",
    "search.answers": "Answers",
    "search.audit.findings": "Finding, Findings",
    "search.audit.suggestions": "Suggestion, Suggestions",
    "search.collection": "Collection, open_collection as open",
    "search.hits": "Hit, Hits",
    "search.identify.identifications": "Identification, Identifications, Neighbour",
    "search.label.labelling": "Labelling",
    "search.optimize": "optimize",
    "search.publish": "publish",
    "search.statuses": "InputStatus, Statuses, status",
    "search.sequence_counts": "SequenceCount, SequenceCounts",
    "search.taxonomies": "Imported, ImportedTaxonomy, Relative, Relatives, ResolvedName, "
    "ResolvedNames, Taxonomies",
    "training.evaluation.evaluate": "evaluate",
    "training.evaluation.figures": "Evaluation, Figure",
}
_PLACES = {
    entry.rpartition(" as ")[2]: (module, entry.partition(" as ")[0])
    for module, entries in _HOMES.items()
    for entry in entries.split(", ")
}


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
