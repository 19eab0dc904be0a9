/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/attest-check.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "agent/collateral.h"
#include "agent/worker/collateral-check.h"
#include "attest/policy.h"
#include "attest/verify.h"
#include "base/io.h"
#include "base/log.h"

struct attest_check {
	const char *root;
	struct trust trust;
	struct newest newest;
	struct check_report report;
};

static void check_done(struct attest_check *c)
{
	check_report_done(&c->report);
}

/* ---- policy and trust ---- */

static bool open_file(struct attest_check *c, const char *name, size_t max, struct config_file *ret)
{
	int r = config_file_read(CONFIG_ROOT(c->root), name, max, ret);

	if (r < 0)
		check_problem(&c->report, ret->path, 0, "%s", config_file_error(r));
	return r > 0;
}

/* True if the policy can accept evidence of that kind.  Prints what it can and cannot accept. */
static bool check_kind(const char *path, const struct policy *p,
		       const struct policy_identity *identities)
{
	enum verdict_identity identity = policy_identity_asked(p, identities);
	const char *foreign = policy_foreign_option(p);

	if (!p->has_own || !p->has_option)
		return false;
	if (foreign) {
		print("%s: refuses all evidence of %s, which nobody can judge by %s=: give that in "
		      "a section of its kind\n",
		      path, p->kind->name, foreign);
		return false;
	}
	if (identity == IDENTITY_WHOLE ||
	    (identity == IDENTITY_PARTIAL && p->allow & ALLOW_PARTIAL_IDENTITY)) {
		print("%s: judges evidence of %s%s\n", path, p->kind->name,
		      identity == IDENTITY_WHOLE ?
			      "" :
			      ", by an identity that may not cover all that runs");
		return true;
	}
	print("%s: refuses all evidence of %s, for it names %s: %s is missing\n", path,
	      p->kind->name,
	      identity == IDENTITY_NONE ?
		      "no identity of what runs" :
		      "an identity that may not cover kernel, initrd and cmdline",
	      p->kind->identity);
	return false;
}

static void check_kinds(struct attest_check *c, const char *path, const struct policies *ps)
{
	unsigned n = 0;

	for (const struct attest_verifier *const *type = attest_verifiers; *type; type++)
		for (size_t k = 0;
		     (*type)->opens_gate && k < ARRAY_SIZE((*type)->kinds) && (*type)->kinds[k];
		     k++)
			n += check_kind(path, policies_find(ps, (*type)->kinds[k]),
					(*type)->identities);
	if (n == 0)
		check_problem(&c->report, path, 0,
			      "By this policy no evidence is ever accepted: it "
			      "names no identity of what "
			      "runs, in [snp], [tdx] or [azure]");
}

static void check_policy(struct attest_check *c)
{
	char error[POLICY_ERROR_LEN];
	struct config_file f;
	struct policies p;
	unsigned line;
	int n = 0;

	if (!open_file(c, ATTEST_POLICY_FILE, ATTEST_POLICY_MAX, &f))
		return;
	policies_init(&p);
	if (policies_parse(&p, f.text, f.len, error) < 0) {
		if (sscanf(error, "line %u: %n", &line, &n) == 1 && n > 0)
			check_problem(&c->report, f.path, line, "%s", error + n);
		else
			check_problem(&c->report, f.path, 0, "%s", error);
	} else {
		check_kinds(c, f.path, &p);
	}
	config_file_done(&f);
}

static void check_trust(struct attest_check *c)
{
	struct config_file f;
	unsigned line = 0;
	int r;

	trust_init(&c->trust);
	if (!open_file(c, ATTEST_TRUST_FILE, ATTEST_TRUST_MAX, &f))
		return;
	r = trust_parse(f.text, f.len, ATTEST_TRUST_FILE, &c->trust, &line);
	if (r == -ENOMEM)
		c->report.oom = true;
	else if (r == -ENODATA)
		check_problem(&c->report, f.path, 0,
			      "It has no key; remove the file to use the built-in keys");
	else if (r == -EMSGSIZE)
		check_problem(&c->report, f.path, line, "There are more than %d keys",
			      TRUST_PINS_MAX);
	else if (r < 0)
		check_problem(&c->report, f.path, line,
			      "It is neither a key's SHA-256 of 64 hexadecimal digits, nor a "
			      "certificate, nor a comment");
	else
		print("%s: %u root key%s, in place of the built-in ones\n", f.path,
		       c->trust.n_pins, c->trust.n_pins == 1 ? "" : "s");
	config_file_done(&f);
}

/* ---- the memory ---- */

static void read_newest(struct attest_check *c)
{
	static const char path_format[] = "%s" COLLATERAL_CACHE "/" NEWEST_FILE;
	char error[NEWEST_ERROR_LEN], path[PATH_MAX];
	struct config_file f = { .text = NULL };
	int r = -ENAMETOOLONG;

	if ((size_t)snprintf(path, sizeof(path), path_format, c->root) < sizeof(path))
		r = config_file_read_path(CONFIG_ROOT(c->root), path, NEWEST_FILE_MAX, &f);
	if (r < 0)
		check_problem(&c->report, path, 0, "%s", config_file_error(r));
	else if (r > 0 && newest_parse(f.text, f.len, &c->newest, error) < 0)
		check_problem(&c->report, path, 0,
			      "The memory of what was verified is damaged: "
			      "%s; 'cococtl attest fetch "
			      "--forget-newest' begins a new one",
			      error);
	config_file_done(&f);
}

/* ---- all ---- */

/* Collect what a judgement would get: it may be too much. */
static void check_size(struct attest_check *c)
{
	_cleanup_(bundle_done) struct bundle b = { .n_items = 0 };
	_cleanup_(closep) int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct cause why = { "" };
	int r;

	if (c->report.n_errors > 0)
		return;
	r = collateral_add(c->root, /* need_policy= */ false, &b, &why);
	if (r == 0)
		r = bundle_write_pack(&b, fd);
	if (r == -EMSGSIZE && !why.text[0])
		(void) cause_set(&why, r, "together the files are larger than %d bytes",
				 BUNDLE_PACK_MAX);
	if (r < 0)
		check_problem(&c->report, c->root[0] ? c->root : "/", 0, "%s",
			      why.text[0] ? why.text : strerror(-r));
}

int attest_check(const char *root)
{
	_cleanup_(check_done) struct attest_check c = { .root = root };
	int64_t now;

	check_policy(&c);
	check_trust(&c);
	read_newest(&c);
	now = attest_clock((int64_t)time(NULL), &c.newest, &c.trust);
	collateral_check(root, &c.trust, &c.newest, now, &c.report);
	check_size(&c);
	return c.report.oom ? -ENOMEM : (int)c.report.n_errors;
}
