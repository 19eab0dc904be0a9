/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <systemd/sd-messages.h>
#include <time.h>

#include "agent/volume.h"
#include "base/log.h"
#include "base/parse.h"

/* Of each verdict, and of each attempt without one; cocod(8) has it, for those who look for it. */
#define MESSAGE_VERDICT SD_ID128_MAKE(5b,7e,61,c2,0d,3f,4d,2a,9b,54,8c,10,2e,a7,f3,96)

/* Of a configuration that is another than the initrd's. */
#define MESSAGE_DIFFERS SD_ID128_MAKE(77,35,e9,23,5c,ea,4d,0d,be,9e,37,56,54,fc,02,6a)

/* As a line, and where there is a journal with its fields. */
static void log_verdict(const struct keeper *k)
{
	const struct attest_verdict *v = &k->gate.verdict;
	int priority = k->gate.open ? LOG_NOTICE : LOG_ERR;
	char sha256[65] = "", trust[65] = "";

	if (v->result != ATTEST_NONE)
		format_hex(v->policy_sha256, sizeof(v->policy_sha256), sha256);
	if (v->trust_replaced)
		format_hex(v->trust_sha256, sizeof(v->trust_sha256), trust);
	if (getenv("JOURNAL_STREAM") &&
	    sd_journal_send("MESSAGE=The gate is %s (%s): %s",
			    k->gate.open ? "open" : "closed, no secret is released", k->gate.state,
			    k->gate.reason, "MESSAGE_ID=" SD_ID128_FORMAT_STR,
			    SD_ID128_FORMAT_VAL(MESSAGE_VERDICT), "PRIORITY=%d", priority,
			    "SYSLOG_IDENTIFIER=cocod", "COCO_GATE=%s", k->gate.state,
			    "COCO_REQUIRE=%s", require_name(k->gate.require), "COCO_TEE=%s",
			    tee_name(k->gate.tee), "COCO_VERDICT=%s", attest_result_name(v->result),
			    "COCO_CODE=%s", v->code, "COCO_EVIDENCE=%s", v->type,
			    "COCO_PROVIDER=%s", v->provider, "COCO_POLICY_SHA256=%s", sha256,
			    "COCO_TRUST_REPLACED=%d", v->trust_replaced,
			    "COCO_TRUST_SHA256=%s", trust, NULL) >= 0)
		return;
	(void) log_full(priority, 0, "The gate is %s (%s): %s",
			k->gate.open ? "open" : "closed, no secret is released", k->gate.state,
			k->gate.reason);
}

