"""Chunks of a population rendered by the workers of a dask cluster.

dask sends functions and their results between its own processes as pickles, over a connection that nothing guards by
default: whoever runs the scheduler or a worker can run any program here, and the other way about. Give only the address
of a scheduler that you trust, on a network that you trust. Nothing is ever unpickled from a file.

Workers import this project by name, so its folder stands on their PYTHONPATH, with the same versions of what computes
(`VERSIONS`; another one is refused, since pixels would differ by rounding). Between processors of different kinds the
last bits of float32 may differ still. A worker renders one chunk at a time, whatever its number of threads: one thread
a worker is best.
"""

import asyncio
import logging
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import scipy
import torch

import lenslab
from lenslab.device import one_thread
from lenslab.sets.draw import columns_of

VERSIONS = {"lenslab": lenslab.__version__, "torch": str(torch.__version__), "numpy": np.__version__,
            "scipy": scipy.__version__}
AHEAD = 2           # chunks under way or waiting for each worker; one waits, so that no worker does
CONNECT_S = 10.0
PATIENCE_S = 120.0  # a cluster without any worker may be starting, or replacing them
ONE = threading.Lock()


def chunks_on(address: str, name: str, seed: int, split: str, options: dict[str, bool],
              chunks: list[int]) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """(chunk, columns) for all of `chunks` in the order in which they are ready, as `workers.chunks_from` has them.

    At most AHEAD chunks for each worker are on the cluster or on their way from it, however slowly they are taken. A
    chunk whose worker ends is given to another by dask, three times; what else goes wrong in a worker is told here.
    """
    from distributed import wait

    left, running, waited = list(reversed(chunks)), {}, 0.0
    with connected(address) as client:
        while left or running:
            workers = len(client.nthreads())
            while left and len(running) < AHEAD * max(workers, 1):
                chunk = left.pop()
                future = client.submit(in_worker(), name, chunk, seed, split, options, VERSIONS, pure=False)
                running[future] = chunk
            try:
                with client.as_current():
                    done = wait(list(running), timeout=PATIENCE_S / 20, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                waited = 0.0 if workers else waited + PATIENCE_S / 20
                if waited >= PATIENCE_S:
                    raise ChildProcessError(
                        f"The dask cluster at {address} has had no worker for {PATIENCE_S:g} s; start some (dask "
                        f"worker {address} --nthreads 1), then the same command again: what is written is "
                        "kept.") from None
                continue
            for future in done:
                columns = result_of(future, running.pop(future), address)
                future.release()
                yield columns


def in_worker():
    """`rendered` by name only: an inner function travels whole, and the scheduler need not know this project."""
    def render(*arguments):
        from lenslab.sets.cluster import rendered

        return rendered(*arguments)

    return render


def rendered(name: str, chunk: int, seed: int, split: str, options: dict[str, bool],
             versions: dict[str, str]) -> dict[str, np.ndarray]:
    """`columns_of` on one thread, in a worker."""
    other = [f"{name} {VERSIONS[name]} instead of {version}" for name, version in versions.items()
             if VERSIONS[name] != version]
    if other:
        raise ValueError(f"A dask worker has {', '.join(other)}, and its pixels would not be the same; give all "
                         "workers the environment of this machine.")
    with ONE, one_thread():  # the compiler and forward-mode derivatives know one thread of a process only
        return columns_of(name, chunk, seed, split, options)


def result_of(future, chunk: int, address: str) -> tuple[int, dict[str, np.ndarray]]:
    """The columns of a chunk that is ready, or what went wrong with it, said to a user."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    try:
        return chunk, future.result()
    except ValueError as error:
        raise ValueError(str(error)) from None
    except ImportError as error:
        raise ValueError(f"A worker of the dask cluster at {address} cannot import what is needed ({one_line(error)}); "
                         "start workers in this environment, with this project's folder on PYTHONPATH.") from None
    except KilledWorker:
        raise ChildProcessError(
            f"Workers of the dask cluster at {address} ended again and again at chunk {chunk}, perhaps for want of "
            "memory; start the same command again with fewer workers a machine: what is written is kept.") from None
    except (CancelledError, CommClosedError):
        raise
    except Exception as error:
        raise RuntimeError(f"A worker failed at chunk {chunk}:\n{''.join(traceback.format_exception(error))}") from None


@contextmanager
def connected(address: str):
    """A client of the cluster, closed at the end whatever happens; its unfinished chunks are then forgotten there."""
    reach(address)
    from distributed import Client
    from distributed.comm import CommClosedError

    loggers = [logging.getLogger(f"distributed.{part}") for part in ("client", "utils")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:  # a lost scheduler is one sentence, not a page of tracebacks before it
            logger.setLevel(logging.CRITICAL + 1)
        with Client(address, timeout=CONNECT_S, set_as_default=False) as client:
            yield client
    except (CancelledError, CommClosedError):
        raise ConnectionError(f"The connection to the dask scheduler at {address} was lost; start the same command "
                              "again once it is back: what is written is kept.") from None
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def reach(address: str) -> None:
    """Refuse in a sentence what is no address of a dask scheduler that answers.

    dask's own Client is not asked: at an address of anything else it waits far beyond its time limit.
    """
    try:
        from distributed.core import rpc
    except ImportError:
        raise ValueError("dask is not installed, and --dask needs it: python -m pip install -r requirements-dask.txt "
                         "here and on every worker.") from None

    async def ask() -> dict:
        async with rpc(address, timeout=CONNECT_S, deserialize=False) as far:
            return await far.identity(n_workers=0)

    try:
        with ThreadPoolExecutor(1) as apart:  # the caller's thread may have an event loop of its own
            kind = apart.submit(lambda: asyncio.run(asyncio.wait_for(ask(), CONNECT_S + 1))).result()["type"]
    except (OSError, ValueError, TypeError, KeyError, MemoryError) as error:  # from what is no scheduler all may come
        raise ValueError(f"No dask scheduler answers at {address!r} ({one_line(error)}); start one with dask "
                         "scheduler, and give the address that it prints, such as tcp://192.168.1.2:8786.") from None
    if kind != "Scheduler":
        raise ValueError(f"At {address!r} answers a dask {str(kind)[:40]}; give the address of its scheduler.")


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:150].rstrip(".") or type(error).__name__
