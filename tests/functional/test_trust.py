"""Whose word counts for what: rkt trust, the trust store, its masks."""
import os

import pytest

import images


def key_file(host, *keys):
    """A file with keys, as a publisher gives it away."""
    path = host.path / "pubkeys.asc"
    fingerprints = [k.fingerprint for k in keys]
    path.write_bytes(keys[0].ring.gpg("--armor", "--export", *fingerprints))
    return path


def in_fours(fingerprint):
    return " ".join(fingerprint[i:i + 4] for i in range(0, 40, 4))


def stored_key(host, key, prefix=None):
    below = "prefix.d/" + prefix if prefix else "root.d"
    return host.conf / "trustedkeys" / below / key.fingerprint


def test_trust_dialogue_yes(host):
    key = host.lab.publisher
    file = key_file(host, key)
    code, text = host.talk(
        ["trust", "--prefix=example.test/app", file],
        [("Are you sure you want to trust this key (yes/no)?", "maybe\n"),
         ("Please enter 'yes' or 'no'", "yes\n")])
    assert code == 0, text
    at = stored_key(host, key, "example.test/app")
    for line in ('prefix: "example.test/app"', 'key: "%s"' % file,
                 "gpg key fingerprint is: " + in_fours(key.fingerprint),
                 "\tPublisher <p@example.test>",
                 'Added key for prefix "example.test/app" at "%s"' % at):
        assert line in text, text
    assert at.stat().st_mode & 0o7777 == 0o644 and at.stat().st_uid == 0
    assert at.parent.stat().st_mode & 0o7777 == 0o755


def test_trust_dialogue_no(host):
    key = host.lab.publisher
    file = key_file(host, key)
    code, text = host.talk(
        ["trust", "--prefix=example.test", file],
        [("Are you sure you want to trust this key (yes/no)?", "no\n")])
    assert 'not trusting "%s"' % file in text
    assert not stored_key(host, key, "example.test").exists()
    assert code in (0, 254)


def test_trust_without_terminal_is_refused(host):
    r = host.rkt("trust", "--prefix=example.test",
                 key_file(host, host.lab.publisher))
    r.refused('To trust the key for "example.test", do one of the following:',
              ' - run: rkt trust --prefix "example.test"')
    assert not (host.conf / "trustedkeys").exists()


def test_trust_skip_review(host):
    key = host.lab.publisher
    r = host.rkt("trust", "--skip-fingerprint-review", "--prefix=example.test",
                 key_file(host, key)).ok()
    assert "gpg key fingerprint is: " + in_fours(key.fingerprint) in r.out
    host.fetch(images.aci(name="example.test/x")).ok()


def test_trust_root(host):
    key = host.lab.publisher
    r = host.rkt("trust", "--skip-fingerprint-review", "--root",
                 key_file(host, key)).ok()
    assert 'Added root key at "%s"' % stored_key(host, key) in r.out
    host.fetch(images.aci(name="anywhere.example/x")).ok()


def test_trust_in_a_configuration_that_is_not_there(host):
    """The first key makes the directories."""
    new = host.path / "new" / "conf"
    key = host.lab.publisher
    host.bare(str(host.argv()[0]), "--dir=%s" % host.data,
              "--local-config=%s" % new, "trust", "--skip-fingerprint-review",
              "--root", str(key_file(host, key))).ok()
    assert (new / "trustedkeys" / "root.d" / key.fingerprint).exists()


def test_trust_several_keys_of_a_file(host):
    host.rkt("trust", "--skip-fingerprint-review", "--prefix=example.test",
             key_file(host, host.lab.publisher, host.lab.other)).ok()
    for key in (host.lab.publisher, host.lab.other):
        host.fetch(images.aci(name="example.test/x"), key).ok()


@pytest.mark.parametrize("words, said", [
    (["KEY"], "aborting due to implicit unbounded trust (root domain)"),
    (["--root", "--prefix=example.test", "KEY"],
     "--root and --prefix usage mutually exclusive"),
    (["--prefix=https://example.test", "KEY"],
     "--prefix must not contain a URL scheme, omit https://"),
    (["--prefix=example.test/../x", "KEY"], "--prefix"),
    (["--prefix=Example.Test", "KEY"], "--prefix"),
    (["--prefix=example.test/*", "KEY"], "--prefix"),
    ([], "--prefix"),
])
def test_trust_wrong_words(host, words, said):
    file = str(key_file(host, host.lab.publisher))
    host.rkt("trust", "--skip-fingerprint-review",
             *[file if w == "KEY" else w for w in words]).refused(said)
    assert not (host.conf / "trustedkeys").exists()


