#!/usr/bin/env python3
"""Time to the app's first instruction and of a whole run: stage1-nspawn and
all that follows, against bare `systemd-nspawn --boot` of the same tree with
the same user namespace and the app as a plain unit.  bench.py [RUNS]"""
import os
import re
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import podlib  # noqa: E402

UNIT = """[Unit]
Description=bare
DefaultDependencies=no
Requires=systemd-journald.socket
Wants=systemd-journald.service
After=systemd-journald.socket
SuccessAction=exit-force
FailureAction=exit-force
[Service]
ExecStart=/opt/stage2/hello/rootfs/probe time
StandardOutput=tty
TTYPath=/dev/console
"""


class Timed(podlib.Pod):
    bare = False

    def _mounts(self):
        super()._mounts()
        root = self.path("stage1/rootfs")
        if self.bare:
            with open(root + "/etc/systemd/system/bare.service", "w") as f:
                f.write(UNIT)
            os.symlink("../bare.service", root +
                       "/etc/systemd/system/default.target.wants/bare.service")
            os.makedirs("/run/systemd/nspawn", exist_ok=True)
            podlib.mount("tmpfs", "/run/systemd/nspawn", "tmpfs", 0)
        self.execve, os.execve = os.execve, self._exec

    def _exec(self, program, argv, env):
        if self.bare:
            program = "/usr/bin/systemd-nspawn"
            argv = [program, "--boot", "--quiet", "--settings=no", "--register=no",
                    "--keep-unit", "--private-users=%d:65536" % self.base,
                    "--private-users-ownership=off", "--private-network",
                    "--machine=rkt-" + self.uuid, "--uuid=" + self.uuid,
                    "--link-journal=no", "--resolv-conf=off", "--timezone=off",
                    "--console=read-only", "--directory=" + self.path("stage1/rootfs")]
            env = {"PATH": "/usr/bin:/bin", "SYSTEMD_LOG_LEVEL": "err",
                   "SYSTEMD_NSPAWN_LOCK": "0"}
        os.write(1, b"exec %.6f\n" % time.monotonic())
        self.execve(program, argv, env)


def once(built, image, bare):
    with Timed(built[0], built[1]) as pod:
        pod.bare = bare
        pod.add(image, exec=["/probe", "time"])
        r = pod.run()
        end = time.monotonic()
        begin = float(re.search(r"exec ([\d.]+)", r.text).group(1))
        main = float(re.search(r"main ([\d.]+)", r.text).group(1))
        return 1000 * (main - begin), 1000 * (end - begin)


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    out = os.environ.get("RKT_STAGE1_BUILD", "/tmp/b-stage1")
    built = podlib.build(out)
    image = out + "/bench-image"
    if not os.path.isdir(image):
        podlib.make_image(image, built[2])
    got = {False: [], True: []}
    for _ in range(runs):
        for bare in (False, True):
            got[bare].append(once(built, image, bare))
    for bare in (True, False):
        first, whole = ([t[i] for t in got[bare]] for i in (0, 1))
        print("%-14s to main: median %.0f min %.0f   whole: median %.0f min %.0f ms"
              % ("bare nspawn" if bare else "stage1", statistics.median(first),
                 min(first), statistics.median(whole), min(whole)))


main()
