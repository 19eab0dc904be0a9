# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records of guests."""

import gzip
import struct

import machine
import story_trees
from machine import Expect, amd, crl, intel, luks_header

KVM, HYPERV, XEN, TCG = "KVMKVMKVM", "Microsoft Hv", "XenVMMXenVMM", "TCGTCGTCGTCG"
STATUS = 0xC0010131
SEV, ES, SNP = 0x2, 0xA, 0x1A   # of leaf 0x8000001f
QUIET = ["Linux version 6.1.0-35-amd64"]


def active(words):
    return ["Linux version 6.1.0-35-amd64", f"AMD Memory Encryption Features active: {words}"]


def plain(**more):
    return amd("AMD EPYC-Milan Processor", sev=0, **more)


MIDR, DT = "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", "/sys/firmware/devicetree/base"
DOMU = {"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": "PVH\n"}


def hyperv(cpu, isolation=None, root=False):
    """Real Hyper-V: its own leaves alone, and isolation of type 2 (SNP) or 3 (TDX)."""
    cpu.hypervisor(HYPERV, last=0x4000000C)
    cpu.leaf(0x40000003, eax=0x2E7F, ebx=(1 << 22 if isolation else 0) | (1 << 12 if root else 0))
    return cpu.leaf(0x4000000C, eax=1 if isolation else 0, ebx=isolation or 0)


ACPI_DEVICES = "/sys/bus/acpi/devices"
ACPI = {f"{ACPI_DEVICES}/PNP0C0F:00": None}
SECRETS = "/sys/kernel/security/secrets/coco"
GUID = "736869e5-84f0-4973-92ec-06879ce3da0b"
EFI = {"/sys/firmware/efi": None, "/sys/bus/platform/devices/efivars.0": None, "/proc/sys/kernel/osrelease": "6.1.0-35-amd64\n"}
DEBIAN = "/boot/config-6.1.0-35-amd64"
MODULES = "/lib/modules/6.1.0-35-amd64/modules.dep"
# A driver shows a secret of the firmware's area.
# With an attest.conf the default is evidence, which SEV does not give.
ATTESTED = {"/etc/cocod/cocod.conf": "[Cocod]\nRequire=attested\n"}
WITH_SECRET = {**EFI, f"{SECRETS}/{GUID}": ""}
WITH_TSM = {**EFI, "/sys/kernel/config/tsm/report": None}
WITH_TDX = {**WITH_TSM, "/sys/firmware/acpi/tables/CCEL": "CCEL", "/sys/firmware/acpi/tables/data/CCEL": "log"}
WITH_VTPM = {**EFI, "/dev/tpmrm0": ""}

# cocod, installed and enabled, with a policy for every kind of evidence.
SOCKETS = ("cocod", "cocod-worker-luks", "cocod-worker-evidence")
WANTS = "/etc/systemd/system/sockets.target.wants"
DIGEST = "5f" * 48
ATTEST_CONF = "/etc/cocod/attest.conf"
SNP_POLICY, TDX_POLICY, AZURE_POLICY = f"[snp]\nid_key_digest={DIGEST}\n", f"[tdx]\nmrtd={DIGEST}\nrtmr1={DIGEST}\nrtmr2={DIGEST}\n", f"[azure]\npcr4={'5f' * 32}\nak_n_sha256={'5f' * 32}\n"
AGENT = {"/usr/lib/systemd/system/cocod.socket": "", ATTEST_CONF: SNP_POLICY + TDX_POLICY + AZURE_POLICY}
AGENT_LINKS = {f"{WANTS}/{s}.socket": f"/usr/lib/systemd/system/{s}.socket" for s in SOCKETS}


def Tree(name, cpu=None, files=(), links=None, **more):     # pylint: disable=invalid-name
    """A guest with cocod.  A file of None in @files is a folder; @links replaces the links of enabled units."""
    return machine.Tree(name, cpu, {**AGENT, **dict(files)}, AGENT_LINKS if links is None else links, **more)


NONE = "Not ready for any confidential VM: "

