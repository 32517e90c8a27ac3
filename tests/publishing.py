"""A collection to publish, and publications that are killed.

Run as a program it publishes in children of its own, some of them killed before their n-th writing
call of Milvus, and looks each time what the name leads to.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from colours import ColourEncoder
from pictures import run, write_picture
from PIL import Image
from planted import GROUPS

import taxalens
from indexer.ingest.identifications import write_identifications
from indexer.labels.label_files import Label
from indexer.store.segment import IDENTIFICATIONS
from model.taxon import Taxon
from search.publish import publish

WRITES = (
    *("create_collection", "insert", "flush", "create_index", "load_collection", "create_alias"),
    *("alter_alias", "drop_collection"),
)
NEVER = -1
MACHINE = {"gold5": ("Panthera leo", 0.9), "lime5": ("Pica hudsonia", 0.8), "navy5": ("night", 0.7)}


def prepared(root: Path) -> Path:
    """Make a collection of planted groups, blanks, machine labels, and a removed image."""
    encoder, collection = ColourEncoder(), root / "c"
    labels = {}
    for colour, group in GROUPS.items():
        for number in range(6):
            path = write_picture(root / "photos" / f"{colour}{number}.png", colour)
            with Image.open(path) as picture:
                picture.putpixel((number, number), (128, 128, 128))
                picture.save(path)
            said = {"iucnRedListCategory": group.category, "number": str(number)}
            said |= {
                "decimalLatitude": f"{group.latitude}",
                "decimalLongitude": f"{group.longitude}",
            }
            taxon = Taxon(group.lineage) if number < 5 else None
            labels[path.name] = Label(taxon.name if taxon else "", taxon, said)
    for number in range(3):
        write_picture(root / "photos" / f"blank{number}.png", f"#fafa{240 + number:x}")
        labels[f"blank{number}.png"] = Label("blank")
    run(root / "photos", collection, encoder, labels=labels)
    with taxalens.open(collection, encoder) as opened:
        ids = {hit.file_name: hit.image_id for hit in opened.search(text="gold", k=50)}
        key = opened.search("Panthera leo")[0].taxon
        magpie = opened.search("Pica hudsonia")[0].taxon
    keys = {"Panthera leo": key, "Pica hudsonia": magpie}
    lines = [
        {
            "image_id": ids[f"{name}.png"],
            "label": label,
            "taxon_key": keys[label].key if label in keys else None,
            "confidence": confidence,
            "identified_by": "a machine",
            "date_identified": "2026-11-25T01:00:00Z",
            "method": "centroid",
            "remarks": "",
            "evidence": [],
        }
        for name, (label, confidence) in MACHINE.items()
    ]
    batch = pa.RecordBatch.from_pylist(lines, schema=IDENTIFICATIONS)
    write_identifications(collection, [batch])
    taxalens.remove(collection, "photos/navy4.png")
    return collection


def killed(collection: Path, uri: str, calls: int) -> int:
    """Publish and be killed before the n-th writing call; return how many calls there were."""
    from pymilvus import MilvusClient

    made = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **options: Any) -> Any:
            nonlocal made
            made += 1
            if made == calls:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return counting

    for name in WRITES:
        setattr(MilvusClient, name, counted(getattr(MilvusClient, name)))
    publish(collection, uri, ColourEncoder())
    return made


def seen(uri: str) -> dict[str, Any]:
    """Return what the name leads to, and how many collections there are in Milvus."""
    from indexer.publish.address import address_of
    from indexer.publish.milvus_server import connect

    client = connect(address_of(uri))
    with taxalens.open(uri, ColourEncoder()) as opened:
        hits = opened.search(text="gold", k=100)
        found = {"images": len(opened), "ids": sorted(hit.image_id for hit in hits)}
    return found | {"collections": len(client.list_collections())}


def in_child(work: Callable[[], Any]) -> Any:
    """Run work in a process of its own; None where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            with os.fdopen(writing, "w") as file:
                file.write(json.dumps(work()))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    assert status == 0
    return json.loads(text)


def main(collection: Path, uri: str, *calls: str) -> None:
    """Print what is seen after a publication, after each killed one, and after a last whole one."""
    import pymilvus  # noqa: F401 - once, not in each child

    trials = []
    for number in (NEVER, *map(int, calls), NEVER):
        made = in_child(lambda number=number: killed(collection, uri, number))
        trials.append({"call": number, "made": made, "seen": in_child(lambda: seen(uri))})
    print(json.dumps(trials))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], *sys.argv[3:])
