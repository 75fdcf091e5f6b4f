/* Brokers that lie, stop, or know only half the protocol. The lying one is a script over TCP. */
#include "rig.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEALTH "infoscreen/41aa03c2-0000-4000-8000-000000000001/health"

enum lie {
    HONEST,
    HANGS_UP,     /* on each CONNECT of MQTT 5 */
    SAYS_84,      /* CONNACK 0x84 to MQTT 5 */
    SAYS_1,       /* CONNACK 1 in the old format to MQTT 5 */
    GREETS_BADLY, /* `bytes` instead of a CONNACK, once */
    TALKS_BADLY,  /* `bytes` after the first SUBSCRIBE, once */
    SUBACK_EMPTY, /* once */
    SUBACK_NEVER, /* once */
    ONLY_LISTENS, /* MQTT 3.1.1 alone, and hangs up on what is published below "secret" */
    SLICES,       /* honest, in single bytes */
    WITHHOLDS,    /* would take any number at once, and answers no more than it is let */
};

/* A connection that was reset and whose end nobody has read yet: the kernel tells the next writer. */
static atomic_bool reset_unread;

ssize_t write(int fd, const void *bytes, size_t n)
{
    static ssize_t (*real)(int, const void *, size_t);
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;

    if (atomic_load(&reset_unread) && getpeername(fd, (struct sockaddr *)&peer, &len) == 0) {
        shutdown(fd, SHUT_RDWR); /* once: it is down */
        errno = ECONNRESET;
        return -1;
    }
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "write");
    return real(fd, bytes, n);
}

#define MANY   50
#define WINDOW 20 /* at most so many publishes wait for their PUBACK */

struct liar {
    int listener, port;
    pthread_t thread;
    enum lie lie;
    const char *bytes;
    size_t len;
    bool once_done;
    atomic_bool stop;
    atomic_int connects, protocol, refused, farewells, ends;
    /* WITHHOLDS: what came at QoS 1, in its order, and how much of it may be answered by now. */
    atomic_int came, let_go;
    int answered, most; /* most: without an answer at one time */
    struct {
        unsigned char mid[2], payload;
    } held[MANY];
};

static void give_pubacks(struct liar *l, int fd)
{
    for (; l->answered < atomic_load(&l->came) && l->answered < atomic_load(&l->let_go);
         l->answered++) {
        const unsigned char *mid = l->held[l->answered].mid;
        send(fd, (unsigned char[]){0x40, 2, mid[0], mid[1]}, 4, MSG_NOSIGNAL);
    }
}

