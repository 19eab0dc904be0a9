/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/net/init-data.h"

#include <inttypes.h>
#include <stdio.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/toml.h"
#include "wire/bytes.h"
#include "wire/kbs-uri.h"

#define TOML_VERSION "0.1.0"
#define KEY_URL "trustee.kbs.url"
#define KEY_RESOURCE "trustee.kbs.resource"

#define KATA_MAGIC "initdata"
#define KATA_HEADER_LEN 16
#define GZIP_ONLY (16 + MAX_WBITS)	/* of inflateInit2(): no other format */

#define SMBIOS_OEM_STRINGS 11
#define SMBIOS_HEADER_LEN 5		/* type, length, u16 handle, number of strings */
#define SMBIOS_MAX 65535		/* of the whole table in SMBIOS 2, and much in SMBIOS 3 */

struct text {
	char *p;	/* a NUL follows */
	size_t len;
};

static void text_done(struct text *t)
{
	free(t->p);
}

/* ---- the document ---- */

static int set_algorithm(const struct toml *t, struct init_data *ret, struct cause *why)
{
	static const char *const known[] = { "sha256", "sha384", "sha512" };
	const char *algorithm = toml_find(t, "", "algorithm");

	if (!algorithm)
		return cause_set(why, -EBADMSG, "it has no algorithm");
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(algorithm, known[i])) {
			(void) snprintf(ret->algorithm, sizeof(ret->algorithm), "%s", algorithm);
			return 0;
		}
	return cause_set(why, -EOPNOTSUPP,
			 "its algorithm is '%.32s', and not sha256, sha384 or sha512", algorithm);
}

static int set_url(const struct toml *t, struct init_data *ret, struct cause *why)
{
	const char *url = toml_find(t, "data", KEY_URL);

	if (!url)
		return 0;
	if (strlen(url) >= sizeof(ret->url))
		return cause_set(why, -EMSGSIZE, "its " KEY_URL " is too long");
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return cause_set(why, -EBADMSG, "its " KEY_URL " is no address");
	(void) snprintf(ret->url, sizeof(ret->url), "%s", url);
	return 0;
}

/* Some write the path alone, "default/luks/root", for "kbs:///default/luks/root". */
static int set_uri(const struct toml *t, struct init_data *ret, struct cause *why)
{
	const char *resource = toml_find(t, "data", KEY_RESOURCE);
	char uri[BROKER_URL_LEN + 8];
	struct kbs_uri parsed;
	int e;

	if (!resource)
		return 0;
	if (strlen(resource) >= BROKER_PATH_LEN)
		return cause_set(why, -EMSGSIZE, "its " KEY_RESOURCE " is too long");
	if (resource[0] != '+' && kbs_path_is_valid(resource))
		kbs_path_format(resource, uri, sizeof(uri));
	else
		(void) snprintf(uri, sizeof(uri), "%s", resource);
	e = kbs_uri_parse(uri, &parsed);
	if (e == -EMSGSIZE || strlen(uri) >= sizeof(ret->uri))
		return cause_set(why, -EMSGSIZE, "its " KEY_RESOURCE " is too long");
	if (e < 0)
		return cause_set(why, -EBADMSG,
				 "its " KEY_RESOURCE
				 " is not of the form kbs:///REPOSITORY/TYPE/TAG");
	memcpy(ret->uri, uri, strlen(uri) + 1);
	return 0;
}

/* Other tables and keys have their meaning for others. */
static int interpret(const struct text *text, struct init_data *ret, struct cause *why)
{
	_cleanup_(toml_done) struct toml t = { .n_items = 0 };
	struct init_data d = { "" };
	const char *version;
	int e;

	e = toml_read(text->p, text->len, &t, why);
	if (e < 0)
		return e;
	version = toml_find(&t, "", "version");
	if (!version)
		return cause_set(why, -EBADMSG, "it has no version");
	if (!streq(version, TOML_VERSION))
		return cause_set(why, -EOPNOTSUPP, "its version is '%.32s', and not " TOML_VERSION,
				 version);
	if (!toml_has_table(&t, "data"))
		return cause_set(why, -EBADMSG, "it has no table [data]");
	e = set_algorithm(&t, &d, why);
	if (e >= 0)
		e = set_url(&t, &d, why);
	if (e >= 0)
		e = set_uri(&t, &d, why);
	if (e < 0)
		return e;
	*ret = d;
	return 0;
}

/* ---- Kata's device ---- */

