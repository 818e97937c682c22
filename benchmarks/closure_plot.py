"""How jets obey what was asked of them, as one SVG: momentum by flavour, and mass over requested mass."""

WIDE, HIGH, EDGE, GAP = 900, 380, 62, 40
LEFT, TOP, BOTTOM = 330, 46, 48      # width of the first panel; what is left above and below both
COLOURS = {"quark": "#3f74c8", "gluon": "#d9822b", "top": "#1f9e89"}
OTHER = "#777777"
LOW, HIGHEST = 0.88, 1.08            # of p_T over requested


def closure_svg(by: dict[str, dict], name: str) -> str:
    """The figure of `closure` of lenslab.tasks.jets.judging: filled and solid are generated, open and dashed simulated
    jets."""
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" '
             f'font-size="12"><rect width="{WIDE}" height="{HIGH}" fill="white"/>',
             words(EDGE, 22, f"{name}: filled and solid, the network; open and dashed, the simulation", "start", 13)]
    return "\n".join([*parts, *momenta(by), *masses(by), "</svg>\n"])


def words(x: float, y: float, text: str, anchor: str = "middle", size: int = 12, colour: str = "#222222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{text}</text>'


def rule(x0: float, y0: float, x1: float, y1: float, colour: str = "#cccccc", width: float = 1, dash: str = "") -> str:
    return (f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}" stroke-width="{width}"'
            + (f' stroke-dasharray="{dash}"/>' if dash else "/>"))


def dot(x: float, y: float, colour: str, filled: bool) -> str:
    return (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" stroke="{colour}" stroke-width="2" '
            f'fill="{colour if filled else "white"}"/>')


def momenta(by: dict[str, dict]) -> list[str]:
    """Median of image p_T over requested p_T, and half of what lies between its 16 % and 84 %."""
    def at(value: float) -> float:
        return HIGH - BOTTOM - (value - LOW) / (HIGHEST - LOW) * (HIGH - BOTTOM - TOP)

    parts = []
    for value in (0.9, 0.95, 1.0, 1.05):
        parts += [rule(EDGE, at(value), EDGE + LEFT, at(value)), words(EDGE - 8, at(value) + 4, f"{value:g}", "end")]
    for k, (flavour, one) in enumerate(by.items()):
        x = EDGE + LEFT * (k + 0.5) / len(by)
        for side, filled in ((0, True), (1, False)):
            colour, middle, half = COLOURS.get(flavour, OTHER), one["pt"][side], one["width"][side]
            place = x + (-14, 14)[side]
            parts += [rule(place, at(middle - half), place, at(middle + half), colour, 2, "" if filled else "4 3"),
                      dot(place, at(middle), colour, filled)]
        parts.append(words(x, HIGH - BOTTOM + 18, flavour))
    return [*parts, words(EDGE + LEFT / 2, HIGH - 10, "image p_T over requested p_T, median and 68 %")]


def masses(by: dict[str, dict]) -> list[str]:
    """Median image mass over the median requested mass of each bin, GeV."""
    start, wide, tall = EDGE + LEFT + GAP + EDGE, WIDE - EDGE - LEFT - GAP - EDGE - 20, HIGH - BOTTOM - TOP
    top = 1.05 * max(max(*one["requested"], *one["mass"], *one["simulated"]) for one in by.values())

    def at(x: float, y: float) -> tuple[float, float]:
        return start + x / top * wide, HIGH - BOTTOM - y / top * tall

    parts = [rule(*at(0, 0), *at(top, top), "#bbbbbb", 1, "2 3")]
    for value in range(0, int(top), 50):
        parts += [rule(*at(0, value), *at(top, value)), words(start - 8, at(0, value)[1] + 4, str(value), "end"),
                  words(at(value, 0)[0], HIGH - BOTTOM + 18, str(value))]
    for flavour, one in by.items():
        colour = COLOURS.get(flavour, OTHER)
        for name, filled in (("simulated", False), ("mass", True)):
            points = [at(x, y) for x, y in zip(one["requested"], one[name], strict=True)]
            parts += [rule(*a, *b, colour, 2, "" if filled else "5 4")
                      for a, b in zip(points, points[1:], strict=False)]
            parts += [dot(*point, colour, filled) for point in points]
    return [*parts, words(start + wide / 2, HIGH - 10, "requested mass, GeV (median image mass upwards)")]
