"""Site policy: what it forbids no switch of the command line brings back."""
import pytest

import images
from images import app


def test_policy_locks_insecure_options(host):
    image = host.lab.guest_image()
    path = host.write_signed(image)
    host.trust()
    host.rkt("fetch", path).ok()
    host.policy("insecure-options none\n")
    for option in ("image", "tls", "http", "pubkey", "all", "all-fetch"):
        host.rkt("--insecure-options=" + option, "fetch", path).refused(
            "policy")
    for option in ("image", "seccomp", "capabilities", "paths", "all-run"):
        host.rkt("--insecure-options=" + option, "run",
                 "example.test/guest").refused("policy")
    assert host.pods() == []
    host.rkt("run", "example.test/guest").ok()
    host.rkt("--insecure-options=none", "run", "example.test/guest").ok()


def test_policy_allows_some(host):
    host.policy("insecure-options seccomp\n")
    image = host.store()
    host.run(image, pod=["--insecure-options=seccomp"]).ok()
    host.run(image, pod=["--insecure-options=seccomp,paths"]).refused("policy")


def test_policy_denies_a_digest_at_launch(host):
    image = host.store()
    host.rkt("run", image).ok()
    host.policy("deny-digest %s\n" % image)
    host.rkt("run", image).refused("deny-digest")
    host.rkt("fetch", host.path / "image.aci").refused("deny-digest")
    host.policy("deny-digest sha512-%s\n" % ("0" * 128))
    host.rkt("run", image).ok()


def test_policy_denies_a_key_at_launch(host):
    image = host.store()
    host.policy("deny-key %s\n" % host.lab.publisher.fingerprint)
    host.rkt("run", image).refused(host.lab.publisher.fingerprint)
    host.rkt("fetch", host.path / "image.aci").refused()
    host.policy("deny-key %s\n" % host.lab.other.fingerprint)
    host.rkt("run", image).ok()


def test_policy_pins_images(host):
    image = host.store()
    host.policy("pin-digest sha512-%s\n" % ("0" * 128))
    host.rkt("run", image).refused("pin-digest")
    host.policy("pin-digest sha512-%s\npin-digest %s\n" % ("0" * 128, image))
    host.rkt("run", image).ok()


def test_policy_checks_the_tree_at_launch(host):
    host.policy("check-tree launch\n")
    image = host.store(files=[images.member("rootfs/f", b"x")])
    host.rkt("run", image).ok()
    (host.data / "image" / image / "tree/rootfs/f").write_bytes(b"y")
    host.rkt("run", image).refused("is not what its record says")


def test_policy_caps_and_net(host):
    image = host.store()
    host.policy("capabilities-operator default\nnet-host no\n"
                "seccomp-operator default\n")
    host.run(image, app=["--caps-retain=CAP_SYS_ADMIN"]).refused("policy")
    host.run(image, pod=["--net=host"]).refused("policy")
    host.run(image, app=["--caps-retain=CAP_CHOWN"]).ok()


def test_policy_narrows_images(host):
    """What images may ask is a ceiling for the default, too."""
    host.policy("capabilities-image CAP_CHOWN\n")
    r = host.run(host.store(), "facts")
    if r.code == 0:
        assert int(r.facts.status("CapBnd"), 16) == 1
    else:
        r.refused("policy")


def test_policy_sizes(host):
    host.trust()
    host.policy("max-image-size 4096\n")
    image = images.aci([images.member("rootfs/f", bytes(8192))])
    host.fetch(image).refused("too large")
    signed = host.lab.signed(image)
    host.serve({"/x.aci": signed[0], "/x.aci.asc": signed[1]})
    host.rkt("fetch", "https://example.test/x.aci").refused()
    host.nothing_stored()


BAD = ["nonsense 1\n", "insecure-options everything\n",
       "insecure-options none\ninsecure-options all\n", "net-host\n",
       "net-host maybe\n", "max-image-size -1\n", "max-image-size 1x\n",
       "deny-digest sha512-12\n", "deny-key 12\n", "net-host no\0\n",
       "capabilities-image CAP_NONE\n", "\x01\n", "x" * 70000]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_policy_file_that_is_wrong(host, number):
    """Nothing starts; the line is named."""
    image = host.store()
    host.policy(BAD[number])
    r = host.rkt("run", image)
    r.refused("site policy")
    host.rkt("list").refused("site policy")
    assert host.pods() == []


def test_policy_file_that_others_can_write(host):
    from host import POLICY
    import os
    host.policy("insecure-options none\n")
    POLICY.chmod(0o666)
    host.rkt("list").refused("site policy")
    POLICY.chmod(0o644)
    os.chown(POLICY, 65534, 0)
    host.rkt("list").refused("site policy")
    os.chown(POLICY, 0, 0)
    host.rkt("list").ok()
    text = host.path / "elsewhere"
    text.write_text("insecure-options all\n")
    POLICY.unlink()
    POLICY.symlink_to(text)
    host.rkt("list").refused("site policy")


def test_policy_lint(host):
    rkt = str(host.argv()[0])
    host.policy("insecure-options none\n")
    host.bare(rkt, "policy", "lint").ok()
    host.policy("insecure-options none\nnonsense 1\n")
    r = host.bare(rkt, "policy", "lint")
    assert r.code == 254 and "2" in r.err and "nonsense" in r.err


def test_policy_production_file(host):
    """The example as shipped: good, and locks."""
    from host import PREFIX
    host.policy((PREFIX / "lib/rkt/policy.production").read_text())
    image = host.store(section=app("/bin/guest"))
    host.rkt("run", image).ok()
    host.rkt("--insecure-options=all", "run", image).refused("policy")
    host.rkt("run", "--net=host", image).refused("policy")
