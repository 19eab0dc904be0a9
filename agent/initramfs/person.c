/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/initramfs/person.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

#define END_MSEC 2000	/* for askpass to end by itself */

_Noreturn static void execute(const char *program, const char *question, int answer)
{
	sigset_t none;

	sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	(void) signal(SIGPIPE, SIG_DFL);
	if (dup2(answer, STDOUT_FILENO) == STDOUT_FILENO)
		(void) execl(program, program, question, NULL);
	_exit(127);
}

int person_ask(const char *program, const char *question, struct person *ret)
{
	_cleanup_(closep) int read_end = -EBADF, write_end = -EBADF;
	int pipe_fds[2], fd;
	pid_t pid;

	*ret = PERSON_NONE;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	read_end = pipe_fds[0];
	write_end = pipe_fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		execute(program, question, write_end);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0) {
		int r = -errno;

		(void) kill(pid, SIGKILL);
		(void) waitpid(pid, NULL, 0);
		return r;
	}
	*ret = (struct person){ .pid = pid, .pidfd = fd, .answer = TAKE_FD(read_end) };
	return 0;
}

/* Returns the status of waitpid(2), or -1 without one. */
static int await_end(struct person *p)
{
	int status = -1;

	while (waitpid(p->pid, &status, 0) < 0)
		if (errno != EINTR)
			break;
	p->pid = 0;
	p->pidfd = close_fd(p->pidfd);
	p->answer = close_fd(p->answer);
	return status;
}

int person_read(struct person *p, size_t max, struct secret **ret)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	int r = secret_read(p->answer, max, &s), status;

	/* A program that still has something to say would wait for somebody who reads it. */
	if (r < 0)
		(void) kill(p->pid, SIGKILL);
	status = await_end(p);
	if (r < 0)
		return r;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || secret_len(s) == 0)
		return -ENOKEY;
	*ret = TAKE_PTR(s);
	return 0;
}

static bool ends(const struct person *p, int msec)
{
	struct pollfd poll_fd = { .fd = p->pidfd, .events = POLLIN };

	return poll(&poll_fd, 1, msec) > 0;
}

/* What it prints then is for nobody. */
static void answer_nothing(const char *fifo)
{
	_cleanup_(closep) int fd = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		(void)!write(fd, "\n", 1);
}

void person_dismiss(struct person *p, const char *fifo)
{
	if (p->pid <= 0)
		return;
	answer_nothing(fifo);
	if (!ends(p, END_MSEC)) {
		(void) kill(p->pid, SIGTERM);
		if (!ends(p, END_MSEC))
			(void) kill(p->pid, SIGKILL);
	}
	(void) await_end(p);
}
