/* The two ways whose completions any thread may take: a completion port and the thread pool. */
#include "laws/shared/file_ways.h"

#include <process.h>

struct port_worker {
    struct transfer *transfer;
    HANDLE port;
    uint32_t number;
};

static unsigned __stdcall serve_port(void *argument) {
    const struct port_worker *self = argument;
    for (;;) {
        DWORD bytes = 0;
        ULONG_PTR key;
        OVERLAPPED *overlapped = NULL;
        BOOL good = GetQueuedCompletionStatus(self->port, &bytes, &key, &overlapped, INFINITE);
        if (!overlapped)
            return 0;
        struct request *request = CONTAINING_RECORD(overlapped, struct request, overlapped);
        InterlockedExchange(&self->transfer->took_part[self->number], 1);
        request_end(request, good, bytes);
        if (request_next(request))
            request_start(request, self->transfer->handle, NULL);
    }
}

uint64_t pass_by_port(struct transfer *transfer) {
    const struct file_plan *plan = transfer->plan;
    struct port_worker workers[FILE_WORKERS];
    HANDLE threads[FILE_WORKERS];
    HANDLE port = CreateIoCompletionPort(transfer->handle, NULL, 1, 0);
    law_require(port != NULL, "CreateIoCompletionPort");
    for (uint32_t i = 0; i < FILE_WORKERS; i++) {
        workers[i] = (struct port_worker){transfer, port, i};
        threads[i] = (HANDLE)_beginthreadex(NULL, 0, serve_port, &workers[i], 0, NULL);
        law_require(threads[i] != NULL, "_beginthreadex");
    }
    uint64_t start_ns = clock_now_ns();
    for (uint32_t i = 0; i < plan->depth && request_next(&transfer->requests[i]); i++)
        request_start(&transfer->requests[i], transfer->handle, NULL);
    law_wait(transfer->done);
    uint64_t took_ns = clock_now_ns() - start_ns;
    for (uint32_t i = 0; i < FILE_WORKERS; i++)
        law_require(PostQueuedCompletionStatus(port, 0, 0, NULL), "PostQueuedCompletionStatus");
    for (uint32_t i = 0; i < FILE_WORKERS; i++) {
        law_wait(threads[i]);
        CloseHandle(threads[i]);
    }
    CloseHandle(port);
    return took_ns;
}

static void start_with_pool(struct request *request, PTP_IO io) {
    StartThreadpoolIo(io); /* before every operation, or its completion is lost */
    request_start(request, request->transfer->handle, NULL);
}

static void CALLBACK on_pool(PTP_CALLBACK_INSTANCE instance, void *context, void *overlapped,
                             ULONG error, ULONG_PTR bytes, PTP_IO io) {
    struct request *request = CONTAINING_RECORD(overlapped, struct request, overlapped);
    (void)instance, (void)context;
    request_end(request, error == 0, bytes);
    if (request_next(request))
        start_with_pool(request, io);
}

uint64_t pass_by_pool(struct transfer *transfer) {
    const struct file_plan *plan = transfer->plan;
    PTP_IO io = CreateThreadpoolIo(transfer->handle, on_pool, NULL, NULL);
    law_require(io != NULL, "CreateThreadpoolIo");
    uint64_t start_ns = clock_now_ns();
    for (uint32_t i = 0; i < plan->depth && request_next(&transfer->requests[i]); i++)
        start_with_pool(&transfer->requests[i], io);
    law_wait(transfer->done);
    uint64_t took_ns = clock_now_ns() - start_ns;
    WaitForThreadpoolIoCallbacks(io, FALSE);
    CloseThreadpoolIo(io);
    return took_ns;
}
