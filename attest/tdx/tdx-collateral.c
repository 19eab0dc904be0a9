/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/tdx-collateral.h"

#include "wire/jspan.h"

static int problem(const char **ret, int error, const char *text)
{
	*ret = text;
	return error;
}

/* ---- values ---- */

static int read_time(struct bytes value, void *ret)
{
	return jspan_time(value, ret);
}

static int read_u8(struct bytes value, void *ret)
{
	uint64_t v;
	int r = jspan_uint(value, UINT8_MAX, &v);

	if (r == 0)
		*(uint8_t *)ret = (uint8_t)v;
	return r;
}

static int read_u16(struct bytes value, void *ret)
{
	uint64_t v;
	int r = jspan_uint(value, UINT16_MAX, &v);

	if (r == 0)
		*(uint16_t *)ret = (uint16_t)v;
	return r;
}

static int read_u32(struct bytes value, void *ret)
{
	uint64_t v;
	int r = jspan_uint(value, UINT32_MAX, &v);

	if (r == 0)
		*(uint32_t *)ret = (uint32_t)v;
	return r;
}

#define DEFINE_READ_HEX(n)                                         \
	static int read_hex##n(struct bytes value, void *ret)      \
	{                                                          \
		return jspan_hex(value, ret, n);                    \
	}
DEFINE_READ_HEX(2)
DEFINE_READ_HEX(4)
DEFINE_READ_HEX(6)
DEFINE_READ_HEX(8)
DEFINE_READ_HEX(16)
DEFINE_READ_HEX(32)
DEFINE_READ_HEX(48)

static int read_status(struct bytes value, void *ret)
{
	struct bytes text;

	if (jspan_text(value, &text) < 0)
		return -EBADMSG;
	if (tcb_status_parse((const char *)text.p, text.len, ret) < 0)
		*(enum tcb_status *)ret = TCB_UNSUPPORTED;
	return 0;
}

static int read_advisories(struct bytes value, void *ret)
{
	struct bytes it = value, id;
	int r;

	if (jspan_type(value) != JSPAN_ARRAY)
		return -EBADMSG;
	while ((r = jspan_next_element(&it, &id)) > 0)
		if (jspan_type(id) != JSPAN_STRING)
			return -EBADMSG;
	return r < 0 ? r : jspan_read_value(value, ret);
}

/* ---- levels ---- */

