/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/initramfs/starter.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/initramfs/confine.h"
#include "agent/loop.h"
#include "base/io.h"
#include "base/log.h"
#include "base/systemd.h"
#include "ipc/client.h"

#define USEC_PER_SEC 1000000ULL
#define FOLDER "/run/cocod"
#define CRYPTSETUP_SOCKET FOLDER "/cryptsetup.sock"
/* As many connections of each kind as cocod has reasons for, and more. */
#define CHILDREN_MAX 16
/* cocod's unit is started again for ever.  Here a person waits who could type a passphrase. */
#define STARTS_MAX 5
#define START_PAUSE_USEC (USEC_PER_SEC / 10)
/* cocod-net may be telling a broker that its secret has opened a volume. */
#define CONFIRM_USEC (3 * USEC_PER_SEC)
#define STOP_USEC (5 * USEC_PER_SEC)

/*
 * The sockets of systemd's units.  Those without a program are cocod's own, in the order of its
 * descriptors; for the others there is a process for each connection.
 */
static const struct socket_row {
	const char *path;
	int type;
	const char *name;	/* of cocod's descriptor, or of the process's user */
	const char *program, *argument;
	bool network;
	unsigned n_files, n_tasks;
	uint64_t most_usec;	/* its RuntimeMaxSec= */
} rows[] = {
	{ COCOD_SOCKET, SOCK_SEQPACKET, "api", NULL, NULL, false, 0, 0, 0 },
	{ CRYPTSETUP_SOCKET, SOCK_STREAM, "cryptsetup", NULL, NULL, false, 0, 0, 0 },
	{ WORKER_LUKS_SOCKET, SOCK_SEQPACKET, "cocod-worker-luks", "cocod-worker", "--kind=luks",
	  false, 64, CHILDREN_MAX * 2, 30 * USEC_PER_SEC },
	{ WORKER_EVIDENCE_SOCKET, SOCK_SEQPACKET, "cocod-worker-evidence", "cocod-worker",
	  "--kind=evidence", false, 64, CHILDREN_MAX * 2, 90 * USEC_PER_SEC },
	{ NET_SOCKET, SOCK_SEQPACKET, "cocod-net", "cocod-net", NULL, true, 128,
	  CHILDREN_MAX * 4, 660 * USEC_PER_SEC },
};
#define N_OWN 2

struct child {
	struct child *next, **prev;
	struct place *place;
	pid_t pid;
	struct watch *exit, *timer;
};

struct place {
	struct starter *starter;
	const struct socket_row *row;
	int fd;
	bool bound;
	unsigned n_children;
	struct watch *io;
};

struct starter {
	struct starter_setup setup;
	struct loop *loop;
	struct place places[ARRAY_SIZE(rows)];
	struct child *children;
	pid_t cocod;		/* 0: it does not run */
	unsigned n_starts;
	bool stopping;
	struct watch *term, *interrupt, *exit, *again, *confirm, *deadline;
};

/* ---- sockets ---- */

static int place_listen(struct place *p)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	strcpy(sa.sun_path, p->row->path);
	p->fd = socket(AF_UNIX, p->row->type | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	p->bound = true;
	return listen(p->fd, SOMAXCONN) < 0 ? -errno : 0;
}

