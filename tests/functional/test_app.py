"""rkt app: pods whose apps come and go."""
import json
import os
import time

import pytest

APP = {"RKT_EXPERIMENT_APP": "true", "PATH": os.environ["PATH"]}


class Sandbox:
    """A pod of rkt app sandbox."""

    def __init__(self, host, *flags):
        self.host = host
        self.child = host.start("app", "sandbox", *flags, env=APP)
        end = time.monotonic() + 20
        while not self.find() and time.monotonic() < end:
            assert self.child.poll() is None, host.said(self.child)
            time.sleep(0.02)
        self.uuid = self.find()
        self.dir = host.data / "pods" / "run" / self.uuid
        host.note_pods()
        # Its systemd hears nobody before.
        host.rkt("status", "--wait-ready=20s", self.uuid).ok()

    def find(self):
        found = [u for s, u in self.host.pods() if s == "run"]
        return found[0] if found else None

    def app(self, verb, *args, **more):
        """rkt app VERB UUID ARGS"""
        return self.host.rkt("app", verb, self.uuid, *args, env=APP, **more)

    def add(self, image, *args):
        return self.app("add", image, *args)

    def state(self, name="guest"):
        r = self.app("status", "--app=" + name, "--format=json").ok()
        return json.loads(r.out)["state"]

    def wait_state(self, state, name="guest"):
        end = time.monotonic() + 10
        while self.state(name) != state:
            assert time.monotonic() < end, self.state(name)
            time.sleep(0.05)

    def stop(self):
        self.host.rkt("stop", self.uuid).ok()
        return self.child.wait(20)


def test_app_comes_and_goes(host):
    image = host.store()
    pod = Sandbox(host)
    assert pod.app("list", "--no-legend").ok().out == ""
    r = host.rkt("list").ok()
    assert " - " in " ".join(r.out.split())
    pod.add(image, "--name=guest", "--", "say", "up", ",", "sleep", "60").ok()
    assert pod.state() == "created"
    pod.app("start", "--app=guest").ok()
    host.wait_for(pod.child, "say=up")
    assert pod.state() == "running"
    again = pod.app("start", "--app=guest").ok()
    assert "running already" in again.err
    pod.app("stop", "--app=guest").ok()
    assert pod.state() == "exited"
    r = pod.app("stop", "--app=guest")
    assert r.code == 254 and "is not running" in r.err
    pod.app("start", "--app=guest").ok()
    assert pod.state() == "running"
    pod.app("rm", "--app=guest").ok()
    assert pod.app("list", "--no-legend").ok().out == ""
    assert pod.stop() == 0
