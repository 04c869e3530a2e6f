"""rkt prepare, run-prepared and stop: what is asked of the launcher."""
import os
import threading

import pytest

import rktmsg
import world
from fakefetcher import Fetching, plan
from fakelauncher import Launcher, alone, refuse

IMAGE = "example.com/hello"
RUN, PREPARE, PREPARED = 0, 1, 2
STOP, KILL = 0, 1


def prepare(data, *argv):
    world.add_image(data, "hello")
    launcher = Fetching(data)
    r = launcher.run(*(argv or ("prepare", IMAGE)))
    assert r.code == 0, r.err
    pod = plan(launcher)[0]
    world.add_pod(data, "prepared", 0, pod["manifest"].decode())
    at = os.path.join(str(data), "pods/prepared", pod["uuid"])
    os.rename(os.path.join(str(data), "pods/prepared", world.uuid(0)), at)
    with open(os.path.join(at, "plan"), "wb") as f:
        f.write(launcher.plan)
    return r, pod["uuid"], launcher.plan


def tail(text):
    """All but the first record."""
    length = rktmsg.HEADER.unpack_from(text, 0)[3]
    return text[rktmsg.HEADER.size + length:]


def test_prepare_says_the_uuid(data):
    r, uuid, _ = prepare(data)
    assert r.out == uuid + "\n" and r.launcher.how == PREPARE
    assert "image: using image from local store" in r.err
    assert Fetching(data).run("prepare", "--quiet", IMAGE).err == ""
    r = Fetching(data).run("prepare", "--quiet", "example.com/none")
    assert r.code == 254 and r.err != "" and r.out == ""


def test_prepare_takes_what_makes_a_pod_and_nothing_else(data):
    for flag in ("--net=host", "--dns=1.2.3.4", "--hostname=x", "--interactive",
                 "--ipc=auto", "--uuid-file-save=/x", "--hosts-entry=host"):
        r = Fetching(data).run("prepare", flag, IMAGE)
        assert r.code == 254 and r.asked == []
        assert "unknown flag: " + flag.split("=")[0] in r.err
    r, _, text = prepare(data, "prepare", "--volume=v,kind=empty",
                         "--set-env=A=1", IMAGE, "--mount=volume=v,target=/v",
                         IMAGE, "--name=b")
    launcher = r.launcher
    pod, a, b = plan(launcher)
    assert "A=1" in a["env"] and a["mount_target"] == ["/v"]
    assert b["name"] == "b" and pod["volumes"] == 1


def test_run_prepared_keeps_everything_but_where_the_pod_is(data):
    _, uuid, text = prepare(data, "prepare", "--volume=v,kind=empty", IMAGE,
                            "--mount=volume=v,target=/v", "--memory=1Mi")
    launcher = Fetching(data)
    r = launcher.run("--debug", "run-prepared", "--net=host", "--hostname=h",
                     "--interactive", "--dns=1.2.3.4", "--hosts-entry=1.2.3.4=x",
                     uuid[:8])
    assert r.code == 0, r.err
    assert r.types() == ["HELLO", "START_POD"] and launcher.how == PREPARED
    assert tail(launcher.plan) == tail(text)
    pod, was = plan(launcher)[0], rktmsg.decode(
        "PLAN_POD", text[16:-len(tail(text))])
    assert (pod["net"], pod["hostname"], pod["interactive"], pod["debug"]) == (
        1, "h", 1, 1)
    assert b"nameserver 1.2.3.4" in pod["resolv_conf"] and b"x" in pod["hosts"]
    for key in ("uuid", "manifest", "apps", "volumes", "memory", "version"):
        assert pod[key] == was[key]
    assert launcher.seals & 15 == 15


def test_run_prepared_wants_a_pod_that_waits(data):
    lock = world.add_pod(data, "run", 1, world.pod_manifest("a"), lock=True)
    for n, text in ((1, 'pod "%s" is not prepared' % world.uuid(1)),
                    (9, "no matches found")):
        r = Fetching(data).run("run-prepared", world.uuid(n))
        assert r.code == 254 and text in r.err and "START_POD" not in r.types()
    os.close(lock)
    for argv in ([], ["a", "b"]):
        assert "takes one UUID" in Fetching(data).run("run-prepared", *argv).err
    r = alone("run-prepared", world.uuid(1))
    assert (r.code, r.err) == (
        254, "run-prepared: cannot run as unprivileged user\n")


