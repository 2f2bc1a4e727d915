using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using MathNet.Numerics;

namespace Backprop;

/// <summary>Runs a program as one rank of a job that <c>mpirun</c>, <c>mpiexec</c> or <c>srun</c> started; or by itself.</summary>
public static class Mpi
{
    internal const int Failed = 1, WaitedTooLong = 3, EndedEarly = 4;

    /// <summary>Runs a program on each rank.</summary>
    /// <remarks>
    /// <para>A library of MPI is opened only where a launcher has started the process: the one of that launcher, if there are two on the machine. Without a launcher there is one rank, which
    /// standard error says.</para>
    /// <para>No rank is left alone. One that throws says so and ends all; so does one that ends before its program does, by <see cref="Environment.Exit"/> or otherwise; and one that waits longer than
    /// <see cref="MpiOptions.Limit"/> says for whom. The exit code is then not 0, and a training goes on from its last checkpoint.</para>
    /// <para>Unless told otherwise, the ranks of a machine share its processors: <c>mpirun --bind-to none</c> leaves them all to choose from.</para>
    /// </remarks>
    /// <example>
    /// <code>
    /// return Mpi.Run(args, ranks =>
    /// {
    ///     var trainer = new Trainer&lt;double&gt;(model, loss, optimizer, batches) { Shards = 8, Exchange = ranks };
    ///     trainer.Fit(untilEpoch: 30);
    ///     ranks.Out.WriteLine(trainer.History.Best);
    /// });
    /// </code>
    /// </example>
    /// <param name="args">The arguments of the program, the same on every rank.</param>
    /// <param name="program">What each rank does.</param>
    /// <param name="options">Limits and threads; null for the usual ones.</param>
    /// <returns>The exit code of the process: 0.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="InvalidOperationException">Tasks were started together without an MPI between them, or a rank is not the same as the others; or it is called twice.</exception>
    /// <exception cref="DllNotFoundException">A launcher started the process, but its MPI cannot be opened.</exception>
    public static int Run(string[] args, Action<MpiRanks> program, MpiOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(program);
        return Run(args, ranks =>
        {
            program(ranks);
            return 0;
        }, options);
    }

    /// <inheritdoc cref="Run(string[], Action{MpiRanks}, MpiOptions)"/>
    /// <param name="args">The arguments of the program, the same on every rank.</param>
    /// <param name="program">What each rank does, and its exit code.</param>
    /// <param name="options">Limits and threads; null for the usual ones.</param>
    /// <returns>What the program returned.</returns>
    public static int Run(string[] args, Func<MpiRanks, int> program, MpiOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(program);
        options ??= new();
        if (Launcher.Find(Environment.GetEnvironmentVariable) is not { } launcher)
        {
            Console.Error.WriteLine("Started without mpirun: one rank.");
            SetThreads(options, ranksHere: 1);
            var alone = new MpiRanks(null, 0, 1, options);
            try
            {
                return program(alone);
            }
            finally
            {
                alone.End();
            }
        }

        if (Interlocked.Exchange(ref _hasRun, true)) throw new InvalidOperationException("Mpi.Run expects to be called once in a process, since an MPI begins and ends once.");
        var mpi = MpiLibrary.Open(launcher);
        using (new Deadline(options.LimitAtStart, $"rank {launcher.Rank?.ToString(CultureInfo.InvariantCulture) ?? "?"}: MPI_Init did not return within {Seconds(options.LimitAtStart)} s. A rank has ended before it came to Mpi.Run, or has not come to it. All end. (The limit is MpiOptions.LimitAtStart.)", launcher.Rank is 0 or null)) mpi.Begin();
        var (rank, count) = mpi.Place();
        var ranks = new MpiRanks(mpi, rank, count, options);
        if (launcher.Ranks is int expected && expected != count)
        {
            ranks.Tell($"{launcher.Name} has started {expected} ranks, but {mpi.Path} ({mpi.Version}) knows of {count}: it belongs to another MPI. {Launcher.LibraryVariable} may name the right one.");
            ranks.Abort(Failed);
        }

        SetThreads(options, Launcher.RanksHere(Environment.GetEnvironmentVariable));
        return Guarded(mpi, ranks, args, program, options);
    }

