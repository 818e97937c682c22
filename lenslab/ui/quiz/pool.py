"""Scores of a class, added up: a file of SQLite that holds a code, a game and guesses, no names, and forgets in a day.

A code is five letters. It is all that a class shares; whoever has it adds a score and sees the sum, nothing else.
LENSLAB_CLASSES names the file; without it there is one for each user of the machine in the folder of temporary files.
"""

import json
import os
import secrets
import sqlite3
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

from lenslab.ui.quiz.game import ROUNDS, Game

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"   # no I and O, which look like numbers
LENGTH = 5
DAY = 24 * 3600.0     # s
MOST_CLASSES, MOST_PLAYERS = 500, 200
WAIT = 5.0            # s, for another who is writing
TABLES = """
create table if not exists classes (code text primary key, population text, level text, seed integer, made real);
create table if not exists scores (code text, player text, guesses text, network integer, asked integer, made real,
                                   primary key (code, player));
"""


@dataclass(frozen=True)
class Pool:
    """What a class has guessed so far."""

    guesses: tuple[tuple[str, ...], ...]     # of each player, ROUNDS each
    network: tuple[int | None, int]          # right answers of the network, of how many; None where it was not there


def file() -> Path:
    try:
        user = getuser()
    except (KeyError, OSError):    # a container without a table of users
        user = "all"
    return Path(os.environ.get("LENSLAB_CLASSES") or Path(tempfile.gettempdir()) / f"lenslab-classes-{user}.sqlite")


@contextmanager
def opened():
    """The file, without what is older than a day."""
    with closing(sqlite3.connect(file(), timeout=WAIT)) as store, store:
        store.executescript(TABLES)
        old = time.time() - DAY
        for table in ("classes", "scores"):
            store.execute(f"delete from {table} where made < ?", (old,))
        yield store


def valid(code: str) -> bool:
    return len(code) == LENGTH and set(code) <= set(LETTERS)


def new_class(game: Game) -> str:
    """A code for a class that plays a game. Raises ValueError when the machine has as many classes as it may."""
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    with opened() as store:
        if store.execute("select count(*) from classes").fetchone()[0] >= MOST_CLASSES:
            raise ValueError(f"This machine has {MOST_CLASSES} classes within a day and takes no more; try tomorrow.")
        store.execute("insert into classes values (?, ?, ?, ?, ?)",
                      (code, game.population, game.level, game.seed, time.time()))
    return code


def game_of(code: str) -> Game | None:
    """What a class plays; None where there is no such class, or none any more."""
    if not valid(code):
        return None
    with opened() as store:
        row = store.execute("select population, level, seed from classes where code = ?", (code,)).fetchone()
    return None if row is None else Game(*row)


def add(code: str, player: str, guesses: list[str], network: int | None, asked: int) -> None:
    """A player's ten guesses, once; a class that is full, or gone, takes no more."""
    game = game_of(code)
    if game is None or len(guesses) != ROUNDS or not set(guesses) <= set(game.classes):
        return
    with opened() as store:
        if store.execute("select count(*) from scores where code = ?", (code,)).fetchone()[0] < MOST_PLAYERS:
            store.execute("insert or ignore into scores values (?, ?, ?, ?, ?, ?)",
                          (code, player, json.dumps(guesses), network, asked, time.time()))


def pooled(code: str) -> Pool:
    """All that a class has guessed."""
    with opened() as store:
        rows = store.execute("select guesses, network, asked from scores where code = ? order by made",
                             (code,)).fetchall()
    known = [(network, asked) for _, network, asked in rows if network is not None]
    return Pool(tuple(tuple(json.loads(guesses)) for guesses, _, _ in rows), known[0] if known else (None, 0))
