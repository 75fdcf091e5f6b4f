#include "provision_rig.h"

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../port.h"

char prov_base[256], prov_dir[300];
int prov_console_port, prov_device_port;
pid_t prov_broker;
struct account prov_server;
enum backend prov_backend;

/* ---- the broker ---- */

void prov_broker_start(const char *in)
{
    char conf[400];

    snprintf(conf, sizeof conf, "%s/mosquitto.conf", in);
    prov_broker = fork();
    assert_true(prov_broker >= 0);
    if (prov_broker == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("PATH", "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin", 1);
        if (!freopen("/dev/null", "w", stderr))
            _exit(127);
        execlp("mosquitto", "mosquitto", "-c", conf, (char *)NULL);
        _exit(127);
    }
    for (const int64_t until = clock_mono_ms() + WAIT;
         !port_answers(prov_console_port) || !port_answers(prov_device_port);) {
        assert_true(clock_mono_ms() < until);
        assert_int_equal(waitpid(prov_broker, NULL, WNOHANG), 0);
        poll(NULL, 0, 5);
    }
}

void prov_broker_end(int signo)
{
    if (prov_broker > 0) {
        kill(prov_broker, signo);
        if (waitpid(prov_broker, NULL, 0) < 0) /* not ours: it was started again by broker add */
            for (const int64_t until = clock_mono_ms() + WAIT; kill(prov_broker, 0) == 0;) {
                assert_true(clock_mono_ms() < until);
                poll(NULL, 0, 5);
            }
    }
    prov_broker = 0;
}

void prov_broker_restarted(void)
{
    struct buf text = BUF_INIT;
    const pid_t before = prov_broker;

    assert_int_equal(waitpid(before, NULL, 0), before);
    prov_read("mosquitto.pid", &text);
    prov_broker = (pid_t)strtol(buf_str(&text), NULL, 10);
    assert_true(prov_broker > 1 && prov_broker != before);
    buf_fini(&text);
}

/* ---- a client ---- */

static void prov_on_connected(void *user, bool present)
{
    (void)present;
    ((struct prov_peer *)user)->up = true;
}

static void on_ended(void *user, enum mqtt_failure why, const struct words *w)
{
    struct prov_peer *p = user;
    (void)w;
    p->over = true;
    p->why = why;
}

static void on_message(void *user, const struct mqtt_message *m)
{
    struct prov_peer *p = user;
    assert_true(p->n < 64);
    p->retained[p->n] = m->retained;
    snprintf(p->topics[p->n++], sizeof p->topics[0], "%s", m->topic);
}

static void on_published(void *user, int mid, int reason)
{
    struct prov_peer *p = user;
    if (mid == p->waiting) {
        p->waiting = 0;
        p->reason = reason;
    }
}

static void on_subscribed(void *user, int mid, bool refused)
{
    (void)mid, (void)refused;
    ((struct prov_peer *)user)->subscribed = true;
}

void prov_turn(struct prov_peer *p)
{
    struct pollfd f = {.fd = mqtt_fd(p->m), .events = mqtt_events(p->m)};

    if (f.fd < 0)
        poll(NULL, 0, 5);
    else if (poll(&f, 1, 50) > 0) {
        if (f.revents & (POLLIN | POLLHUP | POLLERR))
            mqtt_read(p->m, 64);
        if (!p->over && (f.revents & POLLOUT))
            mqtt_write(p->m);
    }
    if (!p->over)
        mqtt_misc(p->m);
}

const struct mqtt_handlers prov_handlers = {.connected = prov_on_connected,
                                            .ended = on_ended,
                                            .message = on_message,
                                            .published = on_published,
                                            .subscribed = on_subscribed};

void prov_open(struct prov_peer *p, int port, const char *user, const char *password,
               const char *cafile)
{
    const struct mqtt_options o = {.host = "127.0.0.1",
                                   .port = port,
                                   .username = user,
                                   .password = password,
                                   .cafile = cafile,
                                   .protocol = 5,
                                   .clean = true,
                                   .keepalive_s = 30};
    struct err e = {0};
    struct words w = {0};

    *p = (struct prov_peer){0};
    p->m = mqtt_new(&o, &prov_handlers, p, &e);
    assert_non_null(p->m);
    assert_true(mqtt_connect(p->m, &p->why, &w));
    UNTIL(p, p->up || p->over);
}

void prov_close(struct prov_peer *p)
{
    if (!p->over)
        mqtt_disconnect(p->m);
    mqtt_free(p->m);
}

int prov_publish(struct prov_peer *p, const char *topic, const char *payload, bool retain)
{
    p->waiting = mqtt_publish(p->m, topic, payload, strlen(payload), 1, retain);
    assert_true(p->waiting > 0);
    UNTIL(p, p->waiting == 0);
    return p->reason;
}

void prov_subscribe(struct prov_peer *p, const char *filter)
{
    p->subscribed = false;
    assert_true(mqtt_subscribe(p->m, &filter, 1, 1, 0) > 0);
    UNTIL(p, p->subscribed);
}

bool prov_got(const struct prov_peer *p, const char *topic)
{
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->topics[i], topic) == 0)
            return true;
    return false;
}

/* ---- a directory for each test ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

int prov_setup(void **state)
{
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(prov_base, sizeof prov_base, "%s/infoscreen-provision-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(prov_base) || chmod(prov_base, 0711) != 0)
        return -1;
    snprintf(prov_dir, sizeof prov_dir, "%s/broker", prov_base);
    unsetenv("MQTT_PASSWORD");
    prov_backend = BACKEND_AUTO;
    return 0;
}

int prov_setup_plugin(void **state)
{
    const int rc = prov_setup(state);

    prov_backend = BACKEND_DYNSEC;
    return rc;
}

int prov_teardown(void **state)
{
    (void)state;
    prov_broker_end(SIGTERM);
    return nftw(prov_base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void prov_create(const struct provision_init *more)
{
    char listen[64], device_listen[64];
    struct provision_init o = more ? *more : (struct provision_init){0};
    struct err e = {0};

    prov_console_port = port_free();
    prov_device_port = port_free();
    snprintf(listen, sizeof listen, "127.0.0.1:%d", prov_console_port);
    snprintf(device_listen, sizeof device_listen, "127.0.0.1:%d", prov_device_port);
    o.dir = prov_dir;
    o.backend = prov_backend;
    o.listen = listen;
    o.device_listen = device_listen;
    if (!provision_create(&o, &prov_server, &e))
        fail_msg("%s", e.text);
}

void prov_add(const char *uuid, const char *group, struct account *made)
{
    struct err e = {0};
    enum provision_proof proof;

    if (!provision_add_accounts(prov_dir, &uuid, 1, group, NULL, made, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_NOT_RUNNING);
}

void prov_read(const char *name, struct buf *out)
{
    char path[400], chunk[4096];
    size_t n;

    snprintf(path, sizeof path, "%s/%s", prov_dir, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_append(out, chunk, n);
    fclose(f);
}

void prov_append(const char *name, const char *text)
{
    char path[400];

    snprintf(path, sizeof path, "%s/%s", prov_dir, name);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

void prov_read_accounts(struct buf *out)
{
    prov_read("console.acl", out), prov_read("console.passwd", out);
    if (prov_backend == BACKEND_DYNSEC)
        prov_read("dynsec.json", out);
    else
        prov_read("devices.acl", out), prov_read("devices.passwd", out);
}
