"""The real fetcher against a server that may do anything."""

import os
import signal
import subprocess
import time
import warnings

import pytest

import webserver
from webserver import Reply, redirect

URL, TLS, HTTP, NETWORK, SIZE, INSECURE, DISCOVERY, DISK, REDIRECT = range(1, 10)
INSECURE_TLS, INSECURE_HTTP, INSECURE_PUBKEY = 2, 8, 16
BASE = "https://example.test"


def failed(message, code, *words, status=None):
    assert message.name == "FETCH_FAILED", message
    assert message.fields["code"] == code, message
    text = message.fields["text"]
    assert "\n" not in text and text.isprintable()
    for word in words:
        assert word in text, text
    if status is not None:
        assert message.fields["status"] == status
    return text


def got(message, status=200):
    assert message.name == "GOT", message
    assert message.fields["status"] == status, message
    return message.fields


# --- downloads ---------------------------------------------------------------


def test_download_and_bye(serve, fetcher):
    body = os.urandom(300000)
    server = serve({"/a.aci": Reply(body, etag='"v1"', headers={
        "Cache-Control": "public, max-age=3600"})})
    f = fetcher()
    m = got(f.get(BASE + "/a.aci", slot=1))
    assert m == {"status": 200, "final_url": BASE + "/a.aci", "etag": '"v1"',
                 "max_age": 3600, "size": len(body)}
    assert f.slots[1].bytes() == body
    assert f.slots[0].bytes() == b""
    headers = server.requests[0].headers
    assert headers["User-Agent"].startswith("rkt/")
    assert "Accept-Encoding" not in headers and "Authorization" not in headers
    assert f.bye() == 0
    assert f.log() == ""


def test_slot_is_emptied_first(serve, fetcher):
    serve({"/long": b"x" * 5000, "/short": b"y"})
    f = fetcher()
    got(f.get(BASE + "/long"))
    got(f.get(BASE + "/short"))
    assert f.slots[0].bytes() == b"y"


def test_connections_are_not_shared(serve, fetcher):
    server = serve({"/a": b"1", "/b": b"2"})
    f = fetcher()
    got(f.get(BASE + "/a"))
    got(f.get(BASE + "/b", slot=1))
    assert server.connections == 2


def test_not_modified(serve, fetcher):
    server = serve({"/a": Reply(b"1", etag='"v1"')})
    f = fetcher()
    assert got(f.get(BASE + "/a", etag='"v1"'), 304)["size"] == 0
    assert server.requests[0].headers["If-None-Match"] == '"v1"'
    got(f.get(BASE + "/a", etag='"v0"'), 200)


def test_not_modified_unasked_is_an_error(serve, fetcher):
    serve({"/a": Reply(status=304)})
    failed(fetcher().get(BASE + "/a"), HTTP, status=304)


def test_deferred_is_reported_without_body(serve, fetcher):
    serve({"/a.asc": Reply(b"come back later", status=202)})
    f = fetcher()
    assert got(f.get(BASE + "/a.asc"), 202)["size"] == 0
    assert f.slots[0].bytes() == b""


@pytest.mark.parametrize("status", [204, 206, 300, 401, 404, 416, 500, 503])
def test_other_statuses_fail(serve, fetcher, status):
    serve({"/a": Reply(b"an error page", status=status)})
    f = fetcher()
    failed(f.get(BASE + "/a"), HTTP, BASE + "/a",
           "bad HTTP status code: %d" % status, status=status)
    assert f.slots[0].bytes() == b""


def test_large_error_page_is_not_read(serve, fetcher):
    serve({"/a": Reply(b"x" * 10000000, status=404), "/b": b"fine"})
    f = fetcher()
    failed(f.get(BASE + "/a"), HTTP, status=404)
    got(f.get(BASE + "/b"))


@pytest.mark.parametrize("control, age", [
    ("max-age=10", 10), ("no-store, max-age=10", 0), ("no-cache", 0),
    ("max-age=10, no-cache", 0), ("MAX-AGE = 7", 7), ("max-age=-1", 0),
    ("max-age=99999999999999999999", 2147483647), ("s-maxage=5", 0),
    ("max-age=9, max-age=3", 3)])
