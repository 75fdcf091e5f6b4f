/* test_faults.c - full, locked, damaged, removed, killed: shown, waited out, nothing that was told
 * durable lost. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"

static void words_mention(const struct words *w, const char *needle)
{
    struct text512 said = {{0}};

    WORDS_RENDER(w, NULL, &said);
    if (!strstr(said.clean, needle))
        fail_msg("\"%s\" does not say \"%s\"", said.clean, needle);
}

/* ---- locked ---- */

static void a_lock_is_shown_and_waited_out(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct client c = rig_client(1);
    struct store_report report;
    sqlite3 *other = NULL;

    rig_settle(s);
    assert_int_equal(sqlite3_open(r->db, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    store_put_client(s, &c);
    store_barrier(s, 5);
    assert_true(rig_phase(s, STORE_LOCKED, RIG_WAIT_MS, &report));
    words_mention(&report.status.why, "history.db is locked");
    assert_false(rig_report(s, STORE_DURABLE, 5, 300, NULL));
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    assert_true(rig_report(s, STORE_DURABLE, 5, RIG_WAIT_MS, NULL));
    assert_int_equal(rig_number(r, "SELECT count(*) FROM client"), 1);
    store_close(s);
}

/* ---- full ---- */

static bool mount_small(const char *dir)
{
    return mkdir(dir, 0700) == 0 && mount("none", dir, "tmpfs", 0, "size=1500k") == 0;
}

static void fill(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT, 0600);
    char block[4096] = "x";

    assert_true(fd >= 0);
    while (write(fd, block, sizeof block) > 0)
        continue;
    close(fd);
}

static void a_full_disk_is_shown_and_waited_out(void **state)
{
    struct rig *r = *state;
    char dir[300], ballast[512];
    struct store_report report;

    snprintf(dir, sizeof dir, "%s/small", r->dir);
    if (!mount_small(dir))
        skip(); /* needs the right to mount */
    snprintf(r->db, sizeof r->db, "%s/history.db", dir);
    snprintf(ballast, sizeof ballast, "%s/ballast", dir);
    struct store *s = rig_open(r, true, true);
    rig_settle(s);
    fill(ballast);
    for (unsigned i = 0; i < 3000; i++) {
        struct client c = rig_client(i);
        assert_true(store_put_client(s, &c));
    }
    store_barrier(s, 6);
    assert_true(rig_phase(s, STORE_FULL, RIG_WAIT_MS, &report));
    words_mention(&report.status.why, "disk full");
    assert_false(rig_report(s, STORE_DURABLE, 6, 300, NULL));
    assert_int_equal(unlink(ballast), 0);
    /* 3,000 clients take some 900 KiB, twice while they are in the log too: make room for that as
     * well. */
    assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT, "size=20m"), 0);
    assert_true(rig_report(s, STORE_DURABLE, 6, RIG_WAIT_MS, NULL));
    assert_int_equal(rig_number(r, "SELECT count(*) FROM client"), 3000);
    store_close(s);
    assert_int_equal(umount(dir), 0);
}

static void a_disk_full_from_the_start_is_waited_out(void **state)
{
    struct rig *r = *state;
    char dir[300], ballast[512];

    snprintf(dir, sizeof dir, "%s/small", r->dir);
    if (!mount_small(dir))
        skip();
    snprintf(r->db, sizeof r->db, "%s/history.db", dir);
    snprintf(ballast, sizeof ballast, "%s/ballast", dir);
    fill(ballast);
    struct store *s = rig_open(r, true, true);
    struct client c = rig_client(1);
    struct config config;
    config_init(&config);
    struct core *core = core_new(&config, "host");
    assert_true(store_load(s, core, NULL));
    core_free(core);
    store_put_client(s, &c);
    store_barrier(s, 7);
    assert_true(rig_phase(s, STORE_FULL, RIG_WAIT_MS, NULL));
    assert_int_equal(unlink(ballast), 0);
    assert_true(rig_report(s, STORE_DURABLE, 7, RIG_WAIT_MS, NULL));
    store_close(s);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM client"), 1);
    assert_int_equal(umount(dir), 0);
}

