"""G4: checks that another check stands behind, so that only the moment at which
the launcher says no tells them apart (mutants.list names these tests).  The
launcher ends the session by itself: the conductor waits for that, and hears
nothing before it."""
import os

import play
import rktmsg
from rktmsg import TYPES
from test_conductor import UUID, plan
from test_workers import IMAGE, OTHER, Fetch, trust

POLICY, NOTFOUND, PLAN = 1, 5, 8


def silence(p, edge):
    assert edge.recv(60) is None
    assert p.finish() == 254
    assert "broke its protocol" in p.err, p.err
    p.nothing_happened()


def fetched(stage, kinds, contents, *argv):
    """An honest fetch of these slots."""
    p = stage("conductor", "fetcher", "verify", "unpack")
    trust(p)
    p.start("fetch", "a.com/b", *argv)
    c = p.hello()
    c.edge.send("START_FETCHER", count=len(kinds), kinds=kinds)
    f = p.room("fetcher")
    assert c.edge.recv(60).name == "FETCHER"
    for slot, content in zip(f.slots, contents):
        os.write(slot, content)
    f.end(0)
    c.edge.send("REAP_FETCHER")
    assert c.edge.recv(15).fields["ok"] == 1
    return p, c


def test_mutant_data_directory(stage, tmp_path):
    """An empty directory would do as a store, had argv named it."""
    empty = tmp_path / "empty"
    empty.mkdir()
    p = stage("conductor").start("run", "x")
    c = p.room("conductor")
    c.edge.send("HELLO", dir=str(empty), local_config=p.conf)
    silence(p, c.edge)
    assert os.listdir(empty) == []


def test_mutant_slot_kind(stage):
    p, c = fetched(stage, b"\2\1", [b"signature", IMAGE])
    c.edge.send("ADMIT_IMAGE", image=0, signature=1, name="a.com/b")
    silence(p, c.edge)


def test_mutant_slot_used_up(stage):
    f = Fetch(stage)
    f.verify(signers=[OTHER])
    assert f.c.edge.recv(60).name == "REFUSED"
    f.c.edge.send("ADMIT_IMAGE", image=0, signature=0xffff, name="a.com/b")
    silence(f.p, f.c.edge)


def test_mutant_unsigned(stage):
    p, c = fetched(stage, b"\1", [IMAGE])
    c.edge.send("ADMIT_IMAGE", image=0, signature=0xffff, name="a.com/b", insecure=0)
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and "no signature" in m.fields["text"]
    assert p.finish() == 0
    p.nothing_happened()


def test_mutant_insecure_unsaid(stage):
    p, c = fetched(stage, b"\1", [IMAGE])
    c.edge.send("ADMIT_IMAGE", image=0, signature=0xffff, name="a.com/b", insecure=1)
    silence(p, c.edge)


def test_mutant_root_key(stage, tmp_path):
    p = stage("conductor")
    key = tmp_path / "k"
    key.write_text("not a key")
    p.start("trust", "--prefix=a.com", str(key))
    c = p.hello()
    c.edge.send("GET_FILE", path=str(key), kind=3)
    slot = c.edge.recv(60).fields["slot"]
    c.edge.send("TRUST_KEY", slot=slot, prefix="", fingerprint="ab" * 20)
    silence(p, c.edge)


def test_mutant_prefix_key(stage, tmp_path):
    p = stage("conductor")
    key = tmp_path / "k"
    key.write_text("not a key")
    p.start("trust", "--root", "--prefix=a.com", str(key))
    c = p.hello()
    c.edge.send("GET_FILE", path=str(key), kind=3)
    slot = c.edge.recv(60).fields["slot"]
    c.edge.send("TRUST_KEY", slot=slot, prefix="b.com", fingerprint="ab" * 20)
    silence(p, c.edge)


def judged(stage, *words, **change):
    """A plan for an image that is not there: the proof speaks before."""
    p = stage("conductor").start(*words or ("run", "x"))
    c = p.hello()
    c.edge.send("START_POD", how=0, fds=[play.sealed(plan(**change))])
    m = c.edge.recv(60)
    assert m.name == "REFUSED", m
    p.finish()
    p.nothing_happened()
    return m.fields["code"]


def test_mutant_plan_unproved(stage):
    assert judged(stage) == NOTFOUND


def test_mutant_plan_caps(stage):
    assert judged(stage, caps=1 << 21) == POLICY


def test_mutant_plan_seccomp(stage):
    assert judged(stage, seccomp=2) == POLICY


def test_mutant_plan_net(stage):
    assert judged(stage, net=1) == PLAN


def test_mutant_plan_apps(stage):
    assert judged(stage, more=[{"name": "b"}]) == PLAN
    assert judged(stage, "run", "x", "y", more=[{"name": "b"}]) == NOTFOUND


def test_mutant_plan_words(stage):
    """What the operator gives to the second app is not the first one's."""
    line = ("run", "x", "y", "--caps-retain=CAP_SYS_ADMIN")
    assert judged(stage, *line, caps=1 << 21,
                  more=[{"name": "b", "caps": 1 << 21}]) == POLICY
    assert judged(stage, *line,
                  more=[{"name": "b", "caps": 1 << 21}]) == NOTFOUND


def volume(source="/etc", **change):
    return dict(name="v", kind=1, source=source, recursive=1) | change


def test_mutant_plan_volume(stage):
    line = ("run", "--volume=v,kind=host,source=/srv,readOnly=true", "x")
    assert judged(stage, volumes=[volume()]) == POLICY
    assert judged(stage, *line, volumes=[volume()]) == POLICY
    assert judged(stage, *line, volumes=[volume("/srv")]) == POLICY
    assert judged(stage, *line,
                  volumes=[volume("/srv", readonly=1)]) == NOTFOUND


def test_mutant_plan_mount(stage):
    mount = dict(mount_volume=["v"], mount_target=["/x"], mount_flags=[0])
    assert judged(stage, **mount) == PLAN
    assert judged(stage, volumes=[volume("", kind=2, recursive=0)],
                  **mount) == NOTFOUND


def test_mutant_plan_exact(stage):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.send("START_POD", how=0, fds=[play.sealed(plan() + b"\0")])
    silence(p, c.edge)


def test_mutant_plan_sealed(stage):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    fd = os.memfd_create("plan", os.MFD_ALLOW_SEALING)
    os.write(fd, plan())
    c.edge.send("START_POD", how=0, fds=[fd])
    silence(p, c.edge)


def remove_pod(serial, tail=b""):
    body = rktmsg.encode("END_POD", uuid=UUID, how=2) + tail
    return rktmsg.header(TYPES["END_POD"].number, 0, len(body), serial) + body


def test_mutant_serial(stage):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.sock.send(remove_pod(2))
    assert c.edge.recv(60).name == "REFUSED"
    c.edge.sock.send(remove_pod(2))
    silence(p, c.edge)


def test_mutant_exact_end(stage):
    p = stage("conductor").start("run", "x")
    c = p.hello()
    c.edge.sock.send(remove_pod(2, b"\0"))
    silence(p, c.edge)
