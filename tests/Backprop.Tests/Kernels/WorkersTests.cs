using System.Diagnostics;
using Backprop.Kernels;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Kernels;

public sealed class WorkersTests
{
    private const int Helpers = 7; // more than most machines that run this have to spare, so that the system takes them off in the middle of things

    [Theory, InlineData(1), InlineData(3)]
    public async Task A_million_jobs_of_two_and_eight_parts_run_each_part_once(int callers)
    {
        var jobs = 1_000_000 / callers;
        var helped = await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Factory.StartNew(Call, TaskCreationOptions.LongRunning)));
        helped.Sum().Should().BePositive("helpers that take no part at all would prove nothing");

        long Call()
        {
            var counts = new int[8];
            var work = new Counted { Counts = counts, Caller = Environment.CurrentManagedThreadId, Helped = new long[1] };
            for (var job = 0; job < jobs; job++)
            {
                var parts = job % 2 == 0 ? 2 : 8;
                Workers.Run(ref work, parts, Helpers);
                for (var part = 0; part < counts.Length; part++)
                    if (Interlocked.Exchange(ref counts[part], 0) != (part < parts ? 1 : 0)) Assert.Fail($"Part {part} of job {job}, of {parts} parts, did not run as often as it should.");
            }

            return work.Helped[0];
        }
    }

    [Fact]
    public void Work_within_work_ends()
    {
        for (var i = 0; i < 1000; i++)
        {
            var outer = new Nested { Counts = new int[8], Depth = 1 };
            Workers.Run(ref outer, 8, Helpers);
            outer.Counts.Should().OnlyContain(count => count == 4);
        }
    }

    [Fact]
    public void Failing_work_says_so_and_leaves_the_helpers_free()
    {
        var failing = new Failing();
        var act = () => Workers.Run(ref failing, 4, Helpers);
        act.Should().Throw<InvalidOperationException>();
        var after = new Nested { Counts = new int[3], Depth = 0 };
        Workers.Run(ref after, 3, Helpers);
        after.Counts.Should().OnlyContain(count => count == 1);
    }

    [Fact]
    public void After_a_helper_that_kept_its_caller_waiting_jobs_do_without_for_a_while()
    {
        using var two = Threads.Of(2);
        if (Workers.Available < 2) Assert.Skip("One processor has no helpers.");
        for (var attempt = 0; attempt < 20; attempt++)
        {
            var slow = new Slow { Caller = Environment.CurrentManagedThreadId, Helped = new ManualResetEventSlim() };
            var watch = Stopwatch.StartNew();
            Workers.Run(ref slow, 2);
            if (!slow.Helped.IsSet) continue;       // the helpers were another caller's
            if (watch.ElapsedMilliseconds > 600) continue;      // this thread was kept waiting itself: the helper's part was no longer than its own
            var helped = false;
            for (var job = 0; job < 3 && !helped; job++)
            {
                var next = new Slow { Caller = Environment.CurrentManagedThreadId, Helped = new ManualResetEventSlim() };
                Workers.Run(ref next, 2);
                helped = next.Helped.IsSet;
            }

            if (helped && watch.ElapsedMilliseconds > 1000) continue;       // the while was over
            helped.Should().BeFalse();
            return;
        }

        Assert.Skip("No helper came, or the machine has no time for this thread.");
    }

    [Fact]
    public void A_helper_that_is_interrupted_goes_on()
    {
        using var two = Threads.Of(2);
        if (Workers.Available < 2) Assert.Skip("One processor has no helpers.");
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var slow = new Slow { Caller = Environment.CurrentManagedThreadId, Helped = new ManualResetEventSlim(), Helper = new Thread[1] };
            Workers.Run(ref slow, 2, helpers: 1);
            if (!slow.Helped.IsSet) continue;       // the helpers were another caller's
            slow.Helper![0].Interrupt();
            slow.Helper[0].Join(200).Should().BeFalse("it waits for more");
            return;
        }

        Assert.Fail("No helper ever came.");
    }

    [Theory, InlineData(131_071, 1), InlineData(131_072, 2), InlineData(long.MaxValue, int.MaxValue)]
    public void Threads_are_called_by_the_size_of_the_work(long multiplyAdds, int threads)
    {
        using var all = Threads.Of(Environment.ProcessorCount);
        Workers.For(multiplyAdds).Should().Be(Math.Min(threads, Environment.ProcessorCount));
    }

    /// <summary>Above eight, a thread is called where what it takes off the others is more than what its part costs them.</summary>
    [Theory, InlineData(1L << 16, 1), InlineData(1L << 17, 2), InlineData(1L << 18, 4), InlineData(1L << 19, 8), InlineData(1L << 21, 16), InlineData(1L << 23, 32), InlineData(1L << 25, 64), InlineData(1L << 40, 64)]
    public void Of_64_threads_are_called_by_the_size_of_the_work(long multiplyAdds, int threads)
    {
        Workers.For(multiplyAdds, 64).Should().Be(threads);
        Workers.For(multiplyAdds, 2).Should().Be(Math.Min(threads, 2));
        Workers.For(multiplyAdds, 1).Should().Be(1);
    }

    [Fact]
    public void Where_no_thread_can_be_started_the_caller_does_everything_and_the_next_job_tries_again()
    {
        var (saved, attempts) = (Workers.StartThread, 0);
        try
        {
            Workers.StartThread = _ =>
            {
                Interlocked.Increment(ref attempts);
#pragma warning disable CA2201 // What the runtime throws where it cannot start a thread.
                throw new OutOfMemoryException("on purpose");
#pragma warning restore CA2201
            };
            // Another test's job may have the helpers just now: then none is asked for.
            for (var job = 0; job < 1000 || Volatile.Read(ref attempts) < 2; job++)
            {
                var work = new Nested { Counts = new int[8], Depth = 0 };
                Workers.Run(ref work, 8, helpers: 1000);
                work.Counts.Should().OnlyContain(count => count == 1);
            }
        }
        finally
        {
            Workers.StartThread = saved;
        }
    }

    [Fact]
    public async Task Helpers_keep_nothing_of_the_caller_that_started_them()
    {
        var context = new AsyncLocal<string>();
        var (saved, seen) = (Workers.StartThread, new TaskCompletionSource<string?>());
        context.Value = "the first caller's";
        var thread = new Thread(() => seen.SetResult(context.Value));
        saved(thread);
        (await seen.Task).Should().BeNull();
    }

    private struct Counted : IParts
    {
        public int[] Counts;
        public long[] Helped;
        public int Caller;

        public readonly void Run(int part, int parts)
        {
            Interlocked.Increment(ref Counts[part]);
            if (Environment.CurrentManagedThreadId != Caller) Interlocked.Increment(ref Helped[0]);
        }
    }

    /// <summary>A helper's part takes long; the caller's ends when a helper has come, or none does.</summary>
    private struct Slow : IParts
    {
        public int Caller;
        public ManualResetEventSlim Helped;
        public Thread[]? Helper;

        public readonly void Run(int part, int parts)
        {
            if (Environment.CurrentManagedThreadId == Caller)
            {
                Helped.Wait(50);
                return;
            }

            if (Helper is not null) Helper[0] = Thread.CurrentThread;
            Helped.Set();
            Thread.Sleep(400);
        }
    }

    private struct Nested : IParts
    {
        public int[] Counts;
        public int Depth;

        public readonly void Run(int part, int parts)
        {
            if (Depth == 0)
            {
                Interlocked.Increment(ref Counts[part]);
                return;
            }

            var inner = new Nested { Counts = new int[4], Depth = Depth - 1 };
            Workers.Run(ref inner, 4, Helpers);
            Interlocked.Add(ref Counts[part], inner.Counts.Sum());
        }
    }

    private readonly struct Failing : IParts
    {
        public void Run(int part, int parts) => throw new InvalidOperationException("on purpose");
    }
}
