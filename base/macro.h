/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_MACRO_H
#define COCO_BASE_MACRO_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
/* For a large array, which the compiler's hardening would clear each time. */
#define _uninitialized_ __attribute__((uninitialized))
#define _warn_unused_ __attribute__((warn_unused_result))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Hand over what a variable owns: the variable is left empty. */
#define TAKE_PTR(p)                          \
	({                                   \
		__typeof__(p) *_pp = &(p);   \
		__typeof__(p) _taken = *_pp; \
		*_pp = NULL;                 \
		_taken;                      \
	})
#define TAKE_FD(fd)                  \
	({                           \
		int *_pfd = &(fd);   \
		int _taken = *_pfd;  \
		*_pfd = -EBADF;      \
		_taken;              \
	})

/* Define the helper that _cleanup_ needs for a type whose free function returns NULL. */
#define DEFINE_CLEANUP(type, free_function)                    \
	static inline void free_function##p(type *p)           \
	{                                                      \
		if (*p)                                        \
			*p = free_function(*p);                \
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* The rest of @s after @prefix, or NULL when @s does not begin with it. */
static inline const char *startswith(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

#endif
