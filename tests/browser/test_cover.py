"""The live lens over the exact picture of the Simulate page: there while a slider or the star is dragged, then gone."""

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from lenslab.images.simulate import noise_free
from lenslab.scene import Scene
from lenslab.scenes import Scenes
from tests.browser.test_simulate import drawn, settled

CANVAS, STAR = ".live-cover canvas", ".live-cover svg"
COLOURS = """canvas => {   // lightness, which grows with brightness all along the colour map, rows from the top down
  const small = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height })
  const pen = small.getContext("2d")
  pen.drawImage(canvas, 0, 0)
  const { data } = pen.getImageData(0, 0, small.width, small.height)
  const lightness = (_, k) => 0.21 * data[4 * k] + 0.72 * data[4 * k + 1] + 0.07 * data[4 * k + 2]
  return Array.from({ length: small.width * small.height }, lightness)
}"""


def grasp(page: Page, part: Locator, dx: float) -> None:
    """Take hold of something and move it, without letting go."""
    box = part.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y)
    page.mouse.move(x + dx, y)


def seen(page: Page) -> np.ndarray:
    values = np.array(page.locator(CANVAS).evaluate(COLOURS), float)
    return values.reshape((int(len(values) ** 0.5),) * 2)[::-1]


def alike(colours: np.ndarray, scene: Scene) -> float:
    """Rank correlation of what is seen with the exact image, where there is light."""
    exact = noise_free(Scenes.of([scene]))[0, 0].numpy()
    lit = exact > 0.05 * exact.max()
    ranks = [np.argsort(np.argsort(values[lit])) for values in (colours, exact)]
    return float(np.corrcoef(*ranks)[0, 1])


def test_the_lens_follows_a_slider_and_the_star_and_the_exact_picture_comes_back(visit):
    page = visit("/simulate")
    drawn(page)
    settled(page)
    canvas = page.locator(CANVAS)
    expect(canvas).to_be_hidden()
    thumb = page.locator(".st-key-w-lens-q input[type=range]")
    grasp(page, thumb.locator("xpath=../.."), -60)
    expect(canvas).to_be_visible()
    held = float(thumb.input_value())
    assert held < 0.75 and "lens.q" not in page.url        # the server has heard nothing yet
    wanted = Scene().set({"lens.q": held})
    for _ in range(100):
        if alike(seen(page), wanted) > 0.99:
            break
        page.wait_for_timeout(100)
    assert alike(seen(page), wanted) > 0.99 > alike(seen(page), Scene())
    page.mouse.up()
    page.wait_for_url(f"**/simulate?lens.q={held}")
    expect(canvas).to_be_hidden()

    grasp(page, page.locator(STAR), 45)
    expect(canvas).to_be_visible()
    page.mouse.up()
    page.wait_for_url("**source.center_x=*")
    expect(canvas).to_be_hidden()
    link = parse_qs(urlsplit(page.url).query)
    width = page.locator(".live-cover").bounding_box()["width"]
    scene = Scene()
    arcsec = 45 * scene.camera.num_pix * scene.camera.pixel_scale / width
    assert float(link["source.center_x"][0]) == pytest.approx(scene.source.center_x + arcsec, abs=0.03)
