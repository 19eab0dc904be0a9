/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_OPENSSL_LATE_H
#define COCO_CRYPTO_OPENSSL_LATE_H

#include "base/cause.h"

/*
 * libcrypto, loaded when it is needed: to load it takes longer than all that cocod does until it
 * has handed a launch secret over, which needs no cryptography.
 *
 * A program with openssl-late.c and openssl-late.S among its sources calls OpenSSL's functions as
 * any other, and the first call loads the library.  If it cannot be loaded, that call logs the
 * reason and ends the process.  Who wants to go on without it asks here first; in a program that is
 * linked with libcrypto the answer is always 0.  For programs with one thread.
 *
 * Returns 0; -ELIBACC when the library is missing, broken or too old, with the reason in @why.  It
 * may be asked again then.
 */
int openssl_load(struct cause *why);

#endif
