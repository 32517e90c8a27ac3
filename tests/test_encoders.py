"""What every encoder promises, and how specs that load none are refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from model.encoder import Encoder, load
from model.errors import BadInput, UnknownName
from model.plugins import load_plugin, plugin_names

KINDS = ["starter", "local-dir", "safetensors", "pt"]
TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "layers": 1, "width": 32, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "layers": 1, "width": 16, "heads": 2},
}
TEXTS = ["lion", "a photo of Pica hudsonia.", "", "kingdom Animalia phylum Chordata " * 20, "ж 🦁"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same tiny ViT as a pair of checkpoints and as an open_clip folder."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny-vit.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder / "tiny-vit.json")
    torch.manual_seed(0)
    weights = open_clip.CLIP(**TINY).state_dict()
    torch.save(weights, folder / "tiny.pt")
    save_file(weights, folder / "tiny.safetensors")
    save_file(weights, folder / "open_clip_model.safetensors")
    preprocessing = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "resize_mode": "squash"}
    config = {"model_cfg": TINY, "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="session")
def specs(tiny: Path) -> dict[str, str]:
    return {
        "starter": "starter",
        "local-dir": f"local-dir:{tiny}",
        "safetensors": f"tiny-vit:{tiny / 'tiny.safetensors'}",
        "pt": f"tiny-vit:{tiny / 'tiny.pt'}",
    }


@pytest.fixture(scope="session")
def encoders(specs: dict[str, str]) -> dict[str, Encoder]:
    return {kind: load(spec) for kind, spec in specs.items()}


@pytest.fixture(params=KINDS)
def encoder(request: pytest.FixtureRequest, encoders: dict[str, Encoder]) -> Encoder:
    return encoders[request.param]


def pictures() -> list[Image.Image]:
    """Five unlike pictures of unlike sizes."""
    noise = np.random.default_rng(0).integers(0, 256, (5, 50, 70, 3), np.uint8)
    images = [Image.fromarray(each) for each in noise]
    images[1] = images[1].resize((300, 20))
    images[2] = Image.new("RGB", (1, 1), "red")
    images[3] = Image.new("RGB", (40, 90), "white")
    return images


def test_vectors_are_unit_float16_rows_one_for_each_input(encoder: Encoder) -> None:
    for rows, count in (
        (encoder.encode_images(pictures()), 5),
        (encoder.encode_texts(TEXTS), len(TEXTS)),
    ):
        assert rows.shape == (count, encoder.dim)
        assert rows.dtype == np.float16
        assert np.linalg.norm(rows.astype(np.float64), axis=1) == pytest.approx(1, abs=2e-3)


def test_nothing_in_is_nothing_out(encoder: Encoder) -> None:
    for rows in (encoder.encode_images([]), encoder.encode_texts([])):
        assert rows.shape == (0, encoder.dim)
        assert rows.dtype == np.float16


def test_rows_keep_the_order_of_the_inputs(encoder: Encoder) -> None:
    images = encoder.encode_images(pictures())
    assert len(np.unique(images, axis=0)) == 5
    assert np.allclose(encoder.encode_images(pictures()[::-1]), images[::-1], atol=2e-3)
    texts = encoder.encode_texts(TEXTS)
    assert len(np.unique(texts, axis=0)) == len(TEXTS)
    assert np.allclose(encoder.encode_texts(TEXTS[::-1]), texts[::-1], atol=2e-3)


def test_a_vector_does_not_depend_on_its_batch(encoder: Encoder) -> None:
    together = encoder.encode_images(pictures())
    alone = [encoder.encode_images([picture]) for picture in pictures()]
    assert np.allclose(np.concatenate(alone), together, atol=2e-3)  # two steps of float16
    texts = [f"{text} {number}" for number in range(52) for text in TEXTS]  # two batches
    some = [0, 3, 255, 256, 259]
    alone = [encoder.encode_texts([texts[place]]) for place in some]
    assert np.allclose(np.concatenate(alone), encoder.encode_texts(texts)[some], atol=2e-3)


def test_loading_its_spec_again_gives_the_same_encoder(encoder: Encoder) -> None:
    again = load(encoder.spec)
    assert (again.spec, again.identity, again.dim) == (encoder.spec, encoder.identity, encoder.dim)
    assert again.identity.fingerprint == encoder.identity.fingerprint
    assert np.array_equal(again.encode_texts(TEXTS), encoder.encode_texts(TEXTS))


@pytest.mark.parametrize("kind", KINDS)
def test_an_encoder_knows_the_spec_that_it_was_loaded_by(
    kind: str, specs: dict[str, str], encoders: dict[str, Encoder]
) -> None:
    assert encoders[kind].spec == specs[kind]


def test_encoders_are_the_same_exactly_if_weights_and_preprocessing_are(
    encoders: dict[str, Encoder],
) -> None:
    fingerprint = {kind: encoder.identity.fingerprint for kind, encoder in encoders.items()}
    assert fingerprint["pt"] == fingerprint["safetensors"]
    assert len(set(fingerprint.values())) == 3
    weights = {kind: encoder.identity.weights for kind, encoder in encoders.items()}
    assert weights["local-dir"] == weights["pt"] != weights["starter"]
    assert encoders["local-dir"].identity.preprocessing["resize_mode"] == "squash"


def test_one_changed_weight_makes_another_encoder(
    tiny: Path, tmp_path: Path, encoders: dict[str, Encoder]
) -> None:
    weights = torch.load(tiny / "tiny.pt", weights_only=True)
    weights["text_projection"][0, 0] += 1e-3
    torch.save(weights, tmp_path / "changed.pt")
    changed = load(f"tiny-vit:{tmp_path / 'changed.pt'}")
    assert changed.identity.fingerprint != encoders["pt"].identity.fingerprint


@pytest.mark.parametrize("name", plugin_names("model.encoders"))
def test_every_file_in_model_encoders_can_load_one(name: str) -> None:
    assert callable(load_plugin("model.encoders", name, noun="encoder").load)


def test_the_encoders_of_the_design_are_there() -> None:
    assert {"starter", "bioclip", "bioclip-2", "bioclip-2.5", "biocap"} <= set(
        plugin_names("model.encoders")
    )


@pytest.mark.parametrize(
    ("spec", "suggestion"),
    [
        ("biclip", "Did you mean bioclip"),
        ("Bioclip2", "bioclip-2"),
        ("starer", "Did you mean starter"),
        ("", "there are biocap, bioclip, "),
        ("ViTB-16:weights.pt", "Did you mean ViT-B-16"),
        ("local_dir:weights", "open_clip has no architecture 'local_dir'"),
    ],
)
def test_a_name_that_is_unknown_is_met_with_the_nearest(spec: str, suggestion: str) -> None:
    with pytest.raises(UnknownName) as raised:
        load(spec)
    assert suggestion in str(raised.value)
    assert is_one_line(raised.value)


@pytest.mark.parametrize(
    "spec",
    ["local-dir:{}", "local-dir:{}/nowhere", "tiny-vit:{}", "tiny-vit:{}/no.pt", "tiny-vit:"],
)
def test_a_folder_or_checkpoint_that_is_not_there_is_named(
    spec: str, tiny: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadInput) as raised:
        load(spec.format(tmp_path))
    assert spec.format(tmp_path).partition(":")[2] in str(raised.value)
    assert is_one_line(raised.value)


def bad_checkpoint(tiny: Path, path: Path) -> None:
    weights = torch.load(tiny / "tiny.pt", weights_only=True)
    match path.name:
        case "cut.safetensors":
            path.write_bytes((tiny / "tiny.safetensors").read_bytes()[:5000])
        case "cut.pt":
            path.write_bytes((tiny / "tiny.pt").read_bytes()[:5000])
        case "half.pt":
            torch.save(dict(list(weights.items())[:5]), path)
        case "other shape.safetensors":
            save_file(weights | {"text_projection": torch.zeros(4, 4)}, path)
        case "list.pt":
            torch.save([1, 2], path)
        case "text.pt" | "text.safetensors":
            path.write_text("no weights at all\n" * 10)
        case _:
            path.touch()


@pytest.mark.parametrize(
    "name",
    [
        "cut.safetensors",
        "cut.pt",
        "half.pt",
        "other shape.safetensors",
        "list.pt",
        "text.pt",
        "text.safetensors",
        "empty.pt",
        "empty.safetensors",
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_in_one_sentence(
    name: str, tiny: Path, tmp_path: Path
) -> None:
    bad_checkpoint(tiny, tmp_path / name)
    with pytest.raises(BadInput) as raised:
        load(f"tiny-vit:{tmp_path / name}")
    assert name in str(raised.value)
    assert is_one_line(raised.value)


@pytest.mark.parametrize("config", ["", "{nope", "{}", "[]", '{"model_cfg": {}}'])
def test_a_folder_whose_configuration_is_broken_is_refused(config: str, tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text(config)
    with pytest.raises(BadInput) as raised:
        load(f"local-dir:{tmp_path}")
    assert str(tmp_path) in str(raised.value)
    assert is_one_line(raised.value)


class Payload:
    """Runs code when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("key", ["state_dict", "text_projection"])
