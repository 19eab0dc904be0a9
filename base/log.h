/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_LOG_H
#define COCO_BASE_LOG_H

#include <stdarg.h>
#include <syslog.h>

#include "base/macro.h"
#include "base/text.h"

/*
 * Write one line to standard error.  When standard error is systemd's journal, the line begins
 * with "<LEVEL>", which the journal removes.  Otherwise it begins with the program's name, and in
 * the kernel's log, /dev/kmsg, with both.
 *
 * Put names and paths into quotes.  They may be anybody's text: characters that are not printable
 * become '?' (base/text.h).  Secret bytes never get here: printf does not take a struct secret.
 */

/* @name is borrowed and shown before each line outside the journal.  Call once, first. */
void log_open(const char *name);

/* Lines less urgent than @level (LOG_ERR ... LOG_DEBUG) are dropped; LOG_INFO at the start. */
void log_set_max_level(int level);

/* True if lines of @level are written, and to systemd's journal. */
bool log_is_journal(int level);

/* @error is 0 or an errno of either sign, for "%m".  Returns -|@error|. */
int log_full(int level, int error, const char *format, ...) _printf_(3, 4);
int log_fullv(int level, int error, const char *format, va_list ap) _printf_(3, 0);

#define log_error_errno(error, ...) log_full(LOG_ERR, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, error, __VA_ARGS__)
#define log_error(...) ((void) log_full(LOG_ERR, 0, __VA_ARGS__))
#define log_warning(...) ((void) log_full(LOG_WARNING, 0, __VA_ARGS__))
#define log_notice(...) ((void) log_full(LOG_NOTICE, 0, __VA_ARGS__))
#define log_info(...) ((void) log_full(LOG_INFO, 0, __VA_ARGS__))
#define log_debug(...) ((void) log_full(LOG_DEBUG, 0, __VA_ARGS__))
#define log_oom() log_full(LOG_ERR, ENOMEM, "Out of memory")

#endif
