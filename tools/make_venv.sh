#!/usr/bin/env bash
# Makes a virtual environment with a Python that the project runs on.
# usage: make_venv.sh PYTHON FOLDER
set -euo pipefail
python=$1 folder=$2

if ! command -v "$python" >/dev/null; then
  echo "make: $python is not here. proofstream needs Python 3.10 to 3.13 (Debian, Ubuntu: apt-get install python3 python3-venv)." >&2
  exit 1
fi
if ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'; then
  echo "make: $python is $("$python" --version 2>&1), and proofstream needs Python 3.10 to 3.13: make PYTHON=python3.11" >&2
  exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  echo "make: $python cannot make virtual environments (Debian, Ubuntu: apt-get install python3-venv)." >&2
  exit 1
fi
echo "virtual environment in $folder ($("$python" --version))"
"$python" -m venv --clear "$folder"
