"""ExifTool's tags become the fields of a record, with where each came from and what could not be believed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from media import values
from media.mapping import CAPTURE, CREATED, DIGITIZED, LEVELS, PACKED, PLACES, POSITIONS, RULES, Clock, Rule
from media.records import Fields, Issue, Provenance

STAGE = "extract"
"""Stage of the issues that reading a file brings up."""
COMPOSED = frozenset(
    {"width", "height", "duration_seconds", "captured_at", "captured_at_local", "captured_at_offset", "date_created"}
    | {"digitized_at", "city", "state", "country", "location"}
)
"""Fields that take more than one tag; together with `RULES` they fill every field of a record."""

_HEIF = ("image/hei", "image/avif")
_SIDEWAYS = frozenset({5, 6, 7, 8})  # Exif 2.32, Orientation: rows and columns are swapped
_QUARTER_TURNS = frozenset({90, 270})


@dataclass(frozen=True)
class Normalized:
    """Fields of one file, where each came from, and what was left out as unbelievable."""

    fields: Fields
    provenance: tuple[Provenance, ...]
    issues: tuple[Issue, ...]


def normalize(raw: Mapping[str, Any]) -> Normalized:
    """Fills every field of a record from what ExifTool says of a file; never raises.

    Args:
        raw: ExifTool's JSON object of one file, with `-G1 -struct -n` and numbers as text.
    """
    reading = _Reading(raw)
    for rule in RULES:
        reading.fill(rule)
    _fill_place(reading)
    _fill_size(reading)
    _fill_duration(reading)
    _fill_times(reading)
    _fill_location(reading)
    provenance = tuple(Provenance(field, source) for field, source in reading.provenance.items())
    return Normalized(Fields(**reading.fields), provenance, tuple(dict.fromkeys([*_said(raw), *reading.issues])))


class _Reading:
    """One file's tags, and what has been made of them so far."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.languages = _languages(raw)
        self.fields: dict[str, Any] = {}
        self.provenance: dict[str, str] = {}
        self.issues: list[Issue] = []

    def fill(self, rule: Rule) -> None:
        """Fills the rule's field, unless an earlier rule has."""
        if rule.field in self.fields:
            return
        for source in rule.sources:
            if self.put(rule.field, self.parsed(source, rule.parse), source):
                return

    def put(self, field: str, value: Any, source: str) -> bool:
        """Keeps a value that says something; tells whether it does."""
        if value is None or value == ():
            return False
        self.fields[field] = value
        key, *steps = source.split("/")
        self.provenance[field] = "/".join([self._key(key), *steps])
        return True

    def parsed(self, source: str, parse: Callable[[Any], Any]) -> Any:
        """A source's parsed value; None, with an issue, where it cannot be true."""
        found = self.find(source)
        if found is None:
            return None
        try:
            return parse(found)
        except ValueError as error:
            self.note(f"{source}: {error}")
            return None

    def find(self, source: str) -> Any:
        """What the file holds there: a text, a list of texts, or None."""
        key, *steps = source.split("/")
        found = self.raw.get(self._key(key))
        for step in steps:
            found = [item for structure in _structures(found) for item in _localized(structure, step)]
        if source in PACKED:
            found = values.split(values.texts(found), PACKED[source])
        if source in LEVELS:
            found = [item.replace(LEVELS[source], "|") for item in values.texts(found)]
        return found

    def _key(self, key: str) -> str:
        found = self.raw.get(key)
        return key if values.text(found) or _structures(found) else self.languages.get(key, key)

    def note(self, reason: str) -> None:
        """Adds an issue."""
        self.issues.append(Issue(STAGE, reason))


def _languages(tags: Mapping[str, Any]) -> dict[str, str]:
    """For each tag, its twin in a named language (`XMP-dc:Title-de`): English if there is one, else the first."""
    found: dict[str, list[str]] = {}
    for key in tags:
        name, hyphen, language = key.partition(":")[2].partition("-")
        if hyphen and language[:2].islower():
            found.setdefault(f"{key.partition(':')[0]}:{name}", []).append(key)
    return {name: min(keys, key=lambda key: f"{name}-en" not in key) for name, keys in found.items()}


def _structures(found: Any) -> list[Mapping[str, Any]]:
    return [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, Mapping)]


def _localized(structure: Mapping[str, Any], step: str) -> Iterator[Any]:
    keys: Iterable[str] = [step] if step in structure else [key for key in structure if key.startswith(f"{step}-")][:1]
    return (structure[key] for key in keys)


def _said(raw: Mapping[str, Any]) -> Iterator[Issue]:
    """What ExifTool complains of; it marks with [minor] what does not touch what it has read."""
    for key in ("ExifTool:Error", "ExifTool:Warning"):
        words = values.text(raw.get(key))
        if words and not words.startswith("[minor]"):
            yield Issue(STAGE, f"ExifTool: {words}")


def _fill_place(reading: _Reading) -> None:
    for place in PLACES:
        for rule in place:
            reading.fill(rule)
        if any(rule.field in reading.fields for rule in place):
            return


def _fill_size(reading: _Reading) -> None:
    source = "Composite:ImageSize"
    size = (values.text(reading.find(source)) or "").split()
    if len(size) != 2:
        return
    try:
        width, height = (values.count(side) for side in size)
    except ValueError as error:
        reading.note(f"{source}: {error}")
        return
    if width and height:
        sides = (height, width) if _lies_sideways(reading) else (width, height)
        reading.put("width", sides[0], source)
        reading.put("height", sides[1], source)


