"""A launcher for tests of the conductor: one end of the control edge.

`Launcher(data, handlers)` answers as a table says; `run(*argv)` starts the
conductor as an unprivileged user with the edge on descriptor 3 and returns
what it did.  A handler gets (launcher, message) and returns (type, fields) or
(type, fields, fds).
"""
import contextlib
import os
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "lib"))
import rktmsg  # noqa: E402

CONDUCTOR = os.path.join(os.environ.get(
    "RKT_BUILD", os.path.join(HERE, "..", "..", "..", "build")), "conductor")
NOBODY = 65534
TEXT = 4
CAPS_DEFAULT = 0xA80425FB


class Result:
    def __init__(self, code, out, err, asked, launcher):
        self.code, self.out, self.err = code, out, err
        self.asked, self.launcher = asked, launcher

    def types(self):
        return [m.name for m in self.asked]

    def one(self, name):
        found = [m.fields for m in self.asked if m.name == name]
        assert len(found) == 1, self.types()
        return found[0]


class Launcher:
    def __init__(self, data, handlers=None, system=None, local=None, user=None,
                 **welcome):
        self.data, self.system, self.local = str(data), system, local
        self.user = user
        self.welcome = dict(insecure_allowed=255, max_image=1 << 30,
                            caps_image=CAPS_DEFAULT,
                            caps_operator=(1 << 41) - 1, seccomp_wide=1)
        self.welcome.update(welcome)
        self.handlers = {"HELLO": Launcher.hello, "GET_FILE": get_text}
        self.handlers.update(handlers or {})
        self.asked, self.error, self.slots, self.plan = [], None, 0, None

    def hello(self, message):
        fds = [os.open(d, os.O_RDONLY) if d else os.open("/dev/null", os.O_RDONLY)
               for d in (self.data, self.system, self.local, self.user)]
        return "WELCOME", self.welcome, fds

    def new_slots(self, n):
        self.slots += n
        return self.slots - n

    def serve(self, sock):
        edge = rktmsg.Edge(sock, "C")
        try:
            while True:
                message = edge.recv()
                if message is None:
                    return
                self.asked.append(message)
                answer = self.handlers[message.name](self, message)
                fds = answer[2] if len(answer) > 2 else []
                edge.send(answer[0], fds=fds, **answer[1])
                for fd in list(fds) + list(message.fds):
                    os.close(fd)
        except Exception as e:  # shown by run()
            self.error = e
        finally:
            sock.close()

    def run(self, *argv, env=None, stdin=None, tty=False, feed=None):
        """tty: stdin and stderr are a terminal, whose text comes as err.
        feed: a descriptor that stdin shall be."""
        ours, theirs = rktmsg.pair()
        terminal, slave = os.openpty() if tty else (None, None)

        def on_three():
            os.dup2(theirs.fileno(), 3)

        child = subprocess.Popen(
            ["rkt", *argv], executable=CONDUCTOR, preexec_fn=on_three,
            close_fds=False, user=NOBODY, group=NOBODY, extra_groups=[],
            stdin=slave if tty else feed or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=slave if tty else subprocess.PIPE, text=True,
            env={"PATH": "/usr/bin:/bin", **(env or {})})
        theirs.close()
        thread = threading.Thread(target=self.serve, args=(ours,))
        thread.start()
        if tty and stdin:
            os.write(terminal, stdin.encode())
        out, err = child.communicate(timeout=120)
        thread.join()
        if tty:
            os.close(slave)  # now there is an end to what was written: EIO
            err = b"".join(read_all(terminal)).decode().replace("\r\n", "\n")
            os.close(terminal)
        assert self.error is None, (self.error, err)
        return Result(child.returncode, out, err, self.asked, self)


def read_all(terminal):
    """What is in a terminal that no one writes to any more."""
    with contextlib.suppress(OSError):
        while got := os.read(terminal, 1 << 16):
            yield got


def get_text(launcher, message):
    """GET_FILE of a file that the conductor may read: as root reads it."""
    assert message.fields["kind"] == TEXT, "a file for a worker"
    try:
        fd = os.open(message.fields["path"], os.O_RDONLY)
    except OSError as e:
        return "REFUSED", {"code": 5, "text": "cannot open \"%s\": %s" % (
            message.fields["path"], e.strerror)}
    return "SLOT", {"slot": 0xffff, "size": os.fstat(fd).st_size}, [fd]


def refuse(code, text):
    return lambda launcher, message: ("REFUSED", {"code": code, "text": text})


def alone(*argv, env=None):
    """The conductor without a launcher."""
    r = subprocess.run(["rkt", *argv], executable=CONDUCTOR, user=NOBODY,
                       group=NOBODY, extra_groups=[], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, env={"PATH": "/usr/bin:/bin", **(env or {})})
    return Result(r.returncode, r.stdout, r.stderr, [], None)
