/* supervisor.c - forks the broker and the fleet, restarts the broker when the script asks, and ends
 * both when the demo ends, however it ends: it sees the closing of a pipe, and its children die
 * with it. */
#include "sim/supervisor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/timefmt.h"

#define START_MS 15000 /* a broker with 2,000 accounts on a slow machine */
#define GRACE_MS 2000  /* between TERM and KILL */
#define STEP_MS  5

struct supervisor {
    const struct supervision *s;
    pid_t broker, sim;
    bool want_broker;
    int control, report, requests, signals;
};

/* ---- children ---- */

/* Signals and descriptors as a fresh program expects them; dies with its parent. */
static void become_child(pid_t parent)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        _exit(1);
}

/* Changing the user clears the wish to die with the parent, so a broker that root starts changes it
 * here, before that wish, and has no reason left to do so itself. */
static void drop_to_broker_user(void)
{
    const struct passwd *pw = geteuid() == 0 ? getpwnam("mosquitto") : NULL;

    if (pw && (setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0))
        _exit(126);
}

static void allow_all_descriptors(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

static void start_broker(struct supervisor *v)
{
    static const char *const places[] = {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto",
                                         "/opt/homebrew/sbin/mosquitto"};
    const pid_t parent = getpid();

    v->want_broker = true;
    if (v->broker > 0) /* still ending: started again when it is gone */
        return;
    v->broker = fork();
    if (v->broker != 0)
        return;
    allow_all_descriptors();
    drop_to_broker_user();
    become_child(parent);
    execlp("mosquitto", "mosquitto", "-c", v->s->conf, (char *)NULL);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        execl(places[i], "mosquitto", "-c", v->s->conf, (char *)NULL);
    _exit(127);
}

static bool start_sim(struct supervisor *v)
{
    int pair[2];
    const pid_t parent = getpid();

    if (pipe2(pair, O_CLOEXEC) != 0)
        return false;
    v->sim = fork();
    if (v->sim == 0) {
        struct sim_options o = v->s->sim;
        become_child(parent);
        close(v->control);
        close(v->signals);
        close(v->report);
        close(pair[0]);
        o.broker_fd = pair[1];
        _exit(sim_run(&o));
    }
    close(pair[1]);
    v->requests = pair[0];
    return v->sim > 0;
}

static bool accepts(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool yes = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;

    if (fd >= 0)
        close(fd);
    return yes;
}

/* NULL when the broker listens, else what went wrong. */
static const char *wait_for_broker(struct supervisor *v)
{
    const int64_t until = clock_mono_ms() + START_MS;
    int status;

    while (!accepts(v->s->device_port) || !accepts(v->s->console_port)) {
        if (waitpid(v->broker, &status, WNOHANG) == v->broker) {
            v->broker = 0;
            return WIFEXITED(status) && WEXITSTATUS(status) == 127
                       ? _("mosquitto not found: sh tools/setup.sh installs it")
                       : _("the demo's broker ended at once: is its port taken by another "
                           "program?");
        }
        if (clock_mono_ms() > until)
            return _("the demo's broker didn't begin to listen: is the machine overloaded?");
        poll(NULL, 0, STEP_MS);
    }
    return NULL;
}

/* ---- the end ---- */

static void end_child(pid_t *pid)
{
    const int64_t until = clock_mono_ms() + GRACE_MS;

    if (*pid <= 0)
        return;
    kill(*pid, SIGTERM);
    while (waitpid(*pid, NULL, WNOHANG) == 0) {
        if (clock_mono_ms() > until) {
            kill(*pid, SIGKILL);
            waitpid(*pid, NULL, 0);
            break;
        }
        poll(NULL, 0, STEP_MS);
    }
    *pid = 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    remove(path);
    return 0;
}

void supervisor_remove_tree(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- the loop ---- */

static void take_request(struct supervisor *v)
{
    char what;

    if (read(v->requests, &what, 1) != 1) {
        close(v->requests); /* the fleet ended */
        v->requests = -1;
        return;
    }
    if (what == SIM_BROKER_START) {
        start_broker(v);
    } else if (v->broker > 0) {
        v->want_broker = false;
        kill(v->broker, what == SIM_BROKER_KILL ? SIGKILL : SIGTERM);
    }
}

static void reap(struct supervisor *v)
{
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        if (pid == v->sim)
            v->sim = 0;
        if (pid == v->broker) {
            v->broker = 0;
            if (v->want_broker)
                start_broker(v);
        }
    }
}

/* False when a signal asks it to end. */
static bool take_signal(struct supervisor *v)
{
    struct signalfd_siginfo info;

    if (read(v->signals, &info, sizeof info) != sizeof info)
        return true;
    if (info.ssi_signo != SIGCHLD)
        return false;
    reap(v);
    return true;
}

static void watch(struct supervisor *v)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = v->control, .events = POLLIN},
                               {.fd = v->signals, .events = POLLIN},
                               {.fd = v->requests, .events = POLLIN}};
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents)
            return;
        if ((fds[1].revents & POLLIN) && !take_signal(v))
            return;
        if (fds[2].fd >= 0 && fds[2].revents)
            take_request(v);
    }
}

static void report(struct supervisor *v, const char *words)
{
    const size_t n = strlen(words);

    if (write(v->report, words, n) < 0) /* nobody listens: the demo is gone, which watch() sees */
        errno = 0;
    close(v->report);
    v->report = -1;
}

static void run(struct supervisor *v)
{
    const char *trouble;

    start_broker(v);
    trouble =
        v->broker < 0 ? _("no process could be made for the demo's broker") : wait_for_broker(v);
    if (!trouble && !start_sim(v))
        trouble = _("no process could be made for the demo's fleet");
    report(v, trouble ? trouble : "");
    if (!trouble)
        watch(v);
    v->want_broker = false;
    end_child(&v->sim);
    end_child(&v->broker);
    supervisor_remove_tree(v->s->dir);
}

/* Away from the terminal: neither its Ctrl-C nor its end reaches the broker before the console. */
static void settle_in(struct supervisor *v)
{
    sigset_t wanted;
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int log = open(v->s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    setsid();
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    sigaddset(&wanted, SIGCHLD);
    sigprocmask(SIG_SETMASK, &wanted, NULL);
    v->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    dup2(log >= 0 ? log : null, STDOUT_FILENO);
    dup2(log >= 0 ? log : null, STDERR_FILENO);
}

pid_t supervisor_start(const struct supervision *s, int *control, int *report_fd)
{
    struct supervisor v = {.s = s, .requests = -1};
    int keep[2], tell[2];
    pid_t pid;

    if (pipe2(keep, O_CLOEXEC) != 0)
        return -1;
    if (pipe2(tell, O_CLOEXEC) != 0) {
        close(keep[0]);
        close(keep[1]);
        return -1;
    }
    pid = fork();
    if (pid == 0) {
        close(keep[1]);
        close(tell[0]);
        v.control = keep[0];
        v.report = tell[1];
        settle_in(&v);
        run(&v);
        _exit(0);
    }
    close(keep[0]);
    close(tell[1]);
    *control = keep[1];
    *report_fd = tell[0];
    if (pid < 0) {
        close(keep[1]);
        close(tell[0]);
    }
    return pid;
}
