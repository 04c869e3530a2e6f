"""rkt stop, at any moment of a pod's first third of a second: it ends, by its
app's end or because the app never began.  And more than once."""
import subprocess
import time

from host import wait_until

MOMENTS = 24  # over 0..300 ms
NEVER = "the pod ends before all of its apps have begun"


def uuid_of(host, pod):
    def find():
        assert pod.poll() is None
        return [u for state, u in host.pods() if state == "run"]
    return wait_until(find)[0]


def test_stop_a_pod_that_begins(host):
    """Its systemd would not hear what is said before it listens: a first
    process of a process namespace gets no signal that it has not asked for."""
    image = host.store()
    slow = []
    for i in range(MOMENTS):
        pod = host.start("run", image, "--", "sleep", "600")
        uuid = uuid_of(host, pod)
        time.sleep(0.3 * i / MOMENTS)
        host.rkt("stop", uuid).ok()
        try:
            code = pod.wait(60)
            assert code == 15 or (code == 111 and NEVER in host.said(pod))
        except subprocess.TimeoutExpired:
            slow.append(i)
            host.rkt("stop", "--force", uuid).ok()
            pod.wait(60)
        host.rkt("rm", uuid).ok()
    assert slow == []


def test_stop_twice_is_stop(host):
    """Who asks again does not take from the app the time to end."""
    pod = host.start("run", host.store(), "--", "ignore", "say", "deaf",
                     "sleep", "4", "exit", "7")
    host.wait_for(pod, "say=deaf")
    uuid = uuid_of(host, pod)
    for _ in range(3):
        host.rkt("stop", uuid).ok()
    assert pod.wait(60) == 7, host.said(pod)