def test_run_prepared_interactive_is_for_one_app(data):
    _, uuid, _ = prepare(data, "prepare", IMAGE, IMAGE, "--name=b")
    r = Fetching(data).run("run-prepared", "--interactive", uuid)
    assert r.code == 254 and "only supports pods with one app" in r.err


def test_what_was_unsafe_is_said_twice(data):
    _, uuid, _ = prepare(data, "--insecure-options=image,paths", "prepare",
                         IMAGE)
    r = Fetching(data).run("--insecure-options=image", "run-prepared", uuid)
    assert r.code == 254 and "START_POD" not in r.types()
    assert "prepared with --insecure-options=paths: say it again" in r.err
    launcher = Fetching(data)
    assert launcher.run("--insecure-options=image,paths", "run-prepared",
                        uuid).code == 0
    assert plan(launcher)[0]["insecure"] == 1 | 64
    r = Fetching(data, insecure_allowed=0).run(
        "--insecure-options=image,paths", "run-prepared", uuid)
    assert r.code == 254 and "site policy does not allow" in r.err


@pytest.mark.parametrize("damage", [
    lambda t: b"", lambda t: t[:15], lambda t: t[:100], lambda t: b"x" + t[1:],
    lambda t: t[:8] + b"\xff\xff\xff\xff" + t[12:],
    lambda t: tail(t), lambda t: t.replace(b"-4", b"-5", 1)])
def test_hostile_plan_of_a_prepared_pod(data, damage):
    _, uuid, text = prepare(data)
    with open(os.path.join(str(data), "pods/prepared", uuid, "plan"),
              "wb") as f:
        f.write(damage(text))
    r = Fetching(data).run("run-prepared", uuid)
    assert r.code == 254 and "START_POD" not in r.types()
    assert "is damaged, or of another version" in r.err, r.err


def test_hostile_link_is_no_plan(data, tmp_path):
    _, uuid, text = prepare(data)
    at = os.path.join(str(data), "pods/prepared", uuid, "plan")
    os.rename(at, str(tmp_path / "plan"))
    os.symlink(str(tmp_path / "plan"), at)
    r = Fetching(data).run("run-prepared", uuid)
    assert r.code == 254 and "cannot read the plan" in r.err


def test_what_a_prepared_pod_waits_with_is_not_removed(data):
    _, uuid, _ = prepare(data)
    other = world.add_image(data, "other")
    handlers = {"CHECK_IMAGE": lambda launcher, message: ("DONE", {})}
    r = Launcher(data, handlers).run("image", "rm", world.image_id("hello"),
                                     other)
    assert r.code == 254
    assert 'is used by pod "%s", which is prepared' % uuid in r.err
    assert [m.fields["image"] for m in r.asked
            if m.name == "CHECK_IMAGE"] == [other[7:]]
    r = Launcher(data, handlers).run("image", "gc", "--grace-period=0s")
    assert r.code == 0, r.err
    assert [m.fields["image"] for m in r.asked
            if m.name == "CHECK_IMAGE"] == [other[7:]]


def test_hostile_plan_does_not_stop_gc(data):
    _, uuid, text = prepare(data)
    handlers = {"CHECK_IMAGE": lambda launcher, message: ("DONE", {})}
    for damaged in (b"", text[:40], text[:-3], b"\xff" * 100,
                    text[:8] + b"\xff\xff\xff\xff" + text[12:]):
        with open(os.path.join(str(data), "pods/prepared", uuid, "plan"),
                  "wb") as f:
            f.write(damaged)
        r = Launcher(data, handlers).run("image", "gc", "--grace-period=0s")
        assert r.code == 0, r.err


# --- stop -----------------------------------------------------------------

DONE = {"END_POD": lambda launcher, message: ("DONE", {})}


