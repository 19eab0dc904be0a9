/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole exchange with a guest that QEMU has stopped before its first instruction:
 *
 *	query-status, query-sev, query-sev-launch-measure, compare, sev-inject-launch-secret, cont
 *
 * The host answers each question and may lie in each.  What it cannot do is make a measurement without the TIK, and so nothing secret is
 * sent, not even encrypted, and "cont" is never sent, before the measurement is the expected one.
 */
#include <stdio.h>

#include <openssl/crypto.h>

#include "base/base64.h"
#include "base/parse.h"
#include "inject/input.h"
#include "inject/output.h"
#include "inject/qmp.h"

#define TIMEOUT_USEC (30 * 1000000ULL)

struct inject {
	const struct args *args;
	struct secret *tek, *tik, *table;
	struct measurement expected;
	struct area area;
	struct qmp *qmp;

	/* From the host, so not to be trusted more than the measurement says. */
	uint8_t blob[SEV_MEASURE_LEN + SEV_NONCE_LEN];
	uint64_t policy;
	bool injected, continued;
};

static void inject_done(struct inject *x)
{
	secret_freep(&x->tek);
	secret_freep(&x->tik);
	secret_freep(&x->table);
	qmp_freep(&x->qmp);
}

/* ---- questions ---- */

static const char *reason(int r)
{
	switch (r) {
	case -ETIMEDOUT:
		return "no answer in time, see --timeout; another client, such as libvirt, may hold the monitor";
	case -EBUSY:
		return "other clients wait there already";
	case -ECONNRESET:
		return "QEMU hung up";
	case -EPROTO:
		return "the peer does not speak QMP";
	case -EREMOTEIO:
		return "QEMU refuses to begin";
	default:
		return strerror(-r);
	}
}

static enum status ask(struct inject *x, const char *command, struct json_object **ret)
{
	int r;

	r = qmp_call(x->qmp, command, NULL, ret);
	if (r == -EREMOTEIO)
		return give_up(STATUS_CHECK, "QEMU refuses %s: %s", command, qmp_error_desc(x->qmp));
	if (r < 0)
		return give_up(STATUS_UNDECIDED, "No answer to %s: %s", command, reason(r));
	return STATUS_GOOD;
}

/* The text under @key, or NULL when there is none or it is no text. */
static const char *get_text(struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
		return NULL;
	return json_object_get_string(v);
}

static bool get_flag(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_boolean) && json_object_get_boolean(v);
}

/* A word of the host's for a message: printable, short. */
static const char *word(const char *text)
{
	return text && name_is_valid(text, 32) ? text : "unknown";
}

static enum status check_paused(struct inject *x)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	enum status status;
	const char *s;

	status = ask(x, "query-status", &o);
	if (status != STATUS_GOOD)
		return status;
	s = get_text(o, "status");
	if (!s || get_flag(o, "running") || (!streq(s, "prelaunch") && !streq(s, "paused")))
		return give_up(STATUS_CHECK, "The guest is not stopped before its start but '%s'; start QEMU with -S", word(s));
	return STATUS_GOOD;
}

/* SEV or SEV-ES, in the one state in which a secret is taken.  Before QEMU 9.1 there was no sev-type, and no SNP either. */
static enum status check_sev(struct inject *x)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	struct json_object *policy;
	const char *type, *state;
	enum status status;

	status = ask(x, "query-sev", &o);
	if (status != STATUS_GOOD)
		return status;
	if (!get_flag(o, "enabled"))
		return give_up(STATUS_CHECK, "The guest is not protected by SEV: its memory would be open to the host; "
			       "start QEMU with -object sev-guest and confidential-guest-support");
	type = get_text(o, "sev-type");
	if (type && streq(type, "sev-snp"))
		return give_up(STATUS_CHECK, "The guest is protected by SEV-SNP, which takes no launch secret; "
			       "give it secrets at run time, by an attestation from inside the guest to a key broker");
	if (type && !streq(type, "sev"))
		return give_up(STATUS_CHECK, "The guest's protection '%s' is not known here; launch secrets are for SEV and SEV-ES", word(type));
	state = get_text(o, "state");
	if (!state || !streq(state, "launch-secret"))
		return give_up(STATUS_CHECK, "The launch is in the state '%s', and takes a secret in 'launch-secret' only: %s", word(state),
			       state && streq(state, "running") ? "it is too late, start the guest again" : "has QEMU a session file and -S?");
	if (json_object_object_get_ex(o, "policy", &policy))
		x->policy = json_object_get_uint64(policy);
	return STATUS_GOOD;
}

