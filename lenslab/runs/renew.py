"""`python -m lenslab renew`: carry checkpoints of an earlier lenslab over to the card of this one. Nothing is trained.

The first format asked the populations of its day what a network is given; now the card says it. What a population means
today is written into it, so renew a file before its population changes.
"""

from pathlib import Path

TENSORS = {"start.": "regressor."}        # what tensors were called, and are
SETTINGS = {"starts": "regressor"}        # the same of settings
GONE = ("compiled",)                      # settings that have no meaning any more


def add_renew(commands) -> None:
    one = commands.add_parser("renew", help="carry checkpoints of an earlier lenslab over",
                              description="Carry checkpoints of an earlier lenslab over to today's format, in place. "
                                          "Their weights stay as they are.")
    one.add_argument("checkpoints", type=Path, nargs="+", metavar="NAME.safetensors")


def renew(checkpoints: list[Path]) -> None:
    from lenslab.checkpoint import FORMAT, load, save

    for path in checkpoints:
        tensors, card = load(path)
        if card.get("format") == FORMAT:
            print(f"{path.name} is of today's format already.")
            continue
        save(path, *renewed(tensors, card))
        print(f"{path.name} is carried over.")


def renewed(tensors: dict, card: dict) -> tuple[dict, dict]:
    """Tensors and card in today's format; ValueError where a card cannot be read."""
    from lenslab import tasks
    from lenslab.checkpoint import FORMAT, NOVELTY
    from lenslab.tasks.training import configure

    if card.get("task") not in tasks.TASKS or not isinstance(card.get("config"), dict):
        raise ValueError(f"A checkpoint for {str(card.get('task'))[:40]!r} cannot be carried over; train it anew.")
    module = tasks.TASKS[card["task"]].module
    settings = {SETTINGS.get(name, name): value for name, value in card["config"].items() if name not in GONE}
    own = {}
    for name, tensor in tensors.items():
        old = next((old for old in TENSORS if name.startswith(old)), "")
        own[TENSORS.get(old, "") + name.removeprefix(old)] = tensor
    if NOVELTY + "fitted" in own and not bool(own[NOVELTY + "fitted"]):
        own = {name: tensor for name, tensor in own.items() if not name.startswith(NOVELTY)}
    begun = configure(module.Config, settings | ({"regressor": ""} if "regressor" in settings else {}))
    return own, module.build(begun).card | card | dict(config=settings, format=FORMAT)
