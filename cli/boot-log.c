/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/boot-log.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"

#define LINE_MAX_LEN 512

/* Read digits at *@p, at most @end - 1.  Returns false without one, or when it is too large. */
static bool take_number(const char **p, uint64_t end, uint64_t *ret)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); ++*p) {
		n = n * 10 + (uint64_t)(**p - '0');
		if (n >= end)
			return false;
	}
	*ret = n;
	return true;
}

/* "[   12.345678] text", perhaps behind "<6>". */
static const char *stamp_of_dmesg(const char *p, uint64_t *ret)
{
	uint64_t sec, usec;
	const char *point;

	if (*p == '<') {
		p = strchr(p, '>');
		if (!p)
			return NULL;
		p++;
	}
	if (*p++ != '[')
		return NULL;
	while (*p == ' ')
		p++;
	if (!take_number(&p, BOOT_USEC_END / 1000000, &sec) || *p != '.')
		return NULL;
	point = ++p;
	if (!take_number(&p, 1000000, &usec) || p - point != 6 || *p != ']')
		return NULL;
	*ret = sec * 1000000 + usec;
	return p[1] == ' ' ? p + 2 : p + 1;
}

/* "6,339,5140900,-;text" */
static const char *stamp_of_record(const char *p, uint64_t *ret)
{
	uint64_t skip;

	if (!take_number(&p, UINT32_MAX, &skip) || *p++ != ',' ||
	    !take_number(&p, UINT64_MAX / 16, &skip) || *p++ != ',' ||
	    !take_number(&p, BOOT_USEC_END, ret) || *p != ',')
		return NULL;
	p = strchr(p, ';');
	return p ? p + 1 : NULL;
}

static void on_probing(struct boot_log *log, const char *name, size_t len, uint64_t usec)
{
	struct boot_device *d = &log->devices[log->n_devices];

	if (log->n_devices == BOOT_DEVICES_MAX) {
		log->n_dropped++;
		return;
	}
	log->n_devices++;
	*d = (struct boot_device){ .start_usec = usec, .end_usec = usec };
	snprintf(d->name, sizeof(d->name), "%.*s", (int)MIN(len, sizeof(d->name)), name);
}

/* "hv_pci NAME: what". */
static void on_hv_pci(struct boot_log *log, const char *name, uint64_t usec)
{
	static const char bridge[] = "PCI host bridge to bus ";
	const char *what = strstr(name, ": "), *domain;

	if (!what)
		return;
	if (startswith(what + 2, "PCI VMBus probing")) {
		on_probing(log, name, (size_t)(what - name), usec);
		return;
	}
	domain = startswith(what + 2, bridge);
	for (unsigned i = log->n_devices; i-- > 0;) {
		struct boot_device *d = &log->devices[i];

		if (strlen(d->name) != (size_t)(what - name) ||
		    strncmp(d->name, name, (size_t)(what - name)) != 0)
			continue;
		d->end_usec = MAX(d->end_usec, usec);
		if (domain)
			snprintf(d->domain, sizeof(d->domain), "%s", domain);
		return;
	}
}

/* A line about "0001:00:02.0", which is below the bridge to "0001:00". */
static void on_function(struct boot_log *log, const char *text, uint64_t usec)
{
	if (!strstr(text, ": BAR ") && !strstr(text, ": enabling device"))
		return;
	for (unsigned i = log->n_devices; i-- > 0;) {
		struct boot_device *d = &log->devices[i];
		const char *at = d->domain[0] ? strstr(text, d->domain) : NULL;

		if (at && at > text && at[-1] == ' ' && at[strlen(d->domain)] == ':') {
			d->end_usec = MAX(d->end_usec, usec);
			return;
		}
	}
}

static void on_rtc(struct boot_log *log, const char *text, uint64_t usec)
{
	const char *p = strrchr(text, '(');
	uint64_t epoch;

	if (!p)
		return;
	p++;
	if (take_number(&p, BOOT_USEC_END / 1000, &epoch) && *p == ')' &&
	    epoch < UINT64_MAX / 1000000) {
		log->rtc_usec = usec;
		log->rtc_epoch_usec = epoch * 1000000;
	}
}

static void on_tsc(struct boot_log *log, const char *p)
{
	uint64_t mhz, khz;
	const char *point;

	if (!take_number(&p, 100000, &mhz) || *p != '.')
		return;
	point = ++p;
	if (take_number(&p, 1000, &khz) && p - point == 3)
		log->tsc_khz = mhz * 1000 + khz;
}

static void take_line(struct boot_log *log, const char *text, uint64_t usec)
{
	const char *p;

	p = startswith(text, "hv_pci ");
	if (p)
		on_hv_pci(log, p, usec);
	else
		on_function(log, text, usec);
	if (startswith(text, "efi: ") && strstr(text, " Unaccepted=0x"))
		log->lazy = true;
	p = strstr(text, "Memory Encryption Features active: ");
	if (p && (strstr(p, "TDX") || strstr(p, "SEV-SNP")))
		log->confidential = true;
	if (startswith(text, "Run /init as init process") && !log->init_usec)
		log->init_usec = usec;
	if (strstr(text, "setting system clock to ") && !log->rtc_usec)
		on_rtc(log, text, usec);
	p = startswith(text, "tsc: Detected ");
	if (p)
		on_tsc(log, p);
}

void boot_log_parse(const char *text, size_t len, struct boot_log *ret)
{
	const char *end = text + len;
	uint64_t usec, last = 0;

	*ret = (struct boot_log){ 0 };
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text)) ?: end, *said;
		size_t n = MIN((size_t)(stop - text), (size_t)LINE_MAX_LEN - 1);
		char line[LINE_MAX_LEN];

		for (size_t i = 0; i < n; i++)
			line[i] = text[i] ? text[i] : '?';
		line[n] = '\0';
		make_printable(line);
		text = stop + 1;
		/* What belongs to the record above: " SUBSYSTEM=pci". */
		if (line[0] == ' ' || !line[0])
			continue;
		ret->n_lines++;
		said = stamp_of_dmesg(line, &usec) ?: stamp_of_record(line, &usec);
		if (!said) {
			ret->n_bad++;
			continue;
		}
		if (usec < last)
			ret->n_backwards++;
		last = usec;
		take_line(ret, said, usec);
	}
}

int boot_value(const char *text, const char *name, uint64_t *ret)
{
	size_t len = strlen(name);

	while (text && *text) {
		if (strncmp(text, name, len) == 0 && text[len] == '=') {
			const char *p = text + len + 1;
			uint64_t n;

			if (!take_number(&p, UINT64_MAX / 16, &n) || (*p && *p != '\n'))
				return -EBADMSG;
			*ret = n;
			return 0;
		}
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return -ENOENT;
}

int boot_unaccepted(const char *text, uint64_t *ret)
{
	static const char name[] = "\nUnaccepted:";
	const char *p = strstr(text, name);
	uint64_t n;

	if (!p)
		return -ENOENT;
	p += sizeof(name) - 1;
	p += strspn(p, " ");
	if (!take_number(&p, UINT64_MAX / 16, &n) || !startswith(p, " kB"))
		return -EBADMSG;
	*ret = n;
	return 0;
}
