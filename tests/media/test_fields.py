"""Normalized fields: golden records of real files, and what odd values become."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from media import values
from media.exiftool import ExifToolPool
from media.fields import COMPOSED, normalize
from media.mapping import RULES
from media.records import Fields, Issue
from tests.parts.common import require_program

ADAPTER = TypeAdapter(Fields)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type, misc]


def fields(**raw: Any) -> Fields:
    """Fields of tags given as `Group__Tag=value`; two underscores stand for the colon, one for a hyphen."""
    return normalize(tags(raw)).fields


def issues(**raw: Any) -> list[str]:
    return [issue.reason for issue in normalize(tags(raw)).issues]


def tags(raw: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("__", ":").replace("_", "-"): value for key, value in raw.items()}


@pytest.fixture(scope="module")
def pool() -> Iterator[ExifToolPool]:
    with ExifToolPool(1, 30, require_program("exiftool", "apt-get install libimage-exiftool-perl")) as opened:
        yield opened


GOLDEN = {
    "immich/albums/nature/prairie_falcon.jpg": Fields(
        media_type="image/jpeg",
        width=800,
        height=533,
        captured_at_local="2022-03-31T11:31:56",
        date_created="2022-03-31T11:31:56.018",
        title="Prairie falcon female with eggs",
        headline="Falcon leaping from its nest into flight, it's wings fully outstretched. "
        "Several eggs are visible on the nest at the bottom of a vertical rock crevice.",
        description="Adult female prairie falcon flying from a nest on one of our sedimentary slide walls. "
        "Note the four eggs in the eroded water chute.",
        keywords=("SFAN", "PINN", "raptors", "Events", "birds", "monitoring", "prairie falcons"),
        hierarchical_keywords=(
            "Other Keywords|SFAN",
            "PINN",
            "raptors",
            "Events",
            "birds",
            "monitoring",
            "prairie falcons",
        ),
        creator=("NPS / Gavin Emmons",),
        credit="NPS / Gavin Emmons",
        copyright_notice="All rights reserved",
        rating=0,
        make="Canon",
        model="Canon EOS R5",
        lens="RF100-500mm F4.5-7.1 L IS USM",
        exposure_time=0.00025,
        f_number=7.1,
        iso=1000,
        focal_length=500.0,
        software="Adobe Photoshop 23.4 (Windows)",
    ),
    "immich/metadata/gps-position/thompson-springs.jpg": Fields(
        media_type="image/jpeg",
        width=150,
        height=103,
        captured_at=utc(2022, 1, 10, 19, 15, 44, 310000),
        captured_at_local="2022-01-10T15:15:44",
        captured_at_offset="-04:00",
        date_created="2022-01-10T15:15:44.31",
        digitized_at=utc(2022, 1, 10, 19, 15, 44, 310000),
        description="Early winter scene in the mostly barren, lightly occupied quarter of southeastern Utah, near the "
        "remote settlement of Thompson Springs in the western U.S. state of Utah.",
        keywords=("carol m. highsmith", "america", "utah", "utah winter scenes", "thompson springs"),
        creator=("Photographer: Carol M. Highsmith",),
        city="Thompson Springs",
        state="Utah",
        country="United States",
        location="POINT(-108.4009683 39.115)",
        lens="Canon EF 24-105mm f/4L IS II USM",
        software="Capture One 22 Macintosh",
        color_profile="sRGB v4 ICC preference perceptual intent beta",
    ),
    "exif-samples/heic/mobile/iphone_13_pro_max.HEIC": Fields(
        media_type="image/heic",
        width=3024,
        height=4032,
        captured_at=utc(2022, 2, 16, 11, 55, 41, 762000),
        captured_at_local="2022-02-16T12:55:41",
        captured_at_offset="+01:00",
        digitized_at=utc(2022, 2, 16, 11, 55, 41, 762000),
        make="Apple",
        model="iPhone 13 Pro Max",
        lens="iPhone 13 Pro Max back triple camera 5.7mm f/1.5",
        exposure_time=0.01666666667,
        f_number=1.5,
        iso=250,
        focal_length=5.7,
        software="15.2.1",
        color_profile="Display P3",
    ),
    # Turned by HEIF's own rotation; Exif's Orientation says 1.
    "exif-samples/heic/mobile/HMD_Nokia_8.3_5G.heif": Fields(
        media_type="image/heic",
        width=3456,
        height=4608,
        location="POINT(-4.0051409 40.7886852)",
        exposure_time=0.0002,
        f_number=1.89,
        iso=102,
        focal_length=1.0,
        software="00WW_2_270_SP04",
    ),
    "exif-samples/jpg/orientation/landscape_6.jpg": Fields(
        media_type="image/jpeg", width=600, height=450, color_profile="Generic RGB Profile"
    ),
    # No Exif ISO; the offset of the capture time stands in XMP alone in the Pentax.
    "exif-samples/jpg/Canon_PowerShot_S40.jpg": Fields(
        media_type="image/jpeg",
        width=480,
        height=360,
        captured_at_local="2003-12-14T12:01:44",
        make="Canon",
        model="Canon PowerShot S40",
        exposure_time=0.002,
        f_number=4.9,
        iso=100,
        focal_length=21.3125,
        color_profile="sRGB",
    ),
    "exif-samples/jpg/Pentax_K10D.jpg": Fields(
        media_type="image/jpeg",
        width=100,
        height=72,
        captured_at=utc(2008, 5, 4, 7, 47, 24),
        captured_at_local="2008-05-04T16:47:24",
        captured_at_offset="+09:00",
        digitized_at=utc(2008, 5, 4, 7, 47, 24),
        creator=("Laitche",),
        copyright_notice="Laitche (This file is in the public domain.)",
        web_statement="www.laitche.com",
        make="PENTAX Corporation",
        model="PENTAX K10D",
        exposure_time=0.005555555556,
        f_number=11.0,
        iso=200,
        focal_length=90.0,
        software="GIMP 2.4.5",
        color_profile="sRGB IEC61966-2.1",
    ),
    "media/with-gps.mp4": Fields(
        media_type="video/mp4",
        width=1920,
        height=1080,
        duration_seconds=0.171,
        captured_at=utc(2017, 2, 22, 8, 20, 28),
        captured_at_local="2017-02-22T08:20:28",
        captured_at_offset="+00:00",
        location="POINT(-0.0806 51.4169)",
    ),
    "media/chirp-5-id3.mp3": Fields(
        media_type="audio/mpeg",
        duration_seconds=0.130612244897959,
        title="Test Track Title",
        creator=("Test Artist Name",),
    ),
    "raw/cmyk16.psd": Fields(
        media_type="application/vnd.adobe.photoshop",
        width=10,
        height=12,
        digitized_at=utc(2012, 5, 22, 14, 51, 47),
        software="Adobe Photoshop CS5 Windows",
        color_profile="U.S. Web Coated (SWOP) v2",
    ),
}


@pytest.mark.parametrize("name", list(GOLDEN))
def test_golden(corpus: Path, pool: ExifToolPool, name: str) -> None:
    normalized = normalize(pool.read(corpus / name))
    assert normalized.fields == GOLDEN[name]
    assert normalized.issues == ()


def test_where_golden_values_come_from(corpus: Path, pool: ExifToolPool) -> None:
    normalized = normalize(pool.read(corpus / "exif-samples/jpg/Pentax_K10D.jpg"))
    assert {entry.field: entry.source for entry in normalized.provenance} == {
        "media_type": "File:MIMEType",
        "width": "Composite:ImageSize",
        "height": "Composite:ImageSize",
        "captured_at": "ExifIFD:DateTimeOriginal",
        "captured_at_local": "ExifIFD:DateTimeOriginal",
        "captured_at_offset": "XMP-exif:DateTimeOriginal",
        "digitized_at": "ExifIFD:CreateDate",
        "creator": "XMP-dc:Creator",
        "copyright_notice": "XMP-dc:Rights",
        "web_statement": "XMP-xmpRights:WebStatement",
        "make": "IFD0:Make",
        "model": "IFD0:Model",
        "exposure_time": "ExifIFD:ExposureTime",
        "f_number": "ExifIFD:FNumber",
        "iso": "ExifIFD:ISO",
        "focal_length": "ExifIFD:FocalLength",
        "software": "IFD0:Software",
        "color_profile": "ICC_Profile:ProfileDescription",
    }


def test_every_file_of_the_corpus_is_read_and_normalized(corpus: Path, pool: ExifToolPool) -> None:
    disbelieved = {}
    for path in sorted(corpus.rglob("*")):
        if path.is_file():
            normalized = normalize(pool.read(path))
            assert ADAPTER.validate_json(ADAPTER.dump_json(normalized.fields), strict=True) == normalized.fields
            assert normalized.fields.media_type
            reasons = [issue.reason for issue in normalized.issues if not issue.reason.startswith("ExifTool: ")]
            disbelieved.update({path.name: reasons} if reasons else {})
    assert disbelieved == {}


def test_every_field_of_a_record_has_its_sources() -> None:
    assert {rule.field for rule in RULES} | COMPOSED == {field.name for field in dataclasses.fields(Fields)}


def test_xmp_goes_before_iptc_before_exif_for_what_describes() -> None:
    raw = {"XMP_dc__Title": "x", "IPTC__ObjectName": "i", "IFD0__Artist": "e", "IPTC__By_line": "b"}
    assert (fields(**raw).title, fields(**raw).creator) == ("x", ("b",))
    assert fields(IPTC__ObjectName="i", XMP_dc__Title="  ").title == "i"


def test_titles_that_look_like_numbers_or_booleans_stay_text() -> None:
    assert fields(XMP_dc__Title="1.10").title == "1.10"
    assert fields(XMP_dc__Title=True).title == "true"
    assert fields(XMP_dc__Subject=["2.50", False]).keywords == ("2.50", "false")


def test_text_is_cleaned() -> None:
    assert fields(XMP_dc__Description=" one\x00\x07\r\ntwo\x85\ud800 ").description == "one\ntwo"
    assert fields(XMP_dc__Description="(Binary data 12 bytes, use -b option to extract)").description is None


def test_language_alternatives_fall_back_to_english_and_then_to_the_first() -> None:
    german = {"XMP-dc:Title-de": "Titel", "XMP-dc:Title-fr": "titre"}
    english = {**german, "XMP-dc:Title-en-GB": "title"}
    assert normalize(german).fields.title == "Titel"
    assert [(entry.field, entry.source) for entry in normalize(german).provenance] == [("title", "XMP-dc:Title-de")]
    assert normalize(english).fields.title == "title"
    assert normalize({**english, "XMP-dc:Title": "default"}).fields.title == "default"
    assert normalize({**german, "XMP-dc:Title": ""}).fields.title == "Titel"


def test_structures() -> None:
    found = normalize(
        {
            "XMP-plus:Licensor": [{"LicensorName": "Ann"}, {"LicensorURL": "https://example.org/licence"}],
            "XMP-iptcCore:CreatorContactInfo": {"CiTelWork": "123", "CiEmailWork": "ann@example.org"},
            "XMP-iptcCore:AltTextAccessibility": "A red boat",
            "XMP-xmpRights:UsageTerms": "Ask first",
        }
    )
    assert found.fields.licensor_url == "https://example.org/licence"
    assert found.fields.contact == "ann@example.org"
    assert found.fields.alt_text == "A red boat"
    assert found.fields.usage_terms == "Ask first"
    assert [entry.source for entry in found.provenance if entry.field == "licensor_url"] == [
        "XMP-plus:Licensor/LicensorURL"
    ]
    assert normalize({"XMP-plus:Licensor": "not a structure"}).fields.licensor_url is None


def test_lists_are_read_as_each_tag_packs_them() -> None:
    assert fields(IFD0__Artist="Ann Ode; Bob Oz;").creator == ("Ann Ode", "Bob Oz")
    assert fields(XMP_dc__Creator="Ann Ode; Bob Oz").creator == ("Ann Ode; Bob Oz",)
    assert fields(PDF__Keywords="boat, sea;sea").keywords == ("boat", "sea")
    assert fields(IPTC__Keywords="boat, sea").keywords == ("boat, sea",)
    assert fields(XMP_digiKam__TagsList=["People/Ann"]).hierarchical_keywords == ("People|Ann",)
    assert fields(XMP_lr__HierarchicalSubject=["Band|AC/DC"]).hierarchical_keywords == ("Band|AC/DC",)


def test_city_and_country_are_of_one_place() -> None:
    created = {"XMP-iptcExt:LocationCreated": [{"City": "Berlin", "CountryName": "Germany"}]}
    shown = {"XMP-iptcExt:LocationShown": [{"City": "Paris"}]}
    legacy = {"XMP-photoshop:City": "Oslo", "IPTC:Country-PrimaryLocationName": "Norway"}

    def place(raw: dict[str, Any]) -> tuple[str | None, str | None]:
        found = normalize(raw).fields
        return found.city, found.country

    assert place({**created, **shown, **legacy}) == ("Paris", None)
    assert place({**created, **legacy}) == ("Oslo", "Norway")
    assert place(created) == ("Berlin", "Germany")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"XMP-xmp:Rating": "4.5"}, 4),
        ({"XMP-xmp:Rating": "-1"}, -1),
        ({"XMP-xmp:Rating": "-7"}, -1),
        ({"XMP-xmp:Rating": "99"}, 5),
        ({"XMP-xmp:Rating": "many", "IFD0:Rating": "2"}, 2),
        ({"XMP-xmp:Rating": ""}, None),
    ],
)
def test_rating(raw: dict[str, Any], expected: int | None) -> None:
    assert normalize(raw).fields.rating == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"ExifIFD:ISO": "100"}, 100),
        ({"ExifIFD:ISO": "200 0"}, 200),
        ({"ExifIFD:ISO": "65535", "ExifIFD:RecommendedExposureIndex": "102400"}, 102400),
        ({"ExifIFD:ISO": "0", "XMP-exif:ISO": ["400", "800"]}, 400),
        ({"ExifIFD:ISO": "4294967295"}, None),
    ],
)
def test_iso(raw: dict[str, Any], expected: int | None) -> None:
    assert normalize(raw).fields.iso == expected


def test_numbers_that_say_nothing_are_left_out_silently_and_bad_ones_with_an_issue() -> None:
    assert fields(ExifIFD__FNumber="undef", ExifIFD__FocalLength="0", ExifIFD__ExposureTime="inf") == Fields()
    assert issues(ExifIFD__FNumber="undef", ExifIFD__FocalLength="0", ExifIFD__ExposureTime="1/0") == []
    assert fields(ExifIFD__ExposureTime="1/250").exposure_time == 0.004
    assert fields(ExifIFD__FNumber="f/5,6", XMP_exif__FNumber="5.6").f_number == 5.6
    assert issues(ExifIFD__FNumber="f/5,6", ExifIFD__FocalLength="-8", ExifIFD__ExposureTime="1e999") == [
        "ExifIFD:ExposureTime: “1e999” is not a number",
        "ExifIFD:FNumber: “f/5,6” is not a number",
        "ExifIFD:FocalLength: “-8” is below 0",
    ]


ORIGINAL = "2021:05:06 07:08:09"


@pytest.mark.parametrize(
    ("raw", "local", "offset", "moment"),
    [
        ({"ExifIFD:DateTimeOriginal": ORIGINAL}, "2021-05-06T07:08:09", None, None),
        (
            {
                "ExifIFD:DateTimeOriginal": ORIGINAL,
                "ExifIFD:OffsetTimeOriginal": "+02:00",
                "ExifIFD:SubSecTimeOriginal": "25 ",
            },
            "2021-05-06T07:08:09",
            "+02:00",
            utc(2021, 5, 6, 5, 8, 9, 250000),
        ),
        ({"XMP-exif:DateTimeOriginal": f"{ORIGINAL}Z"}, "2021-05-06T07:08:09", "+00:00", utc(2021, 5, 6, 7, 8, 9)),
        (
            {"Keys:CreationDate": f"{ORIGINAL}-0330", "QuickTime:CreateDate": "2021:05:06 10:38:09"},
            "2021-05-06T07:08:09",
            "-03:30",
            utc(2021, 5, 6, 10, 38, 9),
        ),
        # ISO/IEC 14496-12 fixes UTC for a movie's creation time.
        ({"QuickTime:CreateDate": ORIGINAL}, "2021-05-06T07:08:09", "+00:00", utc(2021, 5, 6, 7, 8, 9)),
        # The zone of another tag counts only where its clock shows the same.
        (
            {"ExifIFD:DateTimeOriginal": ORIGINAL, "XMP-photoshop:DateCreated": f"{ORIGINAL}.5+01:00"},
            "2021-05-06T07:08:09",
            "+01:00",
            utc(2021, 5, 6, 6, 8, 9),
        ),
        (
            {"ExifIFD:DateTimeOriginal": ORIGINAL, "XMP-photoshop:DateCreated": "2021:05:06 05:08:09Z"},
            "2021-05-06T07:08:09",
            None,
            None,
        ),
        # IPTC-IIM demands an offset, and software without one fills in +00:00.
        ({"IPTC:DateCreated": "2021:05:06", "IPTC:TimeCreated": "07:08:09+00:00"}, "2021-05-06T07:08:09", None, None),
        (
            {"IPTC:DateCreated": "2021:05:06", "IPTC:TimeCreated": "07:08:09-04:00"},
            "2021-05-06T07:08:09",
            "-04:00",
            utc(2021, 5, 6, 11, 8, 9),
        ),
        ({"ExifIFD:DateTimeOriginal": "    :  :     :  :  "}, None, None, None),
        ({"ExifIFD:DateTimeOriginal": "0000:00:00 00:00:00"}, None, None, None),
        (
            {"ExifIFD:DateTimeOriginal": ORIGINAL, "ExifIFD:OffsetTimeOriginal": "   :  "},
            "2021-05-06T07:08:09",
            None,
            None,
        ),
        ({"XMP-photoshop:DateCreated": "2021:05"}, None, None, None),
    ],
)
def test_capture_time(raw: dict[str, Any], local: str | None, offset: str | None, moment: datetime | None) -> None:
    found = normalize(raw)
    assert (found.fields.captured_at_local, found.fields.captured_at_offset, found.fields.captured_at) == (
        local,
        offset,
        moment,
    )
    assert found.issues == ()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (
            {"ExifIFD:DateTimeOriginal": "2021:13:06 07:08:09"},
            "ExifIFD:DateTimeOriginal: “2021:13:06 07:08:09” is not a date: month must be in 1..12",
        ),
        ({"ExifIFD:DateTimeOriginal": "yesterday"}, "ExifIFD:DateTimeOriginal: “yesterday” is not a date"),
        (
            {"ExifIFD:DateTimeOriginal": ORIGINAL, "ExifIFD:OffsetTimeOriginal": "+25:00"},
            "ExifIFD:OffsetTimeOriginal: “+25:00” is not an offset that is in use",
        ),
        (
            {"XMP-exif:DateTimeOriginal": "0001:01:01 00:00:00+14:00"},
            "XMP-exif:DateTimeOriginal: 0001-01-01T00:00:00+14:00 lies outside of the calendar",
        ),
    ],
)
def test_impossible_times_are_left_out_with_an_issue(raw: dict[str, Any], reason: str) -> None:
    found = normalize(raw)
    assert found.issues == (Issue("extract", reason),)
    assert found.fields.captured_at is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"XMP-photoshop:DateCreated": "1944"}, "1944"),
        ({"XMP-photoshop:DateCreated": "2021:05"}, "2021-05"),
        ({"XMP-photoshop:DateCreated": "2021-05-06"}, "2021-05-06"),
        ({"XMP-photoshop:DateCreated": "2021:05:06 07:08Z"}, "2021-05-06T07:08+00:00"),
        ({"XMP-photoshop:DateCreated": "2021:05:06 07:08:09.018+02:00"}, "2021-05-06T07:08:09.018+02:00"),
        ({"IPTC:DateCreated": "1944:00:00"}, "1944"),
        ({"IPTC:DateCreated": "1944:06:00", "IPTC:TimeCreated": ""}, "1944-06"),
        ({"IPTC:DateCreated": "2021:05:06", "IPTC:TimeCreated": "07:08:09+00:00"}, "2021-05-06T07:08:09"),
        ({"XMP-photoshop:DateCreated": "2021:02:30", "IPTC:DateCreated": "2021:02:28"}, "2021-02-28"),
        ({"XMP-photoshop:DateCreated": "0000:00:00"}, None),
        ({"ExifIFD:DateTimeOriginal": ORIGINAL}, None),
    ],
)
def test_date_created_keeps_the_precision_it_has(raw: dict[str, Any], expected: str | None) -> None:
    assert normalize(raw).fields.date_created == expected


def gps(latitude: str, south_or_north: str, longitude: str, west_or_east: str) -> dict[str, Any]:
    return {
        "GPS:GPSLatitude": latitude,
        "GPS:GPSLatitudeRef": south_or_north,
        "GPS:GPSLongitude": longitude,
        "GPS:GPSLongitudeRef": west_or_east,
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (gps("59.9139", "N", "10.7522", "E"), "POINT(10.7522 59.9139)"),
        (gps("33.8688", "S", "151.2093", "E"), "POINT(151.2093 -33.8688)"),
        (gps("34.6037", "S", "58.3816", "W"), "POINT(-58.3816 -34.6037)"),
        (gps("0", "N", "9.45", "W"), "POINT(-9.45 0)"),
        ({"XMP-exif:GPSLatitude": "-33.8688", "XMP-exif:GPSLongitude": "151.2093"}, "POINT(151.2093 -33.8688)"),
        ({"Keys:GPSCoordinates": "-34.6037 -58.3816 25"}, "POINT(-58.3816 -34.6037)"),
        ({"Composite:GPSLatitude": "-34.6037", "Composite:GPSLongitude": "-58.3816"}, "POINT(-58.3816 -34.6037)"),
        (gps("", "", "", ""), None),
    ],
)
def test_location(raw: dict[str, Any], expected: str | None) -> None:
    assert normalize(raw).fields.location == expected
    assert normalize(raw).issues == ()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (gps("0", "N", "0", "E"), "the position is 0,0, which stands for no position"),
        (gps("0.00000001", "S", "0", "W"), "the position is 0,0, which stands for no position"),
        (gps("91", "N", "10", "E"), "the position is not on the globe"),
        (gps("59", "N", "181", "E"), "the position is not on the globe"),
        (gps("59", "", "10", "E"), "the position lacks its hemisphere"),
        (gps("59", "N", "10", "?"), "the position lacks its hemisphere"),
        (gps("59", "N", "", "E"), "the position lacks its latitude or its longitude"),
        (gps("59 degrees", "N", "10", "E"), "the position is not a number"),
    ],
)
def test_impossible_positions_are_left_out_and_never_quoted(raw: dict[str, Any], reason: str) -> None:
    found = normalize({**raw, "Composite:GPSLatitude": "0", "Composite:GPSLongitude": "0"})
    assert found.fields.location is None
    assert found.issues == (Issue("extract", f"GPS: {reason}"),)


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        ({"File:MIMEType": "image/jpeg", "IFD0:Orientation": "1"}, (40, 30)),
        ({"File:MIMEType": "image/jpeg", "IFD0:Orientation": "4"}, (40, 30)),
        ({"File:MIMEType": "image/jpeg", "IFD0:Orientation": "5"}, (30, 40)),
        ({"File:MIMEType": "image/jpeg", "IFD0:Orientation": "8"}, (30, 40)),
        ({"File:MIMEType": "image/jpeg", "IFD0:Orientation": "1", "XMP-tiff:Orientation": "6"}, (40, 30)),
        ({"File:MIMEType": "image/png", "XMP-tiff:Orientation": "6"}, (30, 40)),
        ({"File:MIMEType": "image/heic", "IFD0:Orientation": "6"}, (40, 30)),
        ({"File:MIMEType": "image/avif", "QuickTime:Rotation": "90"}, (30, 40)),
        ({"File:MIMEType": "video/mp4", "Composite:Rotation": "270"}, (30, 40)),
        ({"File:MIMEType": "video/mp4", "Composite:Rotation": "180"}, (40, 30)),
    ],
)
def test_size_is_after_orientation(raw: dict[str, Any], size: tuple[int, int]) -> None:
    found = normalize({**raw, "Composite:ImageSize": "40 30"}).fields
    assert (found.width, found.height) == size


def test_a_photo_has_no_duration() -> None:
    assert fields(File__MIMEType="image/heic", QuickTime__Duration="2.5").duration_seconds is None
    assert fields(File__MIMEType="video/mp4", QuickTime__Duration="2.5").duration_seconds == 2.5


def test_what_exiftool_warns_of_becomes_an_issue_unless_it_is_minor() -> None:
    assert issues(ExifTool__Warning="JPEG format error") == ["ExifTool: JPEG format error"]
    assert issues(ExifTool__Warning="[minor] Unrecognized MakerNotes") == []


SOURCES = sorted(
    {source.split("/")[0] for rule in RULES for source in rule.sources}
    | {"Composite:ImageSize", "IFD0:Orientation", "ExifIFD:DateTimeOriginal", "ExifIFD:OffsetTimeOriginal"}
    | {"IPTC:DateCreated", "IPTC:TimeCreated", "XMP-photoshop:DateCreated", "XMP-iptcExt:LocationShown"}
    | set(gps("", "", "", ""))
    | {"Keys:GPSCoordinates", "QuickTime:CreateDate", "QuickTime:Duration", "ExifTool:Warning", "XMP-dc:Title-de"}
)
SCALARS = st.one_of(
    st.text(max_size=20),
    st.booleans(),
    st.none(),
    st.from_regex(r"[0-9]{4}[:-][0-9]{1,2}[:-][0-9]{1,2}[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2})?([+-][0-9]{1,4}|Z)?"),
    st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,4})?([e/]-?[0-9]{1,4})?"),
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


@given(raw=st.dictionaries(st.sampled_from(SOURCES), JSON, max_size=12))
def test_nothing_that_a_file_says_breaks_the_fields(raw: dict[str, Any]) -> None:
    found = normalize(raw)
    assert ADAPTER.validate_json(ADAPTER.dump_json(found.fields), strict=True) == found.fields
    assert {entry.field for entry in found.provenance} == {
        name for name, value in dataclasses.asdict(found.fields).items() if value not in (None, ())
    }
    assert all(issue.stage == "extract" for issue in found.issues)


@given(st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)), st.integers(-12 * 60, 14 * 60))
def test_a_moment_survives_the_way_through_text(local: datetime, minutes: int) -> None:
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    shown = values.moment(f"{local:%Y:%m:%d %H:%M:%S}.{local.microsecond:06d}{offset}")
    assert shown == values.Moment(local, offset)
    assert shown is not None
    assert shown.utc() == datetime.fromisoformat(f"{local.isoformat()}{offset}")


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_point_keeps_its_centimetre(latitude: float, longitude: float) -> None:
    try:
        shown = values.point(latitude, longitude)
    except ValueError:
        assert max(abs(latitude), abs(longitude)) < 1e-7
        return
    x, y = (float(part) for part in shown.removeprefix("POINT(").removesuffix(")").split())
    assert abs(x - longitude) < 1e-7
    assert abs(y - latitude) < 1e-7
