"""From what people call their pictures, folder names and label files, to labels and taxa."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from rapidfuzz import fuzz, process

from indexer.inputs.records import CROP_MARK, Record, media_in, plain_name
from indexer.labels.label_columns import stated_in, taxon_of_label
from indexer.labels.written_names import VERBATIM, has_doubt
from indexer.tables.columns import PLACES, STATING, URLS
from indexer.tables.table import open_table
from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.stated_names import lineage_of
from model.errors import BadInput
from model.taxon import Taxon

_BINOMIAL = re.compile(r"[A-Z][a-z]+ [a-z][a-z-]+")
# Where cameras put pictures, and people what they have not sorted yet.
_NO_LABEL = re.compile(
    r"(?i:dcim|img|imgs|images?|pics?|pictures?|photos?|fotos?|camera(?: roll)?|uploads?|downloads?"
    r"|unsorted|to[ _-]?sort|sort|misc|miscellaneous|new|new[ _-]folder(?: \(\d+\))?|untitled"
    r"|tmp|temp|test|incoming|inbox|imported"
    r"|[1-9]\d\d_?(?:media|canon|nikon|olymp|msdcf|andro|apple|pana_?|recnx|ek\d+|btcf|fuji|casio"
    r"|gopro|image|photo|cam\w*|sharp|moult|bshnl)"
    r"|(?:img|dsc[nf]?|pict|mvi|vid)[_-]?\d+)"
    r"|(?:19|20)\d\d(?:[-_.:/ ]?(?:0?[1-9]|1[0-2])(?:[-_.:/ ]?(?:0?[1-9]|[12]\d|3[01]))?)?"
    r"|(?:0?[1-9]|[12]\d|3[01])[-_. ](?:0?[1-9]|1[0-2])[-_. ](?:19|20)\d\d"
)
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
    (iNaturalist 2021) a whole lineage; any other name stays a label without a taxon. Folders of
    cameras and of unsorted pictures ("DCIM", "new", a date) label nothing.
    """
    if _NO_LABEL.fullmatch(name):
        return Label("")
    words = name.replace("_", " ")
    return _label_of_words(
        name, lineage_of([""] * 6 + [words]) if _BINOMIAL.fullmatch(words) else None
    )


def _label_of_words(name: str, taxon: Taxon | None) -> Label:
    if _INAT_FOLDER.fullmatch(name):
        _, *ranks = name.split("_")
        return Label(name, lineage_of([*ranks[:6], " ".join(ranks[5:])]))
    return Label(name, taxon)


