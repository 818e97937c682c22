"""The folder of real lenses and galaxies that LENSLAB_DATA names, and what is known of them; nothing else is read."""

import csv
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lenslab.sky.contents import MAX_FILE, short

WHERE_TO_FIND = (
    "No folder of real lenses is set. Put FITS files into a folder's lenses/ and start with LENSLAB_DATA naming that "
    "folder. Real lenses are to be had from MAST, the archive of HST and JWST (mast.stsci.edu; the SLACS lenses are "
    "HST programmes 10174, 10494 and 10886), from ESA's Euclid archive (eas.esac.esa.int; Quick Release Q1 has the "
    "Strong Lensing Discovery Engine), from the Legacy Surveys viewer (legacysurvey.org), and by position from the "
    "lenscat catalogue (pip install lenscat). Cut out 5 to 20 arcsec around the lens; an HDU NOISE with one sigma and "
    "an HDU PSF make it complete.")
MAX_ROWS = 20000
REMARK = r"[;,]? ?\b(err =|from memory)[^;)]*"   # what those who wrote a table down noted for themselves


@dataclass(frozen=True)
class KnownLens:
    """What tables say of a lens; None where they do not."""

    name: str
    theta_E: float | None = None   # arcsec
    theta_E_err: float | None = None
    z_lens: float | None = None
    z_source: float | None = None
    q: float | None = None
    instrument: str = ""
    band: str = ""
    model: str = ""                # whose theta_E it is
    checked: bool = True           # False: written down from memory, not yet held against the paper


def folder() -> Path | None:
    """The folder that LENSLAB_DATA names, or None."""
    name = os.environ.get("LENSLAB_DATA", "")
    return Path(name).resolve() if name and Path(name).is_dir() else None


def real_lenses() -> list[str]:
    """Names of the lens images in the folder, as `lenses/NAME.fits`."""
    return _files("lenses", (".fits", ".fits.gz"))


def real_sources() -> list[str]:
    """Names of the files of galaxies that may serve as sources, as `sources/NAME.fits`."""
    return _files("sources", (".fits", ".npz", ".npy", ".png"))


def inside(name: str) -> Path:
    """The path of a file in the folder; whatever leads out of it, by `..`, by a root or by a link, is refused."""
    home = folder()
    if home is None:
        raise ValueError(WHERE_TO_FIND)
    try:
        path = (home / name).resolve()
        out = ".." in Path(name).parts or Path(name).is_absolute() or not path.is_relative_to(home)
    except (OSError, ValueError, RuntimeError):
        out = True
    if out:
        raise ValueError(f"{short(name)} lies outside the folder LENSLAB_DATA; only files within it are read: copy the "
                         "file there, or upload it.")
    if not path.is_file():
        raise ValueError(f"There is no file {short(name)} in the folder LENSLAB_DATA; choose one from the list.")
    return path


def read_bytes(name: str) -> bytes:
    """A file of the folder, if it is no larger than an upload may be."""
    path = inside(name)
    with path.open("rb") as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ValueError(f"{short(name)} has more than {MAX_FILE / 2**20:.0f} MB; cut out the lens and save it anew.")
    return data


def listed(data: bytes) -> str | None:
    """The lens of the folder whose file holds just these bytes, whatever the name they come under; None for others."""
    try:
        return next((name for name in real_lenses()
                     if inside(name).stat().st_size == len(data) and read_bytes(name) == data), None)
    except (OSError, ValueError):    # a file went meanwhile
        return None


def literature(name: str) -> KnownLens | None:
    """What manifest.csv and lens_parameters.csv of the folder say of one of its lenses; None where they say nothing.

    Tables are matched by file name, then by the object's name in the manifest; a missing or odd table is no error.
    """
    file = name.replace("\\", "/").rsplit("/", 1)[-1].lower()
    about = next((row for row in _rows("manifest.csv") if row.get("file", "").lower().endswith("/" + file)), {})
    wanted = _plain(about.get("object", ""))
    rows = _rows("lens_parameters.csv")
    matches = [row for row in rows if row.get("image_here", "").lower().endswith("/" + file)]
    matches += [row for row in rows if wanted and len(_plain(row.get("name", ""))) > 5
                and wanted.startswith(_plain(row["name"])) and row not in matches]
    matches = [row for row in matches if _float(row.get("theta_E_arcsec")) is not None] or matches
    if not about and not matches:
        return None
    row = matches[0] if matches else {}
    return KnownLens(
        name=about.get("object") or row.get("name", ""), theta_E=_float(row.get("theta_E_arcsec")),
        theta_E_err=_float(row.get("theta_E_err")), z_lens=_float(row.get("z_lens") or about.get("z_lens")),
        z_source=_float(row.get("z_source") or about.get("z_source")), q=_float(row.get("q_mass")),
        instrument=" ".join(filter(None, (about.get("telescope"), about.get("instrument")))),
        band=about.get("band", "").partition(" (")[0],
        model=re.sub(REMARK, "", row.get("model", "")).replace("()", "").strip(),
        checked="memory" not in f"{row.get('model', '')} {row.get('status', '')}".lower())


def title(name: str) -> str:
    """What a list calls a lens: its object and camera where the tables know them, else its file without the ending."""
    found = literature(name)
    if found is None or not found.name:
        return name.rpartition("/")[2].split(".fits")[0].replace("_", " ")
    band = "" if found.band in found.instrument else found.band
    return " ".join(filter(None, (found.name, "·" if found.instrument or band else "", found.instrument, band)))


def _files(part: str, endings: tuple[str, ...]) -> list[str]:
    home = folder()
    if home is None or not (home / part).is_dir():
        return []
    names = sorted(f"{part}/{path.name}" for path in (home / part).iterdir() if path.name.lower().endswith(endings))
    return [name for name in names if (home / name).resolve().is_relative_to(home) and (home / name).is_file()]


def _rows(name: str) -> list[dict[str, str]]:
    try:
        path = inside(name)
        now = path.stat()
        return _table(path, now.st_mtime_ns, now.st_size)
    except (OSError, ValueError, csv.Error):
        return []


@lru_cache(maxsize=4)
def _table(path: Path, *stamp: int) -> list[dict[str, str]]:
    """A table, read again only when its file has changed."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = [row for row, _ in zip(csv.DictReader(file), range(MAX_ROWS), strict=False)]
    return [{key: value for key, value in row.items() if isinstance(key, str) and isinstance(value, str)}
            for row in rows]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _float(text: str | None) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if abs(value) < 1e6 else None
