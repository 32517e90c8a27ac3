"""Names: the one look-up that decides whether words are a taxon, a label or unknown here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

from indexer.catalog.snapshot import Snapshot
from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.resolver import Clade, Interval, Resolution, resolve_all
from indexer.taxonomy.store import Taxonomy
from indexer.taxonomy.suggest import suggest_spelling
from model.errors import UnknownName
from model.once import once
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
    """ "Did you mean …?" with taxa of a similar spelling, that it is elsewhere, or "" """


class Names:
    """The names of a collection: its own taxa first, then those of a whole taxonomy."""

    def __init__(self, snapshot: Snapshot, taxonomy: Taxonomy | None = None) -> None:
        self.snapshot = snapshot
        self.taxonomy = taxonomy

    @once
    def has_machine_labels(self) -> bool:
        """Whether a machine has labelled any image."""
        ((labelled,),) = self.snapshot.query("SELECT EXISTS (FROM identifications)")
        return bool(labelled)

    def look_up(
        self, words: str, within: Sequence[str] = ()
    ) -> NamedClades | NamedLabels | Unknown:
        """Decide what words name: a taxon goes before a label, a whole name before a part.

        `within` names clades that a taxon must lie in. Raises UnknownName, listing the candidates,
        for a scientific name of several taxa.
        """
        (found,) = self.look_up_all([words], within)
        if isinstance(found, UnknownName):
            raise found
        return found

    def look_up_all(
        self, words: Sequence[str], within: Sequence[str] = ()
    ) -> list[NamedClades | NamedLabels | Unknown | UnknownName]:
        """Decide for many what each names, as `look_up`; its error stands in its place."""
        named = self._clades(words, within)
        left = [
            each
            for each, found in zip(words, named, strict=True)
            if found is None or (isinstance(found, NamedClades) and not found.whole)
        ]
        labels: dict[str, tuple[str, ...]] = {}
        for folded, label in self.snapshot.query(_LABELS, list(map(fold, left))) if left else ():
            labels[folded] = (*labels.get(folded, ()), label)
        others: dict[str, NamedLabels | Unknown] = {
            each: NamedLabels(spellings)
            if (spellings := labels.get(fold(each)))
            else Unknown(self._suggestion(each, within))
            for each in dict.fromkeys(left)
        }
        return [
            others[each] if found is None or each in others else found
            for each, found in zip(words, named, strict=True)
        ]

    def taxon(self, name: str, within: Sequence[str] = ()) -> NamedClades:
        """Return the clades of a name, preferably within others.

        Raises UnknownName, with suggestions, where no taxon bears the name.
        """
        (named,) = self._clades([name], within)
        if named is None and within:
            (named,) = self._clades([name])
        if isinstance(named, UnknownName):
            raise named
        if named:
            return named
        suggestion = self._suggestion(name)
        raise UnknownName(f"No taxon is called {name!r} here.{suggestion and ' ' + suggestion}")

    def _clades(
        self, names: Sequence[str], within: Sequence[str] = ()
    ) -> list[NamedClades | UnknownName | None]:
        """Resolve names among the collection's taxa, else in the taxonomy."""
        found = _resolved(self.snapshot.cursor(), names, within)
        if self.taxonomy:
            places = [p for p, own in enumerate(found) if not (own and own.clades and own.whole)]
            others = _resolved(self.taxonomy.cursor(), [names[place] for place in places], within)
            for place, known in zip(places, others, strict=True):
                own = found[place]
                if known and (known.whole or not (own and own.clades)):
                    found[place] = known
        return self._named(found)

    def _suggestion(self, name: str, within: Sequence[str] = ()) -> str:
        near = [
            found.name
            for connection in self._connections()
            for found in suggest_spelling(connection, name, 3)
        ]
        if within and fold(name) in map(fold, near):
            return f"{name} is not within {' or '.join(within)}"
        return f"Did you mean {', '.join(dict.fromkeys(near[:3]))}?" if near else ""

    def _connections(self) -> Iterable[duckdb.DuckDBPyConnection]:
        yield self.snapshot.cursor()
        if self.taxonomy:
            yield self.taxonomy.cursor()

    def _named(self, found: Sequence[Resolution | None]) -> list[NamedClades | UnknownName | None]:
        """Return what names were resolved to, with their places in the collection."""
        keys = {clade.key for each in found if each for clade in _found(each)}
        lines = self.snapshot.query(_PLACES, list(keys)) if keys else ()
        here = {key: (lo, hi) for key, lo, hi in lines}
        named: list[NamedClades | UnknownName | None] = []
        for each in found:
            if each is None:
                named.append(None)
            elif not each.clades and not each.reason.startswith("common name"):
                named.append(UnknownName(_which(each)))
            else:
                clades = _found(each)
                places = sorted(here[key] for key in {c.key for c in clades} if key in here)
                memberless = all(c.hi - c.lo == 1 and not _may_be_leaf(c) for c in clades)
                named.append(
                    NamedClades(clades, tuple(places), each.reason, each.whole, memberless)
                )
        return named


_LABELS = """
SELECT folded, label FROM labels JOIN (SELECT DISTINCT unnest(?) AS folded) USING (folded)
ORDER BY label
"""
_PLACES = "SELECT taxon_key, lo, hi FROM taxa WHERE taxon_key IN (SELECT unnest(?))"


def _resolved(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], within: Sequence[str]
) -> list[Resolution | None]:
    inside = [clade.interval for each in resolve_all(connection, within) for clade in _found(each)]
    if within and not inside:
        return [None] * len(names)
    found = resolve_all(connection, names, inside)
    return [each if each.status != "unknown" else None for each in found]


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
