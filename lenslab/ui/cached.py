"""Answers that pages ask for again and again, kept for all sessions: a Scene is its own key, since it never changes.

Caches are bounded, and hold only what follows from numbers and content hashes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
import streamlit as st
import torch
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lenslab.device import resolve_device, supported_dtype
from lenslab.images import ceiling, simulate
from lenslab.images.coverage import Coverage
from lenslab.images.coverage import coverage as coverage_of
from lenslab.images.model import LensModel, lens_model, source_light
from lenslab.images.observation import Maps, Observation
from lenslab.images.realise import Realisation, realise
from lenslab.images.realise import waves as _waves
from lenslab.images.sketch import Sketch
from lenslab.images.sketch import sketch as draw_sketch
from lenslab.physics import cosmology
from lenslab.physics.grid import pixel_axis
from lenslab.physics.wave import WaveSlice
from lenslab.scene import Camera, Scene, Source, Substructure
from lenslab.scenes import Scenes
from lenslab.sky import beside, read
from lenslab.ui import cost
from lenslab.ui.gate import Turn, through_the_gate

MAX_RAYS = 2048   # on a side
MAX_SECONDS = 4.0  # of one core, for image and maps
GATED = 1.0        # s: what may take longer waits its turn at the gate
TANGENTS = 30      # smooth images that the significance takes, in float64
STOPPED = "cached.stopped"
SOURCE_SIDE = 72  # pixels of the picture of the source plane


@st.cache_resource(show_spinner=False)
def device() -> tuple[torch.device, torch.dtype, str]:
    """Where this app computes, in which precision, and a sentence for the visitor ("" where all is as it should be)."""
    try:
        found, remark = resolve_device(), ""
    except ValueError as error:
        found, remark = torch.device("cpu"), f"{error} The processor is used."
    dtype, why = supported_dtype(found, torch.float64)
    return found, dtype, " ".join(filter(None, (remark, why)))


def batch(scene: Scene) -> Scenes:
    """The scene as a batch of one, where the app computes; in float32, as pictures need no more."""
    return Scenes.of([scene], device=device()[0], dtype=torch.float32)


@lru_cache(maxsize=24)
def realisation(scene: Scene) -> Realisation:
    return realise(batch(scene))


def dark(scene: Scene) -> Scene:
    """The scene without what substructure does not depend on, so that a brighter source draws no new clumps."""
    return replace(scene, lens_light=(), source=Source(), seed_noise=1,
                   camera=Camera(num_pix=scene.camera.num_pix, pixel_scale=scene.camera.pixel_scale, supersampling=1))


@lru_cache(maxsize=24)
def observe(scene: Scene) -> Observation:
    """What the camera records."""
    return simulate.observe(batch(scene), realisation(dark(scene)))


def problem(scene: Scene) -> str | None:
    """Why a page will not draw a scene: it may come from a link, and must neither fail nor run for minutes."""
    rays = scene.camera.num_pix * scene.camera.supersampling
    if rays > MAX_RAYS:
        return (f"{scene.camera.num_pix} pixels with {scene.camera.supersampling} rays on a side are {rays} rays; the "
                f"page draws at most {MAX_RAYS} on a side. Take fewer pixels or rays, or use python -m lenslab.")
    if st.session_state.get(STOPPED) == scene:
        return "You stopped the drawing of this lens. Turn any slider to draw another, or reload the page for this one."
    try:
        points, halos = clumps(scene)
        seconds = cost.seconds(scene, points, halos)
        if seconds > MAX_SECONDS:
            long = f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
            return (f"{points + halos} clumps, {rays}² rays and {scene.camera.num_pix}² pixels would take some {long} "
                    f"of a processor; the page draws what takes {MAX_SECONDS:.0f} seconds. Raise the mass of the "
                    "lightest drawn subhalo, take fewer rays or pixels, or use python -m lenslab.")
        in_turn(_drawn, scene, seconds, "The lens is drawn")
    except ValueError as error:
        return str(error)
    return None


def clumps(scene: Scene) -> tuple[int, int]:
    """How many point masses and halos a scene has."""
    real = realisation(dark(scene))
    points, halos = (0 if group is None else int(group.number.max(initial=0)) for group in (real.points, real.halos))
    return points, halos


def _drawn(scene: Scene) -> None:
    """What a page shows first of a scene, so that it lies ready."""
    observe(scene)
    sketch(scene)
    source_plane(scene)


def in_turn(work: Callable[[Scene], Any], scene: Scene, seconds: float, doing: str):
    """work(scene): at once where that is quick, else in its turn at the gate; `seconds` is what it may take.

    Within the gate, and where no visitor waits, there is nothing to wait for.
    """
    if seconds < GATED or get_script_run_ctx(suppress_warning=True) is None:
        return work(scene)

    def in_gate(turn: Turn):
        turn.check()
        return work(scene)

    return through_the_gate(in_gate, doing, key=f"gate.{doing}",
                            on_stop=lambda: st.session_state.update({STOPPED: scene}))


@lru_cache(maxsize=4)
def precise(scene: Scene) -> Observation:
    """The same in the best precision of the device, for files."""
    where, dtype, _ = device()
    return simulate.observe_scene(scene, dtype=dtype, device=where)


@lru_cache(maxsize=12)
def _maps(scene: Scene) -> Maps:
    return simulate.maps(batch(scene), realisation(scene), source_side=8)


def maps(scene: Scene) -> Maps:
    """What is true of the lens behind the image; the source plane is `source_plane`'s."""
    return _maps(dark(scene))


