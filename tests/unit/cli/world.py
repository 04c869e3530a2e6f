"""A data directory as the launcher makes it: images and pods."""
import fcntl
import hashlib
import json
import os
import shutil

MANIFEST = {
    "acKind": "ImageManifest", "acVersion": "0.8.11",
    "name": "example.com/hello",
    "labels": [{"name": "version", "value": "1.0"},
               {"name": "os", "value": "linux"},
               {"name": "arch", "value": "amd64"}],
    "app": {"exec": ["/bin/hello", "world"], "user": "0", "group": "0"},
}


def image_id(seed):
    return "sha512-" + hashlib.sha512(seed.encode()).hexdigest()


def manifest(**changes):
    m = json.loads(json.dumps(MANIFEST))
    app = changes.pop("app", {})
    m.update(changes)
    if app is None:
        del m["app"]
    else:
        m["app"].update(app)
    return m


def record(seed, m, imported=1700000000, origin="/x.aci", signer=None,
           etag=None, max_age=0):
    digest = hashlib.sha512(seed.encode()).hexdigest()
    lines = [k + " sha512-" + digest for k in ("image", "raw", "tree")]
    lines += ["name " + m["name"], "origin " + origin]
    lines += ["label %s=%s" % (x["name"], x["value"])
              for x in sorted(m["labels"], key=lambda x: x["name"])]
    if signer:
        lines.append("signer " + signer)
    lines += ["signed-at 0", "imported-at %d" % imported, "raw-size 1000",
              "tar-size 4000", "tree-size 3000", "entries 7"]
    lines += ["etag " + etag] if etag else []
    lines += ["max-age %d" % max_age] if max_age else []
    return "\n".join(lines) + "\n"


def add_image(data, seed, m=None, **how):
    m = m or manifest()
    d = os.path.join(str(data), "image", image_id(seed))
    os.makedirs(d)
    with open(os.path.join(d, "manifest"), "w") as f:
        json.dump(m, f)
    with open(os.path.join(d, "record"), "w") as f:
        f.write(record(seed, m, **how))
    return image_id(seed)


def trusting(data, *keys):
    """A configuration directory; keys: (prefix, fingerprint[, text]), a root
    key if there are none."""
    top = os.path.join(os.path.dirname(str(data)), "conf")
    shutil.rmtree(top, ignore_errors=True)
    for prefix, fingerprint, *text in keys or [("", "ab" * 20)]:
        d = os.path.join(top, "trustedkeys",
                         "prefix.d/" + prefix if prefix else "root.d")
        os.makedirs(d, exist_ok=True)
        with open(os.path.join(d, fingerprint), "w") as f:
            f.write(text[0] if text else "a key\n")
    return top


def uuid(n):
    return "%08x-0000-4000-8000-000000000000" % n


def pod_manifest(*names, image="hello"):
    return {"acKind": "PodManifest", "acVersion": "2.0.0", "apps": [
        {"name": n, "image": {
            "name": "example.com/" + image, "id": image_id(image),
            "labels": [{"name": "version", "value": "1.0"}]}} for n in names]}


def add_pod(data, place, n, manifest=None, status=(), pid=None, lock=False):
    d = os.path.join(str(data), "pods", place, uuid(n))
    os.makedirs(os.path.join(d, "overlay/stage1/upper/rkt/status"))
    if manifest is not None:
        with open(os.path.join(d, "pod"), "w") as f:
            f.write(manifest if isinstance(manifest, str)
                    else json.dumps(manifest))
    open(os.path.join(d, "pod-created"), "w").close()
    os.utime(os.path.join(d, "pod-created"), (1700000000, 1700000000))
    for app, text in status:
        with open(os.path.join(d, "overlay/stage1/upper/rkt/status", app),
                  "w") as f:
            f.write(text)
    if pid:
        with open(os.path.join(d, "ppid"), "w") as f:
            f.write("%d\n" % pid)
        os.utime(os.path.join(d, "ppid"), (1700000001, 1700000001))
    if lock:
        fd = os.open(d, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        return fd
    return None
