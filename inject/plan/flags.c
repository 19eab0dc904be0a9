/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/plan/flags.h"

#include <stdarg.h>

#include "inject/plan/quote.h"

void plan_flags_done(struct plan_flags *flags)
{
	for (size_t i = 0; i < flags->n; i++)
		free(flags->items[i].value);
	flags->n = 0;
}

int plan_flag_add_bare(struct plan_flags *flags, const char *name, const char *why)
{
	assert(flags->n < PLAN_FLAGS_MAX);
	flags->items[flags->n++] = (struct plan_flag){ .name = name, .why = why };
	return 0;
}

int plan_flag_take(struct plan_flags *flags, const char *name, const char *why, char *value)
{
	if (!value)
		return -ENOMEM;
	(void) plan_flag_add_bare(flags, name, why);
	flags->items[flags->n - 1].value = value;
	return 0;
}

int plan_flag_add(struct plan_flags *flags, const char *name, const char *why, const char *format,
		  ...)
{
	char *value;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&value, format, ap);
	va_end(ap);
	return plan_flag_take(flags, name, why, n < 0 ? NULL : value);
}

int plan_stream_open(struct plan_stream *s)
{
	*s = (struct plan_stream){ .f = NULL };
	s->f = open_memstream(&s->text, &s->len);
	return s->f ? 0 : -ENOMEM;
}

char *plan_stream_close(struct plan_stream *s)
{
	bool bad = ferror(s->f);

	if (fclose(s->f) == 0 && !bad)
		return s->text;
	free(s->text);
	return NULL;
}

int plan_flags_make(const struct plan *p, struct plan_flags *ret)
{
	*ret = (struct plan_flags){ .n = 0 };
	assert(p->refusals.n == 0);
	switch (p->want->format) {
	case PLAN_QEMU:
		return plan_write_qemu(p, ret);
	case PLAN_LIBVIRT:
		return plan_write_libvirt(p, ret);
	case PLAN_XL:
		return plan_write_xl(p, ret);
	}
	return -EINVAL;
}

/* ---- the whole ---- */

/* The option that is meant: a machine's name says nothing, and one of two -object does. */
static void print_short(FILE *f, const struct plan_flag *flag, enum plan_format format)
{
	if (!flag->name)
		fprintf(f, "%.*s", (int)strcspn(flag->value, " "), flag->value);
	else if (format == PLAN_QEMU && streq(flag->name, "-object"))
		fprintf(f, "%s %.*s", flag->name, (int)strcspn(flag->value, ","), flag->value);
	else
		fputs(flag->name, f);
}

static void print_reasons(FILE *f, const struct plan *p, const struct plan_flags *flags)
{
	bool xml = p->want->format == PLAN_LIBVIRT;

	if (xml)
		fputs("<!--\n", f);
	for (size_t i = 0; i < flags->n; i++) {
		fputs(xml ? "  " : "# ", f);
		print_short(f, &flags->items[i], p->want->format);
		fprintf(f, ": %s\n", flags->items[i].why);
	}
	if (xml)
		fputs("-->\n", f);
}

static void print_command(FILE *f, const struct plan_flags *flags)
{
	for (size_t i = 0; i < flags->n; i++) {
		const struct plan_flag *flag = &flags->items[i];

		fprintf(f, "%s%s", i == 0 ? "" : flag->name ? " \\\n    " : " ",
			flag->name ? flag->name : "");
		if (flag->name && flag->value)
			fputc(' ', f);
		if (flag->value)
			quote_shell(f, flag->value);
	}
	fputc('\n', f);
}

static void print_domain(FILE *f, const struct plan_flags *flags)
{
	fputs("<domain type='kvm'>\n", f);
	for (size_t i = 0; i < flags->n; i++)
		fprintf(f, "%s\n", flags->items[i].value);
	fputs("</domain>\n", f);
}

static void print_config(FILE *f, const struct plan_flags *flags)
{
	for (size_t i = 0; i < flags->n; i++)
		fprintf(f, "%s = %s\n", flags->items[i].name, flags->items[i].value);
}

int plan_flags_print(const struct plan *p, const struct plan_flags *flags, bool explain,
		     char **ret)
{
	struct plan_stream s;
	char *text;

	if (plan_stream_open(&s) < 0)
		return -ENOMEM;
	if (explain)
		print_reasons(s.f, p, flags);
	switch (p->want->format) {
	case PLAN_QEMU:
		print_command(s.f, flags);
		break;
	case PLAN_LIBVIRT:
		print_domain(s.f, flags);
		break;
	case PLAN_XL:
		print_config(s.f, flags);
		break;
	}
	text = plan_stream_close(&s);
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}
