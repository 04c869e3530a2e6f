"""A pod as people make them: redis, and a web program that counts its hits in
it, each an image of Debian's own programs, built by rkt-build and signed.  They
talk by a socket in a volume that both have; redis keeps its data on the host."""
import os
import pathlib
import re
import shutil
import subprocess
import time
import urllib.request

import pytest

import host as host_module
from host import wait_until

BUILD = host_module.PREFIX / "bin" / "rkt-build"
PORT, REDIS, WEB = 8033, 71, 72

PROGRAM = r'''
import socket, sys, time

def redis(*words):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("/run/redis/socket")
        s.sendall(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return s.recv(4096)

while True:
    try:
        if redis(b"PING") == b"+PONG\r\n":
            break
    except OSError:
        pass
    time.sleep(.05)
door = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("counting", flush=True)
while True:
    guest, _ = door.accept()
    with guest:
        guest.settimeout(60)
        guest.recv(4096)
        text = b"hits " + redis(b"INCR", b"hits")[1:-2]
        guest.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" %
                      len(text) + text)
'''


def put(root, path):
    """A file of the host's at its own place below root, links resolved."""
    to = root / str(path).lstrip("/")
    to.parent.mkdir(parents=True, exist_ok=True)
    if not to.exists():
        shutil.copy(path, to)
    return to


def put_program(root, path):
    """A program and the libraries that it names."""
    put(root, path)
    said = subprocess.run(["ldd", path], capture_output=True, text=True,
                          check=True).stdout
    for library in re.findall(r"(/[^ ]+) \(0x", said):
        put(root, library)


def base(root, name, number):
    """What both images have."""
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text("%s:x:%d:%d::/:/\n" % (
        name, number, number))
    (root / "etc/group").write_text("%s:x:%d:\n" % (name, number))


def redis_tree(root):
    base(root, "redis", REDIS)
    # The package keeps the server under the name of one of its other calls.
    put_program(root, "/usr/bin/redis-check-rdb")
    (root / "usr/bin/redis-check-rdb").rename(root / "usr/bin/redis-server")


def web_tree(root):
    base(root, "web", WEB)
    python = os.path.realpath("/usr/bin/python3")
    put_program(root, python)
    package = "lib%s-minimal" % pathlib.Path(python).name
    files = subprocess.run(["dpkg", "-L", package], capture_output=True,
                           text=True, check=True).stdout.split()
    for file in files:
        if file.startswith("/usr/lib/python") and os.path.isfile(file):
            put(root, file)
    (root / "srv").mkdir()
    (root / "srv/count.py").write_text(PROGRAM)
    return python


def build(host, name, script):
    """An image of the directory of that name, signed and fetched; its id."""
    path = host.path / (name + ".acb")
    image = host.path / (name + ".aci")
    path.write_text("begin %s\nset-name example.test/%s\n"
                    "label add version 1.0\n%swrite %s\nend\n" %
                    (host.path / name, name, script, image))
    host.bare(str(BUILD), "--work-path=%s" % (host.path / "work"), "script",
              str(path)).ok()
    image.with_name(name + ".aci.asc").write_bytes(
        host.lab.publisher.sign(image.read_bytes()))
    return host.rkt("fetch", "--full", image).ok().out.strip()


@pytest.fixture
def counter(host):
    """The words of rkt run for the pod, and the directory of redis' data."""
    host.trust()
    redis_tree(host.path / "redis")
    python = web_tree(host.path / "web")
    data = host.path / "kept"
    data.mkdir()
    os.chown(data, REDIS, REDIS)
    one = build(host, "redis", """
set-user redis
set-group redis
mount add data /data
mount add talk /run/redis
set-exec -- /usr/bin/redis-server --port 0 --unixsocket /run/redis/socket \
--unixsocketperm 777 --dir /data --appendonly yes --appendfsync always
""")
    two = build(host, "web", """
set-user web
set-group web
mount add talk /run/redis
set-exec -- %s -S -E /srv/count.py %d
""" % (python, PORT))
    return ["run", "--net=host", "--volume=data,kind=host,source=%s" % data,
            "--volume=talk,kind=empty,mode=0777", one, two], data


def hit():
    with urllib.request.urlopen("http://127.0.0.1:%d/" % PORT,
                                timeout=60) as answer:
        return answer.read().decode()


def test_scenario_counter_survives_its_pod(host, counter):
    """Three hits, a new pod, and it is the fourth; the data are the host's,
    owned by the number that the image says."""
    words, data = counter
    pods = []
    for first in 1, 4:
        child = host.start(*words)
        host.wait_for(child, "counting", timeout=60)
        assert [hit() for _ in range(3)] == [
            "hits %d" % n for n in range(first, first + 3)]
        uuid, = {u for _, u in host.pods()} - set(pods)
        pods.append(uuid)
        r = host.rkt("status", uuid).ok()
        assert "state=running" in r.out
        # journald shows a line before it keeps it.
        wait_until(lambda: host.rkt("logs", "--app=web", "--output=cat",
                                    uuid).ok().out == "counting\n")
        wait_until(lambda: "ready to accept connections" in host.rkt(
            "logs", "--app=redis", uuid).ok().out)
        began = time.monotonic()
        child.terminate()
        child.wait(60)
        assert time.monotonic() - began < 40
        assert "state=exited" in host.rkt("status", uuid).ok().out
    kept = [p for p in data.rglob("*") if p.is_file()]
    assert kept and {p.stat().st_uid for p in kept} == {REDIS}


def test_scenario_apps_are_apart(host, counter):
    """The web program finds neither redis' data nor its processes."""
    words, _ = counter
    probe = ("import os; print('data', os.path.exists('/data')); "
             "print('server', os.path.exists('/usr/bin/redis-server'), "
             "flush=True); import time; time.sleep(600)")
    child = host.start(*words, "--exec=" + os.path.realpath(
        "/usr/bin/python3"), "--", "-S", "-E", "-c", probe)
    host.wait_for(child, "server False", timeout=60)
    assert "data False" in host.said(child)
    uuid = host.pods()[0][1]
    assert "app-redis" not in host.rkt("status", uuid).ok().out
    child.terminate()
    child.wait(60)
