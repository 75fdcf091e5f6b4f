/* text.h - cleaned text. Bytes from the wire become text in exactly one function, text_clean();
 * the screen, the tables and the log take `struct text`, never `char *`, so that the compiler
 * keeps raw bytes away from the terminal (docs/architecture.md).
 *
 * Clean means: valid UTF-8, NUL-terminated, no control characters (C0, C1, DEL), no bidi
 * embedding/override/isolate, no zero-width or line/paragraph separators, no surrogates or
 * unassigned private escapes; each offence became U+FFFD, line breaks and tabs became one blank. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A view of cleaned text. Borrowed: lives as long as what it was made from. */
struct text {
    const char *clean; /* never NULL */
};

/* Owned cleaned text of a fixed size in bytes, NUL included. Longer input is cut at a character
 * border and ends in U+2026. Each is a type of its own so that it can live inside structs. */
struct text16 { char clean[16]; };
struct text24 { char clean[24]; };
struct text40 { char clean[40]; };
struct text64 { char clean[64]; };
struct text96 { char clean[96]; };
struct text160 { char clean[160]; };
struct text512 { char clean[512]; };

#define TEXT(owned) ((struct text){(owned).clean})
/* For the program's own words only (literals, gettext): never for foreign bytes. */
#define TEXT_OURS(s) ((struct text){(s)})
#define TEXT_EMPTY ((struct text){""})
/* Cleans n bytes at p into an owned text, whatever its size. Returns true if it changed. */
#define TEXT_SET(owned, p, n) text_clean((owned)->clean, sizeof(owned)->clean, (p), (n))
/* Copies cleaned text into an owned text, cutting where needed. Returns true if it changed. */
#define TEXT_COPY(owned, view) text_copy((owned)->clean, sizeof(owned)->clean, (view))

/* THE sanitising function. size >= 4. Returns true if dst's former content differed (so that a
 * caller knows whether something changed); dst must hold a string before the call. */
bool text_clean(char *dst, size_t size, const void *src, size_t len);
bool text_copy(char *dst, size_t size, struct text src);
bool text_is_utf8(const void *src, size_t len); /* strictly: no overlong forms, no surrogates */
bool text_is_empty(struct text t);
bool text_equal(struct text a, struct text b);
/* True where needle occurs in t, case folded (Unicode simple folding). Empty needle: true. */
bool text_contains(struct text t, struct text needle);
/* Order for people: case folded, digits by value ("lobby-9" before "lobby-10"). */
int text_compare(struct text a, struct text b);
/* The same order for strcmp(): a string without NUL inside, of at most size - 1 bytes (2 per byte of t
 * suffice); returns its length. Texts that differ in case or leading zeros only have equal keys. */
size_t text_sort_key(struct text t, unsigned char *dst, size_t size);

/* Cells that t takes on the terminal (grapheme by grapheme; the one place that asks wcwidth). */
int text_width(struct text t);
/* Steps over one unit at s: a character that takes cells with the marks that sit on it, which is
 * what one cell of the terminal holds (a flag is two units). Its length in bytes (0 at the end) and
 * its width in cells. */
size_t text_next(const char *s, int *cells);
/* False where the terminal's character set or the C library's tables lack the unit at s: draw
 * U+FFFD there, or "?" outside UTF-8 (one cell, as text_next said). */
bool text_unit_shows(const char *s);
/* Bytes of t that fit into `cells`, cut between graphemes only; *used gets the cells they take. */
size_t text_fit(struct text t, int cells, int *used);

#endif
