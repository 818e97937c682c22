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
from lenslab.ui.pick import networks
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import Network, making
from lenslab.ui.plot import plot
from lenslab.ui.quiz import game as quiz_game
from lenslab.ui.quiz.game import LEVELS, MAX_SEED, ROUNDS, Game
from lenslab.ui.window import is_dark

GAME, GUESSES, AT, TOLD, UNASKED, ALONE = ("quiz.game", "quiz.guesses", "quiz.at", "quiz.told", "quiz.unasked",
                                           "quiz.alone")
KEYS = "123456789"
WIDTH = 108  # pixels of one number: three stand in a row on a phone
HINTS = {  # what to look for, by the kind of substructure
    "none": "Arcs are smooth; what wiggles is noise.",
    "cdm": "Clumps: a bend, a gap or a bright knot where a heavy one sits on the arc.",
    "wdm": "Like cold dark matter, but only the heavy clumps are there: fewer, larger bends.",
    "fdm": "Grains everywhere: the whole ring is rippled or patchy.",
    "vortex": "A straight line of mass: kinks of the arc along one line.",
    "deeplense_cdm": "Points of mass: sharp gaps and bright knots in the ring.",
    "deeplense_axion": "A line of points: the ring is cut or doubled along one direction.",
}
AFTER = {
    "none": "All mass of this lens is smooth. A ring can be lopsided or broken for many smooth reasons: the place and "
            "shape of the source, the stretch by neighbours.",
    "cdm": "Hundreds of dark clumps swarm through this lens; nearly all are too light to see. What shows is the few "
           "heavy ones that happen to sit on the light.",
    "wdm": "Warm particles streamed out of the small clumps, so only the larger ones are left. On the image that is "
           "nearly what cold dark matter does, and so it is often taken for it.",
    "fdm": "This dark matter is a wave. Where its crests add up the mass is denser: grains all over the lens, which "
           "ripple the whole ring rather than one place.",
    "vortex": "A straight line of mass crosses this lens, as a vortex of an axion condensate would. Where it meets the "
              "arc, the light is bent along a line.",
    "deeplense_cdm": "Point masses are strewn over this lens; each one close to the ring pinches it.",
    "deeplense_axion": "A hundred point masses stand on one line, as the DeepLense sets draw a vortex: the ring is "
                       "disturbed along that line.",
}


def arrive() -> None:
    """The game of the address, when the page is opened by a link; else the one of this session."""
    query = st.query_params.to_dict()
    if GAME not in st.session_state:
        begin(Game(quiz_game.FIRST, "plain", int(np.random.default_rng().integers(1, MAX_SEED))))
        if {"population", "seed"} <= query.keys():
            try:
                begin(Game.of_link(query["population"], query.get("level", "plain"), query["seed"]))
            except ValueError as error:
                st.session_state[TOLD] = f"This link names no game. {error} Another one is played."
    game = st.session_state[GAME]
    st.query_params.from_dict({"population": game.population, "level": game.level, "seed": str(game.seed)})


def begin(game: Game) -> None:
    """Start a game anew."""
    st.session_state.update({GAME: game, GUESSES: [], AT: 0})
    st.session_state.pop(TOLD, None)
    st.session_state.pop(ALONE, None)
    for name in ("population", "level", "seed"):
        st.session_state.pop(f"quiz.form.{name}", None)


def controls() -> None:
    """Which lenses, how hard, which ten images."""
    game, (known, _) = st.session_state[GAME], networks.known("classify")
    names = list(dict.fromkeys([game.population, *known, *quiz_game.USUAL]))
    for name, value in (("population", game.population), ("level", game.level), ("seed", game.seed)):
        st.session_state.setdefault(f"quiz.form.{name}", value)

    def changed():
        begin(Game(*(st.session_state[f"quiz.form.{name}"] for name in ("population", "level", "seed"))))

    st.selectbox("Lenses", names, key="quiz.form.population", on_change=changed,
                 format_func=lambda name: f"{name}: {len(find(name).classes)} kinds"
                 + ("" if name in known else ", no network"))
    st.caption(find(game.population).about)
    st.selectbox("How hard", list(LEVELS), key="quiz.form.level", on_change=changed,
                 format_func=lambda name: LEVELS[name][0],
                 help="Real substructure is at the edge of what can be seen, by eye mostly below it. To learn what to "
                      "look for, begin with clumps that are heavier than real.")
    st.number_input("Game number", 0, MAX_SEED, step=1, key="quiz.form.seed", on_change=changed,
                    help="The same number shows everybody the same ten images: put it on the board.")
    st.button("Other images", icon=":material/casino:", width="stretch", key="quiz.again", on_click=other)
    st.caption("The address of this page carries the game: send it to a class.")


