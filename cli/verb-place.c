/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets in keyrings and files.  cococtl never has the bytes. */
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/broker-fetch.h"
#include "cli/cococtl.h"
#include "cli/secret-read.h"
#include "secrets/policy.h"

/* TimeoutSec= of broker.conf is at most an hour; cocod answers by then. */
#define ANSWER_SEC (3600 + 60)
/* While evidence is being verified nothing can be said yet. */
#define VERIFY_USEC (60 * UINT64_C(1000000))
#define POLL_USEC 250000

static int ask_place(int fd, const struct msg_place *q, struct msg_placed *ret)
{
	uint64_t deadline = now_usec() + VERIFY_USEC;
	int r;

	while ((r = client_call(fd, MSG_SECRET_PLACE, q, sizeof(*q), -EBADF, ret, sizeof(*ret),
				NULL)) == -EAGAIN &&
	       now_usec() < deadline)
		(void) usleep(POLL_USEC);
	ret->id[sizeof(ret->id) - 1] = ret->text[sizeof(ret->text) - 1] = '\0';
	return r;
}

static int not_released(const struct msg_placed *a, const char *name)
{
	struct msg_fetched m = { .error = a->net_error };

	memcpy(m.id, a->id, sizeof(m.id));
	memcpy(m.text, a->text, sizeof(m.text));
	make_printable(m.text);
	return broker_fetch_failed(&m, name);
}

static int place_one(int fd, const char *name, const struct msg_secret *m, enum place_kind kind)
{
	struct msg_place q = { .kind = kind };
	struct msg_placed a = { 0 };
	int r;

	memcpy(q.name, m->guid, sizeof(m->guid));
	r = ask_place(fd, &q, &a);
	if (r == -EACCES)
		log_error("Consumers= of secret '%s' does not have '%s'", name,
			  place_kind_name(kind));
	else if (r == -EKEYREVOKED)
		log_error("Secret '%s' is wiped; it cannot be had again in this boot", name);
	else if (r < 0)
		return cli_failed(r, name);
	else if (a.net_error != NET_OK)
		return not_released(&a, name);
	else if (a.error < 0)
		log_error("Secret '%s' is not put into a %s: %s", name, place_kind_name(kind),
			  a.text);
	if (r == 0 && a.error == 0) {
		log_notice("%s", a.text);
		return STATUS_GOOD;
	}
	return r == -EKEYREVOKED ? STATUS_WIPED : STATUS_FAILED;
}

static int place(int fd, const char *name, const struct msg_secret *m)
{
	int status = STATUS_GOOD, n = 0, r;
	struct secret_policy p = { 0 };

	memcpy(p.consumers, m->consumers, sizeof(p.consumers));
	for (unsigned kind = 0; kind < _PLACE_KIND_MAX; kind++) {
		if (!secret_policy_allows(&p, place_kind_name(kind)))
			continue;
		n++;
		r = place_one(fd, name, m, (enum place_kind)kind);
		status = status == STATUS_GOOD ? r : status;
	}
	if (n > 0)
		return status;
	log_error("Consumers= of secret '%s' has neither 'keyring' nor 'file': it is put nowhere",
		  name);
	return STATUS_FAILED;
}

/* From wherever it is, whatever Consumers= says by now. */
static int withdraw(int fd, const char *name, const struct msg_secret *m)
{
	int status = STATUS_GOOD;

	for (unsigned kind = 0; kind < _PLACE_KIND_MAX; kind++) {
		struct msg_place q = { .kind = (uint8_t)kind };
		int r;

		memcpy(q.name, m->guid, sizeof(m->guid));
		r = client_call(fd, MSG_SECRET_WITHDRAW, &q, sizeof(q), -EBADF, NULL, 0, NULL);
		if (r < 0 && status == STATUS_GOOD)
			status = cli_failed(r, name);
	}
	return status;
}

/* Call @act for each secret that is named.  Returns the first status that is not good. */
static int for_each(struct args *args, int (*act)(int fd, const char *name,
						  const struct msg_secret *m))
{
	const struct timeval patience = { .tv_sec = ANSWER_SEC };
	_cleanup_(closep) int fd = -EBADF;
	int status = STATUS_GOOD, r;
	struct msg_secret m;

	r = cli_connect(args, &fd);
	if (r != 0)
		return r;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return cli_failed(-errno, NULL);
	for (size_t i = 0; i < args->words.n; i++) {
		r = secret_find(fd, args->words.items[i], &m);
		if (r == 0)
			r = act(fd, args->words.items[i], &m);
		status = status == STATUS_GOOD ? r : status;
	}
	return status;
}

static int run_place(struct args *args)
{
	return for_each(args, place);
}

static int run_withdraw(struct args *args)
{
	return for_each(args, withdraw);
}

static const struct option_row no_options[] = { { NULL } };

#define SECRETS \
	{ .value = "NAME|GUID...", OPTION_LIST(words, 0), .required = true, .offer = secret_offer }

const struct verb verb_secrets_place = {
	.name = "secrets place",
	.help = "Put secrets into a keyring or a file, as secrets.d says",
	.example = "api-token",
	.options = no_options,
	.words = SECRETS,
	.run = run_place,
};

const struct verb verb_secrets_withdraw = {
	.name = "secrets withdraw",
	.help = "Remove secrets from the keyring or the file",
	.example = "api-token",
	.options = no_options,
	.words = SECRETS,
	.run = run_withdraw,
};
