"""Playing a compromised room against the real launcher.

`Play(prefix, tmp)` runs the installed rkt in a private mount namespace where
chosen programs of libexec/rkt are replaced by stub (stub.c), and hands their
descriptors to the test.  What the launcher did is judged from outside: by
strace, by the data directory, by canary files, the mount table and the process
table.
"""
import array
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import rktmsg  # noqa: E402

TRACED = ("execve,execveat,openat2,openat,open,mkdirat,renameat2,linkat,unlinkat,"
          "mount,move_mount,open_tree,fsmount,clone3,fchown,fchmod,chmod,chown")


def mounts():
    return sorted(line.split(" ", 3)[3] for line in open("/proc/self/mountinfo"))


def snapshot(top):
    """{path: (mode, uid, size)} below top, without the quarantine's own mtime."""
    found = {}
    for base, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(base, name)
            try:
                st = os.lstat(path)
            except FileNotFoundError:
                continue
            found[os.path.relpath(path, top)] = (st.st_mode, st.st_uid, st.st_size)
    return found


class Room:
    """One worker that the launcher started: its edge and its other fds."""

    def __init__(self, conn, name, fds):
        self.conn, self.name, self.slots = conn, name, fds[1:]
        self.edge = rktmsg.Edge(socket.socket(fileno=fds[0]))

    def end(self, code=0):
        """Exit with code; 'K' by signal."""
        for fd in self.slots:
            os.close(fd)
        self.slots = []
        self.edge.close()
        try:
            self.conn.sendall(code.encode() if isinstance(code, str)
                              else bytes([code]))
        except OSError:
            pass
        self.conn.close()


