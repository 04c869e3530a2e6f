"""G4_layers, G5_render: a conductor that says other layers than the records
do, and an unpack that would spoil the layers it is shown or lies of what it
made of them.  The images are really in the store, so that only this one lie
stands between them and a pod."""
import errno
import os
import subprocess
import sys

import pytest

import play
import rktmsg
from rktmsg import TYPES

sys.path.insert(0, os.path.join(play.HERE, "..", "lib"))
import images  # noqa: E402

UUID = "01234567-89ab-4def-8123-456789abcdef"
RUN = ("--insecure-options=image", "run", "x")


def image(name, *deps, **more):
    if deps:
        more["dependencies"] = [{"imageName": "a.com/" + d} for d in deps]
    return images.aci([images.member("rootfs/f-" + name, "x")],
                      name="a.com/" + name, **more)


def put(p, *what):
    """Images into the store, the lowest first; {name: digest}."""
    found = {}
    for name, tar in what:
        path = os.path.join(p.tmp, name + ".aci")
        with open(path, "wb") as f:
            f.write(tar)
        subprocess.run([os.path.join(p.prefix, "bin", "rkt"), "--dir=" + p.data,
                        "--local-config=" + p.conf, "--insecure-options=image",
                        "fetch", "--pull-policy=new", path],
                       check=True, capture_output=True)
        found[name] = images.image_id(tar)[7:]
    return found


def diamond(p):
    """top over c and b (b is named last, and lies above), both over d; and
    another that no one depends on."""
    return put(p, ("d", image("d")), ("c", image("c", "d")),
               ("b", image("b", "d")), ("top", image("top", "c", "b")),
               ("e", image("e")))


def sealed_plan(digests, layers):
    pod = dict(version=3, uuid=UUID, net=0, flavor=1, apps=1, manifest=b"{}",
               insecure=1)
    app = dict(name="a", image=digests["top"], image_name="a.com/top",
               exec=["/x"], working_dir="/", user="0", group="0", paths=1,
               layers=b"".join(bytes.fromhex(digests[n]) for n in layers))
    out = b""
    for serial, (name, values) in enumerate([("PLAN_POD", pod),
                                             ("PLAN_APP", app)], 1):
        body = rktmsg.encode(name, **values)
        out += rktmsg.header(TYPES[name].number, 0, len(body), serial) + body
    return play.sealed(out)


def nothing_started(p):
    assert not p.became_stage1()
    assert not any(files or dirs for state in os.listdir(p.data + "/pods")
                   for _, dirs, files in os.walk(p.data + "/pods/" + state))
    assert os.listdir(p.data + "/ids") == []


@pytest.mark.parametrize("layers", ["", "bdc", "bdcde", "cdbd", "bcdd", "edcd",
                                    "becd", "dbcd", "bcd", "bddcdd", "top"])
def test_G4_layers_are_those_of_the_records(stage, layers):
    """Left out, added, in another order, another in their place."""
    p = stage("conductor")
    digests = diamond(p)
    p.start(*RUN)
    c = p.hello()
    names = ["top"] if layers == "top" else list(layers)
    c.edge.send("START_POD", how=0, fds=[sealed_plan(digests, names)])
    m = c.edge.recv(60)
    assert m.name == "REFUSED", m
    p.finish()
    nothing_started(p)


def test_G4_layers_honest(stage):
    """The list that the records say gets as far as stage1, so that the test
    above fails for no other reason."""
    p = stage("conductor")
    digests = diamond(p)
    p.start(*RUN)
    c = p.hello()
    c.edge.send("START_POD", how=0, fds=[sealed_plan(digests, "bdcd")])
    m = c.edge.recv(60)
    assert m.name == "STARTING", m
    p.finish(60)
    assert p.became_stage1()


def rendering(stage, *argv):
    """A real run up to the point where a false unpack has been asked to
    render: (play, room, request, layers)."""
    p = stage("unpack")
    put(p, ("d", image("d")),
        ("top", image("top", "d", pathWhitelist=["/f-d"],
                      section=images.app("/f-d"))))
    p.start("--insecure-options=image", *(argv or ("run", "a.com/top")))
    u = p.room("unpack")
    m = u.edge.recv(60)
    assert m.name == "RENDER" and m.fields["layers"] == 2, m
    more = u.edge.recv(60)
    assert more.name == "LAYERS" and len(more.fds) == 2
    return p, u, m, more.fds


def test_G5_render_cannot_write_layers(stage):
    """Even with all rights over their owners: the layers are mounts that no
    one can write by, and lead nowhere else."""
    p, u, m, layers = rendering(stage)
    for fd in layers:
        name = next(n for n in os.listdir(fd) if n.startswith("f-"))
        me = "/proc/self/fd/%d/" % fd
        for act in (lambda: os.open("new", os.O_WRONLY | os.O_CREAT, dir_fd=fd),
                    lambda: os.open(name, os.O_WRONLY, dir_fd=fd),
                    lambda: os.unlink(name, dir_fd=fd),
                    lambda: os.chmod(me + name, 0o4777),
                    lambda: os.fchmod(fd, 0o777),
                    lambda: os.chown(me + name, 1, 1),
                    lambda: os.utime(me + name, (1, 1)),
                    lambda: os.setxattr(me + name, "user.x", b"y"),
                    lambda: os.link(me + name, me + "other"),
                    lambda: os.rename(me + name, me + "other")):
            with pytest.raises(OSError) as e:
                act()
            assert e.value.errno == errno.EROFS
        # Up is not the store.
        up = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        assert os.path.sameopenfile(up, fd)
        os.close(up)
    u.end(1)
    assert p.finish() == 254
    nothing_started(p)


@pytest.mark.parametrize("how", ["dies", "killed", "refuses", "other", "short",
                                 "silent"])
def test_G5_render_lies(stage, how):
    """Whatever it says, without its good end nothing is kept and nothing runs."""
    p, u, m, layers = rendering(stage)
    tree = dict(tree="ab" * 64, tree_size=1, entries=1)
    if how in ("dies", "killed"):
        u.edge.send("TREE", **tree)
    elif how == "refuses":
        u.edge.send("UNPACK_FAILED", code=3, text="no")
    elif how == "other":
        u.edge.send("UNPACKED", raw="ab" * 64, image="ab" * 64, tree="ab" * 64,
                    name="a.com/top")
    elif how == "short":
        u.edge.send_raw(TYPES["TREE"].number, b"short")
    u.end({"dies": 3, "killed": "K"}.get(how, 0))
    assert p.finish() == 254
    nothing_started(p)
    top = [n for n in os.listdir(p.data + "/image")
           if os.path.exists("%s/image/%s/rendered" % (p.data, n))]
    assert len(top) == 1
    assert os.listdir("%s/image/%s/rendered" % (p.data, top[0])) == []


def test_G5_render_lie_of_the_tree_is_found(stage):
    """With check-tree launch the rendering must be what the record says."""
    p, u, m, layers = rendering(stage)
    u.edge.send("TREE", tree="ab" * 64, tree_size=1, entries=1)
    u.end(0)
    p.finish(60)  # it runs, or cannot: the tree is empty
    r = subprocess.run([os.path.join(p.prefix, "bin", "rkt"), "--dir=" + p.data,
                        "--local-config=" + p.conf, "gc", "--grace-period=0s"],
                       capture_output=True, check=False)
    assert r.returncode == 0
    q = stage()
    q.start("--insecure-options=image", "run", "a.com/top",
            policy="insecure-options image\ncheck-tree launch\n")
    assert q.finish() == 254
    assert "image \"a.com/top\" is damaged: its rendered tree" in q.err
