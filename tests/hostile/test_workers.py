"""G4_worker, G3_fetcher, G5_unpack: whatever a compromised fetcher, verify or
unpack says, an image is admitted only when everything that the launcher itself
can compare agrees.  The conductor here is honest, so that only the worker's
lie stands between the image and the store; test_G4_worker_honest shows that
without a lie it gets in."""
import hashlib
import os

import pytest

import play
import rktmsg

FPR = "cd" * 20
OTHER = "ef" * 20
IMAGE = b"the bytes of an image\n" * 100
RAW = hashlib.sha512(IMAGE).hexdigest()
ID = "12" * 64
TREE = "34" * 64

VERDICT = dict(raw=RAW, signers=[FPR], signed_at=1700000000, identities=["A <a@a.com>"])
UNPACKED = dict(raw=RAW, image=ID, tree=TREE, raw_size=len(IMAGE), tar_size=10240,
                tree_size=5, entries=1, name="a.com/b",
                labels=["arch=amd64", "os=linux", "version=1"])


def trust(p, fpr=FPR, prefix="a.com", text="key"):
    d = os.path.join(p.conf, "trustedkeys", "prefix.d", prefix)
    os.makedirs(d, exist_ok=True)
    with open(os.path.join(d, fpr), "w") as f:
        f.write(text)


class Fetch:
    """An honest conductor and fetcher up to ADMIT_IMAGE."""

    def __init__(self, stage, *argv, name="a.com/b", keys=True, insecure=0,
                 also=(), policy=None):
        self.p = stage("conductor", "fetcher", "verify", "unpack", *also)
        if keys:
            trust(self.p)
        self.p.start("fetch", "a.com/b", *argv, policy=policy)
        self.c = self.p.hello()
        self.c.edge.send("START_FETCHER", count=2, kinds=b"\1\2")
        f = self.p.room("fetcher")
        assert self.c.edge.recv(60).name == "FETCHER"
        os.write(f.slots[0], IMAGE)
        os.write(f.slots[1], b"signature")
        f.end(0)
        self.c.edge.send("REAP_FETCHER")
        assert self.c.edge.recv(15).fields["ok"] == 1
        self.c.edge.send("ADMIT_IMAGE", image=0,
                         signature=0xffff if insecure else 1, name=name,
                         insecure=insecure, origin="https://a.com/b.aci")

    def verify(self, end=0, fds=(), msg="VERDICT", room="verify", **change):
        v = self.p.room(room)
        m = v.edge.recv(60)
        assert m.name == "CHECK"
        fields = dict(VERDICT, **change) if msg == "VERDICT" else change
        v.edge.send(msg, fds=fds, **fields)
        v.end(end)
        return m

    def unpack(self, end=0, msg="UNPACKED", write=b"{}", **change):
        u = self.p.room("unpack")
        m = u.edge.recv(60)
        assert m.name == "UNPACK"
        image, rootfs, manifest = m.fds
        os.write(manifest, write)
        fields = dict(UNPACKED, **change) if msg == "UNPACKED" else change
        u.edge.send(msg, **fields)
        for fd in m.fds:
            os.close(fd)
        u.end(end)

    def refused(self, text=""):
        m = self.c.edge.recv(90)
        assert m.name == "REFUSED", m
        assert text in m.fields["text"], m
        assert self.p.finish() == 0
        self.p.nothing_happened()


def test_G4_worker_honest(stage):
    f = Fetch(stage)
    f.verify()
    f.unpack()
    m = f.c.edge.recv(60)
    assert m.name == "ADMITTED" and m.fields["name"] == "a.com/b"
    assert m.fields["image"] == ID and m.fields["signer"] == FPR
    assert f.p.finish() == 0
    assert f.p.images() == ["sha512-" + ID]
    st = os.stat(os.path.join(f.p.data, "image", "sha512-" + ID, "tree"))
    assert (st.st_mode & 0o7777, st.st_uid) == (0o700, 0)
    st = os.stat(os.path.join(f.p.data, "image", "sha512-" + ID, "tree", "rootfs"))
    assert (st.st_uid, st.st_gid) == (2147352576, 2147352576)
    blob = open(os.path.join(f.p.data, "image", "sha512-" + ID, "blob"), "rb").read()
    assert blob == IMAGE


