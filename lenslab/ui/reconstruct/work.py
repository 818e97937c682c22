"""A reconstruction on its way: a thread of the gate refines it, the page looks on, and Stop keeps what has formed."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

import streamlit as st
import torch

from lenslab.fit.observed import Masks
from lenslab.images.simulate import maps, noise_free
from lenslab.scene import Scene
from lenslab.scenes import Scenes
from lenslab.tasks.reconstruct import NETWORKS, Forming, Progress, Reconstruction, Settings
from lenslab.ui import cached
from lenslab.ui.gate import GATE, Turn
from lenslab.ui.reconstruct.image import Image
from lenslab.ui.underway import Underway, memory_or

EVERY = 0.6            # s between two pictures of a lens that forms
MOST_KEPT = 6          # reconstructions of a session
MADE = "reconstruct.made"
SIDE = 64              # pixels of the source's picture while it forms
SINGULAR = "The numbers of this image leave nothing to fit; look at it, at its noise and at its unit."


@dataclass(frozen=True)
class Order:
    """What is reconstructed, and how."""

    image: Image
    network: str
    settings: Settings
    masks: Masks


@dataclass(eq=False)
class Working(Underway):
    """What there is of an order by now; written by the gate's thread, read by pages."""

    too_large = "There is no memory for an image of this size; cut out the lens."
    order: Order
    chi2: list[float] = field(default_factory=list)     # a pixel, step by step
    stage: str = ""
    theta_E: float = 0.0
    forming: Forming | None = None
    found: Reconstruction | None = None

    def make(self, turn: Turn) -> None:
        drawn = 0.0
        for progress in steps(self.order):
            turn.check()
            turn.progress = min(progress.share, 0.99)
            self.stage, self.theta_E = progress.stage, progress.theta_E
            self.chi2 = [*self.chi2, progress.reduced_chi2]
            if progress.reconstruction is not None:
                self.found = progress.reconstruction
            elif time.monotonic() - drawn > EVERY:
                self.forming, drawn = forming_of(progress), time.monotonic()
        cached.source_plane(self.found.scene)    # what is shown first lies ready


def steps(order: Order) -> Iterator[Progress]:
    """Those of the network that is asked; masses have units where redshifts are known. ValueError is a sentence."""
    image = order.image
    try:
        with memory_or(Working.too_large):
            for progress in NETWORKS[order.network].steps(image.observation, settings=order.settings,
                                                          masks=order.masks):
                if progress.reconstruction is not None and image.redshifts is not None:
                    progress = Progress(**{**vars(progress), "reconstruction":
                                           progress.reconstruction.at_redshifts(*image.redshifts)})
                yield progress
    except torch.linalg.LinAlgError:
        raise ValueError(SINGULAR) from None


def forming_of(progress: Progress) -> Forming | None:
    """Maps of a lens that forms: its own, or those of its numbers so far."""
    return progress.forming if progress.scene is None else maps_of(progress.scene)


def maps_of(scene: Scene) -> Forming:
    """Model, source and mass of a scene; there is no residual of an image that is cut out later."""
    scenes = Scenes.of([scene], dtype=torch.float32)
    true = maps(scenes, source_side=SIDE)
    image = noise_free(scenes)[0, 0]
    return Forming(image, torch.zeros_like(image), true.source[0], true.source_half_width, true.kappa[0])


def kept_of(order: Order) -> Working | None:
    """What this session has of an order."""
    return st.session_state.get(MADE, {}).get(order)


def begin(order: Order) -> None:
    """Ask the gate for it; whatever else this session had under way is left."""
    leave()
    kept = OrderedDict(st.session_state.get(MADE, {}))
    kept.pop(order, None)
    kept[order] = working = Working(order)
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)
    working.turn = GATE.ask(working.work)
    st.session_state[MADE] = kept


def leave() -> None:
    """Stop what is under way."""
    for working in st.session_state.get(MADE, {}).values():
        if not working.over:
            working.turn.cancel()
