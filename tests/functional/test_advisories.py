"""Advisories of other runtimes that no other test of ours has the name of.
docs/advisories.md says which test answers to which."""
import os
import re
import subprocess

import images
import pytest
import webserver
from images import directory, member, pax, program, symlink
from webserver import Reply

URL = "https://example.test/x.aci"
PACKERS = ["xz", "unxz", "gzip", "gunzip", "unpigz", "bzip2", "zstd", "tar",
           "gpg", "gpgv", "ldconfig", "systemd"]


def executed(log):
    """Programs that were executed, by strace's word."""
    return set(re.findall(r'execve\("([^"]+)"[^\n]*\) += 0', log.read_text()))


def test_cve_2026_41567_no_program_of_an_image_is_run(host):
    """CVE-2014-9357 too: an image brings packers of its own; what unpacks it
    is ours, and has no capability on the host."""
    host.trust()
    files = [directory("rootfs/usr"), directory("rootfs/usr/bin"),
             directory("rootfs/bin")]
    files += [program("rootfs/%s/%s" % (d, p), b"#!/bin/sh\ntouch /tmp/evil\n")
              for d in ("bin", "usr/bin") for p in PACKERS]
    for how in ("xz", "gz", "zstd", "bz2"):
        path = host.write_signed(
            images.compress(images.aci(files, version=how), how))
        log = host.path / "strace"
        done = subprocess.run(
            ["strace", "-f", "-qq", "-e", "trace=execve", "-o", log,
             *host.argv("fetch", path)], cwd="/", capture_output=True,
            check=False)
        assert done.returncode == 0, done.stderr
        ran = {os.path.basename(p) for p in executed(log)}
        assert ran <= {"rkt", "conductor", "fetcher", "verify", "unpack", "gpg",
                       "gpgconf"}, ran
        assert not any(str(host.data) in p for p in executed(log))


@pytest.fixture(scope="module")
def evil_library(lab):
    """A shared object that tells everyone who loads it."""
    source = lab.path / "evil.c"
    source.write_text("""
#include <unistd.h>
__attribute__((constructor)) static void
loaded(void)
{
	static const char said[] = "\\nevil library loaded\\n";

	if (write(2, said, sizeof(said) - 1) < 0)
		_exit(99);
	_exit(98);
}
""")
    to = lab.path / "evil.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", to, source], check=True)
    return to.read_bytes()


def test_cve_2019_14271_no_library_of_an_image_is_loaded(host, evil_library):
    """Name service modules, preloads, the C library's own: what is in an
    image is the app's to load, and the guest loads nothing."""
    where = ["lib", "lib64", "usr/lib", "lib/x86_64-linux-gnu",
             "usr/lib/x86_64-linux-gnu"]
    names = ["libnss_files.so.2", "libnss_compat.so.2", "libnss_systemd.so.2",
             "libc.so.6", "ld-linux-x86-64.so.2", "libgcc_s.so.1"]
    files = [directory("rootfs/" + d) for d in
             ("lib", "lib64", "usr", "usr/lib", "lib/x86_64-linux-gnu",
              "usr/lib/x86_64-linux-gnu", "etc")]
    files += [program("rootfs/%s/%s" % (d, n), evil_library)
              for d in where for n in names]
    files += [member("rootfs/etc/ld.so.preload",
                     b"/lib/libnss_files.so.2\n"),
              member("rootfs/etc/ld.so.conf", b"/lib\n"),
              member("rootfs/etc/nsswitch.conf",
                     b"passwd: files evil\ngroup: files evil\n"),
              member("rootfs/etc/passwd", b"someone:x:77:88::/:/bin/sh\n"),
              member("rootfs/etc/group", b"some:x:88:\n")]
    image = host.lab.guest_image(files, section=images.app(
        "/bin/guest", user="someone", group="some"))
    host.trust()
    fetched = host.fetch(image).ok()
    name = fetched.out.strip()
    r = host.run(name, "facts").ok()
    assert r.facts.status("Uid").split()[0] == "77"
    said = [fetched.err, r.out, r.err]
    for words in (["image", "cat-manifest", name], ["list"], ["image", "list"],
                  ["image", "verify", name], ["gc", "--grace-period=0s"]):
        done = host.rkt(*words).ok()
        said += [done.out, done.err]
    assert not [s for s in said if "evil library" in s]


