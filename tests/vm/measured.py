# SPDX-License-Identifier: LGPL-2.1-or-later
"""A VM that is one measured file: what contrib/mkosi makes of the packages, with the mkosi of Debian 13.

What the test adds to the example is in its mkosi.extra: that the machine is none of AMD's, and the shell of the VM tests.
"""

import hashlib
import os
import re
import shutil
import tempfile
import traceback
import types

import launch
import systemvm
from lab import COCO, CONTENT, LUKS_GUID, Lab
from systemvm import run

EXAMPLE = os.path.join(systemvm.HERE, "../../contrib/mkosi")
RELEASE = "trixie"
# What the README has installed.
WITH = "mkosi,reprepro"
HERE, ELSEWHERE = "/example", "/another/place/of-the-example"
DEBS = ("coco-agent", "coco-secret-dkms")
# mkosi makes namespaces, which the kernel does not permit in a chroot.
INSIDE = """set -eu
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
for dir in proc sys dev; do
	mount --rbind "/$dir" $dir
done
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs run
pivot_root . .
umount -l .
cd "$2"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 mkosi -f build
"""


def sources():
    """Where this machine has its packages from."""
    said = run("sh", "-ec", '. "$1"; archive_sources "$2"', "sh", os.path.join(systemvm.HERE, "archive.sh"), RELEASE)
    return "".join(line.replace("deb ", "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ", 1) + "\n" for line in said.splitlines())


