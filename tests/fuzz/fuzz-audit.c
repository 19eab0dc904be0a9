/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "broker/store/anchor.h"
#include "broker/store/audit.h"

/* A file of exported records; its first line also as a checkpoint, and as the file of an anchor. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void see_problem(void *userdata, const char *instance, const char *text)
{
	/* Each byte of what people are told is there. */
	if (strlen(instance) > AUDIT_INSTANCE_MAX || !text[0])
		abort();
	++*(int *)userdata;
}

static void see_chain(void *userdata, const struct audit_chain *c)
{
	if (!audit_instance_is_valid(c->instance))
		abort();
}

static void read_checkpoint(struct bytes text)
{
	struct checkpoint c;

	if (checkpoint_read_any(text, NULL, &c) == 0 && !audit_instance_is_valid(c.instance))
		abort();
}

/* What can be read can be written and read again. */
static void read_anchor(struct bytes text)
{
	struct anchor a, again;
	char copy[ANCHOR_TEXT_MAX];
	size_t len;

	if (anchor_parse(text.p, text.len, &a) < 0)
		return;
	len = anchor_format(&a, copy);
	if (anchor_parse(copy, len, &again) < 0 || memcmp(&a, &again, sizeof(a)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(closep) int fd = memfd_create("log", MFD_CLOEXEC);
	const uint8_t *newline = memchr(data, '\n', len);
	struct bytes first = { data, newline ? (size_t)(newline - data) : len };
	int problems = 0, r;
	struct audit_check check = {
		.problem = see_problem, .chain = see_chain, .userdata = &problems
	};
	struct cause why;

	read_checkpoint(first);
	read_anchor(first);
	if (write_full(fd, data, len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return 0;
	r = audit_verify_file(fd, &check, &why);
	if (r >= 0 && r != problems)
		abort();
	return 0;
}