IDENTITY = [
    Tree("guest-tcg", plain().hypervisor(TCG), kmsg=QUIET, guest=Expect(1, NONE + "a VM that QEMU emulates (TCG)", {"guest-identity": "pass", "guest-tee": "fail"})),
    Tree("guest-kvm", plain().hypervisor(KVM), kmsg=QUIET, guest=Expect(1, NONE + "a VM of KVM", {"guest-identity": "pass", "guest-tee": "fail"})),
    Tree("guest-kvm-hyperv-leaves", plain().hypervisor(HYPERV, last=0x40000005).hypervisor(KVM, 0x40000100), kmsg=QUIET,
         guest=Expect(1, NONE + "a VM of KVM that shows Hyper-V's leaves", {"guest-identity": "pass"})),
    # A CPU that answers a leaf it does not have with another's: the signature is right, the range is not.
    Tree("guest-kvm-out-of-range", plain().hypervisor(KVM).hypervisor(HYPERV, 0x40000100, last=0x207), kmsg=QUIET, guest=Expect(1, NONE + "a VM of KVM", {"guest-identity": "pass"}, lacks=["shows Hyper-V"])),
    Tree("guest-range-too-long", plain().hypervisor(XEN, last=0x40000200), kmsg=QUIET, guest=Expect(1, NONE + "a VM whose hypervisor does not name itself", {"guest-identity": "pass"})),
    # KVM that hides its name (QEMU's kvm=off), and what Hyper-V has besides its leaves.
    Tree("guest-kvm-hidden", hyperv(plain()), ACPI, kmsg=QUIET,
         guest=Expect(1, NONE + "a VM that shows the leaves of Hyper-V and no VMBus", {"guest-identity": "pass", "guest-tee": "fail", "guest-vmbus": "na", "guest-hyperv-pci": "na"}, lacks=["This is a VM of Hyper-V"])),
    Tree("guest-hyperv-gen2", hyperv(intel()), {**ACPI, f"{ACPI_DEVICES}/VMBUS:00": None}, kmsg=QUIET, guest=Expect(1, NONE + "a VM of Hyper-V", {"guest-identity": "pass", "guest-tee": "fail", "guest-vmbus": "unknown"})),
    Tree("guest-hyperv-gen1", hyperv(intel()), {**ACPI, f"{ACPI_DEVICES}/VMBUS:01": None}, kmsg=QUIET, guest=Expect(1, NONE + "a VM of Hyper-V", {"guest-identity": "pass"})),
    Tree("guest-hyperv-acpi-denied", hyperv(intel()), ACPI, kmsg=QUIET, refused={f"{ACPI_DEVICES}/VMBUS:00": "EACCES"}, guest=Expect(1, NONE + "a VM of Hyper-V", {"guest-identity": "pass"})),
    Tree("guest-hyperv-bus", hyperv(intel()), {**ACPI, "/sys/bus/vmbus/devices/2450ee40-33bf-4fbd-892e-9fb06e9214cf": None}, kmsg=QUIET, guest=Expect(1, NONE + "a VM of Hyper-V", {"guest-identity": "pass"})),
    Tree("guest-hyperv-no-acpi", hyperv(intel()), kmsg=QUIET, guest=Expect(1, NONE + "a VM of Hyper-V", {"guest-identity": "pass"})),
    Tree("guest-hyperv-root", hyperv(intel(), root=True), kmsg=QUIET, guest=Expect(1, NONE + "the root partition of Hyper-V", {"guest-identity": "warn"}, says=["coco-inject doctor"])),
    Tree("guest-other", plain().hypervisor("bhyve bhyve "), kmsg=QUIET, guest=Expect(1, NONE + "a VM of 'bhyve bhyve'", {"guest-identity": "pass"})),
    Tree("guest-blank-leaf", plain().in_vm().leaf(0x40000000), kmsg=QUIET, guest=Expect(1, NONE + "a VM whose hypervisor does not name itself", {"guest-identity": "pass"})),
    Tree("guest-bare", plain(), kmsg=QUIET, guest=Expect(1, NONE + "not a VM", {"guest-identity": "na", "guest-tee": "fail"})),
    Tree("xen-domu-pv", plain().hypervisor(TCG), {"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": "PV\n"}, kmsg=QUIET,
         guest=Expect(1, NONE + "a guest of Xen (PV)", {"guest-identity": "pass"}, lacks=["TCG)"])),
    Tree("xen-domu-pvh", plain().hypervisor(XEN, last=0x40000005), {"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": "PVH\n"}, kmsg=QUIET,
         guest=Expect(1, NONE + "a guest of Xen (PVH)", {"guest-identity": "pass"})),
    Tree("xen-domu-pvcalls", plain().hypervisor(XEN, last=0x40000005), {**DOMU, "/sys/bus/xen/devices/pvcalls-0": None, "/sys/bus/xen/devices/vbd-51712": None}, kmsg=QUIET,
         guest=Expect(1, NONE, {"guest-xen-pvcalls": "warn"}, says=["reads what is sent without TLS"])),
    Tree("xen-domu-no-pvcalls", plain().hypervisor(XEN, last=0x40000005), {**DOMU, "/sys/bus/xen/devices/vbd-51712": None}, kmsg=QUIET, guest=Expect(1, NONE, {"guest-xen-pvcalls": "pass", "guest-arm": "na"})),
    Tree("guest-kvm-no-pvcalls", plain().hypervisor(KVM), {"/sys/bus/xen/devices/pvcalls-0": None}, kmsg=QUIET, guest=Expect(1, NONE, {"guest-xen-pvcalls": "na"})),
    Tree("guest-arm-sbsa-uart", files={MIDR: "0x00000000430f0a11\n", f"{DT}/sbsa-pl011@22000000/compatible": b"arm,sbsa-uart\0", f"{DT}/cpus/compatible": "x", "/proc/interrupts": " 42:  0  ITS-MSI 8192 Edge  eth0\n"},
         guest=Expect(3, "Cannot tell", {"guest-arm": "pass"}, says=["through GICv3's ITS; its console is an SBSA UART"])),
    Tree("guest-arm-xen-no-uart", files={**DOMU, MIDR: "0x00000000430f0a11\n", f"{DT}/uart/compatible": b"arm,sbsa-uart-x\0arm,pl011\0"},
         guest=Expect(3, "Cannot tell", {"guest-arm": "pass"}, says=["without an ITS", 'vuart="sbsa_uart"'])),
    Tree("xen-domu-hvm-viridian", plain().hypervisor(HYPERV, last=0x40000006).hypervisor(XEN, 0x40000100, last=0x40000105),
         {"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": "HVM\n"}, kmsg=QUIET, guest=Expect(1, NONE + "a guest of Xen (HVM) that shows Hyper-V's leaves", {"guest-identity": "pass"})),
    Tree("xen-dom0", plain(), {"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": "PV\n", "/proc/xen/capabilities": "control_d\n"}, kmsg=QUIET,
         guest=Expect(1, NONE + "domain 0 of Xen (PV)", {"guest-identity": "warn"})),
    Tree("guest-none-asked", plain().hypervisor(KVM), kmsg=QUIET, guest=Expect(0, "Ready for none: a VM of KVM", {"guest-tee": "fail"}, ["--require", "none"])),
    Tree("guest-nothing-known", guest=Expect(3, "Cannot tell for any confidential VM: a machine whose CPUID is not there", {"guest-identity": "unknown", "guest-tee": "unknown"})),
]

