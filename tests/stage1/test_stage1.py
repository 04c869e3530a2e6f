"""Stage1 from the launcher's last step to the app's last word, for real.

Needs root.  Every test makes its own pod and takes it away.
"""
import os
import re
import signal
import struct
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import podlib  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
OUT = os.environ.get("RKT_STAGE1_BUILD", "/tmp/b-stage1")
PF_EXITING = 4  # proc_pid_stat(5), field 9; set before its files go


@pytest.fixture
def start(built, tmp_path):
    """start(*words, files=, links=, dirs=, **fields) -> (Result, Pod)"""
    stage1, program, probe = built
    pods = []

    def go(*words, files=(), links=(), dirs=("etc",), prepare=None, run=None,
           **fields):
        image = podlib.make_image(str(tmp_path / ("image%d" % len(pods))), probe,
                                  files, links, dirs)
        if prepare:
            prepare(image)
        pod = podlib.Pod(stage1, program)
        pods.append(pod)
        fields.setdefault("exec", ["/probe"] + list(words))
        pod.add(image, **fields)
        return pod.run(**(run or {})), pod

    yield go
    for p in pods:
        p.remove()


def said(result, start):
    """The lines of the app that begin so, without journald's prefix."""
    found = []
    for line in result.text.split("\n"):
        text = line.split("]: ", 1)[-1]
        if text.startswith(start):
            found.append(text[len(start):].strip())
    return found


# --- ends -------------------------------------------------------------------

@pytest.mark.parametrize("word,code", [
    ("exit=0", 0), ("exit=1", 1), ("exit=42", 42), ("exit=255", 255),
    ("kill=15", 15), ("kill=9", 9), ("kill=11", 11), ("kill=6", 6)])
def test_code(start, word, code):
    r, pod = start(word)
    assert (r.code, pod.status()) == (code, "%d\n" % code)


def test_output_is_whole(start):
    r, _ = start("lines=3000", "exit=0")
    assert said(r, "line ") == [str(n) for n in range(3000)]


def test_output_form(start):
    r, _ = start("say=hi")
    line = [s for s in r.text.split("\n") if "hi" in s][0]
    assert re.match(r"^\[ *\d+\.\d{6}\] hello\[\d+\]: hi$", line), line


def test_journal_is_kept(start):
    _, pod = start("say=kept-in-the-journal")
    where = pod.path("overlay/stage1/upper/var/log/journal",
                     pod.uuid.replace("-", ""))
    text = subprocess.check_output(["journalctl", "-q", "--no-pager", "-D", where,
                                    "-t", "hello"]).decode()
    assert "kept-in-the-journal" in text


@pytest.mark.parametrize("path", ["/f", "/no/such", "absent", "./absent"])
def test_missing_program(start, path):
    r, pod = start(exec=[path])
    assert r.code == 203 and pod.status() == "203\n"
    assert 'Error: Unable to open "%s": No such file or directory' % path in r.text


def test_not_a_program(start):
    r, _ = start(exec=["/etc/text"], files=[("etc/text", "x\n")])
    assert r.code == 203


def test_term_ends_the_app(built, tmp_path):
    stage1, program, probe = built
    image = podlib.make_image(str(tmp_path / "i"), probe)
    with podlib.Pod(stage1, program) as pod:
        pod.add(image, exec=["/probe", "say=up", "sleep=600"])
        r, w = os.pipe()
        pod.spawn(stdout=w)
        os.close(w)
        out = b""
        while b"up" not in out:
            out += os.read(r, 4096)
        assert pod.is_running()
        os.kill(pod.pid, signal.SIGTERM)
        assert pod.wait() == 15
        assert not pod.is_running()
        assert pod.status() == "15\n"
        os.close(r)


