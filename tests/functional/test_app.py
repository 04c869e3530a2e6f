"""rkt app: pods whose apps come and go, and what of the host's reaches them."""
import ctypes
import errno
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import images
from host import wait_until

APP = {"RKT_EXPERIMENT_APP": "true", "PATH": os.environ["PATH"]}


class Sandbox:
    """A pod of rkt app sandbox."""

    def __init__(self, host, *flags):
        self.host = host
        self.child = host.start("app", "sandbox", *flags, env=APP)
        self.uuid = wait_until(lambda: self.find() or self.has_ended())
        self.dir = host.data / "pods" / "run" / self.uuid
        host.note_pods()
        # Its systemd hears nobody before.
        host.rkt("status", "--wait-ready=60s", self.uuid).ok()
        self.first = self.units()

    def units(self):
        """Those that stage1's own tree has not."""
        path = self.dir / "overlay/stage1/upper/etc/systemd/system"
        return sorted(str(p) for p in path.rglob("*"))

    def has_ended(self):
        """Asserts that it has not."""
        assert self.child.poll() is None, self.host.said(self.child)

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
        wait_until(lambda: self.state(name) == state)

    def stop(self):
        self.host.rkt("stop", self.uuid).ok()
        return self.child.wait(60)

    def init(self):
        """Pid 1 of the pod, as the host counts."""
        path = "/proc/%d/task/%d/children" % (self.child.pid, self.child.pid)
        return int(pathlib.Path(path).read_text().split()[0])

    def mounts(self):
        """Of the supervisor and of the pod's pid 1: what is of its apps."""
        found = []
        for pid in (self.child.pid, self.init()):
            text = pathlib.Path("/proc/%d/mountinfo" % pid).read_text()
            found += [line for line in text.splitlines()
                      if re.search(r"/opt/stage2/[^ ]|/rkt/volumes/[^ ]",
                                   line.split()[4] + " ")]
        return found

    def groups(self):
        """Cgroups of its apps."""
        paths = (self.dir / "cgroup").read_text().split()
        return [str(g) for p in paths for g in pathlib.Path(p).glob("app-*")]

    def is_clean(self):
        """Nothing of an app is there."""
        assert self.app("list", "--no-legend").ok().out == ""
        for place in ("apps", "mutable/stage2", "mutable/volumes",
                      "overlay/stage1/upper/rkt/plan"):
            path = self.dir / place
            # A plan that was not yet there is written over by the next one.
            left = [p for p in os.listdir(path) if (place, p) != ("apps", ".new")] \
                if path.exists() else []
            assert left == [], place
        assert os.listdir(self.dir / "overlay") == ["stage1"]
        status = self.dir / "overlay/stage1/upper/rkt/status"
        assert not status.exists() or os.listdir(status) == []
        assert self.units() == self.first
        assert self.mounts() == [] and self.groups() == []


def test_app_comes_and_goes(host):
    image = host.store()
    pod = Sandbox(host)
    assert pod.app("list", "--no-legend").ok().out == ""
    r = host.rkt("list").ok()
    assert " - " in " ".join(r.out.split())
    pod.add(image, "--name=guest", "--", "say", "up", ",", "sleep", "600").ok()
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
    pod.is_clean()
    assert pod.stop() == 0


def test_app_several(host):
    """An end, good or bad, is one app's alone; names are each once."""
    image = host.store()
    pod = Sandbox(host)
    pod.add(image, "--name=bad", "--", "exit", "7").ok()
    pod.add(image, "--name=good", "--", "say", "up", ",", "sleep", "600").ok()
    pod.add("example.test/guest", "--name=still").ok()
    pod.add(image, "--name=good").refused("multiple apps with name good")
    pod.app("start", "--app=good").ok()
    pod.app("start", "--app=bad").ok()
    pod.wait_state("exited", "bad")
    assert pod.state("good") == "running" and pod.state("still") == "created"
    said = host.rkt("status", pod.uuid).ok().out
    assert "app-bad=7" in said and "state=running" in said
    for _ in range(12):  # no limit to starts; each is its own state
        pod.app("start", "--app=bad").ok()
        pod.wait_state("exited", "bad")
    names = [line.split() for line in
             pod.app("list", "--no-legend").ok().out.splitlines()]
    assert names == [["bad", "exited"], ["good", "running"],
                     ["still", "created"]]
    pod.app("rm", "--app=bad").ok()
    pod.app("rm", "--app=bad").refused('has no app "bad"')
    assert pod.state("good") == "running"
    r = host.rkt("enter", "--app=good", pod.uuid, "/bin/guest", "say", "in").ok()
    assert "say=in" in r.out
    r = pod.app("exec", "--app=good", "/bin/guest", "say", "in")
    assert pod.stop() == 0
    assert "app-good=" in host.rkt("status", pod.uuid).ok().out


