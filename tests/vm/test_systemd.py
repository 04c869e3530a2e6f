"""rkt and the host's systemd, as docs/systemd.md says it: units, readiness,
sockets, machined, the journal, and what a pod may be on cgroup v2."""
import pathlib
import re

from guest import UNIT, facts

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "systemd.md"

# systemd is emulated here: what takes a second elsewhere takes some.
SOON = 60

# service: a unit whose apps write to a file; status: what became of it; said:
# what its apps did; quick: the seconds that a command took, then its code.
HOW = UNIT + r"""
service() {
	rm -f /run/said /run/uuid
	name=$1 more=$2
	shift 2
	unit $name "StandardOutput=append:/run/said\\nStandardError=inherit\\n$more" "$@"
}
status() { systemctl show -p ActiveState -p Result -p ExecMainStatus "$1" | sort; }
said() { grep -aoE "$1=.*" /run/said | tr -d '\r'; }
until_said() {
	for i in $(seq 1000); do
		[ -e /run/said ] && [ $(grep -ac "$1" /run/said) -ge ${2:-1} ] && return
		sleep .2
	done
	echo "never said $1"
}
until_state() {
	for i in $(seq 1000); do
		rkt status $1 2>/dev/null | grep -qx "state=$2" && return
		sleep .2
	done
	rkt status $1
}
quick() { began=$SECONDS; "$@"; echo "took $((SECONDS - began)) code $?"; }
"""


def took(r):
    """Seconds of quick, which went well."""
    seconds, code = re.search(r"took (\d+) code (\d+)", r.out).groups()
    assert code == "0", r
    return int(seconds)


# --- units -------------------------------------------------------------------


def test_vm_unit_restart(vm, stored):
    """Another pod in the same unit, the first one ended; and stop, soon."""
    r = vm.run(HOW + """
        service test-re 'ExecStopPost=/usr/bin/rkt gc --mark-only' %s -- say up sleep 600
        systemctl start test-re
        until_said say=up
        one=$(cat /run/uuid)
        quick systemctl restart test-re
        until_said say=up 2
        two=$(cat /run/uuid)
        rkt status $one | head -1; rkt status $two | head -1
        systemctl stop test-re
        status test-re; rkt status $two | head -1
        """ % stored, 120)
    lines = r.out.splitlines()
    assert took(r) < SOON
    assert lines[1:4] == ["state=exited garbage", "state=running",
                          "ActiveState=inactive"], r
    assert lines[5:] == ["Result=success", "state=exited garbage"], r


def test_vm_unit_stop_while_it_starts(vm, stored):
    """At no moment is a stop lost: ExecStop= waits until the pod hears it."""
    r = vm.run(HOW + """
        service test-early 'ExecStop=-/usr/bin/rkt stop --uuid-file=/run/uuid\\nTimeoutStopSec=300' \
            %s -- sleep 600
        for moment in 0 .4 .8 1.2 1.6 2 3 4; do
            rm -f /run/uuid
            systemctl start test-early
            until [ -s /run/uuid ]; do sleep .05; done
            sleep $moment
            quick systemctl stop test-early
        done
        systemctl reset-failed test-early || true
        """ % stored, 300)
    seconds = [int(s) for s in re.findall(r"took (\d+) code 0", r.out)]
    assert len(seconds) == 8 and max(seconds) < SOON, r


def test_vm_unit_ready_when_the_app_says_so(vm, stored):
    """Type=notify and an image with the annotation: not before, and then."""
    r = vm.run(HOW + """
        service test-ready Type=notify example.test/ready -- say up await /go notify READY=1 say told sleep 600
        systemctl start --no-block test-ready
        until_said say=up
        systemctl show -p ActiveState test-ready
        go
        systemctl start test-ready
        said say; said notify
        systemctl show -p ActiveState test-ready
        systemctl stop test-ready; status test-ready
        """, 120)
    assert r.out.split() == [
        "ActiveState=activating", "say=up", "say=told", "notify=ok",
        "ActiveState=active", "ActiveState=inactive",
        *r.out.split()[6:]] and "Result=success" in r.out, r


