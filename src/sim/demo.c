/* demo.c - a directory, a broker made by the same code as `broker init`, a fleet on it; all gone
 * again at the end. */
#include "sim/demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/timefmt.h"
#include "sim/sim.h"
#include "sim/supervisor.h"

#define HEARTBEAT_S 5.0
#define GAP_SCALE   0.2 /* a reboot of 10–90 s takes 2–18 s here */
#define STOP_MS     5000
#define PATH_SIZE   400

struct demo {
    char dir[PATH_SIZE], broker_dir[PATH_SIZE + 16], conf[PATH_SIZE + 32], log[PATH_SIZE + 16];
    int console_port, device_port, control;
    pid_t supervisor;
    struct account server, *devices;
    int n;
};

/* ---- the directory ---- */

static bool make_dir_below(struct demo *d, const char *parent)
{
    struct stat st;

    /* Mosquitto started by root becomes another user, who has to get in. */
    if (geteuid() == 0 && (stat(parent, &st) != 0 || !(st.st_mode & S_IXOTH)))
        return false;
    snprintf(d->dir, sizeof d->dir, "%s/infoscreen-demo-XXXXXX", parent);
    if (!mkdtemp(d->dir)) {
        d->dir[0] = '\0';
        return false;
    }
    return geteuid() != 0 || chmod(d->dir, 0711) == 0;
}

static bool make_dir(struct demo *d, struct err *e)
{
    const char *tmp = getenv("TMPDIR");

    if (!(tmp && *tmp && strlen(tmp) < PATH_SIZE - 32 && make_dir_below(d, tmp)) &&
        !make_dir_below(d, "/tmp"))
        return err_set(e, EXIT_FAILED,
                       _("the demo can't make a directory for itself: set TMPDIR to one "
                         "that everyone may enter"));
    snprintf(d->broker_dir, sizeof d->broker_dir, "%s/broker", d->dir);
    snprintf(d->conf, sizeof d->conf, "%s/mosquitto.conf", d->broker_dir);
    snprintf(d->log, sizeof d->log, "%s/demo.log", d->dir);
    return true;
}

/* Two ports that nobody has at the moment. Both are held until both are known, so that they differ.
 */
static bool find_ports(struct demo *d, struct err *e)
{
    int fds[2] = {-1, -1}, *const ports[2] = {&d->console_port, &d->device_port};
    bool ok = true;

    for (int i = 0; ok && i < 2; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof a;
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ok = fds[i] >= 0 && bind(fds[i], (struct sockaddr *)&a, n) == 0 &&
             getsockname(fds[i], (struct sockaddr *)&a, &n) == 0;
        *ports[i] = ntohs(a.sin_port);
    }
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return ok || err_set(e, EXIT_FAILED, _("no free port on 127.0.0.1: %s"), strerror(errno));
}

static bool provision(struct demo *d, const struct demo_options *o, struct err *e)
{
    char listen[32], device_listen[32];
    char(*text)[UID_TEXT] = calloc((size_t)d->n, sizeof *text);
    const char **uuids = calloc((size_t)d->n, sizeof *uuids);
    const struct provision_init init = {
        .dir = d->broker_dir, .listen = listen, .device_listen = device_listen};
    enum provision_proof proof;
    bool ok = text && uuids;

    snprintf(listen, sizeof listen, "127.0.0.1:%d", d->console_port);
    snprintf(device_listen, sizeof device_listen, "127.0.0.1:%d", d->device_port);
    for (int i = 0; ok && i < d->n; i++) {
        sim_uuid(o->seed, i, text[i]);
        uuids[i] = text[i];
    }
    ok = ok ? provision_create(&init, &d->server, e) &&
                  provision_add_accounts(d->broker_dir, uuids, d->n, NULL, NULL, d->devices, &proof,
                                         e)
            : err_set(e, EXIT_FAILED, _("out of memory"));
    free(uuids);
    free(text);
    return ok;
}

/* ---- the processes ---- */

