"""The files in deploy/ do what docs/deploy.md says: with real proxies and a real TURN server.

Each test needs a program (nginx, caddy, turnserver, systemd-analyze) and is skipped without it.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import websockets
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from avatar_server.settings import Settings
from client.peer import Peer
from renderer.library import user_folder
from tests.live import live_server
from tests.test_operations import candidates
from tests.webrtc_browser import WAIT, Browser, browser, running

__all__ = ["browser"]

DEPLOY = Path(__file__).parent.parent / "deploy"


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def background(*command: str, port: int, host: str = "127.0.0.1") -> Generator[None]:
    """Run a program that listens on ``port``."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            deadline = time.monotonic() + WAIT
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex((host, port)) == 0:
                        break
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    assert process.stdout is not None
                    pytest.fail(process.stdout.read().decode())
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


def self_signed(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "avatar.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def nginx_configuration(folder: Path, backend: str, port: int, *, tls: bool) -> Path:
    """Ours, on ports of the test, inside a minimal nginx.conf."""
    self_signed(folder)
    ours = (DEPLOY / "nginx.conf").read_text()
    ours = ours.replace("127.0.0.1:8080", backend)
    ours = ours.replace("/etc/letsencrypt/live/avatar.example", str(folder))
    ours = re.sub(r"listen \[::\].*\n", "", ours)
    ours = ours.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    ours = ours.replace("listen 443 ssl;", f"listen 127.0.0.1:{port}{' ssl' if tls else ''};")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "nginx.conf"
    whole.write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths}\n{ours} }}"
    )
    return whole


def caddy_configuration(folder: Path, backend: str, port: int) -> Path:
    ours = (DEPLOY / "Caddyfile").read_text().replace("127.0.0.1:8080", backend)
    ours = ours.replace("{$PUBLIC_NAME:avatar.example} {", f"http://127.0.0.1:{port} {{")
    whole = folder / "Caddyfile"
    whole.write_text(f"{{\n\tadmin off\n}}\n{ours}")
    return whole


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
async def test_sessions_behind_a_proxy(proxy: str, tmp_path: Path) -> None:
    binary, port = program(proxy), free_port()
    with live_server(token="key") as url:
        backend = url.removeprefix("http://")
        if proxy == "nginx":
            configuration = nginx_configuration(tmp_path, backend, port, tls=False)
            command = [binary, "-c", str(configuration)]
        else:
            configuration = caddy_configuration(tmp_path, backend, port)
            command = [binary, "run", "--config", str(configuration), "--adapter", "caddyfile"]
        outside, key = f"http://127.0.0.1:{port}", {"Authorization": "Bearer key"}
        with background(*command, port=port):
            async with Peer.connect(outside, token="key") as peer:
                await peer.first_frame()
                await peer.spoken(peer.say("one two three"))
            async with httpx.AsyncClient(base_url=outside) as http:
                assert (await http.get("/")).status_code == 200
                assert (await http.get("/healthz")).json() == {"status": "ok"}
                assert (await http.get("/metrics", headers=key)).status_code == 404
                for origin, status in ((outside, 400), ("https://evil.example", 403)):
                    headers = {**key, "Origin": origin}
                    answer = await http.post("/api/offer", json={}, headers=headers)
                    assert answer.status_code == status
            speech = f"ws://127.0.0.1:{port}/v1/speech"
            async with websockets.connect(
                speech, additional_headers=key, origin=websockets.Origin(outside)
            ) as caller:
                await caller.send(json.dumps({"type": "start", "rate": 16_000}))
                assert json.loads(await caller.recv())["type"] == "ready"
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(
                    speech, additional_headers=key, origin=websockets.Origin("https://evil.example")
                )


