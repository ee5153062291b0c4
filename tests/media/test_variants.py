"""Sizes, presets and names of variants."""

import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.variants import (
    CACHE_CONTROL,
    CONTENT_TYPES,
    Preset,
    VariantSpec,
    is_variant_key,
    load_presets,
    spec_hash,
    variant_key,
)
from media.variants import variant_size as size_of

PRODUCT = (
    VariantSpec("thumb", 150, 150, "cover", "webp", 75),
    VariantSpec("small", 300, 300, "inside", "webp", 80),
    VariantSpec("medium", 600, 600, "inside", "webp", 80),
    VariantSpec("large", 1200, 1200, "inside", "webp", 85),
    VariantSpec("retina", 2400, 2400, "inside", "webp", 80),
    VariantSpec("og", 1200, 630, "cover", "jpeg", 85),
)

# What sharp 0.35.5 gives with `withoutEnlargement: true`: thumb, small, medium, large, retina, og.
SHARP = {
    (4000, 3000): [(150, 150), (300, 225), (600, 450), (1200, 900), (2400, 1800), (1200, 630)],
    (3000, 4000): [(150, 150), (225, 300), (450, 600), (900, 1200), (1800, 2400), (1200, 630)],
    (10000, 1000): [(150, 150), (300, 30), (600, 60), (1200, 120), (2400, 240), (1200, 630)],
    (8000, 600): [(150, 150), (300, 23), (600, 45), (1200, 90), (2400, 180), (1200, 600)],
    (600, 8000): [(150, 150), (23, 300), (45, 600), (90, 1200), (180, 2400), (600, 630)],
    (2401, 2400): [(150, 150), (300, 300), (600, 600), (1200, 1200), (2400, 2399), (1200, 630)],
    (1200, 630): [(150, 150), (300, 158), (600, 315), (1200, 630), (1200, 630), (1200, 630)],
    (1199, 629): [(150, 150), (300, 157), (600, 315), (1199, 629), (1199, 629), (1199, 629)],
    (1000, 2000): [(150, 150), (150, 300), (300, 600), (600, 1200), (1000, 2000), (1000, 630)],
    (1000, 500): [(150, 150), (300, 150), (600, 300), (1000, 500), (1000, 500), (1000, 500)],
    (149, 400): [(149, 150), (112, 300), (149, 400), (149, 400), (149, 400), (149, 400)],
    (5000, 3): [(150, 3), (300, 1), (600, 1), (1200, 1), (2400, 1), (1200, 3)],
    (3, 5000): [(3, 150), (1, 300), (1, 600), (1, 1200), (1, 2400), (3, 630)],
    (1, 1): [(1, 1)] * 6,
}

sizes = st.tuples(st.integers(1, 30_000), st.integers(1, 30_000))
sides = st.integers(1, 4000)


def spec(width, height, fit):
    return VariantSpec("any", width, height, fit, "webp", 80)


@pytest.mark.parametrize("original", SHARP)
def test_sizes_are_those_of_sharp(original):
    assert [size_of(original, variant) for variant in PRODUCT] == SHARP[original]


@given(sizes, sides, sides, st.sampled_from(["inside", "cover"]))
def test_nothing_is_enlarged_nor_larger_than_asked(original, width, height, fit):
    size = size_of(original, spec(width, height, fit))
    assert 1 <= size[0] <= min(original[0], width)
    assert 1 <= size[1] <= min(original[1], height)


@given(sizes, sides, sides)
def test_inside_keeps_the_proportions_within_rounding(original, width, height):
    size = size_of(original, spec(width, height, "inside"))
    if original[0] <= width and original[1] <= height:
        assert size == original
    else:
        assert size[0] == width or size[1] == height
        exact = [original[axis] * min(width / original[0], height / original[1]) for axis in (0, 1)]
        assert all(abs(size[axis] - max(1, exact[axis])) <= 0.5 + 1e-6 for axis in (0, 1))


@given(sizes, sides, sides)
def test_cover_is_exact_where_the_original_is_large_enough(original, width, height):
    expected = (min(width, original[0]), min(height, original[1]))
    assert size_of(original, spec(width, height, "cover")) == expected


def test_the_product_preset():
    assert load_presets() == {"product": Preset("product", PRODUCT)}


def test_presets_travel_to_workers():
    assert pickle.loads(pickle.dumps(load_presets())) == load_presets()


