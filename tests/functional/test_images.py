"""The store: list, rm, cat-manifest, verify."""
import grp
import json
import os
import re

import images


def two(host):
    host.trust()
    return [host.fetch(images.aci(name="example.test/" + n, version=v,
                                  files=[images.member("rootfs/f", n)]),
                       name=n + ".aci").ok().out.strip()
            for n, v in (("one", "1.0"), ("two", "2.0"))]


def test_image_list(host):
    one, second = two(host)
    r = host.rkt("image", "list").ok()
    lines = r.out.splitlines()
    assert re.split(r"\t+", lines[0]) == ["ID", "NAME", "SIZE", "IMPORT TIME",
                                          "LAST USED"]
    assert lines[1].split("\t")[0] == one[:19]
    assert "example.test/one:1.0" in lines[1]
    assert lines[2].split("\t")[0] == second[:19] and len(lines) == 3


def test_image_list_forms(host):
    one, second = two(host)
    r = host.rkt("image", "list", "--no-legend", "--full").ok()
    assert [line.split()[0] for line in r.out.splitlines()] == [one, second]
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", r.out)
    r = host.rkt("image", "list", "--fields=name", "--sort=name",
                 "--order=desc", "--no-legend").ok()
    assert r.out.split() == ["example.test/two:2.0", "example.test/one:1.0"]
    r = host.rkt("image", "list", "--fields=latest").refused()


def test_image_list_json(host):
    one, second = two(host)
    found = json.loads(host.rkt("image", "list", "--format=json").ok().out)
    assert [f["id"] for f in found] == [one, second]
    assert set(found[0]) == {"id", "name", "import_time", "last_used_time",
                             "size"}
    assert found[0]["name"] == "example.test/one:1.0"
    assert found[0]["import_time"] > 10 ** 18
    pretty = host.rkt("image", "list", "--format=json-pretty").ok().out
    assert json.loads(pretty) == found and "\n\t" in pretty


def test_image_list_of_nothing(host):
    r = host.rkt("image", "list", "--no-legend").ok()
    assert r.out == ""
    assert json.loads(host.rkt("image", "list", "--format=json").out) == []


def test_image_cat_manifest(host):
    host.trust()
    text = images.manifest(name="example.test/x")
    image = host.fetch(images.aci(text=text)).ok().out.strip()
    for word in (image, image[:20], "example.test/x", "example.test/x:1.0"):
        r = host.rkt("image", "cat-manifest", word).ok()
        assert json.loads(r.out) == json.loads(text)
        assert "\n\t" in r.out
    r = host.rkt("image", "cat-manifest", "--pretty-print=false", image).ok()
    assert json.loads(r.out) == json.loads(text)
    assert len(r.out.splitlines()) == 1


def test_image_rm(host):
    one, second = two(host)
    r = host.rkt("image", "rm", one[:30]).ok()
    assert 'successfully removed aci for image: "%s"' % one in r.out
    assert host.images() == [second]
    host.rkt("image", "rm", "example.test/two").ok()
    assert host.images() == []


def test_image_rm_of_what_is_not_there(host):
    one, _ = two(host)
    host.rkt("image", "rm", "sha512-" + "0" * 128).refused()
    host.rkt("image", "rm", "example.test/three").refused()
    r = host.rkt("image", "rm", "example.test/three", one)
    assert r.code == 254 and len(host.images()) == 1


def test_image_names_that_are_paths(host):
    """CVE-2014-9358, CVE-2024-3727: an id is digits before it is a path."""
    two(host)
    for word in ("sha512-../../x", "sha512-" + "A" * 20, "sha512-zz",
                 "sha512-" + "0" * 129, "sha512-", "sha512-0", "../conf", ""):
        for command in (["image", "rm"], ["image", "verify"],
                        ["image", "cat-manifest"], ["run"]):
            host.rkt(*command, word).refused()
    assert len(host.images()) == 2


def test_image_ambiguous_prefix(host):
    host.trust()
    seen, n = {}, 0
    while True:  # two images whose ids begin with the same two digits
        image = images.aci(name="example.test/x", version=str(n))
        key = images.image_id(image)[:9]
        if key in seen:
            break
        seen[key], n = image, n + 1
    host.fetch(image).ok()
    host.fetch(seen[key]).ok()
    host.rkt("image", "cat-manifest", key).refused("ambiguous")


def test_image_verify(host):
    image = host.store()
    r = host.rkt("image", "verify", image).ok()
    assert "successfully verified" in r.out and image in r.out


def test_image_verify_finds_damage(host):
    """A changed byte, mode, owner, link, a new and a missing file."""
    host.trust()
    image = host.fetch(images.aci([
        images.member("rootfs/f", b"data"), images.member("rootfs/g", b"data"),
        images.symlink("rootfs/l", "f")])).ok().out.strip()
    rootfs = host.data / "image" / image / "tree" / "rootfs"
    was = rootfs.stat()

    def flip(path, data):
        st = path.lstat()
        path.write_bytes(data)
        os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))

    damages = [
        (lambda: flip(rootfs / "f", b"dbta"), lambda: flip(rootfs / "f", b"data")),
        (lambda: (rootfs / "f").chmod(0o4755), lambda: (rootfs / "f").chmod(0o644)),
        (lambda: os.chown(rootfs / "f", 2147352577, 2147352576),
         lambda: os.chown(rootfs / "f", 2147352576, 2147352576)),
        (lambda: (rootfs / "new").touch(), lambda: (rootfs / "new").unlink()),
        (lambda: (rootfs / "g").rename(host.path / "g"),
         lambda: (host.path / "g").rename(rootfs / "g")),
        (lambda: os.setxattr(rootfs / "f", "user.x", b"y"),
         lambda: os.removexattr(rootfs / "f", "user.x")),
    ]
    host.rkt("image", "verify", image).ok()
    for damage, repair in damages:
        damage()
        host.rkt("image", "verify", image).refused()
        repair()
        os.utime(rootfs, ns=(was.st_atime_ns, was.st_mtime_ns))
        host.rkt("image", "verify", image).ok()


def test_image_list_by_group_member(host):
    """Members of group rkt may look; others may not."""
    two(host)
    top = host.path
    while str(top) != "/tmp":
        os.chmod(top, top.stat().st_mode | 0o755)
        top = top.parent

    def as_user(groups):
        return host.bare("setpriv", "--reuid=65534", "--regid=65534", groups,
                         *host.argv("image", "list", "--no-legend"))
    gid = grp.getgrnam("rkt").gr_gid
    r = as_user("--groups=%d" % gid).ok()
    assert len(r.out.splitlines()) == 2
    as_user("--clear-groups").refused("permission denied")


def test_commands_that_need_root(host):
    """They say so."""
    for words in (["run", "x"], ["gc"], ["rm", "x"]):
        r = host.bare("setpriv", "--reuid=65534", "--regid=65534",
                      "--clear-groups", *host.argv(*words))
        r.refused("cannot run as unprivileged user")
