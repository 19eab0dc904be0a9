/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/newest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "attest/trust.h"
#include "base/hex.h"
#include "base/io.h"
#include "base/parse.h"
#include "wire/bytes.h"

#define HEADER "coco-newest 1\n"
#define ISSUED_MAX INT64_C(253402300799)	/* the end of the year 9999 */

static const char *const fixed[] = {
	"crl-vcek", "crl-vlek", "root-crl", "pck-crl-platform", "pck-crl-processor", "qe-identity",
};

void newest_set_number(struct newest_entry *e, uint64_t number)
{
	memset(e->number, 0, sizeof(e->number));
	for (unsigned i = 0; i < sizeof(number); i++)
		e->number[NEWEST_NUMBER_LEN - 1 - i] = (uint8_t)(number >> 8 * i);
}

void newest_number_text(const struct newest_entry *e, char ret[static NEWEST_NUMBER_TEXT_LEN])
{
	char *first = ret;

	format_hex(e->number, sizeof(e->number), ret);
	while (first[0] == '0' && first[1])
		first++;
	memmove(ret, first, strlen(first) + 1);
}

/* ---- reading ---- */

_printf_(3, 4) static int complain(char error[static NEWEST_ERROR_LEN], unsigned line,
				   const char *format, ...)
{
	int n = snprintf(error, NEWEST_ERROR_LEN, "line %u: ", line);
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(error + n, NEWEST_ERROR_LEN - (size_t)n, format, ap);
	va_end(ap);
	return -EBADMSG;
}

static bool is_lower_hex(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (hex_value(b.p[i]) < 0 || (b.p[i] >= 'A' && b.p[i] <= 'F'))
			return false;
	return b.len > 0;
}

/* Take all up to @end, and @end as well. */
static int take_word(struct bytes *line, char end, struct bytes *ret)
{
	const uint8_t *p = line->len > 0 ? memchr(line->p, end, line->len) : NULL;

	if (!p)
		return -EBADMSG;
	(void) bytes_take(line, (size_t)(p - line->p), ret);
	(void) bytes_skip(line, 1);
	return 0;
}

static bool is_what(struct bytes b)
{
	static const char tcb_info[] = "tcb-info-";
	size_t n = strlen(tcb_info);

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (b.len == strlen(fixed[i]) && memcmp(b.p, fixed[i], b.len) == 0)
			return true;
	return b.len == n + 12 && memcmp(b.p, tcb_info, n) == 0 &&
	       is_lower_hex((struct bytes){ b.p + n, b.len - n });
}

static void decode_hex(struct bytes digits, uint8_t *ret, size_t len)
{
	memset(ret, 0, len);
	for (size_t i = 0; i < digits.len; i++) {
		size_t at = digits.len - 1 - i;

		ret[len - 1 - i / 2] |= (uint8_t)(hex_value(digits.p[at]) << (i % 2 ? 4 : 0));
	}
}

/* Decimal digits without leading zeros, so that a number can be written in one way only. */
static int take_issued(struct bytes b, int64_t *ret)
{
	int64_t v = 0;

	if (b.len == 0 || b.len > 12 || (b.p[0] == '0' && b.len > 1))
		return -EBADMSG;
	for (size_t i = 0; i < b.len; i++) {
		if (b.p[i] < '0' || b.p[i] > '9')
			return -EBADMSG;
		v = 10 * v + (b.p[i] - '0');
	}
	if (v > ISSUED_MAX)
		return -EBADMSG;
	*ret = v;
	return 0;
}

static int read_line(struct bytes *text, unsigned line, struct newest_entry *ret,
		     char error[static NEWEST_ERROR_LEN])
{
	struct bytes what, root, number, issued;

	if (take_word(text, ' ', &what) < 0 || take_word(text, ' ', &root) < 0 ||
	    take_word(text, ' ', &number) < 0 || take_word(text, '\n', &issued) < 0)
		return complain(error, line, "the line does not have four words");
	if (!is_what(what))
		return complain(error, line,
				"the first word is not a kind of document that is remembered");
	if (root.len != 2 * (size_t)NEWEST_ROOT_LEN || !is_lower_hex(root))
		return complain(error, line, "the root key is not 64 hexadecimal digits");
	if (number.len > 2 * (size_t)NEWEST_NUMBER_LEN || !is_lower_hex(number) ||
	    (number.p[0] == '0' && number.len > 1))
		return complain(error, line, "the number is not in hexadecimal digits");
	if (take_issued(issued, &ret->issued) < 0)
		return complain(error, line, "the date of issue is not in seconds");
	memcpy(ret->what, what.p, what.len);
	ret->what[what.len] = '\0';
	decode_hex(root, ret->root, sizeof(ret->root));
	decode_hex(number, ret->number, sizeof(ret->number));
	return 0;
}

