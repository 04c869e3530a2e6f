"""rkt app sandbox, add, start, stop, rm: what is asked of the launcher."""
import json
import os
import shutil

import pytest

import world
from fakefetcher import Fetching, plan, volumes
from fakelauncher import Launcher

IMAGE = "example.com/hello"
APP = {"RKT_EXPERIMENT_APP": "true"}
RUN, ADD = 0, 3
START, STOP, REMOVE = 2, 3, 4


def manifest(*apps, mutable="true", **more):
    m = world.pod_manifest(*apps)
    m["annotations"] = [{"name": "coreos.com/rkt/stage1/mutable",
                         "value": mutable}]
    m.update(more)
    return json.dumps(m)


def pod(data, text):
    return world.add_pod(data, "run", 1, text, lock=True)


@pytest.fixture
def empty(data):
    fd = pod(data, manifest())
    yield data
    os.close(fd)


def since(data):
    path = os.path.join(str(data), "pods/run", world.uuid(1), "pod")
    return os.stat(path).st_mtime_ns


def test_sandbox(data):
    launcher = Fetching(data)
    r = launcher.run("app", "sandbox", "--hostname=h", "--annotation=a=b",
                     "--user-label=c=d", env=APP)
    assert r.code == 0, r.err
    assert launcher.how == RUN and r.types() == ["HELLO", "START_POD"]
    (p,) = plan(launcher)
    assert (p["mutable"], p["apps"], p["volumes"]) == (1, 0, 0)
    assert p["hostname"] == "h"
    told = json.loads(p["manifest"])
    said = {a["name"]: a["value"] for a in told["annotations"]}
    assert said == {"coreos.com/rkt/stage1/mutable": "true", "a": "b"}
    assert told["userLabels"] == {"c": "d"}


@pytest.mark.parametrize("flag", [
    "--port=a:tcp:1:2:3", "--stage1-path=/x", "--interactive", "--volume=a",
    "--pod-manifest=/x", "--no-overlay", "--memory=1"])
def test_sandbox_refuses(data, flag):
    r = Fetching(data).run("app", "sandbox", flag, env=APP)
    assert r.code == 254 and "START_POD" not in r.types()
    assert flag.split("=")[0][2:] in r.err


def test_words_in_full(empty):
    """The launcher compares them."""
    world.add_image(empty, "hello")
    for words in (["app", "san"], ["ap", "sandbox"], ["app", "ad", "0", IMAGE]):
        r = Fetching(empty).run(*words, env=APP)
        assert r.code == 254 and "in full" in r.err, r.err
        assert "START_POD" not in r.types()


def test_add(empty):
    world.add_image(empty, "hello")
    launcher = Fetching(empty)
    r = launcher.run("app", "add", "0000", IMAGE, "--name=one", "--memory=1Mi",
                     "--mnt-volume=v,kind=host,source=/srv,target=/v",
                     "--mnt-volume=w,kind=empty,target=/w", "--", "x", env=APP)
    assert r.code == 0, r.err
    (m,) = [m for m in r.asked if m.name == "START_POD"]
    assert m.fields["how"] == ADD and m.fields["since"] == since(empty)
    p, app = plan(launcher)
    assert (p["mutable"], p["apps"], p["uuid"]) == (1, 1, world.uuid(1))
    assert app["name"] == "one" and app["exec"][-1] == "x"
    assert app["memory"] == 1 << 20
    assert app["mount_target"] == ["/v", "/w"]
    assert {n: v["source"] for n, v in volumes(launcher).items()} == {
        "v": "/srv", "w": ""}
    told = json.loads(p["manifest"])
    assert [a["name"] for a in told["apps"]] == ["one"]
    assert [v["name"] for v in told["volumes"]] == ["v", "w"]


@pytest.mark.parametrize("words, says", [
    (["0"], "an image"), (["0", IMAGE, IMAGE], "one image"),
    (["0", "--name=x", IMAGE], "follow"), (["--name=x", "0", IMAGE], "follow"), (["0", "example.com/none"], "no image"),
    (["0", "/x.aci"], "not the name"), (["0", "https://x/y"], "x/y"),
    (["0", IMAGE, "--mnt-volume=v,kind=empty"], "target is missing"),
    (["0", IMAGE, "--mnt-volume=v,target=/v"], "kind is missing"),
    (["0", IMAGE, "--mnt-volume=v,kind=empty,target=v"], "absolute"),
    (["0", IMAGE, "--volume=v,kind=empty"], "unknown flag"),
    (["0", IMAGE, "--oom-score-adj=-1"], "oom-score-adj"),
    (["0", IMAGE, "--mount=volume=v,target=/v"], "v"),
    (["1", IMAGE], "no matches")])
