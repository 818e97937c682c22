"""Numbers of files from anywhere are numbers, and one odd file does not blind a list."""

import json

import pytest

from lenslab import strict_json
from lenslab.checkpoint import list_checkpoints
from lenslab.runs import jobs
from lenslab.ui.pick import networks as classify_models
from lenslab.ui.train import facts as train_facts


def test_sound_json_is_read_as_python_does():
    text = '{"a": [1, -2.5, 1e-300, true, null, "1e999"], "seed": 9007199254740991}'
    assert strict_json.loads(text) == json.loads(text)


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1e999", "7" * 400, "7" * 5000, "[" * 100000, "{"])
def test_what_is_no_number_is_no_json(text):
    with pytest.raises(ValueError):
        strict_json.loads(text)


def test_odd_records_of_a_run_do_not_hide_the_others(tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_RUNS", str(tmp_path))
    status = '{"phase": "stopped", "message": "It was stopped.", "task": "classify", "changed": %s}'
    for name, changed in (("null", "null"), ("long", "7" * 5000), ("sound", "1e9"), ("beyond", "1e999")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "status.json").write_text(status % changed)
    curve = '{"step": 1, "loss": %s}\n{"step": 2, "loss": 0.5}\n' % ("7" * 400)
    (tmp_path / "sound" / "metrics.jsonl").write_text(curve)
    assert {job.name for job in jobs.listed()} == {"null", "long", "sound", "beyond"}
    assert {job.name for job in train_facts.runs()} == {"null", "sound"}
    assert jobs.metrics("sound") == [{"step": 2, "loss": 0.5}]


@pytest.mark.parametrize("card", ['{"task": "classify", "population": null, "config": []}',
                                  '{"task": "classify", "population": null, "config": {"population": null}}',
                                  '{"task": "classify", "steps": %s}' % ("7" * 400)])
def test_a_card_without_a_population_is_told_and_no_more(tmp_path, monkeypatch, card):
    header = json.dumps({"__metadata__": {"lenslab": card}}).encode()
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path))
    assert len(list_checkpoints()) == 1
    known, problems = classify_models.networks_of("classify")
    assert not known and len(problems) == 1 and problems[0].startswith("a.safetensors")
