"""The Generate page in a real browser: a slider is moved, images form, and the simulator's stand beside them.

The network has seen no training: that its images look like lenses is not the matter here.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.ui.generate.test_page import a_checkpoint

IMAGES = ".st-key-generate-samples-images .js-plotly-plot"
ROWS = f"""() => {{
  const tiles = document.querySelector("{IMAGES}")?._fullData
  const sum = (tile) => tile.z.reduce((all, row) => all + row.reduce((a, b) => a + (isFinite(b) ? b : 0), 0), 0)
  return tiles ? tiles.map((tile) => [tile.name, sum(tile)]) : null
}}"""


@pytest.fixture(scope="module")
def address(chromium_path, tmp_path_factory, serve):
    """An app of its own, whose network is known."""
    home = tmp_path_factory.mktemp("generate")
    a_checkpoint(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENSLAB_CHECKPOINTS", str(home))
        patch.setenv("LENSLAB_DEVICE", "cpu")
        patch.delenv("LENSLAB_PUBLIC", raising=False)
        with serve(home / "app.txt") as found:
            yield found


def rows(page: Page) -> dict[str, list[float]]:
    """The sums of the tiles of each row, once all images are done."""
    expect(page.get_by_text("an image on the processor")).to_be_visible(timeout=90000)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0, timeout=90000)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.wait_for_function(f"() => ({ROWS})()", timeout=90000)
    found: dict[str, list[float]] = {}
    for name, total in page.evaluate(ROWS):
        found.setdefault(name, []).append(total)
    return found


def test_a_slider_is_moved_and_images_form_beside_their_twins(visit):
    page = visit("/generate?n=2&steps=3")
    first = rows(page)
    assert {name: len(tiles) for name, tiles in first.items()} == {"generated": 2, "simulated": 2, "difference": 2}
    assert first["generated"][0] != first["generated"][1]
    slider = page.get_by_role("slider", name="Einstein radius")
    held = float(slider.get_attribute("aria-valuenow") or slider.input_value())
    slider.focus()
    slider.press("ArrowRight" if held < 1.2 else "ArrowLeft")
    page.wait_for_url("**lens.theta_E=*")
    page.wait_for_function(f"before => {{ const now = ({ROWS})(); return now && now.some(([name, sum]) => "
                           "name === 'simulated' && !before.includes(sum)) }", arg=first["simulated"], timeout=90000)
    second = rows(page)
    for name in ("generated", "simulated"):
        assert len(second[name]) == 2 and set(second[name]).isdisjoint(first[name]), name
