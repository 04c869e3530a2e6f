"""rkt enter: a command in an app, and what would like to be more than that."""
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest

import images
from host import PATIENCE, PREFIX, Facts, wait_until
from images import app

HERE = pathlib.Path(__file__).resolve().parent
HOST_PROGRAMS = ["bin/rkt", "libexec/rkt/stage1-enter",
                 "libexec/rkt/stage1-nspawn",
                 "lib/rkt/stage1/nspawn/rootfs/usr/lib/rkt/appexec"]


@pytest.fixture(scope="module")
def intruder(lab):
    return lab.compile(HERE / "intruder.c")


def start(host, *acts, image=None, pod=(), more=()):
    """A running pod: its rkt, and its UUID."""
    words = ["run", *pod, image or host.store(), *more]
    child = host.start(*words, "--", *(acts or ("say", "ready", "sleep", "600")))
    host.wait_for(child, "say=ready" if not acts else "ready")
    return child, host.pods()[0][1]


def stop(child):
    child.terminate()
    return child.wait(60)


def pid1(host, child):
    with open("/proc/%d/task/%d/children" % (child.pid, child.pid),
              encoding="ascii") as f:
        return int(f.read().split()[0])


def guests(host, word):
    """Pids of guest programs with this word in their command line."""
    return [pid for pid, words in host.lab.cgroup.processes()
            if words.startswith("/bin/guest") and word in words]


# --- what it does -----------------------------------------------------------------


def test_enter_runs_a_command(host):
    child, uuid = start(host)
    r = host.rkt("enter", uuid[:8], "/bin/guest", "facts", "say", "it").ok()
    f = Facts(r.out)
    assert f.one("say") == "it" and f.one("sid") == f.one("pid")
    assert f.one("cwd") == "/" and r.err == ""
    assert host.rkt("enter", uuid, "guest", "say", "path").ok().out == "say=path\n"
    r = host.rkt("--debug", "enter", "--app=guest", uuid, "--", "/bin/guest",
                 "say", "two words", "say", "--app=x", "say", "-l").ok()
    assert r.out == "say=two words\nsay=--app=x\nsay=-l\n"
    assert stop(child) is not None


@pytest.mark.parametrize("acts, code", [
    (["exit", "0"], 0), (["exit", "7"], 7), (["exit", "203"], 203),
    (["exit", "254"], 254), (["die", "9"], 137), (["die", "15"], 143),
    (["die", "6"], 134)])
def test_enter_exit_code(host, acts, code):
    child, uuid = start(host)
    r = host.rkt("enter", uuid, "/bin/guest", *acts)
    assert r.code == code and r.err == ""
    stop(child)


def test_enter_what_is_not_there(host):
    child, uuid = start(host)
    r = host.rkt("enter", uuid)
    assert 'enter: no command specified, assuming "/bin/bash"' in r.err
    assert 'Error: Unable to open "/bin/bash": No such file or directory' in r.err
    assert r.code == 254
    host.rkt("enter", uuid, "nothing").refused("No such file or directory")
    host.rkt("enter", uuid, "/tmp").refused("Permission denied")
    host.rkt("enter", "--app=other", uuid, "guest").refused(
        'no app "other"', "guest", "specify app")
    host.rkt("enter", "--app=..", uuid, "guest").refused("not the name")
    host.rkt("enter").refused("takes a UUID")
    host.rkt("enter", "ffffffff", "guest").refused("no matches found")
    host.rkt("enter", uuid, *["x"] * 600).refused("at most 512 words")
    stop(child)
    host.rkt("enter", uuid, "guest").refused(
        'pod "%s" isn\'t currently running' % uuid)


def test_enter_of_several_apps(host):
    host.store()
    child = host.start("run", "example.test/guest", "--name=one", "---",
                       "example.test/guest", "--name=two", "--user=1000",
                       "--group=1000", "--", "say", "ready", "sleep", "600")
    with contextlib.suppress(AssertionError):
        host.wait_for(child, "say=ready")
    if child.poll() is not None:
        pytest.skip("pods of several apps: " + host.said(child))
    uuid = host.pods()[0][1]
    r = host.rkt("enter", uuid, "/bin/guest")
    assert r.code == 254 and "pod contains multiple apps:" in r.err
    assert "enter:     one\nenter:     two\n" in r.err
    assert 'specify app using "rkt enter --app= ..."' in r.err
    f = Facts(host.rkt("enter", "--app=two", uuid, "/bin/guest", "facts").ok().out)
    assert f.one("uid") == "1000" and f.env()["AC_APP_NAME"] == "two"
    # An app that has ended cannot be entered, and does not hold up its pod.
    stop(child)


