"""Three screenshots of the page over the demo's collection, for the README: docs/page-*.png.

Run `taxalens demo` first. The photographs in them are those of the demo (`ui/demo/photos.py`).
"""

import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.served_page import served_page
from search.collection import open_collection
from ui.options import DEFAULT_COLLECTION

DOCS = Path(__file__).parents[1] / "docs"
_SIZE = {"width": 1280, "height": 800}
_COLOURS = 128  # a palette keeps each file below 200 kB


def main(collection: Path) -> None:
    """Take the screenshots."""
    binary = shutil.which("chromium")
    with (
        served_page(collection) as url,
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory() as folder,
    ):
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        page = browser.new_page(viewport=_SIZE)
        page.goto(f"{url}/?q=Aves")
        _save(page, Path(folder), "find")
        with open_collection(collection) as opened:
            photographs = [hit.path for hit in opened.search("Aves", k=3) if hit.path]
        page.goto(f"{url}/identify")
        page.locator("input[type=file]").set_input_files(photographs)
        page.get_by_role("button", name="Accept").first.wait_for()
        _save(page, Path(folder), "identify")
        page.goto(f"{url}/label")
        page.get_by_label("Your name").fill("Maria Sibylla Merian")
        page.get_by_label("Your name").press("Enter")
        page.locator(".tile").first.wait_for()
        _save(page, Path(folder), "label")
        browser.close()


def _save(page: Page, folder: Path, name: str) -> None:
    page.locator("[data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(2000)  # until thumbnails are drawn
    page.screenshot(path=folder / "page.png")
    target = DOCS / f"page-{name}.png"
    with Image.open(folder / "page.png") as taken:
        taken.convert("RGB").quantize(_COLOURS).save(target, optimize=True)
    print(f"{target}: {target.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_COLLECTION)
