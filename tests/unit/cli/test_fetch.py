"""rkt fetch and rkt trust against a scripted launcher and fetcher."""
import time

import pytest

import world
from fakefetcher import Fetching
from fakelauncher import refuse

SHORT = world.image_id("fetched")[:7 + 32] + "\n"
URL = "https://example.com/hello.aci"
PAGES = {URL: [(200, 900)], URL + ".asc": [(200, 90)]}
SEALS = 1 | 2 | 4 | 8


def pages(**changes):
    p = {k: list(v) for k, v in PAGES.items()}
    p.update(changes)
    return p


def test_file(data):
    r = Fetching(data).run("fetch", "./hello.aci")
    assert (r.code, r.out) == (0, SHORT), r.err
    files = [m.fields for m in r.asked if m.name == "GET_FILE"]
    assert files == [{"path": "./hello.aci", "kind": 1},
                     {"path": "./hello.aci.asc", "kind": 2}]
    assert r.one("ADMIT_IMAGE") == {"image": 0, "signature": 1, "name": "",
                                    "origin": "./hello.aci", "insecure": 0,
                                    "etag": "", "max_age": 0}
    assert "image: using image from file ./hello.aci\n" in r.err
    assert "image: signature verified:\nimage:   key " + "ab" * 20 in r.err


def test_file_with_signature_and_full_id(data):
    r = Fetching(data).run("fetch", "--full", "--signature=/s", "/x/y")
    assert (r.code, r.out) == (0, world.image_id("fetched") + "\n"), r.err
    assert [m.fields["path"] for m in r.asked if m.name == "GET_FILE"] == [
        "/x/y", "/s"]


def test_file_url(data):
    r = Fetching(data).run("fetch", "file:///x/y.aci")
    assert r.code == 0 and r.asked[1].fields["path"] == "/x/y.aci"


def test_missing_signature(data):
    def get(launcher, m):
        if m.fields["kind"] == 2:
            return "REFUSED", {"code": 5, "text": 'cannot open "x.asc"'}
        return "SLOT", {"slot": launcher.new_slots(1)}

    r = Fetching(data, handlers={"GET_FILE": get}).run("fetch", "/x.aci")
    assert r.code == 254 and "ADMIT_IMAGE" not in r.types()
    assert 'fetch: cannot open "x.asc"' in r.err
    assert "signature not found" in r.err
    assert "--insecure-options=image" in r.err
    assert r.err.count("fetch: ") == 1, r.err


def test_insecure_image_asks_for_no_signature(data):
    r = Fetching(data, signer="").run("--insecure-options=image", "fetch",
                                      "/x.aci")
    assert r.code == 0, r.err
    assert r.one("ADMIT_IMAGE")["signature"] == 0xffff
    assert r.one("ADMIT_IMAGE")["insecure"] == 1
    assert "image signature verification has been disabled" in r.err


def test_insecure_options_beyond_policy(data):
    r = Fetching(data, insecure_allowed=0).run("--insecure-options=tls",
                                               "fetch", "/x.aci")
    assert r.code == 254 and r.types() == ["HELLO"]
    assert "site policy does not allow --insecure-options=tls" in r.err


def test_url_signature_first(data):
    r = Fetching(data, pages=pages()).run("fetch", URL)
    assert (r.code, r.out) == (0, SHORT), r.err
    assert r.launcher.urls() == [(0, URL + ".asc"), (1, URL)]
    assert r.types() == ["HELLO", "START_FETCHER", "REAP_FETCHER",
                         "ADMIT_IMAGE"]
    assert r.asked[1].fields == {"count": 2, "kinds": b"\2\1"}
    assert r.one("ADMIT_IMAGE")["origin"] == URL
    assert 'image: remote fetching from URL "%s"\n' % URL in r.err
    assert "Downloading ACI: 900B in " in r.err


def test_url_with_query(data):
    u = "https://h/x.aci?a=b"
    r = Fetching(data, pages={u: [(200, 9)],
                              "https://h/x.aci.asc?a=b": [(200, 9)]}).run(
                                  "fetch", u)
    assert r.code == 0, r.err


