"""Figures, judgement and detectability maps of a card, read from a file that may come from anywhere.

Only known parts pass, each of its type, length and range; a ValueError says what is wrong. Plain Python, so that a page
that lists networks loads nothing else.
"""

import math
import re

from lenslab.insight.significance import FOUND

SPLITS = "train", "validation", "test"
ROC_POINTS = 120       # of a curve
WORST = 24             # errors that are kept
OWN, FIXED = "own", "fixed"   # maps: smooth lenses as the population draws them; with slope and multipoles fixed
MAX_CLASSES, MAX_BINS, MAX_CURVES, MAX_COUNT, MAX_NAME = 64, 64, 64, 10**9, 1000


def are_classes(value) -> bool:
    """Whether these are names of classes, each once: letters, digits, spaces, -_, as pages and pictures show them."""
    return isinstance(value, list) and 2 <= len(value) <= MAX_CLASSES and all(
        isinstance(name, str) and re.fullmatch(r"[\w -]{1,64}", name) for name in value) and len({*value}) == len(value)


def is_pair(value) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(number) in (int, float) for number in value)


def metrics_of(card: dict) -> dict:
    """Its figures; {} where it has none."""
    found = card.get("metrics")
    return found if isinstance(found, dict) else {}


def metric(card: dict, name: str) -> tuple[float | None, tuple[float, float] | None]:
    """A figure and its interval; None for what the card has not, or has not as a number."""
    figures = metrics_of(card)
    value, around = figures.get(name), figures.get("intervals")
    limits = around.get(name) if isinstance(around, dict) else None
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known else None, tuple(limits) if is_pair(limits) else None


def in_words(card: dict, name: str) -> str:
    """0.888 (0.881 to 0.894); "" where it was not measured."""
    value, limits = metric(card, name)
    return "" if value is None else f"{value:.3f}" + (f" ({limits[0]:.3f} to {limits[1]:.3f})" if limits else "")


def strong(card: dict) -> dict:
    """How a network tells smooth lenses from those that keep more than FOUND sigmas of their substructure when a smooth
    lens is fitted anew (`benchmarks/detection.py`): auc, interval, and the n of these among `of` with substructure. {}
    where that was not measured."""
    try:
        found = card["benchmark"]["detection"]
        row = next(row for row in few(found["refitted"], 1, MAX_BINS) if (row["low"], row["high"]) == (FOUND, None))
        interval, = intervals([row["interval"]], 1)
        n, of = whole(row["n"], 1), whole(found["n"], 1) - whole(row["smooth"], 0)
        return dict(auc=share(row["auc"]), interval=interval, n=n, of=whole(of, n))
    except (ValueError, TypeError, KeyError, StopIteration):
        return {}


def sound(judgement: object, classes: list | tuple) -> dict:
    """What `judgement.judge` made, for a network of these classes."""
    try:
        return _sound(judgement, list(classes))
    except (TypeError, KeyError, AttributeError, OverflowError):
        raise refusal("parts are missing or of another type") from None


def _sound(given: dict, classes: list) -> dict:
    size = len(classes)
    if not 2 <= size <= MAX_CLASSES or given["classes"] != classes:
        raise refusal("its classes are not those of the network")
    n, split, seed = whole(given["n"], 1), given["split"], whole(given["seed"], 0, 2**53 - 1)
    if split not in SPLITS or not isinstance(given["population"], str) or len(given["population"]) > MAX_NAME:
        raise refusal("it does not say which images were judged")
    confusion = [[whole(value, 0) for value in row] for row in few(given["confusion"], size, size)]
    if any(len(row) != size for row in confusion) or sum(map(sum, confusion)) != n:
        raise refusal(f"its confusion matrix does not hold {n} images of {size} classes")
    rocs = []
    for entry in few(given["roc"], size, size):
        false = shares(entry["false"], None, ROC_POINTS + 2)
        rocs.append(dict(false=false, true=shares(entry["true"], len(false)), auc=share(entry["auc"], empty=True)))
    curve = given["reliability"]
    number = [whole(value, 1) for value in few(curve["number"], 1, MAX_BINS)]
    reliability = dict(number=number, confidence=shares(curve["confidence"], len(number)),
                       accuracy=shares(curve["accuracy"], len(number)),
                       interval=intervals(curve["interval"], len(number)))
    against = [curve_against(entry, classes) for entry in few(given["against"], 0, MAX_CURVES)]
    errors = [dict(index=whole(entry["index"], 0), truth=whole(entry["truth"], 0, size - 1),
                   probabilities=shares(entry["probabilities"], size)) for entry in few(given["worst"], 0, WORST)]
    return dict(n=n, classes=classes, population=given["population"], split=split, seed=seed, confusion=confusion,
                roc=rocs, reliability=reliability, against=against, worst=errors)


