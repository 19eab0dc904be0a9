/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "attest/bundle-file.h"
#include "attest/need.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/table.h"
#include "base/text.h"
#include "broker/admin-call.h"

#define LOOK_USEC 200000
#define WAIT_USEC (UINT64_C(120) * 1000000)

static const char *const cas[] = { "platform", "processor", NULL };

/* ---- warm ---- */

/* As needs_machine() writes it. */
static void name_machine(const struct args *args, char ret[static NEEDS_MACHINE_LEN])
{
	int n = snprintf(ret, NEEDS_MACHINE_LEN, "tdx-%s-%.20s", cas[args->collateral.ca.index],
			 args->collateral.fmspc);

	for (int i = 0; i < n && ret[i]; i++)
		ret[i] = (char)tolower((unsigned char)ret[i]);
}

static int make_request(const struct args *args, struct json_object **ret)
{
	_cleanup_(freep) char *bundle = NULL;
	const char *path = args->collateral.bundle;
	char machine[NEEDS_MACHINE_LEN];
	int r;

	*ret = admin_request("collateral-warm", NULL);
	if (!path) {
		name_machine(args, machine);
		admin_add_text(ret, "machine", machine);
		return 0;
	}
	r = streq(path, "-") ? read_file_fd(STDIN_FILENO, BUNDLE_FILE_MAX, &bundle, NULL) :
			       read_file_at(AT_FDCWD, path, BUNDLE_FILE_MAX, &bundle, NULL);
	if (r < 0) {
		(void) json_object_put(*ret);
		*ret = NULL;
		log_error_errno(r, "Failed to read '%s': %m", path);
		return STATUS_FAILED;
	}
	admin_add_text(ret, "bundle", bundle);
	return 0;
}

static struct json_object *find_machine(struct json_object *list, const char *name)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (streq(admin_text(o, "machine"), name))
			return o;
	}
	return NULL;
}

static bool is_pending(struct json_object *machine)
{
	struct json_object *pending;

	return json_object_object_get_ex(machine, "pending", &pending) &&
	       json_object_get_boolean(pending);
}

/* The broker fetches on its own, and is asked how far it is. */
static int wait_for(struct admin_client *c, const char *name, struct json_object **ret)
{
	static const struct timespec look = { .tv_nsec = LOOK_USEC * 1000 };
	uint64_t end = now_usec() + WAIT_USEC;
	int r;

	for (;;) {
		r = admin_call(c, admin_request("collateral-list", NULL), -EBADF);
		if (r != 0)
			return r;
		*ret = find_machine(answer_list(c->answer, "machines"), name);
		if (*ret && !is_pending(*ret))
			return 0;
		if (now_usec() > end) {
			log_error("It takes long; 'coco-broker collateral list' says how it ends");
			return STATUS_FAILED;
		}
		(void) nanosleep(&look, NULL);
	}
}

static int run_warm(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	struct json_object *request, *machine = NULL;
	char name[NEEDS_MACHINE_LEN], until[TIME_TEXT_MAX];
	const char *trouble;
	int r;

	if (!args->collateral.fmspc == !args->collateral.bundle) {
		log_error("What is to be fetched?  Say --fmspc and --ca, or --bundle");
		return STATUS_USAGE;
	}
	r = make_request(args, &request);
	if (r == 0)
		r = admin_ask(args, &c, request);
	if (r != 0)
		return r;
	(void) snprintf(name, sizeof(name), "%s", admin_text(c.answer, "machine"));
	r = wait_for(&c, name, &machine);
	if (r != 0)
		return r;
	trouble = admin_text(machine, "trouble");
	if (args->json)
		r = admin_print_document(machine, "collateral-warm");
	else if (!trouble[0])
		print("%s: all of it is there, until %s\n", name,
		      time_format((int64_t)answer_number(machine, "expires"), until) ? until : "?");
	if (trouble[0])
		log_error("%s: %s", name, trouble);
	return trouble[0] ? STATUS_FAILED : r;
}

static const struct option_row warm_options[] = {
	{ "fmspc", "HEX", "Intel's name for a sort of machine, 12 digits, as 'tdx.fmspc' of a "
			  "verdict",
	  OPTION_STRING(collateral.fmspc), .needs = "ca" },
	{ "ca", "NAME", "platform or processor: who certified such machines",
	  OPTION_CHOICE(collateral.ca, cas), .needs = "fmspc" },
	{ "bundle", "FILE", "evidence of such a machine, as 'cococtl attest report' writes it; '-' "
			    "for a pipe",
	  OPTION_PATH(collateral.bundle), .excludes = "fmspc" },
	ROW_JSON,
	{ NULL },
};

const struct verb verb_collateral_warm = {
	.name = "collateral warm",
	.help = "Fetch collateral now, before the first guest needs it",
	.example = "--bundle=vm1.bundle",
	.options = warm_options,
	.run = run_warm,
};

/* ---- list ---- */

static const char *date(struct json_object *o, const char *name, char ret[static TIME_TEXT_MAX])
{
	uint64_t t = answer_number(o, name);

	return t && time_format((int64_t)t, ret) ? ret : "-";
}

static void print_machine(struct json_object *o)
{
	char expires[TIME_TEXT_MAX], used[TIME_TEXT_MAX], fetched[TIME_TEXT_MAX];
	const char *trouble = admin_text(o, "trouble");

	print("%s: expires %s, last used %s, fetched %s%s\n", admin_text(o, "machine"),
	      date(o, "expires", expires), date(o, "used", used), date(o, "fetched", fetched),
	      is_pending(o) ? ", being fetched" : "");
	if (trouble[0])
		print("    %s\n", trouble);
}

static int print_files(struct json_object *files)
{
	static const struct table_column columns[] = {
		{ "FROM" }, { "ISSUED" }, { "EXPIRES" }, { "FILE" }
	};
	_cleanup_(table_done) struct table t = { columns, ARRAY_SIZE(columns), .head = 3 };
	char issued[TIME_TEXT_MAX], expires[TIME_TEXT_MAX];

	for (size_t i = 0; files && i < json_object_array_length(files); i++) {
		struct json_object *o = json_object_array_get_idx(files, i);
		const char *const cells[] = { admin_text(o, "from"), date(o, "issued", issued),
					      date(o, "expires", expires),
					      admin_text(o, "file") };

		if (table_add(&t, cells) < 0) {
			(void) log_oom();
			return STATUS_FAILED;
		}
	}
	table_print(&t);
	return 0;
}

static int run_list(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	struct json_object *machines;
	int r = admin_ask(args, &c, admin_request("collateral-list", NULL));

	if (r != 0 || admin_print_json(args, &c, "collateral-list", &r))
		return r;
	machines = answer_list(c.answer, "machines");
	for (size_t i = 0; machines && i < json_object_array_length(machines); i++)
		print_machine(json_object_array_get_idx(machines, i));
	return print_files(answer_list(c.answer, "files"));
}

const struct verb verb_collateral_list = {
	.name = "collateral list",
	.help = "List the collateral, when it was issued and when it expires",
	.example = "",
	.options = json_options,
	.run = run_list,
};
