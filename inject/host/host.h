/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_HOST_HOST_H
#define COCO_INJECT_HOST_HOST_H

#include "inject/input.h"
#include "sev/measurement.h"

/*
 * The host's side of a launch: a guest that is stopped before its first instruction, reached
 * through QEMU's monitor or libvirt.  Nothing that it says is to be trusted more than the
 * measurement says.
 */
struct host;

/* What the host tells of the launch.  The measurement binds all of it. */
struct host_launch {
	bool has_policy, has_version;	/* old libvirt does not tell the policy */
	struct measured measured;
};

/*
 * Each returns 0; -EPERM when the host refuses, or the guest is not at that point; -EOPNOTSUPP for
 * a guest that is not protected, or by what takes no launch secret; -ENODATA when there is no
 * answer, so that nobody knows; -EBADMSG for an answer that is none; -EIO or -ENOMEM.  Errors have
 * their cause in @why.
 */
struct host_ops {
	/* Check that the guest is stopped and has not run yet. */
	int (*check_paused)(struct host *h, struct cause *why);

	/* Check that it is protected by SEV or SEV-ES, and takes a secret now. */
	int (*check_sev)(struct host *h, struct host_launch *ret, struct cause *why);

	int (*get_measurement)(struct host *h, uint8_t ret[static SEV_MEASURE_LEN + SEV_NONCE_LEN],
			       struct cause *why);

	/* Send @p to @gpa; NULL: to where the firmware says. */
	int (*send)(struct host *h, const struct packet *p, const uint64_t *gpa, struct cause *why);

	int (*start)(struct host *h, struct cause *why);
	struct host *(*free)(struct host *h);
};

/* The first member of every host. */
struct host {
	const struct host_ops *ops;
};

static inline struct host *host_free(struct host *h)
{
	return h ? h->ops->free(h) : NULL;
}
DEFINE_CLEANUP(struct host *, host_free)

/*
 * Reach the guest through QEMU's monitor at the socket @path; or through libvirt's connection @uri
 * (NULL: its default), where the guest is @domain, a name or UUID.  Each answer may take
 * @timeout_usec, whatever else arrives meanwhile.
 * @ret is yours.  Returns as above; -EIO when the socket, libvirt's connection or the guest cannot
 * be reached, -EINVAL when libvirt's library is not there.
 */
int host_open_qmp(const char *path, uint64_t timeout_usec, struct host **ret, struct cause *why);
int host_open_libvirt(const char *uri, const char *domain, uint64_t timeout_usec, struct host **ret,
		      struct cause *why);

/* The base64 of a launch measurement, as @who told it, into @ret.  Returns 0; -EBADMSG. */
int host_decode_measurement(const char *who, const char *text,
			    uint8_t ret[static SEV_MEASURE_LEN + SEV_NONCE_LEN], struct cause *why);

/* A kind of protection that takes no launch secret. */
struct host_kind {
	const char *object;	/* of QEMU */
	const char *word;	/* of libvirt's launchSecurity, and of QEMU's sev-type */
	const char *name;	/* for people */
	const char *todo;
};

/*
 * The kind for the type of a QEMU object, as qom-list shows it ("child<tdx-guest>"), or for
 * libvirt's word.  NULL for all others.
 */
const struct host_kind *host_kind_of_object(const char *type);
const struct host_kind *host_kind_of_word(const char *word);

/* What the guest is, and what to do instead, into @why.  Returns -EOPNOTSUPP. */
int host_refuse_kind(const struct host_kind *kind, struct cause *why);

/* What the firmware's error in the host's words @desc means here, for people. */
const char *host_firmware_hint(const char *desc);

#endif
