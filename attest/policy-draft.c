/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/policy-draft.h"

#include <stdarg.h>
#include <stdio.h>

#include "attest/policy-options.h"
#include "attest/verify.h"
#include "base/parse.h"

#define COLUMNS 98
#define VALUE_MAX 256

unsigned policy_draft_pins(const char *kind)
{
	if (!kind)
		return 1u << PIN_IDENTITY | 1u << PIN_TCB;
	if (streq(kind, "identity"))
		return 1u << PIN_IDENTITY;
	if (streq(kind, "tcb"))
		return 1u << PIN_TCB;
	return streq(kind, "all") ? 1u << PIN_IDENTITY | 1u << PIN_TCB | 1u << PIN_ALL : 0;
}

/* ---- the text ---- */

struct draft {
	const struct verdict *v;
	const struct policy_draft *d;
	char *text;
	size_t len;
	bool no_memory;
	unsigned n_lines, n_withheld;
};

static void add(struct draft *t, const char *text, size_t len)
{
	char *longer = t->no_memory ? NULL : realloc(t->text, t->len + len + 1);

	t->no_memory = !longer;
	if (!longer)
		return;
	memcpy(longer + t->len, text, len);
	t->text = longer;
	t->len += len;
	t->text[t->len] = '\0';
}

static void add_text(struct draft *t, const char *text)
{
	add(t, text, strlen(text));
}

/* A comment, which is broken between words. */
static void comment(struct draft *t, const char *format, ...) _printf_(2, 3);
static void comment(struct draft *t, const char *format, ...)
{
	char text[1024];
	size_t column = 0, len;
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	for (const char *p = text; *p; p += len + strspn(p + len, " ")) {
		len = strcspn(p, " ");
		if (column > 0 && column + 1 + len > COLUMNS) {
			add_text(t, "\n");
			column = 0;
		}
		add_text(t, column == 0 ? "# " : " ");
		column += len + (column == 0 ? 2 : 1);
		add(t, p, len);
	}
	add_text(t, "\n");
}

static void option(struct draft *t, bool withheld, const char *name, const char *value)
{
	bool hidden = withheld && !t->d->permissive;

	add_text(t, hidden ? "#" : "");
	add_text(t, name);
	add_text(t, "=");
	add_text(t, value);
	add_text(t, "\n");
	t->n_withheld += withheld;
	t->n_lines += !hidden;
}

/* ---- values ---- */

static const struct verdict_claim *find_claim(const struct verdict *v, const char *name,
					      enum claim_kind kind)
{
	/* The paravisor chooses names too, but can make only texts and truth values. */
	for (unsigned i = 0; i < v->n_claims; i++)
		if (v->claims[i].kind == kind && streq(v->claims[i].name, name))
			return &v->claims[i];
	return NULL;
}

static bool check_passed(const struct verdict *v, const char *name)
{
	for (unsigned i = 0; i < v->n_checks; i++)
		if (streq(v->checks[i].name, name))
			return v->checks[i].result == CHECK_PASSED;
	return false;
}

static bool bit_is_set(const struct verdict_claim *c, int bit)
{
	const char digit[] = { c->value[bit / 8 * 2], c->value[bit / 8 * 2 + 1], '\0' };
	uint8_t byte;

	return parse_hex(digit, &byte, 1) == 0 && byte >> bit % 8 & 1;
}

static bool is_true(const struct verdict *v, const char *name)
{
	const struct verdict_claim *c = find_claim(v, name, CLAIM_BOOL);

	return c && streq(c->value, "true");
}

/* The note's own value, if the evidence is as it wants it; else NULL. */
static const char *fixed_value(const struct verdict *v, const struct policy_note *n)
{
	const struct verdict_claim *c;

	if (n->check)
		return check_passed(v, n->check) ? n->value : NULL;
	if (n->bit > 0) {
		c = find_claim(v, n->claim, CLAIM_HEX);
		return c && strlen(c->value) > (size_t)n->bit / 4 && bit_is_set(c, n->bit) ?
			       n->value :
			       NULL;
	}
	return is_true(v, n->claim) ? n->value : NULL;
}

