"""Other tools on the same pictures and weights, each in a virtual environment of its own.

A peer's own command for a folder is called twice in one process, for one picture and for all, so
that neither start nor loading counts: its rate is that of the pictures between.
"""

import json
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parent / "peers"
# torch is ours: 8 GB each otherwise.
TORCH = [f"{package}=={version(package)}" for package in ("torch", "torchvision")]
PACKAGES = {
    "pybioclip": [["--no-deps", "pybioclip"], ["prettytable"]],
    "clip-retrieval": [
        ["--no-deps", "clip-retrieval", "clip-anytorch", "all_clip"],
        [
            *("numpy<2", "pyarrow<16", "pandas<3", "webdataset<0.3", "fire<0.6", "flask<3"),
            *("flask_cors<5", "flask_restful", "aiohttp", "autofaiss", "h5py"),
            *("prometheus-client", "transformers<5", "sentence-transformers<3"),
            *("multilingual-clip", "img2dataset", "wandb", *TORCH),
        ],
        ["--no-deps", "setuptools<70"],
    ],
}
for _peer in ("hnswlib", "usearch", "scann", "lancedb", "chromadb", "qdrant-edge-py", "duckdb"):
    PACKAGES[_peer] = [[_peer, "numpy"]]
PACKAGES["imagehash"] = [["--no-deps", "imagehash", "PyWavelets"]]
PACKAGES["milvus-lite"] = [["milvus-lite", "pymilvus", "setuptools<81"]]
_TIMED = """
import json, sys, tempfile, time
from pathlib import Path
one, all_, checkpoint = sys.argv[1:]
work = Path(tempfile.mkdtemp())
def timed(folder):
    start = time.perf_counter()
    embed(folder, work / Path(folder).name)
    return time.perf_counter() - start
count = len(list(Path(all_).iterdir()))
timed(one)
alone, together = timed(one), timed(all_)
print("\\nrate", (count - 1) / (together - alone))
"""
PROGRAMS = {
    "pybioclip": """
from bioclip import commands
def embed(folder, target):
    files = sorted(map(str, Path(folder).iterdir()))
    commands.embed(files, str(target) + ".json", model_str="ViT-B-16", pretrained_str=checkpoint)
""",
    "clip-retrieval": """
from clip_retrieval.clip_inference.main import main
def embed(folder, target):
    model = f"open_clip:ViT-B-16/{checkpoint}"
    main(folder, str(target), clip_model=model, enable_text=False, batch_size=32)
""",
}


def rate(peer: str, one: Path, photos: Path, checkpoint: Path) -> float | str:
    """Return the pictures a second of a peer, or in a sentence why there are none.

    `one` is a folder of one picture, `photos` of many; `checkpoint` the weights of a ViT-B/16.
    """
    python = prepared(peer)
    if isinstance(python, str):
        return python
    head, rest = _TIMED.split("count =")
    program = f"{head}{PROGRAMS[peer]}\nif __name__ == '__main__':\n"
    program += "".join(f"    {line}\n" for line in f"count ={rest}".splitlines())
    script = FOLDER / peer / "timed.py"
    script.write_text(program)
    command = [str(python), str(script), str(one), str(photos), str(checkpoint)]
    ended = subprocess.run(command, capture_output=True, text=True)
    said = [line for line in ended.stdout.splitlines() if line.startswith("rate ")]
    return float(said[-1].split()[1]) if said else _last_line(ended.stderr)


def prepared(peer: str) -> Path | str:
    """Return the Python of a peer's environment, installed once; or why it cannot be."""
    folder = FOLDER / peer
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = folder / "installed.json"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
        Path(paths["purelib"], "ours.pth").write_text(sysconfig.get_paths()["purelib"])
        for packages in PACKAGES[peer]:
            command = [str(python), "-m", "pip", "install", "--quiet", *packages]
            ended = subprocess.run(command, capture_output=True, text=True)
            if ended.returncode:
                return f"cannot be installed: {_last_line(ended.stderr)}"
        done.write_text(json.dumps(PACKAGES[peer]))
    return python


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1][:200]
