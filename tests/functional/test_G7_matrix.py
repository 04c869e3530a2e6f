"""Guarantee G7: every way into an app confines alike.  attributes.c says what a
process is and may do; for each attribute its own verdict."""
import collections
import os
import pathlib
import re
import signal
import subprocess

import pytest

import images
from host import Facts, wait_until
from images import app, isolator

HERE = pathlib.Path(__file__).resolve().parent
# What differs between two processes of one app by design: each has a mount
# namespace of its own (what is in it is compared, and that it is its own).
OWN = {"ns_mnt"}
# Between two pods: their ids, names and namespaces.
OF_POD = OWN | {"ns_cgroup", "ns_ipc", "ns_net", "ns_pid", "ns_user", "ns_uts",
                "hostname", "uid_map", "gid_map", "root", "session_keyring"}
ATTRIBUTES = """fds uid gid groups sid_is_pid pgid_is_pid umask tracer
core_dumping thp sig_blk sig_ign sig_cgt cap_inh cap_prm cap_eff cap_bnd cap_amb
no_new_privs seccomp seccomp_filters speculation cpus mems ns_cgroup ns_ipc
ns_mnt ns_net ns_pid ns_time ns_user ns_uts limit dumpable securebits keepcaps
pdeathsig subreaper_and_timerslack sched nice ioprio cwd hostname root
session_keyring tty env cgroup label oom personality loginuid uid_map gid_map
setgroups coredump_filter mount special call done""".split()


@pytest.fixture(scope="module")
def program(lab):
    return lab.compile(HERE / "attributes.c")


def image(host, program, argv=("sleep",), **section):
    """The program as an app that stays, with directories to be in."""
    section.setdefault("user", "0")
    section.setdefault("group", "0")
    return host.store(images.aci(
        [images.directory("rootfs/bin"),
         images.directory("rootfs/tmp", mode=0o1777),
         images.directory("rootfs/srv"),
         images.program("rootfs/bin/attributes", program)],
        name="example.test/attributes",
        section=app("/bin/attributes", *argv, **section)))


def plain(line):
    """A line of mountinfo without what the kernel counts up."""
    fields = line.split()
    dash = fields.index("-")
    source = re.sub(r"id[0-9a-f]{16}|[0-9a-f]{16}(?=//deleted)", "ID", fields[3])
    return " ".join([source, *fields[4:dash],
                     re.sub(r"uid=\d+|gid=\d+", "", " ".join(fields[dash:]))])


def attributes(text):
    """Attribute -> list of values."""
    found = collections.defaultdict(list)
    for key, value in Facts(text):
        found[key].append(plain(value) if key == "mount" else value)
    assert found["done"], text[-2000:]
    found["env"] = [v for v in found["env"] if not v.startswith("TERM=")]
    return found


def different(one, other, but=frozenset()):
    """What differs, by attribute: a text, empty when nothing does."""
    text = []
    for name in sorted(set(one) | set(other) | set(ATTRIBUTES)):
        a, b = one.get(name), other.get(name)
        if name in but or a == b:
            continue
        gone = [v for v in a or [] if v not in (b or [])]
        new = [v for v in b or [] if v not in (a or [])]
        text.append("%s: %s became %s" % (name, gone or a, new or b))
    return "\n".join(text)


def start(host, image_id, pod=(), more=()):
    child = host.start("run", *pod, image_id, *more)
    host.wait_for(child, "done=1", timeout=60)
    return child, host.pods()[0][1], attributes(host.said(child))


def no_filter(*names):
    return isolator("os/linux/seccomp-remove-set", {"set": list(names)})


