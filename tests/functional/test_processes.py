"""Which program runs when, and as whom: what --debug tells, and what the
process table says."""
import os
import pwd
import re
import signal

import images
from host import PREFIX, wait_until
from webserver import Reply

LINE = re.compile(r"^rkt: \d+ \|- (\w+)\[(\d+)\] uid (\d+) gid (\d+): (.*)$",
                  re.M)


def started(text):
    """The workers that --debug names, in order."""
    return [m.group(1) for m in LINE.finditer(text)]


def test_fetch_starts_each_room_in_turn(host):
    """G2: the fetcher, then verify, and only then unpack; each its own user."""
    host.trust()
    image, signature = host.lab.signed(images.aci(name="example.test/app"))
    host.publish(image, signature)
    r = host.rkt("--debug", "fetch", "example.test/app:1.0").ok()
    rooms = LINE.findall(r.err)
    assert [room[0] for room in rooms] == ["conductor", "fetcher", "verify",
                                           "unpack"]
    uids = [int(room[2]) for room in rooms]
    assert len(set(uids)) == 4 and 0 not in uids
    assert uids[3] == 2147352576
    for name, _, _, _, facts in rooms:
        spaces = facts.replace("own ", "").split(", ")
        assert ("net" in spaces) == (name in ("verify", "unpack")), facts
    # One after the other: nobody reads what someone else can still write.
    assert r.err.index("Downloading ACI") < r.err.index("|- verify")


def test_G2_bad_signature_starts_no_unpack(host):
    """No byte that is not verified reaches a decompressor or a parser."""
    host.trust()
    image, signature = host.lab.signed(images.aci(name="example.test/app"))
    bad = [host.write(image[:-1] + b"x", signature, "changed.aci"),
           host.write(image, signature[:-80], "cut.aci"),
           host.write_signed(image, host.lab.other, "other.aci"),
           host.write(image, b"", "empty.aci")]
    for path in bad:
        r = host.rkt("--debug", "fetch", path)
        r.refused()
        assert started(r.err) == ["conductor", "verify"], r.err
    host.nothing_stored()


def test_run_from_the_store_starts_no_worker(host):
    """The launcher becomes stage1: no rkt code is left running."""
    image = host.store()
    r = host.rkt("--debug", "run", image).ok()
    assert started(r.err) == ["conductor"]
    assert "becomes" in r.err
    child = host.start("run", image, "--", "say", "ready", "sleep", "600")
    host.wait_for(child, "say=ready")
    assert "systemd-nspawn" in os.readlink("/proc/%d/exe" % child.pid)
    for path in host.lab.cgroup.programs().values():
        assert "/libexec/rkt/" not in path
    child.terminate()
    child.wait(60)


def test_workers_have_nothing(host):
    """While a download waits: users, capabilities, filters, descriptors,
    environments of the launcher's children."""
    host.trust()
    server = host.serve({"/x.aci.asc": Reply(b"x" * 99, trickle=1)})
    child = host.start("fetch", "https://example.test/x.aci",
                       env={**os.environ, "RKT_CANARY": "secret"})
    wait_until(lambda: server.requests)
    seen = {}
    for pid, path in host.lab.cgroup.programs().items():
        exe = os.path.basename(path)
        status = dict(line.split(":\t", 1) for line in
                      open("/proc/%d/status" % pid, encoding="ascii")
                      .read().splitlines() if ":\t" in line)
        seen[exe] = (pid, status)
    assert set(seen) == {"rkt", "conductor", "fetcher"}
    for exe in ("conductor", "fetcher"):
        pid, status = seen[exe]
        assert "0" not in status["Uid"].split(), exe
        assert not status["Groups"].strip(), exe
        for word in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[word], 16) == 0, (exe, word)
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", exe
    pid = seen["fetcher"][0]
    assert open("/proc/%d/environ" % pid, "rb").read() == b""
    links = [os.readlink("/proc/%d/fd/%s" % (pid, fd))
             for fd in os.listdir("/proc/%d/fd" % pid)]
    for link in links:
        assert re.match(r"socket:|anon_inode:|pipe:|/dev/null$|/memfd:|"
                        r".*/quarantine/|.*/out\d+$", link), links
    assert os.readlink("/proc/%d/ns/pid" % pid) != os.readlink("/proc/self/ns/pid")
    child.send_signal(signal.SIGTERM)
    child.wait(60)


def test_trust_keys_from_https(host):
    """The global flag, and only with it, trusts what discovery found."""
    image, signature = host.lab.signed(images.aci(name="example.test/app"))
    host.publish(image, signature,
                 keys_at="example.test/app https://example.test/k.asc",
                 content={"/k.asc": host.lab.publisher.public})
    host.rkt("trust", "--prefix=example.test/app").refused(
        "do one of the following")
    assert not (host.conf / "trustedkeys").exists()
    r = host.rkt("--trust-keys-from-https", "trust",
                 "--prefix=example.test/app").ok()
    assert ('Trusting "https://example.test/k.asc" for prefix '
            '"example.test/app" without fingerprint review.') in r.out
    host.rkt("fetch", "example.test/app:1.0").ok()


def test_trust_by_http_needs_its_option(host):
    server = host.serve({"/k.asc": host.lab.publisher.public}, tls=None, port=80)
    words = ["trust", "--skip-fingerprint-review", "--prefix=example.test"]
    host.rkt(*words, "http://example.test/k.asc").refused()
    assert not server.connections
    host.rkt(*words, "--insecure-allow-http", "http://example.test/k.asc").ok()


def test_hook_words_of_scripts(host):
    """What scripts around rkt look for, word by word."""
    image = host.store()
    r = host.rkt("run", image).ok()
    assert "image: using image from the store with hash " + image in r.err
    host.rkt("fetch", "--pull-policy=never", "example.test/none").refused()
    r = host.rkt("image", "rm", image).ok()
    assert r.out.startswith("successfully removed")


def test_service_users_are_those_of_sysusers():
    """What a package ships for systemd-sysusers is what is here."""
    text = (PREFIX / "lib/sysusers.d/rkt.conf").read_text()
    names = re.findall(r"^u (\S+)", text, re.M)
    assert names == ["rkt", "rkt-fetch", "rkt-verify", "rkt-second"]
    uids = {pwd.getpwnam(name).pw_uid for name in names}
    assert len(uids) == 4 and 0 not in uids
