"""Images that depend on images: fetched by the rules of any image, checked
against all that their manifests say, laid over each other as appc says."""
import os
import random
import time

import pytest

import images
import rendering
import webserver
from host import wait_until
from rendering import Entry, Image
from test_kill import gc

PAGE = ("example.test https://example.test/f/{name}-{version}-{os}-{arch}.{ext}")


def dep(name, size=None, image_id=None, **labels):
    """A dependency as a manifest has it."""
    d = {"imageName": "example.test/" + name}
    if labels:
        d["labels"] = [{"name": k, "value": v} for k, v in labels.items()]
    if size is not None:
        d["size"] = size
    if image_id is not None:
        d["imageID"] = image_id
    return d


def base(name, files=(), version="1.0", **more):
    return images.aci(name="example.test/" + name, version=version, files=files,
                      **more)


def text(path, content):
    return images.member("rootfs/" + path, content)


class Site:
    """https://example.test: images by name, found by discovery."""

    def __init__(self, host):
        self.host, self.content, self.server = host, {}, None

    def add(self, name, image, version="1.0", key=None, signed=True, served=None):
        """name below example.test; served: other bytes than were signed."""
        image, signature = self.host.lab.signed(image, key)
        file = "/f/example.test/%s-%s-linux-amd64.aci" % (name, version)
        self.content["/" + name] = webserver.discovery_page(PAGE)
        self.content[file] = image if served is None else served
        if signed:
            self.content[file + ".asc"] = signature
        if version == "1.0":
            for ext in ("", ".asc"):
                if file + ext in self.content:
                    self.content[file.replace("1.0", "latest") + ext] = \
                        self.content[file + ext]
        return image

    def open(self):
        self.server = self.host.serve(self.content)

    def asked(self):
        """Paths of image files that were asked for."""
        return [r.path for r in self.server.requests if r.path.endswith(".aci")]


@pytest.fixture
def site(host):
    host.trust()
    return Site(host)


def guest(host, *deps, files=(), **more):
    """The guest program over what it depends on."""
    more.setdefault("section", images.app("/bin/guest"))
    return host.lab.guest_image(files=files, dependencies=list(deps), **more)


# --- friendly ------------------------------------------------------------------


def test_dependency_run(host, site):
    """Two levels, fetched by discovery; upper hides lower; later hides earlier."""
    site.add("one", base("one", [text("who", "one"), text("one", "1")]))
    two = site.add("two", base("two", [text("who", "two"), text("two", "2")],
                               dependencies=[dep("deep")]))
    deep = site.add("deep", base("deep", [text("deep", "3"), text("two", "-")]))
    site.open()
    top = guest(host, dep("one"), dep("two", version="1.0"),
                files=[text("top", "4")])
    r = host.run(host.write_signed(top), "read", "/who", "read", "/one", "read",
                 "/two", "read", "/deep", "read", "/top").ok()
    assert [v.strip() for v in r.facts.all("read")] == ["two", "1", "2", "3", "4"]
    assert {images.image_id(i) for i in (top, two, deep)} < set(host.images())


def test_dependency_fetch_brings_all(host, site):
    """rkt fetch prints the one image, and the rest is there: no network then."""
    site.add("mid", base("mid", dependencies=[dep("low")]))
    site.add("low", base("low", [text("low", "x")]))
    site.open()
    path = host.write_signed(guest(host, dep("mid")))
    r = host.rkt("fetch", path).ok()
    assert len(r.out.split()) == 1 and len(host.images()) == 3
    asked = len(site.asked())
    r = host.run("example.test/guest", "read", "/low",
                 pod=["--pull-policy=never"]).ok()
    assert len(site.asked()) == asked == 2
    host.rkt("run", "--pull-policy=never", host.images()[0]).refused()


def test_dependency_pull_policies(host, site):
    """never wants it in the store; new takes it from there; update asks."""
    site.add("low", base("low", [text("low", "x")]))
    site.open()
    top = host.write_signed(guest(host, dep("low")))
    host.rkt("run", "--pull-policy=never", top).refused(
        "depends on \"example.test/low\"", "--pull-policy=never")
    host.rkt("run", top).ok()
    asked = len(site.asked())
    host.rkt("run", top).ok()
    assert len(site.asked()) == asked
    host.rkt("run", "--pull-policy=update", top).ok()
    assert len(site.server.requests) > asked


