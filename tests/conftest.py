"""The suite's workers share the cores: where several run beside each other, each computes on one."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, here and in the servers that tests start
