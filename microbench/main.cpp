/* The cost of each primitive: a Google Benchmark program (--help lists its options) with two more
 * options. The harness reads its JSON lines on stdout:
 *
 *     --events   a line when a benchmark runs, when its repetitions are done, and at the end;
 *                the names as one line
 *     --sampled  the same, and the counters may be read around each timed interval (bench.h)
 *
 * Exit codes: 0 success, 1 a benchmark failed, 2 usage. */
#include "bench.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

extern "C" {
#include "common/json.h"
#include "common/platform.h"
}

#ifdef _WIN32
#include "windows_bench.h"
#endif

namespace {

#if defined(__clang__)
constexpr char COMPILER[] = "Clang " __clang_version__;
#elif defined(__GNUC__)
constexpr char COMPILER[] = "GCC " __VERSION__;
#else
constexpr char COMPILER[] = "MSVC";
#endif

bool events, sampled;
int failures;
std::string last_failure;

/* Prints one line for the harness. */
void say(const char *event, int64_t iterations, bool counters) {
    json line = json_event(event);
    json_u64(&line, "iterations", static_cast<uint64_t>(iterations));
    json_bool(&line, "counters", counters);
    json_print(&line);
}

/* Reports the loop's position and waits until the harness has read the counters. */
void let_sample(const char *event, int64_t iterations, bool counters) {
    say(event, iterations, counters);
    char answer[16];
    if (!std::fgets(answer, sizeof answer, stdin))
        std::exit(1); /* the harness has exited */
}

/* Google Benchmark writes its own JSON to --benchmark_out; stdout carries our lines. */
class EventReporter : public benchmark::BenchmarkReporter {
  public:
    bool ReportContext(const Context &) override {
        return true;
    }

    void ReportRuns(const std::vector<Run> &runs) override {
        for (const Run &run : runs) {
            if (run.run_type != Run::RT_Iteration)
                continue;
            json line = json_event("benchmark");
            json_string(&line, "name", run.benchmark_name().c_str());
            json_u64(&line, "iterations", static_cast<uint64_t>(run.iterations));
            json_string(&line, "failure", last_failure.empty() ? nullptr : last_failure.c_str());
            json_print(&line);
            last_failure.clear();
        }
    }
};

/* Prints the names that --benchmark_list_tests wrote into `text`, one per line. */
void say_names(std::istringstream text) {
    json line = json_event("names");
    json_array(&line, "names");
    for (std::string name; std::getline(text, name);)
        json_string(&line, nullptr, name.c_str());
    json_close(&line);
    json_print(&line);
}

/* Runs the requested benchmarks and returns their number. */
size_t run_benchmarks() {
    if (!events)
        return benchmark::RunSpecifiedBenchmarks();
    EventReporter reporter;
    std::ostringstream names;
    reporter.SetOutputStream(&names);
    size_t count = benchmark::RunSpecifiedBenchmarks(&reporter);
    if (!names.str().empty())
        say_names(std::istringstream(names.str()));
    json line = json_event("finished");
    json_u64(&line, "benchmarks", count);
    json_u64(&line, "failures", static_cast<uint64_t>(failures));
    json_print(&line);
    return count;
}

/* Removes this program's own options from argv. */
void take_options(int *argc, char **argv) {
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (std::strcmp(argv[i], "--events") == 0)
            events = true;
        else if (std::strcmp(argv[i], "--sampled") == 0)
            events = sampled = true;
        else
            argv[kept++] = argv[i];
    }
    *argc = kept;
}

/* Measures the cost of a sample itself: empty intervals, which the harness subtracts. */
void sample_nothing() {
    for (int i = 0; i < 20; i++) {
        let_sample("begin", 0, true);
        let_sample("end", 0, true);
    }
    say("calibrated", 0, true);
}

} // namespace

void fail(benchmark::State &state, const std::string &what) {
    failures++;
    last_failure = what;
    std::fprintf(stderr, "microbench: %s\n", what.c_str());
    state.SkipWithError(what.c_str());
}

void expect(benchmark::State &state, bool true_, const char *what) {
    if (!true_ && !state.error_occurred())
        fail(state, what);
}

Measured::Measured(benchmark::State &state, Threads threads) : state_(state) {
    if (events)
        say("run", state.max_iterations, threads == THREADS_STAY);
    if (sampled)
        let_sample("begin", state.max_iterations, threads == THREADS_STAY);
    open_ = true;
}

Measured::~Measured() {
    end();
}

void Measured::pause() {
    state_.PauseTiming();
    if (sampled)
        let_sample("end", state_.max_iterations, true);
}

void Measured::resume() {
    if (sampled)
        let_sample("begin", state_.max_iterations, true);
    state_.ResumeTiming();
}

void Measured::end() {
    if (open_ && sampled)
        let_sample("end", state_.max_iterations, true);
    open_ = false;
}

int main(int argc, char **argv) {
#ifdef _WIN32
    if (argc == 4 && std::strcmp(argv[1], "--partner") == 0)
        return switch_partner(argv[2], argv[3]);
    WSADATA data;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        std::fprintf(stderr, "microbench: WSAStartup failed\n");
        return 1;
    }
#endif
    take_options(&argc, argv);
    if (events)
        json_start();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 2;
    benchmark::AddCustomContext("platform", platform_name());
    benchmark::AddCustomContext("compiler", COMPILER);
    if (sampled)
        sample_nothing();
    size_t count = run_benchmarks();
    benchmark::Shutdown();
    if (count == 0)
        return 2; /* the library has reported that no name matches the filter */
    return failures > 0 ? 1 : 0;
}
