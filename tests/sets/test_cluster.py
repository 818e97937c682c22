"""Sets written by a real dask cluster of two processes on this machine."""

import os
import signal
import socket
import sys
from contextlib import closing

import h5py
import pytest
from distributed import Client, LocalCluster

from lenslab.__main__ import main
from lenslab.population import CHUNK
from lenslab.sets import cluster, dataset

QUICK = "deeplense-2"  # 64 x 64, no supersampling
ASKED = QUICK, 4, "train", dict(ceiling=False)


@pytest.fixture(scope="module")
def local():
    """A scheduler in this process, and two workers each in its own."""
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=":0",
                      silence_logs=50) as made:
        yield made


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Eight chunks by this process, the last one cut."""
    path = tmp_path_factory.mktemp("sets") / "quick.h5"
    dataset.write(QUICK, 7 * CHUNK + 10, path, seed=4)
    return path


def same_bits(one, two):
    with h5py.File(one, "r") as left, h5py.File(two, "r") as right:
        assert left.attrs["header"] == right.attrs["header"] and set(left) == set(right) == set(dataset.NAMES)
        for name in dataset.NAMES:
            assert left[name].dtype == right[name].dtype and left[name].shape == right[name].shape, name
            assert left[name][:].tobytes() == right[name][:].tobytes(), name


def test_a_cluster_writes_the_bits_that_one_process_writes(local, tmp_path, capsys):
    dataset.write("seed-64", 2 * CHUNK, tmp_path / "one.h5", seed=3, workers=1)
    arguments = ["dataset", "seed-64", "--size", str(2 * CHUNK), "--seed", "3", "--out", str(tmp_path / "dask.h5")]
    assert main([*arguments, "--dask", local.scheduler_address]) == 0
    assert "240/240 images" in capsys.readouterr().err
    same_bits(tmp_path / "one.h5", tmp_path / "dask.h5")


def test_the_chunk_of_a_worker_that_is_killed_is_made_by_another(local, quick, tmp_path):
    with closing(Client(local.scheduler_address, set_as_default=False)) as client:
        pids = list(client.run(os.getpid).values())
    assert len(set(pids) - {os.getpid()}) == 2
    counts = []

    def report(done, total):
        counts.append(done)
        if len(counts) == 2:  # a first chunk is written: both workers have more to do
            os.kill(pids[0], signal.SIGKILL)

    dataset.write(QUICK, 7 * CHUNK + 10, tmp_path / "killed.h5", seed=4, dask=local.scheduler_address, report=report)
    assert len(counts) == 9 and counts[-1] == 7 * CHUNK + 10  # no chunk twice, none lost
    same_bits(quick, tmp_path / "killed.h5")


def test_what_a_cluster_began_goes_on_on_one_machine(local, quick, tmp_path):
    def stop(done, total):
        if done >= 2 * CHUNK:
            raise KeyboardInterrupt

    path, counts = tmp_path / "begun.h5", []
    with pytest.raises(KeyboardInterrupt):
        dataset.write(QUICK, 7 * CHUNK + 10, path, seed=4, dask=local.scheduler_address, report=stop)
    assert not path.exists()
    dataset.write(QUICK, 7 * CHUNK + 10, path, seed=4, report=lambda done, total: counts.append(done))
    assert 2 * CHUNK <= counts[0] < counts[-1] and len(counts) <= 7
    same_bits(quick, path)


def test_few_chunks_are_on_the_cluster_however_slowly_they_are_taken(local):
    most = cluster.AHEAD * 2
    rendered = cluster.chunks_on(local.scheduler_address, *ASKED, list(range(40)))
    with closing(rendered):
        for _ in range(3):
            next(rendered)
            assert 0 < sum(task.group_key == "render" for task in local.scheduler.tasks.values()) <= most


def test_a_wrong_request_is_the_sentence_of_the_worker(local):
    with pytest.raises(ValueError, match="choose from hst"):
        next(cluster.chunks_on(local.scheduler_address, "hts", *ASKED[1:], [0]))
    with pytest.raises(ValueError, match="numpy .* instead of 1.0.*workers the environment of this machine"):
        cluster.rendered(QUICK, 0, 4, "train", {}, cluster.VERSIONS | {"numpy": "1.0"})


def test_no_cluster_is_one_sentence_and_no_file(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    arguments = ["dataset", QUICK, "--size", "3", "--out", str(tmp_path / "x.h5"), "--dask"]
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        for wrong in (address, "tcp://127.0.0.1:1", "nonsense", ""):
            assert main([*arguments, wrong]) == 2
            error = capsys.readouterr().err.strip()
            assert f"No dask scheduler answers at {wrong!r}" in error and len(error.splitlines()) == 1
    monkeypatch.setitem(sys.modules, "distributed.core", None)
    assert main([*arguments, "tcp://127.0.0.1:1"]) == 2
    assert "pip install -r requirements-dask.txt" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_cluster_without_workers_is_told_after_a_while(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE_S", 1.0)
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=":0", silence_logs=50) as empty, \
            pytest.raises(ChildProcessError, match="had no worker for 1 s; start some"):
        next(cluster.chunks_on(empty.scheduler_address, *ASKED, [0]))
