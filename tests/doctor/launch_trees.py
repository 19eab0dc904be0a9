# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records of hosts: AMD's secure processor, KVM's module, QEMU, its firmware, and files of kernels."""

import struct

from host_trees import AMD_FILES, AMD_LOG, KVM, PARAMETERS, ROME, VM_TYPES, milan, not_snp, rome, xeon
from machine import Expect, Tree, amd

# ---- the secure processor ----


def status(flags, major=1, minor=55):
    """What SNP_PLATFORM_STATUS answers."""
    return {"sev": "probe snp-status=" + struct.pack("<BBBBI24x", major, minor, 1, flags, 21).hex() + "\n"}


READY = Expect(0, "Ready for snp", {"host-snp-platform": "pass", "host-sev-log": "pass", "host-sev-split": "pass"})


def unasked(**more):
    return Expect(0, "Ready for snp", {"host-snp-platform": "unknown"}, **more)


def split(first, last=509):
    return amd(sev=0x1B).leaf(0x8000001F, eax=0x1B, ebx=51 | 1 << 6, ecx=last, edx=first)


def cpu_tree(name, cpu, expect):
    return Tree(name, cpu, AMD_FILES, kvm={**KVM, VM_TYPES: (0x1F, 0x1F)}, kmsg=AMD_LOG, host=expect)


PSP = [
    milan("host-snp-status", READY, probe=status(1)),
    # More bits of the byte are in use: bit 1 says that aliases of memory were looked for.
    milan("host-snp-alias-byte3", READY, probe=status(3)),
    milan("host-snp-not-initialized", not_snp("host-snp-platform", says=["no reverse map table"]), probe=status(2)),
    milan("host-snp-status-short", unasked(says=["does not answer"]), probe={"sev": "probe snp-status=0137\n"}),
    milan("host-snp-status-error", unasked(says=["snp", "EINVAL"]), probe={"sev": "probe snp-status=EINVAL\n"}),
    milan("host-snp-status-nonsense", unasked(), probe={"sev": "probe snp-status=" + "zz" * 32 + "\n"}),
    # Nothing says that it runs: it is not asked, whatever it would answer.
    milan("host-snp-not-asked", Expect(0, "Ready for snp", {"host-snp-platform": "unknown", "host-sev-log": "unknown"}, says=["was not asked"]), kmsg=[], probe=status(1)),
    milan("host-snp-off-not-asked", Expect(1, "Not ready for snp", {"host-snp-platform": "unknown"}), {f"{PARAMETERS}/sev_snp": "N\n"}, probe=status(1)),
    milan("host-ccp-init-failed", Expect(2, "Ready with warnings for snp", {"host-sev-log": "warn"}, says=["error 0x1, rc -5"]), kmsg=AMD_LOG + ["ccp 0000:22:00.1: SEV: failed to INIT error 0x1, rc -5"]),
    milan("host-ccp-bios-off", Expect(2, "Ready with warnings for snp", {"host-sev-log": "warn"}, says=["Enable SMEE"]), kmsg=AMD_LOG + ["ccp 0000:22:00.1: SEV: memory encryption not enabled by BIOS"]),
    milan("host-log-iommu", Expect(2, "Ready with warnings for snp", {"host-sev-log": "warn"}),
          kmsg=AMD_LOG + ["AMD-Vi: SNP: IOMMU disabled or configured in passthrough mode, SNP cannot be supported."]),
    rome("host-rome-log-forgotten", Expect(0, "Ready for sev-es", {"host-sev-log": "unknown", "host-snp-platform": "na"})),
    # All ASIDs are for SEV alone: its first is 1.
    cpu_tree("host-asids-all-sev", split(1), not_snp("host-sev-split", says=["ASID Space Limit"])),
    cpu_tree("host-asids-none", split(100, 0), not_snp("host-sev-split")),
    cpu_tree("host-asids-no-sev", split(510), Expect(0, "Ready for snp", {"host-sev-split": "pass"})),
]

# ---- KVM's module ----

DESKTOP = "AMD Ryzen 7 5800X 8-Core Processor"
MODULE = [
    Tree("host-kvm-foreign-amd", amd(DESKTOP), {"/sys/module/kvm": None}, kvm=KVM, host=Expect(2, "Ready with warnings for none", {"host-kvm": "pass", "host-kvm-module": "warn"}, ["--require", "none"])),
    Tree("host-kvm-foreign-sev", amd(sev=ROME), {"/sys/module/kvm": None}, kvm=KVM, host=Expect(1, "Not ready for sev-es", {"host-kvm": "pass", "host-kvm-module": "warn", "host-kvm-sev": "fail"})),
    Tree("host-nearest-kvm", amd(DESKTOP), {"/sys/module/kvm_amd": None}, kvm=KVM, host=Expect(1, "Not ready for any", {"host-kvm-module": "pass"}, says=["An ordinary VM of KVM is the nearest"])),
    Tree("host-nearest-foreign", amd(DESKTOP), {"/sys/module/kvm": None}, kvm=KVM, host=Expect(1, "Not ready for any", {"host-kvm-module": "warn"}, says=["-accel tcg"], lacks=["ordinary VM of KVM"])),
    Tree("host-nearest-none", amd(DESKTOP), host=Expect(1, "Not ready for any", {"host-kvm-module": "na"}, says=["-accel tcg"])),
    Tree("host-nearest-dead", amd(DESKTOP), {"/sys/module/kvm_amd": None}, kvm={"open": "ok", "hlt": "exit 17"}, host=Expect(1, "Not ready for any", {"host-kvm": "fail"}, says=["-accel tcg"])),
]

