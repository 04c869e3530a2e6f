"""G4_conductor: whatever a compromised conductor sends, in any state, with any
descriptors, the launcher starts no pod and touches nothing that is not its
own.  Each test ends with Play.nothing_happened()."""
import contextlib
import fcntl
import os
import uuid
import time

import pytest

import play
import rktmsg
from rktmsg import TYPES

CONTROL = [t for t in TYPES.values() if t.edge == "control"]
FROM_C = [t for t in CONTROL if t.sender == "C"]
DIGEST = "ab" * 64
UUID = str(uuid.uuid4())

# A well-formed value for every field a conductor can send.
VALUES = {
    "HELLO": {}, "GET_FILE": {"path": "/etc/shadow", "kind": 1},
    "START_FETCHER": {"count": 1, "kinds": b"\1"}, "REAP_FETCHER": {},
    "ADMIT_IMAGE": {"image": 0, "signature": 1, "name": "a.com/b"},
    "REVIEW_KEYS": {"slot": 0},
    "TRUST_KEY": {"slot": 0, "mask": 0, "prefix": "a.com", "fingerprint": "ab" * 20},
    "START_POD": {"how": 0}, "CHECK_IMAGE": {"image": DIGEST},
    "EXTRACT_IMAGE": {"image": DIGEST, "whole": 1, "path": "x"},
    "END_POD": {"uuid": UUID, "how": 3},
    "ENTER_POD": {"uuid": UUID, "app": "a", "exec": ["/bin/true"]},
    "EXPORT_APP": {"uuid": UUID, "app": "a", "path": "/etc/shadow"},
}


def fds_for(t):
    return [play.sealed(b"not a plan") for _ in range(t.least)]


def ended(p, conductor):
    """The launcher ended the session by itself, before the conductor did, and
    said why."""
    assert conductor.edge.recv(60) is None
    code = p.finish()
    assert code == 254, (code, p.err)
    assert "broke its protocol" in p.err, p.err
    p.nothing_happened()


def but(name):
    return [t for t in FROM_C if t.name != name]


@pytest.mark.parametrize("t", but("HELLO"), ids=lambda t: t.name)
def test_G4_conductor_anything_before_hello(stage, t):
    p = stage("conductor").start("run", "x")
    c = p.room("conductor")
    c.edge.send(t.name, fds=fds_for(t), **VALUES[t.name])
    ended(p, c)


# What each request may get when nothing of it is true: an honest refusal, or
# the end of the session.
TOLD = {"CHECK_IMAGE", "EXTRACT_IMAGE", "END_POD"}


@pytest.mark.parametrize("t", FROM_C, ids=lambda t: t.name)
def test_G4_conductor_requests_without_ground(stage, t):
    p = stage("conductor", "fetcher").start("run", "x")
    c = p.hello()
    c.edge.send(t.name, fds=fds_for(t), **VALUES[t.name])
    if t.name in TOLD:
        m = c.edge.recv(60)
        assert m.name == "REFUSED", m
        assert p.finish() == 0
        p.nothing_happened()
    elif t.name == "START_FETCHER":
        f = p.room("fetcher")
        assert c.edge.recv(60).name == "FETCHER"
        f.end(0)
        assert p.finish() == 0
        p.nothing_happened()
    else:
        ended(p, c)


@pytest.mark.parametrize("t", but("REAP_FETCHER"), ids=lambda t: t.name)
def test_G4_conductor_while_fetching(stage, t):
    p = stage("conductor", "fetcher").start("fetch", "x")
    c = p.hello()
    c.edge.send("START_FETCHER", count=2, kinds=b"\1\2")
    p.room("fetcher")
    assert c.edge.recv(60).name == "FETCHER"
    c.edge.send(t.name, fds=fds_for(t), **VALUES[t.name])
    ended(p, c)


def test_G4_conductor_unreaped_slot_is_unreadable(stage):
    """A slot that a fetcher can still write is no image."""
    p = stage("conductor", "fetcher").start("fetch", "x", "--insecure-options=image")
    c = p.hello()
    c.edge.send("START_FETCHER", count=1, kinds=b"\1")
    p.room("fetcher")
    c.edge.recv(60)
    c.edge.send("ADMIT_IMAGE", image=0, signature=0xffff, insecure=1)
    ended(p, c)


