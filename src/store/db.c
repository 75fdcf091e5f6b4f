/* db.c - opening, migrating, damage. The database file is never opened by anything but SQLite:
 * closing any descriptor of it would drop SQLite's POSIX locks for the whole process. */
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/text.h"

enum db_verdict db_verdict(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return DB_DONE;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
        return DB_SKIP_ROW;
    case SQLITE_FULL:
        return DB_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return DB_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return DB_DAMAGED;
    default:
        return DB_FAILING;
    }
}

int db_run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
}

static int query_integer(sqlite3 *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(q);
        if (rc == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL)
            *out = sqlite3_column_int64(q, 0);
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    sqlite3_finalize(q);
    return rc;
}

int64_t db_integer(sqlite3 *db, const char *sql, int64_t preset)
{
    query_integer(db, sql, &preset);
    return preset;
}

int db_user_version(sqlite3 *db, int *version)
{
    int64_t v = 0;
    const int rc = query_integer(db, "PRAGMA user_version", &v);

    *version = (int)v;
    return rc;
}

/* ---- migrations ---- */

/* What is missing, from the version within the transaction: another process may have migrated just
 * now. */
static int run_steps(sqlite3 *db, const struct db_step *steps, int count)
{
    char pragma[64];
    int version, rc = db_user_version(db, &version);

    if (rc != SQLITE_OK || version >= count)
        return rc;
    for (; rc == SQLITE_OK && version < count; version++)
        rc = db_run(db, steps[version].sql);
    snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d", count);
    return rc == SQLITE_OK ? db_run(db, pragma) : rc;
}

/* All in one transaction: a reader meets the old database or the new one, never one in between. */
int db_migrate(sqlite3 *db, const struct db_step *steps, int count)
{
    int version, rc = db_user_version(db, &version);

    if (rc != SQLITE_OK || version >= count)
        return rc;
    rc = db_run(db, "BEGIN IMMEDIATE");
    if (rc != SQLITE_OK)
        return rc;
    rc = run_steps(db, steps, count);
    if (rc == SQLITE_OK)
        rc = db_run(db, "COMMIT");
    if (!sqlite3_get_autocommit(db))
        db_run(db, "ROLLBACK");
    return rc;
}

/* ---- files ---- */

static bool make_parents(const char *path)
{
    char dir[1024];

    if (strlen(path) >= sizeof dir)
        return errno = ENAMETOOLONG, false;
    strcpy(dir, path);
    for (char *p = dir + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(dir, 0700) < 0 && errno != EEXIST)
            return false;
        *p = '/';
    }
    return true;
}

/* A directory with the set-group-id bit that the group may write is shared by several accounts. */
mode_t db_file_mode(const char *path)
{
    char dir[1024];
    struct stat st;

    if (strlen(path) >= sizeof dir)
        return 0600;
    strcpy(dir, path);
    const bool shared =
        stat(dirname(dir), &st) == 0 && (st.st_mode & S_ISGID) && (st.st_mode & S_IWGRP);
    return shared ? 0660 : 0600;
}

bool db_prepare_file(const char *path, struct err *e)
{
    const mode_t mode = db_file_mode(path);

    if (!make_parents(path))
        return err_set(e, EXIT_FAILED, _("%s: %s: make its directory or give --db"), path,
                       strerror(errno));
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 && errno != EEXIST && errno != ENOSPC && errno != EDQUOT)
        return err_set(e, EXIT_FAILED, _("%s: %s: check its directory or give --db"), path,
                       strerror(errno));
    if (fd >= 0) {
        fchmod(fd, db_file_mode(path)); /* whatever the umask; -wal and -shm follow this file */
        close(fd);
    }
    return true;
}

static bool move_one(const char *path, const char *suffix, const char *to)
{
    char from[1100], target[1200];

    snprintf(from, sizeof from, "%s%s", path, suffix);
    snprintf(target, sizeof target, "%s%s", to, suffix);
    return rename(from, target) == 0 || errno == ENOENT;
}

