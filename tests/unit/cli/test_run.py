"""rkt run: what plan comes of which flags and which manifest."""
import json
import os
import socket
import stat
import struct

import pytest

import world
from fakefetcher import Fetching, plan
from fakelauncher import CAPS_DEFAULT, refuse

SYS_ADMIN, NET_RAW, KILL = 1 << 21, 1 << 13, 1 << 5
DEFAULT, WIDE, NONE = 0, 1, 2
IMAGE = "example.com/hello"


def isolator(name, value):
    return {"isolators": [{"name": name, "value": value}]}


def run(data, *argv, m=None, env=None, **welcome):
    if not os.path.isdir(os.path.join(str(data), "image")):
        world.add_image(data, "hello", m)
    argv = argv or (IMAGE,)
    r = Fetching(data, **welcome).run("run", *argv, env=env)
    r.pod, *r.apps = plan(r.launcher) if r.launcher.plan else [None]
    return r


def app(data, *argv, **how):
    r = run(data, *argv, **how)
    assert r.code == 0, r.err
    assert len(r.apps) == 1
    return r.apps[0]


def test_plan_of_the_simplest_pod(data):
    r = run(data)
    assert r.code == 0, r.err
    assert r.types() == ["HELLO", "START_POD"]
    assert r.launcher.seals & 15 == 15
    assert stat.S_ISREG(0o100000) and r.out == ""
    uuid = r.pod["uuid"]
    assert uuid[14] == "4" and uuid[19] in "89ab"
    manifest = json.loads(r.pod.pop("manifest"))
    assert r.pod == {"version": 3, "uuid": uuid, "hostname": "", "insecure": 0,
                     "net": 0, "flavor": 1, "interactive": 0, "debug": 0,
                     "memory": 0, "cpu_milli": 0, "cpu_shares": 0, "pids": 0,
                     "block_bandwidth": 0, "block_iops": 0, "sysctls": [],
                     "mutable": 0, "resolv_conf": b"", "hosts": b"", "volumes": 0,
                     "apps": 1}
    assert r.launcher.how == 0
    a = r.apps[0]
    env = a.pop("env")
    assert "AC_APP_NAME=hello" in env and "container=rkt" in env
    assert "HOME=/root" in env and "USER=root" in env
    assert a == {
        "name": "hello", "image": world.image_id("hello")[7:],
        "image_name": "example.com/hello:1.0", "layers": b"",
        "exec": ["/bin/hello", "world"], "pre_start": [], "post_stop": [],
        "working_dir": "/", "user": "0",
        "group": "0", "supplementary_gids": [], "caps": CAPS_DEFAULT,
        "no_new_privs": 0, "seccomp": DEFAULT, "filter": b"", "memory": 0,
        "cpu_milli": 0, "cpu_shares": 0, "pids": 0, "block_bandwidth": 0,
        "block_iops": 0, "oom_score_adj": 0,
        "has_oom": 0, "readonly_rootfs": 0, "paths": 1, "notify": 0,
        "std_in": 0, "std_out": 0, "std_err": 0,
        "mount_volume": [], "mount_target": [], "mount_flags": [],
        "socket_names": [], "socket_ports": []}
    assert manifest["acKind"] == "PodManifest"
    assert manifest["annotations"] == [
        {"name": "coreos.com/rkt/stage1/mutable", "value": "false"}]
    (one,) = manifest["apps"]
    assert one["name"] == "hello"
    assert one["image"]["id"] == world.image_id("hello")
    assert one["app"]["exec"] == ["/bin/hello", "world"]


def test_streams_reach_the_plan(data):
    on = {"RKT_EXPERIMENT_ATTACH": "1"}
    r = run(data, "--net=none", IMAGE, "--stdin=stream", "--stdout=tty",
            "--stderr=null", env=on)
    assert r.code == 0, r.err
    a = r.apps[0]
    assert (a["std_in"], a["std_out"], a["std_err"]) == (1, 2, 3)
    (told,) = json.loads(r.pod["manifest"])["apps"]
    assert told["annotations"] == [
        {"name": "coreos.com/rkt/stage2/" + k, "value": v} for k, v in
        (("stdin", "stream"), ("stdout", "tty"), ("stderr", "null"))]
    r = run(data, "--net=none", IMAGE, "--stdin=null", "--stdout=log", env=on)
    a = r.apps[0]
    assert (a["std_in"], a["std_out"], a["std_err"]) == (0, 0, 0)
    r = run(data, "--net=none", IMAGE, "--stdin=interactive", env=on)
    assert r.pod["interactive"] == 1 and r.apps[0]["std_in"] == 0
    r = run(data, "--net=none", IMAGE, "--stdin=stream")
    assert r.code == 254 and "START_POD" not in r.types()


