"""rkt attach, and --stdin, --stdout and --stderr: what an app reads and writes,
and those who join it."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import images
import test_app
from host import Facts, wait_until
from images import app
from test_enter import ANSWERS, DOOR, Door, Terminal, enough, pid1, say
from test_G7_matrix import KINDS, OWN, attributes, different
from test_G7_matrix import image as attributes_image
from test_nonroot import new_host, open_host, people  # noqa: F401
from test_pods_apps import start_with

HERE = pathlib.Path(__file__).resolve().parent
STREAMS = ["--stdin=stream", "--stdout=stream", "--stderr=stream"]
TTY = ["--stdin=tty", "--stdout=tty", "--stderr=tty"]


@pytest.fixture(autouse=True)
def experiment(monkeypatch):
    monkeypatch.setenv("RKT_EXPERIMENT_ATTACH", "true")


@pytest.fixture(scope="module")
def program(lab):
    return lab.compile(HERE / "streams.c")


@pytest.fixture(scope="module")
def intruder(lab):
    return lab.compile(HERE / "intruder.c")


def store(host, program, name="streams", **more):
    return host.store(images.aci(
        [images.directory("rootfs/bin"),
         images.directory("rootfs/tmp", mode=0o1777),
         images.program("rootfs/bin/" + name, program)],
        name="example.test/" + name, section=app("/bin/" + name, **more)))


def is_ready(host, uuid):
    return host.rkt("status", "--wait-ready=60s", uuid).code == 0


def start(host, image, flags, *acts, pod=()):
    """A running pod: its rkt, and its UUID."""
    before = {uuid for _, uuid in host.pods()}
    child = host.start("run", *pod, image, *flags, "--", *acts)
    uuid = wait_until(lambda: {u for s, u in host.pods() if s == "run"} - before,
                      timeout=60).pop()
    host.note_pods()
    assert is_ready(host, uuid), host.said(child)
    return child, uuid


def is_at_work(mux):
    """It has the app's streams, has given up its rights, and waits for more:
    so the pod's systemd has them too.  It never sleeps while it takes them."""
    with contextlib.suppress(OSError):
        links = [os.readlink("/proc/%d/fd/%s" % (mux, fd))
                 for fd in os.listdir("/proc/%d/fd" % mux)]
        with open("/proc/%d/status" % mux, encoding="ascii") as f:
            text = f.read()  # behind the look at what it has
        return "State:\tS" in text and "CapEff:\t0000000000000000" in text \
            and any(link.startswith("pipe:") or link.endswith("ptmx")
                    for link in links)
    return False


def mux_of(host, but=None):
    """The pid of the app's mux, when it is at work.  The app is ready when its
    streams lie in the mux's socket: systemd starts the mux a little later."""
    def found():
        return [p for p, words in host.lab.cgroup.processes()
                if "appexec --mux" in words and p != but and is_at_work(p)]
    (mux,) = wait_until(found)
    return mux


def catches(host, number, name="streams"):
    """The app's program has a handler for that signal."""
    for pid, words in of_app(host, name):
        with contextlib.suppress(OSError):
            with open("/proc/%d/status" % pid, encoding="ascii") as f:
                mask = f.read().partition("SigCgt:\t")[2].split()[:1]
            if words.startswith("/bin/") and mask and \
                    int(mask[0], 16) & 1 << number - 1:
                return True
    return False


def stop(child, code=None):
    if child.poll() is None and code is None:
        child.terminate()
    ended = child.wait(60)
    assert code is None or ended == code


def pipes(pid):
    """Those that a process has, but for its stdio."""
    found = set()
    with contextlib.suppress(OSError):
        for fd in os.listdir("/proc/%d/fd" % pid):
            with contextlib.suppress(OSError):
                link = os.readlink("/proc/%d/fd/%s" % (pid, fd))
                if int(fd) > 2 and link.startswith("pipe:"):
                    found.add(link)
    return found


class Attached(subprocess.Popen):
    """rkt attach with pipes."""

    def __init__(self, host, uuid, *flags, **more):
        for name in ("stdin", "stdout", "stderr"):
            more.setdefault(name, subprocess.PIPE)
        super().__init__(host.argv("attach", *flags, uuid), cwd="/", **more)
        self.host = host

    def joined(self):
        """Until it is let in: then it listens to signals, and a mux has its
        pipes."""
        def is_in():
            with open("/proc/%d/status" % self.pid, encoding="ascii") as f:
                text = f.read()
            if "stage1-enter" not in text or "Seccomp:\t2" not in text:
                return False
            mine = pipes(self.pid)
            return any(mine & pipes(pid)
                       for pid, words in self.host.lab.cgroup.processes()
                       if "appexec --mux" in words)
        wait_until(is_in)
        return self

    def says(self, data):
        self.stdin.write(data)
        self.stdin.flush()

    def hears(self, n):
        got = b""
        while len(got) < n:
            more = self.stdout.read1(n - len(got))
            assert more, "ended behind %r" % got
            got += more
        return got


def pattern(n):
    return bytes(((i * 7 + (i >> 8)) & 255) for i in range(n))


# --- flags ------------------------------------------------------------------------


