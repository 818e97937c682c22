"""One thread for all, so that sums come out the same to the last bit; and a training that nothing interrupts."""

import pytest
import torch

from tests.runs.sittings import run


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same training without any interruption."""
    path = tmp_path_factory.mktemp("whole")
    torch.set_num_threads(1)
    run(path)
    return path
