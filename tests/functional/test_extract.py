"""rkt image extract and render: an image's files in the operator's directory,
with the image's own owners, which root lends to a worker for this alone."""
import os
import random
import stat
import subprocess

import pytest

import images
import rendering
from rendering import Entry


@pytest.fixture
def graph(host):
    """store(image): it and all below it fetched from files; its id."""
    host.trust()

    def store(image):
        rendering.build(image)
        known = set()

        def put(one):
            for other in one.after:
                put(other)
            if one.id not in known:
                known.add(one.id)
                host.rkt("fetch", "--pull-policy=new",
                         host.write_signed(one.tar)).ok()
        put(image)
        return image.id

    return store


def simple(**more):
    entries = {"": Entry("d", 0o750, 5, 6, 10**9), "bin": Entry("d", 0o755),
               "bin/su": Entry("f", 0o4755, 0, 0, 2 * 10**9, data=b"x", file=1),
               "home": Entry("d", 0o700, 1000, 1000),
               "home/f": Entry("f", 0o600, 1000, 1000, data=b"mine", file=2,
                               xattrs=(("user.k", b"v"),)),
               "link": Entry("l", data=b"/etc/passwd", uid=7)}
    return rendering.Image("example.test/one", entries, more.pop("after", []),
                           more.pop("whitelist", []))


def test_extract(host, graph):
    image = simple(whitelist=["/home/f"])
    id_ = graph(image)
    to = host.path / "out"
    host.rkt("image", "extract", id_[:20], to).ok()
    assert sorted(os.listdir(to)) == ["manifest", "rootfs"]
    assert (to / "manifest").read_bytes() == \
        (host.data / "image" / id_ / "manifest").read_bytes()
    # All of the archive: a whitelist is for what is rendered.
    assert rendering.listing(to / "rootfs", 0) == rendering.lines(image.entries)


def test_extract_directory_is_roots_alone(host, graph):
    """What is in it may be set-user-ID root, by an image's word."""
    image = graph(simple())
    for words in (["out"], ["--rootfs-only", "bare"]):
        to = host.path / words[-1]
        host.rkt("image", "extract", *words[:-1], image, to).ok()
        st = os.stat(to)
        assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (0o700, 0, 0)
    assert os.stat(host.path / "bare/bin/su").st_mode & stat.S_ISUID
    r = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups",
                        host.path / "bare/bin/su"], capture_output=True,
                       check=False)
    assert r.returncode != 0 and b"Permission denied" in r.stderr


def test_extract_rootfs_only(host, graph):
    image = simple()
    host.rkt("image", "extract", "--rootfs-only", graph(image),
             host.path / "out").ok()
    said = rendering.listing(host.path / "out", 0)
    assert said[1:] == rendering.lines(image.entries)[1:]


@pytest.mark.parametrize("seed", range(6))
def test_render_is_what_the_model_says(host, graph, seed):
    top = rendering.random_graph(random.Random(2000 + seed))
    graph(top)
    host.rkt("image", "render", top.name, host.path / "out").ok()
    assert rendering.listing(host.path / "out" / "rootfs", 0) == \
        rendering.lines(rendering.render(top))


def test_render_wants_everything_in_the_store(host, graph):
    low = simple()
    low.name = "example.test/low"
    top = rendering.Image("example.test/top", {"": Entry("d", 0o755)}, [low], [])
    graph(top)
    host.rkt("image", "rm", low.id).ok()
    host.rkt("image", "render", top.id, host.path / "out").refused(
        "depends on \"example.test/low\"")
    assert not (host.path / "out").exists()
    host.rkt("image", "extract", top.id, host.path / "out").ok()


def test_extract_over_something(host, graph):
    """Only a directory, and only with --overwrite; nothing is followed."""
    id_ = graph(simple())
    to, kept = host.path / "out", host.path / "kept"
    kept.mkdir()
    (kept / "f").write_text("x")
    to.mkdir()
    (to / "old").mkdir()
    (to / "old" / "f").write_text("x")
    host.rkt("image", "extract", id_, to).refused("exists (see --overwrite)")
    host.rkt("image", "extract", "--overwrite", id_, to).ok()
    assert sorted(os.listdir(to)) == ["manifest", "rootfs"]
    for make in (lambda p: p.symlink_to(kept), lambda p: p.write_text("x")):
        subprocess.run(["rm", "-rf", to], check=True)
        make(to)
        host.rkt("image", "extract", "--overwrite", id_, to).refused(str(to))
        assert os.path.lexists(to) and os.listdir(kept) == ["f"]
    for bad in ("/", "..", ".", "/..", str(host.path) + "/."):
        host.rkt("image", "extract", "--overwrite", id_, bad).refused()
    assert os.listdir(kept) == ["f"] and host.images() == [id_]


def test_extract_directory_stands_last(host, graph):
    """What may be removed is said in one place."""
    id_ = graph(simple())
    host.rkt("image", "extract", id_, host.path / "out", "--rootfs-only").ok()
    r = host.rkt("image", "extract", id_, host.path / "other", "--system-config",
                 "/etc")
    assert r.code == 254 and not (host.path / "other").exists(), r.describe()


def test_extract_only_what_may_run(host, graph):
    """A key that is masked now; an image that came without a signature."""
    id_ = graph(simple())
    host.trust(empty=True)
    host.rkt("image", "extract", id_, host.path / "out").refused("not trusted")
    host.rkt("image", "render", id_, host.path / "out").refused("not trusted")
    bare = images.aci(name="example.test/bare")
    host.rkt("fetch", "--insecure-options=image", host.write(bare)).ok()
    host.rkt("image", "extract", images.image_id(bare), host.path / "out"
             ).refused("--insecure-options=image")
    assert not (host.path / "out").exists()
    host.rkt("--insecure-options=image", "image", "extract",
             images.image_id(bare), host.path / "out").ok()


def test_extract_into_a_full_disk(host, graph):
    """Nothing half made stays."""
    big = Entry("f", data=os.urandom(3 << 20), file=9)
    id_ = graph(rendering.Image("example.test/big", {"": Entry("d", 0o755),
                                                     "f": big}, [], []))
    small = host.path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small],
                   check=True)
    try:
        host.rkt("image", "extract", id_, small / "out").refused("No space left")
        assert os.listdir(small) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_extract_where_owners_cannot_be_lent(host, graph):
    """An overlay cannot be mounted with other owners: said, and nothing left."""
    id_ = graph(simple())
    dirs = [host.path / d for d in ("lower", "upper", "work", "here")]
    for d in dirs:
        d.mkdir()
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    "lowerdir=%s,upperdir=%s,workdir=%s" % tuple(dirs[:3]),
                    dirs[3]], check=True)
    try:
        host.rkt("image", "extract", id_, dirs[3] / "out").refused(
            "its file system cannot give files other owners")
        assert os.listdir(dirs[3]) == []
    finally:
        subprocess.run(["umount", dirs[3]], check=True)


def test_extract_without_root(host, graph):
    id_ = graph(simple())
    r = host.bare("setpriv", "--reuid=65534", "--clear-groups",
                  *host.argv("image", "extract", id_, "/tmp/x"))
    assert r.code == 254 and "cannot run as unprivileged user" in r.err
