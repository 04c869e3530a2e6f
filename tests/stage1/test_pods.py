"""Pods of several apps, their handlers, limits, sockets, readiness and log.

Needs root.  Every test makes its own pod and takes it away.
"""
import fcntl
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import podlib

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def lines(result, app, start=""):
    """What an app said, without journald's prefix."""
    found = re.findall(r"^\[ *[\d.]+\] %s\[\d+\]: (.*)$" % app, result.text, re.M)
    return [t[len(start):].strip() for t in found if t.startswith(start)]


@pytest.fixture
def meet(make, tmp_path):
    """A pod whose apps wait for each other in a volume, at /v."""
    shared = tmp_path / "shared"
    shared.mkdir()

    def go(apps):
        at = dict(mount_volume=["v"], mount_target=["/v"], mount_flags=[0])
        return make({name: dict(fields if isinstance(fields, dict) else
                                dict(exec=["/probe"] + fields), **at)
                     for name, fields in apps.items()}).volume("v", str(shared))
    return go


# --- ends ---------------------------------------------------------------------

def test_pod_of_many_apps(make):
    names = ["app-%d" % n for n in range(32)]
    pod = make({n: ["say=" + n, "exit=0"] for n in names})
    r = pod.run()
    assert r.code == 0
    for n in names:
        assert lines(r, n) == [n] and pod.status(n) == "0\n"


@pytest.mark.parametrize("codes", [(0, 0, 0), (0, 7, 0), (9, 0, 0)])
def test_one_failure_is_the_pods(meet, codes):
    last = 60 if codes[0] else 1
    pod = meet({"a": ["await=/v/b", "await=/v/c", "append=/v/a=x",
                      "exit=%d" % codes[0]],
                "b": ["append=/v/b=x", "await=/v/a", "sleep=%d" % last,
                      "exit=%d" % codes[1]],
                "c": ["append=/v/c=x", "sleep=%d" % (last + 1),
                      "exit=%d" % codes[2]]})
    r = pod.run()
    assert r.code == (max(codes) or 0), r.text
    assert pod.status("a") == "%d\n" % codes[0]
    if codes[0]:
        assert r.seconds < last
        assert (pod.status("b"), pod.status("c")) == ("15\n", "15\n")


def test_first_number_wins_over_those_that_it_stops(meet):
    """What is stopped because of another's failure has an end of its own."""
    pod = meet({"first": ["await=/v/polite", "await=/v/plain", "exit=5"],
                "polite": ["term=exit", "append=/v/polite=x", "sleep=600"],
                "plain": ["append=/v/plain=x", "sleep=600"]})
    r = pod.run()
    assert r.code == 5
    assert (pod.status("first"), pod.status("polite"), pod.status("plain")) == \
        ("5\n", "33\n", "15\n")


def test_app_that_ignores_the_end_is_ended(meet):
    pod = meet({"bad": ["await=/v/deaf", "exit=5"],
                "deaf": ["term=ignore", "append=/v/deaf=x", "sleep=600",
                         "sleep=600", "sleep=600"]})
    r = pod.run()
    assert r.code == 5 and 9 < r.seconds < 60
    assert pod.status("deaf") == "9\n"


def test_app_that_cannot_start_ends_the_pod(meet):
    pod = meet({"none": dict(exec=["/absent"],
                             pre_start=["/probe", "await=/v/other"]),
                "other": ["append=/v/other=x", "sleep=600"]})
    r = pod.run()
    assert r.code == 203 and r.seconds < 60
    assert (pod.status("none"), pod.status("other")) == ("203\n", "15\n")


def test_stop_reaches_every_app(meet, tmp_path):
    pod = meet({a: ["term=exit", "append=/v/%s=x" % a, "sleep=600"] for a in "ab"})
    null = os.open("/dev/null", os.O_WRONLY)
    pod.spawn(stdout=null)
    os.close(null)
    assert pod.until(pod.is_ready)
    assert pod.until(lambda: len(os.listdir(tmp_path / "shared")) == 2)
    os.kill(pod.pid, signal.SIGTERM)
    assert pod.wait() == 33
    assert (pod.status("a"), pod.status("b")) == ("33\n", "33\n")


