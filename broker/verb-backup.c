/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "broker/admin-call.h"
#include "broker/core/recovery.h"
#include "broker/key-make.h"
#include "broker/offline.h"
#include "broker/serve/backup.h"
#include "broker/serve/key-files.h"

#define SETTINGS_MAX 65536

/* ---- backup ---- */

static int read_text(const char *path, size_t max, char **ret, struct cause *why)
{
	int r = read_file_at(AT_FDCWD, path, max, ret, NULL);

	return r < 0 ? cause_set(why, r, "%s cannot be read: %s", path, strerror(-r)) : 0;
}

static int read_recovery_copy(const char *settings, char **ret, struct cause *why)
{
	_cleanup_(freep) char *path = NULL;
	int r;

	if (path_beside(settings, RECOVERY_COPY_FILE, &path) < 0)
		return cause_set_oom(why);
	r = read_file_at(AT_FDCWD, path, RECOVERY_COPY_MAX, ret, NULL);
	if (r == -ENOENT)
		return cause_set(why, r, "There is no recovery key, without which nothing would "
					 "open the backup: %s is missing, which 'coco-broker init' "
					 "makes",
				 path);
	return r < 0 ? cause_set(why, r, "%s cannot be read: %s", path, strerror(-r)) : 0;
}

static int gather(const struct offline *o, struct backup *b, struct cause *why)
{
	int r;

	r = read_recovery_copy(o->path, &b->recovery, why);
	if (r == 0)
		r = key_file_read(o->settings.master_key, &b->master, why);
	if (r == 0 && secret_len(b->master) != MASTER_KEY_LEN)
		r = cause_set(why, -EBADMSG, "%s is no master key", o->settings.master_key);
	if (r == 0)
		r = key_file_read(o->settings.identity, &b->identity, why);
	if (r == 0)
		r = read_text(o->settings.certificate, SETTINGS_MAX, &b->certificate, why);
	return r == 0 ? read_text(o->path, SETTINGS_MAX, &b->settings, why) : r;
}

/* It has its name only when it is whole.  Without a store its lines are in @lines. */
static int write_file(const struct offline *o, const struct backup *b, int lines, const char *path,
		      struct cause *why)
{
	_cleanup_(closep) int fd = -EBADF;
	int r;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == EEXIST)
		return cause_set(why, -EEXIST, "%s is there already and is left alone", path);
	if (fd < 0)
		return cause_set(why, -errno, "%s cannot be made: %s", path, strerror(errno));
	r = o->store ? backup_write(b, o->store, fd, why) : backup_write_lines(b, lines, fd, why);
	if (r == 0 && fsync(fd) < 0 && errno != EINVAL)
		r = cause_set(why, -errno, "%s cannot be written: %s", path, strerror(errno));
	if (r < 0)
		(void) unlink(path);
	return r;
}

/* The broker that has the store open writes what is in it to @fd. */
static int ask_server(const struct args *args, int fd, struct cause *why)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	int r = admin_call_open(args, &c);

	if (r == 0)
		r = admin_call(&c, admin_request("store-copy", NULL), fd);
	if (r != 0)
		return -EBUSY;	/* @why says what to do otherwise */
	return lseek(fd, 0, SEEK_SET) < 0 ?
		       cause_set(why, -errno, "The copy cannot be read: %s", strerror(errno)) :
		       0;
}

static int back_up(const struct args *args, struct cause *why)
{
	_cleanup_(offline_done) struct offline o = { NULL };
	_cleanup_(backup_done) struct backup b = { NULL };
	_cleanup_(closep) int lines = -EBADF;
	int r;

	r = offline_read(args, &o, why);
	if (r == 0)
		r = gather(&o, &b, why);
	if (r == 0)
		r = offline_store(&o, why);
	if (r == -EBUSY && offline_scratch(&lines, why) == 0)
		r = ask_server(args, lines, why);
	return r == 0 ? write_file(&o, &b, lines, args->words.items[0], why) : r;
}

/* ---- restore ---- */

static int read_recovery_key(const char *path, struct secret **ret, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *text = NULL;
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : secret_read(fd, 4096, &text);

	if (r < 0)
		return cause_set(why, r, "%s cannot be read: %s", path, strerror(-r));
	return recovery_key_parse(text, ret, why);
}