def test_flags_reach_the_plan(data):
    a = app(data, "--net=host", "--hostname=h-1", "--interactive", IMAGE,
            "--name=other", "--exec=/bin/sh", "--working-dir=/tmp",
            "--user=web", "--group=100", "--supplementary-gids=1,2",
            "--memory=64Mi", "--cpu=500m", "--cpu-shares=7",
            "--oom-score-adj=-5", "--readonly-rootfs", "--", "-c", "--x", "")
    assert (a["name"], a["exec"]) == ("other", ["/bin/sh", "-c", "--x", ""])
    assert (a["working_dir"], a["user"], a["group"]) == ("/tmp", "web", "100")
    assert a["supplementary_gids"] == [1, 2]
    assert a["memory"] == 64 << 20 and a["cpu_milli"] == 500
    assert a["cpu_shares"] == 7 and a["readonly_rootfs"] == 1
    assert (a["has_oom"], a["oom_score_adj"]) == (1, -5)
    r = run(data, "--net=host", "--hostname=h-1", "--interactive", IMAGE)
    assert (r.pod["net"], r.pod["hostname"], r.pod["interactive"]) == (
        1, "h-1", 1)


def test_two_apps(data):
    r = run(data, IMAGE, "--", "a", "---", IMAGE, "--name=b", "--", "c", "---")
    assert r.code == 0, r.err
    assert [(a["name"], a["exec"][-1]) for a in r.apps] == [
        ("hello", "a"), ("b", "c")]
    r = run(data, IMAGE, IMAGE)
    assert r.code == 254
    assert "error: multiple apps with name hello (try --name)" in r.err


