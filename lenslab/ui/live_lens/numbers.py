"""A scene as the numbers that the browser's lens draws it from: see lens.js.

Smooth lens, shear, clumps placed by hand and up to CLOSED clumps of a population go as they are, and the browser traces
their closed forms. All else (multipoles, a rod, granules, hundreds of halos) is one map of deflection, worked out here.
What is drawn from a seed is drawn once; as long as a visitor drags, it keeps its places about the centre of the lens.
"""

from base64 import b64encode
from dataclasses import replace

import numpy as np
import torch

from lenslab.images.model import LensModel, prepared, total
from lenslab.images.realise import Realisation, realise
from lenslab.images.simulate import background, bent_apart, ray_axis
from lenslab.physics import halos, subhalo
from lenslab.picture import recall
from lenslab.scene import Scene
from lenslab.scenes import Scenes
from lenslab.ui import cached

CLOSED = 64        # clumps of one sort that the shader sums
MOST_RAYS = 256    # of the map of deflection, on a side
DRAGGED = ("source.center_x", "source.center_y", "lens.center_x", "lens.center_y", "lens.theta_E", "lens.q", "lens.phi")
SHIFTED = ("substructure.clumps", "lens_light")  # they move along with the lens


def paths(scene: Scene) -> tuple[str, ...]:
    """Settings that a visitor changes by hand."""
    moved = [f"{group}.{k}.center_{axis}" for group in SHIFTED for k in range(len(scene.get(group))) for axis in "xy"]
    rod = ["substructure.vortex_x", "substructure.vortex_y"]
    dark = scene.substructure
    held = dark.kind == "deeplense_axion" or (dark.kind == "vortex" and dark.string_density == 0)
    return (*DRAGGED, *moved, *(rod if held else []))


def live_numbers(scene: Scene, most_rays: int = MOST_RAYS) -> dict:
    """Plain numbers, lists and base64 of float32, for JSON; `most_rays` of the map of deflection, on a side."""
    scenes = prepared(Scenes.of([scene], dtype=torch.float32))
    drawn = realise(scenes)
    closed, rest = split(scene, drawn)
    camera, lens = scene.camera, scene.lens
    return dict(
        values={path: scene.get(path) for path in paths(scene)}, theta_E=float(drawn.theta_E), gamma=lens.gamma,
        gamma1=lens.gamma1, gamma2=lens.gamma2, conserving=scene.substructure.conserve_mass,
        clumps=placed(scene, drawn), points=closed["points"], halos=closed["halos"],
        sheet=None if drawn.annulus_kappa is None else [float(drawn.annulus_kappa), lens.theta_E,
                                                        float(drawn.annulus_outer)],
        bent=bent(scenes, rest, most_rays), picture=picture(scenes),
        source=[] if scene.source.picture else [sersic(scenes, "source", 0.0, 0.0), *(
            sersic(scenes, f"source.clumps.{k}", clump.center_x, clump.center_y)
            for k, clump in enumerate(scene.source.clumps))],
        lens_light=[sersic(scenes, f"lens_light.{k}") for k in range(len(scene.lens_light))],
        camera=dict(side=camera.num_pix, rays=camera.supersampling, width=camera.num_pix * camera.pixel_scale,
                    fwhm=0.0 if camera.psf == "none" else camera.fwhm, truncation=camera.psf_truncation),
        flux=cached.source_flux(scene), noise=float(background(scenes)) / camera.pixel_scale**2)


def split(scene: Scene, drawn: Realisation) -> tuple[dict, Realisation]:
    """Clumps of the population that the shader sums, about the centre of the lens, and all that it cannot.

    Clumps placed by hand stand last in each list, and are neither: they follow the hand.
    """
    center, closed, rest = (scene.lens.center_x, scene.lens.center_y), {}, {}
    by_hand = {"points": "POINT_MASS", "halos": "TNFW"}
    for name, profile in by_hand.items():
        group, placed_too = getattr(drawn, name), sum(clump.profile == profile for clump in scene.substructure.clumps)
        count = 0 if group is None else group.x.shape[1] - placed_too
        fits = count + placed_too <= CLOSED
        columns = [] if group is None else [group.x - center[0], group.y - center[1], *(
            [group.theta_E**2] if name == "points" else [group.Rs, group.alpha_Rs, group.r_trunc])]
        closed[name] = torch.cat(columns)[:, :count].T.tolist() if count and fits else []
        rest[name] = None if fits or not count else type(group)(*(
            value[:, :count] if isinstance(value, torch.Tensor) else np.array([count])
            for value in vars(group).values()))
    return closed, replace(drawn, annulus_kappa=None, **rest)


