/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever cannot be read, or can be read in two ways, is an error, and never counts as empty. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/config-file.h"
#include "agent/keeper/config.h"
#include "base/io.h"
#include "base/log.h"
#include "tests/unit/broker-pem.h"

#include <cmocka.h>

/* The call of malloc() or its like that fails, counted from 1; 0: none. */
static unsigned fail_at, n_calls;

void *__real_malloc(size_t len);
void *__real_calloc(size_t n, size_t len);
void *__real_reallocarray(void *p, size_t n, size_t len);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t n, size_t len);
void *__wrap_reallocarray(void *p, size_t n, size_t len);
char *__wrap_strdup(const char *s);

static bool fails(void)
{
	errno = ENOMEM;
	return ++n_calls == fail_at;
}

void *__wrap_malloc(size_t len)
{
	return fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t n, size_t len)
{
	return fails() ? NULL : __real_calloc(n, len);
}

void *__wrap_reallocarray(void *p, size_t n, size_t len)
{
	return fails() ? NULL : __real_reallocarray(p, n, len);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static char root[64];	/* short, because a socket's path must fit into sockaddr_un */

static const char *in_root(const char *path)
{
	static char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return full;
}

static void put(const char *path, const char *text)
{
	assert_int_equal(write_file_atomic(in_root(path), text, strlen(text), 0644, false), 0);
}

static void shell(const char *format, ...) _printf_(1, 2);
static void shell(const char *format, ...)
{
	char command[3 * PATH_MAX];
	va_list ap;
	int n;

	n = snprintf(command, sizeof(command), "cd '%s' && ", root);
	va_start(ap, format);
	vsnprintf(command + n, sizeof(command) - (size_t)n, format, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

#define SECRET "[Secret]\nGuid=0f2e573e-be4d-a7d6-bdc4-908077d7628d\nConsumers=cryptsetup:data\n"

/* Make all files of a good configuration, one in each place. */
static void fill(void)
{
	shell("rm -rf ./* && mkdir -p etc/cocod/cocod.conf.d etc/cocod/secrets.d "
	      "etc/cocod/broker.conf.d run/cocod/secrets.d usr/lib/cocod/cocod.conf.d "
	      "usr/lib/cocod/broker.conf.d usr/lib/cocod/secrets.d");
	put("etc/cocod/broker.conf", "[Broker]\nIdentity=/etc/cocod/broker.pem\n");
	put("etc/cocod/broker.conf.d/50-x.conf", "[Broker]\nUrl=vsock://2:8743\n");
	put("etc/cocod/broker.pem", BROKER_PEM);
	put("etc/cocod/secrets.d/n.conf", "[Secret]\nUri=kbs:///default/luks/root\n");
	put("etc/cocod/cocod.conf", "[Cocod]\nRequire=none\nReadTimeoutSec=3s\n");
	put("etc/cocod/cocod.conf.d/50-x.conf", "# \xc3\xa9\n[Cocod]\nVerifyVolumeHeader=no\n");
	put("usr/lib/cocod/cocod.conf.d/40-x.conf",
	    "[Cocod]\nRequire=attested\nVerifyVolumeHeader=yes\n");
	put("etc/cocod/secrets.d/a.conf", SECRET);
	put("run/cocod/secrets.d/b.conf", "[Secret]\nGuid=736869e5-84f0-4973-92ec-06879ce3da0b\n");
}

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	log_set_max_level(LOG_EMERG);
	snprintf(root, sizeof(root), "%s/coco-config.XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
	shell("rm -rf '%s'", root);
	return 0;
}

static void assert_full(const struct config *c)
{
	assert_int_equal(c->errors.n, 0);
	assert_int_equal(c->require, REQUIRE_ATTESTED);
	assert_true(c->require_given);
	assert_false(c->verify_header);
	assert_int_equal(c->read_usec, 3000000);
	assert_int_equal(c->n_policies, 3);
	assert_string_equal(c->policies[0].name, "a");
	assert_string_equal(c->policies[0].consumers, "cryptsetup:data");
	assert_string_equal(c->policies[1].name, "b");
	assert_string_equal(c->policies[2].path, "default/luks/root");
	assert_true(c->broker.present);
	assert_int_equal(c->broker.trust, BROKER_TRUST_IDENTITY);
	assert_string_equal(c->broker.urls[0], "vsock://2:8743");
	assert_string_equal(c->broker.pem, BROKER_PEM);
}

static void test_good(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;

	fill();
	assert_int_equal(config_load(root, &c), 0);
	assert_full(c);
}

/* Load; there must be an error, and the first must name @path and contain @text. */
static void assert_closed(const char *path, const char *text)
{
	_cleanup_(config_freep) struct config *c = NULL;

	assert_int_equal(config_load(root, &c), 0);
	if (c->errors.n == 0)
		fail_msg("'%s': no error for '%s'", path, text);
	if (!strstr(c->errors.first, in_root(path)) || !strstr(c->errors.first, text))
		fail_msg("'%s', '%s': %s", path, text, c->errors.first);
}

static void test_kinds(void **state)
{
	static const char *const files[] = {
		"etc/cocod/cocod.conf", "run/cocod/cocod.conf", "usr/lib/cocod/cocod.conf",
		"etc/cocod/cocod.conf.d/50-x.conf", "usr/lib/cocod/cocod.conf.d/30-y.conf",
		"etc/cocod/secrets.d/a.conf", "run/cocod/secrets.d/c.conf",
		"etc/cocod/attest.conf", "usr/lib/cocod/attest.conf",
		"etc/cocod/broker.conf", "etc/cocod/broker.conf.d/50-x.conf",
		"usr/lib/cocod/broker.conf.d/30-y.conf", "etc/cocod/broker.pem",
	};
	static const struct {
		const char *make;	/* for the shell; $f is the file */
		const char *error;
	} kinds[] = {
		{ "ln -s nowhere \"$f\"", "leads nowhere" },
		{ "ln -s /nowhere/at/all \"$f\"", "leads nowhere" },
		{ "ln -s \"$(basename \"$f\")\" \"$f\"", "symbolic links" },
		{ "mkfifo \"$f\"", "not a regular file" },
		{ "mkdir \"$f\"", "a folder" },
		{ "ln -s / \"$f\"", "a folder" },
		{ "ln -s /dev/zero \"$f\"", "not a regular file" },
		{ "truncate -s 2G \"$f\"", "larger than" },
		{ "head -c 65537 /dev/zero | tr '\\0' '\\n' >\"$f\"", "larger than" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			fill();
			/* A file that is hidden by one in /etc need not be good. */
			if (startswith(files[i], "run/") || startswith(files[i], "usr/"))
				shell("rm -f etc/cocod/cocod.conf");
			if (strstr(files[i], "attest.conf"))
				shell("rm -f etc/cocod/cocod.conf usr/lib/cocod/cocod.conf.d/*");
			shell("f=%s; rm -rf \"$f\"; %s", files[i], kinds[k].make);
			assert_closed(files[i], kinds[k].error);
		}
}

static void test_socket(void **state)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	fill();
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/etc/cocod/secrets.d/s.conf", root);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_closed("etc/cocod/secrets.d/s.conf", "not a regular file");
}

static void test_folders(void **state)
{
	static const char *const folders[] = {
		"etc/cocod/cocod.conf.d", "run/cocod/cocod.conf.d", "usr/lib/cocod/cocod.conf.d",
		"etc/cocod/secrets.d", "run/cocod/secrets.d", "usr/lib/cocod/secrets.d",
		"etc/cocod", "run/cocod", "usr/lib/cocod", "etc", "run", "usr",
	};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		const char *f = folders[i];

		/* Remove the files that /etc hides, so that each folder is looked at. */
		fill();
		shell("rm -f etc/cocod/cocod.conf; rm -rf %s; ln -s nowhere %s", f, f);
		assert_closed(f, "leads nowhere");
		shell("rm %s; ln -s \"$(basename %s)\" %s", f, f, f);
		assert_closed(f, "symbolic links");
		shell("rm %s; echo >%s", f, f);
		assert_closed(f, "Not a directory");
		shell("rm %s; mkfifo %s", f, f);
		assert_closed(f, "Not a directory");
		/* It is certain that no file exists. */
		shell("rm %s", f);
		{
			_cleanup_(config_freep) struct config *c = NULL;

			assert_int_equal(config_load(root, &c), 0);
			assert_int_equal(c->errors.n, 0);
		}
	}
}

static void test_root(void **state)
{
	static const char *const bad[] = { "/nowhere", "/etc/cocod/cocod.conf", "/nowhere/",
					   "/link" };
	char path[PATH_MAX];

	fill();
	shell("ln -s nowhere link");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(config_freep) struct config *c = NULL;

		snprintf(path, sizeof(path), "%s%s", root, bad[i]);
		assert_int_equal(config_load(path, &c), 0);
		assert_true(c->errors.n > 0);
	}
	/* A root that is too long is not cut off. */
	memset(path, '/', sizeof(path));
	path[sizeof(path) - 5] = '\0';
	{
		_cleanup_(config_freep) struct config *c = NULL;

		assert_int_equal(config_load(path, &c), 0);
		assert_true(c->errors.n > 0);
	}
}

/* A place that is missing is not looked into; one that cannot be looked at is not missing. */
static void test_places_that_are_missing(void **state)
{
	struct config_root look = { .path = root };
	struct config_file f;

	fill();
	config_root_look(&look);
	assert_int_equal(look.absent, 0);
	shell("rm -rf run usr/lib; ln -s nowhere usr/lib");
	config_root_look(&look);
	assert_int_equal(look.absent, 2);
	shell("rm etc/cocod/cocod.conf; mkdir -p run/cocod");
	put("run/cocod/cocod.conf", "");
	assert_int_equal(config_file_read(&look, "cocod.conf", 100, &f), -ENOLINK);
	assert_int_equal(config_file_read(CONFIG_ROOT(root), "cocod.conf", 100, &f), 0);
	config_file_done(&f);
}

static void test_masks(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;

	fill();
	put("run/cocod/secrets.d/a.conf", "garbage");
	put("usr/lib/cocod/secrets.d/b.conf", "garbage");
	put("usr/lib/cocod/secrets.d/m.conf", "garbage");
	put("usr/lib/cocod/attest.conf", "garbage");
	put("usr/lib/cocod/cocod.conf", "garbage");
	shell("ln -s /dev/null etc/cocod/secrets.d/m.conf; : >etc/cocod/attest.conf");
	put("etc/cocod/secrets.d/.hidden.conf", "garbage");
	put("etc/cocod/secrets.d/notes.txt", "garbage");
	assert_int_equal(config_load(root, &c), 0);
	assert_full(c);
}

/* Who may have a secret is never guessed. */
static void test_consumers(void **state)
{
	static const struct {
		const char *list, *error;
	} bad[] = {
		{ "", ":3: Consumers= takes a list of" },
		{ "everybody", "not 'everybody'" },
		{ "get credental:app.service", "did you mean credential?" },
		{ "credential", "not 'credential'" },
		{ "credential:app", "not 'credential:app'" },
		{ "get cryptsetup:data get", ":3: Consumers= has a word twice" },
		{ "get\nConsumers=get", ":4: the option 'Consumers' is given twice" },
		{ "credential:a-unit-with-a-name-that-is-long-and-a-secret-with-a-name.service",
		  "set a shorter Name=" },
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fill();
		snprintf(text, sizeof(text),
			 "[Secret]\nGuid=0f2e573e-be4d-a7d6-bdc4-908077d7628d\nConsumers=%s\n"
			 "Name=a-name-of-24-characters\n",
			 bad[i].list);
		put("etc/cocod/secrets.d/a.conf", text);
		assert_closed("etc/cocod/secrets.d/a.conf", bad[i].error);
	}
}

#define A_SECRET "[Secret]\nGuid=0f2e573e-be4d-a7d6-bdc4-908077d7628d\n"
#define A_KEY "Consumers=keyring\nKeyringType=user\nKeyringPermissions=view read search\n"

/* Where a secret is put is not guessed either. */
static void test_places(void **state)
{
	static const struct {
		const char *lines, *error;
	} bad[] = {
		{ "Consumers=keyring\n", "'keyring' in Consumers= needs KeyringType=" },
		{ "Consumers=keyring\nKeyringType=user\n", "needs KeyringPermissions=" },
		{ "Consumers=file\n", "'file' in Consumers= needs FileMode=" },
		{ "Consumers=keyring:1000\n", ":3: Consumers= takes a list of" },
		{ "Consumers=file:/tmp/x\n", ":3: Consumers= takes a list of" },
		{ "KeyringType=user\n", "Consumers= does not have 'keyring'" },
		{ "KeyringOwner=0\n", "Consumers= does not have 'keyring'" },
		{ "FileMode=0400\n", "Consumers= does not have 'file'" },
		{ "FileOwner=0\n", "Consumers= does not have 'file'" },
		{ "Consumers=file\nFileMode=0400\nKeyringTimeoutSec=1h\n",
		  "Consumers= does not have 'keyring'" },
		{ A_KEY "KeyringType=user\n", ":6: the option 'KeyringType' is given twice" },
		{ A_KEY "KeyringOwner=root\n", ":6: KeyringOwner= takes a number such as 1000" },
		{ A_KEY "KeyringTimeoutSec=0\n", ":6: KeyringTimeoutSec= takes a time of whole" },
		{ A_KEY "KeyringDescription=a b\n", ":6: KeyringDescription= takes printable" },
		{ A_KEY "Wipe=delivered\n", "would be removed at once" },
		{ "Consumers=keyring\nKeyringType=big_key\n", ":4: KeyringType= takes 'user'" },
		{ "Consumers=keyring\nKeyringType=user\nKeyringPermissions=0x3f3f3f3f\n",
		  ":5: KeyringPermissions= takes a list of" },
		{ "Consumers=keyring\nKeyringType=logon\nKeyringPermissions=view read\n",
		  "cannot have 'read'" },
		{ "Consumers=keyring\nKeyringType=logon\nKeyringPermissions=view\n"
		  "KeyringDescription=x\n", "with a prefix" },
		{ "Consumers=keyring\nKeyringType=cryptsetup\nKeyringPermissions=search\n"
		  "KeyringOwner=1\n", "is for root" },
		{ "Consumers=file\nFileMode=0644\n", ":4: FileMode= takes a mode such as 0400" },
		{ "Consumers=file\nFileMode=0400\nWipe=delivered\n", "would be removed at once" },
		{ "Consumers=cryptsetup\nVolumePin=uuid:1b4e\n", ":4: VolumePin= takes words" },
		{ "Consumers=cryptsetup\nVerifyVolumeHeader=no\n"
		  "VolumePin=uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427\n",
		  "do not go together: nobody looks at the header" },
		{ "Consumers=get\nVolumePin=uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427\n",
		  "is for no volume" },
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fill();
		snprintf(text, sizeof(text), A_SECRET "%s", bad[i].lines);
		put("etc/cocod/secrets.d/a.conf", text);
		assert_closed("etc/cocod/secrets.d/a.conf", bad[i].error);
	}
	fill();
	put("etc/cocod/secrets.d/a.conf", A_SECRET A_KEY "KeyringDescription=app:x\n");
	put("etc/cocod/secrets.d/b.conf",
	    "[Secret]\nGuid=11111111-2222-3333-4444-555555555555\n" A_KEY
	    "KeyringDescription=app:x\n");
	assert_closed("etc/cocod/secrets.d/b.conf", "the same key as the secret 'a', 'app:x'");
}

static void test_good_places(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;
	const struct secret_policy *p = NULL;

	fill();
	put("etc/cocod/secrets.d/db-key.conf",
	    "[Secret]\nGuid=22222222-2222-3333-4444-555555555555\n"
	    "Consumers=keyring file\nKeyringType=logon\nKeyringPermissions=search\n"
	    "KeyringOwner=1000\nKeyringTimeoutSec=12h\nFileOwner=5\nFileGroup=6\nFileMode=0440\n");
	assert_int_equal(config_load(root, &c), 0);
	assert_int_equal(c->errors.n, 0);
	for (size_t i = 0; i < c->n_policies; i++)
		if (streq(c->policies[i].name, "db-key"))
			p = &c->policies[i];
	assert_non_null(p);
	assert_int_equal(p->wipe, WIPE_MANUAL);
	assert_int_equal(p->place.type, KEYRING_LOGON);
	assert_string_equal(p->place.description, "cocod:db-key");
	assert_int_equal(p->place.key_owner, 1000);
	assert_int_equal(p->place.key_rights, 0x081c0000);
	assert_int_equal(p->place.expires_sec, 12 * 3600);
	assert_int_equal(p->place.file_owner, 5);
	assert_int_equal(p->place.file_group, 6);
	assert_int_equal(p->place.file_mode, 0440);
}

static void test_text(void **state)
{
	static const struct {
		const char *text, *error;
		size_t len;
	} bad[] = {
		{ "[Cocod]\nRequire=none\nRequire=attested\n",
		  ":3: the option 'Require' is given twice", 0 },
		{ "[Cocod]\nRequire=none\n[Cocod]\n", ":3: the section [Cocod] is there twice", 0 },
		{ "[Cocod]\nRequire=none\n\0Require=attested\n",
		  ":3: it has the control character 0x00", 39 },
		{ "[Cocod]\nRequire=none\0", ":2: it has the control character 0x00", 21 },
		{ "[Cocod]\nRequire=none\n[Other]\n", ":3: Unknown section [Other]", 0 },
		{ "[Cocdo]\nRequire=none\n",
		  ":1: Unknown section [Cocdo]; did you mean Cocod?", 0 },
		{ "[Cocod]\nRequire=none\n\n more\n", ":4: it is neither", 0 },
		{ "[Cocod]\nRequire=none # attested\n", ":2: a comment stands behind", 0 },
		{ "[Cocod]\nRequire=\n\nRequires=x", ":2: Require= takes", 0 },
		{ "[Cocod]\nRequire=\"none\n", ":2: the value begins with a quote", 0 },
		{ "[Cocod]\nRequire=\xd0\xbeone\n",
		  ":2: Require= takes 'attested', 'evidence' or 'none', not '\xd0\xbeone'", 0 },
		{ "\n", "", 0 },
	};
	char line[16384] = "[Cocod]\n#";

	for (size_t i = 0; i < ARRAY_SIZE(bad) - 1; i++) {
		size_t len = bad[i].len ? bad[i].len : strlen(bad[i].text);

		fill();
		assert_int_equal(write_file_atomic(in_root("etc/cocod/cocod.conf"), bad[i].text,
						   len, 0644, false),
				 0);
		assert_closed("etc/cocod/cocod.conf", bad[i].error);
	}
	/* A comment that a reader with a buffer of 8 KiB would take for two lines. */
	memset(line + strlen(line), ' ', 8190);
	strcat(line, "Require=none\n");
	fill();
	put("etc/cocod/cocod.conf", line);
	assert_closed("etc/cocod/cocod.conf", ":2: it has ");
}

/*
 * Each allocation fails once.  The result is out of memory, an error, or the whole configuration,
 * but never a part.
 */
static void test_memory(void **state)
{
	bool done = false;

	fill();
	for (unsigned i = 1; !done; i++) {
		_cleanup_(config_freep) struct config *c = NULL;
		int r;

		n_calls = 0;
		fail_at = i;
		r = config_load(root, &c);
		fail_at = 0;
		done = n_calls < i;
		assert_true(i < 1000);
		if (r == -ENOMEM)
			continue;
		assert_int_equal(r, 0);
		if (c->errors.n == 0)
			assert_full(c);
		else
			assert_true(c->errors.first[0]);
		assert_true(!done || c->errors.n == 0);
	}
}

/* ---- a root that is asked ---- */

#define GUID_A "736869e5-84f0-4973-92ec-06879ce3da0b"
static const char files_asked[] = "userdata";

static int asked_read(void *userdata, const char *path, size_t max, char **ret, size_t *ret_len)
{
	static const struct {
		const char *path, *text;
		int error;
	} files[] = {
		{ "/etc/cocod/cocod.conf", "[Cocod]\nRequire=none\n", 0 },
		{ "/etc/cocod/secrets.d/a.conf", "[Secret]\nGuid=" GUID_A "\n", 0 },
		{ "/run/cocod/secrets.d/a.conf", "[Secret]\nNonsense=\n", 0 },
		{ "/etc/cocod/secrets.d/masked.conf", NULL, 0 },
		{ "/usr/lib/cocod/secrets.d/masked.conf", "[Secret]\nNonsense=\n", 0 },
		{ "/usr/lib/cocod/secrets.d/bad.conf", "[Secret]\nWipe=maybe\n", 0 },
		{ "/etc/cocod/broker.conf", NULL, -EACCES },
	};

	assert_ptr_equal(userdata, files_asked);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (!streq(files[i].path, path))
			continue;
		if (files[i].error)
			return files[i].error;
		*ret = files[i].text ? strdup(files[i].text) : NULL;
		*ret_len = files[i].text ? strlen(files[i].text) : 0;
		assert_true(*ret_len <= max);
		return 1;
	}
	return 0;
}

