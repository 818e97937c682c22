"""Do two processes that train together end cleanly? `python benchmarks/torchruns.py [--times 30] [--json]`.

Each time torchrun starts two processes that follow five gradients of a small network as every training does
(lenslab/runs/team.py) and then end at once, which is when threads of the process group were still at work.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))


def work() -> None:
    """One of the two processes."""
    import torch

    from lenslab.runs.learner import Learner
    from lenslab.runs.team import Team
    from lenslab.tasks.training import Training

    torch.set_num_threads(1)
    model = torch.nn.Linear(4, 1)
    with Team("cpu") as team:
        learner = Learner(model, Training(steps=5))
        for _ in range(5):
            learner.follow((model(torch.rand(16, 4)) - 1).square().mean(), team.average)
            team.mean(float(team.rank))


def tried() -> tuple[str, str]:
    """How one torchrun ended, and the last word of one that did not end well."""
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--",
                           __file__, "--work"], cwd=ROOT, env=dict(os.environ, OMP_NUM_THREADS="1"),
                          capture_output=True, text=True, timeout=300)
    told = next((line for line in done.stderr.splitlines() if "terminate called" in line or "exitcode" in line), "")
    clean = done.returncode == 0 and not told
    return ("ended cleanly", "") if clean else (f"exit {done.returncode}", told.strip())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.work:
        work()
        return 0
    ends = Counter(tried() for _ in range(wanted.times))
    if wanted.json:
        print(json.dumps([dict(end=end, told=told, times=times) for (end, told), times in ends.items()]))
    else:
        print(f"{'times':>5}  end")
        for (end, told), times in ends.most_common():
            print(f"{times:5}  {end}{': ' + told if told else ''}")
    return int(ends[("ended cleanly", "")] < wanted.times)


if __name__ == "__main__":
    sys.exit(main())
