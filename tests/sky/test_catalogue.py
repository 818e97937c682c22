"""What is known of real lenses, from tables that others wrote."""

import pytest

from lenslab.sky import catalogue

MANIFEST = """file,object,telescope,instrument,band
lenses/a.fits,J0946,HST,ACS/WFC,"F814W (filter not written in the file)"
lenses/b.fits,J1234,Euclid,VIS,VIS (I_E)
"""
FIGURES = """name,theta_E_arcsec,model,image_here,status
J0946,1.38,"SIE (Bolton 2008; from memory that these are that table)",x/a.fits,SEEN in file
J1234,0.9,PyAutoLens (err = 3-sigma width / 6),x/b.fits,SEEN in file
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "lenses").mkdir()
    (tmp_path / "manifest.csv").write_text(MANIFEST)
    (tmp_path / "lens_parameters.csv").write_text(FIGURES)
    monkeypatch.setenv("LENSLAB_DATA", str(tmp_path))
    return tmp_path


def test_a_lens_is_called_by_its_object_and_camera_and_one_without_a_table_by_its_file(folder):
    assert catalogue.title("lenses/a.fits") == "J0946 · HST ACS/WFC F814W"
    assert catalogue.title("lenses/b.fits") == "J1234 · Euclid VIS"
    assert catalogue.title("lenses/my_lens_2.fits.gz") == "my lens 2"
    (folder / "manifest.csv").unlink()
    (folder / "lens_parameters.csv").unlink()
    assert catalogue.title("lenses/a.fits") == "a"


def test_remarks_of_those_who_wrote_the_table_become_what_a_reader_may_expect(folder):
    seen, other = catalogue.literature("lenses/a.fits"), catalogue.literature("lenses/b.fits")
    assert (seen.theta_E, seen.model, seen.checked) == (1.38, "SIE (Bolton 2008)", False)
    assert (other.theta_E, other.model, other.checked) == (0.9, "PyAutoLens", True)


def test_a_table_that_was_mended_is_read_again(folder):
    assert catalogue.literature("lenses/a.fits").theta_E == 1.38
    (folder / "lens_parameters.csv").write_text(FIGURES.replace("1.38", "1.4050"))
    assert catalogue.literature("lenses/a.fits").theta_E == 1.405
