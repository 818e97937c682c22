"""Below the first pictures: looks closer, of which only the chosen one is computed."""

import streamlit as st

from lenslab.figures import canvas, mass, observed
from lenslab.figures.bodies import MOST
from lenslab.images.realise import Realisation
from lenslab.insight.significance import WHY, at_most, promise
from lenslab.physics import subhalo
from lenslab.scene import Scene
from lenslab.ui import cached
from lenslab.ui.plot import plot
from lenslab.ui.simulate.check import check_look
from lenslab.ui.simulate.export import export_look
from lenslab.ui.simulate.pictures import has_substructure
from lenslab.ui.simulate.real import real_look
from lenslab.ui.window import is_dark

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def frame_of(scene: Scene) -> canvas.Frame:
    return canvas.Frame(scene.camera.num_pix, scene.camera.num_pix, scene.camera.pixel_scale)


def beside():
    """A picture and, on its right, the words about it."""
    return st.columns([1, 1], gap="large", vertical_alignment="center")


def invite() -> None:
    st.info("All mass of this lens is smooth. Choose a kind under **Dark matter**, or start from one of the dark "
            "matter examples above.", icon=":material/scatter_plot:")


def in_tens(value: float) -> str:
    """3.93e11 as 3.93 × 10¹¹."""
    digits, power = f"{value:.2e}".split("e")
    return f"{digits} × 10{str(int(power)).translate(SUPERSCRIPT)}"


def numbers_look(scene: Scene) -> None:
    """Numbers with their units, and every image of the source's centre."""
    told, found = cached.numbers(scene), cached.sketch(scene)
    rows = [
        ("Einstein radius", f"{told.theta_E:.3f}″", f"{told.theta_E * told.kpc_lens:.2f} kpc at the lens"),
        ("Velocity dispersion", f"{told.sigma_v:.0f} km/s", "of the isothermal sphere with this Einstein radius"),
        ("Mass inside θ_E", f"{in_tens(told.mass)} M☉", "in projection, dark and bright"),
        ("Critical surface density", f"{in_tens(told.sigma_crit)} M☉/kpc²", "what bends light enough for two images"),
        ("Distance to the lens", f"{told.D_l:.0f} Mpc", f"1″ is {told.kpc_lens:.2f} kpc there"),
        ("Distance to the source", f"{told.D_s:.0f} Mpc", f"1″ is {told.kpc_source:.2f} kpc there"),
        ("Distance lens to source", f"{told.D_ls:.0f} Mpc", "angular-diameter distances; they do not add up"),
        ("Magnification", f"{told.magnification:.1f}", "light of the source in this frame, over that without a lens"),
        ("Signal-to-noise S", f"{told.signal_to_noise:.0f}", "√Σ(arcs²/noise²), lens light left out"),
    ]
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.table({"": [row[0] for row in rows], "value": [row[1] for row in rows], "that is": [row[2] for row in rows]},
                 border="horizontal")
    with right:
        st.table({"image": list(range(1, len(found.x) + 1)), "x (″)": [f"{v:+.3f}" for v in found.x],
                  "y (″)": [f"{v:+.3f}" for v in found.y], "magnification": [f"{v:+.2f}" for v in found.magnification],
                  "arrives (days later)": [f"{v:.2f}" for v in found.delay]}, border="horizontal")
        st.caption("Images of a point at the source's centre. A minus means mirrored. Light takes paths of different "
                   "length: the last column says how many days after the first image each one arrives.")


def contents(real: Realisation, scene: Scene) -> str:
    """How many halos, points and lines there are, what they hold, and how they are drawn."""
    told = []
    for group, one, drawn in ((real.halos, "halo", "circles"), (real.points, "point mass", "dots")):
        if group is not None and (number := int(group.number[0])):
            held = in_tens(float(group.mass[0].sum()))
            plural = {"halo": "halos", "point mass": "point masses"}[one] if number > 1 else one
            told.append(f"{number} {plural} of {held} M☉ in all ({drawn}, whose area follows the mass"
                        f"{'; the heaviest 400 in the frame' if number > MOST else ''}).")
    if real.rods is not None:
        number, share = int(real.rods.number[0]), f"{scene.substructure.f_vortex:.1%}"
        told.append(f"A straight line of mass with {share} of what is inside the ring."
                    if scene.substructure.string_density == 0 else
                    f"{number} straight {'line' if number == 1 else 'lines'} of mass; on average those within the "
                    f"ring hold {share} of what is inside.")
    return "".join(f"{sentence} " for sentence in told)


