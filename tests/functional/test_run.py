"""rkt run: what an app gets, and what its end means."""
import os
import re
import signal
import subprocess

import pytest

import images
from host import Facts
from images import app, isolator


def section(*argv, **more):
    return app("/bin/guest", *argv, **more)


PASSWD = [images.directory("rootfs/etc"),
          images.member("rootfs/etc/passwd",
                        "root:x:0:0::/root:/bin/sh\n"
                        "web:x:1001:1002::/srv:/bin/false\n"
                        "1000:x:0:0::/root:/bin/sh\n"),
          images.member("rootfs/etc/group", "root:x:0:\nweb:x:1002:\n"
                        "more:x:1003:web\n")]


def test_run_exec_and_arguments(host):
    """The image's exec, then what stands behind --."""
    image = host.store(section=section("facts", "of", "the image"))
    r = host.run(image, "and mine", "--more", "---").facts
    assert r.all("arg") == ["/bin/guest", "facts", "of", "the image",
                            "and mine", "--more"]


def test_run_exec_replaced(host):
    image = host.store(section=section("exit", "9"), files=[
        images.hardlink("rootfs/bin/twin", "rootfs/bin/guest")])
    r = host.run(image, "facts", app=["--exec=/bin/twin"]).ok()
    assert r.facts.all("arg") == ["/bin/twin", "facts"]


def test_run_by_name_path_and_id(host):
    image = host.store()
    host.rkt("run", "example.test/guest:1.0").ok()
    host.rkt("run", "example.test/guest").ok()
    host.rkt("run", image[:20]).ok()
    host.rkt("run", host.path / "image.aci").ok()
    host.rkt("run", "--pull-policy=never", "example.test/none").refused()


def test_run_fetches_what_is_missing(host):
    host.trust()
    image, signature = host.lab.signed(host.lab.guest_image())
    host.publish(image, signature, name="example.test/guest")
    r = host.run("example.test/guest:1.0", "say", "hello").ok()
    assert r.facts.one("say") == "hello"
    assert host.images() == [images.image_id(image)]


def test_run_output_is_prefixed(host):
    """As the journal prints it: [ seconds] app[pid]: text."""
    r = host.run(host.store(), "say", "hello").ok()
    assert re.search(r"^\[ *\d+\.\d+\] guest\[\d+\]: say=hello", r.out, re.M)
    assert "\x1b" not in r.out


# --- ends --------------------------------------------------------------------


@pytest.mark.parametrize("acts, code", [
    (["exit", "0"], 0), (["exit", "7"], 7), (["exit", "255"], 255),
    (["die", "9"], 9), (["die", "15"], 15), (["die", "11"], 11)])
def test_run_exit_code(host, acts, code):
    """The app's; of one that a signal killed, the signal's number."""
    image = host.store()
    assert host.run(image, *acts).code == code
    uuid = host.pods()[0][1]
    assert "app-guest=%d" % code in host.rkt("status", uuid).out.splitlines()


def test_run_program_is_missing(host):
    r = host.run(host.store(), app=["--exec=/bin/none"])
    assert r.code == 203
    assert 'Error: Unable to open "/bin/none": No such file or directory' in r.out


def test_run_program_is_not_executable(host):
    image = host.store(files=[images.member("rootfs/text", "hello\n")])
    assert host.run(image, app=["--exec=/text"]).code == 203
    assert host.run(image, app=["--exec=/tmp"]).code == 203


def test_run_interpreter_is_missing(host):
    image = host.store(files=[
        images.program("rootfs/bin/script", "#!/bin/none\n")])
    r = host.run(image, app=["--exec=/bin/script"])
    assert r.code == 203
    assert ('Error: Unable to open "/bin/script": No such file or directory (it '
            "is there, its interpreter is not: /bin/none)") in r.out, r.out


def test_run_loader_is_missing(host):
    """A program of libraries, in an image that has none."""
    with open("/bin/ls", "rb") as f:
        image = host.store(files=[images.program("rootfs/bin/ls", f.read())])
    r = host.run(image, app=["--exec=/bin/ls"])
    assert r.code == 203
    assert "its interpreter is not: /lib64/ld-linux" in r.out, r.out


