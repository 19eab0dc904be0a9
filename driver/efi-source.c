// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/*
 * The secret area of SEV, SEV-ES and SNP guests: the owner's secrets as a table with GUIDs in
 * reserved memory, announced in the EFI configuration table. Served as
 * <securityfs>/secrets/coco/<guid>, as the kernel's efi_secret driver does.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/security.h>

#include "driver/efi-table.h"
#include "driver/files.h"
#include "driver/fwmem.h"
#include "driver/source.h"
#include "wire/ovmf-table.h"
#include "wire/secret-table.h"

#define DESCRIPTOR_LEN 16
#define AREA_MAX (1u << 20)

static bool legacy_path;
module_param(legacy_path, bool, 0444);
MODULE_PARM_DESC(legacy_path, "Serve the older path coco/efi_secret too");

static u8 *area;
static size_t area_len;
static struct secret_dir coco_dir;
static struct dentry *legacy_dir, *legacy_link;

/*
 * Firmware of 2022 and before keeps the descriptor in memory that the kernel uses after boot, so
 * that it has long been overwritten. The firmware image itself still has the same numbers, for
 * the host to read. Reading its last page is safe here: the configuration table says that this is
 * such firmware, and the firmware ran from that page.
 */
static int area_from_image(phys_addr_t *ret_base, u64 *ret_len)
{
	struct ovmf_area found;
	u8 *page;
	int r;

	page = fwmem_map(FWMEM_IMAGE_PAGE, FWMEM_IMAGE_LEN, FWMEM_IMAGE);
	if (IS_ERR(page))
		return PTR_ERR(page);
	r = ovmf_secret_area(page, FWMEM_IMAGE_LEN, &found);
	fwmem_unmap(page);
	if (r < 0)
		return r;
	*ret_base = found.base;
	*ret_len = found.size;
	return 0;
}

/* Find the area's address and length. Logs why when it fails. Errors as in secret_source.find. */
static int area_locate(phys_addr_t *ret_base, u64 *ret_len, const char **ret_how)
{
	u8 descriptor[DESCRIPTOR_LEN];
	phys_addr_t pa;
	int r;

	r = efi_coco_descriptor(&pa, ret_how);
	if (r == -ENODEV || r == -ENOENT) {
		pr_info("no secrets: this machine's firmware announces no secret area\n");
		return -ENODEV;
	}
	if (r == -EBADMSG) {
		pr_err("refused: no EFI configuration table was found that is the one of this boot\n");
		return r;
	}
	if (r < 0) {
		pr_err("cannot find the EFI configuration table: %d\n", r);
		return r;
	}

	r = fwmem_copy(pa, sizeof(descriptor), FWMEM_DESCRIPTOR, descriptor);
	if (r == -ESTALE) {
		*ret_how = "the firmware image, the descriptor being gone";
		r = area_from_image(ret_base, ret_len);
		if (r == 0)
			return 0;
		pr_err("refused: the area's descriptor at %pa is in memory that the kernel has taken over: update this machine's firmware\n",
		       &pa);
		return -EBADMSG;
	}
	if (r == -ENOMEM) {
		pr_err("cannot map the area's descriptor at %pa\n", &pa);
		return r;
	}
	if (r < 0) {
		pr_err("refused: the area's descriptor at %pa %s\n", &pa, fwmem_why(r));
		return -EBADMSG;
	}
	*ret_base = get_u64le(descriptor);
	*ret_len = get_u64le(descriptor + 8);
	return 0;
}

/* May the area be there? Logs why not. */
static int area_check(phys_addr_t base, u64 len, const char *how)
{
	int r = len > AREA_MAX ? -ERANGE : fwmem_check(base, len, FWMEM_SECRET);

	if (r == 0)
		return 0;
	pr_err("refused: the secret area at %pa, %llu bytes, by %s, %s%s\n",
	       &base, len, how, fwmem_why(r),
	       r == -ESTALE ? ": update this machine's firmware" : "");
	return -EBADMSG;
}

static int area_map(phys_addr_t base, u64 len)
{
	struct secret_table table;
	int r;

	area = fwmem_map_secret(base, len);
	if (IS_ERR(area)) {
		pr_err("cannot map the secret area at %pa: %ld\n", &base, PTR_ERR(area));
		return PTR_ERR(area);
	}
	area_len = len;

	r = secret_table_open(area, area_len, &table);
	if (r == 0)
		return 0;
	if (r == -ENOENT) {
		pr_info("no secrets: the area at %pa is empty\n", &base);
		r = -ENODEV;
	} else {
		pr_err("refused: the table in the area at %pa has an impossible length\n", &base);
	}
	fwmem_unmap_secret(area);
	return r;
}