def substructure_look(scene: Scene) -> None:
    """The small-scale mass alone."""
    if not has_substructure(scene):
        return invite()
    real = cached.realisation(cached.dark(scene))
    left, right = beside()
    with left:
        plot(mass.substructure(canvas.plane(cached.maps(scene).delta_kappa), frame_of(scene), dark=is_dark(),
                               realisation=real), key="simulate.substructure", later=True,
             alt=f"Convergence of the substructure alone. {contents(real, scene)}")
    right.caption(f"{contents(real, scene)}Mass on small scales alone, less the mean that was taken off the smooth "
                  "lens for it. Halos elsewhere along the line of sight are not modelled.")
    if scene.substructure.kind == "wdm":
        keV = float(subhalo.warm_mass_keV(scene.substructure.log10_m_hm, scene.H0, scene.Om0))
        right.caption(f"This half-mode mass belongs to a thermal relic of {keV:.1f} keV.")


def change_look(scene: Scene) -> None:
    """What substructure changes in the image, beyond what a smooth lens could mimic."""
    if not has_substructure(scene):
        return invite()
    sigmas, total = cached.significance(scene)
    left, right = beside()
    with left:
        plot(observed.residual(sigmas, frame_of(scene), title=f"What substructure changes: λ {at_most(total)}",
                               dark=is_dark()), key="simulate.change", later=True,
             alt="Change of the image by substructure in units of the noise")
    right.caption("The image with substructure minus the best smooth lens, in units of the noise. λ, the root of the "
                  f"summed squares, is {at_most(total)}. {promise(total)}")
    right.caption(WHY)


def magnification_look(scene: Scene) -> None:
    """How much larger things appear."""
    left, right = beside()
    parity = right.toggle("Show which parts are mirrored", key="simulate.parity")
    with left:
        plot(mass.magnification(canvas.plane(cached.maps(scene).mu), frame_of(scene), dark=is_dark(), parity=parity,
                                critical=cached.sketch(scene).critical), key="simulate.magnification", later=True,
             alt="Magnification of a small source at each place")
    right.caption("How much brighter a small source appears at each place. On the critical curves it would grow "
                  "without bound; inside them the image is mirrored.")


def wave_look(scene: Scene) -> None:
    """The wave of fuzzy dark matter."""
    if scene.substructure.kind != "fdm":
        return st.info("Only fuzzy dark matter is a wave. Choose **Fuzzy (FDM)** under **Dark matter**.",
                       icon=":material/waves:")
    piece = cached.waves(scene)
    side = len(piece.axis)
    frame = canvas.Frame(side, side, float(piece.axis[1] - piece.axis[0]))
    left, right = beside()
    with left:
        plot(mass.wave_field(piece.density, frame, dict(x=piece.vortices[:, 0], y=piece.vortices[:, 1],
                                                        sign=piece.winding)),
             key="simulate.wave", later=True, alt="A slice through the wave of fuzzy dark matter, with its vortices")
    right.caption("A slice through the halo's wave. Grains are where waves add up; in the circles, "
                  f"{len(piece.winding)} vortices, they cancel, and the phase turns once round (blue one way, yellow "
                  "the other). The lens bends light by the sum of all slices. Wavelength/2π: "
                  f"{piece.wavelength:.3f}″. Shown about the lens's centre in units of the local mean density.")


LOOKS = {"Numbers": numbers_look, "Substructure": substructure_look, "What it changes": change_look,
         "Magnification": magnification_look, "Wave": wave_look, "Beside a real lens": real_look,
         "Check with lenstronomy": check_look, "Export": export_look}


def looks(scene: Scene) -> None:
    """Draw the look that is open."""
    names = [name for name in LOOKS if name != "Wave" or scene.substructure.kind == "fdm"]
    if st.session_state.get("simulate.look") not in names:
        st.session_state["simulate.look"] = "Numbers"
    chosen = st.segmented_control("Look closer", names, key="simulate.look", required=True)
    LOOKS[chosen or "Numbers"](scene)