def test_vm_unit_that_is_never_ready(vm, stored):
    """The app keeps its host waiting: the unit fails and the pod is gone; and
    an app whose image has no such annotation is not asked.  Its time is over
    when it has begun, however long that takes here."""
    r = vm.run(HOW + """
        service test-never 'Type=notify\\nTimeoutStartSec=600s' example.test/ready -- say up sleep 600
        systemctl start --no-block test-never
        until_said say=up
        systemctl show -p ActiveState test-never
        sed -i s/=600s/=1s/ /run/systemd/system/test-never.service
        systemctl daemon-reload
        ended test-never
        status test-never; said say
        rkt status $(cat /run/uuid) | head -1
        """, 120)
    assert r.out.startswith("ActiveState=activating\n"), r
    assert "Result=timeout" in r.out and "say=up" in r.out, r
    assert "state=exited" in r.out, r


def test_vm_unit_socket_activation(vm, stored):
    """Nothing runs until a client comes; its connection is the app's."""
    r = vm.run(HOW + """
        service test-web '' --port=web:8081 example.test/server -- serve 2 exit 0
        printf '[Socket]\\nListenStream=127.0.0.1:8081\\nFileDescriptorName=web\\n' \
            >/run/systemd/system/test-web.socket
        trap 'rm /run/systemd/system/test-web.*' EXIT
        systemctl daemon-reload
        systemctl start test-web.socket
        systemctl is-active test-web.service
        ask() { timeout 60 bash -c 'exec 4<>/dev/tcp/127.0.0.1/8081; cat <&4'; }
        ask; ask
        ended test-web
        systemctl stop test-web.socket
        status test-web; said serve
        """, 120)
    lines = r.out.splitlines()
    assert lines[0] == "inactive", r
    assert lines[1:3] == ["hello from the pod"] * 2, r
    assert "ExecMainStatus=0" in lines and "Result=success" in lines, r
    assert lines[-1] == "serve=1 of web, mine", r


def test_vm_unit_socket_of_no_one(vm, stored):
    """A socket that no app asks for, or an app without its socket: no pod."""
    r = vm.run(HOW + """
        service test-odd '[Unit]\\nStartLimitIntervalSec=1h\\nStartLimitBurst=1' --port=web:8082 example.test/server -- serve 1
        printf '[Socket]\\nListenStream=127.0.0.1:8083\\n' >/run/systemd/system/test-odd.socket
        trap 'rm /run/systemd/system/test-odd.*' EXIT
        systemctl daemon-reload
        systemctl start test-odd.socket
        timeout 60 bash -c 'exec 4<>/dev/tcp/127.0.0.1/8083; cat <&4'
        ended test-odd
        systemctl stop test-odd.socket
        status test-odd; grep -ao 'port 808.' /run/said
        """, 120)
    assert "ExecMainStatus=254" in r.out, r
    assert "port 808" in r.out and "hello" not in r.out, r


# --- machined and the journal ------------------------------------------------


def test_vm_machinectl_and_journalctl(vm, stored):
    """The pod is a machine: list, status, its log by journalctl -M and by rkt,
    and terminate, which ends the unit."""
    r = vm.run(HOW + """
        service test-mach '' %s -- say up sleep 600
        systemctl start test-mach
        until_said say=up
        uuid=$(cat /run/uuid)
        machinectl list --no-legend | grep -o "rkt-$uuid *container *rkt"
        machinectl status --no-pager rkt-$uuid | grep -E 'Unit|Leader'
        journalctl -M rkt-$uuid -o cat | grep say=up
        useradd -G rkt reader
        runuser -u reader -- rkt logs --output=cat $uuid
        userdel reader
        quick machinectl terminate rkt-$uuid
        ended test-mach
        until_state $uuid exited
        rkt logs --output=cat $uuid
        """ % stored, 120)
    lines = r.out.splitlines()
    assert lines[0].startswith("rkt-") and "container" in lines[0], r
    assert any(x.strip().startswith("Leader: ") for x in lines), r
    assert "test-mach.service" in r.out, r
    assert lines.count("say=up") == 3, r
    assert took(r) < SOON and "state=" not in r.out, r


