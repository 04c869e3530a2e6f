"""Pods whose pieces are stopped, killed or starved at any moment: who asks is
answered within a bound, and what is left is cleared by gc."""
import os
import signal
import subprocess
import tempfile
import time

import pytest

from host import wait_until
from test_app import APP, Sandbox


def in_time(host, seconds, *args):
    """Code, seconds, words.  What is given to a pod may lie there: no pipes."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as f:
        r = subprocess.run(host.argv(*args), cwd="/", check=False, env=APP,
                           timeout=seconds, stdin=subprocess.DEVNULL, stdout=f,
                           stderr=f)
        f.seek(0)
        return r.returncode, time.monotonic() - began, f.read().decode()


def test_attack_stopped_systemd(host):
    """A pod whose first process stands still: enter gives up by itself, stop is
    heard later, and --force ends it at once."""
    image = host.store()
    pod = Sandbox(host)
    pod.add(image, "--name=guest", "--", "sleep", "600").ok()
    pod.app("start", "--app=guest").ok()
    init = pod.init()
    os.kill(init, signal.SIGSTOP)
    code, _, said = in_time(host, 60, "enter", "--app=guest", pod.uuid,
                            "/bin/guest", "exit", "0")
    assert code == 254 and "does not answer" in said
    code, seconds, _ = in_time(host, 30, "stop", pod.uuid)
    assert code == 0 and seconds < 15
    code, _, _ = in_time(host, 30, "stop", "--force", pod.uuid)
    assert code == 0
    pod.child.wait(30)
    host.rkt("rm", pod.uuid).ok()


def test_attack_full_pod(host):
    """No room for what is added: it is refused, and nothing of it is there."""
    image = host.store()
    pod = Sandbox(host)
    init = pod.init()
    # The pod's root has a directory of another's where its plan would lie.
    plan = "/proc/%d/root/rkt/plan/guest" % init
    os.mkdir(plan)
    pod.add(image, "--name=guest", "--", "sleep", "1").refused("does not take")
    os.rmdir(plan)
    pod.is_clean()
    os.symlink("/etc/passwd", plan)
    pod.add(image, "--name=guest", "--", "sleep", "1").refused("does not take")
    os.unlink(plan)
    pod.is_clean()
    pod.add(image, "--name=guest", "--", "sleep", "600").ok()
    pod.app("start", "--app=guest").ok()
    pod.stop()


@pytest.mark.parametrize("what", ["stage1", "init"])
def test_attack_killed_under_an_addition(host, what):
    """The pod dies at any moment of an addition: said, bounded, cleared."""
    image = host.store()
    for i in range(6):
        pod = Sandbox(host)
        victim = pod.child.pid if what == "stage1" else pod.init()
        adding = subprocess.Popen(
            host.argv("app", "add", pod.uuid, image, "--name=guest", "--", "sleep",
                      "600"), cwd="/", env=APP, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        time.sleep(0.012 * i)
        os.kill(victim, signal.SIGKILL)
        assert adding.wait(60) in (0, 254)
        pod.child.wait(30)
        wait_until(lambda: host.rkt("rm", pod.uuid).code == 0)
        host.rkt("gc", "--grace-period=0s").ok()
        assert host.pods() == []
