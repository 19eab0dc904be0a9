/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/policy.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/ini.h"
#include "base/parse.h"

#define OPTION_LEN 4096	/* of one NAME=VALUE */

struct word {
	const char *word;
	uint32_t bit;
	unsigned about;
};

/* Options whose value is words, by their place in struct verdict's judged_words. */
enum word_option {
	WORDS_ALLOW,
	WORDS_FORBID,
	WORDS_REQUIRE,
	WORDS_COVERS,
};

#define ABOUT_ANY (ABOUT_SNP | ABOUT_TDX | ABOUT_TPM)

static const struct word allow_words[] = {
	{ "debug", ALLOW_DEBUG, ABOUT_SNP | ABOUT_TDX },
	{ "migrate", ALLOW_MIGRATE, ABOUT_SNP },
	{ "masked", ALLOW_MASKED, ABOUT_SNP },
	{ "servicetd", ALLOW_SERVICE_TD, ABOUT_TDX },
	{ "partial-identity", ALLOW_PARTIAL_IDENTITY, ABOUT_ANY },
	{ NULL },
};

static const struct word forbid_words[] = {
	{ "vlek", FORBID_VLEK, ABOUT_SNP },
	{ "provisional", FORBID_PROVISIONAL, ABOUT_SNP },
	{ NULL },
};

static const struct word require_words[] = {
	{ "sept", REQUIRE_SEPT_VE_DISABLE, ABOUT_TDX },
	{ "crl", REQUIRE_CRL, ABOUT_SNP },
	{ NULL },
};

static const struct word covers_words[] = {
	{ "firmware", COVERS_FIRMWARE, ABOUT_ANY },
	{ "kernel", COVERS_KERNEL, ABOUT_ANY },
	{ "initrd", COVERS_INITRD, ABOUT_ANY },
	{ "cmdline", COVERS_CMDLINE, ABOUT_ANY },
	{ NULL },
};

enum value_kind {
	KIND_HEX,	/* exactly as many bytes */
	KIND_HEX_MAX,	/* one to as many */
	KIND_MASK,
	KIND_NUMBER,
	KIND_BOOL,
	KIND_INDEXES,
	KIND_VERSION,	/* as many numbers with dots between, a byte each */
	KIND_TCB,
	KIND_WORDS,
	KIND_STATUSES,
};

struct option {
	const char *name;
	enum value_kind kind;
	size_t offset;
	size_t size;	/* of struct policy's member, to be replaced as a whole */
	unsigned n;	/* bytes, numbers, one past the highest index, or enum word_option */
	unsigned about;	/* of words each has its own */
	const struct word *words;
	const char *value;
};

#define MEMBER(m) offsetof(struct policy, m), sizeof(((struct policy *)NULL)->m)