def test_app_of_one_image_only(host):
    """What sandbox, add and the others do not take."""
    image = host.store()
    for words in (["sandbox"], ["add", "0", image], ["start", "0", "--app=a"],
                  ["stop", "0", "--app=a"], ["rm", "0", "--app=a"]):
        host.rkt("app", *words).refused("RKT_EXPERIMENT_APP")
    host.rkt("app", "sandbox", "--port=a:tcp:80:0.0.0.0:80",
             env=APP).refused("port")
    host.rkt("app", "sandbox", "--stage1-name=x", env=APP).refused("stage1")
    host.rkt("app", "sandbox", "--interactive", env=APP).refused("interactive")
    host.rkt("app", "sandbox", image, env=APP).refused("no arguments")
    host.rkt("app", "sand", env=APP).refused("in full")
    run = host.start("run", image, "--", "say", "up", ",", "sleep", "600")
    host.wait_for(run, "say=up")
    fixed = host.pods()[0][1]
    host.rkt("app", "add", fixed, image, env=APP).refused(
        "the apps that it began with")
    for verb in ("start", "stop", "rm"):
        host.rkt("app", verb, fixed, "--app=guest", env=APP).refused(
            "the apps that it began with")
    run.terminate()
    run.wait(60)
    host.rkt("app", "add", fixed, image, env=APP).refused("not running")


def test_app_add_refuses(host):
    image = host.store()
    pod = Sandbox(host)
    absent = "sha512-" + "0" * 128
    pod.add(absent).refused("no image")
    pod.add("example.test/other").refused("no image")
    pod.add(host.write_signed(host.lab.guest_image())).refused("not the name")
    pod.add(image, image).refused("one image")
    pod.add(image, "--oom-score-adj=-5").refused("oom-score-adj")
    pod.add(image, "--name=rkt-ready").refused("used by the pod")
    pod.add(image, "--mnt-volume=a,kind=host,source=/usr").refused("target")
    # What holds the pod's own mounts has owners that are mapped already.
    pod.add(image, "--mnt-volume=a,kind=host,source=%s,target=/a" % pod.host.path
            ).refused("recursive=false")
    pod.add(image, "--mnt-volume=a,kind=host,source=/nowhere/x,"
            "target=/a").refused("/nowhere/x")
    pod.add(image, "--volume=a,kind=empty").refused("volume")
    host.policy("capabilities-operator CAP_CHOWN\n")
    pod.add(image, "--caps-retain=CAP_SYS_MODULE").refused("apabilit")
    pod.is_clean()
    pod.add(image, "--name=guest", "--", "exit", "0").ok()
    pod.app("start", "--app=guest").ok()
    pod.wait_state("exited")
    assert pod.stop() == 0


VOLUMES = ["--mnt-volume=data,kind=host,source=%s,target=/data",
           "--mnt-volume=conf,kind=host,source=%s,readOnly=true,target=/conf",
           "--mnt-volume=own,kind=empty,mode=1777,target=/own",
           "--mnt-volume=mem,kind=tmpfs,size=1Mi,target=/mem"]


def with_volumes(host):
    for name in ("data", "conf"):
        (host.path / "v" / name).mkdir(parents=True)
        (host.path / "v" / name / "here").write_text(name)
    return [f % (host.path / "v" / f[13:17]) if "%s" in f else f for f in VOLUMES]