def read_label_file(path: Path, keys: Sequence[str] = _KEY_COLUMNS) -> dict[str, Label]:
    """Read a table of labels (CSV, TSV, Parquet, .xlsx, .ods), by file name or by folder name.

    Its column `file_name` (path below the indexed folder, or a URL) or `label` (folder name) says
    what a line is about; what it shows is said by kingdom … species, `taxon` or scientificName with
    their ranks, the parts of a name, `common_name` or vernacularName, else by the label. Every
    other column is kept as metadata. `keys` are the columns that may say what a line is about, the
    first that is there. A warning counts the lines that cannot be used, and lists later lines
    about a
    picture that an earlier one labels otherwise. Raises BadInput for a file that cannot be read or
    has no key column.
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
    _warn_without_label(path, [each for each in table.columns if each != key], key)
    labels: dict[str, Label] = {}
    again: list[str] = []
    nameless: list[int] = []
    for row in table.used():
        said = table.said(row)
        if not (named := said.pop(key, "")):
            nameless.append(row.line)
            continue
        label = label_from(named if key == "label" else said.pop("label", ""), said)
        for about in map(plain_name, media_in(named) if key in URLS else [named]):
            if labels.setdefault(about, label) != label:
                again.append(f"{about} (line {row.line}: {label.text})")
    if nameless:
        _warn(path, len(nameless), f"without a {key}, first line {nameless[0]}")
    if again:
        shown = ", ".join(again[:3]) + (", …" if len(again) > 3 else "")
        _warn(path, len(again), f"unlike an earlier row about the same picture: {shown}")
    if alike := spellings_of_one(label.text for label in labels.values()):
        some = "; ".join(", ".join(spellings) for spellings in alike[:3])
        more = f"; and {len(alike) - 3} more labels" if len(alike) > 3 else ""
        _LOG.warning("%s writes one label in several ways: %s%s.", path, some, more)
    return labels


def _warn_without_label(path: Path, columns: Sequence[str], key: str) -> None:
    """Tell of a table without a column of labels, and which column may be one."""
    if key == "label" or not set(columns).isdisjoint(STATING):
        return
    near = [
        f"{column} (nearest: {found[0]})"
        for column in columns
        if (
            found := process.extractOne(
                column, STATING, scorer=fuzz.ratio, processor=str.lower, score_cutoff=70
            )
        )
    ]
    named = ", ".join(columns) or "no other column"
    _LOG.warning(
        "%s has no column of labels, and labels nothing; it has %s%s. Labels are read from label, "
        "taxon, scientificName, species, genus and the other ranks, and common_name.",
        *(path, named, f"; rename {', '.join(near)}" if near else ""),
    )


def spellings_of_one(labels: Iterable[str]) -> list[list[str]]:
    """Return the labels that differ by case, accents or blanks alone, grouped by name."""
    alike: dict[str, dict[str, None]] = {}
    for label in labels:
        alike.setdefault(fold(label), {})[label] = None
    return [list(spellings) for spellings in alike.values() if len(spellings) > 1]


def _warn(path: Path, lines: int, why: str) -> None:
    rows = "1 row is" if lines == 1 else f"{lines:,} rows are"
    _LOG.warning("%s: %s left out: %s.", path, rows, why)


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
    vehicle stays one, and what it says of a folder leaves a photograph blank that a detector did.
    """
    keys = keys_of(record, base) if labels else ()
    given_by = [key for key in keys if key in labels]
    if not given_by:
        return record
    key = given_by[0]
    given = labels[key]
    _warn_of_others(record, given_by, labels)
    metadata = {**record.metadata, **given.metadata}
    of_whole = record.crop is not None and key != plain_name(record.source_id)
    by_folder = key == plain_name(_folder(record))
    of_folder = by_folder and given.taxon is None
    detected = by_folder and record.label and record.label == record.metadata.get("detection")
    if not given.text or detected or (of_whole and (record.label or of_folder)):
        return replace(record, metadata=metadata, from_table=True)
    return replace(record, label=given.text, taxon=given.taxon, metadata=metadata, from_table=True)


def _warn_of_others(record: Record, keys: Sequence[str], labels: Mapping[str, Label]) -> None:
    """Warn of inputs that rows name in several ways and label differently; folders do not count."""
    whole = plain_name(record.source_id.partition(CROP_MARK)[0])
    about = [
        key
        for key in dict.fromkeys(keys)
        if labels[key].text and key != plain_name(_folder(record))
    ]
    if record.crop is None and len({labels[key].text for key in about}) > 1:
        first, *others = (f"{labels[key].text} as {key}" for key in about)
        _LOG.warning(
            "%s is labelled %s, which counts, and %s; remove one of the rows.",
            *(whole, first, " and ".join(others)),
        )


def label_from(text: str, said: dict[str, str]) -> Label:
    """Understand a label, and what is said beside it by the names of its columns.

    `label_columns` tells which of them state a taxon; what remains of `said` is metadata. A
    scientific name stays as it is written, as the label, or beside one as
    `verbatimIdentification`; one that cannot be read is no taxon, nor is a word such as "cats" in
    the column of a family. A label that is a scientific name itself states the taxon, too.
    """
    stated = stated_in(said)
    taxon, written = stated.taxon, stated.written or stated.word
    if text and written not in ("", text, taxon.name):
        said.setdefault(VERBATIM, written)
    if not taxon.name and text:
        return replace(_label_of_words(text, taxon_of_label(text)), metadata=said)
    if not text and stated.word:
        text, written = stated.word, ""
    if not text and has_doubt(written):
        said.pop(VERBATIM, "")
    text = text or said.pop(VERBATIM, "") or written or taxon.name or taxon.common_name
    return Label(text, taxon if taxon.name else None, said)
