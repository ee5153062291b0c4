"""Completeness: what counts as filled, what it weighs, and what a broken profile says."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.completeness import Profile, ProfileField, Score, load_profiles, score
from media.records import Fields

PROFILES = load_profiles()
COMPLETE = Fields(
    creator=("Ann Ode",),
    credit="Ann Ode / Agency",
    copyright_notice="© 2024 Ann Ode",
    headline="Boats leave",
    title="boats-01",
    description="Three boats leave the harbour of Bergen.",
    keywords=("boat", "harbour"),
    date_created="2024-05",
    city="Bergen",
    country="Norway",
    web_statement="https://example.org/rights",
    licensor_url="https://example.org/licence",
    alt_text="Three wooden boats on calm water",
)


def test_profiles_of_the_project() -> None:
    assert list(PROFILES) == ["agency", "google-badge", "google-credits", "accessibility"]


@pytest.mark.parametrize("name", list(PROFILES))
def test_a_complete_record_scores_one_and_an_empty_one_zero(name: str) -> None:
    names = tuple(field.name for field in PROFILES[name].fields)
    assert score(COMPLETE, PROFILES[name]) == Score(name, 1.0, names, (), ())
    assert score(Fields(), PROFILES[name]) == Score(name, 0.0, (), names, ())


def test_weights_make_the_score() -> None:
    result = score(Fields(creator=("Ann Ode",), title="boats-01"), PROFILES["agency"])
    assert result.score == 0.2143  # 2 + 1 of 14
    assert result.present == ("creator", "title")


def test_a_camera_s_own_text_is_missing_and_listed() -> None:
    result = score(Fields(description="  Olympus  DIGITAL CAMERA ", title="<Digimax i50 MP3>"), PROFILES["agency"])
    assert (result.score, result.template) == (0.0, ("title", "description"))
    assert {"title", "description"} <= set(result.missing)


def test_a_keyword_beside_a_camera_s_own_text_fills_the_field() -> None:
    profile = Profile("p", (ProfileField("keywords"),), ("sony dsc",))
    assert score(Fields(keywords=("SONY DSC",)), profile).present == ()
    assert score(Fields(keywords=("SONY DSC", "boat")), profile).present == ("keywords",)


def test_only_the_star_of_a_template_is_special() -> None:
    profile = Profile("p", (ProfileField("title"),), ("<IMG[1]? *>",))
    assert profile.is_template("<img[1]? 7>")
    assert not profile.is_template("<img1x 7>")


def test_capture_time_stands_in_for_the_date_created() -> None:
    assert score(Fields(captured_at_local="2024-05-01T12:00:00"), PROFILES["agency"]).present == ("date_created",)


@pytest.mark.parametrize(
    ("address", "filled"),
    [
        ("https://example.org/rights", True),
        ("HTTP://example.org", True),
        ("www.example.org", False),
        ("ftp://example.org/rights", False),
        ("https://", False),
        ("https:///rights", False),
        ("https://exa mple.org", False),
        ("http://[::1", False),
        ("javascript:alert(1)", False),
    ],
)
def test_the_badge_wants_an_absolute_web_address(address: str, filled: bool) -> None:
    result = score(Fields(web_statement=address), PROFILES["google-badge"])
    assert result.score == float(filled)


def test_a_field_without_weight_is_listed_and_not_counted() -> None:
    result = score(Fields(web_statement="https://example.org/rights"), PROFILES["google-badge"])
    assert result == Score("google-badge", 1.0, ("web_statement",), ("licensor_url",), ())


TEXTS = {
    field.name: st.sampled_from(("boat", "SONY DSC", "https://example.org"))
    for field in dataclasses.fields(Fields)
    if field.type == "str | None" or field.type == str | None
}
NAMES = st.lists(st.sampled_from(sorted(TEXTS)), min_size=1, max_size=8, unique=True)


@given(
    names=NAMES,
    weights=st.lists(st.floats(0.01, 100), min_size=8, max_size=8),
    filled=st.fixed_dictionaries({}, optional=TEXTS),
    more=st.fixed_dictionaries({}, optional=TEXTS),
    check=st.sampled_from(("any", "url")),
)
def test_filling_a_field_never_lowers_the_score(
    names: list[str], weights: list[float], filled: dict[str, Any], more: dict[str, Any], check: Any
) -> None:
    fields = tuple(ProfileField(name, weight, check=check) for name, weight in zip(names, weights, strict=False))
    profile = Profile("p", fields, ("SONY DSC",))
    before, after = score(Fields(**filled), profile), score(Fields(**{**more, **filled}), profile)
    assert 0 <= before.score <= after.score <= 1
    assert sorted(after.present + after.missing) == sorted(names)
    assert set(after.template) <= set(after.missing)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profiles: {a: [{name: colour}]}", r"profiles\.a\.0: .*colour is not a field of a record"),
        ("profiles: {a: [{name: title, also: [x]}]}", "x is not a field of a record"),
        ("profiles: {a: [{name: title, weight: -1}]}", "the weight of title must be 0 or more, not -1"),
        ("profiles: {a: [{name: title, weight: .inf}]}", "the weight of title must be 0 or more"),
        ("profiles: {a: [{name: title, weight: .nan}]}", "the weight of title must be 0 or more"),
        ("profiles: {a: [{name: title, weigth: 1}]}", r"profiles\.a\.0\.weigth"),
        ("profiles: {a: [{name: title, check: uri}]}", r"profiles\.a\.0\.check"),
        ("profiles: {a: [{name: title}, {name: title}]}", "profile a names a field twice"),
        ("profiles: {a: [{name: title, weight: 0}]}", "profile a has no field with a weight above 0"),
        ("profiles: {a: []}", "profile a has no field with a weight above 0"),
        ("templates: [x]", "profiles: Field required"),
        ("profiles: [", "while parsing"),
    ],
)
def test_a_broken_file_says_where_and_what(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "profiles.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        load_profiles(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.yaml"):
        load_profiles(tmp_path / "none.yaml")
