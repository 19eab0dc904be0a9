// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/*
 * The EFI configuration table, found again. The kernel reads the table early, and keeps only what
 * its configuration asks for. Most distributions leave CONFIG_EFI_COCO_SECRET off, and neither
 * the table nor its address is exported to modules.
 *
 * Two ways lead back to it:
 *
 *	L1	The EFI system table, which points to it, lies in the firmware's runtime
 *		data, and the kernel's map of that data is exported. No file and no
 *		parameter is involved: nobody in this machine can steer it.
 *	L2	Without the memory map (efi=noruntime) sysfs still has both addresses, as
 *		the kernel got them at boot. Whoever controls what the loader of this
 *		module sees below /sys could lie there.
 *
 * Either way the system table's checksum must be right, and the configuration table must have the
 * ACPI tables where this kernel found them at boot. Layouts: UEFI specification 2.10, 4.3 "EFI
 * System Table" and 4.6 "EFI Configuration Table".
 */
#include <linux/crc32.h>
#include <linux/efi.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <asm/bootparam.h>

#include "driver/efi-table.h"
#include "driver/fwmem.h"
#include "wire/bytes.h"
#include "wire/guid.h"

#define SYSTAB_LEN_MIN sizeof(efi_system_table_64_t)
#define SYSTAB_LEN_MAX 256	/* in bytes; revisions so far have 120 */
#define CONFIG_ENTRY_LEN 24	/* GUID, u64 address */
#define CONFIG_ENTRIES_MAX 512
#define RUNTIME_REGION_MAX (64ull << 20)

static const struct guid coco_guid =
	GUID_INIT_TEXT(0xadf956ad, 0xe98c, 0x484c, 0xae, 0x11, 0xb5, 0x1c, 0x7d, 0x33, 0x64, 0x47);
static const struct guid acpi20_guid =
	GUID_INIT_TEXT(0x8868e871, 0xe4f1, 0x11d3, 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81);

/*
 * A system table states its own length. Its checksum covers that length, with the checksum itself
 * taken as zero.
 */
union systab {
	efi_system_table_64_t t;
	u8 bytes[SYSTAB_LEN_MAX];
};

/*
 * Is there a whole system table in the @len bytes at @from? Works on a copy, so that the bytes
 * that are checked are the bytes that are used.
 */
static bool systab_read(const u8 *from, size_t len, union systab *ret)
{
	u32 crc, n;

	if (len < SYSTAB_LEN_MIN || get_u64le(from) != EFI_SYSTEM_TABLE_SIGNATURE)
		return false;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->bytes, from, min_t(size_t, len, SYSTAB_LEN_MAX));
	n = ret->t.hdr.headersize;
	if (n < SYSTAB_LEN_MIN || n > SYSTAB_LEN_MAX || n > len)
		return false;
	crc = ret->t.hdr.crc32;
	ret->t.hdr.crc32 = 0;
	return (crc32_le(~0u, ret->bytes, n) ^ ~0u) == crc;
}

/*
 * Find the address of the last entry with @guid in a configuration table. The kernel uses the
 * last one too.
 */
static bool config_lookup(struct bytes table, const struct guid *guid, u64 *ret)
{
	bool found = false;

	for (; table.len >= CONFIG_ENTRY_LEN; bytes_skip(&table, CONFIG_ENTRY_LEN)) {
		struct guid g = guid_at(table.p);

		if (!guid_equal(&g, guid))
			continue;
		*ret = get_u64le(table.p + GUID_LEN);
		found = true;
	}
	return found;
}

/*
 * Read the configuration table of @n entries at @pa. Returns 0; -ENOENT when it has no secret
 * area; -EBADMSG when it is not the table that this kernel was booted with.
 */
