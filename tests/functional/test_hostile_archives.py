"""Signed, and hostile all the same: archives that want out of their tree.

Every case is an image with a good signature, so that the unpacker sees it.
It must be refused by one clear line, with nothing left behind, and nothing
outside the store touched.  Ids are those of the attack, CVE first where there
is one.
"""
import gzip
import io
import os
import struct
import zipfile

import pytest

import images
from images import (archive, directory, gnu_long, hardlink, header, manifest,
                    member, pax, symlink)

M = member("manifest", manifest())
R = directory("rootfs")
EVIL = "/tmp/rkt-functional-evil"


def image(*more):
    return archive(M, R, *more)


def long_ways(name, make):
    """The same member with its name said by ustar, pax and GNU."""
    return {
        "ustar": make(name),
        "pax": pax({"path": name}) + make("rootfs/innocent"),
        "gnu": gnu_long(name) + make("rootfs/innocent"),
    }


def escapes():
    """Names and links that leave the root file system."""
    names = {
        "absolute": EVIL, "absolute-in-rootfs": "/rootfs/evil",
        "dotdot": "rootfs/../../evil", "dotdot-first": "../evil",
        "dotdot-deep": "rootfs/a/b/../../../../evil",
        "dotdot-last": "rootfs/a/..", "dotdot-inside": "rootfs/a/../evil",
    }
    makers = {
        "file": lambda n: member(n, b"evil"),
        "dir": directory,
        "symlink": lambda n: symlink(n, "/etc"),
        "hardlink": lambda n: hardlink(n, "rootfs/f"),
    }
    for kind, name in names.items():
        for what, make in makers.items():
            for way, data in long_ways(name, make).items():
                yield "CVE-2014-6407-%s-%s-%s" % (kind, what, way), \
                    image(member("rootfs/f", b"f"), data)


def links():
    """Following what the image itself put in the way."""
    for kind, to in (("absolute", "/tmp"), ("relative", "../../../../tmp"),
                     ("inside", "other"), ("dot", "."), ("loop", "d")):
        for what, data in (("file", member("rootfs/d/evil", b"evil")),
                           ("dir", directory("rootfs/d/evil")),
                           ("link", hardlink("rootfs/d/evil", "rootfs/f"))):
            yield "CVE-2014-9356-through-symlink-%s-%s" % (kind, what), image(
                directory("rootfs/other"), member("rootfs/f", b""),
                symlink("rootfs/d", to), data)
    targets = {
        "absolute": "/etc/passwd", "dotdot": "../../etc/passwd",
        "dotdot-inside": "rootfs/../../../etc/passwd",
        "missing": "rootfs/none", "later": "rootfs/later", "self": "rootfs/h",
        "directory": "rootfs/dir", "symlink": "rootfs/sym",
        "through": "rootfs/sym/passwd", "manifest": "manifest",
        "root": "rootfs", "empty": "",
    }
    for kind, to in targets.items():
        for way, data in (
                ("ustar", hardlink("rootfs/h", to)),
                ("pax", pax({"linkpath": to}) + hardlink("rootfs/h", "rootfs/f")
                 if to else hardlink("rootfs/h", to)),
                ("gnu", gnu_long(to, b"K") + hardlink("rootfs/h", "rootfs/f"))):
            yield "CVE-2014-6407-hardlink-%s-%s" % (kind, way), image(
                member("rootfs/f", b"f"), directory("rootfs/dir"),
                symlink("rootfs/sym", "/etc"), data,
                member("rootfs/later", b"x"))
    yield "CVE-2016-5418-hardlink-with-data", image(
        member("rootfs/f", b"first"), hardlink("rootfs/h", "rootfs/f", b"evil"))
    yield "CVE-2021-32760-mode-through-hardlink", image(
        hardlink("rootfs/h", "/etc/shadow", mode=0o777))


def tops():
    """The root of the tree is what it is."""
    for name in (".", "./", "/", "rootfs", "rootfs/", "./rootfs", "rootfs/."):
        for what, data in (("symlink", symlink(name, "/etc")),
                           ("hardlink", hardlink(name, "manifest")),
                           ("file", member(name, b"file"))):
            yield "CVE-2021-29136-%s-is-%s" % (name.replace("/", "_"), what), \
                archive(M, data, member("rootfs/x", b""))


