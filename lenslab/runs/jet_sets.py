"""`python -m lenslab dataset jets`: sets of jets, simulated or from files of CMS open data."""

from pathlib import Path

JETS = "jets"          # in the place of a population


def add_jet_options(parser) -> None:
    jets = parser.add_argument_group("of jets alone (dataset jets)")
    jets.add_argument("--pileup", type=float, default=0.0, metavar="MU", help="mean number of further collisions "
                      "that are laid over each jet (default 0)")
    jets.add_argument("--from", dest="source", type=Path, metavar="FILE", help="take at most --size jets of a file "
                      "of CMS open data, parquet or HDF5, instead of simulating")
    jets.add_argument("--channels", default="tracks,ecal,hcal", help="what its first three channels are (default "
                      "tracks,ecal,hcal)")
    jets.add_argument("--scale", default="1,1,1", help="what each of them is multiplied by to be GeV (default 1,1,1)")
    jets.add_argument("--labels", default="gluon,quark", help="what y = 0, 1, ... mean (default gluon,quark)")


def dataset(size: int, out: Path, workers: int, seed: int, split: str, pileup: float, source: Path | None,
            channels: str, scale: str, labels: str, report) -> None:
    if source is None:
        from lenslab.jets.files import write

        write(size, out, seed=seed, split=split, pileup=pileup, workers=workers, report=report)
        return
    from lenslab.jets.open_data import Reading, convert

    try:
        factors = tuple(float(word) for word in scale.split(","))
    except ValueError:
        raise ValueError(f"--scale {scale[:40]!r} is not three numbers; write --scale 1,1,1.") from None
    if size < 1:
        raise ValueError(f"The size is {size}; give a whole number of jets above 0.")
    convert(source, out, Reading(tuple(channels.split(",")), factors, tuple(labels.split(","))), size, report)
