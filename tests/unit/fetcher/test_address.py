"""Where servers may lead: never to addresses more private than their own."""

import pytest

import webserver
from test_fetcher import (BASE, DISCOVERY, INSECURE_HTTP, NETWORK, failed, got)
from webserver import redirect

PUBLIC, ELSEWHERE = "203.0.113.5", "203.0.113.6"
PRIVATE, CGNAT = "10.11.12.13", "100.64.1.1"
REFUSED = "which is refused"


def page(name, target):
    return webserver.discovery_page(
        "%s %s/{name}-{version}.{ext}" % (name, target),
        keys=["%s %s/key" % (name, target)])


def discovered(f, name):
    m = f.discover(name)
    assert m.name == "ENDPOINTS", m
    return m.fields["urls"]


# SSRF: what discovery says, by name, by address, in odd spellings
@pytest.mark.parametrize("target", [
    "https://private.test", "https://cgnat.test", "https://other.test",
    "https://six.test", "https://linklocal.test", "https://10.11.12.13",
    "https://127.0.0.1", "https://127.1", "https://2130706433",
    "https://0x7f.1", "https://[::1]", "https://[::ffff:127.0.0.1]",
    "https://[::ffff:10.11.12.13]", "https://169.254.169.254",
    "https://168.63.129.16", "https://100.100.100.200", "https://0.0.0.0",
    "https://[fd00:ec2::254]", "https://[fe80::1]", "https://224.0.0.1"])
def test_discovery_does_not_lead_inside(serve, fetcher, target):
    serve({"/": page("public.test", target)}, host=PUBLIC)
    inside = [serve({}, host=h) for h in (PRIVATE, CGNAT, "127.0.0.1")]
    f = fetcher()
    for url in discovered(f, "public.test"):
        failed(f.get(url), NETWORK, REFUSED)
    assert [s.connections for s in inside] == [0, 0, 0]


def test_discovery_leads_to_the_public(serve, fetcher):
    serve({"/": page("public.test", "https://elsewhere.test")}, host=PUBLIC)
    serve({"/public.test-latest.aci": b"image"}, host=ELSEWHERE)
    f = fetcher()
    got(f.get(discovered(f, "public.test")[0]))


def test_discovery_inside_leads_inside_and_out(serve, fetcher):
    """An intranet's own registry needs no word of policy."""
    serve({"/": page("private.test", "https://cgnat.test"),
           "/out": page("private.test", "https://elsewhere.test")},
          host=PRIVATE)
    serve({"/private.test-latest.aci": b"1"}, host=CGNAT)
    f = fetcher()
    got(f.get(discovered(f, "private.test")[0]))


def test_discovery_inside_does_not_lead_to_this_machine(serve, fetcher):
    serve({"/": page("private.test", "https://other.test")}, host=PRIVATE)
    own = serve({"/private.test-latest.aci": b"1"})
    f = fetcher()
    failed(f.get(discovered(f, "private.test")[0]), NETWORK,
           "this machine's own", REFUSED)
    assert own.connections == 0


def test_discovery_any(serve, fetcher):
    """Site policy "discovery any"; metadata services stay refused."""
    serve({"/": page("public.test", "https://private.test")}, host=PUBLIC)
    serve({"/public.test-latest.aci": b"1"}, host=PRIVATE)
    f = fetcher(private=1)
    got(f.get(discovered(f, "public.test")[0]))
    failed(f.get("https://linklocal.test/"), NETWORK, REFUSED)


def test_dns_rebinding(serve, fetcher):
    """A name that is public when it is first asked for, private later: an old
    answer may be gone by, a new one does not get through."""
    names = {"dns.test": PUBLIC, "large.test": PUBLIC}
    with webserver.DnsServer(names) as dns:
        serve({"/": page("dns.test", "https://large.test")}, host=PUBLIC)
        own = serve({"/dns.test-latest.aci": b"1"})
        f = fetcher()
        urls = discovered(f, "dns.test")
        names.update({"dns.test": "127.0.0.1", "large.test": "127.0.0.1"})
        failed(f.get(urls[0]), NETWORK, REFUSED)
        assert "large.test" in dns.questions
        f.get("https://dns.test/dns.test-latest.aci")
        assert own.connections == 0


def test_name_with_a_private_address_beside(serve, fetcher):
    """Of two addresses only the public one is connected to."""
    serve({"/": page("public.test", "https://both.test:8443")}, host=PUBLIC)
    own = serve({"/public.test-latest.aci": b"1"}, host=PRIVATE, port=8443)
    f = fetcher()
    failed(f.get(discovered(f, "public.test")[0]), NETWORK)
    assert own.connections == 0
    serve({"/public.test-latest.aci": b"1"}, host=PUBLIC, port=8443)
    got(f.get(discovered(f, "public.test")[0]))


