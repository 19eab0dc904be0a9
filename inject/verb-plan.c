/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plan a launch that fits this host, and that session, measure and inject go with. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/parse.h"
#include "base/text.h"
#include "inject/launch/launch.h"
#include "inject/output.h"
#include "inject/plan/flags.h"
#include "inject/plan/next.h"
#include "inject/plan/report.h"
#include "inject/sev/snp-policy.h"
#include "sev/sev-policy.h"
#include "wire/ovmf-table.h"

#define NAME_MAX_LEN 200	/* as of a session */
#define VCPUS_ASKED_MAX 65536	/* more than any limit that is known */
#define SOCKETS_MAX 64
#define SESSION_FILE_MAX (16u * 1024)
#define GODH_LEN 2084		/* bytes of an SEV certificate, and of a session */
#define SESSION_LEN 128
#define PIECE_LEN 8192		/* print() cuts a text of over 16 KiB */

static const char *const firmware_places[_TECH_MAX][4] = {
	[TECH_SEV] = { "/usr/share/ovmf/OVMF.amdsev.fd", "/usr/share/OVMF/OVMF.amdsev.fd",
		       "/usr/share/edk2/ovmf/OVMF.amdsev.fd" },
	[TECH_SEV_ES] = { "/usr/share/ovmf/OVMF.amdsev.fd", "/usr/share/OVMF/OVMF.amdsev.fd",
			  "/usr/share/edk2/ovmf/OVMF.amdsev.fd" },
	[TECH_SNP] = { "/usr/share/ovmf/OVMF.amdsev.fd", "/usr/share/OVMF/OVMF.amdsev.fd",
		       "/usr/share/edk2/ovmf/OVMF.amdsev.fd" },
	[TECH_TDX] = { "/usr/share/ovmf/OVMF.inteltdx.fd", "/usr/share/OVMF/OVMF.inteltdx.fd",
		       "/usr/share/edk2/ovmf/OVMF.inteltdx.fd" },
};

struct planner {
	const struct args *a;
	struct host host;
	struct plan_want want;
	struct plan plan;
	struct plan_flags flags;
	struct plan_notes notes;	/* warnings that are not the plan's */
	char *paths[3];			/* of firmware, kernel and initrd, absolute */
	char *cmdline, *godh, *session, *text, *before, *after;
	char digest[2 * LAUNCH_DIGEST_MAX + 1];	/* "" when it was not computed */
	struct cause why;
};

static void planner_freep(struct planner **p)
{
	struct planner *m = *p;

	if (!m)
		return;
	host_done(&m->host);
	plan_flags_done(&m->flags);
	for (size_t i = 0; i < ARRAY_SIZE(m->paths); i++)
		free(m->paths[i]);
	free(m->cmdline);
	free(m->godh);
	free(m->session);
	free(m->text);
	free(m->before);
	free(m->after);
	free(m);
}

/* ---- what is asked for ---- */

static enum status read_policy(struct planner *m)
{
	static const char *const usual[_TECH_MAX] = {
		[TECH_SEV] = "nodbg,noks,nosend",
		[TECH_SEV_ES] = "nodbg,noks,es,nosend",
		[TECH_SNP] = "smt",
	};
	const struct args *a = m->a;
	enum tech tech = m->want.tech;
	bool sev = tech == TECH_SEV || tech == TECH_SEV_ES;
	const char *text = tech == TECH_SNP ? a->snp_policy : a->policy;
	uint32_t policy;
	int r = 0;

