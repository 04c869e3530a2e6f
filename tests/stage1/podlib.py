"""Plays the launcher for the tests of stage1: makes a pod the way the launcher
does (idmapped lower layers, overlays owned by the pod's uid range, a sealed
plan, facts) in a private mount namespace, and becomes the real stage1-nspawn.
"""
import ctypes
import fcntl
import os
import select
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import uuid as uuids

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import rktmsg  # noqa: E402

libc = ctypes.CDLL(None, use_errno=True)
AT_EMPTY_PATH, AT_RECURSIVE = 0x1000, 0x8000
OPEN_TREE_CLONE, IDMAP = 1, 0x00100000
MS_REC, MS_PRIVATE, MS_BIND = 0x4000, 0x40000, 0x1000
NOSUID, NODEV = 2, 4  # of mount(2) and of mount_setattr(2)
HOST, EMPTY, TMPFS = 1, 2, 3
NEWNS, NEWUSER = 0x20000, 0x10000000
RANGE = 65536
DEFAULT_CAPS = sum(1 << n for n in (29, 0, 1, 4, 3, 5, 27, 13, 10, 7, 6, 8, 31, 18))
BASE_ENV = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SHELL=/bin/sh", "USER=root", "LOGNAME=root", "HOME=/root"]


def call(nr, *args):
    r = libc.syscall(nr, *args)
    if r < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e), str(nr))
    return r


def mount(source, target, kind, flags, data=None):
    enc = lambda s: s.encode() if s else None
    if libc.mount(enc(source), enc(target), enc(kind), ctypes.c_ulong(flags),
                  enc(data)) < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e), target)


