"""Pods of several apps, their volumes, ports and names: what plan comes of
which flags and which manifests."""
import json

import pytest

import world
from fakefetcher import Fetching, plan, volumes

RO, UDP = 1, 0x10000
HOST, EMPTY, TMPFS = 1, 2, 3
IMAGE = "example.com/hello"
WARNING = ('run: warning: no volume specified for mount point "%s", '
           'implicitly creating an "empty" volume. This volume will be removed '
           'when the pod is garbage-collected.\n')


def points(*rows):
    return {"mountPoints": [dict(zip(("name", "path", "readOnly"), row))
                            for row in rows]}


def ports(*rows):
    return {"ports": [dict(zip(("name", "protocol", "port",
                                "socketActivated", "count"), row))
                      for row in rows]}


def run(data, *argv, app=None, command="run", **how):
    world.add_image(data, "hello", world.manifest(app=app or {}))
    r = Fetching(data, **how).run(command, *(argv or (IMAGE,)))
    r.pod = r.apps = r.volumes = None
    if r.launcher.plan:
        r.pod, *r.apps = plan(r.launcher)
        r.volumes = volumes(r.launcher)
        r.manifest = json.loads(r.pod["manifest"])
    return r


def mounts(app):
    assert len(app["mount_volume"]) == len(app["mount_target"])
    return list(zip(app["mount_volume"], app["mount_target"],
                    app["mount_flags"]))


def refused(data, text, *argv, **how):
    r = run(data, *argv, **how)
    assert r.code == 254 and r.pod is None, r.err
    assert text in r.err, r.err


# --- volumes --------------------------------------------------------------

def test_volumes_reach_the_plan(data):
    r = run(data, "--volume=h,kind=host,source=/srv//x/,readOnly=true,"
            "recursive=false", "--volume", "e,kind=empty,mode=0700,uid=1,gid=2",
            "--volume=t,kind=tmpfs,size=64Mi",
            "--volume=p,kind=host,source=/p,idmap=pod",
            "--mount=volume=t,target=/t/", IMAGE,
            "--mount", "volume=h,target=/h",
            "--mount=target=/e,volume=e")
    assert r.code == 0, r.err
    no = {"mode": 0, "uid": 0, "gid": 0, "size": 0}
    assert r.volumes == {
        "h": dict(no, kind=HOST, source="/srv/x", readonly=1, recursive=0,
                  idmap=0),
        "p": dict(no, kind=HOST, source="/p", readonly=0, recursive=1, idmap=1),
        "e": dict(kind=EMPTY, source="", readonly=0, recursive=0, idmap=0,
                  mode=0o700, uid=1, gid=2, size=0),
        "t": dict(kind=TMPFS, source="", readonly=0, recursive=0, idmap=0,
                  mode=0o755, uid=0, gid=0, size=64 << 20)}
    assert mounts(r.apps[0]) == [("e", "/e", 0), ("h", "/h", RO), ("t", "/t", 0)]
    said = {v["name"]: v for v in r.manifest["volumes"]}
    assert said["h"] == {"name": "h", "kind": "host", "source": "/srv/x",
                         "readOnly": True, "recursive": False}
    assert said["e"] == {"name": "e", "kind": "empty", "mode": "0700",
                         "uid": 1, "gid": 2}
    assert said["t"]["size"] == 64 << 20 and said["p"]["idmap"] == "pod"
    assert r.manifest["apps"][0]["mounts"] == [
        {"volume": "e", "path": "/e"}, {"volume": "h", "path": "/h"},
        {"volume": "t", "path": "/t"}]


def test_mount_point_without_a_volume_gets_an_empty_one(data):
    r = run(data, app=points(("data", "/data"), ("log", "/log", True)))
    assert r.code == 0
    assert WARNING % "data" in r.err and WARNING % "log" in r.err
    assert set(r.volumes) == {"hello-data", "hello-log"}
    assert r.volumes["hello-data"] == {
        "kind": EMPTY, "source": "", "readonly": 0, "recursive": 0, "idmap": 0,
        "mode": 0o755, "uid": 0, "gid": 0, "size": 0}
    assert mounts(r.apps[0]) == [("hello-data", "/data", 0),
                                 ("hello-log", "/log", RO)]


def test_mount_point_finds_the_volume_of_its_name(data):
    r = run(data, "--volume=data,kind=host,source=/srv", IMAGE,
            app=points(("data", "/data")))
    assert mounts(r.apps[0]) == [("data", "/data", 0)]
    assert set(r.volumes) == {"data"} and "warning" not in r.err