def doubles():
    """One name twice: which of them was signed?"""
    for name in ("manifest", "./manifest", ".//manifest"):
        yield "double-%s" % name.replace("/", "_"), image(
            member(name, manifest(name="evil.test/x")))
    yield "double-manifest-by-pax", image(
        pax({"path": "manifest"}) + member("x", manifest(name="evil.test/x")))
    for a in ("rootfs/f", "./rootfs/f", "rootfs//f", "rootfs/./f"):
        yield "double-file-%s" % a.replace("/", "_"), image(
            member("rootfs/f", b"1"), member(a, b"2"))
    kinds = {"file": member("rootfs/f", b"x"), "dir": directory("rootfs/f"),
             "symlink": symlink("rootfs/f", "x"),
             "hardlink": hardlink("rootfs/f", "rootfs/g")}
    for one, first in kinds.items():
        for two, second in kinds.items():
            if one == two == "dir":
                continue
            yield "double-%s-then-%s" % (one, two), image(
                member("rootfs/g", b""), first, second)
    yield "double-file-is-a-parent", image(
        member("rootfs/f", b""), member("rootfs/f/g", b""))


def names():
    """Bytes that two readers read differently."""
    yield "name-nul", image(pax({"path": b"rootfs/a\0b"}) + member("x", b""))
    yield "name-newline", image(member("rootfs/a\nb", b""))
    yield "name-newline-pax", image(
        pax({"path": "rootfs/a\nb"}) + member("x", b""))
    yield "name-not-utf8", image(member(b"rootfs/\xff\xfe", b""))
    yield "name-not-utf8-pax", image(
        pax({"path": b"rootfs/\xc0\xaf"}) + member("x", b""))
    yield "name-of-4097", image(
        pax({"path": "rootfs/" + "a/" * 2045}) + member("x", b""))
    yield "name-part-of-256", image(
        pax({"path": "rootfs/" + "a" * 256}) + member("x", b""))
    yield "name-file-with-slash", image(member("rootfs/f/", b"data"))
    yield "name-empty", image(member("", b"data"))
    yield "name-too-deep", image(
        pax({"path": "rootfs/" + "d/" * 1500 + "f"}) + member("x", b""))
    yield "link-nul", image(
        pax({"linkpath": b"a\0b"}) + symlink("rootfs/l", "x"))
    yield "link-of-4097", image(
        pax({"linkpath": "a/" * 2049}) + symlink("rootfs/l", "x"))
    yield "link-empty", image(symlink("rootfs/l", ""))


def specials():
    """Devices, and kinds that no one here knows."""
    for kind, what in ((b"3", "character"), (b"4", "block")):
        yield "special-%s" % what, image(
            header("rootfs/dev-evil", kind, major=1, minor=1))
        yield "special-%s-in-dev" % what, image(
            header("rootfs/dev/mem", kind, major=1, minor=1))
    for kind in (b"7", b"D", b"M", b"N", b"S", b"V", b"Z", b"\x80"):
        yield "special-type-%02x" % kind[0], image(
            member("rootfs/odd", b"data", kind=kind))


def no_number(block, at):
    """A header whose field there is none, and whose sum is right."""
    head = bytearray(block[:512])
    head[at] = ord("g")
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + block[512:]


