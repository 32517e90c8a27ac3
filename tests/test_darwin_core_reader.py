"""Darwin Core archives with media: GBIF downloads, Audubon Core, associatedMedia."""

import csv
import zipfile
from pathlib import Path

import pytest
from archives import write, zipped
from pictures import run, write_picture

from indexer.catalog.snapshot import open_snapshot
from indexer.exports.export import export
from indexer.ingest.run import How
from indexer.inputs.records import Record
from indexer.labels.label_files import Label
from indexer.readers import reader_of, refuse
from indexer.readers.darwin_core import claims, labels_of, read
from model.errors import BadInput

DWC, GBIF = "http://rs.tdwg.org/dwc/terms", "http://rs.gbif.org/terms/1.0"
DC, AC = "http://purl.org/dc/terms", "http://rs.tdwg.org/ac/terms"


def table(tag: str, row_type: str, file: str, terms: list[str]) -> str:
    """Describe a tab-separated table whose first column is the id, as GBIF's downloads do."""
    fields = "".join(f'<field index="{i}" term="{term}"/>' for i, term in enumerate(terms) if i)
    key = "id" if tag == "core" else "coreid"
    return (
        f'<{tag} encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" '
        f'fieldsEnclosedBy="" ignoreHeaderLines="1" rowType="{row_type}">'
        f"<files><location>{file}</location></files><{key} index='0'/>{fields}</{tag}>"
    )


def meta(*tables: str) -> str:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}<archive xmlns="http://rs.tdwg.org/dwc/text/">{"".join(tables)}</archive>'


def lines(terms: list[str], *rows: list[str]) -> str:
    names = [term.rpartition("/")[2] for term in terms]
    return "".join("\t".join(row) + "\n" for row in (names, *rows))


OCCURRENCE = [
    f"{GBIF}/gbifID",
    *(f"{DWC}/{term}" for term in ("kingdom", "class", "genus", "species", "scientificName")),
    *(f"{DWC}/{term}" for term in ("taxonRank", "catalogNumber", "eventDate", "country")),
]
MULTIMEDIA = [
    f"{GBIF}/gbifID",
    *(f"{DC}/{term}" for term in ("type", "format", "identifier", "license", "rightsHolder")),
]
# As occurrence.txt and multimedia.txt of a GBIF download have them.
GBIF_DOWNLOAD = {
    "meta.xml": meta(
        table("core", f"{DWC}/Occurrence", "occurrence.txt", OCCURRENCE),
        table("extension", f"{GBIF}/Multimedia", "multimedia.txt", MULTIMEDIA),
    ),
    "occurrence.txt": lines(
        OCCURRENCE,
        [
            *("1", "Animalia", "Aves", "Pica", "Pica hudsonia", "Pica hudsonia (Sabine, 1823)"),
            *("SPECIES", "M-1", "2024-05-01", "Canada"),
        ],
        ["2", "Plantae", "", "", "", "Rosa L.", "GENUS", "", "", ""],
    ),
    "multimedia.txt": lines(
        MULTIMEDIA,
        ["1", "StillImage", "image/jpeg", "https://example.org/1.jpg", "CC0", "A. Museum"],
        ["1", "Sound", "audio/mpeg", "https://example.org/1.mp3", "CC0", ""],
        ["2", "StillImage", "", "https://example.org/2.jpg", "CC-BY", ""],
        ["2", "StillImage", "", "https://example.org/1.jpg", "", ""],
        ["9", "", "", "https://example.org/9.jpg", "", ""],
    ),
}


def records(source: Path) -> list[Record]:
    return list(read(str(source), refuse))


