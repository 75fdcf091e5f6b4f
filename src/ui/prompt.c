/* prompt.c - the bottom line as a question: filter, note, command, confirmation. A layer like any
 * other; the loop goes on below it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/act.h"
#include "ui/panel.h"

#define TYPING_LEAST 24 /* cells for what is typed */

void prompt_open(struct desk *d, enum prompt_kind kind)
{
    struct prompt *p = &d->prompt;

    if (!desk_push(d, LAYER_PROMPT))
        return;
    p->kind = kind;
    p->error = (struct err){0};
    p->shown = false;
    line_set(&p->line, kind == PROMPT_FILTER ? d->list[p->list].expression : "");
    if (kind == PROMPT_FILTER)
        d->list[p->list].filtering = true;
}

/* ---- what each kind does with its line ---- */

static void filter_changed(struct desk *d)
{
    d->prompt.error = (struct err){0};
    list_set_filter(&d->list[d->prompt.list], d->prompt.line.text, &d->prompt.error);
}

/* What it hides now loses its mark. */
static void end_filtering(struct list *l)
{
    l->filtering = false;
    l->made = false;
}

/* The next key may come before the next frame: it means what the filter left, not what it hid. */
static void filter_done(struct desk *d, const struct ui_model *m)
{
    if (d->prompt.error.code)
        return; /* it stays open with what is wrong */
    desk_pop(d);
    end_filtering(&d->list[d->prompt.list]);
    list_update(&d->list[d->prompt.list], m);
    d->focus = d->prompt.list;
    d->focus_chosen = true;
}

/* The model's time is the past's while that is shown. */
static int64_t today(const struct ui_model *m)
{
    return m->in_past ? clock_wall_ms() : m->now.wall_ms;
}

/* Sensible times; the first is what an empty answer means. */
static const char *const shelf_times[] = {"2h", "30m", "1h", "8h", "24h", "7d"};
#define SHELF_TIMES (sizeof shelf_times / sizeof *shelf_times)

static void shelve_done(struct desk *d, const struct ui_model *m, struct intents *out)
{
    struct prompt *p = &d->prompt;
    int64_t ms;

    if (!duration_parse(p->line.len ? p->line.text : shelf_times[0], &ms) || ms <= 0) {
        err_set(&p->error, EXIT_USAGE, "%s", _("expected a duration such as 30m, 2h or 1d"));
        return;
    }
    desk_pop(d);
    if (desk_send(out, m, OP_SHELVE, &p->note_for, TEXT_EMPTY))
        out->list[out->count - 1].op.shelve_until_at = m->now.wall_ms + ms;
}

static void next_shelf_time(struct desk *d)
{
    struct prompt *p = &d->prompt;
    size_t i = 0;

    while (i < SHELF_TIMES && strcmp(shelf_times[i], p->line.text) != 0)
        i++;
    i = p->line.len == 0 ? 1 : (i + 1) % SHELF_TIMES;
    line_set(&p->line, shelf_times[i < SHELF_TIMES ? i : 0]);
    p->error = (struct err){0};
}

static void note_done(struct desk *d, const struct ui_model *m, struct intents *out)
{
    struct text512 note = {""};

    TEXT_SET(&note, d->prompt.line.text, d->prompt.line.len);
    desk_pop(d);
    if (d->prompt.line.len)
        desk_send(out, m, OP_NOTE, &d->prompt.note_for, TEXT(note));
}

static void export_done(struct desk *d, const struct ui_model *m, struct intents *out)
{
    struct intent i = {.kind = INTENT_EXPORT};

    if (!d->prompt.line.len || out->count >= UI_INTENTS) {
        desk_pop(d);
        return;
    }
    snprintf(i.path, sizeof i.path, "%s", d->prompt.line.text);
    desk_pop(d);
    if (desk_make_export(d, m))
        out->list[out->count++] = i;
    else
        desk_say(d, m, "%s", _("there is nothing to write"));
}

static void handover_done(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const struct occurrence nothing = {.id = ""};
    struct text512 to = {""};

    TEXT_SET(&to, d->prompt.line.text, d->prompt.line.len);
    desk_pop(d);
    if (desk_send(out, m, OP_HAND_OVER, &nothing, TEXT(to)))
        desk_pop(d);
}

/* Nothing: back to now. */
static void time_done(struct desk *d, const struct ui_model *m)
{
    const bool fleet = d->prompt.kind == PROMPT_PAST;
    int64_t at = TIME_NONE;

    if (d->prompt.line.len && (!time_parse_when(d->prompt.line.text, today(m), &at) || at > today(m))) {
        err_set(&d->prompt.error, EXIT_USAGE, "%s",
                _("a time such as 03:12, 2h, yesterday or 2026-04-05 08:00"));
        return;
    }
    desk_pop(d);
    if (fleet)
        d->layers = 0;
    desk_go_to(d, at, fleet);
}

