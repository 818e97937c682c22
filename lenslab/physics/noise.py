"""Noise of an exposure: sky, read-out and photons, as lenstronomy counts them; and the two habits of DeepLenseSim.

Images are counts a second, a count is `gain` electrons. Settings are (B,) tensors, one a image.
"""

from collections.abc import Sequence
from math import pi, sqrt

import numpy as np
import torch
from torch import Tensor

MOST_COUNTED = 1e18  # photons: numpy draws Poisson numbers below 2^63
NOISE_STREAM = 2  # keeps the noise of a seed apart from whatever else is drawn with the same seed


def background_rms(*, sky_brightness: Tensor, zero_point: Tensor, gain: Tensor, read_noise: Tensor,
                   num_exposures: Tensor, exposure_time: Tensor, pixel_scale: float,
                   background_rms: Tensor | None = None) -> Tensor:
    """Standard deviation (B,) of an empty pixel, counts/s: photons of the sky, and read-out.

    sky_brightness  mag/arcsec^2          read_noise     electrons, of one read-out
    zero_point      mag of one count/s    exposure_time  s, all read-outs together
    background_rms  (B,) counts/s         taken in place of the above wherever it is not nan

    lenstronomy's SingleBand.background_noise; its zero point counts electrons, so zero_point + 2.5 log10(gain) there.
    """
    sky = 10 ** (-0.4 * (sky_brightness - zero_point)) * gain * pixel_scale**2                  # electrons/s
    derived = (num_exposures * read_noise**2 + sky * exposure_time).sqrt() / (exposure_time * gain)
    if background_rms is None:
        return derived
    return torch.where(background_rms.isnan(), derived, background_rms)


def variance(model: Tensor, background: Tensor, exposure_time: Tensor, gain: Tensor) -> Tensor:
    """Variance (B, 1, H, W) of images whose noise-free truth is `model`: background and photons (where there are any).

    lenstronomy's covariance_matrix with its IID exposure, exposure_time x gain.
    """
    return _wide(background) ** 2 + model.clamp_min(0) / _wide(exposure_time * gain)


class SeededDraws:
    """Random numbers of single images, each from its own seed: the same on every device and in every batch.

    Poisson draws follow the model's last digits, so float32 and float64 may give another count here and there.
    """

    def __init__(self, seeds: Sequence[int] | np.ndarray):
        self._rngs = [np.random.default_rng([int(seed), NOISE_STREAM]) for seed in seeds]

    def normal(self, like: Tensor) -> Tensor:
        assert len(like) == len(self._rngs), (len(like), len(self._rngs))
        drawn = np.stack([rng.standard_normal(like.shape[1:]) for rng in self._rngs])
        return torch.from_numpy(drawn).to(like.dtype).to(like.device)

    def poisson(self, mean: Tensor) -> Tensor:
        assert len(mean) == len(self._rngs), (len(mean), len(self._rngs))
        rows = mean.detach().cpu().double().numpy()
        if not (rows < MOST_COUNTED).all():  # not a number, too
            raise ValueError(f"A pixel would count {rows.max():.3g} photons; at most {MOST_COUNTED:.0e} are drawn one "
                             "by one: make source and lens light fainter, the exposure shorter, or choose Gaussian "
                             "noise.")
        drawn = np.stack([rng.poisson(row) for rng, row in zip(self._rngs, rows, strict=True)])
        return torch.from_numpy(drawn).to(mean.dtype).to(mean.device)


class StreamDraws:
    """Random numbers of endless batches, from one torch.Generator (on any device)."""

    def __init__(self, generator: torch.Generator):
        self._generator = generator

    def normal(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, dtype=like.dtype, device=self._generator.device,
                           generator=self._generator).to(like.device)

    def poisson(self, mean: Tensor) -> Tensor:
        return torch.poisson(mean.detach().to(self._generator.device), generator=self._generator).to(mean.device)


def noisy(model: Tensor, background: Tensor, exposure_time: Tensor, gain: Tensor, draws: SeededDraws | StreamDraws, *,
          noise: str = "gaussian", noise_twice: bool = False, doubled: bool = False) -> Tensor:
    """An observed image (B, 1, H, W): the model with its noise, in the unit of `moments`.

    gaussian   one draw with the combined variance
    poisson    photon counts of the object, Gaussian sky and read-out (negative models shine no photons)
    none       the model itself

    noise_twice  DeepLense Model I (DeepLenseSim, simple_sim): Gaussian noise, turned to counts of the whole exposure,
                 negatives set to 0, then Poisson counts of that as if it were noise-free. Integer counts.
    doubled      DeepLense Model II (simple_sim_2): the model added to itself; the noise is never added.
    """
    if doubled:
        return model + model
    if noise == "none":
        return model
    if noise == "poisson" and not noise_twice:
        electrons = _wide(exposure_time * gain)
        photons = draws.poisson(model.clamp_min(0) * electrons) / electrons + model.clamp_max(0)
        return photons + _wide(background) * draws.normal(model)
    image = model + variance(model, background, exposure_time, gain).sqrt() * draws.normal(model)
    if noise_twice:
        return draws.poisson((_wide(exposure_time * gain) * image).clamp_min(0))
    assert noise == "gaussian", noise
    return image


def exposed(model: Tensor, background: Tensor, exposure_time: Tensor, gain: Tensor, draws: SeededDraws | StreamDraws,
            **habits) -> tuple[Tensor, Tensor, Tensor]:
    """`noisy` and both `moments` of it: image, mean and variance (B, 1, H, W); habits as theirs."""
    mean, var = moments(model, background, exposure_time, gain, **habits)
    if mean is model and habits.get("noise", "gaussian") == "gaussian":  # the common case pays for one variance only
        return model + var.sqrt() * draws.normal(model), mean, var
    return noisy(model, background, exposure_time, gain, draws, **habits), mean, var


def moments(model: Tensor, background: Tensor, exposure_time: Tensor, gain: Tensor, *, noise: str = "gaussian",
            noise_twice: bool = False, doubled: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and variance (B, 1, H, W) of `noisy`, in its unit: what a perfect model of the image would predict.

    The unit is counts/s, but counts of the exposure with noise_twice. Images without noise (doubled, none) keep the
    variance that their exposure would have given the model they show: networks divide by its root.
    With noise_twice the counts scatter about g = max(G, 0), G normal with mean m and deviation s:
    E g = m Phi + s phi, E g^2 = (m^2 + s^2) Phi + m s phi at m/s, and the second draw adds E g to the variance.
    """
    var = variance(model, background, exposure_time, gain)
    if doubled:
        return model + model, variance(model + model, background, exposure_time, gain)
    if not noise_twice or noise == "none":
        return model, var
    electrons = _wide(exposure_time * gain)
    m, s = electrons * model, (electrons * var.sqrt()).clamp_min(1e-12)
    below, density = torch.special.ndtr(m / s), torch.exp(-0.5 * (m / s) ** 2) / sqrt(2 * pi)
    mean = m * below + s * density
    square = (m**2 + s**2) * below + m * s * density
    return mean, (square - mean**2).clamp_min(0) + mean


def _wide(setting: Tensor) -> Tensor:
    """(B,) to (B, 1, 1, 1)."""
    return setting.reshape(-1, 1, 1, 1)
