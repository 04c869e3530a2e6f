"""App container images for tests, honest and hostile.

Headers are made by hand, byte by byte: a library that writes archives would
refuse to write most of what must be tried.

    image = aci(name="example.test/app", files=[program("bin/app", data)])
    compress(image, "xz")
    archive(member("manifest", manifest()), member("rootfs/../x", b"bad"))
"""
import bz2
import gzip
import hashlib
import json
import lzma
import subprocess

BLOCK = 512


def _octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def header(name, kind=b"0", size=0, mode=0o644, uid=0, gid=0, mtime=0,
           link="", prefix="", magic=b"ustar\x0000", major=0, minor=0,
           checksum=None, size_field=None):
    """One 512-byte header; every field may be wrong on purpose."""
    h = bytearray(BLOCK)
    h[0:100] = _bytes(name)[:100].ljust(100, b"\0")
    h[100:108] = _octal(mode, 8)
    h[108:116] = _octal(uid, 8)
    h[116:124] = _octal(gid, 8)
    h[124:136] = size_field or _octal(size, 12)
    h[136:148] = _octal(mtime, 12)
    h[148:156] = b" " * 8
    h[156:157] = kind
    h[157:257] = _bytes(link)[:100].ljust(100, b"\0")
    h[257:265] = magic
    h[329:337] = _octal(major, 8)
    h[337:345] = _octal(minor, 8)
    h[345:500] = _bytes(prefix)[:155].ljust(155, b"\0")
    h[148:156] = b"%06o\0 " % (sum(h) if checksum is None else checksum)
    return bytes(h)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def member(name, data=b"", **fields):
    """A header and its data."""
    data = _bytes(data)
    fields.setdefault("size", len(data))
    return header(name, **fields) + padded(data)


def directory(name, mode=0o755, **fields):
    return member(name, kind=b"5", mode=mode, **fields)


def symlink(name, to, **fields):
    return member(name, kind=b"2", link=to, mode=0o777, **fields)


def hardlink(name, to, data=b"", **fields):
    return member(name, data, kind=b"1", link=to, **fields)


def program(name, data, mode=0o755, **fields):
    return member(name, data, mode=mode, **fields)


def pax(records, kind=b"x"):
    """A pax header; records: dict, or the raw bytes of its body."""
    if isinstance(records, dict):
        body = b""
        for key, value in records.items():
            text = b" %s=%s\n" % (_bytes(key), _bytes(value))
            n = len(text) + len(str(len(text)))
            n = len(text) + len(str(n))
            body += str(n).encode() + text
    else:
        body = records
    return member("PaxHeaders/x", body, kind=kind)


def gnu_long(text, kind=b"L"):
    """GNU's long name (L) or long link (K)."""
    return member("././@LongLink", _bytes(text) + b"\0", kind=kind,
                  magic=b"ustar  \0")


def archive(*members, end=bytes(2 * BLOCK)):
    return b"".join(members) + end


# --- manifests --------------------------------------------------------------


def app(*argv, user="0", group="0", **more):
    """The app section of a manifest."""
    section = {"exec": list(argv), "user": user, "group": group}
    section.update(more)
    return section


def isolator(name, value):
    return {"name": name, "value": value}


def manifest(name="example.test/app", version="1.0", section=None, labels=None,
             **more):
    """An image manifest as bytes."""
    if labels is None:
        labels = {"version": version, "os": "linux", "arch": "amd64"}
    m = {"acKind": "ImageManifest", "acVersion": "0.8.11", "name": name,
         "labels": [{"name": k, "value": v} for k, v in labels.items()]}
    if section:
        m["app"] = section
    m.update(more)
    return json.dumps(m).encode()


def aci(files=(), text=None, **facts):
    """A whole uncompressed image: manifest first, then rootfs and files (as
    members with names below rootfs/)."""
    text = manifest(**facts) if text is None else text
    return archive(member("manifest", text), directory("rootfs"), *files)


def compress(data, how):
    """how: none, gz, bz2, xz, zstd."""
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-3", "-c"], input=data,
                              capture_output=True, check=True).stdout
    return {"none": lambda: data, "gz": lambda: gzip.compress(data, 6, mtime=0),
            "bz2": lambda: bz2.compress(data),
            "xz": lambda: lzma.compress(data, preset=1)}[how]()


def image_id(tar):
    """What rkt calls the image."""
    return "sha512-" + hashlib.sha512(tar).hexdigest()
