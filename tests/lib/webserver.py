"""A web server that misbehaves on request, for tests.

Standard library and the openssl command only; loopback only.

    ca = make_ca(tmp)                                   # Authority
    cert = make_cert(ca, ["example.test"])              # Certificate
    with PrivateNetwork({"example.test": "127.0.0.1"}):
        with serve({"/app.aci": b"bytes",
                    "/gone": Reply(status=404),
                    "/short": short_body(b"1234", 100)},
                   port=443, tls=cert) as server:
            ...                                         # run what is tested
            assert server.requests[0].headers["User-Agent"].startswith("rkt/")

What a server serves is a directory, or a dict from path (without query) to
bytes, a Reply, or a function from Request to one of these.  A Reply says how
to misbehave; the functions below it build the common ones.
"""

import contextlib
import ctypes
import dataclasses
import fcntl
import os
import pathlib
import select
import socket
import socketserver
import ssl
import struct
import subprocess
import tempfile
import threading

# --- certificates ----------------------------------------------------------


def _openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


_EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


@dataclasses.dataclass
class Authority:
    """A certificate authority; pem is what a client must trust."""
    directory: pathlib.Path
    pem: pathlib.Path
    key: pathlib.Path
    issued: int = 0


@dataclasses.dataclass
class Certificate:
    """A server's certificate and key, PEM files."""
    pem: pathlib.Path
    key: pathlib.Path


