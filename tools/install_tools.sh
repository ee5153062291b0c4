#!/usr/bin/env bash
# Installs ExifTool and FFmpeg where they are missing and this user may; else says what to run. Safe to run again.
# ExifTool is needed for every file, FFmpeg (ffprobe) only for video and sound: without it we go on.
set -euo pipefail

# PyExifTool refuses older versions.
oldest_exiftool=12.15

has_exiftool() {
  local version
  command -v exiftool >/dev/null || return 1
  version=$(exiftool -ver)
  [ "$(printf '%s\n' "$oldest_exiftool" "$version" | sort -V | head -n 1)" = "$oldest_exiftool" ]
}

has_ffmpeg() { command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null; }

packages=()
if command -v apt-get >/dev/null; then
  has_exiftool || packages+=(libimage-exiftool-perl)
  manager="apt-get install -y --no-install-recommends"
elif command -v brew >/dev/null; then
  has_exiftool || packages+=(exiftool)
  manager="brew install"
else
  has_exiftool || packages+=(exiftool)
  manager="with your package manager, install"
fi
has_ffmpeg || packages+=(ffmpeg)
[ ${#packages[@]} -gt 0 ] || exit 0

as_root=no
if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root=sudo; fi

# apt's hundreds of lines are shown where it fails, and in CI.
apt_get() {
  local log status=0
  # Another installation may hold apt's lock for a while, as on a machine that has just started.
  local command=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 -q "$@")
  [ -z "$as_root" ] || command=(sudo -n "${command[@]}")
  if [ -n "${CI:-}" ]; then "${command[@]}"; return; fi
  log=$(mktemp)
  "${command[@]}" >"$log" 2>&1 || status=$?
  [ "$status" = 0 ] || cat "$log" >&2
  rm -f "$log"
  return "$status"
}

if [[ $manager = apt-get* && $as_root != no ]]; then
  echo "installing ${packages[*]} with apt-get"
  # A machine with one stale source can often install all the same.
  apt_get update || echo "apt-get update failed: going on with the package lists that are here" >&2
  apt_get install -y --no-install-recommends "${packages[@]}"
elif [[ $manager = brew* ]]; then
  echo "installing ${packages[*]} with Homebrew"
  brew install --quiet "${packages[@]}"
else
  [[ $manager = apt-get* ]] && manager="sudo $manager"
  echo "missing: ${packages[*]}. To install: $manager ${packages[*]}" >&2
fi

if ! has_exiftool; then
  echo "ExifTool $oldest_exiftool or newer is not here, and proofstream reads all metadata with it." >&2
  exit 1
fi
has_ffmpeg || echo "FFmpeg is not here: going on without, photos do not need it." >&2