def test_volume_that_no_app_mounts_is_said(data):
    r = run(data, "--volume=date,kind=host,source=/srv", IMAGE,
            app=points(("data", "/data")))
    assert r.code == 0
    assert 'run: warning: no app mounts volume "date"\n' in r.err
    assert "hello-data" in r.volumes and "date" in r.volumes


# volume's readOnly, mount point's, what comes of it
@pytest.mark.parametrize("said,wish,is_ro", [
    ("", False, 0), ("", True, RO), (",readOnly=true", False, RO),
    (",readOnly=true", True, RO), (",readOnly=false", False, 0),
    (",readOnly=false", True, 0)])
def test_read_only(data, said, wish, is_ro):
    r = run(data, "--volume=v,kind=host,source=/srv" + said, IMAGE,
            app=points(("v", "/data", wish)))
    assert mounts(r.apps[0]) == [("v", "/data", is_ro)], r.err


@pytest.mark.parametrize("how", ["pod", "app"])
def test_an_explicit_mount_keeps_the_wish_of_its_path(data, how):
    """rkt looked for the mount point of the volume's name alone."""
    mount = "--mount=volume=other,target=/data"
    argv = ["--volume=other,kind=host,source=/srv"]
    argv += [mount, IMAGE] if how == "pod" else [IMAGE, mount]
    r = run(data, *argv, app=points(("v", "/data", True)))
    assert mounts(r.apps[0]) == [("other", "/data", RO)]
    assert set(r.volumes) == {"other"}


def test_mount_of_the_app_wins_over_the_pods(data):
    r = run(data, "--volume=a,kind=empty", "--volume=b,kind=empty",
            "--mount=volume=a,target=/x", "--mount=volume=a,target=/y", IMAGE,
            "--mount=volume=b,target=//x/", IMAGE, "--name=two")
    assert mounts(r.apps[0]) == [("b", "/x", 0), ("a", "/y", 0)]
    assert mounts(r.apps[1]) == [("a", "/x", 0), ("a", "/y", 0)]


def test_apps_share_a_volume_and_not_what_was_made_for_one(data):
    r = run(data, "--volume=shared,kind=empty", IMAGE, "--name=a", IMAGE,
            "--name=b", app=points(("shared", "/s"), ("own", "/o")))
    assert mounts(r.apps[0]) == [("a-own", "/o", 0), ("shared", "/s", 0)]
    assert mounts(r.apps[1]) == [("b-own", "/o", 0), ("shared", "/s", 0)]


def test_hostile_mount_point_does_not_reach_anothers_volume(data):
    """app "a" with point "b-c", app "a-b" with point "c", and a volume of the
    operator's that is called as one of them would be."""
    world.add_image(data, "one", world.manifest(
        name="example.com/one", app=points(("b-c", "/x"))))
    world.add_image(data, "two", world.manifest(
        name="example.com/two", app=points(("c", "/x"))))
    r = Fetching(data).run(
        "run", "--volume=a-b-c,kind=host,source=/etc", "example.com/one",
        "--name=a", "example.com/two", "--name=a-b")
    assert r.code == 0, r.err
    _, *apps = plan(r.launcher)
    assert [a["mount_volume"] for a in apps] == [["a-b-c-1"], ["a-b-c-2"]]
    assert volumes(r.launcher)["a-b-c"]["kind"] == HOST


@pytest.mark.parametrize("argv,app,text", [
    (["--volume=a,kind=empty", "--volume=a,kind=tmpfs", IMAGE], None,
     'volume "a" is given twice'),
    ([IMAGE, "--mount=volume=x,target=/x"], None,
     'could not find volume "x" (--volume)'),
    (["--mount=volume=x,target=/x", IMAGE], None, 'could not find volume "x"'),
    (["--volume=x,kind=empty", IMAGE, "--mount=volume=x,target=/"], None,
     "mounts a volume on /"),
    (["--volume=x,kind=empty", IMAGE, "--mount=volume=x,target=/proc/1"], None,
     "/proc is the pod's own"),
    ([IMAGE], points(("x", "/sys/fs")), "/sys is the pod's own"),
    ([IMAGE], points(("x", "/")), "mounts a volume on /"),
    (["--volume=x,kind=host,source=/srv", IMAGE,
      "--mount=volume=x,target=/a"], points(("y", "/a/b")),
     'mounts "/a/b" inside of "/a", which is a volume of the host'),
    ([IMAGE], points(*[("p%d" % i, "/p%d" % i) for i in range(33)]),
     "more than 32 mounts")])
