/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole reader, over folders made from the input: pieces between 0x01 bytes, each with a
 * first byte that says which file it is and of what type the file is.
 *
 * Whatever the files are, the settings are the defaults or what a line of the text says, and a
 * file that is not entirely good gives an error.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/keeper/config.h"
#include "base/ini.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const folders[] = {
	"etc", "etc/cocod", "etc/cocod/cocod.conf.d", "etc/cocod/secrets.d",
	"etc/cocod/broker.conf.d", "usr", "usr/lib", "usr/lib/cocod", "usr/lib/cocod/secrets.d",
};

static const char *const files[] = {
	"etc/cocod/cocod.conf",		   "etc/cocod/cocod.conf.d/a.conf",
	"etc/cocod/secrets.d/a.conf",	   "usr/lib/cocod/cocod.conf",
	"usr/lib/cocod/secrets.d/a.conf",  "usr/lib/cocod/secrets.d/b.conf",
	"etc/cocod/secrets.d/b\x1b\xff.conf", "etc/cocod/attest.conf",
	"etc/cocod/broker.conf",	   "etc/cocod/broker.conf.d/a.conf",
	"etc/cocod/broker.pem",
};

enum kind { KIND_TEXT, KIND_LINK, KIND_FIFO, KIND_FOLDER, KIND_MASK, _KIND_MAX };

static char root[64];
static int root_fd;

static void done(void)
{
	for (size_t i = ARRAY_SIZE(folders); i-- > 0;)
		(void) unlinkat(root_fd, folders[i], AT_REMOVEDIR);
	(void) rmdir(root);
}

static void begin(void)
{
	const char *tmp = getenv("TMPDIR");

	log_set_max_level(LOG_EMERG);
	snprintf(root, sizeof(root), "%s/fuzz-config.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(root))
		abort();
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert(root_fd >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(root_fd, folders[i], 0755) < 0)
			abort();
	atexit(done);
}

static void put(const char *path, enum kind kind, const uint8_t *text, size_t len)
{
	char target[32] = "x";
	int fd, r = 0;

	switch (kind) {
	case KIND_LINK:
		/* Another file of the folder, the file itself, or nothing. */
		snprintf(target, sizeof(target), "%.*s", (int)MIN(len, 16u), (const char *)text);
		r = symlinkat(target[0] ? target : "x", root_fd, path);
		break;
	case KIND_FIFO:
		r = mkfifoat(root_fd, path, 0600);
		break;
	case KIND_FOLDER:
		r = mkdirat(root_fd, path, 0700);
		break;
	case KIND_MASK:
		r = symlinkat("/dev/null", root_fd, path);
		break;
	default:
		fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		r = fd < 0 ? -1 : write_full(fd, text, len);
		(void) close(fd);
	}
	if (r < 0)
		abort();
}

/* True if a file has the line "@option=@value". */
static bool stands(const uint8_t *data, size_t len, const char *option, const char *value)
{
	size_t n = strlen(option);

	for (const uint8_t *p = data; (p = memmem(p, (size_t)(data + len - p), option, n)); p += n)
		if (memmem(p, (size_t)(data + len - p), value, strlen(value)))
			return true;
	return false;
}

/* Without errors there is a broker that is authenticated in one way, or no broker. */
static void check_broker(const struct broker_settings *b, const uint8_t *data, size_t len)
{
	static const struct broker_settings none;

	if (!b->present) {
		assert(memcmp(b, &none, sizeof(none)) == 0);
		return;
	}
	assert(b->trust > BROKER_TRUST_NONE && b->trust < _BROKER_TRUST_MAX);
	assert(!b->public_key[0] == (b->trust != BROKER_TRUST_PUBLIC_KEY));
	assert(!b->pem == (b->trust == BROKER_TRUST_PUBLIC_KEY));
	assert(!b->pem == !b->pem_path[0]);
	assert(b->n_urls > 0 || b->init_data[0]);
	for (unsigned i = 0; i < b->n_urls; i++)
		assert(strncmp(b->urls[i], "https://", 8) == 0 ||
		       strncmp(b->urls[i], "vsock://", 8) == 0);
	assert(!b->pem || stands(data, len, "", "CERTIFICATE"));
	assert(b->timeout_usec > 0);
}

static void check(const struct config *c, const uint8_t *data, size_t len)
{
	static const char *const names[] = { "attested", "evidence", "none" };
	char printable[sizeof(c->errors.first)];

	if (c->errors.n > 0) {
		assert(c->errors.first[0] && strlen(c->errors.first) < sizeof(c->errors.first));
		snprintf(printable, sizeof(printable), "%s", c->errors.first);
		make_printable(printable);
		assert(streq(printable, c->errors.first));
		return;
	}
	assert(c->require < _REQUIRE_MAX);
	assert(!c->require_given || stands(data, len, "Require", names[c->require]));
	assert(c->require_given || c->require != REQUIRE_NONE);
	assert(c->verify_header || stands(data, len, "VerifyVolumeHeader", ""));
	assert(!c->secret_directory[0] ||
	       stands(data, len, "SecretDirectory", c->secret_directory));
	for (size_t i = 0; i < c->n_policies; i++) {
		assert(!guid_is_zero(&c->policies[i].guid));
		assert(c->policies[i].name[0] && c->policies[i].consumers[0]);
		assert(!c->policies[i].path[0] || c->broker.present);
		assert(!c->policies[i].no_launch || c->policies[i].path[0]);
		for (size_t j = 0; j < i; j++)
			assert(!streq(c->policies[i].name, c->policies[j].name));
	}
	check_broker(&c->broker, data, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(config_freep) struct config *c = NULL;
	bool used[ARRAY_SIZE(files)] = { false }, bad = false;
	const uint8_t *p = data, *end = data + len;

	if (root_fd == 0)
		begin();
	while (p < end) {
		const uint8_t *next = memchr(p, 1, (size_t)(end - p));
		size_t n = (size_t)((next ? next : end) - p);
		unsigned which = n > 0 ? p[0] % ARRAY_SIZE(files) : 0;
		enum kind kind = n > 0 ? p[0] / ARRAY_SIZE(files) : 0;
		struct ini_error e;

		if (n > 0 && !used[which]) {
			used[which] = true;
			put(files[which], kind < _KIND_MAX ? kind : KIND_TEXT, p + 1, n - 1);
			/* Files in /etc hide others, and nothing hides them. */
			if (startswith(files[which], "etc/") && !strstr(files[which], "/attest.") &&
			    !strstr(files[which], ".pem")) {
				if (kind == KIND_FIFO || kind == KIND_FOLDER)
					bad = true;
				if (kind == KIND_TEXT && ini_check(p + 1, n - 1, &e) < 0)
					bad = true;
			}
		}
		p = next ? next + 1 : end;
	}
	if (config_load(root, &c) < 0)
		abort();
	assert(!bad || c->errors.n > 0);
	check(c, data, len);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (used[i] && unlinkat(root_fd, files[i], 0) < 0 &&
		    unlinkat(root_fd, files[i], AT_REMOVEDIR) < 0)
			abort();
	return 0;
}
