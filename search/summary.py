"""What a collection is and holds, in numbers."""

from indexer.snapshot import Snapshot
from model.taxon import RANKS

MOST_LABELS = 10


def summarise(snapshot: Snapshot) -> dict[str, str]:
    """Return facts about a collection, by name, in the order in which they are read."""
    manifest = snapshot.manifest
    images, labelled, of_taxa = snapshot.query(
        "SELECT count(*), count(*) FILTER (label <> '' OR taxon_key IS NOT NULL), count(taxon_key) "
        "FROM images"
    )[0]
    facts = {
        "collection": str(snapshot.folder),
        "generation": str(manifest.generation),
        "encoder": f"{manifest.encoder.spec} ({manifest.encoder.dim} numbers a picture)",
        "size": f"{sum(entry.bytes for entry in manifest.files.values()) / 1e6:,.1f} MB",
        "images": f"{images:,}",
        "labelled": f"{labelled:,}",
        "labelled with a taxon": f"{of_taxa:,}",
    }
    for root, path in manifest.roots.items():
        facts[f"folder {root}"] = path
    for status, count in snapshot.query(
        "SELECT status, count(*) FROM inputs GROUP BY 1 ORDER BY 1"
    ):
        facts[f"inputs {status}"] = f"{count:,}"
    taxa = dict(snapshot.query("SELECT rank, count(*) FROM taxa GROUP BY 1"))
    for rank in RANKS:
        facts[f"taxa of rank {rank}"] = f"{taxa.get(str(rank), 0):,}"
    return facts | _labels_without_taxon(snapshot)


def _labels_without_taxon(snapshot: Snapshot) -> dict[str, str]:
    labels = snapshot.query(
        "SELECT label, count(*) FROM images WHERE taxon_key IS NULL AND label <> '' "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    if not labels:
        return {}
    shown = ", ".join(f"{label} ({count})" for label, count in labels[:MOST_LABELS])
    more = f" and {len(labels) - MOST_LABELS} more" if len(labels) > MOST_LABELS else ""
    return {"labels that are no taxa": shown + more}
