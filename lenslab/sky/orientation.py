"""Size of a pixel and directions on the sky, from whatever a header says of them."""

import math

import numpy as np

from lenslab.sky.fits_file import Headers

ASSUMED_SCALE = 0.05  # arcsec, where nothing tells


def pixel_axes(header: Headers, given: float | None, notes: list[str]) -> tuple[float, float | None, bool]:
    """Pixel scale in arcsec, the angle of north and whether east is left of it.

    The matrix that turns a step in pixels into (east, north) arcsec comes from T11..T22, or from the WCS: CD, or
    CDELT times PC, or CDELT turned by CROTA2 (Greisen & Calabretta 2002; Calabretta & Greisen 2002, eq. 186-189).
    """
    matrix, celestial = _matrix(header)
    told = header.number("PIXSCALE", "PIXEL_SCALE")
    north, east_left, from_wcs = None, True, None
    if matrix is not None and abs(np.linalg.det(matrix)) > 1e-12:
        from_wcs = math.sqrt(abs(np.linalg.det(matrix)))
        stretch = np.linalg.svd(matrix, compute_uv=False)
        if stretch[0] > 1.01 * stretch[1]:
            notes.append(f"Pixels are not square ({stretch[0]:.4g} by {stretch[1]:.4g} arcsec); their geometric mean "
                         "is taken.")
        if celestial:
            to_pixels = np.linalg.inv(matrix)
            (east_x, north_x), (east_y, north_y) = to_pixels
            north = math.atan2(-north_x, north_y)
            east_left = bool(north_x * east_y - north_y * east_x > 0)
    elif (north := header.number("NORTH")) is not None:
        east_left = header.number("EAST_LEFT") != 0
    scale = given or (told if told and told > 0 else None) or from_wcs
    if given is None and told and from_wcs and abs(told / from_wcs - 1) > 0.01:
        scale = from_wcs
        notes.append(f"PIXSCALE says {told:.5g} arcsec and the WCS {from_wcs:.5g}; the WCS is taken.")
    if scale is None:
        scale = ASSUMED_SCALE
        notes.append(f"The file names no pixel scale; {ASSUMED_SCALE:g} arcsec is assumed: set the right one.")
    if not 1e-4 <= scale <= 100:
        raise ValueError(f"The pixel scale is {scale:g} arcsec; give one between 0.0001 and 100.")
    return float(scale), north, east_left


def _matrix(header: Headers) -> tuple[np.ndarray | None, bool]:
    keys = [f"{i}{j}" for i in (1, 2) for j in (1, 2)]
    turn = [header.number(f"T{key}") for key in keys]
    if None not in turn:
        return np.array(turn).reshape(2, 2), True
    kinds = [header.text(f"CTYPE{i}") or "" for i in (1, 2)]
    units = [header.text(f"CUNIT{i}") or "deg" for i in (1, 2)]
    arcsec = {"deg": 3600.0, "arcmin": 60.0, "arcsec": 1.0, "mas": 1e-3}
    step = np.array([arcsec.get(unit.lower(), math.nan) for unit in units])
    cd = [header.number(f"CD{key[0]}_{key[1]}") for key in keys]
    delta = [header.number(f"CDELT{i}") for i in (1, 2)]
    if any(value is not None for value in cd):
        matrix = np.array([value or 0.0 for value in cd]).reshape(2, 2)
    elif None not in delta:
        pc = [header.number(f"PC{key[0]}_{key[1]}") for key in keys]
        if any(value is not None for value in pc):
            matrix = np.array([one if value is None else value for value, one in zip(pc, (1, 0, 0, 1), strict=True)])
            matrix = np.diag(delta) @ matrix.reshape(2, 2)
        else:
            turned = math.radians(header.number("CROTA2") or 0.0)
            c, s = math.cos(turned), math.sin(turned)
            matrix = np.array([[delta[0] * c, -delta[1] * s], [delta[0] * s, delta[1] * c]])
    else:
        return None, False
    matrix = step[:, None] * matrix
    if not np.isfinite(matrix).all():
        return None, False
    if kinds[0].startswith("DEC") and kinds[1].startswith("RA"):
        return matrix[::-1].copy(), True
    return matrix, kinds[0].startswith("RA") and kinds[1].startswith("DEC")
