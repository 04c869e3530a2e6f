"""G9: the launcher is killed at a chosen system call.  Whatever it was doing,
nothing of it runs on, the next command works without repair, and gc and rm
bring everything back to nothing."""
import collections
import contextlib
import os
import re
import signal
import subprocess

# Calls after which something is on disk, mounted, running or gone that was not
# before; a kill comes just before each of them takes place.
MARKS = {"renameat2", "linkat", "unlinkat", "mkdirat", "fchown", "fchmod",
         "clone3", "clone", "move_mount", "fsmount", "mount_setattr", "syncfs",
         "fsync", "flock", "execve", "waitid", "write", "unshare", "sendmsg",
         "copy_file_range", "fchdir", "keyctl"}


def traced(host, *args):
    """The launcher's calls of one undisturbed command: (name, how many-th)."""
    log = host.path / "calls"
    done = subprocess.run(
        ["strace", "-qq", "-o", log, *host.argv(*args)], cwd="/", check=False,
        stdin=subprocess.DEVNULL, capture_output=True)
    seen, points = collections.Counter(), []
    for line in log.read_text(errors="replace").splitlines():
        name = re.match(r"(\w+)\(", line)
        if not name:
            continue
        seen[name[1]] += 1
        if name[1] == "execve" and "systemd-nspawn" in line:
            points.append((name[1], seen[name[1]]))
            break
        if name[1] in MARKS:
            points.append((name[1], seen[name[1]]))
    host.note_pods()
    return done.returncode, points[1:]  # the first execve is strace's own


def spread(points, most):
    """Some of them, from the first to the last, every kind among them, and all
    around a child that waits for its maps; all, where RKT_EVERY_CALL is set."""
    if os.environ.get("RKT_EVERY_CALL"):
        return points
    kinds = {name: (name, n) for name, n in reversed(points)}
    step = max(1, -(-len(points) // most))
    chosen = set(points[::step]) | set(kinds.values()) | {points[-1]}
    chosen |= {p for p in points if p[0] in ("clone", "write")}
    return [p for p in points if p in chosen]


def killed(host, point, *args):
    """The command, killed there.  Its workers die with it."""
    child = subprocess.Popen(
        ["strace", "-qq", "-o", "/dev/null", "-e",
         "inject=%s:signal=KILL:when=%d" % point, *host.argv(*args)], cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        child.wait(60)
    finally:
        child.kill()
    host.note_pods()
    alive = host.lab.cgroup.wait_empty()
    for pid, _ in alive:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    assert not alive, "%s: outlives its launcher: %s" % (point, alive)
    return child.returncode


def gc(host):
    """rkt gc.  An embryo has no lock yet: only its age says that it is dead."""
    for embryo in host.data.glob("pods/embryo/*"):
        os.utime(embryo, (0, 0))
    host.rkt("gc", "--grace-period=0s").ok()


def left(host):
    """What is there that gc should have taken."""
    return host.pods() + sorted(
        str(p.relative_to(host.data)) for place in
        ("ids/*", "pods/*/.*", "image/.*", "quarantine/*")
        for p in host.data.glob(place))


def test_G9_kill_fetch(host):
    host.trust()
    path = host.write_signed(host.lab.guest_image())
    code, points = traced(host, "fetch", path)
    assert code == 0
    image = host.images()[0]
    host.rkt("image", "rm", image).ok()
    hit = 0
    for point in spread(points, 24):
        hit += killed(host, point, "fetch", path) == -signal.SIGKILL
        there = [p for p in host.images() if p[0] != "."]
        assert there in ([], [image]), point
        if there:  # what is there is whole
            host.rkt("image", "verify", image).ok()
        host.rkt("fetch", path).ok()
        host.rkt("image", "rm", image).ok()
        assert left(host) == [] and host.images() == [], point
    assert hit > 20


def test_G9_kill_run(host):
    image = host.store()
    code, points = traced(host, "run", image, "--", "exit", "0")
    assert code == 0
    host.rkt("gc", "--grace-period=0s").ok()
    hit = 0
    for n, point in enumerate(spread(points, 36)):
        hit += killed(host, point, "run", image, "--", "exit", "0") == \
            -signal.SIGKILL
        host.rkt("list").ok()
        if n % 6 == 0:  # without any repair
            host.run(image, "exit", "0").ok()
        gc(host)
        assert left(host) == [], point
    assert hit > 30
    host.run(image, "exit", "0").ok()
    host.rkt("image", "rm", image).ok()


def test_G9_kill_stage1(host):
    """The launcher has become systemd-nspawn; the pod dies with it."""
    image = host.store()
    for call, n in (("clone", 1), ("clone", 2), ("mount", 3), ("sendmsg", 3),
                    ("epoll_wait", 2), ("epoll_wait", 9)):
        killed(host, (call, n), "run", image, "--", "sleep", "3")
        gc(host)
        assert left(host) == [], (call, n)


def pod_that_ended(host, image):
    host.run(image, "exit", "0").ok()
    return host.pods()[0][1]


def test_G9_kill_rm(host):
    image = host.store()
    code, points = traced(host, "rm", pod_that_ended(host, image))
    assert code == 0
    hit = 0
    for point in spread(points, 14):
        if not host.pods():
            pod_that_ended(host, image)
        hit += killed(host, point, "rm", host.pods()[0][1]) == -signal.SIGKILL
        host.rkt("list").ok()
        gc(host)
        assert left(host) == [], point
    assert hit > 8


def test_G9_kill_image_rm(host):
    host.trust()
    path = host.write_signed(host.lab.guest_image())
    image = host.fetch(host.lab.guest_image()).ok().out.strip()
    code, points = traced(host, "image", "rm", image)
    assert code == 0
    hit = 0
    for point in spread(points, 14):
        host.rkt("fetch", path).ok()
        hit += killed(host, point, "image", "rm", image) == -signal.SIGKILL
        host.rkt("image", "list").ok()
        host.rkt("fetch", path).ok()
        host.rkt("image", "verify", image).ok()
        assert left(host) == [], point
    assert hit > 8
    host.rkt("image", "rm", image).ok()
    assert left(host) == []


def test_G9_kill_trust(host):
    key = host.path / "key"
    key.write_bytes(host.lab.publisher.public)
    args = ("trust", "--prefix=example.test", "--skip-fingerprint-review", key)
    code, points = traced(host, *args)
    assert code == 0
    store = host.conf / "trustedkeys" / "prefix.d" / "example.test"
    file = store / host.lab.publisher.fingerprint
    good = file.read_bytes()
    hit = 0
    for point in spread(points, 14):
        file.unlink(missing_ok=True)
        hit += killed(host, point, *args) == -signal.SIGKILL
        assert not file.exists() or file.read_bytes() == good, point
        host.rkt(*args).ok()
        assert sorted(p.name for p in store.iterdir()) == [file.name], point
    assert hit > 8