def test_app_volumes(host):
    image = host.store()
    pod = Sandbox(host)
    pod.add(image, "--name=guest", *with_volumes(host), "--", "read",
            "/data/here", "read", "/conf/here", "write", "/data/new", "x",
            "write", "/conf/new", "x", "write", "/own/new", "x", "write",
            "/mem/new", "x", "say", "up", ",", "sleep", "600").ok()
    pod.add(image, "--name=other", "--mnt-volume=own,kind=empty,"
            "target=/x").refused("another app")
    pod.app("start", "--app=guest").ok()
    host.wait_for(pod.child, "say=up")
    assert (host.path / "v/data" / "new").exists()
    assert not (host.path / "v/conf" / "new").exists()
    assert (pod.dir / "mutable/volumes/own/new").exists()
    told = json.loads(pod.app("status", "--app=guest", "--format=json").ok().out)
    assert sorted(m["container_path"] for m in told["mounts"]) == [
        "/conf", "/data", "/mem", "/own"]
    assert len(pod.mounts()) == 8
    pod.app("rm", "--app=guest").ok()
    assert (host.path / "v/data" / "here").read_text() == "data"
    pod.is_clean()
    # Names are free again.
    pod.add(image, "--name=guest", "--mnt-volume=own,kind=empty,target=/x",
            "--", "exit", "0").ok()
    assert pod.stop() == 0


# --- what the pod's own root can do with what came later ---------------------

LIBC = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND = 1, 2, 4, 32, 4096


def as_pod_root(pid, acts, calls=()):
    """What mount(2) says to the root of the pod, in its namespaces: a list of
    errno.  acts: (source, target, type, flags).  calls: of Python's."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = []
        try:
            for kind, flag in (("user", 0x10000000), ("mnt", 0x20000)):
                fd = os.open("/proc/%d/ns/%s" % (pid, kind), os.O_RDONLY)
                if kind == "user":
                    mnt = os.open("/proc/%d/ns/mnt" % pid, os.O_RDONLY)
                else:
                    fd = mnt
                if LIBC.setns(fd, flag) != 0:
                    said.append("setns %s %d" % (kind, ctypes.get_errno()))
            os.setgid(0)
            os.setuid(0)
            for source, target, what, flags in acts:
                r = LIBC.mount(source, target, what, flags, None)
                said.append(0 if r == 0 else ctypes.get_errno())
            said += [errno_of(*call) for call in calls]
        finally:
            os.write(writer, json.dumps(said).encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as f:
        said = json.loads(f.read())
    os.waitpid(child, 0)
    return said


def attempts(volumes, root):
    """Each takes one protection away, and keeps the others."""
    bind = MS_REMOUNT | MS_BIND
    conf, data = volumes + b"/conf", volumes + b"/data"
    return [(None, conf, None, bind | MS_NOSUID | MS_NODEV),
            (None, conf, None, bind | MS_RDONLY | MS_NODEV),
            (None, conf, None, bind | MS_RDONLY | MS_NOSUID),
            (None, data, None, bind | MS_NOSUID),
            (None, data, None, bind | MS_NODEV),
            (None, root, None, bind)]


CONTROL = [(b"tmpfs", b"/tmp", b"tmpfs", MS_RDONLY),
           (None, b"/tmp", None, MS_REMOUNT | MS_BIND)]


def test_app_flags_of_added_mounts_are_locked(host):
    """The pod's root takes no protection from what was added, as it takes none
    from what the pod began with; what it mounts itself it may change."""
    image = host.store()
    volumes = with_volumes(host)
    run = host.start(
        "run", *[v.replace("--mnt-volume", "--volume").rsplit(",", 1)[0]
                 for v in volumes], image,
        *["--mount=volume=%s,target=/%s" % (v[13:17].rstrip(","),
                                            v[13:17].rstrip(","))
          for v in volumes], "--", "say", "up", ",", "sleep", "600")
    host.wait_for(run, "say=up")
    path = "/proc/%d/task/%d/children" % (run.pid, run.pid)
    first = int(pathlib.Path(path).read_text().split()[0])
    acts = attempts(b"/rkt/volumes", b"/opt/stage2/guest/rootfs")
    began = as_pod_root(first, CONTROL + acts)
    assert began == [0, 0] + [1] * len(acts)
    run.terminate()
    run.wait(60)
    host.rkt("rm", host.pods()[0][1]).ok()

    pod = Sandbox(host)
    pod.add(image, "--name=guest", *volumes, "--", "sleep", "600").ok()
    pod.app("start", "--app=guest").ok()
    assert as_pod_root(pod.init(), CONTROL + acts) == began
    # Nor from the places where they come to be, which are not its own.
    for place in ("opt/stage2", "rkt/volumes"):
        where = pathlib.Path("/proc/%d/root" % pod.init()) / place
        assert os.stat(where).st_uid == 0
    assert pod.stop() == 0


def test_app_mounts_come_from_outside(host):
    """They are not the launcher's, nor the host's: the host sees none, and
    nothing of rkt's runs once the app is added."""
    image = host.store()
    pod = Sandbox(host)
    before = pathlib.Path("/proc/self/mountinfo").read_text()
    pod.add(image, "--name=guest", *with_volumes(host)).ok()
    assert pathlib.Path("/proc/self/mountinfo").read_text() == before
    assert len(pod.mounts()) == 8
    assert pod.stop() == 0


