"""The controls of the Simulate page, in four groups; only the open group is drawn."""

from math import atan2, cos, hypot, radians, sin

import streamlit as st

from lenslab.instruments import INSTRUMENTS, source_of
from lenslab.physics import cosmology
from lenslab.scene import Clump, Scene, Sersic
from lenslab.ui import cached, state
from lenslab.ui.controls import Range, folded, free_slider, label_of, seed, select, set_before_drawing, slider, toggle
from lenslab.ui.simulate.source_panel import redshift_slider, source_panel

KINDS = {"none": "None: smooth", "cdm": "Cold (CDM)", "wdm": "Warm (WDM)", "fdm": "Fuzzy (FDM)",
         "vortex": "Axion vortex line", "deeplense_cdm": "DeepLense: points",
         "deeplense_axion": "DeepLense: vortex of points"}
LINE = ("vortex_phi", "vortex_x", "vortex_y")      # of a vortex line that is alone
KIND_SETTINGS = {
    "none": (), "cdm": ("f_sub", "slope", "log10_m_max"), "wdm": ("log10_m_hm", "f_sub", "slope", "log10_m_max"),
    "fdm": ("m22", "f_dm"), "vortex": ("f_vortex", "log10_m_axion", "string_density", *LINE),
    "deeplense_cdm": ("n_points", "f_sub", "slope", "log10_m_max"),
    "deeplense_axion": ("n_points", "f_sub", "log10_m_axion", "log10_m_point", "vortex_phi")}
KIND_STARTS = {"deeplense_cdm": {"substructure.n_points": 25}, "deeplense_axion": {"substructure.n_points": 100}}
KIND_DETAILS = {"cdm": ("log10_m_min", "log10_m_resolved"), "wdm": ("log10_m_min", "log10_m_resolved"),
                "deeplense_cdm": ("log10_m_min",)}
KIND_TEXT = {
    "none": "All mass is smooth.",
    "cdm": "Cold particles clump on every scale: many small dark halos.",
    "wdm": "Warm particles stream out of small halos: those below the half-mode mass are missing.",
    "fdm": "Particles so light that they are waves as large as galaxies: the mass is grainy.",
    "vortex": "A vortex of an axion condensate: a straight line of mass; or many of them, at random places.",
    "deeplense_cdm": "Point masses, as the DeepLense training sets draw them.",
    "deeplense_axion": "Equal points on a line, as the DeepLense training sets draw a vortex: there it is a hundred."}
MEASURES = {"sigma_v": "Speed σᵥ", "theta_E": "Ring θ_E", "mass": "Mass"}
PSFS = {"gaussian": "Gaussian", "moffat": "Moffat", "pixel": "Measured kernel", "none": "None: perfectly sharp"}
CUSTOM = "Own numbers"


def lens_panel() -> None:
    """How much mass, in what shape, how far away, and whether it shines."""
    def measured():
        st.session_state["lens.measure"] = st.session_state["w.measure"]

    set_before_drawing("w.measure", st.session_state.get("lens.measure", "sigma_v"))
    st.segmented_control("Mass, told by", list(MEASURES), format_func=MEASURES.get, key="w.measure", required=True,
                         width="stretch", on_change=measured,
                         help="The speed of its stars (velocity dispersion σᵥ), the radius of its ring (θ_E), or the "
                              "mass inside that ring: three ways to say the same.")
    mass_slider(st.session_state["w.measure"])
    slider("lens.q", key="w.lens.q")
    slider("lens.phi", key="w.lens.phi")
    shear_sliders()
    redshift_slider("z_lens")
    folded("Finer shape", finer_shape, key="w.fold.shape")
    folded("Light of the lens", lens_light_panel, key="w.fold.light", expanded=bool(state.scene().lens_light))


def finer_shape() -> None:
    """Slope, multipoles and centre."""
    for name in ("gamma", "a3_a", "delta_phi_m3", "a4_a", "delta_phi_m4", "center_x", "center_y"):
        slider(f"lens.{name}", key=f"w.lens.{name}")


