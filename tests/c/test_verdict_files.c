#include "laws/verdict/files.h"
#include "verdicts.h"

static const struct ratio half = {0.4, 0.5, 0.6}, same = {0.95, 1, 1.05}, twice = {1.8, 2, 2.2},
                          wide = {0.7, 1, 1.4};

static void calls(void) {
    const struct file_calls_seen every = {.calls = 16,
                                          .receives = 16,
                                          .cached_reads = 16,
                                          .unbuffered_reads = 16,
                                          .cached_writes = 16,
                                          .through_writes = 15,
                                          .unbuffered_writes = 16,
                                          .extending_writes = 9};
    struct file_calls_seen windows = every;
    windows.cached_reads = 0;
    windows.cached_writes = 2;
    windows.extending_writes = 0;
    EXPECT(HOLDS, judge_file_calls(&every));
    EXPECT(HOLDS_ONLY_WHEN, judge_file_calls(&windows));
    CHECK(strstr(judge_file_calls(&windows).because, "cached reads, cached writes, extending"));
    CHECK(!strstr(judge_file_calls(&windows).because, "unbuffered"));
    windows.through_writes = 0;
    windows.unbuffered_writes = 8; /* half is not most */
    EXPECT(HOLDS_ONLY_WHEN, judge_file_calls(&windows));
    const struct file_calls_seen wine = {.calls = 16, .receives = 16};
    EXPECT(HOLDS_ONLY_WHEN, judge_file_calls(&wine));
    CHECK(strstr(judge_file_calls(&wine).because, "a socket"));
    EXPECT(NOT_TESTABLE, judge_file_calls(&(struct file_calls_seen){.calls = 16}));
    const struct file_calls_seen once = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0};
    EXPECT(HOLDS, judge_file_calls(&once));
    EXPECT(NOT_TESTABLE, judge_file_calls(&(struct file_calls_seen){.calls = 0}));
}

static struct file_read_seen reads(uint64_t pended, struct ratio cost) {
    return (struct file_read_seen){.event_blocks = 2560,
                                   .port_blocks = 17920,
                                   .port_workers = 2,
                                   .probes = 16,
                                   .pended = pended,
                                   .call_ns = 12345678,
                                   .completion_ns = 123456789,
                                   .port_to_blocking = cost,
                                   .four_to_one = cost};
}

static void where_reads_pend(void) {
    struct file_read_seen seen = reads(16, half);
    EXPECT(HOLDS, judge_port_reads_files(&seen));
    EXPECT(HOLDS, judge_four_outstanding(&seen));
    seen = reads(16, same);
    EXPECT(HOLDS_ONLY_WHEN, judge_port_reads_files(&seen));
    EXPECT(HOLDS_ONLY_WHEN, judge_four_outstanding(&seen));
    seen = reads(16, twice);
    EXPECT(HOLDS_ONLY_WHEN, judge_port_reads_files(&seen));
    EXPECT(HOLDS_ONLY_WHEN, judge_four_outstanding(&seen));
    seen = reads(16, wide);
    EXPECT(NOT_TESTABLE, judge_port_reads_files(&seen));
    EXPECT(NOT_TESTABLE, judge_four_outstanding(&seen));
}

/* As under Wine: the bytes decide, whatever the times are. */
static void where_reads_do_not_pend(void) {
    struct file_read_seen seen = reads(0, twice);
    EXPECT(HOLDS, judge_port_reads_files(&seen));
    EXPECT(HOLDS, judge_four_outstanding(&seen));
    CHECK(strstr(judge_four_outstanding(&seen).because, "needs Windows"));
    seen.port_workers = 1;
    EXPECT(NOT_TESTABLE, judge_port_reads_files(&seen));
}

static void wrong_bytes(void) {
    struct file_read_seen seen = reads(16, half);
    seen.event_wrong = seen.port_wrong = 1;
    EXPECT(DOES_NOT_HOLD, judge_port_reads_files(&seen));
    EXPECT(DOES_NOT_HOLD, judge_four_outstanding(&seen));
    const struct file_read_seen nothing = {.probes = 16, .pended = 16};
    EXPECT(DOES_NOT_HOLD, judge_port_reads_files(&nothing));
    EXPECT(DOES_NOT_HOLD, judge_four_outstanding(&nothing));
}

/* Makes a cell on a platform where every transfer pends. */
static struct file_cell_seen cell(struct ratio ratio) {
    struct file_cell_seen seen = {.what = "sequential unbuffered 64 KiB x 32",
                                  .call_ns = 12345,
                                  .completion_ns = 1234567,
                                  .port_to_threads = ratio};
    for (int way = 0; way < FILE_WAYS; way++) {
        seen.blocks[way] = 2560;
        seen.pended[way] = way == WAY_THREADS ? 0 : 2560;
        seen.block_ns[way] = 1234500;
    }
    return seen;
}

static void cells(void) {
    struct file_cell_seen seen = cell(half);
    EXPECT(HOLDS, judge_file_cell(&seen));
    seen.blocks[WAY_RING] = 0; /* older than Windows 11 */
    EXPECT(HOLDS, judge_file_cell(&seen));
    CHECK(strstr(judge_file_cell(&seen).figure, "ring none"));
    seen.wrong[WAY_ROUTINE] = 1; /* fast, but wrong, in any way */
    EXPECT(DOES_NOT_HOLD, judge_file_cell(&seen));
    seen = cell(same);
    EXPECT(DOES_NOT_HOLD, judge_file_cell(&seen));
    seen = cell(twice);
    EXPECT(DOES_NOT_HOLD, judge_file_cell(&seen));
    seen = cell(wide);
    EXPECT(NOT_TESTABLE, judge_file_cell(&seen));
    seen = cell(half);
    seen.pended[WAY_PORT] = 1280; /* half is not most */
    EXPECT(NOT_TESTABLE, judge_file_cell(&seen));
    seen.pended[WAY_PORT] = 1281;
    EXPECT(HOLDS, judge_file_cell(&seen));
    EXPECT(NOT_TESTABLE, judge_file_cell(&(struct file_cell_seen){.what = "not measured"}));
}

int main(void) {
    calls();
    where_reads_pend();
    where_reads_do_not_pend();
    wrong_bytes();
    cells();
    return 0;
}
