"""Tables as people write them: the header decides, each row is checked, and nothing is lost."""

import csv
import datetime
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spreadsheets import write_ods, write_xlsx

from indexer.inputs.spreadsheet_cells import as_said, sheet
from indexer.labels.label_files import read_label_file
from indexer.tables.columns import canonical, meant
from indexer.tables.table import header_of, open_table
from model.errors import BadInput

LION = {"file_name": "a.jpg", "species": "Panthera leo"}
PUMA = {"file_name": "b.jpg", "species": "Puma concolor"}


def write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def said(path: Path) -> list[dict[str, str]]:
    """What its rows say; none may be wrong."""
    table = open_table(path)
    rows = list(table.rows())
    assert [row.wrong for row in rows] == [""] * len(rows)
    return [table.said(row) for row in rows]


TEXTS = {
    "plain": "file_name,species\na.jpg,Panthera leo\nb.jpg,Puma concolor\n",
    "Windows": "file_name,species\r\na.jpg,Panthera leo\r\nb.jpg,Puma concolor\r\n",
    "old Macintosh": "file_name,species\ra.jpg,Panthera leo\rb.jpg,Puma concolor\r",
    "mixed line ends": "file_name,species\r\na.jpg,Panthera leo\nb.jpg,Puma concolor\r",
    "no last line end": "file_name,species\na.jpg,Panthera leo\nb.jpg,Puma concolor",
    "a mark": "\ufefffile_name,species\na.jpg,Panthera leo\nb.jpg,Puma concolor\n",
    "a mark and quotes": '\ufeff"file_name","species"\n"a.jpg","Panthera leo"\n'
    "b.jpg,Puma concolor\n",
    "semicolons": "file_name;species\na.jpg;Panthera leo\nb.jpg;Puma concolor\n",
    "bars": "file_name|species\na.jpg|Panthera leo\nb.jpg|Puma concolor\n",
    "tabs": "file_name\tspecies\na.jpg\tPanthera leo\nb.jpg\tPuma concolor\n",
    "sep=": "sep=;\r\nfile_name;species\r\na.jpg;Panthera leo\r\nb.jpg;Puma concolor\r\n",
    "quoted sep=": '"sep=,"\nfile_name,species\na.jpg,Panthera leo\nb.jpg,Puma concolor\n',
    "trailing commas": "file_name,species,\na.jpg,Panthera leo,\nb.jpg,Puma concolor,\n",
    "many trailing commas": "file_name,species,,,\na.jpg,Panthera leo,,,\n"
    "b.jpg,Puma concolor,, ,\n",
    "trailing commas below": "file_name,species\na.jpg,Panthera leo,\nb.jpg,Puma concolor,,\n",
    "empty lines": "\nfile_name,species\n\na.jpg,Panthera leo\n,\n  \nb.jpg,Puma concolor\n\n",
    "blanks": "file_name , species\n a.jpg, Panthera leo \nb.jpg ,Puma concolor\n",
    "blanks before quotes": 'file_name, species\na.jpg, "Panthera leo"\n b.jpg,  "Puma concolor"\n',
    "capitals": "File_Name,SPECIES\na.jpg,Panthera leo\nb.jpg,Puma concolor\n",
    "words": "File Name,Species\na.jpg,Panthera leo\nb.jpg,Puma concolor\n",
    "one word": "fileName,dwc:species\na.jpg,Panthera leo\nb.jpg,Puma concolor\n",
    "URIs": "filename,http://rs.tdwg.org/dwc/terms/Species\na.jpg,Panthera leo\n"
    "b.jpg,Puma concolor\n",
    "a title": "My pictures 2021,\n,\nfile_name,species\na.jpg,Panthera leo\nb.jpg,Puma concolor\n",
    "nothing's words": "file_name,species,sex,n\na.jpg,Panthera leo,NA,#N/A\n"
    "b.jpg,Puma concolor,-,NULL\n",
    "a short row": "file_name,species,notes\na.jpg,Panthera leo\nb.jpg,Puma concolor,\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_is_read_as_the_programs_of_this_world_write_it(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    assert said(path) == [LION, PUMA]
    assert set(header_of(path)) >= {"file_name", "species"}


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16-le", ""),
        ("utf-16-be", ""),
        ("utf-32", ""),
        ("cp1252", "Windows-1252"),
        ("latin-1", "Windows-1252"),
    ],
)
def test_encodings_are_detected_and_said(
    tmp_path: Path, encoding: str, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = "file_name\tcommon_name\r\na.jpg\tLöwe\r\nb.jpg\tÉléphant\r\n"
    path = write(tmp_path, text.encode(encoding))
    assert [row["common_name"] for row in said(path)] == ["Löwe", "Éléphant"]
    assert header_of(path) == ("file_name", "common_name")
    assert (word in caplog.text) if word else not caplog.text
    assert not word or "UTF-8 (line 2)" in caplog.text


@pytest.mark.parametrize(
    ("encoding", "called", "words"),
    [
        ("cp1251", "Windows-1251", ("лев", "Москва")),
        ("cp1251", "Windows-1251", ("ЛЕВ", "")),
        ("koi8_r", "KOI8-R", ("лев", "Новосибирск")),
        ("cp1253", "Windows-1253", ("λιοντάρι", "Αθήνα")),
        ("cp932", "Shift-JIS", ("ライオン", "東京都")),
        ("gbk", "GBK", ("狮子", "北京市")),
        ("gbk", "GBK", ("狮子", "")),
        ("big5", "Big5", ("獅子", "台北市")),
        ("euc_kr", "EUC-KR", ("사자", "서울특별시")),
        ("cp1252", "Windows-1252", ("22 °C ± 1 µm", "Côte d’Azur – été")),
        ("cp1252", "Windows-1252", ("œuf “élevé”…", "Ñandú São")),
    ],
)
def test_other_scripts_are_read_in_the_encoding_that_their_bytes_tell(
    tmp_path: Path,
    encoding: str,
    called: str,
    words: tuple[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = f"file_name,label,locality\na.jpg,{words[0]},{words[1]}\nb.jpg,lion,\n"
    path = write(tmp_path, text.encode(encoding))
    first, _ = said(path)
    assert (first["label"], first.get("locality", "")) == words
    assert f"read as {called}" in caplog.text


def test_the_encoding_is_that_of_the_whole_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = b"".join(b"%d.jpg,plain\n" % number for number in range(200_000))
    path = write(tmp_path, b"file_name,common_name\n" + rows + b"z.jpg,L\xf6we\n")
    assert said(path)[-1]["common_name"] == "Löwe"
    assert "(line 200002)" in caplog.text


def test_single_odd_bytes_in_utf_8_do_not_spoil_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, "file_name,common_name\na.jpg,Löwe ñ 喜\n".encode() + b"b.jpg,L\xf6we\n")
    assert [row["common_name"] for row in said(path)] == ["Löwe ñ 喜", "Löwe"]
    assert "the first in line 3" in caplog.text


def test_latin_1_that_windows_does_not_know(tmp_path: Path) -> None:
    path = write(tmp_path, b"file_name,common_name\na.jpg,L\xf6we\x81\n")
    assert said(path)[0]["common_name"] == "Löwe\x81"


def test_a_quote_may_come_late(tmp_path: Path) -> None:
    rows = "".join(f"{number}.jpg,Panthera leo,plain\n" for number in range(20_480))
    path = write(tmp_path, f'file_name,species,notes\n{rows}z.jpg,Puma concolor,"a, b"\n')
    found = said(path)
    assert len(found) == 20_481
    assert found[-1] == {"file_name": "z.jpg", "species": "Puma concolor", "notes": "a, b"}
    assert len(read_label_file(path)) == 20_481


def test_a_cell_may_be_long_and_have_lines(tmp_path: Path) -> None:
    before = csv.field_size_limit(131072)  # another library of this process may have set its own
    long, lines = "x" * 3_000_000, "a line\n" * 60_000
    text = f'file_name,notes,site\na.jpg,{long},1\nb.jpg,"{lines}",2\nc.jpg,short,3\n'
    found = said(write(tmp_path, text))
    assert [(row["site"], len(row["notes"])) for row in found] == [
        ("1", len(long)),
        ("2", len(lines) - 1),  # blanks at its ends are not said
        ("3", 5),
    ]
    assert csv.field_size_limit(before) == 131072


def wrong(path: Path) -> list[tuple[int, str]]:
    return [(row.line, row.wrong) for row in open_table(path).rows() if row.wrong]


def test_a_row_with_a_cell_too_many_is_named_and_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, "file_name,species\na.jpg,Panthera leo\nb.jpg,Puma concolor,extra\n")
    ((line, why),) = wrong(path)
    assert line == 3
    assert why.startswith("has 3 cells and the header 2; put quotes around")
    assert list(read_label_file(path)) == ["a.jpg"]
    assert "1 rows are left out: line 3 (b.jpg | Puma concolor | extra) has 3 cells" in caplog.text


def test_a_quote_that_never_closes_costs_its_row_alone(tmp_path: Path) -> None:
    rows = "".join(f"{number}.jpg,Panthera leo\n" for number in range(1000))
    path = write(tmp_path, f'file_name,species\nx.jpg,"Puma\n{rows}y.jpg,"Felis, catus"\n')
    ((line, why),) = wrong(path)
    assert (line, why[:42]) == (2, "has a quotation mark that does not close a")
    table = open_table(path)
    used = [table.said(row)["species"] for row in table.used()]
    assert used == [*["Panthera leo"] * 1000, "Felis, catus"]


def test_quotes_inside_of_a_cell_are_letters(tmp_path: Path) -> None:
    path = write(tmp_path, 'file_name,notes\na.jpg,6" long\nb.jpg,"Grevy\'s" zebra\n')
    assert [row["notes"] for row in said(path)] == ['6" long', "Grevy's zebra"]


def test_in_tab_separated_text_quotes_are_quotes_only_where_they_help(tmp_path: Path) -> None:
    text = 'a\tb\tc\n1\t"x\ty\n2\tz"\tw\n3\t"quoted"\t"two\nlines"\n4\t"in" it\t5\n'
    table = open_table(write(tmp_path, text, "t.tsv"))
    assert [row.cells for row in table.rows()] == [
        ["1", '"x', "y"],
        ["2", 'z"', "w"],
        ["3", "quoted", "two\nlines"],
        ["4", '"in" it', "5"],
    ]


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    path = write(tmp_path, 'file_name,notes\na.jpg,"one\ntwo"\n\nb.jpg,x,y\nc.jpg,z\n')
    assert [line for line, _ in wrong(path)] == [5]
    assert [row.line for row in open_table(path).rows()] == [2, 5, 6]


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ("Country", "country"),
        ("LOCALITY", "locality"),
        ("Event Date", "eventDate"),
        ("dwc:scientificname", "scientificName"),
        ("decimal_latitude", "decimalLatitude"),
        ("Common Name", "common_name"),
        ("Filename", "file_name"),
        ("Trap Site ", "Trap Site"),
        ("ratio: a/b", "ratio: a/b"),
    ],
)
def test_known_columns_are_known_however_they_are_written(written: str, column: str) -> None:
    assert canonical(written) == column


