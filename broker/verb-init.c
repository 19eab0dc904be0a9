/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "broker/coco-broker.h"
#include "broker/core/recovery.h"
#include "broker/key-make.h"
#include "broker/serve/settings.h"

/*
 * Makes what a broker needs to start, all or nothing, and writes over no file: the old master key
 * would be the only thing that opens the old secrets.
 */

#define URL_TEXT_MAX 96

static const struct option_row options[] = {
	{ "name", "NAME", "the name or address that guests reach the broker by",
	  OPTION_STRING(init.name), .required = true },
	{ "recovery-key", "FILE", "write the recovery key to FILE, and not to the terminal",
	  OPTION_PATH(keep.recovery_key) },
	ROW_JSON,
	{ NULL },
};

struct fresh {
	const char *settings;		/* their path */
	struct secret *master, *identity, *recovery, *recovery_text;
	char *certificate, *copy;
	struct files_made made;
};

static void fresh_done(struct fresh *f)
{
	secret_free(f->master);
	secret_free(f->identity);
	secret_free(f->recovery);
	secret_free(f->recovery_text);
	free(f->certificate);
	free(f->copy);
	files_made_done(&f->made);
}

/* The name goes into the settings, a URL and a certificate. */
static bool is_name(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789-.:") == strlen(name);
}

static int make_keys(struct fresh *f, const char *name, struct cause *why)
{
	int r = is_name(name) ? 0 : -EINVAL;

	if (r == 0)
		r = identity_make(name, &f->identity, &f->certificate);
	if (r == -EINVAL)
		return cause_set(why, r, "'%s' is not a name or an address of at most 52 "
					 "characters", name);
	if (r == 0)
		r = master_key_make(&f->master);
	if (r == 0)
		r = recovery_key_new(&f->recovery);
	if (r == 0)
		r = recovery_key_format(f->recovery, &f->recovery_text);
	if (r == 0)
		r = recovery_wrap(f->recovery, f->master, &f->copy);
	return r < 0 ? cause_set(why, r, "The keys cannot be made: %s", strerror(-r)) : 0;
}

/* @name is beside the settings. */
static int make_beside(struct fresh *f, const char *name, const char *what, const void *data,
		       size_t len, mode_t mode, struct cause *why)
{
	_cleanup_(freep) char *path = NULL;

	if (path_beside(f->settings, name, &path) < 0)
		return cause_set_oom(why);
	return file_make(&f->made, path, what, data, len, mode, why);
}

/*
 * The instance has its name in the file: after the machine gets another one, a chain that is there
 * must be the same instance's.
 */
static int make_settings(struct fresh *f, const char *name, struct cause *why)
{
	char host[64] = "", *text;
	int n, r;

	if (access(f->settings, F_OK) == 0)
		return 0;
	(void) gethostname(host, sizeof(host) - 1);
	if (!host[0] || !is_name(host) || strchr(host, ':'))
		(void) strcpy(host, "broker");
	n = asprintf(&text,
		     "# coco-broker.conf(5) has all options.\n"
		     "[Broker]\nName=%s\nInstance=%s\n\n[Store]\nAddress=%s\n",
		     name, host, STORE_ADDRESS_DEFAULT);
	if (n < 0)
		return cause_set_oom(why);
	r = file_make(&f->made, f->settings, "the settings", text, (size_t)n, 0644, why);
	free(text);
	return r;
}

static int make_folder(const char *settings, struct cause *why)
{
	_cleanup_(freep) char *folder = NULL;
	int r;

	if (path_beside(settings, "", &folder) < 0)
		return cause_set_oom(why);
	r = folder[0] ? make_folders(folder, 0755) : 0;
	return r < 0 ? cause_set(why, r, "%s cannot be made: %s", folder, strerror(-r)) : 0;
}

