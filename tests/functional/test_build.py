"""rkt-build: acbuild's words, by a plain user, to an image that rkt runs."""
import gzip
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess

import pytest

import host as host_module
import images
from host import wait_until

BUILD = host_module.PREFIX / "bin" / "rkt-build"
NOBODY = 65534

SCRIPT = """
begin
set-name example.test/guest
label add version 1.0
copy guest /bin/guest
copy-to-dir conf tree /srv
environment add GREETING "good day"
environment add GONE x
env rm GONE
set-exec -- /bin/guest facts read /srv/conf
set-user 7
set-group 8
set-working-directory /srv
mount add data /data --read-only
mount remove /data
port add http tcp 80 --count=2 --socket-activated
annotation add homepage https://example.test
isolator add os/linux/no-new-privileges nnp
write %s
end
"""


class Bench:
    """A plain user's directory, and rkt-build in it."""

    def __init__(self, path):
        self.path, self.umask = path, 0o022
        path.chmod(0o755)
        for up in (path.parent, path.parent.parent):
            os.chmod(up, 0o755)
        self.home = path / "work"
        self.home.mkdir()
        os.chown(self.home, NOBODY, NOBODY)

    def build(self, *words, env=None, cwd=None, data=None):
        """One command, as nobody; the Result."""
        done = subprocess.run(
            [str(BUILD), *[w if isinstance(w, bytes) else str(w)
                           for w in words]], cwd=cwd or self.home,
            env={"PATH": os.environ["PATH"], **(env or {})}, timeout=60,
            input=data, stdin=None if data else subprocess.DEVNULL,
            capture_output=True, check=False, user=NOBODY, group=NOBODY,
            extra_groups=[], umask=self.umask)
        return host_module.Result(tuple(map(str, words)), done.returncode,
                                  done.stdout.decode(),
                                  done.stderr.decode(errors="replace"))

    def script(self, text, **more):
        """Every line of a script, each of which must do."""
        for line in text.strip().splitlines():
            r = self.build(*shlex.split(line), **more).ok()
            assert r.err == "", r.describe()

    def refused(self, *words, says, **more):
        """One line on stderr, code 1, and nothing on stdout."""
        r = self.build(*words, **more)
        assert r.code == 1 and r.out == "", r.describe()
        assert len(r.err.splitlines()) == 1, r.describe()
        assert r.err.startswith("rkt-build: "), r.describe()
        assert says in r.err, r.describe()
        return r

    def file(self, name, data=b"", mode=0o644):
        """A file in the directory."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.chown(path, NOBODY, NOBODY)
        path.chmod(mode)
        return path

    def manifest(self):
        """The build's manifest."""
        return json.loads(self.build("cat-manifest").ok().out)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def members(path):
    """Lines of tar's listing, by name."""
    out = subprocess.run(["tar", "--numeric-owner", "-tvzf", path],
                         capture_output=True, check=True).stdout.decode()
    return {line.split()[5]: line for line in out.splitlines()}


def fill(bench, lab):
    bench.file("guest", lab.guest, mode=0o755)
    bench.file("conf", b"as it was built\n")
    bench.file("tree/a/b", b"deep\n", mode=0o4711)
    bench.file("nnp", b"true")
    os.symlink("/etc/passwd", bench.home / "tree" / "link")


def test_build_sign_fetch_run(host, lab, bench):
    """The whole way: acbuild's words, gpg, rkt fetch, rkt run."""
    fill(bench, lab)
    bench.script(SCRIPT % "app.aci")
    assert not (bench.home / ".acbuild").exists()
    image = bench.home / "app.aci"
    subprocess.run([BUILD, "sign", image, "--key", lab.publisher.fingerprint],
                   check=True, env={"PATH": os.environ["PATH"],
                                    "GNUPGHOME": str(lab.ring.home)})
    host.trust()
    image_id = host.rkt("fetch", "--full", image).ok().out.strip()
    tar = gzip.decompress(image.read_bytes())
    assert image_id == "sha512-" + hashlib.sha512(tar).hexdigest()
    r = host.run(image_id).ok()
    assert r.facts.one("read") == "as it was built"
    assert r.facts.env()["GREETING"] == "good day"
    assert "GONE" not in r.facts.env()
    r = host.run(image_id, "stat", "/srv/tree/a/b").ok()
    m = json.loads(host.rkt("image", "cat-manifest", image_id).ok().out)
    assert m["app"]["user"] == "7" and m["app"]["group"] == "8"
    assert m["app"]["ports"] == [{"name": "http", "protocol": "tcp",
                                  "port": 80, "count": 2,
                                  "socketActivated": True}]
    assert "mountPoints" not in m["app"]


