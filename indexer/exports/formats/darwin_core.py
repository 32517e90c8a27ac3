"""A Darwin Core Archive: occurrences, who identified them as what, and their pictures."""

import json
import mimetypes
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from indexer.exports import archive_text
from indexer.exports.account import Account
from indexer.exports.archive_text import CREATED, DC, DWC, GBIF, Text
from indexer.exports.darwin_core_columns import OF_MEDIUM, Columns
from indexer.exports.image_rows import (
    Identification,
    Image,
    Images,
    MachineIdentification,
    epithets,
)
from indexer.tables.darwin_core_terms import DYNAMIC, terms
from model.taxon import RANKS

NOUN = "a Darwin Core Archive: occurrences, identifications and media"
SUFFIX = ""
_ID = "occurrenceID"
_TAXON = (
    *map(str, RANKS[:-1]),
    *("specificEpithet", "infraspecificEpithet", "scientificName", "taxonRank", "vernacularName"),
)
_ABOUT = (
    *("identifiedBy", "dateIdentified", "identificationVerificationStatus"),
    "identificationRemarks",
)
_IDENTIFICATION = (*_TAXON, "verbatimIdentification", "identificationQualifier", *_ABOUT)
_MEDIUM = ("type", "format", "identifier", *OF_MEDIUM)
# What the export says itself of the name that it gives; metadata do not overrule it.
_OWN = {_ID, *_TAXON, *map(str, RANKS), *_ABOUT, "verbatimIdentification", DYNAMIC}
_NAMES = ("scientificName", "verbatimIdentification", "acceptedNameUsage")
_ADDED = (
    *("basisOfRecord", "verbatimEventDate", "verbatimLatitude", "verbatimLongitude"),
    "identificationQualifier",
)
# "cf. leo" of "Panthera cf. leo": the doubt, and the part of the name that it is about.
_DOUBT = re.compile(r"(?:^|(?<=\s))(?:cf|aff|nr)(?:\.|(?=\s)).*\S|\?+$", re.IGNORECASE)
_OF_PERSON = ("verbatimIdentification", "identificationQualifier")
_Row = dict[str, object]
_Said = Mapping[str, str]


def write(images: Images, target: Path, account: Account) -> Iterator[None]:
    """Write a zip: an occurrence for each occurrenceID, or for each image that has none.

    People's label names the occurrence, else a machine's; both are in its history of
    identifications. A picture on this machine is named by its path below the collection's root.
    Images without a taxon are left out. Source: Darwin Core Text Guide;
    extensions Identification History and Simple Multimedia of rs.gbif.org.
    """
    folder = target.parent / "archive"
    folder.mkdir()
    seen: set[str] = set()
    told: set[tuple[str, ...]] = set()
    columns = Columns.of(images)
    tables = _tables(columns)
    with ExitStack() as files:
        occurrence, identification, medium = (files.enter_context(t.open(folder)) for t in tables)
        for batch in images.batches():
            for image in batch:
                best = image.best
                if best is None:
                    account.left_out["images that nobody names a taxon of"] += 1
                    continue
                known, others = columns.split(image.metadata)
                key = known.get(_ID) or image.image_id
                if key not in seen:
                    seen.add(key)
                    occurrence(key, _occurrence(image, best, key, known, others))
                    account.written["occurrences"] += 1
                for said in filter(None, (image.said, image.machine)):
                    row = _identification(said, known)
                    same = (key, *map(str, row.values()))
                    if said.taxon and same not in told:
                        if key != image.image_id:  # only these can come again
                            told.add(same)
                        identification(key, row)
                        account.written["identifications"] += 1
                medium(key, _medium(image, known))
                account.written["media"] += 1
            account.images += len(batch)
            yield
    title = images.snapshot.folder.name.removesuffix(".collection")
    (folder / "meta.xml").write_text(archive_text.meta_xml(tables), encoding="utf-8")
    (folder / "eml.xml").write_text(archive_text.eml_xml(title), encoding="utf-8")
    account.notes += columns.notes()
    account.notes.append(f"eml.xml names no {CREATED}: fill them in before you publish")
    Path(shutil.make_archive(str(target.parent / "packed"), "zip", folder)).rename(target)


def _tables(columns: Columns) -> tuple[Text, Text, Text]:
    """Return the tables: of the occurrence's terms those that a column holds, and our own."""
    held = {*columns.terms.values(), *_ADDED} - {*_OWN, *OF_MEDIUM}
    said = [term for name, term in terms().items() if name in held]
    iris = {term.name: term.vocabulary + term.name for term in said}
    core = (_ID, *_TAXON, "verbatimIdentification", *_ABOUT, *iris, DYNAMIC)
    return (
        Text("occurrence.txt", f"{DWC}Occurrence", DWC, core, iris),
        Text("identification.txt", f"{DWC}Identification", DWC, _IDENTIFICATION),
        Text("multimedia.txt", f"{GBIF}Multimedia", DC, _MEDIUM),
    )


def _occurrence(image: Image, best: Identification, key: str, known: _Said, others: _Said) -> _Row:
    """Return a row of the core; what does not hold of its name there is in dynamicProperties.

    A person's identification does not speak of a machine's name, nor an author of another name.
    """
    human = best is image.said
    names = [known[term] for term in _NAMES if known.get(term)] or [best.label]
    named = human and any(name.startswith(best.name) for name in names if best.name)
    row: _Row = {"basisOfRecord": "Occurrence"}
    own = _identification(best, known if human else {}) | {_ID: key}
    said = {str(value).casefold() for value in own.values()} | {best.label.casefold()}
    others = dict(others)
    for term, value in known.items():
        of = terms()[term].of if term in terms() else ""
        if term in OF_MEDIUM:
            continue
        if term in _OWN or (of == "Identification" and not human) or (of == "Taxon" and not named):
            if value.casefold() not in said:
                others[term] = value
        else:
            row[term] = value
    if human and best.label != own["verbatimIdentification"]:
        others.setdefault("label", best.label)
    row |= own
    if others:
        row[DYNAMIC] = json.dumps(others, ensure_ascii=False)
    return row


def _identification(said: Identification, known: _Said) -> _Row:
    row: _Row = {"verbatimIdentification": said.label, "scientificName": said.name}
    row["taxonRank"] = said.rank
    row["identificationQualifier"] = _qualifier(known.get("verbatimIdentification") or said.label)
    if said.taxon:
        row |= {str(rank): said.taxon.at(rank) for rank in RANKS[:-1]}
        row["specificEpithet"], row["infraspecificEpithet"] = epithets(said.taxon, said.name)
        row["vernacularName"] = said.taxon.common_name
    if isinstance(said, MachineIdentification):
        remarks = (said.method, f"confidence {said.confidence:.3g}", said.remarks)
        about = (
            said.identified_by,
            said.date_identified,
            "unverified",
            "; ".join(filter(None, remarks)),
        )
        return row | dict(zip(_ABOUT, about, strict=True))
    written = {term: known[term] for term in _OF_PERSON if known.get(term)}
    return row | {term: known.get(term, "") for term in _ABOUT} | written


def _qualifier(label: str) -> str:
    """Return the doubt that a label states, "cf. leo" of "Panthera cf. leo", "" for none."""
    found = _DOUBT.search(" ".join(label.replace("_", " ").split()))
    return found.group() if found else ""


def _medium(image: Image, known: _Said) -> _Row:
    where = image.url or image.source_id
    kind = mimetypes.guess_type(image.file_name)[0] or ""
    row: _Row = {"type": "StillImage", "format": kind, "identifier": where}
    return row | {term: known.get(term, "") for term in OF_MEDIUM}