	if (a->policy && !sev)
		return give_up(STATUS_USAGE, "--policy is of sev and sev-es%s",
			       tech == TECH_SNP ? "; snp has --snp-policy" : "");
	if (a->snp_policy && tech != TECH_SNP)
		return give_up(STATUS_USAGE, "--snp-policy is of snp%s",
			       sev ? "; sev and sev-es have --policy" : "");
	if (a->allow_debug && !sev && tech != TECH_SNP)
		return give_up(STATUS_USAGE, "--allow-debug is of sev, sev-es and snp");
	if (tech >= TECH_TDX)
		return STATUS_GOOD;
	if (!text)
		text = usual[tech];
	if (tech == TECH_SNP) {
		r = snp_policy_parse(text, &m->want.policy);
	} else {
		r = sev_policy_parse(text, &policy);
		if (r == 0)
			m->want.policy = policy;
	}
	return r < 0 ? give_up(STATUS_USAGE, "'%s' is not a policy for %s", text,
			       args_plan_techs[tech]) :
		       STATUS_GOOD;
}

static enum status read_cmdline(struct planner *m)
{
	const char *path = m->a->cmdline_file;
	size_t len;
	int r;

	m->want.cmdline = m->a->cmdline;
	if (!path)
		return STATUS_GOOD;
	if (m->a->cmdline)
		return give_up(STATUS_USAGE, "The command line is given twice: take one of "
					     "--cmdline and --cmdline-file");
	r = read_file_at(AT_FDCWD, path, CMDLINE_MAX, &m->cmdline, &len);
	if (r < 0) {
		log_error_errno(r, "Failed to read the command line '%s': %m", path);
		return STATUS_IO;
	}
	if (strlen(m->cmdline) != len)
		return give_up(STATUS_MALFORMED, "The command line in '%s' has a NUL in it", path);
	/* As measure and inject take it. */
	if (len > 0 && m->cmdline[len - 1] == '\n')
		m->cmdline[len - 1] = '\0';
	m->want.cmdline = m->cmdline;
	return STATUS_GOOD;
}

static enum status read_want(struct planner *m)
{
	const struct args *a = m->a;
	enum status status;

	m->want = (struct plan_want){
		.tech = (enum tech)a->tech.index,
		.format = (enum plan_format)a->format.index,
		.name = a->name ? a->name : "vm",
		.memory = a->mem.value,
		.vcpus = a->n_vcpus.value,
		.sockets = a->sockets.given ? a->sockets.value : 1,
		.unpinned = a->no_pin,
		.only_utf8 = a->json,
		.firmware = a->firmware,
		.kernel = a->kernel,
		.initrd = a->initrd,
		.allow_debug = a->allow_debug,
		.cpu = a->vcpu_types.n > 0 ? a->vcpu_types.items[0] : NULL,
		.cbit = (unsigned)a->cbitpos.value,
	};
	if (a->page_size.given)
		m->want.page_size = a->page_size.index == HOST_PAGE_1G ? UINT64_C(1) << 30 :
									 UINT64_C(1) << 21;
	if (a->cbitpos.given && m->want.tech > TECH_SNP)
		return give_up(STATUS_USAGE, "--cbitpos is of AMD's processors");
	if (!name_is_valid(m->want.name, NAME_MAX_LEN))
		return give_up(STATUS_USAGE,
			       "--name '%s' is not a name: letters, digits, '.', '_' and '-', not "
			       "beginning with '.' or '-'",
			       m->want.name);
	status = read_policy(m);
	return status == STATUS_GOOD ? read_cmdline(m) : status;
}

/* ---- files ---- */

static enum status find_firmware(struct planner *m)
{
	enum tech tech = m->want.tech;

	if (m->want.firmware || tech == PLAN_TECH_NONE)
		return STATUS_GOOD;
	for (size_t i = 0; i < ARRAY_SIZE(firmware_places[tech]) && firmware_places[tech][i]; i++)
		if (access(firmware_places[tech][i], R_OK) == 0) {
			m->want.firmware = firmware_places[tech][i];
			return STATUS_GOOD;
		}
	return give_up(STATUS_USAGE,
		       "There is no firmware for %s in the usual places: say --firmware, with %s",
		       args_plan_techs[tech],
		       tech == TECH_TDX ? "OVMF's build IntelTdxX64" : "OVMF's build AmdSevX64");
}

/* QEMU opens it later.  For libvirt and xl, which have another working directory, @ret is whole. */
static enum status check_file(struct planner *m, const char *what, const char **path, char **ret)
{
	struct stat st;

