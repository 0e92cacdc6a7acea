"""Dialogue by any endpoint with OpenAI's chat completions API, hosted or local."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Final

from pydantic import Field

from avatar_server.conversation.dialogue import DialogueError, Turn
from avatar_server.conversation.markup import without_thoughts
from avatar_server.conversation.openai_http import Endpoint, EndpointError

_SPOKEN: Final = (
    "Your words are spoken aloud by a face on a screen: answer in short, plain sentences without "
    "lists, headings, links, emoji or markup. {language}"
)

_ROLES: Final = {"user": "user", "avatar": "assistant"}


class OpenAiChat:
    """Streams answers of ``model`` from ``url``, the address up to and including ``/v1``.

    The model is given the last ``memory`` turns; an endpoint that is silent for ``stall`` seconds
    is given up.
    """

    def __init__(
        self,
        url: str = "",
        model: str = "",
        api_key: str = "",
        temperature: Annotated[float | None, Field(ge=0, le=2)] = None,
        max_tokens: Annotated[int | None, Field(ge=1)] = 400,
        memory: Annotated[int, Field(ge=1, le=1_000)] = 40,
        stall: Annotated[float, Field(gt=0, le=300)] = 20.0,
    ) -> None:
        self._endpoint = Endpoint(url, api_key, stall)
        self._memory = memory
        optional = {"model": model or None, "temperature": temperature, "max_tokens": max_tokens}
        self._body = {name: value for name, value in optional.items() if value is not None}

    async def answer(
        self, turns: Sequence[Turn], instructions: str, language: str
    ) -> AsyncGenerator[str]:
        body = {
            **self._body,
            "stream": True,
            "messages": messages(turns[-self._memory :], instructions, language),
        }
        silent = True
        try:
            async with (
                self._endpoint.post("chat/completions", body) as response,
                aclosing(without_thoughts(read_deltas(response.aiter_lines()))) as texts,
            ):
                async for text in texts:
                    silent = silent and text.isspace()
                    yield text
        except EndpointError as error:
            raise DialogueError(str(error)) from error
        if silent:
            raise DialogueError(
                "the chat endpoint answered without a word; a model that thinks first may need "
                "a larger option 'max_tokens'"
            )

    async def aclose(self) -> None:
        await self._endpoint.aclose()


def messages(turns: Sequence[Turn], instructions: str, language: str) -> list[dict[str, str]]:
    """The conversation as chat messages: roles alternate, turns of which nothing was heard are
    left out.

    What the avatar said first goes into the system prompt: chat templates of some models
    (Mistral's, Gemma's) reject a conversation that the assistant begins.
    """
    tongue = "Answer in the language you are spoken to in."
    if language != "auto":
        tongue = f"Answer in the language of the tag {language}."
    system = f"{instructions.strip()}\n\n{_SPOKEN.format(language=tongue)}".strip()
    result = [{"role": "system", "content": system}]
    for turn in turns:
        role, text = _ROLES[turn.speaker], turn.text.strip()
        if not text:
            continue
        if result[-1]["role"] == role:
            result[-1]["content"] += f" {text}"
        else:
            result.append({"role": role, "content": text})
    if [message["role"] for message in result[1:3]] == ["assistant", "user"]:
        first = result.pop(1)["content"]
        result[0]["content"] += f'\n\nYou spoke first and said: "{first}"'
    return result


async def _events(lines: AsyncIterator[str]) -> AsyncGenerator[dict[str, Any]]:
    """The JSON events of a server-sent stream; raises EndpointError unless it is whole."""
    async for line in lines:
        # Comments and fields other than data only keep the connection alive.
        field, _, data = line.partition(":")
        if field != "data":
            continue
        data = data.strip()
        if data == "[DONE]":
            return
        try:
            event = json.loads(data)
        except ValueError as error:
            raise EndpointError(f"the chat endpoint sent {data[:80]!r}, not JSON") from error
        if not isinstance(event, dict):
            raise EndpointError(f"the chat endpoint sent {data[:80]!r}, not an object")
        if failure := event.get("error"):
            said = failure.get("message", failure) if isinstance(failure, dict) else failure
            raise EndpointError(f"the chat endpoint failed in mid-answer: {said}")
        yield event
        if _finished(event):
            return
    raise EndpointError("the chat endpoint broke off in the middle of its answer; try again")


async def read_deltas(lines: AsyncIterator[str]) -> AsyncGenerator[str]:
    """The pieces of text in the lines of a streamed answer; raises EndpointError unless whole."""
    async with aclosing(_events(lines)) as events:
        async for event in events:
            if text := _text(event):
                yield text


def _choice(event: dict[str, Any]) -> dict[str, Any]:
    # The last event may carry token counts and no choice.
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _text(event: dict[str, Any]) -> str:
    delta = _choice(event).get("delta") or {}
    text = delta.get("content") if isinstance(delta, dict) else None
    return text if isinstance(text, str) else ""


def _finished(event: dict[str, Any]) -> bool:
    return _choice(event).get("finish_reason") is not None