def test_status_times_and_names(make):
    """An app whose name is another's time file is an app all the same."""
    pod = make({"a": ["sleep=1", "exit=0"],
                "a-started": ["append=/dev/shm/x=1", "exit=0"],
                "a-created": ["await=/dev/shm/x", "sleep=1", "exit=4"]})
    before = time.time() - 1  # the kernel's stamps are those of its last tick
    r = pod.run()
    assert r.code == 4
    assert pod.status("a-started") == "0\n" and pod.status("a-created") == "4\n"
    for name in ("a-started-created", "a-created-started"):
        st = os.stat(pod.stage1_path("rkt/status", name))
        assert st.st_size == 0 and before < st.st_mtime < time.time()


def test_apps_share_what_a_pod_shares_and_no_root(make):
    pod = make({"a": ["append=/dev/shm/x=from-a", "append=/dev/shm/a=1",
                      "await=/dev/shm/b", "node=/own"],
                "b": ["await=/dev/shm/a", "cat=/dev/shm/x", "append=/own=1",
                      "append=/dev/shm/b=1"]})
    r = pod.run()
    assert r.code == 0 and "from-a" in r.text
    assert lines(r, "a", "node ") == ["/own ENOENT"]


def test_apps_are_confined_each_by_its_own(make):
    pod = make({"tight": dict(exec=["/probe", "status"], caps=1 << 10, user="1000"),
                "loose": dict(exec=["/probe", "sleep=1", "status"])})
    r = pod.run()
    bound = {a: [t.split()[1] for t in lines(r, a) if t.startswith("CapBnd")]
             for a in ("tight", "loose")}
    assert int(bound["tight"][0], 16) == 1 << 10
    assert int(bound["loose"][0], 16) == podlib.DEFAULT_CAPS & ~(1 << 27 | 1 << 29 | 1 << 31) \
        or int(bound["loose"][0], 16) == podlib.DEFAULT_CAPS
    assert ["NoNewPrivs:\t1"] == [t for t in lines(r, "tight") if "NoNewPrivs" in t]
    assert ["NoNewPrivs:\t0"] == [t for t in lines(r, "loose") if "NoNewPrivs" in t]


@pytest.mark.parametrize("length,code", [(247, 0), (248, 254)])
def test_longest_name_of_an_app(make, length, code):
    """systemd's longest name of a unit, and one letter more."""
    r = make({"n" * length: ["exit=0"]}).run()
    assert r.code == code
    assert code == 0 or "File name too long" in r.text


# --- event handlers -------------------------------------------------------------

def test_handlers_run_around_the_app(make):
    pod = make({"hello": dict(
        exec=["/probe", "cat=/log", "append=/log=app;"],
        pre_start=["/probe", "append=/log=pre;", "env", "say=pre"],
        post_stop=["/probe", "append=/log=post;", "say=post"])})
    r = pod.run()
    assert r.code == 0
    assert open(pod.upper("hello", "log")).read() == "pre;app;post;"
    said = lines(r, "hello")
    assert {"pre", "pre;try /log=app; ok", "post", "env AC_APP_NAME=hello"} <= set(said)


@pytest.mark.parametrize("which", ["pre_start", "post_stop"])
def test_handlers_are_confined_as_the_app(make, which):
    words = ["/probe", "ids", "status", "fds", "calls"]
    fields = dict(exec=["/probe"], user="1000", group="33",
                  supplementary_gids=[7], caps=1 << 10, working_dir="/etc")
    pod = make({"hello": dict(fields, **{which: words})})
    r = pod.run()
    handler = [t for t in lines(r, "hello")]
    pod = make({"hello": dict(fields, exec=words)})
    r = pod.run()
    own = lines(r, "hello")
    changes = ("Name", "Pid", "Ngid", "PPid", "Tgid", "NS", "Vm", "Rss", "Hugetlb", "Sig",
               "Shd", "voluntary", "nonvoluntary", "Threads", "Cpus", "Mems")
    keep = lambda said: [t for t in said if not t.startswith(changes) and
                         not re.match(r"fd \d+ (socket|pipe)", t)]
    assert keep(handler) == keep(own) and len(keep(own)) > 30
    assert "ids 1000 33 groups 7" in handler