static const struct option options[] = {
	{ "report_data", KIND_HEX, MEMBER(report_data), 64, ABOUT_SNP | ABOUT_TDX, NULL, "HEX, 64 bytes" },
	{ "measurement", KIND_HEX, MEMBER(measurement), 48, ABOUT_SNP, NULL, "HEX, 48 bytes" },
	{ "host_data", KIND_HEX, MEMBER(host_data), 32, ABOUT_SNP, NULL, "HEX, 32 bytes" },
	{ "id_key_digest", KIND_HEX, MEMBER(id_key_digest), 48, ABOUT_SNP, NULL, "HEX, 48 bytes" },
	{ "author_key_digest", KIND_HEX, MEMBER(author_key_digest), 48, ABOUT_SNP, NULL, "HEX, 48 bytes" },
	{ "family_id", KIND_HEX, MEMBER(family_id), 16, ABOUT_SNP, NULL, "HEX, 16 bytes" },
	{ "image_id", KIND_HEX, MEMBER(image_id), 16, ABOUT_SNP, NULL, "HEX, 16 bytes" },
	{ "chip_id", KIND_HEX, MEMBER(chip_id), 64, ABOUT_SNP, NULL, "HEX, 64 bytes" },
	{ "report_id", KIND_HEX, MEMBER(report_id), 32, ABOUT_SNP, NULL, "HEX, 32 bytes" },
	{ "min_tcb", KIND_TCB, MEMBER(min_tcb), 0, ABOUT_SNP, NULL, "BL:TEE:SNP:UCODE, Turin FMC:BL:TEE:SNP:UCODE" },
	{ "min_launch_tcb", KIND_TCB, MEMBER(min_launch_tcb), 0, ABOUT_SNP, NULL, "as min_tcb, for LAUNCH_TCB" },
	{ "min_guest_svn", KIND_NUMBER, MEMBER(min_guest_svn), 0, ABOUT_SNP, NULL, "NUMBER" },
	{ "max_vmpl", KIND_NUMBER, MEMBER(max_vmpl), 0, ABOUT_SNP, NULL, "NUMBER" },
	{ "min_abi", KIND_VERSION, MEMBER(min_abi), 2, ABOUT_SNP, NULL, "MAJOR.MINOR of the guest policy" },
	{ "min_firmware", KIND_VERSION, MEMBER(min_firmware), 3, ABOUT_SNP, NULL, "MAJOR.MINOR.BUILD, committed" },
	{ "plat_require", KIND_MASK, MEMBER(plat_require), 0, ABOUT_SNP, NULL, "HEX mask of PLATFORM_INFO" },
	{ "plat_forbid", KIND_MASK, MEMBER(plat_forbid), 0, ABOUT_SNP, NULL, "HEX mask of PLATFORM_INFO" },
	{ "policy_require", KIND_MASK, MEMBER(policy_require), 0, ABOUT_SNP, NULL, "HEX mask of the guest policy" },
	{ "policy_forbid", KIND_MASK, MEMBER(policy_forbid), 0, ABOUT_SNP, NULL, "HEX mask of the guest policy" },
	{ "min_mit", KIND_MASK, MEMBER(min_mit), 0, ABOUT_SNP, NULL, "HEX mask of CURRENT_MIT_VECTOR" },
	{ "mrtd", KIND_HEX, MEMBER(mrtd), 48, ABOUT_TDX, NULL, "HEX, 48 bytes" },
	{ "mrseam", KIND_HEX, MEMBER(mrseam), 48, ABOUT_TDX, NULL, "HEX, 48 bytes" },
	{ "rtmr0", KIND_HEX, MEMBER(rtmr[0]), 48, ABOUT_TDX | ABOUT_LOG, NULL, "HEX, 48 bytes" },
	{ "rtmr1", KIND_HEX, MEMBER(rtmr[1]), 48, ABOUT_TDX | ABOUT_LOG, NULL, "HEX, 48 bytes" },
	{ "rtmr2", KIND_HEX, MEMBER(rtmr[2]), 48, ABOUT_TDX | ABOUT_LOG, NULL, "HEX, 48 bytes" },
	{ "rtmr3", KIND_HEX, MEMBER(rtmr[3]), 48, ABOUT_TDX | ABOUT_LOG, NULL, "HEX, 48 bytes" },
	{ "mrconfigid", KIND_HEX, MEMBER(mrconfigid), 48, ABOUT_TDX, NULL, "HEX, 48 bytes" },
	{ "mrowner", KIND_HEX, MEMBER(mrowner), 48, ABOUT_TDX, NULL, "HEX, 48 bytes" },
	{ "mrownerconfig", KIND_HEX, MEMBER(mrownerconfig), 48, ABOUT_TDX, NULL, "HEX, 48 bytes" },
	{ "mrservicetd", KIND_HEX, MEMBER(mrservicetd), 48, ABOUT_TDX, NULL, "HEX, 48 bytes" },
	{ "min_tee_tcb_svn", KIND_HEX, MEMBER(min_tee_tcb_svn), 16, ABOUT_TDX, NULL, "HEX, 16 bytes, each a floor" },
	{ "min_tcb_evaluation", KIND_NUMBER, MEMBER(min_tcb_evaluation), 0, ABOUT_TDX, NULL, "NUMBER" },
	{ "min_qe_svn", KIND_NUMBER, MEMBER(min_qe_svn), 0, ABOUT_TDX, NULL, "NUMBER" },
	{ "min_pce_svn", KIND_NUMBER, MEMBER(min_pce_svn), 0, ABOUT_TDX, NULL, "NUMBER" },
	{ "accept", KIND_STATUSES, MEMBER(accept), 0, ABOUT_TDX, NULL, "TCB statuses, with commas" },
	{ "nonce", KIND_HEX_MAX, MEMBER(nonce), 64, ABOUT_SNP | ABOUT_TDX | ABOUT_TPM, NULL, "HEX, to 64 bytes" },
	{ "user_data", KIND_HEX_MAX, MEMBER(user_data), 64, ABOUT_HCL, NULL, "HEX, to 64 bytes" },
	{ "ak_n_sha256", KIND_HEX, MEMBER(ak_n_sha256), 32, ABOUT_HCL, NULL, "HEX, 32 bytes" },
	{ "require_pcrs", KIND_INDEXES, MEMBER(require_pcrs), POLICY_PCRS, ABOUT_TPM, NULL, "PCR numbers, with commas" },
	{ "secure_boot", KIND_BOOL, MEMBER(secure_boot), 0, ABOUT_HCL, NULL, "yes or no" },
	{ "console", KIND_BOOL, MEMBER(console), 0, ABOUT_HCL, NULL, "yes or no" },
	{ "type", KIND_NUMBER, MEMBER(hcl_type), 0, ABOUT_HCL, NULL, "NUMBER, the HCL report's type" },
	{ "events", KIND_NUMBER, MEMBER(events), 0, ABOUT_LOG, NULL, "NUMBER of events after the header" },
	{ "regs", KIND_INDEXES, MEMBER(regs), 4, ABOUT_LOG, NULL, "RTMR numbers, with commas" },
	{ "allow", KIND_WORDS, MEMBER(allow), WORDS_ALLOW, 0, allow_words, "debug, migrate, masked, servicetd, partial-identity, with commas" },
	{ "forbid", KIND_WORDS, MEMBER(forbid), WORDS_FORBID, 0, forbid_words, "vlek, provisional, with commas" },
	{ "require", KIND_WORDS, MEMBER(require), WORDS_REQUIRE, 0, require_words, "sept, crl, with commas" },
	{ "covers", KIND_WORDS, MEMBER(covers), WORDS_COVERS, ABOUT_ANY, covers_words, "firmware, kernel, initrd, cmdline, with commas" },
};