# --- images that are in use --------------------------------------------------

def test_app_image_in_use_stays(host):
    image = host.store()
    pod = Sandbox(host)
    pod.add(image, "--name=one").ok()
    pod.add(image, "--name=two").ok()
    host.rkt("image", "rm", image).refused("used by a pod")
    host.rkt("image", "gc", "--grace-period=0s")
    assert host.images() == [image]
    pod.app("rm", "--app=one").ok()
    host.rkt("image", "rm", image).refused("used by a pod")
    pod.app("rm", "--app=two").ok()
    host.rkt("image", "rm", image).ok()
    pod.add(image).refused("no image")
    assert pod.stop() == 0


def test_app_image_of_an_ended_pod_is_free(host):
    image = host.store()
    pod = Sandbox(host)
    pod.add(image, "--name=guest").ok()
    assert pod.stop() == 0
    host.rkt("image", "rm", image).ok()


# --- the ends of a pod -------------------------------------------------------

def test_app_export_logs_gc(host):
    image = host.store()
    pod = Sandbox(host)
    pod.add(image, "--name=guest", "--", "say", "hello", "write", "/tmp/w", "x",
            "exit", "3").ok()
    pod.app("start", "--app=guest").ok()
    pod.wait_state("exited")
    assert pod.stop() == 0
    assert "say=hello" in host.rkt("logs", pod.uuid).ok().out
    assert "app-guest=3" in host.rkt("status", pod.uuid).ok().out
    out = host.path / "out.aci"
    host.rkt("export", "--app=guest", pod.uuid, out).ok()
    assert "rootfs/tmp/w" in subprocess.run(
        ["tar", "tf", out], capture_output=True, check=True).stdout.decode()
    host.rkt("rm", pod.uuid).ok()
    assert host.pods() == []


def test_app_stop_force_and_orphans(host):
    """KILL to the pod: what was added ends with it."""
    image = host.store()
    pod = Sandbox(host)
    pod.add(image, "--name=guest", *with_volumes(host), "--", "say", "up", ",",
            "ignore", "sleep", "600").ok()
    pod.app("start", "--app=guest").ok()
    host.wait_for(pod.child, "say=up")
    host.rkt("stop", "--force", pod.uuid).ok()
    pod.child.wait(60)
    pod.app("add", image, "--name=more").refused("not running")
    host.rkt("gc", "--grace-period=0s").ok()
    assert host.pods() == []


def test_app_limits(host):
    image = host.store()
    pod = Sandbox(host)
    pod.add(image, "--name=guest", "--memory=64M", "--cpu=500m", "--", "say",
            "up", ",", "sleep", "600").ok()
    pod.app("start", "--app=guest").ok()
    host.wait_for(pod.child, "say=up")
    groups = {g.split("/")[4]: pathlib.Path(g) for g in pod.groups()}
    if (pathlib.Path("/sys/fs/cgroup") / "memory").exists():
        limit = groups["memory"] / "memory.limit_in_bytes"
        assert limit.read_text() == "64000000\n" or \
            int(limit.read_text()) // 4096 == 64000000 // 4096
        assert (groups["memory"] / "cgroup.procs").read_text()
    pod.app("rm", "--app=guest").ok()
    pod.is_clean()
    assert pod.stop() == 0


def test_app_handlers(host):
    """A pre-start that fails is a start that fails; post-stop runs at each
    end."""
    events = [{"name": "pre-start", "exec": ["/bin/guest", "exit", "9"]}]
    bad = host.store(section=images.app("/bin/guest", eventHandlers=events),
                     name="example.test/bad")
    events = [{"name": "post-stop", "exec": ["/bin/guest", "say", "behind"]}]
    good = host.store(section=images.app("/bin/guest", eventHandlers=events),
                      name="example.test/good")
    pod = Sandbox(host)
    pod.add(bad, "--name=bad").ok()
    pod.app("start", "--app=bad").refused("did not start")
    assert "app-bad=9" in host.rkt("status", pod.uuid).ok().out
    pod.add(good, "--name=good", "--", "exit", "0").ok()
    for n in (1, 2):
        pod.app("start", "--app=good").ok()
        wait_until(lambda: host.said(pod.child).count("say=behind") >= n)
        pod.wait_state("exited", "good")
    assert pod.stop() == 0


