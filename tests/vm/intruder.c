/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In the place of a program that AppArmor confines, for the VM tests: what somebody would do who
 * has taken the program over, as root and without the sandbox of its unit.  It prints "can" or
 * "cannot" and the attempt, and no secret.
 *
 *	intruder SECRET
 *
 * SECRET is the file of a launch secret.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *secret;

static bool reads(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && read(fd, &byte, 1) == 1;

	if (fd >= 0)
		(void) close(fd);
	return good;
}

static bool read_passwords(void)
{
	return reads("/etc/shadow");
}

static bool read_configuration(void)
{
	return reads("/etc/cocod/cocod.conf");
}

static bool read_secret(void)
{
	return reads(secret);
}

static bool open_memory(void)
{
	int fd = open("/proc/1/mem", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		(void) close(fd);
	return fd >= 0;
}

static bool make_unit(void)
{
	static const char path[] = "/etc/systemd/system/intruder.service";
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	(void) close(fd);
	(void) unlink(path);
	return true;
}

static bool run_program(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		(void) execl("/usr/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool mount_something(void)
{
	return mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == 0;
}

static bool see_packets(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		(void) close(fd);
	return fd >= 0;
}

static const struct {
	const char *name;
	bool (*attempt)(void);
} attempts[] = {
	{ "read passwords", read_passwords },
	{ "read configuration", read_configuration },
	{ "read secret", read_secret },
	{ "open memory", open_memory },
	{ "make unit", make_unit },
	{ "run program", run_program },
	{ "mount", mount_something },
	{ "see packets", see_packets },
};

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	secret = argv[1];
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		printf("%s %s\n", attempts[i].attempt() ? "can" : "cannot", attempts[i].name);
	return fflush(stdout) != 0;
}
