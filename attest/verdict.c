/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/verdict.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/parse.h"

struct verdict *verdict_new(void)
{
	struct verdict *v = malloc(sizeof(*v));

	if (v)
		verdict_reset(v);
	return v;
}

struct verdict *verdict_free(struct verdict *v)
{
	free(v);
	return NULL;
}

/*
 * The arrays are not cleared: nobody reads past the counters, and clearing them for each
 * verification would take time.
 */
void verdict_reset(struct verdict *v)
{
	v->result = VERDICT_UNDECIDED;
	v->code = "NONE";
	v->first_failed = -1;
	v->authentic = v->consistent = false;
	v->identity = IDENTITY_NONE;
	v->policy = NULL;
	memset(v->judged, 0, sizeof(v->judged));
	memset(v->held, 0, sizeof(v->held));
	memset(v->judged_words, 0, sizeof(v->judged_words));
	v->tcb_status = TCB_STATUS_NONE;
	v->shortfall.is_known = v->shortfall.module_alone = false;
	v->shortfall.status = v->shortfall.date = "";
	v->shortfall.n = 0;
	v->trust_replaced = false;
	v->trust = "";
	v->now = 0;
	v->n_checks = v->n_claims = 0;
	v->truncated = v->no_memory = false;
	v->text_len = 0;
}

static const char *no_room(struct verdict *v)
{
	v->truncated = true;
	return "...";
}

const char *verdict_text(struct verdict *v, const char *format, ...)
{
	size_t room = sizeof(v->text) - v->text_len;
	char *text = v->text + v->text_len;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, room, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		return no_room(v);
	v->text_len += (size_t)n + 1;
	return text;
}

const char *verdict_hex(struct verdict *v, const void *p, size_t len)
{
	size_t room = sizeof(v->text) - v->text_len;
	char *text = v->text + v->text_len;

	if (len >= room / 2)
		return no_room(v);
	format_hex(p, len, text);
	v->text_len += 2 * len + 1;
	return text;
}

/*
 * A verdict lives longer than what was judged, so texts are copied, unless they are the verdict's
 * own already.
 */
static const char *keep(struct verdict *v, const char *text)
{
	if (!text || !text[0])
		return "";
	if (text >= v->text && text < v->text + sizeof(v->text))
		return text;
	return verdict_text(v, "%s", text);
}

static void add_check(struct verdict *v, const struct verdict_check *check)
{
	if (v->n_checks == ARRAY_SIZE(v->checks)) {
		v->truncated = true;
		return;
	}
	v->checks[v->n_checks] = *check;
	v->checks[v->n_checks].expected = keep(v, check->expected);
	v->checks[v->n_checks].found = keep(v, check->found);
	v->n_checks++;
}

void verdict_pass(struct verdict *v, const char *name, const char *found)
{
	add_check(v, &(struct verdict_check){
			     .name = name, .result = CHECK_PASSED, .code = "OK", .found = found });
}

void verdict_skip(struct verdict *v, const char *name, const char *why)
{
	add_check(v,
		  &(struct verdict_check){
			  .name = name, .result = CHECK_SKIPPED, .code = "SKIPPED", .found = why });
}

int verdict_fail(struct verdict *v, enum verdict_result result, const char *code, const char *name,
		 const char *expected, const char *found)
{
	assert(result != VERDICT_ACCEPTED && result != VERDICT_AUTHENTIC &&
	       result != VERDICT_CONSISTENT);

	v->no_memory = v->no_memory || errno == ENOMEM;
	if (v->first_failed < 0) {
		v->result = result;
		v->code = code;
		/* The check that decides must be shown, even in the place of another. */
		if (v->n_checks == ARRAY_SIZE(v->checks))
			v->n_checks--;
		v->first_failed = (int)v->n_checks;
	}
	add_check(v, &(struct verdict_check){ name, CHECK_FAILED, code, expected, found });
	return result == VERDICT_MALFORMED ? -EBADMSG :
	       result == VERDICT_UNDECIDED ? -EAGAIN :
					     -EKEYREJECTED;
}

int verdict_check(struct verdict *v, bool good, enum verdict_result result, const char *code,
		  const char *name, const char *expected, const char *found)
{
	if (!good)
		return verdict_fail(v, result, code, name, expected, found);
	verdict_pass(v, name, found);
	return 0;
}

int verdict_equal(struct verdict *v, enum verdict_result result, const char *code, const char *name,
		  struct bytes expected, struct bytes found)
{
	bool equal = expected.len == found.len &&
		     CRYPTO_memcmp(expected.p, found.p, found.len) == 0;

	return verdict_check(v, equal, result, code, name,
			     equal ? NULL : verdict_hex(v, expected.p, expected.len),
			     verdict_hex(v, found.p, found.len));
}

