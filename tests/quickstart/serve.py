"""The quickstart's web server: example.test by HTTPS on loopback.

    serve.py DIRECTORY      serves DIRECTORY/www with DIRECTORY/tls/server.{pem,key}

Files are read anew for each request.  Any page below /hello answers appc
discovery.  Says "ready" on stdout, ends when stdin ends (or by a signal).
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from webserver import Certificate, Reply, discovery_page, loopback_up, serve  # noqa: E402

NAME = "example.test/hello"
FILES = "https://example.test/aci/hello-{version}-{os}-{arch}.{ext}"
KEYS = "https://example.test/pubkeys.asc"


class Site(dict):
    """Discovery pages, and what lies in a directory."""

    def __init__(self, root):
        super().__init__()
        self.root = root

    def get(self, path, default=None):
        if path in ("/", "/hello"):
            return Reply(discovery_page(NAME + " " + FILES,
                                        keys=[NAME + " " + KEYS]),
                         headers={"Content-Type": "text/html"})
        file = (self.root / path.lstrip("/")).resolve()
        if self.root in file.parents and file.is_file():
            return file.read_bytes()
        return default


def main():
    here = pathlib.Path(sys.argv[1]).resolve()
    loopback_up()
    tls = Certificate(here / "tls" / "server.pem", here / "tls" / "server.key")
    with serve(Site(here / "www"), port=443, tls=tls):
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
