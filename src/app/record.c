/* record.c - the recorder: a session without a screen, for systemd (Type=notify). */
#include "app/app.h"
#include "app/session.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/log.h"

/* sd_notify's protocol is documented as stable and small enough to speak; libsystemd would bring six
 * libraries along. A leading @ is an abstract socket. */
static void notify_systemd(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size) < 0)
        log_debug("systemd does not listen");
    close(fd);
}

/* Half of what systemd allows; 0: no watchdog for this process. */
static int64_t watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    return strtoll(usec, NULL, 10) / 2000;
}

struct recorder {
    struct session session;
    struct text160 said; /* the last link state that was logged */
    bool up, role, announced;
    struct text96 contested; /* that was logged */
    struct words lacks;
};

static void pat_watchdog(void *user)
{
    (void)user;
    notify_systemd("WATCHDOG=1");
}

static void tell_link(struct recorder *r)
{
    const bool up = core_link_is_up(r->session.core);
    struct text160 words = {{0}};

    WORDS_RENDER(core_link_why(r->session.core), i18n_translate, &words);
    if (up == r->up && text_equal(TEXT(words), TEXT(r->said)))
        return;
    r->up = up;
    r->said = words;
    if (up)
        log_info("%s", words.clean);
    else if (words.clean[0])
        log_warn(_("no broker: %s"), words.clean);
}

/* What only the broker's keeper can mend. */
static void tell_broker(struct recorder *r)
{
    const struct link_status *l = &r->session.link_status;
    struct words lacks;
    char line[400];

    if (!text_equal(TEXT(l->contested), TEXT(r->contested))) {
        r->contested = l->contested;
        if (l->contested.clean[0])
            log_warn(_("two programs use the client id %s, or its listener allows an account one connection only"),
                     l->contested.clean);
    }
    if (!l->traits.tested || !traits_say(&l->traits, &lacks) || lacks.id == r->lacks.id)
        return;
    r->lacks = lacks;
    words_render(&lacks, i18n_translate, line, sizeof line);
    log_info("%s", line);
}

static void tell_role(struct recorder *r)
{
    if (r->role == r->session.recorder)
        return;
    r->role = r->session.recorder;
    log_info("%s", r->role ? _("this process records the history now")
                           : _("another process records the history"));
    notify_systemd(r->role ? "STATUS=recording" : "STATUS=another process records");
}

static void run(struct recorder *r)
{
    const int64_t pat = watchdog_ms();

    if (pat > 0)
        loop_add_timer(r->session.loop, pat, pat_watchdog, r);
    while (!r->session.ended_by) {
        session_turn(&r->session, -1);
        tell_link(r);
        tell_role(r);
        tell_broker(r);
        if (!r->announced && (r->up || r->role)) {
            r->announced = true;
            notify_systemd("READY=1");
        }
    }
    notify_systemd("STOPPING=1");
}

int app_record(const struct cli_globals *g)
{
    struct recorder *r = calloc(1, sizeof *r);
    const struct session_options so = {.want_role = true, .link = true};
    struct err e = {0};

    if (!r)
        err_set(&e, EXIT_FAILED, _("out of memory: close something else"));
    else if (session_open(&r->session, g, &so, &e)) {
        run(r);
        session_close(&r->session);
    }
    free(r);
    if (e.code)
        cli_report(&e);
    return e.code;
}
