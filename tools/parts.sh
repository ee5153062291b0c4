#!/usr/bin/env bash
# Installs or checks every real part of the tests that pip does not bring into .venv. What cannot be had is named with
# how to get it; in CI (the variable CI is set) that is an error, elsewhere the tests of that part are skipped.
# usage: parts.sh FOLDER
set -euo pipefail
folder=$1
here=$(dirname "$0")
absent=()

if [ -n "${PROOFSTREAM_PRISM:-}" ] && [ -x "$PROOFSTREAM_PRISM" ]; then
  echo "Prism is at $PROOFSTREAM_PRISM"
else
  "$here/prism.sh" "$folder/prism" || absent+=("Prism: install Go 1.24 or newer, then \`make prism\`; or name a binary in PROOFSTREAM_PRISM")
fi

if "$here/bigquery_emulator.sh" "$folder/bigquery"; then
  echo "the BigQuery emulator is at $folder/bigquery"
else
  absent+=("the BigQuery emulator: install Python 3.13, then \`make parts\`")
fi

gcloud=$(command -v gcloud || true)
if [ -n "$gcloud" ] && [ -x "$(dirname "$(dirname "$(realpath "$gcloud")")")/platform/pubsub-emulator/bin/cloud-pubsub-emulator" ]; then
  echo "the Pub/Sub emulator belongs to $gcloud"
else
  absent+=("the Pub/Sub emulator: install the Google Cloud CLI, then \`gcloud components install pubsub-emulator\`")
fi
if ! command -v java >/dev/null; then
  absent+=("Java, for the Pub/Sub emulator: on Debian and Ubuntu \`apt-get install default-jre-headless\`")
fi

for part in ${absent[@]+"${absent[@]}"}; do
  echo "not here: $part" >&2
done
if [ ${#absent[@]} -gt 0 ] && [ -n "${CI:-}" ]; then
  exit 1
fi
