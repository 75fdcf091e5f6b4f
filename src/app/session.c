/* session.c - the life of a session and its turns. */
#include "app/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/log.h"

#define LIFE_EVERY_MS 13000 /* last-seen times may be 15 s old in the database; each row costs a write */
#define LIFE_ROWS        100000u
#define CLOCK_JUMP_MS    2000

struct now session_now(void)
{
    return (struct now){clock_mono_ms(), clock_wall_ms()};
}

void session_say(struct session *s, const struct words *words)
{
    s->message = *words;
    s->message_at_mono = clock_mono_ms();
}

void session_feed(struct session *s, const struct core_event *ev)
{
    core_step(s->core, ev, &s->effects);
    s->applied++;
    if (s->effects.count > 0)
        session_apply_effects(s);
}

void session_operator(struct session *s, const struct operator_action *op)
{
    session_feed(s, &(struct core_event){.kind = IN_OPERATOR, .now = session_now(), .u.op = op});
}

bool session_outbox_empty(const struct session *s)
{
    return !s->held && core_outbox_count(s->core) == 0;
}

/* ---- presence: who else has a console open (wire format: infoscreen/console/presence/{random}) ---- */

void session_publish_presence(struct session *s)
{
    const struct cli_globals *g = s->globals;
    struct text64 host = {{0}}, name = {{0}};
    struct buf payload = BUF_INIT;
    char hostname[256] = "";

    if (!s->link || g->read_only || !core_link_is_up(s->core))
        return;
    gethostname(hostname, sizeof hostname - 1);
    TEXT_SET(&host, hostname, strlen(hostname));
    TEXT_SET(&name, g->operator_name, strlen(g->operator_name));
    if (codec_encode_presence(TEXT(host), TEXT(name), s->recorder ? "recorder" : "console",
                              s->recorder && g->config.recovery.enabled, s->started_at, &payload))
        link_publish(s->link, 0, s->presence_topic, payload.data, payload.len, 1, true);
    buf_fini(&payload);
}

/* ---- timers ---- */

static void put_life(void *user, const struct client *c)
{
    struct session *s = user;

    store_put_life(s->store, c); /* one that finds no room is written with the next sign of life */
}

static void on_life_timer(void *user)
{
    struct session *s = user;

    if (s->recorder)
        core_take_signs_of_life(s->core, LIFE_ROWS, put_life, s);
}

static void note_past(struct session *s, uint64_t messages)
{
    struct rate_past *p = &s->past;

    if (++s->past_seconds * 1000 < RATE_SLOT_MS)
        return;
    memmove(p->messages, p->messages + 1, (RATE_SLOTS - 1) * sizeof *p->messages);
    p->messages[RATE_SLOTS - 1] = (uint32_t)(messages - s->past_seen);
    p->known += p->known < RATE_SLOTS;
    s->past_seen = messages;
    s->past_seconds = 0;
}

static void on_second(void *user)
{
    struct session *s = user;
    const unsigned slots = sizeof s->rate_seen / sizeof *s->rate_seen;
    const uint64_t now = core_counts(s->core)->messages;
    const struct now t = session_now();
    const int64_t offset = t.wall_ms - t.mono_ms;

    note_past(s, now);
    s->rate_at = (s->rate_at + 1) % slots;
    s->rate = (double)(now - s->rate_seen[s->rate_at]) / (double)(slots);
    s->rate_seen[s->rate_at] = now;

    core_set_zone(s->core, time_zone_s(t.wall_ms));
    const int64_t jump = offset - s->offset_ms;
    if (jump > CLOCK_JUMP_MS || jump < -CLOCK_JUMP_MS) {
        s->offset_ms = offset;
        session_feed(s, &(struct core_event){.kind = IN_CLOCK_JUMP, .now = t, .u.jump_ms = jump});
    }
}

static void on_signal(void *user, int signo)
{
    struct session *s = user;

    switch (signo) {
    case SIGWINCH:
        s->resized = true;
        break;
    case SIGTSTP:
        s->suspend = true;
        break;
    case SIGCONT:
        s->resized = true;
        break;
    case SIGCHLD: /* looked after in the turn */
        break;
    default:
        s->ended_by = signo;
    }
}

static void on_wakeup(void *user, int fd, short revents)
{
    (void)user, (void)fd, (void)revents; /* drained in the turn, in its order */
}

static bool start_loop(struct session *s)
{
    static const int handled[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH, SIGCHLD};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
        sigaddset(&set, handled[i]);
    s->loop = loop_new();
    return s->loop && loop_add_signals(s->loop, &set, on_signal, s) &&
           loop_add_timer(s->loop, LIFE_EVERY_MS, on_life_timer, s) >= 0 &&
           loop_add_timer(s->loop, 1000, on_second, s) >= 0;
}

/* ---- open and close ---- */

