"""Logs as text or JSON: lines of a session carry its id; what is said is never logged."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, Literal

LogFormat = Literal["text", "json"]

current_session: ContextVar[str | None] = ContextVar("current_session", default=None)
"""Id of the session for which the running task works."""

_CHATTY: Final = ("aioice", "aiortc", "av", "httpx", "httpcore", "libav", "faster_whisper")
"""Libraries that log every packet, address or text; only their warnings are kept."""

_TEXT: Final = "%(asctime)s %(levelname)s %(name)s%(session)s %(message)s"


def set_up_logging(level: str, form: LogFormat) -> None:
    """Log to stderr; replaces what was set up before."""
    handler = logging.StreamHandler()
    handler.addFilter(_add_session)
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_session(record: logging.LogRecord) -> bool:
    session = current_session.get()
    record.session_id = session
    record.session = f" [{session}]" if session else ""
    return True


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, session and error."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        session = getattr(record, "session_id", None)
        if session is not None:
            line["session"] = session
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
