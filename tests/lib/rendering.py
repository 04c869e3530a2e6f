"""What appc's rules make of images that depend on each other: an independent
model, random graphs to try it on, and listings of real trees to compare.

The rules, of the appc specification's "Image Manifest": dependencies are placed
down before the files of the image, in their order, each overwriting what the
ones before it put there; a path whitelist is the complete and absolute set of
paths that the rendered root then has (with the directories that lead to them);
every file keeps its properties.  The model places trees, one over the other
from the lowest, each as often as it is depended on, and knows nothing of
layers or overlays.

    graph = random_graph(random.Random(1))
    render(graph.top)                    # {path: Entry}
    lines(render(graph.top))             # what listing() says of the real tree
"""
import dataclasses
import functools
import hashlib
import itertools
import os
import stat

import images

FOREIGN = 2147352576  # host id of an image's root, at rest
IMPLICIT = (0o755, 0, 0, 1, ())  # mode, uid, gid, ns, xattrs of such a directory
_serial = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One path.  Two paths with one file have equal `file` numbers."""
    kind: str  # d f l p
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int = 0  # nanoseconds
    xattrs: tuple = ()
    data: bytes = b""  # content, or a link's target
    file: int = 0
    implicit: bool = False

    def is_dir(self):
        return self.kind == "d"


def implied():
    """A directory that only the names below it speak of."""
    mode, uid, gid, mtime, xattrs = IMPLICIT
    return Entry("d", mode, uid, gid, mtime, xattrs, implicit=True)


@dataclasses.dataclass
class Image:
    """entries: path below the root ("" itself) -> Entry, as in the archive: no
    implicit ones.  after: images that it depends on, as the manifest has them."""
    name: str
    entries: dict
    after: list
    whitelist: list
    version: str = "1.0"
    by_id: bool = False  # others name it with its image id
    tar: bytes = b""
    id: str = ""


def parents(path):
    """"a/b/c" -> "", "a", "a/b"."""
    parts = path.split("/")
    return ["/".join(parts[:i]) for i in range(len(parts))] if path else []


def own_tree(image):
    """What the archive alone unpacks to."""
    tree = dict(image.entries)
    for path in image.entries:
        for up in parents(path):
            tree.setdefault(up, implied())
    tree.setdefault("", implied())
    return tree


def place(below, tree):
    """tree over what is there; the result."""
    result = dict(below)
    for path in sorted(tree):  # a directory before what is in it
        new, old = tree[path], result.get(path)
        if new.is_dir() and old is not None and old.is_dir():
            if not new.implicit:
                result[path] = new
            continue
        if old is not None and old.is_dir():
            for other in [p for p in result
                          if p == path or p.startswith(path + "/")]:
                del result[other]
        result[path] = new
    return result


def steps(image):
    """The trees that are placed down, in their order: first all of what the
    image depends on, then its own.  With a whitelist they come to one, for that
    speaks of the root as it is then."""
    trees = [t for other in image.after for t in steps(other)]
    trees.append(own_tree(image))
    if not image.whitelist:
        return trees
    tree = functools.reduce(place, trees, {})
    stay = {""}
    for white in image.whitelist:
        path = white.strip("/")
        if path in tree:
            stay.update([path, *parents(path)])
    # What is left of a file with many names is another file.
    return [{p: dataclasses.replace(e, file=_copy_of(image, e.file))
             for p, e in tree.items() if p in stay}]


def render(image):
    """The root file system of an image, with all that it depends on."""
    return functools.reduce(place, steps(image), {})


_copies = {}


def _copy_of(image, file):
    return file and _copies.setdefault((image.name, file), next(_serial))


def graph_below(image):
    """Every image below, each once."""
    found = {}
    for other in image.after:
        found[other.name] = other
        found.update(graph_below(other))
    return found


# --- listings ----------------------------------------------------------------


def _line(path, entry, first):
    mode = 0o777 if entry.kind == "l" else entry.mode
    return "%s %s %o %d:%d %d %s %s %s" % (
        path or ".", entry.kind, mode, entry.uid, entry.gid, entry.mtime,
        hashlib.sha256(entry.data).hexdigest()[:16] if entry.data else "-",
        ",".join("%s=%s" % (k, v.hex()) for k, v in sorted(entry.xattrs)) or "-",
        first)


def lines(tree):
    """A whole tree as text: every property of every path."""
    firsts, out = {}, []
    for path in sorted(tree):
        entry = tree[path]
        first = path
        if entry.file:
            first = firsts.setdefault(entry.file, path)
        out.append(_line(path, entry, "-" if first == path else first))
    return out


def listing(root, shift=FOREIGN):
    """The same of a directory, whose owners are shifted."""
    tree, root = {}, os.fsencode(root)
    for at, dirs, files in os.walk(root):
        for name in [b"."] * (at == root) + dirs + files:
            path = os.path.normpath(os.path.join(at, name))
            st = os.lstat(path)
            kind = {stat.S_IFDIR: "d", stat.S_IFREG: "f", stat.S_IFLNK: "l",
                    stat.S_IFIFO: "p"}[stat.S_IFMT(st.st_mode)]
            data = (os.readlink(path) if kind == "l" else
                    open(path, "rb").read() if kind == "f" else b"")
            xattrs = tuple((x, os.getxattr(path, x, follow_symlinks=False))
                           for x in os.listxattr(path, follow_symlinks=False)
                           if x.startswith("user."))
            tree[os.fsdecode(os.path.relpath(path, root)).replace("./", "")
                 if path != root else ""] = Entry(
                kind, stat.S_IMODE(st.st_mode), st.st_uid - shift,
                st.st_gid - shift, st.st_mtime_ns, xattrs, data,
                st.st_ino if kind == "f" else 0)
    return lines(tree)


# --- archives ----------------------------------------------------------------


def _member(path, entry, link=None):
    name = ("rootfs/" + path).rstrip("/")
    pax = {"SCHILY.xattr." + k: v for k, v in entry.xattrs}
    if len(name) > 100:
        pax["path"] = name
    if entry.mtime % 10**9:
        pax["mtime"] = "%d.%09d" % divmod(entry.mtime, 10**9)
    head = images.pax(pax) if pax else b""
    facts = {"mode": entry.mode, "uid": entry.uid, "gid": entry.gid,
             "mtime": entry.mtime // 10**9}
    if link is not None:
        return images.hardlink(name, "rootfs/" + link, **facts)
    if entry.kind == "f":
        return head + images.member(name, entry.data, **facts)
    if entry.kind == "l":
        facts["mode"] = 0o777
        return head + images.member(name, kind=b"2",
                                    link=entry.data.decode(), **facts)
    kind = {"d": b"5", "p": b"6"}[entry.kind]
    return head + images.member(name, kind=kind, **facts)


def build(image, section=None):
    """image.tar and image.id, after those of all that it depends on."""
    for other in image.after:
        if not other.id:
            build(other)
    deps = []
    for other in image.after:
        dep = {"imageName": other.name,
               "labels": [{"name": "version", "value": other.version}]}
        if other.by_id:
            dep["imageID"] = other.id
        deps.append(dep)
    more = {}
    if deps:
        more["dependencies"] = deps
    if image.whitelist:
        more["pathWhitelist"] = image.whitelist
    if section:
        more["section"] = section
    members, known = [], {}
    for path, entry in image.entries.items():
        members.append(_member(path, entry, known.get(entry.file)))
        if entry.file:
            known.setdefault(entry.file, path)
    text = images.manifest(name=image.name, version=image.version, **more)
    image.tar = images.archive(images.member("manifest", text), *members)
    image.id = images.image_id(image.tar)
    return image.tar


# --- random graphs -----------------------------------------------------------

_NAMES = ["a", "b", "c", "lib", "lib-x", "lib.so", "z"]


def _random_path(rng):
    return "/".join(rng.choice(_NAMES) for _ in range(rng.choice([1, 2, 2, 3, 4])))


def _random_entry(rng, kind):
    mode = rng.choice([0o644, 0o600, 0o755, 0o4755, 0o2711, 0o1777, 0o000])
    xattrs = ()
    if kind in "df" and rng.random() < 0.3:
        xattrs = tuple(("user.x%d" % i, bytes([rng.randrange(256)
                                               for _ in range(rng.randrange(9))]))
                       for i in range(rng.choice([1, 1, 2])))
    data = b""
    if kind == "f":
        data = rng.randbytes(rng.choice([0, 1, 13, 5000, 200000]))
    elif kind == "l":
        data = rng.choice(["a", "../b", "/lib", "lib/..", "nowhere"]).encode()
    if kind == "p":
        mode &= 0o777
    return Entry(kind, mode, rng.choice([0, 0, 1, 1000, 65535]),
                 rng.choice([0, 0, 5, 1000]),
                 rng.choice([0, 10**9, 1400000000 * 10**9 + 123456789]),
                 xattrs, data, next(_serial) if kind == "f" else 0)


def random_entries(rng, most=24):
    """Entries of one archive: no path through anything but a directory."""
    entries, kinds = {}, {"": "d"}
    if rng.random() < 0.7:
        entries[""] = _random_entry(rng, "d")
    for _ in range(rng.randrange(1, most)):
        path = _random_path(rng)
        if path in entries or kinds.get(path) is not None and kinds[path] != "d" \
                or any(kinds.get(u, "d") != "d" for u in parents(path)):
            continue
        kind = rng.choice("dddffffflp")
        if kinds.get(path) == "d" and kind != "d":
            continue
        files = [e for e in entries.values() if e.kind == "f"]
        entry = _random_entry(rng, kind)
        if kind == "f" and files and rng.random() < 0.25:
            entry = rng.choice(files)  # another name of it
        entries[path] = entry
        kinds[path] = kind
        for up in parents(path):
            kinds.setdefault(up, "d")
    return entries


def random_whitelist(rng, images_):
    """Some paths that exist somewhere, some that do not."""
    paths = sorted({p for i in images_ for p in own_tree(i) if p})
    some = rng.sample(paths, rng.randrange(0, len(paths) + 1)) if paths else []
    some += [_random_path(rng) for _ in range(rng.randrange(3))]
    return ["/" + p + rng.choice(["", "", "/"]) for p in some] or ["/none"]


def random_graph(rng, most=6, prefix="example.test/g"):
    """The top image of a graph without circles; diamonds are likely."""
    made = []
    for i in range(rng.randrange(1, most)):
        after = rng.sample(made, min(len(made), rng.choice([0, 1, 1, 2, 3])))
        image = Image("%s%d" % (prefix, i), random_entries(rng), after, [],
                      by_id=rng.random() < 0.5)
        if rng.random() < 0.35:
            image.whitelist = random_whitelist(
                rng, [image, *graph_below(image).values()])
        made.append(image)
    top = Image(prefix + "-top", random_entries(rng),
                rng.sample(made, min(len(made), rng.choice([1, 2, 3]))), [])
    if rng.random() < 0.4:
        top.whitelist = random_whitelist(rng, [top, *graph_below(top).values()])
    return top