def test_build_is_deterministic(lab, bench):
    """Same input, same bytes: other day, other directory, other order on
    disk."""
    fill(bench, lab)
    bench.script(SCRIPT % "one.aci")
    os.utime(bench.home / "conf", (1, 1))
    other = bench.home / "elsewhere"
    other.mkdir()
    os.chown(other, NOBODY, NOBODY)
    for line in (SCRIPT % "two.aci").strip().splitlines():
        bench.build("--work-path=elsewhere", *shlex.split(line)).ok()
    one, two = [(bench.home / n).read_bytes() for n in ("one.aci", "two.aci")]
    assert one == two
    assert one[3] == 0 and one[4:8] == bytes(4), "a name or a time in gzip"
    found = members(bench.home / "one.aci")
    assert list(found)[0] == "manifest"
    assert list(found)[1:] == sorted(list(found)[1:])
    assert all(" 0/0 " in line and "1970-01-01" in line
               for line in found.values())
    assert found["rootfs/srv/tree/a/b"].startswith("-rws--x--x")
    assert b"nobody" not in gzip.decompress(one)


def test_build_takes_no_bits_from_its_surroundings(lab, bench):
    """A setgid directory with a default ACL, and a narrow umask."""
    fill(bench, lab)
    bench.script(SCRIPT % "one.aci")
    odd = bench.home / "odd"
    odd.mkdir()
    os.chown(odd, NOBODY, 7)
    subprocess.run(["setfacl", "-d", "-m", "o::---,g::rwx", odd], check=True)
    odd.chmod(0o2777)
    bench.umask = 0o077
    bench.script("\n".join("--work-path=odd " + line for line in
                           (SCRIPT % "two.aci").strip().splitlines()))
    one, two = [(bench.home / n).read_bytes() for n in ("one.aci", "two.aci")]
    assert one == two
    assert (bench.home / "two.aci").stat().st_mode & 0o777 == 0o600
    assert (bench.home / "one.aci").stat().st_mode & 0o777 == 0o644


def test_build_source_date(lab, bench):
    fill(bench, lab)
    bench.script(SCRIPT % "one.aci", env={"SOURCE_DATE_EPOCH": "1000000000"})
    assert all("2001-09-09" in line
               for line in members(bench.home / "one.aci").values())
    bench.script("begin\nset-name example.test/x")
    bench.refused("write", "x.aci", says="SOURCE_DATE_EPOCH",
                  env={"SOURCE_DATE_EPOCH": "yesterday"})


def test_build_from_an_image(host, lab, bench):
    """What a plain user cannot make on disk comes out as it went in: owners,
    setuid, unreadable files, hard links, capabilities."""
    cap = bytes([1, 0, 0, 2, 0, 4] + [0] * 14)
    base = images.aci([
        images.directory("rootfs/etc", mode=0o750, uid=3, gid=4),
        images.member("rootfs/etc/shadow", "s", mode=0, gid=42),
        images.program("rootfs/su", b"x", mode=0o4755),
        images.hardlink("rootfs/su2", "rootfs/su"),
        images.pax({b"SCHILY.xattr.security.capability": cap}),
        images.program("rootfs/ping", b"p"),
        images.symlink("rootfs/lib", "usr/lib"),
        images.directory("rootfs/usr/lib"),
        images.directory("rootfs/sealed", mode=0),
        images.member("rootfs/sealed/f", "f"),
    ], name="example.test/base")
    for how in ("none", "gz", "bz2", "xz", "zstd"):
        bench.file("base.aci", images.compress(base, how))
        bench.file("new.so", b"so")
        bench.script("begin ./base.aci\nset-user 9\nset-exec /su\n"
                     "copy new.so /lib/new.so\nwrite --overwrite out.aci\nend")
    found = members(bench.home / "out.aci")
    assert found["rootfs/etc/"].startswith("drwxr-x--- 3/4 ")
    assert found["rootfs/etc/shadow"].startswith("---------- 0/42 ")
    assert found["rootfs/su"].startswith("-rwsr-xr-x 0/0 ")
    assert "link to rootfs/su" in found["rootfs/su2"]
    assert found["rootfs/sealed/"].startswith("d--------- ")
    assert "rootfs/sealed/f" in found
    assert "rootfs/usr/lib/new.so" in found, "through the image's own link"
    tar = gzip.decompress((bench.home / "out.aci").read_bytes())
    assert b"SCHILY.xattr.security.capability=" + cap in tar
    assert json.loads(tar[512:tar.index(b"\0", 512)])["app"]["user"] == "9"
    assert b"PaxHeader/ping" in tar
    host.trust()
    image_id = host.fetch((bench.home / "out.aci").read_bytes()).ok()
    host.rkt("image", "verify", image_id.out.strip()).ok()