/* The journal's client id is stable, so that its broker session outlives us, and unguessable, so that no
 * device can steal that session. It belongs to the database and lies beside it. */
static bool write_journal_id(const struct session *s, int fd)
{
    char random[33], host[64] = "";
    struct stat db;

    random_hex(random, 16);
    gethostname(host, sizeof host - 1);
    if (stat(s->globals->db_path, &db) == 0)
        fchmod(fd, db.st_mode & 0660);
    return dprintf(fd, "infoscreen-console-%s-%s\n", host, random) > 0;
}

/* Of several that begin at once one makes it, and the others find it whole. On a file system without
 * hard links (EPERM, vfat) the last one's stays. */
static bool make_journal_id(const struct session *s, const char *path, int *fd, struct err *e)
{
    char random[17], fresh[600];

    *fd = -1;
    if (access(path, F_OK) == 0)
        return true;
    random_hex(random, 8);
    snprintf(fresh, sizeof fresh, "%s.%s", path, random);
    *fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
    if (*fd < 0)
        return err_set(e, EXIT_FAILED, _("%s: %s: check the directory or give --db"), path, strerror(errno));
    const bool written = write_journal_id(s, *fd);
    const bool kept = written && (link(fresh, path) == 0 || (errno == EPERM && rename(fresh, path) == 0));
    const int why = errno;
    unlink(fresh);
    if (kept)
        return true;
    close(*fd);
    *fd = -1;
    if (written)
        return why == EEXIST ||
               err_set(e, EXIT_FAILED, _("%s: %s: check the directory or give --db"), path, strerror(why));
    return err_set(e, EXIT_FAILED, _("%s: %s: free some space or give --db"), path, strerror(why));
}

static bool read_journal_id(struct session *s, const char *path, struct err *e)
{
    FILE *f = fopen(path, "re");

    if (!f)
        return err_set(e, EXIT_FAILED, _("%s: %s: check its permissions"), path, strerror(errno));
    const bool read = fgets(s->journal_id, sizeof s->journal_id, f) != NULL;
    fclose(f);
    s->journal_id[strcspn(s->journal_id, "\r\n")] = '\0';
    if (!read || s->journal_id[0] == '\0')
        return err_set(e, EXIT_FAILED, _("%s: is empty: remove it"), path);
    return true;
}

/* fd: of a new id, -1 of a known one. The link connects `live` meanwhile: `journal`, which uses the id,
 * waits for the recorder's role. */
static bool keep_journal_id(const char *path, int fd, struct err *e)
{
    if (fd < 0)
        return true;
    const bool kept = fsync(fd) == 0;
    const int why = errno;

    if (close(fd) == 0 && kept)
        return true;
    unlink(path);
    return err_set(e, EXIT_FAILED, _("%s: %s: free some space or give --db"), path, strerror(kept ? errno : why));
}

static void on_durable(void *user, uint64_t token)
{
    link_journal_durable(user, token); /* on the store's thread: the PUBACKs don't wait for a frame */
}

static bool start_store(struct session *s, const struct session_options *o, struct err *e)
{
    const struct cli_globals *g = s->globals;
    const struct store_options so = {.path = g->db_path,
                                     .retention_ms = g->config.store.retention,
                                     .may_send = !g->read_only,
                                     .want_role = o->want_role};
    s->store = store_open(&so, e);
    if (s->store && s->link)
        store_on_durable(s->store, on_durable, s->link);
    return s->store && store_load(s->store, s->core, e) &&
           loop_add_fd(s->loop, ring_fd(store_reports(s->store)), POLLIN, on_wakeup, s);
}

static void name_ourselves(struct session *s)
{
    char random[33];

    random_hex(random, 16);
    snprintf(s->live_id, sizeof s->live_id, "infoscreen-live-%s", random);
    random_hex(random, 16);
    snprintf(s->presence_topic, sizeof s->presence_topic, "infoscreen/console/presence/%s", random);
    core_set_presence_key(s->core, random);
}

static struct link *connect_link(const struct session *s, const struct session_options *o, struct err *e)
{
    const struct cli_globals *g = s->globals;
    const struct config *c = &g->config;
    const struct link_options lo = {
        .hosts = c->broker.host,
        .port = (int)c->broker.port,
        .username = c->broker.username[0] ? c->broker.username : NULL,
        .password = g->have_password ? g->password : NULL,
        .cafile = c->broker.cafile[0] ? c->broker.cafile : NULL,
        .cert = c->broker.cert[0] ? c->broker.cert : NULL,
        .key = c->broker.key[0] ? c->broker.key : NULL,
        .insecure = c->broker.insecure,
        .read_only = g->read_only,
        .live_id = s->live_id,
        .journal_id = o->want_role ? s->journal_id : NULL,
        .presence_topic = g->read_only ? NULL : s->presence_topic,
        .self_test = o->want_role,
    };

    return link_start(&lo, e);
}