TEE = [
    Tree("guest-sev", amd(sev=SEV).hypervisor(KVM), {**WITH_SECRET, **ATTESTED}, kmsg=active("SEV"), msr={STATUS: 1}, guest=Expect(0, "Ready for sev: a VM of KVM", {"guest-tee": "pass"})),
    Tree("guest-sev-es", amd(sev=ES).hypervisor(KVM), {**WITH_SECRET, **ATTESTED}, kmsg=active("SEV SEV-ES"), msr={STATUS: 3}, guest=Expect(0, "Ready for sev-es", {"guest-tee": "pass"})),
    Tree("guest-snp", amd(sev=SNP).hypervisor(KVM), WITH_TSM, kmsg=active("SEV SEV-ES SEV-SNP"), msr={STATUS: 7}, guest=Expect(0, "Ready for snp", {"guest-tee": "pass"})),
    Tree("guest-snp-any", amd(sev=SNP).hypervisor(KVM), WITH_TSM, kmsg=active("SEV SEV-ES SEV-SNP"), msr={STATUS: 7}, guest=Expect(0, "Ready for snp", {"guest-tee": "pass"}, ["--require", "any"])),
    Tree("guest-snp-asked-tdx", amd(sev=SNP).hypervisor(KVM), WITH_TSM, kmsg=active("SEV SEV-ES SEV-SNP"), msr={STATUS: 7},
         guest=Expect(1, "Not ready for tdx", {"guest-tee": "fail"}, ["--require", "tdx"], says=["a VM of snp, and not of tdx"])),
    Tree("guest-snp-msr-hidden", amd(sev=SNP).hypervisor(KVM), WITH_TSM, kmsg=active("SEV SEV-ES SEV-SNP"), guest=Expect(3, "Cannot tell", {"guest-tee": "unknown"}, says=["modprobe msr"])),
    Tree("guest-snp-unprivileged", amd(sev=SNP).hypervisor(KVM), msr={STATUS: "EACCES"}, refused={".probe/kmsg": "EACCES"}, guest=Expect(3, "Cannot tell", {"guest-tee": "unknown"}, says=["Run it as root"])),
    # A host that shows SEV to a VM without it, and one that shows an SEV_STATUS that the kernel did not find.
    Tree("guest-sev-offered-only", amd(sev=SNP).hypervisor(KVM), WITH_TSM, kmsg=QUIET, msr={STATUS: 0}, guest=Expect(1, NONE, {"guest-tee": "fail"})),
    Tree("guest-sev-status-fake", amd(sev=SNP).hypervisor(KVM), WITH_TSM, kmsg=QUIET, msr={STATUS: 7}, guest=Expect(3, "Cannot tell", {"guest-tee": "unknown"}, says=["disagree"])),
    # What a process writes to the kernel's log has another facility.
    Tree("guest-kmsg-by-process", amd(sev=SNP).hypervisor(KVM), WITH_TSM, kmsg=b"<14>[    0.000000] Memory Encryption Features active: SEV SEV-ES SEV-SNP\n", msr={STATUS: 0}, guest=Expect(1, NONE, {"guest-tee": "fail"})),
    Tree("guest-tdx", intel(tdx_guest=True).hypervisor(KVM), WITH_TDX, kmsg=QUIET + ["tdx: Guest detected"], guest=Expect(0, "Ready for tdx", {"guest-tee": "pass", "guest-tdx-leaf": "pass", "guest-event-log": "pass", "guest-report": "pass", "guest-svkl": "na"})),
    # Leaf 21h without a hypervisor is no guest's.
    Tree("guest-tdx-leaf-bare", intel(tdx_guest=True), kmsg=QUIET, guest=Expect(1, NONE, {"guest-tee": "fail"})),
    Tree("guest-azure-snp-paravisor", hyperv(amd(), isolation=2), WITH_VTPM, kmsg=QUIET, guest=Expect(0, "Ready for snp: a VM of Hyper-V", {"guest-tee": "pass"})),
    Tree("guest-azure-tdx-no-leaf21", hyperv(intel(), isolation=3), {**WITH_VTPM, "/sys/firmware/acpi/tables/CCEL": "CCEL", "/sys/firmware/acpi/tables/data/CCEL": "log"}, kmsg=QUIET, guest=Expect(0, "Ready for tdx: a VM of Hyper-V", {"guest-tee": "pass", "guest-tdx-leaf": "warn", "guest-vtpm": "pass", "guest-report": "na"})),
    # The isolation's leaf counts only if the features say that there is isolation.
    Tree("guest-hyperv-not-isolated", hyperv(amd()).leaf(0x4000000C, eax=1, ebx=2), kmsg=QUIET, guest=Expect(1, NONE, {"guest-tee": "fail", "guest-vtpm": "na"})),
    Tree("guest-hyperv-root-isolated", hyperv(amd(), isolation=2, root=True), kmsg=QUIET, guest=Expect(1, NONE, {"guest-tee": "fail"})),
]


def sev(name, expect, files=(), kmsg=(), **more):
    """An SEV guest that is good but for what it is about."""
    return Tree(name, amd(sev=SEV).hypervisor(KVM), {**ATTESTED, **dict(files)}, kmsg=active("SEV") + list(kmsg), msr={STATUS: 1}, guest=expect, **more)


AREA = "efi: SMBIOS=0x7fb6d000 SMBIOS 3.0=0x7fb6b000 ACPI=0x7fb7e000 CocoSecret=0x7f9ee018"
NO_AREA = "efi: SMBIOS=0x7fb6d000 SMBIOS 3.0=0x7fb6b000 ACPI=0x7fb7e000 MEMATTR=0x7e5b1018"
OFF = {DEBIAN: "CONFIG_EFI=y\n# CONFIG_EFI_COCO_SECRET is not set\n# CONFIG_EFI_SECRET is not set\n"}
ON = {DEBIAN: "CONFIG_EFI=y\nCONFIG_EFI_COCO_SECRET=y\nCONFIG_EFI_SECRET=m\n"}
SECURITYFS = {"/sys/kernel/security/lsm": "lockdown,capability\n", "/proc/mounts": "securityfs /sys/kernel/security securityfs rw 0 0\n"}

