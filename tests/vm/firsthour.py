# SPDX-License-Identifier: LGPL-2.1-or-later
"""README.md's path of a guest on SEV or SEV-ES by a launch secret: the commands as they stand, from the platform's certificates to a disk that opens.

The host is a double, as in all VM tests: its certificates, its security processor, and OVMF, which has no place for hashes."""

import os
import shlex
import subprocess
import types

import launch
import readme
import systemvm
import vm
from lab import CONTENT

# What differs here: the device's name in these VMs.
DEVICE, HERE_DEVICE = "/dev/vdb", "/dev/disk/by-id/virtio-"
# The owner's files that have a name in the README, and the command line of its guest.
FILES = {"OVMF.amdsev.fd": "firmware", "vmlinuz": "kernel", "initrd.img": "initrd"}
CMDLINE = "'root=/dev/vda1 ro'"
# No ARK of AMD's has signed the platform.  The area and the hashes are as launch.Owner explains it.
INJECT = f"--area {vm.AREA:#x}:{vm.AREA_LEN} --unchecked-kernel --timeout {launch.PATIENCE}"
WRAPPER = """coco-inject() {
	case $1 in
	inject) command coco-inject "$@" %s ;;
	*) command coco-inject "$@" --anchor ark.cert ;;
	esac
}
""" % INJECT


def title(command):
    """It in one line."""
    return "README: " + " ".join(command.replace("\\\n", " ").split())


# ---- the owner, and the host ----


class Owner:
    """A folder with the files that the README names, in which its commands are typed."""

    def __init__(self, b, name):
        self.b = b
        self.folder = os.path.join(b.work, name)
        os.mkdir(self.folder, 0o700)
        cert = {n: os.path.join(b.platform.folder, f"{n}.cert") for n in ("pdh", "pek", "oca", "cek-exported", "ask", "ark", "cek")}
        for made, parts in (("platform.cert", ("pdh", "pek", "oca", "cek-exported")), ("ask_ark_milan.cert", ("ask", "ark")), ("cek.cert", ("cek",)), ("ark.cert", ("ark",))):
            with open(os.path.join(self.folder, made), "wb") as f:
                for part in parts:
                    with open(cert[part], "rb") as data:
                        f.write(data.read())

    def file(self, name):
        """As launch.Host has the host take the session."""
        return os.path.join(self.folder, f"vm_{name}")

    def type(self, command, as_it_stands=None):
        """Returns whether it succeeded, and has the result."""
        path = f"{os.path.dirname(self.b.build.coco_inject)}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "-c", WRAPPER + command], cwd=self.folder, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=900, check=False)
        return self.b.ok(done.returncode == 0, title(as_it_stands or command), self.b.log_owner(done.stdout.decode(errors="replace")))

    def launch(self, disks):
        """From the session to a guest that runs with the secret, by the README's commands, of which the first has been typed."""
        b, (_, session, inject) = self.b, readme.commands("Inject a secret")
        self.type(session)
        b.create(disks)
        for name, what in FILES.items():
            os.symlink(getattr(b.vm, what), os.path.join(self.folder, name))
        host = launch.Host(b.vm, b.platform, os.path.join(self.folder, "host"))
        os.symlink(host.monitor, os.path.join(self.folder, "vm.qmp"))
        with open(b.vm.cmdline_file, encoding="ascii") as f:
            here = inject.replace(CMDLINE, shlex.quote(f.read().rstrip("\n")))
        b.ok(here != inject, "the README's command line is one of another guest")
        with host.launch(self, host.digest()):
            self.type(here, inject)
        b.before = b.vm.area()


# ---- the guest ----


def typed(b, command, disk, keys=""):
    """In the guest, on a terminal, with what a person types when asked for a passphrase."""
    here = command.replace(DEVICE, HERE_DEVICE + disk)
    b.put("/run/typed", keys.encode())
    person = "{ until grep -q 'Passphrase that opens' /run/said; do sleep 0.2; done; sleep 1; cat /run/typed; }" if keys else ":"
    status, _ = b.vm.run(f"cd /root; : >/run/said; {person} | timeout 500 script -qefc {shlex.quote(here)} /dev/null >/run/said", timeout=600)
    return b.ok(status == 0, title(command), b.vm.text("cat /run/said; journalctl -b --no-pager -u 'coco*' | tail -n 20"))


