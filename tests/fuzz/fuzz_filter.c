/* Any filter expression, against one row of each table. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct client client = {.spelling = "9b8d1856-ff34-4864-a726-12de072d0f77",
                                   .hostname = {"Lobby \xc3\x84 03"},
                                   .group = {"vienna-1"},
                                   .crashed = true};
    static struct alarm alarm = {.summary = {.id = "{1} is silent"}, .note = {"note"}};
    static struct command command = {.action_text = {"dance"}, .reason = {"frozen"}};
    struct err e = {.text = ""};
    char *expression = malloc(size + 1);

    if (!expression)
        return 0;
    memcpy(expression, data, size);
    expression[size] = '\0';
    struct filter *f = filter_new(expression, &e);
    if (!f && !e.text[0])
        abort();
    if (f) {
        filter_client(f, &client);
        filter_alarm(f, &alarm, NULL);
        filter_command(f, &command, &client);
    }
    filter_free(f);
    free(expression);
    return 0;
}
