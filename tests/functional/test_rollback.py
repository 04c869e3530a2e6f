"""Roll-back protection (CVE-2022-29173, CVE-2025-2888): what was admitted once
is a floor for its name and key, where site policy says "rollback refuse"."""
import contextlib
import os
import signal
import subprocess
import time

import images
import pytest

DAYS = ["20250101T000000", "20250201T000000", "20250301T000000"]
REFUSE = "rollback refuse\n"


@pytest.fixture(scope="module")
def old_key(lab):
    """A key that could sign a while ago."""
    return lab.ring.new("Old <old@example.test>", when="20240101T000000")


@pytest.fixture(scope="module")
def release(lab, old_key):
    """release(n, ...): the image of that day, with its signature."""
    made = {}

    def make(day, key=old_key, **facts):
        facts.setdefault("version", "%d.0" % (day + 1))
        mark = (day, key.fingerprint, repr(sorted(facts.items())))
        if mark not in made:
            if facts.pop("guest", False):
                image = lab.guest_image(name="example.test/app", **facts)
            else:
                image = images.aci(**facts)
            made[mark] = image, key.sign(image, when=DAYS[day])
        return made[mark]
    return make


def fetch(host, pair, **more):
    return host.rkt("fetch", "--full", host.write(*pair), **more)


def states(host):
    """{path below rollback/: text}"""
    top = host.data / "rollback"
    return {str(p.relative_to(top)): p.read_text()
            for p in top.glob("*/[!.]*")} if top.exists() else {}


def only_state(host):
    found = list((host.data / "rollback").glob("*/[!.]*"))
    assert len(found) == 1, found
    return found[0]


def test_older_image_is_refused(host, release, old_key):
    host.trust(old_key)
    host.policy(REFUSE)
    fetch(host, release(0)).ok()
    fetch(host, release(1)).ok()
    r = fetch(host, release(0)).refused("rollback refuse", "31 days",
                                        "rollback/example.test,app/")
    assert r.out == ""
    fetch(host, release(2)).ok()
    fetch(host, release(1)).refused("rollback refuse")
    assert len(host.images()) == 3


def test_older_image_is_refused_after_the_newer_was_removed(host, release,
                                                            old_key):
    host.trust(old_key)
    host.policy(REFUSE)
    fetch(host, release(1)).ok()
    host.rkt("image", "rm", "example.test/app").ok()
    fetch(host, release(0)).refused("rollback refuse")
    host.nothing_stored()


def test_same_age_is_not_older(host, release, old_key):
    host.trust(old_key)
    host.policy(REFUSE)
    fetch(host, release(1)).ok()
    fetch(host, release(1)).ok()
    fetch(host, release(1, version="2.0-b")).ok()


def test_allowed_by_default_and_noted(host, release, old_key):
    """So that the day policy asks, history is there."""
    host.trust(old_key)
    fetch(host, release(1)).ok()
    fetch(host, release(0)).ok()
    assert list(states(host)) == ["example.test,app/%s-linux-amd64"
                                  % old_key.fingerprint]
    assert int(only_state(host).read_text()) > 1738000000
    host.policy(REFUSE)
    fetch(host, release(0)).refused("rollback refuse")


def test_state_is_roots_alone(host, release, old_key):
    host.trust(old_key)
    fetch(host, release(0)).ok()
    file = only_state(host)
    for path, mode in ((file, 0o600), (file.parent, 0o700),
                       (file.parent.parent, 0o700)):
        st = path.stat()
        assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (0, 0, mode)


def test_older_image_does_not_run(host, release, old_key):
    """At launch, too: what came before stays in the store, and stays there."""
    host.trust(old_key)
    old = fetch(host, release(0, guest=True)).ok().out.strip()
    new = fetch(host, release(1, guest=True)).ok().out.strip()
    host.run(old).ok()
    host.policy(REFUSE)
    host.run(old).refused("rollback refuse", "31 days")
    host.run(new).ok()


def test_names_do_not_interfere(host, release, old_key):
    host.trust(old_key)
    host.policy(REFUSE)
    fetch(host, release(2)).ok()
    for name in ("example.test/app/x", "example.test/ap", "example.test/app-x",
                 "example.test"):
        fetch(host, release(0, name=name)).ok()
    assert len(states(host)) == 5


def test_os_and_arch_do_not_interfere(host, release, old_key):
    host.trust(old_key)
    host.policy(REFUSE)
    fetch(host, release(2)).ok()
    other = release(0, labels={"version": "1.0", "os": "linux",
                               "arch": "aarch64"})
    fetch(host, other).ok()
    fetch(host, release(0)).refused("rollback refuse")


def test_odd_os_and_arch_share_a_floor(host, release, old_key):
    """Labels are any text: none of it becomes a path."""
    host.trust(old_key)
    host.policy(REFUSE)
    odd = [{"os": "../../../etc", "arch": "a/b"}, {"os": "x" * 200,
                                                   "arch": ".."}]
    fetch(host, release(1, labels=odd[0])).ok()
    assert only_state(host).name == old_key.fingerprint + "--"
    fetch(host, release(0, labels=odd[1])).refused("rollback refuse")


def test_keys_do_not_interfere(host, lab, release, old_key):
    """Who has stolen one key cannot freeze the name for another."""
    second = lab.ring.new("Second <s@example.test>", when="20240101T000000")
    host.trust(old_key)
    host.trust(second)
    host.policy(REFUSE)
    fetch(host, release(2, key=second)).ok()
    fetch(host, release(0)).ok()
    fetch(host, release(1, key=second)).refused("rollback refuse")
    assert len(states(host)) == 2