def test_lock_is_held_for_the_life_of_the_pod(built, tmp_path):
    stage1, program, probe = built
    image = podlib.make_image(str(tmp_path / "i"), probe)
    with podlib.Pod(stage1, program) as pod:
        pod.add(image, exec=["/probe", "sleep=1"])
        null = os.open("/dev/null", os.O_WRONLY)
        pod.spawn(stdout=null)
        assert pod.until(pod.is_running)  # our fork locks first of all
        gaps = 0
        while os.waitpid(pod.pid, os.WNOHANG)[0] == 0:
            # who exits is not running any more: look, then ask again
            running = pod.is_running()
            stat = open("/proc/%d/stat" % pod.pid).read().rsplit(")", 1)[1].split()
            gaps += not running and not int(stat[6]) & PF_EXITING
            time.sleep(0.002)
        pod.pid = -1
        os.close(null)
        assert gaps == 0
        assert not pod.is_running()


# --- what the app is ----------------------------------------------------------

def test_state(start):
    r, _ = start("status", "ids", "fds", "cat=/proc/self/uid_map", "env")
    lines = {t.split(":")[0]: t.split(":", 1)[1].split()
             for t in said(r, "") if ":" in t}
    caps = "%016x" % podlib.DEFAULT_CAPS
    assert lines["CapBnd"] == lines["CapPrm"] == lines["CapEff"] == [caps]
    assert lines["CapInh"] == lines["CapAmb"] == ["0" * 16]
    assert lines["Seccomp"] == ["2"] and lines["NoNewPrivs"] == ["0"]
    assert lines["SigBlk"] == lines["SigIgn"] == ["0" * 16]
    assert said(r, "fd ") and {f.split()[0] for f in said(r, "fd ")} == {"0", "1", "2"}
    assert "0  655360000      65536" in r.text
    assert said(r, "umask") == ["22"]
    assert said(r, "env ") == podlib.BASE_ENV + ["AC_APP_NAME=hello"]


def test_not_root(start):
    r, _ = start("status", "ids", user="1000", group="1001",
                 supplementary_gids=[5, 7])
    lines = {t.split(":")[0]: t.split(":", 1)[1].split()
             for t in said(r, "") if ":" in t}
    for c in ("CapInh", "CapAmb", "CapPrm", "CapEff"):
        assert lines[c] == ["0" * 16], c
    assert lines["NoNewPrivs"] == ["1"]
    assert lines["Uid"] == ["1000"] * 4 and lines["Gid"] == ["1001"] * 4
    assert lines["Groups"] == ["5", "7"]


def test_caps_narrow(start):
    r, _ = start("status", caps=1 << 13)
    assert "CapBnd:\t%016x" % (1 << 13) in r.text
    assert "CapEff:\t%016x" % (1 << 13) in r.text


def test_calls(start):
    r, _ = start("calls")
    got = dict(t.rsplit(" ", 1) for t in said(r, "try "))
    for name in ("unshare-user", "unshare-ns", "mount", "fsopen", "open_tree",
                 "bpf", "keyctl", "add_key", "io_uring", "userfaultfd", "perf",
                 "clone-newuser", "tiocsti", "tiocsti-high", "ptrace", "mknod-null"):
        assert got[name] == "EPERM", name
    for name in ("clone3", "unknown"):
        assert got[name] == "ENOSYS", name
    for name in ("af_alg", "af_vsock"):
        assert got[name] == "EAFNOSUPPORT", name
    for name in ("af_unix", "af_inet", "personality", "chown"):
        assert got[name] == "ok", name
    for name in ("proc1root", "stage1-plan", "core_pattern", "sysrq"):
        assert got[name] != "ok", name


def test_wide_is_wider_and_not_open(start):
    r, _ = start("calls", seccomp=1)
    got = dict(t.rsplit(" ", 1) for t in said(r, "try "))
    for name in ("unshare-user", "mount", "bpf", "io_uring", "keyctl",
                 "clone-newuser", "tiocsti"):
        assert got[name] == "EPERM", name
    assert got["clone3"] == "ENOSYS"