def test_no_signature_no_image(data):
    r = Fetching(data, pages=pages(**{URL + ".asc": ["%s: 404" % URL]})).run(
        "fetch", URL)
    assert r.code == 254 and len(r.launcher.urls()) == 1
    assert "ADMIT_IMAGE" not in r.types()
    assert "signature not found" in r.err
    assert r.err.count("fetch: ") == 1, r.err


@pytest.mark.parametrize("code,remedy", [
    (2, "ca.d/NAME.pem"), (4, ""), (6, "--insecure-options=http")])
def test_what_is_not_a_missing_signature(data, code, remedy):
    """A server that cannot be asked is no reason to go without."""
    r = Fetching(data, pages=pages(**{URL + ".asc": [(code, "it is so")]})
                 ).run("fetch", URL)
    assert r.code == 254 and "fetch: it is so" in r.err and remedy in r.err
    assert "signature not found" not in r.err
    assert "--insecure-options=image" not in r.err


def test_deferred_signature(data):
    r = Fetching(data, pages=pages(
        **{URL + ".asc": [(202, 0), (200, 90)]})).run("fetch", URL)
    assert r.code == 0, r.err
    assert [u for _, u in r.launcher.urls()] == [URL + ".asc", URL,
                                                 URL + ".asc"]


def test_signature_deferred_twice(data):
    r = Fetching(data, pages=pages(
        **{URL + ".asc": [(202, 0), (202, 0)]})).run("fetch", URL)
    assert r.code == 254 and "ADMIT_IMAGE" not in r.types()
    assert "second time" in r.err


@pytest.mark.parametrize("status", [202, 204, 206, 304, 500])
def test_image_status(data, status):
    r = Fetching(data, pages=pages(**{URL: [(status, 0)]})).run("fetch", URL)
    assert r.code == 254 and "ADMIT_IMAGE" not in r.types()
    assert "bad HTTP status code: %d" % status in r.err


def test_name_by_discovery(data):
    r = Fetching(data, pages=pages(), endpoints=[URL, URL + ".asc"]).run(
        "fetch", "example.com/hello:1.0")
    assert (r.code, r.out) == (0, SHORT), r.err
    found = [m.fields for m in r.launcher.requests if m.name == "DISCOVER"]
    assert found == [{"name": "example.com/hello", "want": 1, "labels": [
        "arch=amd64", "os=linux", "version=1.0"], "authorization": ""}]
    assert r.one("ADMIT_IMAGE")["name"] == "example.com/hello"
    assert "image: searching for app image example.com/hello\n" in r.err


def test_validators_go_into_the_record(data):
    f = Fetching(data, pages=pages(**{URL: [(200, 9)]}))
    f.said = {URL: {"etag": '"x"', "max_age": 60}}
    sent = f.run("fetch", URL).one("ADMIT_IMAGE")
    assert (sent["etag"], sent["max_age"]) == ('"x"', 60)
    assert [m.fields["etag"] for m in f.requests if m.name == "GET"] == ["", ""]


@pytest.mark.parametrize("ago,age,asks", [
    (0, 600, False), (500, 600, False), (700, 600, True), (0, 0, True),
    (-500, 600, True)])
def test_max_age(data, ago, age, asks):
    world.add_image(data, "here", signer="ab" * 20, origin=URL,
                    imported=int(time.time()) - ago, max_age=age)
    f = Fetching(data, pages=pages())
    r = f.run("fetch", URL)
    assert r.code == 0, r.err
    assert ("START_FETCHER" in r.types()) == asks


def test_not_modified(data):
    name = world.add_image(data, "here", signer="ab" * 20, origin=URL, etag='"x"')
    f = Fetching(data, pages=pages(**{URL: [(304, 0)]}))
    r = f.run("fetch", "--full", URL)
    assert (r.code, r.out) == (0, name + "\n"), r.err
    assert "ADMIT_IMAGE" not in r.types()
    assert [m.fields["etag"] for m in f.requests if m.name == "GET"] == [
        "", '"x"']


@pytest.mark.parametrize("origin", [URL + "?", URL.replace("https", "http"),
                                    "https://example.com/other.aci"])
