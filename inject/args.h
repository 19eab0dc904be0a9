/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_ARGS_H
#define COCO_INJECT_ARGS_H

#include "base/cause.h"
#include "base/options-complete.h"
#include "base/options.h"
#include "doctor/args.h"

/*
 * What the command line of coco-inject says, and the rows of the options that several verbs have.
 * Texts are borrowed from argv or owned by the struct; nothing is read or checked yet but what a
 * row says.
 */

struct args_api {
	bool given;
	uint8_t major, minor;
};

/* 16 bytes of the owner's choice. */
struct args_id {
	bool given;
	uint8_t bytes[16];
};

struct args {
	struct option_list words;	/* what stands without an option, and of each --chain */
	const char *config;
	char **owned;			/* what comes from it; a list that ends with NULL */
	bool force, json;
	struct option_choice colour;	/* of text_colours_words */

	/* secrets, and where they go */
	struct option_list secrets;	/* "NAME:FILE", "NAME:kbs:///..." */
	const char *broker;		/* the admin socket of a coco-broker */
	bool strip_newline, huge_pages;
	const char *area;
	struct option_number area_size;
	const char *output, *header, *payload;

	/* keys and measurements */
	const char *tek, *tik, *measurement, *nonce, *expect;
	struct args_api api;
	struct option_number build;
	bool digest;

	/* a guest that waits */
	const char *qmp, *libvirt, *connect, *name;
	struct args_api min_api;
	uint64_t timeout_usec;		/* 0: not given */
	bool dry_run, allow_reuse;

	/* a platform's certificates */
	const char *cek, *anchor, *oca, *pdh;
	bool fetch;
	const char *chip_id, *cache, *kds, *kds_ca;
	struct option_choice product;	/* of args_products */

	/* policies */
	const char *policy, *snp_policy;
	bool allow_debug;

	/* a launch */
	struct option_choice tech;	/* enum tech */
	const char *firmware, *firmware_digest, *launch_digest;
	const char *kernel, *initrd, *cmdline, *cmdline_file;
	bool unchecked_kernel;
	const char *vcpus, *variant, *dump_vmsa;
	struct option_list vcpu_types, vcpu_sigs, vmsas;
	struct option_number guest_features;

	/* a plan */
	struct option_number mem, n_vcpus, sockets, cbitpos;
	struct option_choice format, page_size;	/* of args_formats, args_page_sizes */
	bool no_pin, explain;
	const char *root;

	/* an ID block */
	const char *id_key, *author_key, *id_block, *id_auth;
	struct args_id family_id, image_id;
	struct option_number guest_svn;

	/* a relay */
	const char *listen, *to;
	struct option_number max;

	/* a machine to look at */
	struct args_doctor doctor;
};

void args_done(struct args *a);

/*
 * Take from the section [VERB] of the configuration file --config each option of @verb that @a
 * does not have.  Other sections are for others of @verbs.
 *
 * Returns 0; -EINVAL for a wrong value, which it has logged; -EBADMSG for a file that is not as
 * coco-inject(1) says, -E2BIG for too many values; -EIO or -ENOMEM.  Then @why has the cause, and
 * @a may have some of them.
 */
int args_read_config(const struct verb *const *verbs, const struct verb *verb, struct args *a,
		     struct cause *why);

/* Standard input can be read once.  Returns 0, or -EINVAL after an error that it has logged. */
int args_check_stdin(const struct args *a);

extern const char *const args_products[];	/* end with NULL */
extern const char *const args_techs[];		/* by enum tech; end with NULL */
extern const char *const args_secret_techs[];	/* those that take launch secrets */
extern const char *const args_plan_techs[];	/* and "none", by _TECH_MAX */
extern const char *const args_formats[];	/* by enum plan_format */
extern const char *const args_page_sizes[];	/* by enum host_page */

/* What completion offers for values that are made of more than these; ends with NULL. */
extern const char *const args_policies[];
extern const char *const args_snp_policies[];
extern const char *const args_vcpu_types[];
void args_offer_variants(const struct offers *o);
void args_offer_secret(const struct offers *o);