def empty(b, name, mib=64):
    disk = types.SimpleNamespace(name=name, path=os.path.join(b.work, f"{name}.img"))
    with open(disk.path, "wb") as f:
        f.truncate(mib << 20)
    return disk


def plugin(b):
    """Where Debian's libcryptsetup looks for it, as the README says."""
    b.payload.copy(os.path.join(b.build.install, "usr/lib/cryptsetup/libcryptsetup-token-coco.so"), "usr/lib/x86_64-linux-gnu/cryptsetup/libcryptsetup-token-coco.so", 0o644)


def keep(b):
    """The guest's root is an overlay, which a launch loses: the next one has what is in /etc now."""
    tar = b.vm.run("cd / && find etc -newer /run/first-launch ! -type d ! -name .updated -print0 | tar -cz --null -T -")[1]
    subprocess.run(["tar", "-xz", "-C", b.payload.tree, "--no-same-owner"], input=tar, check=True)


def first_launch(b, typed_key):
    """The guest's disk is empty: `luks format` makes a volume.  Another one, which a person opens, comes to open with the secret too."""
    b.vm.text("touch /run/first-launch")
    now, formats, enrolls, opens = readme.commands("Set up a guest")[2:6]
    for command in now, formats:
        typed(b, command, "data")
    said = b.vm.text("cat /run/said").replace("\r", "")
    keep(b)
    # As on a guest whose only volume is there already.
    b.vm.text("rm /etc/crypttab; systemctl disable -q cocod-cryptsetup@data.socket cocod-header@data.service")
    typed(b, enrolls, "spare", typed_key + "\n")
    b.ok(b.vm.text("grep -c '^data UUID=' /etc/crypttab").strip() == "1", "... it has written crypttab's line", b.vm.text("cat /etc/crypttab"))
    typed(b, opens, "spare")
    b.ok(b.is_open("data") and b.vm.text("cryptsetup close data; cryptsetup luksDump " + HERE_DEVICE + "spare | grep -c 'coco-secret: luks'").strip() == "1",
         "... the volume is open, by the token that names the secret")
    return said


def next_launch(b, said):
    """Nobody types anything, until the disk is open.  Then it gets its file system, by what `luks format` @said."""
    b.boots("the next launch, with the secret again: the guest boots with no failed unit")
    b.ok(b.is_open("data"), "the disk is open", b.vm.text("cat /etc/crypttab; systemctl status systemd-cryptsetup@data.service --no-pager || :"))
    b.ok(b.state("luks") == "wiped", "and the secret is wiped", b.list())
    makes, line = [text.strip() for text in said.splitlines() if "ext4" in text]
    status, out = b.vm.run(f"{makes} && echo '{line}' >>/etc/fstab && mkdir -p /data && systemctl daemon-reload && mount /data && touch /data/file && findmnt -no SOURCE /data", timeout=300)
    b.ok(status == 0 and out.decode().rstrip().endswith("/dev/mapper/data"), f"what `luks format` has said: {makes}; and fstab's line mounts it", out.decode(errors="replace"))


def path(b):
    """the README's path by a launch secret, as a person types it: from the platform's certificates to a disk that opens by itself"""
    b.config("Require=none")
    b.payload.write("etc/cocod/secrets.d/luks.conf", readme.blocks("Use a secret")[0].rstrip("\n") + " get token\n")
    plugin(b)
    key = b.secret_file("typed")
    with open(key, encoding="ascii") as f:
        typed_key = f.read()
    data, spare = empty(b, "data"), systemvm.Disk(b.work, "spare", key, CONTENT)
    first = Owner(b, "first")
    first.type(readme.inline("Inject a secret", "head "))
    with open(os.path.join(first.folder, "passphrase.bin"), "rb") as f:
        b.secrets.append(f.read())
    first.type(readme.commands("Inject a secret")[0])
    first.launch([data, spare])
    b.vm.wait_shell()
    b.boots("the guest boots with no failed unit")
    said = first_launch(b, typed_key)
    b.journal_is_clean()
    b.vm.power_off()
    b.vm.close()
    # The README's file as it stands: for a secret that tokens and root may have, too, being confirmed by a volume is not the end.
    b.payload.write("etc/cocod/secrets.d/luks.conf", readme.blocks("Use a secret")[0])
    again = Owner(b, "again")
    os.link(os.path.join(first.folder, "passphrase.bin"), os.path.join(again.folder, "passphrase.bin"))
    again.launch([data, spare])
    b.vm.wait_shell()
    next_launch(b, said)
    b.journal_is_clean()
