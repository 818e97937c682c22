"""Jets by diffusion: conditions and pixels by closed forms, sampling by a network without weights, judging by the
simulation itself."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lenslab.__main__ import main
from lenslab.checkpoint import read_card, save
from lenslab.diffusion import sample
from lenslab.jets import files
from lenslab.jets.images import FLOORS, Hits
from lenslab.tasks import TASKS, jets
from lenslab.tasks.generate.sampling import MOST_SEED, Way
from lenslab.tasks.jets import judging, sampling, task
from lenslab.tasks.jets.conditions import JetConditions
from lenslab.tasks.jets.pixels import KNEE, Pixels, sums
from lenslab.tasks.trained import load
from lenslab.tasks.training import plain

CONFIG = jets.Config(batch=8, validation=30, test=60)


@pytest.fixture(scope="module")
def known():
    return files.read(files.SAMPLE)


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    built = jets.build(CONFIG)
    built.model.eval()
    return replace(built, card=built.card | dict(config=plain(CONFIG), task="jets", format=2, metrics={}, steps=0))


@pytest.fixture(scope="module")
def conditions(trained):
    return JetConditions.of_card(trained.card["conditions"])


@pytest.mark.parametrize("masks, totals", [(False, False), (True, False), (False, True), (True, True)])
def test_energies_come_back_from_stretched_pixels(known, masks, totals):
    hits = known.hits.take(np.arange(50))
    pixels = Pixels.of(hits, 32, masks, totals)
    images = torch.from_numpy(hits.images(32))
    x = pixels.stretch(images)
    assert x.shape == (50, 6 if masks else 3, 32, 32)
    assert x[:, :3].square().mean((0, 2, 3)).sqrt().tolist() == pytest.approx([1, 1, 1], rel=1e-3)
    found = pixels.energies(x, pixels.totals_told(images) if totals else None)
    assert torch.allclose(found, images, rtol=1e-3, atol=1e-5)
    assert (x <= pixels.highest).all() and (x >= pixels.lowest).all()
    assert Pixels.of_card(pixels.to_card()) == pixels


def test_pixels_that_are_wrong_together_hold_what_the_totals_say(known):
    """All logarithms a tenth too high: energies a tenth too high without totals, and as they should be with them."""
    images = torch.from_numpy(known.hits.take(np.arange(50)).images(32))
    for totals, off in ((False, 1.1), (True, 1.0)):
        pixels = Pixels.of(known.hits.take(np.arange(50)), 32, False, totals)
        x = pixels.stretch(images)
        x[:, :3] += np.log(1.1) / torch.tensor(pixels.scale)[:, None, None] * (images > 0)
        found = sums(pixels.energies(x, pixels.totals_told(images) if totals else None)) / sums(images)
        assert found.median(0).values.tolist() == pytest.approx([off] * 3, rel=0.02)


def test_small_errors_of_empty_pixels_are_no_energy(known):
    """What lies below the detector's thresholds is nothing: an error of 0.1 of the spread lights no pixel."""
    pixels = Pixels.of(known.hits.take(np.arange(50)), 32, False)
    floors = (torch.from_numpy(FLOORS) / KNEE).log1p() / torch.tensor(pixels.scale)
    assert (floors > 0.2).all()
    assert not pixels.energies(torch.full((1, 3, 32, 32), 0.1)).any()


def test_conditions_are_standard_and_may_each_be_open(conditions, known):
    table = conditions.table(known)
    numbers, there = conditions.standard(table)
    assert there.all() and numbers.shape == (2000, 5)
    assert numbers.mean(0).tolist() == pytest.approx([0] * 5, abs=0.06)
    assert numbers.std(0).tolist() == pytest.approx([1] * 5, abs=0.06)
    table[0, 0], table[1, 1], table[2, 2] = (float("nan"),) * 3
    numbers, there = conditions.standard(table[:3])
    assert there.tolist() == [[False, True, True], [True, False, False], [True, True, False]]
    assert not numbers[0, :3].any() and not numbers[1, 3:].any() and not numbers[2, 4] and numbers[2, 3]
    assert JetConditions.of_card(conditions.to_card()) == conditions


@pytest.mark.parametrize("asked, told", [
    (dict(flavour="charm"), "choose one of quark, gluon, top"), (dict(pt=900), "learnt from 400 to 600 GeV"),
    (dict(flavour="quark", pt=500, mass=400), "quark jets of 500 GeV"), (dict(mass=100), "set pt as well"),
    (dict(pt="fast"), "give a number"), (dict(spin=1), "choose from")])
def test_what_no_jet_had_is_refused_in_words(conditions, asked, told):
    with pytest.raises(ValueError, match=told) as error:
        conditions.row(asked)
    assert str(error.value).endswith(".")


def test_what_is_asked_stands_in_the_table(conditions):
    row = conditions.row(dict(flavour="top", pt=500, mass=173))
    assert row.tolist() == [2, 500, 173]
    assert conditions.row({}).isnan().all()