def _lies_sideways(reading: _Reading) -> bool:
    """HEIF turns by its own `irot` and has readers ignore Exif's Orientation (ISO/IEC 23008-12, annex A)."""
    media_type = reading.fields.get("media_type", "")
    if media_type.startswith(_HEIF):
        return reading.parsed("QuickTime:Rotation", values.number) in _QUARTER_TURNS
    if media_type.startswith("video/"):
        return reading.parsed("Composite:Rotation", values.number) in _QUARTER_TURNS
    orientation = reading.parsed("IFD0:Orientation", values.number)
    if orientation is None:
        orientation = reading.parsed("XMP-tiff:Orientation", values.number)
    return orientation in _SIDEWAYS


def _fill_duration(reading: _Reading) -> None:
    if reading.fields.get("media_type", "").startswith(("video/", "audio/")):
        sources = ("QuickTime:Duration", "Composite:Duration", "Info:Duration", "ASF:PlayDuration")
        reading.fill(Rule("duration_seconds", values.positive, sources))


def _fill_times(reading: _Reading) -> None:
    taken, source, offset_source = _moment(reading, CAPTURE)
    if taken is not None:
        reading.put("captured_at_local", taken.text, source)
        reading.put("captured_at_offset", taken.offset, offset_source)
        reading.put("captured_at", _utc(reading, taken, source), source)
    digitized, source, _ = _moment(reading, DIGITIZED)
    if digitized is not None:
        reading.put("digitized_at", _utc(reading, digitized, source), source)
    for clock in CREATED:
        if reading.put("date_created", _parsed_date(reading, clock, values.partial_date), clock.source):
            return


def _moment(reading: _Reading, clocks: Iterable[Clock]) -> tuple[values.Moment | None, str, str]:
    """The first clock's reading; where it gives no offset, that of a later clock that shows the same local time.

    Beside it, the tag of the reading and the tag of the offset.
    """
    first, source = None, ""
    for clock in clocks:
        shown, offset_source = _shown(reading, clock)
        if shown is None:
            continue
        if first is None:
            first, source = shown, clock.source
        if shown.offset and shown.text == first.text:
            return values.Moment(first.local, shown.offset), source, offset_source
    return first, source, ""


def _shown(reading: _Reading, clock: Clock) -> tuple[values.Moment | None, str]:
    subsecond = reading.find(clock.subsecond)
    shown = _parsed_date(reading, clock, lambda found: values.moment(found, subsecond))
    if shown is None or shown.offset or not clock.offset:
        return shown, clock.time or clock.source
    if clock.offset.startswith("+"):
        return values.Moment(shown.local, clock.offset), clock.source
    return values.Moment(shown.local, reading.parsed(clock.offset, values.offset)), clock.offset


def _parsed_date(reading: _Reading, clock: Clock, parse: Callable[[Any], Any]) -> Any:
    """IPTC-IIM keeps date and time apart, and software fills its obligatory offset with +00:00: that says nothing."""
    time = values.text(reading.find(clock.time))
    day = values.text(reading.find(clock.source))
    if not time or not day or len(day) > len("2021:05:06"):
        return reading.parsed(clock.source, parse)
    try:
        return parse(f"{day} {time.removesuffix('+00:00')}")
    except ValueError as error:
        reading.note(f"{clock.source}: {error}")
        return None


def _utc(reading: _Reading, shown: values.Moment, source: str) -> Any:
    try:
        return shown.utc()
    except ValueError as error:
        reading.note(f"{source}: {error}")
        return None


def _fill_location(reading: _Reading) -> None:
    before = len(reading.issues)
    for group in POSITIONS:
        if group == "Composite" and len(reading.issues) > before:
            return  # made of the tags that have just been refused
        try:
            found = _position(reading, group)
            if found is not None:
                latitude, longitude, tag = found
                reading.put("location", values.point(latitude, longitude), f"{group}:{tag}")
                return
        except ValueError as error:
            reading.note(f"{group}: {error}")


def _position(reading: _Reading, group: str) -> tuple[float, float, str] | None:
    """Signed latitude and longitude, and the tag they come from; errors quote no coordinates, which are private."""
    tag = "GPSCoordinates"
    both = (values.text(reading.find(f"{group}:{tag}")) or "").split()
    if len(both) >= 2:
        latitude, longitude = _degrees(both[0]), _degrees(both[1])
    else:
        tag = "GPSLatitude"
        latitude, longitude = _signed(reading, group, tag, "NS"), _signed(reading, group, "GPSLongitude", "EW")
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None:
        raise ValueError("the position lacks its latitude or its longitude")
    return latitude, longitude, tag


def _signed(reading: _Reading, group: str, tag: str, hemispheres: str) -> float | None:
    """Degrees, south and west below 0. Exif gives them without sign; a lost hemisphere is not guessed."""
    degrees = _degrees(reading.find(f"{group}:{tag}"))
    letter = (values.text(reading.find(f"{group}:{tag}Ref")) or "")[:1].upper()
    if degrees is None or (not letter and group != "GPS"):
        return degrees
    if not letter or letter not in hemispheres:
        raise ValueError("the position lacks its hemisphere")
    return abs(degrees) if letter == hemispheres[0] else -abs(degrees)


def _degrees(value: Any) -> float | None:
    try:
        return values.number(value)
    except ValueError:
        raise ValueError("the position is not a number") from None
