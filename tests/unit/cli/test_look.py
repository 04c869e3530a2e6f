"""Commands that only look: list, status, cat-manifest, image list, lint."""
import json
import os
import resource
import time

import pytest

import world
from fakelauncher import CONDUCTOR, Launcher, alone


def test_list_shows_states_and_apps(data):
    locks = [world.add_pod(data, "run", 1, world.pod_manifest("redis", "etcd"),
                           pid=4, lock=True)]
    world.add_pod(data, "run", 2, world.pod_manifest("redis"), pid=4)
    world.add_pod(data, "prepared", 3, world.pod_manifest("redis"))
    world.add_pod(data, "exited-garbage", 4, "not json")
    world.add_pod(data, "garbage", 5, world.pod_manifest("redis"))
    r = Launcher(data).run("list", "--full")
    os.close(locks[0])
    assert r.code == 0, r.err
    rows = [line.split("\t") for line in r.out.splitlines()]
    cells = [[c for c in row if c] for row in rows]
    assert cells[0] == ["UUID", "APP", "IMAGE NAME", "IMAGE ID", "STATE",
                        "CREATED", "STARTED", "NETWORKS"]
    assert [c[:5] for c in cells[1:] if c[0] == world.uuid(3)] == [
        [world.uuid(3), "redis", "example.com/hello:1.0",
         world.image_id("hello")[:19], "prepared"]]
    running = [i for i, c in enumerate(cells) if c[0] == world.uuid(1)][0]
    assert cells[running][4] == "running"
    assert cells[running + 1][0] == "etcd"
    assert [c[4] for c in cells if c[0] == world.uuid(2)] == ["exited"]
    assert [c[1:5] for c in cells if c[0] == world.uuid(4)] == [
        ["--", "--", "--", "exited garbage"]]
    assert world.uuid(5) not in r.out
    assert "2023-11-14 22:13:20" in r.out


def test_list_short_json_and_no_legend(data):
    world.add_pod(data, "run", 1, world.pod_manifest("redis"), pid=9,
                  status=[("redis", "3\n")])
    r = Launcher(data).run("list", "--no-legend")
    assert r.out.startswith("00000001\tredis\texample.com/hello:1.0\texited")
    assert "years ago" in r.out
    r = Launcher(data).run("list", "--format=json")
    assert r.out.count("\n") == 1
    pod, = json.loads(r.out)
    assert pod["name"] == world.uuid(1) and pod["state"] == "exited"
    assert pod["app_names"] == ["redis"]
    assert pod["apps"][0]["state"] == "exited"
    assert pod["apps"][0]["exit_code"] == 3
    assert pod["apps"][0]["finished_at"] > 17 * 10 ** 17
    assert pod["apps"][0]["image_id"] == world.image_id("hello")
    assert pod["created_at"] == 1700000000 and pod["started_at"] == 1700000001
    r = Launcher(data).run("list", "--format=json-pretty")
    assert r.out.startswith("[\n\t{\n\t\t\"name\": \"00000001-")
    assert json.loads(r.out) == [pod]


def test_status_text(data):
    world.add_pod(data, "run", 0xabc, world.pod_manifest("redis", "etcd"),
                  pid=77, status=[("redis", "0\n")])
    r = Launcher(data).run("status", "00000abc")
    assert r.code == 0, r.err
    lines = r.out.splitlines()
    assert lines[0] == "state=exited"
    assert lines[1].startswith("created=2023-11-14 ")
    assert lines[2].startswith("started=2023-11-14 ")
    assert lines[3:] == ["networks=", "pid=77", "exited=true", "app-redis=0"]
    assert json.loads(Launcher(data).run(
        "status", "--format=json", world.uuid(0xabc)).out)["state"] == "exited"


@pytest.mark.parametrize("text", [
    "256\n", "-1\n", "1", "\n", "1\n1\n", " 1\n", "01\n", "0x1\n", "1" * 64,
    "1\0\n", "\x1b[2J\n"])
def test_status_hostile_exit_code_is_not_shown(data, text):
    world.add_pod(data, "run", 1, world.pod_manifest("redis"), pid=7,
                  status=[("redis", text)])
    r = Launcher(data).run("status", "00000001")
    assert r.code == 0 and "app-redis" not in r.out


