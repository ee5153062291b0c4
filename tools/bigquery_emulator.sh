#!/usr/bin/env bash
# Makes the virtual environment of the BigQuery emulator that the tests use (local-bigquery, which needs Python 3.13).
# usage: bigquery_emulator.sh FOLDER        (made where it is missing; running it again changes nothing)
# The emulator's DuckDB loads extensions from $HOME/.duckdb and would download them: they are installed from PyPI's
# packages into FOLDER/home, and the tests start FOLDER/bin/local-bigquery with that as its HOME.
set -euo pipefail
folder=${1:?usage: bigquery_emulator.sh FOLDER}
duckdb=1.5.5

works() { [ -n "$1" ] && "$1" -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in "${PYTHON313:-}" python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python3.13; do
    if works "$candidate"; then echo "$candidate"; return; fi
  done
  echo "Python 3.13 is not here, and the BigQuery emulator needs it: install it (for instance 'pyenv install 3.13'), or name it in PYTHON313" >&2
  return 1
}

if [ ! -x "$folder/bin/local-bigquery" ]; then
  python=$(find_python)
  "$python" -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check local-bigquery==0.3.2 "duckdb==$duckdb" \
    "duckdb-extension-icu==$duckdb" "duckdb-extension-ducklake==$duckdb" "duckdb-extension-spatial==$duckdb"
fi

mkdir -p "$folder/home"
HOME=$(realpath "$folder/home") "$folder/bin/python" - "$duckdb" <<'PYTHON'
import importlib
import pathlib
import sys

import duckdb

connection = duckdb.connect()
for name in ("icu", "ducklake", "spatial"):
    package = pathlib.Path(importlib.import_module(f"duckdb_extension_{name}").__file__).parent
    connection.execute(f"INSTALL '{package}/extensions/v{sys.argv[1]}/{name}.duckdb_extension'")
PYTHON
