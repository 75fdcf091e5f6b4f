/* input.c - escape sequences, UTF-8, mouse reports. */
#include "ui/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define SEQUENCE_MAX 64 /* longer than any sequence a terminal sends: what is, is noise */

void input_take(struct input *in, const void *bytes, size_t n, int64_t mono_ms)
{
    const size_t room = INPUT_BYTES - in->n;

    if (n > room)
        n = room;
    memcpy(in->bytes + in->n, bytes, n);
    in->n += n;
    in->since_mono = mono_ms;
}

static void drop(struct input *in, size_t n)
{
    in->n -= n;
    memmove(in->bytes, in->bytes + n, in->n);
}

/* ---- sequences: what stands between "ESC [" or "ESC O" and the final byte, and the final byte
 * ---- */

/* clang-format off */
static const struct {
    const char *sequence;
    int32_t code;
} sequences[] = {
    {"A", KEY_UP_},      {"B", KEY_DOWN_},     {"C", KEY_RIGHT_},   {"D", KEY_LEFT_},
    {"H", KEY_HOME_},    {"F", KEY_END_},      {"1~", KEY_HOME_},   {"7~", KEY_HOME_},
    {"4~", KEY_END_},    {"8~", KEY_END_},     {"2~", KEY_INSERT},  {"3~", KEY_DELETE},
    {"5~", KEY_PAGE_UP}, {"6~", KEY_PAGE_DOWN},{"Z", KEY_BACK_TAB}, {"M", KEY_RETURN},
    {"P", KEY_F1},       {"Q", KEY_F2},        {"R", KEY_F3},       {"S", KEY_F4},
    {"11~", KEY_F1},     {"12~", KEY_F2},      {"13~", KEY_F3},     {"14~", KEY_F4},
    {"15~", KEY_F5},     {"17~", KEY_F6},      {"18~", KEY_F7},     {"19~", KEY_F8},
    {"20~", KEY_F9},     {"21~", KEY_F10},     {"23~", KEY_F11},    {"24~", KEY_F12},
    {"[A", KEY_F1},      {"[B", KEY_F2},       {"[C", KEY_F3},      {"[D", KEY_F4}, /* Linux console */
    {"[E", KEY_F5},      {"200~", KEY_PASTE_BEGIN}, {"201~", KEY_PASTE_END},
};
/* clang-format on */

/* SGR mouse: "<button;column;row" M (press) or m (release). */
static bool mouse(const char *body, char final, struct key *out)
{
    int button, x, y;

    if (sscanf(body, "<%d;%d;%d", &button, &x, &y) != 3)
        return false;
    out->x = x - 1;
    out->y = y - 1;
    if (final == 'M' && button == 64)
        out->code = KEY_WHEEL_UP;
    else if (final == 'M' && button == 65)
        out->code = KEY_WHEEL_DOWN;
    else if (final == 'M' && button == 0)
        out->code = KEY_PRESS;
    return true;
}

/* The older report: three bytes, each 32 more than it means. */
static void old_mouse(const unsigned char *b, struct key *out)
{
    out->x = b[1] - 33;
    out->y = b[2] - 33;
    if (b[0] == 32)
        out->code = KEY_PRESS;
    else if (b[0] == 96)
        out->code = KEY_WHEEL_UP;
    else if (b[0] == 97)
        out->code = KEY_WHEEL_DOWN;
}

static void sequence_key(const unsigned char *body, size_t n, struct key *out)
{
    char text[SEQUENCE_MAX + 1];

    memcpy(text, body, n);
    text[n] = '\0';
    if (*text == '<' && mouse(text, text[n - 1], out))
        return;
    for (size_t i = 0; i < COUNT(sequences); i++) {
        if (strcmp(sequences[i].sequence, text) == 0) {
            out->code = sequences[i].code;
            return;
        }
    }
}

/* Bytes of the sequence at in->bytes (which begins with Esc); 0: not all of it has come. Its key,
 * if it is one, goes to out. */
static size_t take_csi(const struct input *in, struct key *out)
{
    size_t i = 2;

    if (in->n > 2 && in->bytes[2] == '[') /* the Linux console's function keys */
        i = 3;
    for (; i < in->n && i < SEQUENCE_MAX; i++) {
        if (in->bytes[i] < 0x40 || in->bytes[i] > 0x7e)
            continue;
        if (i == 2 && in->bytes[2] == 'M') {
            if (in->n < 6)
                return 0;
            old_mouse(in->bytes + 3, out);
            return 6;
        }
        sequence_key(in->bytes + 2, i - 1, out);
        return i + 1;
    }
    return i >= SEQUENCE_MAX ? i : 0;
}

