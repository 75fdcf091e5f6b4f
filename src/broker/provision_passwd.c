/* provision_passwd.c - accounts in the format of mosquitto_passwd: PBKDF2 with SHA-512, 101 rounds.
 * So few rounds are weak for words that people choose; here they hash 128 random bits. */
#include "broker/provision_parts.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/i18n.h"

#define ROUNDS     101
#define SALT_BYTES 12
#define HASH_BYTES 64

static_assert(sizeof((struct hashed *)0)->salt > (SALT_BYTES + 2) / 3 * 4, "as base64");
static_assert(sizeof((struct hashed *)0)->hash > (HASH_BYTES + 2) / 3 * 4, "as base64");

void password_make(char out[PASSWORD_SIZE])
{
    random_hex(out, (PASSWORD_SIZE - 1) / 2);
}

bool password_hash(const char *password, struct hashed *out)
{
    unsigned char salt[SALT_BYTES], hash[HASH_BYTES];

    random_bytes(salt, sizeof salt);
    if (PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, sizeof salt, ROUNDS, EVP_sha512(),
                          sizeof hash, hash) != 1)
        return false;
    out->rounds = ROUNDS;
    EVP_EncodeBlock((unsigned char *)out->salt, salt, sizeof salt);
    EVP_EncodeBlock((unsigned char *)out->hash, hash, sizeof hash);
    return true;
}

bool passwd_write(struct buf *out, const char *username, const char *password)
{
    struct hashed h;

    return password_hash(password, &h) &&
           buf_printf(out, "%s:$7$%d$%s$%s\n", username, h.rounds, h.salt, h.hash);
}

bool passwd_read_hash(const char *line, struct hashed *out)
{
    const char *colon = strchr(line, ':');

    return colon &&
           sscanf(colon, ":$7$%d$%31[^$\n]$%95[^\n]", &out->rounds, out->salt, out->hash) == 3;
}

static size_t line_length(const char *line)
{
    return strcspn(line, "\n");
}

static bool line_valid(const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);

    return n == 0 || *line == '#' ||
           (colon && colon > line && colon[1] == '$' && (colon[2] == '6' || colon[2] == '7') &&
            colon[3] == '$');
}

bool passwd_validate(const char *path, const char *text, struct err *e)
{
    int line = 1;

    for (const char *p = text; *p; line++) {
        const size_t n = line_length(p);
        if (!line_valid(p, n))
            return err_set(e, EXIT_FAILED,
                           _("%s:%d: not a line of mosquitto_passwd: repair it first"), path, line);
        p += n + (p[n] == '\n');
    }
    return true;
}

const char *passwd_line(const char *text, const char *username)
{
    const size_t len = strlen(username);

    for (const char *p = text; *p;) {
        const size_t n = line_length(p);
        if (n > len && p[len] == ':' && memcmp(p, username, len) == 0)
            return p;
        p += n + (p[n] == '\n');
    }
    return NULL;
}

bool passwd_has(const char *text, const char *username)
{
    return passwd_line(text, username);
}

bool passwd_each(const char *text, bool (*fn)(void *user, const char *username), void *user)
{
    char name[USERNAME_SIZE];

    for (const char *p = text; *p;) {
        const size_t n = line_length(p), len = strcspn(p, ":\n");
        if (*p != '#' && len < n) {
            snprintf(name, sizeof name, "%.*s", (int)len, p);
            if (!fn(user, name))
                return false;
        }
        p += n + (p[n] == '\n');
    }
    return true;
}

static int by_username(const void *a, const void *b)
{
    return strcmp(a, b);
}

bool names_add(void *user, const char *username)
{
    struct names *s = user;
    char *name = array_add(&s->list, &s->n, &s->cap, sizeof *s->list);

    if (name)
        snprintf(name, USERNAME_SIZE, "%s", username);
    return name != NULL;
}

bool names_have(const struct names *s, const char *username)
{
    return s->n && bsearch(username, s->list, s->n, sizeof *s->list, by_username);
}

void names_sort(struct names *s)
{
    if (s->n)
        qsort(s->list, s->n, sizeof *s->list, by_username);
}
