/* provision_prove.c - after a reload: does the broker run on the new rules, and does it still
 * refuse? Mosquitto says nothing when a file is broken, and then allows everything. */
#include "broker/provision_parts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/timefmt.h"
#include "broker/mqtt.h"

#define PROVE_MS       30000 /* 10,000 devices froze a broker for 1.5 s while it loaded them */
#define RETRY_MS       50
#define NOT_AUTHORIZED 0x87
#define NO_SUBSCRIBERS 0x10

struct prover {
    struct mqtt *m;
    bool up;
    bool over;
    struct words why;
    int waiting; /* mid; 0: none */
    int reason;
};

static void on_connected(void *user, bool session_present)
{
    (void)session_present;
    ((struct prover *)user)->up = true;
}

static void on_ended(void *user, enum mqtt_failure why, const struct words *words)
{
    struct prover *p = user;

    (void)why;
    p->over = true;
    if (words)
        p->why = *words;
}

static void on_message(void *user, const struct mqtt_message *m)
{
    (void)user, (void)m;
}

static void on_published(void *user, int mid, int reason)
{
    struct prover *p = user;

    if (mid == p->waiting) {
        p->waiting = 0;
        p->reason = reason;
    }
}

static void on_subscribed(void *user, int mid, bool refused)
{
    (void)user, (void)mid, (void)refused;
}

static bool say_why(const struct prover *p, struct err *e)
{
    char text[200] = "";

    if (p->why.id)
        words_render(&p->why, i18n_translate, text, sizeof text);
    return err_set(e, EXIT_FAILED,
                   _("the reload couldn't be proved, the server account has no "
                     "connection (%s): the old files are back"),
                   *text ? text : "?");
}

/* One turn of at most RETRY_MS. */
static bool turn(struct prover *p, int64_t until, struct err *e)
{
    struct pollfd f = {.fd = mqtt_fd(p->m), .events = mqtt_events(p->m)};

    if (p->over || clock_mono_ms() > until)
        return say_why(p, e);
    if (f.fd < 0)
        poll(NULL, 0, 10);
    else if (poll(&f, 1, RETRY_MS) > 0) {
        if (f.revents & (POLLIN | POLLERR | POLLHUP))
            mqtt_read(p->m, 16);
        if (!p->over && (f.revents & POLLOUT))
            mqtt_write(p->m);
    }
    if (!p->over)
        mqtt_misc(p->m);
    return true;
}

/* The PUBACK's reason for an empty, not retained message; -1 with e filled if none came. */
static int try_publish(struct prover *p, const char *topic, int64_t until, struct err *e)
{
    const int mid = mqtt_publish(p->m, topic, "", 0, 1, false);

    if (mid < 0) {
        say_why(p, e);
        return -1;
    }
    for (p->waiting = mid; p->waiting;)
        if (!turn(p, until, e))
            return -1;
    return p->reason;
}

static bool passes(struct prover *p, const char *canary, int64_t until, struct err *e)
{
    for (;;) {
        const int reason = try_publish(p, canary, until, e);
        if (reason < 0)
            return false;
        if (reason == 0 || reason == NO_SUBSCRIBERS)
            return true;
        if (clock_mono_ms() > until)
            return err_set(e, EXIT_FAILED,
                           _("the broker didn't take the new rules within %d s: the old "
                             "files are back; its log says why"),
                           PROVE_MS / 1000);
        poll(NULL, 0, RETRY_MS); /* it reloads when its loop comes round */
    }
}

static bool refuses(struct prover *p, int64_t until, struct err *e)
{
    char topic[128], uuid[UID_TEXT];
    struct uid u;
    int reason;

    uid_random(&u); /* nobody's, so that no console mistakes it for a sign of life */
    uid_format(&u, uuid);
    snprintf(topic, sizeof topic, "infoscreen/%s/heartbeat", uuid);
    reason = try_publish(p, topic, until, e);
    if (reason < 0)
        return false;
    if (reason == NOT_AUTHORIZED)
        return true;
    return err_set(e, EXIT_FAILED,
                   _("after the reload the broker allowed what its rules forbid: the old "
                     "files are back; its log says which file it couldn't read"));
}

static const char *reachable_host(const struct listener_part *p)
{
    if (!*p->host || strcmp(p->host, "0.0.0.0") == 0)
        return "127.0.0.1";
    return strcmp(p->host, "::") == 0 ? "::1" : p->host;
}

bool broker_prove(const struct layout *l, const struct provision_reload *r, const char *nonce,
                  struct err *e)
{
    const struct mqtt_handlers h = {.connected = on_connected,
                                    .ended = on_ended,
                                    .message = on_message,
                                    .published = on_published,
                                    .subscribed = on_subscribed};
    const struct mqtt_options o = {.host = reachable_host(&l->console),
                                   .port = l->console.port,
                                   .username = SERVER_ACCOUNT,
                                   .password = r->server_password,
                                   .cafile = r->cafile            ? r->cafile
                                             : *l->console.cafile ? l->console.cafile
                                                                  : NULL,
                                   .tls = l->console.tls,
                                   .protocol = 5,
                                   .clean = true,
                                   .keepalive_s = 60};
    const int64_t until = clock_mono_ms() + PROVE_MS;
    struct prover p = {0};
    enum mqtt_failure why;
    char canary[96];
    bool ok;

    snprintf(canary, sizeof canary, "infoscreen/console/canary/%s", nonce);
    p.m = mqtt_new(&o, &h, &p, e);
    if (!p.m)
        return false;
    ok = mqtt_connect(p.m, &why, &p.why) || say_why(&p, e);
    while (ok && !p.up)
        ok = turn(&p, until, e);
    ok = ok && passes(&p, canary, until, e) && refuses(&p, until, e);
    if (p.up && !p.over)
        mqtt_disconnect(p.m);
    mqtt_free(p.m);
    return ok;
}

/* A pid file outlives a killed broker, and its number may belong to anyone by now: a SIGHUP would
 * end most programs. */
static bool is_mosquitto(pid_t pid)
{
    char path[64], name[32] = "";
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
    f = fopen(path, "re");
    if (!f)
        return false;
    if (!fgets(name, sizeof name, f))
        name[0] = '\0';
    fclose(f);
    return strcmp(name, "mosquitto\n") == 0;
}

pid_t broker_find(const struct layout *l)
{
    FILE *f = *l->pid_file ? fopen(l->pid_file, "re") : NULL;
    long pid = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%ld", &pid) != 1 || pid <= 1)
        pid = 0;
    fclose(f);
    return pid && is_mosquitto((pid_t)pid) ? (pid_t)pid : 0;
}

bool broker_reload(pid_t pid, struct err *e)
{
    if (kill(pid, SIGHUP) == 0)
        return true;
    return err_set(e, EXIT_FAILED, _("the broker (process %ld) couldn't be told to reload: %s"),
                   (long)pid, strerror(errno));
}
