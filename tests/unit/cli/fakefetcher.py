"""A launcher that has a fetcher: both ends are scripts."""
import fcntl
import os
import threading

import rktmsg
import world
from fakelauncher import TEXT, Launcher, get_text


class Fetching(Launcher):
    """pages: URL -> list of (status, size), or (code, text) of a failure, or
    its text alone (a bad status); one a GET.  endpoints: what discovery
    finds.  said: URL -> more fields of GOT."""

    def __init__(self, data, pages=None, endpoints=(), handlers=None,
                 manifest=None, misbehave=None, signer="ab" * 20,
                 existed=0, keys=(), **more):
        table = {
            "START_FETCHER": Fetching.start_fetcher,
            "REAP_FETCHER": Fetching.reap,
            "GET_FILE": lambda l, m: get_text(l, m)
                if m.fields["kind"] == TEXT
                else ("SLOT", {"slot": l.new_slots(1)}),
            "ADMIT_IMAGE": Fetching.admit,
            "CHECK_IMAGE": lambda l, m: ("DONE", {}),
            "REVIEW_KEYS": lambda l, m: ("KEYS", {"lines": list(keys)}),
            "TRUST_KEY": lambda l, m: ("TRUSTED", {"path": "/etc/k"}),
            "START_POD": Fetching.start_pod,
        }
        table.update(handlers or {})
        if "local" not in more:
            more["local"] = world.trusting(data)
        super().__init__(data, table, **more)
        self.pages, self.endpoints = dict(pages or {}), list(endpoints)
        self.manifest = manifest or world.manifest()
        self.misbehave, self.signer, self.existed = misbehave, signer, existed
        self.requests, self.certificates = [], None
        self.said = {}

    def start_fetcher(self, message):
        ours, theirs = rktmsg.pair()
        self.thread = threading.Thread(target=self.fetcher, args=(ours,))
        self.thread.start()
        first = self.new_slots(message.fields["count"])
        fd = os.dup(theirs.fileno())
        theirs.close()
        return "FETCHER", {"first": first}, [fd]

    def reap(self, message):
        self.thread.join()
        return "FETCHED", {"ok": 1}

    def fetcher(self, sock):
        edge = rktmsg.Edge(sock, "C")
        while True:
            m = edge.recv()
            if m is None or m.name == "BYE":
                break
            self.requests.append(m)
            if self.misbehave:
                try:
                    self.misbehave(edge, m)
                except OSError:  # it has hung up already
                    break
            elif m.name == "CONFIGURE":
                size = os.fstat(m.fds[0]).st_size
                self.certificates = os.pread(m.fds[0], size, 0)
                self.seals = fcntl.fcntl(m.fds[0], 1034)
            elif m.name == "DISCOVER":
                self.discover(edge)
            else:
                self.get(edge, m)
            for fd in m.fds:
                os.close(fd)
        sock.close()

    def discover(self, edge):
        if self.endpoints:
            edge.send("ENDPOINTS", urls=self.endpoints)
        else:
            edge.send("FETCH_FAILED", code=7, text="nothing was discovered")

    def get(self, edge, m):
        url = m.fields["url"]
        page = self.pages[url].pop(0)
        if isinstance(page, str):
            page = (3, page)
        if isinstance(page[1], str):
            edge.send("FETCH_FAILED", code=page[0], text=page[1],
                      status=404 if page[0] == 3 else 0)
            return
        for got in range(0, page[1], max(1, page[1] // 3)):
            edge.send("PROGRESS", got=got, total=page[1])
        edge.send("GOT", status=page[0], final_url=url, size=page[1],
                  **self.said.get(url, {}))

    def admit(self, message):
        name = world.add_image(self.data, "fetched", self.manifest,
                               origin=message.fields["origin"]) \
            if not self.existed else world.image_id("fetched")
        return "ADMITTED", {"image": name[7:], "name": self.manifest["name"],
                            "signer": self.signer, "existed": self.existed}

    def start_pod(self, message):
        fd = message.fds[0]
        self.plan = os.pread(fd, os.fstat(fd).st_size, 0)
        self.seals = fcntl.fcntl(fd, 1034)
        self.how = message.fields["how"]
        return "STARTING", {"uuid": plan(self)[0]["uuid"]}

    def urls(self):
        return [(m.fields["slot"], m.fields["url"]) for m in self.requests
                if m.name == "GET"]


def records(launcher):
    """Every record of the plan: (type, fields)."""
    at, out, data = 0, [], launcher.plan
    while at < len(data):
        _, number, _, length, serial = rktmsg.HEADER.unpack_from(data, at)
        assert serial == len(out) + 1
        body = data[at + rktmsg.HEADER.size:at + rktmsg.HEADER.size + length]
        name = rktmsg.NUMBERS[number].name
        out.append((name, rktmsg.decode(name, body)))
        at += rktmsg.HEADER.size + length
    return out


def plan(launcher):
    """[PLAN_POD, PLAN_APP...] as dicts."""
    return [f for name, f in records(launcher) if name != "PLAN_VOLUME"]


def volumes(launcher):
    """The volumes of the plan, by name."""
    found = [f for name, f in records(launcher) if name == "PLAN_VOLUME"]
    assert len(found) == plan(launcher)[0]["volumes"]
    return {f.pop("name"): f for f in found}
