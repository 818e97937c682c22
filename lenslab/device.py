"""Where tensors live: one GPU of whichever make, or the processor."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

DEVICES = ("cpu", "cuda", "mps")


def resolve_device(name: str | torch.device | None = None) -> torch.device:
    """The device of a name as `cpu`, `cuda`, `cuda:1`, `mps`; None takes LENSLAB_DEVICE, and without it the fastest.

    Raises ValueError when the name is unknown or this machine has no such device.
    """
    origin = "the device asked for"
    if name is None:
        name, origin = os.environ.get("LENSLAB_DEVICE", "").strip().lower() or None, "LENSLAB_DEVICE"
    if name is None or str(name) == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
    kind, _, index = str(name).partition(":")
    if kind not in DEVICES or not (index == "" or (index.isdecimal() and index.isascii() and len(index) < 4)):
        raise ValueError(f"{name!r} is no device ({origin}); choose cpu, cuda, cuda:0, cuda:1, ..., mps or auto.")
    if kind == "cuda" and int(index or 0) >= _cuda_count():
        raise ValueError(f"{name!r} is not here ({origin}): this machine shows {_cuda_count()} CUDA devices to torch; "
                         "choose cpu or auto.")
    if kind == "mps" and (not _has_mps() or int(index or 0) > 0):
        raise ValueError(f"{name!r} is not here ({origin}): torch sees no such Apple GPU; choose cpu or auto.")
    return torch.device(str(name))


@contextmanager
def one_thread() -> Iterator[None]:
    """torch works on one thread of the processor meanwhile: sums depend on how threads share them, and where a thousand
    small calls follow each other, threads wait for one another, the more so where something else has the other core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def supported_dtype(device: torch.device | str, dtype: torch.dtype) -> tuple[torch.dtype, str]:
    """The nearest dtype that a device can compute in, and a sentence for the user where it is another ("" where not).

    Apple GPUs have no float64.
    """
    if torch.device(device).type == "mps" and dtype == torch.float64:
        return torch.float32, "Apple GPUs compute in float32 only: float64 was asked for, float32 is used."
    return dtype, ""


def _cuda_count() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
