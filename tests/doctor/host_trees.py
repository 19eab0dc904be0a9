# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records of hosts."""

from machine import Expect, Tree, amd, intel

KVM = {"open": "ok", "hlt": "ok"}
VM_TYPES = 235

# ---- AMD ----

SYSCFG, RMP_BASE, RMP_END = 0xC0010010, 0xC0010132, 0xC0010133
SMEE = 1 << 23
ROME, MILAN = 0x0B, 0x1B    # EAX of leaf 0x8000001f
AMD_MSR = {SYSCFG: 0x740000 | SMEE, RMP_BASE: 0x6A00000000, RMP_END: 0x6A3FFFFFFF}
PARAMETERS = "/sys/module/kvm_amd/parameters"
EFR = "/sys/class/iommu/ivhd0/amd-iommu/features"
AMD_FILES = {
    "/dev/sev": "", f"{PARAMETERS}/sev": "Y\n", f"{PARAMETERS}/sev_es": "Y\n", f"{PARAMETERS}/sev_snp": "Y\n", EFR: "a5bf7fa2254afa5a:5cf\n",
    "/sys/module/kvm_amd/version": "", "/proc/cmdline": "root=/dev/sda1 ro quiet\n",
    "/sys/fs/cgroup/misc.capacity": "sev 410\nsev_es 99\n", "/sys/fs/cgroup/misc.current": "sev 0\nsev_es 3\n"}
AMD_LOG = ["ccp 0000:22:00.1: SEV API:1.55 build:21", "ccp 0000:22:00.1: SEV-SNP API:1.55 build:21"]
MILAN_OK = {c: "pass" for c in ("host-cpu", "host-sev-bios", "host-sev-device", "host-snp-rmp", "host-snp-iommu", "host-snp-api", "host-kvm", "host-kvm-sev", "host-kvm-sev-es",
                                "host-kvm-snp", "host-sev-asids", "host-sev-es-asids")} | {"host-tdx-bios": "na", "host-kvm-tdx": "na", "host-tdx-keys": "na"}


PT_CONFIG = {"/proc/sys/kernel/osrelease": "6.12.0\n", "/boot/config-6.12.0": "CONFIG_IOMMU_DEFAULT_PASSTHROUGH=y\n"}


def milan(name, expect, files=(), msr=(), without=(), kvm=None, kmsg=None, cpu=None, **more):
    """A host of SEV-SNP that is ready but for what is given; @without are files that it lacks."""
    have = {k: v for k, v in {**AMD_FILES, **dict(files)}.items() if k not in without}
    return Tree(name, cpu or amd(sev=MILAN), have, msr={**AMD_MSR, **dict(msr)}, kvm={**KVM, VM_TYPES: (0x1F, 0x1F)} if kvm is None else kvm,
                kmsg=AMD_LOG if kmsg is None else kmsg, host=expect, **more)


def rome(name, expect, files=(), **more):
    """A host of SEV and SEV-ES whose kernel knows nothing of SEV-SNP."""
    have = {k: v for k, v in {**AMD_FILES, **dict(files)}.items() if "snp" not in k}
    return Tree(name, amd("AMD EPYC 7302 16-Core Processor", sev=ROME), have, msr={SYSCFG: AMD_MSR[SYSCFG]}, kvm=KVM, kmsg=[], host=expect, **more)


def not_snp(check, **more):
    return Expect(1, "Not ready for snp: AMD EPYC 7313", {check: "fail"}, **more)


