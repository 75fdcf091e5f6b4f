/* theme.c - roles, styles and theme files. */
#include "ui/theme.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/ini.h"
#include "base/text.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct {
    const char *name;
    enum role parent;
    unsigned mono;
} roles[] = {
#define ROW(id, name, parent, mono) [ROLE_##id] = {name, ROLE_##parent, mono},
    ROLES(ROW)
#undef ROW
};
static_assert(COUNT(roles) == ROLE_COUNT, "one row per role");

/* The file themes/default.theme, line by line, made by the Makefile. */
static const struct {
    const char *section, *key, *value;
} preset[] = {
#include "theme_default.inc"
};

const char *role_name(enum role r)
{
    return roles[r].name;
}

int role_find(const char *name)
{
    for (int r = 0; r < ROLE_COUNT; r++) {
        if (strcmp(roles[r].name, name) == 0)
            return r;
    }
    return -1;
}

/* ---- one style ---- */

static const char *const names[] = {"black", "red",     "green", "yellow",
                                    "blue",  "magenta", "cyan",  "white"};

static const struct {
    const char *name;
    unsigned bit;
} attributes[] = {{"bold", STYLE_BOLD},
                  {"reverse", STYLE_REVERSE},
                  {"underline", STYLE_UNDERLINE},
                  {"dim", STYLE_DIM}};

static bool parse_number(const char *word, const char *digits, int base, long most, long *out)
{
    char *end;

    if (!*word || strspn(word, digits) != strlen(word))
        return false;
    *out = strtol(word, &end, base);
    return *out >= 0 && *out <= most;
}

static bool parse_colour(const char *word, int32_t *out)
{
    const bool bright = strncmp(word, "bright-", 7) == 0;
    long n;

    if (strcmp(word, "default") == 0) {
        *out = COLOUR_DEFAULT;
        return true;
    }
    for (int32_t i = 0; i < (int32_t)COUNT(names); i++) {
        if (strcmp(word + (bright ? 7 : 0), names[i]) == 0) {
            *out = i + (bright ? 8 : 0);
            return true;
        }
    }
    if (*word == '#' && strlen(word) == 7 &&
        parse_number(word + 1, "0123456789abcdefABCDEF", 16, 0xffffff, &n))
        *out = (int32_t)(n | COLOUR_RGB);
    else if (parse_number(word, "0123456789", 10, 255, &n))
        *out = (int32_t)n;
    else
        return false;
    return true;
}

static bool parse_attribute(const char *word, unsigned *bits)
{
    for (size_t i = 0; i < COUNT(attributes); i++) {
        if (strcmp(attributes[i].name, word) == 0) {
            *bits |= attributes[i].bit;
            return true;
        }
    }
    return false;
}

static bool refuse(const char *word, struct err *e)
{
    struct text64 shown = {""};

    TEXT_SET(&shown, word, strlen(word));
    return err_set(e, EXIT_USAGE,
                   _("\"%s\": expected bold, reverse, underline, dim, a colour (red, 208, #ff8700, "
                     "default) and \"on\" before that of the background"),
                   shown.clean);
}

bool style_parse(const char *value, struct style *out, struct err *e)
{
    struct style s = {.fg = COLOUR_DEFAULT, .bg = COLOUR_DEFAULT};
    int32_t *colour = &s.fg;
    char copy[128], *rest = copy;

    if (snprintf(copy, sizeof copy, "%s", value) >= (int)sizeof copy)
        return refuse(value, e);
    for (char *word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        if (strcmp(word, "on") == 0)
            colour = &s.bg;
        else if (!parse_attribute(word, &s.attributes) && !parse_colour(word, colour))
            return refuse(word, e);
    }
    *out = s;
    return true;
}

/* ---- a whole theme ---- */

static void inherit(struct theme *t)
{
    for (int r = 0; r < ROLE_COUNT; r++) {
        if (!t->named[r] && (int)roles[r].parent != r) /* parents stand before their children */
            t->style[r] = t->style[roles[r].parent];
    }
}

static bool set(struct theme *t, const char *section, const char *key, const char *value,
                struct err *e)
{
    char name[64];

