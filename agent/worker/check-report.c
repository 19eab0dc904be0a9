/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/check-report.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define SOON_SEC (7 * 24 * 3600)

void check_report_done(struct check_report *r)
{
	free(r->findings);
	*r = (struct check_report){ 0 };
}

void check_problem(struct check_report *r, const char *path, unsigned line, const char *format, ...)
{
	char text[512], number[16] = "";
	va_list ap;
	int n;

	if (line)
		snprintf(number, sizeof(number), "%u:", line);
	n = snprintf(text, sizeof(text), "%.200s:%s ", path, number);
	va_start(ap, format);
	(void) vsnprintf(text + n, sizeof(text) - (size_t)n, format, ap);
	va_end(ap);
	make_printable(text);
	log_error("%s", text);
	r->n_errors++;
}

void *check_grow(struct check_report *r, void *list, size_t n, size_t size)
{
	void *more = reallocarray(list, n + 1, size);

	r->oom |= !more;
	return more;
}

struct finding *check_add_finding(struct check_report *r, const char *path, int64_t from,
				  int64_t until, const char *key, const char *format, ...)
{
	struct finding *more = check_grow(r, r->findings, r->n_findings, sizeof(*more)), *f;
	va_list ap;

	if (!more)
		return NULL;
	r->findings = more;
	f = &r->findings[r->n_findings++];
	*f = (struct finding){ .path = path, .from = from, .until = until };
	snprintf(f->key, sizeof(f->key), "%s", key);
	va_start(ap, format);
	(void) vsnprintf(f->what, sizeof(f->what), format, ap);
	va_end(ap);
	make_printable(f->what);
	return f;
}

/* ---- dates ---- */

static const char *time_text(int64_t t, char buf[static TIME_TEXT_MAX])
{
	return time_format(t, buf) ? buf : "a time that cannot be said";
}

static bool is_good(const struct finding *f, int64_t now)
{
	return now >= f->from && now <= f->until && !f->older;
}

static bool has_better(const struct check_report *r, const struct finding *f, int64_t now)
{
	for (size_t i = 0; f->key[0] && i < r->n_findings; i++)
		if (streq(r->findings[i].key, f->key) && is_good(&r->findings[i], now))
			return true;
	return false;
}

void check_dates(struct check_report *r, int64_t now)
{
	const struct finding *first = NULL;
	const char *until;
	char text[TIME_TEXT_MAX], from[TIME_TEXT_MAX];

	for (size_t i = 0; i < r->n_findings; i++) {
		const struct finding *f = &r->findings[i];
		const char *why = f->older       ? "is older than what was verified before" :
				  now < f->from  ? "is not good yet" :
				  now > f->until ? "has expired" :
						   NULL;

		if (!why) {
			print("%s: %s, good until %s\n", f->path, f->what,
			      time_text(f->until, text));
			if (!first || f->until < first->until)
				first = f;
		} else if (has_better(r, f, now)) {
			print("%s: %s, %s; another one counts\n", f->path, f->what, why);
		} else {
			check_problem(r, f->path, 0, "%s %s (good from %s to %s)", f->what, why,
				      time_text(f->from, from), time_text(f->until, text));
		}
	}
	if (!first)
		return;
	until = time_text(first->until, text);
	print("The first to expire is '%s', on %s\n", first->path, until);
	if (first->until - now < SOON_SEC)
		log_warning("'%s' expires on %s, in less than a week: 'cococtl attest fetch "
			    "--refresh' gets it anew",
			    first->path, until);
}
