"""enter and app: what is asked of the launcher, and what is said instead."""
import os

import pytest

import world
from fakelauncher import Launcher, alone, refuse

GO = {"ENTER_POD": lambda launcher, message: (
    "STARTING", {"uuid": message.fields["uuid"]})}
APP = {"RKT_EXPERIMENT_APP": "1"}


@pytest.fixture
def one(data):
    """A running pod of one app."""
    fd = world.add_pod(data, "run", 1, world.pod_manifest("web"), lock=True)
    yield data
    os.close(fd)


@pytest.mark.parametrize("words, app, command", [
    (["enter", "0000"], "web", ["/bin/bash"]),
    (["enter", world.uuid(1), "ls", "-l", "--app=x", "--help"], "web",
     ["ls", "-l", "--app=x", "--help"]),
    (["enter", "--app=web", "00000001", "--", "-x"], "web", ["-x"]),
    (["enter", "--app", "web", "0", "", "a b", "--"], "web", ["", "a b", "--"]),
    (["app", "exec", "0", "ls"], "web", ["ls"])])
def test_enter_asks(one, words, app, command):
    r = Launcher(one, GO).run(*words, env=dict(APP, TERM="vt100", HOME="/x"))
    assert r.code == 0, r.err
    m = r.one("ENTER_POD")
    assert m["uuid"] == world.uuid(1) and m["app"] == app
    assert m["exec"] == command and m["env"] == ["TERM=vt100"]
    said = 'no command specified, assuming "/bin/bash"'
    assert (said in r.err) == (command == ["/bin/bash"])


def test_enter_without_a_terminal_type(one):
    m = Launcher(one, GO).run("enter", "0", "ls").one("ENTER_POD")
    assert m["env"] == []


@pytest.mark.parametrize("words, said", [
    (["enter"], "takes a UUID"), (["enter", "ff"], 'no matches found for "ff"'),
    (["enter", "--app=No", "0"], "not the name of an app"),
    (["enter", "--app=db", "0", "ls"], 'the pod has no app "db"; it has:'),
    (["enter", "--ap=x", "0", "ls"], "unknown flag: --ap"),
    (["enter", "0"] + ["x"] * 513, "at most 512 words"),
    (["enter", "0", "x" * 32768], "has 32768 bytes: 32767 are the most"),
    (["enter", "0"] + ["x" * 30000] * 2, "at most some 60000 bytes"),
    (["app", "exec", "0", "ls"], "RKT_EXPERIMENT_APP=true")])
def test_enter_refuses(one, words, said):
    r = Launcher(one, GO).run(*words)
    assert r.code == 254 and said in r.err, r.err
    assert "ENTER_POD" not in r.types()


def test_enter_of_several(data):
    fd = world.add_pod(data, "run", 1, world.pod_manifest("web", "db"), lock=True)
    r = Launcher(data, GO).run("enter", "0", "ls")
    assert r.code == 254 and "ENTER_POD" not in r.types()
    assert r.err == ("enter: pod contains multiple apps:\n"
                     "enter:     web\nenter:     db\n"
                     'enter: specify app using "rkt enter --app= ..."\n')
    m = Launcher(data, GO).run("enter", "--app=db", "0", "ls").one("ENTER_POD")
    assert m["app"] == "db"
    os.close(fd)


@pytest.mark.parametrize("place", ["run", "prepared", "prepare", "exited-garbage"])
def test_enter_of_what_does_not_run(data, place):
    world.add_pod(data, place, 1, world.pod_manifest("web"))
    r = Launcher(data, GO).run("enter", "0", "ls")
    assert r.code == 254 and "isn't currently running" in r.err
    assert "ENTER_POD" not in r.types()


def test_enter_refused_by_the_launcher(one):
    r = Launcher(one, {"ENTER_POD": refuse(5, "it has gone")}).run("enter", "0", "x")
    assert r.code == 254 and r.err == "enter: it has gone\n"


def test_enter_needs_root(one):
    r = alone("enter", "--dir=%s" % one, "0", "ls")
    assert r.code == 254 and "cannot run as unprivileged user" in r.err


def test_app_status_is_printable(data):
    """HOSTILE: a manifest with terminal codes."""
    m = world.pod_manifest("web")
    m["apps"][0]["app"] = {"exec": ["/x"], "user": "0", "group": "0",
                           "userAnnotations": {"a": "\x1b[2Jb"}}
    fd = world.add_pod(data, "run", 1, m, lock=True, status=[("web", "7\n")])
    r = Launcher(data).run("app", "status", "--app=web", "0", env=APP)
    assert r.code == 0 and "exit_code=7\n" in r.out and "state=exited\n" in r.out
    assert "user_annotations=a:?[2Jb\n" in r.out and "\x1b" not in r.out
    r = Launcher(data).run("app", "list", "--format=json", "0", env=APP)
    assert r.code == 0 and "\x1b" not in r.out
    os.close(fd)


# --- attach -----------------------------------------------------------------------


ATTACH = {"RKT_EXPERIMENT_ATTACH": "1"}


@pytest.fixture
def streams(data):
    """A running pod of an app with two streams, and of one with a terminal."""
    m = world.pod_manifest("web", "db")
    for i, values in enumerate((("null", "stream", "stream"),
                                ("tty", "tty", "nonsense"))):
        m["apps"][i]["annotations"] = [
            {"name": "coreos.com/rkt/stage2/" + k, "value": v}
            for k, v in zip(("stdin", "stdout", "stderr"), values)]
    fd = world.add_pod(data, "run", 1, m, lock=True)
    yield data
    os.close(fd)


@pytest.mark.parametrize("words, app, mode", [
    (["--app=web", "0"], "web", "auto"),
    (["--app", "web", "--mode", "stderr,stdout", "0"], "web", "stderr,stdout"),
    (["--mode=tty", "--app=db", world.uuid(1)], "db", "tty")])
def test_attach_asks(streams, words, app, mode):
    r = Launcher(streams, GO).run("attach", *words, env=dict(ATTACH, TERM="x"))
    assert r.code == 0, r.err
    m = r.one("ENTER_POD")
    assert (m["how"], m["uuid"], m["app"]) == (1, world.uuid(1), app)
    assert m["exec"] == [mode] and m["env"] == []


@pytest.mark.parametrize("words, said", [
    (["--app=web", "--mode=stdin", "0"], 'app "web" offers stdout, stderr'),
    (["--app=db", "--mode=stdout", "0"], 'app "db" offers tty-in, tty-out'),
    (["0"], "pod contains multiple apps:"), ([], "takes one UUID"),
    (["--app=web", "0", "x"], "takes one UUID, behind the flags"),
    (["--app=web", "--mode=tty,stdout", "0"], "do not mix"),
    (["--app=web", "--mode=x", "0"], "want auto, list")])
def test_attach_refuses(streams, words, said):
    r = Launcher(streams, GO).run("attach", *words, env=ATTACH)
    assert r.code == 254 and said in r.err, r.err
    assert "ENTER_POD" not in r.types()


def test_attach_needs_root(streams):
    r = Launcher(streams, GO).run("attach", "--app=db", "--mode=list", "0",
                                  env=ATTACH)
    assert (r.code, r.out) == (0, "tty-in\ntty-out\n"), r.err
    assert "ENTER_POD" not in r.types()
    r = alone("attach", "--dir=%s" % streams, "--app=db", "0", env=ATTACH)
    assert r.code == 254 and "cannot run as unprivileged user" in r.err
