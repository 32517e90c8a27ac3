"""Decoding in processes: the same pictures, and one that ends its process costs itself alone."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import write_picture
from PIL import Image

from indexer.catalog.snapshot import open_snapshot
from indexer.inputs.decoders import DECODERS, Decoders
from indexer.inputs.decoding import ONE_LARGE
from indexer.inputs.pixels import LARGE
from indexer.inputs.prepared import Prepared, Wanted, prepare
from indexer.inputs.records import Box
from model.encoder import load, preprocessing_of
from model.errors import BadInput
from model.preprocessing import Preprocessing

# What a decoder would do whose fault a picture met; nothing of ours is replaced.
FAULTY = """
import os, signal, threading
from PIL import Image

def opened(file, *rest, genuine=Image.open, **named):
    data = file.getvalue()
    if b"CRASH" in data:
        os.kill(os.getpid(), signal.SIGSEGV)
    if b"HANG" in data:
        threading.Event().wait()
    return genuine(file, *rest, **named)

Image.open = opened
"""
FIT = Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3, "bicubic", "shortest", 0)
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither these signals nor alarms")


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    made = Decoders(most=1, deadline=2)
    yield made
    made.rest(0)


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder before all others on the path, which Python reads when it starts."""
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty" / "sitecustomize.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path / "faulty")
    return tmp_path / "faulty"


def png(width: int = 40, height: int = 30, seed: int = 0, mark: bytes = b"") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue() + mark


def facts(made: Prepared) -> tuple[object, ...]:
    pixels = None if made.image is None else (made.image.size, made.image.tobytes())
    return pixels, made.width, made.height, made.hash, made.thumbnail, made.note


@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    wanted=st.builds(Wanted, st.booleans(), st.sampled_from([None, FIT]), st.booleans()),
    crop=st.sampled_from([None, Box(0.25, 0, 0.5, 0.9)]),
    seed=st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_a_process_prepares_a_picture_as_this_one_does(
    size: tuple[int, int], wanted: Wanted, crop: Box | None, seed: int
) -> None:
    data = png(*size, seed)
    apart = DECODERS.prepare(data, crop, "a.png", wanted)
    assert facts(apart) == facts(prepare(data, crop, "a.png", wanted))


@pytest.mark.parametrize("data", [b"", b"<html>no picture</html>", png()[:200], png()[:900]])
def test_what_cannot_be_decoded_is_refused_in_the_same_words(data: bytes) -> None:
    with pytest.raises(BadInput) as here:
        prepare(data, None, "a.png", Wanted())
    with pytest.raises(BadInput) as apart:
        DECODERS.prepare(data, None, "a.png", Wanted())
    assert str(apart.value) == str(here.value)


def test_a_picture_that_fits_its_encoder_gets_the_same_vector() -> None:
    encoder = load("starter")
    fit = preprocessing_of(encoder)
    assert fit
    images = [Image.open(io.BytesIO(png(*size))) for size in ((900, 300), (224, 224), (31, 80))]
    fitted = [fit.fitted(image) for image in images]
    assert {image.size for image in fitted} == {(fit.width, fit.height)}
    assert (encoder.encode_images(fitted) == encoder.encode_images(images)).all()


@posix
def test_a_crash_costs_one_picture(decoders: Decoders, faulty: Path) -> None:
    with pytest.raises(BadInput, match=r"its decoder crashed \(SIGSEGV\)"):
        decoders.prepare(png(mark=b"CRASH"), None, "a.png", Wanted())
    assert decoders.prepare(png(), None, "b.png", Wanted()).width == 40


@posix
def test_a_hang_ends_after_the_deadline(decoders: Decoders, faulty: Path) -> None:
    with pytest.raises(BadInput, match="takes more than 2 s to decode"):
        decoders.prepare(png(mark=b"HANG"), None, "a.png", Wanted())
    assert decoders.prepare(png(), None, "b.png", Wanted()).width == 40


@posix
def test_a_process_that_somebody_ends_costs_no_picture(decoders: Decoders) -> None:
    decoders.prepare(png(), None, "a.png", Wanted())
    process = decoders._idle.queue[0]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert decoders.prepare(png(), None, "b.png", Wanted()).width == 40


@posix
def test_a_run_tells_the_pictures_that_crashed_and_embeds_the_others(
    tmp_path: Path, faulty: Path
) -> None:
    for name, mark in (("a", b""), ("b", b"CRASH"), ("c", b""), ("d", b"CRASH"), ("e", b"")):
        (tmp_path / f"{name}.png").write_bytes(png(seed=ord(name), mark=mark))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "ui.cli"]
    made = ["-c", str(tmp_path / "c")]
    run = [*command, "index", str(tmp_path), "--encoder", "starter", *made]
    done = subprocess.run(run, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    told = subprocess.run([*command, "status", *made], capture_output=True, text=True, check=True)
    assert told.stdout.count("its decoder crashed (SIGSEGV)") == 2
    with open_snapshot(tmp_path / "c") as snapshot:
        assert snapshot.query("SELECT count(*) FROM images") == [(3,)]


def test_one_process_at_a_time_decodes_a_large_picture(decoders: Decoders) -> None:
    file = io.BytesIO()
    Image.new("L", (6_000, LARGE // 6_000 + 1)).save(file, "PNG", compress_level=1)
    made: list[Prepared] = []

    def ask() -> None:
        made.append(decoders.prepare(file.getvalue(), None, "sheet.png", Wanted()))

    thread = threading.Thread(target=ask)
    with ONE_LARGE:
        thread.start()
        thread.join(0.5)
        assert not made
    thread.join()
    assert made[0].width == 6_000


@posix
def test_a_fork_does_not_ask_the_processes_of_its_parent() -> None:
    DECODERS.prepare(png(), None, "a.png", Wanted())
    assert DECODERS._idle.qsize()
    child = os.fork()
    if not child:
        os._exit(DECODERS._idle.qsize())
    assert os.waitpid(child, 0)[1] == 0


def test_few_processes_stay_idle() -> None:
    decoders = Decoders(most=4)
    gate = threading.Barrier(4)

    def ask(number: int) -> None:
        gate.wait()
        decoders.prepare(png(seed=number), None, "a.png", Wanted())

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    decoders.rest(1)
    assert decoders._idle.qsize() <= 1
    decoders.rest(0)
    assert not decoders._idle.qsize()


def test_identifying_one_picture_starts_no_process(tmp_path: Path) -> None:
    from search.identify.photographs import photographs

    DECODERS.rest(0)
    encoder = load("starter")
    one = write_picture(tmp_path / "a.png", "red")
    write_picture(tmp_path / "b.png", "blue")
    alone = next(photographs([one], encoder))[0]
    assert not DECODERS._idle.qsize()
    both = next(photographs([tmp_path], encoder))
    assert DECODERS._idle.qsize()
    assert alone.vector is not None
    assert (alone.vector == both[0].vector).all()
