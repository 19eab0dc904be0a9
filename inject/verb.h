/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_VERB_H
#define COCO_INJECT_VERB_H

#include "base/cause.h"
#include "base/log.h"
#include "base/macro.h"

/* What the program ends with; documented in coco-inject(1). */
enum status {
	STATUS_GOOD = 0,
	STATUS_CHECK = 1,	/* a check failed: nothing may be trusted or injected */
	STATUS_MALFORMED = 2,	/* an input is not what it should be */
	STATUS_UNDECIDED = 3,	/* it could not be decided: the peer went away, was too slow or spoke something else */
	STATUS_USAGE = 64,
	STATUS_IO = 74,		/* a file or socket could not be read or written, or memory could not be had or locked */
};

/*
 * Only verbs and main() print, give up and know a status.  What is below them returns a negative
 * errno, with the cause in a struct cause (base/cause.h):
 *
 *	-EINVAL				an option is wrong, missing or in another's way
 *	-EBADMSG, -EMSGSIZE		an input is not what it should be, or larger than it may be
 *	-EKEYREJECTED			a check failed
 *	-ENOSPC				the secrets do not fit
 *	-EOPNOTSUPP			the firmware or the guest has no support for it
 *	-EPERM				the host refuses, or it is not the time for it
 *	-ENODATA			it could not be decided: an answer or a certificate is missing
 *	-ENOMEM, -EIO, all others	memory could not be had, or a file or a library has failed
 */

/* Say why, once, and give up: the value is @status. */
#define give_up(status, ...) (log_error(__VA_ARGS__), (status))

/* Says @why when @r is negative.  Returns the status for @r; STATUS_GOOD when it is not negative. */
enum status give_up_if(int r, const struct cause *why);

/*
 * Print @o in one line to standard output.  Returns STATUS_GOOD; STATUS_IO without memory, which
 * an @o of NULL means too.
 */
struct json_object;
enum status output_json(struct json_object *o);

/*
 * All options of all verbs.  A verb says which of them it takes; their names and texts are in
 * args.c.
 */
enum arg {
	ARG_SECRET,
	ARG_STRIP_NEWLINE,
	ARG_OUTPUT,
	ARG_TEK,
	ARG_TIK,
	ARG_MEASUREMENT,
	ARG_HEADER,
	ARG_PAYLOAD,
	ARG_QMP,
	ARG_FIRMWARE,
	ARG_AREA,
	ARG_AREA_SIZE,
	ARG_HUGE_PAGES,
	ARG_TIMEOUT,
	ARG_DRY_RUN,
	ARG_FORCE,
	ARG_JSON,
	ARG_CEK,
	ARG_ANCHOR,
	ARG_OCA,
	ARG_FETCH,
	ARG_CHIP_ID,
	ARG_PRODUCT,
	ARG_CACHE,
	ARG_KDS,
	ARG_KDS_CA,
	ARG_PDH,
	ARG_POLICY,
	ARG_NAME,
	ARG_CHAIN,
	ARG_ALLOW_DEBUG,
	ARG_TECH,
	ARG_FIRMWARE_DIGEST,
	ARG_KERNEL,
	ARG_INITRD,
	ARG_CMDLINE,
	ARG_CMDLINE_FILE,
	ARG_UNCHECKED_KERNEL,
	ARG_VCPUS,
	ARG_VCPU_SIG,
	ARG_VCPU_TYPE,
	ARG_VMSA,
	ARG_DUMP_VMSA,
	ARG_VARIANT,
	ARG_GUEST_FEATURES,
	ARG_LAUNCH_DIGEST,
	ARG_DIGEST,
	ARG_API,
	ARG_BUILD,
	ARG_NONCE,
	ARG_EXPECT,
	ARG_LIBVIRT,
	ARG_CONNECT,
	ARG_MIN_API,
	ARG_ALLOW_REUSE,
	ARG_CONFIG,
	ARG_ID_KEY,
	ARG_AUTHOR_KEY,
	ARG_ID_BLOCK,
	ARG_ID_AUTH,
	ARG_FAMILY_ID,
	ARG_IMAGE_ID,
	ARG_GUEST_SVN,
	ARG_SNP_POLICY,
	_ARG_MAX,
};
_Static_assert(_ARG_MAX <= 64, "a verb has a bit for each option");
#define ARG(name) (UINT64_C(1) << ARG_##name)

/* The command line after the verb; what comes from it is borrowed from argv. */
struct args {
	const char *value[_ARG_MAX];	/* NULL: not given; "" for one that takes no value */
	const char **secrets;		/* of each --secret, in their order */
	size_t n_secrets;
	const char **words;		/* what stands without an option, and of each --chain */
	size_t n_words;
	const char **vmsas;		/* of each --vmsa */
	size_t n_vmsas;
	const char **cpus;		/* of each --vcpu-type or --vcpu-sig */
	size_t n_cpus;
	char **owned;			/* what comes from --config; a list that ends with NULL */
};

/* The name of an option, without the dashes. */
const char *arg_name(enum arg arg);

struct verb {
	const char *name;		/* one word, or two with a blank between */
	const char *summary;		/* one line for --help */
	const char *words;		/* what must stand without an option, for --help; NULL: nothing may */
	uint64_t needs, takes;		/* options that must and that may be given */
	enum status (*run)(const struct args *a);
};

extern const struct verb verb_chain_show;
extern const struct verb verb_chain_verify;
extern const struct verb verb_session;
extern const struct verb verb_id_block;
extern const struct verb verb_measure;
extern const struct verb verb_table;
extern const struct verb verb_packet;
extern const struct verb verb_inject;

/*
 * Read argv[1..] as the options of @verb, and what --config adds to them.  @ret is yours, for
 * args_done().
 *
 * Returns STATUS_GOOD; STATUS_USAGE and has said why: an option that is unknown, not for this
 * verb, given twice, missing, or without its value, or a word that is no option and that the
 * verb does not take, or none when it wants some; STATUS_MALFORMED for a configuration file
 * that is not as coco-inject(1) says; STATUS_IO without memory, or when that file cannot be
 * read; -1 after --help, which it has printed.
 */
int args_parse(const struct verb *verb, int argc, char **argv, struct args *ret);
void args_done(struct args *a);

/*
 * Take from the section [VERB] of the configuration file @path each option of @verb that @a
 * does not have.  For args_parse().
 *
 * Returns 0; -EBADMSG for a file that is not as coco-inject(1) says, -E2BIG for too many values;
 * -EIO or -ENOMEM.  Then @why has the cause, and @a may have some of them.
 */
int args_read_config(const struct verb *verb, const char *path, struct args *a, struct cause *why);

/*
 * The option @name of @verb; _ARG_MAX when it has none.  @ret_flag is true for one that takes
 * no value.
 */
enum arg args_find(const struct verb *verb, const char *name, bool *ret_flag);

/* The options of @verb, one a line, for --help. */
void args_print(const struct verb *verb);

#endif
