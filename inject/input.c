/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/input.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/parse.h"
#include "sev/sev-policy.h"
#include "wire/ovmf-table.h"
#include "wire/secret-table.h"

#define PAGE_LEN 4096
#define MAINLINE_ENTRIES 64	/* Linux' own efi_secret shows no more files than this */

/* Names that people use for GUIDs; coco-inject(1) lists them. */
static const struct {
	const char *name;
	struct guid guid;
} well_known[] = {
	{ "luks", GUID_INIT_TEXT(0x736869e5, 0x84f0, 0x4973, 0x92, 0xec, 0x06, 0x87, 0x9c, 0xe3,
				 0xda, 0x0b) },
	{ "luks-key", GUID_INIT_TEXT(0x736869e5, 0x84f0, 0x4973, 0x92, 0xec, 0x06, 0x87, 0x9c, 0xe3,
				     0xda, 0x0b) },
	{ "offline-kbc", GUID_INIT_TEXT(0xe6f5a162, 0xd67f, 0x4750, 0xa6, 0x7c, 0x5d, 0x06, 0x5f,
					0x2a, 0x99, 0x10) },
	{ "online-kbc", GUID_INIT_TEXT(0x1ee27366, 0x0c87, 0x43a6, 0xaf, 0x48, 0x28, 0x54, 0x3e,
				       0xaf, 0x7c, 0xb0) },
};

const char *input_well_known(unsigned i)
{
	return i < ARRAY_SIZE(well_known) ? well_known[i].name : NULL;
}

int input_open(const char *path)
{
	int fd = streq(path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) :
				    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

int input_read_secret(const char *path, size_t max, struct secret **ret)
{
	_cleanup_(closep) int fd = input_open(path);

	return fd < 0 ? fd : secret_read(fd, max, ret);
}

/* ---- the table ---- */

static int parse_name(const char *name, size_t len, struct guid *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(well_known); i++)
		if (strlen(well_known[i].name) == len &&
		    strncmp(name, well_known[i].name, len) == 0) {
			*ret = well_known[i].guid;
			return 0;
		}
	return guid_parse(name, len, ret);
}

static void strip_newline(struct secret *s)
{
	size_t len = secret_len(s);

	if (len > 0 && secret_data(s)[len - 1] == '\n')
		secret_truncate(s, len - 1);
}

/*
 * One line of text with its end: what "echo" and editors make of a passphrase, and what then is
 * no passphrase of the volume.  A key of random bytes, or a file of several lines, is meant as
 * it is.
 */
static bool is_line(const struct secret *s)
{
	const uint8_t *p = secret_data(s);
	size_t len = secret_len(s), text;

	if (len == 0 || p[len - 1] != '\n')
		return false;
	text = len > 1 && p[len - 2] == '\r' ? len - 2 : len - 1;
	for (size_t i = 0; i < text; i++)
		if (p[i] < ' ' || p[i] == 0x7f)
			return false;
	return true;
}

static void warn_of(const struct secret *s, int n, const char *name, bool stripped)
{
	size_t len = secret_len(s);

	if (len == 0)
		log_warning("Secret '%.*s' is empty", n, name);
	else if (stripped && secret_data(s)[len - 1] == '\r')
		log_warning("Secret '%.*s' ends with a carriage return, as Windows' editors write "
			    "it: it stays part of the secret",
			    n, name);
	else if (!stripped && is_line(s))
		log_warning("Secret '%.*s' ends with a newline, which a passphrase seldom has: "
			    "--strip-newline takes it off",
			    n, name);
}

int input_secret_spec(const char *spec, struct guid *ret, const char **ret_from,
		      struct cause *why)
{
	const char *colon = strchr(spec, ':');

	if (!colon || !colon[1])
		return cause_set(why, -EINVAL, "--secret '%s' is not NAME:FILE", spec);
	if (parse_name(spec, (size_t)(colon - spec), ret) < 0)
		return cause_set(why, -EINVAL,
				 "'%.*s' is neither a GUID like "
				 "736869e5-84f0-4973-92ec-06879ce3da0b nor a name of "
				 "coco-inject(1)",
				 (int)MIN(colon - spec, (ptrdiff_t)INT16_MAX), spec);
	*ret_from = colon + 1;
	return 0;
}