# --- what a pod may be -------------------------------------------------------


def test_G8_vm_limits_of_apps(vm, stored):
    """Each app's unit has its own limits, and the pod has their sums; the one
    that takes too much is the one that dies."""
    r = vm.run(HOW + """
        rkt run --uuid-file-save=/run/uuid \
            %s --name=one --memory=64Mi --cpu=500m --cpu-shares=512 -- say one sleep 600 --- \
            %s --name=two --memory=48Mi --cpu=250m -- say two await /go take 20 say some take 200 say more \
            >/run/said 2>&1 &
        for i in $(seq 1000); do
            two=$(find /sys/fs/cgroup -path '*/payload/*/two.service')
            [ -n "$two" ] && grep -q say=two /run/said && break
            sleep .1
        done
        one=${two%%two.service}one.service
        for f in memory.max memory.swap.max cpu.max cpu.weight; do
            echo one $f $(cat $one/$f); echo two $f $(cat $two/$f)
        done
        go
        wait $!; echo code=$?
        grep -oE 'say=.*' /run/said | tr -d '\\r' | sort
        rkt status $(cat /run/uuid) | grep app-
        rkt gc --grace-period=0s >/dev/null
        """ % (stored, stored), 120)
    got = {tuple(x.split()[:2]): x.split(" ", 2)[2]
           for x in r.out.splitlines() if x[:4] in ("one ", "two ")}
    assert got["one", "memory.max"] == str(64 << 20), r
    assert got["two", "memory.max"] == str(48 << 20), r
    assert got["one", "memory.swap.max"] == got["two", "memory.swap.max"] == "0"
    assert got["one", "cpu.max"].split()[0] != "max", r
    quota, period = map(int, got["one", "cpu.max"].split())
    assert quota * 2 == period, r
    quota, period = map(int, got["two", "cpu.max"].split())
    assert quota * 4 == period, r
    assert got["one", "cpu.weight"] == "50" and \
        got["two", "cpu.weight"] == "100", r
    assert {"say=one", "say=two", "say=some"} <= set(r.out.split()), r
    assert "say=more" not in r.out and "app-two=9" in r.out, r


def test_vm_volume_of_the_host(vm, stored):
    """ext4 here: owners are the host's, seen through an idmapped mount; and a
    file system that cannot map them stops the pod."""
    r = vm.run(HOW + """
        mkdir -p /srv/kept /run/kept; chown 1000:1000 /srv/kept /run/kept
        rkt run --volume=data,kind=host,source=/srv/kept \
            %s --user=1000 --group=1000 --mount=volume=data,target=/data \
            -- write /data/new text stat /data/new
        stat -c 'host %%u:%%g' /srv/kept/new; cat /srv/kept/new; echo
        rkt run --volume=data,kind=host,source=/srv/kept,readOnly=true \
            %s --user=1000 --mount=volume=data,target=/data -- write /data/more text
        rkt run --volume=data,kind=host,source=/run/kept \
            %s --mount=volume=data,target=/data -- write /data/new text >/run/said 2>&1
        echo code=$?; cat /run/said; ls /run/kept /srv/kept
        rm -r /srv/kept /run/kept; rkt gc --grace-period=0s >/dev/null
        """ % (stored, stored, stored), 120)
    assert "write=/data/new ok" in r.out, r
    assert "stat=/data/new 100644 1000:1000 4" in r.out, r
    assert "host 1000:1000\ntext\n" in r.out, r
    assert "write=/data/more Read-only file system" in r.out, r
    assert "code=254" in r.out and "/run/kept" in r.out, r
    assert "write=/data/new ok" not in r.out.split("code=254")[1], r