/* Answers and other strings: up to BEL or ESC \. */
static size_t take_string(const struct input *in)
{
    for (size_t i = 2; i < in->n; i++) {
        if (in->bytes[i] == 7)
            return i + 1;
        if (in->bytes[i] == '\\' && in->bytes[i - 1] == 27)
            return i + 1;
    }
    return in->n >= 1024 ? in->n : 0;
}

static size_t take_escape(const struct input *in, bool waited, struct key *out)
{
    size_t n = 0;

    if (in->n == 1) {
        out->code = KEY_ESC;
        return waited ? 1 : 0;
    }
    switch (in->bytes[1]) {
    case '[':
        n = take_csi(in, out);
        break;
    case 'O':
        if (in->n >= 3) {
            sequence_key(in->bytes + 2, 1, out);
            n = 3;
        }
        break;
    case ']':
    case 'P':
    case '_':
    case '^':
        n = take_string(in);
        break;
    case 27: /* two of them: the first is a key */
        out->code = KEY_ESC;
        return 1;
    default: /* Alt and a key: none of ours */
        return 2;
    }
    /* A piece of a sequence that never ends is no key either. */
    return !n && waited ? in->n : n;
}

/* ---- characters ---- */

static size_t take_char(const struct input *in, bool waited, struct key *out)
{
    const unsigned char *b = in->bytes;
    size_t n = b[0] < 0x80                   ? 1
               : b[0] >= 0xc2 && b[0] < 0xe0 ? 2
               : b[0] >= 0xe0 && b[0] < 0xf0 ? 3
               : b[0] >= 0xf0 && b[0] < 0xf5 ? 4
                                             : 0;
    int32_t code;

    if (n == 0)
        return 1;
    if (in->n < n)
        return waited ? in->n : 0;
    if (n == 1) {
        out->code = b[0] == 8 ? KEY_RUBOUT : b[0] == '\n' ? KEY_RETURN : b[0];
        return 1;
    }
    code = b[0] & (0x7f >> n);
    for (size_t i = 1; i < n; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return i;
        code = code << 6 | (b[i] & 0x3f);
    }
    out->code = code;
    return n;
}

bool input_next(struct input *in, int64_t mono_ms, struct key *out)
{
    const bool waited = mono_ms - in->since_mono >= ESC_WAIT_MS;

    while (in->n) {
        *out = (struct key){0};
        const size_t n =
            in->bytes[0] == 27 ? take_escape(in, waited, out) : take_char(in, waited, out);
        if (!n)
            return false;
        drop(in, n);
        if (out->code)
            return true;
    }
    return false;
}

int64_t input_due(const struct input *in)
{
    return in->n ? in->since_mono + ESC_WAIT_MS : INT64_MAX;
}

/* ---- names ---- */

/* clang-format off */
static const struct {
    int32_t code;
    const char *name;
} key_names[] = {
    {KEY_UP_, "Up"},         {KEY_DOWN_, "Down"},     {KEY_LEFT_, "Left"},      {KEY_RIGHT_, "Right"},
    {KEY_HOME_, "Home"},     {KEY_END_, "End"},       {KEY_PAGE_UP, "PgUp"},    {KEY_PAGE_DOWN, "PgDn"},
    {KEY_INSERT, "Ins"},     {KEY_DELETE, "Del"},     {KEY_BACK_TAB, "Shift-Tab"}, {KEY_TAB, "Tab"},
    {KEY_RETURN, "Enter"},   {KEY_ESC, "Esc"},        {KEY_RUBOUT, "Backspace"}, {' ', "Space"},
};
/* clang-format on */

int32_t key_parse(const char *name, size_t n)
{
    for (size_t i = 0; i < COUNT(key_names); i++) {
        if (strlen(key_names[i].name) == n && strncasecmp(key_names[i].name, name, n) == 0)
            return key_names[i].code;
    }
    if (n == 1 && *name > ' ' && *name < 127)
        return *name;
    if (n == 6 && strncasecmp(name, "ctrl-", 5) == 0)
        return KEY_CTRL(name[5]);
    if ((n == 2 || n == 3) && (*name == 'F' || *name == 'f')) {
        const int f = atoi(name + 1);
        return f >= 1 && f <= 12 ? KEY_F1 + f - 1 : 0;
    }
    return 0;
}

void key_name(int32_t code, char out[16])
{
    for (size_t i = 0; i < COUNT(key_names); i++) {
        if (key_names[i].code == code) {
            snprintf(out, 16, "%s", key_names[i].name);
            return;
        }
    }
    if (code >= KEY_F1 && code <= KEY_F12)
        snprintf(out, 16, "F%d", (int)(code - KEY_F1 + 1));
    else if (code > 0 && code < 27)
        snprintf(out, 16, "Ctrl-%c", (int)code + '@');
    else
        snprintf(out, 16, "%c", code > 32 && code < 127 ? (int)code : '?');
}