def user_namespace(inside, base):
    """A descriptor of a user namespace that maps inside.. to base.."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        libc.unshare(NEWUSER)
        os.write(w, b"x")
        signal.pause()
    os.read(r, 1)
    for name in ("uid_map", "gid_map"):
        with open("/proc/%d/%s" % (pid, name), "w") as f:
            f.write("%d %d %d\n" % (inside, base, RANGE))
    fd = os.open("/proc/%d/ns/user" % pid, os.O_RDONLY | os.O_CLOEXEC)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(r)
    os.close(w)
    return fd


def idmapped(source, target, userns, attrs=0, recursive=False):
    deep = AT_RECURSIVE if recursive else 0
    fd = call(428, -100, source.encode(), OPEN_TREE_CLONE | 0o2000000 | deep)
    if userns is not None:
        attr = struct.pack("<QQQQ", IDMAP | attrs, 0, 0, userns)
        call(442, fd, b"", AT_EMPTY_PATH, attr, len(attr))
    elif attrs:
        attr = struct.pack("<QQQQ", attrs, 0, 0, 0)
        call(442, fd, b"", AT_EMPTY_PATH | deep, attr, len(attr))
    call(429, fd, b"", -100, target.encode(), 4)
    os.close(fd)


def sealed(data):
    fd = os.memfd_create("s", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, data)
    fcntl.fcntl(fd, 1033, 15)
    return fd


def record(message, /, **fields):
    payload = rktmsg.encode(message, **fields)
    number = rktmsg.TYPES[message].number
    return rktmsg.HEADER.pack(rktmsg.MAGIC, number, 0, len(payload), 0) + payload


def app_fields(name="hello", **over):
    f = dict(name=name, image=b"\1" * 64, image_name="example.com/" + name,
             exec=["/probe"], env=BASE_ENV + ["AC_APP_NAME=" + name],
             working_dir="/", user="0", group="0", supplementary_gids=[],
             caps=DEFAULT_CAPS, no_new_privs=0, seccomp=0, filter=b"", memory=0,
             cpu_milli=0, cpu_shares=0, oom_score_adj=0, has_oom=0,
             readonly_rootfs=0, paths=1)
    f.update(over)
    return f


def pod_fields(uuid, apps, **over):
    f = dict(version=3, uuid=uuid, hostname="", insecure=0, net=0, flavor=1,
             interactive=0, debug=0, apps=apps, manifest=b"{}")
    f.update(over)
    return f


def facts(base, **over):
    f = {"uid-base": base, "machined": 0, "keep-unit": 0, "cgroup2": 0, "held": 0,
         "sockets": 0, "caps": 0}
    f.update({k.replace("_", "-"): v for k, v in over.items()})
    return "".join("%s %d\n" % kv for kv in f.items())


class Result:
    def __init__(self, code, out, seconds):
        self.code, self.out, self.seconds = code, out, seconds
        self.text = out.decode("utf-8", "replace").replace("\r\n", "\n")


class Pod:
    """One pod directory; run() plays the launcher's last steps."""

    def __init__(self, stage1, program, base=655360000, top="/var/tmp"):
        self.dir = tempfile.mkdtemp(prefix="rkt-s1-", dir=top)
        self.stage1, self.program, self.base = stage1, program, base
        self.uuid = str(uuids.uuid4())
        self.apps, self.trees, self.volumes, self.limits = [], {}, [], []
        self.held, self.hook = [], None
        self.cgroup = "/rkt-s1test-%s" % self.uuid[:8]
        self.pid = -1

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()

    def add(self, tree, **fields):
        fields = app_fields(**fields)
        self.apps.append(fields)
        self.trees[fields["name"]] = tree
        return self

    def volume(self, name, source=None, kind=None, readonly=0, **fields):
        """A host directory or file, or (without source) an empty volume."""
        kind = kind or (HOST if source else EMPTY)
        self.volumes.append(dict(name=name, kind=kind, source=source or "",
                                 readonly=readonly, recursive=1, idmap=0,
                                 mode=0o755, uid=0, gid=0, size=0, **fields))
        return self

    def limit(self, app, controller, directory):
        """Binds a cgroup of v1 as the launcher does; directory is the test's."""
        self.limits.append((app, controller, directory))
        return self

    def path(self, *more):
        return os.path.join(self.dir, *more)

    def _overlay(self, lower, name, target, userns):
        low = self.path("lower", name)
        up, work = (self.path("overlay", name, d) for d in ("upper", "work"))
        for d in (low, up, work, target):
            os.makedirs(d, exist_ok=True)
        for d in (up, work):
            os.chown(d, self.base, self.base)
        idmapped(lower, low, userns)
        mount("overlay", target, "overlay", 0,
              "lowerdir=%s,upperdir=%s,workdir=%s" % (low, up, work))

    def _mounts(self):
        if libc.unshare(NEWNS) < 0:
            raise OSError("unshare")
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        if self.hook:
            self.hook()  # in the pod's private mount namespace
        userns = user_namespace(0, self.base)
        root = self.path("stage1", "rootfs")
        self._overlay(self.stage1, "stage1", root, userns)
        for app in self.apps:
            where = os.path.join(root, "opt/stage2", app["name"])
            os.makedirs(os.path.join(where, "rootfs"))
            for d in (where, os.path.join(where, "rootfs")):
                os.chown(d, self.base, self.base)
            self._overlay(self.trees[app["name"]], "app-" + app["name"],
                          os.path.join(where, "rootfs"), userns)
        for v in self.volumes:
            self._volume(os.path.join(root, "rkt/volumes", v["name"]), v, userns)
        for app, controller, directory in self.limits:
            where = os.path.join(root, "rkt/cgroup", controller, "app-" + app)
            os.makedirs(where)
            mount(directory, where, None, MS_BIND)
        os.close(userns)

    def _volume(self, where, v, userns):
        if v["kind"] == HOST and not os.path.isdir(v["source"]):
            os.close(os.open(where, os.O_CREAT | os.O_WRONLY, 0o600))
        else:
            os.mkdir(where)
            os.chmod(where, v["mode"])
        os.chown(where, self.base + v["uid"], self.base + v["gid"])
        if v["kind"] == HOST:
            device = stat.S_ISCHR(os.stat(v["source"]).st_mode)
            attrs = NOSUID | v["readonly"] | (0 if device else NODEV)
            idmapped(v["source"], where, None if device else userns,
                     attrs, recursive=True)
        elif v["kind"] == TMPFS:
            mount("tmpfs", where, "tmpfs", NOSUID | NODEV, "mode=%o,uid=%d,gid=%d" % (
                v["mode"], self.base + v["uid"], self.base + v["gid"]))

    def _cgroups(self):
        for h in ("systemd", "unified", "devices", "pids", "cpu", "memory"):
            d = "/sys/fs/cgroup/" + h
            if os.path.isdir(d):
                os.makedirs(d + self.cgroup, exist_ok=True)
                with open(d + self.cgroup + "/cgroup.procs", "w") as f:
                    f.write("0\n")

    def _child(self, plan, facts, extra, sockets, env):
        sockets = [fcntl.fcntl(s, fcntl.F_DUPFD, 100) for s in sockets]
        self._cgroups()
        self._mounts()
        os.chdir(self.dir)
        os.umask(0o022)
        pod = os.open(self.dir, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(pod, fcntl.LOCK_EX)  # who looks has it for an instant
        fds = [fcntl.fcntl(f, fcntl.F_DUPFD, 50) for f in (sealed(plan), pod, sealed(facts))]
        for want, fd in zip((3, 4, 5), fds):
            os.dup2(fd, want, inheritable=True)
        os.closerange(6, 99)
        for path, fd in extra:
            os.dup2(os.open(path, os.O_RDONLY), fd, inheritable=True)
        for i, path in enumerate(self.held):
            fd = os.open(path, os.O_RDONLY)
            fcntl.flock(fd, fcntl.LOCK_SH)
            if fd != 6 + i:
                os.dup2(fd, 6 + i)
                os.close(fd)
            os.set_inheritable(6 + i, True)
        for i, fd in enumerate(sockets):
            os.dup2(fd, 6 + len(self.held) + i, inheritable=True)
            os.close(fd)
        os.execve(self.program, ["stage1-nspawn", self.uuid],
                  dict({"HOME": "/root", "SECRET": "x"}, **env))

    def spawn(self, facts=None, extra=(), stdin=None, stdout=None, sockets=(),
              env=(), **pod):
        pod.setdefault("volumes", len(self.volumes))
        plan = record("PLAN_POD", **pod_fields(self.uuid, len(self.apps), **pod))
        plan += b"".join(record("PLAN_VOLUME", **v) for v in self.volumes)
        plan += b"".join(record("PLAN_APP", **a) for a in self.apps)
        facts = facts or globals()["facts"](self.base, held=len(self.held),
                                            sockets=len(sockets))
        self.pid = os.fork()
        if self.pid == 0:
            try:
                null = os.open("/dev/null", os.O_RDWR)
                os.dup2(null if stdin is None else stdin, 0)
                os.dup2(stdout, 1)
                os.dup2(stdout, 2)
                self._child(plan, facts.encode(), extra, sockets, dict(env))
            except BaseException as e:  # noqa: B902
                os.write(2, ("launcher: %r\n" % e).encode())
            os._exit(111)
        return self.pid

    def run(self, timeout=120, **kw):
        r, w = os.pipe()
        start = time.monotonic()
        self.spawn(stdout=w, **kw)
        os.close(w)
        out, deadline = b"", start + timeout
        while time.monotonic() < deadline:
            if not select.select([r], [], [], 0.2)[0]:
                continue
            got = os.read(r, 65536)
            if not got:
                break
            out += got
        else:
            os.kill(self.pid, signal.SIGKILL)
            out += b"\n[timeout]"
        os.close(r)
        code = self.wait()
        return Result(code, out, time.monotonic() - start)

    def wait(self):
        status = os.waitpid(self.pid, 0)[1]
        self.pid = -1
        return os.waitstatus_to_exitcode(status)

    def stage1_path(self, *more):
        return self.path("overlay/stage1/upper", *more)

    def status(self, app="hello"):
        try:
            return open(self.stage1_path("rkt/status", app)).read()
        except OSError:
            return None

    def is_ready(self):
        where = self.stage1_path("rkt/supervisor-status")
        return os.path.islink(where) and os.readlink(where) == "ready"

    def until(self, what, seconds=60):
        """what() becomes true while the pod runs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                return True
            time.sleep(0.01)
        return False

    def upper(self, app, *more):
        return self.path("overlay", "app-" + app, "upper", *more)

    def is_running(self):
        fd = os.open(self.dir, os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except OSError:
            return True
        finally:
            os.close(fd)

    def _end(self, cgroup):
        """A pod outlives an nspawn that was killed."""
        try:
            for pid in open(cgroup + "/cgroup.procs").read().split():
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass

    def remove(self):
        if self.pid > 0:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        for h in os.listdir("/sys/fs/cgroup"):
            top = "/sys/fs/cgroup/" + h + self.cgroup
            for _ in range(500):
                for d, _, _ in os.walk(top, topdown=False):
                    self._end(d)
                    try:
                        os.rmdir(d)
                    except OSError:
                        pass
                if not os.path.isdir(top):
                    break
                time.sleep(0.02)
        shutil.rmtree(self.dir, ignore_errors=True)


def build(out):
    """The programs and the stage1 tree, made once; (stage1, nspawn, probe)."""
    subprocess.check_call(["make", "-s", "-C", TOP, "O=" + out,
                           out + "/stage1-nspawn", out + "/appexec"])
    tree = out + "/stage1-tree"
    subprocess.check_call([TOP + "/stage1/nspawn/assemble.sh", tree,
                           out + "/appexec"])
    probe = out + "/probe"
    subprocess.check_call(["gcc", "-O1", "-static", "-Wall", "-o", probe,
                           os.path.join(HERE, "probe.c")])
    return tree, out + "/stage1-nspawn", probe


def make_image(where, probe, files=(), links=(), dirs=("etc",)):
    os.makedirs(where)
    shutil.copy(probe, where + "/probe")
    for d in dirs:
        os.makedirs(where + "/" + d, exist_ok=True)
    for name, text in files:
        os.makedirs(os.path.dirname(where + "/" + name), exist_ok=True)
        with open(where + "/" + name, "w") as f:
            f.write(text)
    for name, to in links:
        os.makedirs(os.path.dirname(where + "/" + name) or where, exist_ok=True)
        os.symlink(to, where + "/" + name)
    return where
