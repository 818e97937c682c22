"""The trained generators of jets at hand, the simulated jets that they stand beside, and how one makes another."""

from pathlib import Path

import streamlit as st

from lenslab.checkpoint import FORMAT, checkpoints_folder, list_checkpoints
from lenslab.jets.files import SAMPLE, Jets, read
from lenslab.tasks.jets.conditions import JetConditions
from lenslab.tasks.jets.pixels import Pixels
from lenslab.tasks.jets.task import POPULATION
from lenslab.ui.drawing import PROCESSES
from lenslab.ui.pick.networks import Network

BEST = "generate-jets"      # the name of its checkpoint


def jet_networks() -> tuple[list[Network], list[str]]:
    """Networks of the task jets, the best first, and why others of it cannot be asked."""
    networks, problems = [], []
    for path, card in list_checkpoints():
        if card.get("task") != "jets":
            continue
        try:
            networks.append(sound(path, card))
        except (ValueError, OSError) as error:
            problems.append(f"{path.name}: {error}")
    return sorted(networks, key=lambda network: (network.name != BEST, network.name)), problems


def sound(path: Path, card: dict) -> Network:
    """A checkpoint that can be asked."""
    if card.get("format") != FORMAT:
        raise ValueError("It was made by an earlier lenslab; carry it over with python -m lenslab renew "
                         f"{path.name}.")
    JetConditions.of_card(card.get("conditions"))
    Pixels.of_card(card.get("pixels"))
    stat = path.stat()
    return Network(path, (stat.st_mtime_ns, stat.st_size), POPULATION, card)


def kind(network: Network) -> str:
    """What sort of model it is, as it stands beside its neighbours."""
    config = network.card.get("config") if isinstance(network.card.get("config"), dict) else {}
    words = PROCESSES.get(str(config.get("process")), "A model")
    words += " with masks" if config.get("masks") is True else ""
    return words if network.name == BEST else f"{words} · {network.name[:40]}"


def conditions_of(network: Network) -> JetConditions:
    return JetConditions.of_card(network.card["conditions"])


def side_of(network: Network) -> int:
    """Pixels on a side of its images."""
    return Pixels.of_card(network.card["pixels"]).side


@st.cache_resource(show_spinner=False)
def simulated() -> Jets:
    """The jets that lenslab brings."""
    return read(SAMPLE)


def making() -> str:
    """The commands that make a checkpoint where this page looks for it."""
    names = (BEST, *(f"{BEST}-{number}" for number in range(2, 100)))
    path = next(path for path in (checkpoints_folder() / f"{name}.safetensors" for name in names) if not path.exists())
    return f"python -m lenslab train jets --run runs/jets lr=0.001\ncp -n runs/jets/best.safetensors {path}"
