"""The quiz: guess the dark matter, visitor against network, ten images, an explanation after each."""

import numpy as np
import streamlit as st

from lenslab.figures import canvas, classification, observed
from lenslab.figures.classification import named
from lenslab.insight.significance import EASIER, at_most, promise
from lenslab.population import find
from lenslab.scene import Scene
from lenslab.ui import cached
from lenslab.ui.classify import trust as trust
from lenslab.ui.classify.answers import ask
from lenslab.ui.escape import plain
from lenslab.ui.gate import through_the_gate
from lenslab.ui.language import words_of
from lenslab.ui.pick import networks
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import Network, making
from lenslab.ui.plot import plot
from lenslab.ui.quiz import game as quiz_game
from lenslab.ui.quiz import together
from lenslab.ui.quiz.game import LEVELS, MAX_SEED, ROUNDS, Game
from lenslab.ui.window import is_dark

GAME, GUESSES, AT, TOLD, UNASKED, ALONE = ("quiz.game", "quiz.guesses", "quiz.at", "quiz.told", "quiz.unasked",
                                           "quiz.alone")
KEYS = "123456789"
WIDTH = 108  # pixels of one number: three stand in a row on a phone
def arrive() -> None:
    """The game of the address, when the page is opened by a link; else the one of this session."""
    query = st.query_params.to_dict()
    if GAME not in st.session_state:
        begin(Game(quiz_game.FIRST, "plain", int(np.random.default_rng().integers(1, MAX_SEED))))
        if game := together.arrive(query["class"]) if "class" in query else None:
            begin(game)
        elif {"population", "seed"} <= query.keys():
            try:
                begin(Game.of_link(query["population"], query.get("level", "plain"), query["seed"]))
            except ValueError as error:
                st.session_state[TOLD] = words_of("quiz")["no_game"].format(error=error)
    game = st.session_state[GAME]
    code = st.session_state.get(together.CLASS)
    st.query_params.from_dict({"population": game.population, "level": game.level, "seed": str(game.seed)}
                              | ({"class": code} if code else {}))


def begin(game: Game) -> None:
    """Start a game anew."""
    st.session_state.update({GAME: game, GUESSES: [], AT: 0})
    st.session_state.pop(TOLD, None)
    st.session_state.pop(ALONE, None)
    for name in ("population", "level", "seed"):
        st.session_state.pop(f"quiz.form.{name}", None)


def controls() -> None:
    """Which lenses, how hard, which ten images."""
    words = words_of("quiz")
    game, (known, _) = st.session_state[GAME], networks.networks_of("classify")
    names = list(dict.fromkeys([game.population, *known, *quiz_game.USUAL]))
    for name, value in (("population", game.population), ("level", game.level), ("seed", game.seed)):
        st.session_state.setdefault(f"quiz.form.{name}", value)

    def changed():
        begin(Game(*(st.session_state[f"quiz.form.{name}"] for name in ("population", "level", "seed"))))

    st.selectbox(words["lenses"], names, key="quiz.form.population", on_change=changed,
                 format_func=lambda name: words["kinds"].format(name=name, n=len(find(name).classes))
                 + ("" if name in known else words["alone"]))
    st.caption(find(game.population).about)
    st.selectbox(words["hard"], list(LEVELS), key="quiz.form.level", on_change=changed, format_func=words["levels"].get,
                 help=words["hard_help"])
    st.number_input(words["game"], 0, MAX_SEED, step=1, key="quiz.form.seed", on_change=changed,
                    help=words["game_help"])
    st.button(words["other"], icon=":material/casino:", width="stretch", key="quiz.again", on_click=other)
    st.caption(words["send"])


def called(name: str) -> str:
    """What a visitor reads for a class, in the visitor's language."""
    return words_of("quiz")["names"].get(name, named(name))


def other() -> None:
    game = st.session_state[GAME]
    begin(Game(game.population, game.level, game.seed % MAX_SEED + 1))


