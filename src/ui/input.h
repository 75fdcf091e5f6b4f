/* input.h - from the terminal's bytes to keys. Our own decoder: ncurses loses a UTF-8 character
 * that arrives in two reads, and an escape sequence it doesn't know decays into letters that are
 * keys. Here a sequence is always taken whole, and an unknown one means nothing. */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key is a Unicode character (controls as 1..26, Esc as 27, DEL as 127) or one of these. */
enum key_code {
    KEY_FIRST = 0x110000,
    KEY_UP_ = KEY_FIRST,
    KEY_DOWN_,
    KEY_LEFT_,
    KEY_RIGHT_,
    KEY_HOME_,
    KEY_END_,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_INSERT,
    KEY_DELETE,
    KEY_BACK_TAB,
    KEY_F1,
    KEY_F2,
    KEY_F3,
    KEY_F4,
    KEY_F5,
    KEY_F6,
    KEY_F7,
    KEY_F8,
    KEY_F9,
    KEY_F10,
    KEY_F11,
    KEY_F12,
    KEY_PRESS,
    KEY_WHEEL_UP,
    KEY_WHEEL_DOWN, /* mouse: with y, x */
    KEY_PASTE_BEGIN,
    KEY_PASTE_END,
    KEY_LAST
};
#define KEY_ESC          27
#define KEY_TAB          9
#define KEY_RETURN       13
#define KEY_RUBOUT       127
#define KEY_CTRL(letter) ((letter)&31)

struct key {
    int32_t code;
    int y, x; /* mouse, from 0 */
};

#define INPUT_BYTES 4096
struct input {
    unsigned char bytes[INPUT_BYTES];
    size_t n;
    int64_t since_mono; /* when the last byte came: an Esc alone is known as such after a while */
};

#define ESC_WAIT_MS 60 /* an arrow key over a slow line may come in two pieces */

/* Room for more bytes; then tell how many came. */
void input_take(struct input *in, const void *bytes, size_t n, int64_t mono_ms);
/* The next whole key. False: none yet. */
bool input_next(struct input *in, int64_t mono_ms, struct key *out);
/* When an unfinished Esc becomes a key; INT64_MAX: nothing waits. */
int64_t input_due(const struct input *in);

/* "Enter", "Ctrl-C", "F1", "PgUp", "a": as in [keys] and on the screen. 0: no such key. */
int32_t key_parse(const char *name, size_t n);
/* Fits 16 bytes. */
void key_name(int32_t code, char out[16]);

#endif
