"""`routes.yaml`: what is decided for an object by its URI. The first rule whose pattern matches wins.

Patterns: `*` stands for anything within one folder, `**` for anything, `**/` for any folders or none, `?` for one
character, and `{team}` or `{contributor}` for one folder's or file's name, which becomes that value.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter, ValidationError, with_config

from media.records import Decision

CAPTURES = frozenset({"team", "contributor"})
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\{(\w*)\}")


@with_config({"extra": "forbid"})
@dataclass(frozen=True)
class Rule:
    """One rule of `routes.yaml`; what it leaves out comes from the default decision."""

    match: str
    team: str | None = None
    contributor: str | None = None
    preset: str | None = None
    profiles: tuple[str, ...] | None = None
    tagging: Literal["auto", "always", "never"] | None = None
    keep_location: bool | None = None
    ignore: bool | None = None

    def __post_init__(self) -> None:
        if not self.match or self.team == "":
            raise ValueError("match and team must not be empty")
        _compile(self.match)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern as a regular expression over the whole URI."""
        return _compile(self.match)


@dataclass(frozen=True)
class Routes:
    """Rules in order, and the decision where none matches."""

    rules: tuple[Rule, ...] = ()
    default: Decision = Decision()

    def decide(self, uri: str) -> Decision:
        """The decision for one object."""
        for rule in self.rules:
            found = rule.pattern.fullmatch(uri)
            if found:
                given: dict[str, Any] = {**_given(rule), **found.groupdict()}
                return replace(self.default, rule=rule.match, **given)
        return self.default

    def explain(self, uri: str) -> Iterator[str]:
        """Lines for a person: which rules were tried, which one matched, what follows."""
        decision = self.decide(uri)
        for number, rule in enumerate(self.rules, start=1):
            matched = bool(rule.pattern.fullmatch(uri))
            yield f"rule {number}: {rule.match} {'matches' if matched else 'does not match'}"
            if matched:
                break
        else:
            yield "no rule matches: the default decides"
        for item in fields(decision):
            value = getattr(decision, item.name)
            yield f"  {item.name}: {', '.join(value) if isinstance(value, tuple) else value}"

    def presets(self) -> frozenset[str]:
        """Names of every variant preset that a rule or the default asks for."""
        return frozenset({self.default.preset, *(rule.preset for rule in self.rules if rule.preset)})

    def profiles(self) -> frozenset[str]:
        """Names of every completeness profile that a rule or the default asks for."""
        return frozenset(name for rule in self.rules for name in rule.profiles or ()) | frozenset(self.default.profiles)


@with_config({"extra": "forbid"})
@dataclass(frozen=True)
class _File:
    routes: tuple[Rule, ...] = ()
    default: Mapping[str, Any] | None = None


def load_routes(path: str | None) -> Routes:
    """Reads `routes.yaml`; without a path, everything goes by the default.

    Raises:
        ValueError: naming the file, the place in it and what is wrong.
    """
    if path is None:
        return Routes()
    try:
        if not Path(path).is_file():
            raise FileNotFoundError(f"there is no such file: {path}")
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
        read = TypeAdapter(_File).validate_python(content)
        default = TypeAdapter(Rule).validate_python({**(read.default or {}), "match": "default"})
        return Routes(read.routes, replace(Decision(), **_given(default)))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ValueError(f"{path}: {place}: {first['msg']}") from error


def _given(rule: Rule) -> dict[str, Any]:
    values = {item.name: getattr(rule, item.name) for item in fields(rule) if item.name != "match"}
    return {name: value for name, value in values.items() if value is not None}


def _compile(match: str) -> re.Pattern[str]:
    pieces: list[str] = []
    seen: set[str] = set()
    end = 0
    for token in _TOKEN.finditer(match):
        pieces.append(re.escape(match[end : token.start()]))
        pieces.append(_expression(match, token, seen))
        end = token.end()
    if "{" in "".join(_TOKEN.split(match)[::2]):
        raise ValueError(f"{match}: a brace is not closed")
    return re.compile("".join([*pieces, re.escape(match[end:])]), re.DOTALL)


def _expression(match: str, token: re.Match[str], seen: set[str]) -> str:
    plain = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(token.group())
    if plain:
        return plain
    name = token.group(1)
    if name not in CAPTURES or name in seen:
        raise ValueError(f"{match}: {{{name}}} may be {{team}} or {{contributor}}, each once")
    seen.add(name)
    return f"(?P<{name}>[^/]+)"