@pytest.mark.parametrize("argv,text", [
    ([], "takes one or more images (see rkt run --help)"),
    (["--", "x"], "an image is required before any app arguments"),
    (["--exec=/x", IMAGE], "--exec must follow an image"),
    ([IMAGE, "--", "a", "---", "--", "b"], "only one set of app arguments"),
    ([IMAGE, "--net=host"], "--net is the pod's: it stands before the first"),
    ([IMAGE, "--hostname"], "--hostname is the pod's"),
    ([IMAGE, "--debug"], "--debug is rkt's: it stands before the first image"),
    ([IMAGE, "--nets=x"], "unknown flag: --nets (see rkt run --help)"),
    (["--interactive", IMAGE, IMAGE], "only supports one image"),
    (["--volume=a", IMAGE], "for --volume: kind is missing"),
    (["--volume=a,kind=empty,x=1", IMAGE], "for --volume: unknown key"),
    ([IMAGE, "--volume=a,kind=empty"], "--volume is the pod's"),
    ([IMAGE, "--mount=x"], "for --mount: wants volume=NAME,target=PATH"),
    (["--mount=volume=a,target=b", IMAGE], "target is not an absolute path"),
    (["--port=a:1", IMAGE], 'no app has a port "a"'),
    (["--port=a", IMAGE], "want NAME:HOSTPORT"),
    (["--port=a:0", IMAGE], "from 1 to 65535"),
    (["--no-overlay", IMAGE], "--no-overlay is not possible: the roots of"),
    (["--mds-register", IMAGE], "there is no metadata service"),
    (["--ipc=parent", IMAGE], "would reach the shared memory of the host"),
    (["--ipc=host", IMAGE], "for --ipc: must be auto or private"),
    (["--net", IMAGE], "--net=default is not supported yet"),
    (["--net=host", "--net=none", IMAGE], "one network"),
    (["--net=host:a=b", IMAGE], "--net=host:a=b: host takes no arguments"),
    (["--hostname=-", IMAGE], "is not a host name"),
    (["--set-env=A", IMAGE], '"A" is not NAME=VALUE'),
    (["--set-env=A=1", "--set-env=A=2", IMAGE], "set twice"),
    ([IMAGE, "--memory=4095"], "below 4096"),
    ([IMAGE, "--memory=lots"], "not a quantity"),
    ([IMAGE, "--cpu=-1"], "not a quantity"),
    ([IMAGE, "--cpu-shares=1"], "2 to 262144"),
    ([IMAGE, "--oom-score-adj=1001"], "-1000 to 1000"),
    ([IMAGE, "--name=A_b"], "cannot name an app"),
    ([IMAGE, "--name=" + "a" * 201], "cannot name an app: want up to 200"),
    ([IMAGE, "--working-dir=tmp"], "not an absolute path"),
    ([IMAGE, "--working-dir=/a/../b"], "not an absolute path"),
    ([IMAGE, "--supplementary-gids=65536"], '"65536" is not a number below'),
    ([IMAGE, "--supplementary-gids=1,x"],
     ': --supplementary-gids: "x" is not a number below 65536'),
    ([IMAGE, "--annotation=a=1", "--annotation=a=2"],
     ': --annotation: "a" is given twice'),
    ([IMAGE, "--annotation=A=1"], '--annotation: "A" is not a name of a-z'),
    ([IMAGE, "--user-annotation=a"],
     '--user-annotation: "a" is not NAME=VALUE'),
    ([IMAGE, "--user-label=A=1", "--user-label=A=2"],
     '--user-label: "A" is given twice'),
    (["--stage1-name=a.com/b", IMAGE],
     "--stage1-name is not possible: stage1 is made of this machine's own"),
    ([IMAGE, "--caps-retain=CAP_NOPE"], "unknown capability"),
    ([IMAGE, "--caps-retain=CAP_KILL", "--caps-remove=CAP_KILL"], "exclude"),
    ([IMAGE, "--seccomp=read"], "wants mode="),
    ([IMAGE, "--seccomp=mode=retain"], "names no system call"),
    ([IMAGE, "--seccomp=mode=retain,errno=EWHAT,read"], "unknown errno"),
    ([IMAGE, "--seccomp=mode=remove,@nope/x"], "unknown system call set"),
    ([IMAGE, "--seccomp=mode=remove,nopecall"], "unknown system call"),
    ([IMAGE, "--seccomp=mode=remove,@appc.io/all"], "nothing to run with")])
def test_bad_flags(data, argv, text):
    world.add_image(data, "hello")
    r = Fetching(data).run("run", *argv)
    assert r.code == 254 and "START_POD" not in r.types()
    assert text in r.err, r.err


# CVE-2016-3697, CVE-2024-40635: what looks like a number is one, or nothing.
@pytest.mark.parametrize("user", [
    "65536", "2147483648", "4294967295", "4294967296", "18446744073709551616",
    "-1", "+1", "0x0", "00", " 1", "1 ", "1:0", "", "a\nb", "/../x", "1a"])
def test_user_is_exact(data, user):
    for flag in ("--user", "--group"):
        r = run(data, IMAGE, "%s=%s" % (flag, user))
        assert r.code == 254 and r.apps == [], (flag, user)


def test_user_in_the_image_is_exact(data):
    r = run(data, m=world.manifest(app={"user": "4294967296"}))
    assert r.code == 254 and "START_POD" not in r.types()


def test_environment_precedence(data, open_path):
    f = open_path / "env"
    f.write_text("# comment\n; comment\n\nD=file\nE=file\nF=a=b\n")
    m = world.manifest(app={"environment": [
        {"name": n, "value": "image"} for n in "BCDE"] +
        [{"name": "HOME", "value": "/h"}]})
    a = app(data, "--inherit-env", "--set-env=E=flag",
            "--set-env-file=%s" % f, IMAGE, "--environment=C=app",
            "--environment=D=app", m=m,
            env={"A": "caller", "B": "caller", "E": "caller"})
    env = dict(e.split("=", 1) for e in a["env"])
    assert [env[n] for n in "ABCDEF"] == [
        "caller", "image", "app", "file", "flag", "a=b"]
    assert env["HOME"] == "/h" and env["AC_APP_NAME"] == "hello"
    assert len(env) == len(a["env"])
    a = app(data, IMAGE, env={"A": "caller"})
    assert not [e for e in a["env"] if e.startswith("A=")]


