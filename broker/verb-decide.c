/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attest/bundle-file.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "broker/admin-call.h"

static const char *when(struct json_object *o, const char *name, char ret[static TIME_TEXT_MAX])
{
	return time_format((int64_t)answer_number(o, name), ret) ? ret : "?";
}

/* ---- try ---- */

static int read_bundle(const char *path, char **ret)
{
	int r = streq(path, "-") ? read_file_fd(STDIN_FILENO, BUNDLE_FILE_MAX, ret, NULL) :
				   read_file_at(AT_FDCWD, path, BUNDLE_FILE_MAX, ret, NULL);

	if (r < 0)
		log_error_errno(r, "Failed to read '%s': %m", path);
	return r < 0 ? STATUS_FAILED : 0;
}

static int print_try(const struct args *args, const struct admin_client *c)
{
	struct json_object *released = NULL;
	bool good = json_object_object_get_ex(c->answer, "released", &released) &&
		    json_object_get_boolean(released);
	const char *launch = admin_text(c->answer, "launch");
	int r = STATUS_GOOD;

	if (!admin_print_json(args, c, "try", &r)) {
		print_coloured(good ? TEXT_GREEN : TEXT_RED,
			       good ? "would be released" : "would be refused");
		if (good)
			print(", %s: identity %s\n", admin_text(c->answer, "release"),
			      admin_text(c->answer, "identity"));
		else
			print(", %s: %s\n", admin_text(c->answer, "code"),
			      admin_text(c->answer, "reason"));
		if (!streq(launch, "known") && launch[0])
			print("its launch is not known: %s\n", launch);
	}
	return good ? r : STATUS_REFUSED;
}

static int run_try(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	_cleanup_(freep) char *bundle = NULL;
	struct json_object *request;
	int r;

	r = read_bundle(args->decide.bundle, &bundle);
	if (r != 0)
		return r;
	request = admin_request("try", admin_bare_path(args->words.items[0]));
	admin_add_text(&request, "bundle", bundle);
	r = admin_ask(args, &c, request);
	return r == 0 ? print_try(args, &c) : r;
}

static const struct option_row try_options[] = {
	{ "bundle", "FILE", "evidence, as 'cococtl attest report' writes it; '-' for a pipe",
	  OPTION_PATH(decide.bundle), .required = true },
	ROW_COLOUR,
	ROW_JSON,
	{ NULL },
};

const struct verb verb_try = {
	.name = "try",
	.help = "Say whether this evidence would get that secret, and why not",
	.example = "default/luks/vm1 --bundle=vm1.bundle",
	.options = try_options,
	.words = { .value = "PATH", OPTION_LIST(words, 1), .required = true,
		   .offer = admin_offer_paths },
	.run = run_try,
};

/* ---- approve ---- */

static void print_approvals(struct json_object *list)
{
	char time[TIME_TEXT_MAX];

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *a = json_object_array_get_idx(list, i);
		const char *answer = admin_text(a, "answer");

		print("%s  %s, asked for at %s%s%s\n    launch %s: %s\n", admin_text(a, "id"),
		      admin_text(a, "path"), when(a, "asked", time),
		      answer[0] ? ", answered " : "", answer, admin_text(a, "launch"),
		      admin_text(a, "reason"));
	}
}

static int run_approve(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	struct json_object *request;
	int r;

	if (args->words.n == 0) {
		r = admin_ask(args, &c, admin_request("approvals", NULL));
		if (r == 0 && !admin_print_json(args, &c, "approvals", &r))
			print_approvals(answer_list(c.answer, "approvals"));
		return r;
	}
	request = admin_request("approve", NULL);
	admin_add_text(&request, "id", args->words.items[0]);
	admin_add_flag(&request, "no", args->decide.no);
	r = admin_ask(args, &c, request);
	if (r == 0)
		(void) admin_print_json(args, &c, "approve", &r);
	return r;
}

static const struct option_row approve_options[] = {
	{ "no", NULL, "refuse it instead", OPTION_FLAG(decide.no) },
	ROW_JSON,
	{ NULL },
};

const struct verb verb_approve = {
	.name = "approve",
	.help = "Say yes to what waits for a person; without ID, list it",
	.example = "7f3a-21c0",
	.options = approve_options,
	.words = { .value = "ID", OPTION_LIST(words, 1) },
	.run = run_approve,
};

