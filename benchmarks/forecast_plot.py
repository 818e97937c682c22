"""How many lenses a number of dark matter needs, over the signal to noise of each, as one SVG with two log axes."""

from math import ceil, floor, isfinite, log10

from benchmarks.closure_plot import dot, rule, words

WIDE, HIGH = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 230, 44, 52
COLOURS = "#3f74c8", "#d9822b", "#1f9e89", "#b23a48", "#7b5ea7", "#5f6b3a"
TICKS = 10, 20, 50, 100, 200, 500, 1000, 2000


def forecast_svg(found: dict[str, dict], error: float) -> str:
    """Of {"class/number": {"forecast": [{low, high, lenses}, ...]}}; numbers whose S is not drawn are left out."""
    lines = {name: [((one["low"] * one["high"]) ** 0.5, one["lenses"]) for one in entry["forecast"]
                    if isfinite(one["low"]) and one["low"] > 0] for name, entry in found.items()}
    lines = {name: points for name, points in lines.items() if points}
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" '
             f'font-size="12"><rect width="{WIDE}" height="{HIGH}" fill="white"/>',
             words(LEFT, 24, f"Lenses needed to know the mean of a population to {error:g} dex", "start", 14)]
    if not lines:
        nothing = words(LEFT, 60, "No number has a signal to noise that differs.", "start")
        return "\n".join([*parts, nothing, "</svg>\n"])
    signals, counts = zip(*(point for points in lines.values() for point in points), strict=True)
    x0, x1 = log10(min(signals)) - 0.05, log10(max(signals)) + 0.05
    y0, y1 = floor(log10(min(counts))), max(ceil(log10(max(counts))), floor(log10(min(counts))) + 1)

    def at(signal: float, lenses: float) -> tuple[float, float]:
        return (LEFT + (log10(signal) - x0) / (x1 - x0) * (WIDE - LEFT - RIGHT),
                HIGH - BOTTOM - (log10(lenses) - y0) / (y1 - y0) * (HIGH - BOTTOM - TOP))

    for power in range(y0, y1 + 1):
        _, y = at(10**x0, 10.0**power)
        parts += [rule(LEFT, y, WIDE - RIGHT, y), words(LEFT - 8, y + 4, f"{10**power:,}", "end")]
    for tick in (tick for tick in TICKS if x0 <= log10(tick) <= x1):
        x, _ = at(tick, 10.0**y0)
        parts += [rule(x, HIGH - BOTTOM, x, HIGH - BOTTOM + 5), words(x, HIGH - BOTTOM + 20, f"{tick}")]
    parts.append(words((LEFT + WIDE - RIGHT) / 2, HIGH - 10, "signal to noise of the arcs"))
    ends = spread({name: at(*points[-1])[1] for name, points in lines.items()})
    for (name, points), colour in zip(lines.items(), COLOURS * len(lines), strict=False):
        places = [at(*point) for point in points]
        parts += [rule(*one, *two, colour, 2) for one, two in zip(places, places[1:], strict=False)]
        parts += [dot(*place, colour, True) for place in places]
        parts.append(words(WIDE - RIGHT + 14, ends[name] + 4, name, "start", 12, colour))
    return "\n".join([*parts, "</svg>\n"])


def spread(heights: dict[str, float], gap: float = 16.0) -> dict[str, float]:
    """Where names stand beside the ends of their lines, none over another."""
    out, last = {}, float("-inf")
    for name, y in sorted(heights.items(), key=lambda entry: entry[1]):
        last = max(y, last + gap)
        out[name] = last
    return out
