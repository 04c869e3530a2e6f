"""The trust store as a whole: what it lists, what it forgets, and keys that
come by themselves."""
import json
import re
import time

import pytest

import images
import webserver


def listed(host):
    return json.loads(host.rkt("trust", "--list", "--format=json").ok().out)


def by_discovery(host, key=None, keys=None, name="example.test/app", **more):
    """A signed image, and the key that its host names."""
    key = key or host.lab.publisher
    image = host.lab.guest_image(name=name)
    return host.publish(
        *host.lab.signed(image, key), name=name,
        keys_at="%s https://example.test/k.asc" % name,
        content={"/k.asc": key.public if keys is None else keys}, **more)


# --- list --------------------------------------------------------------------


def test_trust_list(host):
    one, two = host.lab.publisher, host.lab.other
    host.trust(one, prefix=None)
    host.trust(one, prefix="example.test/app")
    host.trust(two, prefix="other.test")
    host.trust(two, prefix="other.test/a", empty=True)
    r = host.rkt("trust", "--list").ok()
    lines = [re.split(r"\t+", x) for x in r.out.splitlines()]
    assert lines[0][:2] == ["PREFIX", "FINGERPRINT"]
    assert {"MASKED", "FILE"} <= set(lines[0])
    rows = [(x[0], x[1], x[lines[0].index("MASKED")]) for x in lines[1:]]
    assert rows == [
        ("(root)", one.fingerprint, "no"),
        ("example.test/app", one.fingerprint, "no"),
        ("other.test", two.fingerprint, "no"),
        ("other.test/a", two.fingerprint, "mask")]
    r = host.rkt("trust", "--list", "--no-legend").ok()
    assert len(r.out.splitlines()) == 4 and "PREFIX" not in r.out


def test_trust_list_says_who_and_until_when(host):
    """What verify reads of the keys."""
    never = host.lab.publisher
    soon = host.lab.ring.new("Soon Gone <soon@example.test>", expire="30d")
    host.trust(never)
    host.trust(soon)
    host.trust(soon, prefix="other.test", empty=True)
    found = {(k["fingerprint"], k["mask"]): k for k in listed(host)}
    k = found[never.fingerprint, False]
    assert (k["user_id"], k["expires"]) == ("Publisher <p@example.test>", 0)
    k = found[soon.fingerprint, False]
    assert k["user_id"] == "Soon Gone <soon@example.test>"
    assert 29 < (k["expires"] - time.time()) / 86400 < 31
    assert "user_id" not in found[soon.fingerprint, True]
    r = host.rkt("trust", "--list").ok()
    row, = [x for x in r.out.splitlines() if "Publisher" in x]
    assert "never" in row


def test_trust_list_of_more_keys_than_slots(host):
    """Each is reviewed and let go; one that is no key is listed all the
    same."""
    for i in range(70):
        host.trust(prefix="example.test/n%d" % i)
    junk = host.conf / "trustedkeys/root.d" / ("ab" * 20)
    junk.parent.mkdir()
    junk.write_text("junk")
    found = listed(host)
    assert len(found) == 71
    assert len([k for k in found if "user_id" in k]) == 70


def test_trust_list_of_nothing(host):
    assert host.rkt("trust", "--list", "--no-legend").ok().out == ""
    assert listed(host) == []


def test_trust_list_masks_cover_what_is_below(host):
    key = host.lab.publisher
    host.trust(key, prefix="example.test/a/b")
    host.trust(key, prefix="example.test/ab")
    host.trust(key, prefix="example.test/a", empty=True)
    assert [(k["prefix"], k["mask"], k["masked"]) for k in listed(host)] == [
        ("example.test/a", True, True), ("example.test/a/b", False, True),
        ("example.test/ab", False, False)]
    host.trust(key, prefix=None, empty=True)
    assert all(k["masked"] for k in listed(host))


def test_trust_list_names_the_file(host):
    file = host.trust(prefix="example.test")
    assert [k["file"] for k in listed(host)] == [str(file)]


