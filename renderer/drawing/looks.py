"""What distinguishes drawn people, apart from hair, clothes and the room."""

from __future__ import annotations

from dataclasses import dataclass, field

from renderer.drawing.geometry import Geometry
from renderer.drawing.tones import LIGHT_SKIN, ROSE_LIPS, Tones


@dataclass(frozen=True)
class Iris:
    """Colours of an iris."""

    rings: tuple[str, str, str, str] = ("#bd8449", "#8b592f", "#54311d", "#2c1810")
    """From the middle outwards."""
    flecks: tuple[str, str] = ("#e0aa66", "#5c361f")


@dataclass(frozen=True)
class Brow:
    """How a brow grows."""

    tones: tuple[str, str, str] = ("#3a2018", "#50301f", "#6e452f")
    ground: tuple[str, int] = ("#5d382a", 135)
    """Colour and opacity between the hairs."""
    thickness: float = 1.0
    hairs: int = 260


@dataclass(frozen=True)
class Looks:
    """One person's face."""

    geometry: Geometry = field(default_factory=Geometry)
    skin: Tones = field(default_factory=lambda: Tones(LIGHT_SKIN, LIGHT_SKIN))
    lips: Tones = field(default_factory=lambda: Tones(ROSE_LIPS, ROSE_LIPS))
    iris: Iris = field(default_factory=Iris)
    brow: Brow = field(default_factory=Brow)
    lash: str = "#27140f"
    lash_length: float = 1.0
    wing: float = 1.0
    """How far the line of the upper lid extends beyond the outer corner."""
    blush: float = 1.0
    nose_width: float = 1.0
    age: float = 0.0
    """Strength of the lines of age, 0 to 1."""
    neck_width: float = 1.0
