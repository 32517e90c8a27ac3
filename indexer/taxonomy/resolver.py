"""The resolver: what a name means in a taxonomy, decided by exact rules and never guessed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from rapidfuzz.distance import OSA

from indexer.taxonomy.draft import COMMON, SCIENTIFIC, SYNONYM
from indexer.taxonomy.name_strings import (
    WITHOUT_MARKS,
    Reading,
    as_written,
    fold,
    readings,
)
from indexer.taxonomy.respelling import (
    ENDING,
    HYPHENS,
    SUBSPECIES,
    as_common_names,
    as_subspecies,
    with_other_endings,
)
from model.taxon import RANKS, Taxon

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Clade:
    """A taxon of a taxonomy and all that stands below it."""

    key: str
    rank: str
    name: str
    lo: int
    hi: int
    taxon: Taxon
    """the taxon, or the lowest of the seven ranks above it"""

    @property
    def interval(self) -> Interval:
        """[lo, hi) in the pre-order of its taxonomy."""
        return self.lo, self.hi

    @property
    def linnaean(self) -> bool:
        """Whether it has one of the seven ranks."""
        return self.rank in RANKS

    def __str__(self) -> str:
        """Describe it: "Felidae (family)"."""
        return f"{self.name} ({self.rank})"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a name means: `clades` of one taxon, or `candidates` where several taxa bear it."""

    written: str
    clades: tuple[Clade, ...] = ()
    candidates: tuple[Clade, ...] = ()
    matched: str = ""
    """the name in the taxonomy"""
    reason: str = ""
    """"exact", "folded", "synonym", "common name", and what was left out of what was written"""
    whole: bool = True
    """False where only a part of what was written is known: the genus of "Ursus sp." """

    score: float = 0.0
    """1 less the edits between the matched name and what was read, per letter"""

    @property
    def status(self) -> str:
        """Say it in one word."""
        return "resolved" if self.clades else "ambiguous" if self.candidates else "unknown"


@dataclass(frozen=True, slots=True)
class _Match:
    name: str
    kind: str
    clade: Clade


def resolve(
    connection: duckdb.DuckDBPyConnection, name: str, within: Sequence[Interval] = ()
) -> Resolution:
    """Resolve one name; see `resolve_all`."""
    return resolve_all(connection, [name], within)[0]


def resolve_all(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], within: Sequence[Interval] = ()
) -> list[Resolution]:
    """Resolve names, those inside `within` only, if that is given; one look-up for all.

    What was written decides first, then each other way to read it (`name_strings.readings`); a
    scientific name goes before its spelling in other letters, that before a synonym, that before
    a common name. What none of that knows may differ as the codes of nomenclature let it
    (`respelling`). A taxon key ("Animalia|Chordata|Aves") is a name.
    """
    read = [_readings(name) if _is_key(name) else [as_written(name)] for name in names]
    found = _found(connection, names, read, within)
    # Most names are there as they are written; the others are taken apart.
    places = [place for place, one in enumerate(found) if one.status == "unknown"]
    for place in places:
        read[place] = _readings(names[place])
    others = _found(connection, [names[p] for p in places], [read[p] for p in places], within)
    for place, one in zip(places, others, strict=True):
        found[place] = one
    unsure = [
        not _is_key(one.written) and (not one.whole or one.status == "unknown") for one in found
    ]
    typed = [_as_typed(each) if again else [] for each, again in zip(read, unsure, strict=True)]
    common = _look_up(connection, {name for names in typed for name in names})
    return [
        _respelt(connection, one, each, [common.get(name, []) for name in names], within)
        if again
        else one
        for one, each, names, again in zip(found, read, typed, unsure, strict=True)
    ]


def _found(
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    read: Sequence[Sequence[Reading]],
    within: Sequence[Interval],
) -> list[Resolution]:
    asked = {fold(word) for each in read for one in each for word in (one.name, one.context)}
    known = _look_up(connection, asked - {""})
    return [_resolve(name, each, known, within) for name, each in zip(names, read, strict=True)]


def _as_typed(read: Sequence[Reading]) -> list[str]:
    """Return common names that a text may be without their hyphens and "'s"."""
    plain = [reading for reading in read if reading.reason in ("", WITHOUT_MARKS)]
    return as_common_names(fold(plain[-1].name))


def _readings(name: str) -> list[Reading]:
    if not _is_key(name):
        return readings(name)
    last = name.rsplit("|", 1)[-1]  # "Animalia|…|Ursidae+subfamily Ursinae"
    words = last.partition("+")[2].split(" ")
    without_rank = [" ".join(words[place:]) for place in range(1, min(len(words), 4))]
    return [Reading(each) for each in (name, last, *without_rank)]


def _is_key(name: str) -> bool:
    """Whether it has the form of a key; "Panthera leo + Panthera tigris" has not."""
    return "|" in name or bool(_BELOW.search(name))


def _resolve(
    written: str,
    read: Sequence[Reading],
    known: Mapping[str, Sequence[_Match]],
    within: Sequence[Interval],
) -> Resolution:
    for reading in read:
        matches = _inside(known.get(fold(reading.name), ()), within)
        if reading.name != written and _is_key(written):
            matches = [match for match in matches if match.clade.key == written]
        if reading.context:
            matches = _in_context(matches, known.get(fold(reading.context), ()))
        for how, of_kind in _by_kind(reading, matches):
            if of_kind:
                return _decided(written, reading, how, of_kind)
    return Resolution(written)


