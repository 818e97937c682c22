"""The words of the pages, each in a sentence or two, and the page on which it stands."""

from typing import NamedTuple


class Term(NamedTuple):
    """A word, what it means, and the file of the page where it is met; text is Markdown."""

    name: str
    text: str
    page: str


TERMS = (
    Term("Arc", "A piece of a ring: one galaxy drawn out round the lens.", "home.py"),
    Term("Arcsecond (″)", "A 3600th of a degree. A coin of one euro seen from five kilometres away is about 1″ wide.",
         "simulate.py"),
    Term("Axis ratio (q)", "How flat a galaxy is: 1 is round, 0.5 is twice as long as wide.", "simulate.py"),
    Term("Calibration", "A network is calibrated when of all the answers that it gives with 70 % about 70 % are "
         "right.", "model.py"),
    Term("Calorimeter (ECAL, HCAL)", "A layer of a detector that stops particles and tells how much energy they had. "
         "ECAL stops light and electrons, HCAL what goes deeper.", "jets.py"),
    Term("Caustic", "A line behind the lens. When the source crosses it, two images appear or vanish; close to it "
         "images flare up.", "home.py"),
    Term("χ² (chi squared)", "How far a model is from an image, counted in units of the noise. Near 1 for each pixel, "
         "nothing but noise is left; well above 1, something is missing.", "match.py"),
    Term("Cold, warm and fuzzy dark matter", "Three ideas of what dark matter is made of: slow particles, which form "
         "clumps of all sizes; faster ones, which form no small clumps; and particles so light that they behave as "
         "waves as large as galaxies.", "simulate.py"),
    Term("Convergence (κ)", "The mass along the line of sight, in units of the critical one. Averaged over the inside "
         "of a round lens's ring it is exactly 1.", "simulate.py"),
    Term("Critical curve", "Where images would be infinitely bright: the ring itself lies along it. Its partner behind "
         "the lens is the caustic.", "home.py"),
    Term("Cut", "A line behind the lens that, unlike a caustic, makes one image appear or vanish. Only a lens with an "
         "infinitely sharp middle has one.", "home.py"),
    Term("Dark matter", "Matter that gives no light and takes none. We know of it by its gravity; what it is made of "
         "nobody knows.", "home.py"),
    Term("Deflection (α)", "The angle by which the lens moves a ray on the sky.", "simulate.py"),
    Term("Einstein radius (θ_E)", "The radius of the ring that a lens makes of a source exactly behind it. It weighs "
         "all that lies inside.", "home.py"),
    Term("Generated image", "An image that a network made up, after it had seen many thousand simulated ones.",
         "generate.py"),
    Term("Gravitational lens", "A galaxy, or anything with mass, that bends the light of something behind it.",
         "home.py"),
    Term("Halo, subhalo", "A cloud of dark matter. Galaxies sit in halos; subhalos are small ones inside of these.",
         "simulate.py"),
    Term("Jet", "A spray of some tens of particles, all that is seen of one quark or gluon that flew out of a "
         "collision.", "jets.py"),
    Term("Magnification (μ)", "How many times larger, and so brighter, an image is than its source would be without a "
         "lens. Below 0 the image is mirrored.", "simulate.py"),
    Term("Multipole", "A lopsided, disky or boxy shape of the mass, beyond an ellipse.", "simulate.py"),
    Term("Network", "A computer program with many thousand numbers that were set by examples. It answers in "
         "probabilities, and can be wrong.", "classify.py"),
    Term("Noise", "What changes from one photograph to the next though nothing in the sky did: light comes in single "
         "photons, and cameras hiss.", "simulate.py"),
    Term("PSF (blur)", "What a telescope makes of a point of light: a small blot. Sharp telescopes have small ones.",
         "simulate.py"),
    Term("Redshift (z)", "How much light was stretched on its way, as the universe grew. The larger, the farther away "
         "and the longer ago.", "simulate.py"),
    Term("Residual", "An image less its model, in units of the noise. Where it is empty the model is good.",
         "match.py"),
    Term("Saliency, Grad-CAM", "Maps of what in an image moved a network's answer.", "classify.py"),
    Term("Sersic profile", "A curve for how a galaxy's light fades outwards; n = 1 is a disc, n = 4 an elliptical "
         "galaxy.", "simulate.py"),
    Term("Shear", "The stretch that neighbouring galaxies add.", "simulate.py"),
    Term("Source", "The galaxy behind. It is where the star stands, and seen elsewhere.", "home.py"),
    Term("Substructure", "Everything in the mass that is smaller than the lens: clumps, grains, lines.",
         "simulate.py"),
    Term("Transverse momentum (p_T)", "How hard something flies away from the beams of a collider, sideways alone: "
         "before the collision there is none.", "jets.py"),
    Term("Velocity dispersion (σᵥ)", "How fast stars swarm in the lens. The faster, the more mass holds them.",
         "simulate.py"),
    Term("Vortex", "A whirl in dark matter that behaves as a wave; on a line through its middle the mass differs.",
         "simulate.py"),
)
