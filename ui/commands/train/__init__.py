"""`taxalens train`: a recipe runs; `prepare` makes the shards that it runs on."""

from typing import Any

import click

from ui.command_group import CommandGroup


class _RecipeOrCommand(CommandGroup):
    """Takes a recipe where no sub-command is named: `train my.toml` is `train run my.toml`."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Run a recipe by its file name."""
        if args and args[0].endswith(".toml"):
            args = ["run", *args]
        return super().resolve_command(ctx, args)


@click.command(cls=_RecipeOrCommand, package=__name__)
def command() -> None:
    """Train an encoder by the BioCLIP recipe: pairs of pictures and taxon strings.

    \b
      taxalens train prepare my.collection --to shards
      taxalens train my.toml --data shards --to run
      taxalens train tiny.toml --drawn --to run     minutes on two cores, on drawn organisms
      torchrun --nproc-per-node 4 -m ui.cli train bioclip.toml --data shards --to run
    """
