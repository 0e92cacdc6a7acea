"""The avatars that ship with the server."""

from __future__ import annotations

from pathlib import Path

from renderer.avatar import EmbeddedAvatar, load_avatar

BUILT_IN = Path(__file__).parent / "data"


class UnknownAvatarError(KeyError):
    """No avatar has this name; the text lists those that exist."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(name)
        self.known = known

    def __str__(self) -> str:
        return f"no avatar is called {self.args[0]!r}; there are: {', '.join(self.known)}"


def avatar_names(folder: Path = BUILT_IN) -> list[str]:
    """Names of the avatars in ``folder``, sorted."""
    return sorted(path.parent.name for path in folder.glob("*/avatar.json"))


def open_avatar(name: str, size: int = 512, folder: Path = BUILT_IN) -> EmbeddedAvatar:
    """The avatar ``name`` prepared for ``size`` pixels; raises :class:`UnknownAvatarError`."""
    known = avatar_names(folder)
    if name not in known:
        raise UnknownAvatarError(name, known)
    return load_avatar(folder / name, size)
