"""The verify worker as a peer sees it: requests that are wrong, keys under
review, key files made to hurt, and what is left behind: nothing."""
import hashlib
import json
import os
import subprocess
import sys
import time

import pytest

import verify_worker as worker

VECTORS = os.path.join(worker.TOP, "tests", "vectors", "openpgp")
sys.path.insert(0, VECTORS)
import make  # noqa: E402  (packets and armour only; nothing is made)

NOW = make.NOW
SUB = "system/prefix.d/example.com/sub"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root"),
    pytest.mark.skipif(not os.path.exists(worker.binary()),
                       reason="verify is not built (set RKT_BUILD)"),
]


def path(*parts):
    return os.path.join(VECTORS, *parts)


def keys(name):
    """(fingerprint, path) of the keys in one directory of the system store."""
    top = path("system/prefix.d", name)
    return [(f, os.path.join(top, f)) for f in sorted(os.listdir(top))
            if os.path.isfile(os.path.join(top, f))]


@pytest.fixture
def file(tmp_path):
    os.chmod(tmp_path, 0o755)
    made = []

    def make_file(data):
        p = tmp_path / ("f%d" % len(made))
        p.write_bytes(data)
        made.append(p)
        return str(p)
    return make_file


def uid_pids():
    out = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat("/proc/" + pid).st_uid == worker.UID:
                out.append(pid)
        except FileNotFoundError:
            pass
    return out


def fds(*files):
    return [os.open(f, os.O_RDONLY | os.O_CLOEXEC) for f in files]


def exit_after(send):
    w = worker.Worker()
    try:
        send(w.edge)
        try:
            reply = w.edge.recv(30)
        except worker.rktmsg.Bad:
            reply = "bad"
        assert reply is None
    finally:
        code = w.finish()
    return code


# --- the edge ---------------------------------------------------------------

def good_fds():
    return fds(path("image"), path("sig/good-ed.asc"), path("system"),
               path("local"))


CHECK = dict(name="example.com/good/app", now=NOW)


def test_peer_gone_is_no_error():
    w = worker.Worker()
    assert w.finish() == 0


@pytest.mark.parametrize("wrong", [
    {"magic": 1}, {"serial": 2}, {"serial": 0}, {"nfds": 3}, {"length": 1},
    {"number": 0}, {"number": 0x302}, {"number": 0x101}, {"number": 0xffff}])
def test_wrong_header_ends_it(wrong):
    payload = worker.rktmsg.encode("CHECK", **CHECK)
    wrong = dict({"number": worker.rktmsg.TYPES["CHECK"].number}, **wrong)
    assert exit_after(lambda e: e.send_raw(
        wrong["number"], payload, fds=good_fds(),
        **{k: v for k, v in wrong.items() if k != "number"})) == 120


@pytest.mark.parametrize("change", [
    {"name": "A.com"}, {"name": "a.com/../b"}, {"name": "/a"}, {"name": "a/"},
    {"name": "a" * 256}, {"name": b"a\0b"}, {"name": "a\nb"}])
def test_wrong_name_ends_it(change):
    assert exit_after(lambda e: e.send("CHECK", fds=good_fds(),
                                       **dict(CHECK, **change))) == 120


def test_trailing_byte_ends_it():
    payload = worker.rktmsg.encode("CHECK", **CHECK) + b"\0"
    assert exit_after(lambda e: e.send_raw(0x301, payload,
                                           fds=good_fds())) == 120


@pytest.mark.parametrize("place,file,flags", [
    (0, "/dev/null", os.O_RDONLY), (0, path("system"), os.O_RDONLY),
    (0, "/proc/self/status", os.O_RDONLY), (1, "/dev/zero", os.O_RDONLY),
    (1, path("sig"), os.O_RDONLY), (0, path("image"), os.O_RDONLY | os.O_PATH),
    (2, path("image"), os.O_RDONLY), (3, "/dev/zero", os.O_RDONLY),
    (2, path("system"), os.O_RDONLY | os.O_PATH)])
def test_wrong_descriptor_ends_it(place, file, flags):
    got = good_fds()
    got[place] = os.open(file, flags)
    assert exit_after(lambda e: e.send("CHECK", fds=got, **CHECK)) == 120


def test_writable_image_ends_it(file):
    got = good_fds()
    got[0] = os.open(file(b"x"), os.O_RDWR)
    assert exit_after(lambda e: e.send("CHECK", fds=got, **CHECK)) == 120


@pytest.mark.parametrize("n", [0, 3])
def test_fewer_descriptors_end_it(n):
    assert exit_after(lambda e: e.send("CHECK", fds=good_fds()[:n],
                                       **CHECK)) == 120


