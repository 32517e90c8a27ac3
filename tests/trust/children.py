"""The command line in processes that may be killed, or whose disk fails.

A server imports everything once and forks a child for each order, so that a trial costs no start.
Run as a program it is that server: an order a line on stdin, its end a line on stdout.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DIED = -signal.SIGKILL
UNCAUGHT = 99
"""The code of a command that raised; a hang is DIED, after PATIENCE."""
PATIENCE = 120.0  # seconds; a command here takes one or two


@dataclass(frozen=True)
class Fault:
    """One call on files below a folder that fails; see faults.c."""

    root: str
    number: int
    """of the call; -1 for none"""
    error: int = 0
    """an errno; 0 kills the process"""
    forever: bool = False
    """whether all later calls fail, too"""
    reads: bool = False
    """whether calls are counted that read, instead of those that write"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    text: str
    """on stdout and stderr"""
    seconds: float
    writes: int = 0
    """calls that a fault would have counted"""
    reads: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether it did what it was asked, or said in a sentence why not."""
        return self.code in (0, 1) and "Traceback" not in self.text


class Children:
    """A server of children."""

    def __init__(self, folder: Path, environment: Mapping[str, str], shim: Path | None) -> None:
        self.folder = folder
        environment = dict(environment)
        environment["PYTHONPATH"] = os.pathsep.join((str(HERE.parent), *filter(None, sys.path)))
        if shim:
            environment["LD_PRELOAD"] = str(shim)
        self.server = subprocess.Popen(
            [sys.executable, "-m", "trust.children", str(shim or "")],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        *arguments: object,
        kill_after: float = PATIENCE,
        fault: Fault | None = None,
        limits: Mapping[str, int] | None = None,
        set_back: int = 0,
    ) -> Ended:
        """Run `taxalens` with arguments in a child; limits are by their names in `resource`."""
        order = {
            "arguments": [str(each) for each in arguments],
            "output": str(self.folder / "output.txt"),
            "kill_after": kill_after,
            "fault": asdict(fault) if fault else None,
            "limits": dict(limits or {}),
            "set_back": set_back,
        }
        assert self.server.stdin
        assert self.server.stdout
        print(json.dumps(order), file=self.server.stdin, flush=True)
        code, seconds, calls = json.loads(self.server.stdout.readline())
        text = (self.folder / "output.txt").read_text(errors="replace")
        return Ended(code, text, seconds, *calls)

    def close(self) -> None:
        """End the server."""
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()


def shim(folder: Path) -> Path | None:
    """Compile faults.c; return None where a compiler or LD_PRELOAD is missing."""
    if sys.platform != "linux":
        return None
    target = folder / "faults.so"
    command = ["cc", "-shared", "-fPIC", str(HERE / "faults.c"), "-o", str(target), "-ldl"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return target


def serve(library: Any) -> None:
    """Fork a child for each line of stdin."""
    import_module("ui.cli")
    imported: set[str] = set()
    for line in sys.stdin:
        order = json.loads(line)
        modules = f"{order['output']}.modules"
        counts = f"{order['output']}.calls"
        Path(counts).write_text("[]")
        Path(modules).write_text("")
        start = time.monotonic()
        child = os.fork()
        if not child:
            _obey(order, library, Path(modules), Path(counts))
        code = _wait(child, start + order["kill_after"])
        seconds = time.monotonic() - start
        _import(Path(modules).read_text().split(), imported)
        print(json.dumps((code, seconds, json.loads(Path(counts).read_text()))), flush=True)


def _wait(child: int, deadline: float) -> int:
    """Wait for the end of a child, or kill it."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        left = deadline - time.monotonic()
        if left <= 0:
            os.kill(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        time.sleep(min(left, 0.002))


def _import(names: Sequence[str], known: set[str]) -> None:
    """Import what a child has imported, so that the next need not."""
    for name in names:
        if name not in known:
            known.add(name)
            try:
                import_module(name)
            except Exception:  # a part that only its own package imports
                continue


def _obey(order: Mapping[str, Any], library: Any, modules: Path, counts: Path) -> None:
    before = set(sys.modules)
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for file in (1, 2):
        os.dup2(output, file)
    sys.stdin.close()
    for name, limit in order["limits"].items():
        kind = getattr(resource, name)
        resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))
    if order["set_back"]:
        library.set_back(order["set_back"])
    if fault := order["fault"]:
        root = fault["root"].encode()
        library.arm(root, fault["number"], fault["error"], fault["forever"], fault["reads"])
    code = _command(order["arguments"])
    if fault:
        counts.write_text(json.dumps([library.calls(0), library.calls(1)]))
    if not order["limits"]:
        modules.write_text("\n".join(sorted(set(sys.modules) - before)))
    os._exit(code)


def _command(arguments: Sequence[str]) -> int:
    import traceback

    from ui.cli import main

    try:
        main(arguments, prog_name="taxalens")
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return UNCAUGHT
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve(ctypes.CDLL(sys.argv[1]) if sys.argv[1] else None)
