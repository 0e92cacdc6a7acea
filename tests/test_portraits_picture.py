"""Pictures that users bring, good and bad."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from renderer.contract import ImageArray
from renderer.photo.picture import LONGEST_SIDE, PictureError, decode_picture


def gradient(width: int = 320, height: int = 240) -> ImageArray:
    """Blue from left to right, red from top to bottom."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(0, 255, width)
    picture[..., 2] = np.linspace(0, 255, height)[:, None]
    return picture


def encoded(ending: str, picture: ImageArray) -> bytes:
    return cv2.imencode(ending, picture)[1].tobytes()


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG file whose header claims a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """``jpeg`` with an EXIF segment that holds nothing but an orientation."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\x00\x2a" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    body = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def cmyk_jpeg(inks: tuple[int, int, int, int], blocks: int = 24) -> bytes:
    """A square of one colour, ``blocks`` of 8 pixels wide; ``inks`` as Adobe stores them: 255 is
    none. No ink may be between 64 and 192, so that all have ten bits."""

    def segment(kind: int, content: bytes) -> bytes:
        return bytes((0xFF, kind)) + struct.pack(">H", len(content) + 2) + content

    side = struct.pack(">BHHB", 8, 8 * blocks, 8 * blocks, 4)
    components = b"".join(bytes((i, 0x11, 0)) for i in range(1, 5))
    first = ""
    for ink in inks:
        level = 8 * (ink - 128)
        first += "10" + f"{level if level > 0 else level + 1023:010b}" + "0"
    bits = first + "00" * 4 * (blocks**2 - 1)
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    return (
        b"\xff\xd8"
        + segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0))
        + segment(0xDB, bytes((0, *[1] * 64)))
        + segment(0xC0, side + components)
        + segment(0xC4, bytes((0x00, 1, 1, *[0] * 14, 0, 10)))  # DC: "0" none, "10" ten bits
        + segment(0xC4, bytes((0x10, 1, *[0] * 15, 0)))  # AC: "0" is the end of the block
        + segment(0xDA, bytes((4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0)))
        + data
        + b"\xff\xd9"
    )


def test_cmyk_becomes_bgr() -> None:
    red = decode_picture(cmyk_jpeg((255, 20, 20, 255)))
    assert red.shape == (192, 192, 3)
    blue, green, strength = red.reshape(-1, 3).mean(axis=0)
    assert strength > 200
    assert max(blue, green) < 60


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp"])
def test_formats(ending: str) -> None:
    picture = gradient()
    decoded = decode_picture(encoded(ending, picture))
    assert decoded.shape == picture.shape
    assert np.abs(decoded.astype(int) - picture).mean() < 4


@pytest.mark.parametrize(("orientation", "turned"), [(1, 0), (6, -1), (3, 2), (8, 1)])
def test_exif_rotation(orientation: int, turned: int) -> None:
    content = with_orientation(encoded(".jpg", gradient()), orientation)
    expected = np.rot90(gradient(), turned)
    decoded = decode_picture(content)
    assert decoded.shape == expected.shape
    assert np.abs(decoded.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("ending", [".png", ".webp"])
def test_transparency_becomes_light_grey(ending: str) -> None:
    layered = np.dstack([gradient(), np.full((240, 320), 255, np.uint8)])
    layered[:, :160, 3] = 0
    decoded = decode_picture(encoded(ending, layered))
    assert decoded.shape == (240, 320, 3)
    assert np.abs(decoded[:, :150].astype(int) - 222).max() <= 2
    assert np.abs(decoded[:, 170:].astype(int) - gradient()[:, 170:]).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_turns_transparent_pictures_too(orientation: int, order: str) -> None:
    """As OpenCV turns those that are not."""
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, 1)
    block = b"eXIf" + tiff + entry + bytes(4)
    chunk = struct.pack(">I", len(block) - 4) + block + struct.pack(">I", zlib.crc32(block))

    def with_exif(picture: ImageArray) -> bytes:
        content = encoded(".png", picture)
        return content[:33] + chunk + content[33:]

    layered = np.dstack([gradient(), np.full((240, 320), 255, np.uint8)])
    expected = decode_picture(with_exif(gradient()))
    np.testing.assert_array_equal(decode_picture(with_exif(layered)), expected)


def test_grey_and_deep_pictures_become_bgr() -> None:
    grey = gradient()[..., 0].copy()
    assert decode_picture(encoded(".png", grey)).shape == (240, 320, 3)
    deep = np.dstack([gradient().astype(np.uint16) * 257, np.full((240, 320), 65535, np.uint16)])
    decoded = decode_picture(cv2.imencode(".png", deep)[1].tobytes())
    assert np.abs(decoded.astype(int) - gradient()).max() <= 1


def test_large_pictures_are_made_smaller() -> None:
    decoded = decode_picture(encoded(".jpg", gradient(4000, 500)))
    assert decoded.shape == (round(500 * LONGEST_SIDE / 4000), LONGEST_SIDE, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a JPEG, PNG or WebP"),
        (b"I am a text file named .png", "not a JPEG, PNG or WebP"),
        (b"GIF89a" + bytes(40), "not a JPEG, PNG or WebP"),
        (bytes(21 << 20), "MiB"),
        (png(16, 16), "16x16"),
        (png(10_000, 10_000), "10000x10000"),
        (png(60_000, 60_000, zlib.compress(bytes(1 << 20))), "60000x60000"),
        (png(300, 300, b"no zlib stream"), "damaged"),
        (b"\xff\xd8\xff", "ends in the middle"),
        (b"\xff\xd8\xff\xe0\x00\x10" + bytes(300), "damaged"),
        (b"RIFF\x00\x00\x00\x00WEBP", "ends in the middle"),
    ],
)
def test_bad_files_get_one_sentence(content: bytes, words: str) -> None:
    with pytest.raises(PictureError, match=words) as caught:
        decode_picture(content)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
def test_truncated_files(ending: str, share: float) -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
    content = encoded(ending, noise)
    with pytest.raises(PictureError, match=r"ends in the middle|damaged"):
        decode_picture(content[: int(len(content) * share)])
