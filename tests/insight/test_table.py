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
    """By the refitted lambda; rows by the ceiling alone, as cards once had them, tell nothing of that."""
    strong = dict(low=6.0, high=None, auc=0.87, interval=[0.8, 0.9], n=30, smooth=40)
    rows = [dict(strong, low=0, high=3, auc=0.5), strong]
    found = dict(n=200, refitted=rows, ceiling=[dict(strong, auc=0.5)])

    def cell(detection) -> str:
        return table.detected(dict(benchmark=dict(detection=detection)))
    assert cell(found) == "0.870 [0.800, 0.900], 30 of 160"
    odd = (None, [], "x", rows, found | dict(refitted=[3]), found | dict(refitted=[dict(strong, auc="y")]),
           found | dict(n=50), found | dict(refitted=[dict(strong, interval=None)]))
    assert [cell(detection) for detection in odd] == [""] * len(odd) and table.detected({}) == ""