static bool read_full(struct liar *l, int fd, void *to, size_t n)
{
    for (size_t have = 0; have < n;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (atomic_load(&l->stop))
            return false;
        if (poll(&p, 1, 20) < 1) {
            give_pubacks(l, fd); /* all that was sent has been read */
            continue;
        }
        const ssize_t got = recv(fd, (char *)to + have, n - have, 0);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

static void put(const struct liar *l, int fd, const void *bytes, size_t n)
{
    if (l->lie != SLICES) {
        send(fd, bytes, n, MSG_NOSIGNAL);
        return;
    }
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &yes, sizeof yes);
    for (size_t i = 0; i < n; i++) {
        send(fd, (const char *)bytes + i, 1, MSG_NOSIGNAL);
        usleep(500); /* so that no two of them are read together */
    }
}

static int count_filters(const unsigned char *p, size_t n, int protocol)
{
    int filters = 0;
    for (size_t at = protocol == 5 ? 3 : 2; at + 2 < n; filters++)
        at += 2u + ((size_t)p[at] << 8 | p[at + 1]) + 1;
    return filters;
}

static bool on_connect(struct liar *l, int fd, const unsigned char *body)
{
    static const unsigned char ok5[] = {0x20, 3, 0, 0, 0}, ok4[] = {0x20, 2, 0, 0};
    static const unsigned char say84[] = {0x20, 3, 0, 0x84, 0}, say1[] = {0x20, 2, 0, 1};
    static const unsigned char roomy5[] = {0x20, 6, 0, 0, 3, 0x21, 0x03, 0xe8}; /* a thousand */
    const int protocol = body[6];

    atomic_store(&l->protocol, protocol);
    atomic_fetch_add(&l->connects, 1);
    if (protocol == 5 && l->lie == HANGS_UP)
        return false;
    if (protocol == 5 && (l->lie == SAYS_84 || l->lie == SAYS_1 || l->lie == ONLY_LISTENS)) {
        put(l, fd, l->lie == SAYS_84 ? say84 : say1,
            l->lie == SAYS_84 ? sizeof say84 : sizeof say1);
        return false;
    }
    if (l->lie == GREETS_BADLY && !l->once_done) {
        l->once_done = true;
        put(l, fd, l->bytes, l->len);
        return true;
    }
    if (l->lie == WITHHOLDS)
        put(l, fd, roomy5, sizeof roomy5);
    else
        put(l, fd, protocol == 5 ? ok5 : ok4, protocol == 5 ? sizeof ok5 : sizeof ok4);
    return true;
}

static void on_subscribe(struct liar *l, int fd, const unsigned char *body, size_t n)
{
    const int protocol = atomic_load(&l->protocol);
    unsigned char out[64] = {0x90, 0, body[0], body[1]};
    size_t codes = (size_t)count_filters(body, n, protocol), at = protocol == 5 ? 5 : 4;
    const bool once = !l->once_done;

    if (once && l->lie == SUBACK_NEVER)
        return;
    if (once && l->lie == SUBACK_EMPTY)
        codes = 0;
    out[1] = (unsigned char)(at - 2 + codes);
    put(l, fd, out, at + codes);
    if (once && l->lie == TALKS_BADLY)
        put(l, fd, l->bytes, l->len);
    l->once_done = l->once_done || l->lie == SUBACK_EMPTY || l->lie == TALKS_BADLY;
}

static void hold(struct liar *l, const unsigned char *mid, unsigned char payload)
{
    const int n = atomic_load(&l->came);

    if (n < MANY) {
        memcpy(l->held[n].mid, mid, 2);
        l->held[n].payload = payload;
    }
    if (n + 1 - l->answered > l->most)
        l->most = n + 1 - l->answered;
    atomic_store(&l->came, n + 1);
}

/* Echoes it, but for what a lie is about. False: hangs up. */
static bool on_publish(struct liar *l, int fd, unsigned char head, const unsigned char *body,
                       size_t n)
{
    const unsigned char *mid = body + 2 + ((size_t)body[0] << 8 | body[1]);

    if ((head & 0xfe) == 0x32 && l->lie == WITHHOLDS) {
        hold(l, mid, body[n - 1]);
    } else if (head == 0x32 && l->lie == ONLY_LISTENS) {
        if (memcmp(body + 2, "secret", 6) == 0) {
            atomic_fetch_add(&l->refused, 1);
            return false;
        }
        put(l, fd, (unsigned char[]){0x40, 2, mid[0], mid[1]}, 4);
    } else {
        put(l, fd, (unsigned char[]){head, (unsigned char)n}, 2), put(l, fd, body, n);
    }
    return true;
}

static void serve(struct liar *l, int fd)
{
    unsigned char head, byte, body[4096];

    while (read_full(l, fd, &head, 1)) {
        size_t n = 0;
        for (int shift = 0; shift < 28; shift += 7) {
            if (!read_full(l, fd, &byte, 1))
                return;
            n |= (size_t)(byte & 0x7f) << shift;
            if (byte < 0x80)
                break;
        }
        if (n > sizeof body || !read_full(l, fd, body, n))
            return;
        if (head == 0x10 && !on_connect(l, fd, body))
            return;
        if (head == 0x82)
            on_subscribe(l, fd, body, n);
        if (head == 0xc0)
            put(l, fd, "\xd0\0", 2);
        if (head == 0xe0)
            atomic_fetch_add(&l->farewells, 1);
        if ((head & 0xf0) == 0x30 && !on_publish(l, fd, head, body, n))
            return;
    }
    l->once_done = l->once_done || l->lie == SUBACK_NEVER;
}

static void *run(void *argument)
{
    struct liar *l = argument;

    while (!atomic_load(&l->stop)) {
        struct pollfd p = {.fd = l->listener, .events = POLLIN};
        if (poll(&p, 1, 20) < 1)
            continue;
        const int fd = accept(l->listener, NULL, NULL);
        serve(l, fd);
        atomic_fetch_add(&l->ends, 1);
        close(fd);
    }
    return NULL;
}

static void liar_start(struct liar *l, enum lie lie, const char *bytes, size_t len)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;

    *l = (struct liar){.lie = lie, .bytes = bytes, .len = len};
    l->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(l->listener, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(l->listener, 5), 0);
    assert_int_equal(getsockname(l->listener, (struct sockaddr *)&a, &n), 0);
    l->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&l->thread, NULL, run, l), 0);
}

static void liar_stop(struct liar *l)
{
    atomic_store(&l->stop, true);
    pthread_join(l->thread, NULL);
    close(l->listener);
}

