"""The Classify page and the quiz in a real browser: a simulated lens, an upload, a real lens, three explanations.

The network has seen a few steps of training or none: what it says is not the matter here, but that the page says it.
"""

import os
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from lenslab import checkpoint
from lenslab.images.export import to_fits
from lenslab.images.simulate import observe_scene
from lenslab.scene import Scene, Sersic
from lenslab.tasks import classify
from lenslab.tasks.training import configure

POPULATION = "deeplense-2"
BARS = ".st-key-classify-bars .js-plotly-plot"
LENGTHS = f"""() => {{
  const bars = document.querySelector("{BARS}")?._fullData?.[0]?.x
  return bars ? Array.from(bars) : null
}}"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of checkpoints with one small network in it."""
    home = tmp_path_factory.mktemp("classify")
    (home / "kept").mkdir()
    config = configure(classify.Config, dict(population=POPULATION, network="cnn", width=4))
    torch.manual_seed(0)
    built = classify.build(config)
    card = built.card | dict(format=checkpoint.FORMAT, task="classify", network="cnn", config=asdict(config),
                             metrics={})
    checkpoint.save(home / "kept" / f"classify-{POPULATION}.safetensors", built.model.state_dict(), card)
    patch = pytest.MonkeyPatch()
    patch.setenv("LENSLAB_CHECKPOINTS", str(home / "kept"))
    patch.delenv("LENSLAB_PUBLIC", raising=False)
    patch.setenv("LENSLAB_DEVICE", "cpu")
    yield home
    patch.undo()


@pytest.fixture(scope="module")
def address(chromium_path, folders, serve):
    """An app of its own, whose networks are known."""
    with serve(folders / "app.txt") as found:
        yield found


def answer(page: Page, other_than: list[float] | None = None) -> list[float]:
    """The drawn probabilities, once they are there, or once they have changed."""
    page.wait_for_function(f"before => {{ const now = ({LENGTHS})(); return now && JSON.stringify(now) !== "
                           "JSON.stringify(before) }", arg=other_than, timeout=90000)
    return page.evaluate(LENGTHS)


def settled(page: Page) -> None:
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0, timeout=90000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def choose(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).or_(
        page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True)).first.click()


def a_real_lens(folder: Path) -> Path:
    """J0946 where the folder of real lenses is at hand, else a lens of our own as if from elsewhere."""
    data = os.environ.get("LENSLAB_DATA")
    found = sorted(Path(data).glob("lenses/*j0946*.fits")) if data else []
    return found[0] if found else a_lens_of_ours(folder, "real.fits", 20.0)


def a_lens_of_ours(folder: Path, name: str, magnitude: float) -> Path:
    """A FITS file of an image with a shining lens, and nothing of its truth."""
    scene = Scene().set({"lens_light": (Sersic(magnitude=magnitude, R_sersic=0.6),), "camera.num_pix": 80})
    file = folder / name
    file.write_bytes(to_fits(None, observe_scene(scene)))
    return file


def test_a_simulated_lens_an_upload_and_a_real_lens_are_classified(visit, tmp_path):
    page = visit(f"/classify?item={POPULATION}/test/0/1")
    expect(page.get_by_role("heading", level=1)).to_have_text("Which dark matter does this image show?", timeout=90000)
    first = answer(page)
    assert len(first) == 3 and sum(first) == pytest.approx(1, abs=1e-6)
    settled(page)

    choose(page, "My lens")
    mine = answer(page, first)
    expect(page.get_by_text("Your lens of the Simulate page", exact=False).first).to_be_visible()
    settled(page)

    choose(page, "Real")
    upload = page.locator(".st-key-pick-real-file input[type=file]")
    upload.wait_for(state="attached")
    upload.set_input_files(a_lens_of_ours(tmp_path, "upload.fits", 19.0))
    uploaded = answer(page, mine)
    assert sum(uploaded) == pytest.approx(1, abs=1e-6)
    expect(page.get_by_test_id("stAlert").first).to_be_visible()  # what is not known of it stands above
    settled(page)

    upload.set_input_files(a_real_lens(tmp_path))
    answer(page, uploaded)
    settled(page)


def test_three_explanations_are_drawn_and_a_slider_changes_the_answer(visit):
    page = visit(f"/classify?item={POPULATION}/test/0/1")
    before = answer(page)
    settled(page)
    choose(page, "Three explanations")
    for method in ("grad_cam", "integrated_gradients", "occlusion"):
        page.locator(f".st-key-classify-evidence-{method} .js-plotly-plot").wait_for(timeout=90000)
    settled(page)
    noise = page.locator(".st-key-classify-form-noise").get_by_role("slider")
    noise.focus()
    for _ in range(10):
        noise.press("ArrowRight")
    answer(page, before)
    settled(page)


def test_a_broken_upload_is_refused_in_a_sentence(visit, tmp_path):
    file = tmp_path / "broken.fits"
    file.write_bytes(b"SIMPLE  =                    T" + b" " * 50 + b"garbage")
    page = visit("/classify")
    answer(page)
    choose(page, "Real")
    upload = page.locator(".st-key-pick-real-file input[type=file]")
    upload.wait_for(state="attached")
    upload.set_input_files(file)
    expect(page.get_by_test_id("stAlert").filter(has_text="broken.fits")).to_be_visible()
    settled(page)


def test_the_quiz_is_played_by_keys(visit):
    page = visit(f"/quiz?population={POPULATION}&level=plain&seed=7")
    expect(page.get_by_role("heading", level=1)).to_have_text("Can you tell dark matter from a picture?", timeout=90000)
    page.locator(".st-key-quiz-image .js-plotly-plot").wait_for(timeout=90000)
    settled(page)
    page.keyboard.press("2")
    expect(page.locator(".st-key-quiz-next button")).to_be_visible(timeout=90000)
    page.locator(".st-key-quiz-bars .js-plotly-plot").wait_for(timeout=90000)
    settled(page)
    page.keyboard.press("n")
    expect(page.get_by_text("What is the dark matter here?")).to_be_visible(timeout=90000)
    assert "seed=7" in page.url


@pytest.mark.parametrize("path", ["/classify", f"/quiz?population={POPULATION}&level=plain&seed=7"])
def test_nothing_scrolls_sideways_on_a_phone(visit, path):
    page = visit(path, width=390, height=844, theme="dark")
    key = "classify-image" if path == "/classify" else "quiz-image"
    page.locator(f".st-key-{key} .js-plotly-plot").wait_for(timeout=90000)
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(f".st-key-{key} .js-plotly-plot").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