# Name -> (section of the image, flags of the pod, flags of the app).
KINDS = {
    "default": ({}, [], []),
    "user": (dict(user="1000", group="1001",
                  supplementaryGIDs=[20, 44]), [], []),
    "narrowed": (dict(isolators=[
        isolator("os/linux/capabilities-retain-set",
                 {"set": ["CAP_CHOWN", "CAP_NET_RAW"]}),
        isolator("os/linux/no-new-privileges", True),
        no_filter("mkdir", "mkdirat", "sethostname")],
        workingDirectory="/srv", environment=[{"name": "A", "value": "b c"}]),
        [], ["--readonly-rootfs=true"]),
    "limits": ({}, [], ["--memory=256M", "--cpu=500m",
                        "--oom-score-adj=300"]),
    "operator": ({}, [], ["--caps-retain=CAP_SYS_ADMIN,CAP_CHOWN"]),
    "unprotected": ({}, ["--insecure-options=all-run"], []),
    "network": ({}, ["--net=host"], []),
    "volumes": (dict(user="1000", group="1000"),
                ["--volume=data,kind=empty,mode=1777,uid=1000",
                 "--volume=conf,kind=host,source=/usr/share,readOnly=true"],
                ["--mount=volume=data,target=/srv/data",
                 "--mount=volume=conf,target=/conf"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_G7_enter_is_run(host, program, kind):
    section, pod, more = KINDS[kind]
    child, uuid, ran = start(host, image(host, program, **section), pod, more)
    assert not set(ATTRIBUTES) - set(ran), "attributes that are not looked at"
    entered = host.rkt("enter", uuid, "/bin/attributes",
                       env={"TERM": "vt100", "SECRET": "1", "PATH": "/bin"}).ok()
    assert "env=TERM=vt100" in entered.out and "SECRET" not in entered.out
    found = attributes(entered.out)
    assert different(ran, found, OWN) == ""
    own = {ran["ns_mnt"][0], found["ns_mnt"][0],
           os.readlink("/proc/self/ns/mnt")}
    assert len(own) == 3
    child.send_signal(signal.SIGTERM)
    child.wait(60)


def test_G7_surroundings_of_the_caller(host, program):
    """What the caller of enter is, it does not hand on: limits, priority, mask,
    affinity, groups, signals, oom score, keyring, directory, descriptors."""
    child, uuid, ran = start(host, image(host, program))

    def odd():
        import resource
        os.setgroups([5, 6, 7])
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 4000))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
        os.nice(5)
        os.umask(0o077)
        os.sched_setaffinity(0, [0])
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as f:
            f.write("500")
        for fd in range(20, 70):
            os.dup2(0, fd)
            os.set_inheritable(fd, True)

    done = subprocess.run(host.argv("enter", uuid, "/bin/attributes"),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          preexec_fn=odd, close_fds=False, cwd="/tmp",
                          timeout=60, check=False)
    assert done.returncode == 0
    assert different(ran, attributes(done.stdout.decode()), OWN) == ""
    child.terminate()
    child.wait(60)


@pytest.mark.parametrize("kind", ["default", "user", "narrowed"])
def test_G7_event_handlers_are_run(host, program, kind):
    """pre-start and post-stop, which rkt ran with all of the pod's rights."""
    section, pod, more = KINDS[kind]
    handlers = [{"name": name, "exec": ["/bin/attributes"]}
                for name in ("pre-start", "post-stop")]
    r = host.run(image(host, program, eventHandlers=handlers, argv=[], **section),
                 pod=pod, app=more).ok()
    parts = re.split(r"(?<=done=1)\r?\n", r.out)[:3]
    before, ran, behind = (attributes(part) for part in parts)
    # They are no leaders of a session: the console stays the app's.  systemd
    # gives ExecStartPre= and ExecStopPost= a cgroup below the unit's.
    but = OWN | {"cgroup", "sid_is_pid", "pgid_is_pid"}
    assert different(ran, before, but) == ""
    assert different(ran, behind, but) == ""
    for other in (before, behind):
        for mine, its in zip(ran["cgroup"], other["cgroup"]):
            assert its in (mine, mine + "/.control"), other["cgroup"]


@pytest.mark.parametrize("kind", ["default", "user", "narrowed", "operator"])
def test_G7_run_prepared_is_run(host, program, kind):
    """Two pods, of which one waited, are alike but for what is a pod's own."""
    section, pod, more = KINDS[kind]
    image_id = image(host, program, **section)
    child, _, ran = start(host, image_id, pod, more)
    child.terminate()
    child.wait(60)
    for _, uuid in host.pods():
        host.rkt("rm", uuid)
    uuid = host.rkt("prepare", *pod, image_id, *more).ok().out.split()[-1]
    child = host.start("run-prepared", uuid)
    host.wait_for(child, "done=1", timeout=60)
    found = attributes(host.said(child))
    # systemd-nspawn mounts the hierarchies of cgroups as its hash has them.
    ran["mount"], found["mount"] = sorted(ran["mount"]), sorted(found["mount"])
    assert different(ran, found, OF_POD) == ""
    child.terminate()
    child.wait(60)


def caps_of(found):
    return [found["cap_" + name] for name in ("inh", "prm", "eff", "bnd", "amb")]


def test_cve_2019_10144_capabilities(host, program):
    """rkt enter gave the command all capabilities."""
    keep = [isolator("os/linux/capabilities-retain-set", {"set": ["CAP_NET_RAW"]})]
    child, uuid, ran = start(host, image(host, program, isolators=keep))
    found = attributes(host.rkt("enter", uuid, "attributes").ok().out)
    assert caps_of(found) == caps_of(ran)
    assert found["cap_bnd"] == ["%016x" % (1 << 13)]
    # Not only the command: nothing that entering starts in the pod has more
    # than the app while it is where the app could trace it.
    assert found["dumpable"] == ["1"] and found["tracer"] == ["0"]
    child.terminate()
    child.wait(60)


def test_cve_2019_10145_seccomp(host, program):
    """rkt enter had no filter."""
    child, uuid, ran = start(host, image(
        host, program, isolators=[no_filter("mkdir", "mkdirat")]))
    found = attributes(host.rkt("enter", uuid, "attributes").ok().out)
    assert found["seccomp"] == ["2"]
    for name in ("seccomp_filters", "call", "special"):
        assert different({name: ran[name]}, {name: found[name]},
                         set(ATTRIBUTES) - {name}) == ""
    calls = dict(v.split() for v in found["call"])
    assert calls["165"] == "1"          # mount: EPERM
    assert calls["83"] == calls["258"]  # mkdir, mkdirat: what was asked for
    assert int(calls["83"]) in (1, 1031)
    child.terminate()
    child.wait(60)


def v1_groups(text):
    return {line.split(":")[1]: line.split(":")[2] for line in text}


def test_cve_2019_10147_cgroups(host, program):
    """rkt enter ran outside of the pod's cgroups: no limit, no device list."""
    child, uuid, ran = start(host, image(host, program), more=["--memory=128M"])
    entering = host.start("enter", uuid, "/bin/attributes", "sleep")
    host.wait_for(entering, "done=1", timeout=60)
    assert attributes(host.said(entering))["cgroup"] == ran["cgroup"]
    # As the host sees it, where no namespace hides the beginning of a path.
    seen = {}
    for pid, words in host.lab.cgroup.processes():
        if words.startswith("/bin/attributes"):
            with open("/proc/%d/cgroup" % pid, encoding="ascii") as f:
                seen[pid] = f.read()
    assert len(seen) == 2 and len(set(seen.values())) == 1, seen
    text = next(iter(seen.values()))
    assert text.count(uuid) >= 2
    entering.terminate()
    child.terminate()
    child.wait(60)


def test_cve_2019_10147_fork_bomb(host):
    """What a command may start counts with its pod's processes."""
    host.policy("pids-max 60\n")
    child = host.start("run", host.store(), "--", "say", "ready", "sleep", "600")
    host.wait_for(child, "say=ready")
    uuid = host.pods()[0][1]
    said = host.rkt("enter", uuid, "/bin/guest", "forks", "500").ok().out
    n, word = re.search(r"forks=(\d+) (\w+)", said).groups()
    assert word == "EAGAIN" and int(n) < 60
    # And where there is room for none, it is said, and the pod lives.
    busy = host.start("enter", uuid, "/bin/guest", "ignore", "forks", "500",
                      "sleep", "60")
    host.wait_for(busy, "forks=")
    assert host.rkt("enter", uuid, "/bin/guest", "exit", "3").code in (3, 254)
    busy.kill()
    assert child.poll() is None
    child.terminate()
    child.wait(60)


def with_app_add(host, image_id, pod, more):
    """The same as an app that is added to a sandbox: the sandbox, and what it
    and the start of the app printed."""
    env = {"RKT_EXPERIMENT_APP": "true", "PATH": os.environ["PATH"]}
    volumes = {flag.split("=", 1)[1].split(",")[0]: flag.split("=", 1)[1]
               for flag in pod if flag.startswith("--volume=")}
    mounts = [re.match("--mount=volume=(.*),target=(.*)", flag)
              for flag in more if flag.startswith("--mount=")]
    flags = [flag for flag in more if not flag.startswith("--mount=")] + [
        "--mnt-volume=%s,target=%s" % (volumes[m[1]], m[2]) for m in mounts]
    anywhere = [flag for flag in pod if flag.startswith("--insecure")]
    child = host.start("app", "sandbox", *anywhere,
                       *[f for f in pod if f.startswith("--net")], env=env)
    uuid = wait_until(lambda: [u for s, u in host.pods() if s == "run"])[0]
    host.rkt("status", "--wait-ready=60s", uuid).ok()
    host.rkt("app", "add", *anywhere, uuid, image_id, *flags, env=env).ok()
    host.rkt("app", "start", uuid, "--app=attributes", env=env).ok()
    host.wait_for(child, "done=1", timeout=60)
    return child, uuid, attributes(host.said(child))


@pytest.mark.parametrize("kind", KINDS)
def test_G7_app_add_is_run(host, program, kind):
    """An app that came later, and a command in it, are what run makes of the
    image: the one confinement."""
    section, pod, more = KINDS[kind]
    image_id = image(host, program, **section)
    child, uuid, ran = start(host, image_id, pod, more)
    child.terminate()
    child.wait(60)
    host.rkt("rm", uuid).ok()
    child, uuid, found = with_app_add(host, image_id, pod, more)
    entered = attributes(host.rkt("enter", uuid, "/bin/attributes").ok().out)
    assert different(found, entered, OWN) == ""
    # Its empty volume has a place of its own, which is not the overlay's.
    empty = [m for m in found["mount"] if " /srv/data " in m]
    assert all("nosuid,nodev" in m for m in empty)
    for attrs in (ran, found):
        attrs["mount"] = sorted(m for m in attrs["mount"]
                                if " /srv/data " not in m)
    assert different(ran, found, OF_POD) == ""
    host.rkt("stop", uuid).ok()
    assert child.wait(60) == 0
