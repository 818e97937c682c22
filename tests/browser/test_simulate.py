"""What a visitor does on the Simulate page, in a real browser."""

import os
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from lenslab.images.export import to_fits
from lenslab.images.simulate import observe_scene
from lenslab.scene import SUBSTRUCTURE, Scene, Sersic
from lenslab.ui import cached, links
from lenslab.ui.simulate import closer, panels

IMAGE = ".st-key-simulate-image .js-plotly-plot"
BRIGHTNESS = """selector => {
  const values = document.querySelector(selector)?._fullData?.[0]?.customdata
  const sum = row => Array.from(row).reduce((a, b) => a + b, 0)
  return values ? sum(Array.from(values, sum)) : null
}"""

PLACE_AND_LIMITS = """selector => {
  const box = document.querySelector(selector), { zmin, zmax } = box._fullData[0]
  const { left, top, width, height } = box.getBoundingClientRect()
  return [zmin, zmax, left, top - document.querySelector("h1").getBoundingClientRect().top, width, height]
}"""


def drawn(page: Page, selector: str = IMAGE) -> float:
    """Summed brightness of the picture on the page, once it is there."""
    page.wait_for_function(f"selector => ({BRIGHTNESS})(selector) !== null", arg=selector)
    return page.evaluate(BRIGHTNESS, selector)


def redrawn(page: Page, before: float, selector: str = IMAGE) -> float:
    """The same, once it has changed."""
    page.wait_for_function(f"([selector, before]) => Math.abs(({BRIGHTNESS})(selector) - before) > 1e-9",
                           arg=[selector, before])
    return page.evaluate(BRIGHTNESS, selector)


