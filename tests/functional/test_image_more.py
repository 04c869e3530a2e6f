"""The store, further: gc, export, sorting, a thousand images."""
import hashlib
import os
import resource
import shutil
import subprocess
import time

import pytest

import images


def three(host):
    """Images of three names; ids in order of import."""
    host.trust()
    return [host.fetch(images.aci(name="example.test/" + n, version=v,
                                  files=[images.member("rootfs/f", n * size)]),
                       name=n + ".aci").ok().out.strip()
            for n, v, size in (("b", "1.0", 9), ("a", "2.0", 90000),
                               ("a", "1.0", 900))]


def age(host, image, hours):
    """Last used, and imported, some hours ago."""
    record = host.data / "image" / image / "record"
    then = int(time.time()) - hours * 3600
    text = record.read_text()
    lines = [("imported-at %d" % then if x.startswith("imported-at ") else x)
             for x in text.splitlines()]
    record.write_text("\n".join(lines) + "\n")
    os.utime(record, (then, then))


# --- gc ----------------------------------------------------------------------


def test_image_gc(host):
    ids = three(host)
    assert host.rkt("image", "gc").ok().out == ""
    age(host, ids[0], 25)
    age(host, ids[1], 23)
    r = host.rkt("image", "gc").ok()
    assert r.out == 'successfully removed aci for image: "%s"\n' % ids[0]
    assert host.images() == sorted(ids[1:])
    host.rkt("image", "gc", "--grace-period=22h").ok()
    assert host.images() == [ids[2]]
    host.rkt("image", "gc", "--grace-period=0s").ok()
    assert host.images() == []


def test_image_gc_counts_runs(host):
    """To run an image is to use it."""
    image = host.store()
    age(host, image, 100)
    host.run(image).ok()
    assert host.rkt("image", "gc", "--grace-period=1h").ok().out == ""
    assert host.images() == [image]


def test_image_gc_leaves_what_a_pod_uses(host):
    image = host.store()
    child = host.start("run", image, "--", "say", "up", "sleep", "600")
    host.wait_for(child, "say=up")
    age(host, image, 100)
    host.rkt("image", "gc").ok()
    assert host.images() == [image]
    child.terminate()
    child.wait(60)


@pytest.mark.parametrize("words", [["--grace-period=-1s"], ["x"],
                                   ["--grace-period=soon"]])
def test_image_gc_words(host, words):
    host.rkt("image", "gc", *words).refused("image gc: ")


# --- export ------------------------------------------------------------------


@pytest.fixture
def out(host):
    """A directory in which root alone may write, or even look."""
    made = host.path / "out"
    made.mkdir()
    made.chmod(0o700)
    return made


def test_image_export(host, out):
    """What was signed comes out, to the byte."""
    host.trust()
    image, signature = host.lab.signed(images.aci(name="example.test/x"))
    at = host.fetch(image).ok().out.strip()
    file = out / "x.aci"
    host.rkt("image", "export", at[:30], file).ok()
    assert file.read_bytes() == image
    host.rkt("image", "export", at, file).refused("--overwrite")
    assert (file.stat().st_uid, file.stat().st_mode) == (0, 0o100644)
    file.write_bytes(b"y" * 10 ** 6)
    file.chmod(0o600)
    host.rkt("image", "export", "--overwrite", "example.test/x", file).ok()
    assert file.read_bytes() == image
    assert file.stat().st_mode == 0o100600
    host.rkt("image", "rm", at).ok()
    file.with_name("x.aci.asc").write_bytes(signature)
    assert host.rkt("fetch", "--full", file).ok().out.strip() == at


def test_image_export_to_stdout(host):
    host.trust()
    image = images.aci(name="example.test/x")
    at = host.fetch(image).ok().out.strip()
    with open(host.path / "o", "w+b") as f:
        subprocess.run(host.argv("image", "export", at, "-"), stdout=f,
                       check=True, cwd="/")
    assert (host.path / "o").read_bytes() == image


def test_image_export_refusals(host, out):
    ids = three(host)
    for words in ([], [ids[0]], [ids[0], out / "a", out / "b"],
                  ["sha512-" + "0" * 20, out / "c"],
                  ["example.test/a", out / "d"], [ids[0], out],
                  [ids[0], "/dev/null"], [ids[0], out / "no" / "e"],
                  ["../x", out / "f"]):
        host.rkt("image", "export", *words).refused("image export: ")