	if (!*path)
		return STATUS_GOOD;
	if (stat(*path, &st) < 0) {
		log_error_errno(-errno, "Failed to find the %s '%s': %m", what, *path);
		return STATUS_IO;
	}
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return give_up(STATUS_MALFORMED, "The %s '%s' is %s", what, *path,
			       S_ISREG(st.st_mode) ? "empty" : "not a regular file");
	if (m->want.format == PLAN_QEMU)
		return STATUS_GOOD;
	*ret = realpath(*path, NULL);
	if (!*ret) {
		log_error_errno(-errno, "Failed to resolve the path '%s': %m", *path);
		return STATUS_IO;
	}
	*path = *ret;
	return STATUS_GOOD;
}

static enum status check_files(struct planner *m)
{
	enum status status = find_firmware(m);

	if (status == STATUS_GOOD)
		status = check_file(m, "firmware", &m->want.firmware, &m->paths[0]);
	if (status == STATUS_GOOD)
		status = check_file(m, "kernel", &m->want.kernel, &m->paths[1]);
	if (status == STATUS_GOOD)
		status = check_file(m, "initrd", &m->want.initrd, &m->paths[2]);
	return status;
}

/*
 * A session's file of @len bytes, in base64 again, so that it has nothing else.  Returns
 * STATUS_GOOD, without a text when there is no such file.
 */
static enum status read_session_file(struct planner *m, const char *suffix, size_t len, char **ret)
{
	char path[NAME_MAX_LEN + 32];
	_cleanup_(freep) char *text = NULL;
	uint8_t bytes[GODH_LEN];
	size_t text_len;
	int r;

	snprintf(path, sizeof(path), "%s_%s.b64", m->want.name, suffix);
	r = read_file_at(AT_FDCWD, path, SESSION_FILE_MAX, &text, &text_len);
	if (r == -ENOENT && m->want.format == PLAN_LIBVIRT)
		return give_up(STATUS_IO,
			       "There is no '%s', which libvirt takes with the domain: make it "
			       "with coco-inject session",
			       path);
	if (r == -ENOENT) {
		plan_note(&m->notes, "There is no '%s' yet: make it with coco-inject session",
			  path);
		return STATUS_GOOD;
	}
	if (r < 0) {
		log_error_errno(r, "Failed to read '%s': %m", path);
		return STATUS_IO;
	}
	if (strlen(text) != text_len || base64_decode(text, bytes, len) != (ssize_t)len)
		return give_up(STATUS_MALFORMED, "'%s' is not %zu bytes in base64", path, len);
	return base64_encode(bytes, len, ret) < 0 ? give_up(STATUS_IO, "Out of memory") :
						    STATUS_GOOD;
}

static enum status read_session(struct planner *m)
{
	enum status status;

	if (m->want.tech != TECH_SEV && m->want.tech != TECH_SEV_ES)
		return STATUS_GOOD;
	status = read_session_file(m, "godh", GODH_LEN, &m->godh);
	if (status == STATUS_GOOD)
		status = read_session_file(m, "session", SESSION_LEN, &m->session);
	m->want.dh_cert = m->godh;
	m->want.session = m->session;
	return status;
}

/* ---- the measurement ---- */

/* The options of measure that say this launch. */
static int fill_measured(struct planner *m, struct args *ret, char vcpus[static 24],
			 char sig[static 16])
{
	const struct plan *p = &m->plan;

	*ret = (struct args){ .firmware = m->want.firmware };
	if (m->want.tech == TECH_TDX)
		return 0;
	ret->kernel = m->want.kernel;
	ret->initrd = m->want.initrd;
	ret->cmdline = m->want.cmdline;
	if (m->want.tech == TECH_SEV)
		return 0;
	snprintf(vcpus, 24, "%llu", (unsigned long long)p->vcpus);
	ret->vcpus = vcpus;
	if (!streq(p->cpu, "host"))
		return option_list_add(&ret->vcpu_types, p->cpu);
	snprintf(sig, 16, "0x%x", p->signature);
	return option_list_add(&ret->vcpu_sigs, sig);
}

