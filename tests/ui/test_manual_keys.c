/* The manual has every action with the keys it has by default. Run from the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "ui/ui.h"

/* ".It Ic g , Home Pq top"; what mdoc would take for punctuation is escaped. */
static void expected_row(const struct ui_action *a, struct buf *row)
{
    char keys[80], *state = NULL;

    snprintf(keys, sizeof keys, "%s", a->keys);
    buf_clear(row);
    buf_puts(row, ".It");
    for (char *k = strtok_r(keys, " ", &state); k; k = strtok_r(NULL, " ", &state))
        buf_printf(row, "%s%s%s", row->len > 3 ? " , " : " Ic ",
                   k[1] == '\0' && strchr("?:.,!;|()[]", k[0]) ? "\\&" : "", k);
    buf_printf(row, " Pq %s\n", a->name);
}

static void test_keys(void **state)
{
    struct buf page = BUF_INIT, row = BUF_INIT;
    FILE *f = fopen("infoscreen-tui.1", "r");
    char chunk[4096];
    size_t got;
    unsigned n;
    const struct ui_action *a = ui_actions(&n);
    (void)state;

    assert_non_null(f);
    while ((got = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_append(&page, chunk, got);
    fclose(f);
    assert_true(n > 0);
    for (unsigned i = 0; i < n; i++) {
        expected_row(&a[i], &row);
        if (!strstr(page.data, row.data))
            fail_msg("the manual says nothing of: %s", row.data);
    }
    buf_fini(&page);
    buf_fini(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
