"""The guard that keeps vectors of two encoders apart."""

from pathlib import Path

from indexer.store.manifest import EncoderEntry
from model.encoder import Encoder
from model.errors import EncoderMismatch


def check_encoder(entry: EncoderEntry, collection: Path | str, encoder: Encoder) -> None:
    """Raise EncoderMismatch unless the encoder gives the vectors that a collection holds.

    A collection of vectors that came without their encoder has no fingerprint: there its spec, as
    its owner said it, and the number of components decide.
    """
    if encoder.identity.fingerprint == entry.fingerprint:
        return
    if not entry.fingerprint and (encoder.spec, encoder.dim) == (entry.spec, entry.dim):
        return
    check_spec(entry, collection, encoder.spec)
    raise EncoderMismatch(
        f"{collection} was made with another version of {entry.spec}; use that one, or index into "
        "a new collection with -c."
    )


def check_spec(entry: EncoderEntry, collection: Path | str, spec: str) -> None:
    """Raise EncoderMismatch unless a spec is the collection's."""
    if spec != entry.spec:
        raise EncoderMismatch(
            f"{collection} was made with {entry.spec} ({entry.dim} numbers a picture), not with "
            f"{spec}; use the encoder it was made with, or index into a new collection with -c."
        )
