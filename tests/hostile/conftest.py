import gc
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import play  # noqa: E402


@pytest.fixture
def prefix():
    path = os.environ.get("RKT_PREFIX")
    if not path or os.geteuid() != 0:
        pytest.skip("needs root and RKT_PREFIX, an installed prefix")
    return path


def descriptors():
    return {int(fd) for fd in os.listdir("/proc/self/fd")}


@pytest.fixture(autouse=True)
def no_descriptors_left():
    """What a hostile room was sent, and what it would have sent."""
    before = descriptors()
    yield
    gc.collect()
    for fd in descriptors() - before:
        try:
            os.close(fd)
        except OSError:
            pass  # the listing's own


@pytest.fixture
def stage(prefix, tmp_path):
    """stage("conductor", "verify", ...): a Play with these rooms replaced."""
    made = []
    for parent in [tmp_path, *tmp_path.parents]:
        if str(parent).startswith("/tmp/"):
            os.chmod(parent, 0o755)

    def make(*replace):
        p = play.Play(prefix, str(tmp_path), replace)
        made.append(p)
        return p

    yield make
    for p in made:
        p.close()
