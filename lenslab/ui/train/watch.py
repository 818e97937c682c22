"""What runs are doing: drawn anew every moment while one is under way, from the records in their folders alone."""

from dataclasses import replace

import streamlit as st

from lenslab.checkpoint import duration_words
from lenslab.figures import training
from lenslab.insight import cards
from lenslab.quantity import Metric
from lenslab.runs import jobs
from lenslab.runs.jobs import Job
from lenslab.tasks import LOSS, PACE, TASKS, verdicts_of
from lenslab.ui.controls import several
from lenslab.ui.escape import plain
from lenslab.ui.plot import plot
from lenslab.ui.train import facts
from lenslab.ui.train.form import CHOSEN, FORM, NOTICE, attempt, start_first
from lenslab.ui.window import is_dark

BESIDE, QUANTITY = "train.beside", "train.quantity"
EVERY = "2s"
WIDTH = 108  # pixels of one number: three stand in a row on a phone
EMPTY = """Here a network learns from simulated lenses what no eye can tell: which kind of dark matter bends the light.

{sentence}

A first run takes up to {minutes} on two cores, one of which may be busy; on a machine that has more to do it takes
longer. It goes on in the background: you may close this page."""
MORE = "Begin another run in the controls, under A new run. Runs go on in the background when this page is closed."


def notice() -> None:
    """What the last button said."""
    if NOTICE in st.session_state:
        text, kind = st.session_state[NOTICE]
        getattr(st, kind)(plain(text), icon=":material/info:" if kind == "warning" else ":material/check_circle:")


def empty(public: bool) -> None:
    """Before the first run."""
    with st.container(border=True):
        if public:
            st.markdown("There are no runs to show yet.")
            return
        first = next(iter(TASKS.values())).presets[0]
        st.markdown(EMPTY.format(sentence=first.sentence, minutes=f"{first.minutes:g} minutes"))
        st.button("Train a first network", icon=":material/school:", key="train.first",
                  on_click=start_first)


def choose(known: list[Job]) -> tuple[str, list[str]]:
    """The run that is looked at, and those that are drawn beside it; another page and back, they are the same.

    The address remembers the first for those that it is sent to.
    """
    names = {job.name: job.status for job in known}
    asked = st.session_state.get(CHOSEN, st.query_params.get("run", FORM.value("run")))
    if asked not in names:
        asked = next((job.name for job in known if job.live), known[0].name)
    st.session_state[CHOSEN] = asked
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        st.selectbox("Run", list(names), key=CHOSEN, format_func=lambda name: f"{name} · {names.get(name, 'gone')}")
    others = [name for name in names if name != asked]
    chosen = st.session_state.get(BESIDE, FORM.value("beside", []))
    st.session_state[BESIDE] = [name for name in chosen if name in others]
    with right, st.popover("Compare with other runs", icon=":material/stacked_line_chart:", disabled=not others):
        several("Drawn in the same picture", others, key=BESIDE, most=len(training.RUNS) - 1)
    if not jobs.public():
        st.caption(MORE)
    st.query_params["run"] = asked
    FORM.hold(run=asked, beside=st.session_state[BESIDE])
    return asked, st.session_state[BESIDE]


def watch(name: str, beside: list[str]) -> None:
    """One run, live while any that is drawn is under way."""
    live = alive([name, *beside])
    st.fragment(draw, run_every=EVERY if live else None)(name, beside, live)


def alive(names: list[str]) -> bool:
    return any(job.live for job in map(run_of, names) if job is not None)


def run_of(name: str) -> Job | None:
    """A run, unless another session has deleted it."""
    try:
        return jobs.find(name)
    except ValueError:
        return None


def draw(name: str, beside: list[str], live: bool) -> None:
    """State, numbers, curves and buttons of a run."""
    job = run_of(name)
    if job is None or live != alive([name, *beside]):
        st.rerun()  # the page as a whole: what ended is no longer watched, what began is
    lines = facts.lines_of(job)
    state(job, lines)
    if not jobs.public():
        actions(job)
    notice()
    card = facts.card_of(job) if job.status in ("finished", "stopped", "interrupted") else {}
    pictures(job, beside, lines, card)
    if not jobs.public():  # as a set of data, it may name folders of this machine
        with st.expander("Log"):
            st.code(facts.log_of(job) or "Nothing yet.", language=None, height=260)
    with st.expander("Settings of this run"):
        st.dataframe([{"setting": key, "value": str(value)} for key, value in job.config.items()
                      if key != "data" or not jobs.public()], hide_index=True)
    with st.expander("All runs"):
        st.dataframe(facts.table(facts.runs()), hide_index=True)


