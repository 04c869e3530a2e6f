"""Attacks from inside a pod, and on what a pod leaves, tried for real
(attack.c).  Names of advisories say which class an attempt belongs to."""
import contextlib
import hashlib
import os
import pathlib
import pwd
import re
import struct
import subprocess

import pytest

import images
from host import PREFIX, Facts, wait_until
from images import app

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def attacker(lab):
    return lab.compile(HERE / "attack.c")


def image(host, attacker, *argv, files=(), **who):
    return host.store(images.aci(
        [images.directory("rootfs/bin"), images.directory("rootfs/tmp", mode=0o1777),
         images.program("rootfs/bin/attack", attacker), *files],
        name="example.test/attack",
        section=app("/bin/attack", *argv, **who)))


def settings():
    """What of the kernel an attempt would have changed."""
    found = {}
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
                 "/proc/sys/kernel/hostname", "/proc/sys/net/ipv4/ip_forward",
                 "/proc/sys/vm/panic_on_oom"):
        if os.path.exists(path):
            found[path] = open(path, "rb").read()
    for base in ("bin", "libexec/rkt", "lib/rkt/stage1/nspawn/rootfs/usr/lib/rkt"):
        for file in sorted((PREFIX / base).iterdir()):
            if file.is_file():
                found[str(file)] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


# Where more than a refusal by number is known.
EXACT = {"int80": "signal 31", "x32": "signal 31", "alg_high": "EAFNOSUPPORT",
         "chroot_escape": None}


@pytest.mark.parametrize("user, flags", [
    ("0", []), ("1000", []), ("0", ["--seccomp=mode=remove,getpid"]),
    ("0", ["--caps-retain=CAP_SYS_ADMIN,CAP_DAC_READ_SEARCH,CAP_SYS_CHROOT,"
           "CAP_MKNOD,CAP_SETFCAP,CAP_SYS_RAWIO,CAP_SYS_MODULE"])])
def test_attack_from_the_pod(host, attacker, user, flags):
    """CVE-2019-5736 (proc1_exe), CVE-2016-9962 (proc1_fds), CVE-2025-31133
    (kernel_settings, hidden), CVE-2023-25809 (release_agent): nothing works,
    not with the wide filter, nor with capabilities of the operator's."""
    before = settings()
    r = host.run(image(host, attacker, user=user, group=user), app=flags,
                 timeout=60).ok()
    f = dict(Facts(r.out.replace("int80=", "int=").replace("x32=", "x=")
                   .replace("proc1_", "procone_")))
    assert int(f.pop("done")) == 35
    assert len(f) >= 35, r.out
    worked = {name: said for name, said in f.items() if said == "ok"}
    assert not worked, worked
    assert f["int"] == f["x"] == "signal 31"
    assert f["alg_high"] == "EAFNOSUPPORT"
    assert f["tiocsti_high"] == "EPERM"
    assert settings() == before


def start(host, attacker, *argv):
    child = host.start("run", image(host, attacker, *argv))
    host.wait_for(child, "done=")
    return child, host.pods()[0][1]


def test_attack_files_of_a_pod(host, attacker):
    """CVE-2024-25621: set-user-ID files and file capabilities that a pod's root
    makes are out of reach for users of the host, members of group rkt too, and
    speak of the pod's ids alone; the status stays readable."""
    child, uuid = start(host, attacker, "leave", "600")
    pod = host.data / "pods" / "run" / uuid
    upper = pod / "overlay" / "app-attack" / "upper" / "tmp"
    base = int((pod / "private-users-prepared").read_text().split(":")[0])
    st = (upper / "setuid").stat()
    assert (st.st_uid, st.st_mode & 0o7777) == (base, 0o4755)
    magic, = struct.unpack_from("<I", raw := os.getxattr(
        upper / "fscaps", "security.capability"))
    assert magic >> 24 == 3 and struct.unpack("<I", raw[-4:])[0] == base
    group = pwd.getpwnam("rkt").pw_gid
    for path in [host.path, *host.path.parents]:
        if str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o011)

    def as_member():
        os.setgroups([group])
        os.setgid(65534)
        os.setuid(65534)

    for path, good in ((upper, False), (pod / "overlay" / "app-attack", False),
                       (host.data / "image" / host.images()[0] / "tree", False),
                       (host.data / "ids", False), (host.data / "quarantine", False),
                       (pod, True)):
        r = subprocess.run(["ls", path], preexec_fn=as_member, capture_output=True,
                           check=False)
        assert (r.returncode == 0) == good, (path, r)
    child.terminate()
    child.wait(60)


def links(pid):
    """What its descriptors are, of those that it has still."""
    with contextlib.suppress(OSError):
        for fd in os.listdir("/proc/%d/fd" % pid):
            with contextlib.suppress(OSError):
                yield os.readlink("/proc/%d/fd/%s" % (pid, fd))


def test_attack_pod_is_not_on_the_host(host, attacker):
    """No mount of a pod reaches the host's table, none of the host's
    descriptors reaches the pod: of all its processes only nspawn, outside,
    holds one below the data directory."""
    mounts = open("/proc/self/mountinfo").read()
    child, _ = start(host, attacker, "stay", "600")
    assert open("/proc/self/mountinfo").read() == mounts
    seen = 0
    for pid, words in host.lab.cgroup.processes():
        if words.startswith("/usr/bin/systemd-nspawn"):
            continue
        seen += 1
        with contextlib.suppress(OSError):  # one that has ended, a file closed
            assert str(host.data) not in open("/proc/%d/mountinfo" % pid).read()
        for to in links(pid):
            assert str(host.path) not in to, (words, to)
        with contextlib.suppress(OSError):
            status = open("/proc/%d/status" % pid).read()
            assert "\nUid:\t0\t" not in status, words
            assert "Seccomp:\t2" in status, words
    assert seen >= 3
    child.terminate()
    child.wait(60)