def test_build_accepted_by_strict_unpack(host, lab, bench):
    """Long names, other alphabets, deep trees: rkt takes what was written."""
    deep = "/".join("d%02d" % i for i in range(100))
    bench.file("tree/" + deep + "/file", b"x")
    bench.file("tree/" + "n" * 200, b"x")
    bench.file("tree/ünïcode-日本", b"x")
    os.symlink("t" * 300, bench.home / "tree" / "far")
    bench.file("guest", lab.guest, mode=0o755)
    bench.script("begin ./tree\nset-name example.test/long\n"
                 "copy guest /bin/guest\nset-exec /bin/guest say hello\n"
                 "write x.aci\nend")
    image = (bench.home / "x.aci").read_bytes()
    host.trust()
    image_id = host.fetch(image).ok().out.strip()
    assert host.run(image_id).ok().facts.one("say") == "hello"


def test_build_modify(bench):
    bench.script("begin\nset-name example.test/a\nwrite x.aci\nend")
    bench.script("--modify x.aci --no-history set-name example.test/b")
    tar = gzip.decompress((bench.home / "x.aci").read_bytes())
    m = json.loads(tar[512:tar.index(b"\0", 512)])
    assert m["name"] == "example.test/b"
    assert [a["value"] for a in m["annotations"]] == [
        'acbuild set-name "example.test/a"']
    assert {p.name for p in bench.home.iterdir()} == {"x.aci"}


def test_build_script(lab, bench):
    """A script's words make the same bytes as a shell's."""
    fill(bench, lab)
    bench.script(SCRIPT % "one.aci")
    bench.file("s.acb", ("# by hand\n" + SCRIPT % "two.aci").encode())
    bench.script("script s.acb")
    one, two = [(bench.home / n).read_bytes() for n in ("one.aci", "two.aci")]
    assert one == two
    bench.file("q.acb", b"begin\nset-name example.test/a\n"
               b"set-exec -- /bin/sh -c \"echo 'a b' \\\"c\\\" \\d\" 'e\\f' g\\ h ''\n"
               b"--work-path=w begin\n")
    bench.script("script q.acb")
    assert bench.manifest()["app"]["exec"] == [
        "/bin/sh", "-c", "echo 'a b' \"c\" \\d", "e\\f", "g h", ""]
    assert (bench.home / "w" / ".acbuild").is_dir()
    for text, says in ((b"end\nend\nversion\n", "bad.acb:2"),
                       (b"set-name 'x\n", "bad.acb:1"),
                       (b"script bad.acb\n", "runs no script"),
                       (b"a\0b\n", "not a text")):
        bench.file("bad.acb", text)
        r = bench.build("script", "bad.acb")
        assert r.code == 1 and says in r.err and r.out == "", r.describe()


def test_build_bytes_that_are_no_text(bench):
    bench.script("begin")
    bench.refused("set-exec", b"\xff", says="not UTF-8")
    bench.refused("copy", "/dev/null", b"/\xff", says="UTF-8")
    bench.refused("copy", "/dev/null", "/null", says="neither file")


def has_written(pid, least):
    with open("/proc/%d/io" % pid, encoding="ascii") as f:
        return int(dict(line.split(": ") for line in f)["wchar"]) >= least