class Play:
    def __init__(self, prefix, tmp, replace):
        self.prefix, self.tmp, self.replace = prefix, tmp, replace
        self.data = os.path.join(tmp, "data")
        self.conf = os.path.join(tmp, "conf")
        os.makedirs(self.conf, exist_ok=True)
        os.chmod(tmp, 0o755)
        # Not below /tmp: verify has a /tmp of its own.
        self.dir = tempfile.mkdtemp(prefix="rkt-play-", dir="/var/tmp")
        os.chmod(self.dir, 0o755)
        self.path = os.path.join(self.dir, "s")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o777)
        self.listener.listen(16)
        self.listener.settimeout(60)
        self.stub = os.path.join(tmp, "stub")
        subprocess.run(["gcc", "-static", "-O1", "-o", self.stub,
                        '-DSTUB_SOCKET="%s"' % self.path,
                        os.path.join(HERE, "stub.c")], check=True)
        self.canary = os.path.join(tmp, "canary")
        with open(self.canary, "w") as f:
            f.write("untouched")
        self.rooms, self.process = [], None
        self.log = os.path.join(tmp, "trace")

    def start(self, *words, policy=None, **kw):
        """rkt with these words (--dir and --local-config are put first), and
        this text as the administrator's site policy."""
        libexec = os.path.join(self.prefix, "libexec", "rkt")
        script = "".join("mount --bind %s %s/%s\n" % (self.stub, libexec, name)
                         for name in self.replace)
        if policy is not None:
            with open(os.path.join(self.dir, "policy"), "w") as f:
                f.write(policy)
            etc = os.path.join(self.prefix, "etc", "rkt")
            script += ("mkdir -p %s\nmount --bind %s %s\n" % (etc, self.dir, etc))
        script += ('exec strace -qq -o %s -e trace=%s "$@"' % (self.log, TRACED))
        argv = [os.path.join(self.prefix, "bin", "rkt"), "--dir=" + self.data,
                "--local-config=" + self.conf, *words]
        self.before_mounts = mounts()
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-euc",
             script, "sh", *argv],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            cwd=self.tmp, **kw)
        return self

    def room(self, name, timeout=60):
        """The next room the launcher starts; it must be called name."""
        self.listener.settimeout(timeout)
        conn, _ = self.listener.accept()
        data, control, _, _ = conn.recvmsg(256, socket.CMSG_SPACE(4 * 70))
        fds = []
        for _, _, raw in control:
            fds += array.array("i", raw[:len(raw) // 4 * 4])
        got = os.path.basename(data.split(b"\0")[0].decode())
        # The conductor's argv[0] is the caller's.
        assert got == name or (name == "conductor" and got == "rkt"), got
        found = Room(conn, name, fds)
        self.rooms.append(found)
        return found

    def hello(self):
        """A conductor that has said HELLO and was welcomed."""
        c = self.room("conductor")
        c.edge.send("HELLO", dir=self.data, local_config=self.conf)
        m = c.edge.recv(60)
        assert m is not None and m.name == "WELCOME", m
        for fd in m.fds:
            os.close(fd)
        return c

    def finish(self, timeout=90):
        """rkt's exit code, after every room was let go."""
        for r in self.rooms:
            try:
                r.end(0)
            except (OSError, ValueError):
                pass
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.out, self.err = out.decode(errors="replace"), err.decode(errors="replace")
        return self.process.returncode

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.listener.close()
        shutil.rmtree(self.dir)
        self.collect()

    def collect(self):
        """A pod that was started after all is taken away by the real rkt."""
        if not os.path.isdir(os.path.join(self.data, "pods", "run")):
            return
        subprocess.run([os.path.join(self.prefix, "bin", "rkt"), "--dir=" + self.data,
                        "gc", "--grace-period=0s", "--expire-prepared=0s"],
                       stdout=subprocess.DEVNULL, timeout=60)

    # --- judging from outside ---------------------------------------------

    def trace(self):
        return open(self.log).read()

    def became_stage1(self):
        return "stage1-nspawn" in self.trace()

    def images(self):
        top = os.path.join(self.data, "image")
        return [n for n in os.listdir(top) if n.startswith("sha512-")] \
            if os.path.isdir(top) else []

    def nothing_happened(self):
        """G4 from outside: no stage1, no image, no pod, no stray file, no
        mount, canary whole, and no path touched outside what is ours."""
        assert not self.became_stage1()
        assert self.images() == []
        left = [p for p in snapshot(self.data)
                if re.match(r"(image|ids|quarantine)/.|pods/(run|exited-garbage|"
                            r"prepared|prepare|embryo|garbage)/.", p)] \
            if os.path.isdir(self.data) else []
        assert left == [], left
        assert open(self.canary).read() == "untouched"
        assert mounts() == self.before_mounts
        self.no_foreign_path()
        self.no_process_left()

    def no_foreign_path(self):
        """Nothing was made, moved, linked, unlinked or owned by an absolute
        path but the data directory's own parents and cgroups."""
        for line in self.trace().splitlines():
            m = re.match(r"\d*\s*(mkdirat|renameat2|linkat|unlinkat|chown|chmod)\((.*)",
                         line)
            if not m:
                continue
            for path in re.findall(r'"(/[^"]*)"', m.group(2)):
                assert (self.data + "/").startswith(path + "/") or \
                    path.startswith(self.data) or \
                    path.startswith("/sys/fs/cgroup/"), line

    def no_process_left(self):
        needle = os.path.realpath(self.stub)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                exe = os.readlink("/proc/%s/exe" % pid)
            except OSError:
                continue
            assert exe != needle, "process %s is left" % pid


# --- things a hostile room may send -----------------------------------------

def fd_zoo(tmp):
    """{name: descriptor}: what may come instead of what should."""
    import select
    plain = os.path.join(tmp, "plain")
    with open(plain, "wb") as f:
        f.write(b"x" * 4096)
    unsealed = os.memfd_create("u", os.MFD_ALLOW_SEALING)
    os.write(unsealed, b"y" * 4096)
    r, w = os.pipe()
    a, b = socket.socketpair()
    zoo = {
        "pipe-read": r, "pipe-write": w,
        "socket": a.detach(), "socket2": b.detach(),
        "directory": os.open(tmp, os.O_RDONLY | os.O_DIRECTORY),
        "root": os.open("/", os.O_PATH),
        "proc": os.open("/proc/version", os.O_RDONLY),
        "sysfs": os.open("/sys/kernel/mm/transparent_hugepage/enabled"
                         if os.path.exists("/sys/kernel/mm/transparent_hugepage/enabled")
                         else "/sys/kernel/uevent_seqnum", os.O_RDONLY),
        "unsealed-memfd": unsealed,
        "null": os.open("/dev/null", os.O_RDWR),
        "writable-file": os.open(plain, os.O_RDWR),
        "epoll": select.epoll().fileno(),
        "tty": os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY),
    }
    return {k: os.dup(v) if k == "epoll" and v < 0 else v for k, v in zoo.items()
            if v >= 0}


def sealed(data):
    import fcntl
    fd = os.memfd_create("s", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, data)
    fcntl.fcntl(fd, 1033, 0xf)  # F_ADD_SEALS: all four
    return fd
