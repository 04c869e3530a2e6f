"""rkt without root: members of group rkt fetch into the spool and look; root
takes what they fetched, and believes nothing of it."""
import contextlib
import grp
import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time

import pytest

import host as host_module
import images
import webserver

NAME = "example.test/app"


class Person:
    """A user of this host, who is in group rkt or not."""

    def __init__(self, name, groups):
        subprocess.run(["useradd", "--no-create-home", "--home-dir", "/",
                        "--shell", "/bin/sh", "--user-group",
                        *(["--groups", groups] if groups else []), name],
                       check=True)
        self.name, self.uid = name, pwd.getpwnam(name).pw_uid
        self.gid = pwd.getpwnam(name).pw_gid
        self.groups = [grp.getgrnam(groups).gr_gid] if groups else []

    def do(self, host, *argv, **more):
        """A command of this person's; the Result."""
        return host.bare(*map(str, argv), user=self.uid, group=self.gid,
                         extra_groups=self.groups, **more)

    def rkt(self, host, *words, **more):
        return self.do(host, *host.argv(*words), **more)

    def write(self, path, data, mode=0o644):
        """A file of this person's."""
        path.write_bytes(data)
        os.chown(path, self.uid, grp.getgrnam("rkt").gr_gid)
        path.chmod(mode)

    def gone(self):
        subprocess.run(["userdel", self.name], check=True)


@pytest.fixture(scope="module")
def people():
    """Two members of group rkt, and one who is not."""
    with contextlib.ExitStack() as stack:
        made = []
        for i, group in enumerate(["rkt", "rkt", None]):
            made.append(Person("rkttest%d%d" % (os.getpid(), i), group))
            stack.callback(made[-1].gone)
        yield made


@pytest.fixture
def new_host(lab):
    """One that its users can walk to, as /var/lib and /etc are.  Not below
    pytest's directory, which every start of pytest closes again."""
    path = tempfile.mkdtemp(prefix="rkt-open-", dir="/var/tmp")
    os.chmod(path, 0o755)
    made = host_module.Host(lab, path)
    yield made
    made.close()


@pytest.fixture
def open_host(new_host):
    """The same, once root has used it."""
    new_host.rkt("image", "list").ok()
    return new_host


def publish(host, name=NAME, version="1.0", key=None, **more):
    """An image at example.test by discovery; its bytes."""
    image = host.lab.guest_image(name=name, version=version) \
        if not more.get("plain") else images.aci(name=name, version=version)
    host.publish(*host.lab.signed(image, key), name=name, version=version)
    return image


def spooled(host, suffix="aci"):
    return sorted((host.data / "spool").glob("*." + suffix))


def offline(host):
    """No server answers any more."""
    host.stack.close()


def plant(host, person, like=None, **changes):
    """An entry that a member makes by hand: files of like, but as changed."""
    name = "%032x" % int.from_bytes(os.urandom(16), "big")
    for suffix in ("aci", "asc", "meta"):
        data = changes.get(suffix)
        if data is None and like is not None:
            data = like.with_suffix("." + suffix).read_bytes()
        if data is not None:
            person.write(host.data / "spool" / (name + "." + suffix), data)
    return name


def meta(image, name=NAME, labels=("arch=amd64", "os=linux", "version=1.0")):
    """A record as one who lies writes it."""
    ident = images.image_id(image)
    return "".join("%s\n" % line for line in [
        "image " + ident, "raw " + ident, "tree " + ident, "name " + name,
        "origin https://example.test/x.aci", *("label " + x for x in labels),
        "signer " + "ab" * 20, "signed-at 0", "imported-at 1", "raw-size 1",
        "tar-size 1", "tree-size 1", "entries 1"]).encode()


# --- a member fetches, root runs ---------------------------------------------


