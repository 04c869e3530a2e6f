"""rkt export: what an app left behind, as an image that can be fetched."""
import gzip
import json
import os
import pathlib
import subprocess
import tarfile

import pytest

import images

HERE = pathlib.Path(__file__).resolve().parent
NAME = "example.test/scribble"


@pytest.fixture(scope="module")
def scribble(lab):
    return lab.compile(HERE / "scribble.c")


def image(host, scribble, **facts):
    facts.setdefault("name", NAME)
    facts.setdefault("section", images.app("/bin/scribble"))
    return images.aci([
        images.directory("rootfs/bin"),
        images.program("rootfs/bin/scribble", scribble),
        images.member("rootfs/changed", "by the image", uid=5),
        images.member("rootfs/gone", "x"), images.member("rootfs/stays", "x",
                                                         uid=9, gid=10),
        images.directory("rootfs/old", mode=0o700),
        images.member("rootfs/old/inside", "x")], **facts)


def run(host, scribble, *more, **facts):
    """A pod of it that has exited; its uuid."""
    host.trust()
    host.fetch(image(host, scribble, **facts)).ok()
    return run_again(host, *more)


def run_again(host, *more):
    file = host.path / "uuid"
    r = host.rkt("run", "--uuid-file-save=%s" % file, *(more or [NAME])).ok()
    assert "scribbled=yes" in r.out and "failed=" not in r.out, r.out
    return file.read_text()


def members(path):
    """{name: TarInfo}, and the contents of files."""
    with tarfile.open(path, "r:gz") as t:
        found = {m.name: m for m in t}
        text = {n: t.extractfile(m).read() for n, m in found.items()
                if m.isreg()}
    return found, text


def test_export(host, scribble):
    uuid = run(host, scribble)
    out = host.path / "out.aci"
    r = host.rkt("export", uuid, out).ok()
    assert r.out == ""
    assert "export: 2 files were left out" in r.err
    found, text = members(out)

    def is_(name, mode, uid=0, gid=0):
        m = found["rootfs/" + name]
        assert (m.mode, m.uid, m.gid) == (mode, uid, gid), (name, m.get_info())
        return m
    assert text["rootfs/changed"] == b"by the app"
    is_("changed", 0o640, 1000, 1001)
    is_("stays", 0o644, 9, 10)
    assert "rootfs/gone" not in found
    is_("old", 0o711)
    assert "rootfs/old/inside" not in found
    assert text["rootfs/old/new"] == b"opaque"
    is_("d", 0o1770)
    is_("d/setuid", 0o4755)
    assert found["rootfs/d/two"].islnk()
    assert found["rootfs/d/two"].linkname == "rootfs/d/one"
    assert is_("d/link", 0o777, 7, 8).linkname == "/etc/shadow"
    assert is_("d/fifo", 0o622).isfifo()
    assert text["rootfs/d/\u00e4"] == b"a good one"
    assert "rootfs/d/socket" not in found
    assert not any("bad" in n for n in found)
    assert text["rootfs/bin/scribble"] == scribble
    assert (out.stat().st_uid, out.stat().st_mode & 0o777) == (0, 0o644)


def test_export_can_be_fetched(host, scribble):
    """What came out goes in again, and is that app."""
    uuid = run(host, scribble, "--pull-policy=never", NAME, "--user=0",
               "--environment=A=b")
    out = host.path / "out.aci"
    host.rkt("export", uuid, out).ok()
    m = json.loads(tarfile.open(out).extractfile("manifest").read())
    assert (m["name"], m["app"]["exec"]) == (NAME, ["/bin/scribble"])
    assert {"name": "A", "value": "b"} in m["app"]["environment"]
    for old in host.images():
        host.rkt("image", "rm", old).ok()
    host.rkt("fetch", out).refused()
    again = host.rkt("--insecure-options=image", "fetch", "--full", out).ok()
    tree = host.data / "image" / again.out.strip() / "tree" / "rootfs"
    assert (tree / "changed").read_text() == "by the app"
    base = tree.stat().st_uid
    assert (tree / "changed").stat().st_uid == base + 1000
    assert (tree / "d" / "one").stat().st_nlink == 2
    host.rkt("image", "verify", again.out.strip()).ok()


def test_export_twice_is_the_same(host, scribble):
    uuid = run(host, scribble)
    one, two = host.path / "one.aci", host.path / "two.aci"
    host.rkt("export", uuid, one).ok()
    host.rkt("gc", "--mark-only").ok()
    host.rkt("export", uuid[:8], two).ok()
    assert one.read_bytes() == two.read_bytes()


def test_export_of_layers(host, scribble):
    """The image and what it depends on, in one."""
    host.trust()
    host.fetch(images.aci([images.member("rootfs/below", "b", gid=3),
                           images.member("rootfs/stays", "below")],
                          name="example.test/base"), name="base.aci").ok()
    text = json.loads(images.manifest(name=NAME,
                                      section=images.app("/bin/scribble")))
    text["dependencies"] = [{"imageName": "example.test/base"}]
    host.rkt("fetch", "--pull-policy=new", host.write_signed(
        image(host, scribble, text=json.dumps(text)))).ok()
    uuid = run_again(host)
    out = host.path / "out.aci"
    host.rkt("export", uuid, out).ok()
    found, texts = members(out)
    assert texts["rootfs/below"] == b"b" and found["rootfs/below"].gid == 3
    assert texts["rootfs/stays"] == b"x"
    assert "dependencies" not in json.loads(texts["manifest"])


