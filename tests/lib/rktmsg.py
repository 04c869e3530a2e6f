"""The message codec of privsep/, for tests that play one end of an edge.

The .def files are read at import, so that this never says anything else than
they do.  `Edge(sock, me)` is one end: `send("CHECK", fds=[...], name=..., now=...)`
and `recv()`; `encode`/`decode` and the keyword arguments of `send_raw` are for
drivers that want to be wrong on purpose.
"""
import array
import os
import re
import select
import socket
import struct
from collections import namedtuple

MAGIC = 0x31544B52
HEADER = struct.Struct("<IHHII")
MAX_MSG = 65536
MAX_FDS = 4
BASES = [("control", 0x100), ("fetch", 0x200), ("verify", 0x300),
         ("unpack", 0x400), ("plan", 0x500)]

Field = namedtuple("Field", "kind name args")
Type = namedtuple("Type", "name number sender least most fields edge")
Message = namedtuple("Message", "name fields fds serial")

_INTS = {"U8": "<B", "U16": "<H", "U32": "<I", "U64": "<Q", "I32": "<i"}


class Bad(Exception):
    """The bytes are not a message of that type."""


def privsep_dir():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.join(here, "..", "..", "privsep")


def _parse(path, edge, base):
    text = re.sub(r"/\*.*?\*/", "", open(path).read(), flags=re.S)
    types, current, number = [], None, base
    for word, args in re.findall(r"(\w+)\(([^)]*)\)", text):
        args = [a.strip() for a in args.split(",")]
        if word == "MSG":
            number += 1
            current = Type(args[0], number, args[1], int(args[2], 0),
                           int(args[3], 0), [], edge)
        elif word == "END":
            if current is None or current.name != args[0]:
                raise ValueError("%s: END(%s)" % (path, args[0]))
            types.append(current)
            current = None
        else:
            if word not in _INTS and word not in (
                    "STR", "STRS", "DATA", "IDS", "DIGEST"):
                raise ValueError("%s: unknown field %s" % (path, word))
            current.fields.append(Field(word, args[0], args[1:]))
    return types


def load(directory=None):
    """{name: Type} of every message in the .def files."""
    found = {}
    for edge, base in BASES:
        path = os.path.join(directory or privsep_dir(), edge + ".def")
        for t in _parse(path, edge, base):
            found[t.name] = t
    return found


TYPES = load()
NUMBERS = {t.number: t for t in TYPES.values()}


def _bytes(v):
    return v if isinstance(v, bytes) else str(v).encode()


def _put_str(v):
    v = _bytes(v)
    return struct.pack("<H", len(v)) + v + b"\0"


def _put(field, v):
    if field.kind in _INTS:
        return struct.pack(_INTS[field.kind], v or 0)
    if field.kind == "STR":
        return _put_str(v or b"")
    if field.kind == "STRS":
        v = v or []
        return struct.pack("<H", len(v)) + b"".join(map(_put_str, v))
    if field.kind == "DATA":
        v = v or b""
        return struct.pack("<I", len(v)) + v
    if field.kind == "IDS":
        v = v or []
        return struct.pack("<H%dI" % len(v), len(v), *v)
    v = bytes.fromhex(v) if isinstance(v, str) else (v or b"")
    return v.ljust(64, b"\0")


def encode(name, /, **values):
    """The payload.  Fields not named are empty; classes and bounds are the
    receiver's to check."""
    t = TYPES[name]
    unknown = set(values) - {f.name for f in t.fields}
    if unknown:
        raise KeyError("%s has no %s" % (name, ", ".join(sorted(unknown))))
    return b"".join(_put(f, values.get(f.name)) for f in t.fields)


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise Bad("short")
        part = self.data[self.at:self.at + n]
        self.at += n
        return part

    def int(self, fmt):
        return struct.unpack(fmt, self.take(struct.calcsize(fmt)))[0]

    def str(self):
        raw = self.take(self.int("<H") + 1)
        if raw[-1:] != b"\0" or b"\0" in raw[:-1]:
            raise Bad("string")
        return raw[:-1].decode("utf-8", "surrogateescape")


def _get(r, field):
    if field.kind in _INTS:
        return r.int(_INTS[field.kind])
    if field.kind == "STR":
        return r.str()
    if field.kind == "STRS":
        return [r.str() for _ in range(r.int("<H"))]
    if field.kind == "DATA":
        return r.take(r.int("<I"))
    if field.kind == "IDS":
        return [r.int("<I") for _ in range(r.int("<H"))]
    return r.take(64).hex()


def decode(name, payload):
    r = _Reader(payload)
    values = {f.name: _get(r, f) for f in TYPES[name].fields}
    if r.at != len(payload):
        raise Bad("%d bytes too many" % (len(payload) - r.at))
    return values


def header(number, nfds, length, serial, magic=MAGIC):
    return HEADER.pack(magic, number, nfds, length, serial)


def pair():
    """(ours, theirs), both close-on-exec."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Edge:
    def __init__(self, sock, peer=None):
        """peer: the letter whose messages are expected, None for any."""
        self.sock, self.peer, self.sent, self.heard = sock, peer, 0, 0

    def close(self):
        self.sock.close()

    def fileno(self):
        return self.sock.fileno()

    def send_bytes(self, data, fds=()):
        control = []
        if fds:
            control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                        array.array("i", fds))]
        self.sock.sendmsg([data], control)

    def send_raw(self, number, payload, fds=(), serial=None, nfds=None,
                 length=None, magic=MAGIC):
        """A message that may be wrong in any field of its header."""
        self.sent += 1
        head = header(number, len(fds) if nfds is None else nfds,
                      len(payload) if length is None else length,
                      self.sent if serial is None else serial, magic)
        self.send_bytes(head + payload, fds)

    def send(self, type_name, /, fds=(), **values):
        self.send_raw(TYPES[type_name].number, encode(type_name, **values), fds)

    def recv(self, timeout=60):
        """The next Message; None when the peer is gone; TimeoutError."""
        ready = select.poll()
        ready.register(self.sock, select.POLLIN)
        if not ready.poll(timeout * 1000):
            raise TimeoutError("no message in %s s" % timeout)
        size = socket.CMSG_SPACE(4 * (MAX_FDS + 1))
        try:
            data, control, flags, _ = self.sock.recvmsg(
                MAX_MSG + 1, size, socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            return None
        fds = []
        for level, kind, raw in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds += array.array("i", raw[:len(raw) // 4 * 4])
        if not data and not fds:
            return None
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise Bad("truncated")
        return self._accept(data, fds)

    def _accept(self, data, fds):
        if len(data) < HEADER.size:
            raise Bad("no header")
        magic, number, nfds, length, serial = HEADER.unpack_from(data)
        t = NUMBERS.get(number)
        if (magic != MAGIC or t is None or length != len(data) - HEADER.size or
                serial != self.heard + 1 or nfds != len(fds) or
                not t.least <= nfds <= t.most or
                self.peer not in (None, t.sender)):
            raise Bad("header %r" % (HEADER.unpack_from(data),))
        self.heard += 1
        return Message(t.name, decode(t.name, data[HEADER.size:]), fds, serial)


def check():
    """Round trips of every type, for a quick look that the grammar is read."""
    for t in TYPES.values():
        values = {f.name: {"STR": "a", "STRS": ["a", "b"], "DATA": b"\1\2",
                           "IDS": [1, 2], "DIGEST": "ab" * 64}.get(f.kind, 7)
                  for f in t.fields}
        if decode(t.name, encode(t.name, **values)) != values:
            raise AssertionError(t.name)
    return len(TYPES)


if __name__ == "__main__":
    print("%d message types" % check())
