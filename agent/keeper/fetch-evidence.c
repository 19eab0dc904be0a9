/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TEE's part of a handshake. */
#include "agent/keeper/fetch-step.h"

#include <stdio.h>
#include <sys/mman.h>

#include "attest/gather/imds.h"
#include "attest/gather/tpm.h"
#include "base/io.h"
#include "base/text.h"
#include "ipc/client.h"

#define WORKER_USEC (90 * USEC_PER_SEC)

static bool tee_is_known(const char *tee)
{
	static const char *const names[] = { "snp", "tdx", "az-snp-vtpm", "az-tdx-vtpm" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(tee, names[i]))
			return true;
	return false;
}

/* The evidence is there, of the kind @tee: from the child, or by the worker in f->pack. */
static void take_evidence(struct fetch *f, const char *tee, int pack)
{
	struct broker *b = f->broker;

	if (!tee_is_known(tee)) {
		fetch_fail(f, NET_NO_EVIDENCE,
			  "no broker can verify this machine's evidence, of kind '%.32s'", tee);
		return;
	}
	if (f->learning) {
		strcpy(b->tee, tee);
		fetch_ask_challenge(f);
		return;
	}
	if (!streq(tee, b->tee)) {
		fetch_fail(f, NET_NO_EVIDENCE, "the TEE was '%s', and now it is '%.16s'", b->tee,
			  tee);
		b->tee[0] = '\0';
		return;
	}
	fetch_show(f, pack);
}

static void on_gathered(void *userdata, const void *reply, const char *why)
{
	struct fetch *f = userdata;
	struct attest_gathered g;
	char text[256];

	if (!reply) {
		/* @why belongs to the call. */
		snprintf(text, sizeof(text), "%s", why);
		fetch_fail(f, NET_NO_EVIDENCE, "no evidence can be had: %s", text);
		return;
	}
	memcpy(&g, reply, sizeof(g));
	f->call = worker_call_free(f->call);
	if (!fetch_text_ends(g.tee, sizeof(g.tee)) ||
	    !fetch_text_ends(g.reason, sizeof(g.reason))) {
		fetch_fail(f, NET_NO_EVIDENCE,
			  "cocod-worker's answer does not have the form of one");
		return;
	}
	make_printable(g.reason);
	if (g.error) {
		fetch_fail(f, NET_NO_EVIDENCE, "no evidence can be had: %s", g.reason);
		return;
	}
	take_evidence(f, g.tee, f->pack);
}

/* An Azure VM's TPM, or no evidence at all.  See attestation.c. */
static int ask_worker(struct fetch *f, int tpm)
{
	struct broker *b = f->broker;
	_cleanup_(closep) int imds = imds_open(b->setup.root, b->setup.imds);
	const struct attest_imds m = { .error = MIN(imds, 0) };
	struct attest_gather g = { .len = f->learning ? 0 : f->attest.digest_len };
	struct worker_frame frames[] = {
		{ MSG_ATTEST_TPM, NULL, 0, tpm },
		{ MSG_ATTEST_IMDS, &m, sizeof(m), imds },
		{ MSG_ATTEST_GATHER, &g, sizeof(g), -EBADF },
	};
	const struct worker_question question = {
		.loop = b->setup.loop,
		.path = b->setup.worker,
		.advice = WORKER_EVIDENCE_ADVICE,
		.frames = frames,
		.n_frames = ARRAY_SIZE(frames),
		.reply_len = sizeof(struct attest_gathered),
		.timeout_usec = WORKER_USEC,
		.done = on_gathered,
		.userdata = f,
	};

	memcpy(g.report_data, f->attest.digest, g.len);
	f->pack = memfd_create("evidence", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (f->pack < 0)
		return -errno;
	frames[2].fd = f->pack;
	return worker_call_new(&question, &f->call);
}

void fetch_on_evidence(void *userdata, int error, const char *type, const char *why)
{
	struct broker *b = userdata;
	struct fetch *f = b->active;
	_cleanup_(closep) int pack = evidence_child_take_pack(b->child);
	_cleanup_(closep) int tpm = -EBADF;
	int r;

	/* The fetch that asked is gone. */
	if (!f || !f->gathering)
		return;
	f->gathering = false;
	if (error == 0) {
		take_evidence(f, type, pack);
		return;
	}
	if (error != -ENODEV) {
		fetch_fail(f, NET_NO_EVIDENCE, "no evidence can be had: %s", why);
		return;
	}
	tpm = tpm_open(b->setup.root, b->setup.tpm);
	if (tpm < 0) {
		fetch_fail(f, NET_NO_EVIDENCE, "no evidence can be had: %s; tpm: %s", why,
			  tpm == -ENOENT ? "no TPM" : strerror(-tpm));
		return;
	}
	r = ask_worker(f, tpm);
	if (r < 0)
		fetch_fail(f, NET_NO_EVIDENCE, "cocod-worker cannot be asked: %s", strerror(-r));
}

void fetch_ask_evidence(struct fetch *f, const uint8_t report_data[static REPORT_DATA_LEN],
			 bool learning)
{
	int r;

	f->learning = learning;
	r = evidence_child_ask(f->broker->child, report_data, REPORT_DATA_LEN);
	f->gathering = r >= 0;
	if (r < 0)
		fetch_fail(f, NET_LOCAL, "the TEE cannot be asked: %s",
			  r == -EBUSY ? "it has not answered an earlier question" : strerror(-r));
}
