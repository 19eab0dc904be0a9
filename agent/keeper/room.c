/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/room.h"

/* Our own files and sources of events, the child for evidence, 64 clients of cocod-rest. */
#define OWN 192u
/* Of a delivery that is active: its connection, its process, the device, and two to a worker. */
#define OF_ACTIVE 8u
/* Of one that waits: its connection and its process. */
#define OF_WAITING 2u
#define N_KINDS 2u	/* volumes and credentials */

static unsigned between(uint64_t n, unsigned least, unsigned most)
{
	return (unsigned)MIN(MAX(n, (uint64_t)least), (uint64_t)most);
}

bool room_share(uint64_t n_files, unsigned n_passed, struct room *ret)
{
	uint64_t used = (uint64_t)OWN + n_passed + ROOM_ACTIVE * OF_ACTIVE;
	uint64_t left = n_files > used ? n_files - used : 0;

	ret->clients = between(left / 16, ROOM_CLIENTS, 1024);
	ret->users = between(left / 32, ROOM_USERS, 512);
	used += ret->clients + ret->users;
	left = n_files > used ? n_files - used : 0;
	ret->waiting = between(left / (OF_WAITING * N_KINDS), ROOM_WAITING, 4096);
	return used + (uint64_t)ret->waiting * OF_WAITING * N_KINDS <= n_files;
}
