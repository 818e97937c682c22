"""How far an image lies outside of what a network was trained on, told from the network's own features.

Features (B, F) are what the last layers of a classifier are given. The distance is that of Mahalanobis to the nearest
class, with one covariance for all classes (Lee et al. 2018, 1807.03888). What it means is told by images of the same
population that the network has not seen: the share of them that lie at least as far out.
"""

import numpy as np
import torch
from torch import Tensor, nn

LEVEL = 0.99       # share of held-out images below the threshold
TABLE = 1001       # quantiles of their distances that are kept
DEAD = 1e-2        # a feature that hardly moves in training counts as if it moved by this share of the typical one


class Novelty(nn.Module):
    """Empty until fitted or loaded; either way `state_dict` has the same names and shapes.

    means      (C, F)  of each class; C = 1 without labels
    scale      (F,)    spread of each feature within a class
    whitening  (F, F)  of scaled features: (x - mean)/scale @ whitening has unit covariance
    table      (TABLE,) quantiles of held-out squared distances;  threshold  the one at LEVEL;  number  how many
    """

    def __init__(self, n_features: int, n_classes: int = 1):
        super().__init__()
        if n_features < 1 or n_classes < 1:
            raise ValueError(f"{n_features} features and {n_classes} classes were given; at least one of each is "
                             "needed.")
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))
        self.register_buffer("means", torch.zeros(n_classes, n_features))
        self.register_buffer("scale", torch.ones(n_features))
        self.register_buffer("whitening", torch.eye(n_features))
        self.register_buffer("table", torch.zeros(TABLE))
        self.register_buffer("threshold", torch.tensor(torch.finfo(torch.float32).max))  # checkpoints are finite
        self.register_buffer("number", torch.zeros((), dtype=torch.int64))

    def fit(self, features_train: Tensor, features_held_out: Tensor, labels: Tensor | None = None) -> "Novelty":
        """Means and covariance from training images (N, F) and, where C > 1, their labels (N,) in [0, C); the table
        from held-out ones (M, F), whose labels are not needed."""
        n_classes, n_features = self.means.shape
        train, held = (self._checked(name, f) for name, f in (("training", features_train),
                                                               ("held-out", features_held_out)))
        if (labels is None) != (n_classes == 1):
            raise ValueError(f"Distances are to the means of {n_classes} classes; the labels are "
                             f"{'missing' if labels is None else 'of no use: leave them out'}.")
        group = np.zeros(len(train), int) if labels is None else np.asarray(labels.detach().cpu())
        if group.shape != (len(train),) or not set(np.unique(group)) == set(range(n_classes)):
            raise ValueError(f"Labels must be {len(train)} whole numbers, with every one of 0 to {n_classes - 1} among "
                             "them.")
        means = np.stack([train[group == k].mean(0) for k in range(n_classes)])
        inside = train - means[group]
        spread = inside.std(0)
        moving = spread[spread > 0]
        scale = np.maximum(spread, DEAD * (np.median(moving) if moving.size else 1.0))
        values, vectors = np.linalg.eigh(shrunk_covariance(inside / scale))
        with torch.no_grad():
            self.means.copy_(torch.from_numpy(means))
            self.scale.copy_(torch.from_numpy(scale))
            self.whitening.copy_(torch.from_numpy(vectors / np.sqrt(values)))
            distances = self.distance(torch.from_numpy(held).to(self.means)).double().cpu()
            levels = torch.linspace(0, 1, TABLE, dtype=torch.float64)
            self.table.copy_(torch.quantile(distances, levels))
            self.threshold.copy_(torch.quantile(distances, LEVEL))
            self.number.fill_(len(held))
            self.fitted.fill_(True)
        return self

    def _checked(self, name: str, features: Tensor) -> np.ndarray:
        n_features = self.means.shape[1]
        if features.ndim != 2 or features.shape[1] != n_features or len(features) < 2:
            raise ValueError(f"Features of {name} images have the shape {tuple(features.shape)}; two or more rows of "
                             f"{n_features} are needed.")
        array = features.detach().cpu().double().numpy()
        if not np.isfinite(array).all():
            raise ValueError(f"Features of {name} images are not all finite; look for a diverged network.")
        return array

    def distance(self, features: Tensor) -> Tensor:
        """Squared Mahalanobis distance (B,) of features (B, F) to the nearest class mean; float32 always."""
        with torch.autocast(features.device.type, enabled=False):
            off = (features.to(self.means)[:, None] - self.means) / self.scale    # (B, C, F)
            return ((off @ self.whitening) ** 2).sum(-1).amin(1)

    def p_value(self, distance: Tensor) -> Tensor:
        """Share (B,) of held-out images at least as far out, never below what so many of them can tell."""
        if not bool(self.fitted):
            raise ValueError("This checkpoint knows no distances of held-out images; fit them, or train anew.")
        table = self.table.double().cpu().numpy()
        asked = distance.detach().double().cpu().numpy()
        levels = np.linspace(0, 1, TABLE)
        below = np.interp(asked, table, levels)
        return torch.from_numpy(np.maximum(1 - below, 1 / (int(self.number) + 1))).to(distance.device)

    def outside(self, distance: Tensor) -> Tensor:
        """Whether images (B,) lie beyond LEVEL of held-out ones; never, where nothing was fitted."""
        return distance > self.threshold


def shrunk_covariance(centred: np.ndarray) -> np.ndarray:
    """Covariance (F, F) of centred rows (N, F), drawn towards a multiple of the identity (Ledoit & Wolf 2004, JMVA 88).

    With S = X^T X/N, m = tr S/F, d^2 = |S - m I|^2 and b^2 = min(d^2, sum |x x^T - S|^2/N^2), the mixture of least
    expected error is (1 - b^2/d^2) S + b^2/d^2 m I. A thousandth of m I is always mixed in, for float32's sake.
    """
    number, side = centred.shape
    S = centred.T @ centred / number
    m = np.trace(S) / side
    d2 = ((S - m * np.eye(side)) ** 2).sum()
    b2 = (((centred**2).sum(1) ** 2).sum() / number - (S**2).sum()) / number
    share = max(min(b2 / d2, 1.0) if d2 > 0 else 1.0, 1e-3)
    return (1 - share) * S + share * max(m, 1e-300) * np.eye(side)
