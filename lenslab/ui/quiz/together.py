"""The end of a game for a class: pooled scores, and thumbnails of all ten images."""

import secrets

import numpy as np
import streamlit as st

from lenslab.figures.canvas import MAPS
from lenslab.figures.classification import named
from lenslab.figures.observed import stretch_of
from lenslab.images.observation import Observation
from lenslab.ui.escape import plain
from lenslab.ui.language import words_of
from lenslab.ui.quiz import game as quiz_game
from lenslab.ui.quiz import pool
from lenslab.ui.quiz.game import ROUNDS, Game

CLASS, PLAYER, SENT = "quiz.class", "quiz.player", "quiz.sent"
SIDE = 96   # pixels of a thumbnail, at least


def arrive(code: str) -> Game | None:
    """Join the class of a link; the game that it plays."""
    code = code.strip().upper()[:12]
    game = pool.game_of(code)
    st.session_state[CLASS] = code if game else None
    st.session_state["quiz.class.unknown"] = None if game else code
    return game


def head() -> None:
    """Which class this game counts for."""
    words = words_of("quiz")
    if code := st.session_state.get(CLASS):
        st.caption(words["joined"].format(code=code))
    elif code := st.session_state.get("quiz.class.unknown"):
        st.warning(words["unknown"].format(code=plain(code)), icon=":material/info:")


def finish(game: Game, guesses: list[str], network: list[str | None]) -> None:
    """Add the score, show those of the class, and all ten images."""
    words, code, shares = words_of("quiz"), st.session_state.get(CLASS), None
    if code and pool.game_of(code) == game:
        player = st.session_state.setdefault(PLAYER, secrets.token_hex(8))
        asked = sum(answer is not None for answer in network)
        pool.add(code, player, guesses, quiz_game.score(game, network) if asked else None, asked)
        shares = class_scores(game, pool.pooled(code))
    st.subheader(words["images"] if shares else words["images"].split(",")[0])
    for start in range(0, ROUNDS, 5):
        for column, number in zip(st.columns(5), range(start, start + 5), strict=True):
            truth = words["names"].get(game.truth(number), named(game.truth(number)))
            told = words["each"].format(number=number + 1, truth=truth, share=shares[number]) if shares else \
                words["own"].format(number=number + 1, truth=truth)
            column.image(thumbnail(quiz_game.image(game, number).observation), caption=told, width="stretch")


def class_scores(game: Game, found: pool.Pool) -> list[float]:
    """Show what the class had right together; returns the share that saw each image right."""
    words, n = words_of("quiz"), len(found.guesses)
    right = np.array([[guess == game.truth(number) for number, guess in enumerate(each)] for each in found.guesses])
    st.subheader(words["pooled"])
    with st.container(horizontal=True):
        st.metric(words["players"], n, width=108)
        st.metric(words["right"], f"{right.sum(1).mean():.1f} / {ROUNDS}", width=150)
        if found.network[0] is not None:
            st.metric(words["network"], f"{found.network[0]} / {found.network[1]}", width=108)
        st.button(words["refresh"], key="quiz.refresh", icon=":material/refresh:")
    st.markdown(words["sentence"].format(share=right.mean(), n=right.size, chance=1 / len(game.classes)))
    return right.mean(0).tolist()


def thumbnail(observation: Observation) -> np.ndarray:
    """The image as colours (H, W, 3), y upwards."""
    image = observation.image[0, 0].cpu().numpy()
    stretch = stretch_of("asinh", observation)
    low, high = stretch.limits
    place = np.clip((stretch.apply(image) - low) / (high - low), 0, 1)
    stops = np.array([[int(colour[k:k + 2], 16) for k in (1, 3, 5)] for _, colour in MAPS["inferno"]], float)
    at = np.linspace(0, 1, len(stops))
    rgb = np.stack([np.interp(place, at, stops[:, k]) for k in range(3)], -1).astype(np.uint8)[::-1]
    times = -(-SIDE // len(rgb))
    return rgb.repeat(times, 0).repeat(times, 1)
