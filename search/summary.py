"""What a collection is and holds, in numbers."""

from typing import TYPE_CHECKING

from indexer.catalog.snapshot import Snapshot
from indexer.ingest.run_log import read_runs
from indexer.ingest.verify import last_verified
from indexer.labels.label_resolution import AMBIGUOUS, AS_SAID, BY_GENUS, UNKNOWN
from indexer.store.derived import ADAPTATION, files, newest
from indexer.store.manifest import EffortEntry, EncoderEntry, FloorEntry, Manifest
from model.taxon import RANKS

if TYPE_CHECKING:
    from search.classify.novelty import Novelty

MOST_LABELS = 10


def summarise(snapshot: Snapshot) -> dict[str, str]:
    """Return facts about a collection, by name, in the order in which they are read."""
    manifest = snapshot.manifest
    images, labelled, of_taxa = snapshot.query(
        "SELECT count(*), count(*) FILTER (label <> '' OR taxon_key IS NOT NULL), count(taxon_key) "
        "FROM images"
    )[0]
    (by_machine,) = snapshot.query(
        "SELECT count(*) FROM identifications SEMI JOIN images USING (image_id)"
    )[0]
    facts = {
        "collection": str(snapshot.folder),
        "generation": str(manifest.generation),
        "encoder": _encoder(manifest.encoder),
        "taxonomy": _taxonomy(snapshot),
        "size": f"{sum(entry.bytes for entry in manifest.files.values()) / 1e6:,.1f} MB",
        "images": f"{images:,}",
        "labelled": f"{labelled:,}",
        "labelled with a taxon": f"{of_taxa:,}",
        "identified by machine": f"{by_machine:,}",
    }
    facts |= _index(manifest)
    if manifest.floor:
        facts["nothing alike below"] = _floor(manifest.floor)
    if novelty := newest(snapshot.folder, "novelty"):
        from search.classify.kept_arrays import made_from
        from search.classify.novelty import Novelty

        facts["new species"] = _novelty(made_from(Novelty, novelty))
    if any(files(snapshot.folder, ADAPTATION)):
        from search.adapt.kept import describe

        facts["adapted"] = describe(snapshot)
    if runs := read_runs(snapshot.folder, manifest):
        last = runs[-1]
        facts["last run"] = ", ".join(filter(None, (last["ended"], last["runtime"])))
    facts["verified"] = last_verified(snapshot.folder)
    for root, path in manifest.roots.items():
        facts[f"root {root}"] = path
    for status, count in snapshot.query(
        "SELECT status, count(*) FROM inputs GROUP BY 1 ORDER BY 1"
    ):
        facts[f"inputs {status}"] = f"{count:,}"
    taxa = dict(snapshot.query("SELECT rank, count(*) FROM taxa GROUP BY 1"))
    for rank in RANKS:
        facts[f"taxa of rank {rank}"] = f"{taxa.get(str(rank), 0):,}"
    return facts | labels_by_meaning(snapshot)


def _encoder(entry: EncoderEntry) -> str:
    said = "" if entry.fingerprint else ", as whoever brought the vectors said"
    return f"{entry.spec} ({entry.dim} numbers a picture{said})"


def _index(manifest: Manifest) -> dict[str, str]:
    entry = manifest.index
    if entry is None:
        return {"index": "none: every image that may answer is compared"}
    vectors = sum(each.bytes for path, each in manifest.files.items() if path.endswith(".npy"))
    kind = "taxa" if entry.by_taxa else "likeness"
    facts = {
        "index": f"{entry.rows:,} images in lists by {kind}, {entry.bytes / entry.rows:.0f} bytes "
        f"each; their vectors, {vectors / 1e6:,.1f} MB, stay on disk",
        "recall@10 of pictures": _recall(entry.image),
    }
    return facts | {"recall@10 of texts": _recall(entry.text) if entry.text else "not measured"}


def _floor(entry: FloorEntry) -> str:
    of = {"for a picture": entry.image, "for a text": entry.text}
    known = [f"{score:.2f} {kind}" for kind, score in of.items() if score is not None]
    return ", ".join(known) or "not measured"


def _novelty(found: "Novelty") -> str:
    areas = ", ".join(f"{name} {area:.2f}" for name, area in found.areas.items())
    estimate = f"{found.unlabelled:.0%} of the unlabelled images, " if found.estimated else ""
    return f"at the last fit {estimate}told by {found.score}; area under the ROC curve: {areas}"


def _recall(entry: EffortEntry) -> str:
    return (
        f"{entry.recall:.3f}, with {entry.probes:,} lists looked at and {entry.reranked:,} images "
        "compared"
    )


def _taxonomy(snapshot: Snapshot) -> str:
    entry = snapshot.manifest.taxonomy
    return f"{entry.name} ({entry.version or entry.path})" if entry else "none"


def labels_by_meaning(snapshot: Snapshot) -> dict[str, str]:
    """Return the labels of images that are no taxon, by what they are; the taxonomy first."""
    facts: dict[str, list[str]] = {}
    for label, reason, count in snapshot.query(_LABELS):
        facts.setdefault(_WHAT.get(reason, NO_TAXA), []).append(f"{label} ({count})")
    return {what: _some(labels) for what, labels in facts.items()}


def _some(labels: list[str]) -> str:
    more = f" and {len(labels) - MOST_LABELS:,} more" if len(labels) > MOST_LABELS else ""
    return ", ".join(labels[:MOST_LABELS]) + more


NO_TAXA = "labels that are no taxa"
_WHAT = {
    UNKNOWN: "labels not in the taxonomy",
    AMBIGUOUS: "labels of several taxa",
    AS_SAID: "lineages not in the taxonomy, kept as they were said",
    BY_GENUS: "species not in the taxonomy, placed by their genus",
}
_LABELS = f"""
SELECT images.label, reason, count(*) FROM images
LEFT JOIN meanings ON images.label = meanings.label
    AND images.said_key IS NOT DISTINCT FROM meanings.said_key
WHERE images.label <> '' AND
    (images.taxon_key IS NULL OR reason IN ('{AS_SAID}', '{BY_GENUS}'))
GROUP BY 1, 2 ORDER BY 3 DESC, 1
"""
