/* tables.c - the one table of subcommands and the one table of global options. */
#include "cli/call.h"
#include "cli/commands.h"

#include <stddef.h>

#include "base/i18n.h"

#define COUNT(a)      (sizeof(a) / sizeof *(a))
#define OPTIONS(list) .options = (list), .option_count = COUNT(list)

/* Rows without a name are environment variables that have no option. */
static const struct cli_option global_options[] = {
    {"host", 'h', VALUE_FILE, N_("HOST"), N_("broker, or several tried in turn: a,b:8883"),
     "MQTT_HOST", "broker.host"},
    {"port", 'p', VALUE_TEXT, N_("PORT"), N_("its port (1883, with TLS 8883)"), "MQTT_PORT",
     "broker.port"},
    {"username", 'u', VALUE_TEXT, N_("NAME"),
     N_("account; its password comes from MQTT_PASSWORD or a file"), "MQTT_USER",
     "broker.username"},
    {"cafile", 0, VALUE_TEXT, N_("FILE"), N_("certificates trusted for TLS"), "MQTT_CAFILE",
     "broker.cafile"},
    {"cert", 0, VALUE_TEXT, N_("FILE"), N_("our certificate"), "MQTT_CERT", "broker.cert"},
    {"key", 0, VALUE_TEXT, N_("FILE"), N_("our private key"), "MQTT_KEY", "broker.key"},
    {"insecure", 0, VALUE_NONE, NULL, N_("do not check the name in the broker's certificate"), NULL,
     "broker.insecure"},
    {"db", 0, VALUE_FILE, N_("FILE"), N_("history database"), NULL, "store.path"},
    {"config", 0, VALUE_FILE, N_("FILE"), N_("configuration file"), NULL, NULL},
    {"operator", 0, VALUE_FILE, N_("NAME"), N_("your name in acknowledgements"),
     "INFOSCREEN_OPERATOR", "console.operator"},
    {"set", 0, VALUE_SETTING, N_("SECTION.KEY=VALUE"), N_("set any configuration key"), NULL, NULL},
    {"read-only", 0, VALUE_NONE, NULL, N_("show everything, send nothing"), NULL,
     "console.read_only"},
    {"output", 'o', VALUE_OUTPUT, N_("FORMAT"), N_("table, json or csv; md of incident"), NULL, NULL},
    {"color", 0, VALUE_TEXT, N_("WHEN"), N_("auto, always or never"), NULL, "ui.color"},
    {"help", 0, VALUE_NONE, NULL, N_("this text; behind a subcommand, its own"), NULL, NULL},
    {"version", 0, VALUE_NONE, NULL, N_("version"), NULL, NULL},
    {NULL, 0, VALUE_TEXT, NULL, NULL, "MQTT_PASSWORD_FILE", "broker.password_file"},
};

#define LIVE                                                                                       \
    {                                                                                              \
        "live", 0, VALUE_DURATION, N_("DURATION"),                                                 \
            N_("listen to the broker for this long first; lines are what was heard then"), NULL, NULL    \
    }

