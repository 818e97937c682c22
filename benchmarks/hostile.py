"""What the app makes of hostile inputs: is each refused in a sentence or taken, and what do time and memory say?

    nice python benchmarks/hostile.py [--n 2000] [--seed 0] [--kinds fits link ...] [--from 0] [--json]

Inputs are those of benchmarks/hostile_inputs.py, n of each kind, through the doors that the app uses. A process of its
own takes one after the other and is started anew when it dies. CPU seconds are those of the process, all threads;
memory is its high-water mark during an input less what it held before the first, the app imported and one lens drawn.

A traceback is any error but a ValueError that ends as a sentence does. Exit status 1 when there was one, when an input
took more than 5 CPU s, or 1 GB more than the imported app. Linux, for the marks of memory.
"""

import argparse
import json
import logging
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

from benchmarks import hostile_inputs as inputs

MOST_CPU = 5.0         # s
MOST_MEMORY = 1024.0   # MB over the imported app
ROPE = 60              # CPU s after which an input's process is ended
ROOM = 8 << 30         # bytes of address space that an input may ask for


@dataclass(frozen=True)
class Outcome:
    """What became of one input."""

    kind: str
    index: int
    verdict: str     # refused, accepted, traceback
    words: str       # the sentence, or the end of the traceback
    cpu: float       # s
    memory: float    # MB over the imported app

    @property
    def too_much(self) -> bool:
        return self.verdict == "traceback" or self.cpu > MOST_CPU or self.memory > MOST_MEMORY


def outcome_of(kind: str, seed: int, index: int, folder: Path, base: float = 0.0) -> Outcome:
    """Send one input through its door."""
    data = inputs.input_of(kind, seed, index)
    forget_high_water()
    start = time.process_time()
    verdict, words = "accepted", ""
    try:
        inputs.KINDS[kind].door(data, folder)
    except ValueError as error:
        words = str(error)
        verdict = "refused" if words.endswith(".") and 15 < len(words) < 2000 else "traceback"
        words = words if verdict == "refused" else f"ValueError without a sentence: {traceback.format_exc()[-900:]}"
    except Exception:
        verdict, words = "traceback", traceback.format_exc()[-900:]
    return Outcome(kind, index, verdict, words, time.process_time() - start, memory("VmHWM") - base)


def memory(mark: str) -> float:
    """MB that this process holds (VmRSS), or held at most (VmHWM); 0 where the kernel does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(mark)), 0.0)


def forget_high_water() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # the mark then is that of all inputs so far


def work(kind: str, seed: int, first: int, last: int, out) -> None:
    """Take inputs first to last - 1, one after the other, and send their outcomes."""
    logging.disable(logging.WARNING)   # Streamlit, that no browser is there
    inputs.torch.set_num_threads(1)    # threads that wait for each other count as busy
    warnings.simplefilter("ignore")
    from lenslab.scene import Scene

    inputs.drawn(Scene())
    with tempfile.TemporaryDirectory() as home:
        inputs.KINDS[kind].make(inputs.random.Random(0))
        base = memory("VmRSS")
        held = next(int(line.split()[1]) << 10 for line in Path("/proc/self/status").read_text().splitlines()
                    if line.startswith("VmSize"))
        resource.setrlimit(resource.RLIMIT_AS, (held + ROOM, held + ROOM))
        for index in range(first, last):
            spent = resource.getrusage(resource.RUSAGE_SELF)
            resource.setrlimit(resource.RLIMIT_CPU, (int(spent.ru_utime + spent.ru_stime) + ROPE, -1))
            folder = Path(home) / str(index)
            folder.mkdir()
            out.send(outcome_of(kind, seed, index, folder, base))
            shutil.rmtree(folder)


def campaign(kind: str, seed: int, first: int, last: int, report) -> list[Outcome]:
    """Every outcome of a kind; an input whose process dies is a traceback."""
    found, context = [], multiprocessing.get_context("spawn")
    while first < last:
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(kind, seed, first, last, there))
        process.start()
        there.close()
        try:
            while first < last:
                found.append(here.recv())
                first += 1
                report(found[-1])
        except EOFError:
            process.join()
            found.append(Outcome(kind, first, "traceback", f"The process died ({process.exitcode}).", ROPE, 0.0))
            first += 1
            report(found[-1])
        process.join()
    return found


def line(name: str, outcomes: list[Outcome]) -> str:
    count = [sum(outcome.verdict == verdict for outcome in outcomes)
             for verdict in ("refused", "accepted", "traceback")]
    return (f"{name:12}{len(outcomes):8}{count[0]:18}{count[1]:10}{count[2]:12}"
            f"{max(outcome.cpu for outcome in outcomes):16.2f}{max(outcome.memory for outcome in outcomes):16.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first input of each kind")
    parser.add_argument("--kinds", nargs="+", choices=inputs.KINDS, default=list(inputs.KINDS))
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args()

    def report(outcome: Outcome) -> None:
        if outcome.too_much:
            print(f"{outcome.kind} {outcome.index}: {outcome.verdict}, {outcome.cpu:.1f} s, {outcome.memory:.0f} MB\n"
                  f"{outcome.words}\n", file=sys.stderr, flush=True)

    every, rows = [], []
    for kind in settings.kinds:
        found = campaign(kind, settings.seed, settings.first, settings.first + settings.n, report)
        every += found
        rows.append(line(kind, found))
        print(rows[-1], file=sys.stderr, flush=True)
    print(f"{'kind':12}{'inputs':>8}{'refused in words':>18}{'accepted':>10}{'tracebacks':>12}{'slowest, CPU s':>16}"
          f"{'most memory, MB':>16}", *rows, line("all", every), sep="\n")
    if settings.json:
        print(json.dumps([vars(outcome) for outcome in every]))
    sys.exit(any(outcome.too_much for outcome in every))


if __name__ == "__main__":
    main()
