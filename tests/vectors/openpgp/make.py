#!/usr/bin/env python3
"""Makes the OpenPGP vectors anew: keys, signatures, trust stores, golden.json.

Run by hand, never by a test: gpg makes new keys each time.  What is checked in
is the result, so that the verdicts are about fixed bytes.  The time of every
vector is NOW below; nothing here rots.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = 1767225600          # 2026-01-01
MADE = "20240101T000000!"  # keys
SIGNED = "20240301T000000!"
IMAGE = b"not an image, but every byte of it counts\n" * 40
OTHER = IMAGE.replace(b"every", b"Every", 1)

FORMAT, NO_KEY, BAD, EXPIRED, REVOKED, ALGORITHM, TIME = range(1, 8)


class Gpg:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="vec-")
        os.chmod(self.home, 0o700)

    def run(self, *args, time=MADE, data=None, check=True):
        cmd = ["gpg", "--homedir", self.home, "--batch", "--yes", "--no-tty",
               "--quiet", "--passphrase", "", "--pinentry-mode", "loopback",
               "--trust-model", "always", "--allow-weak-digest-algos",
               "--faked-system-time", time] + list(args)
        p = subprocess.run(cmd, input=data, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        if check and p.returncode != 0:
            sys.exit("%s\n%s" % (" ".join(cmd), p.stderr.decode()))
        return p.stdout

    def key(self, name, algo, expire="0", usage="sign,cert", extra=(),
            time=MADE):
        self.run(*extra, "--quick-generate-key",
                 "%s <%s@example.com>" % (name, name), algo, usage, expire,
                 time=time)
        return self.fpr(name)

    def fpr(self, name, nth=0):
        out = self.run("--with-colons", "--list-keys",
                       "<%s@example.com>" % name).decode()
        return [l.split(":")[9].lower() for l in out.splitlines()
                if l.startswith("fpr:")][nth]

    def subkey(self, name, algo="ed25519", expire="0", time=MADE):
        self.run("--quick-add-key", self.fpr(name), algo, "sign", expire,
                 time=time)
        return self.fpr(name, -1)

    def public(self, fpr, armor=True):
        return self.run(*(["--armor"] if armor else []), "--export", fpr)

    def sign(self, *keys, data=IMAGE, time=SIGNED, armor=True, extra=()):
        args = list(extra) + (["--armor"] if armor else [])
        for k in keys:
            args += ["--local-user", k + "!"]
        return self.run(*args, "--detach-sign", time=time, data=data)

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"],
                       check=False)
        shutil.rmtree(self.home)


# --- packets ---------------------------------------------------------------

def dearmor(text):
    lines = text.decode().splitlines()
    start = lines.index("") + 1
    body = [l for l in lines[start:] if l and l[0] not in "=-"]
    return base64.b64decode("".join(body))


def armor(data, kind="SIGNATURE"):
    b = base64.b64encode(data).decode()
    lines = [b[i:i + 64] for i in range(0, len(b), 64)]
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    tail = "=" + base64.b64encode((crc & 0xFFFFFF).to_bytes(3, "big")).decode()
    return ("-----BEGIN PGP %s-----\n\n%s\n%s\n-----END PGP %s-----\n" %
            (kind, "\n".join(lines), tail, kind)).encode()


def packets(data):
    """[(tag, body)], old and new headers, no partial lengths."""
    out, i = [], 0
    while i < len(data):
        first = data[i]
        i += 1
        if first & 0x40:
            tag, n = first & 0x3F, data[i]
            i += 1
            if 192 <= n < 224:
                n = (n - 192) * 256 + data[i] + 192
                i += 1
            elif n == 255:
                n = int.from_bytes(data[i:i + 4], "big")
                i += 4
        else:
            tag, width = first >> 2 & 15, 1 << (first & 3)
            n = int.from_bytes(data[i:i + width], "big")
            i += width
        out.append((tag, data[i:i + n]))
        i += n
    return out


def packet(tag, body):
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def areas(body):
    """(fixed, hashed, unhashed, rest) of a version 4 signature."""
    n = int.from_bytes(body[4:6], "big")
    m = int.from_bytes(body[6 + n:8 + n], "big")
    return (body[:4], body[6:6 + n], body[8 + n:8 + n + m], body[8 + n + m:])


def join(fixed, hashed, unhashed, rest):
    return (fixed + len(hashed).to_bytes(2, "big") + hashed +
            len(unhashed).to_bytes(2, "big") + unhashed + rest)


def subpackets(area):
    out, i = [], 0
    while i < len(area):
        n = area[i]
        i += 1
        if 192 <= n < 255:
            n = (n - 192) * 256 + area[i] + 192
            i += 1
        elif n == 255:
            n = int.from_bytes(area[i:i + 4], "big")
            i += 4
        out.append((area[i], area[i + 1:i + n]))
        i += n
    return out


def subpacket(kind, body):
    return b"\xff" + (len(body) + 1).to_bytes(4, "big") + bytes([kind]) + body


def without_back_signature(key):
    out = b""
    for tag, body in packets(key):
        if tag == 2 and body[1] == 0x18:
            fixed, hashed, unhashed, rest = areas(body)
            keep = b"".join(subpacket(k, b) for k, b in subpackets(unhashed)
                            if k & 0x7F != 32)
            body = join(fixed, hashed, keep, rest)
        out += packet(tag, body)
    return out


def with_unhashed(signature, extra):
    fixed, hashed, unhashed, rest = areas(packets(dearmor(signature))[0][1])
    return armor(packet(2, join(fixed, hashed, unhashed + extra, rest)))


def version_3(signature, key_id):
    fixed, hashed, _, rest = areas(packets(dearmor(signature))[0][1])
    made = dict(subpackets(hashed))[2]
    body = b"\x03\x05\x00" + made + bytes.fromhex(key_id) + fixed[2:4] + rest
    return armor(packet(2, body))


def version_6(signature):
    fixed, hashed, unhashed, rest = areas(packets(dearmor(signature))[0][1])
    body = (b"\x06" + fixed[1:] + len(hashed).to_bytes(4, "big") + hashed +
            len(unhashed).to_bytes(4, "big") + unhashed + rest[:2] +
            b"\x10" + b"s" * 16 + rest[2:])
    return armor(packet(2, body))


# --- the set ---------------------------------------------------------------

class Set:
    def __init__(self):
        self.golden = {}
        for d in ("sig", "system", "local"):
            shutil.rmtree(os.path.join(HERE, d), ignore_errors=True)
            os.makedirs(os.path.join(HERE, d))

    def trust(self, fpr, data, prefix=None, store="system"):
        where = "root.d" if prefix is None else "prefix.d/" + prefix
        path = os.path.join(HERE, store, where)
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, fpr), "wb") as f:
            f.write(data)

    def mask(self, fpr, prefix=None, store="local"):
        self.trust(fpr, b"", prefix, store)

    def add(self, vector, signature, name, code=0, signers=(), image="image"):
        if vector in self.golden:
            raise KeyError(vector)
        file = vector + (".asc" if signature[:1] == b"-" else ".sig")
        with open(os.path.join(HERE, "sig", file), "wb") as f:
            f.write(signature)
        row = {"signature": "sig/" + file, "image": image, "name": name,
               "code": code}
        if code == 0:
            row["signers"] = sorted(signers)
        self.golden[vector] = row

    def write(self):
        for name, data in (("image", IMAGE), ("other", OTHER), ("empty", b"")):
            with open(os.path.join(HERE, name), "wb") as f:
                f.write(data)
        with open(os.path.join(HERE, "golden.json"), "w") as f:
            json.dump({"now": NOW, "vectors": self.golden}, f, indent=1,
                      sort_keys=True)
            f.write("\n")


def make_good(g, s):
    k = {}
    for name, algo in (("ed", "ed25519"), ("rsa", "rsa3072"),
                       ("p256", "nistp256"), ("p384", "nistp384")):
        k[name] = g.key(name, algo)
        s.trust(k[name], g.public(k[name]), "example.com/good")
        s.add("good-" + name, g.sign(k[name]), "example.com/good/app", 0,
              [k[name]])
    name = "example.com/good/app"
    for digest in ("SHA256", "SHA384", "SHA512"):
        s.add("good-rsa-" + digest.lower(),
              g.sign(k["rsa"], extra=["--digest-algo", digest]), name, 0,
              [k["rsa"]])
    s.add("good-exact-name", g.sign(k["ed"]), "example.com/good", 0, [k["ed"]])
    s.add("good-no-name", g.sign(k["ed"]), "", 0, [k["ed"]])
    s.add("good-binary", g.sign(k["ed"], armor=False), name, 0, [k["ed"]])
    s.add("good-empty-image", g.sign(k["ed"], data=b""), name, 0, [k["ed"]],
          image="empty")
    s.add("good-notation",
          g.sign(k["ed"], extra=["--sig-notation", "a@example.com=b"]), name, 0,
          [k["ed"]])
    s.add("good-good", armor(g.sign(k["ed"], armor=False) +
                             g.sign(k["rsa"], armor=False)), name, 0,
          [k["ed"], k["rsa"]])
    s.add("good-same-key-twice", armor(g.sign(k["ed"], armor=False) * 2), name,
          0, [k["ed"]])
    s.add("good-crlf", g.sign(k["ed"]).replace(b"\n", b"\r\n"), name, 0,
          [k["ed"]])
    binary = g.key("bin", "ed25519")
    s.trust(binary, g.public(binary, armor=False), "example.com/good")
    s.add("good-binary-key", g.sign(binary), name, 0, [binary])
    root = g.key("root", "ed25519")
    s.trust(root, g.public(root))
    s.add("good-root-key", g.sign(root), "other.org/app", 0, [root])
    return k


def make_subkeys(g, s):
    for what, code in (("good", 0), ("expired", EXPIRED), ("revoked", REVOKED)):
        name = "sub" + what
        primary = g.key(name, "ed25519", usage="cert")
        sub = g.subkey(name, expire="20240601T000000" if what == "expired"
                       else "0")
        sig = g.sign(sub)
        if what == "revoked":
            g.run("--command-fd", "0", "--edit-key", primary, time=SIGNED,
                  data=b"key 1\nrevkey\ny\n0\n\ny\nsave\n")
        s.trust(primary, g.public(primary), "example.com/sub")
        s.add("subkey-" + what, sig, "example.com/sub", code, [primary])
    primary = g.key("noback", "ed25519", usage="cert")
    sub = g.subkey("noback")
    stripped = without_back_signature(g.public(primary, armor=False))
    s.trust(primary, stripped, "example.com/sub")
    s.add("subkey-no-back-signature", g.sign(sub), "example.com/sub", BAD)


def make_bad_keys(g, s):
    name = "example.com/keys"
    fpr = g.key("expired", "ed25519", expire="20240601T000000")
    s.trust(fpr, g.public(fpr), name)
    s.add("key-expired", g.sign(fpr), name, EXPIRED)

    fpr = g.key("revoked", "ed25519")
    sig = g.sign(fpr)
    rev = os.path.join(g.home, "openpgp-revocs.d", fpr.upper() + ".rev")
    text = open(rev).read().replace(":-----BEGIN", "-----BEGIN")
    g.run("--import", data=text.encode(), time=SIGNED)
    s.trust(fpr, g.public(fpr), name)
    s.add("key-revoked", sig, name, REVOKED)

    for algo in ("rsa2048", "dsa2048", "brainpoolP256r1", "secp256k1"):
        fpr = g.key(algo, algo)
        s.trust(fpr, g.public(fpr), name)
        s.add("key-" + algo, g.sign(fpr), name, ALGORITHM)
    fpr = g.key("weakprimary", "dsa2048", usage="cert")
    sub = g.subkey("weakprimary")
    s.trust(fpr, g.public(fpr), name)
    s.add("key-weak-primary", g.sign(sub), name, ALGORITHM)

    fpr = g.key("sha1cert", "rsa3072", extra=["--cert-digest-algo", "SHA1"])
    s.trust(fpr, g.public(fpr), name)
    s.add("key-bound-by-sha1", g.sign(fpr), name, NO_KEY)

    fpr = g.key("unknown", "ed25519")
    s.add("key-unknown", g.sign(fpr), name, NO_KEY)
    fpr = g.key("later", "ed25519", time="20240401T000000!")
    s.trust(fpr, g.public(fpr), name)
    s.add("key-newer-than-signature",
          g.sign(fpr, extra=["--ignore-time-conflict", "--ignore-valid-from"]),
          name, TIME)
    return fpr


def make_places(g, s, k):
    et = g.key("et", "ed25519")
    s.trust(et, g.public(et), "example.com/et")
    sig = g.sign(et)
    s.add("prefix-same", sig, "example.com/et", 0, [et])
    s.add("prefix-below", sig, "example.com/et/cd", 0, [et])
    s.add("prefix-string-only", sig, "example.com/etcd", NO_KEY)
    s.add("prefix-above", sig, "example.com", NO_KEY)
    s.add("prefix-other", sig, "example.org/et", NO_KEY)
    for where, prefix in (("root", None), ("same", "mask.org/same"),
                          ("above", "mask.org"), ("below", "mask.org/below/x")):
        fpr = g.key("mask" + where, "ed25519")
        s.trust(fpr, g.public(fpr), "mask.org/" + where)
        s.mask(fpr, prefix)
        s.add("mask-" + where, g.sign(fpr), "mask.org/" + where + "/x", NO_KEY)
        if where == "below":
            s.add("mask-elsewhere", g.sign(fpr), "mask.org/below/y", 0, [fpr])
            s.add("mask-elsewhere-no-name", g.sign(fpr), "", 0, [fpr])
        if where == "root":
            s.add("mask-root-no-name", g.sign(fpr), "", NO_KEY)
    fpr = g.key("masksystem", "ed25519")
    s.trust(fpr, g.public(fpr), "mask.org", "local")
    s.mask(fpr, None, "system")
    s.add("mask-in-system-store", g.sign(fpr), "mask.org/x", NO_KEY)

    # A directory with everything that can be wrong beside the right one.
    fpr = g.key("amidst", "ed25519")
    s.trust(fpr, g.public(fpr), "junk.org")
    s.trust("a" * 40, b"\x00 junk \xff" * 4000, "junk.org")
    s.trust("b" * 40, g.public(k["ed"]), "junk.org")
    s.trust("c" * 40, armor(b"\x99\x01", "PUBLIC KEY BLOCK"), "junk.org")
    s.trust("README", b"not a key", "junk.org")
    s.add("store-junk-beside", g.sign(fpr), "junk.org/app", 0, [fpr])
    s.add("store-wrong-file-name", g.sign(k["ed"]), "junk.org/app", NO_KEY)
    second = g.key("second", "ed25519")
    s.trust(fpr, g.public(fpr, armor=False) + g.public(second, armor=False),
            "two.org")
    s.add("store-second-key-of-file", g.sign(second), "two.org/app", NO_KEY)
    s.add("store-first-key-of-file", g.sign(fpr), "two.org/app", 0, [fpr])


def make_bad_signatures(g, s, k):
    name, ed, rsa = "example.com/good/app", k["ed"], k["rsa"]
    good, other = g.sign(ed), g.sign(ed, data=OTHER)
    raw, raw_other = dearmor(good), dearmor(other)
    stranger = g.sign(g.fpr("unknown"), armor=False)
    s.add("bad-data", good, name, BAD, image="other")
    s.add("bad-data-empty", good, name, BAD, image="empty")
    s.add("good-bad", armor(raw + raw_other), name, BAD)
    s.add("bad-good", armor(raw_other + raw), name, BAD)
    s.add("good-unknown", armor(raw + stranger), name, NO_KEY)
    s.add("sig-expired", g.sign(
        ed, extra=["--default-sig-expire", "20240401T000000"]), name, EXPIRED)
    s.add("sig-future", g.sign(ed, time="20360101T000000!"), name, TIME)
    s.add("sig-four-minutes-ahead",
          g.sign(ed, time="20260101T000400!"), name, 0, [ed])
    for digest in ("SHA1", "RIPEMD160", "MD5", "SHA224"):
        sig = g.sign(rsa, extra=["--digest-algo", digest], check=False) \
            if False else g.sign(rsa, extra=["--digest-algo", digest])
        s.add("sig-" + digest.lower(), sig, name, ALGORITHM)
    s.add("sig-critical-notation",
          g.sign(ed, extra=["--sig-notation", "!a@example.com=b"]), name, BAD)
    spoof = b"x\n[GNUPG:] VALIDSIG " + ed.upper().encode() + b" 2024-03-01\n"
    notation = subpacket(20, b"\x80\0\0\0\0\x0d" +
                         len(spoof).to_bytes(2, "big") + b"a@example.com" +
                         spoof)
    s.add("sig-spoofed-notation-bad-data", with_unhashed(good, notation), name,
          BAD, image="other")
    s.add("sig-unhashed-notation", with_unhashed(good, notation), name, 0, [ed])
    s.add("sig-unhashed-expiry",
          with_unhashed(good, subpacket(2, b"\x7f\0\0\0")), name, 0, [ed])
    s.add("sig-text-mode", g.sign(ed, extra=["--textmode"]), name, FORMAT)
    s.add("sig-v3", version_3(good, ed[-16:]), name, FORMAT)
    s.add("sig-v6", version_6(good), name, FORMAT)
    body = packets(raw)[0][1]
    s.add("sig-v5", armor(packet(2, b"\x05" + body[1:])), name, FORMAT)
    s.add("sig-standalone", armor(packet(2, body[:1] + b"\x02" + body[2:])),
          name, FORMAT)
    s.add("sig-no-issuer", armor(packet(2, join(
        areas(body)[0], b"".join(subpacket(t, b) for t, b in
                                 subpackets(areas(body)[1]) if t == 2),
        b"", areas(body)[3]))), name, NO_KEY)
    s.add("sig-wrong-issuer", with_unhashed(
        armor(packet(2, body)), b""), name, BAD, image="other")
    s.add("sig-nine", armor(raw * 9), name, FORMAT)
    s.add("sig-eight", armor(raw * 8), name, 0, [ed])
    return good, raw, body


def make_shapes(g, s, k, good, raw, body):
    name, ed = "example.com/good/app", k["ed"]
    inline = ["--local-user", ed]
    s.add("shape-clear-signed", g.run(
        *inline, "--clearsign", data=IMAGE, time=SIGNED), name, FORMAT)
    s.add("shape-inline", g.run(
        *inline, "--sign", data=IMAGE, time=SIGNED), name, FORMAT)
    s.add("shape-inline-armoured", g.run(
        *inline, "--armor", "--sign", data=IMAGE, time=SIGNED), name, FORMAT)
    one_pass = dearmor(g.run(*inline, "--armor", "--compress-algo", "none",
                             "--sign", data=IMAGE, time=SIGNED))
    s.add("shape-inline-in-signature-armour", armor(one_pass), name, FORMAT)
    s.add("shape-trailing-junk", good + b"junk\n", name, FORMAT)
    s.add("shape-trailing-clear-signed", good + g.run(
        *inline, "--clearsign", data=IMAGE, time=SIGNED), name, FORMAT)
    s.add("shape-leading-text", b"-- \n" + good, name, FORMAT)
    s.add("shape-two-blocks", good + good, name, FORMAT)
    s.add("shape-empty-file", b"", name, FORMAT)
    s.add("shape-binary-trailing-byte", raw + b"\0", name, FORMAT)
    s.add("shape-binary-truncated", raw[:-1], name, FORMAT)
    s.add("shape-byte-in-packet", armor(packet(2, body + b"\0")), name, FORMAT)
    s.add("shape-partial-length", armor(
        bytes([0xC2, 0xE4]) + body[:16] + bytes([len(body) - 16]) + body[16:]),
        name, FORMAT)
    s.add("shape-marker-packet", armor(packet(10, b"PGP") + raw), name, FORMAT)
    s.add("shape-wrong-armour", armor(raw, "MESSAGE"), name, FORMAT)
    s.add("shape-key-armour", g.public(ed), name, FORMAT)
    s.add("shape-bad-checksum", good.replace(b"\n=", b"\n=A", 1)[:-1], name,
          FORMAT)
    s.add("shape-form-feed", good.replace(b"\n\n", b"\n\f\n", 1), name, FORMAT)
    s.add("shape-unknown-header", good.replace(
        b"\n\n", b"\nHash: SHA512\n\n", 1), name, FORMAT)
    s.add("shape-comment-header", good.replace(
        b"\n\n", b"\nComment: https://example.com\nVersion: 1\n\n", 1), name, 0,
        [ed])
    s.add("shape-no-checksum", b"\n".join(
        l for l in good.split(b"\n") if l[:1] != b"="), name, 0, [ed])
    s.add("shape-too-large", good + b"\n" * 65536, name, FORMAT)


def main():
    g, s = Gpg(), Set()
    try:
        k = make_good(g, s)
        make_subkeys(g, s)
        make_bad_keys(g, s)
        make_places(g, s, k)
        good, raw, body = make_bad_signatures(g, s, k)
        make_shapes(g, s, k, good, raw, body)
        s.write()
        print("%d vectors" % len(s.golden))
    finally:
        g.close()


if __name__ == "__main__":
    main()
