"""What is not downloaded twice: --pull-policy=update, Cache-Control, ETag."""
import re
import time

import images
import pytest
import webserver
from webserver import Reply

URL = "https://example.test/x.aci"


def serve(host, image, signature, **headers):
    """An image at URL; more is header lines of the image's answer."""
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    return host.serve({"/x.aci": Reply(image, headers=headers),
                       "/x.aci.asc": signature})


def record(host, n=0):
    """The record of the only image, as {key: [values]}."""
    text = (host.data / "image" / host.images()[n] / "record").read_text()
    found = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        found.setdefault(key, []).append(value)
    return found


def asked(server, path="/x.aci"):
    return [r for r in server.requests if r.path == path]


def test_record_keeps_the_validators(host):
    host.trust()
    serve(host, *host.lab.signed(images.aci()), ETag='"one"',
          Cache_Control="public, max-age=3600")
    host.rkt("fetch", URL).ok()
    said = record(host)
    assert said["etag"] == ['"one"'] and said["max-age"] == ["3600"]
    assert said["origin"] == [URL]


def test_record_without_validators_has_none(host):
    host.trust()
    serve(host, *host.lab.signed(images.aci()),
          Cache_Control="max-age=3600, no-store")
    host.rkt("fetch", URL).ok()
    assert "etag" not in record(host) and "max-age" not in record(host)


def test_update_within_max_age_asks_nothing(host):
    host.trust()
    server = serve(host, *host.lab.signed(images.aci()),
                   Cache_Control="max-age=3600")
    first = host.rkt("fetch", URL).ok()
    before = len(server.requests)
    again = host.rkt("fetch", "--pull-policy=update", URL).ok()
    assert again.out == first.out and len(server.requests) == before
    assert "Cache-Control still holds" in again.err


def test_update_of_a_name_within_max_age_asks_for_the_page_alone(host):
    host.trust()
    image, signature = host.lab.signed(images.aci())
    server = host.publish(Reply(image, headers={
        "Cache-Control": "max-age=3600"}), signature)
    first = host.rkt("fetch", "example.test/app:1.0").ok()
    before = len(server.requests)
    again = host.rkt("fetch", "example.test/app:1.0").ok()
    assert again.out == first.out
    assert [r.path for r in server.requests[before:]] == ["/app"]


def test_update_after_max_age_asks_again(host):
    host.trust()
    server = serve(host, *host.lab.signed(images.aci()),
                   Cache_Control="max-age=1")
    host.rkt("fetch", URL).ok()
    time.sleep(1.5)
    host.rkt("fetch", URL).ok()
    assert len(asked(server)) == 2


def test_clock_set_back_makes_nothing_fresh(host):
    host.trust()
    server = serve(host, *host.lab.signed(images.aci()),
                   Cache_Control="max-age=3600")
    host.rkt("fetch", URL).ok()
    file = host.data / "image" / host.images()[0] / "record"
    file.write_text(re.sub(r"imported-at \d+", "imported-at %d" % (
        time.time() + 10000), file.read_text()))
    host.rkt("fetch", URL).ok()
    assert len(asked(server)) == 2


def test_update_by_etag(host):
    host.trust()
    image, signature = host.lab.signed(images.aci())
    server = host.serve({"/x.aci": Reply(image, etag='"one"'),
                         "/x.aci.asc": signature})
    first = host.rkt("fetch", URL).ok()
    again = host.rkt("fetch", URL).ok()
    assert again.out == first.out
    assert "has not changed" in again.err
    assert [r.headers.get("If-None-Match") for r in asked(server)] == [
        None, '"one"']
    assert all("If-None-Match" not in r.headers
               for r in asked(server, "/x.aci.asc"))


def test_update_by_weak_etag(host):
    """Good enough to ask whether it changed."""
    host.trust()
    image, signature = host.lab.signed(images.aci())
    server = host.serve({"/x.aci": Reply(image, etag='W/"one"'),
                         "/x.aci.asc": signature})
    host.rkt("fetch", URL).ok()
    host.rkt("fetch", URL).ok()
    assert asked(server)[1].headers["If-None-Match"] == 'W/"one"'


def test_update_to_what_changed(host):
    host.trust()
    one = host.lab.signed(images.aci())
    two = host.lab.signed(images.aci(version="2.0"))
    server = serve(host, *one, ETag='"one"')
    old = host.rkt("fetch", URL).ok()
    time.sleep(1.1)     # the newest is told by the second of its import
    server.content.update({"/x.aci": Reply(two[0], etag='"two"'),
                           "/x.aci.asc": two[1]})
    new = host.rkt("fetch", URL).ok()
    assert old.out != new.out and len(host.images()) == 2
    third = host.rkt("fetch", URL).ok()
    assert third.out == new.out
    assert asked(server)[-1].headers["If-None-Match"] == '"two"'


