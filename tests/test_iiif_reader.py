"""IIIF manifests, versions 2 and 3: a canvas is a picture, what is said of the whole its metadata.

The manifests have the form of the examples in iiif.io/api/presentation/2.1 and /3.0.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import run, write_picture

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.run import How
from indexer.inputs.records import Record
from indexer.readers import reader_of, refuse
from indexer.readers.iiif import claims, read
from model.errors import BadInput

V2: dict[str, Any] = {
    "@context": "http://iiif.io/api/presentation/2/context.json",
    "@id": "https://example.org/sheet/manifest",
    "@type": "sc:Manifest",
    "label": "Sheet 1",
    "license": "https://creativecommons.org/publicdomain/zero/1.0/",
    "attribution": "<b>A. Museum</b> &amp; friends",
    "metadata": [
        {"label": "Scientific name", "value": "Rosa canina"},
        {"label": [{"@value": "Family", "@language": "en"}], "value": "Rosaceae"},
        {"label": "Collector", "value": ["A", "B"]},
    ],
    "sequences": [
        {
            "canvases": [
                {
                    "@id": "https://example.org/sheet/c1",
                    "@type": "sc:Canvas",
                    "label": "p. 1",
                    "images": [
                        {
                            "@type": "oa:Annotation",
                            "resource": {
                                "@id": "https://example.org/1/full/full/0/default.jpg",
                                "@type": "dctypes:Image",
                                "service": {
                                    "@id": "https://example.org/image/1",
                                    "profile": "http://iiif.io/api/image/2/level2.json",
                                },
                            },
                        }
                    ],
                },
            ]
        }
    ],
}
V3: dict[str, Any] = {
    "@context": "http://iiif.io/api/presentation/3/context.json",
    "id": "https://example.org/sheet2/manifest",
    "type": "Manifest",
    "label": {"de": ["Blatt 2"], "en": ["Sheet 2"]},
    "rights": "http://creativecommons.org/licenses/by/4.0/",
    "requiredStatement": {"label": {"en": ["Holder"]}, "value": {"en": ["A. Herbarium"]}},
    "metadata": [{"label": {"en": ["Species"]}, "value": {"none": ["Rosa rugosa"]}}],
    "items": [
        {
            "id": f"https://example.org/sheet2/c{number}",
            "type": "Canvas",
            "label": {"none": [f"p. {number}"]},
            "items": [{"type": "AnnotationPage", "items": [{"type": "Annotation", "body": body}]}],
        }
        for number, body in enumerate(
            (
                {
                    "id": "https://example.org/2.jpg",
                    "type": "Image",
                    "service": [
                        {
                            "id": "https://example.org/image/2",
                            "type": "ImageService3",
                            "profile": "level1",
                        }
                    ],
                },
                {
                    "id": "https://example.org/3.jpg",
                    "type": "Image",
                    "service": [{"id": "https://example.org/image/3", "profile": "level0"}],
                },
                {
                    "type": "Choice",
                    "items": [
                        {"id": "https://example.org/4.jpg", "type": "Image"},
                        {"id": "https://example.org/uv.jpg", "type": "Image"},
                    ],
                },
            ),
            start=1,
        )
    ],
}


def write(folder: Path, told: object) -> str:
    path = folder / "manifest.json"
    path.write_text(json.dumps(told))
    return str(path)


def records(source: str) -> list[Record]:
    return list(read(source, refuse))


def test_version_2(tmp_path: Path) -> None:
    source = write(tmp_path, V2)
    assert reader_of(source).NOUN.startswith("a IIIF manifest")
    (record,) = records(source)
    assert record.source_id == "https://example.org/sheet/c1"
    assert record.url == "https://example.org/image/1/full/!1024,1024/0/default.jpg"
    assert record.taxon
    assert (record.taxon.name, record.taxon.lineage[4]) == ("Rosa canina", "Rosaceae")
    assert record.metadata == {
        "Collector": "A; B",
        "title": "Sheet 1",
        "license": "https://creativecommons.org/publicdomain/zero/1.0/",
        "rightsHolder": "A. Museum & friends",
        "canvas": "p. 1",
    }


def test_version_3(tmp_path: Path) -> None:
    found = records(write(tmp_path, V3))
    assert [record.url for record in found] == [
        "https://example.org/image/2/full/!1024,1024/0/default.jpg",
        "https://example.org/3.jpg",
        "https://example.org/4.jpg",
    ]
    assert {record.label for record in found} == {"Rosa rugosa"}
    assert found[2].metadata == {
        "title": "Sheet 2",
        "license": "http://creativecommons.org/licenses/by/4.0/",
        "rightsHolder": "A. Herbarium",
        "canvas": "p. 3",
    }


def test_a_collection_is_all_that_its_manifests_have() -> None:
    collection = {
        "type": "Collection",
        "id": "https://example.org/iiif/top",
        "items": [
            {"id": "https://example.org/sheet/manifest", "type": "Manifest"},
            {"id": "https://example.org/gone/manifest", "type": "Manifest"},
            {"id": "https://example.org/iiif/top", "type": "Collection"},
            {"id": "https://example.org/sheet2/manifest", "type": "Manifest"},
        ],
    }
    served = {
        "https://example.org/iiif/top": collection,
        "https://example.org/sheet/manifest": V2,
        "https://example.org/sheet2/manifest": V3,
    }

    def fetch(url: str) -> bytes:
        if url not in served:
            raise BadInput("not fetched: 404 Not Found")
        return json.dumps(served[url]).encode()

    assert claims("https://example.org/iiif/top")
    found = list(read("https://example.org/iiif/top", fetch))
    assert [bool(record.problem) for record in found] == [False, True, False, False, False]
    assert found[1].problem == "its manifest cannot be read: not fetched: 404 Not Found"


def test_an_address_is_indexed_and_kept_small(tmp_path: Path) -> None:
    red = write_picture(tmp_path / "red.png", "red").read_bytes()
    address = "https://example.org/sheet2/manifest"

    def fetch(url: str) -> bytes:
        return json.dumps(V3).encode() if url == address else red

    with pytest.raises(BadInput, match="pass fetch=True"):
        run(address, tmp_path / "c")
    run(address, tmp_path / "c", how=How(fetch=fetch))
    with open_snapshot(tmp_path / "c") as snapshot:
        rows = snapshot.query("SELECT source_id, url, label FROM images ORDER BY 1")
        assert rows[1] == (
            "manifest/https://example.org/sheet2/c2",
            "https://example.org/3.jpg",
            "Rosa rugosa",
        )
        assert snapshot.query("SELECT count(*) FROM thumbs") == [(3,)]


KEYS = ("type", "@type", "items", "sequences", "canvases", "images", "resource", "body", "id")
KEYS = (*KEYS, "@id", "service", "metadata", "label", "value", "requiredStatement", "profile")
JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3) | st.just("https://example.org/1.jpg"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(KEYS), JSON), st.sampled_from(["Manifest", "Collection"]))
def test_nothing_in_the_file_is_trusted(told: dict[str, Any], kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = records(write(Path(folder), told | {"type": kind}))
    assert len({record.source_id for record in found}) == len(found)
    assert all(record.url.startswith("https://") or record.problem for record in found)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"type": "Canvas"}', '{"type": 1}'])
def test_what_is_no_manifest_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(BadInput):
        records(str(tmp_path / "m.json"))
    assert not claims(str(tmp_path / "m.json"))


def canvas(body: object) -> dict[str, object]:
    """A manifest of version 3 with one canvas."""
    annotation = {"type": "Annotation", "motivation": "painting", "body": body}
    page = {"type": "AnnotationPage", "items": [annotation]}
    return {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": "https://example.org/m.json",
        "type": "Manifest",
        "items": [{"id": "https://example.org/c1", "type": "Canvas", "items": [page]}],
    }


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"id": "https://a.b/x.mp4", "type": "Video", "format": "video/mp4"}, "it holds video"),
        ({"id": "https://a.b/x.mp3", "type": "Sound"}, "it holds sound"),
        ({"id": "https://a.b/x.pdf", "format": "application/pdf"}, "it holds application/pdf"),
        ({"type": "TextualBody", "value": "words"}, "it holds textualbody"),
        ([], "it names no address of a picture"),
    ],
)
def test_what_is_no_picture_is_listed_and_not_fetched(
    tmp_path: Path, body: object, why: str
) -> None:
    (tmp_path / "m.json").write_text(json.dumps(canvas(body)))
    (record,) = records(str(tmp_path / "m.json"))
    assert (record.source_id, record.url) == ("https://example.org/c1", "")
    assert record.problem == f"is no picture: {why}"


@pytest.mark.parametrize("source", ["https://a.b/x.jpg", {"id": "https://a.b/x.jpg"}])
def test_a_specific_resource_is_a_view_of_its_source(tmp_path: Path, source: object) -> None:
    body = {"type": "SpecificResource", "source": source, "selector": {"type": "ImageApiSelector"}}
    (tmp_path / "m.json").write_text(json.dumps(canvas(body)))
    (record,) = records(str(tmp_path / "m.json"))
    assert (record.url, record.problem) == ("https://a.b/x.jpg", "")