def asked(r):
    return [(m.fields["uuid"], m.fields["how"]) for m in r.asked
            if m.name == "END_POD"]


@pytest.mark.parametrize("flags,how", [([], STOP), (["--force"], KILL)])
def test_stop(data, flags, how):
    locks = [world.add_pod(data, "run", n, lock=True) for n in (1, 2)]
    r = Launcher(data, DONE).run("stop", *flags, "00000001", world.uuid(2))
    assert r.code == 0, r.err
    assert r.out == '"%s"\n"%s"\n' % (world.uuid(1), world.uuid(2))
    assert asked(r) == [(world.uuid(1), how), (world.uuid(2), how)]
    for fd in locks:
        os.close(fd)


def test_stop_of_what_does_not_run(data):
    lock = world.add_pod(data, "run", 1, lock=True)
    world.add_pod(data, "run", 2)
    world.add_pod(data, "exited-garbage", 3)
    world.add_pod(data, "prepared", 4)
    r = Launcher(data, DONE).run("stop", *(world.uuid(n) for n in (4, 2, 3, 9,
                                                                   1)))
    os.close(lock)
    assert r.code == 254 and asked(r) == [(world.uuid(1), STOP)]
    assert r.out == ('pod "%s" is already stopped\n' * 2 + '"%s"\n') % (
        world.uuid(2), world.uuid(3), world.uuid(1))
    assert 'stop: pod "%s" is not running\n' % world.uuid(4) in r.err
    assert r.err.endswith("stop: failed to stop 2 pod(s)\n")


def test_stop_says_what_the_launcher_refuses(data, open_path):
    lock = world.add_pod(data, "run", 1, lock=True)
    (open_path / "u").write_text(world.uuid(1))
    r = Launcher(data, {"END_POD": refuse(6, "it does not end")}).run(
        "stop", "--uuid-file=%s/u" % open_path)
    os.close(lock)
    assert r.code == 254 and r.out == "" and "stop: it does not end\n" in r.err
    assert r.err.endswith("stop: failed to stop 1 pod(s)\n")


def test_stop_of_what_ends_at_that_moment(data):
    """The launcher finds no one to ask: it is as if it had ended before."""
    lock = world.add_pod(data, "run", 1, lock=True)
    none = refuse(5, "pod is not running")

    def ended(launcher, message):
        # Its lock is what goes last.
        threading.Timer(0.3, os.close, [lock]).start()
        return none(launcher, message)
    r = Launcher(data, {"END_POD": ended}).run("stop", world.uuid(1))
    assert r.code == 0 and r.err == "", r.err
    assert r.out == 'pod "%s" is already stopped\n' % world.uuid(1)
    lock = world.add_pod(data, "run", 2, lock=True)
    r = Launcher(data, {"END_POD": none}).run("stop", world.uuid(2))
    os.close(lock)
    assert r.code == 254 and r.out == ""
    assert r.err.startswith("stop: pod is not running\n"), r.err


def test_stop_of_what_is_being_made(data):
    """Its UUID is known before it runs: it is stopped when it does; and one
    that does not run later is said not to."""
    lock = world.add_pod(data, "prepare", 1, lock=True)
    os.makedirs(data / "pods" / "run", exist_ok=True)
    threading.Timer(0.3, os.rename, [
        data / "pods/prepare" / world.uuid(1), data / "pods/run" / world.uuid(1)]).start()
    r = Launcher(data, DONE).run("stop", world.uuid(1))
    assert r.code == 0 and asked(r) == [(world.uuid(1), STOP)], r.err
    os.close(lock)
    lock = world.add_pod(data, "prepare", 2, lock=True)
    r = Launcher(data, DONE).run("stop", world.uuid(2))
    os.close(lock)
    assert r.code == 254 and asked(r) == [], r.err
    assert r.err.startswith('stop: pod "%s" is not running\n' % world.uuid(2))


def test_stop_usage(data):
    assert "takes one or more UUIDs" in Launcher(data).run("stop").err
    assert "not both" in Launcher(data).run("stop", "--uuid-file=x", "y").err
    assert alone("stop", "x").err == (
        "stop: cannot run as unprivileged user\n")
