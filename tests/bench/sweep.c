/* sweep.c - what the recorder looks for every second among many stored commands: sweep [ROWS]
 * Prints the median and the slowest of a hundred looks; judges nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/ring.h"
#include "store/inside.h"

#define LOOKS 101

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "sweep: %s\n", what);
    exit(1);
}

/* All but 1,000 have ended; of those none is overdue. */
static void fill(struct store *s, const char *rows)
{
    char sql[1200];

    snprintf(sql, sizeof sql,
             "BEGIN; INSERT INTO client(id,uuid) VALUES(1,'00000000-0000-4000-8000-000000000001');"
             "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k+1 FROM n WHERE k<%s)"
             " INSERT INTO command(command_id,client,action,action_text,status,rank,requested_by,"
             "reason,error_code,error_message,rollout_id,issued_at,expires_at,late,foreign_origin,"
             "stored_at) SELECT printf('%%08x-0000-4000-8000-000000000000',k),1,'restart_app',"
             "'restart_app',CASE WHEN k%%%d=0 THEN 'published' ELSE 'completed' END,30,'anna','',"
             "'','','',k,%lld+k,0,0,k FROM n; COMMIT",
             rows, atoi(rows) / 1000, (long long)(clock_wall_ms() + 3600000));
    if (db_run(s->writer.db, sql) != SQLITE_OK)
        give_up(sqlite3_errmsg(s->writer.db));
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    const char *rows = argc > 1 ? argv[1] : "1000000";
    char dir[] = "/tmp/infoscreen-sweep-XXXXXX", db[64], command[80];
    double took[LOOKS];
    struct err e = {0};

    if (!mkdtemp(dir))
        give_up("no directory");
    snprintf(db, sizeof db, "%s/history.db", dir);
    struct store s = {.options = {.path = db, .may_send = true, .want_role = true}};
    s.reports = ring_new(1 << 20);
    if (!role_open(&s.role, db, true, true, &e) || !role_tick(&s.role) ||
        writer_open(&s.writer, db, &e) != DB_DONE)
        give_up(e.text);
    s.wall_offset = clock_wall_ms() - clock_mono_ms();
    fill(&s, rows);
    for (int i = 0; i < LOOKS; i++) {
        const double began = now_ms();
        store_look_around(&s, clock_mono_ms());
        took[i] = now_ms() - began;
    }
    qsort(took, LOOKS, sizeof *took, by_size);
    printf("rows %s median_ms %.3f max_ms %.3f\n", rows, took[LOOKS / 2], took[LOOKS - 1]);
    writer_close(&s.writer);
    role_close(&s.role);
    ring_free(s.reports);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command) != 0;
}
