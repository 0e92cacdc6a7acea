"""A conversation on the page: by voice, by text, held back, interrupted, refused, resumed."""

from __future__ import annotations

import json
import threading
import wave
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from avatar_server.conversation.engines import EngineUnavailableError
from avatar_server.talk import Engines, Talking
from motion.contract import SPEECH_RATE
from tests.browser import block_sound, chromium, connect, lose_connection, opened_page, say
from tests.fakes import EchoDialogue, LoudnessVad, ScriptedRecogniser, scripted_talking
from tests.live import live_server
from tests.voices import silence, spoken

TIMEOUT = 30_000  # ms; tests run on busy machines
LONG = " ".join(["word"] * 60)
ALLOWED = {"permissions": ["microphone"]}
TURNS = """
  window.turns = [];
  avatarClient.addEventListener("conversation", ({ detail }) => turns.push(detail.state));
"""


def write_loud(path: Path, before: float, after: float) -> Path:
    """A microphone in which somebody talks, with silence (s) before and after, over and over."""
    talk = np.tanh(6 * spoken("Hello avatar!")) * 0.6
    sound = np.concatenate((silence(before), talk, silence(after)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SPEECH_RATE)
        file.writeframes((sound * 32767).astype(np.int16).tobytes())
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Generator[Browser]:
    """Its microphone hears somebody talk for a second, every three; pages must be allowed it."""
    path = write_loud(tmp_path_factory.mktemp("microphone") / "talk.wav", 0.5, 1.4)
    with chromium(f"--use-file-for-fake-audio-capture={path}") as launched:
        yield launched


def wait(page: Page, condition: str) -> None:
    page.wait_for_function(condition, timeout=TIMEOUT)


def wait_for_sign(page: Page, words: str) -> None:
    """The sign over the picture says ``words``."""
    wait(page, f"document.getElementById('turn').innerText === '{words}'")


def wait_for_bubble(page: Page, selector: str, text: str) -> None:
    page.wait_for_selector(f"#transcript li{selector}:has-text('{text}')", timeout=TIMEOUT)


def test_the_avatar_listens_answers_and_can_be_spoken_over(browser: Browser) -> None:
    talking = scripted_talking([LONG, "now stop please", ""])
    with live_server(talking) as url, opened_page(browser, url, **ALLOWED) as page:
        page.evaluate(TURNS)
        connect(page, conversation=True)
        wait_for_sign(page, "Listening")
        assert page.get_attribute("#microphone", "aria-pressed") == "true"
        wait(page, "document.getElementById('level').style.getPropertyValue('--level') > 0.3")
        wait_for_bubble(page, ".user[data-partial]", "word word")
        wait_for_bubble(page, ".user:not([data-partial])", LONG)
        wait_for_sign(page, "Speaking")
        wait_for_bubble(page, "[data-status=speaking]", "You said: word")

        # The next time that the microphone is loud, the avatar is still speaking.
        wait_for_sign(page, "Interrupted")
        wait_for_bubble(page, "[data-status=stopped]", "You said: word")
        wait_for_bubble(page, ".user:not([data-partial])", "now stop please")
        wait_for_bubble(page, ":not(.user)", "You said: now stop please.")
        turns = page.evaluate("turns")
        assert turns[:4] == ["preparing", "listening", "thinking", "speaking"]
        assert "interrupted" in turns[4:]


def test_one_click_and_the_avatar_can_be_talked_with(browser: Browser) -> None:
    talking = scripted_talking(["hello there"], greeting="Welcome here.")
    with live_server(talking) as url, opened_page(browser, url, **ALLOWED) as page:
        page.evaluate(
            """() => {
              window.captions = [];
              const caption = document.getElementById("caption");
              new MutationObserver(() => captions.push([
                caption.hasAttribute("data-user"), caption.textContent,
              ])).observe(caption, { childList: true, attributes: true });
            }"""
        )
        page.click("#connect")
        wait_for_bubble(page, ":not(.user)", "Welcome here.")
        wait_for_bubble(page, ".user:not([data-partial])", "hello there")
        wait_for_bubble(page, "[data-status=said]", "You said: hello there.")
        captions = page.evaluate("captions")
        assert [False, "Welcome here."] in captions
        assert [True, "hello there"] in captions, "both sides have captions"
        page.check("#mode-speak")
        page.reload()
        assert page.is_checked("#mode-speak"), "the other way is remembered"


def test_push_to_talk_is_heard_only_while_held(browser: Browser) -> None:
    talking = scripted_talking([f"turn {number}" for number in range(9)])
    with live_server(talking) as url, opened_page(browser, url, **ALLOWED) as page:
        page.check("#mode-conversation")
        page.click("#push")
        connect(page, conversation=True)
        wait_for_sign(page, "Hold to talk")
        assert page.evaluate("avatarClient.microphoneTrack.enabled") is False
        assert page.inner_text("#microphone") == "Hold to talk"
        # A whole round of the microphone's speech goes by.
        page.wait_for_timeout(3200)
        assert page.locator("#transcript li").count() == 0

        page.keyboard.down("Space")
        wait_for_sign(page, "Listening")
        wait_for_bubble(page, ".user[data-partial]", "turn 0")
        page.keyboard.up("Space")
        assert page.evaluate("avatarClient.microphoneTrack.enabled") is False
        wait_for_bubble(page, ".user:not([data-partial])", "turn 0")

        page.hover("#microphone")
        page.mouse.down()
        assert page.evaluate("avatarClient.microphoneTrack.enabled") is True
        page.mouse.up()
        assert page.evaluate("avatarClient.microphoneTrack.enabled") is False
        # The key may go up where the focus is by then.
        page.keyboard.down("Space")
        assert page.evaluate("avatarClient.microphoneTrack.enabled") is True
        page.focus("#text")
        page.keyboard.up("Space")
        assert page.evaluate("avatarClient.microphoneTrack.enabled") is False
        # In the box to write in, Space is a space.
        page.focus("#text")
        page.keyboard.press("Space")
        assert page.input_value("#text") == " "

        page.click("#push")
        assert page.evaluate("avatarClient.microphoneTrack.enabled") is True
        page.check("#mode-speak")
        wait(page, "avatarClient.conversation === 'off'")
        assert page.evaluate("avatarClient.microphone") is False


def test_without_a_microphone_it_goes_on_by_text(browser: Browser) -> None:
    # Nobody answers the question of this browser: it refuses, as after a click on "Block".
    with live_server() as url, opened_page(browser, url) as page:
        pc_id = connect(page, conversation=True)
        page.wait_for_selector("#notice[data-gentle]:not([hidden])", timeout=TIMEOUT)
        notice = page.inner_text("#notice")
        assert "Let us go on by text" in notice
        assert "Allow it in the address bar" in notice
        wait_for_sign(page, "Waiting for your words")
        say(page, "hello")
        wait_for_bubble(page, ".user:not([data-partial])", "hello")
        wait_for_bubble(page, "[data-status=said]", "You said: hello.")

        page.evaluate(TURNS)
        lose_connection(url, pc_id)
        wait(page, "turns[0] === 'preparing' && turns.at(-1) === 'listening'")
        say(page, LONG)
        wait_for_bubble(page, "[data-status=speaking]", "You said: word")
        page.click("#stop")
        wait_for_sign(page, "Interrupted")
        wait_for_bubble(page, "[data-status=stopped]", "You said")


def test_a_microphone_that_vanishes_leaves_the_session(browser: Browser) -> None:
    with live_server(scripted_talking()) as url, opened_page(browser, url, **ALLOWED) as page:
        connect(page, conversation=True)
        wait(page, "avatarClient.microphone")
        session = page.evaluate("avatarClient.session.session")
        # The browser ends the microphone's track, as when the device is pulled out.
        page.context.clear_permissions()
        page.wait_for_selector("#notice[data-gentle]:has-text('microphone')", timeout=TIMEOUT)
        assert "The microphone went away. Plug it in again" in page.inner_text("#notice")
        assert page.get_attribute("#microphone", "aria-pressed") == "false"
        wait_for_sign(page, "Waiting for your words")
        say(page, "hello")
        wait_for_bubble(page, "[data-status=said]", "You said: hello.")
        assert page.evaluate("avatarClient.session.session") == session

        page.context.grant_permissions(["microphone"])
        page.click("#microphone")
        wait(page, "avatarClient.microphone")
        wait_for_sign(page, "Listening")


def test_a_turn_that_goes_on_keeps_its_bubble(browser: Browser) -> None:
    with live_server() as url, opened_page(browser, url) as page:
        connect(page, conversation=True)
        page.evaluate(
            """() => {
              const hear = (turn, text, final) => avatarClient.dispatchEvent(
                new CustomEvent("transcript", { detail: { turn, text, final } }));
              hear("a", "tell me", false);
              hear("a", "tell me", true);
              hear("a", "tell me a", false);
            }"""
        )
        bubbles = page.locator("#transcript li.user")
        assert bubbles.all_inner_texts() == ["You:\ntell me a"]
        assert bubbles.first.get_attribute("data-partial") is not None


def test_a_language_that_the_server_cannot_hear_goes_on_by_text(browser: Browser) -> None:
    recogniser = ScriptedRecogniser()
    recogniser.refuses = "I hear Latin only"
    talking = Talking(
        scripted_talking().personas, lambda: Engines(LoudnessVad(), recogniser, EchoDialogue())
    )
    with live_server(talking) as url, opened_page(browser, url, **ALLOWED) as page:
        connect(page, conversation=True)
        page.wait_for_selector("#notice[data-gentle]:has-text('Latin only')", timeout=TIMEOUT)
        assert page.evaluate("avatarClient.microphone") is False
        say(page, "hello")
        wait_for_bubble(page, "[data-status=said]", "You said: hello.")


def test_what_is_written_while_the_server_gets_ready_is_answered(browser: Browser) -> None:
    loaded = threading.Event()

    def load() -> Engines:
        loaded.wait(60)
        return Engines(LoudnessVad(), ScriptedRecogniser(), EchoDialogue())

    talking = Talking(scripted_talking().personas, load)
    with live_server(talking) as url, opened_page(browser, url) as page:
        page.check("#mode-conversation")
        say(page, "hello")  # connects, too
        wait_for_sign(page, "Getting ready…")
        wait_for_bubble(page, ".user[data-partial]", "hello")
        loaded.set()
        wait_for_bubble(page, "[data-status=said]", "You said: hello.")
        assert page.locator("#transcript li").count() == 2


def test_a_server_that_cannot_converse_says_why(browser: Browser) -> None:
    def load() -> Engines:
        raise EngineUnavailableError("there is no model; bring one")

    talking = Talking(scripted_talking().personas, load)
    with live_server(talking) as url, opened_page(browser, url) as page:
        connect(page, conversation=True)
        page.wait_for_selector("#notice:has-text('there is no model; bring one')", timeout=TIMEOUT)
        assert "Let us go on by text" in page.inner_text("#notice")
        assert page.evaluate("avatarClient.conversation") == "off"
        assert page.is_checked("#mode-speak")
        say(page, "This works.")
        wait_for_bubble(page, "[data-status=said]", "This works.")


def test_faces_and_personas_change_while_connected(browser: Browser, tmp_path: Path) -> None:
    red = {"name": "red", "title": "Red", "avatar": "red", "greeting": "I am red."}
    (tmp_path / "red.json").write_text(json.dumps(red))
    talking = scripted_talking(greeting="I am flat.", folder=tmp_path)
    with live_server(talking) as url, opened_page(browser, url) as page:
        offers: list[str] = []
        page.on("request", lambda r: offers.append(r.method) if "/api/offer" in r.url else None)
        page.wait_for_selector("#whom:has(option + option)")
        connect(page, conversation=True)
        page.select_option("#persona", "red")
        wait(page, "avatarClient.session.avatar === 'red'")
        wait_for_bubble(page, ":not(.user)", "I am red.")
        assert page.is_checked("#avatars input[value=red]")
        page.click("#avatars label:has(input[value=flat])")
        wait(page, "avatarClient.session.avatar === 'flat'")
        assert page.evaluate("avatarClient.conversation") != "off"
        # One that cannot be shown in this session leads to a new one.
        page.click("#avatars label:has(input[value=big])")
        wait(page, "avatarClient.session?.avatar === 'big'")
        assert offers.count("POST") == 2
    with live_server(talking) as url, opened_page(browser, f"{url}/?persona=red") as page:
        connect(page, conversation=True)
        assert page.evaluate("avatarClient.session.avatar") == "red"
        wait_for_bubble(page, ":not(.user)", "I am red.")


CLOSABLE = """
  const Original = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Original {
    constructor(...options) { super(...options); connections.push(this); }
  };
"""


def test_a_lost_connection_finds_its_conversation_again(browser: Browser) -> None:
    with live_server(scripted_talking(greeting="Welcome here.")) as url:
        context = browser.new_context()
        page = context.new_page()
        page.add_init_script(CLOSABLE)
        page.goto(url)
        page.evaluate(TURNS)
        connect(page, conversation=True)
        wait_for_bubble(page, "[data-status=said]", "Welcome here.")
        session = page.evaluate("avatarClient.session.session")
        page.evaluate("turns.length = 0; connections.at(-1).close()")
        wait(page, "avatarClient.state === 'reconnecting'")
        wait(
            page, "avatarClient.state === 'connected' && avatarClient.conversation === 'listening'"
        )
        assert page.evaluate("avatarClient.session.session") == session
        assert page.evaluate("turns") == ["preparing", "listening"]
        say(page, "hello again")
        wait_for_bubble(page, "[data-status=said]", "You said: hello again.")
        assert page.locator("#transcript li:has-text('Welcome here.')").count() == 1
        # The mode that is chosen meanwhile counts.
        page.evaluate(
            """() => {
              avatarClient.addEventListener("state", ({ detail }) => {
                if (detail.state === "reconnecting") document.getElementById("mode-speak").click();
              });
              connections.at(-1).close();
            }"""
        )
        wait(page, "document.getElementById('mode-speak').checked")
        wait(page, "avatarClient.state === 'connected' && avatarClient.conversation === 'off'")
        context.close()


def test_a_caption_of_words_that_came_to_nothing_goes(browser: Browser) -> None:
    with live_server() as url, opened_page(browser, url) as page:
        shown = page.evaluate(
            """() => {
              avatarClient.dispatchEvent(new CustomEvent("transcript",
                { detail: { turn: "a", text: "mhm", final: false } }));
              return document.getElementById("caption").innerText;
            }"""
        )
        assert shown == "mhm"
        page.wait_for_selector("#caption", state="hidden")


def test_an_idle_session_warns_and_does_not_come_back_by_itself(browser: Browser) -> None:
    with (
        live_server(idle_minutes=4 / 60, warning_seconds=2) as url,
        opened_page(browser, url) as page,
    ):
        connect(page)
        page.wait_for_selector("#notice:has-text('Are you still there?')", timeout=TIMEOUT)
        assert "The session ends in 2 s." in page.inner_text("#notice")
        page.click("text=I am still here")
        page.wait_for_timeout(2_500)
        assert page.evaluate("avatarClient.state") == "connected", "past the end it had"
        page.wait_for_selector("#notice:has-text('The session has ended')", timeout=TIMEOUT)
        assert page.evaluate("avatarClient.state") == "closed"
        page.click("#notice button:has-text('Connect again')")
        wait(page, "avatarClient.state === 'connected'")


def test_the_greeting_waits_until_it_can_be_heard(browser: Browser) -> None:
    with (
        live_server(scripted_talking(greeting="Welcome here.")) as url,
        opened_page(browser, url) as page,
    ):
        block_sound(page)
        connect(page, conversation=True)
        assert page.is_visible("#hear")
        assert page.evaluate("avatarClient.conversation") == "off"
        page.evaluate("blocked = false")
        page.click("#hear")
        wait_for_bubble(page, "[data-status=said]", "Welcome here.")
