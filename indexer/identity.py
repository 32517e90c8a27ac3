"""The guard that keeps vectors of two encoders apart."""

from pathlib import Path

from indexer.manifest import EncoderEntry
from model.encoder import Encoder
from model.errors import EncoderMismatch


def check_encoder(entry: EncoderEntry, collection: Path, encoder: Encoder) -> None:
    """Raise EncoderMismatch unless the encoder gives the vectors that a collection holds."""
    if encoder.identity.fingerprint == entry.fingerprint:
        return
    if encoder.spec == entry.spec:
        what = f"another version of {entry.spec}"
    else:
        what = f"{entry.spec} ({entry.dim} numbers a picture), not with {encoder.spec}"
    raise EncoderMismatch(
        f"{collection} was made with {what}; use the encoder it was made with, or index into a "
        "new collection with -c."
    )