/* For rows: the text as the field's type.  Return 0 or -EINVAL. */
int args_parse_api(const char *text, void *ret);
int args_parse_id(const char *text, void *ret);
int args_parse_size(const char *text, void *ret);

/* ---- rows; what stands in the brackets is added to the row ---- */

#define ROW_FORCE { "force", NULL, "replace files that exist", OPTION_FLAG(force) }
#define ROW_JSON { "json", NULL, "print the result as JSON", OPTION_FLAG(json) }
#define ROW_ALLOW_DEBUG                                                                          \
	{ "allow-debug", NULL, "take a policy that lets the host read the guest's memory",       \
	  OPTION_FLAG(allow_debug) }
#define ROW_TIMEOUT                                                                              \
	{ "timeout", "TIME", "how long to wait for each answer; 30s if not given",               \
	  OPTION_PARSED(timeout_usec, option_parse_usec, "is not a time such as 30s or 2min") }

#define ROWS_SECRETS(from)                                                                       \
	{ "secret", "NAME:FILE",                                                                 \
	  "a secret: GUID or well-known name, and its file" from "; may be repeated",            \
	  OPTION_LIST(secrets, 0), .offer = args_offer_secret, .required = true },               \
	{ "strip-newline", NULL, "take one newline off the end of each secret",                  \
	  OPTION_FLAG(strip_newline) }
#define ROW_BROKER                                                                               \
	{ "broker", "SOCKET", "the coco-broker's admin socket, where secrets are kbs:///...",    \
	  OPTION_PATH(broker) }
#define ROW_HUGE_PAGES                                                                           \
	{ "huge-pages", NULL, "the guest has huge pages: the packet may cross 4 KiB boundaries", \
	  OPTION_FLAG(huge_pages) }

#define ROW_TEK                                                                                  \
	{ "tek", "FILE", "the launch's transport encryption key, 16 bytes", OPTION_PATH(tek),    \
	  .required = true }
#define ROW_TIK(...)                                                                             \
	{ "tik", "FILE", "the launch's transport integrity key, 16 bytes", OPTION_PATH(tik),     \
	  __VA_ARGS__ }
#define ROW_MEASUREMENT(...)                                                                     \
	{ "measurement", "BASE64",                                                               \
	  "the expected launch measurement, 48 bytes, or 32 without the nonce",                  \
	  OPTION_STRING(measurement), .empty = true, .also = "launch-measure-blob", __VA_ARGS__ }
#define ROW_POLICY(...)                                                                          \
	{ "policy", "POLICY",                                                                    \
	  "the session's policy: a number, or names such as nodbg,noks,nosend,api=1.51",         \
	  OPTION_STRING(policy), .words = args_policies, __VA_ARGS__ }
#define ROW_API(...)                                                                             \
	{ "api", "MAJOR.MINOR", "the platform's API version",                                    \
	  OPTION_PARSED(api, args_parse_api, "is not MAJOR.MINOR, such as 1.55"), __VA_ARGS__ }
#define ROW_BUILD(...)                                                                           \
	{ "build", "N", "the platform's build", OPTION_NUMBER(build, 0, UINT8_MAX), __VA_ARGS__ }

