/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inject secrets into a guest that the host has stopped before its first instruction.  The steps:
 *
 *	is it stopped?  is it SEV?  get and compare its measurement, send the secrets, start it
 *
 * The host may lie in every answer.  But it cannot make a measurement without the TIK.  So until
 * the measurement is the expected one, no secret is sent, not even encrypted, and the guest is not
 * started.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/parse.h"
#include "inject/broker-packet.h"
#include "inject/host/host.h"
#include "inject/output.h"
#include "sev/sev-policy.h"
#include "inject/verb-launch.h"

#define TIMEOUT_USEC (30 * 1000000ULL)
#define BLOB_LEN (SEV_MEASURE_LEN + SEV_NONCE_LEN)

struct inject {
	const struct args *args;
	struct secret *tek, *tik;
	struct secret *table;		/* of files; NULL if a broker has the secrets */
	bool brokers;
	size_t size;			/* of the table; 0 if it is not known yet */
	uint64_t timeout_usec;
	struct area area;
	struct host *host;
	struct cause why;
	char name[128];			/* the VM's, for people */

	/* The measurement that is expected: given by the owner, or computed from files. */
	bool computed;
	struct measurement expected;
	struct launch_input in;
	uint32_t policy;		/* of the session */
	bool has_policy;

	/* What the host says.  Only the measurement proves it. */
	struct host_launch launch;
	uint8_t blob[BLOB_LEN];
	bool measured, injected, continued;
};

static void inject_done(struct inject *x)
{
	secret_freep(&x->tek);
	secret_freep(&x->tik);
	secret_freep(&x->table);
	launch_input_done(&x->in);
	host_freep(&x->host);
}

/* ---- the questions ---- */

static enum status check_paused(struct inject *x)
{
	return give_up_if(x->host->ops->check_paused(x->host, &x->why), &x->why);
}

static enum status check_sev(struct inject *x)
{
	return give_up_if(x->host->ops->check_sev(x->host, &x->launch, &x->why), &x->why);
}

/* The measurement binds these too.  Checked here, an honest mistake gets a clear message. */
static enum status check_policy(struct inject *x)
{
	const struct args_api *least = &x->args->min_api;
	const struct measured *m = &x->launch.measured;
	char ours[SEV_POLICY_TEXT_MAX], theirs[SEV_POLICY_TEXT_MAX];

	if (x->has_policy && x->launch.has_policy && m->policy != x->policy)
		return give_up(STATUS_CHECK,
			       "The guest has the policy 0x%x (%s), and the session asked for 0x%x "
			       "(%s)",
			       m->policy, sev_policy_print(m->policy, theirs), x->policy,
			       sev_policy_print(x->policy, ours));
	if (!x->launch.has_version && !x->computed && !x->args->min_api.given)
		return STATUS_GOOD;
	if (!x->launch.has_version)
		return give_up(STATUS_CHECK, "The host does not tell the firmware's version, "
					     "without which the measurement cannot be computed; "
					     "libvirt 8.0 does");
	if (m->api_major < least->major ||
	    (m->api_major == least->major && m->api_minor < least->minor))
		return give_up(STATUS_CHECK,
			       "The platform has the API %u.%u, and %u.%u is the least that is "
			       "allowed",
			       m->api_major, m->api_minor, least->major, least->minor);
	return x->computed ? give_up_if(launch_check_version(m, &x->why), &x->why) : STATUS_GOOD;
}

/*
 * The versions are the platform's, the policy is ours, and the nonce is the processor's, fresh
 * for each launch.
 */
static enum status check_measurement(struct inject *x)
{
	struct measured what = x->launch.measured;
	enum status status;

	status = give_up_if(x->host->ops->get_measurement(x->host, x->blob, &x->why), &x->why);
	if (status != STATUS_GOOD)
		return status;
	x->measured = true;
	if (x->computed) {
		what.policy = x->policy;
		return verb_check_launch(&x->in, x->tik, &what, x->blob);
	}
	if (CRYPTO_memcmp(x->blob, x->expected.bytes, x->expected.len) != 0)
		return give_up(STATUS_CHECK,
			       "The launch measurement is not the expected one; a measurement does "
			       "not tell what differs.  Do not trust this guest");
	log_info("The launch measurement is the expected one");
	return STATUS_GOOD;
}

