"""OpenPGP keys and signatures for tests, made by gpg in throw-away homes.

    ring = Keyring(tmp)
    key = ring.new("Publisher <p@example.test>")
    key.public                      # armoured bytes
    key.sign(image)                 # armoured detached signature, bytes
    old = ring.new("Old <o@example.test>", when="20200101T000000", expire="1d")

Close it, or its gpg-agent stays.
"""
import os
import pathlib
import subprocess
import tempfile

GPG = ["gpg", "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback",
       "--passphrase", ""]


class Key:
    """One secret key; fingerprint is the primary's, lower case."""

    def __init__(self, ring, fingerprint):
        self.ring, self.fingerprint = ring, fingerprint

    @property
    def public(self):
        return self.ring.gpg("--armor", "--export", self.fingerprint)

    def sign(self, data, digest="SHA512", when=None, expire=None, binary=False):
        """A detached signature of data."""
        args = ["--local-user", self.fingerprint, "--digest-algo", digest]
        if expire:
            args += ["--default-sig-expire", expire]
        if not binary:
            args.append("--armor")
        return self.ring.gpg(*args, "--detach-sign", when=when, data=data)

    def clear_sign(self, data):
        """A clear-signed text: not what a signature file may hold."""
        return self.ring.gpg("--local-user", self.fingerprint,
                             "--clear-sign", data=data)

    def inline(self, data):
        """A signed message with its text inside."""
        return self.ring.gpg("--local-user", self.fingerprint, "--armor",
                             "--sign", data=data)

    def revoke(self):
        """Revokes the key by the certificate that was made with it."""
        path = (self.ring.home / "openpgp-revocs.d" /
                (self.fingerprint.upper() + ".rev"))
        text = path.read_text().replace(":-----BEGIN", "-----BEGIN")
        self.ring.gpg("--import", data=text.encode())


class Keyring:
    """A GNUPGHOME."""

    def __init__(self, directory=None):
        # A socket's path is short: not below pytest's long ones.
        self.directory = tempfile.TemporaryDirectory(prefix="rkt-keys-",
                                                     dir=directory)
        self.home = pathlib.Path(self.directory.name)

    def gpg(self, *args, when=None, data=b""):
        """gpg's stdout."""
        faked = ["--faked-system-time", when] if when else []
        env = {"PATH": os.environ["PATH"], "GNUPGHOME": str(self.home),
               "LC_ALL": "C"}
        done = subprocess.run(GPG + faked + list(args), input=data, env=env,
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError("gpg %s: %s" % (" ".join(args),
                                               done.stderr.decode()))
        return done.stdout

    def new(self, uid, algo="ed25519", usage="sign", expire="never",
            when=None):
        """A new key."""
        out = self.gpg("--status-fd", "1", "--quick-generate-key", uid, algo,
                       usage, expire, when=when)
        for line in out.decode().splitlines():
            words = line.split()
            if words[1:2] == ["KEY_CREATED"]:
                return Key(self, words[3].lower())
        raise RuntimeError("gpg made no key: %r" % out)

    def close(self):
        """End its gpg-agent, remove the files."""
        subprocess.run(["gpgconf", "--kill", "all"], check=False,
                       env={"PATH": os.environ["PATH"],
                            "GNUPGHOME": str(self.home)})
        self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()
