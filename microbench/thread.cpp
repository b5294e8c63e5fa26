/* Threads: creating one (claims B14, C2), and switching the CPU from one to another (claim B11). */
#include "windows_bench.h"

#include <cstdlib>

namespace {

DWORD WINAPI count_one(void *count) {
    InterlockedIncrement(static_cast<LONG *>(count));
    return 0;
}

void create_and_exit(benchmark::State &state) {
    LONG ran = 0;
    Measured measured(state, Measured::THREADS_END);
    for (auto _ : state) {
        HANDLE thread = CreateThread(nullptr, 0, count_one, &ran, 0, nullptr);
        if (!thread || WaitForSingleObject(thread, DEADLINE_MS) != WAIT_OBJECT_0)
            break;
        CloseHandle(thread);
    }
    measured.end();
    expect(state, ran == state.iterations(), "a thread did not run");
}

/* Returns the lowest CPU that this process may use. */
DWORD_PTR one_processor() {
    DWORD_PTR process, system;
    if (!GetProcessAffinityMask(GetCurrentProcess(), &process, &system))
        return 0;
    return process & (~process + 1);
}

/* Pins the calling thread to one CPU, which its partner uses too. So each wait causes a switch. */
class OnOneProcessor {
  public:
    OnOneProcessor() : before_(SetThreadAffinityMask(GetCurrentThread(), one_processor())) {
    }
    OnOneProcessor(const OnOneProcessor &) = delete;
    OnOneProcessor &operator=(const OnOneProcessor &) = delete;
    ~OnOneProcessor() {
        if (before_)
            SetThreadAffinityMask(GetCurrentThread(), before_);
    }
    bool ok() const {
        return before_ != 0;
    }

  private:
    DWORD_PTR before_;
};

struct Events {
    HANDLE ping, pong;
    volatile LONG ending; /* the next ping is the last */
};

/* The partner's loop, in a thread or in a process. */
void answer_pings(const Events &events) {
    while (WaitForSingleObject(events.ping, DEADLINE_MS) == WAIT_OBJECT_0 && !events.ending)
        SetEvent(events.pong);
}

DWORD WINAPI thread_partner(void *events) {
    OnOneProcessor here;
    answer_pings(*static_cast<Events *>(events));
    return 0;
}

/* One iteration is there and back: two switches. */
void ping_pong(benchmark::State &state, const Events &events) {
    int64_t answered = 0;
    OnOneProcessor here;
    /* The first ping waits until the partner runs. */
    SetEvent(events.ping);
    bool there = WaitForSingleObject(events.pong, DEADLINE_MS) == WAIT_OBJECT_0 && here.ok();
    Measured measured(state);
    for (auto _ : state) {
        SetEvent(events.ping);
        if (!there || WaitForSingleObject(events.pong, DEADLINE_MS) != WAIT_OBJECT_0)
            break;
        answered++;
    }
    measured.end();
    expect(state, there && answered == state.iterations(), "the partner did not answer");
}

void threads(benchmark::State &state) {
    Handle ping(make_event()), pong(make_event());
    Events events = {ping, pong, FALSE};
    Handle partner(CreateThread(nullptr, 0, thread_partner, &events, 0, nullptr));
    if (!partner)
        return fail_call(state, "CreateThread", GetLastError());
    ping_pong(state, events);
    InterlockedExchange(&events.ending, TRUE);
    SetEvent(events.ping);
    expect(state, WaitForSingleObject(partner, DEADLINE_MS) == WAIT_OBJECT_0,
           "the partner did not end");
}

/* The partner is this program again; it inherits the two events. */
void processes(benchmark::State &state) {
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, nullptr, TRUE};
    Handle ping(CreateEventW(&inherited, FALSE, FALSE, nullptr)),
        pong(CreateEventW(&inherited, FALSE, FALSE, nullptr));
    Events events = {ping, pong, FALSE};
    wchar_t program[MAX_PATH];
    if (GetModuleFileNameW(nullptr, program, MAX_PATH) == 0)
        return fail_call(state, "GetModuleFileNameW", GetLastError());
    std::wstring command = L"microbench --partner " +
                           std::to_wstring(reinterpret_cast<uintptr_t>(events.ping)) + L" " +
                           std::to_wstring(reinterpret_cast<uintptr_t>(events.pong));
    STARTUPINFOW startup = {};
    startup.cb = sizeof startup;
    PROCESS_INFORMATION partner = {};
    if (!CreateProcessW(program, command.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr,
                        &startup, &partner))
        return fail_call(state, "CreateProcessW", GetLastError());
    Handle process(partner.hProcess), thread(partner.hThread);
    ping_pong(state, events);
    /* The partner holds nothing and takes no messages. If this process dies, it ends after a
     * deadline without pings. */
    TerminateProcess(process, 0);
    WaitForSingleObject(process, DEADLINE_MS);
}

} // namespace

int switch_partner(const char *ping, const char *pong) {
    OnOneProcessor here;
    answer_pings(
        {reinterpret_cast<HANDLE>(static_cast<uintptr_t>(std::strtoull(ping, nullptr, 10))),
         reinterpret_cast<HANDLE>(static_cast<uintptr_t>(std::strtoull(pong, nullptr, 10))),
         FALSE});
    return 0;
}

BENCHMARK(create_and_exit)->Name("thread/create_and_exit")->UseRealTime();
BENCHMARK(threads)->Name("switch/threads_there_and_back")->UseRealTime();
BENCHMARK(processes)->Name("switch/processes_there_and_back")->UseRealTime();
