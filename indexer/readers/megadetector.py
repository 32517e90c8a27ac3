"""Reads MegaDetector's results: each detection is the part of its photograph that it found."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from indexer.inputs.records import Box, Record
from indexer.readers import Fetch
from indexer.readers.folder import named_file
from model.errors import BadInput

NOUN = "results of MegaDetector (JSON)"
LEAST_CONFIDENCE = 0.2  # as its authors advise for version 5 and later
ANIMAL, BLANK = "animal", "blank"
_HEAD = 1 << 20
_CLASSIFIED = ("classification", "classification_conf")
Object = Mapping[str, Any]


def claims(source: str) -> bool:
    """Tell whether it is a JSON file of images with detections."""
    head = head_of(source)
    return '"detection_categories"' in head or ('"detections"' in head and '"images"' in head)


def head_of(source: str) -> str:
    """Return the beginning of a JSON file; "" of any other."""
    if not source.lower().endswith(".json"):
        return ""
    try:
        with Path(source).open(encoding="utf-8", errors="replace") as file:
            return file.read(_HEAD)
    except OSError:
        return ""


def base(source: str) -> str:
    """Return the folder of the file, which its photographs are below."""
    return str(Path(source).parent)


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per detection of LEAST_CONFIDENCE, and per photograph without one.

    Boxes are (x, y, width, height) in shares of the upright photograph, as MegaDetector's output
    format 1.x has them. What an image says beside, camera, time, sequence, is metadata; a person
    or a vehicle is labelled so, an animal is not a label. A photograph in which nothing was found
    is labelled "blank"; one that the detector failed on carries a problem.
    """
    told = parsed(source)
    if not isinstance(told.get("images"), list):
        raise BadInput(f"{source} has no list of images; is it MegaDetector's own output?")
    categories = as_object(told.get("detection_categories"))
    classes = as_object(told.get("classification_categories"))
    yield from records_of(told["images"], Path(base(source)), categories, classes)


def parsed(source: str) -> dict[str, Any]:
    """Return a JSON object; raises BadInput for anything else."""
    try:
        told = json.loads(Path(source).read_bytes(), parse_int=_integer)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{source} cannot be read as JSON ({error}); get it anew.") from error
    if not isinstance(told, dict):
        raise BadInput(f"{source} holds no object of JSON; is it the detector's own output?")
    return told


def records_of(
    images: list[Any], folder: Path, categories: Object, classes: Object
) -> Iterator[Record]:
    """Yield the records of images below a folder, each once; an image without a file is one, too.

    `categories` names the categories of detections, `classes` those of classifications.
    """
    seen: set[str] = set()
    for place, image in enumerate(images, 1):
        for record in _of_image(as_object(image), folder, categories, classes, place):
            if record.source_id not in seen:
                seen.add(record.source_id)
                yield record


def as_object(value: object) -> Object:
    """Return an object of JSON, an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def _of_image(
    image: Object, folder: Path, categories: Object, classes: Object, place: int
) -> Iterator[Record]:
    name = image.get("file")
    if not isinstance(name, str) or not name:
        yield Record(f"image {place}", problem=f"image {place} of the list names no file")
        return
    photo = replace(named_file(folder, name), label="", taxon=None)
    said = {
        key: str(value)
        for key, value in image.items()
        if isinstance(value, str | int | float) and key not in ("file", "failure")
    }
    detections = image.get("detections")
    failure = image.get("failure")
    if failure or not isinstance(detections, list):
        why = failure or "it has no list of detections"
        yield replace(photo, problem=f"MegaDetector could not read it: {why}", metadata=said)
    blank = isinstance(detections, list) and not failure
    for detection in map(as_object, detections if isinstance(detections, list) else []):
        box, confidence = _box(detection.get("bbox")), detection.get("conf", 0)
        if not _is_number(confidence) or confidence < LEAST_CONFIDENCE:
            continue
        blank = False
        if box is None:
            wrong = f"its detection has no box in the photograph: {str(detection.get('bbox'))[:60]}"
            yield replace(photo, problem=photo.problem or wrong)
            continue
        kind = str(categories.get(str(detection.get("category")), ""))
        found = said | {"detection": kind, "detection_conf": str(confidence)}
        found |= _classification(detection, classes)
        if kind != ANIMAL:  # a classifier's word is about the animals of a photograph
            found = {key: value for key, value in found.items() if key not in _CLASSIFIED}
        yield replace(
            photo,
            source_id=photo.source_id + box.fragment,
            crop=box,
            label="" if kind == ANIMAL else kind,
            metadata=found,
        )
    if blank:
        told = said | {"detection": BLANK}
        yield replace(photo, label=BLANK, metadata=told, from_table=True)


def _box(written: object) -> Box | None:
    if not isinstance(written, list) or len(written) != 4 or not all(map(_is_number, written)):
        return None
    box = Box(*(float(share) for share in written))
    inside = box.left < 1 and box.top < 1 and box.left + box.width > 0 and box.top + box.height > 0
    return box if inside and box.width > 0 and box.height > 0 else None


def _classification(detection: Object, classes: Object) -> dict[str, str]:
    """Return what a classifier said first; that is a machine's word, so it is no label."""
    found = detection.get("classifications")
    match found if isinstance(found, list) else []:
        case [[name, confidence, *_], *_]:
            said = str(classes.get(str(name), name))
            return dict(zip(_CLASSIFIED, (said, str(confidence)), strict=True))
    return {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)  # which is infinite for hundreds
