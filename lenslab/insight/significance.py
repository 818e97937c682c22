"""What is said of lambda, the sigmas that the substructure of one image is worth: one wording for every page and table.

Pages tell that of `images.ceiling`, which takes smooth lenses as linear about the truth and gives place and kind of the
substructure away: it is said as "at most". Tables go by that of `fit.refit`, which fits the smooth lens anew. The first
frees all of a lens, and so binds no network whose lenses are alike; the second frees what its population does.

Who must look everywhere asks a threshold near 4 sigmas, so that chance alone seldom passes it; 9 of 10 signals of 5.5
sigmas do.
"""

HARDLY = 3.0     # sigmas; with less, who does not know what to look for and where can but guess
FOUND = 6.0      # with more, it can be found

EASIER = ("Where the lenses of a set are all alike, as those of DeepLense I and II are, a network knows the smooth "
          "lens beforehand, and may see more.")
WHY = ("Why at most: kind, place and mass of the substructure are given away here, and smooth lenses could mimic it by "
       "small steps from the truth only, in mass, shape and shear of the lens and place, size and shape of the source. "
       f"{EASIER}")


def at_most(ceiling: float) -> str:
    """A ceiling in words: at most 7.3 sigmas."""
    return f"at most {ceiling:,.0f} σ" if ceiling >= 10 else f"at most {ceiling:.1f} σ"


def promise(ceiling: float) -> str:
    """What a ceiling promises, as a sentence."""
    if ceiling < HARDLY:
        return "That is too little for anybody who does not know what to look for, and where: a guess is as good."
    if ceiling < FOUND:
        return "That is on the edge: it may be found or missed."
    return "That can be enough to find it, unless a smooth lens far from the true one explains most of it."
