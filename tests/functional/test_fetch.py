"""Images come in: by path, by URL, by name; every compression; whose CA."""
import re

import pytest

import images
import webserver


def test_fetch_by_path(host):
    host.trust()
    image = images.aci(name="example.test/app")
    r = host.rkt("fetch", host.write_signed(image)).ok()
    assert r.out.strip() == images.image_id(image)[:7 + 32]
    assert "image: using image from file " in r.err
    assert "image: signature verified:" in r.err
    assert host.lab.publisher.fingerprint in r.err
    assert host.images() == [images.image_id(image)]


def test_fetch_full_id(host):
    host.trust()
    image = images.aci()
    r = host.rkt("fetch", "--full", host.write_signed(image)).ok()
    assert r.out == images.image_id(image) + "\n"


def test_fetch_by_file_url(host):
    host.trust()
    path = host.write_signed(images.aci())
    assert host.rkt("fetch", "file://%s" % path).ok().out.startswith("sha512-")


def test_fetch_by_relative_path(host, monkeypatch):
    host.trust()
    path = host.write_signed(images.aci())
    r = host.bare("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", host.path,
                  *host.argv("fetch", "./" + path.name))
    r.ok()


def test_fetch_with_signature_elsewhere(host):
    host.trust()
    image, signature = host.lab.signed(images.aci())
    path = host.write(image)
    other = host.path / "elsewhere.sig"
    other.write_bytes(signature)
    host.rkt("fetch", "--signature=%s" % other, path).ok()


def test_fetch_with_binary_signature(host):
    host.trust()
    image = images.aci()
    host.rkt("fetch", host.write(
        image, host.lab.publisher.sign(image, binary=True))).ok()


@pytest.mark.parametrize("how", ["none", "gz", "bz2", "xz", "zstd"])
def test_fetch_compressed(host, how):
    """The id is that of the tar, whatever it was wrapped in."""
    host.trust()
    image = images.aci([images.member("rootfs/text", b"some words " * 9000)])
    r = host.fetch(images.compress(image, how)).ok()
    assert r.out.strip() == images.image_id(image)
    tree = host.data / "image" / r.out.strip() / "tree" / "rootfs"
    assert (tree / "text").read_bytes() == b"some words " * 9000
    host.rkt("image", "verify", r.out.strip()).ok()


def test_fetch_by_https_url(host):
    host.trust()
    image, signature = host.lab.signed(images.compress(images.aci(), "gz"))
    server = host.serve({"/a/x.aci": image, "/a/x.aci.asc": signature})
    r = host.rkt("fetch", "https://example.test/a/x.aci").ok()
    assert 'image: remote fetching from URL "https://example.test/a/x.aci"' \
        in r.err
    # The signature first: an image without one is not even asked for.
    assert [q.path for q in server.requests] == ["/a/x.aci.asc", "/a/x.aci"]
    assert re.match(r"rkt/\d", server.requests[0].headers["User-Agent"])


def test_fetch_by_name(host):
    host.trust()
    image, signature = host.lab.signed(images.aci(name="example.test/app"))
    server = host.publish(image, signature)
    r = host.rkt("fetch", "example.test/app:1.0").ok()
    assert "image: searching for app image example.test/app" in r.err
    assert server.requests[0].target == "/app?ac-discovery=1"
    assert host.images() == [images.image_id(image)]


def test_fetch_by_name_walks_up(host):
    """The page of a parent counts where the name's own has none."""
    host.trust()
    name = "example.test/a/b/c"
    image, signature = host.lab.signed(images.aci(name=name))
    page = webserver.discovery_page(
        "example.test/a https://example.test/i/{name}.{ext}")
    host.serve({"/": page, "/i/" + name + ".aci": image,
                "/i/" + name + ".aci.asc": signature})
    host.rkt("fetch", name + ":1.0").ok()


def test_fetch_by_name_default_version_is_latest(host):
    host.trust()
    image, signature = host.lab.signed(
        images.aci(name="example.test/app", version="latest"))
    host.publish(image, signature, version="latest")
    host.rkt("fetch", "example.test/app").ok()


def test_fetch_by_name_with_labels(host):
    """Labels fill the template, and the image must have them."""
    host.trust()
    labels = {"version": "2", "os": "linux", "arch": "amd64", "channel": "beta"}
    image, signature = host.lab.signed(
        images.aci(name="example.test/app", labels=labels))
    page = webserver.discovery_page(
        "example.test/app https://example.test/{channel}/{version}.{ext}")
    host.serve({"/app": page, "/beta/2.aci": image, "/beta/2.aci.asc": signature})
    host.rkt("fetch", "example.test/app:2,channel=beta").ok()


def test_fetch_deferred_signature(host):
    """202 for the signature: the image, then the signature again."""
    host.trust()
    image, signature = host.lab.signed(images.aci())
    host.serve({"/x.aci": image, "/x.aci.asc": webserver.sequence(
        webserver.Reply(b"later", status=202), webserver.Reply(signature))})
    host.rkt("fetch", "https://example.test/x.aci").ok()


def test_fetch_follows_https_redirects(host):
    host.trust()
    image, signature = host.lab.signed(images.aci())
    host.serve({"/x.aci": webserver.redirect("https://other.test/y.aci"),
                "/y.aci": image, "/x.aci.asc": signature})
    host.rkt("fetch", "https://example.test/x.aci").ok()


