"""What the Train page says of a run, out of its records: how far it is, how long it takes. No torch, no Streamlit."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from lenslab.checkpoint import duration_words
from lenslab.quantity import Metric
from lenslab.runs import jobs
from lenslab.runs.jobs import Job
from lenslab.runs.turns import queue_of
from lenslab.tasks import LOSS, verdicts_of
from lenslab.ui.escape import plain

RECENT = 20        # lines of the curve that the time left is reckoned from
ENOUGH = 10        # steps that a pace is believed after
STARTUP = 20.0     # s until the first batch: a process, torch, the first images
ROUGH_RATE = 100.0  # images/s of the small networks on two slow cores, simulation included; said to be a guess

# name: (icon, sentence); the colour of the icon is the theme's
SAID = {
    "waiting": ("hourglass_top", "Waiting for its device."),
    "running": ("progress_activity", "Training."),
    "finished": ("check_circle", "Finished."),
    "stopped": ("pause_circle", "Stopped; it goes on where it was."),
    "failed": ("error", "Failed."),
    "interrupted": ("power_off", "Interrupted: its process was ended from outside. It goes on from its last saved "
                                 "state, with the same losses as if nothing had happened."),
}


@dataclass(frozen=True)
class Progress:
    """The newest numbers of a curve; None where there is none yet."""

    loss: float | None = None
    judged: tuple[Metric, float] | None = None  # of the last validation: what its task is compared by, or the loss
    lr: float | None = None
    rate: float | None = None                # images a second
    data_share: float | None = None          # of the time, spent waiting for images
    left: float | None = None                # s
    done: float | None = None                # share of its steps, or of its minutes where those end it first


@dataclass(frozen=True)
class Estimate:
    """How long a training will take, and where that is known from."""

    seconds: float
    basis: str

    def __str__(self) -> str:
        return f"About {duration_words(self.seconds)} {self.basis}"


def runs() -> list[Job]:
    """Every run that says anything of itself, the youngest first; other folders may lie among the runs."""
    return [job for job in jobs.listed() if job.task or job.message]


def lines_of(job: Job) -> list[dict]:
    """The curve of a run, read again only when its file has grown."""
    try:
        now = (job.folder / "metrics.jsonl").stat()
    except OSError:
        return []
    return _lines(str(job.folder), job.name, now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=32)
def _lines(folder: str, name: str, *stamp: int) -> list[dict]:
    try:
        return jobs.metrics(name)
    except ValueError:  # deleted meanwhile
        return []


def card_of(job: Job) -> dict:
    """The card of a run's checkpoint; {} where there is none that can be read."""
    try:
        return jobs.card(job.name) if job.has_checkpoint else {}
    except (ValueError, OSError):
        return {}


def log_of(job: Job) -> str:
    try:
        return jobs.log_tail(job.name, 60)
    except ValueError:
        return ""


def number(line: dict, name: str) -> float | None:
    value = line.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def progress(job: Job, lines: list[dict]) -> Progress:
    """The newest numbers; the time left from the last lines, validations included, since rates change."""
    if not lines:
        return Progress()
    last = lines[-1]
    judged = next(((metric, value) for line in reversed(lines) for metric in (*verdicts_of(job.task), LOSS)
                   if (value := number(line, f"val_{metric.name}")) is not None), None)
    left, first = None, lines[max(0, len(lines) - 1 - RECENT)]
    def done(line: dict) -> float:
        share = number(line, "done")
        return line["step"] / max(1, job.steps) if share is None else share     # older runs tell their steps alone

    spent, share = (number(last, "seconds") or 0.0) - (number(first, "seconds") or 0.0), done(last) - done(first)
    if len(lines) == 1:
        spent, share = number(last, "seconds") or 0.0, done(last)
    if share > 0 and spent > 0 and done(last) <= 1:
        left = spent / share * (1 - done(last))
    return Progress(number(last, "loss"), judged, number(last, "lr"), number(last, "rate"),
                    number(last, "data_share"), left, min(1.0, done(last)))


def planned(job: Job, lines: list[dict]) -> int:
    """Steps that a run will take: those it was given, or as many as its minutes will allow at its pace so far.

    The latter in two digits, so that a picture of it does not move with every line.
    """
    share = number(lines[-1], "done") if lines else None
    if not job.config.get("minutes") or not share or not 1e-9 < share <= 1:
        return job.steps
    return min(job.steps, max(lines[-1]["step"], round(float(f"{lines[-1]['step'] / share:.2g}"))))


def sentence(job: Job) -> str:
    """What is the matter with a run, in words for everybody."""
    icon, words = SAID[job.status]
    if job.status == "waiting" and job.place > 0:
        words = (f"Waiting: {job.place} training{'s' if job.place > 1 else ''} before it on this device. It starts "
                 "by itself.")
    if job.status == "running" and not job.step:
        words = "Starting: it loads its libraries and simulates the first images."
    if stopping(job):
        icon, words = "pause_circle", "Stopping: it finishes its step and saves."
    if job.message and not jobs.public():  # it may name folders of this machine
        words = f"{words} {plain(job.message)}"
    return f":material/{icon}: **{job.name}** · {words}"


def stopping(job: Job) -> bool:
    """Whether it has been asked to stop and is on its way out."""
    return job.live and (job.folder / "stop").exists()


def estimate(task: str, config: dict, device: str, known: Iterable[Job]) -> Estimate:
    """The duration of a training from the pace of the most similar run on this kind of device.

    The pace is seconds for each image that was learnt from, validations included. Network and population decide it
    most; where no run shares either, a guess is called one.
    """
    pictures = config["steps"] * config["batch"]
    best, nearest = None, (False, False, False)
    for job in known:
        lines = lines_of(job) if job.task == task and queue_of(job.device) == queue_of(device) else []
        seconds, batch = number(lines[-1], "seconds") if lines else None, job.config.get("batch")
        if not seconds or type(batch) is not int or batch <= 0 or lines[-1]["step"] < ENOUGH:
            continue
        same = {name: job.config.get(name) == config.get(name) for name in ("population", "network", "width", "data")}
        near = (same["population"], same["network"], same["width"] and same["data"])
        if best is None or near > nearest:
            best, nearest = (job.name, seconds / (lines[-1]["step"] * batch)), near
    if best is None:
        return Estimate(STARTUP + pictures / ROUGH_RATE, f"if it learns from {ROUGH_RATE:.0f} images a second: a "
                        "guess, since nothing like it has run here. The first lines of its curve will tell.")
    name, pace = best
    other = [word for word, same in zip(("another population", "another network", "another size or data set"), nearest,
                                        strict=True) if not same]
    told = f", which has {' and '.join(other)}" if other else ""
    return Estimate(STARTUP + pictures * pace, f"at the pace of **{name}** on this device{told}.")


def suggested_name(config: dict, task: str, taken: Iterable[str]) -> str:
    """A name that is free: cnn-seed-64-1."""
    stem = "-".join(filter(None, (str(config.get("network") or task), str(config.get("population", "")).split(":")[0])))
    taken, count = set(taken), 1
    while f"{stem}-{count}" in taken:
        count += 1
    return f"{stem}-{count}"


def table(known: Iterable[Job]) -> list[dict]:
    """A row for each run."""
    rows = []
    for job in known:
        judged = progress(job, lines_of(job)).judged
        rows.append({"run": job.name, "state": job.status, "network": str(job.config.get("network", job.task)),
                     "population": str(job.config.get("population", "")), "step": f"{job.step} / {job.steps or '?'}",
                     "validation": "" if judged is None else f"{judged[0].title} {judged[1]:.3f}",
                     "device": job.device})
    return rows
