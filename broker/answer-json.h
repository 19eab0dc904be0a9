/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_ANSWER_JSON_H
#define COCO_BROKER_ANSWER_JSON_H

#include "base/json.h"

/*
 * What --json prints of the broker's @answer, in the form of coco-json(5): the document
 * "coco-broker-@name" without what is the socket's protocol alone, its members in one spelling, and
 * times as text, null when they are not known.  Returns NULL without memory.
 */
struct json_object *answer_document(struct json_object *answer, const char *name);

#endif