def test_inherit_env_leaves_out_what_systemd_said_to_rkt(data):
    env = {n: "1" for n in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
                            "NOTIFY_SOCKET", "WATCHDOG_USEC", "MAINPID")}
    a = app(data, "--inherit-env", IMAGE, env=dict(env, LISTEN_FDSX="kept"))
    names = [e.split("=")[0] for e in a["env"]]
    assert "LISTEN_FDSX" in names and not set(env) & set(names)
    a = app(data, "--set-env=NOTIFY_SOCKET=/own", IMAGE)
    assert "NOTIFY_SOCKET=/own" in a["env"]


@pytest.mark.parametrize("text", ["A", "A=1\nA=2\n", "=1\n", "1=1\n"])
def test_bad_env_file(data, open_path, text):
    f = open_path / "env"
    f.write_text(text)
    r = run(data, "--set-env-file=%s" % f, IMAGE)
    assert r.code == 254 and "line " in r.err


def test_files_of_root_come_by_the_launcher(data, open_path):
    f = open_path / "env"
    f.write_text("A=1\n")
    os.chmod(f, 0o600)
    r = run(data, "--set-env-file=%s" % f, IMAGE)
    assert r.code == 0 and "A=1" in r.apps[0]["env"], r.err
    assert [m.fields for m in r.asked if m.name == "GET_FILE"] == [
        {"path": str(f), "kind": 4}]
    r = run(data, "--set-env-file=%s" % open_path, IMAGE)
    assert r.code == 254 and "cannot read" in r.err and r.apps == []
    r = run(data, "--set-env-file=%s/no" % open_path, IMAGE)
    assert r.code == 254 and "cannot open" in r.err and r.apps == []


def test_uuid_file_is_the_launchers(data, open_path):
    os.chmod(open_path, 0o777)
    r = run(data, "--uuid-file-save=%s/u" % open_path, IMAGE)
    assert r.code == 0, r.err
    assert os.listdir(open_path) == []


# --- what an image may ask, and what only the operator may ----------------

def test_image_capabilities_only_narrow(data):
    m = world.manifest(app=isolator("os/linux/capabilities-retain-set",
                                    {"set": ["CAP_KILL", "CAP_SYS_ADMIN"]}))
    r = run(data, m=m)
    assert r.apps[0]["caps"] == KILL
    assert "the image asks for CAP_SYS_ADMIN" in r.err


def test_image_remove_set(data):
    m = world.manifest(app=isolator("os/linux/capabilities-remove-set",
                                    {"set": ["CAP_NET_RAW"]}))
    assert app(data, m=m)["caps"] == CAPS_DEFAULT & ~NET_RAW


def test_site_policy_narrows_the_default(data):
    assert app(data, caps_image=KILL)["caps"] == KILL
    assert app(data, IMAGE, "--caps-remove=CAP_CHOWN",
               caps_image=KILL | 1)["caps"] == KILL


def test_operator_capabilities(data):
    assert app(data, IMAGE,
               "--caps-retain=CAP_SYS_ADMIN,CAP_KILL")["caps"] == (
        SYS_ADMIN | KILL)
    assert app(data, IMAGE, "--caps-remove=CAP_KILL")["caps"] == (
        CAPS_DEFAULT & ~KILL)
    r = run(data, IMAGE, "--caps-retain=CAP_SYS_ADMIN", caps_operator=0)
    assert r.code == 254 and "site policy does not allow" in r.err


def test_insecure_options(data):
    r = Fetching(data).run("--insecure-options=all-run", "run", IMAGE)
    assert r.code == 254  # nothing in the store, and no such URL
    world.add_image(data, "hello")
    launcher = Fetching(data)
    r = launcher.run("--insecure-options=all-run,image", "run", IMAGE)
    pod, a = plan(launcher)
    assert pod["insecure"] == 1 | 32 | 64 | 128
    assert a["caps"] == (1 << 41) - 1
    assert (a["seccomp"], a["filter"], a["paths"]) == (NONE, b"", 0)
    r = Fetching(data, insecure_allowed=0).run(
        "run", "--insecure-options=paths", IMAGE)
    assert r.code == 254 and "site policy does not allow" in r.err


