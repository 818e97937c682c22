"""A batch of scenes as functions of position: what bends (psi, alpha, kappa) and what shines.

The same functions draw images, maps, critical curves and images of points, at any positions and on any device.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lenslab.images.realise import Realisation, realise
from lenslab.physics import clumps, deflectors, light, spline
from lenslab.picture import recall
from lenslab.scenes import Scenes

SMOOTH = ("power law", "shear", "m3", "m4", "sheet")


@dataclass(frozen=True)
class LensModel:
    """The mass of a batch of B scenes.

    Positions x, y (arcsec) are (B, H, W) or broadcast to it, as a row (B, 1, W) and a column (B, H, 1) do; what
    comes back is (B, H, W).
    """

    scenes: Scenes
    realisation: Realisation

    def deflection(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """alpha_x, alpha_y in arcsec: the source plane is beta = theta - alpha."""
        alpha_x, alpha_y = total([*self.smooth("deflection", x, y), *self.dark("deflection", x, y)])
        return alpha_x, alpha_y

    def potential(self, x: Tensor, y: Tensor) -> Tensor:
        """psi in arcsec^2."""
        return total([*self.smooth("potential", x, y), *self.dark("potential", x, y)])[0]

    def convergence(self, x: Tensor, y: Tensor) -> Tensor:
        """kappa; points and rods have none off themselves."""
        return total([*self.smooth("convergence", x, y), *self.dark("convergence", x, y)])[0]

    def dark_convergence(self, x: Tensor, y: Tensor) -> Tensor:
        """kappa of the substructure alone, as drawn: nothing taken off for what the smooth lens gives up."""
        parts = self.dark("convergence", x, y)
        return total(parts)[0] if parts else torch.zeros_like(x + y)

    def at(self, row: int) -> "LensModel":
        """One scene of the batch."""
        rows = slice(row, row + 1)
        return LensModel(self.scenes.take(rows), self.realisation.take(rows))

    def smooth(self, quantity: str, x: Tensor, y: Tensor) -> list:
        """Power law, multipoles, shear, and the sheet that pays for the substructure beyond the ring."""
        return list(self.smooth_parts(quantity, x, y).values())

    def smooth_parts(self, quantity: str, x: Tensor, y: Tensor, only: tuple[str, ...] = SMOOTH) -> dict:
        """The parts of the smooth lens that it has, each by its name in SMOOTH."""
        scenes, theta_E, parts = self.scenes, column(self.realisation.theta_E), {}
        value = {path: column(scenes[path]) for path in scenes.values if path.startswith("lens.")}
        center = value["lens.center_x"], value["lens.center_y"]
        if "power law" in only:
            e1, e2 = map(column, scenes.ellipticity("lens"))
            hint = dict(flattest=scenes.flattest) if quantity == "deflection" else {}
            if scenes.sie:
                parts["power law"] = profile("sie", quantity)(x, y, theta_E, e1, e2, *center, **hint)
            else:
                parts["power law"] = profile("epl", quantity)(x, y, theta_E, value["lens.gamma"], e1, e2, *center,
                                                              **hint)
        if "shear" in only:
            parts["shear"] = profile("shear", quantity)(x, y, value["lens.gamma1"], value["lens.gamma2"])
        for m in (3, 4):
            if scenes.multipoles and f"m{m}" in only:  # scaled as in lenstronomy's EPL_MULTIPOLE_M3M4
                phi, scale = value["lens.phi"], theta_E / value["lens.q"].sqrt()
                parts[f"m{m}"] = profile("multipole", quantity)(
                    x, y, m, value[f"lens.a{m}_a"] * scale, phi + value[f"lens.delta_phi_m{m}"], *center)
        if self.realisation.annulus_kappa is not None and "sheet" in only:
            parts["sheet"] = profile("annulus", quantity)(
                x, y, column(self.realisation.annulus_kappa), value["lens.theta_E"],
                column(self.realisation.annulus_outer), *center)
        return parts

    def dark(self, quantity: str, x: Tensor, y: Tensor) -> list:
        """Everything that is drawn from the seed or placed by hand."""
        real, parts = self.realisation, []
        if (p := real.points) is not None:
            parts.append(getattr(clumps, f"point_masses_{quantity}")(x, y, p.theta_E, p.x, p.y))
        if (h := real.halos) is not None:
            parts.append(getattr(clumps, f"tnfws_{quantity}")(x, y, h.Rs, h.alpha_Rs, h.r_trunc, h.x, h.y))
        if (r := real.rods) is not None:
            lines = zip(*(part.unbind(1) for part in (r.theta_E, r.x0, r.y0, r.x1, r.y1)), strict=True)
            parts += [profile("rod", quantity)(x, y, *map(column, line)) for line in lines]
        if (f := real.field) is not None:
            center_x, center_y = column(self.scenes["lens.center_x"]), column(self.scenes["lens.center_y"])
            parts.append(getattr(spline, f"field_{quantity}")(f, x - center_x, y - center_y))
        return parts


def lens_model(scenes: Scenes, realisation: Realisation | None = None) -> LensModel:
    """The mass of a batch, its substructure drawn from the scenes' seeds unless it is given."""
    return LensModel(scenes, realise(scenes) if realisation is None else realisation)