def test_attach_is_an_experiment(host, monkeypatch):
    image = host.store()
    for value in (None, "false"):
        if value is None:
            monkeypatch.delenv("RKT_EXPERIMENT_ATTACH")
        else:
            monkeypatch.setenv("RKT_EXPERIMENT_ATTACH", value)
        for flag in ("--stdin=stream", "--stdout=null", "--stderr=tty"):
            for command in ("run", "prepare"):
                host.rkt(command, image, flag).refused(
                    flag.split("=")[0], "RKT_EXPERIMENT_ATTACH=true")
        host.rkt("attach", "0123").refused("RKT_EXPERIMENT_ATTACH=true")
    monkeypatch.setenv("RKT_EXPERIMENT_ATTACH", "x")
    host.rkt("attach", "0123").refused("not true or false")
    assert host.pods() == []


@pytest.mark.parametrize("flag, said", [
    ("--stdin=log", "must be null, stream, tty or interactive"),
    ("--stdout=interactive", "must be log, null, stream or tty"),
    ("--stderr=", "must be log"), ("--stdout=Stream", "must be log"),
    ("--annotation=coreos.com/rkt/stage2/stdin=tty", "say --stdin instead"),
    ("--name=" + "n" * 91, "try --name")])
def test_attach_flags_that_are_none(host, flag, said):
    more = ["--stdout=stream"] if "name" in flag else []
    host.rkt("run", host.store(), flag, *more).refused(said)


def test_attach_words_that_are_none(host, program):
    child, uuid = start(host, store(host, program), ["--stdout=stream"], "hold")
    for words, said in (
            (["--mode=stdin,tty"], "do not mix"), (["--mode=all"], "want auto"),
            (["--mode="], "want auto"), (["--mode=stdin,"], "want auto"),
            (["--mode=list,stdin"], "want auto"), (["--app=.."], "not the name"),
            (["--app=other"], "no app \"other\""),
            (["--mode=stderr"], "offers stdout"),
            (["--mode=stdin,stdout"], "offers stdout"),
            (["--mode=tty"], "offers stdout")):
        host.rkt("attach", *words, uuid).refused(said)
    host.rkt("attach").refused("takes one UUID")
    host.rkt("attach", uuid, uuid).refused("takes one UUID")
    host.rkt("attach", uuid, "--mode=list").refused("behind the flags")
    host.rkt("attach", "ffffffff").refused("no matches found")
    stop(child)
    host.rkt("attach", uuid).refused("isn't currently running")


def test_attach_list_needs_no_root(open_host, people, program):  # noqa: F811
    host = open_host
    child, uuid = start(host, store(host, program),
                        ["--stdin=stream", "--stderr=stream"], "hold")
    r = people[0].rkt(host, "attach", "--mode=list", uuid[:8],
                      env=dict(os.environ))
    assert r.ok().out == "stdin\nstderr\n"
    people[0].rkt(host, "attach", uuid, env=dict(os.environ)).refused(
        "cannot run as unprivileged user")
    stop(child)
    child, uuid = start(host, store(host, program), TTY[:2], "hold")
    assert host.rkt("attach", "--mode=list", uuid).ok().out == "tty-in\ntty-out\n"
    stop(child)


def test_attach_app_that_offers_nothing(host):
    child, uuid = start(host, host.store(), [], "sleep", "600")
    r = host.rkt("attach", uuid)
    r.refused('app "guest" offers nothing', "--stdout=stream")
    assert host.rkt("attach", "--mode=list", uuid).ok().out == ""
    stop(child)


def test_attach_null_and_log(host):
    r = host.run(host.store(), "facts", app=["--stdout=log", "--stderr=null"]).ok()
    fds = dict(v.split() for v in r.facts.all("fd"))
    assert fds["0"] == fds["2"] == "/dev/null" and fds["1"].startswith("socket:")
    assert set(fds) == {"0", "1", "2"}
    r = host.run(host.store(), "say", "nothing", app=["--stdout=null"]).ok()
    assert "nothing" not in r.out


def test_attach_pod_manifest(host, program):
    """What an operator writes into a pod manifest; an image has no say."""
    image = host.store(images.aci(
        [images.directory("rootfs/bin"),
         images.program("rootfs/bin/streams", program)],
        name="example.test/streams", section=app("/bin/streams"),
        annotations=[{"name": "coreos.com/rkt/stage2/stdin", "value": "tty"},
                     {"name": "coreos.com/rkt/stage2/stdout", "value": "tty"}]))
    child, uuid = start(host, image, ["--stdout=stream"], "hold")
    assert host.rkt("attach", "--mode=list", uuid).ok().out == "stdout\n"
    stop(child)
    manifest = {"acKind": "PodManifest", "acVersion": "0.8.11", "apps": [
        {"name": "one", "image": {"id": image}, "annotations": [
            {"name": "coreos.com/rkt/stage2/stdin", "value": "stream"},
            {"name": "coreos.com/rkt/stage2/stdout", "value": "stream"},
            {"name": "example.test/x", "value": "y"}]}]}
    file = host.path / "pod.json"

    def run(value=None, **more):
        if value:
            manifest["apps"][0]["annotations"][0]["value"] = value
        file.write_text(json.dumps(manifest))
        return host.rkt("run", *more.pop("pod", ()), "--pod-manifest=%s" % file,
                        **more)
    run("log").refused("coreos.com/rkt/stage2/stdin", "must be null")
    run("interactive").refused("say --interactive too")
    r = run("stream", env={k: v for k, v in os.environ.items()
                           if k != "RKT_EXPERIMENT_ATTACH"}).ok()
    assert r.err.count("has no effect") == 2 and "EXPERIMENT_ATTACH" in r.err
    for _, uuid in host.pods():
        host.rkt("rm", uuid)
    child = host.start("run", "--pod-manifest=%s" % file)
    uuid = wait_until(lambda: [u for s, u in host.pods() if s == "run"])[0]
    assert is_ready(host, uuid)
    r = subprocess.run(host.argv("attach", uuid), input=b"in", timeout=60,
                       capture_output=True, check=True)
    assert r.stdout == b"in" and child.wait(60) == 0
    said = json.loads(host.rkt("cat-manifest", uuid).ok().out)
    assert {a["name"] for a in said["apps"][0]["annotations"]} == {
        "coreos.com/rkt/stage2/stdin", "coreos.com/rkt/stage2/stdout",
        "example.test/x"}


