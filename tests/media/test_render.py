"""Rendering: what comes out, upright photos, and files that are damaged or hostile."""

import dataclasses
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageStat
from PIL.PngImagePlugin import PngInfo

from media.decode import DAMAGED_EXIF, TRUNCATED
from media.errors import AssetTooLarge, RenderFailed
from media.records import Issue
from media.render import RenderLimits, render
from media.variants import Preset, load_presets
from tests.media import photos
from tests.media.photos import WHOLE, close, difference, only, opened, shows_corners

PRODUCT = load_presets()["product"]

# --- what comes out


def test_six_variants_of_a_photo(corpus):
    rendering = render(corpus / "cameras" / "nikon-d90.jpg", PRODUCT)
    assert (rendering.width, rendering.height, rendering.issues) == (4288, 2848, ())
    made = [(v.spec.name, v.width, v.height, opened(v).format, opened(v).size) for v in rendering.variants]
    assert made == [
        ("thumb", 150, 150, "WEBP", (150, 150)),
        ("small", 300, 199, "WEBP", (300, 199)),
        ("medium", 600, 399, "WEBP", (600, 399)),
        ("large", 1200, 797, "WEBP", (1200, 797)),
        ("retina", 2400, 1594, "WEBP", (2400, 1594)),
        ("og", 1200, 630, "JPEG", (1200, 630)),
    ]
    assert opened(rendering.variants[5]).info["progressive"]


def test_every_variant_shows_the_same_picture(corpus):
    source = corpus / "cameras" / "nikon-d90.jpg"
    photo = Image.open(source).convert("RGB")
    variants = {variant.spec.name: opened(variant) for variant in render(source, PRODUCT).variants}
    for name in ("small", "medium", "large", "retina"):
        straight = photo.resize(variants[name].size, Image.Resampling.LANCZOS)
        assert difference(variants[name], straight) < 5  # WebP of this quality alone makes 2.5 to 4.1
    middle = (720, 0, 3568, 2848)
    assert difference(variants["thumb"], photo.resize((150, 150), Image.Resampling.LANCZOS, box=middle)) < 6
    middle = (0, 298, 4288, 2549)
    assert (
        difference(variants["og"], photo.resize((1200, 630), Image.Resampling.LANCZOS, box=middle)) < 4
    )  # 4.7 if it were cut 2 pixels off


def test_nothing_of_the_original_s_metadata_is_in_a_variant(corpus):
    source = corpus / "immich" / "metadata" / "gps-position" / "thompson-springs.jpg"
    assert Image.open(source).getexif().get_ifd(0x8825)
    commented = photos.encoded(photos.corners(), "JPEG", comment="secret", icc_profile=photos.p3_profile(), dpi=(9, 9))
    for photo in (source, commented):
        for variant in render(photo, PRODUCT).variants:
            written = opened(variant)
            assert not written.getexif()
            assert not {"icc_profile", "xmp", "exif", "comment", "dpi"} & written.info.keys()


def test_a_small_photo_is_not_enlarged():
    sizes = [(v.width, v.height) for v in render(photos.encoded(photos.corners(), "PNG"), PRODUCT).variants]
    assert sizes == [(96, 64)] * 6


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (9, 7), (2500, 40)])
def test_odd_shapes(size):
    rendering = render(photos.encoded(Image.new("RGB", size, "red"), "JPEG"), PRODUCT)
    assert (rendering.width, rendering.height) == size
    for variant in rendering.variants:
        assert close(opened(variant).convert("RGB").getpixel((0, 0)), (255, 0, 0))


def test_a_cover_of_an_upright_photo_keeps_its_detail():
    # Stripes of 5 pixels: 2.5 wide in `og`, but gone at the 800 pixels of `large`.
    stripes = Image.new("L", (2400, 3600))
    for left in range(0, 2400, 5):
        stripes.paste(255, (left, 0, left + 2, 3600))
    og = opened(render(photos.encoded(stripes, "PNG"), PRODUCT).variants[5])
    assert ImageStat.Stat(og.convert("L")).stddev[0] > 60


def test_variants_do_not_depend_on_the_order_of_the_preset():
    source = photos.encoded(photos.noise((2600, 1300)), "PNG")
    backwards = dataclasses.replace(PRODUCT, variants=PRODUCT.variants[::-1])
    assert render(source, backwards).variants == render(source, PRODUCT).variants[::-1]


