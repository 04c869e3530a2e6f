"""Advisories about what is between an image and its pod: paths and mounts,
descriptors, identities, words of an image, exhaustion.  docs/advisories.md says
which test answers to which."""
import contextlib
import ctypes
import os
import pathlib
import re
import subprocess
import threading
import time

import pytest

import images
from host import Facts, wait_until
from images import app, isolator

HERE = pathlib.Path(__file__).resolve().parent
RACES = int(os.environ.get("RKT_RACES", "15"))


def guest(host, *files, **facts):
    """A stored image of the guest with further members."""
    return host.store(host.lab.guest_image(files=files, **facts))


@contextlib.contextmanager
def racing(act):
    """act(), over and over, in a thread beside."""
    over = threading.Event()

    def turn():
        while not over.is_set():
            act()
    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def exchange(one, other):
    """renameat2(RENAME_EXCHANGE)."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2)


def running(host, image, *acts, pod=()):
    """A pod that stays; its rkt and its UUID."""
    child = host.start("run", *pod, image, "--", *acts, "say", "ready", "sleep",
                       "600")
    host.wait_for(child, "say=ready")
    uuid = next(u for state, u in host.pods() if state == "run")
    return child, uuid


def stop(child):
    child.terminate()
    assert child.wait(60) is not None


def host_dev():
    return sorted(os.listdir("/dev")), os.stat("/dev/null").st_rdev


# --- paths and mounts -------------------------------------------------------------


def test_cve_2019_19921_proc_through_a_shared_volume(host, tmp_path):
    """CVE-2023-27561, CVE-2023-28642: what the image calls /proc leads into a
    volume that another one changes all the time.  The app has the kernel's
    proc at /proc, or it does not start."""
    shared = tmp_path / "shared"
    for name in ("proc", "aside/sys"):
        (shared / name).mkdir(parents=True)
    (shared / "link").symlink_to("aside")
    tmp_path.chmod(0o755)
    image = guest(host, images.symlink("rootfs/proc", "/v/proc"),
                  images.directory("rootfs/v"))
    started = 0
    with racing(lambda: exchange(shared / "proc", shared / "link")):
        for _ in range(RACES):
            r = host.run(image, "facts", pod=[
                "--volume=v,kind=host,source=%s" % shared],
                app=["--mount=volume=v,target=/v"])
            if r.code != 0:
                continue
            started += 1
            mounts = {m.split()[4]: m for m in r.facts.all("mount")}
            assert " - proc " in mounts["/proc"]
            assert "ro" in mounts["/proc/sys"].split()[5].split(",")
    assert started > 0
    assert sorted(p.name for p in shared.iterdir()) == ["aside", "link", "proc"]
    assert os.listdir(shared / "aside") == ["sys"]


@pytest.mark.parametrize("to", ["/proc/sys/kernel/core_pattern", "/etc/passwd",
                                "../../../../../../etc/passwd"])
def test_cve_2025_52565_console_is_made_here(host, to):
    """The image brings what a console could be taken from by its name."""
    before = pathlib.Path("/etc/passwd").read_bytes()
    image = guest(
        host, images.directory("rootfs/dev"), images.directory("rootfs/dev/pts"),
        *[images.symlink("rootfs/dev/pts/%d" % i, to) for i in range(4)],
        images.symlink("rootfs/dev/console", to),
        images.symlink("rootfs/dev/ptmx", to))
    f = host.run(image, "list", "/dev/pts", "facts").ok().facts
    assert not [v for v in f.all("list") if v.split()[-1].isdigit()]
    mounts = {m.split()[4]: m for m in f.all("mount")}
    assert " - devpts " in mounts["/dev/console"]
    assert " - devpts " in mounts["/dev/pts"]
    code, said = host.talk(["run", "--interactive", image, "--", "facts"], [])
    assert code == 0 and Facts(said).one("tty") == "111"
    assert pathlib.Path("/etc/passwd").read_bytes() == before


@pytest.mark.parametrize("to", ["/tmp", "/", "../../../../../../dev", "/proc",
                                "/dev/fd", "."])
@pytest.mark.parametrize("how", ["run", "run-prepared"])
def test_cve_2026_41579_dev_is_a_link(host, how, to):
    """Also crun's CVE-2026-47766.  A /dev that leads elsewhere is replaced, or
    nothing starts; nothing is made or taken away on the host."""
    before = host_dev(), sorted(os.listdir("/tmp/.")), sorted(os.listdir("/"))
    image = guest(host, images.symlink("rootfs/dev", to))
    if how == "run":
        r = host.rkt("run", image, "--", "facts")
    else:
        uuid = host.rkt("prepare", "--quiet", image, "--",
                        "facts").ok().out.strip()
        r = host.rkt("run-prepared", uuid)
    if r.code == 0:
        mounts = {m.split()[4]: m for m in Facts(r.out).all("mount")}
        assert " - tmpfs " in mounts["/dev"]
    now = host_dev(), sorted(os.listdir("/tmp/.")), sorted(os.listdir("/"))
    assert now[0] == before[0] and now[2] == before[2]
    assert "null" not in now[1] and "ptmx" not in now[1]


@pytest.mark.parametrize("words, said", [
    ("v,kind=host,source=%s/real/../secret", "source"),
    ("v,kind=host,source=%s/./real", "source"),
    ("v,kind=host,source=real", "source"),
    ("v,kind=host,source=%s/link", "symbolic link"),
    ("v,kind=host,source=%s/link/below", "symbolic link"),
    ("v,kind=host,source=%s/real,ro", "ro"),
    ("v,kind=host,source=%s/real,ro,suid,dev", "ro"),
    ("v,kind=host,source=%s/real,readOnly=true,suid=true", "suid"),
    ("v,kind=host,source=%s/real,readOnly=true,readOnly=false", "readOnly"),
    ("v,kind=bind,source=%s/real", "kind"),
    ("../v,kind=host,source=%s/real", "../v"),
])
def test_cve_2024_1753_words_of_a_volume(host, tmp_path, words, said):
    """CVE-2024-9407, CVE-2024-9675, CVE-2024-11218: no word that is not known,
    no source but the one that was said, through no link."""
    (tmp_path / "real/below").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "link").symlink_to("real")
    tmp_path.chmod(0o755)
    text = words % tmp_path if "%s" in words else words
    host.rkt("run", "--volume=" + text, host.store(), "--mount",
             "volume=v,target=/v", "--", "say", "in").refused(said)
    assert host.pods() == []


def test_cve_2018_15664_live_pod(host):
    """CVE-2019-10152, CVE-2021-41089, CVE-2023-0778, CVE-2026-41568: nothing
    is copied out of, or mounted into, a root that its app may be changing; and
    what is read beside it is not led astray."""
    canary = pathlib.Path("/etc/rkt-canary-%d" % os.getpid())
    canary.write_text("canary %d\n" % os.getpid())
    try:
        child, uuid = running(host, guest(host), "juggle", "8")
        out = host.path / "out.aci"
        for _ in range(RACES):
            host.rkt("export", uuid, out).refused("running")
            assert not out.exists()
            for words in (["cat-manifest", uuid], ["status", uuid],
                          ["logs", uuid], ["list", "--full"]):
                r = host.rkt(*words).ok()
                assert "canary" not in r.out + r.err
        stop(child)
        assert canary.read_text() == "canary %d\n" % os.getpid()
    finally:
        canary.unlink()


def test_cve_2026_40226_settings_of_nspawn(host):
    """A file that systemd-nspawn would take settings from, by the pod's own
    name, is not even opened."""
    uuid = host.rkt("prepare", "--quiet", guest(host), "--",
                    "facts").ok().out.strip()
    settings = "[Exec]\nCapability=all\nEnvironment=FOUND=yes\n"
    made = [pathlib.Path("/run/systemd/nspawn/rkt-%s.nspawn" % uuid)]
    parents = [p for p in made[0].parents if not p.exists()]
    made[0].parent.mkdir(parents=True, exist_ok=True)
    made.append(host.data / "pods/prepared" / uuid / "stage1.nspawn")
    made.append(host.data / "pods/prepared" / uuid / "rootfs.nspawn")
    try:
        for path in made:
            path.write_text(settings)
        log = host.path / "calls"
        r = host.bare("strace", "-f", "-qq", "-o", log, "-e",
                      "trace=open,openat,openat2", *host.argv("run-prepared", uuid))
        assert r.code == 0, r.describe()
        assert Facts(r.out).env().get("FOUND") is None
        text = log.read_text(errors="replace")
        assert "systemd-nspawn" in text or "stage1/rootfs" in text
        assert ".nspawn\"" not in text
    finally:
        made[0].unlink()
        for path in parents:  # nearest first, and only those that were made
            with contextlib.suppress(OSError):
                path.rmdir()


def test_cve_2018_6954_no_owner_is_given_by_path(host):
    """Until nspawn takes over, root gives files their owners and modes by
    descriptor; by name only a link that it has just made, and not through it."""
    log = host.path / "calls"
    image = guest(host)
    r = host.bare("strace", "-qq", "-o", log, *host.argv(
        "run", "--volume=e,kind=empty,uid=5", image, "--mount",
        "volume=e,target=/e", "--", "facts"))
    assert r.code == 0, r.describe()
    text = log.read_text(errors="replace")
    mine = text[:text.index('execve("/usr/bin/systemd-nspawn"')]
    calls = re.findall(r"^(\w*ch(?:own|mod)\w*)\((.*)", mine, re.M)
    assert len(calls) > 10
    for name, rest in calls:
        assert name in ("fchown", "fchmod") or (
            name == "fchownat" and "AT_SYMLINK_NOFOLLOW" in rest), (name, rest)
    assert set(re.findall(r"^u?mount2?\(.*", mine, re.M)) == {
        c for c in re.findall(r"^mount\(.*", mine, re.M) if "\"/run/systemd/nspawn\"" in c or
        c.startswith("mount(NULL, \"/\", NULL, MS_")}


# --- descriptors, identities ------------------------------------------------------


def test_cve_2015_3627_descriptors(host):
    """0, 1 and 2, of no file of the host's, whoever comes."""
    child, uuid = running(host, guest(host), "facts")
    for text in (host.said(child), host.rkt("enter", uuid, "/bin/guest",
                                            "facts").ok().out):
        fds = Facts(text).all("fd")
        assert [v.split()[0] for v in fds] == ["0", "1", "2"]
        assert not [v for v in fds if str(host.path) in v]
    stop(child)