def test_batches_follow_from_seed_and_step_alone(known):
    draw, again = (jets.batches(CONFIG, torch.device("cpu")) for _ in range(2))
    for a, b in zip(draw(3), again(3), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(draw(3)[0], draw(4)[0])
    halves = [jets.batches(CONFIG, torch.device("cpu"), rank, 2)(3) for rank in range(2)]
    assert torch.equal(torch.stack([half[0] for half in halves], 1).flatten(0, 1), draw(3)[0])


def test_no_part_of_the_set_is_in_another():
    parts = task.parts_of(CONFIG, 2000)
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(2000))
    with pytest.raises(ValueError, match="too few are left"):
        task.parts_of(CONFIG, 150)


@pytest.mark.parametrize("process, masks", [("edm", True), ("flow", False)])
def test_every_process_learns(process, masks):
    config = replace(CONFIG, process=process, masks=masks, batch=4)
    torch.manual_seed(0)
    model = jets.build(config).model
    batch = jets.batches(config, torch.device("cpu"))(0)
    optimiser, losses = torch.optim.AdamW(model.parameters(), 2e-3), []
    for _ in range(5):
        value = jets.loss(model, *batch)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert min(losses) < 0.97 * losses[0], losses


def test_a_network_without_weights_denoises_as_its_process_says(trained, conditions):
    """F = 0: each step of EDM then leaves x / (1 + sigma^2), held between the lowest and the highest."""
    table, way = torch.stack([conditions.row(dict(flavour="top", pt=500, mass=173))] * 2), Way("euler", 3, seed=4)
    pixels, sigmas = Pixels.of_card(trained.card["pixels"]), sample.karras(3)
    with torch.no_grad():
        totals = trained.model.draw(conditions.network_input(table), sample.normal(
            [4 * MOST_SEED + k for k in range(2)], (3,), sampling.OF_TOTALS))
    x = sigmas[0] * sample.normal([4 * MOST_SEED + k for k in range(2)], (pixels.channels, 32, 32))
    for found, (now, then) in zip(sampling.estimates(trained, table, way), zip(sigmas, sigmas[1:], strict=False),
                                  strict=True):
        x0 = torch.minimum(torch.maximum(x / (1 + now**2), pixels.lowest), pixels.highest)
        assert torch.allclose(found, pixels.energies(x0, totals), rtol=1e-3, atol=1e-3)
        x = x0 + then / now * (x - x0)
    alone = list(sampling.estimates(trained, table[1:], way, 1))[-1]
    assert torch.allclose(alone[0], found[1], rtol=1e-3, atol=1e-3)


def test_jets_hold_what_the_network_said_that_they_would(trained, conditions, known, monkeypatch):
    """Whatever the pixels are, the energy within the jet's radius is that of the totals, but for what is cut."""
    wanted = torch.tensor([[1.0, 0.5, 0.2], [-1.0, -0.5, 0.0]])
    monkeypatch.setattr(trained.model, "draw", lambda asked, noise: wanted)
    pixels, row = Pixels.of_card(trained.card["pixels"]), conditions.row(dict(flavour="quark", pt=450, mass=60))
    x0 = pixels.stretch(torch.from_numpy(known.hits.take(np.arange(2)).images(32)))
    monkeypatch.setattr(sample, "from_noise", lambda *given: iter([x0]))
    made = sampling.predict(trained, torch.stack([row, row]), Way("euler", 2)).images
    whole = (wanted * pixels.law(1, made) + pixels.law(0, made))[:, 0].exp()
    assert sums(made)[:, 1:].sum(1).tolist() == pytest.approx(whole.tolist(), rel=0.05)


def test_the_density_of_totals_learns_how_conditions_set_them():
    """Totals that are the conditions and a tenth of noise: draws follow, and their spread is that of the noise."""
    torch.manual_seed(0)
    model = jets.build(CONFIG).model
    optimiser = torch.optim.AdamW([*model.reader.parameters(), *model.totals.parameters()], 3e-3)
    for _ in range(250):
        asked = torch.randn(128, model.width)
        optimiser.zero_grad()
        model.surprise(asked, asked[:, :3] + 0.1 * torch.randn(128, 3)).backward()
        optimiser.step()
    asked = torch.randn(1, model.width).expand(400, -1)
    with torch.no_grad():
        drawn = model.draw(asked, torch.randn(400, 3))
    assert drawn.mean(0).tolist() == pytest.approx(asked[0, :3].tolist(), abs=0.3)
    assert (drawn.std(0) < 0.4).all()


@pytest.fixture(scope="module")
def sides(known):
    """Two disjoint draws of the simulation, 66 jets each."""
    return [judging.Side.of(part, part.hits.images(32)) for part in (
        known.take(np.arange(k, k + 66)) for k in (0, 66))]


