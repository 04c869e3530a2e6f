"""Runs the real verify worker as the launcher would, and speaks to it.

As root: own user, mount, network, IPC and PID namespaces, a small tmpfs on
/tmp, no capabilities, no_new_privs.  Nothing outlives the worker: it is pid 1.
"""
import ctypes
import os
import resource
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import rktmsg  # noqa: E402

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = (
    0x20000, 0x08000000, 0x20000000, 0x40000000)
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG = 24, 38, 1
UID = 61234
libc = ctypes.CDLL(None, use_errno=True)


def _must(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def binary(name="verify"):
    out = os.environ.get("RKT_BUILD") or os.path.join(TOP, "build")
    return os.path.join(out, name)


def _become_worker(program, theirs, argv, uid):
    _must(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "private")
    _must(libc.mount(b"tmpfs", b"/tmp", b"tmpfs",
                     MS_NOSUID | MS_NODEV | MS_NOEXEC,
                     b"mode=0700,size=16m,uid=%d,gid=%d" % (uid, uid)), "tmpfs")
    os.dup2(theirs, 3)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.chdir("/")
    for cap in range(41):
        libc.prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    _must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.set_inheritable(3, True)
    os.execve(program, argv, {})


class Worker:
    """One worker process and our end of its edge."""

    def __init__(self, name="verify", peer="V", uid=UID, wrap=()):
        program = os.open(binary(name), os.O_RDONLY | os.O_CLOEXEC)
        ours, theirs = rktmsg.pair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            self._outer(program, theirs, [name], uid, wrap)
        theirs.close()
        os.close(program)
        self.edge = rktmsg.Edge(ours, peer)
        self.status = None

    @staticmethod
    def _outer(program, theirs, argv, uid, wrap):
        try:
            _must(libc.unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID |
                               CLONE_NEWNET), "unshare")
            keep = os.dup(theirs.fileno()) if theirs.fileno() != 3 else 3
            inner = os.fork()
            if inner == 0:
                libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
                high = os.dup2(program, 200)
                if wrap:
                    argv = list(wrap) + ["/proc/self/fd/200"]
                    os.set_inheritable(200, True)
                    high = wrap[0]
                _become_worker(high, keep, argv, uid)
            os.close(keep)
            theirs.close()
            _, status = os.waitpid(inner, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        except BaseException as e:  # noqa: B902 - a child must not return
            os.write(2, ("worker: %r\n" % (e,)).encode())
        os._exit(99)

    def ask(self, request, /, fds=(), timeout=120, **values):
        self.edge.send(request, fds=fds, **values)
        try:
            return self.edge.recv(timeout)
        except rktmsg.Bad as e:
            raise AssertionError("worker said: %s" % e)

    def finish(self):
        """The exit code; negative (as a byte) for a signal."""
        if self.status is None:
            self.edge.close()
            self.status = os.waitstatus_to_exitcode(
                os.waitpid(self.pid, 0)[1])
        return self.status


def _open(path):
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def check(image, signature, name, now, system=None, local=None, **options):
    """(reply or None, exit code)."""
    fds = [_open(p or "/dev/null") for p in (image, signature, system, local)]
    w = Worker(**options)
    try:
        reply = w.ask("CHECK", fds=fds, name=name, now=now)
        return reply, w.finish()
    finally:
        for fd in fds:
            os.close(fd)
        w.finish()


def review(path, **options):
    fd = _open(path)
    w = Worker(**options)
    try:
        reply = w.ask("REVIEW", fds=[fd])
        return reply, w.finish()
    finally:
        os.close(fd)
        w.finish()


def export(path, fingerprint, **options):
    fd = _open(path)
    w = Worker(**options)
    try:
        reply = w.ask("EXPORT", fds=[fd], fingerprint=fingerprint)
        return reply, w.finish()
    finally:
        os.close(fd)
        w.finish()
