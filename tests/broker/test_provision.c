/* Provisioning against the real Mosquitto: who may do what, what is on disk, and what happens when
 * a reload goes wrong. */
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/timefmt.h"
#include "broker/mqtt.h"
#include "broker/provision.h"

#define OWN    "9b8d1856-ff34-4864-a726-12de072d0f77"
#define OTHER  "41aa03c2-0000-4000-8000-000000000002"
#define DENIED 0x87
#define WAIT   10000

static char base[256], dir[300];
static int console_port, device_port;
static pid_t broker;
static struct account server, own, other;

/* ---- the broker ---- */

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static bool accepts(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool yes = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;

    close(fd);
    return yes;
}

static void broker_start(const char *in)
{
    char conf[400];

    snprintf(conf, sizeof conf, "%s/mosquitto.conf", in);
    broker = fork();
    assert_true(broker >= 0);
    if (broker == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("PATH", "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin", 1);
        if (!freopen("/dev/null", "w", stderr))
            _exit(127);
        execlp("mosquitto", "mosquitto", "-c", conf, (char *)NULL);
        _exit(127);
    }
    for (const int64_t until = clock_mono_ms() + WAIT;
         !accepts(console_port) || !accepts(device_port);) {
        assert_true(clock_mono_ms() < until);
        assert_int_equal(waitpid(broker, NULL, WNOHANG), 0);
        poll(NULL, 0, 5);
    }
}

static void broker_end(int signo)
{
    if (broker > 0) {
        kill(broker, signo);
        waitpid(broker, NULL, 0);
    }
    broker = 0;
}

/* ---- a client ---- */

struct peer {
    struct mqtt *m;
    bool up, over, subscribed;
    enum mqtt_failure why;
    int waiting, reason;
    char topics[64][128];
    bool retained[64];
    int n;
};

static void on_connected(void *user, bool present)
{
    (void)present;
    ((struct peer *)user)->up = true;
}

static void on_ended(void *user, enum mqtt_failure why, const struct words *w)
{
    struct peer *p = user;
    (void)w;
    p->over = true;
    p->why = why;
}

static void on_message(void *user, const struct mqtt_message *m)
{
    struct peer *p = user;
    assert_true(p->n < 64);
    p->retained[p->n] = m->retained;
    snprintf(p->topics[p->n++], sizeof p->topics[0], "%s", m->topic);
}

static void on_published(void *user, int mid, int reason)
{
    struct peer *p = user;
    if (mid == p->waiting) {
        p->waiting = 0;
        p->reason = reason;
    }
}

static void on_subscribed(void *user, int mid, bool refused)
{
    (void)mid, (void)refused;
    ((struct peer *)user)->subscribed = true;
}

static void turn(struct peer *p)
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

#define UNTIL(p, condition)                                                                        \
    for (const int64_t until_ = clock_mono_ms() + WAIT; !(condition);) {                           \
        assert_true(clock_mono_ms() < until_);                                                     \
        turn(p);                                                                                   \
    }

static void peer_open(struct peer *p, int port, const char *user, const char *password,
                      const char *cafile)
{
    static const struct mqtt_handlers h = {.connected = on_connected,
                                           .ended = on_ended,
                                           .message = on_message,
                                           .published = on_published,
                                           .subscribed = on_subscribed};
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

    *p = (struct peer){0};
    p->m = mqtt_new(&o, &h, p, &e);
    assert_non_null(p->m);
    assert_true(mqtt_connect(p->m, &p->why, &w));
    UNTIL(p, p->up || p->over);
}

static void peer_close(struct peer *p)
{
    if (!p->over)
        mqtt_disconnect(p->m);
    mqtt_free(p->m);
}

static int publish(struct peer *p, const char *topic, const char *payload, bool retain)
{
    p->waiting = mqtt_publish(p->m, topic, payload, strlen(payload), 1, retain);
    assert_true(p->waiting > 0);
    UNTIL(p, p->waiting == 0);
    return p->reason;
}

