/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <stdio.h>

#include "base/text.h"
#include "inject/verb.h"

static const struct {
	const char *name, *value, *help;
	char letter;
} options[_ARG_MAX] = {
	[ARG_SECRET] =        { "secret", "NAME:FILE", "a secret: GUID or well-known name, and its file; may be repeated" },
	[ARG_STRIP_NEWLINE] = { "strip-newline", NULL, "take one newline off the end of each secret" },
	[ARG_OUTPUT] =        { "output", "FILE", "where the table goes", 'o' },
	[ARG_TEK] =           { "tek", "FILE", "the launch's transport encryption key, 16 bytes" },
	[ARG_TIK] =           { "tik", "FILE", "the launch's transport integrity key, 16 bytes" },
	[ARG_MEASUREMENT] =   { "measurement", "BASE64", "the expected launch measurement, 48 bytes, or 32 without the nonce" },
	[ARG_HEADER] =        { "header", "FILE", "where the packet's header goes, in base64" },
	[ARG_PAYLOAD] =       { "payload", "FILE", "where the packet's encrypted secrets go, in base64" },
	[ARG_QMP] =           { "qmp", "SOCKET", "QEMU's monitor (-qmp unix:SOCKET,server=on,wait=off)" },
	[ARG_FIRMWARE] =      { "firmware", "FILE", "the measured firmware image, which says where secrets go" },
	[ARG_AREA] =          { "area", "GPA:SIZE", "inject there, instead of where the firmware says" },
	[ARG_AREA_SIZE] =     { "area-size", "SIZE", "size in bytes of the area for secrets" },
	[ARG_HUGE_PAGES] =    { "huge-pages", NULL, "the guest has huge pages: the packet may cross 4 KiB boundaries" },
	[ARG_TIMEOUT] =       { "timeout", "TIME", "how long to wait for each answer; 30s if not given" },
	[ARG_DRY_RUN] =       { "dry-run", NULL, "check everything, inject nothing, leave the guest paused" },
	[ARG_FORCE] =         { "force", NULL, "replace files that exist" },
	[ARG_JSON] =          { "json", NULL, "print the result as JSON" },
	[ARG_CEK] =           { "cek", "FILE", "the CEK with AMD's signature, from AMD's key server" },
	[ARG_ANCHOR] =        { "anchor", "FILE", "trust this ARK and not AMD's: for tests" },
	[ARG_OCA] =           { "oca", "FILE", "the OCA that the platform must have" },
	[ARG_FETCH] =         { "fetch", NULL, "get the CEK, ASK and ARK that are missing from AMD" },
	[ARG_CHIP_ID] =       { "chip-id", "ID", "the chip's cpu0-id, in hexadecimal or base64, to find its CEK" },
	[ARG_PRODUCT] =       { "product", "NAME", "naples, rome, milan, genoa or turin: whose ASK and ARK to get" },
	[ARG_CACHE] =         { "cache", "DIR", "where fetched files are kept and looked for first" },
	[ARG_KDS] =           { "kds", "URL", "another server than AMD's, which has the same files" },
	[ARG_KDS_CA] =        { "kds-ca", "FILE", "the CA certificates for HTTPS, in place of the system's" },
	[ARG_PDH] =           { "pdh", "FILE", "the platform's PDH" },
	[ARG_POLICY] =        { "policy", "POLICY", "the session's policy: a number, or names such as nodbg,noks,nosend,api=1.51" },
	[ARG_NAME] =          { "name", "VM", "the VM's name, with which the names of a session's files begin" },
	[ARG_CHAIN] =         { "chain", "PATH", "verify these certificates first; may be repeated" },
	[ARG_ALLOW_DEBUG] =   { "allow-debug", NULL, "take a policy that lets the host read the guest's memory" },
	[ARG_TECH] =          { "tech", "TECH", "how the guest is protected: sev, sev-es, snp, tdx" },
	[ARG_FIRMWARE_DIGEST] = { "firmware-digest", "HEX", "snp: the digest of the firmware's pages, computed before" },
	[ARG_KERNEL] =        { "kernel", "FILE", "the kernel that QEMU loads" },
	[ARG_INITRD] =        { "initrd", "FILE", "its initrd" },
	[ARG_CMDLINE] =       { "cmdline", "TEXT", "its command line" },
	[ARG_CMDLINE_FILE] =  { "cmdline-file", "FILE", "its command line, in a file; one newline at the end is taken off" },
	[ARG_UNCHECKED_KERNEL] = { "unchecked-kernel", NULL, "measure a kernel though the firmware would not check it" },
	[ARG_VCPUS] =         { "vcpus", "N", "the number of the guest's CPUs; 1 if not given; measure takes several, such as 1-8,16" },
	[ARG_VCPU_SIG] =      { "vcpu-sig", "SIG", "their CPUID signature (leaf 1, eax), such as 0xa00f11 or 25/1/1; measure takes several" },
	[ARG_VCPU_TYPE] =     { "vcpu-type", "NAME", "their model in QEMU, such as EPYC-Milan; measure takes several" },
	[ARG_VMSA] =          { "vmsa", "FILE", "the page of the first CPU; again: of the next, and of all that follow" },
	[ARG_DUMP_VMSA] =     { "dump-vmsa", "FILE", "where the pages of the first CPU and of the others go" },
	[ARG_VARIANT] =       { "variant", "NAME", "who makes these pages; for tdx, in which order pages are measured" },
	[ARG_GUEST_FEATURES] = { "guest-features", "N", "SEV_FEATURES of the guest's CPUs" },
	[ARG_LAUNCH_DIGEST] = { "launch-digest", "HEX", "the launch digest, computed before" },
	[ARG_DIGEST] =        { "digest", NULL, "print the launch digest" },
	[ARG_API] =           { "api", "MAJOR.MINOR", "the platform's API version" },
	[ARG_BUILD] =         { "build", "N", "the platform's build" },
	[ARG_NONCE] =         { "nonce", "BASE64", "the measurement's nonce, 16 bytes" },
	[ARG_LIBVIRT] =       { "libvirt", "DOMAIN", "the guest of libvirt's, by name or UUID" },
	[ARG_CONNECT] =       { "connect", "URI", "libvirt's connection, such as qemu+ssh://host/system" },
	[ARG_MIN_API] =       { "min-api", "MAJOR.MINOR", "the least API version that the platform may have" },
	[ARG_ALLOW_REUSE] =   { "allow-reuse", NULL, "use the session though it was used for a launch before" },
	[ARG_CONFIG] =        { "config", "FILE", "options from a file; those given here count more" },
	[ARG_ID_KEY] =        { "id-key", "PEM", "the private key, of P-384, that signs the ID block" },
	[ARG_AUTHOR_KEY] =    { "author-key", "PEM", "the private key that signs the ID key" },
	[ARG_ID_BLOCK] =      { "id-block", "FILE", "where the ID block goes, in base64" },
	[ARG_ID_AUTH] =       { "id-auth", "FILE", "where its signatures and keys go, in base64" },
	[ARG_FAMILY_ID] =     { "family-id", "HEX", "16 bytes of the owner's choice" },
	[ARG_IMAGE_ID] =      { "image-id", "HEX", "16 bytes of the owner's choice" },
	[ARG_GUEST_SVN] =     { "guest-svn", "N", "the guest's security version" },
	[ARG_SNP_POLICY] =    { "snp-policy", "POLICY", "the guest's policy: a number, or names such as smt,abi=1.51; smt if not given" },
	[ARG_EXPECT] =        { "expect", "BASE64", "compare with this measurement, or digest; it may be in hexadecimal" },
};

