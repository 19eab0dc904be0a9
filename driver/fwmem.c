// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/processor.h>

#include "driver/fwmem.h"

/*
 * The ranges with secrets that are mapped now. Without it one table could name a part of what another
 * one names, and wiping the one would destroy the other. Only the module's init and exit come here,
 * which never run at the same time.
 */
struct mapping {
	struct list_head list;
	phys_addr_t base;
	u64 len;
	void *p;
};

static LIST_HEAD(mappings);

static bool is_secret(phys_addr_t base, u64 len)
{
	const struct mapping *m;

	list_for_each_entry(m, &mappings, list)
		if (base <= m->base + (m->len - 1) && m->base <= base + (len - 1))
			return true;
	return false;
}

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

void *fwmem_map_secret(phys_addr_t base, u64 len)
{
	struct mapping *m;
	void *p;
	int r;

	r = fwmem_check(base, len);
	if (r < 0)
		return ERR_PTR(r);
	if (is_secret(base, len))
		return ERR_PTR(-EBUSY);
	m = kmalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return ERR_PTR(-ENOMEM);
	p = fwmem_map(base, len);
	if (IS_ERR(p)) {
		kfree(m);
		return p;
	}
	*m = (struct mapping){ .base = base, .len = len, .p = p };
	list_add(&m->list, &mappings);
	return p;
}

void fwmem_unmap_secret(void *p)
{
	struct mapping *m, *next;

	list_for_each_entry_safe(m, next, &mappings, list) {
		if (m->p != p)
			continue;
		list_del(&m->list);
		kfree(m);
	}
	fwmem_unmap(p);
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
