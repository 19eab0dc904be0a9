/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/boot-time.h"

static const char *seconds(struct boot_known k, char ret[static 32])
{
	if (k.known)
		snprintf(ret, 32, "%llu.%03llu s", (unsigned long long)(k.usec / 1000000),
			 (unsigned long long)(k.usec / 1000 % 1000));
	else
		snprintf(ret, 32, "unknown");
	return ret;
}

static int add_row(struct table *t, const struct boot_row *r)
{
	const struct boot_known start = { r->has_start, r->start_usec };
	char at[32], span[32], what[sizeof(r->group) + sizeof(r->name) + 1];

	(void) snprintf(what, sizeof(what), "%s %s", r->group, r->name);
	return table_add(t, (const char *const[]){ r->has_start ? seconds(start, at) : "-",
						   seconds(r->span, span), what });
}

static int print_rows(const struct boot_times *t)
{
	static const struct table_column columns[] = {
		{ "BEGINS", .right = true }, { "TAKES", .right = true }, { "WHAT" }
	};
	_cleanup_(table_done) struct table table = { columns, ARRAY_SIZE(columns), .head = 2 };

	for (unsigned i = 0; i < t->n_rows; i++)
		if (add_row(&table, &t->rows[i]) < 0)
			return -ENOMEM;
	table_print(&table);
	return 0;
}

int boot_print(const struct boot_times *t)
{
	char span[32];

	if (print_rows(t) < 0)
		return -ENOMEM;
	print("Total: %s; acceptance of memory: %s\n", seconds(t->total, span), t->acceptance);
	print("Until now: %s by the kernel's clock,", seconds(t->by_boottime, span));
	print(" %s by the TSC,", seconds(t->by_tsc, span));
	print(" %s by the wall clock\n", seconds(t->by_wall, span));
	for (unsigned i = 0; i < t->n_notes; i++)
		print("NOTE: %s\n", t->notes[i]);
	puts("What a guest reads of its boot is its host's word; nothing is decided by it.");
	return 0;
}

/* ---- JSON ---- */

static int add_known(struct json_object *o, const char *key, struct boot_known k)
{
	return json_add_number_if(o, key, k.known, (int64_t)k.usec);
}

static struct json_object *rows_to_json(const struct boot_times *t)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (unsigned i = 0; i < t->n_rows; i++) {
		const struct boot_row *row = &t->rows[i];
		struct json_object *o = json_object_new_object();

		r |= json_add_text(o, "group", row->group);
		r |= json_add_text(o, "name", row->name);
		r |= add_known(o, "start_usec",
			       (struct boot_known){ row->has_start, row->start_usec });
		r |= add_known(o, "usec", row->span);
		r |= json_append(list, o);
	}
	return json_whole(list, r);
}

static struct json_object *steps_to_json(const struct boot_input *in)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (unsigned i = 0; i < in->n_steps; i++) {
		const struct msg_stamp *s = &in->steps[i];
		struct json_object *o = json_object_new_object();

		r |= json_add_text(o, "step", stamp_name(s->what));
		r |= json_add_text(o, "secret", s->secret);
		r |= json_add_text(o, "consumer", s->consumer);
		r |= json_add_number(o, "boottime_usec", (int64_t)s->usec);
		r |= json_append(list, o);
	}
	return json_whole(list, r);
}

static struct json_object *now_to_json(const struct boot_times *t)
{
	struct json_object *o = json_object_new_object();
	int r = 0;

	r |= add_known(o, "boottime_usec", t->by_boottime);
	r |= add_known(o, "tsc_usec", t->by_tsc);
	r |= add_known(o, "wall_usec", t->by_wall);
	return json_whole(o, r);
}

struct json_object *boot_to_json(const struct boot_input *in, const struct boot_times *t)
{
	struct json_object *o = json_document("boot-time"), *notes = json_object_new_array();
	int r = 0;

	r |= add_known(o, "total_usec", t->total);
	r |= json_add_text(o, "acceptance", t->acceptance);
	r |= json_add(o, "rows", rows_to_json(t));
	r |= in->has_steps ? json_add(o, "steps", steps_to_json(in)) : json_add_null(o, "steps");
	r |= json_add(o, "until_now", now_to_json(t));
	for (unsigned i = 0; i < t->n_notes; i++)
		r |= json_append_text(notes, t->notes[i]);
	r |= json_add(o, "notes", notes);
	return json_whole(o, r);
}

/* ---- the chart ---- */

#define WIDTH 700
#define LEFT 380
#define ROW 22

static void put_escaped(FILE *f, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		case '\'':
			fputs("&#39;", f);
			break;
		default:
			fputc(*s, f);
		}
}

static uint64_t end_of(const struct boot_times *t)
{
	uint64_t end = 1;

	for (unsigned i = 0; i < t->n_rows; i++)
		end = MAX(end, t->rows[i].start_usec + t->rows[i].span.usec);
	return end;
}

static void put_text(FILE *f, int x, int y, const char *anchor, const char *text)
{
	fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">", x, y, anchor);
	put_escaped(f, text);
	fputs("</text>\n", f);
}

static void put_row(FILE *f, const struct boot_row *r, unsigned i, uint64_t end)
{
	const char *color = streq(r->group, "phase")  ? "#3b6ea5" :
			    streq(r->group, "device") ? "#b5762a" :
							"#3f8f5b";
	int y = 50 + (int)i * ROW, x = LEFT, width = 0;
	char label[64], span[32];

	/* The first characters say which it is; a GUID with its domain fits. */
	snprintf(label, sizeof(label), "%.58s", r->name);
	make_printable(label);
	put_text(f, LEFT - 8, y + 15, "end", label);
	if (r->span.known || r->has_start) {
		x += (int)((double)r->start_usec / (double)end * WIDTH);
		width = (int)((double)r->span.usec / (double)end * WIDTH);
		fprintf(f, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", x,
			y + 3, MAX(width, 2), ROW - 6, color);
	}
	put_text(f, x + MAX(width, 2) + 6, y + 15, "start", seconds(r->span, span));
}

static void put_axis(FILE *f, uint64_t end, int height)
{
	for (unsigned i = 0; i <= 5; i++) {
		int x = LEFT + (int)i * WIDTH / 5;
		char at[32];

		fprintf(f,
			"<line x1=\"%d\" y1=\"44\" x2=\"%d\" y2=\"%d\" "
			"stroke=\"#d0d0d0\"/>\n",
			x, x, height - 10);
		put_text(f, x, 38, "middle",
			 seconds((struct boot_known){ true, end / 5 * i }, at));
	}
}

int boot_svg(const struct boot_times *t, const char *path)
{
	_cleanup_(freep) char *text = NULL;
	int height = 70 + (int)t->n_rows * ROW, r;
	uint64_t end = end_of(t);
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return -ENOMEM;
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
		LEFT + WIDTH + 100, height);
	put_text(f, 10, 20, "start", "Boot: seconds since the kernel's start");
	put_axis(f, end, height);
	for (unsigned i = 0; i < t->n_rows; i++)
		put_row(f, &t->rows[i], i, end);
	fputs("</svg>\n", f);
	r = ferror(f) ? -ENOMEM : 0;
	if (fclose(f) != 0 || r < 0)
		return -ENOMEM;
	return write_file_atomic(path, text, len, 0644, /* exclusive= */ false);
}
