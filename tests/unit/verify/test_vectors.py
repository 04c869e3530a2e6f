"""Every vector of tests/vectors/openpgp, through the real worker in its real
sandbox: the verdict must be the golden one, and the digest the image's."""
import hashlib
import json
import os

import pytest

import verify_worker as worker

VECTORS = os.path.join(worker.TOP, "tests", "vectors", "openpgp")
GOLDEN = json.load(open(os.path.join(VECTORS, "golden.json")))

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root"),
    pytest.mark.skipif(not os.path.exists(worker.binary()),
                       reason="verify is not built (set RKT_BUILD)"),
]


def path(*parts):
    return os.path.join(VECTORS, *parts)


def run(row):
    return worker.check(path(row["image"]), path(row["signature"]), row["name"],
                        GOLDEN["now"], path("system"), path("local"))


@pytest.mark.parametrize("vector", sorted(GOLDEN["vectors"]))
def test_verdict_is_golden(vector):
    row = GOLDEN["vectors"][vector]
    reply, status = run(row)
    assert reply is not None, "no answer, exit %d" % status
    if row["code"] == 0:
        assert reply.name == "VERDICT", reply.fields
        image = open(path(row["image"]), "rb").read()
        assert reply.fields["raw"] == hashlib.sha512(image).hexdigest()
        assert sorted(reply.fields["signers"]) == row["signers"]
        assert len(reply.fields["identities"]) == len(row["signers"])
        assert 0 < reply.fields["signed_at"] <= GOLDEN["now"] + 300
        assert status == 0
    else:
        assert reply.name == "VERIFY_FAILED", reply.fields
        assert reply.fields["code"] == row["code"], reply.fields
        assert status == 1