def test_build_write_interrupted(lab, bench):
    """Ended in the middle of writing, nothing of a file is there."""
    import signal
    bench.file("big", os.urandom(1 << 20) * 64)
    bench.script("begin\nset-name example.test/big\nwrite x.aci\n"
                 "copy big /big")
    was = (bench.home / "x.aci").read_bytes()
    for how in (signal.SIGINT, signal.SIGKILL):
        child = subprocess.Popen(
            [BUILD, "write", "--overwrite", "x.aci"], cwd=bench.home,
            user=NOBODY, group=NOBODY, extra_groups=[])
        wait_until(lambda: has_written(child.pid, 1 << 20))
        assert child.poll() is None
        child.send_signal(how)
        assert child.wait() == -how
        assert (bench.home / "x.aci").read_bytes() == was
        assert {p.name for p in bench.home.iterdir()} == {
            ".acbuild", "big", "x.aci"}


def test_build_history(bench):
    bench.script("begin\nset-name example.test/a\n"
                 "--no-history set-user 7\n"
                 "set-exec -- /bin/sh -c \"a 'b'\"")
    m = bench.manifest()
    assert m["annotations"] == [
        {"name": "coreos.com/acbuild/command-1",
         "value": 'acbuild set-name "example.test/a"'},
        {"name": "coreos.com/acbuild/command-2",
         "value": 'acbuild set-exec "/bin/sh" "-c" "a \'b\'"'}]


def test_build_manifest_words(bench):
    bench.script("begin")
    new = {"acKind": "ImageManifest", "acVersion": "0.8.11",
           "name": "example.test/whole", "x-unknown": [1, 2]}
    bench.file("m", json.dumps(new).encode())
    bench.script("--no-history replace-manifest m\n"
                 "--no-history dependency add example.test/base "
                 "--image-id=sha512-%s --label os=linux --label=arch=amd64 "
                 "--size 42" % ("ab" * 64))
    new["dependencies"] = [{"imageName": "example.test/base",
                            "imageID": "sha512-" + "ab" * 64,
                            "labels": [{"name": "os", "value": "linux"},
                                       {"name": "arch", "value": "amd64"}],
                            "size": 42}]
    assert bench.manifest() == new
    assert bench.build("cat-manifest", "--pretty-print").out.startswith(
        '{\n    "acKind"')


@pytest.mark.parametrize("words, says", [
    ("set-name UPPER", "not an identifier"),
    ("set-name", "wrong number of arguments"),
    ("label add name x", "name"),
    ("label remove nothing", "none called"),
    ("environment add 1A x", "not a variable's name"),
    ("mount add data relative", "not an absolute path"),
    ("mount add data /a/../b", ".."),
    ("port add http tcp 0", "not a port"),
    ("port add http tcp 65535 --count=9", "65535"),
    ("port add http tcp 80 --count=x", "--count wants"),
    ("set-event-handler now -- /x", "not an event"),
    ("isolator add resource/memory absent", "No such file"),
    ("isolator add resource/memory bad", "not JSON"),
    ("isolator add resource/memory number", "not a quantity"),
    ("dependency add example.test/x --image-id=sha512-12", "imageID"),
    ("replace-manifest bad", "not JSON"),
    ("replace-manifest /dev/zero", "larger than"),
    ("set-working-directory x", "not an absolute path"),
    ("copy absent /x", "absent"),
    ("copy bad /a/../../x", '".."'),
    ("copy .acbuild /x", "own directory"),
    ("write x.aci", "no name"),
    ("begin", "in progress"),
    ("set-user x --read-only", "no flag --read-only"),
    ("frobnicate", "unknown command"),
    ("--frobnicate end", "unknown flag"),
    ("", "which command"),
])
def test_build_wrong_words(bench, words, says):
    """One line that names the thing; and the build is as it was."""
    bench.file("bad", b"{")
    bench.file("number", b"{\"limit\": \"x\"}")
    bench.script("begin")
    before = bench.manifest()
    bench.refused(*shlex.split(words), says=says)
    assert bench.manifest() == before
    assert not (bench.home / "x.aci").exists()


def test_build_without_a_build(bench):
    for words in ("set-name example.test/a", "write x.aci", "end",
                  "cat-manifest"):
        bench.refused(*words.split(), says="no build in progress")
    bench.refused("begin", "example.test/base", says="fetches nothing")
    assert list(bench.home.iterdir()) == []


