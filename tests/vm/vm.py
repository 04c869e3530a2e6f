"""A Debian host in qemu, for what the machine of the tests may not be: pid 1 is
systemd, cgroup v2 alone, machined and journald run, the kernel is Debian's own.

    out = pathlib.Path("build/vm")
    with Machine(out, disk(out, fill)) as vm:
        vm.run("machinectl list").ok()

Software emulation only, and no network in the guest.  The packages come from
wherever this machine's apt gets Debian's; what was made of them is kept in out
under a name that is a hash of all that went in.  Run alone (python3 vm.py OUT)
it makes what is missing and gives the guest's console.
"""
import base64
import contextlib
import dataclasses
import hashlib
import os
import pathlib
import select
import shutil
import socket
import subprocess
import sys
import time

PACKAGES = """systemd systemd-sysv systemd-container dbus udev kmod procps gnupg
gpgv libarchive13 libbz2-1.0 libcap-ng0 libcurl4 libgpgme11 libisal2
libjansson4 libkeyutils1 liblzma5 libseccomp2 libssl3 libxml2 libzstd1"""
KERNEL = "linux-image-cloud-amd64"
QEMU = "qemu-system-x86_64"
SIZE = "1200M"

MAKE_ROOT = r"""
to=$1 hook=$2 conf=$3
shift 3
exec mmdebstrap --quiet --mode=root --variant=essential --format=tar \
	--include="$packages" --aptopt="$conf" \
	--dpkgopt='path-exclude=/usr/share/doc/*' \
	--dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' \
	--customize-hook="$hook" "$suite" "$to" "$@"
"""

# The disk: what is packed in $1, and what the script $4 puts there, by hand of
# mke2fs, for a machine of the tests may have no loop devices.
MAKE_DISK = r"""
tar=$1 at=$2 disk=$3 fill=$4 size=$5
shift 5
rm -rf "$at" "$disk"
mkdir "$at"
trap 'rm -rf "$at"' EXIT
tar -C "$at" --xattrs --xattrs-include='*' --numeric-owner -xpf "$tar"
sh -ec "$fill" fill "$at" "$@"
truncate -s "$size" "$disk"
mkfs.ext4 -q -m 0 -L root -d "$at" "$disk"
"""

# In the new root's /boot: the kernel of a package that is not installed (that
# would want an initial ram disk), its modules where merged /usr has them.
FETCH_KERNEL = r"""
export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
cd "$1/boot"
name=$(apt-cache depends --important %s |
	sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\).*/\1/p')
apt-get -q -o APT::Sandbox::User=root download "$name"
dpkg-deb -x *.deb new
cp new/boot/vmlinuz-* "$kernel"
mv new/lib/modules "$1/usr/lib/"
rm -rf new *.deb
chroot "$1" depmod "${name#linux-image-}"
""" % KERNEL

# The tests' commands: a line of base64 in, code and output out.  Each runs in
# a scope of its own, as a person's shell does.
LISTEN = r"""
exec 3<>/dev/virtio-ports/commands
cd /
echo ready >&3
while read -r number limit script <&3; do
	printf %s "$script" | base64 -d >/run/script
	timeout "$limit" systemd-run --quiet --scope --unit=shell-$number \
		bash -c '. /run/script; exit' \
		</dev/null >/run/out 2>/run/err 3>&-
	printf '%s %s =%s =%s\n' "$number" $? \
		"$(base64 -w0 /run/out)" "$(base64 -w0 /run/err)" >&3
done
"""

UNIT = """[Unit]
Description=Commands of the tests
Requires=dev-virtio\\x2dports-commands.device
After=dev-virtio\\x2dports-commands.device systemd-sysusers.service dbus.service
[Service]
ExecStart=/bin/bash /usr/local/lib/listen
StandardOutput=journal+console
StandardError=journal+console
[Install]
WantedBy=multi-user.target
"""

# What a test never looks at takes seconds of an emulated boot.
MASKED = """systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer
modprobe@fuse.service modprobe@dm_mod.service modprobe@loop.service
modprobe@configfs.service modprobe@drm.service modprobe@efi_pstore.service
systemd-logind.service e2scrub_reap.service e2scrub_all.timer dpkg-db-backup.timer fstrim.timer
systemd-pstore.service getty@tty1.service systemd-update-utmp.service
systemd-update-utmp-runlevel.service""".split()


class Unavailable(Exception):
    """No qemu, no packages: why."""


@dataclasses.dataclass
class Result:
    """What a command said."""
    script: str
    code: int
    out: str
    err: str

    def ok(self):
        """Asserts success."""
        assert self.code == 0, self
        return self

    def __str__(self):
        return "%s\n--- code %d\n--- stdout\n%s--- stderr\n%s" % (
            self.script, self.code, self.out, self.err)


def _run(*argv, why=None, **more):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, text=True,
                          **more)
    if done.returncode != 0:
        error = Unavailable if why else RuntimeError
        raise error("%s: %s" % (why or argv[0], done.stdout[-3000:]))
    return done.stdout


# --- images -----------------------------------------------------------------


def _sources():
    """This machine's own sources of Debian packages, and its apt's proxies."""
    ask = ["apt-get", "indextargets", "--format",
           "deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
           "Created-By: Packages", "Origin: Debian"]
    lines = _run(*ask, why="apt")
    if not lines:
        _run("apt-get", "update", why="no list of Debian's packages can be had")
        lines = _run(*ask, why="apt")
    if not lines:
        raise Unavailable("apt knows no Debian packages")
    proxies = [line for line in _run("apt-config", "dump").splitlines()
               if line.lower().startswith(("acquire::http", "acquire::https"))]
    return lines.splitlines(), proxies


