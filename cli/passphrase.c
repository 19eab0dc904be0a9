/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/passphrase.h"

#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#define PASSPHRASE_MAX 512	/* typed; cryptsetup has the same limit */

int passphrase_of_file(const char *path, struct secret **ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : secret_read(fd, SECRET_MAX, ret);

	return r < 0 ? log_error_errno(r, "Failed to read the key file '%s': %m", path) : 0;
}

/* Cut @s before its first newline. */
static void first_line(struct secret *s)
{
	const uint8_t *b = secret_data(s), *end = memchr(b, '\n', secret_len(s));

	if (end)
		secret_truncate(s, (size_t)(end - b));
}

int passphrase_of_fd(int fd, struct secret **ret)
{
	int r = secret_read(fd, SECRET_MAX, ret);

	if (r < 0)
		return log_error_errno(r, "Failed to read a passphrase from descriptor %d: %m", fd);
	first_line(*ret);
	return 0;
}

/* ---- the terminal ---- */

static volatile sig_atomic_t caught;

static void on_signal(int n)
{
	caught = n;
}

static const int signals[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP };

static int read_line(int fd, struct secret *s)
{
	size_t n = 0;

	while (n < secret_len(s)) {
		ssize_t got = read(fd, secret_bytes(s) + n, secret_len(s) - n);

		if (got < 0 && errno == EINTR && !caught)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
		/* A terminal gives one line at a time. */
		if (secret_data(s)[n - 1] == '\n')
			break;
	}
	if (n == secret_len(s))
		return -EMSGSIZE;
	secret_truncate(s, n);
	first_line(s);
	return 0;
}

/* The terminal shows again what is typed, whatever ends the reading. */
static int read_silently(int fd, const char *prompt, struct secret *s)
{
	struct sigaction before[ARRAY_SIZE(signals)];
	const struct sigaction catch = { .sa_handler = on_signal };
	struct termios shown, silent;
	int r;

	if (tcgetattr(fd, &shown) < 0)
		return -errno;
	silent = shown;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	silent.c_lflag |= ICANON | ISIG;
	caught = 0;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void) sigaction(signals[i], &catch, &before[i]);
	r = tcsetattr(fd, TCSAFLUSH, &silent) < 0 ? -errno :
						    write_full(fd, prompt, strlen(prompt));
	if (r >= 0)
		r = read_line(fd, s);
	(void) tcsetattr(fd, TCSAFLUSH, &shown);
	(void) write_full(fd, "\n", 1);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void) sigaction(signals[i], &before[i], NULL);
	if (caught)
		(void) raise(caught);
	return r;
}

int passphrase_ask(const char *prompt, struct secret **ret)
{
	_cleanup_(closep) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	_cleanup_(secret_freep) struct secret *s = NULL;
	int r = fd < 0 ? -ENXIO : secret_new(PASSPHRASE_MAX + 2, &s);

	if (r == -ENXIO)
		return log_error_errno(r, "There is no terminal to ask for a passphrase; give one "
					  "with --passphrase-fd or --unlock-key-file");
	if (r >= 0)
		r = read_silently(fd, prompt, s);
	if (r < 0)
		return log_error_errno(r, "Failed to read a passphrase: %m");
	*ret = TAKE_PTR(s);
	return 0;
}