#define FIRST_VAL 256	/* beyond any letter */
#define HELP_VAL 'h'

static bool verb_takes(const struct verb *verb, size_t i)
{
	return (verb->needs | verb->takes) >> i & 1;
}

void args_print(const struct verb *verb)
{
	for (size_t i = 0; i < _ARG_MAX; i++) {
		char left[64];

		if (!verb_takes(verb, i))
			continue;
		snprintf(left, sizeof(left), "%s%s%s%s", options[i].letter ? "-o, --" : "--", options[i].name, options[i].value ? " " : "",
			 options[i].value ? options[i].value : "");
		print("  %-24s %s\n", left, options[i].help);
	}
}

/* The options of the verb as getopt_long() wants them. */
static void make_getopt(const struct verb *verb, struct option ret[static _ARG_MAX + 2],
			char ret_letters[static 8])
{
	size_t n = 0, k = 0;

	ret_letters[k++] = ':';
	ret_letters[k++] = HELP_VAL;
	for (size_t i = 0; i < _ARG_MAX; i++) {
		if (!verb_takes(verb, i))
			continue;
		if (options[i].letter) {
			ret_letters[k++] = options[i].letter;
			ret_letters[k++] = ':';
		}
		ret[n++] = (struct option){ options[i].name,
					    options[i].value ? required_argument : no_argument,
					    NULL, FIRST_VAL + (int)i };
	}
	ret[n++] = (struct option){ "help", no_argument, NULL, HELP_VAL };
	ret[n] = (struct option){ NULL };
	ret_letters[k] = '\0';
}

static int store(struct args *a, size_t i, const char *value)
{
	if (i == ARG_SECRET)
		a->secrets[a->n_secrets++] = value;
	else if (i == ARG_CHAIN)
		a->words[a->n_words++] = value;
	else if (i == ARG_VMSA)
		a->vmsas[a->n_vmsas++] = value;
	else if (i == ARG_VCPU_TYPE || i == ARG_VCPU_SIG)
		a->cpus[a->n_cpus++] = value;
	else if (a->value[i])
		return give_up(STATUS_USAGE, "--%s is given twice", options[i].name);
	a->value[i] = value ? value : "";
	return STATUS_GOOD;
}

