"""A Darwin Core Archive: occurrences, who identified them as what, and their pictures."""

import json
import mimetypes
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from indexer.exports import archive_text
from indexer.exports.account import Account
from indexer.exports.archive_text import CREATED, DC, DWC, GBIF, Text
from indexer.exports.image_rows import Identification, Image, Images, MachineIdentification
from model.taxon import RANKS

NOUN = "a Darwin Core Archive: occurrences, identifications and media"
SUFFIX = ""
_ID = "occurrenceID"
_TAXON = (*map(str, RANKS[:-1]), "specificEpithet", "scientificName", "taxonRank", "vernacularName")
_ABOUT = (
    *("identifiedBy", "dateIdentified", "identificationVerificationStatus"),
    "identificationRemarks",
)
# Terms of Darwin Core that metadata may be called by; anything else is dynamicProperties.
_SAID = (
    *("basisOfRecord", "institutionCode", "collectionCode", "catalogNumber", "recordNumber"),
    *("recordedBy", "individualCount", "organismID", "sex", "lifeStage", "behavior"),
    *("establishmentMeans", "occurrenceStatus", "preparations", "occurrenceRemarks"),
    *("eventID", "parentEventID", "eventDate", "eventTime", "year", "month", "day", "habitat"),
    *("samplingProtocol", "fieldNumber", "eventRemarks", "locationID", "continent", "country"),
    *("countryCode", "stateProvince", "county", "municipality", "locality", "waterBody"),
    *("decimalLatitude", "decimalLongitude", "geodeticDatum", "coordinateUncertaintyInMeters"),
    *("minimumElevationInMeters", "maximumElevationInMeters", "minimumDepthInMeters"),
    *("maximumDepthInMeters", "typeStatus", "datasetName", "informationWithheld"),
)
_OCCURRENCE = (_ID, *_TAXON, "verbatimIdentification", *_ABOUT, *_SAID, "dynamicProperties")
_IDENTIFICATION = (*_TAXON, "verbatimIdentification", *_ABOUT)
_OF_MEDIUM = (
    *("license", "rightsHolder", "creator", "created", "references", "title", "description"),
    "publisher",
)
_MEDIUM = ("type", "format", "identifier", *_OF_MEDIUM)
_TABLES = (
    Text("occurrence.txt", f"{DWC}Occurrence", DWC, _OCCURRENCE),
    Text("identification.txt", f"{DWC}Identification", DWC, _IDENTIFICATION),
    Text("multimedia.txt", f"{GBIF}Multimedia", DC, _MEDIUM),
)
_Row = dict[str, object]


def write(images: Images, target: Path, account: Account) -> Iterator[None]:
    """Write a zip: an occurrence for each occurrenceID, or for each image that has none.

    People's label names the occurrence, else a machine's; both are in its history of
    identifications. A picture on this machine is named by its path below the collection's root.
    An image that nobody names a taxon of is no occurrence. Source: Darwin Core Text Guide;
    extensions Identification History and Simple Multimedia of rs.gbif.org.
    """
    folder = target.parent / "archive"
    folder.mkdir()
    seen: set[str] = set()
    told: set[tuple[str, ...]] = set()
    with ExitStack() as files:
        occurrence, identification, medium = (files.enter_context(t.open(folder)) for t in _TABLES)
        for batch in images.batches():
            for image in batch:
                best = image.best
                if best is None:
                    account.left_out["images that nobody names a taxon of"] += 1
                    continue
                key = image.metadata.get(_ID) or image.image_id
                if key not in seen:
                    seen.add(key)
                    occurrence(key, _occurrence(image, best, key))
                    account.written["occurrences"] += 1
                for said in filter(None, (image.said, image.machine)):
                    row = _identification(said, image.metadata)
                    same = (key, *map(str, row.values()))
                    if said.taxon and same not in told:
                        if key != image.image_id:  # only these can come again
                            told.add(same)
                        identification(key, row)
                        account.written["identifications"] += 1
                medium(key, _medium(image))
                account.written["media"] += 1
            account.images += len(batch)
            yield
    title = images.snapshot.folder.name.removesuffix(".collection")
    (folder / "meta.xml").write_text(archive_text.meta_xml(_TABLES), encoding="utf-8")
    (folder / "eml.xml").write_text(archive_text.eml_xml(title), encoding="utf-8")
    account.notes.append(f"eml.xml names no {CREATED}: fill them in before you publish")
    Path(shutil.make_archive(str(target.parent / "packed"), "zip", folder)).rename(target)


def _occurrence(image: Image, best: Identification, key: str) -> _Row:
    said = image.metadata
    known = {term: said[term] for term in _SAID if term in said}
    others = {name: said[name] for name in said if name not in _NAMED_ELSEWHERE}
    row = {"basisOfRecord": "Occurrence"} | known | _identification(best, said) | {_ID: key}
    if others:
        row["dynamicProperties"] = json.dumps(others, ensure_ascii=False)
    return row


def _identification(said: Identification, metadata: Mapping[str, str]) -> _Row:
    row: _Row = {"verbatimIdentification": said.label, "scientificName": said.name}
    row["taxonRank"] = said.rank
    if said.taxon:
        row |= {str(rank): said.taxon.at(rank) for rank in RANKS[:-1]}
        row["specificEpithet"] = said.taxon.epithet
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
    return row | {term: metadata.get(term, "") for term in _ABOUT}


def _medium(image: Image) -> _Row:
    where = image.url or image.source_id
    kind = mimetypes.guess_type(image.file_name)[0] or ""
    row: _Row = {"type": "StillImage", "format": kind, "identifier": where}
    return row | {term: image.metadata.get(term, "") for term in _OF_MEDIUM}


_NAMED_ELSEWHERE = {_ID, *_ABOUT, *_SAID, *_OF_MEDIUM}