@pytest.mark.parametrize("user, group", [("1000", "1000"), ("1000", "0"),
                                         ("65534", "65534")])
def test_cve_2018_10856_user_has_no_capabilities(host, user, group):
    f = host.run(guest(host), "facts", app=[
        "--user=" + user, "--group=" + group]).ok().facts
    for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        assert int(f.status(name), 16) == 0, name


def test_cve_2022_36109_groups(host):
    """CVE-2023-25173, CVE-2022-2989, CVE-2022-2995: the groups that were
    declared, all of them and no other: a file that is closed to a group is
    closed to whoever is in it, and root's own groups stay behind."""
    files = [images.directory("rootfs/etc"),
             images.member("rootfs/etc/passwd", b"ann:x:1000:1000::/:/bin/sh\n"),
             images.member("rootfs/etc/group",
                           b"ann:x:1000:\nmore:x:4242:ann\n"),
             images.member("rootfs/closed", b"secret\n", mode=0o604, gid=4242)]
    image = guest(host, *files)
    said = ["--user=ann", "--group=ann", "--supplementary-gids=4242,4243"]
    r = host.bare("setpriv", "--groups=1,2,3,27,4242", *host.argv(
        "run", image, *said, "--", "facts", "read", "/closed"))
    assert r.code == 0, r.describe()
    f = Facts(r.out)
    assert sorted(map(int, f.one("groups").split(","))) in (
        [4242, 4243], [1000, 4242, 4243])
    assert "secret" not in r.out
    # The same file is open to who is in none of its groups.
    assert "secret" in host.run(image, "read", "/closed", app=[
        "--user=1001", "--group=1001"]).ok().out


