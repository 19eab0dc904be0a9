/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/policy-options.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/nearest.h"
#include "base/parse.h"

#define OPTION_LEN 4096	/* of a value */

#define ABOUT_ANY (ABOUT_SNP | ABOUT_TDX | ABOUT_TPM | ABOUT_REPORT)

static const struct policy_word allow_words[] = {
	{ "debug", ALLOW_DEBUG, ABOUT_SNP | ABOUT_TDX | ABOUT_REPORT },
	{ "migrate", ALLOW_MIGRATE, ABOUT_SNP },
	{ "masked", ALLOW_MASKED, ABOUT_SNP },
	{ "servicetd", ALLOW_SERVICE_TD, ABOUT_TDX },
	{ "partial-identity", ALLOW_PARTIAL_IDENTITY, ABOUT_ANY },
	{ NULL },
};

static const struct policy_word forbid_words[] = {
	{ "vlek", FORBID_VLEK, ABOUT_SNP },
	{ "provisional", FORBID_PROVISIONAL, ABOUT_SNP },
	{ NULL },
};

static const struct policy_word require_words[] = {
	{ "sept", REQUIRE_SEPT_VE_DISABLE, ABOUT_TDX },
	{ "crl", REQUIRE_CRL, ABOUT_SNP },
	{ NULL },
};

static const struct policy_word covers_words[] = {
	{ "firmware", COVERS_FIRMWARE, ABOUT_ANY },
	{ "kernel", COVERS_KERNEL, ABOUT_ANY },
	{ "initrd", COVERS_INITRD, ABOUT_ANY },
	{ "cmdline", COVERS_CMDLINE, ABOUT_ANY },
	{ NULL },
};

#define MEMBER(m) offsetof(struct policy, m), sizeof(((struct policy *)NULL)->m)