def test_not_modified_of_another_url_is_an_error(data, origin):
    world.add_image(data, "here", signer="ab" * 20, origin=origin, etag='"x"', max_age=600,
                    imported=int(time.time()))
    f = Fetching(data, pages=pages(**{URL: [(304, 0)]}))
    r = f.run("fetch", URL)
    assert r.code == 254 and "304" in r.err
    assert [m.fields["etag"] for m in f.requests if m.name == "GET"] == ["", ""]


def test_not_modified_by_a_fetcher_that_was_not_asked(data):
    """A broken fetcher that says 304 of the signature."""
    world.add_image(data, "here", signer="ab" * 20, origin=URL, etag='"x"')
    f = Fetching(data, pages=pages(**{URL + ".asc": [(304, 0)]}))
    r = f.run("fetch", URL)
    assert r.code == 254 and "304" in r.err


@pytest.mark.parametrize("existed", [0, 1])
def test_name_with_wrong_labels_is_taken_back(data, existed):
    if existed:
        world.add_image(data, "fetched")
    r = Fetching(data, pages=pages(), existed=existed,
                 endpoints=[URL, URL + ".asc"]).run(
        "fetch", "example.com/hello:2.0")
    assert r.code == 254 and r.out == ""
    assert 'does not have the label "version=2.0"' in r.err
    assert ("CHECK_IMAGE" in r.types()) == (not existed)


def test_refusal_is_the_error(data):
    r = Fetching(data, pages=pages(), handlers={
        "ADMIT_IMAGE": refuse(2, "key 1234 is not trusted")}).run("fetch", URL)
    assert "fetch: %s: key 1234 is not trusted\n" % URL in r.err
    assert "rkt trust --prefix" in r.err


@pytest.mark.parametrize("code,remedy", [(2, True), (9, False), (3, False)])
def test_refusal_names_the_image_and_the_remedy(data, code, remedy):
    """Other keys are a remedy where a key is wrong, not where bytes are."""
    r = Fetching(data, handlers={"ADMIT_IMAGE": refuse(code, "no good")}).run(
        "fetch", "/x/y.aci")
    assert r.code == 254 and "fetch: /x/y.aci: no good\n" in r.err, r.err
    assert ("rkt trust --prefix" in r.err) == remedy


def test_certificates_and_proxies(data, tmp_path):
    system, local = tmp_path / "system", tmp_path / "local"
    for d, text in ((system, "one"), (local, "two")):
        (d / "ca.d").mkdir(parents=True)
        (d / "ca.d" / "a.pem").write_text(text)
        (d / "ca.d" / "b.txt").write_text("no")
    r = Fetching(data, pages=pages(), system=str(system),
                 local=str(local)).run(
        "fetch", URL, env={"https_proxy": "http://p:1", "NO_PROXY": "x"})
    assert r.code == 0, r.err
    assert r.launcher.certificates == b"one\ntwo\n"
    assert r.launcher.seals & SEALS == SEALS
    sent = r.launcher.requests[0].fields
    assert sent["proxy"] == "http://p:1" and sent["no_proxy"] == "x"
    assert sent["insecure"] == 0 and sent["max_image"] == 1 << 30


def test_ids_are_refused(data):
    r = Fetching(data).run("fetch", world.image_id("a"))
    assert r.code == 254 and "is an image ID" in r.err


@pytest.mark.parametrize("image,text", [
    ("docker://busybox", "docker"), ("ftp://x/y.aci", "invalid"),
    ("https://x/y.tar", ".aci"), ("a:b:c", "a:b:c"), ("UPPER", "UPPER"),
    ("x,os", "NAME=VALUE"), ("x,os=linux,os=linux", "twice")])
def test_bad_image_strings(data, image, text):
    r = Fetching(data).run("fetch", image)
    assert r.code == 254 and r.types() == ["HELLO"] and text in r.err


# What a compromised fetcher may try: at worst the fetch fails.
def nonsense(edge, m):
    if m.name != "CONFIGURE":
        edge.send_bytes(b"x" * 40)


def wrong_type(edge, m):
    if m.name != "CONFIGURE":
        edge.send("GOT" if m.name == "DISCOVER" else "ENDPOINTS", urls=["a"]) \
            if m.name != "DISCOVER" else edge.send("GOT", status=200)


def launcher_voice(edge, m):
    edge.send("STARTING", uuid=world.uuid(1))


def vanish(edge, m):
    edge.sock.shutdown(2)


