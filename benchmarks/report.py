"""Writes a benchmark's figures: a JSON file of them, and their table in docs/benchmarks."""

import json
import os
import platform
import re
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("TAXALENS_DATA", ROOT.parent / "shared" / "data"))
PACKAGES = ("torch", "open_clip_torch", "timm", "faiss-gpu", "faiss-cpu", "duckdb", "numpy")


def figure(case: str, system: str, metric: str, value: float, unit: str = "") -> dict[str, object]:
    return {"case": case, "system": system, "metric": metric, "value": float(value), "unit": unit}


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a piece of work returns, and the seconds it took."""
    start = time.perf_counter()
    done = work()
    return done, time.perf_counter() - start


def write_report(
    name: str,
    figures: list[dict[str, object]],
    table: str = "",
    notes: dict[str, str] | None = None,
) -> None:
    """Write benchmarks/results/NAME.json, and a table where docs/benchmarks has its marks.

    `table` is what stands there instead of one line a figure; `notes` say what has no figure.
    """
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    made_with = {"cpu": _cpu(), "python": platform.python_version(), **_versions()}
    told = {"made_with": made_with, **({"notes": notes} if notes else {}), "figures": figures}
    text = json.dumps({**told, "figures": []}, indent=1)
    lines = ",\n".join(f"  {json.dumps(each)}" for each in figures)
    text = text.replace('"figures": []', f'"figures": [\n{lines}\n ]')
    (results / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    table = f"{begin}\n{table or _table(figures)}{end}"
    for page in (ROOT / "docs" / "benchmarks").glob("*.md"):
        written = page.read_text(encoding="utf-8")
        if begin in written:
            page.write_text(pattern.sub(lambda _: table, written), encoding="utf-8")


def _table(figures: list[dict[str, object]]) -> str:
    systems = list(dict.fromkeys(str(each["system"]) for each in figures))
    lines = [["case", "metric", *systems], ["---"] * (2 + len(systems))]
    cells = {(each["case"], each["metric"], each["system"]): each for each in figures}
    for case, metric in dict.fromkeys((each["case"], each["metric"]) for each in figures):
        row = [str(case), str(metric)]
        for system in systems:
            cell = cells.get((case, metric, system))
            row.append(f"{cell['value']:.3f} {cell['unit']}".strip() if cell else "")
        lines.append(row)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except ModuleNotFoundError:
            continue
    return found


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    return f"{len(models)} x {models[0]}" if models else platform.processor()
