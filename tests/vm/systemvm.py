# SPDX-License-Identifier: LGPL-2.1-or-later
"""A test VM with Debian's systemd as PID 1, the installed project on top, LUKS disks, and secrets in its RAM.

The root image is tests/vm/rootfs's and never changes; what a test adds (the project as `make install` has it, the
kernel module, configuration) is a cpio behind the initrd.  The VM is created paused, so that the host can put secrets
into it as it would into a confidential one; afterwards Shell runs commands in it.
"""

import base64
import contextlib
import fcntl
import gzip
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import types
import uuid

import vm

HERE = os.path.dirname(os.path.abspath(__file__))
CMDLINE = ("initrd=\\initrd.img console=ttyS0 panic=-1 no_timer_check quiet loglevel=4 mitigations=off systemd.show_status=0 "
           "secretmem.enable=1")

# AppArmor is on in Debian's kernels.  The profiles are loaded before systemd starts, so that all of a boot is confined: in scenarios
# that look at it, and with COCO_APPARMOR=enforce in all.  COCO_APPARMOR=complain has the kernel log what it would refuse.
APPARMOR = "usr/lib/vm-test/apparmor"
APPARMOR_MODE = ["--Complain"] if os.environ.get("COCO_APPARMOR") == "complain" else []
LOAD_APPARMOR = f"""mount -t securityfs securityfs /sys/kernel/security
for profile in /{APPARMOR}/*; do
	cat "$profile" >/sys/kernel/security/apparmor/.replace
done
umount /sys/kernel/security"""

AGENT = """#!/bin/sh
# The guest's side of systemvm.Shell.  Each line is a script in base64.  The answer is its output in base64 and its exit status.
port=
for sys in /sys/class/virtio-ports/*; do
	[ "$(cat "$sys/name")" != vm-test ] || port=/dev/${sys##*/}
done
exec 3<>"$port"
echo ready >&3
while read -r line <&3; do
	echo "$line" | base64 -d >/run/vm-test.sh
	sh /run/vm-test.sh >/run/vm-test.out 2>&1 </dev/null 3>&-
	status=$?
	{ base64 -w 0 /run/vm-test.out; echo " $status"; } >&3
done
"""

AGENT_UNIT = """[Unit]
Description=Shell of the VM tests
DefaultDependencies=no
[Service]
Type=exec
ExecStart=/usr/lib/vm-test/agent
[Install]
WantedBy=sysinit.target
"""


class Failure(Exception):
    """The harness failed, not the tested project; the message says what to look at."""


def run(*command, **kwargs):
    """subprocess.run() that shows the output of a failed command."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **kwargs)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


def sbin(name):
    """The path of an administrator's tool, which an ordinary PATH does not have."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Failure(f"{name} is missing: run tests/setup")
    return path