static void check_area(struct planner *m, const struct launch_input *in)
{
	const struct bytes *image = &in->launch.firmware;
	struct ovmf_area area;

	if (plan_takes_secrets(&m->plan) && ovmf_secret_area(image->p, image->len, &area) < 0)
		plan_note(&m->notes, "The firmware has no area for secrets: inject needs --area, "
				     "and the guest must know where to look");
}

/*
 * Read the files as measure does, which finds what cannot start: firmware for other guests, or
 * without a place for a kernel's hashes.
 */
static enum status measure(struct planner *m)
{
	struct args a = { .json = false };
	struct launch_input in;
	char vcpus[24], sig[16];
	int r;

	if (m->want.tech == PLAN_TECH_NONE)
		return STATUS_GOOD;
	/* What "host" is cannot be said: the owner has to know it. */
	if ((m->want.tech == TECH_SEV_ES || m->want.tech == TECH_SNP) && !m->plan.cpu_known) {
		plan_note(&m->notes, "The digest of this launch is not computed: the host's "
				     "processor is not known");
		return STATUS_GOOD;
	}
	r = fill_measured(m, &a, vcpus, sig);
	if (r < 0) {
		option_list_done(&a.vcpu_types);
		return STATUS_IO;
	}
	r = launch_input_read(&a, m->want.tech, /* list= */ false, &in, &m->why);
	if (r == 0) {
		format_hex(in.digest, in.digest_len, m->digest);
		check_area(m, &in);
	}
	launch_input_done(&in);
	option_list_done(&a.vcpu_types);
	option_list_done(&a.vcpu_sigs);
	return give_up_if(r, &m->why);
}

/* ---- the result ---- */

static enum status print_json(struct planner *m)
{
	const struct plan_report report = {
		.tech = args_plan_techs[m->want.tech],
		.format = args_formats[m->want.format],
		.plan = &m->plan,
		.notes = &m->notes,
		.flags = &m->flags,
		.digest = m->digest,
		.text = m->text,
		.before = m->before,
		.after = m->after,
	};
	_cleanup_(json_putp) struct json_object *o = plan_report(&report);

	return output_json(o);
}

/* Print @text by lines, and a long line in pieces that end with a whole character. */
static void print_lines(const char *before, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n"), n = MIN(len, (size_t)PIECE_LEN);

		while (n < len && n > 0 && (text[n] & 0xc0) == 0x80)
			n--;
		print("%s%.*s", before, (int)n, text);
		before = "";
		text += n;
		if (*text == '\n') {
			print("\n");
			text++;
		}
	}
}

static void print_text(const struct planner *m)
{
	bool commands = m->a->explain && m->want.format == PLAN_QEMU;

	if (commands && m->before) {
		print("# Before, on the owner's machine:\n");
		print_lines("#   ", m->before);
		print("\n");
	}
	print_lines("", m->text);
	if (commands && m->after) {
		print("# Then, on the owner's machine:\n");
		print_lines("#   ", m->after);
		print("\n");
	}
}

static enum status refused(struct planner *m)
{
	for (size_t i = 0; i < m->plan.refusals.n; i++)
		log_error("%s", m->plan.refusals.text[i]);
	if (m->a->json && print_json(m) != STATUS_GOOD)
		return STATUS_IO;
	return STATUS_CHECK;
}

static enum status print_plan(struct planner *m)
{
	if (plan_flags_make(&m->plan, &m->flags) < 0 ||
	    plan_flags_print(&m->plan, &m->flags, m->a->explain, &m->text) < 0 ||
	    plan_next(&m->plan, &m->before, &m->after) < 0) {
		log_oom();
		return STATUS_IO;
	}
	for (size_t i = 0; i < m->notes.n; i++)
		log_warning("%s", m->notes.text[i]);
	if (m->a->json)
		return print_json(m);
	print_text(m);
	return STATUS_GOOD;
}

