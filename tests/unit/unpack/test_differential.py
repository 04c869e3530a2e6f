"""Our reader of archives against GNU tar, libarchive's bsdtar and Python's
tarfile (CVE-2025-62518, CVE-2026-53655 and their class: two readers, two lists
of members, and only one of them was looked at).

Whatever our unpacker accepts, the other three must find the same in: the same
names, kinds, bytes, links and permissions.  Where they do not, it must have
been refused.  The archives are the hostile ones of the functional tests, the
fuzzer's corpus, good ones by other writers, and these with bytes changed.
"""
import hashlib
import io
import os
import pathlib
import random
import stat
import subprocess
import sys
import tarfile
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests" / "lib"), str(ROOT / "tests" / "functional")]
import images  # noqa: E402
import test_hostile_archives as hostile  # noqa: E402
from images import (archive, directory, gnu_long, hardlink,  # noqa: E402
                    manifest, member, pax, symlink)

BUILD = pathlib.Path(os.environ.get("RKT_BUILD", ROOT / "build"))
OURS = BUILD / "test" / "unit" / "unpack" / "t_list"
NOBODY = 65534
BATCH = 40
PYTHON = ("import sys, tarfile; "
          "tarfile.open(sys.argv[1], 'r:', errorlevel=2).extractall()")
READERS = {
    "GNU tar": ["tar", "--extract", "--preserve-permissions",
                "--no-same-owner", "--file"],
    "bsdtar": ["bsdtar", "-xp", "--no-same-owner", "--no-xattrs",
               "--no-acls", "--no-fflags", "-f"],
    "Python": [sys.executable, "-I", "-c", PYTHON],
}

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not OURS.exists(),
    reason="needs root, and make test-bins in RKT_BUILD")


@pytest.fixture(name="place")
def _place():
    """A directory that nobody may walk into; pytest's own are closed to him."""
    with tempfile.TemporaryDirectory(prefix="rkt-differential-") as made:
        path = pathlib.Path(made)
        path.chmod(0o755)
        yield path


def tree(top):
    """{name: what it is} of all that lies below top."""
    found, inodes = {}, {}
    for where, dirs, files in os.walk(os.fsencode(top)):
        for name in sorted(dirs + files):
            path = os.path.join(where, name)
            name = os.path.relpath(path, os.fsencode(top))
            st = os.lstat(path)
            what = [stat.S_IFMT(st.st_mode)]
            if stat.S_ISLNK(st.st_mode):
                what.append(os.readlink(path))
            elif stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    what.append(hashlib.sha256(f.read()).hexdigest())
                what += [st.st_mode & 0o777, st.st_size]
                inodes.setdefault(st.st_ino, []).append(name)
            found[name] = what
    for same in inodes.values():
        for name in same:
            found[name].append(sorted(same))
            if len(same) > 1:
                found[name][2] = None   # Python takes the link's, others not
    return found


