"""Kinds of diffusion model, and how one draws: number, seed and sampler, alike on every page."""

from functools import partial

import streamlit as st

from lenslab.diffusion.sample import SAMPLERS
from lenslab.tasks.generate.sampling import MOST_STEPS, SAMPLER_TITLES, Way
from lenslab.tasks.generate.task import CONSISTENCY
from lenslab.ui.controls import folded
from lenslab.ui.kept import Form

MOST = 16                    # images at once
USUAL_NUMBER = 4
PROCESSES = {"edm": "EDM", "ddpm": "DDPM", "flow": "Rectified flow", CONSISTENCY: "Consistency (1 or 2 steps)"}
ABOUT = {"edm": "It learnt to take away noise of any strength, with steps chosen well (Karras et al. 2022).",
         "ddpm": "It learnt to name the noise itself (Ho et al. 2020).",
         "flow": "It learnt straight ways from noise to images (Liu et al. 2022).",
         CONSISTENCY: "An EDM that learnt to answer in one or two steps (Song et al. 2023)."}
ADDRESS = ("n", "sampler", "steps", "guidance", "seed")     # in a link


def drawing(form: Form, name: str, before: Way, what: str = "Images") -> tuple[Way, int]:
    """Controls of a network of that name, which is best asked by `before`; how it is to be asked, and how often."""
    st.slider(what, 1, MOST, key=form.keyed("n", USUAL_NUMBER))
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.number_input("Seed of the noise", 0, 2**31 - 1, step=1, key=form.keyed("seed", before.seed),
                      help="All chance follows from it: the same seed makes the same images.")
    right.button("Roll", key=f"{form.page}.dice", icon=":material/casino:", width="stretch",
                 on_click=lambda: form.put(seed=(int(form.value("seed") or 0) + 1) % 2**31))
    folded("Sampler", partial(sampler, form, name, before), key=f"{form.page}.fold.sampler")
    return Way(form.value(f"sampler.{name}", before.sampler), int(form.value(f"steps.{name}", before.steps)),
               float(form.value("guidance", before.guidance)), int(form.value("seed", before.seed))), int(
                   form.value("n", USUAL_NUMBER))


def sampler(form: Form, name: str, before: Way) -> None:
    options = [each for each in SAMPLERS if (each == "renewed") == (before.sampler == "renewed")]
    st.selectbox("Sampler", options, key=form.keyed(f"sampler.{name}", before.sampler, among=options),
                 format_func=SAMPLER_TITLES.get, help="The way from noise to an image. DPM-Solver++ needs fewest "
                 "steps; the ancestral one adds fresh noise on its way.")
    st.number_input("Steps", 1, MOST_STEPS, step=1, key=form.keyed(f"steps.{name}", before.steps),
                    help="More steps take longer; beyond some 20 little changes.")
    st.slider("Guidance", 0.0, 4.0, step=0.25, key=form.keyed("guidance", before.guidance), help="1: what is asked "
              "for. More: it is asked for more loudly, and images become alike. 0: it is not asked for at all.")


def whole(name: str, value: float) -> float | int:
    """A number of a link as the setting of that name takes it."""
    return int(value) if name != "guidance" and value % 1 == 0 else value


def take(form: Form, name: str, numbers: dict) -> None:
    """Put what a link asks for, plain values by ADDRESS, into the form; ValueError where that cannot be had."""
    Way(**{key: value for key, value in numbers.items() if key != "n"})
    if numbers.get("n", 1) not in range(1, MOST + 1):
        raise ValueError(f"{numbers['n']:g} images were asked for; give a number from 1 to {MOST}.")
    form.put(**{f"{key}.{name}" if key in ("sampler", "steps") else key: value for key, value in numbers.items()})


def to_query(way: Way, n: int, before: Way) -> dict[str, str]:
    """The part of an address that says it; what is usual is left out."""
    query = {}
    for name, value, plain in (("n", n, USUAL_NUMBER), *((name, getattr(way, name), getattr(before, name))
                                                         for name in ADDRESS[1:])):
        if value != plain:
            query[name] = f"{value:g}" if isinstance(value, float) else str(value)
    return query
