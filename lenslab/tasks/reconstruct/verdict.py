"""Whether a fit is to be believed: in words where it is not. One bad sign is enough, and the worst one speaks."""

import torch

from lenslab.fit.descent import Minimum
from lenslab.fit.multiple_images import Images
from lenslab.fit.problem import FitProblem

BAD = 1.15, 5.0         # reduced chi^2 in the arcs above which, by so many sigmas of its own too, a fit is no good one
FAINT = 15.0            # signal to noise of the arcs below which there may be none
RIVAL = 9.0             # of chi^2 with priors: another lens that is hardly worse
ELSEWHERE = 5.0, 0.03   # sigmas, and share, by which its Einstein radius differs


def why_not(problem: FitProblem, best: Minimum, others: Minimum, seen: Images, galaxies: int, signal: float,
            reduced: float, pixels: int, theta_E_sigma: float) -> str:
    """A sentence, or "" where nothing speaks against the fit.

    seen      by the images of the source of `best`
    signal    signal to noise of the arcs of the model
    reduced   chi^2 for each of so many `pixels` of the arcs
    """
    place, lens = best.state.place[0], problem.lens
    k = lens.names.index("theta_E") if "theta_E" in lens.names else None
    theta_E = float(place[k]) if k is not None else float("nan")
    if signal < FAINT:
        return (f"This is no good fit: the arcs of the model stand out of the noise by {signal:.0f} sigmas in all, "
                "which noise or what is left of a galaxy can do too. Choose an image that shows arcs.")
    if not bool(seen.several[0]):
        return (f"This is no good fit: its source is seen {float(seen.magnification[0]):.1f} times as bright as it is, "
                f"with {100 * float(seen.mirrored[0]):.0f} % of the light in mirrored images, so it is not lensed into "
                "several images; what looks like arcs may be a galaxy.")
    if reduced > BAD[0] and (reduced - 1) * (pixels / 2) ** 0.5 > BAD[1]:
        return (f"This is no good fit: chi2 in the arcs is {reduced:.2f} a pixel, where noise alone gives 1. The lens "
                "or its source is richer than the model, or noise, PSF or pixel scale are not those of the image.")
    if galaxies > 1:
        return ("Two galaxies share this lens, and one power law between them stands for both: their numbers are no "
                "more than a hint.")
    at_edge = [name for name, at, low, high in zip(lens.names, place[:len(lens.names)].tolist(), lens.low.tolist(),
                                                   lens.high.tolist(), strict=True)
               if min(at - low, high - at) < 1e-3 * (high - low)]
    if at_edge:
        return (f"The fit ran to the edge of what is allowed in {', '.join(at_edge)}; check the pixel scale, and mask "
                "what does not belong to the lens.")
    if not bool(best.settled[0]):
        return (f"The descent did not come to rest: its next step would move the lens by {float(best.moves[0]):.1f} "
                "sigmas. Errors may be larger than they say.")
    if k is not None and others is not None:
        off = (others.state.place[:, k].double() - theta_E).abs()
        near = others.cost - best.cost < RIVAL
        rival = near & (off > ELSEWHERE[0] * theta_E_sigma) & (off > ELSEWHERE[1] * theta_E)
        if rival.any():
            found = float(others.state.place[torch.where(rival, others.cost, torch.inf).argmin(), k])
            return (f"Another lens, of Einstein radius {found:.3f} arcsec, explains the image as well as this one of "
                    f"{theta_E:.3f}; the image does not tell which.")
    return ""
