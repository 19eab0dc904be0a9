# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records of hosts."""

from machine import Expect, Tree, amd, intel

KVM = {"open": "ok", "hlt": "ok"}

TREES = [
    Tree("host-milan-cpu", amd(sev=0x1B), kvm=KVM, host=Expect(0, "Ready for snp: AMD EPYC 7313 16-Core Processor", {"host-cpu": "pass", "host-kvm": "pass"})),
    Tree("host-no-sev", amd("AMD Ryzen 7 5800X 8-Core Processor"), kvm=KVM,
         host=Expect(1, "Not ready for any confidential VM: AMD Ryzen 7 5800X", {"host-cpu": "fail", "host-kvm": "pass"}, says=["cannot host a confidential VM", "an ordinary VM is the nearest"])),
    Tree("host-no-kvm", amd(sev=0x1B), host=Expect(1, "Not ready for snp", {"host-cpu": "pass", "host-kvm": "fail"}, says=["modprobe kvm_amd"])),
    Tree("host-kvm-denied", amd(sev=0x1B), kvm={"open": "EACCES"}, host=Expect(3, "Cannot tell for snp", {"host-cpu": "pass", "host-kvm": "unknown"}, says=["Run it as root"])),
    Tree("host-kvm-dead", intel(), files={"/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu tdx_host_platform\n"}, kvm={"open": "ok", "hlt": "exit 17"},
         host=Expect(1, "Not ready for tdx", {"host-cpu": "pass", "host-kvm": "fail"})),
    Tree("host-rome-asked-snp", amd("AMD EPYC 7302 16-Core Processor", sev=0x0B), kvm=KVM,
         host=Expect(1, "Not ready for snp", {"host-cpu": "fail", "host-kvm": "pass"}, ["--require", "snp"], says=["The CPU offers sev, sev-es, and not snp"])),
    Tree("host-rome-any", amd("AMD EPYC 7302 16-Core Processor", sev=0x0B), kvm=KVM, host=Expect(0, "Ready for sev-es", {"host-cpu": "pass"}, ["--require", "any"])),
    Tree("host-none-asked", amd("AMD Ryzen 7 5800X 8-Core Processor"), kvm=KVM, host=Expect(0, "Ready for none", {"host-cpu": "fail", "host-kvm": "pass"}, ["--require", "none"])),
    Tree("host-nothing-known", host=Expect(1, "Not ready for any confidential VM: a machine whose CPUID is not there", {"host-cpu": "unknown", "host-kvm": "fail"})),
]