/* ---- a session is for one launch ---- */

/*
 * The file that marks a session as used: VM_session.used for VM_tek.bin, FILE.used for another
 * FILE, in the same folder.  Returns false if the key does not come from a file in a folder.
 */
static bool marker_path(const char *tek, char *ret, size_t size)
{
	static const char suffix[] = "_tek.bin";
	size_t len = strlen(tek), cut = sizeof(suffix) - 1;

	/* /dev/shm is a folder for keys that should not be on a disk, so not all of /dev. */
	if (streq(tek, "-") || startswith(tek, "/dev/fd/") || startswith(tek, "/dev/std") ||
	    startswith(tek, "/proc/"))
		return false;
	if (len > cut && streq(tek + len - cut, suffix) && tek[len - cut - 1] != '/')
		return (size_t)snprintf(ret, size, "%.*s_session.used", (int)(len - cut), tek) <
		       size;
	return (size_t)snprintf(ret, size, "%s.used", tek) < size;
}

/* The same launch may be tried again.  No other launch has the nonce of its measurement. */
static bool is_same_launch(const char *path, const char *blob)
{
	_cleanup_(freep) char *text = NULL;

	return read_file_at(AT_FDCWD, path, 256, &text, NULL) == 0 && startswith(text, blob) &&
	       streq(text + strlen(blob), "\n");
}

/*
 * A host can keep the session and the packets of one launch, start another guest with that
 * session, and replay the packets to it.  So before the first packet is sent, write down which
 * launch the session is for.
 */
static enum status mark_session(struct inject *x)
{
	_cleanup_(freep) char *blob = NULL;
	char path[4096], line[128];
	int n, r;

	if (x->args->allow_reuse)
		return STATUS_GOOD;
	if (!marker_path(x->args->tek, path, sizeof(path))) {
		log_warning("The TEK comes from no file: whether its session was used before is "
			    "not checked");
		return STATUS_GOOD;
	}
	if (base64_encode(x->blob, BLOB_LEN, &blob) < 0) {
		log_oom();
		return STATUS_IO;
	}
	n = snprintf(line, sizeof(line), "%s\n", blob);
	r = write_file_atomic(path, line, (size_t)n, 0600, /* exclusive= */ true);
	if (r == -EEXIST && is_same_launch(path, blob))
		return STATUS_GOOD;
	if (r == -EEXIST)
		return give_up(STATUS_CHECK,
			       "The session was used for another launch, says '%s': its packets "
			       "could be played to this one; make a new session, or say "
			       "--allow-reuse",
			       path);
	if (r < 0) {
		log_error_errno(r,
				"Failed to write '%s', by which a session is not used twice "
				"(--allow-reuse goes without): %m",
				path);
		return STATUS_IO;
	}
	return STATUS_GOOD;
}

/* ---- the secret ---- */

static void describe_launch(const struct inject *x, struct broker_launch *ret)
{
	*ret = (struct broker_launch){ .tek = x->tek, .tik = x->tik,
				       .measured = x->launch.measured,
				       .room = input_room(x->args, &x->area) };
	ret->measured.policy = x->policy;
	memcpy(ret->digest, x->in.digest, sizeof(ret->digest));
	memcpy(ret->blob, x->blob, sizeof(ret->blob));
}

/* Without --dry-run it is asked for the packet, and says no then. */
static enum status check_broker(struct inject *x)
{
	struct broker_launch l;

	if (!x->brokers || !x->args->dry_run)
		return STATUS_GOOD;
	describe_launch(x, &l);
	return give_up_if(broker_check(x->args, &l, &x->why), &x->why);
}

