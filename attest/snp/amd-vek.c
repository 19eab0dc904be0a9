/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/snp/amd-vek.h"

#include <openssl/objects.h>
#include <stdio.h>

#include "attest/x509/x509.h"

enum extension {
	EXT_STRUCT_VERSION,
	EXT_PRODUCT,
	EXT_BOOTLOADER,
	EXT_TEE,
	EXT_SNP,
	EXT_MICROCODE,
	EXT_FMC,
	EXT_HWID,
	EXT_CSP_ID,
	_EXT_MAX,
};

/* 1.3.6.1.4.1.3704.1 */
static const uint8_t arc[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01 };

static const struct {
	uint8_t len, suffix[2];
	const char *what;
} extensions[_EXT_MAX] = {
	[EXT_STRUCT_VERSION] = { 1, { 1 }, "structVersion" },
	[EXT_PRODUCT] = { 1, { 2 }, "productName" },
	[EXT_BOOTLOADER] = { 2, { 3, 1 }, "blSPL" },
	[EXT_TEE] = { 2, { 3, 2 }, "teeSPL" },
	[EXT_SNP] = { 2, { 3, 3 }, "snpSPL" },
	[EXT_MICROCODE] = { 2, { 3, 8 }, "ucodeSPL" },
	[EXT_FMC] = { 2, { 3, 9 }, "fmcSPL" },
	[EXT_HWID] = { 1, { 4 }, "hwID" },
	[EXT_CSP_ID] = { 1, { 5 }, "cspID" },
};

/* The extension with this OID, or -1 if it is not one of AMD's. */
static int which(const ASN1_OBJECT *oid)
{
	const uint8_t *p = OBJ_get0_data(oid);
	size_t len = OBJ_length(oid);

	if (len <= sizeof(arc) || memcmp(p, arc, sizeof(arc)) != 0)
		return -1;
	for (int i = 0; i < _EXT_MAX; i++)
		if (len == sizeof(arc) + extensions[i].len &&
		    memcmp(p + sizeof(arc), extensions[i].suffix, extensions[i].len) == 0)
			return i;
	return -1;
}

/* Extensions that may be critical and are judged elsewhere: x509_is_leaf() looks at them. */
static bool is_known(const ASN1_OBJECT *oid)
{
	int nid = OBJ_obj2nid(oid);

	return nid == NID_basic_constraints || nid == NID_key_usage;
}

/* Collect all extensions in one walk: a VEK has a dozen, and each lookup would be a walk. */
static int collect(X509 *cert, struct bytes ret[static _EXT_MAX], const char **ret_what)
{
	for (int i = 0; i < X509_get_ext_count(cert); i++) {
		X509_EXTENSION *e = X509_get_ext(cert, i);
		const ASN1_OBJECT *oid = X509_EXTENSION_get_object(e);
		const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(e);
		int n = which(oid);

		if (n < 0) {
			*ret_what = "an extension that is critical and unknown";
			if (X509_EXTENSION_get_critical(e) && !is_known(oid))
				return -EBADMSG;
			continue;
		}
		*ret_what = extensions[n].what;
		if (ret[n].p)
			return -EBADMSG;
		ret[n] = (struct bytes){ ASN1_STRING_get0_data(value),
					 (size_t)ASN1_STRING_length(value) };
	}
	return 0;
}

/* Read an IA5String of printable characters into a C string. */
static int read_text(struct bytes ext, char ret[static AMD_TEXT_MAX + 1])
{
	struct bytes text;

	if (der_only(ext, DER_IA5_STRING, &text) < 0 || text.len == 0 || text.len > AMD_TEXT_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] < 0x20 || text.p[i] > 0x7e)
			return -EBADMSG;
	memcpy(ret, text.p, text.len);
	ret[text.len] = '\0';
	return 0;
}

/* "Milan-B0" is a Milan; "MilanX" is unknown. */
static int read_product(struct bytes ext, struct amd_vek *vek)
{
	int r;

	r = read_text(ext, vek->product_name);
	if (r < 0)
		return r;
	return snp_product_by_name(vek->product_name, strcspn(vek->product_name, "-"),
				   &vek->product);
}

