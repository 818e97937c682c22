"""The physics of lenslab in formulas, each with its source. Text is Markdown, formulas are LaTeX."""

from typing import NamedTuple


class Formula(NamedTuple):
    """A formula, what it says, and who wrote it down."""

    title: str
    latex: str
    text: str
    source: str


FORMULAS = {
    "How light is bent": (
        Formula("Lens equation", r"\vec\beta = \vec\theta - \vec\alpha(\vec\theta)",
                "A source at β is seen at every θ that solves this. α, the deflection, comes of the mass alone: the "
                "colour of the light does not enter. All angles are in arcseconds.",
                "Schneider, Ehlers & Falco 1992; Narayan & Bartelmann 1996 (astro-ph/9606001)"),
        Formula("Deflection, potential, convergence",
                r"\vec\alpha = \nabla\psi,\qquad \kappa = \tfrac12\,\nabla\!\cdot\vec\alpha = "
                r"\frac{\Sigma}{\Sigma_\mathrm{cr}},\qquad "
                r"\Sigma_\mathrm{cr} = \frac{c^2}{4\pi G}\,\frac{D_s}{D_l\,D_{ls}}",
                "Σ is the mass along the line of sight for each area. D are angular diameter distances: to the lens, "
                "to the source, and from the one to the other.", "Narayan & Bartelmann 1996, section 3"),
        Formula("Einstein radius of an isothermal lens",
                r"\theta_E = 4\pi\left(\frac{\sigma_v}{c}\right)^2\frac{D_{ls}}{D_s}",
                "σᵥ is the velocity dispersion of the stars. The deflection has this size at every radius, which is "
                "why such a lens has no focus.", "Narayan & Bartelmann 1996, section 3.1.5"),
        Formula("Mass inside the ring",
                r"M(<\theta_E) = \pi\,(D_l\theta_E)^2\,\Sigma_\mathrm{cr} = "
                r"\frac{c^2}{4G}\,\frac{D_l D_s}{D_{ls}}\,\theta_E^2",
                "With θ_E in radians. For a round lens it needs no model of how the mass is spread, and all mass "
                "counts, bright or dark.", "Narayan & Bartelmann 1996, section 3.1.4"),
        Formula("Magnification", r"\mu = \frac{1}{(1-\kappa)^2 - |\gamma|^2}",
                "Surface brightness stays as it is; images grow. Where the denominator is 0 lies the critical curve, "
                "and its image under the lens equation is the caustic.", "Schneider, Ehlers & Falco 1992"),
        Formula("Delay between images",
                r"\Delta t = \frac{D_{\Delta t}}{c}\left[\tfrac12(\vec\theta-\vec\beta)^2 - \psi(\vec\theta)\right],"
                r"\qquad D_{\Delta t} = (1+z_l)\frac{D_l D_s}{D_{ls}}",
                "How much later one image flares up than another.", "Refsdal 1964")),
    "What the lens is made of": (
        Formula("Elliptical power law",
                r"\kappa = \frac{3-\gamma}{2}\left(\frac{\theta_E}{\sqrt{q\,x^2 + y^2/q}}\right)^{\gamma-1}",
                "γ = 2 is the isothermal ellipsoid. Its deflection is a hypergeometric series, summed to rounding.",
                "Tessore & Metcalf 2015 (1507.01819); Kormann et al. 1994 for γ = 2"),
        Formula("Shear", r"\psi = \tfrac12\gamma_1(x^2-y^2) + \gamma_2\,xy",
                "The tides of everything beside the lens.", "Schneider, Ehlers & Falco 1992"),
        Formula("Truncated halo", r"\rho = \frac{\rho_0}{x\,(1+x)^2}\,\frac{\tau^2}{\tau^2+x^2},\qquad x = r/r_s",
                "A clump of dark matter whose outer parts the lens has torn away.",
                "Navarro, Frenk & White 1996; Baltz, Marshall & Oguri 2009 (0705.0682)"),
        Formula("How many clumps", r"\frac{dN}{dm}\propto m^{-1.9}",
                "Cold dark matter: ten times lighter clumps are eight times as many in each step of ln m.",
                "Springel et al. 2008 (0809.0898); Gilman et al. 2020 (1908.06983)"),
        Formula("Warm dark matter", r"\frac{N}{N_\mathrm{cold}} = "
                r"\left(1+\left(4.2\,\frac{m_\mathrm{hm}}{m}\right)^{2.5}\right)^{-0.2}",
                "Clumps well below the half-mode mass m_hm are missing.", "Lovell 2020 (2003.01125)"),
        Formula("Fuzzy dark matter", r"\lambda = 0.192\ \mathrm{kpc}\ "
                r"\frac{10^{-22}\ \mathrm{eV}}{m}\ \frac{100\ \mathrm{km/s}}{\sigma}",
                "The size of the grains of a wave: the lighter the particle, the larger.",
                "Schive et al. 2014 (1407.7762)"),
        Formula("Vortex lines", r"n = \frac{2\,\Omega\,m}{h}",
                "A condensate that turns with Ω does so by lines about which it whirls, n of them for each area: the "
                "lighter the particle, the fewer. At 10⁻²³ eV and 30 km/s at 7 kpc it is one line in some 140 kpc².",
                "Feynman 1955; for halos Rindler-Daller & Shapiro 2012 (1106.1256)")),
    "What shines, and what the camera sees": (
        Formula("Sersic profile", r"I(R) = I_e\,\exp\!\left(-b_n\left[(R/R_e)^{1/n} - 1\right]\right),\qquad "
                r"b_n \approx 1.9992\,n - 0.3271",
                "Half of the light lies inside R_e.", "Sersic 1968; Capaccioli 1989 for b_n"),
        Formula("Noise of a pixel", r"\sigma^2 = \sigma_\mathrm{sky}^2 + \sigma_\mathrm{read}^2 + "
                r"\frac{\text{signal}}{\text{gain}\cdot t}",
                "Photons come one by one: the brighter, the noisier, and the better known all the same. Here the "
                "signal is a rate over an exposure of t seconds.", "Howell 2006"),
        Formula("χ² of a model", r"\chi^2 = \sum_\text{pixels}\left(\frac{\text{image}-\text{model}}{\sigma}\right)^2",
                "About one for each pixel where the model is right.", "Press et al. 2007, chapter 15"),
        Formula("How much is there to be found", r"\lambda^2 = d^\mathsf{T} C^{-1} d",
                "d is what substructure changes in the image once all that a smooth lens could mimic is taken off, C "
                "the noise. No network can find what has a small λ.", "lenslab, docs/physics.md; Kay 1998")),
}
