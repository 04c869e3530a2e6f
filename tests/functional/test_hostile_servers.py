"""Servers that lie, loop, stall, or are not who they say."""
import socket
import threading

import pytest

import images
import webserver
from webserver import Reply, redirect

IMAGE = images.aci(name="example.test/app")
URL = "https://example.test/x.aci"


@pytest.fixture(scope="session")
def certs(lab):
    """Certificates that must not be believed."""
    return {
        "expired": webserver.make_cert(lab.ca, ["example.test"], expired=True),
        "self-signed": webserver.make_cert(lab.ca, ["example.test"],
                                           self_signed=True),
        "wrong-host": webserver.make_cert(lab.ca, ["nowhere.test"]),
        "other-authority": webserver.make_cert(
            webserver.make_ca(lab.path / "evil", "Evil Authority"),
            ["example.test"]),
    }


def content(host, **more):
    tar, signature = host.lab.signed(IMAGE)
    files = {"/x.aci": tar, "/x.aci.asc": signature,
             "/app": webserver.discovery_page(
                 "example.test/app https://example.test/x.{ext}",
                 keys=["example.test/app https://example.test/k.asc"]),
             "/k.asc": host.lab.publisher.public}
    files.update({"/" + k.replace("_", "."): v for k, v in more.items()})
    return files


WHAT = {"image": ["fetch", URL], "discovery": ["fetch", "example.test/app:1.0"],
        "key": ["trust", "--skip-fingerprint-review", "--prefix=example.test",
                "https://example.test/k.asc"],
        "keys-by-discovery": ["trust", "--skip-fingerprint-review",
                              "--prefix=example.test/app"]}


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("kind", ["expired", "self-signed", "wrong-host",
                                  "other-authority"])
def test_tls_failure(host, certs, kind, what):
    """CVE-2025-6032, CVE-2014-5277: no, and not by plain http either."""
    host.trust()
    plain = host.serve(content(host), port=80, tls=None)
    server = host.serve(content(host), tls=certs[kind])
    host.rkt(*WHAT[what]).refused()
    assert not server.requests and not plain.connections
    host.nothing_stored()


def test_no_tls_where_tls_is_due(host):
    """A server on port 443 that answers in plain text."""
    host.trust()
    with socket.create_server(("127.0.0.1", 443)) as listener:
        def answer():
            for _ in range(2):
                with listener.accept()[0] as conn:
                    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        host.rkt("fetch", URL).refused()
    host.nothing_stored()


def test_plain_http_is_refused(host):
    host.trust()
    server = host.serve(content(host), tls=None, port=80)
    host.rkt("fetch", "http://example.test/x.aci").refused("http")
    assert not server.connections
    host.nothing_stored()


def test_no_server(host):
    host.trust()
    host.rkt("fetch", URL).refused()
    host.rkt("fetch", "https://unknown.test/x.aci", timeout=60).refused()


@pytest.mark.parametrize("to", [
    "http://example.test/y.aci", "http://example.test:443/y.aci",
    "file:///etc/passwd", "ftp://example.test/y.aci", "gopher://example.test/",
    "https://user:pw@other.test/y.aci", "",
    "https://", "javascript:1", "https://example.test:99999/y.aci"])
def test_redirect_to_nowhere_good(host, to):
    host.trust()
    plain = host.serve({"/y.aci": IMAGE}, tls=None, port=80)
    host.serve(content(host, x_aci=redirect(to)))
    r = host.rkt("fetch", URL)
    r.refused()
    assert not plain.connections
    host.nothing_stored()


@pytest.mark.parametrize("at", ["x_aci", "x_aci_asc", "app"])
def test_redirect_loop(host, at):
    host.trust()
    path = "/" + at.replace("_", ".")
    server = host.serve(content(host, **{
        at: webserver.redirect_loop(path)}))
    name = "example.test/app:1.0" if at == "app" else URL
    host.rkt("fetch", name).refused()
    assert len(server.requests) < 40
    host.nothing_stored()


def test_discovery_that_points_in_circles(host):
    """Pages are read once each, templates are not followed as pages."""
    host.trust()
    page = webserver.discovery_page(
        "example.test/a https://example.test/a/b/c?ac-discovery=1")
    server = host.serve({"/a/b/c": page, "/a/b": page, "/a": page, "/": page})
    host.rkt("fetch", "example.test/a/b/c:1.0").refused()
    assert len(server.requests) < 20
    host.nothing_stored()


