/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/bundle.h"

#include "base/macro.h"

enum { REPEATS = 1, TEXT = 2, RULE = 4, COLLATERAL = 8 };

static const struct {
	const char *name;
	unsigned flags;
} kinds[_BUNDLE_MAX] = {
	[BUNDLE_TYPE] = { "type", TEXT },
	[BUNDLE_PROVIDER] = { "provider", TEXT },
	[BUNDLE_NOTE] = { "note", TEXT | REPEATS },
	[BUNDLE_NONCE] = { "nonce" },
	[BUNDLE_REPORT] = { "report" },
	[BUNDLE_CERT_TABLE] = { "cert-table" },
	[BUNDLE_QUOTE] = { "quote" },
	[BUNDLE_TDREPORT] = { "tdreport" },
	[BUNDLE_SERVICE_MANIFEST] = { "service-manifest" },
	[BUNDLE_EVENT_LOG] = { "event-log" },
	[BUNDLE_REGISTERS] = { "registers", TEXT },
	[BUNDLE_VMPL] = { "vmpl", TEXT },
	[BUNDLE_HCL] = { "hcl" },
	[BUNDLE_TPM_ATTEST] = { "tpm-attest" },
	[BUNDLE_TPM_SIGNATURE] = { "tpm-signature" },
	[BUNDLE_TPM_PCRS] = { "tpm-pcrs", TEXT },
	[BUNDLE_CERT] = { "cert", REPEATS | COLLATERAL },
	[BUNDLE_CRL] = { "crl", REPEATS | COLLATERAL },
	[BUNDLE_TCB_INFO] = { "tcb-info", REPEATS | COLLATERAL },
	[BUNDLE_QE_IDENTITY] = { "qe-identity", REPEATS | COLLATERAL },
	[BUNDLE_TCB_CHAIN] = { "tcb-chain", REPEATS | COLLATERAL },
	[BUNDLE_QE_CHAIN] = { "qe-chain", REPEATS | COLLATERAL },
	[BUNDLE_ROOT_CRL] = { "root-crl", REPEATS | COLLATERAL },
	[BUNDLE_PCK_CRL] = { "pck-crl", REPEATS | COLLATERAL },
	[BUNDLE_POLICY] = { "policy", TEXT | RULE },
	[BUNDLE_TRUST] = { "trust", TEXT | RULE },
	[BUNDLE_KEPT_POLICY] = { "kept-policy", TEXT | RULE },
	[BUNDLE_KEPT_TRUST] = { "kept-trust", TEXT | RULE },
	[BUNDLE_NEWEST] = { "newest", TEXT | RULE },
	[BUNDLE_RUNTIME_LOG] = { "runtime-log" },
};

const char *bundle_kind_name(unsigned kind)
{
	return kind < _BUNDLE_MAX ? kinds[kind].name : NULL;
}

int bundle_kind_parse(const char *name, enum bundle_kind *ret)
{
	for (unsigned i = 0; i < _BUNDLE_MAX; i++)
		if (kinds[i].name && streq(kinds[i].name, name)) {
			*ret = (enum bundle_kind)i;
			return 0;
		}
	return -EOPNOTSUPP;
}

bool bundle_kind_repeats(unsigned kind)
{
	return kind < _BUNDLE_MAX && kinds[kind].flags & REPEATS;
}

bool bundle_kind_is_text(unsigned kind)
{
	return kind < _BUNDLE_MAX && kinds[kind].flags & TEXT;
}

bool bundle_kind_is_rule(unsigned kind)
{
	return kind < _BUNDLE_MAX && kinds[kind].flags & RULE;
}

bool bundle_kind_of_file(const char *name, enum bundle_kind *ret)
{
	for (unsigned i = 0; i < _BUNDLE_MAX; i++) {
		const char *rest = kinds[i].flags & COLLATERAL ? startswith(name, kinds[i].name) :
								 NULL;

		if (rest && (*rest == '-' || *rest == '.')) {
			*ret = (enum bundle_kind)i;
			return true;
		}
	}
	return false;
}

int bundle_begin(struct bytes *pack)
{
	if (pack->len > BUNDLE_PACK_MAX)
		return -EMSGSIZE;
	if (pack->len < BUNDLE_MAGIC_LEN || memcmp(pack->p, BUNDLE_MAGIC, BUNDLE_MAGIC_LEN) != 0)
		return -EBADMSG;
	return bytes_skip(pack, BUNDLE_MAGIC_LEN);
}

int bundle_next(struct bytes *pack, struct bundle_entry *ret)
{
	struct bytes b = *pack, data;
	uint32_t kind, len;

	if (b.len == 0)
		return 0;
	if (bytes_u32le(&b, &kind) < 0 || bytes_u32le(&b, &len) < 0)
		return -EBADMSG;
	if (!bundle_kind_name(kind & ~BUNDLE_OWN))
		return -EOPNOTSUPP;
	if (len > BUNDLE_ITEM_MAX)
		return -EMSGSIZE;
	if (bytes_take(&b, len, &data) < 0)
		return -EBADMSG;
	*pack = b;
	*ret = (struct bundle_entry){ (enum bundle_kind)(kind & ~BUNDLE_OWN), kind & BUNDLE_OWN,
				      data };
	return 1;
}

void bundle_item_header(uint8_t ret[static 8], enum bundle_kind kind, bool own, size_t len)
{
	put_u32le(ret, (uint32_t)kind | (own ? BUNDLE_OWN : 0));
	put_u32le(ret + 4, (uint32_t)len);
}