static int ask_broker(struct inject *x, struct packet *ret)
{
	struct broker_launch l;
	int r;

	describe_launch(x, &l);
	r = broker_packet(x->args, &l, ret, &x->why);
	if (r < 0)
		return r;
	x->size = ret->len;
	return input_check_size(x->args, &x->area, ret->len, &x->why);
}

static enum status send_secret(struct inject *x)
{
	const uint64_t *gpa = x->area.explicit_gpa ? &x->area.base : NULL;
	_cleanup_(packet_done) struct packet p = { .payload = NULL };
	enum status status;
	int r;

	r = x->brokers ? ask_broker(x, &p) :
			 input_packet(x->tek, x->tik, x->blob, x->table, &p, &x->why);
	status = give_up_if(r, &x->why);
	if (status == STATUS_GOOD)
		status = give_up_if(x->host->ops->send(x->host, &p, gpa, &x->why), &x->why);
	if (status != STATUS_GOOD)
		return status;
	x->injected = true;
	log_info("Injected %zu secret%s, %zu bytes", x->args->secrets.n,
		 x->args->secrets.n == 1 ? "" : "s", p.len);
	return STATUS_GOOD;
}

static enum status start_guest(struct inject *x)
{
	enum status status;

	status = give_up_if(x->host->ops->start(x->host, &x->why), &x->why);
	if (status != STATUS_GOOD)
		return status;
	x->continued = true;
	log_info("The guest runs");
	return STATUS_GOOD;
}

/* ---- the inputs ---- */

/* The VM's name: from --name, from libvirt, or from the names of the session's files. */
static void find_name(struct inject *x)
{
	const char *given = x->args->name ? x->args->name :
						       x->args->libvirt;
	const char *tek = strrchr(x->args->tek, '/'), *end;

	tek = tek ? tek + 1 : x->args->tek;
	end = strstr(tek, "_tek.bin");
	if (given)
		snprintf(x->name, sizeof(x->name), "%s", given);
	else if (end && end > tek && streq(end, "_tek.bin"))
		snprintf(x->name, sizeof(x->name), "%.*s", (int)MIN(end - tek, 100), tek);
	if (!name_is_valid(x->name, sizeof(x->name)))
		strcpy(x->name, "-");
}

static enum status read_policy(struct inject *x)
{
	if (!x->args->policy)
		return STATUS_GOOD;
	x->has_policy = true;
	return give_up_if(input_tech_policy(x->args, &x->in.launch.tech, &x->policy, &x->why),
			  &x->why);
}

static enum status read_expected(struct inject *x)
{
	const struct args *a = x->args;

	if (a->measurement)
		return give_up_if(input_measurement(a, &x->expected, &x->why), &x->why);
	x->computed = true;
	if (!a->firmware && !a->launch_digest)
		return give_up(STATUS_USAGE,
			       "inject needs --measurement, or --firmware and --policy to compute "
			       "it from; see 'coco-inject inject --help'");
	if (!x->has_policy)
		return give_up(STATUS_USAGE,
			       "To compute the measurement the session's --policy is needed");
	return give_up_if(launch_input_read(a, x->in.launch.tech, /* list= */ false, &x->in,
					    &x->why),
			  &x->why);
}

/* The area for secrets: from --area, or from the firmware that was measured. */
static enum status read_area(struct inject *x)
{
	enum status status;

	if (x->in.firmware && !x->args->area)
		status = give_up_if(input_area_of_image(x->args->firmware,
							x->in.firmware, x->in.launch.firmware.len,
							&x->area, &x->why),
				    &x->why);
	else
		status = give_up_if(input_area(x->args, x->in.firmware != NULL, &x->area, &x->why),
				    &x->why);
	if (status == STATUS_GOOD && !x->area.sized)
		log_warning("Neither --firmware nor --area is given: whether the secrets fit into "
			    "the guest's area is not checked");
	return status;
}

static enum status read_secrets(struct inject *x)
{
	const struct args *a = x->args;
	int r;

