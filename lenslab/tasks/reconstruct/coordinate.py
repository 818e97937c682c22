"""The architecture `coordinate`: two networks learn one image from nothing, while one looks on. For teaching.

They begin at a ring as large as the light of the arcs, and go down the gradient. What they find has no errors: to see
how sure a lens is, fit it (`refined`) or ask a network that has learnt that (`amortised`).
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from math import atan2, cos, isfinite, nan, pi

import torch
from torch import Tensor

from lenslab.device import one_thread
from lenslab.fit import observed, smooth_lens
from lenslab.fit.observed import Masks, Target
from lenslab.images.observation import Observation
from lenslab.nets.coordinate_lens import POINTS, CoordinateLens
from lenslab.physics.grid import pixel_axis
from lenslab.scene import Lens, Scene, Source
from lenslab.tasks.reconstruct import refined, scenery, verdict
from lenslab.tasks.reconstruct.record import Forming, Parameter, Progress, Reconstruction

STEPS = 900
LONGEST = 50.0            # s of processor time, after which it comes to its end earlier
TOLD = 15                 # steps between two pictures
FAST, SLOW = 1e-2, 1e-3   # learning rates of Adam, first and last
STIFF = 0.2               # of them, that of the potential: the source comes first
ROUGH = 0.3, 0.02         # share of the brightest pixel added to the noise, first and last, so that no peak rules
SOURCE_SIDE = 96
ABOVE = 1.0               # sigmas of the model's arcs where the arc mask begins
ANGLES = 64


def steps(observation: Observation, *, settings: refined.Settings = refined.USUAL,
          masks: Masks = refined.NOTHING_MASKED, checkpoint=None) -> Iterator[Progress]:
    """Pictures as they form: a row of lenslab.tasks.reconstruct.networks. It has no checkpoint: each image is new."""
    begun = time.process_time()
    made = observed.target(observation, replace(smooth_lens("hst"), compact=False), masks, settings.components)
    problem = made.problem
    known = problem.sigma.isfinite()
    image, sigma = torch.where(known, problem.arcs, 0.0), problem.sigma
    camera = replace(problem.lens.camera, supersampling=1)
    radius, height = ring(image, sigma, made.center, camera.pixel_scale)
    chance = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = CoordinateLens(camera, radius, made.center, height)
    optimiser = torch.optim.Adam([{"params": network.light.parameters()}, {"params": network.potential.parameters()}])
    reach = min(camera.num_pix * camera.pixel_scale / 2, 2 * radius)
    done, step, peak = 0.0, 0, float((image / sigma).max())
    while done < 1:
        with one_thread():
            noise = torch.hypot(sigma, sigma[known].amin() * peak * between(*ROUGH, done))
            points = (2 * torch.rand(2, POINTS, generator=chance) - 1) * reach
            for group, slower in zip(optimiser.param_groups, (1.0, STIFF), strict=True):
                group["lr"] = slower * between(FAST, SLOW, done)
            optimiser.zero_grad()
            value, _ = network.loss(image, noise, points)
            value.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
        step += 1
        done = max(step / STEPS, (time.process_time() - begun) / LONGEST)
        if step % TOLD == 0 and done < 1:
            yield progress(network, made, done, f"step {step}")
    with one_thread():
        last = progress(network, made, 1.0, f"step {step}")
        yield replace(last, reconstruction=finished(network, made, last, settings, step, begun))


def between(first: float, last: float, done: float) -> float:
    """From first to last along half a cosine of the logarithm."""
    share = (1 + cos(pi * min(done, 1.0))) / 2
    return first**share * last ** (1 - share)


def ring(image: Tensor, sigma: Tensor, center: tuple[float, float], pixel_scale: float) -> tuple[float, float]:
    """How large the ring is, arcsec, by the mean distance of its light, and how bright: light for a square arcsec."""
    axis = pixel_axis(image.shape[-1], pixel_scale)
    r = torch.hypot(axis[None, :] - center[0], axis[:, None] - center[1])
    light = torch.where(image / sigma > 3.0, image, 0.0)[0, 0]
    total = float(light.sum())
    if total <= 0:
        raise ValueError("This is no good fit: no pixel stands out of the noise by 3 sigmas, so there are no arcs "
                         "to be explained. Choose an image that shows arcs.")
    return max(float((light * r).sum()) / total, 2 * pixel_scale), float(image.max()) / pixel_scale**2


def progress(network: CoordinateLens, made: Target, done: float, stage: str) -> Progress:
    problem = made.problem
    with torch.no_grad():
        known = problem.sigma.isfinite()
        arcs = network().image
        left = torch.where(known, (problem.arcs - arcs) / torch.where(known, problem.sigma, 1.0), 0.0)
        x, y = pixels(problem.lens.camera)
        glow = problem.light_of(problem.glow) if problem.glow.shape[1] else torch.zeros_like(arcs)
        source, half_width = plane(network, made)
        forming = Forming((arcs + glow)[0, 0], left[0, 0], source, half_width, network.convergence(x, y)[0])
        chi2 = float(left.double().square().sum() / known.sum())
    return Progress(stage, done, chi2, einstein_radius(network, made.center), forming=forming)


def pixels(camera) -> tuple[Tensor, Tensor]:
    axis = pixel_axis(camera.num_pix, camera.pixel_scale)
    return torch.broadcast_tensors(axis[None, None, :], axis[None, :, None])


def plane(network: CoordinateLens, made: Target) -> tuple[Tensor, float]:
    """The source about the lens galaxy (G, G), and half of the width that is shown, arcsec."""
    half_width = 0.9 * network.potential.radius
    axis = pixel_axis(SOURCE_SIDE, 2 * half_width / SOURCE_SIDE)
    x, y = torch.broadcast_tensors(axis[None, None, :] + made.center[0], axis[None, :, None] + made.center[1])
    return network.light(x, y)[0], half_width


def on_circle(network: CoordinateLens, center: tuple[float, float], radius: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """psi, radial deflection (n, ANGLES) on circles of radii (n,) about a centre, and the angles."""
    angle = torch.arange(ANGLES) * (2 * pi / ANGLES)
    x, y = radius[:, None] * angle.cos(), radius[:, None] * angle.sin()
    with torch.no_grad():
        at = (x + center[0])[None], (y + center[1])[None]
        alpha_x, alpha_y = network.deflection(*at)
        return network.potential(*at)[0], (alpha_x[0] * angle.cos() + alpha_y[0] * angle.sin()), angle


def einstein_radius(network: CoordinateLens, center: tuple[float, float]) -> float:
    """Of the circle whose mean convergence is 1: where the mean radial deflection is the radius. nan without one."""
    radius = torch.linspace(0.1, 2.5, 241) * network.potential.radius
    inward = on_circle(network, center, radius)[1].mean(1) - radius
    inside = (inward > 0).nonzero()[:, 0]
    if not len(inside) or int(inside[-1]) == len(radius) - 1:
        return nan
    k = int(inside[-1])
    return float(radius[k] + (radius[k + 1] - radius[k]) * inward[k] / (inward[k] - inward[k + 1]))


def lens_of(network: CoordinateLens, made: Target, theta_E: float) -> Lens:
    """The isothermal ellipse whose potential has the same quadrupole on the ring: psi_2 = -theta_E r e / 3 cos 2(phi -
    phi_0), as the Laplacian of it must be twice kappa_2 = theta_E e / (2 r). Tides count as ellipticity."""
    psi, _, angle = on_circle(network, made.center, torch.tensor([theta_E]))
    e1, e2 = (float(-6 * (psi[0] * wave).mean() / theta_E**2) for wave in ((2 * angle).cos(), (2 * angle).sin()))
    axes = scenery.axes(e1, e2)
    return Lens(theta_E=min(max(theta_E, 0.01), 10.0), center_x=made.center[0], center_y=made.center[1],
                q=max(axes["q"], 0.2), phi=atan2(e2, e1) / 2)


def source_of(source: Tensor, half_width: float, made: Target) -> Source:
    """A Sersic as large, as bright and where the light of the map is."""
    n = source.shape[-1]
    axis = pixel_axis(n, 2 * half_width / n).double()
    light = source.double()
    total = float(light.sum())
    x, y = float((light * axis[None, :]).sum()) / total, float((light * axis[:, None]).sum()) / total
    r = torch.hypot(axis[None, :] - x, axis[:, None] - y)
    order = r.flatten().argsort()
    within = light.flatten()[order].cumsum(0) / total
    R = float(r.flatten()[order][int((within < 0.5).sum())])
    flux = total * (2 * half_width / n) ** 2
    return Source(magnitude=scenery.magnitude(flux, made.problem.lens.camera.zero_point), R_sersic=max(R, 0.01),
                  n_sersic=1.0, center_x=x, center_y=y)


def finished(network: CoordinateLens, made: Target, last: Progress, settings: refined.Settings, step: int,
             begun: float) -> Reconstruction:
    problem, forming, theta_E = made.problem, last.forming, last.theta_E
    camera, known = problem.lens.camera, problem.sigma[0, 0].isfinite()
    with torch.no_grad():
        x, y = pixels(camera)
        alpha_x, alpha_y = network.deflection(x, y)
        psi = network.potential(x, y)[0]
    glow = problem.light_of(problem.glow)[0, 0] if problem.glow.shape[1] else torch.zeros_like(forming.model)
    sigma = torch.where(known, problem.sigma[0, 0], 1.0)
    arc_mask = known & (forming.model - glow > ABOVE * sigma)
    chi2 = float(forming.residual.double().square().sum())
    in_arcs = float(forming.residual[arc_mask].double().square().sum())
    count = int(arc_mask.sum())
    reduced = in_arcs / max(count, 1)
    why, lens, told = "", Lens(center_x=made.center[0], center_y=made.center[1]), {}
    if not isfinite(theta_E):
        why = "This is no good fit: the mass that was found bends no ring of light. Fit the lens (refined) instead."
    else:
        lens = lens_of(network, made, theta_E)
        told = {f"lens.{name}": Parameter(value, nan, None, unit) for name, value, unit in (
            ("theta_E", theta_E, "arcsec"), ("q", lens.q, ""), ("phi", lens.phi, "rad"))}
        if reduced > verdict.BAD[0] and (reduced - 1) * (count / 2) ** 0.5 > verdict.BAD[1]:
            why = (f"This is no good fit: chi2 in the arcs is {reduced:.2f} a pixel, where noise alone gives 1. Two "
                   "networks that learn one image in a minute often end so; fit the lens (refined) instead.")
    source = source_of(forming.source, forming.source_half_width, made)
    scene = Scene(lens=lens, source=source, camera=camera)
    return Reconstruction(
        observation=made.observation, offset=made.offset, scene=scene, source=forming.source,
        source_half_width=forming.source_half_width, psi=psi, kappa=forming.kappa, alpha_x=alpha_x[0],
        alpha_y=alpha_y[0], model=forming.model, lens_light=glow, residual=forming.residual, used=known,
        arc_mask=arc_mask, chi2=chi2, chi2_arcs=in_arcs, reduced_chi2=reduced, effective_freedom=0.0,
        names=("theta_E",), mean=torch.tensor([theta_E]), covariance=torch.full((1, 1), nan), parameters=told,
        pixel_source=None, corrections=None, perturbers=None, converged=not why, why=why,
        steps=(*made.steps, f"Two networks learnt the image in {step} steps."),
        warnings=(*made.warnings, "These numbers have no errors, and tides count as ellipticity of the lens."),
        seconds=time.process_time() - begun)
