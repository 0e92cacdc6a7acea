"""The page in browsers and networks that lack, forbid or delay something."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import connect, opened_page

NO_STORAGE = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("denied", "SecurityError"); },
})"""


@contextmanager
def prepared_page(browser: Browser, url: str, script: str) -> Generator[Page]:
    """The page after ``script``, which runs before its own ones; fails on their errors."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(script)
    try:
        page.goto(url)
        yield page
        assert errors == []
    finally:
        context.close()


def why_not(page: Page) -> str:
    """What the page says when it is asked to connect."""
    page.check("#mode-speak")
    page.click("#connect")
    expect(page.locator("#notice")).to_be_visible()
    return page.inner_text("#notice")


def test_what_is_not_the_server_is_not_taken_for_a_full_one(
    browser: Browser, server_url: str
) -> None:
    with opened_page(browser, server_url) as page:
        sign_in = "<html>Sign in to this network</html>"
        page.route("**/api/config", lambda route: route.fulfill(body=sign_in))
        page.reload()
        page.wait_for_function("window.avatarClient !== undefined")
        assert why_not(page).startswith("Something else answered")


def test_a_browser_without_webrtc_is_told_so(browser: Browser, server_url: str) -> None:
    with prepared_page(browser, server_url, "delete window.RTCPeerConnection") as page:
        assert why_not(page).startswith("This browser cannot connect")


def test_an_ice_server_that_the_browser_refuses_is_named(browser: Browser, server_url: str) -> None:
    config = {"avatar": "mira", "iceServers": [{"urls": "turn:turn.example"}]}
    with opened_page(browser, server_url) as page:
        page.route("**/api/config", lambda route: route.fulfill(json=config))
        page.reload()
        page.wait_for_function("window.avatarClient !== undefined")
        assert "username and credential" in why_not(page)


@pytest.mark.parametrize(
    ("status", "code", "message", "title"),
    [
        (503, "server_full", "all 8 sessions are taken", "All places are taken"),
        (503, "draining", "the server is about to stop", "The server is about to stop"),
        (429, "client_limit", "you have 2 sessions already", "You have other sessions"),
    ],
)
def test_the_page_says_why_it_has_to_wait(
    browser: Browser, server_url: str, status: int, code: str, message: str, title: str
) -> None:
    refusal = {"error": code, "message": message}
    with opened_page(browser, server_url) as page:
        page.route(
            "**/api/offer",
            lambda route: route.fulfill(status=status, headers={"Retry-After": "60"}, json=refusal),
        )
        said = why_not(page)
        assert said.startswith(title)
        assert message[1:] in said
        assert "Trying again in" in said


def test_a_browser_that_may_remember_nothing_works(browser: Browser, server_url: str) -> None:
    with prepared_page(browser, server_url, NO_STORAGE) as page:
        expect(page.locator("#welcome-title")).not_to_be_empty()
        theme = page.locator("#theme")
        for colours in ("light", "dark", "as the system"):
            theme.click()
            expect(theme).to_have_accessible_name(f"Colours: {colours}")


def test_controls_show_what_is_so_after_coming_back(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        page.fill("#volume", "20")
        page.evaluate("document.getElementById('captions-on').click()")
        page.select_option("#mood", "happiness")
        page.goto(f"{server_url}/selftest")
        page.go_back()
        page.wait_for_function("window.avatarClient !== undefined")
        assert page.input_value("#volume") == "20"
        assert page.evaluate("video.volume") == 0.2
        assert not page.is_checked("#captions-on")
        assert page.input_value("#mood") == "none"


def test_a_line_that_falls_silent_is_left(browser: Browser, server_url: str) -> None:
    """A network that went away without a word would leave the user waiting for ever."""
    with opened_page(browser, server_url) as page:
        page.clock.install()
        page.evaluate(
            """async () => {
              const { Signalling } = await import("/signalling.js");
              let server;
              window.fetch = async (url, { signal }) => {
                const body = new ReadableStream({ start: (controller) => (server = controller) });
                signal.addEventListener("abort", () => server.error(signal.reason));
                return new Response(body);
              };
              window.say = (text) => server.enqueue(new TextEncoder().encode(text));
              window.places = [];
              const place = { ticket: "t", place: 5, ready: false };
              const signalling = new Signalling(location.origin, null);
              const { signal } = new AbortController();
              window.turned = false;
              signalling.turn(place, (now) => places.push(now), signal).then(() => (turned = true));
            }"""
        )
        for place in (4, 3, 2):  # longer in all than it may be silent
            page.clock.fast_forward(6_000)
            page.evaluate(f"say('event: place\\ndata: {{\"place\": {place}}}\\n\\n')")
            page.wait_for_function(f"places.at(-1) === {place}")
        assert page.evaluate("turned") is False
        page.clock.fast_forward(16_000)
        page.wait_for_function("turned")


def test_a_lost_place_in_line_is_not_asked_for_without_a_pause(
    browser: Browser, server_url: str
) -> None:
    with opened_page(browser, server_url) as page:
        told = page.evaluate(
            """async () => {
              const { Signalling } = await import("/signalling.js");
              const methods = [];
              window.fetch = async (url, { method }) => {
                methods.push(method);
                return new Response(null, { status: method === "GET" ? 502 : 204 });
              };
              const leave = new AbortController();
              const place = { ticket: "t", place: 1, ready: false };
              const waits = new Promise((resolve) => setTimeout(resolve, 300, "waits"));
              const signalling = new Signalling(location.origin, null);
              const turn = signalling.turn(place, () => {}, leave.signal);
              const first = await Promise.race([turn.then(() => "asks"), waits]);
              leave.abort();
              await turn;
              return [first, methods];
            }"""
        )
    assert told == ["waits", ["GET", "DELETE"]]


def test_a_countdown_goes_by_the_clock(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        page.clock.install()
        page.evaluate(
            """async () => {
              const { Notice } = await import("/notice.js");
              window.acted = 0;
              const act = () => { acted += 1; };
              const notice = new Notice(document.getElementById("notice"));
              notice.countDown("", "", 30, [], () => "", act);
            }"""
        )
        page.clock.fast_forward(29_000)  # as in a hidden page, its timer fires once
        assert page.evaluate("acted") == 0
        page.clock.fast_forward(1_000)
        assert page.evaluate("acted") == 1


def test_credentials_of_turn_servers_are_asked_for_anew(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        page.clock.install()
        page.evaluate(
            """async () => {
              const { Connection } = await import("/connection.js");
              window.asked = 0;
              window.connection = new Connection({ config: async () => { asked += 1; } }, {});
            }"""
        )
        page.evaluate("connection.prepare().then(() => connection.prepare())")
        assert page.evaluate("asked") == 1
        page.clock.fast_forward(61_000)
        page.evaluate("connection.prepare()")
        assert page.evaluate("asked") == 2


def test_a_microphone_that_is_switched_off_while_it_is_asked_for_stays_off(
    browser: Browser, server_url: str
) -> None:
    with opened_page(browser, server_url) as page:
        connect(page)
        told = page.evaluate(
            """async () => {
              const { stream } = new AudioContext().createMediaStreamDestination();
              let allow;
              const allowed = new Promise((resolve) => { allow = resolve; });
              navigator.mediaDevices.getUserMedia = () => allowed;
              const asked = avatarClient.setMicrophone(true).catch(({ code }) => code);
              await avatarClient.setMicrophone(false);
              allow(stream);
              const code = await asked;
              return [code, avatarClient.microphone, stream.getTracks()[0].readyState];
            }"""
        )
    assert told == ["cancelled", False, "ended"]


def test_escape_that_ends_an_input_method_interrupts_nobody(
    browser: Browser, server_url: str
) -> None:
    with opened_page(browser, server_url) as page:
        connect(page)
        counts = page.evaluate(
            """() => {
              let interrupted = 0;
              avatarClient.interrupt = () => { interrupted += 1; };
              return [true, false].map((isComposing) => {
                const options = { key: "Escape", isComposing, bubbles: true };
                text.dispatchEvent(new KeyboardEvent("keydown", options));
                return interrupted;
              });
            }"""
        )
    assert counts == [0, 1]


def test_words_from_right_to_left_are_laid_out_so(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        edges = page.evaluate(
            """async () => {
              const { Transcript } = await import("/transcript.js");
              const list = document.getElementById("transcript");
              const others = ["scroll", "empty"].map((id) => document.getElementById(id));
              new Transcript(list, ...others).add("u", "שלום.");
              const bubble = list.lastElementChild.getBoundingClientRect();
              const text = list.lastElementChild.querySelector(".unsaid").firstChild;
              const range = document.createRange();
              const left = (at) => {
                range.setStart(text, at);
                range.setEnd(text, at + 1);
                return range.getBoundingClientRect().left;
              };
              return { first: left(0), stop: left(4), middle: bubble.left + bubble.width / 2 };
            }"""
        )
    assert edges["middle"] < edges["stop"] < edges["first"]


def test_captions_turn_their_pages_in_any_script(browser: Browser, server_url: str) -> None:
    with opened_page(browser, server_url) as page:
        pages = page.evaluate(
            """async () => {
              const { captionPage } = await import("/captions.js");
              const walk = "今天天气很好，我们去公园散步吧。";
              const texts = [walk.repeat(9), "x".repeat(500), "One two."];
              return texts.map((text) => captionPage(text));
            }"""
        )
    assert pages[0] == "今天天气很好，我们去公园散步吧。"
    assert len(pages[1]) <= 84
    assert pages[2] == "One two."
