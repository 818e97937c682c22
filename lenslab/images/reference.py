"""The same Scene through lenstronomy: the oracle of every test, and the page's "Check with lenstronomy".

Substructure is realised once and given to both engines as numbers. lenstronomy has no rods, no annulus and no field of
granules: the first two are added to its deflection by closed forms written here on their own in numpy, the field goes
through its INTERPOL profile.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from lenslab.images.realise import realise
from lenslab.images.simulate import noise_free, psf_kernel, traced
from lenslab.picture import recall
from lenslab.scene import Scene, Sersic
from lenslab.scenes import Scenes


@dataclass(frozen=True)
class Comparison:
    """One scene through both engines, noise-free; images (H, W) in counts a second."""

    ours: np.ndarray
    lenstronomy: np.ndarray
    deviation: float  # largest |difference| over the largest pixel


def compare(scene: Scene) -> Comparison:
    """Draw a scene in float64 with both engines."""
    scenes = Scenes.of([scene], dtype=torch.float64)
    realisation = realise(scenes)
    ours = noise_free(scenes, realisation, traced)[0, 0].numpy()
    theirs = Reference(scene, realisation).image()
    return Comparison(ours, theirs, float(np.abs(ours - theirs).max() / np.abs(theirs).max()))


class Reference:
    """lenstronomy's objects for one scene, and what they say at any position (1D arrays of arcsec, float64)."""

    def __init__(self, scene: Scene, realisation=None):
        from lenstronomy.LensModel.lens_model import LensModel

        self.scene = scene
        if realisation is None:
            realisation = realise(Scenes.of([scene], dtype=torch.float64))
        names, kwargs, options, self.extra = mass_profiles(scene, realisation)
        self.lens = LensModel(names, profile_kwargs_list=options)
        self.kwargs_lens = kwargs

    def deflection(self, x, y):
        """alpha_x, alpha_y in arcsec."""
        alpha_x, alpha_y = self.lens.alpha(x, y, self.kwargs_lens)
        for extra_deflection in self.extra:
            more_x, more_y = extra_deflection(x, y)
            alpha_x, alpha_y = alpha_x + more_x, alpha_y + more_y
        return alpha_x, alpha_y

    def surface_brightness(self, x, y):
        """Lensed source and lens light, counts/s/arcsec^2."""
        alpha_x, alpha_y = self.deflection(x, y)
        model, kwargs = light_profiles(source_components(self.scene), self.scene.camera.zero_point, self.scene)
        light = model.surface_brightness(x - alpha_x, y - alpha_y, kwargs)
        if self.scene.lens_light:
            model, kwargs = light_profiles(self.scene.lens_light, self.scene.camera.zero_point)
            light = light + model.surface_brightness(x, y, kwargs)
        return light

    def image(self) -> np.ndarray:
        """Noise-free image (H, W), counts/s, convolved and binned by lenstronomy's numerics."""
        from lenstronomy.Data.pixel_grid import PixelGrid
        from lenstronomy.ImSim.Numerics.numerics import Numerics

        camera = self.scene.camera
        n, scale = camera.num_pix, camera.pixel_scale
        corner = -(n - 1) / 2 * scale
        grid = PixelGrid(nx=n, ny=n, transform_pix2angle=np.eye(2) * scale, ra_at_xy_0=corner, dec_at_xy_0=corner)
        numerics = Numerics(grid, psf(self.scene), supersampling_factor=camera.supersampling,
                            supersampling_convolution=True, supersampling_kernel_size=None)
        x, y = numerics.coordinates_evaluate
        brightness = self.surface_brightness(np.asarray(x), np.asarray(y))
        return numerics.re_size_convolve(brightness, unconvolved=camera.psf == "none")


def mass_profiles(scene: Scene, realisation):
    """lenstronomy's profile names, keyword arguments and options, and closed forms for what it does not have."""
    lens, real = scene.lens, realisation
    e1, e2 = ellipticity(lens.q, lens.phi)
    center = dict(center_x=lens.center_x, center_y=lens.center_y)
    theta_E = float(real.theta_E[0])
    # Its EPL at slope 2 is the SIE without the core of 1e-10 arcsec and the cap on q that its own SIE has.
    names, kwargs, extra = ["EPL"], [dict(theta_E=theta_E, gamma=lens.gamma, e1=e1, e2=e2, **center)], []
    names.append("SHEAR")
    kwargs.append(dict(gamma1=lens.gamma1, gamma2=lens.gamma2))
    for m in (3, 4):
        if amplitude := getattr(lens, f"a{m}_a"):
            names.append("MULTIPOLE")
            kwargs.append(dict(m=m, a_m=amplitude * theta_E / np.sqrt(lens.q),
                               phi_m=lens.phi + getattr(lens, f"delta_phi_m{m}"), **center))
    if real.points is not None:
        for x, y, strength in columns(real.points, "x", "y", "theta_E"):
            if strength > 0:
                names.append("POINT_MASS")
                kwargs.append(dict(theta_E=strength, center_x=x, center_y=y))
    if real.halos is not None:
        for x, y, Rs, alpha_Rs, r_trunc in columns(real.halos, "x", "y", "Rs", "alpha_Rs", "r_trunc"):
            if alpha_Rs > 0:
                names.append("TNFW")
                kwargs.append(dict(Rs=Rs, alpha_Rs=alpha_Rs, r_trunc=r_trunc, center_x=x, center_y=y))
    options = [{} for _ in names]
    if real.field is not None:
        names.append("INTERPOL")
        kwargs.append(field_table(real.field, lens))
        options.append(dict(kwargs_spline=dict(kx=3, ky=3, s=0)))
    if real.rods is not None:
        extra += [partial(rod_deflection, theta_E=theta_E, x0=x0, y0=y0, x1=x1, y1=y1) for theta_E, x0, y0, x1, y1 in
                  columns(real.rods, "theta_E", "x0", "y0", "x1", "y1") if theta_E > 0]
    if real.annulus_kappa is not None:
        sheet = float(real.annulus_kappa[0]), lens.theta_E, float(real.annulus_outer[0])
        extra.append(lambda x, y: annulus_deflection(x - lens.center_x, y - lens.center_y, *sheet))
    return names, kwargs, options, extra


