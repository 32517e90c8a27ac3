"""The demo's tour: the three jobs by example, each as the command that a user types."""

import csv
from collections import Counter
from pathlib import Path

import click

from search.collection import Collection, open_collection
from ui.options import DEFAULT_COLLECTION

TEXT = "red fruit"
SHEET = "demo-hits.png"
_EACH = 15  # of so many photographs one stays without a label, to be identified
_SHOTS = 4  # examples of each class
_LARGE = 20  # photographs of a class at least, for it to have examples


def held_out(rows: list[dict[str, str]]) -> list[str]:
    """Return the file names of the rows that the demo withholds: one in fifteen.

    Their family has other members, so that an answer is possible.
    """
    members = Counter(row["family"] for row in rows if row["family"])
    known = [row["file_name"] for row in rows if members[row["family"]] > 2 and row["species"]]
    return known[::_EACH]


def rows_of(table: Path, photos: Path) -> list[dict[str, str]]:
    """Return the rows of the label table whose photograph is there."""
    with table.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if (photos / row["file_name"]).is_file()]


def write_labels(rows: list[dict[str, str]], target: Path) -> None:
    """Write a label table without the rows that are held out."""
    withheld = set(held_out(rows))
    _write([row for row in rows if row["file_name"] not in withheld], target)


def write_examples(rows: list[dict[str, str]], target: Path) -> None:
    """Write four examples of each large class: Aves, Mammalia, Magnoliopsida."""
    withheld, classes = set(held_out(rows)), Counter[str]()
    rows = [row for row in rows if row["file_name"] not in withheld]
    counts = Counter(row["class"] for row in rows)
    examples = []
    for row in rows:
        name = row["class"]
        if name and counts[name] >= _LARGE and classes[name] < _SHOTS:
            classes[name] += 1
            examples.append({"file_name": row["file_name"], "label": name})
    _write(examples, target)


def show(collection: Path, withheld: list[Path], examples: Path | None) -> None:
    """Run a command of each kind on a collection and print its answer."""
    opened = open_collection(collection)
    click.echo(f"{len(opened)} photographs in {collection}\n")
    chosen = [] if collection == DEFAULT_COLLECTION else ["-c", str(collection)]
    name = _a_name(opened)
    hits = opened.search(name, k=1)
    sheet = ["--sheet", SHEET, *(["--overwrite"] if Path(SHEET).exists() else [])]  # a second demo
    _run("Find by name, by text, by picture", "search", name, "-k", "5", *sheet, *chosen)
    _run("", "search", "--text", TEXT, "-k", "5", *chosen)
    if hits and hits[0].path:
        _run("", "search", "--image", str(hits[0].path), "-k", "5", *chosen)
    if withheld:
        title = f"Identify photographs whose labels were withheld ({len(withheld)})"
        _run(title, "identify", *map(str, withheld), "--precision", "0.8", *chosen)
    if examples:
        title = f"Label from {_SHOTS} examples of each class (nothing is written)"
        _run(title, "label", "--examples", str(examples), "--dry-run", *chosen)
    _say_what_next(chosen)


def _run(title: str, *arguments: str) -> None:
    from ui.cli import main

    if title:
        click.secho(f"# {title}", bold=True)
    shown = " ".join(f'"{each}"' if " " in each else each for each in arguments)
    click.secho(f"$ taxalens {shown}", bold=True)
    main.main(args=list(arguments), standalone_mode=False)
    click.echo()


def _a_name(collection: Collection) -> str:
    """Return a family with many images: a name at any rank finds the species below it."""
    found = collection.snapshot.query(
        "SELECT family FROM images JOIN taxa USING (taxon_key) WHERE family <> '' "
        "GROUP BY 1 ORDER BY family = 'Felidae' DESC, count(*) DESC, 1 LIMIT 1"
    )
    return str(found[0][0]) if found else "animal"


def _write(rows: list[dict[str, str]], target: Path) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _say_what_next(chosen: list[str]) -> None:
    also = "".join(f" {each}" for each in chosen)
    click.echo("Type next, in the environment where taxalens is installed:")
    for command in (
        f'taxalens search "Aves" -k 20 --sheet birds.png{also}',
        f'taxalens search "a flower" --copy-to flowers{also}',
        f"taxalens identify YOUR_PHOTO.jpg{also}",
        f"taxalens audit{also}",
        f"taxalens app{also}",
        "taxalens index YOUR_FOLDER -c mine.collection --encoder starter",
    ):
        click.echo(f"  {command}")
