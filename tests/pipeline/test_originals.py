"""Nothing in the job writes to its input."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from tests.pipeline.jobs import run_to_end

GUARD = """
import os, sys

INPUT = {root!r}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {{"os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink",
            "os.truncate", "os.utime", "os.setxattr", "os.removexattr"}}

def below(path):
    return isinstance(path, (str, bytes)) and os.fsdecode(path).startswith(INPUT)

def guard(event, arguments):
    if event == "open" and below(arguments[0]) and isinstance(arguments[2], int) and arguments[2] & WRITES:
        os.write(2, f"WROTE {{event}} {{arguments}}\\n".encode()); os._exit(99)
    if event in CHANGES and any(below(argument) for argument in arguments[1 if event == "os.symlink" else 0:]):
        os.write(2, f"WROTE {{event}} {{arguments}}\\n".encode()); os._exit(99)

sys.addaudithook(guard)
"""


def fingerprint(root):
    """Content, and what the kernel notes of every change, for each file and folder."""
    found = {}
    for folder, _, names in os.walk(root):
        for path in [folder, *(os.path.join(folder, name) for name in names)]:
            status = os.stat(path)
            content = hashlib.sha256(Path(path).read_bytes()).hexdigest() if os.path.isfile(path) else ""
            found[path] = (status.st_ino, status.st_mode, status.st_mtime_ns, status.st_ctime_ns, content)
    return found


@pytest.fixture
def photos(tmp_path, corpus):
    root = tmp_path / "photos"
    root.mkdir()
    for name in ("jpg/gps/DSCN0010.jpg", "jpg/corrupted.jpg", "jpg/xmp/BlueSquare.jpg"):
        (root / os.path.basename(name)).write_bytes((corpus / "exif-samples" / name).read_bytes())
    (root / "new\nline.jpg").write_bytes((corpus / "exif-samples/jpg/Canon_40D.jpg").read_bytes())
    (root / "-delete_original.jpg").write_bytes((corpus / "exif-samples/jpg/Nikon_D70.jpg").read_bytes())
    return root


def test_no_original_is_touched(photos, tmp_path):
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD.format(root=str(photos)))
    before = fingerprint(photos)
    arguments = [f"--input={photos}", f"--variants={tmp_path / 'out'}", f"--warehouse=duckdb:{tmp_path / 'w.duckdb'}"]
    job = run_to_end(arguments, tmp_path / "log", {"PYTHONPATH": str(guard)})
    assert job.counts()["in"] == 5
    assert job.counts()["recorded"] >= 4
    assert "WROTE" not in job.text()
    assert fingerprint(photos) == before


def test_the_guard_of_this_test_sees_a_write(photos, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(GUARD.format(root=str(photos)))
    write = f"open({str(photos / 'x')!r}, 'w')"
    status = os.spawnve(os.P_WAIT, sys.executable, [sys.executable, "-c", write], {"PYTHONPATH": str(tmp_path)})
    assert status == 99