def bpf(code, nr, arch=0xc000003e):
    """What a filter answers: enough of BPF for libseccomp's output."""
    words = {0: nr, 4: arch}
    acc, pc, mem = 0, 0, {}
    prog = list(struct.iter_unpack("<HBBI", code))
    while True:
        op, jt, jf, k = prog[pc]
        pc += 1
        if op == 0x20:
            acc = words[k]
        elif op == 0x06:
            return k
        elif op == 0x05:
            pc += k
        else:
            hit = {0x15: acc == k, 0x25: acc > k, 0x35: acc >= k,
                   0x45: acc & k != 0}[op]
            pc += jt if hit else jf


ALLOW, KILL_PROCESS, EPERM = 0x7fff0000, 0x80000000, 0x50001
READ, EXECVE, MKDIR, PTRACE = 0, 59, 83, 101


def test_image_retain_set(data):
    m = world.manifest(app=isolator("os/linux/seccomp-retain-set", {
        "set": ["read", "@systemd/process"], "errno": "EPERM"}))
    a = app(data, m=m)
    assert a["seccomp"] == DEFAULT
    assert bpf(a["filter"], READ) == ALLOW
    assert bpf(a["filter"], EXECVE) == ALLOW
    assert bpf(a["filter"], MKDIR) == EPERM
    assert bpf(a["filter"], PTRACE) == EPERM


def test_image_remove_set_kills(data):
    m = world.manifest(app=isolator("os/linux/seccomp-remove-set", {
        "set": ["mkdir"]}))
    a = app(data, m=m)
    assert a["seccomp"] == DEFAULT and bpf(a["filter"], READ) == ALLOW
    assert bpf(a["filter"], MKDIR) == KILL_PROCESS
    assert bpf(a["filter"], READ, arch=0x40000003) != ALLOW


@pytest.mark.parametrize("name,calls", [
    ("os/linux/seccomp-retain-set", ["@appc.io/all"]),
    ("os/linux/seccomp-remove-set", ["@appc.io/empty"])])
def test_image_cannot_lift_the_ceiling(data, name, calls):
    a = app(data, m=world.manifest(app=isolator(name, {"set": calls})))
    assert (a["seccomp"], a["filter"]) == (DEFAULT, b"")


def test_image_unknown_set_is_refused(data):
    r = run(data, m=world.manifest(app=isolator(
        "os/linux/seccomp-remove-set", {"set": ["@sytemd/clock"]})))
    assert r.code == 254 and "@sytemd/clock" in r.err


def test_operator_seccomp_may_widen_only_by_policy(data):
    flag = "--seccomp=mode=remove,errno=EPERM,mkdir"
    a = app(data, IMAGE, flag)
    assert a["seccomp"] == WIDE and bpf(a["filter"], MKDIR) == EPERM
    assert app(data, IMAGE, flag, seccomp_wide=0)["seccomp"] == DEFAULT


@pytest.mark.parametrize("name", [
    "os/linux/selinux-context", "os/linux/apparmor-profile",
    "resource/network-bandwidth", "example.com/whatever"])
def test_unsupported_isolators_are_named(data, name):
    value = {"os/linux/selinux-context": {
        "user": "u", "role": "r", "type": "t", "level": "l"},
        "os/linux/apparmor-profile": {"profile": "x"}}.get(name, {"a": "b"})
    r = run(data, m=world.manifest(app=isolator(name, value)))
    assert r.code == 254 and 'isolator "%s" is not supported' % name in r.err


def test_image_limits_and_operator_limits(data):
    m = world.manifest(app={"isolators": [
        {"name": "resource/memory", "value": {"request": "1M", "limit": "2M"}},
        {"name": "resource/cpu", "value": {"limit": "250m"}},
        {"name": "os/linux/oom-score-adj", "value": -1000},
        {"name": "os/linux/no-new-privileges", "value": True}]})
    r = run(data, m=m)
    assert "the request of resource/memory is ignored" in r.err
    a = r.apps[0]
    assert (a["memory"], a["cpu_milli"]) == (2000000, 250)
    assert a["no_new_privs"] == 1
    # An image does not hide from the killer.
    assert (a["has_oom"], a["oom_score_adj"]) == (0, 0)
    a = app(data, IMAGE, "--memory=1Mi", "--cpu=2")
    assert (a["memory"], a["cpu_milli"]) == (1 << 20, 2000)


