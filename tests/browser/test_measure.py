"""The Measure and Odd pages in a real browser: a posterior is drawn, its truth told, lenses are added to a sky.

The networks have learnt nothing: what they say is not the matter here, but that the pages say it.
"""

from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from lenslab import checkpoint
from lenslab.tasks import anomaly, measure
from lenslab.tasks.training import plain

POPULATION = "seed-64"


@pytest.fixture(scope="module")
def address(chromium_path, tmp_path_factory, serve):
    """An app of its own, with one network that measures and one that calls images odd."""
    home: Path = tmp_path_factory.mktemp("measure")
    (home / "kept").mkdir()
    torch.manual_seed(0)
    for task, name, config in ((measure, "measure", measure.Config(head="mixture", width=4, population=POPULATION)),
                               (anomaly, "anomaly", anomaly.Config(width=4, latent=4, population=POPULATION))):
        built = task.build(config)
        if name == "anomaly":
            built.model.table.copy_(torch.linspace(0, 1, len(built.model.table)))
        checkpoint.save(home / "kept" / f"{name}-{POPULATION}.safetensors", built.model.state_dict(), built.card | dict(
            format=checkpoint.FORMAT, task=name, network=getattr(config, "network", ""), config=plain(config),
            complete=True, metrics={}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENSLAB_CHECKPOINTS", str(home / "kept"))
        patch.setenv("LENSLAB_DEVICE", "cpu")
        with serve(home / "app.txt") as found:
            yield found


def settled(page: Page) -> None:
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0, timeout=90000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_an_axion_lens_is_measured_and_others_are_added(browser, address):
    page = browser.new_page(viewport=dict(width=1300, height=900))
    page.goto(f"{address}/measure?item={POPULATION}/test/0/2", timeout=90000)
    expect(page.get_by_text("What is the dark matter made of?")).to_be_visible(timeout=90000)
    expect(page.get_by_text("It takes this image for:")).to_be_visible(timeout=90000)
    expect(page.locator(".st-key-measure-image .js-plotly-plot")).to_be_visible(timeout=90000)
    page.get_by_text("Many lenses", exact=True).click()
    page.get_by_role("button", name="Add lenses").click()
    expect(page.get_by_text("lenses together").first).to_be_visible(timeout=90000)
    expect(page.locator(".st-key-measure-sky-belief .js-plotly-plot")).to_be_visible(timeout=90000)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Add lenses")).to_be_visible(timeout=90000)
    settled(page)
    page.close()


def test_a_shelf_of_twelve_stands_on_the_odd_page(browser, address):
    page = browser.new_page(viewport=dict(width=1300, height=900))
    page.goto(f"{address}/odd?item={POPULATION}/test/0/2", timeout=90000)
    expect(page.get_by_text("usual lenses look at least as odd")).to_be_visible(timeout=90000)
    expect(page.get_by_text("of usual lenses", exact=False).nth(11)).to_be_attached(timeout=90000)
    settled(page)
    page.close()
