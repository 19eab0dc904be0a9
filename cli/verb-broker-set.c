/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cococtl broker set: broker.conf, and the file with the broker's key or authority.  What would be
 * written is read first, by cocod's own reading, together with the drop-ins that are there.
 */
#include <fcntl.h>
#include <stdio.h>

#include "agent/keeper/config-broker.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cococtl.h"
#include "cli/overlay.h"

#define FOLDER "/etc/cocod"
#define CONF FOLDER "/broker.conf"
#define PEM FOLDER "/broker.pem"
#define CONF_LEN 4096

struct proposal {
	const char *root;
	const char *pem_option, *pem_source;	/* "Identity", and the user's file; or NULL */
	char conf_path[PATH_MAX], pem_path[PATH_MAX];
	char *conf, *pem;
	size_t conf_len, pem_len;
	unsigned n_errors;
};

static void proposal_done(struct proposal *p)
{
	free(p->conf);
	free(p->pem);
}

/* ---- what would be there ---- */

static void on_error(void *userdata, const char *text)
{
	struct proposal *p = userdata;

	p->n_errors++;
	log_error("%s", text);
}

/* Returns 0, or the exit status. */
static int validate(struct proposal *p)
{
	const struct overlay_file files[] = {
		{ p->conf_path, p->conf, p->conf_len },
		{ p->pem_path, p->pem, p->pem_len },
	};
	const struct overlay o = { p->root, files, p->pem ? 2 : 1 };
	const struct config_root root = OVERLAY_ROOT(&o);
	struct config_errors errors = { .each = on_error, .userdata = p };
	struct broker_settings settings;

	broker_settings_read(&root, &errors, &settings);
	broker_settings_done(&settings);
	if (errors.n == 0)
		return 0;
	log_error("Nothing was written: cocod would refuse this");
	return STATUS_FAILED;
}

/* ---- make it ---- */

static int add_line(struct proposal *p, const char *name, const char *value)
{
	int n = value ? snprintf(p->conf + p->conf_len, CONF_LEN - p->conf_len, "%s=%s\n", name,
				 value) :
			0;

	if (n < 0 || (size_t)n >= CONF_LEN - p->conf_len)
		return -E2BIG;
	p->conf_len += (size_t)n;
	return 0;
}

static int add_urls(struct proposal *p, const struct option_list *urls)
{
	char all[CONF_LEN / 2] = "";
	size_t len = 0;

	for (size_t i = 0; i < urls->n; i++) {
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? " " : "",
					urls->items[i]);
		if (len >= sizeof(all))
			return -E2BIG;
	}
	return add_line(p, "Url", all);
}

/* Nothing that was given may begin another line. */
static bool has_newline(const struct args_broker *b)
{
	const char *const texts[] = { b->public_key, b->server_name, b->uri_prefix };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i] && strpbrk(texts[i], "\r\n"))
			return true;
	for (size_t i = 0; i < b->urls.n; i++)
		if (strpbrk(b->urls.items[i], "\r\n"))
			return true;
	return false;
}

static int make_conf(struct proposal *p, const struct args_broker *b)
{
	static const char head[] = "# Written by 'cococtl broker set'; see broker.conf(5).\n"
				   "[Broker]\n";
	int r;

	if (has_newline(b)) {
		log_error("An address or a name has a newline in it");
		return STATUS_USAGE;
	}
	p->conf = calloc(1, CONF_LEN);
	if (!p->conf) {
		(void) log_oom();
		return STATUS_FAILED;
	}
	memcpy(p->conf, head, sizeof(head));
	p->conf_len = sizeof(head) - 1;
	r = add_urls(p, &b->urls);
	if (r == 0)
		r = add_line(p, "ServerName", b->server_name);
	if (r == 0)
		r = add_line(p, "PublicKey", b->public_key);
	if (r == 0 && p->pem_option)
		r = add_line(p, p->pem_option, PEM);
	if (r == 0)
		r = add_line(p, "UriPrefix", b->uri_prefix);
	if (r == 0)
		return 0;
	log_error("That is too much for broker.conf");
	return STATUS_USAGE;
}

static int read_pem(struct proposal *p)
{
	int r;

	if (!p->pem_source)
		return 0;
	r = read_file_at(AT_FDCWD, p->pem_source, BROKER_PEM_MAX, &p->pem, &p->pem_len);
	if (r >= 0 && p->pem_len > 0)
		return 0;
	if (r >= 0)
		log_error("'%s' is empty", p->pem_source);
	else
		log_error_errno(r, "Failed to read '%s': %m", p->pem_source);
	return STATUS_USAGE;
}