static int run(struct args *a)
{
	_cleanup_(planner_freep) struct planner *m = calloc(1, sizeof(*m));
	enum status status;

	if (!m) {
		log_oom();
		return STATUS_IO;
	}
	m->a = a;
	status = read_want(m);
	if (status == STATUS_GOOD)
		status = check_files(m);
	if (status == STATUS_GOOD)
		status = give_up_if(host_read(a->root ? a->root : "/", &m->host, &m->why), &m->why);
	if (status != STATUS_GOOD)
		return status;
	plan_make(&m->want, &m->host, &m->plan);
	for (size_t i = 0; i < m->plan.warnings.n; i++)
		log_warning("%s", m->plan.warnings.text[i]);
	if (m->plan.refusals.n > 0)
		return refused(m);
	status = read_session(m);
	if (status == STATUS_GOOD)
		status = measure(m);
	return status == STATUS_GOOD ? print_plan(m) : status;
}

static const struct option_row options[] = {
	{ "tech", "TECH", "how the guest is protected: sev, sev-es, snp, tdx; none for xl",
	  OPTION_CHOICE(tech, args_plan_techs), .also = "mode", .required = true },
	{ "mem", "SIZE", "the guest's memory, such as 64G",
	  OPTION_PARSED(mem, args_parse_size, "is not a size such as 64G or 512M"),
	  .also = "memory",
	  .required = true },
	{ "vcpus", "N", "the number of its CPUs", OPTION_NUMBER(n_vcpus, 1, VCPUS_ASKED_MAX),
	  .required = true },
	{ "sockets", "N", "the number of its sockets; 1 if not given",
	  OPTION_NUMBER(sockets, 1, SOCKETS_MAX) },
	{ "format", "FORMAT", "qemu, libvirt or xl; qemu if not given",
	  OPTION_CHOICE(format, args_formats) },
	{ "name", "VM", "its name, as in session; vm if not given", OPTION_STRING(name) },
	ROW_FIRMWARE,
	{ "kernel", "FILE", "the kernel that is loaded", OPTION_PATH(kernel) },
	{ "initrd", "FILE", "its initrd", OPTION_PATH(initrd), .needs = "kernel" },
	{ "cmdline", "TEXT", "its command line", OPTION_STRING(cmdline), .empty = true,
	  .also = "append", .needs = "kernel" },
	{ "cmdline-file", "FILE",
	  "its command line, in a file; one newline at the end is taken off",
	  OPTION_PATH(cmdline_file), .needs = "kernel" },
	ROW_POLICY(),
	{ "snp-policy", "POLICY",
	  "the guest's policy: a number, or names such as smt,abi=1.51; smt if not given",
	  OPTION_STRING(snp_policy), .words = args_snp_policies },
	ROW_ALLOW_DEBUG,
	{ "vcpu-type", "NAME", "the model of its CPUs in QEMU; that of the host if not given",
	  OPTION_LIST(vcpu_types, 1), .words = args_vcpu_types },
	{ "cbitpos", "N", "the encryption bit of the host's processor, if it cannot be asked",
	  OPTION_NUMBER(cbitpos, 32, 63) },
	{ "page-size", "SIZE", "huge pages of 2M or 1G",
	  OPTION_CHOICE(page_size, args_page_sizes) },
	{ "no-pin", NULL, "let the host choose CPUs and memory", OPTION_FLAG(no_pin) },
	{ "root", "DIR", "plan for the host whose files are below this folder; / if not given",
	  OPTION_PATH(root) },
	{ "explain", NULL, "say the reason of each flag", OPTION_FLAG(explain) },
	ROW_JSON,
	{ NULL },
};

const struct verb verb_plan = {
	.name = "plan",
	.help = "Print a launch that fits a host, for QEMU, libvirt or xl",
	.example = "--tech=snp --mem=8G --vcpus=4 --firmware=OVMF.amdsev.fd --explain",
	.options = options,
	.run = run,
};