@pytest.mark.parametrize("packed", [False, True])
def test_a_gbif_download_is_its_pictures_with_taxon_and_metadata(
    tmp_path: Path, packed: bool
) -> None:
    make = zipped if packed else write
    source = make(tmp_path / ("d.zip" if packed else "d"), GBIF_DOWNLOAD)
    assert reader_of(str(source)).NOUN == "a Darwin Core archive with media"
    first, second, shared, orphan = records(source)
    # Another occurrence on the first photograph keeps its label.
    assert (shared.source_id.partition("#")[0], shared.url) == (first.source_id, first.url)
    assert (shared.label, shared.taxon) == (second.label, second.taxon)
    assert shared.source_id != first.source_id
    assert (first.source_id, first.url) == ("https://example.org/1.jpg",) * 2
    assert first.taxon
    assert first.taxon.lineage == ("Animalia", "", "Aves", "", "", "Pica", "Pica hudsonia")
    assert first.metadata == {
        "license": "CC0",
        "rightsHolder": "A. Museum",
        "catalogNumber": "M-1",
        "eventDate": "2024-05-01",
        "country": "Canada",
        "taxonRank": "SPECIES",
        "scientificName": "Pica hudsonia (Sabine, 1823)",
    }
    assert second.taxon
    assert second.taxon.lineage[0] == "Plantae"
    assert (orphan.source_id, orphan.taxon) == ("https://example.org/9.jpg", None)


def test_audubon_core_and_its_thumbnails(tmp_path: Path) -> None:
    terms = [
        "id",
        f"{AC}/accessURI",
        f"{DC}/identifier",
        f"{AC}/variantLiteral",
        f"{DC}/format",
        f"{DC}/rights",
    ]
    source = write(
        tmp_path / "a",
        {
            "meta.xml": meta(
                table("core", f"{DWC}/Occurrence", "o.txt", OCCURRENCE[:6]),
                table("extension", f"{AC}/Multimedia", "m.txt", terms),
            ),
            "o.txt": lines(OCCURRENCE[:6], ["1", "Animalia", "Aves", "Pica", "Pica pica", ""]),
            "m.txt": lines(
                terms,
                ["1", "https://example.org/full.jpg", "urn:1", "Best Quality", "jpg", "CC0"],
                ["1", "https://example.org/t.jpg", "urn:1", "Thumbnail", "jpg", "CC0"],
            ),
        },
    )
    (record,) = records(source)
    assert (record.url, record.label) == ("https://example.org/full.jpg", "Pica pica")
    assert record.metadata == {"rights": "CC0"}


def test_without_an_extension_the_associated_media_count(tmp_path: Path) -> None:
    terms = ["id", f"{DWC}/associatedMedia", f"{DWC}/genus", f"{DWC}/specificEpithet"]
    source = write(
        tmp_path / "a",
        {
            "meta.xml": meta(table("core", f"{DWC}/Occurrence", "o.txt", terms)),
            "o.txt": lines(
                terms,
                ["1", "https://example.org/1.jpg | https://example.org/2.jpg", "Pica", "pica"],
                ["2", "", "Pica", "pica"],
            ),
        },
    )
    found = records(source)
    assert [record.url for record in found] == [f"https://example.org/{n}.jpg" for n in (1, 2)]
    assert {record.label for record in found} == {"Pica pica"}


def archive(folder: Path, media: list[str], associated: str = "") -> Path:
    """Write an archive of one occurrence whose media are named so."""
    terms = ["id", f"{DWC}/associatedMedia", f"{DWC}/genus", f"{DWC}/specificEpithet"]
    tables = [table("core", f"{DWC}/Occurrence", "o.txt", terms)]
    files = {"o.txt": lines(terms, ["1", associated, "Pica", "pica"])}
    if media:
        tables.append(table("extension", f"{GBIF}/Multimedia", "m.txt", MULTIMEDIA))
        rows = [["1", "StillImage", "", url, "", ""] for url in media]
        files["m.txt"] = lines(MULTIMEDIA, *rows)
    return write(folder, {"meta.xml": meta(*tables), **files})


def test_an_identifier_of_the_extension_is_one_uri(tmp_path: Path) -> None:
    urls = ["https://example.org/i;v=2;w=3.jpg", "https://example.org/i?a=1|2", "HTTP://a.b/c, d"]
    found = records(archive(tmp_path / "a", [*urls, "https://example.org/i?a=1&amp;b=2"]))
    assert [record.url for record in found] == [
        *urls[:2],
        "http://a.b/c, d",
        "https://example.org/i?a=1&b=2",
    ]


