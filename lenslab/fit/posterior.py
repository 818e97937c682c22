"""How sure a fit is: errors of the lens and its source's profile, with all else marginalised.

At a minimum chi^2 with the priors is a parabola; the inverse of its curvature is the covariance of a Gaussian
posterior, and the block of it that belongs to some numbers is theirs with all the others marginalised: compact
components of the source, and the light of the lens galaxy where it is fitted. That is right where a minimum is the
only one. A source with compact components has many, one for each way to lay them out, each with its own parabola: they
are weighed by their evidence (Laplace's: exp(-cost / 2) over the square root of the determinant of the curvature;
MacKay 1992, Neural Computation 4, 415), and what they differ by is added. Few of them are ever visited, so that the
scatter is still underestimated where the source has compact components: `stretch` makes up for that.
"""

import torch
from torch import Tensor

from lenslab.fit.descent import Minimum

SPREAD = 1e-9      # least share of a minimum that counts


def covariance(best: Minimum, others: Minimum | None, Q: int, stretch: float = 1.0) -> Tensor:
    """(Q, Q) float64 about `best`, of the first Q numbers of its one state.

    others    minima of the same image at the same noise, `best` among them or not
    stretch   of one sigma
    """
    own = torch.linalg.inv(best.normal[0])[:Q, :Q]
    if others is None or not len(others.cost):
        return stretch**2 * own
    evidence = torch.cat([log_evidence(best), log_evidence(others)])
    share = torch.softmax(evidence, 0)
    total = share[0] * own
    for k in (share[1:] > SPREAD).nonzero()[:, 0].tolist():
        off = others.state.all[k, :Q] - best.state.all[0, :Q]
        total = total + share[1 + k] * (torch.linalg.inv(others.normal[k])[:Q, :Q] + off[:, None] * off)
    return stretch**2 * total


def log_evidence(found: Minimum) -> Tensor:
    """ln of it (B,), up to what is the same for all minima of an image; they may have components more or fewer."""
    return found.narrow - 0.5 * (found.cost + torch.linalg.slogdet(found.normal)[1])