def placed(scene: Scene, drawn: Realisation) -> list[dict]:
    """Clumps placed by hand: point masses by theta_E^2 (arcsec^2), halos by what tides leave of them.

    r_trunc goes as the 2/3 power of the distance in 3D: `depth` is that along the line of sight (arcsec), and r_trunc
    is given for a distance of 1 arcsec.
    """
    lens, found = scene.lens, []
    at = subhalo.host(lens.theta_E, lens.q, lens.gamma, scene.z_lens, scene.z_source, scene.H0, scene.Om0)
    depth = float((subhalo.depth(0.5, at.c) * at.Rs / at.kpc)[0])
    rows = {profile: sum(clump.profile == profile for clump in scene.substructure.clumps)
            for profile in ("POINT_MASS", "TNFW")}
    groups = {"POINT_MASS": drawn.points, "TNFW": drawn.halos}
    for clump in scene.substructure.clumps:
        group, k = groups[clump.profile], -rows[clump.profile]
        rows[clump.profile] -= 1
        if clump.profile == "POINT_MASS":
            found.append(dict(mass=float(group.theta_E[0, k]) ** 2))
        else:
            d2 = (clump.center_x - lens.center_x) ** 2 + (clump.center_y - lens.center_y) ** 2
            found.append(dict(Rs=float(group.Rs[0, k]), alpha_Rs=float(group.alpha_Rs[0, k]), depth=depth,
                              r_trunc=float(group.r_trunc[0, k]) / (d2 + depth**2) ** (1 / 3)))
    return found


def bent(scenes: Scenes, rest: Realisation, most_rays: int) -> dict | None:
    """The deflection (side, side, 2) on rays by all that the shader has no closed form of; None where there is none."""
    if not scenes.multipoles and all(part is None for part in (rest.points, rest.halos, rest.rods, rest.field)):
        return None
    camera = scenes.template.camera
    width = camera.num_pix * camera.pixel_scale
    side = min(camera.num_pix * camera.supersampling, most_rays)
    grid = replace(camera, num_pix=side, pixel_scale=width / side, supersampling=1)
    scenes = replace(scenes, template=replace(scenes.template, camera=grid))
    rest, quick = bent_apart(scenes, rest)
    axis, model = ray_axis(scenes), LensModel(scenes, rest)
    x, y = axis[None, None, :], axis[None, :, None]
    parts = [*model.smooth_parts("deflection", x, y, only=("m3", "m4")).values(), *model.dark("deflection", x, y)]
    alpha = total([*parts, quick] if quick else parts)
    return dict(side=side, half=width / 2, origin=[-float(scenes["lens.center_x"]), -float(scenes["lens.center_y"])],
                values=packed(torch.stack([part[0] for part in alpha], -1).numpy()))


def sersic(scenes: Scenes, owner: str, x: float = 0.0, y: float = 0.0) -> dict:
    """A Sersic profile; x, y count from the centre of the source."""
    names = ("R_sersic", "n_sersic", "amp", "q", "phi")
    return {name: float(scenes[f"{owner}.{name}"]) for name in names} | dict(x=x, y=y)


def picture(scenes: Scenes) -> dict | None:
    """The picture that shines in the place of a Sersic profile."""
    source = scenes.template.source
    if source.picture is None:
        return None
    values = recall(source.picture)
    pixel = source.picture_width / values.shape[1]
    return dict(columns=values.shape[1], rows=values.shape[0], values=packed(values), width=source.picture_width,
                phi=source.phi, strength=cached.source_flux(scenes.template) / (float(values.sum()) * pixel**2))


def packed(values: np.ndarray) -> str:
    """float32, rows from the bottom up, as text."""
    return b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def physics() -> dict:
    """What the closed forms of the browser share with lenslab.physics.halos."""
    return dict(norm=halos.NORM, near=halos.NEAR, floor=halos.FLOOR_TNFW, **halos.float32_series())
