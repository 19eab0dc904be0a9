/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/attestation.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/collateral.h"
#include "agent/keeper/config.h"
#include "agent/keeper/evidence-child.h"
#include "agent/keeper/worker-call.h"
#include "attest/gather/imds.h"
#include "attest/gather/tpm.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "ipc/client.h"
#include "wire/bytes.h"

#define USEC_PER_SEC 1000000ULL
#define JUDGE_USEC (90 * USEC_PER_SEC)
#define PAUSE_USEC (1 * USEC_PER_SEC)
#define PAUSE_MAX_USEC (60 * USEC_PER_SEC)

struct attestation {
	struct attestation_setup setup;
	uint8_t nonce[ATTEST_NONCE_LEN];
	bool busy;
	bool nobody;			/* this attempt found nothing to ask */
	int pack;			/* memfd */
	struct evidence_child *child;
	struct worker_call *call;
	unsigned n_failed;		/* attempts since the last accepted one */
	uint64_t not_before;		/* CLOCK_MONOTONIC */
};

static uint64_t now(const struct attestation *a)
{
	return loop_now(a->setup.loop);
}

/* ---- the end of an attempt ---- */

static void end(struct attestation *a, const struct attest_verdict *v, const char *why)
{
	uint64_t pause = a->setup.pause_usec << MIN(a->n_failed, 16u);

	a->call = worker_call_free(a->call);
	a->pack = close_fd(a->pack);
	a->busy = false;
	if (v && v->result == ATTEST_ACCEPTED)
		a->n_failed = 0;
	else if (a->n_failed++ > 0 || !a->nobody)
		a->not_before = now(a) + MIN(pause, PAUSE_MAX_USEC);
	/*
	 * No pause after a first attempt that found nothing to ask: the keeper makes it before
	 * anybody has asked for a secret, perhaps before the kernel has found the device.
	 */
	a->setup.done(a->setup.userdata, v, why, a->nobody);
}

static void end_without(struct attestation *a, const char *format, ...) _printf_(2, 3);
static void end_without(struct attestation *a, const char *format, ...)
{
	char why[sizeof(struct cause) + 128];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	end(a, NULL, why);
}

/* ---- cocod-worker ---- */

