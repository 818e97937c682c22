"""A visitor's hand on the live lens: on the Home page, on a touch screen, by keys, and in the file without a server."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from lenslab.ui.home.scenes import OPENING, STEPS
from lenslab.ui.live_lens import offline
from tests.browser.test_live_lens import NO_WEBGL2
from tests.browser.test_simulate import settled

STATE = """box => {   // with what is to be seen on the canvas, in fewer pixels
  const small = Object.assign(document.createElement("canvas"), { width: 48, height: 48 }), pen = small.getContext("2d")
  pen.drawImage(box.querySelector("canvas"), 0, 0, 48, 48)
  return { values: box.lens.values, by: box.lens.picture.constructor.name,
           picture: Array.from(pen.getImageData(0, 0, 48, 48).data).filter((_, k) => k % 4 === 0) }
}"""
VALUES = "box => box.lens.values"

COUNT_MESSAGES = """() => {
  const send = WebSocket.prototype.send
  window.sent = 0
  WebSocket.prototype.send = function (...all) { window.sent += 1; return send.apply(this, all) }
}"""


def opened(page: Page) -> Locator:
    """The lens, once it has told what it shows."""
    box = page.locator(".live-lens")
    expect(box.locator(".told")).not_to_be_empty(timeout=240000)   # a server that has just started warms up
    return box


def opened_at_home(page: Page) -> Locator:
    """The same on a page of the app, which is drawn anew once the browser has told how wide it is."""
    opened(page)
    settled(page)
    return opened(page)


def star(box: Locator) -> tuple[float, float]:
    place = box.locator("[data-grip=source] .star").bounding_box()
    return place["x"] + place["width"] / 2, place["y"] + place["height"] / 2


def drag(page: Page, box: Locator, dx: float, dy: float, release: bool = True) -> None:
    x, y = star(box)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    if release:
        page.mouse.up()


def arcsec(box: Locator, pixels: float) -> float:
    return pixels * box.evaluate("box => box.lens.data.camera.width / box.lens.size()")


def changed(box: Locator, told: str, before: dict) -> dict:
    """The state once the lens has told another thing; its picture must be another one too."""
    expect(box.locator(".told")).not_to_have_text(told)
    after = box.evaluate(STATE)
    assert np.abs(np.subtract(after["picture"], before["picture"])).max() > 50   # of 255
    return after


def seen_from_the_side(box: Locator) -> None:
    """Each ray leaves the source, is bent at the lens alone, and an image is seen where its last piece points back."""
    ways, apparent = (np.array(re.findall(r"[-\d.]+", box.locator(f"[data-part={part}]").get_attribute("d")), float)
                      for part in ("rays", "seen"))
    ways, apparent = ways.reshape(-1, 3, 2), apparent.reshape(-1, 2, 2)
    assert len(ways) == len(apparent) == box.locator("[data-part=images] circle").count() >= 1
    (eye, y_eye), lens, source = ways[0, 0], ways[:, 1], ways[:, 2]
    assert np.ptp(source, axis=0) == pytest.approx([0, 0])
    back = y_eye + (lens[:, 1] - y_eye) * (apparent[:, 1, 0] - eye) / (lens[:, 0] - eye)
    assert back == pytest.approx(apparent[:, 1, 1], abs=0.3)      # pixels, which are told to a tenth
    height = (y_eye - source[0, 1]) * box.evaluate("box => box.lens.data.camera.width") / 150
    now = box.evaluate(VALUES)
    x, y = (now[f"source.center_{axis}"] - now[f"lens.center_{axis}"] for axis in "xy")
    assert height == pytest.approx(np.hypot(x, y), abs=0.01)


def comes_to(page: Page, box: Locator, wanted: Callable[[dict], bool]) -> bool:
    """Whether the numbers of the lens become as they should, sooner or later."""
    for _ in range(300):
        if wanted(box.evaluate(VALUES)):
            return True
        page.wait_for_timeout(100)
    return False


@pytest.mark.parametrize("painter", ["ShaderPicture", "PlainPicture"])
def test_the_file_without_a_server_answers_to_a_drag_and_to_keys(browser, tmp_path, painter):
    file = tmp_path / "live.html"
    file.write_text(offline.page(), encoding="utf-8")
    context, errors = browser.new_context(offline=True), []
    if painter == "PlainPicture":
        context.add_init_script(NO_WEBGL2)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    box = opened(page)
    told, before = box.locator(".told").text_content(), box.evaluate(STATE)
    assert before["by"] == painter
    drag(page, box, 60, -30)
    after = changed(box, told, before)
    moved = [after["values"][f"source.center_{axis}"] - before["values"][f"source.center_{axis}"] for axis in "xy"]
    assert moved == pytest.approx([arcsec(box, 60), arcsec(box, 30)], abs=0.02)
    seen_from_the_side(box)
    box.locator("[data-grip=turn]").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("+")
    keyed = box.evaluate(VALUES)
    assert keyed["lens.phi"] < after["values"]["lens.phi"] and keyed["lens.theta_E"] > after["values"]["lens.theta_E"]
    assert not errors
    context.close()


def test_a_drag_on_the_home_page_costs_the_server_nothing_and_its_scene_goes_to_other_pages(visit):
    page = visit()
    box = opened_at_home(page)
    told, before = box.locator(".told").text_content(), box.evaluate(STATE)
    assert {path: OPENING.get(path) for path in before["values"]} == before["values"]
    page.evaluate(COUNT_MESSAGES)
    drag(page, box, 40, 25, release=False)
    page.wait_for_timeout(500)
    assert box.evaluate(VALUES)["source.center_x"] > before["values"]["source.center_x"] + 0.1
    assert page.evaluate("window.sent") == 0
    page.mouse.up()
    after = changed(box, told, before)["values"]
    page.wait_for_function("window.sent > 0")   # or the count would be worth nothing
    settled(page)
    page.get_by_role("link", name="Simulate").last.click()
    page.wait_for_url("**/simulate?*")
    link = parse_qs(urlsplit(page.url).query)
    assert float(link["source.center_x"][0]) == pytest.approx(after["source.center_x"], abs=1e-4)
    assert float(link["source.center_y"][0]) == pytest.approx(after["source.center_y"], abs=1e-4)


def test_a_finger_drags_on_a_touch_screen_and_steps_set_the_lens(browser, address):
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    context.set_default_timeout(60000)
    page = context.new_page()
    page.goto(address)
    box = opened_at_home(page)
    told, before = box.locator(".told").text_content(), box.evaluate(STATE)
    finger = context.new_cdp_session(page)
    x, y = star(box)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [
            {"x": px, "y": py, "id": k} for k, (px, py) in enumerate(places)]})

    touch("touchStart", (x, y))
    touch("touchMove", (x + 20, y))
    touch("touchMove", (x + 45, y))
    touch("touchEnd")
    after = changed(box, told, before)["values"]
    assert after["source.center_x"] - before["values"]["source.center_x"] == pytest.approx(arcsec(box, 45), abs=0.05)
    x, y = star(box)
    touch("touchStart", (x, y), (x + 40, y + 40))
    touch("touchMove", (x, y), (x + 60, y + 60))
    touch("touchEnd")
    assert comes_to(page, box, lambda values: values["lens.theta_E"] > 1.2 * after["lens.theta_E"])
    settled(page)
    for name in ("bend", "ring"):
        page.locator(".st-key-home-next button").click()
        wanted = STEPS[name].lens.theta_E
        assert comes_to(page, box, lambda values: abs(values["lens.theta_E"] - wanted) < 1e-6)  # noqa: B023
        settled(page)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
    context.close()
