"""The avatars of the published models: photos, and the pictures of avatars that users made."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from avatar_server.gallery import PreparedAvatars
from avatar_server.models import Listing
from inference.weights import CheckpointError
from renderer.contract import UnknownAvatarError, UnusableAvatarError
from renderer.library import Library
from renderer.liveportrait.avatar import (
    PortraitAvatar,
    load_avatar,
    picture_key,
    prepare,
    save_avatar,
)
from renderer.liveportrait.checkpoint import LivePortrait
from renderer.liveportrait.landmarks import FaceLandmarks, NoFaceError
from renderer.liveportrait.picture import network_picture
from renderer.photo.picture import PictureError
from renderer.portrait import Portrait

log = logging.getLogger(__name__)


class PhotoStudio:
    """Prepares pictures once; what was prepared is kept in ``folder``."""

    def __init__(
        self, networks: LivePortrait, landmarks: FaceLandmarks, folder: Path, models: str
    ) -> None:
        """``models`` is the name of the set that the networks come from."""
        self._networks = networks
        self._landmarks = landmarks
        self._folder = folder
        self._models = models

    def prepare(self, content: bytes, name: str, title: str) -> PortraitAvatar:
        """An avatar of a picture's bytes; raises :class:`UnusableAvatarError` in one sentence."""
        try:
            picture = network_picture(content)
            path = self._folder / f"{picture_key(picture, self._models)}.safetensors"
            if not path.is_file():
                points = self._landmarks(picture)
                made = prepare(self._networks, picture, points, name=name, title=title)
                try:
                    save_avatar(made, path)
                except OSError as error:  # it is prepared again the next time
                    log.warning("%s: the prepared avatar cannot be stored: %s", name, error)
                    return made
            return load_avatar(path, name=name, title=title, device=self._networks.device)
        except (PictureError, NoFaceError) as error:
            raise UnusableAvatarError(f"{name}: {error}") from error
        except CheckpointError as error:
            path.unlink(missing_ok=True)
            raise UnusableAvatarError(f"{name}: {error}; it will be made anew") from error


class PhotoGallery:
    """Implements :class:`avatar_server.models.Avatars`.

    Avatars are ``photos`` by name and, as long as they are there, those of ``library`` that were
    made of a picture.
    """

    def __init__(self, studio: PhotoStudio, photos: Mapping[str, Path], library: Library) -> None:
        self._studio = studio
        self._photos = dict(photos)
        self._library = library
        self._prepared: PreparedAvatars[PortraitAvatar] = PreparedAvatars()

    def listed(self) -> list[Listing]:
        found = [
            Listing(entry.name, entry.title, entry.stamp)
            for entry in self._library.listed()
            if entry.editable and entry.name not in self._photos
        ]
        for name in self._photos:
            with suppress(UnusableAvatarError):  # its file is missing
                found.append(Listing(name, self._title(name), self.stamp(name)))
        return sorted(found, key=lambda listing: listing.name)

    def stamp(self, name: str) -> str:
        if name not in self._photos:
            self._check(name)
            return self._library.stamp(name)
        try:
            return f"{self._photos[name].stat().st_mtime_ns:x}"
        except OSError as error:
            raise UnusableAvatarError(f"{self._photos[name]}: {error.strerror}") from error

    def thumbnail(self, _name: str) -> bytes | None:
        return None

    def open(self, name: str, _size: int | None = None) -> PortraitAvatar:
        return self._prepared.get(name, self.stamp(name), lambda: self._open(name))

    def unkept(self, portrait: Portrait) -> PortraitAvatar:
        if portrait.source is None:
            raise UnusableAvatarError(f"{portrait.name} was not made from a picture")
        return self._studio.prepare(portrait.source.picture, portrait.name, portrait.title)

    def _open(self, name: str) -> PortraitAvatar:
        if name in self._photos:
            try:
                content = self._photos[name].read_bytes()
            except OSError as error:
                raise UnusableAvatarError(f"{self._photos[name]}: {error.strerror}") from error
        else:
            source = self._library.source(name)
            if source is None:
                raise UnusableAvatarError(f"{name} was not made from a picture")
            content = source.picture
        return self._studio.prepare(content, name, self._title(name))

    def _title(self, name: str) -> str:
        if name in self._photos:
            return self._photos[name].stem
        return self._library.entry(name).title

    def _check(self, name: str) -> None:
        if self._library.built_in(name):
            raise UnusableAvatarError(
                f"{name!r} is a drawing for the embedded models; the published ones animate "
                "photos: name one with --avatar photo.jpg"
            )
        if name not in self._library.names():
            raise UnknownAvatarError(name, [each.name for each in self.listed()])
