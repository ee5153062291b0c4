"""Prints what a job left in a DuckDB file: kinds of file, metadata coverage, files with issues, and dead letters.

usage: show_coverage.py FILE
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import duckdb

BAR_WIDTH = 20
"""Characters of a full bar; with the longest field name the line still fits 80 columns."""

COVERAGE = """
    SELECT team, profile, field, CAST(filled AS BIGINT), CAST(template AS BIGINT), assets
    FROM metadata_coverage ORDER BY team, profile, share DESC, field
"""
KINDS = "SELECT count(*), coalesce(media_type, 'unknown') FROM assets_live GROUP BY ALL ORDER BY 1 DESC, 2"
ISSUES = """
    SELECT DISTINCT uri, issue.stage, issue.reason
    FROM (SELECT uri, UNNEST(issues) AS issue FROM assets_live) ORDER BY ALL
"""
DEAD_LETTERS = "SELECT DISTINCT coalesce(uri, '(no address)'), stage, message FROM open_dead_letters ORDER BY ALL"

Row = tuple[str, str, str, int, int, int]
"""Team, profile, field, assets with it filled, assets with a template in it, assets."""


def kind_lines(rows: Sequence[tuple[int, str]]) -> Iterator[str]:
    """What kinds of file were recorded, by their content; names do not count."""
    if rows:
        yield "Recorded, by content: " + ", ".join(f"{count} {kind}" for count, kind in rows)
        yield ""


def coverage_lines(rows: Sequence[Row]) -> Iterator[str]:
    """A table per team and profile; rows come sorted by these two."""
    width = max((len(row[2]) for row in rows), default=0)
    for (team, profile), fields in groupby(rows, itemgetter(0, 1)):
        yield f"Metadata coverage, team {team}, profile {profile}"
        yield f"  {'field':<{width}}   filled"
        for _, _, field, filled, template, assets in fields:
            share = filled / assets
            bar = "█" * round(share * BAR_WIDTH)
            note = f"  {template} with a camera's default text" if template else ""
            yield f"  {field:<{width}} {filled:>4} of {assets:<4} {share:>4.0%} {bar:<{BAR_WIDTH}}{note}".rstrip()
        yield ""


def reason_lines(title: str, rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """One line for each file: its name, the stage and the reason; nothing where there are no rows."""
    if not rows:
        return
    yield title
    width = max(len(Path(uri).name) for uri, _, _ in rows)
    for uri, stage, reason in rows:
        yield f"  {Path(uri).name:<{width}}  {stage}: {reason}"
    yield ""


def report(database: Path) -> list[str]:
    """All lines about a warehouse file.

    Raises:
        duckdb.Error: the file is no DuckDB database, another process holds it, or it is not one of ours.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        kinds = connection.sql(KINDS).fetchall()
        coverage = connection.sql(COVERAGE).fetchall()
        issues = connection.sql(ISSUES).fetchall()
        dead_letters = connection.sql(DEAD_LETTERS).fetchall()
    return [
        *kind_lines(kinds),
        *coverage_lines(coverage),
        *reason_lines("Recorded, with issues", issues),
        *reason_lines("Dead letters: files that could not be recorded", dead_letters),
    ]


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0, 1 where the file cannot be read, 2 for a wrong command line."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    database = Path(arguments[0])
    if not database.is_file():
        print(f"{database} is not there: run the job first", file=sys.stderr)
        return 1
    print("", *report(database), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
