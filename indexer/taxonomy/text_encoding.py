"""Encodes the texts of a matrix that are missing, with the cost reported first."""

import shutil

from indexer.taxonomy.text_matrix import TextMatrix
from model.errors import Error
from model.progress import OnStep, Step, ignore
from model.sizes import size

_MANY = 20_000  # texts whose cost is worth a word
_TEXTS_A_SECOND = 250  # on two cores, by BioCLIP's ViT-B/16 (docs/benchmarks/encoders.md)


def encode_missing(texts: TextMatrix, progress: OnStep | None = None) -> None:
    """Encode the missing texts; many are reported, chunk by chunk.

    Raises Error where the disk has no room for them.
    """
    total, missing = len(texts.texts), texts.missing
    if missing <= _MANY:
        for _ in texts.encode():
            pass
        return
    report = progress or ignore
    needed = missing * texts.encoder.dim * 2
    folder = next(folder for folder in texts.folder.parents if folder.is_dir())
    if needed > (free := shutil.disk_usage(folder).free):
        raise Error(
            f"{folder} has {size(free)} free, which is too little for {missing:,} names; make "
            "room, or bound the names by a clade or a checklist."
        )
    job, seconds = "names to encode, once", missing / _TEXTS_A_SECOND
    report(Step(job, "names", 0, total, needed, seconds))
    for done in texts.encode():
        report(Step(job, "names", done, total, needed, seconds))