@pytest.mark.parametrize("head", [
    b"#!", b"#! \n", b"#!" + b"x" * 5000, b"\x7fELF", b"\x7fELF\2" + b"\xff" * 200,
    b"#!\xff\xfe\x1b[31m\n", b"#!/proc/self/mem\n"])
def test_run_head_of_a_program_is_hostile(host, head):
    """What is read of it leads to no other end than execve's own."""
    image = host.store(files=[images.program("rootfs/bin/odd", head)])
    r = host.run(image, app=["--exec=/bin/odd"])
    assert r.code == 203 and 'Unable to open "/bin/odd"' in r.out, r.describe()
    assert "\x1b" not in r.out


def test_run_why_is_looked_for_without_the_filter(host):
    """A filter that allows no read does not change what is said."""
    image = host.store(files=[
        images.program("rootfs/bin/script", "#!/bin/none\n")])
    r = host.run(image, app=[
        "--exec=/bin/script", "--seccomp=mode=remove,read,pread64,access,"
        "faccessat,faccessat2"])
    assert r.code == 203 and "its interpreter is not: /bin/none" in r.out


def test_run_longest_name(host):
    """A longer one would be no unit's, and the pod would end without a word."""
    r = host.run(host.store(), "say", "here", app=["--name=" + "a" * 200]).ok()
    assert r.facts.all("say") == ["here"]
    host.run(host.store(), app=["--name=" + "a" * 201]).refused("up to 200")


def test_run_long_words(host):
    """Half a page of script, a certificate: what people pass."""
    script, cert = "s" * 20000, "c" * 20000
    r = host.run(host.store(), "facts", script,
                 app=["--environment=CERT=" + cert]).ok()
    assert r.facts.all("arg")[-1] == script
    assert r.facts.env()["CERT"] == cert
    host.run(host.store(), "facts", *[script] * 4).refused(
        "60000 bytes together")


def test_run_without_exec_is_refused(host):
    host.trust()
    host.fetch(images.aci(name="example.test/none")).ok()
    host.rkt("run", "example.test/none").refused()


def test_run_is_stopped_by_term(host):
    """What systemctl stop does."""
    child = host.start("run", host.store(), "--", "say", "ready", "sleep", "600")
    host.wait_for(child, "say=ready")
    child.terminate()
    child.wait(60)
    assert [state for state, _ in host.pods()] == ["run"]
    assert "state=exited" in host.rkt("status", host.pods()[0][1]).out


@pytest.mark.parametrize("how", ["SIGKILL", "SIGHUP"])
def test_run_whose_supervisor_is_killed(host, how):
    """What is left of the pod ends with rm, as rkt-run(1) says."""
    child = host.start("run", host.store(), "--", "say", "up", ",", "sleep",
                       "600")
    host.wait_for(child, "say=up")
    child.send_signal(getattr(signal, how))
    child.wait(60)
    uuid = host.pods()[0][1]
    r = host.rkt("status", uuid).ok()
    assert "state=running\n" in r.out and "exited=false\n" in r.out
    assert "running" in host.rkt("list", "--no-legend").ok().out
    host.rkt("status", "--wait=300ms", uuid).refused("still running")
    host.rkt("stop", uuid).refused("supervisor", "rkt rm")
    host.rkt("rm", uuid).ok()
    host.swept()


def test_run_large_output(host):
    """Nothing is lost, nothing blocks."""
    image = host.store(section=section("read", "/big"), files=[
        images.member("rootfs/big", "".join(
            "line %d of many\n" % i for i in range(5000)))])
    r = host.run(image).ok()
    assert [v for v in r.facts.all("read")] == [
        "line %d of many" % i for i in range(5000)]


# --- who ---------------------------------------------------------------------