def test_a_file_adds_presets_and_replaces_by_name(tmp_path):
    file = tmp_path / "presets.yaml"
    one = "[{name: one, width: 10, height: 20, fit: cover, format: jpeg, quality: 90}]"
    file.write_text(f"presets:\n  avatar: {one}\n")
    made = VariantSpec("one", 10, 20, "cover", "jpeg", 90)
    assert load_presets(str(file)) == {"product": Preset("product", PRODUCT), "avatar": Preset("avatar", (made,))}
    file.write_text(f"presets:\n  product: {one}\n")
    assert load_presets(str(file)) == {"product": Preset("product", (made,))}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("presets: {a: [{name: b, width: 1, height: 1, fit: stretch, format: webp, quality: 1}]}", "presets.a.0.fit"),
        ("presets: {a: [{name: b, width: 1, height: 1, fit: cover, format: gif, quality: 1}]}", "presets.a.0.format"),
        ("presets: {a: [{name: b, width: 1, fit: cover, format: webp, quality: 1}]}", "presets.a.0.height"),
        ("presets: {a: [{name: b, width: wide, height: 1, fit: cover, format: webp, quality: 1}]}", "a.0.width"),
        ("presets: {a: [{name: b, widht: 1, height: 1, fit: cover, format: webp, quality: 1}]}", "a.0.widht"),
        ("presets: {a: [{name: b, width: 0, height: 1, fit: cover, format: webp, quality: 1}]}", "width of b must be"),
        ("presets: {a: [{name: b, width: 1, height: 16384, fit: cover, format: webp, quality: 1}]}", "1 to 16383"),
        ("presets: {a: [{name: b, width: 1, height: 1, fit: cover, format: webp, quality: 0}]}", "quality of b must"),
        ("presets: {a: [{name: ../b, width: 1, height: 1, fit: cover, format: webp, quality: 1}]}", "'../b'"),
        ("presets: {a: []}", "preset a has no variants"),
        ("preset: {}", "; preset: Unexpected"),
        ("presets: [", "line 1"),
        ("", "presets: Field required"),
    ],
)
def test_a_bad_file_is_named_with_the_place(tmp_path, content, message):
    file = tmp_path / "bad.yaml"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"bad\.yaml: ") as caught:
        load_presets(str(file))
    assert message in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(ValueError, match=r"^/nowhere/presets\.yaml: No such file or directory$"):
        load_presets("/nowhere/presets.yaml")


def test_a_preset_names_each_variant_once():
    with pytest.raises(ValueError, match="names a variant twice"):
        Preset("twice", (PRODUCT[0], PRODUCT[0]))


def test_the_name_of_a_variant_is_stable():
    assert variant_key("0a1b", "c" * 64, PRODUCT[0]) == "0a1b/" + "c" * 32 + "-4d30bb0fa038.webp"
    assert variant_key("0a1b", "c" * 64, PRODUCT[5]) == "0a1b/" + "c" * 32 + "-3638b909db42.jpeg"


@pytest.mark.parametrize("checksum", ["", "c" * 63, "sha256:" + "c" * 57])
def test_without_a_checksum_there_is_no_name(checksum):
    with pytest.raises(ValueError, match="is not a SHA-256 in hexadecimal"):
        variant_key("0a1b", checksum, PRODUCT[0])


@pytest.mark.parametrize(
    "change", [{"width": 151}, {"height": 151}, {"fit": "inside"}, {"format": "jpeg"}, {"quality": 76}]
)
def test_the_hash_follows_everything_that_bytes_depend_on(change):
    assert spec_hash(dataclasses.replace(PRODUCT[0], **change)) != spec_hash(PRODUCT[0])
    assert spec_hash(dataclasses.replace(PRODUCT[0], name="tiny")) == spec_hash(PRODUCT[0])


def test_how_variants_are_served():
    assert CONTENT_TYPES == {"webp": "image/webp", "jpeg": "image/jpeg"}
    assert CACHE_CONTROL == "public, max-age=31536000, immutable"


def test_a_key_is_known_again_and_an_upload_beside_it_is_not():
    key = variant_key("0" * 32, "a" * 64, load_presets()["product"].variants[0])
    assert is_variant_key(key)
    for name in ("wedding/a.jpg", f"x/{key}", f"{key}.jpg", key.partition("/")[2], ""):
        assert not is_variant_key(name)
