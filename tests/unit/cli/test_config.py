"""Configuration files: kinds, merging, mistakes, and whom credentials go to."""
import base64
import json
import os
import shutil

import pytest
from fakefetcher import Fetching
from fakelauncher import Launcher, alone
import world

A = "https://example.com/a.aci"


def auth(domains, kind="auth", **more):
    return json.dumps({
        "rktKind": kind, "rktVersion": "v1", "domains": domains,
        "type": "basic",
        "credentials": {"user": "me", "password": "secret"}, **more}, indent=1)


def oauth(domains, token="tok"):
    return auth(domains, type="oauth", credentials={"token": token})


def config(data, name, **files):
    """A configuration directory with a root key; files: auth_a=text is
    auth.d/a.json."""
    top = os.path.join(os.path.dirname(str(data)), name)
    shutil.rmtree(top, ignore_errors=True)
    shutil.copytree(world.trusting(data), top)
    for where, text in {"auth_": None, **files}.items():
        kind, _, file = where.partition("_")
        os.makedirs(os.path.join(top, kind + ".d"), exist_ok=True)
        if text is not None:
            with open(os.path.join(top, kind + ".d", file + ".json"), "w") as f:
                f.write(text)
    return top


def shown(data, *flags, **where):
    r = Launcher(data, **where).run("config", *flags)
    assert r.code == 0, r.err
    return json.loads(r.out)["stage0"]


def test_config_prints_all_kinds(data):
    local = config(
        data, "l", auth_a=auth(["b.com", "a.com:8443"]), auth_b=oauth(["c.com"]),
        auth_c=auth(["d.com"], type="aws", credentials={
            "accessKeyID": "id", "secretAccessKey": "key"}),
        auth_d=auth(None, "dockerAuth", registries=["quay.io"]),
        paths_a='{"rktKind":"paths","rktVersion":"v1","stage1-images":"/s"}',
        stage1_a='{"rktKind":"stage1","rktVersion":"v1","name":"a.com/s",'
                 '"version":"1","location":"/s.aci"}')
    one = {"rktKind": "auth", "rktVersion": "v1", "type": "basic",
           "credentials": {"user": "me", "password": "***"}}
    assert shown(data, local=local) == [
        {**one, "domains": ["b.com"]}, {**one, "domains": ["a.com:8443"]},
        {**one, "domains": ["c.com"], "type": "oauth",
         "credentials": {"token": "***"}},
        {**one, "domains": ["d.com"], "type": "aws", "credentials": {
            "accessKeyID": "id", "secretAccessKey": "***"}},
        {"rktKind": "dockerAuth", "rktVersion": "v1", "registries": ["quay.io"],
         "credentials": {"user": "me", "password": "***"}},
        {"rktKind": "paths", "rktVersion": "v1", "stage1-images": "/s"},
        {"rktKind": "stage1", "rktVersion": "v1", "name": "a.com/s",
         "version": "1", "location": "/s.aci"}]


def test_config_shows_secrets_when_asked(data):
    """rkt printed them always."""
    local = config(data, "l", auth_a=auth(["a.com"]))
    text = Launcher(data, local=local).run("config").out
    assert "secret" not in text and "\n\t" in text
    assert shown(data, "--show-secrets", local=local)[0]["credentials"] == {
        "user": "me", "password": "secret"}
    r = Launcher(data, local=local).run("config", "--pretty-print=false")
    assert len(r.out.splitlines()) == 1


def test_config_of_nothing(data):
    assert shown(data) == []
    assert shown(data, local=config(data, "l")) == []


def test_local_overrides_by_domain_and_field(data):
    system = config(data, "s", auth_a=auth(["a.com", "b.com"]),
                    paths_a='{"rktKind":"paths","rktVersion":"v1",'
                            '"stage1-images":"/s"}',
                    stage1_a='{"rktKind":"stage1","rktVersion":"v1",'
                             '"location":"/s","name":"a.b/s","version":"1"}')
    local = config(data, "l", auth_z=oauth(["b.com", "c.com"]),
                   paths_z='{"rktKind":"paths","rktVersion":"v1",'
                           '"stage1-images":"/l"}',
                   stage1_z='{"rktKind":"stage1","rktVersion":"v1",'
                            '"location":"https://a.b/l"}')
    e = shown(data, system=system, local=local)
    assert [(x["domains"], x["type"]) for x in e[:3]] == [
        (["a.com"], "basic"), (["b.com"], "oauth"), (["c.com"], "oauth")]
    assert e[3]["stage1-images"] == "/l"
    assert e[4] == {"rktKind": "stage1", "rktVersion": "v1", "name": "a.b/s",
                    "version": "1", "location": "https://a.b/l"}


