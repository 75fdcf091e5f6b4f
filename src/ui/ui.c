/* ui.c - desk and terminal together: when to draw, what to read. */
#include "ui/ui.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/place.h"
#include "ui/desk.h"
#include "ui/rescue.h"
#include "ui/notification.h"
#include "ui/screen.h"

/* What a frame was drawn from, as far as it changes without a key. */
struct stamp {
    uint64_t generation, refusals, audit;
    struct link_status link;
    struct store_status store;
    int64_t message_at_mono;
    uint64_t past; /* which answers */
    bool read_only;
};

struct theme_dirs {
    char list[PATH_MAX * 4]; /* ':'-separated */
};

struct ui {
    const struct config *config;
    struct theme_dirs theme_dirs;
    struct desk desk;
    struct theme theme;
    struct screen *screen;
    struct input input;
    struct cells cells;
    struct stamp painted;
    bool resized, gone, pasting;
};

/* ---- themes ---- */

static void add_dir(struct theme_dirs *t, const char *dir, const char *below)
{
    const size_t at = strlen(t->list);

    if (dir && *dir == '/') /* a relative one is to be ignored, says the XDG specification */
        snprintf(t->list + at, sizeof t->list - at, "%s%s%s", at ? ":" : "", dir, below);
}

static void find_theme_dirs(struct theme_dirs *t, const char *given)
{
    static const char *const places[] = {"/themes", "/../share/infoscreen-tui/themes"};
    char path[PATH_MAX];

    if (given) {
        snprintf(t->list, sizeof t->list, "%s", given);
        return;
    }
    t->list[0] = '\0';
    add_dir(t, getenv("XDG_CONFIG_HOME"), "/infoscreen-tui/themes");
    if (!getenv("XDG_CONFIG_HOME"))
        add_dir(t, getenv("HOME"), "/.config/infoscreen-tui/themes");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (place_beside(places[i], path, sizeof path))
            add_dir(t, path, "");
    add_dir(t, PREFIX, "/share/infoscreen-tui/themes");
    add_dir(t, getenv("XDG_DATA_HOME"), "/infoscreen-tui/themes");
}

bool ui_check_theme(const char *name, struct err *e)
{
    struct theme_dirs dirs;
    struct theme theme;

    find_theme_dirs(&dirs, NULL);
    return theme_load(&theme, name, dirs.list, e);
}

bool ui_check_keys(const char *binding, struct err *e)
{
    struct keymap keys;

    keymap_init(&keys);
    return keymap_bind(&keys, binding, e);
}

/* ---- life ---- */

static bool set_up(struct ui *u, const struct ui_options *o, struct err *e)
{
    const struct screen_options so = {
        .mouse = o->config->ui.mouse,
        .show_cursor = o->config->ui.screen_reader,
        .colour = o->config->ui.color,
    };

    find_theme_dirs(&u->theme_dirs, o->theme_dirs);
    if (!theme_load(&u->theme, o->config->ui.theme, u->theme_dirs.list, e) || !desk_init(&u->desk, o, e))
        return false;
    u->screen = screen_open(&so, e); /* last: what goes wrong before is told on a plain terminal */
    return u->screen != NULL;
}

struct ui *ui_open(const struct ui_options *o, struct err *e)
{
    struct ui *u = calloc(1, sizeof *u);

    if (!u) {
        err_set(e, EXIT_FAILED, "%s", _("out of memory: close something else"));
        return NULL;
    }
    u->config = o->config;
    u->resized = true;
    u->painted.generation = UINT64_MAX;
    if (!set_up(u, o, e)) {
        ui_close(u);
        return NULL;
    }
    return u;
}

void ui_close(struct ui *u)
{
    if (!u)
        return;
    screen_close(u->screen);
    desk_fini(&u->desk);
    cells_fini(&u->cells);
    free(u);
}

int ui_fd(const struct ui *u)
{
    return screen_fd(u->screen);
}

void ui_resized(struct ui *u)
{
    u->resized = true;
}

void ui_suspend(struct ui *u)
{
    screen_suspend(u->screen);
}

void ui_resume(struct ui *u)
{
    screen_resume(u->screen);
    u->resized = true;
}

void ui_bell(struct ui *u)
{
    screen_bell(u->screen);
}

void ui_notify(struct ui *u, struct text sentence)
{
    screen_notify(u->screen, notification_of(u->config->notify.terminal), sentence);
}

void ui_mark_idle(struct ui *u)
{
    screen_mark_idle(u->screen);
}

void ui_emergency_restore(void)
{
    rescue_now();
}

/* ---- keys ---- */

/* Pasted text is text: outside a prompt it would be a row of commands. */
static void take_key(struct ui *u, const struct ui_model *m, const struct key *k,
                     struct intents *out)
{
    if (k->code == KEY_PASTE_BEGIN || k->code == KEY_PASTE_END) {
        u->pasting = k->code == KEY_PASTE_BEGIN;
    } else if (!u->pasting) {
        desk_key(&u->desk, m, k, out);
    } else if (k->code >= ' ' && k->code < KEY_FIRST) {
        desk_paste(&u->desk, m, k, out);
    }
}

static void reload_theme(struct ui *u, const struct ui_model *m)
{
    struct err e = {0};

    u->desk.reload_theme = false;
    if (theme_load(&u->theme, u->config->ui.theme, u->theme_dirs.list, &e))
        u->resized = true;
    else
        desk_say(&u->desk, m, "%s", e.text);
}

