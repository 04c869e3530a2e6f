"""Volumes: where they go, what they may cover, and who races whom.

Needs root.  Every test makes its own pod and takes it away.
"""
import ctypes
import os
import signal
import socket
import time

import pytest

import podlib
from test_pods import lines

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def mounts(*rows):
    """The fields of an app: (volume, target[, flags]) ..."""
    rows = [r if len(r) > 2 else r + (0,) for r in rows]
    return dict(mount_volume=[r[0] for r in rows], mount_target=[r[1] for r in rows],
                mount_flags=[r[2] for r in rows])


def app(*words, rows, **fields):
    return dict(mounts(*rows), exec=["/probe"] + list(words), **fields)


@pytest.fixture
def host(tmp_path):
    """A directory of the host with a file that root owns, and one that 1000 does."""
    where = tmp_path / "host"
    where.mkdir()
    where.chmod(0o755)
    (where / "root").write_text("of root\n")
    (where / "user").write_text("of 1000\n")
    os.chown(where / "user", 1000, 1000)
    (where / "sub").mkdir()
    (where / "sub" / "deep").write_text("deep\n")
    return where


def test_host_directory(make, host):
    pod = make({"a": app("cat=/v/root", "cat=/v/sub/deep", "append=/v/new=x", "owner=/v/user",
                         rows=[("v", "/v")])}).volume("v", str(host))
    r = pod.run()
    assert lines(r, "a") == ["of root", "deep", "try /v/new=x ok", "owner /v/user 1000:1000 644"]
    st = os.stat(host / "new")
    assert (st.st_uid, st.st_gid) == (0, 0)


@pytest.mark.parametrize("volume,flag", [(1, 0), (0, 1), (1, 1)])
def test_readonly(make, host, volume, flag):
    pod = make({"a": app("cat=/v/root", "append=/v/new=x", "append=/v/root=x",
                         rows=[("v", "/v", flag)])}).volume("v", str(host), readonly=volume)
    assert lines(pod.run(), "a") == ["of root", "try /v/new=x EROFS", "try /v/root=x EROFS"]
    assert not (host / "new").exists()


def test_readonly_for_one_app_alone(make, host):
    pod = make({"a": app("append=/v/a=x", rows=[("v", "/v", 1)]),
                "b": app("append=/v/b=x", rows=[("v", "/v")])}).volume("v", str(host))
    r = pod.run()
    assert lines(r, "a") == ["try /v/a=x EROFS"] and lines(r, "b") == ["try /v/b=x ok"]


def test_readonly_goes_down_to_what_is_mounted_below(make, host):
    pod = make({"a": app("append=/v/sub/x=x", rows=[("v", "/v", 1)]),
                "b": app("append=/v/sub/y=x", rows=[("v", "/v")])})
    pod.hook = lambda: podlib.mount("tmpfs", str(host / "sub"), "tmpfs", 0)
    r = pod.volume("v", str(host)).run()
    assert lines(r, "a") == ["try /v/sub/x=x EROFS"]
    assert lines(r, "b") == ["try /v/sub/y=x ok"]


def test_flags_of_host_volumes(make, host):
    pod = make({"a": app("cat=/proc/self/mountinfo", rows=[("v", "/v"), ("e", "/e")])})
    said = lines(pod.volume("v", str(host)).volume("e").run(), "a")
    flags = {t.split()[4]: set(t.split()[5].split(",")) for t in said if t.split()[4] in
             ("/v", "/e")}
    assert {"nosuid", "nodev"} <= flags["/v"] and "nodev" in flags["/e"]


def test_device_in_a_directory_is_none(make, host):
    os.mknod(host / "zero", 0o20666, os.makedev(1, 5))
    pod = make({"a": app("append=/v/zero=x", "append=/e/x=x", rows=[("v", "/v"), ("e", "/e")])})
    pod.volume("v", str(host)).volume("e")
    assert "try /v/zero=x EACCES" in lines(pod.run(), "a")


def test_file(make, host):
    pod = make({"a": app("cat=/etc/conf/new/x", "cat=/etc/there", "cat=/etc/hosts",
                         rows=[("v", "/etc/conf/new/x"), ("v", "/etc/there", 1),
                               ("v", "/etc/hosts")])},
               dict(a=dict(files=[("etc/there", "image's")]))).volume("v", str(host / "root"))
    r = pod.run(hosts=b"pod's\n")
    assert lines(r, "a") == ["of root"] * 3
    st = os.stat(pod.upper("a", "etc/conf/new"))
    assert (st.st_uid - pod.base, st.st_gid - pod.base, st.st_mode & 0o777) == (0, 0, 0o755)