def test_user_overrides_both(data):
    """The third level, domain by domain and field by field."""
    dirs = {"system": config(data, "s", auth_a=auth(["a.com", "b.com"])),
            "local": config(data, "l", auth_a=oauth(["b.com", "c.com"]),
                            paths_a='{"rktKind":"paths","rktVersion":"v1",'
                                    '"stage1-images":"/l"}'),
            "user": config(data, "u", auth_z=oauth(["a.com", "c.com"], "mine"),
                           paths_a='{"rktKind":"paths","rktVersion":"v1",'
                                   '"stage1-images":"/u"}')}
    e = shown(data, "--show-secrets", **dirs)
    assert [(x["domains"], x["credentials"].get("token")) for x in e[:3]] == [
        (["a.com"], "mine"), (["b.com"], "tok"), (["c.com"], "mine")]
    assert e[3]["stage1-images"] == "/u"


def test_user_config_is_asked_for_by_name(data):
    r = Launcher(data, user=config(data, "u")).run("--user-config=/u", "config")
    assert r.code == 0, r.err
    assert r.one("HELLO")["user_config"] == "/u"
    assert Launcher(data).run("config").one("HELLO")["user_config"] == ""


def test_user_config_mistake_is_named(data):
    user = config(data, "u", auth_a=auth(["a.com"], type="x"))
    r = Launcher(data, user=user).run("--user-config=/home/u", "config")
    assert r.code == 254
    assert "/home/u/auth.d/a.json:7: type: must be basic, oauth" in r.err


def test_user_config_without_the_launcher(data, open_path):
    (open_path / "data").mkdir()
    (open_path / "u/auth.d").mkdir(parents=True)
    (open_path / "u/auth.d/a.json").write_text(oauth(["a.com"]))
    where = ["--dir=%s/data" % open_path, "--user-config=%s/u" % open_path]
    r = alone(*where, "config")
    assert r.code == 0 and "a.com" in r.out, r.err
    r = alone(where[0], "--user-config=%s/none" % open_path, "config")
    assert r.code == 254
    assert "cannot open user configuration %s/none: No such" % open_path in r.err


def test_user_config_cannot_move_the_data(data, open_path):
    """As for the other two: root opens nothing because a file says so."""
    user = config(data, "u", paths_a=paths(open_path))
    r = Launcher(data, user=user).run("--user-config=/u", "image", "list")
    assert r.code == 254 and "use --dir, or data-dir in site policy" in r.err


@pytest.mark.parametrize("where,text,said", [
    ("auth_a", "{\n\n", ":3: not JSON"),
    ("auth_a", "", "not JSON"),
    ("auth_a", "[]", ":1: must be a JSON object"),
    ("auth_a", "{}", ":1: rktKind: is missing"),
    ("auth_a", '{"rktKind": ""}', "rktKind: must be a text"),
    ("auth_a", '{"rktKind": "auth"}', "rktVersion: is missing"),
    ("auth_a", '{"rktKind": "auth",\n"rktVersion": "v2"}',
     ':2: rktVersion: "v2" is not known'),
    ("auth_a", '{"rktKind": "paths",\n"rktVersion": "v1"}',
     ':1: rktKind: "paths" is not for this directory'),
    ("auth_a", '{"rktKind": "net",\n"rktVersion": "v1"}', "rktKind: "),
    ("auth_a", '{"rktKind": "auth", "rktKind": "auth"}', "not JSON: dup"),
    ("auth_a", auth([]), "a.json:4: domains: must be an array"),
    ("auth_a", auth("a.com"), "domains: must be an array"),
    ("auth_a", auth(["a.com", 1]), "domains[1]: must be a host name"),
    ("auth_a", auth(["https://a.com"]), "domains[0]: must be a host name"),
    ("auth_a", auth(["a.com", "b.com", "A.com"]), '"A.com" is configured in'),
    ("auth_a", auth(["a.com"], type="x"), ":7: type: must be basic, oauth"),
    ("auth_a", auth(["a.com"], type=None), "type: must be basic"),
    ("auth_a", auth(["a.com"], credentials=1), "credentials: must be an object"),
    ("auth_a", auth(["a.com"], credentials={"user": "x"}),
     ":8: credentials.password: is missing"),
    ("auth_a", auth(["a.com"], credentials={"password": "p", "user": ""}),
     ":10: credentials.user: must be a text that is not empty"),
    ("auth_a", auth(["a.com"], credentials={"password": "p", "user": "a:b"}),
     "credentials.user: must be"),
    ("auth_a", auth(["a.com"], credentials={"user": "u", "password": "p\r\nX: y"}),
     "credentials.password: must be a text"),
    ("auth_a", auth(["a.com"], credentials={"user": "u", "password": "p\0"}),
     "not JSON"),
    ("auth_a", oauth(["a.com"], ""), "credentials.token: must be a text"),
    ("auth_a", auth(None, "dockerAuth"), "registries: must be an array"),
    ("paths_a", '{"rktKind":"paths","rktVersion":"v1",\n"data":"x"}',
     ":2: data: must be an absolute path"),
    ("paths_a", '{"rktKind":"paths","rktVersion":"v1","data":"/a/../b"}',
     "data: must be an absolute path"),
    ("stage1_a", '{"rktKind":"stage1","rktVersion":"v1",\n\n"name":"a.b"}',
     ":3: name: name and version go together"),
    ("stage1_a", '{"rktKind":"stage1","rktVersion":"v1","version":"1"}',
     "version: name and version go together"),
    ("stage1_a", '{"rktKind":"stage1","rktVersion":"v1","location":"x"}',
     "location: must be an absolute path"),
    ("stage1_a", '{"rktKind":"stage1","rktVersion":"v1","location":"ftp://x"}',
     "location: must be"),
])
def test_mistakes_are_named(data, where, text, said):
    r = Launcher(data, local=config(data, "l", **{where: text})).run("config")
    assert r.code == 254 and r.out == "", r.out
    assert said in r.err, r.err
    assert "/etc/rkt/%s.d/a.json:" % where.split("_")[0] in r.err


