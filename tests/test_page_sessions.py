"""What pages leave behind on the server when they go: nothing."""

from __future__ import annotations

import httpx
from playwright.sync_api import Browser
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.server import status
from tests.browser import connect, opened_page
from tests.until import wait_until


def wait_settled(url: str, sessions: int, tasks: int = 10_000) -> None:
    """Wait until the server has ``sessions`` and no more than ``tasks``."""

    def settled() -> bool:
        now = status(url)
        return bool(now["sessions"] == sessions and now["tasks"] <= tasks)

    # A peer whose page gave up too late to take it back ends at the connect timeout of 15 s.
    wait_until(settled, 40)


def test_reloads_leave_one_session_and_closing_none(browser: Browser, server_url: str) -> None:
    wait_settled(server_url, sessions=0)
    idle = status(server_url)["tasks"]
    with opened_page(browser, server_url) as page:
        for _ in range(3):
            connect(page)
            page.reload()
            page.wait_for_function("window.avatarClient !== undefined")
        connect(page)
        wait_settled(server_url, sessions=1)
    wait_settled(server_url, sessions=0, tasks=idle)


def test_ten_quick_connects_leave_nothing(browser: Browser, server_url: str) -> None:
    wait_settled(server_url, sessions=0)
    idle = status(server_url)["tasks"]
    with opened_page(browser, server_url) as page:
        for _ in range(10):
            page.evaluate("avatarClient.connect()")
            page.evaluate("avatarClient.close()")
        assert page.inner_text("#status") == "Disconnected"
    wait_settled(server_url, sessions=0, tasks=idle)


def test_giving_up_while_connecting_leaves_nothing(browser: Browser, server_url: str) -> None:
    wait_settled(server_url, sessions=0)
    idle = status(server_url)["tasks"]
    with opened_page(browser, server_url) as page:
        for delay in (0, 5, 20, 50, 100):
            outcome = page.evaluate(
                """(delay) => {
                  const connecting = avatarClient.connect().then(() => "up", (e) => e.code);
                  setTimeout(() => avatarClient.close(), delay);
                  return connecting;
                }""",
                delay,
            )
            assert outcome in ("closed", "not-connected", "up")
            assert page.evaluate("avatarClient.state") in ("closed", "connected")
        page.evaluate("avatarClient.close()")
        # The page is still there: it takes back what was answered too late.
        wait_settled(server_url, sessions=0, tasks=idle)


def pictures(url: str) -> float:
    """How many pictures of all sessions were due so far."""
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
    return next(family for family in families if family.name == "avatar_pictures").samples[0].value


def test_a_tab_that_sleeps_wakes_up_in_its_session(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        connect(page)
        session = page.evaluate("avatarClient.session.session")
        page.evaluate("window.beats = 0; setInterval(() => (window.beats += 1), 20)")
        scripts = page.context.new_cdp_session(page)
        scripts.send("Debugger.enable")
        awake = page.evaluate("beats")
        scripts.send("Debugger.pause")
        second = pictures(server_url) + 25
        wait_until(lambda: pictures(server_url) >= second, 40)
        scripts.send("Debugger.resume")
        assert page.evaluate("beats") - awake < 25, "half of what one second has"
        shown = page.evaluate("video.currentTime")
        page.wait_for_function("(shown) => video.currentTime > shown + 1", arg=shown)
        assert page.evaluate("[avatarClient.state, avatarClient.session.session]") == [
            "connected",
            session,
        ]


# A client of its own making, whose network changes: it gathers anew and sends another offer with
# its pc_id. Ends once pictures go on; returns both names.
ICE_RESTART = """async () => {
  const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  peer.addTransceiver("audio", { direction: "sendrecv" });
  const video = peer.addTransceiver("video", { direction: "recvonly" });
  peer.createDataChannel("avatar");
  const offer = async (wishes, options) => {
    await peer.setLocalDescription(await peer.createOffer(options));
    if (peer.iceGatheringState !== "complete") {
      await new Promise((resolve) => (peer.onicegatheringstatechange = () =>
        peer.iceGatheringState === "complete" && resolve()));
    }
    const body = JSON.stringify({ ...peer.localDescription.toJSON(), ...wishes });
    const headers = { "Content-Type": "application/json" };
    const answer = await (await fetch("/api/offer", { method: "POST", headers, body })).json();
    await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    return answer.pc_id;
  };
  const pictures = async () => {
    const reports = [...(await video.receiver.getStats()).values()];
    return reports.find(({ type }) => type === "inbound-rtp")?.framesDecoded ?? 0;
  };
  const until = async (count) => {
    while ((await pictures()) < count) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const first = await offer({}, {});
  await until(5);
  const second = await offer({ pc_id: first }, { iceRestart: true });
  await new Promise((resolve) => setTimeout(resolve, 500));  // what was under way has come
  await until((await pictures()) + 10);
  return [first, second];
}"""


def test_an_ice_restart_by_another_offer_keeps_the_session(
    browser: Browser, server_url: str
) -> None:
    wait_settled(server_url, sessions=0)
    with opened_page(browser, server_url) as page:
        first, second = page.evaluate(ICE_RESTART)
        assert second == first
        assert status(server_url)["sessions"] == 1
    httpx.delete(f"{server_url}/api/offer/{first}").raise_for_status()
