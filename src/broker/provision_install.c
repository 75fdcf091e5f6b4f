/* provision_install.c - the Mosquitto of this machine: its version, which decides how a
 * mosquitto.conf is written, and where its plugins are. */
#include "broker/provision_parts.h"

#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/text.h"

extern char **environ;

/* Debian puts it where a user's PATH doesn't lead. */
static const char *const programs[] = {"mosquitto", "/usr/sbin/mosquitto",
                                       "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto"};

/* Runs it with the given words, its output into out; returns the exit status, -1: there is none. */
static int run_mosquitto(char *const words[], char *out, size_t size)
{
    posix_spawn_file_actions_t files;
    int ends[2], status = -1, rc = -1;
    size_t used = 0;
    ssize_t n;
    pid_t pid;

    out[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDERR_FILENO);
    for (size_t i = 0; rc != 0 && i < sizeof programs / sizeof *programs; i++)
        rc = posix_spawnp(&pid, programs[i], &files, NULL, words, environ);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    while (rc == 0 && (n = read(ends[0], out + used, size - 1 - used)) > 0)
        used += (size_t)n;
    out[used] = '\0';
    close(ends[0]);
    if (rc == 0 && waitpid(pid, &status, 0) != pid)
        status = -1;
    return rc == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void install_version(int *major, int *minor)
{
    char *const words[] = {"mosquitto", "-h", NULL};
    char text[4096];
    const char *at;

    *major = 2, *minor = 0; /* none here: the files are for another machine, and 2.1 takes them */
    run_mosquitto(words, text, sizeof text);
    at = strstr(text, "mosquitto version ");
    if (at)
        sscanf(at, "mosquitto version %d.%d", major, minor);
}

bool install_is_2_1(void)
{
    int major, minor;

    install_version(&major, &minor);
    return major > 2 || (major == 2 && minor >= 1);
}

bool install_accepts(const char *conf, struct err *e)
{
    char path[PATH_SIZE], text[600] = "";
    char *const words[] = {"mosquitto", "--test-config", "-c", path, NULL};
    struct text160 shown = {""};

    if (!install_is_2_1()) /* which has no such word */
        return true;
    snprintf(path, sizeof path, "%s", conf);
    if (run_mosquitto(words, text, sizeof text) == 0)
        return true;
    TEXT_SET(&shown, text, strcspn(text, "\n"));
    return err_set(e, EXIT_FAILED, _("mosquitto --test-config refuses the new files: %s"),
                   shown.clean);
}

bool install_plugin(const char *name, char out[PATH_SIZE])
{
    static const char *const places[] = {"/usr/lib/*-linux-*", "/usr/lib64",
                                         "/usr/lib",           "/usr/local/lib",
                                         "/usr/local/lib/*",   "/opt/homebrew/lib"};
    const char *own = getenv("INFOSCREEN_MOSQUITTO_PLUGINS");
    char pattern[PATH_SIZE];
    bool found = false;

    for (size_t i = 0; !found && i < sizeof places / sizeof *places; i++) {
        glob_t g = {0};
        const char *place = own && *own ? own : places[i];
        snprintf(pattern, sizeof pattern, "%s/mosquitto_%s.so", place, name);
        found = glob(pattern, 0, NULL, &g) == 0 && g.gl_pathc > 0 &&
                snprintf(out, PATH_SIZE, "%s", g.gl_pathv[0]) < PATH_SIZE;
        globfree(&g);
    }
    return found;
}
