"""Rendering: kinds of pixels, transparency and colour profiles."""

import pytest
from PIL import Image

from media.records import Issue
from media.render import render
from media.variants import Preset, VariantSpec
from tests.media import photos
from tests.media.photos import WHOLE, close, only, opened, quarters, shows_corners

BOTH = Preset("both", (*WHOLE.variants, VariantSpec("flat", 600, 600, "inside", "jpeg", 95)))

# --- kinds of pixels


def with_alpha():
    image = photos.corners().convert("RGBA")
    image.paste((255, 0, 0, 0), (0, 0, 48, 32))
    return image


def sixteen_bits():
    values = [(column * 65535) // 95 for _ in range(64) for column in range(96)]
    return Image.frombytes("I;16", (96, 64), b"".join(value.to_bytes(2, "little") for value in values))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_colours_survive_every_mode(mode):
    image = photos.corners().quantize() if mode == "P" else photos.corners().convert(mode)
    written = only(photos.encoded(image, "TIFF" if mode == "CMYK" else "PNG"))
    assert written.mode == "RGB"
    assert shows_corners(written)


def test_lab():
    red = Image.new("LAB", (96, 64), (137, 208, 195))  # L 54, a 80, b 67
    assert close(only(photos.encoded(red, "TIFF")).getpixel((9, 9)), (255, 0, 0), 12)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey(mode):
    image = Image.new(mode, (96, 64), 255)
    image.paste(0, (0, 0, 48, 64))
    written = only(photos.encoded(image, "PNG"))
    assert close(written.getpixel((20, 32)), (0, 0, 0))
    assert close(written.getpixel((76, 32)), (255, 255, 255))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_range(kind):
    written = only(photos.encoded(sixteen_bits(), kind))
    assert [round(written.getpixel((column, 32))[0] / 255, 1) for column in (0, 24, 48, 71, 95)] == [
        0,
        0.3,
        0.5,
        0.7,
        1,
    ]


def test_sixteen_bits_in_colour():
    row = b"\0" + b"\xff\xff\x80\x80\0\0" * 96
    assert close(only(photos.png(96, 64, row * 64, depth=16)).getpixel((48, 32)), (255, 128, 0))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_stays_in_webp_and_is_white_in_jpeg(mode):
    image = with_alpha().quantize() if mode == "P" else with_alpha().convert(mode)
    webp, jpeg = (opened(variant) for variant in render(photos.encoded(image, "PNG"), BOTH).variants)
    assert webp.mode == "RGBA"
    assert [colour[3] for colour in quarters(webp)] == [0, 255, 255, 255]
    assert jpeg.mode == "RGB"
    assert close(quarters(jpeg)[0], (255, 255, 255))
    assert not close(quarters(jpeg)[1], (255, 255, 255))


def test_a_transparent_colour_of_a_png():
    image = photos.encoded(photos.corners(), "PNG", transparency=(255, 0, 0))
    assert [colour[3] for colour in quarters(only(image))] == [0, 255, 255, 255]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_picture(kind):
    frames = [Image.new("RGB", (96, 64), colour) for colour in ("blue", "red")]
    source = photos.encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert close(only(source).getpixel((9, 9))[:3], (0, 0, 255), 12)


# --- colour profiles


@pytest.mark.parametrize(
    ("in_p3", "in_srgb"), [((234, 51, 35), (255, 0, 0)), ((117, 251, 76), (0, 255, 0)), ((128, 128, 128),) * 2]
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_display_p3_becomes_srgb(kind, in_p3, in_srgb):
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind != "PNG" else {}
    image = Image.new("RGB", (96, 64), in_p3)
    source = photos.encoded(image, kind, icc_profile=photos.p3_profile(), **options)
    assert close(only(source).getpixel((48, 32)), in_srgb, 10)


def test_a_profile_leaves_alpha_alone():
    image = Image.new("RGBA", (96, 64), (234, 51, 35, 128))
    source = photos.encoded(image, "PNG", icc_profile=photos.p3_profile())
    assert close(only(source).getpixel((48, 32)), (255, 0, 0, 128))


def test_srgb_is_passed_through():
    image = photos.noise((300, 200))
    plain = photos.encoded(image, "PNG")
    assert render(photos.encoded(image, "PNG", icc_profile=photos.srgb_profile()), WHOLE) == render(plain, WHOLE)


def test_cmyk_goes_through_its_profile():
    cyan = Image.new("CMYK", (96, 64), (255, 0, 0, 0))
    assert close(only(photos.encoded(cyan, "TIFF")).getpixel((9, 9)), (0, 255, 255))
    inked = photos.encoded(cyan, "TIFF", icc_profile=photos.ink_profile())
    assert close(only(inked).getpixel((9, 9)), (255, 0, 0), 12)


def test_a_grey_photo_with_a_profile_for_colours():
    source = photos.encoded(Image.new("L", (96, 64), 128), "JPEG", icc_profile=photos.p3_profile())
    rendering = render(source, WHOLE)
    assert rendering.issues == ()
    assert close(opened(rendering.variants[0]).getpixel((9, 9)), (128, 128, 128))


@pytest.mark.parametrize("profile", [b"no profile at all", photos.ink_profile(), photos.p3_profile()[:200]])
def test_a_profile_that_cannot_be_used_is_an_issue(profile):
    rendering = render(photos.encoded(photos.corners(), "PNG", icc_profile=profile), WHOLE)
    reason = "the embedded colour profile cannot be used; the colours may be off"
    assert rendering.issues == (Issue("render", reason),)
    assert shows_corners(opened(rendering.variants[0]))
