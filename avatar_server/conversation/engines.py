"""Loads the engines of a conversation by name: built-in ones and those of other packages.

A package adds an engine by an entry point in one of the groups ``avatar_server.vad``,
``avatar_server.asr``, ``avatar_server.dialogue`` and ``avatar_server.tts``. It refers to a factory,
whose typed keyword parameters are the engine's options.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import typing
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Literal

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

log = logging.getLogger(__name__)

Kind = Literal["vad", "asr", "dialogue", "tts"]
KINDS: tuple[Kind, ...] = typing.get_args(Kind)

_HERE: Final = "avatar_server.conversation"

# As strings, so that an engine's libraries are imported only when it is chosen.
_BUILT_IN: Final[Mapping[Kind, Mapping[str, str]]] = {
    "vad": {"silero": f"{_HERE}.silero:SileroVad"},
    "asr": {
        "whisper": f"{_HERE}.whisper:WhisperRecogniser",
        "sphinx": f"{_HERE}.sphinx:SphinxRecogniser",
    },
    "dialogue": {
        "openai": f"{_HERE}.openai_chat:OpenAiChat",
        "responder": f"{_HERE}.responder:Responder",
    },
    "tts": {
        "espeak": f"{_HERE}.espeak:EspeakTextToSpeech",
        "openai_speech": f"{_HERE}.openai_speech:OpenAiSpeech",
        "piper": f"{_HERE}.piper:PiperTextToSpeech",
    },
}


class EngineError(RuntimeError):
    """There is no such engine, or its options are wrong; the message says what is allowed."""


class EngineUnavailableError(EngineError):
    """The engine lacks a model, a package or an address; the message says what to do."""


def engine_names(kind: Kind) -> tuple[str, ...]:
    """The engines of a kind: the built-in ones first, then those of installed packages."""
    built_in = _BUILT_IN[kind]
    return (*built_in, *sorted(set(_of_packages(kind)) - set(built_in)))


def load_engine(kind: Kind, name: str, options: Mapping[str, object] | None = None) -> Any:
    """Make the engine ``name`` of a kind; ``options`` are checked against its parameters.

    Raises :class:`EngineError`, or :class:`EngineUnavailableError` if it cannot work here.
    """
    factory = _factory(kind, name)
    return factory(**_checked(f"{kind} engine {name!r}", factory, options or {}))


def load_first(
    kind: Kind, names: Sequence[str], options: Mapping[str, Mapping[str, object]]
) -> tuple[str, Any]:
    """Make the first of ``names`` that is available; returns its name and the engine.

    ``options`` are by engine name. Raises :class:`EngineUnavailableError` with all reasons if none
    is available, and :class:`EngineError` for a wrong name or option.
    """
    reasons = []
    for name in names:
        try:
            return name, load_engine(kind, name, options.get(name))
        except EngineUnavailableError as error:
            reasons.append(f"{name}: {error}")
            log.info("%s engine %s is not available: %s", kind, name, error)
    raise EngineUnavailableError("; ".join(reasons) or f"no {kind} engine is named")


def _of_packages(kind: Kind) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"avatar_server.{kind}")}


def _factory(kind: Kind, name: str) -> Callable[..., Any]:
    factory: Callable[..., Any]
    if (place := _BUILT_IN[kind].get(name)) is not None:
        module, _, attribute = place.partition(":")
        factory = getattr(importlib.import_module(module), attribute)
        return factory
    point = _of_packages(kind).get(name)
    if point is None:
        choices = ", ".join(engine_names(kind))
        raise EngineError(f"there is no {kind} engine {name!r}; choose from: {choices}")
    try:
        factory = point.load()
    except (ImportError, AttributeError) as error:
        package = point.dist.name if point.dist else "its package"
        raise EngineError(
            f"{kind} engine {name!r} of {package} cannot be loaded ({error}); "
            f"install or update the package"
        ) from error
    return factory


def _checked(
    what: str, factory: Callable[..., Any], options: Mapping[str, object]
) -> dict[str, object]:
    """The options, converted to the types of the factory's parameters."""
    parameters = inspect.signature(factory).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    types = typing.get_type_hints(
        factory.__init__ if inspect.isclass(factory) else factory, include_extras=True
    )
    checked: dict[str, object] = {}
    for name, value in options.items():
        if name not in parameters and not takes_any:
            choices = ", ".join(parameters) or "none"
            raise EngineError(f"{what} has no option {name!r}; it has: {choices}")
        try:
            checked[name] = _adapter(types.get(name, Any)).validate_python(value)
        except ValidationError as error:
            reason = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise EngineError(f"{what}, option {name!r}: {reason}") from error
    for name, parameter in parameters.items():
        required = parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        )
        if required and name not in checked:
            raise EngineError(f"{what} needs the option {name!r}")
    return checked


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # models and dataclasses have a config of their own
        return TypeAdapter(annotation)
