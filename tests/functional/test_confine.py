"""What an app cannot do, and what it is told of the machine."""
import os
import re

import pytest

import images
from host import Facts
from images import app, isolator

# rkt's default capabilities, as bits.
DEFAULT_CAPS = 0xa80425fb


def section(*argv, **more):
    return app("/bin/guest", *argv, **more)


def caps_of(facts):
    return {name: int(facts.status(name), 16) for name in
            ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


def test_confine_user_namespace(host):
    """G10: the pod's root is not the host's; a range of 65536, above 65535."""
    child = host.start("run", host.store(), "--", "facts", "say", "ready",
                       "sleep", "600")
    host.wait_for(child, "say=ready")
    f = Facts(host.said(child))
    inside, outside, count = map(int, f.one("uid_map").split())
    assert (inside, count) == (0, 65536) and outside > 65535
    assert f.one("uid_map") == f.one("gid_map")
    assert f.one("uid") == "0"
    mine = {os.readlink("/proc/self/ns/" + kind) for kind in
            ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")}
    assert not mine & set(f.all("ns"))
    pids = [pid for pid, words in host.lab.cgroup.processes()
            if words.startswith("/bin/guest")]
    assert pids
    for pid in pids:
        text = open("/proc/%d/status" % pid, encoding="ascii").read()
        uids = re.search(r"^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)$", text, re.M)
        assert set(uids.groups()) == {str(outside)}
    child.terminate()
    child.wait(60)


def test_confine_default_capabilities(host):
    f = host.run(host.store(), "facts").ok().facts
    caps = caps_of(f)
    assert caps["CapEff"] == caps["CapPrm"] == caps["CapBnd"] == DEFAULT_CAPS
    assert caps["CapAmb"] == caps["CapInh"] == 0
    assert f.status("Seccomp") == "2"
    assert f.one("core") == "0"


def test_confine_nothing_leaks_in(host):
    """No descriptor but its stdio, no variable of the caller's."""
    os.environ["RKT_CANARY"] = "1"
    try:
        f = host.run(host.store(), "facts").ok().facts
    finally:
        del os.environ["RKT_CANARY"]
    assert sorted(v.split()[0] for v in f.all("fd")) == ["0", "1", "2"]
    assert "RKT_CANARY" not in f.env()
    assert str(host.data) not in "\n".join(f.all("mount"))


# What no app may do with the default filter and capabilities, and how it is
# refused.
DENIED = {
    "add_key": {"EPERM", "ENOSYS"}, "af_alg": {"EAFNOSUPPORT", "EPERM"},
    "af_vsock": {"EAFNOSUPPORT", "EPERM"}, "bpf": {"EPERM"},
    "clone3": {"ENOSYS"}, "clone_user": {"EPERM"}, "fsopen": {"EPERM"},
    "init_module": {"EPERM"}, "io_uring": {"EPERM", "ENOSYS"},
    "kexec": {"EPERM"}, "keyctl": {"EPERM", "ENOSYS"}, "mount": {"EPERM"},
    "move_mount": {"EPERM"}, "open_by_handle": {"EPERM"},
    "open_tree": {"EPERM"}, "perf": {"EPERM"}, "pivot": {"EPERM"},
    "personality": {"EPERM", "ENOSYS"}, "ptrace_init": {"EPERM"},
    "reboot": {"EPERM"}, "remount_proc": {"EPERM"},
    "setns": {"EPERM", "EACCES"}, "settime": {"EPERM"}, "swapon": {"EPERM"},
    "tioclinux": {"EPERM"}, "tiocsti": {"EPERM"}, "umount": {"EPERM"},
    "unshare_user": {"EPERM"}, "userfaultfd": {"EPERM", "ENOSYS"},
    "mknod": {"EPERM"},
}
ALLOWED = ["getpid", "mkdir", "chown", "chroot", "setuid0"]


def test_confine_denied_calls(host):
    tries = host.run(host.store(), "try", "all").ok().facts.tries()
    for act, errors in DENIED.items():
        assert tries[act] in errors, (act, tries[act])
    for act in ALLOWED:
        assert tries[act] == "ok", (act, tries[act])


def test_confine_denied_calls_of_a_user(host):
    tries = host.run(host.store(section=section(user="1000", group="1000")),
                     "try", "all").ok().facts.tries()
    for act, errors in DENIED.items():
        assert tries[act] in errors, (act, tries[act])
    for act in ("chown", "chroot", "setuid0"):
        assert tries[act] == "EPERM"


def test_confine_capabilities_of_image(host):
    """An image may take less; what it asks beyond the default is not given."""
    keep = section("facts", isolators=[isolator(
        "os/linux/capabilities-retain-set",
        {"set": ["CAP_CHOWN", "CAP_KILL"]})])
    caps = caps_of(host.run(host.store(section=keep)).ok().facts)
    assert caps["CapEff"] == caps["CapBnd"] == 1 << 0 | 1 << 5
    drop = section("facts", isolators=[isolator(
        "os/linux/capabilities-remove-set", {"set": ["CAP_MKNOD"]})])
    caps = caps_of(host.run(host.store(section=drop)).ok().facts)
    assert caps["CapBnd"] == DEFAULT_CAPS & ~(1 << 27)
    none = section("facts", isolators=[isolator(
        "os/linux/capabilities-retain-set", {"set": ["CAP_CHOWN"]})],
        user="1000")
    assert caps_of(host.run(host.store(section=none)).ok().facts)["CapEff"] == 0


@pytest.mark.parametrize("cap", ["CAP_SYS_ADMIN", "CAP_SYS_MODULE",
                                 "CAP_NET_ADMIN", "CAP_SYS_PTRACE"])
def test_confine_image_asks_for_more(host, cap):
    """The image's voice may only narrow: refused, or without it."""
    host.trust()
    r = host.fetch(host.lab.guest_image(section=section("facts", isolators=[
        isolator("os/linux/capabilities-retain-set",
                 {"set": ["CAP_CHOWN", cap]})])))
    if r.code == 0:
        r = host.run(r.out.strip())
    if r.code == 0:
        assert caps_of(r.facts)["CapBnd"] & ~DEFAULT_CAPS == 0
    else:
        r.refused()
    r = host.run("example.test/guest", pod=["--insecure-options=seccomp"])
    if r.code == 0:
        assert caps_of(r.facts)["CapBnd"] & ~DEFAULT_CAPS == 0


def test_confine_operator_widens(host):
    """The operator's voice may, up to site policy; in the pod's own user
    namespace all the same."""
    image = host.store()
    f = host.run(image, "facts",
                 app=["--caps-retain=CAP_SYS_ADMIN,CAP_CHOWN"]).ok().facts
    assert caps_of(f)["CapBnd"] == 1 << 21 | 1
    assert int(f.one("uid_map").split()[1]) > 65535
    f = host.run(image, "facts", app=["--caps-remove=CAP_CHOWN"]).ok().facts
    assert caps_of(f)["CapBnd"] == DEFAULT_CAPS & ~1
    f = host.run(image, "facts",
                 pod=["--insecure-options=capabilities"]).ok().facts
    assert caps_of(f)["CapBnd"] & DEFAULT_CAPS == DEFAULT_CAPS
    host.run(image, app=["--caps-retain=CAP_NONE"]).refused()


def test_confine_operator_argument_is_no_flag(host):
    """What stands behind -- is the app's, and widens nothing."""
    image = host.store()
    f = host.run(image, "facts", "--caps-retain=CAP_SYS_ADMIN",
                 "--insecure-options=all").ok().facts
    assert caps_of(f)["CapBnd"] == DEFAULT_CAPS
    assert f.status("Seccomp") == "2"


def test_confine_no_new_privileges(host):
    image = host.store(section=section("facts", isolators=[
        isolator("os/linux/no-new-privileges", True)]))
    assert host.run(image).ok().facts.status("NoNewPrivs") == "1"


def test_confine_seccomp_of_image(host):
    """remove, retain, and the errno that was asked for."""
    remove = section(isolators=[isolator("os/linux/seccomp-remove-set", {
        "errno": "ENOTSUP", "set": ["mkdir", "mkdirat"]})])
    tries = host.run(host.store(section=remove), "try", "mkdir",
                     "try", "getpid").ok().facts.tries()
    assert tries == {"mkdir": "EOPNOTSUPP", "getpid": "ok"} or \
        tries == {"mkdir": "ENOTSUP", "getpid": "ok"}
    killed = section(isolators=[isolator("os/linux/seccomp-remove-set", {
        "set": ["mkdir", "mkdirat"]})])
    tries = host.run(host.store(section=killed), "try", "mkdir").ok()
    assert tries.facts.tries() == {"mkdir": "signal 31"}


def test_confine_seccomp_named_sets(host):
    """rkt's own names work; an unknown one is an error."""
    good = section(isolators=[isolator("os/linux/seccomp-retain-set", {
        "set": ["@appc.io/all"]})])
    tries = host.run(host.store(section=good), "try", "unshare_user", "try",
                     "af_alg", "try", "keyctl").ok().facts.tries()
    assert tries["unshare_user"] == "EPERM" and tries["af_alg"] != "ok"
    assert tries["keyctl"] != "ok"
    host.trust()
    bad = section(isolators=[isolator("os/linux/seccomp-remove-set", {
        "set": ["@no/such"]})])
    r = host.fetch(host.lab.guest_image(section=bad))
    (host.run(r.out.strip()) if r.code == 0 else r).refused("@no/such")


def test_confine_seccomp_of_operator(host):
    image = host.store()
    tries = host.run(image, "try", "mkdir", "try", "getpid",
                     app=["--seccomp=mode=remove,errno=EACCES,mkdir,mkdirat"]
                     ).ok().facts.tries()
    assert tries == {"mkdir": "EACCES", "getpid": "ok"}
    f = host.run(image, "facts",
                 pod=["--insecure-options=seccomp"]).ok().facts
    assert int(f.status("Seccomp_filters")) < int(host.run(
        image, "facts").ok().facts.status("Seccomp_filters"))
    host.run(image, app=["--seccomp=mode=maybe,mkdir"]).refused()
    host.run(image, app=["--seccomp=mode=remove,no_such_call"]).refused()


READ_ONLY = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
             "/proc/sysrq-trigger", "/proc/sys/vm/panic_on_oom",
             "/sys/kernel/uevent_helper"]
EMPTY = ["/proc/kcore", "/proc/kallsyms", "/proc/keys", "/proc/timer_list",
         "/proc/config.gz"]
HIDDEN = ["/sys/firmware", "/sys/fs", "/sys/module", "/sys/power",
          "/proc/acpi", "/proc/scsi"]


def test_confine_masked_paths(host):
    acts = [w for p in READ_ONLY for w in ("write", p, "x")]
    acts += [w for p in EMPTY for w in ("read", p)]
    acts += [w for p in HIDDEN for w in ("list", p)]
    f = host.run(host.store(), *acts).ok().facts
    for value in f.all("write"):
        assert not value.endswith(" ok"), value
    assert f.all("read") == []
    assert f.all("list") == []


REDIRECTS = {
    "proc": images.symlink("rootfs/proc", "/tmp"),
    "sys": images.symlink("rootfs/sys", "../../../tmp"),
    "dev": images.symlink("rootfs/dev", "/bin"),
    "run": images.symlink("rootfs/run", "/../../../../run"),
    "tmp": images.symlink("rootfs/tmp", "/etc"),
    "etc": images.symlink("rootfs/etc", "/tmp"),
    "proc-file": images.member("rootfs/proc", b"file"),
    "dev-file": images.member("rootfs/dev", b"file"),
    "etc-hostname": images.directory("rootfs/etc") +
    images.symlink("rootfs/etc/hostname", "/proc/sys/kernel/core_pattern"),
    "etc-hosts": images.directory("rootfs/etc") +
    images.symlink("rootfs/etc/hosts", "../../../../etc/hosts"),
    "etc-resolv": images.directory("rootfs/etc") +
    images.symlink("rootfs/etc/resolv.conf", "/../../etc/resolv.conf"),
    "dev-null": images.directory("rootfs/dev") +
    images.symlink("rootfs/dev/null", "/bin/guest"),
    "dev-shm": images.directory("rootfs/dev") +
    images.symlink("rootfs/dev/shm", "/"),
    "run-journal": images.directory("rootfs/run") +
    images.symlink("rootfs/run/systemd", "/proc"),
}


@pytest.mark.parametrize("name", REDIRECTS)
def test_confine_image_redirects_mounts(host, name):
    """CVE-2019-18837, CVE-2019-19921: /proc and the like are links of the
    image's: mounted where they should be, or refused; the host is not
    touched."""
    canary = {p: open(p, "rb").read() for p in
              ("/etc/hosts", "/etc/resolv.conf", "/etc/hostname",
               "/proc/sys/kernel/core_pattern")}
    host.trust()
    image = images.aci(
        [images.directory("rootfs/bin"),
         images.program("rootfs/bin/guest", host.lab.guest), REDIRECTS[name]],
        name="example.test/guest", section=section("facts"))
    r = host.fetch(image)
    if r.code == 0:
        r = host.run(r.out.strip(), timeout=60)
    if r.code == 0:
        mounts = {m.split()[4]: m for m in r.facts.all("mount")}
        assert " - proc " in mounts["/proc"]
        assert "/proc/sys" in mounts and "ro" in \
            mounts["/proc/sys"].split()[5].split(",")
    for path, text in canary.items():
        assert open(path, "rb").read() == text


def test_confine_net(host):
    """No network but lo, unless the host's is asked for."""
    image = host.store()
    f = host.run(image, "read", "/proc/net/dev").ok().facts
    devices = [v.split(":")[0].strip() for v in f.all("read")[2:]]
    assert devices == ["lo"]
    f = host.run(image, "facts", pod=["--net=host"]).ok().facts
    assert os.readlink("/proc/self/ns/net") in f.all("ns")


def test_confine_devices(host):
    acts = [w for d in ("null", "zero", "full", "random", "urandom", "tty",
                        "pts", "ptmx", "shm") for w in ("stat", "/dev/" + d)]
    f = host.run(host.store(), *acts, "list", "/dev").ok().facts
    for value in f.all("stat"):
        assert "No such file" not in value, value
    assert not {"sda", "vda", "mem", "kmem", "kmsg", "loop0"} & \
        set(f.all("list"))


def test_confine_setuid_gains_nothing_on_the_host(host):
    """A setuid file of an image is setuid in its pod alone."""
    image = host.store(files=[images.program(
        "rootfs/bin/su", host.lab.guest, mode=0o4755)],
        section=section(user="1000", group="1000"))
    tree = host.data / "image" / image / "tree" / "rootfs" / "bin" / "su"
    assert tree.stat().st_uid == 2147352576
    f = host.run(image, "facts", app=["--exec=/bin/su"]).ok().facts
    assert f.one("euid") in ("0", "1000")
    assert int(f.one("uid_map").split()[1]) > 65535
