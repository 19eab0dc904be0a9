/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#ifndef COCO_TESTS_VM_VERDICTS_VERDICTS_H
#define COCO_TESTS_VM_VERDICTS_VERDICTS_H

#include "wire/freestanding.h"

/*
 * What the parsers that kernel and programs share say about some bytes, as text.  A test compares
 * both sides.
 * @parser is "secret-table", "ovmf-table" or "svkl".  Writes up to @room bytes, with a NUL.
 * Returns the text's length; -EINVAL for another parser.
 */
int verdicts(const char *parser, const uint8_t *data, size_t len, char *ret, size_t room);

#endif