def test_G4_conductor_fetcher_that_failed_leaves_no_slot(stage):
    p = stage("conductor", "fetcher").start("fetch", "x", "--insecure-options=image")
    c = p.hello()
    c.edge.send("START_FETCHER", count=1, kinds=b"\1")
    f = p.room("fetcher")
    c.edge.recv(60)
    os.write(f.slots[0], b"something")
    f.end(7)
    c.edge.send("REAP_FETCHER")
    m = c.edge.recv(15)
    assert m.name == "FETCHED" and m.fields["ok"] == 0
    c.edge.send("ADMIT_IMAGE", image=0, signature=0xffff, insecure=1)
    ended(p, c)


def test_G4_conductor_replay(stage):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.sent = 0
    c.edge.send("HELLO")
    ended(p, c)


def test_G4_conductor_hello_twice(stage):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.send("HELLO", dir=p.data, local_config=p.conf)
    ended(p, c)


@pytest.mark.parametrize("field", ["dir", "system_config", "local_config",
                                   "user_config"])
def test_G4_conductor_hello_path_not_in_argv(stage, field):
    p = stage("conductor").start("run", "x")
    c = p.room("conductor")
    c.edge.send("HELLO", **{field: "/etc"})
    ended(p, c)


@pytest.mark.parametrize("path", ["/etc/shadow", "x/../../etc/shadow", "/proc/self/mem",
                                  "", "-x", "--dir", "x\n"])
def test_G4_conductor_file_not_in_argv(stage, path):
    p = stage("conductor").start("fetch", "x")
    c = p.hello()
    c.edge.send("GET_FILE", path=path, kind=1)
    ended(p, c)


@pytest.mark.parametrize("path", ["/etc", "/dev/zero", "/proc/version", "/no/such/file"])
def test_G4_conductor_file_of_the_wrong_kind(stage, path):
    p = stage("conductor").start("fetch", path)
    c = p.hello()
    c.edge.send("GET_FILE", path=path, kind=1)
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and path in m.fields["text"]
    assert p.finish() == 0
    p.nothing_happened()


def test_G4_conductor_file_after_app_arguments(stage):
    """Words behind "--" are an app's, not the operator's."""
    p = stage("conductor").start("run", "x", "--", "/etc/passwd")
    c = p.hello()
    c.edge.send("GET_FILE", path="/etc/passwd", kind=1)
    ended(p, c)


@pytest.mark.parametrize("path", ["/etc/shadow", "canary", "out/../canary",
                                  "./out", "out/", "", "--overwrite", "app"])
def test_G4_conductor_output_not_in_argv(stage, path):
    p = stage("conductor").start("image", "export", "x", "out", "--overwrite=true",
                                 "--", "app")
    c = p.hello()
    c.edge.send("GET_FILE", kind=5, path=path)
    ended(p, c)
    assert not os.path.exists(os.path.join(p.tmp, "app"))


