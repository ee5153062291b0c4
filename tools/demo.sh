#!/usr/bin/env bash
# Runs the job on the sample photos, or on a folder of one's own, which is only read, and shows what came out.
# usage: demo.sh [FOLDER]
set -euo pipefail
bin=.venv/bin

if [ $# -eq 0 ]; then
  photos=demo/photos out=demo
else
  # Not every shell expands the tilde in `make demo PHOTOS=~/Pictures`.
  photos=${1/#\~\//$HOME/} out=demo/yours
  if [ ! -d "$photos" ]; then
    echo "make demo: $photos is not a folder" >&2
    exit 1
  fi
fi
mkdir -p "$out"

"$bin/proofstream" run --input "$photos" --variants "$out/variants" --warehouse "duckdb:$out/proofstream.duckdb" --progress
"$bin/python" tools/show_coverage.py "$out/proofstream.duckdb"

echo "photos    $photos"
echo "variants  $out/variants ($(find "$out/variants" -type f | wc -l | tr -d ' ') files)"
echo "database  $out/proofstream.duckdb"
