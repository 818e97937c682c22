"""From a slider to the new picture, in a real Chromium: `python benchmarks/latency.py [--json] [--turns 40]`.

Two starts of the app. The first is timed from the start of the process to the first visitor's picture. In the second
the process has imported the whole stack (torch, lenstronomy, captum, plotly, streamlit) before, as it has after some
use: a visitor opens the page again, with what a browser keeps from the first visit, and turns a slider by a key; the
clock runs in the browser, from the key to the frame after the observed image has been drawn anew.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

HOME = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
STACK = ("import torch, plotly.graph_objects, captum.attr, lenstronomy.ImSim.image_model, "
         "lenstronomy.LensModel.lens_model, lenstronomy.LightModel.light_model; ")
START = "import sys; from streamlit.web import cli; sys.exit(cli.main(prog_name='streamlit'))"
GOALS = {"p50_ms": 120, "p95_ms": 250, "ready_s": 8, "warm_page_s": 2}
PICTURE = ".st-key-simulate-image .js-plotly-plot"
WATCH = """() => {
  window.turned = 0; window.took = null
  document.addEventListener("keydown", () => { window.turned = performance.now(); window.took = null }, true)
  document.querySelector("PICTURE").on("plotly_afterplot", () => requestAnimationFrame(() => setTimeout(() => {
    if (window.took === null) window.took = performance.now() - window.turned
  })))
}""".replace("PICTURE", PICTURE)


def chromium() -> str:
    """The browser that is installed here."""
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))),
                 None)
    if found is None:
        raise SystemExit("No chromium, chromium-browser or google-chrome is installed.")
    return found


@contextmanager
def app(imports: str = ""):
    """A server of the app on a free port, from the start of its process; yields its address."""
    with started(imports) as (address, _):
        yield address


@contextmanager
def started(imports: str = "", **environment: str):
    """The same with other variables of the environment; yields its address and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process that writes it
    server = subprocess.Popen(
        [sys.executable, "-c", imports + START, "run", str(HOME / "app.py"), f"--server.port={port}",
         "--server.headless=true", "--server.fileWatcherType=none"],
        cwd=HOME, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1", **environment})
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
                break
            except (urllib.error.URLError, OSError):
                if server.poll() is not None:
                    log.seek(0)
                    raise SystemExit(f"The app did not start:\n{log.read().decode()}") from None
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        server.wait(10)


def open_page(visitor, address: str):
    page = visitor.new_page()
    page.goto(f"{address}/simulate")
    page.wait_for_selector(PICTURE, timeout=60000)
    return page


def measure(turns: int) -> dict:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        first, other = (browser.new_context(viewport=dict(width=1440, height=900)) for _ in range(2))
        start = time.perf_counter()
        with app() as address:
            open_page(first, address)
            ready = time.perf_counter() - start
            first.close()
        with app(STACK) as address:
            open_page(other, address).close()
            start = time.perf_counter()
            page = open_page(other, address)
            warm = time.perf_counter() - start
            page.wait_for_timeout(2000)
            page.evaluate(WATCH)
            slider = page.get_by_role("slider").nth(1)
            times = []
            for turn in range(turns + 5):
                slider.focus()
                slider.press("ArrowLeft" if turn % 20 < 10 else "ArrowRight")
                page.wait_for_function("window.took !== null", timeout=30000)
                times.append(page.evaluate("window.took"))
                page.wait_for_timeout(500)
        browser.close()
    p50, p95 = np.percentile(times[5:], (50, 95))
    return dict(p50_ms=round(float(p50), 1), p95_ms=round(float(p95), 1), n=turns, ready_s=round(ready, 2),
                warm_page_s=round(warm, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=40, help="turns of the slider that are counted")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    found = measure(given.turns)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{'':14}{'measured':>10}{'goal':>8}    load of the machine {load:.1f} on {os.cpu_count()} cores")
    for name, goal in GOALS.items():
        print(f"{name:14}{found[name]:>10}{goal:>8}")
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
