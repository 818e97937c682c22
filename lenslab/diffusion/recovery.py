"""How well numbers that went into images are read from them again."""

from collections.abc import Mapping, Sequence

import numpy as np

LEAST = 30             # rows: of fewer, R2 says nothing


def recovery(truth: np.ndarray, answer: np.ndarray, groups: Mapping[str, Sequence[int]],
             there: np.ndarray | None = None) -> dict[str, float]:
    """R2 of each group of columns: 1 - sum |answer - truth|^2 / sum |truth - its mean|^2.

    truth, answer  (n, P)        in one unit within a group
    groups         name: columns; a vector or a spin-2 number is one group and counts as one, so that it does not
                   matter where the axes point
    there          (n, P) bool   where a number exists; a row counts where all of its group do. By default everywhere
    returns        1 is perfect, 0 no better than the mean, below 0 worse; nan where fewer than 30 rows have it, or
                   it never varies
    """
    truth, answer = np.asarray(truth, np.float64), np.asarray(answer, np.float64)
    there = np.ones(truth.shape, bool) if there is None else np.asarray(there, bool)
    assert truth.shape == answer.shape == there.shape, (truth.shape, answer.shape, there.shape)
    out = {}
    for name, columns in groups.items():
        columns = list(columns)
        has = there[:, columns].all(1)
        mine, theirs = truth[has][:, columns], answer[has][:, columns]
        spread = ((mine - mine.mean(0)) ** 2).sum() if len(mine) >= LEAST else 0.0
        out[name] = float(1 - ((theirs - mine) ** 2).sum() / spread) if spread > 0 else float("nan")
    return out