static enum status check_measurement(struct inject *x)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	enum status status;
	const char *text;
	ssize_t n;

	status = ask(x, "query-sev-launch-measure", &o);
	if (status != STATUS_GOOD)
		return status;
	text = get_text(o, "data");
	n = text ? base64_decode(text, x->blob, sizeof(x->blob)) : -EBADMSG;
	if (n == -EBADMSG)
		return give_up(STATUS_MALFORMED, "QEMU's launch measurement is no base64");
	if (n != sizeof(x->blob))
		return give_up(STATUS_MALFORMED, "QEMU's launch measurement is not %zu bytes", sizeof(x->blob));
	if (CRYPTO_memcmp(x->blob, x->expected.bytes, x->expected.len) != 0)
		return give_up(STATUS_CHECK, "The launch measurement is not the expected one: firmware, policy, kernel or keys of this launch "
			       "are others; do not trust this guest");
	log_info("The launch measurement is the expected one");
	return STATUS_GOOD;
}

/* ---- the secret ---- */

/* What the firmware's error numbers mean here.  Source: AMD, publication 55766, "Status Codes". */
static const char *firmware_hint(const char *desc)
{
	static const struct {
		int code;
		const char *hint;
	} hints[] = {
		{ 2, "the launch is not at the point where a secret is taken" },
		{ 4, "a length is wrong" },
		{ 9, "the address is not memory of the guest" },
		{ 11, "the packet's MAC is not of this launch: is the TIK the one of its session?" },
		{ 16, "the firmware does not know this guest any more" },
		{ 22, "a field is wrong" },
		{ 23, "the firmware has run out of a resource" },
	};
	const char *p = strstr(desc, "fw_error=");
	int code;

	if (p && sscanf(p, "fw_error=%d", &code) == 1)
		for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
			if (hints[i].code == code)
				return hints[i].hint;
	return strstr(desc, "no secret area") ? "QEMU's firmware has none, see --area" : "see QEMU's log";
}

static struct json_object *make_arguments(const struct inject *x, const struct packet *p)
{
	_cleanup_(json_putp) struct json_object *o = json_object_new_object();
	_cleanup_(freep) char *header = NULL, *payload = NULL;

	if (!o || base64_encode(p->header, sizeof(p->header), &header) < 0 || base64_encode(p->payload, p->len, &payload) < 0 ||
	    json_object_object_add(o, "packet-header", json_object_new_string(header)) < 0 ||
	    json_object_object_add(o, "secret", json_object_new_string(payload)) < 0 ||
	    (x->area.explicit_gpa && json_object_object_add(o, "gpa", json_object_new_uint64(x->area.base)) < 0))
		return NULL;
	return TAKE_PTR(o);
}

static enum status send_secret(struct inject *x)
{
	_cleanup_(json_putp) struct json_object *arguments = NULL, *reply = NULL;
	_cleanup_(packet_done) struct packet p = { .payload = NULL };
	enum status status;
	int r;

	status = input_packet(x->tek, x->tik, x->blob, x->table, &p);
	if (status != STATUS_GOOD)
		return status;
	arguments = make_arguments(x, &p);
	if (!arguments) {
		log_oom();
		return STATUS_IO;
	}
	r = qmp_call(x->qmp, "sev-inject-launch-secret", arguments, &reply);
	if (r == -EREMOTEIO)
		return give_up(STATUS_CHECK, "The secrets are refused: %s (%s)", qmp_error_desc(x->qmp), firmware_hint(qmp_error_desc(x->qmp)));
	if (r < 0)
		return give_up(STATUS_UNDECIDED, "Whether the secrets are in the guest is not known: %s", reason(r));
	x->injected = true;
	log_info("Injected %zu secret%s, %zu bytes", x->args->n_secrets, x->args->n_secrets == 1 ? "" : "s", p.len);
	return STATUS_GOOD;
}

static enum status start_guest(struct inject *x)
{
	_cleanup_(json_putp) struct json_object *reply = NULL;
	int r;

	r = qmp_call(x->qmp, "cont", NULL, &reply);
	if (r == -EREMOTEIO)
		return give_up(STATUS_UNDECIDED, "The secrets are in the guest, but QEMU does not let it run: %s", qmp_error_desc(x->qmp));
	if (r < 0)
		return give_up(STATUS_UNDECIDED, "The secrets are in the guest, and whether it runs is not known: %s", reason(r));
	x->continued = true;
	log_info("The guest runs");
	return STATUS_GOOD;
}

