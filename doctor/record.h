/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_RECORD_H
#define COCO_DOCTOR_RECORD_H

#include "base/cause.h"
#include "doctor/probe-text.h"
#include "doctor/tree.h"

/*
 * A record: a folder that a provider can be opened on in the place of the machine.  It has only
 * what checks have asked for.  Of long texts (the kernel's log, its command line and its
 * configuration) it has only the lines and words that were looked for, so that nothing else of the
 * machine is in it.  In all text UUIDs, which are serial numbers, become numbers from
 * 1 on.
 *
 * Whatever cannot be written is remembered, and record_end() tells.
 */
struct record;

/* Make the folder @path, mode 0700.  Returns 0; -EEXIST; another errno with the cause in @why. */
int record_begin(const char *path, struct record **ret, struct cause *why);

/* Write what is left, and free @r.  Returns 0, or an errno with the cause in @why. */
int record_end(struct record *r, struct cause *why);

/* The file @path of the machine. */
void record_file(struct record *r, const char *path, const void *data, size_t len);
/* A line of the file @path, which is there but not recorded as a whole; NULL for none yet. */
void record_line(struct record *r, const char *path, const char *line);
/*
 * There is something at @path: a folder, a socket, or else a file; what is in it does not matter.
 */
void record_presence(struct record *r, const char *path, mode_t mode);
/* A symbolic link to something with the name @target, which the record does not have. */
void record_link(struct record *r, const char *path, const char *target);
/* The file @path is there, but @got says that it could not be had: .probe/files. */
void record_refusal(struct record *r, const char *path, enum got got);

#endif
