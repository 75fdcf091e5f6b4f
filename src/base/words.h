/* words.h - a sentence that can be stored and still be translated: a message id and arguments.
 * The core and the history keep words; the screen and the tables render them in the reader's
 * language, JSON renders them in English (tr = NULL). */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/text.h"

#define WORDS_ARGS 3

/* id is a literal marked N_("..."), with {1} {2} {3} where the arguments go. A message id that came
 * back from the database is looked up by tr like any other; unknown ones show as they are. */
struct words {
    const char *id; /* NULL: no words */
    struct text96 arg[WORDS_ARGS];
};

typedef const char *(*translate_fn)(const char *id);

/* Renders into an owned text of `size` bytes. */
void words_render(const struct words *w, translate_fn tr, char *dst, size_t size);
/* Flat form for the database: id US arg US arg … (US = 0x1f). Returns the length. */
size_t words_pack(const struct words *w, char *dst, size_t size);
/* Renders a flat form; what is not one is cleaned and shown as it is. */
void words_render_packed(const char *packed, translate_fn tr, char *dst, size_t size);
#define WORDS_PACKED 1024 /* bytes that any flat form needs */
/* A flat form back into words that can be translated; w->id then lives as long as the process. "" gives
 * no words. Thread-safe. */
void words_unpack(const char *packed, struct words *w);

#define WORDS_RENDER(w, tr, owned) words_render((w), (tr), (owned)->clean, sizeof(owned)->clean)

#endif