def opponent(game: Game) -> Network | None:
    """The best network of these lenses that can be loaded; none where the visitor plays alone."""
    if st.session_state.get(ALONE):
        return None
    known, _ = networks.networks_of("classify")
    for network in known.get(game.population, ()):
        try:
            networks.trained_of(network)
        except ValueError:
            continue
        return network
    return None


def alone() -> None:
    """Stop was pressed while the network answered: this game goes on without it."""
    st.session_state[ALONE] = True


def guess(name: str) -> None:
    if len(st.session_state[GUESSES]) == st.session_state[AT]:
        st.session_state[GUESSES] = [*st.session_state[GUESSES], name]


def forward() -> None:
    st.session_state[AT] = min(st.session_state[AT] + 1, ROUNDS)


def play() -> None:
    """One image and what belongs to it, or the end of the game."""
    words = words_of("quiz")
    game, guesses, at = (st.session_state[name] for name in (GAME, GUESSES, AT))
    if TOLD in st.session_state:
        st.warning(plain(st.session_state[TOLD]), icon=":material/info:")
    together.head()
    network = opponent(game)
    standing(game, guesses, network)
    if at >= ROUNDS:
        return finish(game, guesses, network)
    left, right = st.columns([5, 4], gap="medium")
    with left:
        try:
            shown = through_the_gate(lambda turn: quiz_game.image(game, at), words["drawing"], key="quiz.stop",
                                     on_stop=other)
        except ValueError as error:
            st.warning(plain(str(error)))
            return None
        title = words["image"].format(number=at + 1, of=ROUNDS)
        plot(observed.image(shown.observation, title=title, height=520), key="quiz.image",
             alt=f"{title}: {words['unknown_lens']}")
    with right:
        if len(guesses) == at:
            question(game)
        else:
            tell(game, at, guesses[at], shown, network)
    return None


def standing(game: Game, guesses: list[str], network: Network | None) -> None:
    """Visitor against network so far."""
    words = words_of("quiz")
    with st.container(horizontal=True, gap="small"):
        st.metric(words["you"], words["of"].format(right=quiz_game.score(game, guesses), n=len(guesses))
                  if guesses else "–", width=WIDTH)
        if network is not None:
            answers = said(game, guesses, network)
            asked = len(answers) - answers.count(None)
            st.metric(words["network"], words["of"].format(right=quiz_game.score(game, answers), n=asked)
                      if asked else "–", width=WIDTH, help=words["network_help"])
        st.metric(words["chance"], f"{len(guesses) / len(game.classes):.1f}" if guesses else "–", width=WIDTH,
                  help=words["chance_help"].format(n=len(game.classes)))
    if network is not None and (doubt := trust.doubts(network)):
        st.caption(doubt)


def said(game: Game, guesses: list[str], network: Network) -> list[str | None]:
    """The network's answers in the rounds that are over; None where it was shown what it never learnt from."""
    answers = []
    for number in range(len(guesses)):
        shown = quiz_game.image(game, number)
        answer = ask(network, shown, on_stop=alone)
        answers.append(None if trust.outside(network, shown, answer) else
                       game.classes[int(answer.probabilities.argmax())])
    return answers


def question(game: Game) -> None:
    """A button for each class, which keys reach too."""
    words = words_of("quiz")
    st.markdown(f"### {words['question']}")
    kinds = find(game.population).kinds
    for number, name in enumerate(game.classes):
        st.button(called(name), key=f"quiz.guess.{name}", width="stretch", on_click=guess, args=(name,),
                  shortcut=KEYS[number])
        st.caption(words["hints"][kinds[number]])


