/* program.c - posix_spawn, a pipe that is filled before its reader exists, waitpid without waiting.
 */
#include "app/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"

#define WORDS_MOST 32
#define INPUT_MOST 61440 /* what an empty pipe takes without blocking */

/* ---- "/usr/bin/page --to \"on call\"" into words, in place ---- */

static int split(char *line, char *words[WORDS_MOST + 1])
{
    char *to = line;
    int n = 0;

    for (const char *at = line; *at;) {
        at += strspn(at, " \t");
        if (!*at)
            break;
        if (n == WORDS_MOST)
            return 0;
        words[n++] = to;
        for (bool quoted = false; *at && (quoted || (*at != ' ' && *at != '\t')); at++) {
            if (*at == '"')
                quoted = !quoted;
            else
                *to++ = *at;
        }
        at += *at != '\0';
        *to++ = '\0';
    }
    words[n] = NULL;
    return n;
}

/* ---- start ---- */

static bool input_pipe(int ends[2], const char *input, size_t len)
{
    if (len > INPUT_MOST || pipe2(ends, O_CLOEXEC) != 0)
        return false;
    const bool filled = write(ends[1], input, len) == (ssize_t)len;
    close(ends[1]); /* what it reads ends behind the input */
    if (!filled)
        close(ends[0]);
    return filled;
}

/* Its own process group, so that whatever it starts ends with it; no signal of ours blocked or
 * ignored. */
static int spawn(pid_t *pid, char **words, char *const *environment, int input, int errors)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int rc = posix_spawn_file_actions_init(&files);

    if (rc)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc) {
        posix_spawn_file_actions_destroy(&files);
        return rc;
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    rc = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    if (!rc)
        rc = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34) /* sockets of libraries are not all closed by themselves */
    if (!rc)
        rc = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
#endif
#endif
    if (!rc)
        rc = posix_spawnp(pid, words[0], &files, &attr, words, environment);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static bool say(struct text160 *why, const char *sentence)
{
    TEXT_SET(why, sentence, strlen(sentence));
    return false;
}

bool program_start(struct program *p, const char *command, char *const *environment,
                   const char *input, size_t len, struct text160 *why)
{
    char line[512], *words[WORDS_MOST + 1];
    int ends[2];

    p->pid = 0;
    p->overdue = false;
    snprintf(line, sizeof line, "%s", command);
    if (split(line, words) == 0)
        return say(why, _("names no program"));
    if (!input_pipe(ends, input, len))
        return say(why, strerror(errno));
    p->errors = memfd_create("errors", MFD_CLOEXEC);
    const int rc = p->errors < 0 ? errno : spawn(&p->pid, words, environment, ends[0], p->errors);
    close(ends[0]);
    if (rc == 0)
        return true;
    if (p->errors >= 0)
        close(p->errors);
    p->pid = 0;
    return say(why, strerror(rc));
}

/* ---- end ---- */

static void first_line(int fd, struct text96 *out)
{
    char bytes[200];
    const ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    const char *end = n > 0 ? memchr(bytes, '\n', (size_t)n) : NULL;

    TEXT_SET(out, bytes, n > 0 ? (end ? (size_t)(end - bytes) : (size_t)n) : 0);
}

static void explain(const struct program *p, int status, struct text160 *why)
{
    struct text96 said = {{0}};
    char how[64], sentence[240];

    why->clean[0] = '\0';
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    if (p->overdue)
        snprintf(how, sizeof how, "%s", _("took too long and was ended"));
    else if (WIFEXITED(status))
        snprintf(how, sizeof how, _("exit code %d"), WEXITSTATUS(status));
    else
        snprintf(how, sizeof how, _("ended by signal %d"), WTERMSIG(status));
    first_line(p->errors, &said);
    snprintf(sentence, sizeof sentence, said.clean[0] ? "%s: %s" : "%s", how, said.clean);
    TEXT_SET(why, sentence, strlen(sentence));
}

bool program_has_ended(struct program *p, int64_t now_mono, struct text160 *why)
{
    int status = 0;
    const pid_t got = waitpid(p->pid, &status, WNOHANG);

    if (got == 0) {
        if (now_mono >= p->deadline_mono && !p->overdue) {
            p->overdue = true;
            kill(-p->pid, SIGKILL);
        }
        return false;
    }
    if (got == p->pid)
        explain(p, status, why);
    else
        say(why, strerror(errno));
    close(p->errors);
    p->pid = 0;
    return true;
}
