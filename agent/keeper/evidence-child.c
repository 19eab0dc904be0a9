/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/evidence-child.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

#define TIMEOUT_USEC (60 * UINT64_C(1000000))

/* What the child has to say beside the pack; shared memory, of a fixed size. */
struct report {
	int error;
	char type[16];
	struct cause why;
};

struct evidence_child {
	struct evidence_child_setup setup;
	uint8_t report_data[REPORT_DATA_LEN];
	size_t len;
	bool busy;			/* done() is still due */
	struct report *report;
	int pack;			/* memfd */
	pid_t pid;			/* until it is reaped, which may be after done() */
	int pidfd;
	struct watch *exit, *timer;
};

static void end(struct evidence_child *c, int error, const char *why)
{
	char type[sizeof(c->report->type)];

	c->timer = watch_free(c->timer);
	c->busy = false;
	memcpy(type, c->report->type, sizeof(type));
	type[sizeof(type) - 1] = '\0';
	c->setup.done(c->setup.userdata, error, error ? "" : type, why);
}

static void end_without(struct evidence_child *c, int error, const char *format, ...)
	_printf_(3, 4);
static void end_without(struct evidence_child *c, int error, const char *format, ...)
{
	char why[CAUSE_MAX + 128];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	end(c, error, why);
}

/* ---- in the child ---- */

static int gather_all(struct evidence_child *c, struct bundle *b, struct cause *why)
{
	struct attest_request q = { .root = c->setup.root, .privlevel = -1, .nonce_len = c->len };
	struct cause ignored = { "" };
	int r = 0, gathered;

	memcpy(q.nonce, c->report_data, c->len);
	gathered = c->setup.gather(&q, b, why);
	if (gathered < 0 && gathered != -ENODEV)
		return gathered;
	/*
	 * On a machine without a TEE, what is missing beside the evidence is not the first thing
	 * that a person should hear.
	 */
	if (c->setup.add)
		r = c->setup.add(c->setup.userdata, gathered, b, gathered < 0 ? &ignored : why);
	if (r < 0 && gathered == 0)
		return r;
	r = bundle_write_pack(b, c->pack);
	return r < 0 ? cause_set(why, r, "the evidence cannot be packed: %s", strerror(-r)) :
		       gathered;
}

static _Noreturn void child_main(struct evidence_child *c, pid_t parent)
{
	struct bundle b = { 0 };
	struct cause why = { "" };
	int r;

	/* The child ends when the keeper ends. */
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	/* A connection that the keeper closes must end, even while the child is still waiting. */
	if ((c->pack > 3 && close_range(3, (unsigned)c->pack - 1, 0) < 0) ||
	    close_range((unsigned)c->pack + 1, ~0u, 0) < 0)
		_exit(EXIT_FAILURE);
	r = gather_all(c, &b, &why);
	(void) snprintf(c->report->type, sizeof(c->report->type), "%s",
			bundle_text(&b, BUNDLE_TYPE));
	c->report->why = why;
	c->report->error = r;
	_exit(EXIT_SUCCESS);
}

/* ---- in the keeper ---- */

static int on_exit_of_child(void *userdata)
{
	struct evidence_child *c = userdata;
	siginfo_t si = { 0 };
	struct cause why;

	(void) waitid(P_PIDFD, (id_t)c->pidfd, &si, WEXITED);
	c->pid = 0;
	c->exit = watch_free(c->exit);
	c->pidfd = close_fd(c->pidfd);
	/* It was given up, and that has been reported. */
	if (!c->busy)
		return 0;
	if (si.si_code != CLD_EXITED || si.si_status != EXIT_SUCCESS) {
		end_without(c, -EIO,
			    "the process that asks the TEE for evidence died (%s %d)",
			    si.si_code == CLD_EXITED ? "status" : "signal", si.si_status);
		return 0;
	}
	why = c->report->why;
	why.text[sizeof(why.text) - 1] = '\0';
	if (c->report->error < 0)
		end_without(c, c->report->error, "%s",
			    why.text[0] ? why.text : strerror(-c->report->error));
	else
		end(c, 0, "");
	return 0;
}

static int on_timeout(void *userdata)
{
	struct evidence_child *c = userdata;

	(void) kill(c->pid, SIGKILL);
	end_without(c, -ETIMEDOUT, "the TEE does not answer");
	return 0;
}

static int fork_child(struct evidence_child *c)
{
	pid_t parent = getpid(), pid;
	int r;

	c->pack = close_fd(c->pack);
	c->pack = memfd_create("evidence", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (c->pack < 0)
		return -errno;
	*c->report = (struct report){ .error = -EIO };
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_main(c, parent);
	c->pid = pid;
	c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	r = c->pidfd < 0 ? -errno :
			   watch_fd(c->setup.loop, c->pidfd, POLLIN, on_exit_of_child, c, &c->exit);
	if (r >= 0)
		r = watch_after(c->setup.loop, c->setup.timeout_usec, on_timeout, c, &c->timer);
	if (r < 0 && !c->exit) {
		(void) kill(pid, SIGKILL);
		(void) waitpid(pid, NULL, 0);
		c->pid = 0;
		c->pidfd = close_fd(c->pidfd);
	} else if (r < 0) {
		(void) kill(pid, SIGKILL);	/* it is reaped when it ends */
	}
	return r;
}

int evidence_child_ask(struct evidence_child *c, const uint8_t *report_data, size_t len)
{
	int r;

	assert(len <= REPORT_DATA_LEN);
	if (evidence_child_is_busy(c))
		return -EBUSY;
	memset(c->report_data, 0, sizeof(c->report_data));
	memcpy(c->report_data, report_data, len);
	c->len = len;
	r = fork_child(c);
	if (r < 0)
		return r;
	c->busy = true;
	return 0;
}

bool evidence_child_is_busy(const struct evidence_child *c)
{
	return c->busy || c->pid > 0;
}

int evidence_child_take_pack(struct evidence_child *c)
{
	return TAKE_FD(c->pack);
}

int evidence_child_new(const struct evidence_child_setup *s, struct evidence_child **ret)
{
	struct evidence_child *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct evidence_child){ .setup = *s, .pack = -EBADF, .pidfd = -EBADF };
	c->setup.timeout_usec = s->timeout_usec ?: TIMEOUT_USEC;
	c->report = mmap(NULL, sizeof(*c->report), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c->report == MAP_FAILED) {
		free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

struct evidence_child *evidence_child_free(struct evidence_child *c)
{
	if (!c)
		return NULL;
	watch_free(c->exit);
	watch_free(c->timer);
	if (c->pid > 0)
		(void) kill(c->pid, SIGKILL);
	(void) close_fd(c->pidfd);
	(void) close_fd(c->pack);
	(void) munmap(c->report, sizeof(*c->report));
	free(c);
	return NULL;
}