static int asked_list(void *userdata, const char *path, bool (*wanted)(const char *name),
		      struct name_list *ret)
{
	static const char *const names[] = { "masked.conf", "bad.conf", "a.conf", "a.txt" };

	if (!strstr(path, "secrets.d"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (wanted(names[i]))
			assert_int_equal(name_list_add(ret, names[i]), 0);
	return 0;
}

static void take_asked(void *userdata, const char *text)
{
	char *all = userdata;

	strcat(all, text);
	strcat(all, "\n");
}

/* The places count as they do on a disk; errors go to who asked, and nothing is opened. */
static void test_asked(void **state)
{
	static const struct config_root_ops ops = { asked_read, asked_list };
	const struct config_root asked = { "", &ops, (void *)(uintptr_t)files_asked };
	_cleanup_(config_freep) struct config *c = NULL;
	char said[4096] = "";

	assert_int_equal(config_load_from(&asked, take_asked, said, &c), 0);
	assert_int_equal(c->require, REQUIRE_NONE);
	assert_int_equal(c->n_policies, 2);
	assert_string_equal(c->policies[0].name, "a");
	assert_false(c->policies[0].consumers_given);
	assert_non_null(strstr(said, "/etc/cocod/broker.conf: Permission denied"));
	assert_non_null(strstr(said, "/usr/lib/cocod/secrets.d/bad.conf:2: Wipe="));
	assert_null(strstr(said, "Nonsense"));
	assert_true(c->errors.n >= 2);
	assert_null(c->errors.each);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_socket),	cmocka_unit_test(test_folders),
		cmocka_unit_test(test_root),	cmocka_unit_test(test_masks),
		cmocka_unit_test(test_places_that_are_missing),
		cmocka_unit_test(test_text),	cmocka_unit_test(test_memory),
		cmocka_unit_test(test_consumers), cmocka_unit_test(test_places),
		cmocka_unit_test(test_good_places), cmocka_unit_test(test_asked),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
