"""How brightness becomes colour: linear, logarithmic, asinh or between percentiles, with ticks in the image's unit."""

from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np

STRETCHES = ("asinh", "linear", "log", "percentile")


@dataclass(frozen=True)
class Stretch:
    """A map from brightness to colour whose limits may be shared by pictures that are compared.

    asinh: linear near zero, logarithmic above `soft` (Lupton et al. 2004, astro-ph/0312483, eq. 1).
    """

    kind: str
    low: float
    high: float
    soft: float

    @staticmethod
    def of(kind: str, *images: np.ndarray, noise: float = 0.0) -> "Stretch":
        """Limits that suit all of the images (H, W); `noise` is one sigma of an empty pixel, in their unit."""
        if kind not in STRETCHES:
            raise ValueError(f"No stretch {kind!r}; choose from {', '.join(STRETCHES)}.")
        known = np.concatenate([image[np.isfinite(image)].ravel() for image in images])
        known = known if known.size else np.zeros(1)
        low, high = (float(v) for v in np.percentile(known, (1, 99) if kind == "percentile" else (0.5, 100)))
        if kind == "linear":
            low = min(low, 0.0) if low < 0.2 * high else low
        width = max(high - low, abs(high) * 1e-6, 1e-30)
        soft = min(max(2.5 * noise, 3e-3 * width), width)
        if kind == "log":
            low = max(low, 0.5 * noise, 1e-4 * high, 1e-30)
            width = max(high - low, low)
        return Stretch(kind, low, low + width, soft)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Colour coordinate of each pixel (float32), limits at `limits`; pixels that are not finite stay so."""
        image = np.asarray(image, dtype=np.float64)
        if self.kind == "asinh":
            return np.arcsinh(image / self.soft).astype(np.float32)
        if self.kind == "log":
            return np.log10(np.maximum(image, self.low)).astype(np.float32)
        return image.astype(np.float32)

    @property
    def limits(self) -> tuple[float, float]:
        low, high = self.apply(np.array([self.low, self.high]))
        return float(low), float(high)

    def ticks(self) -> tuple[list[float], list[str]]:
        """Places on the colour bar, and what they are called: round values, none too close to the next."""
        if self.kind in ("linear", "percentile"):
            step = nice((self.high - self.low) / 4)
            values = [k * step for k in range(ceil(self.low / step), floor(self.high / step) + 1)]
        else:
            top = floor(log10(max(abs(self.low), abs(self.high), 1e-30)))
            ladder = [m * 10.0**k for k in range(top, top - 5, -1) for m in (5, 2, 1)]
            values = [v for v in (0.0, *ladder, *(-v for v in ladder)) if self.low <= v <= self.high]
            if self.kind == "log":
                values = [v for v in values if v > 0]
        low, high = self.limits
        kept: list[tuple[float, float]] = []
        for value in sorted(values, key=lambda v: -abs(v)):
            place = float(self.apply(np.array(value)))
            if all(abs(place - other) >= 0.12 * (high - low) for other, _ in kept):
                kept.append((place, value))
        kept.sort()
        return [place for place, _ in kept], [f"{value:g}" for _, value in kept]


def nice(length: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above a length."""
    power = 10.0 ** floor(log10(max(length, 1e-300)))
    return max(m for m in (1, 2, 5) if m * power <= length * (1 + 1e-9)) * power