def test_keys_of_discovery_do_not_lead_inside(serve, fetcher):
    serve({"/": page("public.test", "https://private.test")}, host=PUBLIC)
    own = serve({"/key": b"1"}, host=PRIVATE)
    f = fetcher()
    urls = f.discover("public.test", keys=True).fields["urls"]
    failed(f.get(urls[0]), NETWORK, REFUSED)
    assert own.connections == 0


def test_a_later_page_takes_nothing_back(serve, fetcher):
    """What one public page said is not made good by a private one."""
    serve({"/": page("public.test", "https://private.test")}, host=PUBLIC)
    serve({"/": page("private.test", "https://private.test"),
           "/public.test-latest.aci": b"1"}, host=PRIVATE)
    f = fetcher()
    urls = discovered(f, "public.test")
    discovered(f, "private.test")
    failed(f.get(urls[0]), NETWORK, REFUSED)


@pytest.mark.parametrize("to", ["https://private.test/a", BASE + "/a",
                                "https://10.11.12.13/a", "https://127.1/a"])
def test_redirect_does_not_lead_inside(serve, fetcher, to):
    serve({"/a": redirect(to)}, host=PUBLIC)
    inside = [serve({"/a": b"1"}, host=h) for h in (PRIVATE, "127.0.0.1")]
    failed(fetcher().get("https://public.test/a"), NETWORK, REFUSED)
    assert [s.connections for s in inside] == [0, 0]


def test_redirect_in_and_out_and_in(serve, fetcher):
    """A private server may send us out; from there is no way back."""
    serve({"/a": redirect("https://public.test/b"), "/c": b"1"}, host=PRIVATE)
    serve({"/b": redirect("https://private.test/c")}, host=PUBLIC)
    failed(fetcher().get("https://private.test/a"), NETWORK, REFUSED)


def test_redirect_of_discovery_does_not_lead_inside(serve, fetcher):
    serve({"/": redirect("https://private.test/")}, host=PUBLIC)
    own = serve({"/": page("public.test", "https://public.test")}, host=PRIVATE)
    failed(fetcher().discover("public.test", labels=[]), DISCOVERY, REFUSED)
    assert own.connections == 0


def test_redirect_of_discovery_out_and_endpoint_in(serve, fetcher):
    """The page came from a public server in the end: so did its words."""
    serve({"/": redirect("https://public.test/")}, host=PRIVATE)
    serve({"/": page("private.test", "https://cgnat.test")}, host=PUBLIC)
    own = serve({}, host=CGNAT)
    f = fetcher()
    failed(f.get(discovered(f, "private.test")[0]), NETWORK, REFUSED)
    assert own.connections == 0


def test_url_of_the_operator_may_be_private(serve, fetcher):
    serve({"/a": b"1"}, host=PRIVATE)
    serve({"/a": b"1"})
    f = fetcher()
    got(f.get("https://private.test/a"))
    got(f.get("https://10.11.12.13/a"))
    got(f.get(BASE + "/a"))


def test_proxy_may_be_private_and_leads_no_one_inside(serve, fetcher):
    """Behind a proxy addresses cannot be seen: its pages count as public, and
    an address in a URL is looked at before the proxy is asked."""
    at = "http://public.test/"
    proxy = serve({
        at: page("public.test", "http://10.11.12.13"),
        "http://elsewhere.test/": page("elsewhere.test", "http://a.test"),
        "http://a.test/elsewhere.test-latest.aci": b"1",
        "http://a.test/in": redirect("http://10.11.12.13/")},
        host=PRIVATE, port=3128, tls=False)
    f = fetcher(insecure=INSECURE_HTTP, proxy="http://10.11.12.13:3128",
                no_proxy="other.test")
    got(f.get(discovered(f, "elsewhere.test")[0]))
    failed(f.get(discovered(f, "public.test")[0]), NETWORK, REFUSED)
    failed(f.get("http://a.test/in"), NETWORK, REFUSED)
    own = serve({"/x": b"1"})
    failed(f.get("https://other.test/x"), NETWORK, REFUSED)
    assert own.connections == 0
    assert all("10.11.12.13" not in r.target for r in proxy.requests)


def test_port_of_the_proxy_is_no_way_inside(serve, fetcher):
    """no_proxy, and a URL with the proxy's port: it is not the proxy."""
    serve({"/": page("public.test", "https://private.test:3128")}, host=PUBLIC)
    own = serve({}, host=PRIVATE, port=3128)
    f = fetcher(proxy="http://203.0.113.6:3128", no_proxy="*")
    failed(f.get(discovered(f, "public.test")[0]), NETWORK, REFUSED)
    assert own.connections == 0
