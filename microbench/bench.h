/*
 * What all benchmarks share. A benchmark does one thing many times inside `for (auto _ : state)`, which
 * Google Benchmark times; beside the loop it checks that the thing was done.
 *
 *     Measured measured(state);                  made last, right before the loop
 *     for (auto _ : state)
 *         woken += wait(event);
 *     measured.end();
 *     expect(state, woken == state.iterations(), "an event did not come");
 */
#ifndef IOMODELS_BENCH_H
#define IOMODELS_BENCH_H

#include <cstdint>
#include <string>

#include <benchmark/benchmark.h>

/* Ends this benchmark as failed; the program goes on with the others and then exits with 1. */
void fail(benchmark::State &state, const std::string &what);

/* fail() unless `true_` holds, and unless it has failed already. Never inside the timed loop. */
void expect(benchmark::State &state, bool true_, const char *what);

/*
 * The stretch that is timed, as the harness sees it: with --sampled the program says on stdout when it begins
 * and ends, and waits for a line on stdin, while the harness reads the counters of this process and of its
 * kernel. Without --sampled it does nothing.
 */
class Measured {
  public:
    /* Threads that end inside the loop take their counters along; the harness then has none to show. */
    enum Threads { THREADS_STAY, THREADS_END };

    explicit Measured(benchmark::State &state, Threads threads = THREADS_STAY);
    Measured(const Measured &) = delete;
    Measured &operator=(const Measured &) = delete;
    ~Measured();
    void pause();  /* stops the clock too */
    void resume(); /* starts it again */
    void end();    /* after the loop, before anything is taken down */

  private:
    benchmark::State &state_;
    bool open_ = false;
};

#endif
