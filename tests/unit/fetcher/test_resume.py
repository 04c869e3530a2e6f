"""Downloads that break off, and servers that make something of it."""

import random

import pytest

import webserver
from test_fetcher import BASE, HTTP, NETWORK, SIZE, failed, got
from webserver import Reply, redirect

BODY = random.Random(7).randbytes(200000)
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def first(at=70000, body=BODY, **headers):
    """An answer that breaks off behind at bytes."""
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    return Reply(body[:at], length=len(body), headers=headers)


def part(start, body=BODY, stop=None, total=None, length="honest", **headers):
    """206, and what else it says."""
    stop = len(body) if stop is None else stop
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    headers.setdefault("Content-Range", "bytes %d-%d/%d" % (
        start, stop - 1, len(body) if total is None else total))
    return Reply(body[start:stop], status=206, headers=headers, length=length)


def serve_in_turn(serve, *replies):
    return serve({"/a": webserver.sequence(*replies)})


def said(server):
    """What each request asked for: (Range, If-Range)."""
    return [(r.headers.get("Range"), r.headers.get("If-Range"))
            for r in server.requests]


def test_resume_by_etag(serve, fetcher):
    server = serve_in_turn(serve, first(ETag='"v1"'),
                           part(70000, ETag='"v1"'))
    f = fetcher()
    m = got(f.get(BASE + "/a"))
    assert m["size"] == len(BODY) and m["etag"] == '"v1"'
    assert f.slots[0].bytes() == BODY
    assert said(server) == [(None, None), ("bytes=70000-", '"v1"')]
    assert "asking for the rest" in f.log()


def test_resume_by_date(serve, fetcher):
    server = serve_in_turn(serve, first(Last_Modified=DATE),
                           part(70000, Last_Modified=DATE))
    f = fetcher()
    got(f.get(BASE + "/a"))
    assert f.slots[0].bytes() == BODY
    assert said(server)[1] == ("bytes=70000-", DATE)


def test_resume_where_tls_was_cut(serve, fetcher):
    cut = first(ETag='"v1"')
    cut.cut = True
    serve_in_turn(serve, cut, part(70000, ETag='"v1"'))
    f = fetcher()
    got(f.get(BASE + "/a"))
    assert f.slots[0].bytes() == BODY


def test_resume_more_than_once(serve, fetcher):
    serve_in_turn(
        serve, first(ETag='"v1"'),
        Reply(BODY[70000:90000], status=206, length=len(BODY) - 70000,
              headers={"ETag": '"v1"',
                       "Content-Range": "bytes 70000-199999/200000"}),
        part(90000, ETag='"v1"'))
    f = fetcher()
    got(f.get(BASE + "/a"))
    assert f.slots[0].bytes() == BODY


def test_resume_progress_goes_on(serve, fetcher):
    slow = part(70000, ETag='"v1"')
    slow.delay = 0.5
    serve_in_turn(serve, first(ETag='"v1"'), slow)
    f = fetcher()
    got(f.get(BASE + "/a"))
    assert (70000, 200000) in f.progress
    assert {total for _, total in f.progress} <= {0, 200000}


def test_resume_server_that_ignores_range(serve, fetcher):
    """200: the whole of it again, the first part is thrown away."""
    other = bytes(reversed(BODY[:150000]))
    serve_in_turn(serve, first(ETag='"v1"'), Reply(other))
    f = fetcher()
    assert got(f.get(BASE + "/a"))["size"] == len(other)
    assert f.slots[0].bytes() == other


def test_resume_after_a_change_starts_over_and_resumes(serve, fetcher):
    """If-Range did not hold: 200, a new validator, and another break."""
    other = bytes(reversed(BODY))
    server = serve_in_turn(serve, first(ETag='"v1"'),
                           first(at=50, body=other, ETag='"v2"'),
                           part(50, body=other, ETag='"v2"'))
    f = fetcher()
    assert got(f.get(BASE + "/a"))["etag"] == '"v2"'
    assert f.slots[0].bytes() == other
    assert said(server)[2] == ("bytes=50-", '"v2"')


def test_resume_file_changed_behind_if_range(serve, fetcher):
    """A server that answers 206 to an If-Range that does not hold."""
    serve_in_turn(serve, first(ETag='"v1"'), part(70000, ETag='"v2"'))
    failed(fetcher().get(BASE + "/a"), HTTP, "has changed")


def test_resume_without_the_validator(serve, fetcher):
    serve_in_turn(serve, first(ETag='"v1"'), part(70000))
    failed(fetcher().get(BASE + "/a"), HTTP, "has changed")


