using Backprop;
using Backprop.Ranks;

// What the tests start with mpirun, and what measures: see Options.
if (args is ["table", ..]) return Table.Print(args[1..]);
var options = Options.Parse(args);
if (options is { Command: "start", Subject: "absent" } && (Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_RANK") ?? Environment.GetEnvironmentVariable("PMI_RANK")) == "1") return 0;     // which MPI does not see
var code = Mpi.Run(args, ranks => options.Command switch
{
    "train" => Training.Run(ranks, options),
    "fail" => Failure.Run(ranks, options),
    "reduce" => Reductions.Run(ranks),
    "sums" => TreeSums.Run(ranks),
    "step" => Steps.Run(ranks, options),
    "start" => options.Subject == "256" ? 256 : 0,
    _ => throw new ArgumentException($"Backprop.Mpi.Ranks expects train, fail, reduce, sums, step, start or table, but it is {options.Command}."),
}, new() { Threads = options.Threads, LimitAtStart = TimeSpan.FromSeconds(options is { Command: "start", Subject: "absent" } ? 10 : 120) });
if (options is { Command: "start", Subject: "goes on" })
{
    Thread.Sleep(TimeSpan.FromSeconds(6));      // longer than a limit, which counts no more
    Console.WriteLine("went on");
}

return code;