static void after_keys(struct ui *u, const struct ui_model *m)
{
    if (!text_is_empty(TEXT(u->desk.copy))) {
        screen_clipboard(u->screen, TEXT(u->desk.copy));
        u->desk.copy.clean[0] = '\0';
    }
    if (u->desk.reload_theme)
        reload_theme(u, m);
    if (u->desk.redraw)
        u->resized = true;
    u->desk.redraw = false;
}

static void read_keys(struct ui *u, const struct ui_model *m)
{
    unsigned char bytes[1024];
    long n;

    while (!u->gone && u->input.n + sizeof bytes <= INPUT_BYTES &&
           (n = screen_read(u->screen, bytes, sizeof bytes)) != 0) {
        u->gone = n < 0;
        if (n > 0)
            input_take(&u->input, bytes, (size_t)n, m->now.mono_ms);
    }
}

/* What was typed before a question stood there is no answer to it. */
static void forget_keys(struct ui *u, const struct ui_model *m)
{
    struct key k;

    read_keys(u, m);
    while (input_next(&u->input, m->now.mono_ms, &k)) {
        if (k.code == KEY_PASTE_BEGIN || k.code == KEY_PASTE_END)
            u->pasting = k.code == KEY_PASTE_BEGIN;
    }
}

bool ui_input(struct ui *u, const struct ui_model *m, struct intents *out)
{
    struct key k;

    read_keys(u, m);
    /* An action may hand on one intent: keep room, the rest waits for the next turn. */
    while (out->count < UI_INTENTS && input_next(&u->input, m->now.mono_ms, &k))
        take_key(u, m, &k, out);
    desk_continue(&u->desk, m, out);
    after_keys(u, m);
    return !u->gone;
}

/* ---- frames ---- */

static uint64_t past_of(const struct ui_model *m)
{
    uint64_t sum = m->in_past;

    for (int k = 0; k < PAST_KINDS; k++)
        sum = sum * 31 + (m->told[k] ? m->told[k]->serial : 0);
    return sum;
}

static struct stamp stamp_of(const struct ui_model *m)
{
    return (struct stamp){
        .generation = core_counts(m->core)->generation,
        .link = *m->link,
        .store = *m->store,
        .message_at_mono = m->message ? m->message_at_mono : 0,
        .past = past_of(m),
        .read_only = m->read_only,
        .refusals = m->refusals ? m->refusals->generation : 0,
        .audit = m->audit ? m->audit->generation : 0,
    };
}

static bool link_differs(const struct link_status *a, const struct link_status *b)
{
    return a->phase != b->phase || a->next_try_mono != b->next_try_mono || a->tls != b->tls ||
           a->protocol != b->protocol || a->journal_up != b->journal_up ||
           a->session_present != b->session_present || a->snapshot_cut != b->snapshot_cut ||
           strcmp(a->tls_version.clean, b->tls_version.clean) != 0 ||
           strcmp(a->contested.clean, b->contested.clean) != 0 ||
           memcmp(&a->traits, &b->traits, sizeof a->traits) != 0 ||
           strcmp(a->host.clean, b->host.clean) != 0;
}

static bool store_differs(const struct store_status *a, const struct store_status *b)
{
    return a->phase != b->phase || a->recorder != b->recorder ||
           a->other_recorder != b->other_recorder || a->lost != b->lost || a->why.id != b->why.id;
}

bool ui_is_dirty(const struct ui *u, const struct ui_model *m)
{
    const struct stamp *p = &u->painted;

    return u->resized || u->desk.touched || p->generation != core_counts(m->core)->generation ||
           u->desk.acknowledge_at < u->desk.acknowledge_count ||
           m->now.mono_ms >= u->desk.next_change ||
           p->past != past_of(m) ||
           p->message_at_mono != (m->message ? m->message_at_mono : 0) ||
           p->refusals != (m->refusals ? m->refusals->generation : 0) ||
           p->audit != (m->audit ? m->audit->generation : 0) || link_differs(&p->link, m->link) ||
           store_differs(&p->store, m->store);
}

int64_t ui_next_change(const struct ui *u, const struct ui_model *m)
{
    const int64_t esc = input_due(&u->input);

    (void)m;
    return esc < u->desk.next_change ? esc : u->desk.next_change;
}

void ui_wishes(const struct ui *u, const struct ui_model *m, struct ui_wishes *out)
{
    desk_wish(&u->desk, m, out);
}

const char *ui_export_text(const struct ui *u, size_t *n)
{
    *n = u->desk.export.len;
    return buf_str(&u->desk.export);
}

bool ui_paint(struct ui *u, const struct ui_model *m)
{
    const bool asked = desk_has_asked(&u->desk);
    int rows, cols;

    if (!screen_flush(u->screen))
        return false;
    if (u->resized || screen_has_other_size(u->screen))
        screen_touch(u->screen);
    screen_size(u->screen, &rows, &cols);
    if (!cells_resize(&u->cells, rows, cols))
        return false;
    u->resized = false;
    desk_draw(&u->desk, m, &u->cells);
    if (!asked && desk_has_asked(&u->desk))
        forget_keys(u, m); /* before it is written: whoever has read it already may answer */
    screen_paint(u->screen, &u->cells, &u->theme);
    u->painted = stamp_of(m);
    return true;
}