def test_same_image_again_renews_the_validators(host):
    """All else of the record stays."""
    host.trust()
    image, signature = host.lab.signed(images.aci())
    server = serve(host, image, signature, ETag='"one"')
    host.rkt("fetch", URL).ok()
    before = record(host)
    time.sleep(1.1)
    server.content["/x.aci"] = Reply(image, headers={
        "ETag": '"two"', "Cache-Control": "max-age=77"})
    host.rkt("fetch", URL).ok()
    after = record(host)
    assert after["etag"] == ['"two"'] and after["max-age"] == ["77"]
    assert int(after["imported-at"][0]) > int(before["imported-at"][0])
    for key in before.keys() - {"etag", "imported-at"}:
        assert before[key] == after[key]


def test_same_image_from_elsewhere_renews_the_origin(host):
    host.trust()
    image, signature = host.lab.signed(images.aci())
    path = host.write(image, signature)
    host.rkt("fetch", path).ok()
    serve(host, image, signature, ETag='"one"')
    host.rkt("fetch", URL).ok()
    assert record(host)["origin"] == [URL]
    host.rkt("fetch", path).ok()
    said = record(host)
    assert said["origin"] == [str(path)] and "etag" not in said
    assert len(host.images()) == 1


# --- the other side ----------------------------------------------------------


def test_not_modified_without_a_validator_is_an_error(host):
    host.trust()
    host.serve({"/x.aci": Reply(status=304),
                "/x.aci.asc": host.lab.signed(images.aci())[1]})
    host.rkt("fetch", URL).refused("304")
    host.nothing_stored()


def test_not_modified_of_a_signature_is_an_error(host):
    """The image has a validator, its signature has not."""
    host.trust()
    image, signature = host.lab.signed(images.aci())
    server = host.serve({"/x.aci": Reply(image, etag='"one"'),
                         "/x.aci.asc": signature})
    host.rkt("fetch", URL).ok()
    server.content["/x.aci.asc"] = Reply(status=304)
    host.rkt("fetch", URL).refused("304")


def test_validators_are_of_one_url(host):
    """Another URL of the same server, and another server: asked as if nothing
    were there."""
    host.trust()
    image, signature = host.lab.signed(images.aci())
    content = {"/x.aci": Reply(image, etag='"one"'), "/x.aci.asc": signature,
               "/y.aci": Reply(image, etag='"one"'), "/y.aci.asc": signature}
    server = host.serve(content)
    other = host.serve(dict(content), port=8443)
    host.rkt("fetch", URL).ok()
    host.rkt("fetch", "https://example.test/y.aci").ok()
    host.rkt("fetch", "https://example.test:8443/y.aci").ok()
    for s in (server, other):
        assert all("If-None-Match" not in r.headers for r in s.requests)


def test_validators_of_an_unsigned_image_need_its_option(host):
    """304 must not stand for a signature that was never looked at."""
    host.trust()
    image, signature = host.lab.signed(images.aci())
    server = host.serve({"/x.aci": Reply(image, etag='"one"', headers={
        "Cache-Control": "max-age=3600"}), "/x.aci.asc": signature})
    host.rkt("--insecure-options=image", "fetch", URL).ok()
    before = len(server.requests)
    host.rkt("--insecure-options=image", "fetch", URL).ok()
    assert len(server.requests) == before
    host.rkt("fetch", URL).ok()
    assert "If-None-Match" not in server.requests[-1].headers
    assert record(host)["signer"] == [host.lab.publisher.fingerprint]


def test_validators_of_another_version_are_not_used(host):
    """The URL of one name once gave another version: its ETag is no answer to
    a question for this one."""
    host.trust()
    one = host.lab.signed(images.aci(version="0.9"))
    two = host.lab.signed(images.aci())
    server = host.publish(Reply(one[0], headers={"ETag": '"same"'}), one[1])
    at = "/f/example.test/app-1.0-linux-amd64.aci"
    host.rkt("--insecure-options=image", "fetch",
             "https://example.test" + at).ok()
    server.content[at] = Reply(two[0], etag='"same"')
    server.content[at + ".asc"] = two[1]
    host.rkt("fetch", "example.test/app:1.0").ok()
    assert all("If-None-Match" not in r.headers for r in server.requests)


