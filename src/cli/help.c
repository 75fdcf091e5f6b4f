/* help.c - --help and --version, from the tables. */
#include "cli/call.h"

#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

enum { HELP_COLUMN = 30 };

/* "  left                  help", the help on the next line where left is too long. */
static void print_pair(FILE *out, const char *left, const char *help)
{
    const int width = text_width(TEXT_OURS(left));

    if (width + 4 > HELP_COLUMN)
        fprintf(out, "  %s\n%*s%s\n", left, HELP_COLUMN, "", help);
    else
        fprintf(out, "  %s%*s%s\n", left, HELP_COLUMN - 2 - width, "", help);
}

static void print_options(FILE *out, const struct cli_option *o, unsigned n)
{
    char left[96];

    for (unsigned i = 0; i < n; i++) {
        if (!o[i].name)
            continue;
        char letter[8] = "    ";
        if (o[i].letter)
            snprintf(letter, sizeof letter, "-%c, ", o[i].letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o[i].name, o[i].arg ? " " : "",
                 o[i].arg ? _(o[i].arg) : "");
        print_pair(out, left, _(o[i].help));
    }
}

static void print_one(const struct subcommand *s, FILE *out)
{
    unsigned n;
    const struct cli_option *global = cli_global_options(&n);

    fprintf(out, _("Usage: infoscreen-tui [OPTION...] %s%s%s\n\n"), s->name, s->usage[0] ? " " : "",
            s->usage);
    fprintf(out, "%s.\n", _(s->help));
    if (s->alias)
        fprintf(out, _("Also called %s.\n"), s->alias);
    if (s->option_count) {
        fprintf(out, "\n%s\n", _("Options:"));
        print_options(out, s->options, s->option_count);
    }
    fprintf(out, "\n%s\n", _("Options of every subcommand:"));
    print_options(out, global, n);
}

static void print_all(FILE *out)
{
    unsigned n;
    const struct subcommand *s = cli_subcommands(&n);
    char left[80];

    fprintf(out, "%s\n\n%s\n\n%s\n", _("Usage: infoscreen-tui [OPTION...] [SUBCOMMAND ...]"),
            _("A console for a fleet of infoscreens on an MQTT broker. Without a subcommand: the "
              "full-screen console."),
            _("Subcommands:"));
    for (unsigned i = 0; i < n; i++) {
        if (!s[i].name[0] || s[i].flags & SUB_HIDDEN)
            continue;
        snprintf(left, sizeof left, "%s%s%s", s[i].name, s[i].alias ? ", " : "",
                 s[i].alias ? s[i].alias : "");
        print_pair(out, left, _(s[i].help));
    }
    fprintf(out, "\n%s\n", _("Options:"));
    const struct cli_option *o = cli_global_options(&n);
    print_options(out, o, n);
    fprintf(out, "\n%s\n", _("Try: infoscreen-tui demo. The manual: man infoscreen-tui."));
}

void help_print(const struct call *call, FILE *out)
{
    if (call->sub && call->sub->name[0])
        print_one(call->sub, out);
    else
        print_all(out);
}

void version_print(FILE *out)
{
    fprintf(out, "infoscreen-tui %s\n", VERSION);
}
