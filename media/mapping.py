"""Where each field of a record is looked for among ExifTool's tags, and in which order.

Orders follow the IPTC Photo Metadata Standard's mapping to EXIF, IPTC-IIM and XMP and its Mapping Guidelines:
descriptive fields take XMP before IPTC-IIM before EXIF, technical fields EXIF before XMP; containers of video, audio
and documents come last. A source is ExifTool's `Group1:Tag`; `/` goes into a structure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from media import values


@dataclass(frozen=True)
class Rule:
    """How one field is filled: the first source with a usable value wins."""

    field: str
    parse: Callable[[Any], Any]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Clock:
    """A source of date and time, or of a date alone.

    Attributes:
        source: the tag of the date, with or without the time.
        offset: the tag of the offset, or an offset itself where a specification fixes it.
        subsecond: the tag of the fraction of a second, as digits.
        time: the tag of the time, where the source holds the date alone.
    """

    source: str
    offset: str = ""
    subsecond: str = ""
    time: str = ""


def _named(names: Mapping[str, str]) -> Callable[[Any], str | None]:
    return lambda value: names.get(values.text(value) or "")


_MEDIA = (
    "ItemList",
    "Keys",
    "UserData",
    "ID3v2_4",
    "ID3v2_3",
    "ID3v2_2",
    "ID3v1",
    "RIFF",
    "Vorbis",
    "PNG",
    "PDF",
    "XML",
)


def _media(tag: str) -> tuple[str, ...]:
    return tuple(f"{group}:{tag}" for group in _MEDIA)


RULES = (
    Rule("media_type", values.text, ("File:MIMEType",)),
    Rule("page_count", values.count, ("PDF:PageCount", "XML:Pages", "FlashPix:Pages", "XMP-xmpTPg:NPages")),
    Rule("title", values.text, ("XMP-dc:Title", "IPTC:ObjectName", "IFD0:XPTitle", *_media("Title"), "FlashPix:Title")),
    Rule("headline", values.text, ("XMP-photoshop:Headline", "IPTC:Headline")),
    Rule(
        "description",
        values.text,
        ("XMP-dc:Description", "IPTC:Caption-Abstract", "IFD0:ImageDescription", *_media("Description"), "PDF:Subject"),
    ),
    Rule("keywords", values.texts, ("XMP-dc:Subject", "IPTC:Keywords", "IFD0:XPKeywords", *_media("Keywords"))),
    Rule(
        "hierarchical_keywords",
        values.texts,
        (
            "XMP-lr:HierarchicalSubject",
            "XMP-digiKam:TagsList",
            "XMP-microsoft:LastKeywordXMP",
            "XMP-mediapro:CatalogSets",
        ),
    ),
    Rule(
        "creator",
        values.texts,
        ("XMP-dc:Creator", "IPTC:By-line", "IFD0:Artist", "IFD0:XPAuthor", *_media("Artist"), *_media("Author")),
    ),
    Rule("credit", values.text, ("XMP-photoshop:Credit", "IPTC:Credit")),
    Rule("source", values.text, ("XMP-photoshop:Source", "IPTC:Source")),
    Rule(
        "copyright_notice",
        values.text,
        ("XMP-dc:Rights", "IPTC:CopyrightNotice", "IFD0:Copyright", *_media("Copyright")),
    ),
    Rule("web_statement", values.text, ("XMP-xmpRights:WebStatement",)),
    Rule("usage_terms", values.text, ("XMP-xmpRights:UsageTerms",)),
    Rule("licensor_url", values.text, ("XMP-plus:Licensor/LicensorURL",)),
    Rule(
        "contact",
        values.text,
        (
            "XMP-iptcCore:CreatorContactInfo/CiEmailWork",
            "XMP-iptcCore:CreatorContactInfo/CiUrlWork",
            "XMP-iptcCore:CreatorContactInfo/CiTelWork",
            "IPTC:Contact",
        ),
    ),
    Rule("alt_text", values.text, ("XMP-iptcCore:AltTextAccessibility",)),
    Rule("rating", values.rating, ("XMP-xmp:Rating", "IFD0:Rating")),
    Rule("make", values.text, ("IFD0:Make", "XMP-tiff:Make", *_media("Make"))),
    Rule("model", values.text, ("IFD0:Model", "XMP-tiff:Model", *_media("Model"))),
    Rule(
        "lens",
        values.text,
        ("ExifIFD:LensModel", "XMP-exifEX:LensModel", "XMP-aux:Lens", "Canon:LensModel", "Olympus:LensModel"),
    ),
    Rule("exposure_time", values.positive, ("ExifIFD:ExposureTime", "IFD0:ExposureTime", "XMP-exif:ExposureTime")),
    Rule("f_number", values.positive, ("ExifIFD:FNumber", "IFD0:FNumber", "XMP-exif:FNumber")),
    Rule(
        "iso",
        values.iso,
        (
            "ExifIFD:ISO",
            "ExifIFD:RecommendedExposureIndex",
            "ExifIFD:StandardOutputSensitivity",
            "ExifIFD:ISOSpeed",
            "IFD0:ISO",
            "XMP-exifEX:PhotographicSensitivity",
            "XMP-exif:ISO",
            "Composite:ISO",
        ),
    ),
    Rule("focal_length", values.positive, ("ExifIFD:FocalLength", "IFD0:FocalLength", "XMP-exif:FocalLength")),
    Rule(
        "software",
        values.text,
        (
            "IFD0:Software",
            "XMP-xmp:CreatorTool",
            "XMP-tiff:Software",
            *_media("Software"),
            *_media("Encoder"),
            "PDF:Creator",
        ),
    ),
    Rule("color_profile", values.text, ("ICC_Profile:ProfileDescription",)),
    Rule("color_profile", _named({"1": "sRGB", "2": "Adobe RGB"}), ("ExifIFD:ColorSpace",)),
    Rule("color_profile", _named({"R98": "sRGB", "R03": "Adobe RGB"}), ("InteropIFD:InteropIndex",)),
    Rule("color_profile", values.text, ("XMP-photoshop:ICCProfileName",)),
)
"""Fields that one source fills whole; a field named twice is read another way from its later sources."""

PACKED = {
    "IFD0:Artist": ";",
    "IFD0:XPAuthor": ";",
    "IFD0:XPKeywords": ";",
    "PDF:Author": ";",
    "PDF:Keywords": ",;",
    "Keys:Keywords": ",",
    "ItemList:Keywords": ",",
    "UserData:Keywords": ",",
}
"""Tags that pack a list into one text, and at what they are cut (Exif and Metadata Working Group: `;`)."""

LEVELS = {"XMP-digiKam:TagsList": "/", "XMP-microsoft:LastKeywordXMP": "/"}
"""Hierarchies whose levels are not parted by `|`; ours are."""


def _place(city: tuple[str, ...], state: tuple[str, ...], country: tuple[str, ...]) -> tuple[Rule, ...]:
    sources = {"city": city, "state": state, "country": country}
    return tuple(Rule(field, values.text, tags) for field, tags in sources.items())


def _structured(place: str) -> tuple[Rule, ...]:
    city, state, country = ((f"XMP-iptcExt:{place}/{part}",) for part in ("City", "ProvinceState", "CountryName"))
    return _place(city, state, country)


PLACES = (
    _structured("LocationShown"),
    _place(
        ("XMP-photoshop:City", "IPTC:City"),
        ("XMP-photoshop:State", "IPTC:Province-State"),
        ("XMP-photoshop:Country", "IPTC:Country-PrimaryLocationName"),
    ),
    _structured("LocationCreated"),
)
"""City, state and country of one place each: Paris of one place must not end up in the Germany of another."""

CAPTURE = (
    Clock("ExifIFD:DateTimeOriginal", "ExifIFD:OffsetTimeOriginal", "ExifIFD:SubSecTimeOriginal"),
    Clock("IFD0:DateTimeOriginal"),
    Clock("XMP-exif:DateTimeOriginal", "XMP-exifEX:OffsetTimeOriginal"),
    Clock("XMP-photoshop:DateCreated"),
    Clock("IPTC:DateCreated", time="IPTC:TimeCreated"),
    Clock("CIFF:DateTimeOriginal"),
    Clock("Reconyx:DateTimeOriginal"),
    Clock("Keys:CreationDate"),
    Clock("ItemList:ContentCreateDate"),
    Clock("UserData:ContentCreateDate"),
    Clock("UserData:DateTimeOriginal"),
    Clock("RIFF:DateTimeOriginal"),
    Clock("QuickTime:CreateDate", "+00:00"),  # ISO/IEC 14496-12, 8.2.2: creation_time is in UTC
)
DIGITIZED = (
    Clock("ExifIFD:CreateDate", "ExifIFD:OffsetTimeDigitized", "ExifIFD:SubSecTimeDigitized"),
    Clock("XMP-exif:DateTimeDigitized", "XMP-exifEX:OffsetTimeDigitized"),
    Clock("XMP-xmp:CreateDate"),
    Clock("IPTC:DigitalCreationDate", time="IPTC:DigitalCreationTime"),
)
CREATED = (Clock("XMP-photoshop:DateCreated"), Clock("IPTC:DateCreated", time="IPTC:TimeCreated"))
POSITIONS = ("GPS", "XMP-exif", "Keys", "UserData", "ItemList", "Composite")
"""Groups that may hold a position; what a maker's own tags say of it is in ExifTool's composite."""