def settled(page: Page) -> None:
    """The script has ended and nothing went wrong."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=60000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def look(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).or_(
        page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True)).first.click()


def test_a_turned_slider_changes_the_picture_the_address_and_undo_brings_it_back(visit):
    page = visit("/simulate")
    first = drawn(page)
    slider = page.get_by_role("slider").nth(1)
    slider.focus()
    slider.press("ArrowLeft")
    second = redrawn(page, first)
    page.wait_for_url("**/simulate?lens.q=0.79")
    settled(page)
    page.get_by_role("button", name="Undo", exact=True).click()
    assert redrawn(page, second) == pytest.approx(first, rel=1e-6)
    settled(page)


def test_quick_turns_are_all_counted(visit):
    """No press is lost or taken back while the page is still drawing the one before."""
    page = visit("/simulate")
    drawn(page)
    slider = page.get_by_role("slider").nth(1)
    slider.focus()
    for _ in range(10):
        slider.press("ArrowLeft")
        page.wait_for_timeout(60)
    page.wait_for_url("**/simulate?lens.q=0.7")
    settled(page)


def test_a_shared_link_opens_its_lens(visit):
    page = visit("/simulate?lens.q=0.5&source.center_x=0.2&substructure.kind=vortex")
    drawn(page)
    settled(page)
    expect(page.get_by_role("slider").nth(1)).to_have_value("0.5")
    scene = Scene().set({"lens.q": 0.5, "source.center_x": 0.2, "substructure.kind": "vortex"})
    assert drawn(page) == pytest.approx(float(observe_scene(scene).image.sum()), rel=1e-3)


def test_a_bad_link_is_answered_with_a_sentence_and_the_default_lens(visit):
    page = visit("/simulate?lens.q=90")
    assert drawn(page) == pytest.approx(float(observe_scene(Scene()).image.sum()), rel=1e-3)
    expect(page.get_by_text("it must lie between 0.1 and 1")).to_be_visible()
    settled(page)


def test_a_click_on_the_source_plane_moves_the_source(visit):
    page = visit("/simulate")
    first = drawn(page)
    plane = page.locator(".st-key-simulate-source .nsewdrag").first
    plane.wait_for()
    page.wait_for_timeout(500)
    box = plane.bounding_box()
    plane.click(position={"x": 0.75 * box["width"], "y": 0.25 * box["height"]})
    redrawn(page, first)
    page.wait_for_function("new URL(location).searchParams.has('source.center_x')")
    x, y = page.evaluate("['source.center_x', 'source.center_y'].map(k => +new URL(location).searchParams.get(k))")
    half = cached.source_plane(Scene())[1]  # arcsec; a pixel of the picture is 0.036
    assert (x, y) == pytest.approx((half / 2, half / 2), abs=0.05)
    settled(page)


ERRORS = "[data-testid=stException], [data-testid=stAlertContentError]"
MARKS = {  # what each look draws of a lens that has it to show
    "Numbers": "[data-testid=stTable]", "Substructure": ".st-key-simulate-substructure",
    "What it changes": ".st-key-simulate-change", "Magnification": ".st-key-simulate-magnification",
    "Wave": ".st-key-simulate-wave", "Beside a real lens": ".st-key-real-file",
    "Check with lenstronomy": ".st-key-check-go", "Export": ".st-key-export-json"}


def test_every_kind_of_dark_matter_is_looked_at_in_every_way_and_linked(visit):
    """Each look opens without an error, and the address is that of the lens shown."""
    page = visit("/simulate")
    drawn(page)
    page.get_by_role("tab", name="Dark matter").click()
    assert set(MARKS) == set(closer.LOOKS) and set(panels.KINDS) == set(SUBSTRUCTURE)
    for kind, name in panels.KINDS.items():
        if kind != "none":
            page.locator(".st-key-w-sub-kind input").click()
            page.get_by_role("option", name=name, exact=True).click()
        for each, mark in MARKS.items():
            if each == "Wave" and kind != "fdm":
                continue
            look(page, each)
            invited = page.get_by_text("All mass of this lens is smooth")
            shown = invited if kind == "none" and each in ("Substructure", "What it changes") else page.locator(mark)
            expect(shown.first).to_be_visible()
            expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")
            assert page.locator(ERRORS).count() == 0, (kind, each)
            told = links.from_query(dict(parse_qsl(urlsplit(page.url).query)))
            assert told == Scene().set({"substructure.kind": kind, **panels.KIND_STARTS.get(kind, {})}), (kind, each)


def test_an_image_blinks_between_with_and_without_its_dark_matter_and_nothing_else_changes(visit):
    page = visit("/simulate?substructure.kind=vortex")
    first, title = drawn(page), f"{IMAGE} .gtitle"
    settled(page)
    before = page.evaluate(PLACE_AND_LIMITS, IMAGE)
    look(page, "Without")
    smooth = redrawn(page, first)
    assert smooth == pytest.approx(float(observe_scene(Scene()).image.sum()), rel=1e-3)
    expect(page.locator(title)).to_contain_text("all mass smooth")
    assert page.evaluate(PLACE_AND_LIMITS, IMAGE) == pytest.approx(before, abs=1e-3)
    look(page, "Blink")
    for value, other in ((first, smooth), (smooth, first), (first, smooth)):
        assert redrawn(page, other) == pytest.approx(value, rel=1e-6)
    look(page, "With")
    expect(page.locator(title)).to_contain_text("with small-scale dark matter")
    page.wait_for_timeout(1800)
    assert drawn(page) == pytest.approx(first, rel=1e-6)
    settled(page)


def a_real_lens(folder: Path) -> Path:
    """J0946 where the folder of real lenses is at hand, else a lens of our own as if from elsewhere."""
    data = os.environ.get("LENSLAB_DATA")
    found = sorted(Path(data).glob("lenses/*j0946*.fits")) if data else []
    if found:
        return found[0]
    scene = Scene().set({"lens_light": (Sersic(magnitude=20.0, R_sersic=0.6),), "camera.num_pix": 80})
    file = folder / "lens.fits"
    file.write_bytes(to_fits(None, observe_scene(scene)))
    return file


def test_a_real_lens_stands_beside_and_a_slider_changes_its_residual(visit, tmp_path):
    page = visit("/simulate")
    drawn(page)
    settled(page)
    look(page, "Beside a real lens")
    upload = page.locator(".st-key-real-file input[type=file]")
    upload.wait_for(state="attached")
    upload.set_input_files(a_real_lens(tmp_path))
    residual = ".st-key-real-residual .js-plotly-plot"
    title = f"{residual} .gtitle"
    page.locator(title).wait_for()
    before = page.locator(title).text_content()
    assert "χ²" in before
    settled(page)
    slider = page.get_by_role("slider").first
    slider.focus()
    slider.press("ArrowRight")
    expect(page.locator(title)).not_to_have_text(before)
    settled(page)


@pytest.mark.parametrize(("name", "content", "words"), [
    ("broken.fits", b"SIMPLE  =                    T" + b" " * 50 + b"garbage", "broken.fits"),
    ("lens.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }" + b" " * 60,
     "lens.npy"),
])
def test_a_broken_file_is_refused_in_a_sentence(visit, tmp_path, name, content, words):
    file = tmp_path / name
    file.write_bytes(content)
    page = visit("/simulate")
    drawn(page)
    settled(page)
    look(page, "Beside a real lens")
    upload = page.locator(".st-key-real-file input[type=file]")
    upload.wait_for(state="attached")
    upload.set_input_files(file)
    expect(page.get_by_test_id("stAlert").filter(has_text=words)).to_be_visible()
    settled(page)


def test_an_exported_scene_comes_back(visit, tmp_path):
    page = visit("/simulate?lens.q=0.6")
    drawn(page)
    settled(page)
    look(page, "Export")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="scene.json").click()
    file = tmp_path / "scene.json"
    waiting.value.save_as(file)
    assert Scene.from_json(file.read_bytes()) == Scene().set({"lens.q": 0.6})
    page.get_by_role("button", name="Reset", exact=True).click()
    page.wait_for_function("!new URL(location).searchParams.has('lens.q')")
    settled(page)
    page.locator(".st-key-export-import input[type=file]").set_input_files(file)
    page.wait_for_function("new URL(location).searchParams.get('lens.q') === '0.6'")
    settled(page)


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (390, "dark"), (1440, "dark")])
def test_nothing_scrolls_sideways_and_pictures_stack(visit, width, theme):
    page = visit("/simulate", width=width, height=844, theme=theme)
    drawn(page)
    page.locator(".st-key-simulate-mass .js-plotly-plot").wait_for()
    settled(page)
    wide = page.evaluate("""() => [...document.querySelectorAll("*")].filter(each =>
        each.scrollWidth > each.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(each).overflowX)
        && each.closest('[data-testid=stMain]') && !each.closest('[data-testid=stTable]')
        && !each.closest('[data-testid=stCode]')).map(each => each.dataset.testid || each.className)""")
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [page.locator(f".st-key-simulate-{name} .js-plotly-plot").bounding_box() for name in ("image", "source")]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    if width < 600:
        assert boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"] - 1
    else:
        assert boxes[1]["x"] > boxes[0]["x"]


def test_a_zoom_stays_while_a_slider_is_turned(visit):
    page = visit("/simulate")
    first = drawn(page)
    settled(page)
    picture = page.locator(f"{IMAGE} .nsewdrag").first
    picture.hover(position={"x": 40, "y": 40})   # in the middle stands the star
    page.locator(f"{IMAGE} [data-title=Zoom]").click()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    page.mouse.up()
    zoomed = page.evaluate("selector => document.querySelector(selector)._fullLayout.xaxis.range", IMAGE)
    np.testing.assert_allclose(zoomed, [-1.02, 1.02], atol=0.1)  # 0.4 of 5.12 arcsec
    slider = page.get_by_role("slider").nth(1)
    slider.focus()
    slider.press("ArrowLeft")
    redrawn(page, first)
    settled(page)
    kept = page.evaluate("selector => document.querySelector(selector)._fullLayout.xaxis.range", IMAGE)
    np.testing.assert_allclose(kept, zoomed)
