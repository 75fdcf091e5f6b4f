#include "rig.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../port.h"

#define TRIES 1500 /* 20 ms apart: half a minute */

const char *rig_program(void)
{
    static char path[RIG_PATH];
    const char *build = getenv("BUILD");

    snprintf(path, sizeof path, "%s/infoscreen-tui", build ? build : "build");
    return path;
}

void rig_broker_start(struct rig *r)
{
    char conf[RIG_PATH + 32];

    snprintf(conf, sizeof conf, "%s/mosquitto.conf", r->dir);
    r->broker = fork();
    assert_true(r->broker >= 0);
    if (r->broker == 0) {
        char path[4096];
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(path, sizeof path, "%s:/usr/sbin:/usr/local/sbin", getenv("PATH"));
        setenv("PATH", path, 1);
        if (!freopen("/dev/null", "w", stderr))
            _exit(127);
        execlp("mosquitto", "mosquitto", "-c", conf, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; !port_answers(r->port); i++) {
        assert_true(i < TRIES && waitpid(r->broker, NULL, WNOHANG) == 0);
        poll(NULL, 0, 20);
    }
}

void rig_start(struct rig *r)
{
    const char *tmp = getenv("TMPDIR");
    char conf[RIG_PATH + 32];

    snprintf(r->dir, sizeof r->dir, "%s/infoscreen-e2e-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(r->dir));
    chmod(r->dir, 0755); /* Mosquitto started by root drops to a user that must get in */
    r->port = port_free();
    snprintf(conf, sizeof conf, "%s/mosquitto.conf", r->dir);
    FILE *f = fopen(conf, "w");
    assert_non_null(f);
    fprintf(f, "listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nsys_interval 1\n",
            r->port);
    fclose(f);
    rig_broker_start(r);
}

void rig_broker_kill(struct rig *r, int signo)
{
    if (r->broker <= 0)
        return;
    kill(r->broker, signo);
    if (signo == SIGSTOP || signo == SIGCONT)
        return;
    waitpid(r->broker, NULL, 0);
    r->broker = 0;
}

/* Runs a program to its end, feeding `in`, collecting at most size - 1 bytes of its stdout. */
static int run(const char *const *argv, const void *in, size_t n, char *out, size_t size)
{
    int to[2], from[2], status;
    size_t have = 0;

    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[1]);
        close(from[0]);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    signal(SIGPIPE, SIG_IGN);
    for (size_t at = 0; at < n;) {
        const ssize_t k = write(to[1], (const char *)in + at, n - at);
        if (k <= 0)
            break;
        at += (size_t)k;
    }
    close(to[1]);
    for (char rest[4096];;) {
        char *at = have + 1 < size ? out + have : rest;
        const size_t room = have + 1 < size ? size - 1 - have : sizeof rest;
        const ssize_t k = read(from[0], at, room);
        if (k <= 0)
            break;
        if (at != rest)
            have += (size_t)k;
    }
    if (size > 0)
        out[have] = '\0';
    close(from[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void rig_publish_bytes(struct rig *r, const char *topic, const void *payload, size_t n, bool retain)
{
    char port[16];
    snprintf(port, sizeof port, "%d", r->port);
    const char *const argv[] = {"mosquitto_pub", "-h", "127.0.0.1", "-p", port, "-q", "1", "-t",
                                topic, n ? "-s" : "-n", retain ? "-r" : NULL, NULL};

    assert_int_equal(run(argv, payload, n, NULL, 0), 0);
}

void rig_publish(struct rig *r, const char *topic, const char *payload, bool retain)
{
    rig_publish_bytes(r, topic, payload, strlen(payload), retain);
}

/* A stored marker behind the topic in the same SUBSCRIBE comes first only where there is nothing else. */
void rig_retained(struct rig *r, const char *topic, char *out, size_t size)
{
    static const char none[] = "nothing is stored";
    char port[16];
    snprintf(port, sizeof port, "%d", r->port);
    const char *const argv[] = {"mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-t", topic, "-t", "marker",
                                "-C", "1", "-W", "30", "--retained-only", NULL};

    rig_publish(r, "marker", none, true);
    run(argv, NULL, 0, out, size);
    out[strcspn(out, "\n")] = '\0';
    if (strcmp(out, none) == 0)
        out[0] = '\0';
}

static void read_record(const struct rig *r, char *out, size_t size)
{
    char path[RIG_PATH + 32];

    snprintf(path, sizeof path, "%s/record", r->dir);
    FILE *f = fopen(path, "r");
    const size_t n = f ? fread(out, 1, size - 1, f) : 0;
    out[n] = '\0';
    if (f)
        fclose(f);
}

/* Publishes the mark until it has come through: what was published before it has, too. */
static void await_mark(struct rig *r, const char *mark)
{
    char out[65536];

    for (int i = 0; i == 0 || !strstr(out, mark); i++) {
        assert_true(i < TRIES);
        rig_publish(r, "record/mark", mark, false);
        poll(NULL, 0, 20);
        read_record(r, out, sizeof out);
    }
}

void rig_record(struct rig *r, const char *topic)
{
    char path[RIG_PATH + 32], port[16];

    snprintf(path, sizeof path, "%s/record", r->dir);
    snprintf(port, sizeof port, "%d", r->port);
    r->recording = fork();
    assert_true(r->recording >= 0);
    if (r->recording == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!freopen(path, "w", stdout))
            _exit(127);
        execlp("mosquitto_sub", "mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-q", "1", "-t", topic, "-t",
               "record/mark", (char *)NULL);
        _exit(127);
    }
    await_mark(r, "it records");
}

void rig_recorded(struct rig *r, char *out, size_t size)
{
    await_mark(r, "that was all");
    kill(r->recording, SIGTERM);
    waitpid(r->recording, NULL, 0);
    r->recording = 0;
    read_record(r, out, size);
}

int rig_run(struct rig *r, char *out, size_t size, const char *const *args)
{
    const char *argv[32] = {rig_program()};
    int n = 1;

    (void)r;
    for (; args[n - 1]; n++)
        argv[n] = args[n - 1];
    argv[n] = NULL;
    return run(argv, NULL, 0, out, size);
}

void rig_stop(struct rig *r)
{
    const char *const argv[] = {"rm", "-rf", r->dir, NULL};

    rig_broker_kill(r, SIGTERM);
    run(argv, NULL, 0, NULL, 0);
}