def numbers():
    """Sizes and sums that do not add up."""
    data = b"x" * 600
    for field, at in (("mode", 100), ("uid", 108), ("gid", 116), ("size", 124),
                      ("mtime", 136), ("major", 329), ("minor", 337)):
        yield "number-none-%s-of-a-file" % field, image(
            no_number(member("rootfs/f", data), at))
        # Python's tarfile ends there, and says nothing.
        yield "number-none-%s-of-pax" % field, image(
            no_number(pax({"path": "rootfs/g"}), at) + member("x", b""))
        yield "number-none-%s-of-gnu" % field, image(
            no_number(gnu_long("rootfs/g"), at) + member("x", b""))
    yield "CVE-2025-62518-pax-size-smaller", image(
        pax({"size": "0"}) + member("rootfs/f", member("rootfs/evil", data)))
    yield "CVE-2025-62518-pax-size-larger", image(
        pax({"size": "2048"}) + header("rootfs/f", size=0) + bytes(512) +
        member("rootfs/evil", data))
    yield "CVE-2026-53655-pax-before-long-name", image(
        pax({"size": "1024"}) + gnu_long("rootfs/" + "n" * 120) +
        member("rootfs/f", data))
    gnu = bytearray(member("rootfs/f", data))
    gnu[257:265], gnu[345:351] = b"ustar  \0", b"rootfs"
    gnu[148:156] = b" " * 8
    gnu[148:156] = b"%06o\0 " % sum(gnu[:512])
    # Python's tarfile puts it in front of the name, GNU tar does not.
    yield "gnu-with-prefix", image(bytes(gnu))
    yield "pax-size-negative", image(pax({"size": "-1"}) + member("rootfs/f", data))
    yield "pax-size-no-number", image(pax({"size": "1x"}) + member("rootfs/f", data))
    yield "pax-size-huge", image(
        pax({"size": "99999999999999999999"}) + member("rootfs/f", data))
    yield "pax-twice-the-key", image(
        pax(b"20 path=rootfs/one\n" + b"20 path=rootfs/two\n") +
        member("rootfs/f", data))
    yield "pax-length-wrong", image(pax(b"99 path=rootfs/x\n") + member("x", b""))
    yield "pax-length-zero", image(pax(b"0 path=x\n") + member("rootfs/x", b""))
    yield "pax-length-huge", image(
        pax(b"99999999999999999999999 path=x\n") + member("rootfs/x", b""))
    yield "pax-no-newline", image(pax(b"11 path=a/bx") + member("rootfs/x", b""))
    yield "pax-no-equal", image(pax(b"9 path a\n") + member("rootfs/x", b""))
    yield "pax-garbage", image(pax(b"\xff" * 100) + member("rootfs/x", b""))
    yield "pax-then-nothing", M + R + pax({"path": "rootfs/x"}) + bytes(1024)
    yield "pax-twice", image(pax({"path": "rootfs/a"}) + pax({"path": "rootfs/b"}) +
                             member("rootfs/c", b""))
    yield "pax-record-of-1-gib", M + R + header(
        "p", b"x", size=1 << 30) + b"1073741824 comment=" + bytes(4096)
    yield "global-pax-path", archive(
        pax({"path": "rootfs/x"}, kind=b"g"), M, R, member("rootfs/y", b""))
    yield "size-beyond-end", M + R + header("rootfs/f", size=1 << 40)
    yield "size-base-256-negative", image(header(
        "rootfs/f", size_field=b"\xff" * 12))
    yield "size-base-256-huge", image(header(
        "rootfs/f", size_field=b"\x80" + b"\x7f" * 11))
    yield "size-no-octal", image(header("rootfs/f", size_field=b"99999999999\0"))
    yield "size-of-a-directory", image(
        header("rootfs/d", b"5", size=512, mode=0o755) + bytes(512))
    yield "size-of-a-symlink", image(
        header("rootfs/l", b"2", size=512, link="x") + bytes(512))
    yield "checksum-wrong", image(header("rootfs/f", checksum=1))
    yield "checksum-wrong-first", archive(
        header("manifest", checksum=7), R)
    yield "uid-beyond", image(member("rootfs/f", b"", uid=65536))
    yield "gid-beyond", image(member("rootfs/f", b"", gid=2000000))
    yield "uid-by-pax", image(pax({"uid": "4294967296"}) + member("rootfs/f", b""))
    yield "gid-by-pax", image(pax({"gid": "-1"}) + member("rootfs/f", b""))


def sparse():
    for key in ("major", "minor", "name", "map", "realsize", "numblocks"):
        value = "rootfs/evil" if key == "name" else "1"
        yield "sparse-" + key, image(pax({"GNU.sparse." + key: value}) + member(
            "rootfs/f", b"1\n0\n4\n".ljust(512, b"\0")))


def outside():
    """An image is its manifest and its root file system, and nothing else."""
    for name in ("other", "Manifest", "rootfs2/f", "rootfs.txt", "manifest/x",
                 "MANIFEST", "root"):
        yield "outside-" + name.replace("/", "_"), image(member(name, b"x"))


