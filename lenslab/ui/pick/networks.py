"""The trained networks of a task at hand, and what each has learnt from.

A network is loaded once for all sessions and only read. A page of a task asks `networks_of(TASK)` and, where there is
none, names the command of `making(TASK)`.
"""

from dataclasses import dataclass, field, fields
from itertools import chain, count
from pathlib import Path

import streamlit as st

from lenslab.checkpoint import FORMAT, checkpoints_folder, list_checkpoints, plain
from lenslab.population import find
from lenslab.tasks import TASKS
from lenslab.tasks.trained import Trained, load
from lenslab.ui import cached

USUAL = "seed-64"  # what the page names where there is nothing: it is learnt in minutes


@dataclass(frozen=True)
class Network:
    """A checkpoint that can be asked; equal while its file is the same."""

    path: Path
    stamp: tuple[int, int]                           # time and size of the file
    population: str
    card: dict = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def short(self) -> str:
        """Its kind, as it stands beside its neighbours: the checkpoint without suffix is its population's best."""
        settings = self.card.get("config")
        kind = self.card.get("network") or (settings.get("kind") if isinstance(settings, dict) else "") or self.name
        kind = str(kind)[:40]
        return f"{kind} (best)" if self.best else kind

    @property
    def best(self) -> bool:
        return self.name == f"{self.card.get('task')}-{family(self.population)}"

    @property
    def classes(self) -> tuple[str, ...]:
        """What it can name, in the order of its answers."""
        return tuple(self.card["classes"])

    @property
    def outdated(self) -> bool:
        """Whether the population of that name has other laws by now than those that it learnt from."""
        return laws(self.card.get("definition")) != laws(plain(find(self.population).definition))


def laws(definition: object) -> dict:
    """A definition of a population without the words about it."""
    known = definition if isinstance(definition, dict) else {}
    return {name: value for name, value in known.items() if name != "about"}


def facts(definition: object) -> dict:
    """What of a population's definition a network depends on most: its images are these, or are not for it."""
    known = laws(definition)
    camera = known.get("camera") if isinstance(known.get("camera"), dict) else {}
    parts = (known, ("classes", "symmetry")), (camera, ("num_pix", "pixel_scale"))
    return {name: part[name] for part, names in parts for name in names if name in part}


def family(population: str) -> str:
    return population.split(":")[0]


def networks_of(task: str) -> tuple[dict[str, list[Network]], list[str]]:
    """Networks of a task by what they learnt from, the best of each first, and why others of it cannot be asked."""
    found: dict[str, list[Network]] = {}
    problems = []
    for path, card in list_checkpoints():
        if card.get("task") not in (None, task):
            continue
        try:
            network = sound(path, card)
        except (ValueError, OSError) as error:
            problems.append(str(error))
            continue
        found.setdefault(network.population, []).append(network)
    for networks in found.values():
        networks.sort(key=lambda network: (not network.best, network.name))
    return found, problems


def sound(path: Path, card: dict) -> Network:
    """A checkpoint whose images can be drawn: those of the population that this lenslab knows by its name."""
    if "problem" in card:
        raise ValueError(str(card["problem"]))
    if card.get("format") != FORMAT:
        raise ValueError(f"{path.name} was made by an earlier lenslab; carry it over with python -m lenslab renew "
                         f"{path.name}.")
    name = card.get("population") if isinstance(card.get("population"), str) else ""
    try:
        population = find(name[:100])
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    learnt = facts(card.get("definition")) | card
    for what, meant in facts(plain(population.definition)).items():
        if learnt.get(what) != meant:
            raise ValueError(f"{path.name} learnt from {name} with {what} {str(learnt.get(what))[:80]}, which now has "
                             f"{meant}: no image can be drawn for it; train it anew.")
    stat = path.stat()
    return Network(path, (stat.st_mtime_ns, stat.st_size), name, card)


def making(task: str, population: str = USUAL) -> str:
    """The commands that make a checkpoint where pages look for it, under a name that no other has."""
    kind = next((item.default for item in fields(TASKS[task].module.Config) if item.name == "network"), "")
    run, name = f"runs/{kind or task}-{family(population)}", f"{task}-{family(population)}"
    names = chain((name, *([f"{name}-{kind}"] if kind else [])), ("-".join(filter(None, (name, kind, str(number))))
                                                                  for number in count(2)))
    path = next(path for path in (checkpoints_folder() / f"{name}.safetensors" for name in names) if not path.exists())
    return (f"python -m lenslab train {task} {f'--network {kind} ' if kind else ''}--population {population} "
            f"--run {run} lr=0.001\ncp -n {run}/best.safetensors {path}")


@st.cache_resource(max_entries=8, show_spinner=False)
def loaded(path: str, stamp: tuple[int, int], device: str) -> Trained:
    """The network of a file, shared by all sessions; `stamp` is that of the file."""
    return load(path, device)


def trained_of(network: Network) -> Trained:
    return loaded(str(network.path), network.stamp, str(cached.device()[0]))