static bool await_report(int fd, struct err *e)
{
    char words[400];
    size_t n = 0;
    ssize_t got;

    while (n + 1 < sizeof words &&
           ((got = read(fd, words + n, sizeof words - 1 - n)) > 0 || (got < 0 && errno == EINTR)))
        n += got > 0 ? (size_t)got : 0;
    words[n] = '\0';
    return n == 0 || err_set(e, EXIT_FAILED, "%s", words);
}

static bool start_processes(struct demo *d, const struct demo_options *o, struct err *e)
{
    const struct supervision s = {
        .dir = d->dir,
        .conf = d->conf,
        .log = d->log,
        .console_port = d->console_port,
        .device_port = d->device_port,
        .sim = {.host = "127.0.0.1",
                .port = d->device_port,
                .accounts = d->devices,
                .n = d->n,
                .seed = o->seed,
                .script = o->script,
                .calm = o->calm,
                .heartbeat_s = o->heartbeat_s > 0 ? o->heartbeat_s : HEARTBEAT_S,
                .gap_scale = o->gap_scale > 0 ? o->gap_scale : GAP_SCALE,
                .console_port = d->console_port,
                .server = &d->server,
                .broker_fd = -1},
    };
    int report = -1;
    bool ok;

    d->supervisor = supervisor_start(&s, &d->control, &report);
    if (d->supervisor < 0) {
        d->supervisor = 0;
        d->control = -1;
        return err_set(e, EXIT_FAILED, _("the demo can't make a process: %s"), strerror(errno));
    }
    ok = await_report(report, e);
    close(report);
    return ok;
}

static bool check(const struct demo_options *o, int n, struct err *e)
{
    if (n < 1 || n > DEMO_CLIENTS_MAX)
        return err_set(e, EXIT_USAGE,
                       _("the demo has 1 to %d clients: --clients %d isn't possible"),
                       DEMO_CLIENTS_MAX, n);
    return !o->script || sim_check_script_for(o->script, n, e);
}

struct demo *demo_start(const struct demo_options *o, struct err *e)
{
    const int n = o->clients ? o->clients : DEMO_CLIENTS;
    struct demo *d = NULL;

    if (!check(o, n, e))
        return NULL;
    d = calloc(1, sizeof *d);
    if (d)
        d->devices = calloc((size_t)n, sizeof *d->devices);
    if (!d || !d->devices) {
        free(d);
        err_set(e, EXIT_FAILED, _("out of memory"));
        return NULL;
    }
    d->n = n;
    d->control = -1;
    if (!make_dir(d, e) || !find_ports(d, e) || !provision(d, o, e) || !start_processes(d, o, e)) {
        demo_stop(d);
        return NULL;
    }
    fprintf(stderr,
            _("demo: %d simulated devices on a private broker (127.0.0.1:%d), some of them in "
              "trouble; try "
              "Enter on a client, a to acknowledge, ? for help, q to end\n"),
            n, d->console_port);
    return d;
}

int demo_console_port(const struct demo *d)
{
    return d->console_port;
}

int demo_device_port(const struct demo *d)
{
    return d->device_port;
}

const char *demo_server_password(const struct demo *d)
{
    return d->server.password;
}

const char *demo_dir(const struct demo *d)
{
    return d->dir;
}

const struct account *demo_accounts(const struct demo *d, int *n)
{
    *n = d->n;
    return d->devices;
}

pid_t demo_supervisor(const struct demo *d)
{
    return d->supervisor;
}

void demo_stop(struct demo *d)
{
    const int64_t until = clock_mono_ms() + STOP_MS;

    if (!d)
        return;
    if (d->control >= 0)
        close(d->control);
    while (d->supervisor > 0 && waitpid(d->supervisor, NULL, WNOHANG) == 0) {
        if (clock_mono_ms() > until) {
            kill(d->supervisor, SIGKILL); /* its children die with it */
            waitpid(d->supervisor, NULL, 0);
            break;
        }
        poll(NULL, 0, 5);
    }
    if (*d->dir) /* what was written while the supervisor removed it, or all if it never ran */
        supervisor_remove_tree(d->dir);
    memset(d->server.password, 0, sizeof d->server.password);
    free(d->devices);
    free(d);
}
