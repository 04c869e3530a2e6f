"""The life of pods: list, status, cat-manifest, rm, gc."""
import json
import re

from images import app

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})? [+-]\d{4} [A-Z]+"


def run_one(host):
    image = host.store()
    host.run(image, "exit", "3")
    return host.pods()[0][1]


def start_one(host):
    child = host.start("run", host.store(), "--", "say", "ready", "sleep", "600")
    host.wait_for(child, "say=ready")
    return child, host.pods()[0][1]


def test_list(host):
    uuid = run_one(host)
    r = host.rkt("list").ok()
    lines = r.out.splitlines()
    assert lines[0].split() == ["UUID", "APP", "IMAGE", "NAME", "STATE",
                                "CREATED", "STARTED", "NETWORKS"]
    assert re.match(r"%s\s+guest\s+example.test/guest:1.0\s+exited\s" %
                    uuid[:8], lines[1])
    assert len(lines) == 2
    r = host.rkt("list", "--no-legend").ok()
    assert r.out.splitlines() == lines[1:]


def test_list_full(host):
    uuid = run_one(host)
    r = host.rkt("list", "--full").ok()
    assert "IMAGE ID" in r.out.splitlines()[0]
    line = r.out.splitlines()[1]
    assert re.match(UUID, line).group() == uuid
    assert host.images()[0][:19] in line
    assert re.search(TIME, line)


def test_list_json(host):
    uuid = run_one(host)
    pods = json.loads(host.rkt("list", "--format=json").ok().out)
    assert len(pods) == 1
    pod = pods[0]
    assert pod["name"] == uuid and pod["state"] == "exited"
    assert pod["app_names"] == ["guest"]
    one = pod["apps"][0]
    assert one["name"] == "guest" and one["image_id"] == host.images()[0]
    assert one["state"] == "exited" and one["exit_code"] == 3
    assert 10 ** 9 < pod["created_at"] < 10 ** 10
    assert one["created_at"] > 10 ** 18
    pretty = host.rkt("list", "--format=json-pretty").ok().out
    assert json.loads(pretty) == pods and "\n\t" in pretty


def test_list_of_nothing(host):
    assert host.rkt("list", "--no-legend").ok().out == ""
    assert json.loads(host.rkt("list", "--format=json").ok().out) in ([], None)


def test_status_of_a_running_pod(host):
    child, uuid = start_one(host)
    r = host.rkt("status", uuid).ok()
    lines = r.out.splitlines()
    assert lines[0] == "state=running"
    assert "pid=%d" % child.pid in lines and "exited=false" in lines
    assert any(re.fullmatch("created=" + TIME, x) for x in lines)
    assert any(re.fullmatch("started=" + TIME, x) for x in lines)
    assert json.loads(host.rkt("status", "--format=json", uuid).ok().out)[
        "state"] == "running"
    host.rkt("rm", uuid).refused("is currently running")
    host.rkt("gc", "--grace-period=0s").ok()
    assert ("run", uuid) in host.pods()
    child.terminate()
    child.wait(60)


def test_status_by_prefix(host):
    uuid = run_one(host)
    r = host.rkt("status", uuid[:4]).ok()
    assert "state=exited" in r.out and "app-guest=3" in r.out.splitlines()
    assert "exited=true" in r.out.splitlines()
    for bad in ("", "zz", "../run", uuid + "0", "ffffffff"):
        host.rkt("status", bad).refused()


def test_status_wait(host):
    """Until the pod has ended, or time is up."""
    child = host.start("run", host.store(), "--", "say", "ready", "sleep", "2",
                       "exit", "5")
    host.wait_for(child, "say=ready")
    uuid = host.pods()[0][1]
    host.rkt("status", "--wait=100ms", uuid)
    r = host.rkt("status", "--wait", uuid).ok()
    assert "state=exited" in r.out and "app-guest=5" in r.out


def test_cat_manifest(host):
    uuid = run_one(host)
    text = host.rkt("cat-manifest", uuid).ok().out
    m = json.loads(text)
    assert m["acKind"] == "PodManifest" and "\n\t" in text
    assert m["apps"][0]["name"] == "guest"
    assert m["apps"][0]["image"]["id"] == host.images()[0]
    assert m["apps"][0]["app"]["exec"] == ["/bin/guest", "exit", "3"]
    r = host.rkt("cat-manifest", "--pretty-print=false", uuid[:6]).ok()
    assert json.loads(r.out) == m and len(r.out.splitlines()) == 1