VERIFY_LIES = {
    "unknown key": dict(signers=[OTHER]),
    "no signer": dict(signers=[]),
    "one good one unknown": dict(signers=[FPR, OTHER]),
}


@pytest.mark.parametrize("what", VERIFY_LIES)
def test_G4_verify_lies(stage, what):
    f = Fetch(stage)
    f.verify(**VERIFY_LIES[what])
    f.refused()


def test_G4_verify_digest_of_something_else(stage):
    f = Fetch(stage)
    f.verify(raw="00" * 64)
    f.unpack()
    f.refused("do not agree")


def test_G4_verify_key_of_another_prefix(stage):
    f = Fetch(stage, keys=False)
    trust(f.p, prefix="a.com/bc")
    f.verify()
    f.refused("not trusted")


@pytest.mark.parametrize("where", ["prefix.d/a.com", "prefix.d/a.com/b", "root.d"])
def test_G4_verify_masked_key(stage, where):
    f = Fetch(stage)
    d = os.path.join(f.p.conf, "trustedkeys", where)
    os.makedirs(d, exist_ok=True)
    open(os.path.join(d, FPR), "w").close()
    f.verify()
    f.refused("not trusted")


def test_G4_verify_key_that_anyone_may_write(stage):
    f = Fetch(stage)
    os.chmod(os.path.join(f.p.conf, "trustedkeys", "prefix.d", "a.com", FPR), 0o666)
    f.verify()
    f.refused("not trusted")


def test_G4_verify_key_is_a_symlink(stage):
    f = Fetch(stage, keys=False)
    d = os.path.join(f.p.conf, "trustedkeys", "prefix.d", "a.com")
    os.makedirs(d)
    os.symlink("/etc/passwd", os.path.join(d, FPR))
    f.verify()
    f.refused("not trusted")


@pytest.mark.parametrize("code", [1, 7, 111, 120, "K"])
def test_G4_verify_verdict_then_bad_end(stage, code):
    """R32: a verdict of a worker that does not end well is none."""
    f = Fetch(stage)
    f.verify(end=code)
    f.refused("verify")


@pytest.mark.parametrize("code", [0, 1, "K"])
def test_G4_verify_ends_without_a_verdict(stage, code):
    f = Fetch(stage)
    f.p.room("verify").end(code)
    f.refused("verify")


@pytest.mark.parametrize("msg", ["KEYLIST", "EXPORTED", "UNPACKED", "TREE", "GOT",
                                 "ADMIT_IMAGE", "WELCOME", "CHECK"])
def test_G4_verify_wrong_message(stage, msg):
    f = Fetch(stage)
    fds = [play.sealed(b"x")] if rktmsg.TYPES[msg].least else []
    if msg == "WELCOME":
        fds = [play.sealed(b"x")] * 3
    if msg == "CHECK":
        fds = [play.sealed(b"x")] * 4
    v = f.p.room("verify")
    v.edge.recv(60)
    v.edge.send(msg, fds=fds)
    v.end(0)
    f.refused("verify")


@pytest.mark.parametrize("how", ["extra byte", "short", "extra fd", "upper case",
                                 "magic", "serial", "nine signers"])
def test_G4_verify_inexact(stage, how):
    f = Fetch(stage)
    v = f.p.room("verify")
    v.edge.recv(60)
    change = {"upper case": dict(signers=[FPR.upper()]),
              "nine signers": dict(signers=[FPR] * 9)}.get(how, {})
    body = rktmsg.encode("VERDICT", **dict(VERDICT, **change))
    number = rktmsg.TYPES["VERDICT"].number
    extra = {"magic": {"magic": 1}, "serial": {"serial": 2}}.get(how, {})
    fds = [os.open("/dev/null", os.O_RDONLY)] if how == "extra fd" else []
    body = body + b"\0" if how == "extra byte" else body[:-1] if how == "short" else body
    v.edge.send_raw(number, body, fds, **extra)
    v.end(0)
    f.refused("verify")


def test_G4_verify_hostile_text(stage):
    """R27: what a worker says is data, and is shown as such or not at all."""
    f = Fetch(stage)
    v = f.p.room("verify")
    v.edge.recv(60)
    v.edge.send("VERIFY_FAILED", code=3, text="\x1b]0;owned\x07\nroot: ok")
    v.end(0)
    f.refused("verify")


# --- verifiers 2: the second opinion ------------------------------------------