LIES = {
    "begins earlier": part(60000, ETag='"v1"'),
    "begins later": part(80000, ETag='"v1"'),
    "begins at 0": part(0, ETag='"v1"'),
    "ends earlier": part(70000, stop=199999, ETag='"v1"'),
    "another total": part(70000, total=200001, ETag='"v1"'),
    "no total": part(70000, total=0, ETag='"v1"',
                     Content_Range="bytes 70000-199999/*"),
    "no range": Reply(BODY[70000:], status=206, headers={"ETag": '"v1"'}),
    "many ranges": part(70000, ETag='"v1"', Content_Range="bytes "
                        "70000-199999/200000, 0-1/200000"),
    "multipart": Reply(BODY[70000:], status=206, headers={
        "ETag": '"v1"', "Content-Type": "multipart/byteranges; boundary=x"}),
    "length of another": part(70000, length=130001, ETag='"v1"'),
}


@pytest.mark.parametrize("lie", LIES)
def test_resume_server_that_lies(serve, fetcher, lie):
    server = serve_in_turn(serve, first(ETag='"v1"'), LIES[lie])
    failed(fetcher().get(BASE + "/a"), HTTP, "cannot go on")
    assert len(server.requests) == 2


def test_resume_sends_more_than_it_said(serve, fetcher):
    reply = Reply(BODY[70000:] + b"more", status=206, chunked=True, headers={
        "ETag": '"v1"', "Content-Range": "bytes 70000-199999/200000"})
    serve_in_turn(serve, first(ETag='"v1"'), reply)
    failed(fetcher().get(BASE + "/a"), HTTP, "more than it said")


def test_resume_sends_less_than_it_said(serve, fetcher):
    reply = Reply(BODY[70000:-1], status=206, chunked=True, headers={
        "ETag": '"v1"', "Content-Range": "bytes 70000-199999/200000"})
    serve_in_turn(serve, first(ETag='"v1"'), reply)
    failed(fetcher().get(BASE + "/a"), HTTP)


@pytest.mark.parametrize("status", [301, 304, 404, 416, 500, 503])
def test_resume_other_answers_end_it(serve, fetcher, status):
    server = serve_in_turn(serve, first(ETag='"v1"'), Reply(
        b"x", status=status, headers={"Location": "/b"}))
    failed(fetcher().get(BASE + "/a"), HTTP, str(status))
    assert len(server.requests) == 2


@pytest.mark.parametrize("etag", ['W/"v1"', "v1", '"'])
def test_weak_etag_is_not_used_to_resume(serve, fetcher, etag):
    server = serve_in_turn(serve, first(ETag=etag, Last_Modified=DATE),
                           part(70000, ETag=etag, Last_Modified=DATE))
    failed(fetcher().get(BASE + "/a"), NETWORK)
    assert len(server.requests) == 1


def test_no_validator_no_resume(serve, fetcher):
    server = serve_in_turn(serve, first(), part(70000))
    failed(fetcher().get(BASE + "/a"), NETWORK)
    assert len(server.requests) == 1


def test_resume_is_given_up(serve, fetcher):
    """A server that always breaks off, one byte further on."""
    def handler(request):
        start = int(request.headers.get("Range", "bytes=69999-")[6:-1]) + 1
        if start == 70000:
            return first(ETag='"v1"')
        return Reply(BODY[start - 1:start], status=206,
                     length=len(BODY) - start + 1, headers={
                         "ETag": '"v1"', "Content-Range":
                         "bytes %d-199999/200000" % (start - 1)})
    server = serve({"/a": handler})
    failed(fetcher().get(BASE + "/a"), NETWORK)
    assert len(server.requests) == 6


def test_resume_within_the_limit_of_size(serve, fetcher):
    """A first part below the limit is no way around it."""
    server = serve_in_turn(serve, first(at=900, ETag='"v1"'),
                           part(900, ETag='"v1"'))
    failed(fetcher().get(BASE + "/a", max_size=1000), SIZE)
    assert len(server.requests) == 1


def test_resume_after_redirect_keeps_credentials_at_home(serve, fetcher):
    serve({"/a": redirect("https://other.test:8443/b")})
    away = serve({"/b": webserver.sequence(first(ETag='"v1"'),
                                           part(70000, ETag='"v1"'))},
                 port=8443)
    f = fetcher()
    got(f.get(BASE + "/a", authorization="Bearer secret"))
    assert f.slots[0].bytes() == BODY
    assert len(away.requests) == 2
    assert all("Authorization" not in r.headers for r in away.requests)


def test_resume_sends_credentials_again(serve, fetcher):
    server = serve_in_turn(serve, first(ETag='"v1"'),
                           part(70000, ETag='"v1"'))
    got(fetcher().get(BASE + "/a", authorization="Bearer secret"))
    assert [r.headers["Authorization"] for r in server.requests] == [
        "Bearer secret"] * 2


def test_range_unasked_is_an_error(serve, fetcher):
    serve({"/a": part(0, ETag='"v1"')})
    failed(fetcher().get(BASE + "/a"), HTTP, "206")


def test_discovery_pages_are_not_resumed(serve, fetcher):
    page = webserver.discovery_page("example.test https://example.test/{ext}")
    server = serve({"/": webserver.sequence(first(20, page, ETag='"v1"'),
                                            part(20, page, ETag='"v1"'))})
    failed(fetcher().discover("example.test", labels=[]), 7)
    assert len(server.requests) == 1
