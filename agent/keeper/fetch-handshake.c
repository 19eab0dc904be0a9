/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The challenge, and what the broker releases. */
#include "agent/keeper/fetch-step.h"

#include <sys/stat.h>
#include <unistd.h>

#include "agent/keeper/boot.h"
#include "agent/keeper/repeat.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"

/* ---- the secret ---- */

/* The bytes are copied before they are looked at: cocod-net may still write to its file. */
static int read_ciphertext(int fd, size_t len, uint8_t **ret)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	struct stat st;

	if (len > JWE_CIPHERTEXT_MAX)
		return -EMSGSIZE;
	bytes = malloc(len + 1);
	if (!bytes)
		return -ENOMEM;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EBADMSG;
	if (len > 0 && pread(fd, bytes, len, 0) != (ssize_t)len)
		return -EBADMSG;
	*ret = TAKE_PTR(bytes);
	return 0;
}

/*
 * Who gets it is logged where it is delivered, and the broker logs each release.  Here the first
 * ones are enough to see how it goes.
 */
static void log_released(const struct fetch *f, uint64_t version)
{
	static unsigned n;

	log_full(n < REPEAT_FULL ? LOG_INFO : LOG_DEBUG, 0,
		 "Secret '%s' is released by the broker%s, version %llu", f->path,
		 fetch_identity(f->broker) ? " of Identity=" : "", (unsigned long long)version);
	n += n < REPEAT_FULL;
}

static void on_jwe(void *userdata, const void *reply, int fd, const char *why)
{
	_cleanup_(freep) uint8_t *ciphertext = NULL;
	struct fetch *f = userdata;
	struct secret *s = NULL;
	struct net_jwe jwe;
	struct cause cause = { "" };
	uint64_t version;
	int r;

	if (!fetch_succeeded(f, reply, why))
		return;
	memcpy(&jwe, reply, sizeof(jwe));
	r = read_ciphertext(fd, jwe.ciphertext_len, &ciphertext);
	if (r < 0) {
		fetch_fail(f, NET_PROTOCOL, "cocod-net's answer does not have the form of one");
		return;
	}
	r = handshake_open(f->handshake, fetch_identity(f->broker), f->asked.paths[0], &jwe,
			   ciphertext, clock_usec(CLOCK_BOOTTIME), &s, &version, &cause);
	if (r == -EKEYEXPIRED) {
		fetch_fail_as(f, NET_SESSION, false, 0, "", "%s", cause.text);
	} else if (r == -EKEYREJECTED) {
		fetch_fail_as(f, NET_FORGED, false, 0, "",
			"what came from %s is refused: %s", fetch_address(f, jwe.result.url),
			cause.text);
	} else if (r < 0) {
		fetch_fail_as(f, r == -ENOMEM ? NET_LOCAL : NET_PROTOCOL, false, 0, "",
			"what came from %s cannot be opened: %s",
			fetch_address(f, jwe.result.url), cause.text);
	} else {
		log_released(f, version);
		fetch_opened(f, s);
	}
}

static void on_attested(void *userdata, const void *reply, int fd, const char *why)
{
	struct fetch *f = userdata;
	struct net_get get = { "" };

	if (!fetch_succeeded(f, reply, why))
		return;
	strcpy(get.path, f->asked.paths[0]);
	fetch_ask(f, (struct net_talk_question){
		.type = MSG_NET_GET, .body = &get, .len = sizeof(get), .fd = -EBADF,
		.reply_len = sizeof(struct net_jwe), .timeout_usec = FETCH_ROUND_USEC,
		.done = on_jwe });
}

void fetch_show(struct fetch *f, int pack)
{
	int r = memfd_seal(pack);

	if (r < 0) {
		fetch_fail(f, NET_LOCAL, "the evidence cannot be sealed: %s", strerror(-r));
		return;
	}
	fetch_ask(f, (struct net_talk_question){
		.type = MSG_NET_ATTEST, .body = &f->attest, .len = sizeof(f->attest), .fd = pack,
		.reply_len = sizeof(struct net_result), .timeout_usec = FETCH_ROUND_USEC,
		.done = on_attested });
}

/* ---- the challenge ---- */

static void on_challenge(void *userdata, const void *reply, int fd, const char *why)
{
	uint8_t report_data[REPORT_DATA_LEN];
	struct fetch *f = userdata;
	struct net_challenge c;
	struct cause cause = { "" };
	int r;

	if (!fetch_succeeded(f, reply, why))
		return;
	memcpy(&c, reply, sizeof(c));
	r = handshake_bind(f->handshake, fetch_identity(f->broker), &f->asked, &c, &cause);
	if (r >= 0)
		r = handshake_report_data(f->handshake, report_data, &f->attest);
	if (r == -ENOMEM)
		fetch_fail(f, NET_LOCAL, "out of memory");
	else if (r < 0)
		fetch_fail_as(f, r == -EBADMSG ? NET_PROTOCOL : NET_FORGED, r == -ESTALE, 0, "",
			"%s is refused: %s", fetch_address(f, c.result.url),
			cause.text);
	else
		fetch_ask_evidence(f, report_data, /* learning= */ false);
}

void fetch_ask_challenge(struct fetch *f)
{
	struct broker *b = f->broker;
	struct cause cause = { "" };
	int r;

	r = boot_read(b->setup.folder, f->asked.boot, &cause);
	if (r < 0) {
		fetch_fail(f, NET_LOCAL, "%s", cause.text);
		return;
	}
	r = handshake_new(b->setup.settings->curve, clock_usec(CLOCK_BOOTTIME), &f->handshake);
	if (r < 0) {
		fetch_fail(f, NET_LOCAL, "no key pair can be made: %s", strerror(-r));
		return;
	}
	memset(f->asked.tee, 0, sizeof(f->asked.tee));
	strcpy(f->asked.tee, b->tee);
	f->asked.coco = 1;
	f->asked.n_paths = 1;
	fetch_ask(f, (struct net_talk_question){
		.type = MSG_NET_AUTH, .body = &f->asked, .len = sizeof(f->asked), .fd = -EBADF,
		.reply_len = sizeof(struct net_challenge),
		.timeout_usec = f->net.n_urls * FETCH_ROUND_USEC, .done = on_challenge });
}