static int check_needs(const struct verb *verb, const struct args *a)
{
	for (size_t i = 0; i < _ARG_MAX; i++)
		if (verb->needs >> i & 1 && !a->value[i])
			return give_up(STATUS_USAGE, "%s needs --%s %s; see 'coco-inject %s --help'",
				       verb->name, options[i].name, options[i].value, verb->name);
	return STATUS_GOOD;
}

/* The second that read from standard input would find it empty. */
static int check_stdin(const struct args *a)
{
	static const enum arg files[] = { ARG_TEK, ARG_TIK, ARG_FIRMWARE, ARG_KERNEL, ARG_INITRD, ARG_CMDLINE_FILE, ARG_ID_KEY, ARG_AUTHOR_KEY };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		n += a->value[files[i]] && streq(a->value[files[i]], "-");
	for (size_t i = 0; i < a->n_vmsas; i++)
		n += streq(a->vmsas[i], "-");
	for (size_t i = 0; i < a->n_secrets; i++) {
		const char *colon = strchr(a->secrets[i], ':');

		n += colon && streq(colon + 1, "-");
	}
	return n > 1 ? give_up(STATUS_USAGE, "Standard input is given twice: one '-' is all that can be read from it") :
		       STATUS_GOOD;
}

static void print_usage(const struct verb *verb)
{
	print("coco-inject %s%s%s: %s\n\n", verb->name, verb->words ? " " : "", verb->words ? verb->words : "", verb->summary);
	args_print(verb);
	print("\nThe manual is coco-inject(1).\n");
}

/* The place of the option that getopt_long() returned as @c, a letter or its own number. */
static size_t option_of(int c)
{
	for (size_t i = 0; i < _ARG_MAX; i++)
		if (c == FIRST_VAL + (int)i || (options[i].letter && c == options[i].letter))
			return i;
	return _ARG_MAX;
}

int args_parse(const struct verb *verb, int argc, char **argv, struct args *ret)
{
	struct option long_options[_ARG_MAX + 2];
	_cleanup_(args_done) struct args a = { 0 };
	struct cause why;
	char letters[8];
	int c, r;

	a.secrets = calloc((size_t)argc, sizeof(*a.secrets));
	a.words = calloc((size_t)argc, sizeof(*a.words));
	a.vmsas = calloc((size_t)argc, sizeof(*a.vmsas));
	a.cpus = calloc((size_t)argc, sizeof(*a.cpus));
	if (!a.secrets || !a.words || !a.vmsas || !a.cpus) {
		log_oom();
		return STATUS_IO;
	}
	make_getopt(verb, long_options, letters);
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, letters, long_options, NULL)) >= 0) {
		size_t i = option_of(c);

		if (c == HELP_VAL) {
			print_usage(verb);
			return -1;
		}
		if (c == ':')
			return give_up(STATUS_USAGE,
				       "'%s' needs a value; see 'coco-inject %s --help'",
				       argv[optind - 1], verb->name);
		if (i == _ARG_MAX)
			return give_up(STATUS_USAGE,
				       "'%s' is no option of %s, or is ambiguous; see 'coco-inject %s --help'",
				       argv[optind - 1], verb->name, verb->name);
		r = store(&a, i, optarg);
		if (r != STATUS_GOOD)
			return r;
	}
	if (optind < argc && !verb->words)
		return give_up(STATUS_USAGE, "'%s' is no option; see 'coco-inject %s --help'",
			       argv[optind], verb->name);
	while (optind < argc)
		a.words[a.n_words++] = argv[optind++];
	if (verb->words && a.n_words == 0)
		return give_up(STATUS_USAGE, "%s needs %s; see 'coco-inject %s --help'", verb->name,
			       verb->words, verb->name);
	if (a.value[ARG_CONFIG]) {
		r = (int)give_up_if(args_read_config(verb, a.value[ARG_CONFIG], &a, &why), &why);
		if (r != STATUS_GOOD)
			return r;
	}
	r = check_needs(verb, &a);
	if (r == STATUS_GOOD)
		r = check_stdin(&a);
	if (r != STATUS_GOOD)
		return r;

	*ret = a;
	a = (struct args){ 0 };
	return STATUS_GOOD;
}

void args_done(struct args *a)
{
	free(a->secrets);
	free(a->words);
	free(a->vmsas);
	free(a->cpus);
	for (char **p = a->owned; p && *p; p++)
		free(*p);
	free(a->owned);
	*a = (struct args){ 0 };
}

enum arg args_find(const struct verb *verb, const char *name, bool *ret_flag)
{
	for (size_t i = 0; i < _ARG_MAX; i++)
		if (verb_takes(verb, i) && streq(options[i].name, name)) {
			*ret_flag = !options[i].value;
			return (enum arg)i;
		}
	return _ARG_MAX;
}

const char *arg_name(enum arg arg)
{
	return options[arg].name;
}