static int read_tcb(const struct bytes ext[static _EXT_MAX], struct amd_vek *vek,
		    const char **ret_what)
{
	static const enum extension of[_SNP_TCB_MAX] = {
		[SNP_TCB_FMC] = EXT_FMC,
		[SNP_TCB_BOOTLOADER] = EXT_BOOTLOADER,
		[SNP_TCB_TEE] = EXT_TEE,
		[SNP_TCB_SNP] = EXT_SNP,
		[SNP_TCB_MICROCODE] = EXT_MICROCODE,
	};

	for (unsigned i = 0; i < _SNP_TCB_MAX; i++) {
		const struct bytes *e = &ext[of[i]];
		uint64_t n;

		*ret_what = extensions[of[i]].what;
		if (!snp_tcb_has(vek->product, i)) {
			if (e->p)
				return -EBADMSG;
			continue;
		}
		if (!e->p || der_only_uint(*e, 255, &n) < 0)
			return -EBADMSG;
		vek->tcb.svn[i] = (uint8_t)n;
	}
	return 0;
}

/* The ID comes as it is or inside an OCTET STRING; its length tells which. */
static int read_hwid(struct bytes ext, struct amd_vek *vek)
{
	size_t len = snp_chip_id_len(vek->product);

	if (ext.len != len && (der_only(ext, DER_OCTET_STRING, &ext) < 0 || ext.len != len))
		return -EBADMSG;
	memcpy(vek->hwid, ext.p, len);
	vek->has_hwid = true;
	return 0;
}

int amd_vek_read(X509 *cert, struct amd_vek *ret, const char **ret_what)
{
	struct bytes ext[_EXT_MAX] = { { 0 } };
	int r;

	*ret = (struct amd_vek){ 0 };
	r = collect(cert, ext, ret_what);
	if (r < 0)
		return r;
	*ret_what = extensions[EXT_STRUCT_VERSION].what;
	if (!ext[EXT_STRUCT_VERSION].p ||
	    der_only_uint(ext[EXT_STRUCT_VERSION], INT32_MAX, &ret->struct_version) < 0)
		return -EBADMSG;
	*ret_what = extensions[EXT_PRODUCT].what;
	r = ext[EXT_PRODUCT].p ? read_product(ext[EXT_PRODUCT], ret) : -EBADMSG;
	if (r < 0)
		return r;
	r = read_tcb(ext, ret, ret_what);
	if (r < 0)
		return r;
	*ret_what = extensions[EXT_HWID].what;
	if (ext[EXT_HWID].p && read_hwid(ext[EXT_HWID], ret) < 0)
		return -EBADMSG;
	*ret_what = extensions[EXT_CSP_ID].what;
	if (ext[EXT_CSP_ID].p && read_text(ext[EXT_CSP_ID], ret->csp_id) < 0)
		return -EBADMSG;
	ret->has_csp_id = ext[EXT_CSP_ID].p;
	return 0;
}

bool amd_vek_may_be(struct bytes der)
{
	uint8_t oid[sizeof(arc) + 1];

	memcpy(oid, arc, sizeof(arc));
	oid[sizeof(arc)] = extensions[EXT_STRUCT_VERSION].suffix[0];
	return der.len > 0 && memmem(der.p, der.len, oid, sizeof(oid)) != NULL;
}

bool amd_vek_is_of(const struct amd_vek *vek, const struct snp_report *report)
{
	struct snp_tcb tcb = snp_tcb_decode(vek->product, report->reported_tcb);

	return memcmp(&tcb, &vek->tcb, sizeof(tcb)) == 0 &&
	       (!vek->has_hwid || memcmp(vek->hwid, report->chip_id, SNP_CHIP_ID_LEN) == 0);
}

void snp_tcb_format(enum snp_product product, const struct snp_tcb *tcb,
		    char ret[static SNP_TCB_TEXT_LEN])
{
	const uint8_t *s = tcb->svn;
	int n = 0;

	if (snp_tcb_has(product, SNP_TCB_FMC))
		n = snprintf(ret, SNP_TCB_TEXT_LEN, "%u:", s[SNP_TCB_FMC]);
	(void) snprintf(ret + n, SNP_TCB_TEXT_LEN - (size_t)n, "%u:%u:%u:%u", s[SNP_TCB_BOOTLOADER],
			s[SNP_TCB_TEE], s[SNP_TCB_SNP], s[SNP_TCB_MICROCODE]);
}