NO_KEYS = {
    "empty": b"",
    "text": b"hello\n",
    "zeros": bytes(100000),
    "armour": b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n"
              b"-----END PGP PUBLIC KEY BLOCK-----\n",
    "large": b"x" * 262145,
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_trust_what_is_no_key(host, name):
    path = host.path / name
    path.write_bytes(NO_KEYS[name])
    host.rkt("trust", "--skip-fingerprint-review", "--root", path).refused()
    assert not (host.conf / "trustedkeys").exists()


def test_trust_secret_key_is_refused(host):
    key = host.lab.publisher
    path = host.path / "secret"
    path.write_bytes(key.ring.gpg("--armor", "--export-secret-keys",
                                  key.fingerprint))
    host.rkt("trust", "--skip-fingerprint-review", "--root", path).refused()


def test_trust_by_url(host):
    server = host.serve({"/k.asc": host.lab.publisher.public})
    host.rkt("trust", "--skip-fingerprint-review", "--prefix=example.test",
             "https://example.test/k.asc").ok()
    assert [q.path for q in server.requests] == ["/k.asc"]
    host.fetch(images.aci(name="example.test/x")).ok()


def test_trust_by_discovery(host):
    image, signature = host.lab.signed(images.aci(name="example.test/app"))
    host.publish(image, signature,
                 keys_at="example.test/app https://example.test/k.asc",
                 content={"/k.asc": host.lab.publisher.public})
    host.rkt("trust", "--skip-fingerprint-review",
             "--prefix=example.test/app").ok()
    host.rkt("fetch", "example.test/app:1.0").ok()


# --- what a prefix covers ----------------------------------------------------


@pytest.mark.parametrize("prefix, name, good", [
    ("example.test", "example.test", True),
    ("example.test", "example.test/et", True),
    ("example.test/et", "example.test/et", True),
    ("example.test/et", "example.test/et/cd", True),
    ("example.test/et", "example.test/etcd", False),
    ("example.test/etcd", "example.test/et", False),
    ("example.test", "example.tester", False),
    ("example.test", "example.test.evil", False),
    ("example.test/a/b", "example.test/a", False),
    (None, "example.test/any", True),
])
def test_prefix_by_element(host, prefix, name, good):
    """rkt compared strings: a key of example.test/et spoke for
    example.test/etcd."""
    host.trust(prefix=prefix)
    r = host.fetch(images.aci(name=name))
    if good:
        r.ok()
    else:
        r.refused("is not trusted for", name)
        host.nothing_stored()


def test_no_keys_at_all(host):
    host.fetch(images.aci()).refused("not trusted")
    host.nothing_stored()


@pytest.mark.parametrize("mask", [None, "example.test", "example.test/a",
                                  "example.test/a/b"])
@pytest.mark.parametrize("key", [None, "example.test", "example.test/a",
                                 "example.test/a/b"])
def test_mask_wins_at_any_level(host, key, mask):
    """An empty file takes the key away, wherever it lies on the path."""
    if key != mask:
        host.trust(prefix=key)
    host.trust(prefix=mask, empty=True)
    host.fetch(images.aci(name="example.test/a/b")).refused()
    host.nothing_stored()


def test_mask_elsewhere_does_not_matter(host):
    host.trust(prefix="example.test")
    host.trust(prefix="other.test", empty=True)
    host.trust(prefix="example.test/b", empty=True)
    host.fetch(images.aci(name="example.test/a")).ok()


def test_mask_takes_one_key_of_two(host):
    host.trust(host.lab.publisher)
    host.trust(host.lab.other)
    host.trust(host.lab.publisher, empty=True)
    host.fetch(images.aci(name="example.test/x")).refused()
    host.fetch(images.aci(name="example.test/x"), host.lab.other).ok()


def test_second_key_signs_too(host):
    host.trust(host.lab.publisher)
    image = images.aci(name="example.test/x")
    host.fetch(image, host.lab.other).refused(host.lab.other.fingerprint)
    host.trust(host.lab.other)
    host.fetch(image, host.lab.other).ok()


@pytest.mark.parametrize("change", ["mode", "owner", "link"])
def test_key_file_that_anyone_could_have_written(host, change):
    """It counts for nothing."""
    file = host.trust()
    if change == "mode":
        file.chmod(0o666)
    elif change == "owner":
        os.chown(file, 65534, 65534)
    else:
        target = host.path / "elsewhere"
        target.write_bytes(file.read_bytes())
        file.unlink()
        file.symlink_to(target)
    host.fetch(images.aci()).refused()
    host.nothing_stored()


def test_key_gone_after_fetch_stops_next_run(host):
    """Trust is asked at each launch, not only at fetch."""
    image = host.store()
    host.rkt("run", image).ok()
    file = host.trust()
    text = file.read_bytes()
    file.unlink()
    host.rkt("run", image).refused("is not trusted for")
    file.write_bytes(b"")
    host.rkt("run", image).refused("is not trusted for")
    file.write_bytes(text)
    host.rkt("run", image).ok()
