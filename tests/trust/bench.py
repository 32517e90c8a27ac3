"""One server of children for all tests here, in a bare environment, and what operations lead to."""

import os
from pathlib import Path

from trust.children import Children, shim
from trust.operations import Operation, Trial, measured, prepare

BARE = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TMPDIR": "/nowhere"}
"""No home, no folder for temporary files, no locale."""


class Bench:
    """The server, and what each operation leads to, measured once."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.shim = shim(place)
        self.children = Children(place, BARE, self.shim)
        prepare(place, self.children)
        self.trials: dict[str, Trial] = {}

    def trial(self, operation: Operation) -> Trial:
        """Return an operation's trial."""
        if operation.name not in self.trials:
            # The first run also imports what it needs.
            for _ in range(2 if os.environ.get("TAXALENS_TRUST") == "long" else 1):
                known = measured(operation, self.place, self.children, bool(self.shim))
            self.trials[operation.name] = known
        return self.trials[operation.name]