AMD = [
    milan("host-milan-snp-ready", Expect(0, "Ready for snp: AMD EPYC 7313 16-Core Processor", MILAN_OK)),
    # CPUID says what the CPU could do.
    milan("host-milan-bios-off", not_snp("host-sev-bios", says=["Enable SMEE"]), msr={SYSCFG: 0x740000}),
    milan("host-milan-no-rmp", not_snp("host-snp-rmp", says=["RMP Table"]), msr={RMP_BASE: 0, RMP_END: 0}),
    milan("host-milan-rmp-backwards", not_snp("host-snp-rmp"), msr={RMP_BASE: 0x6A00000000, RMP_END: 0x1000}),
    # Without SEV-SNP it is a good host for SEV-ES.
    milan("host-milan-no-rmp-any", Expect(0, "Ready for sev-es", {"host-snp-rmp": "fail"}, ["--require", "any"]), msr={RMP_BASE: 0, RMP_END: 0}),
    milan("host-genoa-iommu-pt", not_snp("host-snp-iommu", says=["Remove iommu=pt"]), {"/proc/cmdline": "ro iommu=pt\n"}),
    milan("host-iommu-passthrough", not_snp("host-snp-iommu", says=["Remove iommu.passthrough=1"]), {"/proc/cmdline": "ro iommu.passthrough=1\n"}),
    milan("host-iommu-pt-undone", Expect(0, "Ready for snp", MILAN_OK), {"/proc/cmdline": "iommu=pt iommu=nopt\n"}),
    milan("host-iommu-none", not_snp("host-snp-iommu", says=["Enable IOMMU"]), without=[EFR]),
    milan("host-iommu-no-snp", not_snp("host-snp-iommu", says=["Enable SEV-SNP Support"]), {EFR: "25bf7fa2254afa5a:5cf\n"}),
    # All of them must have it.
    milan("host-iommu-one-without", not_snp("host-snp-iommu"), {EFR.replace("ivhd0", "ivhd1"): "25bf7fa2254afa5a\n"}),
    milan("host-iommu-nonsense", Expect(3, "Cannot tell for snp", {"host-snp-iommu": "unknown"}), {EFR: "many\n"}),
    milan("host-snp-fw-1.49", not_snp("host-snp-api", says=["API 1.49"]), kmsg=["ccp 0000:22:00.1: SEV-SNP API:1.49 build:3"]),
    milan("host-snp-fw-forgotten", Expect(0, "Ready for snp", {"host-snp-api": "unknown"}), kmsg=[]),
    milan("host-snp-fw-nonsense", Expect(0, "Ready for snp", {"host-snp-api": "unknown"}), kmsg=["ccp 0000:22:00.1: SEV-SNP API:new"]),
    milan("host-sev-no-device", not_snp("host-sev-device", says=["modprobe ccp"]), without=["/dev/sev"]),
    milan("host-snp-asids-exhausted", not_snp("host-sev-es-asids", says=["All 99 are in use"]), {"/sys/fs/cgroup/misc.current": "sev 0\nsev_es 99\n"}),
    milan("host-sev-asids-none", Expect(1, "Not ready for sev", {"host-sev-asids": "fail", "host-sev-es-asids": "pass"}, ["--require", "sev"], says=["the firmware set none aside"]),
          {"/sys/fs/cgroup/misc.capacity": "sev 0\nsev_es 509\n"}),
    milan("host-asids-untold", Expect(0, "Ready for snp", {"host-sev-asids": "unknown", "host-sev-es-asids": "unknown"}), {"/sys/fs/cgroup/misc.capacity": "sev many\nsev_es -3\n"}),
    # The kernel has no line for none.
    milan("host-asids-no-line", not_snp("host-sev-es-asids", says=["the firmware set none aside"]), {"/sys/fs/cgroup/misc.capacity": "sev 509\n"}),
    milan("host-asids-no-file", Expect(0, "Ready for snp", {"host-sev-es-asids": "unknown"}), without=["/sys/fs/cgroup/misc.capacity"]),
    milan("host-asids-old-cgroups", Expect(0, "Ready for snp", {"host-sev-asids": "pass"}), {"/sys/fs/cgroup/misc/misc.capacity": "sev 410\nsev_es 99\n"},
          without=["/sys/fs/cgroup/misc.capacity", "/sys/fs/cgroup/misc.current"]),
    milan("host-kvm-amd-not-loaded", not_snp("host-kvm-snp", says=["modprobe kvm_amd"]), without=["/sys/module/kvm_amd/version"] + [f"{PARAMETERS}/{p}" for p in ("sev", "sev_es", "sev_snp")]),
    milan("host-kvm-amd-all-off", not_snp("host-kvm-sev", says=["options kvm_amd sev=1"]), {f"{PARAMETERS}/{p}": "N\n" for p in ("sev", "sev_es", "sev_snp")}),
    milan("host-kvm-es-off", Expect(1, "Not ready for snp", {"host-kvm-sev": "pass", "host-kvm-sev-es": "fail"}), {f"{PARAMETERS}/sev_es": "0\n"}),
    milan("host-kvm-no-snp", not_snp("host-kvm-snp", says=["This kernel's KVM has no SEV-SNP"]), without=[f"{PARAMETERS}/sev_snp"]),
    # The parameter says that it is on; KVM itself does not make such VMs.
    milan("host-kvm-types-lack-snp", not_snp("host-kvm-snp", says=["KVM makes no such VMs"]), kvm={**KVM, VM_TYPES: (0xF, 0xF)}),
    milan("host-kvm-types-unknown", Expect(0, "Ready for snp", {"host-kvm-snp": "pass"}), kvm=KVM),
    milan("host-kvm-parameter-nonsense", Expect(3, "Cannot tell for snp", {"host-kvm-snp": "unknown"}), {f"{PARAMETERS}/sev_snp": "perhaps\n"}),
    milan("host-snp-unprivileged", Expect(3, "Cannot tell for snp", {c: "unknown" for c in ("host-sev-bios", "host-snp-rmp", "host-kvm", "host-snp-api")}, says=["Run it as root"]),
          msr={i: "EACCES" for i in AMD_MSR}, kvm={"open": "EACCES"}, refused={".probe/kmsg": "EACCES"}),
    # KVM's own answer is worth more than registers that nobody may read.
    milan("host-msr-refused", Expect(0, "Ready for snp", {"host-sev-bios": "pass", "host-snp-rmp": "pass"}), msr={i: "EIO" for i in AMD_MSR}),
    milan("host-msr-refused-types-unknown", Expect(3, "Cannot tell for snp", {"host-sev-bios": "unknown", "host-snp-rmp": "unknown"}), msr={i: "EIO" for i in AMD_MSR}, kvm=KVM),
    milan("host-msr-refused-types-lack-snp", not_snp("host-kvm-snp"), msr={i: "EIO" for i in AMD_MSR}, kvm={**KVM, VM_TYPES: (0xF, 0xF)}),
    # A KVM that lists types, but makes VMs of SEV by the older call.
    milan("host-kvm-types-before-sev", Expect(0, "Ready for sev-es", {"host-kvm-sev": "pass", "host-kvm-sev-es": "pass", "host-kvm-snp": "fail"}, ["--require", "sev-es"]), kvm={**KVM, VM_TYPES: (3, 3)}),
    milan("host-kvm-types-lack-es", Expect(1, "Not ready for sev-es", {"host-kvm-sev": "pass", "host-kvm-sev-es": "fail"}, ["--require", "sev-es"]), kvm={**KVM, VM_TYPES: (7, 7)}),
    milan("host-iommu-pt-in-list", not_snp("host-snp-iommu", says=["Remove iommu=pt"]), {"/proc/cmdline": "ro iommu=force,pt\n"}),
    milan("host-iommu-pgtbl-v2", not_snp("host-snp-iommu", says=["Remove amd_iommu=pgtbl_v2"]), {"/proc/cmdline": "ro amd_iommu=pgtbl_v2\n"}),
    milan("host-iommu-default-pt", not_snp("host-snp-iommu", says=["-> kernel-arg: iommu=nopt"]), PT_CONFIG, kvm=KVM),
    milan("host-iommu-default-pt-undone", Expect(0, "Ready for snp", {"host-snp-iommu": "pass"}), {**PT_CONFIG, "/proc/cmdline": "ro iommu=nopt\n"}, kvm=KVM),
    # What is beyond the longest line is not found.
    milan("host-snp-api-cut", Expect(0, "Ready for snp", {"host-snp-api": "unknown"}), kmsg=["x" * 9000 + "SEV-SNP API:1.55"]),
    rome("host-rome-sev-es-only", Expect(0, "Ready for sev-es: AMD EPYC 7302", {"host-cpu": "pass", "host-snp-rmp": "na", "host-snp-iommu": "na", "host-snp-api": "na", "host-kvm-snp": "na"})),
    rome("host-rome-asked-snp", Expect(1, "Not ready for snp", {"host-cpu": "fail", "host-kvm": "pass"}, ["--require", "snp"], says=["The CPU offers sev, sev-es, and not snp"])),
    rome("host-rome-any", Expect(0, "Ready for sev-es", {"host-cpu": "pass"}, ["--require", "any"])),
    rome("host-rome-iommu-pt", Expect(0, "Ready for sev-es", {"host-snp-iommu": "na"}), {"/proc/cmdline": "ro iommu=pt\n"}),
]

