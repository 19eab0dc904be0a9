# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared by the VM tests: the guest's RAM as a file, QEMU's command line, an initramfs, and a shell in the guest.

Nothing here knows the secret area's format: each test makes its own tables.
"""

import gzip
import mmap
import os
import queue
import re
import shutil
import subprocess
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RAM_MIB = 1024
AREA = 0x10000000       # where sev-firmware.efi reserves the secret area
AREA_LEN = 0xc00
KEYS = 0x10010000       # where it reserves memory for SVKL keys
KEYS_LEN = 0x20000
OVMF_DIRS = ("/usr/share/OVMF", "/usr/share/edk2/ovmf", "/usr/share/edk2/x64")


class Timeout(Exception):
    """The guest did not answer.  The log of its console says why."""


class Ended(Timeout):
    """QEMU is not there any more."""


class Ram:
    """The guest's memory as the host sees it.  Below 2 GiB, a file offset is a guest-physical address."""

    def __init__(self, path, mib=RAM_MIB):
        self.path = path
        self.mib = mib
        with open(path, "w+b") as f:
            f.truncate(mib << 20)
            self.map = mmap.mmap(f.fileno(), mib << 20)

    def read(self, address, length):
        return self.map[address:address + length]

    def write(self, address, data):
        self.map[address:address + len(data)] = data

    def find(self, needle):
        """The addresses of every copy of needle in the whole guest."""
        found = []
        at = self.map.find(needle)
        while at >= 0:
            found.append(at)
            at = self.map.find(needle, at + 1)
        return found

    def close(self):
        self.map.close()