def test_dependency_for_every_host(host, site):
    """An image without os and arch serves any."""
    site.add("scripts", base("scripts", [text("s", "x")],
                             labels={"version": "1.0"}))
    site.open()
    host.rkt("run", host.write_signed(guest(host, dep("scripts")))).ok()


def test_dependency_all_that_is_said(host, site):
    """Name, labels, image ID and size: all right."""
    low = site.add("low", base("low", labels={
        "version": "1.0", "os": "linux", "arch": "amd64", "flavor": "sweet"}))
    site.open()
    d = dep("low", size=len(low), image_id=images.image_id(low), version="1.0",
            flavor="sweet", os="linux")
    host.rkt("run", host.write_signed(guest(host, d))).ok()


def test_dependency_is_shared(host, site):
    """One tree in the store for all pods and images above it; no copies."""
    low = site.add("low", base("low", [text("big", "x" * 100000)]))
    site.open()
    for name in ("first", "second"):
        top = guest(host, dep("low"), name="example.test/" + name)
        host.rkt("run", host.write_signed(top, name=name + ".aci")).ok()
    found = list(host.data.glob("image/*/**/big"))
    assert [p.relative_to(host.data).parts[1] for p in found] == \
        [images.image_id(low)]


def test_dependency_diamond(host, site):
    """Both sides of a diamond stand on one image, which is fetched once."""
    site.add("left", base("left", [text("l", "x")], dependencies=[dep("low")]))
    site.add("right", base("right", [text("r", "x")], dependencies=[dep("low")]))
    site.add("low", base("low", [text("low", "x")]))
    site.open()
    top = guest(host, dep("left"), dep("right"))
    r = host.run(host.write_signed(top), "list", "/").ok()
    assert {"l", "r", "low"} <= set(r.facts.all("list"))
    assert len(site.asked()) == 3


def test_dependency_many(host, site):
    """A chain of 32, the most that there may be; 33 are refused by name."""
    for i in range(33):
        below = [dep("n%d" % (i + 1))] if i < 32 else []
        site.add("n%d" % i, base("n%d" % i, [text("f%d" % i, "x")],
                                 dependencies=below))
    site.open()
    r = host.run(host.write_signed(guest(host, dep("n1"))), "list", "/").ok()
    assert {"f%d" % i for i in range(1, 33)} <= set(r.facts.all("list"))
    host.rkt("run", host.write_signed(guest(host, dep("n0")))).refused(
        "\"example.test/n32\"", "more than 32 dependencies in all")


def test_dependency_whitelist(host, site):
    """What is not listed is not there; the rendering is kept and found again."""
    site.add("low", base("low", [images.directory("rootfs/etc", mode=0o711),
                                 text("etc/yes", "y"), text("etc/no", "n")]))
    site.open()
    top = guest(host, dep("low"), pathWhitelist=["/bin/guest", "/etc/yes"])
    path = host.write_signed(top)
    for _ in range(2):
        r = host.run(path, "list", "/etc", "list", "/", "stat", "/etc").ok()
        assert "no" not in r.facts.all("list") and "yes" in r.facts.all("list")
        assert r.facts.one("stat").split()[1] == "40711"
    made = list(host.data.glob("image/*/rendered/*"))
    assert [p.name for p in made] == ["1"]
    assert sorted(p.name for p in made[0].iterdir()) == ["record", "rootfs"]
    # No one but root walks to what may be set-user-ID.
    st = made[0].parent.stat()
    assert (st.st_mode & 0o7777, st.st_uid) == (0o700, 0)


def test_dependency_prepared(host, site):
    """A pod that waits is of these very layers, though newer ones come; and
    they are judged when it starts."""
    for version in ("1.0", "2.0"):
        site.add("low", base("low", [text("v", version)], version), version)
    site.open()
    path = host.write_signed(guest(host, dep("low")))
    uuids = [host.rkt("prepare", path, "--", "read", "/v").ok().out.strip()
             for _ in range(2)]
    low, = set(host.images()) - {images.image_id(path.read_bytes())}
    time.sleep(1.1)
    host.rkt("fetch", "example.test/low:2.0").ok()
    r = host.rkt("run-prepared", uuids[0]).ok()
    assert "read=1.0" in r.out
    r = host.rkt("image", "rm", low)
    assert r.code == 254 and "is used by pod" in r.err, r.describe()
    host.trust(empty=True)
    host.rkt("run-prepared", uuids[1]).refused("is not trusted")
    host.rkt("rm", uuids[1])


