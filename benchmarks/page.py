"""What a person waits for on the page over a large collection, measured in the browser.

    python -m benchmarks.page ROWS

The collection of `growth.py`, as if the starter had embedded it, with a picture for each image
(hard links to 64 JPEGs) and 20,000 images that only a machine labelled. It stays in
benchmarks/peers/galleries for the next run; the label page takes some of its images each time.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import Popen
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

import taxalens
from benchmarks import growth
from benchmarks.peers import FOLDER
from benchmarks.report import figure, write_report
from benchmarks.served_page import page_process
from indexer.catalog.catalog_file import write_catalog
from indexer.ingest.journal import pending
from indexer.ingest.optimize import optimize
from indexer.store.manifest import EncoderEntry, Manifest, commit, read_manifest
from indexer.store.segment import IDENTIFICATIONS, LABELS, read_table
from search.collection import open_collection

UNSURE = 20_000  # images that only a machine labelled
PICTURES = 64  # JPEGs that all images share; a file has at most 65,000 names on ext4
ACTS = 60
TABS = 5
REPEATS = 5
WAIT = 120_000  # milliseconds after which a step has failed
Seen = Iterator[tuple[str, float, str]]

# Tiles lie in shadow trees. `since` is the moment of the last key or press of the mouse.
_HELPERS = """
window.since = 0
for (const kind of ["keydown", "pointerdown", "input"])
  addEventListener(kind, () => { window.since = performance.now() }, true)
window.tilesOf = (root = document) => [...root.querySelectorAll("*")].flatMap((each) =>
  [...(each.classList.contains("tile") ? [each] : []),
   ...(each.shadowRoot ? tilesOf(each.shadowRoot) : [])])
window.namesOf = () => tilesOf().map((each) => each.dataset.id).join()
window.taken = () => Math.max(0.01, performance.now() - since)
"""


def main(rows: int) -> None:
    """Make the collection where there is none yet, measure, and write the report."""
    folder = FOLDER / "galleries" / f"page-{rows}"
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        make(folder, rows)
    figures = []
    with sync_playwright() as playwright:
        binary = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        for step in STEPS:
            for metric, value, unit in step(folder, browser):
                print(f"{metric}: {value:.3f} {unit}", flush=True)
                figures.append(figure(f"{rows:,} images", "taxalens", metric, value, unit))
        browser.close()
    write_report(f"page-{rows}", figures)


# --- the collection ------------------------------------------------------------------------------


def make(folder: Path, rows: int) -> None:
    """Write segments, files, machines' labels, the catalog and the index."""
    for _ in growth.make(folder, rows):
        pass
    starter = taxalens.load_encoder("starter")
    entry = EncoderEntry(starter.spec, starter.identity.fingerprint, starter.dim)
    _link_pictures(folder, rows)
    manifest = _identify(folder, replace(read_manifest(folder), encoder=entry))
    write_catalog(folder, manifest)
    optimize(folder)
    (folder / "made").touch()