static bool start_link(struct session *s, const struct session_options *o, struct err *e)
{
    char path[560];
    int fresh = -1;

    name_ourselves(s);
    snprintf(path, sizeof path, "%s.session", s->globals->db_path);
    if (o->want_role && (!store_prepare(s->globals->db_path, e) || !make_journal_id(s, path, &fresh, e)))
        return false;
    if (!o->want_role || read_journal_id(s, path, e))
        s->link = connect_link(s, o, e);
    return keep_journal_id(path, fresh, e) && s->link &&
           loop_add_fd(s->loop, ring_fd(link_inbox(s->link)), POLLIN, on_wakeup, s);
}

static bool start_core(struct session *s, struct err *e)
{
    char hostname[256] = "localhost";
    uint32_t seed;

    gethostname(hostname, sizeof hostname - 1);
    random_bytes(&seed, sizeof seed);
    s->core = core_new(&s->globals->config, hostname);
    s->codec = codec_new();
    if (!s->core || !s->codec)
        return err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    core_seed_tokens(s->core, seed);
    core_set_zone(s->core, time_zone_s(session_now().wall_ms));
    return true;
}

#define ROLE_WAIT_MS 1000

/* What is heard before it is known who records would be written by nobody. */
static void wait_for_role(struct session *s)
{
    const int64_t until = clock_mono_ms() + ROLE_WAIT_MS;
    struct pollfd reports = {.fd = ring_fd(store_reports(s->store)), .events = POLLIN};

    while (!s->recorder && !s->store_status.other_recorder && clock_mono_ms() < until) {
        poll(&reports, 1, (int)(until - clock_mono_ms()));
        session_drain_reports(s);
    }
}

bool session_open(struct session *s, const struct cli_globals *g, const struct session_options *o,
                  struct err *e)
{
    const struct now now = session_now();

    *s = (struct session){.globals = g, .started_at = now.wall_ms};
    s->held_end = &s->held;
    s->offset_ms = now.wall_ms - now.mono_ms;
    s->link_status.phase = LINK_CONNECTING;
    if (!start_loop(s)) {
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
        goto fail;
    }
    /* The link connects while the database is opened: what it brings waits in the inbox. */
    if (start_core(s, e) && (!o->link || start_link(s, o, e)) && start_store(s, o, e)) {
        if (o->want_role)
            wait_for_role(s);
        return true;
    }
fail:
    session_close(s);
    return false;
}

void session_close(struct session *s)
{
    session_audit_end(s);
    if (s->link) {
        if (core_link_is_up(s->core))
            link_publish(s->link, 0, s->presence_topic, NULL, 0, 1, true);
        if (s->store)
            store_on_durable(s->store, NULL, NULL);
        link_stop(s->link);
    }
    if (s->store && s->core) {
        on_life_timer(s);
        if (s->recorder)
            store_put_link_state(s->store, false, false);
    }
    store_close(s->store);
    while (s->held) {
        struct held_effect *h = s->held;
        s->held = h->next;
        free(h);
    }
    session_forget_fetch(s);
    free(s->fetch);
    buf_fini(&s->image);
    effects_fini(&s->effects);
    codec_free(s->codec);
    core_free(s->core);
    loop_free(s->loop);
}

/* ---- turns ---- */

/* Silence is judged only when everything that was read has been applied: a heartbeat that still waits in the
 * inbox must not find its client silent. */
static void tick(struct session *s)
{
    const struct now now = session_now();

    if (!s->busy && core_next_due(s->core) <= now.mono_ms)
        session_feed(s, &(struct core_event){.kind = IN_TICK, .now = now});
}

static int64_t until_due(const struct session *s, int64_t timeout_ms)
{
    const int64_t due = core_next_due(s->core);

    const bool syncing = s->sync.rows || (s->recorder && s->sync.snapshot);
    const bool untold = s->link && s->link_records != s->recorder;
    if (s->busy || (syncing && !s->sync.stuck))
        return 0;
    if (syncing || untold || s->held || s->fetch_sent < s->fetch_count || s->slice_posted != s->slice_read)
        timeout_ms = timeout_ms < 0 || timeout_ms > 20 ? 20 : timeout_ms; /* a queue was full */
    if (due != INT64_MAX) {
        const int64_t left = due - clock_mono_ms();
        if (timeout_ms < 0 || left < timeout_ms)
            timeout_ms = left < 0 ? 0 : left;
    }
    return timeout_ms > INT32_MAX ? INT32_MAX : timeout_ms;
}

void session_turn(struct session *s, int64_t timeout_ms)
{
    loop_turn(s->loop, (int)until_due(s, timeout_ms));
    session_flush_held(s);
    session_tell_recording(s);
    if (s->store)
        session_drain_reports(s);
    session_drain_inbox(s);
    tick(s);
    notices_turn(s);
    session_flush_fetch(s);
    session_sync(s);
}
