# SPDX-License-Identifier: LGPL-2.1-or-later
"""The disk of a host that shows the LUKS header that suits it at the moment."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../run"))
import lukscorpus   # noqa: E402
import systemvm     # noqa: E402
import vm           # noqa: E402


class TwoFacedDisk:
    """A disk of the owner's, whose header the host shows as it is (face 0), as one that any passphrase opens (1), or as the owner's with the
    host's keyslot (2), which is what a judge of the first sees who has the second when he opens it."""

    def __init__(self, work, name, passphrase, content, files=(), mib=16):
        self.disk = systemvm.Disk(work, name, passphrase, content, files, mib)
        size = os.path.getsize(self.disk.path)
        evil = lukscorpus.Image.read(self.disk.path)
        lukscorpus.open_to_all(evil)
        evil_path, mixed_path, self.face, path = (os.path.join(work, f"{name}-{part}") for part in ("evil.img", "mixed.img", "face", "nbd"))
        evil.write(evil_path, size)
        with open(self.disk.path, "rb") as f:
            evil.data[:2 * evil.hdr_size] = f.read(2 * evil.hdr_size)
        evil.write(mixed_path, size)
        # A disk of its own can be made of it, by which the guest says what the host is to show.
        with open(self.face, "wb") as f:
            f.truncate(1 << 20)
        self.show(0)
        # pylint: disable-next=consider-using-with # lives as long as this object
        self.process = subprocess.Popen([os.path.join(HERE, "../double/two-faced-disk"), path, self.face, self.disk.path, evil_path, mixed_path])
        vm.wait_for(lambda: os.path.exists(path), "the double of a disk")
        self.devices = ["-drive", f"if=none,id={name},format=raw,cache=none,file=nbd:unix:{path}", "-device", f"virtio-blk-pci,drive={name},serial={name}"]

    def show(self, face):
        with open(self.face, "r+b", buffering=0) as f:
            f.write(b"%d" % face)

    def close(self):
        self.process.kill()
        self.process.wait()