static int take_components(struct bytes *b, void *ret)
{
	static const struct jspan_field fields[] = {
		{ "svn", read_u8, 0 },
		{ NULL },
	};
	uint8_t *component = ret;
	unsigned n = 0;
	int r;

	while ((r = jspan_at_element(b)) > 0) {
		if (n == TCB_COMPONENTS)
			return -EBADMSG;
		r = jspan_object_take(b, fields, /* closed= */ false, &component[n++], NULL);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : n == TCB_COMPONENTS ? 0 : -EBADMSG;
}

static int take_platform_tcb(struct bytes *b, void *ret)
{
	static const struct jspan_field fields[] = {
		{ "sgxtcbcomponents", NULL, offsetof(struct tcb_level, sgx),
		  .take = take_components },
		{ "pcesvn", read_u16, offsetof(struct tcb_level, pcesvn) },
		{ "tdxtcbcomponents", NULL, offsetof(struct tcb_level, tdx),
		  .take = take_components },
		{ NULL },
	};
	struct tcb_level *level = ret;
	int r;

	level->tcb = *b;
	r = jspan_object_take(b, fields, /* closed= */ false, ret, NULL);
	level->tcb.len -= b->len;
	return r;
}

/* The order in which Intel's library sorts levels: sgx, pcesvn, tdx. */
static int compare_platform_levels(const void *x, const void *y)
{
	const struct tcb_level *a = x, *b = y;
	int r = memcmp(a->sgx, b->sgx, TCB_COMPONENTS);

	if (r == 0)
		r = (int)a->pcesvn - (int)b->pcesvn;
	return r ? r : memcmp(a->tdx, b->tdx, TCB_COMPONENTS);
}

static int compare_svn_levels(const void *x, const void *y)
{
	const struct svn_level *a = x, *b = y;

	return (int)a->isvsvn - (int)b->isvsvn;
}

struct level_kind {
	const struct jspan_field *fields;
	int (*compare)(const void *a, const void *b);
	size_t size;	/* of a level, in bytes */
	unsigned max;
};

/*
 * Read an array of levels into @list, the newest first.  Whoever searches the list takes the
 * first level that is reached.  Intel's files are sorted, but nothing says that they must be.
 * Equal levels keep the order of the file.
 */
static int take_levels(struct bytes *b, const struct level_kind *kind, void *list, unsigned *n)
{
	union {
		struct tcb_level platform;
		struct svn_level svn;
	} level;
	uint8_t *at;
	int r;

	while ((r = jspan_at_element(b)) > 0) {
		if (*n == kind->max)
			return -EMSGSIZE;
		memset(&level, 0, sizeof(level));
		r = jspan_object_take(b, kind->fields, /* closed= */ false, &level, NULL);
		if (r < 0)
			return r;
		at = (uint8_t *)list + *n * kind->size;
		for (; at > (uint8_t *)list && kind->compare(&level, at - kind->size) > 0;
		     at -= kind->size)
			memcpy(at, at - kind->size, kind->size);
		memcpy(at, &level, kind->size);
		++*n;
	}
	return r;
}

static int take_platform_levels(struct bytes *b, void *ret)
{
	static const struct jspan_field fields[] = {
		{ "tcb", NULL, 0, .take = take_platform_tcb },
		{ "tcbDate", read_time, offsetof(struct tcb_level, state.date) },
		{ "tcbStatus", read_status, offsetof(struct tcb_level, state.status) },
		{ "advisoryIDs", read_advisories, offsetof(struct tcb_level, state.advisories),
		  .optional = true },
		{ NULL },
	};
	static const struct level_kind kind = {
		fields, compare_platform_levels, sizeof(struct tcb_level), TCB_LEVELS_MAX,
	};
	struct tdx_tcb_info *info = ret;

	return take_levels(b, &kind, info->levels, &info->n_levels);
}

static int take_isvsvn(struct bytes *b, void *ret)
{
	static const struct jspan_field fields[] = {
		{ "isvsvn", read_u16, 0 },
		{ NULL },
	};

	return jspan_object_take(b, fields, /* closed= */ false, ret, NULL);
}

static int take_svn_levels(struct bytes *b, void *ret)
{
	static const struct jspan_field fields[] = {
		{ "tcb", NULL, offsetof(struct svn_level, isvsvn), .take = take_isvsvn },
		{ "tcbDate", read_time, offsetof(struct svn_level, state.date) },
		{ "tcbStatus", read_status, offsetof(struct svn_level, state.status) },
		{ "advisoryIDs", read_advisories, offsetof(struct svn_level, state.advisories),
		  .optional = true },
		{ NULL },
	};
	static const struct level_kind kind = {
		fields, compare_svn_levels, sizeof(struct svn_level), TCB_SVN_LEVELS_MAX,
	};
	struct svn_levels *levels = ret;

	return take_levels(b, &kind, levels->level, &levels->n);
}

/* ---- modules ---- */

static int take_module(struct bytes *b, void *ret)
{
	static const struct jspan_field fields[] = {
		{ "mrsigner", read_hex48, offsetof(struct tdx_module, mrsigner) },
		{ "attributes", read_hex8, offsetof(struct tdx_module, attributes) },
		{ "attributesMask", read_hex8, offsetof(struct tdx_module, attributes_mask) },
		{ NULL },
	};
	struct tdx_tcb_info *info = ret;

	info->has_module = true;
	return jspan_object_take(b, fields, /* closed= */ false, &info->module, NULL);
}

static int take_modules(struct bytes *b, void *ret)
{
	static const struct jspan_field fields[] = {
		{ "id", jspan_read_text, offsetof(struct tdx_module, id) },
		{ "mrsigner", read_hex48, offsetof(struct tdx_module, mrsigner) },
		{ "attributes", read_hex8, offsetof(struct tdx_module, attributes) },
		{ "attributesMask", read_hex8, offsetof(struct tdx_module, attributes_mask) },
		{ "tcbLevels", NULL, offsetof(struct tdx_module, levels),
		  .take = take_svn_levels },
		{ NULL },
	};
	struct tdx_tcb_info *info = ret;
	int r;

	while ((r = jspan_at_element(b)) > 0) {
		if (info->n_modules == TCB_MODULES_MAX)
			return -EMSGSIZE;
		r = jspan_object_take(b, fields, /* closed= */ false,
				      &info->modules[info->n_modules++], NULL);
		if (r < 0)
			return r;
	}
	return r;
}

/* ---- the two documents ---- */

static const struct jspan_member *find(const struct jspan_member *m, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (m[i].name.len == strlen(name) && memcmp(m[i].name.p, name, strlen(name)) == 0)
			return &m[i];
	return NULL;
}

/* The outer object, which both documents have: the body, which is called @name, and "signature". */
static int open_envelope(struct bytes json, const char *name, struct bytes *ret_body,
			 uint8_t signature[static 64], const char **ret_problem)
{
	const struct jspan_member *body, *sig;
	struct jspan_member both[2];
	unsigned n;
	int r;

	r = jspan_check_members(json, both, ARRAY_SIZE(both), &n);
	if (r < 0)
		return problem(
			ret_problem, r,
			r == -EMSGSIZE ?
				"it is nested too deep, or an object of it has too many members" :
				"it is not JSON, or a member stands twice");
	body = n == ARRAY_SIZE(both) ? find(both, n, name) : NULL;
	sig = n == ARRAY_SIZE(both) ? find(both, n, "signature") : NULL;
	if (!body || !sig || jspan_type(body->value) != JSPAN_OBJECT)
		return problem(ret_problem, -EBADMSG,
			       "it is not an object with just the document and its signature");
	if (jspan_hex(sig->value, signature, 64) < 0)
		return problem(ret_problem, -EBADMSG,
			       "its signature is not 128 hexadecimal digits");
	*ret_body = body->value;
	return 0;
}

/* Read first: a document of another kind has other members, too. */
struct kind {
	struct bytes id;
	uint32_t version, tcb_type;
};

static const struct jspan_field kind_fields[] = {
	{ "id", jspan_read_text, offsetof(struct kind, id) },
	{ "version", read_u32, offsetof(struct kind, version) },
	{ "tcbType", read_u32, offsetof(struct kind, tcb_type), .optional = true },
	{ NULL },
};

static int check_kind(struct bytes body, const char *id, uint32_t version, const char **ret_problem)
{
	struct kind kind = { 0 };

	if (jspan_object_read(body, kind_fields, /* closed= */ false, &kind, NULL) < 0)
		return problem(ret_problem, -EBADMSG, "it lacks its id or version");
	if (kind.id.len != strlen(id) || memcmp(kind.id.p, id, kind.id.len) != 0)
		return problem(
			ret_problem, -EOPNOTSUPP,
			"it is for another kind of enclave or module: its id is not that of TDX");
	if (kind.version != version)
		return problem(ret_problem, -EOPNOTSUPP,
			       "it has another version: get it from version 4 of Intel's service");
	if (kind.tcb_type != 0)
		return problem(ret_problem, -EOPNOTSUPP,
			       "its tcbType is not 0: it is not known how to compare its levels");
	return 0;
}

static const struct jspan_field tcb_info_fields[] = {
	{ "issueDate", read_time, offsetof(struct tdx_tcb_info, issue) },
	{ "nextUpdate", read_time, offsetof(struct tdx_tcb_info, next_update) },
	{ "fmspc", read_hex6, offsetof(struct tdx_tcb_info, fmspc) },
	{ "pceId", read_hex2, offsetof(struct tdx_tcb_info, pceid) },
	{ "tcbType", read_u32, offsetof(struct tdx_tcb_info, tcb_type) },
	{ "tcbEvaluationDataNumber", read_u32, offsetof(struct tdx_tcb_info, evaluation) },
	{ "tdxModule", NULL, 0, .optional = true, .take = take_module },
	{ "tdxModuleIdentities", NULL, 0, .optional = true, .take = take_modules },
	{ "tcbLevels", NULL, 0, .take = take_platform_levels },
	{ NULL },
};

static const struct jspan_field qe_identity_fields[] = {
	{ "issueDate", read_time, offsetof(struct tdx_qe_identity, issue) },
	{ "nextUpdate", read_time, offsetof(struct tdx_qe_identity, next_update) },
	{ "tcbEvaluationDataNumber", read_u32, offsetof(struct tdx_qe_identity, evaluation) },
	{ "miscselect", read_hex4, offsetof(struct tdx_qe_identity, miscselect) },
	{ "miscselectMask", read_hex4, offsetof(struct tdx_qe_identity, miscselect_mask) },
	{ "attributes", read_hex16, offsetof(struct tdx_qe_identity, attributes) },
	{ "attributesMask", read_hex16, offsetof(struct tdx_qe_identity, attributes_mask) },
	{ "mrsigner", read_hex32, offsetof(struct tdx_qe_identity, mrsigner) },
	{ "isvprodid", read_u16, offsetof(struct tdx_qe_identity, isvprodid) },
	{ "tcbLevels", NULL, offsetof(struct tdx_qe_identity, levels), .take = take_svn_levels },
	{ NULL },
};

static int read_body(struct bytes body, const struct jspan_field *fields, void *ret,
		     const char **ret_problem)
{
	int r = jspan_object_read(body, fields, /* closed= */ false, ret, NULL);

	if (r == -EMSGSIZE)
		return problem(ret_problem, r,
			       "it has more levels or modules than there is room for");
	if (r < 0)
		return problem(ret_problem, -EBADMSG,
			       "a member is missing, of another type, or out of range");
	return 0;
}

int tdx_tcb_info_read(struct bytes json, struct tdx_tcb_info *ret, const char **ret_problem)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	r = open_envelope(json, "tcbInfo", &ret->signed_part, ret->signature, ret_problem);
	if (r < 0)
		return r;
	r = check_kind(ret->signed_part, "TDX", 3, ret_problem);
	if (r < 0)
		return r;
	return read_body(ret->signed_part, tcb_info_fields, ret, ret_problem);
}

int tdx_qe_identity_read(struct bytes json, struct tdx_qe_identity *ret, const char **ret_problem)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	r = open_envelope(json, "enclaveIdentity", &ret->signed_part, ret->signature,
			  ret_problem);
	if (r < 0)
		return r;
	r = check_kind(ret->signed_part, "TD_QE", 2, ret_problem);
	if (r < 0)
		return r;
	return read_body(ret->signed_part, qe_identity_fields, ret, ret_problem);
}

void tdx_component_words(const struct tcb_level *level, bool tdx, unsigned i,
			 struct bytes *ret_category, struct bytes *ret_type)
{
	struct bytes list, component, value;

	*ret_category = *ret_type = (struct bytes){ NULL };
	if (jspan_member(level->tcb, tdx ? "tdxtcbcomponents" : "sgxtcbcomponents", &list) < 0)
		return;
	do {
		if (jspan_next_element(&list, &component) <= 0)
			return;
	} while (i-- > 0);
	if (jspan_member(component, "category", &value) == 0)
		(void) jspan_text(value, ret_category);
	if (jspan_member(component, "type", &value) == 0)
		(void) jspan_text(value, ret_type);
}
