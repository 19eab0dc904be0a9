/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hyper-V: the version of its protocols, and what its PCI devices cost at boot. */
#include <stdio.h>

#include "doctor/guest.h"

#define DRIVER "/sys/bus/vmbus/drivers/hv_pci"

static bool is_hyperv(const struct exam *x, struct result *r)
{
	if (x->platform.kind == PLATFORM_HYPERV || x->platform.kind == PLATFORM_HYPERV_HIDDEN)
		return true;
	result_set(r, OUTCOME_NA, "Only a VM of Hyper-V has it");
	return false;
}

void guest_vmbus(struct exam *x, struct result *r)
{
	static const char needle[] = "Vmbus version:";
	char line[TREE_LINE_MAX];
	unsigned major, minor;
	enum got got;

	if (!is_hyperv(x, r))
		return;
	got = provider_kmsg(x->p, needle, NULL, line);
	if (got != GOT_IT || sscanf(strstr(line, needle) + strlen(needle), "%9u.%9u", &major,
				    &minor) != 2) {
		result_unknown(r, "the version of VMBus in the kernel's log",
			       got == GOT_IT ? GOT_MALFORMED : got);
		return;
	}
	result_saw(r, "kmsg", "%.*s", 200, line);
	if (major >= 4)
		result_set(r, OUTCOME_PASS, "VMBus has version %u.%u", major, minor);
	else
		result_set(r, OUTCOME_WARN,
			   "VMBus has version %u.%u, of a host that is out of support: newer "
			   "kernels "
			   "refuse such hosts",
			   major, minor);
}

/* ---- PCI devices ---- */

/* Source: Linux, pci-hyperv.c: 1.1 is of Windows 10, 1.2 of its Redstone 1, and so on. */
#define PCI_VERSION(major, minor) ((major) << 16 | (minor))

void guest_hyperv_pci_version(struct exam *x, struct result *r)
{
	static const char needle[] = "PCI VMBus probing: Using version ";
	char line[TREE_LINE_MAX];
	unsigned version, least = UINT32_MAX, n = 0;
	size_t from = 0;
	enum got got;

	if (!is_hyperv(x, r))
		return;
	while ((got = provider_kmsg(x->p, needle, &from, line)) == GOT_IT) {
		const char *name = startswith(line, "hv_pci ");

		if (!name || sscanf(strstr(line, needle) + strlen(needle), "%8x", &version) != 1)
			continue;
		if (n++ == 0 || version < least)
			result_saw(r, "kmsg", "%.200s", name);
		least = MIN(least, version);
	}
	if (!n) {
		result_unknown(r, "the version of PCI devices' protocol in the kernel's log", got);
	} else if (least < PCI_VERSION(1, 2)) {
		result_set(r, OUTCOME_WARN,
			   "A PCI device of Hyper-V speaks protocol %u.%u, of a host that is out "
			   "of support", least >> 16, least & 0xffff);
		result_fix(r, FIX_NONE, "A guest cannot change it: it is the host's");
	} else {
		result_set(r, OUTCOME_PASS,
			   "Hyper-V's PCI devices, %u of them, speak protocol %u.%u or newer", n,
			   least >> 16, least & 0xffff);
	}
}

struct devices {
	unsigned n, displays;		/* all; display controllers and accelerators */
	unsigned late, early;		/* decoding is off until a driver comes; on before */
	double bar_bytes;
};

static double bars(struct provider *p, const char *device)
{
	_cleanup_(freep) char *text = NULL;
	char path[512];
	double sum = 0;
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/resource", device);
	if (provider_text(p, path, &text) != GOT_IT)
		return 0;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line && n < 6;
	     line = strtok_r(NULL, "\n", &save), n++) {
		unsigned long long first, last;

		if (sscanf(line, "0x%16llx 0x%16llx", &first, &last) == 2 && last > first)
			sum += (double)(last - first) + 1;
	}
	return sum;
}

/*
 * Bit 1 of the command register, of a device that no driver has enabled yet: a kernel that leaves
 * it to the driver has it clear, and the host maps the BARs once.
 */
static void look_at_command(struct provider *p, const char *device, struct devices *d)
{
	uint8_t config[6];
	uint64_t enable;
	char path[512];
	size_t len;

	snprintf(path, sizeof(path), "%s/enable", device);
	if (provider_number(p, path, &enable) != GOT_IT || enable != 0)
		return;
	snprintf(path, sizeof(path), "%s/config", device);
	if (provider_bytes(p, path, config, sizeof(config), &len) != GOT_IT || len < sizeof(config))
		return;
	if (config[4] & 2)
		d->early++;
	else
		d->late++;
}

