#include "core/json.h"

#include <stdlib.h>
#include <string.h>
#include <threads.h>

/* A node is 64 bytes: about 4,000 of them beside their strings, where a real message has two dozen.
 * Without a bound 10 MB of "[0,0,…" took 392 MB. */
#define ARENA_SIZE  ((size_t)256 * 1024)
#define ARENA_ALIGN ((size_t)8)

struct json {
    size_t used;
    bool exhausted;
    char copy[PAYLOAD_MAX + 1];
    _Alignas(16) char arena[ARENA_SIZE];
};

/* cJSON's hooks are one pair per process. The arena is this thread's while it parses; every other
 * use of cJSON (the tables' JSON output) gets malloc as before. */
static _Thread_local struct json *parsing;
static once_flag hooks_once = ONCE_FLAG_INIT;

static void *hook_malloc(size_t n)
{
    struct json *j = parsing;

    if (!j)
        return malloc(n);
    n = (n + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    if (n > ARENA_SIZE - j->used) {
        j->exhausted = true;
        return NULL;
    }
    void *p = j->arena + j->used;
    j->used += n;
    return p;
}

static void hook_free(void *p)
{
    if (!parsing)
        free(p);
}

static void hooks_install(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = hook_malloc, .free_fn = hook_free});
}

struct json *json_new(void)
{
    call_once(&hooks_once, hooks_install);
    return malloc(sizeof(struct json));
}

void json_free(struct json *j)
{
    free(j);
}

/* ---- a look at the bytes before the parser sees them, eight at a time ---- */

#define EVERY(byte) (0x0101010101010101u * (uint64_t)(byte))

static uint64_t word_at(const unsigned char *p, size_t n)
{
    uint64_t word = 0;

    if (n >= sizeof(word)) /* a constant size: one load */
        memcpy(&word, p, sizeof(word));
    else
        memcpy(&word, p, n);
    return word;
}

bool json_is_utf8(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t seen = 0;

    for (size_t i = 0; i < n; i += sizeof(seen))
        seen |= word_at(p + i, n - i);
    return !(seen & EVERY(0x80)) || text_is_utf8(bytes, n);
}

/* How many '{' and '[' there are ('{' is '[' + 0x20): an upper bound of the depth. */
static size_t count_openers(const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t openers = 0;

    for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
        const uint64_t differs = (word_at(p + i, n - i) | EVERY(0x20)) ^ EVERY('{');
        const uint64_t nonzero = ((differs & EVERY(0x7f)) + EVERY(0x7f)) | differs;
        openers += ((~nonzero & EVERY(0x80)) >> 7) * EVERY(1) >> 56;
    }
    return openers;
}

/* Our own limit, since the parser recurses on what a stranger sent. */
static bool too_deep(const char *s)
{
    unsigned depth = 0;
    bool quoted = false;

    for (; *s; s++) {
        if (quoted) {
            if (*s == '\\' && s[1])
                s++;
            else if (*s == '"')
                quoted = false;
        } else if (*s == '"') {
            quoted = true;
        } else if (*s == '{' || *s == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return true;
        } else if ((*s == '}' || *s == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

/* cJSON hands strings out NUL-terminated, so that "x\u0000y" would read "x": a text that no one
 * sent. */
static void defuse_nul(char *s)
{
    for (s = strchr(s, '\\'); s; s = strchr(s, '\\')) {
        if (strncmp(s, "\\u0000", 6) == 0)
            memcpy(s + 2, "fffd", 4);
        if (*++s)
            s++;
    }
}

enum reject json_parse(struct json *j, const void *bytes, size_t n, const cJSON **root)
{
    if (n > PAYLOAD_MAX || memchr(bytes, '\0', n))
        return REJECT_NOT_JSON;
    memcpy(j->copy, bytes, n);
    j->copy[n] = '\0';
    if (count_openers(j->copy, n) > JSON_DEPTH_MAX && too_deep(j->copy))
        return REJECT_TOO_DEEP;
    defuse_nul(j->copy);
    j->used = 0;
    j->exhausted = false;
    parsing = j;
    *root = cJSON_ParseWithLengthOpts(j->copy, n + 1, NULL, 1);
    parsing = NULL;
    if (*root)
        return REJECT_NONE;
    return j->exhausted ? REJECT_TOO_DEEP : REJECT_NOT_JSON;
}