def test_build_help(bench):
    out = bench.build("--help").ok().out
    commands = [line.split("\t")[0].strip() for line in out.splitlines()
                if line.startswith("  ") and "\t" in line
                and not line.startswith("  --")]
    assert len(commands) > 25
    for command in commands:
        r = bench.build(*command.split(), "--help").ok()
        assert "Usage:" in r.out and command in r.out


def test_build_manual(bench):
    """The manual names every command and every flag, and no other."""
    page = pathlib.Path(__file__).resolve().parents[2] / "docs/man/rkt-build.1"
    text = page.read_text()
    out = bench.build("--help").ok().out
    commands = set(re.findall(r"^  ([a-z][a-z -]*)\t", out, re.M))
    flags = set()
    for command in commands:
        said = bench.build(*command.split(), "--help").ok().out
        flags |= set(re.findall(r"^  --([a-z-]+)", said, re.M))
    assert flags == set(re.findall(r"^\.It Fl -([a-z-]+)", text, re.M))
    assert commands == set(re.findall(
        r"^\.It Cm ([a-z-]+(?: add| remove)?)", text, re.M))


def test_build_write_does_not_overwrite(bench):
    bench.script("begin\nset-name example.test/a\nwrite x.aci")
    was = (bench.home / "x.aci").read_bytes()
    bench.script("label add version 2")
    bench.refused("write", "x.aci", says="--overwrite")
    assert (bench.home / "x.aci").read_bytes() == was
    bench.script("write --overwrite x.aci")
    assert (bench.home / "x.aci").read_bytes() != was


def test_build_one_at_a_time(bench):
    """The lock; and a state directory of somebody else."""
    bench.script("begin")
    lock = bench.home / ".acbuild" / "lock"
    with open(lock) as held:
        import fcntl
        fcntl.flock(held, fcntl.LOCK_EX)
        bench.refused("set-user", "7", says="another rkt-build")
    bench.script("end")
    (bench.home / ".acbuild").mkdir()
    bench.refused("set-user", "7", says="another user")
    bench.refused("end", says="another user")


def test_build_private(bench):
    """Nobody else reaches what a hostile image holds; nothing is setuid."""
    bench.file("base.aci", images.aci([
        images.program("rootfs/su", b"x", mode=0o6777)]))
    bench.script("begin ./base.aci")
    state = bench.home / ".acbuild"
    assert state.stat().st_mode & 0o7777 == 0o700
    su = state / "currentaci" / "rootfs" / "su"
    assert su.stat().st_mode & 0o7000 == 0


# --- run --------------------------------------------------------------------


def run_guest(bench, lab, *acts, flags=()):
    bench.file("guest", lab.guest, mode=0o755)
    if not (bench.home / ".acbuild").exists():
        bench.script("begin\nset-name example.test/run\nset-exec /bin/guest\n"
                     "environment add GREETING good-day\n"
                     "copy guest /bin/guest")
    r = bench.build("run", *flags, "--", "/bin/guest", *acts)
    r.facts = host_module.Facts(r.out)
    return r


def test_build_run_command(lab, bench):
    """What the command makes is in the image; what was mounted is not."""
    r = run_guest(bench, lab, "write", "/made", "by the image", "facts").ok()
    assert r.facts.one("write") == "/made ok"
    assert r.facts.one("uid") == "0"
    assert r.facts.one("uid_map").split() == ["0", str(NOBODY), "1"]
    assert r.facts.env()["GREETING"] == "good-day"
    assert set(r.facts.env()) == {"GREETING", "PATH"}
    bench.script("write x.aci\nend")
    found = members(bench.home / "x.aci")
    assert " 0/0 " in found["rootfs/made"]
    assert not {"rootfs/proc/", "rootfs/dev/", "rootfs/etc/"} & set(found)