def formats():
    """Formats that a general archive reader would read (CVE-2024-26256,
    CVE-2024-48957, CVE-2025-5914 and others): none is read here."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        z.writestr("manifest", manifest())
        z.writestr("rootfs/x", b"x")
    yield "format-zip", buffer.getvalue()
    newc = b"070701" + b"%08x" * 13 % (
        1, 0o100644, 0, 0, 1, 0, 4, 0, 0, 0, 0, 9, 0) + b"manifest\0\0\0"
    yield "format-cpio", newc + b"{}\n\n" * 50
    yield "format-ar", b"!<arch>\nmanifest        0           0     0     644     2         `\n{}"
    yield "format-7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(2000)
    yield "format-rar", b"Rar!\x1a\x07\x01\0" + bytes(2000)
    yield "format-rar4", b"Rar!\x1a\x07\0" + bytes(2000)
    yield "format-cab", b"MSCF" + bytes(2000)
    yield "format-lha", b"\x20\x20-lh5-" + bytes(2000)
    yield "format-xar", b"xar!" + struct.pack(">HHQQI", 28, 1, 0, 0, 1) + bytes(2000)
    yield "format-warc", b"WARC/1.0\r\n" + bytes(2000)
    yield "format-mtree", b"#mtree\nmanifest type=file mode=644\n"
    yield "format-iso", bytes(32768) + b"\1CD001\1" + bytes(4096)
    yield "format-compress", b"\x1f\x9d\x90" + bytes(2000)
    yield "format-lzip", b"LZIP\1" + bytes(2000)
    yield "format-lz4", b"\x04\x22\x4d\x18" + bytes(2000)
    yield "format-rpm", b"\xed\xab\xee\xdb" + bytes(2000)
    yield "format-uu", b"begin 644 manifest\n#>WT*\n`\nend\n"
    yield "format-json", manifest() + b" " * 2000
    yield "format-text", b"hello\n" * 500
    yield "format-empty", b""
    yield "format-zero", b"\0"
    yield "format-zeros", bytes(10240)
    yield "format-v7-elf", b"\x7fELF" + bytes(4096)


def wrappings():
    good = image(member("rootfs/f", os.urandom(5000)))
    packed = gzip.compress(good, mtime=0)
    yield "gzip-truncated", packed[:-200]
    yield "gzip-no-trailer", packed[:-8]
    yield "gzip-crc-wrong", packed[:-8] + b"\0\0\0\0" + packed[-4:]
    yield "gzip-length-wrong", packed[:-4] + b"\1\0\0\0"
    yield "gzip-trailing-bytes", packed + b"trailing"
    yield "gzip-twice", gzip.compress(packed, mtime=0)
    yield "gzip-header-only", packed[:10]
    for how in ("bz2", "xz", "zstd"):
        other = images.compress(good, how)
        yield how + "-truncated", other[:len(other) // 2]
        yield how + "-flipped", other[:2500] + bytes([other[2500] ^ 1]) + \
            other[2501:]
        yield how + "-trailing", other + b"trailing"
    for cut in (1, 511, 512, 700, 1024, 1536, 2048 + 100, len(good) - 1400):
        yield "tar-cut-at-%d" % cut, good[:cut]


def manifests():
    """Manifests that are none."""
    good = manifest().decode()

    def wrong(name, text):
        return "manifest-" + name, archive(member("manifest", text), R)
    yield wrong("empty", b"")
    yield wrong("no-json", b"hello")
    yield wrong("array", b"[]")
    yield wrong("number", b"1")
    yield wrong("cut", good[:-5])
    yield wrong("trailing", good + "{}")
    yield wrong("nul", good[:-1] + "\0}")
    yield wrong("not-utf8", good.replace("app", "\xff").encode("latin-1"))
    yield wrong("double-name", good[:-1] + ', "name": "evil.test/x"}')
    yield wrong("double-kind", good[:-1] + ', "acKind": "ImageManifest"}')
    yield wrong("pod", good.replace("ImageManifest", "PodManifest"))
    yield wrong("CVE-2021-41190-both-kinds", '{"acKind": "PodManifest", ' + good[1:])
    yield wrong("no-kind", good.replace("acKind", "kind"))
    yield wrong("no-name", good.replace('"name": "example.test/app", ', ""))
    yield wrong("no-version", good.replace('"acVersion": "0.8.11", ', ""))
    yield wrong("version-no-number", good.replace("0.8.11", "x"))
    for n, name in enumerate((
            "", "UPPER", "a/../b", "../x", "/x", "x/", "a//b", "x y", "x\\n",
            "-x", "é", "x" * 300, "a__b", "sha512-x/..")):
        yield wrong("name-%d" % n, manifest(name=name))
    yield wrong("name-is-number", good.replace('"example.test/app"', "1"))
    yield wrong("deep", "[" * 100000)
    yield wrong("deep-inside", good[:-1] + ', "x": ' + "[" * 5000 + "]" * 5000 + "}")
    yield wrong("too-large", good[:-1] + ', "x": "%s"}' % ("x" * (1 << 20)))
    yield wrong("label-double", manifest().replace(
        b'"labels": [', b'"labels": [{"name": "os", "value": "x"}, '))
    yield wrong("label-name", manifest(labels={"name": "x"}))
    yield wrong("app-no-user", manifest(section={"exec": ["/x"]}))
    yield wrong("app-cwd-relative", manifest(
        section=images.app("/x", workingDirectory="x")))
    yield wrong("app-env-double", manifest(section=images.app(
        "/x", environment=[{"name": "A", "value": "1"},
                           {"name": "A", "value": "2"}])))
    yield wrong("app-exec-nul", manifest(section=images.app("/x\0y")))
    yield "manifest-is-directory", archive(directory("manifest"), R)
    yield "manifest-is-symlink", archive(symlink("manifest", "/etc/passwd"), R)
    yield "manifest-is-hardlink", archive(
        R, member("rootfs/f", manifest()), hardlink("manifest", "rootfs/f"))
    yield "manifest-is-missing", archive(R, member("rootfs/f", b""))
    yield "manifest-of-1-gib", header("manifest", size=1 << 30) + bytes(4096)
    yield "rootfs-is-missing", archive(M)


CASES = dict(case for make in (
    escapes, links, tops, doubles, names, specials, numbers, sparse, outside, formats,
    wrappings, manifests) for case in make())
BATCH = 12  # cases of one test: a store is shared, the refusals are not


def groups():
    keys = list(CASES)
    return [keys[i:i + BATCH] for i in range(0, len(keys), BATCH)]


@pytest.mark.parametrize("names_of", groups(), ids=lambda g: g[0])
def test_hostile_archive_is_refused(host, names_of):
    host.trust(prefix=None)
    wrong = []
    for name in names_of:
        r = host.fetch(CASES[name])
        said = [line for line in r.err.splitlines()
                if not line.startswith("image: ")]
        if r.code != 254 or len(said) != 1:
            wrong.append("%s: code %d, %s" % (name, r.code, said))
        elif any(w in said[0] for w in ("protocol", "died", "in time")):
            wrong.append("%s: %s" % (name, said[0]))
        if host.images():
            host.rkt("image", "rm", host.images()[0])
    assert not wrong, "\n".join(wrong)
    host.nothing_stored()
    assert not os.path.exists(EVIL)
    assert not list(host.path.glob("**/evil"))


# --- what is odd, and good -----------------------------------------------------


def test_odd_but_good_archives(host):
    """Long names, links, empty and missing directories, any order."""
    host.trust()
    long_name = "/".join(["rootfs"] + ["d" * 90] * 5)
    tar = archive(
        R, directory("./rootfs/empty", mode=0o700),
        pax({"path": long_name}) + member("x", b"long"),
        gnu_long(long_name + "2") + member("x", b"long2"),
        symlink("rootfs/out", "/etc/passwd"), symlink("rootfs/up", "../../x"),
        member("rootfs/no/parent/of/mine", b"x"),
        hardlink("rootfs/hard", "rootfs/no/parent/of/mine"),
        member("rootfs/suid", b"", mode=0o6755, uid=5, gid=6),
        member("rootfs/\u00e9", b"utf-8"),
        pax({"mtime": "1.5", "comment": "x"}) + member("rootfs/time", b""),
        M)
    r = host.fetch(tar).ok()
    at = host.data / "image" / r.out.strip() / "tree" / "rootfs"
    base = 2147352576
    assert (at / long_name[7:]).read_bytes() == b"long"
    assert os.readlink(at / "out") == "/etc/passwd"
    assert (at / "hard").stat().st_nlink == 2
    st = (at / "suid").stat()
    assert (st.st_mode & 0o7777, st.st_uid, st.st_gid) == \
        (0o6755, base + 5, base + 6)
    assert (at / "empty").stat().st_mode & 0o7777 == 0o700
    host.rkt("image", "verify", r.out.strip()).ok()


def test_attributes_that_mean_something_on_the_host(host):
    """trusted.*, security.selinux, overlay's own: never in the store."""
    host.trust()
    keys = ["trusted.overlay.opaque", "trusted.x", "security.selinux",
            "user.overlay.opaque", "security.ima", "system.posix_acl_access"]
    for key in keys:
        r = host.fetch(image(pax({"SCHILY.xattr." + key: "y"}) +
                             member("rootfs/f", key)))
        if r.code == 0:
            at = host.data / "image" / r.out.strip() / "tree/rootfs/f"
            assert key not in os.listxattr(at)
        else:
            r.refused()


