// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/*
 * The storage volume keys of TDX guests. The ACPI table SVKL says where each key lies in memory.
 * Served as <securityfs>/secrets/svkl/<index>. The host may have written the table: a key at an
 * impossible address is not touched.
 *
 * In a TD the table is the owner's only where the firmware's measurements say so, which cocod
 * checks. In guests of SEV, SEV-ES and SNP it never is: there the owner's secrets are in the area
 * (efi-source.c), and the host made this table up.
 */
#include <linux/acpi.h>
#include <linux/cc_platform.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/cpufeature.h>

#include "driver/files.h"
#include "driver/fwmem.h"
#include "driver/source.h"
#include "wire/svkl.h"

static struct secret_span keys[SVKL_KEYS_MAX];	/* .data is NULL without a key to serve */
static unsigned int n_keys;
static struct secret_dir svkl_dir;

/*
 * Returns a copy of the table, no longer than necessary, for kfree(). The length is read once:
 * ACPICA has mapped the table by that length, and checked the sum over it.
 */
static u8 *table_copy(size_t *ret_len)
{
	struct acpi_table_header *table;
	u8 *copy;

	if (acpi_disabled || ACPI_FAILURE(acpi_get_table("SVKL", 0, &table)))
		return ERR_PTR(-ENODEV);
	*ret_len = min_t(size_t, READ_ONCE(table->length), SVKL_TABLE_LEN_MAX);
	copy = kmemdup(table, *ret_len, GFP_KERNEL);
	acpi_put_table(table);
	return copy ? copy : ERR_PTR(-ENOMEM);
}

static const char *key_verdict(int r)
{
	switch (r) {
	case -EOPNOTSUPP:
		return "is of an unknown type or format";
	case -EMSGSIZE:
		return "is empty or too long";
	case -ENOTUNIQ:
		return "overlaps another key";
	default:
		return fwmem_why(r);
	}
}

/* Map one key. Returns 1; 0 without a key to serve; -ENOMEM; -EBADMSG when the key is refused. */
static int key_map(const struct svkl *t, unsigned int i, unsigned int *n_wiped)
{
	struct svkl_key key;
	void *p;
	int r;

	r = svkl_key(t, i, &key);
	if (r == 0) {
		p = fwmem_map_secret(key.address, key.len);
		r = PTR_ERR_OR_ZERO(p);
	}
	if (r == -ENOMEM) {
		pr_err("cannot map SVKL key %u\n", i);
		return r;
	}
	if (r < 0) {
		pr_err("refused: SVKL key %u %s\n", i, key_verdict(r));
		return -EBADMSG;
	}
	/* A key that was used has no other mark than this. */
	if (!memchr_inv(p, 0, key.len)) {
		(*n_wiped)++;
		fwmem_unmap_secret(p);
		return 0;
	}
	keys[i] = (struct secret_span){ .data = p, .len = key.len };
	return 1;
}

static void svkl_forget(void)
{
	for (unsigned int i = 0; i < n_keys; i++)
		if (keys[i].data)
			fwmem_unmap_secret(keys[i].data);
	memset(keys, 0, sizeof(keys));
	n_keys = 0;
}

static int keys_map(const struct svkl *t)
{
	unsigned int n = 0, n_wiped = 0;
	int last_error = -ENODEV;

	n_keys = t->n_keys;
	for (unsigned int i = 0; i < n_keys; i++) {
		int r = key_map(t, i, &n_wiped);

		if (r < 0)
			last_error = r;
		else
			n += r;
	}
	if (n) {
		pr_info("ACPI table SVKL: %u of %u keys to serve, %u wiped before\n",
			n, n_keys, n_wiped);
		return 0;
	}
	pr_info("no secrets: the ACPI table SVKL has none of %u keys to serve, %u wiped before\n",
		n_keys, n_wiped);
	svkl_forget();
	return last_error;
}

/* May the table be the owner's? Logs what it is when not. */
static bool svkl_may_be_owners(void)
{
	if (boot_cpu_has(X86_FEATURE_TDX_GUEST))
		return true;
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT)) {
		pr_warn("ignored: the ACPI table SVKL: this is not a TDX guest, so the table is the host's\n");
		return false;
	}
	pr_notice("this machine is not a confidential VM: the keys of the ACPI table SVKL are its host's, for tests\n");
	return true;
}

static int svkl_find(void)
{
	struct svkl t;
	size_t len;
	u8 *table;
	int r;

	table = table_copy(&len);
	if (IS_ERR(table)) {
		if (PTR_ERR(table) == -ENODEV)
			pr_info("no secrets: this machine's firmware has no ACPI table SVKL\n");
		return PTR_ERR(table);
	}
	if (!svkl_may_be_owners()) {
		kfree(table);
		return -ENODEV;
	}
	r = svkl_open(table, len, &t);
	if (r == 0) {
		r = keys_map(&t);
	} else {
		pr_err("refused: the ACPI table SVKL %s\n",
		       r == -EMSGSIZE ? "has too many keys" :
		       r == -EBADMSG ? "is shorter than its keys" :
					    "is not such a table");
		r = -EBADMSG;
	}
	kfree(table);
	return r;
}

static int svkl_publish(struct dentry *secrets)
{
	int r, n = 0, last_error = -ENODEV;

	r = secret_dir_create(&svkl_dir, "svkl", secrets);
	if (r < 0) {
		pr_err("cannot make the folder secrets/svkl: %d\n", r);
		return r;
	}
	for (unsigned int i = 0; i < n_keys; i++) {
		char name[12];

		if (!keys[i].data)
			continue;
		snprintf(name, sizeof(name), "%u", i);
		r = secret_dir_add(&svkl_dir, name, &keys[i]);
		if (r < 0) {
			pr_warn("cannot make the file svkl/%s: %d\n", name, r);
			last_error = r;
		} else {
			n++;
		}
	}
	if (!n) {
		secret_dir_remove(&svkl_dir, false);
		return last_error;
	}
	secret_dir_open(&svkl_dir);
	pr_info("serving %d keys from the ACPI table SVKL\n", n);
	return n;
}

static void svkl_withdraw(bool wipe)
{
	secret_dir_remove(&svkl_dir, wipe);
}

const struct secret_source svkl_source = {
	.name = "svkl",
	.find = svkl_find,
	.forget = svkl_forget,
	.publish = svkl_publish,
	.withdraw = svkl_withdraw,
};
