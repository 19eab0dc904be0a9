/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_PLAN_QUOTE_H
#define COCO_INJECT_PLAN_QUOTE_H

#include <stdio.h>

#include "base/macro.h"

/*
 * Any text, written so that the reader of a format takes exactly that text.  What is written is
 * printable and on one line.  Errors of @f are the caller's to ask for.
 */

/*
 * One word for a shell.  Hidden characters, and bytes that are not UTF-8, come as $'\001', which
 * bash, zsh, ksh and POSIX's shells of 2024 take.
 */
void quote_shell(FILE *f, const char *text);

/* The value of a key in an option of QEMU: "a,b" is "a,,b".  The result is for quote_shell(). */
void quote_qemu(FILE *f, const char *text);

/*
 * The path of a file for QEMU: "./nbd:x" for "nbd:x", which would be a protocol.  Returns what goes
 * before the path.
 */
const char *quote_qemu_path(const char *path);

/* Content of an element or an attribute.  The text must be UTF-8 of characters that XML has. */
void quote_xml(FILE *f, const char *text);

/*
 * A string of xl.cfg, with its quotation marks.  The text must be UTF-8 without hidden
 * characters.
 */
void quote_xl(FILE *f, const char *text);

#endif
