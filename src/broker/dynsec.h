/* dynsec.h - the accounts of devices as Mosquitto's Dynamic Security plugin keeps them: one JSON
 * file, in which each device is a client with a role of its own. A running broker holds them in
 * memory and writes that file at each change: who edits it meanwhile is overwritten. Inside
 * src/broker only. */
#ifndef BROKER_DYNSEC_H
#define BROKER_DYNSEC_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Who may tell a running broker of accounts, by $CONTROL. It has the server account's password and
 * may do nothing else, so that the server account stays at the consoles' listener. */
#define CONTROL_ACCOUNT "infoscreen-provision"
#define CONTROL_TOPIC   "$CONTROL/dynamic-security/v1"
#define CONTROL_ANSWERS CONTROL_TOPIC "/response"

struct dynsec;
struct hashed;

/* Nobody but the control account. NULL: out of memory. */
struct dynsec *dynsec_new(const struct hashed *control_password);
/* EXIT_FAILED: what the plugin would not take, and then let nobody in. */
struct dynsec *dynsec_parse(const char *path, const char *text, struct err *e);
void dynsec_free(struct dynsec *d);
bool dynsec_print(const struct dynsec *d, struct buf *out);

/* What the JSON says, as an acl_file and a password file would say it: whoever judges accounts has
 * one form to read. The control account is left out. */
bool dynsec_rules(const struct dynsec *d, struct buf *out);
bool dynsec_passwords(const struct dynsec *d, struct buf *out);

/* A client and its role. rules: its block of an acl_file ("topic read …" lines; others are passed
 * over). */
bool dynsec_add(struct dynsec *d, const char *username, const struct hashed *password,
                const char *rules);
/* Takes out every client and role for which gone() is true. */
void dynsec_drop(struct dynsec *d, bool (*gone)(void *user, const char *username), void *user);
/* Gives the clients new passwords for which password_of() has one; it returns NULL for the rest. */
bool dynsec_set_passwords(struct dynsec *d,
                          const char *(*password_of)(void *user, const char *username), void *user);
/* Tells, one by one, what no acl_file could say: rights beyond each client's own role, or
 * that role missing. */
void dynsec_each_excess(const struct dynsec *d, void (*tell)(void *user, const char *sentence),
                        void *user);

/* ---- what a running broker is told: one message of CONTROL_TOPIC each ---- */

bool dynsec_ask_add(struct buf *out, const char *username, const char *password, const char *rules);
bool dynsec_ask_remove(struct buf *out, const char *username);
bool dynsec_ask_password(struct buf *out, const char *username, const char *password);
/* Did the broker do all that it was told? Else `why` is its first complaint. */
bool dynsec_answer(const char *text, char *why, size_t size);

#endif