def test_cve_2021_31566_attributes_stay_with_their_link(host):
    """CVE-2021-23177 too: an access list, a mode, flags and times of a
    symbolic link are not those of what it leads to."""
    canary = host.path / "canary"
    canary.write_bytes(b"x")
    canary.chmod(0o600)
    before = canary.stat()
    host.trust()
    for i, (key, value) in enumerate((
            ("SCHILY.acl.access", "user::rwx,group::rwx,other::rwx"),
            ("SCHILY.acl.default", "user::rwx,group::rwx,other::rwx"),
            ("SCHILY.fflags", "immutable,nodump"), ("mtime", "1"),
            ("SCHILY.xattr.user.x", "y"), ("SCHILY.xattr.trusted.x", "y"),
            ("LIBARCHIVE.xattr.user.x", "eQ"))):
        for to in (str(canary), "f"):
            image = images.aci(
                [member("rootfs/f", b"f", mode=0o640),
                 pax({key: value}) + symlink("rootfs/l", to)],
                version="%d" % i)
            r = host.fetch(image)
            if r.code != 0:
                r.refused()
                continue
            rootfs = host.data / "image" / r.out.strip() / "tree/rootfs"
            st = (rootfs / "f").stat()
            assert st.st_mode & 0o7777 == 0o640
            assert st.st_mtime != 1 and os.listxattr(rootfs / "f") == []
    after = canary.stat()
    assert (before.st_mode, before.st_mtime, before.st_ctime) == (
        after.st_mode, after.st_mtime, after.st_ctime)
    assert os.listxattr(canary) == []


def test_cve_2020_15157_a_challenge_is_not_answered(host):
    """401 and a realm elsewhere: no one is asked for a token, and nothing of
    what the operator has for the first host goes to the second."""
    host.trust()
    evil = host.serve({"/token": b'{"token": "x"}'}, port=8443)
    auth = host.conf / "auth.d"
    auth.mkdir()
    (auth / "a.json").write_text(
        '{"rktKind":"auth","rktVersion":"v1","domains":["example.test"],'
        '"type":"basic","credentials":{"user":"u","password":"secret"}}')
    server = host.serve({"/x.aci.asc": Reply(status=401, headers={
        "WWW-Authenticate": 'Bearer realm="https://other.test:8443/token",'
                            'service="other.test"'})})
    r = host.rkt("fetch", URL).refused("401")
    assert len(server.requests) == 1 and evil.connections == 0
    assert "secret" not in r.err


def test_cve_2014_5278_a_name_that_looks_like_an_id(host):
    """CVE-2014-8179 too: an image whose name reads like the id of another one
    is never taken for it, nor it for the image."""
    host.trust()
    host.trust(prefix=None)
    good = host.fetch(images.aci(version="1.0")).ok().out.strip()
    for name in (good[:7 + 16], good[:7 + 64], "sha512-0123456789abcdef"):
        evil = images.aci(name=name, version="6.6.6")
        host.fetch(evil).ok()
        r = host.rkt("image", "cat-manifest", name)
        if good.startswith(name):
            assert '"1.0"' in r.ok().out and "6.6.6" not in r.out
        else:
            r.refused("sha512-0123456789abcdef")
        host.rkt("run", name).refused()
        host.rkt("fetch", name).refused("is an image ID")


def test_ssrf_by_discovery(host):
    """Metadata services, this machine by odd names, no network at all: a page
    names them, and nobody is asked."""
    host.trust()
    targets = ["https://169.254.169.254/{ext}", "https://100.100.100.200/{ext}",
               "https://168.63.129.16/{ext}", "https://[fd00:ec2::254]/{ext}",
               "https://[::ffff:169.254.169.254]/{ext}", "https://0.0.0.0/{ext}"]
    for target in targets:
        server = host.serve({"/": webserver.discovery_page(
            "example.test " + target)})
        host.rkt("fetch", "example.test/app:1.0").refused("which is refused")
        server.close()
    for target in ("file:///etc/passwd", "unix:///run/x/{ext}", "http://[::1]/"):
        server = host.serve({"/": webserver.discovery_page(
            "example.test " + target)})
        host.rkt("fetch", "example.test/app:1.0").refused()
        # Such a tag is none: simple discovery is what is left.
        assert server.requests[-1].path == "/app-1.0-linux-amd64.aci.asc"
        server.close()
    host.nothing_stored()
