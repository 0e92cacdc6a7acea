"""All settings, in one typed object.

Values come, in order of precedence, from command-line flags, from the environment (``AVATAR_PORT``
and so on) and from a TOML file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as SourceError

DEFAULT_FILE = Path("avatar.toml")
"""Read from the working directory when no file is named and it exists."""


class SettingsError(ValueError):
    """A setting is wrong; the message names it and says what is expected."""


class IceServer(BaseModel):
    """A STUN or TURN server for both ends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urls: str
    username: str | None = None
    credential: SecretStr | None = None


class PortRange(BaseModel):
    """UDP ports from ``first`` to ``last``, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Annotated[int, Field(ge=1024, le=65_535)]
    last: Annotated[int, Field(ge=1024, le=65_535)]

    @model_validator(mode="after")
    def _has_ports(self) -> Self:
        if self.last < self.first:
            raise ValueError("the last port lies before the first")
        return self

    def all(self) -> range:
        return range(self.first, self.last + 1)


class Settings(BaseSettings):
    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="AVATAR_", extra="forbid", frozen=True
    )

    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65_535, description="TCP port; 0 lets the system choose one.")
    ] = 8080
    avatar: Annotated[str, Field(description="Avatar for clients that name none.")] = "mira"
    library: Annotated[
        Path | None,
        Field(
            description="Folder of users' avatars; by default the platform's folder for a user's "
            "data."
        ),
    ] = None
    models: Annotated[
        Path | None,
        Field(description="Folder of the published models; by default the embedded ones run."),
    ] = None
    model_store: Annotated[
        Path | None,
        Field(
            description="Folder for converted published models; by default the platform's folder "
            "for a user's data."
        ),
    ] = None
    device: Annotated[
        str | None,
        Field(
            pattern=r"^(cpu|cuda(:\d+)?)$",
            description="Device for the published models: cpu or cuda; by default a GPU if there "
            "is one.",
        ),
    ] = None
    engine: Annotated[
        Literal["eager", "compile", "onnxruntime", "tensorrt"] | None,
        Field(description="Engine for the published models; by default the best available."),
    ] = None
    lip_modulation: Annotated[
        bool,
        Field(description="Larger lip movements of the published models, as released."),
    ] = False
    landmarks: Annotated[
        Path | None,
        Field(
            description="Folder with insightface's det_10g.onnx and 2d106det.onnx, which find "
            "faces in pictures better than the built-in guess."
        ),
    ] = None
    max_size: Annotated[
        int,
        Field(
            ge=256,
            le=768,
            multiple_of=256,
            description="Largest width in pixels of the pictures that clients may request.",
        ),
    ] = 512
    max_avatars: Annotated[
        int, Field(ge=0, description="Avatars that users may add to the library.")
    ] = 100
    voice: Annotated[str, Field(description="Voice of the speech engine.")] = "en-us"
    language: Annotated[
        str, Field(max_length=35, description="Language of speech recognition; auto detects it.")
    ] = "en"
    token: Annotated[
        SecretStr | None,
        Field(description="Bearer token that clients must send; without it all are let in."),
    ] = None
    max_sessions: Annotated[
        int | None,
        Field(
            ge=1,
            description="Sessions at the same time; more are refused with 503. By default "
            "measured at start.",
        ),
    ] = None
    max_sessions_per_client: Annotated[
        int | None,
        Field(ge=1, description="Sessions of one client at the same time; more get 429."),
    ] = None
    max_queue: Annotated[
        int, Field(ge=0, le=10_000, description="Clients that may wait in the queue for a session.")
    ] = 100
    max_session_minutes: Annotated[
        float | None, Field(gt=0, description="Minutes after which a session ends.")
    ] = None
    idle_minutes: Annotated[
        float,
        Field(ge=0, description="Minutes without activity after which a session ends; 0: never."),
    ] = 30.0
    resume_seconds: Annotated[
        float,
        Field(
            ge=0, description="Seconds for which a session waits for a lost client to reconnect."
        ),
    ] = 15.0
    warning_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="Seconds between the warning and the end of an idle or too long session.",
        ),
    ] = 30.0
    offers_per_minute: Annotated[
        int | None, Field(ge=1, description="Offers of one client per minute; more get 429.")
    ] = 600
    drain_seconds: Annotated[
        float, Field(ge=0, description="Seconds that sessions get to finish after SIGTERM.")
    ] = 30.0
    video_bitrate: Annotated[
        int, Field(ge=100_000, le=8_000_000, description="Video bits per second.")
    ] = 1_000_000
    connect_timeout: Annotated[
        float, Field(gt=0, le=120, description="Seconds within which a peer must connect.")
    ] = 15.0
    workers: Annotated[
        int,
        Field(
            ge=1,
            le=64,
            description="Worker processes that share the sessions; 1 means no extra process.",
        ),
    ] = 1
    threads: Annotated[
        int,
        Field(
            ge=1,
            le=256,
            description="Threads that animate, and as many that encode, in each process. They "
            "share Python's interpreter: `workers` makes better use of more cores.",
        ),
    ] = 1
    ice_servers: Annotated[
        tuple[IceServer, ...],
        Field(description="STUN and TURN servers for the server and its clients."),
    ] = ()
    turn_urls: Annotated[
        tuple[str, ...], Field(description="URLs of the TURN servers that share turn_secret.")
    ] = ()
    turn_secret: Annotated[
        SecretStr | None,
        Field(description="Secret from which time-limited TURN credentials are made."),
    ] = None
    turn_seconds: Annotated[
        int, Field(ge=60, description="Seconds for which those credentials are valid.")
    ] = 6 * 3600
    udp_ports: Annotated[
        PortRange | None,
        Field(description="UDP ports for media, as first and last; by default any."),
    ] = None
    trusted_proxies: Annotated[
        tuple[str, ...],
        Field(description="Addresses or networks of proxies whose X-Forwarded-For is trusted."),
    ] = ("127.0.0.1", "::1")
    tts: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="Text-to-speech engines; the first one available is used."),
    ] = ("espeak",)
    asr: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="Speech recognisers; the first one available is used."),
    ] = ("sphinx",)
    dialogue: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="Dialogue engines; the first one available is used."),
    ] = ("openai", "responder")
    engine_options: Annotated[
        dict[str, dict[str, Any]],
        Field(description="Options of engines by name, such as [engine_options.whisper] in TOML."),
    ] = {}
    personas: Annotated[
        Path | None, Field(description="Folder of persona documents, read and written.")
    ] = None
    allowed_origins: Annotated[
        tuple[str, ...],
        Field(description="Origins of other sites whose pages may use the server (CORS)."),
    ] = ()
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="Least level that is logged."),
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"], Field(description="Log lines as text or as JSON objects.")
    ] = "text"

    @field_validator("token", "turn_secret")
    @classmethod
    def _is_secret(cls, value: SecretStr | None) -> SecretStr | None:
        # Empty it would open the server to all; with a line break nothing would ever match it.
        text = None if value is None else value.get_secret_value()
        if text is not None and text != (text.strip() or None):
            raise ValueError("it is empty or has white space around it; leave it out for none")
        return value

    @field_validator("token")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        text = "" if value is None else value.get_secret_value()
        if not (text.isascii() and text.isprintable()):
            raise ValueError("use printable ASCII characters only: clients send it in a header")
        return value

    @property
    def key(self) -> str | None:
        """The token in clear."""
        return None if self.token is None else self.token.get_secret_value()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))


def load_settings(file: Path | None = None, **flags: object) -> Settings:
    """Settings from ``flags`` that are not None, the environment and a TOML file.

    Without ``file``, ``avatar.toml`` of the working directory is read where there is one.
    Raises :class:`SettingsError` for a missing or broken file and for wrong values.
    """
    if file is not None and not file.is_file():
        raise SettingsError(f"there is no settings file {file}")

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file or DEFAULT_FILE)

    try:
        given = {name: value for name, value in flags.items() if value is not None}
        return FromFile(**cast(dict[str, Any], given))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file or DEFAULT_FILE} is not valid TOML: {error}") from error
    except OSError as error:
        raise SettingsError(f"{file or DEFAULT_FILE} cannot be read: {error.strerror}") from error
    except SourceError as error:
        raise SettingsError(
            f'{error}; in the environment, lists and tables are JSON, such as \'["a", "b"]\''
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"setting {name}: {first['msg']}") from error
