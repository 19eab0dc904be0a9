/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_COCOCTL_H
#define COCO_CLI_COCOCTL_H


#include "base/clock.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/status.h"
#include "ipc/client.h"

extern const struct verb verb_attest_report, verb_attest_verify, verb_attest_fetch,
	verb_attest_show, verb_attest_policy;
extern const struct verb verb_secrets_list, verb_secrets_show, verb_secrets_get, verb_secrets_has,
	verb_secrets_place, verb_secrets_withdraw, verb_secrets_wipe;
extern const struct verb verb_broker_get, verb_broker_check, verb_broker_set;
extern const struct verb verb_luks_check, verb_luks_enroll, verb_luks_format, verb_luks_list,
	verb_luks_remove, verb_luks_test;
extern const struct verb verb_boot_time, verb_doctor, verb_exec, verb_status;

/*
 * Connect to cocod.  @ret_fd is yours.  Returns 0, or STATUS_NO_COCOD after it has logged what to
 * do.
 */
int cli_connect(const struct args *args, int *ret_fd);

/*
 * Log the errno that cocod answered about the secret @name, or NULL if it is not about a secret.
 * Returns the exit status for it.
 */
int cli_failed(int error, const char *name);

/*
 * Ask cocod for its warning number @i, from 0.  The text in @ret is printable.
 * Returns 0; -ENOENT after the last one; an error of client_call().
 */
int cli_ask_warning(int fd, unsigned i, struct msg_warning *ret);

/*
 * Print @o as JSON and free it.  NULL is a document for which there was no memory.  Returns
 * STATUS_GOOD; STATUS_FAILED, which is logged.
 */
_warn_unused_ int print_json(struct json_object *o);

/* CLOCK_REALTIME as "2026-01-31T12:00:00Z" in @buf; "-" for 0. */
const char *format_time(uint64_t usec, char buf[static TIME_TEXT_MAX]);

/* As json_add_text(); a time of 0 is null. */
_warn_unused_ int json_add_time(struct json_object *o, const char *key, uint64_t usec);

#endif
