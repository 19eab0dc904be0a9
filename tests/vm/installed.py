# SPDX-License-Identifier: LGPL-2.1-or-later
"""A VM whose root has the packages of debian/, as dpkg has installed them: its disk opens, they are upgraded meanwhile, and purged.

The rest is as in the other VM tests: a launch secret, tests/double's security processor, the kernel of fetch-kernel.  For that kernel
DKMS has built the driver, from its package.
"""

import glob
import os
import shutil
import tempfile
import traceback
import types

import launch
import systemvm
from lab import AGAIN_GUID, CONTENT, LUKS_GUID, Lab
from systemvm import run

# What the README has for a guest.
GUEST = ("coco-agent", "coco-secret-dkms", "libcryptsetup-token-coco")
# DKMS's compiler has nothing to do with what is under way.
UPGRADED = ("coco-agent", "libcryptsetup-token-coco")
SOCKETS = ("cocod.socket", "cocod-cryptsetup@data.socket", "cocod-cryptsetup@later.socket")
DEBS = "usr/local/debs"
LATER = "systemd-cryptsetup@later.service"


def put_kernel(tree, cache):
    """The kernel that boots is the only one there: its few modules, and its headers for DKMS."""
    modules = f"{tree}/usr/lib/modules"
    shutil.rmtree(modules)
    for path in glob.glob(f"{tree}/usr/src/linux-headers-*") + glob.glob(f"{tree}/usr/lib/linux-kbuild-*"):
        shutil.rmtree(path)
    for name in glob.glob(f"{cache.kernel}/usr/src/linux-headers-*") + glob.glob(f"{cache.kernel}/usr/lib/linux-kbuild-*") + glob.glob(f"{cache.kernel}/usr/lib/tools-libc"):
        shutil.copytree(name, tree + name[len(cache.kernel):], symlinks=True)
    shutil.copytree(f"{cache.guest}/modules/lib/modules", modules)
    os.symlink(f"/usr/src/linux-headers-{cache.kver}", f"{modules}/{cache.kver}/build")
    os.makedirs(f"{tree}/boot", exist_ok=True)
    shutil.copyfile(f"{cache.kernel}/boot/config-{cache.kver}", f"{tree}/boot/config-{cache.kver}")
    run(systemvm.sbin("depmod"), "-b", tree, cache.kver)


def put_apparmor(tree):
    """In a chroot the kernel's AppArmor is this machine's: the packages only say here what they would do."""
    tree.write("usr/local/sbin/aa-enabled", "#!/bin/sh\n", 0o755)
    tree.write("usr/local/sbin/apparmor_parser", '#!/bin/sh\necho "$*" >>/run/apparmor_parser.asked\n', 0o755)


def remove_apparmor(tree):
    """In the VM there is a kernel of its own.  Debian's own profiles would only slow down the boot, so that the upgrade is what loads ours."""
    os.symlink("/dev/null", f"{tree.path}/etc/systemd/system/apparmor.service")
    for name in ("aa-enabled", "apparmor_parser"):
        os.unlink(f"{tree.path}/usr/local/sbin/{name}")


def image(cache, tree, folder):
    """What systemvm.Cache has, but with a root image of the tree's, which is used up."""
    os.mkdir(folder)
    run(os.path.join(systemvm.HERE, "rootfs"), "--pack", tree, f"{folder}/root.img", "1200M")
    os.symlink(f"{cache.guest}/initrd.cpio", f"{folder}/initrd.cpio")
    return types.SimpleNamespace(release=cache.release, kernel=cache.kernel, kver=cache.kver, guest=folder)


def configure(b, data, later):
    """As an administrator does it.  Only the machine is none of AMD's."""
    b.config("Require=none")
    # A busy machine may take longer than systemd waits for a disk of fstab's and crypttab's.
    b.payload.write("etc/systemd/system.conf.d/vm-test.conf", "[Manager]\nDefaultDeviceTimeoutSec=10min\n")
    b.payload.write("etc/cocod/secrets.d/luks.conf", f"[Secret]\nGuid={LUKS_GUID}\nConsumers=cryptsetup:data\n")
    b.payload.write("etc/cocod/secrets.d/later.conf", f"[Secret]\nGuid={AGAIN_GUID}\nConsumers=cryptsetup:later\n")
    b.payload.write("etc/crypttab", f"data UUID={data.uuid} none luks,nofail\nlater UUID={later.uuid} none luks,noauto,headless\n")
    b.payload.write("etc/fstab", "/dev/mapper/data /data ext4 ro,nofail 0 0\n")


