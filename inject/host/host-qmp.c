/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest of plain QEMU: query-status, query-sev, query-sev-launch-measure,
 * sev-inject-launch-secret, cont.
 */
#include "base/base64.h"
#include "base/json.h"
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
		return "no answer in time, see --timeout; another client, such as libvirt, may "
		       "hold the monitor";
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

static int ask(struct host *h, const char *command, struct json_object **ret, struct cause *why)
{
	int r;

	r = qmp_call(qmp_of(h), command, NULL, ret);
	if (r == -EREMOTEIO)
		return cause_set(why, -EPERM, "QEMU refuses %s: %s", command,
				 qmp_error_desc(qmp_of(h)));
	if (r < 0)
		return cause_set(why, -ENODATA, "No answer to %s: %s", command, reason(r));
	return 0;
}

static bool get_flag(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_boolean) &&
	       json_object_get_boolean(v);
}

/*
 * The number under @key, from 0 to @max.  @ret_has is false if nothing is there.  Something that is
 * no such number is not the same as nothing: -EBADMSG.
 */
static int get_number(struct json_object *o, const char *key, uint64_t max, bool *ret_has,
		      uint64_t *ret, struct cause *why)
{
	struct json_object *v;

	*ret = 0;
	*ret_has = json_object_object_get_ex(o, key, &v);
	if (!*ret_has)
		return 0;
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
		return cause_set(why, -EBADMSG, "QEMU's %s is not a number", key);
	*ret = json_object_get_uint64(v);
	if (*ret > max)
		return cause_set(why, -EBADMSG, "QEMU's %s is a number too large: more than %llu",
				 key, (unsigned long long)max);
	return 0;
}

/* A word of the host's for a message: printable, short. */
static const char *word(const char *text)
{
	return text && name_is_valid(text, 32) ? text : "unknown";
}

static int check_paused(struct host *h, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	int r;
	const char *s;

	r = ask(h, "query-status", &o, why);
	if (r < 0)
		return r;
	s = json_text(o, "status");
	if (!s || get_flag(o, "running") || (!streq(s, "prelaunch") && !streq(s, "paused")))
		return cause_set(why, -EPERM,
				 "The guest is not stopped before its start but '%s'; start QEMU "
				 "with -S",
				 word(s));
	return 0;
}

static int take_launch(struct json_object *o, struct host_launch *ret, struct cause *why)
{
	uint64_t policy, major, minor, build;
	bool has_policy, has_major, has_minor, has_build;
	int r;

	r = get_number(o, "policy", UINT32_MAX, &has_policy, &policy, why);
	if (r == 0)
		r = get_number(o, "api-major", UINT8_MAX, &has_major, &major, why);
	if (r == 0)
		r = get_number(o, "api-minor", UINT8_MAX, &has_minor, &minor, why);
	if (r == 0)
		r = get_number(o, "build-id", UINT8_MAX, &has_build, &build, why);
	if (r < 0)
		return r;
	*ret = (struct host_launch){ .has_policy = has_policy,
				     .has_version = has_major && has_minor && has_build };
	ret->measured = (struct measured){ (uint8_t)major, (uint8_t)minor, (uint8_t)build,
					   (uint32_t)policy };
	return 0;
}

/* How the guest is protected, by the objects that QEMU was started with.  NULL: it is not known. */
static const struct host_kind *kind_of_objects(struct host *h)
{
	_cleanup_(json_putp) struct json_object *arguments = json_object_new_object(), *list = NULL;
	const struct host_kind *kind = NULL;

	if (json_add_text(arguments, "path", "/objects") < 0 ||
	    qmp_call(qmp_of(h), "qom-list", arguments, &list) < 0 ||
	    !json_object_is_type(list, json_type_array))
		return NULL;
	for (size_t i = 0; !kind && i < json_object_array_length(list); i++) {
		const char *type = json_text(json_object_array_get_idx(list, i), "type");

		kind = type ? host_kind_of_object(type) : NULL;
	}
	return kind;
}

/* What QEMU says of SEV.  Not every QEMU knows the question; the answer may be no. */
static int ask_sev(struct host *h, struct json_object **ret, struct cause *why)
{
	int r = qmp_call(qmp_of(h), "query-sev", NULL, ret);
	_cleanup_(freep) char *desc = r == -EREMOTEIO ? strdup(qmp_error_desc(qmp_of(h))) : NULL;
	const struct host_kind *kind;

	if (r < 0 && r != -EREMOTEIO)
		return cause_set(why, -ENODATA, "No answer to query-sev: %s", reason(r));
	if (r == 0 && get_flag(*ret, "enabled"))
		return 0;
	kind = kind_of_objects(h);
	if (kind)
		return host_refuse_kind(kind, why);
	if (r < 0)
		return cause_set(why, -EPERM, "QEMU refuses query-sev: %s", desc ? desc : "");
	return cause_set(why, -EOPNOTSUPP,
			 "The guest is not protected by SEV: its memory would be open to the host; "
			 "start QEMU with -object sev-guest and confidential-guest-support");
}

