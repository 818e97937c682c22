"""A new training: every control is made from the declaration of its setting. What was chosen outlives a change of page.

torch is loaded here and not by those who only watch.
"""

from dataclasses import Field, fields
from pathlib import Path

import streamlit as st

from lenslab.checkpoint import list_checkpoints
from lenslab.runs import jobs
from lenslab.tasks import TASKS, Preset
from lenslab.ui.train import facts
from lenslab.ui.train.population import FORM, check_sources, population_controls, population_word

NOTICE, CHOSEN = "train.notice", "train.run"
NEAR = ("steps", "batch", "lr", "seed")  # the rest waits in an expander
FRESH = "fresh weights"
DEFAULTS = "The defaults"
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
    from lenslab.tasks.training import configure

    def begin():
        config = configure(TASKS[task].module.Config, settings)
        for item in fields(config):
            file = getattr(config, item.name)
            if "absent" in item.metadata and file and not Path(file).is_file():
                raise ValueError(f"{item.metadata['label']}: there is no file {file}; make one, or leave the field "
                                 f"empty: {item.metadata['absent']}.")
        if getattr(config, "data", "") and hasattr(config, "population"):
            from lenslab.sets.dataset import population_of

            population_of(config.data)
        if hasattr(config, "population"):
            check_sources(config.population)
        jobs.start(name, task, settings, device=device, init=init)

    if attempt(begin):
        st.session_state[CHOSEN] = name
        FORM.forget("name")


def start_first() -> None:
    """The run that the empty page invites to."""
    task = next(iter(TASKS))
    first = TASKS[task].presets[0]
    name, number = first.name, 1
    while (jobs.runs_folder() / name).exists():
        number += 1
        name = f"{first.name}-{number}"
    start(name, task, first.settings, "auto", None)


def fill(task: str, preset: Preset | None) -> None:
    """Put the settings of a preset into the form, or a task's defaults."""
    settings = {} if preset is None else preset.settings
    every = {item.name: item for item in fields(TASKS[task].module.Config)}
    chosen = {name: settings.get(name, item.default) for name, item in every.items()}
    if "population" in chosen:
        chosen |= dict(population=chosen["population"].partition(":")[0], switches=[])
    FORM.put(**chosen)


def preset_controls(task: str) -> None:
    """What the form opens with; another task or preset fills it anew, and nothing else does."""
    known = {preset.title: preset for preset in TASKS[task].presets}
    titles = [*known, DEFAULTS]
    st.selectbox("Begin with", titles, key=FORM.keyed("preset", titles[0], among=titles), help="Settings to begin "
                 "with, all of which can be changed below.")
    chosen = known.get(FORM.value("preset"))
    if FORM.value("filled") != (task, FORM.value("preset")):
        fill(task, chosen)
        FORM.hold(filled=(task, FORM.value("preset")))
    if chosen is not None:
        st.caption(f"{chosen.sentence} About {chosen.minutes:g} minutes.")


def control(item: Field) -> None:
    """One setting, with its sentence."""
    meta = item.metadata
    key = FORM.keyed(item.name, item.default, among=meta.get("options"))
    common = dict(key=key, help=meta["text"])
    if meta["kind"] is bool:
        st.toggle(meta["label"], **common)
    elif meta["kind"] is str and meta["options"] is None:
        st.text_input(meta["label"], placeholder=f"none: {meta['absent']}", **common)
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
    every = fields(TASKS[task].module.Config)
    return [item for item in every if "kind" in item.metadata], {item.name for item in every}


def form() -> None:
    """Choose, see how long it will take, begin."""
    st.subheader("A new run")
    st.selectbox("Task", list(TASKS), format_func=lambda name: TASKS[name].title,
                 key=FORM.keyed("task", next(iter(TASKS)), among=TASKS), help="What the network is to find out.")
    task = FORM.value("task")
    preset_controls(task)
    declared, own = settings_of(task)
    for item in declared:
        if item.name == "network":
            control(item)
    if "population" in own:
        population_controls()
    places = [place for _ in range(0, len(NEAR), 2) for place in st.columns(2)]
    for place, name in zip(places, NEAR, strict=True):
        with place:
            control(next(item for item in declared if item.name == name))
    end = st.container()  # its words follow from what is chosen below it
    with st.expander("More settings"):
        kept = {path.stem: path for path, card in list_checkpoints() if card.get("task") == task}
        origins = [FRESH, *kept]
        st.selectbox("Begin from", origins, key=FORM.keyed("init", FRESH, among=origins), help="Fresh weights, or a "
                     "kept checkpoint of the same network: steps and duration then sum up.")
        st.selectbox("Device", devices(), key=FORM.keyed("device", "auto"), help="auto takes the fastest here. One run "
                     "at a time has a device; the others wait their turn.")
        for item in declared:
            if item.name not in (*NEAR, "network"):
                control(item)
    with end:
        begin(task, kept)
    FORM.remember()


def begin(task: str, kept: dict[str, Path]) -> None:
    """A name, how long it will take, and the button."""
    settings, known = chosen_settings(task), facts.runs()
    free = facts.suggested_name(settings, task, (job.name for job in known))
    st.text_input("Name", key=FORM.keyed("name", ""), placeholder=free, help="Of the run and its folder.")
    config = {item.name: item.default for item in fields(TASKS[task].module.Config)} | settings
    st.caption(f":material/schedule: {facts.estimate(task, config, FORM.value('device'), known)}")
    st.button("Start training", icon=":material/play_arrow:", width="stretch", key="train.start",
              on_click=start_as_chosen, args=(task, kept))


def start_as_chosen(task: str, kept: dict[str, Path]) -> None:
    """Begin what the form says when its button is pressed: that may be newer than what the page has drawn since."""
    settings, origin = chosen_settings(task), FORM.value("init")
    name = FORM.value("name").strip() or facts.suggested_name(settings, task, (job.name for job in facts.runs()))
    start(name, task, settings, FORM.value("device"), str(kept[origin].resolve()) if origin in kept else None)


def chosen_settings(task: str) -> dict:
    """The settings that differ from their defaults, and always network and population."""
    declared, own = settings_of(task)
    settings = {item.name: word.strip() if isinstance(word := FORM.value(item.name), str) else word
                for item in declared if item.name == "network" or FORM.value(item.name) != item.default}
    return settings | ({"population": population_word()} if "population" in own else {})