def ours(files, top):
    """What our unpacker says of each, "ok" or why not; what it wrote is
    top/0, top/1, ..."""
    done = subprocess.run([OURS, top, *files], capture_output=True, check=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    said = done.stdout.decode(errors="replace").splitlines()
    assert len(said) == len(files)
    return said


def theirs(reader, file, top):
    """Extracts file into top, as nobody; None, or how it failed."""
    top.mkdir(parents=True)
    os.chown(top, NOBODY, NOBODY)

    def enter():
        os.umask(0o022)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    done = subprocess.run(
        [*READERS[reader], file], cwd=top, stdin=subprocess.DEVNULL,
        capture_output=True, check=False, preexec_fn=enter,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
    if done.returncode != 0:
        return "code %d: %s" % (done.returncode,
                                done.stderr.decode(errors="replace")[-300:])
    return None


def differ(archives, place):
    """How others read what we accept in another way; how many we accept."""
    place.mkdir(mode=0o755)
    wrong, accepted = [], 0
    names = list(archives)
    for at in range(0, len(names), BATCH):
        batch, top = names[at:at + BATCH], place / str(at)
        top.mkdir()
        files = [top / ("%d.tar" % i) for i in range(len(batch))]
        for name, file in zip(batch, files):
            file.write_bytes(archives[name])
        for i, said in enumerate(ours(files, top)):
            if said != "ok":
                continue
            accepted += 1
            mine = tree(top / str(i))
            for reader in READERS:
                there = top / reader / str(i)
                bad = theirs(reader, files[i], there)
                if bad is None and (other := tree(there)) != mine:
                    keys = [k for k in mine.keys() | other.keys()
                            if mine.get(k) != other.get(k)]
                    bad = "; ".join("%r: ours %r, theirs %r" % (
                        k, mine.get(k), other.get(k)) for k in keys[:3])
                if bad:
                    wrong.append("%s: %s: %s" % (batch[i], reader, bad))
        subprocess.run(["rm", "-rf", top], check=True)
    return wrong, accepted


# --- good ones, by many hands --------------------------------------------------


def by_hand():
    m, r = member("manifest", manifest()), directory("rootfs")
    long_name = "/".join(["rootfs"] + ["d" * 90] * 5)
    f = member("rootfs/f", b"f")
    yield "empty", archive(m, r)
    yield "order", archive(f, r, m)
    yield "dots", archive(directory("./"), member("./manifest", manifest()),
                          directory("./rootfs"), member("./rootfs//f", b"1"))
    yield "long", archive(
        m, r, pax({"path": long_name}) + member("x", b"long"),
        gnu_long(long_name + "2") + member("x", b"long2"),
        member("rootfs/" + "n" * 93, b"just fits"))
    yield "links", archive(
        m, r, f, symlink("rootfs/out", "/etc/passwd"),
        symlink("rootfs/up", "../../x"), hardlink("rootfs/h", "rootfs/f"),
        hardlink("rootfs/h2", "./rootfs/h"),
        pax({"linkpath": "a" * 200}) + symlink("rootfs/l", "x"),
        gnu_long("b" * 200, b"K") + symlink("rootfs/l2", "x"))
    yield "utf8", archive(m, r, member("rootfs/\u00e9\u4e2d", b"x"),
                          pax({"path": "rootfs/\u00fc"}) + member("x", b"y"))
    yield "sizes", archive(m, r, *[
        member("rootfs/s%d" % n, bytes([n & 255]) * n)
        for n in (0, 1, 511, 512, 513, 1023, 1024, 5000, 70000)])
    yield "pax-same-size", archive(
        m, r, pax({"size": "600"}) + member("rootfs/f", b"x" * 600))
    yield "pax-odds", archive(
        m, r, pax({"comment": "path=rootfs/evil\n", "mtime": "1.25",
                   "atime": "2"}) + f)
    yield "modes", archive(m, r, *[
        member("rootfs/m%o" % mode, b"", mode=mode)
        for mode in (0o400, 0o644, 0o755, 0o777, 0o600, 0)])
    yield "old-regular", archive(m, r, member("rootfs/f", b"x", kind=b"\0"))
    yield "contiguous", archive(m, r, member("rootfs/f", b"x", kind=b"7"))
    yield "tar-in-a-tar", archive(m, r, member(
        "rootfs/inner", archive(member("rootfs/evil", b"evil"))))
    yield "behind-the-end", archive(m, r, f) + archive(
        member("rootfs/evil", b"evil"))
    yield "one-zero-block", archive(m, r, f)[:-1024] + bytes(512) + \
        member("rootfs/evil", b"evil") + bytes(1024)
    yield "no-end", (m + r + f)
    yield "half-an-end", (m + r + f) + bytes(512)


def by_python():
    for how, fmt in (("ustar", tarfile.USTAR_FORMAT),
                     ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=fmt) as t:
            for name, data in (("manifest", manifest()),
                               ("rootfs/a", b"a" * 700),
                               ("rootfs/" + "x/" * 40 + "y", b"deep")):
                info = tarfile.TarInfo(name)
                info.size, info.mtime = len(data), 1600000000
                t.addfile(info, io.BytesIO(data))
            info = tarfile.TarInfo("rootfs/link")
            info.type, info.linkname = tarfile.SYMTYPE, "a"
            t.addfile(info)
            info = tarfile.TarInfo("rootfs/hard")
            info.type, info.linkname = tarfile.LNKTYPE, "rootfs/a"
            t.addfile(info)
        yield "python-" + how, out.getvalue()


def by_programs(top):
    """A tree, as tar and bsdtar write it."""
    (top / "rootfs" / "d" / ("e" * 95)).mkdir(parents=True)
    (top / "manifest").write_bytes(manifest())
    (top / "rootfs" / "d" / ("e" * 95) / "f").write_bytes(b"f" * 1000)
    (top / "rootfs" / "sym").symlink_to("d")
    os.link(top / "rootfs" / "d" / ("e" * 95) / "f", top / "rootfs" / "hard")
    ways = [["tar", "--format=" + f, "-c"]
            for f in ("gnu", "oldgnu", "pax", "posix", "ustar")]
    ways += [["bsdtar", "--format=" + f, "-c"]
             for f in ("pax", "paxr", "ustar", "gnutar")]
    for way in ways:
        done = subprocess.run([*way, "-f", "-", "manifest", "rootfs"], cwd=top,
                              capture_output=True, check=True)
        yield "-".join(way[:2]), done.stdout


def mutants(good, count, seed):
    """Bytes changed, blocks moved; sums of headers made good again, so that
    what is behind them is reached."""
    chance = random.Random(seed)
    names = sorted(good)
    for i in range(count):
        name = chance.choice(names)
        data = bytearray(good[name])
        for _ in range(chance.choice((1, 1, 2, 3))):
            block = 512 * chance.randrange(max(1, min(len(data), 16384) // 512))
            act = chance.randrange(6)
            if act < 3:
                # Where sizes, kinds and names are.
                at = block + chance.choice((0, 5, 99, 100, 124, 127, 130, 134,
                                            135, 156, 157, 257, 263, 265, 345))
                if at < len(data):
                    data[at] = chance.choice(b"\0 01257x5gLK/.\x80\xff")
            elif act == 3:
                data[block:block] = data[block:block + 512]
            elif act == 4:
                del data[block:block + 512]
            else:
                at = 512 * chance.randrange(max(1, len(data) // 512))
                data[at:at + 512], data[block:block + 512] = \
                    data[block:block + 512], data[at:at + 512]
            if block + 512 <= len(data) and chance.random() < 0.9:
                head = data[block:block + 512]
                head[148:156] = b" " * 8
                data[block + 148:block + 156] = b"%06o\0 " % sum(head)
        yield "mutant %d of %s" % (i, name), bytes(data)


# --- tests -------------------------------------------------------------------


def test_differential_good_archives(place):
    good = dict(by_hand()) | dict(by_python()) | \
        dict(by_programs(place / "source"))
    wrong, accepted = differ(good, place / "out")
    assert not wrong, "\n".join(wrong)
    assert accepted >= 20


def test_differential_hostile_archives(place):
    """Those that are refused are no matter; the few that are not, are."""
    wrong, _ = differ(hostile.CASES, place / "out")
    assert not wrong, "\n".join(wrong)


def test_differential_corpus_of_the_fuzzer(place):
    corpus = {p.name: p.read_bytes()
              for p in (ROOT / "fuzz" / "corpus" / "tar").iterdir()}
    assert corpus
    wrong, _ = differ(corpus, place / "out")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("seed", range(4))
def test_differential_mutants(place, seed):
    good = dict(by_hand()) | dict(by_python()) | \
        dict(by_programs(place / "source"))
    wrong, accepted = differ(dict(mutants(good, 300, seed)), place / "out")
    assert not wrong, "\n".join(wrong)
    assert accepted >= 20


def test_differential_sees_a_difference(place):
    """The yardstick itself: a reader that finds more is found out."""
    saved = dict(READERS)
    READERS["another"] = ["sh", "-c", "mkdir rootfs; echo >rootfs/evil", "sh"]
    try:
        wrong, accepted = differ({"empty": dict(by_hand())["empty"]},
                                 place / "out")
    finally:
        READERS.clear()
        READERS.update(saved)
    assert accepted == 1 and len(wrong) == 1 and "evil" in wrong[0]