def unlock(b):
    b.boots("the VM boots with no failed unit")
    b.ok(b.vm.text("cat /data/known") == CONTENT, "its disk is open and mounted, by the units of the packages")
    loaded, here, path = b.vm.text("cat /sys/module/coco_secret/srcversion; modinfo -F srcversion coco_secret; modinfo -n coco_secret").split()
    b.ok(loaded == here and "/updates/dkms/" in path, "the secret came through the driver that DKMS has built", (loaded, here, path))
    b.ok(b.state("luks") == "wiped" and b.state("later") == "present", "it is wiped, and another is there", b.list())
    b.area_is(b.wiped(LUKS_GUID), "in RAM its entry is zeros")
    left = b.vm.text("grep ^coco /sys/kernel/security/apparmor/profiles || :")
    b.ok(not left, "no AppArmor profile is loaded yet", left)


def confined(b):
    """cocod, by the profiles that the upgrade has loaded, which have refused nothing."""
    said = b.vm.text("cat /proc/$(systemctl show -P MainPID cocod.service)/attr/current; grep -c ^coco /sys/kernel/security/apparmor/profiles").splitlines()
    # Before there were profiles, units did without.
    refused = [line for line in b.refused_by_apparmor().splitlines() if 'info="label not found"' not in line]
    b.ok(said == ["cocod (enforce)", "4"] and not refused, "and confined by the AppArmor profiles that came with it", f"{said}\n{refused}")


def program(b):
    """What cocod's process runs, and since when."""
    return b.vm.text("pid=$(systemctl show -P MainPID cocod.service); echo $pid $(readlink /proc/$pid/exe)").strip()


def version(b):
    return b.vm.text("dpkg-query -W -f '${Version}' coco-agent")


def hold(b):
    """A volume has its key, and does not come to use it.

    systemd-cryptsetup has read the header by the time it asks.  To use the key it reads the header again, with a lock.
    """
    b.vm.text(f"systemctl kill --signal=STOP cocod.service; systemctl start --no-block {LATER}")
    asks = b.vm.run("for i in $(seq 600); do grep -q '/cryptsetup/later$' /proc/net/unix && exit; sleep 0.1; done; exit 1")[0] == 0
    b.ok(asks, "another volume asks for its key")
    b.vm.text("systemd-run --quiet --unit=vm-lock flock --exclusive --no-fork /run/cryptsetup/L_$(lsblk -dno MAJ:MIN /dev/disk/by-id/virtio-later | tr -d ' ') sleep infinity;"
              "systemctl kill --signal=CONT cocod.service")
    b.said("Secret .later. is delivered", "it is given the key")


def upgrade(b):
    """To the newer version, while that volume is on its way."""
    hold(b)
    old, was = program(b), version(b)
    names = " ".join(f"/{DEBS}/{name}_*.deb" for name in UPGRADED)
    status, out = b.vm.run(f"dpkg -i {names}", timeout=600)
    b.ok(status == 0 and version(b) != was, f"the upgrade from {was} succeeds meanwhile", out.decode(errors="replace"))
    b.ok(program(b) == f"{old} (deleted)", "cocod is the process that it was", (old, program(b)))
    b.ok(b.state("later") == "delivered" and not b.is_open("later"), "the volume is still closed", b.list())
    b.vm.text("systemctl stop vm-lock.service")
    status, out = b.vm.run(f"systemctl start {LATER}", timeout=300)
    b.ok(status == 0 and b.is_open("later"), "then it opens", out.decode(errors="replace"))
    b.said("Secret .later. is wiped", "the old cocod wipes it then")
    b.area_is(b.wiped(LUKS_GUID, AGAIN_GUID), "in RAM its entry is zeros too")
    status, out = b.vm.run("systemctl restart cocod.service && cococtl status")
    b.ok(status == 0 and not program(b).endswith("(deleted)") and b.state("later") == "wiped", "after a restart cocod is the new one, and knows what the old one did", (out.decode(errors="replace"), b.list()))
    confined(b)


