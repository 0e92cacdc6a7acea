"""A face for Pipecat bots; see :class:`AvatarVideoService`."""

from avatar_server_pipecat.service import AvatarVideoService

__all__ = ["AvatarVideoService"]