def test_nonroot_fetch_prints_what_rkt_prints(open_host, people):
    open_host.trust()
    image = publish(open_host)
    r = people[0].rkt(open_host, "fetch", NAME + ":1.0").ok()
    assert r.out == images.image_id(image)[:7 + 32] + "\n"
    for text in ("image: searching for app image " + NAME,
                 'image: remote fetching from URL "https://example.test/f/',
                 "image: signature verified:",
                 open_host.lab.publisher.fingerprint):
        assert text in r.err, r.err
    assert open_host.images() == [], "a member writes the store"
    assert [p.stat().st_mode & 0o777 for p in spooled(open_host, "*")] == \
        [0o640] * 4
    assert spooled(open_host)[0].read_bytes() == image


def test_nonroot_fetch_then_root_runs(open_host, people):
    """Root needs no network for it, and verifies it all again."""
    open_host.trust()
    image = publish(open_host)
    people[0].rkt(open_host, "fetch", NAME + ":1.0").ok()
    offline(open_host)
    r = open_host.run(NAME + ":1.0", "facts").ok()
    assert "image: using image from the spool for " + NAME in r.err
    assert "image: signature verified:" in r.err
    assert open_host.images() == [images.image_id(image)]
    assert r.facts.status("NoNewPrivs")
    # Now it is root's, whatever becomes of the spool.
    for path in spooled(open_host, "*"):
        path.unlink()
    open_host.run(NAME + ":1.0", "facts").ok()


def test_nonroot_fetch_then_root_runs_by_id(open_host, people):
    open_host.trust()
    path = open_host.write_signed(open_host.lab.guest_image(name=NAME))
    short = people[0].rkt(open_host, "fetch", path).ok().out.strip()
    open_host.run(short, "facts").ok()
    open_host.rkt("run", short[:-2] + "00").refused("no image with ID")


@pytest.mark.parametrize("how", ["path", "url"])
def test_nonroot_fetch_otherwise(open_host, people, how):
    open_host.trust()
    image, signature = open_host.lab.signed(images.aci(name=NAME))
    open_host.serve({"/a.aci": image, "/a.aci.asc": signature})
    what = {"path": open_host.write(image, signature),
            "url": "https://example.test/a.aci"}[how]
    r = people[0].rkt(open_host, "fetch", "--full", what).ok()
    assert r.out.strip() == images.image_id(image)
    # Twice is once.
    people[0].rkt(open_host, "fetch", what).ok()
    people[1].rkt(open_host, "fetch", what).ok()
    assert len(spooled(open_host)) == 2


def test_nonroot_fetch_what_it_depends_on(open_host, people):
    """All that root will need, from two members, without a network of his."""
    open_host.trust()
    base = images.aci([images.member("rootfs/base", b"b")],
                      name="example.test/base")
    text = json.loads(images.manifest(name=NAME,
                                      section=images.app("/bin/guest")))
    text["dependencies"] = [{"imageName": "example.test/base"}]
    top = open_host.lab.guest_image(name=NAME, text=json.dumps(text))
    image, signature = open_host.lab.signed(base)
    open_host.publish(*open_host.lab.signed(top), content={
        "/base": webserver.discovery_page(
            "example.test/base https://example.test/b.{ext}"),
        "/b.aci": image, "/b.aci.asc": signature})
    r = people[0].rkt(open_host, "fetch", NAME + ":1.0").ok()
    assert r.out.splitlines() == [images.image_id(top)[:7 + 32]]
    assert len(spooled(open_host)) == 2
    offline(open_host)
    r = open_host.run(NAME + ":1.0", "read", "/base").ok()
    assert "using image from the spool for example.test/base" in r.err
    assert len(open_host.images()) == 2


def test_nonroot_fetch_new_looks_first(open_host, people):
    open_host.trust()
    publish(open_host, plain=True)
    people[0].rkt(open_host, "fetch", NAME + ":1.0").ok()
    offline(open_host)
    people[0].rkt(open_host, "fetch", "--pull-policy=never", NAME + ":1.0").ok()
    # Another's entry is another's word.
    people[1].rkt(open_host, "fetch", "--pull-policy=never",
                  NAME + ":1.0").refused("no image named")


