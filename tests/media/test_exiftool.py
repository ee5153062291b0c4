"""ExifTool kept open: what is read, what cannot be, and that nothing hangs, leaks or is written."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from media.errors import ExtractionFailed
from media.exiftool import ExifToolMissingError, ExifToolPool, find_exiftool
from tests.parts.common import CHECKOUT, require_program, wait_for

DEADLINE_SECONDS = 1.0


@pytest.fixture(scope="module")
def exiftool() -> str:
    return require_program("exiftool", "apt-get install libimage-exiftool-perl")


@pytest.fixture
def pool(exiftool: str) -> Iterator[ExifToolPool]:
    with ExifToolPool(1, DEADLINE_SECONDS, exiftool) as opened:
        yield opened


@pytest.fixture
def photo(tmp_path: Path, exiftool: str) -> Path:
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (40, 30), "red").save(path)
    write = ["-XMP-dc:Title=1.10", "-XMP-dc:Subject=2.50", "-XMP-dc:Subject=Zürich", "-XMP-xmp:Rating=4"]
    subprocess.run([exiftool, "-q", "-overwrite_original", *write, path], check=True)
    return path


def children(parent: int) -> list[int]:
    """Process ids of the kept-open ExifTools that a process has started, zombies included."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = status.read_text().rsplit(")", 1)
        except OSError:
            continue
        if int(rest.split()[1]) == parent and "exiftool" in name:
            found.append(int(status.parent.name))
    return found


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_reads_everything_with_numbers_as_text(pool: ExifToolPool, photo: Path) -> None:
    raw = pool.read(photo)
    assert raw["File:MIMEType"] == "image/jpeg"
    assert raw["XMP-dc:Title"] == "1.10"
    assert raw["XMP-dc:Subject"] == ["2.50", "Zürich"]
    assert raw["XMP-xmp:Rating"] == "4"
    assert raw["Composite:ImageSize"] == "40 30"
    assert not [key for key in raw if key == "SourceFile" or key.startswith("System:")]


def test_type_is_told_by_content_not_by_name(pool: ExifToolPool, photo: Path) -> None:
    assert pool.read(photo.rename(photo.with_suffix(".png")))["File:MIMEType"] == "image/jpeg"


@pytest.mark.parametrize(
    "name",
    [
        "-delete_original!.jpg",
        "@argfile.jpg",
        " spaces  and\ttabs .jpg",
        "#comment.jpg",
        "line\n-Title=injected\n-overwrite_original\n-execute.jpg",
        "touch injected|",
        "ünïcödé-写真.JPG",
        "no extension",
        "x.a b",
        os.fsdecode(b"latin-\xe9.jpg"),
    ],
)
def test_any_file_name_is_only_a_name(pool: ExifToolPool, photo: Path, name: str) -> None:
    odd = photo.rename(photo.with_name(name))
    before = odd.read_bytes()
    assert pool.read(odd)["XMP-dc:Title"] == "1.10"
    assert odd.read_bytes() == before
    assert os.listdir(odd.parent) == [name]


def test_original_stays_untouched_even_where_it_may_be_written(pool: ExifToolPool, photo: Path) -> None:
    before = (photo.read_bytes(), photo.stat().st_mtime_ns, photo.stat().st_ino)
    pool.read(photo)
    assert (photo.read_bytes(), photo.stat().st_mtime_ns, photo.stat().st_ino) == before
    assert os.listdir(photo.parent) == ["photo.jpg"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.jpg", b"", "the file is empty"),
        ("noise", bytes(range(128, 256)) * 40, "not a known file type"),
        ("noise.jpg", bytes(range(128, 256)) * 40, "the content is not what the file's extension says"),
        ("zeros.jpg", bytes(4096), "the file holds nothing but zeros"),
    ],
)
def test_what_cannot_be_identified_says_why(
    pool: ExifToolPool, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ExtractionFailed, match=reason):
        pool.read(path)


def test_damaged_but_recognised_file_gives_its_tags(pool: ExifToolPool, photo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:100])
    raw = pool.read(photo)
    assert raw["File:MIMEType"] == "image/jpeg"
    assert raw["ExifTool:Warning"] == "JPEG format error"


def test_plain_text_is_a_file_type(pool: ExifToolPool, tmp_path: Path) -> None:
    path = tmp_path / "README"
    path.write_text("Photos of May\n")
    assert pool.read(path)["File:MIMEType"] == "text/plain"


def test_folders_pipes_and_missing_files_are_refused(pool: ExifToolPool, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "nothing.jpg"):
        with pytest.raises(ExtractionFailed, match="no such file"):
            pool.read(path)


def test_hanging_exiftool_is_killed_at_the_deadline_and_replaced(pool: ExifToolPool, photo: Path) -> None:
    pool.read(photo)
    (stopped,) = children(os.getpid())
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(ExtractionFailed, match="did not answer within 1 s"):
        pool.read(photo)
    assert time.monotonic() - began < DEADLINE_SECONDS + 0.5
    assert not alive(stopped)
    assert pool.read(photo)["XMP-dc:Title"] == "1.10"
    assert children(os.getpid()) != [stopped]


def test_exiftool_that_dies_while_reading_is_noticed_at_once(pool: ExifToolPool, photo: Path) -> None:
    pool.read(photo)
    (doomed,) = children(os.getpid())
    os.kill(doomed, signal.SIGSTOP)
    killer = threading.Timer(0.2, os.kill, (doomed, signal.SIGKILL))
    killer.start()
    began = time.monotonic()
    with pytest.raises(ExtractionFailed, match="died while it read"):
        pool.read(photo)
    assert 0.2 <= time.monotonic() - began < DEADLINE_SECONDS
    assert pool.read(photo)["XMP-dc:Title"] == "1.10"