/* A value of zeros, or of ones, is what every machine has where nothing was measured. */
static bool says_nothing(const struct policy_option *o, const char *value)
{
	if (o->kind == KIND_HEX || o->kind == KIND_HEX_MAX)
		return value[strspn(value, "0")] == '\0' || value[strspn(value, "f")] == '\0';
	if (o->kind == KIND_MASK)
		return streq(value, "0");
	return startswith(o->name, "min_") && value[strspn(value, "0.:x")] == '\0';
}

static const char *claimed_value(const struct verdict *v, const struct policy_option *o,
				 const struct policy_note *n)
{
	enum claim_kind kind = o->kind == KIND_HEX    ? CLAIM_HEX :
			       o->kind == KIND_NUMBER ? CLAIM_NUMBER :
			       o->kind == KIND_BOOL   ? CLAIM_BOOL :
							CLAIM_TEXT;
	const struct verdict_claim *c = find_claim(v, n->claim, kind);

	if (!c || (n->only_if && !is_true(v, n->only_if)))
		return NULL;
	if (kind == CLAIM_BOOL)
		return streq(c->value, "true") ? "yes" : "no";
	return says_nothing(o, c->value) ? NULL : c->value;
}

/* ---- which lines ---- */

static bool is_about(const struct policy_kind *kind, const struct policy_option *o,
		     const char *value)
{
	if (o->kind != KIND_WORDS)
		return o->about & kind->subjects;
	for (const struct policy_word *w = o->words; w->word; w++)
		if (streq(w->word, value))
			return w->about & kind->subjects;
	return false;
}

static void pin(struct draft *t, const struct policy_option *o, const struct policy_note *n)
{
	bool has_paravisor = t->d->kind->subjects & ABOUT_HCL;
	bool hcl = has_paravisor && policy_option_is_of_hardware(o);
	enum policy_pin why = has_paravisor ? n->pin_hcl : n->pin;
	char error[POLICY_ERROR_LEN], name[16];
	union policy_value parsed;
	struct policy_option found;
	const char *value;

	if (why == PIN_NEVER || !(t->d->pins & 1u << why) || (!n->claim && !n->check))
		return;
	value = n->value ? fixed_value(t->v, n) : claimed_value(t->v, o, n);
	if (!value || strlen(value) >= VALUE_MAX || !is_about(t->d->kind, o, value))
		return;
	/* A status that is not accepted by default is excused, and not pinned. */
	if (o->kind == KIND_STATUSES && t->v->tcb_status != TCB_UP_TO_DATE)
		return;
	(void) snprintf(name, sizeof(name), "pcr%d", o->pcr);
	if (policy_option_read(o->pcr < 0 ? o->name : name, value, strlen(value), &found, &parsed,
			       error) < 0)
		return;
	comment(t, "Pins %s%s. It changes with %s.", hcl ? "for Azure's paravisor, " : "", n->pins,
		hcl && why == PIN_ALL ? "an update of the paravisor, which is Azure's to make" :
					n->changes);
	option(t, /* withheld= */ false, o->pcr < 0 ? o->name : name, value);
}

static void pin_all(struct draft *t)
{
	struct policy_option o;

	for (unsigned i = 0; policy_option_row(i, &o); i++)
		pin(t, &o, policy_note(o.name, o.pcr));
}

/* ---- what is refused without an excuse ---- */

static bool was_refused(const struct verdict *v, const char *code)
{
	for (unsigned i = 0; i < v->n_checks; i++)
		if (v->checks[i].result == CHECK_FAILED && streq(v->checks[i].code, code))
			return true;
	return false;
}

/* The words for allow=, which is one line. */
static void excuse_words(struct draft *t)
{
	static const struct {
		const char *code, *word;
	} rows[] = {
		{ "DEBUG", "debug" }, { "MIGRATE_MA", "migrate" }, { "CHIP_MASKED", "masked" },
	};
	char list[64] = "";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!was_refused(t->v, rows[i].code))
			continue;
		comment(t, "REFUSED unless a person decides for allow=%s: %s.", rows[i].word,
			policy_word_note("allow", rows[i].word)->means);
		(void) snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
				list[0] ? "," : "", rows[i].word);
	}
	if (list[0])
		option(t, /* withheld= */ true, "allow", list);
}

