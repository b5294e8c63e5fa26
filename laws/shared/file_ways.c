#include "laws/shared/file_ways.h"

#include <process.h>
#include <stdlib.h>

bool request_next(struct request *request) {
    const struct file_plan *plan = request->transfer->plan;
    uint32_t ticket = (uint32_t)InterlockedIncrement(&request->transfer->started) - 1;
    if (ticket >= plan->blocks)
        return false;
    /* an odd factor permutes the places, because their number is a power of two */
    uint64_t place = plan->random ? ticket * 2654435761u % plan->blocks : ticket;
    request->offset = place * plan->block;
    request->overlapped.Offset = (DWORD)request->offset;
    request->overlapped.OffsetHigh = (DWORD)(request->offset >> 32);
    InterlockedIncrement(&request->turn);
    if (plan->write)
        file_fill(request->buffer, request->offset, plan->block, plan->seed);
    request->start_ns = clock_now_ns();
    return true;
}

void request_called(struct request *request, LONG turn, uint64_t start_ns) {
    struct transfer *transfer = request->transfer;
    bool outstanding = !HasOverlappedIoCompleted(&request->overlapped);
    MemoryBarrier(); /* the next block starts by a new turn */
    if (outstanding && request->turn == turn)
        InterlockedIncrement(&transfer->pended);
    InterlockedExchangeAdd64(&transfer->call_ns, (LONG64)(clock_now_ns() - start_ns));
}

BOOL request_start(struct request *request, HANDLE handle, DWORD *bytes) {
    const struct file_plan *plan = request->transfer->plan;
    LONG turn = request->turn;
    uint64_t start_ns = request->start_ns;
    BOOL good = plan->write
                    ? WriteFile(handle, request->buffer, plan->block, bytes, &request->overlapped)
                    : ReadFile(handle, request->buffer, plan->block, bytes, &request->overlapped);
    law_require(good || GetLastError() == ERROR_IO_PENDING, "ReadFile or WriteFile");
    request_called(request, turn, start_ns);
    return good;
}

void request_end(struct request *request, bool good, uint64_t bytes) {
    struct transfer *transfer = request->transfer;
    const struct file_plan *plan = transfer->plan;
    InterlockedExchangeAdd64(&transfer->completion_ns,
                             (LONG64)(clock_now_ns() - request->start_ns));
    if (!good || bytes != plan->block ||
        (!plan->write && !file_right(request->buffer, request->offset, plan->block, plan->seed)))
        InterlockedIncrement(&transfer->wrong);
    if ((uint32_t)InterlockedIncrement(&transfer->finished) == plan->blocks)
        SetEvent(transfer->done);
}

struct blocker {
    struct request *request;
    HANDLE handle, gate;
};

static unsigned __stdcall block_on_requests(void *argument) {
    struct blocker *self = argument;
    WaitForSingleObject(self->gate, INFINITE);
    while (request_next(self->request)) {
        DWORD bytes = 0;
        bool good = request_start(self->request, self->handle, &bytes);
        request_end(self->request, good, bytes);
    }
    return 0;
}

uint64_t pass_by_threads(struct transfer *transfer) {
    const struct file_plan *plan = transfer->plan;
    struct blocker blockers[FILE_DEPTH_MAX];
    HANDLE threads[FILE_DEPTH_MAX], gate = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(gate != NULL, "CreateEventW");
    for (uint32_t i = 0; i < plan->depth; i++) {
        HANDLE own = file_open(transfer->file, plan->flags);
        blockers[i] = (struct blocker){&transfer->requests[i], own, gate};
        threads[i] = (HANDLE)_beginthreadex(NULL, 0, block_on_requests, &blockers[i], 0, NULL);
        law_require(threads[i] != NULL, "_beginthreadex");
    }
    uint64_t start_ns = clock_now_ns();
    SetEvent(gate);
    law_wait(transfer->done);
    uint64_t took_ns = clock_now_ns() - start_ns;
    for (uint32_t i = 0; i < plan->depth; i++) {
        law_wait(threads[i]);
        CloseHandle(threads[i]);
        CloseHandle(blockers[i].handle);
    }
    CloseHandle(gate);
    return took_ns;
}

static void end_overlapped(struct request *request, HANDLE handle) {
    DWORD bytes = 0;
    BOOL good = GetOverlappedResult(handle, &request->overlapped, &bytes, FALSE);
    request_end(request, good, bytes);
}

