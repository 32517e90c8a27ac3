"""Copies of a picture are found however they were changed; another moment of a scene is none."""

import logging
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import run
from PIL import ExifTags, Image, ImageOps

from indexer.ingest.indexing import update
from indexer.ingest.repair import repair
from indexer.inputs.perceptual_hash import BITS, MIRROR, perceptual_hash
from indexer.store.manifest import commit, read_manifest
from search.audit.copy_candidates import CLOSE, _close_pairs, candidates_of
from search.audit.findings import ALIKE, DUPLICATES
from search.audit.near_duplicates import NearestOthers
from search.audit.picture_comparison import Likeness, likeness, picture_of
from search.collection import open_collection

SIZE = (480, 360)
FEW = 7  # bits: these scenes have more detail than photographs, of which CLOSE are the most


def scene(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a picture with details of every size, of which no two are alike."""
    random = np.random.default_rng(seed)
    pixels = np.full((size[1], size[0], 3), 128.0)
    for cells, strength in ((3, 60), (8, 30), (24, 20), (80, 12)):
        field = (strength * random.normal(size=(cells, cells, 3))).astype(np.float32)
        for channel in range(3):
            layer = Image.fromarray(field[:, :, channel]).resize(size, Image.Resampling.BICUBIC)
            pixels[:, :, channel] += np.asarray(layer)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def with_animal(image: Image.Image, left: int, seed: int) -> Image.Image:
    """Return one moment of a scene: an animal somewhere, and the noise of a camera."""
    pixels = np.asarray(image).astype(np.float64)
    pixels[200:240, left : left + 50] = (60, 40, 30)
    pixels += np.random.default_rng(seed).normal(0, 3, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def again(image: Image.Image, tmp_path: Path, quality: int = 75) -> Image.Image:
    """Return a picture saved as JPEG and read again."""
    image.save(tmp_path / "again.jpg", quality=quality)
    return Image.open(tmp_path / "again.jpg").convert("RGB")


def cropped(image: Image.Image) -> Image.Image:
    """Return a picture without 2 % on its left and 3 % below."""
    width, height = image.size
    return image.crop((round(0.02 * width), 0, width, round(0.97 * height)))


CHANGES = {
    "saved again": lambda image: image,
    "50% of the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "mirrored": ImageOps.mirror,
    "cropped to 95%": cropped,
    "mirrored, cropped to 95%": lambda image: ImageOps.mirror(cropped(image)),
}


def differ(one: Image.Image, other: Image.Image, pattern: int = 0) -> int:
    return (perceptual_hash(one) ^ perceptual_hash(other) ^ pattern).bit_count()


# Hashes


@pytest.mark.parametrize("seed", range(20))  # no law: FEW is exceeded by 1 in 4,000
def test_a_hash_stays_with_its_picture_and_no_other(seed: int) -> None:
    image, other = scene(seed), scene(seed + 10_000)
    assert 0 <= perceptual_hash(image) < 2**BITS
    assert differ(image, image.resize((200, 150))) <= FEW
    assert differ(image, image.convert("L").convert("RGB")) <= CLOSE
    assert differ(image, ImageOps.mirror(image), MIRROR) <= FEW
    assert differ(image, ImageOps.mirror(image)) > 20
    assert differ(image, other) > 2 * FEW


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9999))
def test_close_hashes_are_found_as_if_all_were_compared(seed: int) -> None:
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**63, 40, np.uint64)
    for place in range(20):  # some differ in a few bits from another, or from its mirror image
        flips = sum(1 << int(bit) for bit in random.choice(63, random.integers(0, 6), False))
        turned = MIRROR if random.random() < 0.5 else 0
        hashes[place] = int(hashes[20 + place // 2]) ^ flips ^ turned
    found = {tuple(sorted(pair)) for pair in _close_pairs(hashes).tolist()}
    expected = {
        (one, other)
        for one in range(40)
        for other in range(one + 1, 40)
        for bits in (int(hashes[one]) ^ int(hashes[other]),)
        if min(bits.bit_count(), (bits ^ MIRROR).bit_count()) <= CLOSE
    }
    assert found == expected


def test_candidates_are_the_near_and_the_alike_each_pair_once() -> None:
    hashes = np.array([0, 0, MIRROR, (1 << 30) - 1, 2**62, 0], np.uint64)
    scores = np.array([[0.95], [0.95], [0.1], [0.95], [0.85], [0.99]], np.float32)
    places = np.array([[1], [0], [0], [0], [3], [0]])
    near = NearestOthers(np.arange(6), scores, places)
    contents = np.array([0, 1, 2, 3, 4, 0])  # the last is the first again
    hashed = np.array([True, True, True, True, False, True])
    found = candidates_of(near, contents, hashes, hashed)
    told = {
        tuple(pair): bool(m) for pair, m in zip(found.pairs.tolist(), found.mirrored, strict=True)
    }
    assert told == {(0, 1): False, (0, 2): True, (1, 2): True, (3, 4): False}
    assert len(told) == len(found.pairs)
    assert found.pairs[0].tolist() == [0, 1]


# Pixels


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_copy_is_one_whichever_is_given_first(change: str, seed: int, tmp_path: Path) -> None:
    image = scene(seed)
    one, other = picture_of(image), picture_of(again(CHANGES[change](image), tmp_path, 50))
    for mirrored in (False, True):
        first, second = likeness(one, other, mirrored), likeness(other, one, mirrored)
        if mirrored != ("mirrored" in change) and "cropped" in change:
            continue  # a crop is looked for as its hash says
        assert first is not None
        assert second is not None
        assert first.mirrored == second.mirrored == ("mirrored" in change)
        if "cropped" in change:
            assert first.box == pytest.approx((0.02, 0, 1, 0.97), abs=0.004)
            assert first.other_box == Likeness().box
            assert second.box == Likeness().box
        else:
            assert first.box == first.other_box == second.box == Likeness().box
    assert other.is_coloured == (change != "grey")


def test_another_moment_is_no_copy(tmp_path: Path) -> None:
    image = scene(4)
    moments = [picture_of(again(with_animal(image, 60 + 12 * n, n), tmp_path)) for n in range(4)]
    copy = picture_of(again(again(with_animal(image, 60, 0), tmp_path), tmp_path, 60))
    assert likeness(moments[0], copy, False)
    for place in range(1, 4):
        assert likeness(moments[0], moments[place], False) is None
        assert likeness(moments[place - 1], moments[place], False) is None


def test_a_camera_that_turned_and_another_scene_are_no_copies() -> None:
    wide = scene(5, (560, 360))
    left, right = wide.crop((0, 0, 480, 360)), wide.crop((80, 0, 560, 360))
    assert likeness(picture_of(left), picture_of(right), False) is None
    assert likeness(picture_of(left), picture_of(scene(6)), False) is None


def test_pictures_that_show_nothing_are_no_copies() -> None:
    random = np.random.default_rng(0)
    nights = [(8 + random.normal(0, 2, (360, 480, 3))).clip(0, 255) for _ in range(2)]
    one, other = (picture_of(Image.fromarray(night.astype(np.uint8))) for night in nights)
    assert likeness(one, other, False) is None


# Collections


def saved(image: Image.Image, path: Path, quality: int = 90, taken: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if taken:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    image.save(path, quality=quality, exif=exif)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lion with a copy of each kind, labelled and not; a burst of magpies, one labelled wrong."""
    place = tmp_path_factory.mktemp("copies")
    photos = place / "photos"
    lion, trap = scene(11), scene(12)
    saved(lion, photos / "Panthera leo" / "lion.jpg", 95)
    for number, change in enumerate(CHANGES.values()):
        folder = "Canis lupus" if number == 3 else "unsorted"
        saved(change(lion), photos / folder / f"copy{number}.jpg", 70)
    for number in range(3):
        folder = "Pica hudsonia" if number == 2 else "Pica pica"
        saved(with_animal(trap, 60 + 40 * number, number), photos / folder / f"burst{number}.jpg")
    for number in range(8):
        saved(scene(20 + number), photos / "unsorted" / f"{number}.jpg")
    run(photos, place / "c")
    return place


def test_an_audit_says_who_is_a_copy_of_whom_and_how(place: Path) -> None:
    findings = open_collection(place / "c").audit(DUPLICATES)
    assert findings[0].hit.file_name == "lion.jpg"
    assert {each.hit.file_name: each.change for each in findings} == {
        "lion.jpg": "original",
        **{f"copy{number}.jpg": change for number, change in enumerate(CHANGES)},
    }
    cohort = "group 1: 6 copies of lion.jpg, labelled Canis lupus, Panthera leo"
    assert {each.cohort for each in findings} == {cohort}
    assert {each.evidence[0].file_name for each in findings[1:]} == {"lion.jpg"}
    assert findings.meaning == "18 images: 6 copies of 1 picture"
    assert findings[1].row()["change"] == findings[1].change


def test_a_burst_whose_labels_contradict_is_alike_and_no_duplicate(place: Path) -> None:
    findings = open_collection(place / "c").audit(ALIKE)
    assert {each.hit.file_name for each in findings} == {f"burst{each}.jpg" for each in range(3)}
    assert {each.looks_like for each in findings} == {"Pica pica", "Pica hudsonia"}
    cohort = "group 1: 3 images nearly alike, labelled Pica hudsonia, Pica pica"
    assert {each.cohort for each in findings} == {cohort}
    assert findings.meaning == "18 images: 3 images nearly alike with other labels"


def test_photographs_of_two_times_are_no_copies(tmp_path: Path) -> None:
    image = scene(30)  # in which nothing moves
    saved(image, tmp_path / "p" / "a.jpg", 90, "2024:05:01 10:00:00")
    saved(image, tmp_path / "p" / "b.jpg", 80, "2024:05:01 10:00:01")
    saved(image, tmp_path / "p" / "c.jpg", 70, "2024:05:01 10:00:01")
    run(tmp_path / "p", tmp_path / "c")
    findings = open_collection(tmp_path / "c").audit(DUPLICATES)
    assert {each.hit.file_name for each in findings} == {"b.jpg", "c.jpg"}


def test_a_copy_of_a_picture_that_is_gone_is_not_claimed(tmp_path: Path) -> None:
    first = saved(scene(31), tmp_path / "p" / "a.jpg", 90)
    saved(scene(31), tmp_path / "p" / "b.jpg", 70)
    run(tmp_path / "p", tmp_path / "c")
    assert len(open_collection(tmp_path / "c").audit(DUPLICATES)) == 2
    first.unlink()
    assert len(open_collection(tmp_path / "c").audit(DUPLICATES)) == 0


def without_hashes(collection: Path) -> None:
    """Make a collection one that an earlier taxalens wrote."""
    manifest = read_manifest(collection)
    assert manifest.paths("hashes")
    commit(collection, manifest, dropped=manifest.paths("hashes"))


def test_an_old_collection_opens_and_update_adds_its_hashes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saved(scene(32), tmp_path / "p" / "a.jpg", 90)
    saved(CHANGES["grey"](scene(32)), tmp_path / "p" / "b.jpg", 70)
    saved(scene(33), tmp_path / "p" / "c.jpg", 70)
    run(tmp_path / "p", tmp_path / "c")
    new = open_collection(tmp_path / "c").snapshot.query("FROM hashes ORDER BY image_id")
    assert len(new) == 3
    without_hashes(tmp_path / "c")
    with caplog.at_level(logging.WARNING, "taxalens"), open_collection(tmp_path / "c") as old:
        assert len(old) == 3
        old.audit(DUPLICATES)
    assert "3 pictures without a perceptual hash" in caplog.text
    assert update(tmp_path / "c").embedded == 0
    caplog.clear()
    with open_collection(tmp_path / "c") as opened:
        assert opened.snapshot.query("FROM hashes ORDER BY image_id") == new
        assert opened.audit(DUPLICATES).meaning == "3 images: 1 copy of 1 picture"
    assert not caplog.text
    generation = read_manifest(tmp_path / "c").generation
    update(tmp_path / "c")
    assert read_manifest(tmp_path / "c").generation == generation


def test_pictures_that_are_no_files_are_hashed_by_their_thumbnails(tmp_path: Path) -> None:
    saved(scene(34), tmp_path / "0.jpg", 90)
    saved(CHANGES["50% of the size"](scene(34)), tmp_path / "1.jpg", 90)
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        tar.add(tmp_path / "0.jpg", "0.jpg")
        tar.add(tmp_path / "1.jpg", "1.jpg")
    run(tmp_path / "shard.tar", tmp_path / "c")
    with open_collection(tmp_path / "c") as opened:
        new = dict(opened.snapshot.query("FROM hashes"))
    without_hashes(tmp_path / "c")
    update(tmp_path / "c")
    with open_collection(tmp_path / "c") as opened:
        found = dict(opened.snapshot.query("FROM hashes"))
        assert [each.change for each in opened.audit(DUPLICATES)] == ["original", "50% of the size"]
    assert found.keys() == new.keys()
    assert all((found[each] ^ new[each]).bit_count() <= FEW for each in new)


def test_lost_hashes_are_repaired_by_update(tmp_path: Path) -> None:
    saved(scene(35), tmp_path / "p" / "a.jpg")
    run(tmp_path / "p", tmp_path / "c")
    (path,) = read_manifest(tmp_path / "c").paths("hashes")
    (tmp_path / "c" / path).write_bytes(b"damaged")
    (cure,) = repair(tmp_path / "c")
    assert "taxalens update computes them again" in str(cure)
    update(tmp_path / "c")
    with open_collection(tmp_path / "c") as opened:
        assert opened.snapshot.query("SELECT count(*) FROM hashes") == [(1,)]
