"""No message of ours steers a terminal: escape sequences and turned writing stay visible."""

import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pictures import write_picture

from ui.cli import main
from ui.safe_streams import SafeStream

BAD = ["\x1b[31m", "\x07", "\x9b2J", "\u202e", "\u2066"]


@pytest.mark.parametrize("bad", BAD)
def test_messages_have_no_controls(tmp_path: Path, bad: str) -> None:
    table = tmp_path / f"a{bad}.csv"
    table.write_text(f"file_name,species\nx{bad}.png,y{bad},{bad}z\n", encoding="utf-8")
    write_picture(tmp_path / "p" / "x.png", "red")
    for words in (
        ["index", f"nowhere{bad}"],
        [
            "index",
            str(tmp_path / "p"),
            "--labels",
            str(table),
            "--encoder",
            "starter",
            "-c",
            str(tmp_path / "c"),
        ],
        ["search", f"lion{bad}", "-c", str(tmp_path / f"c{bad}")],
        [f"sear{bad}ch"],
    ):
        result = CliRunner().invoke(main, [*words], env={"HOME": str(tmp_path)})
        assert result.exit_code or "--labels" in words
        assert not any(each in result.stderr for each in "\x1b\x07\x9b\u202e\u2066")


def test_a_name_in_a_message_shows_that_something_was_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["index", str(tmp_path / "no\u202ewhere")])
    assert "no\ufffdwhere" in result.stderr


@given(st.text())
def test_all_else_is_written_as_it_is(text: str) -> None:
    target = io.StringIO(newline="")
    assert SafeStream(target).write(text) == len(text)
    written = target.getvalue()
    assert len(written) == len(text)
    assert all(one == two or two == "\ufffd" for one, two in zip(text, written, strict=True))
    assert not set(written) & set("\x1b\x00\x7f\u202e")
