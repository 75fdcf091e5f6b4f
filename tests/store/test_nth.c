/* test_nth.c - the n-th write, sync or allocation fails, for every n until none does: the store says
 * so or goes on, sets nothing aside, and all that was put is on disk in the end. Each n is a process
 * of its own, two dozen at a time, since a store in trouble waits a second before it tries again.
 * FAULTS=all takes every n; by default they are taken ever more sparsely. */
#include "rig.h"

#include <dirent.h>
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/core.h"

#define AT_A_TIME 24
#define ROUNDS    5
#define GIVEN_MS  30000

enum fault { FAULT_WRITE, FAULT_FULL, FAULT_SYNC, FAULT_MEMORY };
enum outcome { SURVIVED, BROKEN, NONE_FAILED };

/* ---- what fails, and when ---- */

static struct {
    atomic_int kind;
    atomic_long left; /* until it fails; 0: not armed or over */
    atomic_bool struck;
} fault;

static bool strikes(enum fault kind)
{
    if (atomic_load(&fault.kind) != (int)kind || atomic_load(&fault.left) <= 0)
        return false;
    if (atomic_fetch_sub(&fault.left, 1) != 1)
        return false;
    atomic_store(&fault.struck, true);
    return true;
}

static void arm(enum fault kind, long n)
{
    atomic_store(&fault.kind, (int)kind);
    atomic_store(&fault.struck, false);
    atomic_store(&fault.left, n);
}

static bool disarm(void)
{
    atomic_store(&fault.left, 0);
    return atomic_load(&fault.struck);
}

/* ---- files: SQLite's own methods with some of them replaced ---- */

static struct {
    int (*open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
    int (*write)(sqlite3_file *, const void *, int, sqlite3_int64);
    int (*sync)(sqlite3_file *, int);
} real;

static int write_or_fail(sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at)
{
    if (strikes(FAULT_WRITE))
        return SQLITE_IOERR_WRITE;
    return strikes(FAULT_FULL) ? SQLITE_FULL : real.write(f, bytes, n, at);
}

static int sync_or_fail(sqlite3_file *f, int flags)
{
    return strikes(FAULT_SYNC) ? SQLITE_IOERR_FSYNC : real.sync(f, flags);
}

/* The tables of the unix files differ in locking alone: one copy of each. */
static const sqlite3_io_methods *with_faults(const sqlite3_io_methods *theirs)
{
    static struct {
        const sqlite3_io_methods *theirs;
        sqlite3_io_methods ours;
    } copies[8];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int i = 0;

    pthread_mutex_lock(&lock);
    while (copies[i].theirs && copies[i].theirs != theirs)
        i++;
    if (!copies[i].theirs) {
        real.write = theirs->xWrite;
        real.sync = theirs->xSync;
        copies[i].ours = *theirs;
        copies[i].ours.xWrite = write_or_fail;
        copies[i].ours.xSync = sync_or_fail;
        copies[i].theirs = theirs;
    }
    pthread_mutex_unlock(&lock);
    return &copies[i].ours;
}

static int open_with_faults(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    const int rc = real.open(vfs, name, f, flags, out);

    if (f->pMethods)
        f->pMethods = with_faults(f->pMethods);
    return rc;
}

static int stand_before_sqlite(void **state)
{
    static sqlite3_vfs ours;

    (void)state;
    ours = *sqlite3_vfs_find(NULL);
    real.open = ours.xOpen;
    ours.zName = "faulty";
    ours.xOpen = open_with_faults;
    return sqlite3_vfs_register(&ours, 1) == SQLITE_OK ? 0 : -1;
}

/* ---- memory ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_MEMORY false /* the sanitizer stands there itself */
#else
#define COUNTS_MEMORY true
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

void *malloc(size_t n)
{
    return strikes(FAULT_MEMORY) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return strikes(FAULT_MEMORY) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return strikes(FAULT_MEMORY) ? NULL : __libc_realloc(p, n);
}
#endif

/* ---- one run, in a process of its own ---- */

static const char *running; /* said with what went wrong */
static long running_n;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s %ld: %s\n", running, running_n, what);
    _exit(BROKEN);
}