@pytest.mark.parametrize("user, group, flags, want", [
    ("0", "0", [], (0, 0)),
    ("root", "root", [], (0, 0)),
    ("1000", "1000", [], (1000, 1000)),  # CVE-2016-3697: a number is no name
    ("web", "web", [], (1001, 1002)),
    ("65534", "0", [], (65534, 0)),
    ("/srv", "/srv", [], (42, 43)),
    ("web", "web", ["--user=7", "--group=8"], (7, 8)),
    ("0", "0", ["--user=web", "--group=more"], (1001, 1003)),
    ("0", "0", ["--user=/srv"], (42, 0)),
])
def test_run_user_and_group(host, user, group, flags, want):
    image = host.store(section=section("facts", user=user, group=group),
                       files=PASSWD + [
                           images.directory("rootfs/srv", uid=42, gid=43)])
    f = host.run(image, app=flags).ok().facts
    assert (int(f.one("uid")), int(f.one("gid"))) == want
    assert f.status("Uid").split() == [str(want[0])] * 4
    assert f.status("Gid").split() == [str(want[1])] * 4
    if want[0]:
        assert f.status("CapEff") == "0" * 16


BAD_IDS = ["2147483648", "4294967295", "4294967296", "18446744073709551616",
           "-1", "0x0", "00", " 1", "1 ", "１", "65536", "", "1:1", "nobody",
           "/none", "../etc"]


@pytest.mark.parametrize("who", BAD_IDS)
def test_run_bad_user(host, who):
    """CVE-2024-40635, CVE-2026-30892: never uid 0 by accident."""
    image = host.store(files=PASSWD)
    r = host.run(image, "facts", app=["--user=" + who])
    assert r.code != 0, r.describe()
    assert not r.facts.all("uid")
    r = host.run(image, "facts", app=["--group=" + who])
    assert r.code != 0 and not r.facts.all("uid")


@pytest.mark.parametrize("who", ["4294967296", "-1", "00", "", "65536"])
def test_run_bad_user_of_image(host, who):
    """The same, from the manifest: at fetch or at run, but never 0."""
    host.trust()
    r = host.fetch(host.lab.guest_image(section=section("facts", user=who)))
    if r.code == 0:
        r = host.run(r.out.strip())
        assert r.code != 0 and not r.facts.all("uid")


@pytest.mark.parametrize("flag,code", [("user", 217), ("group", 216)])
def test_run_unknown_user_is_named(host, flag, code):
    r = host.run(host.store(files=PASSWD), "facts", app=["--%s=ghost" % flag])
    assert r.code in (code, 217), r.describe()
    assert '%s "ghost" of the image' % flag in r.out, r.describe()


def test_run_supplementary_groups(host):
    image = host.store(section=section("facts", supplementaryGIDs=[5, 6]))
    f = host.run(image).ok().facts
    assert f.one("groups") == "5,6"
    f = host.run(image, app=["--supplementary-gids=7,8,9"]).ok().facts
    assert f.one("groups") == "7,8,9"
    host.run(image, app=["--supplementary-gids=65536"]).refused()
    host.run(image, app=["--supplementary-gids=x"]).refused()


# --- where -------------------------------------------------------------------


def test_run_working_directory(host):
    image = host.store(section=section("facts", workingDirectory="/srv/web"),
                       files=[images.directory("rootfs/srv"),
                              images.directory("rootfs/srv/web")])
    assert host.run(image).ok().facts.one("cwd") == "/srv/web"
    f = host.run(image, app=["--working-dir=/bin"]).ok().facts
    assert f.one("cwd") == "/bin"
    for bad in ("bin", "/proc/self/fd/3", "/proc/1/cwd", "/dev/fd/4", "/sys"):
        r = host.run(image, app=["--working-dir=" + bad])
        assert r.code != 0 and not r.facts.all("cwd"), bad  # CVE-2024-21626


def test_run_hostname(host):
    image = host.store()
    f = host.run(image, "facts").ok().facts
    uuid = host.pods()[0][1]
    assert f.one("hostname") == "rkt-" + uuid
    longest = "a" * 31 + "." + "b" * 32
    for name in ("web.example", longest):
        f = host.run(image, "facts", "read", "/etc/hosts",
                     pod=["--hostname=" + name]).ok().facts
        assert f.one("hostname") == name
        assert f.all("read")[0].endswith(" " + name)
    for bad in ("-x", "a b", "a\nb", "x" * 70, "a/b"):
        host.run(image, "facts", pod=["--hostname=" + bad]).refused()