/* The first action whose name begins with what is typed; UI_NO_ACTION none. */
static enum ui_action_id completion(const struct prompt *p, int skip)
{
    unsigned n;
    const struct ui_action *list = ui_actions(&n);

    for (unsigned i = 0; i < n; i++) {
        if (strncmp(list[i].name, p->line.text, p->line.len) == 0 && skip-- == 0)
            return (enum ui_action_id)i;
    }
    return UI_NO_ACTION;
}

static void command_done(struct desk *d, const struct ui_model *m, struct intents *out)
{
    enum ui_action_id id = action_find(d->prompt.line.text);

    if (id == UI_NO_ACTION && d->prompt.line.len && completion(&d->prompt, 1) == UI_NO_ACTION)
        id = completion(&d->prompt, 0); /* unmistakable */
    if (!d->prompt.line.len) {
        desk_pop(d);
    } else if (id == UI_NO_ACTION) {
        err_set(&d->prompt.error, EXIT_USAGE, "%s",
                _("no such action: Tab completes, ? lists them"));
    } else {
        desk_pop(d);
        desk_act(d, m, id, out);
    }
}

static void complete(struct prompt *p)
{
    unsigned n;
    const enum ui_action_id id = completion(p, 0);

    if (id == UI_NO_ACTION)
        return;
    size_t common = strlen(ui_actions(&n)[id].name);
    for (int k = 1; completion(p, k) != UI_NO_ACTION; k++) {
        const char *a = ui_actions(&n)[id].name, *b = ui_actions(&n)[completion(p, k)].name;
        size_t same = 0;
        while (same < common && a[same] == b[same])
            same++;
        common = same;
    }
    memcpy(p->line.text, ui_actions(&n)[id].name, common);
    p->line.text[p->line.len = common] = '\0';
}

static void answer(struct desk *d, const struct ui_model *m, bool yes, struct intents *out)
{
    desk_pop(d);
    if (d->prompt.kind == PROMPT_WITHDRAW) {
        if (yes)
            withdraw_send(d, m, out);
        return;
    }
    if (d->prompt.kind == PROMPT_QUIT) {
        if (yes)
            act_send(out, INTENT_QUIT);
        return;
    }
    if (!yes) {
        d->acknowledge_count = d->acknowledge_at = 0;
        return;
    }
    d->acknowledge_at = 0;
    desk_continue(d, m, out);
}

/* ---- typing ---- */

bool prompt_is_question(const struct desk *d)
{
    const enum prompt_kind kind = d->prompt.kind;

    return kind == PROMPT_ACKNOWLEDGE_ALL || kind == PROMPT_WITHDRAW || kind == PROMPT_QUIT;
}

static void changed(struct desk *d)
{
    d->prompt.error = (struct err){0};
    if (d->prompt.kind == PROMPT_FILTER)
        filter_changed(d);
}

static void rub_out(struct desk *d)
{
    struct prompt *p = &d->prompt;

    if (!p->line.len) {
        if (p->kind != PROMPT_FILTER)
            desk_pop(d);
        return;
    }
    line_rub_out(&p->line);
    changed(d);
}

static void done(struct desk *d, const struct ui_model *m, struct intents *out)
{
    switch (d->prompt.kind) {
    case PROMPT_FILTER:
        filter_done(d, m);
        break;
    case PROMPT_NOTE:
        note_done(d, m, out);
        break;
    case PROMPT_COMMAND:
        command_done(d, m, out);
        break;
    case PROMPT_SHELVE:
        shelve_done(d, m, out);
        break;
    case PROMPT_EXPORT:
        export_done(d, m, out);
        break;
    case PROMPT_HAND_OVER:
        handover_done(d, m, out);
        break;
    case PROMPT_PAST:
    case PROMPT_JUMP:
        time_done(d, m);
        break;
    case PROMPT_ACKNOWLEDGE_ALL:
    case PROMPT_WITHDRAW:
    case PROMPT_QUIT: /* a careless Enter is no yes */
        break;
    }
}

static void cancel(struct desk *d)
{
    if (d->prompt.kind == PROMPT_FILTER) {
        list_set_filter(&d->list[d->prompt.list], "", NULL);
        end_filtering(&d->list[d->prompt.list]);
    }
    d->acknowledge_count = d->acknowledge_at = 0;
    desk_pop(d);
}

void prompt_key(struct desk *d, const struct ui_model *m, const struct key *k, struct intents *out)
{
    struct prompt *p = &d->prompt;

    if (k->code == KEY_ESC || k->code == KEY_CTRL('c')) {
        cancel(d);
    } else if (prompt_is_question(d)) {
        if (!p->shown)
            return; /* typed before it was asked: no answer to it */
        if (k->code == 'y' || k->code == 'n' || k->code == *_("y"))
            answer(d, m, k->code != 'n', out);
    } else if (k->code == KEY_RETURN) {
        done(d, m, out);
    } else if (k->code == KEY_RUBOUT || k->code == KEY_DELETE) {
        rub_out(d);
    } else if (k->code == KEY_CTRL('u')) {
        line_set(&p->line, "");
        changed(d);
    } else if (k->code == KEY_TAB && p->kind == PROMPT_COMMAND) {
        complete(p);
    } else if (k->code == KEY_TAB && p->kind == PROMPT_SHELVE) {
        next_shelf_time(d);
    } else if (k->code >= ' ' && k->code < KEY_FIRST) {
        line_type_key(&p->line, k->code);
        changed(d);
    }
}

