/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "attest/bundle-evidence.h"
#include "base/io.h"
#include "base/log.h"
#include "base/next-option.h"
#include "base/parse.h"
#include "cli/attest.h"
#include "cli/bundle-file.h"
#include "cli/text-form.h"

#define SETTINGS_MAX 64

enum {
	OPT_PIECE = 0x100,	/* + enum evidence_piece */
	OPT_TYPE = 0x200,
	OPT_BUNDLE,
	OPT_CERT,
	OPT_CRL,
	OPT_TRUST,
	OPT_AT,
	OPT_NONCE,
	OPT_REPORT_DATA,
	OPT_POLICY,
	OPT_SET,
	OPT_JSON,
	OPT_CACHE,
	OPT_KDS,
	OPT_PCS,
	OPT_CA,
	OPT_PRODUCT,
	OPT_OFFLINE,
	OPT_REFRESH,
	OPT_PRUNE,
	OPT_FORGET,
	OPT_TCB_UPDATE,
	OPT_TCB_EVALUATION,
	OPT_TIMEOUT,
	OPT_ROOT,
	OPT_TPM,
	OPT_IMDS,
};

/*
 * Settings are kept until the policy file is read, wherever it stands: what is said here goes
 * before it.
 */
struct settings {
	char *list[SETTINGS_MAX];	/* "NAME=VALUE" */
	unsigned n;
	const char *trust_file;
};

static void settings_done(struct settings *s)
{
	while (s->n > 0)
		free(s->list[--s->n]);
}

void attest_args_done(struct attest_args *a)
{
	while (a->n_blocks > 0)
		free(a->blocks[--a->n_blocks]);
	bundle_done(&a->bundle);
	bundle_done(&a->cached);
}

/* ---- dates ---- */

/* @n digits, moving on. */
static int take_number(const char **p, int n, int *ret)
{
	int v = 0;

	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return -EINVAL;
		v = 10 * v + (**p - '0');
	}
	*ret = v;
	return 0;
}

static int take_char(const char **p, const char *which)
{
	if (!**p || !strchr(which, **p))
		return -EINVAL;
	return *(*p)++;
}

/* "Z", or "+01:30", in seconds. */
static int take_zone(const char **p, int *ret)
{
	int sign = take_char(p, "Zz+-"), hours, minutes;

	*ret = 0;
	if (sign == 'Z' || sign == 'z')
		return 0;
	if (sign < 0 || take_number(p, 2, &hours) < 0 || take_char(p, ":") < 0 ||
	    take_number(p, 2, &minutes) < 0 || hours > 23 || minutes > 59)
		return -EINVAL;
	*ret = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return 0;
}

int attest_parse_date(const char *text, int64_t *ret)
{
	struct tm tm = { 0 }, again;
	int zone = 0, r;
	time_t t;

	r = take_number(&text, 4, &tm.tm_year);
	if (r < 0 || take_char(&text, "-") < 0 || take_number(&text, 2, &tm.tm_mon) < 0 ||
	    take_char(&text, "-") < 0 || take_number(&text, 2, &tm.tm_mday) < 0)
		return -EINVAL;
	if (*text) {
		if (take_char(&text, "Tt ") < 0 || take_number(&text, 2, &tm.tm_hour) < 0 ||
		    take_char(&text, ":") < 0 || take_number(&text, 2, &tm.tm_min) < 0 ||
		    take_char(&text, ":") < 0 || take_number(&text, 2, &tm.tm_sec) < 0)
			return -EINVAL;
		/* Fractions of a second decide nothing here. */
		if (*text == '.')
			for (text++; *text >= '0' && *text <= '9'; text++)
				;
		if (take_zone(&text, &zone) < 0 || *text)
			return -EINVAL;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	again = tm;
	t = timegm(&again);
	/* February 30 comes back as March 2. */
	if (again.tm_mday != tm.tm_mday || again.tm_mon != tm.tm_mon ||
	    again.tm_hour != tm.tm_hour || again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec)
		return -EINVAL;
	*ret = (int64_t)t - zone;
	return 0;
}

/* ---- files ---- */

/* @block's text becomes what is written in it, when it is the text form of something. */
static int decode_text(const char *path, char **block, size_t *len)
{
	struct bytes text = { (const uint8_t *)*block, *len };
	const char *form;
	uint8_t *data;
	int r;

	r = text_form_decode(text, &data, len, &form);
	if (r <= 0)
		return r;
	log_info("'%s' is %s: decoded", path, form);
	free(*block);
	*block = (char *)data;
	return 0;
}

/*
 * Who gives a file that cannot be read gave a wrong command line; one that is too long is no
 * such evidence.
 */
static int read_blob(struct attest_args *a, const char *path, size_t max, struct bytes *ret)
{
	_cleanup_(freep) char *block = NULL;
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, path, TEXT_FORM_MAX(max), &block, &len);
	if (r >= 0)
		r = decode_text(path, &block, &len);
	if (r == -EFBIG || (r >= 0 && len > max)) {
		log_error("'%s' has more than %zu bytes: it is no such evidence", path, max);
		return 2;
	}
	if (r < 0) {
		log_error_errno(r, "Failed to read '%s': %m", path);
		return STATUS_USAGE;
	}
	*ret = (struct bytes){ (const uint8_t *)block, len };
	a->blocks[a->n_blocks++] = TAKE_PTR(block);
	return 0;
}

