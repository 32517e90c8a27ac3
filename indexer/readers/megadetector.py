"""Reads MegaDetector's results: each detection is the part of its photograph that it found."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from indexer.inputs.paths import inside, why_outside
from indexer.inputs.records import Box, Record
from indexer.readers import Fetch
from indexer.readers.folder import of_file
from model.errors import BadInput

NOUN = "results of MegaDetector (JSON)"
LEAST_CONFIDENCE = 0.2  # as its authors advise for version 5 and later
ANIMAL = "animal"
_HEAD = 1 << 20
_Object = Mapping[str, Any]
_MARKS = ('"detection_categories"', '"detections"')


def claims(source: str) -> bool:
    """Tell whether it is a JSON file that speaks of detections."""
    if not source.lower().endswith(".json"):
        return False
    try:
        with Path(source).open(encoding="utf-8", errors="replace") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return any(mark in head for mark in _MARKS)


def base(source: str) -> str:
    """Return the folder of the file, which its photographs are below."""
    return str(Path(source).parent)


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per detection of LEAST_CONFIDENCE, and per photograph that it failed on.

    Boxes are (x, y, width, height) in shares of the upright photograph, as MegaDetector's output
    format 1.x has them. What an image says beside, camera, time, sequence, is metadata; a person
    or a vehicle is labelled so, an animal is not a label.
    """
    told = _parsed(source)
    categories = _object(told.get("detection_categories"))
    classes = _object(told.get("classification_categories"))
    images = told["images"] if isinstance(told.get("images"), list) else []
    seen: set[str] = set()
    for image in images:
        for record in _of_image(_object(image), Path(base(source)), categories, classes):
            if record.source_id not in seen:
                seen.add(record.source_id)
                yield record


def _parsed(source: str) -> dict[str, Any]:
    try:
        told = json.loads(Path(source).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{source} cannot be read as JSON ({error}); get it anew.") from error
    if not isinstance(told, dict) or not isinstance(told.get("images"), list):
        raise BadInput(f"{source} has no list of images; is it MegaDetector's own output?")
    return told


def _of_image(
    image: _Object, folder: Path, categories: _Object, classes: _Object
) -> Iterator[Record]:
    name = image.get("file")
    if not isinstance(name, str) or not name:
        return
    photo = _photograph(folder, name.replace("\\", "/"))
    said = {
        key: str(value)
        for key, value in image.items()
        if isinstance(value, str | int | float) and key not in ("file", "failure")
    }
    if failure := image.get("failure"):
        yield replace(photo, problem=f"MegaDetector could not read it: {failure}", metadata=said)
    detections = image.get("detections")
    for detection in map(_object, detections if isinstance(detections, list) else []):
        box, confidence = _box(detection.get("bbox")), detection.get("conf", 0)
        if box is None or not _is_number(confidence) or confidence < LEAST_CONFIDENCE:
            continue
        kind = str(categories.get(str(detection.get("category")), ""))
        found = {"detection": kind, "detection_conf": str(confidence)}
        yield replace(
            photo,
            source_id=photo.source_id + box.fragment,
            crop=box,
            label="" if kind == ANIMAL else kind,
            taxon=None,
            metadata=said | found | _classification(detection, classes),
        )


def _photograph(folder: Path, name: str) -> Record:
    below = inside(folder, name)
    if below is None:
        advice = "put the results into the folder of the photographs"
        return Record(name, problem=why_outside(folder, name, advice))
    return replace(of_file(folder / below, below), label="", taxon=None)


def _box(written: object) -> Box | None:
    if not isinstance(written, list) or len(written) != 4 or not all(map(_is_number, written)):
        return None
    box = Box(*(float(share) for share in written))
    inside = box.left < 1 and box.top < 1 and box.left + box.width > 0 and box.top + box.height > 0
    return box if inside and box.width > 0 and box.height > 0 else None


def _classification(detection: _Object, classes: _Object) -> dict[str, str]:
    """Return what a classifier said first; that is a machine's word, so it is no label."""
    found = detection.get("classifications")
    match found if isinstance(found, list) else []:
        case [[name, confidence, *_], *_]:
            said = str(classes.get(str(name), name))
            return {"classification": said, "classification_conf": str(confidence)}
    return {}


def _object(value: object) -> _Object:
    return value if isinstance(value, dict) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