def _write(root, path, text):
    return 'mkdir -p "%s%s"\ncat >"%s%s" <<\\END\n%s\nEND\n' % (
        root, os.path.dirname(path), root, path, text.strip("\n"))


def root_image(out):
    """A minimal Debian host, packed, and its kernel; made once."""
    for program in QEMU, "mmdebstrap", "mkfs.ext4":
        if not shutil.which(program):
            raise Unavailable("there is no %s (make deps)" % program)
    sources, proxies = _sources()
    setup = FETCH_KERNEL + _write("$1", "/usr/local/lib/listen", LISTEN) + \
        _write("$1", "/etc/systemd/system/commands.service", UNIT) + \
        _write("$1", "/etc/fstab", "/dev/nvme0n1 / ext4 defaults 0 0") + \
        _write("$1", "/etc/hostname", "vm") + \
        'chroot "$1" systemctl enable commands.service\n' + \
        'chroot "$1" systemctl mask %s\n' % " ".join(MASKED) + \
        'chroot "$1" passwd -d root\n'
    key = hashlib.sha256("\0".join(
        [PACKAGES, setup, *sources]).encode()).hexdigest()[:16]
    root, kernel = out / ("root-%s.tar" % key), out / ("vmlinuz-" + key)
    if root.exists() and kernel.exists():
        return root, kernel
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("root-*"), *out.glob("vmlinuz-*")]:
        old.unlink()
    (out / "apt.conf").write_text("\n".join(proxies) + "\n")
    new = root.with_suffix(".new.tar")
    _run("sh", "-ec", MAKE_ROOT, "make-root", new, setup, out / "apt.conf",
         *sources,
         why="the guest's Debian packages cannot be had from %s" %
         ", ".join(sorted({line.split()[1] for line in sources})),
         env={**os.environ, "packages": ",".join(PACKAGES.split()),
              "kernel": str(kernel), "suite": sources[0].split()[2]})
    new.rename(root)
    return root, kernel


def disk(out, fill=":", *args):
    """A disk of the root image on which the shell script fill has run, its
    root being $1 and args $2 and on.  (disk, kernel)"""
    root, kernel = root_image(out)
    to = out / "disk.ext4"
    _run("sh", "-ec", MAKE_DISK, "make-disk", root, out / "root", to, fill,
         SIZE, *args)
    return to, kernel


# --- the machine ------------------------------------------------------------


class Machine:
    """A running guest."""

    def __init__(self, out, disk_and_kernel, memory="1536M", console=False):
        self.out, (self.disk, self.kernel) = out, disk_and_kernel
        self.memory, self.console = memory, console
        self.log = out / "console.log"
        self.child = self.line = None
        self.number, self.read = 0, b""

    def argv(self, fd):
        """qemu's arguments; the end of the command line is fd."""
        return ["setpriv", "--pdeathsig", "KILL",
                QEMU, "-accel", "tcg,thread=multi", "-M", "q35", "-cpu", "max",
                "-smp", "2", "-m", self.memory, "-nodefaults", "-nographic",
                "-no-reboot", "-kernel", self.kernel, "-append",
                "root=/dev/nvme0n1 rootwait rw console=ttyS0 quiet panic=-1 "
                "systemd.show_status=0 mitigations=off",
                "-drive", "if=none,id=root,format=raw,cache=unsafe,file=%s"
                % self.disk, "-device", "nvme,serial=root,drive=root",
                "-serial", "mon:stdio" if self.console else
                "file:%s" % self.log,
                "-device", "virtio-serial", "-chardev", "socket,id=c,fd=%d" % fd,
                "-device", "virtserialport,chardev=c,name=commands"]

    def __enter__(self):
        ours, theirs = socket.socketpair()
        with theirs:
            self.child = subprocess.Popen(
                [str(a) for a in self.argv(theirs.fileno())],
                stdin=None if self.console else subprocess.DEVNULL,
                pass_fds=[theirs.fileno()])
        self.line = ours
        try:
            if not self.console:
                assert self._next(600) == b"ready"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc):
        if self.child.poll() is None and _exc[:1] == (None,):
            with contextlib.suppress(OSError, AssertionError):
                self.line.sendall(b"0 5 %s\n" % base64.b64encode(
                    b"systemctl --no-block poweroff -ff"))
                self.child.wait(60)
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.line.close()

    def _next(self, seconds):
        """The next line from the guest."""
        end = time.monotonic() + seconds
        while b"\n" not in self.read:
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.line], [], [], left)[0]
            new = self.line.recv(65536) if ready else b""
            assert new, "the guest is silent; its console: " + \
                self.log.read_text(errors="replace")[-4000:]
            self.read += new
        line, _, self.read = self.read.partition(b"\n")
        return line

    def run(self, script, timeout=60):
        """Runs a shell script as root; its Result.  timeout: of a machine that
        has nothing else to do."""
        self.number += 1
        timeout *= 5
        self.line.sendall(b"%d %d %s\n" % (
            self.number, timeout, base64.b64encode(script.encode())))
        number, code, *texts = self._next(timeout + 30).split(b" ")
        assert int(number) == self.number
        out, err = (base64.b64decode(t[1:]).decode(errors="replace")
                    for t in texts)
        return Result(script, int(code), out, err)


def main():
    """The console of a guest."""
    out = pathlib.Path(sys.argv[1]).resolve()
    with Machine(out, disk(out), console=True) as vm:
        vm.child.wait()


if __name__ == "__main__":
    main()
