"""A new training: every control is made from the declaration of its setting. What was chosen outlives a change of page.

torch is loaded here and not by those who only watch.
"""

from dataclasses import Field, fields
from pathlib import Path

import streamlit as st

from lenslab.checkpoint import list_checkpoints
from lenslab.runs import jobs
from lenslab.ui import train_facts as facts
from lenslab.ui.train_kept import forget, keyed, remember, value
from lenslab.ui.train_population import check_sources, population_controls, population_word

NOTICE, CHOSEN = "train.notice", "train.run"
# Short, so that the learning rate rises at once and the mean of weights forgets the first ones. It took 74 s of
# processor time on an EPYC, simulation included (each image is shown eight times).
FIRST = dict(network="cnn", population="seed-64", steps=160, lr=0.002, warmup=20, ema=0.95, validate_every=20,
             reuse=8, validation=240, test=360)
FIRST_NAME = "first"
NEAR = ("steps", "batch", "lr", "seed")  # the rest waits in an expander
SPECIAL = ("population", "data", "regressor")  # settings that are words; every other is declared
FRESH = "fresh weights"
TASK_NAMES = {"classify": "Which dark matter is it? (classify)",
              "lens_parameters": "Where does a fit of the lens begin? (lens_parameters)"}
STEPS_OF = {"lr": 1e-4, "steps": 100, "validate_every": 50, "validation": 60, "test": 60, "images": 300}


def attempt(work, *given, done: str = "") -> bool:
    """Do what a button asks for; a refusal is shown as it is."""
    st.session_state.pop(NOTICE, None)
    try:
        work(*given)
    except (ValueError, OSError) as error:
        st.session_state[NOTICE] = (str(error), "warning")
        return False
    if done:
        st.session_state[NOTICE] = (done, "success")
    return True


def start(name: str, task: str, settings: dict, device: str, init: str | None) -> None:
    """Begin a run, having checked its settings, and show it."""
    from lenslab.tasks import TASKS
    from lenslab.tasks.training import configure

    def begin():
        config = configure(TASKS[task].module.Config, settings)
        if getattr(config, "data", ""):
            if not Path(config.data).is_file():
                raise ValueError(f"There is no data set {config.data}; make one with python -m lenslab dataset, or "
                                 "leave the field empty to simulate.")
            from lenslab.sets.dataset import population_of

            population_of(config.data)
        if getattr(config, "regressor", "") and not Path(config.regressor).is_file():
            raise ValueError(f"There is no checkpoint {config.regressor}; make one with python -m lenslab train "
                             "lens_parameters, or leave the field empty.")
        if hasattr(config, "population"):
            check_sources(config.population)
        jobs.start(name, task, settings, device=device, init=init)

    if attempt(begin):
        st.session_state[CHOSEN] = name
        forget("name", "")


def start_first() -> None:
    """The run that the empty page invites to."""
    name, number = FIRST_NAME, 1
    while (jobs.runs_folder() / name).exists():
        number += 1
        name = f"{FIRST_NAME}-{number}"
    start(name, "classify", FIRST, "auto", None)


def control(item: Field) -> None:
    """One setting, with its sentence."""
    meta = item.metadata
    key = keyed(item.name, item.default, among=meta.get("options"))
    common = dict(key=key, help=meta["text"])
    if meta["kind"] is bool:
        st.toggle(meta["label"], **common)
    elif meta["kind"] is str:
        st.selectbox(meta["label"], meta["options"], **common)
    elif meta["kind"] is int:
        st.number_input(meta["label"], meta["low"], meta["high"], step=STEPS_OF.get(item.name, 1), **common)
    else:
        unit = f" ({meta['unit']})" if meta["unit"] else ""
        st.number_input(meta["label"] + unit, float(meta["low"]), float(meta["high"]), format="%g",
                        step=STEPS_OF.get(item.name, 0.01), **common)


def devices() -> list[str]:
    """What torch finds here."""
    from lenslab.device import resolve_device

    found = ["auto", "cpu"]
    for name in (*(f"cuda:{number}" for number in range(16)), "mps"):
        try:
            found.append(str(resolve_device(name)))
        except ValueError:
            continue
    return found


def settings_of(task: str) -> tuple[list[Field], set[str]]:
    """The settings of a task that are declared, and the names of all of them."""
    from lenslab.tasks import TASKS

    every = fields(TASKS[task].module.Config)
    return [item for item in every if "kind" in item.metadata], {item.name for item in every}


def form() -> None:
    """Choose, see how long it will take, begin."""
    from lenslab.tasks import TASKS

    st.subheader("A new run")
    st.selectbox("Task", list(TASKS), format_func=lambda name: TASK_NAMES.get(name, name), key=keyed("task", next(iter(
        TASKS))), help="What the network is to find out.")
    task = value("task")
    declared, own = settings_of(task)
    for item in declared:
        if item.name == "network":
            control(item)
    if "population" in own:
        population_controls("data" in own)
    places = [place for _ in range(0, len(NEAR), 2) for place in st.columns(2)]
    for place, name in zip(places, NEAR, strict=True):
        with place:
            control(next(item for item in declared if item.name == name))
    end = st.container()  # its words follow from what is chosen below it
    with st.expander("More settings"):
        kept = {path.stem: path for path, card in list_checkpoints() if card.get("task") == task}
        origins = [FRESH, *kept]
        st.selectbox("Begin from", origins, key=keyed("init", FRESH, among=origins), help="Fresh weights, or a kept "
                     "checkpoint of the same network: steps and duration then sum up.")
        st.selectbox("Device", devices(), key=keyed("device", "auto"), help="auto takes the fastest here. One run at "
                     "a time has a device; the others wait their turn.")
        for item in declared:
            if item.name not in (*NEAR, "network"):
                control(item)
        if "regressor" in own:
            st.text_input("Start of the fits", key=keyed("regressor", ""), placeholder="none: near the truth",
                          help="For lens_residual: a checkpoint of the task start, or of a lens_residual, on the "
                               "machine that runs this app. Fits of training images begin where it says.")
    with end:
        begin(task, kept)
    remember()


def begin(task: str, kept: dict[str, Path]) -> None:
    """A name, how long it will take, and the button."""
    from lenslab.tasks import TASKS

    settings, known = chosen_settings(task), facts.shown()
    free = facts.suggested_name(settings, task, (job.name for job in known))
    st.text_input("Name", key=keyed("name", ""), placeholder=free, help="Of the run and its folder.")
    config = {item.name: item.default for item in fields(TASKS[task].module.Config)} | settings
    st.caption(f":material/schedule: {facts.estimate(task, config, value('device'), known)}")
    st.button("Start training", icon=":material/play_arrow:", width="stretch", key="train.start",
              on_click=start_as_chosen, args=(task, kept))


def start_as_chosen(task: str, kept: dict[str, Path]) -> None:
    """Begin what the form says when its button is pressed: that may be newer than what the page has drawn since."""
    settings, origin = chosen_settings(task), value("init")
    name = value("name").strip() or facts.suggested_name(settings, task, (job.name for job in facts.shown()))
    start(name, task, settings, value("device"), str(kept[origin].resolve()) if origin in kept else None)


def chosen_settings(task: str) -> dict:
    """The settings that differ from their defaults, and always network and population."""
    declared, own = settings_of(task)
    settings = {item.name: value(item.name) for item in declared
                if item.name == "network" or value(item.name) != item.default}
    if "population" in own:
        settings["population"] = population_word()
        settings |= {name: word for name in ("data", "regressor") if name in own and (word := value(name).strip())}
    return settings