def test_nothing_is_said_twice_in_one_directory(data):
    local = config(data, "l", auth_a=auth(["a.com"]), auth_b=oauth(["a.com"]))
    r = Launcher(data, local=local).run("config")
    assert r.code == 254
    assert 'auth.d/b.json:4: domains[0]: "a.com" is configured in ' in r.err
    assert '/etc/rkt/auth.d/a.json:4 already' in r.err


def test_only_regular_json_files_are_read(data):
    local = config(data, "l", auth_a=auth(["a.com"]))
    d = os.path.join(local, "auth.d")
    for name in ("b.txt", ".json", "json", "c.json~"):
        with open(os.path.join(d, name), "w") as f:
            f.write("junk")
    os.symlink("a.json", os.path.join(d, "l.json"))
    os.makedirs(os.path.join(d, "d.json"))
    os.mkfifo(os.path.join(d, "f.json"))
    assert len(shown(data, local=local)) == 1


def test_a_file_that_rkt_may_not_read(data):
    local = config(data, "l", auth_a=auth(["a.com"]))
    os.chmod(os.path.join(local, "auth.d/a.json"), 0o600)
    r = Launcher(data, local=local).run("config")
    assert r.code == 254 and "chgrp rkt" in r.err
    # Who fetches nothing is not troubled by it.
    assert Launcher(data, local=local).run("image", "list").code == 0


# --- credentials -------------------------------------------------------------


def headers(data, url, **files):
    local = config(data, "l", **files)
    f = Fetching(data, local=local,
                 pages={url: [(200, 900)], url.replace(".aci", ".aci.asc"):
                        [(200, 90)]})
    r = f.run("--insecure-options=http", "fetch", url)
    return r, [m.fields["authorization"] for m in f.requests
               if m.name == "GET"]


BASIC = "Basic " + base64.b64encode(b"me:secret").decode()


@pytest.mark.parametrize("url,domain,sent", [
    (A, "example.com", BASIC), (A, "EXAMPLE.com", BASIC),
    (A, "example.co", ""), (A, "a.example.com", ""), (A, "com", ""),
    (A, "example.com:443", ""), (A.replace(".com", ".com:8443"),
                                 "example.com:8443", BASIC),
    (A.replace(".com", ".com:8443"), "example.com", ""),
    (A.replace("https", "http"), "example.com", ""),
    ("https://evil.com/https://example.com/a.aci", "example.com", "")])
def test_credentials_go_to_the_exact_host_by_https(data, url, domain, sent):
    r, got = headers(data, url, auth_a=auth([domain]))
    assert r.code == 0, r.err
    assert got == [sent, sent]


def test_credentials_oauth(data):
    _, got = headers(data, A, auth_a=oauth(["example.com"], "t.o-k"))
    assert got == ["Bearer t.o-k"] * 2


@pytest.mark.parametrize("user,password", [
    ("u", ""), ("us", "p"), ("use", "pä"), ("user", "a:b c")])
def test_credentials_basic(data, user, password):
    _, got = headers(data, A, auth_a=auth(
        ["example.com"], credentials={"user": user, "password": password}))
    assert got[0] == "Basic " + base64.b64encode(
        ("%s:%s" % (user, password)).encode()).decode()


