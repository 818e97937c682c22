"""The one memory of forms: what a visitor chose on a page, kept as long as the session lives.

Streamlit forgets the value of a control that a run of the script did not draw, as on another page: values are copied
under a key that belongs to no control, and each control begins with its copy. In the session the form of a page is
`PAGE.form.NAME`, its copy `PAGE.kept`.
"""

from collections.abc import Collection
from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Form:
    """The controls of one page, by name."""

    page: str

    @property
    def copies(self) -> dict:
        return st.session_state.get(f"{self.page}.kept", {})

    def key(self, name: str) -> str:
        return f"{self.page}.form.{name}"

    def keyed(self, name: str, default, among: Collection | None = None) -> str:
        """The key of a control, whose value is what was chosen before, on this page or before it was left.

        among   what can be chosen by now: anything else gives way to the default, and leaves a list of choices
        """
        key = self.key(name)
        if key not in st.session_state:
            st.session_state[key] = self.copies.get(name, default)
        chosen = st.session_state[key]
        if among is not None and isinstance(chosen, list):
            st.session_state[key] = [item for item in chosen if item in among]
        elif among is not None and chosen not in among:
            st.session_state[key] = default
        return key

    def value(self, name: str, default=None):
        """What stands in a control, or stood there when it was last drawn."""
        return st.session_state.get(self.key(name), self.copies.get(name, default))

    def put(self, **chosen) -> None:
        """Choose in the visitor's place, before the controls are drawn or from a callback."""
        self.hold(**chosen)
        for name, value in chosen.items():
            st.session_state[self.key(name)] = value

    def hold(self, **chosen) -> None:
        """Copy what was chosen elsewhere than in a control of this form."""
        st.session_state[f"{self.page}.kept"] = {**self.copies, **chosen}

    def remember(self) -> None:
        """Copy what stands in the form; what is not drawn now keeps its copy."""
        before = self.key("")
        self.hold(**{key.removeprefix(before): chosen for key, chosen in st.session_state.items()
                     if isinstance(key, str) and key.startswith(before)})

    def draw_again(self) -> None:
        """End this run and draw the page anew, though its visitor turned nothing."""
        st.session_state[f"{self.page}.anew"] = True
        st.rerun()

    def tell_again(self, *others: str) -> None:
        """After `draw_again` give every control its value once more, those of other prefixes too: a slow browser that
        has not yet drawn the page before would show the least value of each, since values that a session holds are
        told only once."""
        if st.session_state.pop(f"{self.page}.anew", False):
            for key, value in st.session_state.items():
                if isinstance(key, str) and key.startswith((self.key(""), *others)):
                    st.session_state[key] = value

    def forget(self, name: str) -> None:
        """Let a control begin anew."""
        st.session_state[f"{self.page}.kept"] = {key: value for key, value in self.copies.items() if key != name}
        st.session_state.pop(self.key(name), None)