def test_build_run_confined(lab, bench):
    """No capability that reaches the machine, both filters, no network, no
    file of the host, no descriptor but three, no terminal tricks."""
    r = run_guest(bench, lab, "facts", "try", "all", "list", "/").ok()
    f = r.facts
    assert f.status("NoNewPrivs") == "1" and f.status("Seccomp") == "2"
    assert f.status("Seccomp_filters") == "2"
    for which in ("CapPrm", "CapEff", "CapBnd"):
        assert int(f.status(which), 16) == 0x404fb
    assert int(f.status("CapInh"), 16) == int(f.status("CapAmb"), 16) == 0
    assert f.one("pid") == "1"
    assert {v.split()[0] for v in f.all("fd")} == {"0", "1", "2"}
    own = {os.readlink("/proc/self/ns/" + n) for n in
           ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")}
    assert len(f.all("ns")) == 7 and not own & set(f.all("ns"))
    assert [m.split()[4] for m in f.all("mount")][:3] == ["/", "/proc", "/dev"]
    done = {k for k, v in f.tries().items() if v == "ok"}
    assert not done & {"mount", "mknod", "ptrace_init", "reboot",
                       "bpf", "keyctl", "unshare_user", "setns", "pivot",
                       "init_module", "io_uring", "umount", "remount_proc",
                       "tiocsti", "tioclinux", "open_by_handle",
                       "settime"}, done


def test_build_run_ends_badly(lab, bench):
    """One line each; and the build goes on."""
    run_guest(bench, lab, "say", "x").ok()
    before = bench.manifest()
    for words, says in ((["/bin/guest", "exit", "7"], "code 7"),
                        (["/bin/guest", "exit", "255"], "code 255"),
                        (["/nothing"], "cannot execute /nothing")):
        r = bench.build("run", "--", *words)
        assert r.code == 1 and says in r.err, r.describe()
        assert len(r.err.splitlines()) == 1
    r = bench.build("run", "--working-dir=/none", "--", "/bin/guest")
    assert "/none" in r.err and r.code == 1
    assert bench.manifest() == before
    bench.script("dependency add example.test/base")
    bench.refused("run", "--", "/bin/guest", says="dependencies")


def test_build_run_mounts_over_no_link(lab, bench):
    """/proc and /dev of a hostile image are links out: nothing is mounted
    there, and nothing made."""
    canary = bench.path / "canary"
    canary.mkdir()
    canary.chmod(0o777)
    for name in ("proc", "dev", "etc/resolv.conf"):
        bench.file("base.aci", images.aci([
            images.directory("rootfs/etc"),
            images.program("rootfs/guest", lab.guest),
            images.symlink("rootfs/" + name, str(canary))]))
        bench.script("begin ./base.aci")
        bench.refused("run", "--net", "--", "/guest", says="/" + name)
        bench.script("end")
    assert list(canary.iterdir()) == []


def test_build_run_refuses_root(lab, bench):
    run_guest(bench, lab, "say", "x").ok()
    r = subprocess.run([BUILD, "run", "--", "/bin/guest"], cwd=bench.home,
                       capture_output=True, check=False)
    assert r.returncode == 1 and b"another user" in r.stderr
    os.chown(bench.home / ".acbuild", 0, 0)
    r = subprocess.run([BUILD, "run", "--", "/bin/guest"], cwd=bench.home,
                       capture_output=True, check=False)
    assert r.returncode == 1 and b"by root" in r.stderr
    assert len(r.stderr.splitlines()) == 1


# --- hostile ----------------------------------------------------------------


HOSTILE = {
    "absolute": ([images.member("/rootfs/x", "x")], "absolute name"),
    "up": ([images.member("rootfs/../x", "x")], '".."'),
    "other": ([images.member("other", "x")], "neither the manifest"),
    "twice": ([images.member("rootfs/x", "x"), images.member("rootfs/x", "y")],
              "second member"),
    "dir_twice": ([images.directory("rootfs/x"), images.directory("rootfs/x")],
                  "second member"),
    "root_twice": ([images.directory("rootfs")], "second member"),
    "through_link": ([images.symlink("rootfs/l", "/tmp"),
                      images.member("rootfs/l/x", "x")], "through a link"),
    "through_dots": ([images.symlink("rootfs/l", "../../../.."),
                      images.member("rootfs/l/x", "x")], "through a link"),
    "over_link": ([images.symlink("rootfs/l", "/tmp/canary"),
                   images.member("rootfs/l", "x")], "second member"),
    "hard_out": ([images.hardlink("rootfs/h", "/etc/passwd")], "hard link"),
    "hard_up": ([images.hardlink("rootfs/h", "rootfs/../manifest")],
                "hard link"),
    "hard_manifest": ([images.hardlink("rootfs/h", "manifest")], "hard link"),
    "hard_link": ([images.symlink("rootfs/l", "/etc/passwd"),
                   images.hardlink("rootfs/h", "rootfs/l")], "hard link"),
    "device": ([images.member("rootfs/d", kind=b"3", major=1, minor=3)],
               "not allowed"),
    "block": ([images.member("rootfs/d", kind=b"4", major=8)], "not allowed"),
    "owner": ([images.member("rootfs/x", "x", uid=65536)], "0..65535"),
    "not_text": ([images.member(b"rootfs/\xff", "x")], "UTF-8"),
    "escape": ([images.member(b"rootfs/\x1b[31m", "x")], "UTF-8"),
    "manifest_twice": ([images.member("manifest", images.manifest())],
                       "second manifest"),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_build_begin_hostile_image(bench, name):
    """What rkt's unpack refuses, begin refuses, and nothing is left."""
    extra, says = HOSTILE[name]
    bench.file("evil.aci", images.aci(extra))
    r = bench.refused("begin", "./evil.aci", says=says)
    assert "\x1b" not in r.err
    assert {p.name for p in bench.home.iterdir()} == {"evil.aci"}
    assert not pathlib.Path("/tmp/x").exists()


@pytest.mark.parametrize("data, says", [
    (b"", "archive"), (b"\0" * 4096, "manifest"), (b"x" * 4096, ""),
    (images.archive(images.directory("rootfs")), "no manifest"),
    (images.archive(images.member("manifest", images.manifest())),
     "no rootfs"),
    (images.archive(images.member("manifest", "{}"),
                    images.directory("rootfs")), "missing"),
    (images.compress(images.aci(), "gz")[:-9], ""),
    (images.aci([images.member("rootfs/x", "x" * 4096)])[:-4000], ""),
])
def test_build_begin_damaged_image(bench, data, says):
    bench.file("evil.aci", data)
    bench.refused("begin", "./evil.aci", says=says)
    assert {p.name for p in bench.home.iterdir()} == {"evil.aci"}


def test_build_copy_follows_no_link(bench):
    """A tree with links out of it is copied as links; one with devices,
    sockets and fifos is refused."""
    secret = bench.path / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    tree = bench.file("tree/a", b"a").parent
    os.symlink(secret, tree / "dir")
    os.symlink(secret / "key", tree / "file")
    bench.script("begin\ncopy tree /t")
    rootfs = bench.home / ".acbuild" / "currentaci" / "rootfs"
    assert os.readlink(rootfs / "t" / "dir") == str(secret)
    assert os.readlink(rootfs / "t" / "file") == str(secret / "key")
    os.mkfifo(tree / "fifo")
    bench.refused("copy", "tree", "/u", says="/u/fifo")


def test_build_copy_stays_in_the_image(bench):
    """The image's own links lead inside the image, whatever they say."""
    canary = bench.path / "canary"
    canary.mkdir(mode=0o777)
    canary.chmod(0o777)
    bench.file("base.aci", images.aci([
        images.symlink("rootfs/out", str(canary)),
        images.symlink("rootfs/up", "../../../../../.." + str(canary)),
        images.symlink("rootfs/file", str(canary / "f")),
        images.symlink("rootfs/loop", "loop")]))
    bench.file("new", b"new")
    bench.file("tree/out/x", b"x")
    bench.script("begin ./base.aci")
    bench.refused("copy", "new", "/out/x", says="not a directory")
    bench.refused("copy", "new", "/up/x", says="not a directory")
    bench.refused("copy", "new", "/loop/x", says="/loop")
    bench.refused("copy", "tree", "/", says="a link in the image")
    bench.script("copy new /file")
    assert list(canary.iterdir()) == []
    rootfs = bench.home / ".acbuild" / "currentaci" / "rootfs"
    assert (rootfs / "file").read_bytes() == b"new"
    assert not (rootfs / "file").is_symlink()


def test_build_copy_here(bench):
    """`copy .` leaves out the build itself."""
    bench.file("a", b"a")
    bench.script("begin")
    r = bench.build("copy", ".", "/all").ok()
    assert ".acbuild" in r.err
    rootfs = bench.home / ".acbuild" / "currentaci" / "rootfs"
    assert os.listdir(rootfs / "all") == ["a"]


def test_build_sign_wants_a_key(lab, bench):
    bench.script("begin\nset-name example.test/a\nwrite x.aci")
    bench.refused("sign", "absent.aci", says="absent.aci")
    bench.file("x.aci.asc", b"old")
    bench.refused("sign", "x.aci", says="--overwrite")
