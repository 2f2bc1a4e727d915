using Backprop;
using Backprop.Ranks;

// What the tests start with mpirun, and what measures: see Options.
if (args is ["table", ..]) return Table.Print(args[1..]);
var options = Options.Parse(args);
return Mpi.Run(args, ranks => options.Command switch
{
    "train" => Training.Run(ranks, options),
    "fail" => Failure.Run(ranks, options),
    "reduce" => Reductions.Run(ranks),
    "sums" => TreeSums.Run(ranks),
    "step" => Steps.Run(ranks, options),
    _ => throw new ArgumentException($"Backprop.Mpi.Ranks expects train, fail, reduce, sums, step or table, but it is {options.Command}."),
}, new() { Threads = options.Threads });
