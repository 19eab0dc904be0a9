/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The session of one launch: what the host gives to QEMU, and the keys that the owner keeps. */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/parse.h"
#include "crypto/cleanup.h"
#include "inject/chain-input.h"
#include "inject/output.h"
#include "inject/sev/session.h"
#include "inject/sev/sev-key.h"
#include "sev/sev-policy.h"

#define NAME_MAX_LEN 200

static const char *const suffixes[] = { "godh.b64", "session.b64", "tek.bin", "tik.bin" };

static enum status read_policy(const struct args *a, uint32_t *ret)
{
	const char *text = a->policy;
	char words[SEV_POLICY_TEXT_MAX];
	uint32_t policy;
	int r;

	r = sev_policy_parse(text, &policy);
	if (r == -ERANGE)
		return give_up(STATUS_USAGE,
			       "--policy '%s' is too large: 32 bits, and each number of "
			       "api=MAJOR.MINOR to 255",
			       text);
	if (r == -EOPNOTSUPP)
		return give_up(STATUS_USAGE,
			       "--policy '%s' has reserved bits; bits 0 to 5 and 16 to 31 have a "
			       "meaning",
			       text);
	if (r < 0)
		return give_up(STATUS_USAGE,
			       "--policy '%s' is not a number, nor of the names nodbg, noks, es, "
			       "nosend, domain, sev, api=MAJOR.MINOR, with commas between",
			       text);
	log_info("Policy 0x%08x: %s", policy, sev_policy_print(policy, words));
	if (!(policy & SEV_POLICY_NODBG) && !a->allow_debug)
		return give_up(STATUS_CHECK,
			       "The policy lets the host read and write the guest's memory in the "
			       "clear: add nodbg, or --allow-debug if that is what you want");
	if (!(policy & SEV_POLICY_NODBG))
		log_warning("The policy has no nodbg: the host can read everything in the guest "
			    "(--allow-debug)");
	if (!(policy & SEV_POLICY_NOSEND))
		log_warning("The policy has no nosend: the host may send the guest to another "
			    "machine");
	*ret = policy;
	return STATUS_GOOD;
}

/* With --chain all checks must pass, without it only those of the PDH. */
static enum status judge(const struct args *a, const struct chain *c)
{
	struct chain_report report;
	struct chain_verdict v;
	enum status status;
	struct cause why;

	status = give_up_if(chain_judge(c, &report, &v, &why), &why);
	if (status != STATUS_GOOD)
		return status;
	if (chain_warning(c))
		log_warning("%s", chain_warning(c));
	if (a->words.n > 0)
		return give_up_if(chain_explain(&v, &why), &why);
	for (size_t i = 0; i < chain_n_checks(); i++) {
		const struct chain_check *check = chain_check(i);

		if (check->cert == CHAIN_PDH && report.states[i] >= CHAIN_FAILED)
			return give_up(report.states[i] == CHAIN_FAILED ? STATUS_CHECK :
									  STATUS_MALFORMED,
				       "The PDH is not good (%s): expected that %s; %s",
				       check->code, check->expected, check->todo);
	}
	log_warning("The PDH was not verified: give its platform's certificates as --chain, or use "
		    "'coco-inject chain verify'");
	return STATUS_GOOD;
}

/* --pdh is a PDH, or an export with a PDH.  With --chain both must have the same PDH. */
static enum status read_certs(const struct args *a, struct chain *c)
{
	_cleanup_(freep) struct chain *own = calloc(1, sizeof(*own));
	const char *path = a->pdh;
	struct chain_verdict v;
	enum status status;
	struct cause why;

	if (!own) {
		log_oom();
		return STATUS_IO;
	}
	status = give_up_if(chain_input_path(path, own, &v, &why), &why);
	if (status != STATUS_GOOD)
		return status;
	if (own->certs[CHAIN_PDH].len == 0)
		return give_up(STATUS_MALFORMED, "There is no PDH in '%s'", path);
	if (a->words.n > 0) {
		status = give_up_if(chain_input(a, c, &v, &why), &why);
		if (status != STATUS_GOOD)
			return status;
		if (why.text[0])
			log_error("%s", why.text);
	}
	if (chain_add(c, own->certs[CHAIN_PDH].bytes, SEV_CERT_LEN, CHAIN_PDH, NULL) < 0)
		return give_up(STATUS_CHECK, "The PDH in '%s' is not the one of --chain", path);
	return judge(a, c);
}

static enum status make_session(const struct chain *c, uint32_t policy, struct session *ret)
{
	_cleanup_(pkey_freep) EVP_PKEY *pdh = NULL;
	struct sev_cert cert;
	int r;

