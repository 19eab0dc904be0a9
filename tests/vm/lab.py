# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared by the scenarios of system-test and others and by the demo: an owner with secrets, a VM, and ways to examine both."""

import base64
import json
import os
import re
import secrets
import shutil
import struct
import tempfile
import time
import uuid

import launch
import readme
import systemvm
import vm

LUKS_GUID = "736869e5-84f0-4973-92ec-06879ce3da0b"
KBC_GUID = "e6f5a162-d67f-4750-a67c-5d065f2a9910"
TABLE_GUID = "1e74f542-71dd-4d66-963e-ef4287ff173b"
AGAIN_GUID = "5f1a3c0e-8f0b-4e8e-9f43-2d7c51a1c5aa"
SPARE_GUID = "0f5cb4a5-61ba-4a2b-8e0c-5b0a5b2f6d11"
CONTENT = "The file that was there before the disk was encrypted.\n"
BEFORE_UNIT = """[Unit]
Description=What cococtl lists before the disk is opened
DefaultDependencies=no
Wants=cocod.service
After=cocod.service
Before=systemd-cryptsetup@data.service
[Service]
Type=oneshot
ExecStart=sh -c 'cococtl secrets list >/run/vm-before.txt; cococtl secrets list --json >/run/vm-before.json'
[Install]
WantedBy=sysinit.target
"""
COCO = "/sys/kernel/security/secrets/coco"
# Prints the AppArmor profile of each process of a command, once there is one.
PROFILES = """for n in $(seq 300); do pids=$(pgrep -f "^%s( |$)") && break; sleep 0.1; done; for pid in $pids; do cat /proc/$pid/attr/current; done"""
# Who connects has a process of its own, which waits for a question while LOOK looks at it.
CONNECTED = """perl -MSocket -e 'socket(S, PF_UNIX, SOCK_SEQPACKET, 0); connect(S, sockaddr_un("/run/cocod/%s.sock")) or die; system "sh", "-c", $ARGV[0]' 'LOOK'"""
# What a unit confines: its profile, its command, and how there is one to look at.
CONFINED = {
    "cocod": ("cocod", "/usr/sbin/cocod", "LOOK"),
    "the worker for LUKS headers": ("cocod-worker", "/usr/libexec/coco-agent/cocod-worker --kind=luks", CONNECTED % "worker-luks"),
    "the worker for evidence": ("cocod-worker", "/usr/libexec/coco-agent/cocod-worker --kind=evidence", CONNECTED % "worker-evidence"),
    "cocod-net": ("cocod-net", "/usr/libexec/coco-agent/cocod-net", CONNECTED % "net"),
    # It waits for cocod.
    "cococtl": ("cococtl", "/usr/bin/cococtl secrets wipe --boot-complete",
                "systemctl kill --signal=STOP cocod.service; systemctl start --no-block cocod-boot-complete.service; LOOK; systemctl kill --signal=CONT cocod.service"),
}


def entry(guid, data):
    """One entry of the secret area, as the kernel's efi_secret documentation has it."""
    return uuid.UUID(guid).bytes_le + struct.pack("<I", 20 + len(data)) + data


def table(*entries, length=None):
    body = b"".join(entries)
    return uuid.UUID(TABLE_GUID).bytes_le + struct.pack("<I", 20 + len(body) if length is None else length) + body


class Copy:
    """A secret, or what is left of it, found in the guest's RAM."""

    def __init__(self, address, kind, length, of):
        self.address = address
        self.kind = kind        # what its page is used for
        self.length = length    # in bytes
        self.of = of

    def __str__(self):
        part = "all of it" if self.length == self.of else f"{self.length} of {self.of} bytes"
        return f"at {self.address:#012x}, {part}: {self.kind}"


PIECE = 16


def find_copies(ram, flags, secret):
    """All places with at least PIECE bytes of the secret, from a multiple of PIECE in it, because freed memory is often
    overwritten only in part.  A piece of a random secret is too long to be there by chance."""
    copies = {}
    for at in range(0, len(secret) - PIECE + 1, PIECE):
        for address in ram.find(secret[at:at + PIECE]):
            copies.setdefault(address - at, []).append(address)
    found = []
    for base, pieces in sorted(copies.items()):
        whole = ram.read(max(base, 0), len(secret)) == secret
        kind = "the secret area" if vm.AREA <= pieces[0] < vm.AREA + vm.AREA_LEN else systemvm.page_kind(flags, pieces[0])
        found.append(Copy(pieces[0], kind, len(secret) if whole else PIECE * len(pieces), len(secret)))
    return found


