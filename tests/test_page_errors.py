"""What the page says when something is wrong, and how it goes on."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.server import running_server, status
from tests.browser import block_sound, connect, lose_connection, opened_page, say, wait_speaking
from tests.until import wait_until


def notice(page: Page) -> str:
    page.wait_for_selector("#notice:not([hidden])")
    return page.inner_text("#notice")


def test_at_a_full_server_the_page_waits_in_line_and_connects_by_itself(browser: Browser) -> None:
    with (
        running_server("--log-level", "warning", "--max-sessions", "1") as url,
        opened_page(browser, url) as third,
        opened_page(browser, url) as second,
    ):
        with opened_page(browser, url) as first:
            connect(first)
            second.check("#mode-speak")
            second.click("#connect")
            assert "You are next" in notice(second)
            assert second.inner_text("#status") == "Waiting, number 1 in line"
            third.click("#connect")
            assert "You are number 2 in line" in notice(third)
        second.wait_for_function("document.body.dataset.state === 'connected'")
        assert second.locator("#notice").is_hidden()
        third.wait_for_function("document.getElementById('status').innerText.includes('number 1')")
        third.click("#notice button:has-text('Leave the line')")
        assert third.inner_text("#status") == "Disconnected"
        assert third.locator("#notice").is_hidden()
        wait_until(lambda: status(url)["waiting"] == 0)


def test_the_countdown_ends_in_another_try(browser: Browser, server_url: str) -> None:
    busy = {"error": "server_full", "message": "all sessions are taken"}
    with opened_page(browser, server_url) as page:
        page.route(
            "**/api/offer",
            lambda route: route.fulfill(status=503, headers={"Retry-After": "1"}, json=busy),
            times=1,
        )
        page.check("#mode-speak")
        page.click("#connect")
        assert "Trying again in 1 s" in notice(page)
        page.wait_for_function("document.body.dataset.state === 'connected'", timeout=5000)
        assert page.locator("#notice").is_hidden()


def test_a_lost_connection_comes_back(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        page.evaluate(
            "window.states = [];"
            "avatarClient.addEventListener('state', ({ detail }) => states.push(detail))"
        )
        pc_id = connect(page)
        lose_connection(server_url, pc_id)
        page.wait_for_function("states.length >= 4 && states.at(-1).state === 'connected'")
        states = page.evaluate("states")
        assert [entry["state"] for entry in states] == [
            "connecting",
            "connected",
            "reconnecting",
            "connected",
        ]
        assert states[2]["attempt"] == 1
        assert 0.3 < states[2]["retryIn"] < 0.7
        say(page, "I am back.")
        wait_speaking(page, True)


def test_reconnecting_backs_off_and_can_be_given_up(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        pc_id = connect(page)
        page.evaluate(
            "window.waits = [];"
            "avatarClient.addEventListener('state', ({ detail }) =>"
            " detail.state === 'reconnecting' && waits.push(detail.retryIn))"
        )
        page.route("**/api/offer", lambda route: route.abort())
        lose_connection(server_url, pc_id)
        page.wait_for_function("waits.length >= 3", timeout=15_000)
        first, second, third = page.evaluate("waits")[:3]
        assert first < second < third
        assert "trying again in" in page.inner_text("#status")
        page.click("#leave")
        assert page.inner_text("#status") == "Disconnected"
        assert page.is_visible("#connect")


@pytest.mark.parametrize("sign", ["window, 'online'", "document, 'visibilitychange'"])
def test_whoever_comes_back_need_not_wait(browser: Browser, server_url: str, sign: str) -> None:
    refusal = {"status": 503, "headers": {"Retry-After": "600"}, "body": "{}"}
    with opened_page(browser, server_url) as page:
        pc_id = connect(page)
        page.evaluate(
            "window.waits = [];"
            "avatarClient.addEventListener('state', ({ detail }) => waits.push(detail.retryIn))"
        )
        page.route("**/api/offer", lambda route: route.fulfill(**refusal))
        lose_connection(server_url, pc_id)
        page.wait_for_function("waits.at(-1) === 600")
        page.unroute("**/api/offer")
        page.evaluate(f"((place, event) => place.dispatchEvent(new Event(event)))({sign})")
        page.wait_for_function("document.body.dataset.state === 'connected'")


def test_a_connection_that_is_given_up_has_a_button(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        patience = """async () => {
          const { Backoff } = await import("/backoff.js");
          let all = 0;
          for (let pause, backoff = new Backoff(); (pause = backoff.next(null)) !== null; ) {
            all += pause;
          }
          return all / 60_000;
        }"""
        assert 5 < page.evaluate(patience) < 15
        pc_id = connect(page)
        page.route("**/api/offer", lambda route: route.fulfill(status=410))
        lose_connection(server_url, pc_id)
        page.wait_for_selector("#notice button:has-text('Connect again')")
        assert page.inner_text("#status") == "Disconnected"
        page.unroute("**/api/offer")
        page.click("#notice button:has-text('Connect again')")
        page.wait_for_function("document.body.dataset.state === 'connected'")


def test_a_server_that_does_not_answer(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        page.route("**/api/offer", lambda route: route.abort())
        page.check("#mode-speak")
        page.click("#connect")
        assert "The server does not answer" in notice(page)
        page.unroute("**/api/offer")
        page.click("#notice button:has-text('Try again')")
        page.wait_for_function("document.body.dataset.state === 'connected'")


def test_a_denied_microphone_is_explained(browser: Browser, server_url: str) -> None:
    # Nobody answers the question of this browser: it refuses, as after a click on "Block".
    with opened_page(browser, server_url) as page:
        connect(page)
        page.click("#microphone")
        text = notice(page)
        assert "The microphone is not available" in text
        assert "Allow it in the address bar" in text
        assert page.get_attribute("#microphone", "aria-pressed") == "false"
        say(page, "The rest works.")
        wait_speaking(page, True)


def test_a_token_is_asked_for(browser: Browser) -> None:
    with running_server("--log-level", "warning", "--token", "sesame") as url:
        with opened_page(browser, url) as page:
            page.check("#mode-speak")
            page.click("#connect")
            page.wait_for_selector("#sign-in[open]")
            page.fill("#token", "wrong")
            page.press("#token", "Enter")
            page.wait_for_selector("#sign-in-title:has-text('not accepted')")
            page.fill("#token", "sesame")
            page.press("#token", "Enter")
            page.wait_for_function("document.body.dataset.state === 'connected'")
        with opened_page(browser, f"{url}/#token=sesame") as page:
            assert page.evaluate("location.hash") == ""
            connect(page)


def test_blocked_sound_waits_for_a_click(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        block_sound(page)
        connect(page)
        assert page.is_visible("#hear")
        assert page.evaluate("video.muted") is True
        page.evaluate("blocked = false")
        page.click("#hear")
        page.wait_for_selector("#hear", state="hidden")
        assert page.evaluate("video.muted") is False


def test_a_face_that_there_is_not_gives_way_to_the_one_that_is_shown(
    browser: Browser, server_url: str
) -> None:
    with opened_page(browser, f"{server_url}/?avatar=gone") as page:
        page.check("#mode-speak")
        page.click("#connect")
        assert "There is no such face" in notice(page)
        page.click("#notice button:has-text('Try again')")
        page.wait_for_function("document.body.dataset.state === 'connected'")


def test_a_connection_that_is_opened_anew_forgets_the_try_before(
    browser: Browser, server_url: str
) -> None:
    with opened_page(browser, server_url) as page:
        page.evaluate(
            """async () => {
              const { AvatarClient } = await import("/avatar-client.js");
              const plain = window.fetch;
              let release;
              const released = new Promise((resolve) => { release = resolve; });
              window.fetch = async (url, options) => {
                if (String(url).endsWith("/api/config")) await released;
                return plain(url, options);
              };
              window.anew = new AvatarClient();
              window.states = [];
              anew.addEventListener("state", ({ detail }) => states.push(detail.state));
              anew.connect().catch(() => {});
              anew.close();
              anew.connect();
              release();
            }"""
        )
        page.wait_for_function("states.includes('connected')")
        assert page.evaluate("states") == ["connecting", "closed", "connecting", "connected"]
        # The page knows nothing of this client, so it would not say goodbye for it.
        with page.expect_response(lambda response: response.request.method == "DELETE"):
            page.evaluate("anew.close()")


# A client that is told to connect while it is connecting, and while the answer to its way back from
# a lost connection is late. Returns both sessions, and how often one was ended.
IMPATIENT = """async () => {
  const { AvatarClient } = await import("/avatar-client.js");
  const [plainFetch, PlainConnection] = [window.fetch, RTCPeerConnection];
  const peers = [];
  const late = { answered: Promise.withResolvers(), released: Promise.withResolvers() };
  let ends = 0;
  let offers = 0;
  window.RTCPeerConnection = class extends PlainConnection {
    constructor(...options) { super(...options); peers.push(this); }
  };
  window.fetch = async (url, options) => {
    if (options.method === "DELETE") ends += 1;
    const answer = await plainFetch(url, options);
    if (options.method === "POST" && ++offers === 2) {
      late.answered.resolve();
      await late.released.promise;
    }
    return answer;
  };
  const client = new AvatarClient();
  client.connect();
  await client.connect();
  const former = client.session.session;
  peers.at(-1).close();
  await late.answered.promise;
  const connected = client.connect();
  late.released.resolve();
  await connected;
  const found = [former, client.session.session, ends];
  client.close();
  return found;
}"""


def test_to_connect_again_on_the_way_back_ends_no_session(
    browser: Browser, server_url: str
) -> None:
    with opened_page(browser, server_url) as page:
        former, present, ends = page.evaluate(IMPATIENT)
        assert present == former
        assert ends == 0


def test_the_remembered_device_is_used_as_soon_as_it_is_there(
    browser: Browser, server_url: str
) -> None:
    with opened_page(browser, server_url) as page:
        told = page.evaluate(
            """async () => {
              const { setUpDevicePicker } = await import("/devices.js");
              const kind = "audioinput";
              const own = [{ kind, deviceId: "usb", label: "USB" }];
              let plugged = [{ kind, deviceId: "", label: "" }]; // before it is allowed
              navigator.mediaDevices.enumerateDevices = async () => plugged;
              localStorage.setItem("avatar.audioinput", "usb");
              const told = [];
              const select = document.createElement("select");
              const fill = setUpDevicePicker(select, kind, (id) => told.push(id));
              for (const devices of [plugged, own, own, [], own]) {
                plugged = devices;
                await fill();
              }
              return told;
            }"""
        )
    assert told == ["usb", "", "usb"]
