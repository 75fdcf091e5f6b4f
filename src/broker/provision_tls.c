/* provision_tls.c - certificates of a provisioned directory: given ones, checked and copied, or a
 * private authority made by the openssl program (called without a shell). */
#include "broker/provision_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"

extern char **environ;

/* A key under a pass phrase can't be used by a daemon; nobody is asked for it. */
static int no_pass_phrase(char *out, int size, int writing, void *user)
{
    (void)out, (void)size, (void)writing, (void)user;
    return 0;
}

static bool check_pair(const char *cert, const char *key, struct err *e)
{
    FILE *c = fopen(cert, "re"), *k = NULL;
    X509 *x = NULL;
    EVP_PKEY *p = NULL;
    bool ok = false;

    if (!c) {
        file_error(e, cert);
        goto out;
    }
    k = fopen(key, "re");
    if (!k) {
        file_error(e, key);
        goto out;
    }
    x = PEM_read_X509(c, NULL, no_pass_phrase, NULL);
    p = PEM_read_PrivateKey(k, NULL, no_pass_phrase, NULL);
    if (!x)
        err_set(e, EXIT_FAILED, _("%s holds no certificate in PEM form: give the broker's own"),
                cert);
    else if (!p)
        err_set(e, EXIT_FAILED,
                _("%s holds no key in PEM form without a pass phrase: a broker can't "
                  "type one"),
                key);
    else if (X509_check_private_key(x, p) != 1)
        err_set(e, EXIT_FAILED,
                _("the key doesn't belong to the certificate: give the two of one pair"));
    else
        ok = true;
out:
    X509_free(x);
    EVP_PKEY_free(p);
    if (c)
        fclose(c);
    if (k)
        fclose(k);
    return ok;
}

static bool copy_file(const char *from, const char *to, mode_t mode, const struct owner *o,
                      struct err *e)
{
    struct change c;
    bool ok =
        change_begin(&c, to, mode, o, e) && file_read(from, &c.after, e) && changes_apply(&c, 1, e);

    changes_fini(&c, 1);
    return ok;
}

static bool install_given(const struct layout *l, const struct provision_init *o,
                          const struct owner *owner, struct err *e)
{
    struct stat st;

    if (!check_pair(o->cert, o->key, e))
        return false;
    if (stat(o->key, &st) == 0 && (st.st_mode & S_IROTH))
        log_warn("%s", _("the private key can be read by everyone: chmod 600 it"));
    return copy_file(o->cert, l->certfile, 0640, owner, e) &&
           copy_file(o->key, l->keyfile, 0600, owner, e) &&
           (!o->cafile || copy_file(o->cafile, l->console.cafile, 0644, owner, e));
}

/* ---- a private authority ---- */

static bool run(char *const argv[], struct err *e)
{
    posix_spawn_file_actions_t quiet;
    pid_t pid;
    int status = 0, rc;

    if (posix_spawn_file_actions_init(&quiet) != 0)
        return err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
    posix_spawn_file_actions_addopen(&quiet, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    rc = posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (rc == ENOENT)
        return err_set(e, EXIT_FAILED, _("openssl not found: sh tools/setup.sh installs it"));
    if (rc != 0)
        return err_set(e, EXIT_FAILED, "openssl: %s", strerror(rc));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    return err_set(e, EXIT_FAILED,
                   _("openssl failed to make the certificates: is it 1.1.1 or later?"));
}

static bool add_name(struct buf *names, const char *host)
{
    const bool address = strspn(host, "0123456789.") == strlen(host) || strchr(host, ':');

    if (!*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
        return true;
    return buf_printf(names, ",%s:%s", address ? "IP" : "DNS", host);
}

/* The certificate holds for this host by every name that a client might use. */
static bool write_extensions(const struct layout *l, const char *path, struct err *e)
{
    struct change c;
    char host[256] = "";
    const struct owner mine = {0};
    bool ok = change_begin(&c, path, 0600, &mine, e);

    gethostname(host, sizeof host - 1);
    ok = ok &&
         buf_puts(&c.after, "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n"
                            "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1") &&
         add_name(&c.after, host) && add_name(&c.after, l->console.host) &&
         add_name(&c.after, l->devices.host) && buf_putc(&c.after, '\n') && changes_apply(&c, 1, e);
    changes_fini(&c, 1);
    return ok;
}

static bool give(const char *path, mode_t mode, const struct owner *o, struct err *e)
{
    if (chmod(path, mode) == 0 && (!o->change || chown(path, o->uid, o->gid) == 0))
        return true;
    return file_error(e, path);
}

#define CURVE "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"

/* The authority's key stays with who called: the broker never needs it. */
static bool make_own(const struct layout *l, const struct owner *owner, struct err *e)
{
    char ca_key[PATH_SIZE], request[PATH_SIZE], extensions[PATH_SIZE];
    char *cert = (char *)(uintptr_t)l->certfile, *key = (char *)(uintptr_t)l->keyfile;
    char *ca = (char *)(uintptr_t)l->console.cafile;
    const mode_t old = umask(077);
    bool ok = path_join(ca_key, l->dir, "ca.key", e) &&
              path_join(request, l->dir, "server.csr", e) &&
              path_join(extensions, l->dir, "server.ext", e) && write_extensions(l, extensions, e);

    if (ok) {
        char *const authority[] = {"openssl", "req",
                                   "-x509",   CURVE,
                                   "-days",   "3650",
                                   "-subj",   "/CN=infoscreen broker authority",
                                   "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                                   "-keyout", ca_key,
                                   "-out",    ca,
                                   NULL};
        char *const ask[] = {"openssl", "req", "-new", CURVE,   "-subj", "/CN=infoscreen broker",
                             "-keyout", key,   "-out", request, NULL};
        char *const sign[] = {"openssl", "x509",     "-req",     "-in",         request, "-CA",
                              ca,        "-CAkey",   ca_key,     "-set_serial", "1",     "-days",
                              "3650",    "-extfile", extensions, "-out",        cert,    NULL};
        ok = run(authority, e) && run(ask, e) && run(sign, e) && give(cert, 0640, owner, e) &&
             give(key, 0600, owner, e) && give(ca, 0644, owner, e);
        unlink(request);
    }
    unlink(extensions);
    umask(old);
    return ok;
}

bool tls_install(const struct layout *l, const struct provision_init *o, const struct owner *owner,
                 struct err *e)
{
    if (o->cert && !o->key)
        return err_set(e, EXIT_USAGE, _("a certificate without its key: give --key too"));
    if (o->cert)
        return install_given(l, o, owner, e);
    return o->self_signed ? make_own(l, owner, e) : true;
}