def test_G4_conductor_output_is_write_only_and_once(stage):
    p = stage("conductor").start("image", "export", "x", "out")
    c = p.hello()
    c.edge.send("GET_FILE", kind=5, path="out")
    m = c.edge.recv(60)
    assert m.name == "OUTPUT"
    assert fcntl.fcntl(m.fds[0], fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
    assert os.readlink("/proc/self/fd/%d" % m.fds[0]) == os.path.join(p.tmp, "out")
    os.close(m.fds[0])
    c.edge.send("GET_FILE", kind=5, path="out")
    ended(p, c)
    assert not os.path.exists(os.path.join(p.tmp, "out"))


def test_G4_conductor_output_overwrites_only_when_asked(stage):
    p = stage("conductor").start("image", "export", "x", "canary")
    c = p.hello()
    c.edge.send("GET_FILE", kind=5, path="canary")
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and "--overwrite" in m.fields["text"]
    assert p.finish() == 0
    p.nothing_happened()


@pytest.mark.parametrize("kind", ["link", "hard", "fifo"])
def test_G4_conductor_output_follows_nothing(stage, kind):
    p = stage("conductor").start("image", "export", "--overwrite", "x", "out")
    out = os.path.join(p.tmp, "out")
    {"link": lambda: os.symlink(p.canary, out),
     "hard": lambda: os.link(p.canary, out),
     "fifo": lambda: os.mkfifo(out)}[kind]()
    c = p.hello()
    c.edge.send("GET_FILE", kind=5, path="out")
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and "regular file" in m.fields["text"], m
    assert p.finish() == 0
    p.nothing_happened()


EXPORT = ("export", "--app=web", UUID[:9], "out.aci")


@pytest.mark.parametrize("what", [
    {"uuid": str(uuid.uuid4())}, {"path": "/etc/shadow"}, {"path": "./out.aci"},
    {"path": "out.aci.asc"}, {"app": "other"}], ids=str)
def test_G4_conductor_export_not_in_argv(stage, what):
    p = stage("conductor").start(*EXPORT)
    c = p.hello()
    c.edge.send("EXPORT_APP", fds=[play.sealed(b"{}")],
                **{"uuid": UUID, "app": "web", "path": "out.aci", **what})
    ended(p, c)


def test_G4_conductor_export_of_no_pod(stage):
    """An honest refusal, before the file is made."""
    p = stage("conductor").start(*EXPORT)
    c = p.hello()
    c.edge.send("EXPORT_APP", fds=[play.sealed(b"{}")], uuid=UUID, app="web",
                path="out.aci")
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and "no pod" in m.fields["text"], m
    assert p.finish() == 0
    assert not os.path.exists(os.path.join(p.tmp, "out.aci"))
    p.nothing_happened()


def test_G4_conductor_export_descriptor_zoo(stage, tmp_path):
    zoo = play.fd_zoo(str(tmp_path))
    for name, fd in zoo.items():
        p = stage("conductor").start(*EXPORT)
        c = p.hello()
        c.edge.send("EXPORT_APP", fds=[fd], uuid=UUID, app="web", path="out.aci")
        assert c.edge.recv(60) is None, name
        assert p.finish() == 254, (name, p.err)
        p.nothing_happened()


def test_G4_conductor_export_and_another_file(stage):
    """One file a command."""
    p = stage("conductor").start(*EXPORT)
    c = p.hello()
    c.edge.send("GET_FILE", kind=5, path="out.aci")
    m = c.edge.recv(60)
    assert m.name == "OUTPUT"
    os.close(m.fds[0])
    c.edge.send("EXPORT_APP", fds=[play.sealed(b"{}")], uuid=UUID, app="web",
                path="out.aci")
    ended(p, c)


SPOOLED = "0123456789abcdef" * 2


@pytest.mark.parametrize("path,kind", [
    ("spool/" + SPOOLED + ".meta", 1), ("spool/" + SPOOLED + ".aci", 3),
    ("spool/" + SPOOLED + ".aci", 4), ("spool/../image/x.aci", 1),
    ("spool/" + SPOOLED + "/../../canary.aci", 1), ("spool/canary.aci", 1),
    ("spool/" + "z" * 32 + ".aci", 1)])
def test_G4_conductor_spool_has_one_form(stage, path, kind):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.send("GET_FILE", path=path, kind=kind)
    ended(p, c)


@pytest.mark.parametrize("what", ["link", "hard", "fifo"])
def test_G4_conductor_spool_follows_nothing(stage, what):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    path = os.path.join(p.data, "spool", SPOOLED + ".aci")
    {"link": lambda: os.symlink(p.canary, path),
     "hard": lambda: os.link(p.canary, path),
     "fifo": lambda: os.mkfifo(path)}[what]()
    c.edge.send("GET_FILE", path="spool/" + SPOOLED + ".aci", kind=1)
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and "root" not in m.fields["text"], m
    assert p.finish() == 0
    p.nothing_happened()


def test_G4_conductor_spool_is_never_unsigned(stage):
    """Whatever argv says of images that root names."""
    p = stage("conductor").start("run", "x", "--insecure-options=image")
    c = p.hello()
    with open(os.path.join(p.data, "spool", SPOOLED + ".aci"), "wb") as f:
        f.write(b"an image")
    c.edge.send("GET_FILE", path="spool/" + SPOOLED + ".aci", kind=1)
    m = c.edge.recv(60)
    assert m.name == "SLOT" and m.fds == []
    c.edge.send("ADMIT_IMAGE", image=m.fields["slot"], signature=0xffff, insecure=1)
    ended(p, c)


HEADERS = {
    "magic": {"magic": 0x12345678}, "serial": {"serial": 9}, "serial0": {"serial": 0},
    "long": {"length": 5000}, "short": {"length": 1}, "nfds": {"nfds": 1},
}


@pytest.mark.parametrize("what", HEADERS)
def test_G4_conductor_bad_header(stage, what):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    t = TYPES["CHECK_IMAGE"]
    c.edge.send_raw(t.number, rktmsg.encode("CHECK_IMAGE", image=DIGEST),
                    **HEADERS[what])
    ended(p, c)


@pytest.mark.parametrize("number", [0, 1, 0x100, 0x1ff, 0xffff])
def test_G4_conductor_unknown_type(stage, number):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.send_raw(number, b"")
    ended(p, c)


@pytest.mark.parametrize("t", [t for t in TYPES.values() if t.sender != "C"],
                         ids=lambda t: t.name)
def test_G4_conductor_speaks_for_another(stage, t):
    """A verdict on the conductor's pair is no verdict."""
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.send_raw(t.number, rktmsg.encode(t.name), fds_for(t))
    ended(p, c)


INEXACT = [(t, how) for t in but("HELLO")
           for how in ["one more byte", "one less", "fd too many"]
           if how != "one less" or t.fields]


@pytest.mark.parametrize("t, how", INEXACT, ids=lambda x: getattr(x, "name", x))
def test_G4_conductor_inexact(stage, t, how):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    body = rktmsg.encode(t.name, **VALUES[t.name])
    fds = fds_for(t)
    if how == "one more byte":
        body += b"\0"
    elif how == "one less":
        body = body[:-1]
    else:
        fds = fds + [os.open("/dev/null", os.O_RDONLY)]
    c.edge.send_raw(t.number, body, fds)
    ended(p, c)


def test_G4_conductor_many_fds(stage):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    fd = os.open("/dev/null", os.O_RDONLY)
    c.edge.send_raw(TYPES["START_POD"].number, b"", [fd] * 250, nfds=1)
    ended(p, c)


def test_G4_conductor_oversized(stage):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.send_raw(TYPES["CHECK_IMAGE"].number, b"\0" * 70000)
    ended(p, c)


@pytest.mark.parametrize("n", range(0, 16))
def test_G4_conductor_truncated_header(stage, n):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.send_bytes(rktmsg.header(TYPES["HELLO"].number, 0, 0, 2)[:n] or b"x")
    ended(p, c)


def zoo_names():
    return ["pipe-read", "pipe-write", "socket", "directory", "root", "proc", "sysfs",
            "unsealed-memfd", "null", "writable-file", "epoll", "tty"]


@pytest.mark.parametrize("kind", zoo_names())
def test_G4_conductor_plan_descriptor_zoo(stage, kind, tmp_path):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    zoo = play.fd_zoo(str(tmp_path))
    c.edge.send("START_POD", how=0, fds=[zoo[kind]])
    ended(p, c)


def plan(volumes=(), more=(), **change):
    """A plan that is well-formed and asks for an image that is not there;
    volumes, and what differs in further apps."""
    pod = dict(version=3, uuid=UUID, net=0, flavor=1, apps=1 + len(more),
               volumes=len(volumes), manifest=b"{}")
    app = dict(name="a", image=DIGEST, image_name="a.com/b", exec=["/x"],
               working_dir="/", user="0", group="0", paths=1)
    for k, v in change.items():
        (pod if k in {f.name for f in TYPES["PLAN_POD"].fields} else app)[k] = v
    out = b""
    records = [("PLAN_POD", pod), *(("PLAN_VOLUME", v) for v in volumes),
               ("PLAN_APP", app), *(("PLAN_APP", app | m) for m in more)]
    for serial, (name, values) in enumerate(records, 1):
        body = rktmsg.encode(name, **values)
        out += rktmsg.header(TYPES[name].number, 0, len(body), serial) + body
    return out


REFUSED_PLANS = {
    "no such image": {}, "host net": {"net": 1}, "unknown net": {"net": 9},
    "flavor": {"flavor": 7}, "version": {"version": 2},
    "insecure not said": {"insecure": 255}, "interactive not said": {"interactive": 1},
    "debug not said": {"debug": 1},
    "caps beyond": {"caps": (1 << 21) | 1}, "unknown cap": {"caps": 1 << 60},
    "seccomp none": {"seccomp": 2}, "seccomp wide": {"seccomp": 1},
    "unknown seccomp": {"seccomp": 77}, "paths off": {"paths": 0},
    "cwd proc": {"working_dir": "/proc/self/fd/3"},
    "no exec": {"exec": []}, "gid": {"supplementary_gids": [4294967295]},
    "memory": {"memory": 100}, "oom": {"oom_score_adj": 5000},
    "filter": {"filter": b"123"}, "empty user": {"user": ""},
    "a second app": {"more": [{"name": "b"}]},
    "host volume": {"volumes": [dict(name="v", kind=1, source="/etc",
                                     recursive=1)]},
    "host volume, no path": {"volumes": [dict(name="v", kind=1, source="etc")]},
    "volume of no kind": {"volumes": [dict(name="v", kind=9)]},
    "volume twice": {"volumes": [dict(name="v", kind=2)] * 2},
    "mount of no volume": {"mount_volume": ["v"], "mount_target": ["/x"],
                           "mount_flags": [0]},
    "mount without target": {"volumes": [dict(name="v", kind=2)],
                             "mount_volume": ["v"], "mount_flags": [0]},
    "mount on /": {"volumes": [dict(name="v", kind=2)], "mount_volume": ["v"],
                   "mount_target": ["/"], "mount_flags": [0]},
    "port 0": {"socket_names": ["s"], "socket_ports": [0]},
    "half a layer": {"layers": b"123"}, "pod's memory": {"memory": 4095},
    "pids": {"pids": 1 << 40},
}


@pytest.mark.parametrize("what", REFUSED_PLANS)
def test_G4_conductor_plan_beyond_argv(stage, what):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.send("START_POD", how=0, fds=[play.sealed(plan(**REFUSED_PLANS[what]))])
    m = c.edge.recv(60)
    assert m.name == "REFUSED", m
    # By the rule, not for the image: PS_REFUSED_POLICY, _PLAN, _NOTFOUND.
    assert m.fields["code"] in ((1, 8) if REFUSED_PLANS[what] else (5,)), m
    p.finish()
    p.nothing_happened()


MALFORMED_PLANS = {
    "two apps said": {"apps": 2}, "no app said": {"apps": 0},
    "uuid": {"uuid": "../../../../etc/aaaaaaaaaaaaaaaaaaaa"},
    "uuid case": {"uuid": UUID.upper()},
    "app name": {"name": "../../x"}, "app name slash": {"name": "a/b"},
    "working dir": {"working_dir": "relative"},
    "working dir dots": {"working_dir": "/a/../../b"},
    "env": {"env": ["1BAD=x"]}, "hostname": {"hostname": "a;b"},
}


@pytest.mark.parametrize("what", MALFORMED_PLANS)
def test_G4_conductor_plan_malformed(stage, what):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.send("START_POD", how=0, fds=[play.sealed(plan(**MALFORMED_PLANS[what]))])
    ended(p, c)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 40, -1])