def purge(b):
    status, out = b.vm.run(f"dpkg -P {' '.join(GUEST)}", timeout=600)
    b.ok(status == 0, "the packages are purged while the volumes are open", out.decode(errors="replace"))
    b.ok(b.vm.text("cat /data/known") == CONTENT and b.is_open("later"), "which they remain")
    left = b.vm.text("systemctl list-units --plain --no-legend 'cocod*' 'run-cocod*'; systemctl list-unit-files --no-legend 'coco*'; pgrep -a coco || :")
    b.ok(not left, "no unit and no process is left", left)
    left = b.vm.text(f"find / -xdev -path /proc -prune -o -path /{DEBS} -prune -o -path '/usr/src/linux-headers-*' -prune -o -path '/usr/lib/modules/*/kernel/*' -prune -o -path /usr/lib/vm-test -prune -o \\( -name '*coco*' -o -path '*coco*/*' \\) -print; find /run -name '*coco*'; ls /run/cryptsetup-keys.d")
    b.ok(not left, "no file is left of them, in /run neither", left)
    left = b.vm.text("grep coco /sys/kernel/security/apparmor/profiles || :")
    b.ok(not left, "nor an AppArmor profile", left)
    accounts = b.vm.text("getent shadow | grep ^cocod-")
    b.ok([line.split(":")[1][:1] for line in accounts.splitlines()] == ["!"] * 4, "their accounts stay, locked", accounts)
    state = b.vm.run("systemctl daemon-reload; systemctl is-system-running")[1].decode().strip()
    b.ok(state == "running", "no unit has failed by it", state + b.vm.failed_units())


def play(tree, debs, builddir, logs):
    """The tree is a chroot with what DKMS needs, debs has both versions: ({name: older}, {name: newer}).  Returns TAP lines without numbers, as Lab.out has them."""
    cache = systemvm.Cache(release=tree.release)
    with tempfile.TemporaryDirectory(prefix="coco-installed.") as work:
        b = Lab("vm", image_of(tree, cache, debs, work), systemvm.host_tools(builddir), launch.Platform(os.path.join(work, "platform")), logs)
        try:
            luks, key = b.secret_file("luks"), b.secret_file("later")
            data, later = systemvm.Disk(b.work, "data", luks, CONTENT), systemvm.Disk(b.work, "later", key, CONTENT)
            configure(b, data, later)
            b.start([(LUKS_GUID, luks), (AGAIN_GUID, key)], [data, later])
            unlock(b)
            upgrade(b)
            purge(b)
            b.journal_is_clean()
        except Exception as e:      # pylint: disable=broad-exception-caught # what breaks has failed
            b.ok(False, "the VM runs to its end", "".join(traceback.format_exception(e)))
            b.keep_journal()
        finally:
            b.end()
    return b.out


def image_of(tree, cache, debs, work):
    """Installs the older version there, enables what the README does, and keeps the newer one for later."""
    older, newer = debs
    os.makedirs(f"{tree.path}/{DEBS}")
    put_apparmor(tree)
    put_kernel(tree.path, cache)
    for found, names in (older, GUEST), (newer, UPGRADED):
        for name in names:
            shutil.copy(found[name], f"{tree.path}/{DEBS}/")
    for command in (("dpkg", "-i", *[f"/{DEBS}/{os.path.basename(older[name])}" for name in GUEST]), ("systemctl", "enable", *SOCKETS)):
        good, said = tree.run(*command)
        if not good:
            raise systemvm.Failure(f"{' '.join(command)}: {said}")
    for name in GUEST:
        os.unlink(f"{tree.path}/{DEBS}/{os.path.basename(older[name])}")
    remove_apparmor(tree)
    tree.close()
    return image(cache, tree.path, os.path.join(work, "image"))
