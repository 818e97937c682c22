"""A small share of the campaign of benchmarks/hostile.py: no input of any kind ends in anything but a sentence."""

import pytest

from benchmarks import hostile, hostile_inputs

FEW = dict(link=4, set=6, scene=6)  # of these some are drawn


@pytest.mark.parametrize("kind", hostile_inputs.KINDS)
def test_an_input_is_refused_in_words_or_taken(kind, tmp_path, monkeypatch):
    for name in ("LENSLAB_CHECKPOINTS", "LENSLAB_RUNS"):
        monkeypatch.setenv(name, str(tmp_path))  # put back after the test, as the doors change them
    found = []
    for index in range(FEW.get(kind, 15)):
        folder = tmp_path / str(index)
        folder.mkdir()
        found.append(hostile.outcome_of(kind, 1, index, folder))
    assert not [outcome for outcome in found if outcome.verdict == "traceback"]
    assert all(outcome.words.endswith(".") for outcome in found if outcome.verdict == "refused")


def test_an_input_is_the_same_whenever_it_is_made():
    assert all(hostile_inputs.input_of(kind, 3, 5) == hostile_inputs.input_of(kind, 3, 5) for kind in ("fits", "link"))
    assert hostile_inputs.input_of("fits", 3, 5) != hostile_inputs.input_of("fits", 4, 5)


def test_an_error_that_is_no_sentence_is_called_a_traceback(tmp_path, monkeypatch):
    for words, verdict in (("Axis ratio is 7; it must lie between 0.1 and 1.", "refused"),
                           ("could not broadcast input array", "traceback")):
        def door(*_, words=words):
            raise ValueError(words)
        monkeypatch.setitem(hostile_inputs.KINDS, "link", hostile_inputs.Kind(lambda rng: b"", door))
        assert hostile.outcome_of("link", 0, 0, tmp_path).verdict == verdict
