"""Attacks on what lies between the rooms, each of which once worked, or is
named by an advisory."""
import contextlib
import os
import pty
import re
import shutil
import subprocess

import pytest

import play
from test_conductor import UUID, plan
from test_workers import (FPR, ID, IMAGE, TREE, Fetch, admitted,
                          start_pod, trust)


def image_dir(p, digest=ID):
    return os.path.join(p.data, "image", "sha512-" + digest)


def again(p, *argv, insecure=0, name="a.com/b", data=IMAGE):
    """Another fetch on the same host; a Fetch up to ADMIT_IMAGE."""
    p.rooms = []
    f = Fetch.__new__(Fetch)
    f.p = p
    p.start("fetch", "a.com/b", *argv)
    f.c = p.hello()
    f.c.edge.send("START_FETCHER", count=2, kinds=b"\1\2")
    w = p.room("fetcher")
    assert f.c.edge.recv(60).name == "FETCHER"
    os.write(w.slots[0], data)
    os.write(w.slots[1], b"signature")
    w.end(0)
    f.c.edge.send("REAP_FETCHER")
    assert f.c.edge.recv(15).fields["ok"] == 1
    f.c.edge.send("ADMIT_IMAGE", image=0, signature=0xffff if insecure else 1,
                  name=name, insecure=insecure, origin="https://a.com/b.aci")
    return f


def digested(f, tree=TREE):
    """The worker that looks at the tree in the store."""
    u = f.p.room("unpack")
    m = u.edge.recv(60)
    assert m.name == "DIGEST_TREE", m
    u.edge.send("TREE", tree=tree, tree_size=5, entries=1)
    for fd in m.fds:
        os.close(fd)
    u.end(0)


# --- G5: an unpacker speaks for one image -------------------------------------

POISON = {
    # What the first, broken unpacker left under the id of another image:
    "another tree": (dict(), b"{}", "77" * 64),
    "another manifest": (dict(), b'{"x":1}', None),
    "another name": (dict(name="a.com/evil"), b"{}", None),
    "other labels": (dict(labels=["version=9"]), b"{}", None),
}


@pytest.mark.parametrize("what", POISON)
@pytest.mark.parametrize("signed", [True, False])
def test_G5_unpack_poisons_an_id(stage, what, signed):
    """The image of a broken unpacker lies in the store under an id of its
    choice.  When the true image comes, signed, it is not taken for it."""
    change, manifest, tree = POISON[what]
    option = [] if signed else ["--insecure-options=image"]
    f = Fetch(stage, *option, name="", insecure=0 if signed else 1)
    if signed:
        f.verify()
    f.unpack(write=manifest, **change)
    assert f.c.edge.recv(60).name == "ADMITTED"
    assert f.p.finish() == 0
    record = open(os.path.join(image_dir(f.p), "record")).read()
    f = again(f.p)
    f.verify()
    f.unpack()
    if tree:
        digested(f, tree)
    m = f.c.edge.recv(60)
    assert m.name == "REFUSED" and "remove it" in m.fields["text"], m
    assert f.p.finish() == 0
    assert open(os.path.join(image_dir(f.p), "record")).read() == record
    assert os.listdir(os.path.join(f.p.data, "image")) == ["sha512-" + ID]


def test_G5_unpack_same_image_again(stage):
    """Where both agree the record becomes the signed one."""
    f = Fetch(stage, "--insecure-options=image", name="", insecure=1)
    f.unpack()
    assert f.c.edge.recv(60).name == "ADMITTED"
    f.p.finish()
    f = again(f.p)
    f.verify()
    f.unpack()
    digested(f)
    m = f.c.edge.recv(60)
    assert m.name == "ADMITTED" and m.fields["existed"] == 1
    f.p.finish()
    assert "signer " + FPR in open(os.path.join(image_dir(f.p), "record")).read()


# --- G3, G4: a slot belongs to no one any more --------------------------------

