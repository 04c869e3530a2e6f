"""rkt run --pod-manifest: a file of the operator's, and the images that it
names."""
import json

import pytest

import world
from fakefetcher import Fetching, plan, volumes
from fakelauncher import CAPS_DEFAULT

SYS_ADMIN, KILL = 1 << 21, 1 << 5
OWN = {"exec": ["/own"], "user": "7", "group": "8"}


def pod(*apps, **more):
    return dict({"acKind": "PodManifest", "acVersion": "0.8.11",
                 "apps": list(apps)}, **more)


def app(name="a", image="hello", **more):
    return dict({"name": name, "image": {"id": world.image_id(image)}}, **more)


def by_name(name="a", image="example.com/hello", **more):
    return dict({"name": name, "image": dict({"name": image}, **more)})


def run(data, open_path, manifest, *flags, m=None, launcher=None, **how):
    if m is not False and not (data / "image").exists():
        world.add_image(data, "hello", m)
    file = open_path / "pod.json"
    file.write_text(manifest if isinstance(manifest, str)
                    else json.dumps(manifest))
    launcher = launcher or Fetching(data, **how)
    r = launcher.run("run", *flags, "--pod-manifest=%s" % file)
    r.pod, *r.apps = plan(launcher) if launcher.plan else [None]
    r.volumes = volumes(launcher) if launcher.plan else None
    return r


def isolators(*rows):
    return {"isolators": [{"name": n, "value": v} for n, v in rows]}


def test_sections_of_images_and_of_the_manifest(data, open_path):
    m = world.manifest(app={"environment": [{"name": "A", "value": "image"}]})
    r = run(data, open_path, pod(app("a"), app("b", app=OWN,
                                               readOnlyRootFS=True)), m=m)
    assert r.code == 0, r.err
    a, b = r.apps
    assert (a["name"], a["exec"], a["user"]) == ("a", ["/bin/hello", "world"],
                                                 "0")
    assert "A=image" in a["env"] and a["readonly_rootfs"] == 0
    # The whole section stands for the image's: nothing is merged.
    assert (b["name"], b["exec"], b["user"], b["group"]) == (
        "b", ["/own"], "7", "8")
    assert not [e for e in b["env"] if e.startswith("A=")]
    assert b["readonly_rootfs"] == 1 and b["image"] == a["image"]
    said = json.loads(r.pod["manifest"])
    assert [x["image"]["id"] for x in said["apps"]] == [
        world.image_id("hello")] * 2
    assert said["apps"][1]["app"]["exec"] == ["/own"]
    assert r.types() == ["HELLO", "GET_FILE", "START_POD"]


def test_what_is_of_the_pod(data, open_path):
    r = run(data, open_path, pod(
        app(mounts=[{"volume": "v", "path": "/v"},
                    {"volume": "t", "path": "//t/"}]),
        volumes=[{"name": "v", "kind": "host", "source": "/srv",
                  "readOnly": True, "recursive": False},
                 {"name": "t", "kind": "tmpfs", "size": 1 << 20, "uid": 3}],
        annotations=[{"name": "x", "value": "y"},
                     {"name": "coreos.com/rkt/stage1/mutable",
                      "value": "true"}],
        userLabels={"k": "v"}, userAnnotations={"m": "n"},
        **isolators(("resource/memory", {"limit": "1G"}),
                    ("resource/cpu", {"limit": "1500m"}),
                    ("resource/block-iops", {"default": True, "limit": "9"}),
                    ("resource/block-bandwidth", {"default": True,
                                                  "limit": "2M"}),
                    ("os/unix/sysctl", {"net/ipv4/ip_forward": "1"}),
                    ("os/linux/cpu-shares", 7))))
    assert r.code == 0, r.err
    assert (r.pod["block_bandwidth"], r.pod["block_iops"]) == (2 * 10 ** 6, 9)
    assert r.pod["sysctls"] == ["net.ipv4.ip_forward=1"]
    assert (r.pod["memory"], r.pod["cpu_milli"], r.pod["cpu_shares"]) == (
        10 ** 9, 1500, 7)
    assert r.volumes["v"]["source"] == "/srv" and r.volumes["v"]["readonly"]
    assert r.volumes["v"]["recursive"] == 0
    assert (r.volumes["t"]["size"], r.volumes["t"]["uid"]) == (1 << 20, 3)
    assert r.apps[0]["mount_volume"] == ["t", "v"]
    assert r.apps[0]["mount_flags"] == [0, 1]
    said = json.loads(r.pod["manifest"])
    assert said["annotations"] == [
        {"name": "coreos.com/rkt/stage1/mutable", "value": "false"},
        {"name": "x", "value": "y"}]
    assert said["userLabels"] == {"k": "v"}
    assert {"name": "resource/memory", "value": {
        "limit": "1000000000"}} in said["isolators"]
    assert {"name": "resource/block-iops", "value": {
        "default": True, "limit": "9"}} in said["isolators"]
    assert {"name": "os/unix/sysctl", "value": {
        "net.ipv4.ip_forward": "1"}} in said["isolators"]


