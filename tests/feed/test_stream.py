"""Feeds: a batch is a pure function of (seed, step), wherever its items come from."""

import numpy as np
import torch

from lenslab.feed import chunks
from lenslab.feed.examples import Examples
from lenslab.feed.order import CHUNK
from lenslab.feed.stream import SetFeed, StreamFeed

CPU = torch.device("cpu")


class Numbered(chunks.Chunks):
    """Chunks whose images say which chunk and place they are."""

    def __init__(self):
        super().__init__(None, CPU)
        self.count = 0

    def make(self, chunk):
        self.count += 1
        labels = np.arange(CHUNK)
        return Examples((1000.0 * chunk + torch.arange(CHUNK))[:, None, None, None].expand(CHUNK, 1, 2, 2), labels)


def stream(reuse=3, seed=5, batch=50, rank=0, world=1):
    return StreamFeed(batch, seed, reuse, Numbered(), rank, world)


def test_a_stream_resumes_at_any_step_with_the_same_batches():
    whole = stream()
    seen = [whole(step) for step in range(30)]
    for start in (1, 7, 22):
        resumed = stream()
        for step in range(start, start + 5):
            images, labels = resumed(step).inputs, resumed(step).labels
            assert torch.equal(images, seen[step].inputs) and (labels == seen[step].labels).all()
            assert (images[:, 0, 0, 0].numpy() % 1000 == labels).all()
    assert not torch.equal(stream(seed=6)(0).inputs, seen[0].inputs)


def test_a_stream_draws_each_chunk_once_and_keeps_few():
    whole = stream(reuse=4)
    most = 0
    for step in range(200):
        whole(step)
        most = max(most, len(whole.chunks.ready))
    assert whole.chunks.count == 200 * 50 // CHUNK // 4 + 1
    assert most <= 3 * 3 + 2


def test_processes_that_train_together_share_the_chunks_between_them():
    teams = [[stream(batch=100, rank=rank, world=2)(step).inputs for step in range(24)] for rank in (0, 1)]
    shown = [set((torch.cat(images)[:, 0, 0, 0] // 1000).int().tolist()) for images in teams]
    assert not shown[0] & shown[1] and all(len(images) == 50 for images in teams[0])
    alone = {int(value) for step in range(24) for value in stream(batch=100)(step).inputs[:, 0, 0, 0] // 1000}
    assert alone - {max(alone)} <= shown[0] | shown[1]


def test_rows_of_a_shared_set_are_those_of_the_joint_batch():
    images, labels = torch.randn(70, 1, 2, 2), np.arange(70)
    def made(rank, world):
        return SetFeed(Examples(images, labels), 12, 3, rank, world)
    joint, parts = made(0, 1), [made(rank, 3) for rank in range(3)]
    for step in (0, 5, 11):
        for rank, part in enumerate(parts):
            assert (part(step).labels == joint(step).labels[rank::3]).all()
            assert torch.equal(part(step).inputs, joint(step).inputs[rank::3])


class NumberedTogether:
    """The same chunks as a view gives them in groups."""

    def together(self, group, device):
        return [Numbered().make(chunk) for chunk in group]


def test_a_thread_beside_the_training_gives_the_same():
    beside = chunks.ThreadChunks(NumberedTogether(), CPU)
    one, two = (StreamFeed(50, 5, 3, source, 0, 1) for source in (Numbered(), beside))
    for step in (0, 1, 2, 30):
        assert torch.equal(one(step).inputs, two(step).inputs)


def test_examples_keep_inputs_targets_and_labels_together():
    """Whatever is taken or joined: row i of each part still belongs to item i."""
    def numbered(first, n):
        return Examples(torch.arange(first, first + n).float()[:, None, None, None], np.arange(first, first + n),
                        {"twice": 2.0 * torch.arange(first, first + n), "maps": torch.ones(n, 2, 2)})
    joined = Examples.joined([numbered(0, 4), numbered(10, 3)])
    for part in (joined, joined.take(np.array([6, 0, 2])), joined.first(5)):
        assert (part.inputs[:, 0, 0, 0].numpy() == part.labels).all()
        assert part.targets["maps"].shape == (len(part), 2, 2)
        assert (part.targets["twice"].numpy() == 2 * part.labels).all()
    assert joined.labels.tolist() == [0, 1, 2, 3, 10, 11, 12]
    assert joined.take(np.array([6, 0])).labels.tolist() == [12, 0]
