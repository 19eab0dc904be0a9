/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_OPEN_VOLUMES_H
#define COCO_AGENT_KEEPER_OPEN_VOLUMES_H

#include "base/macro.h"

/*
 * Which volumes are open, as sysfs has it.  A dm-crypt device counts if it has a table, and with it
 * a size, and the UUID that cryptsetup gives ("CRYPT-TYPE-...-NAME").
 *
 * The list of devices is read at most once in each turn of the caller's, however many volumes are
 * asked for, and not while the kernel's number of events is the same.  The attributes of a device
 * are read when it is new, and in each turn in which its volume is asked for.  Begins as zeros.
 */
struct open_volumes {
	struct dm_device *devices;	/* in the order of the folder */
	size_t n;
	const struct dm_device **by_name;	/* the n_open that are volumes, sorted */
	size_t n_open;
	uint64_t events;		/* the kernel's number of them, before the list was read */
	uint64_t turn;			/* the caller's */
	uint64_t n_turns;		/* our count of them */
	bool read;
};

/* A turn of its own. */
#define OPEN_VOLUMES_NOW 0

/*
 * Returns 1 if the volume @name is open, 0 if not; a negative errno of opendir(3), or -ENOMEM.
 * What was found below @sys ("/sys") is kept for as long as @turn is the same, and not
 * OPEN_VOLUMES_NOW.
 */
int open_volumes_has(struct open_volumes *v, const char *sys, uint64_t turn, const char *name);

void open_volumes_done(struct open_volumes *v);

#endif
