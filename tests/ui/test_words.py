"""Words on pages are a visitor's, not ours: no names of variables, no notes to ourselves."""

import re
from dataclasses import fields

import pytest

from lenslab.instruments import SOURCES
from lenslab.population import POPULATIONS, find
from lenslab.scene import Camera, Clump, Lens, Scene, Sersic, Source, Substructure
from lenslab.ui.simulate.gallery import PRESETS
from lenslab.ui.simulate.panels import KIND_TEXT

NAME = re.compile(r"\b[A-Za-z]\w*_\w+")     # of a variable
NOTES = ("from memory", "draw is taken", "is ignored")
RECORDS = (Scene, Lens, Sersic, Source, Clump, Substructure, Camera)


def tooltips() -> dict[str, str]:
    return {f"{record.__name__}.{item.name}": f"{item.metadata['label']}: {item.metadata['text']}"
            for record in RECORDS for item in fields(record) if "text" in item.metadata}


def abouts() -> dict[str, str]:
    names = [name for family, (_, switches, on) in POPULATIONS.items()
             for name in (family, *(f"{family}:{switch}={'off' if on else 'on'}" for switch in switches))]
    return {name: find(name).about for name in names}


@pytest.mark.parametrize("texts", [tooltips, abouts, lambda: KIND_TEXT,
                                   lambda: {preset.name: preset.text for preset in PRESETS}],
                         ids=["tooltips", "populations", "kinds", "presets"])
def test_no_variable_and_no_note_to_ourselves_stands_in_a_sentence(texts):
    found = texts()
    assert found
    for name, text in found.items():
        assert not NAME.search(text) and not any(note in text for note in NOTES), f"{name}: {text}"


def test_sources_of_numbers_are_no_notes_to_ourselves():
    for preset, sources in SOURCES.items():
        for name, text in sources.items():
            assert not any(note in text for note in NOTES), f"{preset}, {name}: {text}"


@pytest.mark.parametrize(("changes", "setting"), [
    ({"z_source": 0.4}, "z_source"), ({"substructure.log10_m_min": 10.0}, "log10_m_min")])
def test_a_refusal_names_what_is_on_the_page(changes, setting):
    with pytest.raises(ValueError) as refused:
        Scene().set(changes)
    assert setting not in str(refused.value)