def state(job: Job, lines: list[dict]) -> None:
    """How far it is."""
    at = facts.progress(job, lines)
    st.markdown(facts.sentence(job))
    left = f", about {duration_words(at.left)} left" if at.left and job.status == "running" else ""
    steps, minutes = facts.planned(job, lines), job.config.get("minutes")
    budget = f"about {steps} in {minutes:g} minutes of the processor" if minutes and steps < job.steps else steps or "?"
    st.progress(at.done or 0.0, text=f"step {job.step} of {budget}{left}")
    with st.container(horizontal=True, gap="small"):
        metric, value = at.judged or ((*verdicts_of(job.task), LOSS)[0], None)
        number(metric if metric is not LOSS else replace(LOSS, title="Validation loss"), value,
               f"{metric.text} Of validation images, which it does not learn from; test images judge it once, at the "
               "end.")
        number(LOSS, at.loss, "Of the last training batches: what the training lowers.")
        for metric, value in zip(PACE, (at.lr, at.rate, at.data_share), strict=False):
            number(metric, value)


def number(metric: Metric, value: float | None, text: str = "") -> None:
    """A small figure that keeps its width."""
    digits = ".0%" if metric.limits and not metric.better else ".3g"
    st.metric(metric.title, "–" if value is None else format(value, digits), help=text or metric.text, width=WIDTH)


def actions(job: Job) -> None:
    """Stop or resume, keep, delete: each where it can be done."""
    with st.container(horizontal=True):
        if job.live:
            st.button("Stop", icon=":material/stop_circle:", key="train.stop", on_click=attempt,
                      args=(stop, job.name), disabled=facts.stopping(job),
                      help="It saves its state first and can be resumed.")
        elif job.status != "finished":
            st.button("Resume", icon=":material/play_arrow:", key="train.resume", on_click=attempt,
                      args=(jobs.resume, job.name), help="Go on from its last saved state.")
        with st.popover("Keep checkpoint", icon=":material/bookmark_add:", disabled=not job.has_checkpoint,
                        help="Put its best network among the kept ones, where the other pages find it."):
            st.text_input("Name of the checkpoint", key=f"train.keep.{job.name}", placeholder=job.name)
            st.button("Keep", key="train.keep", on_click=keep, args=(job.name,))
        if not job.live:
            with st.popover("Delete", icon=":material/delete:"):
                st.markdown(f"Delete **{job.name}** with its curve, state and checkpoints? This cannot be undone; "
                            "kept checkpoints stay.")
                st.button("Delete for good", key="train.delete", on_click=delete, args=(job.name,))


def stop(name: str) -> None:
    jobs.stop(name, background=True)


def keep(name: str) -> None:
    chosen = st.session_state.get(f"train.keep.{name}", "").strip() or name
    attempt(jobs.keep, name, chosen, done=f"Kept as {chosen}: the other pages find it from now on.")


def delete(name: str) -> None:
    attempt(jobs.delete, name, done=f"{name} is deleted.")


def pictures(job: Job, beside: list[str], lines: list[dict], card: dict) -> None:
    """Loss, another quantity, and what a judged network mixes up."""
    told = [(job, lines)] + [(other, facts.lines_of(other)) for other in map(run_of, beside) if other]
    runs = [training.Curve(each.name, curve, facts.planned(each, curve), each.task) for each, curve in told]
    classes, counts = card.get("classes"), cards.metrics_of(card).get("confusion")
    places = st.columns(3 if counts else 2, gap="medium")
    with places[0]:
        plot(training.curves(runs), key="train.loss", square=False,
             alt=f"Loss of {', '.join(run.name for run in runs)} over their steps")
        st.caption("Thin: the images it learns from. Dots: images it has never seen. Where the two part, it learns "
                   "by heart.")
    known = {name: metric for name, metric in training.quantities(runs).items() if metric is not LOSS}
    if not any(training.validations(run.lines) for run in runs):    # the picture stays when it is first measured
        known = {metric.name: metric for metric in verdicts_of(job.task)[:1]} | known
    with places[1]:
        asked = st.session_state.get(QUANTITY, FORM.value("quantity"))
        name = asked if asked in known else next(iter(known))
        metric = known[name]
        guess = metric.guess(len(classes or ())) if metric.guess else None
        plot(training.curves(runs, metric, guessing=guess), key="train.other", later=True, square=False,
             alt=f"{metric.title} of the same runs over their steps")
        st.selectbox("Draw", list(known), index=list(known).index(name), key=QUANTITY, label_visibility="collapsed",
                     format_func=lambda name: known[name].title)
        FORM.hold(quantity=name)
    if counts and classes:
        with places[2]:
            plot(training.confusion(counts, classes, dark=is_dark()), key="train.confusion", later=True, square=False,
                 alt="Confusion matrix: truth in rows, answers in columns")
            st.caption(judgement(card))
    elif card:
        st.caption(judgement(card))


def judgement(card: dict) -> str:
    """The numbers by which a finished network is judged."""
    words = [f"{metric.label} {figure}" for metric in verdicts_of(card.get("task"))
             if (figure := cards.in_words(card, metric.name))]
    which = "test images that steered nothing" if card.get("split") == "test" else "validation images so far"
    intervals = ", 95 % intervals" if cards.metrics_of(card).get("intervals") else ""
    return f"{', '.join(words)}; {cards.metrics_of(card).get('n', '?')} {which}{intervals}."
