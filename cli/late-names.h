/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions that cococtl calls of libraries which fetching a secret needs none of, for C and
 * for the assembler.  One that is missing here has the program linked with its library again, which
 * tests/run/dlopen-notes sees.
 */
#ifndef COCO_CLI_LATE_NAMES_H
#define COCO_CLI_LATE_NAMES_H

#define JSON_NAMES(X) \
	X(json_object_array_add) \
	X(json_object_array_get_idx) \
	X(json_object_array_length) \
	X(json_object_get_int64) \
	X(json_object_get_object) \
	X(json_object_get_string) \
	X(json_object_get_string_len) \
	X(json_object_is_type) \
	X(json_object_new_array) \
	X(json_object_new_boolean) \
	X(json_object_new_double) \
	X(json_object_new_int) \
	X(json_object_new_int64) \
	X(json_object_new_object) \
	X(json_object_new_string) \
	X(json_object_new_string_len) \
	X(json_object_object_add) \
	X(json_object_object_get_ex) \
	X(json_object_object_length) \
	X(json_object_put) \
	X(json_object_to_json_string_length) \
	X(json_tokener_free) \
	X(json_tokener_get_error) \
	X(json_tokener_get_parse_end) \
	X(json_tokener_new_ex) \
	X(json_tokener_parse) \
	X(json_tokener_parse_ex) \
	X(json_tokener_set_flags)

#define ECONF_NAMES(X) \
	X(econf_errString) \
	X(econf_freeExtValue) \
	X(econf_freeFile) \
	X(econf_getExtValue) \
	X(econf_readFile)

#define ZLIB_NAMES(X) \
	X(inflate) \
	X(inflateEnd) \
	X(inflateInit2_)

#endif
