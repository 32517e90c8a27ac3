"""Names that differ as the codes of nomenclature let them: the epithet's ending, or its rank.

An epithet that is an adjective takes the gender of its genus, so a species that moves from one
genus to another changes its ending (ICZN Art. 31.2, 34.2; ICN Art. 23.5); one made of a person's
name may end in -i or -ii (ICZN Art. 33.4). A species that becomes a subspecies, or the other way
round, keeps its epithet.
"""

import itertools
import re

import duckdb

_BINOMIAL = re.compile(r"([a-z-]+) ([a-z-]{3,})")
_ENDINGS = (
    ("us", "a", "um"),
    ("is", "e"),
    ("er", "ra", "rum"),
    ("er", "era", "erum"),
    ("ii", "i"),
    ("iae", "ae"),
)
ENDING = "with its epithet's ending changed"
SUBSPECIES = "now a subspecies"
HYPHENS = "common name, with hyphens or 's"


def with_other_endings(folded: str) -> list[str]:
    """Return a folded binomial with each other ending that its epithet may have."""
    if not (binomial := _BINOMIAL.fullmatch(folded)):
        return []
    genus, epithet = binomial.groups()
    return [
        f"{genus} {epithet.removesuffix(ending)}{other}"
        for group in _ENDINGS
        for ending in group
        if epithet.endswith(ending) and len(epithet) > len(ending) + 2
        for other in group
        if other != ending
    ]


def as_common_names(folded: str) -> list[str]:
    """Return folded common names that somebody may have written without hyphens and "'s".

    Folders are called "Black_footed_Albatross" and "Brewer_Blackbird".
    """
    words = folded.replace("'s ", " ").split(" ")
    if not 1 < len(words) < 6:
        return []
    gaps = itertools.product(" -", repeat=len(words) - 1)
    joined = ["".join(itertools.chain(*zip(words, (*gap, ""), strict=True))) for gap in gaps]
    owned = [f"{words[0]}'s {rest}" for name in joined for rest in [name[len(words[0]) + 1 :]]]
    return [name for name in dict.fromkeys((*joined, *owned)) if name != folded]


def as_subspecies(connection: duckdb.DuckDBPyConnection, folded: str) -> list[str]:
    """Return the folded trinomials with the genus and, at the end, the epithet of a binomial."""
    if not (binomial := _BINOMIAL.fullmatch(folded)):
        return []
    genus, epithet = binomial.groups()
    found = connection.execute(_TRINOMIALS, [f"{genus} ", f"{genus}!", f" {epithet}"]).fetchall()
    return [name for (name,) in found]


# "!" is the sign after the space.
_TRINOMIALS = """
SELECT DISTINCT folded FROM names
WHERE folded >= ? AND folded < ? AND kind = 'scientific' AND ends_with(folded, ?)
    AND length(folded) - length(replace(folded, ' ', '')) = 2
"""