def test_add_refuses(empty, words, says):
    world.add_image(empty, "hello")
    r = Fetching(empty).run("app", "add", *words, env=APP)
    assert r.code == 254 and says in r.err, r.err
    assert "START_POD" not in r.types()


def test_add_to_what_does_not_take_it(data):
    world.add_image(data, "hello")
    for text, says in ((manifest(mutable="false"), "that it began with"),
                       (world.pod_manifest("web"), "that it began with"),
                       ("{", "cannot read"),
                       (manifest("hello"), "multiple apps with name hello"),
                       (manifest(volumes=[{"name": "v", "kind": "empty"}]),
                        'a volume "v"')):
        fd = pod(data, text)
        r = Fetching(data).run("app", "add", "0", IMAGE,
                               "--mnt-volume=v,kind=empty,target=/v", env=APP)
        assert r.code == 254 and says in r.err, (text, r.err)
        assert "START_POD" not in r.types()
        os.close(fd)
        shutil.rmtree(os.path.join(str(data), "pods/run", world.uuid(1)))
    world.add_pod(data, "run", 1, manifest())
    r = Fetching(data).run("app", "add", "0", IMAGE, env=APP)
    assert r.code == 254 and "not running" in r.err


def test_add_of_what_is_the_pods(empty):
    """Settings and sockets are there when a pod begins, or not."""
    for seed, more, says in (
            ("a", {"isolators": [{"name": "os/unix/sysctl", "value": {
                "net.ipv4.tcp_fin_timeout": "1"}}]}, "os/unix/sysctl"),
            ("b", {"ports": [{"name": "a", "port": 80, "protocol": "tcp",
                         "socketActivated": True}]}, "socket-activated")):
        m = world.manifest(name="example.com/" + seed, app=more)
        world.add_image(empty, seed, m)
        r = Fetching(empty).run("app", "add", "0", m["name"], env=APP)
        assert r.code == 254 and says in r.err, r.err
        assert "START_POD" not in r.types()


def asked(data, *words, how):
    got = []

    def answer(launcher, message):
        for fd in message.fds:
            got.append(os.pread(fd, 1 << 16, 0).decode())
        return ("DONE", {}) if how == REMOVE else (
            "STARTING", {"uuid": message.fields["uuid"]})

    r = Launcher(data, {"ENTER_POD": answer}).run(*words, env=APP)
    return r, got


def test_start_stop_rm(data):
    fd = pod(data, manifest("web", "db"))
    for verb, how in (("start", START), ("stop", STOP), ("rm", REMOVE)):
        r, got = asked(data, "app", verb, "0000", "--app=db", how=how)
        assert r.code == 0, r.err
        m = r.one("ENTER_POD")
        assert (m["how"], m["uuid"], m["app"]) == (how, world.uuid(1), "db")
        assert m["exec"] == [] and m["env"] == []
        if how != REMOVE:
            assert got == []
            continue
        assert m["since"] == since(data)
        assert [a["name"] for a in json.loads(got[0])["apps"]] == ["web"]
    for words, says in ((["0"], "requires --app"), ([], "one UUID"),
                        (["0", "--app=x"], 'no app "x"'),
                        (["0", "--app=X"], "not the name"),
                        (["0", "1", "--app=db"], "one UUID")):
        for verb in ("start", "stop", "rm"):
            r, _ = asked(data, "app", verb, *words, how=START)
            assert r.code == 254 and says in r.err, r.err
            assert "ENTER_POD" not in r.types()
    os.close(fd)


def test_rm_what_is_half_there(empty):
    """No app in the manifest, but its plan."""
    apps = os.path.join(str(empty), "pods/run", world.uuid(1), "apps")
    os.mkdir(apps)
    open(os.path.join(apps, "gone"), "wb").close()
    r, got = asked(empty, "app", "rm", "0", "--app=gone", how=REMOVE)
    assert r.code == 0, r.err
    assert json.loads(got[0]).get("apps", []) == []
