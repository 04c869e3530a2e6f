"""One rkt on one machine, for functional tests: what runs it, and what it
may not leave behind.

Needs root, and RKT_PREFIX: where `make install PREFIX=...` put rkt.  All of a
test session happens in a network, a mount namespace and a cgroup of its own
(Lab); each test gets a data and a configuration directory of its own (Host),
and when it ends Host.close() looks for what was left: mounts, processes,
cgroups, id claims, quarantined or half-made images.
"""
import contextlib
import dataclasses
import fcntl
import glob
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import termios
import time

import images
import keys
import webserver

PREFIX = pathlib.Path(os.environ.get("RKT_PREFIX", "/nowhere"))
RKT = PREFIX / "bin" / "rkt"
POLICY = PREFIX / "etc" / "rkt" / "policy"
REFUSED = 254
HERE = pathlib.Path(__file__).resolve().parent
# Seconds to wait for what must come.  They cost nothing where it comes, and a
# slow or busy machine has them.
PATIENCE = 60
NAMES = ["example.test", "other.test", "evil.test", "nowhere.test"]


def wait_until(what, timeout=PATIENCE):
    """Until what() is true, or what() of another kind that is; it."""
    end = time.monotonic() + timeout
    while not (got := what()):
        assert time.monotonic() < end, "never happened"
        time.sleep(0.02)
    return got


@dataclasses.dataclass
class Result:
    """What a command said."""
    args: tuple
    code: int
    out: str
    err: str
    seconds: float = 0

    def refused(self, *words):
        """Asserts a refusal: rkt's code, and one line with these words."""
        assert self.code == REFUSED, self.describe()
        said = [line for line in self.err.splitlines()
                if not line.startswith("image: ")]
        assert said, "refused without a word"
        text = "\n".join(said)
        for word in words:
            assert word in text, self.describe()
        assert "broke its protocol" not in text, self.describe()
        assert "died without" not in text, self.describe()
        return self

    def ok(self):
        """Asserts success."""
        assert self.code == 0, self.describe()
        return self

    def describe(self):
        """For a failed assertion."""
        return "%s: code %d\n--- stdout\n%s--- stderr\n%s" % (
            " ".join(self.args), self.code, self.out, self.err)


_PREFIX_OF_LINE = re.compile(r"^\[ *[0-9.]+\] [^ ]*?\[[0-9]+\]: ")


class Facts(list):
    """The "key=value" lines that the guest printed, in order."""

    def __init__(self, text):
        super().__init__()
        for line in text.replace("\r", "").split("\n"):
            line = _PREFIX_OF_LINE.sub("", line)
            key, eq, value = line.partition("=")
            if eq and re.fullmatch(r"[a-z_]+", key):
                self.append((key, value))

    def all(self, key):
        """Every value of key."""
        return [v for k, v in self if k == key]

    def one(self, key):
        """The value of key, which must be there once."""
        found = self.all(key)
        assert len(found) == 1, "%s: %r in %r" % (key, found, list(self)[:40])
        return found[0]

    def status(self, word):
        """A line of /proc/self/status."""
        for value in self.all("status"):
            name, _, rest = value.partition(":")
            if name == word:
                return rest.strip()
        raise AssertionError("no %s in the status of %r" % (word, self[:20]))

    def env(self):
        """The environment."""
        return dict(v.split("=", 1) for v in self.all("env"))

    def tries(self):
        """Act -> what came of it."""
        return dict(v.split(" ", 1) for v in self.all("try"))


