/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"
#include "cli/boot-time.h"

static int diff_failed(int r, const char *path)
{
	if (r == -EBADMSG || r == -EFBIG)
		log_error("'%s' is not what 'cococtl boot-time --json' prints", path);
	else if (r == -EOPNOTSUPP)
		log_error("'%s' is of another version of cococtl; make it again with this one",
			  path);
	else
		log_error_errno(r, "'%s' cannot be read: %m", path);
	return STATUS_FAILED;
}

/* A boot whose time is not known has not been fast enough. */
static int judge(const struct boot_times *t, uint64_t limit_usec)
{
	if (!limit_usec)
		return STATUS_GOOD;
	if (!t->total.known) {
		log_error("How long this boot took is not known, so that --fail-over cannot be "
			  "judged; run it when the boot is complete");
		return STATUS_FAILED;
	}
	if (t->total.usec <= limit_usec)
		return STATUS_GOOD;
	log_error("This boot took %.3f s, which is over the %.3f s of --fail-over",
		  (double)t->total.usec / 1e6, (double)limit_usec / 1e6);
	return STATUS_SLOW;
}

static int run(struct args *args)
{
	static struct boot_input in;
	static struct boot_times times;
	int r;

	r = boot_read(args, &in);
	if (r < 0)
		return STATUS_FAILED;
	boot_compute(&in, &times);
	if (args->json && print_json(boot_to_json(&in, &times)) != STATUS_GOOD)
		return STATUS_FAILED;
	if (args->boot.diff)
		r = boot_diff(&times, args->boot.diff);
	else if (!args->json && boot_print(&times) < 0) {
		(void) log_oom();
		return STATUS_FAILED;
	}
	if (r < 0)
		return diff_failed(r, args->boot.diff);
	if (args->boot.svg) {
		r = boot_svg(&times, args->boot.svg);
		if (r < 0) {
			log_error_errno(r, "'%s' cannot be written: %m", args->boot.svg);
			return STATUS_FAILED;
		}
	}
	return judge(&times, args->boot.fail_over_usec);
}

static const struct option_row options[] = {
	ROW_JSON,
	{ "diff", "FILE", "show what is other than in FILE, an earlier --json",
	  OPTION_PATH(boot.diff), .excludes = "json" },
	{ "fail-over", "TIME", "exit with status 5 if the boot took longer, such as 30s",
	  OPTION_PARSED(boot.fail_over_usec, option_parse_usec, "is not a time such as 30s") },
	{ "svg", "FILE", "write a chart to FILE", OPTION_PATH(boot.svg) },
	{ "root", "DIR", "read what was recorded below DIR", OPTION_PATH(boot.root) },
	{ NULL },
};

const struct verb verb_boot_time = {
	.name = "boot-time",
	.help = "Show how long each phase of this boot took, and each step of a secret",
	.example = "--fail-over=30s",
	.options = options,
	.run = run,
};
