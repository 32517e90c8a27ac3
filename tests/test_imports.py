"""Each command imports what it uses: a search does not wait for torch or scikit-learn."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import write_picture

import taxalens

NEVER = {
    *("torch", "torchvision", "open_clip", "timm", "sklearn", "scipy", "pandas", "altair"),
    *("streamlit", "httpcore", "httpcore2", "matplotlib", "huggingface_hub"),
    *("starlette", "uvicorn", "anyio", "mcp", "pydantic"),
}
VECTORS = {"faiss", "openvino", "PIL", "tokenizers"}
DATABASE = {"duckdb", "pyarrow", "numpy"}
FORBIDDEN = {
    "--help": NEVER | VECTORS | DATABASE,
    "search --help": NEVER | VECTORS | DATABASE,
    "app --help": NEVER | VECTORS | DATABASE,
    "serve --help": NEVER | VECTORS | DATABASE,
    "mcp --help": NEVER | VECTORS | DATABASE,
    "status": NEVER | VECTORS,
    "info": NEVER | VECTORS,
    "search lion": NEVER,
    "search Pica": NEVER,
}
# In a process of its own, since this one has imported everything.
LISTED = """
import json, sys
from ui.cli import main
try:
    main(sys.argv[1:], standalone_mode=False)
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("imports")
    write_picture(place / "photos" / "lion" / "a.png", "orange")
    write_picture(place / "photos" / "Pica pica" / "b.png", "black")
    taxalens.index(place / "photos", place / "c", encoder="starter")
    # From here on the encoder's compiled copy is kept.
    taxalens.open(place / "c").search(text="lion")
    return place


def imported_by(command: str, place: Path) -> set[str]:
    words = command.split()
    words += [] if "--help" in words else ["-c", str(place / "c")]
    ended = subprocess.run(
        [sys.executable, "-c", LISTED, *words], capture_output=True, text=True, check=True
    )
    return set(json.loads(ended.stderr.splitlines()[-1]))


@pytest.mark.parametrize("command", FORBIDDEN)
def test_a_command_imports_only_what_it_uses(command: str, place: Path) -> None:
    imported = imported_by(command, place)
    assert "click" in imported
    assert not imported & FORBIDDEN[command]


def test_a_server_without_the_page_needs_no_streamlit() -> None:
    code = "import sys, ui.server.alone; print(sorted({n.partition('.')[0] for n in sys.modules}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'starlette'" in ended.stdout
    for name in ("streamlit", "torch", "sklearn", "pandas", "mcp"):
        assert f"'{name}'" not in ended.stdout
