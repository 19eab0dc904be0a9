/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/policy.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/parse.h"

#define OPTION_LEN 4096	/* of one NAME=VALUE */

struct word {
	const char *word;
	uint32_t bit;
	unsigned about;
};

static const struct word allow_words[] = {
	{ "debug", ALLOW_DEBUG, ABOUT_SNP | ABOUT_TDX },
	{ "migrate", ALLOW_MIGRATE, ABOUT_SNP },
	{ "masked", ALLOW_MASKED, ABOUT_SNP },
	{ "servicetd", ALLOW_SERVICE_TD, ABOUT_TDX },
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

enum kind {
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
	enum kind kind;
	size_t offset;
	size_t size;	/* of struct policy's member, to be replaced as a whole */
	unsigned n;	/* bytes, numbers, or one past the highest index */
	unsigned about;
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
	{ "allow", KIND_WORDS, MEMBER(allow), 0, ~0u, allow_words, "debug, migrate, masked, servicetd, with commas" },
	{ "forbid", KIND_WORDS, MEMBER(forbid), 0, ~0u, forbid_words, "vlek, provisional, with commas" },
	{ "require", KIND_WORDS, MEMBER(require), 0, ~0u, require_words, "sept, crl, with commas" },
};

/* "pcrN" is made, not listed: 24 rows would say nothing. */
#define PCR_INDEX ARRAY_SIZE(options)

void policy_init(struct policy *p)
{
	*p = (struct policy){
		.max_vmpl = { true, 3 },
		.accept = 1u << TCB_UP_TO_DATE,
	};
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
	(void) snprintf(prefixed, sizeof(prefixed), "%s%s", startswith(text, "0x") ? "" : "0x", text);
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

/* The row of @name; @buf takes the one of a PCR, which is no row.  The index of it, or -ENOENT. */
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
	*ret = (struct option){ "pcrN", KIND_HEX, MEMBER(pcr[0]), 32, ABOUT_TPM, NULL, "HEX, 32 bytes" };
	ret->offset += n * sizeof(struct policy_values);
	return (int)(PCR_INDEX + n);
}

/* As policy_set(), over bytes without an end; returns the option's index too. */
static int set_option(struct policy *p, const char *assignment, size_t len, char *error)
{
	/* The largest member; a value that is wrong in its middle must not be there by half. */
	union {
		struct policy_values values;
		struct policy_number number;
		struct policy_tcb tcb;
		uint32_t bits;
	} value;
	char text[OPTION_LEN], *name = text, *eq;
	struct option o;
	int i;

	if (len >= sizeof(text))
		return complain(error, -EINVAL, "it is longer than %zu bytes", sizeof(text) - 1);
	if (memchr(assignment, '\0', len))
		return complain(error, -EINVAL, "it has a NUL byte");
	memcpy(text, assignment, len);
	text[len] = '\0';
	eq = strchr(text, '=');
	if (!eq)
		return complain(error, -EINVAL, "'%.40s' is not NAME=VALUE", text);
	*eq = '\0';
	i = find_option(name, &o);
	if (i < 0)
		return complain(error, i, "there is no policy option '%.40s'", name);
	memset(&value, 0, sizeof(value));
	assert(o.size <= sizeof(value));
	if (parse_value(eq + 1, &o, &value) < 0)
		return complain(error, -EINVAL, "the value of '%.40s' must be %s", name, o.value);
	memcpy((uint8_t *)p + o.offset, &value, o.size);
	return i;
}

int policy_set(struct policy *p, const char *assignment, char error[static POLICY_ERROR_LEN])
{
	int r = set_option(p, assignment, strlen(assignment), error);

	return r < 0 ? r : 0;
}

static bool words_are_about(const char *value, const struct word *words, unsigned subjects)
{
	for (; words->word; words++) {
		const char *found = strstr(value, words->word);

		if (found && !(words->about & subjects))
			return false;
	}
	return true;
}

bool policy_is_about(const char *assignment, unsigned subjects)
{
	const char *eq = strchr(assignment, '=');
	char name[OPTION_LEN];
	struct option o;

	if (!eq || (size_t)(eq - assignment) >= sizeof(name))
		return false;
	memcpy(name, assignment, (size_t)(eq - assignment));
	name[eq - assignment] = '\0';
	if (find_option(name, &o) < 0 || !(o.about & subjects))
		return false;
	return o.kind != KIND_WORDS || words_are_about(eq + 1, o.words, subjects);
}

/* ---- the file ---- */

static void trim(struct bytes *b)
{
	while (b->len > 0 && strchr(" \t\r", b->p[0]) && b->p[0])
		(void) bytes_skip(b, 1);
	while (b->len > 0 && strchr(" \t\r", b->p[b->len - 1]) && b->p[b->len - 1])
		b->len--;
}

/* "NAME = VALUE" becomes "NAME=VALUE", as INI files may have it. */
static size_t squeeze(struct bytes line, char *buf, size_t size)
{
	const uint8_t *eq = memchr(line.p, '=', line.len);
	struct bytes name = { line.p, eq ? (size_t)(eq - line.p) : line.len };
	struct bytes value = { eq ? eq + 1 : NULL, eq ? line.len - name.len - 1 : 0 };

	trim(&name);
	trim(&value);
	if (name.len + value.len + 1 >= size)
		return 0;
	memcpy(buf, name.p, name.len);
	if (!eq)
		return name.len;
	buf[name.len] = '=';
	if (value.len > 0)
		memcpy(buf + name.len + 1, value.p, value.len);
	return name.len + 1 + value.len;
}

static int parse_line(struct policy *p, struct bytes line, uint64_t *seen, char *error)
{
	static const char section[] = "[Policy]";
	char buf[OPTION_LEN];
	size_t len;
	int i;

	trim(&line);
	if (line.len == 0 || line.p[0] == '#' || line.p[0] == ';')
		return 0;
	if (line.p[0] == '[') {
		if (line.len != strlen(section) || memcmp(line.p, section, line.len) != 0)
			return complain(error, -EINVAL, "the only section is [Policy]");
		return 0;
	}
	len = squeeze(line, buf, sizeof(buf));
	if (len == 0)
		return complain(error, -EINVAL, "it is longer than %zu bytes", sizeof(buf) - 1);
	i = set_option(p, buf, len, error);
	if (i < 0)
		return i;
	/* Which of two would hold is nothing to guess about. */
	if (seen[i / 64] & 1ull << i % 64)
		return complain(error, -EINVAL, "this option is set a second time");
	seen[i / 64] |= 1ull << i % 64;
	return 0;
}

int policy_parse(struct policy *p, const void *text, size_t len, char error[static POLICY_ERROR_LEN])
{
	uint64_t seen[(PCR_INDEX + POLICY_PCRS) / 64 + 1] = { 0 };
	struct bytes rest = { text, len };
	struct policy copy = *p;
	unsigned n = 0;

	if (len > POLICY_FILE_MAX)
		return complain(error, -EMSGSIZE, "a policy file has at most %d bytes",
				POLICY_FILE_MAX);
	while (rest.len > 0) {
		const uint8_t *end = memchr(rest.p, '\n', rest.len);
		struct bytes line = { rest.p, end ? (size_t)(end - rest.p) : rest.len };
		char why[POLICY_ERROR_LEN];

		(void) bytes_skip(&rest, line.len + (end ? 1 : 0));
		n++;
		if (parse_line(&copy, line, seen, why) < 0)
			return complain(error, -EBADMSG, "line %u: %.130s", n, why);
	}
	*p = copy;
	return 0;
}

/* ---- checks ---- */

void policy_check_values(struct verdict *v, const struct policy_values *want, const char *code,
			 const char *name, const void *found, size_t len)
{
	const char *expected;
	bool good = false;

	if (want->n == 0) {
		verdict_skip(v, name, "not asked for");
		return;
	}
	for (unsigned i = 0; i < want->n; i++)
		good |= want->len[i] == len && CRYPTO_memcmp(want->b[i], found, len) == 0;
	expected = good ? NULL : verdict_hex(v, want->b[0], want->len[0]);
	if (!good && want->n > 1)
		expected = verdict_text(v, "%s or one of %u more", expected, want->n - 1u);
	(void) verdict_check(v, good, VERDICT_REFUSED, code, name, expected,
			     verdict_hex(v, found, len));
}

void policy_check_nonce(struct verdict *v, const struct policy *p, const uint8_t found[static 64])
{
	struct policy_values padded = p->nonce;

	/* The bytes past a value's length are zero. */
	for (unsigned i = 0; i < padded.n; i++)
		padded.len[i] = 64;
	policy_check_values(v, &padded, "NONCE", "report data is the nonce", found, 64);
}

void policy_check_min(struct verdict *v, const struct policy_number *min, const char *code,
		      const char *name, uint64_t found)
{
	const char *what = verdict_text(v, "%llu", (unsigned long long)found);

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
