/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The least that two programs do to hand over a secret, with what no two can leave out that promise
 * what ours do: no core dump has it, both have it in locked memory alone, only root gets it, a
 * record that outlives the server says so before root has it, and a line of the log says who had
 * it.  Built twice: linked statically, so that nothing is loaded, and as our programs are, against
 * the C library alone.  It shares no code with the project.
 *
 * Also starts a program and says how much processor time was used before that, which is not the
 * program's.
 *
 * usage: static-pair serve FILE JOURNAL, with a listening socket as descriptor 3
 *        static-pair get SOCKET
 *        static-pair start NAMES PROGRAM [ARGUMENT...], with descriptor 9 for the nanoseconds
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ROOM 4096
#define LISTENER 3
#define TIMES 9

/* Memory for a secret, in a process that is not dumped. */
static char *locked(void)
{
	const struct rlimit none = { 0, 0 };
	char *p = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mlock(p, ROOM) < 0 || madvise(p, ROOM, MADV_DONTDUMP) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		_exit(1);
	return p;
}

/* Write @text to the file @path so that it is there as a whole, or not at all. */
static int record(const char *path, const char *text)
{
	char new[4096];
	int fd, r;

	(void) snprintf(new, sizeof(new), "%s.new", path);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = fd >= 0 && write(fd, text, strlen(text)) > 0 && fsync(fd) == 0;
	return r && rename(new, path) == 0 && close(fd) == 0 ? 0 : -1;
}

static int serve(const char *path, const char *journal)
{
	char *secret = locked();
	struct ucred peer;
	socklen_t len = sizeof(peer);
	char question[64], said[128];
	int conn, file;
	ssize_t n;

	conn = accept4(LISTENER, NULL, NULL, SOCK_CLOEXEC);
	if (conn < 0 || getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    peer.uid != 0 || read(conn, question, sizeof(question)) <= 0)
		return 1;
	file = open(path, O_RDONLY | O_CLOEXEC);
	n = read(file, secret, ROOM);
	(void) snprintf(said, sizeof(said), "the secret goes to process %d\n", (int)peer.pid);
	if (n <= 0 || record(journal, said) < 0 || write(conn, secret, (size_t)n) != n)
		return 1;
	explicit_bzero(secret, ROOM);
	(void)!write(STDERR_FILENO, said, strlen(said));
	/* The other side has it. */
	return read(conn, question, sizeof(question)) == 0 ? 0 : 1;
}

static int get(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char *secret = locked();
	ssize_t n;
	int conn = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(to.sun_path))
		return 1;
	strcpy(to.sun_path, path);
	if (connect(conn, (struct sockaddr *)&to, sizeof(to)) < 0 || write(conn, "luks", 4) != 4)
		return 1;
	n = read(conn, secret, ROOM);
	if (n <= 0 || write(STDOUT_FILENO, secret, (size_t)n) != n)
		return 1;
	explicit_bzero(secret, ROOM);
	return 0;
}

static int start(char **argv)
{
	struct timespec ts;
	char text[24];
	uint64_t used;

	(void) snprintf(text, sizeof(text), "%d", (int)getpid());
	if (setenv("LISTEN_PID", text, 1) < 0 || setenv("LISTEN_FDS", "1", 1) < 0 ||
	    setenv("LISTEN_FDNAMES", argv[0], 1) < 0 || fcntl(TIMES, F_SETFD, FD_CLOEXEC) < 0 ||
	    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) < 0)
		return 1;
	used = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	if (write(TIMES, &used, sizeof(used)) != sizeof(used))
		return 1;
	execv(argv[1], argv + 1);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "get") == 0)
		return get(argv[2]);
	if (argc > 3 && strcmp(argv[1], "start") == 0)
		return start(argv + 2);
	return 2;
}
