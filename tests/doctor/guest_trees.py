# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records of guests."""

from machine import Expect, Tree, amd, intel

KVM, HYPERV, XEN, TCG = "KVMKVMKVM", "Microsoft Hv", "XenVMMXenVMM", "TCGTCGTCGTCG"
STATUS = 0xC0010131
SEV, ES, SNP = 0x2, 0xA, 0x1A   # of leaf 0x8000001f
QUIET = ["Linux version 6.1.0-35-amd64"]


def active(words):
    return ["Linux version 6.1.0-35-amd64", f"AMD Memory Encryption Features active: {words}"]


def plain(**more):
    return amd("AMD EPYC-Milan Processor", sev=0, **more)


def hyperv(cpu, isolation=None, root=False):
    """Real Hyper-V: its own leaves alone, and isolation of type 2 (SNP) or 3 (TDX)."""
    cpu.hypervisor(HYPERV, last=0x4000000C)
    cpu.leaf(0x40000003, eax=0x2E7F, ebx=(1 << 22 if isolation else 0) | (1 << 12 if root else 0))
    return cpu.leaf(0x4000000C, eax=1 if isolation else 0, ebx=isolation or 0)


NONE = "Not ready for any confidential VM: "

IDENTITY = [
    Tree("guest-tcg", plain().hypervisor(TCG), kmsg=QUIET, guest=Expect(1, NONE + "a VM that QEMU emulates (TCG)", {"guest-identity": "pass", "guest-tee": "fail"})),
    Tree("guest-kvm", plain().hypervisor(KVM), kmsg=QUIET, guest=Expect(1, NONE + "a VM of KVM", {"guest-identity": "pass", "guest-tee": "fail"})),
    Tree("guest-kvm-hyperv-leaves", plain().hypervisor(HYPERV, last=0x40000005).hypervisor(KVM, 0x40000100), kmsg=QUIET,
         guest=Expect(1, NONE + "a VM of KVM that shows Hyper-V's leaves", {"guest-identity": "pass"})),
    # A CPU that answers a leaf it does not have with another's: the signature is right, the range is not.
    Tree("guest-kvm-out-of-range", plain().hypervisor(KVM).hypervisor(HYPERV, 0x40000100, last=0x207), kmsg=QUIET, guest=Expect(1, NONE + "a VM of KVM", {"guest-identity": "pass"}, lacks=["Hyper-V"])),
    Tree("guest-hyperv-gen2", hyperv(intel()), kmsg=QUIET, guest=Expect(1, NONE + "a VM of Hyper-V", {"guest-identity": "pass", "guest-tee": "fail"})),
    Tree("guest-hyperv-root", hyperv(intel(), root=True), kmsg=QUIET, guest=Expect(1, NONE + "the root partition of Hyper-V", {"guest-identity": "warn"}, says=["coco-inject doctor"])),
    Tree("guest-other", plain().hypervisor("bhyve bhyve "), kmsg=QUIET, guest=Expect(1, NONE + "a VM of 'bhyve bhyve'", {"guest-identity": "pass"})),
    Tree("guest-blank-leaf", plain().in_vm().leaf(0x40000000), kmsg=QUIET, guest=Expect(1, NONE + "a VM whose hypervisor does not name itself", {"guest-identity": "pass"})),
    Tree("guest-bare", plain(), kmsg=QUIET, guest=Expect(1, NONE + "not a VM", {"guest-identity": "na", "guest-tee": "fail"})),
    Tree("xen-domu-pv", plain().hypervisor(TCG), {"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": "PV\n"}, kmsg=QUIET,
         guest=Expect(1, NONE + "a guest of Xen (PV)", {"guest-identity": "pass"}, lacks=["TCG)"])),
    Tree("xen-domu-pvh", plain().hypervisor(XEN, last=0x40000005), {"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": "PVH\n"}, kmsg=QUIET,
         guest=Expect(1, NONE + "a guest of Xen (PVH)", {"guest-identity": "pass"})),
    Tree("xen-domu-hvm-viridian", plain().hypervisor(HYPERV, last=0x40000006).hypervisor(XEN, 0x40000100, last=0x40000105),
         {"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": "HVM\n"}, kmsg=QUIET, guest=Expect(1, NONE + "a guest of Xen (HVM) that shows Hyper-V's leaves", {"guest-identity": "pass"})),
    Tree("xen-dom0", plain(), {"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": "PV\n", "/proc/xen/capabilities": "control_d\n"}, kmsg=QUIET,
         guest=Expect(1, NONE + "domain 0 of Xen (PV)", {"guest-identity": "warn"})),
    Tree("guest-none-asked", plain().hypervisor(KVM), kmsg=QUIET, guest=Expect(0, "Ready for none: a VM of KVM", {"guest-tee": "fail"}, ["--require", "none"])),
    Tree("guest-nothing-known", guest=Expect(3, "Cannot tell for any confidential VM: a machine whose CPUID is not there", {"guest-identity": "unknown", "guest-tee": "unknown"})),
]

