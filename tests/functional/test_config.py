"""Configuration files, credentials on the wire, and files that only root may
read."""
import base64
import grp
import json
import os

import images
import webserver


def configure(host, kind, name="a", mode=0o640, **what):
    """A configuration file as an administrator makes it: group rkt reads."""
    file = host.conf / (kind + ".d") / (name + ".json")
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"rktVersion": "v1", **what}, indent=2))
    os.chown(file, 0, grp.getgrnam("rkt").gr_gid)
    file.chmod(mode)
    return file


def basic(host, *domains, **more):
    return configure(host, "auth", rktKind="auth", domains=domains,
                     type="basic", credentials={"user": "me",
                                                "password": "secret"}, **more)


SENT = "Basic " + base64.b64encode(b"me:secret").decode()


def seen(server):
    return {r.headers.get("Authorization") for r in server.requests}


def test_config(host):
    basic(host, "example.test")
    r = host.rkt("config").ok()
    assert json.loads(r.out) == {"stage0": [{
        "rktKind": "auth", "rktVersion": "v1", "domains": ["example.test"],
        "type": "basic", "credentials": {"user": "me", "password": "***"}}]}
    assert "secret" in host.rkt("config", "--show-secrets").ok().out


def test_config_mistake(host):
    """File, line and field."""
    file = basic(host)
    host.rkt("config").refused("%s:4: domains: must be" % file)
    host.rkt("fetch", "https://example.test/a.aci").refused("domains")
    host.rkt("image", "list").ok()


def test_config_that_rkt_may_not_read(host):
    basic(host, "example.test", mode=0o600)
    host.rkt("config").refused("group rkt needs to read it")


def test_credentials_for_discovery_and_download(host):
    basic(host, "example.test")
    host.trust()
    server = host.publish(*host.lab.signed(images.aci(name="example.test/app")))
    host.rkt("fetch", "example.test/app:1.0").ok()
    assert len(server.requests) >= 3 and seen(server) == {SENT}


def test_credentials_of_another_host_stay_here(host):
    basic(host, "other.test", "example.test:8443", "test")
    host.trust()
    server = host.publish(*host.lab.signed(images.aci(name="example.test/app")))
    host.rkt("fetch", "example.test/app:1.0").ok()
    assert seen(server) == {None}


def test_credentials_are_not_sent_by_http(host):
    basic(host, "example.test")
    host.trust()
    image, signature = host.lab.signed(images.aci(name="example.test/app"))
    server = host.serve({"/a.aci": image, "/a.aci.asc": signature}, port=80,
                        tls=None)
    host.rkt("--insecure-options=http", "fetch",
             "http://example.test/a.aci").ok()
    assert server.requests and seen(server) == {None}


def test_credentials_do_not_follow_a_redirect(host):
    basic(host, "example.test", "other.test")
    host.trust()
    image, signature = host.lab.signed(images.aci(name="example.test/app"))
    away = host.serve({"/a.aci": image, "/a.aci.asc": signature}, port=8443)
    def to(path):
        return webserver.Reply(status=302, headers={
            "Location": "https://other.test:8443" + path})
    first = host.serve({p: to(p) for p in ("/a.aci", "/a.aci.asc")})
    host.rkt("fetch", "https://example.test/a.aci").ok()
    assert seen(first) == {SENT} and seen(away) == {None}


def test_oauth(host):
    configure(host, "auth", rktKind="auth", domains=["example.test"],
              type="oauth", credentials={"token": "tok"})
    host.trust()
    server = host.publish(*host.lab.signed(images.aci(name="example.test/app")))
    host.rkt("fetch", "example.test/app:1.0").ok()
    assert seen(server) == {"Bearer tok"}


def test_paths_data_is_refused(host):
    """Root opens no directory because a file says so."""
    configure(host, "paths", rktKind="paths", data="/srv/rkt")
    r = host.bare(str(host.argv()[0]), "--local-config=%s" % host.conf,
                  "image", "list")
    r.refused("use --dir, or data-dir in site policy")
    host.rkt("image", "list").ok()


def test_stage1_of_another_is_refused(host):
    image = host.store()
    configure(host, "stage1", rktKind="stage1", location="/s.aci")
    host.rkt("run", image).refused("another stage1")


def user_config(host, **what):
    """A third directory, which root alone can walk to."""
    top = host.path / "mine" / "user"
    (top / "auth.d").mkdir(parents=True)
    (top / "auth.d" / "a.json").write_text(json.dumps({
        "rktKind": "auth", "rktVersion": "v1", "type": "oauth",
        "domains": ["example.test"], "credentials": {"token": "mine"}, **what}))
    os.chown(top / "auth.d" / "a.json", 0, grp.getgrnam("rkt").gr_gid)
    top.parent.chmod(0o700)
    return top


def test_user_config_wins(host):
    basic(host, "example.test")
    host.trust()
    server = host.publish(*host.lab.signed(images.aci(name="example.test/app")))
    host.rkt("--user-config=%s" % user_config(host), "fetch",
             "example.test/app:1.0").ok()
    assert seen(server) == {"Bearer mine"}


def test_user_config_brings_no_keys(host):
    top = user_config(host)
    key = host.trust()
    os.rename(host.conf / "trustedkeys", top / "trustedkeys")
    assert (top / key.relative_to(host.conf)).exists()
    path = host.write_signed(images.aci(name="example.test/app"))
    host.rkt("--user-config=%s" % top, "fetch", path).refused("not trusted")
    host.nothing_stored()


def test_user_config_that_is_wrong(host):
    top = user_config(host, domains=["https://x"])
    host.rkt("--user-config=%s" % top, "config").refused(
        "%s/auth.d/a.json:1: domains[0]: must be a host name" % top)
    host.rkt("--user-config=%s/no" % top, "config").refused(
        "cannot open user configuration %s/no: No such file" % top)
    host.rkt("--user-config=here", "config").refused("not an absolute path")


# --- the operator's files ----------------------------------------------------


def test_files_of_root(host):
    """rkt's user could not read them; root reads them for it."""
    env, uuid = host.path / "env", host.path / "uuid"
    env.write_text("FROM_FILE=yes\n")
    env.chmod(0o600)
    host.path.chmod(0o700)
    r = host.run(host.store(), "facts", pod=["--set-env-file=%s" % env,
                                             "--uuid-file-save=%s" % uuid]).ok()
    assert r.facts.env()["FROM_FILE"] == "yes"
    uuid.chmod(0o600)
    assert uuid.read_text() == host.pods()[0][1]
    assert "state=exited" in host.rkt("status", "--uuid-file=%s" % uuid).ok().out
    host.rkt("cat-manifest", "--uuid-file=%s" % uuid).ok()
    host.rkt("rm", "--uuid-file=%s" % uuid).ok()
    assert host.pods() == []


def test_files_of_root_that_are_none(host):
    image = host.store()
    for path in (host.path, host.path / "no", "/dev/zero", "/proc/self/environ"):
        host.rkt("run", "--set-env-file=%s" % path, image).refused(str(path))
        host.rkt("status", "--uuid-file=%s" % path).refused(str(path))
    big = host.path / "big"
    big.write_bytes(b"A=" + b"x" * 300000)
    host.rkt("run", "--set-env-file=%s" % big, image).refused("too large")
    host.run(image, pod=["--uuid-file-save=%s" % host.path]).refused(
        "cannot write --uuid-file-save")
    assert host.pods() == []