SECRET = [
    sev("guest-sev-secret-ready", Expect(0, "Ready for sev", {"guest-secret-area": "pass", "guest-secret-driver": "pass", "guest-secret-files": "pass"}), WITH_SECRET),
    sev("guest-sev-secret-legacy-path", Expect(0, "Ready for sev", {"guest-secret-area": "pass", "guest-secret-driver": "pass", "guest-secret-files": "pass"}),
        {**EFI, f"/sys/kernel/security/coco/efi_secret/{GUID}": ""}, [AREA]),
    # Debian 12: the kernel neither looks for the area nor has a driver.
    sev("guest-sev-area-no-module", Expect(1, "Not ready for sev", {"guest-secret-area": "unknown", "guest-secret-driver": "fail", "guest-secret-files": "na"},
                                           says=["coco_secret.ko", "DKMS", "dkms install coco-secret", "CONFIG_EFI_SECRET=n"]), {**EFI, **OFF, **SECURITYFS, MODULES: "kernel/fs/ext4/ext4.ko:\n"}),
    sev("guest-sev-module-built", Expect(1, "Not ready for sev", {"guest-secret-driver": "fail"}, says=["-> modprobe: modprobe coco_secret"], lacks=["DKMS"]),
        {**EFI, **OFF, **SECURITYFS, MODULES: "kernel/fs/ext4/ext4.ko:\nupdates/dkms/coco_secret.ko.xz:\n"}),
    sev("guest-sev-kernel-module", Expect(1, "Not ready for sev", {"guest-secret-area": "pass", "guest-secret-driver": "fail"}, says=["modprobe efi_secret"]),
        {**EFI, **ON, **SECURITYFS, "/sys/bus/platform/devices/efi_secret.0": None, MODULES: "kernel/drivers/virt/coco/efi_secret/efi_secret.ko:\n"}, [AREA]),
    sev("guest-sev-no-area", Expect(1, "Not ready for sev", {"guest-secret-area": "fail"}, says=["AmdSev"]), {**EFI, **ON, **SECURITYFS}, [NO_AREA]),
    sev("guest-sev-log-forgot", Expect(1, "Not ready for sev", {"guest-secret-area": "unknown"}), {**EFI, **ON, **SECURITYFS}),
    sev("guest-sev-no-securityfs", Expect(1, "Not ready for sev", {"guest-secret-driver": "fail"}, says=["mount -t securityfs"]),
        {**EFI, **ON, "/sys/kernel/security": None, "/proc/mounts": "sysfs /sys sysfs rw 0 0\n"}, [AREA]),
    sev("guest-sev-loaded-in-vain", Expect(1, "Not ready for sev", {"guest-secret-driver": "fail"}, says=["no table of secrets", "coco_secret: no table"]),
        {**EFI, **OFF, **SECURITYFS, "/sys/module/coco_secret": None}, ["coco_secret: no table"]),
    sev("guest-sev-wiped", Expect(0, "Ready for sev", {"guest-secret-driver": "pass", "guest-secret-files": "pass"}, says=["Ready for sev"]), {**EFI, SECRETS: None, "/run/cocod": None}),
    sev("guest-sev-wiped-by-others", Expect(2, "Ready with warnings for sev", {"guest-secret-files": "warn"}), {**EFI, SECRETS: None}),
    sev("guest-bios-no-efi", Expect(1, "Not ready for sev", {"guest-secret-area": "fail", "guest-efi-runtime": "na"}, says=["not started by EFI"]), SECURITYFS),
    sev("guest-sev-denied", Expect(3, "Cannot tell for sev", {"guest-secret-driver": "unknown"}), EFI, refused={SECRETS: "EACCES"}),
]


def tdx(name, expect, files=(), kmsg=()):
    return Tree(name, intel(tdx_guest=True).hypervisor(KVM), dict(files), kmsg=QUIET + ["tdx: Guest detected"] + list(kmsg), guest=expect)


def svkl(keys=1):
    """The ACPI table: header, number of keys, and for each key type, format, length and address."""
    table = struct.pack("<I", keys) + b"".join(struct.pack("<HHIQ", 0, 0, 32, 0x80000000 + 64 * i) for i in range(keys))
    return b"SVKL" + struct.pack("<I", 40 + 16 * keys) + bytes(28) + table


SVKL_TABLE = "/sys/firmware/acpi/tables/SVKL"
EVIDENCE = [
    Tree("guest-snp-no-driver", amd(sev=SNP).hypervisor(KVM), EFI, kmsg=active("SEV SEV-ES SEV-SNP"), msr={STATUS: 7},
         guest=Expect(1, "Not ready for snp", {"guest-report": "fail", "guest-secret-driver": "na", "guest-vtpm": "na"}, says=["modprobe sev-guest"])),
    Tree("guest-snp-device-denied", amd(sev=SNP).hypervisor(KVM), EFI, kmsg=active("SEV SEV-ES SEV-SNP"), msr={STATUS: 7}, refused={"/sys/kernel/config/tsm/report": "EACCES"},
         guest=Expect(3, "Cannot tell for snp", {"guest-report": "unknown"})),
    Tree("guest-snp-device", amd(sev=SNP).hypervisor(KVM), {**EFI, "/dev/sev-guest": ""}, kmsg=active("SEV SEV-ES SEV-SNP"), msr={STATUS: 7}, guest=Expect(0, "Ready for snp", {"guest-report": "pass"})),
    Tree("guest-snp-vmpl", amd(sev=SNP).hypervisor(KVM), {**WITH_TSM, "/sys/devices/system/cpu/sev/vmpl": "2\n"}, kmsg=active("SEV SEV-ES SEV-SNP"), msr={STATUS: 7}, guest=Expect(0, "Ready for snp", {"guest-report": "pass"})),
    tdx("guest-tdx-debian", Expect(1, "Not ready for tdx", {"guest-report": "fail"}, says=["A kernel with CONFIG_TDX_GUEST_DRIVER"]), {**EFI, DEBIAN: "CONFIG_EFI=y\n"}),
    tdx("guest-tdx-ccel", Expect(0, "Ready for tdx", {"guest-event-log": "pass"}), WITH_TDX),
    tdx("guest-tdx-no-ccel", Expect(2, "Ready with warnings for tdx", {"guest-event-log": "warn"}, says=["RTMRs cannot be replayed"]), WITH_TSM),
    tdx("guest-tdx-ccel-not-shown", Expect(2, "Ready with warnings for tdx", {"guest-event-log": "warn"}, says=["this kernel does not show it"]), {**WITH_TSM, "/sys/firmware/acpi/tables/CCEL": "CCEL"}),
    tdx("guest-tdx-svkl", Expect(0, "Ready for tdx", {"guest-svkl": "pass"}), {**WITH_TDX, SVKL_TABLE: svkl(), "/sys/kernel/security/secrets/svkl/0": ""}),
    tdx("guest-tdx-svkl-no-driver", Expect(2, "Ready with warnings for tdx", {"guest-svkl": "warn"}, says=["modprobe coco_secret"]), {**WITH_TDX, SVKL_TABLE: svkl(2)}),
    tdx("guest-tdx-svkl-malformed", Expect(2, "Ready with warnings for tdx", {"guest-svkl": "warn"}, says=["malformed"]), {**WITH_TDX, SVKL_TABLE: svkl(2)[:50]}),
    Tree("guest-azure-no-vtpm", hyperv(amd(), isolation=2), EFI, kmsg=QUIET, guest=Expect(1, "Not ready for snp", {"guest-vtpm": "fail", "guest-report": "na"}, says=["Create the VM with a vTPM"])),
    Tree("guest-azure-vtpm", hyperv(amd(), isolation=2), WITH_VTPM, kmsg=QUIET, guest=Expect(0, "Ready for snp", {"guest-vtpm": "pass"})),
    Tree("guest-azure-hidden-hv", amd().in_vm(), {**WITH_VTPM, "/sys/bus/vmbus/devices/2450ee40-33bf-4fbd-892e-9fb06e9214cf": None}, kmsg=QUIET,
         guest=Expect(1, NONE + "a VM of Hyper-V that is hidden from CPUID", {"guest-vtpm": "unknown", "guest-identity": "pass"}, says=["cococtl attest report"])),
]


