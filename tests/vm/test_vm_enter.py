"""rkt enter where cgroup v2 is all there is, and the host has systemd."""
import re

import pytest

RUN = r"""
exec </dev/null
rm -f /run/uuid /run/said
rkt run --uuid-file-save=/run/uuid %s example.test/guest %s -- say ready facts sleep 600 >/run/said 2>&1 &
for i in $(seq 1000); do grep -q say=ready /run/said && grep -q 'ns=uts' /run/said && break; sleep .1; done
enter() { rkt enter $(cat /run/uuid) "$@" </dev/null; }
"""
END = "\nrkt stop $(cat /run/uuid); wait; rkt rm $(cat /run/uuid)\n"


@pytest.mark.parametrize("limits", ["", "--memory=256Mi"])
def test_vm_enter_is_in_the_apps_cgroup(vm, stored, limits):
    """The command is where the app is, under what limits it."""
    r = vm.run(RUN % ("", limits) + """
        head -n 3 /run/said
        enter /bin/guest say in sleep 601 &
        for i in $(seq 1000); do pid=$(pgrep -fx '/bin/guest say in sleep 601') && break; sleep .1; done
        app=$(pgrep -fx '/bin/guest say ready facts sleep 600')
        echo app=$(cat /proc/$app/cgroup)
        echo command=$(cat /proc/$pid/cgroup)
        group=/sys/fs/cgroup$(cut -d: -f3 /proc/$pid/cgroup)
        echo limit=$(cat $group/memory.max)
        kill -TERM $(pgrep -x stage1-enter)
        wait %2; echo code=$?
    """ + END, 180)
    said = dict(re.findall(r"^(app|command|limit|code)=(.*)$", r.out, re.M))
    assert said.get("app", "none") == said.get("command"), r
    assert "/guest.service" in said["command"] and "0::/" in said["command"], r
    assert said["limit"] in (["268435456"] if limits else ["max", ""]), r
    assert said["code"] == "143"


def test_vm_enter_confines_alike(vm, stored):
    r = vm.run(RUN % ("", "") + """
        grep -aoE '(status|limit|cgroup|oom|ns|uid_map)=.*' /run/said | tr -d '\\r' >/run/ran
        enter /bin/guest facts | grep -aoE '(status|limit|cgroup|oom|ns|uid_map)=.*' >/run/entered
        for key in Cap Seccomp NoNewPrivs Umask; do
            grep "status=$key" /run/ran >/run/1; grep "status=$key" /run/entered >/run/2
            cmp /run/1 /run/2 && [ -s /run/1 ] && echo same=$key
        done
        for key in cgroup oom uid_map; do
            grep "^$key=" /run/ran >/run/1; grep "^$key=" /run/entered >/run/2
            cmp /run/1 /run/2 && [ -s /run/1 ] && echo same=$key
        done
        echo exit=$(enter /bin/guest exit 9; echo $?)
    """ + END, 180)
    assert r.out.count("same=") == 7, r.out
    assert "exit=9" in r.out


@pytest.mark.parametrize("kind", ["stream", "tty"])
def test_vm_attach(vm, stored, kind):
    """The mux has a cgroup of its own, and the app's last word arrives."""
    r = vm.run(r"""
        export RKT_EXPERIMENT_ATTACH=true
        rm -f /run/uuid
        rkt run --uuid-file-save=/run/uuid example.test/guest --stdin=%s \
            --stdout=%s --memory=64Mi -- hear facts exit 3 </dev/null >/run/said 2>&1 &
        for i in $(seq 1000); do [ -s /run/uuid ] && break; sleep .1; done
        for i in $(seq 1000); do
            app=$(pgrep -fx '/bin/guest hear facts exit 3') &&
                mux=$(pgrep -fx '.*appexec --mux guest') && break
            sleep .1
        done
        echo app=$(cat /proc/$app/cgroup)
        echo mux=$(cat /proc/$mux/cgroup)
        echo words | rkt attach $(cat /run/uuid); echo attach=$?
        wait %%1; echo code=$?
        rkt rm $(cat /run/uuid)
    """ % (kind, kind), 180)
    said = dict(re.findall(r"^(app|mux|attach|code|hear)=([^\r\n]*)", r.out,
                           re.M))
    assert (said["hear"], said["attach"], said["code"]) == ("words", "0", "3"), r
    assert "/guest.service" in said["app"] and "rkt-mux@guest" in said["mux"], r
    assert "ns=uts" in r.out
