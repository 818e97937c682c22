"""Moving a lens or its source through the universe: what is physical stays, what the sky shows follows.

Held: the lens' velocity dispersion; kpc sizes and absolute magnitudes of source and lens light (no K-correction); the
solar masses of the substructure, and so the number of subhalos in a kpc^2. Following: Einstein radius, sizes on the
sky, apparent magnitudes, and how strongly a subhalo bends. Where things stand on the sky (centres, shear) is held.
"""

from dataclasses import replace

from lenslab.physics import cosmology, subhalo
from lenslab.physics import substructure as sub
from lenslab.scene import Scene, Sersic


def at_redshifts(scene: Scene, z_lens: float, z_source: float) -> Scene:
    """The same lens and source with other redshifts; there and back gives the same scene to rounding."""
    moved = replace(scene, z_lens=z_lens, z_source=z_source)  # checks their order before anything is computed
    universe = scene.H0, scene.Om0
    old, new = (cosmology.distances(s.z_lens, s.z_source, *universe) for s in (scene, moved))
    stretch = float(old.D_s / new.D_s)
    source = seen_from(scene.source, stretch, _fainter(scene.z_source, z_source, universe))
    source = replace(source, picture_width=source.picture_width * stretch, clumps=tuple(
        replace(seen_from(clump, stretch, _fainter(scene.z_source, z_source, universe)),
                center_x=clump.center_x * stretch, center_y=clump.center_y * stretch) for clump in source.clumps))
    lens_light = tuple(seen_from(light, float(old.D_l / new.D_l), _fainter(scene.z_lens, z_lens, universe))
                       for light in scene.lens_light)
    theta_E = float(cosmology.theta_E_of_sigma_v(cosmology.sigma_v_of_theta_E(scene.lens.theta_E, old), new))
    moved = replace(moved, source=source, lens_light=lens_light, lens=replace(scene.lens, theta_E=theta_E))
    return replace(moved, substructure=replace(scene.substructure, **_same_masses(scene, moved)))


def seen_from(light: Sersic, stretch: float, fainter: float) -> Sersic:
    """A galaxy whose size on the sky changes by a factor and whose magnitude by a sum."""
    return replace(light, R_sersic=light.R_sersic * stretch, magnitude=light.magnitude + fainter)


def _fainter(before: float, after: float, universe: tuple[float, float]) -> float:
    """Change of the apparent magnitude between two redshifts."""
    return float(cosmology.distance_modulus(after, *universe) - cosmology.distance_modulus(before, *universe))


def _same_masses(scene: Scene, moved: Scene) -> dict:
    """The mass fractions of the moved scene that stand for the same solar masses."""
    dark, kind = scene.substructure, scene.substructure.kind
    old, new = (subhalo.host(s.lens.theta_E, s.lens.q, s.lens.gamma, s.z_lens, s.z_source, s.H0, s.Om0)
                for s in (scene, moved))
    if kind in ("cdm", "wdm"):
        law = sub.mass_law(1.0, dark.slope, dark.log10_m_min, dark.log10_m_max, dark.log10_m_resolved)
        return dict(f_sub=dark.f_sub * float((sub.density(law, old) / sub.density(law, new))[0]))
    if kind.startswith("deeplense"):
        return dict(f_sub=dark.f_sub * float((old.mass_within(2.0) / new.mass_within(2.0))[0]))
    if kind == "vortex":
        return dict(f_vortex=dark.f_vortex * float((old.mass / new.mass)[0]))
    return {}