# ---- QEMU, and firmware for it ----


def qmp(*types, commands=("query-commands", "query-version")):
    """Answers to qom-list-types and query-commands."""
    def names(of):
        return '{"return": [' + ", ".join(f'{{"name": "{n}"}}' for n in of) + "]}\n"
    return {"qmp": '{"QMP": {"version": {}}}\n{"return": {}}\n' + names(("memory-backend-ram", *types)) + names(commands)}


SECRET = ("query-commands", "sev-inject-launch-secret")
QEMU = [
    rome("host-qemu-sev", Expect(0, "Ready for sev-es", {"host-qemu": "pass", "host-qemu-secret": "pass", "host-amdsev-firmware": "warn"}), probe=qmp("sev-guest", commands=SECRET)),
    rome("host-qemu-no-secret", Expect(1, "Not ready for sev-es", {"host-qemu": "pass", "host-qemu-secret": "fail"}), probe=qmp("sev-guest")),
    milan("host-qemu-snp", Expect(0, "Ready for snp", {"host-qemu": "pass"}), probe=qmp("sev-guest", "sev-snp-guest")),
    milan("host-qemu-no-snp", Expect(1, "Not ready for snp", {"host-qemu": "fail"}, says=['the object "sev-snp-guest"']), probe=qmp("sev-guest")),
    milan("host-qemu-old-asked-sev", Expect(0, "Ready for sev", {"host-qemu": "pass"}, ["--require", "sev"]), probe=qmp("sev-guest", commands=SECRET)),
    xeon("host-qemu-tdx", Expect(0, "Ready for tdx", {"host-qemu": "pass", "host-qemu-secret": "na"}), probe=qmp("tdx-guest")),
    xeon("host-qemu-no-tdx", Expect(1, "Not ready for tdx", {"host-qemu": "fail"}), probe=qmp("sev-guest")),
    # An answer that ended before the list says nothing of what is in it.
    milan("host-qemu-cut", Expect(0, "Ready for snp", {"host-qemu": "unknown", "host-qemu-secret": "unknown"}), probe={"qmp": '{"QMP": {}}\n{"error": {"class": "CommandNotFound"}}\n'}),
    milan("host-amdsev-debian", Expect(0, "Ready for snp", {"host-amdsev-firmware": "pass", "host-qemu": "unknown"}, says=["qemu-system-x86_64 -M none"]), {"/usr/share/ovmf/OVMF.amdsev.fd": ""}),
    milan("host-amdsev-fedora", Expect(0, "Ready for snp", {"host-amdsev-firmware": "pass"}), {"/usr/share/edk2/ovmf/OVMF.amdsev.fd": ""}),
]

# ---- files of kernels; @TREE@ is the folder of the tree ----


def pe(characteristics, subsystem=10, at=0x80):
    """The headers of a program for EFI, and nothing else."""
    head = bytearray(at + 96)
    head[:2] = b"MZ"
    struct.pack_into("<I", head, 60, at)
    head[at:at + 4] = b"PE\0\0"
    struct.pack_into("<H", head, at + 4, 0x8664)
    struct.pack_into("<HxxH", head, at + 20, 0xA0, 0x20B)
    struct.pack_into("<HH", head, at + 92, subsystem, characteristics)
    return bytes(head)


def vmlinuz(name, content, outcome, status_=1, says=()):
    first = {0: "Ready for none", 1: "Not ready for none", 2: "Ready with warnings for none"}[status_]
    return Tree(name, amd(DESKTOP), {"/sys/module/kvm_amd": None, "/boot/vmlinuz": content} if content is not None else {"/sys/module/kvm_amd": None}, kvm=KVM,
                host=Expect(status_, first, {"host-kernel-file": outcome}, ["--require", "none", "--kernel", "@TREE@/boot/vmlinuz"], says=says))


def fifo(path):
    import os      # pylint: disable=import-outside-toplevel
    os.mkfifo(path)


KERNELS = [
    vmlinuz("kernel-file-nx", pe(0x100), "pass", 0),
    vmlinuz("kernel-file-no-nx", pe(0), "warn", 2, ["not NX_COMPAT"]),
    vmlinuz("kernel-file-far-headers", pe(0x100, at=60000), "pass", 0),
    vmlinuz("kernel-file-too-far", pe(0x100, at=70000), "fail"),
    vmlinuz("kernel-file-windows", pe(0x100, subsystem=3), "fail", says=["none that EFI starts"]),
    vmlinuz("kernel-file-cut", pe(0x100)[:-1], "fail"),
    vmlinuz("kernel-file-gzip", b"\x1f\x8b" + bytes(9000), "fail", says=["unpacked"]),
    vmlinuz("kernel-file-empty", b"", "fail"),
    vmlinuz("kernel-file-missing", None, "fail", says=["cannot be read"]),
    vmlinuz("kernel-file-fifo", fifo, "fail", says=["not a file"]),
    Tree("kernel-file-not-named", amd(DESKTOP), {"/sys/module/kvm_amd": None}, kvm=KVM, host=Expect(0, "Ready for none", {"host-kernel-file": "na"}, ["--require", "none"])),
]

TREES = PSP + MODULE + QEMU + KERNELS
