"""`python -m lenslab tune`: the best settings of a task found by trials, with optuna. A study is a folder.

    study.log       optuna's journal: every trial, its settings and its losses; several processes may share it
    trial-0007/     the run of a trial, as any other (lenslab.runs.folder)
    best.json       settings of the best trial so far, and its loss

A trial that a kill has cut off goes on where its run was; no finished one is lost. What is searched is declared beside
the task (`searched`), within the limits of its settings.
"""

import json
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from lenslab import tasks
from lenslab.checkpoint import write_atomically
from lenslab.quantity import checked
from lenslab.runs.folder import JOURNAL, RunFolder, alive
from lenslab.runs.train import train
from lenslab.tasks.training import configure

BEST = "best.json"
FIRST = 4              # trials that are never pruned: a median needs company
EARLY = 30             # hundredths of a training before which none is
TEST = 30              # images of a trial's own test: what is chosen by validation is tested once, afterwards
DONE = TrialState.COMPLETE, TrialState.PRUNED


def search(task: str, folder: Path, trials: int, settings: dict | None = None, *, seed: int = 0,
           report=lambda trial: None, stopped=lambda: False) -> FrozenTrial | None:
    """Trials until the study has so many, or `stopped()`; the best one, or None where none has ended.

    settings   of every trial, whatever is searched; `report` gets every trial that has ended
    """
    module, settings = tasks.TASKS[task].module, settings or {}
    space = space_of(module, settings)
    configure(module.Config, settings)             # refuses what is wrong before anything is begun
    folder.mkdir(parents=True, exist_ok=True)
    study = opened(folder, seed)
    revive(study, folder)
    while not stopped() and sum(trial.state in DONE for trial in study.get_trials(deepcopy=False)) < trials:
        trial = study.ask()
        try:
            value = tried(trial, module, space, settings, folder, stopped)
        except (ValueError, ArithmeticError) as error:
            trial.set_user_attr("why", str(error)[:300])
            study.tell(trial, state=TrialState.FAIL)
            if sum(one.state == TrialState.FAIL for one in study.get_trials(deepcopy=False)) > trials:
                raise ValueError(f"As many trials failed as were asked for, the last with: {error}") from None
            continue
        if value is None and stopped():
            study.tell(trial, state=TrialState.FAIL)
            study.enqueue_trial(trial.params, user_attrs={"folder": trial.user_attrs["folder"]})
            break
        study.tell(trial, value, state=None if value is not None else TrialState.PRUNED)
        report(study.trials[trial.number])
        note(study, folder)
    return best_of(study)


def tried(trial: Trial, module: ModuleType, space: dict, settings: dict, folder: Path, stopped) -> float | None:
    """The least validation loss of a trial; None where it was pruned, or stopped."""
    where = trial.user_attrs.get("folder") or f"trial-{trial.number:04}"
    trial.set_user_attr("folder", where)
    own = {name: suggestion(trial, name, limits) for name, limits in space.items()}
    test = {"test": TEST} if any(item.name == "test" for item in fields(module.Config)) else {}
    config, best, bad = configure(module.Config, test | own | settings), [], []

    def follow(line: dict) -> None:
        if line.get("val_loss") is not None:
            best.append(line["val_loss"])
            place = int(100 * line["done"])
            trial.report(min(best), place)
            bad.append(place >= EARLY and trial.should_prune())

    with RunFolder(folder / where) as run:
        result = train(module, config, run, report=follow, stopped=lambda: stopped() or (bool(bad) and bad[-1]))
    if result["status"] != "finished":
        return None
    return min(best) if best else float(result["metrics"]["loss"])


def space_of(module: ModuleType, settings: dict) -> dict[str, tuple]:
    """{setting: (low, high) or a tuple of words}: what the task declares, within the limits of its settings."""
    if not hasattr(module, "searched"):
        able = [name for name, row in tasks.TASKS.items() if hasattr(row.module, "searched")]
        raise ValueError(f"It is not declared what is to be searched for this task; choose from {', '.join(able)}.")
    known = {item.name: item for item in fields(module.Config)}
    space = {name: limits for name, limits in module.searched(settings).items() if name not in settings}
    for name, limits in space.items():
        for value in limits:
            checked(module.Config.__name__, known[name], value)
    return space


def suggestion(trial: Trial, name: str, limits: tuple):
    if isinstance(limits[0], str):
        return trial.suggest_categorical(name, limits)
    if all(isinstance(value, int) for value in limits):
        return trial.suggest_int(name, *limits, log=limits[0] > 0)
    return trial.suggest_float(name, *limits, log=limits[0] > 0)


def opened(folder: Path, seed: int = 0) -> optuna.Study:
    """The study of a folder; a new one where there is none."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    return optuna.create_study(storage=storage, study_name="study", load_if_exists=True, direction="minimize",
                               sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True),
                               pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST, n_warmup_steps=EARLY))


def revive(study: optuna.Study, folder: Path) -> None:
    """Trials whose process has died are asked for again, in the folders where they were."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        where = trial.user_attrs.get("folder", "")
        if where and alive(folder / where):
            continue
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params, user_attrs={"folder": where} if where else None)


def best_of(study: optuna.Study) -> FrozenTrial | None:
    with suppress(ValueError):
        return study.best_trial
    return None


def note(study: optuna.Study, folder: Path) -> None:
    best = best_of(study)
    if best is not None:
        table = dict(loss=best.value, settings=best.params, folder=best.user_attrs.get("folder", ""),
                     trials=sum(trial.state in DONE for trial in study.get_trials(deepcopy=False)))
        write_atomically(folder / BEST, json.dumps(table, indent=1).encode())


def pictures(folder: Path) -> dict:
    """{title: plotly figure} of a study, optuna's own; those that need more trials than there are stay out."""
    study, found = opened(folder), {}
    done = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    if done:
        found["Trials as they came"] = optuna.visualization.plot_optimization_history(study)
        found["Settings of each"] = optuna.visualization.plot_parallel_coordinate(study)
    if len(done) >= FIRST:
        with suppress(RuntimeError, ValueError):      # all alike: nothing is important
            found["What matters"] = optuna.visualization.plot_param_importances(study)
    return found
