/* symbols.h - every sign beyond ASCII that the screen draws, each with its spelling for terminals
 * without UTF-8. Mostly one cell wide in both. */
#ifndef UI_SYMBOLS_H
#define UI_SYMBOLS_H

#define SYM_ONLINE   "●"
#define SYM_SILENT   "◌"
#define SYM_CRASHED  "✖"
#define SYM_FAILED   "■"
#define SYM_UNKNOWN  "○"
#define SYM_COMMAND  "▷"
#define SYM_CURSOR   "▶"
#define SYM_DONE     "▰"
#define SYM_TO_DO    "▱"
#define SYM_NONE     "–"
#define SYM_DASH     "—"
#define SYM_DOT      "·"
#define SYM_ELLIPSIS "…"
#define SYM_NOT      "≠"
#define SYM_UP       "↑"
#define SYM_DOWN     "↓"
#define SYM_CHECK    "✔"
#define SYM_FOLDED   "▸"
#define SYM_UNFOLDED "▾"

/* One grapheme (n bytes at s) in ASCII: never empty, printable ASCII only. */
const char *symbol_ascii(const char *s, unsigned long n);

/* Eight heights, the lowest first. */
extern const char *const symbol_heights[8];

#endif
