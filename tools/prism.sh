#!/usr/bin/env bash
# Builds Prism, Beam's portable runner in Go, of the version that requirements.lock pins; nothing to do where it is there.
# usage: prism.sh FOLDER        (the binary is FOLDER/prism; about 2 minutes of processor time)
set -euo pipefail
folder=$1
version=$(sed -n 's/^apache-beam==\([0-9.]*\).*/\1/p' requirements.lock)

if [ -x "$folder/prism" ] && [ "$(cat "$folder/VERSION" 2>/dev/null)" = "$version" ]; then
  echo "Prism $version is at $folder/prism"
  exit 0
fi
if ! command -v go >/dev/null; then
  echo "Go is not here, so Prism cannot be built (https://go.dev/doc/install). Beam fetches Prism from GitHub at first use." >&2
  exit 1
fi
mkdir -p "$folder"
echo "building Prism $version with $(go version)"
GOBIN=$(realpath "$folder") go install "github.com/apache/beam/sdks/v2/go/cmd/prism@v$version"
echo "$version" >"$folder/VERSION"
echo "Prism $version is at $folder/prism"