class Lab:
    """A folder for secrets and disks, one VM, and the results about it."""

    live = set()

    def __init__(self, name, cache, build, platform, logs, *modules):
        self.live.add(self)
        self.name = name
        self.cache = cache
        self.build = build
        self.platform = platform
        self.logs = os.path.join(logs, name)
        self.out = []           # TAP without numbers: (good, text) or a comment
        self.owner_said = []    # by coco-inject
        self.secrets = []       # what must never be in a log
        self.vm = None
        self.before = None      # the area, before the guest ran
        big = "/dev/shm"
        room = os.path.isdir(big) and shutil.disk_usage(big).free > 3 << 30
        self.work = tempfile.mkdtemp(prefix="coco-vm.", dir=big if room else None)
        os.chmod(self.work, 0o700)
        os.makedirs(self.logs, exist_ok=True)
        self.owner = self.new_owner("owner")
        self.payload = systemvm.Payload(self.work, cache, build.install, build.module, *modules)

    def stop(self):
        """Called from another thread: whatever is under way with the VM fails at once, and cleans up."""
        if self.vm:
            self.vm.process.kill()

    def ok(self, good, text, detail=""):
        self.out.append((bool(good), text))
        if not good and detail:
            self.out += [f"# {line}" for line in str(detail).splitlines()[-20:]]
        return good

    def boots(self, text):
        """The guest's systemd has no job left, and no unit has failed."""
        state = self.vm.wait_booted()
        self.ok(state == "running", text, "" if state == "running" else f"{state}\n{self.vm.failed_units()}")

    def say(self, text):
        self.out += [f"# {line}" for line in text.splitlines()]

    def secret_file(self, name, data=None):
        """Makes a file that only its owner may read, with data or else a new secret.  Returns its path."""
        data = secrets.token_hex(32).encode() if data is None else data
        path = os.path.join(self.work, f"{name}.secret")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
            f.write(data)
        if data:
            self.secrets.append(data.rstrip(b"\0"))
        return path

    def config(self, *lines):
        self.payload.write("etc/cocod/cocod.conf", "\n".join(["[Cocod]", *lines]) + "\n")

    def crypttab(self, disk, options, key="none"):
        self.payload.write("etc/crypttab", f"{disk.name} UUID={disk.uuid} {key} {options}\n")

    def create(self, disks, **options):
        """Creates the VM, paused before its first instruction, with these options of SystemVM."""
        self.vm = systemvm.SystemVM(self.work, self.cache, self.payload, self.build.app, disks, **options)

    def new_owner(self, name, policy=launch.SEV):
        """An owner without a session."""
        return launch.Owner(self.build.coco_inject, self.platform, os.path.join(self.work, name), policy)

    def log_owner(self, said):
        """Keeps the output of coco-inject for its log, and returns it."""
        self.owner_said.append(said)
        return said

    def verify_chain(self):
        return self.log_owner(self.owner.verify_chain())

    def make_session(self):
        return self.log_owner(self.owner.make_session())

    def inject(self, given):
        """Launch the VM with the owner's session, inject these secrets, (GUID, file) each, as the owner does, and let it run.

        Returns what coco-inject says, and the digest that the security processor has measured.
        """
        host = launch.Host(self.vm, self.platform, os.path.join(self.work, "host"))
        digest = host.digest()
        with host.launch(self.owner, digest):
            status, said = self.owner.inject(self.vm, host.monitor, given)
        self.log_owner(said)
        if status != 0:
            raise systemvm.Failure(f"coco-inject inject: exit status {status}\n{said}")
        # The guest runs, but its firmware has just started.
        self.before = self.vm.area()
        return said, digest

    def start(self, given, disks):
        """All steps of the owner and the host until the guest's systemd runs.  Returns the same as inject()."""
        self.verify_chain()
        self.make_session()
        self.create(disks)
        said = self.inject(given)
        self.vm.wait_shell()
        return said

    def list(self):
        """{name: its entry in `cococtl secrets list --json`}."""
        return {s["name"]: s for s in json.loads(self.vm.text("cococtl secrets list --json"))["secrets"]}

    def state(self, name):
        return self.list().get(name, {}).get("state", "not listed")

    def put(self, path, data):
        """Writes a file in the running guest.  Not for secrets, because the content is on a command line there."""
        self.vm.text(f"mkdir -p $(dirname {path}); echo {base64.b64encode(data).decode()} | base64 -d >{path}")

    def restart_cocod(self, then=""):
        """Returns cocod's status once it has a verdict or has failed to get one.  @then runs at once, in the meantime."""
        self.vm.text(f"systemctl reset-failed; systemctl restart cocod.service; {then}", timeout=300)
        end = time.monotonic() + 200
        while True:
            status = json.loads(self.vm.text("cococtl status --json"))
            if status["gate"]["state"] != "verifying":
                return status
            if time.monotonic() > end:
                raise systemvm.Failure(f"cocod comes to no verdict: {status}")
            time.sleep(0.5)

    def try_disk(self):
        """Restart cocod and ask it for the disk's key at once.  Returns its status, and the exit status and output of systemctl."""
        status = self.restart_cocod("{ systemctl start systemd-cryptsetup@data.service; echo $?; } >/run/vm-try 2>&1")
        *out, code = self.vm.text("cat /run/vm-try").splitlines()
        return status, int(code), "\n".join(out)

    def area_is(self, expected, text):
        """Compare the area in RAM with what it should be.  Reports where it differs, not its content."""
        now = self.vm.area()
        at = next((i for i in range(len(now)) if now[i] != expected[i]), None)
        return self.ok(at is None, text, f"the first difference is at byte {at}" if at is not None else "")

    def wiped(self, *guids):
        """The area as it was before, with these entries wiped: GUID and data are zero, the length is unchanged."""
        area = bytearray(self.before)
        for guid in guids:
            at = area.index(uuid.UUID(guid).bytes_le, 20)
            length = int.from_bytes(area[at + 16:at + 20], "little")
            area[at:at + 16] = bytes(16)
            area[at + 20:at + length] = bytes(length - 20)
        return bytes(area)

    def said(self, pattern, text):
        line = self.vm.wait_journal(pattern)
        if self.ok(line, text, f"the journal has no line like: {pattern}"):
            self.say(f"journal: {line}")

    def is_open(self, volume):
        return self.vm.run(f"test -e /dev/mapper/{volume}")[0] == 0

    def is_confined(self, *names):
        """AppArmor's profiles are enforced on cocod and on these of CONFINED."""
        mode = "complain" if systemvm.APPARMOR_MODE else "enforce"
        for name in ("cocod", *names):
            profile, command, start = CONFINED[name]
            said = self.vm.text(f"{start.replace('LOOK', PROFILES % command)}").splitlines()
            self.ok(said and set(said) == {f"{profile} ({mode})"}, f"{name} is confined by its AppArmor profile", said)

    def refused_by_apparmor(self):
        return self.vm.text("{ journalctl -b -o cat; dmesg; } | grep -E 'apparmor=\"?(DENIED|ALLOWED)' | sort -u || :")

    def journal_is_clean(self):
        """No secret is in the journal's text or files.  They are compared here and not shown.  Nor has AppArmor refused anything."""
        if self.payload.confined:
            refused = self.refused_by_apparmor()
            self.ok(not refused, "AppArmor has refused nothing", refused)
        text = self.vm.journal().encode(errors="surrogateescape")
        with open(os.path.join(self.logs, "journal.txt"), "wb") as f:
            f.write(text)
        raw = self.vm.run("cat /run/log/journal/*/*.journal /var/log/journal/*/*.journal 2>/dev/null")[1]
        found = [i for i, s in enumerate(self.secrets) if s in text or s in raw or s.hex().encode() in text]
        return self.ok(not found and raw.startswith(b"LPKSHHRH"), "the journal has no secret in it")

    def keep_journal(self):
        """What has failed is in there, as long as the VM runs."""
        if self.vm and self.vm.process.poll() is None:
            try:
                self.journal_is_clean()
            except (systemvm.Failure, OSError):
                pass

    def copies(self, *needles):
        """Every copy of each secret in the guest's whole RAM at this moment: a list of Copy for each secret."""
        flags = self.vm.page_flags()
        self.vm.qmp.command("stop")
        found = [find_copies(self.vm.ram, flags, needle) for needle in needles]
        self.vm.qmp.command("cont")
        return found

    def end(self):
        """Keep the logs, and remove secrets and RAM."""
        self.live.discard(self)
        if self.vm:
            self.vm.close()
        with open(os.path.join(self.logs, "inject.log"), "w", encoding="utf-8") as f:
            f.write("".join(self.owner_said))
        for name in ("console.log", "qemu.log", "double.log"):
            path = os.path.join(self.work, name)
            if os.path.exists(path):
                shutil.copyfile(path, os.path.join(self.logs, name))
        shutil.rmtree(self.work)

    def main_job(self):
        """An encrypted disk in crypttab and fstab, its passphrase and a second secret; start it with start_main_job()."""
        passphrase = self.secret_file("luks")
        with open(passphrase, "rb") as f:
            # Other tools often inject a passphrase with a NUL at its end that is not part of it.
            self.luks_file = self.secret_file("luks-nul", f.read() + b"\0")
        self.other_file = self.secret_file("other", os.urandom(48))
        self.disk = systemvm.Disk(self.work, "data", passphrase, CONTENT)
        self.config("Require=none")
        # The README's line and units.
        self.payload.write("etc/crypttab", re.sub(r"UUID=\S+", f"UUID={self.disk.uuid}", readme.blocks("Set up a guest")[1]))
        self.payload.write("etc/fstab", "/dev/mapper/data /data ext4 ro,nofail 0 0\n")
        self.payload.write("etc/systemd/system/vm-before.service", BEFORE_UNIT)
        self.payload.enable("vm-before.service", *readme.commands("Set up a guest")[1].removeprefix("systemctl enable ").split())