void verdict_conclude(struct verdict *v)
{
	bool passed = false;

	for (unsigned i = 0; i < v->n_checks; i++)
		passed = passed || v->checks[i].result == CHECK_PASSED;
	if (v->first_failed >= 0 || !passed || !(v->authentic || v->consistent))
		return;
	v->code = "OK";
	if (!v->authentic)
		v->result = VERDICT_CONSISTENT;
	else
		v->result = v->identity == IDENTITY_NONE ? VERDICT_AUTHENTIC : VERDICT_ACCEPTED;
}

static void add_claim(struct verdict *v, const char *name, enum claim_kind kind, const char *value)
{
	if (v->n_claims == ARRAY_SIZE(v->claims)) {
		v->truncated = true;
		return;
	}
	v->claims[v->n_claims++] = (struct verdict_claim){ name, kind, keep(v, value) };
}

void verdict_claim_text(struct verdict *v, const char *name, const char *value)
{
	add_claim(v, name, CLAIM_TEXT, value);
}

void verdict_claim_number(struct verdict *v, const char *name, uint64_t value)
{
	add_claim(v, name, CLAIM_NUMBER, verdict_text(v, "%llu", (unsigned long long)value));
}

void verdict_claim_bool(struct verdict *v, const char *name, bool value)
{
	add_claim(v, name, CLAIM_BOOL, value ? "true" : "false");
}

void verdict_claim_hex(struct verdict *v, const char *name, const void *p, size_t len)
{
	add_claim(v, name, CLAIM_HEX, verdict_hex(v, p, len));
}

const char *verdict_time(struct verdict *v, int64_t t)
{
	char text[TIME_TEXT_MAX];

	return time_format(t, text) ? verdict_text(v, "%s", text) : "?";
}

void verdict_claim_time(struct verdict *v, const char *name, int64_t t)
{
	add_claim(v, name, CLAIM_TEXT, verdict_time(v, t));
}

const char *verdict_find_claim(const struct verdict *v, const char *name)
{
	for (unsigned i = 0; i < v->n_claims; i++)
		if (streq(v->claims[i].name, name))
			return v->claims[i].value;
	return NULL;
}

const char *verdict_result_name(enum verdict_result result)
{
	static const char *const names[_VERDICT_MAX] = {
		[VERDICT_UNDECIDED] = "undecided",	   [VERDICT_ACCEPTED] = "accepted",
		[VERDICT_NOT_AUTHENTIC] = "not authentic", [VERDICT_MALFORMED] = "malformed",
		[VERDICT_REFUSED] = "refused by policy",   [VERDICT_AUTHENTIC] = "authentic",
		[VERDICT_CONSISTENT] = "consistent",
	};

	return names[result];
}