class OwnCgroup:
    """A cgroup for the session in the hierarchies that count processes (v1's
    name=systemd, and v2 beside it), so that no process of a test can hide."""

    def __init__(self):
        self.paths = []
        own = pathlib.Path("/proc/self/cgroup").read_text()
        for mount, key in (("systemd", "name=systemd"), ("unified", "")):
            where = pathlib.Path("/sys/fs/cgroup") / mount
            found = re.search(r"^\d+:%s:/(.*)$" % key, own, re.M)
            if not found or not (where / "cgroup.procs").exists():
                continue
            home = where / found.group(1)
            path = home / ("rkt-functional-%d" % os.getpid())
            path.mkdir()
            (path / "cgroup.procs").write_text("0")
            self.paths.append((home, path))

    def below(self):
        """Cgroups that were made below it, the deepest first.  Pods come and
        go meanwhile: os.walk passes over what has gone, Path.glob raises."""
        return [pathlib.Path(at, name) for _, path in self.paths
                for at, names, _ in os.walk(path, topdown=False)
                for name in names]

    def everyone(self):
        """(pid, command line) of all others in it and below.  Who is about to
        be gone has none any more, and may have its files and locks still."""
        found = {}
        for path in [*(path for _, path in self.paths), *self.below()]:
            with contextlib.suppress(OSError):
                for pid in (path / "cgroup.procs").read_text().split():
                    found[int(pid)] = _command(int(pid))
        return [(p, c) for p, c in found.items()
                if p != os.getpid() and c is not None and "gpg-agent" not in c]

    def processes(self):
        """The same, of those that have a command line."""
        return [(p, c) for p, c in self.everyone() if c]

    def programs(self):
        """{pid: the program's path}, of those that have not gone meanwhile."""
        found = {}
        for pid, _ in self.processes():
            with contextlib.suppress(OSError):
                found[pid] = os.readlink("/proc/%d/exe" % pid)
        return found

    def wait_empty(self, timeout=PATIENCE):
        """Until all have gone; those that have not."""
        end = time.monotonic() + timeout
        while (left := self.everyone()) and time.monotonic() < end:
            time.sleep(0.02)
        return left

    def sweep(self):
        """Takes away what was left, so that the next test is not blamed."""
        for made in self.below():
            with contextlib.suppress(OSError):
                made.rmdir()

    def close(self):
        """Home again."""
        self.sweep()
        for home, path in self.paths:
            for _ in range(500):
                for pid in (path / "cgroup.procs").read_text().split():
                    with contextlib.suppress(OSError):
                        (home / "cgroup.procs").write_text(pid)
                try:
                    path.rmdir()
                    break
                except OSError:
                    time.sleep(0.02)