def tell(game: Game, at: int, guessed: str, shown, network: Network | None) -> None:
    """Who was right, and why."""
    words = words_of("quiz")
    truth = shown.truth
    right = guessed == truth
    (st.success if right else st.info)(
        words["right_told" if right else "wrong_told"].format(truth=called(truth), guessed=called(guessed)),
        icon=":material/check_circle:" if right else ":material/lightbulb:")
    st.button(words["next" if at + 1 < ROUNDS else "end"], icon=":material/arrow_forward:", key="quiz.next",
              on_click=forward, shortcut="n", width="stretch")
    st.markdown(words["after"][shown.scene.substructure.kind])
    if network is not None:
        opinion(game, shown, network)
    else:
        missing(game)
    if shown.scene.substructure.kind != "none" and st.session_state.get(UNASKED) != (game, at):
        signal(shown.scene)


def opinion(game: Game, shown: Shown, network: Network) -> None:
    """What the network said, or why it has no answer."""
    answer = ask(network, shown, on_stop=alone)
    why = trust.outside(network, shown, answer)
    if why:
        words = words_of("quiz")
        milder = "" if game.level == "real" else words["milder"].format(level=words["levels"]["real"])
        st.warning(trust.refusal({network: why}, every=True) + milder, icon=":material/warning:")
    said = ", ".join(f"{named(name)} {value:.0%}" for name, value in
                     zip(game.classes, answer.probabilities, strict=True))
    plot(classification.bars([classification.Answer(network.short, answer.probabilities, valid=not why)], game.classes,
                             truth=shown.truth, title="No answer: these bars mean nothing" if why else
                             "What the network said"), key="quiz.bars", square=False,
         alt="The network has no answer" if why else f"Probabilities of the network: {said}")


def signal(scene: Scene) -> None:
    """Where the substructure was."""
    sigmas, total = through_the_gate(lambda turn: cached.significance(scene), "What the substructure changed",
                                     key="quiz.signal.stop", on_stop=skip)
    camera = scene.camera
    plot(observed.residual(sigmas, canvas.Frame(*sigmas.shape, camera.pixel_scale), dark=is_dark(), height=340,
                           title=f"What the substructure changed: λ {at_most(total)}"), key="quiz.signal", later=True,
         alt="Change of the image by the substructure in units of the noise")
    st.caption(f"The image with substructure minus the best smooth lens, in units of the noise: {at_most(total)} in "
               f"all. {promise(total)} {EASIER}")


def skip() -> None:
    """Stop was pressed: this round goes without the picture."""
    st.session_state[UNASKED] = st.session_state[GAME], st.session_state[AT]


def missing(game: Game) -> None:
    """No opponent: the command that makes one."""
    st.caption(f"No network has learnt from {game.population} yet, so you play alone. This makes one:")
    st.code(making("classify", game.population), language="sh", wrap_lines=True)


def finish(game: Game, guesses: list[str], network: Network | None) -> None:
    """The end of a game."""
    mine, chance = quiz_game.score(game, guesses), ROUNDS / len(game.classes)
    answers = said(game, guesses, network) if network is not None else []
    theirs = quiz_game.score(game, answers)
    asked = [number for number, answer in enumerate(answers) if answer is not None]
    beside = sum(guesses[number] == game.truth(number) for number in asked)    # yours, of the images it was asked about
    words = words_of("quiz")
    verdict = "" if network is None else words["no_answer"] if not asked else words[
        "better" if beside > theirs else "even" if beside == theirs else "worse"]
    st.markdown(f"### {words['score'].format(right=mine, of=ROUNDS)} {verdict}")
    if asked and len(asked) < ROUNDS:
        st.markdown(words["of_those"].format(n=len(asked), beside=beside, theirs=theirs))
    st.markdown(words["luck"].format(chance=chance))
    told = [{words["said"]: called(answer) if answer else words["nothing"]} for answer in answers] or [{}] * ROUNDS
    st.dataframe([{words["number"]: number + 1, words["it_was"]: called(game.truth(number)),
                   words["you_said"]: called(given)} | told[number]
                  for number, given in enumerate(guesses)], hide_index=True)
    together.finish(game, guesses, answers)
    with st.container(horizontal=True):
        st.button(words["other"], icon=":material/casino:", key="quiz.more", on_click=other)
        st.button(words["same"], icon=":material/replay:", key="quiz.same", on_click=begin, args=(game,))
