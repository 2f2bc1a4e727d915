using System.Globalization;

namespace Backprop;

/// <summary>Who started this process, as the environment tells, and so which of the machine's MPIs it must open: another one would take each rank for a training of its own.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Ranks">How many ranks there are; null where the environment does not say.</param>
/// <param name="Libraries">What to open; the first that is there.</param>
internal sealed record Launcher(string Name, int? Ranks, IReadOnlyList<string> Libraries)
{
    /// <summary>Which rank this is, as far as the environment tells.</summary>
    internal int? Rank { get; init; }

    internal const string LibraryVariable = "BACKPROP_MPI_LIBRARY";

    private static readonly string[] OpenMpi = ["libmpi.so.40", "libmpi.so.80", "libmpi.40.dylib", "libmpi.dylib"];
    private static readonly string[] Mpich = ["libmpi.so.12", "libmpich.so.12", "libmpi.12.dylib", "msmpi.dll", "impi.dll"];
    private static readonly string[] Either = ["libmpi_abi.so.0", "libmpi_abi.so", "libmpi.so"];

    /// <summary>Finds it; null where there is none.</summary>
    /// <param name="environment">Gives a variable of the environment.</param>
    /// <exception cref="InvalidOperationException">Processes were started together, but without an MPI.</exception>
    internal static Launcher? Find(Func<string, string?> environment)
    {
        var launcher = Number("OMPI_COMM_WORLD_SIZE") is int open ? new Launcher("Open MPI's mpirun", open, [.. OpenMpi, .. Either])
            : Number("PMI_SIZE") is int pmi ? new Launcher("an mpirun of MPICH's kind", pmi, [.. Mpich, .. Either])
            : environment("PMIX_RANK") is not null ? new Launcher("PMIx", Number("SLURM_STEP_NUM_TASKS"), [.. OpenMpi, .. Mpich, .. Either])
            : null;
        if (launcher is null && Number("SLURM_STEP_NUM_TASKS") is int tasks and > 1)
            throw new InvalidOperationException($"Mpi.Run was started by srun as one of {tasks} tasks that know nothing of each other, and each would train by itself: use srun --mpi=pmix (or --mpi=pmi2), or mpirun.");
        if (launcher is not null) launcher = launcher with { Rank = Number("OMPI_COMM_WORLD_RANK") ?? Number("PMI_RANK") ?? Number("PMIX_RANK") };
        return launcher is not null && environment(LibraryVariable) is { Length: > 0 } path ? launcher with { Libraries = [path] } : launcher;

        int? Number(string name) => int.TryParse(environment(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>How many ranks share this machine, as far as the environment tells.</summary>
    internal static int RanksHere(Func<string, string?> environment)
    {
        foreach (var name in (ReadOnlySpan<string>)["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "SLURM_NTASKS_PER_NODE"])
            if (int.TryParse(environment(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0) return number;
        return 1;
    }
}