def _respelt(
    connection: duckdb.DuckDBPyConnection,
    found: Resolution,
    read: Sequence[Reading],
    typed: Sequence[Sequence[_Match]],
    within: Sequence[Interval],
) -> Resolution:
    """Decide by hyphens, or by another ending or rank of the epithet, where nothing else does."""
    common = [match for each in typed for match in each if match.kind == COMMON]
    if matches := _inside(common, within):
        return _decided(found.written, read[0], HYPHENS, matches)
    context = _look_up(connection, {fold(reading.context) for reading in read} - {""})
    for reading in read:
        if not reading.whole:
            continue
        folded = fold(reading.name)
        for how, names in (
            (ENDING, with_other_endings(folded)),
            (SUBSPECIES, as_subspecies(connection, folded)),
        ):
            known = _look_up(connection, names)
            matches = [match for each in known.values() for match in each if match.kind != COMMON]
            matches = _inside(matches, within)
            if reading.context:
                matches = _in_context(matches, context.get(fold(reading.context), ()))
            if matches:
                return _decided(found.written, reading, how, matches)
    return found


def _decided(written: str, reading: Reading, how: str, matches: Sequence[_Match]) -> Resolution:
    clades = _told_apart({match.clade.key: match.clade for match in matches}.values())
    reason = ", ".join(part for part in (how, reading.reason) if part)
    score = round(OSA.normalized_similarity(reading.name, matches[0].name), 3)
    found, several = (clades, ()) if agree(clades) else ((), clades)
    return Resolution(written, found, several, matches[0].name, reason, reading.whole, score)


def _by_kind(reading: Reading, matches: Sequence[_Match]) -> list[tuple[str, list[_Match]]]:
    scientific = [match for match in matches if match.kind == SCIENTIFIC]
    kinds = [
        ("exact", [match for match in scientific if match.name in (reading.name, reading.context)]),
        ("folded", scientific),
        ("synonym", [match for match in matches if match.kind == SYNONYM]),
    ]
    if not reading.reason or reading.context or reading.reason == WITHOUT_MARKS:
        kinds.append(("common name", [match for match in matches if match.kind == COMMON]))
    return kinds


def _inside(matches: Iterable[_Match], within: Sequence[Interval]) -> list[_Match]:
    return [
        match
        for match in matches
        if not within or any(lo <= match.clade.lo < hi for lo, hi in within)
    ]


def _in_context(matches: Sequence[_Match], context: Sequence[_Match]) -> list[_Match]:
    """The matches in the context; else, as of "Bombus (Pyrobombus)", the context in them."""
    if not context or not matches:
        return []
    inside = _inside(matches, [match.clade.interval for match in context])
    return inside or _inside(context, [match.clade.interval for match in matches])


def _told_apart(clades: Iterable[Clade]) -> tuple[Clade, ...]:
    """Leave of namesakes those that the bare name means.

    Of nested ones the Linnaean, of those the highest; and an infrageneric taxon is cited with its
    genus (ICN Art. 21.1, ICZN Art. 6.1), so that alone its name is that of the other.
    """
    left = list(clades)
    linnaean = [each for each in left if each.linnaean]
    left = [
        each
        for each in left
        if each.linnaean or not any(agree((each, other)) for other in linnaean)
    ]
    left = [each for each in left if not any(other.lo < each.lo < other.hi for other in left)]
    cited = [each for each in left if each.rank not in _INFRAGENERIC]
    return tuple(sorted(cited or left, key=lambda clade: clade.lo))


def agree(clades: Sequence[Clade]) -> bool:
    """Whether no two of the lineages contradict each other at any rank."""
    at_ranks = zip(*(clade.taxon.lineage for clade in clades), strict=True)
    return all(len({name for name in names if name}) <= 1 for names in at_ranks)


def _look_up(
    connection: duckdb.DuckDBPyConnection, folded: Iterable[str]
) -> dict[str, list[_Match]]:
    known: dict[str, list[_Match]] = {}
    if not (asked := list(folded)):
        return known
    for key, name, kind, *clade in connection.execute(_SQL, [asked]).fetchall():
        known.setdefault(key, []).append(_Match(name, kind, clade_of(clade)))
    return known


def clade_of(line: Sequence[Any]) -> Clade:
    """Make a clade of a line of COLUMNS."""
    key, rank, name, lo, hi, common, *ranks = line
    return Clade(key, rank, name, lo, hi, Taxon(tuple(ranks), common))


_BELOW = re.compile(r"\w\+[a-z]+ ")
COLUMNS = "taxon_key, rank, taxa.name, lo, hi, common_name, " + ", ".join(
    f'"{rank}"' for rank in RANKS
)
_SQL = f"""
SELECT folded, names.name, kind, {COLUMNS}
FROM names JOIN (SELECT unnest(?) AS folded) USING (folded) JOIN taxa USING (lo)
ORDER BY lo
"""
_INFRAGENERIC = {
    *("subgenus", "section", "subsection", "series", "subseries", "complex", "supersection"),
}
