/* From a completion to its connection (claim E2). Either the OVERLAPPED is inside the connection's
 * struct, so an offset leads to the connection (CONTAINING_RECORD), or a map finds it. Plain C++,
 * also native. */
#include "bench.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <random>
#include <unordered_map>
#include <vector>

#ifdef _WIN32
#include <windows.h>
#else
struct OVERLAPPED {
    void *internal[4];
};
#define CONTAINING_RECORD(address, type, field)                                                    \
    reinterpret_cast<type *>(reinterpret_cast<char *>(address) - offsetof(type, field))
#endif

namespace {

struct Connection {
    uint64_t number;
    OVERLAPPED overlapped;
    char more[192]; /* about the size of a session */
};

/* Connections, and the order of their completions. */
struct Crowd {
    explicit Crowd(const benchmark::State &state)
        : connections(static_cast<size_t>(state.range(0))) {
        for (size_t i = 0; i < connections.size(); i++) {
            connections[i].number = i;
            completions.push_back(&connections[i].overlapped);
        }
        std::shuffle(completions.begin(), completions.end(), std::mt19937(1));
    }

    /* Returns the sum of all numbers, which shows that each completion found its own connection. */
    uint64_t sum() const {
        return connections.size() * (connections.size() - 1) / 2;
    }

    std::vector<Connection> connections;
    std::vector<OVERLAPPED *> completions;
};

template <typename Find> void find_all(benchmark::State &state, const Crowd &crowd, Find find) {
    bool right = true;
    Measured measured(state);
    while (state.KeepRunningBatch(static_cast<int64_t>(crowd.completions.size()))) {
        uint64_t sum = 0;
        for (OVERLAPPED *completion : crowd.completions)
            sum += find(completion)->number;
        right &= sum == crowd.sum();
    }
    measured.end();
    expect(state, right, "a completion found another connection");
}

void containing_record(benchmark::State &state) {
    Crowd crowd(state);
    find_all(state, crowd, [](OVERLAPPED *completion) {
        return CONTAINING_RECORD(completion, Connection, overlapped);
    });
}

template <typename Map> void look_up(benchmark::State &state) {
    Crowd crowd(state);
    Map map;
    for (Connection &connection : crowd.connections)
        map[&connection.overlapped] = &connection;
    find_all(state, crowd, [&](OVERLAPPED *completion) { return map.find(completion)->second; });
}

using Hash = std::unordered_map<OVERLAPPED *, Connection *>;
using Tree = std::map<OVERLAPPED *, Connection *>;

void counts(benchmark::internal::Benchmark *benchmark) {
    benchmark->ArgName("connections")->Arg(64)->Arg(1024)->Arg(16384)->UseRealTime();
}

} // namespace

BENCHMARK(containing_record)->Name("context/CONTAINING_RECORD")->Apply(counts);
BENCHMARK(look_up<Hash>)->Name("context/unordered_map")->Apply(counts);
BENCHMARK(look_up<Tree>)->Name("context/map")->Apply(counts);
