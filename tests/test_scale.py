"""The arithmetic of docs/SCALE.md: each product is that of the numbers that the page names."""

import re
from pathlib import Path

import pytest

import taxalens

PAGE = (Path(taxalens.__file__).parent / "docs" / "SCALE.md").read_text(encoding="utf-8")
ROWS = (10e6, 200e6, 2e9)
PEAK = 0.4 * 989e12  # FLOP a second


def line(name: str) -> list[str]:
    """Return the cells of a table's line behind its name."""
    found = re.search(rf"^\| {re.escape(name)} \|(.*)\|$", PAGE, re.MULTILINE)
    assert found, name
    return [cell.strip() for cell in found[1].split("|")]


def bytes_of(name: str) -> float:
    return float(line(name)[0])


VECTOR = "vector of 512 numbers (ViT-B/16: BioCLIP)"
EACH = {
    "vectors": bytes_of(VECTOR) / 1e9,
    "rows, inputs, labels and catalog": (bytes_of("rows, inputs and labels") + bytes_of("catalog"))
    / 1e9,
    "index, which a search holds in memory": bytes_of("index") / 1e9,
    "GPU hours, ViT-B/16": 35e9 / PEAK / 3600,
    "GPU hours, ViT-L/14": 162e9 / PEAK / 3600,
    "core hours to decode JPEGs of 500 pixels": 0.0037 / 3600,
    "core hours to decode JPEGs of 12 million pixels": 0.044 / 3600,
    "core hours of ViT-B/16 without a GPU": 0.47 / 3600,
    "core hours of `optimize`": 752 / 3600 / 10e6,
}


@pytest.mark.parametrize("name", EACH)
def test_each_figure_is_the_product_of_rows_and_what_one_takes(name: str) -> None:
    told = [float(cell.replace(",", "")) for cell in line(name)[:3]]
    for figure, rows in zip(told, ROWS, strict=True):
        exact = EACH[name] * rows
        assert figure == pytest.approx(exact, rel=0.03, abs=0.06), rows


def test_costs_follow_from_hours_and_prices() -> None:
    hours = {name: float(line(name)[1]) for name in EACH}
    b16, l14 = hours["GPU hours, ViT-B/16"], hours["GPU hours, ViT-L/14"]
    decoding = hours["core hours to decode JPEGs of 500 pixels"]
    costs = [3 * b16, 0.04 * decoding, 3 * l14, 0.04 * decoding]
    costs.append(0.04 * (hours["core hours of ViT-B/16 without a GPU"]))
    told = re.findall(r"(\S+) \$", PAGE.partition("200 million photographs of 500")[2])
    for figure, exact in zip(told, costs, strict=True):
        assert float(figure.replace(",", "")) == pytest.approx(exact, rel=0.05)
