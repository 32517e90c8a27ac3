"""`taxalens adapt`: queries by picture that make use of the collection's labels."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.option("--remove", is_flag=True, help="Remove the map that was learnt.")
@options.collection
def command(remove: bool, collection: Path) -> None:
    """Learn from labels how pictures of one species differ, so that pictures find more of it.

    The map orders the hits of queries by picture: `search --image`, more like this, `neighbours`.
    It is kept only if labelled images, left out alone and with their whole species, find more of
    their own by it. It does not change texts, names, `identify`, `label`, `audit` or `suggest`.
    After labels have changed it does not count until it is learnt again.
    """
    from search.collection import open_collection

    with open_collection(collection) as opened:
        if remove:
            gone = opened.remove_adaptation()
            click.echo(f"{collection}: {'the map is removed' if gone else 'there was no map'}")
            return
        click.echo("Learning from the labels; minutes where many are labelled …", err=True)
        found = opened.adapt()
    outcome = "kept" if found.is_gain else "no sure gain, so nothing is kept"
    click.echo(f"{collection}: {outcome}: {found}")
