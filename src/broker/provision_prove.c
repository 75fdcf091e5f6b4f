/* provision_prove.c - after a reload: does the broker run on the new rules, and does it still
 * refuse? Mosquitto says nothing when a file is broken, and then allows everything. */
#include "broker/provision_parts.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/timefmt.h"
#include "broker/probe.h"

#define PROVE_MS 30000 /* 10,000 devices froze a broker for 1.5 s while it loaded them */
#define RETRY_MS 50
static bool say_why(const struct probe *p, struct err *e)
{
    char text[200];

    probe_why(p, text, sizeof text);
    return err_set(e, EXIT_FAILED,
                   _("the reload couldn't be proved, the server account has no "
                     "connection (%s): the old files are back"),
                   text);
}

static bool passes(struct probe *p, const char *canary, struct err *e)
{
    for (;;) {
        const int reason = probe_publish(p, canary);
        if (reason < 0)
            return say_why(p, e);
        if (reason == 0 || reason == NO_SUBSCRIBERS)
            return true;
        if (clock_mono_ms() > p->until)
            return err_set(e, EXIT_FAILED,
                           _("the broker didn't take the new rules within %d s: the old "
                             "files are back; its log says why"),
                           PROVE_MS / 1000);
        poll(NULL, 0, RETRY_MS); /* it reloads when its loop comes round */
    }
}

static bool refuses(struct probe *p, struct err *e)
{
    char topic[128], uuid[UID_TEXT];
    struct uid u;
    int reason;

    uid_probe(&u); /* nobody's, so that no console mistakes it for a sign of life */
    uid_format(&u, uuid);
    snprintf(topic, sizeof topic, "infoscreen/%s/heartbeat", uuid);
    reason = probe_publish(p, topic);
    if (reason < 0)
        return say_why(p, e);
    if (reason == NOT_AUTHORIZED)
        return true;
    return err_set(e, EXIT_FAILED,
                   _("after the reload the broker allowed what its rules forbid: the old "
                     "files are back; its log says which file it couldn't read"));
}

const char *listener_host(const struct listener_part *p)
{
    if (!*p->host || strcmp(p->host, "0.0.0.0") == 0)
        return "127.0.0.1";
    return strcmp(p->host, "::") == 0 ? "::1" : p->host;
}

/* A certificate names the broker as others reach it, which this address of the listener needn't be:
 * the chain up to the authority is verified, the name isn't. */
struct mqtt_options broker_door(const struct layout *l, const struct listener_part *at,
                                const struct provision_reload *r, const char *username,
                                const char *password)
{
    return (struct mqtt_options){.host = listener_host(at),
                                 .port = at->port,
                                 .username = username,
                                 .password = password,
                                 .cafile = r->cafile            ? r->cafile
                                           : *l->console.cafile ? l->console.cafile
                                                                : NULL,
                                 .tls = at->tls,
                                 .insecure = true,
                                 .protocol = 5,
                                 .clean = true,
                                 .keepalive_s = 60};
}

/* A password that the broker has yet to read is refused for a moment. */
static bool open_in_time(struct probe *p, const struct mqtt_options *o, bool is_new)
{
    const int64_t until = clock_mono_ms() + PROVE_MS;

    for (;;) {
        *p = (struct probe){.until = until};
        if (probe_open(p, o))
            return true;
        if (!is_new || p->failure != MQTT_FAIL_PASSWORD || clock_mono_ms() > until)
            return false;
        probe_end(p);
        poll(NULL, 0, RETRY_MS);
    }
}

bool broker_prove(const struct layout *l, const struct provision_reload *r, const char *nonce,
                  struct err *e)
{
    const struct mqtt_options o =
        broker_door(l, &l->console, r, SERVER_ACCOUNT, r->server_password);
    struct probe p;
    char canary[96];
    bool ok;

    snprintf(canary, sizeof canary, "infoscreen/console/canary/%s", nonce);
    ok = open_in_time(&p, &o, r->password_is_new) ? passes(&p, canary, e) && refuses(&p, e)
                                                  : say_why(&p, e);
    probe_end(&p);
    return ok;
}

bool broker_alive(pid_t pid)
{
    char path[64], line[512] = "";
    const char *state;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    f = fopen(path, "re");
    if (!f)
        return false;
    state = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    fclose(f);
    return state && state[1] && state[2] != 'Z'; /* which only waits to be buried */
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
    return pid && is_mosquitto((pid_t)pid) && broker_alive((pid_t)pid) ? (pid_t)pid : 0;
}

bool broker_choose(const struct layout *l, pid_t given, pid_t *pid, struct err *e)
{
    if (given == 0)
        *pid = broker_find(l);
    else
        *pid = broker_alive(given) ? given : 0;
    return *pid == 0 || is_mosquitto(*pid) ||
           err_set(e, EXIT_USAGE,
                   _("process %ld is no mosquitto, and being told to reload would end most others: "
                     "give the broker's number, or leave --pid out; nothing was written"),
                   (long)given);
}

bool broker_answers(const struct layout *l)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char port[16];
    bool yes = false;

    snprintf(port, sizeof port, "%d", l->devices.port);
    if (getaddrinfo(listener_host(&l->devices), port, &hints, &list) != 0)
        return false;
    for (const struct addrinfo *a = list; a && !yes; a = a->ai_next) {
        const int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        yes = fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0;
        if (fd >= 0)
            close(fd);
    }
    freeaddrinfo(list);
    return yes;
}

void tell_seconds(const struct provision_reload *r, const char *format, int seconds)
{
    char text[200];

    snprintf(text, sizeof text, format, seconds); /* NOLINT: each has one %d */
    if (r->tell)
        r->tell(text);
}

bool broker_reload(pid_t pid, struct err *e)
{
    if (kill(pid, SIGHUP) == 0)
        return true;
    return err_set(e, EXIT_FAILED, _("the broker (process %ld) couldn't be told to reload: %s"),
                   (long)pid, strerror(errno));
}
