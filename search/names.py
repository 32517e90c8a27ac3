"""Names: which clades of a collection a name means, exactly; the rest is only suggested."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

from indexer.catalog.snapshot import Snapshot
from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.resolver import Clade, Interval, Resolution, resolve
from indexer.taxonomy.store import Taxonomy
from indexer.taxonomy.suggest import suggest
from model.errors import UnknownName
from model.taxon import RANKS

MOST_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Meaning:
    """The clades that a name means: one for a scientific name, or all that share a common name."""

    clades: tuple[Clade, ...]
    intervals: tuple[Interval, ...]
    """[lo, hi) of each in the collection; none where no image is labelled so"""
    reason: str
    whole: bool
    memberless: bool = False
    """whether the taxonomy knows the name, but not what belongs to it"""

    def __str__(self) -> str:
        """Describe it: "Felidae (family)"."""
        names = ", ".join(dict.fromkeys(map(str, self.clades)))
        part = "" if self.whole else f", {self.reason.partition(', ')[2]}"
        return names + part + (", of which no members are listed" if self.memberless else "")


class Names:
    """What names mean in a collection: by its own taxa first, then by a whole taxonomy."""

    def __init__(self, snapshot: Snapshot, taxonomy: Taxonomy | None = None) -> None:
        self.snapshot = snapshot
        self.taxonomy = taxonomy

    def resolve(self, name: str, within: Sequence[str] = ()) -> Meaning | None:
        """Return what a name means; None where no taxon bears it.

        `within` names clades that it must lie in. What the collection holds goes before what only
        the taxonomy knows, the whole name before a part of it. Raises UnknownName, listing the
        candidates, for a scientific name that several taxa bear, or a clade that is unknown.
        """
        own = self._in(self.snapshot.cursor(), name, within)
        if own and own.clades and own.whole:
            return self._meaning(own)
        if self.taxonomy:
            known = self._in(self.taxonomy.cursor(), name, within)
            if known and (known.whole or not (own and own.clades)):
                own = known
        return self._meaning(own) if own else None

    def clade(self, name: str) -> Meaning:
        """Return what a name means; raises UnknownName, with suggestions, where that is nothing."""
        if meaning := self.resolve(name):
            return meaning
        raise UnknownName(f"No taxon is called {name!r} here.{self.alike(name)}")

    def raw_labels(self, name: str) -> list[str]:
        """Return the labels that read like a name and are none of a taxon: "blank", "Vehicle"."""
        found = self.snapshot.query("SELECT label FROM labels WHERE folded = ?", fold(name))
        return [label for (label,) in found]

    def alike(self, name: str) -> str:
        """Return " Did you mean …?" with the taxa that are spelt like a name, or ""."""
        near = [
            found.name
            for connection in self._connections()
            for found in suggest(connection, name, 3)
            if found.reason == "spelling"
        ]
        return f" Did you mean {', '.join(dict.fromkeys(near[:3]))}?" if near else ""

    def _connections(self) -> Iterable[duckdb.DuckDBPyConnection]:
        yield self.snapshot.cursor()
        if self.taxonomy:
            yield self.taxonomy.cursor()

    def _in(
        self, connection: duckdb.DuckDBPyConnection, name: str, within: Sequence[str]
    ) -> Resolution | None:
        inside = [clade.interval for each in within for clade in _found(resolve(connection, each))]
        if within and not inside:
            return None
        found = resolve(connection, name, inside)
        return found if found.status != "unknown" else None

    def _meaning(self, found: Resolution) -> Meaning:
        if not found.clades and not found.reason.startswith("common name"):
            raise UnknownName(_which(found))
        clades = _found(found)
        here = self.snapshot.query(
            "SELECT lo, hi FROM taxa WHERE taxon_key IN (SELECT unnest(?)) ORDER BY lo",
            [clade.key for clade in clades],
        )
        memberless = all(each.hi - each.lo == 1 and not _may_be_leaf(each) for each in clades)
        return Meaning(clades, tuple(here), found.reason, found.whole, memberless)


def _found(resolution: Resolution) -> tuple[Clade, ...]:
    return resolution.clades or resolution.candidates


def _may_be_leaf(clade: Clade) -> bool:
    """Whether it is as low as a species: nothing need stand below it."""
    return clade.linnaean or bool(clade.taxon.at(RANKS[-1])) or "hybrid" in clade.rank


def _which(found: Resolution) -> str:
    """Ask which of several taxa is meant, each by the highest rank that tells it apart."""
    asked = []
    for clade in found.candidates[:MOST_CANDIDATES]:
        others = [each for each in found.candidates if each is not clade]
        above = (
            name
            for rank, name in zip(RANKS, clade.taxon.lineage, strict=True)
            if name and name != clade.name and all(each.taxon.at(rank) != name for each in others)
        )
        told = next(above, "")
        asked.append(f'"{clade.name} ({told})"' if told else f'"{clade.key}"')
    return (
        f"{found.written} is the name of {len(found.candidates)} taxa; "
        f"ask for one of {', '.join(asked)}."
    )