def mass_slider(measure: str) -> None:
    """One slider for the mass of the lens in the chosen measure."""
    scene = state.scene()
    d = cosmology.distances(scene.z_lens, scene.z_source, scene.H0, scene.Om0)
    if measure == "theta_E":
        return slider("lens.theta_E", key="w.lens.theta_E")
    if measure == "mass":
        at = Range(0.2, 15.0, 0.05)
        value, label, key = float(cosmology.mass_inside_theta_E(scene.lens.theta_E, d)) / 1e11, \
            "Mass inside the ring (10¹¹ M☉)", "w.lens.mass"

        def theta_E(chosen):
            return float(cosmology.theta_E_of_mass(chosen * 1e11, d))
    else:
        at = Range(100.0, 400.0, 1.0)
        value, label, key = float(cosmology.sigma_v_of_theta_E(scene.lens.theta_E, d)), \
            "Velocity dispersion σᵥ (km/s)", "w.lens.sigma_v"

        def theta_E(chosen):
            return float(cosmology.theta_E_of_sigma_v(chosen, d))
    free_slider(label, at, value, key=key,
                help="Faster stars mean more mass, and a larger ring." if key.endswith("sigma_v") else
                "Mass in projection inside the Einstein radius.",
                on_change=lambda: state.attempt(
                    lambda: state.scene().set({"lens.theta_E": theta_E(st.session_state[key])})))


def shear_sliders() -> None:
    """Strength and direction of the shear; the direction is kept where the strength is 0 and tells none."""
    lens = state.scene().lens
    strength = hypot(lens.gamma1, lens.gamma2)
    kept = st.session_state.setdefault("lens.shear_angle", 0.0)
    angle = atan2(lens.gamma2, lens.gamma1) / 2 if strength > 1e-9 else kept

    def changed():
        at = radians(st.session_state["w.lens.shear_phi"])
        size = float(st.session_state["w.lens.shear"])
        st.session_state["lens.shear_angle"] = at
        state.change({"lens.gamma1": round(size * cos(2 * at), 12), "lens.gamma2": round(size * sin(2 * at), 12)})

    free_slider("Shear", Range(0.0, 0.3, 0.005), strength, key="w.lens.shear", on_change=changed,
                help="How strongly masses nearby stretch the image.")
    free_slider("Shear direction", Range(-90, 90, 1, "", "degrees"), angle, key="w.lens.shear_phi", on_change=changed,
                help="The direction in which the image is stretched, from x towards y.")


def lens_light_panel() -> None:
    """Light of the lens galaxy, off or one to two Sersics."""
    lights = state.scene().lens_light

    def number_changed():
        wanted, scene = int(st.session_state["w.light.number"]), state.scene()
        fresh = [Sersic(magnitude=19.5, R_sersic=0.8, n_sersic=4.0, q=max(scene.lens.q, 0.2), phi=scene.lens.phi,
                        center_x=scene.lens.center_x, center_y=scene.lens.center_y)] * 4
        state.change({"lens_light": tuple([*scene.lens_light, *fresh][:wanted])})

    set_before_drawing("w.light.number", len(lights))
    options = {0: "Off", 1: "One galaxy", 2: "Two parts"}
    options |= {len(lights): options.get(len(lights), f"{len(lights)} parts")}
    st.segmented_control("Lens light", list(options), format_func=options.get, key="w.light.number", required=True,
                         on_change=number_changed, label_visibility="collapsed", width="stretch")
    for k in range(len(lights)):
        if len(lights) > 1:
            st.caption(f"Part {k + 1}")
        for name in ("magnitude", "R_sersic", "n_sersic", "q", "phi"):
            slider(f"lens_light.{k}.{name}", key=f"w.light.{k}.{name}")


def dark_panel() -> None:
    """What the dark matter is made of."""
    select("substructure.kind", key="w.sub.kind", names=KINDS, along=KIND_STARTS)
    kind = state.scene().substructure.kind
    many = kind == "vortex" and state.scene().substructure.string_density > 0
    st.caption(KIND_TEXT[kind])
    for name in KIND_SETTINGS[kind]:
        if name == "f_sub" and kind.startswith("deeplense") and state.scene().substructure.n_points:
            continue
        if name in LINE and many:
            continue
        slider(f"substructure.{name}", key=f"w.sub.{name}")
    if many or kind not in ("none", "vortex", "deeplense_axion"):
        seed("seed_substructure", key="w.sub.seed")
    clump_panel()
    if kind != "none" or state.scene().substructure.clumps:
        folded("Details", dark_details, key="w.fold.dark")


def dark_details() -> None:
    """What few will turn."""
    for name in KIND_DETAILS.get(state.scene().substructure.kind, ()):
        slider(f"substructure.{name}", key=f"w.sub.{name}")
    toggle("substructure.conserve_mass", key="w.sub.conserve_mass")


