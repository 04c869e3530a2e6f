"""Every command about pods, at once and at random, some of them killed: none
hangs, none falls out of its role, and when it is over everything goes away.

RKT_CHAOS=SECONDS for a longer storm, RKT_SEED=N for that one again.
"""
import json
import os
import random
import subprocess
import threading
import time

from host import PATIENCE, wait_until

APP = dict(os.environ, RKT_EXPERIMENT_APP="true", RKT_EXPERIMENT_ATTACH="true")
NO_POD = "00000000-0000-0000-0000-000000000000"
PODS = "run", "several", "run-prepared", "sandbox"
# What no caller may hear, whatever others do.
NEVER = "out of turn", "cannot be understood", "Traceback", "dumped core", \
    "runtime error"


def lines(image, uuid, chance, file):
    """Of each command one line; all of them act on the same few pods."""
    app = "--app=x%d" % chance.randrange(3)
    return {
        "run": ["run", image, "--", "sleep", str(chance.randrange(3))],
        "several": ["run", image, "--name=a", "---", image, "--name=b", "--",
                    "exit", "3"],
        "prepare": ["prepare", image],
        "run-prepared": ["run-prepared", uuid],
        "sandbox": ["app", "sandbox"],
        "add": ["app", "add", uuid, image, "--name=" + app[6:]],
        "start": ["app", "start", uuid, app],
        "app stop": ["app", "stop", uuid, app],
        "app rm": ["app", "rm", uuid, app],
        "app list": ["app", "list", uuid],
        "enter": ["enter", uuid, "/bin/guest", "exit", "0"],
        "stop": ["stop", uuid],
        "force": ["stop", "--force", uuid],
        "rm": ["rm", uuid],
        "gc": ["gc", "--grace-period=0s"],
        "expire": ["gc", "--grace-period=0s", "--expire-prepared=0s"],
        "list": ["list", "--format=json"],
        "status": ["status", uuid],
        "manifest": ["cat-manifest", uuid],
        "export": ["export", "--overwrite", uuid, file],
        "logs": ["logs", uuid],
        "image gc": ["image", "gc"],
    }


class Storm(threading.Thread):
    """One caller: a command after the other, each to its end."""

    def __init__(self, host, image, seed, end):
        super().__init__()
        self.host, self.image, self.end = host, image, end
        self.chance = random.Random(seed)
        self.file = host.path / ("%d.aci" % seed)
        self.bad, self.done = [], 0

    def one(self):
        pods = [uuid for _, uuid in self.host.pods()] or [NO_POD]
        table = lines(self.image, self.chance.choice(pods), self.chance,
                      self.file)
        name = self.chance.choice(sorted(table))
        child = subprocess.Popen(
            self.host.argv(*table[name]), env=APP, cwd="/", text=True,
            errors="replace", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        killed = self.chance.random() < 0.25
        if killed:
            time.sleep(0.3 * self.chance.random())
            child.kill()
        elif name in PODS:
            self.ended(child)
        try:
            out, _ = child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            out = child.communicate()[0] + "(hangs)"
            self.bad.append((name, out))
        self.done += 1
        if any(word in out for word in NEVER) or (
                "the launcher has gone" in out and not killed):
            self.bad.append((name, out))
        if name == "list" and not killed:
            if child.returncode == 0:
                json.loads(out)
            else:
                self.bad.append((name, out))

    @staticmethod
    def ended(child):
        """A pod that nobody stops in time is told to end."""
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.terminate()

    def run(self):
        while time.monotonic() < self.end:
            self.one()


def test_everything_at_once(host):
    image = host.store()
    seed = int(os.environ.get("RKT_SEED", time.time()))
    end = time.monotonic() + float(os.environ.get("RKT_CHAOS", "15"))
    print("RKT_SEED=%d" % seed)
    storms = [Storm(host, image, 8 * seed + i, end) for i in range(5)]
    for s in storms:
        s.start()
    for s in storms:
        s.join()
    host.note_pods()
    assert [s.bad for s in storms] == [[]] * len(storms)
    assert sum(s.done for s in storms) > 20
    for state, uuid in host.pods():
        if state == "run":  # or it ends by itself just now
            host.rkt("stop", "--force", uuid)

    def all_gone():
        host.rkt("gc", "--grace-period=0s", "--expire-prepared=0s").ok()
        return host.pods() == []
    wait_until(all_gone)
    assert host.lab.cgroup.wait_empty() == []
    assert host.run(image, "exit", "4").code == 4