def test_attach_interactive(host):
    """--stdin=interactive is --interactive, also of a pod that waits."""
    image = host.store()
    code, text = host.talk(["run", image, "--stdin=interactive", "--", "hear",
                            "facts", "exit", "3"], [("hear?", "yes\r")])
    assert code == 3 and "hear=yes" in text and "tty=111" in text
    uuid = host.rkt("prepare", image, "--stdin=interactive", "--", "hear", "exit",
                    "4").ok().out.split()[-1]
    code, text = host.talk(["run-prepared", uuid], [("hear?", "no\r")])
    assert code == 4 and "hear=no" in text
    host.rkt("run", image, "--stdin=interactive", image).refused("one image")
    host.rkt("run", "--interactive", image, "--stdout=stream").refused(
        "goes with no other")
    host.rkt("run", image, "--stdin=interactive", "--stderr=tty").refused(
        "goes with no other")


def test_attach_prepared(host, program):
    uuid = host.rkt("prepare", store(host, program), *STREAMS, "--",
                    "cat").ok().out.split()[-1]
    child = host.start("run-prepared", uuid)
    wait_until(lambda: ("run", uuid) in host.pods())
    assert is_ready(host, uuid)
    r = subprocess.run(host.argv("attach", uuid), input=b"through",
                       capture_output=True, timeout=60, check=True)
    assert (r.stdout, r.stderr) == (b"through", b"cat has ended\n")
    assert child.wait(60) == 0


# --- streams ----------------------------------------------------------------------


def test_attach_carries_bytes(host, program):
    """10 MB of anything there and back, and the end of input is the app's."""
    child, uuid = start(host, store(host, program), STREAMS, "cat")
    data = os.urandom(10 << 20)
    r = subprocess.run(host.argv("attach", uuid), input=data, timeout=60,
                       capture_output=True, check=True)
    assert r.stdout == data and r.stderr == b"cat has ended\n"
    assert child.wait(60) == 0
    assert "cat has ended" not in host.said(child), "it is in the log too"


def test_attach_to_be_the_apps_user(host, program):
    """Whoever the app is, its streams are its: /dev/stdout can be opened."""
    child, uuid = start(host, store(host, program, user="1000", group="1000"),
                        STREAMS, "reopen")
    r = subprocess.run(host.argv("attach", uuid), input=b"x", timeout=60,
                       capture_output=True, check=True)
    assert r.stdout == b"/dev/stdout opened\n/proc/self/fd/1 opened\n"
    assert r.stderr == b"/dev/stderr opened\n"
    stop(child, 0)


def test_attach_to_the_end_of_the_pod(host, program):
    """An app that writes and ends at once ends its pod: nothing is lost."""
    for size in (1, 70000, 400000):
        child, uuid = start(host, store(host, program), STREAMS, "flood",
                            str(size))
        r = subprocess.run(host.argv("attach", uuid), input=b"x", timeout=60,
                           capture_output=True, check=True)
        assert r.stdout == pattern(size) and r.stderr == b"flooded\n"
        stop(child, 0)


def test_attach_at_once(host, program):
    """Several who come while the pod begins, and may be too late for its end:
    each has all from when it joined to the end, or is told why not."""
    image = store(host, program)
    late = (b"is not running", b"isn't currently running", b"has ended",
            b"does not answer")
    whole = 0
    for _ in range(5):
        child = host.start("run", image, *STREAMS, "--", "flood", "200000")
        uuid = wait_until(lambda: [u for s, u in host.pods() if s == "run"])[0]
        clients = [Attached(host, uuid) for _ in range(4)]
        done = []
        threads = [threading.Thread(target=lambda c=c: done.append(
            (c, *c.communicate(b"x", timeout=60)))) for c in clients]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(done) == 4
        for c, out, err in done:
            assert pattern(200000).endswith(out)
            whole += len(out) == 200000
            assert c.returncode == 0 or (c.returncode == 254 and any(
                text in err for text in late)), err
        stop(child, 0)
        host.rkt("rm", uuid).ok()
    assert whole >= 5