def test_vm_prepare_stop_and_logs(vm, stored):
    """prepare here, run-prepared in a unit; stop from outside ends the unit."""
    r = vm.run(HOW + """
        uuid=$(rkt prepare --quiet %s -- say up sleep 600)
        rkt status $uuid | head -1
        service test-prep '' ignored
        sed -i "s|^ExecStart=.*|ExecStart=/usr/bin/rkt run-prepared $uuid|" \
            /run/systemd/system/test-prep.service
        systemctl daemon-reload
        systemctl start test-prep
        until_said say=up
        rkt status $uuid | head -1
        quick rkt stop $uuid
        ended test-prep
        until_state $uuid exited; rkt logs --output=cat $uuid
        rkt rm $uuid >/dev/null
        """ % stored, 120)
    lines = r.out.splitlines()
    assert lines[:2] == ["state=prepared", "state=running"], r
    assert took(r) < SOON
    assert lines[-1] == "say=up", r


def test_vm_timer_of_gc(vm, stored):
    """The two units of docs/systemd.md, as they stand there."""
    text = DOCUMENT.read_text().split("\n## Garbage\n")[1].split("```")[1]
    service, timer = re.split(r"# /etc/systemd/system/rkt-gc\.timer\n",
                              text.split("rkt-gc.service\n", 1)[1])
    r = vm.run(HOW + """
        cat >/run/systemd/system/rkt-gc.service <<'END'
%s
END
        cat >/run/systemd/system/rkt-gc.timer <<'END'
%s
END
        sed -i 's/=24h/=0s/' /run/systemd/system/rkt-gc.service
        systemctl daemon-reload
        rkt run --uuid-file-save=/run/uuid %s -- exit 0
        rkt status $(cat /run/uuid) | head -1
        systemctl start rkt-gc.timer
        for i in $(seq 1000); do
            rkt status $(cat /run/uuid) >/dev/null 2>&1 || break
            sleep .2
        done
        systemctl is-active rkt-gc.timer
        systemctl stop rkt-gc.timer
        status rkt-gc.service
        rkt status $(cat /run/uuid) 2>&1
        rm /run/systemd/system/rkt-gc.*; systemctl daemon-reload
        """ % (service, timer, stored), 120)
    lines = r.out.splitlines()
    assert lines[0] == "state=exited" and lines[1] == "active", r
    assert "Result=success" in lines and "ExecMainStatus=0" in lines, r
    assert "no matches found" in lines[-1], r


def test_G7_vm_enter(vm, stored):
    """A command in the app, confined as the app; its code comes back."""
    r = vm.run(HOW + """
        service test-enter '' %s --memory=64Mi -- say up sleep 600
        systemctl start test-enter
        until_said say=up
        uuid=$(cat /run/uuid)
        rkt enter $uuid /bin/guest facts exit 3
        echo code=$?
        systemctl stop test-enter
        """ % stored, 120)
    f = facts(r.out)
    status = dict(line.split(":", 1) for line in f["status"])
    assert "code=3" in r.out.split(), r
    assert status["CapBnd"].strip() == "00000000a80425fb", r
    assert status["Seccomp"].strip() == "2", r
    assert int(f["uid_map"][0].split()[1]) >= 65536, r


def test_vm_unit_loses_its_supervisor(vm, stored):
    """Whatever happens to nspawn, the unit's end is the pod's."""
    r = vm.run(HOW + """
        service test-lost '' %s -- say up sleep 600
        systemctl start test-lost
        until_said say=up
        kill -KILL $(systemctl show -p MainPID --value test-lost)
        ended test-lost
        for i in $(seq 1000); do pgrep -x guest >/dev/null || break; sleep .1; done
        pgrep -x guest; rkt status $(cat /run/uuid) | head -1
        """ % stored, 120)
    assert r.out.splitlines() == ["state=exited"], r


