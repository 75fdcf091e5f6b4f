/* provision_restart.c - a running broker is stopped and started again as it was: by systemd where
 * that started it, else by its own command line, folder, environment and log. */
#include "broker/provision_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/timefmt.h"

#define STOP_MS  60000  /* it saves all that it holds */
#define START_MS 120000 /* it loads all accounts */
#define TURN_MS  20

struct revival {
    char unit[128];                /* of systemd; "" without */
    struct buf words, environment; /* NUL after each */
    char folder[PATH_SIZE];
    int out, errors; /* where its words went */
    pid_t pid;
};

static bool read_proc(pid_t pid, const char *name, struct buf *out)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
    return file_read(path, out, NULL);
}

static int open_proc(pid_t pid, int fd)
{
    char path[64];
    int copy;

    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)pid, fd);
    copy = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    return copy >= 0 ? copy : open("/dev/null", O_WRONLY | O_CLOEXEC);
}

/* Runs systemctl; what it prints goes to out (may be NULL). */
static bool systemctl(const char *verb, const char *unit, char *out, size_t size)
{
    char line[256];
    FILE *f;
    bool ok;

    snprintf(line, sizeof line, "systemctl %s '%s' 2>/dev/null", verb, unit);
    f = popen(line, "re");
    if (!f)
        return false;
    ok = !out || fgets(out, (int)size, f);
    return pclose(f) == 0 && ok;
}

/* The unit that holds the process, if it is the unit's own: a broker that a test or a shell started
 * inside of one is not. */
static void find_unit(struct revival *v)
{
    struct buf cgroup = BUF_INIT;
    char line[PATH_SIZE], main_pid[32] = "";
    const char *last;

    if (access("/run/systemd/system", F_OK) != 0 || !read_proc(v->pid, "cgroup", &cgroup))
        goto out;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(buf_str(&cgroup), "\n"), buf_str(&cgroup));
    last = strrchr(line, '/');
    if (!last || !strstr(last, ".service") || strpbrk(last + 1, "'\\") ||
        strlen(last + 1) >= sizeof v->unit ||
        !systemctl("show -p MainPID --value", last + 1, main_pid, sizeof main_pid) ||
        strtol(main_pid, NULL, 10) != v->pid)
        goto out;
    snprintf(v->unit, sizeof v->unit, "%.127s", last + 1);
out:
    buf_fini(&cgroup);
}

static struct revival *capture(pid_t pid, struct err *e)
{
    struct revival *v = calloc(1, sizeof *v);
    char path[64];
    ssize_t n;

    if (!v) {
        err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
        return NULL;
    }
    v->pid = pid;
    v->out = open_proc(pid, STDOUT_FILENO);
    v->errors = open_proc(pid, STDERR_FILENO);
    snprintf(path, sizeof path, "/proc/%ld/cwd", (long)pid);
    n = readlink(path, v->folder, sizeof v->folder - 1);
    if (n > 0 && read_proc(pid, "cmdline", &v->words) && v->words.len &&
        read_proc(pid, "environ", &v->environment)) {
        find_unit(v);
        return v;
    }
    err_set(
        e, EXIT_FAILED,
        _("how the broker (process %ld) was started can't be seen: stop it, run this again, and "
          "start it; nothing was written"),
        (long)pid);
    revival_free(v);
    return NULL;
}

void revival_free(struct revival *v)
{
    if (!v)
        return;
    close(v->out);
    close(v->errors);
    buf_fini(&v->words);
    buf_fini(&v->environment);
    free(v);
}

struct revival *revival_stop(pid_t pid, struct err *e)
{
    struct revival *v = capture(pid, e);
    const int64_t until = clock_mono_ms() + STOP_MS;

    if (!v)
        return NULL;
    if (*v->unit ? !systemctl("stop", v->unit, NULL, 0) : kill(pid, SIGTERM) != 0) {
        err_set(e, EXIT_FAILED, _("the broker (process %ld) couldn't be stopped: %s"), (long)pid,
                *v->unit ? v->unit : strerror(errno));
        revival_free(v);
        return NULL;
    }
    while (broker_alive(pid)) {
        if (clock_mono_ms() > until) {
            err_set(e, EXIT_FAILED,
                    _("the broker (process %ld) doesn't end: see its log; nothing was written"),
                    (long)pid);
            revival_free(v);
            return NULL;
        }
        poll(NULL, 0, TURN_MS);
    }
    return v;
}

/* The words of a block in which a NUL ends each; free() the list. */
static char **word_list(struct buf *block)
{
    size_t n = 0;
    char **list;

    for (size_t i = 0; i < block->len; i++)
        n += block->data[i] == '\0';
    list = calloc(n + 2, sizeof *list);
    for (size_t i = 0, at = 0; list && at < block->len; i++, at += strlen(block->data + at) + 1)
        list[i] = block->data + at;
    return list;
}

/* A session of its own, and nobody's child: it outlives us. */
static void become_broker(const struct revival *v, char **words, char **environment)
{
    const int none = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setsid();
    if (fork() != 0)
        _exit(0);
    if (!words[0] || chdir(v->folder) != 0 || dup2(none, STDIN_FILENO) < 0 || dup2(v->out, STDOUT_FILENO) < 0 ||
        dup2(v->errors, STDERR_FILENO) < 0)
        _exit(126);
    execvpe(words[0], words, environment);
    execvpe("/usr/sbin/mosquitto", words, environment); /* where a user's PATH doesn't lead */
    _exit(127);
}

static bool run_again(struct revival *v)
{
    char **words = word_list(&v->words), **environment = word_list(&v->environment);
    pid_t child = words && environment ? fork() : -1;

    if (child == 0)
        become_broker(v, words, environment);
    free(words);
    free(environment);
    return child > 0 && waitpid(child, NULL, 0) == child;
}

bool revival_start(struct revival *v, const struct layout *l, struct err *e)
{
    const int64_t until = clock_mono_ms() + START_MS;

    if (*v->unit ? !systemctl("start", v->unit, NULL, 0) : !run_again(v))
        return err_set(e, EXIT_FAILED, _("the broker couldn't be started again: start it by hand"));
    while (!broker_find(l) || !broker_answers(l)) {
        if (clock_mono_ms() > until)
            return err_set(e, EXIT_FAILED,
                           _("the broker doesn't answer %d s after it was started again: see its "
                             "log"),
                           START_MS / 1000);
        poll(NULL, 0, TURN_MS);
    }
    return true;
}
