#include "base/words.h"

#include <string.h>

#define US         '\x1f' /* between the parts of the flat form; never in clean text */
#define RENDER_MAX 1024   /* bytes: an id and three arguments at their longest */

/* Appends n bytes as far as they fit; text_clean() mends a character cut in two. */
static size_t put(char *out, size_t at, const char *bytes, size_t n)
{
    if (n > RENDER_MAX - at)
        n = RENDER_MAX - at;
    memcpy(out + at, bytes, n);
    return at + n;
}

/* The index of the argument that "{1}" at p names, or -1. */
static int placeholder(const char *p)
{
    return p[0] == '{' && p[1] >= '1' && p[1] < '1' + WORDS_ARGS && p[2] == '}' ? p[1] - '1' : -1;
}

static const char *translated(const char *id, translate_fn tr)
{
    return tr && *id ? tr(id) : id; /* gettext("") is the catalog's header */
}

static void fill(const char *form, const char *const arg[WORDS_ARGS], char *dst, size_t size)
{
    char out[RENDER_MAX];
    size_t at = 0;

    while (*form) {
        int k = placeholder(form);

        if (k >= 0) {
            at = put(out, at, arg[k], strlen(arg[k]));
            form += 3;
        } else {
            at = put(out, at, form++, 1);
        }
    }
    text_clean(dst, size, out, at);
}

void words_render(const struct words *w, translate_fn tr, char *dst, size_t size)
{
    const char *arg[WORDS_ARGS];

    dst[0] = '\0';
    if (!w->id)
        return;
    for (int i = 0; i < WORDS_ARGS; i++)
        arg[i] = w->arg[i].clean;
    fill(translated(w->id, tr), arg, dst, size);
}

size_t words_pack(const struct words *w, char *dst, size_t size)
{
    const char *id = w->id ? w->id : "";
    size_t at = 0, last = 0;

    for (size_t i = 0; i < WORDS_ARGS; i++) {
        if (w->arg[i].clean[0])
            last = i + 1;
    }
    /* One separator always: it tells the flat form from plain text. */
    for (size_t part = 0; w->id && part <= (last ? last : 1); part++) {
        const char *s = part ? w->arg[part - 1].clean : id;
        size_t n = strlen(s);

        if (at + n + 2 > size)
            break;
        if (part)
            dst[at++] = US;
        memcpy(dst + at, s, n);
        at += n;
    }
    if (size)
        dst[at] = '\0';
    return at;
}

void words_render_packed(const char *packed, translate_fn tr, char *dst, size_t size)
{
    char parts[RENDER_MAX];
    const char *arg[WORDS_ARGS] = {"", "", ""};
    size_t len = strnlen(packed, sizeof(parts) - 1);
    char *p;

    dst[0] = '\0';
    memcpy(parts, packed, len);
    parts[len] = '\0';
    p = strchr(parts, US);
    if (!p) {
        const char *whole = translated(parts, tr);

        text_clean(dst, size, whole, strlen(whole));
        return;
    }
    for (int i = 0; p && i < WORDS_ARGS; i++) {
        *p++ = '\0';
        arg[i] = p;
        p = strchr(p, US);
    }
    if (p)
        *p = '\0';
    fill(translated(parts, tr), arg, dst, size);
}