def test_trust_list_passes_over_what_is_no_key(host):
    file = host.trust(prefix="example.test")
    (file.parent / "README").write_text("x")
    (file.parent / "Upper").mkdir()
    (file.parent / ("A" * 40)).write_text("x")
    (file.parent / "loop").symlink_to(file.parent)
    (file.parent / ("b" * 40)).symlink_to(file)
    assert [(k["fingerprint"][:2], k["mask"]) for k in listed(host)] == [
        (host.lab.publisher.fingerprint[:2], False), ("bb", True)] or \
        [(k["fingerprint"][:2], k["mask"]) for k in listed(host)] == [
        ("bb", True), (host.lab.publisher.fingerprint[:2], False)]


# --- remove ------------------------------------------------------------------


def test_trust_remove(host):
    """rkt had no command for this: one removed files by hand."""
    image = host.store()
    key = host.lab.publisher
    r = host.rkt("trust", "--remove", "--prefix=example.test",
                 key.fingerprint).ok()
    at = host.conf / "trustedkeys/prefix.d/example.test" / key.fingerprint
    assert 'Masked key for prefix "example.test" at "%s"' % at in r.out
    assert at.read_bytes() == b"" and at.stat().st_mode & 0o777 == 0o644
    host.rkt("run", image).refused("is not trusted for")
    host.fetch(images.aci(name="example.test/x")).refused()
    assert listed(host)[0]["mask"]


def test_trust_remove_root(host):
    host.trust(prefix="example.test")
    key = host.lab.publisher
    host.rkt("trust", "--remove", "--root", key.fingerprint).ok()
    host.fetch(images.aci(name="example.test/x")).refused()


def test_trust_remove_then_trust_again(host):
    key = host.lab.publisher
    file = host.trust()
    host.rkt("trust", "--remove", "--prefix=example.test",
             key.fingerprint).ok()
    public = host.path / "k.asc"
    public.write_bytes(key.public)
    host.rkt("trust", "--skip-fingerprint-review", "--prefix=example.test",
             public).ok()
    assert file.stat().st_size > 0
    host.fetch(images.aci(name="example.test/x")).ok()


def test_trust_remove_of_several(host):
    host.trust(host.lab.publisher)
    host.trust(host.lab.other)
    host.rkt("trust", "--remove", "--prefix=example.test",
             host.lab.publisher.fingerprint, host.lab.other.fingerprint).ok()
    assert [k["mask"] for k in listed(host)] == [True, True]


def test_trust_remove_of_a_key_that_is_not_there(host):
    r = host.rkt("trust", "--remove", "--prefix=example.test", "ab" * 20).ok()
    assert "no key %s was trusted" % ("ab" * 20) in r.err


@pytest.mark.parametrize("words", [
    ["--remove"], ["--remove", "--prefix=example.test"],
    ["--remove", "F"], ["--remove", "--root", "--prefix=example.test", "F"],
    ["--remove", "--root", "abcd"], ["--remove", "--root", "AB" * 20],
    ["--remove", "--root", "../" + "a" * 37], ["--remove", "--list", "--root"],
    ["--list", "--root"], ["--list", "F"], ["--no-legend", "--root", "F"],
    ["--remove", "--prefix=../../etc", "F"]])
def test_trust_words_that_do_not_go_together(host, words):
    words = [w.replace("F", "ab" * 20) if w == "F" else w for w in words]
    host.rkt("trust", *words).refused("trust: ")
    assert not (host.conf / "trustedkeys").exists()


# --- keys that come by themselves --------------------------------------------


def test_fetch_without_a_key_asks_for_nothing(host):
    """The image is not downloaded for a signer whom no one knows."""
    server = by_discovery(host)
    host.rkt("fetch", "example.test/app:1.0").refused(
        "is not trusted", 'rkt trust --prefix "example.test/app"')
    assert server.requests == []
    host.nothing_stored()


