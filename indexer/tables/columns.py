"""The columns of tables that are known, however people write them, and their words for nothing."""

import re
from collections.abc import Sequence

from indexer.tables.darwin_core_terms import terms
from model.taxon import RANKS

URLS = ("url", "image_url", "accessURI", "identifier", "associatedMedia")
PLACES = ("file_name", "path", "filepath", "file", "image_path", "image", *URLS)
"""where a picture may be named, the first that a row fills"""
NAMES = (
    *map(str, RANKS),
    "subspecies",
    "taxon",
    "rank",
    "common_name",
    "label",
    "image_id",
    "name",
    "kind",
)
# Beside Darwin Core: of Dublin Core and Audubon Core about media, and of GBIF's downloads.
_BESIDE = (
    *("creator", "title", "description", "publisher", "created", "format", "rights"),
    *("variantLiteral", "gbifID", "elevation", "depth"),
)
_OF_ROCKS = "GeologicalContext"  # whose bed, member and group are words of any table
TERMS = (*(name for name, term in terms().items() if term.of != _OF_ROCKS), *_BESIDE)
_ALIASES = {
    **{"filename": "file_name", "filepath": "filepath", "imagepath": "image_path"},
    **dict.fromkeys(("speciesname", "art", "artname", "espece", "espèce", "especie"), "species"),
    **dict.fromkeys(("taxonname", "taxa", "taxonlabel"), "taxon"),
    **dict.fromkeys(
        ("latinname", "latin", "sciname", "binomial", "binomialname", "wissenschaftlichername"),
        "scientificName",
    ),
    **{"gattung": "genus", "familie": "family", "ordnung": "order", "unterart": "subspecies"},
    **dict.fromkeys(("subspeciesname", "ssp", "subsp"), "subspecies"),
    **{"genusname": "genus", "familyname": "family", "englishname": "common_name"},
    **dict.fromkeys(("commonname", "deutschername", "trivialname"), "common_name"),
    **dict.fromkeys(("qualifier", "idqualifier"), "identificationQualifier"),
}
STATING = (
    *(*map(str, RANKS), "subspecies", "taxon", "common_name", "label", "scientificName"),
    *("genericName", "specificEpithet", "vernacularName", "verbatimIdentification"),
)
"""columns that state what a picture shows"""
_FOLDED = {
    re.sub("[ _.-]", "", name).lower(): name for name in reversed((*PLACES, *NAMES, *TERMS))
} | _ALIASES
_PREFIX = re.compile(r"^(?:https?://\S*[/#]|[A-Za-z]\w*:)(?=\S)")
_WORDS = r"""
na n/a #n/a n.a. null #null! nan <na> nil \N - -- – — #ref! #value! #div/0! #name? #num! (null)
<null> #nv
"""
_NOTHING = frozenset(_WORDS.lower().split())
_NO_NAME = frozenset(("?", "??", "???", "none"))
"""words for nothing where a name would stand; "none" as a label is an empty picture"""
_AMBIGUOUS = frozenset(("countrycode", "country", "continent", "language", "state", "site"))
"""columns of codes and words where "NA" may be Namibia, North America or a name"""


def canonical(name: str) -> str:
    """Return a known column by its own name: "Scientific Name", "dwc:scientificname", …

    Any other stays as it was written, without blanks around it.
    """
    name = " ".join(name.strip("\ufeff\u200b\u200e\u200f").split())
    return _FOLDED.get(re.sub("[ _.-]", "", _PREFIX.sub("", name)).lower(), name)


def is_known(name: str) -> bool:
    """Tell whether a column is one of those that mean something here."""
    return canonical(name) in _KNOWN


def columns_of(header: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns of a header, each once, and a sentence for each that comes again.

    A column without a name is called by its place, "column 3"; one whose meaning came before keeps
    its own words, or gets a number.
    """
    names: list[str] = []
    notes = []
    for place, written in enumerate(header, 1):
        name = canonical(written) or f"column {place}"
        if name in names:
            first = names.index(name) + 1
            notes.append(f"column {place} ({written.strip()!r}) means the same as column {first}")
            plain = written.strip()
            name = plain if plain not in names else _numbered(plain, names)
        names.append(name)
    return tuple(names), tuple(notes)


def meant(column: str, cell: str) -> str:
    """Return a cell without blanks around it, "" where it is a word for nothing."""
    cell = cell.strip()
    if len(cell) < 8 and cell.lower() in _NOTHING:
        return cell if cell.isalpha() and column.lower() in _AMBIGUOUS else ""
    if cell.lower() in _NO_NAME and column in STATING:
        return cell if column == "label" and cell.isalpha() else ""
    return cell


def nothing_words() -> Sequence[str]:
    """Return the words for nothing, in lower case."""
    return sorted(_NOTHING)


def _numbered(name: str, names: Sequence[str]) -> str:
    return next(f"{name}_{n}" for n in range(2, len(names) + 3) if f"{name}_{n}" not in names)


_KNOWN = frozenset(_FOLDED.values())
