/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/key-make.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "crypto/cleanup.h"

#define CERTIFICATE_YEARS 100	/* guests check no date of it */

int master_key_make(struct secret **ret)
{
	_cleanup_(secret_freep) struct secret *key = NULL;
	int r = secret_new(MASTER_KEY_LEN, &key);

	if (r < 0)
		return r;
	if (RAND_priv_bytes(secret_bytes(key), MASTER_KEY_LEN) != 1)
		return -EIO;
	*ret = TAKE_PTR(key);
	return 0;
}

static int write_pem(EVP_PKEY *key, struct secret **ret)
{
	_cleanup_(bio_freep) BIO *out = BIO_new(BIO_s_secmem());
	char *text;
	long len;
	int r;

	if (!out || PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1)
		return -ENOMEM;
	len = BIO_get_mem_data(out, &text);
	r = secret_new((size_t)len, ret);
	if (r >= 0)
		memcpy(secret_bytes(*ret), text, (size_t)len);
	return r;
}

int identity_make(const char *name, struct secret **ret_pem, char **ret_certificate)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
	char *certificate;
	int r;

	if (!key)
		return -ENOMEM;
	r = identity_certificate(key, name, CERTIFICATE_YEARS, &certificate);
	if (r < 0)
		return r;
	r = write_pem(key, ret_pem);
	if (r < 0) {
		free(certificate);
		return r;
	}
	*ret_certificate = certificate;
	return 0;
}

int recovery_key_has_place(const char *file, bool json, struct cause *why)
{
	if (file)
		return 0;
	if (json)
		return cause_set(why, -EINVAL, "With --json standard output has the result, and "
					       "not the recovery key: give --recovery-key=FILE");
	if (isatty(STDOUT_FILENO))
		return 0;
	return cause_set(why, -ENOTTY, "There is no terminal to show the recovery key on: give "
				       "--recovery-key=FILE");
}

/* It goes around print(), which has a buffer that is not wiped. */
int recovery_key_show(const struct secret *text, struct cause *why)
{
	int r;

	print("The recovery key.  It is shown this once: write it down, and keep it apart from "
	      "this machine.\nWith it a backup can be restored when all else is lost.\n\n");
	r = fflush(stdout) == 0 ? 0 : -errno;
	if (r == 0)
		r = write_full(STDOUT_FILENO, secret_data(text), secret_len(text));
	if (r < 0)
		return cause_set(why, r, "The recovery key cannot be shown: %s", strerror(-r));
	print("\n");
	return 0;
}

int file_make(struct files_made *made, const char *path, const char *what, const void *data,
	      size_t len, mode_t mode, struct cause *why)
{
	char *copy;
	int r;

	assert(made->n < FILES_MADE_MAX);
	copy = strdup(path);
	if (!copy)
		return cause_set_oom(why);
	r = write_file_atomic(path, data, len, mode, /* exclusive= */ true);
	if (r < 0) {
		free(copy);
		if (r == -EEXIST)
			return cause_set(why, r, "%s, %s, is there already and is left alone: "
						 "what was sealed needs it.  To begin anew, move "
						 "it away first",
					 path, what);
		return cause_set(why, r, "%s cannot be written: %s", path, strerror(-r));
	}
	made->paths[made->n++] = copy;
	r = sync_folder_of(path);
	return r < 0 ? cause_set(why, r, "%s cannot be flushed: %s", path, strerror(-r)) : 0;
}

void files_made_remove(struct files_made *made)
{
	for (unsigned i = 0; i < made->n; i++)
		(void) unlink(made->paths[i]);
	files_made_done(made);
}

void files_made_done(struct files_made *made)
{
	while (made->n > 0)
		free(made->paths[--made->n]);
}

int path_beside(const char *path, const char *name, char **ret)
{
	const char *slash = strrchr(path, '/');

	return asprintf(ret, "%.*s%s", slash ? (int)(slash - path) + 1 : 0, path, name) < 0 ?
		       -ENOMEM :
		       0;
}
