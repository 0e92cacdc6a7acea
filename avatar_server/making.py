"""Makes avatars of users' own pictures and keeps them in a library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from avatar_server.settings import Settings, SettingsError
from motion.layout import FloatArray
from renderer.library import Library, LibraryError, NameTakenError
from renderer.parts import is_archive
from renderer.photo.cascade import CascadeDetector
from renderer.photo.detector import FaceDetector, single_face
from renderer.photo.face_mesh import FaceMeshDetector
from renderer.photo.face_mesh import installed as face_mesh_installed
from renderer.photo.picture import decode_picture
from renderer.photo.portrait import Preparation, portrait_from
from renderer.portrait import PortraitError, read_portrait

OnStep = Callable[[str], None]

MAX_TITLE: Final = 60
GUESSED: Final = (
    "Parts of the face were guessed; check it in the studio, or install the extra landmarks, which "
    "sees brows, lids and chin."
)
"""Remark on avatars whose keypoints nobody has confirmed."""


class LibraryFullError(LibraryError):
    """The library holds as many avatars as it may."""


class NoSourceError(LookupError):
    """The avatar has no picture of its own to be made from again."""


def face_detector(settings: Settings) -> FaceDetector:
    """What finds faces in pictures; raises :class:`~avatar_server.settings.SettingsError`."""
    if settings.landmarks is None:
        return FaceMeshDetector() if face_mesh_installed() else CascadeDetector()
    # These load torch, which nothing else here needs.
    from inference.weights import CheckpointError
    from renderer.photo.landmarks import open_landmarks

    try:
        return open_landmarks(settings.landmarks)
    except CheckpointError as error:
        raise SettingsError(f"setting landmarks: {error}") from error


@dataclass(frozen=True, slots=True)
class Order:
    """A request for a new avatar."""

    content: bytes
    """A picture, or an ``.avatar`` file."""
    name: str | None = None
    """Derived from the title if None."""
    title: str | None = None
    points: FloatArray | None = None
    """Keypoints [21, 2] in pixels of the upright picture; found in it if None."""


@dataclass(frozen=True, slots=True)
class Made:
    name: str
    remarks: tuple[str, ...] = ()
    """What the picture makes harder than it need be, one sentence each."""


class Maker:
    """Makes avatars and keeps them in ``library``; its methods block.

    They raise :class:`~renderer.library.LibraryError` and what the parts of :mod:`renderer.photo`
    raise: ``PictureError``, ``NoSingleFaceError``, ``PointsError``. Nothing is kept then.
    """

    def __init__(self, library: Library, detector: FaceDetector, most: int) -> None:
        self.library = library
        self.detector = detector
        self._most = most

    def make(self, order: Order, on_step: OnStep) -> Made:
        """A new avatar; ``on_step`` is told what comes next, in words for people."""
        self._check_room()
        if order.name is not None:
            self.library.check_new(order.name)
        if is_archive(order.content):
            return self._unpack(order, on_step)
        title = order.title or (order.name or "my avatar").replace("-", " ").title()
        name = order.name or self.library.free_name(title)
        made = self.prepare(order.content, order.points, name, title, on_step)
        on_step("Keeping the avatar")
        while True:
            try:
                self.library.save(made.portrait, new=True)
            except NameTakenError:
                if order.name is not None:
                    raise
                # Another process was quicker; nobody asked for just this name.
                name = self.library.free_name(title)
                made = replace(made, portrait=replace(made.portrait, name=name))
            else:
                return Made(name, made.remarks)

    def remake(self, name: str, points: FloatArray, on_step: OnStep) -> Made:
        """Make the avatar ``name`` anew, its keypoints at ``points [21, 2]`` of its picture.

        Raises :class:`NoSourceError` too, and :class:`~renderer.contract.UnknownAvatarError`.
        """
        source = self.library.source(name)
        if source is None or self.library.built_in(name):
            raise NoSourceError(f"{name!r} was not made from a picture; its keypoints are fixed")
        title = self.library.entry(name).title
        made = self.prepare(source.picture, points, name, title, on_step)
        on_step("Keeping the avatar")
        self.library.save(made.portrait)
        return Made(name, made.remarks)

    def prepare(
        self, content: bytes, points: FloatArray | None, name: str, title: str, on_step: OnStep
    ) -> Preparation:
        """A portrait that is not kept."""
        on_step("Reading the picture")
        picture = decode_picture(content)
        guessed = False
        if points is None:
            on_step("Looking for the face")
            face = single_face(self.detector, picture)
            points, guessed = face.points, face.guessed
        on_step("Taking the face apart")
        made = portrait_from(picture, points, name, title)
        return replace(made, remarks=(GUESSED, *made.remarks)) if guessed else made

    def _unpack(self, order: Order, on_step: OnStep) -> Made:
        on_step("Reading the avatar")
        try:
            portrait = read_portrait(order.content)
            name = order.name or portrait.name
            self.library.check_new(name)
            on_step("Keeping the avatar")
            named = replace(portrait, name=name, title=order.title or portrait.title)
            self.library.save(named, new=True)
        except PortraitError as error:
            raise LibraryError(str(error)) from error
        return Made(name)

    def _check_room(self) -> None:
        own = [name for name in self.library.names() if not self.library.built_in(name)]
        if len(own) >= self._most:
            raise LibraryFullError(f"the library holds {len(own)} avatars; remove one first")
