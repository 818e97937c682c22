"""Runs in the background: real processes, and what is said of them is what the kernel knows."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lenslab.__main__ import main
from lenslab.checkpoint import read_card
from lenslab.runs import jobs
from lenslab.runs.folder import RunFolder
from lenslab.runs.train import train
from tests.runs import toy

ROOT = Path(__file__).parent.parent.parent
LONG = dict(pause=0.02, steps=100000, validate_every=10, log_every=1)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of runs whose program knows the toy; whatever still runs at the end of a test is killed."""
    for name, value in dict(LENSLAB_RUNS=tmp_path / "runs", LENSLAB_CHECKPOINTS=tmp_path / "kept", PYTHONPATH=ROOT,
                            OMP_NUM_THREADS="1", LENSLAB_DEVICE="cpu", TOY_SAVE_EVERY="0.2").items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("LENSLAB_PUBLIC", raising=False)
    monkeypatch.setattr(jobs, "PROGRAM", [sys.executable, str(Path(__file__).parent / "lenslab_with_toy.py")])
    yield tmp_path
    for job in jobs.listed():
        if job.live:
            jobs.send(job.folder, signal.SIGKILL)


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, [(job.name, job.status, jobs.log_tail(job.name)) for job in jobs.listed()]
        time.sleep(0.05)
    return found


def test_watching_loads_neither_torch_nor_numpy():
    code = ("import sys; from lenslab.runs import jobs, shell, folder, turns; jobs.listed(); "
            "print(sorted({name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)))")
    told = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"],
                          capture_output=True, text=True, check=True).stdout
    names = set(json.loads(told.replace("'", '"')))
    assert names <= {"filelock", "lenslab", "__main__", "_distutils_hack", "_virtualenv", "sitecustomize"}, names


def test_a_run_from_start_to_kept_checkpoint(place):
    """Started, a second one waits; stopped, resumed, finished, kept and deleted."""
    first = jobs.start("first", "toy", LONG)
    assert first.live and first.task == "toy"
    second = jobs.start("second", "toy", dict(steps=30, lr=0.3, log_every=10, validate_every=10))
    assert (second.status, second.place, second.steps) == ("waiting", 1, 30)
    assert jobs.stop("second").status == "stopped"
    assert jobs.resume("second").status == "waiting"  # stopped before its turn, it has but the words of its start
    until(lambda: jobs.find("first").step > 12)
    assert jobs.find("first").status == "running" and jobs.find("first").device == "cpu"
    for act, words in ((jobs.delete, "under way; stop it first"), (jobs.resume, "is running already"),
                       (lambda name: jobs.start(name, "toy"), "There is a run 'first' already")):
        with pytest.raises(ValueError, match=words):
            act("first")
    assert jobs.stop("first").status == "stopped"
    step = jobs.find("first").step
    until(lambda: jobs.find("second").status == "finished")
    assert [line["step"] for line in jobs.metrics("second")] == [10, 20, 30]
    assert jobs.resume("first").live
    until(lambda: jobs.find("first").step > step + 2)
    assert jobs.stop("first", background=True).live  # a process of its own sees to it
    until(lambda: jobs.find("first").status == "stopped")
    steps = [line["step"] for line in jobs.metrics("first")]
    assert steps == list(range(1, len(steps) + 1))  # no step twice, none left out

    kept = jobs.keep("second", "best-toy")
    assert read_card(kept)["complete"] and "best-toy" in (place / "kept" / "README.md").read_text()
    with pytest.raises(ValueError, match="already; take another name"):
        jobs.keep("second", "best-toy")
    assert jobs.card("second")["metrics"]["accuracy"] > 0.6
    with pytest.raises(ValueError, match="is finished"):
        jobs.resume("second")
    jobs.delete("second")
    assert [job.name for job in jobs.listed()] == ["first"] and kept.exists()
    assert sorted(path.name for path in (place / "runs").iterdir()) == [".turns", "first"]


def test_a_killed_run_goes_on_with_the_losses_of_an_unbroken_one(place):
    """SIGKILL, then SIGTERM; a kill loses the steps since the last saved state, a fifth of a second here."""
    settings = dict(steps=60, pause=0.01, validate_every=20, log_every=1, dropout=True)
    words = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    folder, others = place / "runs" / "cut", []
    for target, how in ((15, signal.SIGKILL), (35, signal.SIGTERM)):
        process = subprocess.Popen([*jobs.PROGRAM, "train", "toy", "--run", folder, *words], cwd=ROOT)
        until(lambda target=target: jobs.last_line(folder).get("step", 0) >= target)
        others.append(jobs.find("cut").status)
        process.send_signal(how)
        assert process.wait(timeout=30) == (-how if how == signal.SIGKILL else 0)
        assert jobs.find("cut").status == ("interrupted" if how == signal.SIGKILL else "stopped")
    assert others == ["running"] * 2
    state = json.loads((folder / "state.json").read_text())
    assert state["step"] == jobs.find("cut").step < 60 and (folder / "last.safetensors").exists()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for name in ("cut", "whole"):
        with RunFolder(place / "runs" / name) as open_folder:
            train(toy, toy.Config(**settings), open_folder, device="cpu")
    torch.set_num_threads(threads)
    cut, whole = ([(line["step"], line["loss"], line.get("val_loss")) for line in jobs.metrics(name)]
                  for name in ("cut", "whole"))
    assert cut == whole and len(whole) == 60
    with open(folder / "metrics.jsonl") as file:
        assert [json.loads(line)["step"] for line in file] == list(range(1, 61))


