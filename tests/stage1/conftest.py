import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import podlib  # noqa: E402

OUT = os.environ.get("RKT_STAGE1_BUILD", "/tmp/b-stage1")


@pytest.fixture(scope="session")
def built():
    return podlib.build(OUT)


@pytest.fixture
def make(built, tmp_path):
    """make({app: words or fields}, image={app: make_image's arguments}) -> Pod"""
    stage1, program, probe = built
    pods = []

    def go(apps, image=None):
        pod = podlib.Pod(stage1, program)
        pods.append(pod)
        for n, (name, fields) in enumerate(apps.items()):
            if not isinstance(fields, dict):
                fields = dict(exec=["/probe"] + list(fields))
            fields.setdefault("exec", ["/probe"])
            where = str(tmp_path / ("image-%d-%d" % (len(pods), n)))
            podlib.make_image(where, probe, **(image or {}).get(name, {}))
            pod.add(where, name=name, **fields)
        return pod

    yield go
    for p in pods:
        p.remove()