PAGES = {
    "no-tag": b"<html><head></head></html>",
    "empty": b"",
    "other-prefix": webserver.discovery_page(
        "other.test/app https://example.test/x.{ext}"),
    "string-prefix": webserver.discovery_page(
        "example.test/ap https://example.test/x.{ext}"),
    "http-template": webserver.discovery_page(
        "example.test/app http://example.test/x.{ext}"),
    "file-template": webserver.discovery_page(
        "example.test/app file:///etc/passwd?{ext}"),
    "unresolved": webserver.discovery_page(
        "example.test/app https://example.test/{nothing}.{ext}"),
    "no-template": webserver.discovery_page("example.test/app"),
    "in-body": b"<html><head></head><body><meta name='ac-discovery' content="
               b"'example.test/app https://example.test/x.{ext}'></body></html>",
    "in-comment": b"<html><head><!-- <meta name='ac-discovery' content="
                  b"'example.test/app https://example.test/x.{ext}'> --></head>",
    "control-characters": webserver.discovery_page(
        "example.test/app https://example.test/x\r\nX: y.{ext}"),
    "binary": bytes(range(256)) * 100,
    "deep": b"<div>" * 100000,
    "large": b"<html><head>" + b"<!-- x -->" * 700000,
    "many-tags": webserver.discovery_page(
        *["other.test/%d https://example.test/x.{ext}" % i
          for i in range(20000)]),
}


@pytest.mark.parametrize("name", PAGES)
def test_discovery_page(host, name):
    host.trust()
    host.serve(content(host, app=PAGES[name]))
    host.rkt("fetch", "example.test/app:1.0").refused()
    host.nothing_stored()


REPLIES = {
    "404": Reply(status=404), "500": Reply(status=500), "403": Reply(status=403),
    "204": Reply(status=204), "401": Reply(
        status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}),
    "206": Reply(IMAGE, status=206), "304": Reply(status=304),
    "short": webserver.short_body(IMAGE[:1000], len(IMAGE)),
    "long": webserver.long_body(IMAGE + b"more", len(IMAGE) - 512),
    "cut": webserver.truncated(IMAGE[:1000]),
    "empty": Reply(b""),
    "header-flood": Reply(IMAGE, header_flood=4 << 20),
    "length-huge": Reply(IMAGE, length=1 << 62),
    "length-negative": Reply(IMAGE, length=-1),
    "chunk-bad": Reply(b"zz\r\nnot a chunk\r\n", length=None,
                       headers={"Transfer-Encoding": "chunked"}),
}


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("at", ["x_aci", "x_aci_asc"])
def test_bad_reply(host, name, at):
    host.trust()
    host.serve(content(host, **{at: REPLIES[name]}))
    host.rkt("fetch", URL, timeout=60).refused()
    host.nothing_stored()


@pytest.mark.parametrize("at", ["x_aci", "x_aci_asc", "k_asc", "app"])
def test_endless_reply(host, at):
    """Stopped at the bound; nothing of it stays."""
    host.trust()
    host.policy("max-image-size 1048576\n")
    host.serve(content(host, **{at: webserver.endless_body()}))
    words = {"k_asc": WHAT["key"], "app": WHAT["discovery"]}.get(
        at, ["fetch", URL])
    host.rkt(*words, timeout=60).refused()
    host.nothing_stored()


def test_content_encoding_is_not_obeyed(host):
    """The bytes as they came are what was signed, whatever a header says."""
    host.trust()
    tar = images.compress(IMAGE, "gz")
    signed = host.lab.signed(tar)
    host.serve({"/x.aci": Reply(tar, headers={"Content-Encoding": "gzip"}),
                "/x.aci.asc": signed[1]})
    host.rkt("fetch", URL).ok()


def test_signature_deferred_twice(host):
    host.trust()
    host.serve(content(host, x_aci_asc=Reply(b"later", status=202)))
    host.rkt("fetch", URL).refused("202")
    host.nothing_stored()


def test_image_changes_behind_its_signature(host):
    """What was verified is what is stored: another body is another image."""
    host.trust()
    other = images.aci(name="example.test/app", version="9")
    host.serve(content(host, x_aci=webserver.sequence(Reply(other),
                                                      Reply(IMAGE))))
    host.rkt("fetch", URL).refused("signature")
    host.nothing_stored()


def test_no_credentials_for_strangers(host):
    """CVE-2020-15157, CVE-2018-1000007: nothing of ours goes along."""
    host.trust()
    server = host.serve(content(host, x_aci=redirect(
        "https://other.test/y.aci"), y_aci=host.lab.signed(IMAGE)[0]))
    host.rkt("fetch", URL).ok()
    for request in server.requests:
        for word in ("Authorization", "Cookie", "Referer"):
            assert word not in request.headers


@pytest.mark.parametrize("url", [
    "https://example.test/x.tar", "https://example.test/", "https:///x.aci",
    "https://example.test/x.aci\n", "https://exa mple.test/x.aci",
    "https://example.test/../x", "ftp://example.test/x.aci",
    "docker://redis", "docker:redis", "https://[::1/x.aci"])
def test_url_that_is_none(host, url):
    host.trust()
    host.rkt("fetch", url).refused()
    host.nothing_stored()