def efi(name, expect, files, cmdline=""):
    return Tree(name, plain().hypervisor(KVM), {"/sys/firmware/efi": None, "/sys/firmware/efi/efivars": None, "/proc/cmdline": cmdline + "\n", **files}, kmsg=QUIET, guest=expect)


RELEASE = {"/proc/sys/kernel/osrelease": "6.1.0-35-amd64\n"}
FIRMWARE = [
    efi("guest-efi-on", Expect(1, NONE, {"guest-efi-runtime": "pass", "guest-mirrored-memory": "na"}), {"/sys/bus/platform/devices/efivars.0": None}),
    efi("guest-efi-rt-off", Expect(1, NONE, {"guest-efi-runtime": "warn"}, says=["-> kernel-arg: efi=runtime", "PREEMPT_RT"]), {"/sys/kernel/realtime": "1\n"}),
    efi("guest-efi-rt-on", Expect(1, NONE, {"guest-efi-runtime": "pass"}), {"/sys/kernel/realtime": "1\n", "/sys/bus/platform/devices/efivars.0": None}, "quiet efi=runtime"),
    efi("guest-efi-noruntime", Expect(1, NONE, {"guest-efi-runtime": "warn"}, says=["Remove efi=noruntime"]), {}, "efi=noruntime quiet"),
    efi("guest-efi-dxe", Expect(1, NONE, {"guest-efi-dxe": "pass"}), {**RELEASE, DEBIAN: "CONFIG_EFI_DXE_MEM_ATTRIBUTES=y\n"}),
    efi("guest-efi-dxe-off", Expect(1, NONE, {"guest-efi-dxe": "warn"}, says=["CONFIG_EFI_DXE_MEM_ATTRIBUTES=y"]), {**RELEASE, DEBIAN: "# CONFIG_EFI_DXE_MEM_ATTRIBUTES is not set\n"}),
    efi("guest-efi-dxe-untold", Expect(1, NONE, {"guest-efi-dxe": "unknown"}), RELEASE),
    Tree("guest-bios-dxe", plain().hypervisor(KVM), {**RELEASE, DEBIAN: "CONFIG_EFI_DXE_MEM_ATTRIBUTES=y\n"}, kmsg=QUIET, guest=Expect(1, NONE, {"guest-efi-dxe": "na"})),
    Tree("guest-mirrored", plain().hypervisor(KVM), kmsg=["efi: Memory: 1024M/4096M mirrored memory"], guest=Expect(1, NONE, {"guest-mirrored-memory": "pass"})),
    Tree("guest-mirrored-na", plain().hypervisor(KVM), kmsg=["a driver: mirrored memory"], guest=Expect(1, NONE, {"guest-mirrored-memory": "na"})),
]


def gpus(number, enable, command):
    """GPUs of 128 GiB below Hyper-V's PCI driver: the files of each."""
    files = {"/sys/bus/vmbus/drivers/hv_pci/module": None}
    for i in range(number):
        device = f"/sys/bus/vmbus/drivers/hv_pci/{i:08x}-c05b-47ab-b3a0-56a9a845852b/pci{i:04x}:00/{i:04x}:00:00.0"
        files |= {f"{device}/enable": f"{enable}\n", f"{device}/config": struct.pack("<HHH", 0x10DE, 0x2330, command) + bytes(250), f"{device}/class": "0x030200\n",
                  f"{device}/resource": "0x0000001000000000 0x0000002fffffffff 0x000000000014220c\n" + "0x0000000000000000 0x0000000000000000 0x0000000000000000\n" * 12}
    return files


PROBING = "hv_pci {:08x}-c05b-47ab-b3a0-56a9a845852b: PCI VMBus probing: Using version 0x1000{}"
HYPERV_TREES = [
    Tree("guest-azure-14gpu-old", hyperv(intel()), gpus(14, 0, 2), kmsg=QUIET + ["hv_vmbus: Vmbus version:5.3"],
         guest=Expect(1, NONE, {"guest-hyperv-pci": "warn", "guest-vmbus": "pass"}, says=["about 202 s, for 14 devices (14 of them GPUs", "1792 GiB"])),
    Tree("guest-azure-1gpu-old", hyperv(intel()), gpus(1, 0, 2), kmsg=QUIET, guest=Expect(1, NONE, {"guest-hyperv-pci": "warn"}, says=["about 14 s, for 1 device (1 of them GPUs", "128 GiB"])),
    Tree("guest-azure-14gpu-fixed", hyperv(intel()), gpus(14, 0, 0), kmsg=QUIET, guest=Expect(1, NONE, {"guest-hyperv-pci": "pass", "guest-vmbus": "unknown", "guest-hyperv-pci-version": "unknown"}, says=["1792 GiB once, in about 25 s"])),
    Tree("guest-hyperv-pci-versions", hyperv(intel()), kmsg=QUIET + [PROBING.format(i, v) for i, v in enumerate((4, 2, 3))], guest=Expect(1, NONE, {"guest-hyperv-pci-version": "pass"}, says=["3 of them, speak protocol 1.2 or newer"])),
    # One that is old, among others; and lines that are others', or say no number.
    Tree("guest-hyperv-pci-old-version", hyperv(intel()), kmsg=QUIET + [PROBING.format(i, v) for i, v in enumerate((4, 1, 4))], guest=Expect(1, NONE, {"guest-hyperv-pci-version": "warn"}, says=["speaks protocol 1.1"])),
    Tree("guest-hyperv-pci-no-version", hyperv(intel()), kmsg=QUIET + ["evil: PCI VMBus probing: Using version 0x10001", "hv_pci 0-a: PCI VMBus probing: Using version zero"],
         guest=Expect(1, NONE, {"guest-hyperv-pci-version": "unknown"})),
    Tree("guest-azure-gpu-bound", hyperv(intel()), gpus(1, 1, 6), kmsg=QUIET + ["nvidia 0000:00:00.0: enabling device (0000 -> 0002)"], guest=Expect(1, NONE, {"guest-hyperv-pci": "pass"})),
    Tree("guest-azure-gpu-bound-silent", hyperv(intel()), gpus(1, 1, 6), kmsg=QUIET, guest=Expect(1, NONE, {"guest-hyperv-pci": "unknown"})),
    Tree("guest-hyperv-old-vmbus", hyperv(intel()), kmsg=QUIET + ["hv_vmbus: Vmbus version:3.0"], guest=Expect(1, NONE, {"guest-vmbus": "warn", "guest-hyperv-pci": "na"})),
    Tree("guest-hyperv-garbled-vmbus", hyperv(intel()), kmsg=QUIET + ["hv_vmbus: Vmbus version:x.y"], guest=Expect(1, NONE, {"guest-vmbus": "unknown"})),
]