	r = sev_cert_parse(c->certs[CHAIN_PDH].bytes, c->certs[CHAIN_PDH].len, &cert);
	if (r == 0)
		r = sev_cert_key(&cert, &pdh);
	if (r == 0)
		r = session_new(pdh, policy, ret);
	if (r < 0) {
		log_error_errno(r, "Failed to make the session, for which memory has to be locked, "
				   "see ulimit -l: %m");
		return STATUS_IO;
	}
	return STATUS_GOOD;
}

static enum status write_session(const struct args *a, const struct session *s,
				 char paths[][NAME_MAX_LEN + 32])
{
	_cleanup_(freep) char *godh = NULL, *blob = NULL;
	struct cause why;

	if (base64_encode(s->godh, sizeof(s->godh), &godh) < 0 ||
	    base64_encode(s->blob, sizeof(s->blob), &blob) < 0) {
		log_oom();
		return STATUS_IO;
	}
	const struct output files[] = {
		{ paths[0], godh, strlen(godh), 0644 },
		{ paths[1], blob, strlen(blob), 0644 },
		{ paths[2], secret_data(s->tek), secret_len(s->tek), 0600 },
		{ paths[3], secret_data(s->tik), secret_len(s->tik), 0600 },
	};

	return give_up_if(output_files(a, files, ARRAY_SIZE(files), &why), &why);
}

/* Remove the mark of an earlier session with this name: these keys are new. */
static enum status forget_use(const char *name)
{
	char path[NAME_MAX_LEN + 32];

	snprintf(path, sizeof(path), "%s_session.used", name);
	if (unlink(path) < 0 && errno != ENOENT) {
		log_error_errno(errno, "Failed to remove '%s', which is of the session before: %m",
				path);
		return STATUS_IO;
	}
	return STATUS_GOOD;
}

static enum status print_result(const struct args *a, uint32_t policy,
				char paths[][NAME_MAX_LEN + 32])
{
	static const char *const keys[] = { "godh", "session", "tek", "tik" };
	_cleanup_(json_putp) struct json_object *o = NULL;
	char words[SEV_POLICY_TEXT_MAX];

	log_info("Wrote '%s' and '%s' for the host, '%s' and '%s' for yourself: they are for one "
		 "launch",
		 paths[0], paths[1], paths[2], paths[3]);
	if (!a->json)
		return STATUS_GOOD;
	o = json_document("session");
	if (!o || json_add_unsigned(o, "policy", policy) < 0 ||
	    json_add_text(o, "policy_words", sev_policy_print(policy, words)) < 0 ||
	    json_add_bool(o, "verified", a->words.n > 0) < 0)
		return output_json(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (json_add_text(o, keys[i], paths[i]) < 0)
			return output_json(NULL);
	return output_json(o);
}

static int run(struct args *a)
{
	_cleanup_(session_done) struct session s = { .tek = NULL };
	_cleanup_(freep) struct chain *c = calloc(1, sizeof(*c));
	char paths[ARRAY_SIZE(suffixes)][NAME_MAX_LEN + 32];
	const char *name = a->name;
	enum status status;
	uint32_t policy;

	if (!c) {
		log_oom();
		return STATUS_IO;
	}
	if (!name_is_valid(name, NAME_MAX_LEN))
		return give_up(STATUS_USAGE,
			       "--name '%s' is not a name: letters, digits, '.', '_' and '-', not "
			       "beginning with '.' or '-'",
			       name);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s_%s", name, suffixes[i]);

	status = read_policy(a, &policy);
	if (status == STATUS_GOOD)
		status = read_certs(a, c);
	if (status == STATUS_GOOD)
		status = make_session(c, policy, &s);
	if (status == STATUS_GOOD)
		status = write_session(a, &s, paths);
	if (status == STATUS_GOOD)
		status = forget_use(name);
	if (status == STATUS_GOOD)
		status = print_result(a, policy, paths);
	return status;
}

static const struct option_row options[] = {
	{ "pdh", "FILE", "the platform's PDH", OPTION_PATH(pdh), .required = true },
	ROW_POLICY(.required = true),
	{ "name", "VM", "the VM's name, with which the names of a session's files begin",
	  OPTION_STRING(name), .required = true },
	{ "chain", "PATH", "verify these certificates first; may be repeated",
	  OPTION_LIST(words, 0) },
	ROWS_CHAIN,
	ROW_ALLOW_DEBUG,
	ROW_FORCE,
	ROW_JSON,
	{ NULL },
};

const struct verb verb_session = {
	.name = "session",
	.help = "Make the keys of one launch, and what QEMU needs to start it with them",
	.example = "--pdh=platform.cert --policy=nodbg,noks,es,nosend --name=vm",
	.options = options,
	.run = run,
};