def test_nonroot_fetch_that_is_refused(open_host, people):
    """The early verdict: nothing is spooled that root would refuse."""
    image, signature = open_host.lab.signed(images.aci(name=NAME))
    path = open_host.write(image, signature)
    member = people[0]
    member.rkt(open_host, "fetch", path).refused("not trusted")
    open_host.trust(prefix="example.test/other")
    member.rkt(open_host, "fetch", path).refused("not trusted")
    open_host.trust()
    open_host.write(image[:-1] + b"x", signature)
    member.rkt(open_host, "fetch", path).refused("signature")
    open_host.write(image, signature).with_name("image.aci.asc").unlink()
    member.rkt(open_host, "fetch", path).refused("signature not found")
    publish(open_host, name="example.test/b", plain=True)
    member.rkt(open_host, "--insecure-options=image", "fetch", path).refused(
        "needs root")
    member.rkt(open_host, "fetch", "example.test/b:2.0").refused("404")
    assert spooled(open_host, "*") == []


def test_nonroot_fetch_wrong_name_or_label(open_host, people):
    open_host.trust()
    image, signature = open_host.lab.signed(images.aci(name=NAME, version="2"))
    open_host.publish(image, signature, version="1.0")
    people[0].rkt(open_host, "fetch", NAME + ":1.0").refused(
        "does not have the label \"version=1.0\"")
    assert spooled(open_host, "*") == []


def test_nonroot_fetch_of_a_stranger(open_host, people):
    """Who is not in the group has no way in."""
    open_host.trust()
    path = open_host.write_signed(images.aci(name=NAME))
    r = people[2].rkt(open_host, "fetch", path)
    r.refused("permission denied", "group rkt")
    people[2].rkt(open_host, "image", "list").refused("permission denied")


def test_nonroot_fetch_before_root(new_host, people):
    """No spool yet: it is said whose it is to make."""
    new_host.data.mkdir(mode=0o755)
    new_host.trust()
    path = new_host.write_signed(images.aci(name=NAME))
    people[0].rkt(new_host, "fetch", path).refused(
        "any command of root's makes it")
    shutil.rmtree(new_host.data)


def test_nonroot_workers_close_their_doors(open_host, people):
    """The same sandbox but for users and namespaces."""
    open_host.trust()
    publish(open_host, plain=True)
    trace = open_host.path / "trace"
    trace.mkdir()
    # root's strace: none of them can be looked into by its own user.
    open_host.bare("strace", "-u", people[0].name, "-ff", "-s", "300",
                   "-o", str(trace / "t"), "-e",
                   "trace=execveat,seccomp,landlock_restrict_self,prctl,unshare,"
                   "mount,capget",
                   *open_host.argv("fetch", NAME + ":1.0")).ok()
    seen = {}
    for file in trace.iterdir():
        text = file.read_text()
        for program in ("fetcher", "verify", "unpack"):
            at = text.find('"", ["%s"], ' % program)
            if at >= 0:
                seen[program] = text[at:]
                before = text[:at]
                if program == "fetcher":
                    assert "unshare(" not in before
                    continue
                assert re.search(r"unshare\(CLONE_NEWNS.*CLONE_NEWUSER.*"
                                 r"CLONE_NEWNET\) = 0", before), before
                assert re.search(r'mount\("tmpfs", "/tmp".* = 0', before)
    assert sorted(seen) == ["fetcher", "unpack", "verify"]
    for text in seen.values():
        assert re.search(r"landlock_restrict_self.* = 0", text)
        assert re.search(r"seccomp\(SECCOMP_SET_MODE_FILTER.* = 0", text)
        assert "PR_SET_NO_NEW_PRIVS" in text


