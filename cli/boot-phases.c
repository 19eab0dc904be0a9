/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/boot-time.h"

#define FIRMWARE_MAX_NS 3600000000000u	/* nobody waits an hour for firmware */

static void _printf_(2, 3) note(struct boot_times *t, const char *format, ...)
{
	va_list ap;

	if (t->n_notes == BOOT_NOTES_MAX)
		return;
	va_start(ap, format);
	(void) vsnprintf(t->notes[t->n_notes], sizeof(t->notes[0]), format, ap);
	va_end(ap);
	make_printable(t->notes[t->n_notes++]);
}

static struct boot_row *add(struct boot_times *t, const char *group, const char *name)
{
	struct boot_row *r = &t->rows[t->n_rows];

	if (t->n_rows == BOOT_ROWS_MAX)
		return NULL;
	t->n_rows++;
	*r = (struct boot_row){ .has_start = false };
	snprintf(r->group, sizeof(r->group), "%s", group);
	snprintf(r->name, sizeof(r->name), "%s", name);
	make_printable(r->name);
	return r;
}

/* A phase from @from to @to.  One that ends before it begins is not known. */
static void add_phase(struct boot_times *t, const char *name, struct boot_known from,
		      struct boot_known to)
{
	struct boot_row *r = add(t, "phase", name);

	if (!r || !from.known || !to.known)
		return;
	if (to.usec < from.usec) {
		note(t, "phase '%s' would end before it begins, so that it is not known", name);
		return;
	}
	r->has_start = true;
	r->start_usec = from.usec;
	r->span = (struct boot_known){ true, to.usec - from.usec };
}

/* Firmware that says absurd things says nothing. */
static void add_firmware(const struct boot_input *in, struct boot_times *t)
{
	struct boot_row *firmware = add(t, "phase", "firmware");
	struct boot_row *loader = add(t, "phase", "loader");
	uint64_t begin = in->loader_ns.usec, end = in->exit_ns.usec;

	if (!in->loader_ns.known || !in->exit_ns.known || !firmware || !loader)
		return;
	if (begin == 0 || end < begin || end > FIRMWARE_MAX_NS) {
		note(t, "the firmware's times (FPDT) are absurd, so that they are not known");
		return;
	}
	firmware->span = (struct boot_known){ true, begin / 1000 };
	loader->span = (struct boot_known){ true, (end - begin) / 1000 };
}

static void add_phases(const struct boot_input *in, struct boot_times *t)
{
	const struct boot_known zero = { true, 0 };
	struct boot_known initrd = in->initrd, pci = { false, 0 };

	if (!initrd.known && in->log.init_usec)
		initrd = (struct boot_known){ true, in->log.init_usec };
	if (in->log.n_devices > 0)
		pci = (struct boot_known){ true, in->log.devices[0].start_usec };
	add_firmware(in, t);
	if (pci.known)
		add_phase(t, "kernel until PCI", zero, pci);
	/* Without an initrd the system follows the kernel. */
	add_phase(t, "kernel", zero, initrd.known ? initrd : in->userspace);
	add_phase(t, "initrd", initrd, in->userspace);
	add_phase(t, "target", in->userspace, in->finish);
	if (!in->finish.known)
		note(t, "systemd has not said that the boot is complete");
}

static void add_devices(const struct boot_log *log, struct boot_times *t)
{
	for (unsigned i = 0; i < log->n_devices; i++) {
		const struct boot_device *d = &log->devices[i];
		struct boot_row *r = add(t, "device", d->name);

		if (!r)
			return;
		if (d->domain[0])
			snprintf(r->name, sizeof(r->name), "%s (%s)", d->name, d->domain);
		r->has_start = true;
		r->start_usec = d->start_usec;
		if (d->end_usec > d->start_usec)
			r->span = (struct boot_known){ true, d->end_usec - d->start_usec };
	}
	if (log->n_dropped)
		note(t, "%u more PCI devices of Hyper-V are not shown", log->n_dropped);
}

/* The secret of a step; of one that was asked by a consumer, the one that it got. */
static const char *secret_of(const struct boot_input *in, const struct msg_stamp *s)
{
	if (s->secret[0] || !s->consumer[0])
		return s->secret;
	for (unsigned i = 0; i < in->n_steps; i++)
		if (in->steps[i].secret[0] && streq(in->steps[i].consumer, s->consumer))
			return in->steps[i].secret;
	return s->consumer;
}

static const struct msg_stamp *step_before(const struct boot_input *in, unsigned i)
{
	const struct msg_stamp *best = NULL, *s = &in->steps[i];
	const char *secret = secret_of(in, s);

	for (unsigned j = 0; j < in->n_steps; j++) {
		const struct msg_stamp *o = &in->steps[j];

		if (o->what < s->what && streq(secret_of(in, o), secret) &&
		    (!best || o->what > best->what))
			best = o;
	}
	return best;
}