def field_table(field, lens) -> dict:
    """The nodes of a field of granules as lenstronomy's INTERPOL takes them; its second derivatives are not used."""
    psi, alpha_x, alpha_y = (np.asarray(getattr(field.nodes, name)[0].cpu(), dtype=float)
                             for name in ("psi", "alpha_x", "alpha_y"))
    axis = np.linspace(-1, 1, len(psi)) * float(field.half_width[0])
    return dict(grid_interp_x=axis + lens.center_x, grid_interp_y=axis + lens.center_y, f_=psi, f_x=alpha_x,
                f_y=alpha_y, f_xx=psi, f_yy=psi, f_xy=psi)


def rod_deflection(x, y, theta_E, x0, y0, x1, y1):
    """A uniform line of mass between two ends: the integral of point masses along it, in complex numbers."""
    start, end = complex(x0, y0), complex(x1, y1)
    turn = np.exp(-1j * np.angle(end - start))
    z = x + 1j * y
    conjugate = theta_E**2 / abs(end - start) * turn * (np.log((z - start) * turn) - np.log((z - end) * turn))
    return conjugate.real, -conjugate.imag


def annulus_deflection(x, y, kappa, inner, outer):
    """A uniform sheet between two radii: alpha = mass within r / (pi r)."""
    r2 = x**2 + y**2
    mass = kappa * (np.clip(r2, inner**2, outer**2) - inner**2)
    factor = np.divide(mass, r2, out=np.zeros_like(r2), where=r2 > 0)
    return factor * x, factor * y


def source_components(scene: Scene) -> tuple[Sersic, ...]:
    """The source as Sersic profiles on the sky."""
    source = scene.source
    body = Sersic(**{name: getattr(source, name) for name in Sersic.__dataclass_fields__})
    clumps = (Sersic(clump.magnitude, clump.R_sersic, clump.n_sersic, clump.q, clump.phi,
                     clump.center_x + source.center_x, clump.center_y + source.center_y) for clump in source.clumps)
    return (body, *clumps)


def light_profiles(components: tuple[Sersic, ...], zero_point: float, scene: Scene | None = None):
    """lenstronomy's LightModel and keyword arguments of Sersic components, or of a scene's picture."""
    from lenstronomy.LightModel.light_model import LightModel
    from lenstronomy.LightModel.Profiles.sersic import Sersic as RoundSersic

    if scene is not None and scene.source.picture is not None:
        source, picture = scene.source, recall(scene.source.picture).astype(float)
        scale = source.picture_width / picture.shape[1]
        flux = 10 ** (0.4 * (zero_point - source.magnitude))
        return LightModel(["INTERPOL"]), [dict(image=picture, amp=flux / (picture.sum() * scale**2), scale=scale,
                                               phi_G=source.phi, center_x=source.center_x, center_y=source.center_y)]
    kwargs = []
    for light in components:
        e1, e2 = ellipticity(light.q, light.phi)
        flux = 10 ** (0.4 * (zero_point - light.magnitude))
        amp = flux / RoundSersic().total_flux(amp=1.0, R_sersic=light.R_sersic, n_sersic=light.n_sersic)
        kwargs.append(dict(amp=amp, R_sersic=light.R_sersic, n_sersic=light.n_sersic, e1=e1, e2=e2,
                           center_x=light.center_x, center_y=light.center_y))
    return LightModel(["SERSIC_ELLIPSE"] * len(kwargs)), kwargs


def psf(scene: Scene):
    """lenstronomy's PSF of a camera; all but the Gaussian as a supersampled kernel."""
    from lenstronomy.Data.psf import PSF

    camera = scene.camera
    if camera.psf == "none":
        return PSF(psf_type="NONE")
    if camera.psf == "gaussian":
        return PSF(psf_type="GAUSSIAN", fwhm=camera.fwhm, pixel_size=camera.pixel_scale,
                   truncation=camera.psf_truncation)
    kernel = psf_kernel(camera)
    return PSF(psf_type="PIXEL", kernel_point_source=kernel, point_source_supersampling_factor=camera.supersampling)


def ellipticity(q: float, phi: float) -> tuple[float, float]:
    from lenstronomy.Util.param_util import phi_q2_ellipticity

    return phi_q2_ellipticity(phi, q)


def columns(record, *names):
    """Rows of numbers of the first scene's padded entries."""
    return zip(*(getattr(record, name)[0].tolist() for name in names), strict=True)