/* Where nothing can be mounted: a file that may not grow, while many clients are put. */
static void put_on_a_file_that_may_not_grow(struct rig *r, bool (*put)(struct store *, unsigned n))
{
    struct store *s = rig_open(r, true, true);
    struct rlimit before, tight;

    rig_settle(s);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 200000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (unsigned i = 0; i < 3000; i++)
        assert_true(put(s, i));
    store_barrier(s, 8);
    const bool shown = rig_phase(s, STORE_FAILING, RIG_WAIT_MS, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_true(shown);
    assert_true(rig_report(s, STORE_DURABLE, 8, RIG_WAIT_MS, NULL));
    store_close(s);
}

static bool put_client(struct store *s, unsigned n)
{
    const struct client c = rig_client(n);
    return store_put_client(s, &c);
}

static void a_write_error_is_shown_and_waited_out(void **state)
{
    put_on_a_file_that_may_not_grow(*state, put_client);
    assert_int_equal(rig_number(*state, "SELECT count(*) FROM client"), 3000);
}

static bool put_life(struct store *s, unsigned n)
{
    const struct client c = rig_client(n);
    return store_put_life(s, &c);
}

static void numbers_of_rows_that_were_rolled_back_are_forgotten(void **state)
{
    put_on_a_file_that_may_not_grow(*state, put_life);
    assert_int_equal(rig_number(*state, "SELECT count(*) FROM client JOIN life ON client=id"),
                     3000);
}

/* ---- damaged ---- */

static int count_set_aside(const struct rig *r)
{
    char command[700], line[64] = "";

    snprintf(command, sizeof command, "ls '%s'.damaged-* 2>/dev/null | grep -vc -e -wal -e -shm",
             r->db);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    if (!fgets(line, sizeof line, f))
        line[0] = '\0';
    pclose(f);
    return atoi(line);
}

static void overwrite(const struct rig *r, long at, size_t n)
{
    FILE *f = fopen(r->db, "r+b");

    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    for (size_t i = 0; i < n; i++)
        fputc(0xA5, f);
    assert_int_equal(fclose(f), 0);
}

static void make_filled(const struct rig *r)
{
    struct store *s = rig_open(r, true, true);

    for (unsigned i = 0; i < 500; i++) {
        struct client c = rig_client(i);
        struct history_event ev = rig_event(i, 1000 + i, EVENT_STATE_CHANGED);
        store_put_client(s, &c);
        store_put_history(s, &ev, "image", 5);
    }
    store_close(s);
}

static void begins_anew(struct rig *r)
{
    struct store *s = rig_open(r, true, true);
    struct client c = rig_client(1);
    struct store_report report;

    assert_true(rig_phase(s, STORE_REPLACED, RIG_WAIT_MS, &report));
    words_mention(&report.status.why, "history.db.damaged-");
    store_put_client(s, &c);
    rig_settle(s);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM client"), 1);
    store_close(s);
    assert_int_equal(count_set_aside(r), 1);
}

static void a_damaged_header_is_set_aside(void **state)
{
    make_filled(*state);
    overwrite(*state, 0, 100);
    begins_anew(*state);
}

static void a_damaged_schema_is_set_aside(void **state)
{
    make_filled(*state);
    overwrite(*state, 100, 3996);
    begins_anew(*state);
}

static void something_else_in_its_place_is_set_aside(void **state)
{
    struct rig *r = *state;
    char dir[300];

    snprintf(dir, sizeof dir, "%s/state", r->dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    FILE *f = fopen(r->db, "w");
    assert_non_null(f);
    for (int i = 0; i < 300; i++)
        fputs("this is not a database\n", f);
    fclose(f);
    begins_anew(r);
}

/* A page that turns bad while the file is in use. */
static void damage_at_run_time_is_set_aside_and_all_rows_are_asked_for(void **state)
{
    struct rig *r = *state;

    make_filled(r);
    const int64_t root =
        rig_number(r, "SELECT rootpage FROM sqlite_schema WHERE name='sqlite_autoindex_client_1'");
    const int64_t size = rig_number(r, "PRAGMA page_size");
    struct store *s = rig_open(r, true, true);
    rig_settle(s);
    overwrite(r, (long)((root - 1) * size), (size_t)size);
    for (unsigned i = 0; i < 600; i++) {
        struct client c = rig_client(i);
        store_put_client(s, &c);
    }
    store_barrier(s, 9);
    assert_true(rig_report(s, STORE_RESYNC, 0, RIG_WAIT_MS, NULL));
    assert_true(rig_report(s, STORE_DURABLE, 9, RIG_WAIT_MS, NULL));
    assert_int_equal(rig_number(r, "SELECT count(*) FROM client"), 600);
    assert_int_equal(count_set_aside(r), 1);
    store_close(s);
}

/* Two processes use it when it breaks: it is set aside once, and both go on in the new one. */
static void the_other_process_follows_to_the_new_file(void **state)
{
    struct rig *r = *state;
    struct store *a = rig_open(r, true, true), *b = rig_open(r, true, true);
    char moved[600];
    struct command c = rig_command(1, COMMAND_QUEUED);

    rig_settle(a);
    rig_settle(b);
    snprintf(moved, sizeof moved, "%s.gone", r->db);
    assert_int_equal(rename(r->db, moved), 0);
    assert_true(rig_report(a, STORE_RESYNC, 0, RIG_WAIT_MS, NULL));
    assert_true(rig_report(b, STORE_RESYNC, 0, RIG_WAIT_MS, NULL));
    store_put_command(b, &c);
    rig_settle(b);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM command"), 1);
    store_close(a);
    store_close(b);
}

/* ---- killed ---- */

/* Writes for ever; after each durable report the child tells its number on the pipe. */
static _Noreturn void write_for_ever(const struct rig *r, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct store *s = rig_open(r, true, true);

    for (uint32_t i = 1;; i++) {
        struct client c = rig_client(i);
        struct history_event ev = rig_event(i, 1000 + i, EVENT_STATE_CHANGED);
        struct command cmd = rig_command(i, COMMAND_QUEUED);
        if (!store_put_client(s, &c) || !store_put_command(s, &cmd) ||
            !store_put_history(s, &ev, "image", 5) || !store_barrier(s, i) ||
            !rig_report(s, STORE_DURABLE, i, RIG_WAIT_MS, NULL))
            _exit(1);
        if (write(out, &i, sizeof i) != sizeof i)
            _exit(1);
    }
}

static void nothing_reported_durable_is_lost_by_kill_9(void **state)
{
    struct rig *r = *state;
    unsigned seed = 20260405, seen_in_total = 0;

    for (int round = 0; round < 12; round++) {
        int told[2], status;
        uint32_t n = 0, last = 0;
        assert_int_equal(pipe(told), 0);
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_for_ever(r, told[1]);
        close(told[1]);
        const unsigned reports = 1 + (unsigned)(rand_r(&seed) % 40);
        for (unsigned i = 0; i < reports && read(told[0], &n, sizeof n) == sizeof n; i++)
            last = n;
        usleep((useconds_t)(rand_r(&seed) % 3000)); /* somewhere within the next transaction */
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        while (read(told[0], &n, sizeof n) == sizeof n)
            last = n;
        close(told[0]);
        char sql[200];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM client WHERE pid<=%u", 1000 + last);
        assert_int_equal(rig_number(r, sql), last);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM command WHERE issued_at<=%u", 10000 + last);
        assert_int_equal(rig_number(r, sql), last);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM event WHERE at=%u", 1000 + last);
        assert_true(rig_number(r, sql) >= 1);
        assert_int_equal(rig_number(r, "SELECT count(*)-count(DISTINCT seq) FROM event"), 0);
        seen_in_total += last;
    }
    assert_true(seen_in_total > 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_lock_is_shown_and_waited_out),
        RIG_TEST(a_full_disk_is_shown_and_waited_out),
        RIG_TEST(a_disk_full_from_the_start_is_waited_out),
        RIG_TEST(a_write_error_is_shown_and_waited_out),
        RIG_TEST(numbers_of_rows_that_were_rolled_back_are_forgotten),
        RIG_TEST(a_damaged_header_is_set_aside),
        RIG_TEST(a_damaged_schema_is_set_aside),
        RIG_TEST(something_else_in_its_place_is_set_aside),
        RIG_TEST(damage_at_run_time_is_set_aside_and_all_rows_are_asked_for),
        RIG_TEST(the_other_process_follows_to_the_new_file),
        RIG_TEST(nothing_reported_durable_is_lost_by_kill_9),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