def test_whiteouts_are_refused_or_plain(host):
    """Overlay's character device 0:0 is a device like any other."""
    host.trust()
    host.fetch(image(header("rootfs/gone", b"3"))).refused()
    host.nothing_stored()


# --- more than there is room for -------------------------------------------------


def test_bomb_ratio(host):
    """CVE-2017-14992, CVE-2023-25153: 10 KB that become 10 MB are enough to see
    it."""
    host.trust()
    host.policy("max-ratio 100\n")
    tar = image(member("rootfs/zeros", bytes(64 << 20)))
    for how in ("gz", "bz2", "xz", "zstd"):
        r = host.fetch(images.compress(tar, how))
        r.refused()
    host.nothing_stored()


def test_bomb_tree_size(host):
    host.trust()
    host.policy("max-tree-size 1048576\n")
    host.fetch(image(member("rootfs/f", bytes(2 << 20)))).refused()
    host.fetch(images.compress(image(
        member("rootfs/f", os.urandom(2 << 20))), "gz")).refused()
    host.nothing_stored()


def test_bomb_entries(host):
    host.trust()
    host.policy("max-entries 1000\n")
    host.fetch(image(*[directory("rootfs/%d" % i) for i in range(1001)])
               ).refused()
    host.nothing_stored()
    host.fetch(image(*[directory("rootfs/%d" % i) for i in range(900)])).ok()


