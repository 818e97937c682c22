"""Tuning without labels: which lenses are the same, what a gain is, and where there are none."""

import torch

from benchmarks import unlabelled
from lenslab.fit import smooth_lens
from lenslab.nets.lens_posterior import LensPosterior
from lenslab.sky import catalogue


def test_filters_of_one_lens_are_one_family():
    names = "cosmos_web_ring_f150w", "cosmos_web_ring_f277w", "slacs_j0946+1006_f814w"
    one, other, third = (unlabelled.family(f"lenses/{name}.fits") for name in names)
    assert one == other != third


def test_real_images_alone_make_the_difference_to_the_control(monkeypatch):
    """Without them two tunings are the same to the bit; with them the same steps end elsewhere."""
    torch.manual_seed(0)
    model = LensPosterior(smooth_lens("hst"), looks=1)
    given = torch.stack([5 * torch.randn(2, 64, 64).abs(), torch.ones(2, 64, 64)], 1)
    batch = given.flip(0), torch.randn(2, len(model.lens.names)), torch.tensor([True, False])
    monkeypatch.setattr(unlabelled, "batches", lambda config, device: lambda step: batch)
    control, again, tuned = (unlabelled.tuned(model, "hst", real, 1) for real in (None, None, given))
    assert all(torch.equal(a, b) for a, b in zip(control.parameters(), again.parameters(), strict=True))
    assert not any(torch.equal(control.looks[0].step.weight, one.looks[0].step.weight) for one in (model, tuned))


def test_gain_is_counted_against_the_control():
    lines = [dict(lens="a", fit=1.0, converged=True, published=None, before=0.9, control=0.9, tuned=0.95, gain=0.05),
             dict(lens="b", fit=1.0, converged=False, published=1.1, before=0.9, control=0.99, tuned=0.98, gain=-0.01)]
    text = unlabelled.as_text(lines)
    assert "1 of 2" in text and "median gain 2.0 %" in text and "1.100" in text


def test_without_a_folder_of_lenses_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(catalogue, "real_lenses", lambda: [])
    assert unlabelled.main([]) == 2 and "LENSLAB_DATA" in capsys.readouterr().err