def test_one_request_only():
    w = worker.Worker()
    w.edge.send("CHECK", fds=good_fds(), **CHECK)
    w.edge.send("CHECK", fds=good_fds(), **CHECK)
    # It ends with the second request unread, which the kernel may tell first.
    answer = w.edge.recv() or w.edge.recv()
    assert answer.name == "VERDICT"
    try:
        assert w.edge.recv() is None
    except worker.rktmsg.Bad as e:
        raise AssertionError(e)
    assert w.finish() == 0


# --- the image is read whole -------------------------------------------------

def test_digest_is_of_the_whole_file(file):
    gpg = make.Gpg()
    try:
        fpr = gpg.key("big", "ed25519")
        data = os.urandom(65536) * 80 + b"end"
        image, sig = file(data), file(gpg.sign(fpr, data=data))
        store = os.path.join(os.path.dirname(image), "store", "root.d")
        os.makedirs(store)
        with open(os.path.join(store, fpr), "wb") as f:
            f.write(gpg.public(fpr))
    finally:
        gpg.close()
    reply, code = worker.check(image, sig, "a.com", NOW,
                               os.path.dirname(store))
    assert code == 0 and reply.fields["signers"] == [fpr], reply.fields
    assert reply.fields["raw"] == hashlib.sha512(data).hexdigest()


def test_no_store_at_all():
    reply, code = worker.check(path("image"), path("sig/good-ed.asc"),
                               "example.com/good", NOW)
    assert (reply.name, reply.fields["code"], code) == ("VERIFY_FAILED", 2, 1)


def test_nothing_is_left_behind():
    before = set(os.listdir("/tmp"))
    worker.check(path("image"), path("sig/good-ed.asc"), "example.com/good",
                 NOW, path("system"), path("local"))
    worker.review(keys("example.com/sub")[0][1])
    time.sleep(0.1)
    assert uid_pids() == []
    assert {n for n in set(os.listdir("/tmp")) - before
            if n.startswith("gpg-")} == set()


# --- keys under review -------------------------------------------------------

@pytest.mark.parametrize("fpr,file_name", keys("example.com/good") +
                         keys("example.com/sub"))
def test_review_lists_and_export_keeps(fpr, file_name, file):
    reply, code = worker.review(file_name)
    assert reply.name == "KEYLIST" and code == 0
    lines = [tuple(l.split(" ", 1)) for l in reply.fields["lines"]]
    assert lines[0] == ("pub", fpr)
    assert [k for k, _ in lines[:4]] == ["pub", "created", "expires", "flags"]
    assert lines[1][1] == "1704067200"
    assert lines[-1][0] == "uid"
    reply, code = worker.export(file_name, fpr)
    assert reply.name == "EXPORTED" and code == 0
    data = os.pread(reply.fds[0], 262144, 0)
    os.close(reply.fds[0])
    assert data.startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    # Minimal: subkeys that have expired are not worth keeping.
    again = [tuple(l.split(" ", 1))
             for l in worker.review(file(data))[0].fields["lines"]]
    assert [l for l in again if l[0] != "sub"] == [
        l for l in lines if l[0] != "sub"]
    assert set(again) <= set(lines)


def test_review_flags():
    flags = {}
    for _, p in keys("example.com/keys"):
        reply, _ = worker.review(p)
        if reply.name == "KEYLIST":
            f = dict(l.split(" ", 1) for l in reply.fields["lines"])
            flags[f["uid"].split()[0]] = f["flags"]
    assert flags["revoked"] == "revoked" and flags["expired"] == "expired"
    assert flags["rsa2048"] == "-"
    assert "sha1cert" not in flags


def test_review_of_two_keys_in_order():
    (name, p), = keys("two.org")
    lines = worker.review(p)[0].fields["lines"]
    pubs = [l.split()[1] for l in lines if l.startswith("pub ")]
    assert len(pubs) == 2 and pubs[0] == name
    reply, _ = worker.export(p, pubs[1])
    assert reply.name == "EXPORTED"
    os.close(reply.fds[0])


def test_export_of_a_key_that_is_not_there():
    (a, pa), (b, pb) = keys("example.com/good")[:2]
    reply, code = worker.export(pa, b)
    assert (reply.name, reply.fields["code"], code) == ("VERIFY_FAILED", 2, 1)


def test_export_does_not_answer_to_a_subkey():
    for fpr, p in keys("example.com/sub"):
        sub = [l.split()[1] for l in worker.review(p)[0].fields["lines"]
               if l.startswith("sub ")]
        for s in sub:
            assert worker.export(p, s)[0].name == "VERIFY_FAILED"


