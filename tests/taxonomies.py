"""A small taxonomy of real taxa, as a Darwin Core table with parents, for tests."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from indexer.taxonomy.store import Taxonomy, import_taxonomy, open_taxonomy

# id, parent, accepted, rank, scientificName, vernacularName
TAXA = """\
1,,,kingdom,Animalia,
2,1,,phylum,Chordata,
3,2,,class,Mammalia,mammals
4,3,,order,Carnivora,carnivores
5,4,,family,Felidae,cats
6,5,,subfamily,Pantherinae,
7,6,,genus,Panthera,
8,7,,species,Panthera leo,lion
9,8,,subspecies,Panthera leo leo,northern lion
10,7,,species,Panthera tigris,tiger
11,,8,species,Felis leo,
12,4,,family,Ursidae,bears
13,12,,genus,Ursus,
14,13,,species,Ursus arctos,brown bear
15,14,,subspecies,Ursus arctos horribilis,grizzly
20,2,,class,Aves,birds
21,20,,order,Passeriformes,
22,21,,family,Corvidae,
23,22,,genus,Pica,
24,23,,species,Pica hudsonia,black-billed magpie
25,23,,species,Pica pica,Eurasian magpie
26,21,,family,Turdidae,
27,26,,genus,Turdus,
28,27,,species,Turdus migratorius,robin
29,21,,family,Muscicapidae,
30,29,,genus,Erithacus,
31,30,,species,Erithacus rubecula,robin
40,2,,class,Reptilia,
41,40,,order,Squamata,
42,41,,suborder,Serpentes,snakes
43,42,,family,Colubridae,
44,43,,genus,Natrix,
45,44,,species,Natrix natrix,grass snake
46,41,,family,Lacertidae,
47,46,,genus,Lacerta,
48,47,,species,Lacerta agilis,sand lizard
50,1,,phylum,Mollusca,
51,50,,class,Gastropoda,
52,51,,family,Ficidae,
53,52,,genus,Ficus,
54,53,,species,Ficus variegata,
60,,,kingdom,Plantae,
61,60,,phylum,Tracheophyta,
62,61,,class,Magnoliopsida,
63,62,,order,Rosales,
64,63,,family,Moraceae,
65,64,,genus,Ficus,
66,65,,species,Ficus carica,fig
70,62,,order,Fagales,
71,70,,family,Fagaceae,
72,71,,genus,Quercus,oaks
73,72,,subgenus,Quercus,
74,73,,section,Quercus,
75,74,,species,Quercus robur,English oak
76,74,,hybrid,Quercus × rosacea,
"""
HEADER = "taxonID,parentNameUsageID,acceptedNameUsageID,taxonRank,scientificName,vernacularName\n"


def write_source(path: Path, taxa: str = TAXA) -> Path:
    """Write the table; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + taxa, encoding="utf-8")
    return path


def small_taxonomy(folder: Path, taxa: str = TAXA, names: Path | None = None) -> Taxonomy:
    """Import it into a file of `folder`; without names of one's own, once for all tests."""
    source, target = write_source(folder / "small.csv", taxa), folder / "small.duckdb"
    if names:
        return import_taxonomy(str(source), to=target, names=names)[0]
    target.write_bytes(_imported(taxa))
    return open_taxonomy(str(target))


@cache
def _imported(taxa: str) -> bytes:
    with TemporaryDirectory() as folder:
        source = write_source(Path(folder, "small.csv"), taxa)
        taxonomy, _ = import_taxonomy(str(source), to=Path(folder, "small.duckdb"))
        taxonomy.close()
        return taxonomy.path.read_bytes()