def test_max_age(serve, fetcher, control, age):
    serve({"/a": Reply(b"1", headers={"Cache-Control": control})})
    assert got(fetcher().get(BASE + "/a"))["max_age"] == age


def test_odd_etags_are_dropped(serve, fetcher):
    serve({"/a": Reply(b"1", etag='"' + "x" * 300 + '"'),
           "/b": Reply(b"1", headers={"ETag": '"\x01\x1b[31m"'})})
    f = fetcher()
    assert got(f.get(BASE + "/a"))["etag"] == ""
    assert got(f.get(BASE + "/b"))["etag"] == ""


def test_content_encoding_is_left_alone(serve, fetcher):
    body = b"\x1f\x8b" + os.urandom(50)
    serve({"/a": Reply(body, headers={"Content-Encoding": "gzip"})})
    f = fetcher()
    got(f.get(BASE + "/a"))
    assert f.slots[0].bytes() == body


def test_no_decompressor_by_transfer_encoding(serve, fetcher):
    serve({"/a": Reply(b"x", length=None,
                       headers={"Transfer-Encoding": "gzip"}),
           "/b": Reply(b"x", length=None,
                       headers={"Transfer-Encoding": "gzip, chunked"})})
    f = fetcher()
    failed(f.get(BASE + "/a"), HTTP, "transfer coding")
    failed(f.get(BASE + "/b"), HTTP, "transfer coding")


def test_chunked(serve, fetcher):
    serve({"/a": Reply(b"x" * 70000, chunked=True)})
    assert got(fetcher().get(BASE + "/a"))["size"] == 70000


# --- bounds ------------------------------------------------------------------


def test_progress(serve, fetcher):
    serve({"/a": Reply(b"x" * 50, trickle=0.02)})
    f = fetcher()
    started = time.monotonic()
    got(f.get(BASE + "/a"))
    took = time.monotonic() - started
    assert 2 <= len(f.progress) <= took * 10 + 1
    assert f.progress == sorted(f.progress)
    assert f.progress[-1][1] == 50


def test_size_claimed_too_large(serve, fetcher):
    serve({"/a": b"x" * 1001})
    f = fetcher()
    failed(f.get(BASE + "/a", max_size=1000), SIZE, "1000 bytes")
    assert len(f.slots[0].bytes()) <= 1000
    got(f.get(BASE + "/a", max_size=1001))


def test_size_without_claim(serve, fetcher):
    serve({"/endless": webserver.endless_body(),
           "/chunked": Reply(b"x" * 100000, chunked=True),
           "/no-end": webserver.endless_body(chunked=False)})
    f = fetcher()
    failed(f.get(BASE + "/no-end", max_size=1000000), HTTP)
    failed(f.get(BASE + "/endless", max_size=1000000), SIZE)
    assert len(f.slots[0].bytes()) <= 1000000
    failed(f.get(BASE + "/chunked", max_size=99999), SIZE)


def test_size_is_bound_by_configuration(serve, fetcher):
    serve({"/a": b"x" * 101})
    failed(fetcher(max_image=100).get(BASE + "/a"), SIZE)


def test_short_body(serve, fetcher):
    serve({"/a": webserver.short_body(b"1234", 100)})
    failed(fetcher().get(BASE + "/a"), NETWORK, BASE + "/a")


def test_long_body(serve, fetcher):
    serve({"/a": webserver.long_body(b"1234EVIL", 4), "/b": b"fine"})
    f = fetcher()
    assert got(f.get(BASE + "/a"))["size"] == 4
    assert f.slots[0].bytes() == b"1234"
    got(f.get(BASE + "/b"))
    assert f.slots[0].bytes() == b"fine"


