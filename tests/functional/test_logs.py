"""rkt logs: what apps wrote, of pods that run and that have ended, by root and
by members of group rkt.  The journal's every byte is the pod's."""
import json
import os
import re
import subprocess
import time

import pytest

from host import wait_until

EVIL = "\x1b]0;owned\x07\x1b[2J\x01\x7f\u009b31m\u202e\r"
# Of a command that ended its app: its own, or its end with it.
WITH_THE_APP = (0, 129, 137, 143, 254)
SHORT = r"[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d guest\[\d+\]: "


def journal(host, uuid):
    """Where the pod's journald writes."""
    return (host.data / "pods/run" / uuid / "overlay/stage1/upper/var/log" /
            "journal" / uuid.replace("-", ""))


def run_one(host, *acts):
    """A pod that has ended; its UUID."""
    host.run(host.store(), *acts)
    return host.pods()[0][1]


@pytest.fixture
def member(host):
    """Runs rkt as a user whom group rkt is lent, and as one whom it is not."""
    for path in [host.path, *host.path.parents]:
        if str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o011)
    names = {who: "rkttest%d%s" % (os.getpid(), who) for who in ("in", "out")}
    for who, more in (("in", ["-G", "rkt"]), ("out", [])):
        subprocess.run(["useradd", "-M", "-d", "/", *more, names[who]],
                       check=True)

    def run(who, *args):
        return host.bare("setpriv", "--reuid=" + names[who],
                         "--regid=" + names[who], "--init-groups",
                         *host.argv(*args))
    yield run
    for name in names.values():
        subprocess.run(["userdel", name], check=True)


def test_logs_of_a_pod_that_ended(host):
    uuid = run_one(host, "say", "one", "say", "two", "exit", "3")
    r = host.rkt("logs", uuid[:8]).ok()
    lines = r.out.splitlines()
    assert [re.sub(SHORT, "", line) for line in lines] == [
        "say=one", "say=two"]
    assert all(re.match(SHORT, line) for line in lines) and r.err == ""
    r = host.rkt("logs", "--output=cat", "--app=guest", uuid).ok()
    assert r.out == "say=one\nsay=two\n"
    host.rkt("logs", "--app=other", uuid).refused('has no app "other"')
    host.rkt("logs", "--output=verbose", uuid).refused("short, cat or json")
    host.rkt("logs", "--lines=0", uuid).refused("--lines")
    host.rkt("logs", "ffffffff").refused("no matches")


def test_logs_lines(host):
    """The last of them, in their order."""
    uuid = run_one(host, *[w for i in range(30) for w in ("say", str(i))])
    for n, first in ((1, 29), (7, 23), (30, 0), (1000, 0)):
        r = host.rkt("logs", "--lines=%d" % n, "--output=cat", uuid).ok()
        assert r.out.split() == ["say=%d" % i for i in range(first, 30)]


def test_logs_json(host):
    uuid = run_one(host, "say", "h\u00e9", "say", "x" + EVIL)
    lines = host.rkt("logs", "--output=json", uuid).ok().out.splitlines()
    one, two = map(json.loads, lines)
    assert one["MESSAGE"] == "say=h\u00e9"
    assert one["SYSLOG_IDENTIFIER"] == "guest" and one["PRIORITY"] == "6"
    assert one["_SYSTEMD_UNIT"] == "guest.service" and int(one["_PID"]) > 1
    assert abs(int(one["__REALTIME_TIMESTAMP"]) / 1e6 - time.time()) < 600
    assert bytes(two["MESSAGE"]) == ("say=x" + EVIL).encode().rstrip(b"\r")


@pytest.mark.parametrize("output", ["short", "cat", "json"])
def test_logs_hostile_text(host, output):
    """CVE-2003-0063 and its kin: no terminal obeys a log."""
    uuid = run_one(host, "say", EVIL + "end", "say", "tab\tand h\u00e9")
    r = host.rkt("logs", "--output=" + output, uuid).ok()
    assert not set(r.out) & {chr(c) for c in range(32) if chr(c) not in "\n\t"}
    assert not set(r.out) & {"\x7f", "\u009b"}
    if output == "json":
        return
    assert r"\x1b]0;owned\x07\x1b[2J\x01\x7f\xc2\x9b31m\xe2\x80\xae\x0dend" \
        in r.out and "tab\tand h\u00e9" in r.out


def test_logs_follow(host):
    """As it comes, until the pod has ended; every line once."""
    child = host.start("run", host.store(), "--", "say", "one", "await", "/a",
                       "say", "two", "await", "/b", "say", "three")
    host.wait_for(child, "say=one")
    uuid = host.pods()[0][1]

    def go(path, codes=(0,)):
        r = host.rkt("enter", uuid, "/bin/guest", "write", path, "x")
        assert r.code in codes, r.describe()
    log = host.start("logs", "--follow", "--output=cat", uuid)
    host.wait_for(log, "say=one")
    assert "say=two" not in host.said(log)
    go("/a")
    host.wait_for(log, "say=two")
    assert log.poll() is None and "say=three" not in host.said(log)
    go("/b", WITH_THE_APP)
    assert log.wait(60) == 0
    assert host.said(log) == "say=one\nsay=two\nsay=three\n"
    assert child.wait(60) == 0
    r = host.rkt("logs", "--follow", "--lines=1", "--output=cat", uuid).ok()
    assert r.out == "say=three\n"


