"""Values as metadata writes them, turned into ours: text, numbers, dates, zones, coordinates.

Every parser takes what ExifTool's JSON holds (text, since numbers are read as text; lists and booleans now and then)
and gives None for what says nothing. What says something that cannot be true raises ValueError, whose message is for a
person and quotes the value, coordinates excepted.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

INTEGER_LIMIT = 2**31 - 1
"""Pixels, pages and ISO speeds stay far below; above it stand fill values such as 0xFFFFFFFF."""
QUOTED_CHARACTERS = 40
"""As much of a bad value as a person needs to recognise it."""
RATINGS = (-1, 5)
"""XMP specification part 1, 8.4: -1 is rejected, 0 unrated, 5 the best."""
ZONES_MINUTES = (-12 * 60, 14 * 60)
"""Offsets from UTC in use on Earth."""
ISO_IS_ELSEWHERE = 65535
"""Exif 2.32, PhotographicSensitivity: the speed does not fit 16 bits and stands in another tag."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BINARY = re.compile(r"\(Binary data \d+ bytes, use -b option to extract\)")
_NO_NUMBER = frozenset({"undef", "inf", "-inf", "nan", "n/a"})
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:/(\d+))?", re.ASCII)
_BLANK_DATE = re.compile(r"(0000.*|[\s:./-]*)", re.DOTALL)
_CLOCK = ("year", "month", "day", "hour", "minute", "second")
_ZONE = r"Z|[+-]\d{1,2}:?\d{2}"
_DATE = re.compile(
    r"(?P<year>\d{4})(?:[:-](?P<month>\d{1,2})(?:[:-](?P<day>\d{1,2})"
    r"(?:[ T](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d*))?)?"
    rf"\s*(?P<zone>{_ZONE})?)?)?)?"
)


@dataclass(frozen=True)
class Moment:
    """A reading of a clock: local time to the microsecond, and its offset (`+02:00`) where it is known."""

    local: datetime
    offset: str | None = None

    @property
    def text(self) -> str:
        """`YYYY-MM-DDTHH:MM:SS`."""
        return self.local.isoformat(timespec="seconds")

    def utc(self) -> datetime | None:
        """The moment in UTC; None where the offset is not known.

        Raises:
            ValueError: outside of the years 1 to 9999.
        """
        if self.offset is None:
            return None
        try:
            return (self.local - _delta(self.offset)).replace(tzinfo=timezone.utc)
        except OverflowError as error:
            raise ValueError(f"{self.text}{self.offset} lies outside of the calendar") from error


def text(value: Any) -> str | None:
    """One text, stripped, without NULs and control characters; of a list the first that says something."""
    return next(iter(texts(value)), None)


def texts(value: Any) -> tuple[str, ...]:
    """All texts of a scalar or list, each once, in order."""
    items = value if isinstance(value, list) else [value]
    cleaned = (_clean(item) for item in items)
    return tuple(dict.fromkeys(item for item in cleaned if item))


def split(values: Iterable[str], separators: str) -> list[str]:
    """Texts in which one value packs several, cut at any of the separators."""
    return [part for value in values for part in re.split(f"[{re.escape(separators)}]", value)]


def number(value: Any) -> float | None:
    """A finite number; `1/250` is a number too, `undef` and `inf` (a rational over 0) say nothing."""
    found = text(value)
    if found is None or found.lower() in _NO_NUMBER:
        return None
    parts = _NUMBER.fullmatch(found)
    if parts is None:
        raise ValueError(f"{quoted(found)} is not a number")
    divisor = float(parts[2] or 1)
    if divisor == 0:
        return None
    result = float(parts[1]) / divisor
    if not math.isfinite(result):
        raise ValueError(f"{quoted(found)} is not a number")
    return result


def positive(value: Any) -> float | None:
    """A number above 0; 0 is how cameras say that they do not know (a lens without contacts)."""
    result = number(value)
    if result is not None and result < 0:
        raise ValueError(f"{quoted(text(value))} is below 0")
    return result or None


def count(value: Any) -> int | None:
    """A whole number above 0."""
    result = positive(value)
    if result is not None and result > INTEGER_LIMIT:
        raise ValueError(f"{quoted(text(value))} is too large")
    return round(result) or None if result is not None else None


def iso(value: Any) -> int | None:
    """An ISO speed; some cameras write several, the first counts."""
    found = text(value)
    speed = count(found.split()[0]) if found else None
    return None if speed == ISO_IS_ELSEWHERE else speed


