/* provision.h - a Mosquitto directory: made by `broker init`, grown by `broker add` (contract section 3).
 * Writes aside, validates, fsyncs, renames; a reload of a broken file would open the broker to all. */
#ifndef BROKER_PROVISION_H
#define BROKER_PROVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "core/uid.h"

#define SERVER_ACCOUNT "infoscreen-server"
#define PASSWORD_SIZE  33 /* 32 characters of 128 random bits and NUL */
#define USERNAME_SIZE  32 /* "infoscreen-client-" + 8 + NUL fits */

struct provision_init {
    const char *dir;
    const char *listen, *device_listen; /* HOST:PORT; NULL: the contract's defaults */
    const char *cert, *key, *cafile;    /* NULL: no TLS */
    bool self_signed, insecure;
};

struct account {
    char username[USERNAME_SIZE];
    char password[PASSWORD_SIZE]; /* "" where it isn't known (list) */
    char client_uuid[UID_TEXT];   /* "" for the server account */
};

/* Fills *server. Errors: EXIT_POLICY (would overwrite, open listener without --insecure), EXIT_FAILED. */
bool provision_create(const struct provision_init *o, struct account *server, struct err *e);
/* Adds n accounts at once (one rewrite, one reload). made[n] is filled. group: "" = none. */
bool provision_add(const char *dir, const char *const *uuids, int n, const char *group, pid_t broker_pid,
                   struct account *made, bool *proved, struct err *e);
bool provision_list(const char *dir, struct account **list, int *n, struct err *e); /* free() the list */
/* Ports of the two listeners as written. */
bool provision_ports(const char *dir, int *console_port, int *device_port, struct err *e);

#endif