#define ROWS_CHAIN                                                                               \
	{ "cek", "FILE", "the CEK with AMD's signature, from AMD's key server",                  \
	  OPTION_PATH(cek) },                                                                    \
	{ "anchor", "FILE", "trust this ARK and not AMD's: for tests", OPTION_PATH(anchor) },    \
	{ "oca", "FILE", "the OCA that the platform must have", OPTION_PATH(oca) },              \
	{ "fetch", NULL, "get the CEK, ASK and ARK that are missing from AMD",                   \
	  OPTION_FLAG(fetch) },                                                                  \
	{ "chip-id", "ID", "the chip's cpu0-id, in hexadecimal or base64, to find its CEK",      \
	  OPTION_STRING(chip_id), .empty = true },                                               \
	{ "product", "NAME", "naples, rome, milan, genoa or turin: whose ASK and ARK to get",    \
	  OPTION_CHOICE(product, args_products) },                                               \
	{ "cache", "DIR", "where fetched files are kept and looked for first",                   \
	  OPTION_PATH(cache) },                                                                  \
	{ "kds", "URL", "another server than AMD's, which has the same files", OPTION_STRING(kds), \
	  .empty = true },                                                                       \
	{ "kds-ca", "FILE", "the CA certificates for HTTPS, in place of the system's",           \
	  OPTION_PATH(kds_ca), .also = "ca" },                                                   \
	ROW_TIMEOUT

#define ROW_FIRMWARE                                                                             \
	{ "firmware", "FILE", "the measured firmware image, which says where secrets go",        \
	  OPTION_PATH(firmware), .also = "ovmf" }
#define ROW_FIRMWARE_DIGEST                                                                      \
	{ "firmware-digest", "HEX", "snp: the digest of the firmware's pages, computed before",  \
	  OPTION_STRING(firmware_digest), .also = "snp-ovmf-hash" }
#define ROW_LAUNCH_DIGEST(...)                                                                   \
	{ "launch-digest", "HEX", "the launch digest, computed before",                          \
	  OPTION_STRING(launch_digest), __VA_ARGS__ }
#define ROW_SECRET_TECH                                                                          \
	{ "tech", "TECH", "how the guest is protected: sev or sev-es",                           \
	  OPTION_CHOICE(tech, args_secret_techs),                                                \
	  .also = "mode", .wrong = "takes no launch secrets; sev and sev-es do" }

/* What is measured of a launch beside the firmware. */
#define LAUNCH_NAMES                                                                             \
	"kernel initrd cmdline cmdline-file unchecked-kernel vcpus vcpu-sig vcpu-type vmsa "     \
	"variant guest-features"
#define ROWS_LAUNCH                                                                              \
	{ "kernel", "FILE", "the kernel that QEMU loads", OPTION_PATH(kernel) },                 \
	{ "initrd", "FILE", "its initrd", OPTION_PATH(initrd) },                                 \
	{ "cmdline", "TEXT", "its command line", OPTION_STRING(cmdline), .empty = true,          \
	  .also = "append" },                                                                    \
	{ "cmdline-file", "FILE",                                                                \
	  "its command line, in a file; one newline at the end is taken off",                    \
	  OPTION_PATH(cmdline_file) },                                                           \
	{ "unchecked-kernel", NULL, "measure a kernel though the firmware would not check it",   \
	  OPTION_FLAG(unchecked_kernel) },                                                       \
	{ "vcpus", "N",                                                                          \
	  "the number of the guest's CPUs; 1 if not given; measure takes several, such as 1-8,16", \
	  OPTION_STRING(vcpus), .also = "num-cpus" },                                            \
	{ "vcpu-sig", "SIG",                                                                     \
	  "their CPUID signature (leaf 1, eax), such as 0xa00f11 or 25/1/1; measure takes "      \
	  "several",                                                                             \
	  OPTION_LIST(vcpu_sigs, 0) },                                                           \
	{ "vcpu-type", "NAME", "their model in QEMU, such as EPYC-Milan; measure takes several", \
	  OPTION_LIST(vcpu_types, 0), .words = args_vcpu_types },                                \
	{ "vmsa", "FILE", "the page of the first CPU; again: of the next, and of all that follow", \
	  OPTION_LIST(vmsas, 0) },                                                               \
	{ "variant", "NAME", "who makes these pages; for tdx, in which order pages are measured", \
	  OPTION_STRING(variant), .offer = args_offer_variants },                                \
	{ "guest-features", "N", "SEV_FEATURES of the guest's CPUs",                             \
	  OPTION_NUMBER(guest_features, 0, UINT64_MAX) }

#endif