def test_fetch_twice_is_one_image(host):
    host.trust()
    path = host.write_signed(images.aci())
    first = host.rkt("fetch", path).ok()
    second = host.rkt("fetch", path).ok()
    assert first.out == second.out
    assert len(host.images()) == 1


def test_fetch_policies(host):
    """never: the store or nothing.  new: the store first.  update: asks."""
    host.trust()
    image, signature = host.lab.signed(images.aci(name="example.test/app"))
    server = host.publish(image, signature)
    host.rkt("fetch", "--pull-policy=never", "example.test/app:1.0").refused(
        "--pull-policy=never")
    assert not server.requests
    host.rkt("fetch", "--pull-policy=new", "example.test/app:1.0").ok()
    asked = len(server.requests)
    r = host.rkt("fetch", "--pull-policy=new", "example.test/app:1.0").ok()
    assert len(server.requests) == asked
    assert "image: using image from local store for image name " in r.err
    host.rkt("fetch", "--pull-policy=never", "example.test/app:1.0").ok()
    assert len(server.requests) == asked
    host.rkt("fetch", "example.test/app:1.0").ok()
    assert len(server.requests) > asked


def test_fetch_several(host):
    host.trust()
    paths = [host.write_signed(images.aci(name="example.test/n%d" % i),
                               name="%d.aci" % i) for i in range(3)]
    r = host.rkt("fetch", *paths).ok()
    assert len(r.out.split()) == 3 and len(host.images()) == 3


def test_fetch_by_id_is_refused(host):
    host.rkt("fetch", "sha512-00").refused()


def test_fetch_without_signature_by_option(host):
    """What came in unsigned does not run later without the option."""
    image = host.lab.guest_image()
    r = host.rkt("--insecure-options=image", "fetch", host.write(image)).ok()
    assert "warning: image signature verification has been disabled" in r.err
    host.rkt("run", r.out.strip()).refused("without a signature")
    host.rkt("--insecure-options=image", "run", r.out.strip()).ok()


def test_fetch_signed_later_is_signed(host):
    """The same image again with its signature makes it a signed one."""
    host.trust()
    image = host.lab.guest_image()
    path = host.write(image)
    host.rkt("--insecure-options=image", "fetch", path).ok()
    host.rkt("run", images.image_id(image)).refused("without a signature")
    host.fetch(image).ok()
    host.rkt("run", images.image_id(image)).ok()


def test_fetch_with_tls_switched_off(host):
    host.trust()
    (host.conf / "ca.d" / "lab.pem").unlink()
    image, signature = host.lab.signed(images.aci())
    host.serve({"/x.aci": image, "/x.aci.asc": signature})
    host.rkt("fetch", "https://example.test/x.aci").refused()
    host.nothing_stored()
    r = host.rkt("--insecure-options=tls", "fetch",
                 "https://example.test/x.aci").ok()
    assert "warning: TLS verification has been disabled" in r.err


def test_fetch_ca_of_configuration(host):
    """A CA that lies in ca.d is believed, as long as it lies there."""
    host.trust()
    image, signature = host.lab.signed(images.aci())
    host.serve({"/x.aci": image, "/x.aci.asc": signature})
    pem = host.conf / "ca.d" / "lab.pem"
    text = pem.read_text()
    pem.unlink()
    host.rkt("fetch", "https://example.test/x.aci").refused("ca.d")
    pem.write_text(text)
    host.rkt("fetch", "https://example.test/x.aci").ok()


def test_fetch_writes_record(host):
    host.trust()
    image = images.compress(images.aci(name="example.test/app"), "gz")
    r = host.fetch(image).ok()
    record = (host.data / "image" / r.out.strip() / "record").read_text()
    assert "example.test/app" in record
    assert host.lab.publisher.fingerprint in record
    assert images.image_id(image)[7:] in record  # of the bytes as they came


def test_fetch_progress_on_terminal(host):
    """A bar on a terminal, plain lines otherwise."""
    host.trust()
    image, signature = host.lab.signed(
        images.aci([images.member("rootfs/b", bytes(3 << 20))]))
    host.serve({"/x.aci": image, "/x.aci.asc": signature})
    r = host.rkt("fetch", "https://example.test/x.aci").ok()
    assert "Downloading ACI" in r.err and "\x1b" not in r.err
    code, text = host.talk(["fetch", "https://example.test/x.aci"], [])
    assert code == 0 and "Downloading ACI" in text


def test_store_modes(host):
    """The store is root's; the group may look at facts, no one at trees."""
    image = host.store()
    at = host.data / "image" / image
    assert (host.data.stat().st_mode & 0o7777, host.data.stat().st_uid) == \
        (0o750, 0)
    assert at.stat().st_mode & 0o7777 == 0o750
    assert (at / "tree").stat().st_mode & 0o7777 == 0o700
    for name in ("blob", "record", "manifest", "signature"):
        assert (at / name).stat().st_mode & 0o7777 == 0o640
        assert (at / name).stat().st_uid == 0
    rootfs = (at / "tree" / "rootfs").stat()
    assert rootfs.st_uid == rootfs.st_gid == 2147352576
