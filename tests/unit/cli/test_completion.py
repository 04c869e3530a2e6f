"""rkt completion bash, as bash uses it."""
import os
import stat
import subprocess

import pytest
from fakelauncher import alone


@pytest.fixture(scope="module")
def script():
    r = alone("completion", "bash")
    assert r.code == 0, r.err
    return r.out


def complete(script, *words, rkt="rkt"):
    """What the last of words may become.  bash splits words at '='."""
    r = subprocess.run(
        ["bash", "--norc", "-uc", script + """
        shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rkt
        printf '%s\\n' "${COMPREPLY[@]}" """, "-", "-", rkt, *words],
        capture_output=True, text=True, check=False)
    assert r.returncode == 0 and r.stderr == "", r.stderr
    return r.stdout.split()


@pytest.mark.parametrize("words,has,has_not", [
    (["im"], ["image"], ["run"]),
    ([""], ["run", "image", "policy", "completion", "fetch"], ["list-x", "gc-x"]),
    (["image", ""], ["list", "rm", "gc", "export"], ["run", "fetch"]),
    (["policy", ""], ["lint"], ["list"]),
    (["image", "ex"], ["export"], ["cat-manifest"]),
    (["fetch", "--p"], ["--pull-policy="], ["--full"]),
    (["fetch", "--"], ["--full", "--signature=", "--dir=", "--debug"], []),
    (["--debug", "fetch", "--f"], ["--full"], []),
    (["--dir", "/x", "fetch", "--f"], ["--full"], []),
    (["--dir", "=", "/x", "fetch", "--f"], ["--full"], []),
    (["--dir", "=", "/x", "image", "e"], ["export"], []),
    (["image", "export", "--o"], ["--overwrite"], []),
    (["trust", "--sk"], ["--skip-fingerprint-review"], []),
    (["run", "--na"], ["--name="], []),
    (["completion", ""], ["bash"], ["run"]),
    (["nonsense", ""], [], ["run"]),
    (["fetch", "--signature", "="], [], ["run"]),
    (["fetch", "--signature", "=", "x"], [], ["run"]),
])
def test_completion(script, words, has, has_not):
    found = complete(script, *words)
    assert set(has) <= set(found), found
    assert not set(has_not) & set(found), found


def test_completion_has_every_command_and_flag(script):
    """Made from the table: what --help names is there."""
    top = alone("help").out.split("Commands:")[1].split("Global flags:")[0]
    names = [line.strip().split("\t")[0] for line in top.splitlines()
             if line.startswith("  ")]
    assert len(names) > 15
    for name in names:
        assert "\t'%s')" % name in script, name
        words = name.split()
        assert words[-1] in complete(script, *words[:-1], ""), name
        for line in alone(*words, "--help").out.splitlines():
            flag = line.split()[0] if line.startswith("      --") else None
            if flag:
                flag = flag.split("[")[0].split("=")[0]
                assert any(f.rstrip("=") == flag for f in complete(
                    script, *words, flag)), (name, flag)


def player(tmp_path, text):
    """A program called as rkt is."""
    path = tmp_path / "rkt"
    path.write_text("#!/bin/sh\ncat <<'E'\n%sE\n" % text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_completion_asks_rkt(script, tmp_path):
    uuid = "01234567-89ab-4def-8123-456789abcdef"
    rkt = player(tmp_path, uuid + "\tapp\n" + "-\t-\n")
    assert complete(script, "status", "", rkt=rkt) == [uuid]
    assert complete(script, "rm", "0123", rkt=rkt) == [uuid]
    rkt = player(tmp_path, "example.com/app:1.0\nexample.com/b\n")
    assert complete(script, "run", "e", rkt=rkt) == [
        "example.com/app:1.0", "example.com/b"]


@pytest.mark.parametrize("name", [
    "$(touch {0})", "`touch {0}`", "a$(touch {0})", "a;touch {0}",
    "example.com/a:$(touch {0})", "${{IFS:$(touch {0})}}", "a:1\\$(touch {0})",
    "$((a[$(touch {0})]))", "'$(touch {0})'"])
@pytest.mark.parametrize("command", ["run", "status", "image rm"])
def test_completion_of_hostile_names(script, tmp_path, name, command):
    """compgen -W expands its words; an image's name is a stranger's."""
    mark = tmp_path / "mark"
    rkt = player(tmp_path, name.format(mark) + "\n")
    assert complete(script, *command.split(), "", rkt=rkt) == []
    assert not os.path.exists(mark)


@pytest.mark.parametrize("words", [[], ["zsh"], ["bash", "x"], ["BASH"]])
def test_completion_of_other_shells(words):
    r = alone("completion", *words)
    assert r.code == 254 and r.out == "" and "the shell: bash" in r.err
