"""Drawing with skia: paints, smooth curves, mirrored shapes, tapered strands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import skia

PICTURE = 1024
"""Width and height of the drawn picture in pixels."""

MIDLINE = PICTURE / 2

Point = tuple[float, float]
Colour = str | tuple[str, int]
"""``#rrggbb``, alone or with an opacity of 0 to 255."""


def colour(value: Colour, alpha: int = 255) -> int:
    """Skia colour of ``#rrggbb``; a tuple's opacity replaces ``alpha``."""
    text, alpha = value if isinstance(value, tuple) else (value, alpha)
    code = int(text.lstrip("#"), 16)
    packed: int = skia.Color(code >> 16, (code >> 8) & 255, code & 255, alpha)
    return packed


def paint(
    value: Colour = "#ffffff",
    alpha: int = 255,
    *,
    blur: float = 0.0,
    stroke: float = 0.0,
    shader: skia.Shader | None = None,
    mode: skia.BlendMode | None = None,
) -> skia.Paint:
    """A paint that fills, or draws lines ``stroke`` pixels wide; blurred by ``blur`` pixels."""
    made = skia.Paint(AntiAlias=True, Color=colour(value, alpha))
    if shader is not None:
        made.setShader(shader)
        made.setAlpha(alpha)
    if blur:
        made.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, blur))
    if stroke:
        made.setStyle(skia.Paint.kStroke_Style)
        made.setStrokeWidth(stroke)
        made.setStrokeCap(skia.Paint.kRound_Cap)
        made.setStrokeJoin(skia.Paint.kRound_Join)
    if mode is not None:
        made.setBlendMode(mode)
    return made


def linear(
    start: Point, end: Point, colours: Sequence[Colour], stops: Sequence[float] | None = None
) -> skia.Shader:
    return skia.GradientShader.MakeLinear(
        [skia.Point(*start), skia.Point(*end)], [colour(c) for c in colours], stops
    )


def radial(
    centre: Point, radius: float, colours: Sequence[Colour], stops: Sequence[float] | None = None
) -> skia.Shader:
    return skia.GradientShader.MakeRadial(
        skia.Point(*centre), radius, [colour(c) for c in colours], stops
    )


def curve(points: Sequence[Point], closed: bool = True) -> skia.Path:
    """A smooth (Catmull-Rom) curve through ``points``."""
    p = [np.asarray(q, float) for q in points]
    n = len(p)
    path = skia.Path()
    path.moveTo(*p[0])
    for i in range(n if closed else n - 1):
        a, b, c, d = (
            (p[(i - 1) % n], p[i], p[(i + 1) % n], p[(i + 2) % n])
            if closed
            else (p[max(i - 1, 0)], p[i], p[i + 1], p[min(i + 2, n - 1)])
        )
        path.cubicTo(*(b + (c - a) / 6), *(c - (d - b) / 6), *c)
    if closed:
        path.close()
    return path


def sampled(points: Sequence[Point], count: int) -> npt.NDArray[np.float64]:
    """``count`` points [count, 2] spaced evenly along the open smooth curve through ``points``."""
    measure = skia.PathMeasure(curve(points, closed=False), False)
    length = measure.getLength()
    places = [measure.getPosTan(length * i / (count - 1))[0] for i in range(count)]
    return np.array([(q.x(), q.y()) for q in places])


def mirror(points: Sequence[Point]) -> list[Point]:
    """The points on the other side of the midline, in reverse order."""
    return [(2 * MIDLINE - x, y) for x, y in reversed(points)]


def symmetric(right: Sequence[Point]) -> list[Point]:
    """Closed outline from its right half, listed from the top to the bottom."""
    return [*right, *mirror([p for p in right if abs(p[0] - MIDLINE) > 1e-6])]


def side(points: Sequence[Point], sign: float) -> list[Point]:
    """Offsets (outwards, y) from the midline as points of the right (+1) or left (-1) side."""
    return [(MIDLINE + sign * x, y) for x, y in points]


def ellipse(centre: Point, rx: float, ry: float) -> skia.Rect:
    return skia.Rect.MakeLTRB(centre[0] - rx, centre[1] - ry, centre[0] + rx, centre[1] + ry)


def ribbon(spine: npt.NDArray[np.float64], width: npt.NDArray[np.float64]) -> skia.Path:
    """A closed band along ``spine [n, 2]``, ``width [n]`` pixels wide at each point."""
    along = np.gradient(spine, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    edge = across * width[:, None] / 2
    outline = np.concatenate([spine + edge, (spine - edge)[::-1]])
    return curve([(float(x), float(y)) for x, y in outline])


def surface() -> skia.Surface:
    """An empty picture."""
    made = skia.Surface(PICTURE, PICTURE)
    made.getCanvas().clear(0)
    return made


def pixels(drawn: skia.Surface) -> npt.NDArray[np.uint8]:
    """BGRA pixels [h, w, 4] of a surface, alpha not premultiplied."""
    rgba: npt.NDArray[np.uint8] = drawn.makeImageSnapshot().toarray(
        colorType=skia.kRGBA_8888_ColorType
    )
    return np.ascontiguousarray(rgba[..., [2, 1, 0, 3]])