def test_G4_conductor_plan_truncated(stage, n):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.send("START_POD", how=0, fds=[play.sealed(plan()[:n])])
    ended(p, c)


def test_G4_conductor_refused_trust_key(stage, tmp_path):
    """A key goes nowhere but where argv says."""
    key = tmp_path / "k"
    key.write_text("not a key")
    p = stage("conductor").start("trust", "--prefix=a.com", str(key))
    c = p.hello()
    c.edge.send("GET_FILE", path=str(key), kind=3)
    slot = c.edge.recv(60).fields["slot"]
    c.edge.send("TRUST_KEY", slot=slot, prefix="b.com", fingerprint="ab" * 20)
    ended(p, c)
    assert not os.path.exists(os.path.join(p.conf, "trustedkeys"))


def test_G4_conductor_root_key_needs_root_flag(stage, tmp_path):
    key = tmp_path / "k"
    key.write_text("not a key")
    p = stage("conductor").start("trust", "--prefix=a.com", str(key))
    c = p.hello()
    c.edge.send("GET_FILE", path=str(key), kind=3)
    slot = c.edge.recv(60).fields["slot"]
    c.edge.send("TRUST_KEY", slot=slot, prefix="", fingerprint="ab" * 20)
    ended(p, c)


def test_G4_conductor_flood(stage):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    for _ in range(2000):
        c.edge.send("CHECK_IMAGE", remove=1, image=DIGEST)
        assert c.edge.recv(60).name == "REFUSED"
    assert p.finish() == 0
    p.nothing_happened()


