#include "check.h"
#include "loadgen/amount.h"
#include "loadgen/random.h"

#include <math.h>

enum { LIMIT = 1000, DRAWS = 100000 };

static struct amount parsed(const char *text) {
    struct amount amount;
    CHECK(amount_parse(text, LIMIT, &amount));
    return amount;
}

static double mean_of(const struct amount *amount, uint32_t least, uint32_t most) {
    double sum = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        uint32_t drawn = amount_draw(amount, random_bits(5, 1, i));
        CHECK(drawn >= least && drawn <= most && drawn <= amount_most(amount));
        sum += drawn;
    }
    return sum / (double)DRAWS;
}

static void a_number_is_always_itself(void) {
    struct amount amount = parsed("64");
    CHECK(amount_fixed(&amount) && amount_most(&amount) == 64 &&
          (int)mean_of(&amount, 64, 64) == 64);
    amount = amount_of(7);
    CHECK(amount_fixed(&amount) && (int)mean_of(&amount, 7, 7) == 7);
    CHECK(amount_most(&(struct amount){0}) == 0);
}

static void a_range_is_uniform_with_both_ends(void) {
    struct amount amount = parsed("10..12");
    uint32_t seen[3] = {0};
    CHECK(!amount_fixed(&amount) && amount_most(&amount) == 12);
    for (uint64_t i = 0; i < 30000; i++)
        seen[amount_draw(&amount, random_bits(9, 0, i)) - 10]++;
    for (int i = 0; i < 3; i++)
        CHECK(seen[i] > 9500 && seen[i] < 10500);
    amount = parsed("0..1000");
    CHECK(fabs(mean_of(&amount, 0, 1000) - 500) < 5);
}

static void an_exponential_has_its_mean_and_its_limit(void) {
    struct amount amount = parsed("exp:50");
    CHECK(!amount_fixed(&amount) && amount_most(&amount) == LIMIT);
    CHECK(fabs(mean_of(&amount, 0, LIMIT) - 50) < 1);
    CHECK(amount_draw(&amount, 0) == LIMIT); /* the rarest of all draws */
    amount = parsed("exp:0");
    CHECK(amount_most(&amount) == 0 && (int)mean_of(&amount, 0, 0) == 0);
}

static void a_mixture_keeps_its_weights(void) {
    struct amount amount = parsed("1*9+900..1000*1");
    uint32_t large = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        uint32_t drawn = amount_draw(&amount, random_bits(2, 3, i));
        CHECK(drawn == 1 || (drawn >= 900 && drawn <= 1000));
        large += drawn > 1;
    }
    CHECK(large > DRAWS / 10 - 500 && large < DRAWS / 10 + 500);
}

static void what_is_not_of_the_form_is_refused(void) {
    static const char *const wrong[] = {"",
                                        "x",
                                        "-1",
                                        "1001",
                                        "5..",
                                        "..5",
                                        "6..5",
                                        "1..1001",
                                        "exp:",
                                        "exp:x",
                                        "exp:1001",
                                        "1*",
                                        "1*0",
                                        "1+2",
                                        "1*1+2",
                                        "1*1+",
                                        "1*1++2*1",
                                        " 1",
                                        "1 ",
                                        "1..2..3",
                                        "0x10",
                                        "1e3",
                                        "1*1+exp:5*1",
                                        "99999999999999999999",
                                        "1*1000001",
                                        "1*1+1*1+1*1+1*1+1*1+1*1+1*1+1*1+1*1"};
    struct amount amount = amount_of(3);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!amount_parse(wrong[i], LIMIT, &amount));
        CHECK(amount_fixed(&amount) && amount_most(&amount) == 3);
    }
}

int main(void) {
    a_number_is_always_itself();
    a_range_is_uniform_with_both_ends();
    an_exponential_has_its_mean_and_its_limit();
    a_mixture_keeps_its_weights();
    what_is_not_of_the_form_is_refused();
    return 0;
}
