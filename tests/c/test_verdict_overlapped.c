#include "laws/verdict/overlapped.h"
#include "verdicts.h"

static void same_calls(void) {
    EXPECT(HOLDS, judge_same_calls(&(struct same_calls_seen){32, 32, 64, 64, 32, 32, 10038}));
    EXPECT(DOES_NOT_HOLD,
           judge_same_calls(&(struct same_calls_seen){32, 31, 64, 64, 32, 32, 10038}));
    EXPECT(DOES_NOT_HOLD,
           judge_same_calls(&(struct same_calls_seen){32, 32, 64, 0, 32, 32, 10038}));
    EXPECT(DOES_NOT_HOLD,
           judge_same_calls(&(struct same_calls_seen){32, 32, 64, 64, 32, 0, 10038}));
    EXPECT(DOES_NOT_HOLD, judge_same_calls(&(struct same_calls_seen){.mixed = 0}));
}

static void one_thread(void) {
    EXPECT(HOLDS, judge_one_thread_sockets(&(struct one_thread_sockets_seen){64, 292, 292, 0}));
    EXPECT(DOES_NOT_HOLD,
           judge_one_thread_sockets(&(struct one_thread_sockets_seen){64, 292, 291, 0}));
    EXPECT(DOES_NOT_HOLD,
           judge_one_thread_sockets(&(struct one_thread_sockets_seen){64, 292, 292, 1}));
    EXPECT(DOES_NOT_HOLD, judge_one_thread_sockets(&(struct one_thread_sockets_seen){1, 4, 4, 0}));
}

static void objects(void) {
    struct objects_needed_seen windows = {64, 64, 64, 64, 1, 1, 64, 1};
    EXPECT(HOLDS, judge_objects_needed(&windows));
    windows.handles_are_counted = 0; /* then what the program created decides */
    windows.event_handles = 0;
    EXPECT(HOLDS, judge_objects_needed(&windows));
    windows.handles_are_counted = 1;
    EXPECT(DOES_NOT_HOLD, judge_objects_needed(&windows));
    EXPECT(DOES_NOT_HOLD,
           judge_objects_needed(&(struct objects_needed_seen){64, 64, 64, 64, 1, 64, 64, 1}));
    EXPECT(DOES_NOT_HOLD,
           judge_objects_needed(&(struct objects_needed_seen){64, 64, 64, 64, 2, 2, 64, 1}));
    EXPECT(NOT_TESTABLE,
           judge_objects_needed(&(struct objects_needed_seen){64, 64, 64, 64, 1, 1, 63, 1}));
    EXPECT(NOT_TESTABLE, judge_objects_needed(&(struct objects_needed_seen){.connections = 0}));
}

int main(void) {
    same_calls();
    one_thread();
    objects();
    return 0;
}
