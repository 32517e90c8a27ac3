"""From what people call their pictures, folder names and label files, to labels and taxa."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from indexer.inputs.records import CROP_MARK, Record, plain_name
from indexer.tables.columns import PLACES
from indexer.tables.table import open_table
from model.errors import BadInput
from model.taxon import RANKS, Taxon

_BINOMIAL = re.compile(r"[A-Z][a-z]+[ _][a-z][a-z-]+")
_INAT_FOLDER = re.compile(r"\d{5}(_[A-Za-z-]+){7,}")
_LOG = logging.getLogger("taxalens")
# Of what names a picture, "image" and "identifier" may as well be something else.
_KEY_COLUMNS = (*PLACES[:5], *PLACES[6:9], "label", *PLACES[5:6], *PLACES[9:])


@dataclass(frozen=True, slots=True)
class Label:
    """A label as it was written, the taxon it names (None: no taxon) and what else is said."""

    text: str
    taxon: Taxon | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def label_of_folder(name: str) -> Label:
    """Understand a folder's name.

    "Panthera leo" and "Panthera_leo" name a species; "00123_Animalia_Chordata_…_Panthera_leo"
    (iNaturalist 2021) a whole lineage; any other name stays a label without a taxon.
    """
    if _INAT_FOLDER.fullmatch(name):
        _, *ranks = name.split("_")
        return Label(name, Taxon.from_ranks([*ranks[:6], " ".join(ranks[5:])]))
    if _BINOMIAL.fullmatch(name):
        return Label(name, Taxon.from_ranks([""] * 6 + [name.replace("_", " ")]))
    return Label(name)


def read_label_file(path: Path, keys: Sequence[str] = _KEY_COLUMNS) -> dict[str, Label]:
    """Read a table of labels (CSV, TSV, Parquet, .xlsx, .ods), by file name or by folder name.

    Its column `file_name` (path below the indexed folder, or a URL) or `label` (folder name) says
    what a line is about; kingdom … species or `taxon` (a scientific name), and `common_name`, say
    what it shows; where none of them does, a label is understood as a folder's name is. Every other
    column is kept as metadata. `keys` are the columns that may say what a line is about, the first
    that is there. Lines that cannot be used, and all but the first of those that speak of one
    picture, are told of in a warning. Raises BadInput for a file that cannot be read or has no key
    column.
    """
    if not path.is_file():
        raise BadInput(f"There is no label file {path}.")
    table = open_table(path)
    key = next((name for name in keys if name in table.columns), None)
    if key is None:
        raise BadInput(
            f"{path} has neither of the columns file_name and label, but "
            f"{', '.join(table.columns)}; rename one."
        )
    labels: dict[str, Label] = {}
    again: list[str] = []
    nameless: list[int] = []
    for row in table.used():
        said = table.said(row)
        if not (named := said.pop(key, "")):
            nameless.append(row.line)
            continue
        about = plain_name(named)
        label = label_from(named if key == "label" else said.pop("label", ""), said)
        if labels.setdefault(about, label) != label:
            again.append(f"{about} (line {row.line}: {label.text})")
    if nameless:
        _warn(path, len(nameless), f"have no {key}, the first line {nameless[0]}")
    if again:
        shown = ", ".join(again[:3]) + (", …" if len(again) > 3 else "")
        _warn(path, len(again), f"speak of what an earlier line speaks of otherwise: {shown}")
    return labels


def _warn(path: Path, lines: int, why: str) -> None:
    _LOG.warning("%s: %d rows are left out, as they %s.", path, lines, why)


def keys_of(record: Record, base: str) -> tuple[str, ...]:
    """What a label file may call an input: its path or URL, its id, its photograph, its folder."""
    below, folder = record.source_id, _folder(record)
    whole = below.partition(CROP_MARK)[0]
    names = (below, whole) if whole != below else (below,)
    named = (
        f"{start}{name}" for name in names for start in ("", f"{Path(base).name}/", f"{base}/")
    )
    return tuple(map(plain_name, filter(None, (*named, record.url, folder))))


def _folder(record: Record) -> str:
    """Return the name of the folder that an input lies in."""
    return PurePosixPath(record.source_id.partition(CROP_MARK)[0]).parent.name


def labelled(record: Record, base: str, labels: Mapping[str, Label]) -> Record:
    """Return a record with what a label file says of it.

    That overrules its folder's name, except where it holds metadata alone. What it says of a
    photograph is said of the parts of it that are not labelled, such as an animal; a person or a
    vehicle stays one.
    """
    keys = keys_of(record, base) if labels else ()
    key = next((key for key in keys if key in labels), None)
    if key is None:
        return record
    given = labels[key]
    metadata = {**record.metadata, **given.metadata}
    of_whole = record.crop is not None and key != plain_name(record.source_id)
    of_folder = key == plain_name(_folder(record)) and given.taxon is None
    if not given.text or (of_whole and (record.label or of_folder)):
        return replace(record, metadata=metadata, from_table=True)
    return replace(record, label=given.text, taxon=given.taxon, metadata=metadata, from_table=True)


def label_from(text: str, said: dict[str, str]) -> Label:
    """Understand a label, and what is said beside it by the names of its columns.

    kingdom … species, `taxon` (a scientific name) with its `rank`, and `common_name` say what is
    shown; what remains of `said` is metadata.
    """
    ranks = [said.pop(rank, "") for rank in RANKS]
    common, name, rank = (said.pop(column, "") for column in ("common_name", "taxon", "rank"))
    rank = rank.lower()
    if name and not ranks[6] and rank in ("", "species", "subspecies") and " " in name:
        ranks[6] = name
    elif name and rank in RANKS and not ranks[RANKS.index(rank)]:
        ranks[RANKS.index(rank)] = name
    taxon = Taxon.from_ranks(ranks, common)
    if not taxon.name and text:
        return replace(label_of_folder(text), metadata=said)
    return Label(text or taxon.name or common or name, taxon if taxon.name else None, said)