static struct link_options options_of(const struct liar *l)
{
    return (struct link_options){.hosts = "127.0.0.1", .port = l->port, .live_id = "test-live"};
}

/* ---- lies ---- */

struct falsehood {
    const char *name;
    enum lie lie;
    const char *bytes;
    size_t len;
    const char *words; /* of the end */
};
#define BYTES(s) (s), sizeof(s) - 1

static const struct falsehood falsehoods[] = {
    {"another protocol's greeting", GREETS_BADLY,
     BYTES("HTTP/1.1 400 Bad Request\r\nServer: something else\r\nContent-Length: 0\r\nConnection: "
           "close\r\n\r\n                    "),
     "MQTT"},
    {"a CONNACK with an unknown code", GREETS_BADLY, BYTES("\x20\3\0\xc8\0"), "failed"},
    {"a CONNACK that says: no", GREETS_BADLY, BYTES("\x20\3\0\x87\0"), "password"},
    {"packet type 0", TALKS_BADLY, BYTES("\0\0"), "protocol"},
    {"packet type CONNECT", TALKS_BADLY, BYTES("\x10\0"), "protocol"},
    {"an endless remaining length", TALKS_BADLY, BYTES("\x30\xff\xff\xff\xff\x7f"), "protocol"},
    {"an empty topic", TALKS_BADLY, BYTES("\x30\3\0\0\0"), "protocol"},
    {"QoS 3", TALKS_BADLY, BYTES("\x36\7\0\1a\0\1\0x"), "protocol"},
    {"a topic longer than its packet", TALKS_BADLY,
     BYTES("\x30\5\xff\xff"
           "abc"),
     "protocol"},
    {"a topic that isn't UTF-8", TALKS_BADLY, BYTES("\x30\6\0\2\xc3\x28\0x"), "protocol"},
    {"taken over, says the broker", TALKS_BADLY, BYTES("\xe0\2\x8e\0"), "same client id"},
    {"a SUBACK without codes", SUBACK_EMPTY, NULL, 0, "protocol"},
};

static void test_lies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof falsehoods / sizeof *falsehoods; i++) {
        const struct falsehood *f = &falsehoods[i];
        struct liar l;
        struct watch w;
        liar_start(&l, f->lie, f->bytes, f->len);
        const struct link_options o = options_of(&l);
        watch_start(&w, &o);
        const enum link_record_kind end = f->lie == GREETS_BADLY ? LINK_TRY_FAILED : LINK_ENDED;
        struct seen *s = watch_try(&w, end, WAIT_MS);
        if (!s || !strstr(s->words, f->words))
            fail_msg("%s: \"%s\"", f->name, s ? s->words : "no end");
        /* And a fresh handle comes up as if nothing had been. */
        link_retry_now(w.link);
        watch_kind(&w, LINK_CONNECTED);
        assert_true(watch_kind(&w, LINK_SNAPSHOT)->complete);
        watch_stop(&w);
        liar_stop(&l);
    }
}

/* Others are told apart from what it hangs up on, which goes out twice and no more. */
static void test_hangs_up_instead_of_refusing(void **state)
{
    (void)state;
    struct liar l;
    struct watch w;
    liar_start(&l, ONLY_LISTENS, NULL, 0);
    const struct link_options o = options_of(&l);
    watch_start(&w, &o);
    const int64_t until = clock_mono_ms() + 2 * WAIT_MS;
    unsigned done = 0;
    for (size_t at = 0; done != 7;) {
        assert_true(clock_mono_ms() < until);
        watch_wait(&w, 50);
        for (; at < w.n; at++) {
            const struct seen *s = &w.seen[at];
            if (s->kind == LINK_SNAPSHOT) /* as the main thread does: all that wasn't answered */
                for (uint64_t token = 0; token < 3; token++)
                    if (!(done & 1u << token))
                        assert_true(link_publish(w.link, token + 1,
                                                 token == 1 ? "secret/topic" : "open/topic", &token,
                                                 1, 1, false));
            if (s->kind == LINK_ENDED)
                link_retry_now(w.link);
            if (s->kind != LINK_PUBLISHED)
                continue;
            done |= 1u << (s->token - 1);
            assert_int_equal(s->reason, s->token == 2 ? LINK_HANGS_UP : 0);
        }
    }
    watch_until(&w, w.count[LINK_REFUSED] == 1);
    for (size_t i = 0; i < w.n; i++)
        if (w.seen[i].kind == LINK_REFUSED)
            assert_non_null(strstr(w.seen[i].words, "closes the connection on secret/topic"));
    assert_in_range(atomic_load(&l.refused), 2, 3); /* once among others, twice alone */
    assert_string_equal(w.status.contested.clean, "");
    watch_stop(&w);
    liar_stop(&l);
}