def load(path):
    """A program of tests/ as a module, a fresh one each time; path is relative to this folder."""
    loader = importlib.machinery.SourceFileLoader(os.path.basename(path).replace("-", "_"), os.path.join(HERE, path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def native_release():
    """The codename of this machine's release of Debian."""
    return run("sh", "-ec", '. "$1"; archive_release', "sh", os.path.join(HERE, "archive.sh")).strip()


def other_release(native):
    """The release that is tested in addition to this machine's."""
    return "bookworm" if native == "trixie" else "trixie"


class Cache:
    """What all VMs share: kernel, root image, initrd.

    @release is a codename of Debian's, by default this machine's; its kernel is its own unless a @series of fetch-kernel's is given.
    """

    def __init__(self, *series, release=None):
        native = native_release()
        self.release = release or native
        if self.release != native and not series:
            series = (self.release,)
        self.kernel = run(os.path.join(HERE, "fetch-kernel"), *series, stdin=subprocess.DEVNULL).splitlines()[-1]
        with open(os.path.join(self.kernel, "kver"), encoding="ascii") as f:
            self.kver = f.read().strip()
        self.guest = run(os.path.join(HERE, "rootfs"), "--release", self.release, *series, stdin=subprocess.DEVNULL).splitlines()[-1]


@contextlib.contextmanager
def locked(folder):
    """One program at a time makes things in the folder."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


class Build:
    """The project as built in `top`, an out-of-tree build with --prefix=/usr: what the VM gets, and the host's tools."""

    def __init__(self, top, cache, work):
        def make(*targets):
            run("make", "-s", "-C", top, *targets, stdin=subprocess.DEVNULL, env=environment)

        # Do not pass on make's variables, which are for the make that runs us.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        self.install = os.path.join(work, cache.kver, "install")
        self.judge_header = os.path.join(top, "tests/judge-header")
        self.app = os.path.join(top, "tests/vm/firmware/sev-firmware.efi")
        self.module = os.path.join(work, cache.kver, "coco_secret.ko")
        os.makedirs(os.path.dirname(self.module), exist_ok=True)
        with locked(top):
            # As packages have it: the firmware reads all of this, and the guest unpacks and copies it.
            make("install-strip", f"DESTDIR={self.install}")
            make("firmware-app")
            make("tests/judge-header")
            make("module", f"KERNELDIR={cache.kernel}/headers")
            # Copy it, because the next kernel's module replaces it there.  DKMS strips it, too.
            run("strip", "--strip-debug", "-o", self.module, os.path.join(top, "driver/coco_secret.ko"))
        self.coco_inject = os.path.join(top, "coco-inject")
        self.bad_consumer, self.intruder = (os.path.join(work, cache.kver, name) for name in ("bad-consumer", "intruder"))
        for program in self.bad_consumer, self.intruder:
            run("gcc", "-static", "-O2", "-Wall", "-Werror", "-o", program, os.path.join(HERE, f"{os.path.basename(program)}.c"))
        # The VM's /lib is a link to /usr/lib.  Unlike `make install`, copying files does not follow links.
        if os.path.isdir(os.path.join(self.install, "lib")):
            shutil.copytree(os.path.join(self.install, "lib"), os.path.join(self.install, "usr/lib"), dirs_exist_ok=True)
            shutil.rmtree(os.path.join(self.install, "lib"))
        self._compile_apparmor()
        # The VM does not need the manual.
        shutil.rmtree(os.path.join(self.install, "usr/share/man"), ignore_errors=True)


    def _compile_apparmor(self):
        """Adds the AppArmor profiles as the kernel takes them, so that the VM needs no parser."""
        folder = os.path.join(self.install, APPARMOR)
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(os.path.join(self.install, "etc/apparmor.d")):
            with open(os.path.join(folder, name), "wb") as out:
                subprocess.run([sbin("apparmor_parser"), "-QKS", *APPARMOR_MODE, os.path.join(self.install, "etc/apparmor.d", name)], stdout=out, stderr=subprocess.DEVNULL, check=True)


def host_tools(top):
    """What Build has for the host alone: nothing of the project in `top` is in the VM."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    with locked(top):
        run("make", "-s", "-C", top, "coco-inject", "firmware-app", stdin=subprocess.DEVNULL, env=environment)
    return types.SimpleNamespace(install=None, module=None, coco_inject=os.path.join(top, "coco-inject"), app=os.path.join(top, "tests/vm/firmware/sev-firmware.efi"))


def make_efi_secret(cache, work):
    """The kernel's own efi_secret and its shim, built for the cache's kernel: their files, none when apt does not have the source."""
    folder = os.path.join(work, cache.kver, "efi-secret")
    if not vm.efi_secret_tree(cache.kernel, folder):
        return []
    run("make", "-s", "-C", f"{cache.kernel}/headers", f"M={folder}", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules")
    return [os.path.join(folder, f"{name}.ko") for name in vm.EFI_SECRET_MODULES]


def too_new(cache, build):
    """Returns why the programs built here cannot run in the cache's release, which may be older, or "" if they can."""
    programs = [os.path.join(build.install, name) for name in ("usr/sbin/cocod", "usr/libexec/coco-agent/cocod-worker", "usr/bin/cococtl")]
    wanted = max(tuple(map(int, version.split("."))) for version in re.findall(r"\bGLIBC_(\d+\.\d+)\b", run("readelf", "-V", *programs)))
    with open(os.path.join(cache.guest, "packages"), encoding="utf-8") as f:
        has = tuple(map(int, re.search(r"^libc6(?::\w+)?\s+(\d+)\.(\d+)", f.read(), re.M).groups()))
    return "" if has >= wanted else f"programs from here want glibc {wanted[0]}.{wanted[1]}, {cache.release} has {has[0]}.{has[1]}: run this on {cache.release}"


def make_ext4(work, path, files, mib=16):
    """Makes an ext4 file system in the new file path, with files = {"path/in/it": (mode, bytes)}."""
    with tempfile.TemporaryDirectory(dir=work) as tree:
        os.chmod(tree, 0o755)
        for name, (mode, data) in files.items():
            full = os.path.join(tree, name)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb") as f:
                f.write(data)
            os.chmod(full, mode)
        with open(path, "wb") as f:
            f.truncate(mib << 20)
        run(sbin("mkfs.ext4"), "-q", "-O", "^has_journal", "-d", tree, path)


class Disk:
    """A LUKS2 volume in a file, with an ext4 file system that has a known file and perhaps more.  Made without device-mapper and root."""

    def __init__(self, work, name, key_file, content, files=(), mib=16):
        self.name = name
        self.path = os.path.join(work, f"{name}.img")
        self.uuid = str(uuid.uuid4())
        make_ext4(work, self.path, {"known": (0o644, content.encode()), **dict(files)}, mib)
        with open(self.path, "r+b") as f:
            f.truncate(mib + 32 << 20)
        # Its folder for locks belongs to root, and no other program uses this file.  It makes a file for the header in its current folder.
        run(sbin("cryptsetup"), "reencrypt", "--disable-locks", "--encrypt", "--type", "luks2", "--batch-mode", "--uuid", self.uuid,
            "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--reduce-device-size", "32M",
            "--key-file", os.path.abspath(key_file), self.path, cwd=work)


class Payload:
    """The files that are copied over one VM's root image."""

    def __init__(self, work, cache, install_tree=None, *modules):
        self.tree = os.path.join(work, "payload")
        if install_tree:
            shutil.copytree(install_tree, self.tree, symlinks=True)
        # Commands that a package's installation would run.  They run in the guest before systemd starts.
        self.setup = ["systemd-sysusers"] if install_tree else []
        self.confined = False
        if install_tree and os.environ.get("COCO_APPARMOR"):
            self.load_apparmor()
        self.write("usr/lib/vm-test/agent", AGENT, 0o755)
        self.write("etc/systemd/system/vm-test.service", AGENT_UNIT)
        self.enable("vm-test.service")
        if any(modules):
            self._add_modules(cache, work, modules)

    def write(self, path, content, mode=0o644):
        """Adds the text file path, which is relative to the guest's root."""
        full = os.path.join(self.tree, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(content)
        os.chmod(full, mode)

    def copy(self, source, path, mode=0o755):
        full = os.path.join(self.tree, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        shutil.copyfile(source, full)
        os.chmod(full, mode)

    def load_apparmor(self):
        """Has AppArmor's profiles in force from the start."""
        if not self.confined:
            self.setup.append(LOAD_APPARMOR)
        self.confined = True

    def enable(self, *units):
        run("systemctl", "--root", self.tree, "enable", *units)

    def _add_modules(self, cache, work, modules):
        """Adds modules, with depmod's lists for them and for those in the root image."""
        tree = os.path.join(work, "modules")
        folder = os.path.join("lib/modules", cache.kver)
        shutil.copytree(os.path.join(cache.guest, "modules"), tree)
        os.makedirs(os.path.join(tree, folder, "extra"))
        for module in modules:
            extra = os.path.join(folder, "extra", os.path.basename(module))
            shutil.copyfile(module, os.path.join(tree, extra))
            self.copy(module, os.path.join("usr", extra), 0o644)
        run(sbin("depmod"), "-b", tree, cache.kver)
        for name in os.listdir(os.path.join(tree, folder)):
            if name.startswith("modules."):
                self.copy(os.path.join(tree, folder, name), os.path.join("usr", folder, name), 0o644)
        shutil.rmtree(tree)

    def write_initrd(self, base, path):
        """Writes base followed by this payload to path."""
        if self.setup:
            self.write("usr/lib/vm-test/setup", "\n".join(self.setup) + "\n", 0o755)
        parent, name = os.path.split(self.tree)
        listing = subprocess.run(["find", name], cwd=parent, stdout=subprocess.PIPE, check=True).stdout
        with open(path, "wb") as out:
            with open(base, "rb") as f:
                shutil.copyfileobj(f, out)
            out.flush()
            subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=parent, input=listing, stdout=out,
                           check=True)


class Qmp:
    """A connection to QEMU's machine protocol.  One command at a time; events are ignored."""

    def __init__(self, path, timeout=30):
        self.socket = connect(path, timeout)
        self.file = self.socket.makefile("rwb")
        self._read()
        self.command("qmp_capabilities")

    def _read(self):
        line = self.file.readline()
        if not line:
            raise Failure("QEMU has closed its machine protocol")
        return json.loads(line)

    def command(self, name, **arguments):
        self.file.write(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        self.file.flush()
        while True:
            reply = self._read()
            if "error" in reply:
                raise Failure(f"QEMU refuses {name}: {reply['error']}")
            if "return" in reply:
                return reply["return"]

    def close(self):
        self.file.close()
        self.socket.close()


def connect(path, timeout):
    """Connect to the AF_UNIX socket path, and wait a moment for it if needed."""
    end = time.monotonic() + timeout
    while True:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.settimeout(timeout)
        try:
            s.connect(path)
            return s
        except (FileNotFoundError, ConnectionRefusedError):
            s.close()
            if time.monotonic() > end:
                raise Failure(f"nobody listens at {path}") from None
            time.sleep(0.05)


class SystemVM:
    """One VM, from paused to powered off.  Everything it writes is in the folder `work`."""

    def __init__(self, work, cache, payload, app, disks=(), cmdline="", cpus=2, ports=(), devices=(), own_cmdline=False):
        """@ports: (name, socket) of virtio ports; @devices: more arguments of QEMU's; @own_cmdline: the kernel has its own."""
        self.work = work
        self.console = os.path.join(work, "console.log")
        self.qmp_path = os.path.join(work, "qmp")
        self.monitor_path = os.path.join(work, "monitor")
        self.cpus = cpus
        # The owner's files for the launch.  The guest boots the copies on its system partition.
        self.firmware = vm.ovmf("OVMF_CODE_4M.fd")
        self.kernel = os.path.join(cache.kernel, "vmlinuz")
        self.initrd = os.path.join(work, "initrd.img")
        self.cmdline_file = os.path.join(work, "cmdline")
        self.esp = os.path.join(work, "esp.img")
        shell_path = os.path.join(work, "shell")

        payload.write_initrd(os.path.join(cache.guest, "initrd.cpio"), self.initrd)
        with open(self.cmdline_file, "w", encoding="ascii") as f:
            f.write("" if own_cmdline else f"{CMDLINE} {cmdline}".rstrip() + "\n")
        run(os.path.join(HERE, "make-esp"), self.esp, self.kernel, self.initrd, self.cmdline_file, app)

        self.ram = vm.Ram(os.path.join(work, "ram"))
        extra = ["-S",
                 "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
                 "-qmp", f"unix:{self.monitor_path},server=on,wait=off",
                 "-device", "virtio-serial-pci",
                 "-chardev", f"socket,id=shell,path={shell_path},server=on,wait=off",
                 "-device", "virtserialport,chardev=shell,name=vm-test",
                 "-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng",
                 *drive("root", os.path.join(cache.guest, "root.img"), "readonly=on"), *devices]
        for name, path in ports:
            extra += port(name, path)
        for disk in disks:
            extra += drive(disk.name, disk.path, "cache=unsafe")
        with open(os.path.join(work, "qemu.log"), "wb") as log:
            # pylint: disable-next=consider-using-with # lives as long as this object
            self.process = subprocess.Popen(
                vm.qemu_command(work, self.ram, self.esp, self.console, firmware=self.firmware, cpus=cpus, extra=extra),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.qmp = Qmp(self.monitor_path)
            self.shell = connect(shell_path, 30)
            self.lines = self.shell.makefile("rb")
        except Exception:
            self.close()
            raise

    def area(self):
        """The secret area as the host sees it."""
        return bytes(self.ram.read(vm.AREA, vm.AREA_LEN))

    def _answer(self, timeout, what):
        self.shell.settimeout(timeout)
        try:
            line = self.lines.readline()
        except TimeoutError:
            raise Failure(f"no answer for {timeout} s from the guest to: {what}; see {self.console}") from None
        if not line:
            raise Failure(f"the guest ended during: {what}; see {self.console}")
        return line

    def wait_shell(self, timeout=300):
        """Wait until the guest's systemd has started the shell, early in the boot."""
        self._answer(timeout, "boot")

    def run(self, script, timeout=120):
        """Run a shell script in the guest.  Returns its exit status and the output of both streams as bytes."""
        self.shell.sendall(base64.b64encode(script.encode()) + b"\n")
        out, status = self._answer(timeout, script).rsplit(b" ", 1)
        return int(status), base64.b64decode(out)

    def text(self, script, timeout=120):
        """Run a shell script in the guest and return its output as text.  Raises Failure if the script fails."""
        status, out = self.run(script, timeout)
        text = out.decode(errors="replace")
        if status != 0:
            raise Failure(f"in the guest: {script}: exit status {status}\n{text}")
        return text

    def wait_booted(self, timeout=300):
        """Wait until systemd has no job left, and udev no event: a disk that no unit waits for has its links only then.  Returns systemd's state, "running" or "degraded"."""
        return self.run(f"systemctl is-system-running --wait; udevadm settle --timeout={timeout}", 2 * timeout)[1].decode().strip()

    def failed_units(self):
        """The units that failed, each with the end of what it said, and what cocod said."""
        return self.text("for unit in $(systemctl --failed --plain --no-legend | cut -d ' ' -f 1) 'cocod*'; do echo \"$unit:\"; "
                         "journalctl -b -u \"$unit\" -o short-monotonic --no-hostname --no-pager | tail -n 8; done")

    def wait_unit(self, unit, state="active", timeout=300):
        """Wait until the unit has this ActiveState, whatever else happens in the boot."""
        end = time.monotonic() + timeout
        while True:
            now = self.text(f"systemctl show -P ActiveState {unit}").strip()
            if now == state:
                return
            if time.monotonic() > end:
                raise Failure(f"{unit} is {now}, not {state}; see {self.console}")
            time.sleep(0.5)

    def wait_journal(self, pattern, timeout=60):
        """Wait until a journal message matches the basic regular expression.  Returns the last match."""
        end = time.monotonic() + timeout
        while True:
            status, out = self.run(f"journalctl -b -o cat | grep -e '{pattern}' | tail -n 1")
            if status == 0 and out:
                return out.decode(errors="replace").strip()
            if time.monotonic() > end:
                return None
            time.sleep(0.5)

    def journal(self):
        """The journal, with one message on each line, times and identifiers."""
        return gzip.decompress(self.run("journalctl -b -o short-monotonic --no-hostname | gzip -1")[1]).decode(errors="replace")

    def page_flags(self):
        """/proc/kpageflags: 8 bytes for each page of RAM."""
        return gzip.decompress(self.run("cat /proc/kpageflags | gzip -1")[1])

    def power_off(self):
        self.qmp.command("cont")
        self.shell.sendall(base64.b64encode(b"systemctl --no-block poweroff") + b"\n")
        try:
            self.process.wait(timeout=90)
        except subprocess.TimeoutExpired:
            raise Failure(f"the guest does not power off; see {self.console}") from None

    def close(self):
        """Ends the VM in any state, and removes its RAM, which has secrets in it."""
        self.process.kill()
        self.process.wait()
        self.ram.close()
        os.unlink(self.ram.path)


def drive(name, path, option):
    return ["-drive", f"if=none,id={name},format=raw,file={path},{option}",
            "-device", f"virtio-blk-pci,drive={name},serial={name}"]


def port(name, path):
    """A virtio port of this name, behind which is a socket."""
    return ["-chardev", f"socket,id={name},path={path},server=on,wait=off", "-device", f"virtserialport,chardev={name},name={name}"]


# The use of a page, from the bits in /proc/kpageflags (see the kernel's pagemap documentation).  The first match counts.
PAGE_KINDS = (
    ("reserved or not RAM", 1 << 20 | 1 << 32),
    ("free", 1 << 10),
    ("slab (kernel)", 1 << 7),
    ("page table", 1 << 26),
    ("anonymous (a process)", 1 << 12),
    ("page cache or tmpfs", 1 << 5 | 1 << 11 | 1 << 34),
    ("other, kernel or free", 0),
)


def page_kind(flags, address):
    at = (address >> 12) * 8
    if at + 8 > len(flags):
        return "beyond the kernel's pages"
    bits = int.from_bytes(flags[at:at + 8], "little")
    return next(kind for kind, mask in PAGE_KINDS if bits & mask or not mask)
