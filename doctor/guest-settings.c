/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cocod.conf, secrets.d and broker.conf: what cocod would refuse, and what their author may not
 * have meant.
 */
#include <stdio.h>

#include "base/text.h"
#include "doctor/guest-config.h"

static bool offers_report(const struct exam *x)
{
	return x->offers & (FOR(REQUIRE_SNP) | FOR(REQUIRE_TDX));
}

static void judge_settings(const struct exam *x, const struct guest_config *g, struct result *r)
{
	const struct config *c = g->config;

	result_saw(r, "cocod.conf", "Require=%s%s", require_name(c->require),
		   c->require_given ? "" : " by default");
	if (c->require == REQUIRE_NONE) {
		result_set(r, OUTCOME_FAIL,
			   "Require=none: nothing is proven, and secrets go to whatever this "
			   "machine is");
		result_fix(r, FIX_CONFIG, "In cocod.conf or its drop-ins: remove Require=none");
	} else if (c->require == REQUIRE_EVIDENCE && x->offers && !offers_report(x)) {
		result_set(r, OUTCOME_FAIL,
			   "cocod wants evidence, and there is none inside SEV and SEV-ES: no "
			   "launch secret is released");
		result_fix(r, FIX_CONFIG, "In cocod.conf or its drop-ins: Require=attested");
	} else if (!c->verify_header) {
		result_set(r, OUTCOME_WARN,
			   "VerifyVolumeHeader=no: the host can show a header of its own, which "
			   "opens with any key and encrypts nothing");
		result_fix(r, FIX_CONFIG,
			   "In cocod.conf or its drop-ins: remove VerifyVolumeHeader=no");
	} else if (c->secret_directory[0]) {
		result_set(r, OUTCOME_WARN,
			   "SecretDirectory= is for tests: secrets come from '%s', and not from "
			   "this machine's firmware", c->secret_directory);
		result_fix(r, FIX_CONFIG, "In cocod.conf or its drop-ins: remove SecretDirectory=");
	} else {
		result_set(r, OUTCOME_PASS, "Secrets are released only if this holds: %s",
			   require_name(c->require));
	}
}

void guest_gate(struct exam *x, struct result *r)
{
	struct guest_config g;

	guest_config_load(x, &g);
	if (!guest_config_refused(&g, CONFIG_OF_COCOD, r))
		judge_settings(x, &g, r);
	guest_config_done(&g);
}

/* ---- secrets.d ---- */

static void judge_secrets(const struct config *c, struct result *r)
{
	const char *silent = NULL;
	unsigned n = 0;

	for (size_t i = 0; i < c->n_policies; i++) {
		const struct secret_policy *p = &c->policies[i];

		result_saw(r, "secrets.d", "%s: Consumers=%.180s%s", p->name, p->consumers,
			   p->consumers_given ? "" : " by default");
		if (!p->consumers_given && n++ == 0)
			silent = p->name;
	}
	if (c->n_policies == 0) {
		result_set(r, OUTCOME_NA,
			   "There is no file in secrets.d: the secret with the GUID for LUKS is "
			   "for any volume");
	} else if (silent) {
		result_set(r, OUTCOME_WARN,
			   "The secret '%s' has no Consumers=: only root may have it, by 'cococtl "
			   "secrets get', and no volume and no service", silent);
		result_fix(r, FIX_CONFIG,
			   "Its file in secrets.d: Consumers=cryptsetup:VOLUME, or Consumers=get "
			   "if that is what was meant");
	} else {
		result_set(r, OUTCOME_PASS, "cocod takes the files of %zu secret%s", c->n_policies,
			   c->n_policies == 1 ? "" : "s");
	}
}

void guest_secrets(struct exam *x, struct result *r)
{
	struct guest_config g;

	guest_config_load(x, &g);
	if (!guest_config_refused(&g, CONFIG_OF_SECRETS, r))
		judge_secrets(g.config, r);
	guest_config_done(&g);
}

/* ---- broker.conf ---- */

static void judge_broker(const struct config *c, struct result *r)
{
	const struct broker_settings *b = &c->broker;
	unsigned n = 0;

	for (size_t i = 0; i < c->n_policies; i++)
		n += c->policies[i].path[0] != '\0';
	for (unsigned i = 0; i < b->n_urls && i < 4; i++)
		result_saw(r, "broker.conf", "Url=%.200s", b->urls[i]);
	if (!b->present) {
		result_set(r, OUTCOME_NA, "There is no broker.conf");
	} else if (broker_is_tls_only(b)) {
		result_set(r, OUTCOME_WARN,
			   "broker.conf has no Identity=: what the broker releases is not signed, "
			   "and whoever has the key of its TLS certificate can give this VM "
			   "secrets of their own");
		result_fix(r, FIX_CONFIG,
			   "/etc/cocod/broker.conf: Identity=FILE in the place of %s, with what "
			   "'coco-broker identity' prints",
			   b->trust == BROKER_TRUST_PUBLIC_KEY ? "PublicKey=" : "Authority=");
	} else if (n == 0) {
		result_set(r, OUTCOME_WARN,
			   "There is a broker.conf, and no file in secrets.d has Uri=: nobody gets "
			   "a secret from the broker");
		result_fix(r, FIX_CONFIG,
			   "A file in /etc/cocod/secrets.d: Uri=kbs:///REPOSITORY/TYPE/TAG");
	} else {
		result_set(r, OUTCOME_PASS, "The broker signs what it releases, and has %u of the "
			   "secrets", n);
	}
}

void guest_broker(struct exam *x, struct result *r)
{
	struct guest_config g;

	guest_config_load(x, &g);
	if (!guest_config_refused(&g, CONFIG_OF_BROKER, r))
		judge_broker(g.config, r);
	guest_config_done(&g);
}