static bool is_brokers(const char *spec)
{
	const char *colon = strchr(spec, ':');

	return colon && startswith(colon + 1, "kbs:");
}

int input_is_from_broker(const struct args *a, bool *ret, struct cause *why)
{
	size_t n = 0;

	for (size_t i = 0; i < a->secrets.n; i++)
		n += is_brokers(a->secrets.items[i]);
	if (n > 0 && n < a->secrets.n)
		return cause_set(why, -EINVAL,
				 "Some secrets are a broker's and some are files: all must come "
				 "one way, for they go into one packet");
	if (n > 0 && a->strip_newline)
		return cause_set(why, -EINVAL,
				 "--strip-newline is for files: what a broker has goes out as it "
				 "is");
	if (n == 0 && a->broker)
		return cause_set(why, -EINVAL,
				 "--broker is given, and no secret is a broker's, such as "
				 "luks:kbs:///default/disk/key");
	*ret = n > 0;
	return 0;
}

static int add_secret(struct secret *table, const char *spec, bool strip, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	size_t max = secret_len(table);
	struct guid guid;
	const char *from;
	int n, r;

	r = input_secret_spec(spec, &guid, &from, why);
	if (r < 0)
		return r;
	if (is_brokers(spec))
		return cause_set(why, -EINVAL,
				 "'%s' is a broker's, which goes out to a launch only: see "
				 "'inject' and 'packet'",
				 from);
	n = (int)MIN(from - 1 - spec, (ptrdiff_t)INT16_MAX);
	r = input_read_secret(from, max, &s);
	if (r == -EMSGSIZE)
		return cause_set(why, -ENOSPC,
				 "Secret '%.*s' is too long: '%s' has more than %zu bytes", n, spec,
				 from, max);
	if (r < 0)
		return cause_set_io(why, r, "Failed to read secret '%.*s' from '%s': %m", n, spec,
				    from);
	if (strip)
		strip_newline(s);
	warn_of(s, n, spec, strip);

	r = secret_table_add(secret_bytes(table), max, &guid, secret_data(s), secret_len(s));
	if (r == -EEXIST)
		return cause_set(why, -EINVAL,
				 "The GUID of secret '%.*s' is given twice; a guest takes one "
				 "secret a GUID",
				 n, spec);
	if (r == -EINVAL)
		return cause_set(why, -EINVAL,
				 "The zero GUID of --secret '%s' means a wiped secret; choose "
				 "another",
				 spec);
	if (r < 0)
		return cause_set(why, -ENOSPC,
				 "The secrets are too long together: '%.*s' does not fit into %zu "
				 "bytes any more",
				 n, spec, max);
	return 0;
}

int input_table(const struct args *a, size_t max, struct secret **ret, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *table = NULL;
	int r;

	r = secret_new(max, &table);
	if (r < 0)
		return cause_set_io(why, r,
				    "Failed to lock memory for the secrets, see ulimit -l: %m");
	r = secret_table_begin(secret_bytes(table), max);
	for (size_t i = 0; r >= 0 && i < a->secrets.n; i++) {
		r = add_secret(table, a->secrets.items[i], a->strip_newline, why);
		if (r < 0)
			return r;
	}
	if (r >= 0)
		r = secret_table_finish(secret_bytes(table), max);
	if (r < 0)
		return cause_set(why, -ENOSPC, "The secrets are too long together for %zu bytes",
				 max);
	if (a->secrets.n > MAINLINE_ENTRIES)
		log_warning("%zu secrets: Linux' own efi_secret module shows the first %d only",
			    a->secrets.n, MAINLINE_ENTRIES);

	secret_truncate(table, (size_t)r);
	*ret = TAKE_PTR(table);
	return 0;
}

/* ---- keys and measurement ---- */

