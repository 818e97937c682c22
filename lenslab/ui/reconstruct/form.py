"""The controls of the Reconstruct page: which image, by which network, what of a lens is free, what is left out."""

from dataclasses import fields, replace
from functools import partial

import streamlit as st

from lenslab.fit.observed import Masks
from lenslab.runs import jobs
from lenslab.scene import Scene
from lenslab.tasks.reconstruct import NETWORKS, Settings
from lenslab.ui import state
from lenslab.ui.controls import folded
from lenslab.ui.escape import plain
from lenslab.ui.kept import Form
from lenslab.ui.pick.form import SOURCES, example, row_of_set
from lenslab.ui.pick.real import FILES, choose
from lenslab.ui.reconstruct import image as images
from lenslab.ui.reconstruct.image import Image
from lenslab.ui.reconstruct.work import Order

FORM = Form("reconstruct")
WORDS = {"sersic": "Smooth galaxies", "pixels": "Pixels", "auto": "As many as it needs", "none": "None",
         "1": "One", "2": "Two"}
ASKED = {"corrections": True}       # what the page asks for unless it is turned off, beside what the shell does
FREE = "free."                      # before the name of a setting, in this form
PAINTED = "reconstruct.painted"     # {where an image comes from: circles} of this session
FIRST = 3                           # of the examples, one with a long arc
BRUSH = 0.25                        # arcsec
PSF = "reconstruct.psf"


def order() -> Order | None:
    """All controls; None where no image is chosen yet. ValueError where an image cannot be had."""
    name = st.selectbox("How", list(NETWORKS), key=FORM.keyed("network", next(iter(NETWORKS)), among=NETWORKS),
                        format_func=lambda name: NETWORKS[name].title)
    st.caption(NETWORKS[name].sentence)
    image = image_of_form()
    if image is None:
        return None
    heeds = NETWORKS[name].heeds
    folded("What is free", partial(switches, heeds), key="reconstruct.fold.free")
    folded("What is left out", partial(cuts, image), key="reconstruct.fold.masks")
    folded("Noise and blur", partial(better, image), key="reconstruct.fold.noise")
    known_better = images.otherwise(image, float(FORM.value("noise", 0.0)), float(FORM.value("fwhm", 0.0)), kernel())
    return Order(known_better, name, settings(heeds), masks(image))


def image_of_form() -> Image | None:
    sources = list(SOURCES)[:3] if jobs.public() else list(SOURCES)
    turned = st.session_state.get(state.SCENE, Scene()) != Scene()
    st.segmented_control("Image", sources, key=FORM.keyed("source", "lens" if turned else "example", among=sources),
                         required=True, format_func=SOURCES.get, width="stretch")
    return {"example": of_example, "lens": of_lens, "real": of_telescope, "set": of_set}[
        FORM.value("source") or "example"]()


def of_example() -> Image:
    FORM.keyed("number", FIRST)
    asked = example(FORM, images.POPULATION)
    _, split, seed, index = asked.args
    return images.of_item(split, seed, index)


def of_lens() -> Image:
    st.caption("The lens that you turn on the Simulate page, as its telescope sees it. The fit is not told what it is.")
    return images.of_scene(state.scene(), "Your lens of the Simulate page.")


def of_telescope() -> Image | None:
    kept = choose()
    return None if kept is None else images.of_kept(kept)


def of_set() -> Image | None:
    path, row = row_of_set(FORM)
    return images.of_set(path, row) if path else None


def switches(heeds: tuple[str, ...]) -> None:
    """What the network asks of Settings, from its own declaration."""
    for item in (item for item in fields(Settings) if item.name in heeds):
        meta, default = item.metadata, ASKED.get(item.name, item.default)
        if meta["kind"] is bool:
            st.toggle(meta["label"], key=FORM.keyed(FREE + item.name, default), help=meta["text"])
        else:
            key = FORM.keyed(FREE + item.name, default, among=meta["options"])
            st.selectbox(meta["label"], meta["options"], key=key, format_func=lambda word: WORDS.get(word, word),
                         help=meta["text"])


def settings(heeds: tuple[str, ...]) -> Settings:
    usual = Settings()
    return replace(usual, **{item.name: FORM.value(FREE + item.name, ASKED.get(item.name, item.default))
                             for item in fields(Settings) if item.name in heeds})