def other() -> None:
    game = st.session_state[GAME]
    begin(Game(game.population, game.level, game.seed % MAX_SEED + 1))


def opponent(game: Game) -> Network | None:
    """The best network of these lenses that can be loaded; none where the visitor plays alone."""
    if st.session_state.get(ALONE):
        return None
    known, _ = networks.known("classify")
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
    game, guesses, at = (st.session_state[name] for name in (GAME, GUESSES, AT))
    if TOLD in st.session_state:
        st.warning(plain(st.session_state[TOLD]), icon=":material/info:")
    network = opponent(game)
    standing(game, guesses, network)
    if at >= ROUNDS:
        return finish(game, guesses, network)
    left, right = st.columns([5, 4], gap="medium")
    with left:
        try:
            shown = through_the_gate(lambda turn: quiz_game.image(game, at), "The next lens is drawn", key="quiz.stop",
                                     on_stop=other)
        except ValueError as error:
            st.warning(plain(str(error)))
            return None
        plot(observed.image(shown.observation, title=f"Image {at + 1} of {ROUNDS}", height=520), key="quiz.image",
             alt=f"Image {at + 1} of {ROUNDS}: a gravitational lens of unknown dark matter")
    with right:
        if len(guesses) == at:
            question(game)
        else:
            tell(game, at, guesses[at], shown, network)
    return None


def standing(game: Game, guesses: list[str], network: Network | None) -> None:
    """Visitor against network so far."""
    with st.container(horizontal=True, gap="small"):
        st.metric("You", f"{quiz_game.score(game, guesses)} of {len(guesses)}" if guesses else "–", width=WIDTH)
        if network is not None:
            answers = said(game, guesses, network)
            asked = len(answers) - answers.count(None)
            st.metric("Network", f"{quiz_game.score(game, answers)} of {asked}" if asked else "–", width=WIDTH,
                      help="Of the images that it may be asked about: those like what it learnt from.")
        st.metric("By chance", f"{len(guesses) / len(game.classes):.1f}" if guesses else "–", width=WIDTH,
                  help=f"Right guesses that dice would have: one in {len(game.classes)}.")
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
    st.markdown("### What is the dark matter here?")
    kinds = find(game.population).kinds
    for number, name in enumerate(game.classes):
        st.button(named(name), key=f"quiz.guess.{name}", width="stretch", on_click=guess, args=(name,),
                  shortcut=KEYS[number])
        st.caption(HINTS[kinds[number]])


def tell(game: Game, at: int, guessed: str, shown, network: Network | None) -> None:
    """Who was right, and why."""
    truth = shown.truth
    right = guessed == truth
    (st.success if right else st.info)(
        f"**{'Right' if right else 'Not quite'}**: it is **{named(truth)}**"
        + ("." if right else f", you said {named(guessed)}."),
        icon=":material/check_circle:" if right else ":material/lightbulb:")
    st.button("Next image" if at + 1 < ROUNDS else "How did I do?", icon=":material/arrow_forward:", key="quiz.next",
              on_click=forward, shortcut="n", width="stretch")
    st.markdown(AFTER[shown.scene.substructure.kind])
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
        milder = "" if game.level == "real" else f" **{LEVELS['real'][0]}** on the left shows what it knows."
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
    verdict = ("" if network is None else " The network had no answer." if not asked else
               " You beat the network." if beside > theirs else
               " You and the network are even." if beside == theirs else " The network was better this time.")
    st.markdown(f"### {mine} of {ROUNDS} right.{verdict}")
    if asked and len(asked) < ROUNDS:
        st.markdown(f"It could be asked about {len(asked)} of these images; the others are unlike what it learnt from. "
                    f"Of those {len(asked)} you had {beside} right, the network {theirs}.")
    st.markdown(f"Dice would have about {chance:.0f}. With ten images, luck alone moves a score by one or two: play "
                "again, or add up the scores of a class.")
    told = [{"the network said": named(answer) if answer else "no answer"} for answer in answers] or [{}] * ROUNDS
    st.dataframe([{"image": number + 1, "it was": named(game.truth(number)), "you said": named(given)} | told[number]
                  for number, given in enumerate(guesses)], hide_index=True)
    with st.container(horizontal=True):
        st.button("Other images", icon=":material/casino:", key="quiz.more", on_click=other)
        st.button("The same again", icon=":material/replay:", key="quiz.same", on_click=begin, args=(game,))
