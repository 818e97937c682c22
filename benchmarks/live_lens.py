"""Frames a second of the live lens in a headless Chromium: `python benchmarks/live_lens.py [--side 256] [--points 64]`.

The lens is dragged, and each frame is all that a visitor's frame is: rays through the lens, blur, colour, curves and
images. The graphics are Chromium's own in software (SwiftShader), which waits for the last pixel; a laptop's graphics
processor is an order of magnitude faster. The last line says how long the curves alone take.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from latency import FLAGS, chromium
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

from lenslab.scene import Camera, Scene
from lenslab.ui.live_lens import component

GOAL = 30    # frames a second
FRAMES = """async ([numbers, colours, side, frames, drawing]) => {
  const canvas = document.body.appendChild(document.createElement("canvas")), picture = brush(canvas)
  const data = unpacked(numbers), curves = new Curves(data), values = { ...data.values }, times = []
  for (let k = 0; k < frames + 5; k++) {
    const start = performance.now()
    values["source.center_x"] = 0.2 * Math.sin(0.2 * k)
    values["lens.center_x"] = 0.2 * Math.cos(0.2 * k)
    const lens = lensOf(data, values)
    if (drawing) {
      picture.draw(lens, lightsOf(data, values, null), side, 1)
      picture.show({ soft: 1, low: 0, high: 5 }, colours)
      picture.gl?.readPixels(0, 0, 1, 1, picture.gl.RGBA, picture.gl.UNSIGNED_BYTE, new Uint8Array(4))
    }
    curves.of(lens, values["source.center_x"], values["source.center_y"])
    if (k >= 5) times.push(performance.now() - start)
    await new Promise((done) => setTimeout(done))
  }
  return [picture.constructor.name, times]
}"""


def scene_of(points: int) -> Scene:
    """A lens with so many point masses, as DeepLense has them, seen as sharply as JWST sees."""
    return Scene().set({"substructure.kind": "deeplense_cdm" if points else "none", "substructure.n_points": points,
                        "camera": Camera(num_pix=160, pixel_scale=0.031, fwhm=0.05)})


def measure(side: int, points: int, frames: int) -> dict:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page()
        page.set_content(f"<body><script type=module>{component.script()}\nwindow.frames_of = {FRAMES}</script>")
        page.wait_for_function("Boolean(window.frames_of)")
        found = [page.evaluate("all => frames_of(all)", [component.numbers(scene_of(points)), component.colours(), side,
                                                         frames, drawing]) for drawing in (True, False)]
        browser.close()
    (by, all_of_it), (_, curves) = found
    p50, p95 = np.percentile(all_of_it, (50, 95))
    return dict(by=by, side=side, points=points, p50_ms=round(float(p50), 1), p95_ms=round(float(p95), 1),
                frames_per_second=round(1000 / float(np.mean(all_of_it)), 1),
                curves_ms=round(float(np.median(curves)), 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=256, help="pixels of the picture on a side")
    parser.add_argument("--points", type=int, default=64, help="point masses of the lens")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    found = measure(given.side, given.points, given.frames)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{found['by']}, {given.side} x {given.side} pixels, {given.points} point masses; load of the "
          f"machine {load:.1f} on {os.cpu_count()} cores")
    print(f"a frame: p50 {found['p50_ms']} ms, p95 {found['p95_ms']} ms; {found['frames_per_second']} frames a second "
          f"(goal {GOAL})")
    print(f"of which curves and images {found['curves_ms']} ms")
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
