"""Chunks of items made by several processes.

Each worker has one thread and a pipe of its own: one that dies is noticed, and workers whose parent was killed see
their pipe close and end.
"""

import multiprocessing
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import connection

import numpy as np
import torch

from lenslab.device import one_thread
from lenslab.feed.examples import Columns
from lenslab.feed.order import CHUNK


def chunks_from(make: Callable[[int], Columns], chunks: list[int], workers: int) -> Iterator[tuple[int, Columns]]:
    """(chunk, make(chunk)) for all of `chunks`, in the order in which they are ready; `make` travels to processes.

    Every chunk is made on one thread, whether in a worker or here: sums depend on how threads share them.
    """
    if min(workers, len(chunks)) <= 1:
        with one_thread():
            for chunk in chunks:
                yield chunk, make(chunk)
        return
    spawn = multiprocessing.get_context("spawn")
    left, processes = list(reversed(chunks)), {}
    try:
        for _ in range(min(workers, len(chunks))):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=work, args=(theirs, make), daemon=True)
            process.start()
            theirs.close()
            processes[ours] = process
            ours.send(left.pop())
        running = len(chunks)
        while running:
            for pipe in connection.wait(list(processes)):
                try:
                    chunk, columns, error = pipe.recv()
                except EOFError:
                    processes[pipe].join()
                    raise ChildProcessError(
                        f"A worker ended (exit code {processes[pipe].exitcode}), perhaps for want of memory; start the "
                        "same command again with fewer workers: what is written is kept.") from None
                if error:
                    raise RuntimeError(f"A worker failed at chunk {chunk}:\n{error}")
                running -= 1
                if left:
                    pipe.send(left.pop())
                yield chunk, columns
    finally:
        for pipe, process in processes.items():
            pipe.close()
            process.terminate()
            process.join()


def columns_from(make: Callable[[int], Columns], size: int, workers: int) -> Columns:
    """The first `size` items of make(0), make(1), ... in one piece."""
    made = dict(chunks_from(make, list(range(-(-size // CHUNK))), workers))
    return {name: np.concatenate([made[chunk][name] for chunk in sorted(made)])[:size] for name in made[0]}


def work(pipe: connection.Connection, make: Callable[[int], Columns]) -> None:
    """Make the chunks that come through the pipe until it closes."""
    torch.set_num_threads(1)
    while True:
        try:
            chunk = pipe.recv()
        except EOFError:
            return
        try:
            answer = chunk, make(chunk), ""
        except Exception:
            answer = chunk, None, traceback.format_exc()
        try:
            pipe.send(answer)
        except BrokenPipeError:
            return