static const char *const tcb_statuses[_TCB_STATUS_MAX] = {
	[TCB_STATUS_NONE] = "",
	[TCB_UP_TO_DATE] = "UpToDate",
	[TCB_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
	[TCB_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
	[TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
	[TCB_OUT_OF_DATE] = "OutOfDate",
	[TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
	[TCB_TD_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
	[TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = "TDRelaunchAdvisedConfigurationNeeded",
	[TCB_REVOKED] = "Revoked",
	[TCB_UNSUPPORTED] = "Unsupported",
};

const char *tcb_status_name(enum tcb_status status)
{
	return tcb_statuses[status];
}

int tcb_status_parse(const char *name, size_t len, enum tcb_status *ret)
{
	for (unsigned i = TCB_STATUS_NONE + 1; i < _TCB_STATUS_MAX; i++)
		if (strlen(tcb_statuses[i]) == len && memcmp(tcb_statuses[i], name, len) == 0) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

bool verdict_lacks_collateral(const struct verdict *v)
{
	static const char *const codes[] = { "NO_VEK",	  "NO_CA",	"CRL_MISSING", "CRL_STALE",
					     "COLL_STALE", "OLDER",	"CLOCK" };

	if (v->result != VERDICT_UNDECIDED || v->first_failed < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (streq(v->code, codes[i]))
			return true;
	return streq(v->code, "MISSING") &&
	       streq(v->checks[v->first_failed].name, VERDICT_COLLATERAL_COMPLETE);
}

/* A code that ends in '_' stands for all codes that begin with it: "TCB_" for "TCB_OutOfDate". */
static const struct {
	const char *code;
	const char *advice;
} advices[] = {
	{ "MISSING",
	  "Hand over the piece that is missing; 'cococtl attest fetch' gets collateral." },
	{ "FORMAT",
	  "Check that the file is the whole evidence, in binary, of the kind that --type says." },
	{ "SIGNATURE",
	  "The evidence was changed on the way, or belongs to another key: get the evidence and "
	  "its certificates again, both at once." },
	{ "PIN",
	  "The root key is not trusted. Only the holder of a trusted key can make authentic "
	  "evidence; do not trust this evidence. If the root is right, name it in a trust file "
	  "(--trust)." },
	{ "CHAIN",
	  "Get the certificates again from their maker; each must be signed by the next." },
	{ "DATE",
	  "A certificate has expired or is not valid yet. Check the clock, or --at, and get a "
	  "current certificate." },
	{ "CRL_STALE", "Get a current revocation list, as 'cococtl attest fetch' does." },
	{ "CRL_REVOKED", "The maker has withdrawn this certificate: do not trust it." },
	{ "COLL_STALE", "Get current collateral, as 'cococtl attest fetch' does." },
	{ "NO_VEK",
	  "Get the VCEK from AMD with 'cococtl attest fetch', or the VLEK from the host, and "
	  "hand it over with --cache or --cert." },
	{ "NO_CA",
	  "Get the certificate chain of this product from AMD's key distribution service and "
	  "hand it over with --cert." },
	{ "TCB_MISMATCH",
	  "The certificate is for another firmware level: get the one for the reported TCB, as "
	  "'cococtl attest fetch' does." },
	{ "TCB_FLOOR",
	  "The platform's firmware is older than the policy wants: its owner must update it." },
	{ "TCB_ORDER", "No honest firmware reports this: do not trust this platform." },
	{ "UNSUPPORTED",
	  "This kind of evidence is not judged here: only quotes of TDs by Intel's quoting "
	  "enclave, versions 4 and 5." },
	{ "BODY",
	  "This version does not judge all that such a quote says: use a newer one, or have the "
	  "TD quoted as TD 1.5." },
	{ "COLL_SIG",
	  "The document is not as Intel signed it, to the byte. Get it again, and keep it as it "
	  "came." },
	{ "COLL_TYPE", "Get the document for TDX from version 4 of Intel's service." },
	{ "COLL_FORMAT", "Get the document again from Intel's service, or a mirror of it." },
	{ "CRL_FORMAT", "Get the revocation list again from its maker." },
	{ "FMSPC", "The TCB info is for other machines: get the one for this FMSPC." },
	{ "QE_IDENTITY",
	  "This was not signed by Intel's quoting enclave, whoever certified the machine: do "
	  "not trust it." },
	{ "MODULE",
	  "The TDX module is not Intel's, or is newer than the TCB info: get current "
	  "collateral." },
	{ "RTMR2",
	  "Compare the command line and the initrd with those that the value was computed over, "
	  "to the byte." },
	{ "NONCE",
	  "This answers another question, or is an old answer: ask again with a fresh nonce." },
	{ "BIND",
	  "The parts are not from one machine, or were changed: get them again, all at once." },
	{ "TPM_SIG",
	  "The quote is from another TPM, or was changed: get quote and HCL report again, both "
	  "at once." },
	{ "TPM_MAGIC", "What was signed was not made by a TPM: do not trust it." },
	{ "PCR_SELECT",
	  "Hand over the values of exactly the PCRs that were quoted, from the SHA-256 bank." },
	{ "PCR_DIGEST",
	  "The values are not those that were quoted: read them again, together with a new "
	  "quote." },
	{ "VMPL",
	  "Software below the paravisor or the firmware may have asked for this report: do not "
	  "trust what it is bound to." },
	{ "SERVICE_TD",
	  "A service TD, which may migrate this one, is part of what must be trusted: name it "
	  "with mrservicetd, or allow=servicetd." },
	{ "POLICY",
	  "An option that is not judged proves nothing. Put it into the section of the kind "
	  "that it is about ([snp], [tdx], [azure], [azure-snp], [azure-tdx]), or remove it; "
	  "each kind that may come needs a section, or options, of its own." },
	{ "IMPORTED",
	  "The host's migration agent may have made up this guest's measurement: do not trust "
	  "it." },
	{ "MIGRATABLE",
	  "Start the TD without MIGRATABLE, or name the service TD that may migrate it with "
	  "mrservicetd." },
	{ "DEBUG", "The host can read this guest's memory. Start it without the debug policy." },
	{ "OLDER",
	  "A newer document was verified before, and may say what this one does not: get it "
	  "again with 'cococtl attest fetch'. If its maker went back, 'cococtl attest fetch "
	  "--forget-newest' forgets the newer one." },
	{ "TCB_",
	  "The platform's firmware is not up to date or not safely configured: its owner must "
	  "update it; or accept it by policy." },
};

const char *verdict_advice(const char *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++) {
		size_t n = strlen(advices[i].code);

		if (streq(code, advices[i].code) ||
		    (advices[i].code[n - 1] == '_' && startswith(code, advices[i].code)))
			return advices[i].advice;
	}
	return "";
}
