"""The questions that a collection answers: search, identify, complete, taxon, image, health."""

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from indexer.inputs.decoding import SUFFIXES, decode
from model.errors import BadInput
from search import hits, taxonomies
from search.browse.completion import Completion
from ui.options import PLACE, WEIGHTED
from ui.server.current import CurrentCollection
from ui.server.identifying import IDENTIFY, ROWS, Identifying
from ui.server.operations import (
    NEEDED,
    POSSIBLE,
    Operation,
    Reply,
    Upload,
    object_schema,
    row_schema,
)
from ui.server.parameters import Parameter, Values

MOST_HITS, DEEPEST = 1000, 10_000
_DEGREES = r"-?\d{1,3}(\.\d{1,12})?"
_PLACE = rf"^{_DEGREES},{_DEGREES},(\d{{1,5}}(\.\d{{1,12}})?|{_DEGREES},{_DEGREES})$"
FILTERS = (
    Parameter("within", "Only images labelled in this clade.", many=True),
    Parameter("exclude", "No images labelled in this clade.", many=True),
    Parameter("rank", "Only labels as precise as this rank."),
    Parameter("where", "A SQL condition on the metadata: site = 'A' AND elevation > 500"),
    Parameter("date", "Only of then: 2021, 2021-05/2022."),
    Parameter(
        "near", "LAT,LON,KM: only images around this place; or between two corners.", pattern=_PLACE
    ),
)
SEARCH = (
    Parameter("q", "A name of any rank if one is called so, else a text."),
    Parameter("taxon", "A taxon, at any rank; an error if there is none."),
    Parameter("text", "What it looks like, even if a taxon is called so."),
    Parameter("id", "The id of an image of the collection."),
    Parameter("plus", "More like a name or text; 2*snow counts twice.", many=True),
    Parameter("minus", "Less like it.", many=True),
    Parameter("k", "How many.", int, 10, 1, MOST_HITS),
    Parameter("skip", "Leave out the first so many: the next page.", int, 0, 0, DEEPEST),
    Parameter("group_by", "A column: one image for each of its values."),
    Parameter("sequence", "Seconds: the best of photographs so close.", float, None, 0.001, 1e7),
    Parameter("distinct", "No image that shows the same as a better one.", bool, False),
    Parameter("diverse", "Images that are unlike each other.", bool, False),
    *FILTERS,
)
COMPLETE = (
    Parameter("q", "The beginning of a name, two letters or more.", needed=True),
    Parameter("k", "How many.", int, 8, 1, 100),
)
TAXON = (Parameter("key", "The key of a taxon, or its name.", needed=True),)
IMAGE = (Parameter("id", "The id of an image.", needed=True),)


def operations(current: CurrentCollection) -> tuple[Operation, ...]:
    """Return the questions that read; every one may be asked by several threads at once."""
    identifying = Identifying(current)
    row = row_schema(hits.SCHEMA)
    return (
        Operation(
            "search",
            "/search",
            "Find images by a name, a text, an image id or pictures, best first.",
            SEARCH,
            lambda values, pictures: _search(current, values, pictures),
            {"type": "array", "items": row},
            POSSIBLE,
        ),
        Operation(
            "identify",
            "/identify",
            "Say what pictures show, each at the deepest rank that is sure enough.",
            IDENTIFY,
            identifying.identify,
            ROWS,
            NEEDED,
        ),
        Operation(
            "complete",
            "/complete",
            "List the names and labels that begin so, those of most images first.",
            COMPLETE,
            lambda values, _: _complete(current, values),
            {"type": "array", "items": _COMPLETION},
        ),
        Operation(
            "taxon",
            "/taxa/{key}",
            "Show a taxon, those above and below it, and how many images each has.",
            TAXON,
            lambda values, _: _taxon(current, values["key"]),
            {"type": "array", "items": row_schema(taxonomies.Relatives.SCHEMA)},
        ),
        Operation(
            "image",
            "/images/{id}",
            "Show what is known of one image.",
            IMAGE,
            lambda values, _: Reply(current.get()[values["id"]].row()),
            row,
        ),
        Operation(
            "health",
            "/health",
            "Tell whether there is a collection that can be asked.",
            (),
            lambda _values, _pictures: _health(current),
            _HEALTH,
        ),
    )


_COMPLETION = object_schema(
    {
        each.name: {"type": "integer" if each.name == "images" else "string"}
        for each in fields(Completion)
    }
)
_HEALTH = object_schema(
    {
        "status": {"const": "ok"},
        "version": {"type": "string"},
        "generation": {"type": "integer"},
        "images": {"type": "integer"},
    }
)


def _search(current: CurrentCollection, values: Values, pictures: Sequence[Upload]) -> Reply:
    asked = dict(values)
    place = asked.pop("near")
    found = current.get().search(
        asked.pop("q"),
        image_id=asked.pop("id"),
        image=[_decoded(each) for each in pictures] or None,
        near=PLACE(place) if place else None,
        plus=_terms(asked.pop("plus")),
        minus=_terms(asked.pop("minus")),
        **asked,
    )
    if pictures:
        names = ", ".join(each.name for each in pictures)
        found = replace(found, meaning=f"images that look like {names}")
    said = {"meaning": found.meaning, "absence": found.absence}
    said["labelled"] = str(found.labelled) if found.labelled else ""
    return Reply([hit.row() for hit in found], said, len(found) == values["k"])


def _terms(written: Sequence[str]) -> list[tuple[str, float]]:
    """Return what is added or subtracted; raises BadInput for the path of a picture.

    A search would open it, and no client reads the files of this machine by their names.
    """
    terms = [WEIGHTED(each.strip()) for each in written]
    for words, _ in terms:
        if Path(words).suffix.lower() in SUFFIXES:
            raise BadInput(f"{words} is called like a file; add a name or a text.")
    return terms


def _decoded(picture: Upload) -> Any:
    try:
        return decode(picture.data, name=picture.name).image
    except BadInput as error:
        raise BadInput(f"{picture.name} cannot be used as a picture: {error}.") from error


def _complete(current: CurrentCollection, values: Values) -> Reply:
    return Reply([asdict(each) for each in current.get().complete(values["q"], values["k"])])


def _taxon(current: CurrentCollection, key: str) -> Reply:
    shown = taxonomies.show(key, collection=current.get().snapshot)
    return Reply([each.row() for each in shown])


def _health(current: CurrentCollection) -> Reply:
    opened = current.get()
    return Reply(
        {
            "status": "ok",
            "version": version("taxalens"),
            "generation": opened.snapshot.manifest.generation,
            "images": len(opened),
        }
    )
