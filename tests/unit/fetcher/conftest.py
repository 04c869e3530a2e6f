"""Running the real fetcher as production does: own user, no capabilities,
no_new_privs, empty environment, edge on descriptor 3, slots from 4."""

import ctypes
import fcntl
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "lib"))

import rktmsg  # noqa: E402
import webserver  # noqa: E402

BINARY = pathlib.Path(os.environ.get("RKT_BUILD", ROOT / "build")) / "fetcher"
USER = 64931            # of no one
HOSTS = {"example.test": "127.0.0.1", "other.test": "127.0.0.1",
         "linklocal.test": "169.254.169.254", "six.test": "::1",
         "two.test": "127.0.0.1 ::1",
         "public.test": "203.0.113.5", "elsewhere.test": "203.0.113.6",
         "private.test": "10.11.12.13", "cgnat.test": "100.64.1.1",
         "both.test": "203.0.113.5 10.11.12.13"}


def sealed(data):
    fd = os.memfd_create("ca", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW |
                fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    return fd


class Slot:
    """A file that the fetcher can only write."""

    def __init__(self, directory=None):
        self.file = tempfile.TemporaryFile(dir=directory)
        self.theirs = os.open("/proc/self/fd/%d" % self.file.fileno(),
                              os.O_WRONLY | os.O_CLOEXEC)

    def bytes(self):
        return os.pread(self.file.fileno(), 1 << 26, 0)

    def close(self):
        if self.theirs >= 0:
            os.close(self.theirs)
        self.theirs = -1
        self.file.close()


class Fetcher:
    def __init__(self, slots=2, slot_dir=None, file_limit=None, wrapper=()):
        self.slots = [Slot(slot_dir) for _ in range(slots)]
        ours, theirs = rktmsg.pair()
        self.edge = rktmsg.Edge(ours, "F")
        self.directory = tempfile.TemporaryDirectory()
        os.chmod(self.directory.name, 0o755)
        self.stderr = tempfile.TemporaryFile()
        self.progress = []

        fds = [theirs.fileno()] + [s.theirs for s in self.slots]
        libc = ctypes.CDLL(None, use_errno=True)

        def enter():
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 200) for fd in fds]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i, inheritable=True)
                os.close(fd)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if file_limit:
                resource.setrlimit(resource.RLIMIT_FSIZE,
                                   (file_limit, file_limit))
            os.setgroups([])
            os.setresgid(USER, USER, USER)
            os.setresuid(USER, USER, USER)
            if libc.prctl(38, 1, 0, 0, 0) != 0:     # PR_SET_NO_NEW_PRIVS
                os._exit(99)

        self.process = subprocess.Popen(
            [*wrapper, str(BINARY)], preexec_fn=enter, env={},
            cwd=self.directory.name, stdin=subprocess.DEVNULL,
            stdout=self.stderr, stderr=self.stderr,
            pass_fds=range(3, 3 + len(fds)))
        theirs.close()

    def configure(self, insecure=0, ca=b"", max_image=1 << 30, proxy="",
                  no_proxy="", private=0):
        fd = sealed(ca)
        self.edge.send("CONFIGURE", fds=[fd], insecure=insecure,
                       max_image=max_image, proxy=proxy, no_proxy=no_proxy,
                       discovery_private=private)
        os.close(fd)
        return self

    def answer(self, timeout=60):
        """The next message that is not PROGRESS."""
        while True:
            m = self.edge.recv(timeout)
            if m is None:
                raise EOFError("fetcher ended with %s: %s" % (
                    self.process.wait(10), self.log()))
            if m.name != "PROGRESS":
                return m
            self.progress.append((m.fields["got"], m.fields["total"]))

    def get(self, url, slot=0, max_size=1 << 24, etag="", authorization=""):
        self.edge.send("GET", slot=slot, url=url, max_size=max_size, etag=etag,
                       authorization=authorization)
        return self.answer()

    def discover(self, name, labels=("arch=amd64", "os=linux"), keys=False):
        self.edge.send("DISCOVER", name=name, labels=list(labels),
                       want=2 if keys else 1)
        return self.answer()

    def log(self):
        self.stderr.seek(0)
        return self.stderr.read().decode()

    def bye(self):
        self.edge.send("BYE")
        return self.process.wait(10)

    def close(self):
        if self.stderr.closed:
            return
        self.edge.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for s in self.slots:
            s.close()
        self.stderr.close()
        self.directory.cleanup()


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """(authority, good certificate)"""
    ca = webserver.make_ca(tmp_path_factory.mktemp("pki"))
    return ca, webserver.make_cert(ca, ["example.test", "other.test",
                                        "six.test", "two.test", "dns.test",
                                        "large.test", "::1", "public.test",
                                        "elsewhere.test", "private.test",
                                        "cgnat.test", "both.test",
                                        "10.11.12.13", "127.0.0.1"])


@pytest.fixture(scope="module")
def network():
    if os.geteuid() != 0:
        pytest.skip("needs root for a network namespace of its own")
    with webserver.PrivateNetwork(HOSTS):
        yield


@pytest.fixture
def serve(network, pki):
    """serve(content, port=443, tls=True or a certificate, ...)"""
    servers = []

    def start(content, port=443, tls=True, **more):
        cert = pki[1] if tls is True else tls
        servers.append(webserver.serve(content, port=port, tls=cert or None,
                                       **more))
        return servers[-1]
    yield start
    for s in servers:
        s.close()


@pytest.fixture
def fetcher(network, pki):
    """fetcher(insecure=..., ...): configured, with the test's authority.
    Arguments of Fetcher in born."""
    running = []

    def start(born=None, **settings):
        settings.setdefault("ca", pki[0].pem.read_bytes())
        f = Fetcher(**(born or {}))
        running.append(f)
        return f.configure(**settings)
    yield start
    for f in running:
        f.close()


@pytest.fixture
def raw_fetcher(network):
    """As born: CONFIGURE not sent."""
    running = []

    def start(**born):
        running.append(Fetcher(**born))
        return running[-1]
    yield start
    for f in running:
        f.close()
