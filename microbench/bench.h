/* The parts that all benchmarks share. A benchmark repeats one operation inside `for (auto _ :
 * state)`, which Google Benchmark times. Outside the loop it checks the results.
 *
 *     Measured measured(state);    declared last, right before the loop
 *     for (auto _ : state)
 *         woken += wait(event);
 *     measured.end();
 *     expect(state, woken == state.iterations(), "an event was lost"); */
#ifndef IOMODELS_BENCH_H
#define IOMODELS_BENCH_H

#include <cstdint>
#include <string>

#include <benchmark/benchmark.h>

/* Marks this benchmark as failed. The program runs the others and then exits with 1. */
void fail(benchmark::State &state, const std::string &what);

/* Calls fail() unless `true_` holds or the benchmark has failed already. Never call it inside the
 * timed loop. */
void expect(benchmark::State &state, bool true_, const char *what);

/* The timed interval, as the harness sees it. With --sampled the program prints on stdout when it
 * begins and ends, and waits for a line on stdin. Meanwhile the harness reads the counters of this
 * process and of its kernel. Without --sampled it does nothing. */
class Measured {
  public:
    /* If threads end inside the loop, their counters disappear, and the harness shows none. */
    enum Threads { THREADS_STAY, THREADS_END };

    explicit Measured(benchmark::State &state, Threads threads = THREADS_STAY);
    Measured(const Measured &) = delete;
    Measured &operator=(const Measured &) = delete;
    ~Measured();
    void pause();  /* also stops the clock */
    void resume(); /* restarts it */
    void end();    /* after the loop, before any clean-up */

  private:
    benchmark::State &state_;
    bool open_ = false;
};

#endif
