"""Still pictures: those that ship show the avatars as they are drawn now."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from renderer.decoder import EmbeddedRenderer
from renderer.library import Library, avatar_names, open_avatar
from renderer.still import still


@pytest.mark.parametrize("name", avatar_names())
def test_thumbnails_show_the_avatars_as_they_are_drawn(name: str) -> None:
    stored = Library().thumbnail(name)
    assert stored is not None
    shown, drawn = (
        np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))
        for jpeg in (stored, still(EmbeddedRenderer(), open_avatar(name)))
    )
    # Draw them anew with `python -m renderer.drawing` when drawing changes.
    assert cv2.PSNR(shown, drawn) > 40
