"""What is written as CSV is read back, and what could be read in two ways is refused with its place."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import BadInput
from sync.imports import table, text
from sync.imports.export import line
from sync.imports.guarding import guarded, unguarded
from sync.imports.table import Line

CELLS = st.text(st.characters(codec="utf-8"), max_size=20)
ROWS = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8)
)


def read(raw: bytes, delimiter: str | None = None, encoding: str | None = None) -> list[Line]:
    """All rows of a file, cut into pieces of three bytes."""
    pieces = [raw[start : start + 3] for start in range(0, len(raw), 3)]
    name = text.recognise(pieces, encoding)
    lines = list(text.lines(pieces, name))
    return list(table.rows(lines, delimiter or table.recognise(lines[:100], lambda _: False)))


def kept(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [list(row) for row in rows if any(cell and not cell.isspace() for cell in row)]


@given(
    ROWS,
    st.sampled_from(sorted(table.DELIMITERS.values())),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)
def test_what_is_written_is_read_back(rows: list[list[str]], delimiter: str, encoding: str) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    raw = written.getvalue().encode(encoding)
    if raw[:4] == b"\xff\xfe\0\0":  # empty UTF-16 that begins with NUL is the mark of UTF-32
        return
    assert [
        list(each.cells) for each in read(raw, delimiter, "utf-8" if encoding == "utf-8" else None)
    ] == kept(rows)


@given(CELLS)
def test_a_guard_is_taken_off_where_it_was_put_on(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell
    assert not guarded(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


def test_no_cell_that_is_exported_begins_a_formula(shared: Path) -> None:
    cells = json.loads((shared / "csv" / "formula_cells.json").read_text(encoding="utf-8"))
    (row,) = read(line(cells).encode(), ",")
    assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in row.cells)
    assert [unguarded(cell) for cell in row.cells] == cells
    assert line(["a;=1+1"]) == '"a;=1+1"\r\n', "a reader that splits at semicolons finds no formula either"


SPECTRUM = ["comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json", "newlines", "newlines_crlf"]
SPECTRUM += ["quotes_and_newlines", "simple", "simple_crlf", "utf8"]


@pytest.mark.parametrize("name", SPECTRUM)
def test_the_spectrum_is_read_as_its_makers_say(shared: Path, name: str) -> None:
    folder = shared / "csv" / "csv-spectrum"
    header, *rows = read((folder / "csvs" / f"{name}.csv").read_bytes())
    expected = json.loads((folder / "json" / f"{name}.json").read_text(encoding="utf-8"))
    assert [dict(zip(header.cells, row.cells, strict=True)) for row in rows] == expected


@pytest.mark.parametrize(
    ("name", "encoding", "last", "number"),
    [
        ("mac_newlines", None, ["Once upon\ra time", "5", "6"], 3),
        ("test_utf16_big", None, ["4", "5", "ʤ"], 3),
        ("test_utf16_little", None, ["4", "5", "ʤ"], 3),
        ("test_utf8", None, ["4", "5", "ʤ"], 3),
        ("test_utf8_bom", None, ["4", "5", "ʤ"], 3),
        ("test_latin1", "latin-1", ["4", "5", "©"], 3),
        ("test_latin1", "cp1252", ["4", "5", "©"], 3),
        ("null_byte", None, ["\0", "2", "3"], 2),
        ("bad_skip_lines", None, ["0", "mixed types.... uh oh", "17"], 7),
        ("blanks", None, ["", "NA", "N/A", "NONE", "NULL", "."], 2),
        ("test_no_leading_zeroes", None, ["01", "00.11", "0.1"], 2),
        ("test_locale", None, ["1,7", "200.000.000", ""], 2),
        ("test_header_newline", None, ["d", "e", "f"], 8),
        ("optional_quote_characters", None, ["1", "2", "3"], 2),
        ("testfixed_converted", None, ["Row with blanks", *[""] * 7], 5),
    ],
)
def test_torture_files_are_read_rightly(
    shared: Path, name: str, encoding: str | None, last: list[str], number: int
) -> None:
    rows = read((shared / "csv" / "csvkit" / f"{name}.csv").read_bytes(), encoding=encoding)
    assert (list(rows[-1].cells), rows[-1].number) == (last, number)


def test_a_large_torture_file_is_read_whole(shared: Path) -> None:
    rows = read((shared / "csv" / "csvkit" / "ks_1033_data.csv").read_bytes())
    assert len(rows) == 1_576
    assert {len(row.cells) for row in rows} == {14 + 1 if len(rows[0].cells) == 15 else len(rows[0].cells)}


def test_an_old_encoding_is_asked_for(shared: Path) -> None:
    with pytest.raises(BadInput, match=r"not utf-8: line 3 .*cp1252"):
        read((shared / "csv" / "csvkit" / "test_latin1.csv").read_bytes())
    with pytest.raises(BadInput, match="line 2 cannot be read"):
        read(b"a\r\n\x81\r\n", encoding="cp1252")
    with pytest.raises(BadInput, match="utf-16-le or utf-16-be"):
        read("a,b\n1,2\n".encode("utf-16-le"))
    with pytest.raises(BadInput, match="no encoding klingon"):
        read(b"a", encoding="klingon")
    assert read("ä,b".encode("utf-16-be"), encoding="utf-16-be")[0].cells == ["ä", "b"]


@pytest.mark.parametrize("encoding", ["utf-16", "UTF_16", "utf-32"])
def test_an_encoding_that_needs_its_mark_says_so(encoding: str) -> None:
    raw = "a,b\n1,2\n".encode(f"{encoding}-le")
    with pytest.raises(BadInput, match=r"byte order mark.*utf-\d\d-le or utf-\d\d-be"):
        read(raw, encoding=encoding)
    for errors in ("strict", "replace"):
        with pytest.raises(BadInput, match=r"byte order mark|cannot be read"):
            list(text.lines([raw], text.read_encoding(encoding), errors=errors))
    assert read("a,b\n".encode(encoding), ",", encoding)[0].cells == ["a", "b"]


@pytest.mark.parametrize(
    "name", ["rot_13", "rot13", "hex", "base64", "zlib", "uu", "idna", "unicode_escape", "utf-7"]
)
def test_what_is_no_encoding_of_text_is_none(name: str) -> None:
    with pytest.raises(BadInput, match="There is no encoding"):
        read(b"a,b\n", encoding=name)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'a,b\n1,"x"y\n', "Line 2, column 2: after the closing quote"),
        (b'a,b\n1,2\n3,"x\ny', "Line 3, column 2: the quote that opens this cell is never closed"),
        (b'a,b\n"x\ny",2\n"3,\n', "Line 4, column 1: the quote that opens this cell is never closed"),
        (b"a\n" + b"x" * 200_000, "Line 2, column 1: a cell is longer than 131,072"),
        (b"a\n" + b"x" * 1_100_000, "Line 2 is longer than 1,000,000"),
    ],
)
def test_what_leaves_open_where_a_cell_ends_is_refused_with_its_place(raw: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read(raw, ",")


@pytest.mark.parametrize(
    ("sample", "found"),
    [
        ("email;customer_name\na;b\n", ";"),
        ("email\tcustomer_name\na,b\tc,d\n", "\t"),
        ("email|name\n", "|"),
        ("a,b\n1;5,2\n3,4\n", ","),
        ("customer_name\n", ","),
        ("", ","),
    ],
)
def test_the_delimiter_is_recognised(sample: str, found: str) -> None:
    known = {"email", "customer_name", "name"}
    assert table.recognise(sample.splitlines(keepends=True), known.__contains__) == found


def test_a_delimiter_that_could_be_two_is_asked_for() -> None:
    with pytest.raises(BadInput, match="could be comma or semicolon"):
        table.recognise(["a,b;c\n", "1,2;3\n"], lambda _: False)
    with pytest.raises(BadInput, match="none that is read"):
        table.read_delimiter("x")
    assert [table.read_delimiter(each) for each in ("tab", "\\t", ";", "Comma")] == ["\t", "\t", ";", ","]


def test_a_row_that_never_ends_is_refused_before_it_fills_the_memory() -> None:
    endless = itertools.chain(["name,email\n", '"a\n'], itertools.repeat('","a\n'))
    rows = table.rows(endless, ",")
    assert next(rows).cells == ["name", "email"]
    with pytest.raises(BadInput, match="begins in line 2 is longer than 1,000,000 characters"):
        next(rows)


def test_long_lines_are_looked_at_one_by_one() -> None:
    sample = text.first_lines(itertools.repeat("x" * 999_999 + "\n"))
    assert (len(sample), text.is_cut(sample), text.is_cut(sample[:1])) == (2, True, False)
