/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest of plain QEMU: query-status, query-sev, query-sev-launch-measure,
 * sev-inject-launch-secret, cont.
 */
#include "base/base64.h"
#include "base/parse.h"
#include "inject/host/host.h"
#include "inject/output.h"
#include "inject/host/qmp.h"

struct host_qmp {
	struct host host;
	struct qmp *qmp;
};

static struct qmp *qmp_of(struct host *h)
{
	return ((struct host_qmp *)h)->qmp;
}

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
	case -ERANGE:
		return "a number in the answer is too large";
	case -EREMOTEIO:
		return "QEMU refuses to begin";
	default:
		return strerror(-r);
	}
}

static enum status ask(struct host *h, const char *command, struct json_object **ret)
{
	int r;

	r = qmp_call(qmp_of(h), command, NULL, ret);
	if (r == -EREMOTEIO)
		return give_up(STATUS_CHECK, "QEMU refuses %s: %s", command, qmp_error_desc(qmp_of(h)));
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

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_boolean) &&
	       json_object_get_boolean(v);
}

/*
 * The number under @key, from 0 to @max.  @ret_has is whether there is one: one that is no such
 * number is STATUS_MALFORMED, and not the same as none.
 */
static enum status get_number(struct json_object *o, const char *key, uint64_t max, bool *ret_has,
			      uint64_t *ret)
{
	struct json_object *v;

	*ret = 0;
	*ret_has = json_object_object_get_ex(o, key, &v);
	if (!*ret_has)
		return STATUS_GOOD;
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
		return give_up(STATUS_MALFORMED, "QEMU's %s is no number", key);
	*ret = json_object_get_uint64(v);
	if (*ret > max)
		return give_up(STATUS_MALFORMED, "QEMU's %s is a number too large: more than %llu", key,
			       (unsigned long long)max);
	return STATUS_GOOD;
}

/* A word of the host's for a message: printable, short. */
static const char *word(const char *text)
{
	return text && name_is_valid(text, 32) ? text : "unknown";
}

static enum status check_paused(struct host *h)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	enum status status;
	const char *s;

	status = ask(h, "query-status", &o);
	if (status != STATUS_GOOD)
		return status;
	s = get_text(o, "status");
	if (!s || get_flag(o, "running") || (!streq(s, "prelaunch") && !streq(s, "paused")))
		return give_up(STATUS_CHECK,
			       "The guest is not stopped before its start but '%s'; start QEMU with -S",
			       word(s));
	return STATUS_GOOD;
}

static enum status take_launch(struct json_object *o, struct host_launch *ret)
{
	uint64_t policy, major, minor, build;
	bool has_policy, has_major, has_minor, has_build;
	enum status status;

	status = get_number(o, "policy", UINT32_MAX, &has_policy, &policy);
	if (status == STATUS_GOOD)
		status = get_number(o, "api-major", UINT8_MAX, &has_major, &major);
	if (status == STATUS_GOOD)
		status = get_number(o, "api-minor", UINT8_MAX, &has_minor, &minor);
	if (status == STATUS_GOOD)
		status = get_number(o, "build-id", UINT8_MAX, &has_build, &build);
	if (status != STATUS_GOOD)
		return status;
	*ret = (struct host_launch){ .has_policy = has_policy,
				     .has_version = has_major && has_minor && has_build };
	ret->measured = (struct measured){ (uint8_t)major, (uint8_t)minor, (uint8_t)build,
					   (uint32_t)policy };
	return STATUS_GOOD;
}

/* The kind of the guest's protection by the objects that QEMU was started with; NULL: none is known. */
static const struct host_kind *kind_of_objects(struct host *h)
{
	_cleanup_(json_putp) struct json_object *arguments = json_object_new_object(), *list = NULL;
	const struct host_kind *kind = NULL;

	if (!arguments ||
	    json_object_object_add(arguments, "path", json_object_new_string("/objects")) < 0 ||
	    qmp_call(qmp_of(h), "qom-list", arguments, &list) < 0 ||
	    !json_object_is_type(list, json_type_array))
		return NULL;
	for (size_t i = 0; !kind && i < json_object_array_length(list); i++) {
		const char *type = get_text(json_object_array_get_idx(list, i), "type");

		kind = type ? host_kind_of_object(type) : NULL;
	}
	return kind;
}

/* What QEMU says of SEV.  Not every QEMU knows the question, and a guest of another kind says no. */
static enum status ask_sev(struct host *h, struct json_object **ret)
{
	int r = qmp_call(qmp_of(h), "query-sev", NULL, ret);
	_cleanup_(freep) char *desc = r == -EREMOTEIO ? strdup(qmp_error_desc(qmp_of(h))) : NULL;
	const struct host_kind *kind;

	if (r < 0 && r != -EREMOTEIO)
		return give_up(STATUS_UNDECIDED, "No answer to query-sev: %s", reason(r));
	if (r == 0 && get_flag(*ret, "enabled"))
		return STATUS_GOOD;
	kind = kind_of_objects(h);
	if (kind)
		return host_refuse_kind(kind);
	if (r < 0)
		return give_up(STATUS_CHECK, "QEMU refuses query-sev: %s", desc ? desc : "");
	return give_up(STATUS_CHECK,
		       "The guest is not protected by SEV: its memory would be open to the host; "
		       "start QEMU with -object sev-guest and confidential-guest-support");
}

