"""The Jets page in a real browser: jets form beside simulated ones, another kind is asked for, towers are drawn.

The network has seen no training: that its images look like jets is not the matter here.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.ui.jets.test_page import a_checkpoint

TILES = """() => {
  const tiles = document.querySelector(".st-key-jets-images .js-plotly-plot")?._fullData
  const sum = (tile) => tile.customdata.reduce((all, row) => all + row.reduce((a, b) => a + (b || 0), 0), 0)
  return tiles ? tiles.map((tile) => [tile.name, sum(tile)]) : null
}"""


@pytest.fixture(scope="module")
def address(chromium_path, tmp_path_factory, serve):
    """An app of its own, whose network is known."""
    home = tmp_path_factory.mktemp("jets")
    a_checkpoint(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENSLAB_CHECKPOINTS", str(home))
        patch.setenv("LENSLAB_DEVICE", "cpu")
        patch.delenv("LENSLAB_PUBLIC", raising=False)
        with serve(home / "app.txt") as found:
            yield found


def energies(page: Page) -> dict[str, list[float]]:
    """What the jets of each row hold, GeV, once all are done."""
    expect(page.get_by_text("a jet on the processor")).to_be_visible(timeout=90000)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.wait_for_function(f"() => ({TILES})()", timeout=90000)
    found: dict[str, list[float]] = {}
    for name, total in page.evaluate(TILES):
        found.setdefault(name, []).append(total)
    return found


def test_jets_form_beside_simulated_ones_and_as_towers(visit):
    page = visit("/jets?n=2&steps=2&flavour=top&pt=500&mass=173")
    first = energies(page)
    assert {name: len(tiles) for name, tiles in first.items()} == {"generated": 2, "simulated": 2}
    assert all(400 < total < 650 for total in first["simulated"])       # 500 GeV, and what else lies in the window
    page.get_by_test_id("stButtonGroup").get_by_text("Gluon", exact=True).click()
    page.wait_for_url("**flavour=gluon*")
    page.wait_for_function(f"before => {{ const now = ({TILES})(); return now && now.every(([name, sum]) => "
                           "!before.includes(sum)) }", arg=first["simulated"], timeout=90000)
    assert set(energies(page)["simulated"]).isdisjoint(first["simulated"])
    page.get_by_text("In 3-D", exact=True).click()
    for name in ("generated", "simulated"):
        page.locator(f".st-key-jets-lego-{name} .js-plotly-plot").wait_for(timeout=90000)
