"""Chunks of items, made while something else goes on: by processes on a CPU, by a thread on a GPU."""

import weakref
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import connection, get_context

import torch

from lenslab.device import one_thread
from lenslab.feed.examples import Examples, View
from lenslab.feed.workers import work

TOGETHER = 4      # chunks


class Chunks:
    """Chunks made when they are asked for, and kept until they are forgotten."""

    ahead = 0     # chunks that are worth ordering before they are needed
    stride = 1    # from one chunk of this process to its next, where several share a stream

    def __init__(self, view: View, device: torch.device):
        self.view, self.device = view, device
        self.ready: dict[int, Examples] = {}

    def order(self, chunks: Iterable[int]) -> None:
        """What will be needed, the most urgent first."""

    def take(self, chunk: int) -> Examples:
        if chunk not in self.ready:
            self.ready[chunk] = self.make(chunk)
        return self.ready[chunk]

    def make(self, chunk: int) -> Examples:
        if self.device.type != "cpu":
            return self.view.on(chunk, self.device)
        with one_thread():
            return self.view.examples(self.view.columns(chunk))

    def forget(self, oldest: int) -> None:
        for chunk in [chunk for chunk in self.ready if chunk < oldest]:
            del self.ready[chunk]


class ThreadChunks(Chunks):
    """A thread beside the training, on the same device: for GPUs, where chunks are rendered in groups (TOGETHER), or
    Python's calls would take longer than the work. A chunk always comes in the same group, so that its pixels do too.
    """

    ahead = 2 * TOGETHER

    def __init__(self, view: View, device: torch.device):
        super().__init__(view, device)
        self.thread = ThreadPoolExecutor(1, "lenslab-simulate")
        self.begun: dict[int, Future] = {}    # by the first chunk of a group

    def group(self, chunk: int) -> list[int]:
        """The chunks that are made with one: TOGETHER of those that this process makes, `stride` apart."""
        first = chunk - chunk // self.stride % TOGETHER * self.stride
        return [first + self.stride * k for k in range(TOGETHER)]

    def order(self, chunks: Iterable[int]) -> None:
        for chunk in chunks:
            group = self.group(chunk)
            if chunk not in self.ready and group[0] not in self.begun:
                self.begun[group[0]] = self.thread.submit(self.view.together, group, self.device)

    def take(self, chunk: int) -> Examples:
        if chunk not in self.ready:
            self.order([chunk])
            group = self.group(chunk)
            self.ready |= zip(group, self.begun.pop(group[0]).result(), strict=True)
        return self.ready[chunk]


class ProcessChunks(Chunks):
    """Processes beside the training, each with one thread, on cores of their own; they end with their parent."""

    def __init__(self, view: View, device: torch.device, workers: int):
        super().__init__(view, device)
        self.ahead = 2 * workers
        spawn, self.pipes, self.processes = get_context("spawn"), {}, []
        for _ in range(workers):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=work, args=(theirs, view.columns), daemon=True)
            process.start()
            theirs.close()
            self.pipes[ours] = None           # the chunk that it is at work on
            self.processes.append(process)
        self.queue: list[int] = []
        self.close = weakref.finalize(self, end, list(self.pipes), self.processes)

    def order(self, chunks: Iterable[int]) -> None:
        busy = set(self.pipes.values())
        self.queue = [chunk for chunk in chunks if chunk not in self.ready and chunk not in busy]
        self.collect(0)

    def take(self, chunk: int) -> Examples:
        while chunk not in self.ready:
            if chunk not in self.queue and chunk not in self.pipes.values():
                self.queue.insert(0, chunk)
            self.collect(None)
        return self.ready[chunk]

    def collect(self, patience: float | None) -> None:
        """Give work to the idle, then take what is done: None waits for one chunk."""
        self.hand_out()
        at_work = [pipe for pipe, chunk in self.pipes.items() if chunk is not None]
        for pipe in connection.wait(at_work, patience):
            try:
                chunk, columns, error = pipe.recv()
            except (EOFError, ConnectionError):
                raise ValueError("A process that simulates has ended, perhaps for want of memory; take fewer workers "
                                 "and give the same command again: the training goes on.") from None
            if error:
                raise RuntimeError(f"A process that simulates failed at chunk {chunk}:\n{error}")
            self.pipes[pipe] = None
            self.ready[chunk] = self.view.examples(columns)
        self.hand_out()

    def hand_out(self) -> None:
        for pipe, chunk in self.pipes.items():
            if chunk is None and self.queue:
                self.pipes[pipe] = self.queue.pop(0)
                pipe.send(self.pipes[pipe])


def end(pipes: list, processes: list) -> None:
    for pipe in pipes:
        pipe.close()
    for process in processes:
        process.terminate()
        process.join(5)


def chunks_beside(view: View, device: torch.device, workers: int) -> Chunks:
    """On a GPU, a thread that simulates there; on a CPU, processes of their own; with no workers, the training itself.

    Threads cannot serve on a CPU: drawing a chunk is thousands of small calls, and Python runs one at a time.
    """
    if workers == 0:
        return Chunks(view, device)
    if device.type != "cpu":
        return ThreadChunks(view, device)
    return ProcessChunks(view, device, workers)
