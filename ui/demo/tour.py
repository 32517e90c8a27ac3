"""The demo's tour of a collection: one query of each kind, and what to type next."""

import click

from search.collection import Collection
from search.hits import Hits
from ui.answers import show_hits
from ui.contact_sheet import write_contact_sheet
from ui.options import DEFAULT_COLLECTION

TEXT = "red fruit"
SHEET = "demo-hits.png"


def show(collection: Collection, k: int = 5) -> None:
    """Print the answers to a name, a text, a picture and an image id, and draw a contact sheet."""
    click.echo(f"{len(collection)} photographs in {collection.snapshot.folder}\n")
    name = _a_name(collection)
    hits = _ask("", name, collection.search(name, k=k))
    _ask("--text ", TEXT, collection.search(text=TEXT, k=k))
    if hits:
        photo = hits[0]
        _ask("--image ", str(photo.path), collection.search(image=photo.path, k=k))
        _ask("--id ", photo.image_id, collection.search(image_id=photo.image_id, k=k))
    many = collection.search(name, k=20)
    write_contact_sheet(many, collection.snapshot.folder.parent / SHEET, many.meaning)
    click.echo(f"Contact sheet of {name}: {collection.snapshot.folder.parent / SHEET}\n")
    _say_what_next(collection)


def _ask(option: str, value: str, hits: Hits) -> Hits:
    click.secho(f'$ taxalens search {option}"{value}" -k {max(1, len(hits))}', bold=True)
    show_hits(hits)
    click.echo()
    return hits


def _a_name(collection: Collection) -> str:
    """A family with many images, to show that a name at any rank finds what is below it."""
    found = collection.snapshot.query(
        "SELECT family FROM images JOIN taxa USING (taxon_key) WHERE family <> '' "
        "GROUP BY 1 ORDER BY family = 'Felidae' DESC, count(*) DESC, 1 LIMIT 1"
    )
    return str(found[0][0]) if found else "animal"


def _say_what_next(collection: Collection) -> None:
    folder = collection.snapshot.folder
    chosen = "" if folder == DEFAULT_COLLECTION else f" -c {folder}"
    click.echo("Type next, in the environment where taxalens is installed:")
    for command in (
        f'taxalens search "Aves" -k 20 --sheet birds.png{chosen}',
        f'taxalens search "a flower" --copy-to flowers{chosen}',
        f"taxalens search --image YOUR_PHOTO.jpg{chosen}",
        f"taxalens info{chosen}",
        f"taxalens app{chosen}",
        "taxalens index YOUR_FOLDER -c mine.collection --encoder starter",
    ):
        click.echo(f"  {command}")