def test_run_environment(host):
    """Low to high: ours, the image's, --environment, --set-env-file,
    --set-env (as rkt did, whatever its documents said)."""
    image = host.store(section=section("facts", environment=[
        {"name": "FROM", "value": "image"}, {"name": "IMAGE", "value": "i m"}]))
    env = host.run(image).ok().facts.env()
    assert env["IMAGE"] == "i m" and env["FROM"] == "image"
    assert env["PATH"] == ("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                           "/sbin:/bin")
    assert env["AC_APP_NAME"] == "guest" and env["HOME"] == "/root"
    assert env["SHELL"] == "/bin/sh" and env["USER"] == env["LOGNAME"] == "root"
    file = host.path / "env"
    file.write_text("# a comment\n; and another\n\nFROM=file\nFILE=f=1 x\n")
    os.chmod(host.path, 0o755)
    os.chmod(host.path.parent, 0o755)
    os.chmod(host.path.parent.parent, 0o755)
    env = host.run(image, pod=["--set-env-file=%s" % file]).ok().facts.env()
    assert env["FILE"] == "f=1 x"
    env = host.run(image, pod=["--set-env=FROM=flag", "--set-env=X=%h $Y"],
                   app=["--environment=APP=a"]).ok().facts.env()
    assert env["X"] == "%h $Y" and env["APP"] == "a"
    env = host.run(image, pod=["--set-env=FROM=flag"],
                   app=["--environment=FROM=app"]).ok().facts.env()
    assert env["FROM"] == "flag"
    env = host.run(image, app=["--environment=FROM=app"]).ok().facts.env()
    assert env["FROM"] == "app"


def test_run_inherits_no_environment(host):
    """The caller's only with --inherit-env, and never over the image's."""
    image = host.store(section=section("facts", environment=[
        {"name": "IMAGE", "value": "image"}]))
    mine = {"PATH": os.environ["PATH"], "IMAGE": "caller", "SECRET": "caller"}
    env = host.run(image, env=mine).ok().facts.env()
    assert "SECRET" not in env
    env = host.run(image, pod=["--inherit-env"], env=mine).ok().facts.env()
    assert env["SECRET"] == "caller" and env["IMAGE"] == "image"


def test_run_environment_of_two_pods(host):
    """CVE-2021-21334: what one pod was told, another one does not see."""
    image = host.store(section=section("facts"))
    one = host.run(image, pod=["--set-env=ONE=1"]).ok().facts.env()
    two = host.run(image, pod=["--set-env=TWO=2"]).ok().facts.env()
    assert "TWO" not in one and "ONE" not in two


def test_run_environment_with_a_newline(host):
    """CVE-2022-4318: no line of ours begins in a value of theirs."""
    image = host.store()
    r = host.run(image, "facts", pod=["--set-env=HOME=/x\nroot2::0:0"])
    assert r.code == 254 or "root2" not in r.facts.env()
    host.run(image, pod=["--set-env=9BAD=x"]).refused()
    host.run(image, pod=["--set-env=NOVALUE"]).refused()


# --- limits ------------------------------------------------------------------


def cgroup_of(pid, controller):
    text = open("/proc/%d/cgroup" % pid, encoding="ascii").read()
    found = re.search(r"^\d+:(?:[^:]*,)?%s(?:,[^:]*)?:(.*)$" % controller, text,
                      re.M)
    return "/sys/fs/cgroup/%s%s" % (controller, found.group(1))


def limits_of(host, image, *flags):
    """memory, quota, shares as the kernel knows them while it runs."""
    child = host.start("run", image, *flags, "--", "say", "ready", "sleep", "600")
    host.wait_for(child, "say=ready")
    memory = open(cgroup_of(child.pid, "memory") +
                  "/memory.limit_in_bytes", encoding="ascii").read()
    at = cgroup_of(child.pid, "cpu")
    quota = open(at + "/cpu.cfs_quota_us", encoding="ascii").read()
    shares = open(at + "/cpu.shares", encoding="ascii").read()
    child.terminate()
    child.wait(60)
    return int(memory), int(quota), int(shares)


@pytest.mark.skipif(os.path.exists("/sys/fs/cgroup/cgroup.controllers"),
                    reason="reads cgroup v1 files; tests/vm has the v2 ones")
def test_run_limits_of_image_and_operator(host):
    image = host.store(section=section(isolators=[
        isolator("resource/memory", {"limit": "128Mi"}),
        isolator("resource/cpu", {"limit": "500m"}),
        isolator("os/linux/cpu-shares", 512)]))
    assert limits_of(host, image) == (128 << 20, 50000, 512)
    assert limits_of(host, image, "--memory=64Mi", "--cpu=1500m",
                     "--cpu-shares=100") == (64 << 20, 150000, 100)


def test_run_memory_limit_kills(host):
    image = host.store()
    r = host.run(image, "take", "200", app=["--memory=32Mi"])
    assert r.code == 9, r.describe()
    assert not r.facts.all("take")
    host.run(image, "take", "8", app=["--memory=64Mi"]).ok()


@pytest.mark.parametrize("flag", [
    "--memory=4095", "--memory=x", "--memory=-1", "--cpu=x", "--cpu=-1",
    "--cpu-shares=1", "--cpu-shares=262145", "--oom-score-adj=1001",
    "--oom-score-adj=-1001", "--memory=1e30"])
def test_run_limit_out_of_range(host, flag):
    host.run(host.store(), app=[flag]).refused()
    assert host.pods() == []


def test_run_oom_score(host):
    image = host.store(section=section("facts", isolators=[
        isolator("os/linux/oom-score-adj", 300)]))
    assert host.run(image).ok().facts.one("oom") == "300"
    f = host.run(image, app=["--oom-score-adj=700"]).ok().facts
    assert f.one("oom") == "700"


def test_run_oom_score_below_ones_own(host):
    """Root needs a capability for that: it has it, or no pod starts."""
    r = host.run(host.store(), "facts", app=["--oom-score-adj=-5"])
    if r.code == 0:
        assert r.facts.one("oom") == "-5"
    else:
        r.refused("--oom-score-adj=-5", "CAP_SYS_RESOURCE")


# --- the terminal ------------------------------------------------------------


def test_run_interactive(host):
    """The app has the terminal: its input, its output, as they are."""
    image = host.store()
    code, text = host.talk(
        ["run", "--interactive", image, "--", "hear", "facts", "exit", "3"],
        [("hear?", "hello there\n")])
    assert code == 3, text
    assert "hear=hello there" in text
    assert "tty=111" in text
    assert not re.search(r"\] guest\[\d+\]: hear", text)


def test_run_interactive_type_of_terminal(host, monkeypatch):
    """The caller's, of run; else the one that systemd has for a terminal; what
    the operator says wins, and an app without a terminal has none."""
    image, facts = host.store(), ["--", "facts"]

    def types(*words):
        code, text = host.talk(words, [])
        assert code == 0, text
        return Facts(text).env().get("TERM")
    monkeypatch.setenv("TERM", "xterm-of-mine")
    assert types("run", "--interactive", image, *facts) == "xterm-of-mine"
    assert types("run", "--interactive", image, "--environment=TERM=dumb",
                 *facts) == "dumb"
    assert types("run", image, *facts) is None
    monkeypatch.setenv("TERM", "bad\nA=1")
    assert types("run", "--interactive", image, *facts) == "vt220"
    monkeypatch.delenv("TERM")
    assert types("run", "--interactive", image, *facts) == "vt220"
    uuid = host.rkt("prepare", "--quiet", image, *facts).ok().out.strip()
    assert types("run-prepared", "--interactive", uuid) == "vt220"


def test_run_interactive_one_app_only(host):
    image = host.store()
    host.rkt("run", "--interactive", image, image).refused("one image")


def test_run_stdin_is_null(host):
    """Without --interactive the caller's stdin is not the app's."""
    with subprocess.Popen(["printf", "secret\\n"],
                          stdout=subprocess.PIPE) as source:
        r = host.run(host.store(), "hear", stdin=source.stdout).ok()
    assert r.facts.one("hear") == "end"


# --- root file system --------------------------------------------------------


def test_run_writes_do_not_reach_the_store(host):
    image = host.store(files=[images.member("rootfs/f", "as it was\n")])
    r = host.run(image, "write", "/f", "changed", "write", "/new", "x").ok()
    assert r.facts.all("write") == ["/f ok", "/new ok"]
    r = host.run(image, "read", "/f", "stat", "/new").ok()
    assert r.facts.one("read") == "as it was"
    assert "No such file" in r.facts.one("stat")
    host.rkt("image", "verify", image).ok()


def test_run_readonly_rootfs(host):
    image = host.store()
    r = host.run(image, "write", "/new", "x", "write", "/bin/new", "x",
                 "facts", app=["--readonly-rootfs"]).ok()
    assert r.facts.all("write") == ["/new Read-only file system"] + \
        ["/bin/new Read-only file system"]
    root = [m.split()[5] for m in r.facts.all("mount") if m.split()[4] == "/"]
    assert "ro" in root[-1].split(",")


def test_run_two_at_once(host):
    """One image, two pods: neither sees the other, ranges are disjoint."""
    image = host.store()
    children = [host.start("run", image, "--", "write", "/tmp/me", str(i),
                           "read", "/tmp/me", "facts", "say", "ready",
                           "sleep", "600") for i in range(2)]
    maps, seen = [], []
    for child in children:
        host.wait_for(child, "say=ready")
    from host import Facts
    for child in children:
        f = Facts(host.said(child))
        inside, outside, count = map(int, f.one("uid_map").split())
        assert inside == 0 and count == 65536 and outside >= 65536
        maps.append(outside)
        seen.append((f.one("read"), set(f.all("ns"))))
    assert abs(maps[0] - maps[1]) >= 65536
    assert [s[0] for s in seen] == ["0", "1"]
    assert not seen[0][1] & seen[1][1]
    assert len(list(host.data.glob("ids/*"))) == 2
    listed = host.rkt("list", "--no-legend").out
    assert listed.count("running") == 2
    for child in children:
        child.terminate()
        child.wait(60)


def test_run_uuid_file(host):
    file = host.path / "uuid"
    for path in (host.path, host.path.parent, host.path.parent.parent):
        os.chmod(path, 0o755)
    file.touch()
    file.chmod(0o666)
    host.run(host.store(), pod=["--uuid-file-save=%s" % file]).ok()
    assert file.read_text() == host.pods()[0][1]
    r = host.rkt("status", "--uuid-file=%s" % file).ok()
    assert "state=exited" in r.out


@pytest.mark.parametrize("path", ["uuid", "./uuid", "below/uuid"])
def test_run_uuid_file_of_the_callers_directory(host, path):
    """Wherever rkt itself is by then."""
    image = host.store()
    (host.path / "below").mkdir()
    subprocess.run(host.argv("run", "--uuid-file-save=" + path, image),
                   cwd=host.path, capture_output=True, check=True)
    host.note_pods()
    assert (host.path / path).read_text() == host.pods()[0][1]


# --- words -------------------------------------------------------------------


@pytest.mark.parametrize("words, said", [
    (["run"], "image"),
    (["run", "--", "x"], "an image is required before any app arguments"),
    (["run", "IMAGE", "--", "a", "---", "--", "b"],
     "only one set of app arguments allowed per image"),
    (["run", "--exec=/x", "IMAGE"], "--exec must follow an image"),
    (["run", "--user=0", "IMAGE"], "--user must follow an image"),
    (["run", "--nothing", "IMAGE"], "nothing"),
    (["run", "IMAGE", "--nothing"], "nothing"),
    (["run", "--net=default", "IMAGE"], "not supported"),
    (["run", "--no-overlay", "IMAGE"], "no-overlay"),
    (["run", "--pull-policy=maybe", "IMAGE"], "pull-policy"),
    (["run", "--insecure-options=everything", "IMAGE"], 'unknown option'),
    (["run", "--insecure-options=tls,tls", "IMAGE"], 'duplicated option'),
    (["run", "IMAGE", "--caps-retain=CAP_CHOWN", "--caps-remove=CAP_CHOWN"],
     "caps"),
    (["run", "IMAGE", "--name=UPPER"], "name"),
    (["nothing"], "unknown command"),
    (["image"], ""),
])
def test_wrong_words(host, words, said):
    image = host.store()
    r = host.rkt(*[image if w == "IMAGE" else w for w in words])
    assert r.code == (2 if words == ["image"] else 254), r.describe()
    assert said in r.err
    assert host.pods() == []