static const struct policy_option options[] = {
	{ "report_data", KIND_HEX, MEMBER(report_data), 64, ABOUT_SNP | ABOUT_TDX | ABOUT_REPORT,
	  NULL, "HEX, 64 bytes" },
	{ "measurement", KIND_HEX, MEMBER(measurement), 48, ABOUT_SNP | ABOUT_REPORT, NULL,
	  "HEX, 48 bytes" },
	{ "host_data", KIND_HEX, MEMBER(host_data), 32, ABOUT_SNP, NULL, "HEX, 32 bytes" },
	{ "id_key_digest", KIND_HEX, MEMBER(id_key_digest), 48, ABOUT_SNP, NULL, "HEX, 48 bytes" },
	{ "author_key_digest", KIND_HEX, MEMBER(author_key_digest), 48, ABOUT_SNP, NULL,
	  "HEX, 48 bytes" },
	{ "family_id", KIND_HEX, MEMBER(family_id), 16, ABOUT_SNP, NULL, "HEX, 16 bytes" },
	{ "image_id", KIND_HEX, MEMBER(image_id), 16, ABOUT_SNP, NULL, "HEX, 16 bytes" },
	{ "chip_id", KIND_HEX, MEMBER(chip_id), 64, ABOUT_SNP, NULL, "HEX, 64 bytes" },
	{ "report_id", KIND_HEX, MEMBER(report_id), 32, ABOUT_SNP, NULL, "HEX, 32 bytes" },
	{ "min_tcb", KIND_TCB, MEMBER(min_tcb), 0, ABOUT_SNP, NULL,
	  "BL:TEE:SNP:UCODE, Turin FMC:BL:TEE:SNP:UCODE, or 0x and 16 HEX digits" },
	{ "min_launch_tcb", KIND_TCB, MEMBER(min_launch_tcb), 0, ABOUT_SNP, NULL,
	  "as min_tcb, for LAUNCH_TCB" },
	{ "min_guest_svn", KIND_NUMBER, MEMBER(min_guest_svn), 0, ABOUT_SNP, NULL, "NUMBER" },
	{ "max_vmpl", KIND_NUMBER, MEMBER(max_vmpl), 0, ABOUT_SNP, NULL, "NUMBER" },
	{ "min_abi", KIND_VERSION, MEMBER(min_abi), 2, ABOUT_SNP, NULL,
	  "MAJOR.MINOR of the guest policy" },
	{ "min_firmware", KIND_VERSION, MEMBER(min_firmware), 3, ABOUT_SNP, NULL,
	  "MAJOR.MINOR.BUILD, committed" },
	{ "plat_require", KIND_MASK, MEMBER(plat_require), 0, ABOUT_SNP, NULL,
	  "HEX mask of PLATFORM_INFO" },
	{ "plat_forbid", KIND_MASK, MEMBER(plat_forbid), 0, ABOUT_SNP, NULL,
	  "HEX mask of PLATFORM_INFO" },
	{ "policy_require", KIND_MASK, MEMBER(policy_require), 0, ABOUT_SNP, NULL,
	  "HEX mask of the guest policy" },
	{ "policy_forbid", KIND_MASK, MEMBER(policy_forbid), 0, ABOUT_SNP, NULL,
	  "HEX mask of the guest policy" },
	{ "min_mit", KIND_MASK, MEMBER(min_mit), 0, ABOUT_SNP, NULL,
	  "HEX mask of CURRENT_MIT_VECTOR" },
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
	{ "min_tee_tcb_svn", KIND_HEX, MEMBER(min_tee_tcb_svn), 16, ABOUT_TDX, NULL,
	  "HEX, 16 bytes, each a floor" },
	{ "min_tcb_evaluation", KIND_NUMBER, MEMBER(min_tcb_evaluation), 0, ABOUT_TDX, NULL,
	  "NUMBER" },
	{ "min_qe_svn", KIND_NUMBER, MEMBER(min_qe_svn), 0, ABOUT_TDX, NULL, "NUMBER" },
	{ "min_pce_svn", KIND_NUMBER, MEMBER(min_pce_svn), 0, ABOUT_TDX, NULL, "NUMBER" },
	{ "accept", KIND_STATUSES, MEMBER(accept), 0, ABOUT_TDX, NULL,
	  "TCB statuses such as UpToDate, with commas" },
	{ "nonce", KIND_HEX_MAX, MEMBER(nonce), 64, ABOUT_ANY, NULL, "HEX, to 64 bytes" },
	{ "user_data", KIND_HEX_MAX, MEMBER(user_data), 64, ABOUT_HCL, NULL, "HEX, to 64 bytes" },
	{ "ak_n_sha256", KIND_HEX, MEMBER(ak_n_sha256), 32, ABOUT_HCL, NULL, "HEX, 32 bytes" },
	{ "require_pcrs", KIND_INDEXES, MEMBER(require_pcrs), POLICY_PCRS, ABOUT_TPM, NULL,
	  "PCR numbers, with commas" },
	{ "secure_boot", KIND_BOOL, MEMBER(secure_boot), 0, ABOUT_HCL, NULL, "yes or no" },
	{ "console", KIND_BOOL, MEMBER(console), 0, ABOUT_HCL, NULL, "yes or no" },
	{ "type", KIND_NUMBER, MEMBER(hcl_type), 0, ABOUT_HCL, NULL,
	  "NUMBER, the HCL report's type" },
	{ "events", KIND_NUMBER, MEMBER(events), 0, ABOUT_LOG, NULL,
	  "NUMBER of events after the header" },
	{ "regs", KIND_INDEXES, MEMBER(regs), 4, ABOUT_LOG, NULL, "RTMR numbers, with commas" },
	{ "allow", KIND_WORDS, MEMBER(allow), WORDS_ALLOW, 0, allow_words,
	  "debug, migrate, masked, servicetd, partial-identity, with commas" },
	{ "forbid", KIND_WORDS, MEMBER(forbid), WORDS_FORBID, 0, forbid_words,
	  "vlek, provisional, with commas" },
	{ "require", KIND_WORDS, MEMBER(require), WORDS_REQUIRE, 0, require_words,
	  "sept, crl, with commas" },
	{ "covers", KIND_WORDS, MEMBER(covers), WORDS_COVERS, ABOUT_ANY, covers_words,
	  "firmware, kernel, initrd, cmdline, with commas" },
};

