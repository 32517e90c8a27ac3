"""What an image is in Camtrap DP: a photograph of a deployment, and what is observed in it."""

import mimetypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from indexer.exports.camtrap.tables import MEDIA, OBSERVATIONS, constraint
from indexer.exports.event_dates import event_date
from indexer.exports.image_rows import Identification, Image, MachineIdentification

# Metadata by any of these names, the first that there is: of the standards, and of usual tables.
DEPLOYMENT = ("deploymentID", "deployment", "locationID", "station", "site", "camera", "location")
TIME = ("timestamp", "eventDate", "DateTimeOriginal", "datetime", "captureTime")
LATITUDE = ("latitude", "decimalLatitude", "lat")
LONGITUDE = ("longitude", "decimalLongitude", "lon", "lng")
_EVENT = ("eventID", "sequence_id", "seq_id", "sequence", "burst")
_COUNT = ("count", "individualCount")
_INDIVIDUAL = ("individualID", "organismID")
_A_DAY = timedelta(days=1)
_NO_ANIMAL = {
    "blank": "blank",
    "empty": "blank",
    "human": "human",
    "person": "human",
    "people": "human",
    "vehicle": "vehicle",
    "unknown": "unknown",
}
_CAPTURE_METHODS = constraint(MEDIA, "captureMethod", "enum")
_FILE_PATH = re.compile(constraint(MEDIA, "filePath", "pattern"))
_LIFE_STAGES = constraint(OBSERVATIONS, "lifeStage", "enum")
_SEXES = constraint(OBSERVATIONS, "sex", "enum")
_Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Moment:
    """When a photograph was taken."""

    time: datetime
    certain: bool
    """whether its time zone, and its time of day, were said"""
    until: datetime | None = None
    """the end, where it is an interval"""

    @property
    def end(self) -> "Moment":
        """Its end, of a moment itself."""
        return Moment(self.until or self.time, self.certain)

    def __str__(self) -> str:
        """Write it as the standard demands."""
        return self.time.isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Shot:
    """Where and when a photograph was taken."""

    deployment: str
    latitude: float
    longitude: float
    moment: Moment


