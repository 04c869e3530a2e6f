"""Functional tests: one user story each, against what was installed.

    RKT_PREFIX=/tmp/root python3 -m pytest tests/functional

Needs root, and `make install PREFIX=$RKT_PREFIX` before.  See tests/lib/host.py
for what a test gets, and what it must not leave behind.
"""
import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import host as host_module  # noqa: E402

# A shell starts a background job with SIGINT ignored, and nohup(1) one with
# SIGHUP; tests that send them must not depend on how the suite was started.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0 or not host_module.RKT.exists():
        reason = "needs root, and RKT_PREFIX where rkt is installed"
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def lab():
    """What all tests share."""
    made = host_module.Lab()
    yield made
    made.close()


@pytest.fixture
def host(lab, tmp_path):
    """A fresh rkt; what it leaves behind fails the test."""
    made = host_module.Host(lab, tmp_path)
    yield made
    made.close()


@pytest.fixture
def small_host(lab, tmp_path):
    """The same, with 4 MiB of disk."""
    made = host_module.Host(lab, tmp_path, space="4m")
    yield made
    made.close()