def test_pictures_in_the_zip_itself_are_indexed(tmp_path: Path) -> None:
    rows = [["1", "StillImage", "", "./media/1.png", "", ""]]
    source = zipped(
        tmp_path / "d.zip",
        GBIF_DOWNLOAD | {"multimedia.txt": lines(MULTIMEDIA, *rows)},
        top="top/",
    )
    picture = write_picture(tmp_path / "1.png", "red").read_bytes()
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr("top/media/1.png", picture)
    (record,) = records(source)
    assert (record.source_id, record.label, record.bytes) == (
        "media/1.png",
        "Pica hudsonia (Sabine, 1823)",
        len(picture),
    )
    assert record.read is not None
    assert record.read() == picture
    assert run(source, tmp_path / "c").embedded == 1
    with open_snapshot(tmp_path / "c") as snapshot:
        ((source_id,),) = snapshot.query("SELECT source_id FROM images")
    assert source_id.endswith("/media/1.png")


@pytest.mark.parametrize("written", ['"{}","{}"', '["{}", "{}"]', "['{}', '{}']", "[{}|{}]"])
def test_associated_media_may_be_quoted_or_in_brackets(tmp_path: Path, written: str) -> None:
    urls = ["https://example.org/1,2.jpg", "https://example.org/2.jpg"]
    found = records(archive(tmp_path / "a", [], written.format(*urls)))
    assert [record.url for record in found] == urls
    (one,) = records(archive(tmp_path / "b", [], f"[{urls[0]}]"))
    assert one.url == urls[0]


@pytest.mark.parametrize("between", [" | ", "|", ", ", ",", "; ", ";", " "])
def test_associated_media_are_a_list(tmp_path: Path, between: str) -> None:
    urls = ["https://example.org/1.jpg?a=1;b=2,3", "HTTPS://example.org/2.jpg"]
    found = records(archive(tmp_path / "a", [], between.join(urls)))
    assert [record.url for record in found] == [urls[0], "https://example.org/2.jpg"]


def test_files_of_a_folder_are_read_and_not_those_outside(tmp_path: Path) -> None:
    rows = [["1", "StillImage", "", name, "", ""] for name in ("media/1.png", "../secret.png")]
    files = GBIF_DOWNLOAD | {"multimedia.txt": lines(MULTIMEDIA, *rows)}
    folder = write(tmp_path / "d", files)
    picture = write_picture(folder / "media" / "1.png", "red")
    write_picture(tmp_path / "secret.png", "blue")
    inside, outside = records(folder)
    assert (inside.path, inside.problem) == (picture, "")
    assert outside.problem.startswith("is outside of")
    (first, _) = records(zipped(tmp_path / "d.zip", files))
    assert first.problem.startswith("is a path that the archive does not hold")


def test_pictures_are_fetched_once_and_kept_small(tmp_path: Path) -> None:
    red = write_picture(tmp_path / "red.png", "red").read_bytes()
    source = zipped(tmp_path / "0001.zip", GBIF_DOWNLOAD, top="0001/")
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return red

    progress = run(source, tmp_path / "c", how=How(fetch=fetch))
    assert (progress.embedded, progress.duplicates) == (1, 3)
    assert sorted(asked) == [f"https://example.org/{name}.jpg" for name in (1, 1, 2, 9)]
    with open_snapshot(tmp_path / "c") as snapshot:
        rows = snapshot.query("SELECT url, label, metadata['license'] FROM images ORDER BY 1")
        assert rows[0] == ("https://example.org/1.jpg", "Pica hudsonia (Sabine, 1823)", "CC0")
        assert snapshot.query("SELECT count(*) FROM thumbs") == [(4,)]
    run(source, tmp_path / "c", how=How(fetch=fetch))
    assert len(asked) == 4


