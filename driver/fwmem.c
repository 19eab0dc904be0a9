// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/processor.h>

#include "driver/fwmem.h"

int fwmem_check(phys_addr_t base, u64 len)
{
	phys_addr_t last;

	if (!base || !len || check_add_overflow((u64)base, len - 1, &last))
		return -ERANGE;
	if (last >> boot_cpu_data.x86_phys_bits)
		return -ERANGE;
	if (region_intersects(base, len, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) != REGION_DISJOINT)
		return -ESTALE;
	return 0;
}

void *fwmem_map(phys_addr_t base, u64 len)
{
	void __iomem *p;
	int r;

	r = fwmem_check(base, len);
	if (r < 0)
		return ERR_PTR(r);
	/*
	 * memremap() would map reserved memory shared, that is, without the encryption bit, and
	 * read ciphertext. This one is cached and private; it is memory, so the __iomem means
	 * nothing.
	 */
	p = ioremap_encrypted(base, len);
	return p ? (void __force *)p : ERR_PTR(-ENOMEM);
}

void fwmem_unmap(void *p)
{
	iounmap((void __iomem __force *)p);
}

int fwmem_copy(phys_addr_t base, size_t len, void *to)
{
	void *from = fwmem_map(base, len);

	if (IS_ERR(from))
		return PTR_ERR(from);
	memcpy(to, from, len);
	fwmem_unmap(from);
	return 0;
}
