"""Review: labels that a person gives to images, each act kept at once, and taken back at will."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow.compute as pc

from indexer.catalog.snapshot import Snapshot
from indexer.ingest.journal import Statement, append, pending, said_before
from indexer.labels.label_files import label_of_folder
from indexer.store.segment import read_table
from model.errors import Error, UnknownName
from model.times import utc_now
from search.query.names import NamedClades, NamedLabels, Names


@dataclass(frozen=True, slots=True)
class Act:
    """One act of a person: what it says of some images, and what was said before."""

    statements: tuple[Statement, ...]
    before: tuple[Statement, ...]
    by: str

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.statements)


def label_images(
    names: Names, image_ids: Sequence[str], label: str | None, by: str, remarks: str = ""
) -> Act:
    """Give images a label, or with None confirm the one that each has; it is on disk at once.

    `label` is a name of a taxon, scientific or common, or any other words. Where only a machine
    has labelled an image, None confirms that label. Raises Error without a person's name in `by`,
    UnknownName for an image that is not there or a name of several taxa.
    """
    if not by.strip():
        raise Error("A label needs the name of the person who gives it.")
    snapshot = names.snapshot
    now = said_now(snapshot, image_ids)
    if missing := [each for each in image_ids if each not in now]:
        raise UnknownName(f"{snapshot.folder} has no image with the id {missing[0]!r}.")
    at = utc_now()
    said = {"labelled_by": by.strip(), "date_labelled": at, "remarks": remarks}
    if label is None:
        given = _confirmed(snapshot, now)
    else:
        key, text, common = _meaning(names, label.strip())
        given = {
            image_id: replace(each, label=text, taxon_key=key, common_name=common)
            for image_id, each in now.items()
        }
    statements = tuple(replace(each, **said) for each in given.values())
    append(snapshot.folder, statements)
    return Act(statements, tuple(now[each.image_id] for each in statements), by.strip())


def take_back(snapshot: Snapshot, act: Act) -> None:
    """Say again what was said before an act; who takes it back, and when, is kept."""
    at = utc_now()
    remark = f"taken back by {act.by}, {at}"
    append(
        snapshot.folder,
        # A date makes it an act; by nobody, it leaves the word to files again.
        [
            replace(each, date_labelled=each.date_labelled or at, remarks=remark)
            for each in act.before
        ],
    )


def said_now(snapshot: Snapshot, image_ids: Sequence[str]) -> dict[str, Statement]:
    """Return what is said of some images, the journal's acts included, in the order of the ids."""
    known = said_before(snapshot, image_ids)
    waiting = pending(snapshot.folder)
    return {each: waiting.get(each, known[each]) for each in image_ids if each in known}


def history(snapshot: Snapshot, image_id: str) -> tuple[Statement, ...]:
    """Return all that people, files and machines said of an image, the first first.

    A machine's statement has the machine as `labelled_by`, and its confidence in the remarks.
    """
    said: list[Statement] = []
    for path in snapshot.manifest.paths("labels"):
        table = read_table(snapshot.folder, "labels", [path])
        for line in table.filter(pc.equal(table["image_id"], image_id)).to_pylist():
            said.append(_statement(line))
    for path in snapshot.manifest.paths("identifications"):
        table = read_table(snapshot.folder, "identifications", [path])
        for line in table.filter(pc.equal(table["image_id"], image_id)).to_pylist():
            sure = "" if line["confidence"] is None else f"confidence {line['confidence']:.2f}"
            line |= {"labelled_by": line["identified_by"], "date_labelled": line["date_identified"]}
            said.append(_statement(line | {"remarks": sure}))
    said += [each for each in pending(snapshot.folder).values() if each.image_id == image_id]
    return tuple(sorted(dict.fromkeys(said), key=lambda each: each.date_labelled))


def _statement(line: Mapping[str, object]) -> Statement:
    words = ("common_name", "labelled_by", "date_labelled", "remarks")
    key = line["taxon_key"]
    return Statement(
        str(line["image_id"]),
        str(line["label"] or ""),
        None if key is None else str(key),
        *(str(line.get(name) or "") for name in words),
    )


def _confirmed(snapshot: Snapshot, now: Mapping[str, Statement]) -> dict[str, Statement]:
    """Return the label that each image has: a person's, a file's, else a machine's."""
    bare = [image_id for image_id, each in now.items() if not each.label and not each.taxon_key]
    by_machine = {image_id: rest for image_id, *rest in snapshot.query(_MACHINE, bare)}
    given = {}
    for image_id, each in now.items():
        if image_id in by_machine:
            label, key = by_machine[image_id]
            given[image_id] = replace(each, label=label, taxon_key=key)
        elif image_id not in bare:
            given[image_id] = each
    return given


def _meaning(names: Names, label: str) -> tuple[str | None, str, str]:
    """Return the taxon key, the label and the common name that words stand for."""
    if not label:
        return None, "", ""
    found = names.look_up(label)
    if isinstance(found, NamedLabels):
        return None, found.labels[0], ""
    if isinstance(found, NamedClades):
        if len(found.clades) > 1:
            raise UnknownName(f"{label!r} is the name of {found}; choose one of them.")
        clade = found.clades[0]
        return clade.taxon.key, clade.name, clade.taxon.common_name
    taxon = label_of_folder(label).taxon
    return (taxon.key if taxon else None), label, ""


_MACHINE = """
SELECT image_id, label, said_key FROM identifications
JOIN (SELECT unnest(?) AS image_id) USING (image_id) WHERE label <> ''
"""
