"""Words that came from outside, shown in a picture as they are: plotly reads its texts as an HTML of its own."""

from lenslab.letters import visible

ENTITIES = str.maketrans({sign: f"&#{ord(sign)};" for sign in "&<>{}$"})  # tags, entities, %{places}, $formulas$


def literal(text: str) -> str:
    """A plotly text, title, name or piece of a hover template that shows the words letter by letter on one line."""
    return visible(text).translate(ENTITIES)
