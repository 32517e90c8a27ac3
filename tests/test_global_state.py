"""Importing and using taxalens leaves the process as it was: loggers, filters, switches."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import PICTURES, write_picture

STATE = """
import logging, os, sys, warnings
import duckdb, faiss, numpy, PIL.Image, PIL.ImageFile, pyarrow.parquet, scipy.stats, sklearn
import torch, open_clip, huggingface_hub, timm, platformdirs, tqdm

sys.modules["openvino_telemetry"] = None  # the one thing that taxalens may set
import openvino

def state():
    root = logging.getLogger()
    loggers = {
        name: (each.level, each.disabled, list(map(repr, each.handlers)), len(each.filters))
        for name, each in logging.root.manager.loggerDict.items()
        if isinstance(each, logging.Logger) and not name.startswith(("taxalens", "torch."))
    }
    return {
        "root": (root.level, list(map(repr, root.handlers)), len(root.filters)),
        "disabled": logging.root.manager.disable,
        "loggers": loggers,
        "filters": list(map(repr, warnings.filters)),
        "environment": dict(os.environ),
        "faiss": {
            name: getattr(faiss.cvar, name)
            for name in str(faiss.cvar).strip("()").split(", ")
            if isinstance(getattr(faiss.cvar, name), (int, float, str))
        },
        "faiss threads": faiss.omp_get_max_threads(),
        "torch threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch modes": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "torch numbers": str(torch.get_default_dtype()),
        "pixels": PIL.Image.MAX_IMAGE_PIXELS,
        "truncated": PIL.ImageFile.LOAD_TRUNCATED_IMAGES,
        "numpy": repr(numpy.geterr()),
        "recursion": sys.getrecursionlimit(),
        "excepthook": repr(sys.excepthook),
        "folder": os.getcwd(),
        "hub": huggingface_hub.logging.get_verbosity(),
    }
"""
IMPORTS = """
import pkgutil, importlib
import taxalens, model, indexer, search, training
before = state()
for package in (model, indexer, search, training):
    for each in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(each.name)
for name in taxalens.__all__:
    getattr(taxalens, name)
"""
USE = """
import sys
from pathlib import Path
import taxalens
before = state()
photos, place, local = map(Path, sys.argv[1:])
collection = taxalens.index(photos, place, encoder="starter")
collection = taxalens.open(place)
for asked in ({"query": "lion"}, {"image": photos / "red.png"}, {"query": "Panthera leo"}):
    collection.search(**asked)
list(collection.neighbours()); collection.audit(); collection.suggest()
collection.identify([photos / "red.png"])
collection.export(place.parent / "e.csv")
encoder = taxalens.load_encoder("starter", "torch")
encoder.encode_texts([f"a photo of {n}" for n in range(600)])
taxalens.load_encoder(f"local-dir:{local}").encode_texts(["lion"])
import huggingface_hub.constants as constants
constants.HF_HUB_OFFLINE = True
try:
    taxalens.load_encoder("hf-hub:nobody/nothing")
except taxalens.Error:
    pass
else:
    raise AssertionError
from model.quiet import quiet
with quiet("huggingface_hub"):
    logging.info("a remark that would set up the root logger")
from indexer.backends.exact import Exact
import numpy
rows = numpy.eye(64, dtype=numpy.float16)
Exact([rows]).search(rows, 3)
"""
TELL = """
import json
after = state()
known = before["loggers"]  # others are made by libraries as these are imported
after["loggers"] = {name: each for name, each in after["loggers"].items() if name in known}
if before["loggers"] != after["loggers"]:
    before["loggers"] = {n: v for n, v in before["loggers"].items() if after["loggers"].get(n) != v}
    after["loggers"] = {name: after["loggers"].get(name) for name in before["loggers"]}
print(json.dumps({key: [before[key], after[key]] for key in before if before[key] != after[key]}))
"""


def changes(code: str, *arguments: object) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", STATE + code + TELL, *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_changes_nothing() -> None:
    assert changes(IMPORTS) == {}


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A folder of open_clip with a tiny network."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    tiny = {
        "embed_dim": 16,
        "vision_cfg": {
            **{"image_size": 32, "patch_size": 16, "layers": 1, "width": 32},
            "head_width": 16,
        },
        "text_cfg": {
            **{"context_length": 77, "vocab_size": 49408, "layers": 1, "width": 16},
            "heads": 2,
        },
    }
    torch.manual_seed(2)
    folder = tmp_path / "local"
    folder.mkdir()
    save_file(open_clip.CLIP(**tiny).state_dict(), folder / "open_clip_model.safetensors")
    config = {"model_cfg": tiny, "preprocess_cfg": {"resize_mode": "squash"}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


def test_using_it_changes_nothing(
    tmp_path: Path, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, colour in PICTURES.items():
        write_picture(tmp_path / "photos" / name, colour)
    assert changes(USE, tmp_path / "photos", tmp_path / "c", local) == {}
