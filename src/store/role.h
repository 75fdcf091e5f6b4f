/* role.h - who records: open file description locks on PATH.lock, gone with their process however it ends.
 *
 *   byte 0         the recorder
 *   byte 1         held shared by those who may send and wait for the role: a read-only recorder yields
 *   byte 2         held while a damaged database is set aside
 *   4096 + owner   this process lives: its outbox rows are its own */
#ifndef STORE_ROLE_H
#define STORE_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define OWNER_RECORDER 0 /* of outbox rows that wait for whoever records */

struct role {
    int fd;
    int64_t owner; /* of this process, never 0 */
    bool want, may_send, held, waiting;
};

bool role_open(struct role *r, const char *path, bool want, bool may_send, struct err *e);
void role_close(struct role *r);
/* Takes, keeps or yields; true when `held` changed. */
bool role_tick(struct role *r);
bool role_held_by_other(const struct role *r);
bool role_owner_lives(const struct role *r, int64_t owner);
bool role_lock_repair(const struct role *r);
void role_unlock_repair(const struct role *r);
/* For readers: is there a recorder? Takes no lock. */
bool role_exists(const char *path);

#endif
