"""What networks say of an image: probabilities as bars, and how they move when one thing is changed.

A class has one colour everywhere, told apart by colour-blind eyes; the two names of "nothing there" share theirs, and
so do the two names of the vortex, which stand for it in different populations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from lenslab.figures.literal import literal
from lenslab.figures.training import FAINT, MARGIN, chart

COLOURS = {"smooth": "#8a8f9c", "no_sub": "#8a8f9c", "cdm": "#3f74c8", "wdm": "#1f9e89", "fdm": "#9b5fc0",
           "vortex": "#d9822b", "axion": "#d9822b"}
NO_ANSWER = "rgba(138, 143, 156, 0.3)"
OTHER = "#c2527a"      # of a class without a colour of its own
NAMES = {"smooth": "Smooth", "no_sub": "No substructure", "cdm": "Cold (CDM)", "wdm": "Warm (WDM)",
         "fdm": "Fuzzy (FDM)", "vortex": "Vortex line", "axion": "Axion"}
DASHES = ("solid", "dash", "dot")
ROW, GAP, HEAD, FOOT = 30, 26, 36, 34    # px of a bar with its space, between networks, above and below


@dataclass(frozen=True)
class Answer:
    """One network's probabilities (C,), and how far they go over several looks at the same image, low and high (C,).

    valid   False: the network was shown what it never learnt from; its bars are pale and without numbers
    """

    name: str
    probabilities: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    valid: bool = True


def colour(name: str) -> str:
    return COLOURS.get(name, OTHER)


def named(name: str) -> str:
    """What a visitor reads for a class."""
    return NAMES.get(name, name)


def bars(answers: Sequence[Answer], classes: Sequence[str], *, truth: str | None = None,
         title: str = "What the networks say") -> go.Figure:
    """Probabilities, one group a network; a whisker where an answer has low and high, a tick at the truth if told."""
    several, traces, notes = len(answers) > 1, [], []
    places, labels, at = [], [], 0.0
    for answer in answers:
        if several:
            notes.append(dict(xref="paper", x=0, xanchor="left", y=at + 0.12, yanchor="bottom",
                              text=f"<b>{literal(answer.name)}</b>", showarrow=False, font=dict(size=12)))
            at -= 0.45
        rows = [at - k for k in range(len(classes))]
        at = rows[-1] - 1 - (GAP / ROW if several else 0)
        places += rows
        labels += [f"<b>{named(name)} ✓</b>" if name == truth else named(name) for name in classes]
        traces.append(trace(answer, classes, rows))
        edge = answer.probabilities if answer.high is None else np.maximum(answer.probabilities, answer.high)
        notes += [] if not answer.valid else [
            dict(x=float(end), y=row, xanchor="left", xshift=5, text=percent(value), showarrow=False,
                 font=dict(size=12)) for row, value, end in zip(rows, answer.probabilities, edge, strict=True)]
    low, high = places[-1] - 0.62, 0.62
    height = HEAD + FOOT + round((high - low) * ROW)
    figure = chart(title, traces, height, key="bars " + " ".join(answer.name for answer in answers), notes=notes,
                   x=dict(range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75, 1], ticktext=["0", "", "50 %", "", "100 %"]),
                   y=dict(range=[low, high], tickvals=places, ticktext=labels, showgrid=False, ticklen=0,
                          showline=False, tickfont=dict(size=12)))
    figure.layout.showlegend = False
    figure.layout.margin = dict(MARGIN, l=118, r=52, t=HEAD, b=FOOT)
    return figure


def trace(answer: Answer, classes: Sequence[str], rows: Sequence[float]) -> dict:
    """The bars of one network."""
    values = np.asarray(answer.probabilities, float)
    who = literal(answer.name)
    found = dict(type="bar", orientation="h", x=values.tolist(), y=list(rows), width=0.62, name=who,
                 marker=dict(color=[colour(name) if answer.valid else NO_ANSWER for name in classes]),
                 customdata=[named(name) for name in classes], hovertemplate=f"{who}<br>%{{customdata}}: "
                 + ("%{x:.1%}" if answer.valid else "no answer") + "<extra></extra>")
    if answer.low is not None and answer.high is not None:
        found["error_x"] = dict(type="data", symmetric=False, thickness=1.4, width=4, color=FAINT,
                                array=np.maximum(answer.high - values, 0).tolist(),
                                arrayminus=np.maximum(values - answer.low, 0).tolist())
    return found


def percent(value: float) -> str:
    """As many digits as a probability deserves; never 0 or 100 %, which no network may claim."""
    if value < 0.005:
        return "< 0.1 %" if value < 0.0005 else f"{value:.1%}".replace("%", " %")
    if value > 0.995:
        return "> 99.5 %"
    return f"{value:.0%}".replace("%", " %")


def curves(x: Sequence[float], answers: Sequence[tuple[str, np.ndarray]], classes: Sequence[str], *, now: float,
           label: str, title: str, log: bool = False, height: int = 400) -> go.Figure:
    """Probabilities (n, C) of one or more networks along x, and a line at the value that is shown."""
    traces = []
    for number, (network, values) in enumerate(answers):
        for k, name in enumerate(classes):
            traces.append(dict(
                type="scatter", x=list(map(float, x)), y=np.asarray(values)[:, k].tolist(), name=named(name),
                legendgroup=name, showlegend=number == 0, mode="lines+markers", marker=dict(size=6, color=colour(name)),
                line=dict(color=colour(name), width=2.2 if number == 0 else 1.6, dash=DASHES[number % len(DASHES)]),
                hovertemplate=f"{literal(network)}<br>{named(name)}: %{{y:.1%}}<br>{label} %{{x:.3g}}<extra></extra>"))
    ends = (min(x), max(x))
    room = (ends[1] / ends[0]) ** 0.02 if log else 0.02 * (ends[1] - ends[0])
    span = [np.log10(ends[0] / room), np.log10(ends[1] * room)] if log else [ends[0] - room, ends[1] + room]
    mark = dict(type="line", x0=now, x1=now, yref="paper", y0=0, y1=1, line=dict(color=FAINT, width=1.6, dash="dot"))
    note = dict(x=float(np.log10(now)) if log else now, yref="paper", y=1, yanchor="bottom", text="shown above",
                showarrow=False, font=dict(size=11))
    ticks = dict(tickvals=list(map(float, x)), ticktext=[f"{value:.3g}" for value in x]) if log else {}
    figure = chart(title, traces, height, key=f"curves {label}", shapes=[mark], notes=[note],
                   x=dict(range=span, type="log" if log else "linear", title=dict(text=label, standoff=6,
                                                                                  font=dict(size=12)), **ticks),
                   y=dict(range=[-0.02, 1.02], tickvals=[0, 0.25, 0.5, 0.75, 1],
                          ticktext=["0", "25 %", "50 %", "75 %", "100 %"]))
    figure.layout.margin = dict(MARGIN, t=56, b=132)  # on a phone the legend takes three rows
    figure.layout.legend = dict(orientation="h", x=0, xanchor="left", y=-0.24, yanchor="top", font=dict(size=12),
                                bgcolor="rgba(0,0,0,0)")
    return figure