static int make(struct proposal *p, const struct args_broker *b)
{
	int r;

	p->root = b->root ?: "";
	p->pem_option = b->identity ? "Identity" : b->authority ? "Authority" : NULL;
	p->pem_source = b->identity ?: b->authority;
	if (snprintf(p->conf_path, PATH_MAX, "%s" CONF, p->root) >= PATH_MAX ||
	    snprintf(p->pem_path, PATH_MAX, "%s" PEM, p->root) >= PATH_MAX) {
		log_error("The path of --root is too long");
		return STATUS_USAGE;
	}
	r = read_pem(p);
	return r != 0 ? r : make_conf(p, b);
}

/* ---- write it ---- */

/* Returns what overlay_may_write() does, after it has logged why not. */
static int may_write(const struct overlay_file *f, bool replace)
{
	int r = overlay_may_write(f, replace);

	if (r == -EEXIST)
		log_error("Nothing was written: '%s' exists, and is not the same; --replace "
			  "replaces it",
			  f->path);
	return r;
}

static int write_one(const struct overlay_file *f)
{
	int r = write_file_atomic(f->path, f->text, f->len, 0644, /* exclusive= */ false);

	if (r == 0)
		return 0;
	log_error_errno(r, "Failed to write '%s': %m", f->path);
	return STATUS_FAILED;
}

/*
 * The key first.  Killed in between, the old broker.conf is there with a key that it may not be
 * for; then nobody is recognised by it, and the next run goes on.
 */
static int write_all(const struct proposal *p, bool replace)
{
	const struct overlay_file conf_file = { p->conf_path, p->conf, p->conf_len },
				  pem_file = { p->pem_path, p->pem, p->pem_len };
	int conf = may_write(&conf_file, replace), pem = 1, r;
	char folder[PATH_MAX];

	if (conf >= 0 && p->pem)
		pem = may_write(&pem_file, replace);
	if (conf < 0 || pem < 0)
		return STATUS_FAILED;
	(void) snprintf(folder, sizeof(folder), "%s" FOLDER, p->root);
	r = make_folders(folder, 0755);
	if (r < 0) {
		log_error_errno(r, "Failed to make '%s': %m", folder);
		return STATUS_FAILED;
	}
	r = pem == 0 ? write_one(&pem_file) : 0;
	return r == 0 && conf == 0 ? write_one(&conf_file) : r;
}

static void say_next(const struct proposal *p)
{
	print("%s names the broker%s%s.\n\n", p->conf_path,
	      p->pem ? ", which is recognised by " : "", p->pem ? p->pem_path : "");
	if (!p->pem_option || streq(p->pem_option, "Authority"))
		print("TLS alone speaks for it: whoever has its TLS key, or can get a certificate, "
		      "can give this VM secrets of his own; see broker.conf(5).\n\n");
	print("Next:\n"
	      "    systemctl reload-or-restart cocod.service\n"
	      "    cococtl broker check\n"
	      "    cococtl luks format DEVICE --name NAME --uri kbs:///default/luks/NAME\n"
	      "If cocod runs in the initrd, make that anew: these files must be measured in it.\n");
}

static int run(struct args *args)
{
	_cleanup_(proposal_done) struct proposal p = { .root = "" };
	int r;

	r = make(&p, &args->broker);
	if (r == 0)
		r = validate(&p);
	if (r == 0)
		r = write_all(&p, args->broker.replace);
	if (r != 0)
		return r;
	say_next(&p);
	return STATUS_GOOD;
}

static const struct option_row options[] = {
	{ "url", "URL", "where the broker is; may be given again, tried in this order",
	  OPTION_LIST(broker.urls, BROKER_URLS_MAX), .required = true },
	{ "identity", "FILE", "the broker's certificate, whose key signs what it releases",
	  OPTION_PATH(broker.identity), .excludes = "public-key authority" },
	{ "public-key", "PIN", "of the server's TLS key: sha256//BASE64",
	  OPTION_STRING(broker.public_key), .excludes = "authority" },
	{ "authority", "FILE", "who issues the server's TLS certificate",
	  OPTION_PATH(broker.authority) },
	{ "server-name", "HOST", "the name in the server's certificate",
	  OPTION_STRING(broker.server_name) },
	{ "uri-prefix", "URI", "root may ask for any secret below this",
	  OPTION_STRING(broker.uri_prefix) },
	{ "replace", NULL, "replace a broker.conf that is there", OPTION_FLAG(broker.replace) },
	{ "root", "DIR", "the system whose broker.conf this is", OPTION_PATH(broker.root) },
	{ NULL },
};

const struct verb verb_broker_set = {
	.name = "broker set",
	.help = "Write broker.conf: where the broker is, and how it is recognised",
	.example = "--url=https://kbs.example.org:8443 --identity=identity.pem",
	.options = options,
	.one_of = "identity public-key authority",
	.one_of_because = "a broker that nobody authenticates is refused, and 'coco-broker init' "
			  "prints the line",
	.run = run,
};
