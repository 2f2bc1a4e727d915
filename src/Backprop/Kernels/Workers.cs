using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using MathNet.Numerics;

namespace Backprop.Kernels;

/// <summary>
/// A few threads that help with large products. They wait actively for some microseconds after each job, since the next one is
/// mostly near, and then sleep; an idle process spins nowhere.
/// </summary>
/// <remarks>
/// <para>The caller works too, and takes whatever part no helper has begun. So a helper that sleeps, or none at all, costs no waiting, and
/// a caller that finds the helpers busy (nested or concurrent use) does everything itself: there is nothing to deadlock on.</para>
/// <para>MathNet's <see cref="Control.MaxDegreeOfParallelism"/> sets the number of threads.</para>
/// </remarks>
internal static unsafe class Workers
{
    private const int SpinMicroseconds = 50;

    // For so many multiply-adds, half of what a job of two threads has at least, a thread is worth its call.
    private const long MultiplyAddsOfThread = 64 * 1024;

    // What a part costs everybody: its number is taken, one after the other, from memory that processors pass around, for some 100 ns where they are many. See docs/kernels.md.
    private const long MultiplyAddsOfPart = 8 * 1024;

    // A helper whose processor is taken away in the middle of a part keeps its caller waiting. Where that took longer than the caller's own work, jobs do without helpers for so many
    // times as long, a second at most. Shorter waits say nothing.
    private const int Rest = 100, LongWaitMicroseconds = 20;

    private static readonly SemaphoreSlim Wake = new(0);
    private static int _started, _sleeping, _busy;

    // Sleepers that the present job still wants. Waking one takes some microseconds: the caller wakes two, each of whom wakes two more.
    private const int WakesAtOnce = 2;
    private static int _toWake;

    // The ticket: the job's number in the high half, in the low one how many of its parts nobody has taken yet. It alone says whether there is
    // a part to take, and one compare-and-swap takes it. Who succeeds holds a part of an unfinished job, so the fields below are that job's:
    // they are written before its ticket, and not again until all its parts are finished. Who comes late finds 0 parts or another number.
    private static ulong _ticket;
    private static int _parts, _finished;
    private static void* _work;
    private static delegate*<void*, int, int, void> _run;
    private static Exception? _failure;
    private static long _aloneUntil;

    /// <summary>The threads that a job may use, the caller's among them.</summary>
    internal static int Available => Math.Min(Control.MaxDegreeOfParallelism, Environment.ProcessorCount);

    /// <summary>Starts a thread; tests put one here that fails.</summary>
    internal static Action<Thread> StartThread { get; set; } = Unflowed;

    /// <summary>The threads that so much work is worth, the caller's among them.</summary>
    internal static int For(long multiplyAdds) => For(multiplyAdds, Available);

    /// <summary>The same where so many are available: W / p + p c multiply-adds of time are least for sqrt(W / c) threads.</summary>
    internal static int For(long multiplyAdds, int available) => multiplyAdds < 2 * MultiplyAddsOfThread || available < 2
        ? 1
        : (int)Math.Min(available, Math.Min(multiplyAdds / MultiplyAddsOfThread, (long)Math.Sqrt((double)multiplyAdds / MultiplyAddsOfPart)));

    /// <summary>Runs all parts and returns when they are done. Does not allocate once its threads have started.</summary>
    internal static void Run<TWork>(ref TWork work, int parts) where TWork : struct, IParts
    {
        var alone = Volatile.Read(ref _aloneUntil) is > 0 and var until && Stopwatch.GetTimestamp() < until;
        Run(ref work, parts, alone ? 0 : Math.Min(Available, parts) - 1);
    }

