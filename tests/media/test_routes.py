"""routes.yaml: who decides, and how it is explained."""

import pytest

from media.records import Decision
from media.routes import Routes, Rule, load_routes

ROUTES = """
routes:
  - match: "gs://photos/**/tmp/**"
    ignore: true
  - match: "gs://photos/{team}/{contributor}/**"
    profiles: [agency, google-badge]
  - match: "gs://photos/*.jpg"
    team: loose
    keep_location: true
default:
  team: everybody
"""


@pytest.fixture
def routes(tmp_path):
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES)
    return load_routes(str(path))


def test_without_a_file_the_default_decides():
    assert load_routes(None).decide("gs://photos/a.jpg") == Decision()


@pytest.mark.parametrize(
    ("uri", "rule", "team", "ignore"),
    [
        ("gs://photos/tmp/a.jpg", "gs://photos/**/tmp/**", "everybody", True),
        ("gs://photos/a/b/tmp/a.jpg", "gs://photos/**/tmp/**", "everybody", True),
        ("gs://photos/nature/ann/2026/a.jpg", "gs://photos/{team}/{contributor}/**", "nature", False),
        ("gs://photos/a.jpg", "gs://photos/*.jpg", "loose", False),
        ("gs://photos/nature/a.jpg", "default", "everybody", False),
        ("gs://photosXtmp/a.jpg", "default", "everybody", False),
    ],
)
def test_the_first_rule_that_matches_wins(routes, uri, rule, team, ignore):
    decision = routes.decide(uri)
    assert (decision.rule, decision.team, decision.ignore) == (rule, team, ignore)


def test_what_a_rule_leaves_out_comes_from_the_default(routes):
    decision = routes.decide("gs://photos/nature/ann/a.jpg")
    rule, profiles = "gs://photos/{team}/{contributor}/**", ("agency", "google-badge")
    assert decision == Decision(rule=rule, team="nature", contributor="ann", profiles=profiles)


def test_the_explanation_names_the_rules_tried_and_what_follows(routes):
    lines = list(routes.explain("gs://photos/nature/ann/a.jpg"))
    assert lines[:2] == [
        "rule 1: gs://photos/**/tmp/** does not match",
        "rule 2: gs://photos/{team}/{contributor}/** matches",
    ]
    assert "  team: nature" in lines
    assert "  profiles: agency, google-badge" in lines


def test_names_with_newlines_and_pattern_characters_match():
    routes = Routes((Rule("gs://b/[x]+/**", team="t"),))
    assert routes.decide("gs://b/[x]+/a\nb.jpg").team == "t"
    assert routes.decide("gs://b/x/a.jpg").team == "default"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('routes:\n  - match: "gs://{client}/**"', "client"),
        ('routes:\n  - match: "gs://{team}/{team}"', "each once"),
        ('routes:\n  - match: "gs://{team"', "brace is not closed"),
        ('routes:\n  - match: ""', "must not be empty"),
        ("routes:\n  - team: x", "routes.0.match"),
        ('routes:\n  - match: "a"\n    presett: x', "presett"),
        ('routes:\n  - match: "a"\n    tagging: perhaps', "routes.0.tagging"),
        ("default:\n  teem: x", "teem"),
        ("routes: [", "routes.yaml"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, text, message):
    path = tmp_path / "routes.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        load_routes(str(path))


def test_a_missing_file_is_named():
    with pytest.raises(ValueError, match=r"/nowhere/routes\.yaml"):
        load_routes("/nowhere/routes.yaml")