def test_bomb_memory(host):
    """A decompressor's window, many long names: within the worker's bounds."""
    host.trust()
    many = image(*[pax({"path": "rootfs/" + "%04d" % i + "n" * 200}) +
                   member("x", b"") for i in range(3000)])
    host.fetch(many).ok()


# --- the image is not what was asked for ------------------------------------------


def test_wrong_name_in_manifest(host):
    host.trust()
    tar, signature = host.lab.signed(images.aci(name="example.test/other"))
    host.publish(tar, signature, name="example.test/app")
    host.rkt("fetch", "example.test/app:1.0").refused("example.test/other")
    host.nothing_stored()


@pytest.mark.parametrize("labels", [
    {"version": "2.0", "os": "linux", "arch": "amd64"},
    {"version": "1.0", "os": "windows", "arch": "amd64"},
    {"version": "1.0", "os": "linux", "arch": "arm64"},
    {"os": "linux", "arch": "amd64"},
])
def test_wrong_labels_in_manifest(host, labels):
    host.trust()
    tar, signature = host.lab.signed(
        images.aci(name="example.test/app", labels=labels))
    host.publish(tar, signature)
    host.rkt("fetch", "example.test/app:1.0").refused("label")
    host.nothing_stored()


@pytest.mark.parametrize("labels, said", [
    ({"os": "linux"}, "missing arch label in the image manifest"),
    ({"arch": "amd64"}, "missing os label in the image manifest"),
    ({"os": "freebsd", "arch": "amd64"}, 'bad os "freebsd"'),
    ({"os": "linux", "arch": "ppc64"}, "arch"),
])
def test_image_of_another_machine_does_not_run(host, labels, said):
    host.trust()
    r = host.fetch(host.lab.guest_image(labels=labels))
    if r.code == 0:
        r = host.rkt("run", r.out.strip())
    r.refused(said)
