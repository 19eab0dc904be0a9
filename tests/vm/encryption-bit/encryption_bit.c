// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test only: makes a running kernel believe that one bit of a physical address is the encryption
 * bit, as its boot code would have found on such a processor. The module does not stay: loading
 * always fails with EAGAIN.
 *
 *	tech=amd	the bit means private; tech=amd sev=1 says that this is an SEV guest too
 *	tech=intel	the bit means shared, and this is a TD
 *	tech=none	restore what was there before
 *
 * The kernel does not export these variables. The test passes their addresses from /proc/kallsyms.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <asm/coco.h>
#include <asm/cpufeature.h>
#include <asm/page.h>

#define ALL_BITS ((1ULL << 52) - 1)

static unsigned long at_mask, at_vendor, at_sev_status;	/* addresses of the kernel's variables */
static unsigned int bit = 39;
static bool sev;
static char *tech = "none";

module_param(at_mask, ulong, 0444);
module_param(at_vendor, ulong, 0444);
module_param(at_sev_status, ulong, 0444);
module_param(bit, uint, 0444);
module_param(sev, bool, 0444);
module_param(tech, charp, 0444);

static void write_all(u64 mask, enum cc_vendor vendor)
{
	unsigned long cr0, flags;

	local_irq_save(flags);
	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	/* These are read-only since the boot. */
	asm volatile("mov %0, %%cr0" : : "r"(cr0 & ~(1UL << 16)) : "memory");
	*(u64 *)at_mask = mask;
	*(u32 *)at_vendor = vendor;
	*(u64 *)at_sev_status = sev;
	physical_mask = ALL_BITS & ~mask;
	asm volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
	local_irq_restore(flags);
}

static int __init encryption_bit_init(void)
{
	u64 mask = 1ULL << bit;

	if (strcmp(tech, "amd") == 0) {
		write_all(mask, CC_VENDOR_AMD);
	} else if (strcmp(tech, "intel") == 0) {
		write_all(mask, CC_VENDOR_INTEL);
		set_cpu_cap(&boot_cpu_data, X86_FEATURE_TDX_GUEST);
	} else {
		write_all(0, CC_VENDOR_NONE);
		clear_bit(X86_FEATURE_TDX_GUEST, (unsigned long *)boot_cpu_data.x86_capability);
	}
	pr_info("encryption_bit: %s, bit %u, physical mask %llx\n", tech, bit, (u64)physical_mask);
	return -EAGAIN;
}
module_init(encryption_bit_init);

MODULE_DESCRIPTION("Pretends an encryption bit, for a test");
MODULE_LICENSE("GPL");
