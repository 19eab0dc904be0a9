/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cococtl broker set: broker.conf, and the file with the broker's key or authority.  What would be
 * written is read first, by cocod's own reading, together with the drop-ins that are there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/keeper/config-broker.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cococtl.h"

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

static int copy(const char *text, size_t len, size_t max, char **ret, size_t *ret_len)
{
	char *c;

	if (len > max)
		return -EFBIG;
	c = malloc(len + 1);
	if (!c)
		return -ENOMEM;
	memcpy(c, text, len);
	c[len] = '\0';
	*ret = c;
	*ret_len = len;
	return 1;
}

/* What cocod would read: the proposal's own files as proposed, the others as they are. */
static int on_read(void *userdata, const char *path, size_t max, char **ret, size_t *ret_len)
{
	const struct proposal *p = userdata;
	struct config_file f;
	int r;

	if (streq(path, p->conf_path))
		return copy(p->conf, p->conf_len, max, ret, ret_len);
	if (p->pem && streq(path, p->pem_path))
		return copy(p->pem, p->pem_len, max, ret, ret_len);
	r = config_file_read_path(CONFIG_ROOT(p->root), path, max, &f);
	if (r > 0) {
		*ret = TAKE_PTR(f.text);
		*ret_len = f.len;
	}
	config_file_done(&f);
	return r;
}

static int on_list(void *userdata, const char *path, bool (*wanted)(const char *name),
		   struct name_list *ret)
{
	const struct proposal *p = userdata;

	return name_list_add_folder(ret, CONFIG_ROOT(p->root), path, wanted);
}

static void on_error(void *userdata, const char *text)
{
	struct proposal *p = userdata;

	p->n_errors++;
	log_error("%s", text);
}

/* Returns 0, or the exit status. */
static int validate(struct proposal *p)
{
	static const struct config_root_ops ops = { on_read, on_list };
	const struct config_root root = { .path = p->root, .ops = &ops, .userdata = p };
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

/*
 * Returns 1 if the file has this content already; 0 if it may be written; otherwise the exit
 * status, negative, after it has logged why.
 */
static int may_write(const char *path, const char *text, size_t len, bool replace)
{
	_cleanup_(freep) char *there = NULL;
	struct stat st;
	size_t there_len;
	int r;

	if (lstat(path, &st) < 0 && errno == ENOENT)
		return 0;
	r = read_file_at(AT_FDCWD, path, CONFIG_FILE_MAX, &there, &there_len);
	if (r >= 0 && there_len == len && memcmp(there, text, len) == 0)
		return 1;
	if (replace)
		return 0;
	log_error("Nothing was written: '%s' exists, and is not the same; --replace replaces it",
		  path);
	return -STATUS_FAILED;
}

static int write_one(const char *path, const char *text, size_t len)
{
	int r = write_file_atomic(path, text, len, 0644, /* exclusive= */ false);

	if (r == 0)
		return 0;
	log_error_errno(r, "Failed to write '%s': %m", path);
	return STATUS_FAILED;
}

/*
 * The key first.  Killed in between, the old broker.conf is there with a key that it may not be
 * for; then nobody is recognised by it, and the next run goes on.
 */
static int write_all(const struct proposal *p, bool replace)
{
	char folder[PATH_MAX];
	int conf = may_write(p->conf_path, p->conf, p->conf_len, replace), pem = 1, r = 0;

	if (conf >= 0 && p->pem)
		pem = may_write(p->pem_path, p->pem, p->pem_len, replace);
	if (conf < 0 || pem < 0)
		return -MIN(conf, pem);
	(void) snprintf(folder, sizeof(folder), "%.*s", (int)(strlen(p->conf_path) -
							       strlen("/broker.conf")),
			p->conf_path);
	r = make_folders(folder, 0755);
	if (r < 0) {
		log_error_errno(r, "Failed to make '%s': %m", folder);
		return STATUS_FAILED;
	}
	if (pem == 0)
		r = write_one(p->pem_path, p->pem, p->pem_len);
	if (r == 0 && conf == 0)
		r = write_one(p->conf_path, p->conf, p->conf_len);
	return r;
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

	if (args->broker.urls.n == 0) {
		log_error("--url is missing: it says where the broker is, such as "
			  "https://kbs.example.org:8443");
		return STATUS_USAGE;
	}
	if (!args->broker.public_key && !args->broker.identity && !args->broker.authority) {
		log_error("One of --identity, --public-key and --authority is missing: a broker "
			  "that nobody authenticates is refused; 'coco-broker init' prints the "
			  "line");
		return STATUS_USAGE;
	}
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
	  OPTION_LIST(broker.urls, BROKER_URLS_MAX) },
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
	.run = run,
};
