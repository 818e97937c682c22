"""One drawing of what a jet is, as SVG: a collision, a spray of particles, three layers that see it, an image."""

from math import cos, radians, sin

WIDTH, HEIGHT = 760, 224
Y, TRACKER, ECAL, HCAL = 98, (110, 145, 180), 245, 325      # px from the collision at (40, Y)
RAYS = ((-14, "charged"), (-9, "light"), (-5, "charged"), (-2, "neutral"), (1, "charged"), (4, "light"),
        (8, "neutral"), (13, "charged"))                    # degrees
ENDS = dict(charged=HCAL - 4, light=ECAL + 4, neutral=HCAL + 12)
COLOURS = dict(charged="#3f74c8", light="#1f9e89", neutral="#d9822b")
LIT = ("000000000000", "000001000000", "000000000020", "000112000000", "000134210000", "001258930000", "000369741000",
       "000124320000", "000011200000", "010000010000", "000000000000", "000010000000")    # brightness of a pixel
CELL, LEFT, TOP = 14, 540, 14


def arc(r: float, half: float = 17) -> str:
    x, y = 40 + r * cos(radians(half)), r * sin(radians(half))
    return f"M {x:.1f} {Y - y:.1f} A {r} {r} 0 0 1 {x:.1f} {Y + y:.1f}"


def sketch(words: dict[str, str], ink: str) -> str:
    """The drawing, with words for charged, light, neutral and image in a colour."""
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
             'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="13">']
    for r, width, colour in (*((r, 2, COLOURS["charged"]) for r in TRACKER), (ECAL, 34, COLOURS["light"]),
                             (HCAL, 62, COLOURS["neutral"])):
        parts.append(f'<path d="{arc(r)}" fill="none" stroke="{colour}" stroke-width="{width}" opacity="0.28"/>')
    for angle, kind in RAYS:
        x, y = 40 + ENDS[kind] * cos(radians(angle)), Y + ENDS[kind] * sin(radians(angle))
        dash = "" if kind == "charged" else ' stroke-dasharray="5 3"'
        parts.append(f'<path d="M 46 {Y} L {x:.1f} {y:.1f}" stroke="{COLOURS[kind]}" stroke-width="2"{dash}/>'
                     f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLOURS[kind]}"/>')
    parts.append(f'<path d="M 2 {Y} H 78" stroke="#8a90a0" stroke-width="2" stroke-dasharray="5 4"/>'
                 f'<circle cx="40" cy="{Y}" r="7" fill="#e0526b"/>'
                 f'<path d="M 436 {Y} H 510 m -9 -6 l 9 6 l -9 6" fill="none" stroke="#8a90a0" stroke-width="2"/>'
                 f'<rect x="{LEFT}" y="{TOP}" width="{len(LIT) * CELL}" height="{len(LIT) * CELL}" fill="#0b0d18"/>')
    for row, line in enumerate(LIT):
        parts += [f'<rect x="{LEFT + column * CELL}" y="{TOP + row * CELL}" width="{CELL}" height="{CELL}" '
                  f'fill="#ffb347" opacity="{int(bright) / 9:.2f}"/>' for column, bright in enumerate(line)
                  if bright != "0"]
    for x, kind in ((14, "charged"), (194, "light"), (378, "neutral")):
        parts.append(f'<circle cx="{x}" cy="210" r="5" fill="{COLOURS[kind]}"/>'
                     f'<text x="{x + 11}" y="215" fill="{ink}">{words[kind]}</text>')
    parts.append(f'<text x="{LEFT + len(LIT) * CELL / 2}" y="215" fill="{ink}" text-anchor="middle">'
                 f'{words["image"]}</text>')
    return "".join(parts) + "</svg>"