static void subscribe(struct peer *p, const char *filter)
{
    p->subscribed = false;
    assert_true(mqtt_subscribe(p->m, &filter, 1, 1, 0) > 0);
    UNTIL(p, p->subscribed);
}

static bool got(const struct peer *p, const char *topic)
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

static int make_base(void **state)
{
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(base, sizeof base, "%s/infoscreen-provision-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(base) || chmod(base, 0711) != 0)
        return -1;
    snprintf(dir, sizeof dir, "%s/broker", base);
    unsetenv("MQTT_PASSWORD");
    return 0;
}

static int end_base(void **state)
{
    (void)state;
    broker_end(SIGTERM);
    return nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void create(const struct provision_init *more)
{
    char listen[64], device_listen[64];
    struct provision_init o = more ? *more : (struct provision_init){0};
    struct err e = {0};

    console_port = free_port();
    device_port = free_port();
    snprintf(listen, sizeof listen, "127.0.0.1:%d", console_port);
    snprintf(device_listen, sizeof device_listen, "127.0.0.1:%d", device_port);
    o.dir = dir;
    o.listen = listen;
    o.device_listen = device_listen;
    if (!provision_create(&o, &server, &e))
        fail_msg("%s", e.text);
}

static void add(const char *uuid, const char *group, struct account *made)
{
    struct err e = {0};
    enum provision_proof proof;

    if (!provision_add_accounts(dir, &uuid, 1, group, NULL, made, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_NOT_RUNNING);
}

static void slurp(const char *name, struct buf *out)
{
    char path[400], chunk[4096];
    size_t n;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_append(out, chunk, n);
    fclose(f);
}

static void append(const char *name, const char *text)
{
    char path[400];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* ---- the access rules ---- */

enum { BY_SERVER = 1, BY_DEVICE = 2 };

/* The seed's table with both directions, and the consoles' own topics. %s is the device's uuid. */
static const struct row {
    const char *topic;
    int publish, read; /* who may: BY_SERVER, BY_DEVICE (its own) */
    bool shared;       /* not of one device: every device may read it */
} rows[] = {
    {"infoscreen/%s/commands", BY_SERVER, BY_SERVER | BY_DEVICE, false},
    {"infoscreen/%s/command", BY_SERVER, BY_SERVER | BY_DEVICE, false},
    {"infoscreen/%s/group_id", BY_SERVER, BY_SERVER | BY_DEVICE, false},
    {"infoscreen/events/vienna-1", BY_SERVER, BY_SERVER | BY_DEVICE, true},
    {"infoscreen/groups/vienna-1/power/intent", BY_SERVER, BY_SERVER | BY_DEVICE, true},
    {"infoscreen/%s/commands/ack", BY_DEVICE, BY_SERVER, false},
    {"infoscreen/%s/command/ack", BY_DEVICE, BY_SERVER, false},
    {"infoscreen/%s/heartbeat", BY_DEVICE, BY_SERVER, false},
    {"infoscreen/%s/health", BY_DEVICE, BY_SERVER, false},
    {"infoscreen/%s/logs/error", BY_DEVICE, BY_SERVER, false},
    {"infoscreen/%s/service_failed", BY_SERVER | BY_DEVICE, BY_SERVER, false},
    {"infoscreen/console/ack/client_silent-0123456789abcdef", BY_SERVER, BY_SERVER, false},
    {"infoscreen/console/presence/0123456789", BY_SERVER, BY_SERVER, false},
};
#define ROWS (sizeof rows / sizeof *rows)

static void name_topic(char out[128], const struct row *r, const char *uuid)
{
    snprintf(out, 128, r->topic, uuid);
}

static void check_publish(struct peer *p, const struct row *r, bool may)
{
    char topic[128];

    name_topic(topic, r, OWN);
    const int reason = publish(p, topic, "x", false);
    if ((reason != DENIED) != may)
        fail_msg("%s: reason 0x%x", topic, (unsigned)reason);
}

static void test_publish_matrix(void **state)
{
    struct peer s, d, o, nobody;
    (void)state;

    create(NULL);
    add(OWN, NULL, &own);
    add(OTHER, NULL, &other);
    broker_start(dir);
    peer_open(&s, console_port, server.username, server.password, NULL);
    peer_open(&d, device_port, own.username, own.password, NULL);
    peer_open(&o, device_port, other.username, other.password, NULL);
    assert_true(s.up && d.up && o.up);
    for (size_t i = 0; i < ROWS; i++) {
        check_publish(&s, &rows[i], rows[i].publish & BY_SERVER);
        check_publish(&d, &rows[i], rows[i].publish & BY_DEVICE);
        check_publish(&o, &rows[i], false);
    }
    assert_int_equal(publish(&s, "infoscreen/console/canary/guess", "", false), DENIED);
    assert_int_equal(publish(&d, "infoscreen/console/canary/guess", "", false), DENIED);
    assert_int_equal(publish(&d, "$SYS/broker/version", "x", false), DENIED);
    peer_close(&s), peer_close(&d), peer_close(&o);

    /* Nobody, and nobody at the other's door. */
    const struct {
        int port;
        const char *user, *password;
    } refused[] = {
        {console_port, NULL, NULL},
        {device_port, NULL, NULL},
        {console_port, own.username, own.password},
        {device_port, server.username, server.password},
        {console_port, server.username, "wrong"},
        {device_port, own.username, other.password},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        peer_open(&nobody, refused[i].port, refused[i].user, refused[i].password, NULL);
        assert_true(nobody.over && !nobody.up);
        assert_int_equal(nobody.why, MQTT_FAIL_PASSWORD);
        peer_close(&nobody);
    }
}

/* Delivery is judged by a message published after it that the reader certainly gets. */
static void check_read(struct peer *reader, const char *marker, struct peer *s, struct peer *d,
                       const struct row *r, bool may)
{
    char topic[128];

    name_topic(topic, r, OWN);
    reader->n = 0;
    publish(r->publish & BY_SERVER ? s : d, topic, "x", false);
    publish(s, marker, "end", false);
    UNTIL(reader, got(reader, marker));
    if (got(reader, topic) != may)
        fail_msg("%s: delivered %d", topic, !may);
}

static void test_read_matrix(void **state)
{
    struct peer s, s2, d, o;
    (void)state;

    create(NULL);
    add(OWN, NULL, &own);
    add(OTHER, NULL, &other);
    broker_start(dir);
    peer_open(&s, console_port, server.username, server.password, NULL);
    peer_open(&s2, console_port, server.username, server.password, NULL);
    peer_open(&d, device_port, own.username, own.password, NULL);
    peer_open(&o, device_port, other.username, other.password, NULL);
    assert_true(s.up && s2.up && d.up && o.up);
    subscribe(&s2,
              "infoscreen/#"); /* a filter that asks for all: the rules sift what is delivered */
    subscribe(&d, "infoscreen/#");
    subscribe(&o, "infoscreen/#");
    for (size_t i = 0; i < ROWS; i++) {
        check_read(&s2, "infoscreen/console/ack/end", &s, &d, &rows[i], rows[i].read & BY_SERVER);
        check_read(&d, "infoscreen/" OWN "/group_id", &s, &d, &rows[i], rows[i].read & BY_DEVICE);
        check_read(&o, "infoscreen/" OTHER "/group_id", &s, &d, &rows[i], rows[i].shared);
    }
    subscribe(&s2, "$SYS/broker/version");
    UNTIL(&s2, got(&s2, "$SYS/broker/version"));
    peer_close(&s), peer_close(&s2), peer_close(&d), peer_close(&o);
}

static void test_group_bounds_what_a_device_reads(void **state)
{
    struct peer s, d;
    (void)state;

    create(NULL);
    add(OWN, "graz 2", &own); /* blanks are legal in a group */
    broker_start(dir);
    peer_open(&s, console_port, server.username, server.password, NULL);
    peer_open(&d, device_port, own.username, own.password, NULL);
    subscribe(&d, "infoscreen/#");
    publish(&s, "infoscreen/events/vienna-1", "{}", false);
    publish(&s, "infoscreen/groups/vienna-1/power/intent", "{}", false);
    publish(&s, "infoscreen/groups/graz 2/power/intent", "{}", false);
    publish(&s, "infoscreen/events/graz 2", "{}", false);
    UNTIL(&d, got(&d, "infoscreen/events/graz 2"));
    assert_int_equal(d.n, 2);
    peer_close(&s), peer_close(&d);
}

/* The account is the client id: a device can't take a console's place. */
static void test_client_ids_are_not_stolen(void **state)
{
    const struct mqtt_handlers h = {.connected = on_connected,
                                    .ended = on_ended,
                                    .message = on_message,
                                    .published = on_published,
                                    .subscribed = on_subscribed};
    struct peer console = {0}, thief = {0};
    struct mqtt_options o = {.host = "127.0.0.1",
                             .client_id = "console",
                             .protocol = 5,
                             .clean = true,
                             .keepalive_s = 30};
    struct words w;
    struct err e;
    (void)state;

    create(NULL);
    add(OWN, NULL, &own);
    broker_start(dir);
    o.port = console_port, o.username = server.username, o.password = server.password;
    assert_non_null(console.m = mqtt_new(&o, &h, &console, &e));
    assert_true(mqtt_connect(console.m, &console.why, &w));
    UNTIL(&console, console.up);
    o.port = device_port, o.username = own.username, o.password = own.password;
    assert_non_null(thief.m = mqtt_new(&o, &h, &thief, &e));
    assert_true(mqtt_connect(thief.m, &thief.why, &w));
    UNTIL(&thief, thief.up);
    publish(&thief, "infoscreen/" OWN "/heartbeat", "{}", false);
    publish(&console, "infoscreen/events/x", "{}", false);
    assert_false(console.over);
    peer_close(&console), peer_close(&thief);
}

/* ---- files ---- */

static void check_mode(const char *name, mode_t mode)
{
    char path[400];
    struct stat st;
    const struct passwd *pw = geteuid() == 0 ? getpwnam("mosquitto") : NULL;

    snprintf(path, sizeof path, "%s%s%s", dir, *name ? "/" : "", name);
    assert_int_equal(stat(path, &st), 0);
    if ((st.st_mode & 0777) != mode)
        fail_msg("%s: mode %o", name, st.st_mode & 0777u);
    if (pw && strcmp(name, "ca.key") != 0)
        assert_int_equal(st.st_uid, pw->pw_uid);
}

static void check_modes(bool tls)
{
    check_mode("", 0750);
    check_mode("mosquitto.conf", 0640);
    check_mode("console.passwd", 0600);
    check_mode("devices.passwd", 0600);
    check_mode("console.acl", 0640);
    check_mode("devices.acl", 0640);
    if (tls) {
        check_mode("server.key", 0600);
        check_mode("ca.key", 0600);
        check_mode("server.crt", 0640);
    }
}

static void test_modes_and_restart(void **state)
{
    struct peer s;
    (void)state;

    create(NULL);
    add(OWN, NULL, &own);
    check_modes(false); /* adding keeps owners and modes */
    broker_start(dir);
    peer_open(&s, console_port, server.username, server.password, NULL);
    publish(&s, "infoscreen/events/vienna-1", "{\"id\":1}", true);
    peer_close(&s);
    broker_end(SIGTERM);
    broker_start(dir);
    peer_open(&s, console_port, server.username, server.password, NULL);
    subscribe(&s, "infoscreen/events/+");
    UNTIL(&s, got(&s, "infoscreen/events/vienna-1"));
    assert_true(s.retained[0]);
    peer_close(&s);
}

static void test_private_authority(void **state)
{
    char ca[400];
    struct peer s, plain;
    struct provision_console c;
    struct err e = {0};
    (void)state;

    create(&(struct provision_init){.self_signed = true});
    add(OWN, NULL, &own);
    check_modes(true);
    assert_true(provision_console(dir, &c, &e));
    snprintf(ca, sizeof ca, "%s/ca.crt", dir);
    assert_string_equal(strrchr(c.cafile, '/'), "/ca.crt");
    broker_start(dir);
    peer_open(&s, console_port, server.username, server.password, ca);
    assert_true(s.up);
    peer_close(&s);
    peer_open(&s, device_port, own.username, own.password, ca);
    assert_true(s.up);
    peer_close(&s);
    peer_open(&plain, console_port, server.username, server.password, NULL);
    assert_false(plain.up);
    peer_close(&plain);
}

static void test_nothing_is_overwritten(void **state)
{
    struct account a;
    struct err e = {0};
    struct buf before = BUF_INIT, after = BUF_INIT;
    (void)state;

    create(NULL);
    slurp("console.passwd", &before);
    assert_false(provision_create(&(struct provision_init){.dir = dir}, &a, &e));
    assert_int_equal(e.code, EXIT_POLICY);
    assert_non_null(strstr(e.text, "would change"));
    slurp("console.passwd", &after);
    assert_string_equal(buf_str(&before), buf_str(&after));
    buf_fini(&before), buf_fini(&after);

    e = (struct err){0};
    assert_false(provision_create(&(struct provision_init){.dir = base}, &a, &e));
    assert_int_equal(e.code, EXIT_POLICY);
}

static void test_addresses(void **state)
{
    static const struct {
        const char *listen, *device;
        bool insecure;
        int code;
    } table[] = {
        {"0.0.0.0:1884", NULL, false, EXIT_POLICY},
        {NULL, "*:1883", false, EXIT_POLICY},
        {NULL, "display-net:1883", false, EXIT_POLICY},
        {"127.0.0.1:0", NULL, false, EXIT_USAGE},
        {"127.0.0.1:65536", NULL, false, EXIT_USAGE},
        {"127.0.0.1:x", NULL, false, EXIT_USAGE},
        {"::1:1884", NULL, false, EXIT_USAGE},
        {"127.0.0.1:1883", NULL, false, EXIT_USAGE},
        {"a b:1", NULL, true, EXIT_USAGE},
        {"[::1]:1884", "127.1.2.3:1883", false, EXIT_DONE},
        {"0.0.0.0:1884", "*:1883", true, EXIT_DONE},
        {"localhost", NULL, false, EXIT_DONE},
    };
    (void)state;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct err e = {0};
        char each[320];
        struct stat st;
        snprintf(each, sizeof each, "%s/d%zu", base, i);
        const struct provision_init o = {.dir = each,
                                         .listen = table[i].listen,
                                         .device_listen = table[i].device,
                                         .insecure = table[i].insecure};
        const bool ok = provision_create(&o, &server, &e);
        if (ok != (table[i].code == EXIT_DONE) || e.code != table[i].code)
            fail_msg("row %zu: %d %s", i, e.code, e.text);
        assert_int_equal(stat(each, &st) == 0, ok);
    }
}

static void test_unreachable_parent(void **state)
{
    char parent[320], inner[400];
    struct account a;
    struct err e = {0};
    (void)state;

    if (geteuid() != 0)
        skip();
    snprintf(parent, sizeof parent, "%s/closed", base);
    snprintf(inner, sizeof inner, "%s/broker", parent);
    assert_int_equal(mkdir(parent, 0700), 0);
    assert_false(provision_create(&(struct provision_init){.dir = inner}, &a, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_non_null(strstr(e.text, parent));
}

/* ---- adding ---- */

static void check_refused(const char *const *uuids, int n, int code, const char *names,
                          const char *names_too)
{
    struct account made[4];
    enum provision_proof proof;
    struct buf before = BUF_INIT, after = BUF_INIT;
    struct err e = {0};

    slurp("devices.acl", &before), slurp("devices.passwd", &before), slurp("console.acl", &before);
    assert_false(provision_add_accounts(dir, uuids, n, NULL, NULL, made, &proof, &e));
    slurp("devices.acl", &after), slurp("devices.passwd", &after), slurp("console.acl", &after);
    assert_int_equal(e.code, code);
    if (!strstr(e.text, names) || !strstr(e.text, names_too))
        fail_msg("%s", e.text);
    assert_string_equal(buf_str(&before), buf_str(&after));
    buf_fini(&before), buf_fini(&after);
}

static void test_refusals(void **state)
{
    static const char twin[] =
        "9B8D1856-0000-4000-8000-000000000000"; /* case doesn't tell them apart */
    static const char third[] = "aaaaaaaa-0000-4000-8000-000000000000";
    (void)state;

    create(NULL);
    check_refused((const char *const[]){third, OWN, OTHER, twin}, 4, EXIT_POLICY, OWN, twin);
    add(OWN, NULL, &own);
    check_refused((const char *const[]){third, twin}, 2, EXIT_POLICY, OWN, twin);
    check_refused((const char *const[]){OWN}, 1, EXIT_POLICY, OWN, "already");
    check_refused((const char *const[]){third, third}, 2, EXIT_POLICY, third, "twice");
    check_refused((const char *const[]){third, "9b8d1856"}, 2, EXIT_USAGE, "9b8d1856", "uuid");
    append("devices.acl", "topc read x\n");
    check_refused((const char *const[]){third}, 1, EXIT_FAILED, "devices.acl:", "repair");
}

static void test_thousands_at_once(void **state)
{
    enum { MANY = 5001 };
    static char text[MANY][UID_TEXT];
    const char **uuids = calloc(MANY, sizeof *uuids);
    struct account *made = calloc(MANY, sizeof *made), *list = NULL;
    struct buf conf = BUF_INIT;
    struct err e = {0};
    struct peer d;
    bool proved = true;
    int n = 0, a = 0, b = 0;
    (void)state;

    for (int i = 0; i < MANY; i++) {
        snprintf(text[i], UID_TEXT, "%08x-0000-4000-8000-%012x", (unsigned)i * 2654435761u,
                 (unsigned)i);
        uuids[i] = text[i];
    }
    create(NULL);
    assert_true(provision_add(dir, uuids, MANY, "vienna-1", 0, made, &proved, &e));
    assert_false(proved);
    assert_true(provision_list(dir, &list, &n, &e));
    assert_int_equal(n, MANY + 1);
    assert_string_equal(list[0].username, SERVER_ACCOUNT);
    assert_string_equal(list[MANY].client_uuid, text[MANY - 1]);
    assert_string_equal(list[MANY].username, made[MANY - 1].username);
    assert_true(provision_ports(dir, &a, &b, &e));
    assert_int_equal(a, console_port);
    assert_int_equal(b, device_port);
    slurp("mosquitto.conf", &conf); /* its whole database at every change would be too slow */
    assert_non_null(strstr(buf_str(&conf), "autosave_on_changes false"));
    broker_start(dir);
    peer_open(&d, device_port, made[MANY - 1].username, made[MANY - 1].password, NULL);
    assert_true(d.up);
    peer_close(&d);
    buf_fini(&conf);
    free(list), free(made), free(uuids);
}

/* ---- reload ---- */

static bool add_running(const char *uuid, const char *password, struct account *made,
                        enum provision_proof *proof, struct err *e)
{
    const struct provision_reload r = {.server_password = password};

    *e = (struct err){0};
    return provision_add_accounts(dir, &uuid, 1, NULL, &r, made, proof, e);
}

static void test_reload_is_proved(void **state)
{
    enum provision_proof proof;
    struct peer d, o;
    struct err e;
    (void)state;

    create(NULL);
    add(OWN, NULL, &own);
    broker_start(dir);
    peer_open(&d, device_port, own.username, own.password, NULL);
    if (!add_running(OTHER, server.password, &other, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    peer_open(&o, device_port, other.username, other.password, NULL);
    assert_true(o.up);
    publish(&d, "infoscreen/" OWN "/heartbeat", "{}", false); /* who was there stayed */
    assert_false(d.over);
    peer_close(&d), peer_close(&o);

    assert_true(add_running("aaaaaaaa-0000-4000-8000-000000000000", NULL, &other, &proof, &e));
    assert_int_equal(proof, PROOF_NO_CREDENTIALS);
    setenv("MQTT_PASSWORD", server.password, 1);
    const char *last = "bbbbbbbb-0000-4000-8000-000000000000";
    bool proved = false;
    assert_true(provision_add(dir, &last, 1, "", 0, &other, &proved, &e));
    assert_true(proved);
}

/* The directory in which rules are read no longer matches what the broker can read: Mosquitto opens
 * itself. Seen, taken back, and closed again. */
static void test_reload_that_opens_is_undone(void **state)
{
    static const char *const files[] = {"devices.acl", "console.acl"};
    enum provision_proof proof;
    struct err e;
    (void)state;

    create(NULL);
    add(OWN, NULL, &own);
    broker_start(dir);
    for (size_t i = 0; i < 2; i++) {
        char path[400];
        struct buf before = BUF_INIT, after = BUF_INIT;
        struct peer s;
        struct stat st;
        /* An own broker reads all that its user may: take it from that user. */
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(chmod(path, 0000), 0);
        slurp(files[i], &before);
        assert_false(add_running(OTHER, server.password, &other, &proof, &e));
        assert_int_equal(e.code, EXIT_FAILED);
        if (!strstr(e.text, "old files are back"))
            fail_msg("%s", e.text);
        slurp(files[i], &after);
        assert_string_equal(buf_str(&before), buf_str(&after));
        assert_int_equal(chmod(path, st.st_mode & 0777), 0);
        kill(broker, SIGHUP);
        for (const int64_t until = clock_mono_ms() + WAIT;; poll(NULL, 0, 10)) {
            peer_open(&s, console_port, server.username, server.password, NULL);
            const int reason = publish(&s, "infoscreen/" OWN "/heartbeat", "", false);
            peer_close(&s);
            if (reason == DENIED)
                break;
            assert_true(clock_mono_ms() < until);
        }
        buf_fini(&before), buf_fini(&after);
    }
    assert_false(add_running(OTHER, "wrong", &other, &proof, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_non_null(strstr(e.text, "old files are back"));
}

/* Killed at any moment, adding leaves a directory that a broker runs on and that can be added to.
 */
static void test_killed_while_adding(void **state)
{
    enum { MANY = 400 };
    static char text[MANY][UID_TEXT];
    static const char *uuids[MANY];
    static struct account made[MANY];
    enum provision_proof proof;
    struct peer s, d;
    struct err e = {0};
    (void)state;

    create(NULL);
    add(OWN, NULL, &own);
    for (int i = 0; i < MANY; i++)
        uuids[i] = text[i];
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < MANY; i++)
            snprintf(text[i], UID_TEXT, "%04x%04x-0000-4000-8000-000000000000", round + 1, i);
        const pid_t child = fork();
        if (child == 0) {
            provision_add_accounts(dir, uuids, MANY, NULL, NULL, made, &proof, &e);
            _exit(0);
        }
        poll(NULL, 0, round * 8);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    add(OTHER, NULL, &other);
    broker_start(dir);
    peer_open(&s, console_port, server.username, server.password, NULL);
    peer_open(&d, device_port, other.username, other.password, NULL);
    assert_true(s.up && d.up);
    assert_int_equal(publish(&d, "infoscreen/" OWN "/heartbeat", "", false), DENIED);
    assert_int_equal(publish(&s, "infoscreen/" OWN "/heartbeat", "", false), DENIED);
    peer_close(&s), peer_close(&d);
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, make_base, end_base)
    const struct CMUnitTest tests[] = {
        EACH(test_publish_matrix),
        EACH(test_read_matrix),
        EACH(test_group_bounds_what_a_device_reads),
        EACH(test_client_ids_are_not_stolen),
        EACH(test_modes_and_restart),
        EACH(test_private_authority),
        EACH(test_nothing_is_overwritten),
        EACH(test_addresses),
        EACH(test_unreachable_parent),
        EACH(test_refusals),
        EACH(test_thousands_at_once),
        EACH(test_reload_is_proved),
        EACH(test_reload_that_opens_is_undone),
        EACH(test_killed_while_adding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
