/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "attest/bundle-evidence.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/attest.h"
#include "attest/bundle-file.h"
#include "cli/text-form.h"

void attest_args_done(struct attest_args *a)
{
	a->verifier = verifier_free(a->verifier);
	while (a->n_blocks > 0)
		free(a->blocks[--a->n_blocks]);
	bundle_done(&a->bundle);
	bundle_done(&a->cached);
}

/* ---- dates ---- */

int attest_parse_date(const char *text, void *ret)
{
	struct args_date date = { .given = true };

	if (time_parse(text, &date.date) < 0)
		return -EINVAL;
	*(struct args_date *)ret = date;
	return 0;
}

/* ---- files ---- */

/* If @block is hexadecimal or base64 text, replace it by the bytes that the text stands for. */
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
 * Read a file of at most @max bytes.  Returns 0; STATUS_USAGE if it cannot be read, which makes the
 * command line wrong; STATUS_MALFORMED if it is longer, because no evidence of that kind is.
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
		return STATUS_MALFORMED;
	}
	if (r < 0) {
		log_error_errno(r, "Failed to read '%s': %m", path);
		return STATUS_USAGE;
	}
	*ret = (struct bytes){ (const uint8_t *)block, len };
	a->blocks[a->n_blocks++] = TAKE_PTR(block);
	return 0;
}

/* Returns 0, STATUS_MALFORMED for a file that is no bundle, or STATUS_USAGE. */
static int read_bundle(struct attest_args *a, const char *path)
{
	const char *problem;
	int r;

	r = bundle_file_read(path, &a->bundle, &problem);
	if (r >= 0)
		return 0;
	log_error("Failed to read the bundle '%s': %s (%s)", path, problem, strerror(-r));
	return r == -EBADMSG || r == -EOPNOTSUPP || r == -ERANGE || r == -EMSGSIZE || r == -EFBIG ?
		       STATUS_MALFORMED :
		       STATUS_USAGE;
}

/*
 * The command line counts more than the bundle.  The sender of a bundle names its type.  To judge
 * it, that must be a type that hardware vouches for: otherwise the evidence would only have to
 * agree with itself.
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
		return STATUS_MALFORMED;
	}
	if (judging && !type_given && a->type->is_part) {
		log_error("The bundle says that it is of type '%s', which no hardware vouches for: "
			  "a bundle may be of snp, snp-table, tdx or azure; "
			  "if a part is what you want to look at, say --type=%s",
			  type, type);
		return STATUS_MALFORMED;
	}
	/* This cannot fail: what a sender sends too much is left out. */
	(void) bundle_evidence(&a->bundle, a->type, &a->evidence);
	return 0;
}

static int read_list(struct attest_args *a, const struct option_list *paths, size_t max_len,
		     struct bytes *list, unsigned *n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < paths->n; i++) {
		r = read_blob(a, paths->items[i], max_len, &list[*n]);
		if (r == 0)
			(*n)++;
	}
	return r;
}

/* Read the evidence, and the certificates and lists that come with it. */
static int read_evidence(struct attest_args *a)
{
	struct evidence *e = &a->evidence;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < _EVIDENCE_MAX; i++)
		if (a->o->pieces[i])
			r = read_blob(a, a->o->pieces[i], evidence_piece_max(i), &e->piece[i]);
	if (r == 0)
		r = read_list(a, &a->o->certs, EVIDENCE_CERT_LEN_MAX * 4, e->cert, &e->n_certs);
	if (r == 0)
		r = read_list(a, &a->o->crls, EVIDENCE_CRL_LEN_MAX * 2, e->crl, &e->n_crls);
	return r == 0 && a->o->bundle ? read_bundle(a, a->o->bundle) : r;
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
		log_error("Trust file '%s', line %u: it is neither SHA-256 in hexadecimal digits "
			  "nor a certificate in PEM",
			  path, line);
	else
		log_error_errno(r, "Failed to read trust file '%s': it is not a certificate in DER",
				path);
	return STATUS_USAGE;
}

