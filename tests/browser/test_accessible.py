"""axe-core finds no serious fault on any page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from lenslab.ui.frame import PAGES
from tests.browser.test_simulate import settled

GRAVE = ("serious", "critical")
TRIES = 4         # what is drawn anew is pale for a moment, and no fault; a fault stays


def test_axe_finds_no_serious_fault_on_any_page(visit, address):
    """Each page in a tab of its own: where one takes another's place, the old one may still write its address as the
    browser leaves it, and the browser then gives up the way there."""
    context, faults = visit("/glossary").context, []
    for name in PAGES:
        page = context.new_page()
        page.goto(address + "/" + name.removesuffix(".py").replace("home", ""))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for _ in range(TRIES):
            settled(page)
            found = grave(page)
            if not found:
                break
        faults += [(name, *fault) for fault in found]
        page.close()
    assert not faults


def grave(page) -> list[tuple[str, str]]:
    return [(fault["id"], fault["nodes"][0]["html"][:300]) for fault in Axe().run(page).response["violations"]
            if fault["impact"] in GRAVE]
