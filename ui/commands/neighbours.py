"""`taxalens neighbours`: the nearest images of every image."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.option(
    "-k",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Number of neighbours of each image.",
)
@options.within
@options.where
@options.collection
@options.overwrite
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    callback=options.file_to_write,
    metavar="FILE",
    help="Parquet file to write.",
)
def command(k: int, within: tuple[str, ...], where: str, collection: Path, output: Path) -> None:
    """Write the nearest images of every image: image_id, neighbour_id, place, score.

    \b
      taxalens neighbours -k 1 --output pairs.parquet
      duckdb -c "FROM 'pairs.parquet' WHERE score > 0.97"
    """
    import pyarrow.parquet as pq
    from tqdm import tqdm

    from search.collection import open_collection
    from search.ranking.neighbours import SCHEMA

    opened = open_collection(collection)
    batches = opened.neighbours(k, within=within, where=where)
    lines = 0
    with (
        pq.ParquetWriter(output, SCHEMA, compression="zstd") as writer,
        tqdm(unit=" pairs") as bar,
    ):
        for batch in batches:
            writer.write_batch(batch)
            lines += len(batch)
            bar.update(len(batch))
    click.echo(f"{output}: {lines:,} pairs")
