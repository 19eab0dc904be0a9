/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_HOST_HOST_H
#define COCO_INJECT_HOST_HOST_H

#include "inject/input.h"
#include "inject/launch/measurement.h"

/*
 * The host's side of a launch: a guest that is stopped before its first instruction, reached
 * through QEMU's monitor or libvirt.  Nothing that it says is to be trusted more than the
 * measurement says.
 */
struct host;

/* What it tells of the launch.  All of it is bound by the measurement. */
struct host_launch {
	bool has_policy, has_version;	/* old libvirt does not tell the policy */
	struct measured measured;
};

/*
 * Each says what is wrong and returns an exit status, or STATUS_GOOD.  STATUS_CHECK when the
 * host refuses, or the guest is not as it should be; STATUS_UNDECIDED when it does not answer;
 * STATUS_MALFORMED for an answer that is no answer.
 */
struct host_ops {
	/* The guest is stopped, and has not run. */
	enum status (*check_paused)(struct host *h);

	/* It is protected by SEV or SEV-ES, and takes a secret now. */
	enum status (*check_sev)(struct host *h, struct host_launch *ret);

	enum status (*get_measurement)(struct host *h,
				       uint8_t ret[static SEV_MEASURE_LEN + SEV_NONCE_LEN]);

	/* To @gpa, or where the firmware says when it is NULL. */
	enum status (*send)(struct host *h, const struct packet *p, const uint64_t *gpa);

	enum status (*start)(struct host *h);
	struct host *(*free)(struct host *h);
};

/* What every host begins with. */
struct host {
	const struct host_ops *ops;
};

static inline struct host *host_free(struct host *h)
{
	return h ? h->ops->free(h) : NULL;
}
DEFINE_CLEANUP(struct host *, host_free)

/*
 * Through the monitor at the socket @path, or through libvirt's connection @uri (NULL: its
 * default), for the guest @domain, a name or UUID.  Either may take @timeout_usec for each
 * answer, whatever comes meanwhile.
 * @ret is yours.  Returns as above; STATUS_IO when the socket cannot be reached, STATUS_USAGE
 * when libvirt is not there.
 */
enum status host_open_qmp(const char *path, uint64_t timeout_usec, struct host **ret);
enum status host_open_libvirt(const char *uri, const char *domain, uint64_t timeout_usec,
			       struct host **ret);

/* Base64 of a launch measurement into @ret.  STATUS_MALFORMED when it is not that. */
enum status host_decode_measurement(const char *who, const char *text,
				    uint8_t ret[static SEV_MEASURE_LEN + SEV_NONCE_LEN]);

/* A kind of protection that takes no launch secret. */
struct host_kind {
	const char *object;	/* of QEMU */
	const char *word;	/* of libvirt's launchSecurity, and of QEMU's sev-type */
	const char *name;	/* for people */
	const char *todo;
};

/*
 * The kind of an object of QEMU's, by its type as qom-list tells it ("child<tdx-guest>"), or by
 * libvirt's word.  NULL for another.
 */
const struct host_kind *host_kind_of_object(const char *type);
const struct host_kind *host_kind_of_word(const char *word);

/* Say what the guest is, and what to do instead: STATUS_CHECK. */
enum status host_refuse_kind(const struct host_kind *kind);

/* What the firmware's error in the host's words @desc means here, for people. */
const char *host_firmware_hint(const char *desc);

#endif
