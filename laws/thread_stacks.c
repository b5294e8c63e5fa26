/* Stacks fill the address space of a 32-bit process: about 3000 threads with 1 MB each in 3 GB.
 * There the program tries more threads than that. A 64-bit process cannot show this, so the program
 * only reads how much a stack reserves. The presets mingw32 and msvc-x86 build for 32 bits. */
#include "laws/law.h"
#include "laws/verdict/threads_and_pool.h"

#include <process.h>

enum { ASKED_32 = 4000, ASKED_64 = 16, STACK_BYTES = 1048576 };

static HANDLE release;
static volatile LONG64 reserve_bytes;

static unsigned __stdcall stand(void *argument) {
    MEMORY_BASIC_INFORMATION memory;
    int here = 0;
    (void)argument;
    /* the committed part of the stack, up to its top */
    if (VirtualQuery(&here, &memory, sizeof memory))
        reserve_bytes =
            (char *)memory.BaseAddress + memory.RegionSize - (char *)memory.AllocationBase;
    WaitForSingleObject(release, INFINITE);
    return 0;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "thread_stacks",
              "Stacks of 1 MB exhaust a 32-bit process at about 3000 threads.");
    static HANDLE threads[ASKED_32];
    struct thread_stacks_seen seen = {.pointer_bytes = sizeof(void *),
                                      .asked = sizeof(void *) == 4 ? ASKED_32 : ASKED_64};
    release = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(release != NULL, "CreateEventW");
    for (; seen.created < seen.asked; seen.created++) {
        threads[seen.created] = (HANDLE)_beginthreadex(NULL, STACK_BYTES, stand, NULL,
                                                       STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
        if (!threads[seen.created])
            break;
    }
    SetEvent(release);
    for (uint64_t i = 0; i < seen.created; i++)
        law_wait(threads[i]);
    seen.reserve_bytes = (uint64_t)reserve_bytes;
    struct json line = law_line();
    THREAD_STACKS_SEEN(LAW_SEEN)
    struct judged judged = {"B12", judge_thread_stacks(&seen)};
    return law_print(&line, &judged, 1);
}
