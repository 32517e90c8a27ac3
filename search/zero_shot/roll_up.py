"""Roll-up: what candidates share, summed to the clades that they are members of."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array

from model.vectors import Features
from search.zero_shot.candidates import Clades, Numbers
from search.zero_shot.products import Sums
from search.zero_shot.top import Looked


def rolled_up(
    sums: Sums, looks: Sequence[Looked], clades: Mapping[str, Clades]
) -> dict[str, Features]:
    """Return the sums of each level's clades, (clades, n) each.

    A group counts for the clade of its first member, so a clade's sum may be off by what the groups
    at its two ends hold; but the members that were looked at count for their own. The sums of
    their groups are to be 0. A level is summed from the one below it.
    """
    found: dict[str, Features] = {}
    firsts: Numbers = np.arange(len(sums.values)) * sums.size
    values, own = sums.values, looks
    for level, cut in reversed(list(clades.items())):
        values = _added(values, np.searchsorted(firsts, cut.starts))
        for look in own:
            members = np.searchsorted(cut.starts, look.members, side="right") - 1
            np.add.at(values[:, look.image], members, look.shares)
        found[level], firsts, own = values, cut.starts, ()
    return found


def _added(rows: Features, starts: Numbers) -> Features:
    """Return the sums of stretches of rows (m, n), each from its start to the next one's.

    A product with a matrix of ones, for which SciPy adds whole rows of n numbers.
    """
    bounds = np.append(starts, len(rows)).astype(np.int32)
    ones, places = np.ones(len(rows), np.float32), np.arange(len(rows), dtype=np.int32)
    matrix = csr_array((ones, places, bounds), shape=(len(starts), len(rows)))
    added: Features = matrix @ rows
    return added
