"""Names: the one look-up that decides whether words are a taxon, a label or unknown here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

from indexer.catalog.snapshot import Snapshot
from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.resolver import Clade, Interval, Resolution, resolve, resolve_all
from indexer.taxonomy.store import Taxonomy
from indexer.taxonomy.suggest import suggest
from model.errors import UnknownName
from model.taxon import RANKS

MOST_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class NamedClades:
    """The clades that a name means: one for a scientific name, or all that share a common name."""

    clades: tuple[Clade, ...]
    intervals: tuple[Interval, ...]
    """[lo, hi) of each in the collection; empty where no image is labelled with them"""
    reason: str
    whole: bool
    """False where the taxonomy knows only a part of the name, the genus of "Ursus sp." """
    memberless: bool = False
    """whether the taxonomy knows the name, but not the members of the taxon"""

    def __str__(self) -> str:
        """Describe them: "Felidae (family)"."""
        names = ", ".join(dict.fromkeys(map(str, self.clades)))
        part = "" if self.whole else f", {self.reason.partition(', ')[2]}"
        return names + part + (", of which no members are listed" if self.memberless else "")


@dataclass(frozen=True, slots=True)
class NamedLabels:
    """The spellings of a label that names no taxon: "blank", "Blank"."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Words that name neither a taxon nor a label."""

    suggestion: str
    """ "Did you mean …?" with taxa of a similar spelling, or "" """


class Names:
    """The names of a collection: its own taxa first, then those of a whole taxonomy."""

    def __init__(self, snapshot: Snapshot, taxonomy: Taxonomy | None = None) -> None:
        self.snapshot = snapshot
        self.taxonomy = taxonomy

    def look_up(
        self, words: str, within: Sequence[str] = ()
    ) -> NamedClades | NamedLabels | Unknown:
        """Decide what words name: a taxon goes before a label, a whole name before a part.

        `within` names clades that a taxon must lie in. Raises UnknownName, listing the candidates,
        for a scientific name of several taxa.
        """
        named = self._clades(words, within)
        if named and named.whole:
            return named
        found = self.snapshot.query("SELECT label FROM labels WHERE folded = ?", fold(words))
        if found:
            return NamedLabels(tuple(label for (label,) in found))
        return Unknown(self._suggestion(words))

    def taxon(self, name: str, within: Sequence[str] = ()) -> NamedClades:
        """Return the clades of a name, preferably within others.

        Raises UnknownName, with suggestions, where no taxon bears the name.
        """
        named = self._clades(name, within) or (self._clades(name) if within else None)
        if named:
            return named
        suggestion = self._suggestion(name)
        raise UnknownName(f"No taxon is called {name!r} here.{suggestion and ' ' + suggestion}")

    def _clades(self, name: str, within: Sequence[str] = ()) -> NamedClades | None:
        """Resolve a name among the collection's taxa, else in the taxonomy."""
        own = _resolved(self.snapshot.cursor(), name, within)
        if own and own.clades and own.whole:
            return self._named(own)
        if self.taxonomy:
            known = _resolved(self.taxonomy.cursor(), name, within)
            if known and (known.whole or not (own and own.clades)):
                own = known
        return self._named(own) if own else None

    def _suggestion(self, name: str) -> str:
        near = [
            found.name
            for connection in self._connections()
            for found in suggest(connection, name, 3)
            if found.reason == "spelling"
        ]
        return f"Did you mean {', '.join(dict.fromkeys(near[:3]))}?" if near else ""

    def _connections(self) -> Iterable[duckdb.DuckDBPyConnection]:
        yield self.snapshot.cursor()
        if self.taxonomy:
            yield self.taxonomy.cursor()

    def _named(self, found: Resolution) -> NamedClades:
        if not found.clades and not found.reason.startswith("common name"):
            raise UnknownName(_which(found))
        clades = _found(found)
        here = self.snapshot.query(
            "SELECT lo, hi FROM taxa WHERE taxon_key IN (SELECT unnest(?)) ORDER BY lo",
            [clade.key for clade in clades],
        )
        memberless = all(each.hi - each.lo == 1 and not _may_be_leaf(each) for each in clades)
        return NamedClades(clades, tuple(here), found.reason, found.whole, memberless)


def _resolved(
    connection: duckdb.DuckDBPyConnection, name: str, within: Sequence[str]
) -> Resolution | None:
    inside = [clade.interval for each in resolve_all(connection, within) for clade in _found(each)]
    if within and not inside:
        return None
    found = resolve(connection, name, inside)
    return found if found.status != "unknown" else None


def _found(resolution: Resolution) -> tuple[Clade, ...]:
    return resolution.clades or resolution.candidates


def _may_be_leaf(clade: Clade) -> bool:
    """Whether it is as low as a species: nothing need stand below it."""
    return clade.linnaean or bool(clade.taxon.at(RANKS[-1])) or "hybrid" in clade.rank


def _which(found: Resolution) -> str:
    """List the taxa that share a name, each by the highest rank that tells it apart."""
    listed = []
    for clade in found.candidates[:MOST_CANDIDATES]:
        others = [each for each in found.candidates if each is not clade]
        above = (
            name
            for rank, name in zip(RANKS, clade.taxon.lineage, strict=True)
            if name and name != clade.name and all(each.taxon.at(rank) != name for each in others)
        )
        context = next(above, "")
        listed.append(f'"{clade.name} ({context})"' if context else f'"{clade.key}"')
    return (
        f"{found.written} is the name of {len(found.candidates)} taxa; "
        f"ask for one of {', '.join(listed)}."
    )