def test_nginx_accepts_the_configuration_with_tls(tmp_path: Path) -> None:
    configuration = nginx_configuration(tmp_path, "127.0.0.1:8080", free_port(), tls=True)
    done = subprocess.run(
        [program("nginx"), "-t", "-c", str(configuration)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_caddy_accepts_the_configuration() -> None:
    file = str(DEPLOY / "Caddyfile")
    command = [program("caddy"), "validate", "--config", file, "--adapter", "caddyfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def only_relayed(sdp: str) -> str:
    kept = [
        line
        for line in sdp.splitlines()
        if not line.startswith("a=candidate:") or " typ relay " in line
    ]
    return "\r\n".join(kept) + "\r\n"


async def test_media_through_turn_with_credentials_that_end(
    browser: Callable[..., Browser],
) -> None:
    binary, port = program("turnserver"), free_port()
    host = next(
        (address for address, _ in candidates(await browser().offer()) if ":" not in address), None
    )
    if host is None:
        pytest.skip("this machine has no IPv4 address besides 127.0.0.1")
    flags = {
        "turn_urls": (f"turn:{host}:{port}?transport=udp",),
        "turn_secret": "north",
    }
    command = [
        *(binary, "-c", str(DEPLOY / "turnserver.conf"), "--static-auth-secret=north"),
        *(f"--listening-port={port}", f"--listening-ip={host}", f"--relay-ip={host}"),
        *("--log-file=stdout", "--simple-log", "--pidfile=/dev/null", "--no-tls", "--no-dtls"),
    ]
    with background(*command, port=port, host=host):
        async with running(**flags) as (_, http):
            (server,) = (await http.get("/api/config")).json()["iceServers"]
            viewer = browser(ice_servers=[server])
            offer = only_relayed(await viewer.offer())
            assert "typ relay" in offer, "the credentials of /api/config were accepted"
            response = await http.post("/api/offer", json={"sdp": offer, "type": "offer"})
            answer = only_relayed(response.json()["sdp"])
            assert "typ relay" in answer, "the server has a relay of its own"
            await viewer.accept(answer)
            assert await viewer.event()
            await viewer.picture()


def environment_of(file: str) -> Generator[tuple[str, str]]:
    """Every AVATAR_ variable that a file of deploy/ sets."""
    text = (DEPLOY / file).read_text()
    if file == "compose.yaml":
        yield from yaml.safe_load(text)["services"]["avatar"]["environment"].items()
    elif file == "kubernetes.yaml":
        secret, deployment, _ = yaml.safe_load_all(text)
        yield from secret["stringData"].items()
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        yield from ((entry["name"], entry["value"]) for entry in container["env"])
    else:
        yield from re.findall(r"(AVATAR_[A-Z_]+)=(\S+)", text)


@pytest.mark.parametrize(
    "file", ["compose.yaml", "kubernetes.yaml", "Dockerfile", "avatar-server.service"]
)
def test_the_environment_is_made_of_settings(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = dict(environment_of(file))
    assert found
    for name, value in found.items():
        monkeypatch.setenv(name, re.sub(r"\$\{(\w+):\?[^}]*\}", r"\1", value))
    settings = Settings()
    for name in found:
        assert name.removeprefix("AVATAR_").lower() in type(settings).model_fields


def test_pods_get_longer_to_stop_than_sessions_to_drain() -> None:
    _, deployment, service = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    pod = deployment["spec"]["template"]
    drain = int(dict(environment_of("kubernetes.yaml"))["AVATAR_DRAIN_SECONDS"])
    assert pod["spec"]["terminationGracePeriodSeconds"] > drain + 15
    assert service["spec"]["selector"] == pod["metadata"]["labels"]


def test_what_users_add_outlives_an_update(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = (DEPLOY / "avatar-server.service").read_text()
    (base,) = re.findall(r"^Environment=.*XDG_DATA_HOME=(\S+)", unit, re.MULTILINE)
    (state,) = re.findall(r"^StateDirectory=(\S+)$", unit, re.MULTILINE)
    monkeypatch.setenv("XDG_DATA_HOME", base)
    assert Path("/var/lib", state) in user_folder().parents
    # And in the image, whose user has nothing set.
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/avatar")
    (volume,) = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["avatar"][
        "volumes"
    ]
    place = volume.partition(":")[2]
    assert Path(place) in user_folder().parents
    assert f"install -d -o avatar -g avatar {place}" in (DEPLOY / "Dockerfile").read_text()


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = (DEPLOY / "avatar-server.service").read_text()
    # It checks that the program is there.
    unit = unit.replace("/opt/avatar-server/.venv/bin/avatar-server", "/bin/true")
    (tmp_path / "avatar-server.service").write_text(unit)
    command = [program("systemd-analyze"), "verify", str(tmp_path / "avatar-server.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "avatar-server.service" not in done.stderr, done.stderr