def test_socket_and_pipe_of_the_host(make, host, tmp_path):
    """What is no directory covers a file; a pipe is not waited for."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(str(host / "sock"))
    s.settimeout(60)
    os.chmod(host / "sock", 0o777)
    os.mkfifo(host / "pipe")
    pod = make({"a": app("notify=hello", "node=/run/there/sock", "node=/pipe",
                         rows=[("s", "/run/there/sock"), ("p", "/pipe")],
                         env=["NOTIFY_SOCKET=/run/there/sock"])})
    r = pod.volume("s", str(host / "sock")).volume("p", str(host / "pipe")).run()
    assert lines(r, "a") == ["try notify ok", "node /run/there/sock 140000 0:0",
                             "node /pipe 10000 0:0"]
    assert s.recv(10) == b"hello"
    s.close()


@pytest.mark.parametrize("source,target,error", [
    ("root", "/etc", "the volume is no directory: Is a directory"),
    ("sub", "/etc/file", "the volume is a directory: Not a directory"),
    ("sub", "/etc/file/below", "Not a directory")])
def test_file_and_directory_do_not_mix(make, host, source, target, error):
    pod = make({"a": app("say=ran", rows=[("v", target)])},
               dict(a=dict(files=[("etc/file", "x")]))).volume("v", str(host / source))
    r = pod.run()
    assert r.code == 226 and "ran" not in lines(r, "a")
    assert 'cannot start a: volume "v" on %s: %s' % (target, error) in r.text


@pytest.mark.parametrize("kind", [podlib.EMPTY, podlib.TMPFS])
def test_mode_and_owner_of_an_empty_volume(make, kind):
    pod = make({"a": app("append=/one/x=from-a", "append=/one/y=x",
                         rows=[("v", "/one")], user="7"),
                "b": app("await=/two/y", "cat=/two/x", "owner=/two/x", "owner=/two",
                         rows=[("v", "/two")])})
    pod.volume("v", kind=kind)
    pod.volumes[0].update(mode=0o770, uid=7, gid=8)
    r = pod.run()
    assert r.code == 0
    assert lines(r, "b") == ["from-aowner /two/x 7:0 644", "owner /two 7:8 770"]


@pytest.mark.parametrize("turned", [False, True])
def test_nested_targets(make, host, turned):
    rows = [("v", "/data"), ("e", "/data/sub/inner"), ("w", "/data/sub")]
    pod = make({"a": app("cat=/data/root", "cat=/data/sub/deep", "append=/data/sub/inner/x=1",
                         "node=/data/sub/inner/x", rows=rows[::-1] if turned else rows)})
    pod.volume("v", str(host)).volume("w", str(host / "sub")).volume("e")
    r = pod.run()
    assert lines(r, "a") == ["of root", "deep", "try /data/sub/inner/x=1 ok",
                             "node /data/sub/inner/x 100000 0:0"]
    assert os.listdir(host / "sub" / "inner") == []


def test_volumes_of_a_readonly_app(make, host):
    pod = make({"a": app("append=/x=1", "append=/v/x=1", "append=/made/here/x=1",
                         rows=[("v", "/v"), ("e", "/made/here")], readonly_rootfs=1)})
    r = pod.volume("v", str(host)).volume("e").run()
    assert lines(r, "a") == ["try /x=1 EROFS", "try /v/x=1 ok", "try /made/here/x=1 ok"]


# --- hostile images -------------------------------------------------------------------

@pytest.mark.parametrize("to,where", [
    ("/real", "real"), ("real", "real"), ("../../../../etc", "etc"), ("/a/b/c", "a/b/c"),
    ("../host-canary", "host-canary"), ("/tmp", "tmp"), ("/run/../opt", "opt")])
def test_cve_2015_1335_target_is_a_link(make, host, tmp_path, to, where):
    """CVE-2021-30465 too: links lead somewhere inside the app's root."""
    before = sorted(os.listdir("/etc")), sorted(os.listdir("/"))
    pod = make({"a": app("cat=/mnt/root", "cat=/%s/root" % where, rows=[("v", "/mnt")])},
               dict(a=dict(links=[("mnt", to)], dirs=("etc", "real"))))
    r = pod.volume("v", str(host)).run()
    assert lines(r, "a") == ["of root", "of root"], r.text
    assert before == (sorted(os.listdir("/etc")), sorted(os.listdir("/")))


@pytest.mark.parametrize("target", [
    "/", "/proc", "/proc/self", "/proc/self/attr", "/proc/new", "/sys", "/sys/fs/cgroup", "/dev",
    "/dev/shm", "/dev/new", "/dev/null", "/l", "/l/new", "/s", "/s/kernel", "/d", "/d/shm",
    "/slash", "/up", "/up/proc", "/slash/slash/sys/x", "/chain"])
def test_cve_2015_3629_volume_over_proc(make, host, target):
    """CVE-2019-16884, CVE-2019-19921: refused once it is clear where it leads."""
    links = [("l", "proc"), ("s", "/sys"), ("d", "../dev"), ("slash", "/"), ("up", ".."),
             ("chain", "/slash/up/l/self")]
    pod = make({"a": app("say=ran", rows=[("v", target)])}, dict(a=dict(links=links)))
    r = pod.volume("v", str(host)).run()
    assert r.code == 226 and "ran" not in lines(r, "a"), r.text
    assert 'cannot start a: volume "v" on %s: ' % target in r.text
    assert pod.volumes[0]["source"] == str(host) and sorted(os.listdir(host)) == [
        "root", "sub", "user"]