# A pod manifest of an app with limits of block I/O and settings of the kernel.
ISOLATED = r"""
manifest() {
	cat >/run/pod.json <<END
{"acKind": "PodManifest", "acVersion": "0.8.11", "apps": [{"name": "guest",
"image": {"id": "$1"}, "app": {"exec": ["/bin/guest", "read",
"/proc/sys/net/ipv4/tcp_fin_timeout", "read",
"/proc/sys/net/ipv4/tcp_mtu_probing", "say", "up"],
"user": "0", "group": "0",
"eventHandlers": [{"name": "pre-start", "exec": ["/bin/guest", "say", "before",
"await", "/go"]}], "isolators": [
{"name": "resource/block-bandwidth", "value": {"default": true, "limit": "4M"}},
{"name": "resource/block-iops", "value": {"default": true, "limit": "500"}},
{"name": "os/unix/sysctl", "value": {"net.ipv4.tcp_fin_timeout": "17"}}]}}],
"isolators": [
{"name": "resource/block-bandwidth", "value": {"default": true, "limit": "8M"}},
{"name": "os/unix/sysctl", "value": {$2}}]}
END
}
look() {
	pod_group
	for i in $(seq 1000); do
		grep -q bps $app/io.max && break
		sleep .1
	done
	echo early $(grep -ac say=up /run/said)
	disk=$(awk 'NR == 3 { print $1 ":" $2 }' /proc/partitions)
	echo disk $disk
	echo app $(grep "^$disk " $app/io.max)
	echo pod $(grep "^$disk " $pod/io.max)
	go
}
"""


def isolated(r):
    got = dict(line.split(" ", 1) for line in r.out.splitlines() if " " in line)
    assert got["app"] == got["disk"] + \
        " rbps=4000000 wbps=4000000 riops=500 wiops=500", r
    assert got["pod"] == got["disk"] + \
        " rbps=8000000 wbps=8000000 riops=max wiops=max", r
    assert got["early"] == "0", r  # it is the handler's limit too
    assert "read=17" in r.out and "read=1\n" in r.out.replace("\r", ""), r


def test_G8_vm_isolators_in_a_shell(vm, stored):
    """Of the scope systemd has the pod's limit, of the app appexec its own."""
    isolated(vm.run(HOW + ISOLATED + r"""
        manifest %s '"net.ipv4.tcp_mtu_probing": "1"'
        rkt run --pod-manifest=/run/pod.json >/run/said 2>&1 &
        look
        wait $!; echo code=$?
        grep -aoE '(read|say)=.*' /run/said
        cat /proc/sys/net/ipv4/tcp_fin_timeout
        """ % stored, 120))


def test_G8_vm_isolators_in_a_unit(vm, stored):
    isolated(vm.run(HOW + ISOLATED + r"""
        manifest %s '"net.ipv4.tcp_mtu_probing": "1"'
        rm -f /run/said
        unit test-io 'Delegate=yes\nStandardOutput=append:/run/said' --pod-manifest=/run/pod.json
        systemctl start test-io
        look
        ended test-io
        grep -aoE '(read|say)=.*' /run/said
        """ % stored, 120))


def test_vm_sysctl_of_ipc(vm, stored):
    """The pod's own IPC namespace, not the host's."""
    r = vm.run(HOW + ISOLATED + r"""
        manifest %s '"kernel.shmmax": "65536", "kernel.msgmni": "77"'
        sed -i 's|net/ipv4/tcp_mtu_probing|kernel/shmmax|; s|"await", "/go"|"say", "on"|' /run/pod.json
        rkt run --pod-manifest=/run/pod.json >/run/said 2>&1
        echo code=$?; grep -aoE '(read|say)=.*' /run/said
        echo host $(cat /proc/sys/kernel/shmmax) $(cat /proc/sys/kernel/msgmni)
        """ % stored, 120)
    assert "code=0" in r.out and "read=65536" in r.out, r
    host = re.search(r"host (\d+) (\d+)", r.out).groups()
    assert "65536" != host[0] and host[1] != "77", r


def test_vm_device_of_a_volume(vm, stored):
    """In a scope systemd closes devices: the volume's is let in, as it is
    asked for."""
    r = vm.run(HOW + r"""
        for how in false true; do
            rkt run --volume=d,kind=host,source=/dev/kmsg,readOnly=$how \
                --mount=volume=d,target=/dev/mine %s -- write /dev/mine x
        done
        """ % stored, 120)
    said = [x for x in r.out.replace("\r", "").splitlines() if "write=" in x]
    assert len(said) == 2 and said[0].endswith("write=/dev/mine ok"), r
    assert "Permission denied" in said[1] or "not permitted" in said[1], r
