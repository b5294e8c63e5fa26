#include "laws/verdict/ablation.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#define N "%" PRIu64
/* A ratio with its interval. */
#define R            "%.2f [%.2f, %.2f]"
#define RATIO(ratio) (ratio).median, (ratio).low, (ratio).high

/* Appends a name to a list of names. */
static void add_name(char *list, size_t size, const char *name) {
    char before[160];
    snprintf(before, sizeof before, "%s", list);
    snprintf(list, size, "%s%s%s", before, before[0] ? ", " : "", name);
}

/* A step counts if it is certain, and more than what counts as equal. */
static bool shorter(struct ratio ratio) {
    return ratio_order(ratio) == LESS && ratio.median < 1 / RATIO_EQUAL;
}

static bool longer(struct ratio ratio) {
    return ratio_order(ratio) == MORE && ratio.median > RATIO_EQUAL;
}

struct judgement judge_port_or_select(const struct port_or_select_seen *seen) {
    static const char *const names[STEPS] = {"", "no array to rebuild", "no search", "no select",
                                             "more threads"};
    struct ratio steps[STEPS];
    char help[120] = "", unclear[120] = "", because[160] = "";
    int helpful = 0;
    for (int i = 1; i < STEPS; i++) {
        steps[i] = ratio_of(seen->ns[i], seen->ns[i - 1]);
        if (ratio_order(steps[i]) == UNCLEAR)
            add_name(unclear, sizeof unclear, names[i]);
        if (shorter(steps[i]))
            add_name(help, sizeof help, names[i]);
        helpful += shorter(steps[i]);
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
    return judgement(verdict, because,
                     "set kept " R ", no search " R ", port " R ", " N " workers " R "; all %.2f",
                     RATIO(steps[STEP_SEARCHES]), RATIO(steps[STEP_SELECTS]),
                     RATIO(steps[STEP_ONE_WORKER]), seen->workers, RATIO(steps[STEP_WORKERS]),
                     whole.median);
}

enum { PARTS = 4, PARTS_OF_MESSAGE = 3 }; /* the backlog costs a client's connection */

/* Sorts the parts of the claim: which cost, which are unclear, and which costs a message most.
 * Returns how many cost. */
static int sort_parts(const struct ratio parts[PARTS], char *cost, char *unclear, size_t size,
                      const char **largest) {
    static const char *const names[PARTS] = {"printing", "allocating", "the buffer", "the backlog"};
    int costly = 0, most = 0;
    for (int i = 0; i < PARTS; i++) {
        if (ratio_order(parts[i]) == UNCLEAR)
            add_name(unclear, size, names[i]);
        if (longer(parts[i]))
            add_name(cost, size, names[i]);
        costly += longer(parts[i]);
        if (i < PARTS_OF_MESSAGE && parts[i].median > parts[most].median)
            most = i;
    }
    *largest = names[most];
    return costly;
}

/* Returns the percent of a difference that one part makes. */
static double share(struct ratio part, double whole) {
    return whole > 0 ? 100 * (part.median - 1) / whole : 0;
}

struct judgement judge_sample_waste(const struct sample_waste_seen *seen) {
    const uint64_t *none = seen->ns[WASTE_NONE];
    const struct ratio parts[PARTS] = {
        ratio_of(seen->ns[WASTE_PRINT_PIPE], none), ratio_of(seen->ns[WASTE_ALLOCATE], none),
        ratio_of(seen->ns[WASTE_BUFFER], none),
        ratio_of(seen->storm_ns[STORM_SHORT], seen->storm_ns[STORM_LONG])};
    char cost[80] = "", unclear[80] = "", because[160] = "";
    const char *largest;
    int costly = sort_parts(parts, cost, unclear, sizeof cost, &largest);
    enum verdict verdict = HOLDS_ONLY_WHEN;
    if (unclear[0]) {
        verdict = NOT_TESTABLE;
        snprintf(because, sizeof because, "unclear: %s", unclear);
    } else if (costly == PARTS) {
        verdict = HOLDS;
        snprintf(because, sizeof because, "per message %s costs most", largest);
    } else if (costly == 0) {
        verdict = DOES_NOT_HOLD;
        snprintf(because, sizeof because, "none of the four costs a tenth");
    } else {
        snprintf(because, sizeof because, "the waste is %s; per message %s costs most", cost,
                 largest);
    }
    double whole = ratio_of(seen->ns[WASTE_ALL], none).median - 1; /* what all three add */
    return judgement(verdict, because,
                     "print (pipe) " R ", allocate " R ", 100 bytes " R ", backlog 5 " R
                     "; of all %.0f, %.0f, %.0f %%",
                     RATIO(parts[0]), RATIO(parts[1]), RATIO(parts[2]), RATIO(parts[3]),
                     share(parts[0], whole), share(parts[1], whole), share(parts[2], whole));
}