def test_truncated_tls(serve, fetcher):
    """Without a length a cut cannot be told from the end."""
    serve({"/a": webserver.truncated(b"x" * 1000),
           "/b": Reply(b"x" * 1000, length=None),
           "/c": Reply(b"x" * 1000, length=None, status=404),
           "/d": Reply(b"x" * 1000, chunked=True, cut=True),
           "/e": Reply(b"x" * 1000, length=2000, cut=True)})
    f = fetcher()
    for path in "/a", "/b":
        failed(f.get(BASE + path), HTTP, "where the body ends")
    failed(f.get(BASE + "/c"), HTTP, "404")
    got(f.get(BASE + "/d"))
    failed(f.get(BASE + "/e"), NETWORK)


def test_header_flood(serve, fetcher):
    serve({"/a": Reply(b"1", header_flood=90000)})
    failed(fetcher().get(BASE + "/a"), HTTP, "too many header lines")


def test_slow_server_is_given_up(serve, fetcher):
    serve({"/a": Reply(b"x" * 1000, delay=60)})
    started = time.monotonic()
    failed(fetcher().get(BASE + "/a"), NETWORK)
    assert time.monotonic() - started < 40


def test_disk_full(serve, fetcher, tmp_path):
    serve({"/a": b"x" * 300000})
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "none",
                    str(tmp_path)], check=True)
    try:
        f = fetcher(born={"slot_dir": tmp_path})
        failed(f.get(BASE + "/a"), DISK, "No space left")
        f.close()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_file_size_limit(serve, fetcher):
    serve({"/a": b"x" * 300000})
    f = fetcher(born={"file_limit": 100000})
    failed(f.get(BASE + "/a"), DISK, "File too large")


# --- redirects ---------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect(serve, fetcher, status):
    serve({"/a/b": redirect("../c?d=1", status, body=b"x" * 100),
           "/c": b"there"})
    f = fetcher()
    assert got(f.get(BASE + "/a/b"))["final_url"] == BASE + "/c?d=1"
    assert f.slots[0].bytes() == b"there"


def test_redirect_loop(serve, fetcher):
    server = serve({"/loop": webserver.redirect_loop("/loop")})
    failed(fetcher().get(BASE + "/loop"), REDIRECT, "10 redirects")
    assert len(server.requests) == 11


def test_redirect_to_http(serve, fetcher):
    plain = serve({"/a": b"plain"}, port=80, tls=False)
    serve({"/a": redirect("http://example.test/a")})
    failed(fetcher().get(BASE + "/a"), INSECURE)
    assert plain.connections == 0
    got(fetcher(insecure=INSECURE_HTTP).get(BASE + "/a"))
    assert plain.connections == 1


@pytest.mark.parametrize("to", [
    "file:///etc/passwd", "ftp://example.test/a", "gopher://example.test/",
    "https://user:secret@example.test/a", "https://user@example.test/a",
    "dict://example.test/", "https://exa\x7fmple.test/", "https://",
    "https://example.test:0/", "https://example.test\\@other.test/",
    "https://[::1/", "https://example.test:99999/", "//u@example.test/a"])
def test_redirect_elsewhere(serve, fetcher, to):
    serve({"/a": redirect(to)})
    failed(fetcher(insecure=INSECURE_HTTP).get(BASE + "/a"), REDIRECT)


def test_redirect_without_location(serve, fetcher):
    serve({"/a": Reply(status=302)})
    failed(fetcher().get(BASE + "/a"), REDIRECT)


# CVE-2020-15157, CVE-2018-1000007, CVE-2022-27774, CVE-2022-27776
@pytest.mark.parametrize("to, port, tls", [
    ("https://other.test/b", 443, True),
    ("https://example.test:8443/b", 8443, True),
    ("http://example.test/b", 80, False),
    ("http://example.test:443/b", 443, True)])
