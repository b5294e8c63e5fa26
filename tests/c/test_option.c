#include "check.h"
#include "common/option.h"

#include <stdio.h>
#include <string.h>

static uint32_t count, more;
static const char *name;
static bool quick;
static uint32_t colour;
static struct option_list items;
static const char *const colours[] = {"red", "green", NULL};
static const struct option options[] = {
    OPTION_NUMBER("count", count, 2, 4000000000, "things", ""),
    OPTION_TEXT("name", name, ""),
    OPTION_FLAG("quick", quick, ""),
    OPTION_CHOICE("colour", colour, colours, ""),
    OPTION_LIST("item", items, "", ""),
    OPTION_END,
};
static const struct option others[] = {OPTION_NUMBER("more", more, 0, 9, "", ""), OPTION_END};

static enum option_outcome parse(const char *a, const char *b, const char *c) {
    const struct option *tables[] = {options, others, NULL};
    char *argv[] = {"test", (char *)a, (char *)b, (char *)c, NULL};
    int argc = 1 + (a != NULL) + (b != NULL) + (c != NULL);
    count = 7, more = 8, name = "default", quick = false, colour = 0, items.count = 0;
    return option_parse("test", tables, argc, argv);
}

static void defaults_stay(void) {
    CHECK(parse(NULL, NULL, NULL) == OPTIONS_PARSED);
    CHECK(count == 7 && more == 8 && !quick && strcmp(name, "default") == 0);
}

static void both_spellings_and_every_table(void) {
    CHECK(parse("--count", "2", "--quick") == OPTIONS_PARSED && count == 2 && quick);
    CHECK(parse("--count=4000000000", "--more=0", NULL) == OPTIONS_PARSED && count == 4000000000 &&
          more == 0);
    CHECK(parse("--name", "--odd", NULL) == OPTIONS_PARSED && strcmp(name, "--odd") == 0);
    CHECK(parse("--name=", NULL, NULL) == OPTIONS_PARSED && strcmp(name, "") == 0);
}

static void wrong_numbers_are_refused(void) {
    static const char *const wrong[] = {"1",  "4000000001", "4294967298", "18446744073709551618",
                                        "-3", "+3",         " 3",         "3 ",
                                        "3x", "0x10",       "1e3",        "3.0",
                                        ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(parse("--count", wrong[i], NULL) == OPTIONS_WRONG);
        CHECK(count == 7);
    }
}

static void what_could_change_a_terminal_is_refused(void) {
    static const char *const wrong[] = {"\x1b[31m", "a\tb", "a\x7f", "\xc2\x80", "\xc2\x9f"},
                             *const right[] = {"~ ", "\xc3\x9f", "\xc2\xa0", "\xc2", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(parse("--name", wrong[i], NULL) == OPTIONS_WRONG);
        CHECK(strcmp(name, "default") == 0);
    }
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        CHECK(parse("--name", right[i], NULL) == OPTIONS_PARSED && strcmp(name, right[i]) == 0);
    CHECK(parse("--quick", "--help", "\n") == OPTIONS_WRONG);
}

static void a_choice_is_one_of_its_words(void) {
    CHECK(parse("--colour", "green", NULL) == OPTIONS_PARSED && colour == 1);
    CHECK(parse("--colour=red", NULL, NULL) == OPTIONS_PARSED && colour == 0);
    CHECK(parse("--colour=gree", NULL, NULL) == OPTIONS_WRONG &&
          parse("--colour=", NULL, NULL) == OPTIONS_WRONG);
    CHECK(colour == 0);
}

static void a_list_keeps_its_order_and_its_limit(void) {
    CHECK(parse("--item=b", "--item", "a") == OPTIONS_PARSED && items.count == 2);
    CHECK(strcmp(items.items[0], "b") == 0 && strcmp(items.items[1], "a") == 0);
    char *argv[OPTION_LIST_MAX + 3] = {"test"};
    const struct option *tables[] = {options, NULL};
    for (int i = 1; i <= OPTION_LIST_MAX + 1; i++)
        argv[i] = "--item=x";
    items.count = 0;
    CHECK(option_parse("test", tables, OPTION_LIST_MAX + 1, argv) == OPTIONS_PARSED);
    items.count = 0;
    CHECK(option_parse("test", tables, OPTION_LIST_MAX + 2, argv) == OPTIONS_WRONG);
}

static void a_value_is_given_once(void) {
    CHECK(parse("--count=3", "--count=4", NULL) == OPTIONS_WRONG && count == 3);
    CHECK(parse("--count=3", "--count=3", NULL) == OPTIONS_WRONG);
    CHECK(parse("--colour=red", "--colour=red", NULL) == OPTIONS_WRONG);
    CHECK(parse("--name=--name", "--count=3", "--more=4") == OPTIONS_PARSED);
    /* a repeated flag is not ambiguous */
    CHECK(parse("--quick", "--quick", NULL) == OPTIONS_PARSED && quick);
}

static void unknown_and_incomplete_options_are_refused(void) {
    CHECK(parse("--coun", "3", NULL) == OPTIONS_WRONG);
    CHECK(parse("--countx=3", NULL, NULL) == OPTIONS_WRONG);
    CHECK(parse("count", "3", NULL) == OPTIONS_WRONG);
    CHECK(parse("-", NULL, NULL) == OPTIONS_WRONG);
    CHECK(parse("--", NULL, NULL) == OPTIONS_WRONG);
    CHECK(parse("", NULL, NULL) == OPTIONS_WRONG);
    CHECK(parse("--count", NULL, NULL) == OPTIONS_WRONG);
    CHECK(parse("--quick=1", NULL, NULL) == OPTIONS_WRONG);
}

static void help_that_is_not_written_is_no_success(void) {
#ifdef _WIN32
    static const char nothing[] = "NUL";
#else
    static const char nothing[] = "/dev/null";
#endif
    const struct option *tables[] = {options, others, NULL};
    CHECK(freopen(nothing, "w", stdout) && option_help("test", "Tests.", tables));
    CHECK(freopen(nothing, "r", stdout) && !option_help("test", "Tests.", tables));
}

int main(void) {
    defaults_stay();
    both_spellings_and_every_table();
    wrong_numbers_are_refused();
    what_could_change_a_terminal_is_refused();
    a_choice_is_one_of_its_words();
    a_list_keeps_its_order_and_its_limit();
    a_value_is_given_once();
    unknown_and_incomplete_options_are_refused();
    CHECK(parse("--count", "3", "--help") == OPTIONS_HELP);
    help_that_is_not_written_is_no_success();
    return 0;
}