SNP_READY = {"kmsg": active("SEV SEV-ES SEV-SNP"), "msr": {STATUS: 7}}


def snp(name, expect, files=(), **more):
    return Tree(name, amd(sev=SNP).hypervisor(KVM), {**WITH_TSM, **dict(files)}, guest=expect, **{**SNP_READY, **more})


def conf(text, name="cocod.conf"):
    return {f"/etc/cocod/{name}": text}


BOUND = "Num       RefCount Protocol Flags    Type St Inode Path\n"


def bound(path):
    return f"00000000b929f110: 00000002 00000000 00010000 0001 01 12345 {path}\n"


COCOD = [
    machine.Tree("guest-no-cocod", amd(sev=SNP).hypervisor(KVM), {**WITH_TSM, ATTEST_CONF: SNP_POLICY}, guest=Expect(1, "Not ready for snp", {"guest-units": "fail"}, says=["Install coco-agent"]), **SNP_READY),
    snp("guest-units-enabled", Expect(0, "Ready for snp", {"guest-units": "pass"})),
    snp("guest-units-disabled", Expect(1, "Not ready for snp", {"guest-units": "fail"}, says=["systemctl enable --now cocod-worker-luks.socket cocod-worker-evidence.socket"]), links={f"{WANTS}/cocod.socket": "/lib/systemd/system/cocod.socket"}),
    snp("guest-sockets-bound", Expect(0, "Ready for snp", {"guest-sockets": "pass"}),
        {"/run/cocod/cocod.sock": machine.socket_node, "/run/cryptsetup-keys.d/a.key": machine.socket_node, "/run/cryptsetup-keys.d/file.key": "x",
         "/proc/net/unix": BOUND + bound("/run/systemd/private") + bound("/run/cocod/cocod.sock") + bound("/run/cryptsetup-keys.d/a.key")}),
    snp("guest-sockets-stale", Expect(1, "Not ready for snp", {"guest-sockets": "fail"}, says=["Nobody listens at the socket '/run/cryptsetup-keys.d/a.key'"], lacks=["file.key"]),
        {"/run/cocod/cocod.sock": machine.socket_node, "/run/cryptsetup-keys.d/a.key": machine.socket_node, "/run/cryptsetup-keys.d/file.key": "x",
         "/proc/net/unix": BOUND + bound("/run/systemd/private") + bound("/run/cocod/cocod.sock") + bound("/run/cryptsetup-keys.d/a.key2")}),
    snp("guest-sockets-none", Expect(0, "Ready for snp", {"guest-sockets": "na"}), {"/proc/net/unix": BOUND}),
    snp("guest-gate-default", Expect(0, "Ready for snp", {"guest-gate": "pass"})),
    snp("guest-gate-none", Expect(1, "Not ready for snp", {"guest-gate": "fail"}, says=["Require=none: nothing is proven"]), conf("[Cocod]\nRequire=none\n")),
    snp("guest-gate-drop-in", Expect(1, "Not ready for snp", {"guest-gate": "fail"}, says=["Require=none: nothing is proven"]),
        {**conf("[Cocod]\nRequire=evidence\n"), **conf("[Cocod]\nRequire = \"none\"\n", "cocod.conf.d/50.conf"), **conf("[Cocod]\nRequire=attested\n", "cocod.conf.d/60.conf.old")}),
    snp("guest-gate-drop-in-mends", Expect(0, "Ready for snp", {"guest-gate": "pass"}), {**conf("[Cocod]\nRequire=none\n"), "/usr/lib/cocod/cocod.conf.d/10.conf": "[Cocod]\nRequire=evidence\n"}),
    snp("guest-gate-hidden", Expect(0, "Ready for snp", {"guest-gate": "pass"}), {"/usr/lib/cocod/cocod.conf": "[Cocod]\nRequire=none\n", "/run/cocod/cocod.conf.d/5.conf": "[Cocod]\nRequire=none\n"},
        links={**AGENT_LINKS, "/etc/cocod/cocod.conf": "/dev/null", "/etc/cocod/cocod.conf.d/5.conf": "/dev/null"}),
    snp("guest-gate-run", Expect(1, "Not ready for snp", {"guest-gate": "fail"}, says=["Require=none: nothing is proven"]),
        {"/usr/lib/cocod/cocod.conf.d/05.conf": "[Cocod]\nRequire=evidence\n", "/run/cocod/cocod.conf.d/10.conf": "[Cocod]\nRequire=none\n", "/etc/cocod/cocod.conf.d/07.conf": "[Cocod]\nRequire=evidence\n"}),
    snp("guest-gate-denied", Expect(0, "Ready for snp", {"guest-gate": "unknown"}), conf("[Cocod]\nRequire=evidence\n"), refused={"/etc/cocod/cocod.conf": "EACCES"}),
    snp("guest-gate-other-section", Expect(1, "Not ready for snp", {"guest-gate": "fail"}), conf("[Other]\nRequire=none\n")),
    snp("guest-gate-garbage", Expect(1, "Not ready for snp", {"guest-gate": "fail"}, says=["cocod --check-config"]), conf("[Cocod\nRequire=none\n")),
    sev("guest-gate-evidence-on-sev", Expect(1, "Not ready for sev", {"guest-gate": "fail"}, says=["there is none inside SEV"]), {**WITH_SECRET, **conf("[Cocod]\nRequire=evidence\n")}),
    snp("guest-policy-good", Expect(0, "Ready for snp", {"guest-policy": "pass"}), {ATTEST_CONF: SNP_POLICY}),
    snp("guest-policy-accepts-all", Expect(1, "Not ready for snp", {"guest-policy": "fail"}, says=["names no identity"]), {ATTEST_CONF: "[snp]\nmin_guest_svn=1\n"}),
    snp("guest-policy-partial", Expect(1, "Not ready for snp", {"guest-policy": "fail"}, says=["allow=partial-identity"]), {ATTEST_CONF: f"[snp]\nmeasurement={DIGEST}\n"}),
    snp("guest-policy-partial-allowed", Expect(2, "Ready with warnings for snp", {"guest-policy": "warn"}), {ATTEST_CONF: f"[snp]\nmeasurement={DIGEST}\nallow=partial-identity\n"}),
    snp("guest-policy-debug", Expect(2, "Ready with warnings for snp", {"guest-policy": "warn"}), {ATTEST_CONF: SNP_POLICY + "allow=debug\n"}),
    snp("guest-policy-other-kind", Expect(1, "Not ready for snp", {"guest-policy": "fail"}, says=["names no identity"]), {ATTEST_CONF: TDX_POLICY}),
    snp("guest-policy-foreign", Expect(1, "Not ready for snp", {"guest-policy": "fail"}, says=["'mrtd'"]), {ATTEST_CONF: SNP_POLICY + f"[Policy]\nmrtd={DIGEST}\n"}),
    snp("guest-policy-wrong", Expect(1, "Not ready for snp", {"guest-policy": "fail"}, says=["accepts nothing"]), {ATTEST_CONF: "[snp]\nmeasurement=5f\n"}),
    machine.Tree("guest-policy-missing", amd(sev=SNP).hypervisor(KVM), {**WITH_TSM, "/usr/lib/systemd/system/cocod.socket": ""}, AGENT_LINKS, guest=Expect(1, "Not ready for snp", {"guest-policy": "fail"}, says=["no broker to ask"]), **SNP_READY),
    machine.Tree("guest-policy-broker", amd(sev=SNP).hypervisor(KVM), {**WITH_TSM, "/usr/lib/systemd/system/cocod.socket": "", "/etc/cocod/broker.conf": "[Broker]\nUrl=x\n"}, AGENT_LINKS,
                 guest=Expect(1, "Not ready for snp", {"guest-policy": "na", "guest-broker": "fail"}), **SNP_READY),
    machine.Tree("guest-policy-broker-drop-in", amd(sev=SNP).hypervisor(KVM), {**WITH_TSM, "/usr/lib/systemd/system/cocod.socket": "", "/run/cocod/broker.conf.d/a.conf": "[Broker]\nUrl=x\n"}, AGENT_LINKS,
                 guest=Expect(1, "Not ready for snp", {"guest-policy": "na", "guest-broker": "fail"}), **SNP_READY),
    snp("guest-policy-emptied", Expect(1, "Not ready for snp", {"guest-policy": "fail"}), {ATTEST_CONF: "", "/usr/lib/cocod/attest.conf": SNP_POLICY}),
    tdx("guest-policy-tdx", Expect(0, "Ready for tdx", {"guest-policy": "pass"}), {**WITH_TDX, ATTEST_CONF: TDX_POLICY}),
    tdx("guest-policy-tdx-partial", Expect(1, "Not ready for tdx", {"guest-policy": "fail"}), {**WITH_TDX, ATTEST_CONF: f"[tdx]\nmrtd={DIGEST}\n"}),
    Tree("guest-policy-azure", hyperv(amd(), isolation=2), {**WITH_VTPM, ATTEST_CONF: AZURE_POLICY}, kmsg=QUIET, guest=Expect(0, "Ready for snp", {"guest-policy": "pass"})),
    Tree("guest-policy-azure-other", hyperv(amd(), isolation=2), {**WITH_VTPM, ATTEST_CONF: SNP_POLICY}, kmsg=QUIET, guest=Expect(1, "Not ready for snp", {"guest-policy": "fail"})),
]

