/* An I/O ring: the program queues many requests and passes them to Windows by one call. Windows 11
 * reads by rings, its release 22H2 writes too. The functions are found at run time, and the types
 * are declared here, because older headers lack them. */
#include "laws/shared/file_ways.h"

enum { RAW = 0, VERSION_WRITES = 300 };

struct ring_flags {
    int required, advisory;
};
struct ring_capabilities {
    int version;
    UINT32 submissions, completions;
    int features;
};
struct ring_handle {
    int kind;
    HANDLE handle;
};
struct ring_buffer {
    int kind;
    void *address;
};
struct ring_completion {
    UINT_PTR request;
    HRESULT result;
    ULONG_PTR bytes;
};

typedef HRESULT(WINAPI *query_ring)(struct ring_capabilities *);
typedef HRESULT(WINAPI *create_ring)(int version, struct ring_flags, UINT32 submissions,
                                     UINT32 completions, HANDLE *ring);
typedef HRESULT(WINAPI *build_read)(HANDLE ring, struct ring_handle, struct ring_buffer,
                                    UINT32 bytes, UINT64 offset, UINT_PTR request, int flags);
typedef HRESULT(WINAPI *build_write)(HANDLE ring, struct ring_handle, struct ring_buffer,
                                     UINT32 bytes, UINT64 offset, int write_flags, UINT_PTR request,
                                     int flags);
typedef HRESULT(WINAPI *set_event)(HANDLE ring, HANDLE event);
typedef HRESULT(WINAPI *submit_ring)(HANDLE ring, UINT32 wait_for, UINT32 timeout_ms,
                                     UINT32 *submitted);
typedef HRESULT(WINAPI *pop_ring)(HANDLE ring, struct ring_completion *);
typedef HRESULT(WINAPI *close_ring)(HANDLE ring);

static struct {
    query_ring query;
    create_ring create;
    build_read read;
    build_write write;
    set_event event;
    submit_ring submit;
    pop_ring pop;
    close_ring close;
} ring_calls;

static void *function(const char *name) {
    HMODULE library = GetModuleHandleW(L"kernelbase.dll");
    return library ? (void *)(uintptr_t)GetProcAddress(library, name) : NULL;
}

bool ring_exists(bool write) {
    struct ring_capabilities able = {0};
    ring_calls.query = (query_ring)(uintptr_t)function("QueryIoRingCapabilities");
    ring_calls.create = (create_ring)(uintptr_t)function("CreateIoRing");
    ring_calls.read = (build_read)(uintptr_t)function("BuildIoRingReadFile");
    ring_calls.write = (build_write)(uintptr_t)function("BuildIoRingWriteFile");
    ring_calls.event = (set_event)(uintptr_t)function("SetIoRingCompletionEvent");
    ring_calls.submit = (submit_ring)(uintptr_t)function("SubmitIoRing");
    ring_calls.pop = (pop_ring)(uintptr_t)function("PopIoRingCompletion");
    ring_calls.close = (close_ring)(uintptr_t)function("CloseIoRing");
    if (!ring_calls.query || !ring_calls.create || !ring_calls.read || !ring_calls.event ||
        !ring_calls.submit || !ring_calls.pop || !ring_calls.close ||
        FAILED(ring_calls.query(&able)) || able.version == 0)
        return false;
    return !write || (ring_calls.write && able.version >= VERSION_WRITES);
}

static void queue_request(struct request *request, HANDLE ring) {
    const struct transfer *transfer = request->transfer;
    const struct file_plan *plan = transfer->plan;
    struct ring_handle file = {RAW, transfer->handle};
    struct ring_buffer buffer = {RAW, request->buffer};
    HRESULT result = plan->write ? ring_calls.write(ring, file, buffer, plan->block,
                                                    request->offset, 0, (UINT_PTR)request, 0)
                                 : ring_calls.read(ring, file, buffer, plan->block, request->offset,
                                                   (UINT_PTR)request, 0);
    law_require(SUCCEEDED(result), "BuildIoRingReadFile or BuildIoRingWriteFile");
}

/* Passes the queued requests to Windows. All count as outstanding until they are popped. */
static UINT32 submit(struct transfer *transfer, HANDLE ring) {
    UINT32 submitted = 0;
    uint64_t start_ns = clock_now_ns();
    law_require(SUCCEEDED(ring_calls.submit(ring, 0, 0, &submitted)), "SubmitIoRing");
    transfer->call_ns += (LONG64)(clock_now_ns() - start_ns);
    transfer->pended += (LONG)submitted;
    return submitted;
}

/* Windows sets the event when a completion enters an empty queue. So the queue must be emptied
 * before each wait. */
uint64_t pass_by_ring(struct transfer *transfer) {
    const struct file_plan *plan = transfer->plan;
    struct ring_capabilities able;
    HANDLE ring = NULL, completed = CreateEventW(NULL, FALSE, FALSE, NULL);
    law_require(completed && ring_exists(plan->write) && SUCCEEDED(ring_calls.query(&able)) &&
                    SUCCEEDED(ring_calls.create(able.version, (struct ring_flags){0, 0},
                                                FILE_DEPTH_MAX, 2 * FILE_DEPTH_MAX, &ring)) &&
                    SUCCEEDED(ring_calls.event(ring, completed)),
                "CreateIoRing");
    uint64_t start_ns = clock_now_ns();
    for (uint32_t i = 0; i < plan->depth && request_next(&transfer->requests[i]); i++)
        queue_request(&transfer->requests[i], ring);
    for (bool queued = true; (uint32_t)transfer->finished < plan->blocks;) {
        struct ring_completion completion;
        UINT32 submitted = 0;
        if (queued)
            submitted = submit(transfer, ring);
        else
            law_wait(completed);
        queued = false;
        while (ring_calls.pop(ring, &completion) == S_OK) {
            struct request *request = (struct request *)completion.request;
            if (submitted > 0) { /* a transfer was complete when the call returned */
                submitted--;
                transfer->pended--;
            }
            request_end(request, SUCCEEDED(completion.result), completion.bytes);
            if (request_next(request)) {
                queue_request(request, ring);
                queued = true;
            }
        }
    }
    uint64_t took_ns = clock_now_ns() - start_ns;
    ring_calls.close(ring);
    CloseHandle(completed);
    return took_ns;
}
