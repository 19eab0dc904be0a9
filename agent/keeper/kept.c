/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/kept.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/openssl-late.h"
#include "wire/bytes.h"

#define KEPT_FILE "gate"

enum { FLAG_BIND = 1, FLAG_POLICY = 2, FLAG_TRUST = 4, FLAGS_ALL = 7 };

/* The numbers in the file; zero is not used. */
static const uint8_t require_numbers[_REQUIRE_MAX] = {
	[REQUIRE_NONE] = 1,
	[REQUIRE_ATTESTED] = 2,
	[REQUIRE_EVIDENCE] = 3,
};

struct kept *kept_free(struct kept *k)
{
	if (!k)
		return NULL;
	free(k->policy);
	free(k->trust);
	free(k);
	return NULL;
}

/* ---- the file's bytes ---- */

/* SHA-256 of @text; zeros when @text is NULL, and then nothing needs OpenSSL. */
static int hash(const char *text, size_t len, uint8_t ret[static 32], struct cause *why)
{
	int r = text ? openssl_load(why) : 0;

	memset(ret, 0, 32);
	if (r < 0)
		return r;
	return !text || EVP_Digest(text, len, ret, NULL, EVP_sha256(), NULL) == 1 ?
		       0 :
		       cause_set_oom(why);
}

/*
 * Copy the next @len bytes as a text.  @there: the flags say that it exists, and then it may not
 * be empty.
 */
static int take_text(struct bytes *b, bool there, size_t len, const uint8_t *sha256, char **ret)
{
	struct bytes text;
	struct cause why;
	uint8_t found[32];
	int r;

	if (there != (len > 0) || bytes_take(b, len, &text) < 0 ||
	    (len > 0 && memchr(text.p, 0, len)))
		return -EBADMSG;
	if (there) {
		*ret = malloc(len + 1);
		if (!*ret)
			return -ENOMEM;
		memcpy(*ret, text.p, len);
		(*ret)[len] = '\0';
	}
	r = hash(*ret, len, found, &why);
	if (r < 0)
		return r;
	return memcmp(found, sha256, sizeof(found)) == 0 ? 0 : -EBADMSG;
}

static int take_require(uint8_t number, enum require *ret)
{
	for (unsigned i = 0; i < _REQUIRE_MAX; i++)
		if (number && require_numbers[i] == number) {
			*ret = (enum require)i;
			return 0;
		}
	return -EBADMSG;
}

/* Printable, NUL-terminated, and zeros after that. */
static int take_error(const uint8_t *p, char ret[static KEPT_ERROR_LEN])
{
	size_t len = strnlen((const char *)p, KEPT_ERROR_LEN);
	struct bytes rest = { p + len, KEPT_ERROR_LEN - len };
	char text[KEPT_ERROR_LEN];

	if (len == KEPT_ERROR_LEN || !bytes_all_zero(&rest))
		return -EBADMSG;
	memcpy(text, p, sizeof(text));
	make_printable(text);
	if (memcmp(text, p, sizeof(text)) != 0)
		return -EBADMSG;
	memcpy(ret, text, sizeof(text));
	return 0;
}

int kept_parse(const uint8_t *data, size_t len, struct kept **ret)
{
	_cleanup_(kept_freep) struct kept *k = calloc(1, sizeof(*k));
	struct bytes b = { data, len }, header;
	uint8_t flags;
	int r;

	if (!k)
		return -ENOMEM;
	if (bytes_take(&b, KEPT_HEADER_LEN, &header) < 0)
		return -EBADMSG;
	data = header.p;
	flags = data[9];
	k->bind_policy = flags & FLAG_BIND;
	k->policy_len = get_u32le(data + 12);
	k->trust_len = get_u32le(data + 16);
	k->result = get_u32le(data + 20);
	k->verdict_usec = get_u64le(data + 24);
	memcpy(k->policy_sha256, data + 32, sizeof(k->policy_sha256));
	memcpy(k->trust_sha256, data + 64, sizeof(k->trust_sha256));
	if (memcmp(data, KEPT_MAGIC, KEPT_MAGIC_LEN) != 0 || flags & ~FLAGS_ALL ||
	    get_u16le(data + 10) != 0 || k->policy_len > ATTEST_POLICY_MAX ||
	    k->trust_len > ATTEST_TRUST_MAX || k->result >= _ATTEST_RESULT_MAX ||
	    (k->result == ATTEST_NONE) != (k->verdict_usec == 0))
		return -EBADMSG;
	r = take_require(data[8], &k->require);
	if (r >= 0)
		r = take_error(data + 96, k->error);
	if (r >= 0)
		r = take_text(&b, flags & FLAG_POLICY, k->policy_len, k->policy_sha256, &k->policy);
	if (r >= 0)
		r = take_text(&b, flags & FLAG_TRUST, k->trust_len, k->trust_sha256, &k->trust);
	if (r >= 0 && b.len > 0)
		r = -EBADMSG;
	if (r < 0)
		return r;
	*ret = TAKE_PTR(k);
	return 0;
}