def test_checklists_and_other_folders_are_not_claimed(tmp_path: Path) -> None:
    checklist = {"meta.xml": meta(table("core", f"{DWC}/Taxon", "t.txt", OCCURRENCE))}
    assert not claims(str(write(tmp_path / "checklist", checklist)))
    assert not claims(str(tmp_path))
    assert not claims(str(tmp_path / "missing.zip"))


def test_a_damaged_archive_is_refused_in_a_sentence(tmp_path: Path) -> None:
    without = {name: text for name, text in GBIF_DOWNLOAD.items() if name != "multimedia.txt"}
    with pytest.raises(BadInput, match=r"has no file multimedia\.txt"):
        records(write(tmp_path / "d", without))


NAMED = {
    "Bombus (Pyrobombus) pratorum (Linnaeus, 1761)": ("species", "Bombus pratorum"),
    "Hydraena (Hydraena) gressa Orchymont, 1944": ("species", "Hydraena gressa"),
    "Papilio machaon subsp. machaon Linnaeus, 1758": ("subspecies", "Papilio machaon machaon"),
    "Bombus Latreille, 1802": ("genus", "Bombus"),
}


def test_names_keep_their_words_and_lose_neither_species_nor_subspecies(tmp_path: Path) -> None:
    terms = ("http://rs.tdwg.org/dwc/terms/", ("occurrenceID", "scientificName", "taxonRank"))
    fields = "".join(
        f'<field index="{place}" term="{terms[0]}{term}"/>' for place, term in enumerate(terms[1])
    )
    media = '<field index="3" term="http://rs.tdwg.org/dwc/terms/associatedMedia"/>'
    (tmp_path / "meta.xml").write_text(
        '<archive xmlns="http://rs.tdwg.org/dwc/text/"><core encoding="UTF-8" '
        'fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" ignoreHeaderLines="1" '
        'rowType="http://rs.tdwg.org/dwc/terms/Occurrence"><files><location>o.txt</location>'
        f'</files><id index="0"/>{fields}{media}</core></archive>'
    )
    lines = [
        f"o{n}\t{name}\t{rank}\t{n}.jpg" for n, (name, (rank, _)) in enumerate(NAMED.items(), 1)
    ]
    text = "\n".join(["occurrenceID\tscientificName\ttaxonRank\tassociatedMedia", *lines])
    (tmp_path / "o.txt").write_text(text + "\n")
    for n in range(1, len(NAMED) + 1):
        write_picture(tmp_path / f"{n}.jpg", "red")
    records = list(read(str(tmp_path), refuse))
    assert [record.label for record in records] == list(NAMED)
    meant = [record.taxon.name if record.taxon else "" for record in records]
    assert meant == [name for _, name in NAMED.values()]


SAID = {
    "scientificName": "Parus major Linnaeus, 1758",
    "scientificNameAuthorship": "Linnaeus, 1758",
    "genus": "Parus",
    "individualCount": "3",
    "eventTime": "06:00",
    "verbatimEventDate": "early May",
    "verbatimLatitude": "53 N",
    "iucnRedListCategory": "LC",
    "license": "CC0",
}