def make_ca(directory, name="Test Authority"):
    """A new authority, its files in directory."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    ca = Authority(directory, directory / "ca.pem", directory / "ca.key")
    _openssl("req", "-x509", *_EC, "-keyout", ca.key, "-out", ca.pem,
             "-subj", "/CN=" + name, "-days", "30")
    return ca


def make_cert(ca, hosts, expired=False, self_signed=False):
    """A certificate for hosts (names or addresses)."""
    ca.issued += 1
    stem = ca.directory / ("cert%d" % ca.issued)
    cert = Certificate(stem.with_suffix(".pem"), stem.with_suffix(".key"))
    names = ",".join(("IP:" if _is_address(h) else "DNS:") + h for h in hosts)
    days = "-1" if expired else "30"
    ext = stem.with_suffix(".ext")
    csr = stem.with_suffix(".csr")
    ext.write_text("subjectAltName=%s\n" % names)
    _openssl("req", *_EC, "-keyout", cert.key, "-out", csr, "-subj",
             "/CN=" + hosts[0])
    signer = (["-signkey", cert.key] if self_signed else
              ["-CA", ca.pem, "-CAkey", ca.key, "-CAcreateserial"])
    _openssl("x509", "-req", "-in", csr, *signer, "-days", days, "-extfile",
             ext, "-out", cert.pem)
    return cert


def _is_address(host):
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
            return True
        except OSError:
            pass
    return False


# --- answers ---------------------------------------------------------------


@dataclasses.dataclass
class Reply:
    """One answer.  The defaults are an honest 200."""
    body: bytes = b""
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    etag: str = None            # answers If-None-Match by 304
    ranges: bool = False        # honours Range; else it is ignored
    # Misbehaviour:
    length: object = "honest"   # Content-Length to claim; None: none at all
    chunked: bool = False
    endless: bool = False       # repeat body until the client hangs up
    delay: float = 0            # seconds before the status line
    trickle: float = 0          # seconds between bytes of the body
    header_flood: int = 0       # bytes of junk header lines
    cut: bool = False           # end without TLS close_notify


def redirect(to, status=302, headers=(), **more):
    """An answer that points elsewhere."""
    return Reply(status=status, headers={"Location": to, **dict(headers)},
                 **more)


def redirect_loop(path="/loop"):
    """Serve this under path and path + '/...': always one redirect more."""
    def handler(request):
        return redirect("%s?n=%d" % (path, len(request.server.requests)))
    return handler


def short_body(body, claimed):
    """Says claimed bytes, sends body and hangs up."""
    return Reply(body, length=claimed)


def long_body(body, claimed):
    """Says claimed bytes, sends more."""
    return Reply(body, length=claimed)


def endless_body(block=b"x" * 65536, chunked=True):
    """Never ends, never says how long."""
    return Reply(block, endless=True, chunked=chunked, length=None)


def truncated(body):
    """No length; the connection is cut where TLS would say goodbye."""
    return Reply(body, length=None, cut=True)


def sequence(*replies):
    """The first request gets the first reply, ...; the last one repeats."""
    left = list(replies)

    def handler(_request):
        return left.pop(0) if len(left) > 1 else left[0]
    return handler


def discovery_page(*tags, keys=(), before="", after=""):
    """HTML with ac-discovery tags "PREFIX TEMPLATE", and pubkeys tags."""
    meta = ['<meta name="ac-discovery" content="%s">' % t for t in tags]
    meta += ['<meta name="ac-discovery-pubkeys" content="%s">' % k
             for k in keys]
    return ("<!DOCTYPE html><html><head><title>x</title>%s%s%s</head>"
            "<body>hello</body></html>"
            % (before, "".join(meta), after)).encode()


# --- server ----------------------------------------------------------------


@dataclasses.dataclass
class Request:
    """What a client asked; header names as sent, looked up without case."""
    server: object
    method: str
    target: str                 # path and query
    headers: "Headers"

    @property
    def path(self):
        return self.target.split("?")[0]


class Headers(dict):
    """Header lines; look-ups do not mind case."""

    def get(self, name, default=None):
        for key, value in self.items():
            if key.lower() == name.lower():
                return value
        return default

    def __getitem__(self, name):
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name):
        return self.get(name) is not None


class _Handler(socketserver.BaseRequestHandler):
    def handle(self):
        owner = self.server.owner
        self.request.settimeout(120)
        with owner.lock:
            owner.connections += 1
            owner.open.add(self.request)
        conn = self.request
        try:
            if owner.context:
                conn = owner.context.wrap_socket(self.request,
                                                 server_side=True,
                                                 suppress_ragged_eofs=True)
                with owner.lock:
                    owner.open.add(conn)
            with conn.makefile("rb") as lines:
                while self.one(owner, conn, lines):
                    pass
            if owner.context:
                conn.unwrap()
        except OSError:
            pass
        finally:
            with owner.lock:
                owner.open.discard(conn)
                owner.open.discard(self.request)
            conn.close()

    def one(self, owner, conn, lines):
        words = lines.readline(65536).decode("latin-1").split()
        if len(words) != 3:
            return False
        headers = Headers()
        for line in iter(lambda: lines.readline(65536), b"\r\n"):
            if not line:
                return False
            name, _, value = line.decode("latin-1").partition(":")
            headers[name] = value.strip()
        request = Request(owner, words[0], words[1], headers)
        with owner.lock:
            owner.requests.append(request)
        return self.answer(conn, request, owner.reply(request))

    def answer(self, conn, request, reply):
        body, status, headers = reply.body, reply.status, dict(reply.headers)
        if reply.etag:
            headers["ETag"] = reply.etag
            if request.headers.get("If-None-Match") == reply.etag:
                body, status = b"", 304
        wanted = request.headers.get("Range", "")
        if reply.ranges and wanted.startswith("bytes="):
            start = int(wanted[6:].split("-")[0])
            headers["Content-Range"] = "bytes %d-%d/%d" % (
                start, len(body) - 1, len(body))
            body, status = body[start:], 206
        length = len(body) if reply.length == "honest" else reply.length
        if reply.chunked:
            headers["Transfer-Encoding"] = "chunked"
            body = b"%x\r\n%s\r\n" % (len(body), body)
            body += b"" if reply.endless else b"0\r\n\r\n"
        elif length is not None and status != 304:
            headers["Content-Length"] = str(length)
        else:
            headers.setdefault("Connection", "close")
        request.server.closing.wait(reply.delay)
        head = "HTTP/1.1 %d Test\r\n" % status
        head += "".join("%s: %s\r\n" % item for item in headers.items())
        conn.sendall(head.encode("latin-1"))
        for i in range(reply.header_flood // 1000):
            conn.sendall(b"X-Flood-%d: %s\r\n" % (i, b"x" * 980))
        conn.sendall(b"\r\n")
        if request.method == "HEAD":
            return True
        self.send_body(conn, body, request, reply)
        if reply.cut:
            # Past the TLS layer: a FIN, and no close_notify.
            with socket.socket(fileno=os.dup(conn.fileno())) as raw:
                raw.shutdown(socket.SHUT_RDWR)
            raise ConnectionError
        return reply.chunked or length == len(body) or status == 304

    @staticmethod
    def send_body(conn, body, request, reply):
        if reply.trickle:
            for i in range(len(body)):
                conn.sendall(body[i:i + 1])
                request.server.closing.wait(reply.trickle)
            return
        conn.sendall(body)
        while reply.endless:
            conn.sendall(body)


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False      # all are joined at the end
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


class Server:
    """A running server.  requests: what it was asked, in order;
    connections: how often it was connected to."""

    def __init__(self, content, host="127.0.0.1", port=0, tls=None):
        self.content = content
        self.requests, self.connections = [], 0
        self.open, self.lock = set(), threading.Lock()
        self.closing = threading.Event()
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(tls.pem, tls.key)
        self.tcp = _Tcp((host, port), _Handler)
        self.tcp.owner = self
        self.host, self.port = self.tcp.server_address[:2]
        self.thread = threading.Thread(
            target=self.tcp.serve_forever, args=(0.02,))
        self.thread.start()

    @property
    def url(self):
        """scheme://host:port, by address."""
        return "%s://%s:%d" % ("https" if self.context else "http", self.host,
                               self.port)

    def reply(self, request):
        """The Reply to a request."""
        content = self.content
        if isinstance(content, dict):
            found = content.get(request.path)
        else:
            root = pathlib.Path(content).resolve()
            file = (root / request.path.lstrip("/")).resolve()
            found = (file.read_bytes()
                     if file.is_file() and root in file.parents else None)
        if callable(found):
            found = found(request)
        if found is None:
            return Reply(b"not here\n", status=404)
        return found if isinstance(found, Reply) else Reply(found)

    def close(self):
        """Stop, hang up on everyone, forget nothing."""
        self.closing.set()
        self.tcp.shutdown()
        with self.lock:
            for conn in self.open:
                with contextlib.suppress(OSError):
                    conn.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.tcp.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()