def write(path, content, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(content)
    os.chmod(path, mode)


def prepare(tree, debs):
    """Puts the example there, as its user does."""
    example = tree + HERE
    shutil.copytree(EXAMPLE, example)
    os.mkdir(f"{example}/debs")
    for name in DEBS:
        shutil.copy(debs[name], f"{example}/debs/")
    apt = f"{example}/mkosi.sandbox/etc/apt"
    write(f"{apt}/sources.list.d/mkosi.sources", "")
    write(f"{apt}/sources.list", sources())
    if os.path.exists("/etc/resolv.conf"):
        shutil.copyfile("/etc/resolv.conf", f"{tree}/etc/resolv.conf")
    add_test(f"{example}/mkosi.extra")


def add_test(extra):
    """What only the test has in the guest."""
    write(f"{extra}/etc/cocod/cocod.conf", "[Cocod]\nRequire=none\n")
    write(f"{extra}/usr/lib/vm-test/agent", systemvm.AGENT, 0o755)
    write(f"{extra}/etc/systemd/system/vm-test.service", systemvm.AGENT_UNIT)
    # On a busy machine without KVM udev may need more than 90 s to come to a disk.
    write(f"{extra}/etc/systemd/system.conf.d/vm-test.conf", "[Manager]\nDefaultDeviceTimeoutSec=20min\n")
    # Unlike in the other VMs' initrd, nothing has waited for the port.
    write(f"{extra}/etc/systemd/system/vm-test.service.d/port.conf", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=1\n")
    os.makedirs(f"{extra}/etc/systemd/system/sysinit.target.wants")
    os.symlink("../vm-test.service", f"{extra}/etc/systemd/system/sysinit.target.wants/vm-test.service")


def make(log, tree, folder):
    """Runs mkosi in that folder of the tree's.  Returns whether it succeeded, what it said, and the hash of the image."""
    good, said = log.run("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "sh", tree, folder)
    path = f"{tree}{folder}/coco.efi"
    if not good or not os.path.exists(path):
        return False, said, ""
    with open(path, "rb") as f:
        return True, said, hashlib.sha256(f.read()).hexdigest()


def again(log, tree, out, first):
    """Makes the image once more, from a copy of the example at a path of another length."""
    shutil.copytree(tree + HERE, tree + ELSEWHERE, symlinks=True)
    good, said, second = make(log, tree, ELSEWHERE)
    if good and first != second:
        said = differences(tree)
    out.append((good and first == second, "and from another path one of the same bytes"))
    if not good or first != second:
        out += [f"# {line}" for line in said.splitlines()[-20:]]


def sections(path):
    """{name: hash} of a UKI's sections."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="coco-measured.") as work:
        for name in re.findall(r"^ *\d+ (\.\w+)", run("objdump", "-h", path), re.M):
            run("objcopy", "-O", "binary", "-j", name, path, f"{work}/section")
            found[name] = run("sha256sum", f"{work}/section").split()[0]
    return found


def differences(tree):
    """Which sections of the two images are not the same."""
    a, b = sections(f"{tree}/image/vmlinuz"), sections(f"{tree}{ELSEWHERE}/coco.efi")
    return "".join(f"{name}: {a.get(name)}, {b.get(name)}\n" for name in sorted({*a, *b}) if a.get(name) != b.get(name))


class Nothing:
    """In the place of a payload: the guest has no initrd but its own."""

    setup = ()
    confined = False

    def write_initrd(self, _, path):
        with open(path, "wb"):
            pass


def changed(b):
    """A copy of the image with one bit in it that is another."""
    path = os.path.join(b.work, "changed.efi")
    shutil.copyfile(b.cache.kernel + "/vmlinuz", path)
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) // 2)
        byte = f.read(1)[0]
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte ^ 1]))
    return path


def own_cmdline(b):
    """Another command line than the image's."""
    path = os.path.join(b.work, "own-cmdline")
    with open(path, "w", encoding="ascii") as f:
        f.write("init=/bin/sh")
    return path


def refused(b, host, secret, text, **others):
    """The host launches others of its files, and tells QEMU of those that the owner has."""
    b.owner = b.new_owner(f"owner-{len(b.owner_said)}")
    b.make_session()
    with host.launch(b.owner, host.digest(**others)):
        status, said = b.owner.inject(b.vm, host.monitor, [(LUKS_GUID, secret)])
    b.log_owner(said)
    b.ok(status != 0 and "measurement" in said and not any(b.vm.area()), text, said)


def launch_it(b, secret):
    """The owner has the file and nothing else; first the host launches others."""
    b.verify_chain()
    host = launch.Host(b.vm, b.platform, os.path.join(b.work, "liar"))
    said = b.owner.run("measure", "--tech=sev", "--firmware", b.vm.firmware, "--kernel", b.vm.kernel, "--cmdline", "", "--unchecked-kernel", "--digest")
    b.ok(host.digest() in said, "coco-inject measure says what the security processor measures, from that file alone", (host.digest(), said))
    refused(b, host, secret, "an image with one other bit gets no secret", kernel=changed(b))
    refused(b, host, secret, "nor does it with a command line of the host's", cmdline=own_cmdline(b))
    b.owner = b.new_owner("honest")
    b.make_session()
    b.inject([(LUKS_GUID, secret)])
    b.vm.wait_shell(1200)


def boots(b):
    b.boots("it boots with no failed unit")
    b.ok(b.vm.text("stat -f -c %T /").strip() in ("tmpfs", "ramfs"), "its root is its own initrd", b.vm.text("cat /proc/mounts"))
    b.ok(b.vm.run("cat /data/known")[1].decode() == CONTENT, "its disk opens, by the packages in it", b.vm.text(
        "systemctl list-units --all --no-pager data.mount '*cryptsetup*' 'dev-mapper*' 'cocod*'; journalctl -b --no-pager -u 'cocod*' -u 'systemd-cryptsetup*' -u data.mount | tail -n 40"))
    b.ok(b.state("luks") == "wiped" and not b.vm.text(f"ls {COCO}").split(), "and the secret is wiped", b.list())
    b.area_is(b.wiped(LUKS_GUID), "in RAM its entry is zeros")
    on = b.vm.text("find /etc/systemd/system -name 'coco*' -printf '%f\\n'").split()
    with open(f"{EXAMPLE}/../../systemd/cocod.socket", encoding="utf-8") as f:
        also = re.search("^Also=(.*)", f.read(), re.M).group(1).split()
    b.ok(sorted(on) == sorted(["cocod-cryptsetup@data.socket", "cocod.socket", *also]), "only the units that the example asks for are enabled", on)
    login = b.vm.text("cut -d: -f1,2 /etc/shadow | grep -v ':[!*]' || :")
    b.ok(not login, "no account has a password", login)
    left = b.vm.text("ls /usr/src /usr/bin/gcc 2>/dev/null || :")
    b.ok("coco" not in left and "gcc" not in left, "what built the driver is not in it", left)
    b.journal_is_clean()


def play(log, tree, debs, builddir, logs):
    """@tree: an unpacked Debian with WITH.  @debs: {name: path}.  Returns TAP lines without numbers, as Lab.out has them."""
    out = []
    try:
        prepare(tree, debs)
        good, said, first = make(log, tree, HERE)
        out.append((good, "mkosi makes one file of contrib/mkosi and the packages"))
        if not good:
            return out + [f"# {line}" for line in said.splitlines()[-20:]]
        kernel = f"{tree}/image"
        os.mkdir(kernel)
        shutil.move(f"{tree}{HERE}/coco.efi", f"{kernel}/vmlinuz")
        again(log, tree, out, first)
        cache = types.SimpleNamespace(release=RELEASE, kernel=kernel, guest=systemvm.Cache().guest)
        return out + boot(cache, builddir, logs)
    except Exception as e:      # pylint: disable=broad-exception-caught # what breaks has failed
        return [*out, (False, "it runs to its end"), *(f"# {line}" for line in "".join(traceback.format_exception(e)).splitlines()[-20:])]


def boot(cache, builddir, logs):
    with tempfile.TemporaryDirectory(prefix="coco-measured.") as work:
        b = Lab("vm", cache, systemvm.host_tools(builddir), launch.Platform(os.path.join(work, "platform")), logs)
        try:
            secret = b.secret_file("luks")
            disk = systemvm.Disk(b.work, "data", secret, CONTENT)
            b.payload = Nothing()
            b.create([disk], own_cmdline=True)
            launch_it(b, secret)
            boots(b)
        except Exception as e:      # pylint: disable=broad-exception-caught # what breaks has failed
            b.ok(False, "the VM runs to its end", "".join(traceback.format_exception(e)))
        finally:
            b.end()
    return b.out
