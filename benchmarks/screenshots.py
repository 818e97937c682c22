"""Pictures of every page: `python benchmarks/screenshots.py [PAGE ...] [--widths 1400 1024 390] [--themes light dark]`.

Each page is opened in a headless Chromium, waited for until the app no longer runs, and written whole to
screenshots/PAGE-WIDTH-THEME.png, which git ignores. A PAGE is a name (home, simulate, ...) or an address behind the
server's, as "/simulate?substructure.kind=fdm". Without --address the command starts an app of its own. What went wrong
is printed: an error on the page, or a page that scrolls sideways; the command then ends with 1.
"""

import argparse
import re
import sys
from contextlib import nullcontext
from pathlib import Path

from latency import FLAGS, HOME, app, chromium
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(HOME))  # as python benchmarks/NAME.py starts it

from lenslab.ui import frame

PAGES = {name.removesuffix(".py"): "/" + name.removesuffix(".py") for name in frame.PAGES} | {
    "home": "/", "quiz": "/quiz?population=deeplense-2&level=plain&seed=7"}
HEIGHTS = {390: 844, 1024: 768, 1400: 900}
NARROW = 768        # pixels: a narrower window is that of a phone, with a finger for a mouse
QUIET_MS = 1500     # so long nothing has run: a page may ask for another run as it is drawn
QUIET = """quiet => {
  const app = document.querySelector("[data-testid=stApp]")
  const busy = !app || app.dataset.testScriptState !== "notRunning"
               || document.querySelector("[data-testid=stSkeleton], [data-testid=stSpinner]")
  window.quietSince = busy ? null : window.quietSince ?? performance.now()
  return window.quietSince !== null && performance.now() - window.quietSince > quiet
}"""
# The pixels that a page is wider than its window, and those that its main part hides to the right.
SIDEWAYS = """() => Math.max(...[document.scrollingElement, document.querySelector("[data-testid=stMain]")]
    .map(each => each.scrollWidth - each.clientWidth))"""
# The page scrolls inside of its main part: a window as high as that shows the whole.
WHOLE = """() => document.querySelector("[data-testid=stMain]").scrollHeight"""


def settle(page: Page) -> None:
    """Wait until the app has drawn all there is to draw."""
    page.wait_for_function(QUIET, arg=QUIET_MS, timeout=180000)


def shot(browser, phone: dict, url: str, width: int, theme: str, file: Path, whole: bool) -> list[str]:
    """Write one picture; returns what is wrong with the page."""
    height = HEIGHTS.get(width, 900)
    size = dict(viewport=dict(width=width, height=height), device_scale_factor=1, color_scheme=theme)
    context = browser.new_context(**(phone if width <= NARROW else {}) | size)
    try:
        page = context.new_page()
        page.goto(url)
        settle(page)
        wrong = [f"scrolls sideways by {by} px"] if (by := page.evaluate(SIDEWAYS)) > 0 else []
        if page.get_by_test_id("stException").count():
            wrong.append("shows an error")
        if whole:
            page.set_viewport_size(dict(width=width, height=max(height, page.evaluate(WHOLE))))
            settle(page)
        page.screenshot(path=file)
        return wrong
    finally:
        context.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", default=list(PAGES), metavar="PAGE")
    parser.add_argument("--widths", type=int, nargs="+", default=[1400, 390])
    parser.add_argument("--themes", nargs="+", default=["light", "dark"], choices=["light", "dark"])
    parser.add_argument("--address", help="of an app that runs already, as http://127.0.0.1:8501")
    parser.add_argument("--fold", action="store_true", help="only what is seen before scrolling")
    asked = parser.parse_args()
    folder, bad = HOME / "screenshots", 0
    folder.mkdir(exist_ok=True)
    with (nullcontext(asked.address) if asked.address else app()) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        phone = playwright.devices["Pixel 7"]
        for name in asked.pages:
            stem = name if name in PAGES else re.sub(r"[^\w.-]+", "-", name).strip("-") or "home"
            for width in asked.widths:
                for theme in asked.themes:
                    file = folder / f"{stem}-{width}-{theme}.png"
                    wrong = shot(browser, phone, address + PAGES.get(name, name), width, theme, file, not asked.fold)
                    bad += bool(wrong)
                    print(file.relative_to(HOME), *wrong, sep=": ", flush=True)
        browser.close()
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