bool db_set_aside(const char *path, char *name, size_t size)
{
    char target[1100], stamp[32];
    const time_t now = time(NULL);
    struct tm tm;
    struct stat st;

    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", localtime_r(&now, &tm));
    snprintf(target, sizeof target, "%s.damaged-%s", path, stamp);
    for (int n = 2; stat(target, &st) == 0 && n < 100; n++)
        snprintf(target, sizeof target, "%s.damaged-%s-%d", path, stamp, n);
    snprintf(name, size, "%s", strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
    /* The log first: a new database must never meet the old one's. */
    return move_one(path, "-wal", target) && move_one(path, "-shm", target) &&
           move_one(path, "", target);
}

/* ---- open ---- */

static int read_schema(sqlite3 *db)
{
    int64_t rows = 0;

    int rc = query_integer(db, "SELECT count(*) FROM sqlite_schema", &rows);
    /* The roots of what is read at every start; a whole quick_check of millions of rows takes
     * minutes. */
    static const char *const probes[] = {
        "SELECT seq FROM meta WHERE id=1", "SELECT max(id) FROM client",
        "SELECT max(seq) FROM event",      "SELECT max(seq) FROM image",
        "SELECT max(id) FROM log",         "SELECT max(token) FROM outbox",
        "SELECT max(id) FROM alarm",       "SELECT max(command_id) FROM command",
    };
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof probes / sizeof *probes; i++)
        rc = query_integer(db, probes[i], &rows);
    return rc;
}

/* wal_autocheckpoint: pages of many clients are dirtied again and again; with a log of 64 MiB a
 * checkpoint writes each of them once (measured with 64 MiB of cache: 1.3 times the rows a second
 * of 32 and 16). */
static int set_up(sqlite3 *db)
{
    sqlite3_busy_timeout(db, DB_BUSY_MS);
    return db_run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-2048;"
                      "PRAGMA wal_autocheckpoint=16000; PRAGMA journal_size_limit=8388608;"
                      "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;");
}

static enum db_verdict check_version(sqlite3 *db, const char *path, struct err *e)
{
    int version;
    const int rc = db_user_version(db, &version);

    if (rc != SQLITE_OK)
        return db_verdict(rc);
    if (version <= db_version)
        return DB_DONE;
    err_set(e, EXIT_FAILED,
            _("%s: is of version %d, newer than this program knows (%d): update infoscreen-tui or "
              "give another --db"),
            path, version, db_version);
    return DB_REFUSED;
}

void db_tell(const char *path, int rc, struct err *e)
{
    if (db_verdict(rc) != DB_DONE)
        err_set(e, EXIT_FAILED, _("%s: %s: check the file and its directory"), path,
                sqlite3_errstr(rc));
}

enum db_verdict db_open(const char *path, sqlite3 **db, struct err *e)
{
    int rc = sqlite3_open_v2(path, db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_EXRESCODE,
                             NULL);
    enum db_verdict v = db_verdict(rc);

    /* The version comes before anything that writes: a newer program's file is left as it is. */
    if (v == DB_DONE) {
        sqlite3_busy_timeout(*db, DB_BUSY_MS);
        v = check_version(*db, path, e);
    }
    if (v == DB_DONE) {
        rc = set_up(*db);
        if (rc == SQLITE_OK)
            rc = db_migrate(*db, db_steps, db_version);
        if (rc == SQLITE_OK)
            rc = read_schema(*db);
        v = db_verdict(rc);
    }
    if (v == DB_DONE)
        return v;
    if (v != DB_REFUSED)
        db_tell(path, rc, e);
    sqlite3_close(*db);
    *db = NULL;
    /* A table that is missing although the version says that it is there is damage too. */
    return (rc & 0xff) == SQLITE_ERROR ? DB_DAMAGED : v;
}