static void add_steps(const struct boot_input *in, struct boot_times *t)
{
	for (unsigned i = 0; i < in->n_steps; i++) {
		const struct msg_stamp *s = &in->steps[i], *before = step_before(in, i);
		const char *secret = secret_of(in, s);
		struct boot_row *r;
		char name[256];

		snprintf(name, sizeof(name), "%s%s%s", secret, secret[0] ? ": " : "",
			 stamp_name(s->what));
		r = add(t, "step", name);
		if (!r)
			return;
		r->has_start = true;
		r->start_usec = before ? MIN(before->usec, s->usec) : s->usec;
		r->span = (struct boot_known){ true, s->usec - r->start_usec };
		if (before && before->usec > s->usec)
			note(t, "the steps of '%s' are not in order: '%s' is before '%s'", secret,
			     stamp_name(s->what), stamp_name(before->what));
	}
	if (!in->has_steps)
		note(t, "cocod was not asked or does not answer: its steps are not known");
	else if (in->n_steps > 0 && in->steps[0].dropped)
		note(t, "cocod could not keep all of its steps: some are missing");
}

static bool differ(uint64_t a, uint64_t b)
{
	uint64_t most = MAX(a, b), least = MIN(a, b);

	return most - least > MAX((uint64_t)2000000, most / 20);
}

/*
 * The TSC counts from reset on, the kernel's clock from the kernel's start.  Where nothing says how
 * long the firmware took, the wall clock tells whether what the TSC has more is of the firmware or
 * of lost ticks; before it is set, nothing does.
 */
static void judge_tsc(const struct boot_input *in, struct boot_times *t)
{
	bool firmware = t->rows[0].span.known;
	uint64_t before = firmware ? t->rows[0].span.usec + t->rows[1].span.usec : 0;
	uint64_t usec = in->boottime.usec, tsc = t->by_tsc.usec;
	bool wall_differs = t->by_wall.known && differ(t->by_wall.usec, usec);

	if (!t->by_tsc.known || !differ(tsc, usec + before))
		return;
	if (firmware || tsc < usec || wall_differs)
		note(t, "the TSC and the kernel's clock disagree: ticks were lost, or the TSC was "
			"set to another value");
	else
		note(t, "the TSC has counted %llu s more than the kernel's clock: the time of "
			"firmware and boot loader, which nothing else says, unless ticks were lost "
			"very early",
		     (unsigned long long)((tsc - usec) / 1000000));
}

/* In a TD ticks may be lost, and then the kernel's own clock says too little. */
static void add_clocks(const struct boot_input *in, struct boot_times *t)
{
	const struct boot_log *l = &in->log;

	t->by_boottime = in->boottime;
	if (in->tsc.known && l->tsc_khz && in->tsc.usec < UINT64_MAX / 1000)
		t->by_tsc = (struct boot_known){ true, in->tsc.usec * 1000 / l->tsc_khz };
	if (in->realtime.known && l->rtc_usec && in->realtime.usec >= l->rtc_epoch_usec)
		t->by_wall = (struct boot_known){
			true, in->realtime.usec - l->rtc_epoch_usec + l->rtc_usec };
	if (!in->boottime.known)
		return;
	judge_tsc(in, t);
	if (t->by_wall.known && differ(t->by_wall.usec, in->boottime.usec))
		note(t, "the wall clock and the kernel's clock disagree: ticks were lost, or the "
			"clock was set");
}

static const char *acceptance(const struct boot_input *in)
{
	if (in->log.lazy || (in->has_unaccepted && in->unaccepted_kib > 0))
		return "lazy";
	if (!in->has_log)
		return "unknown";
	return in->log.confidential ? "eager" : "none";
}

void boot_compute(const struct boot_input *in, struct boot_times *ret)
{
	*ret = (struct boot_times){ .n_rows = 0 };
	ret->acceptance = acceptance(in);
	add_phases(in, ret);
	add_devices(&in->log, ret);
	add_steps(in, ret);
	add_clocks(in, ret);
	if (!in->has_log)
		note(ret, "the kernel's log cannot be read: PCI devices are not known");
	if (in->log.n_bad)
		note(ret, "%u of %u lines of the kernel's log have no stamp and do not count",
		     in->log.n_bad, in->log.n_lines);
	if (in->log.n_backwards)
		note(ret, "%u stamps of the kernel's log go back", in->log.n_backwards);
	if (streq(ret->acceptance, "eager"))
		note(ret, "the firmware accepts all memory before the kernel starts, which takes "
			  "long with much memory; firmware that leaves it to the kernel is faster");
	ret->total = in->finish;
	if (ret->total.known && ret->rows[0].span.known)
		ret->total.usec += ret->rows[0].span.usec + ret->rows[1].span.usec;
}
