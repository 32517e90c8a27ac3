"""A publication in Milvus is whole or absent, and says nothing that it must not."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from colours import ColourEncoder
from pictures import run
from planted import GROUPS

import indexer.publish.milvus
import taxalens
from indexer.labels.label_files import Label
from indexer.publish.address import address_of, shown
from indexer.publish.milvus_server import connect
from model.errors import BadInput, CollectionError, Error
from search.collection import Collection
from search.publish import publish
from ui.cli import main

pymilvus = pytest.importorskip("pymilvus", reason='pip install "taxalens[milvus]"')
pytest.importorskip("milvus_lite", reason="Milvus Lite: pip install --no-deps milvus-lite")
HERE = Path(__file__).parent


def test_a_removed_image_is_not_published(root: Path, uri: str, served: Collection) -> None:
    assert "navy4.png" not in everything_in(uri)
    assert "navy3.png" in everything_in(uri)


def test_no_exact_place_of_a_threatened_species_and_no_folder_is_published(
    root: Path, uri: str, served: Collection
) -> None:
    said, lion, crow = everything_in(uri), GROUPS["gold"], GROUPS["navy"]
    assert str(crow.latitude) in said
    assert str(lion.latitude) not in said
    assert str(lion.longitude) not in said
    assert str(root) not in said


def everything_in(uri: str) -> str:
    """Return all that lies in Milvus as text, the facts unpacked."""
    client = connect(address_of(uri))
    lines = [
        line
        for name in client.list_collections()
        if not name.endswith("_facts")
        for line in client.query(name, filter="naming >= 0", output_fields=["*"], limit=1000)
    ]
    with taxalens.open(uri, ColourEncoder()) as opened:
        facts = opened.facts
    tables = {name: table.to_pydict() for name, table in facts.tables.items()}
    return f"{[dict(line) for line in lines]} {tables} {facts}"


def test_a_new_publication_takes_the_place_of_the_old_one(root: Path) -> None:
    uri = f"milvus://{root}/lite.db/again"
    publish(root / "c", uri, ColourEncoder())
    before = set(connect(address_of(uri)).list_collections())
    with taxalens.open(uri, ColourEncoder()) as earlier:
        assert publish(root / "c", uri, ColourEncoder()).replaced
        after = set(connect(address_of(uri)).list_collections())
        with pytest.raises(CollectionError, match="open it once more"):
            earlier.search(text="gold")
        earlier.reload()
        assert len(earlier.search(text="gold", k=5)) == 5
    old, new = before - after, after - before
    assert (len(old), len(new)) == (2, 2)
    assert all(name.startswith("again__") for name in old | new)


def test_a_recall_that_is_too_low_publishes_nothing(
    root: Path, uri: str, served: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(address_of(uri))
    before = client.list_collections()
    monkeypatch.setattr(indexer.publish.milvus, "TARGET", 1.1)
    with pytest.raises(Error, match="nothing was published"):
        publish(root / "c", uri, ColourEncoder(), index_from=1)
    assert client.list_collections() == before
    assert served.search(text="gold")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is not here")
def test_killed_at_any_call_the_name_leads_to_a_whole_publication(root: Path) -> None:
    uri = f"milvus://{root}/killed.db/birds"
    calls = range(1, 13) if os.environ.get("TAXALENS_TRUST") == "long" else (11, 12)
    command = [sys.executable, "-W", "ignore", "publishing.py", root / "c", uri]
    path = os.pathsep.join([str(HERE.parent), *filter(None, sys.path)])
    ended = subprocess.run(
        [*map(str, command), *map(str, calls)],
        cwd=HERE,
        env={
            **os.environ,
            "PYTHONPATH": path,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    first, *trials, last = json.loads(ended.stdout.splitlines()[-1])
    whole = first["seen"]
    assert (whole["images"], len(whole["ids"]), whole["collections"]) == (20, 20, 2)
    for trial in trials:
        assert trial["made"] is None, "it was not killed"
        assert trial["seen"]["ids"] == whole["ids"]
    assert any(trial["seen"]["collections"] > 2 for trial in trials)
    assert last["seen"] == whole  # what killed ones left is swept


@pytest.mark.parametrize(
    ("written", "uri", "name", "token"),
    [
        ("milvus://localhost:19530/birds", "http://localhost:19530", "birds", ""),
        ("milvus://localhost/birds", "http://localhost:19530", "birds", ""),
        ("milvus://[::1]:7/b_2", "http://[::1]:7", "b_2", ""),
        ("milvus://me:a%40b@host:1/birds", "http://host:1", "birds", "me:a@b"),
        ("milvus:///no/such/a.db/birds", "/no/such/a.db", "birds", ""),
    ],
)
def test_an_address_names_a_server_or_a_file_and_a_name(
    written: str, uri: str, name: str, token: str
) -> None:
    address = address_of(written)
    assert (address.uri, address.name, address.token) == (uri, name, token)
    if not token:
        assert address_of(str(address)) == address
    assert "a@b" not in f"{address} {address!r}"


def test_a_file_of_lite_is_here_unless_it_lies_at_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = str(tmp_path / "a.db")
    for written in ("milvus://a.db/birds", f"milvus://{here}/birds"):
        assert address_of(written).uri == here
    with pytest.raises(BadInput, match="is not the address"):  # it may be either
        address_of(Path(f"milvus://{here}/birds"))


def test_the_command_line_reads_an_address_as_publish_does(
    root: Path, uri: str, served: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One slash tells /root/lite.db from ./root/lite.db, whichever of them exists."""
    monkeypatch.chdir(tmp_path)
    below = tmp_path / str(root).lstrip("/")
    below.mkdir(parents=True)
    (below / "other.db").touch()
    relative = search("-c", f"milvus:/{root}/lite.db/birds")
    assert f"Nothing is published at milvus://{below}/lite.db/birds; publish" in relative.output
    absolute = search("-c", f"milvus://{root}/other.db/birds")
    assert f"Nothing is published at milvus://{root}/other.db/birds; publish" in absolute.output
    assert "There is no encoder 'colours-1'" in search("-c", uri).output  # found; it is in tests