@pytest.mark.parametrize("flags", [STREAMS, ["--stdout=tty"]])
def test_attach_hears_the_last_words(host, program, flags):
    """A pod that is stopped: the mux ends behind its app."""
    child, uuid = start(host, store(host, program), flags, "last")
    c = Attached(host, uuid).joined()
    wait_until(lambda: catches(host, signal.SIGTERM))
    assert host.rkt("stop", uuid).code == 0
    out, _ = c.communicate(timeout=60)
    assert out.endswith(pattern(300000)), len(out)
    assert c.returncode == 0
    stop(child, 0)


def test_attach_nobody_is_there(host, program):
    """What nobody takes is gone, and the app does not wait."""
    child, uuid = start(host, store(host, program),
                        ["--stdin=stream", "--stdout=stream"], "flood", "5000000")
    r = subprocess.run(host.argv("attach", "--mode=stdin", uuid), input=b"x",
                       timeout=60, capture_output=True, check=True)
    # Who holds up others for five seconds is let go, and says so.
    assert r.stdout == r.stderr == b""
    assert child.wait(60) == 0
    assert "flooded" in host.said(child)


def test_attach_several(host, program):
    """All hear the same, from the moment at which they came."""
    child, uuid = start(host, store(host, program), STREAMS, "cat")
    listeners = [Attached(host, uuid, "--mode=stdout").joined() for _ in range(3)]
    first, second = (Attached(host, uuid).joined() for _ in range(2))
    for i in range(50):
        (first if i % 2 else second).says(b"line %02d\n" % i)
        for c in (*listeners, first, second):
            assert c.hears(8) == b"line %02d\n" % i
    first.terminate()
    assert first.wait(60) == 0
    second.says(b"more")
    assert listeners[0].hears(4) == b"more"
    out, err = second.communicate(timeout=60)
    assert out == b"more" and err == b"cat has ended\n" and second.returncode == 0
    assert [c.wait(60) for c in listeners] == [0, 0, 0]
    stop(child, 0)


def test_attach_writers_by_chunks(host, program):
    """Two who write at once: the chunks of neither are broken."""
    child, uuid = start(host, store(host, program), STREAMS, "cat")
    watch = Attached(host, uuid, "--mode=stdout").joined()
    writers = [Attached(host, uuid, "--mode=stdin", stdout=subprocess.DEVNULL)
               .joined() for _ in range(2)]

    def write(c, mark):
        for _ in range(200):
            c.says(mark * 1023 + b"\n")
            time.sleep(0.002)
    threads = [threading.Thread(target=write, args=(c, mark))
               for c, mark in zip(writers, (b"a", b"b"))]
    for t in threads:
        t.start()
    got = watch.hears(400 * 1024)
    for t in threads:
        t.join()
    # A chunk may hold several lines of one writer, never a piece of another's.
    mixed = [line for line in got.split(b"\n") if len(set(line)) > 1]
    assert not mixed and got.count(b"a") == got.count(b"b") == 200 * 1023
    for c in (watch, *writers):
        c.terminate()
        assert c.wait(60) == 0
    assert child.poll() is None
    stop(child)


def test_attach_that_leaves_does_not_end_the_input(host, program):
    """Killed, or told to go: the app's stdin stays open."""
    child, uuid = start(host, store(host, program), STREAMS, "cat")
    for number, code in ((signal.SIGKILL, -9), (signal.SIGTERM, 0),
                         (signal.SIGINT, 0), (signal.SIGHUP, 0)):
        c = Attached(host, uuid).joined()
        c.says(b"here")
        assert c.hears(4) == b"here"
        c.send_signal(number)
        assert c.wait(60) == code
    r = subprocess.run(host.argv("attach", uuid), input=b"last", timeout=60,
                       capture_output=True, check=True)
    assert r.stdout == b"last"
    stop(child, 0)


def test_attach_killed_in_the_middle(host, program):
    child, uuid = start(host, store(host, program), STREAMS, "flood", "8000000")
    good = Attached(host, uuid).joined()
    bad = Attached(host, uuid, "--mode=stdout").joined()
    good.says(b"x")
    assert bad.hears(100000) == pattern(100000)
    bad.kill()
    out, err = good.communicate(timeout=60)
    assert out == pattern(8000000) and err == b"flooded\n"
    bad.wait()
    stop(child, 0)


def test_attach_client_that_never_reads(host, program):
    """It is let go after 5 seconds, and the others miss nothing."""
    child, uuid = start(host, store(host, program), STREAMS, "flood", "3000000")
    good = Attached(host, uuid).joined()
    bad = Attached(host, uuid, "--mode=stdout").joined()
    began = time.monotonic()
    good.says(b"x")
    out, err = good.communicate(timeout=60)
    assert out == pattern(3000000) and err == b"flooded\n"
    assert 4 < time.monotonic() - began < 40
    rest, said = bad.communicate(timeout=60)
    assert bad.returncode == 254 and b"let go" in said
    assert len(rest) < 3000000 and rest == pattern(len(rest))
    stop(child, 0)


def test_attach_stopped_client(host, program):
    """The same by SIGSTOP, and the app's pod ends in time."""
    child, uuid = start(host, store(host, program), ["--stdout=stream"], "tick")
    c = Attached(host, uuid).joined()
    assert c.hears(5) == b"tick "
    c.send_signal(signal.SIGSTOP)
    wait_until(lambda: "T (stopped)" in open(
        "/proc/%d/status" % c.pid, encoding="ascii").read())
    began = time.monotonic()
    child.terminate()
    child.wait(60)
    assert time.monotonic() - began < 40
    c.send_signal(signal.SIGCONT)
    c.communicate(timeout=60)
    assert c.returncode == 0


