"""A collection opened: its snapshot, its names, and parts that load when they are first needed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.backends.exact import Exact
from indexer.backends.floor import estimate_image_floor, estimate_text_floor
from indexer.backends.index_file import open_index
from indexer.backends.selection import Selection
from indexer.catalog.snapshot import Snapshot
from indexer.store.derived import ADAPTATION, files
from indexer.store.encoder_identity import check_encoder
from indexer.store.manifest import EncoderEntry
from indexer.taxonomy.store import Taxonomy
from model.encoder import Encoder
from model.encoder import load as load_encoder
from model.once import once
from model.specs import fingerprint_of
from search.query.conditions import Selections
from search.query.filters import Filters, several
from search.query.names import Names
from search.ranking.nearest import Nearest

if TYPE_CHECKING:
    from search.ranking.adaptation import Adaptation


class Opened:
    """One generation of a collection, with its own encoder; threads may share it.

    Encoder and vectors load when they are first needed.
    """

    def __init__(
        self, snapshot: Snapshot, encoder: Encoder | None = None, taxonomy: Taxonomy | None = None
    ) -> None:
        self.snapshot = snapshot
        self.names = Names(snapshot, taxonomy)
        self.selections = Selections(snapshot)
        self._given_encoder = encoder

    def __len__(self) -> int:
        """Return the number of images."""
        return int(self.snapshot.query("SELECT count(*) FROM images")[0][0])

    def __repr__(self) -> str:
        """Describe it in one line."""
        return f"{type(self).__name__}({str(self.snapshot.folder)!r}, {len(self)} images)"

    @once
    def encoder(self) -> Encoder:
        """The encoder that the collection was made with; raises EncoderMismatch for any other."""
        manifest, folder = self.snapshot.manifest, self.snapshot.folder
        return encoder_of(manifest.encoder, folder, self._given_encoder)

    @once
    def nearest(self) -> Nearest:
        """The vectors, and the index over them if there is one."""
        exact = Exact(self.snapshot.vectors())
        manifest = self.snapshot.manifest
        return Nearest(exact, open_index(self.snapshot.folder, manifest, exact), manifest.index)

    @property
    def adaptation(self) -> "Adaptation | None":
        """The map that `taxalens adapt` learnt from the labels as they are; None without one.

        It comes and goes without a new generation, so that it is looked for at each question.
        """
        if not any(files(self.snapshot.folder, ADAPTATION)):
            return None
        from search.adapt.kept import kept_map

        return kept_map(self.snapshot, self._key_of_labels)

    @once
    def _key_of_labels(self) -> str:
        from search.adapt.kept import key_of

        return key_of(self.snapshot)

    @once
    def image_floor(self) -> float | None:
        """The floor of picture queries: measured by `optimize`, else estimated; None unknown."""
        measured = self.snapshot.manifest.floor
        if measured and measured.image is not None:
            return measured.image
        return estimate_image_floor(self.snapshot, self.nearest.exact)

    @once
    def text_floor(self) -> float | None:
        """The floor of text queries: measured by `optimize`, else estimated; None unknown."""
        measured = self.snapshot.manifest.floor
        if measured and measured.text is not None:
            return measured.text
        return estimate_text_floor(self.snapshot, self.nearest.exact, self.encoder)

    def among(self, within: str | Sequence[str], where: str) -> Selection:
        """Return the rows of the images that pass these filters."""
        condition = Filters(several(within), where=where).condition(self.names)
        return self.selections.of(condition)


def encoder_of(entry: EncoderEntry, collection: Path | str, given: Encoder | None) -> Encoder:
    """Return the encoder of a collection, or the given one; raises EncoderMismatch for another."""
    if given is None:
        # Vectors that came without their encoder are told apart by its spec alone.
        fingerprint = entry.fingerprint or fingerprint_of(entry.spec)
        given = load_encoder(entry.spec, fingerprint=fingerprint)
    check_encoder(entry, collection, given)
    return given
