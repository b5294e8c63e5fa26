/* The protocol's cost for a server without I/O: one echo request through a session, received as the
 * buffer allows. A copy of the request into the session's buffer replaces the receive. Plain C
 * inside, also native. */
#include "bench.h"

#include <algorithm>
#include <cstring>
#include <vector>

extern "C" {
#include "servers/kit/session.h"
}

namespace {

constexpr uint32_t BUFFER = 16 * 1024; /* bytes: the servers' --buffer */

/* Passes one request through the session; `reply`, if any, gets the bytes to send. */
bool echo(session *one, stats *counts, const std::vector<char> &request, std::vector<char> *reply) {
    size_t received = 0;
    session_next next = SESSION_RECEIVE;
    while (received < request.size() || next == SESSION_SEND) {
        if (next == SESSION_RECEIVE) {
            span space = session_space(one);
            size_t bytes = std::min<size_t>(space.length, request.size() - received);
            std::memcpy(space.data, &request[received], bytes);
            received += bytes;
            next = session_received(one, static_cast<uint32_t>(bytes), counts);
        } else if (next == SESSION_SEND) {
            span output = session_output(one);
            if (reply)
                reply->insert(reply->end(), output.data, output.data + output.length);
            next = session_sent(one, output.length, counts);
        } else {
            return false;
        }
    }
    return true;
}

void echo_frame(benchmark::State &state) {
    auto payload = static_cast<uint32_t>(state.range(0));
    std::vector<char> request(FRAME_HEADER_BYTES + payload), reply;
    for (size_t i = 0; i < request.size(); i++)
        request[i] = static_cast<char>(i * 7);
    frame_header header = {payload, payload, 0, 0, 1, 0};
    frame_encode(&header, request.data());
    session one;
    stats counts = {};
    if (!session_open(&one, BUFFER))
        return fail(state, "out of memory");
    bool whole = true;
    Measured measured(state);
    for (auto _ : state)
        whole &= echo(&one, &counts, request, nullptr);
    measured.end();
    expect(state, whole && counts.requests == static_cast<uint64_t>(state.iterations()),
           "not every request got a reply");
    expect(state, echo(&one, &counts, request, &reply) && reply == request,
           "the reply is not the request");
    session_close(&one);
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(request.size()));
}

} // namespace

BENCHMARK(echo_frame)
    ->Name("session/echo")
    ->ArgName("payload")
    ->Arg(0)
    ->Arg(64)
    ->Arg(1 << 10)
    ->Arg(16 << 10)
    ->Arg(256 << 10)
    ->Arg(1 << 20)
    ->UseRealTime();
