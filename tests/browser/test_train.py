"""A real short training on the page: begun, seen moving, reloaded, stopped, resumed, kept."""

from contextlib import suppress

import pytest
from playwright.sync_api import Page, expect

from lenslab.checkpoint import read_card
from lenslab.runs import jobs

LOSS = ".st-key-train-loss .js-plotly-plot"
LAST_STEP = f"""() => {{
  const x = document.querySelector("{LOSS}")?._fullData?.[0]?.x
  return x?.length ? x[x.length - 1] : 0
}}"""
# So small that its start takes longest, and so many steps that it is still running when it is stopped.
SMALL = {"Width": 4, "Log every": 2, "Validate every": 20, "Validation": 30, "Simulating processes": 0}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """LENSLAB_RUNS and LENSLAB_CHECKPOINTS of this module, for the app and for us; what still runs is ended."""
    home = tmp_path_factory.mktemp("train")
    patch = pytest.MonkeyPatch()
    patch.setenv("LENSLAB_RUNS", str(home / "runs"))
    patch.setenv("LENSLAB_CHECKPOINTS", str(home / "kept"))
    patch.delenv("LENSLAB_PUBLIC", raising=False)
    patch.setenv("LENSLAB_DEVICE", "cpu")
    yield home
    for job in jobs.listed():
        if job.live:
            with suppress(ValueError):
                jobs.stop(job.name, patience=(10, 10, 5))
    patch.undo()


@pytest.fixture(scope="module")
def address(chromium_path, folders, serve):
    """An app of its own, since its runs must not be those of whoever tests."""
    with serve(folders / "app.txt") as found:
        yield found


def step_beyond(page: Page, step: int) -> int:
    """The last step of the drawn curve, once it lies beyond another."""
    page.wait_for_function(f"step => ({LAST_STEP})() > step", arg=step, timeout=60000)
    return page.evaluate(LAST_STEP)


def fill(page: Page, label: str, value) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(str(value))
    box.press("Enter")


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def test_a_training_from_the_first_click_to_a_kept_checkpoint(visit, folders):
    page = visit("/train")  # a link straight to the page, on a server that has not opened another
    expect(page.get_by_role("heading", level=1)).to_have_text("What can a network learn to see?", timeout=90000)
    expect(button(page, "Train a first network")).to_be_visible()
    page.get_by_text("More settings", exact=True).click()
    for label, value in SMALL.items():
        fill(page, label, value)
    fill(page, "Steps", 100000)
    fill(page, "Batch", 4)
    fill(page, "Name", "short")
    button(page, "Start training").click()

    first = step_beyond(page, 0)
    second = step_beyond(page, first)
    page.reload()
    third = step_beyond(page, second)

    button(page, "Stop").click()
    expect(button(page, "Resume")).to_be_visible(timeout=60000)
    stopped = jobs.find("short")
    assert stopped.status == "stopped" and stopped.step >= third

    button(page, "Resume").click()
    expect(button(page, "Stop")).to_be_visible(timeout=60000)
    step_beyond(page, stopped.step)
    steps = [line["step"] for line in jobs.metrics("short")]
    assert steps == sorted(set(steps)), "no step twice in the curve"

    page.get_by_role("button", name="Keep checkpoint").click()
    fill(page, "Name of the checkpoint", "kept-here")
    button(page, "Keep").click()
    expect(page.get_by_text("Kept as kept-here")).to_be_visible()
    assert read_card(folders / "kept" / "kept-here.safetensors")["task"] == "classify"
    expect(page.get_by_test_id("stException")).to_have_count(0)