@pytest.mark.parametrize("word,code", [("exit=7", 7), ("kill=9", 9), ("exit=0", 0)])
def test_pre_start_that_fails_is_the_apps_end(make, word, code):
    pod = make({"hello": dict(exec=["/probe", "say=ran"], pre_start=["/probe", word],
                              post_stop=["/probe", "say=stopped"])})
    r = pod.run()
    assert (r.code, pod.status()) == (code, "%d\n" % code)
    assert ("ran" in lines(r, "hello")) == (code == 0)
    assert "stopped" in lines(r, "hello")


def test_pre_start_that_is_not_there(make):
    pod = make({"hello": dict(exec=["/probe", "say=ran"], pre_start=["/absent"])})
    r = pod.run()
    assert (r.code, pod.status()) == (203, "203\n") and "ran" not in lines(r, "hello")


@pytest.mark.parametrize("handler", [["/probe", "exit=9"], ["/absent"]])
def test_post_stop_that_fails_changes_no_number(make, handler):
    pod = make({"hello": dict(exec=["/probe", "exit=3"], post_stop=handler)})
    r = pod.run()
    assert (r.code, pod.status()) == (3, "3\n")
    assert "post-stop of hello: ended with" in r.text


def test_post_stop_runs_for_all_when_one_fails(meet):
    pod = meet({"bad": dict(exec=["/probe", "await=/v/other", "exit=6"],
                            post_stop=["/probe", "append=/log=bad"]),
                "other": dict(exec=["/probe", "append=/v/other=x", "sleep=600"],
                              post_stop=["/probe", "sleep=1", "append=/log=other"])})
    r = pod.run()
    assert r.code == 6
    for name in ("bad", "other"):
        assert open(pod.upper(name, "log")).read() == name


# --- readiness --------------------------------------------------------------------

