/* db.h - one SQLite connection: opening, migrating, what an error means, setting a damaged file aside.
 * Within the room. A handle is used by one thread at a time. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "core/status.h"

#define DB_BUSY_MS 1000 /* how long another writer is waited for before it is shown */

/* What a result code asks for. */
enum db_verdict {
    DB_DONE,
    DB_SKIP_ROW, /* this row will never go in: the rest shall not wait for it */
    DB_FULL,     /* these four: keep everything, try again */
    DB_LOCKED,
    DB_FAILING,
    DB_DAMAGED,  /* set aside, begin anew */
    DB_REFUSED,  /* not ours to touch: a newer version */
};
enum db_verdict db_verdict(int rc);

struct db_step {
    const char *sql;
};
extern const struct db_step db_steps[]; /* step k leads from user_version k to k + 1 */
extern const int db_version;
/* Runs the steps that are missing, in one transaction. */
int db_migrate(sqlite3 *db, const struct db_step *steps, int count);
int db_user_version(sqlite3 *db, int *version);

/* Directories and the file with the modes that the place asks for (0600, or 0660 in a 2770 directory). */
bool db_prepare_file(const char *path, struct err *e);
mode_t db_file_mode(const char *path);
/* What a code of SQLite means for the file, in words; nothing where all is well. */
void db_tell(const char *path, int rc, struct err *e);
/* Opens for writing, migrates, checks. On anything but DB_DONE *db is NULL and e says why. */
enum db_verdict db_open(const char *path, sqlite3 **db, struct err *e);
/* Renames path, -wal and -shm to PATH.damaged-<time>; name gets the new base name. */
bool db_set_aside(const char *path, char *name, size_t size);

int db_run(sqlite3 *db, const char *sql);
/* Prepares, for statements that live as long as their connection. */
int db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out);
/* First column of the first row; preset without one. */
int64_t db_integer(sqlite3 *db, const char *sql, int64_t preset);

#endif
