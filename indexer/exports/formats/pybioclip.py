"""A table as pybioclip writes it: what each picture shows, for its users' scripts."""

from collections.abc import Iterator
from pathlib import Path

from indexer.exports.account import Account
from indexer.exports.image_rows import Images, MachineIdentification
from indexer.inputs.spreadsheet_cells import sheet
from model.taxon import RANKS

NOUN = "pybioclip's CSV: lineage and score of each picture"
SUFFIX = ""
_COLUMNS = (
    "file_name",
    *map(str, RANKS[:-1]),
    "species_epithet",
    "species",
    "common_name",
    "score",
)


def write(images: Images, target: Path, account: Account) -> Iterator[None]:
    """Write a line for each image that has a taxon: people's label, with score 1, else a machine's.

    Source of the columns: pybioclip 2.1, `bioclip predict --rank species`.
    """
    with sheet(target, _COLUMNS) as add:
        for batch in images.batches():
            for image in batch:
                best = image.best
                if best is None or best.taxon is None:
                    account.left_out["images that nobody names a taxon of"] += 1
                    continue
                taxon = best.taxon
                score = best.confidence if isinstance(best, MachineIdentification) else 1.0
                values = (*taxon.lineage[:-1], taxon.epithet, taxon.lineage[-1], taxon.common_name)
                add(dict(zip(_COLUMNS, (image.portable, *values, score), strict=True)))
                account.written["identifications"] += 1
            account.images += len(batch)
            yield