# --- words of an image ------------------------------------------------------------

HOSTILE_WORDS = ["%n%i%H", "x; Capability=all", "a\"b'c\\d", "$(id) `id` ${PATH}",
                 "binary:///bin/sh", "x,suid,dev", "[Service] ExecStart=/bin/sh",
                 "--capability=all"]


@pytest.mark.parametrize("word", HOSTILE_WORDS)
def test_cve_2026_53488_words_of_an_image_are_inert(host, word):
    """CVE-2022-0811, CVE-2024-3154: what an image calls things reaches the app
    as it is, and no unit, no argument of nspawn and no setting of the kernel."""
    image = guest(
        host, labels={"os": "linux", "arch": "amd64", "note": word},
        annotations=[{"name": "authors", "value": word}],
        section=app("/bin/guest", "facts", word, environment=[
            {"name": "WORD", "value": word}]))
    log = host.path / "calls"
    r = host.bare("strace", "-qq", "-o", log, "-s", "4096", "-e",
                  "trace=execve,write", *host.argv("run", image))
    assert r.code == 0, r.describe()
    assert Facts(r.out).env()["WORD"] == word
    calls = [line for line in log.read_text(errors="replace").splitlines()
             if line.startswith("execve") or "[Unit]" in line]
    assert len(calls) > 3
    assert not [line for line in calls[1:] if word in line
                or word.replace('"', '\\"') in line]


