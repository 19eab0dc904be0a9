/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A platform's certificates: what they are, and whether they lead to AMD. */
#include <stdio.h>

#include "base/parse.h"
#include "base/text.h"
#include "inject/chain-input.h"
#include "inject/output.h"

#define HEX_LEN (2 * CHAIN_FINGERPRINT_LEN + 1)

/* Who signs what, and the check that says whether it holds. */
static const struct {
	enum chain_cert cert, by;
	const char *code;
} signatures[] = {
	{ CHAIN_ARK, CHAIN_ARK, "ark-selfsig" }, { CHAIN_ASK, CHAIN_ARK, "ask-sig" },
	{ CHAIN_CEK, CHAIN_ASK, "cek-sig" },	 { CHAIN_OCA, CHAIN_OCA, "oca-selfsig" },
	{ CHAIN_PEK, CHAIN_OCA, "pek-oca-sig" }, { CHAIN_PEK, CHAIN_CEK, "pek-cek-sig" },
	{ CHAIN_PDH, CHAIN_PEK, "pdh-sig" },
};

static const char *const states[] = {
	[CHAIN_GOOD] = "good",	   [CHAIN_SKIPPED] = "skipped",	    [CHAIN_UNDECIDED] = "undecided",
	[CHAIN_FAILED] = "failed", [CHAIN_MALFORMED] = "malformed",
};

static const char *usage_name(uint32_t usage)
{
	static const struct {
		uint32_t usage;
		const char *name;
	} names[] = {
		{ SEV_USAGE_ARK, "ARK" }, { SEV_USAGE_ASK, "ASK" }, { SEV_USAGE_OCA, "OCA" },
		{ SEV_USAGE_PEK, "PEK" }, { SEV_USAGE_PDH, "PDH" }, { SEV_USAGE_CEK, "CEK" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].usage == usage)
			return names[i].name;
	return "unknown";
}

static const char *algo_name(uint32_t algo)
{
	static const struct {
		uint32_t algo;
		const char *name;
	} names[] = {
		{ SEV_ALGO_RSA_SHA256, "rsa-sha256" },
		{ SEV_ALGO_ECDSA_SHA256, "ecdsa-sha256" },
		{ SEV_ALGO_ECDH_SHA256, "ecdh-sha256" },
		{ SEV_ALGO_RSA_SHA384, "rsa-sha384" },
		{ SEV_ALGO_ECDSA_SHA384, "ecdsa-sha384" },
		{ SEV_ALGO_ECDH_SHA384, "ecdh-sha384" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].algo == algo)
			return names[i].name;
	return "unknown";
}

/* What people see of a certificate. */
struct face {
	const char *usage, *algo, *size;
	char api[16];		/* "": it has none */
	char key_id[2 * AMD_CERT_KEY_ID_LEN + 1];	/* "": it has none */
	char fingerprint[HEX_LEN];
};

/* Returns 0; -EBADMSG if the certificate is too malformed to be shown; -ENOMEM. */
static int face_of(const struct chain *c, enum chain_cert which, struct face *ret)
{
	const uint8_t *p = c->certs[which].bytes;
	size_t len = c->certs[which].len;
	struct face f = { .usage = "" };
	struct bytes b = { p, len };
	uint8_t hash[CHAIN_FINGERPRINT_LEN];
	struct sev_cert sev;
	struct amd_cert amd;

	if (which == CHAIN_ARK || which == CHAIN_ASK) {
		if (amd_cert_next(&b, &amd) <= 0)
			return -EBADMSG;
		f.usage = usage_name(amd.usage);
		f.algo = algo_name(amd.n == 512 ? SEV_ALGO_RSA_SHA384 : SEV_ALGO_RSA_SHA256);
		f.size = amd.n == 512 ? "4096 bits" : "2048 bits";
		format_hex(amd.key_id, AMD_CERT_KEY_ID_LEN, f.key_id);
	} else {
		if (sev_cert_parse(p, len, &sev) < 0)
			return -EBADMSG;
		f.usage = usage_name(sev.usage);
		f.algo = algo_name(sev.algo);
		f.size = sev.curve == SEV_CURVE_P384 ? "P-384" : "P-256";
		snprintf(f.api, sizeof(f.api), "%u.%u", sev.api_major, sev.api_minor);
	}
	if (chain_fingerprint(p, len, hash) < 0)
		return -ENOMEM;
	format_hex(hash, sizeof(hash), f.fingerprint);
	*ret = f;
	return 0;
}