def test_credentials_do_not_cross_origins(serve, fetcher, to, port, tls):
    here = serve({"/a": redirect(to, headers={
                      "Set-Cookie": "c=1; Domain=test"}),
                  "/b": redirect(BASE + "/c"), "/c": b"back again"})
    there = here if port == 443 else serve(
        {"/b": redirect(BASE + "/c")}, port=port, tls=tls)
    f = fetcher(insecure=INSECURE_HTTP)
    m = f.get(BASE + "/a", authorization="Bearer sesame")
    assert here.requests[0].headers["Authorization"] == "Bearer sesame"
    for request in here.requests[1:] + (there.requests if there is not here
                                        else []):
        assert "Authorization" not in request.headers
        assert "Cookie" not in request.headers
    if to != "http://example.test:443/b":
        got(m)


def test_credentials_stay_within_the_origin(serve, fetcher):
    server = serve({"/a": redirect("/b"), "/b": b"1"})
    got(fetcher().get("https://Example.TEST:443/a", authorization="Basic x"))
    assert [r.headers["Authorization"] for r in server.requests] == ["Basic x"] * 2


def test_credentials_are_forgotten_after_the_request(serve, fetcher):
    server = serve({"/a": b"1"})
    f = fetcher()
    got(f.get(BASE + "/a", authorization="Basic x"))
    got(f.get(BASE + "/a"))
    assert "Authorization" not in server.requests[1].headers


def test_no_credentials_over_http(serve, fetcher):
    server = serve({"/a": b"1"}, port=80, tls=False)
    got(fetcher(insecure=INSECURE_HTTP).get("http://example.test/a",
                                            authorization="Basic x"))
    assert "Authorization" not in server.requests[0].headers


# --- URLs and channels -------------------------------------------------------


@pytest.mark.parametrize("url", [
    "", "example.test/a", "file:///etc/passwd", "ftp://example.test/",
    "https://u:p@example.test/", "https:///a", "https://exa mple.test/",
    "https://ex%61mple.test/", "https://exämple.test/", "https://-/{a}",
    "https://[::1%25lo]/", "https://a..b/", "https://example.test:/"])
def test_bad_urls(fetcher, url):
    failed(fetcher().get(url), URL)


def test_plain_http_needs_permission(serve, fetcher):
    server = serve({"/a": b"1"}, port=80, tls=False)
    failed(fetcher().get("http://example.test/a"), INSECURE)
    assert server.connections == 0


def test_link_local_is_refused(fetcher):
    f = fetcher(insecure=INSECURE_HTTP)
    failed(f.get("http://169.254.169.254/latest/meta-data"), NETWORK,
           "link-local")
    failed(f.get("https://linklocal.test/"), NETWORK, "link-local")
    failed(f.get("http://2852039166/"), NETWORK, "link-local")
    failed(f.get("http://[::ffff:169.254.169.254]/"), NETWORK, "link-local")


def test_ipv6(serve, fetcher):
    webserver._Tcp.address_family = webserver.socket.AF_INET6
    try:
        serve({"/a": b"1"}, host="::1")
    finally:
        webserver._Tcp.address_family = webserver.socket.AF_INET
    f = fetcher()
    got(f.get("https://six.test/a"))
    got(f.get("https://[::1]/a"))


def test_unreachable(fetcher):
    failed(fetcher().get(BASE + "/a"), NETWORK, BASE + "/a")


def test_unknown_name(fetcher):
    failed(fetcher().get("https://nowhere.test/a"), NETWORK, "nowhere.test")


def test_names_by_dns(serve, fetcher):
    names = {"dns.test": "127.0.0.1", "large.test": "127.0.0.1"}
    with webserver.DnsServer(names, large=["large.test"]) as dns:
        serve({"/a": b"1"})
        f = fetcher()
        got(f.get("https://dns.test/a"))
        got(f.get("https://large.test/a"))
        failed(f.get("https://nowhere.test/a"), NETWORK)
        assert "dns.test" in dns.questions


def test_name_with_two_addresses(serve, fetcher):
    serve({"/a": b"1"})
    got(fetcher().get("https://two.test/a"))


def test_stop_and_continue(serve, fetcher):
    serve({"/a": Reply(b"1", delay=1)})
    f = fetcher()
    f.edge.send("GET", slot=0, url=BASE + "/a", max_size=100)
    for _ in range(3):
        time.sleep(0.1)
        f.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        f.process.send_signal(signal.SIGCONT)
    got(f.answer())


