"""Answers that pages ask for again and again, kept for all sessions: a Scene is its own key, since it never changes.

Caches are bounded, and hold only what follows from numbers and content hashes.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil

import numpy as np
import streamlit as st
import torch

from lenslab.device import resolve_device, supported_dtype
from lenslab.images import arcs, beside, ceiling, simulate, sky
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

MAX_RAYS = 2048   # on a side
MAX_WORK = 4 * 10**8  # rays times clumps: some ten seconds of one core
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
    try:
        real = realisation(dark(scene))
        number = sum(int(group.number.max(initial=0)) for group in (real.halos, real.points) if group is not None)
        if rays**2 * number > MAX_WORK:
            return (f"{number} clumps seen by {rays}² rays would take minutes; the page draws at most "
                    f"{MAX_WORK // rays**2} at this sharpness. Raise the mass of the lightest drawn subhalo, take "
                    "fewer rays or pixels, or use python -m lenslab.")
        observe(scene)
    except ValueError as error:
        return str(error)
    return None


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
    """The source without a lens (G, G), and half its frame in arcsec: it holds the source and all curves."""
    scenes, found = batch(replace(scene, substructure=Substructure())), sketch(scene)
    reach = max((float(np.abs(line).max()) for line in (*found.cut, *found.caustics)), default=0.0)
    place = max(abs(scene.source.center_x), abs(scene.source.center_y)) + 1.5 * scene.source.R_sersic
    half = max(simulate.source_half_width(scenes), ceil(10 * max(1.05 * reach, place)) / 10)
    axis = pixel_axis(SOURCE_SIDE, 2 * half / SOURCE_SIDE, device=scenes["lens.theta_E"].device,
                      dtype=scenes["lens.theta_E"].dtype)
    return source_light(scenes, axis[None, None, :], axis[None, :, None])[0].cpu().numpy(), half


@lru_cache(maxsize=24)
def sketch(scene: Scene) -> Sketch:
    """Curves and images, quickly."""
    d = cosmology.distances(scene.z_lens, scene.z_source, scene.H0, scene.Om0)
    return draw_sketch(mass(scene), maps(scene), scene.camera.pixel_scale, scene.source.center_x,
                       scene.source.center_y, float(cosmology.time_delay_distance(scene.z_lens, d)))


@lru_cache(maxsize=24)
def coverage(scene: Scene) -> arcs.Coverage:
    """How far round the lens the source's light reaches."""
    return arcs.coverage(batch(scene), sketch(scene))


def mass(scene: Scene) -> LensModel:
    """The lens alone, on the processor in float64, as places of images need it."""
    return _mass(dark(scene))


@lru_cache(maxsize=12)
def _mass(scene: Scene) -> LensModel:
    return lens_model(Scenes.of([scene], dtype=torch.float64))


@lru_cache(maxsize=12)
def significance(scene: Scene) -> tuple[np.ndarray, float]:
    """What the substructure changes in the image in sigmas (H, W), and lambda."""
    delta, total = ceiling.significance(replace(scene, seed_noise=1))
    return delta[0, 0].detach().cpu().numpy(), float(total)


@lru_cache(maxsize=12)
def waves(scene: Scene) -> WaveSlice:
    """A plane through the wave of a fuzzy halo."""
    return _waves(scene)


@lru_cache(maxsize=8)
def real_lens(name: str) -> Observation:
    """One of the real lenses in the folder LENSLAB_DATA."""
    return sky.read_real(name)


def hold_against(scene: Scene, observation: Observation) -> beside.Beside:
    """A scene against a real image, whose arrays are told apart by who they are."""
    return _hold_against(replace(scene, seed_noise=1), _Same(observation))


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


@lru_cache(maxsize=24)
def numbers(scene: Scene) -> Numbers:
    """Numbers with physical units that follow from a scene."""
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
    from lenslab.images.upload import real_pictures as look

    try:
        return tuple(look())
    except (OSError, ValueError):
        return ()
