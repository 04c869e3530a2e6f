"""A mux that is killed: its app misses nothing but what was on the way."""
import os
import signal
import subprocess

import test_app
from test_attach import (STREAMS, TTY, Attached, experiment,  # noqa: F401
                         mux_of, program, start, stop, store)
from test_enter import Terminal


def kill_mux(host):
    """As by the OOM killer; the next one is there when this returns."""
    mux = mux_of(host)
    os.kill(mux, signal.SIGKILL)
    return mux_of(host, but=mux)


def test_mux_killed_and_again(host, program):  # noqa: F811
    child, uuid = start(host, store(host, program), STREAMS, "cat")
    for i in range(5):
        kill_mux(host)
        with Attached(host, uuid).joined() as c:
            word = b"word %d" % i
            c.says(word)
            assert c.hears(len(word)) == word
            c.kill()
        assert child.poll() is None
    # The end of its input is one still: nobody else has that pipe.
    r = subprocess.run(host.argv("attach", uuid), input=b"last", timeout=60,
                       capture_output=True, check=True)
    assert r.stdout == b"last" and r.stderr == b"cat has ended\n"
    stop(child, 0)


def test_mux_killed_with_someone_attached(host, program):  # noqa: F811
    """Who is attached is told that it is over, and may come back."""
    child, uuid = start(host, store(host, program), STREAMS, "cat")
    c = Attached(host, uuid).joined()
    kill_mux(host)
    assert c.wait(60) in (0, 254)
    r = subprocess.run(host.argv("attach", uuid), input=b"again", timeout=60,
                       capture_output=True, check=True)
    assert r.stdout == b"again"
    stop(child, 0)


def test_mux_killed_terminal(host):
    child, uuid = start(host, host.store(), TTY, "hear", "size", "exit", "5")
    kill_mux(host)
    t = Terminal(host, "attach", uuid)
    t.wait_for("leaves it")
    t.type("go\r")
    t.wait_for("size=33 77 yes")
    assert t.end() == 0
    stop(child, 5)


def test_mux_killed_app_that_comes_again(host, program, monkeypatch):  # noqa: F811
    """Of two lives of an app, a mux has what is of the second."""
    monkeypatch.setitem(test_app.APP, "RKT_EXPERIMENT_ATTACH", "true")
    image = store(host, program, name="streams")
    pod = test_app.Sandbox(host)
    pod.add(image, "--name=streams", *STREAMS).ok()
    for word in (b"first", b"second"):
        pod.app("start", "--app=streams").ok()
        kill_mux(host)
        r = subprocess.run(host.argv("attach", "--app=streams", pod.uuid),
                           input=word, capture_output=True, timeout=60, check=True)
        assert r.stdout == word and r.stderr == b"cat has ended\n"
        pod.wait_state("exited", "streams")
    pod.app("rm", "--app=streams").ok()
    pod.stop()
