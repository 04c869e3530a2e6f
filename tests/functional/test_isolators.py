"""Isolators: the limits of block I/O, the settings of the kernel, and those
that are refused by name."""
import json
import os
import re

import pytest

import images
from images import app, isolator

SYSCTL = "os/unix/sysctl"
V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")


def section(*argv, **more):
    return app("/bin/guest", *argv, **more)


def sysctl(**more):
    return isolator(SYSCTL, {k.replace("__", "."): v for k, v in more.items()})


def manifest(host, *apps, **more):
    file = host.path / "pod.json"
    file.write_text(json.dumps(dict({
        "acKind": "PodManifest", "acVersion": "0.8.11", "apps": list(apps)},
        **more)))
    return "--pod-manifest=%s" % file


def of(image, name, *argv, **more):
    return {"name": name, "image": {"id": image}, "app": section(*argv, **more)}


def host_value(name):
    return open("/proc/sys/" + name.replace(".", "/"), encoding="ascii").read()


# --- sysctls -----------------------------------------------------------------

FIN = "/proc/sys/net/ipv4/tcp_fin_timeout"


def test_isolators_sysctl_of_an_image(host):
    """In force in the pod, before its first app; nowhere else."""
    before = host_value("net.ipv4.tcp_fin_timeout")
    image = host.store(section=section("read", FIN, isolators=[
        sysctl(net__ipv4__tcp_fin_timeout="17")]))
    other = host.store(name="example.test/other", section=section("read", FIN))
    assert "17" in host.rkt("run", image).ok().out
    r = host.rkt("run", other).ok().out
    assert before.strip() in r and before.strip() != "17"
    assert host_value("net.ipv4.tcp_fin_timeout") == before
