/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_CDH_H
#define COCO_WIRE_CDH_H

#include <stdbool.h>

#include "wire/broker.h"

/*
 * The part of the confidential data hub's REST that we serve: GET /cdh/resource/REPOSITORY/TYPE/TAG
 * gives the bytes of the secret that a broker calls kbs:///REPOSITORY/TYPE/TAG.
 */

/* True if @path is "REPOSITORY/TYPE/TAG", a path of wire/kbs-uri.h without plugin and query. */
bool cdh_path_is_valid(const char *path);

/*
 * Take the secret's path from @target, the path of a request.  There is one way to write each:
 * nothing is decoded, and no slash is left out or doubled.  Returns false, with @ret not written,
 * for any other target.
 */
bool cdh_target_parse(const char *target, char ret[static BROKER_PATH_LEN]);

#endif
