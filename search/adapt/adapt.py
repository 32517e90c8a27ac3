"""Adapting a collection: a map is learnt from its labels, and kept if it gains."""

import numpy as np

from indexer.catalog.snapshot import Snapshot
from indexer.store.derived import ADAPTATION, remove
from model.errors import Error
from search.adapt.fitting import fit_map
from search.adapt.kept import keep_map
from search.identify.candidate_taxa import OF_LABELS, labelled_reference, taxa_of
from search.ranking.adaptation import Adaptation
from search.ranking.nearest import Nearest


def adapt(snapshot: Snapshot, nearest: Nearest) -> Adaptation:
    """Learn a map from the images that are labelled with a taxon; keep it where it gains surely.

    Where it does not, a map that was kept before is removed. Raises Error where too few species
    are labelled, NotWritten where the collection cannot be written to.
    """
    taxa = taxa_of(snapshot.cursor(), OF_LABELS)
    reference = labelled_reference(snapshot, nearest, taxa, np.ones(len(taxa))) if taxa else None
    if reference is None:
        raise Error("No image is labelled with a taxon; a map is learnt from such labels.")
    found = fit_map(reference)
    if found.is_gain:
        keep_map(snapshot, found)
    else:
        remove(snapshot.folder, ADAPTATION)
    return found
