"""Pictures of users: checked before they are decoded, upright, without alpha."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress
from typing import Final

import cv2
import numpy as np

from renderer.contract import ImageArray

LARGEST_FILE: Final = 20 << 20
"""Bytes."""
MOST_PIXELS: Final = 40_000_000
SHORTEST_SIDE: Final = 192
LONGEST_SIDE: Final = 3072
"""Pixels; larger pictures are made smaller."""
_EXIF: Final = cv2.IMAGE_METADATA_EXIF
BEHIND: Final = 222
"""Grey level that shows through where a picture is transparent."""


class PictureError(ValueError):
    """A file cannot be used as a picture; the text is one sentence that says why."""


def decode_picture(content: bytes) -> ImageArray:
    """The picture in a JPEG, PNG or WebP file: BGR [h, w, 3], upright as its EXIF data says.

    CMYK is converted, transparency filled with a light grey, and no side is longer than
    :data:`LONGEST_SIDE`. Raises :class:`PictureError`.
    """
    if len(content) > LARGEST_FILE:
        raise PictureError(
            f"The file has {len(content) >> 20} MiB; at most {LARGEST_FILE >> 20} are allowed."
        )
    width, height, complete = _header(content)
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise PictureError(
            "The file is a picture and a zip archive at once; save the picture again."
        )
    if width * height > MOST_PIXELS:
        raise PictureError(
            f"The picture has {width}x{height} pixels; at most "
            f"{MOST_PIXELS // 1_000_000} million are allowed."
        )
    if min(width, height) < SHORTEST_SIDE:
        raise PictureError(
            f"The picture has {width}x{height} pixels; each side needs {SHORTEST_SIDE} or more."
        )
    if not complete:
        raise PictureError("The file ends in the middle of the picture; copy or save it again.")
    return _fitted(_decoded(content))


def _decoded(content: bytes) -> ImageArray:
    data = np.frombuffer(content, np.uint8)
    try:
        # IMREAD_COLOR turns the picture upright and converts CMYK, but drops the alpha.
        upright = cv2.imdecode(data, cv2.IMREAD_COLOR)
        whole = None if content[:2] == b"\xff\xd8" else _with_alpha(data)
    except cv2.error as error:
        raise PictureError("The picture is damaged and cannot be read.") from error
    if upright is None:
        raise PictureError("The picture is damaged and cannot be read.")
    if whole is None:
        return np.asarray(upright, np.uint8)
    # Colours of transparent pixels must not bleed into visible ones when the picture is scaled.
    whole[whole[..., 3] == 0, :3] = BEHIND
    whole = _fitted(whole)
    alpha = whole[..., 3:].astype(np.float32) / 255
    blended = whole[..., :3] * alpha + BEHIND * (1 - alpha)
    return np.rint(blended).astype(np.uint8)


def _with_alpha(data: ImageArray) -> ImageArray | None:
    """The picture in a PNG or WebP file as BGRA, upright; None if it has no alpha."""
    # IMREAD_UNCHANGED keeps the alpha, but does not turn the picture.
    image, kinds, blocks = cv2.imdecodeWithMetadata(data, flags=cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3 or image.shape[2] != 4:
        return None
    whole = np.asarray(image // 257 if image.dtype == np.uint16 else image, np.uint8)
    exif = next((b for k, b in zip(kinds, blocks, strict=True) if k == _EXIF), None)
    return whole if exif is None else _turned(whole, _orientation(np.asarray(exif).tobytes()))


def _orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, in a block of EXIF data; 1 where it has none."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = "<" if exif[:2] == b"II" else ">"
    with suppress(struct.error):  # damaged data count for none, as they do to OpenCV
        (entries,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, entries)
        for place in range(entries + 2, entries + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, place)
            if tag == 0x0112 and 1 <= value <= 8:
                return int(value)
    return 1


def _turned(picture: ImageArray, orientation: int) -> ImageArray:
    """``picture``, stored with an EXIF ``orientation``, upright."""
    if orientation >= 5:
        picture = picture.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(picture[::rows, ::columns])


def encoded_jpeg(picture: ImageArray) -> bytes:
    """``picture``, BGR [h, w, 3], as a JPEG file that holds nothing but its pixels."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 94])
    if not done:
        raise RuntimeError("the picture could not be encoded")
    return data.tobytes()


def _fitted(picture: ImageArray) -> ImageArray:
    longest = max(picture.shape[:2])
    if longest <= LONGEST_SIDE:
        return picture
    share = LONGEST_SIDE / longest
    smaller = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)


def _header(content: bytes) -> tuple[int, int, bool]:
    """Width, height and whether the file seems complete, without decoding anything."""
    try:
        if content[:3] == b"\xff\xd8\xff":
            return _jpeg(content)
        if content[:8] == b"\x89PNG\r\n\x1a\n":
            width, height = struct.unpack(">II", content[16:24])
            end = content.rfind(b"IEND") + 8
            if 8 <= end < len(content):
                raise PictureError("The file goes on after its picture; save the picture again.")
            return width, height, end == len(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _webp(content)
    except (struct.error, IndexError) as error:
        raise PictureError(
            "The file ends in the middle of the picture; copy or save it again."
        ) from error
    raise PictureError("The file is not a JPEG, PNG or WebP picture.")


def _jpeg(content: bytes) -> tuple[int, int, bool]:
    """Walk the segments up to the scan; the end-of-image mark must follow it."""
    place, size = 2, None
    while True:
        if content[place] != 0xFF:
            raise PictureError("The picture is damaged and cannot be read.")
        kind = content[place + 1]
        if kind == 0xFF or kind == 0x01 or 0xD0 <= kind <= 0xD7:
            place += 1 if kind == 0xFF else 2
            continue
        (length,) = struct.unpack(">H", content[place + 2 : place + 4])
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            size = width, height
        if kind == 0xDA:
            if size is None:
                raise PictureError("The picture is damaged and cannot be read.")
            return *size, content.find(b"\xff\xd9", place + length) >= 0
        place += 2 + length


def _webp(content: bytes) -> tuple[int, int, bool]:
    complete = len(content) >= struct.unpack("<I", content[4:8])[0] + 8
    kind = content[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(content[24:27], "little") + 1
        height = int.from_bytes(content[27:30], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (v & 0x3FFF for v in struct.unpack("<HH", content[26:30]))
    return width, height, complete
