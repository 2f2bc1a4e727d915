using System.Runtime.CompilerServices;
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

    private static readonly Lock StartLock = new();
    private static readonly SemaphoreSlim Wake = new(0);
    private static int _started, _sleeping, _busy;

    // The ticket: job number in the high half, next part in the low. Taking a part is one compare-and-swap, so a helper that
    // comes late to a finished job takes nothing. The job's fields are written before the ticket that lets anyone in.
    private static long _ticket = int.MaxValue;
    private static int _parts, _finished;
    private static void* _work;
    private static delegate*<void*, int, int, void> _run;
    private static Exception? _failure;

    /// <summary>The threads that a job may use, the caller's among them.</summary>
    internal static int Available => Math.Min(Control.MaxDegreeOfParallelism, Environment.ProcessorCount);

    /// <summary>Runs all parts and returns when they are done. Does not allocate once its threads have started.</summary>
    internal static void Run<TWork>(ref TWork work, int parts) where TWork : struct, IParts
    {
        var helpers = Math.Min(Available, parts) - 1;
        if (helpers < 1 || Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
        {
            for (var part = 0; part < parts; part++) work.Run(part, parts);
            return;
        }

        if (Volatile.Read(ref _started) < helpers) Start(helpers);
        // The caller stays in this method until all parts are finished, so the pointer stays good.
        _work = Unsafe.AsPointer(ref work);
        _run = &RunPart<TWork>;
        _parts = parts;
        _finished = 0;
        _failure = null;
        var job = (_ticket >> 32) + 1;
        Interlocked.Exchange(ref _ticket, job << 32); // before the look at who sleeps
        var asleep = Math.Min(Volatile.Read(ref _sleeping), helpers);
        if (asleep > 0) Wake.Release(asleep);

        Help(job);
        var spin = new SpinWait();
        while (Volatile.Read(ref _finished) < parts) spin.SpinOnce(sleep1Threshold: -1);
        var failure = _failure;
        Volatile.Write(ref _busy, 0);
        if (failure is not null) throw new InvalidOperationException("A part of a parallel computation failed.", failure);
    }

    private static void RunPart<TWork>(void* work, int part, int parts) where TWork : struct, IParts => Unsafe.AsRef<TWork>(work).Run(part, parts);

    /// <summary>Takes parts of a job until there are none left.</summary>
    private static void Help(long job)
    {
        while (true)
        {
            var ticket = Volatile.Read(ref _ticket);
            var part = (int)ticket;
            if (ticket >> 32 != job || part >= _parts) return;
            if (Interlocked.CompareExchange(ref _ticket, ticket + 1, ticket) != ticket) continue;
            try
            {
                _run(_work, part, _parts);
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

    private static void Start(int helpers)
    {
        lock (StartLock)
        {
            for (; _started < helpers; _started++)
                new Thread(Work) { IsBackground = true, Name = $"Backprop helper {_started + 1}" }.Start();
        }
    }

    private static void Work()
    {
        var done = 0L;
        while (true)
        {
            var job = Volatile.Read(ref _ticket) >> 32;
            if (job == done)
            {
                if (Spin(done)) continue;
                Interlocked.Increment(ref _sleeping);
                // A job that came between the last look and the count of sleepers would not have woken this thread.
                if (Volatile.Read(ref _ticket) >> 32 == done) Wake.Wait();
                Interlocked.Decrement(ref _sleeping);
                continue;
            }

            done = job;
            Help(job);
        }
    }

    private static bool Spin(long done)
    {
        var end = System.Diagnostics.Stopwatch.GetTimestamp() + System.Diagnostics.Stopwatch.Frequency * SpinMicroseconds / 1_000_000;
        do
        {
            for (var i = 0; i < 16; i++)
            {
                if (Volatile.Read(ref _ticket) >> 32 != done) return true;
                Thread.SpinWait(1);
            }
        }
        while (System.Diagnostics.Stopwatch.GetTimestamp() < end);
        return false;
    }
}