def test_nonroot_verify_leaves_no_trace_in_tmp(open_host, people):
    """Its /tmp is its own: gpg's home is nowhere to be seen, even if all are
    killed."""
    open_host.trust()
    path = open_host.write_signed(images.aci(
        [images.member("rootfs/big", os.urandom(30_000_000))], name=NAME))
    before = set(os.listdir("/tmp"))
    child = subprocess.Popen(
        open_host.argv("fetch", path), user=people[0].uid, group=people[0].gid,
        extra_groups=people[0].groups, stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL)
    time.sleep(0.15)
    child.kill()
    child.wait()
    new = {n for n in os.listdir("/tmp") if n.startswith("gpg-")} - before
    assert not new


@contextlib.contextmanager
def no_namespaces():
    """A user namespace that maps everyone, and in which there is no other; the
    words that run something there."""
    holder = subprocess.Popen(["unshare", "--user", "sleep", "600"])
    try:
        proc = "/proc/%d/" % holder.pid
        while os.readlink(proc + "ns/user") == os.readlink("/proc/self/ns/user"):
            time.sleep(0.01)
        for name in ("uid_map", "gid_map"):
            with open(proc + name, "w", encoding="ascii") as f:
                f.write("0 0 4294967295")
        enter = ["nsenter", "--user", "--target", str(holder.pid)]
        subprocess.run([*enter, "sh", "-c",
                        "echo 0 >/proc/sys/user/max_user_namespaces"],
                       check=True)
        yield enter
    finally:
        holder.kill()
        holder.wait()


def test_nonroot_where_no_one_may_have_namespaces(open_host, people):
    """As some hosts are set up: then it goes without them."""
    open_host.trust()
    path = open_host.write_signed(images.aci(name=NAME))
    as_member = ["setpriv", "--reuid=%d" % people[0].uid,
                 "--regid=%d" % people[0].gid,
                 "--groups=%d" % people[0].groups[0]]
    with no_namespaces() as enter:
        r = open_host.bare(*enter, *as_member, "unshare", "--user", "true")
        assert r.code != 0 and "No space" in r.err
        r = open_host.bare(*enter, *as_member, *open_host.argv("fetch", path))
    assert r.ok().out.startswith("sha512-")
    assert len(spooled(open_host)) == 1


# --- looking -----------------------------------------------------------------


def test_nonroot_looks(open_host, people):
    image = open_host.store(name=NAME)
    uuid_file = open_host.path / "uuid"
    open_host.run(image, "facts", pod=["--uuid-file-save=%s" % uuid_file]).ok()
    uuid, member = uuid_file.read_text(), people[0]
    assert image[:19] in member.rkt(open_host, "image", "list").ok().out
    assert NAME in member.rkt(open_host, "image", "cat-manifest", image).ok().out
    assert uuid[:8] in member.rkt(open_host, "list").ok().out
    assert "state=exited" in member.rkt(open_host, "status", uuid).ok().out
    assert NAME in member.rkt(open_host, "cat-manifest", uuid).ok().out
    r = member.rkt(open_host, "image", "verify", image).ok()
    assert image in r.out and "its tree is root's to read" in r.err


def test_nonroot_image_verify_finds_damage(open_host, people):
    image = open_host.store(name=NAME)
    blob = open_host.data / "image" / image / "blob"
    data = bytearray(blob.read_bytes())
    data[5000] ^= 1
    blob.write_bytes(data)
    people[0].rkt(open_host, "image", "verify", image).refused("signature")


@pytest.mark.parametrize("words", [
    ["run", NAME], ["prepare", NAME], ["gc"], ["rm", "x"], ["image", "gc"],
    ["image", "rm", "sha512-00"], ["trust", "--root", "/dev/null"]])
def test_nonroot_may_not(open_host, people, words):
    people[0].rkt(open_host, *words).refused("cannot run as unprivileged user")


# --- what a hostile member may try -------------------------------------------


