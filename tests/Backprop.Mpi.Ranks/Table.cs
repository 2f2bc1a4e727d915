using System.Diagnostics;

namespace Backprop.Ranks;

/// <summary>The tables of docs/mpi.md, measured here: <c>steps</c>, <c>shared</c> memory, <c>tcp</c>; all of them unless one is named.</summary>
public static class Table
{
    public static int Print(string[] which)
    {
        if (which.Except(["steps", "shared", "tcp"]).FirstOrDefault() is string other) throw new ArgumentException($"Backprop.Mpi.Ranks table expects steps, shared or tcp, but it is {other}.");
        if (Is("steps")) Steps();
        foreach (var launch in Launch.All)
        {
            if (Is("shared")) Reductions(launch, "shared memory");
            if (!Is("tcp")) continue;
            Reductions(launch.ByTcp(), "TCP, one host");
            using var hosts = Hosts.Make(2, out var obstacle);
            if (hosts is null) Console.WriteLine($"no two hosts: {obstacle}");
            else Reductions(hosts.Of(launch), "TCP, two hosts (network namespaces)");
        }

        return 0;

        bool Is(string name) => which.Length == 0 || which.Contains(name);
    }

    private static void Steps()
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
    }

    private static void Reductions(Launch launch, string how)
    {
        Console.WriteLine($"the sum in tree order against MPI_Allreduce, 2 ranks, {launch.Name}, {how}");
        Console.WriteLine(Run(launch.Of(2, ["reduce"])));
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