void keeper_take_verdict(void *userdata, const struct attest_verdict *v, const char *why,
			 bool nobody)
{
	struct keeper *k = userdata;
	struct timespec ts;
	uint64_t usec;
	int r;

	(void) clock_gettime(CLOCK_REALTIME, &ts);
	usec = (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
	gate_take_verdict(&k->gate, v, why, nobody, usec);
	/* What binds the system is there already; this is for people. */
	r = v ? carried_note(&k->carried, v, usec) : 0;
	if (r < 0)
		log_warning_errno(r, "Failed to note this verdict in '%s' for the system after the initrd, ignoring: %m", k->carried.path);
	log_verdict(k);
	keeper_notify_status(k);
}

static void log_differences(const struct keeper *k)
{
	char names[128], policy[65], trust[65] = "";
	const struct kept *kept = k->carried.kept;

	carried_differences(k->carried.differs, names, sizeof(names));
	format_hex(kept->policy_sha256, sizeof(kept->policy_sha256), policy);
	if (kept->trust)
		format_hex(kept->trust_sha256, sizeof(kept->trust_sha256), trust);
	if (getenv("JOURNAL_STREAM") &&
	    sd_journal_send("MESSAGE=This system's configuration is not the initrd's, whose policy holds beside it: %s",
			    names, "MESSAGE_ID=" SD_ID128_FORMAT_STR,
			    SD_ID128_FORMAT_VAL(MESSAGE_DIFFERS), "PRIORITY=%d", LOG_ERR,
			    "SYSLOG_IDENTIFIER=cocod", "COCO_DIFFERS=%s", names,
			    "COCO_GATE=%s", k->gate.state, "COCO_INITRD_REQUIRE=%s", require_name(kept->require),
			    "COCO_INITRD_POLICY_SHA256=%s", kept->policy ? policy : "",
			    "COCO_INITRD_TRUST_SHA256=%s", trust,
			    "COCO_INITRD_VERDICT=%s", attest_result_name(kept->result), NULL) >= 0)
		return;
	log_error("This system's configuration is not the initrd's, whose policy holds beside it: %s", names);
}

void keeper_log_carried(const struct keeper *k)
{
	const struct carried *c = &k->carried;

	if (!c->kept)
		return;
	if (c->own)
		log_info("What this initrd judges by is kept in '%s' for the system after it", c->path);
	else
		log_info("What the initrd judged by holds here too: Require=%s, %s, %s, verdict: %s",
			 require_name(c->kept->require), c->kept->policy ? ATTEST_POLICY_FILE : "no " ATTEST_POLICY_FILE,
			 c->kept->trust ? ATTEST_TRUST_FILE : "the built-in roots", attest_result_name(c->kept->result));
	if (c->differs)
		log_differences(k);
}

int keeper_gate(struct keeper *k)
{
	if (k->gate.open)
		return 1;
	if (!k->attestation)
		return -EPERM;
	return attestation_request(k->attestation) > 0 ? 0 : -EPERM;
}

int keeper_scan(struct keeper *k)
{
	int r = store_scan(k->store);

	if (r > 0)
		for (size_t i = 0; store_get(k->store, i); i++) {
			const struct store_entry *e = store_get(k->store, i);

			if (e->state == SECRET_PRESENT)
				log_debug("Secret '%s' is present in '%s'", e->policy.name,
					  e->source->path);
		}
	if (r > 0)
		log_info("Found %d new launch secret%s", r, r == 1 ? "" : "s");
	else if (r < 0 && r != -ENOENT)
		log_error_errno(r, "Failed to read the launch secrets: %m");
	return r;
}

void keeper_advance(struct keeper *k, struct store_entry *e, enum secret_state state,
		    const char *consumer)
{
	int r = store_advance(k->store, e, state, consumer);

	if (r < 0)
		log_warning_errno(r,
				  "Failed to note in the journal that secret '%s' is %s, a restart would forget it, ignoring: %m",
				  e->policy.name, secret_state_name(state));
	keeper_notify_status(k);
}

int keeper_wipe(struct keeper *k, struct store_entry *e)
{
	bool zeroes = e->source && e->source->zeroes;
	int r;

	if (e->state == SECRET_WIPED)
		return 0;
	r = store_wipe(k->store, e);
	if (r < 0 && e->state != SECRET_WIPED)
		return log_error_errno(r,
				       "Failed to wipe secret '%s', it is still in the kernel's memory: %m",
				       e->policy.name);
	log_notice("Secret '%s' is wiped: %s", e->policy.name,
		   zeroes ? "its bytes in the firmware's area are zero" :
			    "its file is unlinked (a directory for tests, no memory is zeroed)");
	keeper_notify_status(k);
	return 0;
}

/* All volumes that the policy names are open; with none named, the one that had it last is. */
static bool all_confirmed(const struct store_entry *e)
{
	const char *last = startswith(e->delivered_to, CONSUMER_CRYPTSETUP ":");
	char volume[MSG_NAME_LEN + 1];
	unsigned n = 0;

	for (; policy_volume(&e->policy, n, volume) > 0; n++)
		if (volume_is_open("/sys", volume) <= 0)
			return false;
	if (n > 0)
		return true;
	return last && !e->rejected && volume_is_open("/sys", last) > 0;
}

static bool wipe_is_due(const struct store_entry *e)
{
	switch (e->policy.wipe) {
	case WIPE_CONFIRMED:
		return e->state == SECRET_CONFIRMED;
	case WIPE_DELIVERED:
		return e->state == SECRET_DELIVERED || e->state == SECRET_CONFIRMED;
	default:
		return false;
	}
}

void keeper_settle(struct keeper *k, struct store_entry *e)
{
	if (e->state == SECRET_DELIVERED && startswith(e->delivered_to, CONSUMER_CRYPTSETUP ":") &&
	    all_confirmed(e)) {
		log_notice("Secret '%s' is confirmed: volume '%s' is open", e->policy.name,
			   e->delivered_to + strlen(CONSUMER_CRYPTSETUP ":"));
		keeper_advance(k, e, SECRET_CONFIRMED, NULL);
	}
	if (e->n_pending == 0 && wipe_is_due(e))
		(void) keeper_wipe(k, e);
}

void keeper_notify_status(struct keeper *k)
{
	unsigned n[_SECRET_STATE_MAX] = { 0 };
	char differs[128];

	for (size_t i = 0; store_get(k->store, i); i++)
		n[store_get(k->store, i)->state]++;
	carried_differences(k->carried.differs, differs, sizeof(differs));
	(void) sd_notifyf(false,
			  "STATUS=Gate %s (%s; Require=%s, %s).%s%s Secrets: %u present, %u delivered, %u confirmed, %u wiped.",
			  k->gate.open ? "open" : "closed", k->gate.state,
			  require_name(k->gate.require), k->gate.require_reason,
			  k->carried.differs ? " ERROR, not as in the initrd: " : "", differs, n[SECRET_PRESENT],
			  n[SECRET_DELIVERED], n[SECRET_CONFIRMED], n[SECRET_WIPED]);
}
