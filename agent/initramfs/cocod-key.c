/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keyscript of crypttab(5), where there is no systemd-cryptsetup: an initramfs of
 * initramfs-tools, which runs
 *
 *	keyscript FIELD-3 | cryptsetup --key-file=- open DEVICE VOLUME
 *
 * The script executes this program, which has the arguments of systemd-cryptsetup and asks cocod
 * in the same way, so that cocod judges the volume's header, and learns the outcome, in the same
 * way too: this process ends when cryptsetup has.  Without a key it becomes askpass.  While a key
 * may still come from a broker, askpass runs beside it, and what comes first counts.
 *
 * On standard output there is the key and nothing else.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/initramfs/person.h"
#include "agent/initramfs/reader.h"
#include "agent/status.h"
#include "base/io.h"
#include "base/log.h"
#include "base/options.h"
#include "base/secret.h"
#include "wire/cryptsetup-peer.h"

#define CRYPTSETUP_SOCKET "/run/cocod/cryptsetup.sock"
#define ASKPASS "/lib/cryptsetup/askpass"
#define PASSFIFO "/lib/cryptsetup/passfifo"
#define USEC_PER_SEC 1000000ULL
/* For a cocod that is stopped: it has deadlines of its own for each step. */
#define KEY_MSEC (10 * 60 * 1000)
#define REST_SEC 10
#define READ_USEC (120 * USEC_PER_SEC)
#define KEY_MAX SECRET_MAX

struct args {
	struct option_list words;
};

static const struct verb attach = {
	.name = "attach",
	.help = "Write the key of VOLUME, whose header is on DEVICE, to standard output",
	.example = "data /dev/vdb - luks",
	.words = { .value = "VOLUME DEVICE KEY OPTIONS", .required = true,
		   .empty = true, OPTION_LIST(words, 4) },
};

static const struct verb *const verbs[] = { &attach, NULL };

static const struct program program = {
	.name = "cocod-key",
	.help = "Asks cocod for a volume's key, or a person for its passphrase, where there is no "
		"systemd-cryptsetup.",
	.manual = "cocod-key(8)",
	.verbs = verbs,
};

/* The address of systemd-cryptsetup's sockets: cocod reads the volume's name from it. */
static int bind_name(int fd, const char *volume)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	uint32_t number;
	int n;

	if (strlen(volume) > VOLUME_NAME_MAX)
		return -ENAMETOOLONG;
	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		number = (uint32_t)getpid();
	/* Beside the longest name there is room for one digit. */
	if (strlen(volume) > VOLUME_NAME_MAX - 7)
		number &= 0xf;
	n = snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1, "%x/cryptsetup/%s", number, volume);
	return bind(fd, (struct sockaddr *)&sa,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0 ?
		       -errno : 0;
}

static int ask(const char *volume, int *ret)
{
	const struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = CRYPTSETUP_SOCKET };
	const struct timeval rest = { .tv_sec = REST_SEC };
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = bind_name(fd, volume);
	if (r < 0)
		return r;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &rest, sizeof(rest)) < 0 ||
	    connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 || shutdown(fd, SHUT_WR) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

/* Returns 0; -ENOKEY when cocod has closed the connection; an errno of reading it. */
static int read_key(int fd, struct secret **ret)
{
	_cleanup_(secret_freep) struct secret *key = NULL;
	int r = secret_read(fd, KEY_MAX, &key);

	if (r < 0)
		return r;
	if (secret_len(key) == 0)
		return -ENOKEY;
	*ret = TAKE_PTR(key);
	return 0;
}

/*
 * Give the key to whoever reads standard output, and stay until that has ended.  The readers are
 * looked for when they have read everything and wait for the end of it: then cryptsetup runs, and
 * not the shell before it.
 */
static int give(struct secret *key)
{
	_cleanup_(readers_done) struct readers readers = { .n = 0 };
	int r;

	r = write_full(STDOUT_FILENO, secret_data(key), secret_len(key));
	secret_free(key);
	if (r >= 0)
		r = readers_await_read(STDOUT_FILENO, READ_USEC);
	if (r >= 0)
		r = readers_find(STDOUT_FILENO, "/proc", &readers);
	(void) close(STDOUT_FILENO);
	return r < 0 ? r : readers_await_end(&readers);
}

static void format_question(const char *volume, char *ret, size_t size)
{
	(void)!snprintf(ret, size, "Please unlock disk %.*s: ", VOLUME_NAME_MAX, volume);
}

