"""rkt stop, at any moment of a pod's first third of a second: it ends."""
import time

from host import wait_until

MOMENTS = 24  # over 0..300 ms


def uuid_of(host, pod):
    def find():
        assert pod.poll() is None
        return [u for state, u in host.pods() if state == "run"]
    return wait_until(find, 30)[0]


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
            pod.wait(20)
        except Exception:
            slow.append(i)
            host.rkt("stop", "--force", uuid).ok()
            pod.wait(20)
        host.rkt("rm", uuid).ok()
    assert slow == []
