"""Reads SpeciesNet's predictions: each detection is the part of its photograph that it found."""

from collections.abc import Iterator
from pathlib import Path

from indexer.inputs.records import Record
from indexer.readers import Fetch
from indexer.readers.megadetector import Object, as_object, head_of, parsed, records_of
from model.errors import BadInput

NOUN = "predictions of SpeciesNet (JSON)"
_CATEGORIES = {"1": "animal", "2": "human", "3": "vehicle"}


def claims(source: str) -> bool:
    """Tell whether it is a JSON file of predictions for file paths."""
    head = head_of(source)
    return '"predictions"' in head and '"filepath"' in head


def base(source: str) -> str:
    """Return the folder of the file, which its photographs are below."""
    return str(Path(source).parent)


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per detection and per photograph without one, as of MegaDetector's results.

    What the classifier says of a photograph, a machine's word, is the metadata `classification`
    (the lowest taxon that it names) and `classification_conf`. Raises BadInput for another file.
    """
    predictions = parsed(source).get("predictions")
    if not isinstance(predictions, list):
        raise BadInput(f"{source} has no list of predictions; is it SpeciesNet's own output?")
    images = [_image(as_object(each)) for each in predictions]
    yield from records_of(images, Path(base(source)), _CATEGORIES, {})


def _image(told: Object) -> Object:
    """Return a prediction as MegaDetector's format has an image."""
    known = ("filepath", "prediction", "prediction_score", "failures", "detections")
    image = {key: value for key, value in told.items() if key not in known}
    if "detections" in told or not told.get("failures"):
        image["detections"] = told.get("detections") or []
    image["file"] = told.get("filepath")
    failures = told.get("failures")
    if isinstance(failures, list) and "DETECTOR" in failures:
        image["failure"] = f"SpeciesNet's {', '.join(map(str, failures)).lower()} failed"
    if isinstance(prediction := told.get("prediction"), str):
        image["classification"] = _lowest(prediction)
        image["classification_conf"] = told.get("prediction_score", "")
    return image


def _lowest(prediction: str) -> str:
    """Return the lowest name of "id;class;order;family;genus;species;common name"."""
    parts = [part.strip() for part in prediction.split(";")]
    if len(parts) != 7:
        return prediction
    *upper, genus, epithet, common = parts[1:]
    if genus and epithet:
        return f"{genus.capitalize()} {epithet}"
    return next((name.capitalize() for name in (genus, *reversed(upper)) if name), common)