static int read_backup(const struct args *args, int copy_fd, struct backup *ret, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *key = NULL;
	_cleanup_(closep) int fd = open(args->words.items[0], O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return cause_set(why, -errno, "%s cannot be read: %s", args->words.items[0],
				 strerror(errno));
	r = read_recovery_key(args->keep.recovery_key, &key, why);
	if (r == 0)
		r = backup_read(fd, key, copy_fd, ret, why);
	if (r == 0 && lseek(copy_fd, 0, SEEK_SET) < 0)
		r = cause_set(why, -errno, "The copy cannot be read: %s", strerror(errno));
	return r;
}

/* Those that are there already stay: somebody wrote them for this machine. */
static int restore_settings(const char *path, const struct backup *b, struct files_made *made,
			    struct cause *why)
{
	_cleanup_(freep) char *folder = NULL;
	int r;

	if (access(path, F_OK) == 0)
		return 0;
	if (path_beside(path, "", &folder) < 0)
		return cause_set_oom(why);
	r = folder[0] ? make_folders(folder, 0755) : 0;
	if (r < 0)
		return cause_set(why, r, "%s cannot be made: %s", folder, strerror(-r));
	return file_make(made, path, "the settings", b->settings, strlen(b->settings), 0644, why);
}

/* A key that is the same stays: so what was interrupted can be done again. */
static int restore_key(const char *path, const char *what, const struct secret *key,
		       struct files_made *made, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *old = NULL;

	if (access(path, F_OK) == 0 && key_file_read(path, &old, why) == 0 &&
	    secret_equal(old, key))
		return 0;
	return file_make(made, path, what, secret_data(key), secret_len(key), 0600, why);
}

static int restore_text(const char *path, const char *what, const char *text, mode_t mode,
			struct files_made *made, struct cause *why)
{
	_cleanup_(freep) char *old = NULL;

	if (read_file_at(AT_FDCWD, path, SETTINGS_MAX, &old, NULL) == 0 && streq(old, text))
		return 0;
	return file_make(made, path, what, text, strlen(text), mode, why);
}

static int restore_copy(const char *settings, const struct backup *b, struct files_made *made,
			struct cause *why)
{
	_cleanup_(freep) char *path = NULL, *text = NULL;

	if (path_beside(settings, RECOVERY_COPY_FILE, &path) < 0 ||
	    asprintf(&text, "%s\n", b->recovery) < 0)
		return cause_set_oom(why);
	return restore_text(path, "the copy for the recovery key", text, 0600, made, why);
}

static int restore_keys(const struct offline *o, const struct backup *b, struct files_made *made,
			struct cause *why)
{
	const struct broker_settings *s = &o->settings;
	int r;

	r = restore_key(s->master_key, "the master key", b->master, made, why);
	if (r == 0)
		r = restore_key(s->identity, "the identity", b->identity, made, why);
	if (r == 0)
		r = restore_text(s->certificate, "the identity's certificate", b->certificate,
				 0644, made, why);
	return r == 0 ? restore_copy(o->path, b, made, why) : r;
}

/* The unit's folder is not there before it starts for the first time; it takes over this one. */
static int make_store_folder(const char *address, struct cause *why)
{
	const char *path = startswith(address, "sqlite:");
	_cleanup_(freep) char *folder = NULL;
	int r;

	if (!path)
		return 0;
	if (path_beside(path, "", &folder) < 0)
		return cause_set_oom(why);
	r = make_folders(folder, 0700);
	return r < 0 ? cause_set(why, r, "%s cannot be made: %s", folder, strerror(-r)) : 0;
}

static int restore_store(struct offline *o, int copy_fd, struct cause *why)
{
	struct cause what = { "" };
	int r = make_store_folder(o->settings.store_address, why);

	if (r == 0)
		r = offline_store(o, why);
	if (r < 0)
		return r;
	r = store_restore(o->store, copy_fd, &what);
	if (r == -EEXIST)
		return cause_set(why, r, "The store '%s' is not empty, and is left alone: move it "
					 "away first",
				 o->settings.store_address);
	return r < 0 ? cause_set(why, r, "%s", what.text) : 0;
}

static int restore_files(const struct args *args, struct offline *o, const struct backup *b,
			 int copy_fd, struct files_made *made, struct cause *why)
{
	int r;

	r = restore_settings(args->config ?: SETTINGS_PATH, b, made, why);
	if (r == 0)
		r = offline_read(args, o, why);
	if (r == 0)
		r = restore_keys(o, b, made, why);
	return r == 0 ? restore_store(o, copy_fd, why) : r;
}

static int restore(const struct args *args, struct cause *why)
{
	_cleanup_(offline_done) struct offline o = { NULL };
	_cleanup_(backup_done) struct backup b = { NULL };
	_cleanup_(files_made_done) struct files_made made = { 0 };
	_cleanup_(closep) int copy_fd = -EBADF;
	int r;

	r = offline_scratch(&copy_fd, why);
	if (r == 0)
		r = read_backup(args, copy_fd, &b, why);
	if (r == 0)
		r = restore_files(args, &o, &b, copy_fd, &made, why);
	if (r < 0)
		files_made_remove(&made);
	return r;
}

/* ---- the verbs ---- */

static int run_with(const struct args *args, int (*work)(const struct args *, struct cause *))
{
	struct cause why = { "" };

	if (secret_protect_process() < 0) {
		log_error("Failed to keep this process out of core dumps: %m");
		return STATUS_FAILED;
	}
	(void) umask(0022);
	if (work(args, &why) < 0) {
		log_error("%s", why.text);
		return STATUS_FAILED;
	}
	return STATUS_GOOD;
}

static int run_backup(struct args *args)
{
	return run_with(args, back_up);
}

static int run_restore(struct args *args)
{
	int r = run_with(args, restore);

	if (r == STATUS_GOOD)
		print("All is restored.  What was released since the backup is not known: what "
		      "goes out once for each VM needs an approval until 'coco-broker "
		      "accept-restore'.\nSee to it that the old broker never starts again.\n");
	return r;
}

static const struct option_row restore_options[] = {
	{ "recovery-key", "FILE", "the recovery key, as 'init' showed it",
	  OPTION_PATH(keep.recovery_key), .required = true },
	{ NULL },
};

const struct verb verb_backup = {
	.name = "backup",
	.help = "Write the keys and the store to a file that the recovery key opens",
	.example = "broker.backup",
	.options = no_options,
	.words = { .value = "FILE", OPTION_LIST(words, 1), .required = true },
	.run = run_backup,
};

const struct verb verb_restore = {
	.name = "restore",
	.help = "Make a broker from a backup, on a machine that has none",
	.example = "broker.backup --recovery-key=recovery.key",
	.options = restore_options,
	.words = { .value = "FILE", OPTION_LIST(words, 1), .required = true },
	.run = run_restore,
};
