/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SECRETS_POLICY_H
#define COCO_SECRETS_POLICY_H

#include "base/macro.h"
#include "base/secret.h"
#include "secrets/place-rules.h"
#include "wire/broker.h"
#include "wire/guid.h"
#include "wire/msg.h"

/*
 * Who may have a secret, and when the secret is wiped.  Each secret has one policy, from
 * secrets.d/NAME.conf or the default for its GUID.
 */

#define CONSUMER_CRYPTSETUP "cryptsetup"	/* any volume; "cryptsetup:NAME" names one */
#define CONSUMER_GET "get"			/* `cococtl secrets get`, by root */
/* LoadCredential= of a unit: "credential:app.service", or of a template's instances */
#define CONSUMER_CREDENTIAL "credential"
/* `cococtl secrets get` by a user, or by a member of a group: "uid:1000", "gid:100" */
#define CONSUMER_USER "uid"
#define CONSUMER_GROUP "gid"
/* any volume that is opened by a token of ours, which names the secret, and by whomever of root */
#define CONSUMER_TOKEN "token"
/* `cococtl secrets place` puts it there by struct place_rules: into a keyring, into a file */
#define CONSUMER_KEYRING "keyring"
#define CONSUMER_FILE "file"
/* a user, over the REST of cocod-rest: "rest:1000"; root too is "rest:0" there */
#define CONSUMER_REST "rest"

/* Where a secret comes from. */
enum secret_origin {
	ORIGIN_LAUNCH,		/* it was injected when the VM was started */
	ORIGIN_BROKER,		/* a broker releases it over the network */
};

/* No name at a broker: what stands for the one that the init data has. */
#define SECRET_PATH_INIT_DATA "init-data"

enum trailing_nul {
	/* strip one NUL that ends a text; keep the last byte of a binary key */
	TRAILING_NUL_AUTO,
	TRAILING_NUL_KEEP,
	TRAILING_NUL_STRIP,	/* strip one NUL, whatever comes before it */
	_TRAILING_NUL_MAX,
};

/* Is a volume's header judged before the secret goes to the volume? */
enum volume_header {
	VOLUME_HEADER_DEFAULT,	/* as cocod.conf says */
	VOLUME_HEADER_VERIFY,
	VOLUME_HEADER_IGNORE,
};

struct secret_policy {
	struct guid guid;	/* without Guid= it is made from the path */
	/* the secret's name at the broker (wire/kbs-uri.h); "" if it never comes from there */
	char path[BROKER_PATH_LEN];
	/* the broker's name is what the init data says; then @path is SECRET_PATH_INIT_DATA */
	bool init_data;
	/* no launch secret has this GUID, and none stands in for the broker's */
	bool no_launch;
	/* its path for the REST of cocod-rest; "" for @path, see secret_policy_rest_path() */
	char rest_path[BROKER_PATH_LEN];
	bool broker_first;	/* the broker is preferred to a launch secret */
	char name[MSG_NAME_LEN + 1];
	char consumers[MSG_CONSUMERS_LEN];	/* words with one blank between them */
	bool consumers_given;	/* by Consumers=; else they are the default */
	enum secret_wipe wipe;
	enum trailing_nul trailing_nul;
	enum volume_header volume_header;
	struct place_rules place;
	bool allow_empty;	/* a secret without bytes may be handed over */
	/* types of LUKS2 tokens: words with one blank between them */
	char allow_tokens[LUKS_TOKENS_LEN];
	char volume_pins[LUKS_PINS_LEN];	/* as in struct luks_question */
};

/*
 * The policy of a GUID that nobody configured.  The LUKS entry is called "luks".  It goes to
 * root, and to any volume of systemd-cryptsetup that asks, and is wiped once a volume is open.
 * Any other secret is named after its GUID, goes to root, and is wiped then.
 */
void secret_policy_default(const struct guid *guid, struct secret_policy *ret);

/*
 * Take the value of Uri=: "kbs:///REPOSITORY/TYPE/TAG", another name of wire/kbs-uri.h without a
 * host, or "init-data".  Returns 0; -EINVAL, -E2BIG.
 */
int secret_policy_set_uri(struct secret_policy *p, const char *text);