def test_attach_twenty(host, program):
    child, uuid = start(host, store(host, program), STREAMS, "cat")
    several = [Attached(host, uuid) for _ in range(20)]
    gone = wait_until(lambda: (lambda g: g if len(g) == 4 else None)(
        [c for c in several if c.poll() is not None]), timeout=60)
    for c in gone:
        assert c.returncode == 254
        assert b"too many are attached already" in c.stderr.read()
    rest = [c for c in several if c not in gone]
    for c in rest:
        c.joined()
    rest[0].says(b"all")
    assert [c.hears(3) for c in rest] == [b"all"] * 16
    rest.pop().kill()
    wait_until(lambda: subprocess.run(
        host.argv("attach", "--mode=stdin", uuid), stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, timeout=60, check=False).returncode == 0)
    for c in rest:
        assert c.wait(60) == 0
    stop(child, 0)


@pytest.mark.parametrize("where, code, said", [
    (">/dev/full", 254, "what streams wrote is lost"), ("| head -c 30", 0, ""),
    ("<&- | head -c 30", 0, ""), ("</ | head -c 30", 0, "")])
def test_attach_to_what_is_no_reader(host, program, where, code, said):
    """Somewhere to write to that takes no more, and odd places to read from."""
    child, uuid = start(host, store(host, program), ["--stdout=stream"], "tick")
    r = subprocess.run(
        ["bash", "-c", '"$@" %s; exit ${PIPESTATUS[0]}' % where, "x",
         *host.argv("attach", uuid)], capture_output=True, timeout=60, text=True,
        check=False)
    assert r.returncode == code and said in r.stderr, r
    assert child.poll() is None
    stop(child)


def test_attach_app_that_closes_its_output(host, program):
    child, uuid = start(host, store(host, program), STREAMS, "close")
    watch = Attached(host, uuid, "--mode=stdout,stderr").joined()
    whole = Attached(host, uuid).joined()
    whole.says(b"x")
    out, err = watch.communicate(timeout=60)
    assert (out, err, watch.returncode) == (b"", b"bye\n", 0)
    assert child.poll() is None and whole.poll() is None
    whole.says(b"it still reads")
    whole.stdin.close()
    assert whole.wait(60) == 0
    stop(child, 5)


def test_attach_app_of_several(host, program):
    image = store(host, program)
    child = host.start("run", image, "--name=one", *STREAMS, "--", "cat", "---",
                       image, "--name=two", *STREAMS, "--", "cat", "---",
                       image, "--name=plain", "--", "hold")
    uuid = wait_until(lambda: [u for s, u in host.pods() if s == "run"])[0]
    assert is_ready(host, uuid)
    host.rkt("attach", uuid).refused("pod contains multiple apps:", "--app=")
    host.rkt("attach", "--app=plain", uuid).refused("offers nothing")
    for name in ("two", "one"):
        r = subprocess.run(host.argv("attach", "--app=" + name, uuid),
                           input=name.encode(), capture_output=True, timeout=60,
                           check=True)
        assert r.stdout == name.encode()
        # That app has ended, and there is no one to wait for.
        r = host.rkt("attach", "--app=" + name, uuid)
        assert r.code == 254 and "it is not running" in r.err, r.describe()
        assert r.seconds < 25  # it answers; who does not has 30
    stop(child)


def test_attach_app_that_comes_and_goes(host, program, monkeypatch):
    """An app of a mutable pod: each of its lives has a mux of its own."""
    monkeypatch.setitem(test_app.APP, "RKT_EXPERIMENT_ATTACH", "true")
    image = store(host, program)
    pod = test_app.Sandbox(host)
    pod.host.rkt("app", "add", pod.uuid, "example.test/streams", *STREAMS, env=dict(
        test_app.APP, RKT_EXPERIMENT_ATTACH="0")).refused("EXPERIMENT_ATTACH=true")
    pod.add("example.test/streams", "--name=cat", *STREAMS).ok()
    pod.add("example.test/streams", "--name=other", "--stdin=interactive",
            ).refused("interactive")
    r = host.rkt("attach", "--app=cat", pod.uuid)
    assert r.code == 254 and "it is not running" in r.err, r.describe()
    for word in (b"first", b"second"):
        pod.app("start", "--app=cat").ok()
        r = subprocess.run(host.argv("attach", "--app=cat", pod.uuid), input=word,
                           capture_output=True, timeout=60, check=True)
        assert r.stdout == word and r.stderr == b"cat has ended\n"
        pod.wait_state("exited", "cat")
    pod.app("start", "--app=cat").ok()
    c = Attached(host, pod.uuid, "--app=cat").joined()
    pod.app("stop", "--app=cat").ok()
    assert c.wait(60) == 0
    pod.app("rm", "--app=cat").ok()
    host.rkt("attach", pod.uuid).refused()
    pod.stop()
    assert image


# --- a terminal -------------------------------------------------------------------