    /// <summary>The same with so many helpers, or fewer where their threads cannot be started.</summary>
    internal static void Run<TWork>(ref TWork work, int parts, int helpers) where TWork : struct, IParts
    {
        if (helpers < 1 || Interlocked.Exchange(ref _busy, 1) != 0)
        {
            for (var part = 0; part < parts; part++) work.Run(part, parts);
            return;
        }

        Exception? failure;
        try
        {
            if (_started < helpers) Start(helpers);
            // The caller stays in this method until all parts are finished, so the pointer stays good.
            _work = Unsafe.AsPointer(ref work);
            _run = &RunPart<TWork>;
            _parts = parts;
            _finished = 0;
            _failure = null;
            var job = unchecked(JobOf(_ticket) + 1);
            var began = Stopwatch.GetTimestamp();
            Interlocked.Exchange(ref _ticket, (ulong)job << 32 | (uint)parts); // before the look at who sleeps
            Volatile.Write(ref _toWake, Math.Min(Volatile.Read(ref _sleeping), helpers));
            try
            {
                WakeSome();
            }
            finally
            {
                // Whatever happens, an interrupt too: helpers may be at work on this thread's stack.
                Help(job);
                if (Volatile.Read(ref _finished) < parts) Wait(parts, began);
            }

            failure = _failure;
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }

        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
    }

    private static void WakeSome()
    {
        while (Volatile.Read(ref _toWake) is > 0 and var left)
        {
            var wakes = Math.Min(left, WakesAtOnce);
            if (Interlocked.CompareExchange(ref _toWake, left - wakes, left) != left) continue;
            Wake.Release(wakes);
            return;
        }
    }

    private static void Wait(int parts, long began)
    {
        unchecked
        {
            var worked = Stopwatch.GetTimestamp();
            var spin = new SpinWait();
            while (Volatile.Read(ref _finished) < parts) spin.SpinOnce(sleep1Threshold: -1);
            var now = Stopwatch.GetTimestamp();
            var waited = now - worked;
            if (waited <= worked - began || waited <= LongWaitMicroseconds * Stopwatch.Frequency / 1_000_000) return;
            Volatile.Write(ref _aloneUntil, Math.Max(_aloneUntil, now + Math.Min(Rest * waited, Stopwatch.Frequency)));
        }
    }

    private static uint JobOf(ulong ticket) => (uint)(ticket >> 32);

    private static void RunPart<TWork>(void* work, int part, int parts) where TWork : struct, IParts => Unsafe.AsRef<TWork>(work).Run(part, parts);

    /// <summary>Takes parts of a job until there are none left.</summary>
    private static void Help(uint job)
    {
        while (true)
        {
            var ticket = Volatile.Read(ref _ticket);
            var left = (uint)(ticket & uint.MaxValue);
            if (JobOf(ticket) != job || left == 0) return;
            if (Interlocked.CompareExchange(ref _ticket, ticket - 1, ticket) != ticket) continue;
            try
            {
                _run(_work, _parts - (int)left, _parts);
            }
#pragma warning disable CA1031 // Whatever it is, it is the caller's: a helper that dies would take the process with it.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _failure = exception;
            }

            Interlocked.Increment(ref _finished);
        }
    }

    // Only the caller that has the helpers comes here. Where a thread cannot be started, the next job tries again.
    private static void Start(int helpers)
    {
        try
        {
            for (; _started < helpers; _started++) StartThread(new(Work) { IsBackground = true, Name = $"Backprop helper {_started + 1}" });
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            // The caller does what they would have done.
        }
    }

    // A helper serves whoever comes: it must not keep the first caller's execution context, nor what hangs on it.
    private static void Unflowed(Thread thread) => thread.UnsafeStart();

    private static void Work()
    {
        var done = 0u;
        while (true)
        {
            var job = JobOf(Volatile.Read(ref _ticket));
            if (job == done)
            {
                if (Spin(done)) continue;
                Interlocked.Increment(ref _sleeping);
                // A job that came between the last look and the count of sleepers would not have woken this thread.
                try
                {
                    if (JobOf(Volatile.Read(ref _ticket)) == done) Wake.Wait();
                    if ((Volatile.Read(ref _ticket) & uint.MaxValue) != 0) WakeSome();
                }
                catch (ThreadInterruptedException)
                {
                    // Whoever got hold of this thread must not end the process with it.
                }

                Interlocked.Decrement(ref _sleeping);
                continue;
            }

            done = job;
            Help(job);
        }
    }

    private static bool Spin(uint done)
    {
        var end = Stopwatch.GetTimestamp() + Stopwatch.Frequency * SpinMicroseconds / 1_000_000;
        do
        {
            for (var i = 0; i < 16; i++)
            {
                if (JobOf(Volatile.Read(ref _ticket)) != done) return true;
                Thread.SpinWait(1);
            }
        }
        while (Stopwatch.GetTimestamp() < end);
        return false;
    }
}
