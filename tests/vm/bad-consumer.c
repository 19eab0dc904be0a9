/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A consumer of keys that misbehaves, for the VM tests.  It prints how many bytes it got, and never
 * which.
 *
 *	bad-consumer attach VOLUME DEVICE SOCKET MODE
 *
 * The arguments are in the order of systemd-cryptsetup's, and the program binds its socket to the
 * same kind of name.  MODE:
 *
 *	leave	reads all, and exits without opening the volume
 *	hold	reads all, says so, and stays until it is killed
 *	die	reads one byte and is killed
 *	mute	connects, reads nothing, and stays until it is killed
 *	twice	connects twice, reads both
 *	tpm2	asks as systemd-cryptsetup asks for a TPM's blob, which is not the passphrase
 *	unnamed	does not bind its socket
 *	other	claims to be the volume "other"
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void give_up(const char *what)
{
	printf("cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

static void bind_name(int fd, const char *kind, const char *volume)
{
	static unsigned long long random = 0x1badc0ffee0ddf00;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int n = snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1, "%llx/%s/%s", random++, kind,
			 volume);

	if (n < 0 || (size_t)n >= sizeof(sa.sun_path) - 1 ||
	    bind(fd, (struct sockaddr *)&sa,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0)
		give_up("bind");
}

/* @kind is the middle of the socket's name; NULL binds none. */
static int ask(const char *path, const char *kind, const char *volume)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		give_up("make a socket");
	if (kind)
		bind_name(fd, kind, volume);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		give_up("connect");
	(void) shutdown(fd, SHUT_WR);
	return fd;
}

/* Reads up to @max bytes; says how many there were, and wipes them. */
static void take(int fd, size_t max)
{
	char buf[4096];
	size_t len = 0;
	ssize_t n;

	while (len < max &&
	       (n = read(fd, buf, max - len < sizeof(buf) ? max - len : sizeof(buf))) > 0) {
		explicit_bzero(buf, sizeof(buf));
		len += (size_t)n;
	}
	printf("got %zu bytes\n", len);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const char *volume, *path, *mode;
	int fd;

	if (argc != 6) {
		fprintf(stderr, "Usage: bad-consumer attach VOLUME DEVICE SOCKET MODE\n");
		return 2;
	}
	volume = argv[2];
	path = argv[4];
	mode = argv[5];
	fd = ask(path,
		 strcmp(mode, "tpm2") == 0    ? "cryptsetup-tpm2" :
		 strcmp(mode, "unnamed") == 0 ? NULL :
						"cryptsetup",
		 strcmp(mode, "other") == 0 ? "other" : volume);

	if (strcmp(mode, "die") == 0) {
		take(fd, 1);
		(void) raise(SIGKILL);
	} else if (strcmp(mode, "mute") == 0) {
		printf("connected\n");
		fflush(stdout);
		pause();
	} else if (strcmp(mode, "twice") == 0) {
		int second = ask(path, "cryptsetup", volume);

		take(fd, 65536);
		take(second, 65536);
	} else {
		take(fd, 65536);
		if (strcmp(mode, "hold") == 0)
			pause();
	}
	return 0;
}
