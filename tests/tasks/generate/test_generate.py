"""Asking, sampling and judging: by closed forms, by the simulator itself, and by networks whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lenslab import checkpoint
from lenslab.__main__ import main
from lenslab.feed.stream import HELD_OUT_SEED, held_out
from lenslab.physics import cosmology
from lenslab.population import find
from lenslab.tasks import TASKS, generate, judge
from lenslab.tasks.generate import asked as asking
from lenslab.tasks.generate import judging, sampling, task
from lenslab.tasks.noise_free.brightness import Brightness
from lenslab.tasks.noise_free.conditions import Conditions, S
from lenslab.tasks.noise_free.view import CONDITIONS, NoiseFree
from lenslab.tasks.training import plain

CPU = torch.device("cpu")
SEED = generate.Config(population="seed-64", workers=0, validation=60, test=60, batch=8, reuse=4)


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    built = generate.build(SEED)
    built.model.eval()
    card = built.card | dict(config=plain(SEED), task="generate", steps=0, metrics={})
    return replace(built, card=card)


@pytest.fixture(scope="module")
def lenses():
    return asking.lenses_of(find("seed-64"), 6, 5, {})


def test_what_is_set_replaces_what_was_drawn():
    population = find("hst")
    one, = asking.lenses_of(population, 1, 2, {"class": "fdm", "z_lens": 0.4, "sigma_v": 220.0, S: 90})
    distances = cosmology.distances(0.4, one.scene.z_source, one.scene.H0, one.scene.Om0)
    sis = 4 * np.pi * (220 / 299792.458) ** 2 * distances.D_ls / distances.D_s / cosmology.ARCSEC
    assert one.scene.lens.theta_E == pytest.approx(sis, rel=1e-6)      # of the isothermal sphere
    assert one.scene.substructure.kind == "fdm" and one.signal_to_noise == 90 and one.scene.z_lens == 0.4
    same, = asking.lenses_of(population, 1, 2, {"class": "fdm"})
    assert same.scene.source.n_sersic == one.scene.source.n_sersic


@pytest.mark.parametrize("changes, words", [
    ({"lens.theta_E": 3.0}, "learnt from"), ({"z_source": 0.1, "z_lens": 0.5}, "not beyond the lens"),
    ({"lens.nothing": 1.0}, "no setting"), ({"class": "steel"}, "choose one of"),
    ({"sigma_v": 200, "lens.theta_E": 1.0}, "set one of them"), ({"camera.fwhm": 1.0}, "cannot be asked for"),
    ({S: "loud"}, "give a number"), ({"lens.q": float("nan")}, "finite")])
def test_what_cannot_be_had_is_refused_in_words(changes, words):
    with pytest.raises(ValueError, match=words):
        asking.table_of(task.conditions_of("hst"), asking.lenses_of(find("hst"), 1, 0, changes))


def test_twins_have_the_signal_to_noise_that_was_asked_for():
    lenses = asking.lenses_of(find("hst"), 3, 1, {S: 150.0})
    images, lit = asking.twins(lenses)
    counts = images * asking.rms_of(lenses).float()[:, None, None, None]
    camera = lenses[0].scene.camera
    variance = asking.rms_of(lenses).float()[:, None, None, None] ** 2 + counts / (camera.exposure_time * camera.gain)
    assert (counts**2 / variance).sum((1, 2, 3)).sqrt().tolist() == pytest.approx([150.0] * 3, rel=1e-4)
    again, _ = asking.twins(lit)
    assert torch.allclose(images, again, rtol=1e-4)


def test_the_cameras_noise_has_the_spread_that_it_should():
    lenses = asking.lenses_of(find("hst"), 4, 1, {S: 100.0})
    images, lit = asking.twins(lenses)
    rms, camera = asking.rms_of(lit).float()[:, None, None, None], lit[0].scene.camera
    off = asking.photographed(lit, images) - images * rms
    sigmas = off / (rms**2 + images * rms / (camera.exposure_time * camera.gain)).sqrt()
    n = sigmas.numel()
    assert abs(float(sigmas.mean())) < 5 / n**0.5 and abs(float(sigmas.var()) - 1) < 5 * (2 / n) ** 0.5


def test_the_light_of_clumps_becomes_what_is_asked_for():
    population = find("hst")
    one = next(one for one in asking.lenses_of(population, 12, 0, {}) if one.scene.source.clumps)
    conditions = task.conditions_of("hst")
    half = asking.changed(population, one, {asking.LIGHT: 0.4})
    table = asking.table_of(conditions, [half])
    assert float(table[0, conditions.at(asking.LIGHT)[0]]) == pytest.approx(0.4, abs=1e-5)
    assert asking.changed(population, one, {asking.LIGHT: 0}).scene.source.clumps == ()


def test_a_network_without_weights_denoises_as_its_process_says(trained):
    """F = 0: each step of EDM then leaves x / (1 + sigma^2), cut where there is no light."""
    table = asking.table_of(Conditions.of_card(trained.card["conditions"]), asking.lenses_of(find("seed-64"), 2, 0, {}))
    way, brightness = sampling.Way("euler", 3, seed=4), Brightness()
    sigmas = sampling.sample.karras(3)
    x = sigmas[0] * sampling.sample.normal([4 * sampling.MOST_SEED + k for k in range(2)], (1, 64, 64))
    for found, (now, then) in zip(sampling.estimates(trained, table, way), zip(sigmas, sigmas[1:], strict=False),
                                  strict=True):
        x0 = (x / (1 + now**2)).clamp_min(brightness.lowest)
        assert torch.allclose(found, brightness.counts(x0), atol=1e-4)
        x = x0 + then / now * (x - x0)


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "ancestral", "renewed"])
def test_an_image_is_the_same_in_any_batch(trained, lenses, sampler, monkeypatch):
    monkeypatch.setattr(sampling, "TOGETHER", 2)
    table = asking.table_of(Conditions.of_card(trained.card["conditions"]), lenses[:3])
    together = sampling.predict(trained, table, sampling.Way(sampler, 3)).images
    alone = torch.cat(list(sampling.estimates(trained, table[2:], sampling.Way(sampler, 3), 2))[-1:])
    assert torch.allclose(together[2:], alone, atol=1e-4)
    other = sampling.predict(trained, table, sampling.Way(sampler, 3, seed=1)).images
    assert not torch.allclose(together, other, atol=1e-2)


@pytest.mark.parametrize("process", ["edm", "ddpm", "flow", "consistency"])
def test_every_process_learns(process):
    """A few steps on four images bring its loss down from that of a silent network, which says 0."""
    config = replace(SEED, process=process, batch=4)
    torch.manual_seed(0)
    model = generate.build(config).model
    draw = generate.batches(config, CPU)
    optimiser, losses = torch.optim.AdamW(model.parameters(), 2e-3), []
    batch = draw(0)
    for _ in range(10):
        value = generate.loss(model, *batch)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert losses[-1] < 0.95 * losses[0], losses


def test_a_generator_that_is_the_simulator_reaches_every_floor(trained, monkeypatch):
    shown = held_out(NoiseFree("seed-64", HELD_OUT_SEED, "test"), 240, 1)
    monkeypatch.setattr(judging, "predict", lambda trained, table, way=None: sampling.Samples(
        shown.inputs[:len(table)], table, sampling.Way()))
    torch.manual_seed(1)
    found = judging.figures(trained, judge.build(judge.Config(population="seed-64")), 120)
    assert found["paired"] == 0 and found["shuffled"] > 0.1 and found["broken"] == 0
    for name in ("frechet", "kernel", "auc_features", "auc_spectra", "pixels", "coverage", "precision", "accuracy"):
        assert found[name] == pytest.approx(found[f"{name}_floor"], abs=1e-6), name
    assert max(abs(ratio - 1) for ratio in found["power_ratio"]) < 1e-9
    assert all(one == pytest.approx(own, abs=1e-6) for one, own in found["recovery"].values())
    declared = {metric.name for metric in TASKS["generate"].metrics}
    assert declared <= {*found, "loss"} | {"obedience"}


def test_the_judges_loss_and_recovery_by_hand():
    conditions = task.conditions_of("seed-64")
    shown = held_out(NoiseFree("seed-64", HELD_OUT_SEED, "test"), 240, 1)
    numbers, known = judge.target(conditions, shown.targets[CONDITIONS])
    logits = torch.zeros(240, 3)
    assert judge.recovery(conditions, judge.Reading(numbers, logits, logits), shown.targets[CONDITIONS]) == \
        pytest.approx({path: 1.0 for path in conditions.groups[:-1]})
    off = judge.recovery(conditions, judge.Reading(0 * numbers, logits, logits), shown.targets[CONDITIONS])
    assert all(value <= 1e-6 for value in off.values())

    class Says(torch.nn.Module):
        def forward(self, x):
            return numbers + 3.0, logits, logits

    value = judge.loss(Says(), shown.inputs, numbers, known, torch.from_numpy(shown.labels))
    assert float(value) == pytest.approx(3 - 0.5 + judge.CLASS_WEIGHT * np.log(3), rel=1e-5)     # Huber's, beyond 1


@pytest.fixture(scope="module")
def file(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("generate") / "generate-seed-64.safetensors"
    checkpoint.save(path, trained.model.state_dict(), trained.card | dict(format=checkpoint.FORMAT))
    return path


def test_the_shell_draws_what_is_asked_for(file, tmp_path, capsys):
    out = tmp_path / "samples.npz"
    words = ["generate", str(file), "--n", "3", "--set", "lens.theta_E=1.2", "--set", "class=axion", "--steps", "2",
             "--open", "source.n_sersic", "--out", str(out)]
    assert main(words) == 0 and main([*words[:-1], str(tmp_path / "bare.npz"), "--noise-free"]) == 0
    with np.load(out) as found, np.load(tmp_path / "bare.npz") as bare:
        assert found["images"].shape == (3, 64, 64) and float(found["pixel_scale"]) == 0.08
        names = found["condition_names"].tolist()
        assert found["conditions"].shape == (3, len(names))
        assert found["conditions"][:, names.index("lens.theta_E")].tolist() == pytest.approx([1.2] * 3)
        assert np.isnan(found["conditions"][:, names.index("source.n_sersic")]).all()
        assert found["images"].std() != bare["images"].std() and (bare["images"] > -1e-5).all()
    capsys.readouterr()
    assert main(["generate", str(file), "--list"]) == 0
    said = capsys.readouterr().out
    assert "lens.theta_E" in said and "arcsec" in said and "axion" in said


@pytest.mark.parametrize("words, sentence", [
    (["--set", "lens.theta_E=2"], "learnt from"), (["--set", "lens.theta_E"], "PATH=VALUE"),
    (["--open", "colour"], "no condition"), (["--sampler", "tea"], "no sampler"), (["--steps", "0"], "steps"),
    (["--n", "0"], "from 1 to"), (["--guidance", "99"], "Guidance")])
def test_the_shell_refuses_in_a_sentence(file, tmp_path, capsys, words, sentence):
    assert main(["generate", str(file), "--out", str(tmp_path / "x.npz"), *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "x.npz").exists()


def test_a_checkpoint_of_another_task_is_refused(tmp_path, capsys):
    path = next(path for path, card in checkpoint.list_checkpoints() if card.get("task") == "classify")
    assert main(["generate", str(path), "--out", str(tmp_path / "x.npz")]) == 2
    assert "checkpoint for 'classify'" in capsys.readouterr().err
