"""Strings to vectors: 20,000 full lineages of real species, beside open_clip's own loop."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import open_clip
import torch

from benchmarks.report import figure, timed
from indexer.taxonomy.store import open_taxonomy
from model import shared_prefixes
from model.clip_encoder import ClipEncoder
from model.errors import Error
from model.taxon import RANKS, Taxon
from model.text_types import render
from training.concepts import class_taxa

OURS, OPENVINO, LOOP = "taxalens", "taxalens, openvino", "open_clip loop"
COUNT = 20_000
SAMPLE = 256  # of them for what is slow
BATCH = 32
_SPECIES = f"""
SELECT {", ".join(f'"{rank}"' for rank in RANKS)}, common_name FROM taxa
WHERE rank = 'species' AND common_name <> '' ORDER BY lo LIMIT {COUNT}
"""


def texts_of_species() -> list[str]:
    """Write species as taxon_com, those of the imported `inat` with common names if it is here."""
    try:
        taxonomy = open_taxonomy("inat")
    except Error:
        return [render(taxon, "taxon_com") for taxon in class_taxa().values()]
    rows = taxonomy.cursor().execute(_SPECIES).fetchall()
    taxonomy.close()
    return [render(Taxon(tuple(ranks), common), "taxon_com") for *ranks, common in rows]


def measure(name: str, encoder: ClipEncoder, reference: ClipEncoder) -> Iterator[dict[str, object]]:
    """Yield figures of an encoder as it runs here and, as `reference`, in torch float32."""
    texts = texts_of_species()
    sample = texts[len(texts) // 2 :][:SAMPLE]
    network = reference.runtime.text_tower.network
    length = reference.tokenizer(["a"]).shape[1]
    tokenizer = open_clip.get_tokenizer("ViT-B-16", context_length=length)
    encoder.encode_texts(sample[:8])

    def loop() -> np.ndarray:
        with torch.no_grad():
            starts = range(0, len(sample), BATCH)
            batches = [tokenizer(sample[start : start + BATCH]) for start in starts]
            parts = [network.encode_text(batch, normalize=True) for batch in batches]
        return torch.cat(parts).numpy()

    plain, plain_s = timed(loop)
    _, openvino_s = timed(lambda: encoder.encode_texts(sample))
    ours, ours_s = timed(lambda: reference.encode_texts(texts))
    again, again_s = timed(loop)
    plain_s = (plain_s + again_s) / 2
    tokens = np.stack(list(islice(iter(tokenizer(sample).numpy()), SAMPLE)))
    exact = shared_prefixes.encode_texts(network, tokens)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    case = f"{name}, {len(texts)} lineages with common names"
    yield figure(case, OURS, "strings a second", len(texts) / ours_s)
    yield figure(case, OPENVINO, "strings a second", len(sample) / openvino_s)
    yield figure(case, LOOP, "strings a second", len(sample) / plain_s)
    yield figure(case, OURS, "times as fast", len(texts) / ours_s * plain_s / len(sample))
    yield figure(case, OPENVINO, "times as fast", plain_s / openvino_s)
    yield figure(case, OURS, "largest difference × 1e6, float32", np.abs(exact - plain).max() * 1e6)
    middle = ours[len(texts) // 2 :][:SAMPLE].astype(np.float32)
    yield figure(
        case, OURS, "largest difference, as stored (float16)", np.abs(middle - again).max()
    )