def test_a_generator_that_is_the_simulation_reaches_every_floor(sides):
    here, other = sides
    found = judging.compared(here, here, other)
    for name in ("auc_observables", "frechet", "tagger", "tagger_top", "profile", "peaks"):
        assert found[name] == found[f"{name}_floor"], name
    assert found["pt_closure"] == found["pt_width"] == found["mass_closure"] == 0 and found["marginals"] == 1
    assert found["mass_closure_null"] > 0.15, "requests of other jets are not obeyed"
    declared = {metric.name for metric in TASKS["jets"].metrics} - {"loss"}
    assert declared <= set(found)


def test_a_generator_with_too_much_energy_is_found_out(sides):
    here, other = sides
    loud = judging.Side.of(here.jets, 1.1 * here.images)
    found = judging.closure(loud, here)
    assert found["pt_closure"] == pytest.approx(0.1, abs=0.005)
    assert found["mass_closure"] == pytest.approx(0.1, abs=0.01)
    mixed = judging.Side(here.jets, other.images, other.seen)       # true jets, but none that was asked for
    assert judging.closure(mixed, here)["mass_closure"] > 0.1


def test_broken_images_are_counted_not_hidden(trained, known, monkeypatch):
    images = torch.zeros(24, 3, 32, 32)
    images[:2] = float("nan")
    monkeypatch.setattr(judging, "predict", lambda *given: sampling.JetSamples(images, given[1], Way()))
    here = known.take(np.arange(24))
    found = judging.figures(trained, here, known.take(np.arange(24, 48)), judging.made_for(trained, here))
    assert found["broken"] == 2 and found["n"] == 24


def test_a_checkpoint_stands_alone(trained, tmp_path, monkeypatch):
    path = tmp_path / "jets.safetensors"
    save(path, trained.model.state_dict(), trained.card)
    monkeypatch.setattr(task, "jets_of", None)          # no set is asked
    again = load(path, task="jets")
    table = torch.stack([JetConditions.of_card(again.card["conditions"]).row({})] * 2)
    here, there = (jets.predict(network, table, Way(steps=2)).images for network in (trained, again))
    assert torch.equal(here, there)
    for part in ("pixels", "conditions"):
        save(path, trained.model.state_dict(), trained.card | {part: {"side": 1}})
        with pytest.raises(ValueError, match="anew"):
            load(path, task="jets")


@pytest.fixture(scope="module")
def checkpoint(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("jets") / "jets.safetensors"
    save(path, trained.model.state_dict(), trained.card)
    assert path.stat().st_size < 8e6 and read_card(path)["task"] == "jets"
    return path


def test_the_shell_draws_jets(checkpoint, tmp_path, capsys):
    out = tmp_path / "jets.npz"
    words = ["generate", str(checkpoint), "--n", "3", "--steps", "2", "--out", str(out)]
    assert main([*words, "--set", "flavour=top", "--set", "pt=500", "--set", "mass=173", "--seed", "5"]) == 0
    with np.load(out) as found:
        assert found["images"].shape == (3, 3, 32, 32) and found["conditions"].tolist() == [[2, 500, 173]] * 3
        assert found["flavours"].tolist() == ["quark", "gluon", "top"]
        images = found["images"]
    table = torch.tensor([[2.0, 500.0, 173.0]] * 3)
    assert np.array_equal(images, jets.predict(load(checkpoint), table, Way(steps=2, seed=5)).images.numpy())
    assert main(["generate", str(checkpoint), "--list"]) == 0
    assert "400" in capsys.readouterr().out
    for more, told in ((["--set", "pt=900"], "Ask for one in between"), (["--n", "0"], "from 1 to"),
                       (["--open", "pt"], "leave it away"), (["--set", "pt=500", "--out", "x.txt"], ".npz")):
        assert main([*words, *more]) == 2
        assert told in capsys.readouterr().err


def test_the_shell_judges_on_a_set_of_jets(checkpoint, monkeypatch, capsys):
    monkeypatch.setattr(judging, "figures", lambda trained, here, other, made: dict(n=len(here), pt_closure=float(
        here.pt[0]), other=len(other)))
    words = ["evaluate", str(checkpoint), "--data", str(files.SAMPLE), "--n", "40", "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["n"] == found["other"] == 40 and found["data"] == "sample.h5" and 400 < found["pt_closure"] < 600
    assert main([*words, "--population", "hst"]) == 2


def test_a_set_of_jets_says_which_task_is_meant(tmp_path, capsys):
    """`train generate --data jets.h5`: a generator of lenses takes no set, so that jets are meant."""
    assert main(["train", "generate", "--data", str(tmp_path / "none.h5"), "--run", str(tmp_path / "run")]) == 2
    assert "dataset jets" in capsys.readouterr().err


def test_hits_of_nothing_are_dark():
    assert not Hits.of([]).images(32).any()