def test_enter_environment_is_the_apps(host):
    child, uuid = start(host, pod=["--set-env=OF_APP=1"])
    f = Facts(host.rkt("enter", uuid, "guest", "facts", env={
        "TERM": "xterm-256color", "OF_CALLER": "1", "LD_PRELOAD": "/x.so",
        "PATH": "/bin"}).ok().out)
    env = f.env()
    assert env["TERM"] == "xterm-256color" and env["OF_APP"] == "1"
    assert "OF_CALLER" not in env and "LD_PRELOAD" not in env
    assert env["PATH"].startswith("/usr/local/sbin") and \
        env["AC_APP_NAME"] == "guest"
    stop(child)


def test_enter_streams_are_the_callers(host):
    """Pipes and files go in as they are; nothing is lost, nothing is mixed."""
    child, uuid = start(host)
    r = subprocess.run(host.argv("enter", uuid, "/bin/guest", "hear"),
                       input=b"a line\n", capture_output=True, check=True,
                       cwd="/")
    assert r.stdout == b"hear?\nhear=a line\n" and r.stderr == b""
    out = host.path / "out.txt"
    with open(out, "wb") as f:
        subprocess.run(host.argv("enter", uuid, "/bin/guest", "many", "20000",
                                 "x" * 40), stdout=f, check=True, cwd="/",
                       stdin=subprocess.DEVNULL)
    lines = out.read_text().splitlines()
    assert len(lines) == 20000 and lines[-1] == "many=19999 " + "x" * 40
    stop(child)


def test_enter_many_at_once(host):
    child, uuid = start(host)
    running = [subprocess.Popen(host.argv("enter", uuid, "/bin/guest", "sleep",
                                          "0.3", "exit", str(i)), cwd="/",
                                stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL)
               for i in range(40)]
    assert [p.wait(240) for p in running] == list(range(40))
    wait_until(lambda: len(guests(host, "")) == 1)
    stop(child)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                                    signal.SIGQUIT, signal.SIGUSR1])
def test_enter_signals_go_to_the_command(host, number):
    child, uuid = start(host)
    entering = host.start("enter", uuid, "/bin/guest", "say", "in", "sleep", "777")
    host.wait_for(entering, "say=in")
    entering.send_signal(number)
    assert entering.wait(60) == 128 + number
    wait_until(lambda: not guests(host, "777"))
    assert child.poll() is None
    stop(child)


def test_enter_caller_that_is_killed_leaves_nothing(host):
    child, uuid = start(host)
    entering = host.start("enter", uuid, "/bin/guest", "say", "in", "sleep", "777")
    host.wait_for(entering, "say=in")
    entering.kill()
    entering.wait()
    wait_until(lambda: not guests(host, "777"), timeout=60)
    assert child.poll() is None
    stop(child)


def test_enter_proxy_has_nothing(host):
    """What is left of rkt outside: the pod's root id, no capability, a filter,
    and no descriptor but the streams, the door and what it waits with."""
    child, uuid = start(host)
    entering = host.start("enter", uuid, "/bin/guest", "say", "in", "sleep", "777")
    host.wait_for(entering, "say=in")
    base = (host.data / "pods/run" / uuid /
            "private-users-prepared").read_text().split(":")[0]

    def status():
        with open("/proc/%d/status" % entering.pid, encoding="ascii") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f
                        if ":\t" in line)
    # The command may be quicker than its proxy, which asks first.
    wait_until(lambda: status()["Seccomp"] == "2")
    lines = status()
    assert lines["Name"] == "stage1-enter"
    assert set(lines["Uid"].split()) == set(lines["Gid"].split()) == {base}
    assert lines["Groups"].strip() == ""
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(lines[name], 16) == 0
    assert lines["NoNewPrivs"] == "1" and lines["Seccomp"] == "2"
    where = "/proc/%d/fd" % entering.pid
    kinds = sorted(os.readlink(where + "/" + fd).split("[")[0]
                   for fd in os.listdir(where) if int(fd) > 2)
    assert kinds == ["anon_inode:", "socket:"]
    for kind in ("mnt", "pid", "user", "net", "ipc", "uts", "cgroup"):
        assert os.readlink("/proc/%d/ns/%s" % (entering.pid, kind)) == \
            os.readlink("/proc/self/ns/" + kind) or kind == "mnt"
    entering.terminate()
    assert entering.wait(60) == 143
    stop(child)


