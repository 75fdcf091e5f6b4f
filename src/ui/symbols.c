/* symbols.c - signs and letters as ASCII. */
#include "ui/symbols.h"

#include <string.h>

const char *const symbol_heights[8] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

/* clang-format off */
static const struct {
    const char *sign, *ascii;
} table[] = {
    {SYM_ONLINE, "*"},  {SYM_SILENT, "o"},   {SYM_CRASHED, "x"}, {SYM_FAILED, "#"},
    {SYM_UNKNOWN, "?"}, {SYM_COMMAND, ">"},  {SYM_CURSOR, ">"},  {SYM_DONE, "="},
    {SYM_TO_DO, "."},   {SYM_NONE, "-"},     {SYM_DASH, "-"},    {SYM_DOT, "|"},
    {SYM_NOT, "!="},     {SYM_ELLIPSIS, "~"}, {SYM_UP, "^"},      {SYM_DOWN, "v"},
    {SYM_CHECK, "+"},   {SYM_FOLDED, "+"},   {SYM_UNFOLDED, "-"},
    /* heights */
    {"▁", "_"}, {"▂", "."}, {"▃", ":"}, {"▄", "-"}, {"▅", "="}, {"▆", "+"}, {"▇", "*"}, {"█", "#"},
    /* frames, light and heavy */
    {"─", "-"}, {"│", "|"}, {"┌", "+"}, {"┐", "+"}, {"└", "+"}, {"┘", "+"},
    {"━", "="}, {"┃", "|"}, {"┏", "+"}, {"┓", "+"}, {"┗", "+"}, {"┛", "+"},
    /* what German needs; the sharp s and the umlauts as typewriters write them */
    {"ä", "ae"}, {"ö", "oe"}, {"ü", "ue"}, {"Ä", "Ae"}, {"Ö", "Oe"}, {"Ü", "Ue"}, {"ß", "ss"},
    {"×", "x"}, {"„", "\""}, {"“", "\""}, {"”", "\""}, {"’", "'"}, {"é", "e"}, {"è", "e"}, {"à", "a"},
};
/* clang-format on */

const char *symbol_ascii(const char *s, unsigned long n)
{
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        if (strlen(table[i].sign) == n && memcmp(table[i].sign, s, n) == 0)
            return table[i].ascii;
    }
    return "?";
}
