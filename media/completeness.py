"""How complete a file's metadata is: profiles name and weigh the fields that matter, a score is the filled share."""

import dataclasses
import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import TypeAdapter, ValidationError, with_config

from media.records import Fields

DEFAULT_PROFILES = Path(__file__).parent / "data" / "profiles.yaml"
SCORE_DIGITS = 4
"""A ten-thousandth tells any two sets of filled fields apart that a person would."""
_FIELDS = frozenset(field.name for field in dataclasses.fields(Fields))


@with_config({"extra": "forbid"})
@dataclass(frozen=True)
class ProfileField:
    """One field of a profile.

    Attributes:
        name: a field of `Fields`.
        weight: its share of the score, 0 or more; 0 lists the field without counting it.
        also: other fields that fill it just as well.
        check: what counts as filled: any value, or an absolute http(s) address.
    """

    name: str
    weight: float = 1.0
    also: tuple[str, ...] = ()
    check: Literal["any", "url"] = "any"

    def __post_init__(self) -> None:
        for name in (self.name, *self.also):
            if name not in _FIELDS:
                raise ValueError(f"{name} is not a field of a record")
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"the weight of {self.name} must be 0 or more, not {self.weight:g}")


@dataclass(frozen=True)
class Profile:
    """A set of fields that have to be filled.

    Attributes:
        templates: texts of cameras and tools that count as not filled; `*` stands for anything.
    """

    name: str
    fields: tuple[ProfileField, ...]
    templates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        if len(set(names)) < len(names):
            raise ValueError(f"profile {self.name} names a field twice")
        if not sum(field.weight for field in self.fields) > 0:
            raise ValueError(f"profile {self.name} has no field with a weight above 0")

    def is_template(self, text: str) -> bool:
        """Whether a camera or tool wrote this by itself."""
        return any(fnmatch.fnmatchcase(_folded(text), pattern) for pattern in self._patterns)

    @cached_property
    def _patterns(self) -> tuple[str, ...]:
        # Brackets and question marks are plain characters here: only `*` is special.
        return tuple(_folded(text).replace("[", "[[]").replace("?", "[?]") for text in self.templates)


@dataclass(frozen=True)
class Score:
    """How a record does under a profile.

    Attributes:
        score: 0 to 1, the share of the profile's weight that is filled, rounded to `SCORE_DIGITS`.
        present: filled fields, in the profile's order.
        missing: fields that are not filled, in the profile's order; those of weight 0 too.
        template: those among the missing whose value is a camera's or tool's own text.
    """

    profile: str
    score: float
    present: tuple[str, ...]
    missing: tuple[str, ...]
    template: tuple[str, ...]


def score(fields: Fields, profile: Profile) -> Score:
    """Scores a record, which is never lowered by filling a further field."""
    present = tuple(field for field in profile.fields if _filled(fields, field, profile))
    missing = tuple(field.name for field in profile.fields if field not in present)
    template = tuple(
        field.name for field in profile.fields if field.name in missing and _template(fields, field, profile)
    )
    share = sum(field.weight for field in present) / sum(field.weight for field in profile.fields)
    return Score(profile.name, round(share, SCORE_DIGITS), tuple(field.name for field in present), missing, template)


@with_config({"extra": "forbid"})
@dataclass(frozen=True)
class _File:
    profiles: Mapping[str, tuple[ProfileField, ...]]
    templates: tuple[str, ...] = ()


def load_profiles(path: str | Path | None = None) -> dict[str, Profile]:
    """Reads profiles by name; without a path, those that come with the project.

    Raises:
        ValueError: naming the file, the place in it and what is wrong.
    """
    path = DEFAULT_PROFILES if path is None else Path(path)
    try:
        read = TypeAdapter(_File).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        return {name: Profile(name, fields, read.templates) for name, fields in read.profiles.items()}
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ValueError(f"{path}: {place}: {first['msg']}") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error


def _filled(fields: Fields, field: ProfileField, profile: Profile) -> bool:
    accept = _is_url if field.check == "url" else lambda value: value != ""
    values = (value for name in (field.name, *field.also) for value in _values(getattr(fields, name)))
    return any(accept(value) and not (isinstance(value, str) and profile.is_template(value)) for value in values)


def _template(fields: Fields, field: ProfileField, profile: Profile) -> bool:
    values = _values(getattr(fields, field.name))
    return any(isinstance(value, str) and profile.is_template(value) for value in values)


def _values(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _is_url(value: Any) -> bool:
    if not isinstance(value, str) or any(character.isspace() for character in value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