def test_enter_ends_with_the_app(host):
    """A command does not keep its app's pod, whatever it ignores."""
    child, uuid = start(host, "say", "ready", "await", "/go")
    entering = host.start("enter", uuid, "/bin/guest", "ignore", "say", "in",
                          "sleep", "777")
    host.wait_for(entering, "say=in")
    began = time.monotonic()
    assert host.rkt("enter", uuid, "/bin/guest", "write", "/go", "x").code in (
        0, 129, 137, 143, 254)
    assert child.wait(60) == 0
    assert time.monotonic() - began < 40
    assert entering.wait(60) in (129, 137, 143, 254)
    wait_until(lambda: not guests(host, "777"))


def test_enter_a_pod_that_ends_at_that_moment(host):
    image = host.store()
    for i in range(6):
        child = host.start("run", image, "--", "say", "ready", "sleep",
                           "%.2f" % (0.2 + i * 0.03))
        host.wait_for(child, "say=ready")
        ((_, uuid),) = host.pods()
        end = time.monotonic() + 1.2
        while time.monotonic() < end or child.poll() is None:
            r = host.rkt("enter", uuid, "/bin/guest", "say", "in", timeout=60)
            assert r.code in (0, 129, 137, 143, 254), r.describe()
            if r.code == 254:
                assert r.err.strip(), "refused without a word"
                assert "protocol" not in r.err, r.describe()
        assert child.wait(60) == 0
        host.rkt("rm", uuid)


# --- rkt app ----------------------------------------------------------------------


APP = {"RKT_EXPERIMENT_APP": "true", "TERM": "vt100"}


def test_app_commands_are_an_experiment(host):
    child, uuid = start(host)
    for words in (["exec", uuid, "guest"], ["list", uuid],
                  ["status", uuid, "--app=guest"]):
        for env in ({}, {"RKT_EXPERIMENT_APP": "false"}):
            host.rkt("app", *words, env=env).refused("RKT_EXPERIMENT_APP=true")
        host.rkt("app", *words, env={"RKT_EXPERIMENT_APP": "x"}).refused(
            "not true or false")
    stop(child)


def test_app_exec_is_enter(host):
    child, uuid = start(host)
    r = host.rkt("app", "exec", "--app=guest", uuid, "/bin/guest", "facts",
                 "exit", "6", env=APP)
    f = Facts(r.out)
    assert r.code == 6 and f.env()["TERM"] == "vt100"
    assert f.status("Seccomp") == "2"
    host.rkt("app", "exec", "--app=no", uuid, "guest", env=APP).refused(
        'specify app using "rkt app exec --app= ..."')
    stop(child)


def test_app_list_and_status(host):
    child, uuid = start(host, more=["--user-annotation=a=b", "--user-label=c=d"])
    assert host.rkt("app", "list", uuid, env=APP).ok().out.split() == [
        "NAME", "STATE", "guest", "running"]
    lines = dict(line.split("=", 1) for line in host.rkt(
        "app", "status", uuid, "--app=guest", env=APP).ok().out.splitlines())
    assert lines["name"] == "guest" and lines["state"] == "running"
    assert lines["image_id"].startswith("sha512-") and "started_at" in lines
    assert "exit_code" not in lines and "finished_at" not in lines
    whole = json.loads(host.rkt("status", uuid, "--format=json").ok().out)
    (mine,) = json.loads(host.rkt("app", "list", uuid, "--format=json",
                                  env=APP).ok().out)
    assert mine == whole["apps"][0] == json.loads(host.rkt(
        "app", "status", uuid, "--app=guest", "--format=json-pretty",
        env=APP).ok().out)
    host.rkt("app", "status", uuid, env=APP).refused("--app")
    host.rkt("app", "status", uuid, "--app=no", env=APP).refused("no app")
    stop(child)
    assert host.rkt("app", "list", "--no-legend", uuid, env=APP).ok(
        ).out.split()[:1] == ["guest"]


# --- a terminal -------------------------------------------------------------------