def test_debug_says_which_isolators_hold(data):
    m = world.manifest(app={"isolators": [
        {"name": "resource/memory", "value": {"limit": "2M"}},
        {"name": "os/linux/oom-score-adj", "value": -5},
        {"name": "os/linux/seccomp-retain-set", "value": {"set": [
            "@rkt/default-whitelist"]}}]})
    world.add_image(data, "hello", m)
    r = Fetching(data).run("--debug", "run", IMAGE, "--cpu=1",
                           "--seccomp=mode=remove,reboot")
    assert ('app "hello": isolators enforced: resource/memory resource/cpu '
            'os/linux/seccomp-remove-set\n') in r.err, r.err
    assert "oom-score-adj below 0 is ignored" in r.err


def test_pod_manifest_tells_what_the_flags_changed(data):
    m = world.manifest(app={"isolators": [
        {"name": "resource/memory", "value": {"limit": "2M"}},
        {"name": "resource/cpu", "value": {"limit": "250m"}},
        {"name": "os/linux/seccomp-retain-set",
         "value": {"set": ["@rkt/default-whitelist"], "errno": "ENOSYS"}}]})
    r = run(data, IMAGE, "--memory=1Mi", "--oom-score-adj=-3",
            "--cpu-shares=9", "--caps-retain=CAP_KILL",
            "--seccomp=mode=remove,reboot", m=m)
    assert r.code == 0, r.err
    said = {i["name"]: i["value"] for i in json.loads(
        r.pod["manifest"])["apps"][0]["app"]["isolators"]}
    assert said == {
        "resource/memory": {"request": "1048576", "limit": "1048576"},
        "resource/cpu": {"limit": "250m"},
        "os/linux/cpu-shares": 9, "os/linux/oom-score-adj": -3,
        "os/linux/capabilities-retain-set": {"set": ["CAP_KILL"]},
        "os/linux/seccomp-remove-set": {"set": ["reboot"]}}


def test_help_behind_an_image(data):
    r = run(data, IMAGE, "--help")
    assert r.code == 0 and r.out.startswith("rkt run: "), r.err
    assert r.asked == []


@pytest.mark.parametrize("changes,text", [
    ({"app": None}, 'has an empty "exec" (try --exec=BINARY)'),
    ({"labels": [{"name": "arch", "value": "amd64"}]}, "missing os label"),
    ({"labels": [{"name": "os", "value": "linux"}]}, "missing arch label"),
    ({"labels": [{"name": "os", "value": "freebsd"},
                 {"name": "arch", "value": "amd64"}]}, 'bad os "freebsd"')])
def test_what_cannot_be_honoured_is_refused(data, changes, text):
    world.add_image(data, "hello", world.manifest(**changes))
    r = Fetching(data).run("run", world.image_id("hello"))
    assert r.code == 254 and text in r.err, r.err
    assert "START_POD" not in r.types()


def test_image_without_app_runs_with_exec(data):
    world.add_image(data, "hello", world.manifest(app=None))
    a = app(data, IMAGE, "--exec=/x")
    assert (a["exec"], a["user"], a["group"]) == (["/x"], "0", "0")


# --- pull policy ----------------------------------------------------------

def test_new_uses_the_store_and_newest(data):
    world.add_image(data, "old", imported=1600000000)
    new = world.add_image(data, "new", imported=1800000000)
    r = run(data)
    assert r.apps[0]["image"] == new[7:]
    assert "image: using image from local store for image name " + IMAGE in r.err