def test_G4_second_agrees(stage):
    f = Fetch(stage, also=["second"], policy="verifiers 2\n")
    f.verify()
    f.verify(room="second")
    f.unpack()
    assert f.c.edge.recv(60).name == "ADMITTED"
    assert f.p.finish() == 0


def test_G4_second_real_against_a_verify_that_always_says_yes(stage):
    """verify is broken into and approves everything: sqv does not."""
    f = Fetch(stage, policy="verifiers 2\n")
    f.verify()
    f.refused()


SECOND_LIES = {
    "other digest": dict(raw="00" * 64), "other key": dict(signers=[OTHER]),
    "no key": dict(signers=[]), "one more": dict(signers=[FPR, OTHER]),
}


@pytest.mark.parametrize("what", SECOND_LIES)
def test_G4_second_does_not_agree(stage, what):
    f = Fetch(stage, also=["second"], policy="verifiers 2\n")
    f.verify()
    f.verify(room="second", **SECOND_LIES[what])
    f.refused("do not agree")


def test_G4_second_dies(stage):
    f = Fetch(stage, also=["second"], policy="verifiers 2\n")
    f.verify()
    f.p.room("second").end("K")
    f.refused("second")


UNPACK_LIES = {
    "other raw digest": dict(raw="99" * 64),
    "raw size": dict(raw_size=len(IMAGE) - 1),
    "other name": dict(name="a.com/c"),
    "name of another publisher": dict(name="b.com/b"),
    "name by string prefix": dict(name="a.com.evil/b"),
}


@pytest.mark.parametrize("what", UNPACK_LIES)
def test_G5_unpack_lies(stage, what):
    f = Fetch(stage)
    f.verify()
    f.unpack(**UNPACK_LIES[what])
    f.refused()


def test_G5_unpack_writes_a_huge_manifest(stage):
    """Whoever reads it later reads it all: a megabyte is the most."""
    f = Fetch(stage)
    f.verify()
    f.unpack(write=b"{" + bytes(1 << 20))
    f.refused("manifest")


@pytest.mark.parametrize("name", ["b.com/b", "a.comx", "a.com.evil/b"])
def test_G5_unpack_lies_about_an_unnamed_image(stage, name):
    """Fetched by URL the name is the manifest's: the signer must be trusted
    for that name, whoever says it."""
    f = Fetch(stage, name="")
    f.verify()
    f.unpack(name=name)
    f.refused("not trusted")


@pytest.mark.parametrize("code", [1, 120, "K"])
def test_G5_unpack_good_answer_then_bad_end(stage, code):
    f = Fetch(stage)
    f.verify()
    f.unpack(end=code)
    f.refused("unpack")


@pytest.mark.parametrize("code", [0, 1, "K"])
def test_G5_unpack_ends_without_an_answer(stage, code):
    f = Fetch(stage)
    f.verify()
    u = f.p.room("unpack")
    u.edge.recv(60)
    u.end(code)
    f.refused("unpack")


@pytest.mark.parametrize("msg", ["VERDICT", "TREE", "EXPORTED", "UNPACK"])
def test_G5_unpack_wrong_message(stage, msg):
    f = Fetch(stage)
    f.verify()
    u = f.p.room("unpack")
    u.edge.recv(60)
    u.edge.send(msg, fds=[play.sealed(b"x")] * rktmsg.TYPES[msg].least)
    u.end(0)
    f.refused("unpack")


def test_G4_unsigned_without_the_option(stage):
    """No signature and no option: refused before any worker is asked."""
    p = stage("conductor", "fetcher").start("fetch", "a.com/b")
    c = p.hello()
    c.edge.send("START_FETCHER", count=1, kinds=b"\1")
    f = p.room("fetcher")
    c.edge.recv(60)
    os.write(f.slots[0], IMAGE)
    f.end(0)
    c.edge.send("REAP_FETCHER")
    assert c.edge.recv(15).fields["ok"] == 1
    c.edge.send("ADMIT_IMAGE", image=0, signature=0xffff, name="a.com/b")
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and "no signature" in m.fields["text"]
    assert p.finish() == 0
    p.nothing_happened()