static const struct cli_option demo_options[] = {
    {"clients", 0, VALUE_COUNT, N_("N"), N_("number of simulated devices (24)"), NULL, NULL},
    {"seed", 0, VALUE_COUNT, N_("N"), N_("the same seed tells the same story"), NULL, NULL},
    {"script", 0, VALUE_FILE, N_("FILE"), N_("another story"), NULL, NULL},
    {"headless", 0, VALUE_DURATION, N_("DURATION"), N_("no screen: print tables after this time"),
     NULL, NULL},
};
static const struct cli_option clients_options[] = {
    {"state", 0, VALUE_STATE, N_("STATE"),
     N_("only this state, repeatable; crashed includes silent"), NULL, NULL},
    {"group", 0, VALUE_FILE, N_("GROUP"), N_("only this group"), NULL, NULL},
    {"filter", 0, VALUE_FILTER, N_("FILTER"), N_("words that must all match, as in the console"),
     NULL, NULL},
    LIVE,
};
static const struct cli_option alarms_options[] = {
    {"all", 0, VALUE_NONE, NULL, N_("suppressed ones and those that are over, too"), NULL, NULL},
    {"kind", 0, VALUE_ALARM_KIND, N_("KIND"), N_("only this kind, repeatable"), NULL, NULL},
    {"sort", 0, VALUE_ALARM_SORT, N_("ORDER"),
     N_("urgency, age, acknowledged or shelved: what has waited longest first"), NULL, NULL},
    {"metrics", 0, VALUE_NONE, NULL, N_("rate, flood, stale, chatter, longest unacknowledged"),
     NULL, NULL},
    LIVE,
};
static const struct cli_option ack_options[] = {
    {"note", 0, VALUE_TEXT, N_("TEXT"), N_("a note kept with the alarm"), NULL, NULL},
};
static const struct cli_option shelve_options[] = {
    {"for", 0, VALUE_DURATION, N_("DURATION"), N_("how long it is put aside"), NULL, NULL},
    {"note", 0, VALUE_TEXT, N_("TEXT"), N_("a note kept with the alarm"), NULL, NULL},
};
static const struct cli_option commands_options[] = {
    {"active", 0, VALUE_NONE, NULL, N_("only those that are not over"), NULL, NULL},
    {"client", 0, VALUE_CLIENT, N_("UUID"), N_("only this client's"), NULL, NULL},
    LIVE,
};
static const struct cli_option send_options[] = {
    {"group", 0, VALUE_FILE, N_("GROUP"), N_("to every client of this group"), NULL, NULL},
    {"state", 0, VALUE_STATE, N_("STATE"), N_("to every client in this state, repeatable"), NULL,
     NULL},
    {"reason", 0, VALUE_TEXT, N_("TEXT"), N_("why; kept with the command"), NULL, NULL},
    {"expires", 0, VALUE_DURATION, N_("DURATION"), N_("not to be carried out later (4m)"), NULL,
     NULL},
    {"wait", 0, VALUE_NONE, NULL, N_("until each has ended, not only been sent"), NULL, NULL},
    {"parallel", 0, VALUE_COUNT, N_("N"), N_("at most so many at a time"), NULL, NULL},
    {"canary", 0, VALUE_COUNT, N_("N"), N_("so many first; the rest when they have completed"),
     NULL, NULL},
    {"max-failures", 0, VALUE_COUNT, N_("N"), N_("the Nth failure stops the rest"), NULL, NULL},
    {"override-lockout", 0, VALUE_NONE, NULL, N_("in spite of the lockout; wants --reason"), NULL,
     NULL},
    {"unknown", 0, VALUE_NONE, NULL, N_("also to a uuid that was never heard"), NULL, NULL},
    {"yes", 0, VALUE_NONE, NULL, N_("do not ask"), NULL, NULL},
};
static const struct cli_option history_options[] = {
    {"client", 0, VALUE_CLIENT, N_("UUID"), N_("only this client's"), NULL, NULL},
    {"since", 0, VALUE_WHEN, N_("TIME"), N_("not older: 2h, today, 2026-04-05T08:00:00Z"), NULL,
     NULL},
    {"until", 0, VALUE_WHEN, N_("TIME"), N_("not newer"), NULL, NULL},
    {"kind", 0, VALUE_EVENT_KIND, N_("KIND"), N_("only this kind"), NULL, NULL},
    {"limit", 0, VALUE_COUNT, N_("N"), N_("at most so many (1000)"), NULL, NULL},
    LIVE,
};
static const struct cli_option logs_options[] = {
    {"level", 0, VALUE_LEVEL, N_("LEVEL"), N_("only this level"), NULL, NULL},
    {"since", 0, VALUE_WHEN, N_("TIME"), N_("not older: 2h, today, 2026-04-05T08:00:00Z"), NULL,
     NULL},
    {"limit", 0, VALUE_COUNT, N_("N"), N_("at most so many (1000)"), NULL, NULL},
    {"follow", 'f', VALUE_NONE, NULL, N_("go on with what comes"), NULL, NULL},
    LIVE,
};
static const struct cli_option incident_options[] = {
    {"since", 0, VALUE_WHEN, N_("TIME"), N_("what went on since then (12h)"), NULL, NULL},
    {"until", 0, VALUE_WHEN, N_("TIME"), N_("what began before then"), NULL, NULL},
    LIVE,
};
#define BACKEND                                                                                    \
    {                                                                                              \
        "backend", 0, VALUE_TEXT, N_("acl|dynsec"),                                                \
            N_("who keeps the accounts: files, or a plugin (above 5,000 devices)"), NULL, NULL     \
    }
static const struct cli_option init_options[] = {
    {"dir", 0, VALUE_FILE, N_("DIR"), N_("where the broker's files go"), NULL, NULL},
    {"listen", 0, VALUE_FILE, N_("HOST:PORT"), N_("for consoles (127.0.0.1:1884, TLS 8884)"), NULL,
     NULL},
    {"device-listen", 0, VALUE_FILE, N_("HOST:PORT"), N_("for devices (127.0.0.1:1883, TLS 8883)"),
     NULL, NULL},
    {"self-signed", 0, VALUE_NONE, NULL, N_("make a certificate"), NULL, NULL},
    BACKEND,
};
#define RESTART                                                                                    \
    {                                                                                              \
        "restart", 0, VALUE_NONE, NULL,                                                            \
            N_("stop and start the running broker where a plugin keeps the accounts"), NULL, NULL  \
    }