static int read_key(const char *what, const char *path, struct secret **ret, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *key = NULL;
	int r;

	r = input_read_secret(path, 2 * SEV_KEY_LEN, &key);
	if (r == -EMSGSIZE)
		return cause_set(why, -EBADMSG,
				 "The %s in '%s' is not %d bytes but more; raw bytes are needed, "
				 "no text",
				 what, path, SEV_KEY_LEN);
	if (r < 0)
		return cause_set_io(why, r, "Failed to read the %s from '%s': %m", what, path);
	if (secret_len(key) == 2 * SEV_KEY_LEN)
		return cause_set(why, -EBADMSG,
				 "The %s in '%s' is not %d bytes but %d; a file with TEK and TIK "
				 "has to be cut in two, a text in hexadecimal to be made raw bytes",
				 what, path, SEV_KEY_LEN, 2 * SEV_KEY_LEN);
	if (secret_len(key) != SEV_KEY_LEN)
		return cause_set(why, -EBADMSG, "The %s in '%s' is not %d bytes", what, path,
				 SEV_KEY_LEN);
	*ret = TAKE_PTR(key);
	return 0;
}

int input_tik(const struct args *a, struct secret **ret, struct cause *why)
{
	return read_key("TIK", a->tik, ret, why);
}

int input_policy(const struct args *a, enum tech tech, uint32_t *ret, struct cause *why)
{
	const char *text = a->policy;
	uint32_t policy;
	int r;

	r = sev_policy_parse(text, &policy);
	if (r == -EOPNOTSUPP)
		return cause_set(why, -EINVAL,
				 "--policy '%s' has reserved bits, which no firmware takes", text);
	if (r < 0)
		return cause_set(why, -EINVAL,
				 "--policy '%s' is neither a number such as 0x3 nor names such as "
				 "nodbg,noks,es",
				 text);
	if (!(policy & SEV_POLICY_NODBG))
		log_warning("The policy lets the host read the guest's memory: it has no nodbg");
	if (!!(policy & SEV_POLICY_ES) != (tech == TECH_SEV_ES))
		log_warning("The policy says that the guest is %s, and --tech that it is %s",
			    policy & SEV_POLICY_ES ? "sev-es" : "sev",
			    tech == TECH_SEV_ES ? "sev-es" : "sev");
	*ret = policy;
	return 0;
}

int input_keys(const struct args *a, struct secret **ret_tek, struct secret **ret_tik,
	       struct cause *why)
{
	_cleanup_(secret_freep) struct secret *tek = NULL, *tik = NULL;
	int r;

	r = read_key("TEK", a->tek, &tek, why);
	if (r < 0)
		return r;
	r = read_key("TIK", a->tik, &tik, why);
	if (r < 0)
		return r;
	if (secret_equal(tek, tik))
		return cause_set(why, -EBADMSG,
				 "TEK and TIK are the same key; was one file named twice?");
	*ret_tek = TAKE_PTR(tek);
	*ret_tik = TAKE_PTR(tik);
	return 0;
}

int input_measurement(const struct args *a, struct measurement *ret, struct cause *why)
{
	struct measurement m;
	ssize_t n;

	n = base64_decode(a->measurement, m.bytes, sizeof(m.bytes));
	if (n == -EBADMSG)
		return cause_set(why, -EBADMSG, "The expected measurement is not base64");
	if (n != SEV_MEASURE_LEN && n != SEV_MEASURE_LEN + SEV_NONCE_LEN)
		return cause_set(why, -EBADMSG,
				 "The expected measurement is neither 48 bytes nor 32 without the "
				 "nonce");
	m.len = (size_t)n;
	*ret = m;
	return 0;
}

/* ---- the area ---- */

/* The last OVMF_TABLE_TAIL_LEN bytes of @path, or all of it. */
static int read_tail(const char *path, uint8_t **ret, size_t *ret_len)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(freep) uint8_t *tail = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > OVMF_TABLE_TAIL_LEN &&
	    lseek(fd, st.st_size - OVMF_TABLE_TAIL_LEN, SEEK_SET) < 0)
		return -errno;
	tail = malloc(OVMF_TABLE_TAIL_LEN);
	if (!tail)
		return -ENOMEM;
	n = read_full(fd, tail, OVMF_TABLE_TAIL_LEN);
	if (n < 0)
		return (int)n;
	*ret = TAKE_PTR(tail);
	*ret_len = (size_t)n;
	return 0;
}

int input_area_of_image(const char *path, const uint8_t *image, size_t len, struct area *ret,
			struct cause *why)
{
	struct ovmf_area area;
	int r;

