"""The studio in a real Chromium: a picture in, points dragged, a face that talks, saved."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from benchmarks.server import running_server
from tests.test_portraits_photo import flattened
from tests.test_portraits_picture import encoded, gradient, with_orientation

SOON = 60_000
"""ms; a preview takes some 3 s of a free core."""

# How much the preview's pixels vary over a while: the most of them, in grey levels.
VARIATION = """async () => {
  const video = document.getElementById("preview");
  const context = new OffscreenCanvas(64, 64).getContext("2d", { willReadFrequently: true });
  const [low, high] = [new Float64Array(4096).fill(255), new Float64Array(4096)];
  for (const end = performance.now() + 1500; performance.now() < end;) {
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    context.drawImage(video, 0, 0, 64, 64);
    const data = context.getImageData(0, 0, 64, 64).data;
    for (let i = 0; i < 4096; i++) {
      low[i] = Math.min(low[i], data[4 * i]);
      high[i] = Math.max(high[i], data[4 * i]);
    }
  }
  return Math.max(...high.map((value, i) => value - low[i]));
}"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="module")
def url(library: Path) -> Generator[str]:
    with running_server("--log-level", "warning", library=library) as address:
        yield address


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph that a phone has stored on its side."""
    path = tmp_path_factory.mktemp("pictures") / "aunt_ada.jpg"
    turned = np.rot90(flattened("mira")[0]).copy()
    path.write_bytes(with_orientation(encoded(".jpg", turned), 6))
    return path


@contextmanager
def studio(browser: Browser, url: str) -> Generator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{url}/studio")
    try:
        yield page
        assert errors == []
    finally:
        context.close()


def choose(page: Page, file: Path) -> None:
    page.set_input_files("#file", file)
    page.wait_for_function("document.body.dataset.step === 'edit'")


def places(page: Page) -> dict[str, tuple[float, float]]:
    """Where the handles are, in pixels of the picture."""
    found: dict[str, tuple[float, float]] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".handle")].map((handle) =>
             [handle.dataset.point, handle.getAttribute("transform").match(/-?[\\d.]+/g)
               .slice(0, 2).map(Number)]))"""
    )
    return found


def drag(page: Page, point: str, dx: float, dy: float) -> float:
    """Drag a handle by pixels of the screen; returns screen pixels per pixel of the picture."""
    box = page.locator(f"[data-point={point}] .reach").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up()
    scale = page.evaluate(
        "() => document.getElementById('editor').clientWidth / "
        "document.getElementById('editor').viewBox.baseVal.width"
    )
    return float(scale)


def wait_for_preview(page: Page) -> None:
    page.wait_for_function("document.getElementById('preview').currentTime > 0", timeout=SOON)


def test_drag_undo_preview_save_and_edit_again(
    browser: Browser, url: str, library: Path, picture: Path
) -> None:
    with studio(browser, url) as page:
        choose(page, picture)
        before = places(page)
        assert abs(before["NOSE"][0] - 256) < 12, "the picture stands upright"
        scale = drag(page, "BROW_OUTER_LEFT", -20, 12)
        after = places(page)
        assert after["BROW_OUTER_LEFT"] == pytest.approx(
            (before["BROW_OUTER_LEFT"][0] - 20 / scale, before["BROW_OUTER_LEFT"][1] + 12 / scale),
            abs=0.6,
        )
        assert after["BROW_OUTER_RIGHT"] == pytest.approx(
            (
                before["BROW_OUTER_RIGHT"][0] + 20 / scale,
                before["BROW_OUTER_RIGHT"][1] + 12 / scale,
            ),
            abs=1.5,
        ), "the other side follows"
        page.keyboard.press("Control+z")
        assert places(page) == before
        page.keyboard.press("Control+Shift+z")
        assert places(page) == after
        wait_for_preview(page)
        assert page.evaluate(VARIATION) > 60, "the mouth opens"
        expect(page.locator("#title")).to_have_value("Aunt ada")
        page.fill("#title", "Aunt Ada")
        page.click("#save")
        expect(page.locator("#progress a")).to_have_attribute(
            "href", ".?avatar=aunt-ada", timeout=SOON
        )
        kept = httpx.get(f"{url}/v1/avatars/aunt-ada").json()["keypoints"]
        for name, place in places(page).items():
            assert kept[name] == pytest.approx(place, abs=0.02)
        page.click("#back")
        page.click("#cards button:text('Edit')")
        page.wait_for_function("document.body.dataset.step === 'edit'")
        again = places(page)
        for name, place in after.items():
            assert again[name] == pytest.approx(place, abs=0.02)
        page.focus("[data-point=JAW]")
        page.keyboard.press("Shift+ArrowDown")
        page.click("#save")
        expect(page.locator("#progress")).to_contain_text("Saved.", timeout=SOON)
        changed = httpx.get(f"{url}/v1/avatars/aunt-ada").json()["keypoints"]
        assert changed["JAW"][1] == pytest.approx(kept["JAW"][1] + 10, abs=0.02)
        page.click("#back")
        page.click("#cards button:text('Remove')")
        page.click("#ask-yes")
        expect(page.locator("#mine")).to_be_hidden(timeout=SOON)
    assert list(library.iterdir()) == []


