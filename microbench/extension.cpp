/* AcceptEx through a pointer that was looked up once, against the function of mswsock.lib, which
 * looks it up in each call (claim E4). No client connects: the calls stay pending and are cancelled
 * while the clock is stopped. */
#include "windows_bench.h"

namespace {

constexpr size_t BATCH = 64;

struct Pending {
    Socket socket = make_socket();
    OVERLAPPED overlapped = {};
    char addresses[2 * (sizeof(sockaddr_in) + 16)] = {};
};

/* Cancels the pending calls on the listener. Returns whether they were exactly one batch. */
bool cancel(const Listener &listener, HANDLE port) {
    if (!CancelIoEx(reinterpret_cast<HANDLE>(static_cast<SOCKET>(listener)), nullptr))
        return false;
    for (size_t i = 0; i < BATCH; i++) {
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *which = nullptr;
        if (GetQueuedCompletionStatus(port, &bytes, &key, &which, DEADLINE_MS) || !which ||
            GetLastError() != ERROR_OPERATION_ABORTED)
            return false;
    }
    return true;
}

void call(benchmark::State &state, bool cached) {
    Listener listener;
    Handle port(make_port());
    LPFN_ACCEPTEX pointer = extension<LPFN_ACCEPTEX>(listener, WSAID_ACCEPTEX);
    std::vector<Pending> all(BATCH);
    bool whole =
        listener.ok() && pointer &&
        CreateIoCompletionPort(reinterpret_cast<HANDLE>(static_cast<SOCKET>(listener)), port, 0, 0);
    constexpr DWORD ADDRESS = sizeof(sockaddr_in) + 16;
    Measured measured(state);
    while (whole && state.KeepRunningBatch(BATCH)) {
        for (Pending &one : all) {
            DWORD bytes;
            one.overlapped = {};
            BOOL done = cached ? pointer(listener, one.socket, one.addresses, 0, ADDRESS, ADDRESS,
                                         &bytes, &one.overlapped)
                               : AcceptEx(listener, one.socket, one.addresses, 0, ADDRESS, ADDRESS,
                                          &bytes, &one.overlapped);
            whole &= !done && WSAGetLastError() == WSA_IO_PENDING;
        }
        measured.pause();
        whole = whole && cancel(listener, port);
        measured.resume();
    }
    measured.end();
    expect(state, whole, "AcceptEx was not pending, or could not be cancelled");
}

void look_up(benchmark::State &state) {
    Listener listener;
    LPFN_ACCEPTEX first = extension<LPFN_ACCEPTEX>(listener, WSAID_ACCEPTEX);
    int64_t same = 0;
    Measured measured(state);
    for (auto _ : state)
        same += extension<LPFN_ACCEPTEX>(listener, WSAID_ACCEPTEX) == first;
    measured.end();
    expect(state, first && same == state.iterations(),
           "the look-up found nothing, or another function");
}

} // namespace

BENCHMARK(look_up)->Name("extension/look_up")->UseRealTime();
BENCHMARK_CAPTURE(call, cached, true)->Name("extension/AcceptEx_by_cached_pointer")->UseRealTime();
BENCHMARK_CAPTURE(call, imported, false)->Name("extension/AcceptEx_by_import")->UseRealTime();