	if (x->brokers && !x->computed)
		return give_up(STATUS_USAGE,
			       "A broker judges what was launched, which --measurement does not "
			       "tell: give --launch-digest or --firmware instead, and --policy");
	if (x->brokers)
		return STATUS_GOOD;
	r = input_table(a, PACKET_MAX_LEN, &x->table, &x->why);
	if (r == 0)
		r = input_check_size(a, &x->area, secret_len(x->table), &x->why);
	if (r == 0)
		x->size = secret_len(x->table);
	return give_up_if(r, &x->why);
}

static enum status read_inputs(struct inject *x)
{
	const struct args *a = x->args;
	enum status status;

	find_name(x);
	x->timeout_usec = a->timeout_usec ? a->timeout_usec : TIMEOUT_USEC;
	if (!a->qmp == !a->libvirt)
		return give_up(STATUS_USAGE,
			       "One of --qmp and --libvirt is needed: where the guest is");
	status = give_up_if(input_is_from_broker(a, &x->brokers, &x->why), &x->why);
	if (status == STATUS_GOOD)
		status = read_policy(x);
	if (status == STATUS_GOOD)
		status = read_expected(x);
	if (status == STATUS_GOOD)
		status = read_area(x);
	if (status == STATUS_GOOD)
		status = give_up_if(input_keys(a, &x->tek, &x->tik, &x->why), &x->why);
	if (status == STATUS_GOOD)
		status = read_secrets(x);
	return status;
}

/* ---- the verb ---- */

static enum status connect_host(struct inject *x)
{
	const struct args *a = x->args;
	int r;

	if (a->libvirt)
		r = host_open_libvirt(a->connect, a->libvirt, x->timeout_usec,
				      &x->host, &x->why);
	else
		r = host_open_qmp(a->qmp, x->timeout_usec, &x->host, &x->why);
	return give_up_if(r, &x->why);
}

static const struct step {
	const char *name;
	enum status (*run)(struct inject *x);
	bool acts;		/* changes something, so not with --dry-run */
} steps[] = {
	{ "connect", connect_host, false },
	{ "paused", check_paused, false },
	{ "sev", check_sev, false },
	{ "policy", check_policy, false },
	{ "measurement", check_measurement, false },
	{ "broker", check_broker, false },
	{ "session", mark_session, true },
	{ "inject", send_secret, true },
	{ "start", start_guest, true },
};

/* Returns the status of the step that failed, with its name in @ret_step. */
static enum status exchange(struct inject *x, const char **ret_step)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		enum status status;

		if (x->args->dry_run && steps[i].acts) {
			log_info("All is as it should be; nothing was injected, and the guest is "
				 "still paused (--dry-run)");
			return STATUS_GOOD;
		}
		status = steps[i].run(x);
		if (status != STATUS_GOOD) {
			*ret_step = steps[i].name;
			if (steps[i].run != connect_host && steps[i].run != check_paused &&
			    steps[i].run != start_guest)
				log_notice("The guest was not started; end it with QEMU's 'quit' "
					   "or 'virsh destroy'");
			return status;
		}
	}
	return STATUS_GOOD;
}

static const char *result_word(const struct inject *x, enum status status)
{
	if (x->continued)
		return "started";
	if (status == STATUS_GOOD)
		return "checked";
	return status == STATUS_UNDECIDED ? "undecided" : "refused";
}

/* Log one line of a fixed form for the owner's records.  Nothing in it is secret. */
static void audit(const struct inject *x, enum status status, const char *step)
{
	_cleanup_(freep) char *blob = NULL;
	char digest[2 * SHA256_LEN + 1] = "-", policy[16] = "-";

	if (x->computed)
		format_hex(x->in.digest, SHA256_LEN, digest);
	if (x->has_policy || x->launch.has_policy)
		snprintf(policy, sizeof(policy), "0x%x",
			 x->has_policy ? x->policy : x->launch.measured.policy);
	if (x->measured)
		(void) base64_encode(x->blob, BLOB_LEN, &blob);
	log_notice("audit: vm=%s policy=%s digest=%s measurement=%s result=%s%s%s", x->name, policy,
		   digest, blob ? blob : "-", result_word(x, status), step ? " step=" : "",
		   step ? step : "");
}

