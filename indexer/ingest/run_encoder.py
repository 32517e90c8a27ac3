"""The encoder of a run: loaded when it is first needed, and checked against the collection's."""

from pathlib import Path

from indexer.store.encoder_identity import check_encoder, check_spec
from indexer.store.manifest import EncoderEntry
from model.encoder import Encoder, checked
from model.encoder import load as load_encoder
from model.errors import BadInput

DEFAULT_ENCODER = "bioclip"


class RunEncoder:
    """The collection's own encoder, or the one that a new collection gets."""

    def __init__(self, asked: str | Encoder | None, runtime: str) -> None:
        self._asked = asked
        self._runtime = runtime
        self.loaded = None if isinstance(asked, str) or asked is None else checked(asked)
        self._expected: tuple[EncoderEntry, Path] | None = None

    def expect(self, entry: EncoderEntry, collection: Path) -> None:
        """Refuse every encoder but the collection's; the same spec need not be loaded to know."""
        self._expected = (entry, collection)
        self._asked = self._asked or entry.spec
        if isinstance(self._asked, str) and ":" not in self._asked + entry.spec:
            check_spec(entry, collection, self._asked)
        elif self._asked != entry.spec:
            self.load()

    def load(self) -> Encoder:
        """Return the encoder; raises EncoderMismatch where it is not the collection's."""
        if self.loaded is None:
            asked = self._asked if isinstance(self._asked, str) else DEFAULT_ENCODER
            known = self._expected[0].fingerprint if self._expected else ""
            self.loaded = checked(load_encoder(asked, self._runtime, known))
        if self._expected:
            check_encoder(*self._expected, self.loaded)
        return self.loaded

    def entry(self) -> EncoderEntry:
        """Describe it for a manifest."""
        encoder = self.load()
        return EncoderEntry(encoder.spec, encoder.identity.fingerprint, encoder.dim)

    def entry_as_said(self, dim: int, source: str) -> EncoderEntry:
        """Describe the encoder of vectors that come without it, by its spec alone.

        Raises BadInput where nobody says which it was.
        """
        if not isinstance(self._asked, str):
            raise BadInput(
                f"{source} holds vectors of {dim} numbers; pass encoder=NAME, the one "
                "that they come from."
            )
        return EncoderEntry(self._asked, "", dim)
