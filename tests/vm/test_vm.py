"""rkt on the host that it is made for: systemd is pid 1, cgroup v2, machined,
journald, Debian's own kernel.  The machine is vm.py's; `make vm` runs this.

Every test has the same guest, so each ends with nothing of its own left there
(fixture vm), and that is part of what is tested.
"""
import re

from guest import FOREIGN, UNIT, facts

# --- the host, and what is installed there -----------------------------------


def test_vm_is_what_it_says(guest):
    """Debian's kernel, systemd as pid 1, cgroup v2 alone."""
    r = guest.run("readlink /proc/1/exe; stat -fc %T /sys/fs/cgroup; uname -r; "
                  "systemctl is-active dbus systemd-journald; "
                  "cat /sys/kernel/security/lsm").ok().out.split()
    assert r[0].endswith("/systemd") and r[1] == "cgroup2fs"
    assert r[3:5] == ["active"] * 2 and "landlock" in r[5]


def test_vm_users_by_sysusers(guest):
    """PREFIX=/usr: users as packages have them, the program in the path."""
    r = guest.run("getent passwd rkt rkt-fetch rkt-verify; "
                  "stat -c '%U:%G %a' /usr/bin/rkt; command -v rkt").ok()
    lines = r.out.splitlines()
    for line in lines[:3]:
        field = line.split(":")
        assert 0 < int(field[2]) < 1000, r
        assert field[5:] == ["/", "/usr/sbin/nologin"], r
    assert lines[3:] == ["root:root 755", "/usr/bin/rkt"], r


# --- fetch: every worker in its sandbox, with the Landlock of this kernel -----


def test_vm_fetch_signed(guest, stored):
    """Verified and unpacked, by workers that this kernel confines."""
    assert re.fullmatch(r"sha512-[0-9a-f]{128}", stored)
    r = guest.run("rkt image list; stat -c '%u %a' "
                  "/var/lib/rkt/image/*/tree/rootfs/bin/guest").ok().out
    assert "example.test/guest:1.0" in r and str(FOREIGN) + " 755" in r


def test_vm_fetch_unsigned_is_refused(guest, stored):
    r = guest.run("mkdir -p /run/x; cp /srv/guest.aci /run/x/other.aci; "
                  "echo >>/run/x/other.aci; "
                  "cp /srv/guest.aci.asc /run/x/other.aci.asc; "
                  "rkt fetch /run/x/other.aci; c=$?; rm -r /run/x; exit $c")
    assert r.code == 254 and stored not in r.out, r


def test_vm_workers_are_confined(guest, stored):
    """Landlock and seccomp hold on this kernel: nothing was killed or
    refused of what the workers need."""
    assert "type=1326" not in guest.run("dmesg").ok().out


def test_vm_list_by_group(guest, stored):
    """A member of group rkt may look; others may not, and are told so."""
    r = guest.run("""
        useradd -G rkt member; useradd other
        runuser -u member rkt list && runuser -u member rkt image list || exit
        runuser -u other rkt list; echo code=$?
        runuser -u other rkt image list; echo code=$?
        runuser -u member rkt run %s; echo code=$?
        """ % stored).ok()
    lines = r.out.splitlines()
    assert lines[0].startswith("UUID") and "example.test/guest" in r.out, r
    assert lines[-3:] == ["code=254"] * 3, r
    said = r.err.splitlines()
    assert all("permission denied" in line for line in said[:2]), r
    assert "unprivileged user" in said[2], r


# --- run ---------------------------------------------------------------------


def test_vm_run(vm, stored):
    """As on any kernel: root of the pod only, its ids shifted, confined."""
    f = facts(vm.run("rkt run %s -- facts" % stored).ok().out)
    status = dict(line.split(":", 1) for line in f["status"])
    assert f["uid"] == ["0"]
    inside, outside, count = map(int, f["uid_map"][0].split())
    assert (inside, count) == (0, 65536)
    assert outside >= 65536 and outside % 65536 == 0 and outside != FOREIGN
    assert status["CapBnd"].strip() == "00000000a80425fb"
    assert status["CapEff"] == status["CapBnd"]
    assert status["Seccomp"].strip() == "2"
    assert f["cgroup"] == ["0::/system.slice/guest.service"]


def test_vm_machined(vm, stored):
    """machinectl knows the pod while it runs, and no longer."""
    r = vm.run(UNIT + """
        rkt run --uuid-file-save=/run/uuid %s -- await /go &
        pod_group
        uuid=$(cat /run/uuid)
        machinectl list --no-legend
        machinectl show -p Class -p Service -p State rkt-$uuid
        go
        wait $!; echo code=$?
        machinectl show rkt-$uuid 2>&1
        """ % stored)
    assert re.search(r"^rkt-[0-9a-f-]{36} +container +rkt ", r.out, re.M), r
    for line in "Class=container", "Service=rkt", "State=running", "code=0":
        assert line in r.out.splitlines(), r
    assert "No machine" in r.out, r