static int read_piece(struct attest_args *a, enum evidence_piece piece, const char *path)
{
	if (a->evidence.piece[piece].p) {
		log_error("--%s is given twice", evidence_piece_name(piece));
		return STATUS_USAGE;
	}
	return read_blob(a, path, evidence_piece_max(piece), &a->evidence.piece[piece]);
}

/* 2 when it is no bundle, as for malformed evidence. */
static int read_bundle(struct attest_args *a, const char *path)
{
	const char *problem;
	int r;

	if (a->bundle.n_items > 0) {
		log_error("--bundle is given twice");
		return STATUS_USAGE;
	}
	r = bundle_file_read(path, &a->bundle, &problem);
	if (r >= 0)
		return 0;
	log_error("Failed to read the bundle '%s': %s (%s)", path, problem, strerror(-r));
	return r == -EBADMSG || r == -EOPNOTSUPP || r == -ERANGE || r == -EMSGSIZE || r == -EFBIG ?
		       2 :
		       STATUS_USAGE;
}

/*
 * What stands on the command line goes before what is in the bundle.  Its sender names the kind,
 * which must be one that hardware vouches for: a part would be judged by its own word alone.
 */
static int take_bundle(struct attest_args *a, bool judging)
{
	const char *type = bundle_text(&a->bundle, BUNDLE_TYPE);
	bool type_given = a->type;

	if (a->bundle.n_items == 0)
		return 0;
	if (!a->type)
		a->type = attest_verifier_find(type);
	if (!a->type) {
		log_error("The bundle's evidence is of type '%s', which cannot be verified", type);
		return 2;
	}
	if (judging && !type_given && a->type->is_part) {
		log_error("The bundle says that it is of type '%s', which no hardware vouches for: a bundle may be of snp, snp-table, tdx or azure; "
			  "if a part is what you want to look at, say --type=%s", type, type);
		return 2;
	}
	(void) bundle_evidence(&a->bundle, a->type, &a->evidence);	/* a sender's is never too much: it is left out */
	return 0;
}

static int read_one_of(struct attest_args *a, const char *option, struct bytes *list, unsigned *n,
		       unsigned max, size_t max_len, const char *path)
{
	int r;

	if (*n == max) {
		log_error("--%s can be given %u times at most", option, max);
		return STATUS_USAGE;
	}
	r = read_blob(a, path, max_len, &list[*n]);
	if (r == 0)
		(*n)++;
	return r;
}

static int read_trust(struct attest_args *a, const char *path)
{
	_cleanup_(freep) char *text = NULL;
	unsigned line;
	size_t len;
	int r;

	trust_init(&a->trust);
	if (!path)
		return 0;
	r = read_file_at(AT_FDCWD, path, TRUST_FILE_MAX, &text, &len);
	if (r < 0) {
		log_error_errno(r, "Failed to read trust file '%s': %m", path);
		return STATUS_USAGE;
	}
	r = trust_parse(text, len, path, &a->trust, &line);
	if (r == 0)
		return 0;
	if (r == -ENODATA)
		log_error("Trust file '%s' has no key: nothing could be accepted", path);
	else if (r == -EMSGSIZE)
		log_error("Trust file '%s' has more than %d keys, or is too long", path,
			  TRUST_PINS_MAX);
	else if (line > 0)
		log_error("Trust file '%s', line %u: it is neither SHA-256 in hexadecimal digits nor a certificate in PEM",
			  path, line);
	else
		log_error_errno(r, "Failed to read trust file '%s': it is no certificate in DER", path);
	return STATUS_USAGE;
}

