#!/usr/bin/env python3
"""bench.py PREFIX OUT.json: how fast, as ratios against peers doing the same
work on the same machine in the same run (hyperfine, medians).  Everything is
on a tmpfs of its own; everything is taken away at the end."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PREFIX, OUT = sys.argv[1:3]
RKT = os.path.join(PREFIX, "bin/rkt")
BASE = 0x6ffe0000
ENV = dict(os.environ, LC_ALL="C")


def run(*argv, **kw):
    return subprocess.run(argv, check=True, capture_output=True, text=True,
                          env=ENV, **kw).stdout


def hyperfine(commands, rounds=5, runs=3, prepare=None):
    """{name: median seconds}; each command is a shell line.  In rounds, so that
    what else the machine does falls on all of them alike."""
    times = {name: [] for name in commands}
    for _ in range(rounds):
        with tempfile.NamedTemporaryFile(suffix=".json") as f:
            argv = ["hyperfine", "--shell=sh", "--warmup", "1", "--runs", str(runs),
                    "--export-json", f.name, "--style", "none"]
            if prepare:
                argv += ["--prepare", prepare]
            for name, line in commands.items():
                argv += ["--command-name", name, line]
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, env=ENV)
            for r in json.load(open(f.name))["results"]:
                times[r["command"]] += r["times"]
    return {name: statistics.median(t) for name, t in times.items()}


def make_noop(top):
    c = os.path.join(top, "noop.c")
    with open(c, "w") as f:
        f.write("int main(void) { return 0; }\n")
    run("gcc", "-static", "-O1", "-o", os.path.join(top, "noop"), c)


def make_image(top, name, size):
    """An ACI of about size bytes of real files from /usr, and the no-op."""
    d = os.path.join(top, "img-" + name)
    os.makedirs(os.path.join(d, "rootfs/data"))
    shutil.copy(os.path.join(top, "noop"), os.path.join(d, "rootfs/noop"))
    total = 0
    for base, _, files in sorted(os.walk("/usr")):
        for f in sorted(files):
            path = os.path.join(base, f)
            if os.path.islink(path) or total > size:
                continue
            to = d + "/rootfs/data" + base
            os.makedirs(to, exist_ok=True)
            shutil.copyfile(path, os.path.join(to, f))
            total += os.path.getsize(path)
        if total > size:
            break
    with open(os.path.join(d, "manifest"), "w") as f:
        json.dump({"acKind": "ImageManifest", "acVersion": "0.8.11",
                   "name": "bench.test/" + name,
                   "labels": [{"name": "os", "value": "linux"},
                              {"name": "arch", "value": "amd64"}],
                   "app": {"exec": ["/noop"], "user": "0", "group": "0"}}, f)
    aci = os.path.join(top, name + ".aci")
    run("tar", "-C", d, "--sort=name", "--owner=0", "--group=0", "--numeric-owner",
        "-czf", aci, "manifest", "rootfs")
    shutil.rmtree(d)
    run("gpg", "--batch", "--yes", "--armor", "--detach-sign", "-o", aci + ".asc", aci)
    return aci


def bare_tree(top):
    """The stage1 tree with a unit of its own that runs the no-op and ends."""
    tree = os.path.join(top, "bare")
    run("cp", "-a", os.path.join(PREFIX, "lib/rkt/stage1/nspawn/rootfs"), tree)
    shutil.copy(os.path.join(top, "noop"), os.path.join(tree, "noop"))
    unit = os.path.join(tree, "etc/systemd/system/noop.service")
    with open(unit, "w") as f:
        f.write("[Unit]\nDefaultDependencies=no\nSuccessAction=exit-force\n"
                "FailureAction=exit-force\nAfter=systemd-journald.service\n"
                "Requires=systemd-journald.service\n[Service]\nExecStart=/noop\n"
                "StandardOutput=journal+console\n")
    os.symlink("../noop.service",
               os.path.join(tree, "etc/systemd/system/default.target.wants/noop.service"))
    run("chown", "-R", "-h", "%d:%d" % (BASE, BASE), tree)
    return tree


def bare(tree):
    """The shell line that runs it, isolated as our pods are."""
    return ("systemd-nspawn --quiet --boot --register=no --keep-unit --settings=no "
            "--private-network --resolv-conf=off --timezone=off --link-journal=no "
            "--private-users=%d:65536 --private-users-ownership=off --directory=%s "
            "--console=pipe </dev/null >/dev/null 2>&1" % (BASE, tree))


def launcher_peak(rkt, aci):
    """Largest resident memory of the launcher process during a fetch, KiB."""
    p = subprocess.Popen(rkt + ["fetch", aci], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    peak = 0
    while p.poll() is None:
        try:
            text = open("/proc/%d/status" % p.pid).read()
            if "VmHWM:" in text:
                peak = max(peak, int(text.split("VmHWM:")[1].split()[0]))
        except (OSError, IndexError):
            pass
        time.sleep(0.005)
    return peak


def measure(top):
    os.environ["GNUPGHOME"] = ENV["GNUPGHOME"] = os.path.join(top, "gpg")
    os.mkdir(ENV["GNUPGHOME"], 0o700)
    run("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key",
        "Bench <bench@bench.test>", "ed25519", "sign")
    key = os.path.join(top, "key.asc")
    with open(key, "w") as f:
        f.write(run("gpg", "--armor", "--export"))
    make_noop(top)
    sizes = {"5": 5 << 20, "60": 60 << 20, "300": 300 << 20}
    acis = {n: make_image(top, "i" + n, size) for n, size in sizes.items()}
    rkt = [RKT, "--dir=" + os.path.join(top, "data"),
           "--local-config=" + os.path.join(top, "conf")]
    run(*rkt, "trust", "--prefix=bench.test", "--skip-fingerprint-review", key)
    ids = {n: run(*rkt, "fetch", "--full", aci).strip() for n, aci in acis.items()}
    line = " ".join(rkt)
    result = {}

    gc = line + " gc --grace-period=0s >/dev/null 2>&1"
    tree = bare_tree(top)
    r = hyperfine({"bare": bare(tree),
                   "rkt": "%s run %s </dev/null >/dev/null 2>&1" % (line, ids["5"]),
                   "rkt300": "%s run %s </dev/null >/dev/null 2>&1" % (line, ids["300"])},
                  prepare=gc)
    result["run a no-op: rkt / bare nspawn --boot"] = (r["rkt"], r["bare"], 1.15)
    result["run a no-op: 300 MB image / 5 MB image"] = (r["rkt300"], r["rkt"], 1.05)

    for n in ("60", "300"):
        clean = ("rm -rf %s/x %s/data2; mkdir %s/x" % (top, top, top))
        rkt2 = "%s --dir=%s/data2 --local-config=%s/conf" % (RKT, top, top)
        r = hyperfine({
            "rkt": "%s fetch %s >/dev/null 2>&1" % (rkt2, acis[n]),
            "hand": "gpg --verify %s.asc %s 2>/dev/null && tar -C %s/x -xzf %s" %
                    (acis[n], acis[n], top, acis[n])}, rounds=3, runs=2, prepare=clean)
        result["fetch %s MB: rkt / gpg --verify + tar -x" % n] = (r["rkt"], r["hand"], 1.2)
    subprocess.run(gc, shell=True)
    peak = launcher_peak([RKT, "--dir=%s/data3" % top, "--local-config=%s/conf" % top],
                         acis["300"])
    return result, peak


def main():
    top = tempfile.mkdtemp(prefix="rkt-bench-")
    os.chmod(top, 0o755)
    run("mount", "-t", "tmpfs", "-o", "mode=0755,size=8g", "bench", top)
    try:
        result, peak = measure(top)
        print("%-48s %9s %9s %7s %6s" % ("what", "ours s", "peer s", "ratio", "aim"))
        for what, (ours, peer, aim) in result.items():
            print("%-48s %9.3f %9.3f %7.2f %6.2f" % (what, ours, peer, ours / peer, aim))
        print("%-48s %7d KiB %15s %d" % ("launcher's peak resident memory", peak, "aim", 4096))
        with open(OUT, "w") as f:
            json.dump({"ratios": {k: v[0] / v[1] for k, v in result.items()},
                       "seconds": result, "launcher_kib": peak}, f, indent=1)
    finally:
        subprocess.run(["gpgconf", "--kill", "gpg-agent"],
                       env=dict(ENV, GNUPGHOME=os.path.join(top, "gpg")))
        subprocess.run(["umount", "-l", top])
        os.rmdir(top)


if __name__ == "__main__":
    main()
