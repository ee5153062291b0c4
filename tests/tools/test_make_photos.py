"""The demo's sample photos, made from the real wheels."""

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image, ImageOps, ImageStat

from tests.parts.common import CHECKOUT, PARTS, missing, require_program
from tools.make_photos import NO_PHOTO, SAMPLES, TRUNCATED, make_photos, read_member

WHEELS = PARTS / "sample-wheels"


@pytest.fixture(scope="module")
def wheels() -> Path:
    if len(list(WHEELS.glob("*.whl"))) < 2:
        missing("the wheels with sample photographs", "run `make sample-wheels`")
    return WHEELS


@pytest.fixture(scope="module")
def photos(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_program("exiftool", "run `make tools`")
    dest = tmp_path_factory.mktemp("demo") / "photos"
    make_photos(wheels, dest)
    return dest


def tags_of(path: Path, *options: str) -> dict[str, object]:
    told = subprocess.run(
        ["exiftool", "-json", "-G0", *options, str(path)], check=True, capture_output=True, timeout=60
    )
    tags: dict[str, object] = json.loads(told.stdout)[0]
    return tags


def test_every_sample_opens_as_the_format_its_name_says(photos: Path) -> None:
    formats = {}
    for sample in SAMPLES:
        with Image.open(photos / sample.name) as image:
            image.load()
            formats[sample.name] = (image.format, image.mode)
    assert formats["astronaut.png"] == ("PNG", "RGB")
    assert formats["coffee.webp"] == ("WEBP", "RGB")
    assert formats["cameraman.jpg"] == ("JPEG", "L")
    assert formats["eye.jpg"] == ("JPEG", "CMYK")
    assert Counter(form for form, _ in formats.values()) == {"JPEG": 7, "PNG": 2, "WEBP": 1}


def test_complete_photo_carries_all_three_standards(photos: Path) -> None:
    tags = tags_of(photos / "summer-palace.jpg", "-n")
    assert tags["IPTC:ObjectName"] == tags["XMP:Title"] == "Tower of Buddhist Incense"
    assert tags["IPTC:Keywords"] == tags["XMP:Subject"] == ["temple", "Summer Palace", "lake"]
    assert tags["EXIF:Artist"] == tags["XMP:Creator"] == tags["IPTC:By-line"] == "danielbuechele"
    assert tags["EXIF:GPSLatitude"] == pytest.approx(39.9999)
    assert tags["EXIF:GPSLongitude"] == pytest.approx(116.2688)


def test_gaps_are_gaps(photos: Path) -> None:
    cat, dahlia, clock = (tags_of(photos / name) for name in ("cat.jpg", "dahlia.jpg", "clock.png"))
    assert cat["EXIF:ImageDescription"] == "OLYMPUS DIGITAL CAMERA"
    assert not {"EXIF:Artist", "XMP:Creator", "IPTC:By-line"} & cat.keys()
    assert not {"XMP:Subject", "IPTC:Keywords"} & dahlia.keys()
    assert not [name for name in clock if name.startswith(("EXIF", "XMP", "IPTC"))]


def test_sideways_portrait_stands_upright_after_orientation(photos: Path) -> None:
    with Image.open(photos / "rocket.jpg") as stored:
        assert stored.size == (427, 284)
        upright = ImageOps.exif_transpose(stored)
    assert upright.size == (284, 427)
    sky, ground = upright.crop((0, 0, 284, 100)), upright.crop((0, 327, 284, 427))
    assert ImageStat.Stat(ground).stddev > ImageStat.Stat(sky).stddev, (
        "floodlights stand on the ground, the sky is plain"
    )


def test_damaged_files_are_damaged(photos: Path) -> None:
    name, whole = TRUNCATED
    assert (photos / whole).read_bytes().startswith((photos / name).read_bytes())
    with Image.open(photos / name) as image, pytest.raises(OSError, match="truncated"):
        image.load()
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(photos / NO_PHOTO)


def test_the_same_bytes_every_time(photos: Path, wheels: Path, tmp_path: Path) -> None:
    again = make_photos(wheels, tmp_path / "photos")
    assert [path.read_bytes() for path in again] == [(photos / path.name).read_bytes() for path in again]


def test_every_photo_has_credit_and_licence(photos: Path) -> None:
    text = photos.with_name("photos-LICENCES.txt").read_text(encoding="utf-8")
    for path in photos.iterdir():
        assert f"{path.name}: " in text
    assert text.count("licence: https://creativecommons.org/") == len(SAMPLES)


def test_a_photograph_that_no_wheel_holds_is_named(wheels: Path) -> None:
    with pytest.raises(FileNotFoundError, match="skimage/data/unicorn"):
        read_member(wheels, "skimage/data/unicorn.png")


def test_requirements_pin_both_wheels_by_hash() -> None:
    lines = (CHECKOUT / "tools" / "demo-requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if "==" in line]
    assert len(pinned) == 2
    assert all("--hash=sha256:" in line for line in pinned)