def cuts(image: Image) -> None:
    """Radii about the lens galaxy, and a brush for the picture."""
    reach = round(max(image.observation.half_width), 2)
    st.slider("Leave out the middle, within (″)", 0.0, reach, step=0.05, key=FORM.keyed("inner", 0.0),
              help="For a lens galaxy whose light no simple profile follows. 0: nothing.")
    st.slider("Leave out what lies beyond (″)", 0.0, reach, step=0.05, key=FORM.keyed("outer", 0.0),
              help="0: nothing; the fit looks 3.5″ far in any case.")
    st.slider("Radius of the brush (″)", 0.05, 1.5, step=0.05, key=FORM.keyed("brush", BRUSH),
              help="Click into the picture to leave out a circle of this size, such as a star or an image of a quasar; "
              "click into a circle to take it back.")
    with st.container(horizontal=True):
        st.button("Find bright points", key="reconstruct.points", icon=":material/flare:", on_click=find_points,
                  args=(image,), help="Stars and images of quasars: what is as sharp as the telescope can see.")
        st.button("Clear", key="reconstruct.clear", on_click=paint_all, args=(image, ()), disabled=not circles(image))


def better(image: Image) -> None:
    """What whoever looks at it knows better than the file."""
    seen = image.observation
    unit = seen.unit or "its unit"
    st.number_input(f"Noise of a pixel, one sigma ({unit})", 0.0, step=0.001, format="%.5g",
                    key=FORM.keyed("noise", 0.0), help="0: as the file says, or as estimated from it.")
    st.number_input("Blur, full width at half maximum (″)", 0.0, 5.0, step=0.01, key=FORM.keyed("fwhm", 0.0),
                    help="0: the PSF of the file; where it has none, two pixels.")
    st.file_uploader("Or an image of a star, or of the PSF", type=FILES, key=PSF, max_upload_size=20,
                     help="In the pixels of the image; its brightest one is taken for the middle.", on_change=keep_psf)
    if held := kernel():
        height, width = held.values.shape
        st.caption(f"Blurred by the PSF of {plain(held.name)}, {width} × {height} pixels.")
        st.button("Without it", key=f"{PSF}.without", on_click=st.session_state.pop, args=(f"{PSF}.kernel", None))
    if told := st.session_state.get(f"{PSF}.refused"):
        st.warning(plain(told), icon=":material/error:")
    st.caption(f"The file brings {'a' if seen.psf is not None else 'no'} PSF; a typical pixel has a noise of "
               f"{float(seen.noise.median()):.3g} {unit}.")


def keep_psf() -> None:
    """A file has come or gone: its kernel outlives the fold, which is not drawn while it is closed."""
    file = st.session_state.get(PSF)
    st.session_state.pop(f"{PSF}.refused", None)
    st.session_state[f"{PSF}.kernel"] = None
    if file is not None:
        try:
            st.session_state[f"{PSF}.kernel"] = images.kernel_of(file.name, file.getvalue())
        except ValueError as error:
            st.session_state[f"{PSF}.refused"] = str(error)


def kernel() -> images.Kernel | None:
    """The PSF that a file has brought."""
    return st.session_state.get(f"{PSF}.kernel")


def circles(image: Image) -> tuple[tuple[float, float, float], ...]:
    """What is painted out of an image: x, y, radius in arcsec of each."""
    return st.session_state.get(PAINTED, {}).get(image.where, ())


def paint_all(image: Image, painted) -> None:
    st.session_state[PAINTED] = {**st.session_state.get(PAINTED, {}), image.where: tuple(painted)}


def paint(image: Image, x: float, y: float) -> None:
    """A click: a circle more, or one less."""
    old = circles(image)
    kept = tuple(one for one in old if (one[0] - x) ** 2 + (one[1] - y) ** 2 > one[2] ** 2)
    brush = float(FORM.value("brush", BRUSH))
    paint_all(image, kept if len(kept) < len(old) else (*old, (round(x, 3), round(y, 3), brush)))


def find_points(image: Image) -> None:
    from lenslab.sky.points import points

    found = points(image.observation)
    paint_all(image, (*circles(image), *found))
    if not found:
        state.notify("Nothing in this image is as sharp as its blur and stands alone.")


def masks(image: Image) -> Masks:
    outer = float(FORM.value("outer", 0.0))
    return Masks(float(FORM.value("inner", 0.0)), outer or float("inf"), circles(image))