@pytest.mark.parametrize("value", ["a\nb", "a\x1b[2Jb", "a\x00b"])
def test_cve_2022_4318_control_characters(host, value):
    """In a variable they stay in it; in a name they are refused."""
    host.trust()
    r = host.fetch(host.lab.guest_image(labels={
        "os": "linux", "arch": "amd64", "note": value}))
    if r.code == 0:
        r = host.run(r.out.strip(), "read", "/etc/hosts", "read", "/etc/passwd")
        assert value not in r.out
    else:
        r.refused("label" if "\x00" not in value else "manifest")


@pytest.mark.parametrize("path", ["/../../../etc", "../../etc", "/etc/../../etc",
                                  "/proc", "/proc/sys", "/sys", "/dev", "/"])
def test_cve_2022_23648_mount_points_of_an_image(host, path):
    """An implicit volume lands below the app's root, or is refused."""
    before = sorted(os.listdir("/etc")), pathlib.Path("/proc/mounts").read_text()
    host.trust()
    r = host.fetch(host.lab.guest_image(section=app(
        "/bin/guest", mountPoints=[{"name": "data", "path": path}])))
    if r.code == 0:
        r = host.run(r.out.strip(), "facts")
    if r.code == 0:
        mounts = [m.split()[4] for m in r.facts.all("mount")]
        assert len([m for m in mounts if m == "/proc"]) == 1
        assert "passwd" not in r.out
    assert before == (sorted(os.listdir("/etc")),
                      pathlib.Path("/proc/mounts").read_text())


def test_cve_2026_53492_what_waits_is_roots(host):
    """CVE-2026-53489: nothing of a prepared pod is anyone's to write but
    root's, or to replace; no link is among it."""
    uuid = host.rkt("prepare", "--quiet", guest(host), "--", "say",
                    "me").ok().out.strip()
    pod = host.data / "pods/prepared" / uuid
    for path in [pod, *pod.rglob("*")]:
        st = path.lstat()
        assert st.st_uid == 0 and not st.st_mode & 0o022, path
        assert not path.is_symlink(), path
    host.rkt("rm", uuid).ok()