/*
 * Check for SEV or SEV-ES, in the one state that takes a secret.  QEMU before 9.1 has no sev-type,
 * and no SNP either.
 */
static int check_sev(struct host *h, struct host_launch *ret, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	static const char too_late[] = "it is too late, start the guest again";
	const char *type, *state;
	int r;

	r = ask_sev(h, &o, why);
	if (r < 0)
		return r;
	type = json_text(o, "sev-type");
	if (type && host_kind_of_word(type))
		return host_refuse_kind(host_kind_of_word(type), why);
	if (type && !streq(type, "sev"))
		return cause_set(why, -EOPNOTSUPP,
				 "The guest's protection '%s' is not known here; launch secrets "
				 "are for SEV and SEV-ES",
				 word(type));
	state = json_text(o, "state");
	if (state && streq(state, "launch-secret"))
		return take_launch(o, ret, why);
	return cause_set(why, -EPERM,
			 "The launch is in the state '%s', and takes a secret in 'launch-secret' "
			 "only: %s",
			 word(state),
			 state && streq(state, "running") ? too_late :
							    "has QEMU a session file and -S?");
}

static int get_measurement(struct host *h, uint8_t ret[static SEV_MEASURE_LEN + SEV_NONCE_LEN],
			   struct cause *why)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	int r;

	r = ask(h, "query-sev-launch-measure", &o, why);
	if (r < 0)
		return r;
	return host_decode_measurement("QEMU's", json_text(o, "data"), ret, why);
}

static struct json_object *make_arguments(const struct packet *p, const uint64_t *gpa)
{
	_cleanup_(json_putp) struct json_object *o = json_object_new_object();
	_cleanup_(freep) char *header = NULL, *payload = NULL;

	if (base64_encode(p->header, sizeof(p->header), &header) < 0 ||
	    base64_encode(p->payload, p->len, &payload) < 0 ||
	    json_add_text(o, "packet-header", header) < 0 ||
	    json_add_text(o, "secret", payload) < 0 ||
	    (gpa && json_add_unsigned(o, "gpa", *gpa) < 0))
		return NULL;
	return TAKE_PTR(o);
}

static int send(struct host *h, const struct packet *p, const uint64_t *gpa, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *arguments = make_arguments(p, gpa), *reply = NULL;
	const char *desc;
	int r;

	if (!arguments)
		return cause_set_oom(why);
	r = qmp_call(qmp_of(h), "sev-inject-launch-secret", arguments, &reply);
	desc = qmp_error_desc(qmp_of(h));
	if (r == -EREMOTEIO)
		return cause_set(why, -EPERM, "The secrets are refused: %s (%s)", desc,
				 host_firmware_hint(desc));
	if (r < 0)
		return cause_set(why, -ENODATA,
				 "Whether the secrets are in the guest is not known: %s",
				 reason(r));
	return 0;
}

static int start(struct host *h, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *reply = NULL;
	int r;

	r = qmp_call(qmp_of(h), "cont", NULL, &reply);
	if (r == -EREMOTEIO)
		return cause_set(why, -ENODATA,
				 "The secrets are in the guest, but QEMU does not let it run: %s",
				 qmp_error_desc(qmp_of(h)));
	if (r < 0)
		return cause_set(why, -ENODATA,
				 "The secrets are in the guest, and whether it runs is not known: "
				 "%s",
				 reason(r));
	return 0;
}

static struct host *free_host(struct host *h)
{
	struct host_qmp *q = (struct host_qmp *)h;

	qmp_freep(&q->qmp);
	free(q);
	return NULL;
}

static const struct host_ops qmp_ops = {
	.check_paused = check_paused,
	.check_sev = check_sev,
	.get_measurement = get_measurement,
	.send = send,
	.start = start,
	.free = free_host,
};

int host_open_qmp(const char *path, uint64_t timeout_usec, struct host **ret, struct cause *why)
{
	_cleanup_(qmp_freep) struct qmp *qmp = NULL;
	struct host_qmp *q;
	int r;

	r = qmp_connect(path, timeout_usec, &qmp);
	if (r == -ETIMEDOUT || r == -EBUSY || r == -ECONNRESET || r == -EPROTO || r == -ERANGE ||
	    r == -EREMOTEIO)
		return cause_set(why, -ENODATA, "No greeting from the monitor '%s': %s", path,
				 reason(r));
	if (r < 0)
		return cause_set_io(why, r, "Failed to connect to the monitor '%s': %m", path);
	q = calloc(1, sizeof(*q));
	if (!q)
		return cause_set_oom(why);
	*q = (struct host_qmp){ { &qmp_ops }, TAKE_PTR(qmp) };
	*ret = &q->host;
	return 0;
}