def test_proxy(serve, fetcher):
    proxy = serve({"http://example.test/a": b"proxied"}, port=3128, tls=False)
    f = fetcher(insecure=INSECURE_HTTP, proxy="http://127.0.0.1:3128",
                no_proxy="other.test")
    got(f.get("http://example.test/a"))
    assert proxy.requests[0].target == "http://example.test/a"
    failed(f.get(BASE + "/a"), NETWORK)
    assert proxy.requests[1].method == "CONNECT"
    serve({"/a": b"direct"})
    got(f.get("https://other.test/a"))
    assert len(proxy.requests) == 2


# --- TLS ---------------------------------------------------------------------

BAD_CERTS = ["expired", "self-signed", "wrong host", "unknown authority"]


def bad_cert(kind, pki, tmp_path):
    ca = pki[0]
    if kind == "expired":
        return webserver.make_cert(ca, ["example.test"], expired=True)
    if kind == "self-signed":
        return webserver.make_cert(ca, ["example.test"], self_signed=True)
    if kind == "wrong host":
        return webserver.make_cert(ca, ["wrong.test"])
    return webserver.make_cert(webserver.make_ca(tmp_path / "ca", "Other"),
                               ["example.test"])


# CVE-2025-6032; CVE-2014-5277: nothing in clear after a failure
@pytest.mark.parametrize("kind", BAD_CERTS)
def test_bad_certificates(serve, fetcher, pki, tmp_path, kind):
    server = serve({"/a": b"1"}, tls=bad_cert(kind, pki, tmp_path))
    plain = serve({"/a": b"1"}, port=80, tls=False)
    f = fetcher()
    failed(f.get(BASE + "/a"), TLS, BASE + "/a", "SSL")
    text = failed(f.discover("example.test/app"), DISCOVERY, "SSL")
    assert "example.test/app" in text
    failed(f.discover("example.test/app", keys=True), DISCOVERY, "SSL")
    assert server.requests == [] and plain.connections == 0
    got(fetcher(insecure=INSECURE_TLS).get(BASE + "/a"))


def test_own_authority_is_needed(serve, fetcher):
    serve({"/a": b"1"})
    failed(fetcher(ca=b"").get(BASE + "/a"), TLS)


def test_system_authorities_stay(serve, fetcher, pki, tmp_path):
    """The blob and /etc/ssl/certs both hold."""
    other = webserver.make_ca(tmp_path / "ca", "System")
    system = tmp_path / "certs"
    system.mkdir()
    os.chmod(tmp_path, 0o755)
    (system / "x.pem").write_bytes(other.pem.read_bytes())
    subprocess.run(["openssl", "rehash", str(system)], check=True)
    subprocess.run(["mount", "--bind", str(system), "/etc/ssl/certs"],
                   check=True)
    try:
        serve({"/a": b"1"}, port=8443,
              tls=webserver.make_cert(other, ["example.test"]))
        serve({"/a": b"1"})
        f = fetcher()
        got(f.get("https://example.test:8443/a"))
        got(f.get(BASE + "/a"))
        got(fetcher(ca=b"").get("https://example.test:8443/a"))
    finally:
        subprocess.run(["umount", "/etc/ssl/certs"], check=True)


def test_old_tls_is_refused(serve, fetcher):
    server = serve({"/a": b"1"})
    server.context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server.context.options |= (webserver.ssl.OP_NO_TLSv1_2 |
                                   webserver.ssl.OP_NO_TLSv1_3)
    failed(fetcher(insecure=INSECURE_TLS).get(BASE + "/a"), TLS)


# --- discovery ---------------------------------------------------------------

TEMPLATE = "https://example.test/images/{name}-{version}-{os}-{arch}.{ext}"


def urls(message):
    assert message.name == "ENDPOINTS", message
    return message.fields["urls"]