def _link_pictures(folder: Path, rows: int) -> None:
    random = np.random.default_rng(0)
    made = []
    for number in range(PICTURES):
        coarse = random.integers(0, 255, (12, 16, 3), np.uint8)
        made.append(folder / f"picture-{number}.jpg")
        Image.fromarray(coarse).resize((1600, 1200), Image.Resampling.BICUBIC).save(made[-1])
    segment = growth.PART * 65_536
    for number in range(-(-rows // segment)):
        (folder / str(number)).mkdir()
        for row in range(min(segment, rows - number * segment)):
            os.link(made[row % PICTURES], folder / str(number) / f"{row}.jpg")


def _identify(folder: Path, manifest: Manifest) -> Manifest:
    """Take the labels of some images back, and have a machine say them."""
    labels = read_table(folder, "labels", manifest.paths("labels"))
    few = labels.slice(0, UNSURE).select(["image_id", "taxon_key", "metadata"]).to_pylist()
    ids, random = [each["image_id"] for each in few], np.random.default_rng(0)
    none = pa.nulls(len(ids), pa.string())
    columns = {
        "labels": [ids, [""] * len(ids), none, [""] * len(ids), [e["metadata"] for e in few]],
        "identifications": [
            *(ids, [each["taxon_key"].rpartition("|")[2] for each in few]),
            [each["taxon_key"] for each in few],
            *(random.random(len(ids)), ["a machine"] * len(ids), [""] * len(ids)),
            *(["probe"] * len(ids), [""] * len(ids), [[]] * len(ids)),
        ],
    }
    paths = []
    for name, schema in (("labels", LABELS), ("identifications", IDENTIFICATIONS)):
        given = columns[name] + [none] * (len(schema) - len(columns[name]))
        arrays = [pa.array(c, t) for c, t in zip(given, schema.types, strict=True)]
        paths.append(f"{name}/later.parquet")
        (folder / name).mkdir(exist_ok=True)
        pq.write_table(pa.table(arrays, schema), folder / paths[-1], write_page_checksum=True)
    return commit(folder, manifest, paths)


# --- the page ------------------------------------------------------------------------------------


def found(folder: Path, browser: Browser) -> Seen:
    """Look through the collection, ask, and turn pages."""
    genera, species = _names(folder)
    with page_process(folder) as (url, _):
        page = _tab(browser)
        start = time.perf_counter()
        page.goto(url, timeout=WAIT)
        _until(page, "tilesOf().length")
        yield "the page opened first, to its tiles", time.perf_counter() - start, "s"
        _rest(page)
        times = [_asked(page, words) for words in ("a red fruit", *species[:REPEATS])]
        yield "first hits after Enter, a text, the encoder loaded meanwhile", times[0], "ms"
        yield from _spread("first hits after Enter, a species", times[1:])
        yield from _spread("first hits after Enter, a genus", [_asked(page, g) for g in genera])
        texts = [f"a {colour} bird" for colour in ("red", "blue", "green", "white", "black")]
        yield from _spread("first hits after Enter, a text", [_asked(page, t) for t in texts])
        turned = []
        for number in range(2, 2 + REPEATS):
            before = page.evaluate("namesOf()")
            page.get_by_role("button", name="Next page").click()
            turned.append(_until(page, "tilesOf().length && namesOf() !== before", before))
            _rest(page)
            assert f"page={number}" in page.url
        yield from _spread("next page", turned)
        yield from _spread("suggestions", [_suggested(page, name) for name in genera])
        for name, sql in (("site", "site = 'site 7'"), ("half", "decimalLatitude > 0")):
            start = time.perf_counter()
            page.goto(f"{url}/?where={sql}", timeout=WAIT)
            _until(page, "tilesOf().length")
            yield f"opened with a filter, {name}", time.perf_counter() - start, "s"
            _rest(page)
            yield f"the same, to the end of the run, {name}", time.perf_counter() - start, "s"
        ids = _some_ids(folder, 400)
        yield "200 thumbnails, nobody saw them before", _loaded(page, ids[:200]), "ms"
        yield "200 thumbnails, again in another tab", _loaded(_at(browser, url), ids[:200]), "ms"


def memory(folder: Path, browser: Browser) -> Seen:
    """Open tabs, each with another question."""
    genera, species = _names(folder)
    with page_process(folder) as (url, app):
        tabs, sizes = [], []
        for words in ["a red fruit", *genera, *species][: TABS + 1]:
            tabs.append(_at(browser, f"{url}/?q={words}"))
            _until(tabs[-1], "tilesOf().length")
            _rest(tabs[-1])
            sizes.append(_anonymous(app))
        yield "memory of the server, two tabs", sizes[1], "MB"  # the encoder is loaded
        yield "memory of each further tab", (sizes[-1] - sizes[1]) / (TABS - 1), "MB"
        for tab in tabs:
            tab.close()


def labelled(folder: Path, browser: Browser) -> Seen:
    """Verify machines' labels by keys."""
    with page_process(folder) as (url, _):
        page, seconds = _reviewing(browser, url)
        yield "label: the queue of unsure labels opened", seconds, "s"
        start = time.perf_counter()
        for number in range(ACTS):
            page.keyboard.press("v")
            page.get_by_text(f"· {number + 1} image").wait_for(timeout=WAIT)
        seconds = time.perf_counter() - start
        yield "verified acts a minute, each awaited", 60 * ACTS / seconds, ""
        start = time.perf_counter()
        for _ in range(ACTS):
            page.keyboard.press("v")
        page.get_by_text(f"· {2 * ACTS} images").wait_for(timeout=WAIT)
        seconds = time.perf_counter() - start
        yield "verified acts a minute, as fast as keys come", 60 * ACTS / seconds, ""
        start = time.perf_counter()
        page.get_by_role("button", name="Finish").click()
        _rest(page)
        yield "label: committed", time.perf_counter() - start, "s"
        assert not pending(folder)


def killed(folder: Path, browser: Browser) -> Seen:
    """Kill the server while keys come; what the page said was done must be on disk."""
    with page_process(folder) as (url, app):
        page, _ = _reviewing(browser, url)
        for number in range(ACTS):
            page.keyboard.press("v")
            if number == ACTS // 2:
                page.get_by_text(r"1 image").first.wait_for(timeout=WAIT)
                app.kill()
                app.wait()
        shown = page.get_by_text("to review ·").inner_text()
        done = int(shown.rpartition("·")[2].split()[0].replace(",", ""))
    kept = len(pending(folder))
    yield "acts that the page showed as done at kill -9", done, ""
    yield "of these lost", max(0, done - kept), ""
    with page_process(folder) as (url, _):
        page = _at(browser, url)
        _until(page, "tilesOf().length")
        _rest(page)
    assert not pending(folder)
    with open_collection(folder) as opened:
        sql = "SELECT count(*) FROM searchable WHERE labelled_by = 'Maria'"
        ((given,),) = opened.snapshot.query(sql)
    yield "labels of that person in the collection afterwards", given, ""


def _reviewing(browser: Browser, url: str) -> tuple[Page, float]:
    """Open the queue of unsure labels; return the tab and the seconds it took."""
    page = _at(browser, f"{url}/label")
    page.get_by_text("machine unsure").click(timeout=WAIT)
    _rest(page)
    start = time.perf_counter()
    page.get_by_label("Your name").fill("Maria")
    page.get_by_label("Your name").press("Enter")
    page.get_by_text("a machine says").first.wait_for(timeout=WAIT)
    seconds = time.perf_counter() - start
    _rest(page)
    page.locator(".tile").first.focus()
    return page, seconds


def _tab(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(WAIT)
    page.add_init_script(_HELPERS)
    return page


def _at(browser: Browser, url: str) -> Page:
    page = _tab(browser)
    page.goto(url)
    return page


def _rest(page: Page) -> None:
    for _ in range(2):
        page.wait_for_timeout(200)
        page.locator("[data-test-script-state=notRunning]").wait_for()


def _until(page: Page, condition: str, before: object = None) -> float:
    """Return the milliseconds from the last key or press until a condition holds."""
    script = f"(before) => ({condition}) && taken()"
    return float(page.wait_for_function(script, arg=before, timeout=WAIT).json_value())


def _asked(page: Page, words: str) -> float:
    before = page.evaluate("namesOf()")
    page.get_by_label("Name or text").first.fill(words)
    page.get_by_label("Name or text").first.press("Enter")
    taken = _until(page, "tilesOf().length && namesOf() !== before", before)
    _rest(page)
    return taken


def _suggested(page: Page, name: str) -> float:
    """Type a name but for its last two letters; return the time from the last one."""
    field = page.get_by_label("Name or text").first
    field.fill("")
    field.press("Enter")
    _rest(page)
    field.press_sequentially(name[:-2], delay=60)
    offered = (
        "[...document.querySelectorAll('.st-key-completions button')].map((b) => b.textContent)"
    )
    condition = f"{offered}.length && {offered}.every((text) => text.startsWith(before))"
    taken = _until(page, condition, name[:-2])
    _rest(page)
    return taken


def _loaded(page: Page, ids: Sequence[str]) -> float:
    script = """async (ids) => {
        const start = performance.now()
        await Promise.all(ids.map((id) => new Promise((done, failed) => {
            const image = new Image()
            Object.assign(image, { onload: done, onerror: failed, src: `/thumb/${id}` })
        })))
        return performance.now() - start
    }"""
    _rest(page)
    return float(page.evaluate(script, list(ids)))


def _spread(metric: str, times: Sequence[float]) -> Seen:
    yield f"{metric}, median", float(np.median(times)), "ms"
    yield f"{metric}, worst of {len(times)}", max(times), "ms"


def _anonymous(app: "Popen[Any]") -> float:
    """Return the MB of a process that are no mapped files."""
    status = Path(f"/proc/{app.pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 1000


def _names(folder: Path) -> tuple[list[str], list[str]]:
    """Return names of genera, and of species, with many images."""
    with open_collection(folder) as opened:
        sql = """SELECT taxa.name FROM taxa JOIN images USING (lo) WHERE rank = 'species'
            GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 40"""
        species = [name for (name,) in opened.snapshot.query(sql)][::4]
    return list(dict.fromkeys(each.split()[0] for each in species))[:REPEATS], species


def _some_ids(folder: Path, count: int) -> list[str]:
    with open_collection(folder) as opened:
        sql = "SELECT image_id FROM images ORDER BY md5(image_id || 'x') LIMIT ?"
        return [each for (each,) in opened.snapshot.query(sql, count)]


STEPS = (found, memory, labelled, killed)

if __name__ == "__main__":
    main(int(sys.argv[1]))