def test_G4_unsigned_needs_the_operators_word(stage):
    """The conductor says insecure, argv does not."""
    p = stage("conductor", "fetcher").start("fetch", "a.com/b")
    c = p.hello()
    c.edge.send("START_FETCHER", count=1, kinds=b"\1")
    f = p.room("fetcher")
    c.edge.recv(60)
    os.write(f.slots[0], IMAGE)
    f.end(0)
    c.edge.send("REAP_FETCHER")
    assert c.edge.recv(15).fields["ok"] == 1
    c.edge.send("ADMIT_IMAGE", image=0, signature=0xffff, name="a.com/b", insecure=1)
    assert p.finish() == 254
    p.nothing_happened()


def test_G4_slot_is_used_up(stage):
    f = Fetch(stage)
    f.verify(signers=[OTHER])
    assert f.c.edge.recv(60).name == "REFUSED"
    f.c.edge.send("ADMIT_IMAGE", image=0, signature=1, name="a.com/b")
    assert f.p.finish() == 254
    f.p.nothing_happened()


def test_G4_slot_of_another_kind(stage):
    """A signature slot is no image."""
    p = stage("conductor", "fetcher").start("fetch", "x")
    c = p.hello()
    c.edge.send("START_FETCHER", count=2, kinds=b"\1\2")
    f = p.room("fetcher")
    c.edge.recv(60)
    f.end(0)
    c.edge.send("REAP_FETCHER")
    c.edge.recv(15)
    c.edge.send("ADMIT_IMAGE", image=1, signature=0, name="a.com/b")
    assert p.finish() == 254
    p.nothing_happened()


def test_G3_fetcher_that_stays_is_ended(stage):
    """No one reads what it can still write: it is killed, its slots go."""
    p = stage("conductor", "fetcher").start("fetch", "x")
    c = p.hello()
    c.edge.send("START_FETCHER", count=1, kinds=b"\1")
    f = p.room("fetcher")
    c.edge.recv(60)
    f.conn.sendall(b"S")
    c.edge.send("REAP_FETCHER")
    m = c.edge.recv(60)
    assert m.name == "FETCHED" and m.fields["ok"] == 0
    p.finish()
    p.nothing_happened()


def test_G3_fetcher_slots_are_write_only_and_alone(stage):
    p = stage("conductor", "fetcher").start("fetch", "x")
    c = p.hello()
    c.edge.send("START_FETCHER", count=3, kinds=b"\1\2\3")
    f = p.room("fetcher")
    c.edge.recv(60)
    import fcntl
    assert len(f.slots) == 3
    for fd in f.slots:
        assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
        assert os.fstat(fd).st_nlink == 0
    p.finish()
    p.nothing_happened()


def test_G3_fetcher_oversized_slot(stage):
    p = stage("conductor", "fetcher").start("fetch", "x")
    c = p.hello()
    c.edge.send("START_FETCHER", count=1, kinds=b"\2")
    f = p.room("fetcher")
    c.edge.recv(60)
    os.ftruncate(f.slots[0], 70000)
    f.end(0)
    c.edge.send("REAP_FETCHER")
    assert c.edge.recv(15).fields["ok"] == 0
    p.finish()
    p.nothing_happened()


EXPORTS = ["pipe-read", "directory", "unsealed-memfd", "null", "writable-file", "proc",
           "empty"]


@pytest.mark.parametrize("kind", EXPORTS)
def test_G4_verify_exports_a_descriptor_of_the_wrong_kind(stage, kind, tmp_path):
    key = tmp_path / "k"
    key.write_text("key")
    p = stage("conductor", "verify").start("trust", "--prefix=a.com", str(key))
    c = p.hello()
    c.edge.send("GET_FILE", path=str(key), kind=3)
    slot = c.edge.recv(60).fields["slot"]
    c.edge.send("TRUST_KEY", slot=slot, prefix="a.com", fingerprint=FPR)
    v = p.room("verify")
    assert v.edge.recv(60).name == "EXPORT"
    zoo = play.fd_zoo(str(tmp_path))
    v.edge.send("EXPORTED", fds=[play.sealed(b"") if kind == "empty" else zoo[kind]])
    v.end(0)
    assert c.edge.recv(15).name == "REFUSED"
    p.finish()
    p.nothing_happened()
    assert not os.path.exists(os.path.join(p.conf, "trustedkeys", "prefix.d", "a.com", FPR))


