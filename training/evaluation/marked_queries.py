"""Free-text queries with marked answers: AP@50 and nDCG@50, as INQUIRE scores them.

Vendrow et al. 2024, "INQUIRE: A Natural World Text-to-Image Retrieval Benchmark": AP@k is divided
by the relevant images that could be among the k best. Images of one cosine have no order: precision
counts all of them, nDCG the mean of their orders, both as scikit-learn does.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from indexer.inputs.records import plain_name
from indexer.tables.table import open_table
from indexer.taxonomy.text_matrix import TextMatrix
from model.encoder import Encoder
from model.errors import BadInput
from model.text_types import free_text_prompt
from model.vectors import Features
from training.evaluation.figures import Figure, mean_figure
from training.evaluation.intervals import Floats
from training.evaluation.labelled_images import LabelledImages, Numbers
from training.evaluation.retrieval import Flags

K = 50
_COLUMNS = "query", "file_name"


def read_marked(path: Path, images: LabelledImages) -> tuple[dict[str, Numbers], list[str]]:
    """Read queries and the places of their answers: columns `query` and `file_name`, one a line.

    A file is named by its path below the source. Returns them and notes on answers that are none of
    the images, which do not count as missed, and on queries without any. Raises BadInput for a
    table without these columns, or whose files are none of the images.
    """
    table = open_table(path)
    if missing := [name for name in _COLUMNS if name not in table.columns]:
        raise BadInput(f"{path} has no column {', '.join(missing)}; it needs query and file_name.")
    places = {plain_name(file): place for place, file in enumerate(images.files)}
    found: dict[str, list[int]] = {}
    absent: dict[str, set[str]] = {}
    for row in table.rows():
        said = table.said(row)
        query, file = said.get("query", ""), plain_name(said.get("file_name", ""))
        if query and file in places:
            found.setdefault(query, []).append(places[file])
        elif query:
            absent.setdefault(query, set()).add(file)
    if not found:
        raise BadInput(f"{path} marks none of the {len(images):,} images; name them as they lie.")
    notes = []
    if many := sum(map(len, absent.values())):
        notes.append(f"{many:,} marked answers are none of the labelled images, and do not count")
    if without := len(set(absent) - set(found)):
        notes.append(f"{without:,} queries are left out: none of their answers is here")
    return {query: np.unique(np.array(own, np.int64)) for query, own in found.items()}, notes


def figures(
    marked: Mapping[str, Numbers], vectors: Features, encoder: Encoder, k: int = K
) -> Iterator[Figure]:
    """Yield AP@k and nDCG@k, averaged over queries."""
    from sklearn.metrics import ndcg_score

    texts = TextMatrix(encoder, [free_text_prompt(query) for query in marked]).vectors()
    scores = texts.astype(np.float64) @ vectors.T.astype(np.float64)  # (queries, images)
    relevant = np.zeros(scores.shape, np.bool_)
    for row, own in enumerate(marked.values()):
        relevant[row, own] = True
    setting = f"{len(vectors):,} images"
    precisions = average_precisions_at(scores, relevant, k)
    yield mean_figure(f"marked queries AP@{k}", precisions, of="queries", setting=setting)
    gains = [
        ndcg_score(flags[None], row[None], k=k) for flags, row in zip(relevant, scores, strict=True)
    ]
    yield mean_figure(f"marked queries nDCG@{k}", np.array(gains), of="queries", setting=setting)


def average_precisions_at(scores: Floats, relevant: Flags, k: int) -> Floats:
    """Return AP@k of each query, (queries,): precision summed over hits, over min(k, relevant).

    `relevant` has a hit in each row.
    """
    from sklearn.metrics import average_precision_score

    averages = np.zeros(len(scores))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    for row, (best, flags) in enumerate(zip(order, relevant, strict=True)):
        if hits := int(flags[best].sum()):
            average = average_precision_score(flags[best], scores[row, best])
            averages[row] = average * hits / min(k, int(flags.sum()))
    return averages
