"""G9, for pods that wait and pods that are stopped: the launcher is killed at
a chosen system call of prepare, run-prepared, stop and gc; a pod is then in
its old state or its new one, and the next command works without repair."""
import os
import signal
import subprocess

from host import wait_until
from test_kill import gc, killed, left, spread, traced


def prepared(host, image, *args):
    return host.rkt("prepare", "--quiet", *args, image, "--", "exit",
                    "7").ok().out.strip()


def test_G9_kill_prepare(host):
    image = host.store()
    args = ("prepare", "--volume=v,kind=empty", image, "--mount",
            "volume=v,target=/v", "--", "exit", "7")
    code, points = traced(host, *args)
    assert code == 0
    host.rkt("gc", "--expire-prepared=0s", "--grace-period=0s").ok()
    hit = 0
    for point in spread(points, 20):
        hit += killed(host, point, *args) == -signal.SIGKILL
        host.rkt("list").ok()
        for state, uuid in host.pods():
            if state == "prepared":  # it is whole: it runs
                assert host.rkt("run-prepared", uuid).code == 7, point
        host.rkt("gc", "--expire-prepared=0s", "--grace-period=0s")
        gc(host)
        assert left(host) == [], point
    assert hit > 15


def test_G9_kill_run_prepared(host):
    """Killed before it runs, it waits on and can be run; killed later, it has
    ended."""
    image = host.store()
    uuid = prepared(host, image)
    code, points = traced(host, "run-prepared", uuid)
    assert code == 7
    gc(host)
    hit = waiting = 0
    for point in spread(points, 30):
        uuid = prepared(host, image)
        hit += killed(host, point, "run-prepared", uuid) == -signal.SIGKILL
        host.rkt("list").ok()
        state = dict((u, s) for s, u in host.pods())[uuid]
        assert state in ("prepared", "run"), point
        if state == "prepared":
            waiting += 1
            assert host.rkt("run-prepared", uuid).code == 7, point
        gc(host)
        assert left(host) == [], point
    assert hit > 20 and waiting > 10


def running(host, image):
    pod = host.start("run", image, "--", "say", "up", ",",
                     "sleep", "600")
    host.wait_for(pod, "say=up")
    return pod, next(u for state, u in host.pods() if state == "run")


def test_G9_kill_stop(host):
    """A stop that is killed has been heard or not; the next one is."""
    image = host.store()
    pod, uuid = running(host, image)
    code, points = traced(host, "stop", uuid)
    assert code == 0
    pod.wait(60)
    gc(host)
    for point in spread(points, 6):
        pod, uuid = running(host, image)
        stopped_by_strace(host, point, uuid)
        host.rkt("list").ok()
        host.rkt("stop", uuid).ok()
        pod.wait(60)
        gc(host)
        assert left(host) == [], point


def stopped_by_strace(host, point, uuid):
    """rkt stop, killed there; the pod's own processes are none of its."""
    child = subprocess.Popen(
        ["strace", "-qq", "-o", "/dev/null", "-e",
         "inject=%s:signal=KILL:when=%d" % point, *host.argv("stop", uuid)],
        cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    child.wait(60)


def sleepers(host):
    return [pid for pid, words in host.lab.cgroup.processes()
            if words.startswith("/bin/guest") and words.split()[-1] == "777"]


def test_G9_kill_enter(host):
    """Whoever enters is killed, as the launcher or as what it became: the
    command ends, the pod does not, and the next one gets in."""
    image = host.store()
    pod, uuid = running(host, image)
    code, points = traced(host, "enter", uuid, "/bin/guest", "exit", "3")
    assert code == 3
    hit = 0
    for point in spread(points, 30):
        hit += entered(host, point, uuid) == -signal.SIGKILL
        host.rkt("list").ok()
        wait_until(lambda: not sleepers(host))  # or the command runs on
        assert host.rkt("enter", uuid, "/bin/guest", "exit", "3").code == 3, point
        assert pod.poll() is None, point
    assert hit > 15
    host.rkt("stop", uuid).ok()
    pod.wait(60)
    gc(host)
    assert left(host) == []


def entered(host, point, uuid):
    """rkt enter with a command that does not end, killed there; or here, when
    the command runs and it still has not come to that call."""
    child = subprocess.Popen(
        ["strace", "-qq", "-o", "/dev/null", "-e",
         "inject=%s:signal=KILL:when=%d" % point,
         *host.argv("enter", uuid, "/bin/guest", "sleep", "777")], cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    wait_until(lambda: child.poll() is not None or sleepers(host))
    try:
        return child.wait(2)
    except subprocess.TimeoutExpired:
        for pid in children(child.pid):
            os.kill(pid, signal.SIGKILL)
        child.wait(60)
        return 0


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
        return [int(p) for p in f.read().split()]
