"""The figure of how many lenses a number needs."""

from xml.etree import ElementTree

from benchmarks.forecast_plot import forecast_svg, spread

FORECAST = [dict(low=20, high=40, lenses=400.0), dict(low=40, high=80, lenses=90.0)]


def test_fewer_lenses_stand_lower_and_every_name_once():
    text = forecast_svg({"fdm/log10_m22": dict(forecast=FORECAST), "cdm/log10_f_sub": dict(forecast=FORECAST),
                         "no_s/log10_m": dict(forecast=[dict(low=float("-inf"), high=float("inf"), lenses=9.0)])}, 0.2)
    places = [float(one.get("cy")) for one in ElementTree.fromstring(text) if one.tag.endswith("circle")]
    assert len(places) == 4 and places[0] < places[1] and text.count("log10_m22") == 1 and "no_s" not in text


def test_names_of_lines_that_end_together_are_kept_apart():
    assert sorted(spread(dict(a=100.0, b=100.0, c=101.0)).values()) == [100.0, 116.0, 132.0]


def test_without_any_signal_to_noise_it_says_so():
    assert "No number" in forecast_svg({"a/b": dict(forecast=[dict(low=float("-inf"), high=1, lenses=9.0)])}, 0.2)