/* "pcrN" is made, not listed: 24 rows would say nothing. */
#define PCR_INDEX ARRAY_SIZE(options)

static const struct option pcr_option = { "pcrN", KIND_HEX, MEMBER(pcr[0]), 32, ABOUT_TPM, NULL, "HEX, 32 bytes" };

#define OPTIONS_MAX (PCR_INDEX + POLICY_PCRS)

_Static_assert(OPTIONS_MAX <= 64 * POLICY_SET_WORDS, "each option has a bit");

static void add_bit(uint64_t set[static POLICY_SET_WORDS], unsigned i)
{
	set[i / 64] |= UINT64_C(1) << i % 64;
}

static bool has_bit(const uint64_t set[static POLICY_SET_WORDS], unsigned i)
{
	return set[i / 64] & UINT64_C(1) << i % 64;
}

#define AZURE_IDENTITY "pcr4= (or pcr7= with pcr9= or pcr11=), and covers=kernel,initrd,cmdline or ak_n_sha256="

/* What can be said about each kind of evidence. */
static const struct {
	const char *name;
	unsigned subjects;
	const char *identity;
} kinds[_POLICY_KIND_MAX] = {
	[POLICY_SNP] = { "SEV-SNP", ABOUT_SNP,
			 "measurement= with covers=kernel,initrd,cmdline, id_key_digest= or author_key_digest=" },
	[POLICY_TDX] = { "TDX", ABOUT_TDX | ABOUT_LOG, "mrtd= with rtmr1= and rtmr2=" },
	[POLICY_AZURE_SNP] = { "Azure with SEV-SNP", ABOUT_SNP | ABOUT_TPM | ABOUT_HCL,
			       AZURE_IDENTITY },
	[POLICY_AZURE_TDX] = { "Azure with TDX", ABOUT_TDX | ABOUT_TPM | ABOUT_HCL,
			       AZURE_IDENTITY },
	[POLICY_TPM] = { "a TPM", ABOUT_TPM, "" },
};

const char *policy_kind_name(enum policy_kind kind)
{
	return kinds[kind].name;
}

const char *policy_identity_advice(enum policy_kind kind)
{
	return kinds[kind].identity;
}

void policies_init(struct policies *ps)
{
	memset(ps, 0, sizeof(*ps));
	for (unsigned i = 0; i < _POLICY_KIND_MAX; i++) {
		ps->of[i].kind = i;
		ps->of[i].max_vmpl = (struct policy_number){ true, 3 };
		ps->of[i].accept = 1u << TCB_UP_TO_DATE;
	}
}

const char *policy_option(unsigned i, const char **ret_value)
{
	if (i > PCR_INDEX)
		return NULL;
	*ret_value = i == PCR_INDEX ? "HEX, 32 bytes; N is 0 to 23" : options[i].value;
	return i == PCR_INDEX ? "pcrN" : options[i].name;
}

static int complain(char *error, int r, const char *format, ...) _printf_(3, 4);
static int complain(char *error, int r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(error, POLICY_ERROR_LEN, format, ap);
	va_end(ap);
	return r;
}

/* ---- values ---- */