def test_discovery(serve, fetcher):
    server = serve({"/app": webserver.discovery_page(
        "example.test/app " + TEMPLATE, "example.test https://cdn.test/{name}.{ext}",
        keys=["example.test https://example.test/key.asc"])})
    f = fetcher()
    assert urls(f.discover("example.test/app")) == [
        "https://example.test/images/example.test/app-latest-linux-amd64.aci",
        "https://example.test/images/example.test/app-latest-linux-amd64.aci.asc",
        "https://cdn.test/example.test/app.aci",
        "https://cdn.test/example.test/app.aci.asc"]
    assert urls(f.discover("example.test/app", keys=True)) == [
        "https://example.test/key.asc"]
    assert server.requests[0].target == "/app?ac-discovery=1"


def test_discovery_labels(serve, fetcher):
    serve({"/app": webserver.discovery_page(
        "example.test/app https://h.test/{name}/{channel}/{version}.{ext}")})
    f = fetcher()
    m = f.discover("example.test/app", ["channel=beta", "version=1.2.3"])
    assert urls(m)[0] == "https://h.test/example.test/app/beta/1.2.3.aci"


def test_discovery_walks_up(serve, fetcher):
    server = serve({
        "/a/b": webserver.discovery_page("example.test/a/bc " + TEMPLATE),
        "/a": webserver.discovery_page("example.test/a " + TEMPLATE)})
    assert len(urls(fetcher().discover("example.test/a/b/c"))) == 2
    assert [r.path for r in server.requests] == ["/a/b/c", "/a/b", "/a"]


def test_discovery_at_the_root(serve, fetcher):
    serve({"/": webserver.discovery_page("example.test " + TEMPLATE)})
    assert len(urls(fetcher().discover("example.test/a"))) == 2
    assert len(urls(fetcher().discover("example.test"))) == 2


# rkt compared strings; elements are what counts
@pytest.mark.parametrize("prefix", ["example.test/ap", "other.test", "example.tes",
                                    "example.test/app/", "", "EXAMPLE.test"])
def test_discovery_prefix(serve, fetcher, prefix):
    serve({"/app": webserver.discovery_page(prefix + " " + TEMPLATE)})
    f = fetcher()
    m = f.discover("example.test/app", labels=[])
    failed(m, DISCOVERY, "https://example.test/app?ac-discovery=1",
           "https://example.test/?ac-discovery=1", "404")


@pytest.mark.parametrize("target", [
    "file:///etc/passwd", "http://example.test/{name}.{ext}", "javascript:1",
    "https://u:p@example.test/{ext}", "https://example.test/{flavor}.{ext}",
    "https://example.test/{name", "//example.test/{ext}",
    "https://169.254.169.254\\@x/{ext}", "unix:///run/x.sock"])
def test_discovery_targets(serve, fetcher, target):
    serve({"/app": webserver.discovery_page("example.test " + target)})
    failed(fetcher().discover("example.test/app", labels=[]), DISCOVERY,
           "no usable ac-discovery tag")


def test_simple_discovery_when_there_is_no_tag(serve, fetcher):
    serve({"/app": b"<html>nothing</html>"})
    assert urls(fetcher().discover("example.test/app")) == [
        "https://example.test/app-latest-linux-amd64.aci",
        "https://example.test/app-latest-linux-amd64.aci.asc"]


def test_discovery_of_a_dead_host(fetcher):
    f = fetcher()
    text = failed(f.discover("example.test/a/b/c"), DISCOVERY)
    # All elements are on the one host that is not there: asked once.
    assert text.count("ac-discovery=1") == 1


def test_discovery_body_is_not_the_head(serve, fetcher):
    tag = '<meta name="ac-discovery" content="example.test %s">' % TEMPLATE
    serve({"/app": ("<html><head></head><body>%s</body></html>" % tag).encode(),
           "/": ("<html><head><p>%s</head></html>" % tag).encode()})
    failed(fetcher().discover("example.test/app", labels=[]), DISCOVERY)