class Terminal:
    """rkt with a terminal of its own."""

    def __init__(self, host, *args, fds=(0, 1, 2), rows=33, columns=77):
        self.master, self.slave = pty.openpty()
        self.size(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        streams = [self.slave if n in fds else subprocess.PIPE for n in range(3)]
        self.child = subprocess.Popen(
            host.argv(*args), stdin=streams[0] if 0 in fds
            else subprocess.DEVNULL, stdout=streams[1], stderr=streams[2],
            cwd="/", start_new_session=True, env=dict(os.environ, TERM="vt220"),
            preexec_fn=lambda: fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0),
            pass_fds=[self.slave])

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, timeout=0.1):
        if select.select([self.master], [], [], timeout)[0]:
            with contextlib.suppress(OSError):
                self.text += os.read(self.master, 65536).decode()
        return self.text

    def wait_for(self, word, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while word not in self.read():
            assert time.monotonic() < end, "no %r in %r" % (word, self.text)

    def end(self, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while self.child.poll() is None:
            self.read()
            assert time.monotonic() < end, "still running: %r" % self.text
        before = None
        while before != self.text: # a page at a time
            before = self.text
            self.read()
        after = termios.tcgetattr(self.slave)
        assert after == self.before, "the terminal was not restored"
        os.close(self.master)
        os.close(self.slave)
        return self.child.returncode


def test_enter_terminal(host):
    """The command has a terminal: its own, of the caller's size."""
    child, uuid = start(host)
    t = Terminal(host, "enter", uuid, "/bin/guest", "facts", "size", "hear",
                 "exit", "5")
    t.wait_for("hear?")
    f = Facts(t.text)
    assert f.one("tty") == "111" and f.one("size") == "33 77 yes"
    assert f.env()["TERM"] == "vt220"
    fds = dict(v.split(" ", 1) for v in f.all("fd"))
    assert set(fds) == {"0", "1", "2"} and set(fds.values()) == {"/dev/pts/0"}
    # Not the caller's: another device, of another file system.
    (pid,) = guests(host, "hear")
    for fd in os.listdir("/proc/%d/fd" % pid):
        st = os.stat("/proc/%d/fd/%s" % (pid, fd))
        assert st.st_dev != os.fstat(t.slave).st_dev
    t.type("typed\r")
    t.wait_for("hear=typed")
    assert "typed\r\nhear=typed\r\n" in t.text  # echoed once
    assert t.end() == 5
    stop(child)


def programs_of_this_machine(*names):
    """Members of an image: programs and the libraries that they name."""
    found, libraries = [], set()
    for name in names:
        said = subprocess.run(["ldd", name], capture_output=True, check=True,
                              text=True).stdout
        libraries.update(re.findall(r"(/\S+) \(0x", said))
        found.append(images.program("rootfs/bin/" + os.path.basename(name),
                                    pathlib.Path(name).read_bytes()))
    places = sorted({os.path.dirname(lib) for lib in libraries})
    parts = sorted({"/".join(place.split("/")[:n + 1]) for place in places
                    for n in range(1, place.count("/") + 1)})
    return [*(images.directory("rootfs" + part) for part in parts), *found,
            *(images.program("rootfs" + lib, pathlib.Path(lib).read_bytes())
              for lib in sorted(libraries))]


def test_enter_is_a_shell(host):
    """The default command, at a terminal, with job control."""
    child, uuid = start(host, image=host.store(files=programs_of_this_machine(
        "/bin/bash", "/bin/sleep", "/usr/bin/tty")))
    t = Terminal(host, "enter", uuid)
    t.wait_for("bash-")
    for line, answer in (("tty", "/dev/pts/0\r\n"), ("sleep 50 &", "[1] "),
                         ("fg", "sleep 50\r\n")):
        t.text = ""
        t.type(line + "\r")
        t.wait_for(answer)
    # It says so before the job has the terminal.
    wait_until(lambda: t.type("\x1a") or "Stopped" in t.read(0.3))
    t.type("kill -9 %1; wait; echo $((6 * 7))\r")
    t.wait_for("\r\n42\r\n")
    for _ in range(5): # it may have more to say of its jobs
        if t.child.poll() is None:
            t.type("exit 9\r")
            t.read(1)
            time.sleep(0.5)
    assert t.end() == 9
    assert child.poll() is None
    stop(child)


def test_enter_terminal_resize(host):
    child, uuid = start(host)
    t = Terminal(host, "enter", uuid, "/bin/guest", "say", "in", "hear", "size")
    t.wait_for("hear?")
    t.size(50, 132)  # is there before what is typed behind it
    t.type("x\r")
    t.wait_for("size=50 132 yes")
    assert t.end() == 0
    stop(child)


def test_enter_terminal_interrupt(host):
    """Ctrl-C is the command's, not rkt's."""
    child, uuid = start(host)
    t = Terminal(host, "enter", uuid, "/bin/guest", "say", "in", "sleep", "777")
    t.wait_for("say=in")
    t.type("\x03")
    assert t.end() == 128 + signal.SIGINT
    assert child.poll() is None
    stop(child)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_enter_terminal_is_restored(host, number):
    child, uuid = start(host)
    t = Terminal(host, "enter", uuid, "/bin/guest", "say", "in", "sleep", "777")
    t.wait_for("say=in")
    raw = termios.tcgetattr(t.slave)
    assert not raw[3] & termios.ICANON, "not raw"
    os.kill(t.child.pid, number)
    assert t.end() == 128 + number
    t = Terminal(host, "enter", uuid, "/bin/nothing")
    assert t.end() == 254 and "Unable to open" in t.text
    stop(child)


def test_enter_terminal_stop_and_go_on(host):
    """Stopped from outside, the caller has his terminal; then it goes on."""
    child, uuid = start(host)
    t = Terminal(host, "enter", uuid, "/bin/guest", "say", "in", "hear", "size")
    t.wait_for("hear?")
    os.kill(t.child.pid, signal.SIGTSTP)
    wait_until(lambda: "T (stopped)" in open(
        "/proc/%d/status" % t.child.pid, encoding="ascii").read())
    assert termios.tcgetattr(t.slave) == t.before
    t.size(12, 34)
    os.kill(t.child.pid, signal.SIGCONT)
    wait_until(lambda: not termios.tcgetattr(t.slave)[3] & termios.ICANON)
    t.type("on\r")
    t.wait_for("size=12 34 yes")
    assert t.end() == 0
    stop(child)


def test_enter_terminal_is_restored_when_the_pod_dies(host):
    child, uuid = start(host)
    t = Terminal(host, "enter", uuid, "/bin/guest", "say", "in", "sleep", "777")
    t.wait_for("say=in")
    os.kill(pid1(host, child), signal.SIGKILL)
    assert t.end() in (137, 254)
    child.wait(60)


def test_enter_terminal_for_some(host):
    """What is no terminal goes in as it is; what is one never does."""
    child, uuid = start(host)
    t = Terminal(host, "enter", uuid, "/bin/guest", "facts", "say", "end",
                 fds=(0, 2))
    out, _ = t.child.communicate(timeout=60)
    f = Facts(out.decode())
    fds = dict(v.split(" ", 1) for v in f.all("fd"))
    assert f.one("tty") == "101" and fds["1"].startswith("pipe:")
    assert t.end() == 0
    t = Terminal(host, "enter", uuid, "/bin/guest", "facts", "say", "end",
                 fds=(1, 2))
    assert t.end() == 0
    f = Facts(t.text)
    assert f.one("tty") == "011" and \
        dict(v.split(" ", 1) for v in f.all("fd"))["0"] == "/dev/null"
    assert "say=end\r\n" in t.text and "\r\r\n" not in t.text
    stop(child)


def test_enter_terminal_shows_all(host):
    """The last words before the end too."""
    child, uuid = start(host)
    t = Terminal(host, "enter", uuid, "/bin/guest", "many", "3000", "y" * 30)
    assert t.end(60) == 0
    assert t.text.count("many=") == 3000 and "many=2999 " in t.text
    stop(child)


# --- what would like to be more ---------------------------------------------------


def programs():
    return {p: hashlib.sha256((PREFIX / p).read_bytes()).hexdigest()
            for p in HOST_PROGRAMS}


def enough(host):
    """Says to an intruder that no one more will come."""
    for pid, words in host.lab.cgroup.processes():
        if words.startswith("/bin/intruder 600"):
            os.kill(pid, signal.SIGUSR1)


@pytest.mark.parametrize("flags", [[], ["--insecure-options=seccomp"],
                                   ["--insecure-options=all-run"]])
def test_cve_2016_9962_entering_process(host, intruder, flags):
    """CVE-2016-9962, CVE-2019-5736, CVE-2019-10144: an app that tries every new
    process gets hold of none that is not its own, of no descriptor of the
    host's, and of no program."""
    before = programs()
    image = host.store(images.aci(
        [images.directory("rootfs/bin"), images.directory("rootfs/tmp", mode=0o1777),
         images.program("rootfs/bin/intruder", intruder),
         images.program("rootfs/bin/guest", host.lab.guest)],
        name="example.test/intruder", section=app("/bin/intruder", "600", "stay")))
    child = host.start("run", *flags, image)
    host.wait_for(child, "ready=1")
    uuid = host.pods()[0][1]
    end, n, most = time.monotonic() + 7, 0, time.monotonic() + 240
    while time.monotonic() < end or n <= 20:
        assert time.monotonic() < most, n
        # The intruder may stop a command, which is its equal, no more.
        with contextlib.suppress(subprocess.TimeoutExpired):
            r = host.rkt("enter", uuid, "/bin/guest", "exit", "3", timeout=10)
            assert r.code in (3, 254, 137), r.describe()
            n += r.code == 3
    enough(host)
    host.wait_for(child, "done=1", timeout=60)
    f = Facts(host.said(child))
    assert int(f.one("tried")) > 1000
    if not flags:
        assert int(f.one("seen")) > 100
    # Who has all capabilities of the pod is its root, and sees its programs.
    own = {"/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd-journald",
           "/usr/lib/rkt/appexec", "?"} if "all-run" in "".join(flags) else set()
    assert {v.split()[-1] for v in f.all("breach")} <= own
    outside = [v for v in f.all("file")
               if not re.fullmatch(r"\d+ /(proc|bin|tmp)(/.*)?", v)
               and (not own or "libexec" in v or str(host.path) in v)]
    assert outside == []
    assert [v for v in f.all("overwrite") if v.endswith(" ok")] == []
    assert programs() == before
    stop(child)


def test_cve_2019_5736_bash_is_proc_self_exe(host, intruder):
    """The program to run is a link to the running program: appexec itself, in
    the app, with an app that waits to write to it."""
    before = programs()
    image = host.store(images.aci(
        [images.directory("rootfs/bin"), images.directory("rootfs/tmp", mode=0o1777),
         images.symlink("rootfs/bin/bash", "/proc/self/exe"),
         images.program("rootfs/bin/intruder", intruder)],
        name="example.test/intruder", section=app("/bin/intruder", "5", "stay")))
    child = host.start("run", "--insecure-options=all-run", image)
    host.wait_for(child, "ready=1")
    uuid = host.pods()[0][1]
    end = time.monotonic() + 4
    while time.monotonic() < end:
        with contextlib.suppress(subprocess.TimeoutExpired): # it may be stopped
            assert host.rkt("enter", uuid, timeout=3).code not in (0, 3)
    host.wait_for(child, "done=1", timeout=60)
    writes = Facts(host.said(child)).all("overwrite")
    assert [w for w in writes if w.endswith(" ok")] == []
    upper = host.data / "pods/run" / uuid / "overlay/stage1/upper/usr"
    assert not upper.exists()
    assert programs() == before
    # And entering still works.
    assert host.rkt("enter", uuid, "/bin/intruder", "0").code == 0
    stop(child)


def test_enter_pods_programs_are_read_only(host):
    """Not even the pod's root can change what enters."""
    child, uuid = start(host)
    pid = pid1(host, child)
    script = ("import os,ctypes\n"
              "fds=[os.open('/proc/%d/ns/'+n,os.O_RDONLY) for n in('user','mnt')]\n"
              "libc=ctypes.CDLL(None,use_errno=True)\n"
              "for fd in fds: assert libc.setns(fd,0)==0\n"
              "os.setgid(0); os.setuid(0)\n"
              "try: os.open('/usr/lib/rkt/appexec',os.O_WRONLY); print('written')\n"
              "except OSError as e: print(e.strerror)\n"
              "r=libc.mount(None,b'/usr',None,32|4096,None)\n"
              "print(r,os.strerror(ctypes.get_errno()))\n"
              "r=libc.umount2(b'/usr',2)\n"
              "print(r,os.strerror(ctypes.get_errno()))\n" % pid)
    said = subprocess.run([sys.executable, "-c", script], capture_output=True,
                          check=True, text=True).stdout.splitlines()
    assert said[0] == "Read-only file system"
    assert said[1].startswith("-1") and said[2].startswith("-1"), said
    stop(child)


def test_enter_plan_in_the_pod_is_not_believed(host):
    """The pod's own copy of its plan says more; root's says what is."""
    child, uuid = start(host)
    inside = host.data / "pods/run" / uuid / "overlay/stage1/upper/rkt/plan/guest"
    plan = bytearray(inside.read_bytes())
    old = struct.pack("<Q", 0xa80425fb)
    assert plan.count(old) == 1
    inside.write_bytes(bytes(plan).replace(old, struct.pack("<Q", (1 << 41) - 1)))
    f = Facts(host.rkt("enter", uuid, "/bin/guest", "facts").ok().out)
    assert int(f.status("CapBnd"), 16) == 0xa80425fb
    # Root's own, altered so that it is none: nothing is entered.
    mine = host.data / "pods/run" / uuid / "plan"
    good = mine.read_bytes()
    for bad in (b"", good[:-1], good[:40], good + b"x", b"\0" * len(good)):
        mine.write_bytes(bad)
        r = host.rkt("enter", uuid, "/bin/guest", "say", "in")
        assert r.code == 254 and "say=in" not in r.out, r.describe()
        assert r.err.strip()
    mine.write_bytes(good)
    mine.chmod(0o666)
    host.rkt("enter", uuid, "/bin/guest").refused()
    mine.chmod(0o640)
    os.chown(mine, 1000, 0)
    host.rkt("enter", uuid, "/bin/guest").refused()
    stop(child)


def test_enter_root_file_system_that_moves(host):
    """CVE-2021-30465: the app renames what the command's root is made of, while
    it is made."""
    canary = {p: open(p, "rb").read() for p in ("/etc/hosts", "/etc/hostname")}
    child, uuid = start(host, "say", "ready", "juggle", "12", "sleep", "600")
    began, codes = time.monotonic(), set()
    while time.monotonic() - began < 9:
        r = host.rkt("enter", uuid, "/bin/guest", "facts")
        codes.add(r.code)
        if r.code != 0:
            assert r.code in (254,), r.describe()
            continue
        mounts = {m.split()[4]: m for m in Facts(r.out).all("mount")}
        assert " - proc " in mounts["/proc"] and \
            "ro" in mounts["/proc/sys"].split()[5].split(",")
        # What lies on a directory that is moved goes with it, and is nothing
        # but the pod's three sockets and two files.
        moved = [m for m in mounts if m.startswith(("/juggle", "/bin"))]
        assert not [m for m in moved if not re.search(
            r"/(socket|stdout|dev-log|hosts|hostname|resolv.conf)$", m)], moved
    assert 0 in codes
    for path, text in canary.items():
        assert open(path, "rb").read() == text
    stop(child)


# --- a pod whose root plays the door ----------------------------------------------

DOOR = "/proc/%d/root/run/rkt/enter"
MAGIC = 0x31444b52


class Door(threading.Thread):
    """In the place of the pod's door: answers as it likes."""

    def __init__(self, host, child, answer):
        super().__init__(daemon=True)
        self.path = DOOR % pid1(host, child)
        os.unlink(self.path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.socket.listen(8)
        self.socket.settimeout(60)
        self.answer, self.peer, self.got = answer, None, []
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            c, _ = self.socket.accept()
            self.peer = struct.unpack("iII", c.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            _, fds, _, _ = socket.recv_fds(c, 64, 8)
            for fd in fds:
                self.got.append(os.readlink("/proc/self/fd/%d" % fd))
                os.close(fd)
            self.answer(c)
            c.close()


def say(kind, a=0, b=0, magic=MAGIC):
    return struct.pack("<IIII", magic, kind, a, b)


def flood(c):
    for i in range(100000):
        c.send(say(3, i))


def with_fds(kind, *paths):
    def answer(c):
        fds = [os.open(p, os.O_RDWR | os.O_NOCTTY) for p in paths]
        socket.send_fds(c, [say(kind)], fds)
        for fd in fds:
            os.close(fd)
        time.sleep(0.3)
    return answer


ANSWERS = {
    "nothing": lambda c: None,
    "garbage": lambda c: c.send(b"x" * 16),
    "short": lambda c: c.send(b"RKD1"),
    "long": lambda c: c.send(say(4) + b"x" * 4000),
    "wrong kind": lambda c: c.send(say(1)),
    "code beyond": lambda c: c.send(say(4, 0, 4096)),
    "signal beyond": lambda c: c.send(say(4, 1, 1 << 31)),
    "kind of end": lambda c: c.send(say(4, 77, 0)),
    "flood": flood,
    "no terminal": with_fds(3, "/dev/null"),
    "a terminal unasked": with_fds(3, "/dev/ptmx"),
    "begun twice": lambda c: (c.send(say(5)), c.send(say(5)), time.sleep(1)),
    "begun with a file": with_fds(5, "/dev/null"),
    "many": with_fds(3, *["/dev/null"] * 9),
    "end with a file": with_fds(4, "/dev/null"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_enter_hostile_door(host, name):
    child, uuid = start(host)
    door = Door(host, child, ANSWERS[name])
    r = host.rkt("enter", uuid, "/bin/guest", "exit", "3", timeout=60)
    assert r.code == 254, r.describe()
    door.join(60)
    # It was the pod's own root who knocked, and what it brought is a record,
    # and the three streams.
    base = int((host.data / "pods/run" / uuid / "private-users-prepared")
               .read_text().split(":")[0])
    assert door.peer[1:] == (base, base)
    assert len(door.got) == 4 and door.got[0].startswith("/memfd:rkt-enter")
    assert door.got[1] == "/dev/null"
    assert all(name.startswith("pipe:") for name in door.got[2:])
    stop(child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_enter_pod_that_does_not_answer(host, number):
    """Then a signal is for rkt: no one has to wait for a pod that hangs."""
    child, uuid = start(host)
    door = Door(host, child, lambda c: c.recv(64))
    entering = host.start("enter", uuid, "/bin/guest")
    wait_until(lambda: len(door.got) == 4)  # it has asked
    entering.send_signal(number)
    assert entering.wait(60) == 128 + number
    door.join(60)
    stop(child)


@pytest.mark.parametrize("name", ["nothing", "no terminal", "garbage", "flood"])
def test_enter_hostile_door_and_a_terminal(host, name):
    """No terminal of the caller's is in what the pod gets, and it is as it was
    in the end."""
    child, uuid = start(host)
    door = Door(host, child, ANSWERS[name])
    t = Terminal(host, "enter", uuid, "/bin/guest")
    assert t.end() == 254
    door.join(60)
    assert [n.split(":")[0] for n in door.got] == ["/memfd", "pipe"]
    stop(child)


def test_enter_door_that_is_another_socket(host):
    """The pod's root cannot make root of the host knock elsewhere."""
    child, uuid = start(host)
    path = DOOR % pid1(host, child)
    mine = str(host.path / "victim")
    victim = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    victim.bind(mine)
    os.chmod(mine, 0o600)
    victim.listen(4)
    victim.setblocking(False)
    for link in (mine, "/proc/self/root" + mine, "../../../../.." + mine):
        os.unlink(path)
        os.symlink(link, path)
        host.rkt("enter", uuid, "/bin/guest").refused("door")
    os.unlink(path)
    with open(path, "wb"):
        pass
    host.rkt("enter", uuid, "/bin/guest").refused("door")
    # A socket of the host's, by a volume for one, laid on the door.
    script = ("import ctypes,os\n"
              "libc=ctypes.CDLL(None,use_errno=True)\n"
              "fd=libc.syscall(428,-100,b'%s',1)\n"
              "ns=os.open('/proc/%d/ns/mnt',os.O_RDONLY)\n"
              "assert fd>=0 and libc.setns(ns,0)==0\n"
              "r=libc.syscall(429,fd,b'',-100,b'/run/rkt/enter',4)\n"
              "assert r==0, os.strerror(ctypes.get_errno())\n" %
              (mine, pid1(host, child)))
    subprocess.run([sys.executable, "-c", script], check=True)
    host.rkt("enter", uuid, "/bin/guest").refused("Permission denied")
    with pytest.raises(BlockingIOError):
        victim.accept()
    stop(child)


def test_enter_door_is_for_no_app(host):
    """What stands in the pod's own root is out of the app's reach, with all
    capabilities that an operator can give too."""
    child, uuid = start(host, pod=["--insecure-options=all-run"],
                        more=["--caps-retain=CAP_SYS_ADMIN,CAP_DAC_OVERRIDE,"
                              "CAP_SYS_CHROOT,CAP_SYS_PTRACE"])
    f = Facts(host.rkt("enter", uuid, "/bin/guest", "stat", "/run/rkt/enter",
                       "stat", "/run/rkt", "read", "/proc/net/unix").ok().out)
    assert [v for v in f.all("stat") if "No such file" not in v] == []
    stop(child)


def test_enter_at_once(host):
    """As soon as there is a directory of a running pod: whoever comes early
    waits for its pid 1, and is not told that it has ended."""
    image = host.store()
    for _ in range(12):
        child = host.start("run", image, "--", "sleep", "600")
        uuid = wait_until(lambda: [u for state, u in host.pods()
                                   if state == "run"])[0]
        r = host.rkt("enter", uuid, "/bin/guest", "exit", "5")
        assert r.code == 5, r.describe()
        stop(child)
        host.rkt("gc", "--grace-period=0s").ok()