/* ---- drawing ---- */

/* On which alarm, where that leaves room for typing: elsewhere than in their list nobody sees it. */
static bool label_with_alarm(struct paint *paint, int cols, char *out, size_t size)
{
    const struct prompt *p = &paint->desk->prompt;
    const bool note = p->kind == PROMPT_NOTE;
    const struct alarm *a = note || p->kind == PROMPT_SHELVE
                                ? core_find_alarm(paint->m->core, p->note_for.id)
                                : NULL;
    struct text64 scratch = {""};

    if (!a)
        return false;
    const struct text who = uid_is_zero(&a->client)
                                ? TEXT(a->subject)
                                : panel_client_name(paint->m, &a->client, &scratch);
    snprintf(out, size, note ? _("note on %s %s: ") : _("shelve %s %s for: "),
             panel_alarm_label(a), who.clean);
    return text_width(TEXT_OURS(out)) + TYPING_LEAST <= cols;
}

static void label_of(struct paint *paint, int cols, char *out, size_t size)
{
    const struct prompt *p = &paint->desk->prompt;
    static const char *const labels[] = {
        [PROMPT_FILTER] = "/",
        [PROMPT_NOTE] = N_("note: "),
        [PROMPT_COMMAND] = ":",
        [PROMPT_EXPORT] = N_("write to file: "),
        [PROMPT_HAND_OVER] = N_("hand over to (a name, or nothing): "),
        [PROMPT_PAST] = N_("the fleet as it was at: "),
        [PROMPT_JUMP] = N_("lines up to: "),
        [PROMPT_SHELVE] = N_("shelve for: "),
    };

    if (p->kind == PROMPT_ACKNOWLEDGE_ALL)
        snprintf(out, size,
                 P_("acknowledge %u alarm? y/n", "acknowledge all %u alarms shown? y/n", p->count),
                 p->count);
    else if (p->kind == PROMPT_WITHDRAW)
        withdraw_label(paint, out, size);
    else if (p->kind == PROMPT_QUIT)
        leave_label(paint->m, out, size);
    else if (!label_with_alarm(paint, cols, out, size))
        snprintf(out, size, "%s", _(labels[p->kind]));
}

static void draw_hints(const struct prompt *p, struct area a, int x)
{
    unsigned n;

    for (int k = 0; completion(p, k) != UI_NO_ACTION && x < a.cols - 8; k++)
        x += area_text(a, 0, x, -1, ROLE_SCREEN_DIM,
                       TEXT_OURS(ui_actions(&n)[completion(p, k)].name)) +
             2;
}

void prompt_draw(struct paint *paint, struct area all)
{
    const struct area a = area_sub(all, all.rows - 1, 0, 1, all.cols);
    struct prompt *p = &paint->desk->prompt;
    char label[240];
    int x;

    p->shown = true;
    label_of(paint, a.cols, label, sizeof label);
    if (prompt_is_question(paint->desk) && text_width(TEXT_OURS(label)) > a.cols - 2) {
        panel_wrapped_up(all, ROLE_PROMPT_TEXT, ROLE_FOOTER_KEY, label); /* its end: how to answer */
        area_cursor(a, 0, 0, true);
        return;
    }
    area_fill(a, 0, 0, a.cols, ROLE_PROMPT_TEXT);
    x = 1 + area_text(a, 0, 1, -1, ROLE_FOOTER_KEY, TEXT_OURS(label));
    x += area_text(a, 0, x, -1, ROLE_PROMPT_TEXT, line_end(&p->line, a.cols - x - 1));
    area_cursor(a, 0, x < a.cols ? x : a.cols - 1, true);
    if (p->error.code)
        area_text(a, 0, x + 2, -1, ROLE_PROMPT_ERROR, TEXT_OURS(p->error.text));
    else if (p->kind == PROMPT_COMMAND)
        draw_hints(p, a, x + 3);
    else if (p->kind == PROMPT_SHELVE)
        area_text(a, 0, x + 2, -1, ROLE_SCREEN_DIM,
                  TEXT_OURS(_("Tab: 30m 1h 8h 24h 7d; empty: 2h")));
    else if (p->kind == PROMPT_FILTER && !p->line.len)
        area_text(
            a, 0, x + 2, -1, ROLE_SCREEN_DIM,
            TEXT_OURS(
                _("lobby  state:crashed  group:vienna  !state:online   Enter keeps, Esc clears")));
}