def curve_against(entry: dict, classes: list) -> dict:
    path, name = entry["path"], entry["class"]
    if not isinstance(path, str) or not 0 < len(path) <= 100 or (name is not None and name not in classes):
        raise refusal("a curve is of no setting and class that the network knows")
    number = [whole(value, 1) for value in few(entry["number"], 1, MAX_BINS)]
    size = len(number)
    return {"path": path, "class": name, "number": number,
            **{key: [real(value) for value in few(entry[key], size, size)] for key in ("low", "high", "middle")},
            "accuracy": shares(entry["accuracy"], size), "interval": intervals(entry["interval"], size),
            "auc": [share(value, empty=True) for value in few(entry["auc"], size, size)],
            "auc_interval": intervals(entry["auc_interval"], size, empty=True)}


def refusal(what: str) -> ValueError:
    return ValueError(f"What this checkpoint says of its own judgement cannot be read ({what}); judge it anew with "
                      "python benchmarks/judgement.py or benchmarks/detectability.py, and --write.")


def few(value: list, least: int, most: int) -> list:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise refusal(f"a list is not of {least} to {most} entries")
    return value


def whole(value: int, low: int, high: int = MAX_COUNT) -> int:
    if type(value) is not int or not low <= value <= high:
        raise refusal(f"a count is no whole number between {low} and {high}")
    return value


def real(value: float) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise refusal("a number is not finite")
    return float(value)


def reals(value: list, rows: int, size: int) -> list[list[float]]:
    return [[real(item) for item in few(row, size, size)] for row in few(value, rows, rows)]


def share(value: float | None, empty: bool = False) -> float | None:
    if value is None and empty:
        return None
    if not 0 <= real(value) <= 1:
        raise refusal("a share is not between 0 and 1")
    return float(value)


def shares(value: list, size: int | None, most: int = MAX_BINS) -> list[float]:
    return [share(item) for item in few(value, size or 0, most if size is None else size)]


def intervals(value: list, size: int, empty: bool = False) -> list:
    pairs = few(value, size, size)
    if not all(is_pair(pair) or (empty and pair is None) for pair in pairs):
        raise refusal("an interval has no two ends")
    return [None if pair is None else [share(pair[0]), share(pair[1])] for pair in pairs]


def sound_maps(given: object, classes: list | tuple) -> dict:
    """What `detectability.table` made."""
    try:
        S = [real(value) for value in few(given["S"], 1, MAX_BINS)]
        if not isinstance(given["population"], str) or len(given["population"]) > MAX_NAME:
            raise refusal("the maps are of no population")
        kinds = [kind_of(entry, list(classes), len(S)) for entry in few(given["kinds"], 1, len(classes))]
        return dict(population=given["population"], n=whole(given["n"], 1), S=S, kinds=kinds)
    except (TypeError, KeyError, AttributeError, OverflowError):
        raise refusal("parts of the maps are missing or of another type") from None


def kind_of(entry: dict, classes: list, rows: int) -> dict:
    if entry["class"] not in classes or not isinstance(entry["path"], str) or len(entry["path"]) > 100:
        raise refusal("a map is of no class that the network knows")
    strength = [real(value) for value in few(entry["strength"], 1, MAX_BINS)]
    size, maps = len(strength), {}
    for which in (OWN, FIXED):
        if which in entry["maps"]:
            found = entry["maps"][which]
            maps[which] = {"auc": [shares(row, size) for row in few(found["auc"], rows, rows)],
                           "ceiling": [shares(row, size) for row in few(found["ceiling"], rows, rows)],
                           "interval": [intervals(row, size) for row in few(found["interval"], rows, rows)],
                           "significance": reals(found["significance"], rows, size)}
            if "refitted" in found:
                maps[which] |= {"refitted": [shares(row, size) for row in few(found["refitted"], rows, rows)],
                                "left": reals(found["left"], rows, size)}
    if OWN not in maps:
        raise refusal("a map is missing")
    return {"class": entry["class"], "path": entry["path"], "strength": strength, "maps": maps}