/* "pcr0" to "pcr23" are not listed: their rows are made from pcr_option. */
#define PCR_INDEX ARRAY_SIZE(options)

static const struct policy_option pcr_option = { "pcrN",    KIND_HEX, MEMBER(pcr[0]),  32,
						 ABOUT_TPM, NULL,     "HEX, 32 bytes", 0 };

#define OPTIONS_MAX (PCR_INDEX + POLICY_PCRS)

_Static_assert(OPTIONS_MAX <= 64 * POLICY_SET_WORDS, "each option has a bit");

void policy_set_add(uint64_t set[static POLICY_SET_WORDS], unsigned i)
{
	set[i / 64] |= UINT64_C(1) << i % 64;
}

bool policy_set_has(const uint64_t set[static POLICY_SET_WORDS], unsigned i)
{
	return set[i / 64] & UINT64_C(1) << i % 64;
}

bool policy_option_row(unsigned i, struct policy_option *ret)
{
	if (i >= OPTIONS_MAX)
		return false;
	*ret = i < PCR_INDEX ? options[i] : pcr_option;
	ret->pcr = i < PCR_INDEX ? -1 : (int)(i - PCR_INDEX);
	if (ret->pcr > 0)
		ret->offset += (size_t)ret->pcr * sizeof(struct policy_values);
	return true;
}

int policy_option_at(size_t offset)
{
	for (unsigned i = 0; i < PCR_INDEX; i++)
		if (options[i].offset == offset)
			return (int)i;
	if (offset < pcr_option.offset ||
	    offset - pcr_option.offset >= sizeof(((struct policy *)NULL)->pcr))
		return -ENOENT;
	return (int)(PCR_INDEX + (offset - pcr_option.offset) / sizeof(struct policy_values));
}

const char *policy_option(unsigned i, const char **ret_value)
{
	if (i > PCR_INDEX)
		return NULL;
	*ret_value = i == PCR_INDEX ? "HEX, 32 bytes; N is 0 to 23" : options[i].value;
	return i == PCR_INDEX ? "pcrN" : options[i].name;
}

int policy_complain(char *error, int r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(error, POLICY_ERROR_LEN, format, ap);
	va_end(ap);
	return r;
}

/* ---- values ---- */

/*
 * Cut "until=DATE" off the value.  Of a floor, and of bytes that a program asks for, the end would
 * be the end of a check: there is none.
 */
static int parse_until(char *text, const struct policy_option *o, int64_t *ret)
{
	char *blank = strchr(text, ' ');
	const char *date;

	*ret = 0;
	if (!blank)
		return 0;
	*blank++ = '\0';
	date = startswith(blank + strspn(blank, " "), "until=");
	if (!date || o->kind != KIND_HEX ||
	    o->offset == offsetof(struct policy, min_tee_tcb_svn) || time_parse(date, ret) < 0)
		return -EINVAL;
	return *ret > 0 ? 0 : -EINVAL;
}

static int parse_values(char *text, const struct policy_option *o, struct policy_values *ret)
{
	char *save = NULL;

	/* strtok_r() would accept ",,". */
	for (char *p = text; p; p = save) {
		size_t len;

		save = strchr(p, ',');
		if (save)
			*save++ = '\0';
		if (ret->n == POLICY_VALUES_MAX || parse_until(p, o, &ret->until[ret->n]) < 0)
			return -EINVAL;
		len = strlen(p) / 2;
		if (len == 0 || len > o->n || (o->kind == KIND_HEX && len != o->n) ||
		    parse_hex(p, ret->b[ret->n], len) < 0)
			return -EINVAL;
		ret->len[ret->n++] = (uint8_t)len;
	}
	return 0;
}

int policy_values_parse(char *text, unsigned len, struct policy_values *ret)
{
	const struct policy_option o = { .kind = KIND_HEX, .n = len };

	return parse_values(text, &o, ret);
}

static int parse_mask(const char *text, struct policy_number *ret)
{
	char prefixed[24];

	/* Hexadecimal with or without "0x". */
	if (strlen(text) > 18)
		return -EINVAL;
	(void) snprintf(prefixed, sizeof(prefixed), "%s%.18s", startswith(text, "0x") ? "" : "0x",
			text);
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
	bool b = false;
	int r;

	r = parse_bool(text, &b);
	ret->set = true;
	ret->value = b;
	return r;
}