static int parse_values(char *text, const struct option *o, struct policy_values *ret)
{
	char *save = NULL;

	/* strtok_r() would pass over ",,". */
	for (char *p = text; p; p = save) {
		size_t len;

		save = strchr(p, ',');
		if (save)
			*save++ = '\0';
		len = strlen(p) / 2;
		if (len == 0 || len > o->n || (o->kind == KIND_HEX && len != o->n) ||
		    ret->n == POLICY_VALUES_MAX || parse_hex(p, ret->b[ret->n], len) < 0)
			return -EINVAL;
		ret->len[ret->n++] = (uint8_t)len;
	}
	return 0;
}

static int parse_mask(const char *text, struct policy_number *ret)
{
	char prefixed[24];

	/* Hexadecimal with or without "0x". */
	if (strlen(text) > 18)
		return -EINVAL;
	(void) snprintf(prefixed, sizeof(prefixed), "%s%.18s", startswith(text, "0x") ? "" : "0x", text);
	ret->set = true;
	return parse_u64(prefixed, &ret->value);
}

static int parse_number(const char *text, struct policy_number *ret)
{
	uint32_t n;
	int r;

	r = parse_u32(text, &n);
	ret->set = true;
	ret->value = n;
	return r;
}

static int parse_truth(const char *text, struct policy_number *ret)
{
	bool b;
	int r;

	r = parse_bool(text, &b);
	ret->set = true;
	ret->value = b;
	return r;
}

/* Bytes in decimal with @separator between; the number of them, -EINVAL. */
static int parse_byte_list(char *text, char separator, uint8_t *ret, unsigned max)
{
	char *next = NULL;
	unsigned n = 0;

	for (char *p = text; p; p = next) {
		uint32_t v;

		next = strchr(p, separator);
		if (next)
			*next++ = '\0';
		if (n == max || parse_u32(p, &v) < 0 || v > 255)
			return -EINVAL;
		ret[n++] = (uint8_t)v;
	}
	return (int)n;
}

static int parse_indexes(char *text, const struct option *o, struct policy_number *ret)
{
	uint8_t list[POLICY_PCRS];
	int n = parse_byte_list(text, ',', list, ARRAY_SIZE(list));

	if (n < 0)
		return n;
	ret->set = true;
	for (int i = 0; i < n; i++) {
		if (list[i] >= o->n)
			return -EINVAL;
		ret->value |= 1u << list[i];
	}
	return 0;
}

static int parse_version(char *text, const struct option *o, struct policy_number *ret)
{
	uint8_t list[4];

	if (parse_byte_list(text, '.', list, ARRAY_SIZE(list)) != (int)o->n)
		return -EINVAL;
	ret->set = true;
	for (unsigned i = 0; i < o->n; i++)
		ret->value = ret->value << 8 | list[i];
	return 0;
}

static int parse_tcb(char *text, struct policy_tcb *ret)
{
	int n = parse_byte_list(text, ':', ret->component, POLICY_TCB_MAX);

	if (n != 4 && n != 5)
		return -EINVAL;
	ret->n = (unsigned)n;
	return 0;
}

static int word_bit(const struct word *words, const char *word, uint32_t *bits)
{
	for (; words->word; words++)
		if (streq(words->word, word)) {
			*bits |= words->bit;
			return 0;
		}
	return -EINVAL;
}

static int parse_words(char *text, const struct option *o, uint32_t *ret)
{
	char *next = NULL;

	if (!*text)	/* none of them */
		return 0;
	for (char *p = text; p; p = next) {
		enum tcb_status status;

		next = strchr(p, ',');
		if (next)
			*next++ = '\0';
		if (o->kind == KIND_WORDS) {
			if (word_bit(o->words, p, ret) < 0)
				return -EINVAL;
		} else {
			if (tcb_status_parse(p, strlen(p), &status) < 0)
				return -EINVAL;
			*ret |= 1u << status;
		}
	}
	return 0;
}

static int parse_value(char *text, const struct option *o, void *ret)
{
	switch (o->kind) {
	case KIND_HEX:
	case KIND_HEX_MAX:
		return parse_values(text, o, ret);
	case KIND_MASK:
		return parse_mask(text, ret);
	case KIND_NUMBER:
		return parse_number(text, ret);
	case KIND_BOOL:
		return parse_truth(text, ret);
	case KIND_INDEXES:
		return parse_indexes(text, o, ret);
	case KIND_VERSION:
		return parse_version(text, o, ret);
	case KIND_TCB:
		return parse_tcb(text, ret);
	case KIND_WORDS:
	case KIND_STATUSES:
		return parse_words(text, o, ret);
	}
	return -EINVAL;
}

