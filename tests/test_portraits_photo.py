"""Portraits from pictures: drawn avatars are flattened to pictures whose keypoints are known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import FloatArray, neutral_motion
from motion.offsets import Offset
from renderer.avatar import EmbeddedAvatar, prepare
from renderer.contract import ImageArray
from renderer.decoder import EmbeddedRenderer
from renderer.library import Library, open_avatar
from renderer.photo.detector import centred_face
from renderer.photo.points import PointsError, check_points, placement
from renderer.photo.portrait import Preparation, portrait_from
from renderer.pose import read_pose
from renderer.relief import grid
from renderer.shapes import motion_of, mouth_motion, pose_motion

K = Keypoint
RENDERER = EmbeddedRenderer()


@cache
def flattened(name: str, mouth: str = "rest") -> tuple[ImageArray, FloatArray]:
    """A BGR picture of a built-in avatar, and its keypoints in pixels at rest."""
    avatar = open_avatar(name, 512)
    frame = RENDERER.render_rgb(avatar, mouth_motion(mouth))[0]
    return frame[..., ::-1].copy(), avatar.frame.index(avatar.canonical[:, :2])


def turned(name: str, roll: float, scale: float) -> tuple[ImageArray, FloatArray]:
    """The same on a larger picture, tilted and made smaller."""
    picture, points = flattened(name)
    affine = cv2.getRotationMatrix2D((256, 256), roll, scale)
    affine[:, 2] += 50, 40
    placed = cv2.warpAffine(picture, affine, (620, 600), borderMode=cv2.BORDER_REPLICATE)
    moved = np.concatenate([points, np.ones((21, 1))], 1) @ affine.T
    return np.asarray(placed, np.uint8), moved.astype(np.float32)


@cache
def prepared(name: str = "mira") -> Preparation:
    return portrait_from(*flattened(name), name="photo", title="A photo")


@cache
def avatar() -> EmbeddedAvatar:
    return prepare(prepared().portrait, 512)


def difference(a: ImageArray, b: ImageArray) -> FloatArray:
    mean: FloatArray = np.abs(a.astype(np.float32) - b).mean(-1)
    return mean


@pytest.mark.parametrize(("roll", "scale"), [(0.0, 1.0), (8.0, 0.7), (-12.0, 0.5)])
def test_keypoints_are_those_of_the_avatar(roll: float, scale: float) -> None:
    picture, points = turned("mira", roll, scale)
    canonical = portrait_from(picture, points, "photo", "A photo").portrait.canonical
    expected = open_avatar("mira", 512).canonical
    assert np.abs(canonical[:, :2] - expected[:, :2]).max() < 0.003
    assert np.abs(canonical[:, 2] - expected[:, 2]).max() < 0.02


def test_at_rest_it_looks_like_the_picture() -> None:
    picture, _ = flattened("mira")
    frame = RENDERER.render_rgb(avatar(), neutral_motion(1))[0][..., ::-1]
    # The face lies a little lower in such portraits than in drawn ones.
    down = round(avatar().frame.y - open_avatar("mira", 512).frame.y)
    assert difference(frame[40:, 100:412], picture[40 - down : 512 - down, 100:412]).mean() < 2.5


def test_lips_open_as_far_as_they_are_told() -> None:
    frame = RENDERER.render_rgb(avatar(), mouth_motion("ah"))[0]
    lips = avatar().canonical[K.UPPER_INNER, :2]
    x, y = (round(float(v)) for v in avatar().frame.index(lips))
    column = frame[y - 12 : y + 44, x].astype(int)
    # Teeth, cavity and tongue have no colour of skin: all is bright and grey, dark, or pink.
    told = (11.0 + 1.4) * 0.01 * avatar().frame.gain
    dark = (column.sum(1) < 190).sum()
    assert dark > 0.3 * told
    assert difference(frame, RENDERER.render_rgb(avatar(), neutral_motion(1))[0])[y + 8, x] > 40


def test_eyes_close_and_aim() -> None:
    eye = avatar().canonical[K.LID_LEFT, :2] + np.array((0.0, 0.03), np.float32)
    x, y = (round(float(v)) for v in avatar().frame.index(eye))
    around = np.s_[y - 5 : y + 5, x - 16 : x + 16]
    aims: list[dict[Keypoint, Offset]] = [
        {}, {K.LID_LEFT: (0, LID_TRAVEL * 100, 0)}, {K.GAZE: (-3, 0, 0)}, {K.GAZE: (3, 0, 0)}
    ]  # fmt: skip
    opened, closed, left, right = (
        RENDERER.render_rgb(avatar(), motion_of(aim))[0][around].astype(np.float32) for aim in aims
    )
    assert closed.mean(-1)[:4].min() > opened.mean(-1)[:4].min() + 60
    columns = np.arange(32)
    weights = [np.maximum(120 - part.mean((0, 2)), 0) for part in (left, right)]
    centres = [float((columns * w).sum() / w.sum()) for w in weights]
    assert centres[1] - centres[0] > 6


def test_turning_leaves_neither_holes_nor_a_moving_edge() -> None:
    rest = RENDERER.render_rgb(avatar(), neutral_motion(1))[0]
    for motion in pose_motion(15.0).values():
        frame = RENDERER.render_rgb(avatar(), motion)[0]
        assert (frame.max(-1) > 3).all()
        for edge in (np.s_[:300, :3], np.s_[:300, -3:], np.s_[:3]):
            assert difference(frame[edge], rest[edge]).max() < 12


def test_surroundings_do_not_fold() -> None:
    portrait = prepared().portrait
    x, y = grid(portrait.picture, portrait.unit, portrait.pivot)
    spacing = float(x[0, 1] - x[0, 0])
    share, depth = portrait.maps["plate.head"], portrait.maps["plate.depth"]
    for motion in pose_motion(20.0).values():
        pose = read_pose(motion[0])
        places = np.stack([x, y], -1)
        moved = places @ pose.linear + depth[..., None] * pose.parallax + pose.shift
        driven = places + share[..., None] * (moved - places)
        along = np.diff(driven, axis=1)[:-1] / spacing
        down = np.diff(driven, axis=0)[:, :-1] / spacing
        area = along[..., 0] * down[..., 1] - along[..., 1] * down[..., 0]
        assert area.min() > 0.05


def test_open_mouth_is_closed_and_remarked_upon() -> None:
    picture, points = flattened("mira", "eh")
    gain = open_avatar("mira", 512).frame.gain
    points = points.copy()
    for key, down in ((K.UPPER_INNER, -1.0), (K.LOWER_INNER, 6.0), (K.LOWER_OUTER, 5.8),
                      (K.JAW, 4.8)):  # fmt: skip
        points[key, 1] += down * 0.01 * gain
    made = portrait_from(picture, points, "photo", "A photo")
    assert any("open" in remark for remark in made.remarks)
    assert prepared().remarks == ()
    closed = prepare(made.portrait, 512)
    frame = RENDERER.render_rgb(closed, neutral_motion(1))[0].astype(int)
    x, y = (round(float(v)) for v in closed.frame.index(closed.canonical[K.UPPER_INNER, :2]))
    before = picture[y - 8 : y + 16, x - 8 : x + 8].astype(int).sum(-1)
    after = frame[y - 8 : y + 16, x - 8 : x + 8].sum(-1)
    assert (before < 190).mean() > 0.1
    assert (after < 190).mean() < 0.03


def test_a_face_that_is_cut_off_is_remarked_upon() -> None:
    picture, points = flattened("mira")
    left = 205
    moved = np.maximum(points - (left, 0), 1).astype(np.float32)
    made = portrait_from(np.ascontiguousarray(picture[:, left:]), moved, "photo", "A photo")
    assert any("cut off" in remark for remark in made.remarks)


def test_a_broad_smile_is_remarked_upon() -> None:
    picture, points = flattened("mira", "grin")
    points = points.copy()
    for key, side in ((K.MOUTH_LEFT, -1), (K.MOUTH_RIGHT, 1)):
        points[key, 0] += side * 0.045 * open_avatar("mira", 512).frame.gain
    made = portrait_from(picture, points, "photo", "A photo")
    assert any("smiles" in remark for remark in made.remarks)


def test_teeth_that_show_lend_their_colour() -> None:
    picture, points = flattened("mira", "grin")
    points = points.copy()
    gain = open_avatar("mira", 512).frame.gain
    for key, down in ((K.UPPER_INNER, -1.8), (K.LOWER_INNER, 1.8), (K.LOWER_OUTER, 2.0)):
        points[key, 1] += down * 0.01 * gain
    x, y = points[K.UPPER_INNER].round().astype(int)
    stained = picture.copy()
    stained[y : y + 9, x - 20 : x + 20, 0] = picture[y : y + 9, x - 20 : x + 20, 0] * 0.88
    made = [portrait_from(p, points, "photo", "A photo").portrait for p in (picture, stained)]

    def blue(layer: ImageArray) -> float:
        shown = layer[layer[..., 3] > 200].astype(float)
        return float(shown[:, 0].mean() / shown[:, 2].mean())

    clean, yellow = (blue(portrait.layers["upper_teeth"]) for portrait in made)
    assert yellow < 0.95 * clean


def test_it_is_kept_in_the_library(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.save(prepared().portrait)
    kept = library.portrait("photo")
    assert kept.title == "A photo"
    np.testing.assert_allclose(kept.canonical, prepared().portrait.canonical, atol=1e-5)
    np.testing.assert_array_equal(kept.layers["face"], prepared().portrait.layers["face"])
    assert sum(path.stat().st_size for path in (tmp_path / "photo").iterdir()) < 6 << 20


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({K.LID_LEFT: (400, 220), K.LID_RIGHT: (100, 220)}, "eyes"),
        ({K.NOSE: (256, 340)}, "nose"),
        ({K.JAW: (256, 300)}, "chin"),
        ({K.MOUTH_LEFT: (300, 300), K.MOUTH_RIGHT: (220, 300)}, "mouth"),
        ({K.FOREHEAD: (256, -5)}, "outside"),
        ({K.CHEEK_LEFT: (5, 280)}, "far apart"),
        ({K.CHEEK_LEFT: (np.nan, 0)}, "needed"),
    ],
)
def test_points_that_make_no_face(changes: dict[Keypoint, tuple[int, int]], words: str) -> None:
    points = flattened("mira")[1].copy()
    check_points(points, 512, 512)
    for key, place in changes.items():
        points[key] = place
    with pytest.raises(PointsError, match=words):
        check_points(points, 512, 512)


def test_a_long_face_is_made_to_fit() -> None:
    points = flattened("mira")[1]
    longer = points.copy()
    longer[K.JAW, 1] += 0.12 * open_avatar("mira", 512).frame.gain
    check_points(longer, 512, 512)
    usual, long = (placement(p) for p in (points, longer))
    assert usual.unit == pytest.approx(open_avatar("mira", 512).frame.gain, rel=0.01)
    assert long.unit > 1.1 * usual.unit
    assert long.places(longer)[K.JAW, 1] == pytest.approx(0.385, abs=0.001)


@pytest.mark.parametrize(("width", "height"), [(192, 192), (3000, 600), (400, 900)])
def test_points_to_start_from_by_hand_make_a_face(width: int, height: int) -> None:
    check_points(centred_face(width, height), width, height)


def before_a_grid(name: str) -> tuple[ImageArray, FloatArray]:
    """The picture of an avatar whose room is a wall of tiles."""
    picture, points = flattened(name)
    plain = prepare(replace(prepared(name).portrait, name=name), 512)
    alpha = np.zeros((512, 512), np.float32)
    for layer in (plain.face, plain.hair):
        height, width = layer.pixels.shape[:2]
        part = np.s_[layer.y : layer.y + height, layer.x : layer.x + width]
        alpha[part] = np.maximum(alpha[part], layer.pixels[..., 3] / 255)
    # The portrait lies lower on its canvas than in the picture.
    down = round(avatar().frame.y - open_avatar("mira", 512).frame.y)
    alpha = np.roll(alpha, down, 0)[..., None]
    wall = np.full((512, 512, 3), (200, 190, 170), np.uint8)
    wall[::32] = wall[:, ::32] = wall[1::32] = wall[:, 1::32] = 110
    mixed = picture * alpha + wall * (1 - alpha)
    return np.rint(mixed).astype(np.uint8), points


def test_the_head_moves_without_its_background() -> None:
    picture, points = before_a_grid("kofi")
    made = prepare(portrait_from(picture, points, "photo", "A photo").portrait, 512)
    rest = RENDERER.render_rgb(made, neutral_motion(1))[0]
    tilted = RENDERER.render_rgb(made, pose_motion(15.0)["tilt left"])[0]
    moved = difference(tilted, rest)
    for wall in (np.s_[20:220, :130], np.s_[20:220, -130:], np.s_[20:40]):
        assert moved[wall].max() < 3, "the wall stays"
    assert moved[120:300, 190:320].mean() > 8, "the head does not"
    down = round(made.frame.y - open_avatar("kofi", 512).frame.y)
    shown = picture[100 - down : 400 - down, 150:360, ::-1]
    assert difference(rest[100:400, 150:360], shown).mean() < 6


def test_the_background_goes_on_behind_the_head() -> None:
    layers = portrait_from(*before_a_grid("kofi"), "photo", "A photo").portrait.layers
    covered = np.maximum(layers["hair"][..., 3], layers["face"][..., 3])
    depth = cv2.distanceTransform((covered > 128).astype(np.uint8), cv2.DIST_L2, 5)
    uncovered_by_turns = (depth > 16) & (depth < 40)
    uncovered_by_turns[500:] = False
    joints = layers["plate"][..., :3].mean(-1)[uncovered_by_turns] < 160
    assert joints.mean() > 0.05


def test_a_head_that_cannot_be_told_apart_is_not_cut_out() -> None:
    picture, points = flattened("ruth")
    noise = np.random.default_rng(0).integers(0, 255, picture.shape, dtype=np.uint8)
    blended = np.asarray(cv2.addWeighted(picture, 0.5, noise, 0.5, 0), np.uint8)
    portrait = portrait_from(blended, points, "photo", "A photo").portrait
    assert not portrait.layers["hair"].any()
    frame = RENDERER.render_rgb(prepare(portrait, 512), pose_motion(15.0)["left"])[0]
    assert (frame.max(-1) > 3).all()


def test_pictures_that_end_close_to_the_face() -> None:
    picture, points = flattened("mira")
    corner = np.array((130, 90), np.float32)
    made = portrait_from(picture[90:400, 130:390].copy(), points - corner, "photo", "A photo")
    assert any("ends close" in remark for remark in made.remarks)
    frame = RENDERER.render_rgb(prepare(made.portrait, 512), neutral_motion(1))[0]
    assert (frame.max(-1) > 3).all()


@pytest.mark.parametrize("seed", range(4))
def test_any_points_that_make_a_face_make_a_portrait(seed: int) -> None:
    chance = np.random.default_rng(seed)
    picture, points = flattened("finn")
    for _ in range(50):
        odd = points + chance.normal(0, 8, points.shape).astype(np.float32)
        try:
            check_points(odd, 512, 512)
        except PointsError:
            continue
        portrait = portrait_from(picture, odd, "photo", "A photo").portrait
        assert RENDERER.render(prepare(portrait, 256), mouth_motion("ah")).max() > 3
        return
    pytest.fail("no points made a face")