static const struct cli_option add_options[] = {
    {"dir", 0, VALUE_FILE, N_("DIR"), N_("the directory that broker init made"), NULL, NULL},
    {"group", 0, VALUE_FILE, N_("GROUP"),
     N_("the only group whose events and intent they may read"), NULL, NULL},
    {"env-dir", 0, VALUE_FILE, N_("DIR"), N_("write each line into a file of its own, mode 0600"),
     NULL, NULL},
    {"file", 0, VALUE_FILE, N_("FILE"), N_("uuids, one a line; - is the standard input"), NULL,
     NULL},
    {"pid", 0, VALUE_COUNT, N_("PID"), N_("the running broker, to reload it"), NULL, NULL},
    BACKEND,
    RESTART,
};
#define EXISTING                                                                                   \
    {"dir", 0, VALUE_FILE, N_("DIR"), N_("the directory that broker init made"), NULL, NULL},      \
        {"file", 0,   VALUE_FILE, N_("FILE"), N_("uuids, one a line; - is the standard input"),    \
         NULL,   NULL},                                                                            \
        {"pid", 0, VALUE_COUNT, N_("PID"), N_("the running broker, to reload it"), NULL, NULL},    \
        RESTART
static const struct cli_option remove_options[] = {EXISTING};
static const struct cli_option rotate_options[] = {
    EXISTING,
    {"env-dir", 0, VALUE_FILE, N_("DIR"), N_("write each line into a file of its own, mode 0600"),
     NULL, NULL},
};
static const struct cli_option check_options[] = {
    {"dir", 0, VALUE_FILE, N_("DIR"), N_("audit this directory and the broker that runs on it"),
     NULL, NULL},
    {"as", 0, VALUE_CLIENT, N_("UUID"),
     N_("try this device's rules too; its password is in MQTT_DEVICE_PASSWORD"), NULL, NULL},
    {"yes", 0, VALUE_NONE, NULL, N_("take that device's connection without asking"), NULL, NULL},
};
static const struct cli_option doctor_options[] = {
    {"dir", 0, VALUE_FILE, N_("DIR"), N_("audit this directory and the broker that runs on it"),
     NULL, NULL},
};
static const struct cli_option list_options[] = {
    {"dir", 0, VALUE_FILE, N_("DIR"), N_("the directory that broker init made"), NULL, NULL},
};