def search(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["search", "gold", *arguments])


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("birds.db/birds", "is not the address of a published collection; write milvus://"),
        ("milvus://localhost:19530", "is not the address of a published collection"),
        ("milvus://localhost:x/birds", "names no server; write milvus://HOST"),
        ("milvus://me:secret@localhost:x/birds", "milvus://localhost:x/birds names no server"),
        ("milvus://localhost:1/a/birds", "names no server"),
        ("milvus://[::1/birds", "names no server"),
        ("milvus://me:se/secret@localhost/birds", "milvus://localhost/birds names no server"),
        ("milvus:///no/such/a.db/birds", "/no/such is not a folder: create it, or correct"),
        ("milvus://localhost:1/two words", "'two words' cannot be a name in Milvus"),
        ("milvus://127.0.0.1:1/birds", "Milvus does not answer at milvus://127.0.0.1:1/birds"),
    ],
)
def test_what_cannot_be_published_to_is_one_sentence(root: Path, uri: str, says: str) -> None:
    with pytest.raises((BadInput, CollectionError), match=re.escape(says)) as raised:
        publish(root / "c", uri, ColourEncoder())
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "written",
    ["milvs:///a.db/birds", "http://localhost:19530/birds", "milvus://", "milvus:/a.db/birds"],
)
@pytest.mark.parametrize("command", ["search lion", "info"])
def test_whatever_has_a_scheme_is_an_address(
    command: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(main, [*command.split(), "-c", written])
    assert ended.output.startswith(f"Error: {written} is not the address of a published collection")
    assert (ended.exit_code, ended.output.count("\n")) == (1, 1)
    assert not list(tmp_path.iterdir())


def test_a_search_where_nothing_is_published_creates_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.db").mkdir()
    for name in ("lite.db", "empty.db"):
        uri = f"milvus://{tmp_path}/{name}/birds"
        with pytest.raises(CollectionError, match=f"^Nothing is published at {uri}; publish a"):
            taxalens.open(uri)
    assert [*tmp_path.rglob("*")] == [tmp_path / "empty.db"]


def test_a_plain_file_is_not_a_database(tmp_path: Path, root: Path) -> None:
    (tmp_path / "a.db").write_text("notes")
    for ask in (taxalens.open, lambda uri: publish(root / "c", uri, ColourEncoder())):
        with pytest.raises(
            CollectionError, match=r"a\.db is a plain file, not a database of Milvus"
        ):
            ask(f"milvus://{tmp_path}/a.db/birds")


def test_a_database_that_another_process_holds_is_one_sentence(
    root: Path, served: Collection
) -> None:
    """Milvus Lite would log a traceback before."""
    command = [sys.executable, "-W", "ignore", "-m", "ui.cli", "search", "gold", "-c"]
    ended = subprocess.run(
        [*command, f"milvus://{root}/lite.db/birds"],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    said = f"Error: Milvus Lite cannot open {root}/lite.db: is another process using it?\n"
    assert (ended.returncode, ended.stderr) == (1, said)


def test_any_other_failure_of_milvus_lite_is_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in ("collections", "LOCK"):
        (tmp_path / "a.db" / folder).mkdir(parents=True)
    with pytest.raises(CollectionError, match=r"cannot open .*a\.db \(.*LOCK.*\): mend that"):
        taxalens.open(f"milvus://{tmp_path}/a.db/birds")
    assert not caplog.records


@pytest.mark.parametrize("option", ["--copy-to", "--sheet"])
def test_an_option_that_needs_the_files_is_refused(
    option: str, tmp_path: Path, uri: str, served: Collection
) -> None:
    ended = search("-c", uri, option, str(tmp_path / "out"))
    assert ended.output.startswith(f"Error: {option} needs the collection's own files: leave")
    assert ended.output.endswith(f"instead of {uri}.\n")
    assert (ended.exit_code, list(tmp_path.iterdir())) == (1, [])


def test_a_name_that_is_another_collections_is_refused(root: Path, served: Collection) -> None:
    client = connect(address_of(f"milvus://{root}/lite.db/birds"))
    client.create_collection("mine", dimension=4)
    client.create_collection("mine__0123456789ab", dimension=4)
    before = sorted(client.list_collections())
    with pytest.raises(Error, match="The name mine is taken"):
        publish(root / "c", f"milvus://{root}/lite.db/mine", ColourEncoder())
    with pytest.raises(CollectionError, match=r"Nothing is published at .*/nothing; publish"):
        taxalens.open(f"milvus://{root}/lite.db/nothing")
    assert sorted(client.list_collections()) == before


def test_a_collection_without_images_is_not_published(tmp_path: Path, collection: Path) -> None:
    taxalens.remove(collection, "*")
    with pytest.raises(BadInput, match="has no images to publish"):
        publish(collection, f"milvus://{tmp_path}/lite.db/birds", ColourEncoder())


def test_the_command_line_ends_in_a_sentence(root: Path) -> None:
    arguments = ["publish", "milvus", "--uri", "milvus://localhost", "-c", str(root / "c")]
    ended = CliRunner().invoke(main, arguments)
    assert (ended.exit_code, ended.output.count("\n")) == (1, 1)
    assert ended.output.startswith("Error: milvus://localhost is not the address")


def test_long_metadata_are_refused_with_the_name_of_the_image(
    root: Path, collection: Path, photos: Path
) -> None:
    run(photos, collection, labels={"red.png": Label("", None, {"note": "x" * 70_000})})
    with pytest.raises(BadInput, match=r"metadata of photos/red.png has 70,0\d\d bytes"):
        publish(collection, f"milvus://{root}/lite.db/long", ColourEncoder())
    assert not [each for each in names_in(root) if each.startswith("long")]


def names_in(root: Path) -> list[str]:
    return list(connect(address_of(f"milvus://{root}/lite.db/birds")).list_collections())


def test_without_pymilvus_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(Error, match=r'pip install "taxalens\[milvus\]"'):
        taxalens.open("milvus://localhost:1/birds")


def test_settings_of_an_env_file_are_not_taken(tmp_path: Path) -> None:
    """Pymilvus would set every variable of the first .env above its own folder."""
    package = Path(pymilvus.__file__).parent
    shutil.copytree(package, tmp_path / "pymilvus", ignore=shutil.ignore_patterns("*.pyc"))
    (tmp_path / ".env").write_text("TAKEN=1\n")
    code = """
import os, taxalens
try:
    taxalens.open("milvus://127.0.0.1:1/birds")
except taxalens.CollectionError:
    print(os.environ.get("TAKEN"), os.environ.get("PYTHON_DOTENV_DISABLED"))
"""
    path = os.pathsep.join(map(str, (tmp_path, HERE.parent)))
    command = [sys.executable, "-W", "ignore", "-c", code]
    ended = subprocess.check_output(command, env={**os.environ, "PYTHONPATH": path}, text=True)
    assert ended == "None None\n"


@pytest.mark.parametrize("written", ["milvus://localhost/birds", "milvus:///tmp/a@b.db/birds"])
@pytest.mark.parametrize(
    "command",
    ["index photos", "info", "optimize", "serve", "status", "identify x", "export x.csv", "app"],
)
def test_only_search_takes_an_address(
    command: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(main, [*command.split(), "-c", written])
    assert ended.exit_code == 1
    assert f"{written} is a published collection" in ended.output
    assert not list(tmp_path.iterdir())


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    written = "milvus://me:of-the-museum@localhost/birds"
    for command in ("info", "status"):
        ended = CliRunner().invoke(main, [command, "-c", written])
        assert ended.exit_code == 1
        assert "of-the-museum" not in ended.output
    assert shown(written) == "milvus://localhost/birds"
