"""G9: killed, full, interrupted, all at once: the old state or the new one,
and the next command works."""
import os
import random
import signal
import subprocess
import time

import images
from host import Facts, wait_until
from test_kill import gc
from webserver import Reply, endless_body

# Where in its life a command is killed: later ones than a whole run takes do
# no harm.
MOMENTS = 20


def shut(child, how=signal.SIGKILL):
    """Kills a command and waits for it."""
    child.send_signal(how)
    return child.wait(60)


def collected(host):
    """gc, until all pods are gone: what was killed may take a moment to die."""
    def is_empty():
        gc(host)
        return not host.pods()
    wait_until(is_empty)
    assert not list(host.data.glob("ids/*"))


def test_kill_fetch_at_any_moment(host):
    host.trust()
    tar = images.compress(images.aci(
        [images.member("rootfs/%d" % i, os.urandom(20000)) for i in range(40)]),
        "gz")
    path = host.write_signed(tar)
    whole = host.rkt("fetch", path).ok().seconds
    chance = random.Random(3)
    for i in range(MOMENTS):
        host.rkt("image", "rm", "example.test/app")
        child = host.start("fetch", path)
        time.sleep(whole * 1.1 * (i + chance.random()) / MOMENTS)
        shut(child)
        host.swept()
        assert len(host.images()) <= 1
        host.rkt("image", "list").ok()
        if host.images():
            host.rkt("image", "verify", host.images()[0]).ok()
        host.rkt("fetch", path).ok()
        host.rkt("image", "verify", host.images()[0]).ok()
        assert not list(host.data.glob("quarantine/*"))
    # What was half made is swept away by the commands that come after.
    host.rkt("gc").ok()
    assert not list(host.data.glob("image/.*")), "half-made images stay"


def test_kill_run_at_any_moment(host):
    image = host.store()
    began = time.monotonic()
    host.run(image, "exit", "0").ok()
    whole = time.monotonic() - began
    chance = random.Random(4)
    for i in range(MOMENTS):
        child = host.start("run", image, "--", "say", "alive", "sleep", "600")
        time.sleep(whole * 1.1 * (i + chance.random()) / MOMENTS)
        shut(child)
        host.rkt("list").ok()
        # What a dead supervisor left alive goes with the pod, and before its
        # ids are free for another.
        collected(host)
        host.swept()
        assert not host.lab.cgroup.below(), "after %d" % i
        if i % 5 == 0:
            host.run(image, "exit", "0").ok()
    host.run(image, "exit", "0").ok()
    host.rkt("image", "verify", image).ok()


def test_kill_gc_at_any_moment(host):
    image = host.store()
    for i in range(8):
        host.run(image, "exit", "0").ok()
        child = host.start("gc", "--grace-period=0s")
        time.sleep(0.01 * i)
        shut(child)
        host.swept()
        host.rkt("list").ok()
    collected(host)


def test_kill_the_workers(host):
    """A worker that dies: one clear line, nothing left."""
    host.trust()
    server = host.serve({"/x.aci": Reply(b"x" * 100, trickle=1),
                         "/x.aci.asc": Reply(b"x" * 100, trickle=1)})
    for n, name in enumerate(("fetcher", "conductor")):
        child = host.start("fetch", "https://example.test/x.aci")
        wait_until(lambda: len(server.requests) > n)
        victim, = [p for p, path in host.lab.cgroup.programs().items()
                   if path.endswith("/libexec/rkt/" + name)]
        os.kill(victim, signal.SIGKILL)
        assert child.wait(60) == 254
        host.swept()
        host.nothing_stored()


def test_interrupt_fetch(host):
    """Ctrl-C in a download: at once, and nothing stays."""
    host.trust()
    host.serve({"/x.aci.asc": Reply(b"x" * 100, trickle=1)})
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        child = host.start("fetch", "https://example.test/x.aci",
                           start_new_session=True)
        host.wait_for(child, "fetching signature")
        began = time.monotonic()
        os.killpg(child.pid, how)
        assert child.wait(60) != 0
        assert time.monotonic() - began < 30  # the download takes 100 s
        host.swept()
        host.nothing_stored()