/* Take the value of RestPath=, "REPOSITORY/TYPE/TAG".  Returns 0; -EINVAL. */
int secret_policy_set_rest_path(struct secret_policy *p, const char *text);

/*
 * The path by which cocod-rest serves the secret: that of RestPath=, or else that of Uri=.  NULL
 * when it has neither, or Uri= is a plugin's or "init-data".
 */
const char *secret_policy_rest_path(const struct secret_policy *p);

/*
 * The @n-th origin that the policy allows, in order of preference.  Returns 1, or 0 when there
 * are no more.
 */
int secret_policy_origin(const struct secret_policy *p, unsigned n, enum secret_origin *ret);

/* True if both policies allow the same origins, in any order. */
bool secret_policy_same_origins(const struct secret_policy *a, const struct secret_policy *b);

/*
 * Check and take a list of consumers, words between blanks.  Returns 0; -EINVAL for an empty list
 * or an unknown word; -EEXIST for a word that is there twice; -E2BIG when the list does not fit.
 *
 * The default for Wipe= depends on the list.  A unit that is started again wants its credential
 * again, and systemd keeps a copy of it for as long as the unit runs: a secret for units is kept.
 * So is one for tokens: nobody tells us whether the volume opened, and the host writes the tokens.
 * So is one for a keyring or a file, which are removed when it is wiped.
 * So is one for the REST, as a container is started again too.
 * A volume's secret is wiped when it is confirmed, any other when it is delivered.
 */
int secret_policy_set_consumers(struct secret_policy *p, const char *text);
enum secret_wipe secret_policy_default_wipe(const struct secret_policy *p);

/*
 * Check and take a list of types of LUKS2 tokens, words between blanks, that the header of a
 * volume may have.  Returns 0; -EINVAL for an empty list, a word that is not a type, or a type by
 * which systemd-cryptsetup itself opens a volume (luks_token_opens()); -E2BIG when the list does
 * not fit.
 */
int secret_policy_set_allow_tokens(struct secret_policy *p, const char *text);

/*
 * Check and take a list of what the header of a volume must be: "uuid:UUID"; "digest:HEX", that of
 * the volume's key; "header:HEX", 32 bytes over all of its metadata.  Digits are lower-case.
 * Returns 0; -EINVAL for an empty list or another word; -EEXIST for a word that is there twice;
 * -E2BIG when the list does not fit.
 */
int secret_policy_set_volume_pins(struct secret_policy *p, const char *text);

/* True if a volume may have it. */
bool secret_policy_has_volume(const struct secret_policy *p);

/*
 * May @consumer ("get", "token", "cryptsetup:data", "credential:app@one.service") have the
 * secret?  Returns
 * 2 when the policy names it, 1 when "cryptsetup" stands for any volume, or a unit's template for
 * its instances, 0 when not.
 */
int secret_policy_allows(const struct secret_policy *p, const char *consumer);

/*
 * Copy what follows the colon in the @n-th consumer of that @kind into @ret: a volume, a unit.
 * Returns 1, or 0 when there are no more.
 */
int secret_policy_consumer(const struct secret_policy *p, const char *kind, unsigned n,
			   char ret[static MSG_CONSUMERS_LEN]);

/*
 * Copy the @n-th volume that the policy names into @ret.  All of them must be open before the
 * secret is confirmed.  Returns 1, or 0 when there are no more.
 */
int secret_policy_volume(const struct secret_policy *p, unsigned n,
			 char ret[static MSG_NAME_LEN + 1]);

/*
 * How many of the secret's bytes a consumer of passphrases gets: all, or one less for a trailing
 * NUL.
 */
size_t secret_policy_passphrase_len(const struct secret_policy *p, const struct secret *s);

/* Parse the values of Wipe= and TrailingNul=.  Return 0 or -EINVAL. */
int secret_wipe_parse(const char *text, enum secret_wipe *ret);
int trailing_nul_parse(const char *text, enum trailing_nul *ret);

/*
 * True if @name may be a volume's name in crypttab: 1 to MSG_NAME_LEN printable characters
 * without blank, slash, quote or backslash.
 */
bool volume_name_is_valid(const char *name);

#endif