# ---- Intel ----

KEYS, PLATFORM_INFO, TME, SEAMRR = 0x87, 0xCE, 0x982, 0x1401
TDX_MSR = {KEYS: 63 << 32 | 64, PLATFORM_INFO: 0x80838F3012800, TME: 0x203, SEAMRR: 0xC00}
KVM_INTEL = "/sys/module/kvm_intel/parameters"
TDX_PARAMETERS = [f"{KVM_INTEL}/ept", f"{KVM_INTEL}/enable_apicv", "/sys/module/kvm/parameters/tdp_mmu", "/sys/module/kvm/parameters/mmio_caching"]
OLD_SYMBOL, NEW_SYMBOL = "ffffffffc0a01230 t tdx_mem_page_aug [kvm_intel]\n", "ffffffffc0a04560 t tdx_acquire_vm_state_locks [kvm_intel]\n"
TDX_FILES = {"/sys/module/kvm_intel/version": "", "/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu tdx_host_platform\n", f"{KVM_INTEL}/tdx": "Y\n", **{p: "Y\n" for p in TDX_PARAMETERS}, "/proc/kallsyms": OLD_SYMBOL + NEW_SYMBOL,
             "/sys/fs/cgroup/misc.capacity": "tdx 63\n", "/sys/fs/cgroup/misc.current": "tdx 1\n"}
