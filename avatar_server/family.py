"""Which family of models a server runs, as its settings say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from avatar_server.models import Models
from avatar_server.settings import Settings

PHOTOS: Final = (".jpg", ".jpeg", ".png", ".webp")
"""Endings of the names of pictures."""


class FamilyError(ValueError):
    """The settings ask for what the models cannot do; the text says what to do."""


def open_family(settings: Settings, on_step: Callable[[str], None]) -> tuple[Settings, Models]:
    """The models, and the settings with the name of an avatar in place of a photo.

    ``on_step`` is told what comes next where it takes long. Raises :class:`FamilyError`.
    """
    photo = Path(settings.avatar)
    is_photo = photo.suffix.lower() in PHOTOS
    folder = settings.models
    if folder is None:
        if is_photo:
            raise FamilyError(
                f"{photo} is a photo, which the published models animate (--models); "
                f"for the embedded ones make an avatar of it: avatar-server avatars add {photo}"
            )
        from avatar_server.embedded import embedded_models

        return settings, embedded_models(settings.library, settings.max_size)

    photos = {}
    if is_photo:
        name = _plain(photo.stem)
        photos[name] = photo
        settings = settings.model_copy(update={"avatar": name})
    models = _published(settings, folder, photos, on_step)
    if settings.max_sessions is None and not models.real_time:
        settings = settings.model_copy(update={"max_sessions": 1})
    return settings, models


def _published(
    settings: Settings, folder: Path, photos: Mapping[str, Path], on_step: Callable[[str], None]
) -> Models:
    from avatar_server.model_store import ModelStore
    from avatar_server.published import published_models
    from inference.engine import EngineUnavailableError
    from inference.weights import CheckpointError
    from renderer.library import Library

    store = ModelStore(settings.model_store)
    try:
        found = store.find(folder) or store.add(folder, on_step)
        on_step(f"Loading the models {found.name}")
        return published_models(
            found,
            photos,
            Library(settings.library),
            device=settings.device,
            engine=settings.engine,
            lip_modulation=settings.lip_modulation,
        )
    except (CheckpointError, EngineUnavailableError, OSError) as error:
        raise FamilyError(str(error)) from error


def _plain(stem: str) -> str:
    """A valid avatar name made of the name of a photo's file."""
    plain = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-").lstrip("0123456789-")
    return plain[:32] or "photo"