def test_never_and_update(data):
    r = run(data, "--pull-policy=never", "example.com/other")
    assert r.code == 254 and "START_FETCHER" not in r.types()
    url = "https://example.com/x.aci"
    launcher = Fetching(data, pages={url: [(200, 9)], url + ".asc": [(200, 9)]},
                        endpoints=[url, url + ".asc"])
    r = launcher.run("run", "--pull-policy=update", IMAGE)
    assert r.code == 0, r.err
    assert plan(launcher)[1]["image"] == world.image_id("fetched")[7:]
    # Under new, what came from that URL is used again.
    r = Fetching(data).run("run", url)
    assert r.code == 0 and "from local store for url " + url in r.err
    assert Fetching(data).run("run", "--no-store", "--store-only", IMAGE
                              ).code == 254


def test_run_by_id(data):
    world.add_image(data, "hello")
    r = run(data, world.image_id("hello")[:20])
    assert r.code == 0
    world.add_image(data, "hello2")
    both = os.path.commonprefix([world.image_id("hello"),
                                 world.image_id("hello2")])
    if len(both) >= 9:
        assert "ambiguous image ID" in run(data, both).err


def test_refused_plan(data):
    world.add_image(data, "hello")
    r = Fetching(data, handlers={"START_POD": refuse(1, "site policy says no")
                                 }).run("run", IMAGE)
    assert (r.code, r.err.splitlines()[-1]) == (
        254, "run: site policy says no")


def test_hostile_manifest_changes_nothing_else(data):
    """CVE-2026-53488 class: labels and annotations are inert."""
    m = world.manifest(annotations=[{"name": "a", "value": "binary://x %n"}],
                       app={"userLabels": {"x": "%n\n[Service]"}})
    a = app(data, m=m)
    b = dict(a)
    assert json.dumps(b, default=str).find("[Service]") < 0


def test_too_large_a_plan_is_said(data):
    m = world.manifest(app={"environment": [
        {"name": "A%d" % i, "value": "x" * 4000} for i in range(40)]})
    r = run(data, m=m)
    assert r.code == 254 and "60000 bytes together" in r.err


@pytest.mark.parametrize("flags, text", [
    (["--environment=CERT=" + "x" * 32763], 'a variable, "CERT", of 32768 bytes'),
    (["--", "-c", "x" * 32768], "an argument, number 3, of 32768 bytes"),
    (["--", *["x"] * 511], "more than 511 arguments")])
def test_what_is_too_long_is_named(data, flags, text):
    r = run(data, IMAGE, *flags)
    assert r.code == 254 and r.pod is None
    assert 'image "%s" has %s' % (IMAGE, text) in r.err, r.err


def test_words_that_are_not_utf8(data):
    r = run(data, IMAGE, "--", b"\xff\xfe")
    assert r.code == 254 and r.pod is None
    assert "an argument, a variable or a path is not UTF-8" in r.err


def test_long_words_reach_the_plan(data):
    a = app(data, IMAGE, "--environment=CERT=" + "x" * 32762, "--",
            "y" * 20000)
    assert "CERT=" + "x" * 32762 in a["env"]
    assert a["exec"][-1] == "y" * 20000


@pytest.mark.parametrize("how, what", [
    ("pipe", "a pipe"), ("socket", "a socket"), ("file", "a file"),
    ("null", None)])
def test_interactive_wants_a_terminal(data, open_path, how, what):
    """nspawn kills the pod where such an input ends."""
    one = None
    if how == "pipe":
        one, two = os.pipe()
    elif how == "socket":
        one, two = (s.detach() for s in socket.socketpair())
    else:
        (open_path / "in").write_text("x\n")
        path = "/dev/null" if how == "null" else str(open_path / "in")
        one, two = (os.open(path, os.O_RDONLY) for _ in "ab")
    world.add_image(data, "hello")
    for flags in (["--interactive", IMAGE], [IMAGE, "--stdin=interactive"]):
        r = Fetching(data).run("run", *flags, feed=one,
                               env={"RKT_EXPERIMENT_ATTACH": "1"})
        if what:
            assert r.code == 254 and "START_POD" not in r.types()
            assert "--interactive wants a terminal" in r.err
            assert "standard input is %s: take /dev/null" % what in r.err
        else:
            assert r.code == 0, r.err
    r = Fetching(data).run("run", IMAGE, feed=one)
    assert r.code == 0, r.err
    os.close(one)
    os.close(two)
