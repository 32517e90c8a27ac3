"""Encoders kept in the cache: whatever is damaged there, vectors are right and nothing crashes."""

import gc
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from model import kept_files
from model.clip_encoder import ClipEncoder
from model.compiled import open_compiled
from model.encoder import checked, load
from model.errors import EncoderUnavailable
from model.kept_files import digests, is_intact, read_sealed, write_sealed
from model.open_clip_models import from_network

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "layers": 1, "width": 32, "head_width": 16},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "layers": 1, "width": 16, "heads": 2},
}
TEXTS = ["lion", "a photo of Pica hudsonia.", ""]
KINDS = ("encoder.json", "texts.xml", "texts.bin", "texts-*/*.blob", "texts-*/*.json")
OTHERS = ("images.xml", "images.bin", "images-*/*.blob", "images-*/*.json")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in (len(data) // 3, len(data) // 2, len(data) - 2):
        data[place] ^= 0x40
    replaced(path, bytes(data))


def truncate(path: Path) -> None:
    replaced(path, path.read_bytes()[: path.stat().st_size // 2])


def replaced(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


DAMAGES = (flip, truncate, Path.unlink)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict]:
    """A kept tiny encoder with both towers compiled, its fingerprint and its vectors."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        encoder = tiny()
        vectors = outputs(encoder)
    return cache, encoder.identity.fingerprint, vectors


@pytest.fixture
def kept(
    original: tuple[Path, str, dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str, dict]:
    """A copy of it, to be damaged."""
    cache, fingerprint, vectors = original
    shutil.copytree(cache, tmp_path / "cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    gc.collect()
    (folder,) = (tmp_path / "cache" / "taxalens" / "encoders").iterdir()
    # OpenVINO knows what it compiled by where and when its program was written.
    encoder = open_compiled("tiny", fingerprint)
    assert encoder
    outputs(encoder)
    return folder, fingerprint, vectors


def tiny() -> ClipEncoder:
    torch.manual_seed(0)
    network = open_clip.CLIP(**TINY)
    network.visual.preprocess_cfg = {"size": 32}
    return from_network("tiny", network, open_clip.get_tokenizer("ViT-B-32", context_length=20))


def outputs(encoder: ClipEncoder) -> dict[str, np.ndarray]:
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    return {
        "images": encoder.encode_images([Image.fromarray(noise)]),
        "texts": encoder.encode_texts(TEXTS),
    }


def same(found: dict, expected: dict) -> bool:
    return all(np.array_equal(found[name], expected[name]) for name in expected)


def files(folder: Path, kind: str) -> list[Path]:
    found = list((folder / "compiled" if "*" in kind else folder).glob(kind))
    assert found
    return found


@pytest.mark.parametrize(
    ("kind", "damage"),
    [(kind, damage) for kind in KINDS for damage in DAMAGES] + [(kind, flip) for kind in OTHERS],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_a_damaged_file_is_noticed_and_made_again(
    kept: tuple[Path, str, dict],
    kind: str,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, fingerprint, vectors = kept
    for path in files(folder, kind):
        damage(path)
    encoder = open_compiled("tiny", fingerprint)
    needed = kind == "encoder.json" or kind.endswith(".xml")  # else it can be made from the rest
    assert (encoder is None) == needed
    encoder = encoder or tiny()
    assert same(outputs(encoder), vectors)
    if needed or (kind.endswith((".blob", ".json")) and damage is flip):
        assert "is damaged; it is compiled again" in caplog.text
    caplog.clear()
    encoder = open_compiled("tiny", fingerprint)
    assert encoder
    assert same(outputs(encoder), vectors)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_all_files_damaged_at_once(
    kept: tuple[Path, str, dict], damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    folder, fingerprint, vectors = kept
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        damage(path)
    assert open_compiled("tiny", fingerprint) is None
    assert "damaged" in caplog.text
    assert same(outputs(tiny()), vectors)
    caplog.clear()
    encoder = open_compiled("tiny", fingerprint)
    assert encoder
    assert same(outputs(encoder), vectors)
    assert caplog.text == ""


def test_what_is_damaged_after_opening_is_noticed_at_the_first_use(
    kept: tuple[Path, str, dict],
) -> None:
    folder, fingerprint, vectors = kept
    gc.collect()
    encoder = open_compiled("tiny", fingerprint)
    assert encoder
    for path in files(folder, "texts-*/*.blob"):
        flip(path)
    assert same(outputs(encoder), vectors)
    again = open_compiled("tiny", fingerprint)
    assert again
    for path in [*files(folder, "texts-*/*.blob"), folder / "texts.bin"]:
        flip(path)
    del encoder
    gc.collect()
    with pytest.raises(EncoderUnavailable, match="run this again, and it is compiled again"):
        again.encode_texts(TEXTS)
    assert open_compiled("tiny", fingerprint) is None
    assert same(outputs(tiny()), vectors)


def test_a_cache_that_was_copied_elsewhere_is_compiled_again_from_intact_weights_alone(
    kept: tuple[Path, str, dict], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """OpenVINO asks where and when a file was written: there it compiles once more."""
    folder, fingerprint, vectors = kept
    for name, damage in (("whole", None), ("flipped", flip), ("cut", truncate)):
        cache = tmp_path / name
        shutil.copytree(folder, cache / "taxalens" / "encoders" / folder.name)
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        copied = cache / "taxalens" / "encoders" / folder.name
        if damage:
            damage(copied / "texts.bin")
        encoder = open_compiled("tiny", fingerprint)
        assert encoder
        if damage is None:
            assert same(outputs(encoder), vectors)
            assert len(files(copied, "texts-*/*.blob")) == 1
            continue
        with pytest.raises(EncoderUnavailable, match="run this again"):
            encoder.encode_texts(TEXTS)
        assert open_compiled("tiny", fingerprint) is None
        assert same(outputs(tiny()), vectors)


def test_a_sample_of_a_large_file_opens_it_and_all_of_it_is_compared_before_writing(
    kept: tuple[Path, str, dict], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, fingerprint, vectors = kept
    monkeypatch.setattr(kept_files, "SMALL", 0)
    monkeypatch.setattr(kept_files, "_BLOCK", 64)
    for blob in (folder / "compiled").rglob("*.blob"):
        write_sealed(blob.with_name("digests.json"), {blob.name: digests(blob)})
    (blob,) = files(folder, "texts-*/*.blob")
    data = bytearray(blob.read_bytes())
    data[len(data) // 2 + 500] ^= 0x40
    replaced(blob, bytes(data))
    gc.collect()
    sampled = open_compiled("tiny", fingerprint)
    assert sampled
    assert caplog.text == ""
    assert same(outputs(checked(sampled)), vectors)
    assert "is damaged; it is compiled again" in caplog.text
    assert same(outputs(sampled), vectors)


def test_an_encoder_that_a_sampled_one_stands_for_is_opened_anew(
    kept: tuple[Path, str, dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encoders share their networks, but none that was only sampled where all is compared."""
    _, fingerprint, vectors = kept
    sampled = open_compiled("tiny", fingerprint)
    assert sampled
    outputs(sampled)
    whole = checked(sampled)
    assert whole.identity == sampled.identity
    assert same(outputs(whole), vectors)
    networks = [each.runtime._networks["texts.xml"] for each in (sampled, whole)]
    assert [network.whole for network in networks] == [False, True]
    shared = open_compiled("tiny", fingerprint)
    assert shared
    outputs(shared)
    assert shared.runtime._networks["texts.xml"] is networks[1]


def test_a_cache_that_cannot_be_mended_without_weights_is_a_sentence(
    kept: tuple[Path, str, dict], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, fingerprint, _ = kept
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        flip(path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(EncoderUnavailable, match="connect to it once"):
        load("hf-hub:nobody/nothing", fingerprint=fingerprint)


def test_nothing_is_logged_where_nothing_is_kept_yet(
    kept: tuple[Path, str, dict], caplog: pytest.LogCaptureFixture
) -> None:
    assert open_compiled("tiny", "0" * 64) is None
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("size", [0, 1, 1000, 64 << 10, (64 << 10) * 64 + 17])
def test_a_sample_covers_the_ends_of_a_file(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_files, "SMALL", -1)
    path = tmp_path / "x"
    path.write_bytes(np.random.default_rng(0).bytes(size))
    known = digests(path)
    assert is_intact(path, known, whole=False)
    assert is_intact(path, known, whole=True)
    for place in {0, size - 1} if size else ():
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        (tmp_path / "y").write_bytes(bytes(data))
        assert not is_intact(tmp_path / "y", known, whole=False)
        assert not is_intact(tmp_path / "y", known, whole=True)
    assert not is_intact(tmp_path / "gone", known, whole=False)
    assert not is_intact(path, {}, whole=True)


def test_a_sealed_file_tells_any_changed_byte(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_sealed(path, {"a": 1, "b": ["ж"]})
    assert read_sealed(path) == {"a": 1, "b": ["ж"]}
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        assert read_sealed(path) in (None, {"a": 1, "b": ["ж"]})
    path.write_text("[" * 100_000)
    assert read_sealed(path) is None
