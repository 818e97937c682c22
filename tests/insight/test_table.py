"""What benchmarks leave in cards, as cells of the table; odd values are empty cells."""

from lenslab.insight import table


def test_a_table_tells_a_fixed_budget_and_what_is_known_beside_the_network():
    assert table.budget({"minutes": 10.0}) == "10 min of CPU"
    assert [table.budget(odd) for odd in ({}, {"minutes": 0.0}, {"minutes": "many"})] == [""] * 3
    found = dict(bias=-0.0123, scatter=0.04, own=0.978, random=0.61)
    assert table.inside(found) == '-0.012" ± 0.040"; AUC 0.978, any other 0.610'
    assert [table.inside(odd) for odd in (None, "x", found | {"own": "y"})] == [""] * 3
    assert table.leak(dict(macro=0.504, worst=0.5181, n=5000)) == "0.504 (0.518)"
    assert [table.leak(odd) for odd in (None, 3, {"macro": 0.5})] == [""] * 3


def test_a_table_tells_from_which_lambda_on_substructure_is_seen():
    rows = [dict(low=0, high=3, auc=0.5, interval=[0.4, 0.6]), dict(low=6, high=None, auc=0.87, interval=[0.8, 0.9])]
    assert table.detected(rows) == "0.870 [0.800, 0.900]"
    assert [table.detected(odd) for odd in (None, [], "x", [3], [{"low": 6, "auc": "y"}])] == [""] * 5