def test_mounts_that_are_refused(data, argv, app, text):
    refused(data, text, *argv, app=app)


def test_what_lies_above_is_mounted_first(data):
    r = run(data, "--volume=e,kind=empty", IMAGE, "--mount=volume=e,target=/a/b",
            app=points(("x", "/a/b/c"), ("y", "/a"), ("z", "/a-b")))
    assert [m[1] for m in mounts(r.apps[0])] == ["/a", "/a-b", "/a/b", "/a/b/c"]


# --- ports ----------------------------------------------------------------

def test_sockets(data):
    app = ports(("http", "tcp", 80, True), ("dns", "udp", 53, True),
                ("many", "tcp", 7000, True, 2), ("plain", "tcp", 22))
    r = run(data, "--port=http:8080", "--port=many:9000", IMAGE, app=app)
    assert r.code == 0, r.err
    a = r.apps[0]
    assert list(zip(a["socket_names"], a["socket_ports"])) == [
        ("http", 8080), ("dns", 53 | UDP), ("many", 9000), ("many", 9001)]
    assert r.manifest["ports"] == [{"name": "http", "hostPort": 8080},
                                   {"name": "many", "hostPort": 9000}]


@pytest.mark.parametrize("argv,app,text", [
    (["--port=a:80", IMAGE], ports(("a", "tcp", 80)),
     "without a network (--net=none), and the image does not say that the "
     "port is socketActivated"),
    (["--net=host", "--port=a:81", IMAGE], ports(("a", "tcp", 80)),
     "with --net=host nothing is forwarded, the app listens on port 80"),
    (["--port=a:127.0.0.1:80", IMAGE], ports(("a", "tcp", 80, True)),
     'leave out "127.0.0.1"'),
    (["--port=b:80", IMAGE], ports(("a", "tcp", 80, True)),
     'no app has a port "b"'),
    (["--port=a:65535", IMAGE], ports(("a", "tcp", 1, True, 2)), "beyond 65535"),
    (["--port=b:80", IMAGE],
     ports(("a", "tcp", 80, True), ("b", "tcp", 81, True)),
     'port "b": port 80 of the host is "a" already'),
    ([IMAGE], ports(("a", "sctp", 80, True)), "neither tcp nor udp"),
    ([IMAGE], ports(("a", "tcp", 80, True, 17)), "more than 16 sockets"),
    (["--port=a:1", IMAGE, IMAGE, "--name=b"], ports(("a", "tcp", 80, True)),
     'port "a" is a port of another app, too'),
    ([IMAGE, IMAGE, "--name=b"], ports(("a", "tcp", 80, True)),
     'port 80 of the host is port "a" of app "hello" and port "a" of app "b"')])
def test_ports_that_are_refused(data, argv, app, text):
    refused(data, text, *argv, app=app)


# --- names ----------------------------------------------------------------

def test_resolv_conf(data):
    r = run(data, "--dns=8.8.8.8", "--dns=::1", "--dns-search=a.example",
            "--dns-search=b.example", "--dns-opt=ndots:2", "--dns-opt=debug",
            "--dns-domain=c.example", IMAGE)
    assert r.code == 0, r.err
    assert r.pod["resolv_conf"].decode() == (
        "# Generated by rkt run\n\nsearch a.example b.example\n"
        "nameserver 8.8.8.8\nnameserver ::1\noptions ndots:2 debug\n"
        "domain c.example\n")
    assert r.pod["hosts"] == b""


def test_the_hosts_own_files(data):
    r = run(data, "--dns=host", "--hosts-entry=host", IMAGE)
    assert r.code == 0, r.err
    assert r.pod["resolv_conf"] == open("/etc/resolv.conf", "rb").read()
    assert r.pod["hosts"] == open("/etc/hosts", "rb").read()
    world_again = Fetching(data)
    world_again.run("run", "--dns=none", IMAGE)
    assert plan(world_again)[0]["resolv_conf"] == b""


