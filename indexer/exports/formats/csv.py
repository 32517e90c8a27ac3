"""CSV for spreadsheets and scripts: one line an image, which is a label file, too."""

from collections.abc import Iterator
from pathlib import Path

from indexer.exports.account import Account
from indexer.exports.flat_rows import LABEL, MACHINE, label_of, machine_of, metadata_columns
from indexer.exports.image_rows import Images
from indexer.inputs.spreadsheet_cells import sheet

NOUN = "a line an image (label, lineage, metadata), which is a label file, too"
SUFFIX = ".csv"
_OWN = ("file_name", "source_id", "image_id", *LABEL, *MACHINE, "width", "height")


def write(images: Images, target: Path, account: Account) -> Iterator[None]:
    """Write a line an image.

    Its `file_name` is its URL, or its path: below the folder of the table, where the pictures lie
    there, else the whole path. So the table is read back by `taxalens index --labels`.
    """
    keys, lost = metadata_columns(images.metadata_keys, _OWN)
    if lost:
        account.notes.append(f"metadata called as a column of ours are left out: {', '.join(lost)}")
    with sheet(target, (*_OWN, *keys)) as add:
        for batch in images.batches():
            for image in batch:
                own = {"file_name": image.portable, "source_id": image.source_id}
                own |= {"image_id": image.image_id}
                size = {"width": image.width, "height": image.height}
                add({**image.metadata, **own, **label_of(image), **machine_of(image), **size})
            account.images += len(batch)
            account.written["images"] += len(batch)
            yield