def terminal(host, *acts, flags=TTY):
    """An app with a terminal, that says what it is when someone types."""
    child, uuid = start(host, host.store(), flags, "hear", *acts)
    t = Terminal(host, "attach", uuid)
    t.wait_for("leaves it")
    return child, uuid, t


def test_attach_terminal(host):
    child, _, t = terminal(host, "facts", "size", "hear", "size", "exit", "5")
    t.type("go\r")
    t.wait_for("size=33 77 yes")
    t.size(11, 22)  # is there before what is typed behind it
    t.type("again\r")
    t.wait_for("size=11 22 yes")
    assert t.end() == 0
    f = Facts(t.text)
    assert f.one("tty") == "111" and f.all("fd") == [
        "%d /dev/pts/0" % fd for fd in range(3)]
    assert "hear=again" in t.text
    stop(child, 5)


def test_attach_terminal_keys_are_the_apps(host):
    """Control and C is a key; the caller's terminal is raw."""
    child, _, t = terminal(host, "say", "in", "sleep", "600")
    t.type("go\r")
    t.wait_for("say=in")
    t.type("\x03")
    assert t.end() == 0
    stop(child, signal.SIGINT)


@pytest.mark.parametrize("how", ["keys", "keys one by one", signal.SIGTERM,
                                 signal.SIGINT, signal.SIGHUP])
def test_attach_terminal_leave(host, how):
    """The app goes on, and the terminal is as it was (Terminal.end)."""
    child, uuid, t = terminal(host, "say", "on", "sleep", "600")
    if how == "keys":
        t.type("\x1d\x1d\x1d")
    elif how == "keys one by one":
        # The terminal's echo says that they were heard.
        t.type("\x1d\x1dx\x1d\x1d")
        t.wait_for("^]^]x^]^]")
        time.sleep(1.2)
        t.type("\x1d")
        t.wait_for("^]^]x^]^]^]")
        assert t.child.poll() is None
        wait_until(lambda: t.child.poll() is not None or t.type("\x1d"))
    else:
        t.child.send_signal(how)
    assert t.end() == 0
    assert child.poll() is None
    t = Terminal(host, "attach", uuid)
    t.wait_for("leaves it")
    t.type("\r")
    t.wait_for("say=on")
    t.child.kill()
    t.child.wait()
    os.close(t.master)
    os.close(t.slave)
    stop(child)


def test_attach_terminal_from_pipes(host):
    """Without a terminal on this side bytes are bytes, and the end is none."""
    child, uuid = start(host, host.store(), TTY, "hear", "size", "sleep", "2")
    r = subprocess.run(host.argv("attach", uuid), input=b"text\n", timeout=60,
                       capture_output=True, check=True)
    assert b"hear=text\r\n" in r.stdout and b"size=0 0 yes" in r.stdout
    stop(child, 0)


def test_attach_terminal_to_look_on(host):
    child, uuid, t = terminal(host, "say", "seen", "sleep", "2")
    watch = Attached(host, uuid, "--mode=tty-out").joined()
    t.type("go\r")
    t.wait_for("say=seen")
    out, _ = watch.communicate(timeout=60)
    assert b"say=seen" in out and watch.returncode == 0
    assert t.end() == 0
    stop(child, 0)


# --- what it must not be ----------------------------------------------------------


def of_app(host, name):
    """Processes in the cgroup of the app's unit."""
    found = set()
    for pid, words in host.lab.cgroup.processes():
        with contextlib.suppress(OSError):
            with open("/proc/%d/cgroup" % pid, encoding="ascii") as f:
                if "/%s.service" % name in f.read():
                    found.add((pid, words))
    return found


def test_G7_attach_starts_nothing(host, program):
    child, uuid = start(host, store(host, program), STREAMS, "cat")
    # It is said to be ready a moment before it is executed.
    before = wait_until(lambda: {(p, w) for p, w in of_app(host, "streams")
                                 if w.startswith("/bin/streams")})
    assert before == of_app(host, "streams") and len(before) == 1
    several = [Attached(host, uuid).joined() for _ in range(3)]
    several[0].says(b"x")
    assert [c.hears(1) for c in several] == [b"x"] * 3
    assert of_app(host, "streams") == before
    # What carries the bytes is apart from it, and without a right.
    mux = mux_of(host)
    with open("/proc/%d/cgroup" % mux, encoding="ascii") as f:
        assert "rkt-mux@streams.service" in f.read()
    with open("/proc/%d/status" % mux, encoding="ascii") as f:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in f
                     if ":\t" in line)
    assert int(lines["CapPrm"], 16) == int(lines["CapEff"], 16) == 0
    assert lines["NoNewPrivs"] == "1"
    for c in several:
        with open("/proc/%d/status" % c.pid, encoding="ascii") as f:
            lines = dict(line.rstrip("\n").split(":\t", 1) for line in f
                         if ":\t" in line)
        assert int(lines["CapPrm"], 16) == int(lines["CapBnd"], 16) == 0
        assert lines["NoNewPrivs"] == "1" and lines["Seccomp"] == "2"
        where = "/proc/%d/fd" % c.pid
        kinds = sorted(os.readlink(where + "/" + fd).split(":")[0]
                       for fd in os.listdir(where) if int(fd) > 2)
        assert kinds == ["anon_inode", "pipe", "pipe", "pipe", "socket"]
        c.kill()
        c.wait()
    assert of_app(host, "streams") == before
    stop(child)


