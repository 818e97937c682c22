"""The computer's own try: the refined reconstruction of the image, as a lens of the page."""

from dataclasses import replace

from lenslab.scene import Scene
from lenslab.ui.gate import Turn
from lenslab.ui.match.targets import Target


def fitted(target: Target, turn: Turn) -> Scene:
    """The lens that fits the image best, before the camera of the target; takes tens of seconds of a core."""
    from lenslab.tasks.reconstruct import reconstruct, starting_network

    done = None
    for done in reconstruct(target.observation, *starting_network()):
        turn.check()
        turn.progress = done.share
    found = done.reconstruction
    return before(found.scene, target.start, found.offset)


def before(found: Scene, like: Scene, offset: tuple[float, float]) -> Scene:
    """A lens of a square about `offset` (arcsec), in the frame, and with the camera and redshifts, of another scene."""
    def moved(part):
        return replace(part, center_x=part.center_x + offset[0], center_y=part.center_y + offset[1])

    return replace(like, lens=moved(found.lens), source=moved(found.source),
                   lens_light=tuple(map(moved, found.lens_light)) or like.lens_light)