/*
 * SEV or SEV-ES, in the one state in which a secret is taken.  Before QEMU 9.1 there was no
 * sev-type, and no SNP either.
 */
static enum status check_sev(struct host *h, struct host_launch *ret)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	const char *type, *state;
	enum status status;

	status = ask_sev(h, &o);
	if (status != STATUS_GOOD)
		return status;
	type = get_text(o, "sev-type");
	if (type && host_kind_of_word(type))
		return host_refuse_kind(host_kind_of_word(type));
	if (type && !streq(type, "sev"))
		return give_up(STATUS_CHECK,
			       "The guest's protection '%s' is not known here; launch secrets are for SEV and SEV-ES",
			       word(type));
	state = get_text(o, "state");
	if (!state || !streq(state, "launch-secret"))
		return give_up(STATUS_CHECK,
			       "The launch is in the state '%s', and takes a secret in 'launch-secret' only: %s",
			       word(state),
			       state && streq(state, "running") ?
				       "it is too late, start the guest again" :
				       "has QEMU a session file and -S?");
	return take_launch(o, ret);
}

static enum status get_measurement(struct host *h,
				   uint8_t ret[static SEV_MEASURE_LEN + SEV_NONCE_LEN])
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	enum status status;

	status = ask(h, "query-sev-launch-measure", &o);
	if (status != STATUS_GOOD)
		return status;
	return host_decode_measurement("QEMU's", get_text(o, "data"), ret);
}

static struct json_object *make_arguments(const struct packet *p, const uint64_t *gpa)
{
	_cleanup_(json_putp) struct json_object *o = json_object_new_object();
	_cleanup_(freep) char *header = NULL, *payload = NULL;

	if (!o || base64_encode(p->header, sizeof(p->header), &header) < 0 ||
	    base64_encode(p->payload, p->len, &payload) < 0 ||
	    json_object_object_add(o, "packet-header", json_object_new_string(header)) < 0 ||
	    json_object_object_add(o, "secret", json_object_new_string(payload)) < 0 ||
	    (gpa && json_object_object_add(o, "gpa", json_object_new_uint64(*gpa)) < 0))
		return NULL;
	return TAKE_PTR(o);
}

static enum status send(struct host *h, const struct packet *p, const uint64_t *gpa)
{
	_cleanup_(json_putp) struct json_object *arguments = make_arguments(p, gpa), *reply = NULL;
	const char *desc;
	int r;

	if (!arguments) {
		log_oom();
		return STATUS_IO;
	}
	r = qmp_call(qmp_of(h), "sev-inject-launch-secret", arguments, &reply);
	desc = qmp_error_desc(qmp_of(h));
	if (r == -EREMOTEIO)
		return give_up(STATUS_CHECK, "The secrets are refused: %s (%s)", desc,
			       host_firmware_hint(desc));
	if (r < 0)
		return give_up(STATUS_UNDECIDED,
			       "Whether the secrets are in the guest is not known: %s", reason(r));
	return STATUS_GOOD;
}

static enum status start(struct host *h)
{
	_cleanup_(json_putp) struct json_object *reply = NULL;
	int r;

	r = qmp_call(qmp_of(h), "cont", NULL, &reply);
	if (r == -EREMOTEIO)
		return give_up(STATUS_UNDECIDED,
			       "The secrets are in the guest, but QEMU does not let it run: %s",
			       qmp_error_desc(qmp_of(h)));
	if (r < 0)
		return give_up(STATUS_UNDECIDED,
			       "The secrets are in the guest, and whether it runs is not known: %s",
			       reason(r));
	return STATUS_GOOD;
}

static struct host *free_host(struct host *h)
{
	struct host_qmp *q = (struct host_qmp *)h;

	qmp_freep(&q->qmp);
	free(q);
	return NULL;
}

static const struct host_ops qmp_ops = { check_paused, check_sev, get_measurement, send, start, free_host };

enum status host_open_qmp(const char *path, uint64_t timeout_usec, struct host **ret)
{
	struct host_qmp *q;
	struct qmp *qmp;
	int r;

	r = qmp_connect(path, timeout_usec, &qmp);
	if (r == -ETIMEDOUT || r == -EBUSY || r == -ECONNRESET || r == -EPROTO || r == -ERANGE ||
	    r == -EREMOTEIO)
		return give_up(STATUS_UNDECIDED, "No greeting from the monitor '%s': %s", path,
			       reason(r));
	if (r < 0) {
		log_error_errno(r, "Failed to connect to the monitor '%s': %m", path);
		return STATUS_IO;
	}
	q = calloc(1, sizeof(*q));
	if (!q) {
		qmp_free(qmp);
		log_oom();
		return STATUS_IO;
	}
	*q = (struct host_qmp){ { &qmp_ops }, qmp };
	*ret = &q->host;
	return STATUS_GOOD;
}