def test_the_same_bytes_give_the_same_variants_in_any_thread(corpus):
    path = corpus / "exif-samples" / "jpg" / "hdr" / "canon_hdr_NO.jpg"
    profiled = photos.encoded(photos.noise((800, 500)), "JPEG", icc_profile=photos.p3_profile())
    cut_off = profiled[: len(profiled) // 2]
    sources = [path, path.read_bytes(), memoryview(path.read_bytes()), str(path), profiled, cut_off, profiled, cut_off]
    expected = [render(source, PRODUCT) for source in sources]
    assert expected[0] == expected[1] == expected[2] == expected[3]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda source: render(source, PRODUCT), sources)) == expected


# --- orientation


@pytest.mark.parametrize("shape", ["landscape", "portrait"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_real_photos_come_out_upright(corpus, shape, orientation):
    folder = corpus / "exif-samples" / "jpg" / "orientation"
    # The eight differ by the numeral in the middle, and by having been compressed again.
    upright, turned = (only(folder / f"{shape}_{number}.jpg") for number in (1, orientation))
    assert turned.size == ((600, 450) if shape == "landscape" else (450, 600))
    assert difference(turned, upright) < 8


TURNED_BACK = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored(orientation, kind, size=(96, 64)):
    """The four quarters as a camera held otherwise would store them."""
    back = TURNED_BACK[orientation]
    image = photos.corners(size)
    return photos.encoded(image.transpose(back) if back is not None else image, kind, exif=photos.exif(orientation))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_format_comes_out_upright(kind, orientation):
    rendering = render(stored(orientation, kind), WHOLE)
    assert (rendering.width, rendering.height) == (96, 64)
    assert shows_corners(opened(rendering.variants[0]), 25)


def test_a_turned_photo_large_enough_to_be_decoded_at_a_half():
    rendering = render(stored(6, "JPEG", (4000, 6000)), PRODUCT)
    assert (rendering.width, rendering.height) == (4000, 6000)
    assert opened(rendering.variants[4]).size == (1600, 2400)
    assert shows_corners(opened(rendering.variants[4]))


def test_a_png_whose_exif_comes_after_the_pixels():
    with_exif = stored(6, "PNG")
    start = with_exif.index(b"eXIf") - 4
    length = int.from_bytes(with_exif[start : start + 4], "big") + 12
    chunk, end = with_exif[start : start + length], with_exif.index(b"IEND") - 4
    late = with_exif[:start] + with_exif[start + length : end] + chunk + with_exif[end:]
    rendering = render(late, WHOLE)
    assert (rendering.width, rendering.height, rendering.issues) == (96, 64, ())
    assert shows_corners(opened(rendering.variants[0]))


def test_damaged_exif_costs_the_orientation_only():
    text = PngInfo()
    text.add_text("Raw profile type exif", "\nexif\n4\nnot hexadecimal")
    rendering = render(photos.encoded(photos.corners(), "PNG", pnginfo=text), WHOLE)
    assert rendering.issues == (Issue("render", DAMAGED_EXIF),)
    assert shows_corners(opened(rendering.variants[0]))


# --- damaged, hostile, not pictures


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_is_cut_off_is_rendered_as_far_as_it_goes(progressive):
    photo = photos.noise((800, 600))
    whole = photos.encoded(photo, "JPEG", quality=95, progressive=progressive)
    rendering = render(whole[: len(whole) * 2 // 3], WHOLE)
    assert (rendering.width, rendering.height) == (800, 600)
    assert rendering.issues == (Issue("render", TRUNCATED),)
    top = (0, 0, 600, 200)
    expected = photo.resize((600, 450), Image.Resampling.LANCZOS).crop(top)
    assert difference(opened(rendering.variants[0]).crop(top), expected) < 10
    assert render(whole, WHOLE).issues == ()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_a_jpeg_that_lacks_only_its_end_marker_loses_nothing():
    whole = photos.encoded(photos.corners(), "JPEG")
    assert render(whole[:-2], WHOLE).variants == render(whole, WHOLE).variants


def bad_files():
    png = photos.encoded(photos.noise((200, 200)), "PNG")
    tiff = photos.encoded(photos.noise((200, 200)), "TIFF", compression="tiff_lzw")
    jpeg = photos.encoded(photos.corners(), "JPEG")
    preview = Image.new("RGB", (160, 120))
    return {
        "empty": (b"", "^the file is empty$"),
        "text": (b"Dear Sir or Madam,\n" * 100, r"^this is no picture in a format that is rendered \(JPEG, PNG, "),
        "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "^this is no picture"),
        "cut png": (png[: len(png) // 2], "^the PNG picture cannot be decoded: .*truncated"),
        "cut tiff": (tiff[: len(tiff) // 2], "^the TIFF (picture cannot be decoded|file is damaged)"),
        "cut header": (jpeg[:30], "^the JPEG file is damaged, or of a kind that cannot be rendered"),
        "jpeg without pixels": (jpeg[:2] + b"\xff\xd9", "^the JPEG (file is damaged|picture cannot)"),
        "float": (photos.encoded(Image.new("F", (9, 9), 0.5), "TIFF"), "floating-point numbers"),
        "raw": (photos.encoded(preview, "TIFF", tiffinfo={254: 1}), "camera's raw file"),
    }


@pytest.mark.parametrize("name", bad_files())
def test_what_cannot_be_rendered_says_why(name):
    content, reason = bad_files()[name]
    with pytest.raises(RenderFailed, match=reason) as caught:
        render(content, PRODUCT)
    assert "<" not in str(caught.value)
    assert "0x" not in str(caught.value)


SMALL = {
    kind: photos.encoded(photos.noise((40, 30)), kind, exif=photos.exif(6), icc_profile=photos.p3_profile())
    for kind in ("JPEG", "PNG", "WEBP", "HEIF", "AVIF")
}


@given(st.sampled_from(sorted(SMALL)), st.dictionaries(st.integers(0, 1500), st.integers(0, 255)), st.integers(1, 9999))
def test_whatever_is_wrong_with_a_file_is_said(kind, changes, length):
    damaged = bytearray(SMALL[kind][:length])
    for place, value in changes.items():
        damaged[place % len(damaged)] = value
    try:
        assert len(render(damaged, WHOLE).variants) == 1
    except (RenderFailed, AssetTooLarge) as error:
        said = str(error)
        assert said.startswith(("the ", "this is no picture "))


def test_a_missing_file_is_not_a_bad_picture(tmp_path):
    with pytest.raises(FileNotFoundError):
        render(tmp_path / "gone.jpg", PRODUCT)


def test_a_bomb_is_refused_by_its_header():
    started = time.monotonic()
    with pytest.raises(
        AssetTooLarge, match=r"^the picture has 60000 × 60000 pixels, that is 3600 megapixels; the limit is 250$"
    ):
        render(photos.png(60_000, 60_000, b""), PRODUCT)
    assert time.monotonic() - started < 1


def test_the_limit_is_ours_from_below():
    source = photos.encoded(photos.corners((100, 100)), "PNG")
    assert render(source, WHOLE, RenderLimits(max_pixels=10_000)).width == 100
    with pytest.raises(AssetTooLarge, match=r"the limit is 0\.009999$"):
        render(source, WHOLE, RenderLimits(max_pixels=9_999))


def test_the_limit_is_ours_from_above():
    # 180 megapixels, above Pillow's own limit, and a photo above the whole budget.
    source = photos.encoded(Image.new("1", (18_000, 10_000), 1), "TIFF", compression="group4")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rendering = render(source, WHOLE)
    assert (rendering.width, rendering.height) == (18_000, 10_000)
    assert close(opened(rendering.variants[0]).getpixel((300, 150)), (255, 255, 255))


def test_every_file_of_the_corpus_is_rendered_or_says_why(corpus):
    small = Preset("small", PRODUCT.variants[:1])
    refused = {}
    paths = sorted(path for path in corpus.rglob("*") if path.is_file())
    for path in paths:
        try:
            assert render(path, small).variants
        except RenderFailed as error:
            refused[path.suffix] = str(error)
    assert set(refused) == {".md", "", ".jxl", ".xmp", ".AVI", ".mp3", ".3gp", ".mp4", ".m4a", ".mov", ".psd"}
    assert refused.pop(".psd") == "the PSD file is damaged, or of a kind that cannot be rendered"
    assert all(reason.startswith("this is no picture in a format that is rendered (") for reason in refused.values())