int starter_new(const struct starter_setup *setup, struct starter **ret)
{
	_cleanup_(starter_freep) struct starter *s = calloc(1, sizeof(*s));
	mode_t mask;
	int r = 0;

	if (!s)
		return log_oom();
	s->setup = *setup;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		s->places[i] = (struct place){ .starter = s, .row = &rows[i], .fd = -EBADF };
	mask = umask(0022);
	if (mkdir(FOLDER, 0755) < 0 && errno != EEXIST)
		r = log_error_errno(errno, "Failed to make '%s': %m", FOLDER);
	/* Nobody but root may connect, from the first moment on. */
	(void) umask(0177);
	for (size_t i = 0; i < ARRAY_SIZE(rows) && r >= 0; i++) {
		r = place_listen(&s->places[i]);
		if (r < 0)
			(void) log_error_errno(r, "Failed to listen on '%s': %m", rows[i].path);
	}
	(void) umask(mask);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

/* ---- in a child ---- */

/*
 * The descriptors @fds become 3, 4 and so on, and there are no others.  What is passed to the next
 * program in this way is sd_listen_fds(3).
 */
static int pass_descriptors(const int *fds, size_t n, const char *names)
{
	int high[N_OWN];
	char text[32];

	for (size_t i = 0; i < n; i++) {
		high[i] = fcntl(fds[i], F_DUPFD, SYSTEMD_FDS_START + N_OWN);
		if (high[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < n; i++)
		if (dup2(high[i], SYSTEMD_FDS_START + (int)i) < 0)
			return -errno;
	if (syscall(SYS_close_range, SYSTEMD_FDS_START + (unsigned)n, ~0U, 0) < 0)
		return -errno;
	(void) snprintf(text, sizeof(text), "%d", (int)getpid());
	if (clearenv() != 0 || setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) < 0 ||
	    setenv("LISTEN_PID", text, 1) < 0 || setenv("LISTEN_FDNAMES", names, 1) < 0)
		return -ENOMEM;
	(void) snprintf(text, sizeof(text), "%zu", n);
	return setenv("LISTEN_FDS", text, 1) < 0 ? -ENOMEM : 0;
}

/* No signal is blocked or ignored, nothing comes in, and files that it makes are its own. */
static int begin_child(void)
{
	sigset_t none;
	int fd;

	sigemptyset(&none);
	(void) umask(0077);
	if (signal(SIGPIPE, SIG_DFL) == SIG_ERR || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return -errno;
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		return -errno;
	return 0;
}

static void child_exec(const char *folder, const char *program, char *const *arguments)
{
	char path[PATH_MAX];

	(void) snprintf(path, sizeof(path), "%s/%s", folder, program);
	(void) execv(path, arguments);
	(void) log_error_errno(errno, "Failed to execute '%s': %m", path);
}

static int confine_for(const struct socket_row *row)
{
	struct confinement c = {
		.network = row->network,
		.n_files = row->n_files,
		.n_tasks = row->n_tasks,
	};
	const struct passwd *user;

	errno = 0;
	user = getpwnam(row->name);
	if (!user)
		return log_error_errno(errno ?: ENOENT, "There is no user '%s': %m", row->name);
	c.uid = user->pw_uid;
	c.gid = user->pw_gid;
	return confine_worker(&c);
}

static void in_child(const struct place *p, int conn)
{
	char *const arguments[] = { (char *)p->row->program, (char *)p->row->argument, NULL };
	int r;

	r = begin_child();
	if (r >= 0)
		r = pass_descriptors(&conn, 1, "connection");
	if (r >= 0)
		r = confine_for(p->row);
	if (r < 0)
		(void) log_error_errno(r, "Failed to confine %s, which is not started: %m",
				       p->row->program);
	else
		child_exec(p->starter->setup.libexec, p->row->program, arguments);
}

/* Nobody would stop a cocod that has outlived its starter. */
static int end_with_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

static void in_cocod(const struct starter *s, pid_t parent)
{
	const int fds[N_OWN] = { s->places[0].fd, s->places[1].fd };
	char root[PATH_MAX];
	char *arguments[5] = { (char *)"cocod", (char *)"--initramfs" };
	size_t n = 2;
	int r;

	if (s->setup.config_root) {
		(void) snprintf(root, sizeof(root), "--config-root=%s", s->setup.config_root);
		arguments[n++] = root;
	}
	if (s->setup.debug)
		arguments[n] = (char *)"--debug";
	r = begin_child();
	if (r >= 0)
		r = pass_descriptors(fds, N_OWN, "api:cryptsetup");
	if (r >= 0 && setenv("RUNTIME_DIRECTORY", FOLDER, 1) < 0)
		r = -ENOMEM;
	if (r >= 0)
		r = confine_keeper();
	if (r >= 0)
		r = end_with_parent(parent);
	if (r < 0)
		(void) log_error_errno(r, "Failed to confine cocod, which is not started: %m");
	else
		child_exec(s->setup.sbin, "cocod", arguments);
}

/* ---- the end of cocod ---- */

static int on_deadline(void *userdata)
{
	struct starter *s = userdata;

	log_warning("cocod does not end, killing it");
	(void) kill(s->cocod, SIGKILL);
	return 0;
}

/* cocod writes its journal first, and then ends: the system's cocod goes on from there. */
static void end_cocod(struct starter *s)
{
	s->confirm = watch_free(s->confirm);
	if (s->deadline)
		return;
	if (s->cocod == 0 || watch_after(s->loop, STOP_USEC, on_deadline, s, &s->deadline) < 0)
		loop_exit(s->loop, 0);
	else
		(void) kill(s->cocod, SIGTERM);
}

static bool has_network_child(const struct starter *s)
{
	for (const struct child *c = s->children; c; c = c->next)
		if (c->place->row->network)
			return true;
	return false;
}

static int on_confirm_timer(void *userdata)
{
	end_cocod(userdata);
	return 0;
}

static int on_term(void *userdata)
{
	struct starter *s = userdata;

	if (s->stopping)
		return 0;
	s->stopping = true;
	if (s->cocod == 0 || !has_network_child(s) ||
	    watch_after(s->loop, CONFIRM_USEC, on_confirm_timer, s, &s->confirm) < 0)
		end_cocod(s);
	return 0;
}

/* ---- a process for each connection ---- */

static void child_free(struct child *c)
{
	watch_free(c->exit);
	watch_free(c->timer);
	c->place->n_children--;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	free(c);
}

static int on_child_exit(const siginfo_t *si, void *userdata)
{
	struct child *c = userdata;
	struct starter *starter = c->place->starter;

	child_free(c);
	if (starter->confirm && !has_network_child(starter))
		end_cocod(starter);
	return 0;
}

/* It ends itself in time.  This is for one that does not. */
static int on_child_timer(void *userdata)
{
	const struct child *c = userdata;

	log_warning("%s does not end, killing it", c->place->row->program);
	(void) kill(c->pid, SIGKILL);
	return 0;
}

static int add_child(struct place *p, pid_t pid)
{
	struct starter *s = p->starter;
	struct child *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	*c = (struct child){ .next = s->children, .prev = &s->children, .place = p, .pid = pid };
	if (c->next)
		c->next->prev = &c->next;
	s->children = c;
	p->n_children++;
	r = watch_child(s->loop, pid, on_child_exit, c, &c->exit);
	if (r >= 0)
		r = watch_after(s->loop, p->row->most_usec, on_child_timer, c, &c->timer);
	if (r < 0)
		child_free(c);
	return r;
}

static int serve(struct place *p, int conn)
{
	pid_t pid;
	int r;

	if (p->n_children >= CHILDREN_MAX)
		return -EBUSY;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		in_child(p, conn);
		_exit(EXIT_FAILURE);
	}
	r = add_child(p, pid);
	if (r < 0) {
		(void) kill(pid, SIGKILL);
		(void) waitpid(pid, NULL, 0);
	}
	return r;
}

/* cocod hears of a process that cannot be started because its connection is closed. */
static int on_connection(void *userdata)
{
	struct place *p = userdata;
	_cleanup_(closep) int conn = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
	int r;

	if (conn < 0)
		return 0;
	r = serve(p, conn);
	if (r < 0)
		log_error_errno(r, "Failed to start %s: %m", p->row->program);
	return 0;
}

/* ---- cocod ---- */

static int start_cocod(struct starter *s);

static int on_again(void *userdata)
{
	struct starter *s = userdata;
	int r = start_cocod(s);

	if (r < 0)
		loop_exit(s->loop, r);
	return 0;
}

static int on_cocod_exit(const siginfo_t *si, void *userdata)
{
	struct starter *s = userdata;
	int r = 0;

	s->cocod = 0;
	s->exit = watch_free(s->exit);
	if (s->stopping) {
		loop_exit(s->loop, 0);
		return 0;
	}
	log_error("cocod has ended: %s %d", si->si_code == CLD_EXITED ? "status" : "signal",
		  si->si_status);
	if (s->n_starts >= STARTS_MAX) {
		log_error("cocod was started %u times and gives no keys", s->n_starts);
		r = -EIO;
	} else {
		s->again = watch_free(s->again);
		r = watch_after(s->loop, START_PAUSE_USEC, on_again, s, &s->again);
	}
	if (r < 0)
		loop_exit(s->loop, r);
	return 0;
}

static int start_cocod(struct starter *s)
{
	pid_t parent = getpid(), pid = fork();
	int r;

	if (pid < 0)
		return log_error_errno(errno, "Failed to start cocod: %m");
	if (pid == 0) {
		in_cocod(s, parent);
		_exit(EXIT_FAILURE);
	}
	s->n_starts++;
	s->cocod = pid;
	r = watch_child(s->loop, pid, on_cocod_exit, s, &s->exit);
	return r < 0 ? log_error_errno(r, "Failed to watch cocod: %m") : 0;
}

static int set_up(struct starter *s)
{
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	r = loop_new(&s->loop);
	if (r >= 0)
		r = watch_signal(s->loop, SIGTERM, on_term, s, &s->term);
	if (r >= 0)
		r = watch_signal(s->loop, SIGINT, on_term, s, &s->interrupt);
	for (size_t i = N_OWN; i < ARRAY_SIZE(rows) && r >= 0; i++)
		r = watch_fd(s->loop, s->places[i].fd, POLLIN, on_connection, &s->places[i],
			     &s->places[i].io);
	return r;
}

int starter_run(struct starter *s)
{
	int r = set_up(s);

	if (r < 0)
		return log_error_errno(r, "Failed to set up the event loop: %m");
	r = start_cocod(s);
	if (r >= 0)
		r = loop_run(s->loop);
	if (s->cocod > 0)
		(void) kill(s->cocod, SIGKILL);
	return r;
}

void starter_leave(struct starter *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		s->places[i].bound = false;
}

struct starter *starter_free(struct starter *s)
{
	if (!s)
		return NULL;
	while (s->children) {
		(void) kill(s->children->pid, SIGKILL);
		child_free(s->children);
	}
	watch_free(s->term);
	watch_free(s->interrupt);
	watch_free(s->exit);
	watch_free(s->again);
	watch_free(s->confirm);
	watch_free(s->deadline);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		watch_free(s->places[i].io);
		if (s->places[i].bound)
			(void) unlink(rows[i].path);
		(void) close_fd(s->places[i].fd);
	}
	loop_free(s->loop);
	free(s);
	return NULL;
}