static void check_fallback(enum lie lie, int connects_after_loss)
{
    struct liar l;
    struct watch w;
    liar_start(&l, lie, NULL, 0);
    const struct link_options o = options_of(&l);
    watch_start(&w, &o);
    assert_non_null(strstr(watch_kind(&w, LINK_CONNECTED)->words, "MQTT 3.1.1"));
    assert_int_equal(w.count[LINK_TRY_FAILED], 0);
    assert_true(watch_kind(&w, LINK_SNAPSHOT)->complete);
    assert_int_equal(atomic_load(&l.connects), 2);
    watch_until(&w, w.status.protocol == 4);
    atomic_store(&l.stop, true); /* it drops us … */
    watch_kind(&w, LINK_ENDED);
    pthread_join(l.thread, NULL);
    atomic_store(&l.stop, false); /* … and is there again */
    assert_int_equal(pthread_create(&l.thread, NULL, run, &l), 0);
    link_retry_now(w.link);
    watch_kind(&w, LINK_CONNECTED);
    assert_int_equal(atomic_load(&l.connects), 2 + connects_after_loss);
    watch_stop(&w);
    liar_stop(&l);
}

static void test_falls_back(void **state)
{
    (void)state;
    check_fallback(SAYS_84, 1); /* it said so: remembered */
    check_fallback(SAYS_1, 1);
    check_fallback(HANGS_UP, 2); /* a guess: MQTT 5 is tried again */
}

static void test_bytes_one_by_one(void **state)
{
    (void)state;
    struct liar l;
    struct watch w;
    liar_start(&l, SLICES, NULL, 0);
    const struct link_options o = options_of(&l);
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    assert_true(watch_kind(&w, LINK_SNAPSHOT)->complete);
    assert_true(link_publish(w.link, 0, HEALTH, "{}", 2, 0, false));
    assert_string_equal(watch_message(&w, HEALTH)->payload, "{}");
    watch_stop(&w);
    liar_stop(&l);
}

static void test_no_suback(void **state)
{
    (void)state;
    struct liar l;
    struct watch w;
    liar_start(&l, SUBACK_NEVER, NULL, 0);
    const struct link_options o = options_of(&l);
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    assert_non_null(strstr(watch_kind(&w, LINK_ENDED)->words, "does not answer in time"));
    watch_kind(&w, LINK_CONNECTED);
    watch_kind(&w, LINK_SNAPSHOT);
    watch_stop(&w);
    liar_stop(&l);
}

/* What libmosquitto has cannot be withdrawn: the rest waits with us, in its order, whatever the
 * broker would take. */