static void excuse_service_td(struct draft *t)
{
	const struct verdict_claim *c = find_claim(t->v, "tdx.mrservicetd", CLAIM_HEX);

	if (!c || strlen(c->value) != 96 ||
	    (!was_refused(t->v, "SERVICE_TD") && !was_refused(t->v, "MIGRATABLE")))
		return;
	comment(t, "REFUSED unless a person trusts this service TD: it may migrate the TD, and "
		   "give the copy any measurements.");
	option(t, /* withheld= */ true, "mrservicetd", c->value);
}

static void excuse_status(struct draft *t)
{
	char list[96];

	if (t->v->tcb_status == TCB_STATUS_NONE || t->v->tcb_status == TCB_UP_TO_DATE ||
	    t->v->tcb_status == TCB_REVOKED)
		return;
	(void) snprintf(list, sizeof(list), "UpToDate,%s", tcb_status_name(t->v->tcb_status));
	comment(t, "REFUSED unless a person decides otherwise: Intel calls the platform %s, so "
		   "that it may have known holes. Its owner can update it.",
		tcb_status_name(t->v->tcb_status));
	option(t, /* withheld= */ true, "accept", list);
}

/* ---- the identity ---- */

/* What the lines so far name.  IDENTITY_NONE without memory, which is noticed elsewhere. */
static enum verdict_identity identity_so_far(const struct draft *t)
{
	_cleanup_(freep) struct policies *ps = malloc(sizeof(*ps));
	char error[POLICY_ERROR_LEN];

	if (!ps || t->no_memory)
		return IDENTITY_NONE;
	policies_init(ps);
	if (policies_parse(ps, t->text, t->len, error) < 0)
		return IDENTITY_NONE;
	return policy_identity_asked(policies_of(ps, t->d->kind), t->d->type->identities);
}

/* Evidence cannot say what a measurement was made over. */
static void add_covers(struct draft *t)
{
	enum verdict_identity identity = identity_so_far(t);

	if (!(t->d->pins & 1u << PIN_IDENTITY) || identity == IDENTITY_WHOLE)
		return;
	if (identity == IDENTITY_NONE) {
		comment(t, "NO IDENTITY: nothing above says what runs, so that anybody's VM would "
			   "pass. The evidence has no %s.",
			t->d->kind->identity);
		t->n_withheld++;
		return;
	}
	if (t->d->covers) {
		comment(t, "By the word of whoever made this file, the measurement covers these. "
			   "It changes with how the VM is started.");
		option(t, /* withheld= */ false, "covers", t->d->covers);
		return;
	}
	comment(t, "NO SECRET YET: evidence does not say what the measurement was made over, and "
		   "others may start another kernel in a VM that looks like this one. If it "
		   "covers these, as 'coco-inject measure --json' says, decide for this line.");
	option(t, /* withheld= */ true, "covers", "kernel,initrd,cmdline");
}

static void add_head(struct draft *t)
{
	comment(t, "A policy for evidence of %s, made by 'cococtl attest policy' as of %s. Each "
		   "line says what it pins; remove those that are too strict. See cocod.conf(5).",
		t->d->kind->name, t->d->as_of);
	if (!t->v->authentic)
		comment(t, "NOT VERIFIED: these lines pin what somebody sent.");
	add_text(t, "\n[");
	add_text(t, t->d->kind->sections[1] ?: t->d->kind->sections[0]);
	add_text(t, "]\n");
}

int policy_draft_write(const struct verdict *v, const struct policy_draft *d, char **ret)
{
	struct draft t = { .v = v, .d = d };

	add_head(&t);
	pin_all(&t);
	add_covers(&t);
	excuse_words(&t);
	excuse_service_td(&t);
	excuse_status(&t);
	if (t.no_memory || t.n_lines == 0) {
		free(t.text);
		return t.no_memory ? -ENOMEM : -ENODATA;
	}
	*ret = t.text;
	return (int)t.n_withheld;
}