/* Print the result, also of a launch that was refused at @step.  What is not known is null. */
static enum status print_result(const struct inject *x, enum status result, const char *step)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	_cleanup_(freep) char *blob = NULL;

	if (!x->args->json)
		return STATUS_GOOD;
	o = json_document("inject");
	if (!o || (x->measured && base64_encode(x->blob, BLOB_LEN, &blob) < 0) ||
	    json_add_text(o, "result", result_word(x, result)) < 0 ||
	    json_add_text_or_null(o, "step", step) < 0 ||
	    json_add_text_or_null(o, "measurement", blob) < 0 ||
	    (x->launch.has_policy ?
		     json_add_unsigned(o, "policy", x->launch.measured.policy) :
		     json_add_null(o, "policy")) < 0 ||
	    json_add_unsigned(o, "secrets", x->args->secrets.n) < 0 ||
	    json_add_unsigned(o, "size", x->size) < 0 ||
	    json_add_bool(o, "injected", x->injected) < 0 ||
	    json_add_bool(o, "continued", x->continued) < 0)
		return output_json(NULL);
	return output_json(o);
}

static int run(struct args *a)
{
	_cleanup_(inject_done) struct inject x = { .args = a };
	const char *step = NULL;
	enum status status, printed;

	/* Check everything on our side before the guest is touched. */
	status = read_inputs(&x);
	if (status != STATUS_GOOD)
		return status;
	status = exchange(&x, &step);
	audit(&x, status, step);
	printed = print_result(&x, status, step);
	return status == STATUS_GOOD ? printed : status;
}

static const struct option_row options[] = {
	{ "qmp", "SOCKET", "QEMU's monitor (-qmp unix:SOCKET,server=on,wait=off)",
	  OPTION_PATH(qmp) },
	{ "libvirt", "DOMAIN", "the guest of libvirt's, by name or UUID", OPTION_STRING(libvirt),
	  .also = "domain" },
	{ "connect", "URI", "libvirt's connection, such as qemu+ssh://host/system",
	  OPTION_STRING(connect) },
	ROWS_SECRETS(", or kbs:///..."),
	ROW_BROKER,
	ROW_TEK,
	ROW_TIK(.required = true),
	ROW_MEASUREMENT(.excludes = LAUNCH_NAMES " launch-digest tech",
			.because = "the measurement says what is expected"),
	ROW_FIRMWARE,
	{ "area", "GPA:SIZE", "inject there, instead of where the firmware says",
	  OPTION_STRING(area) },
	ROW_HUGE_PAGES,
	ROW_SECRET_TECH,
	ROWS_LAUNCH,
	ROW_LAUNCH_DIGEST(.excludes = LAUNCH_NAMES, .because = "it is of the whole launch"),
	ROW_POLICY(),
	{ "min-api", "MAJOR.MINOR", "the least API version that the platform may have",
	  OPTION_PARSED(min_api, args_parse_api, "is not MAJOR.MINOR, such as 1.51") },
	{ "name", "VM", "the VM's name, for the audit line", OPTION_STRING(name) },
	ROW_TIMEOUT,
	{ "dry-run", NULL, "check everything, inject nothing, leave the guest paused",
	  OPTION_FLAG(dry_run) },
	{ "allow-reuse", NULL, "use the session though it was used for a launch before",
	  OPTION_FLAG(allow_reuse) },
	{ "config", "FILE", "options from a file; those given here count more",
	  OPTION_PATH(config) },
	ROW_JSON,
	{ NULL },
};

const struct verb verb_inject = {
	.name = "inject",
	.help = "Check a stopped guest's measurement, give it secrets, and start it",
	.example = "--qmp=vm.qmp --secret=luks:passphrase --tek=vm_tek.bin "
		   "--tik=vm_tik.bin --firmware=OVMF.amdsev.fd --tech=sev-es "
		   "--policy=nodbg,noks,es,nosend",
	.options = options,
	.one_of = "qmp libvirt",
	.one_of_because = "where the guest is",
	.run = run,
};