/* Into cocod's own cache comes what cocod will trust. */
static int read_fetch_trust(struct attest_args *a, const char *path)
{
	static const char *const places[] = { ATTEST_TRUST_PLACES };
	char own[PATH_MAX];

	for (size_t i = 0; !path && !a->fetch.cache && i < ARRAY_SIZE(places); i++) {
		struct stat st;

		(void) snprintf(own, sizeof(own), "%s/attest.trust", places[i]);
		if (stat(own, &st) < 0 && errno == ENOENT && lstat(own, &st) < 0)
			continue;
		/* An empty one, or /dev/null, stands for none. */
		if (stat(own, &st) == 0 && st.st_size == 0)
			break;
		path = own;
	}
	return read_trust(a, path);
}

static int read_policy(struct attest_args *a)
{
	_cleanup_(freep) char *text = NULL;
	char error[POLICY_ERROR_LEN];
	size_t len;
	int r;

	policies_init(&a->policies);
	if (!a->policy_file)
		return 0;
	r = read_file_at(AT_FDCWD, a->policy_file, POLICY_FILE_MAX, &text, &len);
	if (r < 0) {
		log_error_errno(r, "Failed to read policy file '%s': %m", a->policy_file);
		return STATUS_USAGE;
	}
	if (policies_parse(&a->policies, text, len, error) < 0) {
		log_error("Policy file '%s', %s", a->policy_file, error);
		return STATUS_USAGE;
	}
	return 0;
}

/* ---- the command line ---- */

static int keep_setting(struct settings *s, const char *prefix, const char *value)
{
	if (s->n == SETTINGS_MAX) {
		log_error("There are more than %d settings; use a policy file", SETTINGS_MAX);
		return STATUS_USAGE;
	}
	if (asprintf(&s->list[s->n], "%s%s", prefix, value) < 0) {
		(void) log_oom();
		return STATUS_USAGE;
	}
	s->n++;
	return 0;
}

static int apply_settings(struct attest_args *a, const struct settings *s)
{
	char error[POLICY_ERROR_LEN];

	for (unsigned i = 0; i < s->n; i++) {
		if (policies_set(&a->policies, s->list[i], error) < 0) {
			log_error("'%s': %s; see 'cococtl attest --help'", s->list[i], error);
			return STATUS_USAGE;
		}
	}
	return 0;
}

static int parse_type(struct attest_args *a, const char *name)
{
	a->type = attest_verifier_find(name);
	if (a->type)
		return 0;
	log_error("There is no type '%s'; try 'cococtl attest --help'", name);
	return STATUS_USAGE;
}

static int parse_at(struct attest_args *a, const char *text)
{
	if (attest_parse_date(text, &a->now) == 0) {
		a->now_given = true;
		return 0;
	}
	log_error("'%s' is no date: --at takes 2026-01-31 or 2026-01-31T12:00:00Z", text);
	return STATUS_USAGE;
}

static int keep_text(const char **ret, const char *option, const char *value)
{
	if (!value[0]) {
		log_error("--%s is empty", option);
		return STATUS_USAGE;
	}
	*ret = value;
	return 0;
}

static int parse_timeout(struct attest_args *a, const char *text)
{
	if (parse_usec(text, &a->fetch.timeout_usec) == 0 && a->fetch.timeout_usec > 0)
		return 0;
	log_error("--timeout='%s' is no time: '30s', '500ms'", text);
	return STATUS_USAGE;
}

static int parse_update(struct attest_args *a, const char *text)
{
	if (streq(text, "early") || streq(text, "standard")) {
		a->fetch.update = text;
		return 0;
	}
	log_error("--tcb-update='%s' is neither early nor standard", text);
	return STATUS_USAGE;
}

static int parse_evaluation(struct attest_args *a, const char *text)
{
	if (parse_u32(text, &a->fetch.evaluation) == 0 && a->fetch.evaluation > 0)
		return 0;
	log_error("--tcb-evaluation='%s' is no tcbEvaluationDataNumber, which is 1 at least", text);
	return STATUS_USAGE;
}

static int take_cache(struct attest_args *a)
{
	if (!a->fetch.cache)
		return 0;
	if (attest_cache_newest(a->fetch.cache, &a->newest) < 0)
		return 3;
	if (attest_cache_read(a->fetch.cache, &a->evidence, &a->cached) < 0) {
		(void) log_oom();
		return 3;
	}
	if (bundle_evidence(&a->cached, a->type, &a->evidence) == 0)
		return 0;
	log_error("There are more than %d certificates or revocation lists on the command line and in the cache",
		  EVIDENCE_OWN_MAX);
	return STATUS_USAGE;
}

