"""Names in a collection: which clades a name means there, exactly; the rest is only suggested."""

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.catalog import fold
from indexer.snapshot import Snapshot
from model.errors import UnknownName, did_you_mean
from model.taxon import RANKS, Taxon


@dataclass(frozen=True, slots=True)
class Meaning:
    """The clades that a name means: one for a scientific name, or all that share a common name."""

    taxa: tuple[Taxon, ...]
    intervals: tuple[tuple[int, int], ...]
    """[lo, hi) of each clade"""

    def __str__(self) -> str:
        """Describe it: "Felidae (family)"."""
        return ", ".join(dict.fromkeys(f"{taxon.name} ({taxon.rank})" for taxon in self.taxa))


def resolve(snapshot: Snapshot, name: str) -> Meaning | None:
    """Return what a name means among the collection's taxa; None where no taxon bears it.

    Case, diacritics and underscores do not matter. Scientific names go before common names. A
    taxon key ("Animalia|Chordata|Aves") always works. Lineages that only differ in what they leave
    out are one taxon. Raises UnknownName, listing the candidates, for a scientific name that
    several taxa bear.
    """
    for kind in ("key", "scientific", "common"):
        found = snapshot.query(_SQL[kind], name if kind == "key" else fold(name))
        if not found:
            continue
        taxa = tuple(
            Taxon(tuple(ranks), name if kind == "common" else common)
            for _, _, common, *ranks in found
        )
        if kind == "scientific" and not _one_taxon(taxa):
            keys = ", ".join(f'"{taxon.key}"' for taxon in taxa)
            raise UnknownName(f"{name} is the name of {len(taxa)} taxa; ask for one of {keys}.")
        return Meaning(taxa, tuple((lo, hi) for lo, hi, *_ in found))
    return None


def _one_taxon(taxa: Sequence[Taxon]) -> bool:
    """Whether no two of the lineages contradict each other at any rank."""
    at_ranks = zip(*(taxon.lineage for taxon in taxa), strict=True)
    return all(len({name for name in names if name}) <= 1 for names in at_ranks)


def raw_labels(snapshot: Snapshot, name: str) -> list[str]:
    """Return the labels that are no taxa and read like a name: "blank", "Vehicle"."""
    found = snapshot.query("SELECT name FROM names WHERE kind = 'label' AND folded = ?", fold(name))
    return [label for (label,) in found]


def unknown_taxon(snapshot: Snapshot, name: str) -> UnknownName:
    """Return the error for a name that no taxon of the collection bears."""
    near = alike(snapshot, name) or " Search by its look instead with --text."
    return UnknownName(f"No taxon in this collection is called {name!r}.{near}")


def alike(snapshot: Snapshot, name: str) -> str:
    """Return " Did you mean …?" with the taxa that are spelt like a name, or ""."""
    names = snapshot.query("SELECT DISTINCT name FROM names WHERE kind <> 'label' ORDER BY name")
    return did_you_mean(name, [each for (each,) in names])


_COLUMNS = "lo, hi, taxa.common_name, " + ", ".join(f'"{rank}"' for rank in RANKS)
_SQL = {
    "key": f"SELECT {_COLUMNS} FROM taxa WHERE taxon_key = ?",
    **{
        kind: f"SELECT {_COLUMNS} FROM taxa JOIN names USING (taxon_key) "
        f"WHERE kind = '{kind}' AND folded = ? ORDER BY lo"
        for kind in ("scientific", "common")
    },
}