/* The row of @name, made for a PCR.  The index of it, or -ENOENT. */
static int find_option(const char *name, struct option *ret)
{
	const char *digits = startswith(name, "pcr");
	uint32_t n;

	for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
		if (streq(options[i].name, name)) {
			*ret = options[i];
			return (int)i;
		}
	if (!digits || (digits[0] == '0' && digits[1]) || parse_u32(digits, &n) < 0 ||
	    n >= POLICY_PCRS)
		return -ENOENT;
	*ret = pcr_option;
	ret->offset += n * sizeof(struct policy_values);
	return (int)(PCR_INDEX + n);
}

/* The largest member; a value that is wrong in its middle must not be there by half. */
union value {
	struct policy_values values;
	struct policy_number number;
	struct policy_tcb tcb;
	uint32_t bits;
};

/* NAME and the @len bytes of its value.  The option's index, with its row and value; negative with @error. */
static int read_option(const char *name, const char *value, size_t len, struct option *ret_o,
		       union value *ret, char *error)
{
	char text[OPTION_LEN];
	int i;

	if (len >= sizeof(text))
		return complain(error, -EINVAL, "it is longer than %zu bytes", sizeof(text) - 1);
	memcpy(text, value, len);
	text[len] = '\0';
	i = find_option(name, ret_o);
	if (i < 0)
		return complain(error, i, "there is no policy option '%.40s'", name);
	memset(ret, 0, sizeof(*ret));
	assert(ret_o->size <= sizeof(*ret));
	if (strlen(text) != len || parse_value(text, ret_o, ret) < 0)
		return complain(error, -EINVAL, "the value of '%.40s' must be %s", name,
				ret_o->value);
	return i;
}

/* True when it says something of evidence of @kind that it does not of every machine's. */
static bool is_own(const struct option *o, const union value *value, enum policy_kind kind)
{
	const unsigned hardware = ABOUT_SNP | ABOUT_TDX;
	bool own = false;

	if (o->kind != KIND_WORDS)
		return (o->about & kinds[kind].subjects) && (o->about & hardware) != hardware;
	for (const struct word *w = o->words; w->word; w++)
		own = own || ((w->bit & value->bits) && (w->about & kinds[kind].subjects) &&
			      (w->about & hardware) != hardware);
	return own;
}

static void apply_option(struct policy *p, unsigned i, const struct option *o, const union value *value)
{
	memcpy((uint8_t *)p + o->offset, value, o->size);
	add_bit(p->set, i);
	p->has_option = true;
	p->has_own = p->has_own || is_own(o, value, p->kind);
}

int policies_set(struct policies *ps, const char *assignment, char error[static POLICY_ERROR_LEN])
{
	const char *eq = strchr(assignment, '=');
	union value value;
	struct option o;
	char name[64];
	int i;

	if (!eq)
		return complain(error, -EINVAL, "'%.40s' is not NAME=VALUE", assignment);
	(void) snprintf(name, sizeof(name), "%.*s", (int)MIN(eq - assignment, 63), assignment);
	i = read_option(name, eq + 1, strlen(eq + 1), &o, &value, error);
	if (i < 0)
		return i;
	for (unsigned k = 0; k < _POLICY_KIND_MAX; k++)
		apply_option(&ps->of[k], (unsigned)i, &o, &value);
	return 0;
}

int policy_ask(struct policy *p, const char *name, const void *data, size_t len, size_t padded)
{
	struct policy_values *values;
	struct option o;
	int i;

	i = find_option(name, &o);
	assert(i >= 0 && o.size == sizeof(*values) && len <= padded && padded <= o.n);
	if (has_bit(p->set, (unsigned)i))
		return -EEXIST;
	values = (struct policy_values *)((uint8_t *)p + o.offset);
	*values = (struct policy_values){ .n = 1 };
	values->len[0] = (uint8_t)padded;
	memcpy(values->b[0], data, len);
	add_bit(p->set, (unsigned)i);
	return 0;
}

/* ---- the file ---- */

#define KIND_BIT(kind) (1u << (kind))
#define KINDS_ALL ((1u << _POLICY_KIND_MAX) - 1)

static const struct {
	const char *name;
	unsigned kinds;
} sections[] = {
	{ "Policy", KINDS_ALL },
	{ "snp", KIND_BIT(POLICY_SNP) },
	{ "tdx", KIND_BIT(POLICY_TDX) },
	{ "azure", KIND_BIT(POLICY_AZURE_SNP) | KIND_BIT(POLICY_AZURE_TDX) },
	{ "azure-snp", KIND_BIT(POLICY_AZURE_SNP) },
	{ "azure-tdx", KIND_BIT(POLICY_AZURE_TDX) },
	{ "tpm", KIND_BIT(POLICY_TPM) },
};