def test_dependency_pod_of_two_apps(host, site):
    """Each app over its own layers, of which some are the same."""
    site.add("low", base("low", [text("low", "low")]))
    site.add("mid", base("mid", [text("mid", "mid")], dependencies=[dep("low")]))
    site.open()
    one = host.write_signed(guest(host, dep("low"), name="example.test/one",
                                  section=images.app("/bin/guest", "list", "/")),
                            name="one.aci")
    two = host.write_signed(guest(host, dep("mid"), name="example.test/two",
                                  section=images.app("/bin/guest", "read",
                                                     "/mid", "read", "/low")),
                            name="two.aci")
    r = host.rkt("run", one, two).ok()
    assert "read=mid" in r.out and "read=low" in r.out
    listed = [line for line in r.out.splitlines() if " one[" in line]
    assert any("list=low" in line for line in listed)
    assert not any("list=mid" in line for line in listed)


def test_dependency_another_version_another_rendering(host, site):
    """A rendering is of exactly these layers."""
    for version in ("1.0", "2.0"):
        site.add("low", base("low", [text("v", version)], version), version)
    site.open()
    top = guest(host, dep("low"), pathWhitelist=["/bin/guest", "/v"])
    path = host.write_signed(top)
    assert host.run(path, "read", "/v").ok().facts.one("read").strip() == "1.0"
    time.sleep(1.1)  # the newest import is taken, by the second
    host.rkt("fetch", "example.test/low:2.0").ok()
    assert host.run(path, "read", "/v").ok().facts.one("read").strip() == "2.0"
    assert len(list(host.data.glob("image/*/rendered/*"))) == 2


def overlay(child):
    """The app's root as the host sees it while the pod runs, and its first
    id: by the pod's pid 1, the child of what rkt became."""
    with open("/proc/%d/task/%d/children" % (child.pid, child.pid),
              encoding="ascii") as f:
        init = f.read().split()[0]
    with open("/proc/%s/uid_map" % init, encoding="ascii") as f:
        return "/proc/%s/root/opt/stage2/guest/rootfs" % init, \
            int(f.read().split()[1])


@pytest.mark.parametrize("seed", range(8))
def test_dependency_random_graph(host, site, seed):
    """Random graphs, fetched, run, and seen from outside: what the app has is
    what the model of appc's rules has."""
    top = rendering.random_graph(random.Random(1000 + seed))
    for image in [top, *rendering.graph_below(top).values()]:
        image.entries = {("t/" + p).rstrip("/"): e
                         for p, e in image.entries.items()}
        if image.whitelist:
            image.whitelist = ["/t" + w for w in image.whitelist]
    top.entries["bin"] = Entry("d", 0o755)
    top.entries["bin/guest"] = Entry("f", 0o755, data=host.lab.guest)
    top.name = "example.test/guest"
    if top.whitelist:
        top.whitelist += ["/t", "/bin/guest"]
    rendering.build(top, section=images.app("/bin/guest"))
    for image in rendering.graph_below(top).values():
        site.add(image.name.split("/", 1)[1], image.tar)
    site.open()
    child = host.start("run", host.write_signed(top.tar), "--", "say", "started",
                       "sleep", "600")
    host.wait_for(child, "started")
    root, shift = overlay(child)
    want = {p[2:] if p != "t" else "": e for p, e in
            rendering.render(top).items() if p == "t" or p.startswith("t/")}
    got = rendering.listing(root + "/t", shift) if os.path.lexists(root + "/t") \
        else []
    assert got == rendering.lines(want)


# --- refused -------------------------------------------------------------------


@pytest.mark.parametrize("said, words", [
    (dict(version="9.9"), ["version=9.9"]),
    (dict(flavor="sour"), ["flavor=sour"]),
    (dict(image_id="sha512-" + "ab" * 64), ["image ID sha512-abab"]),
    (dict(size=7), ["bytes"]),
    (dict(size=10**9), ["a size of 1000000000 bytes"]),
])
def test_dependency_is_not_what_is_said(host, site, said, words):
    """The one at hand is signed, and is not the one that was meant."""
    low = base("low")
    site.add("low", low)
    if "version" in said:
        site.add("low", low, "9.9")
    site.open()
    top = host.write_signed(guest(host, dep("low", **said)))
    host.rkt("run", top).refused("example.test/low", *words)
    assert host.pods() == []