def test_attack_inherited_descriptors(host, attacker):
    """CVE-2024-21626: what the caller left open, 700 of it, reaches no worker
    and no app, and is in no descriptor's way."""
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    more = [os.dup2(root, 40 + n) for n in range(700)]
    where = host.store()
    try:
        r = host.bare(*host.argv("run", where, "--", "facts"), pass_fds=more).ok()
    finally:
        for fd in [root, *more]:
            os.close(fd)
    assert sorted(v.split()[0] for v in Facts(r.out).all("fd")) == ["0", "1", "2"]


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o777])
def test_attack_umask(host, mask):
    """The caller's umask decides nothing about modes."""
    host.trust()
    path = host.write_signed(host.lab.guest_image())
    r = host.bare(*host.argv("run", path, "--", "exit", "0"), umask=mask).ok()
    assert r.code == 0
    modes = {"": 0o750, "image": 0o750, "pods": 0o750, "ids": 0o700,
             "quarantine": 0o700, "pods/run": 0o750,
             "image/" + host.images()[0]: 0o750}
    uuid = host.pods()[0][1]
    modes.update({"pods/run/" + uuid: 0o750, "pods/run/%s/plan" % uuid: 0o640,
                  "image/%s/record" % host.images()[0]: 0o640,
                  "image/%s/tree" % host.images()[0]: 0o700})
    for name, mode in modes.items():
        assert (host.data / name).stat().st_mode & 0o7777 == mode, name


def test_attack_fscaps_of_an_image(host, attacker):
    """File capabilities of an image mean the pod's root, in the store and in
    the pod, and no capability of the host."""
    caps = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
    where = host.store(images.aci(
        [images.directory("rootfs/bin"),
         images.pax({"SCHILY.xattr.security.capability": caps}),
         images.program("rootfs/bin/guest", host.lab.guest)],
        name="example.test/guest",
        section=app("/bin/guest", "facts", user="1000", group="1000")))
    file = host.data / "image" / where / "tree" / "rootfs" / "bin" / "guest"
    raw = os.getxattr(file, "security.capability")
    assert raw[3] == 3 and struct.unpack("<I", raw[-4:])[0] == 2147352576
    f = host.run(where).ok().facts
    assert int(f.status("NoNewPrivs")) == 1 and int(f.status("CapEff"), 16) == 0


def test_attack_conductor_reach(host, attacker):
    """The conductor, live: its memory is no one's to read, it has nothing open
    for writing but its edge and the caller's stdio, and it is root of
    nothing."""
    child, uuid = start(host, attacker, "stay", "600")
    waiting = host.start("status", "--wait", uuid)

    def confined():
        """Its pid and status, once it is what it will be."""
        for pid, path in host.lab.cgroup.programs().items():
            if not path.endswith("/libexec/rkt/conductor"):
                continue
            text = open("/proc/%d/status" % pid).read()
            if "Seccomp:\t2" in text:
                return pid, text
        return None
    pid, text = wait_until(confined)
    user = pwd.getpwnam("rkt")
    assert re.search(r"^Uid:(\t%d){4}$" % user.pw_uid, text, re.M)
    assert re.search(r"^Gid:(\t%d){4}$" % user.pw_gid, text, re.M)
    assert re.search(r"^Groups:\s*$", text, re.M)
    assert re.findall(r"^Cap\w+:\t(\w+)$", text, re.M) == ["0" * 16] * 5
    assert "NoNewPrivs:\t1" in text and "Seccomp:\t2" in text
    assert os.stat("/proc/%d/mem" % pid).st_uid == 0, "dumpable"
    seen = set()
    for fd in map(int, os.listdir("/proc/%d/fd" % pid)):
        # It looks at its pod ten times a second, and closes what it opened.
        with contextlib.suppress(FileNotFoundError):
            to = os.readlink("/proc/%d/fd/%d" % (pid, fd))
            info = open("/proc/%d/fdinfo/%d" % (pid, fd)).read()
            writes = int(re.search(r"flags:\s+(\d+)", info)[1], 8) & os.O_ACCMODE
            assert fd <= 3 or writes == os.O_RDONLY, (fd, to)
            assert fd != 3 or to.startswith("socket:")
            seen.add(fd)
    assert {0, 1, 2, 3} <= seen
    for end_it in (waiting, child):
        end_it.terminate()
        end_it.wait(60)


def test_attack_cgroups_of_a_mad_pod(host):
    """A pod's root may make cgroups below its own, of any depth and name; gc
    takes them all, and what runs in them."""
    host.run(host.store(), "exit", "0").ok()
    uuid = host.pods()[0][1]
    mine = [pathlib.Path(line) for line in (
        host.data / "pods" / "run" / uuid / "cgroup").read_text().split()]
    mine = sorted({p for p in mine if p.is_dir()})
    assert mine
    for path in mine:
        for n in range(90):
            path = path / (".x%d" % n)
            path.mkdir()
    sleeper = subprocess.Popen(["sleep", "600"])
    (path / "cgroup.procs").write_text(str(sleeper.pid))
    host.rkt("gc", "--grace-period=0s").ok()
    assert sleeper.wait(60) == -9
    assert host.pods() == [] and not any(p.exists() for p in mine)