/* While a file is read: what it has set for each kind. */
struct reading {
	struct policies *ps;
	uint64_t seen[_POLICY_KIND_MAX][POLICY_SET_WORDS];
};

static int find_section(const struct ini_item *item, unsigned *ret_kinds, char *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (ini_is(item->section, item->section_len, sections[i].name)) {
			*ret_kinds = sections[i].kinds;
			return 0;
		}
	return complain(error, -EINVAL,
			"there is no section [%.*s], but [Policy], [snp], [tdx], [azure], [azure-snp], [azure-tdx] and [tpm]",
			(int)MIN(item->section_len, 32u), item->section);
}

static int read_item(struct reading *r, const struct ini_item *item, char *error)
{
	union value value;
	struct option o;
	unsigned mask;
	char name[64];
	int i;

	i = find_section(item, &mask, error);
	if (i < 0)
		return i;
	for (unsigned k = 0; !item->name && mask != KINDS_ALL && k < _POLICY_KIND_MAX; k++)
		if (mask & KIND_BIT(k))
			r->ps->of[k].has_own = true;
	if (!item->name)
		return 0;
	(void) snprintf(name, sizeof(name), "%.*s", (int)MIN(item->name_len, 63u), item->name);
	i = read_option(name, item->value, item->value_len, &o, &value, error);
	if (i < 0)
		return i;
	for (unsigned k = 0; k < _POLICY_KIND_MAX; k++) {
		if (!(mask & KIND_BIT(k)))
			continue;
		/* Which of two would hold is nothing to guess about. */
		if (has_bit(r->seen[k], (unsigned)i))
			return complain(error, -EINVAL,
					"'%.40s' is set a second time for %s: another section has it",
					name, kinds[k].name);
		add_bit(r->seen[k], (unsigned)i);
		apply_option(&r->ps->of[k], (unsigned)i, &o, &value);
	}
	return 0;
}

int policies_parse(struct policies *ps, const void *text, size_t len,
		   char error[static POLICY_ERROR_LEN])
{
	struct reading r = { .ps = NULL };
	char why[POLICY_ERROR_LEN];
	struct ini_error problem;
	struct ini_item item;
	struct ini ini;
	int status;

	if (len > POLICY_FILE_MAX)
		return complain(error, -EMSGSIZE, "a policy file has at most %d bytes",
				POLICY_FILE_MAX);
	if (ini_check(text, len, &problem) < 0)
		return complain(error, -EBADMSG, "line %u: %.130s", problem.line, problem.text);
	r.ps = malloc(sizeof(*r.ps));
	if (!r.ps)
		return complain(error, -ENOMEM, "out of memory");
	*r.ps = *ps;
	ini_init(&ini, text, len);
	while ((status = ini_next(&ini, &item)) > 0) {
		status = read_item(&r, &item, why);
		if (status < 0)
			break;
	}
	if (status < 0) {
		free(r.ps);
		return complain(error, -EBADMSG, "line %u: %.130s", item.line, why);
	}
	for (unsigned k = 0; k < _POLICY_KIND_MAX; k++)
		r.ps->of[k].has_file = true;
	*ps = *r.ps;
	free(r.ps);
	return 0;
}

/* ---- what was judged ---- */

/* The index of the option whose member @member is in the policy of @v, -1 for something else. */
static int option_of(const struct verdict *v, const void *member)
{
	const uint8_t *from = (const uint8_t *)v->policy, *at = member;
	size_t offset;

	if (!from || at < from || at >= from + sizeof(*v->policy))
		return -1;
	offset = (size_t)(at - from);
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].offset == offset)
			return (int)i;
	if (offset < offsetof(struct policy, pcr) ||
	    offset >= offsetof(struct policy, pcr) + sizeof(v->policy->pcr))
		return -1;
	return (int)(PCR_INDEX + (offset - offsetof(struct policy, pcr)) / sizeof(struct policy_values));
}

void policy_judged(struct verdict *v, const void *member)
{
	int i = option_of(v, member);

	if (i >= 0)
		add_bit(v->judged, (unsigned)i);
}

bool policy_allows(struct verdict *v, const struct policy *p, enum policy_allow word)
{
	v->judged_words[WORDS_ALLOW] |= word;
	return p->allow & word;
}

bool policy_forbids(struct verdict *v, const struct policy *p, enum policy_forbid word)
{
	v->judged_words[WORDS_FORBID] |= word;
	return p->forbid & word;
}