static int parse_option(struct cli *cli, struct attest_args *a, struct settings *s, int c)
{
	if (c >= OPT_PIECE && c < OPT_PIECE + _EVIDENCE_MAX)
		return read_piece(a, (enum evidence_piece)(c - OPT_PIECE), optarg);
	switch (c) {
	case OPT_TYPE:
		return parse_type(a, optarg);
	case OPT_BUNDLE:
		return read_bundle(a, optarg);
	case OPT_CERT:
		return read_one_of(a, "cert", a->evidence.cert, &a->evidence.n_certs,
				   EVIDENCE_OWN_MAX, EVIDENCE_CERT_LEN_MAX * 4, optarg);
	case OPT_CRL:
		return read_one_of(a, "crl", a->evidence.crl, &a->evidence.n_crls,
				   EVIDENCE_OWN_MAX, EVIDENCE_CRL_LEN_MAX * 2, optarg);
	case OPT_TRUST:
		s->trust_file = optarg;
		return 0;
	case OPT_AT:
		return parse_at(a, optarg);
	case OPT_NONCE:
		return keep_setting(s, "nonce=", optarg);
	case OPT_REPORT_DATA:
		return keep_setting(s, "report_data=", optarg);
	case OPT_POLICY:
		a->policy_file = optarg;
		return 0;
	case OPT_SET:
		return keep_setting(s, "", optarg);
	case OPT_JSON:
		cli->json = true;
		return 0;
	case OPT_CACHE:
		return keep_text(&a->fetch.cache, "cache", optarg);
	case OPT_KDS:
		return keep_text(&a->fetch.kds, "kds", optarg);
	case OPT_PCS:
		return keep_text(&a->fetch.pcs, "pcs", optarg);
	case OPT_CA:
		return keep_text(&a->fetch.ca, "ca", optarg);
	case OPT_PRODUCT:
		return keep_text(&a->fetch.product, "product", optarg);
	case OPT_OFFLINE:
		a->fetch.offline = true;
		return 0;
	case OPT_REFRESH:
		a->fetch.refresh = true;
		return 0;
	case OPT_PRUNE:
		a->fetch.prune = true;
		return 0;
	case OPT_FORGET:
		a->fetch.forget = true;
		return 0;
	case OPT_TCB_UPDATE:
		return parse_update(a, optarg);
	case OPT_TCB_EVALUATION:
		return parse_evaluation(a, optarg);
	case OPT_TIMEOUT:
		return parse_timeout(a, optarg);
	case OPT_ROOT:
		return keep_text(&a->fetch.root, "root", optarg);
	case OPT_TPM:
		return keep_text(&a->fetch.tpm, "tpm", optarg);
	case OPT_IMDS:
		return keep_text(&a->fetch.imds, "imds", optarg);
	}
	return STATUS_USAGE;
}

/* Beside those of the pieces that some type can make use of. */
#define IN(mode) (1u << ATTEST_MODE_##mode)