def rating(value: Any) -> int | None:
    """A rating, clamped to -1 … 5; a half star counts as the star below."""
    result = number(value)
    return None if result is None else int(max(RATINGS[0], min(RATINGS[1], result)))


def offset(value: Any) -> str | None:
    """An offset from UTC as `+02:00`; blank says nothing.

    Raises:
        ValueError: not an offset, or none that is in use.
    """
    found = text(value)
    if found is None or not re.search(r"[\dZ]", found):
        return None
    if not re.fullmatch(_ZONE, found):
        raise ValueError(f"{quoted(found)} is not a time zone offset")
    minutes = _minutes(found)
    if not ZONES_MINUTES[0] <= minutes <= ZONES_MINUTES[1]:
        raise ValueError(f"{quoted(found)} is not an offset that is in use")
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def moment(value: Any, subsecond: Any = None) -> Moment | None:
    """Date and time; None where there is no time of day.

    Raises:
        ValueError: month 13, 25 o'clock, or no date at all.
    """
    parts = _date_parts(value)
    if parts is None or parts["hour"] is None or int(parts["month"]) == 0 or int(parts["day"]) == 0:
        return None
    digits = (parts["part"] or _digits(subsecond))[:6].ljust(6, "0")
    year, month, day, hour, minute, second = (int(parts[name] or 0) for name in _CLOCK)
    try:
        return Moment(datetime(year, month, day, hour, minute, second, int(digits)), offset(parts["zone"]))
    except ValueError as error:
        raise ValueError(f"{quoted(text(value))} is not a date: {error}") from error


def partial_date(value: Any) -> str | None:
    """A date as ISO 8601 with the precision that it has: `1944`, `2021-05`, `2021-05-06T07:08:09+02:00`.

    Raises:
        ValueError: no date.
    """
    parts = _date_parts(value)
    if parts is None:
        return None
    year, month, day = (int(parts[name] or 0) for name in ("year", "month", "day"))
    try:
        date(year, month or 1, day or 1)
    except ValueError as error:
        raise ValueError(f"{quoted(text(value))} is not a date: {error}") from error
    if not month:
        return f"{year:04d}"
    if not day:
        return f"{year:04d}-{month:02d}"
    if parts["hour"] is None:
        return f"{year:04d}-{month:02d}-{day:02d}"
    reading = moment(value)
    assert reading is not None
    seconds = reading.text if parts["second"] else reading.text[:16]
    fraction = f".{parts['part']}" if parts["part"] else ""
    return f"{seconds}{fraction}{reading.offset or ''}"


def point(latitude: float, longitude: float) -> str:
    """WKT `POINT(longitude latitude)`, WGS 84 degrees; 7 decimals are one centimetre.

    Raises:
        ValueError: off the globe, or 0,0, which devices write when they have no fix. The message gives no position.
    """
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError("the position is not on the globe")
    shown = tuple(f"{round(degrees, 7) + 0.0:.7f}".rstrip("0").rstrip(".") for degrees in (longitude, latitude))
    if shown == ("0", "0"):
        raise ValueError("the position is 0,0, which stands for no position")
    return f"POINT({shown[0]} {shown[1]})"


def quoted(value: str | None) -> str:
    """A bad value for a message, cut to what a person needs."""
    shown = value or ""
    return f"“{shown[:QUOTED_CHARACTERS]}{'…' if len(shown) > QUOTED_CHARACTERS else ''}”"


def _clean(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()  # ExifTool's JSON writes the texts "true" and "False" as booleans
    if not isinstance(value, (str, int, float)):
        return None
    cleaned = _CONTROL.sub("", str(value).replace("\r\n", "\n").replace("\r", "\n")).strip()
    return None if not cleaned or _BINARY.fullmatch(cleaned) else cleaned


def _date_parts(value: Any) -> dict[str, Any] | None:
    found = text(value)
    if found is None or _BLANK_DATE.fullmatch(found):
        return None
    parts = _DATE.fullmatch(found)
    if parts is None:
        raise ValueError(f"{quoted(found)} is not a date")
    return parts.groupdict()


def _digits(value: Any) -> str:
    found = text(value) or ""
    return found if found.isascii() and found.isdigit() else ""


def _minutes(zone: str) -> int:
    if zone == "Z":
        return 0
    hours, minutes = int(zone[1:-2].rstrip(":")), int(zone[-2:])
    if minutes > 59:
        raise ValueError(f"{quoted(zone)} is not a time zone offset")
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)


def _delta(shown: str) -> timedelta:
    return timedelta(minutes=_minutes(shown))