def serve(content, host="127.0.0.1", port=0, tls=None):
    """Start a Server; use it with "with", or close() it."""
    return Server(content, host, port, tls)


# --- names -----------------------------------------------------------------

_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _bind_mount(source, target):
    _check(_libc.mount(os.fsencode(str(source)), os.fsencode(target), None,
                       _MS_BIND, None))


def loopback_up():
    """Bring lo up in the network namespace that we are in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        ifreq = struct.pack("16sH14x", b"lo", 1)     # IFF_UP
        fcntl.ioctl(s, 0x8914, ifreq)                # SIOCSIFFLAGS


def add_address(number, address):
    """Give lo an IPv4 address more, as its alias of that number."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        ifreq = struct.pack("16sHH4s8x", b"lo:%d" % number, socket.AF_INET, 0,
                            socket.inet_aton(address))
        fcntl.ioctl(s, 0x8916, ifreq)                # SIOCSIFADDR


class PrivateNetwork:
    """A network and a mount namespace of the calling thread's own, where
    /etc/hosts says what hosts says ({name: "address ..."}) and all addresses
    in it that are not loopback or link-local are this machine's; needs root.  Enter it in the main thread
    before servers are started, leave it after they are closed.  Children
    started inside are inside, too.

    resolv_conf: text for /etc/resolv.conf (see DnsServer)."""

    def __init__(self, hosts, resolv_conf="nameserver 127.0.0.1\n"):
        self.hosts, self.resolv_conf = hosts, resolv_conf

    def __enter__(self):
        self.saved = [os.open("/proc/thread-self/ns/" + kind, os.O_RDONLY)
                      for kind in ("net", "mnt")]
        self.directory = tempfile.TemporaryDirectory()
        base = pathlib.Path(self.directory.name)
        base.chmod(0o755)
        lines = ["127.0.0.1 localhost"]
        lines += ["%s %s" % (a, n) for n, all_of in self.hosts.items()
                  for a in all_of.split()]
        (base / "hosts").write_text("\n".join(lines) + "\n")
        (base / "resolv.conf").write_text(self.resolv_conf)
        _check(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET))
        _check(_libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None))
        _bind_mount(base / "hosts", "/etc/hosts")
        _bind_mount(base / "resolv.conf", "/etc/resolv.conf")
        loopback_up()
        all_of = {a for v in self.hosts.values() for a in v.split()}
        for i, address in enumerate(sorted(all_of)):
            if not address.startswith(("127.", "169.254.")) and "." in address:
                add_address(i, address)
        return self

    def __exit__(self, *_exc):
        cwd = os.getcwd()
        for fd, kind in zip(self.saved, (_CLONE_NEWNET, _CLONE_NEWNS)):
            _check(_libc.setns(fd, kind))
            os.close(fd)
        os.chdir(cwd)
        self.directory.cleanup()


class DnsServer:
    """Answers A questions for names on 127.0.0.1:53; anything else does not
    exist.  Names in large are answered over TCP only.  questions: the names
    that were asked for."""

    def __init__(self, names, large=(), host="127.0.0.1", port=53):
        self.names, self.large, self.questions = names, large, []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((host, port))
        self.tcp = socket.create_server((host, port))
        self.stop = os.eventfd(0)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while True:
            ready, _, _ = select.select([self.udp, self.tcp, self.stop],
                                        [], [])
            if self.stop in ready:
                return
            if self.tcp in ready:
                with contextlib.suppress(OSError):
                    self._stream(self.tcp.accept()[0])
            if self.udp in ready:
                question, peer = self.udp.recvfrom(512)
                self.udp.sendto(self._answer(question, False), peer)

    def _stream(self, conn):
        with conn, conn.makefile("rb") as lines:
            conn.settimeout(5)
            while len(size := lines.read(2)) == 2:
                answer = self._answer(
                    lines.read(struct.unpack(">H", size)[0]), True)
                conn.sendall(struct.pack(">H", len(answer)) + answer)

    def _answer(self, question, tcp):
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        name, kind = ".".join(labels), question[at + 1:at + 3]
        self.questions.append(name)
        address = self.names.get(name)
        cut = name in self.large and not tcp
        has = address is not None and kind == b"\0\1" and not cut
        flags = 0x8180 | (0 if address else 3) | (0x200 if cut else 0)
        answer = question[:2] + struct.pack(">5H", flags, 1, has, 0, 0)
        answer += question[12:at + 5]
        if has:
            answer += (b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" +
                       socket.inet_aton(address))
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        os.eventfd_write(self.stop, 1)
        self.thread.join()
        self.udp.close()
        self.tcp.close()
        os.close(self.stop)
