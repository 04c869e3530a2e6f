"""The caller's sockets (sd_listen_fds(3)): kept for the pod alone, and only
what they are said to be."""
import contextlib
import fcntl
import os
import socket
import subprocess

import pytest

from host import wait_until
from webserver import Reply


def started(host, opened, variables, *args, fds=()):
    """rkt by a shell that opens descriptors, as systemd starts a service;
    $$ is rkt's own process."""
    child = subprocess.Popen(
        ["bash", "-c", "%s\n%s exec \"$@\"" % (opened, variables), "rkt",
         *host.argv(*args)], pass_fds=fds, stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT, cwd="/",
        stdout=(log := open(host.path / ("out%d" % len(host.children)), "w+b")))
    child.log = log
    host.children.append(child)
    return child


@contextlib.contextmanager
def doors(number):
    """So many listening sockets: their descriptors, and how a shell puts them
    on 3, 4, ..."""
    made = [socket.socket(socket.AF_UNIX) for _ in range(number)]
    fds = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 100) for s in made]
    for s in made:
        s.close()
    yield fds, "exec " + " ".join(
        "%d<&%d" % (3 + i, fd) for i, fd in enumerate(fds))
    for fd in fds:
        os.close(fd)


@pytest.mark.parametrize("opened, number, says", [
    ("exec 3</etc/passwd", 1, "descriptor 3 is no socket"),
    ("exec 3</", 1, "descriptor 3 is no socket"),
    ("exec 3<&-", 1, "descriptor 3 is no socket"),
    ("exec 3< <(true)", 1, "descriptor 3 is no socket"),
    (1, 2, "descriptor 4 is no socket"),
    (33, 33, "more than 32 sockets"),
    (1, 2147483647, "more than 32 sockets")])
def test_sockets_that_are_not_what_is_said(host, opened, number, says):
    """They would be some other file in the hands of an app."""
    with doors(opened if isinstance(opened, int) else 0) as (fds, words):
        child = started(host, words if fds else opened,
                        "LISTEN_PID=$$ LISTEN_FDS=%d" % number, "version",
                        fds=fds)
        assert child.wait(60) == 254
    assert says in host.said(child)


@pytest.mark.parametrize("variables", [
    "LISTEN_PID=1 LISTEN_FDS=1", "LISTEN_FDS=1", "LISTEN_PID=$$",
    "LISTEN_PID=$$ LISTEN_FDS=-1", "LISTEN_PID=$$ LISTEN_FDS=1x",
    "LISTEN_PID=$$ LISTEN_FDS=", "LISTEN_PID=0$$ LISTEN_FDS=1",
    "LISTEN_PID=$$ LISTEN_FDS=4294967297"])
def test_sockets_for_someone_else(host, variables):
    """Nothing is kept, whatever stands there."""
    child = started(host, "exec 3</etc/passwd", variables, "version")
    assert child.wait(60) == 0, host.said(child)


@pytest.mark.parametrize("pid, kept", [("$$", 2), ("1", 0)])
def test_sockets_reach_no_worker(host, pid, kept):
    """While a download waits: the launcher has them, and nothing else of the
    caller's; the conductor and the fetcher have none."""
    host.trust()
    server = host.serve({"/x.aci.asc": Reply(b"x" * 99, trickle=1)})
    with doors(2) as (fds, words):
        sockets = {"socket:[%d]" % os.fstat(fd).st_ino for fd in fds}
        child = started(host, words + " 40</etc/passwd 41</",
                        "LISTEN_PID=%s LISTEN_FDS=2" % pid, "fetch",
                        "https://example.test/x.aci", fds=fds)
        wait_until(lambda: server.requests)
        found = {}
        for process, path in host.lab.cgroup.programs().items():
            links = {os.readlink("/proc/%d/fd/%s" % (process, fd))
                     for fd in os.listdir("/proc/%d/fd" % process)}
            name = os.path.basename(path)
            found[name] = len(links & sockets)
            assert not links & {"/etc/passwd", "/"}, (name, links)
        assert found == {"rkt": kept, "conductor": 0, "fetcher": 0}
        child.terminate()
        child.wait(60)