/* Trouble at the start may be told instead of waited out; then nothing failed any more. */
static struct store *open_somehow(const struct rig *r)
{
    const struct store_options o = {.path = r->db,
                                    .retention_ms = INT64_C(400) * 365 * 86400000,
                                    .may_send = true,
                                    .want_role = true};
    struct err e = {0};
    struct store *s = store_open(&o, &e);

    if (!s) {
        must(e.code != 0 && e.text[0], "refused without a word");
        must(atomic_load(&fault.struck), "refused without a reason");
        s = store_open(&o, &e);
    }
    must(s != NULL, e.text);
    return s;
}

static void put_round(struct store *s, unsigned i)
{
    const struct client c = rig_client(i);
    struct command cmd = rig_command(i, COMMAND_ACCEPTED);
    const struct alarm a = rig_alarm(i, ALARM_UNACKNOWLEDGED);
    const struct history_event ev = rig_event(i, 1000 + i, EVENT_STATE_CHANGED);
    const struct effect row = {.kind = OUT_OUTBOX_PUT,
                               .durable = true,
                               .u.publish = {.token = 100 + i,
                                             .topic = "infoscreen/x/commands",
                                             .payload = "{}",
                                             .len = 2,
                                             .expires_at = TIME_NONE}};

    cmd.acks[cmd.ack_count++] =
        (struct command_ack){.status = COMMAND_ACCEPTED, .topic = ACK_ALIAS, .received_at = 1};
    must(store_put_client(s, &c) && store_put_command(s, &cmd) &&
             store_put_alarm(s, &a, "payload", 7) && store_put_history(s, &ev, "image", 5) &&
             store_put_outbox(s, &row) && store_barrier(s, i),
         "the queue refused a row");
    must(rig_report(s, STORE_DURABLE, i, GIVEN_MS, NULL), "never became durable");
}

static void check_rows(const struct rig *r, unsigned i)
{
    static const char *const counts[] = {
        "SELECT count(*) FROM client",    "SELECT count(*) FROM life",
        "SELECT count(*) FROM command",   "SELECT count(*) FROM command_ack",
        "SELECT count(*) FROM alarm",     "SELECT count(*) FROM outbox",
        "SELECT count(DISTINCT seq) FROM event",
        "SELECT count(*) FROM event",     "SELECT count(*) FROM image",
    };

    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        const int64_t n = rig_number(r, counts[k]);
        if (n != i)
            fprintf(stderr, "%lld instead of %u\n", (long long)n, i);
        must(n == i, counts[k]);
    }
}

static void check_nothing_set_aside(const struct rig *r)
{
    char path[512];
    DIR *dir = opendir(dirname(strcpy(path, r->db)));
    const struct dirent *d;

    while (dir && (d = readdir(dir)))
        must(!strstr(d->d_name, "damaged"), "a fault of the moment was taken for damage");
    if (dir)
        closedir(dir);
}

static _Noreturn void run(const struct rig *r, enum fault kind, long n)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    arm(kind, n);
    struct store *s = open_somehow(r);
    for (unsigned i = 1; i <= ROUNDS; i++)
        put_round(s, i);
    const bool struck = disarm();
    check_rows(r, ROUNDS);
    store_close(s);
    check_rows(r, ROUNDS);
    must(rig_number(r, "SELECT count(*) FROM pragma_integrity_check"
                       " WHERE integrity_check='ok'") == 1,
         "the database is damaged");
    check_nothing_set_aside(r);
    _exit(struck ? SURVIVED : NONE_FAILED);
}

/* ---- all n ---- */

static pid_t start(const char *dir, enum fault kind, long n)
{
    struct rig r;

    snprintf(r.dir, sizeof r.dir, "%.200s/%ld", dir, n);
    snprintf(r.db, sizeof r.db, "%s/history.db", r.dir);
    assert_int_equal(mkdir(r.dir, 0700), 0);
    running_n = n;
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        run(&r, kind, n);
    return pid;
}

static long after(long n)
{
    const char *faults = getenv("FAULTS");

    return faults && strcmp(faults, "all") == 0 ? n + 1 : n + 1 + n / 8;
}