def test_G4_attack_fetcher_hands_its_slot_on(stage):
    """A fetcher sends its slot over its edge and exits 0.  What can still be
    written is not verified."""
    p = stage("conductor", "fetcher").start("fetch", "x")
    c = p.hello()
    c.edge.send("START_FETCHER", count=1, kinds=b"\1")
    f = p.room("fetcher")
    c.edge.recv(60)
    os.write(f.slots[0], IMAGE)
    kept = os.dup(f.slots[0])
    f.end(0)
    c.edge.send("REAP_FETCHER")
    m = c.edge.recv(15)
    assert m.name == "FETCHED" and m.fields["ok"] == 0
    os.close(kept)
    p.finish()
    p.nothing_happened()


def test_G3_attack_fetcher_reopens_its_slot(stage):
    """No one but root opens a slot for writing again by /proc/self/fd."""
    p = stage("conductor", "fetcher").start("fetch", "x")
    c = p.hello()
    c.edge.send("START_FETCHER", count=1, kinds=b"\1")
    f = p.room("fetcher")
    c.edge.recv(60)
    st = os.fstat(f.slots[0])
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7022) == (0, 0, 0)
    p.finish()
    p.nothing_happened()


# --- workers as they are born --------------------------------------------------

def workers_of(p):
    """What runs the stub in a process namespace of its own."""
    want, found = os.stat(p.stub), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            st = os.stat("/proc/%s/exe" % pid)
            if (st.st_dev, st.st_ino) == (want.st_dev, want.st_ino) and \
                    status(int(pid), "NSpid")[1:] == ["1"]:
                found.append(int(pid))
        except OSError:
            continue
    return found


def status(pid, word):
    text = open("/proc/%d/status" % pid).read()
    return re.search(r"^%s:(.*)$" % word, text, re.M)[1].split()


def test_attack_worker_terminal(stage, tmp_path):
    """The operator's terminal is not the fetcher's: it has no descriptor of it,
    and it is not its controlling terminal (TIOCSTI)."""
    p = stage("conductor", "fetcher")
    real, master, slave = subprocess.Popen, *pty.openpty()

    def popen(argv, **kw):
        kw.update(stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                  preexec_fn=lambda: __import__("fcntl").ioctl(0, 0x540e, 0))
        return real(argv, **kw)

    subprocess.Popen = popen
    try:
        p.start("fetch", "x")
    finally:
        subprocess.Popen = real
    c = p.hello()
    c.edge.send("START_FETCHER", count=1, kinds=b"\1")
    p.room("fetcher")
    c.edge.recv(60)
    workers = workers_of(p)
    assert len(workers) == 1
    for fd in (1, 2):
        info = open("/proc/%d/fdinfo/%d" % (workers[0], fd)).read()
        flags = int(re.search(r"flags:\s+(\d+)", info)[1], 8)
        assert flags & os.O_ACCMODE == os.O_WRONLY
        link = os.readlink("/proc/%d/fd/%d" % (workers[0], fd))
        assert link.startswith("pipe:"), link
    assert os.readlink("/proc/%d/fd/0" % workers[0]) == "/dev/null"
    fields = open("/proc/%d/stat" % workers[0]).read().rpartition(")")[2].split()
    assert fields[4] == "0", "it has a controlling terminal"  # tty_nr
    c.end(0)
    p.rooms[1].end(0)
    assert p.process.wait(60) == 0
    os.close(master)
    os.close(slave)


def test_attack_worker_shouts(stage):
    """CVE-2003-0063 and its kin: what a worker writes to stderr comes to the
    terminal by the launcher, a few printable lines that say whose they are."""
    p = stage("conductor", "fetcher")
    p.start("fetch", "x")
    c = p.hello()
    c.edge.send("START_FETCHER", count=1, kinds=b"\1")
    f = p.room("fetcher")
    c.edge.recv(60)
    f.end("W")
    c.edge.send("REAP_FETCHER")
    m = c.edge.recv(60)
    assert m.name == "FETCHED" and m.fields["ok"] == 0
    p.finish()
    lines = p.err.splitlines()
    assert "rkt: fetcher: plain words" in lines
    assert all(line.startswith("rkt: fetcher: ") for line in lines), lines
    assert p.err.isascii() and p.err.replace("\n", "").isprintable(), p.err
    assert len(lines) == 17 and re.search(r"\(\d+ lines more\)$", lines[-1])