def test_a_deaf_run_is_killed(place):
    jobs.start("deaf", "toy", LONG)
    until(lambda: jobs.find("deaf").step > 2)
    jobs.send(jobs.folder_of("deaf"), signal.SIGSTOP)  # hears neither the flag nor SIGTERM
    job = jobs.stop("deaf", patience=(0.1, 0.3, 10))
    assert job.status == "stopped" and "killed" in job.message


def test_a_failure_is_told_with_its_sentence(place):
    jobs.start("wrong", "toy", dict(lr=-1))
    job = until(lambda: job if (job := jobs.find("wrong")).status == "failed" else None)
    assert "Learning rate" in job.message and "above 0" in job.message
    assert "lenslab: Learning rate" in jobs.log_tail("wrong")


def test_a_program_that_cannot_even_begin_is_told(place, monkeypatch):
    monkeypatch.setattr(jobs, "PROGRAM", [sys.executable, "-c", "raise SystemExit('No module named torch')"])
    job = jobs.start("broken", "toy")
    assert (job.status, job.message) == ("failed", "No module named torch")
    with pytest.raises(ValueError, match="delete it and start it again"):
        jobs.resume("broken")
    jobs.delete("broken")
    assert jobs.listed() == []


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/b", "/a", "a\\b", ".hidden", "-flag", "a b", "a\n",
                                  "x" * 65, "a..b", None, 3])
def test_a_name_is_a_plain_file_name(place, name):
    for act in (jobs.folder_of, jobs.find, jobs.stop, jobs.resume, jobs.delete, jobs.keep, jobs.metrics,
                lambda name: jobs.start(name, "toy")):
        with pytest.raises(ValueError, match="cannot be a name"):
            act(name)


def test_a_link_is_no_run_and_words_are_no_options(place):
    (place / "runs").mkdir()
    (place / "elsewhere").mkdir()
    (place / "runs" / "link").symlink_to(place / "elsewhere")
    assert jobs.listed() == []
    with pytest.raises(ValueError, match="There is no run 'link'"):
        jobs.delete("link")
    for task, settings, device in (("--help", {}, "cpu"), ("toy", {"--init": "x"}, "cpu"), ("toy", {}, "--run=x")):
        with pytest.raises(ValueError, match="no name of a task"):
            jobs.start("a", task, settings, device=device)


@pytest.mark.parametrize("value", ["1", "true"])
def test_a_public_demonstration_only_reads(place, monkeypatch, value):
    with RunFolder(place / "runs" / "a") as folder:
        folder.say("stopped", device="cpu", task="toy")
    monkeypatch.setenv("LENSLAB_PUBLIC", value)
    for act in (lambda: jobs.start("b", "toy"), lambda: jobs.stop("a"), lambda: jobs.resume("a"),
                lambda: jobs.keep("a"), lambda: jobs.delete("a")):
        with pytest.raises(ValueError, match="public demonstration"):
            act()
    assert [job.status for job in jobs.listed()] == ["stopped"] and os.listdir(place / "runs") == ["a"]
    assert jobs.metrics("a") == [] and jobs.log_tail("a") == ""


@pytest.fixture
def shell(place, monkeypatch, capsys):
    """A command in this process; returns its exit code and what it printed on stderr and stdout."""
    monkeypatch.setattr("lenslab.tasks.TASKS", {"toy": SimpleNamespace(module=toy)})
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    def run(*words):
        code = main([str(word) for word in words])
        told = capsys.readouterr()
        return code, told.err, told.out

    yield run
    for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
        signal.signal(number, handler)


def test_words_of_the_shell(place, shell):
    run = place / "runs" / "a"
    assert shell("train", "toy", "steps=20", "--run", run, "lr=0.5", "--seed", "4", "population=hst:a=off")[0] == 0
    config = json.loads((run / "config.json").read_text())["config"]
    assert (config["steps"], config["lr"], config["seed"], config["population"]) == (20, 0.5, 4, "hst:a=off")
    for words, told in ((["lr=0.4"], "config.lr is 0.5 here and 0.4 is asked for"),
                        (["depth=3"], "There is no setting 'depth'; choose from steps"),
                        (["--seed", "4", "seed=5"], "seed is given twice"), (["lr=fast"], "Learning rate"),
                        (["--init", place / "none.safetensors"], "There is no checkpoint")):
        code, error, _ = shell("train", "toy", "--run", run, *words)
        assert code == 2 and told in error and error.count("\n") == 1
        assert jobs.find("a").status == "finished"
    assert shell("train", "poetry", "--run", place / "runs" / "b")[1] == (
        "lenslab: No task 'poetry'; choose from toy.\n")
    assert shell("train", "toy", "--run", run)[0] == 0  # the folder knows its settings
    assert shell("jobs")[2].splitlines()[1].split()[:4] == ["a", "finished", "toy", "20/20"]
    assert shell("jobs", "list", "b")[2].splitlines()[1].split()[:4] == ["b", "failed", "poetry", "0/?"]
    code, error, _ = shell("jobs", "stop", "a")
    assert code == 2 and "nothing to stop" in error
    assert shell("train", "toy", "--run", run, "--restart", "spoiled=3")[:2] == (
        2, "lenslab: Loss became nan at step 3; try lr below 0.001.\n")
    assert jobs.find("a").message == "Loss became nan at step 3; try lr below 0.001."
