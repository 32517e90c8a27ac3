"""A Camera Trap Data Package, Camtrap DP 1.0: deployments, media, observations."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from indexer.exports.account import Account
from indexer.exports.camtrap.package import Coverage, datapackage
from indexer.exports.camtrap.rows import (
    LATITUDE,
    LONGITUDE,
    TIME,
    medium_of,
    observations_of,
    shot_of,
)
from indexer.exports.camtrap.tables import DEPLOYMENTS, MEDIA, OBSERVATIONS, columns
from indexer.exports.image_rows import Images
from indexer.inputs.spreadsheet_cells import sheet
from model.errors import BadInput

NOUN = "Camtrap DP 1.0: deployments, media, observations"
SUFFIX = ""


def write(images: Images, target: Path, account: Account) -> Iterator[None]:
    """Write a folder, or a zip where the target's name ends in .zip.

    A photograph needs the day that it was taken and coordinates; its deployment is what metadata
    say (`deploymentID`, `locationID`, `site` …), else its folder. Raises BadInput, with the
    columns that are missing, where no image has them. Source: https://camtrap-dp.tdwg.org, 1.0.
    """
    folder = target.parent / "package"
    folder.mkdir()
    coverage = Coverage()
    yield from _write_photographs(images, folder, coverage, account)
    if account.images and not coverage.deployments:
        raise BadInput(_what_is_missing(account))
    with sheet(folder / f"{DEPLOYMENTS}.csv", columns(DEPLOYMENTS)) as add:
        for deployment in coverage.deployments.values():
            add(deployment.row())
            account.written[DEPLOYMENTS] += 1
    account.notes += coverage.notes()
    title = images.snapshot.folder.name.removesuffix(".collection")
    text = json.dumps(datapackage(title, coverage), indent=1, ensure_ascii=False)
    (folder / "datapackage.json").write_text(text + "\n", encoding="utf-8")
    if target.suffix.lower() == ".zip":
        folder = Path(shutil.make_archive(str(target.parent / "packed"), "zip", folder))
    folder.rename(target)


def _write_photographs(
    images: Images, folder: Path, coverage: Coverage, account: Account
) -> Iterator[None]:
    seen: set[str] = set()
    with (
        sheet(folder / f"{MEDIA}.csv", columns(MEDIA)) as medium,
        sheet(folder / f"{OBSERVATIONS}.csv", columns(OBSERVATIONS)) as observation,
    ):
        for batch in images.batches():
            for image in batch:
                shot = shot_of(image)
                if isinstance(shot, str):
                    account.left_out[shot] += 1
                    continue
                coverage.add(image, shot)
                if image.whole not in seen:  # another part of a photograph
                    seen.add(image.whole)
                    row = medium_of(image, shot)
                    coverage.methods |= {str(row["captureMethod"])} - {""}
                    medium(row)
                    account.written[MEDIA] += 1
                for told in observations_of(image, shot):
                    if isinstance(told, str):
                        account.left_out[told] += 1
                        continue
                    coverage.individuals |= bool(told.get("individualID"))
                    observation(told)
                    account.written[OBSERVATIONS] += 1
            account.images += len(batch)
            yield


def _what_is_missing(account: Account) -> str:
    reasons = ", ".join(f"{count:,} {why}" for why, count in account.left_out.items())
    wanted = ", ".join(" or ".join(names[:2]) for names in (TIME, LATITUDE, LONGITUDE))
    return (
        f"No image can be written as Camtrap DP: {reasons}. Give them the columns {wanted} in a "
        "label file, and index again with labels=FILE."
    )
