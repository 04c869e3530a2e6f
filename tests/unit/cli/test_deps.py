"""Dependencies: which layers come into the plan, in which order, and what of
an image in the store does not count as one."""
import random

import pytest

import world
from fakefetcher import Fetching, plan

TOP = "example.com/hello"


def dep(name, labels=None, **more):
    d = {"imageName": "example.com/" + name}
    if labels:
        d["labels"] = [{"name": k, "value": v} for k, v in labels.items()]
    d.update(more)
    return d


def put(data, name, *deps, seed=None, imported=1700000000, labels=None, **more):
    m = world.manifest(name="example.com/" + name, **more)
    if labels is not None:
        m["labels"] = [{"name": k, "value": v} for k, v in labels.items()]
    m["dependencies"] = [d if isinstance(d, dict) else dep(d) for d in deps]
    return world.add_image(data, seed or name, m, imported=imported)


def run(data, *argv):
    r = Fetching(data).run("run", "--pull-policy=never", *argv, TOP)
    r.layers = None
    if r.launcher.plan:
        _, app = plan(r.launcher)
        r.layers = ["sha512-" + app["layers"][i:i + 64].hex()
                    for i in range(0, len(app["layers"]), 64)]
    return r


def names(r):
    assert r.code == 0, r.err
    known = {world.image_id(n): n for n in
             ["a", "b", "c", "d", "old", "new", "hello"] +
             ["n%d" % i for i in range(40)]}
    return [known[i] for i in r.layers]


def refused(r, *words):
    assert r.code == 254 and r.launcher.plan is None
    for word in words:
        assert word in r.err, r.err


def test_later_lies_above(data):
    put(data, "hello", "a", "b")
    put(data, "a", "c")
    put(data, "b", "d")
    put(data, "c")
    put(data, "d")
    assert names(run(data)) == ["b", "d", "a", "c"]


def test_what_stood_there_has_nothing_behind_it(data):
    put(data, "hello", "a", "b")
    put(data, "a", "c")
    put(data, "b", "c")
    put(data, "c", "d")
    put(data, "d")
    assert names(run(data)) == ["b", "c", "d", "a", "c"]


@pytest.mark.parametrize("seed", range(12))
def test_any_graph_is_written_as_it_is_read(data, seed):
    """The launcher's reading (launcher/layers.c), done here: each image's
    dependencies, last first, and nothing left over."""
    rng = random.Random(seed)
    below = {}
    for i in range(8):
        under = ["n%d" % k for k in range(i)]
        below["n%d" % i] = rng.sample(under, min(len(under), rng.randrange(3)))
        put(data, "n%d" % i, *below["n%d" % i])
    below["hello"] = rng.sample(["n%d" % k for k in range(8)], 2)
    put(data, "hello", *below["hello"])
    layers, seen = names(run(data)), set()

    def read(name):
        if name in seen:
            return
        seen.add(name)
        for other in reversed(below[name]):
            assert layers.pop(0) == other
            read(other)

    read("hello")
    assert layers == []


@pytest.mark.parametrize("way", [["hello", "hello"], ["hello", "a", "hello"],
                                 ["hello", "a", "b", "c", "a"]])
def test_circle_names_the_way(data, way):
    for name, other in zip(way, way[1:]):
        put(data, name, other)
    start = way.index(way[-1])
    refused(run(data), "circle: " + " -> ".join(
        "example.com/%s:1.0" % n for n in way[start:]))


def test_most_that_there_may_be(data):
    put(data, "hello", *["n%d" % i for i in range(32)])
    for i in range(32):
        put(data, "n%d" % i)
    assert len(names(run(data))) == 32
    data2 = data.parent / "more"
    data2.mkdir()
    put(data2, "hello", *["n%d" % i for i in range(33)])
    for i in range(33):
        put(data2, "n%d" % i)
    refused(run(data2), "more than 32 dependencies in all")


def test_newest_that_fits(data):
    put(data, "hello", dep("a", {"version": "2.0"}), dep("b"))
    both = {"os": "linux", "arch": "amd64"}
    put(data, "a", seed="old", imported=1, labels={"version": "1.0", **both})
    put(data, "a", seed="a", imported=2, labels={"version": "2.0", **both})
    put(data, "a", seed="c", imported=3, labels={"version": "3.0", **both})
    put(data, "b", seed="b", imported=1)
    put(data, "b", seed="new", imported=2)
    assert names(run(data)) == ["new", "a"]


def test_host(data):
    """For another host is none; without os and arch is for all."""
    put(data, "hello", "a", "b")
    put(data, "a", labels={"version": "1.0"})
    put(data, "b", seed="b", imported=1)
    put(data, "b", seed="c", imported=2,
        labels={"os": "linux", "arch": "s390x"})
    assert names(run(data)) == ["b", "a"]


def test_by_image_id(data):
    """The one, and no newer of its name."""
    old = put(data, "a", seed="old", imported=1)
    put(data, "a", seed="new", imported=2)
    put(data, "hello", dep("a", imageID=old))
    assert names(run(data)) == ["old"]


@pytest.mark.parametrize("said, words", [
    ({"size": 999}, ["a size of 999 bytes", "has 1000"]),
    ({"imageID": world.image_id("elsewhere")}, ["no image named"]),
    ({"imageID": world.image_id("b")}, ["calls itself \"example.com/b\""]),
    ({"labels": {"version": "9"}}, ["no image named"]),
    ({"imageID": world.image_id("a"), "labels": {"version": "9"}},
     ["label version=9"]),
])
def test_not_what_is_said(data, said, words):
    put(data, "hello", dep("a", **said))
    put(data, "a")
    put(data, "b")
    refused(run(data), "\"example.com/hello:1.0\" depends on \"example.com/a\"",
            *words)


def test_size_is_of_the_file(data):
    """1000 bytes as it was signed, 4000 unpacked."""
    put(data, "hello", dep("a", size=1000))
    put(data, "a")
    assert names(run(data)) == ["a"]


def test_names_are_no_paths(data):
    """A manifest names no file and no URL, whatever lies about."""
    put(data, "hello", {"imageName": "a.aci"})
    refused(run(data), "a.aci")


def test_manifest_of_a_dependency_is_damaged(data):
    put(data, "hello", "a")
    i = put(data, "a")
    (data / "image" / i / "manifest").write_text("{")
    refused(run(data), "the manifest of \"example.com/a\" is invalid")