@pytest.mark.parametrize("how", [nonsense, wrong_type, launcher_voice, vanish])
def test_G3_hostile_fetcher_only_fails_the_fetch(data, how):
    for image in (URL, "example.com/hello"):
        r = Fetching(data, misbehave=how).run("fetch", image)
        assert r.code == 254 and r.out == ""
        assert "ADMIT_IMAGE" not in r.types()
        assert "the fetcher" in r.err or "cannot" in r.err


KEYS = ["pub " + "12" * 20, "created 1", "expires 0", "flags -",
        "sub " + "34" * 20, "uid A Person <a@example.com>"]


def test_trust_review_needs_a_person(data):
    r = Fetching(data, keys=KEYS).run("trust", "--prefix=example.com/a", "/k")
    assert r.code == 254 and "TRUST_KEY" not in r.types()
    assert 'To trust the key for "example.com/a", do one of' in r.err
    assert "prefix: \"example.com/a\"\nkey: \"/k\"\n" in r.err
    assert "gpg key fingerprint is: 1212 1212 " in r.out
    assert "\n    Subkey fingerprint: 3434 " in r.out
    assert "\n\tA Person <a@example.com>\n" in r.out


@pytest.mark.parametrize("typed,code", [
    ("yes\n", 0), ("perhaps\nyes\n", 0), ("no\n", 0), ("\x04", 254)])
def test_trust_dialogue(data, typed, code):
    r = Fetching(data, keys=KEYS).run("trust", "--prefix=example.com/a", "/k",
                                      tty=True, stdin=typed)
    assert r.code == code, r.err
    assert "Are you sure you want to trust this key (yes/no)?\n" in r.out
    assert ("TRUST_KEY" in r.types()) == ("yes" in typed)
    assert ("Please enter 'yes' or 'no'" in r.out) == ("perhaps" in typed)
    if "yes" in typed:
        assert ('Trusting "/k" for prefix "example.com/a" after fingerprint '
                'review.\n') in r.out
    if typed == "no\n":
        assert 'not trusting "/k"\n' in r.out


def test_progress_on_a_terminal(data):
    r = Fetching(data, pages=pages()).run("fetch", URL, tty=True)
    assert r.code == 0, r.err
    assert "\rDownloading ACI: [" in r.err and "\x1b[K" in r.err
    assert "Downloading ACI: 900B in " in r.err


def test_trust_skip_review(data):
    r = Fetching(data, keys=KEYS).run(
        "trust", "--skip-fingerprint-review", "--prefix=example.com/a", "/k")
    assert r.code == 0, r.err
    assert r.one("TRUST_KEY") == {"slot": 0, "mask": 0, "prefix": "example.com/a",
                                  "fingerprint": "12" * 20}
    assert r.out.endswith(
        'Added key for prefix "example.com/a" at "/etc/k"\n')


def test_trust_root(data):
    r = Fetching(data, keys=KEYS).run(
        "trust", "--skip-fingerprint-review", "--root", "/k")
    assert r.one("TRUST_KEY")["prefix"] == ""
    assert 'Added root key at "/etc/k"' in r.out


def test_trust_by_discovery_over_https(data):
    u = "https://example.com/keys.gpg"
    r = Fetching(data, keys=KEYS, endpoints=[u], pages={u: [(200, 9)]}).run(
        "trust", "--trust-keys-from-https", "--prefix=example.com")
    assert r.code == 0, r.err
    assert r.one("TRUST_KEY")["slot"] == 0
    assert "without fingerprint review" in r.out


@pytest.mark.parametrize("argv,text", [
    (["/k"], "aborting due to implicit unbounded trust (root domain)"),
    (["--root", "--prefix=a.com", "/k"], "usage mutually exclusive"),
    (["--prefix=https://a.com", "/k"], "must not contain a URL scheme"),
    (["--prefix=a.com/*", "/k"], "is not an image name"),
    ([], "takes --prefix")])
def test_trust_usage(data, argv, text):
    r = Fetching(data).run("trust", *argv)
    assert r.code == 254 and r.asked == [] and text in r.err


NEW = ("other.org", "cd" * 20)


