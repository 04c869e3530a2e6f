"""rm, gc, image rm and image verify: what is asked of the launcher."""
import os
import time

import world
from fakelauncher import Launcher, alone, refuse

DONE = {n: lambda launcher, message: ("DONE", {})
        for n in ("END_POD", "CHECK_IMAGE")}


def asked(r):
    return [(int(m.fields["uuid"][:8], 16), m.fields["how"] - 2)
            for m in r.asked if m.name == "END_POD"]


def test_rm_marks_then_deletes(data):
    world.add_pod(data, "run", 1)
    world.add_pod(data, "exited-garbage", 2)
    r = Launcher(data, DONE).run("rm", "00000001", "00000002")
    assert r.code == 0, r.err
    assert asked(r) == [(1, 0), (1, 1), (2, 1)]
    assert r.out == '"%s"\n"%s"\n' % (world.uuid(1), world.uuid(2))


def test_rm_refuses_what_lives(data):
    locks = [world.add_pod(data, place, i + 1, lock=True) for i, place in
             enumerate(("run", "prepare", "exited-garbage"))]
    r = Launcher(data, DONE).run("rm", *(world.uuid(i) for i in (1, 2, 3, 4)))
    assert r.code == 254 and asked(r) == []
    assert 'rm: pod "%s" is currently running' % world.uuid(1) in r.err
    assert "is currently being prepared" in r.err
    assert "is currently being deleted" in r.err
    assert "rm: failed to remove one or more pods\n" in r.err
    for fd in locks:
        os.close(fd)


def test_rm_goes_on_after_a_refusal(data):
    world.add_pod(data, "run", 1)
    r = Launcher(data, {"END_POD": refuse(6, "in use")}).run("rm", "0000")
    assert r.code == 254 and r.out == "" and "rm: in use\n" in r.err


def test_rm_uuid_file(data, open_path):
    world.add_pod(data, "run", 1)
    (open_path / "u").write_text(world.uuid(1))
    r = Launcher(data, DONE).run("rm", "--uuid-file=%s/u" % open_path)
    assert r.code == 0 and asked(r) == [(1, 0), (1, 1)]
    (open_path / "u").write_text("../../x")
    r = Launcher(data, DONE).run("rm", "--uuid-file=%s/u" % open_path)
    assert r.code == 254 and asked(r) == []


def test_gc(data):
    lock = world.add_pod(data, "run", 1, lock=True)
    for n, place in enumerate(("run", "prepare", "prepared", "exited-garbage",
                               "garbage", "embryo"), start=2):
        world.add_pod(data, place, n)
    r = Launcher(data, DONE).run("gc")
    assert r.code == 0, r.err
    # 4 was prepared in 2023; 5 was marked just now.
    assert sorted(asked(r)) == [(2, 0), (3, 0), (4, 0), (6, 1)]
    assert r.out == 'Garbage collecting pod "%s"\n' % world.uuid(6)
    assert ('pod "%s" not removed: still within grace period (30m0s)' %
            world.uuid(5)) in r.err
    assert 'moving failed prepare "%s" to garbage' % world.uuid(3) in r.err
    r = Launcher(data, DONE).run("gc", "--grace-period=0s",
                                 "--expire-prepared=900000h")
    assert sorted(asked(r)) == [(2, 0), (3, 0), (5, 1), (6, 1)]
    r = Launcher(data, DONE).run("gc", "--mark-only")
    assert sorted(asked(r)) == [(2, 0), (3, 0), (4, 0)]
    os.close(lock)


def test_image_rm(data):
    a = world.add_image(data, "a")
    b = world.add_image(data, "b")
    world.add_image(data, "c", world.manifest(name="x.com/y"))
    r = Launcher(data, DONE).run("image", "rm", "example.com/hello")
    assert r.code == 0, r.err
    assert sorted(m.fields["image"] for m in r.asked[1:]) == sorted(
        (a[7:], b[7:]))
    assert 'successfully removed aci for image: "%s"' % a in r.out
    r = Launcher(data, DONE).run("image", "rm", a, "no.such")
    assert r.code == 254 and "successfully removed" in r.out
    assert "1 image(s) cannot be removed" in r.err