# --- others at the same time, and death at any moment ------------------------

def together(*commands):
    """All at once; their results."""
    found = [None] * len(commands)

    def one(i):
        found[i] = commands[i]()

    threads = [threading.Thread(target=one, args=(i,))
               for i in range(len(commands))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return found


def test_app_two_at_once(host):
    """Adds wait for each other; what they wrote does not go missing, or the
    one that came too late says so."""
    image = host.store()
    pod = Sandbox(host)
    for turn in range(4):
        one, two = together(*[
            lambda n=n: pod.add(image, "--name=a%d-%d" % (turn, n), "--",
                                "sleep", "600") for n in (1, 2)])
        names = pod.app("list", "--no-legend").ok().out
        for n, r in ((1, one), (2, two)):
            name = "a%d-%d" % (turn, n)
            if r.code != 0:
                r.refused("changed meanwhile")
            assert (name in names) == (r.code == 0)
    same = together(*[lambda: pod.add(image, "--name=same")] * 3)
    assert sorted(r.code for r in same) == [0, 254, 254]
    for name in pod.app("list", "--no-legend").ok().out.split()[::2]:
        pod.app("rm", "--app=" + name).ok()
    pod.is_clean()
    assert pod.stop() == 0


def test_app_add_and_the_end_of_the_pod(host):
    """An add that meets a stop is done or refused, and what is left goes with
    the pod."""
    image = host.store()
    for delay in (0, 0.005, 0.01, 0.015, 0.02, 0.03):
        pod = Sandbox(host)

        def stop(delay=delay, pod=pod):
            time.sleep(delay)
            return host.rkt("stop", "--force", pod.uuid)

        added, _ = together(
            lambda pod=pod: pod.add(image, *with_volumes_once(host),
                                    "--name=guest"), stop)
        assert added.code in (0, 254), added.describe()
        pod.child.wait(60)
        host.rkt("rm", pod.uuid).ok()
        assert host.pods() == []
    host.rkt("image", "rm", image).ok()


def with_volumes_once(host):
    if not (host.path / "v").exists():
        with_volumes(host)
    return ["--mnt-volume=data,kind=host,source=%s,target=/d" %
            (host.path / "v" / "data")]


def test_app_add_and_image_rm(host):
    """Either the app has its image or there is no such app."""
    pod = None
    for _ in range(6):
        image = host.store()
        pod = pod or Sandbox(host)
        added, removed = together(
            lambda: pod.add(image, "--name=guest", "--", "exit", "0"),
            lambda: host.rkt("image", "rm", image))
        assert (added.code == 0) == (removed.code != 0), added.describe()
        if added.code == 0:
            pod.app("start", "--app=guest").ok()
            pod.wait_state("exited")
            pod.app("rm", "--app=guest").ok()
        pod.is_clean()
        host.rkt("image", "rm", image)
    assert pod.stop() == 0


CALLS = {"openat2", "renameat2", "mkdirat", "unlinkat", "write", "flock",
         "clone3", "clone", "setns", "move_mount", "open_tree", "fsmount",
         "mount_setattr", "waitid", "fchown", "fsopen", "sendmsg", "recvmsg"}


def calls_of(host, *args):
    """The launcher's calls of one undisturbed command: (name, how many-th)."""
    log = host.path / "calls"
    done = subprocess.run(["strace", "-qq", "-o", log, *host.argv(*args)],
                          cwd="/", env=APP, stdin=subprocess.DEVNULL,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    seen, points = {}, []
    for line in log.read_text(errors="replace").splitlines():
        name = re.match(r"(\w+)\(", line)
        if name:
            seen[name[1]] = seen.get(name[1], 0) + 1
            if name[1] in CALLS:
                points.append((name[1], seen[name[1]]))
    return points


def some(points, most):
    if os.environ.get("RKT_EVERY_CALL"):
        return points
    kinds = {name: (name, n) for name, n in points}
    rare = [p for p in points
            if p[0] in ("setns", "move_mount", "renameat2", "clone3", "waitid")]
    return sorted({*points[::max(1, len(points) // most)], *kinds.values(),
                   *rare}, key=points.index)


def killed_at(host, point, *args):
    child = subprocess.Popen(
        ["strace", "-qq", "-o", "/dev/null", "-e",
         "inject=%s:signal=KILL:when=%d" % point, *host.argv(*args)], cwd="/",
        env=APP, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        return child.wait(60)
    finally:
        child.kill()
        child.wait()


ADDED = ["--name=guest", "--memory=64M", "--", "sleep", "600"]


def test_app_kill_add(host):
    """Killed at any call, the app is there or not; app rm clears up, and then
    it can be added."""
    image = host.store()
    volumes = with_volumes(host)
    pod = Sandbox(host)
    add = ["app", "add", pod.uuid, image, *volumes, *ADDED]
    points = calls_of(host, *add)
    pod.app("rm", "--app=guest").ok()
    hit = 0
    for point in some(points, 24):
        hit += killed_at(host, point, *add) == -signal.SIGKILL
        listed = pod.app("list", "--no-legend").ok().out.split()[::2]
        assert listed in ([], ["guest"]), point
        r = pod.app("rm", "--app=guest")
        assert r.code == 0 or ("no app" in r.err and not listed), \
            (point, r.describe())
        pod.is_clean()
        if point == points[len(points) // 2]:
            pod.add(image, *ADDED).ok()
            pod.app("start", "--app=guest").ok()
            pod.app("rm", "--app=guest").ok()
    assert hit > 20
    pod.add(image, *volumes, *ADDED).ok()
    assert pod.stop() == 0


def test_app_kill_add_and_end(host):
    """What a killed add left goes with the pod."""
    image = host.store()
    volumes = with_volumes(host)
    pod = Sandbox(host)
    add = ["app", "add", pod.uuid, image, *volumes, *ADDED]
    points = calls_of(host, *add)
    assert pod.stop() == 0
    host.rkt("rm", pod.uuid).ok()
    for point in [p for p in points if p[0] in ("setns", "move_mount")]:
        pod = Sandbox(host)
        add[2] = pod.uuid
        assert killed_at(host, point, *add) == -signal.SIGKILL
        assert pod.stop() == 0
        host.rkt("rm", pod.uuid).ok()


def test_app_kill_rm(host):
    """Killed at any call, rm again takes away what is left."""
    image = host.store()
    volumes = with_volumes(host)
    pod = Sandbox(host)
    rm = ["app", "rm", pod.uuid, "--app=guest"]

    def begin():
        pod.add(image, *volumes, *ADDED).ok()
        pod.app("start", "--app=guest").ok()

    begin()
    points = calls_of(host, *rm)
    hit = 0
    for point in some(points, 14):
        begin()
        hit += killed_at(host, point, *rm) == -signal.SIGKILL
        r = pod.app("rm", "--app=guest")
        assert r.code == 0 or "no app" in r.err, (point, r.describe())
        pod.is_clean()
    assert hit > 10
    assert pod.stop() == 0


def test_app_streams(host):
    """An app that is added can be attached to as one of run."""
    both = {**APP, "RKT_EXPERIMENT_ATTACH": "true"}
    image = host.store()
    pod = Sandbox(host)
    add = ["app", "add", pod.uuid, image, "--name=guest"]
    host.rkt(*add, "--stdin=interactive", env=both).refused()
    host.rkt(*add, "--stdin=stream", "--stdout=stream", "--", "hear", "sleep",
             "600", env=both).ok()
    for _ in (1, 2):
        pod.app("start", "--app=guest").ok()
        child = subprocess.Popen(
            host.argv("attach", "--app=guest", pod.uuid), env=both, cwd="/",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            child.stdin.write(b"hello\n")
            child.stdin.flush()
            text = b""
            while b"hear=hello" not in text:
                more = child.stdout.readline()
                assert more, text
                text += more
        finally:
            child.kill()
            child.communicate()
        pod.app("stop", "--app=guest").ok()
    pod.app("rm", "--app=guest").ok()
    pod.is_clean()
    assert pod.stop() == 0


# --- a pod that does not do its part -----------------------------------------

def word(kind, a=0, b=0):
    return struct.pack("<4I", 0x31444b52, kind, a, b)


ANSWERS = {
    "nothing": b"",
    "garbage": b"x" * 16,
    "short": b"RKD1",
    "another kind": word(3),
    "a failure": word(4, 0, 1),
    "a signal": word(4, 1, 9),
    "nothing was started": word(4, 2, 0),
    "a code beyond": word(4, 0, 1 << 31),
}


class FalseDoor(threading.Thread):
    """In the place of the pod's own, which is beside it."""

    def __init__(self, pod, answer):
        super().__init__(daemon=True)
        self.path = "/proc/%d/root/run/rkt/enter" % pod.init()
        base = int((pod.dir / "private-users-prepared").read_text().split(":")[0])
        self.answer, self.open = answer, True
        os.rename(self.path, self.path + ".own")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(self.path)
        os.chown(self.path, base, base)
        self.socket.listen(4)
        self.socket.settimeout(0.1)
        self.heard = 0
        self.start()

    def run(self):
        while self.open:
            try:
                one, _ = self.socket.accept()
            except TimeoutError:
                continue
            with one:
                one.recv(64)
                self.heard += 1
                if self.answer:
                    one.send(self.answer)

    def close(self):
        self.open = False
        self.join(5)
        self.socket.close()
        os.rename(self.path + ".own", self.path)


def test_app_pod_that_does_not_answer(host):
    """What the pod says is no more than yes or no; after a no, nothing of the
    app is there, on no side."""
    image = host.store()
    pod = Sandbox(host)
    volumes = with_volumes(host)
    for name, answer in ANSWERS.items():
        door = FalseDoor(pod, answer)
        pod.add(image, "--name=guest", *volumes).refused("does not take")
        assert door.heard == 2, name  # to add, and to take back
        door.close()
        pod.is_clean()
    pod.add(image, "--name=guest", *volumes, "--", "sleep", "600").ok()
    door = FalseDoor(pod, word(4, 0, 1))
    for verb in ("start", "stop"):
        assert pod.app(verb, "--app=guest").code == 254
    pod.app("rm", "--app=guest").refused("does not let go")
    assert pod.state() == "created"
    door.close()
    pod.app("start", "--app=guest").ok()
    pod.app("rm", "--app=guest").ok()
    pod.is_clean()
    assert pod.stop() == 0


def test_app_pod_that_lies(host):
    """One that says yes and does nothing has an app that does not start; the
    host goes by its own files, and takes it away."""
    image = host.store()
    pod = Sandbox(host)
    door = FalseDoor(pod, word(4, 0, 0))
    pod.add(image, "--name=guest").ok()
    door.close()
    assert pod.state() in ("created", "running")
    assert pod.app("start", "--app=guest").code == 254
    pod.app("rm", "--app=guest").ok()
    pod.is_clean()
    assert pod.stop() == 0


def test_app_plan_in_the_pod_is_not_believed(host):
    """enter takes the record from the host's own file."""
    image = host.store()
    pod = Sandbox(host)
    pod.add(image, "--name=guest", "--", "say", "up", ",", "sleep", "600").ok()
    pod.app("start", "--app=guest").ok()
    host.wait_for(pod.child, "say=up")
    plan = pathlib.Path("/proc/%d/root/rkt/plan/guest" % pod.init())
    assert plan.stat().st_mode & 0o777 == 0o400
    plan.write_bytes(b"x" * 100)
    r = host.rkt("enter", pod.uuid, "/bin/guest", "say", "in").ok()
    assert "say=in" in r.out
    pod.app("rm", "--app=guest").ok()
    assert pod.stop() == 0


def errno_of(act, *args):
    try:
        act(*args)
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]


def umount(path):
    if LIBC.umount2(path.encode(), 2) != 0:
        raise OSError(ctypes.get_errno(), path)


def test_app_places_are_not_the_pods(host):
    """Where the host attaches what is added: the pod's root makes nothing
    there, and lays nothing else in its place."""
    pod = Sandbox(host)
    said = as_pod_root(pod.init(), [], [
        (os.rename, "/opt", "/aside"), (os.rename, "/rkt", "/aside"),
        *[(act, path, *more) for path in ("/opt/stage2", "/rkt/volumes")
          for act, *more in ((os.rename, "/aside"), (os.rmdir,), (umount,))],
        (os.mkdir, "/opt/stage2/guest"), (os.mkdir, "/rkt/volumes/data"),
        (os.symlink, "/etc", "/opt/stage2/guest"),
        (os.mkdir, "/opt/own")])
    assert said == ["EXDEV"] * 2 + ["EBUSY", "EBUSY", "EINVAL"] * 2 + \
        ["EACCES"] * 3 + ["done"]
    assert pod.stop() == 0