static int config_read(phys_addr_t pa, u64 n, phys_addr_t *ret)
{
	struct bytes table;
	u64 acpi20, coco;
	u8 *copy;
	int r;

	if (!n || n > CONFIG_ENTRIES_MAX)
		return -EBADMSG;
	table.len = n * CONFIG_ENTRY_LEN;
	copy = kmalloc(table.len, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	table.p = copy;
	r = fwmem_copy(pa, table.len, FWMEM_RUNTIME, copy);
	if (r < 0) {
		r = r == -ENOMEM ? r : -EBADMSG;
		goto free;
	}

	if (efi.acpi20 == EFI_INVALID_TABLE_ADDR ||
	    !config_lookup(table, &acpi20_guid, &acpi20) || acpi20 != efi.acpi20)
		r = -EBADMSG;
	else if (!config_lookup(table, &coco_guid, &coco))
		r = -ENOENT;
	else
		*ret = coco;
free:
	kfree(copy);
	return r;
}

/*
 * The kernel has given virtual addresses to the firmware, and the system table's pointers are
 * virtual. Convert one back to physical.
 */
static phys_addr_t runtime_to_phys(u64 address)
{
	efi_memory_desc_t *md;

	for_each_efi_memory_desc(md) {
		u64 len = md->num_pages << EFI_PAGE_SHIFT;

		if ((md->attribute & EFI_MEMORY_RUNTIME) && md->virt_addr &&
		    address >= md->virt_addr && address - md->virt_addr < len)
			return md->phys_addr + (address - md->virt_addr);
	}
	return address;
}

/*
 * The answer of the configuration tables that were found. All must agree, or the search has
 * failed.
 */
struct answer {
	bool given;
	int r;		/* as of config_read() */
	phys_addr_t pa;
};

static int answer_add(struct answer *answer, int r, phys_addr_t pa)
{
	if (answer->given && (answer->r != r || (r == 0 && answer->pa != pa))) {
		pr_err("refused: the firmware's runtime data has two EFI system tables that differ\n");
		return -EBADMSG;
	}
	*answer = (struct answer){ .given = true, .r = r, .pa = pa };
	return 0;
}

/* Scan one region for all system tables of this boot. */
static int scan_region(phys_addr_t base, u64 len, struct answer *answer)
{
	union systab systab;
	phys_addr_t pa = 0;
	const u8 *p;
	int r = 0;

	p = fwmem_map(base, len, FWMEM_RUNTIME);
	if (IS_ERR(p)) {
		pr_err("cannot read the firmware's runtime data at %pa: %ld\n", &base, PTR_ERR(p));
		return PTR_ERR(p) == -ENOMEM ? -ENOMEM : -EBADMSG;
	}
	for (u64 at = 0; r == 0 && at + SYSTAB_LEN_MIN <= len; at += 8) {
		if (!systab_read(p + at, len - at, &systab))
			continue;
		r = config_read(runtime_to_phys(systab.t.tables), systab.t.nr_tables, &pa);
		if (r == 0 || r == -ENOENT)
			r = answer_add(answer, r, pa);
		else if (r == -EBADMSG)
			r = 0;	/* not this boot's: perhaps a copy that firmware left behind */
	}
	fwmem_unmap((void *)p);
	return r;
}

/*
 * L1. The firmware's variables lie in its runtime data too, and the host may have written them:
 * one could hold a system table and all that makes it look good. The real table is there as well.
 * So all of the data is searched. If tables differ, none is believed. If a part cannot be
 * searched, what is found in the other parts is not believed either.
 */
static int find_in_runtime_data(phys_addr_t *ret)
{
	struct answer answer = { 0 };
	efi_memory_desc_t *md;
	int r;

	for_each_efi_memory_desc(md) {
		if (md->type != EFI_RUNTIME_SERVICES_DATA)
			continue;
		if (md->num_pages > RUNTIME_REGION_MAX >> EFI_PAGE_SHIFT)
			return -EBADMSG;
		r = scan_region(md->phys_addr, md->num_pages << EFI_PAGE_SHIFT, &answer);
		if (r < 0)
			return r;
		cond_resched();
	}
	if (!answer.given)
		return -EBADMSG;
	if (answer.r == 0)
		*ret = answer.pa;
	return answer.r;
}

/* Read up to @len bytes of a file in sysfs, from @at. Returns the number of bytes, or an error. */
static ssize_t sysfs_read(const char *path, loff_t at, void *to, size_t len)
{
	struct file *file;
	ssize_t n;

	file = filp_open(path, O_RDONLY, 0);
	if (IS_ERR(file)) {
		pr_err("cannot open %s: %ld\n", path, PTR_ERR(file));
		return PTR_ERR(file);
	}
	n = kernel_read(file, to, len, &at);
	filp_close(file, NULL);
	if (n < 0)
		pr_err("cannot read %s: %zd\n", path, n);
	return n;
}

/* L2 */
static int find_in_sysfs(phys_addr_t *ret)
{
	u8 bytes[SYSTAB_LEN_MAX];
	struct efi_info info;
	union systab systab;
	char text[24];
	u64 table;
	ssize_t n;
	int r;

	n = sysfs_read("/sys/kernel/boot_params/data", offsetof(struct boot_params, efi_info),
		       &info, sizeof(info));
	if (n != sizeof(info))
		return n < 0 ? n : -EBADMSG;
	n = sysfs_read("/sys/firmware/efi/config_table", 0, text, sizeof(text) - 1);
	if (n < 0)
		return n;
	text[n] = '\0';
	if (kstrtou64(text, 16, &table) < 0)
		return -EBADMSG;

	r = fwmem_copy((u64)info.efi_systab_hi << 32 | info.efi_systab, sizeof(bytes),
		       FWMEM_RUNTIME, bytes);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	if (!systab_read(bytes, sizeof(bytes), &systab))
		return -EBADMSG;
	return config_read(table, systab.t.nr_tables, ret);
}

int efi_coco_descriptor(phys_addr_t *ret, const char **ret_how)
{
	if (!efi_enabled(EFI_BOOT) || !efi_enabled(EFI_64BIT))
		return -ENODEV;
#ifdef HAVE_EFI_COCO_SECRET
	/* 0 where the kernel has the field but does not fill it in. */
	if (efi.coco_secret && efi.coco_secret != EFI_INVALID_TABLE_ADDR) {
		*ret = efi.coco_secret;
		*ret_how = "the kernel's own pointer";
		return 0;
	}
#endif
	/* Check the flag, not the map: the map may still have entries without the flag. */
	if (efi_enabled(EFI_MEMMAP)) {
		*ret_how = "the EFI system table";
		return find_in_runtime_data(ret);
	}
	*ret_how = "the EFI tables' addresses in sysfs";
	return find_in_sysfs(ret);
}