TDX_KEYS_LOG = ["virt/tdx: BIOS enabled: private KeyID range [64, 128)"]
TDX_LOG = TDX_KEYS_LOG + ["virt/tdx: module initialized"]
TDX_OK = {f"host-{c}": "pass" for c in ("cpu", "tdx-bios", "tdx-production", "kvm", "tdx-needs", "kvm-tdx", "tdx-module", "tdx-locks", "tdx-keys")} | {"host-sev-bios": "na", "host-kvm-snp": "na"}


def xeon(name, expect, files=(), msr=(), without=(), kvm=None, kmsg=None, **more):
    """A host of TDX that is ready but for what is given."""
    have = {k: v for k, v in {**TDX_FILES, **dict(files)}.items() if k not in without}
    return Tree(name, intel(), have, msr={**TDX_MSR, **dict(msr)}, kvm={**KVM, VM_TYPES: (0x21, 0x21)} if kvm is None else kvm,
                kmsg=TDX_LOG if kmsg is None else kmsg, host=expect, **more)


def not_tdx(check, **more):
    return Expect(1, "Not ready for tdx: Intel(R) Xeon(R) Gold 6530", {check: "fail"}, **more)


INTEL = [
    xeon("host-spr-tdx-ready", Expect(0, "Ready for tdx: Intel(R) Xeon(R) Gold 6530", TDX_OK)),
    xeon("host-tdx-no-tme", not_tdx("host-tdx-bios", says=["Total Memory Encryption"]), msr={TME: 0}),
    xeon("host-tdx-no-keys", not_tdx("host-tdx-bios", says=["key split"]), msr={KEYS: 127}),
    xeon("host-tdx-no-seam", not_tdx("host-tdx-bios", says=["SEAM Loader"]), msr={SEAMRR: 0x400}),
    xeon("host-tdx-unprivileged", Expect(3, "Cannot tell for tdx", {"host-tdx-bios": "unknown", "host-kvm": "unknown"}, says=["Run it as root"]),
         msr={i: "EACCES" for i in TDX_MSR}, kvm={"open": "EACCES"}, refused={".probe/kmsg": "EACCES"}),
    # The kernel's word that the firmware gave it keys is enough.
    xeon("host-tdx-no-msr", Expect(0, "Ready for tdx", {"host-tdx-bios": "pass", "host-tdx-production": "unknown"}), msr={i: "EIO" for i in TDX_MSR}),
    xeon("host-tdx-keyids-no-module", not_tdx("host-tdx-module", says=["only when kvm_intel is loaded with tdx=1"]), {f"{KVM_INTEL}/tdx": "N\n"}, kmsg=TDX_KEYS_LOG),
    xeon("host-tdx-module-failed", not_tdx("host-tdx-module", says=["did not start"]), kmsg=TDX_KEYS_LOG + ["virt/tdx: module initialization failed (-5)"]),
    xeon("host-tdx-log-forgotten", Expect(0, "Ready for tdx", {"host-tdx-module": "unknown"}), kmsg=[]),
    xeon("host-tdx-new-driver", Expect(0, "Ready for tdx", {"host-tdx-module": "pass"}), {"/sys/devices/faux/tdx_host/version": "1.5.24\n"}, kmsg=[]),
    xeon("host-tdx-no-apicv", not_tdx("host-tdx-needs", says=["kvm_intel.enable_apicv=1"]), {f"{KVM_INTEL}/enable_apicv": "N\n"}),
    xeon("host-tdx-no-tdp-mmu", not_tdx("host-tdx-needs", says=["kvm.tdp_mmu=1"]), {"/sys/module/kvm/parameters/tdp_mmu": "N\n"}),
    xeon("host-tdx-needs-untold", Expect(0, "Ready for tdx", {"host-tdx-needs": "unknown"}), without=[TDX_PARAMETERS[3]]),
    xeon("host-tdx-kernel-without", not_tdx("host-kvm-tdx", says=["CONFIG_KVM_INTEL_TDX"]), without=[f"{KVM_INTEL}/tdx"]),
    xeon("host-tdx-types-lack-it", not_tdx("host-kvm-tdx"), kvm={**KVM, VM_TYPES: (1, 1)}),
    xeon("host-tdx-preproduction", Expect(2, "Ready with warnings for tdx", {"host-tdx-production": "warn"}), msr={PLATFORM_INFO: 1 << 27}),
    xeon("host-tdx-warn-in-kmsg", Expect(2, "Ready with warnings for tdx", {"host-tdx-locks": "warn"}, says=["6.19"]),
         kmsg=TDX_LOG + ["WARNING: CPU: 12 PID: 5120 at arch/x86/kvm/vmx/tdx.c:1620 tdx_mem_page_aug+0x1b8/0x210 [kvm_intel]"]),
    xeon("host-tdx-before-6.19", Expect(0, "Ready for tdx", {"host-tdx-locks": "unknown"}), {"/proc/kallsyms": OLD_SYMBOL}),
    xeon("host-tdx-keys-exhausted", not_tdx("host-tdx-keys", says=["All 63 are in use"]), {"/sys/fs/cgroup/misc.current": "tdx 63\n"}),
]

