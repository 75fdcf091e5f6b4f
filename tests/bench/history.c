/* history.c - what the history costs, with the store itself: history [ROWS [CLIENTS [DIR]]]
 * Writes ROWS events (with the after-image that most of them carry) of CLIENTS clients in random
 * order through the queue and the store's thread, then reads the last 200 of one client: cold (page
 * cache dropped, a new connection), warm (other clients on an open connection) and the same client
 * again. Prints; judges nothing. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/ring.h"
#include "core/image.h"
#include "store/read.h"
#include "store/store.h"

#define COLD_READS 7
#define WARM_READS 101
#define LAST       200

static uint64_t random_state = 88172645463325252ULL;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct uid uid_of(uint64_t n)
{
    struct uid u;
    const uint64_t a = n * UINT64_C(0x9E3779B97F4A7C15), b = ~a * UINT64_C(0xC2B2AE3D27D4EB4F);

    memcpy(u.b, &a, 8);
    memcpy(u.b + 8, &b, 8);
    return u;
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "history: %s\n", what);
    exit(1);
}

static void wait_durable(struct store *s, uint64_t token)
{
    struct ring *ring = store_reports(s);

    for (;;) {
        const struct store_report *r;
        size_t bytes;
        while ((r = ring_peek(ring, &bytes))) {
            const bool found = r->kind == STORE_DURABLE && r->token == token;
            ring_pop(ring);
            if (found)
                return;
        }
        poll(&(struct pollfd){.fd = ring_fd(ring), .events = POLLIN}, 1, 1000);
    }
}

static void make_event(struct history_event *ev, uint64_t client, int64_t at)
{
    static const enum event_kind kinds[] = {EVENT_STATE_CHANGED, EVENT_ALARM_RAISED,
                                            EVENT_ALARM_CLEARED, EVENT_RECONNECT};
    char pid[24];

    *ev = (struct history_event){
        .at = at, .kind = kinds[next_random() % 4], .client = uid_of(client)};
    ev->summary.id = "{1} crashed, pid {2}";
    TEXT_SET(&ev->summary.arg[0], "impressive", 10);
    const int n = snprintf(pid, sizeof pid, "%u", (unsigned)(next_random() % 32768));
    TEXT_SET(&ev->summary.arg[1], pid, (size_t)n);
}

static void make_image(uint64_t client, struct buf *out)
{
    struct client c = {.id = uid_of(client), .state = CLIENT_CRASHED, .crashed = true};

    uid_format(&c.id, c.spelling);
    TEXT_SET(&c.hostname, "lobby-4711", 10);
    TEXT_SET(&c.group, "vienna-1", 8);
    TEXT_SET(&c.process, "impressive", 10);
    TEXT_SET(&c.process_status, "crashed", 7);
    c.pid = 4711;
    c.expected_event_id = c.current_event_id = 42;
    c.reconnect_count = 3;
    c.first_seen_at = c.last_heartbeat_at = c.last_health_at = c.last_disconnect_at =
        c.state_since_at = clock_wall_ms();
    if (!image_of_client(&c, out))
        give_up("out of memory");
}

static void write_rows(struct store *s, long rows, uint64_t clients, bool images)
{
    struct history_event ev;
    struct buf image = BUF_INIT;
    const int64_t began = clock_wall_ms() - rows;
    double part = now_s();
    const double start = part;

    make_image(1, &image);
    for (long i = 0; i < rows; i++) {
        make_event(&ev, next_random() % clients, began + i);
        while (!store_put_history(s, &ev, image.data, images ? image.len : 0))
            usleep(2000); /* the queue is full: the disk is what is measured */
        if ((i + 1) % (rows / 5 ? rows / 5 : 1) == 0) {
            fprintf(stderr, "%ld rows, %.0f rows/s in this part\n", i + 1,
                    (double)(rows / 5) / (now_s() - part));
            part = now_s();
        }
    }
    if (!store_barrier(s, 1))
        give_up("no room for a barrier");
    wait_durable(s, 1);
    printf("history: %ld events of %llu clients written%s: %.0f a second\n", rows,
           (unsigned long long)clients, images ? " with images" : "",
           (double)rows / (now_s() - start));
    buf_fini(&image);
}

static bool count(void *user, const struct history_event *ev, const char *packed)
{
    (void)ev, (void)packed;
    ++*(int *)user;
    return true;
}

static double read_last(struct reader *r, uint64_t client)
{
    const struct uid id = uid_of(client);
    const struct history_query q = {
        .client = &id, .since_at = TIME_NONE, .until_at = TIME_NONE, .kind = -1, .limit = LAST};
    const double start = now_s();
    int n = 0;

    if (!reader_history(r, &q, count, &n, NULL) || n == 0)
        give_up("nothing read");
    return (now_s() - start) * 1000;
}

static struct reader *open_reader(const char *path)
{
    struct err e = {0};
    struct reader *r = reader_open(path, &e);

    if (!r)
        give_up(e.text);
    return r;
}

static void drop_caches(const char *path)
{
    sync();
    const int all = open("/proc/sys/vm/drop_caches", O_WRONLY);
    if (all >= 0) {
        if (write(all, "3", 1) < 0)
            perror("drop_caches");
        close(all);
    }
    const int fd = open(path, O_RDONLY);
    if (fd >= 0) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_times(const char *what, double *ms, int n)
{
    qsort(ms, (size_t)n, sizeof *ms, compare);
    printf("history: the last %d of a client, %s: %.2f ms (%.2f to %.2f)\n", LAST, what, ms[n / 2],
           ms[0], ms[n - 1]);
}

static void read_rows(const char *path, uint64_t clients)
{
    double cold[COLD_READS], other[WARM_READS], same[WARM_READS];

    for (int i = 0; i < COLD_READS; i++) {
        drop_caches(path);
        const double start = now_s();
        struct reader *r = open_reader(path);
        const double opened = (now_s() - start) * 1000;
        cold[i] = opened + read_last(r, next_random() % clients);
        reader_close(r);
    }
    struct reader *r = open_reader(path);
    for (int i = 0; i < WARM_READS; i++)
        other[i] = read_last(r, next_random() % clients);
    for (int i = 0; i < WARM_READS; i++)
        same[i] = read_last(r, 7);
    reader_close(r);
    print_times("cold, opening included", cold, COLD_READS);
    print_times("warm, other clients", other, WARM_READS);
    print_times("warm, the same again", same, WARM_READS);
}

int main(int argc, char **argv)
{
    const long rows = argc > 1 ? atol(argv[1]) : 2000000;
    const uint64_t clients = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000;
    const bool images = !getenv("BENCH_NO_IMAGES");
    char dir[256], path[300], command[400];
    struct err e = {0};
    struct stat st;

    snprintf(dir, sizeof dir, "%s/infoscreen-history-XXXXXX", argc > 3 ? argv[3] : "/tmp");
    if (rows <= 0 || clients == 0 || !mkdtemp(dir))
        give_up("usage: history [ROWS [CLIENTS [DIR]]]");
    snprintf(path, sizeof path, "%s/history.db", dir);
    const struct store_options o = {
        .path = path, .retention_ms = INT64_C(90) * 86400000, .may_send = true};
    struct store *s = store_open(&o, &e);
    if (!s)
        give_up(e.text);
    write_rows(s, rows, clients, images);
    store_close(s);
    if (stat(path, &st) == 0)
        printf("history: %.2f GiB, %.0f bytes an event\n", (double)st.st_size / (1 << 30),
               (double)st.st_size / (double)rows);
    read_rows(path, clients);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) == 0 ? 0 : 1;
}
