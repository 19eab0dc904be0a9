/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_WIPE_H
#define COCO_BROKER_SERVE_WIPE_H

/*
 * From now on all memory that libevent and OpenSSL give back is wiped first.  Requests and answers
 * pass through their buffers: an owner's new secret, tokens, keys.  Neither library wipes its
 * buffers by itself.
 *
 * Call it first thing in main(), before either library has allocated anything.  Returns 0, or
 * -EBUSY when OpenSSL has, and then what comes is not wiped.
 */
int wipe_install(void);

#endif