TEE = [
    Tree("guest-sev", amd(sev=SEV).hypervisor(KVM), kmsg=active("SEV"), msr={STATUS: 1}, guest=Expect(0, "Ready for sev: a VM of KVM", {"guest-tee": "pass"})),
    Tree("guest-sev-es", amd(sev=ES).hypervisor(KVM), kmsg=active("SEV SEV-ES"), msr={STATUS: 3}, guest=Expect(0, "Ready for sev-es", {"guest-tee": "pass"})),
    Tree("guest-snp", amd(sev=SNP).hypervisor(KVM), kmsg=active("SEV SEV-ES SEV-SNP"), msr={STATUS: 7}, guest=Expect(0, "Ready for snp", {"guest-tee": "pass"})),
    Tree("guest-snp-any", amd(sev=SNP).hypervisor(KVM), kmsg=active("SEV SEV-ES SEV-SNP"), msr={STATUS: 7}, guest=Expect(0, "Ready for snp", {"guest-tee": "pass"}, ["--require", "any"])),
    Tree("guest-snp-asked-tdx", amd(sev=SNP).hypervisor(KVM), kmsg=active("SEV SEV-ES SEV-SNP"), msr={STATUS: 7},
         guest=Expect(1, "Not ready for tdx", {"guest-tee": "fail"}, ["--require", "tdx"], says=["a VM of snp, and not of tdx"])),
    Tree("guest-snp-msr-hidden", amd(sev=SNP).hypervisor(KVM), kmsg=active("SEV SEV-ES SEV-SNP"), guest=Expect(3, "Cannot tell", {"guest-tee": "unknown"}, says=["modprobe msr"])),
    Tree("guest-snp-unprivileged", amd(sev=SNP).hypervisor(KVM), msr={STATUS: "EACCES"}, refused={".probe/kmsg": "EACCES"}, guest=Expect(3, "Cannot tell", {"guest-tee": "unknown"}, says=["Run it as root"])),
    # A host that shows SEV to a VM without it, and one that shows an SEV_STATUS that the kernel did not find.
    Tree("guest-sev-offered-only", amd(sev=SNP).hypervisor(KVM), kmsg=QUIET, msr={STATUS: 0}, guest=Expect(1, NONE, {"guest-tee": "fail"})),
    Tree("guest-sev-status-fake", amd(sev=SNP).hypervisor(KVM), kmsg=QUIET, msr={STATUS: 7}, guest=Expect(3, "Cannot tell", {"guest-tee": "unknown"}, says=["disagree"])),
    # What a process writes to the kernel's log has another facility.
    Tree("guest-kmsg-by-process", amd(sev=SNP).hypervisor(KVM), kmsg=b"<14>[    0.000000] Memory Encryption Features active: SEV SEV-ES SEV-SNP\n", msr={STATUS: 0}, guest=Expect(1, NONE, {"guest-tee": "fail"})),
    Tree("guest-tdx", intel(tdx_guest=True).hypervisor(KVM), kmsg=QUIET + ["tdx: Guest detected"], guest=Expect(0, "Ready for tdx", {"guest-tee": "pass"})),
    # Leaf 21h without a hypervisor is no guest's.
    Tree("guest-tdx-leaf-bare", intel(tdx_guest=True), kmsg=QUIET, guest=Expect(1, NONE, {"guest-tee": "fail"})),
    Tree("guest-azure-snp-paravisor", hyperv(amd(), isolation=2), kmsg=QUIET, guest=Expect(0, "Ready for snp: a VM of Hyper-V", {"guest-tee": "pass"})),
    Tree("guest-azure-tdx-no-leaf21", hyperv(intel(), isolation=3), kmsg=QUIET, guest=Expect(0, "Ready for tdx: a VM of Hyper-V", {"guest-tee": "pass"})),
    Tree("guest-hyperv-root-isolated", hyperv(amd(), isolation=2, root=True), kmsg=QUIET, guest=Expect(1, NONE, {"guest-tee": "fail"})),
]

TREES = IDENTITY + TEE
