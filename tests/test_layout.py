"""Who may import whom, and what a folder may hold."""

import ast
import sys
from pathlib import Path

import pytest

from tests.parts.common import CHECKOUT

MAY_IMPORT = {
    "media": set(),
    "stores": {"media"},
    "transforms": {"stores", "media"},
    "analytics": {"media"},
    "pipeline": {"transforms", "stores", "analytics", "media"},
    "service": {"analytics", "stores", "media"},
}
"""Imports go down only. `pipeline` is the command line, and its commands create and print views: hence `analytics`."""

PURE = {"media": {"apache_beam", "google", "boto3", "botocore", "requests", "grpc", "duckdb"}}
"""`media` knows photos, and neither Beam nor a network client."""

OURS = {*MAY_IMPORT, "templates", "bench", "tests", "tools"}


def modules(folder):
    return sorted((CHECKOUT / folder).rglob("*.py"))


def imported(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            pytest.fail(f"{path}: relative imports hide who imports whom")


@pytest.mark.parametrize("folder", [name for name in MAY_IMPORT if (CHECKOUT / name).is_dir()])
def test_imports_go_down_only(folder):
    assert modules(folder)
    for path in modules(folder):
        names = set(imported(path))
        forbidden = (names & OURS) - MAY_IMPORT[folder] - {folder} | names & PURE.get(folder, set())
        assert not forbidden, f"{path.relative_to(CHECKOUT)} imports {sorted(forbidden)}"


@pytest.mark.parametrize("folder", sorted(OURS))
def test_no_module_shadows_the_standard_library(folder):
    for path in modules(folder):
        assert path.stem not in sys.stdlib_module_names, f"{path} shadows a module of the standard library"


def test_the_graph_fits_one_screen():
    lines = (CHECKOUT / "pipeline" / "graph.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 80
