/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_SETTINGS_H
#define COCO_BROKER_SERVE_SETTINGS_H

#include "base/cause.h"
#include "base/macro.h"
#include "broker/store/store.h"

/*
 * /etc/coco-broker/coco-broker.conf, coco-broker.conf(5), by the rules of base/ini.h:
 *
 *	[Broker]
 *	Name=kbs.example.org	names and addresses in the TLS certificate
 *	Instance=a		of the audit chain; default: the host's name
 *	MasterKey=FILE Identity=FILE Certificate=FILE
 *				default: the credentials "master", "identity" and "certificate" of
 *				the unit, else master.key, identity.key and identity.pem beside
 *				the file
 *	Trust=FILE		root keys instead of the built-in ones
 *	Collateral=DIR
 *	[Collateral]		fetched by the broker itself, if Refresh= is set
 *	Refresh=6h Cache=DIR Kds=URL Pcs=URL Authority=FILE TimeoutSec=30s
 *	[Audit]
 *	CheckpointSec=1h	how often the head of the chain is written to the log, signed
 *	[Store]
 *	Address=sqlite:FILE	or etcd:https://HOST:PORT,...
 *	Authority= Certificate= Key= User= PasswordFile= Prefix= TimeoutSec=
 *	[Listen]		without systemd's sockets; each may have several words
 *	Tls=[::]:8443 Unix=PATH Plain=127.0.0.1:8080
 *	Admin=/run/coco-broker/admin.sock
 *	[Limits]
 *	Rate= Burst= RateAll= BurstAll= Connections= Threads= Relay=ADDRESS
 *	[Admin]
 *	Users=coco-admins	users and groups of the admin socket; root always
 *	TokenKey=FILE		public key for the REST of Trustee's kbs-client; without it, that is
 *				refused
 */
#define STORE_ADDRESS_DEFAULT "sqlite:/var/lib/coco-broker/store.sqlite"
#define COLLATERAL_DEFAULT "/var/lib/coco-broker/collateral"
#define CACHE_DEFAULT "/var/lib/coco-broker/fetched"
#define CHECKPOINT_USEC_DEFAULT (3600 * UINT64_C(1000000))

#define SETTINGS_LIST_MAX 16
#define SETTINGS_FILE_MAX 65536

struct broker_settings {
	char *names[SETTINGS_LIST_MAX + 1];
	char *instance, *master_key, *identity, *certificate, *trust, *collateral;
	uint64_t refresh_usec, fetch_timeout_usec;	/* 0: nothing is fetched */
	uint64_t checkpoint_usec;
	char *cache, *kds, *pcs, *fetch_authority;	/* @cache NULL: nothing is fetched */
	char *store_address, *store_authority, *store_certificate, *store_key, *store_user,
		*store_password_file, *store_prefix;
	uint64_t store_timeout_usec;
	char *tls[SETTINGS_LIST_MAX + 1], *unix_paths[SETTINGS_LIST_MAX + 1],
		*plain[SETTINGS_LIST_MAX + 1], *admin, *relays[SETTINGS_LIST_MAX + 1];
	unsigned rate, burst, rate_all, burst_all, connections, threads;
	char *admin_users, *token_key;
};

/*
 * Read the file at @path; what it does not set has its default, and numbers are 0.  The environment
 * variable CREDENTIALS_DIRECTORY, which systemd sets, is looked at.
 *
 * Returns 0; -ENOENT; -EMSGSIZE over SETTINGS_FILE_MAX; -EBADMSG, with the line in @why, for a text
 * that base/ini.h refuses, an option that is unknown, a wrong value, options that need each other,
 * or without Name=; -EIO when it cannot be read; -ENOMEM.  @ret is zero before; it is the caller's
 * for broker_settings_done() in any case.
 */
#define SETTINGS_PATH "/etc/coco-broker/coco-broker.conf"
int broker_settings_read(const char *path, struct broker_settings *ret, struct cause *why);
void broker_settings_done(struct broker_settings *s);

/* Open the store of [Store].  As store_open(). */
int broker_settings_store(const struct broker_settings *s, struct store **ret, struct cause *why);

#endif