static void fail_each(struct rig *r, enum fault kind, const char *what)
{
    bool over = false;
    int runs = 0, broken = 0;

    running = what;
    for (long n = 1; !over;) {
        pid_t pids[AT_A_TIME];
        for (int i = 0; i < AT_A_TIME; i++, n = after(n))
            pids[i] = start(r->dir, kind, n);
        for (int i = 0; i < AT_A_TIME; i++) {
            int status;
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            const int outcome = WIFEXITED(status) ? WEXITSTATUS(status) : BROKEN;
            over |= outcome == NONE_FAILED;
            runs += outcome == SURVIVED;
            broken += outcome == BROKEN;
        }
        assert_int_equal(broken, 0);
    }
    print_message("%s: %d faults survived\n", what, runs);
    assert_true(runs > 0);
}

static void each_write(void **state)
{
    fail_each(*state, FAULT_WRITE, "write");
}

static void each_write_on_a_full_disk(void **state)
{
    fail_each(*state, FAULT_FULL, "full");
}

static void each_sync(void **state)
{
    fail_each(*state, FAULT_SYNC, "sync");
}

static void each_allocation(void **state)
{
    if (!COUNTS_MEMORY)
        skip();
    fail_each(*state, FAULT_MEMORY, "allocation");
}

/* ---- a disk of 256 KiB ---- */

#define FULL_MS 1500 /* not durable by then: it waits for room */

/* Needs the right to mount. The empty tables just fit. */
static bool mount_small(const char *dir)
{
    return mkdir(dir, 0700) == 0 && mount("none", dir, "tmpfs", 0, "size=256k") == 0;
}

static _Noreturn void write_until_full(const struct rig *r, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct store *s = rig_open(r, true, true);

    for (uint32_t i = 1;; i++) {
        const struct client c = rig_client(i);
        if (!store_put_client(s, &c) || !store_barrier(s, i))
            _exit(BROKEN);
        const uint32_t told = rig_report(s, STORE_DURABLE, i, FULL_MS, NULL) ? i : 0; /* 0: full */
        if (write(out, &told, sizeof told) != sizeof told || !told)
            pause();
    }
}

static void what_was_acknowledged_outlives_a_full_disk_and_a_kill(void **state)
{
    struct rig *r = *state;
    char dir[300], sql[100];
    uint32_t n = 0, last = 0;
    int told[2], status;

    snprintf(dir, sizeof dir, "%s/small", r->dir);
    if (!mount_small(dir))
        skip();
    snprintf(r->db, sizeof r->db, "%s/history.db", dir);
    assert_int_equal(pipe(told), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        write_until_full(r, told[1]);
    close(told[1]);
    while (read(told[0], &n, sizeof n) == sizeof n && n)
        last = n;
    assert_int_equal(n, 0); /* it said that it is full */
    assert_true(last > 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(told[0]);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM client WHERE pid<=%u", 1000 + last);
    assert_int_equal(rig_number(r, sql), last);
    assert_int_equal(umount(dir), 0);
}

static void a_disk_of_256_KiB_is_waited_out(void **state)
{
    struct rig *r = *state;
    char dir[300];
    unsigned n = 0;

    snprintf(dir, sizeof dir, "%s/small", r->dir);
    if (!mount_small(dir))
        skip();
    snprintf(r->db, sizeof r->db, "%s/history.db", dir);
    struct store *s = rig_open(r, true, true);
    do {
        const struct client c = rig_client(++n);
        assert_true(store_put_client(s, &c));
        assert_true(store_barrier(s, n));
    } while (rig_report(s, STORE_DURABLE, n, FULL_MS, NULL));
    assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT, "size=20m"), 0);
    assert_true(rig_report(s, STORE_DURABLE, n, GIVEN_MS, NULL));
    assert_int_equal(rig_number(r, "SELECT count(*) FROM client"), n);
    store_close(s);
    assert_int_equal(umount(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(each_write),
        RIG_TEST(each_write_on_a_full_disk),
        RIG_TEST(each_sync),
        RIG_TEST(each_allocation),
        RIG_TEST(what_was_acknowledged_outlives_a_full_disk_and_a_kill),
        RIG_TEST(a_disk_of_256_KiB_is_waited_out),
    };

    return cmocka_run_group_tests_name("store: the n-th fault", tests, stand_before_sqlite, NULL);
}
