"""Words can be read in both themes: contrasts of WCAG 2.1, from the colours that .streamlit/config.toml names."""

import ast
import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.screens import checked

HOME = Path(__file__).parents[2]
AA = 4.5                              # of words of usual size
WHITE = (1.0, 1.0, 1.0)
WHITE_ON_PRIMARY = {"multiselect"}    # elements whose words Streamlit paints white upon the primary colour, by name
THEMES = tomllib.loads((HOME / ".streamlit" / "config.toml").read_text())["theme"]


def rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[k:k + 2], 16) / 255 for k in (1, 3, 5))


def over(colour, ground, opacity: float) -> tuple[float, ...]:
    return tuple(opacity * a + (1 - opacity) * b for a, b in zip(colour, ground, strict=True))


def luminance(colour) -> float:
    """Relative luminance of sRGB, https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a, b) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard():
    assert contrast(WHITE, (0.0, 0.0, 0.0)) == pytest.approx(21)
    assert contrast(WHITE, rgb("#767676")) == pytest.approx(4.54, abs=0.005)  # the lightest grey that passes on white


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["backgroundColor", "secondaryBackgroundColor"])
def test_words_stand_out_from_their_ground(theme, ground):
    colours = {name: rgb(value) for name, value in THEMES[theme].items()}
    ground = colours[ground]
    for name in ("textColor", "linkColor", "primaryColor"):
        assert contrast(colours[name], ground) >= AA, name
    # Captions are the text at 60 %; a chosen segment or pill is the primary colour upon a tenth of itself.
    assert contrast(over(colours["textColor"], ground, 0.6), ground) >= AA
    assert contrast(colours["primaryColor"], over(colours["primaryColor"], ground, 0.1)) >= AA


def test_of_more_words_than_are_allowed_the_last_stay_chosen():
    def page():
        from lenslab.ui.controls import several

        several("Any", ["a", "b", "c"], key="chosen", most=2)

    app = checked(AppTest.from_function(page, default_timeout=60).run())
    checked(app.button_group(key="chosen").set_value(["a", "b", "c"]).run())
    assert app.button_group(key="chosen").value == ["b", "c"]


def calls(tree: ast.AST):
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))


def test_no_words_are_white_on_a_light_colour():
    """Streamlit does so in these elements whatever the theme; on the dark theme's light blue they cannot be read."""
    if all(contrast(WHITE, rgb(THEMES[theme]["primaryColor"])) >= AA for theme in ("light", "dark")):
        return
    for file in [*(HOME / "lenslab" / "ui").rglob("*.py"), *(HOME / "pages").glob("*.py")]:
        for call in calls(ast.parse(file.read_text())):
            primary = any(word.arg == "type" and getattr(word.value, "value", None) == "primary"
                          for word in call.keywords)
            assert call.func.attr not in WHITE_ON_PRIMARY and not primary, f"{file.name}, line {call.lineno}"