@pytest.fixture(scope="module")
def looking(lab):
    return lab.compile(HERE / "attributes.c")


@pytest.mark.parametrize("kind", ["default", "user", "narrowed", "operator"])
def test_G7_streams_are_run(host, looking, kind):
    """An app with streams or a terminal is the app without, but for what 0, 1
    and 2 are, and that a terminal is one."""
    section, pod, more = KINDS[kind]
    image = attributes_image(host, looking, argv=("wait",), **section)
    child = host.start("run", *pod, image, *more)
    host.wait_for(child, "done=1", timeout=60)
    ran = attributes(host.said(child))
    stop(child)
    # Between two pods.
    but = OWN | {"ns_cgroup", "ns_ipc", "ns_net", "ns_pid", "ns_user", "ns_uts",
                 "hostname", "uid_map", "gid_map", "root", "session_keyring"}
    for flags in (STREAMS, TTY):
        child, uuid = start(host, image, [*flags, *more], "wait", pod=pod)
        r = subprocess.run(host.argv("attach", uuid), input=b"\n", timeout=60,
                           capture_output=True, check=True)
        found = attributes(r.stdout.decode())
        assert found["fds"] == ["0", "1", "2"]
        ran["mount"], found["mount"] = sorted(ran["mount"]), sorted(found["mount"])
        own = but | ({"tty", "special"} if flags is TTY else set())
        assert different(ran, found, own) == "", flags
        stop(child, 0)


def test_attach_app_with_a_socket(host):
    """The app's own socket is at its place, and nothing else is."""
    image = host.store(section=app("/bin/guest", ports=[
        {"name": "p", "protocol": "tcp", "port": 7003,
         "socketActivated": True}]))
    before = set()
    for flags in (STREAMS, TTY):
        with socket.create_server(("127.0.0.1", 7003)) as door:
            child = start_with(host, [door], "run", "--net=host", image, *flags,
                               "--", "hear", "facts", "exit", "3")
            uuid = wait_until(lambda: {u for s, u in host.pods()
                                       if s == "run"} - before).pop()
            before.add(uuid)
            assert is_ready(host, uuid)
            r = subprocess.run(host.argv("attach", uuid), input=b"\n",
                               capture_output=True, timeout=60, check=True)
        fds = Facts(r.stdout.decode()).all("fd")
        assert [v.split()[0] for v in fds] == ["0", "1", "2", "3"], fds
        assert fds[3].startswith("3 socket:"), fds
        stop(child, 3)


def test_attach_socket_is_for_no_app(host):
    child, uuid = start(
        host, host.store(), ["--stdin=stream", "--caps-retain=CAP_SYS_ADMIN,"
                             "CAP_DAC_OVERRIDE,CAP_SYS_CHROOT,CAP_SYS_PTRACE"],
        "hear", "stat", "/run/rkt/mux/guest", "stat", "/run/rkt", "read",
        "/proc/net/unix", pod=["--insecure-options=all-run"])
    assert os.stat("/proc/%d/root/run/rkt/mux/guest" % pid1(host, child)).st_mode \
        & 0o777 == 0o600
    assert os.stat("/proc/%d/root/run/rkt/mux" % pid1(host, child)).st_mode \
        & 0o777 == 0o700
    subprocess.run(host.argv("attach", uuid), input=b"\n", timeout=60, check=True)
    assert child.wait(60) == 0
    f = Facts(host.said(child))
    assert [v for v in f.all("stat") if "No such file" not in v] == []


def test_attach_intruder_gets_nothing(host, intruder):
    """An app that lies in wait for whoever is started beside it."""
    child, uuid = start(host, store(host, intruder, "intruder"),
                        ["--stdin=stream"], "600", "stay")
    end = time.monotonic() + 7
    for i in range(200):
        c = Attached(host, uuid)
        if i % 2:
            time.sleep(0.2)
        else:
            c.joined()
        c.kill()
        c.wait()
        if time.monotonic() > end:
            break
    enough(host)
    host.wait_for(child, "done=1", timeout=60)
    f = Facts(host.said(child))
    assert f.all("breach") == [] and f.all("file") == []
    assert int(f.one("seen")) > 0
    stop(child)


def answer(*packets):
    def go(c):
        for p in packets:
            c.send(p)
        time.sleep(0.5)
    return go


MORE = {
    "another stream": answer(say(5, 0, 8)), "fewer": answer(say(5, 0, 2)),
    "begun twice": answer(say(5, 0, 7), say(5, 0, 7)),
    "ended before": answer(say(4)), "let go before": answer(say(4, 3)),
    "signal": answer(say(5, 0, 7), say(4, 1, 9)),
    "not started behind": answer(say(5, 0, 7), say(4, 2, 1)),
    "no reason": answer(say(4, 2, 99)), "full": answer(say(4, 2, 3)),
    "gone": answer(say(5, 0, 7)),
    "garbage behind": answer(say(5, 0, 7), b"x" * 16),
}


