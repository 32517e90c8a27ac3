"""Identifying pictures that came with a request; what is fitted once serves all of them."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from indexer.inputs.decoding import SUFFIXES
from indexer.taxonomy.text_encoding import encode_missing
from search.collection import Collection
from search.identify.identifications import BEST_SCHEMA, SCHEMA
from search.identify.identifier import AnswerOptions, Identifier
from ui.server.current import CurrentCollection
from ui.server.operations import Reply, Upload, row_schema
from ui.server.parameters import Parameter, Values

IDENTIFY = (
    Parameter("precision", "The share of answers that shall be right.", float, 0.9, 0.0001, 0.9999),
    Parameter("rank", "The deepest rank that is wanted."),
    Parameter("k", "A row for each of the k likeliest.", int, None, 1, 100),
    Parameter("novel", "The share of pictures of unlabelled species.", float, None, 0, 0.9999),
    Parameter("within", "Only answers in this clade.", many=True),
    Parameter("exclude", "No answers in this clade.", many=True),
    Parameter("checklist", "A taxon that occurs; all of them, one each.", many=True),
    Parameter("checklist_weight", "Prior weight of all other taxa.", float, 0.0, 0, 1),
)
ROWS: dict[str, Any] = {
    "type": "array",
    "items": {"anyOf": [row_schema(SCHEMA), row_schema(BEST_SCHEMA)]},
}
_CANDIDATES = ("within", "exclude", "checklist", "checklist_weight")
_MOST_KEPT = 4  # fitted identifiers


class Identifying:
    """Identifiers over the current generation, each fitted once."""

    def __init__(self, current: CurrentCollection) -> None:
        self._current = current
        self._fitting = Lock()
        self._of: Collection | None = None
        self._kept: dict[object, tuple[Identifier, tuple[str, ...]]] = {}

    def identify(self, values: Values, pictures: Sequence[Upload]) -> Reply:
        """Return the answers to pictures, in their order."""
        asked = AnswerOptions(
            values["precision"], values["rank"] or "", values["k"] or 1, novel=values["novel"]
        )
        identifier, notes = self._identifier(values)
        with tempfile.TemporaryDirectory() as folder:
            files = [_written(Path(folder, str(n)), each) for n, each in enumerate(pictures)]
            found = identifier.identify(files, asked)
            answers = [
                replace(answer, file=picture.name, path=None)
                for answer, picture in zip(found, pictures, strict=True)
            ]
        said = {"notes": "; ".join((*notes, *identifier.notes(asked)))}
        if values["k"]:
            return Reply([row for each in answers for row in each.best_rows()], said)
        return Reply([each.row() for each in answers], said)

    def _identifier(self, values: Values) -> tuple[Identifier, tuple[str, ...]]:
        """Return the identifier for these candidates, and notes about them."""
        options = {name: values[name] for name in _CANDIDATES}
        options["checklist"] = options["checklist"] or None
        key = tuple(options.values())
        with self._fitting:
            current = self._current.get()
            if self._of is not current:
                self._of, self._kept = current, {}
            if key not in self._kept:
                ready = current.prepare(**options)
                encode_missing(ready.texts, None)
                if len(self._kept) == _MOST_KEPT:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[key] = ready.identifier(), ready.notes
            return self._kept[key]


def _written(file: Path, picture: Upload) -> Path:
    """Write a picture to a file whose name, but for a picture's ending, is ours.

    An upload must never be taken for a table or archive that names files of this machine.
    """
    suffix = Path(picture.name).suffix.lower()
    file = file.with_suffix(suffix if suffix in SUFFIXES else ".jpg")
    file.write_bytes(picture.data)
    return file