def test_fetch_trusts_keys_from_https(host):
    by_discovery(host)
    r = host.rkt("--trust-keys-from-https", "fetch",
                 "example.test/app:1.0").ok()
    assert "without fingerprint review" in r.out
    key = host.lab.publisher.fingerprint
    assert [(k["prefix"], k["fingerprint"]) for k in listed(host)] == [
        ("example.test/app", key)]
    assert r.out.splitlines()[-1].startswith("sha512-")


def test_keys_from_https_are_refused_by_site_policy(host):
    """The line that says so is named; nothing is trusted, nothing stored."""
    image, signature = host.lab.signed(images.aci(name="example.test/app"))
    host.publish(image, signature,
                 keys_at="example.test https://example.test/key",
                 content={"/key": host.lab.publisher.public})
    host.policy("trust-keys-from-https no\n")
    host.rkt("--trust-keys-from-https", "fetch",
             "example.test/app:1.0").refused("trust-keys-from-https no")
    host.nothing_stored()
    assert not (host.conf / "trustedkeys").exists()


def test_run_trusts_keys_from_https(host):
    by_discovery(host)
    host.rkt("run", "--trust-keys-from-https", "example.test/app:1.0").ok()


def test_keys_from_https_are_not_taken_where_one_is_known(host):
    """A name whose signer is known gets no second one by itself."""
    host.trust(host.lab.other)
    server = by_discovery(host)
    host.rkt("--trust-keys-from-https", "fetch",
             "example.test/app:1.0").refused()
    assert not [r for r in server.requests if r.path == "/k.asc"]
    assert len(listed(host)) == 1


def test_keys_from_https_do_not_cross_a_mask(host):
    by_discovery(host)
    host.trust(empty=True)
    host.rkt("--trust-keys-from-https", "fetch",
             "example.test/app:1.0").refused()
    host.nothing_stored()


def test_keys_from_http_are_not_taken(host):
    image = images.aci(name="example.test/app")
    host.publish(*host.lab.signed(image),
                 keys_at="example.test/app http://example.test/k.asc")
    host.serve({"/k.asc": host.lab.publisher.public}, port=80, tls=None)
    host.rkt("--trust-keys-from-https", "--insecure-options=http", "fetch",
             "example.test/app:1.0").refused()
    assert listed(host) == []


@pytest.mark.parametrize("keys", [b"", b"junk", b"x" * 300000],
                         ids=["empty", "junk", "large"])
def test_keys_from_https_that_are_none(host, keys):
    by_discovery(host, keys=keys)
    host.rkt("--trust-keys-from-https", "fetch",
             "example.test/app:1.0").refused()
    assert listed(host) == []
    host.nothing_stored()


def test_trust_by_url(host):
    by_discovery(host)
    host.rkt("trust", "--skip-fingerprint-review", "--prefix=example.test/app",
             "https://example.test/k.asc").ok()
    host.rkt("fetch", "example.test/app:1.0").ok()


def test_trust_by_url_that_is_not_there(host):
    by_discovery(host)
    host.rkt("trust", "--skip-fingerprint-review", "--root",
             "https://example.test/no.asc").refused("404")


def test_trust_by_http(host):
    host.serve({"/k.asc": host.lab.publisher.public}, port=80, tls=None)
    words = ["trust", "--skip-fingerprint-review", "--prefix=example.test",
             "http://example.test/k.asc"]
    host.rkt(*words).refused("http")
    assert listed(host) == []
    host.rkt(*words, "--insecure-allow-http").ok()
    assert len(listed(host)) == 1


def test_trust_discovers_several_keys_of_a_file(host):
    """Each is shown; each is taken."""
    both = host.lab.ring.gpg("--armor", "--export",
                             host.lab.publisher.fingerprint,
                             host.lab.other.fingerprint)
    by_discovery(host, keys=both)
    r = host.rkt("trust", "--skip-fingerprint-review",
                 "--prefix=example.test/app").ok()
    assert r.out.count("gpg key fingerprint is:") == 2
    assert len(listed(host)) == 2


def test_trust_discovery_without_keys(host):
    host.serve({"/app": webserver.discovery_page("example.test/app x")})
    host.rkt("trust", "--skip-fingerprint-review",
             "--prefix=example.test/app").refused("discover")