@pytest.mark.parametrize("name, value", [
    ("os/linux/capabilities-retain-set", {"set": ["CAP_SYS_ADMIN"]}),
    ("os/linux/seccomp-retain-set", {"set": ["@appc.io/all"]}),
    ("os/linux/seccomp-remove-set", {"set": ["@appc.io/empty"]}),
    ("os/linux/no-new-privileges", False),
    ("os/linux/oom-score-adj", -1000)])
def test_cve_2014_6408_an_image_may_only_narrow(host, name, value):
    """The isolator takes effect as a narrowing, or not at all."""
    plain = host.run(guest(host), "facts", "try", "all").ok().facts
    image = guest(host, section=app("/bin/guest",
                                    isolators=[isolator(name, value)]))
    r = host.run(image, "facts", "try", "all")
    if r.code != 0:
        return
    f = r.facts
    for cap in ("CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"):
        assert int(f.status(cap), 16) & ~int(plain.status(cap), 16) == 0
    assert int(f.one("oom")) >= int(plain.one("oom"))
    allowed = {k for k, v in f.tries().items() if v == "ok"}
    assert allowed <= {k for k, v in plain.tries().items() if v == "ok"}


# --- exhaustion -------------------------------------------------------------------


def weight(pid):
    """Resident KiB, and open descriptors."""
    text = open("/proc/%d/status" % pid, encoding="ascii").read()
    return (int(re.search(r"^VmRSS:\s+(\d+)", text, re.M)[1]),
            len(os.listdir("/proc/%d/fd" % pid)))


def test_cve_2022_1708_entering_leaves_nothing(host):
    """CVE-2022-23471, CVE-2025-64329: neither nspawn nor the pod's systemd has
    more, after many commands, than after some."""
    child, uuid = running(host, guest(host))
    with open("/proc/%d/task/%d/children" % (child.pid, child.pid),
              encoding="ascii") as f:
        init = int(f.read().split()[0])

    def enter(times):
        for _ in range(times):
            assert host.rkt("enter", uuid, "/bin/guest", "exit", "3").code == 3
        time.sleep(0.3)
    enter(20)
    some = weight(child.pid), weight(init)
    enter(RACES * 8)

    def is_no_more():
        """systemd may have the last ones to clear up still."""
        return all(also <= fds + 1 and more <= rss + 256
                   for (rss, fds), (more, also) in zip(
                       some, (weight(child.pid), weight(init))))
    wait_until(is_no_more)
    stop(child)


def test_cve_2024_3056_shared_memory_is_the_pods(host):
    """CVE-2020-1702: an IPC namespace of its own, and what is in /dev/shm
    counts against the app's limit."""
    flood = host.lab.compile(HERE / "flood.c")
    image = host.store(images.aci(
        [images.directory("rootfs/bin"), images.program("rootfs/bin/flood", flood)],
        name="example.test/flood", section=app("/bin/flood", "shm", "200")))
    r = host.run(image, app=["--memory=64Mi"])
    shm = [int(v) for v in r.facts.all("shm")]
    assert r.code != 0 or shm[0] < 200, r.describe()
    f = host.run(guest(host), "facts").ok().facts
    assert os.readlink("/proc/self/ns/ipc") not in f.all("ns")


def test_log_flood_is_bounded(host):
    """More than the log may hold: the pod's own journal stays below its limit,
    and the pod ends well."""
    flood = host.lab.compile(HERE / "flood.c")
    image = host.store(images.aci(
        [images.directory("rootfs/bin"), images.program("rootfs/bin/flood", flood)],
        name="example.test/flood", section=app("/bin/flood", "log", "100")))
    with open(os.devnull, "wb") as null:
        done = subprocess.run(host.argv("run", image), stdin=null, stdout=null,
                              stderr=null, cwd="/", timeout=240, check=False)
    assert done.returncode == 0
    journal = [p for p in host.data.glob(
        "pods/run/*/overlay/stage1/upper/var/log/journal/*/*")]
    used = sum(p.stat().st_blocks * 512 for p in journal)
    assert 16 << 20 < used < 72 << 20
    host.note_pods()


