"""Feeds: a batch is a pure function of (seed, step), wherever its images come from."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lenslab import checkpoint
from lenslab.images import dataset
from lenslab.nets.start import taught
from lenslab.population import CHUNK, find
from lenslab.runs.train import Sitting
from lenslab.tasks import chunks, classify, feed
from lenslab.tasks.seen import Recipe, Seen, SetItems, measured, middle

CPU = torch.device("cpu")


def plain(images, labels):
    """Items of which no more is known than image and class."""
    return Seen(images, labels, torch.empty(len(labels), 0))


class Numbered(chunks.Chunks):
    """Chunks whose images say which chunk and place they are."""

    def __init__(self):
        super().__init__(None, CPU)
        self.count = 0

    def made(self, chunk):
        self.count += 1
        labels = np.arange(CHUNK)
        return plain((1000.0 * chunk + torch.arange(CHUNK))[:, None, None, None].expand(CHUNK, 1, 2, 2), labels)


def stream(reuse=3, seed=5, batch=50, rank=0, world=1):
    return feed.StreamFeed(batch, seed, reuse, Numbered(), rank, world)


def test_a_stream_resumes_at_any_step_with_the_same_batches():
    whole = stream()
    seen = [whole(step) for step in range(30)]
    for start in (1, 7, 22):
        resumed = stream()
        for step in range(start, start + 5):
            images, labels = resumed(step).given, resumed(step).labels
            assert torch.equal(images, seen[step].given) and (labels == seen[step].labels).all()
            assert (images[:, 0, 0, 0].numpy() % 1000 == labels).all()
    assert not torch.equal(stream(seed=6)(0).given, seen[0].given)


def test_a_stream_draws_each_chunk_once_and_keeps_few():
    whole = stream(reuse=4)
    most = 0
    for step in range(200):
        whole(step)
        most = max(most, len(whole.chunks.ready))
    assert whole.chunks.count == 200 * 50 // CHUNK // 4 + 1
    assert most <= 3 * 3 + 2


def test_processes_that_train_together_share_the_chunks_between_them():
    teams = [[stream(batch=100, rank=rank, world=2)(step).given for step in range(24)] for rank in (0, 1)]
    shown = [set((torch.cat(images)[:, 0, 0, 0] // 1000).int().tolist()) for images in teams]
    assert not shown[0] & shown[1] and all(len(images) == 50 for images in teams[0])
    alone = {int(value) for step in range(24) for value in stream(batch=100)(step).given[:, 0, 0, 0] // 1000}
    assert alone - {max(alone)} <= shown[0] | shown[1]


def test_rows_of_a_shared_set_are_those_of_the_joint_batch():
    images, labels = torch.randn(70, 1, 2, 2), np.arange(70)
    def made(rank, world):
        return feed.SetFeed(plain(images, labels), 12, 3, rank, world)
    joint, parts = made(0, 1), [made(rank, 3) for rank in range(3)]
    for step in (0, 5, 11):
        for rank, part in enumerate(parts):
            assert (part(step).labels == joint(step).labels[rank::3]).all()
            assert torch.equal(part(step).given, joint(step).given[rank::3])


class NumberedTogether:
    def together(self, group, device):
        return [Numbered().made(chunk) for chunk in group]


def test_a_thread_beside_the_training_gives_the_same():
    beside = chunks.ThreadChunks(NumberedTogether(), CPU)
    one, two = (feed.StreamFeed(50, 5, 3, source, 0, 1) for source in (Numbered(), beside))
    for step in (0, 1, 2, 30):
        assert torch.equal(one(step).given, two(step).given)


@pytest.fixture(scope="module")
def small_set(tmp_path_factory):
    path = tmp_path_factory.mktemp("set") / "small.h5"
    dataset.write("seed-64", 100, path, seed=3)
    return path


def test_simulated_beside_or_before_or_kept_on_disk_an_item_has_the_same_pixels(small_set):
    """One thread each, so that sums are added in one order: equal to the last bit."""
    recipe = Recipe("seed-64", 3)
    source = chunks.ProcessChunks(recipe, CPU, workers=1)
    source.order([0])
    beside = source.take(0)
    source.close()
    before = feed.simulated(recipe, 100).given
    assert torch.equal(beside.given[:100], before)
    on_disk = SetItems(str(small_set), recipe)
    rows = np.array([7, 3, 99, 3])
    torch.testing.assert_close(on_disk.take(rows).given, before[rows], rtol=1e-6, atol=1e-6)
    on_disk.kept = None                       # too large for memory: read row by row
    torch.testing.assert_close(on_disk.take(rows).given, before[rows], rtol=1e-6, atol=1e-6)
    assert (on_disk.labels == beside.labels[:100]).all()


def test_the_residual_of_a_fit_comes_with_the_image_wherever_it_is_made(small_set):
    """From near the truth a few steps end in the minimum, but for a few that begin far off: where nothing is added to
    the lens, chi^2 is that of noise."""
    recipe = Recipe("seed-64", 3, crop=48, fitted=True)
    here = feed.simulated(recipe, 100)
    assert here.given.shape == (100, 2, 48, 48)
    on_disk = SetItems(str(small_set), recipe)
    torch.testing.assert_close(on_disk.kept.given, here.given, rtol=1e-3, atol=1e-3)
    chi2 = here.given[here.labels == 0, 1].square().mean((1, 2))
    assert chi2.median().item() == pytest.approx(1, abs=0.05) and 0.7 < (chi2 < 1.2).float().mean() < 1
    whole = feed.simulated(Recipe("seed-64", 3), 100).given
    assert torch.equal(here.given[:, 0], whole[:, 0, 8:-8, 8:-8])
    assert here.truth.std(0).min() > 0.7 and here.truth.std(0).max() < 1.3


def test_sigmas_have_unit_noise(small_set):
    """Corners of the frame hold no arc: their deviation is 1, to 1/sqrt(2 N) of 6400 pixels and faint wings."""
    corner = SetItems(str(small_set), Recipe("seed-64", 3)).kept.given[..., :8, :8]
    assert corner.std().item() == pytest.approx(1, abs=0.05)


def test_a_worker_that_dies_is_a_sentence():
    source = chunks.ProcessChunks(Recipe("seed-64", 3), CPU, workers=1)
    source.order([0, 1])
    source.processes[0].kill()
    with pytest.raises(ValueError, match="take fewer workers"):
        source.take(1)
    source.close()


def test_a_set_of_another_definition_is_refused(small_set, monkeypatch):
    monkeypatch.setattr(feed, "find", lambda name: find("deeplense-2"))
    with pytest.raises(ValueError, match="earlier lenslab"):
        feed.population_of(str(small_set))


def test_fits_of_training_begin_where_a_taught_start_says(tmp_path):
    """They are then those of the finished network, to the last bit; any other checkpoint is refused in a sentence."""
    settings = dict(network="lens_residual", population="seed-64", crop=48, width=4)
    network = classify.build(classify.Config(**settings)).eval()
    network.start.square_error.fill_(0.1)
    path = tmp_path / "start.safetensors"
    checkpoint.save(path, network.state_dict(), dict(task="classify", population="seed-64"))
    recipe = Recipe("seed-64", 3, crop=48, fitted=True, starts=str(path))
    columns = recipe.columns(0)
    given = network.complete(*(middle(part, 48) for part in measured(find("seed-64"), columns)))[0]
    assert torch.equal(torch.from_numpy(columns["residual"]), given[:, 1:])

    learner = classify.build(classify.Config(**settings, starts=str(path)))
    assert torch.equal(learner.start.layers[1].weight, network.start.layers[1].weight)
    seen = recipe.seen(columns).first(12)
    classify.loss(learner, seen.given, torch.from_numpy(seen.labels), seen.given[:, :1], seen.truth).backward()
    assert all(tensor.grad is None for tensor in learner.start.parameters())

    other = classify.build(classify.Config(**settings))
    checkpoint.save(tmp_path / "other.safetensors", other.state_dict(), dict(task="classify", population="seed-64"))
    sitting = SimpleNamespace(learner=SimpleNamespace(model=learner), config=classify.Config(**settings), task=classify,
                              facts=dict(population="seed-64"))
    Sitting.begin_from(sitting, tmp_path / "other.safetensors")
    assert torch.equal(learner.head[-1].weight, other.head[-1].weight)
    assert all(torch.equal(tensor, network.start.state_dict()[name])
               for name, tensor in learner.start.state_dict().items()), "what is held stays"

    with pytest.raises(ValueError, match="cannot begin these fits"):
        taught(str(path), 18, deep=True)
