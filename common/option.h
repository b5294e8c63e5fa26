/* The command line as a table: each row names an option, its variable, and the allowed values. The
 * same table parses argv, prints --help, and is listed by a server's --describe.
 *
 * A row sets exactly one of `number`, `choice`, `text`, `list` and `flag`. Before parsing, its
 * variable holds the default. */
#ifndef IOMODELS_OPTION_H
#define IOMODELS_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTION_LIST_MAX = 8 };

/* The values of an option that may be repeated, in order. */
struct option_list {
    size_t count;
    const char *items[OPTION_LIST_MAX];
};

struct option {
    const char *name; /* without dashes; NULL ends the table */
    uint32_t *number;
    uint32_t *choice; /* index into `words` */
    const char **text;
    struct option_list *list;
    bool *flag;
    uint32_t min, max;        /* for a number, both inclusive; max also for numbers in a text */
    const char *unit;         /* for a number or for numbers in a text */
    const char *const *words; /* for a choice, NULL-terminated */
    const char *form;         /* for a text or an item: the allowed form in words; NULL: any */
    const char *help;
};

/* The kinds of rows, and the end of a table. */
/* clang-format off */
#define OPTION_NUMBER(option, variable, least, most, in, what) \
    {.name = option, .number = &variable, .min = least, .max = most, .unit = in, .help = what}
#define OPTION_CHOICE(option, variable, names, what) \
    {.name = option, .choice = &variable, .words = names, .help = what}
#define OPTION_TEXT(option, variable, what) {.name = option, .text = &variable, .help = what}
#define OPTION_FORM(option, variable, most, in, allowed, what) \
    {.name = option, .text = &variable, .max = most, .unit = in, .form = allowed, .help = what}
#define OPTION_LIST(option, variable, allowed, what) \
    {.name = option, .list = &variable, .form = allowed, .help = what}
#define OPTION_FLAG(option, variable, what) {.name = option, .flag = &variable, .help = what}
#define OPTION_END {.name = NULL}
/* clang-format on */

enum option_outcome { OPTIONS_PARSED, OPTIONS_HELP, OPTIONS_WRONG };

/* Reads "--name value" and "--name=value" according to `tables`, a NULL-terminated list.
 * OPTIONS_WRONG: a line on stderr names the option, the value and the allowed values. No
 * argument may contain control characters. OPTIONS_HELP: the user gave --help. */
enum option_outcome option_parse(const char *program, const struct option *const *tables, int argc,
                                 char **argv);

/* Prints usage and one line per option on stdout; current values count as defaults. Returns whether
 * all of it was written; if not, a line on stderr reports that. */
bool option_help(const char *program, const char *summary, const struct option *const *tables);

#endif