def test_rm(host):
    uuid = run_one(host)
    assert list(host.data.glob("ids/*"))
    r = host.rkt("rm", uuid).ok()
    assert r.out == '"%s"\n' % uuid
    assert host.pods() == [] and not list(host.data.glob("ids/*"))


def test_rm_of_what_is_not_there(host):
    uuid = run_one(host)
    r = host.rkt("rm", "ffffffff", uuid)
    assert r.code == 254
    assert "failed to remove one or more pods" in r.err
    assert '"%s"' % uuid in r.out and host.pods() == []


def test_gc_grace(host):
    """First marked, then, when the time is over, deleted."""
    uuid = run_one(host)
    r = host.rkt("gc", "--mark-only").ok()
    assert host.pods() == [("exited-garbage", uuid)]
    r = host.rkt("gc").ok()
    assert 'pod "%s" not removed: still within grace period (30m0s)' % uuid \
        in r.err
    assert "state=exited garbage" in host.rkt("status", uuid).ok().out
    r = host.rkt("gc", "--grace-period=0s").ok()
    assert r.out == 'Garbage collecting pod "%s"\n' % uuid
    assert host.pods() == [] and not list(host.data.glob("ids/*"))


def test_gc_of_many(host):
    image = host.store()
    for _ in range(3):
        host.run(image, "exit", "0").ok()
    r = host.rkt("gc", "--grace-period=0s").ok()
    assert r.out.count("Garbage collecting pod") == 3 and host.pods() == []


def test_rm_image_in_use(host):
    """A pod that runs keeps what it runs from."""
    child, _ = start_one(host)
    image = host.images()[0]
    r = host.rkt("image", "rm", image)
    if r.code == 0:  # the pod must not mind
        assert child.poll() is None
    else:
        r.refused("used by")
        assert host.images() == [image]
    child.terminate()
    child.wait(60)


def test_pod_writes_a_hostile_status(host):
    """The files that a pod writes about itself are looked at with care."""
    uuid = run_one(host)
    at = host.data / "pods/run" / uuid / "overlay/stage1/upper/rkt/status"
    file = at / "guest"
    assert file.read_text() == "3\n"
    for text in ("", "x", "3\n4\n", "99999999999", "-1", "3\0", "A" * 100000):
        file.write_text(text)
        r = host.rkt("status", uuid).ok()
        assert "app-guest" not in r.out or "app-guest=" in r.out
        assert len(r.out) < 1000
    file.unlink()
    file.symlink_to("/etc/shadow")
    assert "root" not in host.rkt("status", uuid).ok().out
    file.unlink()
    file.mkdir()
    host.rkt("status", uuid).ok()
    json.loads(host.rkt("list", "--format=json").ok().out)


def test_pod_gone_mad_is_collected(host):
    """A deep, odd tree that an app left does not stop gc."""
    image = host.store(section=app("/bin/guest"))
    host.run(image, "write", "/a\nb", "x", "write", "/-rf", "x").ok()
    uuid = host.pods()[0][1]
    top = host.data / "pods/run" / uuid / "overlay/app-guest/upper"
    deep = top
    for _ in range(300):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (top / "link").symlink_to("/etc")
    host.rkt("gc", "--grace-period=0s").ok()
    assert host.pods() == []


def test_version_and_help(host):
    r = host.rkt("version").ok()
    assert re.match(r"rkt Version: \d", r.out)
    assert "appc Version: 0.8.11" in r.out
    assert "run" in host.rkt("help").ok().out
    for command in ("run", "fetch", "trust", "list", "image list", "gc"):
        r = host.rkt(*command.split(), "--help").ok()
        assert command in r.out and r.err == ""
    assert host.rkt("vers").ok().out == host.rkt("version").ok().out
    r = host.bare(str(host.argv()[0]))
    assert r.code == 2 and r.err.startswith("missing command")


def test_debug_shows_the_processes(host):
    r = host.rkt("--debug", "fetch", host.write(b"x", b"y"))
    assert r.code == 254
    r = host.rkt("--debug", "run", host.store()).ok()
    for word in ("conductor", "verify", "unpack"):
        assert word in host.rkt("--debug", "fetch",
                                host.path / "image.aci").err, word
