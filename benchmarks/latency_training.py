"""Does a training hold the page up? `python benchmarks/latency_training.py [--turns 40] [--rounds 4] [--json]`.

A slider of the Simulate page is turned as in latency.py while a training that the Train page would start (seed-64, cnn,
its images simulated beside it) runs on the same machine. Idle and training turns alternate in rounds, for which the
training is paused (SIGSTOP) and let go on, so that both share whatever else the machine does meanwhile. Unix only.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

import latency
import numpy as np
from playwright.sync_api import sync_playwright

from lenslab.runs import jobs
from lenslab.runs.folder import read_json

GOAL = 2.0  # p95 while training over p95 idle
SETTINGS = dict(steps=100000, validate_every=100000, log_every=2)


def turned(page, turns: int) -> list[float]:
    """Milliseconds from the key to the drawn picture, of so many turns; two more before them are not counted."""
    slider, times = page.get_by_role("slider").nth(1), []
    for turn in range(turns + 2):
        slider.focus()
        slider.press("ArrowLeft" if 2 * turn < turns + 2 else "ArrowRight")  # there and back, never to its end
        page.wait_for_function("window.took !== null", timeout=30000)
        times.append(page.evaluate("window.took"))
        page.wait_for_timeout(500)
    return times[2:]


def measure(turns: int, rounds: int) -> dict:
    times = {"idle": [], "training": []}
    with tempfile.TemporaryDirectory() as runs, sync_playwright() as playwright:
        os.environ["LENSLAB_RUNS"] = runs
        browser = playwright.chromium.launch(executable_path=latency.chromium(), args=latency.FLAGS)
        with latency.app(latency.STACK) as address:
            page = latency.open_page(browser, address)
            page.wait_for_timeout(2000)
            page.evaluate(latency.WATCH)
            jobs.start("beside", "classify", SETTINGS)
            group = read_json(jobs.find("beside").folder / "status.json")["pid"]
            try:
                while (job := jobs.find("beside")).live and not job.step:
                    time.sleep(0.5)
                if not job.live:
                    raise SystemExit(f"The training ended: {job.message or jobs.log_tail('beside')}")
                for number in range(2 * rounds):
                    kind = ("idle", "training")[number % 2]
                    os.killpg(group, signal.SIGSTOP if kind == "idle" else signal.SIGCONT)
                    time.sleep(2)
                    times[kind] += turned(page, -(-turns // rounds))
                steps = jobs.find("beside").step - job.step
            finally:
                os.killpg(group, signal.SIGCONT)
                jobs.stop("beside", patience=(20, 10, 10))
        browser.close()
    found = {f"{kind}_p{share}_ms": round(float(np.percentile(values, share)), 1) for kind, values in times.items()
             for share in (50, 95)}
    return found | dict(n=len(times["idle"]), steps=steps,
                        ratio=round(found["training_p95_ms"] / found["idle_p95_ms"], 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=40, help="turns of the slider that are counted, of each kind")
    parser.add_argument("--rounds", type=int, default=4, help="how often idle and training turns alternate")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    found = measure(given.turns, given.rounds)
    print(f"{'':12}{'p50':>9}{'p95':>9}  ms, {found['n']} turns each; load of the machine {os.getloadavg()[0]:.1f} on "
          f"{os.cpu_count()} cores")
    for kind in ("idle", "training"):
        print(f"{kind:12}{found[f'{kind}_p50_ms']:>9}{found[f'{kind}_p95_ms']:>9}")
    print(f"p95 while training is {found['ratio']} times that of an idle machine (goal: at most {GOAL:g}); the "
          f"training did {found['steps']} steps meanwhile.")
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