@pytest.mark.parametrize("seccomp", [0, 1])
@pytest.mark.parametrize("door", ["x32", "i386"])
def test_other_doors_kill(start, door, seccomp):
    r, _ = start("door=" + door, "say=ran", seccomp=seccomp)
    assert r.code == signal.SIGSYS and "ran" not in r.text


def test_cve_2021_41133_every_number(start):
    """What the policy's text says is what every system call number gets."""
    r, _ = start("sweep", "say=done")
    assert "done" in r.text
    got = {int(t.split()[0]): t.split()[1] for t in said(r, "sweep ")}
    numbers, text = {}, open("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read()
    for name, nr in re.findall(r"#define __NR_(\w+)\s+(\d+)", text):
        numbers[name] = int(nr)
    policy = open(os.path.join(podlib.TOP, "policies/app-default.policy")).read()
    listed = set()
    for action, name in re.findall(r"^(allow|errno EPERM) \??(\S+)", policy, re.M):
        nr = int(name.split("=")[1]) if "=" in name else numbers.get(name)
        if nr is None:
            continue
        listed.add(nr)
        if action == "errno EPERM":
            assert got.get(nr) == "EPERM", name
    # uretprobe and uprobe: the kernel lets them past every filter, and ends a
    # caller that is not its own trampoline
    for nr in set(range(600)) - listed - {335, 336}:
        assert got.get(nr) == "ENOSYS", nr
    assert "SIGSYS" not in got.values()
    for name in ("clone3",):
        assert got[numbers[name]] == "ENOSYS"


def test_seccomp_none_and_paths_off(start):
    r, _ = start("status", "write=/proc/sys/kernel/domainname", seccomp=2,
                 paths=0, caps=(1 << 41) - 1, run=dict(insecure=224))
    status = {t.split(":")[0]: t.split(":", 1)[1].split()
              for t in said(r, "") if ":" in t}
    assert r.code == 0
    # nspawn's own filters remain: they are the pod's, not the app's
    assert status["CapInh"] == ["0" * 16]
    assert int(status["CapEff"][0], 16) & 1 << 21


def test_oom(start):
    r, _ = start("cat=/proc/self/oom_score_adj", has_oom=1, oom_score_adj=500)
    assert said(r, "500") == [""]


def test_no_carriage_returns(start):
    r, _ = start("say=x")
    assert b"\r" not in r.out


def test_own_filter_narrows(start):
    # load nr; chown (92) -> EPERM; allow
    ret = lambda k: struct.pack("<HBBI", 6, 0, 0, k)
    code = struct.pack("<HBBI", 0x20, 0, 0, 0) + struct.pack("<HBBI", 0x15, 0, 1, 92)
    r, _ = start("calls", filter=code + ret(0x50001) + ret(0x7FFF0000))
    assert "try chown EPERM" in r.text


def test_bad_filter_fails_closed(start):
    r, _ = start("say=ran", filter=b"\1" * 12)
    assert r.code == 228 and "ran" not in r.text


def test_readonly(start):
    r, _ = start("write=/etc/new", "write=/dev/null", readonly_rootfs=1)
    assert said(r, "try ") == ["/etc/new EROFS", "/dev/null ok"]


def test_devices(start):
    r, _ = start("ls=/dev", *["node=/dev/" + n for n in (
        "null", "zero", "full", "random", "urandom", "tty", "console", "ptmx")])
    nodes = dict(t.split(" ", 1) for t in said(r, "node /dev/"))
    want = {"null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8",
            "urandom": "1:9", "tty": "5:0", "ptmx": "5:2"}
    for name, number in want.items():
        assert nodes[name] == "20000 " + number
    assert nodes["console"].startswith("20000 136:")


def test_masks(start):
    hidden = ["/proc/kallsyms", "/proc/keys", "/proc/timer_list"]
    r, _ = start("ls=/sys/fs", "ls=/proc/acpi", "write=/sys/kernel/profiling",
                 "write=/proc/sys/kernel/domainname",
                 *["node=" + h for h in hidden])
    for h in hidden:
        assert "node %s 20000 1:3" % h in r.text or "node %s ENOENT" % h in r.text
    assert "entries /sys/fs 0" in r.text
    for t in said(r, "try "):
        assert t.rsplit(" ", 1)[1] in ("EROFS", "ENOENT", "EACCES"), t


def test_inherited_descriptors_stay_out(start):
    r, _ = start("fds", run=dict(extra=[("/etc", n) for n in range(6, 60)]))
    assert {f.split()[0] for f in said(r, "fd ")} == {"0", "1", "2"}


def test_path_search(start):
    def prepare(image):
        os.makedirs(image + "/opt/bin")
        os.rename(image + "/probe", image + "/opt/bin/tool")
    r, _ = start(exec=["tool", "say=found"], prepare=prepare,
                 env=["PATH=/nowhere:/opt/bin"])
    assert "found" in r.text
    r, _ = start(exec=["opt/bin/tool", "say=found"], prepare=prepare)
    assert "found" in r.text
    r, _ = start(exec=["tool", "say=found"], prepare=prepare, env=["A=b"],
                 working_dir="/opt/bin")
    assert "found" in r.text


# --- hostile images -----------------------------------------------------------

NAMES = ["dev", "proc", "sys", "run", "tmp", "etc/resolv.conf", "etc/hosts",
         "etc/hostname", "etc/mtab", "run/systemd", "dev/shm", "dev/null"]


@pytest.mark.parametrize("to", ["/etc", "../../../../../../etc", "/proc/1/root",
                                "/", "missing", "loop"])
@pytest.mark.parametrize("name", NAMES)
def test_cve_2019_18837_links(start, name, to):
    """A link where the runtime mounts: contained, replaced, or refused."""
    to = os.path.basename(name) if to == "loop" else to
    before = os.stat("/etc").st_mtime_ns, sorted(os.listdir("/etc"))
    r, _ = start("node=/dev/null", "cat=/proc/self/uid_map", "ls=/sys",
                 links=[(name, to)], dirs=("etc",) if not name == "etc" else ())
    if r.code == 0:
        assert "node /dev/null 20000 1:3" in r.text
        assert "655360000      65536" in r.text
    else:
        assert r.code in (226, 203), r.text
    assert (os.stat("/etc").st_mtime_ns, sorted(os.listdir("/etc"))) == before


def test_etc_is_a_link(start):
    for to in ("/proc", "/dev", "usr/etc", "../../../../etc"):
        r, _ = start("cat=/etc/hosts", "node=/dev/null", dirs=("usr",),
                     links=[("etc", to)])
        assert r.code in (0, 226), r.text
        if r.code == 0:
            assert "node /dev/null 20000 1:3" in r.text


def test_cve_2025_31133_null_is_ours(start):
    r, _ = start("node=/dev/null", "write=/proc/kcore",
                 links=[("dev/null", "/proc/sys/kernel/core_pattern")])
    assert "node /dev/null 20000 1:3" in r.text


@pytest.mark.parametrize("to", ["/etc/shadow", "/proc/self/environ", "/dev/zero"])
def test_passwd_link(start, to):
    r, _ = start("ids", user="someone", links=[("etc/passwd", to)])
    assert r.code == 217 and "ids" not in r.text


def test_passwd_fifo_and_sparse(start):
    r, _ = start("ids", user="someone",
                 prepare=lambda i: os.mkfifo(i + "/etc/passwd"))
    assert r.code == 217 and r.seconds < 60

    def sparse(image):
        with open(image + "/etc/passwd", "w") as f:
            f.truncate(4 << 30)
    r, _ = start("ids", user="someone", prepare=sparse)
    assert r.code == 217 and r.seconds < 60


PASSWD = "root:x:0:0::/:/x\n1000:x:0:0::/:/x\nweb:x:33:33::/:/x\n" \
         "big:x:70000:0::/:/x\nneg:x:-1:0::/:/x\nnan:x:abc:0::/:/x\nshort\n"


@pytest.mark.parametrize("user,uid", [
    ("0", 0), ("root", 0), ("1000", 1000), ("web", 33), ("65534", 65534),
    ("/probe", 0), ("/owned", 77)])
def test_user(start, user, uid):
    """CVE-2016-3697: the passwd entry named 1000 is nobody's uid."""
    def prepare(image):
        os.close(os.open(image + "/owned", os.O_CREAT))
        os.chown(image + "/owned", 77, 78)
    r, _ = start("ids", user=user, files=[("etc/passwd", PASSWD)],
                 prepare=prepare)
    assert said(r, "ids ")[0].split()[0] == str(uid)


@pytest.mark.parametrize("user", [
    "2147483648", "4294967295", "4294967296", "18446744073709551616", "-1",
    "0x0", "00", " 1", "1 ", "\uff11", "65535", "65536", "+1", "1:", ":1", "1:1",
    "big", "neg", "nan", "short", "none", "roo", "web:x", "/absent", "/proc/1/root",
    "", "root\n", "web\nroot"])
def test_user_refused(start, user):
    r, _ = start("ids", user=user, files=[("etc/passwd", PASSWD)])
    assert r.code == 217 and not said(r, "ids "), r.text


@pytest.mark.parametrize("where", ["/proc/self/fd/%d" % n for n in range(0, 12)] +
                         ["/proc/1/cwd", "/proc/1/root", "/proc/self/root", "/absent"])
def test_cve_2024_21626_working_directory(start, where):
    r, _ = start("ids", working_dir=where)
    assert r.code == 200 and not said(r, "ids "), r.text


def test_working_directory(start):
    r, _ = start("ids", working_dir="/opt/w", dirs=("etc", "opt/w"))
    assert said(r, "cwd ") == ["/opt/w"]
    r, _ = start("ids", working_dir="/l", dirs=("etc", "opt/w"), links=[("l", "/opt/w")])
    assert said(r, "cwd ") == ["/opt/w"]


def test_cve_2019_5736_interpreter(start, built):
    before = open(OUT + "/appexec", "rb").read()
    r, _ = start(exec=["/x"], files=[("x", "#!/proc/self/exe\n")],
                 prepare=lambda i: os.chmod(i + "/x", 0o755))
    assert r.code != 0
    assert open(OUT + "/appexec", "rb").read() == before


def test_image_text_is_no_unit(start):
    r, pod = start("say=ok", image_name="x %n %h $HOME ; \"q\" 'a' \\")
    assert r.code == 0 and "ok" in r.text
    unit = open(pod.path("overlay/stage1/upper/etc/systemd/system/hello.service")).read()
    assert "%n" not in unit.replace("%%", "") and "$" not in unit


def test_app_names_that_are_ours(start):
    r, _ = start("say=ran", name="systemd-journald")
    assert r.code == 254 and "ran" not in r.text
    r, _ = start("say=ran", name="dbus")
    assert r.code == 0 and "ran" in r.text


# --- the entry's own inputs -----------------------------------------------------

def facts_text(**over):
    return podlib.facts(655360000, **over)


@pytest.mark.parametrize("facts", [
    "", "uid-base 65536\n", facts_text(uid_base=0), facts_text(uid_base=65537),
    facts_text() + "uid-base 65536\n", facts_text(machined=2),
    facts_text(more=1), facts_text()[:-1], facts_text(sockets=33),
    facts_text().replace("held 0\n", "")])
def test_bad_facts(start, facts):
    r, _ = start("say=ran", run=dict(facts=facts or "\n"))
    assert r.code == 254 and "ran" not in r.text


def test_interactive(built, tmp_path):
    stage1, program, probe = built
    image = podlib.make_image(str(tmp_path / "i"), probe)
    master, slave = os.openpty()
    with podlib.Pod(stage1, program) as pod:
        pod.add(image, exec=["/probe", "tty", "fds", "read", "exit=5"])
        pod.spawn(stdin=slave, stdout=slave, interactive=1)
        out = b""
        while b"fd 2" not in out:
            out += os.read(master, 4096)
        os.write(master, b"typed\n")
        assert pod.wait() == 5
        while b"read typed" not in out:
            out += os.read(master, 4096)
        assert b"tty 1" in out
    os.close(master)
    os.close(slave)


def test_journal_doors(start):
    r, _ = start("ls=/run/systemd/journal", "ls=/run/systemd", "node=/dev/log")
    assert "entries /run/systemd/journal 3" in r.text
    assert "entries /run/systemd 1" in r.text
    assert "node /dev/log 140000" in r.text


def test_pod_without_a_journal_ends(built, tmp_path):
    stage1, program, probe = built
    tree = str(tmp_path / "stage1")
    subprocess.check_call(["cp", "-a", stage1, tree])
    with open(tree + "/etc/systemd/system/systemd-journald.socket", "a") as f:
        f.write("ExecStartPre=/nonexistent\n")
    with podlib.Pod(tree, program) as pod:
        pod.add(podlib.make_image(str(tmp_path / "i"), probe), exec=["/probe"])
        r = pod.run()
        assert r.code == 111 and r.seconds < 60


def test_the_tree_is_the_same_every_time(built, tmp_path):
    sums = []
    for n in "ab":
        tree = str(tmp_path / n)
        subprocess.check_call([podlib.TOP + "/stage1/nspawn/assemble.sh", tree,
                               OUT + "/appexec"])
        sums.append(subprocess.check_output(
            "find . -printf '%P %y %m %U %G %T@ %l\n' | sort; "
            "find . -type f | sort | xargs sha256sum", shell=True, cwd=tree))
        assert not [d for d in ("bin/sh", "bin/bash", "usr/bin/busybox")
                    if os.path.lexists(os.path.join(tree, d))]
    assert sums[0] == sums[1]
    assert int(subprocess.check_output(["du", "-sm", tree]).split()[0]) < 40


# --- several apps -------------------------------------------------------------

@pytest.fixture
def pair(built, tmp_path):
    stage1, program, probe = built

    def go(one, two, **pod_fields):
        with podlib.Pod(stage1, program) as pod:
            for name, words in (("one", one), ("two", two)):
                image = podlib.make_image(str(tmp_path / name), probe)
                pod.add(image, name=name, exec=["/probe"] + words)
            r = pod.run(**pod_fields)
            return r, pod.status("one"), pod.status("two")
    return go


def test_pod_ends_with_its_last_app(pair):
    r, one, two = pair(["say=first", "exit=0"], ["sleep=1", "say=last", "exit=0"])
    assert r.code == 0 and "last" in r.text
    assert (one, two) == ("0\n", "0\n")


def test_first_failing_app_ends_the_pod(pair):
    r, one, _ = pair(["exit=7"], ["sleep=600", "exit=9"])
    assert r.code == 7 and r.seconds < 60 and one == "7\n"


def test_apps_do_not_see_each_other(pair):
    r, _, _ = pair(["sleep=1", "node=/opt", "node=/proc/1/root/rkt"], ["exit=0"])
    assert "node /opt ENOENT" in r.text
    assert "node /proc/1/root/rkt EACCES" in r.text


def test_host_network(start):
    r, _ = start("cat=/proc/net/dev", run=dict(net=1))
    host = [l.split(":")[0].strip() for l in open("/proc/net/dev") if ":" in l]
    assert r.code == 0
    for name in host:
        assert name + ":" in r.text
    r, _ = start("cat=/proc/net/dev", "write=/proc/sys/net/ipv4/ip_forward")
    for name in set(host) - {"lo"}:
        assert name + ":" not in r.text


def test_nothing_is_left_behind(start):
    mounts = open("/proc/self/mounts").read()
    start("say=x")
    assert open("/proc/self/mounts").read() == mounts
