/* keys.c - the table of actions and what keys they hang on. */
#include "ui/keys.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

static const struct ui_action actions_[] = {
#define ROW(id, name, keys, flags, label, help) [UI_##id] = {name, keys, flags, label, help},
    UI_ACTIONS(ROW)
#undef ROW
};
static_assert(sizeof actions_ / sizeof *actions_ == UI_ACTION_COUNT, "one row per action");

const struct ui_action *ui_actions(unsigned *n)
{
    *n = UI_ACTION_COUNT;
    return actions_;
}

enum ui_action_id action_find(const char *name)
{
    int i = 0;

    while (i < UI_ACTION_COUNT && strcmp(actions_[i].name, name) != 0)
        i++;
    return (enum ui_action_id)i;
}

static void unbind(struct keymap *k, int32_t key)
{
    for (int a = 0; a < UI_ACTION_COUNT; a++) {
        for (int i = 0; i < KEYS_PER_ACTION; i++) {
            if (k->key[a][i] == key)
                k->key[a][i] = 0;
        }
    }
}

static bool bind_keys(struct keymap *k, enum ui_action_id id, const char *keys, size_t len,
                      struct err *e)
{
    int at = 0;

    memset(k->key[id], 0, sizeof k->key[id]);
    for (size_t i = 0; i < len; i++) {
        const size_t n = strcspn(keys + i, " \n");
        const int32_t key = n ? key_parse(keys + i, n) : 0;

        if (n && (!key || at == KEYS_PER_ACTION)) {
            struct text24 shown = {""};
            TEXT_SET(&shown, keys + i, n);
            return err_set(
                e, EXIT_USAGE,
                _("\"%s\": expected up to %d keys such as a, F5, Ctrl-R, PgUp"),
                shown.clean, KEYS_PER_ACTION);
        }
        if (n) {
            unbind(k, key);
            k->key[id][at++] = key;
        }
        i += n;
    }
    return true;
}

void keymap_init(struct keymap *k)
{
    memset(k, 0, sizeof *k);
    for (int a = 0; a < UI_ACTION_COUNT; a++)
        bind_keys(k, (enum ui_action_id)a, actions_[a].keys, strlen(actions_[a].keys), NULL);
}

static bool bind_line(struct keymap *k, const char *line, size_t n, struct err *e)
{
    struct text40 name = {""};
    const char *equals = memchr(line, '=', n);
    const size_t name_len = equals ? (size_t)(equals - line) : n;

    TEXT_SET(&name, line, name_len);
    const enum ui_action_id id = action_find(name.clean);
    if (id == UI_NO_ACTION || !equals)
        return err_set(e, EXIT_USAGE, _("no such action: \"?\" in the console lists them"));
    return bind_keys(k, id, equals + 1, n - name_len - 1, e);
}

bool keymap_bind(struct keymap *k, const char *lines, struct err *e)
{
    while (lines && *lines) {
        const size_t n = strcspn(lines, "\n");

        if (n && !bind_line(k, lines, n, e))
            return false;
        lines += n + (lines[n] == '\n');
    }
    return true;
}

enum ui_action_id keymap_find(const struct keymap *k, int32_t key)
{
    for (int a = 0; a < UI_ACTION_COUNT; a++) {
        for (int i = 0; i < KEYS_PER_ACTION; i++) {
            if (k->key[a][i] == key && key)
                return (enum ui_action_id)a;
        }
    }
    return UI_NO_ACTION;
}

void keymap_first(const struct keymap *k, enum ui_action_id id, char out[16])
{
    out[0] = '\0';
    for (int i = KEYS_PER_ACTION - 1; i >= 0; i--) {
        if (k->key[id][i])
            key_name(k->key[id][i], out);
    }
}

void keymap_all(const struct keymap *k, enum ui_action_id id, char out[80])
{
    size_t at = 0;

    out[0] = '\0';
    for (int i = 0; i < KEYS_PER_ACTION; i++) {
        char name[16];

        if (!k->key[id][i])
            continue;
        key_name(k->key[id][i], name);
        at += (size_t)snprintf(out + at, 80 - at, "%s%s", at ? " " : "", name);
    }
}
