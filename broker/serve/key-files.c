/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/key-files.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "base/io.h"
#include "broker/serve/jwt.h"
#include "crypto/cleanup.h"

#define CERTIFICATE_MAX 65536
/* A credential's group bits are its access list's, which systemd set for the unit's user. */
#define TOO_OPEN (S_IWGRP | S_IRWXO)

DEFINE_OPENSSL_CLEANUP(X509, X509_free, x509)

int key_file_read(const char *path, struct secret **ret, struct cause *why)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		if (r == -ENOENT)
			return cause_set(why, r, "%s does not exist: 'coco-broker init' makes it",
					 path);
		return cause_set(why, r, "%s cannot be read: %s", path, strerror(-r));
	}
	if (!S_ISREG(st.st_mode) || st.st_mode & TOO_OPEN)
		return cause_set(why, -EPERM,
				 "%s is no regular file, or others may read or write it: "
				 "chmod 0600 %s",
				 path, path);
	r = secret_read(fd, KEY_FILE_MAX, ret);
	return r < 0 ? cause_set(why, r, "%s cannot be read: %s", path, strerror(-r)) : 0;
}

/* The certificate is what guests have: with another key in it they would refuse everything. */
static int check_certificate(const char *pem, size_t len, EVP_PKEY *identity)
{
	_cleanup_(bio_freep) BIO *in = BIO_new_mem_buf(pem, (int)len);
	_cleanup_(x509_freep) X509 *cert = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;

	ERR_clear_error();
	return cert && EVP_PKEY_eq(X509_get0_pubkey(cert), identity) == 1 ? 0 : -EBADMSG;
}

static int read_certificate(const char *path, EVP_PKEY *identity, char **ret, struct cause *why)
{
	_cleanup_(freep) char *pem = NULL;
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, path, CERTIFICATE_MAX, &pem, &len);
	if (r < 0)
		return cause_set(why, r, "%s cannot be read: %s", path, strerror(-r));
	if (check_certificate(pem, len, identity) < 0)
		return cause_set(why, -EBADMSG, "%s is not the certificate of the identity", path);
	*ret = TAKE_PTR(pem);
	return 0;
}

int key_files_read(const struct broker_settings *s, struct keys **ret, char **ret_pem,
		   struct cause *why)
{
	_cleanup_(secret_freep) struct secret *master = NULL, *pem = NULL;
	_cleanup_(pkey_freep) EVP_PKEY *identity = NULL;
	_cleanup_(freep) char *certificate = NULL;
	int r;

	r = key_file_read(s->master_key, &master, why);
	if (r >= 0 && secret_len(master) != MASTER_KEY_LEN)
		r = cause_set(why, -EBADMSG, "%s has %zu bytes, and a master key has %d",
			      s->master_key, secret_len(master), MASTER_KEY_LEN);
	if (r >= 0)
		r = key_file_read(s->identity, &pem, why);
	if (r >= 0)
		r = identity_key_parse(pem, &identity, why);
	if (r >= 0)
		r = read_certificate(s->certificate, identity, &certificate, why);
	if (r < 0)
		return r;
	r = keys_new(TAKE_PTR(master), TAKE_PTR(identity), ret);
	if (r < 0)
		return cause_set(why, r, "the keys cannot be used: %s", strerror(-r));
	*ret_pem = TAKE_PTR(certificate);
	return 0;
}

int token_key_read(const char *path, EVP_PKEY **ret, struct cause *why)
{
	_cleanup_(freep) char *pem = NULL;
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;
	_cleanup_(bio_freep) BIO *in = NULL;
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, path, KEY_FILE_MAX, &pem, &len);
	if (r < 0)
		return cause_set(why, r, "%s cannot be read: %s", path, strerror(-r));
	in = BIO_new_mem_buf(pem, (int)len);
	if (!in)
		return cause_set_oom(why);
	key = PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
	ERR_clear_error();
	if (!key)
		return cause_set(why, -EBADMSG, "%s is not a public key in PEM", path);
	if (!jwt_key_is_good(key))
		return cause_set(why, -EOPNOTSUPP,
				 "%s is not a key of Ed25519, P-256, or RSA of 2048 bits or more",
				 path);
	*ret = TAKE_PTR(key);
	return 0;
}