def test_image_verify(data):
    a = world.add_image(data, "a")
    r = Launcher(data, DONE).run("image", "verify", a)
    assert (r.code, r.one("CHECK_IMAGE")) == (
        0, {"image": a[7:], "remove": 0})
    assert "successfully verified" in r.out
    r = Launcher(data, {"CHECK_IMAGE": refuse(3, "the tree was changed")}).run(
        "image", "verify", a)
    assert r.code == 254 and "image verify: the tree was changed\n" in r.err


# --- images ------------------------------------------------------------------


def removed(r):
    return [m.fields["image"] for m in r.asked if m.name == "CHECK_IMAGE"]


def three_images(data):
    now = int(time.time())
    ids = [world.add_image(data, n, imported=now - hours * 3600)
           for n, hours in (("a", 30), ("b", 20), ("c", 0))]
    for image, hours in zip(ids, (30, 20, 0)):
        os.utime(data / "image" / image / "record", (now, now - hours * 3600))
    return [i[7:] for i in ids]


def test_image_gc(data):
    a, b, c = three_images(data)
    r = Launcher(data, DONE).run("image", "gc")
    assert r.code == 0 and removed(r) == [a], r.err
    r = Launcher(data, DONE).run("image", "gc", "--grace-period=19h59m")
    assert sorted(removed(r)) == sorted([a, b])
    r = Launcher(data, DONE).run("image", "gc", "--grace-period=-1s")
    assert r.code == 254 and removed(r) == []


def test_image_gc_goes_on(data):
    three_images(data)
    r = Launcher(data, {"CHECK_IMAGE": refuse(6, "used by a pod")}).run(
        "image", "gc", "--grace-period=0s")
    assert r.code == 0 and len(removed(r)) == 3 and r.out == ""
    r = Launcher(data, {"CHECK_IMAGE": refuse(4, "disk")}).run(
        "image", "gc", "--grace-period=0s")
    assert r.code == 254 and len(removed(r)) == 3
    assert "3 image(s) cannot be removed" in r.err


def test_image_export(data, open_path):
    image = world.add_image(data, "a")
    (data / "image" / image / "blob").write_bytes(b"bytes")
    r = Launcher(data).run("image", "export", image[:20], "-")
    assert (r.code, r.out, r.types()) == (0, "bytes", ["HELLO"]), r.err
    out = open_path / "o"
    out.write_bytes(b"longer than that")
    put = {"GET_FILE": lambda l, m: ("OUTPUT", {}, [os.open(out, os.O_WRONLY)])}
    r = Launcher(data, put).run("image", "export", image, str(out))
    assert r.code == 0 and out.read_bytes() == b"bytes", r.err
    assert r.one("GET_FILE") == {"path": str(out), "kind": 5}
    r = Launcher(data, put).run("image", "export", "sha512-00", str(out))
    assert r.code == 254 and r.types() == ["HELLO"]
    r = Launcher(data, {"GET_FILE": refuse(4, "cannot write o: no")}).run(
        "image", "export", image, "o")
    assert r.code == 254 and "image export: cannot write o: no" in r.err
    os.unlink(data / "image" / image / "blob")
    os.symlink("/etc/hostname", data / "image" / image / "blob")
    r = Launcher(data).run("image", "export", image, "-")
    assert r.code == 254 and r.out == ""


def test_image_export_alone(data, open_path):
    """Without the launcher a file of the caller's own."""
    image = world.add_image(open_path / "data", "a")
    (open_path / "data/image" / image / "blob").write_bytes(b"bytes")
    out = open_path / "out"
    out.mkdir()
    out.chmod(0o777)
    words = ["--dir=%s/data" % open_path, "image", "export", image]
    assert alone(*words, str(out / "o")).code == 0
    assert (out / "o").read_bytes() == b"bytes"
    r = alone(*words, str(out / "o"))
    assert r.code == 254 and "see --overwrite" in r.err
    r = alone(*words, str(open_path / "o"))
    assert r.code == 254 and "Permission denied" in r.err
    os.truncate(out / "o", 999)
    assert alone(*words, "--overwrite", str(out / "o")).code == 0
    assert (out / "o").read_bytes() == b"bytes"