static int make_files(struct fresh *f, const struct args *args, struct cause *why)
{
	const char *to = args->keep.recovery_key;
	int r;

	r = make_folder(f->settings, why);
	if (r == 0)
		r = make_beside(f, "master.key", "the master key", secret_data(f->master),
				secret_len(f->master), 0600, why);
	if (r == 0)
		r = make_beside(f, "identity.key", "the identity", secret_data(f->identity),
				secret_len(f->identity), 0600, why);
	if (r == 0)
		r = make_beside(f, "identity.pem", "the identity's certificate", f->certificate,
				strlen(f->certificate), 0644, why);
	if (r == 0)
		r = make_beside(f, RECOVERY_COPY_FILE, "the copy for the recovery key", f->copy,
				strlen(f->copy), 0600, why);
	if (r == 0 && to)
		r = file_make(&f->made, to, "a recovery key", secret_data(f->recovery_text),
			      secret_len(f->recovery_text), 0600, why);
	return r == 0 ? make_settings(f, args->init.name, why) : r;
}

static const char *url_of(const char *name, char ret[static URL_TEXT_MAX])
{
	bool v6 = strchr(name, ':') != NULL;

	(void) snprintf(ret, URL_TEXT_MAX, "https://%s%s%s:8443", v6 ? "[" : "", name,
			v6 ? "]" : "");
	return ret;
}

static void print_next(const struct fresh *f, const char *name)
{
	const char *slash = strrchr(f->settings, '/');
	int len = slash ? (int)(slash - f->settings) + 1 : 0;
	char url[URL_TEXT_MAX];

	(void) url_of(name, url);
	print("In each guest, /etc/cocod/broker.conf (see broker.conf(5)):\n\n"
	      "    [Broker]\n"
	      "    Url=%s\n"
	      "    Identity=/etc/cocod/broker.pem\n\n"
	      "/etc/cocod/broker.pem is a copy of %.*sidentity.pem, which is public.  It belongs "
	      "into the guest's measured image.  With that file there, this writes both:\n\n"
	      "    cococtl broker set --url %s --identity identity.pem\n\n"
	      "Then, here:\n\n"
	      "    systemctl enable --now coco-broker.socket coco-broker-admin.socket\n"
	      "    coco-broker secret add --help\n"
	      "    coco-broker backup FILE\n",
	      url, len, f->settings, url);
}

/* Of @f, which has all that was made. */
static int print_made(const struct fresh *f, const struct args *args)
{
	_cleanup_(json_putp) struct json_object *o = json_document("broker-init");
	struct json_object *files = json_object_new_array();
	_cleanup_(freep) char *identity = NULL;
	char url[URL_TEXT_MAX];
	int r = json_add(o, "files", files);

	for (unsigned i = 0; i < f->made.n && r == 0; i++)
		r = json_append_text(files, f->made.paths[i]);
	if (r < 0 || path_beside(f->settings, "identity.pem", &identity) < 0 ||
	    json_add_text(o, "name", args->init.name) < 0 ||
	    json_add_text(o, "url", url_of(args->init.name, url)) < 0 ||
	    json_add_text(o, "settings", f->settings) < 0 ||
	    json_add_text(o, "identity", identity) < 0 ||
	    json_add_text(o, "recovery_key", args->keep.recovery_key) < 0)
		return -ENOMEM;
	return json_print(o, JSON_C_TO_STRING_PLAIN);
}

static int init(const struct args *args, struct fresh *f, struct cause *why)
{
	int r = recovery_key_has_place(args->keep.recovery_key, args->json, why);

	if (r < 0)
		return r;
	r = make_keys(f, args->init.name, why);
	if (r == 0)
		r = make_files(f, args, why);
	if (r == 0 && !args->keep.recovery_key)
		r = recovery_key_show(f->recovery_text, why);
	if (r < 0)
		files_made_remove(&f->made);
	return r;
}

static int run(struct args *args)
{
	_cleanup_(fresh_done) struct fresh f = { .settings = args->config ?: SETTINGS_PATH };
	struct cause why = { "" };

	if (secret_protect_process() < 0) {
		log_error("Failed to keep this process out of core dumps: %m");
		return STATUS_FAILED;
	}
	(void) umask(0022);
	if (init(args, &f, &why) < 0) {
		log_error("%s", why.text);
		return STATUS_FAILED;
	}
	if (!args->json) {
		print_next(&f, args->init.name);
	} else if (print_made(&f, args) < 0) {
		(void) log_oom();
		return STATUS_FAILED;
	}
	return STATUS_GOOD;
}

const struct verb verb_init = {
	.name = "init",
	.help = "Make the keys and the settings of a new broker",
	.example = "--name=kbs.example.org",
	.options = options,
	.run = run,
};