def test_exiftool_that_died_while_idle_costs_no_file(pool: ExifToolPool, photo: Path) -> None:
    pool.read(photo)
    (doomed,) = children(os.getpid())
    os.kill(doomed, signal.SIGKILL)
    wait_for(lambda: "Z" in Path(f"/proc/{doomed}/stat").read_text().rsplit(")", 1)[1], 5, "the end of ExifTool")
    assert pool.read(photo)["XMP-dc:Title"] == "1.10"
    assert doomed not in children(os.getpid())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux caps a process that already runs")
def test_memory_of_exiftool_is_capped(pool: ExifToolPool, photo: Path) -> None:
    pool.read(photo)
    limits = Path(f"/proc/{children(os.getpid())[0]}/limits").read_text().splitlines()
    assert [line.split()[3:5] for line in limits if line.startswith("Max address space")] == [["1073741824"] * 2]


def test_exiftool_outlives_the_thread_that_first_needed_it(pool: ExifToolPool, photo: Path) -> None:
    first = threading.Thread(target=pool.read, args=(photo,))
    first.start()
    first.join()
    before = children(os.getpid())
    time.sleep(0.2)
    assert pool.read(photo)["XMP-dc:Title"] == "1.10"
    assert children(os.getpid()) == before


def test_threads_share_the_pool_and_get_their_own_answers(exiftool: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{width}.png" for width in range(1, 41)]
    for width, path in enumerate(paths, start=1):
        Image.new("L", (width, 7)).save(path)
    with ExifToolPool(2, 10, exiftool) as pool, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(pool.read, paths))
        assert len(children(os.getpid())) == 2
    assert [answer["Composite:ImageSize"] for answer in answers] == [f"{width} 7" for width in range(1, 41)]


def test_starts_nothing_before_it_is_needed_and_leaves_nothing_behind(
    exiftool: str, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(links))
    pool = ExifToolPool(2, DEADLINE_SECONDS, exiftool)
    assert (children(os.getpid()), os.listdir(links)) == ([], [])
    pool.read(photo)
    assert len(children(os.getpid())) == 1
    pool.close()
    pool.close()
    assert (children(os.getpid()), os.listdir(links)) == ([], [])
    with pytest.raises(RuntimeError, match="closed"):
        pool.read(photo)


def test_close_does_not_wait_for_a_hanging_read(exiftool: str, photo: Path) -> None:
    pool = ExifToolPool(1, 60, exiftool)
    pool.read(photo)
    os.kill(children(os.getpid())[0], signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(pool.read, photo)
        time.sleep(0.2)
        pool.close()
        with pytest.raises(RuntimeError, match="closed while it read"):
            reading.result(5)
    assert children(os.getpid()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_exiftool_dies_with_its_parent(exiftool: str, photo: Path, tmp_path: Path) -> None:
    script = (
        "import os, sys; from media.exiftool import ExifToolPool; from tests.media.test_exiftool import children\n"
        "ExifToolPool(1, 9, sys.argv[1]).read(sys.argv[2])\n"
        "print(*children(os.getpid()), flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", script, exiftool, str(photo)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    run = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    orphan = int(run.stdout)
    wait_for(lambda: not alive(orphan), 5, "the end of the orphaned ExifTool")


def test_a_program_that_forgets_to_close_still_ends_cleanly(exiftool: str, photo: Path, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    script = "import sys; from media.exiftool import ExifToolPool; ExifToolPool(1, 9, sys.argv[1]).read(sys.argv[2])"
    command = [sys.executable, "-c", script, exiftool, str(photo)]
    environment = {**os.environ, "TMPDIR": str(links)}
    run = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, timeout=30)
    assert (run.returncode, run.stderr, os.listdir(links)) == (0, b"", [])


def test_more_warnings_than_a_pipe_holds_do_not_block(exiftool: str, photo: Path, tmp_path: Path) -> None:
    noisy = tmp_path / "noisy-exiftool"
    noisy.write_text(f"#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' w >&2\nexec {exiftool} \"$@\"\n")
    noisy.chmod(0o755)
    with ExifToolPool(1, 5, str(noisy)) as pool:
        assert pool.read(photo)["XMP-dc:Title"] == "1.10"


def test_finds_exiftool(exiftool: str) -> None:
    path, version = find_exiftool()
    assert path == exiftool
    assert version == subprocess.check_output([exiftool, "-ver"], text=True).strip()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 12.23", "CVE-2021-22204"),
        ("echo 9.46", "CVE-2021-22204"),
        ("echo hello", "not ExifTool"),
        ("exit 3", "does not run"),
    ],
)
def test_refuses_what_is_no_usable_exiftool(tmp_path: Path, script: str, reason: str) -> None:
    program = tmp_path / "exiftool"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(ExifToolMissingError, match=reason):
        find_exiftool(str(program))


def test_missing_exiftool_says_how_to_install_it(photo: Path) -> None:
    with ExifToolPool(1, 5, "no-such-exiftool") as pool:
        for ask in (lambda: find_exiftool("no-such-exiftool"), lambda: pool.read(photo)):
            with pytest.raises(ExifToolMissingError, match="apt-get install libimage-exiftool-perl"):
                ask()


@pytest.mark.parametrize(("size", "deadline"), [(0, 1.0), (1, 0.0)])
def test_sizes_that_make_no_sense_are_refused(size: int, deadline: float) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ExifToolPool(size, deadline)
