import os
import pathlib
import shutil
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "lib")]


@pytest.fixture
def data(tmp_path):
    """A data directory that the conductor can reach by descriptor alone."""
    d = tmp_path / "data"
    d.mkdir()
    return d


@pytest.fixture
def open_path():
    """A directory that everyone can reach."""
    d = tempfile.mkdtemp(prefix="rkt-cli-")
    os.chmod(d, 0o755)
    yield pathlib.Path(d)
    shutil.rmtree(d)