def listen_notify(tmp_path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(str(tmp_path / "notify"))
    s.settimeout(60)
    return s, {"NOTIFY_SOCKET": str(tmp_path / "notify")}


def read_ready(s, seconds):
    """Has the host been told READY=1?"""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        s.settimeout(max(0.01, end - time.monotonic()))
        try:
            if b"READY=1" in s.recv(4096):
                return True
        except OSError:
            return False
    return False


def test_ready_waits_for_the_app_that_says_so(make, tmp_path):
    s, env = listen_notify(tmp_path)
    shared = tmp_path / "shared"
    shared.mkdir()
    pod = make({"slow": dict(exec=["/probe", "await=/v/go", "notify=READY=1", "sleep=600"],
                             notify=1, mount_volume=["v"], mount_target=["/v"],
                             mount_flags=[0]),
                "plain": ["sleep=600"]}).volume("v", str(shared))
    null = os.open("/dev/null", os.O_WRONLY)
    pod.spawn(stdout=null, env=env)
    os.close(null)
    assert not read_ready(s, 2) and not pod.is_ready()
    (shared / "go").touch()
    assert read_ready(s, 60) and pod.is_ready()


def test_ready_is_told_to_the_host(make, tmp_path):
    s, env = listen_notify(tmp_path)
    pod = make({"a": ["sleep=600"], "b": dict(exec=["/probe", "notify=READY=1", "sleep=600"],
                                             notify=1)})
    null = os.open("/dev/null", os.O_WRONLY)
    pod.spawn(stdout=null, env=env)
    os.close(null)
    assert read_ready(s, 60)
    assert pod.until(pod.is_ready)


def test_app_without_the_word_has_no_door_to_pid_1(make):
    pod = make({"a": ["env", "node=/run/systemd/notify", "notify=READY=1"],
                "b": dict(exec=["/probe", "env", "node=/run/systemd/notify",
                                "notify=READY=1"], notify=1)})
    r = pod.run()
    assert "node /run/systemd/notify ENOENT" in lines(r, "a")
    assert "notify nothing" in lines(r, "a")
    assert "node /run/systemd/notify 140000 0:0" in lines(r, "b")
    assert "try notify ok" in lines(r, "b")


def test_not_ready_when_an_app_has_failed(make):
    pod = make({"a": dict(exec=["/probe"], pre_start=["/probe", "exit=1"]),
                "b": dict(exec=["/probe", "sleep=2", "notify=READY=1", "sleep=5"],
                          notify=1)})
    r = pod.run()
    assert r.code == 1 and not pod.is_ready()


# --- sockets ------------------------------------------------------------------------

def listener(kind=socket.SOCK_STREAM, family=socket.AF_INET):
    s = socket.socket(family, kind)
    s.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
    if kind == socket.SOCK_STREAM:
        s.listen(5)
    return s, s.getsockname()[1]


def ask(address, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.settimeout(60)
        s.connect(("127.0.0.1", address))
        if kind == socket.SOCK_DGRAM:
            s.send(b"?")
        return s.recv(100).decode()


UDP = 0x10000


def test_sockets_reach_their_apps(make):
    """The pod has no network of the host's: what answers is what was handed in."""
    (web, p1), (tls, p2) = listener(), listener()
    dns, p3 = listener(socket.SOCK_DGRAM)
    pod = make({
        "www": dict(exec=["/probe", "fds", "serve"], socket_names=["http", "https"],
                    socket_ports=[p1, p2]),
        "dns": dict(exec=["/probe", "fds", "serve"], socket_names=["dns"],
                    socket_ports=[p3 | UDP]),
        "none": ["env", "fds"]})
    r, w = os.pipe()
    # the caller's order is another than the app's
    pod.spawn(stdout=w, sockets=[tls.fileno(), dns.fileno(), web.fileno()])
    os.close(w)
    for s in (web, tls, dns):
        s.close()
    got = ask(p1), ask(p2), ask(p3, socket.SOCK_DGRAM)
    out = b""
    while True:
        more = os.read(r, 65536)
        if not more:
            break
        out += more
    os.close(r)
    result = podlib.Result(pod.wait(), out, 0)
    assert got == ("http", "https", "dns"), result.text
    assert result.code == 0
    assert "serve 2 http:https" in lines(result, "www")
    assert "serve 1 dns" in lines(result, "dns")
    fds = {a: [t.split()[1] for t in lines(result, a, "fd ")] for a in ("www", "dns", "none")}
    numbers = {a: sorted(t.split()[0] for t in lines(result, a, "fd ")) for a in fds}
    assert numbers == {"www": ["0", "1", "2", "3", "4"], "dns": ["0", "1", "2", "3"],
                       "none": ["0", "1", "2"]}
    assert not [t for t in lines(result, "none") if "LISTEN" in t]


def is_locked(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(fd)


@pytest.mark.parametrize("held,sockets", [(0, 1), (0, 9), (3, 2), (3, 9), (20, 32)])
def test_sockets_beside_images_that_are_held(make, tmp_path, held, sockets):
    """Descriptors 3.. for nspawn, each in its place, and every lock still held."""
    some = [listener() for _ in range(sockets)]
    parts = [range(sockets)[n:n + 16] for n in range(0, sockets, 16)]
    pod = make({"app-%d" % i: dict(
        exec=["/probe", "serve"], socket_names=["n%d" % n for n in part],
        socket_ports=[some[n][1] for n in part]) for i, part in enumerate(parts)})
    for n in range(held):
        pod.held.append(str(tmp_path / ("held%d" % n)))
        os.mkdir(pod.held[-1])
    null = os.open("/dev/null", os.O_WRONLY)
    pod.spawn(stdout=null, sockets=[s.fileno() for s, _ in some])
    os.close(null)
    for s, _ in some:
        s.close()
    assert pod.until(pod.is_ready)
    assert all(is_locked(path) for path in pod.held) and pod.is_running()
    assert [ask(p) for _, p in some] == ["n%d" % n for n in range(sockets)]
    assert pod.wait() == 0
    assert not any(is_locked(path) for path in pod.held) and not pod.is_running()


def test_socket_that_no_app_takes(make):
    s, port = listener()
    pod = make({"hello": ["say=ran"]})
    r = pod.run(sockets=[s.fileno()])
    assert r.code == 254 and "127.0.0.1:%d" % port in r.text and "ran" not in r.text
    s.close()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_app_without_its_socket(make, kind):
    s, port = listener(kind)
    other = UDP if kind == socket.SOCK_STREAM else 0
    pod = make({"hello": dict(exec=["/probe", "say=ran"], socket_names=["x"],
                              socket_ports=[port | other])})
    r = pod.run(sockets=[s.fileno()])
    assert r.code == 254 and "port %d" % port in r.text and "ran" not in r.text
    s.close()


def test_two_apps_want_one_socket(make):
    s, port = listener()
    fields = dict(exec=["/probe", "say=ran"], socket_names=["x"], socket_ports=[port])
    r = make({"a": dict(fields), "b": dict(fields)}).run(sockets=[s.fileno()])
    assert r.code == 254 and "port %d" % port in r.text and "ran" not in r.text
    s.close()


def test_what_is_no_socket_of_the_network(make, tmp_path):
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "s"))
    unix.listen(1)
    deaf = socket.socket()
    deaf.bind(("127.0.0.1", 0))
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (unix.fileno(), deaf.fileno(), null):
        r = make({"hello": ["say=ran"]}).run(sockets=[fd])
        assert r.code == 254 and "socket 1 of LISTEN_FDS" in r.text, r.text
    os.close(null)
    unix.close()
    deaf.close()


def test_ports_are_the_apps_own_where_nobody_handed_a_socket(make):
    r = make({"hello": dict(exec=["/probe", "serve", "env"], socket_names=["x"],
                            socket_ports=[80])}).run()
    assert r.code == 0 and "serve nothing" in lines(r, "hello")


def test_ended_app_is_not_started_by_a_late_client(make):
    s, port = listener()
    pod = make({"once": dict(exec=["/probe", "append=/log=x"], socket_names=["x"],
                             socket_ports=[port]), "other": ["sleep=3"]})
    null = os.open("/dev/null", os.O_WRONLY)
    pod.spawn(stdout=null, sockets=[s.fileno()])
    os.close(null)
    s.close()
    assert pod.until(lambda: pod.status("once"))
    time.sleep(0.3)
    with socket.socket() as late:
        late.settimeout(1)
        try:
            late.connect(("127.0.0.1", port))
        except OSError:
            pass
    assert pod.wait() == 0
    assert open(pod.upper("once", "log")).read() == "x"


# --- limits ------------------------------------------------------------------------

@pytest.fixture
def v1():
    """v1(controller, file, value) -> a cgroup of the pod's own making."""
    made = []

    def go(controller, base, **values):
        where = "/sys/fs/cgroup/%s/rkt-s1test-app-%d-%d" % (
            controller, os.getpid(), len(made))
        if not os.path.isdir(os.path.dirname(where)):
            pytest.skip("no cgroup v1 controller %s" % controller)
        os.mkdir(where)
        made.append(where)
        for name, value in values.items():
            with open(where + "/%s.%s" % (controller, name), "w") as f:
                f.write(str(value))
        os.chown(where + "/cgroup.procs", base, base)
        return where

    yield go
    for where in made:
        for _ in range(100):
            try:
                os.rmdir(where)
                break
            except OSError:
                time.sleep(0.02)
        assert not os.path.exists(where)


def test_limits_of_v1_are_entered_first(make, v1):
    pod = make({"a": ["cat=/proc/self/cgroup"], "b": dict(
        exec=["/probe", "cat=/proc/self/cgroup"], pre_start=["/probe", "cat=/proc/self/cgroup"],
        post_stop=["/probe", "cat=/proc/self/cgroup"])})
    where = {a: [v1("memory", pod.base, limit_in_bytes=64 << 20), v1("pids", pod.base, max=50)]
             for a in ("a", "b")}
    for a, (memory, pids) in where.items():
        pod.limit(a, "memory", memory).limit(a, "pids", pids)
    r = pod.run()
    assert r.code == 0
    for a, times in (("a", 1), ("b", 3)):
        said = lines(r, a)
        for controller, d in zip(("memory", "pids"), where[a]):
            at = [t for t in said if ":%s:" % controller in t]
            assert len(at) == times
            assert all(t.endswith(os.path.basename(d)) for t in at), at
    assert pod.status("a") == "0\n"


def test_limit_of_processes_holds(make, v1):
    pod = make({"bomb": ["forks=100"], "other": ["sleep=1", "forks=20"]})
    pod.limit("bomb", "pids", v1("pids", pod.base, max=8))
    r = pod.run()
    assert r.code == 0
    assert lines(r, "bomb", "forks ") == ["7"] and lines(r, "other", "forks ") == ["20"]


def test_limit_that_cannot_be_entered_stops_the_app(make, v1):
    pod = make({"a": ["say=ran"]})
    pod.limit("a", "memory", v1("memory", 0, limit_in_bytes=64 << 20))
    r = pod.run()
    assert r.code == 219 and "ran" not in lines(r, "a")
    assert "cannot start a: cgroup: Permission denied" in r.text


# --- files of the pod ---------------------------------------------------------------

def test_resolv_conf_and_hosts(make):
    image = dict(files=[("etc/resolv.conf", "image's\n"), ("etc/hosts", "image's hosts\n")])
    pod = make({"a": ["cat=/etc/resolv.conf", "cat=/etc/hosts"],
                "b": ["sleep=1", "cat=/etc/resolv.conf", "cat=/etc/hosts"]}, dict(a=image))
    r = pod.run(resolv_conf=b"nameserver 192.0.2.1\n", hosts=b"192.0.2.2 there\n")
    for a in "ab":
        assert lines(r, a) == ["nameserver 192.0.2.1", "192.0.2.2 there"]
    pod = make({"a": ["cat=/etc/resolv.conf", "cat=/etc/hosts", "append=/etc/hosts=x"]},
               dict(a=image))
    assert lines(pod.run(), "a") == ["image's", "image's hosts", "try /etc/hosts=x ok"]


def test_image_without_hosts_gets_some(make):
    pod = make({"a": ["cat=/etc/hosts"], "b": ["cat=/etc/hosts"]},
               dict(a=dict(dirs=("etc",)), b=dict(dirs=())))
    r = pod.run(hostname="web-7")
    for a in "ab":
        assert lines(r, a) == [
            "127.0.0.1 localhost localhost.domain localhost4 localhost4.localdomain4 web-7",
            "::1 ip6-localhost ip6-loopback localhost6 localhost6.localdomain6",
            "fe00::0 ip6-localnet", "ff00::0 ip6-mcastprefix", "ff02::1 ip6-allnodes",
            "ff02::2 ip6-allrouters", "ff02::3 ip6-allhosts"]


def test_journal_is_the_groups(make):
    """What a group owns that the pod does not even have an id for."""
    group = 4242
    pod = make({"a": ["lines=2000", "sleep=1", "say=kept"]})
    os.chown(pod.dir, 0, group)
    assert pod.run().code == 0
    top = pod.stage1_path("var/log/journal")
    where = os.path.join(top, pod.uuid.replace("-", ""))
    for d in (top, where):
        st = os.stat(d)
        assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (pod.base, group, 0o2750)
    files = os.listdir(where)
    assert files
    for name in files:
        st = os.stat(os.path.join(where, name))
        assert st.st_gid == group and st.st_mode & 0o777 == 0o640, name
    os.chmod(pod.dir, 0o755)
    reader = ["setpriv", "--reuid=4243", "--regid=4243", "--groups=%d", "journalctl",
              "-q", "--no-pager", "-o", "cat", "-D", where, "-t", "a"]
    text = subprocess.run([w % group if "%d" in w else w for w in reader],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode()
    assert "kept" in text and "line 1999" in text, text
    r = subprocess.run([w % (group + 1) if "%d" in w else w for w in reader],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert b"kept" not in r.stdout
