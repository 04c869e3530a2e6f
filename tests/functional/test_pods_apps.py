"""Pods of several apps, volumes, pods that wait, pod manifests: for real."""
import contextlib
import fcntl
import json
import os
import re
import socket
import subprocess

import pytest

from images import app, isolator
from test_pods import UUID

NOTIFY = [{"name": "appc.io/executor/supports-systemd-notify", "value": "true"}]


def point(name, path, **more):
    return dict({"name": name, "path": path}, **more)


def guest(host, *points, **more):
    return host.store(section=app("/bin/guest", mountPoints=list(points)),
                      **more)


def ended(host, child, timeout=60):
    code = child.wait(timeout)
    host.note_pods()
    return code, host.said(child)


def apps_of(host, uuid):
    (pod,) = [p for p in json.loads(host.rkt("list", "--format=json").ok().out)
              if p["name"] == uuid]
    return {a["name"]: a for a in pod["apps"]}


# --- several apps ---------------------------------------------------------

def test_pods_of_two_apps(host):
    image = host.store()
    r = host.rkt("run", image, "--name=a", "--", "say", "one", "---", image,
                 "--name=b", "--", "say", "two").ok()
    assert "say=one" in r.out and "say=two" in r.out
    uuid = host.pods()[0][1]
    lines = host.rkt("status", uuid).ok().out.splitlines()
    assert "app-a=0" in lines and "app-b=0" in lines
    rows = host.rkt("list", "--no-legend").ok().out.splitlines()
    assert [row.split()[0] for row in rows] == [uuid[:8], "b"]
    assert {a["state"] for a in apps_of(host, uuid).values()} == {"exited"}


def test_pods_first_failure_is_the_code(host):
    """And the others are stopped."""
    image = host.store()
    r = host.rkt("run", image, "--name=a", "--", "sleep", "600", "---", image,
                 "--name=b", "--", "sleep", "0.5", "exit", "7")
    assert r.code == 7 and r.seconds < 60, r.describe()
    assert "app-b=7" in host.rkt("status", host.pods()[0][1]).ok().out


def test_pods_each_app_has_its_own_flags(host):
    image = host.store()
    r = host.rkt("run", image, "--name=a", "--user=7", "--environment=A=1",
                 "--readonly-rootfs", "--caps-retain=CAP_KILL", "--", "facts",
                 "write", "/x", "y", "---", image, "--name=b", "--", "facts",
                 "write", "/x", "y")
    host.note_pods()
    text = r.out
    assert re.search(r"a\[\d+\]: env=A=1", text), r.describe()
    assert not re.search(r"b\[\d+\]: env=A=1", text)
    assert re.search(r"a\[\d+\]: status=CapBnd:\s*0000000000000020", text)
    assert not re.search(r"b\[\d+\]: status=CapBnd:\s*0000000000000020", text)


# --- volumes --------------------------------------------------------------

def test_pods_host_volume(host, tmp_path):
    srv = tmp_path / "srv"
    srv.mkdir()
    (srv / "in").write_text("from the host\n")
    r = host.run(guest(host), "read", "/v/in", "write", "/v/out", "x",
                 pod=["--volume=v,kind=host,source=%s" % srv],
                 app=["--mount=volume=v,target=/v"])
    assert r.code == 0, r.describe()
    assert "from the host" in r.out
    assert (srv / "out").read_text().strip() == "x"
    assert (srv / "out").stat().st_uid == 0
    uuid = host.pods()[0][1]
    assert apps_of(host, uuid)["guest"]["mounts"] == [
        {"name": "v", "container_path": "/v", "host_path": str(srv),
         "read_only": False}]


def test_pods_host_volume_of_the_pods_own_ids(host, tmp_path):
    """idmap=pod: what the host owns is no one's in there, and the pod writes
    as a range of its own."""
    srv = tmp_path / "srv"
    srv.mkdir()
    (srv / "in").write_text("x")
    srv.chmod(0o777)
    r = host.run(guest(host), "stat", "/v/in", "write", "/v/out", "x",
                 pod=["--volume=v,kind=host,source=%s,idmap=pod" % srv],
                 app=["--mount=volume=v,target=/v"])
    assert r.code == 0, r.describe()
    assert "65534:65534" in r.facts.one("stat")
    owner = (srv / "out").stat().st_uid
    base = int((host.data / "pods/run" / host.pods()[0][1] /
                "private-users-prepared").read_text().split(":")[0])
    assert owner == base >= 65536


@pytest.mark.parametrize("said,wish,may", [
    ("", True, False), (",readOnly=false", True, True),
    (",readOnly=true", False, False)])
