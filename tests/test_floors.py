"""The house has floors: imports go down or sideways, never up, and some libraries live behind one door."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = [  # from the ground up; the first prefix that fits a module is its floor
    ("lenslab.quantity", "lenslab.scene", "lenslab.picture", "lenslab.physics", "lenslab.checkpoint",
     "lenslab.device", "lenslab.instruments", "lenslab.letters", "lenslab.redshift", "lenslab.strict_json",
     "lenslab.diffusion"),
    ("lenslab.feed", "lenslab.jets"),
    ("lenslab.scenes", "lenslab.symmetry"),
    ("lenslab.population",),
    ("lenslab.images",),
    ("lenslab.sky",),
    ("lenslab.sets",),
    ("lenslab.fit", "lenslab.insight"),
    ("lenslab.nets",),
    ("lenslab.tasks",),
    ("lenslab.figures", "lenslab.runs"),
    ("lenslab.ui", "lenslab.__main__", "app", "pages"),
]
FENCES = {
    "lenstronomy": ("lenslab/images/reference.py",),
    "captum": ("lenslab/insight/explain.py",),
    "streamlit": ("app.py", "pages/", "lenslab/ui/"),
    "plotly": ("lenslab/figures/",),
    "optuna": ("lenslab/runs/search.py",),
    "pythia8mc": ("lenslab/jets/events.py",),
}
FILES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py")), *sorted((ROOT / "lenslab").rglob("*.py"))]
FILES = [path for path in FILES if path.exists()]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    """Every module imported anywhere in a file, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def floor_of(module: str) -> int | None:
    for height, prefixes in enumerate(FLOORS):
        if any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes):
            return height
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_or_sideways(path):
    here = floor_of(module_of(path))
    if module_of(path) in ("lenslab", "lenslab.warmup"):
        return
    assert here is not None, f"{path} stands on no floor: give it one in FLOORS."
    for name in imports_of(path):
        there = floor_of(name)
        assert there is None or there <= here, f"{module_of(path)} imports {name} from a floor above it."


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_fenced_libraries_stay_behind_their_door(path):
    here = path.relative_to(ROOT).as_posix()
    for name in imports_of(path):
        doors = FENCES.get(name.split(".")[0])
        assert doors is None or here.startswith(doors), f"{here} imports {name}; only {', '.join(doors)} may."


def test_physics_never_sees_a_scene():
    for path in (ROOT / "lenslab" / "physics").glob("*.py"):
        seen = {name for name in imports_of(path) if name.startswith("lenslab.")}
        assert all(name.startswith("lenslab.physics") for name in seen), (path, seen)


@pytest.mark.parametrize("room", ["feed", "diffusion", "jets"])
def test_what_knows_no_lens_never_imports_one(room):
    """These serve jets as well: they know each other, the device, checkpoints and how numbers are declared."""
    known = ("lenslab.feed", "lenslab.diffusion", "lenslab.jets", "lenslab.device", "lenslab.checkpoint",
             "lenslab.quantity", "lenslab.strict_json")
    for path in (ROOT / "lenslab" / room).glob("*.py"):
        seen = {name for name in imports_of(path) if name.startswith("lenslab.")}
        assert all(name.startswith(known) for name in seen), (path, seen)


def test_nothing_is_ever_unpickled():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                call = ast.unparse(node)
                assert not call.startswith(("pickle.", "torch.load(")), (path, call)
                assert "allow_pickle=True" not in call, (path, call)