def test_image_export_here(host, out):
    """A name without a directory is one in the caller's."""
    image = host.store()
    subprocess.run(host.argv("image", "export", image, "y.aci"), cwd=out,
                   check=True)
    subprocess.run(host.argv("image", "export", image, "./z.aci"), cwd=out,
                   check=True)
    assert sorted(p.name for p in out.iterdir()) == ["y.aci", "z.aci"]


def odd_files(out, victim):
    """What may be lying where an image is to be exported."""
    (out / "link").symlink_to(victim)
    (out / "dangling").symlink_to(out / "nowhere")
    os.link(victim, out / "hard")
    os.mkfifo(out / "fifo")
    (out / "dir").mkdir()
    (out / "null").symlink_to("/dev/null")
    return ["link", "dangling", "hard", "fifo", "dir", "null"]


@pytest.mark.parametrize("flags", [[], ["--overwrite"]])
def test_image_export_follows_nothing(host, out, flags):
    """Not to where a link leads, not into a pipe: root's pen writes regular
    files that have this one name."""
    image = host.store()
    victim = host.path / "victim"
    victim.write_text("whole")
    for name in odd_files(out, victim):
        reader = os.open(out / name, os.O_RDONLY | os.O_NONBLOCK) \
            if name == "fifo" else None
        host.rkt("image", "export", *flags, image, out / name).refused(
            "image export: cannot write %s" % (out / name))
        if reader:
            os.close(reader)
    assert victim.read_text() == "whole" and not (out / "nowhere").exists()
    host.rkt("image", "export", *flags, image, out / "dir/").refused("dir")


def test_image_export_that_fails_leaves_nothing(host, out):
    """A disk that is full; what was there before is emptied, as rkt says."""
    image = host.store()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", out],
                   check=True)
    try:
        r = host.rkt("image", "export", image, out / "x").refused("No space")
        assert "cannot export" in r.err and list(out.iterdir()) == []
        (out / "y").write_text("old")
        host.rkt("image", "export", "--overwrite", image, out / "y").refused(
            "No space")
        assert (out / "y").exists()
    finally:
        subprocess.run(["umount", out], check=True)


# --- list and rm -------------------------------------------------------------


def test_image_list_sorts(host):
    b1, a2, a1 = three(host)
    for i, image in enumerate((b1, a2, a1)):
        age(host, image, 10 - i)

    def by(*flags):
        return host.rkt("image", "list", "--no-legend", "--full",
                        "--fields=id", *flags).ok().out.split()
    assert by() == [b1, a2, a1]
    assert by("--order=desc") == [a1, a2, b1]
    assert by("--sort=name") == [a1, a2, b1]
    assert by("--sort=size") == [b1, a1, a2]
    assert by("--sort=id") == sorted([b1, a2, a1])
    age(host, b1, 1)
    assert by("--sort=lastused") == [a2, a1, b1]
    for bad in ("--sort=x", "--order=x", "--fields=id,x", "--fields=",
                "--format=x"):
        host.rkt("image", "list", bad).refused("image list: ")


def test_image_rm_of_several(host):
    b1, a2, a1 = three(host)
    r = host.rkt("image", "rm", "example.test/a", b1[:20]).ok()
    assert r.out.count("successfully removed") == 3 and host.images() == []


def test_image_rm_by_label(host):
    b1, a2, a1 = three(host)
    host.rkt("image", "rm", "example.test/a:2.0").ok()
    assert host.images() == sorted([b1, a1])


def processor_time():
    """Of all who were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_image_list_of_a_thousand(host):
    """By what it takes to list one: processor time, the best of ten."""
    image = host.store(images.aci(name="example.test/x"))

    def best():
        took = []
        for _ in range(10):
            before = processor_time()
            r = host.rkt("image", "list", "--no-legend").ok()
            took.append(processor_time() - before)
        return min(took), len(r.out.splitlines())
    alone, _ = best()
    source = host.data / "image" / image
    text = (source / "record").read_text()
    made = []
    for i in range(999):
        new = "sha512-" + hashlib.sha512(b"%d" % i).hexdigest()
        at = host.data / "image" / new
        at.mkdir()
        os.chown(at, 0, source.stat().st_gid)
        at.chmod(0o750)
        shutil.copy(source / "record", at / "record")
        (at / "record").write_text(text.replace("image " + image,
                                                "image " + new))
        os.chown(at / "record", 0, source.stat().st_gid)
        made.append(at)
    whole, lines = best()
    assert lines == 1000
    assert whole < 12 * alone, (alone, whole)
    for at in made:
        shutil.rmtree(at)