@pytest.mark.parametrize("how", ["extra byte", "extra fd", "no fd", "serial", "twice"])
def test_G4_verify_export_inexact(stage, how, tmp_path):
    """The answer with the key is a message without a field, one descriptor, and the
    only one; what is more or less makes it none."""
    key = tmp_path / "k"
    key.write_text("key")
    p = stage("conductor", "verify").start("trust", "--prefix=a.com", str(key))
    c = p.hello()
    c.edge.send("GET_FILE", path=str(key), kind=3)
    slot = c.edge.recv(10).fields["slot"]
    c.edge.send("TRUST_KEY", slot=slot, prefix="a.com", fingerprint=FPR)
    v = p.room("verify")
    assert v.edge.recv(10).name == "EXPORT"
    fds = [play.sealed(b"exported key")] * {"extra fd": 2, "no fd": 0}.get(how, 1)
    for n in range(2 if how == "twice" else 1):
        try:
            v.edge.send_raw(rktmsg.TYPES["EXPORTED"].number,
                            b"\0" if how == "extra byte" else b"", fds,
                            serial=2 if how == "serial" else None)
        except BrokenPipeError:
            assert n == 1  # it had the first, and has closed its end
    v.end(0)
    m = c.edge.recv(15)
    assert m.name == ("TRUSTED" if how == "twice" else "REFUSED"), m
    p.finish()
    p.nothing_happened()
    made = os.path.exists(os.path.join(p.conf, "trustedkeys", "prefix.d", "a.com", FPR))
    assert made == (how == "twice")


def test_G4_trust_writes_one_file(stage, tmp_path):
    key = tmp_path / "k"
    key.write_text("key")
    p = stage("conductor", "verify").start("trust", "--prefix=a.com/et", str(key))
    c = p.hello()
    c.edge.send("GET_FILE", path=str(key), kind=3)
    slot = c.edge.recv(60).fields["slot"]
    c.edge.send("TRUST_KEY", slot=slot, prefix="a.com/et", fingerprint=FPR)
    v = p.room("verify")
    v.edge.recv(60)
    v.edge.send("EXPORTED", fds=[play.sealed(b"exported key")])
    v.end(0)
    m = c.edge.recv(15)
    path = os.path.join(p.conf, "trustedkeys/prefix.d/a.com/et", FPR)
    assert m.name == "TRUSTED" and m.fields["path"] == path
    assert open(path).read() == "exported key"
    p.finish()
    assert oct(os.stat(path).st_mode & 0o7777) == "0o644"
    p.nothing_happened()


# --- launch: the record is not enough ----------------------------------------

def admitted(stage):
    f = Fetch(stage)
    f.verify()
    f.unpack()
    assert f.c.edge.recv(60).name == "ADMITTED"
    assert f.p.finish() == 0
    return f.p


def start_pod(p, *argv, **change):
    from test_conductor import plan
    p.rooms = []
    p.start("run", "a.com/b", *argv)
    c = p.hello()
    c.edge.send("START_POD", how=0, fds=[play.sealed(plan(image=ID, **change))])
    return c


@pytest.mark.parametrize("how", ["removed", "masked"])
def test_G4_key_gone_after_fetch_stops_the_launch(stage, how):
    p = admitted(stage)
    path = os.path.join(p.conf, "trustedkeys", "prefix.d", "a.com", FPR)
    if how == "removed":
        os.unlink(path)
    else:
        open(path, "w").close()
    c = start_pod(p)
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and "not trusted" in m.fields["text"]
    p.finish()
    assert not p.became_stage1()


def test_G4_record_of_another_image_is_refused(stage):
    """A record moved under another image's id does not speak for it."""
    p = admitted(stage)
    other = os.path.join(p.data, "image", "sha512-" + "77" * 64)
    os.rename(os.path.join(p.data, "image", "sha512-" + ID), other)
    from test_conductor import plan
    p.rooms = []
    p.start("run", "a.com/b")
    c = p.hello()
    c.edge.send("START_POD", how=0, fds=[play.sealed(plan(image="77" * 64))])
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and "damaged" in m.fields["text"]
    p.finish()
    assert not p.became_stage1()


def test_G4_no_path_string_reaches_the_rootfs(stage):
    """R17, R18: no mount(2) by path below the store, every mutation by
    descriptor."""
    p = admitted(stage)
    c = start_pod(p)
    c.edge.recv(60)
    p.finish()
    for line in p.trace().splitlines():
        if " mount(" in line or line.startswith("mount("):
            assert p.data not in line, line
    p.no_foreign_path()
