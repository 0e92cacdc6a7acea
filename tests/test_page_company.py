"""The page's pickers of faces and of whom to talk to, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Browser, Route, expect

from tests.browser import opened_page


def test_faces_can_be_chosen_before_their_pictures_have_come(
    browser: Browser, server_url: str
) -> None:
    held: list[Route] = []
    with opened_page(browser, server_url) as page:
        page.route("**/kofi.jpg*", lambda route: held.append(route))
        page.reload()
        kofi = page.locator("#avatars label", has_text="Kofi")
        expect(kofi).to_be_visible()
        expect(page.locator("#poster")).to_be_visible()
        expect(page.locator("#avatars label img[src]")).to_have_count(3)
        kofi.click()
        expect(kofi.locator("input")).to_be_checked()
        expect(page.locator("#poster")).to_be_hidden()
        held[0].continue_()
        expect(kofi.locator("img[src]")).to_have_count(1)
        expect(page.locator("#poster")).to_be_visible()
