"""The page as it is seen: opened from disk in a browser, with and without JavaScript."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.harness.test_page import build, make_project

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A sandbox needs rights that a container's root may lack; the rest keeps the browser off the net.
QUIET = (
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project with spaces")
    figures = make_project(folder)
    build(folder)
    return figures


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert path, f"no browser: install one of {', '.join(NAMES)} or set CHROMIUM to its path"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, site: Path) -> Iterator[Visit]:
    """Open a page; afterwards nothing may have been complained of or fetched from elsewhere."""
    contexts, trouble = [], []

    def open_page(name: str, **options: object) -> Page:
        contexts.append(browser.new_context(**options))
        tab = contexts[-1].new_page()
        tab.on("console", lambda message: trouble.append(message.text))
        tab.on("pageerror", lambda error: trouble.append(str(error)))
        tab.on("requestfailed", lambda request: trouble.append(f"failed: {request.url}"))
        tab.on("request", lambda request: requested.append(request.url))
        tab.goto((site / name).as_uri())
        return tab

    requested: list[str] = []
    yield open_page
    for context in contexts:
        context.close()
    assert not trouble
    assert all(url.startswith(("file:", "data:")) for url in requested)


@pytest.mark.parametrize("name", ["index.html", "rules/all_rules.html"])
def test_page_fits_its_window(visit, tmp_path, name):
    tab = visit(name)
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    for size, scheme in itertools.product(SIZES, ("light", "dark")):
        tab.set_viewport_size(SIZES[size])
        tab.emulate_media(color_scheme=scheme)
        assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
        shot = tmp_path / f"{size}_{scheme}.png"
        tab.screenshot(path=shot, full_page=True)
        assert shot.stat().st_size > 10_000


def test_pictures_and_formulas_are_drawn(visit):
    tab = visit("games/coin.html")
    assert tab.locator("figure img").evaluate("image => image.complete && image.naturalWidth > 0")
    box = tab.locator(".statement math").first.bounding_box()
    assert box["width"] > 5
    assert box["height"] > 10


def test_dark_and_light_differ(visit):
    colours = {
        visit("index.html", color_scheme=scheme).evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        for scheme in ("light", "dark")
    }
    assert len(colours) == 2


def test_filter_and_search_narrow_the_list(visit):
    tab = visit("index.html")
    cards, waiting = tab.locator(".card:visible"), tab.locator(".waiting li:visible")
    count = tab.get_by_role("status")
    expect(count).to_have_text("3 of 3 papers")

    tab.get_by_label("Search").fill("COIN fair")
    expect(cards).to_have_count(1)
    expect(waiting).to_have_count(0)
    expect(tab.get_by_role("heading", name="Not measured yet")).to_be_hidden()
    expect(count).to_have_text("1 of 3 papers")

    tab.get_by_label("Search").fill("no such thing")
    expect(cards).to_have_count(0)
    expect(count).to_have_text("No paper matches.")

    tab.get_by_role("button", name="Clear").click()
    expect(cards).to_have_count(2)
    expect(waiting).to_have_count(1)

    tab.get_by_label("Topic").select_option("rules")
    expect(cards).to_have_count(1)
    expect(waiting).to_have_count(1)
    tab.get_by_label("Verdict").select_option("inconclusive")
    expect(cards).to_have_count(1)
    expect(waiting).to_have_count(0)
    tab.get_by_label("Verdict").select_option("unmeasured")
    expect(cards).to_have_count(0)
    expect(waiting).to_have_count(1)


def test_keyboard_reaches_everything(visit):
    tab = visit("index.html")
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("main")).to_be_focused()
    tab.keyboard.press("Tab")
    expect(tab.get_by_label("Search")).to_be_focused()
    tab.keyboard.type("coin")
    expect(tab.locator(".card:visible")).to_have_count(1)
    for label in ("Topic", "Verdict"):
        tab.keyboard.press("Tab")
        expect(tab.get_by_label(label)).to_be_focused()
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("button", name="Clear")).to_be_focused()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    expect(tab).to_have_title("A coin is fair")

    summary = tab.locator("summary", has_text="The check as code").first
    summary.focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("details[open] .code").first).to_contain_text("def coin_is_fair")


def test_all_is_there_without_javascript(visit):
    tab = visit("index.html", java_script_enabled=False)
    expect(tab.locator(".card:visible")).to_have_count(2)
    expect(tab.locator(".waiting li:visible")).to_have_count(1)
    expect(tab.get_by_role("search")).to_be_hidden()
    tab.get_by_role("link", name="A coin is fair").click()
    expect(tab.locator(".story")).to_contain_text("The smallest experiment")
    expect(tab.locator(".statement:visible")).to_have_count(2)
    tab.get_by_text("The check as code").first.click()
    expect(tab.locator("details[open] .code").first).to_be_visible()


def test_paper_is_dark_on_white(visit):
    tab = visit("rules/all_rules.html", color_scheme="dark")
    check = tab.locator("details .code").first
    expect(check).to_be_hidden()
    tab.emulate_media(media="print")
    background = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(background) == "rgb(255, 255, 255)"
    expect(tab.get_by_role("navigation").first).to_be_hidden()
    expect(check).to_be_visible()