OTHERS = [
    Tree("host-no-sev", amd("AMD Ryzen 7 5800X 8-Core Processor"), kvm=KVM,
         host=Expect(1, "Not ready for any confidential VM: AMD Ryzen 7 5800X", {"host-cpu": "fail", "host-kvm": "pass", "host-sev-bios": "na", "host-tdx-bios": "na"},
                     says=["cannot host a confidential VM", "the nearest thing that works here"])),
    Tree("host-no-kvm", amd(sev=MILAN), host=Expect(1, "Not ready for snp", {"host-cpu": "pass", "host-kvm": "fail"}, says=["modprobe kvm_amd"])),
    Tree("host-kvm-denied", amd(sev=MILAN), kvm={"open": "EACCES"}, host=Expect(1, "Not ready for snp", {"host-cpu": "pass", "host-kvm": "unknown"}, says=["Run it as root"])),
    Tree("host-kvm-dead", intel(), files={"/proc/cpuinfo": TDX_FILES["/proc/cpuinfo"]}, kvm={"open": "ok", "hlt": "exit 17"}, host=Expect(1, "Not ready for tdx", {"host-cpu": "pass", "host-kvm": "fail"})),
    # As the boot "nested" of tests/vm/doctor-test has it: KVM runs in a VM that an emulator runs, and has no SEV there.
    Tree("host-nested-l1", amd("AMD EPYC Processor").hypervisor("TCGTCGTCGTCG", last=0x40000001), files={"/sys/module/kvm_amd/parameters/nested": "1\n", "/sys/module/kvm_amd/parameters/sev": "N\n"}, kvm=KVM,
         host=Expect(1, "Not ready for any confidential VM", {"host-cpu": "fail", "host-kvm": "pass", "host-sev-bios": "na", "host-kvm-sev": "na"}, says=["cannot host a confidential VM"])),
    Tree("host-none-asked", amd("AMD Ryzen 7 5800X 8-Core Processor"), files={"/sys/module/kvm_amd/version": ""}, kvm=KVM, host=Expect(0, "Ready for none", {"host-cpu": "fail", "host-kvm": "pass"}, ["--require", "none"])),
    Tree("host-nothing-known", host=Expect(1, "Not ready for any confidential VM: a machine whose CPUID is not there", {"host-cpu": "unknown", "host-kvm": "fail"})),
]