def test_discovery_page_bound(serve, fetcher):
    tag = '<meta name="ac-discovery" content="example.test %s">' % TEMPLATE
    page = "<head><!--" + "x" * (1 << 20) + "-->" + tag
    serve({"/app": page.encode()})
    failed(fetcher().discover("example.test/app", labels=[]), DISCOVERY,
           "larger than the limit of 1048576 bytes")


def test_discovery_many_tags(serve, fetcher):
    tags = ["example.test https://example.test/%d/%s.{ext}" % (i, "x" * 1900)
            for i in range(200)]
    serve({"/app": webserver.discovery_page(*tags)})
    found = urls(fetcher().discover("example.test/app"))
    assert 20 <= len(found) <= 32 and len(found) % 2 == 0


def test_discovery_over_http(serve, fetcher):
    plain = serve({"/app": webserver.discovery_page(
        "example.test http://example.test/{name}.{ext}",
        keys=["example.test http://example.test/k"])}, port=80, tls=False)
    failed(fetcher().discover("example.test/app"), DISCOVERY)
    assert plain.connections == 0
    f = fetcher(insecure=INSECURE_HTTP)
    assert urls(f.discover("example.test/app"))[0] == \
        "http://example.test/example.test/app.aci"
    # Keys over http need their own permission.
    failed(f.discover("example.test/app", keys=True), DISCOVERY)
    f = fetcher(insecure=INSECURE_HTTP | INSECURE_PUBKEY)
    assert urls(f.discover("example.test/app", keys=True)) == [
        "http://example.test/k"]


def test_discovery_is_sanitized(serve, fetcher):
    serve({"/app": redirect("https://x\x1b]0;evil\x07.test/\x9b")})
    failed(fetcher().discover("example.test/app", labels=[]), DISCOVERY)


# --- protocol ----------------------------------------------------------------


def protocol_death(f):
    assert f.edge.recv(10) is None
    assert f.process.wait(10) == 120


def test_get_before_configure(raw_fetcher):
    f = raw_fetcher()
    f.edge.send("GET", slot=0, url=BASE + "/a", max_size=1)
    protocol_death(f)


def test_configure_twice(fetcher):
    f = fetcher()
    f.configure()
    protocol_death(f)


def test_slot_out_of_range(fetcher):
    f = fetcher(born={"slots": 2})
    f.edge.send("GET", slot=2, url=BASE + "/a", max_size=1)
    protocol_death(f)


def test_unsealed_authorities(raw_fetcher):
    f = raw_fetcher()
    fd = os.memfd_create("ca")
    f.edge.send("CONFIGURE", fds=[fd], insecure=0, max_image=1)
    os.close(fd)
    protocol_death(f)


def test_other_rooms_messages(raw_fetcher):
    f = raw_fetcher()
    f.edge.send("END_POD", how=2, uuid="00000000-0000-0000-0000-000000000000")
    protocol_death(f)


def test_own_answers(fetcher):
    f = fetcher()
    f.edge.send("PROGRESS", got=1, total=1)
    protocol_death(f)


def test_bad_wish(fetcher):
    f = fetcher()
    f.edge.send("DISCOVER", name="example.test/app", want=3)
    protocol_death(f)


def test_end_of_file(fetcher):
    f = fetcher()
    f.edge.close()
    assert f.process.wait(10) == 111


def test_end_of_file_in_the_middle(serve, fetcher):
    serve({"/a": Reply(b"x", delay=30)})
    f = fetcher()
    f.edge.send("GET", slot=0, url=BASE + "/a", max_size=100)
    time.sleep(0.5)
    f.edge.close()
    assert f.process.wait(5) == 111


def test_no_conductor_waits_for_the_body(serve, fetcher):
    serve({"/a": webserver.endless_body()})
    f = fetcher()
    f.edge.send("GET", slot=0, url=BASE + "/a", max_size=1 << 40)
    time.sleep(0.5)
    f.edge.close()
    assert f.process.wait(5) == 111


def test_as_root_it_does_not_start(network):
    from conftest import BINARY
    assert subprocess.run([str(BINARY)], stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL).returncode == 111