@pytest.mark.parametrize("data", [
    b"", b"\n", b"text", b"\x99", b"\x99\x00\x01\x04", b"\xc6\x00",
    make.armor(b"\x99", "PUBLIC KEY BLOCK"),
    make.armor(make.packet(13, b"name"), "PUBLIC KEY BLOCK"),
    make.armor(make.packet(5, b"\x04" + b"s" * 60), "PUBLIC KEY BLOCK"),
    make.armor(make.packet(6, b"\x04" + b"k" * 60), "PUBLIC KEY BLOCK"),
    make.armor(make.packet(6, b"\x04" + b"k" * 60), "PRIVATE KEY BLOCK"),
    b"\x99" * 262144, b"x" * 262145])
def test_review_refuses(data, file):
    reply, code = worker.review(file(data))
    assert (reply.name, reply.fields["code"], code) == ("VERIFY_FAILED", 1, 1)


def test_user_id_is_made_printable(file):
    fpr, p = keys("example.com/good")[0]
    raw = make.dearmor(open(p, "rb").read()) if open(
        p, "rb").read(1) == b"-" else open(p, "rb").read()
    evil = make.packet(13, b"\x1b]0;x\x07\npub 00 \xff\xfe\xc2\x9b31m <e@x>")
    reply, _ = worker.review(file(raw + evil))
    assert reply.name == "KEYLIST"
    for line in reply.fields["lines"]:
        assert line.isprintable(), line


# --- key files made to hurt --------------------------------------------------

def flood(kind):
    """A good key followed by 250 KiB that a stranger added to it."""
    fpr, p = keys("example.com/good")[0]
    raw = open(p, "rb").read()
    raw = make.dearmor(raw) if raw[:1] == b"-" else raw
    certs = [b for t, b in make.packets(raw) if t == 2]
    key = make.packets(raw)[0][1]
    unit = {
        "signatures": lambda i: make.packet(2, certs[0][:-1] + bytes([i % 256])),
        "users": lambda i: make.packet(13, b"u%06d" % i) +
        make.packet(2, certs[0]),
        "subkeys": lambda i: make.packet(14, key[:-2] + i.to_bytes(2, "big")) +
        make.packet(2, b"\x04\x18" + certs[0][2:]),
        "attributes": lambda i: make.packet(17, b"\xff" * 1000),
    }[kind]
    out, i = raw, 0
    limit = 60 if kind == "subkeys" else 10 ** 6
    while i < limit and len(out) + len(unit(i)) <= 262144:
        out += unit(i)
        i += 1
    return fpr, out


@pytest.mark.parametrize("kind", ["signatures", "users", "subkeys",
                                  "attributes"])
def test_flooded_key_is_bounded(kind, file):
    fpr, data = flood(kind)
    name = file(data)
    start = time.monotonic()
    reply, code = worker.review(name)
    took = time.monotonic() - start
    assert code in (0, 1) and reply is not None
    assert took < 15, took
    start = time.monotonic()
    reply, code = worker.export(name, fpr)
    assert time.monotonic() - start < 15
    assert code in (0, 1)
    for fd in reply.fds:
        assert len(os.pread(fd, 262144, 0)) < 262144
        os.close(fd)


def test_flooded_key_still_verifies(tmp_path, file):
    fpr, data = flood("signatures")
    root = tmp_path / "store" / "root.d"
    root.mkdir(parents=True)
    (root / fpr).write_bytes(data)
    os.chmod(tmp_path, 0o755)
    sig = {f: s for f, s in [(r["signers"][0], r["signature"])
                             for r in golden().values()
                             if r["code"] == 0 and r["image"] == "image"]}[fpr]
    start = time.monotonic()
    reply, code = worker.check(path("image"), path(sig), "any.org", NOW,
                               str(tmp_path / "store"))
    assert time.monotonic() - start < 15
    assert reply.name == "VERDICT" and code == 0, reply.fields


def golden():
    return json.load(open(path("golden.json")))["vectors"]


# --- the sandbox -------------------------------------------------------------

def test_only_gpg_is_ever_started(tmp_path):
    strace = "/usr/bin/strace"
    if not os.path.exists(strace):
        pytest.skip("strace is not installed")
    trace = str(tmp_path / "trace")
    code = ("import sys; sys.path.insert(0, %r)\n"
            "import verify_worker as w\n"
            "print(w.check(%r, %r, 'example.com/good', %d, %r, None))" %
            (worker.HERE, path("image"), path("sig/good-ed.asc"), NOW,
             path("system")))
    out = subprocess.run([strace, "-f", "-e", "trace=execve,execveat,socket",
                          "-o", trace, sys.executable, "-c", code],
                         stdout=subprocess.PIPE, check=True).stdout
    assert b"VERDICT" in out
    lines = open(trace).read().split("execveat(", 1)[1].splitlines()[1:]
    started = {l.split('"')[1] for l in lines
               if "execve(" in l and " = 0" in l}
    assert started <= {"/usr/bin/gpg", "/bin/gpg"}
    sockets = [l for l in lines if "socket(" in l]
    assert all("= -1 EACCES" in l for l in sockets), sockets