class Mux(Door):
    """The same; it keeps the pipes for as long as it talks."""

    def run(self):
        with contextlib.suppress(OSError):
            c, _ = self.socket.accept()
            self.peer = struct.unpack("iII", c.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            _, fds, _, _ = socket.recv_fds(c, 64, 8)
            self.got = [os.readlink("/proc/self/fd/%d" % fd) for fd in fds]
            with contextlib.suppress(OSError):
                self.answer(c)
            c.close()
            time.sleep(0.3)
            for fd in fds:
                os.close(fd)


@pytest.mark.parametrize("name", sorted(ANSWERS) + sorted(MORE))
def test_attach_hostile_door(host, program, name):
    """A pod whose root plays its own door and mux."""
    child, uuid = start(host, store(host, program), STREAMS, "hold")
    door = Mux(host, child, {**ANSWERS, **MORE}[name])
    r = host.rkt("attach", uuid, timeout=60)
    assert r.code == 254 and r.err.strip() and r.out == "", r.describe()
    door.join(60)
    assert door.got[0].startswith("/memfd:rkt-enter")
    assert [n.split(":")[0] for n in door.got[1:]] == ["pipe"] * 3
    base = int((host.data / "pods/run" / uuid / "private-users-prepared")
               .read_text().split(":")[0])
    assert door.peer[1:] == (base, base)
    stop(child)


def test_attach_mux_that_floods(host, program):
    """Whatever comes out of the pipes goes to the caller's, and a signal ends
    it at any time, also where nobody reads."""
    child, uuid = start(host, store(host, program), STREAMS, "hold")
    path = DOOR % pid1(host, child)
    os.unlink(path)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.bind(path)
    os.chmod(path, 0o777)
    door.listen(1)
    c = Attached(host, uuid, stdin=subprocess.DEVNULL)
    conn, _ = door.accept()
    _, fds, _, _ = socket.recv_fds(conn, 64, 8)
    conn.send(say(5, 0, 7))
    with pytest.raises(BlockingIOError):
        while True:
            os.write(fds[2], b"y" * 4096)
    assert c.hears(65536) == b"y" * 65536
    c.terminate()
    assert c.wait(60) == 0
    for fd in fds:
        os.close(fd)
    conn.close()
    door.close()
    stop(child)


def mux_socket(host, child, name="streams"):
    """A connection to an app's mux, as the pod's root would have it."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(60)
    s.connect("/proc/%d/root/run/rkt/mux/%s" % (pid1(host, child), name))
    return s


def test_attach_mux_hears_nonsense(host, program):
    """It takes no harm by what comes to its socket."""
    child, uuid = start(host, store(host, program), STREAMS, "cat")
    null = os.open("/dev/null", os.O_RDWR)
    r, w = os.pipe()
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client = 65
    for packet, fds in (
            (b"x" * 16, []), (b"", [null]), (say(1), [null]), (say(99), []),
            (say(client), []), (say(client, 1), [null, null]),
            (say(client, 2), [b.fileno()]), (say(client, 2), [b.fileno(), r]),
            (say(client, 1), [b.fileno(), w]), (say(client, 9), [b.fileno(), r, r]),
            (say(client, 32), [b.fileno(), r]), (say(client, 0), [b.fileno(), r]),
            (say(client, 2), [b.fileno(), w, w]), (say(client, 2), [r, w]),
            (say(client, 1) + b"y", [b.fileno(), r])):
        with mux_socket(host, child) as s:
            socket.send_fds(s, [packet], fds)
            assert s.recv(16) == b""
    idle = [mux_socket(host, child) for _ in range(3)]
    c = Attached(host, uuid).joined()
    c.says(b"well")
    assert c.hears(4) == b"well"
    for s in idle:
        s.close()
    c.kill()
    c.wait()
    for fd in (null, r, w):
        os.close(fd)
    a.close()
    b.close()
    stop(child)


def test_attach_again_and_again(host, program):
    """CVE-2025-64329: nothing is left of who came and went, however."""
    child, uuid = start(host, store(host, program), STREAMS, "cat")
    mux = mux_of(host)

    def open_files():
        return len(os.listdir("/proc/%d/fd" % mux))
    before = open_files()
    for i in range(30):
        c = Attached(host, uuid, *(["--mode=stdout"] if i % 2 else []))
        if i % 3 == 0:
            c.joined()
        if i % 5:
            c.kill()
        else:
            c.terminate()
        c.wait()
    wait_until(lambda: open_files() == before)
    stop(child)


def test_attach_client_that_talks_nonsense(host, program):
    """At its own door: it is let go, and the app goes on."""
    child, uuid = start(host, store(host, program), STREAMS, "cat")
    for nonsense in (b"z" * 16, say(6), say(2, 9), say(5, 0, 7), b"x"):
        r, w = os.pipe()
        a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with mux_socket(host, child) as s:
            socket.send_fds(s, [say(65, 2)], [b.fileno(), w])
            assert s.recv(16) == b""
        os.close(w)
        b.close()
        a.settimeout(60)
        assert a.recv(64) == say(5, 0, 2)
        a.send(say(7, 0, 5 << 16 | 5))
        a.send(nonsense)
        with contextlib.suppress(ConnectionResetError):
            while a.recv(64):
                pass
        assert os.read(r, 1) == b""
        os.close(r)
        a.close()
    r = subprocess.run(host.argv("attach", uuid), input=b"well", timeout=60,
                       capture_output=True, check=True)
    assert r.stdout == b"well"
    stop(child, 0)
