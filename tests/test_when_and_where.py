"""Date and place as filters, on the Darwin Core terms for them."""

import math
from pathlib import Path

import pytest
from colours import ColourEncoder
from hypothesis import given
from hypothesis import strategies as st
from pictures import run, write_picture

from indexer.labels.label_files import Label
from model.errors import Error
from search.collection import Collection, open_collection

SAID = {
    "a": ("2021-05-03", "52.5", "13.4"),  # Berlin
    "b": ("2021-05-31T23:10:00", "48.14", "11.58"),  # Munich
    "c": ("2021", "0.5", "179.9"),
    "d": ("2022-01-01/2022-03-01", "-0.5", "-179.9"),
    "e": ("", "", ""),
    "f": ("1899-12", "89.9", "0"),
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("places")
    labels = {}
    for name, (date, latitude, longitude) in SAID.items():
        write_picture(folder / "p" / f"{name}.png", "red")
        terms = {"eventDate": date, "decimalLatitude": latitude, "decimalLongitude": longitude}
        labels[f"{name}.png"] = Label("", None, {k: v for k, v in terms.items() if v})
    run(folder / "p", folder / "c", labels=labels)
    return open_collection(folder / "c", ColourEncoder())


def found(opened: Collection, **filters: object) -> str:
    hits = opened.search(text="red", k=50, **filters)
    return "".join(sorted(Path(hit.source_id).stem for hit in hits))


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2021", "abc"),
        ("2021-05", "ab"),
        ("2021-05-31", "b"),
        ("2021-05-04/2022", "bd"),  # "2021" may have been before
        ("2022/", "d"),
        ("/1900", "f"),
        ("/2021-05-03", "acf"),
        ("2023", ""),
        ("2021:05:31", "b"),
        ("2021/05/31", "b"),
        ("2021/05/04/2022/01/01", "bd"),
        ("2021-05/2021", "ab"),
    ],
)
def test_dates_are_as_precise_as_they_are_written(
    opened: Collection, date: str, expected: str
) -> None:
    assert found(opened, date=date) == expected


@pytest.mark.parametrize(
    ("near", "expected"),
    [
        ("52.5,13.4,1", "a"),
        ((52.5, 13.4, 1), "a"),
        ("52.5,13.4,600", "ab"),
        ("0,180,100", "cd"),
        ("90,-120,20", "f"),
        ("0,0,0", ""),
        ("10,10,30000", "abcdf"),
    ],
)
def test_places_are_around_a_point_on_a_sphere(
    opened: Collection, near: str | tuple[float, float, float], expected: str
) -> None:
    assert found(opened, near=near) == expected


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(1, 20000))
def test_distance_is_that_of_a_great_circle(
    opened: Collection, latitude: float, longitude: float, km: float
) -> None:
    def distance(lat: float, lon: float) -> float:
        a, b, c = math.radians(lat), math.radians(latitude), math.radians(lon - longitude)
        angle = math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(c)
        return 6371.0088 * math.acos(max(-1.0, min(1.0, angle)))

    far = {n: distance(float(lat), float(lon)) for n, (_, lat, lon) in SAID.items() if lat}
    if all(abs(each - km) > 0.5 for each in far.values()):
        expected = "".join(name for name, each in far.items() if each <= km)
        assert found(opened, near=f"{latitude:.9f},{longitude:.9f},{km:.6f}") == expected


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"date": "May"}, "'May' is not a time; write 2021"),
        ({"date": "2021' OR 'a"}, "is not a time"),
        ({"date": "/"}, "is not a time"),
        ({"date": "2021-13"}, "'2021-13' is not a time"),
        ({"date": "2021-02-30"}, "is not a time"),
        ({"date": "2021:13:01"}, "is not a time"),
        ({"date": "2021/05"}, "is not a time"),
        ({"date": "2021-00/2022"}, "is not a time"),
        ({"date": "2022/2021-05"}, "ends before it begins"),
        ({"near": "52.5,13.4"}, "is not a place; write latitude,longitude,km"),
        ({"near": "90.1,0,1"}, "is not on Earth"),
        ({"near": "0,180.1,1"}, "is not on Earth"),
        ({"near": "0,0,-1"}, "is not on Earth"),
        ({"near": (52.5, 13.4)}, "is not a place"),
        ({"near": "nan,0,1"}, "is not on Earth"),
    ],
)
def test_what_is_no_date_or_place_is_said(
    opened: Collection, filters: dict[str, object], said: str
) -> None:
    with pytest.raises(Error, match=said):
        found(opened, **filters)


def test_a_collection_without_dates_says_so(collection: Path) -> None:
    opened = open_collection(collection, ColourEncoder())
    with pytest.raises(Error, match="the Darwin Core term eventDate"):
        found(opened, date="2021")


def test_dates_of_cameras_are_found_and_what_is_not_a_date_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = {
        "a": "2021:05:01 06:00:00",
        "b": "2021/05/02",
        "c": "2021-13",
        "d": "2021-02-30",
        "e": "spring",
        "f": "",
        "g": "2021-05-03 10:00",
        "h": "2021/2022",
        "i": "0000:00:00 00:00:00",
    }
    labels = {}
    for name, date in said.items():
        write_picture(tmp_path / "p" / f"{name}.png", "red")
        labels[f"{name}.png"] = Label("", None, {"eventDate": date} if date else {})
    run(tmp_path / "p", tmp_path / "c", labels=labels)
    opened = open_collection(tmp_path / "c", ColourEncoder())
    assert found(opened, date="2021-05") == "abg"
    assert found(opened, date="2021") == "abgh"
    assert found(opened, date="/2030") == "abgh"
    assert "4 images have an eventDate that cannot be read as a date." in caplog.text


def test_collections_of_dates_alone_say_nothing(
    opened: Collection, caplog: pytest.LogCaptureFixture
) -> None:
    assert found(opened, date="2021") == "abc"
    assert caplog.text == ""
