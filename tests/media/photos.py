"""Photos and colour profiles made for tests of rendering, and what tells that they came out right."""

import io
import struct
import zlib

from PIL import Image, ImageChops, ImageCms, ImageStat

from media.render import render
from media.variants import Preset, VariantSpec

WHOLE = Preset("whole", (VariantSpec("whole", 600, 600, "inside", "webp", 100),))
"""Shows a small photo almost as it is."""
CORNERS = ((255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255))
TOLERANCE = 6
"""Of 255: what the encoders change of a plain colour."""
_SRGB_PARAMETERS = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SRGB_CURVE = b"para" + struct.pack(">4xHxx5i", 3, *(round(value * 65536) for value in _SRGB_PARAMETERS))
P3_PRIMARIES = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
"""Display P3's red, green and blue as XYZ under D50 (what Apple's profile holds)."""


def encoded(image, kind, **options):
    """The image as a file of a kind that Pillow writes."""
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def exif(orientation):
    """EXIF that holds nothing but an orientation."""
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def corners(size=(96, 64)):
    """Four quarters: red and green above blue and white."""
    image = Image.new("RGB", size, "white")
    width, height = size[0] // 2, size[1] // 2
    image.paste((255, 0, 0), (0, 0, width, height))
    image.paste((0, 128, 0), (width, 0, size[0], height))
    image.paste((0, 0, 255), (0, height, width, size[1]))
    return image


def noise(size, seed=1):
    """Grain in every pixel, always the same."""
    image = Image.effect_mandelbrot(size, (-2.2 + seed / 100, -1.2, 1.0, 1.2), 60)
    return Image.merge("RGB", (image, image.transpose(Image.Transpose.ROTATE_180), image))


def p3_profile():
    """Display P3."""
    primaries = {
        name: struct.pack(">4s4x3i", b"XYZ ", *(round(value * 65536) for value in values))
        for name, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), P3_PRIMARIES, strict=True)
    }
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), SRGB_CURVE)
    return _icc(b"mntr", b"RGB ", b"XYZ ", {**primaries, **curves})


def ink_profile():
    """A press whose cyan ink is in truth red (Lab 53, 80, 67), on white paper; black hides everything."""
    ramp = bytes(range(256))
    red, white, black = bytes((135, 208, 195)), bytes((255, 128, 128)), bytes((0, 128, 128))
    # Of the four axes cyan is the slowest, black the fastest.
    grid = b"".join(black if point & 1 else red if point & 8 else white for point in range(16))
    identity = struct.pack(">9i", *(65536 if place % 4 == 0 else 0 for place in range(9)))
    table = struct.pack(">4s4xBBBx", b"mft1", 4, 3, 2) + identity + ramp * 4 + grid + ramp * 3
    return _icc(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def srgb_profile():
    """LittleCMS's own sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _icc(kind, space, connection, tags):
    # ICC.1:2001-04: a header of 128 bytes, a table of tags, their data.
    offset, table, data = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        padded = content + b"\0" * (-len(content) % 4)
        table += struct.pack(">4sII", name, offset + len(data), len(content))
        data += padded
    body = struct.pack(">I", len(tags)) + table + data
    header = struct.pack(">I4xI4s4s4s12x4s28x", 128 + len(body), 0x02400000, kind, space, connection, b"acsp")
    return header + struct.pack(">3i48x", 63190, 65536, 54061) + body  # the illuminant, D50


def png_chunk(kind, data):
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, rows, depth=8):
    """A PNG in colour that declares a size and holds these bytes as its rows."""
    declared = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + declared + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def opened(variant):
    """The picture of a rendered variant."""
    image = Image.open(io.BytesIO(variant.data))
    image.load()
    return image


def only(source):
    """The photo as one lossy but good picture."""
    return opened(render(source, WHOLE).variants[0])


def close(colour, expected, tolerance=TOLERANCE):
    """Whether a colour is what it should be, but for what an encoder changes."""
    return len(colour) == len(expected) and all(abs(a - b) <= tolerance for a, b in zip(colour, expected, strict=True))


def quarters(image):
    """Colours in the middle of the four quarters, row by row."""
    width, height = image.size
    return [image.getpixel((width * x // 4, height * y // 4)) for y in (1, 3) for x in (1, 3)]


def shows_corners(image, tolerance=TOLERANCE):
    """Whether a picture is that of `corners`, upright and in its colours."""
    return all(close(a, b, tolerance) for a, b in zip(quarters(image), CORNERS, strict=True))


def difference(one, other):
    """Mean difference of two pictures, of 255."""
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)