@pytest.mark.parametrize("end", ["W", "K"])
def test_attack_worker_shouts_and_nobody_waits(stage, end):
    """The conductor has gone meanwhile."""
    p = stage("conductor", "fetcher")
    p.start("fetch", "x")
    c = p.hello()
    c.edge.send("START_FETCHER", count=1, kinds=b"\1")
    f = p.room("fetcher")
    c.edge.recv(60)
    f.end(end)
    c.end(0)
    p.finish()
    assert p.err.isascii() and "\33" not in p.err and "\0" not in p.err
    p.nothing_happened()


def test_attack_worker_is_born_with_nothing(stage):
    """Two fetchers of one user at once: neither sees the other, and each has
    its edge, its slot, stderr, and nothing else: no variable, no capability, no
    group, no directory."""
    secret = dict(os.environ, AWS_SECRET="x", LD_PRELOAD="")
    plays = []
    for n in range(2):
        p = stage("conductor", "fetcher")
        os.rename(p.stub, p.stub + str(n))
        p.stub += str(n)
        extra = [os.open("/", os.O_PATH), os.open("/etc/shadow", os.O_RDONLY)]
        p.start("fetch", "x", pass_fds=extra, env=secret)
        for fd in extra:
            os.close(fd)
        c = p.hello()
        c.edge.send("START_FETCHER", count=1, kinds=b"\1")
        f = p.room("fetcher")
        c.edge.recv(60)
        assert len(f.slots) == 1
        plays.append(p)
    spaces = set()
    for p in plays:
        for pid in workers_of(p):
            for word in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert status(pid, word) == ["0" * 16]
            assert status(pid, "NoNewPrivs") == ["1"]
            assert status(pid, "Groups") == []
            assert len(set(status(pid, "Uid"))) == 1 and status(pid, "Uid")[0] != "0"
            environ = open("/proc/%d/environ" % pid).read()
            assert environ == "", environ
            cwd = os.stat("/proc/%d/cwd" % pid)
            assert (cwd.st_uid, cwd.st_mode & 0o7777) == (0, 0o700)
            assert os.listdir("/proc/%d/cwd" % pid) == []
            spaces.add(os.readlink("/proc/%d/ns/pid" % pid))
    assert len(spaces) == 2
    for p in plays:
        p.finish()


# --- plans, pods, records ------------------------------------------------------

@pytest.mark.parametrize("words, change", [
    (["--memory=64Mi"], {}), (["--cpu=500m"], {}), (["--readonly-rootfs"], {}),
    (["--user=1000"], {}), (["--caps-remove=CAP_CHOWN"], {"caps": 1}),
    (["--caps-retain=CAP_KILL"], {"caps": 1}),
    ([], {"has_oom": 1, "oom_score_adj": -999})])
def test_G4_attack_plan_weaker_than_argv(stage, words, change):
    p = admitted(stage)
    c = start_pod(p, *words, **change)
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and "what was asked" in m.fields["text"], m
    p.finish()
    assert not p.became_stage1()


@pytest.mark.parametrize("where", ["run", "prepared", "exited-garbage", "garbage",
                                   "prepare", "embryo"])
def test_G4_attack_uuid_of_another_pod(stage, where):
    """A plan names the uuid of a pod that there is: it gets none of what goes
    by that name, and leaves nothing."""
    p = admitted(stage)
    other = os.path.join(p.data, "pods", where, UUID)
    os.mkdir(other)
    with open(os.path.join(other, "cgroup"), "w") as f:
        f.write("theirs")
    c = start_pod(p)
    assert c.edge.recv(60).name == "REFUSED"
    p.finish()
    assert not p.became_stage1()
    assert os.listdir(other) == ["cgroup"]
    left = [x for x in play.snapshot(os.path.join(p.data, "pods")) if UUID in x]
    assert sorted(left) == sorted([where + "/" + UUID, where + "/" + UUID + "/cgroup"])
    assert os.listdir(os.path.join(p.data, "ids")) == []
    assert not re.search(r'mkdirat\([^"]*"/sys/fs/cgroup', p.trace())
    shutil.rmtree(other)