def without_substructure(scenes: Scenes) -> Scenes:
    """The same lenses, smooth: their mass inside the ring is the same where mass is conserved."""
    template = scenes.template
    smooth = replace(template, substructure=replace(template.substructure, kind="none", clumps=()))
    values = {path: value for path, value in scenes.values.items() if not path.startswith("substructure.clumps.")}
    return replace(scenes, template=smooth, values=values)


def source_light(scenes: Scenes, beta_x: Tensor, beta_y: Tensor) -> Tensor:
    """Surface brightness of the source, counts/s/arcsec^2, at source-plane positions (B, H, W)."""
    center_x, center_y = column(scenes["source.center_x"]), column(scenes["source.center_y"])
    if scenes.template.source.picture is not None:
        picture = torch.tensor(recall(scenes.template.source.picture), device=beta_x.device, dtype=beta_x.dtype)
        width, phi = column(scenes["source.picture_width"]), column(scenes["source.phi"])
        return light.picture_surface_brightness(beta_x, beta_y, picture, column(flux(scenes, "source")), width, phi,
                                                center_x, center_y)
    image = sersic(scenes, "source", beta_x - center_x, beta_y - center_y, moved=True)
    k = 0
    while f"source.clumps.{k}.magnitude" in scenes.values:
        image = image + sersic(scenes, f"source.clumps.{k}", beta_x - center_x, beta_y - center_y)
        k += 1
    return image


def lens_light(scenes: Scenes, x: Tensor, y: Tensor) -> Tensor | None:
    """Surface brightness of the lens galaxy, counts/s/arcsec^2, or None where it has no light."""
    parts = [sersic(scenes, f"lens_light.{k}", x, y) for k in range(len(scenes.template.lens_light))]
    return sum(parts[1:], parts[0]) if parts else None


def prepared(scenes: Scenes) -> Scenes:
    """The same batch with what each ray would else compute again: ellipticities, and amplitudes of Sersic profiles.

    A compiler fuses such numbers into the loop over rays, where a sine or a gamma function costs more than all else.
    """
    if "lens.e1" in scenes.values and "source.amp" in scenes.values:
        return scenes
    extra = {}
    for path in scenes.values:
        owner, _, name = path.rpartition(".")
        if name == "q":
            extra[f"{owner}.e1"], extra[f"{owner}.e2"] = scenes.ellipticity(owner)
        if name == "R_sersic":
            extra[f"{owner}.amp"] = light.sersic_amplitude(flux(scenes, owner), scenes[path],
                                                           scenes[f"{owner}.n_sersic"])
    return replace(scenes, values={**scenes.values, **extra})


def source_profile_tangents(scenes: Scenes, beta_x: Tensor, beta_y: Tensor) -> dict[str, Tensor]:
    """Light of the source's Sersic profile, and its changes, at source-plane positions: light.sersic_tangents."""
    center_x, center_y = column(scenes["source.center_x"]), column(scenes["source.center_y"])
    return sersic(scenes, "source", beta_x - center_x, beta_y - center_y, moved=True, what=light.sersic_tangents)


def sersic(scenes: Scenes, owner: str, x: Tensor, y: Tensor, moved: bool = False,
           what=light.sersic_surface_brightness):
    """One Sersic component of a batch; `moved` when x and y count from its centre already."""
    scenes = prepared(scenes)
    R, n, amp = (scenes[f"{owner}.{name}"] for name in ("R_sersic", "n_sersic", "amp"))
    e1, e2 = scenes.ellipticity(owner)
    zero = torch.zeros_like(R)
    center = (zero, zero) if moved else (scenes[f"{owner}.center_x"], scenes[f"{owner}.center_y"])
    return what(x, y, *map(column, (amp, R, n, e1, e2, *center)))


def flux(scenes: Scenes, owner: str) -> Tensor:
    """Counts a second (B,) of a component's magnitude."""
    return 10 ** (0.4 * (scenes["camera.zero_point"] - scenes[f"{owner}.magnitude"]))


def profile(name: str, quantity: str):
    return getattr(deflectors, f"{name}_{quantity}")


def column(value: Tensor) -> Tensor:
    """(B,) to (B, 1, 1), to stand beside (B, H, W)."""
    return value[:, None, None]


def total(parts: list):
    """Sum of components: of tensors, as a 1-tuple, or of pairs of tensors."""
    pairs = [part if isinstance(part, tuple) else (part,) for part in parts]
    return tuple(sum(column_of[1:], column_of[0]) for column_of in zip(*pairs, strict=True))
