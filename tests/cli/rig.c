#include "rig.h"

#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/i18n.h"

static char directory[128];
static struct buf out, err;

const char *rig_begin(void)
{
    static const char *const ours[] = {"MQTT_HOST",
                                       "MQTT_PORT",
                                       "MQTT_USER",
                                       "MQTT_PASSWORD",
                                       "MQTT_PASSWORD_FILE",
                                       "MQTT_CAFILE",
                                       "MQTT_CERT",
                                       "MQTT_KEY",
                                       "INFOSCREEN_DB",
                                       "INFOSCREEN_OPERATOR",
                                       "CREDENTIALS_DIRECTORY",
                                       "XDG_CONFIG_HOME",
                                       "XDG_STATE_HOME",
                                       "NO_COLOR"};
    const char *tmp = getenv("TMPDIR");

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        unsetenv(ours[i]);
    snprintf(directory, sizeof directory, "%.80s/infoscreen-cli-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(directory));
    setenv("HOME", directory, 1);
    return directory;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void rig_end(void)
{
    nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    buf_fini(&out);
    buf_fini(&err);
}

int rig_setup(void **state)
{
    (void)state;
    rig_begin();
    return 0;
}

int rig_teardown(void **state)
{
    (void)state;
    rig_end();
    return 0;
}

const char *rig_path(const char *file)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", directory, file);
    return path;
}

void rig_write(const char *file, const char *text)
{
    FILE *f = fopen(rig_path(file), "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int no_globals(const struct cli_globals *g)
{
    (void)g;
    return 99;
}

static int no_job(const struct cli_globals *g, struct job *j)
{
    (void)g;
    err_set(&j->err, 99, "no broker in this test: none");
    return 99;
}

static int no_demo(const struct cli_globals *g, const struct cli_demo *d)
{
    (void)g, (void)d;
    return 99;
}

static const struct cli_host nobody = {
    .console = no_globals, .record = no_globals, .run_job = no_job, .demo = no_demo};

static void read_both(int out_fd, int err_fd)
{
    struct pollfd fds[2] = {{out_fd, POLLIN, 0}, {err_fd, POLLIN, 0}};
    struct buf *const into[2] = {&out, &err};
    char chunk[4096];
    int open_ends = 2;

    while (open_ends > 0 && poll(fds, 2, 30000) > 0)
        for (int i = 0; i < 2; i++) {
            if (fds[i].fd < 0 || !fds[i].revents)
                continue;
            const ssize_t n = read(fds[i].fd, chunk, sizeof chunk);
            if (n > 0) {
                buf_append(into[i], chunk, (size_t)n);
            } else {
                fds[i].fd = -1;
                open_ends--;
            }
        }
}

struct ran run_argv(char **argv, const struct cli_host *host)
{
    int o[2], e[2], status = 0, argc = 0;

    while (argv[argc])
        argc++;
    buf_clear(&out);
    buf_clear(&err);
    assert_int_equal(pipe(o), 0);
    assert_int_equal(pipe(e), 0);
    fflush(NULL);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(o[1], STDOUT_FILENO);
        dup2(e[1], STDERR_FILENO);
        for (int i = 0; i < 2; i++)
            close(o[i]), close(e[i]);
        i18n_init("");
        const int code = cli_main(argc, argv, host ? host : &nobody);
        fflush(NULL);
        _exit(code);
    }
    close(o[1]);
    close(e[1]);
    read_both(o[0], e[0]);
    close(o[0]);
    close(e[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    buf_puts(&out, "");
    buf_puts(&err, "");
    return (struct ran){code, out.data, err.data};
}

struct ran run_cli(const char *words, const struct cli_host *host)
{
    char line[1024], *argv[40] = {"infoscreen-tui"}, *state = NULL;
    int n = 1;

    snprintf(line, sizeof line, "%s", words);
    for (char *w = strtok_r(line, " ", &state); w && n < 39; w = strtok_r(NULL, " ", &state))
        argv[n++] = w;
    return run_argv(argv, host);
}