def test_what_was_written_makes_the_same_pod(data, open_path):
    """cat-manifest of a pod, fed to --pod-manifest, says the same."""
    m = world.manifest(app={
        "mountPoints": [{"name": "d", "path": "/d", "readOnly": True}],
        "ports": [{"name": "h", "protocol": "tcp", "port": 80,
                   "socketActivated": True}],
        "eventHandlers": [{"name": "pre-start", "exec": ["/p"]}],
        "isolators": [{"name": "os/linux/no-new-privileges", "value": True},
                      {"name": "resource/memory",
                       "value": {"limit": "2M"}}]})
    world.add_image(data, "hello", m)
    launcher = Fetching(data)
    r = launcher.run(
        "run", "--volume=h,kind=host,source=/srv", "--volume=t,kind=tmpfs",
        "--mount=volume=t,target=/t", "--port=h:8080", "--set-env=A=1",
        "example.com/hello", "--name=one", "--readonly-rootfs", "--", "arg",
        "---", "example.com/hello", "--exec=/x", "--mount=volume=h,target=/h",
        "--name=two", "--user=5", "--annotation=k=v")
    assert r.code == 254 and 'port "h" is a port of another app' in r.err
    argv = ["run", "--volume=h,kind=host,source=/srv", "--volume=t,kind=tmpfs",
            "--mount=volume=t,target=/t", "--port=h:8080", "--set-env=A=1",
            "example.com/hello", "--name=one", "--readonly-rootfs",
            "--mount=volume=h,target=/h", "--annotation=k=v", "--", "arg"]
    r = launcher.run(*argv)
    assert r.code == 0, r.err
    first, *apps = plan(launcher)
    before = volumes(launcher)
    again = run(data, open_path, first["manifest"].decode())
    assert again.code == 0, again.err
    assert again.apps == apps and again.volumes == before
    assert json.loads(again.pod["manifest"]) == json.loads(first["manifest"])


# --- images ---------------------------------------------------------------

def test_images_by_name(data, open_path):
    r = run(data, open_path, pod(by_name(labels=[
        {"name": "version", "value": "1.0"}, {"name": "os", "value": "linux"}])))
    assert r.code == 0, r.err
    assert r.apps[0]["image"] == world.image_id("hello")[7:]
    assert "from local store for image name example.com/hello:1.0,os=linux" \
        in r.err
    r = run(data, open_path, pod(by_name(labels=[
        {"name": "version", "value": "2.0"}])))
    assert r.code == 254 and "START_FETCHER" in r.types()


def test_images_by_name_are_fetched(data, open_path):
    url = "https://example.com/x.aci"
    launcher = Fetching(data, pages={url: [(200, 9)], url + ".asc": [(200, 9)]},
                        endpoints=[url, url + ".asc"])
    r = run(data, open_path, pod(by_name()), m=False, launcher=launcher)
    assert r.code == 0, r.err
    assert r.apps[0]["image"] == world.image_id("fetched")[7:]


def test_an_id_that_is_not_there_is_not_replaced_by_a_name(data, open_path):
    r = run(data, open_path, pod(app(image="other")))
    assert r.code == 254 and "is not in the store" in r.err
    r = run(data, open_path, pod(by_name(id=world.image_id("other"))))
    assert r.code == 254 and r.pod is None
    assert "and the pod manifest says " + world.image_id("other") in r.err


@pytest.mark.parametrize("name", ["x.aci", "etc/passwd.aci"])
def test_hostile_name_is_no_path(data, open_path, name):
    r = run(data, open_path, pod(by_name(image=name)))
    assert r.code == 254 and "is not the name of an image" in r.err
    assert r.types() == ["HELLO", "GET_FILE"]


# --- what is refused ------------------------------------------------------

