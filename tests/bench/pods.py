#!/usr/bin/env python3
"""pods.py PREFIX OUT.json: pods against podman, many pods against few, and
fetching against skopeo, umoci and podman, as ratios on the same machine in the
same run.  Everything is on a tmpfs of its own and taken away at the end.

podman runs with crun, which refuses hosts whose cgroups are hybrid: where they
are, all of this runs in a mount namespace without the second version of them
(bench.mk makes it).
"""
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import bench
from bench import ENV, RKT, hyperfine, run

QUIET = " </dev/null >/dev/null 2>&1"
MANY = 1000


def oci(top, name, layer, kind):
    """An OCI layout with one layer, which is a compressed tar."""
    to = os.path.join(top, name)
    blobs = os.path.join(to, "blobs/sha256")
    os.makedirs(blobs)

    def put(data):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as f:
            f.write(data)
        return {"digest": "sha256:" + digest, "size": len(data)}
    with open(layer, "rb") as f:
        data = f.read()
    plain = gzip.decompress(data) if kind == "gzip" else run_bytes(
        "zstd", "-dc", layer)
    config = put(json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Cmd": ["/rootfs/noop"]},
        "rootfs": {"type": "layers", "diff_ids": [
            "sha256:" + hashlib.sha256(plain).hexdigest()]}}).encode())
    v1 = "application/vnd.oci.image."
    manifest = put(json.dumps({
        "schemaVersion": 2, "mediaType": v1 + "manifest.v1+json",
        "config": {"mediaType": v1 + "config.v1+json", **config},
        "layers": [{"mediaType": v1 + "layer.v1.tar+" + kind,
                    **put(data)}]}).encode())
    with open(os.path.join(to, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [
            {"mediaType": v1 + "manifest.v1+json", **manifest,
             "annotations": {"org.opencontainers.image.ref.name": "x"}}]}, f)
    with open(os.path.join(to, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    return to


def run_bytes(*argv):
    return subprocess.run(argv, check=True, capture_output=True,
                          env=ENV).stdout


def podman(top):
    return ("podman --root %s/podman --runroot %s/podman-run --runtime=crun "
            "--storage-driver=overlay --cgroup-manager=cgroupfs "
            "--events-backend=none" % (top, top))


# Limits of files and processes that this root may set.
OPTIONS = " --network=none --ulimit nofile=1024:1024 " \
    "--ulimit nproc=1024:1024 "


def tree_of(pid):
    """A process and all below it."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as f:
                    parent = f.read().rsplit(")", 1)[1].split()[1]
                children.setdefault(int(parent), []).append(int(name))
            except (OSError, IndexError):
                pass
    found = [pid]
    for at in found:
        found += children.get(at, [])
    return found


def peak(argv):
    """The most memory that a command and all its processes had together, MiB:
    the sum of their proportional shares, looked at all the time."""
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, env=ENV,
                             stderr=subprocess.DEVNULL, shell=True)
    most = 0
    while child.poll() is None:
        total = 0
        for pid in tree_of(child.pid):
            try:
                with open("/proc/%d/smaps_rollup" % pid) as f:
                    text = f.read()
                total += int(text.split("\nPss:")[1].split()[0])
            except (OSError, IndexError):
                pass
        most = max(most, total)
    if child.returncode != 0:
        raise RuntimeError(argv)
    return most / 1024


# --- pods --------------------------------------------------------------------


def single(result, line, image, top):
    """One pod, and of five apps, against podman's and a bare nspawn."""
    p = podman(top)
    run("tar", "-C", top, "-cf", top + "/noop.tar", "noop", "wait")
    subprocess.run(p + " import %s/noop.tar bench:noop" % top + QUIET,
                   shell=True, check=True)
    five = " --- ".join("%s --name=a%d" % (image, i) for i in range(5))
    theirs = ("{0} pod create --infra=false --name five; for i in 1 2 3 4 5; do "
              "{0} create --pod five" + OPTIONS + "bench:noop /noop; done; "
              "{0} pod start five; {0} wait $({0} ps -aq --filter pod=five); "
              "{0} pod rm -f five").format(p)
    r = hyperfine({
        "one": "%s run %s" % (line, image) + QUIET,
        "five": "%s run %s" % (line, five) + QUIET,
        "bare": bench.bare(bench.bare_tree(top)),
        "podman": p + " run --rm" + OPTIONS + "bench:noop /noop" + QUIET,
        "podman5": "{ %s; }" % theirs + QUIET},
        prepare=line + " gc --grace-period=0s" + QUIET)
    result["run a no-op / podman run"] = (r["one"], r["podman"])
    result["run a no-op / bare nspawn --boot"] = (r["one"], r["bare"])
    result["run five apps / run one"] = (r["five"], r["one"])
    result["run five apps / a podman pod of five"] = (r["five"], r["podman5"])


def inside(result, line, image, top):
    """What is asked of a pod that runs."""
    p = podman(top)
    pod = subprocess.Popen("exec %s run --uuid-file-save=%s/uuid %s --exec=/wait"
                           % (line, top, image) + QUIET, shell=True)
    for _ in range(200):
        time.sleep(.05)
        if subprocess.run("%s enter $(cat %s/uuid) /noop" % (line, top) + QUIET,
                          shell=True, check=False).returncode == 0:
            break
    subprocess.run(p + " run -d --name waits" + OPTIONS + "bench:noop /wait" +
                   QUIET, shell=True, check=True)
    pid = int(run("pgrep", "-o", "-f", "-x", "/wait"))
    r = hyperfine({
        "run": "%s run %s" % (line, image) + QUIET,
        "enter": "%s enter $(cat %s/uuid) /noop" % (line, top) + QUIET,
        "exec": p + " exec waits /noop" + QUIET,
        "nsenter": "nsenter -t %d -m -u -i -n -p -C /noop" % pid + QUIET,
        "list": line + " list" + QUIET,
        "ps": p + " ps" + QUIET,
        "status": "%s status $(cat %s/uuid)" % (line, top) + QUIET,
        "inspect": p + " inspect waits" + QUIET})
    result["enter / podman exec"] = (r["enter"], r["exec"])
    result["enter / nsenter, which confines nothing"] = (r["enter"],
                                                         r["nsenter"])
    result["enter / run"] = (r["enter"], r["run"])
    result["list / podman ps"] = (r["list"], r["ps"])
    result["status / podman inspect"] = (r["status"], r["inspect"])
    subprocess.run(p + " rm -f -t 0 waits" + QUIET, shell=True, check=True)
    pod.terminate()
    pod.wait(30)


def many(result, line, image, top):
    """list, status and gc with 1, 100 and 1000 pods."""
    subprocess.run(line + " gc --grace-period=0s" + QUIET, shell=True,
                   check=True)
    seconds = {}
    made = 0
    for n in 1, 100, MANY:
        while made < n:
            subprocess.run("%s prepare %s" % (line, image) + QUIET, shell=True,
                           check=True)
            made += 1
        uuid = os.listdir(os.path.join(top, "data/pods/prepared"))[0]
        seconds[n] = hyperfine({
            "list": line + " list" + QUIET,
            "status": line + " status " + uuid + QUIET})
    for what in "list", "status":
        result["%s of 100 pods / of 1" % what] = (seconds[100][what],
                                                  seconds[1][what])
        result["%s of 1000 pods / of 1" % what] = (seconds[MANY][what],
                                                   seconds[1][what])
    began = time.monotonic()
    subprocess.run(line + " gc --expire-prepared=0s --grace-period=0s" + QUIET,
                   shell=True, check=True)
    each = (time.monotonic() - began) / MANY
    assert not os.listdir(os.path.join(top, "data/pods/prepared"))
    result["gc, each of 1000 pods / list of 1"] = (each, seconds[1]["list"])
    return seconds[MANY]["list"]


def at_once(result, line, image, top):
    """A hundred starts at the same moment, where there is room for so many
    inotify instances of root's: three for each."""
    with open("/proc/sys/fs/inotify/max_user_instances",
              encoding="ascii") as f:
        if int(f.read()) < 400:
            print("100 runs at once: fs.inotify.max_user_instances is below "
                  "400")
            return
    def all_at_once(command, n=100):
        began = time.monotonic()
        children = [subprocess.Popen(command, shell=True) for _ in range(n)]
        bad = sum(c.wait() != 0 for c in children)
        if bad:
            raise RuntimeError("%d of %d failed: %s" % (bad, n, command))
        return (time.monotonic() - began) / n
    run_rkt = "exec %s run %s" % (line, image) + QUIET
    ours = all_at_once(run_rkt)
    subprocess.run(line + " gc --grace-period=0s" + QUIET, shell=True,
                   check=True)
    theirs = all_at_once("exec " + podman(top) + " run --rm" + OPTIONS +
                         "bench:noop /noop" + QUIET)
    result["100 runs at once, each / podman's"] = (ours, theirs)
    result["100 runs at once, each / one alone"] = (
        ours, result["run five apps / run one"][1])


# --- images ------------------------------------------------------------------


def fetches(result, memory, top):
    """The same content as an ACI and as an OCI image, gzip and zstd."""
    p = podman(top)
    for mib in 5, 60, 300:
        aci = bench.make_image(top, "f%d" % mib, mib << 20)
        for kind in "gzip", "zstd":
            name = "f%d-%s" % (mib, kind)
            image = "%s/%s.aci" % (top, name)
            if kind == "gzip":
                shutil.copy(aci, image)
            else:
                with open(image, "wb") as f:
                    f.write(run_bytes("sh", "-c", "gzip -dc %s | zstd -3 -c"
                                      % aci))
            run("gpg", "--batch", "--yes", "--armor", "--detach-sign", "-o",
                image + ".asc", image)
            layout = oci(top, "oci-" + name, image, kind)
            clean = ("rm -rf {0}/d2 {0}/o2 {0}/u2; %s rmi -af" % p +
                     QUIET).format(top)
            fetch = ("%s --dir=%s/d2 --local-config=%s/conf fetch %s" % (
                RKT, top, top, image)) + QUIET
            commands = {"rkt": fetch, "podman": "%s pull oci:%s:x" % (
                p, layout) + QUIET}
            if kind == "gzip":  # umoci 0.4.7 knows no other
                commands["umoci"] = (
                    "skopeo copy oci:{0}:x oci:{1}/o2:x >/dev/null && "
                    "umoci unpack --image {1}/o2:x {1}/u2").format(
                        layout, top) + QUIET
            r = hyperfine(commands, rounds=2, runs=2, prepare=clean)
            what = "fetch %d MB %s / " % (mib, kind)
            result[what + "podman pull oci:"] = (r["rkt"], r["podman"])
            if kind == "gzip":
                result[what + "skopeo copy, umoci unpack"] = (r["rkt"],
                                                              r["umoci"])
            for who, command in commands.items():
                subprocess.run(clean, shell=True, check=False)
                memory["%s %d MB %s" % (who, mib, kind)] = peak(command)
            subprocess.run(clean, shell=True, check=False)
            shutil.rmtree(layout)
            os.unlink(image)


def prepare(top):
    """Keys, and the image of the no-op with a program that waits."""
    ENV["GNUPGHOME"] = os.path.join(top, "gpg")
    os.environ["GNUPGHOME"] = ENV["GNUPGHOME"]
    os.mkdir(ENV["GNUPGHOME"], 0o700)
    run("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key",
        "Bench <bench@bench.test>", "ed25519", "sign")
    key = os.path.join(top, "key.asc")
    with open(key, "w") as f:
        f.write(run("gpg", "--armor", "--export"))
    bench.make_noop(top)
    with open(top + "/wait.c", "w") as f:
        f.write("#include <unistd.h>\nint main(void)\n{\n\tfor (;;)\n"
                "\t\tpause();\n}\n")
    run("gcc", "-static", "-O1", "-o", top + "/wait", top + "/wait.c")
    work = ["--work-path=" + top + "/work"]
    build = [os.path.join(bench.PREFIX, "bin/rkt-build"), *work]
    for words in (["begin"], ["set-name", "bench.test/noop"],
                  ["copy", top + "/noop", "/noop"],
                  ["copy", top + "/wait", "/wait"], ["set-exec", "--", "/noop"],
                  ["write", top + "/noop.aci"], ["end"]):
        run(*build, *words)
    run("gpg", "--batch", "--armor", "--detach-sign", "-o",
        top + "/noop.aci.asc", top + "/noop.aci")
    rkt = [RKT, "--dir=" + top + "/data", "--local-config=" + top + "/conf"]
    run(*rkt, "trust", "--prefix=bench.test", "--skip-fingerprint-review", key)
    return " ".join(rkt), run(*rkt, "fetch", "--full", top + "/noop.aci").strip()


class Rows(dict):
    """Figures, each printed as it is known."""

    def __setitem__(self, what, value):
        super().__setitem__(what, value)
        if isinstance(value, tuple):
            print("%-58s %9.4f %9.4f %7.2f" % (
                what, *value, value[0] / value[1]), flush=True)
        else:
            print("%-58s %9.1f MiB, all processes together" % (what, value),
                  flush=True)


def main():
    top = tempfile.mkdtemp(prefix="rkt-bench-")
    os.chmod(top, 0o755)
    run("mount", "-t", "tmpfs", "-o", "mode=0755,size=12g", "bench", top)
    result, memory, line = Rows(), Rows(), "true"
    print("%-58s %9s %9s %7s" % ("what", "ours s", "peer s", "ratio"))
    try:
        line, image = prepare(top)
        single(result, line, image, top)
        inside(result, line, image, top)
        print("list of %d pods: %.0f ms, aim 100" % (
            MANY, 1000 * many(result, line, image, top)))
        at_once(result, line, image, top)
        fetches(result, memory, top)
        with open(sys.argv[2], "w") as f:
            json.dump({"seconds": result, "memory_mib": memory}, f, indent=1)
    finally:
        subprocess.run(line + " gc --grace-period=0s" + QUIET, shell=True,
                       check=False)
        subprocess.run(podman(top) + " rm -af" + QUIET, shell=True,
                       check=False)
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=ENV,
                       check=False)
        subprocess.run(["umount", "-R", "-l", top], check=False)
        os.rmdir(top)


if __name__ == "__main__":
    main()
