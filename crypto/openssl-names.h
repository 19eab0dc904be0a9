/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions of OpenSSL that cocod, cocod-worker and cococtl call, for C and for the assembler.
 * One that is missing here has the program linked with libcrypto again, which
 * tests/run/dlopen-notes sees.
 */
#ifndef COCO_CRYPTO_OPENSSL_NAMES_H
#define COCO_CRYPTO_OPENSSL_NAMES_H

#define OPENSSL_NAMES(X) \
	X(ASN1_INTEGER_free) X(ASN1_INTEGER_get) X(ASN1_OBJECT_free) \
	X(ASN1_STRING_get0_data) X(ASN1_STRING_length) X(ASN1_STRING_type) \
	X(ASN1_TIME_to_tm) X(ASN1_TYPE_unpack_sequence) X(BIO_free) \
	X(BIO_new_mem_buf) X(BN_bin2bn) X(BN_bn2binpad) X(BN_free) X(BN_lebin2bn) \
	X(CRYPTO_clear_free) X(CRYPTO_free) X(CRYPTO_get_ex_new_index) \
	X(CRYPTO_malloc) X(CRYPTO_memcmp) X(CRYPTO_secure_allocated) \
	X(CRYPTO_secure_clear_free) X(CRYPTO_secure_free) X(CRYPTO_secure_malloc) \
	X(CRYPTO_secure_malloc_init) X(CRYPTO_secure_malloc_initialized) \
	X(CRYPTO_secure_zalloc) X(ECDSA_SIG_free) X(ECDSA_SIG_get0_r) \
	X(ECDSA_SIG_get0_s) X(ECDSA_SIG_new) X(ECDSA_SIG_set0) X(EC_GROUP_free) \
	X(EC_GROUP_new_by_curve_name) X(EC_POINT_free) X(EC_POINT_new) \
	X(EC_POINT_oct2point) X(ERR_clear_error) X(ERR_peek_error) \
	X(ERR_peek_last_error) X(ERR_pop_to_mark) X(ERR_set_mark) \
	X(EVP_CIPHER_CTX_ctrl) X(EVP_CIPHER_CTX_free) X(EVP_CIPHER_CTX_new) \
	X(EVP_CIPHER_CTX_set_flags) X(EVP_CipherFinal_ex) X(EVP_CipherInit_ex) \
	X(EVP_CipherUpdate) X(EVP_DecryptInit_ex) X(EVP_DecryptUpdate) X(EVP_Digest) \
	X(EVP_DigestFinal_ex) X(EVP_DigestInit_ex) X(EVP_DigestSign) \
	X(EVP_DigestSignInit) X(EVP_DigestUpdate) X(EVP_DigestVerify) \
	X(EVP_DigestVerifyInit) X(EVP_MD_CTX_free) X(EVP_MD_CTX_new) \
	X(EVP_MD_get_size) X(EVP_PKEY_CTX_free) X(EVP_PKEY_CTX_new) \
	X(EVP_PKEY_CTX_new_from_name) X(EVP_PKEY_CTX_set_rsa_mgf1_md) \
	X(EVP_PKEY_CTX_set_rsa_padding) X(EVP_PKEY_CTX_set_rsa_pss_saltlen) \
	X(EVP_PKEY_Q_keygen) X(EVP_PKEY_derive) X(EVP_PKEY_derive_init) \
	X(EVP_PKEY_derive_set_peer) X(EVP_PKEY_dup) X(EVP_PKEY_free) \
	X(EVP_PKEY_fromdata) X(EVP_PKEY_fromdata_init) X(EVP_PKEY_get_bits) \
	X(EVP_PKEY_get_group_name) X(EVP_PKEY_get_octet_string_param) \
	X(EVP_PKEY_get_size) X(EVP_PKEY_is_a) X(EVP_PKEY_set1_encoded_public_key) \
	X(EVP_Q_digest) X(EVP_aes_256_gcm) X(EVP_aes_256_wrap) X(EVP_sha256) \
	X(EVP_sha384) X(EVP_sha512) X(ISSUING_DIST_POINT_free) X(OBJ_get0_data) \
	X(OBJ_length) X(OBJ_obj2nid) X(OBJ_txt2obj) X(OSSL_LIB_CTX_free) \
	X(OSSL_LIB_CTX_new) X(OSSL_PARAM_BLD_free) X(OSSL_PARAM_BLD_new) \
	X(OSSL_PARAM_BLD_push_BN) X(OSSL_PARAM_BLD_push_ulong) \
	X(OSSL_PARAM_BLD_to_param) X(OSSL_PARAM_construct_end) \
	X(OSSL_PARAM_construct_octet_string) X(OSSL_PARAM_construct_utf8_string) \
	X(OSSL_PARAM_free) X(OSSL_PROVIDER_load) X(PEM_read_bio) X(PEM_read_bio_X509) \
	X(RSA_PSS_PARAMS_free) X(RSA_PSS_PARAMS_it) X(X509_ALGOR_cmp) \
	X(X509_ALGOR_free) X(X509_ALGOR_get0) X(X509_ALGOR_it) X(X509_CRL_free) \
	X(X509_CRL_get0_by_serial) X(X509_CRL_get0_extensions) \
	X(X509_CRL_get0_lastUpdate) X(X509_CRL_get0_nextUpdate) \
	X(X509_CRL_get0_signature) X(X509_CRL_get_ext) X(X509_CRL_get_ext_count) \
	X(X509_CRL_get_ext_d2i) X(X509_CRL_get_issuer) X(X509_CRL_get_version) \
	X(X509_CRL_new_ex) X(X509_CRL_up_ref) X(X509_EXTENSION_get_critical) \
	X(X509_EXTENSION_get_data) X(X509_EXTENSION_get_object) \
	X(X509_NAME_ENTRY_get_data) X(X509_NAME_cmp) X(X509_NAME_entry_count) \
	X(X509_NAME_get_entry) X(X509_NAME_get_index_by_NID) X(X509_NAME_hash_ex) \
	X(X509_NAME_oneline) X(X509_cmp) X(X509_free) X(X509_get0_extensions) \
	X(X509_get0_notAfter) X(X509_get0_notBefore) X(X509_get0_serialNumber) \
	X(X509_get0_signature) X(X509_get0_tbs_sigalg) X(X509_get_X509_PUBKEY) \
	X(X509_get_ex_data) X(X509_get_ext) X(X509_get_ext_by_OBJ) \
	X(X509_get_ext_count) X(X509_get_extension_flags) X(X509_get_issuer_name) \
	X(X509_get_key_usage) X(X509_get_pubkey) X(X509_get_subject_name) \
	X(X509_get_version) X(X509_new_ex) X(X509_set_ex_data) X(X509_up_ref) \
	X(X509v3_get_ext) X(X509v3_get_ext_by_OBJ) X(X509v3_get_ext_count) \
	X(d2i_ECDSA_SIG) X(d2i_X509) X(d2i_X509_CRL) X(i2d_ECDSA_SIG) X(i2d_X509) \
	X(i2d_X509_CRL) X(i2d_X509_PUBKEY)

#endif