NOW, CACHE = 1800000000, "/var/cache/cocod"


def collateral(name, status, outcome, files, says=()):
    first = {0: "Ready for snp", 1: "Not ready for snp", 2: "Ready with warnings for snp"}[status]
    return snp(f"guest-collateral-{name}", Expect(status, first, {"guest-collateral": outcome}, says=says), files, probe={"time": f"{NOW}\n"})


DAY = 86400
COLLATERAL = [
    collateral("good", 0, "pass", {f"{CACHE}/crl-milan.der": crl(NOW - DAY, NOW + 30 * DAY)}, ["The collateral is good until 2027-02-14T08:00:00Z"]),
    collateral("soon", 2, "warn", {f"{CACHE}/crl-milan.der": crl(NOW - DAY, NOW + 13 * DAY)}, ["within 14 days", "cococtl attest fetch", "systemctl enable --now cocod-collateral.timer"]),
    collateral("expired", 1, "fail", {f"{CACHE}/crl-milan.der": crl(NOW - 9 * DAY, NOW - 1)}, ["has expired"]),
    collateral("expired-beside-newer", 0, "pass", {f"{CACHE}/crl-old.der": crl(NOW - 9 * DAY, NOW - 1), "/etc/cocod/collateral/crl.der": crl(NOW, NOW + 15 * DAY)}),
    collateral("garbage", 2, "warn", {f"{CACHE}/crl.der": b"\x30\x82\xff\xff", f"{CACHE}/tcb-info.json": "{"}),
    collateral("other-names", 0, "na", {f"{CACHE}/crlx.der": "x", f"{CACHE}/newest": "x"}),
    snp("guest-collateral-denied", Expect(0, "Ready for snp", {"guest-collateral": "unknown"}), refused={CACHE: "EACCES"}, probe={"time": f"{NOW}\n"}),
    snp("guest-collateral-no-time", Expect(0, "Ready for snp", {"guest-collateral": "unknown"}), {f"{CACHE}/crl.der": crl(NOW, NOW + DAY)}),
]


