using System.Diagnostics;

namespace Backprop.Ranks;

/// <summary>The tables of docs/mpi.md, measured here.</summary>
public static class Table
{
    public static int Print()
    {
        Console.WriteLine("ms a step (least, median), double, batch 512, Adam, 2 shards");
        foreach (var network in (string[])["64-32-10", "784-128-10", "784-512-512-10"])
        {
            var steps = network.Length > 12 ? "60" : "300";
            Console.WriteLine($"{network}   1 thread {Run(Launch.Alone(["step", network, "--shards", "2", "--steps", steps, "--threads", "1"]))}   2 threads {Run(Launch.Alone(["step", network, "--shards", "2", "--steps", steps, "--threads", "2"]))}");
            foreach (var launch in Launch.All)
            {
                Console.WriteLine($"{network}   2 ranks {Run(launch.Of(2, ["step", network, "--shards", "2", "--steps", steps, "--threads", "1"]))}   "
                    + $"plain all-reduce {Run(launch.Of(2, ["step", network, "--shards", "2", "--steps", steps, "--threads", "1", "--plain", "true"]))}   {launch.Name}");
            }
        }

        foreach (var launch in Launch.All)
        {
            Console.WriteLine($"the sum in tree order against MPI_Allreduce, 2 ranks, {launch.Name}");
            Console.WriteLine(Run(launch.Of(2, ["reduce"])));
        }

        return 0;
    }

    private static string Run(ProcessStartInfo start)
    {
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd().TrimEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : $"ended with {process.ExitCode}: {error.Result}";
    }
}