def test_G4_conductor_flood_without_reading(stage):
    """It does not read its answers: the launcher gives up, and ends it."""
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.sock.settimeout(1)
    deadline = time.monotonic() + 60
    while p.process.poll() is None and time.monotonic() < deadline:
        # What fills up first may be the launcher's, which has not run yet.
        with contextlib.suppress(TimeoutError, BlockingIOError,
                                 BrokenPipeError, ConnectionResetError):
            c.edge.send("CHECK_IMAGE", remove=1, image=DIGEST)
    assert p.process.poll() == 254
    p.finish()
    p.nothing_happened()


@pytest.mark.parametrize("order", [0, 1, 254, "K"])
@pytest.mark.parametrize("when", ["before hello", "after hello", "while fetching"])
def test_G4_conductor_dies(stage, order, when):
    p = stage("conductor", "fetcher").start("fetch", "x")
    if when == "before hello":
        c = p.room("conductor")
    else:
        c = p.hello()
    if when == "while fetching":
        c.edge.send("START_FETCHER", count=1, kinds=b"\1")
        p.room("fetcher")
        c.edge.recv(60)
    c.end(order)
    code = p.finish()
    assert code == (254 if order == "K" else order)
    p.nothing_happened()


def test_G4_conductor_exits_zero_without_pod(stage):
    """Exit 0 is not an approval."""
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.end(0)
    assert p.finish() == 0
    p.nothing_happened()