def test_pods_read_only(host, tmp_path, said, wish, may):
    srv = tmp_path / "srv"
    srv.mkdir()
    r = host.run(guest(host, point("v", "/v", readOnly=wish)),
                 "write", "/v/out", "x",
                 pod=["--volume=v,kind=host,source=%s%s" % (srv, said)])
    host.note_pods()
    assert (srv / "out").exists() == may, r.describe()


def test_pods_share_a_volume(host):
    """One app writes, the other waits for it and reads."""
    image = guest(host, point("shared", "/s"))
    r = host.rkt("run", "--volume=shared,kind=empty,mode=0777", image,
                 "--name=a", "--", "write", "/s/x", "shared-text", "write",
                 "/s/go", "x", "---", image, "--name=b", "--", "await",
                 "/s/go", "read", "/s/x").ok()
    assert re.search(r"b\[\d+\]: .*shared-text", r.out), r.describe()


def test_pods_implicit_volume_goes_with_the_pod(host):
    r = host.run(guest(host, point("data", "/data")), "write", "/data/x", "y")
    assert r.code == 0, r.describe()
    assert 'warning: no volume specified for mount point "data"' in r.err
    host.rkt("rm", host.pods()[0][1]).ok()
    assert host.pods() == []


def test_pods_tmpfs_volume_is_bounded(host):
    acts = sum([["write", "/t/%d" % i, "x" * 4000] for i in range(4)], [])
    r = host.run(guest(host), *acts, pod=["--volume=t,kind=tmpfs,size=8Ki"],
                 app=["--mount=volume=t,target=/t"])
    assert r.code == 0, r.describe()
    said = r.facts.all("write")
    assert len(said) == 4 and said[0] == "/t/0 ok", r.describe()
    assert said[-1] == "/t/3 No space left on device"


