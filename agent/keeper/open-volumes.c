/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/open-volumes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/io.h"
#include "base/parse.h"

#define ATTRIBUTE_MAX 256
#define DEVICE_MAX 32	/* "dm-1048575" */
#define NO_EVENTS 0	/* the kernel's number is not known */

/*
 * A device's folder is new when the device is, and its inode has another number then.  What is
 * kept of a volume is looked at again before it counts: a device may be renamed.
 */
struct dm_device {
	char device[DEVICE_MAX];
	uint64_t inode;
	enum {
		DEVICE_UNKNOWN,		/* no volume as yet: to be looked at again */
		DEVICE_VOLUME,
		DEVICE_OTHER,		/* its UUID, which never changes, is not cryptsetup's */
	} kind;
	uint64_t checked;		/* the last of our turns in which it was looked at */
	char *name;			/* of a volume */
};

/* A sysfs attribute of one line, without its newline. */
static bool attribute(const char *sys, const struct dm_device *d, const char *name,
		      char ret[static ATTRIBUTE_MAX + 1])
{
	_cleanup_(freep) char *text = NULL;
	char path[512];

	if (snprintf(path, sizeof(path), "%s/class/block/%s/%s", sys, d->device, name) >=
		    (int)sizeof(path) ||
	    read_file_at(AT_FDCWD, path, ATTRIBUTE_MAX, &text, NULL) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	strcpy(ret, text);
	return true;
}

/* What @d is now; for a volume with its name in @ret_name. */
static int look_at(const char *sys, const struct dm_device *d,
		   char ret_name[static ATTRIBUTE_MAX + 1])
{
	char uuid[ATTRIBUTE_MAX + 1], size[ATTRIBUTE_MAX + 1];
	uint64_t sectors;
	size_t n, len;

	if (!attribute(sys, d, "dm/uuid", uuid))
		return DEVICE_UNKNOWN;
	if (!startswith(uuid, "CRYPT-"))
		return uuid[0] ? DEVICE_OTHER : DEVICE_UNKNOWN;
	/*
	 * cryptsetup makes the device before it loads the table, and removes it if that fails.
	 * Until the table is loaded the size is 0.
	 */
	if (!attribute(sys, d, "size", size) || parse_u64(size, &sectors) < 0 || sectors == 0)
		return DEVICE_UNKNOWN;
	if (!attribute(sys, d, "dm/name", ret_name))
		return DEVICE_UNKNOWN;
	n = strlen(uuid);
	len = strlen(ret_name);
	return len > 0 && n > len && uuid[n - len - 1] == '-' && streq(uuid + n - len, ret_name) ?
		       DEVICE_VOLUME :
		       DEVICE_UNKNOWN;
}

/* Returns 0 or -ENOMEM. */
static int judge(const char *sys, struct dm_device *d, uint64_t now)
{
	char name[ATTRIBUTE_MAX + 1];
	int kind = look_at(sys, d, name);

	free(d->name);
	d->name = kind == DEVICE_VOLUME ? strdup(name) : NULL;
	d->kind = kind == DEVICE_VOLUME && !d->name ? DEVICE_UNKNOWN : kind;
	d->checked = now;
	return kind == DEVICE_VOLUME && !d->name ? -ENOMEM : 0;
}

static void free_devices(struct dm_device *devices, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(devices[i].name);
	free(devices);
}

/* ---- the list ---- */

/* What was known of it, from @at on: the order changes only where devices come and go. */
static struct dm_device *find_before(struct open_volumes *v, size_t *at, const struct dirent *de)
{
	for (size_t i = *at; i < v->n; i++)
		if (v->devices[i].inode == de->d_ino && streq(v->devices[i].device, de->d_name)) {
			*at = i + 1;
			return &v->devices[i];
		}
	return NULL;
}

static int add(struct open_volumes *list, const struct dirent *de, struct dm_device *before)
{
	struct dm_device *more = array_room(list->devices, list->n, sizeof(*more));

	if (!more)
		return -ENOMEM;
	list->devices = more;
	more += list->n++;
	*more = (struct dm_device){ .inode = de->d_ino };
	strcpy(more->device, de->d_name);
	if (before) {
		more->kind = before->kind;
		more->name = TAKE_PTR(before->name);
	}
	return 0;
}

static int read_devices(struct open_volumes *v, const char *sys, struct open_volumes *list)
{
	_cleanup_(closedirp) DIR *d = NULL;
	char path[512];
	size_t at = 0;
	int r = 0;

	snprintf(path, sizeof(path), "%s/class/block", sys);
	d = opendir(path);
	if (!d)
		return -errno;
	for (struct dirent *de; r == 0 && (de = readdir(d)); ) {
		if (!startswith(de->d_name, "dm-") || strlen(de->d_name) >= DEVICE_MAX)
			continue;
		r = add(list, de, find_before(v, &at, de));
		if (r == 0 && list->devices[list->n - 1].kind == DEVICE_UNKNOWN)
			r = judge(sys, &list->devices[list->n - 1], list->n_turns);
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct dm_device *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int sort(struct open_volumes *v)
{
	v->by_name = calloc(v->n + 1, sizeof(*v->by_name));
	if (!v->by_name)
		return -ENOMEM;
	for (size_t i = 0; i < v->n; i++)
		if (v->devices[i].kind == DEVICE_VOLUME)
			v->by_name[v->n_open++] = &v->devices[i];
	qsort(v->by_name, v->n_open, sizeof(*v->by_name), compare);
	return 0;
}

/*
 * Each device that comes, goes, gets its table or another name makes an event.  Whoever did that is
 * told that it is done after the number has changed.
 */
static uint64_t count_events(const char *sys)
{
	_cleanup_(freep) char *text = NULL;
	char path[512];
	uint64_t n;

	snprintf(path, sizeof(path), "%s/kernel/uevent_seqnum", sys);
	if (read_file_at(AT_FDCWD, path, ATTRIBUTE_MAX, &text, NULL) < 0)
		return NO_EVENTS;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, &n) < 0 ? NO_EVENTS : n;
}

static int read_all(struct open_volumes *v, const char *sys, uint64_t events)
{
	struct open_volumes list = { .events = events, .n_turns = v->n_turns };
	int r = read_devices(v, sys, &list);

	if (r == 0)
		r = sort(&list);
	open_volumes_done(v);
	if (r == 0)
		*v = list;
	else
		open_volumes_done(&list);
	v->read = r == 0;
	return r;
}

/* Returns 0, or a negative errno, and then nothing is known. */
static int begin_turn(struct open_volumes *v, const char *sys, uint64_t turn)
{
	uint64_t events;
	int r = 0;

	if (v->read && turn == v->turn && turn != OPEN_VOLUMES_NOW)
		return 0;
	events = count_events(sys);
	v->n_turns++;
	if (!v->read || events == NO_EVENTS || events != v->events)
		r = read_all(v, sys, events);
	v->turn = turn;
	return r;
}

/* ---- one volume ---- */

static struct dm_device *find(struct open_volumes *v, const char *name)
{
	const struct dm_device wanted = { .name = (char *)name }, *key = &wanted, **found = NULL;

	if (v->n_open > 0)
		found = bsearch(&key, v->by_name, v->n_open, sizeof(*v->by_name), compare);
	return found ? &v->devices[*found - v->devices] : NULL;
}

static bool is_still(const struct open_volumes *v, const char *sys, struct dm_device *d)
{
	char now[ATTRIBUTE_MAX + 1];

	if (d->checked == v->n_turns)
		return true;
	d->checked = v->n_turns;
	return look_at(sys, d, now) == DEVICE_VOLUME && streq(now, d->name);
}

int open_volumes_has(struct open_volumes *v, const char *sys, uint64_t turn, const char *name)
{
	struct dm_device *d;
	int r = begin_turn(v, sys, turn);

	if (r < 0)
		return r;
	d = find(v, name);
	if (!d || is_still(v, sys, d))
		return d != NULL;
	/* Another device may have the name by now. */
	open_volumes_done(v);
	r = begin_turn(v, sys, turn);
	return r < 0 ? r : find(v, name) != NULL;
}

void open_volumes_done(struct open_volumes *v)
{
	free_devices(v->devices, v->n);
	free(v->by_name);
	*v = (struct open_volumes){ NULL };
}