	r = ovmf_secret_area(image, len, &area);
	if (r == -ENOENT)
		return cause_set(why, -EOPNOTSUPP,
				 "The firmware '%s' has no area for launch secrets; a build for "
				 "SEV is needed, such as OVMF's AmdSevX64",
				 path);
	if (r < 0)
		return cause_set(why, -EBADMSG,
				 "The table at the end of the firmware '%s' is broken", path);
	*ret = (struct area){ .sized = true, .placed = true, .base = area.base, .size = area.size };
	return 0;
}

static int area_of_firmware(const char *path, struct area *ret, struct cause *why)
{
	_cleanup_(freep) uint8_t *tail = NULL;
	size_t len = 0;
	int r;

	r = read_tail(path, &tail, &len);
	if (r < 0)
		return cause_set_io(why, r, "Failed to read the firmware '%s': %m", path);
	return input_area_of_image(path, tail, len, ret, why);
}

static int area_of_text(const char *text, struct area *ret, struct cause *why)
{
	const char *colon = strchr(text, ':');
	struct area area = { .sized = true, .placed = true, .explicit_gpa = true };
	char base[24];

	if (!colon || (size_t)(colon - text) >= sizeof(base))
		return cause_set(why, -EINVAL, "--area '%s' is not GPA:SIZE, such as 0x80c000:3072",
				 text);
	memcpy(base, text, (size_t)(colon - text));
	base[colon - text] = '\0';
	if (parse_u64(base, &area.base) < 0 || parse_u64(colon + 1, &area.size) < 0 ||
	    area.size == 0 || area.size - 1 > UINT64_MAX - area.base)
		return cause_set(why, -EINVAL, "--area '%s' is not GPA:SIZE, such as 0x80c000:3072",
				 text);
	*ret = area;
	return 0;
}

int input_area(const struct args *a, bool measured, struct area *ret, struct cause *why)
{
	const char *firmware = measured ? NULL : a->firmware;
	const char *area = a->area;

	if (!!firmware + !!area + a->area_size.given > 1)
		return cause_set(why, -EINVAL,
				 "The area for secrets is given twice: take one of --firmware, "
				 "--area, --area-size");
	if (firmware)
		return area_of_firmware(firmware, ret, why);
	if (area)
		return area_of_text(area, ret, why);
	if (!a->area_size.given) {
		*ret = (struct area){ .sized = false };
		return 0;
	}
	if (a->area_size.value == 0)
		return cause_set(why, -ENOSPC,
				 "An area of 0 bytes: the firmware has no area for launch secrets");
	*ret = (struct area){ .sized = true, .size = a->area_size.value };
	return 0;
}

/*
 * QEMU reads where the area begins and not how large it is, so what is too long would run over
 * the kernel hashes behind it.  Linux wants the target to be contiguous in the host's memory,
 * which only one page is for certain.
 */
int input_check_size(const struct args *a, const struct area *area, size_t len, struct cause *why)
{
	if (area->sized && len > area->size)
		return cause_set(why, -ENOSPC,
				 "The secrets are too long: %zu bytes with padding, and the area "
				 "has %llu",
				 len, (unsigned long long)area->size);
	if (!a->huge_pages && (area->base % PAGE_LEN) + len > PAGE_LEN)
		return cause_set(why, -ENOSPC,
				 "The secrets cross a boundary of 4 KiB: %zu bytes with padding, "
				 "%llu bytes into a page; shorten them, or give the guest huge "
				 "pages and say --huge-pages",
				 len, (unsigned long long)(area->base % PAGE_LEN));
	return 0;
}

size_t input_room(const struct args *a, const struct area *area)
{
	size_t room = PACKET_MAX_LEN;

	if (area->sized)
		room = (size_t)MIN((uint64_t)room, area->size);
	return a->huge_pages ? room : MIN(room, (size_t)(PAGE_LEN - area->base % PAGE_LEN));
}

int input_packet(const struct secret *tek, const struct secret *tik,
		 const uint8_t measure[static SEV_MEASURE_LEN], const struct secret *table,
		 struct packet *ret, struct cause *why)
{
	const struct packet_keys keys = { tek, tik };
	uint8_t iv[PACKET_IV_LEN];
	int r;

	r = packet_random_iv(iv);
	if (r == 0)
		r = packet_build(&keys, measure, iv, table, ret);
	if (r < 0)
		return cause_set_io(why, r, "Failed to make the packet: %m");
	return 0;
}