@lru_cache(maxsize=12)
def source_plane(scene: Scene) -> tuple[np.ndarray, float]:
    """The source without a lens (G, G), and half its frame in arcsec, about the lens's centre.

    The frame holds the source and all curves.
    """
    scenes, found = batch(replace(scene, substructure=Substructure())), sketch(scene)
    x0, y0 = scene.lens.center_x, scene.lens.center_y
    reach = max((float(max(np.abs(x - x0).max(), np.abs(y - y0).max())) for x, y in (*found.cut, *found.caustics)),
                default=0.0)
    place = max(abs(scene.source.center_x - x0), abs(scene.source.center_y - y0)) + 1.5 * scene.source.R_sersic
    half = max(simulate.source_half_width(scenes), ceil(10 * max(1.05 * reach, place)) / 10)
    axis = pixel_axis(SOURCE_SIDE, 2 * half / SOURCE_SIDE, device=scenes["lens.theta_E"].device,
                      dtype=scenes["lens.theta_E"].dtype)
    x, y = scene.lens.center_x + axis[None, None, :], scene.lens.center_y + axis[None, :, None]
    return source_light(scenes, x, y)[0].cpu().numpy(), half


@lru_cache(maxsize=24)
def sketch(scene: Scene) -> Sketch:
    """Curves and images, quickly."""
    d = cosmology.distances(scene.z_lens, scene.z_source, scene.H0, scene.Om0)
    return draw_sketch(mass(scene), maps(scene), scene.camera.pixel_scale, scene.source.center_x,
                       scene.source.center_y, float(cosmology.time_delay_distance(scene.z_lens, d)))


@lru_cache(maxsize=24)
def coverage(scene: Scene) -> Coverage:
    """How far round the lens the source's light reaches."""
    return coverage_of(batch(scene), sketch(scene))


def mass(scene: Scene) -> LensModel:
    """The lens alone, on the processor in float64, as places of images need it."""
    return _mass(dark(scene))


@lru_cache(maxsize=12)
def _mass(scene: Scene) -> LensModel:
    return lens_model(Scenes.of([scene], dtype=torch.float64))


def significance(scene: Scene) -> tuple[np.ndarray, float]:
    """What the substructure changes in the image in sigmas (H, W), and lambda."""
    seconds = TANGENTS * cost.image_seconds(scene, 0, 0) + 2 * cost.image_seconds(scene, *clumps(scene))
    return in_turn(_significance, scene, seconds, "The best smooth lens is taken off")