def test_pods_volume_source_over_a_link(host, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for source in (tmp_path / "link", tmp_path / "link" / "x"):
        r = host.run(guest(host), "exit", "0",
                     pod=["--volume=v,kind=host,source=%s" % source],
                     app=["--mount=volume=v,target=/v"])
        assert r.code == 254, r.describe()
        assert str(source) in r.err or '"v"' in r.err
    assert [p for p in host.pods() if p[0] == "run"] == []


def test_pods_volume_that_is_not_there(host):
    r = host.run(guest(host), "exit", "0",
                 pod=["--volume=v,kind=host,source=/nowhere/at/all"],
                 app=["--mount=volume=v,target=/v"])
    assert r.code == 254 and "v" in r.err, r.describe()
    assert not os.path.exists("/nowhere")


# --- pods that wait -------------------------------------------------------

def test_pods_prepare_and_run(host, tmp_path):
    srv = tmp_path / "srv"
    srv.mkdir()
    image = host.store()
    r = host.rkt("prepare", "--quiet", "--volume=v,kind=host,source=%s" % srv,
                 image, "--mount=volume=v,target=/v", "--name=a",
                 "--environment=A=1", "--", "facts", "write", "/v/x", "y").ok()
    uuid = r.out.strip()
    assert re.fullmatch(UUID, uuid) and r.err == ""
    assert host.pods() == [("prepared", uuid)]
    assert host.rkt("status", uuid).ok().out.startswith("state=prepared\n")
    r = host.rkt("run-prepared", "--hostname=other", uuid[:8])
    assert r.code == 0, r.describe()
    assert "env=A=1" in r.out and (srv / "x").exists()
    assert host.pods() == [("run", uuid)]
    assert "app-a=0" in host.rkt("status", uuid).ok().out
    host.rkt("run-prepared", uuid).refused('pod "%s" is not prepared' % uuid)


def test_pods_prepared_runs_once(host):
    """Of many who run it at the same moment, one does."""
    uuid = host.rkt("prepare", host.store(), "--", "say", "once", "sleep",
                    "0.5").ok().out.strip()
    children = [host.start("run-prepared", uuid) for _ in range(6)]
    ends = [ended(host, child) for child in children]
    assert sorted(code for code, _ in ends) == [0] + [254] * 5, ends
    assert "".join(said for _, said in ends).count("say=once") == 1
    assert host.pods() == [("run", uuid)]


def test_pods_prepared_is_removed(host):
    image = host.store()
    uuid = host.rkt("prepare", image).ok().out.strip()
    host.rkt("gc").ok()
    assert host.pods() == [("prepared", uuid)]
    assert host.rkt("rm", uuid).ok().out == '"%s"\n' % uuid
    assert host.pods() == []
    uuid = host.rkt("prepare", image).ok().out.strip()
    host.rkt("gc", "--expire-prepared=0s").ok()
    assert host.pods() == [] and not list(host.data.glob("ids/*"))


def test_pods_prepared_is_judged_again(host):
    """What lost its trust in between, or what site policy took back, does not
    start."""
    image = host.store()
    uuid = host.rkt("--insecure-options=paths", "prepare", image).ok().out.strip()
    host.policy("insecure-options none\n")
    host.rkt("--insecure-options=paths", "run-prepared", uuid).refused(
        "site policy")
    host.policy("insecure-options paths\n")
    host.rkt("run-prepared", uuid).refused("say it again")
    host.trust(empty=True)
    host.rkt("--insecure-options=paths", "run-prepared", uuid).refused()
    host.trust()
    host.rkt("--insecure-options=paths", "run-prepared", uuid).ok()


# --- stop and readiness ---------------------------------------------------

def test_pods_stop(host):
    child = host.start("run", host.store(), "--", "say", "ready", "sleep",
                       "600")
    host.wait_for(child, "say=ready")
    uuid = host.pods()[0][1]
    r = host.rkt("stop", uuid[:8]).ok()
    assert r.out == '"%s"\n' % uuid
    ended(host, child)
    assert host.rkt("status", "--wait=60s", uuid).ok().out.startswith(
        "state=exited")
    r = host.rkt("stop", uuid).ok()
    assert r.out == 'pod "%s" is already stopped\n' % uuid


def test_pods_stop_by_force(host):
    child = host.start("run", host.store(), "--", "say", "ready", "sleep",
                       "600")
    host.wait_for(child, "say=ready")
    uuid = host.pods()[0][1]
    host.rkt("stop", "--force", uuid).ok()
    ended(host, child, 10)
    assert host.rkt("status", "--wait=60s", uuid).ok().out.startswith(
        "state=exited")


def test_pods_wait_ready(host):
    """An app that says READY=1 by itself, when the test likes."""
    image = host.store(section=app("/bin/guest"), annotations=NOTIFY)
    child = host.start("run", "--uuid-file-save=%s/u" % host.path, image, "--",
                       "say", "up", "await", "/go", "notify", "READY=1",
                       "sleep", "600")
    host.wait_for(child, "say=up")
    uuid = (host.path / "u").read_text()
    host.rkt("status", "--wait-ready=200ms", uuid).refused("not ready")
    host.rkt("enter", uuid, "/bin/guest", "write", "/go", "x").ok()
    assert "state=running" in host.rkt("status", "--wait-ready=60s",
                                       uuid).ok().out
    host.rkt("stop", uuid).ok()
    ended(host, child)
    host.rkt("status", "--wait-ready", uuid).refused("has ended")


# --- pod manifests --------------------------------------------------------

def manifest_file(host, *apps, **more):
    file = host.path / "pod.json"
    file.write_text(json.dumps(dict({
        "acKind": "PodManifest", "acVersion": "0.8.11", "apps": list(apps)},
        **more)))
    return "--pod-manifest=%s" % file


def test_pods_of_a_manifest(host):
    image = host.store()
    flag = manifest_file(
        host, {"name": "a", "image": {"id": image},
               "app": app("/bin/guest", "say", "from-a")},
        {"name": "b", "image": {"name": "example.test/guest"},
         "app": app("/bin/guest", "read", "/v/none", "say", "from-b"),
         "mounts": [{"volume": "v", "path": "/v"}]},
        volumes=[{"name": "v", "kind": "empty"}],
        isolators=[isolator("resource/memory", {"limit": "256M"})])
    r = host.rkt("run", flag)
    assert r.code == 0, r.describe()
    assert "say=from-a" in r.out and "say=from-b" in r.out
    said = json.loads(host.rkt("cat-manifest", host.pods()[0][1]).ok().out)
    assert [x["name"] for x in said["apps"]] == ["a", "b"]
    assert said["isolators"] == [
        isolator("resource/memory", {"limit": "256000000"})]


def test_pods_manifest_source_needs_a_root(host, tmp_path):
    srv = tmp_path / "roots" / "one"
    srv.mkdir(parents=True)
    image = host.store()
    flag = manifest_file(
        host, {"name": "a", "image": {"id": image},
               "app": app("/bin/guest", "write", "/v/x", "y"),
               "mounts": [{"volume": "v", "path": "/v"}]},
        volumes=[{"name": "v", "kind": "host", "source": str(srv)}])
    host.rkt("run", flag).refused('volume "v"', "volume-root")
    host.policy("volume-root %s\n" % (tmp_path / "root"))
    host.rkt("run", flag).refused('volume "v"', "volume-root")
    host.policy("volume-root %s\n" % (tmp_path / "roots"))
    host.rkt("run", flag).ok()
    assert (srv / "x").exists()


@pytest.mark.parametrize("limit,code", [("40Mi", 9), ("400Mi", 0)])
def test_pods_limit_of_all_apps_together(host, limit, code):
    """Neither app alone is beyond it."""
    image = host.store()
    flag = manifest_file(host, *[
        {"name": name, "image": {"id": image},
         "app": app("/bin/guest", "take", "30", "write", "/s/" + name, "x",
                    "await", "/s/" + other),
         "mounts": [{"volume": "s", "path": "/s"}]}
        for name, other in ("ab", "ba")],
        volumes=[{"name": "s", "kind": "empty", "mode": "0777"}],
        isolators=[isolator("resource/memory", {"limit": limit})])
    r = host.rkt("run", flag)
    assert r.code == code, r.describe()


# --- events ---------------------------------------------------------------

def test_pods_event_handlers(host):
    """pre-start before the app, post-stop behind it, as the app."""
    image = host.store(section=app(
        "/bin/guest", "read", "/tmp/pre", mountPoints=[point("e", "/e")],
        eventHandlers=[
            {"name": "pre-start", "exec": ["/bin/guest", "write", "/tmp/pre",
                                           "pre-was-here"]},
            {"name": "post-stop", "exec": ["/bin/guest", "say",
                                           "post-was-here", "facts"]}]))
    r = host.rkt("run", image, "--caps-retain=CAP_KILL").ok()
    assert "pre-was-here" in r.out and "say=post-was-here" in r.out
    assert re.search(r"status=CapBnd:\s*0000000000000020", r.out), r.describe()


# --- sockets --------------------------------------------------------------

def test_pods_port_of_what_is_not_activated(host):
    image = host.store(section=app("/bin/guest", ports=[
        {"name": "p", "protocol": "tcp", "port": 80}]))
    host.rkt("run", "--port=p:8080", image).refused(
        'port "p"', "socketActivated")


def start_with(host, doors, *args):
    """Starts rkt as systemd starts a service that has sockets."""
    fds = [fcntl.fcntl(d.fileno(), fcntl.F_DUPFD, 50) for d in doors]
    moves = " ".join("%d<&%d" % (3 + i, fd) for i, fd in enumerate(fds))
    child = subprocess.Popen(
        ["bash", "-c", "exec %s; LISTEN_PID=$$ LISTEN_FDS=%d exec \"$@\"" % (
            moves, len(fds)), "rkt", *host.argv(*args)], pass_fds=fds,
        stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd="/",
        stdout=(log := open(host.path / ("out%d" % len(host.children)), "w+b")))
    child.log = log
    host.children.append(child)
    for fd in fds:
        os.close(fd)
    return child


def test_pods_sockets_go_to_the_ports_that_claim_them(host):
    """Two sockets of systemd's, two apps, --port by the host's port."""
    section = app("/bin/guest", ports=[
        {"name": "p", "protocol": "tcp", "port": 7001,
         "socketActivated": True}])
    first = host.store(section=section, name="example.test/one")
    second = host.store(section=dict(section, ports=[
        {"name": "q", "protocol": "tcp", "port": 7002,
         "socketActivated": True}]), name="example.test/two")
    with contextlib.ExitStack() as stack:
        doors = [stack.enter_context(socket.create_server(
            ("127.0.0.1", port))) for port in (8001, 7002)]
        child = start_with(
            host, doors, "run", "--net=host", "--port=p:8001", first, "--", "serve", "1",
            "---", second, "--", "serve", "1")
        for port in (8001, 7002):
            with socket.create_connection(("127.0.0.1", port), 20) as c:
                c.settimeout(60)
                assert c.recv(100) == b"hello from the pod\n"
        code, said = ended(host, child)
    assert code == 0, said
    assert re.search(r"one\[\d+\]: serve=1 of p", said), said
    assert re.search(r"two\[\d+\]: serve=1 of q", said), said


def test_pods_socket_that_no_port_claims(host):
    image = host.store()
    with socket.create_server(("127.0.0.1", 8003)) as door:
        child = start_with(host, [door], "run", image, "--", "exit", "0")
        code, said = ended(host, child)
    assert code == 254 and "8003" in said, said


# --- names ----------------------------------------------------------------

def test_pods_names(host):
    r = host.run(host.store(), "read", "/etc/resolv.conf", "read", "/etc/hosts",
                 pod=["--dns=192.0.2.1", "--dns-search=a.example",
                      "--hosts-entry=192.0.2.7=db", "--hostname=me"])
    assert r.code == 0, r.describe()
    for text in ("nameserver 192.0.2.1", "search a.example", "192.0.2.7 db",
                 "127.0.0.1 localhost localhost.domain localhost4 "
                 "localhost4.localdomain4 me"):
        assert text in r.out, r.describe()


# --- the store ------------------------------------------------------------

def test_pods_that_wait_keep_their_image(host):
    image = host.store()
    uuid = host.rkt("prepare", image, "--", "exit", "4").ok().out.strip()
    host.rkt("image", "gc", "--grace-period=0s")
    host.rkt("image", "rm", image).refused("used by")
    assert host.images() == [image]
    assert host.rkt("run-prepared", uuid).code == 4
