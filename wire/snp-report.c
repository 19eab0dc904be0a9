/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/snp-report.h"

#include <string.h>

/*
 *	000 VERSION         004 GUEST_SVN    008 POLICY         010 FAMILY_ID
 *	020 IMAGE_ID        030 VMPL         034 SIGNATURE_ALGO 038 CURRENT_TCB
 *	040 PLATFORM_INFO   048 flags        04c reserved       050 REPORT_DATA
 *	090 MEASUREMENT     0c0 HOST_DATA    0e0 ID_KEY_DIGEST  110 AUTHOR_KEY_DIGEST
 *	140 REPORT_ID       160 REPORT_ID_MA 180 REPORTED_TCB
 *	188 CPUID family, model, stepping (version 3)           18b reserved
 *	1a0 CHIP_ID         1e0 COMMITTED_TCB
 *	1e8 CURRENT build, minor, major, reserved               1ec COMMITTED
 *	1f0 LAUNCH_TCB      1f8 LAUNCH_MIT_VECTOR, 200 CURRENT_MIT_VECTOR (version 5)
 *	208 reserved        2a0 signature: R 72, S 72, zeros
 */

static uint32_t version_at(const uint8_t *p)
{
	return (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

int snp_report_open(const uint8_t *p, size_t len, struct snp_report *ret)
{
	uint32_t version, flags;
	bool has_cpuid, has_mit;

	if (len < SNP_REPORT_LEN)
		return -EBADMSG;
	version = get_u32le(p);
	flags = get_u32le(p + 0x48);
	has_cpuid = version >= 3;
	has_mit = version >= 5;
	*ret = (struct snp_report){
		.version = version,
		.guest_svn = get_u32le(p + 0x04),
		.policy = get_u64le(p + 0x08),
		.vmpl = get_u32le(p + 0x30),
		.signature_algo = get_u32le(p + 0x34),
		.current_tcb = get_u64le(p + 0x38),
		.platform_info = get_u64le(p + 0x40),
		.author_key_en = flags & 1,
		.mask_chip_key = flags & 2,
		.signing_key = flags >> 2 & 7,
		.reported_tcb = get_u64le(p + 0x180),
		.committed_tcb = get_u64le(p + 0x1e0),
		.launch_tcb = get_u64le(p + 0x1f0),
		.family = has_cpuid ? p[0x188] : 0,
		.model = has_cpuid ? p[0x189] : 0,
		.stepping = has_cpuid ? p[0x18a] : 0,
		.current_version = version_at(p + 0x1e8),
		.committed_version = version_at(p + 0x1ec),
		.launch_mit_vector = has_mit ? get_u64le(p + 0x1f8) : 0,
		.current_mit_vector = has_mit ? get_u64le(p + 0x200) : 0,
		.family_id = p + 0x10,
		.image_id = p + 0x20,
		.report_data = p + 0x50,
		.measurement = p + 0x90,
		.host_data = p + 0xc0,
		.id_key_digest = p + 0xe0,
		.author_key_digest = p + 0x110,
		.report_id = p + 0x140,
		.report_id_ma = p + 0x160,
		.chip_id = p + 0x1a0,
		.signed_part = p,
		.signature = p + SNP_SIGNED_LEN,
	};
	return 0;
}

bool snp_report_reserved(const uint8_t *p, const struct snp_report *r, struct snp_range *ret)
{
	/* Reserved in every version before this one. */
	static const struct {
		uint32_t until;
		struct snp_range range;
	} ranges[] = {
		{ UINT32_MAX, { 0x04c, 4 } },
		{ 3, { 0x188, 3 } },
		{ UINT32_MAX, { 0x18b, 21 } },
		{ UINT32_MAX, { 0x1eb, 1 } },
		{ UINT32_MAX, { 0x1ef, 1 } },
		{ 5, { 0x1f8, 16 } },
		{ UINT32_MAX, { 0x208, 152 } },
	};

	if (get_u32le(p + 0x48) >> 5) {
		*ret = (struct snp_range){ 0x048, 4 };
		return true;
	}
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct bytes b = { p + ranges[i].range.offset, ranges[i].range.len };

		if (r->version < ranges[i].until && !bytes_all_zero(&b)) {
			*ret = ranges[i].range;
			return true;
		}
	}
	return false;
}

/* A number of 72 bytes, little-endian; 48 are used. */
static int number(const uint8_t *p, uint8_t ret[static 48])
{
	struct bytes high = { p + 48, 24 };

	for (size_t i = 0; i < 48; i++)
		ret[i] = p[47 - i];
	return bytes_all_zero(&high) ? 0 : -EBADMSG;
}

int snp_report_signature(const struct snp_report *r, uint8_t ret_r[static 48],
			 uint8_t ret_s[static 48])
{
	struct bytes tail = { r->signature + 144, SNP_REPORT_LEN - SNP_SIGNED_LEN - 144 };

	if (number(r->signature, ret_r) < 0 || number(r->signature + 72, ret_s) < 0 ||
	    !bytes_all_zero(&tail))
		return -EBADMSG;
	return 0;
}

/* ---- products ---- */

/* The byte of each component in TCB_VERSION; -1: none. */
static const struct {
	const char *name;
	size_t chip_id_len;
	int8_t tcb[_SNP_TCB_MAX];	/* FMC, bootloader, TEE, SNP, microcode */
} products[_SNP_PRODUCT_MAX] = {
	[SNP_MILAN] = { "Milan", 64, { -1, 0, 1, 6, 7 } },
	[SNP_GENOA] = { "Genoa", 64, { -1, 0, 1, 6, 7 } },
	[SNP_TURIN] = { "Turin", 8, { 0, 1, 2, 3, 7 } },
};

const char *snp_product_name(enum snp_product product)
{
	return products[product].name;
}

int snp_product_by_name(const char *name, size_t len, enum snp_product *ret)
{
	for (unsigned i = 0; i < _SNP_PRODUCT_MAX; i++)
		if (strlen(products[i].name) == len && memcmp(products[i].name, name, len) == 0) {
			*ret = (enum snp_product)i;
			return 0;
		}
	return -ENOENT;
}

/* Base and extended numbers added up, as in reports. */
static const struct {
	uint8_t family, first, last;
	enum snp_product product;
} cpu_models[] = {
	{ 0x19, 0x00, 0x0f, SNP_MILAN },
	{ 0x19, 0x10, 0x1f, SNP_GENOA },
	{ 0x19, 0xa0, 0xaf, SNP_GENOA },	/* Bergamo, Siena */
	{ 0x1a, 0x00, 0x11, SNP_TURIN },
	/* Only the name is known: AMD has not published a root key. */
	{ 0x1a, 0x50, 0x57, _SNP_PRODUCT_MAX },
	{ 0x1a, 0x90, 0xaf, _SNP_PRODUCT_MAX },
	{ 0x1a, 0xc0, 0xc7, _SNP_PRODUCT_MAX },
};

static int find_model(unsigned family, unsigned model, enum snp_product *ret)
{
	for (size_t i = 0; i < sizeof(cpu_models) / sizeof(cpu_models[0]); i++)
		if (family == cpu_models[i].family && model >= cpu_models[i].first &&
		    model <= cpu_models[i].last) {
			*ret = cpu_models[i].product;
			return 0;
		}
	return -ENOENT;
}

int snp_product_by_cpuid(unsigned family, unsigned model, enum snp_product *ret)
{
	enum snp_product product;

	if (find_model(family, model, &product) < 0 || product == _SNP_PRODUCT_MAX)
		return -ENOENT;
	*ret = product;
	return 0;
}

const char *snp_cpu_name(unsigned family, unsigned model)
{
	enum snp_product product;

	if (find_model(family, model, &product) < 0)
		return NULL;
	return product == _SNP_PRODUCT_MAX ? "Venice" : snp_product_name(product);
}

size_t snp_chip_id_len(enum snp_product product)
{
	return products[product].chip_id_len;
}

struct snp_tcb snp_tcb_decode(enum snp_product product, uint64_t tcb)
{
	struct snp_tcb t = { { 0 } };

	for (unsigned i = 0; i < _SNP_TCB_MAX; i++)
		if (products[product].tcb[i] >= 0)
			t.svn[i] = (uint8_t)(tcb >> 8 * products[product].tcb[i]);
	return t;
}

uint8_t snp_tcb_bytes(enum snp_product product)
{
	unsigned used = 0;

	for (unsigned i = 0; i < _SNP_TCB_MAX; i++)
		if (products[product].tcb[i] >= 0)
			used |= 1u << products[product].tcb[i];
	return (uint8_t)used;
}

const char *snp_tcb_component_name(enum snp_tcb_component c)
{
	static const char *const names[_SNP_TCB_MAX] = { "fmc", "bootloader", "tee", "snp",
							 "microcode" };

	return names[c];
}

bool snp_tcb_has(enum snp_product product, enum snp_tcb_component c)
{
	return products[product].tcb[c] >= 0;
}

bool snp_tcb_le(const struct snp_tcb *a, const struct snp_tcb *b)
{
	for (unsigned i = 0; i < _SNP_TCB_MAX; i++)
		if (a->svn[i] > b->svn[i])
			return false;
	return true;
}

/* ---- the certificate table ---- */

#define ENTRY_LEN 24

static const struct {
	const char *name;
	uint8_t guid[16];
} kinds[_SNP_TABLE_MAX] = {
	[SNP_TABLE_VCEK] = { "VCEK",
			     { 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4,
			       0xb9, 0x3b, 0xe8, 0xac, 0xcd } },
	[SNP_TABLE_VLEK] = { "VLEK",
			     { 0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39,
			       0xc0, 0x45, 0xa0, 0xb8, 0xa1 } },
	[SNP_TABLE_ASK] = { "ASK",
			    { 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05,
			      0xae, 0xf3, 0x27, 0xc7, 0x82 } },
	[SNP_TABLE_ARK] = { "ARK",
			    { 0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f,
			      0xb6, 0x01, 0x4c, 0xd0, 0xae } },
	[SNP_TABLE_CRL] = { "CRL",
			    { 0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1,
			      0x9f, 0x88, 0xdc, 0x67, 0xea } },
	[SNP_TABLE_EXTRA] = { "extra platform info",
			      { 0xec, 0xae, 0x0c, 0x0f, 0x95, 0x02, 0x43, 0xb1, 0xaf, 0xa2, 0x0a,
				0xe2, 0xe0, 0xd5, 0x65, 0xb6 } },
};

const char *snp_table_kind_name(enum snp_table_kind kind)
{
	return kinds[kind].name;
}

/* The length of the entry list with its end. */
static int list_len(const uint8_t *p, size_t len, size_t *ret)
{
	for (size_t n = 0; n <= SNP_TABLE_ENTRIES_MAX; n++) {
		struct bytes entry = { p + n * ENTRY_LEN, ENTRY_LEN };

		if (len - n * ENTRY_LEN < ENTRY_LEN)
			return -EBADMSG;
		if (bytes_all_zero(&entry)) {
			*ret = (n + 1) * ENTRY_LEN;
			return 0;
		}
	}
	return -EMSGSIZE;
}

static int add_entry(struct snp_table *t, const uint8_t *guid, struct bytes piece)
{
	for (unsigned i = 0; i < _SNP_TABLE_MAX; i++)
		if (memcmp(guid, kinds[i].guid, sizeof(kinds[i].guid)) == 0) {
			if (t->piece[i].p)
				return -EBADMSG;
			t->piece[i] = piece;
			return 0;
		}
	t->n_unknown++;
	return 0;
}

int snp_table_parse(const uint8_t *p, size_t len, struct snp_table *ret)
{
	struct snp_table t = { 0 };
	size_t list;
	int r;

	r = list_len(p, len, &list);
	for (size_t at = 0; r == 0 && at + ENTRY_LEN < list; at += ENTRY_LEN) {
		size_t offset = get_u32le(p + at + 16), n = get_u32le(p + at + 20);

		/* Do not add the two: the sum could wrap where size_t has 32 bits. */
		if (offset < list || offset > len || n > len - offset || n == 0)
			return -EBADMSG;
		r = add_entry(&t, p + at, (struct bytes){ p + offset, n });
	}
	if (r == 0)
		*ret = t;
	return r;
}
