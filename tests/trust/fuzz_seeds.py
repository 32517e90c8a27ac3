"""Whole files of every kind that is read, to be damaged, and how each kind is read."""

import io
import json
import zipfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from spreadsheets import write_ods, write_xlsx
from taxonomies import write_source
from test_camtrap_dp_reader import package
from test_darwin_core_reader import GBIF_DOWNLOAD
from test_extra_formats import dng, heic
from test_iiif_reader import V2, V3
from test_megadetector_reader import RESULTS
from test_table_reader import ROWS
from test_webdataset_reader import MAGPIE, sample, write_tar
from vectors import write_vectors

from indexer.ingest.prefetch import opened_batches
from indexer.inputs.decoders import DECODERS
from indexer.inputs.decoding import FORMATS, decode
from indexer.inputs.perceptual_hash import perceptual_hash
from indexer.inputs.prepared import Wanted
from indexer.labels.label_files import read_label_file
from indexer.readers import reader_of, refuse
from indexer.taxonomy.store import import_taxonomy

Files = list[tuple[Path, Path]]
"""A file that may be damaged, and the source that it is a part of, for each."""


def pictures(folder: Path) -> Files:
    """Write pictures of all formats, in many of their modes."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    smooth = Image.linear_gradient("L").resize((60, 40)).convert("RGB")
    image = Image.blend(Image.fromarray(noise), smooth, 0.7)
    exif = Image.Exif()
    exif[274], exif[306] = 6, "2024:05:01 10:00:00"
    frames = {"save_all": True, "append_images": [smooth]}
    kinds: list[tuple[str, Image.Image, dict[str, object]]] = [
        *((name, image, {}) for name in FORMATS),
        ("JPEG", image, {"progressive": True, "exif": exif}),
        ("JPEG", image.convert("CMYK"), {"quality": 95, "subsampling": 0}),
        ("JPEG", image.convert("L"), {"icc_profile": bytes(200)}),
        ("PNG", image.convert("P"), {"transparency": 3}),
        ("PNG", Image.fromarray(noise[..., 0].astype(np.uint16) * 257), {}),
        ("PNG", image.convert("RGBA"), frames),
        ("GIF", image.convert("P"), frames),
        ("WEBP", image, {"lossless": True, "exif": exif}),
        ("WEBP", image, frames),
        *(("TIFF", image, {"compression": name}) for name in ("tiff_lzw", "jpeg", "packbits")),
        ("TIFF", image.convert("1"), {"compression": "group4"}),
        ("TIFF", Image.fromarray(noise[..., 0].astype(np.float32)), {"exif": exif}),
        ("TIFF", image.convert("CMYK"), frames),
        ("BMP", image.convert("P"), {}),
    ]
    paths = []
    for number, (name, picture, options) in enumerate(kinds):
        paths.append(folder / f"{number}.{name.lower()}")
        picture.save(paths[-1], name, **options)
    return [(path, path) for path in paths]


def extra_pictures(folder: Path) -> Files:
    """Write pictures as telephones and cameras keep them."""
    folder.mkdir(parents=True)
    made = {"a.heic": heic(), "b.heic": heic(160, 120), "c.dng": dng(), "d.dng": dng(32, 24)}
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return [(folder / name, folder / name) for name in made]


def use_extra_picture(path: Path) -> None:
    """Decode a picture apart, as a run does: a decoder may crash."""
    DECODERS.prepare(path.read_bytes(), None, path.name, Wanted())


def use_picture(path: Path) -> None:
    """Decode a picture, as a run does."""
    perceptual_hash(decode(path.read_bytes(), name=path.name).image)


def use_source(source: Path) -> None:
    """Read and open all records of a source, as a run does; what fails is a line of status."""
    records = islice(reader_of(str(source)).read(str(source), refuse), 2000)
    for batch in opened_batches(records, 64, lambda sha256: False, refuse, workers=1):
        for opened in batch:
            assert "\n" not in opened.problem, opened.problem


def _png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (24, 16), colour).save(buffer, "PNG")
    return buffer.getvalue()


def tars(folder: Path) -> Files:
    """Write a webdataset tar."""
    folder.mkdir(parents=True)
    members = [*sample("00/a1", _png("red"), MAGPIE), *sample("00/a2", _png("blue"), MAGPIE)]
    members.append(("00/a2.json", json.dumps({"label": "x", "n": 1}).encode()))
    path = Path(write_tar(folder / "s.tar", members))
    return [(path, path)]


def darwin_core(folder: Path) -> Files:
    """Write a Darwin Core archive as a folder and as a zip."""
    folder.mkdir(parents=True)
    inner = folder / "archive"
    inner.mkdir()
    for name, text in GBIF_DOWNLOAD.items():
        (inner / name).write_text(text, encoding="utf-8")
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        for path in sorted(inner.iterdir()):
            archive.write(path, path.name)
    parts = [(path, inner) for path in sorted(inner.iterdir())]
    return [*parts, (folder / "archive.zip", folder / "archive.zip")]


def camtrap(folder: Path) -> Files:
    """Write a Camtrap DP package."""
    folder.mkdir(parents=True)
    inner = package(folder / "package")
    return [(path, inner) for path in sorted(inner.iterdir()) if path.is_file()]


def tables(folder: Path) -> Files:
    """Write tables of pictures, plain and compressed differently."""
    folder.mkdir(parents=True)
    semicolons = ROWS.replace(",", ";")
    for name, text in (("a.csv", ROWS), ("b.csv", semicolons), ("c.tsv", ROWS.replace(",", "\t"))):
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "d.csv").write_text(ROWS.replace("magpie", "Häher"), encoding="utf-16")
    (folder / "e.txt").write_text("a/1.png\nb.png\nhttps://example.org/2.jpg\n")
    return [(path, path) for path in sorted(folder.iterdir())]


def parquets(folder: Path) -> Files:
    """Write Parquet files of vectors, of pictures and of names of pictures."""
    folder.mkdir(parents=True)
    write_vectors(folder / "vectors.parquet", 0, 20)
    images = [{"bytes": _png("red"), "path": "a.png"}, {"bytes": _png("blue"), "path": None}]
    pq.write_table(pa.table({"image": images, "label": ["x", "y"]}), folder / "images.parquet")
    lines = {"file_name": ["a.png", "b.png"], "species": ["Pica pica", ""]}
    pq.write_table(pa.table(lines), folder / "names.parquet", compression="zstd")
    return [(path, path) for path in sorted(folder.iterdir())]


def manifests(folder: Path) -> Files:
    """Write IIIF manifests."""
    folder.mkdir(parents=True)
    for number, manifest in enumerate((V2, V3)):
        (folder / f"{number}.json").write_text(json.dumps(manifest))
    return [(path, path) for path in sorted(folder.iterdir())]


def detections(folder: Path) -> Files:
    """Write results of MegaDetector."""
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(RESULTS))
    return [(folder / "results.json", folder / "results.json")]


def spreadsheets(folder: Path) -> Files:
    """Write tables of labels as spreadsheets, also unpacked: a change passes their checksums."""
    folder.mkdir(parents=True)
    sheets = {"A": [line.split(",") for line in ROWS.splitlines()], "B": [["x", 1.5]]}
    files = []
    for name, write in (("a.xlsx", write_xlsx), ("b.ods", write_ods)):
        write(folder / name, sheets)
        files.append((folder / name, folder / name))
        with zipfile.ZipFile(folder / name) as packed:
            packed.extractall(folder / f"{name}.parts")
        parts = (folder / f"{name}.parts").rglob("*")
        files += ((each, folder / f"{name}.parts") for each in parts if each.is_file())
    return files


def use_spreadsheet(source: Path) -> None:
    """Pack a spreadsheet, if it is not, and read it as labels."""
    if source.is_dir():
        folder, source = source, source.with_name(f"packed-{source.stem}")
        with zipfile.ZipFile(source, "w") as packed:
            for path in sorted(folder.rglob("*")):
                packed.write(path, path.relative_to(folder))
    read_label_file(source)


def taxonomies(folder: Path) -> Files:
    """Write taxonomies: a Darwin Core table, and one with columns of ranks."""
    folder.mkdir(parents=True)
    write_source(folder / "a.csv")
    ranks = "kingdom,phylum,class,order,family,genus,species,common_name\n"
    cats = "Animalia,Chordata,Mammalia,Carnivora,Felidae,Panthera,Panthera leo,lion\n"
    (folder / "b.csv").write_text(ranks + cats + cats.replace("leo", "onca"))
    return [(path, path) for path in sorted(folder.iterdir())]


def use_taxonomy(path: Path) -> None:
    """Import a taxonomy."""
    import_taxonomy(str(path), to=path.parent.with_name("imported.duckdb"))[0].close()


def label_files(folder: Path) -> Files:
    """Write tables of labels."""
    return tables(folder)


def models(folder: Path) -> Files:
    """Write an encoder: its configuration, and its weights as safetensors and as a checkpoint."""
    import open_clip
    import torch
    from safetensors.torch import save_file
    from test_encoders import TINY

    folder.mkdir(parents=True)
    weights = open_clip.CLIP(**TINY)
    save_file(weights.state_dict(), folder / "open_clip_model.safetensors")
    torch.save(weights.state_dict(), folder / "tiny.pt")
    preprocessing = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "resize_mode": "squash"}
    config = {"model_cfg": TINY, "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    (folder / "tiny-vit.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder / "tiny-vit.json")
    named = ("open_clip_config.json", "open_clip_model.safetensors")
    checkpoint = folder / "tiny.pt"
    return [*((folder / name, folder) for name in named), (checkpoint, checkpoint)]


def use_model(source: Path) -> None:
    """Load an encoder, and encode with it."""
    from model.encoder import load

    spec = f"local-dir:{source}" if source.is_dir() else f"tiny-vit:{source}"
    encoder = load(spec, "torch")
    encoder.encode_images([Image.new("RGB", (40, 30), "red")])


Use = Callable[[Path], object]
KINDS: dict[str, tuple[Callable[[Path], Files], Use]] = {
    "pictures": (pictures, use_picture),
    "HEIC and raw": (extra_pictures, use_extra_picture),
    "tar": (tars, use_source),
    "Darwin Core": (darwin_core, use_source),
    "Camtrap DP": (camtrap, use_source),
    "tables": (tables, use_source),
    "label files": (label_files, lambda path: read_label_file(path)),
    "spreadsheets": (spreadsheets, use_spreadsheet),
    "taxonomies": (taxonomies, use_taxonomy),
    "Parquet": (parquets, use_source),
    "IIIF": (manifests, use_source),
    "MegaDetector": (detections, use_source),
    "models": (models, use_model),
}
