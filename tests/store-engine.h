/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_STORE_ENGINE_H
#define COCO_TESTS_STORE_ENGINE_H

#include "broker/store/store.h"

/*
 * What every engine of broker/store must do, as tests of cmocka that know only its address.  The
 * store is emptied before each test, so it must be one that nobody needs.
 *
 * @again is how many stores with this address may be open at once: 1 for a file, 2 where instances
 * share a store.  Returns the number of tests that failed.
 */
int store_engine_run(const char *name, const char *address, const struct store_options *options,
		     unsigned again);

#endif