def test_failed_fetches_move_nothing(host, lab, release, old_key):
    """A bad signature, an untrusted key, a bad archive, another name."""
    host.trust(old_key)
    host.policy(REFUSE)
    fetch(host, release(0)).ok()
    before = states(host)
    image, signature = release(2)
    fetch(host, (image[:-512], signature)).refused()
    fetch(host, (image, lab.other.sign(image))).refused()
    bad = images.archive(images.member("rootfs/../../x", b"x"))
    fetch(host, (bad, old_key.sign(bad, when=DAYS[2]))).refused()
    server = host.publish(*release(2, name="example.test/other"))
    host.rkt("fetch", "example.test/app:1.0").refused()
    server.close()
    assert states(host) == before
    fetch(host, release(1)).ok()


def test_unsigned_image_moves_nothing(host, release, old_key):
    host.trust(old_key)
    host.policy(REFUSE + "insecure-options image\n")
    fetch(host, release(1)).ok()
    before = states(host)
    image, _ = release(0)
    host.rkt("--insecure-options=image", "fetch", host.write(image)).ok()
    assert states(host) == before


@pytest.mark.parametrize("text", ["", "0\n", "x\n", "1", "-1\n", "1\n2\n",
                                  "99999999999999999999999\n", "01\n",
                                  "1" * 100 + "\n", " 1\n", "1\0\n"])
def test_tampered_state_is_refused_loudly(host, release, old_key, text):
    host.trust(old_key)
    fetch(host, release(0)).ok()
    only_state(host).write_text(text)
    host.policy(REFUSE)
    r = fetch(host, release(1)).refused("damaged", "rollback/example.test,app/")
    assert len(host.images()) == 1 and r.out == ""
    assert only_state(host).read_text() == text
    only_state(host).unlink()
    fetch(host, release(1)).ok()


def test_state_of_another_user_is_refused(host, release, old_key):
    host.trust(old_key)
    host.policy(REFUSE)
    fetch(host, release(0)).ok()
    os.chown(only_state(host), 1, 1)
    fetch(host, release(1)).refused("damaged")
    os.chown(only_state(host), 0, 0)
    only_state(host).chmod(0o622)
    fetch(host, release(1)).refused("damaged")


def test_state_that_is_a_link_is_refused(host, release, old_key, tmp_path):
    host.trust(old_key)
    host.policy(REFUSE)
    fetch(host, release(1)).ok()
    file = only_state(host)
    (tmp_path / "low").write_text("1\n")
    file.unlink()
    file.symlink_to(tmp_path / "low")
    fetch(host, release(0)).refused("damaged")
    assert (tmp_path / "low").read_text() == "1\n"


def test_tampered_state_warns_where_policy_does_not_ask(host, release,
                                                        old_key):
    host.trust(old_key)
    fetch(host, release(0)).ok()
    only_state(host).write_text("x\n")
    r = fetch(host, release(1)).ok()
    assert "warning: rollback/example.test,app/" in r.err


def test_killed_between_commit_and_state(host, release, old_key):
    """What is in the store counts, noted or not."""
    host.trust(old_key)
    host.policy(REFUSE)
    fetch(host, release(0)).ok()
    floor = only_state(host).read_text()
    fetch(host, release(2)).ok()
    only_state(host).write_text(floor)
    fetch(host, release(1)).refused("rollback refuse")
    fetch(host, release(2)).ok()
    assert int(only_state(host).read_text()) > int(floor)


def test_kill_fetch_at_any_moment_and_the_floor_holds(host, release, old_key):
    """Whenever it was killed: once the newer image is in the store, the older
    one is refused, and before that it is not."""
    host.trust(old_key)
    host.policy(REFUSE)
    path = host.write(*release(1))
    whole = host.rkt("fetch", path).ok().seconds
    for i in range(12):
        host.rkt("image", "rm", "example.test/app")
        subprocess.run(["rm", "-rf", host.data / "rollback"], check=True)
        child = host.start("fetch", path)
        time.sleep(whole * (0.5 + i * 0.06))
        child.send_signal(signal.SIGKILL)
        child.wait(60)
        host.swept()
        newer = bool(host.images())
        host.write(*release(0), name="old.aci")
        r = host.rkt("fetch", host.path / "old.aci")
        assert (r.code != 0) == newer, r.describe()
        host.write(*release(1))


def test_full_disk(small_host, release, old_key):
    """No room to note it: said, and the floor holds by the store."""
    host = small_host
    host.trust(old_key)
    host.policy(REFUSE)
    fetch(host, release(0)).ok()
    # A directory where the new file would be stands for the full disk, which
    # comes too early otherwise.
    (only_state(host).parent / ".new").mkdir()
    fetch(host, release(1)).refused("not that it was seen")
    assert len(host.images()) == 2
    fetch(host, release(0)).refused("rollback refuse")
    (only_state(host).parent / ".new").rmdir()
    fetch(host, release(1)).ok()
    host.policy("rollback allow\n")
    fill = host.data / "fill"
    fd = os.open(fill, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while os.write(fd, bytes(4096)):
            pass
    os.close(fd)
    before = states(host)
    fetch(host, release(2)).refused()
    assert states(host) == before
    fill.unlink()


def test_two_at_once_leave_the_newest(host, release, old_key):
    host.trust(old_key)
    paths = [host.write(*release(i % 3, version="%d.1" % i),
                        name="%d.aci" % i) for i in range(6)]
    children = [host.start("fetch", p) for p in paths]
    assert [c.wait(60) for c in children] == [0] * 6
    newest = max(int(line.split()[1]) for p in host.data.glob("image/*/record")
                 for line in p.read_text().splitlines()
                 if line.startswith("signed-at "))
    assert int(only_state(host).read_text()) == newest


def test_policy_lint_knows_it(host):
    host.policy("rollback maybe\n")
    host.rkt("policy", "lint").refused("rollback")