def test_export_chooses_an_app(host, scribble):
    host.trust()
    host.fetch(image(host, scribble)).ok()
    uuid = run_again(host, NAME, "--name=one", NAME, "--name=two")
    out = host.path / "out.aci"
    host.rkt("export", uuid, out).refused("several apps", "one, two")
    host.rkt("export", "--app=three", uuid, out).refused('no app "three"')
    assert not out.exists()
    host.rkt("export", "--app=two", uuid, out).ok()
    assert members(out)[1]["rootfs/changed"] == b"by the app"


def test_export_refusals(host, scribble):
    uuid = run(host, scribble)
    out = host.path / "out.aci"
    for words, said in [([uuid], "takes a UUID and a file"),
                        ([uuid, host.path / "out"], "does not end with .aci"),
                        ([uuid, ".aci"], "does not end with .aci"),
                        (["00000000", out], "no matches found"),
                        ([uuid, host.path / "no" / "x.aci"], "cannot write"),
                        (["../x", out], "no matches found")]:
        host.rkt("export", *words).refused("export: ", said)
    out.write_text("old")
    host.rkt("export", uuid, out).refused("see --overwrite")
    assert out.read_text() == "old"
    host.rkt("export", "--overwrite", uuid, out).ok()
    assert gzip.decompress(out.read_bytes())[:8] == b"manifest"
    link = host.path / "link.aci"
    link.symlink_to(host.path / "uuid")
    host.rkt("export", "--overwrite", uuid, link).refused("regular file")
    host.rkt("image", "rm", NAME).ok()
    host.rkt("export", uuid, host.path / "late.aci").refused("manifest")
    assert not (host.path / "late.aci").exists()


def test_export_of_a_running_pod(host):
    image_id = host.store()
    file = host.path / "uuid"
    child = host.start("run", "--uuid-file-save=%s" % file, image_id, "--",
                       "say", "up", "sleep", "600")
    host.wait_for(child, "up")
    out = host.path / "x.aci"
    host.rkt("export", file.read_text(), out).refused("is running")
    assert not out.exists()


def test_export_needs_root(host):
    host.bare("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
              *host.argv("export", "x", "y.aci")).refused(
                  "cannot run as unprivileged user")


def test_export_full_disk(host, scribble):
    """Nothing half made stays."""
    uuid = run(host, scribble)
    small = host.path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small],
                   check=True)
    try:
        host.rkt("export", uuid, small / "x.aci").refused("No space")
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_export_root_does_not_walk(host, scribble):
    """Every name of the tree is opened by the worker, whose root is the pod's,
    and who can reach nothing else."""
    uuid = run(host, scribble)
    trace = host.path / "trace"
    host.bare("strace", "-f", "-o", str(trace), "-e",
              "trace=openat,openat2,open,execveat,setresuid",
              *host.argv("export", uuid, host.path / "x.aci")).ok()
    lines = trace.read_text().splitlines()
    worker = next(x.split()[0] for x in lines
                  if "execveat" in x and x.rstrip().endswith("= 0")
                  and any(y.startswith(x.split()[0] + " ")
                          and '"setuid"' in y for y in lines))
    for line in lines:
        if any('"%s"' % n in line for n in ("setuid", "stays", "one", "new")):
            assert line.startswith(worker + " "), line


@pytest.mark.parametrize("what", ["deep", "many", "large", "sparse"])
def test_export_of_a_mad_tree(host, scribble, what):
    """What the app may have left: bounded, and refused by name."""
    uuid = run(host, scribble)
    host.policy({"many": "max-entries 40\n",
                 "sparse": "max-tree-size 10000000\n"}.get(what, "\n"))
    upper = host.data / "pods" / "run" / uuid / "overlay" / "app-scribble" / \
        "upper"
    base = upper.stat().st_uid
    if what == "deep":
        at = os.open(upper, os.O_RDONLY)
        for _ in range(300):
            os.mkdir("d" * 10, dir_fd=at)
            os.chown("d" * 10, base, base, dir_fd=at)
            new = os.open("d" * 10, os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = new
        os.close(at)
    elif what == "many":
        for i in range(60):
            (upper / ("f%d" % i)).write_text("")
    else:
        with open(upper / "huge", "wb") as f:
            f.truncate(1 << 40 if what == "sparse" else 1 << 20)
    out = host.path / "x.aci"
    r = host.rkt("export", uuid, out, timeout=120)
    if what == "large":
        r.ok()
        assert members(out)[0]["rootfs/huge"].size == 1 << 20
    else:
        r.refused({"deep": "symbolic links", "many": "more than 40 entries",
                   "sparse": "larger than site policy"}[what])
        assert not out.exists()