# ---- ordinary VMs ----

MAX_VCPUS = 66
PLAIN = {"/sys/module/kvm_amd/parameters/avic": "Y\n"}
PLAIN_INTEL = {"/sys/module/kvm_intel/parameters/enable_ipiv": "Y\n", "/proc/cpuinfo": "flags\t\t: fpu vmx\nvmx flags\t: vnmi ept ipi_virt\n"}


def ordinary(name, cpu, expect, files=(), kmsg=(), **more):
    return Tree(name, cpu, files, kvm={**KVM, MAX_VCPUS: (1024, 1024)} | more.pop("kvm", {}), kmsg=list(kmsg), host=expect, **more)


def for_none(status, first, checks, **more):
    return Expect(status, first + " for none", checks, ["--require", "none"], **more)


def zen4():
    return amd("AMD EPYC 9354 32-Core Processor").leaf(0x8000000A, eax=1, edx=1 << 13 | 1 << 18, ecx=1 << 6)


VMS = [
    ordinary("host-zen4-x2avic-512", zen4(), for_none(0, "Ready", {"host-avic": "pass", "host-kvm-module": "pass", "host-vcpus": "pass", "host-ipiv": "na"}, says=["1024 virtual CPUs, by the limit of KVM; with more than 512"]), PLAIN,
             ["x2AVIC enabled (max 512 vCPUs)"]),
    ordinary("host-zen4-x2avic-4096", zen4(), for_none(0, "Ready", {"host-vcpus": "pass"}, says=["A VM can have 4096 virtual CPUs"]), PLAIN, ["x2AVIC enabled (max 4096 vCPUs)"], kvm={MAX_VCPUS: (4096, 4096)}),
    # QEMU's machine allows fewer than KVM; and then KVM's numbers for them do.
    ordinary("host-vcpus-machine", zen4(), for_none(0, "Ready", {"host-vcpus": "pass"}, says=["288 virtual CPUs, by the limit of QEMU's machine q35"]), PLAIN, kvm={MAX_VCPUS: (4096, 4096), 128: (4096, 4096)},
             probe={"qmp": '{"return": [{"alias": "q35", "cpu-max": 288}]}\n'}),
    ordinary("host-vcpus-ids", zen4(), for_none(0, "Ready", {"host-vcpus": "pass"}, says=["255 virtual CPUs, by the limit of KVM's numbers for them"]), PLAIN, kvm={128: (255, 255)}, probe={"qmp": '{"return": [{"alias": "q35", "cpu-max": 288}]}\n'}),
    ordinary("host-vcpus-qmp-garbage", zen4(), for_none(0, "Ready", {"host-vcpus": "pass"}, says=["1024 virtual CPUs, by the limit of KVM"]), PLAIN, probe={"qmp": '{"return": [{"alias": "q35", "cpu-max": -1}]}\nx\n'}),
    ordinary("host-tertiary", intel(), for_none(0, "Ready", {"host-tertiary": "pass"}), PLAIN_INTEL, msr={0x482: 1 << 49 | 0xff}),
    ordinary("host-tertiary-none", intel(), for_none(0, "Ready", {"host-tertiary": "na"}), PLAIN_INTEL, msr={0x482: 1 << 17}),
    ordinary("host-tertiary-denied", intel(), for_none(0, "Ready", {"host-tertiary": "unknown"}), PLAIN_INTEL, msr={0x482: "EACCES"}),
    ordinary("host-zen4-avic-off", zen4(), for_none(2, "Ready with warnings", {"host-avic": "warn"}, says=["avic=1"]), {"/sys/module/kvm_amd/parameters/avic": "N\n"}),
    # A host of SEV-SNP is none the worse for it.
    milan("host-zen4-sev-inhibited", Expect(0, "Ready for snp", {"host-avic": "na"}), {"/sys/module/kvm_amd/parameters/avic": "N\n"}),
    ordinary("host-intel-ipiv-on", intel(), for_none(0, "Ready", {"host-ipiv": "pass", "host-avic": "na"}), PLAIN_INTEL),
    ordinary("host-intel-ipiv-off", intel(), for_none(2, "Ready with warnings", {"host-ipiv": "warn"}, says=["enable_ipiv=1"]), {**PLAIN_INTEL, "/sys/module/kvm_intel/parameters/enable_ipiv": "N\n"}),
    ordinary("host-intel-ipiv-no-apicv", intel(), for_none(2, "Ready with warnings", {"host-ipiv": "warn"}, says=["APICv is off", "enable_apicv: N"]),
             {**PLAIN_INTEL, "/sys/module/kvm_intel/parameters/enable_ipiv": "N\n", "/sys/module/kvm_intel/parameters/enable_apicv": "N\n"}),
    ordinary("host-intel-old", intel(), for_none(0, "Ready", {"host-ipiv": "na"}), {**PLAIN_INTEL, "/proc/cpuinfo": "vmx flags\t: vnmi ept\n"}),
    ordinary("host-kvm-foreign-module", intel(), for_none(2, "Ready with warnings", {"host-kvm": "pass", "host-kvm-module": "warn"}, says=["neither kvm_amd nor kvm_intel"])),
    ordinary("host-vcpus-nonsense", zen4(), for_none(0, "Ready", {"host-vcpus": "unknown"}), PLAIN, kvm={MAX_VCPUS: (-1, -1)}),
]