@pytest.mark.parametrize("manifest,text", [
    ("x", "not JSON"), ("[]", "must be an object"),
    (pod(), "at least one app"),
    (pod(app(), app()), "apps: a name stands there twice"),
    (pod({"name": "a", "image": {}}), "has neither id nor name"),
    (dict(pod(app()), acKind="ImageManifest"), "acKind: must be PodManifest"),
    (pod(dict(app(), image={"id": "sha512-0123"})),
     "apps[0].image.id: must be sha512- and 128 hex digits"),
    (pod(app("A")), "apps[0].name: must be of a-z, 0-9 and single dashes"),
    (pod(*[app("a%d" % i) for i in range(33)]), "too many items"),
    (pod(app(mounts=[{"volume": "v", "path": "/v"}])), 'find volume "v"'),
    (pod(app(mounts=[{"volume": "v", "path": "v"}])), "apps[0].mounts[0].path"),
    (pod(app(mounts=[{"volume": "v", "path": "/v", "appVolume": {}}])),
     "apps[0].mounts[0].appVolume.kind: missing"),
    (pod(app(mounts=[{"volume": "v", "path": "/v", "appVolume": {
        "name": "w", "kind": "empty"}}])), "not called as the mount's volume"),
    (pod(app(mounts=[{"volume": "v", "path": "/v", "appVolume": {
        "kind": "empty"}}]), volumes=[{"name": "v", "kind": "tmpfs"}]),
     'volume "v" is given twice'),
    (pod(app(), volumes=[{"name": "v", "kind": "host"}]), "has a source"),
    (pod(app(), volumes=[{"name": "v", "kind": "host", "source": "/../x"}]),
     "volumes[0].source"),
    (pod(app(), volumes=[{"name": "v", "kind": "nfs"}]), "volumes[0].kind"),
    (pod(app(), volumes=[{"name": "v", "kind": "empty", "source": "/x"}]),
     "are a host volume's"),
    (pod(app(), volumes=[{"name": "v", "kind": "empty", "mode": "8"}]),
     "volumes[0].mode"),
    (pod(app(), volumes=[{"name": "v", "kind": "empty", "uid": 65536}]),
     "volumes[0].uid"),
    (pod(app(), volumes=[{"name": "v", "kind": "empty", "size": 1 << 20}]),
     "a size is a tmpfs volume's"),
    (pod(app(), volumes=[{"name": "v", "kind": "empty"}] * 2), "twice"),
    (pod(app(), ports=[{"name": "p", "hostPort": 1}]), 'has a port "p"'),
    (pod(app(), ports=[{"name": "p", "hostPort": 0}]), "ports[0].hostPort"),
    (pod(app(), **isolators(("resource/network-bandwidth", {}))),
     'isolator "resource/network-bandwidth" is not supported'),
    (pod(app(), **isolators(("resource/block-iops", {}))),
     "isolators.resource/block-iops"),
    (pod(app(), **isolators(("os/unix/sysctl", {"kernel.panic": "1"}))),
     "kernel.panic is not of a namespace"),
    (pod(app(), **isolators(("os/linux/oom-score-adj", 5))),
     'isolator "os/linux/oom-score-adj" is an app\'s'),
    (pod(app(), **isolators(("os/linux/capabilities-retain-set",
                             {"set": ["CAP_KILL"]}))), "is an app's"),
    (pod(app(), **isolators(("resource/memory", {"limit": "1"}))),
     "below 4096"),
    (pod(app(app=dict(OWN, **isolators(("os/linux/oom-score-adj", -5))))),
     "which only --oom-score-adj may say"),
    (pod(app(app=dict(OWN, **isolators(("a.com/b", 1))))),
     'isolator "a.com/b" is not supported')])
def test_bad_manifests(data, open_path, manifest, text):
    r = run(data, open_path, manifest)
    assert r.code == 254 and r.pod is None
    assert "pod manifest can give" not in r.err
    assert text in r.err, r.err


@pytest.mark.parametrize("flag", [
    "--volume=a,kind=empty", "--mount=volume=a,target=/a", "--port=a:1",
    "--pull-policy=never", "--pull-policy=update", "--store-only", "--no-store",
    "--inherit-env", "--set-env=A=1", "--set-env-file=/x"])
def test_excluded_flags(data, flag):
    r = Fetching(data).run("run", flag, "--pod-manifest=/x")
    assert r.code == 254 and r.asked == []
    assert "run: %s does not go with --pod-manifest" % (
        flag if "p" == flag[2] and "pull" in flag
        else flag.split("=")[0]) in r.err


def test_no_images_beside_it(data):
    r = Fetching(data).run("run", "--pod-manifest=/x", "example.com/hello")
    assert r.code == 254 and "an image does not go with" in r.err


def test_interactive_is_for_one_app(data, open_path):
    r = run(data, open_path, pod(app("a"), app("b")), "--interactive")
    assert r.code == 254 and "only supports one image" in r.err
    assert run(data, open_path, pod(app()), "--interactive",
               "--hostname=h").pod["interactive"] == 1


# --- whose voice ----------------------------------------------------------

def caps(*names):
    return isolators(("os/linux/capabilities-retain-set", {"set": list(names)}))


def test_the_manifests_own_section_is_the_operators(data, open_path):
    own = pod(app(app=dict(OWN, **caps("CAP_KILL", "CAP_SYS_ADMIN"))))
    assert run(data, open_path, own).apps[0]["caps"] == KILL | SYS_ADMIN
    r = run(data, open_path, own, caps_operator=0)
    assert r.code == 254 and "does not allow the pod manifest CAP_SYS_ADMIN" \
        in r.err
    remove = pod(app(app=dict(OWN, **isolators((
        "os/linux/capabilities-remove-set", {"set": ["CAP_KILL"]})))))
    assert run(data, open_path, remove).apps[0]["caps"] == CAPS_DEFAULT & ~KILL


def test_hostile_image_gains_nothing_by_a_pod_manifest(data, open_path):
    m = world.manifest(app=caps("CAP_KILL", "CAP_SYS_ADMIN"))
    r = run(data, open_path, pod(app()), m=m)
    assert r.apps[0]["caps"] == KILL
    assert "the image asks for CAP_SYS_ADMIN" in r.err