/* In the place of this process. */
static int ask_person(const char *volume)
{
	char question[VOLUME_NAME_MAX + 64];
	sigset_t none;

	sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	(void) signal(SIGPIPE, SIG_DFL);
	format_question(volume, question, sizeof(question));
	(void) execl(ASKPASS, ASKPASS, question, NULL);
	return log_error_errno(errno, "Failed to execute '%s': %m", ASKPASS);
}

/* Returns a descriptor that tells of LATE_SIGNAL, which nothing else does any more. */
static int watch_signal(void)
{
	sigset_t late;
	int fd;

	sigemptyset(&late);
	sigaddset(&late, LATE_SIGNAL);
	if (sigprocmask(SIG_BLOCK, &late, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &late, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* What await_key() waits for, and the place of each in its list of descriptors. */
enum { KEY, SIGNAL, ANSWER };

static void begin_asking(const char *volume, struct person *p)
{
	char question[VOLUME_NAME_MAX + 64];
	int r;

	format_question(volume, question, sizeof(question));
	r = person_ask(ASKPASS, question, p);
	if (r < 0)
		log_warning_errno(r, "No passphrase can be asked for meanwhile: %m");
}

/*
 * cocod must not take a volume that a passphrase opens for one that its key has opened, so it
 * hears first that nobody waits for the key any more.  Returns 0; a negative errno when nobody has
 * answered.
 */
static int take_answer(struct person *p, int *conn)
{
	_cleanup_(secret_freep) struct secret *typed = NULL;
	int r = person_read(p, KEY_MAX, &typed);

	if (r < 0)
		return r;
	*conn = close_fd(*conn);
	return write_full(STDOUT_FILENO, secret_data(typed), secret_len(typed));
}

/*
 * Wait for the key, and for a person's answer from the time when cocod says that the key is late.
 * When one of them will not come, the other one still may.  Returns 1 with @ret; 0 after a
 * passphrase was written; a negative errno when neither will come.
 */
static int await_key(const char *volume, int signals, int *conn, struct person *p,
		     struct secret **ret)
{
	struct pollfd fds[] = {
		[KEY] = { .fd = *conn, .events = POLLIN },
		[SIGNAL] = { .fd = signals, .events = POLLIN },
		[ANSWER] = { .fd = -EBADF, .events = POLLIN },
	};
	int r = 0;

	while (fds[KEY].fd >= 0 || fds[ANSWER].fd >= 0) {
		r = poll(fds, ARRAY_SIZE(fds), fds[ANSWER].fd >= 0 ? -1 : KEY_MSEC);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ETIMEDOUT;
		if (fds[KEY].revents) {
			r = read_key(*conn, ret);
			if (r >= 0)
				return 1;
			fds[KEY].fd = fds[SIGNAL].fd = -EBADF;
		} else if (fds[ANSWER].revents) {
			r = take_answer(p, conn);
			if (r >= 0)
				return 0;
			fds[ANSWER].fd = -EBADF;
		} else {
			fds[SIGNAL].fd = -EBADF;
			begin_asking(volume, p);
			fds[ANSWER].fd = p->answer;
		}
	}
	return r;
}

/* Returns as await_key() does. */
static int get_key(const char *volume, struct secret **ret)
{
	_cleanup_(closep) int conn = -EBADF, signals = -EBADF;
	struct person person = PERSON_NONE;
	int r = secret_protect_process();

	if (r < 0)
		return r;
	signals = watch_signal();
	if (signals < 0)
		return signals;
	r = ask(volume, &conn);
	if (r >= 0)
		r = await_key(volume, signals, &conn, &person, ret);
	person_dismiss(&person, PASSFIFO);
	return r;
}

static int run(const char *volume)
{
	struct secret *key = NULL;
	int r;

	(void) signal(SIGPIPE, SIG_IGN);
	r = get_key(volume, &key);
	if (r < 0) {
		log_warning_errno(r, "Volume '%s' gets no key from cocod (%m), see dmesg; "
				     "a passphrase is asked for", volume);
		return ask_person(volume);
	}
	if (r == 0)
		return 0;
	r = give(key);
	if (r < 0)
		return log_error_errno(r, "Failed to hand the key of volume '%s' over: %m", volume);
	return 0;
}

int main(int argc, char **argv)
{
	const struct verb *verb;
	struct args args = { 0 };
	int r;

	log_open("cocod-key");
	/* The words may begin with dashes, and be empty. */
	if (argc == 6 && streq(argv[1], "attach"))
		return run(argv[2]) < 0 ? COCOD_FAILED : COCOD_GOOD;
	r = command_read(&program, argc, argv, &args, &verb);
	if (r > 0)
		log_error("attach takes VOLUME DEVICE KEY OPTIONS");
	option_list_done(&args.words);
	return r == 0 ? COCOD_GOOD : COCOD_FAILED;
}
