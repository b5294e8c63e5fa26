/* Receiving and sending 64 bytes over a loopback connection, without waiting for the other end if
 * possible.
 *
 * An overlapped call that completes inline returns 0 ("immediate"). On a socket of a port it still
 * queues a packet, unless FILE_SKIP_COMPLETION_PORT_ON_SUCCESS is set (claim B15). */
#include "windows_bench.h"

#include <cstring>

namespace {

constexpr DWORD MESSAGE = 64; /* bytes */
/* messages that the other end sends or receives while the clock is stopped: 16 KiB */
constexpr int BATCH = 256;
constexpr DWORD LONG_SEND = 1 << 20;
constexpr int BUFFER = 256 << 10; /* bytes that each end of the socket may hold of a long send */

/* A connection whose end `ours` may belong to a port, and the bytes to transfer; neighbouring bytes
 * differ. */
struct Line {
    enum Mode { BLOCKING_FALSE, PORT, PORT_SKIP };

    Line(benchmark::State &state, Mode mode)
        : skip(mode == PORT_SKIP), sent(MESSAGE * BATCH), received(sent.size()) {
        for (size_t i = 0; i < sent.size(); i++)
            sent[i] = static_cast<char>(i ^ (i >> 8));
        if (!pair.ok()) {
            fail_call(state, "connect", static_cast<DWORD>(WSAGetLastError()));
            return;
        }
        auto handle = reinterpret_cast<HANDLE>(static_cast<SOCKET>(pair.ours));
        u_long on = 1;
        if (mode == BLOCKING_FALSE)
            ok = ioctlsocket(pair.ours, static_cast<long>(FIONBIO), &on) == 0;
        else
            ok = CreateIoCompletionPort(handle, port, 0, 0) != nullptr &&
                 (!skip ||
                  SetFileCompletionNotificationModes(handle, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
        if (!ok)
            fail_call(state, "preparing the socket", GetLastError());
    }

    /* Moves 16 KiB: the first from the other end, so that receives need not wait, the second to it,
     * for comparison. */
    bool fill() {
        return send_all(pair.peer, sent.data(), sent.size()) && await_bytes(pair.ours, sent.size());
    }
    bool drain() {
        std::memset(received.data(), 0, received.size());
        return receive_all(pair.peer, received.data(), received.size()) && equal();
    }
    bool equal() const {
        return sent == received;
    }

    /* Takes the packet of this operation, which must report all its bytes. */
    bool packet(DWORD bytes = MESSAGE, DWORD wait_ms = DEADLINE_MS) {
        DWORD came;
        ULONG_PTR key;
        OVERLAPPED *which;
        return GetQueuedCompletionStatus(port, &came, &key, &which, wait_ms) &&
               which == &overlapped && came == bytes;
    }
    /* Starts an operation. Returns ERROR_SUCCESS if complete, WSA_IO_PENDING if outstanding, else
     * the error. */
    DWORD start_receive(char *data) {
        WSABUF buffer = {MESSAGE, data};
        DWORD flags = 0;
        overlapped = {};
        return WSARecv(pair.ours, &buffer, 1, nullptr, &flags, &overlapped, nullptr) == 0
                   ? ERROR_SUCCESS
                   : static_cast<DWORD>(WSAGetLastError());
    }
    DWORD start_send(const char *data, DWORD length = MESSAGE) {
        WSABUF buffer = {length, const_cast<char *>(data)};
        overlapped = {};
        return WSASend(pair.ours, &buffer, 1, nullptr, 0, &overlapped, nullptr) == 0
                   ? ERROR_SUCCESS
                   : static_cast<DWORD>(WSAGetLastError());
    }

    bool ok = false, skip;
    Handle port{make_port()};
    Pair pair;
    OVERLAPPED overlapped = {};
    std::vector<char> sent, received;
};

void receive_nonblocking(benchmark::State &state) {
    Line line(state, Line::BLOCKING_FALSE);
    bool whole = line.ok;
    Measured measured(state);
    while (whole && state.KeepRunningBatch(BATCH)) {
        measured.pause();
        whole &= line.fill();
        measured.resume();
        for (int i = 0; i < BATCH; i++)
            whole &= recv(line.pair.ours, &line.received[static_cast<size_t>(i) * MESSAGE], MESSAGE,
                          0) == MESSAGE;
        whole &= line.equal();
    }
    measured.end();
    expect(state, whole, "not every receive returned its 64 bytes");
}

void send_nonblocking(benchmark::State &state) {
    Line line(state, Line::BLOCKING_FALSE);
    bool whole = line.ok;
    Measured measured(state);
    while (whole && state.KeepRunningBatch(BATCH)) {
        for (int i = 0; i < BATCH; i++)
            whole &= send(line.pair.ours, &line.sent[static_cast<size_t>(i) * MESSAGE], MESSAGE,
                          0) == MESSAGE;
        measured.pause();
        whole &= line.drain();
        measured.resume();
    }
    measured.end();
    expect(state, whole, "the other end received wrong bytes");
}

/* The bytes arrive before the receive is started. */
void receive_immediate(benchmark::State &state, Line::Mode mode) {
    Line line(state, mode);
    bool whole = line.ok;
    Measured measured(state);
    while (whole && state.KeepRunningBatch(BATCH)) {
        measured.pause();
        whole &= line.fill();
        measured.resume();
        for (int i = 0; i < BATCH; i++)
            whole &= line.start_receive(&line.received[static_cast<size_t>(i) * MESSAGE]) ==
                         ERROR_SUCCESS &&
                     (line.skip || line.packet());
        whole &= line.equal();
    }
    measured.end();
    expect(state, whole, "not every receive completed inline with its 64 bytes");
    expect(state, !line.packet(MESSAGE, 0), "the port has an extra packet");
}

/* The socket's buffer has space for the bytes. */
void send_immediate(benchmark::State &state, Line::Mode mode) {
    Line line(state, mode);
    bool whole = line.ok;
    Measured measured(state);
    while (whole && state.KeepRunningBatch(BATCH)) {
        for (int i = 0; i < BATCH; i++)
            whole &=
                line.start_send(&line.sent[static_cast<size_t>(i) * MESSAGE]) == ERROR_SUCCESS &&
                (line.skip || line.packet());
        measured.pause();
        whole &= line.drain();
        measured.resume();
    }
    measured.end();
    expect(state, whole, "not every send completed inline, or the other end received wrong bytes");
    expect(state, !line.packet(MESSAGE, 0), "the port has an extra packet");
}

/* The receive is started first, then the other end sends: its send is part of the time. */
void receive_deferred(benchmark::State &state, Line::Mode mode) {
    Line line(state, mode);
    bool whole = line.ok;
    size_t at = 0;
    Measured measured(state);
    for (auto _ : state) {
        whole &= line.start_receive(&line.received[at]) == WSA_IO_PENDING &&
                 send_all(line.pair.peer, &line.sent[at], MESSAGE) && line.packet();
        if (!whole)
            break;
        whole &= std::memcmp(&line.sent[at], &line.received[at], MESSAGE) == 0;
        at = (at + MESSAGE) % line.sent.size();
    }
    measured.end();
    expect(state, whole, "a receive was not pending, or did not return its 64 bytes");
}

/* Sends more than both sockets hold, with fixed buffer sizes. The send completes when the other
 * end, here the same thread, has received most of it. */
void send_deferred(benchmark::State &state, Line::Mode mode) {
    Line line(state, mode);
    auto bytes = reinterpret_cast<const char *>(&BUFFER);
    setsockopt(line.pair.ours, SOL_SOCKET, SO_SNDBUF, bytes, sizeof BUFFER);
    setsockopt(line.pair.peer, SOL_SOCKET, SO_RCVBUF, bytes, sizeof BUFFER);
    std::vector<char> sent(LONG_SEND), received(LONG_SEND);
    for (size_t i = 0; i < sent.size(); i++)
        sent[i] = static_cast<char>(i ^ (i >> 8) ^ (i >> 16));
    bool whole = line.ok;
    Measured measured(state);
    for (auto _ : state) {
        whole &= line.start_send(sent.data(), LONG_SEND) == WSA_IO_PENDING &&
                 receive_all(line.pair.peer, received.data(), LONG_SEND) && line.packet(LONG_SEND);
        if (!whole)
            break;
    }
    measured.end();
    expect(state, whole && sent == received,
           "a send was not pending, or the other end received wrong bytes");
    state.SetBytesProcessed(state.iterations() * LONG_SEND);
}

} // namespace

BENCHMARK(receive_nonblocking)->Name("receive/nonblocking")->UseRealTime();
BENCHMARK_CAPTURE(receive_immediate, packet, Line::PORT)
    ->Name("receive/immediate_with_packet")
    ->UseRealTime();
BENCHMARK_CAPTURE(receive_immediate, skip, Line::PORT_SKIP)
    ->Name("receive/immediate_without_packet")
    ->UseRealTime();
BENCHMARK_CAPTURE(receive_deferred, packet, Line::PORT)->Name("receive/deferred")->UseRealTime();
BENCHMARK_CAPTURE(receive_deferred, skip, Line::PORT_SKIP)
    ->Name("receive/deferred_skip_set")
    ->UseRealTime();
BENCHMARK(send_nonblocking)->Name("send/nonblocking")->UseRealTime();
BENCHMARK_CAPTURE(send_immediate, packet, Line::PORT)
    ->Name("send/immediate_with_packet")
    ->UseRealTime();
BENCHMARK_CAPTURE(send_immediate, skip, Line::PORT_SKIP)
    ->Name("send/immediate_without_packet")
    ->UseRealTime();
BENCHMARK_CAPTURE(send_deferred, packet, Line::PORT)->Name("send/deferred_1_MiB")->UseRealTime();
BENCHMARK_CAPTURE(send_deferred, skip, Line::PORT_SKIP)
    ->Name("send/deferred_1_MiB_skip_set")
    ->UseRealTime();