def test_logs_by_group_member(host, member):
    """Without root: of a pod that runs, and of one that has ended."""
    child = host.start("run", host.store(), "--", "say", "one", "sleep", "600")
    host.wait_for(child, "say=one")
    uuid = host.pods()[0][1]
    for _ in range(2):
        # journald shows a line before it keeps it.
        wait_until(lambda: member("in", "logs", "--output=cat", uuid).ok().out
                   == "say=one\n")
        assert member("out", "logs", uuid).code == 254
        child.terminate()
        child.wait(60)


def test_logs_hostile_name(host):
    """An app that calls itself another, in each way that journald takes, is
    still the app that it is."""
    image = host.store()
    forged = "MESSAGE=forged %s\nSYSLOG_IDENTIFIER=two\n" \
        "_SYSTEMD_UNIT=two.service\nOBJECT_PID=1\n"
    child = host.start(
        "run", image, "--name=one", "--",
        "datagram", "/dev/log", "<14>two[7]: forged by syslog",
        "datagram", "/run/systemd/journal/socket", forged % "by journal",
        "say", "done", "await", "/go", "---",
        image, "--name=two", "--", "say", "honest")
    host.wait_for(child, "say=done")
    assert host.said(child).count("datagram=ok") == 2, host.said(child)
    uuid = host.pods()[0][1]
    # journald asks the kernel who the sender is, so it is there until then.
    wait_until(lambda: host.rkt("logs", uuid).out.count("forged") == 2)
    r = host.rkt("enter", "--app=one", uuid, "/bin/guest", "write", "/go", "x")
    assert r.code in WITH_THE_APP, r.describe()
    assert child.wait(60) == 0
    two = host.rkt("logs", "--app=two", "--output=cat", uuid).ok().out
    assert two == "say=honest\n"
    one = host.rkt("logs", "--app=one", uuid).ok().out.splitlines()
    assert sum("forged" in line for line in one) == 2
    assert all(re.match(SHORT.replace("guest", "one"), line) for line in one)


def test_logs_hostile_files(host):
    """What the pod's root may have put there instead: links, pipes, nothing,
    too much; the reader ends, and reads nothing else."""
    uuid = run_one(host, "say", "one")
    at = journal(host, uuid)
    good = (at / "system.journal").read_bytes()
    secret = host.path / "secret.journal"
    secret.write_bytes(good.replace(b"say=one", b"say=sec"))
    secret.chmod(0o644)
    (at / "system.journal").unlink()
    (at / "system@1.journal").symlink_to(secret)
    os.link(secret, at / "secret.journal")
    os.mkfifo(at / "system@2.journal", 0o644)
    (at / "system@3.journal").write_bytes(b"")
    (at / "system@4.journal").mkdir()
    r = host.rkt("logs", "--output=cat", uuid)
    assert r.code == 254 and r.out == "" and "cannot read the log" in r.err, r
    (at / "system@1.journal").unlink()
    assert host.rkt("logs", "--output=cat", uuid).ok().out == ""
    for i in range(70):
        (at / ("system@x%d.journal" % i)).write_bytes(
            good[:24] + bytes([i]) + good[25:])
        (at / ("system@x%d.journal" % i)).chmod(0o644)
    host.rkt("logs", uuid).refused("too many files")


def test_logs_hostile_bytes(host):
    """A file that is damaged, anywhere: the command says so or reads on, and
    ends."""
    uuid = run_one(host, "say", "one", "say", "two")
    at = journal(host, uuid) / "system.journal"
    good = at.read_bytes()
    at.chmod(0o644)
    last = good.rstrip(b"\0")
    for place in range(176, len(last), max(8, (len(last) - 176) // 60 // 8 * 8)):
        for bad in b"\xff" * 8, b"\0" * 8:
            at.write_bytes(good[:place] + bad + good[place + 8:])
            r = host.rkt("logs", "--output=cat", uuid, timeout=60)
            assert r.code in (0, 254), r.describe()
            assert set(r.out.split()) <= {"say=one", "say=two"} or r.code == 0
    at.write_bytes(good[:len(last) // 2])
    assert host.rkt("logs", uuid, timeout=60).code in (0, 254)


def test_logs_of_many_files(host):
    """journald begins a new file every 4 MiB: nothing is lost between them."""
    uuid = run_one(host, "many", "9000", "x" * 1000)
    assert len(list(journal(host, uuid).glob("*.journal"))) > 1
    r = host.rkt("logs", "--output=cat", uuid).ok()
    assert [line.split()[0] for line in r.out.splitlines()] == [
        "many=%d" % i for i in range(9000)]


def test_logs_closed_pipe(host):
    """The reader has gone: rkt goes too, while the pod runs."""
    child = host.start("run", host.store(), "--",
                       *["say", "x", "sleep", ".5"] * 120)
    host.wait_for(child, "say=x")
    uuid = host.pods()[0][1]
    host.bare("sh", "-c", '"$@" | head -1', "sh",
              *host.argv("logs", "--follow", uuid)).ok()
    assert child.poll() is None
    child.terminate()
    child.wait(60)
