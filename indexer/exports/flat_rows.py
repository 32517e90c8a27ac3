"""One line an image: the columns of a table that a label file, too, is understood by."""

from collections.abc import Sequence

from indexer.exports.image_rows import Image
from model.taxon import RANKS, Taxon

LABEL = ("label", "taxon", "rank", *map(str, RANKS), "common_name")
MACHINE = (
    *("machine_label", "machine_taxon", "machine_rank", "machine_taxon_key"),
    *("machine_confidence", "machine_identified_by", "machine_date_identified"),
    *("machine_method", "machine_remarks", "machine_evidence"),
)
_UNKNOWN = Taxon(("",) * len(RANKS))


def label_of(image: Image) -> dict[str, str]:
    """Return what people say that it shows, under LABEL."""
    said = image.said
    taxon = said.taxon or _UNKNOWN
    values = (said.label, said.name, said.rank, *taxon.lineage, taxon.common_name)
    return dict(zip(LABEL, values, strict=True))


def machine_of(image: Image) -> dict[str, object]:
    """Return what a machine says that it shows, under MACHINE; nothing where none does."""
    said = image.machine
    if not said:
        return {}
    values = (
        *(said.label, said.name, said.rank, said.key, said.confidence),
        *(said.identified_by, said.date_identified, said.method, said.remarks),
        "|".join(said.evidence),
    )
    return dict(zip(MACHINE, values, strict=True))


def metadata_columns(keys: Sequence[str], own: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which metadata have a column beside our own, and which are called as one of these."""
    taken = {name.lower() for name in own}
    kept: list[str] = []
    lost: list[str] = []
    for key in keys:
        (lost if key.lower() in taken else kept).append(key)
        taken.add(key.lower())  # DuckDB, as any SQL, reads "Site" and "site" as one
    return kept, lost