int kept_build(const struct kept *k, uint8_t **ret, size_t *ret_len)
{
	size_t len = KEPT_HEADER_LEN + k->policy_len + k->trust_len;
	uint8_t *p = calloc(1, len);

	if (!p)
		return -ENOMEM;
	memcpy(p, KEPT_MAGIC, KEPT_MAGIC_LEN);
	p[8] = require_numbers[k->require];
	p[9] = (uint8_t)((k->bind_policy ? FLAG_BIND : 0) | (k->policy ? FLAG_POLICY : 0) |
			 (k->trust ? FLAG_TRUST : 0));
	put_u32le(p + 12, (uint32_t)k->policy_len);
	put_u32le(p + 16, (uint32_t)k->trust_len);
	put_u32le(p + 20, k->result);
	put_u32le(p + 24, (uint32_t)k->verdict_usec);
	put_u32le(p + 28, (uint32_t)(k->verdict_usec >> 32));
	memcpy(p + 32, k->policy_sha256, sizeof(k->policy_sha256));
	memcpy(p + 64, k->trust_sha256, sizeof(k->trust_sha256));
	memcpy(p + 96, k->error, sizeof(k->error));
	if (k->policy)
		memcpy(p + KEPT_HEADER_LEN, k->policy, k->policy_len);
	if (k->trust)
		memcpy(p + KEPT_HEADER_LEN + k->policy_len, k->trust, k->trust_len);
	*ret = p;
	*ret_len = len;
	return 0;
}

/* ---- the configuration ---- */

static int read_text(const char *root, const char *name, size_t max, char **ret, size_t *ret_len,
		     uint8_t ret_sha256[static 32], struct cause *why)
{
	struct config_file f;
	int r;

	r = config_file_read(CONFIG_ROOT(root), name, max, &f);
	if (r < 0)
		return cause_set(why, r, "'%.100s' cannot be read: %.140s", f.path,
				 config_file_error(r));
	*ret = f.text;
	*ret_len = f.len;
	if (*ret && memchr(*ret, 0, *ret_len))
		return cause_set(why, -EBADMSG, "'%.180s' contains a NUL", f.path);
	return hash(*ret, *ret_len, ret_sha256, why);
}

int kept_of_config(const struct config *config, const char *root, struct kept **ret,
		   struct cause *why)
{
	_cleanup_(kept_freep) struct kept *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return cause_set(why, -ENOMEM, "out of memory");
	k->require = config->require;
	k->bind_policy = config->bind_policy;
	r = read_text(root, ATTEST_POLICY_FILE, ATTEST_POLICY_MAX, &k->policy, &k->policy_len,
		      k->policy_sha256, why);
	if (r >= 0)
		r = read_text(root, ATTEST_TRUST_FILE, ATTEST_TRUST_MAX, &k->trust, &k->trust_len,
			      k->trust_sha256, why);
	if (r < 0)
		return r;
	if (config->errors.n > 0) {
		(void) snprintf(k->error, sizeof(k->error), "%.*s", KEPT_ERROR_LEN - 1,
				config->errors.first[0] ? config->errors.first : "an error");
		make_printable(k->error);
	}
	*ret = TAKE_PTR(k);
	return 0;
}

/* ---- the file ---- */

