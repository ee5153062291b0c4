"""Creates the views of this folder in a warehouse: on BigQuery as they are written, on DuckDB through sqlglot."""

from pathlib import Path
from typing import Protocol

import sqlglot

FOLDER = Path(__file__).parent
SOURCE_DIALECT = "bigquery"

VIEWS = ("assets_live", "metadata_flow", "metadata_coverage", "open_dead_letters")
"""In the order of creation: a view comes after those it reads."""


class Database(Protocol):
    """What a view needs of a warehouse (`stores.warehouse.Warehouse` is one)."""

    @property
    def dialect(self) -> str:
        """By sqlglot's name: `bigquery` or `duckdb`."""

    @property
    def dataset(self) -> str:
        """What stands before a table's name, without quotes."""

    def execute(self, sql: str) -> None:
        """Runs one statement."""


def view_sql(name: str, dialect: str, dataset: str) -> str:
    """The view's query in a dialect.

    Args:
        name: a folder beside this file.
        dialect: `bigquery` or `duckdb`.
        dataset: where its tables are: `PROJECT.DATASET` or DuckDB's schema.

    Raises:
        FileNotFoundError: where there is no such view.
    """
    sql = (FOLDER / name / "query.sql").read_text(encoding="utf-8").replace("{dataset}", dataset)
    return _translated(sql, dialect)


def apply_views(database: Database) -> None:
    """Creates the views, or replaces them by this release's; their tables must be there."""
    for name in VIEWS:
        query = (FOLDER / name / "query.sql").read_text(encoding="utf-8")
        statement = f"CREATE OR REPLACE VIEW `{{dataset}}.{name}` AS\n{query}".replace("{dataset}", database.dataset)
        database.execute(_translated(statement, database.dialect))


def _translated(sql: str, dialect: str) -> str:
    if dialect == SOURCE_DIALECT:
        return sql
    (translated,) = sqlglot.transpile(sql, read=SOURCE_DIALECT, write=dialect, pretty=True)
    return translated