@pytest.mark.parametrize("when", [2 ** 34, 15 * 10 ** 9, -1])
def test_status_hostile_time(data, when):
    """The pod sets the time of its own files: what is beyond ours is none."""
    world.add_pod(data, "run", 1, world.pod_manifest("redis"),
                  status=[("redis", "3\n")])
    file = (data / "pods/run" / world.uuid(1) /
            "overlay/stage1/upper/rkt/status/redis")
    os.utime(file, (when, when))
    r = Launcher(data).run("status", "--format=json", world.uuid(1))
    assert r.code == 0, r.err
    app, = json.loads(r.out)["apps"]
    assert app["exit_code"] == 3
    if os.stat(file).st_mtime > 2 ** 63 / 10 ** 9:
        assert "finished_at" not in app


def test_status_hostile_links_are_not_followed(data, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("42\n")
    os.chmod(tmp_path, 0o755)
    world.add_pod(data, "run", 1, world.pod_manifest("a", "b", "c", "d"), pid=7)
    at = os.path.join(str(data), "pods/run", world.uuid(1),
                      "overlay/stage1/upper/rkt/status")
    os.symlink(str(secret), at + "/a")
    os.symlink("../../../../../../ppid", at + "/b")
    os.mkfifo(at + "/c")
    os.mkdir(at + "/d")
    r = Launcher(data).run("status", "00000001")
    assert r.code == 0 and "app-" not in r.out


def test_status_hostile_upper_directory_replaced_by_link(data, tmp_path):
    world.add_pod(data, "run", 1, world.pod_manifest("a"), pid=7)
    upper = os.path.join(str(data), "pods/run", world.uuid(1),
                         "overlay/stage1/upper")
    os.rename(upper + "/rkt", upper + "/away")
    (tmp_path / "rkt/status").mkdir(parents=True)
    (tmp_path / "rkt/status/a").write_text("1\n")
    os.symlink(str(tmp_path / "rkt"), upper + "/rkt")
    assert "app-a" not in Launcher(data).run("status", "00000001").out


def test_status_wait_ends_with_the_pod_or_in_time(data):
    lock = world.add_pod(data, "run", 1, world.pod_manifest("a"), pid=7,
                         lock=True)
    begun = time.monotonic()
    r = Launcher(data).run("status", "--wait=300ms", world.uuid(1))
    assert r.code == 254 and 0.3 <= time.monotonic() - begun < 30
    assert "is still running after 300ms" in r.err
    os.close(lock)
    assert Launcher(data).run("status", "--wait", world.uuid(1)).out.startswith(
        "state=exited")


def test_times_of_apps(data):
    """APP-created and APP-started are empty files of the pod's."""
    lock = world.add_pod(data, "run", 1, world.pod_manifest("a", "b", "c"),
                         pid=7, lock=True, status=[("c", "5\n")])
    at = data / "pods/run" / world.uuid(1) / "overlay/stage1/upper/rkt/status"
    for name, when in (("a-created", 1700000100), ("a-started", 1700000200),
                       ("b-created", 1700000300)):
        (at / name).touch()
        os.utime(at / name, (when, when))
    r = Launcher(data).run("status", "--format=json", world.uuid(1))
    os.close(lock)
    a, b, c = json.loads(r.out)["apps"]
    assert (a["state"], a["created_at"], a["started_at"]) == (
        "running", 1700000100 * 10 ** 9, 1700000200 * 10 ** 9)
    assert (b["state"], b["created_at"]) == ("created", 1700000300 * 10 ** 9)
    assert "started_at" not in b
    assert (c["state"], c["exit_code"]) == ("exited", 5)
    assert c["created_at"] == 1700000000 * 10 ** 9


def test_mounts_in_json(data):
    m = world.pod_manifest("a")
    m["volumes"] = [{"name": "h", "kind": "host", "source": "/srv"},
                    {"name": "e", "kind": "empty", "readOnly": True}]
    m["apps"][0]["mounts"] = [{"volume": "h", "path": "/h"},
                              {"volume": "e", "path": "/e"}]
    world.add_pod(data, "run", 1, m)
    r = Launcher(data).run("list", "--format=json")
    assert json.loads(r.out)[0]["apps"][0]["mounts"] == [
        {"name": "h", "container_path": "/h", "host_path": "/srv",
         "read_only": False},
        {"name": "e", "container_path": "/e", "host_path": "",
         "read_only": True}]


def ready(data, n, to="ready"):
    at = os.path.join(str(data), "pods/run", world.uuid(n),
                      "overlay/stage1/upper/rkt/supervisor-status")
    if os.path.lexists(at):
        os.unlink(at)
    os.symlink(to, at)


def test_status_wait_ready(data):
    lock = world.add_pod(data, "run", 1, world.pod_manifest("a"), pid=7,
                         lock=True)
    wait = ("status", "--wait-ready=300ms", world.uuid(1))
    begun = time.monotonic()
    r = Launcher(data).run(*wait)
    assert r.code == 254 and 0.3 <= time.monotonic() - begun < 30
    assert "is still running, and not ready, after 300ms" in r.err
    ready(data, 1)
    r = Launcher(data).run(*wait)
    assert r.code == 0 and r.out.startswith("state=running"), r.err
    os.close(lock)
    r = Launcher(data).run("status", "--wait-ready", world.uuid(1))
    assert r.code == 254 and "has ended: it is exited" in r.err and r.out == ""


@pytest.mark.parametrize("to", ["readyy", "read", "/etc/passwd", "ready/x",
                                "x" * 4000])
def test_status_hostile_readiness(data, to):
    lock = world.add_pod(data, "run", 1, world.pod_manifest("a"), lock=True)
    ready(data, 1, to)
    r = Launcher(data).run("status", "--wait-ready=100ms", world.uuid(1))
    assert r.code == 254 and "not ready" in r.err
    at = os.path.join(str(data), "pods/run", world.uuid(1),
                      "overlay/stage1/upper/rkt/supervisor-status")
    os.unlink(at)
    with open(at, "w") as f:
        f.write("ready")
    r = Launcher(data).run("status", "--wait-ready=100ms", world.uuid(1))
    os.close(lock)
    assert r.code == 254 and "not ready" in r.err


def test_uuid_arguments(data):
    world.add_pod(data, "run", 0x10, world.pod_manifest("a"))
    world.add_pod(data, "prepared", 0x1f, world.pod_manifest("a"))
    for bad in ("x", "ffff", "../run", "0" * 37, "00000010-0000-4000-8000-1"):
        r = Launcher(data).run("status", bad)
        assert (r.code, r.err) == (
            254, 'status: no matches found for "%s"\n' % bad)
    r = Launcher(data).run("status", "0000001")
    assert r.err == "status: ambiguous uuid, 2 matches\n"


def test_cat_manifest(data):
    m = world.pod_manifest("redis")
    world.add_pod(data, "run", 1, m)
    r = Launcher(data).run("cat-manifest", "00000001")
    assert json.loads(r.out) == m and "\n\t\"acKind\": " in r.out
    r = Launcher(data).run("cat-manifest", "--pretty-print=false", "00000001")
    assert json.loads(r.out) == m and r.out.count("\n") == 1
    lock = world.add_pod(data, "prepare", 2, lock=True)
    r = Launcher(data).run("cat-manifest", "00000002")
    assert r.code == 254 and "has no manifest: it is preparing" in r.err
    os.close(lock)


def test_help_shows_what_holds_without_the_flag(data):
    text = Launcher(data).run("cat-manifest", "--help").out
    assert "indent (default true)\n" in text
    text = Launcher(data).run("run", "-h").out
    assert "(default new)\n" in text and "default false" not in text


def test_cat_manifest_shows_no_terminal_codes(data):
    m = world.pod_manifest("redis")
    m["annotations"] = [{"name": "a", "value": "\x9b2J\u202e"}]
    world.add_pod(data, "run", 1, json.dumps(m, ensure_ascii=False))
    r = Launcher(data).run("cat-manifest", "00000001")
    assert r.code == 0 and "\x9b" not in r.out
    assert json.loads(r.out)["annotations"][0]["value"].startswith("\x9b2J")


def test_image_list(data):
    a = world.add_image(data, "a", imported=1700000100)
    b = world.add_image(data, "b", world.manifest(name="example.com/a"),
                        imported=1700000000)
    os.makedirs(str(data / "image" / world.image_id("odd")))
    (data / "image" / world.image_id("odd") / "record").write_text("x")
    r = Launcher(data).run("image", "list", "--fields=id,name,size")
    assert r.out.splitlines() == [
        "ID\t\t\tNAME\t\t\tSIZE",
        b[:19] + "\texample.com/a:1.0\t3.9KiB",
        a[:19] + "\texample.com/hello:1.0\t3.9KiB"]
    r = Launcher(data).run("image", "list", "--order=desc", "--sort=name",
                           "--no-legend", "--fields=name")
    assert r.out == "example.com/hello:1.0\nexample.com/a:1.0\n"
    r = Launcher(data).run("image", "list", "--full", "--no-legend")
    assert a + "\t" in r.out and "\t4000\t" in r.out
    images = json.loads(Launcher(data).run("image", "list",
                                           "--format=json").out)
    assert images[0]["id"] == b and images[0]["size"] == 4000
    assert images[0]["import_time"] == 1700000000 * 10**9
    r = Launcher(data).run("image", "list", "--fields=latest")
    assert r.code == 254 and 'invalid field "latest"' in r.err


def processor_time():
    """Of all who were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_image_list_is_fast(data):
    """A thousand of them, by what it takes to list none: processor time, the
    best of some."""
    def best(lines):
        took = []
        for _ in range(5):
            before = processor_time()
            r = Launcher(data).run("image", "list", "--no-legend")
            took.append(processor_time() - before)
            assert len(r.out.splitlines()) == lines
        return min(took)
    none = best(0)
    for i in range(1000):
        world.add_image(data, str(i))
    thousand = best(1000)
    assert thousand < 12 * none, (none, thousand)


def test_image_cat_manifest_by_id_and_name(data):
    a = world.add_image(data, "a")
    for argument in (a, a[:12], "example.com/hello",
                     "example.com/hello:1.0,os=linux"):
        r = Launcher(data).run("image", "cat-manifest", argument)
        assert json.loads(r.out) == world.MANIFEST, r.err
    for argument in ("example.com/hello:2", "example.com/hell", "sha512-0",
                     "sha512-../../x", "sha512-" + "0" * 129):
        r = Launcher(data).run("image", "cat-manifest", argument)
        assert r.code == 254 and r.out == "" and argument in r.err


def test_alone_reads_by_path(open_path):
    data = open_path
    world.add_image(data, "a")
    assert alone("--dir", str(data), "image", "list").code == 0
    r = alone("--dir", str(data), "run", "x")
    assert (r.code, r.err) == (254, "run: cannot run as unprivileged user\n")
    r = alone("--dir", str(data), "gc")
    assert (r.code, r.err) == (254, "gc: cannot run as unprivileged user\n")


def test_usage_errors(data):
    for argv, text in [
            (["nope"], 'rkt: unknown command "nope"'),
            (["api-s", "x"], 'rkt: unknown command "api-s"'),
            (["api-service"], 'command "api-service" is not supported yet'),
            (["im"], "missing command"),
            (["i", "l", "--nope"], "image list: unknown flag: --nope"),
            (["list", "-x"], "list: unknown shorthand flag: 'x' in -x"),
            (["status", "--wait=soon", "x"], "for --wait"),
            (["status", "--wait-ready", "--wait", "x"],
             "--wait and --wait-ready exclude each other"),
            (["list", "--format"], "flag needs an argument: --format"),
            (["--dir=data", "list"], '--dir: "data" is not an absolute path'),
            (["--user-config=x", "list"], '--user-config: "x" is not an absolute path'),
            (["--dir=/" + "x" * 1023, "list"],
             "--dir: a path of 1024 bytes is too long"),
            (["--local-config=/a\nb", "list"], "4 bytes is too long, or not print"),
            (["--insecure-options=image,image", "list"],
             'duplicated option "image"'),
            (["--insecure-options=imag", "list"], 'unknown option "imag"')]:
        r = Launcher(data).run(*argv)
        assert r.code == (2 if argv == ["im"] else 254), (argv, r.code)
        assert text in r.err, (argv, r.err)
        assert r.asked == []
    assert Launcher(data).run().code == 2
    r = Launcher(data).run("ver")
    assert r.code == 0 and r.out.startswith("rkt Version: ")
    assert "appc Version: 0.8.11\n" in r.out


@pytest.mark.parametrize("path", ["/" + "x" * 4095, "a\nb", "\x1b[31m"])
def test_path_that_cannot_be_asked_for(data, path):
    r = Launcher(data).run("status", "--uuid-file=" + path)
    assert r.code == 254 and r.types() == ["HELLO"]
    assert ("a path of %d bytes is too long, or not printable: " % len(path)
            in r.err), r.err
    assert "\x1b" not in r.err


def test_policy_lint(open_path):
    good, bad = open_path / "good", open_path / "bad"
    good.write_text("max-image-size 1000000\n")
    bad.write_text("max-image-size 1000000\nwhat is-this\n")
    r = alone("policy", "lint", str(good))
    assert r.code == 0 and r.out == "%s: ok\n" % good, r.err
    r = alone("policy", "lint", str(good), str(bad))
    assert r.code == 254 and "bad: line 2" in r.err
    assert alone("policy", "lint", str(open_path / "none")).code == 254


def test_never_as_root():
    import subprocess
    r = subprocess.run(["rkt", "version"], executable=CONDUCTOR,
                       capture_output=True, text=True)
    assert r.returncode == 254 and "does not run as root" in r.stderr
