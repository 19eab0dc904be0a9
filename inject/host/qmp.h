/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_HOST_QMP_H
#define COCO_INJECT_HOST_QMP_H

#include <json.h>

#include "base/macro.h"

/*
 * A client of QEMU's monitor protocol: one JSON object a line, a greeting first, then a reply
 * to each command, with events between them.  Sources: QEMU, docs/interop/qmp-spec and
 * qapi/misc-target.json.
 *
 * The host is not trusted: lines are bounded in length and depth, and every answer has its
 * time.  One command at a time.
 */

/* Bytes.  The longest answer that we know, query-sev-capabilities', has about 9000. */
#define QMP_LINE_MAX (256 * 1024)

struct qmp;

/*
 * Connect to the socket @path and negotiate.  Each answer may take @timeout_usec.  @ret is yours.
 *
 * Returns 0; -ENAMETOOLONG; -EBUSY when other clients already wait there; a negative errno of
 * socket(2) or connect(2); an error of qmp_new().
 */
int qmp_connect(const char *path, uint64_t timeout_usec, struct qmp **ret);

/*
 * As above over @fd, a connected socket that @ret owns then, and closes; on error it is still
 * yours.
 *
 * Returns 0; -ETIMEDOUT without a greeting in time (another client has the monitor: QEMU serves
 * one); -EPROTO when the peer speaks something else; -ERANGE for a whole number that 64 bits do
 * not hold; -ECONNRESET when it hangs up; -EREMOTEIO
 * when it refuses qmp_capabilities; -ENOMEM; an error of poll(2), recv(2), send(2).
 */
int qmp_new(int fd, uint64_t timeout_usec, struct qmp **ret);

struct qmp *qmp_free(struct qmp *q);
DEFINE_CLEANUP(struct qmp *, qmp_free)

/*
 * Ask @command with @arguments (may be NULL; borrowed) and wait for its reply.  @ret, what
 * stands under "return", is yours.
 *
 * Returns 0; -EREMOTEIO when QEMU answers with an error, whose text is then at
 * qmp_error_desc(); -ETIMEDOUT; -ECONNRESET at the end of the stream; -EPROTO for a line that
 * is too long, no JSON object (as jspan_check() says), or no reply to this command; -ERANGE for a
 * whole number that 64 bits do not hold; -ENOMEM; an error of poll(2),
 * recv(2) or send(2).  After any but 0 and -EREMOTEIO the connection is of no more use.
 */
int qmp_call(struct qmp *q, const char *command, struct json_object *arguments,
	     struct json_object **ret);

/*
 * What QEMU said to the last call that returned -EREMOTEIO, printable and cut to a line's
 * length; "" before.
 */
const char *qmp_error_desc(const struct qmp *q);

#endif