def test_G9_vm_nspawn_is_killed(vm, stored):
    """In a scope of systemd's the pod outlives it, and is said to run: gc ends
    what runs there before it gives the pod's ids away."""
    r = vm.run(UNIT + """
        rkt run --uuid-file-save=/run/uuid %s -- sleep 600 &
        pod_group
        kill -KILL $!; wait
        rkt status $(cat /run/uuid) | grep -x state=running || exit 1
        rkt gc --grace-period=0s || exit 1
        rkt list --no-legend; find /sys/fs/cgroup -name '*rkt*'
        pgrep -x guest; true""" % stored).ok()
    lines = r.out.splitlines()
    assert lines[0] == "state=running" and len(lines) > 1, r
    assert all(line.startswith("Garbage collecting pod ")
               for line in lines[1:]), r


# --- units -------------------------------------------------------------------


def test_vm_unit_exit_status(vm, stored):
    """The app's code is the unit's."""
    r = vm.run(UNIT + """
        unit test-exit '' %s -- say up exit 7
        systemctl start test-exit
        ended test-exit
        systemctl show -p Result -p ExecMainStatus -p ExecMainCode test-exit
        journalctl -u test-exit -o cat | grep -o say=up
        """ % stored)
    assert "ExecMainStatus=7" in r.out and "Result=exit-code" in r.out, r
    assert "say=up" in r.out, r


def test_vm_unit_notify_and_stop(vm, stored):
    """Type=notify: started when the pod is; stop ends it and leaves nothing,
    not even before gc."""
    r = vm.run(UNIT + """
        unit test-stop 'Type=notify' %s -- say up sleep 600
        systemctl start test-stop || exit 1
        systemctl show -p ActiveState -p SubState test-stop
        machinectl list --no-legend | wc -l
        systemctl stop test-stop || exit 1
        systemctl show -p ActiveState -p Result test-stop
        find /sys/fs/cgroup -name 'rkt-*' -o -name 'machine-rkt*' -o -name test-stop.service
        grep /var/lib/rkt /proc/self/mountinfo
        pgrep -a 'systemd-nspawn|guest'
        machinectl list --no-legend
        """ % stored)
    assert r.out.split() == ["ActiveState=active", "SubState=running", "1",
                             "Result=success", "ActiveState=inactive"], r


def test_vm_unit_contains_the_pod(vm, stored):
    """The unit's own limits hold all of the pod: nspawn and what is below."""
    r = vm.run(UNIT + """
        unit test-in 'MemoryMax=96M\\nTasksMax=40' %s -- say up await /go take 200 say no
        systemctl start test-in
        pod_group
        echo $pod
        cat /sys/fs/cgroup/system.slice/test-in.service/memory.max
        go
        ended test-in
        systemctl show -p Result test-in
        journalctl -u test-in -o cat | grep -oE 'say=.*'
        """ % stored)
    out = r.out.split()
    assert out[0].startswith("/sys/fs/cgroup/system.slice/test-in.service/rkt-"), r
    assert out[1:] == [str(96 << 20), "Result=oom-kill", "say=up"], r


# --- limits ------------------------------------------------------------------

# An app that takes a little, waits, and takes too much; and what the host says
# of its pod in the meantime.
LIMITED = "--memory=64Mi --cpu=1500m --cpu-shares=512 -- " \
    "take 20 say some await /go take 200 say more"
LOOK = r"""
	pod_group
	echo group $pod
	for f in memory.max memory.swap.max cpu.max cpu.weight; do
		echo $f $(cat $pod/$f)
	done
	go
"""


def hold(r, group, code):
    """What was asked is what is, and there it ends."""
    lines = r.ok().out.splitlines()
    got = dict(line.split(" ", 1) for line in lines if " " in line)
    assert group in got["group"], r
    assert got["memory.max"] == str(64 << 20), r
    assert got["memory.swap.max"] == "0", r
    assert got["cpu.max"] == "150000 100000", r
    assert got["cpu.weight"] == "50", r  # 512 of 1024, as 50 of 100
    assert "say=some" in lines and "say=more" not in lines, r
    assert code in lines, r


def test_G8_vm_limits_in_a_unit(vm, stored):
    """A group of the pod's own in the unit's, which lends its controllers."""
    r = vm.run(UNIT + """
        unit test-lim Delegate=yes %s %s
        systemctl start test-lim
        %s
        ended test-lim
        systemctl show -p ExecMainStatus test-lim
        journalctl -u test-lim -o cat | grep -oE 'say=.*'
        """ % (stored, LIMITED, LOOK))
    hold(r, "/test-lim.service/rkt-", "ExecMainStatus=9")


def test_G8_vm_limits_in_a_shell(vm, stored):
    """A shell's group is not the pod's alone: systemd makes it a scope."""
    r = vm.run(UNIT + """
        rkt run %s %s >/run/said 2>&1 &
        %s
        wait $!; echo code=$?
        grep -oE 'say=.*' /run/said
        """ % (stored, LIMITED, LOOK))
    hold(r, "/machine.slice/machine-rkt", "code=9")


# --- the end -----------------------------------------------------------------


def test_vm_gc_leaves_nothing(vm, stored):
    """Of all the pods before this: not a file, a mount, a group, an id."""
    r = vm.run("""
        rkt gc --grace-period=0s >/dev/null || exit
        rkt image rm $(rkt image list --full --no-legend --fields=id) >/dev/null || exit
        cd /var/lib/rkt; ls pods/* ids quarantine image | grep -vE '^$|:$'
        find /sys/fs/cgroup -name '*rkt-*'
        grep /var/lib/rkt /proc/self/mountinfo
        find /var/log/journal -type l
        true""").ok()
    assert r.out == "", r