@lru_cache(maxsize=12)
def _significance(scene: Scene) -> tuple[np.ndarray, float]:
    delta, total = ceiling.significance(replace(scene, seed_noise=1))
    return delta[0, 0].detach().cpu().numpy(), float(total)


@lru_cache(maxsize=12)
def waves(scene: Scene) -> WaveSlice:
    """A plane through the wave of a fuzzy halo."""
    return _waves(scene)


@lru_cache(maxsize=8)
def real_lens(name: str) -> Observation:
    """One of the real lenses in the folder LENSLAB_DATA."""
    return read.read_real(name)


def hold_against(scene: Scene, observation: Observation) -> beside.Beside:
    """A scene against a real image, whose arrays are told apart by who they are."""
    seconds = (2 + len(scene.lens_light)) * cost.image_seconds(scene, *clumps(scene))
    return in_turn(lambda scene: _hold_against(replace(scene, seed_noise=1), _Same(observation)), scene, seconds,
                   "The lens is held against the image")


class _Same:
    """A record that is equal only to itself, kept alive as long as an answer about it is."""

    def __init__(self, observation: Observation):
        self.observation = observation

    def __hash__(self):
        return id(self.observation)

    def __eq__(self, other):
        return isinstance(other, _Same) and other.observation is self.observation


@lru_cache(maxsize=8)
def _hold_against(scene: Scene, same: _Same) -> beside.Beside:
    return beside.hold_against(scene, same.observation)


@dataclass(frozen=True)
class Numbers:
    """What a table says of a scene."""

    theta_E: float       # arcsec
    sigma_v: float       # km/s
    mass: float          # Msun inside theta_E
    sigma_crit: float    # Msun/kpc^2
    D_l: float           # Mpc
    D_s: float           # Mpc
    D_ls: float          # Mpc
    kpc_lens: float      # kpc/arcsec at the lens
    kpc_source: float    # kpc/arcsec at the source
    magnification: float  # of the source's light as a whole, within the frame
    signal_to_noise: float


def numbers(scene: Scene) -> Numbers:
    """Numbers with physical units that follow from a scene."""
    return in_turn(_numbers, scene, 2 * cost.image_seconds(scene, *clumps(scene)), "The light is counted")


@lru_cache(maxsize=24)
def _numbers(scene: Scene) -> Numbers:
    d = cosmology.distances(scene.z_lens, scene.z_source, scene.H0, scene.Om0)
    alone = replace(scene, lens_light=(), camera=replace(scene.camera, doubled=False, noise_twice=False))
    scenes = batch(alone)
    arcs = simulate.noise_free(scenes, realisation(dark(scene)))
    model = simulate.noise_free(batch(scene), realisation(dark(scene))) if scene.lens_light else arcs
    return Numbers(
        theta_E=scene.lens.theta_E, sigma_v=float(cosmology.sigma_v_of_theta_E(scene.lens.theta_E, d)),
        mass=float(cosmology.mass_inside_theta_E(scene.lens.theta_E, d)),
        sigma_crit=float(cosmology.sigma_crit_kpc(d)), D_l=float(d.D_l), D_s=float(d.D_s), D_ls=float(d.D_ls),
        kpc_lens=float(cosmology.kpc_per_arcsec(scene.z_lens, scene.H0, scene.Om0)),
        kpc_source=float(cosmology.kpc_per_arcsec(scene.z_source, scene.H0, scene.Om0)),
        magnification=float(arcs.sum()) / source_flux(scene),
        signal_to_noise=float(simulate.signal_to_noise(scenes, arcs, model)))


def source_flux(scene: Scene) -> float:
    """Counts a second of the source without a lens, clumps included."""
    parts = (scene.source, *(() if scene.source.picture else scene.source.clumps))
    return sum(10 ** (0.4 * (scene.camera.zero_point - part.magnitude)) for part in parts)


@lru_cache(maxsize=1)
def real_pictures() -> tuple[str, ...]:
    """Galaxies in the folder LENSLAB_DATA that may be a source."""
    from lenslab.sky.upload import real_pictures as look

    try:
        return tuple(look())
    except (OSError, ValueError):
        return ()
