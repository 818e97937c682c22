"""Scenes to start from: what a lens can do, and what dark matter can do to it."""

from dataclasses import dataclass, replace
from functools import cached_property

from lenslab.instruments import INSTRUMENTS
from lenslab.scene import Clump, Scene, Sersic


@dataclass(frozen=True, eq=False)
class Preset:
    """A scene by what differs from the default one, and what it shows."""

    name: str
    short: str  # on its button, beside its neighbours
    changes: tuple[tuple[str, object], ...]
    text: str

    @cached_property
    def scene(self) -> Scene:
        return Scene().set(dict(self.changes))


SHORT = {"Cold dark matter": "Dark matter: cold", "Warm dark matter": "warm", "Fuzzy dark matter": "fuzzy",
         "Vortex": "vortex", "One dark clump": "one clump"}


def _preset(name: str, text: str, **changes) -> Preset:
    settings = tuple((path.replace("__", "."), value) for path, value in changes.items())
    return Preset(name, SHORT.get(name, name), settings, text)


_ROUND = dict(lens__q=0.8, lens__phi=0.4, lens__gamma1=0.03, source__center_x=0.03, source__center_y=0.02,
              source__R_sersic=0.2, source__magnitude=22.0, lens__theta_E=1.3)
_SHARP = dict(camera=INSTRUMENTS["JWST NIRCam F150W"])
_DARK = dict(  # one lens for all kinds: knots on a ring, pixels that see them move, and no more sky than the ring needs
    lens__q=0.8, lens__phi=0.4, lens__gamma1=0.03, lens__theta_E=1.3, source__center_x=0.03, source__center_y=0.02,
    source__R_sersic=0.12, source__magnitude=22.5, camera=replace(INSTRUMENTS["JWST NIRCam F150W"], num_pix=108),
    source__clumps=tuple(Sersic(magnitude=24.5, R_sersic=0.015, n_sersic=1.0, q=1.0, phi=0.0, center_x=x, center_y=y)
                         for x, y in ((0.06, 0.0), (-0.066, 0.061), (0.01, -0.12), (0.091, 0.119), (-0.177, -0.031))))
_CLUMPS = dict(substructure__f_sub=0.07, substructure__log10_m_resolved=8.4)
_DEEPLENSE = dict(
    camera=INSTRUMENTS["DeepLense I"], z_lens=0.5, z_source=1.0, lens__theta_E=1.2814, lens__q=0.9 / 1.1,
    lens__phi=0.0, lens__gamma1=0.05, source__R_sersic=0.25, source__n_sersic=1.0, source__q=0.7522,
    source__phi=1.1781, source__center_x=0.1, source__center_y=-0.05, source__magnitude=22.92,
    substructure__conserve_mass=False)

PRESETS = (
    _preset("Ring", "The source lies exactly behind a nearly round lens: its light arrives from all sides at once.",
            lens__q=0.97, lens__gamma1=0.0, source__center_x=0.0, source__center_y=0.0, source__magnitude=22.5,
            lens__theta_E=1.3),
    _preset("Cross", "A small source near the centre of an elongated lens: four images, an Einstein cross.",
            lens__q=0.7, lens__phi=0.8, lens__gamma1=0.05, source__center_x=0.02, source__center_y=0.01,
            source__R_sersic=0.05, source__n_sersic=2.0, source__magnitude=22.8, source__q=1.0),
    _preset("Double", "The source lies outside the inner caustic: two images, one on each side of the lens.",
            lens__q=0.85, source__center_x=0.45, source__center_y=0.2, source__R_sersic=0.1, source__magnitude=22.5,
            source__q=0.9),
    _preset("Cusp", "The source sits just inside a cusp of the caustic: three of four images merge into an arc.",
            lens__q=0.6, lens__phi=0.0, lens__gamma1=0.0, source__center_x=0.0, source__center_y=0.31,
            source__R_sersic=0.07, source__magnitude=23.0, source__q=1.0),
    _preset("Young galaxy", "Knots of young stars behind a bright galaxy, as JWST would see them: find each one again.",
            **_SHARP, lens__theta_E=1.45, lens__q=0.72, lens__phi=0.5, lens__gamma1=0.04, source__center_x=0.12,
            source__center_y=0.1, source__R_sersic=0.16, source__magnitude=23.2, source__q=0.6,
            lens_light=(Sersic(magnitude=20.6, R_sersic=0.5, n_sersic=4.0, q=0.78, phi=0.5),),
            source__clumps=tuple(Sersic(magnitude=25.7, R_sersic=0.0192, n_sersic=1.0, q=1.0, phi=0.0, center_x=x,
                                        center_y=y) for x, y in ((0.0432, 0.0673), (-0.1169, -0.0285),
                                                                 (0.0974, -0.0637), (-0.0525, 0.1928)))),
    _preset("Cold dark matter", "A hundred small dark halos, as cold dark matter makes them, push the knots of the "
            "ring about. Blink to see which.", **_DARK, **_CLUMPS, substructure__kind="cdm"),
    _preset("Warm dark matter", "The same lens of warm dark matter: the small halos are erased, the heavy ones still "
            "push. Blink, and compare with the cold kind.", **_DARK, **_CLUMPS, substructure__kind="wdm",
            substructure__log10_m_hm=9.0),
    _preset("Fuzzy dark matter", "So light a particle is a wave: its interference makes grains in the mass, which tear "
            "the same ring.", **_DARK, substructure__kind="fdm", substructure__m22=0.05, substructure__f_dm=0.7),
    _preset("Vortex", "A line of mass, as a vortex of an axion condensate would be, kinks the same ring where it "
            "crosses it.", **_DARK, substructure__kind="vortex", substructure__f_vortex=0.05,
            substructure__log10_m_axion=-23.5, substructure__vortex_phi=0.6, substructure__vortex_x=0.55,
            substructure__vortex_y=-0.55),
    _preset("One dark clump", "A single dark halo sits on the arc of an otherwise smooth lens. Can you see it?",
            **_ROUND, **_SHARP, substructure__clumps=(Clump(log10_mass=9.7, center_x=1.05, center_y=0.75),)),
    _preset("DeepLense I", "One image of the set that the DeepLense networks learnt from, with 25 point masses.",
            **_DEEPLENSE, substructure__kind="deeplense_cdm", substructure__n_points=25,
            substructure__slope=-0.9, substructure__log10_m_min=6.0, substructure__log10_m_max=10.0),
)
BY_NAME = {preset.name: preset for preset in PRESETS}


def name_of(scene: Scene) -> str | None:
    """The preset that a scene is, if it is one."""
    return next((preset.name for preset in PRESETS if preset.scene == scene), None)