/* ---- JSON ---- */

/* @text may be NULL, which is null. */
static int add_text(struct json_object *o, const char *key, const char *text)
{
	return text ? json_add_text(o, key, text) : json_add_null(o, key);
}

static struct json_object *json_signatures(const struct chain_report *report, enum chain_cert which)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		struct json_object *o;

		if (signatures[i].cert != which)
			continue;
		o = json_object_new_object();
		r |= add_text(o, "by", chain_names[signatures[i].by]);
		r |= add_text(o, "state",
			      states[chain_state_of(report, signatures[i].code, which)]);
		r |= json_append(list, o);
	}
	return json_whole(list, r);
}

static struct json_object *json_cert(const struct chain *c, const struct chain_report *report,
				     enum chain_cert which)
{
	struct json_object *o = json_object_new_object();
	struct face f;
	int r = add_text(o, "name", chain_names[which]), e = face_of(c, which, &f);

	if (e == -ENOMEM)
		r = e;
	if (e == 0) {
		r |= add_text(o, "usage", f.usage);
		r |= add_text(o, "algorithm", f.algo);
		r |= add_text(o, "key", f.size);
		r |= add_text(o, "fingerprint", f.fingerprint);
		if (f.api[0])
			r |= add_text(o, "api", f.api);
		if (f.key_id[0])
			r |= add_text(o, "key_id", f.key_id);
	}
	r |= json_add(o, "signatures", json_signatures(report, which));
	return json_whole(o, r);
}

static struct json_object *json_certs(const struct chain *c, const struct chain_report *report)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (size_t i = 0; i < _CHAIN_MAX; i++)
		if (c->certs[i].len > 0)
			r |= json_append(list, json_cert(c, report, (enum chain_cert)i));
	return json_whole(list, r);
}

static struct json_object *json_checks(const struct chain_report *report)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (size_t i = 0; i < chain_n_checks(); i++) {
		const struct chain_check *check = chain_check(i);
		struct json_object *o;

		if (report->states[i] == CHAIN_SKIPPED)
			continue;
		o = json_object_new_object();
		r |= add_text(o, "code", check->code);
		r |= add_text(o, "certificate", chain_names[check->cert]);
		r |= add_text(o, "state", states[report->states[i]]);
		r |= json_append(list, o);
	}
	return json_whole(list, r);
}

static enum status print_json(const struct chain *c, const struct chain_report *report,
			      const struct chain_verdict *v)
{
	_cleanup_(json_putp) struct json_object *o = json_document("chain");
	int r = add_text(o, "result", chain_verdict_word(v));

	if (v->code) {
		r |= add_text(o, "code", v->code);
		r |= add_text(o, "certificate", v->cert);
		r |= add_text(o, "expected", v->expected);
		r |= add_text(o, "todo", v->todo);
	}
	if (report) {
		r |= add_text(o, "product", report->product);
		r |= add_text(o, "root",
			      report->anchored ? "anchor" :
			      report->product  ? "amd" :
						 "unknown");
		r |= json_add(o, "certificates", json_certs(c, report));
		r |= json_add(o, "checks", json_checks(report));
	}
	return output_json(r < 0 ? NULL : o);
}

/* ---- for people ---- */

static enum text_colour colour_of(enum chain_state state)
{
	return state == CHAIN_GOOD					? TEXT_GREEN :
	       state == CHAIN_FAILED || state == CHAIN_MALFORMED	? TEXT_RED :
									  TEXT_YELLOW;
}

static void print_signatures(const struct chain_report *report, enum chain_cert which)
{
	static const char *const text[] = {
		[CHAIN_GOOD] = "yes",
		[CHAIN_SKIPPED] = "not looked at",
		[CHAIN_UNDECIDED] = "not known",
		[CHAIN_FAILED] = "NO",
		[CHAIN_MALFORMED] = "NO",
	};

	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		enum chain_state state;

		if (signatures[i].cert != which)
			continue;
		state = chain_state_of(report, signatures[i].code, which);
		print("    signed by %s: ", signatures[i].by == which ?
						    "itself" :
						    chain_names[signatures[i].by]);
		print_coloured(colour_of(state), text[state]);
		print("\n");
	}
}

static void print_cert(const struct chain *c, const struct chain_report *report,
		       enum chain_cert which)
{
	struct face f;