def wait_for(condition, what, timeout=60):
    """Wait until condition() is true."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise Timeout(f"{what}: nothing for {timeout} s")
        time.sleep(0.05)


def ovmf(name):
    """The path of a firmware file of the distribution, such as OVMF_CODE_4M.fd."""
    for folder in OVMF_DIRS:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"{name}: install the package ovmf")


def qemu_base(ram, console, cpus=2, machine="", thread="single"):
    """A machine on software emulation, so that no /dev/kvm is needed, with QEMU's own BIOS and nothing to boot from.

    Its processors take turns, unless thread is "multi": then one of them may still run code that another has changed, and
    the kernel, which changes its own, ends with "Oops: int3" or a reset, in one boot of some hundred.
    """
    return ["qemu-system-x86_64", "-machine", f"q35,memory-backend=ram{machine}", "-accel", f"tcg,thread={thread}", "-cpu", "max",
            "-smp", str(cpus), "-m", f"{ram.mib}M",
            "-object", f"memory-backend-file,id=ram,size={ram.mib}M,mem-path={ram.path},share=on",
            "-nodefaults", "-display", "none", "-no-reboot", "-net", "none", "-serial", f"file:{console}"]


def boot_disk(esp):
    return ["-drive", f"if=none,id=esp,format=raw,readonly=on,file={esp}", "-device", "virtio-blk-pci,drive=esp"]


def flash(path, option="readonly=on"):
    return ["-drive", f"if=pflash,format=raw,{option},file={path}"]


def qemu_command(work, ram, esp, console, firmware=None, cpus=2, secure=False, extra=(), thread="single"):
    """QEMU's command line for a UEFI guest.

    work is a folder for what QEMU writes (the firmware's variables), console a file for the first serial line,
    firmware the code image when it is not the stock one, secure turns Secure Boot on, with the test keys of the package
    ovmf, extra more arguments, thread as for qemu_base().
    """
    firmware = firmware or ovmf("OVMF_CODE_4M.secboot.fd" if secure else "OVMF_CODE_4M.fd")
    variables = os.path.join(work, "vars.fd")
    shutil.copyfile(ovmf("OVMF_VARS_4M.snakeoil.fd" if secure else "OVMF_VARS_4M.fd"), variables)
    smm = ["-global", "driver=cfi.pflash01,property=secure,value=on"] if secure else []
    return [*qemu_base(ram, console, cpus, ",smm=on" if secure else "", thread), *smm, *flash(firmware), *flash(variables, "readonly=off"),
            *boot_disk(esp), *extra]


# The shim first.
EFI_SECRET_MODULES = ("coco_table_shim", "efi_secret")


def efi_secret_tree(kernel, folder, log=None):
    """Makes folder, for the kernel's build: the kernel's own efi_secret, as Debian's source of that kernel has it, and its shim.

    kernel is a folder of fetch-kernel's. Returns False when apt does not have the source, and fetch-source says why to log, a file.
    """
    fetch = subprocess.run([os.path.join(HERE, "fetch-source"), kernel], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
    if fetch.returncode != 0:
        return False
    shutil.copytree(os.path.join(HERE, "efi-secret"), folder)
    shutil.copy(os.path.join(fetch.stdout.strip(), "drivers/virt/coco/efi_secret/efi_secret.c"), folder)
    for name in "base", "driver", "wire":
        shutil.copytree(os.path.join(HERE, "..", "..", name), os.path.join(folder, name))
    return True


def _newc(path, mode, data):
    name = path.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % f for f in fields) + name
    return header + b"\0" * (-len(header) % 4) + data + b"\0" * (-len(data) % 4)


def write_initramfs(path, files):
    """A gzipped cpio with files = {"path/in/it": (mode, bytes)}. Folders are added as needed. Needs no root."""
    folders = set()
    for name in files:
        parts = name.split("/")[:-1]
        folders.update("/".join(parts[:i + 1]) for i in range(len(parts)))
    with gzip.open(path, "wb", compresslevel=1) as out:
        for folder in sorted(folders):
            out.write(_newc(folder, 0o040755, b""))
        for name, (mode, data) in files.items():
            out.write(_newc(name, 0o100000 | mode, data))
        out.write(_newc("TRAILER!!!", 0, b""))


# How each PID 1 begins that is a script of busybox's.
INIT_BEGIN = rb"""#!/bin/sh
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t securityfs securityfs /sys/kernel/security
"""

# PID 1 of Guest: answers each command line on the second serial line with its output and its exit status.
GUEST_INIT = INIT_BEGIN + rb"""exec </dev/ttyS1 >/dev/ttyS1 2>&1
stty raw -echo
echo "@guest ready"
while read -r length line; do
	[ "${#line}" = "$length" ] || { echo "@guest again"; continue; }
	(eval "$line") </dev/null
	echo "@guest $?"
done
"""


class Guest:
    """A running VM whose PID 1 is GUEST_INIT: run() is a shell in it, over the second serial line."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            [*command, "-chardev", "stdio,id=shell,signal=off", "-serial", "chardev:shell"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.decode(errors="replace").rstrip("\r\n"))
        self.lines.put(None)

    def _until(self, pattern, timeout):
        out = []
        while True:
            try:
                line = self.lines.get(timeout=timeout)
            except queue.Empty:
                raise Timeout(f"no answer from the guest for {timeout} s; so far: {out[-5:]}") from None
            if line is None:
                raise Ended(f"the guest has ended, QEMU with status {self.process.wait()}; its last words: {out[-5:]}")
            # If the output does not end with a newline, the marker follows on the same line.
            m = re.search(pattern, line)
            if m:
                if m.start():
                    out.append(line[:m.start()])
                return out, m
            out.append(line)

    def wait_ready(self, timeout=600):
        self._until(r"@guest ready$", timeout)

    def run(self, line, timeout=300):
        """Runs one line of shell. Returns its exit status and its output (both streams)."""
        line = line.strip()
        # On a busy machine, the emulated serial line may lose the 16 bytes in its FIFO.
        for _ in range(5):
            self.process.stdin.write(f"{len(line)} {line}\n".encode("ascii"))
            self.process.stdin.flush()
            out, m = self._until(r"@guest (\d+|again)$", timeout)
            if m.group(1) != "again":
                return int(m.group(1)), "\n".join(out)
        raise Timeout(f"the guest does not get '{line}'")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass    # it had ended before it got the last line
        self.process.stdout.close()