static const struct {
	unsigned modes;
	struct option option;
} mode_options[] = {
	{ IN(SHOW) | IN(VERIFY) | IN(FETCH), { "type", required_argument, NULL, OPT_TYPE } },
	{ IN(SHOW) | IN(VERIFY) | IN(FETCH), { "bundle", required_argument, NULL, OPT_BUNDLE } },
	{ IN(SHOW) | IN(VERIFY) | IN(FETCH), { "cert", required_argument, NULL, OPT_CERT } },
	{ IN(SHOW) | IN(VERIFY) | IN(FETCH), { "json", no_argument, NULL, OPT_JSON } },
	{ IN(VERIFY), { "crl", required_argument, NULL, OPT_CRL } },
	{ IN(VERIFY) | IN(FETCH), { "trust", required_argument, NULL, OPT_TRUST } },
	{ IN(VERIFY), { "at", required_argument, NULL, OPT_AT } },
	{ IN(VERIFY), { "nonce", required_argument, NULL, OPT_NONCE } },
	{ IN(VERIFY), { "report-data", required_argument, NULL, OPT_REPORT_DATA } },
	{ IN(VERIFY), { "policy", required_argument, NULL, OPT_POLICY } },
	{ IN(VERIFY), { "set", required_argument, NULL, OPT_SET } },
	{ IN(VERIFY) | IN(FETCH), { "cache", required_argument, NULL, OPT_CACHE } },
	{ IN(FETCH), { "kds", required_argument, NULL, OPT_KDS } },
	{ IN(FETCH), { "pcs", required_argument, NULL, OPT_PCS } },
	{ IN(FETCH), { "ca", required_argument, NULL, OPT_CA } },
	{ IN(FETCH), { "product", required_argument, NULL, OPT_PRODUCT } },
	{ IN(FETCH), { "offline", no_argument, NULL, OPT_OFFLINE } },
	{ IN(FETCH), { "refresh", no_argument, NULL, OPT_REFRESH } },
	{ IN(FETCH), { "prune", no_argument, NULL, OPT_PRUNE } },
	{ IN(FETCH), { "forget-newest", no_argument, NULL, OPT_FORGET } },
	{ IN(FETCH), { "tcb-update", required_argument, NULL, OPT_TCB_UPDATE } },
	{ IN(FETCH), { "tcb-evaluation", required_argument, NULL, OPT_TCB_EVALUATION } },
	{ IN(FETCH), { "timeout", required_argument, NULL, OPT_TIMEOUT } },
	{ IN(FETCH), { "root", required_argument, NULL, OPT_ROOT } },
	{ IN(FETCH), { "tpm", required_argument, NULL, OPT_TPM } },
	{ IN(FETCH), { "imds", required_argument, NULL, OPT_IMDS } },
};

#undef IN
#define OPTIONS_MAX (_EVIDENCE_MAX + ARRAY_SIZE(mode_options) + 1)

static void fill_options(struct option list[static OPTIONS_MAX], enum attest_mode mode)
{
	unsigned used = 0, n = 0;

	for (const struct attest_verifier *const *t = attest_verifiers; *t; t++)
		used |= (*t)->needs | (*t)->takes;
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		if (used & EVIDENCE_BIT(i))
			list[n++] = (struct option){ evidence_piece_name(i), required_argument,
						     NULL, OPT_PIECE + (int)i };
	for (unsigned i = 0; i < ARRAY_SIZE(mode_options); i++)
		if (mode_options[i].modes & 1u << mode)
			list[n++] = mode_options[i].option;
	list[n] = (struct option){ NULL };
}

static int check_pieces(const struct attest_args *a)
{
	const struct evidence *e = &a->evidence;

	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		if (e->piece[i].p && !((a->type->needs | a->type->takes) & EVIDENCE_BIT(i))) {
			log_error("Evidence of type '%s' has no --%s", a->type->name,
				  evidence_piece_name(i));
			return STATUS_USAGE;
		}
	if ((e->n_certs > 0 && !a->type->takes_certs) || (e->n_crls > 0 && !a->type->takes_crls)) {
		log_error("Evidence of type '%s' has no --%s", a->type->name,
			  e->n_certs > 0 && !a->type->takes_certs ? "cert" : "crl");
		return STATUS_USAGE;
	}
	return 0;
}

int attest_args_parse(struct cli *cli, struct attest_args *a, enum attest_mode mode, int argc,
		      char **argv)
{
	_cleanup_(settings_done) struct settings s = { .n = 0 };
	bool judging = mode == ATTEST_MODE_VERIFY;
	struct option options[OPTIONS_MAX];
	int c, r;

	memset(a, 0, sizeof(*a));
	fill_options(options, mode);
	optind = 0;
	while ((c = next_option(argc, argv, "", options)) >= 0) {
		r = parse_option(cli, a, &s, c);
		if (r != 0)
			return r;
	}
	if (optind < argc) {
		log_error("'%s' is no option; evidence is named by --report and the like, see 'cococtl attest --help'",
			  argv[optind]);
		return STATUS_USAGE;
	}
	r = take_bundle(a, judging);
	if (r != 0)
		return r;
	if (judging && !a->type) {
		log_error("--type is missing: it says what the evidence is");
		return STATUS_USAGE;
	}
	r = a->type ? check_pieces(a) : 0;
	if (r == 0 && mode == ATTEST_MODE_FETCH)
		return read_fetch_trust(a, s.trust_file);
	if (r != 0 || !judging)
		return r;
	r = take_cache(a);
	if (r == 0)
		r = read_trust(a, s.trust_file);
	if (r == 0)
		r = read_policy(a);
	if (r == 0)
		r = apply_settings(a, &s);
	if (r == 0 && !a->now_given)
		a->now = (int64_t)time(NULL);
	return r;
}