static const struct subcommand subcommands[] = {
    {.name = "",
     .usage = "",
     .help = N_("the full-screen console"),
     .flags = SUB_BROKER,
     .run = run_console},
    {.name = "demo",
     .usage = "[--clients N] [--seed N] [--script FILE] [--headless DURATION]",
     .help = N_("the console over a private broker and a simulated fleet"),
     OPTIONS(demo_options),
     .flags = SUB_PRIVATE,
     .run = run_demo},
    {.name = "record",
     .usage = "",
     .help = N_("record history without a screen, for systemd"),
     .flags = SUB_BROKER,
     .run = run_record},
    {.name = "clients",
     .usage = "[--state STATE]... [--group GROUP] [--filter FILTER] [--live DURATION] [UUID...]",
     .help = N_("the fleet"),
     OPTIONS(clients_options),
     .most_args = -1,
     .args = VALUE_CLIENT,
     .run = run_clients},
    {.name = "alarms",
     .usage = "[--all] [--kind KIND]... [--sort ORDER] [--metrics] [--live DURATION]",
     .help = N_("alarms that stand"),
     OPTIONS(alarms_options),
     .run = run_alarms},
    {.name = "ack",
     .alias = "quittieren",
     .usage = "ALARM_ID|UUID... [--note TEXT]",
     .help = N_("acknowledge alarms; clears the retained message of a service_failed"),
     OPTIONS(ack_options),
     .flags = SUB_BROKER | SUB_SENDS,
     .least_args = 1,
     .most_args = -1,
     .args = VALUE_ALARM,
     .run = run_ack},
    {.name = "shelve",
     .usage = "ALARM_ID --for DURATION [--note TEXT]",
     .help = N_("put an alarm aside for a while"),
     OPTIONS(shelve_options),
     .flags = SUB_BROKER | SUB_SENDS,
     .least_args = 1,
     .most_args = 1,
     .args = VALUE_ALARM,
     .run = run_shelve},
    {.name = "unshelve",
     .usage = "ALARM_ID",
     .help = N_("take a shelved alarm up again"),
     .flags = SUB_BROKER | SUB_SENDS,
     .least_args = 1,
     .most_args = 1,
     .args = VALUE_ALARM,
     .run = run_unshelve},
    {.name = "send",
     .usage = "ACTION UUID...|--group GROUP|--state STATE [--reason TEXT] [--expires DURATION]"
              " [--wait] [--parallel N] [--canary N] [--max-failures N] [--override-lockout]"
              " [--unknown] [--yes]",
     .help = N_("issue commands: reboot_host, shutdown_host, restart_app"),
     OPTIONS(send_options),
     .flags = SUB_BROKER | SUB_SENDS,
     .least_args = 1,
     .most_args = -1,
     .args = VALUE_CLIENT,
     .run = run_send},
    {.name = "commands",
     .usage = "[--active] [--client UUID] [--live DURATION] [COMMAND_ID|ROLLOUT_ID...]",
     .help = N_("commands and what became of them"),
     OPTIONS(commands_options),
     .most_args = -1,
     .args = VALUE_COMMAND,
     .run = run_commands},
    {.name = "commands cancel",
     .usage = "COMMAND_ID|ROLLOUT_ID...",
     .help = N_("withdraw commands that were not sent yet, stop rollouts"),
     .flags = SUB_SENDS,
     .least_args = 1,
     .most_args = -1,
     .args = VALUE_COMMAND,
     .run = run_cancel},
    {.name = "history",
     .usage = "[--client UUID] [--since TIME] [--until TIME] [--kind KIND] [--limit N]"
              " [--live DURATION]",
     .help = N_("the timeline, newest first"),
     OPTIONS(history_options),
     .run = run_history},
    {.name = "logs",
     .usage = "[UUID] [--level LEVEL] [--since TIME] [--limit N] [--follow] [--live DURATION]",
     .help = N_("log lines of clients"),
     OPTIONS(logs_options),
     .most_args = 1,
     .args = VALUE_CLIENT,
     .run = run_logs},
    {.name = "incident",
     .usage = "[--since TIME] [--until TIME] [--live DURATION] [-o md|json|csv|table]",
     .help = N_("the on-call report: what failed, who acknowledged when, what was done"),
     OPTIONS(incident_options),
     .flags = SUB_MARKDOWN,
     .run = run_incident},
    {.name = "broker init",
     .usage = "--dir DIR [--listen HOST:PORT] [--device-listen HOST:PORT]"
              " [--cert F --key F --cafile F | --self-signed] [--backend acl|dynsec]",
     .help = N_("make a hardened Mosquitto directory"),
     OPTIONS(init_options),
     .flags = SUB_SENDS,
     .run = run_broker_init},
    {.name = "broker add",
     .usage = "UUID... --dir DIR [--group GROUP] [--env-dir DIR] [--file FILE]"
              " [--pid PID] [--backend acl|dynsec] [--restart]",
     .help = N_("add accounts for devices"),
     OPTIONS(add_options),
     .flags = SUB_SENDS,
     .most_args = -1,
     .run = run_broker_add},
    {.name = "broker remove",
     .usage = "UUID... --dir DIR [--file FILE] [--pid PID] [--restart]",
     .help = N_("take accounts away; their devices are disconnected"),
     OPTIONS(remove_options),
     .flags = SUB_SENDS,
     .most_args = -1,
     .run = run_broker_remove},
    {.name = "broker rotate",
     .usage = "UUID|infoscreen-server... --dir DIR [--env-dir DIR] [--file FILE]"
              " [--pid PID] [--restart]",
     .help = N_("new passwords for accounts"),
     OPTIONS(rotate_options),
     .flags = SUB_SENDS,
     .most_args = -1,
     .run = run_broker_rotate},
    {.name = "broker check",
     .usage = "[--dir DIR] [--as UUID [--yes]]",
     .help = N_("audit a broker's files and the running broker"),
     OPTIONS(check_options),
     .run = run_broker_check},
    {.name = "broker list",
     .usage = "--dir DIR",
     .help = N_("accounts and when their devices were last heard"),
     OPTIONS(list_options),
     .run = run_broker_list},
    {.name = "doctor",
     .usage = "[--dir DIR]",
     .help = N_("check terminal, locale, configuration, broker and database"),
     OPTIONS(doctor_options),
     .flags = SUB_TOLERANT,
     .run = run_doctor},
    {.name = "__complete",
     .usage = "WORD...",
     .help = "",
     .flags = SUB_HIDDEN | SUB_TOLERANT,
     .most_args = -1,
     .run = run_complete},
};

const struct subcommand *cli_subcommands(unsigned *count)
{
    *count = COUNT(subcommands);
    return subcommands;
}

const struct cli_option *cli_global_options(unsigned *count)
{
    *count = COUNT(global_options);
    return global_options;
}