def test_hosts(data):
    r = run(data, "--hostname=me", "--hosts-entry=10.0.0.1=db,10.0.0.1=db2",
            "--hosts-entry=fe80::1=six", IMAGE)
    assert r.code == 0, r.err
    assert r.pod["hosts"].decode() == (
        "# Generated by rkt run\n"
        "127.0.0.1 localhost localhost.domain localhost4 "
        "localhost4.localdomain4 me\n"
        "::1 ip6-localhost ip6-loopback localhost6 localhost6.localdomain6\n"
        "fe00::0 ip6-localnet\nff00::0 ip6-mcastprefix\n"
        "ff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n"
        "ff02::3 ip6-allhosts\n"
        "10.0.0.1 db\n10.0.0.1 db2\nfe80::1 six\n")


@pytest.mark.parametrize("flags,text", [
    (["--dns=ns.example"], "is not an IP address, host or none"),
    (["--dns=1.2.3.4\nx"], "is not an IP address"),
    (["--dns=host", "--dns=1.2.3.4"], "--dns=host does not go with other"),
    (["--dns=none", "--dns-search=a"], "--dns=none does not go with other"),
    (["--dns-search=a b"], "is not a domain"),
    (["--dns-opt=a\nnameserver 6.6.6.6"], "is not an option"),
    (["--dns-domain="], "is not a domain"),
    (["--dns-search=" + "a" * 4096], "more than 4096 bytes"),
    (["--hosts-entry=db"], "is not IP=HOST, or host"),
    (["--hosts-entry=1.2.3=db"], "is not IP=HOST, or host"),
    (["--hosts-entry=1.2.3.4=a b"], "is not IP=HOST, or host"),
    (["--hosts-entry=1.2.3.4="], "is not IP=HOST, or host"),
    (["--hosts-entry=host,1.2.3.4=a"], "does not go with others")])
def test_names_that_are_refused(data, flags, text):
    refused(data, text, *flags, IMAGE)


def test_no_warning_where_all_is_well(data):
    r = run(data, "--volume=v,kind=empty", IMAGE, "--mount=volume=v,target=/v")
    assert r.code == 0 and "warning" not in r.err


def test_ipc_and_switches_that_can_be_off(data):
    for flags in (["--ipc=auto"], ["--ipc=private"], ["--no-overlay=false"],
                  ["--mds-register=false"]):
        r = Fetching(data).run("run", *flags, "--help")
        assert r.code == 0, r.err


# --- events and readiness -------------------------------------------------

def test_event_handlers_and_notify(data):
    world.add_image(data, "hello", world.manifest(
        annotations=[{"name": "appc.io/executor/supports-systemd-notify",
                      "value": "true"}],
        app={"eventHandlers": [{"name": "pre-start", "exec": ["/b", "x"]},
                               {"name": "post-stop", "exec": ["/a"]}]}))
    launcher = Fetching(data)
    assert launcher.run("run", IMAGE).code == 0
    _, a = plan(launcher)
    assert (a["pre_start"], a["post_stop"]) == (["/b", "x"], ["/a"])
    assert a["notify"] == 1
    (said,) = json.loads(plan(launcher)[0]["manifest"])["apps"]
    assert said["app"]["eventHandlers"][0] == {"name": "pre-start",
                                               "exec": ["/b", "x"]}


def test_hostile_event_handler_is_bounded(data):
    refused(data, "of more than 64 words", app={"eventHandlers": [
        {"name": "pre-start", "exec": ["x"] * 65}]})


# --- several apps ---------------------------------------------------------

def test_each_app_has_its_own_flags(data):
    r = run(data, IMAGE, "--name=a", "--memory=1Mi", "--", "--x", "---", IMAGE,
            "--name=b", "--cpu=2", "--user=7", "---", IMAGE, "--name=c")
    assert r.code == 0, r.err
    assert r.pod["apps"] == 3
    assert [(a["name"], a["memory"], a["cpu_milli"], a["user"], a["exec"][1:])
            for a in r.apps] == [
        ("a", 1 << 20, 0, "0", ["world", "--x"]), ("b", 0, 2000, "7", ["world"]),
        ("c", 0, 0, "0", ["world"])]
    assert [a["name"] for a in r.manifest["apps"]] == ["a", "b", "c"]


def test_too_many_apps(data):
    world.add_image(data, "hello")
    many = sum([[IMAGE, "--name=a%d" % i] for i in range(33)], [])
    r = Fetching(data).run("run", *many)
    assert r.code == 254 and "a pod has at most 32 apps" in r.err
    launcher = Fetching(data)
    r = launcher.run("run", *many[:-2])
    assert r.code == 0, r.err
    assert plan(launcher)[0]["apps"] == 32