def test_signature_option_is_looked_at_each_time(host):
    host.trust()
    image, signature = host.lab.signed(images.aci())
    server = serve(host, image, signature, Cache_Control="max-age=3600")
    host.rkt("fetch", URL).ok()
    bad = host.path / "bad.asc"
    bad.write_bytes(host.lab.publisher.sign(b"something else"))
    host.rkt("fetch", "--signature=%s" % bad, URL).refused()
    assert len(asked(server)) == 2


def test_removed_image_is_fetched_again(host):
    host.trust()
    image, signature = host.lab.signed(images.aci())
    server = host.serve({"/x.aci": Reply(image, etag='"one"', headers={
        "Cache-Control": "max-age=3600"}), "/x.aci.asc": signature})
    host.rkt("fetch", URL).ok()
    host.rkt("image", "rm", "example.test/app:1.0").ok()
    host.rkt("fetch", URL).ok()
    assert len(host.images()) == 1
    assert "If-None-Match" not in asked(server)[-1].headers


def test_damaged_record_is_fetched_again(host):
    host.trust()
    image, signature = host.lab.signed(images.aci())
    server = host.serve({"/x.aci": Reply(image, etag='"one"'),
                         "/x.aci.asc": signature})
    host.rkt("fetch", URL).ok()
    (host.data / "image" / host.images()[0] / "record").write_text("odd\n")
    host.rkt("fetch", URL).ok()
    assert "If-None-Match" not in asked(server)[-1].headers
    assert record(host)["etag"] == ['"one"']


@pytest.mark.parametrize("age", ["99999999999999999999", "-1", "1e9", "x",
                                 "3600, max-age=0", '"', "0x10"])
def test_odd_max_age(host, age):
    """Never more than the largest that HTTP knows, and nonsense is none."""
    host.trust()
    serve(host, *host.lab.signed(images.aci()),
          Cache_Control="max-age=" + age)
    host.rkt("fetch", URL).ok()
    kept = int(record(host).get("max-age", ["0"])[0])
    assert kept == (2147483647 if age.startswith("999") else 0)


def test_etag_cannot_write_a_record(host):
    """Line ends do not get through a header line; the rest stays one line."""
    host.trust()
    serve(host, *host.lab.signed(images.aci()),
          ETag='"x signer ' + "ab" * 20 + '"')
    host.rkt("fetch", URL).ok()
    assert record(host)["signer"] == [host.lab.publisher.fingerprint]
    assert record(host)["etag"] == ['"x signer ' + "ab" * 20 + '"']


def test_broken_download_goes_on(host):
    """One fetch, two connections."""
    host.trust()
    image, signature = host.lab.signed(images.aci(
        [images.member("rootfs/big", bytes(range(256)) * 4000)]))
    half = len(image) // 2
    server = host.serve({"/x.aci": webserver.sequence(
        Reply(image[:half], length=len(image), headers={"ETag": '"one"'}),
        Reply(image, ranges=True, headers={"ETag": '"one"'})),
        "/x.aci.asc": signature})
    r = host.rkt("fetch", URL).ok()
    assert "asking for the rest" in r.err
    assert asked(server)[1].headers["Range"] == "bytes=%d-" % half
    assert asked(server)[1].headers["If-Range"] == '"one"'


def test_broken_download_of_two_files(host):
    """A server that pastes two images together is found out by the
    signature, whatever it says of them."""
    host.trust()
    image, signature = host.lab.signed(images.aci(
        [images.member("rootfs/big", bytes(range(256)) * 4000)]))
    half = len(image) // 2
    other = image[:half] + bytes(len(image) - half)
    host.serve({"/x.aci": webserver.sequence(
        Reply(image[:half], length=len(image), headers={"ETag": '"one"'}),
        Reply(other, ranges=True, headers={"ETag": '"one"'})),
        "/x.aci.asc": signature})
    host.rkt("fetch", URL).refused()
    host.nothing_stored()


def test_nothing_is_kept_of_a_download_that_was_given_up(host):
    """No name, no file: the next run begins anew."""
    host.trust()
    image, signature = host.lab.signed(images.aci())
    server = host.serve({"/x.aci": Reply(image[:1000], length=len(image),
                                         headers={"ETag": 'W/"one"'}),
                         "/x.aci.asc": signature})
    host.rkt("fetch", URL).refused()
    host.nothing_stored()
    server.content["/x.aci"] = Reply(image, ranges=True)
    host.rkt("fetch", URL).ok()
    assert "Range" not in asked(server)[-1].headers
