"""Documents that several commands write, and the table of what networks say of real lenses."""

from benchmarks import real_posteriors
from benchmarks.sections import put_section, section

TEXT = "# All\n\n## One\n\nfirst\n\n## Two\n\nsecond\n"


def test_a_section_is_rewritten_in_its_place_and_the_others_stay(tmp_path):
    file = tmp_path / "text.md"
    file.write_text(TEXT)
    put_section(file, "One", "new")
    assert file.read_text() == TEXT.replace("first", "new")
    put_section(file, "One", "new")
    assert file.read_text() == TEXT.replace("first", "new")
    put_section(file, "Three", "third")
    assert file.read_text().endswith("## Two\n\nsecond\n\n## Three\n\nthird\n")
    assert section(file.read_text(), "Two") == "## Two\n\nsecond\n\n" and not section(file.read_text(), "On")


def test_a_lens_unlike_any_that_was_learnt_from_gets_no_answer():
    said = dict(probabilities=dict(smooth=0.9, fdm=0.1), novelty=0.5, taken_for="fdm",
                values=dict(theta_E=[1.2, 1.1, 1.3], log10_m22=[0.5, 0.2, 0.8]))
    rows = [dict(lens="usual", signal=80.0, warnings=[], net=said, odd=dict(p=0.25)),
            dict(lens="strange", signal=80.0, warnings=[], net=said | dict(novelty=0.001), odd=dict(p=0.0))]
    text = real_posteriors.as_text(rows, dict(net="measure", odd="anomaly"))
    usual, strange = text.splitlines()[-2:]
    assert "1.20 [1.10, 1.30]" in usual and "log10_m22 0.50 [0.20, 0.80]" in usual and "may be asked" in usual
    assert "0.250" in usual and "no answer" not in usual and "no answer" in strange
    assert len(set(map(lambda line: line.count("|"), text.splitlines()[2:]))) == 1