/* Read decimal bytes with @separator between them.  Returns their number, or -EINVAL. */
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

static int parse_indexes(char *text, const struct policy_option *o, struct policy_number *ret)
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

static int parse_version(char *text, const struct policy_option *o, struct policy_number *ret)
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
	const char *digits = startswith(text, "0x");
	uint8_t raw[POLICY_TCB_RAW];
	int n;

	if (digits) {
		if (strlen(digits) != 2 * sizeof(raw) || parse_hex(digits, raw, sizeof(raw)) < 0)
			return -EINVAL;
		for (unsigned i = 0; i < POLICY_TCB_RAW; i++)
			ret->component[i] = raw[POLICY_TCB_RAW - 1 - i];
		ret->n = POLICY_TCB_RAW;
		return 0;
	}
	n = parse_byte_list(text, ':', ret->component, POLICY_TCB_MAX);
	if (n != 4 && n != 5)
		return -EINVAL;
	ret->n = (unsigned)n;
	return 0;
}

static int word_bit(const struct policy_word *words, const char *word, uint32_t *bits)
{
	for (; words->word; words++)
		if (streq(words->word, word)) {
			*bits |= words->bit;
			return 0;
		}
	return -EINVAL;
}

static int parse_words(char *text, const struct policy_option *o, uint32_t *ret)
{
	char *next = NULL;

	if (!*text)	/* an empty list */
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

static int parse_value(char *text, const struct policy_option *o, void *ret)
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

int policy_option_find(const char *name, struct policy_option *ret)
{
	const char *digits = startswith(name, "pcr");
	uint32_t n;

	for (unsigned i = 0; i < PCR_INDEX; i++)
		if (streq(options[i].name, name)) {
			(void) policy_option_row(i, ret);
			return (int)i;
		}
	if (!digits || (digits[0] == '0' && digits[1]) || parse_u32(digits, &n) < 0 ||
	    n >= POLICY_PCRS)
		return -ENOENT;
	(void) policy_option_row((unsigned)(PCR_INDEX + n), ret);
	return (int)(PCR_INDEX + n);
}

static int no_such_option(const char *name, char *error)
{
	char text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_init(&nearest, name, strlen(name));
	for (unsigned i = 0; i < PCR_INDEX; i++)
		nearest_try(&nearest, options[i].name);
	return policy_complain(error, -ENOENT, "there is no policy option '%.40s'%s", name,
			       nearest_text(&nearest, "", text));
}

static void try_words(struct nearest *nearest, const void *u)
{
	const struct policy_option *o = u;

	for (const struct policy_word *w = o->words; w && w->word; w++)
		nearest_try(nearest, w->word);
	for (unsigned i = TCB_UP_TO_DATE; i < _TCB_STATUS_MAX && o->kind == KIND_STATUSES; i++)
		nearest_try(nearest, tcb_status_name(i));
}

static int wrong_value(const struct policy_option *o, const char *name, const char *value,
		       size_t len, char *error)
{
	char text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_in_list(&nearest, value, len, try_words, o);
	return policy_complain(error, -EINVAL, "the value of '%.40s' must be %s%s", name,
			       o->value, nearest_text(&nearest, "", text));
}

int policy_option_read(const char *name, const char *value, size_t len, struct policy_option *ret_o,
		       union policy_value *ret, char *error)
{
	char text[OPTION_LEN];
	int i;

	if (len >= sizeof(text))
		return policy_complain(error, -EINVAL, "the value is longer than %zu bytes",
				       sizeof(text) - 1);
	memcpy(text, value, len);
	text[len] = '\0';
	i = policy_option_find(name, ret_o);
	if (i < 0)
		return no_such_option(name, error);
	memset(ret, 0, sizeof(*ret));
	assert(ret_o->size <= sizeof(*ret));
	if (strlen(text) != len || parse_value(text, ret_o, ret) < 0)
		return wrong_value(ret_o, name, value, len, error);
	return i;
}
