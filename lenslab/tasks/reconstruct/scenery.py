"""A fit's numbers as a Scene, as the settings of one, and as maps."""

from dataclasses import replace
from math import atan2, hypot

import torch
from torch import Tensor

from lenslab.fit import compact, lens_sersics
from lenslab.fit.problem import FitProblem, State
from lenslab.scene import Scene, Sersic
from lenslab.tasks.reconstruct.record import Parameter

MAGNITUDES = 5.0, 40.0
INDICES = 0.3, 8.0            # of Sersics; a fit of a source goes a little beyond
DIM = 5e-3                    # of the profile's flux: compact components that are fainter are none
UNITS = {"theta_E": "arcsec", "center_x": "arcsec", "center_y": "arcsec", "R_sersic": "arcsec", "magnitude": "mag",
         "phi": "rad"}
PATHS = {"source_x": "source.center_x", "source_y": "source.center_y", "log_R": "source.R_sersic",
         "log_n": "source.n_sersic", "source_e1": "source.e1", "source_e2": "source.e2"}


def axes(e1: float, e2: float) -> dict[str, float]:
    c = min(hypot(e1, e2), 0.81)
    return dict(q=min(max((1 - c) / (1 + c), 0.1), 1.0), phi=atan2(e2, e1) / 2)


def magnitude(flux: float, zero_point: float) -> float:
    faintest = 10 ** (0.4 * (zero_point - MAGNITUDES[1]))
    value = zero_point - 2.5 * float(torch.tensor(max(flux, faintest), dtype=torch.float64).log10())
    return min(max(value, MAGNITUDES[0]), MAGNITUDES[1])


def scene_of(problem: FitProblem, state: State) -> Scene:
    """Lens, source with its compact components, and lens light; as bright as the image has them, in its own unit.

    A unit that is not counts a second has no magnitudes of the sky: the camera's zero point only turns them back.
    """
    lens, P = problem.lens, len(problem.lens.names)
    place = state.place.double()
    amplitude = place[:, P] if lens.amplitude else place.new_zeros(1)
    scenes = lens.scenes(place[:, :P], amplitude)
    none = place.new_full((1,), lens.template.substructure.n_points)     # a smooth lens says nothing of substructure
    seen = {"source.magnitude": scenes["source.magnitude"].clamp(*MAGNITUDES), "substructure.n_points": none,
            "source.n_sersic": scenes["source.n_sersic"].clamp(*INDICES)}
    scene = replace(scenes, values=scenes.values | seen).scene(0)
    zero_point, R = scene.camera.zero_point, scene.source.R_sersic
    profile = 10 ** (0.4 * (zero_point - scene.source.magnitude))
    clumps = []
    for row in state.compact[0].double().unflatten(0, (-1, len(compact.NAMES))).tolist() if state.compact.shape[1] \
            else []:
        at = dict(zip(compact.NAMES, row, strict=True))
        if at["flux"] > DIM:
            clumps.append(Sersic(magnitude=magnitude(profile * at["flux"], zero_point),
                                 R_sersic=R * float(torch.tensor(at["log_R"]).exp()), n_sersic=at["n"],
                                 center_x=R * at["x"], center_y=R * at["y"], **axes(at["e1"], at["e2"])))
    glow = []
    if state.glow.shape[1]:
        for row in state.glow[0, :-1].double().unflatten(0, (-1, len(lens_sersics.NAMES))).tolist():
            at = dict(zip(lens_sersics.NAMES, row, strict=True))
            flux, R_glow, n = (float(torch.tensor(at[name], dtype=torch.float64).exp())
                               for name in ("log_flux", "log_R", "log_n"))
            glow.append(Sersic(magnitude=magnitude(flux, zero_point), R_sersic=R_glow, n_sersic=min(n, INDICES[1]),
                               center_x=at["x"], center_y=at["y"], **axes(at["e1"], at["e2"])))
    return replace(scene, source=replace(scene.source, clumps=tuple(clumps)), lens_light=tuple(glow))


def parameters(problem: FitProblem, place: Tensor, covariance: Tensor, spread: dict[str, float] | None
               ) -> dict[str, Parameter]:
    """What a place (Q,) with its covariance (Q, Q) says, by the paths of a Scene, in the whole image's unit of angle.

    spread   half of what source models differ by, by coordinate
    """
    names, at = problem.lens.names, place.double().tolist()
    sigma = covariance.diagonal().sqrt().tolist()
    value, made = dict(zip(names, at, strict=False)), {}
    for k, name in enumerate(names):
        path = PATHS.get(name, f"lens.{name}")
        scale = float(torch.tensor(at[k]).double().exp()) if name in ("log_R", "log_n") else 1.0
        mean = scale if name in ("log_R", "log_n") else at[k]
        half = None if spread is None else spread[name] * scale
        made[path] = Parameter(mean, sigma[k] * scale, half, UNITS.get(path.rpartition(".")[2], ""))
    for owner, prefix in (("lens", ""), ("source", "source_")):
        one, two = f"{prefix}e1", f"{prefix}e2"
        if one not in value:
            continue
        i, j = names.index(one), names.index(two)
        e = max(hypot(value[one], value[two]), 1e-6)
        along = torch.tensor([value[one] / e, value[two] / e], dtype=torch.float64)
        across = torch.tensor([-value[two] / e, value[one] / e], dtype=torch.float64)
        block = covariance[[[i], [j]], [[i, j]]]
        rate = 2 / (1 + e) ** 2                    # of q = (1 - e) / (1 + e) with e
        turned = axes(value[one], value[two])
        widths = {"q": rate * float((along @ block @ along).sqrt()),
                  "phi": min(float((across @ block @ across).sqrt()) / (2 * e), 0.9)}    # 0.9: any direction
        for name in ("q", "phi"):
            made[f"{owner}.{name}"] = Parameter(turned[name], widths[name], None, UNITS.get(name, ""))
    return made