def _command(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None


class Lab:
    """What all tests of a session share: namespaces, an authority, keys, the
    guest program."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="rkt-lab-")
        self.path = pathlib.Path(self.directory.name)
        self.path.chmod(0o755)
        self.stack = contextlib.ExitStack()
        self.cgroup = OwnCgroup()
        self.stack.callback(self.cgroup.close)
        self.ring = self.stack.enter_context(keys.Keyring())
        self.stack.enter_context(
            webserver.PrivateNetwork({n: "127.0.0.1" for n in NAMES}))
        self.ca = webserver.make_ca(self.path / "ca")
        self.cert = webserver.make_cert(self.ca, NAMES[:3])
        self.publisher = self.ring.new("Publisher <p@example.test>")
        self.other = self.ring.new("Somebody Else <else@other.test>")
        self.guest = self.compile(HERE.parent / "functional" / "guest.c")
        self._made = {}

    def compile(self, source):
        """A static program's bytes, of that file and those called after it."""
        to = self.path / source.stem
        subprocess.run(["gcc", "-static", "-O1", "-Wall", "-Wextra", "-o", to, source,
                        *sorted(source.parent.glob(source.stem + "_*.c"))], check=True)
        return to.read_bytes()

    def guest_image(self, files=(), **facts):
        """An image of the guest program; facts as in images.manifest."""
        facts.setdefault("section", images.app("/bin/guest"))
        facts.setdefault("name", "example.test/guest")
        return images.aci([images.directory("rootfs/bin"),
                           images.program("rootfs/bin/guest", self.guest),
                           images.directory("rootfs/tmp", mode=0o1777),
                           *files], **facts)

    def signed(self, image, key=None):
        """image and its signature; made once."""
        key = key or self.publisher
        mark = (hash(image), key.fingerprint)
        if mark not in self._made:
            self._made[mark] = key.sign(image)
        return image, self._made[mark]

    def close(self):
        """Everything away."""
        self.stack.close()
        self.directory.cleanup()


class Host:
    """A data directory, a configuration, and rkt."""

    def __init__(self, lab, path, space=None):
        self.lab, self.path = lab, pathlib.Path(path)
        self.data, self.conf = self.path / "data", self.path / "conf"
        self.uuids, self.children = set(), []
        self.stack = contextlib.ExitStack()
        (self.conf / "ca.d").mkdir(parents=True)
        shutil.copy(lab.ca.pem, self.conf / "ca.d" / "lab.pem")
        if space:
            self.data.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + space,
                            "tmpfs", self.data], check=True)
            self.stack.callback(subprocess.run,
                                ["umount", self.data], check=True)
        self.mounts = _mounts()

    # --- commands -----------------------------------------------------------

    def argv(self, *args):
        """A command line with this host's directories."""
        return [str(RKT), "--dir=%s" % self.data,
                "--local-config=%s" % self.conf, *map(str, args)]

    def rkt(self, *args, timeout=2 * PATIENCE, **more):
        """Runs rkt; the Result."""
        return self.bare(*self.argv(*args), timeout=timeout, **more)

    def bare(self, *argv, timeout=2 * PATIENCE, env=None, stdin=subprocess.DEVNULL,
             **more):
        """Runs a command as it stands."""
        began = time.monotonic()
        done = subprocess.run(argv, capture_output=True, timeout=timeout,
                              env=env, stdin=stdin, check=False, cwd="/",
                              **more)
        self.note_pods()
        return Result(tuple(argv[1:]), done.returncode,
                      done.stdout.decode(errors="replace"),
                      done.stderr.decode(errors="replace"),
                      time.monotonic() - began)

    def start(self, *args, **more):
        """Starts rkt in the background, its output in files."""
        out = open(self.path / ("out%d" % len(self.children)), "w+b")
        child = subprocess.Popen(self.argv(*args), stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=subprocess.STDOUT,
                                 cwd="/", **more)
        child.log = out
        self.children.append(child)
        return child

    def said(self, child):
        """What a started rkt has printed."""
        return pathlib.Path(child.log.name).read_text(errors="replace")

    def wait_for(self, child, text, timeout=PATIENCE):
        """Until a started rkt has printed text."""
        end = time.monotonic() + timeout
        while text not in self.said(child):
            if child.poll() is not None:
                # It may have said it, and ended, since.
                assert text in self.said(child), \
                    "ended early: " + self.said(child)
                break
            assert time.monotonic() < end, "no %r in %s" % (
                text, self.said(child))
            time.sleep(0.02)
        self.note_pods()

    def talk(self, args, turns, timeout=PATIENCE):
        """Runs rkt with a terminal.  turns: (text to wait for, answer).
        (code, transcript)."""
        master, slave = pty.openpty()
        child = subprocess.Popen(
            self.argv(*args), stdin=slave, stdout=slave, stderr=slave,
            cwd="/", start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        text, at, end = "", 0, time.monotonic() + timeout
        turns = list(turns)
        try:
            while time.monotonic() < end:
                if turns and turns[0][0] in text[at:]:
                    at = text.index(turns[0][0], at) + len(turns[0][0])
                    os.write(master, turns.pop(0)[1].encode())
                ready, _, _ = select.select([master], [], [], 0.1)
                if not ready:
                    # It may have said it, and ended, since.
                    if child.poll() is None or select.select([master], [], [], 0)[0]:
                        continue
                    break
                try:
                    new = os.read(master, 65536)
                except OSError:
                    break
                text += new.decode(errors="replace").replace("\r", "")
            code = child.wait(PATIENCE)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
            os.close(master)
        self.note_pods()
        assert not turns, "never asked %r: %s" % (turns, text)
        return code, text

    # --- images, keys, servers ----------------------------------------------

    def trust(self, key=None, prefix="example.test", empty=False):
        """Writes a key (or a mask) where rkt trust would."""
        key = key or self.lab.publisher
        below = "prefix.d/" + prefix if prefix else "root.d"
        file = self.conf / "trustedkeys" / below / key.fingerprint
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"" if empty else key.public)
        return file

    def write(self, image, signature=None, name="image.aci"):
        """An image file, and its signature beside it."""
        path = self.path / name
        path.write_bytes(image)
        if signature is not None:
            path.with_name(name + ".asc").write_bytes(signature)
        return path

    def write_signed(self, image, key=None, name="image.aci"):
        """The same, signed."""
        return self.write(*self.lab.signed(image, key), name=name)

    def fetch(self, image, key=None, name="image.aci", **more):
        """Writes, signs and fetches an image by path."""
        return self.rkt("fetch", "--full", self.write_signed(image, key, name),
                        **more)

    def store(self, image=None, **facts):
        """A trusted image in the store, the guest's by default; its id."""
        self.trust()
        image = self.lab.guest_image(**facts) if image is None else image
        return self.fetch(image).ok().out.strip()

    def serve(self, content, **more):
        """A web server at https://example.test (and other.test, ...)."""
        more.setdefault("tls", self.lab.cert)
        more.setdefault("port", 443)
        return self.stack.enter_context(webserver.serve(content, **more))

    def publish(self, image, signature, name="example.test/app",
                version="1.0", ext="aci", keys_at=None, **more):
        """Serves an image by discovery; the server."""
        host, _, path = name.partition("/")
        page = webserver.discovery_page(
            "%s https://%s/f/{name}-{version}-{os}-{arch}.{ext}" % (name, host),
            keys=[keys_at] if keys_at else [])
        file = "/f/%s-%s-linux-amd64." % (name, version)
        content = {"/" + path: page, file + ext: image}
        if signature is not None:
            content[file + ext + ".asc"] = signature
        content.update(more.pop("content", {}))
        return self.serve(content, **more)

    def policy(self, text):
        """Site policy, for the rest of the test."""
        POLICY.parent.mkdir(parents=True, exist_ok=True)
        POLICY.write_text(text)
        POLICY.chmod(0o644)
        self.stack.callback(lambda: POLICY.unlink(missing_ok=True))

    # --- pods ---------------------------------------------------------------

    def run(self, image, *acts, pod=(), app=(), **more):
        """rkt run; what the guest printed is in result.facts."""
        words = ["run", *pod, image, *app]
        if acts:
            words += ["--", *acts]
        r = self.rkt(*words, **more)
        r.facts = Facts(r.out)
        return r

    def pods(self):
        """(state directory, uuid) of each pod on disk."""
        return [(p.parent.name, p.name)
                for p in sorted(self.data.glob("pods/*/*"))]

    def note_pods(self):
        """Remembers the pods that there are, for the leak check."""
        self.uuids.update(uuid for _, uuid in self.pods())

    def images(self):
        """Names in the store."""
        return sorted(p.name for p in self.data.glob("image/sha512-*"))

    def nothing_stored(self):
        """Asserts that a refusal left nothing."""
        for place in ("image", "quarantine"):
            if (self.data / place).exists():
                assert os.listdir(self.data / place) == []

    def swept(self):
        """Asserts that no process is left, or soon will not be."""
        left = self.lab.cgroup.wait_empty()
        assert not left, left

    # --- the end ------------------------------------------------------------

    def end_children(self):
        for child in self.children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
            child.log.close()

    def left(self):
        """What is left of the test that should not be: a list of words."""
        self.note_pods()
        if self.pods():
            self.rkt("gc", "--grace-period=0s")
        found = ["pod %s/%s" % p for p in self.pods()]
        for place in ("ids/*", "quarantine/*", "image/*"):
            found += [str(p) for p in self.data.glob(place)
                      if not p.name.startswith("sha512-")]
        found += ["mount %s" % m for m in _mounts() - self.mounts]
        for uuid in self.uuids:
            found += glob.glob("/sys/fs/cgroup/**/rkt-%s" % uuid,
                               recursive=True)
        found += map(str, self.lab.cgroup.below())
        self.lab.cgroup.sweep()
        return found

    def close(self):
        """Ends what runs, asserts that nothing is left."""
        self.end_children()
        alive = self.lab.cgroup.wait_empty(PATIENCE / 2)
        for pid, _ in alive:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        found = ["process %d %s" % p for p in alive] + self.left()
        self.stack.close()
        shutil.rmtree(self.path, ignore_errors=True)
        assert not found, "left behind: " + ", ".join(found)


def _mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return {line.split()[4] for line in f}
