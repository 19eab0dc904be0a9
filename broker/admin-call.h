/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_ADMIN_CALL_H
#define COCO_BROKER_ADMIN_CALL_H

#include <json-c/json.h>

#include "base/options-complete.h"
#include "broker/coco-broker.h"
#include "ipc/admin-client.h"

/*
 * Ask the broker that runs on this machine (broker/serve/admin.h).  All errors are logged here, and
 * what is returned then is a status of coco-broker.
 */

/* Connect.  @ret is for admin_client_done() in any case.  Returns 0 or STATUS_NO_BROKER. */
int admin_call_open(const struct args *args, struct admin_client *ret);

/*
 * Make the request @request, which is taken over; NULL: there was no memory.  @secret_fd goes along
 * with it if it is not negative.  Returns 0 with an answer that says yes; STATUS_REFUSED when it
 * says no; STATUS_NO_BROKER; STATUS_FAILED.
 */
int admin_call(struct admin_client *c, struct json_object *request, int secret_fd);

/* Both for a request without a secret; @ret is for admin_client_done() in any case. */
int admin_ask(const struct args *args, struct admin_client *ret, struct json_object *request);

/*
 * The request @what, with @path unless it is NULL.  NULL without memory.  One to which something
 * cannot be added becomes NULL: what it would ask for without that is another thing.
 */
struct json_object *admin_request(const char *what, const char *path);
void admin_add_text(struct json_object **request, const char *name, const char *text);
void admin_add_flag(struct json_object **request, const char *name, bool flag);

/*
 * For rows: offer the paths of secrets where a PATH or PREFIX stands, and files elsewhere.  Without
 * a broker that answers this user at once there are none, and nothing is said.
 */
void admin_offer_paths(const struct offers *o);

/* The path of a secret that was given as guests have it in their Uri=, or as it is. */
const char *admin_bare_path(const char *given);

/*
 * Print the answer as the JSON document "coco-broker-@name", if JSON was asked for; true if so.
 * If there is no memory for it, that is logged, and @status is STATUS_FAILED.
 */
bool admin_print_json(const struct args *args, const struct admin_client *c, const char *name,
		      int *status);

/* The same of a part of it.  Returns STATUS_GOOD or STATUS_FAILED. */
_warn_unused_ int admin_print_document(struct json_object *answer, const char *name);

/* A number of an object of the answer; 0 if it is not there. */
uint64_t answer_number(struct json_object *o, const char *name);
struct json_object *answer_list(struct json_object *o, const char *name);	/* or NULL */

#endif
