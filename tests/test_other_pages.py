"""Identify, taxa and collection, as a person meets them in a browser."""

import csv
import io
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from browser import WAIT, eventually, served, shown, wait_until_still, watched_page
from playwright.sync_api import Browser, Page, expect
from two_species import TAXA, draw, lineage, write_labels

import taxalens
from indexer.store.manifest import MANIFEST, read_manifest
from ui.widgets.jobs import Jobs

pytestmark = pytest.mark.usefixtures("close_catalogs")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pages")
    lines = []
    for colour in TAXA:
        for number in range(4 if colour == "gold" else 2):
            draw(root / "photos" / f"{colour}{number}.png", colour, number)
            lines.append((f"{colour}{number}.png", *lineage(colour)))
    write_labels(root / "labels.csv", (), lines)
    here = root / "a.collection"
    taxalens.index(root / "photos", here, encoder="starter", labels=root / "labels.csv")
    return here


def test_dropped_photographs_are_identified_as_on_the_command_line(
    page: Page, url: str, collection: Path, tmp_path: Path
) -> None:
    files = [tmp_path / "one.png", tmp_path / "two.png"]
    draw(files[0], "gold", 9)
    draw(files[1], "navy", 9)
    page.goto(f"{url}/identify")
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_role("heading", name="2 photographs").wait_for()
    page.get_by_role("button", name="Accept").first.click()
    wait_until_still(page)
    with page.expect_download() as downloading:
        page.get_by_role("button", name="CSV").click()
    lines = list(csv.DictReader(io.StringIO(downloading.value.path().read_text("utf-8"))))
    command = [sys.executable, "-m", "ui.cli", "identify", *map(str, files)]
    ran = subprocess.run(
        [*command, "-c", str(collection), "--format", "json"], capture_output=True, check=True
    )
    expected = [(each["name"], each["nearest"]) for each in json.loads(ran.stdout)]
    assert [(each["name"], each["nearest"]) for each in lines] == expected
    assert [each["file_name"] for each in lines] == ["one.png", "two.png"]
    assert [each["accepted"] for each in lines] == [expected[0][0], ""]


def test_the_tree_leads_down_and_into_find(page: Page, url: str) -> None:
    page.goto(f"{url}/taxa?taxon=Animalia|Chordata")
    eventually(lambda: [name for name, _ in shown(page)], ["Mammalia", "Aves"])
    page.locator(".tile").nth(1).focus()
    page.keyboard.press("Enter")
    eventually(lambda: [name for name, _ in shown(page)], ["Passeriformes"])
    page.get_by_role("button", name="Show its images in Find").click()
    page.get_by_role("heading", name="2 images").wait_for()
    eventually(lambda: {name for name, _ in shown(page)}, {"Pica hudsonia"})


def test_gaps_are_species_with_few_images(page: Page, url: str) -> None:
    page.goto(f"{url}/taxa")
    page.get_by_text("Gaps").click()
    field = page.get_by_label("Species with fewer images than")
    field.fill("3")
    field.press("Enter")
    expect(page.get_by_text("1 taxon")).to_be_visible(timeout=WAIT * 1000)


def test_a_folder_is_added_while_another_browser_looks(
    page: Page, browser: Browser, url: str, collection: Path, tmp_path: Path
) -> None:
    draw(tmp_path / "more" / "1.png", "green", 1)
    with watched_page(browser, url) as other:
        other.goto(url)
        other.get_by_role("heading", name="6 images").wait_for()
        page.goto(f"{url}/collection")
        page.get_by_label("Folder, archive or table of pictures").fill(str(tmp_path / "more"))
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_text("done. ").wait_for()
        other.reload()
        other.get_by_role("heading", name="7 images").wait_for()
    page.get_by_role("tab", name="About").click()
    expect(page.get_by_text("It assists biologists and does not replace them")).to_be_visible()


def test_a_first_collection_is_made_from_the_page(browser: Browser, tmp_path: Path) -> None:
    draw(tmp_path / "photos" / "1.png", "green", 1)
    with (
        served(tmp_path / "new.collection", tmp_path / "app.txt") as here,
        watched_page(browser, here) as page,
    ):
        page.goto(here)
        page.get_by_label("Folder, archive or table of pictures").fill(str(tmp_path / "photos"))
        page.get_by_label("Encoder").click()
        page.get_by_role("option", name="starter").click()
        page.get_by_role("button", name="Index").click()
        page.get_by_role("heading", name="1 image").wait_for()


def has_images(collection: Path) -> bool:
    return (collection / MANIFEST).exists() and bool(read_manifest(collection).paths("segments"))


def test_a_cancelled_job_keeps_what_it_did(tmp_path: Path) -> None:
    for number in range(40):
        draw(tmp_path / "photos" / f"{number}.png", "green", number % 25)
    for copy in range(60):
        shutil.copytree(tmp_path / "photos", tmp_path / "all" / str(copy))
    here, jobs = tmp_path / "a.collection", Jobs()
    arguments = ["index", str(tmp_path / "all"), "-c", str(here), "--encoder", "starter"]
    assert jobs.start("Indexing", arguments)
    assert not jobs.start("Indexing again", arguments)
    job = jobs.last
    assert job
    deadline = time.monotonic() + WAIT
    while not has_images(here) and time.monotonic() < deadline:
        time.sleep(0.05)
    job.cancel()
    job.process.wait(timeout=WAIT)
    assert job.outcome == ("cancelled" if job.process.returncode else "done")  # if it was too late
    assert job.told()
    with taxalens.open(here) as opened:
        kept = len(opened)
    assert 0 < kept <= 2400
    assert jobs.start("Indexing again", arguments)
    again = jobs.last
    assert again
    assert again.process.wait(timeout=WAIT) == 0
    assert again.outcome == "done"
    again.output.close()
    with taxalens.open(here) as opened:
        assert len(opened) == 2400