static void look_at_device(struct provider *p, const char *device, struct devices *d)
{
	uint64_t class;
	char path[512];

	d->n++;
	d->bar_bytes += bars(p, device);
	snprintf(path, sizeof(path), "%s/class", device);
	if (provider_number(p, path, &class) == GOT_IT && (class >> 16 == 3 || class >> 16 == 0x12))
		d->displays++;
	look_at_command(p, device, d);
}

/* Call @each with the path of each name in @folder that @is takes. */
static void walk(struct provider *p, const char *folder, bool (*is)(const char *),
		 void (*each)(struct provider *, const char *, struct devices *), struct devices *d)
{
	struct tree_names names = { 0 };
	char path[400];

	if (provider_list(p, folder, &names) != GOT_IT)
		return;
	for (size_t i = 0; i < names.n; i++)
		if (is(names.names[i]) &&
		    snprintf(path, sizeof(path), "%s/%s", folder, names.names[i]) <
			    (int)sizeof(path))
			each(p, path, d);
	tree_names_done(&names);
}

/* "7ad35d50-c05b-47ab-b3a0-56a9a845852b" */
static bool is_vmbus_device(const char *name)
{
	return strlen(name) == 36 && name[8] == '-' && name[13] == '-';
}

/* "pci7ad3:00" */
static bool is_bus(const char *name)
{
	return startswith(name, "pci") && strchr(name, ':');
}

/* "7ad3:00:00.0" */
static bool is_device(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon && strchr(colon + 1, ':') && strchr(name, '.');
}

static void walk_bus(struct provider *p, const char *path, struct devices *d)
{
	walk(p, path, is_device, look_at_device, d);
}

static void walk_vmbus_device(struct provider *p, const char *path, struct devices *d)
{
	walk(p, path, is_bus, walk_bus, d);
}

/*
 * What it costs if the host maps the BARs so often.  Measured on Azure: it maps 128 GiB in 1.8 s,
 * and 8 times if decoding is switched on and off while the BARs are sized.
 */
#define MAPPED_EARLY 8
static double seconds(const struct devices *d, unsigned times)
{
	return d->bar_bytes / (128.0 * (1u << 30)) * 1.8 * times;
}

static void judge_pci(struct exam *x, const struct devices *d, struct result *r)
{
	char line[TREE_LINE_MAX];
	/* Only a kernel that leaves decoding to the driver has something to enable. */
	bool enabled_late = provider_kmsg(x->p, ":00:00.0: enabling device (0000 -> 0002)", NULL,
					  line) == GOT_IT;

	if (d->early) {
		result_set(r, OUTCOME_WARN,
			   "This kernel switches on the memory of Hyper-V's PCI devices before "
			   "their "
			   "drivers do: each boot waits for the host about %.0f s, for %u device%s "
			   "(%u of them GPUs or accelerators) with %.0f GiB",
			   seconds(d, MAPPED_EARLY), d->n, d->n == 1 ? "" : "s", d->displays,
			   d->bar_bytes / (1u << 30));
		result_fix(r, FIX_KERNEL_CONFIG,
			   "A kernel with 23e118a48acf: 5.19, 5.15.187, 5.10.240 or newer");
		result_fix(r, FIX_NONE, "A guest cannot change the time that its host takes");
	} else if (d->late || enabled_late) {
		result_set(r, OUTCOME_PASS,
			   "This kernel leaves the memory of Hyper-V's PCI devices to their "
			   "drivers: the host maps their %.0f GiB once, in about %.0f s",
			   d->bar_bytes / (1u << 30), seconds(d, 1));
	} else {
		result_set(r, OUTCOME_UNKNOWN,
			   "All PCI devices have drivers already, which hides what the kernel did "
			   "before; if it is an old one, it waits about %.0f s in each boot",
			   seconds(d, MAPPED_EARLY));
	}
}

void guest_hyperv_pci(struct exam *x, struct result *r)
{
	struct devices d = { 0 };

	if (!is_hyperv(x, r))
		return;
	walk(x->p, DRIVER, is_vmbus_device, walk_vmbus_device, &d);
	if (!d.n) {
		result_set(r, OUTCOME_NA, "There are no PCI devices of Hyper-V");
		return;
	}
	result_saw(r, DRIVER,
		   "%u device%s, %.0f GiB of BARs; of those without a driver, memory on: %u, "
		   "off: %u", d.n, d.n == 1 ? "" : "s", d.bar_bytes / (1u << 30), d.early,
		   d.late);
	judge_pci(x, &d, r);
}