def test_G4_conductor_mask_needs_remove(stage):
    """A mask is written only where argv says --remove and names the key."""
    p = stage("conductor").start("trust", "--prefix=a.com", "ab" * 20)
    c = p.hello()
    c.edge.send("TRUST_KEY", slot=65535, mask=1,
                prefix="a.com", fingerprint="ab" * 20)
    ended(p, c)
    assert not os.path.exists(os.path.join(p.conf, "trustedkeys"))


@pytest.mark.parametrize("words", [["--remove", "--prefix=a.com", "cd" * 20],
                                   ["--remove", "--prefix=b.com", "ab" * 20],
                                   ["--remove", "--root", "ab" * 20]])
def test_G4_conductor_mask_of_something_else(stage, words):
    p = stage("conductor").start("trust", *words)
    c = p.hello()
    c.edge.send("TRUST_KEY", slot=65535, mask=1,
                prefix="a.com", fingerprint="ab" * 20)
    ended(p, c)


def test_G4_conductor_mask_writes_one_empty_file(stage):
    p = stage("conductor").start("trust", "--remove", "--prefix=a.com", "ab" * 20)
    c = p.hello()
    c.edge.send("TRUST_KEY", slot=65535, mask=1,
                prefix="a.com", fingerprint="ab" * 20)
    path = os.path.join(p.conf, "trustedkeys/prefix.d/a.com", "ab" * 20)
    m = c.edge.recv(60)
    assert m.name == "TRUSTED" and m.fields["path"] == path
    assert os.stat(path).st_size == 0
    assert p.finish() == 0
    p.nothing_happened()


def test_G4_conductor_reads_no_text_but_what_a_flag_gives_it(stage, tmp_path):
    """An image's path is not for the conductor's eyes."""
    secret = tmp_path / "s"
    secret.write_text("secret")
    p = stage("conductor").start("run", str(secret))
    c = p.hello()
    c.edge.send("GET_FILE", path=str(secret), kind=4)
    ended(p, c)


def test_G4_conductor_gets_a_copy_of_its_text(stage, tmp_path):
    text = tmp_path / "env"
    text.write_text("A=1\n")
    text.chmod(0o600)
    p = stage("conductor").start("run", "--set-env-file=" + str(text), "x")
    c = p.hello()
    c.edge.send("GET_FILE", path=str(text), kind=4)
    m = c.edge.recv(60)
    assert m.name == "SLOT" and m.fields["slot"] == 0xffff and len(m.fds) == 1
    assert os.pread(m.fds[0], 100, 0) == b"A=1\n"
    os.close(m.fds[0])
    assert p.finish() == 0
    p.nothing_happened()
