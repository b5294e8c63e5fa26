#include "laws/verdict/ablation.h"
#include "laws/verdict/answers.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define N "%" PRIu64
/* A ratio with its interval. */
#define R            "%.2f [%.2f, %.2f]"
#define RATIO(ratio) (ratio).median, (ratio).low, (ratio).high

static void add_text(char *text, size_t size, const char *more) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

/* Appends a name to a list of names. */
static void add_name(char *list, size_t size, const char *name) {
    if (list[0])
        add_text(list, size, ", ");
    add_text(list, size, name);
}

/* Writes the share of each step in the whole difference, "; shares 4, 0, 90, 6 %". The steps' ratios
 * are multiplied, so the shares add up to 100. Writes nothing if the first and the last server may be equal. */
static void add_shares(char *text, size_t size, const struct ratio steps[STEPS],
                       struct ratio whole) {
    double reached[STEPS] = {1};
    for (int i = 1; i < STEPS; i++)
        reached[i] = reached[i - 1] * steps[i].median;
    double difference = reached[STEPS - 1] - 1;
    if ((whole.low <= 1 && whole.high >= 1) || (whole.median > 1) != (difference > 0))
        return;
    for (int i = 1; i < STEPS; i++) {
        size_t used = strlen(text);
        double percent = 100 * (reached[i] - reached[i - 1]) / difference;
        int rounded = (int)(percent < 0 ? percent - 0.5 : percent + 0.5); /* never "-0" */
        snprintf(text + used, size - used, "%s%d", i == 1 ? "; shares " : ", ", rounded);
    }
    add_text(text, size, " %");
}

struct judgement judge_port_or_select(const struct port_or_select_seen *seen) {
    static const char *const names[STEPS] = {"", "no array to rebuild", "no search", "no select",
                                             "more threads"};
    struct ratio steps[STEPS];
    char help[120] = "", unclear[120] = "", because[160] = "";
    int helpful = 0;
    for (int i = 1; i < STEPS; i++) {
        steps[i] = ratio_of(seen->ns[i], seen->ns[i - 1]);
        enum answer saves = ratio_saves(steps[i]);
        if (saves == ANSWER_UNKNOWN)
            add_name(unclear, sizeof unclear, names[i]);
        if (saves == ANSWER_YES)
            add_name(help, sizeof help, names[i]);
        helpful += saves == ANSWER_YES;
    }
    struct ratio whole = ratio_of(seen->ns[STEPS - 1], seen->ns[0]);
    enum verdict verdict = HOLDS_ONLY_WHEN;
    if (helpful == STEPS - 1) {
        verdict = HOLDS;
    } else if (unclear[0]) {
        verdict = NOT_TESTABLE;
        snprintf(because, sizeof because, "these steps are unclear: %s", unclear);
    } else if (helpful == 0) {
        verdict = DOES_NOT_HOLD;
        snprintf(because, sizeof because, "none of the four steps saves a tenth");
    } else {
        snprintf(because, sizeof because, "the reason is: %s", help);
    }
    char shares[60] = "";
    add_shares(shares, sizeof shares, steps, whole);
    return judgement(verdict, because,
                     "set kept " R ", no search " R ", port " R ", " N " workers " R "; all %.2f%s",
                     RATIO(steps[STEP_SEARCHES]), RATIO(steps[STEP_SELECTS]),
                     RATIO(steps[STEP_ONE_WORKER]), seen->workers, RATIO(steps[STEP_WORKERS]),
                     whole.median, shares);
}

enum { PARTS = 4, PARTS_OF_MESSAGE = 3 }; /* the backlog costs a client's connection */

/* Returns whether the short backlog leaves clients without a connection. One storm in ten may differ,
 * as in the interval of a ratio. */
static enum answer backlog_costs(const struct sample_waste_seen *seen) {
    const uint64_t storms = RATIO_ROUNDS;
    if (seen->incomplete[STORM_SHORT] <= 1)
        return ANSWER_NO;
    bool always = seen->incomplete[STORM_SHORT] + 1 >= storms && seen->incomplete[STORM_LONG] <= 1;
    return always ? ANSWER_YES : ANSWER_UNKNOWN;
}

/* Returns the percent of a difference that one part makes. */
static double share(struct ratio part, double whole) {
    return whole > 0 ? 100 * (part.median - 1) / whole : 0;
}

/* Returns the name of the part that costs a message most. */
static const char *largest(const struct ratio parts[PARTS_OF_MESSAGE], const char *const *names) {
    int most = 0;
    for (int i = 1; i < PARTS_OF_MESSAGE; i++)
        if (parts[i].median > parts[most].median)
            most = i;
    return names[most];
}

struct judgement judge_sample_waste(const struct sample_waste_seen *seen) {
    static const char *const names[PARTS] = {"printing", "allocating", "the buffer", "the backlog"};
    const uint64_t *none = seen->ns[WASTE_NONE];
    const struct ratio parts[PARTS_OF_MESSAGE] = {ratio_of(seen->ns[WASTE_PRINT_PIPE], none),
                                                  ratio_of(seen->ns[WASTE_ALLOCATE], none),
                                                  ratio_of(seen->ns[WASTE_BUFFER], none)};
    double whole = ratio_of(seen->ns[WASTE_ALL], none).median - 1; /* what all three add */
    char cost[80] = "", unclear[80] = "", because[160] = "";
    int costly = 0;
    for (int i = 0; i < PARTS; i++) {
        enum answer adds = i < PARTS_OF_MESSAGE ? ratio_adds(parts[i]) : backlog_costs(seen);
        if (adds == ANSWER_UNKNOWN)
            add_name(unclear, sizeof unclear, names[i]);
        if (adds == ANSWER_YES)
            add_name(cost, sizeof cost, names[i]);
        costly += adds == ANSWER_YES;
    }
    enum verdict verdict = HOLDS_ONLY_WHEN;
    if (unclear[0]) {
        verdict = NOT_TESTABLE;
        snprintf(because, sizeof because, "unclear: %s", unclear);
    } else if (costly == PARTS) {
        verdict = HOLDS;
        snprintf(because, sizeof because, "per message %s costs most", largest(parts, names));
    } else if (costly == 0) {
        verdict = DOES_NOT_HOLD;
        snprintf(because, sizeof because, "none of the four costs a tenth");
    } else {
        snprintf(because, sizeof because, "the waste is %s; per message %s costs most", cost,
                 largest(parts, names));
    }
    return judgement(verdict, because,
                     "print (pipe) " R " %.0f %%, allocate " R " %.0f %%, 100 bytes " R
                     " %.0f %% of what all add; backlog 5 fails in " N " of %d storms",
                     RATIO(parts[0]), share(parts[0], whole), RATIO(parts[1]),
                     share(parts[1], whole), RATIO(parts[2]), share(parts[2], whole),
                     seen->incomplete[STORM_SHORT], RATIO_ROUNDS);
}