uint64_t pass_by_event(struct transfer *transfer) {
    const struct file_plan *plan = transfer->plan;
    HANDLE events[FILE_DEPTH_MAX];
    for (uint32_t i = 0; i < plan->depth; i++) {
        events[i] = CreateEventW(NULL, TRUE, FALSE, NULL);
        law_require(events[i] != NULL, "CreateEventW");
        transfer->requests[i].overlapped.hEvent = events[i];
    }
    uint64_t start_ns = clock_now_ns();
    for (uint32_t i = 0; i < plan->depth && request_next(&transfer->requests[i]); i++)
        request_start(&transfer->requests[i], transfer->handle, NULL);
    while ((uint32_t)transfer->finished < plan->blocks) {
        DWORD which = WaitForMultipleObjects(plan->depth, events, FALSE, LAW_DEADLINE_MS);
        law_require(which < WAIT_OBJECT_0 + plan->depth, "an expected event did not occur");
        struct request *request = &transfer->requests[which - WAIT_OBJECT_0];
        end_overlapped(request, transfer->handle);
        if (request_next(request))
            request_start(request, transfer->handle, NULL);
        else
            ResetEvent(request->overlapped.hEvent); /* the wait must not find it again */
    }
    uint64_t took_ns = clock_now_ns() - start_ns;
    for (uint32_t i = 0; i < plan->depth; i++)
        CloseHandle(events[i]);
    return took_ns;
}

static void start_with_routine(struct request *);

static void CALLBACK on_routine(DWORD error, DWORD bytes, OVERLAPPED *overlapped) {
    struct request *request = CONTAINING_RECORD(overlapped, struct request, overlapped);
    request_end(request, error == 0, bytes);
    if (request_next(request))
        start_with_routine(request);
}

static void start_with_routine(struct request *request) {
    struct transfer *transfer = request->transfer;
    uint32_t block = transfer->plan->block;
    LONG turn = request->turn;
    uint64_t start_ns = request->start_ns;
    BOOL good = transfer->plan->write ? WriteFileEx(transfer->handle, request->buffer, block,
                                                    &request->overlapped, on_routine)
                                      : ReadFileEx(transfer->handle, request->buffer, block,
                                                   &request->overlapped, on_routine);
    law_require(good, "ReadFileEx or WriteFileEx");
    request_called(request, turn, start_ns);
}

uint64_t pass_by_routine(struct transfer *transfer) {
    const struct file_plan *plan = transfer->plan;
    uint64_t start_ns = clock_now_ns();
    for (uint32_t i = 0; i < plan->depth && request_next(&transfer->requests[i]); i++)
        start_with_routine(&transfer->requests[i]);
    while ((uint32_t)transfer->finished < plan->blocks)
        law_require(SleepEx(LAW_DEADLINE_MS, TRUE) == WAIT_IO_COMPLETION,
                    "an expected completion routine did not run");
    return clock_now_ns() - start_ns;
}

bool file_way_exists(enum file_way way, bool write) {
    return way != WAY_RING || ring_exists(write);
}

struct file_pass file_run(const struct file *file, const struct file_plan *plan,
                          enum file_way way) {
    static uint64_t (*const passes[FILE_WAYS])(struct transfer *) = {
        pass_by_threads, pass_by_event, pass_by_routine, pass_by_port, pass_by_pool, pass_by_ring};
    struct request requests[FILE_DEPTH_MAX] = {0};
    struct transfer transfer = {.file = file, .plan = plan, .requests = requests};
    law_require(plan->depth <= FILE_DEPTH_MAX && plan->depth <= plan->blocks, "depth");
    char *memory = file_memory((size_t)plan->depth * plan->block);
    for (uint32_t i = 0; i < plan->depth; i++) {
        requests[i].transfer = &transfer;
        requests[i].buffer = memory + (size_t)i * plan->block;
    }
    transfer.done = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(transfer.done != NULL, "CreateEventW");
    transfer.handle = file_open(file, plan->flags | FILE_FLAG_OVERLAPPED);
    struct file_pass pass = {.took_ns = passes[way](&transfer)};
    pass.wrong = (uint64_t)transfer.wrong;
    pass.pended = (uint64_t)transfer.pended;
    pass.call_ns = (uint64_t)transfer.call_ns;
    pass.completion_ns = (uint64_t)transfer.completion_ns;
    for (int i = 0; i < FILE_DEPTH_MAX; i++)
        pass.workers += transfer.took_part[i] != 0;
    CloseHandle(transfer.handle);
    CloseHandle(transfer.done);
    VirtualFree(memory, 0, MEM_RELEASE);
    return pass;
}
