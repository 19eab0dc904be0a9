/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_CHECK_H
#define COCO_DOCTOR_CHECK_H

#include "doctor/args.h"
#include "doctor/platform.h"

/*
 * A check asks one thing of a machine.  The checks of each side are one const array, in the order
 * in which a person should mend what they find: the CPU before the firmware's settings, those
 * before the kernel, the kernel before the machine's configuration.
 *
 * A new check is a function and a row.  It also needs a line in the manual, and a tree for each of
 * pass and fail in tests/doctor/trees.py.
 */

/* What was asked for, in the order of requirement_names (doctor/args.h). */
enum requirement {
	REQUIRE_SEV,
	REQUIRE_SEV_ES,
	REQUIRE_SNP,
	REQUIRE_TDX,
	_REQUIRE_TECHS,
	REQUIRE_ANY = _REQUIRE_TECHS,	/* one of these technologies, whichever works */
	REQUIRE_NOTHING,		/* nothing confidential */
	_REQUIREMENT_MAX,
};

/* What people call the technologies: "SEV-SNP" where the option --require has "snp". */
extern const char *const tech_names[_REQUIRE_TECHS];

/* What a check matters for: a set of requirements. */
#define FOR(requirement) (1u << (requirement))
#define FOR_SEV_ONLY (FOR(REQUIRE_SEV) | FOR(REQUIRE_SEV_ES))
#define FOR_AMD (FOR_SEV_ONLY | FOR(REQUIRE_SNP))
#define FOR_CONFIDENTIAL (FOR_AMD | FOR(REQUIRE_TDX))
#define FOR_ALL (FOR_CONFIDENTIAL | FOR(REQUIRE_NOTHING))
#define FOR_INFORMATION 0u	/* it is shown, and never counts */

enum outcome {
	OUTCOME_PASS,
	OUTCOME_WARN,		/* it works, but a person should know */
	OUTCOME_FAIL,
	OUTCOME_NA,		/* this machine, or its part in the whole, cannot have it */
	OUTCOME_UNKNOWN,	/* it cannot be told: no privilege, or nothing says */
	_OUTCOME_MAX,
};

const char *outcome_name(enum outcome outcome);	/* "pass", "warn", "fail", "na", "unknown" */

enum fix_kind {
	FIX_KERNEL_ARG,		/* a word of the kernel's command line */
	FIX_MODPROBE,		/* a command, or a line for /etc/modprobe.d */
	FIX_SYSCTL,
	FIX_BIOS,		/* the firmware's setup */
	FIX_LAUNCH_ARG,		/* how the host starts the guest */
	FIX_PACKAGE,
	FIX_KERNEL_CONFIG,	/* another kernel, or another configuration of it */
	FIX_CONFIG,		/* a file or a unit of this machine */
	FIX_NONE,		/* advice: there is nothing to set */
	_FIX_MAX,
};

const char *fix_kind_name(enum fix_kind kind);	/* "kernel-arg" and so on */

#define EVIDENCE_MAX 8
#define FIXES_MAX 4

/* Texts are cut to their sizes, and may have anything in them: print() makes them printable. */
struct result {
	enum outcome outcome;
	char explain[1024];		/* a sentence or more, without a full stop */
	struct {
		char source[160];	/* where it was seen: "cpuid 0x8000001f eax", a path */
		char value[256];	/* as it was there */
	} evidence[EVIDENCE_MAX];	/* what does not fit is left out */
	unsigned n_evidence;
	struct {
		enum fix_kind kind;
		char text[384];
	} fixes[FIXES_MAX];
	unsigned n_fixes;
};

/* What all checks of a run share. */
struct exam {
	struct provider *p;
	bool given;			/* by --require; else the best that the CPU offers */
	enum requirement required;	/* if it was given */
	const char *kernel;		/* the file of --kernel, of this machine; or NULL */
	struct machine machine;
	struct platform platform;
	unsigned offers;		/* the technologies that this CPU offers: a set of FOR() */
	char what[256];			/* what this machine is, in a few words */
};

struct check {
	const char *id;			/* [a-z0-9-], at most CHECK_ID_MAX; never changes */
	const char *group;		/* the heading that it stands under */
	const char *title;		/* what should hold, as a sentence */
	unsigned needs;			/* what it matters for */
	/* When this check is OUTCOME_UNKNOWN, nobody can tell whether the machine is ready. */
	bool decides;
	/* @r is OUTCOME_UNKNOWN and empty. */
	void (*run)(struct exam *x, struct result *r);
};

#define CHECK_ID_MAX 40

/* One of the two sides: coco-inject doctor, cococtl doctor. */
struct side {
	const char *name;		/* "host", "guest" */
	/* Fill in x->offers and x->what.  x->machine and x->platform are there. */
	void (*look)(struct exam *x);
	const struct check *checks;
	size_t n_checks;
	const char *trust;		/* what a reader must know of all of it; may be NULL */
};

extern const struct side side_host, side_guest;

/* ---- for checks ---- */

void result_set(struct result *r, enum outcome outcome, const char *explain, ...) _printf_(3, 4);
void result_saw(struct result *r, const char *source, const char *value, ...) _printf_(3, 4);
void result_fix(struct result *r, enum fix_kind kind, const char *text, ...) _printf_(3, 4);

/*
 * OUTCOME_UNKNOWN because @source could not be had, with what to do for it if @got is GOT_DENIED.
 */
void result_unknown(struct result *r, const char *source, enum got got);

/*
 * Returns 1 if the folder @folder of a bus has a device whose name begins with @prefix, which is
 * then shown in @r; 0 if it has none, or does not exist; -1 with @r OUTCOME_UNKNOWN.
 */
int exam_has_device(struct exam *x, struct result *r, const char *folder, const char *prefix);

/*
 * True if a technology was asked for that is not in x->offers; its name is
 * requirement_names[x->required].
 */
bool exam_lacks_required(const struct exam *x);

/* The names of the technologies in the set @offers, with commas between. */
#define OFFERS_TEXT_MAX 64
const char *offers_text(unsigned offers, char ret[static OFFERS_TEXT_MAX]);

/* ---- the whole ---- */

struct conclusion {
	enum requirement judged;	/* what it was judged for */
	bool offered;			/* false: for no technology, because none is offered */
	int status;			/* one of the DOCTOR_ values */
	size_t first;			/* the check to mend first; n_checks if there is none */
	unsigned n[_OUTCOME_MAX];
};

/* Exit statuses. */
enum {
	DOCTOR_READY = 0,
	DOCTOR_NOT_READY = 1,
	DOCTOR_WARNINGS = 2,
	DOCTOR_CANNOT_TELL = 3,
};

const char *conclusion_name(int status);	/* "ready", "not ready" and so on */

/* Run all checks of @side; @ret has room for one result for each. */
void exam_run(struct exam *x, const struct side *side, struct result *ret);

/* True if the check counts for @c. */
bool check_counts(const struct check *check, const struct conclusion *c);

/*
 * What the results mean for what was required.  OUTCOME_NA never counts.  OUTCOME_UNKNOWN counts
 * only for a check that decides, and then makes DOCTOR_CANNOT_TELL of what would otherwise be
 * ready.
 */
void exam_conclude(const struct exam *x, const struct side *side, const struct result *results,
		   struct conclusion *ret);

#endif