def occurrences(folder: Path, *rows: dict[str, str], media: dict[str, str] | None = None) -> Path:
    """Write an archive of occurrences with a picture each, 0.png …, and columns for all terms."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    terms = ["id", *(f"{DWC}/{name}" for name in names)]
    of_media = ["id", f"{DC}/identifier", *(f"{DC}/{name}" for name in media or {})]
    files = {
        "meta.xml": meta(
            table("core", f"{DWC}/Occurrence", "o.txt", terms),
            table("extension", f"{GBIF}/Multimedia", "m.txt", of_media),
        ),
        "o.txt": lines(
            terms, *([str(n), *(row.get(name, "") for name in names)] for n, row in enumerate(rows))
        ),
        "m.txt": lines(
            of_media, *([str(n), f"{n}.png", *(media or {}).values()] for n, _ in enumerate(rows))
        ),
    }
    folder = write(folder, files)
    for number, _ in enumerate(rows):
        write_picture(folder / f"{number}.png", (40 * number, 90, 10))
    return folder


def test_every_column_is_kept_under_its_term(tmp_path: Path) -> None:
    source = occurrences(tmp_path / "a", SAID, media={"license": "CC-BY", "rating": "5"})
    (record,) = records(source)
    kept = {key: value for key, value in SAID.items() if key not in ("genus", "license")}
    assert record.metadata == kept | {
        "license": "CC-BY",
        "occurrence license": "CC0",
        "rating": "5",
    }


@pytest.mark.parametrize(
    ("said", "label", "name"),
    [
        ({"identificationQualifier": "cf. major"}, "Parus cf. major Linnaeus, 1758", "Parus"),
        ({"identificationQualifier": "?"}, "Parus major? Linnaeus, 1758", "Parus"),
        ({"verbatimIdentification": "Parus cf. major"}, "Parus cf. major", "Parus"),
        ({"verbatimIdentification": "great tit"}, "great tit", "Parus major"),
        ({"occurrenceStatus": "present"}, "Parus major Linnaeus, 1758", "Parus major"),
    ],
)
def test_a_doubt_of_an_identification_is_part_of_the_label(
    tmp_path: Path, said: dict[str, str], label: str, name: str
) -> None:
    (record,) = records(occurrences(tmp_path / "a", SAID | said))
    assert (record.label, record.taxon and record.taxon.name) == (label, name)


def test_an_absent_occurrence_gives_no_label_and_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    absent = SAID | {"occurrenceStatus": "ABSENT"}
    first, second = records(occurrences(tmp_path / "a", absent, SAID))
    assert (first.label, first.taxon, first.metadata["occurrenceStatus"]) == ("", None, "ABSENT")
    assert second.taxon is not None
    assert "1 row of media" in caplog.text
    assert "occurrenceStatus is absent" in caplog.text


def test_what_an_archive_says_is_in_the_archive_of_its_collection(tmp_path: Path) -> None:
    doubted = SAID | {"scientificName": "Parus", "verbatimIdentification": "Parus cf. major"}
    source = occurrences(tmp_path / "a", SAID, doubted | {"individualCount": "4"})
    given: dict[str, Label] = {}
    for turn in range(2):
        collection, target = tmp_path / f"c{turn}", tmp_path / f"{turn}.zip"
        pictures = tmp_path / "a" if turn == 0 else tmp_path / "pictures"
        run(pictures, collection, labels=given)
        with open_snapshot(collection) as snapshot:
            list(export(snapshot, target, "darwin-core"))
        with zipfile.ZipFile(target) as file:
            text = file.read("occurrence.txt").decode().splitlines()
        rows = list(csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE))
        sure, unsure = sorted(rows, key=lambda row: row["individualCount"])
        for term in ("individualCount", "eventTime", "verbatimEventDate", "verbatimLatitude"):
            assert sure[term] == SAID[term]
        assert sure["scientificNameAuthorship"] == "Linnaeus, 1758"
        assert sure["scientificName"] == "Parus major"
        assert unsure["verbatimIdentification"] == "Parus cf. major"
        assert unsure["identificationQualifier"] == "cf. major"
        assert unsure["scientificName"] == "Parus"
        if turn == 0:  # the pictures without their tables, and our own archive as labels
            (tmp_path / "pictures").mkdir()
            for picture in source.glob("*.png"):
                picture.rename(tmp_path / "pictures" / picture.name)
            read_back = labels_of(target) or {}
            given = {Path(name).name: label for name, label in read_back.items()}
            assert len(given) == 2


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("UTF-8", "UUF-8", "unknown encoding"),
        ('"UTF-8"', '"UTF-32"', "meta.xml in .* cannot be read"),
        ("occurrence.txt", "o" * 300, "has no file o"),
    ],
)
def test_a_description_with_odd_words_is_refused(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    described = GBIF_DOWNLOAD["meta.xml"].replace(old, new, 1)
    source = write(tmp_path / "d", GBIF_DOWNLOAD | {"meta.xml": described})
    with pytest.raises(BadInput, match=why):
        records(source)
