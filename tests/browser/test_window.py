"""A phone's window, and the Back button, in a real browser."""

from urllib.parse import urljoin

from playwright.sync_api import expect

from lenslab.ui.frame import PAGES
from tests.browser.test_simulate import IMAGE, drawn, redrawn, settled

SHEET, HEADER = ".st-key-frame-sheet", "[data-testid=stHeader]"


def test_on_a_phone_the_whole_picture_is_seen_while_a_slider_is_turned(visit):
    page = visit("/simulate?lens.q=0.6", width=390, height=844)  # wide at first, till the browser has told
    first = drawn(page)
    sheet = page.locator(SHEET)
    sheet.wait_for()
    settled(page)
    slider = sheet.get_by_role("slider").nth(1)
    expect(slider).to_have_value("0.6")
    page.mouse.move(195, 300)
    page.mouse.wheel(0, 150)
    slider.scroll_into_view_if_needed()
    slider.focus()
    slider.press("ArrowLeft")
    redrawn(page, first)
    settled(page)
    header, picture, controls = (page.locator(name).bounding_box() for name in (HEADER, IMAGE, SHEET))
    assert header["y"] + header["height"] <= picture["y"]
    assert picture["y"] + picture["height"] <= controls["y"]
    assert controls["y"] < slider.bounding_box()["y"] < controls["y"] + controls["height"] <= 844


def test_on_a_phone_every_page_is_reached_without_the_drawer_and_none_scrolls_sideways(visit):
    page = visit("/simulate", width=390, height=844, theme="dark")
    page.locator(SHEET).wait_for()
    for title, *_ in PAGES.values():
        before = page.get_by_role("heading", level=1).inner_text()
        page.get_by_role("link", name=title, exact=True).first.click()   # Home has doors of the same names
        expect(page.get_by_role("heading", level=1)).not_to_have_text(before)
        settled(page)
        expect(page.get_by_test_id("stExpandSidebarButton")).to_have_count(0)
        assert page.evaluate("document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth"), title
        assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth"), title


def test_back_leaves_the_page_after_any_number_of_turns(visit):
    page = visit("/simulate")
    start = page.url
    page.goto("about:blank")
    page.goto(start)
    picture = drawn(page)
    settled(page)
    slider = page.get_by_role("slider").nth(1)
    for _ in range(3):
        slider.focus()
        slider.press("ArrowLeft")
        picture = redrawn(page, picture)
    page.wait_for_url("**/simulate?lens.q=0.77")
    settled(page)
    page.get_by_text("Behind the scenes", exact=True).click()
    page.get_by_role("menuitem", name="Model", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("network")
    settled(page)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("galaxy")
    assert page.url == f"{start}?lens.q=0.77"
    settled(page)
    page.go_back()
    page.wait_for_url("about:blank")

    page.goto(urljoin(start, "quiz"))  # puts its game into the address as it opens
    page.wait_for_url("**/quiz?*seed=*")
    page.locator(".st-key-quiz-image .js-plotly-plot").wait_for()
    settled(page)
    page.go_back()
    page.wait_for_url("about:blank")
