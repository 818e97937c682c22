"""Sheets to print, each an HTML file: tasks, and answers apart. All lengths are in cm, so that a ruler works."""

import io
from base64 import b64encode
from html import escape

import numpy as np
from PIL import Image

from lenslab.images.simulate import observe_scene
from lenslab.physics import cosmology
from lenslab.scene import Scene
from lenslab.ui.home.scenes import RING
from lenslab.ui.home.show import in_words

CM_PER_ARCSEC = 2.0
STARS = 5e10         # Msun in stars inside the ring: a typical value, chosen for the sheet
BAR = 2.0            # cm
PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title><style>
@page {{ size: A4; margin: 1.6cm; }}
body {{ font: 11pt/1.45 system-ui, sans-serif; max-width: 18cm; margin: 1cm auto; color: #000; background: #fff; }}
h1 {{ font-size: 16pt; }} h2 {{ font-size: 13pt; margin-top: 1.2em; break-after: avoid; }}
img {{ width: {width}cm; display: block; margin: 0.4cm 0; image-rendering: pixelated; }}
.bar {{ width: {bar}cm; border-top: 3px solid #000; }}
li {{ margin: 0.35em 0; break-inside: avoid; }} ol.a {{ list-style-type: upper-alpha; }}
</style></head><body><h1>{title}</h1>{body}</body></html>"""


def ring() -> Scene:
    """The lens that is weighed: a round one, with its source nearly behind it."""
    return RING.set({"camera.num_pix": 120, "source.center_x": 0.01})


def picture() -> tuple[str, float]:
    """The ring as ink on paper (a data address), and how wide it must be printed, in cm."""
    scene = ring()
    image = observe_scene(scene).image[0, 0].numpy()
    high = float(np.percentile(image, 99.7))
    ink = 255 - (255 * np.clip(image / high, 0, 1)).astype(np.uint8)[::-1]
    out = io.BytesIO()
    Image.fromarray(ink).save(out, format="PNG")
    width = scene.camera.num_pix * scene.camera.pixel_scale * CM_PER_ARCSEC
    return "data:image/png;base64," + b64encode(out.getvalue()).decode(), width


def numbers() -> dict:
    """What the sheet says of its ring."""
    scene = ring()
    d = cosmology.distances(scene.z_lens, scene.z_source, scene.H0, scene.Om0)
    theta = scene.lens.theta_E
    mass, unit = (float(cosmology.mass_inside_theta_E(radius, d)) for radius in (theta, 1.0))
    return dict(theta=theta, cm=theta * CM_PER_ARCSEC, diameter=2 * theta * CM_PER_ARCSEC, mass=in_words(mass),
                unit=in_words(unit), stars=in_words(STARS), dark=1 - STARS / mass, scale=CM_PER_ARCSEC, bar=BAR)


def plain(text: str) -> str:
    """Words without Markdown's marks, as HTML."""
    return escape(text.replace("**", ""))


def listed(items: list[str], kind: str = "1") -> str:
    return f'<ol type="{kind}">' + "".join(f"<li>{plain(item)}</li>" for item in items) + "</ol>"


def tasks(words: dict, lang: str) -> str:
    """The sheet for the class."""
    known, (image, width) = numbers(), picture()
    questions = "".join(f"<li>{plain(question)}{listed(choices, 'A')}</li>" for question, choices, _, _ in
                        words["questions"])
    body = (f"<h2>{plain(words['before'])}</h2><ol>{questions}</ol>"
            f"<h2>{plain(words['weigh_title'])}</h2><p>{plain(words['weigh'].format(**known))}</p>"
            f'<img src="{image}" alt="{plain(words["weigh_title"])}"><div class="bar"></div>'
            + listed([step.format(**known) for step in words["weigh_steps"]])
            + f"<h2>{plain(words['tasks_title'])}</h2>" + listed(words["tasks_list"]))
    return PAGE.format(lang=lang, title=plain(words["sheet_title"]), width=f"{width:g}", bar=f"{BAR:g}", body=body)


def answers(words: dict, lang: str) -> str:
    """The sheet for the teacher."""
    known = numbers()
    told = [f"{'ABC'[right]}: {choices[right]}. {why}" for _, choices, right, why in words["questions"]]
    body = (f"<h2>{plain(words['before'])}</h2>" + listed(told) + f"<h2>{plain(words['weigh_title'])}</h2>"
            + listed([each.format(**known) for each in words["weigh_answers"]])
            + f"<h2>{plain(words['tasks_title'])}</h2>" + listed(words["tasks_answers"]))
    return PAGE.format(lang=lang, title=plain(words["sheet_answers"]), width="9", bar=f"{BAR:g}", body=body)