def test_dependency_size_bounds_the_download(host, site):
    """Endless data is given up at the size that was said."""
    low = site.add("low", base("low"))
    file = "/f/example.test/low-latest-linux-amd64.aci"
    site.content[file] = webserver.Reply(body=bytes(65536), endless=True,
                                         length=None)
    site.open()
    began = time.monotonic()
    host.rkt("run", host.write_signed(guest(host, dep("low", size=len(low))))
             ).refused("low")
    assert time.monotonic() - began < 60


def test_dependency_by_another_name(host, site):
    site.add("low", base("other"))
    site.open()
    host.rkt("run", host.write_signed(guest(host, dep("low")))).refused(
        "example.test/low", "example.test/other")


def test_dependency_is_signed(host, site):
    """By someone who is trusted for its name."""
    site.add("low", base("low"), key=host.lab.other)
    site.open()
    top = host.write_signed(guest(host, dep("low")))
    host.rkt("run", top).refused("depends on \"example.test/low\"")
    assert len(host.images()) == 1


def test_dependency_without_signature(host, site):
    site.add("low", base("low"), signed=False)
    site.open()
    host.rkt("run", host.write_signed(guest(host, dep("low")))).refused(
        "signature not found")


def test_dependency_key_revoked_after_fetch(host, site):
    """Judged at each start, each layer by itself."""
    host.trust(host.lab.other, prefix="example.test/low")
    site.add("low", base("low", [text("low", "x")]), key=host.lab.other)
    site.open()
    top = host.write_signed(guest(host, dep("low"),
                                  pathWhitelist=["/bin/guest", "/low"]))
    host.rkt("run", top).ok()
    host.trust(host.lab.other, prefix="example.test/low", empty=True)
    host.rkt("run", top).refused("is not trusted for \"example.test/low\"")


def test_dependency_circle(host, site):
    """The error names the way round."""
    site.add("a", base("a", dependencies=[dep("b")]))
    site.add("b", base("b", dependencies=[dep("c")]))
    site.add("c", base("c", dependencies=[dep("a")]))
    site.open()
    host.rkt("run", host.write_signed(guest(host, dep("a")))).refused(
        "the dependencies are a circle: example.test/a:1.0 -> "
        "example.test/b:1.0 -> example.test/c:1.0 -> example.test/a:1.0")
    host.rkt("fetch", "example.test/a").refused("circle")


def test_dependency_layer_is_held(host, site):
    """An image under a running app is not removed; behind it, it is."""
    low = images.image_id(site.add("low", base("low", [text("low", "x")])))
    site.open()
    child = host.start("run", host.write_signed(guest(host, dep("low"))), "--",
                       "say", "started", "sleep", "600")
    host.wait_for(child, "started")
    r = host.rkt("image", "rm", low)
    assert r.code != 0 and "is used by a pod" in r.err, r.describe()
    host.rkt("image", "gc", "--grace-period=0s")
    assert low in host.images()
    host.end_children()
    host.children.clear()
    host.rkt("image", "rm", low).ok()
    host.rkt("run", "--pull-policy=never", "example.test/guest").refused(
        "example.test/low")


def test_dependency_tree_spoiled(host, site):
    """check-tree launch reads every layer."""
    low = images.image_id(site.add("low", base("low", [text("low", "x")])))
    site.open()
    host.policy("insecure-options none\ncheck-tree launch\ndiscovery any\n")
    top = host.write_signed(guest(host, dep("low")))
    host.rkt("run", top).ok()
    (host.data / "image" / low / "tree/rootfs/low").write_text("y")
    host.rkt("run", top).refused(
        "image \"example.test/low\" is damaged: its tree")


def test_dependency_rendering_spoiled(host, site):
    """And every rendering; nothing is rendered from a spoiled layer."""
    low = images.image_id(site.add("low", base("low", [text("low", "x")])))
    site.open()
    host.policy("insecure-options none\ncheck-tree launch\ndiscovery any\n")
    top = host.write_signed(guest(host, dep("low"),
                                  pathWhitelist=["/bin/guest", "/low"]))
    host.rkt("run", top).ok()
    file, = host.data.glob("image/*/rendered/1/rootfs/low")
    file.write_text("y")
    host.rkt("run", top).refused(
        "image \"example.test/guest\" is damaged: its rendered tree")
    record = file.parent.parent / "record"
    record.write_text(record.read_text().replace("layer", "player", 1))
    (host.data / "image" / low / "tree/rootfs/low").write_text("y")
    host.rkt("run", top).refused(
        "image \"example.test/low\" is damaged: its tree")