def test_credentials_of_aws_are_refused_when_needed(data):
    keys = {"accessKeyID": "id", "secretAccessKey": "key"}
    r, got = headers(data, A, auth_a=auth(["example.com"], type="aws",
                                          credentials=keys))
    assert r.code == 254 and got == [] and "type aws are not supported" in r.err
    r, got = headers(data, A, auth_a=auth(["other.com"], type="aws",
                                          credentials=keys))
    assert r.code == 0 and got == ["", ""]


def test_credentials_for_discovery(data):
    local = config(data, "l", auth_a=auth(["example.com"]))
    f = Fetching(data, local=local, endpoints=["https://cdn.com/x.aci",
                                               "https://cdn.com/x.asc"],
                 pages={"https://cdn.com/x.aci": [(200, 9)],
                        "https://cdn.com/x.asc": [(200, 9)]})
    assert f.run("fetch", "example.com/hello:1.0").code == 0
    assert [m.fields.get("authorization") for m in f.requests
            if m.name != "CONFIGURE"] == [BASIC, "", ""]


def test_bad_credentials_stop_the_fetch(data):
    r, got = headers(data, A, auth_a="{")
    assert r.code == 254 and "START_FETCHER" not in r.types() and got == []


# --- paths and stage1 --------------------------------------------------------


def paths(where):
    return json.dumps({"rktKind": "paths", "rktVersion": "v1",
                       "data": str(where)})


def test_paths_data_is_not_opened_because_a_file_says_so(data, open_path):
    local = config(data, "l", paths_a=paths(open_path))
    r = Launcher(data, local=local).run("image", "list")
    assert r.code == 254 and "use --dir, or data-dir in site policy" in r.err
    r = Launcher(data, local=local).run("--dir=/x", "image", "list")
    assert r.code == 0, r.err
    r = Launcher(open_path, local=local).run("image", "list")
    assert r.code == 0, r.err


def test_paths_data_without_the_launcher(open_path):
    world.add_image(open_path / "data", "one")
    (open_path / "conf/paths.d").mkdir(parents=True)
    (open_path / "conf/paths.d/a.json").write_text(paths(open_path / "data"))
    r = alone("--local-config=%s/conf" % open_path, "image", "list",
              "--no-legend")
    assert r.code == 0 and len(r.out.splitlines()) == 1, r.err


def test_stage1_of_another_is_refused(data):
    local = config(data, "l", stage1_a='{"rktKind":"stage1","rktVersion":"v1",'
                                       '"location":"/s.aci"}')
    world.add_image(data, "hello")
    r = Launcher(data, local=local).run("run", "example.com/hello")
    assert r.code == 254 and "START_POD" not in r.types()
    assert "stage1.d/a.json:1: location: another stage1" in r.err


@pytest.mark.parametrize("host,sent", [
    ("example.com", BASIC), ("cdn.example.com", BASIC),
    ("a.b.example.com:8443", BASIC), ("EXAMPLE.com", BASIC),
    ("example.org", ""), ("evilexample.com", ""), ("example.com.evil.org", ""),
    ("com", ""), ("xexample.com", ""), ("secret.org", ""),
    ("secret.org\\.example.com", ""), ("secret.org?.example.com", ""),
    ("secret.org#.example.com", ""), ("secret.org@a.example.com", ""),
    ("secret.org:1.example.com", "")])
def test_discovery_gets_no_credentials_of_other_hosts(data, host, sent):
    """What a page, or a fetcher that was broken into, names: only hosts below
    the one that the operator named get what he has for them."""
    domains = ["example.com", "cdn.example.com",
               "a.b.example.com:8443", "example.org", "evilexample.com",
               "example.com.evil.org", "com", "xexample.com", "secret.org",
               "secret.org:1.example.com"]
    local = config(data, "l", auth_a=auth(domains))
    urls = ["https://%s/x.aci" % host, "https://%s/x.aci.asc" % host]
    f = Fetching(data, local=local, endpoints=urls,
                 pages={u: [(200, 9)] for u in urls})
    r = f.run("fetch", "example.com/hello:1.0")
    assert r.code == 0, r.err
    got = [m.fields["authorization"] for m in f.requests if m.name == "GET"]
    assert got == [sent, sent]


def test_discovery_says_whose_credentials_it_keeps(data):
    local = config(data, "l", auth_a=auth(["cdn.org"]))
    urls = ["https://cdn.org/x.aci", "https://cdn.org/x.aci.asc"]
    f = Fetching(data, local=local, endpoints=urls,
                 pages={u: [(200, 9)] for u in urls})
    r = f.run("fetch", "example.com/hello:1.0")
    assert "https://cdn.org/x.aci: no credentials are sent" in r.err
    assert "secret" not in r.err


def test_url_of_the_operator_gets_its_credentials(data):
    """The way out: he names the host himself."""
    _, got = headers(data, "https://cdn.org/x.aci", auth_a=auth(["cdn.org"]))
    assert got == [BASIC, BASIC]
