"""`taxalens.evaluate`: figures of several encoders on the same labelled images.

Vectors are kept by `labelled_images.embed`, the figures of an encoder beside them; a second
evaluation of the same images reads both.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_cache_path

from model.errors import Error, check_known
from model.kept_files import read_sealed, sha256_of, write_sealed
from model.progress import OnStep, Step, ignore
from training.evaluation.class_names import TEMPLATES, check_text_type, text_type_for
from training.evaluation.figures import Evaluation, Figure
from training.evaluation.labelled_images import (
    Description,
    Embedded,
    LabelledImages,
    Numbers,
    embed,
)

FAMILIES = ("zero-shot", "few-shot", "retrieval", "calibration", "open-set", "intrinsic")


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of an evaluation that its figures depend on."""

    families: tuple[str, ...]
    text_type: str
    """"" is the published one of each encoder"""
    templates: int
    shots: tuple[int, ...]
    seeds: int
    in_place: bool


def evaluate(
    source: Path | str | None = None,
    encoders: str | Sequence[str] = (),
    *,
    collection: Path | str = "taxalens.collection",
    families: str | Sequence[str] = FAMILIES,
    text_type: str = "",
    templates: int = 81,
    shots: Sequence[int] = (1, 5),
    seeds: int = 5,
    in_place: bool = False,
    queries: Path | str | None = None,
    fetch: bool = False,
    progress: OnStep | None = None,
) -> Evaluation:
    """Return figures of encoders on labelled images, each with n and a 95 % interval.

    The images are those of `source`, a folder, a table or anything that can be indexed, or of a
    `collection`. `encoders` are specs, by default the collection's own, of a source `bioclip`.
    `families` are some of FAMILIES. `text_type` writes classes ("taxon_com", "com", "asis", …; by
    default as published for each encoder), `templates` are 1, 80 or 81 of each. `shots` are the
    examples of each class, drawn `seeds` times; `in_place` draws as the published few-shot figures
    were drawn. `queries` is a table of free-text queries and the files that answer them. Raises
    UnknownName or BadInput for what cannot be understood or read.
    """
    asked = (families,) if isinstance(families, str) else tuple(families)
    for name in asked:
        check_known("family of measures", name, FAMILIES)
    if text_type:
        check_text_type(text_type)
    if templates not in TEMPLATES or seeds < 1 or min(shots, default=0) < 1:
        raise Error(
            f"templates are 1, 80 or 81, seeds and shots 1 or more: not {templates}, {seeds}, "
            f"{', '.join(map(str, shots)) or 'no shots'}."
        )
    settings = Settings(asked, text_type, templates, tuple(shots), seeds, in_place)
    images, embedded, notes = embed(source, collection, encoders, fetch=fetch, progress=progress)
    report = progress or ignore
    found: list[Figure] = []
    marked: dict[str, Numbers] | None = None
    if queries is not None:
        from training.evaluation.marked_queries import read_marked

        marked, more = read_marked(Path(queries), images)
        notes += more
    for place, each in enumerate(embedded):
        report(Step("encoders to evaluate", "encoders", place, len(embedded)))
        figures = _kept_or_made(images, each, settings)
        if marked is not None:
            from training.evaluation.marked_queries import figures as of_marked

            figures += of_marked(marked, each.vectors, each.encoder)
        found += [replace(one, encoder=each.spec, data=images.name) for one in figures]
    report(Step("encoders to evaluate", "encoders", len(embedded), len(embedded)))
    order = {key: place for place, key in enumerate(dict.fromkeys(map(_key, found)))}
    found.sort(key=lambda figure: order[_key(figure)])
    return Evaluation(tuple(found), tuple(notes))


def measure(images: LabelledImages, each: Embedded, settings: Settings) -> Iterator[Figure]:
    """Yield the figures of one encoder, family by family."""
    classes, vectors = images.classes, each.vectors
    wanted = settings.families
    zero = None
    if {"zero-shot", "calibration", "open-set"} & set(wanted):
        from training.evaluation import zero_shot

        has_taxa = any(one.taxon.name for one in images.described)
        text_type = settings.text_type or text_type_for(each.spec, has_taxa)
        zero = zero_shot.zero_shot(images, vectors, each.encoder, text_type, settings.templates)
        if "zero-shot" in wanted:
            yield from zero_shot.figures(zero)
    if "few-shot" in wanted:
        from training.evaluation import few_shot

        yield from few_shot.figures(
            vectors, classes, settings.shots, settings.seeds, settings.in_place
        )
    if "retrieval" in wanted:
        from training.evaluation import retrieval

        yield from retrieval.figures(images, vectors, each.encoder)
    if "calibration" in wanted and zero:
        from training.evaluation import calibration

        yield from calibration.figures(zero)
    if "open-set" in wanted:
        from training.evaluation import open_set

        yield from open_set.figures(vectors, classes, zero, settings.seeds)
    if "intrinsic" in wanted:
        from training.evaluation import intrinsic

        yield from intrinsic.figures(images, vectors)


def _kept_or_made(images: LabelledImages, each: Embedded, settings: Settings) -> list[Figure]:
    """Return the figures that are kept for exactly these vectors, labels and settings, or new."""
    entry = each.collection.snapshot.manifest.encoder
    digest = hashlib.sha256(
        json.dumps(
            [
                *(entry.spec, entry.fingerprint, version("taxalens"), _code(), asdict(settings)),
                *(images.ids, [_told(one) for one in images.described]),
            ]
        ).encode()
    )
    digest.update(each.vectors.tobytes())
    folder = user_cache_path("taxalens") / "evaluations"
    path = folder / f"{digest.hexdigest()[:32]}.json"
    kept = read_sealed(path)
    if kept is not None:
        return [Figure(**row) for row in kept["figures"]]
    figures = list(measure(images, each, settings))
    folder.mkdir(parents=True, exist_ok=True)
    write_sealed(path, {"figures": [figure.row() for figure in figures]})
    return figures


def _told(one: Description) -> tuple[object, ...]:
    taxon = one.taxon
    return one.label, taxon.lineage, taxon.common_name, taxon.below


@cache
def _code() -> list[str]:
    """Return the digests of the modules that figures come from."""
    own = Path(__file__).parent
    shared = own.parent.parent / "search" / "classify"
    return [sha256_of(path) for each in (own, shared) for path in sorted(each.rglob("*.py"))]


def _key(figure: Figure) -> tuple[str, str]:
    return figure.measure, figure.rank