def test_columns_that_mean_the_same_are_kept_apart_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = "file_name,Species,species,site,site\na.jpg,Panthera leo,lion,1,2\n"
    assert said(write(tmp_path, text)) == [LION | {"species_2": "lion", "site": "1", "site_2": "2"}]
    assert "column 3 ('species') means the same as column 2" in caplog.text


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("sex", "NA", ""),
        ("sex", " n/a ", ""),
        ("sex", "#N/A", ""),
        ("sex", "NULL", ""),
        ("sex", "-", ""),
        ("sex", "nan", ""),
        ("countryCode", "NA", "NA"),  # Namibia
        ("continent", "NA", "NA"),
        ("label", "none", "none"),  # a class of camera traps: blank
        ("sex", "nanny", "nanny"),
    ],
)
def test_words_for_nothing_say_nothing(column: str, cell: str, value: str) -> None:
    assert meant(column, cell) == value


UNUSABLE = {
    "bytes.csv": (bytes(range(256)) * 8, "it is no text"),
    "sheet.csv": (b"PK\3\4" + bytes(50), "a spreadsheet or an archive under another name"),
    "sheet.xlsx": (b"no sheet", "cannot be read as a spreadsheet"),
    "cut.parquet": (b"PAR1" + bytes(100), "cannot be read as a table"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    content, why = UNUSABLE[name]
    path = write(tmp_path, content, name)
    assert header_of(path) == ()
    with pytest.raises(BadInput, match=why) as raised:
        list(open_table(path).rows())
    assert str(path) in str(raised.value)


def test_a_line_without_end_is_refused_in_little_memory(tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("wb") as file:
        file.write(b"file_name,species\n")
        file.truncate(20)
        for _ in range(66):
            file.write(b"x" * (1 << 20))
    with pytest.raises(BadInput, match=r"a line of more than 64 MB \(line 2\)"):
        open_table(tmp_path / "t.csv")


SHEET: Sequence[Sequence[object]] = [
    ["file_name", "Species", "count", "date", "time", "empty", None],
    ["a.jpg", "Panthera leo", 3.0, datetime.date(2021, 5, 1), 0.5, None, None],
    [None, None, None, None, None, None, None],
    ["b.jpg", "Löwe & <Co>", 2.5, datetime.date(1999, 12, 31), "x", "#N/A", None],
]


@pytest.mark.parametrize("make", [write_xlsx, write_ods])
def test_spreadsheets_are_read_as_they_are(tmp_path: Path, make: object) -> None:
    path = tmp_path / f"t.{'xlsx' if make is write_xlsx else 'ods'}"
    make(path, {"Sheet1": SHEET})  # type: ignore[operator]
    first, second = said(path)
    assert first == {
        **{"file_name": "a.jpg", "species": "Panthera leo", "count": "3"},
        **{"date": "2021-05-01", "time": "0.5"},
    }
    assert second["species"] == "Löwe & <Co>"
    assert (second["count"], second["date"]) == ("2.5", "1999-12-31")
    assert [row.line for row in open_table(path).rows()] == [2, 4]
    assert header_of(path)[:3] == ("file_name", "species", "count")


def test_the_sheet_with_known_columns_is_read_and_the_others_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notes = [["About"], ["made by hand"]]
    labels = [["Labels of 2021"], [], ["file_name", "species"], ["a.jpg", "Panthera leo"]]
    write_xlsx(tmp_path / "t.xlsx", {"Notes": notes, "Labels": labels})
    assert said(tmp_path / "t.xlsx") == [LION]
    assert "only its sheet 'Labels' is read; save 'Notes'" in caplog.text


def test_a_sheet_with_far_corners_is_refused(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "t.xlsx", {"A": [["file_name"], ["a.jpg"]]}, far="XFD1048576")
    with pytest.raises(BadInput, match="and one in column 16,384"):
        open_table(tmp_path / "t.xlsx")


def test_a_sheet_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "t.xlsx", {"A": [["file_name"], ["a.jpg"]]})
    with (
        zipfile.ZipFile(tmp_path / "t.xlsx", "a", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("xl/media/x", "w", force_zip64=True) as member,
    ):
        for _ in range(2049):
            member.write(bytes(1 << 20))
    with pytest.raises(BadInput, match="unpacks to more than 2 GB"):
        open_table(tmp_path / "t.xlsx")


def test_a_sheet_of_an_unknown_version_of_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    write_xlsx(path, {"A": [["file_name"], ["a.jpg"]]})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 99  # the version that unpacks it
    path.write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read as a spreadsheet"):
        open_table(path)


def test_parquet_of_any_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "File_Name": ["a.jpg", "b.jpg"],
            "n": pa.array([1, None]),
            "x": [0.5, float("nan")],
            "day": pa.array([datetime.date(2021, 5, 1), None]),
            "yes": [True, False],
            "species": pa.array(["Panthera leo", None]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    assert said(tmp_path / "t.parquet") == [
        LION | {"n": "1", "x": "0.5", "day": "2021-05-01", "yes": "true"},
        {"file_name": "b.jpg", "yes": "false"},
    ]


def test_parquet_with_a_cell_as_long_as_a_book(tmp_path: Path) -> None:
    table = pa.table({"file_name": ["a.jpg", "b.jpg"], "notes": ["x" * (1 << 21), ""]})
    pq.write_table(table, tmp_path / "t.parquet")
    first, second = open_table(tmp_path / "t.parquet").rows()
    assert first.wrong == "has a cell of 2,097,152 characters; shorten it"
    assert second.cells == ["b.jpg", ""]


CELLS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.sampled_from(
    [
        "",
        '"',
        '""',
        "'",
        "\r",
        "\n",
        "\r\n",
        "\t",
        "a\rb",
        ' "x"',
        ', "y"',
        "=1+1",
        "'=1",
        " x ",
        "\0",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(CELLS.filter(str.strip), CELLS, CELLS), min_size=1, max_size=6))
def test_what_we_write_is_read_back_by_us_and_by_pythons_csv(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("cells") / "t.csv"
    columns = ("file_name", "species", "notes")
    with sheet(path, columns) as add:
        for row in rows:
            add(dict(zip(columns, row, strict=True)))
    ours = list(open_table(path).rows())
    assert [tuple(row.cells) for row in ours] == rows
    assert not any(row.wrong for row in ours)
    with path.open(encoding="utf-8", newline="") as file:
        theirs = list(csv.reader(file))
    assert [tuple(map(as_said, row)) for row in theirs[1:]] == rows


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(CELLS.filter(str.strip), CELLS), min_size=1, max_size=5),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_quoted_text_of_other_programs_is_read_as_pythons_csv_reads_it(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    delimiter: str,
    end: str,
    quoting: int,
) -> None:
    """R's write.csv and LibreOffice, told so, quote every text."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([("file_name", "species"), *rows])
    path = write(tmp_path_factory.mktemp("cells"), text.getvalue())
    assert [tuple(row.cells) for row in open_table(path).rows()] == [
        tuple(map(as_said, row)) for row in rows
    ]


def test_rows_of_a_label_file_that_are_not_used_are_told_of(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    read_label_file(write(tmp_path, "file_name,label\na.jpg,x\n,y\na.jpg,z\na.jpg,x\n"))
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "1 row is left out: without a file_name, first line 3.",
        "1 row is left out: unlike an earlier row about the same picture: a.jpg (line 4: z).",
    ]