static int efi_find(void)
{
	const char *how;
	phys_addr_t base;
	u64 len;
	int r;

	r = area_locate(&base, &len, &how);
	if (r < 0)
		return r;
	r = area_check(base, len, how);
	if (r < 0)
		return r;
	r = area_map(base, len);
	if (r < 0)
		return r;
	pr_info("secret area at %pa, %zu bytes, by %s\n", &base, area_len, how);
	return 0;
}

static void efi_forget(void)
{
	fwmem_unmap_secret(area);
}

/* Returns 1 for a new file, 0 when the entry gets no file, or an error. */
static int publish_entry(const struct secret_entry *entry)
{
	u8 *data = area + entry->offset;
	const struct secret_span span = {
		.data = data,
		.len = entry->data.len,
		.mark = data - SECRET_ENTRY_HEADER_LEN,
		.mark_len = GUID_LEN,
	};
	char name[GUID_TEXT_LEN + 1];
	int r;

	guid_format(&entry->guid, name);
	r = secret_dir_add(&coco_dir, name, &span);
	if (r == -EEXIST) {
		pr_warn("%s is there twice: serving the first one only\n", name);
		return 0;
	}
	if (r < 0)
		pr_warn("cannot make the file %s: %d\n", name, r);
	return r < 0 ? r : 1;
}

/*
 * Make a file for each entry. An error in one entry does not hide the entries before it. Returns
 * the number of files or, without any, an error.
 */
static int publish_entries(void)
{
	unsigned int n_entries = 0, n_files = 0, n_wiped = 0;
	struct secret_entry entry;
	struct secret_table table;
	int r, last_error = -ENODEV;

	r = secret_table_open(area, area_len, &table);
	if (r < 0)
		return r;
	while ((r = secret_table_next(&table, &entry)) > 0) {
		n_entries++;
		if (guid_is_zero(&entry.guid)) {
			n_wiped++;
			continue;
		}
		r = publish_entry(&entry);
		if (r < 0)
			last_error = r;
		else
			n_files += r;
	}
	if (r < 0) {
		pr_warn("the table is broken after %u entries: what follows cannot be read\n",
			n_entries);
		last_error = r;
	}
	if (n_files)
		pr_info("serving %u from the table, %u wiped before\n", n_files, n_wiped);
	else
		pr_info("no secrets: the table has none to serve, %u wiped before\n", n_wiped);
	return n_files ? n_files : last_error;
}

/* The older path is a link, so it has the same files: a file removed there is removed here too. */
static void publish_legacy_path(void)
{
	int r;

	legacy_dir = securityfs_create_dir("coco", NULL);
	if (IS_ERR(legacy_dir)) {
		r = PTR_ERR(legacy_dir);
		legacy_dir = NULL;
		goto fail;
	}
	legacy_link = securityfs_create_symlink("efi_secret", legacy_dir, "../secrets/coco", NULL);
	if (!IS_ERR(legacy_link))
		return;
	r = PTR_ERR(legacy_link);
	legacy_link = NULL;
	securityfs_drop(legacy_dir);
	legacy_dir = NULL;
fail:
	pr_warn("cannot serve coco/efi_secret too: %d\n", r);
}

static int efi_publish(struct dentry *secrets)
{
	int r;

	r = secret_dir_create(&coco_dir, "coco", secrets);
	if (r < 0) {
		pr_err("cannot make the folder secrets/coco: %d\n", r);
		return r;
	}
	r = publish_entries();
	if (r < 0) {
		secret_dir_remove(&coco_dir, false);
		return r;
	}
	secret_dir_open(&coco_dir);
	if (legacy_path)
		publish_legacy_path();
	return r;
}

static void efi_withdraw(bool wipe)
{
	securityfs_drop(legacy_link);
	securityfs_drop(legacy_dir);
	secret_dir_remove(&coco_dir, wipe);
}

const struct secret_source efi_source = {
	.name = "efi",
	.find = efi_find,
	.forget = efi_forget,
	.publish = efi_publish,
	.withdraw = efi_withdraw,
};