	print("%s:", chain_names[which]);
	if (c->certs[which].len == 0) {
		print(" missing\n");
		return;
	}
	if (face_of(c, which, &f) < 0) {
		print(" malformed\n");
		return;
	}
	print(" %s, %s, %s%s%s\n", f.usage, f.algo, f.size, f.api[0] ? ", API " : "", f.api);
	print("    key sha256:%s\n", f.fingerprint);
	if (f.key_id[0])
		print("    key id %s\n", f.key_id);
	if (chain_state_of(report, "format", which) == CHAIN_MALFORMED) {
		print("    ");
		print_coloured(TEXT_RED, "THE KEY IS NONE");
		print("\n");
	}
	if (which == CHAIN_CEK &&
	    chain_state_of(report, "cek-unsigned", CHAIN_CEK) == CHAIN_UNDECIDED)
		print("    without AMD's signature, as the platform exports it; AMD's key server "
		      "has it signed\n");
	else
		print_signatures(report, which);
}

static void print_product(const struct chain_report *report)
{
	if (report->anchored)
		print("Root: the one of --anchor, not AMD's\n");
	else if (report->product)
		print("Root: AMD's, for %s\n", report->product);
	else
		print("Root: unknown\n");
}

/* ---- the verbs ---- */

/*
 * Read and verify.  Without a verdict of the checks, @report is meaningless and this is not
 * STATUS_GOOD.
 */
static enum status read_and_judge(const struct args *a, struct chain *c,
				  struct chain_report *report, struct chain_verdict *v)
{
	enum status status;
	struct cause why;

	*v = (struct chain_verdict){ .state = CHAIN_GOOD };
	status = give_up_if(chain_input(a, c, v, &why), &why);
	if (status != STATUS_GOOD) {
		/* A file that is wrong has a verdict too. */
		if (v->code && a->json)
			(void) print_json(c, NULL, v);
		return status;
	}
	if (why.text[0])
		log_error("%s", why.text);
	status = give_up_if(chain_judge(c, report, v, &why), &why);
	if (status == STATUS_GOOD && chain_warning(c))
		log_warning("%s", chain_warning(c));
	return status;
}

static int run_show(struct args *a)
{
	_cleanup_(freep) struct chain *c = calloc(1, sizeof(*c));
	struct chain_report report;
	struct chain_verdict v;
	enum status status;

	if (!c) {
		log_oom();
		return STATUS_IO;
	}
	status = read_and_judge(a, c, &report, &v);
	if (status != STATUS_GOOD)
		return status;
	if (a->json)
		return print_json(c, &report, &v);
	print_product(&report);
	for (size_t i = 0; i < _CHAIN_MAX; i++)
		print_cert(c, &report, (enum chain_cert)i);
	print("Verdict: ");
	print_coloured(colour_of(v.state), chain_verdict_word(&v));
	print("%s%s\n", v.code ? ", " : "", v.code ? v.code : "");
	return STATUS_GOOD;
}

static int run_verify(struct args *a)
{
	_cleanup_(freep) struct chain *c = calloc(1, sizeof(*c));
	struct chain_report report;
	struct chain_verdict v;
	enum status status, printed;
	struct face pdh;
	struct cause why;

	if (!c) {
		log_oom();
		return STATUS_IO;
	}
	status = read_and_judge(a, c, &report, &v);
	if (status != STATUS_GOOD)
		return status;
	status = give_up_if(chain_explain(&v, &why), &why);
	if (a->json) {
		printed = print_json(c, &report, &v);
		return printed == STATUS_GOOD ? status : printed;
	}
	if (status == STATUS_GOOD && face_of(c, CHAIN_PDH, &pdh) == 0) {
		print_product(&report);
		print("PDH sha256:%s\n", pdh.fingerprint);
		print_coloured(TEXT_GREEN, "Good");
		print(": all checks hold\n");
	}
	return status;
}

static const struct option_row options[] = { ROWS_CHAIN, ROW_COLOUR, ROW_JSON, { NULL } };

#define PATHS \
	{ .value = "PATH...", OPTION_LIST(words, 0), .required = true, .offer = offer_files }

const struct verb verb_chain_show = {
	.name = "chain show",
	.help = "Show a platform's certificates",
	.example = "platform.cert ask_ark_milan.cert",
	.words = PATHS,
	.options = options,
	.run = run_show,
};

const struct verb verb_chain_verify = {
	.name = "chain verify",
	.help = "Check that a platform's certificates lead to AMD",
	.example = "platform.cert ask_ark_milan.cert --cek=cek.cert",
	.words = PATHS,
	.options = options,
	.run = run_verify,
};
