"""rkt app where cgroup v2 is all there is, and the host has systemd."""
import re

import pytest

APP = r"""
exec </dev/null
export RKT_EXPERIMENT_APP=true
rm -rf /run/uuid /run/said /srv/kept; mkdir /srv/kept
sandbox="rkt app sandbox --uuid-file-save=/run/uuid"
case %s in
shell) $sandbox >/run/said 2>&1 & ;;
unit) systemd-run -q -p Delegate=yes -p StandardOutput=file:/run/said -E RKT_EXPERIMENT_APP=true \
	--unit=test-app -- $sandbox ;;
esac
for i in $(seq 1000); do [ -s /run/uuid ] && break; sleep .1; done
uuid=$(cat /run/uuid)
rkt status --wait-ready=300s $uuid
until_said() { for i in $(seq 1000); do grep -q "$1" /run/said && return; sleep .1; done; }
"""


@pytest.mark.parametrize("where", ["shell", "unit"])
def test_vm_app(vm, stored, where):
    """It comes, is limited, can be entered, comes again, and goes."""
    r = vm.run(APP % where + """
        rkt app add $uuid %s --name=one --memory=64Mi --cpu=500m \
            --mnt-volume=kept,kind=host,source=/srv/kept,readOnly=true,target=/kept \
            -- write /kept/new x say up sleep 600; echo add=$?
        rkt app start $uuid --app=one; echo start=$?
        until_said say=up
        pid=$(pgrep -fx '/bin/guest write /kept/new x say up sleep 600')
        group=/sys/fs/cgroup$(cut -d: -f3 /proc/$pid/cgroup)
        echo limit=$(cat $group/memory.max) $(cat $group/cpu.max)
        rkt enter --app=one $uuid /bin/guest say in
        rkt image rm %s 2>&1 | grep -c 'used by a pod'
        rkt app list --no-legend $uuid
        rkt app stop $uuid --app=one; echo stop=$?
        rkt app list --no-legend $uuid
        rkt app start $uuid --app=one; echo again=$?
        rkt app rm $uuid --app=one; echo rm=$?
        echo left=$(cd /var/lib/rkt/pods/run/$uuid; ls -A apps mutable/stage2 mutable/volumes | grep -v : | tr -d '\\n')
        rkt stop $uuid
        for i in $(seq 1000); do rkt status $uuid | grep -q state=exited && break; sleep .1; done
        rkt status $uuid | head -1
        rkt rm $uuid; ls /srv/kept; cat /run/said
        """ % (stored, stored), 180)
    words = r.out.split()
    for word in ("add=0", "start=0", "stop=0", "again=0", "rm=0", "say=in",
                 "state=exited"):
        assert word in words, r
    assert re.search(r"limit=67108864 50000 100000", r.out), r
    assert re.search(r"^one\s+running", r.out, re.M), r
    assert re.search(r"^one\s+exited", r.out, re.M), r
    assert re.search(r"^left=$", r.out, re.M), r
    assert "Read-only file system" in r.out, r
