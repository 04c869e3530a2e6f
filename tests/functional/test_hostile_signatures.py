"""Signatures that must not count.  (Every OpenPGP vector by itself is in
tests/unit/verify; here: the ones that people meet, through the whole rkt.)"""
import os
import random

import pytest

import images


@pytest.fixture(scope="session")
def bad_keys(lab):
    """Keys with a past, made once."""
    ring = lab.ring
    expired = ring.new("Expired <e@example.test>", when="20200101T000000",
                       expire="30d")
    revoked = ring.new("Revoked <r@example.test>")
    signed = images.aci(name="example.test/app")
    before = revoked.sign(signed)
    revoked.revoke()
    small = ring.new("Small <s@example.test>", algo="rsa2048")
    return {"expired": (expired, expired.sign(signed, when="20200110T000000")),
            "revoked": (revoked, before), "small": (small, small.sign(signed))}


IMAGE = images.aci(name="example.test/app")


@pytest.mark.parametrize("kind, said", [
    ("expired", "expired"), ("revoked", "revoked"), ("small", "")])
def test_signature_by_a_bad_key(host, bad_keys, kind, said):
    key, signature = bad_keys[kind]
    host.trust(key)
    host.rkt("fetch", host.write(IMAGE, signature)).refused(said)
    host.nothing_stored()


def signatures(lab):
    """Name -> signature file; none is good for IMAGE."""
    key = lab.publisher
    good = key.sign(IMAGE)
    other = images.aci(name="example.test/app", version="2.0")
    return {
        "empty": b"",
        "text": b"good\n",
        "truncated": good[:-60],
        "cut-in-half": good[:len(good) // 2],
        "of-another-image": key.sign(other),
        "CVE-2022-36056-of-the-empty-file": key.sign(b""),
        "of-the-manifest": key.sign(images.manifest(name="example.test/app")),
        "of-the-compressed-image": key.sign(images.compress(IMAGE, "gz")),
        "CVE-2025-68972-clear-signed": key.clear_sign(b"text\n"),
        "CVE-2006-0049-inline": key.inline(IMAGE),
        "trailing-junk": good + b"junk\n",
        "leading-junk": b"junk\n" + good,
        "two-blocks": good + good,
        "other-signs-too": good + lab.other.sign(IMAGE),
        "sha1": key.sign(IMAGE, digest="SHA1"),
        "expired": lab.old.sign(IMAGE, when="20200102T000000", expire="1d"),
        "from-the-future": key.sign(IMAGE, when="20360101T000000"),
        "public-key": key.public,
        "too-large": good + b"\n" * 70000,
        "image-itself": IMAGE,
    }


NAMES = ["empty", "text", "truncated", "cut-in-half", "of-another-image",
         "CVE-2022-36056-of-the-empty-file", "of-the-manifest",
         "of-the-compressed-image", "CVE-2025-68972-clear-signed",
         "CVE-2006-0049-inline", "trailing-junk", "leading-junk", "two-blocks",
         "other-signs-too", "sha1", "expired", "from-the-future", "public-key",
         "too-large", "image-itself"]


@pytest.fixture(scope="session")
def made(lab):
    lab.old = lab.ring.new("Old <o@example.test>", when="20190101T000000")
    return signatures(lab)


@pytest.mark.parametrize("name", NAMES)
def test_signature_that_does_not_count(host, made, name):
    host.trust()
    host.trust(host.lab.old)
    r = host.rkt("fetch", host.write(IMAGE, made[name]))
    r.refused()
    host.nothing_stored()


def test_signature_is_missing(host):
    host.trust()
    host.rkt("fetch", host.write(IMAGE)).refused("signature not found")
    host.serve({"/x.aci": IMAGE})
    host.rkt("fetch", "https://example.test/x.aci").refused(
        "signature not found")
    host.nothing_stored()


def test_signature_by_key_of_another_prefix(host):
    """The second refusal of the quickstart."""
    host.trust(host.lab.other, prefix="other.test")
    host.trust()
    r = host.fetch(IMAGE, host.lab.other)
    r.refused(host.lab.other.fingerprint, "not trusted for")
    host.nothing_stored()


def test_image_truncated(host):
    """G2: refused by the signature, before anything is decompressed."""
    host.trust()
    tar = images.compress(images.aci(
        [images.member("rootfs/f", bytes(50000))]), "gz")
    signature = host.lab.publisher.sign(tar)
    for n in (0, 1, 100, len(tar) // 2, len(tar) - 1):
        host.rkt("fetch", host.write(tar[:n], signature)).refused("signature")
    host.rkt("fetch", host.write(tar + b"\0", signature)).refused("signature")
    host.nothing_stored()


def test_image_with_flipped_bits(host):
    host.trust()
    tar = images.compress(images.aci(
        [images.member("rootfs/f", bytes(5000))]), "gz")
    signature = host.lab.publisher.sign(tar)
    chance = random.Random(1)
    for _ in range(12):
        bad = bytearray(tar)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        host.rkt("fetch", host.write(bytes(bad), signature)).refused("signature")
    host.nothing_stored()


def test_signature_with_flipped_bits(host):
    host.trust()
    signature = host.lab.publisher.sign(IMAGE, binary=True)
    chance = random.Random(2)
    accepted = []
    for _ in range(24):
        bad = bytearray(signature)
        at = chance.randrange(len(bad))
        bad[at] ^= 1 << chance.randrange(8)
        r = host.rkt("fetch", host.write(IMAGE, bytes(bad)))
        if r.code == 0:  # the unhashed part is not signed, and says nothing
            accepted.append(at)
            host.rkt("image", "rm", host.images()[0]).ok()
        else:
            r.refused()
    assert len(accepted) < 8, accepted
    host.nothing_stored()


def test_image_is_no_regular_file(host):
    host.trust()
    directory = host.path / "d.aci"
    directory.mkdir()
    host.rkt("fetch", directory).refused()
    host.rkt("fetch", "/dev/zero").refused()
    host.rkt("fetch", host.path / "none.aci").refused("No such file")
    fifo = host.path / "fifo.aci"
    os.mkfifo(fifo)
    host.rkt("fetch", fifo, timeout=60).refused()
    host.nothing_stored()
