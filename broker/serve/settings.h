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
 *	Name=kbs.example.org			(in the TLS certificate; may be given again)
 *	Instance=a				(of the audit chain; default: the host's name)
 *	MasterKey=FILE  Identity=FILE  Certificate=FILE
 *						(default: credentials "master", "identity"
 *						of the unit,
 *						else master.key, identity.key, identity.pem
 *						beside the file)
 *	Trust=FILE				(root keys instead of the built-in ones)
 *	Collateral=DIR				(default /var/lib/coco-broker/collateral)
 *	[Store]
 *	Address=sqlite:/var/lib/coco-broker/store.sqlite
 *	Authority= Certificate= Key= User= PasswordFile= Prefix= TimeoutSec=
 *	[Listen]
 *	Tls=[::]:8443  Unix=PATH  Plain=127.0.0.1:8080  Admin=/run/coco-broker/admin.sock
 *						(without systemd's sockets; may be given again)
 *	[Limits]
 *	Rate= Burst= RateAll= BurstAll= Connections= Threads= Relay=ADDRESS
 *	[Admin]
 *	Users=root coco-admins			(users and groups that may use the admin socket;
 *						root always)
 *	TokenKey=FILE				(public key for the admin REST of Trustee's
 *						kbs-client; not
 *						set: that REST is refused)
 */
#define SETTINGS_LIST_MAX 16
#define SETTINGS_FILE_MAX 65536

struct broker_settings {
	char *names[SETTINGS_LIST_MAX + 1];
	char *instance, *master_key, *identity, *certificate, *trust, *collateral;
	char *store_address, *store_authority, *store_certificate, *store_key, *store_user,
		*store_password_file, *store_prefix;
	uint64_t store_timeout_usec;
	char *tls[SETTINGS_LIST_MAX + 1], *unix_paths[SETTINGS_LIST_MAX + 1],
		*plain[SETTINGS_LIST_MAX + 1], *admin, *relays[SETTINGS_LIST_MAX + 1];
	unsigned rate, burst, rate_all, burst_all, connections, threads;
	char *admin_users, *token_key;
};

/*
 * Read the file at @path; what it does not set has its default.  An unknown option, a section or an
 * option twice that may be there once, a wrong value: -EBADMSG with the line in @why.  @ret is zero
 * before, and always for broker_settings_done().
 */
#define SETTINGS_PATH "/etc/coco-broker/coco-broker.conf"
int broker_settings_read(const char *path, struct broker_settings *ret, struct cause *why);
void broker_settings_done(struct broker_settings *s);

#endif