@pytest.mark.parametrize("how", ["link", "fifo", "another's", "writable"])
def test_G4_attack_mask_that_is_no_file(stage, how):
    """What stands in a key's place and is no key of root's takes the key away,
    at launch as at fetch."""
    p = admitted(stage)
    trust(p, prefix="a.com/b")
    path = os.path.join(p.conf, "trustedkeys", "prefix.d", "a.com", "b", FPR)
    if how == "another's":
        os.chown(path, 4711, 4711)
    elif how == "writable":
        os.chmod(path, 0o666)
    else:
        os.unlink(path)
        os.mkfifo(path) if how == "fifo" else os.symlink("../" + FPR, path)
    c = start_pod(p)
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and "not trusted" in m.fields["text"]
    p.finish()
    assert not p.became_stage1()


@pytest.mark.parametrize("how", ["owner", "mode"])
def test_G4_attack_record_of_a_stranger(stage, how):
    """A data directory that someone else prepared: records are root's."""
    p = admitted(stage)
    path = os.path.join(image_dir(p), "record")
    os.chown(path, 4711, 4711) if how == "owner" else os.chmod(path, 0o666)
    c = start_pod(p)
    m = c.edge.recv(60)
    assert m.name == "REFUSED" and "damaged" in m.fields["text"]
    p.finish()
    assert not p.became_stage1()


def test_attack_data_directory(prefix, tmp_path):
    """--dir=/etc takes /etc from no one."""
    there = tmp_path / "etc"
    there.mkdir(mode=0o755)
    (there / "passwd").write_text("x")
    before = there.stat()
    r = subprocess.run([os.path.join(prefix, "bin", "rkt"), "--dir=%s" % there,
                        "list"], capture_output=True, check=False)
    assert r.returncode == 254 and b"data directory" in r.stderr
    after = there.stat()
    assert (after.st_mode, after.st_gid) == (before.st_mode, before.st_gid)
    assert os.listdir(there) == ["passwd"]


def test_attack_sweep_spares_what_lives(stage):
    """A fetch sweeps what a killed one left; not what another is making."""
    p = admitted(stage)
    top = os.path.join(p.data, "image")
    for name in (".new-dead", ".new-alive"):
        os.makedirs(os.path.join(top, name, "tree", "rootfs"))
    import fcntl
    lock = os.open(os.path.join(top, ".new-alive"), os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    f = again(p)
    f.verify()
    f.unpack()
    digested(f)
    assert f.c.edge.recv(60).name == "ADMITTED"
    p.finish()
    assert sorted(os.listdir(top)) == [".new-alive", "sha512-" + ID]
    os.close(lock)


def own_cgroup():
    """Where this process is in name=systemd, or in v2."""
    text = open("/proc/self/cgroup").read()
    found = re.search(r"^\d+:name=systemd:(.*)$", text, re.M)
    if found:
        return "/sys/fs/cgroup/systemd" + found[1].rstrip("/")
    return "/sys/fs/cgroup" + re.search(r"^0::(.*)$", text, re.M)[1].rstrip("/")


def test_G4_attack_uuid_of_a_pod_elsewhere(stage):
    """A plan names the uuid of a pod of another data directory: that pod's
    processes are not what the refused launch takes back."""
    p = admitted(stage)
    theirs = own_cgroup() + "/rkt-" + UUID
    os.mkdir(theirs)
    victim = subprocess.Popen(["sleep", "600"])
    try:
        with open(theirs + "/cgroup.procs", "w") as f:
            f.write(str(victim.pid))
        c = start_pod(p)
        m = c.edge.recv(60)
        assert m.name == "REFUSED", m
        p.finish()
        assert not p.became_stage1()
        assert victim.poll() is None, "the other pod was killed"
    finally:
        victim.kill()
        victim.wait()
        for base in ("systemd", "unified", "memory", "cpu"):
            with contextlib.suppress(OSError):
                os.rmdir(theirs.replace("cgroup/systemd", "cgroup/" + base))


def test_attack_uuid_file_is_a_link(stage, tmp_path):
    """Root writes the UUID where argv says, not where someone led it."""
    p = admitted(stage)
    victim, link = tmp_path / "victim", tmp_path / "uuid"
    victim.write_text("whole")
    link.symlink_to(victim)
    c = start_pod(p, "--uuid-file-save=%s" % link)
    assert c.edge.recv(60).name == "REFUSED"
    p.finish()
    assert victim.read_text() == "whole"
