# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes into the VMs of doctor-test: programs with their libraries, modules, Xen's tools; and VMs in those VMs.

A VM in a VM (Inner) has nobody to talk to.  Its init asks both doctors, and writes what they say and what they record to its console,
which the VM around it keeps in a file.
"""

import base64
import gzip
import io
import os
import re
import subprocess
import tarfile

import vm

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("top_builddir", "."))
PROGRAMS = {"guest": "cococtl", "host": "coco-inject"}
LOADER = "lib/x86_64-linux-gnu"     # where the loader looks in any case


def read(path):
    with open(path, "rb") as f:
        return f.read()


def fetch(program, *args):
    return subprocess.run([os.path.join(HERE, program), *args], check=True, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL).stdout.strip()


def with_libraries(programs, folders=(), root=None, libraries_of=()):
    """Files of an initramfs: the programs, what they load, and what @libraries_of load.  Libraries are in @folders too; those below @root go where the loader looks."""
    said = subprocess.run(["ldd", *programs, *libraries_of], capture_output=True, text=True, check=True, env={**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}).stdout
    libraries = set(re.findall(r"(/\S+) \(0x", said))
    return {**{f"bin/{os.path.basename(p)}": (0o755, read(p)) for p in programs},
            **{(f"{LOADER}/{os.path.basename(p)}" if root and p.startswith(root) else p.lstrip("/")): (0o755, read(p)) for p in sorted(libraries)}}


def our_files(init):
    return {"init": (0o755, init), "bin/busybox": (0o755, read("/bin/busybox")), "bin/sh": (0o755, read("/bin/busybox")),
            # What cococtl loads when it needs it.
            **with_libraries([f"{BUILD}/{p}" for p in PROGRAMS.values()], libraries_of=[f"{BUILD}/cocod", f"{BUILD}/cocod-net"])}


def kernel_config(kernel):
    path = f"boot/config-{read(f'{kernel}/kver').decode().strip()}"
    return {path: (0o644, read(f"{kernel}/{path}"))}


def module(kernel, name):
    """The module @name as insmod takes it."""
    for folder, _, files in os.walk(f"{kernel}/lib/modules"):
        for f in files:
            if f.split(".ko")[0].replace("_", "-") == name and ".ko" in f:
                path = os.path.join(folder, f)
                return subprocess.run(["xz", "-dc", path], check=True, stdout=subprocess.PIPE).stdout if path.endswith(".xz") else read(path)
    raise FileNotFoundError(name)


def modules(kernel, names):
    return {f"modules/{m}.ko": (0o644, module(kernel, m)) for m in names}


# ---- Xen ----

XEN_TOOLS = ("xl", "xenstored", "xen-init-dom0", "xenhypfs", "xenconsoled")
XEN_CONSOLES = "/var/log/xen/console"
XEN_SET_UP = (f"mkdir -p /etc/xen /run/xen /run/xenstored /var/run/xenstored /var/run/xen /var/lib/xenstored /var/lib/xen /var/lock {XEN_CONSOLES} /dev/pts", "touch /etc/xen/xl.conf",
              "mount -t devpts devpts /dev/pts", "mount -t xenfs xenfs /proc/xen", "xenstored --pid-file=/run/xenstored.pid", "xen-init-dom0",
              f"xenconsoled --log=guest --log-dir={XEN_CONSOLES} --pid-file=/run/xenconsoled.pid")


def xen_files():
    """xl and what it needs to be answered and to start guests."""
    root = f"{fetch('fetch-xen')}/tree"
    tools, folders = {}, set()
    for folder, _, files in os.walk(root):
        # Those of a version of Xen's come before the wrappers of that name.
        tools.update({f: os.path.join(folder, f) for f in files if f in XEN_TOOLS and "bin" in folder and not (f in tools and "/lib/xen-" not in folder)})
        folders.update(folder for f in files if ".so" in f)
    # The C library loads this one when a thread of xl's is cancelled.
    late = "lib/x86_64-linux-gnu/libgcc_s.so.1"
    return {**with_libraries(list(tools.values()), sorted(folders), root), late: (0o755, read(f"/{late}"))}


# ---- QEMU, where the VM has KVM ----

QEMU_FIRMWARE = {"bios-256k.bin": "/usr/share/seabios", "linuxboot_dma.bin": "/usr/share/qemu", "kvmvapic.bin": "/usr/share/qemu"}


def qemu_files():
    return {**with_libraries(["/usr/bin/qemu-system-x86_64"]), **{f"share/qemu/{name}": (0o644, read(f"{folder}/{name}")) for name, folder in QEMU_FIRMWARE.items()}}


# ---- VMs in a VM ----

# The kernel is told to keep quiet, so that its lines do not come between those of the file.
INNER_INIT = vm.INIT_BEGIN + rb"""mkdir /out
exec </dev/null >/dev/console 2>&1
dmesg -n 1
for module in /modules/*.ko; do
	[ ! -e "$module" ] || insmod "$module"
done
[ ! -d /proc/xen ] || mount -t xenfs xenfs /proc/xen
cococtl doctor --json --record /out/guest >/out/guest.json
coco-inject doctor --json --record /out/host >/out/host.json
echo "@inner begin"
tar -C /out -cz . | base64
echo "@inner end"
poweroff -f
"""


def inner_files(kernel, work, names):
    """The kernel and the initrd of a VM in a VM, which loads the modules @names."""
    initrd = os.path.join(work, "inner.img")
    vm.write_initramfs(initrd, {**our_files(INNER_INIT), **kernel_config(kernel), **modules(kernel, names)})
    return {"inner/vmlinuz": (0o644, read(f"{kernel}/vmlinuz")), "inner/initrd": (0o644, read(initrd))}


class Inner:
    """A VM in a VM: @command starts it, and its console is in the file @log; @device is one that its QEMU must have; the rest is as a
    Boot's."""

    def __init__(self, name, command, log, like=(), expect=None, says=None, device=""):
        self.name, self.command, self.log, self.like, self.expect, self.says, self.device = name, command, log, like, expect or {}, says or {}, device

    def answers(self, guest, timeout=600):
        """What the doctors of the VM say, and their records, as tar files: {side: (text, tar)}."""
        status, said = guest.run(self.command, timeout)
        if status:
            raise vm.Timeout(f"{self.name}: {self.command}: {said}")
        wait = f"n=0; until grep -q '@inner end' {self.log}; do n=$((n + 1)); [ $n -lt {timeout} ] || exit 1; sleep 1; done 2>/dev/null"
        if guest.run(wait, 2 * timeout)[0]:
            raise vm.Timeout(f"{self.name}: it says nothing: {guest.run(f'tail -n 20 {self.log}')[1]}")
        text = guest.run(f"sed -n '/@inner begin/,/@inner end/p' {self.log} | grep -v @inner | tr -d '\\r'")[1]
        try:
            return _taken_apart(gzip.decompress(base64.b64decode(text)))    # the checksum says if any of it was lost
        except (OSError, EOFError, KeyError, ValueError, tarfile.TarError) as e:
            raise vm.Timeout(f"{self.name}: what it says is garbled: {e!r}: {text[:200]}") from None


def _taken_apart(tar):
    with tarfile.open(fileobj=io.BytesIO(tar)) as t:
        texts = {side: t.extractfile(f"./{side}.json").read().decode() for side in PROGRAMS}
        return {side: (texts[side], _part(t, side)) for side in PROGRAMS}


def _part(tar, folder):
    """A tar file with what @tar has in @folder."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        for member in tar.getmembers():
            member.name = member.name.removeprefix("./")
            if member.name.split("/")[0] == folder:
                t.addfile(member, tar.extractfile(member) if member.isfile() else None)
    return out.getvalue()
