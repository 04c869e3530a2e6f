"""Laying images over each other, by the unpack program itself: what comes out
is compared, path by path and property by property, with an independent model
of appc's rules (tests/lib/rendering.py)."""
import ctypes
import os
import random
import shutil
import socket

import pytest

import host as host_module
import images
import rendering
import rktmsg
from rendering import Entry, Image

UNPACK = host_module.PREFIX / "libexec" / "rkt" / "unpack"
CLONE_NEWUSER = 0x10000000
_libc = ctypes.CDLL(None, use_errno=True)


class Worker:
    """unpack, as root of the foreign id range."""

    def __init__(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ready, go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._child(theirs, ready)
        for which in ("uid_map", "gid_map"):
            self._map(which)
        theirs.close()
        os.close(ready)
        os.write(go, b"x")
        os.close(go)
        self.edge = rktmsg.Edge(ours, "U")

    def _map(self, which):
        path = "/proc/%d/%s" % (self.pid, which)
        while os.readlink("/proc/%d/ns/user" % self.pid) == \
                os.readlink("/proc/self/ns/user"):
            pass
        with open(path, "w", encoding="ascii") as f:
            f.write("0 %d 65536" % rendering.FOREIGN)

    @staticmethod
    def _child(edge, ready):
        try:
            if _libc.unshare(CLONE_NEWUSER) == 0 and os.read(ready, 1) == b"x":
                os.setresgid(0, 0, 0)
                os.setresuid(0, 0, 0)
                os.dup2(edge.fileno(), 3)
                os.execve(UNPACK, ["unpack"], {})
        finally:
            os._exit(99)

    def end(self):
        """The answer, after it has ended as it should."""
        answer = self.edge.recv(timeout=60)
        self.edge.close()
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if answer is None:
            return None, status
        return answer, status


def empty_root(path):
    path.mkdir(parents=True)
    os.chown(path, rendering.FOREIGN, rendering.FOREIGN)
    return path


def unpack(image, path):
    """The image's own tree at path/rootfs, its manifest beside it."""
    root = empty_root(path / "rootfs")
    (path / "image").write_bytes(image.tar)
    fds = [os.open(path / "image", os.O_RDONLY), os.open(root, os.O_RDONLY),
           os.open(path / "manifest", os.O_WRONLY | os.O_CREAT, 0o640)]
    w = Worker()
    w.edge.send("UNPACK", fds=fds, max_tar=1 << 30, max_ratio=1000,
                max_entries=10000, max_manifest=1 << 20)
    answer, status = w.end()
    for fd in fds:
        os.close(fd)
    assert answer and answer.name == "UNPACKED" and status == 0, answer
    return answer.fields


def ask(path, manifest, trees, max_tree=1 << 30, max_entries=100000):
    """RENDER into path/rootfs: (answer, exit code)."""
    root = empty_root(path / "rootfs")
    fds = [os.open(root, os.O_RDONLY), os.open(manifest, os.O_RDONLY)]
    layers = [os.open(t, os.O_RDONLY) for t in trees]
    w = Worker()
    w.edge.send("RENDER", fds=fds, layers=len(layers), max_tree=max_tree,
                max_entries=max_entries)
    for i in range(0, len(layers), 4):
        w.edge.send("LAYERS", fds=layers[i:i + 4])
    result = w.end()
    for fd in fds + layers:
        os.close(fd)
    return result


class Store:
    """The trees of a graph, each unpacked once."""

    def __init__(self, path):
        self.path, self.known = path, {}

    def add(self, image):
        if image.name not in self.known:
            if not image.id:
                rendering.build(image)
            at = self.path / image.name.replace("/", "_")
            self.known[image.name] = (at, unpack(image, at))
        return self.known[image.name][0]

    def lowers(self, image):
        """As the launcher flattens: what has a whitelist is rendered."""
        at = self.add(image)
        trees = [at / "rootfs"]
        for other in reversed(image.after):
            trees += [t for t in self.lowers(other) if t not in trees]
        if not image.whitelist:
            return trees
        return [self.render(image, trees)]

    def render(self, image, trees):
        at = self.path / ("rendered-" + image.name.replace("/", "_"))
        if not at.exists():
            answer, status = ask(at, self.add(image) / "manifest", trees)
            assert status == 0 and answer.name == "TREE", answer
        return at / "rootfs"

    def whole(self, image):
        """The rendered root of the top, always by RENDER."""
        trees = self.lowers(image)
        return trees[0] if image.whitelist else self.render(image, trees)


@pytest.fixture
def store(tmp_path):
    yield Store(tmp_path)
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.parametrize("seed", range(40))
def test_rendering_is_what_the_model_says(store, seed):
    """Random graphs: files for directories, links, modes, owners, xattrs, hard
    links, whitelists, diamonds, implicit directories."""
    top = rendering.random_graph(random.Random(seed))
    assert rendering.listing(store.whole(top)) == \
        rendering.lines(rendering.render(top))


def tree(**entries):
    """a__b=Entry: paths."""
    return {k.replace("__", "/").rstrip("/"): v for k, v in entries.items()}


def file(data, **more):
    return Entry("f", data=data.encode(), file=next(rendering._serial), **more)


def image(name, entries, after=(), whitelist=()):
    return Image("example.test/" + name, {"": Entry("d", 0o755), **entries},
                 list(after), list(whitelist))


def rendered(store, top):
    """The listing, which must be the model's; {path: words}."""
    said = rendering.listing(store.whole(top))
    assert said == rendering.lines(rendering.render(top))
    return {line.split()[0]: line.split()[1:] for line in said}


def test_rendering_later_dependencies_lie_above(store):
    low = image("low", tree(f=file("low"), low=file("1")))
    high = image("high", tree(f=file("high"), high=file("2")))
    got = rendered(store, image("top", {}, [low, high]))
    assert sorted(got) == [".", "f", "high", "low"]
    assert (store.whole(image("top", {}, [low, high])) / "f").read_text() == "high"


def test_rendering_takes_the_place_of_a_directory(store):
    """A link over a directory is not followed; a directory over a link hides
    what the link led to; what was below does not come back."""
    bottom = image("bottom", tree(d=Entry("d"), d__x=file("x"), e=Entry("d"),
                                  e__y=file("y")))
    middle = image("middle", tree(d=Entry("l", data=b"e"), e=file("no dir")),
                   [bottom])
    top = image("top", tree(d=Entry("d", 0o700), d__z=file("z")), [middle])
    assert sorted(rendered(store, top)) == [".", "d", "d/z", "e"]


def test_rendering_implicit_directories_say_nothing(store):
    """tmp stays 1777 though a file in it came without its directory."""
    base = image("base", tree(tmp=Entry("d", 0o1777, 3, 4, 5 * 10**9)))
    top = image("top", tree(tmp__f=file("x")), [base])
    assert rendered(store, top)["tmp"][:4] == ["d", "1777", "3:4", "5000000000"]


def test_rendering_whitelist_is_complete(store):
    """Exactly its paths, with the directories to them: a listed directory does
    not bring what is in it, and one's own files have no privilege."""
    base = image("base", tree(etc=Entry("d", 0o711), etc__a=file("a"),
                              etc__b=file("b"), usr__lib__c=file("c")))
    top = image("top", tree(own=file("o"), mine__x=file("x"),
                            empty=Entry("d")), [base],
                ["/etc/a", "/usr/", "/mine/x", "/nowhere/at/all"])
    assert sorted(rendered(store, top)) == [
        ".", "etc", "etc/a", "mine", "mine/x", "usr"]


def test_rendering_whitelist_of_a_dependency(store):
    """Filters what it and those below it give, and no one else."""
    bottom = image("bottom", tree(f=file("bottom"), g=file("g")))
    middle = image("middle", tree(h=file("h"), i=file("i")), [bottom],
                   ["/g", "/h"])
    beside = image("beside", tree(i=file("beside's")))
    got = rendered(store, image("top", tree(t=file("t")), [beside, middle]))
    assert sorted(got) == [".", "g", "h", "i", "t"]


def test_rendering_keeps_hard_links(store):
    one = file("same")
    base = image("base", tree(a=one, b=one, c__d=one))
    top = image("top", tree(a=file("other")), [base])
    got = rendered(store, top)
    assert got["c/d"][-1] == "b" and got["b"][-1] == "-" and got["a"][-1] == "-"


def test_rendering_most_layers(store):
    """33 in one rendering, deep below each other, each with its file."""
    deep = "/".join(["d"] * 200)
    below = []
    for i in range(33):
        below = [image("n%d" % i, {deep + "/f%d" % i: file("x"),
                                   "same": file(str(i))}, below)]
    got = rendered(store, below[0])
    assert len([p for p in got if "/f" in p]) == 33
    assert (store.whole(below[0]) / "same").read_text() == "32"


def test_rendering_bounds(store, tmp_path):
    """Bytes and entries that are too many are refused, not cut off."""
    base = image("base", tree(a=file("x" * 5000), b=file("y" * 5000)))
    at = store.add(base)
    for i, more in enumerate([{"max_tree": 9999}, {"max_entries": 1}]):
        answer, status = ask(tmp_path / ("out%d" % i), at / "manifest",
                             [at / "rootfs"], **more)
        assert status == 1 and answer.name == "UNPACK_FAILED", answer
        assert "rendered: more than" in answer.fields["text"]


def test_rendering_of_a_spoiled_layer(store, tmp_path):
    """What no image can hold is refused; it is not opened."""
    at = store.add(image("base", tree(a=file("x"))))
    os.mkfifo(at / "rootfs" / "fifo")
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(at / "rootfs" / "s"))
    answer, status = ask(tmp_path / "out", at / "manifest", [at / "rootfs"])
    sock.close()
    assert status == 1 and answer.fields["text"].startswith("s: cannot be rendered")


@pytest.mark.parametrize("how", ["none", "many", "file", "early", "other"])
def test_rendering_hears_only_what_it_must(tmp_path, how):
    """A launcher that misbehaves gets no answer."""
    root = empty_root(tmp_path / "rootfs")
    (tmp_path / "m").write_bytes(images.manifest())
    fds = [os.open(root, os.O_RDONLY), os.open(tmp_path / "m", os.O_RDONLY)]
    w = Worker()
    w.edge.send("RENDER", fds=fds, layers=0 if how == "none" else 1, max_tree=1,
                max_entries=1)
    if how == "many":
        w.edge.send("LAYERS", fds=[fds[0]] * 2)
    elif how == "file":
        w.edge.send("LAYERS", fds=[fds[1]])
    elif how == "early":
        w.edge.sock.shutdown(socket.SHUT_WR)
    elif how == "other":
        w.edge.send("DIGEST_TREE", fds=[fds[0]])
    answer, status = w.end()
    assert answer is None and status in (111, 120)
    for fd in fds:
        os.close(fd)
