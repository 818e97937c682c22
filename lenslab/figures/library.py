"""The script that draws figures in a browser, as plotly's own package brings it."""

import shutil
from pathlib import Path

import plotly

NAME = f"plotly-{plotly.__version__}.min.js"


def provide(folder: Path) -> None:
    """Put the script where the server serves files from; nothing is fetched from elsewhere."""
    target = folder / NAME
    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    if target.exists() and target.stat().st_size == source.stat().st_size:
        return
    folder.mkdir(exist_ok=True)
    partial = target.with_suffix(".partial")
    shutil.copyfile(source, partial)
    partial.replace(target)