def test_dependency_rendering_verify(host, site):
    """rkt image verify looks at renderings too; a damaged one goes, unless it
    is in use, and is made again."""
    site.add("low", base("low", [text("low", "x")]))
    site.open()
    top = host.write_signed(guest(host, dep("low"),
                                  pathWhitelist=["/bin/guest", "/low"]))
    host.rkt("run", top).ok()
    host.rkt("image", "verify", "example.test/guest").ok()
    child = host.start("run", top, "--", "say", "started", "sleep", "600")
    host.wait_for(child, "started")
    file, = host.data.glob("image/*/rendered/1/rootfs/low")
    file.write_text("y")
    r = host.rkt("image", "verify", "example.test/guest")
    assert r.code != 0 and "a pod uses it" in r.err and file.exists()
    host.end_children()
    host.children.clear()
    r = host.rkt("image", "verify", "example.test/guest")
    assert r.code != 0 and "is taken away" in r.err and not file.exists()
    host.rkt("image", "verify", "example.test/guest").ok()
    assert host.run(top, "read", "/low").ok().facts.one("read").strip() == "x"


def test_dependency_rendered_at_once(host, site):
    """Three starts that all find no rendering: each runs, and one is kept."""
    site.add("low", base("low", [text("low", "x" * 1000000)]))
    site.open()
    path = host.write_signed(guest(host, dep("low"),
                                   pathWhitelist=["/bin/guest", "/low"]))
    host.rkt("fetch", path).ok()
    runs = [host.start("run", "--pull-policy=never", "example.test/guest", "--",
                       "say", "done") for _ in range(3)]
    assert [r.wait(60) for r in runs] == [0, 0, 0]
    assert all("say=done" in host.said(r) for r in runs)
    made, = host.data.glob("image/*/rendered")
    assert [p.name for p in made.iterdir()] == ["1"]


def test_dependency_killed_while_rendering(host, site):
    """At any moment: the next start works, and nothing half made stays."""
    many = [text("d%d/f%d" % (i // 100, i), "x" * 100) for i in range(4000)]
    site.add("low", base("low", many))
    site.open()
    path = host.write_signed(guest(host, dep("low"), pathWhitelist=[
        "/bin/guest", *("/d%d/f%d" % (i // 100, i) for i in range(4000))]))
    host.rkt("fetch", path).ok()

    def marks():
        return {*host.data.glob("image/*/rendered/.new-*"),
                *host.data.glob("image/*/rendered/1")}
    for delay in (0.0, 0.01, 0.05, 0.2):
        before = {m for m in marks() if m.name != "1"}
        child = host.start("run", "--pull-policy=new", path, "--", "say", "x")
        wait_until(lambda: marks() - before)
        time.sleep(delay)
        child.kill()
        child.wait()
    r = host.run(path, "read", "/d39/f3999", pod=["--pull-policy=new"]).ok()
    assert r.facts.one("read") == "x" * 100
    made, = host.data.glob("image/*/rendered")
    assert [p.name for p in made.iterdir()] == ["1"]
    gc(host)


def test_dependency_rendering_into_a_full_disk(small_host):
    """A refusal that says so, and leaves no half."""
    host = small_host
    host.trust()
    big = images.program("rootfs/big", os.urandom(200000))
    tar = guest(host, files=[big], pathWhitelist=["/bin/guest", "/big"])
    id_ = host.fetch(tar).ok().out.strip()
    hog = host.data / "hog"
    with open(hog, "wb") as f:
        try:
            while True:
                f.write(bytes(65536))
                f.flush()
        except OSError:
            pass
    host.rkt("run", id_).refused("No space left")
    made = host.data / "image" / id_ / "rendered"
    assert not made.exists() or os.listdir(made) == []
    hog.unlink()
    host.rkt("run", id_).ok()


def test_dependency_rendering_is_made_again(host, site):
    """One whose record says anything else is not used."""
    site.add("low", base("low", [text("low", "x")]))
    site.open()
    top = host.write_signed(guest(host, dep("low"),
                                  pathWhitelist=["/bin/guest", "/low"]))
    host.rkt("run", top).ok()
    record, = host.data.glob("image/*/rendered/1/record")
    for spoil in (lambda t: t[:-1], lambda t: "", lambda t: t + "x",
                  lambda t: t.replace("tree", "tre e", 1)):
        record.write_text(spoil(record.read_text()))
        assert host.run(top, "read", "/low").ok().facts.one("read").strip() == "x"
    assert len(list(host.data.glob("image/*/rendered/*"))) == 2