/* ---- the verb ---- */

static enum status read_inputs(struct inject *x, uint64_t *ret_timeout)
{
	const char *timeout = x->args->value[ARG_TIMEOUT];
	enum status status;

	*ret_timeout = TIMEOUT_USEC;
	if (timeout && (parse_usec(timeout, ret_timeout) < 0 || *ret_timeout == 0))
		return give_up(STATUS_USAGE, "--timeout '%s' is no time such as 30s or 2min", timeout);
	status = input_area(x->args, &x->area);
	if (status == STATUS_GOOD && !x->area.sized)
		log_warning("Neither --firmware nor --area is given: whether the secrets fit into the guest's area is not checked");
	if (status == STATUS_GOOD)
		status = input_measurement(x->args, &x->expected);
	if (status == STATUS_GOOD)
		status = input_keys(x->args, &x->tek, &x->tik);
	if (status == STATUS_GOOD)
		status = input_table(x->args, PACKET_MAX_LEN, &x->table);
	if (status == STATUS_GOOD)
		status = input_check_size(x->args, &x->area, secret_len(x->table));
	return status;
}

static enum status connect_monitor(struct inject *x, uint64_t timeout_usec)
{
	const char *path = x->args->value[ARG_QMP];
	int r;

	r = qmp_connect(path, timeout_usec, &x->qmp);
	if (r == -ETIMEDOUT || r == -EBUSY || r == -ECONNRESET || r == -EPROTO || r == -EREMOTEIO)
		return give_up(STATUS_UNDECIDED, "No greeting from the monitor '%s': %s", path, reason(r));
	if (r < 0) {
		log_error_errno(r, "Failed to connect to the monitor '%s': %m", path);
		return STATUS_IO;
	}
	return STATUS_GOOD;
}

static enum status exchange(struct inject *x)
{
	static enum status (*const steps[])(struct inject *) = { check_paused, check_sev, check_measurement, send_secret, start_guest };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		enum status status;

		if (x->args->value[ARG_DRY_RUN] && steps[i] == send_secret) {
			log_info("All is as it should be; nothing was injected, and the guest is still paused (--dry-run)");
			return STATUS_GOOD;
		}
		status = steps[i](x);
		if (status != STATUS_GOOD) {
			if (steps[i] != check_paused && steps[i] != start_guest)
				log_notice("The guest was not started; end it with QEMU's 'quit'");
			return status;
		}
	}
	return STATUS_GOOD;
}

static enum status print_result(const struct inject *x)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	_cleanup_(freep) char *blob = NULL;

	if (!x->args->value[ARG_JSON])
		return STATUS_GOOD;
	o = json_object_new_object();
	if (!o || base64_encode(x->blob, sizeof(x->blob), &blob) < 0 ||
	    json_object_object_add(o, "measurement", json_object_new_string(blob)) < 0 ||
	    json_object_object_add(o, "policy", json_object_new_uint64(x->policy)) < 0 ||
	    json_object_object_add(o, "secrets", json_object_new_uint64(x->args->n_secrets)) < 0 ||
	    json_object_object_add(o, "size", json_object_new_uint64(secret_len(x->table))) < 0 ||
	    json_object_object_add(o, "injected", json_object_new_boolean(x->injected)) < 0 ||
	    json_object_object_add(o, "continued", json_object_new_boolean(x->continued)) < 0)
		return output_json(NULL);
	return output_json(o);
}

static enum status run(const struct args *a)
{
	_cleanup_(inject_done) struct inject x = { .args = a };
	enum status status;
	uint64_t timeout;

	/* All that can be wrong on our side, before the guest is touched. */
	status = read_inputs(&x, &timeout);
	if (status == STATUS_GOOD)
		status = connect_monitor(&x, timeout);
	if (status == STATUS_GOOD)
		status = exchange(&x);
	if (status == STATUS_GOOD)
		status = print_result(&x);
	return status;
}

const struct verb verb_inject = {
	.name = "inject",
	.summary = "check a stopped guest's measurement, give it secrets, and start it",
	.needs = ARG(QMP) | ARG(TEK) | ARG(TIK) | ARG(MEASUREMENT) | ARG(SECRET),
	.takes = ARG(STRIP_NEWLINE) | ARG(FIRMWARE) | ARG(AREA) | ARG(HUGE_PAGES) | ARG(TIMEOUT) | ARG(DRY_RUN) | ARG(JSON),
	.run = run,
};
