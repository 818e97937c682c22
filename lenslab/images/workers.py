"""Chunks of a population rendered by several processes.

Each worker has one thread and a pipe of its own: one that dies is noticed, and workers whose parent was killed see
their pipe close and end.
"""

import multiprocessing
import traceback
from collections.abc import Iterator
from multiprocessing import connection

import numpy as np
import torch

from lenslab.images.draw import items
from lenslab.population import find


def chunks_from(name: str, seed: int, split: str, options: dict[str, bool], chunks: list[int],
                workers: int) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """(chunk, columns) for all of `chunks`, in the order in which they are ready; columns as lenslab.images.dataset,
    options those of `draw.items`.

    Every chunk is rendered on one thread, whether in a worker or here: sums depend on how threads share them.
    """
    if min(workers, len(chunks)) <= 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for chunk in chunks:
                yield chunk, columns_of(name, chunk, seed, split, options)
        finally:
            torch.set_num_threads(threads)
        return
    spawn = multiprocessing.get_context("spawn")
    left, processes = list(reversed(chunks)), {}
    try:
        for _ in range(min(workers, len(chunks))):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=work, args=(theirs, name, seed, split, options), daemon=True)
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


def work(pipe: connection.Connection, name: str, seed: int, split: str, options: dict[str, bool]) -> None:
    """Render the chunks that come through the pipe until it closes."""
    torch.set_num_threads(1)
    while True:
        try:
            chunk = pipe.recv()
        except EOFError:
            return
        try:
            answer = chunk, columns_of(name, chunk, seed, split, options), ""
        except Exception:
            answer = chunk, None, traceback.format_exc()
        try:
            pipe.send(answer)
        except BrokenPipeError:
            return


def columns_of(name: str, chunk: int, seed: int, split: str, options: dict[str, bool]) -> dict[str, np.ndarray]:
    """A whole chunk as arrays, in the shapes in which a set keeps them."""
    made = items(find(name), chunk, seed, split, **options)
    names = sorted(set(made.truths) - {"ceiling"}) + ["ceiling"] * ("ceiling" in made.truths)
    return {"image": made.image[:, 0].numpy(), "label": made.labels, "parameters": made.parameters,
            "truths": np.stack([made.truths[key] for key in names], axis=1), "seeds": made.seeds,
            "background": made.background.numpy()}
