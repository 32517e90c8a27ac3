"""The page's runs: a session never has two at once, which would share what the session keeps."""

from pathlib import Path

from browser import eventually, served, watched_page
from playwright.sync_api import Browser

# The script says when it begins and ends; between them it waits for another run to begin.
SCRIPT = """
import time
from pathlib import Path
import streamlit as st

told = Path(__file__).with_name("told.txt")

def tell(word):
    with told.open("a") as file:
        file.write(word + "\\n")

tell("begin")
begun = told.read_text().count("begin")
if st.button("Again"):
    tell("clicked")
deadline = time.monotonic() + 2
while told.read_text().count("begin") == begun and time.monotonic() < deadline:
    time.sleep(0.02)
tell("end")
"""
SERVER = """
import sys
from contextlib import suppress
from pathlib import Path
import streamlit as st
from ui.server.page import SETTINGS

port = int(next(word for word in sys.argv if word.startswith("--port=")).partition("=")[2])
page = st.App(str(Path(__file__).with_name("script.py")))
with suppress(KeyboardInterrupt):
    page.run(config=SETTINGS | {"server.port": port})
"""


def test_a_click_during_a_run_waits_for_its_end_and_is_not_lost(
    tmp_path: Path, browser: Browser
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "server.py").write_text(SERVER)
    told = tmp_path / "told.txt"
    told.touch()

    def lines() -> list[str]:
        return told.read_text().split()

    click = ["begin", "clicked", "end"]
    program = (str(tmp_path / "server.py"),)
    with (
        served(tmp_path, tmp_path / "log.txt", program=program) as url,
        watched_page(browser, url) as page,
    ):
        page.goto(url)
        eventually(lines, ["begin", "end"])
        page.get_by_role("button", name="Again").click()
        eventually(lambda: "clicked" in lines(), True)
        page.get_by_role("button", name="Again").click()  # while the first one's run is at work
        eventually(lines, ["begin", "end", *click, *click])