def first(metadata: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the first of several metadata that is said, whatever the case of its name."""
    lower = {name.lower(): value for name, value in metadata.items()}
    return next((lower[name.lower()] for name in names if lower.get(name.lower())), "")


def shot_of(image: Image) -> Shot | str:
    """Return where and when it was taken, or why the standard has no place for it."""
    said = image.metadata
    moment = moment_of(first(said, TIME))
    if moment is None:
        return "images without the day that they were taken"
    try:
        latitude, longitude = float(first(said, LATITUDE)), float(first(said, LONGITUDE))
    except ValueError:
        return "images without coordinates"
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return "images whose coordinates are not on Earth"
    if not _FILE_PATH.match(_path(image)):
        return "images whose path has .. or begins with . or ~, which Camtrap DP does not allow"
    folder = str(PurePosixPath(image.whole).parent)
    return Shot(first(said, DEPLOYMENT) or folder, latitude, longitude, moment)


def moment_of(text: str) -> Moment | None:
    """Understand a time in ISO 8601, or as cameras write it; None for less than a day.

    Of an interval the start counts, where it lasts a day at most; `until` is its end. Where no time
    zone is said, UTC is written, which is not certain.
    """
    start, interval, end = event_date(text).partition("/")
    if interval:
        full = start[: 10 - len(end)] + end if len(end) < 10 and len(start) == 10 else end
        first, last = moment_of(start), moment_of(full)
        if not (first and last and timedelta() <= last.time - first.time <= _A_DAY):
            return None
        return Moment(first.time, first.certain and last.certain, last.time)
    if len(start) < 10:
        return None
    time = datetime.fromisoformat(start)
    certain = time.tzinfo is not None and len(start) > 10
    return Moment(time if time.tzinfo else time.replace(tzinfo=UTC), certain)


def medium_of(image: Image, shot: Shot) -> _Row:
    """Return its row of media; a photograph and its parts have the same."""
    how = image.metadata.get("captureMethod", "")
    return {
        "mediaID": image.whole,
        "deploymentID": shot.deployment,
        "captureMethod": how if how in _CAPTURE_METHODS else "",
        "timestamp": shot.moment,
        "filePath": _path(image),
        "filePublic": "true" if image.url else "false",
        "fileName": image.file_name,
        "fileMediatype": _media_type(image),
    }


def observations_of(image: Image, shot: Shot) -> Iterator[_Row | str]:
    """Yield what people say that it shows, and what a machine says; or why that has no place.

    Of an image that nobody says anything of it yields one row, which is unclassified.
    """
    told = [each for each in (image.said, image.machine) if each and each.label]
    for said in told or [image.said]:
        kind = _type(said, image)
        if not kind:
            yield "observations of other organisms than animals, which Camtrap DP cannot hold"
            continue
        yield {
            "observationID": image.image_id + (":machine" if said is image.machine else ""),
            "deploymentID": shot.deployment,
            "mediaID": image.whole,
            "eventID": first(image.metadata, _EVENT),
            "eventStart": shot.moment,
            "eventEnd": shot.moment.end,
            "observationLevel": "media",
            "observationType": kind,
            "scientificName": said.name,
            **_about(image, kind),
            **_classified(said, image.metadata),
        }


def _type(said: Identification, image: Image) -> str:
    """Return the type of an observation; "" for plants, fungi and other things."""
    if said.name == "Homo sapiens":
        return "human"
    if said.taxon:
        return "animal" if said.taxon.lineage[0] in ("", "Animalia") else ""
    if not said.label:
        return "animal" if image.metadata.get("detection") == "animal" else "unclassified"
    return _NO_ANIMAL.get(said.label.lower(), "unclassified")


def _about(image: Image, kind: str) -> _Row:
    said = image.metadata
    row: _Row = dict(zip(("bboxX", "bboxY", "bboxWidth", "bboxHeight"), _box(image), strict=False))
    if kind == "animal":
        count = first(said, _COUNT)
        count = re.sub(r"\.0*$", "", count)  # pandas writes 1.0
        row["count"] = count if count.isdecimal() and int(count) else ""
        for term, known in (("lifeStage", _LIFE_STAGES), ("sex", _SEXES)):
            value = first(said, (term,)).lower()
            row[term] = value if value in known else ""
        row["behavior"] = first(said, ("behavior",))
        row["individualID"] = first(said, _INDIVIDUAL)
    return row


def _box(image: Image) -> tuple[float, ...]:
    if not image.box:
        return ()
    left, top, width, height = image.box
    x, y = (min(max(0.0, each), 1.0) for each in (left, top))  # what detectors see beyond the edge
    return (x, y, min(left + width, 1.0) - x, min(top + height, 1.0) - y)


def _classified(said: Identification, metadata: Mapping[str, str]) -> _Row:
    if isinstance(said, MachineIdentification):
        moment = moment_of(said.date_identified)
        return {
            "classificationMethod": "machine",
            "classifiedBy": said.identified_by,
            "classificationTimestamp": moment if moment else "",
            "classificationProbability": said.confidence,
            "observationComments": "; ".join(filter(None, (said.method, said.remarks))),
        }
    if metadata.get("detection") == said.label == "blank":
        return {"classificationMethod": "machine", "classifiedBy": "MegaDetector"}
    if metadata.get("detection", "") in (said.label, "animal") and "detection_conf" in metadata:
        row: _Row = {"classificationMethod": "machine", "classifiedBy": "MegaDetector"}
        if not said.label or said.label == metadata["detection"]:
            return row | {"classificationProbability": metadata["detection_conf"]}
    if not said.label:
        return {}
    date = moment_of(metadata.get("dateIdentified", ""))
    return {
        "classificationMethod": "human",
        "classifiedBy": metadata.get("identifiedBy", ""),
        "classificationTimestamp": date if date and date.certain else "",
        "observationTags": "" if said.taxon else f"label:{said.label}",
    }


def _path(image: Image) -> str:
    return image.url or image.whole


def _media_type(image: Image) -> str:
    kind = mimetypes.guess_type(image.file_name)[0] or ""
    return kind if kind.startswith("image/") else "image/*"