static const struct kept *kept_rules(const struct attestation *a)
{
	return a->setup.kept && a->setup.kept->policy ? a->setup.kept : NULL;
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

/*
 * True if the worker's answer has the form of a verdict and is about this attempt.  Beyond that
 * the keeper has to believe the worker.
 */
static bool verdict_is_sound(const struct attestation *a, const struct attest_verdict *v)
{
	if (v->result == ATTEST_NONE || v->result >= _ATTEST_RESULT_MAX || v->trust_replaced > 1)
		return false;
	/* A worker that accepts by another policy has not used the initrd's. */
	if (v->result == ATTEST_ACCEPTED && kept_rules(a) &&
	    (memcmp(v->policy_sha256, kept_rules(a)->policy_sha256,
		    sizeof(v->policy_sha256)) != 0 ||
	     memcmp(v->trust_sha256, kept_rules(a)->trust_sha256, sizeof(v->trust_sha256)) != 0))
		return false;
	/* The built-in roots have no digest; replaced roots have one. */
	if (v->trust_replaced ==
	    bytes_all_zero(&(struct bytes){ v->trust_sha256, sizeof(v->trust_sha256) }))
		return false;
	if (memcmp(v->nonce, a->nonce, sizeof(v->nonce)) != 0)
		return false;
	return ends(v->type, sizeof(v->type)) && ends(v->provider, sizeof(v->provider)) &&
	       ends(v->code, sizeof(v->code)) && ends(v->reason, sizeof(v->reason));
}

static void on_verdict(void *userdata, const void *reply, const char *why)
{
	struct attestation *a = userdata;
	struct attest_verdict v;
	char text[256];

	if (!reply) {
		/* @why belongs to the call, which end() frees. */
		snprintf(text, sizeof(text), "%s", why);
		end(a, NULL, text);
		return;
	}
	memcpy(&v, reply, sizeof(v));
	if (!verdict_is_sound(a, &v)) {
		end_without(a, "cocod-worker's answer is not a verdict over this evidence");
		return;
	}
	make_printable(v.type);
	make_printable(v.provider);
	make_printable(v.code);
	make_printable(v.reason);
	end(a, &v, NULL);
}

/*
 * An Azure VM's metadata service has what its evidence lacks.  On any other machine nothing will
 * be sent over the connection.
 */
static int ask_worker(struct attestation *a, int tpm)
{
	_cleanup_(closep) int imds = tpm >= 0 ? imds_open(a->setup.root, a->setup.imds) : -EBADF;
	const struct attest_imds m = { .error = MIN(imds, 0) };
	struct attest_question q = { .flags = a->setup.flags };
	const struct worker_frame frames[] = {
		{ MSG_ATTEST_TPM, NULL, 0, tpm },
		{ MSG_ATTEST_IMDS, &m, sizeof(m), imds },
		{ MSG_ATTEST_VERIFY, &q, sizeof(q), a->pack },
	};
	const size_t first = tpm >= 0 ? 0 : ARRAY_SIZE(frames) - 1;
	const struct worker_question question = {
		.loop = a->setup.loop,
		.path = a->setup.worker,
		.advice = WORKER_EVIDENCE_ADVICE,
		.frames = frames + first,
		.n_frames = ARRAY_SIZE(frames) - first,
		.reply_len = sizeof(struct attest_verdict),
		.timeout_usec = a->setup.judge_usec,
		.done = on_verdict,
		.userdata = a,
	};
	int r;

	memcpy(q.nonce, a->nonce, sizeof(q.nonce));
	r = memfd_seal(a->pack);
	return r < 0 ? r : worker_call_new(&question, &a->call);
}

/*
 * Where the kernel has no provider, the machine may be an Azure VM with its TPM.  The worker finds
 * out when a TPM belongs to another machine.
 */
static void on_evidence(void *userdata, int error, const char *type, const char *why)
{
	struct attestation *a = userdata;
	_cleanup_(closep) int tpm = -EBADF;
	int r;

	a->pack = evidence_child_take_pack(a->child);
	if (error == -ENODEV) {
		tpm = tpm_open(a->setup.root, a->setup.tpm);
		if (tpm < 0) {
			a->nobody = tpm == -ENOENT;
			end_without(a, "no evidence can be had: %s; tpm: %s", why,
				    tpm == -ENOENT ? "no TPM" : strerror(-tpm));
			return;
		}
	} else if (error < 0) {
		end_without(a, "%s", why);
		return;
	}
	r = ask_worker(a, tpm);
	if (r < 0)
		end_without(a, "cocod-worker cannot be asked: %s", strerror(-r));
}

/* ---- in the child that asks the TEE ---- */

/* The initrd's policy and trust file go along unchanged, whatever lies in this system's /etc. */
static int add_rules(void *userdata, int gathered, struct bundle *b, struct cause *why)
{
	const struct attestation *a = userdata;
	const struct kept *k = kept_rules(a);
	int r = 0;

	if (k)
		r = bundle_add(b, BUNDLE_KEPT_POLICY, k->policy, k->policy_len);
	if (k && r >= 0 && k->trust)
		r = bundle_add(b, BUNDLE_KEPT_TRUST, k->trust, k->trust_len);
	if (r < 0)
		return cause_set(why, r, "the initrd's policy cannot be packed: %s", strerror(-r));
	return collateral_add(a->setup.config_root, /* need_policy= */ !k, b, why);
}

/* ---- an attempt ---- */

/*
 * It has to be one that nobody has seen or could guess.  A hash would add nothing to the kernel's
 * random bytes, and the first one of a process is not cheap: it loads OpenSSL.
 */
static int make_nonce(uint8_t ret[static ATTEST_NONCE_LEN])
{
	return getrandom(ret, ATTEST_NONCE_LEN, 0) == ATTEST_NONCE_LEN ? 0 : -EIO;
}

int attestation_request(struct attestation *a)
{
	int r;

	if (a->busy)
		return 1;
	if (evidence_child_is_busy(a->child) || now(a) < a->not_before)
		return 0;
	a->busy = true;
	a->nobody = false;
	r = make_nonce(a->nonce);
	if (r >= 0)
		r = evidence_child_ask(a->child, a->nonce, sizeof(a->nonce));
	if (r < 0)
		end_without(a, "the TEE cannot be asked: %s", strerror(-r));
	return a->busy;
}

bool attestation_is_busy(const struct attestation *a)
{
	return a->busy;
}

int attestation_new(const struct attestation_setup *s, struct attestation **ret)
{
	struct attestation *a = calloc(1, sizeof(*a));
	const struct evidence_child_setup child = {
		.loop = s->loop,
		.root = s->root,
		.timeout_usec = s->gather_usec,
		.gather = s->gather,
		.add = add_rules,
		.done = on_evidence,
		.userdata = a,
	};
	int r;

	if (!a)
		return -ENOMEM;
	*a = (struct attestation){ .setup = *s, .pack = -EBADF };
	a->setup.judge_usec = s->judge_usec ?: JUDGE_USEC;
	a->setup.pause_usec = s->pause_usec ?: PAUSE_USEC;
	r = evidence_child_new(&child, &a->child);
	if (r < 0) {
		free(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct attestation *attestation_free(struct attestation *a)
{
	if (!a)
		return NULL;
	worker_call_free(a->call);
	evidence_child_free(a->child);
	(void) close_fd(a->pack);
	free(a);
	return NULL;
}
