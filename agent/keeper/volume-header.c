/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/volume-header.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "ipc/client.h"

#define VERDICT_USEC (15 * USEC_PER_SEC)

_Static_assert(sizeof(struct luks_question) <= WORKER_BODY_MAX, "a question can be sent");

int volume_verdict_read(const void *reply, const char *why, char *text, size_t size)
{
	struct luks_verdict v;

	if (!reply) {
		(void) snprintf(text, size, "its header could not be judged: %s", why);
		return -EIO;
	}
	memcpy(&v, reply, sizeof(v));
	if (!memchr(v.reason, 0, sizeof(v.reason))) {
		(void) snprintf(text, size,
				"cocod-worker's answer is not a verdict over its header");
		return -EPROTO;
	}
	make_printable(v.reason);
	(void) snprintf(text, size, "%s%s", v.error ? "its header is refused: " : "", v.reason);
	return v.error ? -EKEYREJECTED : 0;
}

static void on_verdict(void *userdata, const void *reply, const char *why)
{
	struct delivery *d = userdata;
	char text[512];
	int r = volume_verdict_read(reply, why, text, sizeof(text));

	d->call = worker_call_free(d->call);
	d->judged(d, r, text);
}

/*
 * The host can change the device and its header until cryptsetup reads them.  The manual says
 * what this check is good for.
 */
static int open_header(struct delivery *d, int *ret_fd)
{
	_cleanup_(closep) int fd = -EBADF;
	struct volume_request req;
	struct stat st;
	int r;

	r = delivery_request(d, &req);
	if (r < 0)
		return r;
	fd = open(req.device, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return -ENOTBLK;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Ask about the header in @frame, whose body is a struct luks_question. */
static int ask(struct loop *loop, struct spare *spare, const struct worker_frame *frame,
	       void (*done)(void *userdata, const void *reply, const char *why), void *userdata,
	       struct worker_call **ret)
{
	const struct worker_question question = {
		.loop = loop,
		.path = WORKER_LUKS_SOCKET,
		.spare = spare,
		.advice = WORKER_LUKS_ADVICE,
		.frames = frame,
		.n_frames = 1,
		.reply_len = sizeof(struct luks_verdict),
		.timeout_usec = VERDICT_USEC,
		.done = done,
		.userdata = userdata,
	};

	return worker_call_new(&question, ret);
}

static void allow(const struct secret_policy *p, struct luks_question *q)
{
	memcpy(q->allow_tokens, p->allow_tokens, sizeof(q->allow_tokens));
	memcpy(q->pins, p->volume_pins, sizeof(q->pins));
}

int volume_text_judge(struct loop *loop, int fd, const struct secret_policy *policy,
		      void (*done)(void *userdata, const void *reply, const char *why),
		      void *userdata, struct worker_call **ret)
{
	struct luks_question allowed = { "" };
	const struct worker_frame frame = {
		.type = MSG_LUKS_TEXT, .body = &allowed, .len = sizeof(allowed), .fd = fd
	};

	allow(policy, &allowed);
	return ask(loop, /* spare= */ NULL, &frame, done, userdata, ret);
}

/* Returns 0, or a negative errno with the reason in @ret_why. */
static int begin(struct delivery *d, bool any_token, char *ret_why, size_t size)
{
	struct luks_question allowed = { .any_token = any_token };
	struct worker_frame frame = {
		.type = MSG_LUKS_CHECK, .body = &allowed, .len = sizeof(allowed), .fd = -EBADF
	};
	_cleanup_(closep) int header = -EBADF;
	int r;

	r = open_header(d, &header);
	if (r < 0) {
		(void) snprintf(ret_why, size, "the device of its header cannot be opened: %s%s",
				strerror(-r),
				r == -EACCES ? "; cocod is root without the right to override file "
					       "modes: let root own the file and its folders" : "");
		return r;
	}
	if (d->entry)
		allow(&d->entry->policy, &allowed);
	frame.fd = header;
	r = ask(d->keeper->loop, d->keeper->spare, &frame, on_verdict, d, &d->call);
	if (r < 0)
		(void) snprintf(ret_why, size,
				"cocod-worker cannot be asked about its header: %s", strerror(-r));
	return r;
}

void volume_header_judge(struct delivery *d, bool any_token,
			 void (*done)(struct delivery *d, int error, const char *text))
{
	char why[256];
	int r;

	d->call = worker_call_free(d->call);
	d->judged = done;
	r = begin(d, any_token, why, sizeof(why));
	if (r < 0)
		done(d, r, why);
}
