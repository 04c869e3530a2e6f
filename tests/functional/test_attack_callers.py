"""Callers with odd surroundings, and names that begin alike: what they ask for
happens as ever, or not at all."""
import subprocess

import pytest

from host import Facts
from test_app import APP, Sandbox

ODD = {
    "closed descriptors": 'exec "$@" <&- >&- 2>&-',
    "umask": 'umask 0777; exec "$@"',
    "no file may grow": 'ulimit -f 0; exec "$@"',
    "few descriptors": 'ulimit -n 12; exec "$@"',
    "some descriptors": 'ulimit -n 24; exec "$@"',
    "small stack": 'ulimit -s 128; exec "$@"',
    "little memory": 'ulimit -v 150000; exec "$@"',
    "signals ignored": "trap '' INT HUP TERM PIPE CHLD USR1; exec \"$@\"",
    "environment": 'export LISTEN_FDS=99999999 LISTEN_PID=$$ NOTIFY_SOCKET=@x '
                   'LD_PRELOAD=/x.so LD_DEBUG=all TMPDIR=/nonexistent HOME= '
                   'SYSTEMD_LOG_LEVEL=debug SYSTEMD_NSPAWN_LOCK=0 IFS=/ '
                   'MALLOC_CHECK_=3 LC_ALL=tr_TR.UTF-8 PATH=/nonexistent; '
                   'exec "$@"',
    "nowhere": 'd=$(mktemp -d); cd $d; rmdir $d; exec "$@"',
}


def odd(host, how, *args):
    r = subprocess.run(["/bin/sh", "-c", ODD[how], "sh", *host.argv(*args)],
                       cwd="/", capture_output=True, timeout=100, check=False,
                       env=APP, stdin=subprocess.DEVNULL)
    # Who may write nothing is killed by the kernel (SIGXFSZ).
    assert r.returncode in (0, 254, -25 if "grow" in how else 0), (how, args, r)
    return r.returncode


@pytest.mark.parametrize("how", ODD)
def test_attack_callers_of_app(host, how):
    """Each step by such a caller; where he gets a no, nothing was done, and
    the next one does it."""
    image = host.store()
    pod = Sandbox(host)
    for _ in range(2):
        if odd(host, how, "app", "add", pod.uuid, image, "--name=guest", "--",
               "sleep", "600") != 0:
            pod.is_clean()
            pod.add(image, "--name=guest", "--", "sleep", "600").ok()
        if odd(host, how, "app", "start", pod.uuid, "--app=guest") != 0:
            pod.app("start", "--app=guest").ok()
        pod.wait_state("running")
        if odd(host, how, "app", "stop", pod.uuid, "--app=guest") != 0:
            pod.app("stop", "--app=guest").ok()
        pod.wait_state("exited")
        if odd(host, how, "app", "rm", pod.uuid, "--app=guest") != 0:
            pod.app("rm", "--app=guest").ok()
        pod.is_clean()
    assert odd(host, how, "stop", pod.uuid) in (0, 254)
    host.rkt("stop", pod.uuid)
    pod.child.wait(60)
    odd(host, how, "rm", pod.uuid)
    host.rkt("gc", "--grace-period=0s").ok()
    assert host.pods() == []


@pytest.mark.parametrize("how", ODD)
def test_attack_callers_of_pods(host, how, tmp_path):
    """prepare, run-prepared, enter and export by such a caller."""
    image = host.store()
    odd(host, how, "prepare", "--quiet", image, "--", "facts")
    uuid = host.rkt("prepare", "--quiet", image, "--", "hear", "umask", "say",
                    "done").ok().out.strip()
    code = odd(host, how, "run-prepared", uuid)
    if code != 0:
        states = dict((u, s) for s, u in host.pods())
        if states.get(uuid) == "prepared":
            host.rkt("run-prepared", uuid).ok()
    out = tmp_path / "out.aci"
    if odd(host, how, "export", uuid, str(out)) != 0:
        assert not out.exists()
        host.rkt("export", uuid, str(out)).ok()
    pod = host.start("run", image, "--", "say", "up", ",", "sleep", "600")
    host.wait_for(pod, "say=up")
    new = next(u for s, u in host.pods() if s == "run" and u != uuid)
    odd(host, how, "enter", new, "/bin/guest", "exit", "0")
    r = host.rkt("enter", new, "/bin/guest", "facts").ok()
    assert Facts(r.out).one("uid")
    host.rkt("stop", new).ok()
    pod.wait(60)
    odd(host, how, "gc", "--grace-period=0s", "--expire-prepared=0s")
    host.rkt("gc", "--grace-period=0s", "--expire-prepared=0s").ok()
    assert host.pods() == []


NAMES = ["a", "a-b", "a-b-c", "a1", "created", "a-b-create"]


def test_attack_names_that_begin_alike(host):
    """The marks of an app's states are files whose names are app names too: such
    a pair is refused, whichever comes first, and all else is kept apart."""
    image = host.store()
    for order in (NAMES, NAMES[::-1]):
        pod = Sandbox(host)
        for name in order:
            pod.add(image, "--name=" + name, "--", "sleep", "600").ok()
            assert pod.state(name) == "created", name
        for mark in ("a-created", "a-started", "a-b-created", "created-started"):
            pod.add(image, "--name=" + mark).refused("files of app NAME")
        for name in order[::2]:
            pod.app("start", "--app=" + name).ok()
        for name in order:
            want = "running" if name in order[::2] else "created"
            pod.wait_state(want, name)
        for i, name in enumerate(order):
            pod.app("rm", "--app=" + name).ok()
            for other in order[i + 1:]:
                want = "running" if other in order[::2] else "created"
                assert pod.state(other) == want, (name, other)
        pod.add(image, "--name=b-started").ok()
        pod.add(image, "--name=b").refused("files of app NAME")
        pod.app("rm", "--app=b-started").ok()
        pod.is_clean()
        pod.stop()
        host.rkt("gc", "--grace-period=0s").ok()
