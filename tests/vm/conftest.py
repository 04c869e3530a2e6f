"""The guest of all these tests: one boot."""
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
OUT = pathlib.Path(os.environ.get("RKT_VM",
                                  HERE.parent.parent / "build" / "vm"))
sys.path[:0] = [str(HERE)]
import vm as machine  # noqa: E402
from guest import CLEAN, INSTALL, RUNS, publish  # noqa: E402


def pytest_collection_modifyitems(items):
    """What is left of all the others is looked at last."""
    items.sort(key=lambda item: item.name == "test_vm_gc_leaves_nothing")


@pytest.fixture(scope="session")
def guest():
    """The host, with rkt installed and its image in the store."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    try:
        machine.root_image(OUT)
    except machine.Unavailable as why:
        pytest.fail("there is no virtual machine: %s" % why)
    publish(OUT / "srv")
    with machine.Machine(OUT, machine.disk(OUT, INSTALL, OUT)) as made:
        made.run("sh /usr/local/share/rkt/users.sh add /usr").ok()
        yield made


@pytest.fixture(scope="session")
def stored(guest):
    """The first image's id: all are trusted, verified, unpacked on this
    kernel."""
    guest.run("rkt trust --prefix=example.test "
              "--skip-fingerprint-review /srv/key.asc").ok()
    return guest.run("rkt fetch --full /srv/guest.aci /srv/ready.aci "
                     "/srv/server.aci", 180).ok().out.split()[0]


@pytest.fixture
def vm(guest, stored):
    """The guest; what a test leaves running there fails it."""
    yield guest
    left = guest.run(RUNS).ok().out
    if left:
        guest.run(CLEAN)
    assert not left, "left behind: " + left
