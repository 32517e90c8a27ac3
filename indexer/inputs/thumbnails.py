"""Small pictures of inputs that are no files of their own, to look at without the network."""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

SIDE = 320  # pixels
BYTES = 15_000  # that one takes, about


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """Where the thumbnail of an image is kept."""

    file: Path
    image_id: str

    def read(self) -> bytes:
        """Return the JPEG; raises OSError where the collection has lost it."""
        import pyarrow.parquet as pq  # whoever makes thumbnails need not wait for it

        found = pq.read_table(
            self.file,
            columns=["jpeg"],
            filters=[("image_id", "=", self.image_id)],
            page_checksum_verification=True,
        )
        if not len(found):
            raise FileNotFoundError(2, "no thumbnail", str(self.file))
        jpeg: bytes = found["jpeg"][0].as_py()
        return jpeg


def thumbnail_of(image: Image.Image, side: int = SIDE) -> bytes:
    """Return a JPEG of at most `side` pixels a side, without metadata such as where it was."""
    small = image.copy()
    small.thumbnail((side, side))
    jpeg = io.BytesIO()
    small.save(jpeg, "JPEG", quality=82)
    return jpeg.getvalue()