def test_code_in_a_checkpoint_is_refused_and_never_runs(
    key: str, tiny: Path, tmp_path: Path
) -> None:
    trace, folder = tmp_path / "it ran", tmp_path / "folder"
    folder.mkdir()
    weights = torch.load(tiny / "tiny.pt", weights_only=True)
    torch.save(weights | {key: Payload(trace)}, tmp_path / "payload.pt")
    torch.save(weights | {key: Payload(trace)}, folder / "open_clip_pytorch_model.bin")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": TINY}))
    for spec in (f"tiny-vit:{tmp_path / 'payload.pt'}", f"local-dir:{folder}"):
        with pytest.raises(BadInput, match="no file of plain weights") as raised:
            load(spec)
        assert "weights_only" not in str(raised.value)
        assert is_one_line(raised.value)
    assert not trace.exists()
    torch.load(tmp_path / "payload.pt", weights_only=False)
    assert trace.exists()  # so the payload was live


def test_where_the_hub_cannot_be_reached_the_starter_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from model.encoder import load\n"
            "from model.errors import EncoderUnavailable\n"
            "try: load('bioclip')\n"
            "except EncoderUnavailable as error: print(error)",
        ],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "imageomics/bioclip" in done.stdout
    assert "pass encoder=starter" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def is_one_line(error: Exception) -> bool:
    """Whether its message can be printed as one sentence that ends as one."""
    return "\n" not in str(error) and str(error)[-1] in ".?"
