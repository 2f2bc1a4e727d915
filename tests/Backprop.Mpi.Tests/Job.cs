using System.Diagnostics;
using System.Globalization;
using Backprop.Ranks;
using Xunit;

namespace Backprop.Tests.Mpis;

/// <summary>A program that was run to its end.</summary>
/// <param name="Code">Its exit code.</param>
/// <param name="Output">What it wrote.</param>
/// <param name="Error">What it wrote to standard error.</param>
/// <param name="Time">How long it took.</param>
public sealed record Job(int Code, string Output, string Error, TimeSpan Time)
{
    /// <summary>The seconds that a rank waits where a test says so.</summary>
    public const double Limit = 3;

    /// <summary>Jobs share the processors: one after the other.</summary>
    public const string OneByOne = "jobs";

    /// <summary>What the ranks said themselves, beside what their MPI has to add.</summary>
    public string[] Messages => [.. Error.Split('\n').Where(line => line.StartsWith("rank ", StringComparison.Ordinal) && line.Contains("process", StringComparison.Ordinal))];

    /// <summary>Both MPIs that this machine may have.</summary>
    public static TheoryData<string> Mpis => ["Open MPI", "MPICH"];

    /// <summary>The launcher of an MPI; the test is skipped where it is not installed.</summary>
    public static Launch Find(string mpi)
    {
        var launch = Launch.All.FirstOrDefault(launch => launch.Name == mpi);
        Assert.SkipWhen(launch is null, $"There is no mpirun of {mpi} on this machine.");
        return launch!;
    }

    /// <summary>Runs ranks of the program of these tests.</summary>
    public static Job Run(string mpi, int ranks, params string[] arguments) => Run(Find(mpi).Of(ranks, arguments));

    /// <summary>The same with a limit of 3 seconds.</summary>
    public static Job RunLimited(string mpi, int ranks, params string[] arguments) => RunLimited(Find(mpi).Of(ranks, arguments));

    /// <summary>Runs two ranks, each by its own command.</summary>
    public static Job RunLimited(string mpi, string[] first, string[] second) => RunLimited(Find(mpi).Of(first, second));

    private static Job RunLimited(ProcessStartInfo start)
    {
        start.Environment["BACKPROP_MPI_LIMIT"] = Limit.ToString(CultureInfo.InvariantCulture);
        return Run(start);
    }

    /// <summary>Runs the program without mpirun.</summary>
    public static Job Alone(params string[] arguments) => Run(Launch.Alone(arguments));

    public static Job Run(ProcessStartInfo start)
    {
        var began = Stopwatch.GetTimestamp();
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(TimeSpan.FromSeconds(120)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{start.FileName} {string.Join(' ', start.ArgumentList)} did not end.\n{error.Result}");
        }

        return new(process.ExitCode, output.Result, error.Result, Stopwatch.GetElapsedTime(began));
    }
}
