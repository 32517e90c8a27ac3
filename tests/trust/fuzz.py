"""Damaged inputs for decoders and readers: each must end as what was asked, or as a sentence.

python -m trust.fuzz KIND SEED FIRST COUNT FOLDER tries some trials of a kind in this process, which
a crash or a hang of DEADLINE ends; FOLDER/at then says at which one. It prints each exception, and
at the end how many were read, how many refused, and its peak memory in MB.
"""

import logging
import random
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from trust.fuzz_seeds import KINDS

from model.errors import Error

DEADLINE = 60  # seconds
MEMORY = 4 << 30  # bytes of data
PIECES = (
    *(b"\0", b"\xff", b'"', b"'", b"<", b">", b"[", b"]", b"{", b"}", b",", b";", b"\t", b"\n"),
    *(b"\r", b"\xef\xbb\xbf", b"\xff\xfe", b"../", b"/etc/passwd", b"NaN", b"null", b"1e999"),
    *(b"-1", b"0", b"99999999999999999999", b"2147483648", b"\x7f\xff\xff\xff", b"\xff" * 8),
    *(b"[" * 3000, b"<a>" * 2000, b'{"a":' * 2000, bytes(512), b"http://[", b"\xed\xa0\x80"),
)


def mutated(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """Return content with one to six changes of several kinds."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        place = chance.randrange(len(changed) + 1)
        span = chance.choice((1, 2, 4, 16, 300))
        match chance.randrange(8):
            case 0 if place < len(changed):
                changed[place] ^= 1 << chance.randrange(8)
            case 1:
                changed[place : place + span] = chance.randbytes(span)
            case 2:
                changed[place : place + chance.choice((0, span))] = chance.choice(PIECES)
            case 3:
                del changed[place : place + span]
            case 4:
                changed[place:place] = changed[place : place + span] * chance.choice((1, 2, 50))
            case 5:
                changed[place : place + span] = bytes(len(changed[place : place + span]))
            case 6:
                other = chance.choice(others)
                start = chance.randrange(len(other) + 1)
                changed[place : place + span] = other[start : start + span]
            case _ if not chance.randrange(3):
                del changed[place:]
    return bytes(changed)


def attempt(use: Callable[[Path], object], path: Path) -> bool:
    """Return whether a file was read; False where it was refused in one line."""
    try:
        use(path)
    except Error as error:
        said = str(error)
        assert said, "a refusal without a word"
        assert "\n" not in said, said
        return False
    return True


def main(kind: str, seed: int, first: int, count: int, folder: Path) -> None:
    """Try some trials."""
    logging.disable()
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    made, use = KINDS[kind]
    files = made(folder / "seeds")
    every = [path.read_bytes() for path, _ in files]
    read, wrong = 0, 0
    with (folder / "at").open("w") as at:
        for number in range(first, first + count):
            at.seek(0)
            print(f"{number:09}", file=at, flush=True)
            chance = random.Random(f"{kind} {seed} {number}")
            chosen = chance.randrange(len(files))
            path, source = files[chosen]
            path.write_bytes(mutated(every[chosen], every, chance))
            signal.alarm(DEADLINE)  # SIGALRM ends the process, whatever it hangs in
            try:
                read += attempt(use, source)
            except Exception:
                wrong += 1
                print(f"{kind}, seed {seed}, trial {number}, {path.name}:")
                traceback.print_exc(file=sys.stdout)
            signal.alarm(0)
            path.write_bytes(every[chosen])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{read} read, {count - read - wrong} refused, {wrong} wrong, {peak} MB", flush=True)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), Path(sys.argv[5]))