/* Files for cocod's own cache are verified with the root keys that cocod trusts. */
static int read_fetch_trust(struct attest_args *a, const char *path)
{
	static const char *const places[] = { ATTEST_TRUST_PLACES };
	char own[PATH_MAX];

	for (size_t i = 0; !path && !a->o->cache && i < ARRAY_SIZE(places); i++) {
		struct stat st;

		(void) snprintf(own, sizeof(own), "%s/attest.trust", places[i]);
		if (stat(own, &st) < 0 && errno == ENOENT && lstat(own, &st) < 0)
			continue;
		/* An empty file, or /dev/null, means that there is no trust file. */
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
	if (!a->o->policy)
		return 0;
	r = read_file_at(AT_FDCWD, a->o->policy, POLICY_FILE_MAX, &text, &len);
	if (r < 0) {
		log_error_errno(r, "Failed to read policy file '%s': %m", a->o->policy);
		return STATUS_USAGE;
	}
	if (policies_parse(&a->policies, text, len, error) < 0) {
		log_error("Policy file '%s', %s", a->o->policy, error);
		return STATUS_USAGE;
	}
	return 0;
}

/* ---- the command line ---- */

static int set(struct attest_args *a, const char *setting)
{
	char error[POLICY_ERROR_LEN];

	if (policies_set(&a->policies, setting, error) == 0)
		return 0;
	log_error("'%s': %s; see 'cococtl attest verify --help'", setting, error);
	return STATUS_USAGE;
}

static int set_named(struct attest_args *a, const char *name, const char *value)
{
	_cleanup_(freep) char *setting = NULL;

	if (!value)
		return 0;
	if (asprintf(&setting, "%s=%s", name, value) < 0) {
		setting = NULL;
		(void) log_oom();
		return STATUS_USAGE;
	}
	return set(a, setting);
}

/* The command line counts more than the policy file. */
static int apply_settings(struct attest_args *a)
{
	int r;

	r = set_named(a, "nonce", a->o->nonce);
	if (r == 0)
		r = set_named(a, "report_data", a->o->report_data);
	for (size_t i = 0; r == 0 && i < a->o->settings.n; i++)
		r = set(a, a->o->settings.items[i]);
	return r;
}

static int no_such_type(const char *name)
{
	char list[256] = "", text[NEAREST_TEXT_MAX];
	struct nearest nearest;

	nearest_init(&nearest, name, strlen(name));
	for (size_t i = 0; attest_verifiers[i]; i++) {
		nearest_try(&nearest, attest_verifiers[i]->name);
		list_add_word(list, sizeof(list), attest_verifiers[i]->name);
	}
	log_error("There is no type '%s' among %s%s", name, list, nearest_text(&nearest, "", text));
	return STATUS_USAGE;
}

static int find_type(struct attest_args *a, const char *name)
{
	a->type = name ? attest_verifier_find(name) : NULL;
	if (a->type || !name)
		return 0;
	return no_such_type(name);
}

/* EVIDENCE_BIT()s of what is there. */
static unsigned pieces_of(const struct evidence *e)
{
	unsigned given = 0;

	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		if (e->piece[i].p)
			given |= EVIDENCE_BIT(i);
	return given;
}

/* True if @e is all that @t needs, and nothing that @t does not take. */
static bool fits(const struct attest_verifier *t, const struct evidence *e)
{
	unsigned given = pieces_of(e);

	return (t->needs & ~given) == 0 && (given & ~(t->needs | t->takes)) == 0 &&
	       (e->n_certs == 0 || t->takes_certs) && (e->n_crls == 0 || t->takes_crls);
}

/*
 * What evidence of the command line is, when nobody has said it.  A type that no hardware vouches
 * for is never a guess: its "good" means less than that of the others, which one has to want.
 * A certificate table comes with an SNP report that is judged in the same way without it, so that
 * the first type that fits is as good as the others.
 */
static int guess_type(struct attest_args *a)
{
	char list[256] = "", parts[256] = "";

	for (const struct attest_verifier *const *t = attest_verifiers; *t; t++) {
		list_add_word(list, sizeof(list), (*t)->name);
		if (!fits(*t, &a->evidence))
			continue;
		if ((*t)->is_part) {
			list_add_word(parts, sizeof(parts), (*t)->name);
			continue;
		}
		a->type = *t;
		log_notice("--type is not given: this is judged as evidence of type '%s'",
			   a->type->name);
		return 0;
	}
	if (pieces_of(&a->evidence) == 0)
		log_error("There is no evidence: --bundle=FILE has all of it, or name its pieces; "
			  "its --type is one of %s, and 'cococtl attest verify --help' shows the "
			  "pieces of each", list);
	else if (parts[0])
		log_error("--type is missing: this fits %s, which no hardware vouches for and "
			  "which therefore must be asked for", parts);
	else
		log_error("--type is missing, and this fits none of them, which are %s; "
			  "'cococtl attest verify --help' shows the evidence of each", list);
	return STATUS_USAGE;
}

static int take_cache(struct attest_args *a)
{
	if (!a->o->cache)
		return 0;
	if (attest_cache_newest(a->o->cache, &a->newest) < 0)
		return STATUS_UNDECIDED;
	if (attest_cache_read(a->o->cache, &a->evidence, &a->cached) < 0) {
		(void) log_oom();
		return STATUS_UNDECIDED;
	}
	if (bundle_evidence(&a->cached, a->type, &a->evidence) == 0)
		return 0;
	log_error("There are more than %d certificates or revocation lists on the command line and "
		  "in the cache",
		  EVIDENCE_OWN_MAX);
	return STATUS_USAGE;
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

int attest_args_read(const struct args *args, enum attest_mode mode, struct attest_args *a)
{
	bool judging = mode == ATTEST_MODE_VERIFY;
	int r;

	memset(a, 0, sizeof(*a));
	a->o = &args->attest;
	r = find_type(a, a->o->type);
	if (r == 0)
		r = read_evidence(a);
	if (r == 0)
		r = take_bundle(a, judging);
	if (r != 0)
		return r;
	if (judging && !a->type)
		r = guess_type(a);
	if (r == 0 && a->type)
		r = check_pieces(a);
	if (r == 0 && mode == ATTEST_MODE_FETCH)
		return read_fetch_trust(a, a->o->trust);
	if (r != 0 || !judging)
		return r;
	r = take_cache(a);
	if (r == 0)
		r = read_trust(a, a->o->trust);
	if (r == 0)
		r = read_policy(a);
	if (r == 0)
		r = apply_settings(a);
	a->now = a->o->at.given ? a->o->at.date : (int64_t)time(NULL);
	return r;
}

int attest_args_judge(struct attest_args *a, struct verdict *v)
{
	bool by_clock = !a->o->at.given;

	if (!a->verifier) {
		if (verifier_new(&a->trust, &a->verifier) < 0)
			return -ENOMEM;
		if (by_clock)
			verifier_set_newest(a->verifier, &a->newest);
	}
	return (by_clock ? attest_verify_by_clock : attest_verify)(
		a->verifier, a->type, &a->evidence, &a->policies, a->now, v);
}
