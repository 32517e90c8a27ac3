"""The ten tasks of BioCLIP's evaluation, NABirds and the camera traps: labels, sources and terms.

A task's pictures lie where the user has them, DATA/<folder>, beside the label file of the BioCLIP
repositories (`metadata.csv`, or the camera traps' own).
"""

from dataclasses import dataclass
from pathlib import Path

from model.errors import check_known

_ALBUM = "get set {} (Mini) from https://meta-album.github.io, which lists its licence"
_LILA = "get it from https://lila.science, which states its licence"


@dataclass(frozen=True, slots=True)
class Task:
    """One task."""

    name: str
    title: str
    """as in the published tables"""
    table: str
    """the label file below the data folder; pictures are named relative to its folder"""
    images: int
    classes: int
    has_taxa: bool
    """whether classes are written as names of taxa; else as they are (`asis`)"""
    source: str
    """where it is had, and under which terms"""

    def find(self, data: Path) -> Path | None:
        """Return the label file in a folder of data sets; None where it is missing."""
        roots = (data, data / "classification_annotation")
        tables = [root / below / self.table for root in roots for below in ("", "meta-album")]
        return next((table for table in tables if table.is_file()), None)

    def missing(self, data: Path | None) -> str:
        """Return the row of a data set that is not here."""
        where = f"{self.table} is not in {data}" if data else "no folder of data sets is given"
        return f"{where}; {self.source}"


def _album(name: str, title: str, folder: str, images: int, classes: int) -> Task:
    table, source = f"{folder}/metadata.csv", _ALBUM.format(folder.removesuffix("_Mini"))
    return Task(name, title, table, images, classes, False, source)


def _camera(name: str, file: str, images: int) -> Task:
    title = f"camera trap, {name}"
    return Task(name, title, f"camera_trap/{file}-balanced.csv", images, 0, True, _LILA)


TEN = (
    Task(
        *("birds", "Birds", "kaggle_bird/metadata.csv", 89_885, 525, True),
        "Birds 525 has left Kaggle: nabirds replaces it",
    ),
    _album("plankton", "Plankton", "PLK_Mini", 3440, 86),
    _album("insects", "Insects", "INS_Mini", 4160, 104),
    _album("insects-2", "Insects2", "INS_2_Mini", 4080, 102),
    _album("plantnet", "PlantNet", "PLT_NET_Mini", 1000, 25),
    _album("fungi", "Fungi", "FNG_Mini", 1000, 25),
    _album("plantvillage", "PlantVil", "PLT_VIL_Mini", 1520, 38),
    _album("medicinal-leaf", "MedLeaf", "MED_LF_Mini", 1000, 25),
    _album("plantdoc", "PlantDoc", "PLT_DOC_Mini", 1080, 27),
    Task(
        *("rare-species", "Rare", "rare_species/metadata.csv", 11_983, 400, True),
        "get it from https://huggingface.co/datasets/imageomics/rare-species; its "
        "metadata/licenses.csv has the licence of each picture",
    ),
)
MORE = (
    Task(
        *("nabirds", "NABirds", "nabirds/metadata.csv", 48_562, 555, False),
        "get it from https://dl.allaboutbirds.org/nabirds, whose terms of use are accepted there",
    ),
    _camera("desert-lion", "desert-lion", 352),
    _camera("ena24", "ENA24", 1120),
    _camera("island", "island", 310),
    _camera("ohio-small-animals", "ohio-small-animals", 468),
    _camera("orinoquia", "orinoquia", 336),
)
TASKS = {task.name: task for task in (*TEN, *MORE)}


def task_of(name: str) -> Task:
    """Return a task by its name; raises UnknownName."""
    check_known("task", name, TASKS)
    return TASKS[name]