static void test_window(void **state)
{
    (void)state;
    struct liar l;
    struct watch w;
    liar_start(&l, WITHHOLDS, NULL, 0);
    const struct link_options o = options_of(&l);
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    for (unsigned char i = 0; i < MANY; i++)
        assert_true(link_publish(w.link, 1u + i, "many", &i, 1, 1, false));
    watch_until(&w, atomic_load(&l.came) >= WINDOW);
    atomic_store(&l.let_go, 1); /* one answer makes room for one */
    watch_until(&w, w.count[LINK_PUBLISHED] == 1 && atomic_load(&l.came) > WINDOW);
    atomic_store(&l.let_go, MANY);
    watch_until(&w, w.count[LINK_PUBLISHED] == MANY);
    for (uint64_t token = 1; w.next < w.n; w.next++)
        if (w.seen[w.next].kind == LINK_PUBLISHED) {
            assert_int_equal(w.seen[w.next].token, token++);
            assert_int_equal(w.seen[w.next].reason, 0);
        }
    assert_int_equal(w.count[LINK_ENDED], 0);
    watch_stop(&w);
    liar_stop(&l);
    assert_int_equal(l.most, WINDOW);
    assert_int_equal(l.came, MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(l.held[i].payload, i);
}

/* The last thing asked for is the emptied presence: it must not be kept back by a full window. */
static void test_window_at_the_end(void **state)
{
    (void)state;
    struct liar l;
    struct watch w;
    liar_start(&l, WITHHOLDS, NULL, 0);
    const struct link_options o = options_of(&l);
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    for (unsigned char i = 0; i <= WINDOW; i++)
        assert_true(link_publish(w.link, 1u + i, "many", &i, 1, 1, false));
    watch_until(&w, atomic_load(&l.came) == WINDOW);
    atomic_store(&l.let_go, MANY); /* it answers when it has heard nothing for a while */
    watch_stop(&w);
    liar_stop(&l);
    assert_int_equal(l.came, WINDOW + 1);
    assert_int_equal(l.held[WINDOW].payload, WINDOW);
}

/* Where it could not be emptied the broker does it: a farewell would make it drop the last will, and
 * the others would see us for ever. */
static void test_presence_at_the_end(void **state)
{
    (void)state;
    for (int emptied = 0; emptied < 2; emptied++) {
        struct liar l;
        struct watch w;
        liar_start(&l, WITHHOLDS, NULL, 0);
        struct link_options o = options_of(&l);
        o.presence_topic = "infoscreen/console/presence/r1";
        watch_start(&w, &o);
        watch_kind(&w, LINK_CONNECTED);
        for (uint64_t token = 1; token <= WINDOW; token++)
            assert_true(link_publish(w.link, token, "many", "x", 1, 1, false));
        assert_true(link_publish(w.link, 0, o.presence_topic, NULL, 0, 1, true));
        watch_until(&w, atomic_load(&l.came) == WINDOW);
        atomic_store(&l.let_go, emptied ? MANY : 0);
        watch_stop(&w);
        const int64_t until = clock_mono_ms() + WAIT_MS;
        while (!atomic_load(&l.ends) && clock_mono_ms() < until)
            poll(NULL, 0, 10);
        liar_stop(&l);
        assert_int_equal(atomic_load(&l.farewells), emptied);
    }
}

/* What meets a connection that is lost already is no fault of its own: it goes out with the next. */
static void test_lost_before_it_was_read(void **state)
{
    (void)state;
    struct liar l;
    struct watch w;
    liar_start(&l, WITHHOLDS, NULL, 0);
    const struct link_options o = options_of(&l);
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    assert_true(watch_kind(&w, LINK_SNAPSHOT)->complete);
    atomic_store(&reset_unread, true);
    for (uint64_t token = 1; token <= MANY; token++)
        assert_true(link_publish(w.link, token, "many", "x", 1, 1, false));
    watch_kind(&w, LINK_ENDED);
    atomic_store(&reset_unread, false);
    assert_int_equal(w.count[LINK_PUBLISHED], 0);
    link_retry_now(w.link);
    watch_kind(&w, LINK_CONNECTED);
    atomic_store(&l.let_go, MANY);
    assert_true(link_publish(w.link, 7, "many", "x", 1, 1, false));
    const struct seen *s = watch_kind(&w, LINK_PUBLISHED);
    assert_int_equal(s->token, 7);
    assert_int_equal(s->reason, 0);
    watch_stop(&w);
    liar_stop(&l);
}

/* ---- a broker that stands still, and many that die ---- */

static void test_restarts(void **state)
{
    (void)state;
    static const int signals[] = {SIGKILL, SIGTERM, SIGKILL};
    struct broker b;
    struct watch w;
    broker_start(&b, NULL);
    const struct link_options o = link_options_of(&b);
    watch_start(&w, &o);
    link_set_recording(w.link, true);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        watch_kind(&w, LINK_CONNECTED);
        watch_until(&w, w.status.journal_up);
        kill(b.pid, SIGSTOP);
        for (uint64_t t = 1; t <= 50; t++) /* more than the window: they wait */
            link_publish(w.link, t, "x", "x", 1, 1, false);
        broker_end(&b, signals[i]);
        watch_kind(&w, LINK_ENDED);
        watch_until(&w, !w.status.journal_up);
        broker_spawn(&b);
        link_retry_now(w.link);
    }
    watch_kind(&w, LINK_CONNECTED);
    const size_t before = w.count[LINK_PUBLISHED];
    assert_true(link_publish(w.link, 99, "x", "x", 1, 1, false)); /* the window is free again */
    watch_until(&w, w.count[LINK_PUBLISHED] > before);
    watch_stop(&w);
    broker_stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_falls_back),
        cmocka_unit_test(test_hangs_up_instead_of_refusing),
        cmocka_unit_test(test_bytes_one_by_one),
        cmocka_unit_test(test_no_suback),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_window_at_the_end),
        cmocka_unit_test(test_presence_at_the_end),
        cmocka_unit_test(test_lost_before_it_was_read),
        cmocka_unit_test(test_restarts),
    };
    return cmocka_run_group_tests_name("link faults", tests, NULL, NULL);
}