def test_keys_zoom_and_one_sided_edits(browser: Browser, url: str, picture: Path) -> None:
    with studio(browser, url) as page:
        choose(page, picture)
        page.click("#groups .choice.mouth")
        page.click("#symmetric")
        before = places(page)
        page.focus("[data-point=MOUTH_LEFT]")
        for _ in range(3):
            page.keyboard.press("ArrowUp")
        after = places(page)
        assert after["MOUTH_LEFT"][1] == pytest.approx(before["MOUTH_LEFT"][1] - 3)
        assert after["MOUTH_RIGHT"] == before["MOUTH_RIGHT"]
        page.click("#undo")
        assert places(page) == before, "nudges in a row are one step"
        seen = page.locator("[data-point=UPPER_OUTER] .reach").bounding_box()
        assert seen is not None
        x, y = seen["x"] + seen["width"] / 2, seen["y"] + seen["height"] / 2
        page.mouse.move(x, y)
        page.mouse.wheel(0, -300)
        nearer = page.locator("[data-point=UPPER_OUTER] .reach").bounding_box()
        assert nearer is not None
        assert nearer["x"] + nearer["width"] / 2 == pytest.approx(x, abs=1), "zoom keeps the place"
        scale = drag(page, "LOWER_OUTER", 0, 30)
        assert places(page)["LOWER_OUTER"][1] == pytest.approx(
            before["LOWER_OUTER"][1] + 30 / scale, abs=0.5
        )


def test_points_that_make_no_face_are_explained(browser: Browser, url: str, picture: Path) -> None:
    with studio(browser, url) as page:
        choose(page, picture)
        page.focus("[data-point=JAW]")
        for _ in range(14):
            page.keyboard.press("Shift+ArrowUp")
        expect(page.locator("#problem")).to_have_text(
            "The chin must lie below the mouth.", timeout=SOON
        )
        page.click("#undo")
        expect(page.locator("#problem")).to_be_hidden(timeout=SOON)


def test_a_picture_without_a_face_is_placed_by_hand(
    browser: Browser, url: str, tmp_path: Path
) -> None:
    drawing = tmp_path / "cartoon.png"
    drawn = np.full((400, 500, 3), 235, np.uint8)
    cv2.circle(drawn, (250, 200), 150, (120, 200, 120), -1)
    drawing.write_bytes(encoded(".png", drawn))
    with studio(browser, url) as page:
        choose(page, drawing)
        expect(page.locator("#notice")).to_contain_text("by hand", timeout=SOON)
        wait_for_preview(page)
        assert page.evaluate(VARIATION) > 60


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("me.png", b"I am a text file named .png", "not a JPEG, PNG or WebP picture."),
        ("me.jpg", encoded(".jpg", gradient())[:3000], "ends in the middle"),
        ("tiny.png", encoded(".png", gradient(16, 16)), "16x16"),
        ("me.avatar", b"PK\x03\x04 and nothing more", "not an avatar"),
    ],
)
def test_files_that_cannot_be_used(
    browser: Browser, url: str, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with studio(browser, url) as page:
        page.set_input_files("#file", tmp_path / name)
        expect(page.locator("#notice")).to_contain_text(words, timeout=SOON)
        assert page.evaluate("document.body.dataset.step") == "choose"


def test_a_server_with_a_key_asks_for_it(browser: Browser, library: Path, picture: Path) -> None:
    with (
        running_server("--log-level", "warning", "--token", "key", library=library) as url,
        studio(browser, url) as page,
    ):
        expect(page.locator("#sign-in")).to_be_visible()
        page.fill("#token", "key")
        page.press("#token", "Enter")
        expect(page.locator("#sign-in")).to_be_hidden(timeout=SOON)
        choose(page, picture)
        wait_for_preview(page)


def test_points_that_were_moved_are_not_lost_unasked(
    browser: Browser, url: str, picture: Path
) -> None:
    asked: list[str] = []
    with studio(browser, url) as page:
        page.on("dialog", lambda dialog: asked.append(dialog.type))
        page.route("**/v1/preview*", lambda route: route.abort())
        choose(page, picture)
        page.click("#back")
        page.wait_for_function("document.body.dataset.step === 'choose'")
        choose(page, picture)
        drag(page, "NOSE", 5, 5)
        moved = places(page)
        page.click("#back")
        expect(page.locator("#ask")).to_contain_text("not saved")
        page.keyboard.press("Escape")
        assert places(page) == moved
        page.click("#back")
        page.click("#ask-no")
        assert page.evaluate("document.body.dataset.step") == "edit"
        page.reload()
        assert asked == ["beforeunload"]
        choose(page, picture)
        drag(page, "NOSE", 5, 5)
        page.click("#back")
        page.click("#ask-yes")
        page.wait_for_function("document.body.dataset.step === 'choose'")
        page.reload()
        assert asked == ["beforeunload"]


def test_what_is_being_saved_when_the_user_goes_back_is_listed(
    browser: Browser, url: str, picture: Path
) -> None:
    held: list[Route] = []
    kept: list[dict[str, object]] = []
    late = {"name": "late", "title": "Late", "built_in": False, "editable": True}
    with studio(browser, url) as page:
        page.route("**/v1/preview*", lambda route: route.abort())
        page.route(re.compile(r"/v1/avatars$"), lambda route: route.fulfill(json={"avatars": kept}))
        page.route(re.compile(r"/v1/avatars\?"), lambda route: held.append(route))
        choose(page, picture)
        with page.expect_request(re.compile(r"/v1/avatars\?")):
            page.click("#save")
        drag(page, "NOSE", 5, 5)
        expect(page.locator("#save")).to_be_disabled()  # one at a time
        page.click("#undo")
        page.click("#back")
        kept.append({**late, "thumbnail": "/none"})
        done = f"event: done\ndata: {json.dumps(late)}\n\n"
        held[0].fulfill(content_type="text/event-stream", body=done)
        page.wait_for_selector("#cards li:has-text('Late')")