def test_volume_does_not_hide_another(make, host):
    pod = make({"a": app("say=ran", rows=[("v", "/data"), ("e", "/data")])})
    r = pod.volume("v", str(host)).volume("e").run()
    assert r.code == 226 and "it would cover another volume" in r.text
    pod = make({"a": app("say=ran", rows=[("v", "/data"), ("e", "/a/sub")])},
               dict(a=dict(links=[("a", "/data")])))
    r = pod.volume("v", str(host)).volume("e").run()
    assert r.code == 226 and "it would cover another volume" in r.text


def test_volume_that_the_pod_does_not_have(make):
    r = make({"a": app("say=ran", rows=[("gone", "/v")])}).run()
    assert r.code == 226 and 'volume "gone" on /v: no such volume' in r.text


def test_lists_of_different_lengths(make, host):
    fields = dict(exec=["/probe", "say=ran"], mount_volume=["v"], mount_target=["/a", "/b"],
                  mount_flags=[0])
    r = make({"a": fields}).volume("v", str(host)).run()
    assert r.code != 0 and "ran" not in r.text


# --- devices --------------------------------------------------------------------------

def test_device(make):
    pod = make({"a": app("node=/dev/mine", "append=/dev/mine=x", "node=/data/mine",
                         rows=[("d", "/dev/mine"), ("d", "/data/mine")])})
    r = pod.volume("d", "/dev/full").run()
    assert lines(r, "a") == ["node /dev/mine 20000 1:7", "try /dev/mine=x ENOSPC",
                             "node /data/mine 20000 1:7"]


@pytest.mark.parametrize("target", ["/dev/null", "/dev/pts", "/dev/shm/x", "/dev/fd", "/dev/new/x"])
def test_device_takes_no_name_of_ours(make, target):
    pod = make({"a": app("say=ran", rows=[("d", target)])}).volume("d", "/dev/full")
    r = pod.run()
    assert r.code == 226 and "ran" not in lines(r, "a")


# --- races ------------------------------------------------------------------------------

@pytest.fixture
def swapper():
    """swapper(a, b): a process that exchanges the two names until the test ends."""
    pids = []

    def go(a, b):
        libc = ctypes.CDLL(None)
        a, b = str(a).encode(), str(b).encode()
        pid = os.fork()
        if pid == 0:
            while True:
                libc.renameat2(-100, a, -100, b, 2)
        pids.append(pid)

    yield go
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("to", ["../../../../../../../../../../CANARY", "CANARY",
                                "/proc/self/attr"])
def test_cve_2021_30465_target_swapped(make, host, tmp_path, swapper, to):
    """Two apps' shared volume, a name of it a directory or a link, in turns, while
    31 apps of a pod have their own volume mounted below it; CVE-2024-45310 too."""
    canary = tmp_path / "canary"
    canary.mkdir()
    shared = tmp_path / "shared"
    (shared / "flip").mkdir(parents=True)
    (shared / "flop").symlink_to(to.replace("CANARY", str(canary).lstrip("/")
                                            if to.startswith("..") else str(canary)))
    swapper(shared / "flip", shared / "flop")
    names = ["app-%d" % n for n in range(31)]
    started = refused = 0
    end = time.monotonic() + 12
    while started + refused < 60 or (started + refused < 90 and
                                     time.monotonic() < end):
        pod = make({n: app("cat=/proc/self/mountinfo", "node=/dev/null", "sleep=1",
                           rows=[("shared", "/s"), ("e", "/s/flip/new")]) for n in names})
        r = pod.volume("shared", str(shared)).volume("e").run()
        for n in names:
            said = [t for t in lines(r, n) if not t.startswith("stage1: ")]
            at = [t.split()[4] for t in said if "/rkt/volumes/e " in t]
            assert not any(a == "/" or a.startswith(("/proc/", "/sys/", "/dev/"))
                           for a in at), at
            # Who was refused ends the others, and some before they have said all.
            whole = any(t.startswith("node /dev/null ") for t in said)
            refused += not whole
            started += whole
            if not whole:
                continue
            assert len(at) == 1, said
            kinds = {t.split()[4]: t.split(" - ")[1].split()[0] for t in said if " - " in t}
            assert (kinds["/proc"], kinds["/sys"], kinds["/dev"]) == ("proc", "tmpfs", "tmpfs")
            assert "node /dev/null 20000 1:3" in said
        assert os.listdir(canary) == []
        stage1 = pod.path("overlay/stage1/upper")
        assert not os.path.exists(stage1 + "/new")
        pod.remove()
    assert (started or to.startswith("/proc"))
    assert os.listdir(canary) == []
