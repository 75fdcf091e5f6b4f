/* words_unpack.c - the flat form back into words. A message id is a pointer that everyone may keep,
 * so ids that come from a file are remembered for the life of the process, each once. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"

#define US      '\x1f'
#define IDS_MAX 256 /* the program has some dozens; a hostile file must not grow it */

static pthread_mutex_t ids_lock = PTHREAD_MUTEX_INITIALIZER;
static char *ids[IDS_MAX];
static size_t id_count;

static const char *find_or_add(const char *id)
{
    for (size_t i = 0; i < id_count; i++) {
        if (strcmp(ids[i], id) == 0)
            return ids[i];
    }
    if (id_count == IDS_MAX)
        return NULL;
    ids[id_count] = strdup(id);
    return ids[id_count] ? ids[id_count++] : NULL;
}

static const char *remember(const char *id)
{
    pthread_mutex_lock(&ids_lock);
    const char *kept = find_or_add(id);
    pthread_mutex_unlock(&ids_lock);
    return kept;
}

/* Shown as it is, in English: no room for its id, or it never was a flat form. */
static void keep_rendered(const char *packed, struct words *w)
{
    char whole[WORDS_PACKED];

    words_render_packed(packed, NULL, whole, sizeof(whole));
    w->id = "{1}";
    TEXT_SET(&w->arg[0], whole, strlen(whole));
}

void words_unpack(const char *packed, struct words *w)
{
    struct text512 id = {""};
    const char *part = strchr(packed, US);

    memset(w, 0, sizeof(*w));
    if (!*packed)
        return;
    if (part)
        TEXT_SET(&id, packed, (size_t)(part - packed));
    w->id = id.clean[0] ? remember(id.clean) : NULL;
    if (!w->id) {
        keep_rendered(packed, w);
        return;
    }
    for (size_t i = 0; part && i < WORDS_ARGS; i++) {
        const char *next = strchr(++part, US);
        TEXT_SET(&w->arg[i], part, next ? (size_t)(next - part) : strlen(part));
        part = next;
    }
}