int kept_load(const char *path, struct kept **ret, struct cause *why)
{
	_cleanup_(closep) int fd = -EBADF;
	_cleanup_(freep) uint8_t *data = NULL;
	struct stat st;
	ssize_t n;
	int r;

	/* Do not follow a link, and do not wait for a FIFO. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return cause_set(why, -errno, "'%.180s' cannot be opened: %s", path,
				 errno == ELOOP ? "it is a link" : strerror(errno));
	if (fstat(fd, &st) < 0)
		return cause_set(why, -errno, "'%.180s' cannot be looked at: %s", path,
				 strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 07777) != 0600 ||
	    st.st_nlink != 1)
		return cause_set(why, -EPERM,
				 "'%.180s' is not a file of mode 0600 that is root's alone", path);
	if (st.st_size > KEPT_MAX)
		return cause_set(why, -EMSGSIZE, "'%.180s' is too large", path);
	data = malloc(KEPT_MAX + 1);
	if (!data)
		return cause_set(why, -ENOMEM, "out of memory");
	n = read_full(fd, data, KEPT_MAX + 1);
	if (n < 0)
		return cause_set(why, (int)n, "'%.180s' cannot be read: %s", path,
				 strerror((int)-n));
	r = kept_parse(data, (size_t)n, ret);
	if (r == -ELIBACC)
		return cause_set(why, r, "'%.180s' cannot be checked, as OpenSSL cannot be loaded",
				 path);
	if (r < 0)
		return cause_set(why, r, "'%.180s' is malformed", path);
	return 1;
}

int kept_save(const struct kept *k, const char *path, bool first)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r;

	r = kept_build(k, &data, &len);
	return r < 0 ? r : write_file_atomic(path, data, len, 0600, first);
}

static bool same(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, 32) == 0;
}

unsigned kept_differences(const struct kept *a, const struct kept *b)
{
	return (a->require != b->require ? MSG_DIFFERS_REQUIRE : 0) |
	       (a->bind_policy != b->bind_policy ? MSG_DIFFERS_BIND : 0) |
	       (same(a->policy_sha256, b->policy_sha256) ? 0 : MSG_DIFFERS_POLICY) |
	       (same(a->trust_sha256, b->trust_sha256) ? 0 : MSG_DIFFERS_TRUST);
}

/* ---- from the initrd to the system ---- */

/*
 * The check that systemd makes.  If the answer is not known, something is kept that may not be
 * needed.
 */
static bool in_initrd(const char *root)
{
	char path[PATH_MAX];

	(void) snprintf(path, sizeof(path), "%s/etc/initrd-release", root);
	return access(path, F_OK) == 0 || errno != ENOENT;
}

_printf_(2, 3) static void fail(struct carried *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(c->error, sizeof(c->error), format, ap);
	va_end(ap);
}

/*
 * The file does not exist yet.  What this initrd judges by is written before it judges, so that
 * the system after it can never find less.
 */
static void keep(struct carried *c, struct kept *own)
{
	int r = kept_save(own, c->path, /* first= */ true);

	if (r < 0) {
		fail(c,
		     "what this initrd judges by cannot be kept for the system "
		     "after it in '%.180s': %s",
		     c->path, strerror(-r));
		return;
	}
	c->kept = own;
	c->own = true;
}

void carried_init(const struct config *config, const char *config_root, const char *runtime,
		  bool initramfs, struct carried *ret)
{
	_cleanup_(kept_freep) struct kept *own = NULL;
	struct cause why = { "" };
	bool initrd = initramfs || in_initrd(config_root);
	int r;

	*ret = (struct carried){ 0 };
	(void) snprintf(ret->path, sizeof(ret->path), "%.200s/" KEPT_FILE, runtime);
	r = kept_load(ret->path, &ret->kept, &why);
	if (r < 0) {
		fail(ret, "what the initrd judged by is lost: %.256s; reboot", why.text);
		return;
	}
	if (!ret->kept && !initrd)
		return;
	if (kept_of_config(config, config_root, &own, &why) < 0) {
		fail(ret, "%.256s", why.text);
		return;
	}
	if (!ret->kept) {
		keep(ret, own);
		if (ret->own)
			(void) TAKE_PTR(own);
		return;
	}
	/*
	 * A root file system that claims to be an initrd may not write, unless its configuration
	 * is the same.
	 */
	ret->differs = kept_differences(ret->kept, own);
	ret->own = initrd && !ret->differs;
	if (ret->kept->error[0])
		fail(ret,
		     "the configuration in the initrd had errors, so that nobody knows what it "
		     "wanted; the first: %s; fix it there and reboot",
		     ret->kept->error);
}

void carried_done(struct carried *c)
{
	c->kept = kept_free(c->kept);
}

int carried_note(struct carried *c, const struct attest_verdict *v, uint64_t usec)
{
	if (!c->own)
		return 0;
	c->kept->result = v->result;
	c->kept->verdict_usec = usec ?: 1;
	return kept_save(c->kept, c->path, /* first= */ false);
}

void carried_differences(unsigned differs, char *ret, size_t size)
{
	const char *name;

	ret[0] = '\0';
	for (unsigned i = 0; (name = msg_differs_name(i)); i++)
		if (differs & 1u << i)
			list_add_word(ret, size, name);
}
