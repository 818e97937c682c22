"""How bright a pixel is to a diffusion model: a stretch that noise of unit spread fits, and that can be undone."""

from dataclasses import asdict, dataclass
from math import asinh

from torch import Tensor

BRIGHTEST = 1e5        # u that no pixel reaches


@dataclass(frozen=True)
class Brightness:
    """x = (asinh(u/a) - m)/s of u, noise-free counts in units of the rms of an empty pixel.

    At a = 1 the noise that is added later turns from the sky's to the photons' own, and an error that is even in x
    harms the power at fine scales least: 0.01 adds 21 % at the Nyquist frequency, at a = 0.1 78 %. m and s give the
    images of `hst` mean 0 and spread 1; other populations come near.
    """

    a: float = 1.0
    m: float = 0.44
    s: float = 0.85

    def stretch(self, u: Tensor) -> Tensor:
        return ((u / self.a).asinh() - self.m) / self.s

    def counts(self, x: Tensor) -> Tensor:
        """u of x."""
        return self.a * (x * self.s + self.m).sinh()

    @property
    def lowest(self) -> float:
        """x where there is no light: a noise-free image is nowhere negative."""
        return -self.m / self.s

    @property
    def highest(self) -> float:
        """x that no pixel reaches."""
        return (asinh(BRIGHTEST / self.a) - self.m) / self.s

    def to_card(self) -> dict:
        return asdict(self)

    @staticmethod
    def of_card(card: object) -> "Brightness":
        if not (isinstance(card, dict) and set(card) == {"a", "m", "s"} and all(
                type(value) in (int, float) and abs(value) <= 100 for value in card.values())
                and min(card["a"], card["s"]) > 1e-3):
            raise ValueError("The card of this checkpoint has no sound brightness; make the checkpoint anew with "
                             "python -m lenslab train generate.")
        return Brightness(**card)