def test_fetch_of_a_name_that_no_key_speaks_for(data):
    for keys in ([NEW], [("example.com/hel", "cd" * 20)],
                 [("", "cd" * 20, ""), ("example.com", "cd" * 20)]):
        r = Fetching(data, local=world.trusting(data, *keys)).run(
            "fetch", "example.com/hello")
        assert r.code == 254 and "START_FETCHER" not in r.types()
        assert 'rkt trust --prefix "example.com/hello"' in r.err


def test_fetch_takes_keys_from_https(data):
    k, a = "https://example.com/k.gpg", "https://example.com/a.aci"
    p = {k: [(200, 9)], a: [(200, 900)], a + ".asc": [(200, 90)]}
    f = Fetching(data, keys=KEYS, pages=p, local=world.trusting(data, NEW))
    f.discover = lambda edge: edge.send("ENDPOINTS", urls=[k] if len(
        f.requests) < 3 else [a, a + ".asc"])
    r = f.run("--trust-keys-from-https", "fetch", "example.com/hello:1.0")
    assert r.code == 0, r.err
    assert r.one("TRUST_KEY") == {"slot": 0, "mask": 0, "prefix": "example.com/hello",
                                  "fingerprint": "12" * 20}
    assert "without fingerprint review" in r.out


@pytest.mark.parametrize("url", ["http://example.com/k", "ftp://x/k", "k"])
def test_fetch_takes_no_keys_by_anything_else(data, url):
    r = Fetching(data, keys=KEYS, endpoints=[url], pages={url: [(200, 9)]},
                 local=world.trusting(data, NEW)).run(
        "--trust-keys-from-https", "--insecure-options=http,pubkey", "fetch",
        "example.com/hello")
    assert r.code == 254 and "TRUST_KEY" not in r.types()
    assert "keys are taken by https alone" in r.err


def masking(launcher, message):
    return "TRUSTED", {"path": "/etc/k"}


def test_trust_list(data):
    conf = world.trusting(data, NEW, ("", "12" * 20), ("other.org/x", "cd" * 20,
                                                      ""))
    vendor = world.trusting(data / "x", ("other.org/x/y", "cd" * 20))
    asked = []

    def review(launcher, message):
        asked.append(message)
        if len(asked) > 2:
            return "REFUSED", {"code": 2, "text": "no key"}
        return "KEYS", {"lines": [x if not x.startswith("expires") or
                                  len(asked) == 1 else "expires 7"
                                  for x in KEYS]}
    r = Fetching(data, local=conf, system=vendor,
                 handlers={"REVIEW_KEYS": review}).run(
        "trust", "--list", "--no-legend")
    assert r.code == 0, r.err
    rows = [[y for y in x.split("\t") if y] for x in r.out.splitlines()]
    assert [row[:2] + row[4:5] for row in rows] == [
        ["(root)", "12" * 20, "no"], ["other.org", "cd" * 20, "no"],
        ["other.org/x", "cd" * 20, "mask"],
        ["other.org/x/y", "cd" * 20, "yes"]]
    assert [row[2:4] for row in rows] == [
        ["A Person <a@example.com>", "never"],
        ["A Person <a@example.com>", "1970-01-01 00:00:07 +0000 UTC"],
        ["-", "-"], ["-", "-"]]
    assert r.out.splitlines()[1].endswith(
        "/etc/rkt/trustedkeys/prefix.d/other.org/" + "cd" * 20)
    assert "TRUST_KEY" not in r.types() and len(asked) == 3


def test_trust_remove(data):
    r = Fetching(data, {"x": 1}, handlers={"TRUST_KEY": masking}).run(
        "trust", "--remove", "--prefix=a.com", "12" * 20, "34" * 20)
    assert r.code == 0, r.err
    assert [m.fields for m in r.asked if m.name == "TRUST_KEY"] == [
        {"slot": 65535, "mask": 1, "prefix": "a.com",
         "fingerprint": f * 20} for f in ("12", "34")]
    assert 'Masked key for prefix "a.com" at "/etc/k"\n' in r.out
    assert "no key %s was trusted" % ("12" * 20) in r.err
    r = Fetching(data, handlers={"TRUST_KEY": refuse(4, "disk full")}).run(
        "trust", "--remove", "--root", "ab" * 20)
    assert r.code == 254 and "trust: disk full\n" in r.err
