"""The label files that are published with BioCLIP, such as txt_emb_species.json."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from indexer.taxonomy.draft import Draft, Line
from indexer.taxonomy.lineages import draft_of_lineages, lineage_of_epithet
from model.errors import BadInput
from model.taxon import RANKS, Taxon

NOUN = "a label file of BioCLIP (txt_emb_species.json)"


def claims(path: Path) -> bool:
    """Tell whether it is a JSON file."""
    return path.is_file() and path.suffix.lower() == ".json"


def read(path: Path) -> Draft:
    """Read taxa and their English names; a row is an entry of the list.

    A million entries take 800 MB for a moment. Raises BadInput for another kind of file.
    """
    return draft_of_lineages(_lines(path, _entries(path)), language="en")


def read_taxa(path: Path) -> list[Taxon]:
    """Return the taxa of such a file with their common names, in its order."""
    return [
        replace(line.lineage, common_name=common) for line, common in _lines(path, _entries(path))
    ]


def _entries(path: Path) -> list[object]:
    try:
        entries = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} cannot be read as JSON ({error}); get the file anew.") from error
    if not isinstance(entries, list):
        raise BadInput(
            f"{path} holds no list of labels, as txt_emb_species.json does; choose that."
        )
    return entries


def _lines(path: Path, entries: list[object]) -> Iterator[tuple[Line, str]]:
    for row, entry in enumerate(entries, 1):
        match entry:
            case [[*ranks], str() | None as common_name] if len(ranks) == len(RANKS):
                names = [str(rank or "") for rank in ranks]
                yield Line(row, lineage_of_epithet(names)), (common_name or "").strip()
            case _:
                raise BadInput(
                    f"Entry {row} of {path} is not [[kingdom, …, species], common name], but "
                    f"{str(entry)[:80]}; choose a file like txt_emb_species.json."
                )
