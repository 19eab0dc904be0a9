/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"

static const char *log_name = "coco-agent";
static int log_max_level = LOG_INFO;
static bool log_to_journal, log_to_kernel;

/* The kernel refuses a longer line as a whole. */
#define KERNEL_LINE_MAX 960

/*
 * $JOURNAL_STREAM is "DEVICE:INODE" of the stream that systemd connected.  Standard error may
 * have been redirected since.
 */
static bool stderr_is_journal(void)
{
	const char *e = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	char end;

	if (!e || sscanf(e, "%llu:%llu%c", &dev, &ino, &end) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

static bool stderr_is_kernel_log(void)
{
	struct stat st;

	return fstat(STDERR_FILENO, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 11);
}

void log_open(const char *name)
{
	log_name = name;
	log_to_journal = stderr_is_journal();
	log_to_kernel = stderr_is_kernel_log();
}

void log_set_max_level(int level)
{
	log_max_level = level;
}

bool log_is_journal(int level)
{
	return log_to_journal && level <= log_max_level;
}

int log_fullv(int level, int error, const char *format, va_list ap)
{
	char line[2048];
	int saved = errno, r;
	size_t n, size = log_to_kernel ? KERNEL_LINE_MAX : sizeof(line);

	error = abs(error);
	if (level > log_max_level)
		return -error;

	if (log_to_journal)
		r = snprintf(line, sizeof(line), "<%d>", level);
	else if (log_to_kernel)
		r = snprintf(line, sizeof(line), "<%d>%s: ", LOG_DAEMON | level, log_name);
	else
		r = snprintf(line, sizeof(line), "%s: ", log_name);
	n = (size_t)MAX(r, 0);
	errno = error;
	line[n] = '\0';
	(void) vsnprintf(line + n, size - n - 1, format, ap);
	/* Names, paths and reasons often contain somebody else's words. */
	make_printable(line + n);
	n = strlen(line);
	line[n++] = '\n';
	/* One write for each line, so that lines of several processes do not mix. */
	(void) !write(STDERR_FILENO, line, n);

	errno = saved;
	return -error;
}

int log_full(int level, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error = log_fullv(level, error, format, ap);
	va_end(ap);
	return error;
}