    private static bool _hasRun;

    private static int Guarded(MpiLibrary mpi, MpiRanks ranks, string[] args, Func<MpiRanks, int> program, MpiOptions options)
    {
        var isOver = false;
        // Ended by its launcher, it has nothing to add.
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Machine.End(128 + 15));
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Machine.End(128 + 2));
        AppDomain.CurrentDomain.ProcessExit += EndAll;
        try
        {
            ranks.FindHosts();
            var entry = Assembly.GetEntryAssembly();
            ranks.RequireSame(new Dictionary<string, string>
            {
                ["program"] = $"{entry?.FullName}, {entry?.ManifestModule.ModuleVersionId:N}",
                ["arguments"] = string.Join(' ', args.Select(argument => argument.Contains(' ', StringComparison.Ordinal) ? $"\"{argument}\"" : argument)),
                ["version of Backprop.Mpi"] = $"{typeof(Mpi).Assembly.GetName().Version}, {typeof(Mpi).Module.ModuleVersionId:N}",
                // A launcher may not pass the variable on to other hosts, whose ranks would then end the others too soon.
                [$"limit ({MpiOptions.LimitVariable})"] = FormattableString.Invariant($"{options.Limit.TotalSeconds:0.###} s"),
            });
            var code = program(ranks);
            ranks.Meet("the end of the program");
            Console.Out.Flush();
            isOver = true;
            ranks.End();
            using (new Deadline(options.Limit, $"rank {ranks.Rank}: MPI_Finalize did not return within {Seconds(options.Limit)} s.", ranks.IsFirst)) mpi.Finish();
            return code != 0 && (code & 0xFF) == 0 ? Failed : code;     // of a process's code the system keeps eight bits: 256 would be green
        }
        catch (Exception exception) when (!isOver)
        {
            isOver = true;
            // One message: where all ranks say the same, the first one says it, and where one knows more, that one does.
            if (!ranks.IsFirst || ShardExchange.IsEcho(exception)) Thread.Sleep(TimeSpan.FromSeconds(ShardExchange.IsEcho(exception) ? 2 : 0.5));
            ranks.Tell(exception is InvalidOperationException or ArgumentException or InvalidDataException or IOException or NotFiniteNumberException ? $"{exception.GetType().Name}: {Failures.TextOf(exception, full: false)} All ranks end." : $"{Failures.TextOf(exception, full: true)} All ranks end.");
            ranks.Abort(Failed);
            return Failed;
        }
        finally
        {
            AppDomain.CurrentDomain.ProcessExit -= EndAll;
        }

        void EndAll(object? sender, EventArgs e)
        {
            if (isOver) return;
            ranks.Tell($"ended with code {Environment.ExitCode} before its program was over, after {ranks.LastIn}, and the others would wait for it in vain. All ranks end.");
            ranks.Abort((Environment.ExitCode & 0xFF) is var code and not 0 ? code : EndedEarly);
        }
    }

    /// <summary>Ends the process, should MPI not come to an end before it is disposed.</summary>
    private sealed class Deadline : IDisposable
    {
        private readonly Timer _timer;
        private bool _isOver;

        internal Deadline(TimeSpan limit, string message, bool isFirst) => _timer = new(
            _ =>
            {
                if (!isFirst) Thread.Sleep(TimeSpan.FromSeconds(2));    // one message: with the first rank's end the launcher ends all
                if (Interlocked.Exchange(ref _isOver, true)) return;
                Console.Error.WriteLine(message);
                Machine.End(WaitedTooLong);
            },
            null, TimeSpan.FromMilliseconds(Math.Min(limit.TotalMilliseconds, int.MaxValue)), Timeout.InfiniteTimeSpan);

        public void Dispose()
        {
            Interlocked.Exchange(ref _isOver, true);
            _timer.Dispose();
        }
    }

    private static string Seconds(TimeSpan limit) => limit.TotalSeconds.ToString("0.#######", CultureInfo.InvariantCulture);

    private static void SetThreads(MpiOptions options, int ranksHere) =>
        Control.MaxDegreeOfParallelism = options.Threads ?? Math.Min(Control.MaxDegreeOfParallelism, Math.Max(1, Environment.ProcessorCount / ranksHere));
}
