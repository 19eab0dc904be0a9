/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts and stops cocod in an initramfs without systemd.  systemd-socket-activate can do a part of
 * it: one program, with the rights that it has itself.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/initramfs/starter.h"
#include "agent/status.h"
#include "base/io.h"
#include "base/log.h"
#include "base/options.h"
#include "base/parse.h"
#include "base/systemd.h"
#include "secrets/source.h"

#define PID_FILE "/run/cocod/start.pid"
#define STOP_MSEC 10000

struct args {
	const char *config_root, *programs;
	bool stop, foreground, debug;
};

static const struct option_row options[] = {
	{ "config-root", "DIR", "let cocod read the configuration below DIR",
	  OPTION_PATH(config_root) },
	{ "debug", NULL, "let cocod log more", OPTION_FLAG(debug) },
	{ "foreground", NULL, "stay in the foreground and log to standard error",
	  OPTION_FLAG(foreground) },
	{ "stop", NULL, "stop what was started before", OPTION_FLAG(stop),
	  .excludes = "config-root debug foreground programs" },
	{ "programs", "DIR", "start the programs in DIR", OPTION_PATH(programs), .hidden = true },
	{ NULL },
};

static const struct program program = {
	.name = "cocod-start",
	.help = "Starts cocod, its judges and its way to brokers in an initramfs without systemd.",
	.example = "--config-root=/sysroot",
	.manual = "cocod-start(8)",
	.options = options,
};

/* ---- stopping ---- */

static int read_pid(pid_t *ret)
{
	_cleanup_(freep) char *text = NULL;
	uint64_t pid;
	int r;

	r = read_file_at(AT_FDCWD, PID_FILE, 32, &text, NULL);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (parse_u64(text, &pid) < 0 || pid <= 1 || pid > INT_MAX)
		return -EBADMSG;
	*ret = (pid_t)pid;
	return 0;
}

static int end_process(pid_t pid)
{
	_cleanup_(closep) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	if (syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) < 0)
		return errno == ESRCH ? 0 : -errno;
	if (poll(&p, 1, STOP_MSEC) > 0)
		return 0;
	log_warning("Process %d does not end, killing it", (int)pid);
	(void) syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	return -ETIMEDOUT;
}

/* What does not run needs no stopping. */
static int stop(void)
{
	pid_t pid;
	int r = read_pid(&pid);

	if (r == -ENOENT)
		return 0;
	if (r >= 0)
		r = end_process(pid);
	(void) unlink(PID_FILE);
	return r < 0 ? log_error_errno(r, "Failed to stop what '%s' names: %m", PID_FILE) : 0;
}

/* ---- starting ---- */

static int write_pid(pid_t pid)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)pid);

	return write_file_atomic(PID_FILE, text, (size_t)n, 0644, /* exclusive= */ false);
}

/*
 * All that is said from here on goes to the kernel's log, which the system's journal takes over.
 * As systemd does, let the kernel keep all of it.
 */
static int log_to_kernel(void)
{
	_cleanup_(closep) int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	_cleanup_(closep) int all = open("/proc/sys/kernel/printk_devkmsg", O_WRONLY | O_CLOEXEC);
	_cleanup_(closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)!write(all, "on\n", 3);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		return -errno;
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -errno;
	log_open("cocod-start");
	return 0;
}

/* Returns 1 in the parent, which has nothing more to do, and 0 in the child. */
static int go_to_background(void)
{
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return log_error_errno(errno, "Failed to fork: %m");
	if (pid > 0) {
		r = write_pid(pid);
		if (r < 0)
			(void) kill(pid, SIGKILL);
		return r < 0 ? log_error_errno(r, "Failed to write '%s': %m", PID_FILE) : 1;
	}
	r = setsid() < 0 ? -errno : log_to_kernel();
	return r < 0 ? log_error_errno(r, "Failed to go into the background: %m") : 0;
}

/* cocod has not the right to mount. */
static void mount_securityfs(void)
{
	int r = source_mount_securityfs();

	if (r < 0)
		log_warning_errno(r, "securityfs is not mounted on /sys/kernel/security and cannot "
				     "be (%m); going on without launch secrets");
}

static int start(const struct args *args)
{
	const struct starter_setup setup = {
		.sbin = args->programs ?: SBINDIR,
		.libexec = args->programs ?: PKGLIBEXECDIR,
		.config_root = args->config_root,
		.debug = args->debug,
	};
	_cleanup_(starter_freep) struct starter *s = NULL;
	int r;

	if (systemd_runs()) {
		log_error("This is not for a system that runs systemd; start cocod through "
			  "'systemctl start cocod.socket'");
		return -EPERM;
	}
	r = starter_new(&setup, &s);
	if (r < 0)
		return r;
	mount_securityfs();
	r = args->foreground ? write_pid(getpid()) : go_to_background();
	if (r > 0)
		starter_leave(s);
	return r == 0 ? starter_run(s) : r;
}

int main(int argc, char **argv)
{
	const struct verb *verb;
	struct args args = { 0 };
	int r;

	log_open("cocod-start");
	r = command_read(&program, argc, argv, &args, &verb);
	if (r > 0)
		r = command_check(&program, verb, &args);
	else if (r == 0)
		return COCOD_GOOD;
	if (r == 0)
		r = args.stop ? stop() : start(&args);
	return r < 0 ? COCOD_FAILED : COCOD_GOOD;
}