/* ---- why ---- */

static void print_denial(struct json_object *d)
{
	static const struct {
		const char *name, *label;
	} more[] = { { "path", "secret" }, { "reason", "reason" },     { "peer", "from" },
		     { "tee", "TEE" },	   { "measurement", "measurement" }, { "chip", "chip" } };
	char time[TIME_TEXT_MAX];

	print("%s  ", admin_text(d, "id"));
	print_coloured(TEXT_RED, admin_text(d, "code"));
	print(", %s at %s\n", admin_text(d, "step"), when(d, "at", time));
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		if (admin_text(d, more[i].name)[0])
			print("    %s: %s\n", more[i].label, admin_text(d, more[i].name));
}

static int run_why(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	struct json_object *request = admin_request("why", NULL), *list;
	int r;

	if (args->words.n > 0)
		admin_add_text(&request, "id", args->words.items[0]);
	r = admin_ask(args, &c, request);
	if (r != 0 || admin_print_json(args, &c, "why", &r))
		return r;
	list = answer_list(c.answer, "denials");
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		print_denial(json_object_array_get_idx(list, i));
	return 0;
}

const struct verb verb_why = {
	.name = "why",
	.help = "Say why a guest was refused; without ID, list the last refusals",
	.example = "7f3a-21c0",
	.options = verdict_options,
	.words = { .value = "ID", OPTION_LIST(words, 1) },
	.run = run_why,
};

/* ---- watch ---- */

/* A message is a line; the broker cuts longer ones off. */
static int print_lines(int fd)
{
	static const struct text_mark marks[] = {
		{ "\"what\":\"release\"", TEXT_GREEN },
		{ "\"what\":\"again\"", TEXT_GREEN },
		{ "\"what\":\"denied\"", TEXT_RED },
		{ "\"what\":\"lost\"", TEXT_YELLOW },
	};
	char line[8192];
	ssize_t n;

	while ((n = recv(fd, line, sizeof(line) - 1, 0)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		(void) print_json_marked(line, marks, ARRAY_SIZE(marks));
		if (fflush(stdout) != 0)
			return STATUS_FAILED;
	}
	if (n < 0) {
		log_error_errno(-errno, "Failed to hear from the broker: %m");
		return STATUS_NO_BROKER;
	}
	log_error("The broker has ended");
	return STATUS_NO_BROKER;
}

static int run_watch(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	int r = admin_ask(args, &c, admin_request("watch", NULL));

	return r == 0 ? print_lines(c.fd) : r;
}

const struct verb verb_watch = {
	.name = "watch",
	.help = "Print each decision as it is made, a line of JSON each",
	.example = "",
	.options = colour_options,
	.run = run_watch,
};

/* ---- status, accept-restore ---- */

static int run_status(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	int r = admin_ask(args, &c, admin_request("status", NULL));
	bool good;

	if (r != 0 || admin_print_json(args, &c, "status", &r))
		return r;
	good = streq(admin_text(c.answer, "state"), "good");
	print("instance %s, ", admin_text(c.answer, "instance"));
	print_coloured(good ? TEXT_GREEN : TEXT_RED, good ? "all is well" : "the store went back");
	print("%s\n", good ? "" : ": see accept-restore in coco-broker(8)");
	print("store %s at revision %llu, %llu bytes, %llu claims\n",
	      admin_text(c.answer, "store"),
	      (unsigned long long)answer_number(c.answer, "revision"),
	      (unsigned long long)answer_number(c.answer, "bytes"),
	      (unsigned long long)answer_number(c.answer, "n-claims"));
	print("audit log before batch %llu, head %s\n",
	      (unsigned long long)answer_number(c.answer, "batch"),
	      admin_text(c.answer, "head"));
	return 0;
}

const struct verb verb_status = {
	.name = "status",
	.help = "Show how the broker and its store are",
	.example = "",
	.options = verdict_options,
	.run = run_status,
};

static int run_accept_restore(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	int r = admin_ask(args, &c, admin_request("accept-restore", NULL));

	if (r == 0)
		(void) admin_print_json(args, &c, "accept-restore", &r);
	return r;
}

const struct verb verb_accept_restore = {
	.name = "accept-restore",
	.help = "Go on with a store that went back: what is once per VM may go out again",
	.example = "",
	.options = json_options,
	.run = run_accept_restore,
};
