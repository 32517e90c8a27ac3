"""Optimizing from a command: with the collection's encoder if it is here, and with bars."""

from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from indexer.backends.index_file import FROM
from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.optimize import optimize
from indexer.store.manifest import IndexEntry, read_manifest
from model.encoder import Encoder, load
from model.errors import Error
from search.collection import open_collection


def optimize_collection(collection: Path) -> str:
    """Optimize a collection; return in one line what it is now."""
    manifest = read_manifest(collection)
    with open_snapshot(collection) as snapshot:
        ((images,),) = snapshot.query("SELECT count(*) FROM images")
    encoder = _encoder(manifest.encoder.spec, manifest.encoder.fingerprint)
    bar: Any = None

    def told(step: str, share: float) -> None:
        nonlocal bar
        if bar is None or bar.desc != step:
            if bar is not None:
                bar.close()
            bar = tqdm(total=100, desc=step, bar_format="{desc:<30}{percentage:3.0f} %|{bar}|")
            bar.desc = step
        bar.update(100 * share - bar.n)

    try:
        manifest = optimize(collection, encoder, told)
        if encoder:
            told("what identify takes", 0.0)
            _fit(collection, encoder)
    finally:
        if bar is not None:
            bar.close()
    return f"{collection}: {images:,} images in the order of their taxa, {_index(manifest.index)}"


def _encoder(spec: str, fingerprint: str) -> Encoder | None:
    try:
        return load(spec, fingerprint=fingerprint)
    except Error as error:
        click.echo(f"What texts find is not measured: {error}", err=True)
        return None


def _fit(collection: Path, encoder: Encoder) -> None:
    opened = open_collection(collection, encoder)
    with opened.snapshot:
        try:
            opened.fit()
        except Error as error:
            click.echo(f"The first identify will take longer: {error}", err=True)


def _index(entry: IndexEntry | None) -> str:
    if entry is None:
        return f"without an index: from {FROM:,} on there is one"
    text = f", {entry.text.recall:.3f} for texts" if entry.text else ""
    return f"indexed; recall@10 {entry.image.recall:.3f} for pictures{text}"