def test_spool_modes(open_host, people):
    """Members add; they touch nothing of one another's."""
    st = (open_host.data / "spool").stat()
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (
        0, grp.getgrnam("rkt").gr_gid, 0o3770)
    open_host.trust()
    path = open_host.write_signed(images.aci(name=NAME))
    people[0].rkt(open_host, "fetch", path).ok()
    file = spooled(open_host)[0]
    for words in (["rm", "-f", file], ["mv", file, str(file) + "x"],
                  ["sh", "-c", "echo x >>%s" % file], ["chmod", "666", file],
                  ["ln", file, str(file) + "x"]):
        assert people[1].do(open_host, *words).code != 0, words
    assert people[1].do(open_host, "cat", file).code == 0
    assert people[2].do(open_host, "ls", open_host.data / "spool").code != 0


def hostile_entries(host, member, good):
    """{what: how to put it where root will look}."""
    spool = host.data / "spool"
    other, _ = host.lab.signed(images.aci(name="example.test/other"))
    evil, forged = host.lab.signed(images.aci(name=NAME), host.lab.other)

    def entry(make):
        name = plant(host, member, asc=good.with_suffix(".asc").read_bytes(),
                     meta=good.with_suffix(".meta").read_bytes())
        make(spool / (name + ".aci"))

    def link(to):
        return lambda: entry(lambda p: p.symlink_to(to))

    def hard():
        secret = host.path / "secret"
        secret.write_text("root:secret")
        secret.chmod(0o600)
        entry(lambda p: os.link(secret, p))

    def huge(path):
        member.write(path, b"")
        os.truncate(path, 1 << 40)

    return {
        "swapped": lambda: plant(host, member, like=good, aci=evil),
        "another key": lambda: plant(host, member, aci=evil, asc=forged,
                                     meta=meta(evil)),
        "another name": lambda: plant(
            host, member, aci=other, asc=host.lab.signed(other)[1],
            meta=meta(other)),
        "no signature": lambda: plant(host, member, aci=evil, meta=meta(evil)),
        "signature of another": lambda: plant(
            host, member, aci=evil, asc=good.with_suffix(".asc").read_bytes(),
            meta=meta(evil)),
        "symlink": link("/etc/shadow"),
        "symlink to good": link(good),
        "hard link": hard,
        "fifo": lambda: entry(os.mkfifo),
        "directory": lambda: entry(os.mkdir),
        "huge": lambda: entry(huge),
        "empty": lambda: entry(lambda p: member.write(p, b"")),
        "meta only": lambda: plant(host, member, meta=meta(evil)),
        "meta fifo": lambda: os.mkfifo(spool / ("a" * 32 + ".meta")),
        "meta link": lambda: (spool / ("b" * 32 + ".meta")).symlink_to(
            "/etc/shadow"),
        "meta junk": lambda: plant(host, member, aci=evil, meta=b"\x1b[2J\n" * 9),
        "meta name": lambda: plant(host, member, like=good,
                                   meta=meta(evil, name=NAME + "\x1b[2J")),
    }


@pytest.mark.parametrize("what", [
    "swapped", "another key", "another name", "no signature",
    "signature of another", "symlink", "symlink to good", "hard link", "fifo",
    "directory", "huge", "empty", "meta only", "meta fifo", "meta link",
    "meta junk", "meta name"])
def test_spool_hostile_entry(open_host, people, what):
    """Whatever a member lays there, root's store stays as it was, and root's
    command says so without hanging."""
    open_host.trust()
    publish(open_host)
    people[0].rkt(open_host, "fetch", NAME + ":1.0").ok()
    offline(open_host)
    good = spooled(open_host)[0]
    hostile_entries(open_host, people[1], good)[what]()
    for suffix in (".aci", ".asc", ".meta"):
        if what != "symlink to good":
            good.with_suffix(suffix).unlink()
    if what == "symlink to good":
        good.with_suffix(".meta").unlink()
    r = open_host.rkt("run", "--pull-policy=never", NAME + ":1.0", timeout=60)
    r.refused("no image named")
    assert "\x1b" not in r.err and "root:" not in r.err
    assert open_host.images() == []


