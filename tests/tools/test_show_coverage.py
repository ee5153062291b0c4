"""The demo's closing table, over a warehouse file with known rows."""

from pathlib import Path

import duckdb
import pytest

from tools.show_coverage import coverage_lines, kind_lines, main, reason_lines, report


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "small.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("""
            CREATE TABLE metadata_coverage AS SELECT 'default' AS team, 'agency' AS profile, field, 4 AS assets,
              filled::HUGEINT AS filled, template::HUGEINT AS template, filled / 4 AS share
              FROM (VALUES ('title', 4, 0), ('keywords', 0, 0), ('description', 1, 2)) AS t (field, filled, template);
            CREATE TABLE assets_live AS SELECT * FROM (VALUES
              ('/photos/half.jpg', 'image/jpeg', [{'stage': 'render', 'reason': 'the file is cut off'}]),
              ('/photos/whole.jpg', 'image/jpeg', []), ('/photos/odd.jpg', 'text/plain', []))
              AS t (uri, media_type, issues);
            CREATE TABLE open_dead_letters AS SELECT * FROM (VALUES
              ('/photos/note.jpg', 'extract', 'not a photo'), ('/photos/note.jpg', 'extract', 'not a photo'),
              (NULL, 'parse', 'no JSON')) AS t (uri, stage, message);
        """)
    return path


def test_report_shows_every_field_issue_and_dead_letter_once(database: Path) -> None:
    assert report(database) == [
        "Recorded, by content: 2 image/jpeg, 1 text/plain",
        "",
        "Metadata coverage, team default, profile agency",
        "  field         filled",
        "  title          4 of 4    100% ████████████████████",
        "  description    1 of 4     25% █████                 2 with a camera's default text",
        "  keywords       0 of 4      0%",
        "",
        "Recorded, with issues",
        "  half.jpg  render: the file is cut off",
        "",
        "Dead letters: files that could not be recorded",
        "  (no address)  parse: no JSON",
        "  note.jpg      extract: not a photo",
        "",
    ]


def test_nothing_to_say_is_nothing() -> None:
    assert list(kind_lines([])) == []
    assert list(coverage_lines([])) == []
    assert list(reason_lines("Recorded, with issues", [])) == []


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.duckdb")]) == 1
    assert "none.duckdb is not there" in capsys.readouterr().err
