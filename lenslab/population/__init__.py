"""Named populations of scenes: what "HST, realistic" or "DeepLense Model I" means, as data.

`find("hst")`, `find("hst:slope=off,galaxies=on")`, `find("deeplense-1:noise_twice=off,fixed_number=off")`.
"""

from functools import cache

from lenslab.population.deeplense import SWITCHES, deeplense_population
from lenslab.population.galaxies import SMOOTH_SWITCHES, galaxy_population, seed_population
from lenslab.population.record import CHUNK, SPLITS, Draw, Law, Population

# name: (what makes it, its switches, whether they are on)
POPULATIONS = {
    "hst": (galaxy_population, tuple(SMOOTH_SWITCHES), True),
    "hst-light": (galaxy_population, tuple(SMOOTH_SWITCHES), True),
    "euclid": (galaxy_population, tuple(SMOOTH_SWITCHES), True),
    "euclid-light": (galaxy_population, tuple(SMOOTH_SWITCHES), True),
    "deeplense-1": (deeplense_population, SWITCHES["deeplense-1"], True),
    "deeplense-2": (deeplense_population, SWITCHES["deeplense-2"], True),
    "deeplense-1-mended": (deeplense_population, SWITCHES["deeplense-1"], False),
    "deeplense-2-mended": (deeplense_population, SWITCHES["deeplense-2"], False),
    "seed-64": (seed_population, (), True),
}
# What a population can have besides, off until it is asked for: its definition then is as if it did not exist.
EXTRAS = dict.fromkeys(("hst", "hst-light", "euclid", "euclid-light"), ("galaxies", "strings"))


@cache
def find(text: str) -> Population:
    """The population of a name with its switches; a ValueError lists what there is."""
    name, _, settings = text.partition(":")
    if name not in POPULATIONS:
        raise ValueError(f"No population {name[:40]!r}; choose from {', '.join(POPULATIONS)}.")
    make, known, on = POPULATIONS[name]
    extras = EXTRAS.get(name, ())
    usual = dict.fromkeys(known, on) | dict.fromkeys(extras, False)
    switches = dict(usual)
    for setting in filter(None, settings.split(",")):
        switch, _, value = setting.partition("=")
        if switch not in usual:
            choices = f"its switches are {', '.join(usual)}" if usual else "it has none"
            raise ValueError(f"Population {name} has no switch {switch[:40]!r}; {choices}.")
        if value not in ("on", "off"):
            raise ValueError(f"Switch {switch} of population {name} is {value[:40]!r}; give on or off, "
                             f"as in {name}:{switch}=off.")
        switches[switch] = value == "on"
    changed = ",".join(f"{switch}={'on' if value else 'off'}" for switch, value in switches.items()
                       if value != usual[switch])
    switches = {switch: value for switch, value in switches.items() if value or switch not in extras}
    return make(f"{name}:{changed}" if changed else name, switches)


__all__ = ["CHUNK", "POPULATIONS", "SPLITS", "Draw", "Law", "Population", "find"]
