"""Reads IIIF Presentation manifests, versions 2 and 3, as museums and libraries publish them."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

from indexer.inputs.records import Record, address, is_address
from indexer.labels.label_files import Label, label_from
from indexer.readers import Fetch
from model.errors import BadInput
from model.taxon import RANKS

NOUN = "a IIIF manifest (JSON or address)"
SIDE = 1024  # pixels of what is asked of an image service; the decoder keeps no more
MOST_MANIFESTS = 10_000  # of a collection
_DEPTH = 3
_MARK = "iiif.io/api/presentation"
_HEAD = 4096
_COLUMNS = {
    **{str(rank): str(rank) for rank in RANKS},
    **dict.fromkeys(("scientific name", "scientificname", "taxon", "taxon name"), "taxon"),
    **dict.fromkeys(("common name", "vernacular name", "vernacularname"), "common_name"),
}
"""columns of a label file, by what manifests call them"""


def claims(source: str) -> bool:
    """Tell whether it is a JSON file of IIIF, or an address that looks like a manifest's."""
    if is_address(source):
        path = source.partition("?")[0].rstrip("/").lower()
        return path.endswith(("/manifest", "/manifest.json")) or "iiif" in path
    if not source.lower().endswith(".json"):
        return False
    try:
        with Path(source).open(encoding="utf-8", errors="replace") as file:
            return _MARK in file.read(_HEAD)
    except OSError:
        return False


def base(source: str) -> str:
    """Return the manifest itself."""
    return source


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per canvas; a collection's manifests are fetched one after the other.

    What the manifest says of the whole, title, rights, attribution and its own pairs of names and
    values, is metadata of each picture; where a pair names a taxon, that is the label. Raises
    BadInput for what is no manifest.
    """
    seen: set[str] = set()
    for record in _of(_parsed(source, fetch), source, fetch, {source}, _DEPTH):
        if record.source_id not in seen:
            seen.add(record.source_id)
            yield record


def _parsed(source: str, fetch: Fetch) -> dict[str, Any]:
    try:
        told = json.loads(fetch(source) if is_address(source) else Path(source).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{source} cannot be read as JSON ({error}); get it anew.") from error
    if not isinstance(told, dict) or _kind(told) not in ("manifest", "collection"):
        raise BadInput(f"{source} is neither a manifest nor a collection of IIIF.")
    return told


def _of(
    told: dict[str, Any], source: str, fetch: Fetch, met: set[str], depth: int
) -> Iterator[Record]:
    if _kind(told) == "manifest":
        yield from _of_manifest(told)
        return
    for part in _objects(told, "items", "manifests", "collections", "members"):
        address = _id(part)
        if not is_address(address) or address in met or len(met) > MOST_MANIFESTS or not depth:
            continue
        met.add(address)
        try:
            yield from _of(_parsed(address, fetch), address, fetch, met, depth - 1)
        except BadInput as error:
            yield Record(address, problem=f"its manifest cannot be read: {error}")


def _of_manifest(manifest: dict[str, Any]) -> Iterator[Record]:
    label = _label(manifest)
    canvases = list(_objects(manifest, "items"))
    for sequence in _objects(manifest, "sequences"):
        canvases += _objects(sequence, "canvases")
    for place, canvas in enumerate(canvases, 1):
        images = list(_images(canvas))
        pictures = [image for image in images if not _other_kind(image)]
        url = next(filter(is_address, map(_address_of, pictures)), "")  # of a choice the first
        name = _text(canvas.get("label"))
        record = Record(
            _id(canvas) or url or f"canvas {place}",
            url=address(url),
            label=label.text,
            taxon=label.taxon,
            metadata={**label.metadata, **({"canvas": name} if name else {})},
            from_table=True,
        )
        if not url:
            kinds = sorted(set(filter(None, map(_other_kind, images))))
            why = f"holds {' and '.join(kinds)}" if kinds else "names no address of a picture"
            record = replace(record, problem=f"is no picture: it {why}")
        yield record


def _images(canvas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for annotation in _objects(canvas, "images"):  # version 2
        yield from map(_source, _objects(annotation, "resource"))
    for page in _objects(canvas, "items"):  # version 3
        for annotation in _objects(page, "items"):
            if annotation.get("motivation", "painting") in ("painting", ["painting"]):
                for body in _objects(annotation, "body"):
                    choices = _objects(body, "items") if _kind(body) == "choice" else [body]
                    yield from map(_source, choices)


def _source(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a specific resource is a view of; anything else as it is."""
    if _kind(body) not in ("specificresource", "specific_resource"):
        return body
    source = body.get("source", body.get("full"))
    return {"id": source, "type": "Image"} if isinstance(source, str) else source or {}


def _other_kind(image: dict[str, Any]) -> str:
    """Return what a resource is that is no picture: "video", "text/html"; "" for pictures."""
    kind, media = _kind(image), str(image.get("format") or "").lower()
    if kind in ("video", "sound", "text", "model", "dataset", "textualbody", "movingimage"):
        return kind
    return "" if not media or media.startswith(("image/", "application/octet")) else media


def _address_of(image: dict[str, Any]) -> str:
    """Return where a picture of SIDE pixels can be had, or the whole one where no service cuts."""
    if (default := next(_objects(image, "default"), None)) is not None:  # a choice of version 2
        image = default
    for service in _objects(image, "service"):
        address = _id(service).rstrip("/")
        if is_address(address) and "level0" not in json.dumps(service.get("profile", "")):
            return f"{address}/full/!{SIDE},{SIDE}/0/default.jpg"
    return _id(image)


def _label(manifest: dict[str, Any]) -> Label:
    said: dict[str, str] = {}
    for pair in _objects(manifest, "metadata"):
        name, value = _text(pair.get("label")), _text(pair.get("value"))
        if name and value:
            said.setdefault(_COLUMNS.get(name.lower(), name), value)
    attribution = next(_objects(manifest, "requiredStatement"), {}).get("value")
    about = {
        "title": _text(manifest.get("label")),
        "license": _text(manifest.get("rights") or manifest.get("license")),
        "rightsHolder": _text(attribution or manifest.get("attribution")),
    }
    label = label_from("", said)
    named = {key: value for key, value in about.items() if value}
    return replace(label, metadata={**label.metadata, **named})


def _text(value: object) -> str:
    """Return words without markup, in English or whatever language they are in."""
    match value:
        case str():
            return " ".join(unescape(re.sub(r"<[^>]*>", " ", value)).split())
        case list():
            return "; ".join(filter(None, map(_text, value)))
        case {"@value": words}:
            return _text(words)
        case dict() if value:
            return _text(value.get("en") or value.get("none") or next(iter(value.values())))
    return ""


def _objects(told: dict[str, Any], *keys: str) -> Iterator[dict[str, Any]]:
    for key in keys:
        value = told.get(key)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield each


def _kind(told: dict[str, Any]) -> str:
    kind = told.get("type") or told.get("@type")
    return kind.rpartition(":")[2].lower() if isinstance(kind, str) else ""


def _id(told: dict[str, Any]) -> str:
    value = told.get("id") or told.get("@id")
    return value if isinstance(value, str) else ""