int newest_parse(const void *text, size_t len, struct newest *ret,
		 char error[static NEWEST_ERROR_LEN])
{
	_cleanup_(freep) struct newest *n = calloc(1, sizeof(*n));
	struct bytes b = { text, len };
	struct bytes header;
	int r;

	if (!n) {
		(void) snprintf(error, NEWEST_ERROR_LEN, "out of memory");
		return -ENOMEM;
	}
	if (bytes_take(&b, strlen(HEADER), &header) < 0 ||
	    memcmp(header.p, HEADER, header.len) != 0)
		return complain(error, 1, "it is not '%.*s'", (int)strlen(HEADER) - 1, HEADER);
	while (b.len > 0) {
		if (n->n == NEWEST_MAX) {
			(void) complain(error, n->n + 2, "there are more than %d lines",
					NEWEST_MAX);
			return -EMSGSIZE;
		}
		r = read_line(&b, n->n + 2, &n->list[n->n], error);
		if (r < 0)
			return r;
		if (newest_find(n, &n->list[n->n]))
			return complain(error, n->n + 2, "it is there twice");
		n->n++;
	}
	*ret = *n;
	return 0;
}

/* ---- writing ---- */

int newest_format(const struct newest *n, char **ret, size_t *ret_len)
{
	_cleanup_(fclosep) FILE *f = NULL;
	char *text = NULL;
	size_t len;

	f = open_memstream(&text, &len);
	if (!f)
		return -ENOMEM;
	(void) fputs(HEADER, f);
	for (unsigned i = 0; i < n->n; i++) {
		char root[2 * NEWEST_ROOT_LEN + 1], number[NEWEST_NUMBER_TEXT_LEN];

		format_hex(n->list[i].root, NEWEST_ROOT_LEN, root);
		newest_number_text(&n->list[i], number);
		(void) fprintf(f, "%s %s %s %" PRId64 "\n", n->list[i].what, root, number,
			       n->list[i].issued);
	}
	if (fflush(f) != 0 || ferror(f)) {
		(void) fclose(f);
		f = NULL;
		free(text);
		return -ENOMEM;
	}
	/* fclose() writes the NUL, and may move the block. */
	(void) fclose(f);
	f = NULL;
	*ret = text;
	*ret_len = len;
	return 0;
}

/* ---- what is newer ---- */

const struct newest_entry *newest_find(const struct newest *n, const struct newest_entry *e)
{
	for (unsigned i = 0; i < n->n; i++)
		if (streq(n->list[i].what, e->what) &&
		    memcmp(n->list[i].root, e->root, NEWEST_ROOT_LEN) == 0)
			return &n->list[i];
	return NULL;
}

bool newest_is_older(const struct newest_entry *e, const struct newest_entry *seen)
{
	int r = memcmp(e->number, seen->number, NEWEST_NUMBER_LEN);

	return r < 0 || (r == 0 && strstr(e->what, "crl") && e->issued < seen->issued);
}

int newest_note(struct newest *n, const struct newest_entry *e)
{
	struct newest_entry *old = (struct newest_entry *)newest_find(n, e);
	bool news;

	if (!old) {
		if (n->n == NEWEST_MAX)
			return -EMSGSIZE;
		n->list[n->n++] = *e;
		return 1;
	}
	news = memcmp(e->number, old->number, NEWEST_NUMBER_LEN) > 0;
	if (news)
		memcpy(old->number, e->number, NEWEST_NUMBER_LEN);
	news = news || e->issued > old->issued;
	old->issued = MAX(old->issued, e->issued);
	return news;
}

int64_t newest_issued(const struct newest *n, const struct trust *trust)
{
	int64_t t = INT64_MIN;

	for (unsigned i = 0; i < n->n; i++)
		for (unsigned j = 0; j < trust->n_pins; j++)
			if (memcmp(trust->pins[j].spki_sha256, n->list[i].root, PIN_LEN) == 0)
				t = MAX(t, n->list[i].issued);
	return t;
}