# ---- Xen ----


def xen(kind, capabilities=None, kernel="xen"):
    """What a kernel under Xen shows; without @capabilities, xenfs is not mounted."""
    files = {"/sys/hypervisor/type": f"{kernel}\n", "/sys/hypervisor/guest_type": f"{kind}\n"}
    if capabilities is not None:
        files["/proc/xen/capabilities"] = capabilities
    return files


def xen_cpu():
    return amd(sev=MILAN).hypervisor("XenVMMXenVMM")


def under_xen(name, outcome, files=(), status=0, cpu=None, **more):
    return milan(name, Expect(status, {0: "Ready for snp", 1: "Not ready for snp", 2: "Ready with warnings for snp"}[status], {"host-xen": outcome}, **more), files, cpu=cpu)


XEN = [
    milan("host-xen-none", Expect(0, "Ready for snp", {"host-xen": "pass"})),
    # A PV guest's plain CPUID is that of the machine below Xen, so a dom0 looks like the machine.
    under_xen("host-xen-dom0", "warn", xen("PV", "control_d\n"), 2, says=["This is dom0 of Xen", "boot this kernel without Xen"]),
    under_xen("host-xen-domu-pv", "fail", xen("PV", ""), 1, says=["guest of Xen, of type PV"]),
    under_xen("host-xen-domu-pvh", "fail", xen("PVH", "\n"), 1, cpu=xen_cpu(), says=["guest of Xen, of type PVH"]),
    under_xen("host-xen-no-xenfs", "unknown", xen("PV")),
    under_xen("host-xen-no-sysfs", "unknown", cpu=xen_cpu()),
    under_xen("host-xen-other-hypervisor", "na", xen("PV", "control_d\n", kernel="s390")),
    under_xen("host-xen-kind-hostile", "fail", xen("\x1b[2J" + "P" * 250, ""), 1, lacks=["\x1b"]),
    under_xen("host-xen-proc-only", "unknown", {"/proc/xen": None}),
]

TREES = AMD + INTEL + OTHERS + VMS + XEN
