/* The cost of finding the ready socket among many: select and WSAPoll check every socket in each
 * call (claim B24). One socket is ready, the first or the last of the list; the others are idle
 * connections. */
#define FD_SETSIZE 4096 /* before winsock2.h, because the compiler fixes the size of an fd_set */
#include "windows_bench.h"

#include <cstddef>
#include <cstring>

namespace {

/* Connections made once and kept for all benchmarks of this file: making 4,096 takes longer than
 * measuring them. */
const std::vector<Pair> &pairs(size_t count) {
    static Listener listener;
    static std::vector<Pair> all;
    while (all.size() < count) {
        Pair pair(listener);
        if (!pair.ok())
            break;
        all.push_back(std::move(pair));
    }
    return all;
}

/* Sends the byte that makes one of `count` connections ready; the destructor receives it. */
class OneReady {
  public:
    OneReady(benchmark::State &state, bool last)
        : count(static_cast<size_t>(state.range(0))), all(pairs(count)) {
        ready = last ? count - 1 : 0;
        char byte = 'x';
        if (all.size() < count)
            fail(state, std::to_string(count) + " connections: only " + std::to_string(all.size()) +
                            " could be made; on Linux the limit of open files (ulimit -n) must be "
                            "about 20000");
        else if (!send_all(all[ready].peer, &byte, 1) || !await_bytes(all[ready].ours, 1))
            fail_call(state, "send", static_cast<DWORD>(WSAGetLastError()));
        else
            ok = true;
    }
    OneReady(const OneReady &) = delete;
    OneReady &operator=(const OneReady &) = delete;
    ~OneReady() {
        char byte;
        if (ok)
            receive_all(all[ready].ours, &byte, 1);
    }
    SOCKET socket(size_t i) const {
        return all[i].ours;
    }

    size_t count, ready = 0;
    bool ok = false;

  private:
    const std::vector<Pair> &all;
};

/* select leaves only the ready sockets in the set, so each call needs a new copy. That is part of
 * its cost. */
void select_one(benchmark::State &state, bool last) {
    OneReady one(state, last);
    if (!one.ok)
        return;
    static fd_set wanted, found;
    wanted.fd_count = static_cast<u_int>(one.count);
    for (size_t i = 0; i < one.count; i++)
        wanted.fd_array[i] = one.socket(i);
    size_t used = offsetof(fd_set, fd_array) + one.count * sizeof wanted.fd_array[0];
    timeval deadline = {DEADLINE_MS / 1000, 0};
    int64_t right = 0;
    Measured measured(state);
    for (auto _ : state) {
        std::memcpy(&found, &wanted, used);
        right += select(0, &found, nullptr, nullptr, &deadline) == 1 &&
                 found.fd_array[0] == one.socket(one.ready);
    }
    measured.end();
    expect(state, right == state.iterations(), "select did not return the one ready socket");
}

void poll_one(benchmark::State &state, bool last) {
    OneReady one(state, last);
    if (!one.ok)
        return;
    std::vector<WSAPOLLFD> wanted(one.count);
    for (size_t i = 0; i < one.count; i++)
        wanted[i] = {one.socket(i), POLLRDNORM, 0};
    int64_t right = 0;
    Measured measured(state);
    for (auto _ : state)
        right += WSAPoll(wanted.data(), static_cast<ULONG>(one.count), DEADLINE_MS) == 1 &&
                 (wanted[one.ready].revents & POLLRDNORM) != 0;
    measured.end();
    expect(state, right == state.iterations(), "WSAPoll did not return the one ready socket");
}

void counts(benchmark::internal::Benchmark *benchmark) {
    benchmark->ArgName("sockets")->RangeMultiplier(4)->Range(1, FD_SETSIZE)->UseRealTime();
}

} // namespace

BENCHMARK_CAPTURE(select_one, first, false)->Name("readiness/select/first")->Apply(counts);
BENCHMARK_CAPTURE(select_one, last, true)->Name("readiness/select/last")->Apply(counts);
BENCHMARK_CAPTURE(poll_one, first, false)->Name("readiness/WSAPoll/first")->Apply(counts);
BENCHMARK_CAPTURE(poll_one, last, true)->Name("readiness/WSAPoll/last")->Apply(counts);
