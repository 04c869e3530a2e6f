"""What the tests in the virtual machine share: images for the guest, and shell
functions that its commands begin with."""
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lib")]
import images  # noqa: E402
import keys  # noqa: E402

INSTALL = """
env -u MAKEFLAGS make -s O=$2/build PREFIX=/usr DESTDIR="$1" install
mkdir -p "$1/srv" "$1/usr/local/share/rkt"
cp policies/users.sh policies/sysusers.conf "$1/usr/local/share/rkt/"
cp "$2"/srv/* "$1/srv/"
"""
FOREIGN = 2147352576
NOTIFIES = {"name": "appc.io/executor/supports-systemd-notify",
            "value": "true"}
WEB = {"name": "web", "protocol": "tcp", "port": 80, "socketActivated": True}


def publish(to):
    """The guest program of the functional tests, signed, three times: as it
    is, as one that says when it is ready, and as one that gets a socket."""
    to.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-static", "-O1", "-o", to / "guest",
                    *sorted((HERE.parent / "functional").glob("guest*.c"))], check=True)
    files = [images.directory("rootfs/bin"),
             images.program("rootfs/bin/guest", (to / "guest").read_bytes()),
             images.directory("rootfs/tmp", mode=0o1777)]
    with keys.Keyring() as ring:
        key = ring.new("Publisher <p@example.test>")
        for name, section, more in (
                ("guest", {}, {}),
                ("ready", {}, {"annotations": [NOTIFIES]}),
                ("server", {"ports": [WEB]}, {})):
            image = images.aci(files, name="example.test/" + name,
                               section=images.app("/bin/guest", **section),
                               **more)
            (to / (name + ".aci")).write_bytes(image)
            (to / (name + ".aci.asc")).write_bytes(key.sign(image))
        (to / "key.asc").write_bytes(key.public)


# What runs, and what a pod that has ended may not keep; systemd takes a moment
# to see that a scope is empty.
RUNS = r"""
runs() {
	pgrep -a 'systemd-nspawn|guest|stage1|conductor'
	ls /run/systemd/machines
	grep /var/lib/rkt /proc/self/mountinfo
	find /sys/fs/cgroup -path '*rkt*/payload' -o -name 'machine-rkt*'
}
end=$((SECONDS + 120))
while [ $SECONDS -lt $end ]; do
	[ -n "$(runs)" ] || exit 0
	sleep .2
done
runs
true
"""

# After a test that failed, so that the next one is not blamed.
CLEAN = r"""
cd /run/systemd/system
systemctl kill -s KILL test-*.service
systemctl stop test-*
rm -f test-*
systemctl daemon-reload
pkill -KILL systemd-nspawn
rkt gc --grace-period=0s
true
"""

# A unit file $1 whose ExecStart= is rkt with the words $3 and on; $2 are more
# lines of its [Service].
UNIT = r"""
unit() {
	name=$1 more=$2
	shift 2
	trap "rm /run/systemd/system/$name.service" EXIT
	printf '[Service]\nExecStart=/usr/bin/rkt run --uuid-file-save=/run/uuid %s\nKillMode=mixed\nSuccessExitStatus=15\n%b\n' \
		"$*" "$more" >/run/systemd/system/$name.service
	systemctl daemon-reload
}
ended() {
	while :; do
		case $(systemctl is-active $1) in
		inactive | failed) break ;;
		esac
		sleep .2
	done
}
# What a guest awaits.
go() {
	for i in $(seq 1000); do all=$(pgrep -x guest) && break; sleep .1; done
	for pid in $all; do touch /proc/$pid/root/go; done
}
# The cgroup of the app, and the one above it that is the pod's.
pod_group() {
	for i in $(seq 1000); do
		app=$(find /sys/fs/cgroup -path '*/payload/*/guest.service')
		[ -n "$app" ] && break
		sleep .1
	done
	pod=${app%/payload/*}
}
"""


def facts(text):
    """The guest program's lines, of which each begins with journald's time."""
    found = {}
    for line in text.replace("\r", "").splitlines():
        line = re.sub(r"^.*?\[ *[0-9.]+\] [^ ]*\[\d+\]: ", "", line)
        key, eq, value = line.partition("=")
        if eq:
            found.setdefault(key, []).append(value)
    return found


def numbers(text):
    """Lines of "name value"."""
    return dict(line.split(" ", 1) for line in text.splitlines())
