"""What a machine may look like when rkt is called: odd modes, odd links,
closed descriptors, missing controllers; and the quickstart itself."""
import grp
import os
import pathlib
import re
import subprocess

import pytest

import host as host_module
import images
from images import app
from webserver import Reply, discovery_page

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def shell(host, words, *args, **more):
    """sh -c 'words "$@"' with an rkt command line as its arguments."""
    return host.bare("sh", "-c", words, "sh", *host.argv(*args), **more)


def test_quickstart_twice():
    """The README's first command, and again; it leaves nothing."""
    env = {"PATH": os.environ["PATH"], "PREFIX": str(host_module.PREFIX),
           "HOME": "/root"}
    before = {p for p in os.listdir("/tmp") if p.startswith("rkt-quickstart")}
    for _ in range(2):
        done = subprocess.run(["sh", TOP / "tests/quickstart/quickstart.sh"],
                              env=env, capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "every step gave what it should" in done.stdout
        assert done.stdout.count("refused, exit code 254") == 2
        assert re.search(r"uid_map: +0 +[1-9]\d{5,} +65536", done.stdout)
        assert re.search(r"hello\[\d+\]: hello from rkt-", done.stdout)
        assert not (host_module.PREFIX / "var/lib/rkt").exists()
    assert before == {p for p in os.listdir("/tmp")
                      if p.startswith("rkt-quickstart")}


# --- the data directory ---------------------------------------------------------


@pytest.mark.parametrize("umask", ["000", "027", "077", "777"])
def test_store_modes_at_any_umask(host, umask):
    """CVE-2021-41091: what is ours has our modes."""
    host.trust()
    path = host.write_signed(host.lab.guest_image())
    shell(host, 'umask %s; exec "$@"' % umask, "fetch", path).ok()
    for name, mode in (("", 0o750), ("image", 0o750), ("pods", 0o750),
                       ("ids", 0o700), ("quarantine", 0o700),
                       ("image/" + host.images()[0], 0o750),
                       ("image/" + host.images()[0] + "/tree", 0o700)):
        st = (host.data / name).stat()
        assert (st.st_mode & 0o7777, st.st_uid) == (mode, 0), name
    shell(host, 'umask %s; exec "$@"' % umask, "run", host.images()[0]).ok()
    uuid = host.pods()[0][1]
    assert (host.data / "pods/run" / uuid).stat().st_mode & 0o7777 == 0o750


def test_store_modes_are_put_right(host):
    """A directory that stood there with other modes, owners."""
    image = host.store()
    gid = grp.getgrnam("rkt").gr_gid
    for name in ("image", "pods", "pods/run", "ids", "quarantine"):
        os.chmod(host.data / name, 0o777)
        os.chown(host.data / name, 65534, 65534)
    host.rkt("run", image).ok()
    for name in ("image", "pods", "pods/run"):
        st = (host.data / name).stat()
        assert (st.st_mode & 0o7777, st.st_uid, st.st_gid) == (0o750, 0, gid)
    for name in ("ids", "quarantine"):
        st = (host.data / name).stat()
        assert (st.st_mode & 0o7777, st.st_uid, st.st_gid) == (0o700, 0, 0)


def test_store_made_by_many_at_once(host):
    """Who looks at a data directory that another rkt is just making takes it
    for a store."""
    for i in range(200):
        host.data = host.path / ("data%d" % i)
        children = [host.start("gc") for _ in range(6)]
        assert [c.wait(60) for c in children] == [0] * 6, \
            [host.said(c) for c in children]


@pytest.mark.parametrize("name", ["image", "pods", "ids", "quarantine"])
def test_store_directory_is_a_link(host, name):
    """CVE-2015-1331: a link in the way is not followed."""
    host.trust()
    elsewhere = host.path / "elsewhere"
    elsewhere.mkdir()
    host.data.mkdir()
    (host.data / name).symlink_to(elsewhere)
    host.rkt("fetch", host.write_signed(images.aci())).refused()
    assert not os.listdir(elsewhere)
    (host.data / name).unlink()


def test_store_is_closed_to_others(host):
    """Not a name of the store is told to who is not in the group."""
    image = host.store()
    host.run(image).ok()
    for path in (host.path, *list(host.path.parents)[:-2]):
        os.chmod(path, path.stat().st_mode | 0o755)
    for words in (["find", host.data], ["ls", host.data / "image"],
                  ["cat", host.data / "image" / image / "record"]):
        r = host.bare("setpriv", "--reuid=65534", "--regid=65534",
                      "--clear-groups", *map(str, words))
        assert r.code != 0 and image not in r.out and "ermission" in r.err


def test_pods_for_group_members(host):
    """list, status and cat-manifest without root."""
    host.run(host.store(), "exit", "3")
    uuid = host.pods()[0][1]
    for path in (host.path, *list(host.path.parents)[:-2]):
        os.chmod(path, path.stat().st_mode | 0o755)
    gid = grp.getgrnam("rkt").gr_gid
    as_member = ["setpriv", "--reuid=65534", "--regid=65534",
                 "--groups=%d" % gid]
    assert uuid[:8] in host.bare(*as_member, *host.argv("list")).ok().out
    assert "state=exited" in host.bare(
        *as_member, *host.argv("status", uuid)).ok().out
    assert "PodManifest" in host.bare(
        *as_member, *host.argv("cat-manifest", uuid)).ok().out


def test_data_directory_that_others_may_write_above(host):
    """--dir by a path with a link in it works; what it is, it stays."""
    real = host.path / "real"
    real.mkdir()
    link = host.path / "link"
    link.symlink_to(real)
    rkt = str(host.argv()[0])
    r = host.bare(rkt, "--dir=%s/data" % link,
                  "--local-config=%s" % host.conf, "list")
    assert r.code in (0, 254)


# --- the caller ------------------------------------------------------------------


def test_closed_descriptors(host):
    """0, 1 and 2 closed: no file of ours takes their place."""
    image = host.store()
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        shell(host, 'exec "$@" %s' % closed, "list")
        r = shell(host, 'exec "$@" %s' % closed, "run", image, "--", "exit", "4")
        assert r.code == 4 or r.code == 254
        host.rkt("image", "verify", image).ok()
    host.rkt("gc", "--grace-period=0s").ok()


def test_many_descriptors(host):
    """What the caller left open reaches neither worker nor app."""
    image = host.store()
    r = shell(host, 'exec 5</etc/shadow 6</etc 7>/dev/null; '
              'exec "$@"', "run", image, "--", "facts")
    f = host_module.Facts(r.ok().out)
    assert sorted(v.split()[0] for v in f.all("fd")) == ["0", "1", "2"]


def test_small_limits(host):
    """The caller's limits: works, or says so, and nothing stays."""
    host.trust()
    path = host.write_signed(images.aci())
    for limit in ("-n 32", "-f 8", "-v 200000", "-u 10"):
        r = shell(host, 'ulimit %s; exec "$@"' % limit, "fetch", path)
        assert r.code in (0, 254), r.describe()
    host.rkt("fetch", path).ok()


def test_signals_ignored_by_the_caller(host):
    """nohup and the like: the pod ends as ever."""
    image = host.store()
    r = shell(host, "trap '' INT HUP TERM PIPE CHLD; exec \"$@\"", "run", image,
              "--", "exit", "6")
    assert r.code == 6, r.describe()


def test_output_to_a_full_disk(host):
    image = host.store()
    r = shell(host, 'exec "$@" >/dev/full', "image", "list")
    r.refused()
    r = shell(host, 'exec "$@" >/dev/full', "image", "cat-manifest", image)
    r.refused()


def test_large_command_line(host):
    """Many arguments, long ones: all of them, or one clear line."""
    image = host.store()
    r = host.run(image, "say", "x" * 30000, *["say", "y"] * 300)
    if r.code == 0:
        assert r.facts.all("say").count("y") == 300
        assert r.facts.all("say")[0] == "x" * 30000
    else:
        r.refused()
    r = host.run(image, "say", "x" * 120000)
    assert r.code in (0, 254), r.describe()
    r = host.run(image, *["say", "y"] * 8000)
    assert r.code in (0, 254), r.describe()


# --- what the machine cannot do ----------------------------------------------------


@pytest.mark.skipif(not os.path.exists("/sys/fs/cgroup/memory"),
                    reason="hides a v1 controller; tests/unit has the v2 case")
@pytest.mark.parametrize("controller, flag", [
    ("memory", "--memory=64Mi"), ("cpu", "--cpu=500m"),
    ("cpu", "--cpu-shares=100")])
def test_G8_controller_missing(host, controller, flag):
    """A limit that cannot be set: no pod, and the message names what is
    missing; site policy may go on without."""
    image = host.store()
    hide = 'mount -t tmpfs none /sys/fs/cgroup/%s && exec "$@"' % controller

    def run():
        return host.bare("unshare", "--mount", "--propagation", "private",
                         "sh", "-c", hide, "sh",
                         *host.argv("run", image, flag, "--", "exit", "4"))
    run().refused(controller, "best-effort")
    host.rkt("gc", "--grace-period=0s").ok()
    assert host.pods() == []
    host.policy("best-effort cgroup\n")
    assert run().code == 4


def test_G8_no_user_namespaces(host):
    """Where the kernel gives no user namespace, nothing unconfined starts."""
    image = host.store()
    r = host.bare("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                  'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"',
                  "sh", *host.argv("run", image, "--", "say", "alive"))
    assert r.code != 0 and "alive" not in r.out


# --- where a name must not lead ------------------------------------------------------


def test_discovery_to_link_local(host):
    """A page may not send the fetcher to the machine's metadata service."""
    host.trust()
    subprocess.run(["ip", "addr", "add", "169.254.169.254/32", "dev", "lo"],
                   check=True)
    try:
        for n, target in enumerate((
                "https://169.254.169.254/x.{ext}", "https://[fe80::1]/x.{ext}")):
            host.serve({"/app": discovery_page("example.test/app " + target)},
                       port=443, host="127.0.0.1")
            trap = host.serve({"/x.aci": b"x", "/x.aci.asc": b"x"},
                              host="169.254.169.254")
            host.rkt("fetch", "example.test/app:1.0").refused()
            assert not trap.connections, n
            host.stack.pop_all().close()
        host.serve({"/x.aci.asc": Reply(
            status=302, headers={"Location": "https://169.254.169.254/x"})})
        trap = host.serve({"/x": b"x"}, host="169.254.169.254")
        host.rkt("fetch", "https://example.test/x.aci").refused()
        assert not trap.connections
    finally:
        subprocess.run(["ip", "addr", "del", "169.254.169.254/32", "dev", "lo"],
                       check=True)
    host.nothing_stored()


# --- images that ask for what is not here ---------------------------------------------


def test_event_handlers_are_not_forgotten(host):
    """An image's pre-start must have run before its exec; without it, no app."""
    host.trust()
    r = host.fetch(host.lab.guest_image(section=app(
        "/bin/guest", "say", "alive", eventHandlers=[
            {"name": "pre-start", "exec": ["/bin/guest", "exit", "1"]}])))
    if r.code == 0:
        r = host.rkt("run", r.out.strip())
    assert r.code != 0 and "alive" not in r.out, r.describe()
