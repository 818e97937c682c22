"""`python -m lenslab` with the toy for its only task, loaded when its turn has come, as the real ones are."""

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

ROOT = Path(__file__).parent.parent.parent


class Tasks(ModuleType):
    """Stands for lenslab.tasks, so that no simulator is loaded."""

    __path__ = [str(ROOT / "lenslab" / "tasks")]

    @property
    def TASKS(self):
        import torch

        import lenslab.runs.train
        from tests.runs import toy

        torch.set_num_threads(1)
        lenslab.runs.train.SAVE_EVERY = float(os.environ.get("TOY_SAVE_EVERY", lenslab.runs.train.SAVE_EVERY))
        return {"toy": SimpleNamespace(module=toy)}


def of_gloo() -> list[str]:
    """Threads of torch's process group in this process, where the kernel lists them: none may live when it ends."""
    tasks = Path("/proc/self/task")
    names = [(task / "comm").read_text().strip() for task in tasks.iterdir()] if tasks.exists() else []
    return [name for name in names if "gloo" in name]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.modules["lenslab.tasks"] = Tasks("lenslab.tasks")
    from lenslab.__main__ import main

    code = main()
    if left := of_gloo():
        sys.exit(f"The team has gone and left {left}.")
    sys.exit(code)