def test_spool_file_changes_while_root_reads(open_host, people):
    """What is judged is a copy: a member who swaps the file between two of
    root's looks gains nothing."""
    open_host.trust()
    image = publish(open_host)
    evil = images.aci([images.member("rootfs/evil", b"x")], name=NAME,
                      version="1.0")
    people[0].rkt(open_host, "fetch", NAME + ":1.0").ok()
    offline(open_host)
    file = spooled(open_host)[0]
    (open_host.path / "good").write_bytes(image)
    (open_host.path / "evil").write_bytes(evil)
    swapper = subprocess.Popen(
        ["sh", "-c", 'while :; do cat "$1" >"$0"; cat "$2" >"$0"; done', file,
         open_host.path / "good", open_host.path / "evil"],
        user=people[0].uid, group=people[0].gid, extra_groups=people[0].groups)
    try:
        end, good = time.monotonic() + 4, 0
        while time.monotonic() < end:
            r = open_host.rkt("fetch", "--pull-policy=never", NAME + ":1.0")
            assert set(open_host.images()) <= {images.image_id(image)}
            if r.code == 0:
                good += 1
                open_host.rkt("image", "rm", images.image_id(image)).ok()
    finally:
        swapper.kill()
        swapper.wait()


def test_spool_is_never_taken_unsigned(open_host, people):
    """--insecure-options=image is said of what root names, not of what a
    member laid there."""
    open_host.trust()
    evil = images.aci(name=NAME, version="1.0")
    plant(open_host, people[0], aci=evil, asc=b"", meta=meta(evil))
    open_host.rkt("--insecure-options=image", "run", "--pull-policy=never",
                  NAME + ":1.0").refused("no image named")
    assert open_host.images() == []


def test_spool_is_not_asked_for_a_url(open_host, people):
    """Where an image came from is a member's word alone."""
    open_host.trust()
    image, signature = open_host.lab.signed(images.aci(name=NAME))
    url = "https://example.test/x.aci"
    plant(open_host, people[0], aci=image, asc=signature, meta=meta(image))
    open_host.rkt("run", "--pull-policy=never", url).refused("no image from")


def test_spool_trusts_no_id(open_host, people):
    """A good image under another's id is not the one that was asked for, and
    does not stay."""
    open_host.trust()
    image, signature = open_host.lab.signed(images.aci(name="example.test/b"))
    asked = images.image_id(images.aci(name=NAME))
    text = meta(image).replace(images.image_id(image).encode(), asked.encode())
    plant(open_host, people[0], aci=image, asc=signature, meta=text)
    open_host.rkt("run", asked).refused("is not the image " + asked,
                                        "no image with ID")
    assert open_host.images() == []


def test_spool_flood(open_host, people):
    """Thousands of entries cost root a bounded look."""
    open_host.trust()
    publish(open_host)
    evil = images.aci(name=NAME, version="1.0")
    spool = open_host.data / "spool"
    for i in range(3000):
        people[1].write(spool / ("%032x.meta" % i), meta(evil))
    r = open_host.rkt("fetch", "--pull-policy=new", NAME + ":1.0").ok()
    assert r.err.count("using image from the spool") <= 4
    assert r.seconds < 60


def test_spool_sweep(open_host, people):
    """gc takes what has been there for a day; time is the kernel's."""
    open_host.trust()
    path = open_host.write_signed(images.aci(name=NAME))
    people[0].rkt(open_host, "fetch", path).ok()
    old = time.time() - 30 * 86400
    for file in spooled(open_host, "*"):
        os.utime(file, (old, old))
    open_host.rkt("gc").ok()
    assert len(spooled(open_host, "*")) == 4, "a member's clock counts"


def test_nonroot_kill_leaves_no_one(open_host, people):
    """The conductor dies: who stood in for the launcher goes with it."""
    open_host.trust()
    member = people[0]
    child = subprocess.Popen(
        open_host.argv("fetch", "https://192.0.2.1/never.aci"), user=member.uid,
        group=member.gid, extra_groups=member.groups,
        stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    child.kill()
    child.wait()
    open_host.swept()
