"""What `bench-search` measured, as figures and as tables short enough to read.

A time at a recall is read from a system's own curve, between its points.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks.report import figure

Seen = dict[str, Any]
"""What `search_worker.py` wrote of one system, or why it wrote nothing (`failed`)."""
Points = list[dict[str, float]]

TARGETS = (0.95, 0.98, 0.99)
ENOUGH = 0.95  # recall that a filtered answer must reach to be compared
KINDS = ("image", "text")


def figures(seen: dict[tuple[str, str], Seen]) -> list[dict[str, object]]:
    """Return every figure of every gallery and system."""
    found = []
    for (gallery, system), of in seen.items():
        for key in ("build", "build_wall", "open", "open_wall"):
            if key in of:
                found.append(figure(gallery, system, key, round(of[key], 3), "s"))
        for key in ("build_memory", "memory", "own memory"):
            if key in of:
                found.append(figure(gallery, system, key, round(of[key]), "MB"))
        found += [*_times(gallery, system, of), *_filtered_times(gallery, system, of)]
    return found


def _times(gallery: str, system: str, of: Seen) -> Iterator[dict[str, object]]:
    for kind in KINDS:
        for target in TARGETS:
            for metric in ("batch", "single", *(["p50"] if "open" in of else [])):
                if (time := at(_curve(of, kind), target, metric)) is not None:
                    case = f"{gallery}, {kind}, recall {target}"
                    yield figure(case, system, f"CPU, {metric}", round(time, 4), "ms")


def _filtered_times(gallery: str, system: str, of: Seen) -> Iterator[dict[str, object]]:
    for case in _cases(of):
        where = f"{gallery}, {_named(case)}"
        points = _filtered(of, case)
        recall = max(each["recall"] for each in points)
        yield figure(where, system, "recall, best", round(recall, 4))
        if (time := at(points, ENOUGH, "single")) is not None:
            yield figure(where, system, f"CPU at {ENOUGH}", round(time, 4), "ms")


def notes(seen: dict[tuple[str, str], Seen]) -> dict[str, str]:
    """Return why a system was measured in part or not at all."""
    return {
        f"{gallery}, {system}": of["failed"]
        for (gallery, system), of in seen.items()
        if "failed" in of
    }


def tables(seen: dict[tuple[str, str], Seen]) -> str:
    """Return of each gallery a table of times at equal recall, and one of filters."""
    return "\n".join(
        _unfiltered(gallery, {system: of for (name, system), of in seen.items() if name == gallery})
        + "\n"
        + _filters(gallery, {system: of for (name, system), of in seen.items() if name == gallery})
        for gallery in dict.fromkeys(gallery for gallery, _ in seen)
    )


def _unfiltered(gallery: str, systems: dict[str, Seen]) -> str:
    head = [f"{gallery}: CPU ms a query, in a batch / alone", "build, CPU s"]
    head += [f"{kind} at {target}" for kind in KINDS for target in TARGETS]
    lines = []
    for system, of in systems.items():
        if "build" not in of:
            lines.append([_short_name(system), of.get("failed", ""), *[""] * 6])
            continue
        stopped = f", then {of['failed']}" if "failed" in of else ""
        line = [_short_name(system), f"{of['build']:.0f}{stopped}"]
        for kind in KINDS:
            for target in TARGETS:
                pair = [at(_curve(of, kind), target, metric) for metric in ("batch", "single")]
                line.append(" / ".join("" if each is None else _short(each) for each in pair))
        lines.append([cell if cell != " / " else "" if stopped else "not reached" for cell in line])
    return _markdown(head, lines)


def _filters(gallery: str, systems: dict[str, Seen]) -> str:
    systems = {name: of for name, of in systems.items() if of.get("filters")}
    lines = [
        [_named(case), *(_cell(_filtered(of, case)) for of in systems.values())]
        for case in dict.fromkeys(case for of in systems.values() for case in _cases(of))
    ]
    head = f"{gallery}, filtered: CPU ms at recall ≥ {ENOUGH} (recall), or the best recall"
    return _markdown([head, *map(_short_name, systems)], lines)


def _cell(points: Points) -> str:
    """Return the quickest way to ENOUGH of a filtered answer, and its recall."""
    reached = [each for each in points if each["recall"] >= ENOUGH]
    if reached:
        quickest = min(reached, key=lambda each: each["single"])
        return f"{_short(quickest['single'])} ({_share(quickest['recall'])})"
    return f"recall {_share(max(each['recall'] for each in points))}" if points else ""


def at(points: Points, target: float, metric: str) -> float | None:
    """Return the least time for a recall, between the points of a curve; None if it is too high."""
    before: dict[str, float] | None = None
    known = (each for each in points if metric in each)
    for point in sorted(known, key=lambda each: each[metric]):
        if point["recall"] >= target:
            if before is None:
                return point[metric]
            share = (target - before["recall"]) / (point["recall"] - before["recall"])
            return float(before[metric] ** (1 - share) * point[metric] ** share)
        if before is None or point["recall"] > before["recall"]:
            before = point
    return None


def _curve(of: Seen, kind: str) -> Points:
    return [each for each in of.get("curves", ()) if each["kind"] == kind]


def _filtered(of: Seen, case: str) -> Points:
    return [each for each in of.get("filters", ()) if each["case"] == case]


def _cases(of: Seen) -> Iterable[str]:
    return dict.fromkeys(each["case"] for each in of.get("filters", ()))


def _named(case: str) -> str:
    return case.replace("place", "clade").replace("chance", "predicate").replace(".00%", "%")


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.0f}" if milliseconds >= 10 else f"{milliseconds:.2g}"


def _share(recall: float) -> str:
    return f"{recall:.3f}".lstrip("0") if recall < 1 else "1"


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _short_name(system: str) -> str:
    return system.partition("_")[0]
