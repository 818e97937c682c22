"""The commands that put a judgement and detectability maps into a checkpoint, on a tiny untrained network."""

import json

import numpy as np
import pytest
import torch

from benchmarks import classifiers as table_command
from benchmarks import detectability as maps_command
from benchmarks import detection as detection_command
from benchmarks import judgement as judgement_command
from benchmarks import theta_e as theta_command
from benchmarks.parts import weights
from lenslab import checkpoint
from lenslab.insight import cards
from lenslab.insight.metrics import auc_interval
from lenslab.nets.lens_net import THETA_E
from lenslab.population import find
from lenslab.sets.draw import items
from lenslab.tasks import classify


@pytest.fixture
def path(tmp_path):
    config = classify.Config(network="cnn", width=4, population="seed-64", validation=60, images=120)
    built = classify.build(config)
    card = built.card | dict(
        format=checkpoint.FORMAT, task="classify", network="cnn", population="seed-64", config=checkpoint.plain(
        {name: getattr(config, name) for name in ("network", "width", "population", "validation", "images")}),
        metrics={}, complete=False)
    checkpoint.save(tmp_path / "tiny.safetensors", built.model.state_dict(), card)
    return tmp_path / "tiny.safetensors"


def test_both_parts_are_written_and_the_network_stays(path, capsys):
    before, card = checkpoint.load(path)
    assert judgement_command.main([str(path), "--n", "60", "--device", "cpu", "--write", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    words = [str(path), "--n", "3", "--strengths", "2", "--S", "1", "--device", "cpu"]
    assert maps_command.main([*words, "--write"]) == 0
    after, written = checkpoint.load(path)
    assert cards.sound(written["judgement"], written["classes"]) == printed and printed["n"] == 60
    assert cards.sound_maps(written["detectability"], written["classes"])["n"] == 3
    new = ("judgement", "detectability", "metrics", "split")
    assert {name: value for name, value in written.items() if name not in new} == {
        name: value for name, value in card.items() if name not in new}
    assert written["metrics"]["n"] == 60 and written["split"] == "test" and bool(after["novelty.fitted"])
    assert all((before[name] == after[name]).all() for name in before)
    assert before.keys() == {name for name in after if not name.startswith("novelty.")}
    assert not list(path.parent.glob("*.json"))      # parts of a finished run are not left behind


def test_a_stopped_run_goes_on_where_it_was(path, monkeypatch, capsys):
    words = [str(path), "--n", "2", "--strengths", "2", "--S", "1", "--device", "cpu", "--json"]
    maps_command.main(words)
    first = capsys.readouterr().out

    def again(*_, **__):
        raise AssertionError("a finished part was done again")
    monkeypatch.setattr(maps_command.detectability, "pieces", again)
    maps_command.main(words)
    assert capsys.readouterr().out == first


def test_fits_are_put_beside_the_maps_that_a_header_has_and_the_weights_stay(path, capsys):
    words = [str(path), "--n", "2", "--strengths", "2", "--S", "1", "--device", "cpu", "--json", "--write"]
    maps_command.main(words)
    whole = json.loads(capsys.readouterr().out)
    tensors, card = checkpoint.load(path)
    older = json.loads(json.dumps(card["detectability"]))
    for kind in older["kinds"]:
        del kind["maps"]["own"]["refitted"], kind["maps"]["own"]["left"]
    checkpoint.save(path, tensors, card | dict(detectability=older))
    before = weights(path)
    assert maps_command.main([str(path), "--refit", "--json", "--write"]) == 0
    assert json.loads(capsys.readouterr().out) == whole
    assert checkpoint.read_card(path)["detectability"] == whole and weights(path) == before


def test_what_is_seen_from_which_lambda_on(path, capsys, monkeypatch):
    """Ranges share the lenses with substructure between them, and an observer grows with lambda. It ends with the first
    chunk that brings enough strong ones, and what was done is not done again."""
    before, keep = weights(path), path.parent / "parts.json"
    asked = [str(path), "--strong", "5", "--keep", str(keep), "--json"]
    assert detection_command.main(asked) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[-1])
    monkeypatch.setattr(detection_command, "chunks_from", lambda _, missing, __: 1 / 0)
    assert detection_command.main([*asked, "--write"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    card = checkpoint.read_card(path)
    assert found == first == card["benchmark"]["detection"] and found["n"] == 120 and not keep.exists()
    assert weights(path) == before
    for word in ("refitted", "ceiling"):
        rows = found[word]
        whole = [row for row in rows if row["high"] is None and row["low"] == 6]
        apart = [row for row in rows if row not in whole]
        assert sum(row["n"] for row in apart) == 80 and {row["smooth"] for row in rows} == {40}
        assert all(0 <= row["interval"][0] <= row["auc"] <= row["interval"][1] <= 1 for row in rows)
        assert [row["observer"] for row in apart] == sorted(row["observer"] for row in apart)
    strong = cards.strong(card)
    assert strong["n"] >= 5 and strong["of"] == 80
    assert strong["n"] == sum(round(40 * after) for _, after in found["shares"].values())


def test_the_table_of_checkpoints_is_made_of_headers_without_measuring(path, monkeypatch):
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(path.parent))
    before = path.read_bytes()
    assert table_command.main(["--table"]) == 0
    assert "| tiny | cnn | seed-64 |" in (path.parent / "README.md").read_text() and path.read_bytes() == before


def test_theta_E_inside_a_network_is_held_against_the_truth(tmp_path, capsys):
    """A network whose encoder says 1.2" whatever it sees: off by just what the simulation's differs from that."""
    config = classify.Config(network="lensiformer", width=4, population="seed-64")
    built = classify.build(config)
    model = built.model
    low, high = (limit * model.encoder.side for limit in THETA_E)
    torch.nn.init.zeros_(model.encoder.numbers[-1].weight)
    torch.nn.init.constant_(model.encoder.numbers[-1].bias, 0.0)
    model.encoder.numbers[-1].bias.data[0] = np.log((1.2 - low) / (high - 1.2))
    path = tmp_path / "inside.safetensors"
    checkpoint.save(path, model.state_dict(), built.card | dict(
        format=checkpoint.FORMAT, task="classify", network="lensiformer", population="seed-64", config=checkpoint.plain(
            {name: getattr(config, name) for name in ("network", "width", "population")}), metrics={}, complete=True))
    assert theta_command.main([str(path), "--n", "90", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    drawn = items(find("seed-64"), 0, 0, "test")
    truth = drawn.parameters[:90, find("seed-64").paths.index("lens.theta_E")]
    assert found["bias"] == pytest.approx(np.median(1.2 - truth), abs=1e-5)
    assert 0 <= found["own"] <= 1 and found["own"] != found["random"]
    low, middle, high = (found["random - own"][k] for k in (1, 0, 2))
    assert low <= middle <= high and middle == pytest.approx(found["random"] - found["own"], abs=1e-12)


def test_a_network_without_a_lens_is_refused_in_a_sentence(path, capsys):
    assert theta_command.main([str(path)]) == 2 and "Take a lensiformer" in capsys.readouterr().err


def test_an_interval_holds_the_truth_of_a_known_separation():
    """Two Gaussians a unit apart: AUC is Phi(1 / sqrt 2) = 0.760."""
    rng = np.random.default_rng(1)
    positive = np.arange(1000) < 500
    low, high = auc_interval(rng.normal(size=1000) + positive, positive)
    assert low < 0.760 < high and high - low < 0.08