def crypttab(name, outcome, line, says=(), links=(), files=()):
    status, first = (1, "Not ready for snp") if outcome == "fail" else (0, "Ready for snp")
    return snp(f"guest-crypttab-{name}", Expect(status, first, {"guest-crypttab": outcome}, says=says), {"/etc/crypttab": f"# volumes\n{line}\n", **dict(files)}, links={**AGENT_LINKS, **dict(links)})


SOCKET = {f"{WANTS}/cocod-cryptsetup@data.socket": "/usr/lib/systemd/system/cocod-cryptsetup@.socket"}
SCRIPT = "keyscript=/usr/lib/coco-agent/keyscript"
VOLUMES = [
    crypttab("good", "pass", "data UUID=1b4e28ba-2fa1-11d2-883f-0016d3cca427 none luks,nofail", links=SOCKET),
    crypttab("any-socket", "pass", "da+ta /dev/vdb /run/cocod/cryptsetup.sock luks"),
    crypttab("not-ours", "na", "data /dev/vdb none luks,keyfile-erase"),
    crypttab("erase", "fail", "data /dev/vdb none luks,keyfile-erase", ["line 2 of crypttab has the option 'keyfile-erase'", "cococtl luks enroll"], SOCKET),
    crypttab("offset", "fail", "data /dev/vdb /run/cryptsetup-keys.d/data.key luks,keyfile-offset=8", ["keyfile-offset"]),
    crypttab("other-key", "fail", "data /dev/vdb /run/cryptsetup-keys.d/date.key luks", ["another key file"]),
    crypttab("key-slot", "pass", "data /dev/vdb none luks,key-slot=3", links=SOCKET),
    crypttab("odd-name", "na", f"{'d' * 200} /dev/vdb none luks"),
    crypttab("tpm2", "fail", "data /dev/vdb none luks,tpm2-device=auto", links=SOCKET),
]

SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def swap(name, status, outcome, lines, files=(), says=()):
    first = {0: "Ready for snp", 1: "Not ready for snp", 2: "Ready with warnings for snp"}[status]
    return snp(f"guest-swap-{name}", Expect(status, first, {"guest-swap": outcome}, says=says), {"/proc/swaps": SWAPS + lines, **dict(files)})


CRYPT = {"/sys/block/dm-0/dm/uuid": "CRYPT-PLAIN-swap\n"}
INIT = "mem auto-init: stack:off, heap alloc:on, heap free:"
MEMORY = [
    swap("none", 0, "pass", ""),
    swap("clear", 1, "fail", "/dev/vda2                               partition\t1048572\t\t0\t\t-2\n", says=["swapoff", "/dev/vda2: in the clear"]),
    swap("crypt", 0, "pass", "/dev/dm-0                               partition\t1048572\t\t0\t\t-2\n", CRYPT),
    swap("lvm", 1, "fail", "/dev/dm-0                               partition\t1048572\t\t0\t\t-2\n", {"/sys/block/dm-0/dm/uuid": "LVM-xyz\n"}),
    swap("zram", 0, "pass", "/dev/zram0                              partition\t1048572\t\t0\t\t100\n"),
    swap("file", 0, "unknown", "/swapfile                               file\t\t1048572\t\t0\t\t-2\n"),
    swap("two", 1, "fail", "/dev/zram0 partition 1 0 100\n/dev/vda2 partition 1 0 -2\n", says=["/dev/zram0: in memory"]),
    snp("guest-hibernation-no", Expect(0, "Ready for snp", {"guest-hibernation": "pass"}), {"/sys/power/state": "freeze mem\n"}),
    snp("guest-hibernation-no-device", Expect(0, "Ready for snp", {"guest-hibernation": "pass"}), {"/sys/power/state": "freeze mem disk\n", "/sys/power/resume": "0:0\n"}),
    snp("guest-hibernation-nohibernate", Expect(0, "Ready for snp", {"guest-hibernation": "pass"}), {"/sys/power/state": "disk\n", "/sys/power/resume": "254:2\n", "/proc/cmdline": "nohibernate\n"}),
    snp("guest-hibernation-yes", Expect(2, "Ready with warnings for snp", {"guest-hibernation": "warn"}, says=["nohibernate"]), {"/sys/power/state": "freeze mem disk\n", "/sys/power/resume": "254:2\n"}),
    snp("guest-init-on-free-kmsg", Expect(0, "Ready for snp", {"guest-init-on-free": "pass"}), kmsg=SNP_READY["kmsg"] + [INIT + "on"]),
    snp("guest-init-on-free-off", Expect(0, "Ready for snp", {"guest-init-on-free": "warn"}, says=["init_on_free=1"]), {"/proc/cmdline": "init_on_free=1\n"}, kmsg=SNP_READY["kmsg"] + [INIT + "off"]),
    snp("guest-init-on-free-cmdline", Expect(0, "Ready for snp", {"guest-init-on-free": "pass"}), {"/proc/cmdline": "init_on_free=1\n"}),
    snp("guest-init-on-free-config", Expect(0, "Ready for snp", {"guest-init-on-free": "warn"}), {DEBIAN: "CONFIG_EFI=y\n"}),
    snp("guest-init-on-free-config-gz", Expect(0, "Ready for snp", {"guest-init-on-free": "pass"}), {DEBIAN: "CONFIG_EFI=y\n", "/proc/config.gz": gzip.compress(b"CONFIG_A=y\nCONFIG_INIT_ON_FREE_DEFAULT_ON=y\n")}),
    snp("guest-init-on-free-other-line", Expect(0, "Ready for snp", {"guest-init-on-free": "unknown"}), kmsg=SNP_READY["kmsg"] + ["a driver: " + INIT + "on"]),
    snp("guest-init-on-free-nothing", Expect(0, "Ready for snp", {"guest-init-on-free": "unknown"})),
]

TREES = story_trees.TREES + COCOD + COLLATERAL + VOLUMES + MEMORY + IDENTITY + TEE + SECRET + EVIDENCE + FIRMWARE + HYPERV_TREES
