/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage: judge-header FILE [TOKEN...]: prints what cocod-worker says about the LUKS header in
 * FILE, for tests that make headers.
 */
#include <fcntl.h>
#include <stdio.h>

#include "agent/worker/luks-judge.h"
#include "base/io.h"

int main(int argc, char **argv)
{
	_cleanup_(closep) int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -EINVAL;
	struct luks_question q = { "" };
	struct luks_verdict v;
	size_t n = 0;

	if (fd < 0)
		return 2;
	for (int i = 2; i < argc && n < sizeof(q.allow_tokens); i++)
		n += (size_t)snprintf(q.allow_tokens + n, sizeof(q.allow_tokens) - n, "%s%s",
				      n ? " " : "", argv[i]);
	luks_judge(fd, &q, &v);
	printf("%s: %s\n", v.error ? "refused" : "good", v.reason);
	return v.error ? 1 : 0;
}