    if (strcmp(section, "theme") == 0) /* its name, author and description */
        return true;
    snprintf(name, sizeof name, "%s%s%s", section, *section ? "." : "", key);
    const int r = role_find(name);
    if (r < 0) {
        struct text64 shown = {""};
        TEXT_SET(&shown, name, strlen(name));
        return err_set(e, EXIT_USAGE, _("%s: no such role: see themes/default.theme"), shown.clean);
    }
    t->named[r] = true;
    return style_parse(value, &t->style[r], e);
}

static void clear(struct theme *t)
{
    *t = (struct theme){0};
    t->style[ROLE_SCREEN_TEXT] = (struct style){.fg = COLOUR_DEFAULT, .bg = COLOUR_DEFAULT};
}

void theme_init(struct theme *t)
{
    clear(t);
    for (size_t i = 0; i < COUNT(preset); i++)
        set(t, preset[i].section, preset[i].key, preset[i].value, NULL);
    inherit(t);
}

static bool on_key(void *user, const char *section, const char *key, const char *value, int line,
                   struct err *e)
{
    (void)line;
    return set(user, section, key, value, e);
}

bool theme_read(struct theme *t, const char *path, struct err *e)
{
    struct theme fresh;

    clear(&fresh);
    if (!ini_read(path, on_key, &fresh, e))
        return false;
    inherit(&fresh);
    *t = fresh;
    return true;
}

bool theme_load(struct theme *t, const char *name, const char *dirs, struct err *e)
{
    char path[PATH_MAX];

    if (strchr(name, '/'))
        return theme_read(t, name, e);
    for (const char *dir = dirs; dir && *dir;) {
        const size_t n = strcspn(dir, ":");
        const int len = snprintf(path, sizeof path, "%.*s/%s.theme", (int)n, dir, name);

        if (len < (int)sizeof path && access(path, R_OK) == 0)
            return theme_read(t, path, e);
        dir += n + (dir[n] == ':');
    }
    if (strcmp(name, "default") == 0) {
        theme_init(t);
        return true;
    }
    return err_set(e, EXIT_USAGE, _("ui.theme: \"%s\": no such theme: look into %s"), name,
                   dirs ? dirs : "themes");
}

/* ---- on a terminal ---- */

static const unsigned char levels[6] = {0, 95, 135, 175, 215, 255};
/* xterm's sixteen, as most terminals show them. */
static const uint32_t sixteen[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd,
                                     0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00,
                                     0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};

static uint32_t rgb_of(int32_t c)
{
    if (c >= COLOUR_RGB)
        return (uint32_t)c & 0xffffff;
    if (c < 16)
        return sixteen[c];
    if (c >= 232)
        return (uint32_t)(8 + (c - 232) * 10) * 0x010101;
    c -= 16;
    return (uint32_t)levels[c / 36] << 16 | (uint32_t)levels[c / 6 % 6] << 8 | levels[c % 6];
}

static int distance(uint32_t a, uint32_t b)
{
    const int red = (int)(a >> 16) - (int)(b >> 16);
    const int green = (int)(a >> 8 & 255) - (int)(b >> 8 & 255);
    const int blue = (int)(a & 255) - (int)(b & 255);

    return 2 * red * red + 4 * green * green + 3 * blue * blue; /* as the eye weighs them */
}

int32_t colour_nearest(int32_t colour, int32_t colours)
{
    /* On 256 the first sixteen are left out: the user may have painted them over. */
    const int32_t first = colours > 16 ? 16 : 0;
    int32_t best = first;

    if (colour == COLOUR_DEFAULT || colours == 0)
        return COLOUR_DEFAULT;
    if (colours == COLOUR_RGB)
        return colour < 8 ? colour : (int32_t)rgb_of(colour); /* 0-7 stay the palette's there */
    if (colour < colours)
        return colour;
    for (int32_t i = first; i < colours && i < 256; i++) {
        if (distance(rgb_of(i), rgb_of(colour)) < distance(rgb_of(best), rgb_of(colour)))
            best = i;
    }
    return best;
}

unsigned theme_attributes(const struct theme *t, enum role r, int32_t colours)
{
    return colours ? t->style[r].attributes : roles[r].mono;
}