bool policy_requires(struct verdict *v, const struct policy *p, enum policy_require word)
{
	v->judged_words[WORDS_REQUIRE] |= word;
	return p->require & word;
}

static void refuse_unjudged(struct verdict *v, const char *what)
{
	(void) verdict_fail(v, VERDICT_REFUSED, "POLICY", "everything that the policy asks is judged",
			    verdict_text(v, "evidence that '%s' is about", what),
			    verdict_text(v, "%s says nothing about evidence of %s", what,
					 kinds[v->policy->kind].name));
}

static void check_option(struct verdict *v, unsigned i, const struct option *o, const char *name)
{
	uint32_t words;

	if (o->kind != KIND_WORDS) {
		if (!has_bit(v->judged, i))
			refuse_unjudged(v, name);
		return;
	}
	memcpy(&words, (const uint8_t *)v->policy + o->offset, sizeof(words));
	for (const struct word *w = o->words; w->word; w++)
		if (words & w->bit & ~v->judged_words[o->n])
			refuse_unjudged(v, verdict_text(v, "%s=%s", name, w->word));
}

static void check_all_judged(struct verdict *v)
{
	const struct policy *p = v->policy;

	if (p->has_file && !(p->has_own && p->has_option))
		(void) verdict_fail(v, VERDICT_REFUSED, "POLICY",
				    "the policy speaks of this kind of evidence",
				    verdict_text(v, "a section or options for evidence of %s",
						 kinds[p->kind].name),
				    "none");
	for (unsigned i = 0; i < OPTIONS_MAX; i++)
		if (has_bit(p->set, i))
			check_option(v, i, i < PCR_INDEX ? &options[i] : &pcr_option,
				     i < PCR_INDEX ? options[i].name :
						     verdict_text(v, "pcr%u", (unsigned)(i - PCR_INDEX)));
}

static bool is_foreign(const struct policy *p, const struct option *o)
{
	unsigned subjects = kinds[p->kind].subjects;
	uint32_t words;

	if (o->kind != KIND_WORDS)
		return !(o->about & subjects);
	memcpy(&words, (const uint8_t *)p + o->offset, sizeof(words));
	for (const struct word *w = o->words; w->word; w++)
		if ((words & w->bit) && !(w->about & subjects))
			return true;
	return false;
}

const char *policy_foreign_option(const struct policy *p)
{
	for (unsigned i = 0; i < OPTIONS_MAX; i++) {
		const struct option *o = i < PCR_INDEX ? &options[i] : &pcr_option;

		if (has_bit(p->set, i) && is_foreign(p, o))
			return o->name;
	}
	return NULL;
}

/* ---- identity ---- */

/* What nothing was measured into has zeros, or ones after a reset: everybody's, so no identity. */
static bool is_blank(const uint8_t *p, size_t len)
{
	bool zeros = true, ones = true;

	for (size_t n = 0; n < len; n++) {
		zeros = zeros && p[n] == 0;
		ones = ones && p[n] == 0xff;
	}
	return zeros || ones;
}

/* PCRs that boot loaders extend by what they start. */
static const char *const loader_pcrs[] = { "pcr8", "pcr9", "pcr11" };

static bool is_among(const uint64_t set[static POLICY_SET_WORDS], const char *name)
{
	struct option o;
	int i;

	if (streq(name, "pcr*")) {
		for (size_t n = 0; n < ARRAY_SIZE(loader_pcrs); n++)
			if (is_among(set, loader_pcrs[n]))
				return true;
		return false;
	}
	i = find_option(name, &o);
	assert(i >= 0);
	return has_bit(set, (unsigned)i);
}

static bool are_among(const uint64_t set[static POLICY_SET_WORDS], const struct policy_identity *id)
{
	for (size_t i = 0; id->names[i]; i++)
		if (!is_among(set, id->names[i]))
			return false;
	return true;
}

bool policy_held(const struct verdict *v, const char *name)
{
	return is_among(v->held, name);
}

static enum verdict_identity identity_of(const struct policy *p, const uint64_t set[static POLICY_SET_WORDS],
					 const struct policy_identity *identities)
{
	bool covered = (p->covers & COVERS_ALL_THAT_RUNS) == COVERS_ALL_THAT_RUNS;
	enum verdict_identity best = IDENTITY_NONE;

	for (const struct policy_identity *id = identities; id && id->names[0]; id++)
		if (are_among(set, id))
			best = MAX(best, id->whole || covered ? IDENTITY_WHOLE : IDENTITY_PARTIAL);
	return best;
}

