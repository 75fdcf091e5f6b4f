/* overview.c - what a screen would have shown, as tables: the end of a headless demo. */
#include "cli/listing.h"

#include <stdlib.h>

#include "base/i18n.h"
#include "core/filter.h"

/* Rows are pointers into the core. */
struct rows {
    const void **list;
    size_t n;
};

static void print_section(const struct cli_globals *g, const struct listing *l,
                          const struct view *v, const char *title, const struct rows *r, FILE *out)
{
    fprintf(out, "\n%s\n", title);
    if (r->n == 0)
        fprintf(out, "%s\n", _("none"));
    else
        listing_print(l, v, r->list, r->n, OUTPUT_TABLE, out, output_has_colours(g, out));
}

static void print_counts(const struct core *core, FILE *out)
{
    const struct core_counts *n = core_counts(core);

    fprintf(out, P_("%u client", "%u clients", n->clients), n->clients);
    for (int s = CLIENT_STATES - 1; s >= 0; s--)
        if (n->by_state[s])
            fprintf(out, "   %u %s", n->by_state[s], _(client_states[s].label));
    fprintf(out, _("   %u alarms, %u unacknowledged   %u commands in flight\n"), n->alarms_standing,
            n->alarms_unacknowledged, n->commands_active);
}

/* The dataset of the getters knows the names; it borrows nothing, so the clients are copied once.
 */
static bool borrow_clients(struct dataset *d, const struct core *core, struct rows *r,
                           uint32_t *order)
{
    const uint32_t n = core_client_count(core);

    d->clients = calloc(n + 1u, sizeof *d->clients);
    if (!d->clients)
        return false;
    for (uint32_t i = 0; i < n; i++)
        d->clients[i] = *core_client(core, i);
    d->client_count = n;
    struct filter *all = filter_new("", &(struct err){0});
    if (!all)
        return false;
    r->n = query_clients(core, all, SORT_STATE, true, order);
    filter_free(all);
    for (size_t i = 0; i < r->n; i++)
        r->list[i] = &d->clients[order[i]];
    return true;
}

int cli_print_overview(const struct cli_globals *g, const struct core *core, FILE *out)
{
    const size_t most =
        core_client_count(core) + core_alarm_count(core) + core_command_count(core) + 1u;
    struct dataset d = {.as_of = core_now(core).wall_ms, .connected = core_link_is_up(core)};
    const struct view v = {.data = &d, .now = {clock_mono_ms(), clock_wall_ms()}};
    struct rows clients = {calloc(most, sizeof(void *)), 0},
                others = {calloc(most, sizeof(void *)), 0};
    uint32_t *order = calloc(most, sizeof *order);
    struct err e = {0};
    int code = EXIT_FAILED;

    if (!clients.list || !others.list || !order || !borrow_clients(&d, core, &clients, order) ||
        !dataset_index(&d, &e))
        goto out;
    print_counts(core, out);
    print_section(g, &clients_listing, &v, _("CLIENTS"), &clients, out);
    for (others.n = 0; others.n < core_counts(core)->alarms_standing; others.n++)
        others.list[others.n] = core_alarm(core, (uint32_t)others.n);
    print_section(g, &alarms_listing, &v, _("ALARMS"), &others, out);
    for (others.n = 0; others.n < core_command_count(core); others.n++)
        others.list[others.n] = core_command(core, (uint32_t)others.n);
    print_section(g, &commands_listing, &v, _("COMMANDS"), &others, out);
    code = output_finish(out, &e);
out:
    free(order);
    free(clients.list);
    free(others.list);
    dataset_close(&d);
    if (e.code)
        cli_report(&e);
    return code;
}