static int inflate_all(struct bytes gzip, struct text *ret, struct cause *why)
{
	z_stream z = { .next_in = gzip.p, .avail_in = (uInt)gzip.len };
	_cleanup_(freep) char *out = malloc(TOML_MAX + 1);
	bool all;
	int e;

	if (!out || inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return cause_set_oom(why);
	z.next_out = (Bytef *)out;
	z.avail_out = TOML_MAX + 1;
	e = inflate(&z, Z_FINISH);
	all = z.avail_in == 0;
	ret->len = TOML_MAX + 1 - z.avail_out;
	(void) inflateEnd(&z);
	if (e == Z_MEM_ERROR)
		return cause_set_oom(why);
	if (ret->len > TOML_MAX)
		return cause_set(why, -EMSGSIZE, "it has more than %d bytes", TOML_MAX);
	if (e != Z_STREAM_END)
		return cause_set(why, -EBADMSG, "it is not compressed by gzip, or damaged");
	if (!all)
		return cause_set(why, -EBADMSG, "something follows the compressed document");
	out[ret->len] = '\0';
	ret->p = TAKE_PTR(out);
	return 0;
}

static int read_exactly(int fd, void *buf, size_t len, struct cause *why)
{
	ssize_t n = read_full(fd, buf, len);

	if (n < 0)
		return cause_set_io(why, (int)n, "cannot read it: %s", strerror((int)-n));
	if ((size_t)n < len)
		return cause_set(why, -EBADMSG, "it is cut off");
	return 0;
}

/* What follows on the device is padding. */
static int read_kata(int fd, const uint8_t header[static KATA_HEADER_LEN], struct text *ret,
		     struct cause *why)
{
	uint64_t len = get_u64le(header + strlen(KATA_MAGIC));
	_cleanup_(freep) uint8_t *gzip = NULL;
	int e;

	if (len > INIT_DATA_GZIP_MAX)
		return cause_set(why, -EMSGSIZE, "it has %" PRIu64 " bytes, and may have %d", len,
				 INIT_DATA_GZIP_MAX);
	gzip = malloc(len + 1);
	if (!gzip)
		return cause_set_oom(why);
	e = read_exactly(fd, gzip, len, why);
	return e < 0 ? e : inflate_all((struct bytes){ gzip, len }, ret, why);
}

/* ---- SMBIOS ---- */

/* The document in base64, and not other base64: returns 1; 0; -ENOMEM. */
static int decode_string(const char *string, struct text *ret)
{
	size_t size = strlen(string) / 4 * 3 + 3;
	_cleanup_(freep) char *data = malloc(size + 1);
	ssize_t n;

	if (!data)
		return -ENOMEM;
	n = base64_decode(string, (uint8_t *)data, size);
	if (n < 0 || !memmem(data, (size_t)n, "algorithm", strlen("algorithm")))
		return 0;
	data[n] = '\0';
	*ret = (struct text){ TAKE_PTR(data), (size_t)n };
	return 1;
}

/* Which of two documents another reader takes is not for us to guess. */
static int read_smbios(const struct text *entry, struct text *ret, struct cause *why)
{
	_cleanup_(text_done) struct text found = { NULL };
	const char *p = entry->p + (uint8_t)entry->p[1], *end = entry->p + entry->len;

	if ((uint8_t)entry->p[1] < SMBIOS_HEADER_LEN || p > end)
		return cause_set(why, -EBADMSG, "the SMBIOS entry is malformed");
	/* A NUL ends each string; one more ends the list, unless the entry's bytes do. */
	for (; p < end && *p; p += strlen(p) + 1) {
		struct text text = { NULL };
		int e = decode_string(p, &text);

		if (e < 0)
			return cause_set_oom(why);
		if (e == 0)
			continue;
		if (found.p) {
			text_done(&text);
			return cause_set(why, -EBADMSG,
					 "two strings of the SMBIOS entry are init data");
		}
		found = text;
	}
	if (!found.p)
		return cause_set(why, -EBADMSG,
				 "no string of the SMBIOS entry is init data in base64");
	*ret = found;
	found.p = NULL;
	return 0;
}

/* ---- all ---- */

/* The rest of a file after its first @n bytes, which are in @header. */
static int read_rest(int fd, const uint8_t *header, size_t n, size_t max, struct text *ret,
		     struct cause *why)
{
	_cleanup_(freep) char *p = malloc(max + 2);
	ssize_t more;

	if (!p)
		return cause_set_oom(why);
	memcpy(p, header, n);
	more = n < KATA_HEADER_LEN ? 0 : read_full(fd, p + n, max + 1 - n);
	if (more < 0)
		return cause_set_io(why, (int)more, "cannot read it: %s", strerror((int)-more));
	ret->len = n + (size_t)more;
	if (ret->len > max)
		return cause_set(why, -EMSGSIZE, "it has more than %zu bytes", max);
	p[ret->len] = '\0';
	ret->p = TAKE_PTR(p);
	return 0;
}

/* Neither the type of an SMBIOS entry nor Kata's magic with its length is TOML. */
static int read_document(int fd, struct text *ret, struct cause *why)
{
	_cleanup_(text_done) struct text entry = { NULL };
	uint8_t header[KATA_HEADER_LEN];
	ssize_t n;
	int e;

	n = read_full(fd, header, sizeof(header));
	if (n < 0)
		return cause_set_io(why, (int)n, "cannot read it: %s", strerror((int)-n));
	if (n == sizeof(header) && memcmp(header, KATA_MAGIC, strlen(KATA_MAGIC)) == 0)
		return read_kata(fd, header, ret, why);
	if (n == 0 || header[0] != SMBIOS_OEM_STRINGS)
		return read_rest(fd, header, (size_t)n, TOML_MAX, ret, why);
	e = read_rest(fd, header, (size_t)n, SMBIOS_MAX, &entry, why);
	return e < 0 ? e : read_smbios(&entry, ret, why);
}

int init_data_read(int fd, char **ret_text, size_t *ret_len, struct init_data *ret,
		   struct cause *why)
{
	_cleanup_(text_done) struct text text = { NULL };
	struct cause reason = { "" };
	int e;

	e = read_document(fd, &text, &reason);
	if (e >= 0)
		e = interpret(&text, ret, &reason);
	if (e == -ENOMEM)
		return cause_set_oom(why);
	if (e < 0)
		return cause_set(why, e, "the init data: %.*s", CAUSE_MAX - 32, reason.text);
	*ret_len = text.len;
	*ret_text = TAKE_PTR(text.p);
	return 0;
}