/* What a value of zeros names, or of ones, is nobody. */
static bool names_nobody(const struct policy *p, unsigned i)
{
	const struct option *o = i < PCR_INDEX ? &options[i] : &pcr_option;
	size_t offset = o->offset + (i < PCR_INDEX ? 0 : (i - PCR_INDEX) * sizeof(struct policy_values));
	const struct policy_values *values = (const struct policy_values *)((const uint8_t *)p + offset);

	if (o->kind != KIND_HEX && o->kind != KIND_HEX_MAX)
		return false;
	for (unsigned n = 0; n < values->n; n++)
		if (!is_blank(values->b[n], values->len[n]))
			return false;
	return true;
}

enum verdict_identity policy_identity_asked(const struct policy *p, const struct policy_identity *identities)
{
	uint64_t named[POLICY_SET_WORDS] = { 0 };

	for (unsigned i = 0; i < OPTIONS_MAX; i++)
		if (has_bit(p->set, i) && !names_nobody(p, i))
			add_bit(named, i);
	return identity_of(p, named, identities);
}

static void identify(struct verdict *v, const struct policy_identity *identities)
{
	const struct policy *p = v->policy;

	if (!identities)
		return;
	(void) policy_allows(v, p, ALLOW_PARTIAL_IDENTITY);
	for (const struct policy_identity *id = identities; id->names[0]; id++)
		/* Without a measurement there is nothing that could cover. */
		if (!id->whole && are_among(p->set, id))
			v->judged_words[WORDS_COVERS] = p->covers;
	v->identity = MAX(v->identity, identity_of(p, v->held, identities));
}

void policy_conclude(struct verdict *v, const struct policy_identity *identities)
{
	identify(v, identities);
	check_all_judged(v);
}

/* ---- checks ---- */

static void note_held(struct verdict *v, const void *member, const uint8_t *found, size_t len)
{
	int i = option_of(v, member);

	if (i >= 0 && !is_blank(found, len))
		add_bit(v->held, (unsigned)i);
}

void policy_check_values(struct verdict *v, const struct policy_values *want, const char *code,
			 const char *name, const void *found, size_t len)
{
	const char *expected;
	bool good = false;

	policy_judged(v, want);
	if (want->n == 0) {
		verdict_skip(v, name, "not asked for");
		return;
	}
	for (unsigned i = 0; i < want->n; i++)
		good |= want->len[i] == len && CRYPTO_memcmp(want->b[i], found, len) == 0;
	if (good)
		note_held(v, want, found, len);
	expected = good ? NULL : verdict_hex(v, want->b[0], want->len[0]);
	if (!good && want->n > 1)
		expected = verdict_text(v, "%s or one of %u more", expected, want->n - 1u);
	(void) verdict_check(v, good, VERDICT_REFUSED, code, name, expected,
			     verdict_hex(v, found, len));
}

void policy_check_nonce(struct verdict *v, const struct policy *p, const uint8_t found[static 64])
{
	struct policy_values padded = p->nonce;

	policy_judged(v, &p->nonce);
	/* The bytes past a value's length are zero. */
	for (unsigned i = 0; i < padded.n; i++)
		padded.len[i] = 64;
	policy_check_values(v, &padded, "NONCE", "report data is the nonce", found, 64);
}

void policy_check_min(struct verdict *v, const struct policy_number *min, const char *code,
		      const char *name, uint64_t found)
{
	const char *what = verdict_text(v, "%llu", (unsigned long long)found);

	policy_judged(v, min);
	if (!min->set) {
		verdict_skip(v, name, "not asked for");
		return;
	}
	(void) verdict_check(v, found >= min->value, VERDICT_REFUSED, code, name,
			     verdict_text(v, "at least %llu", (unsigned long long)min->value), what);
}

void policy_check_masks(struct verdict *v, const struct policy_number *require,
			const struct policy_number *forbid, const char *code, const char *name,
			uint64_t found)
{
	uint64_t missing = require->set ? require->value & ~found : 0, extra = forbid->set ? forbid->value & found : 0;
	const char *what;

	policy_judged(v, require);
	policy_judged(v, forbid);
	if (!require->set && !forbid->set) {
		verdict_skip(v, name, "not asked for");
		return;
	}
	what = verdict_text(v, "%#llx", (unsigned long long)found);
	if (missing)
		(void) verdict_fail(v, VERDICT_REFUSED, code, name,
				    verdict_text(v, "bits %#llx set",
						 (unsigned long long)require->value),
				    what);
	if (extra)
		(void) verdict_fail(v, VERDICT_REFUSED, code, name,
				    verdict_text(v, "bits %#llx clear",
						 (unsigned long long)forbid->value),
				    what);
	if (!missing && !extra)
		verdict_pass(v, name, what);
}