def clump_panel() -> None:
    """One dark clump, placed by hand."""
    clumps = state.scene().substructure.clumps

    def switched():
        lens = state.scene().lens
        fresh = Clump(log10_mass=9.5, center_x=round(lens.center_x + lens.theta_E, 2), center_y=lens.center_y)
        state.change({"substructure.clumps": (fresh,) if st.session_state["w.clump"] else ()})

    set_before_drawing("w.clump", bool(clumps))
    st.toggle("One dark clump, placed by hand", key="w.clump", on_change=switched,
              help="Put a single dark halo or point mass somewhere and see what it does.")
    if len(clumps) > 1:
        st.caption(f"This scene holds {len(clumps)} such clumps; the sliders move the first.")
    if clumps:
        for name in ("log10_mass", "center_x", "center_y"):
            slider(f"substructure.clumps.0.{name}", key=f"w.clump.{name}")
        select("substructure.clumps.0.profile", key="w.clump.profile",
               names={"TNFW": "Truncated NFW halo", "POINT_MASS": "Point mass"})


def camera_panel() -> None:
    """Which telescope looks, and how noisy its picture is."""
    camera = state.scene().camera
    name = next((name for name, preset in INSTRUMENTS.items() if preset == camera), CUSTOM)

    def chosen():
        if st.session_state["w.camera"] != CUSTOM:
            state.change({"camera": INSTRUMENTS[st.session_state["w.camera"]]})

    set_before_drawing("w.camera", name)
    st.selectbox("Telescope", [*INSTRUMENTS, CUSTOM] if name == CUSTOM else list(INSTRUMENTS), key="w.camera",
                 on_change=chosen, help="Pixels, blur, sky and noise of a real camera; turn any number to make it "
                                        "your own.")
    slider("camera.exposure_time", key="w.cam.exposure_time")
    if camera.psf != "none" and camera.psf != "pixel":
        slider("camera.fwhm", key="w.cam.fwhm")
    slider("camera.pixel_scale", key="w.cam.pixel_scale")
    slider("camera.num_pix", key="w.cam.num_pix")
    select("camera.noise", key="w.cam.noise", names={"gaussian": "Gaussian", "poisson": "Photon counts (Poisson)",
                                                     "none": "None"})
    if camera.noise != "none":
        seed("seed_noise", key="w.cam.seed")
    folded("All numbers of the camera", camera_numbers, key="w.fold.camera")


def camera_numbers() -> None:
    """The rest of the camera, and where the numbers of a preset come from."""
    camera = state.scene().camera
    name = next((name for name, preset in INSTRUMENTS.items() if preset == camera), CUSTOM)
    blur_select(camera)
    names = ["supersampling", "num_exposures", "zero_point", "gain"]
    names += ["moffat_beta"] if camera.psf == "moffat" else ["psf_truncation"] if camera.psf == "gaussian" else []
    names += ["sky_brightness", "read_noise"] if camera.background_rms is None else []
    for item in names:
        slider(f"camera.{item}", key=f"w.cam.{item}")
    if camera.background_rms is not None:
        st.caption(f"Noise of an empty pixel: {camera.background_rms:.4g} counts/s, as given.")
    toggle("camera.noise_twice", key="w.cam.noise_twice")
    toggle("camera.doubled", key="w.cam.doubled")
    if name != CUSTOM:
        st.caption("Sources of these numbers")
        st.dataframe({"number": [label_of(f"camera.{item}")[0] for item in names],
                      "from": [source_of(name, item) for item in names]}, hide_index=True)


def blur_select(camera) -> None:
    """The kind of blur; a measured kernel comes with a real image and goes when another is chosen."""
    def chosen():
        kind = st.session_state["w.cam.psf"]
        if kind != "pixel":
            state.change({"camera.psf": kind, "camera.psf_picture": None, "camera.psf_supersampling": 1})

    set_before_drawing("w.cam.psf", camera.psf)
    st.selectbox("Blur (PSF)", [kind for kind in PSFS if kind != "pixel" or camera.psf == "pixel"], key="w.cam.psf",
                 format_func=PSFS.get, on_change=chosen,
                 help="A measured kernel is taken over from a real image, under Beside a real lens.")


PANELS = {"Lens": lens_panel, "Source": source_panel, "Dark matter": dark_panel, "Camera": camera_panel}


def controls() -> None:
    """Undo, redo, reset; then the open group."""
    with st.container(horizontal=True, gap="small"):
        st.button("Undo", icon=":material/undo:", key="w.undo", on_click=state.undo, disabled=not state.can_undo())
        st.button("Redo", icon=":material/redo:", key="w.redo", on_click=state.redo, disabled=not state.can_redo())
        st.button("Reset", icon=":material/restart_alt:", key="w.reset", on_click=state.reset,
                  disabled=state.scene() == Scene())
    for tab, panel in zip(st.tabs(list(PANELS), key="w.group", on_change="rerun"), PANELS.values(), strict=True):
        if tab.open:
            with tab:
                panel()
    if remark := cached.device()[2]:
        st.caption(remark)


