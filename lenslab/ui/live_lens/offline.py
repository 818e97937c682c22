"""The live lens as one file that needs no server and no network: `python -m lenslab.ui.live_lens.offline live.html`.

It opens in a browser from a disk or a stick, with the opening scene of the Home page and the six steps of its story, in
English or German as the browser prefers.
"""

import argparse
import json
import re
from pathlib import Path

from lenslab.ui.home.scenes import OPENING, STEPS
from lenslab.ui.live_lens import component
from lenslab.ui.live_lens.words import WORDS
from lenslab.ui.texts.home import TEXTS

STYLE = """
:root { color-scheme: light dark; --st-text-color: light-dark(#0f1426, #e6e9f2); --st-font: system-ui, sans-serif;
  --st-secondary-background-color: light-dark(#eef0f6, #1a2030); --st-primary-color: light-dark(#3b5bb5, #8fb4ff); }
body { margin: 0 auto; max-width: 60rem; padding: 0.5rem 1rem; background: light-dark(#fbfbfd, #10141e);
  color: var(--st-text-color); font-family: var(--st-font); }
h1 { font-size: 1.4rem; text-align: center; }
"""
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>lenslab</title>
<style>{style}</style></head>
<body><h1></h1><p id="step" aria-live="polite"></p><div class="row" id="steps"></div>{html}
<script type="module">
{script}
const ALL = {data}
const language = navigator.language.startsWith("de") ? "de" : "en", texts = ALL.texts[language]
document.documentElement.lang = language
document.querySelector("h1").textContent = texts.title
function show(name) {{
  const told = texts.steps[name]
  document.querySelector("#step").textContent = told ? told.join(" · ") : texts.lead
  const data = {{ ...ALL.scenes[name], stamp: name + performance.now(), side: true, words: ALL.words[language],
                 colours: ALL.colours }}
  liveLens({{ data, parentElement: document.body, setStateValue() {{}} }})
}}
document.querySelector("#steps").append(...Object.keys(ALL.scenes).map((name, k) => {{
  const button = document.createElement("button")
  button.type = "button"
  button.textContent = k || "★"
  button.title = texts.steps[name]?.[0] ?? texts.title
  button.addEventListener("click", () => show(name))
  return button
}}))
show("opening")
</script></body></html>
"""


def page() -> str:
    """The whole file."""
    html, css = component.markup()
    scenes = {name: component.numbers(scene) for name, scene in {"opening": OPENING, **STEPS}.items()}
    texts = {tongue: dict(title=words["title"], lead=unmarked(words["lead"]),
                          steps={name: list(map(unmarked, step)) for name, step in words["steps"].items()})
             for tongue, words in TEXTS.items()}
    data = json.dumps(dict(scenes=scenes, texts=texts, words=WORDS, colours=component.colours()), ensure_ascii=False)
    return PAGE.format(style=STYLE + css, html=html, script=component.script(), data=data.replace("</", "<\\/"))


def unmarked(text: str) -> str:
    """Words without markdown's marks."""
    return re.sub(r"\*\*", "", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", default="live.html", type=Path)
    file = parser.parse_args().file
    file.write_text(page(), encoding="utf-8")
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB. Open it in a browser; it needs no network.")


if __name__ == "__main__":
    main()