def test_launcher_gone_workers_gone(host):
    """No worker outlives the launcher."""
    host.trust()
    host.serve({"/x.aci.asc": endless_body(), "/x.aci": endless_body()})
    host.policy("max-image-size 1073741824\n")
    child = host.start("--insecure-options=image", "fetch",
                       "https://example.test/x.aci")
    host.wait_for(child, "fetching image")
    shut(child)
    host.swept()
    host.nothing_stored()


def test_disk_full_at_fetch(small_host):
    host = small_host
    host.trust()
    big = host.write_signed(images.aci(
        [images.member("rootfs/f", os.urandom(8 << 20))]))
    host.rkt("fetch", big).refused("No space left")
    host.nothing_stored()
    # Room for the file, not for the tree.
    twice = host.write_signed(images.compress(images.aci(
        [images.member("rootfs/f", b"%d" % 7 * (6 << 20))]), "gz"))
    host.rkt("fetch", twice).refused("No space left")
    host.nothing_stored()
    host.rkt("fetch", host.write_signed(images.aci())).ok()


def test_disk_full_at_download(small_host):
    host = small_host
    host.trust()
    tar, signature = host.lab.signed(images.aci(
        [images.member("rootfs/f", os.urandom(8 << 20))]))
    host.serve({"/x.aci": tar, "/x.aci.asc": signature})
    host.rkt("fetch", "https://example.test/x.aci").refused()
    host.nothing_stored()


def test_disk_full_at_run(small_host):
    """A pod that cannot be made is refused, and gc has no trouble."""
    host = small_host
    image = host.store()
    filler = os.open(host.data / "filler", os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(filler, bytes(4096)):
            pass
    except OSError:
        os.close(filler)
    r = host.run(image, "exit", "0")
    assert r.code != 0
    (host.data / "filler").unlink()
    host.rkt("gc", "--grace-period=0s").ok()
    assert host.pods() == [] and not list(host.data.glob("ids/*"))
    host.run(image, "exit", "0").ok()


def test_fetches_at_once(host):
    """The same image six times in parallel is one image."""
    host.trust()
    path = host.write_signed(host.lab.guest_image())
    children = [host.start("fetch", path) for _ in range(6)]
    assert [c.wait(60) for c in children] == [0] * 6
    assert len(host.images()) == 1
    host.rkt("image", "verify", host.images()[0]).ok()


def test_runs_at_once(host):
    """Ten pods at once, ten disjoint ranges."""
    image = host.store()
    children = [host.start("run", image, "--", "facts", "sleep", "1", "exit",
                           str(i)) for i in range(10)]
    assert [c.wait(60) for c in children] == list(range(10))
    bases = sorted(int(Facts(host.said(c)).one("uid_map").split()[1])
                   for c in children)
    assert all(b - a >= 65536 for a, b in zip(bases, bases[1:]))
    assert len(host.pods()) == 10
    host.rkt("gc", "--grace-period=0s").ok()


def test_gc_races_run(host):
    """gc never takes what runs."""
    image = host.store()
    stop = time.monotonic() + 4
    loop = subprocess.Popen(
        ["sh", "-c", 'while [ -e "$0" ]; do "$@" >/dev/null 2>&1; done',
         host.path / "conf", *host.argv("gc", "--grace-period=0s")])
    try:
        while time.monotonic() < stop:
            r = host.run(image, "say", "alive", "exit", "4")
            assert r.code == 4, r.describe()
            assert r.facts.one("say") == "alive"
    finally:
        loop.kill()
        loop.wait()
        host.swept()


def test_gcs_at_once(host):
    """Who was not the first has nothing to complain of."""
    image = host.store()
    for _ in range(4):
        for _ in range(4):
            host.rkt("prepare", image).ok()
        several = [host.start("gc", "--expire-prepared=0s", "--grace-period=0s")
                   for _ in range(4)]
        assert [c.wait(60) for c in several] == [0] * 4, [
            host.said(c) for c in several]
        assert host.pods() == []


def test_image_rm_races_run(host):
    """An image that is removed while a pod starts: the pod runs, or not."""
    host.trust()
    path = host.write_signed(host.lab.guest_image())
    for i in range(6):
        image = host.rkt("fetch", "--full", path).ok().out.strip()
        child = host.start("run", image, "--", "say", "alive", "exit", "4")
        time.sleep(0.02 * i)
        host.rkt("image", "rm", image)
        code = child.wait(60)
        assert code in (4, 254), host.said(child)
        assert (code == 4) == ("say=alive" in host.said(child))
