#include "rig.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../port.h"
#include "base/timefmt.h"
#include "core/codec.h"

#ifdef __SANITIZE_THREAD__
/* libmosquitto 2.0 unlocks a mutex that it doesn't hold when the broker sends a DISCONNECT. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "mutex:libmosquitto.so\n";
}
#endif

/* ---- Mosquitto ---- */

void rig_run(const char *format, ...)
{
    char command[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static void write_conf(const struct broker *b)
{
    char path[128];

    snprintf(path, sizeof path, "%s/m.conf", b->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "listener %d 127.0.0.1\n", b->port);
    for (const char *s = b->conf; *s; s++) {
        if (s[0] == '%' && s[1] == 'd')
            fputs(b->dir, f), s++;
        else
            fputc(*s, f);
    }
    fputc('\n', f);
    assert_int_equal(fclose(f), 0);
}

void broker_spawn(struct broker *b)
{
    char conf[128], log[128];
    const int64_t until = clock_mono_ms() + WAIT_MS;

    snprintf(conf, sizeof conf, "%s/m.conf", b->dir);
    snprintf(log, sizeof log, "%s/log", b->dir);
    b->pid = fork();
    assert_true(b->pid >= 0);
    if (b->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("PATH", "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin", 1);
        if (!freopen(log, "a", stderr) || !freopen(log, "a", stdout))
            _exit(127);
        execlp("mosquitto", "mosquitto", "-v", "-c", conf, (char *)NULL);
        _exit(127);
    }
    while (!port_answers(b->port)) {
        assert_true(clock_mono_ms() < until);
        assert_int_equal(waitpid(b->pid, NULL, WNOHANG), 0);
        usleep(5000);
    }
}

void broker_prepare(struct broker *b, const char *conf)
{
    *b = (struct broker){.port = port_free()};
    snprintf(b->dir, sizeof b->dir, "/tmp/link-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->conf, sizeof b->conf, "%s\n%s", geteuid() == 0 ? "user root" : "",
             conf ? conf : "allow_anonymous true");
    write_conf(b);
}

void broker_start(struct broker *b, const char *conf)
{
    broker_prepare(b, conf);
    broker_spawn(b);
}

void broker_end(struct broker *b, int signo)
{
    if (b->pid <= 0)
        return;
    kill(b->pid, signo);
    kill(b->pid, SIGCONT);
    waitpid(b->pid, NULL, 0);
    b->pid = 0;
}

void broker_stop(struct broker *b)
{
    broker_end(b, SIGKILL);
    rig_run("rm -rf '%s'", b->dir);
}

/* ---- a client ---- */

static void on_connected(void *user, bool session_present)
{
    struct peer *c = user;
    c->up = true;
    c->session_present = session_present;
}

static void on_ended(void *user, enum mqtt_failure why, const struct words *words)
{
    struct peer *c = user;
    c->ended = true;
    c->why = why;
    c->words = *words;
}

static void on_message(void *user, const struct mqtt_message *m)
{
    struct peer *c = user;
    c->messages++;
    snprintf(c->topic, sizeof c->topic, "%s", m->topic);
    snprintf(c->payload, sizeof c->payload, "%.*s", (int)m->len, (const char *)m->payload);
}

static void on_published(void *user, int mid, int reason)
{
    struct peer *c = user;
    (void)mid;
    c->acked++;
    c->last_reason = reason;
}

static void on_subscribed(void *user, int mid, bool refused)
{
    struct peer *c = user;
    (void)mid;
    c->subscribed++;
    c->refused += refused;
}

static const struct mqtt_handlers handlers = {.connected = on_connected,
                                              .ended = on_ended,
                                              .message = on_message,
                                              .published = on_published,
                                              .subscribed = on_subscribed};

void peer_turn(struct peer *c, int ms)
{
    struct pollfd p = {.fd = mqtt_fd(c->mqtt), .events = mqtt_events(c->mqtt)};

    if (c->ended)
        return;
    if (!mqtt_has_pending(c->mqtt))
        poll(&p, 1, ms);
    if (p.revents & POLLOUT)
        mqtt_write(c->mqtt);
    if (!c->ended)
        mqtt_read(c->mqtt, 64);
    if (!c->ended)
        mqtt_misc(c->mqtt);
}

struct peer *peer_try(const struct mqtt_options *o)
{
    struct peer *c = calloc(1, sizeof *c);
    struct err e = {0};

    signal(SIGPIPE, SIG_IGN);
    assert_non_null(c);
    c->mqtt = mqtt_new(o, &handlers, c, &e);
    if (!c->mqtt)
        fail_msg("%s", e.text);
    c->ended = !mqtt_connect(c->mqtt, &c->why, &c->words);
    peer_until(c, c->up || c->ended);
    return c;
}

struct peer *peer_open(int port, const char *id)
{
    const struct mqtt_options o = {.host = "127.0.0.1",
                                   .port = port,
                                   .client_id = id,
                                   .clean = true,
                                   .protocol = 5,
                                   .keepalive_s = 60};
    struct peer *c = peer_try(&o);

    assert_true(c->up);
    return c;
}

void peer_subscribe(struct peer *c, const char *filter, int qos)
{
    const int before = c->subscribed;

    assert_true(mqtt_subscribe(c->mqtt, &filter, 1, qos, 0) > 0);
    peer_until(c, c->subscribed > before || c->ended);
    assert_false(c->ended);
}

void peer_publish(struct peer *c, const char *topic, const char *payload, int qos, bool retain)
{
    assert_true(mqtt_publish(c->mqtt, topic, payload, strlen(payload), qos, retain) > 0);
    c->sent++;
    peer_until(c, c->sent - c->acked <= 15 || c->ended);
    assert_false(c->ended);
}

void peer_settle(struct peer *c)
{
    peer_until(c, c->acked == c->sent || c->ended);
    assert_false(c->ended);
}

void peer_close(struct peer *c)
{
    if (!c->ended) {
        mqtt_disconnect(c->mqtt);
        mqtt_write(c->mqtt);
    }
    mqtt_free(c->mqtt);
    free(c);
}

/* ---- the link's records ---- */

struct link_options link_options_of(const struct broker *b)
{
    return (struct link_options){.hosts = "127.0.0.1",
                                 .port = b->port,
                                 .live_id = "test-live",
                                 .journal_id = "test-journal"};
}

void watch_start(struct watch *w, const struct link_options *o)
{
    struct err e = {0};

    *w = (struct watch){.link = link_start(o, &e)};
    if (!w->link)
        fail_msg("%s", e.text);
}

void watch_stop(struct watch *w)
{
    link_stop(w->link);
    for (size_t i = 0; i < w->n; i++) {
        free(w->seen[i].topic);
        free(w->seen[i].payload);
    }
    free(w->seen);
    *w = (struct watch){0};
}

static char *copy_bytes(const void *from, size_t n)
{
    char *to = malloc(n + 1);

    assert_non_null(to);
    memcpy(to, from, n);
    to[n] = '\0';
    return to;
}

static bool has_words(enum link_record_kind kind)
{
    return kind != LINK_MESSAGE && kind != LINK_STATUS;
}

static void keep(struct watch *w, const struct link_record *r)
{
    if (w->n == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 1024;
        w->seen = realloc(w->seen, w->cap * sizeof *w->seen);
        assert_non_null(w->seen);
    }
    struct seen *s = &w->seen[w->n++];
    *s = (struct seen){.kind = r->kind,
                       .journal = r->journal,
                       .retained = r->retained,
                       .rap = r->rap,
                       .oversize = r->oversize,
                       .complete = r->complete,
                       .session_present = r->session_present,
                       .token = r->token,
                       .reason = r->reason,
                       .payload_len = r->payload_len};
    if (r->kind == LINK_MESSAGE || r->kind == LINK_REFUSED)
        s->topic = copy_bytes(link_record_topic(r), r->topic_len);
    if (r->kind == LINK_MESSAGE)
        s->payload = copy_bytes(link_record_payload(r),
                                r->payload_len < PAYLOAD_MAX ? r->payload_len : PAYLOAD_MAX);
    if (has_words(r->kind) && r->u.words.id)
        words_render(&r->u.words, NULL, s->words, sizeof s->words);
    if (r->kind == LINK_STATUS)
        w->status = s->status = r->u.status;
    w->count[r->kind]++;
    if (r->kind == LINK_JOURNAL_SLICE && !w->hold)
        link_journal_durable(w->link, r->token);
}

void watch_drain(struct watch *w)
{
    struct ring *inbox = link_inbox(w->link);
    const struct link_record *r;
    size_t bytes;

    while ((r = ring_peek(inbox, &bytes))) {
        keep(w, r);
        ring_pop(inbox);
    }
}

bool watch_wait(struct watch *w, int ms)
{
    struct pollfd p = {.fd = ring_fd(link_inbox(w->link)), .events = POLLIN};

    if (poll(&p, 1, ms) < 1)
        return false;
    watch_drain(w);
    return true;
}

static struct seen *search(struct watch *w, enum link_record_kind kind, const char *topic, int ms)
{
    const int64_t until = clock_mono_ms() + ms;

    for (;;) {
        for (; w->next < w->n; w->next++) {
            struct seen *s = &w->seen[w->next];
            if (s->kind != kind || (topic && strcmp(topic, s->topic) != 0))
                continue;
            w->next++;
            return s;
        }
        const int64_t left = until - clock_mono_ms();
        if (left <= 0)
            return NULL;
        watch_wait(w, (int)left);
    }
}

struct seen *watch_try(struct watch *w, enum link_record_kind kind, int ms)
{
    return search(w, kind, NULL, ms);
}

struct seen *watch_kind(struct watch *w, enum link_record_kind kind)
{
    struct seen *s = search(w, kind, NULL, WAIT_MS);

    if (!s)
        fail_msg("no record of kind %d in time", kind);
    return s;
}

struct seen *watch_message(struct watch *w, const char *topic)
{
    struct seen *s = search(w, LINK_MESSAGE, topic, WAIT_MS);

    if (!s)
        fail_msg("no message on %s in time", topic);
    return s;
}
